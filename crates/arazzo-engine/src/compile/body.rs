//! `requestBody`: media type, payload and replacements (specification, Request Body Object).

use serde_json::{Map, Value as Json};

use super::{Compiler, Context};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::document;
use crate::expr::{Expr, Finding, Piece, Template, foreign, parse};
use crate::media_type::MediaType;
use crate::node::{Kind, Node};
use crate::openapi;
use crate::program::{Body, Build, Leaf, Media, Replacement, Select};
use crate::readings::Readings;
use crate::source::Span;
use crate::value::{ExpressionType, XpathVersion};

/// The line of a JSON text that is wrong, counted from 0: what lacks a comma, or has one too many, ends before the place
/// where that is noticed.
fn line_of(text: &str, error: &serde_json::Error) -> usize {
    let noticed = error.line().saturating_sub(1);
    let words = error.to_string();
    if !words.starts_with("expected `,`") && !words.starts_with("trailing comma") {
        return noticed;
    }
    let start: usize = text.split_inclusive('\n').take(noticed).map(str::len).sum();
    let before = text.get(..start + error.column().saturating_sub(1)).unwrap_or_default();
    before.trim_end().matches('\n').count()
}

/// A JSON text of a document, whose strings are read one after the other.
struct JsonText<'n> {
    node: &'n Node,
    /// The expressions that stand outside of its strings.
    placeholders: &'n [(Expr, String)],
    /// Where the last string ended.
    at: usize,
    /// Strings that were not found: each was looked for to the end.
    missed: usize,
}

impl JsonText<'_> {
    /// The byte at which the next string stands that has this value, behind its quote; nothing where it has escapes.
    fn find(&mut self, value: &str) -> Option<usize> {
        const MOST: usize = 20;
        let quoted = Json::String(value.to_owned()).to_string();
        let rest = self.node.as_str().and_then(|text| text.get(self.at..)).filter(|_| self.missed < MOST)?;
        let Some(found) = rest.find(&quoted) else {
            self.missed += 1;
            return None;
        };
        let start = self.at + found;
        self.at = start + quoted.len();
        (quoted.len() == value.len() + 2).then_some(start + 1)
    }
}

/// Marks a string of a JSON text that stands for an expression outside of strings.
const HOLE: char = '\u{1}';

impl<'b> Compiler<'b> {
    pub(super) fn body(
        &mut self,
        step: &document::Step,
        operation: Option<openapi::Operation<'b>>,
        context: &Context<'_>,
    ) -> Option<Body> {
        let body = step.request_body.as_ref()?;
        let Some(payload) = &body.payload else {
            self.push(
                Diagnostic::error(Code::PayloadSyntax, body.span, "the request body has no `payload`".to_owned())
                    .help("add `payload`, or leave `requestBody` out".to_owned())
                    .section("§Request Body Object"),
            );
            return None;
        };
        let described = match operation.map(|operation| operation.request_body()).transpose() {
            Ok(described) => described.flatten(),
            Err(fault) => {
                self.broken(fault);
                return None;
            }
        };
        let content_type = self.content_type(body, described.as_ref())?;
        let fields = operation.zip(described.as_ref()).map(|(operation, described)| {
            let media = described.media(&content_type);
            media.map(|media| described.encoding(operation.api(), &media)).unwrap_or_default()
        });
        let mut media = media(&content_type);
        let structural = matches!(payload.kind, Kind::Object(_) | Kind::Array(_)) && !document::is_selector(payload);
        let built = match (media, payload.as_str()) {
            (Media::Json, Some(text)) => self.json_payload(payload, text, &mut media, context),
            (Media::Xml, None) if structural => {
                self.push(
                    Diagnostic::error(Code::PayloadSyntax, payload.span, "an object cannot be written as XML")
                        .help("write the XML as a text: `payload: |`".to_owned())
                        .section("§Request Body Object"),
                );
                None
            }
            (Media::Multipart, Some(text)) if !text.trim_start().starts_with('$') => {
                self.push(
                    Diagnostic::error(Code::PayloadSyntax, payload.span, "a multipart body is an object of parts")
                        .help("write one member for each part".to_owned())
                        .section("§Request Body Object"),
                );
                None
            }
            _ => self.build(payload, false, context),
        };
        let replacements = body.replacements.iter().map(|r| self.replacement(r, media, context)).collect::<Vec<_>>();
        Some(Body {
            content_type,
            media,
            payload: built?,
            replacements: replacements.into_iter().collect::<Option<_>>()?,
            fields: if matches!(media, Media::Form | Media::Multipart) { fields.unwrap_or_default() } else { vec![] },
            span: payload.span,
        })
    }

    /// The media type of the body: the step's, else the operation's, of which JSON is taken first.
    fn content_type(
        &mut self,
        body: &document::RequestBody,
        described: Option<&openapi::RequestBody<'b>>,
    ) -> Option<String> {
        if let Some(text) = &body.content_type {
            if text.value.contains(['\r', '\n', '\0']) {
                self.push(Diagnostic::error(Code::UnsafeValue, text.span(), "a content type cannot hold a line break"));
                return None;
            }
            return Some(text.value.clone());
        }
        Some(openapi::usual_media_type(described.map(|body| body.content.as_slice()).unwrap_or_default()))
    }

    /// A text as the payload of a JSON body: one expression, a JSON text with expressions, or a string.
    fn json_payload(&mut self, node: &Node, text: &str, media: &mut Media, context: &Context<'_>) -> Option<Build> {
        if text.starts_with('$') {
            return self.build(node, false, context);
        }
        let begins = text.trim_start();
        if !begins.starts_with(['{', '[', '"']) && serde_json::from_str::<Json>(begins).is_err() {
            return self.build(node, false, context);
        }
        let mut findings = vec![];
        let Some((plain, placeholders)) = self.outside_strings(text, context, &mut findings) else {
            self.report(node, findings);
            return None;
        };
        match serde_json::from_str::<Json>(&plain) {
            Ok(json) => {
                let mut text = JsonText { node, placeholders: &placeholders, at: 0, missed: 0 };
                let built = self.json_text(json, &mut text, context, &mut findings);
                self.report(node, findings);
                built
            }
            Err(_) if self.readings == Readings::Letter => {
                // What is written is sent as it is.
                *media = Media::Raw;
                self.build(node, false, context)
            }
            Err(error) => {
                let words = error.to_string();
                let words = words.split(" at line ").next().unwrap_or_default();
                let line = line_of(&plain, &error);
                let span =
                    self.line_within(node, text, line).unwrap_or_else(|| node.part(self.sources(), 0..text.len()));
                self.push(
                    Diagnostic::error(Code::PayloadSyntax, span, format!("the payload is not JSON: {words}"))
                        .label(format!("line {} of this text", line + 1))
                        .help("write it as an object, or correct the JSON".to_owned())
                        .section("§Request Body Object"),
                );
                None
            }
        }
    }

    /// The place of a line of a text, counted from 0, where the text stands in the document line by line.
    fn line_within(&self, node: &Node, text: &str, line: usize) -> Option<Span> {
        let raw = self.sources().text(node.span);
        if raw.trim_end().lines().count() != text.trim_end().lines().count() {
            return None;
        }
        let before: usize = raw.split_inclusive('\n').take(line).map(str::len).sum();
        let own = raw.split_inclusive('\n').nth(line)?;
        let start = node.span.start as usize + before + (own.len() - own.trim_start().len());
        Some(Span::new(node.span.source, start..start + own.trim().len()))
    }

    /// The JSON text with a string in the place of each expression that stands outside of strings.
    fn outside_strings(
        &mut self,
        text: &str,
        context: &Context<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<(String, Vec<(Expr, String)>)> {
        let mut plain = String::new();
        let mut placeholders = vec![];
        let (mut quoted, mut escaped) = (false, false);
        let mut at = 0;
        while let Some(next) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let rest = text.get(at..).unwrap_or_default();
            if !quoted && rest.starts_with("{$") {
                let length = rest.find('}').map_or(rest.len(), |end| end + 1);
                let written = rest.get(..length).unwrap_or_default();
                let mut own = vec![];
                let parsed = parse::spliced(written, &context.scope, &mut own);
                findings.extend(own.into_iter().map(|f| Finding { range: f.range.start + at..f.range.end + at, ..f }));
                if let Some(Piece::Value(mut expr, _)) = parsed?.pop() {
                    expr.parts = expr.parts.map(|parts| parts.shifted(at));
                    plain.push_str(&format!("\"\\u0001{}\"", placeholders.len()));
                    placeholders.push((expr, written.to_owned()));
                } else {
                    // In letter mode, braces around anything else are text.
                    plain.push_str(written);
                }
                at += length;
                continue;
            }
            if !quoted && parse::begins_expression(rest) && self.readings != Readings::Letter {
                let (written, found) = bare_expression(text, at, context, findings)?;
                plain.push_str(&format!("\"\\u0001{}\"", placeholders.len()));
                placeholders.push((found, written.to_owned()));
                at += written.len();
                continue;
            }
            match next {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            plain.push(next);
            at += next.len_utf8();
        }
        Some((plain, placeholders))
    }

    /// A parsed JSON text, its strings read as texts with expressions: an answer can never change its structure.
    fn json_text(
        &mut self,
        json: Json,
        whole: &mut JsonText<'_>,
        context: &Context<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<Build> {
        Some(match json {
            Json::String(text) => {
                let placeholder =
                    text.strip_prefix(HOLE).and_then(|number| whole.placeholders.get(number.parse::<usize>().ok()?));
                let (template, text) = match placeholder {
                    Some((expr, written)) => (Template::Whole(expr.clone()), written.clone()),
                    None => {
                        let mut own = foreign::findings(&text, &context.scope, true);
                        let template = parse::text(&text, &context.scope, &mut own);
                        // The string is a part of the text of the document.
                        let start = whole.find(&text);
                        findings.extend(own.into_iter().map(|f| match start {
                            Some(start) => Finding { range: f.range.start + start..f.range.end + start, ..f },
                            None => Finding { range: 0..0, fix: None, ..f },
                        }));
                        let mut template = template?;
                        template.begin_at(start);
                        (template, text)
                    }
                };
                if let Template::Literal(text) = template {
                    return Some(Build::Constant(Json::String(text)));
                }
                for expr in template.expressions() {
                    self.looked_at(whole.node, expr, &text, context);
                }
                Build::Template(Box::new(Leaf { template, text, span: whole.node.span, credential: false }))
            }
            Json::Array(items) => {
                let built: Vec<Option<Build>> =
                    items.into_iter().map(|item| self.json_text(item, whole, context, findings)).collect();
                Build::Array(built.into_iter().collect::<Option<_>>()?)
            }
            Json::Object(members) if self.has_text_keys(&members) => {
                let mut built = vec![];
                for (name, value) in members {
                    let key = match self.json_text(Json::String(name), whole, context, findings)? {
                        Build::Template(mut leaf) => {
                            leaf.template = into_text(leaf.template);
                            Build::Template(leaf)
                        }
                        other => other,
                    };
                    built.push((key, self.json_text(value, whole, context, findings)?));
                }
                Build::Keyed(built)
            }
            Json::Object(members) => {
                let mut built = vec![];
                for (name, value) in members {
                    whole.find(&name);
                    let mut value = self.json_text(value, whole, context, findings)?;
                    if let (Build::Template(leaf), true) = (&mut value, super::secrets::is_credential_name(&name)) {
                        leaf.credential = true;
                    }
                    built.push((name, value));
                }
                // Members without expressions are one constant.
                if built.iter().all(|(_, value)| matches!(value, Build::Constant(_))) {
                    let members: Map<String, Json> = built
                        .into_iter()
                        .filter_map(
                            |(name, value)| if let Build::Constant(json) = value { Some((name, json)) } else { None },
                        )
                        .collect();
                    return Some(Build::Constant(Json::Object(members)));
                }
                Build::Object(built)
            }
            other => Build::Constant(other),
        })
    }

    /// `true` if a name of a JSON text has expressions in it, or is one.
    fn has_text_keys(&self, members: &Map<String, Json>) -> bool {
        let letter = self.readings == Readings::Letter;
        let in_braces = members.keys().any(|name| name.starts_with(HOLE) || letter && name.contains("{$"));
        in_braces || self.has_keys(members.keys().map(String::as_str))
    }

    fn replacement(
        &mut self,
        replacement: &document::Replacement,
        media: Media,
        context: &Context<'_>,
    ) -> Option<Replacement> {
        let target = &replacement.target;
        // "If `targetSelectorType` is omitted": by the media type of the payload.
        let kind = replacement.kind.unwrap_or(match media {
            Media::Xml => ExpressionType::Xpath(XpathVersion::V31),
            Media::Json | Media::Form | Media::Multipart | Media::Raw => ExpressionType::Jsonpointer,
        });
        let fits = matches!(kind, ExpressionType::Xpath(_)) == (media == Media::Xml);
        if !fits {
            let (language, payload) =
                if media == Media::Xml { ("XPath", "XML") } else { ("JSON Pointer or JSONPath", "JSON") };
            self.push(
                Diagnostic::error(
                    Code::MisplacedField,
                    target.span(),
                    format!("a place in a payload of {payload} is named by {language}, not by {}", kind.word()),
                )
                .section("§Payload Replacement Object"),
            );
        }
        if replacement.kind.is_some() {
            self.newer_form(target.span(), "`targetSelectorType`");
        }
        let select: Option<Select> = self.select(target, kind, context);
        let value = self.build(&replacement.value, false, context);
        Some(Replacement {
            text: target.value.clone(),
            target: select.filter(|_| fits)?,
            value: value?,
            span: target.span(),
        })
    }
}

/// An expression that stands outside of the strings of a JSON text, at byte `at`, and its text: the reading
/// `bare-json-expression`.
fn bare_expression<'t>(
    text: &'t str,
    at: usize,
    context: &Context<'_>,
    findings: &mut Vec<Finding>,
) -> Option<(&'t str, Expr)> {
    let rest = text.get(at..)?;
    let limit = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | '}' | '"')).unwrap_or(rest.len());
    let (written, expr) = parse::begun(rest.get(..limit)?, &context.scope, at, findings)?;
    let range = at..at + written.len();
    let right = format!("{{{written}}}");
    let finding = Finding::new(Code::BareJsonExpression, range, "an expression in a JSON text needs braces")
        .help(format!("write {right}"));
    let fixed = findings.iter().any(|other| other.fix.is_some() && other.range.start == at);
    findings.push(if fixed { finding } else { finding.fix(right, true) });
    Some((written, expr))
}

/// The same as a text: the name of a member is one.
fn into_text(template: Template) -> Template {
    match template {
        Template::Whole(expr) => {
            let range = expr.parts.map(|parts| parts.range()).unwrap_or_default();
            Template::Text(vec![Piece::Value(expr, range)])
        }
        other => other,
    }
}

/// How a payload of a media type is written.
fn media(content_type: &str) -> Media {
    match MediaType::parse(content_type) {
        kind if kind.is_json() => Media::Json,
        kind if kind.is_xml() => Media::Xml,
        kind if kind.is_form() => Media::Form,
        kind if kind.is_multipart() => Media::Multipart,
        _ => Media::Raw,
    }
}
