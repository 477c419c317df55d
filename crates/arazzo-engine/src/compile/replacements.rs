//! Payload Replacement Objects: what is replaced where, and whether there is such a place.

use super::constants::constant;
use super::{Compiler, Context};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help, nearest};
use crate::document;
use crate::expr::{Finding, jsonpath, xpath};
use crate::node::scalar_of;
use crate::openapi::xml::is_name;
use crate::program::{Build, Media, Replacement, Select};
use crate::readings::Readings;
use crate::value::{ExpressionType, Json, Pointer, XpathVersion};

impl Compiler<'_> {
    /// The replacements of a body, of which `payload` is what they are made in.
    pub(super) fn replacements(
        &mut self,
        body: &document::RequestBody,
        media: Media,
        payload: Option<&Build>,
        context: &Context<'_>,
    ) -> Vec<Option<Replacement>> {
        let mut made: Vec<Option<Replacement>> = vec![];
        for written in &body.replacements {
            let replacement = self.replacement(written, media, payload, context);
            if let (Some(replacement), Some(payload)) = (&replacement, payload) {
                self.leads_nowhere(replacement, &made, payload);
            }
            made.push(replacement);
        }
        if payload.is_some_and(is_text) && media != Media::Xml && self.readings != Readings::Letter {
            for replacement in made.iter().flatten() {
                self.replaces_in_text(replacement);
            }
        }
        made
    }

    fn replacement(
        &mut self,
        replacement: &document::Replacement,
        media: Media,
        payload: Option<&Build>,
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
            self.unfitting_target(target, kind, media);
        }
        if replacement.kind.is_some() {
            self.newer_form(target.span(), "`targetSelectorType`");
        }
        let select = match kind {
            ExpressionType::Jsonpointer if let Some(pointer) = self.literal_member(target, payload) => {
                Some(Select::Pointer(pointer))
            }
            ExpressionType::Xpath(_) if fits && let Some(query) = self.pointer_into_xml(target) => {
                Some(Select::Xpath(Box::new(query), vec![]))
            }
            _ => self.select(target, kind, context),
        };
        let value = self.build(&replacement.value, false, context);
        Some(Replacement {
            text: target.value.clone(),
            target: select.filter(|_| fits)?,
            value: value?,
            span: target.span(),
        })
    }

    /// A target in a language that does not name places in such a payload.
    fn unfitting_target(&mut self, target: &document::Text, kind: ExpressionType, media: Media) {
        let (language, payload) =
            if media == Media::Xml { ("XPath", "XML") } else { ("JSON Pointer or JSONPath", "JSON") };
        let message = format!("a place in a payload of {payload} is named by {language}, not by {}", kind.word());
        let right = if media == Media::Xml { xpath_of(&target.value) } else { pointer_of_xpath(&target.value) };
        let help = match right {
            Some(right) => format!("leave out `targetSelectorType`, and write {right}"),
            None => format!("leave out `targetSelectorType`, and write the target as {language}"),
        };
        self.push(
            Diagnostic::error(Code::MisplacedField, target.span(), message)
                .help(help)
                .section("§Payload Replacement Object"),
        );
    }

    /// `a.b` where the payload has a member of this name: that is the place, whatever the dot would mean elsewhere.
    fn literal_member(&mut self, target: &document::Text, payload: Option<&Build>) -> Option<Pointer> {
        let name = &target.value;
        if name.is_empty() || name.starts_with('/') || !has_member(payload?, name) {
            return None;
        }
        let pointer = Pointer::of(vec![name.clone()]);
        let right = pointer.to_string();
        let message = format!("`{name}` is not a JSON Pointer");
        let finding =
            Finding::new(Code::DialectWord, 0..name.len(), message).help(format!("write {right}")).fix(right, true);
        self.report(&target.node, vec![finding]);
        Some(pointer)
    }

    /// The reading `dialect-word`: `#/pet/name`, `$.pet.name` in a payload of XML.
    fn pointer_into_xml(&mut self, target: &document::Text) -> Option<xpath::Query> {
        let written = &target.value;
        if !written.starts_with("#/") && !written.starts_with("$.") {
            return None;
        }
        let right = xpath_of(written)?;
        let query = xpath::Query::parse(&right, false).ok()?;
        let message = format!("`{written}` is no XPath, which names places in XML");
        let mut diagnostic = Diagnostic::warning(Code::DialectWord, target.span(), message)
            .help(format!("write {right}"))
            .section("§Payload Replacement Object");
        let edit = Edit { span: target.node.span, text: scalar_of(&right) };
        diagnostic = diagnostic.fix(format!("write {right}"), true, vec![edit]);
        self.departure(diagnostic);
        Some(query)
    }

    /// A target that leads nowhere, where the payload shows it: what would fail the step when it runs is said before.
    fn leads_nowhere(&mut self, replacement: &Replacement, before: &[Option<Replacement>], payload: &Build) {
        let unknown = Diagnostic::error(
            Code::UnknownMember,
            replacement.span,
            format!("`{}` leads nowhere in the payload", replacement.text),
        )
        .section("§Payload Replacement Object");
        match &replacement.target {
            Select::Pointer(pointer) => {
                let earlier = |other: &Option<Replacement>| match other.as_ref().map(|other| &other.target) {
                    Some(Select::Pointer(other)) => pointer.tokens().starts_with(other.tokens()),
                    _ => true,
                };
                if before.iter().any(earlier) {
                    return;
                }
                if let Some(help) = missing_place(payload, pointer.tokens(), &Pointer::default()) {
                    self.push(unknown.help(help));
                }
            }
            Select::Jsonpath(query, placeholders) if placeholders.is_empty() && before.is_empty() => {
                let Some(json) = constant(payload).filter(|json| !json.is_string()) else { return };
                let found = query.locate(&json, &[], &jsonpath::Limits::default());
                if found.is_ok_and(|found| found.is_empty()) {
                    self.push(unknown.help("a query selects what is there: write a JSON Pointer to add a member"));
                }
            }
            Select::Xpath(query, placeholders) if placeholders.is_empty() && before.is_empty() => {
                let Some(Json::String(xml)) = constant(payload) else { return };
                let help = "XPath begins at the root element, and counts from 1: /pet/tag[1]/name";
                match query.replace(&xml, &[], "") {
                    Ok((_, 0)) => self.push(unknown.help(help)),
                    Ok(_) => {}
                    Err(reason) => {
                        let message = format!("`{}` names no place in the payload: {reason}", replacement.text);
                        self.push(Diagnostic { message, ..unknown }.help(help));
                    }
                }
            }
            Select::Jsonpath(..) | Select::Xpath(..) => {}
        }
    }

    /// A text has no members: what would fail the step when it runs is said before.
    fn replaces_in_text(&mut self, replacement: &Replacement) {
        if matches!(&replacement.target, Select::Pointer(pointer) if pointer.tokens().is_empty()) {
            return;
        }
        let message = format!("`{}` names a part of the payload, which is a text", replacement.text);
        self.push(
            Diagnostic::error(Code::PayloadSyntax, replacement.span, message)
                .help("write the value into the text in braces: {$inputs.x}")
                .section("§Payload Replacement Object"),
        );
    }
}

/// `true` for a value that is a text, whatever it is made of.
fn is_text(build: &Build) -> bool {
    use crate::expr::Template;
    match build {
        Build::Constant(json) => json.is_string(),
        Build::Template(leaf) => match &leaf.template {
            Template::Literal(_) => true,
            // One expression alone is its value.
            Template::Text(pieces) => pieces.len() > 1,
            Template::Whole(_) | Template::Constant(_) => false,
        },
        Build::Select(_) | Build::Array(_) | Build::Object(_) | Build::Keyed(_) => false,
    }
}

/// `true` if a payload is an object with this member.
fn has_member(payload: &Build, name: &str) -> bool {
    match payload {
        Build::Constant(Json::Object(members)) => members.contains_key(name),
        Build::Object(members) => members.iter().any(|(key, _)| key == name),
        _ => false,
    }
}

/// What to do about a way into a payload that has no end, if that is certain. `at` is the way so far.
fn missing_place(payload: &Build, tokens: &[String], at: &Pointer) -> Option<Help> {
    let (token, rest) = tokens.split_first()?;
    let names: Vec<&str> = match payload {
        Build::Object(members) => members.iter().map(|(name, _)| name.as_str()).collect(),
        Build::Constant(Json::Object(members)) => members.keys().map(String::as_str).collect(),
        Build::Array(items) => return missing_item(items.len(), |index| items.get(index), token, rest, at),
        Build::Constant(Json::Array(items)) => {
            let items: Vec<Build> = items.iter().map(|item| Build::Constant(item.clone())).collect();
            return missing_item(items.len(), |index| items.get(index), token, rest, at);
        }
        // The text of a JSON body is said to be one.
        Build::Constant(Json::String(_)) if at.is_whole() => return None,
        Build::Constant(_) => return Some(Help::words(format!("{} has no members", shown(at)))),
        Build::Template(_) | Build::Select(_) | Build::Keyed(_) => return None,
    };
    if rest.is_empty() {
        // A last token may name a new member.
        return None;
    }
    let below = |token: &str| Pointer::of(at.tokens().iter().cloned().chain([token.to_owned()]).collect());
    let found = match payload {
        Build::Object(members) => members.iter().find(|(name, _)| name == token).map(|(_, value)| value),
        Build::Constant(Json::Object(members)) if let Some(value) = members.get(token) => {
            return missing_place(&Build::Constant(value.clone()), rest, &below(token));
        }
        _ => None,
    };
    match found {
        Some(member) => missing_place(member, rest, &below(token)),
        None => Some(match nearest(token, names.iter().copied()) {
            Some(near) if missing_place(payload, &renamed(near, rest), at).is_none() => {
                let way = at.tokens().iter().cloned().chain(renamed(near, rest)).collect();
                Help::meant(Pointer::of(way).to_string())
            }
            _ if names.is_empty() => Help::words(format!("{} has no members", shown(at))),
            _ => Help::words(format!("{} has {}", shown(at), names.join(", "))),
        }),
    }
}

/// A way that begins with another name.
fn renamed(name: &str, rest: &[String]) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(rest.iter().cloned()).collect()
}

fn missing_item<'b>(
    length: usize,
    item: impl Fn(usize) -> Option<&'b Build>,
    token: &str,
    rest: &[String],
    at: &Pointer,
) -> Option<Help> {
    let index = token.parse::<usize>().ok().filter(|_| token == "0" || !token.starts_with(['0', '+']));
    match index {
        Some(index) if index < length => {
            let below = Pointer::of(at.tokens().iter().cloned().chain([token.to_owned()]).collect());
            missing_place(item(index)?, rest, &below)
        }
        Some(index) if index == length && rest.is_empty() => None,
        None if token == "-" && rest.is_empty() => None,
        _ => {
            Some(Help::words(format!("{} is a list of {length}; `-` names the place behind its last item", shown(at))))
        }
    }
}

/// A way as people read it.
fn shown(at: &Pointer) -> String {
    if at.is_whole() { "the payload".to_owned() } else { format!("`{at}`") }
}

/// The XPath that a JSON Pointer, or a way with dots, into XML means.
fn xpath_of(text: &str) -> Option<String> {
    let way = match text.starts_with('/') {
        true => Pointer::parse(text),
        false => super::build::looks_like_pointer(text)?,
    };
    let mut path = String::new();
    for token in way.tokens() {
        match token.parse::<usize>() {
            Ok(index) if !path.is_empty() => path.push_str(&format!("[{}]", index + 1)),
            _ if is_name(token) => path.push_str(&format!("/{token}")),
            _ => return None,
        }
    }
    (!path.is_empty()).then_some(path)
}

/// The JSON Pointer that an XPath of names means.
fn pointer_of_xpath(text: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '-');
    (text.starts_with('/') && !text.contains("//") && text.chars().all(plain)).then(|| text.to_owned())
}
