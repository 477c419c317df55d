//! `requestBody`: media type, payload and replacements (specification, Request Body Object).

use std::borrow::Cow;

use crate::credentials::is_credential_name;
use crate::value::{Json, Map};

use super::{Compiler, Context, Place};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::document;
use crate::expr::{Expr, Finding, Piece, Template, foreign, parse};
use crate::media_type;
use crate::node::{Kind, Node};
use crate::openapi;
use crate::openapi::shape::Schema;
use crate::openapi::xml::{XmlShape, is_name};
use crate::program::{Argument, Body, Build, Leaf, Location, Media};
use crate::readings::Readings;
use crate::source::Span;

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

/// The media type that a parameter `Content-Type` gives, if that is written out: it is what is sent.
fn named_type(arguments: &[Argument]) -> Option<&str> {
    let is_named = |argument: &&Argument| {
        argument.location == Location::Header && argument.name.eq_ignore_ascii_case("content-type")
    };
    match &arguments.iter().find(is_named)?.value {
        Build::Constant(json) => json.as_str(),
        _ => None,
    }
}

/// Marks a string of a JSON text that stands for an expression outside of strings.
const HOLE: char = '\u{1}';

impl<'b> Compiler<'b> {
    pub(super) fn body(
        &mut self,
        step: &document::Step,
        operation: Option<openapi::Operation<'b>>,
        arguments: &[Argument],
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
        let content_type = match named_type(arguments) {
            Some(named) => named.to_owned(),
            None => self.content_type(body, described.as_ref())?,
        };
        let fields = operation.zip(described.as_ref()).map(|(operation, described)| {
            let media = described.media(&content_type);
            media.map(|media| described.encoding(operation.api(), &media)).unwrap_or_default()
        });
        let mut media = Media::of(&content_type);
        let context = &context.within(Place::Payload(media));
        let shape =
            operation.zip(described.as_ref()).filter(|_| media == Media::Xml).and_then(|(operation, described)| {
                let schema = described.media(&content_type)?.schema?;
                operation.api().resolve(schema).is_ok().then(|| XmlShape::of(operation.api(), schema))
            });
        let structural = matches!(payload.kind, Kind::Object(_) | Kind::Array(_)) && !document::is_selector(payload);
        let mut built = match (media, payload.as_str()) {
            (Media::Json, Some(text)) => self.json_payload(payload, text, &mut media, context),
            // Only fields have places in which something can be replaced.
            (Media::Form, Some(text)) if !body.replacements.is_empty() && !is_expression(text) => {
                self.form_payload(payload, text, context)
            }
            // Without its source, nothing is known of the operation, and that was said.
            (Media::Xml, None) if structural && operation.is_some() && !self.xml_object(payload, shape.as_ref()) => {
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
        let schema = operation.zip(described.as_ref()).filter(|_| media == Media::Json);
        let schema = schema.and_then(|(operation, described)| {
            Some(Schema { api: operation.api(), node: described.media(&content_type)?.schema? })
        });
        if let (Some(built), Some(schema)) = (&mut built, schema) {
            self.read_quoted(built, &[schema], payload);
        }
        let replacements = self.replacements(body, media, built.as_ref(), context);
        Some(Body {
            content_type,
            media,
            payload: built?,
            replacements: replacements.into_iter().collect::<Option<_>>()?,
            fields: if matches!(media, Media::Form | Media::Multipart) { fields.unwrap_or_default() } else { vec![] },
            xml: shape,
            span: payload.span,
        })
    }

    /// The reading `xml-object`; `false` if the payload is no XML document.
    fn xml_object(&mut self, payload: &Node, shape: Option<&XmlShape>) -> bool {
        let members: Vec<&str> = payload.members().iter().map(|(key, _)| key.name.as_str()).collect();
        let named = shape.is_some_and(|shape| shape.names_root(&members));
        // Each item of a list is an element.
        let elements: usize = payload.members().iter().map(|(_, value)| value.items().len().max(1)).sum();
        let outside = shape.is_some_and(|shape| shape.lacks_element(&members));
        if !named && (members.len() != 1 || elements > 1 || outside) {
            let message = "an XML document has one root element, and nothing names it";
            self.push(
                Diagnostic::error(Code::XmlObject, payload.span, message)
                    .help("write the root element as the only member, or give the schema `xml: { name: … }`")
                    .section("§Request Body Object"),
            );
            return false;
        }
        if !named {
            self.departure(
                Diagnostic::warning(Code::XmlObject, payload.span, "no schema says how this object is written as XML")
                    .label("members are written as elements of their names")
                    .help("write the XML as a text: `payload: |`")
                    .section("§Request Body Object"),
            );
        }
        let mut left = vec![payload];
        while let Some(node) = left.pop() {
            left.extend(node.items());
            for (key, value) in node.members() {
                left.push(value);
                if !is_name(&key.name) && !shape.is_some_and(|shape| shape.knows(&key.name)) {
                    let message = format!("`{}` cannot be a name in XML", key.name);
                    let fault = Diagnostic::error(Code::XmlObject, key.span, message);
                    self.push(fault.help("a name begins with a letter, and has letters, digits, `-`, `.` and `_`"));
                }
            }
        }
        true
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
            let written = text.value.trim();
            let is_expression = written.starts_with("{$") || parse::begins_expression(written);
            if is_expression && self.readings != Readings::Letter {
                self.push(
                    Diagnostic::error(
                        Code::DialectWord,
                        text.span(),
                        "an expression is not evaluated as a `contentType`",
                    )
                    .help(format!("give it as a parameter: {{ name: Content-Type, in: header, value: '{written}' }}"))
                    .section("§Request Body Object"),
                );
                return None;
            }
            let described = described.map(|body| body.content.as_slice()).unwrap_or_default();
            return Some(self.whole_media_type(text, described));
        }
        Some(openapi::usual_media_type(described.map(|body| body.content.as_slice()).unwrap_or_default()))
    }

    /// The reading `empty-list-field` of a parameter `Content-Type` with nothing in it: the body is written as without.
    pub(super) fn is_empty_type(&mut self, parameter: &document::Parameter) -> bool {
        let in_header = parameter.location.as_ref().is_some_and(|place| place.value == "header");
        let is_type = in_header && parameter.name.value.eq_ignore_ascii_case("content-type");
        let empty = parameter.value.as_str().is_some_and(|text| text.trim().is_empty());
        if !is_type || !empty || self.readings == Readings::Letter {
            return false;
        }
        let message = "an empty `Content-Type` names no media type";
        self.departure(
            Diagnostic::warning(Code::EmptyListField, parameter.value.span, message)
                .label("left out")
                .help("leave the parameter out: the body has a media type of its own")
                .section("§Parameter Object"),
        );
        true
    }

    /// A parameter `Content-Type` whose value is written out, as a media type in full: see [`Self::whole_media_type`].
    pub(super) fn with_whole_type<'p>(
        &mut self,
        parameter: &'p document::Parameter,
        operation: Option<openapi::Operation<'b>>,
    ) -> Cow<'p, document::Parameter> {
        let is_type = parameter.name.value.eq_ignore_ascii_case("content-type")
            && parameter.location.as_ref().is_some_and(|place| place.value == "header");
        let Some(value) = parameter.value.as_str().filter(|text| is_type && !text.contains('$')) else {
            return Cow::Borrowed(parameter);
        };
        let text = document::Text { value: value.to_owned(), node: parameter.value.clone() };
        let body = operation.and_then(|operation| operation.request_body().ok().flatten());
        let described = body.as_ref().map(|body| body.content.as_slice()).unwrap_or_default();
        let whole = self.whole_media_type(&text, described);
        if whole == value {
            return Cow::Borrowed(parameter);
        }
        let value = Node { kind: Kind::String(whole), span: parameter.value.span };
        Cow::Owned(document::Parameter { value, ..parameter.clone() })
    }

    /// `contentType: json`: a media type in full, and of a range the usual one that the operation takes
    /// (docs/readings.md, `dialect-word`). What is no media type is sent as it is written, which is said.
    fn whole_media_type(&mut self, text: &document::Text, described: &[openapi::Media<'b>]) -> String {
        let written = text.value.as_str();
        let several: Vec<&str> = media_type::of_line(written);
        let is_one = several.len() == 1;
        if self.readings == Readings::Letter
            || is_one && media_type::is_whole(written) && !media_type::is_range(written)
        {
            return written.to_owned();
        }
        // `application/json, text/plain`: the first that the operation takes.
        let is_taken = |name: &&&str| described.iter().any(|media| media.name.eq_ignore_ascii_case(name));
        let all = written;
        let written = several.iter().find(is_taken).or(several.first()).copied().unwrap_or(written);
        // `csv`, where the operation takes `text/csv`.
        let subtype = |name: &&str| name.rsplit('/').next().is_some_and(|end| end.eq_ignore_ascii_case(written.trim()));
        let mut taken = described.iter().map(|media| media.name).filter(subtype);
        let only = taken.next().filter(|_| taken.next().is_none());
        let short = only.unwrap_or_else(|| media_type::in_full(written));
        let is_range = media_type::is_range(short);
        let whole = match is_range {
            true => openapi::usual_media_type_in(described, short),
            false => media_type::is_whole(short).then(|| short.to_owned()),
        };
        let takes: Vec<&str> = described.iter().map(|media| media.name).collect();
        let message = match is_range {
            true => format!("`{written}` is a range of media types, and a body is of one"),
            false if !is_one => format!("`{all}` are several media types, and a body is of one"),
            false => format!("`{written}` is no media type"),
        };
        let label = whole.as_ref().map_or("sent as it is written".to_owned(), |whole| format!("read as {whole}"));
        let help = match &whole {
            Some(whole) => format!("write {whole}"),
            None if takes.is_empty() => "write one such as application/json".to_owned(),
            None => format!("the operation takes {}", takes.join(", ")),
        };
        let mut diagnostic = Diagnostic::warning(Code::DialectWord, text.span(), message)
            .label(label)
            .help(help.clone())
            .section("§Request Body Object");
        let edit = whole.as_ref().and_then(|whole| text.node.rewrite(self.sources(), 0..all.len(), whole, false));
        if let Some(edit) = edit {
            diagnostic = diagnostic.fix(help, true, vec![edit]);
        }
        self.departure(diagnostic);
        whole.unwrap_or_else(|| all.to_owned())
    }

    /// A text as the payload of a JSON body: one expression, a JSON text with expressions, or a string.
    pub(super) fn json_payload(
        &mut self,
        node: &Node,
        text: &str,
        media: &mut Media,
        context: &Context<'_>,
    ) -> Option<Build> {
        if text.starts_with('$') {
            return self.build(node, false, context);
        }
        let begins = text.trim_start();
        if !begins.starts_with(['{', '[', '"']) && Json::parse(begins).is_none() {
            return self.build(node, false, context);
        }
        let mut findings = vec![];
        let Some((plain, placeholders)) = self.outside_strings(text, context, &mut findings) else {
            self.report(node, findings);
            return None;
        };
        match Json::parse(&plain).map_or_else(|| serde_json::from_str::<Json>(&plain), Ok) {
            Ok(json) => {
                if let Some(name) = Json::doubled_member(&plain) {
                    let span = node.part(self.sources(), 0..text.len());
                    let message = format!("the payload has the member `{name}` twice in one object");
                    self.push(
                        Diagnostic::error(Code::DuplicateKey, span, message)
                            .help("give it once: of two, only the last would be sent")
                            .section("§Request Body Object"),
                    );
                    return None;
                }
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
            Err(_) if let Some(foreign) = self.foreign_json(text, context) => {
                self.report(node, foreign);
                None
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

    /// The placeholders of other languages because of which a text is no JSON.
    fn foreign_json(&self, text: &str, context: &Context<'_>) -> Option<Vec<Finding>> {
        let found = foreign::outside_strings(text, &context.scope);
        (!found.is_empty()).then_some(found)
    }

    /// A form that is written as a text, as its fields; those of one name are a list.
    fn form_payload(&mut self, node: &Node, text: &str, context: &Context<'_>) -> Option<Build> {
        let mut fields: Vec<(String, Vec<Build>)> = vec![];
        for pair in text.trim_end().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = form_value(name);
            let leaf = Node { kind: Kind::String(form_value(value)), span: node.span };
            let built = self.build(&leaf, is_credential_name(&name), context)?;
            match fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(built),
                None => fields.push((name, vec![built])),
            }
        }
        let fields = fields.into_iter().map(|(name, mut values)| {
            let only = if values.len() == 1 { values.pop() } else { None };
            (name, only.unwrap_or_else(|| Build::Array(values)))
        });
        Some(Build::Object(fields.collect()))
    }

    /// `true` for `{ $inputs.a }`, which no object begins with.
    fn blank_braces(&self, text: &str) -> bool {
        let inner = text.strip_prefix('{').map(str::trim_start);
        self.readings != Readings::Letter && inner.is_some_and(parse::begins_expression)
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
            if !quoted && (rest.starts_with("{$") || self.blank_braces(rest)) {
                let length = rest.find('}').map_or(rest.len(), |end| end + 1);
                let written = rest.get(..length).unwrap_or_default();
                let mut own = vec![];
                let parsed = parse::placeholder(written, &context.scope, &mut own);
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
                    if let (Build::Template(leaf), true) = (&mut value, is_credential_name(&name)) {
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
                    return Some(Build::Constant(Json::Object(members.into())));
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
}

/// `true` for a text that is one expression, whose value may be the fields.
fn is_expression(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('$') && !text.contains(['=', '&'])
        || text.starts_with("{$") && text.find('}') == Some(text.len() - 1)
}

/// A name or value of a form without its encoding; expressions in braces have none.
fn form_value(text: &str) -> String {
    let mut value = String::new();
    let mut rest = text;
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    while let Some((at, end)) = rest.find("{$").and_then(|at| Some((at, at + rest.get(at..)?.find('}')? + 1))) {
        value.push_str(&decoded(rest.get(..at).unwrap_or_default()));
        value.push_str(rest.get(at..end).unwrap_or_default());
        rest = rest.get(end..).unwrap_or_default();
    }
    value.push_str(&decoded(rest));
    value
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
