//! What values are: of expressions and outputs, by the schemas that describe them, followed through outputs and calls.
//!
//! What is said here helps to write, and refuses nothing: of several schemas each may be meant, and what is not described
//! is not known. What is wrong for certain is said by `lint/`.

use std::ops::Range;

use super::about::{is_secret, type_of};
use super::here::Here;
use super::places::properties;
use crate::document::{Output, selector};
use crate::json_schema::types;
use crate::node::{Key, Kind, Node, scalar_of};
use crate::openapi::shape::Schema;
use crate::openapi::{Api, status};
use crate::source::Span;
use crate::value::Pointer;

/// Outputs that a value is followed through.
const DEPTH: usize = 16;

/// References that are followed on the way into a schema, and parts that one is made of.
const PARTS: usize = 16;

/// What is known of a value.
#[derive(Clone, Default)]
pub(super) struct Value<'b> {
    /// The schemas of which one describes it.
    schemas: Vec<Schema<'b>>,
    /// Its type, where no schema says it.
    kind: Option<&'static str>,
    pub(super) is_secret: bool,
    /// Where it comes from, the nearest first: `the answer of GET /pets`.
    pub(super) from: Vec<String>,
    /// Where it is described.
    pub(super) place: Option<Span>,
}

impl<'b> Value<'b> {
    fn of_kind(kind: &'static str) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    fn described(schemas: Vec<Schema<'b>>, place: Option<Span>, from: String) -> Self {
        Self { schemas, place, from: vec![from], ..Self::default() }
    }

    /// The schemas, with those that they are made of.
    fn parts(&self) -> Vec<Schema<'b>> {
        self.schemas.iter().flat_map(|schema| parts(schema.api, schema.node)).collect()
    }

    /// The members that are described.
    pub(super) fn members(&self) -> Vec<(&'b Key, Schema<'b>)> {
        let mut found: Vec<(&Key, Schema<'_>)> = vec![];
        for Schema { api, node } in self.parts() {
            for (key, member) in node.get("properties").map(Node::members).unwrap_or_default() {
                if !found.iter().any(|(known, _)| known.name == key.name) {
                    found.push((key, Schema { api, node: api.resolve(member).unwrap_or(member) }));
                }
            }
        }
        found
    }

    /// The member of a name, or the item of a number.
    pub(super) fn below(&self, token: &str) -> Self {
        let is_item = token.parse::<usize>().is_ok();
        let mut below = Self { is_secret: self.is_secret, from: self.from.clone(), ..Self::default() };
        for Schema { api, node } in self.parts() {
            let member = node.get("properties").and_then(|members| members.member(token));
            let items = || node.get("items").filter(|_| is_item).map(|items| (items.span, items));
            let others = || node.get("additionalProperties").filter(|_| !is_item).map(|other| (other.span, other));
            let found = member.map(|(key, member)| (key.span, member)).or_else(items).or_else(others);
            let Some((place, node)) = found else { continue };
            below.place.get_or_insert(place);
            below.schemas.push(Schema { api, node });
        }
        below
    }

    /// Its type in a few words; nothing where it is not known.
    pub(super) fn type_words(&self) -> Option<String> {
        let mut words: Vec<String> = vec![];
        for schema in self.parts() {
            for word in type_words(schema, 0) {
                if !words.contains(&word) {
                    words.push(word);
                }
            }
        }
        // Of parts that say the same, one that says less says nothing.
        let more = |word: &str, words: &[String]| words.iter().any(|other| other.starts_with(&format!("{word} of")));
        let said: Vec<String> = words.iter().filter(|word| !more(word, &words)).cloned().collect();
        if said.is_empty() { self.kind.map(str::to_owned) } else { Some(said.join(" or ")) }
    }

    /// The values that its schema lists, or both of a boolean: as they are written in a condition, or in YAML.
    pub(super) fn constants(&self, in_condition: bool) -> Vec<(String, String)> {
        let listed = self.said("enum").map(Node::items).unwrap_or_default().iter().chain(self.said("const"));
        let mut found: Vec<String> = vec![];
        for value in listed {
            found.push(match value.as_str() {
                Some(text) if in_condition => format!("'{text}'"),
                Some(text) => scalar_of(text),
                None => value.to_json().to_string(),
            });
        }
        let kind = self.type_words().unwrap_or_default();
        if found.is_empty() && kind == "boolean" {
            found.extend(["true", "false"].map(str::to_owned));
        }
        found.into_iter().map(|text| (text, kind.clone())).collect()
    }

    /// The first of a field of the schemas.
    fn said(&self, field: &str) -> Option<&'b Node> {
        self.parts().into_iter().find_map(|schema| schema.node.get(field))
    }

    /// What it is, in Markdown; nothing where nothing is known.
    pub(super) fn about(&self) -> Option<String> {
        let mut line: Vec<String> = self.type_words().into_iter().collect();
        if let Some(format) = self.said("format").and_then(Node::as_str) {
            line.push(format!("format `{format}`"));
        }
        if let Some(values) = self.said("enum").map(Node::items).filter(|values| !values.is_empty()) {
            const SHOWN: usize = 8;
            let some: Vec<_> = values.iter().take(SHOWN).map(|value| format!("`{}`", value.to_json())).collect();
            let rest = if values.len() > SHOWN { ", …" } else { "" };
            line.push(format!("one of {}{rest}", some.join(", ")));
        }
        if self.is_secret {
            line.push("secret".to_owned());
        }
        let members = self.members();
        if line.is_empty() && self.from.is_empty() {
            return None;
        }
        let mut text = if line.is_empty() { String::new() } else { format!("type: {}", line.join(", ")) };
        if let Some(words) = self.said("description").and_then(Node::as_str) {
            text += &format!("\n\n{}", words.trim());
        }
        if !members.is_empty() {
            const SHOWN: usize = 20;
            text += "\n\nmembers:";
            for (key, schema) in members.iter().take(SHOWN) {
                let member = Self { schemas: vec![*schema], ..Self::default() };
                text +=
                    &format!("\n- `{}`{}", key.name, member.type_words().map(|k| format!(": {k}")).unwrap_or_default());
            }
            if members.len() > SHOWN {
                text += "\n- …";
            }
        }
        if !self.from.is_empty() {
            text += &format!("\n\nfrom {}", self.from.join(", from "));
        }
        Some(text.trim_start().to_owned())
    }
}

/// A schema with those that it is made of.
fn parts<'b>(api: Api<'b>, schema: &'b Node) -> Vec<Schema<'b>> {
    let (mut found, mut left) = (vec![], vec![schema]);
    while let Some(next) = left.pop() {
        let Ok(node) = api.resolve(next) else { continue };
        if found.len() == PARTS {
            break;
        }
        found.push(Schema { api, node });
        for list in ["allOf", "anyOf", "oneOf"] {
            left.extend(node.get(list).map(Node::items).unwrap_or_default().iter().rev());
        }
    }
    found
}

/// The types that a schema itself says.
fn type_words(schema: Schema<'_>, depth: usize) -> Vec<String> {
    let node = schema.node;
    let mut words: Vec<String> = types(node).map(str::to_owned).collect();
    if words.is_empty() {
        let implied = [("properties", "object"), ("items", "array"), ("pattern", "string")];
        words.extend(implied.iter().find(|(field, _)| node.get(field).is_some()).map(|(_, kind)| (*kind).to_owned()));
    }
    if words.is_empty() {
        let values = node.get("enum").map(Node::items).unwrap_or_default().iter().chain(node.get("const"));
        for kind in values.map(|value| crate::json_schema::type_of(&value.to_json())) {
            if !words.iter().any(|word| word == kind) {
                words.push(kind.to_owned());
            }
        }
    }
    if let Some(list) = words.iter_mut().find(|word| *word == "array")
        && depth == 0
        && let Some(items) = node.get("items")
    {
        let items = Value { schemas: vec![Schema { node: items, ..schema }], ..Value::default() };
        let mut of: Vec<String> = items.parts().into_iter().flat_map(|part| type_words(part, depth + 1)).collect();
        of.dedup();
        if !of.is_empty() {
            *list = format!("array of {}", of.join(" or "));
        }
    }
    words
}

/// The bytes of the expression around a byte of a string.
pub(super) fn around(text: &str, offset: usize) -> Option<Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '#' | '/' | '~');
    let start = match text.get(offset..)?.starts_with('$') {
        true => offset,
        false => text.get(..offset)?.trim_end_matches(is_part).strip_suffix('$')?.len(),
    };
    let behind = text.get(start + 1..)?;
    let length = behind.find(|c| !is_part(c)).unwrap_or(behind.len());
    let written = behind.get(..length)?.trim_end_matches('.');
    Some(start..start + 1 + written.len())
}

/// The end of the part of an expression that a byte of it is in.
pub(super) fn end_of_part(expression: &str, offset: usize) -> usize {
    let from = offset.max(1);
    let behind = expression.get(from..).unwrap_or_default();
    from + behind.find(['.', '/', '#']).unwrap_or(behind.len())
}

impl<'b> Here<'b> {
    /// The value of an expression.
    pub(super) fn value(self, expression: &str) -> Option<Value<'b>> {
        self.value_within(expression, 0)
    }

    fn value_within(self, expression: &str, depth: usize) -> Option<Value<'b>> {
        if depth > DEPTH {
            return None;
        }
        let (head, pointer) = expression.split_once('#').unwrap_or((expression, ""));
        let words: Vec<&str> = head.split('.').collect();
        let (mut value, read) = self.root(&words, depth)?;
        for word in words.get(read..).unwrap_or_default() {
            value = value.below(word);
        }
        for token in Pointer::parse(pointer).tokens() {
            value = value.below(token);
        }
        Some(value)
    }

    /// The value that the first words of an expression read, and how many they are.
    fn root(self, words: &[&str], depth: usize) -> Option<(Value<'b>, usize)> {
        Some(match words {
            ["$inputs", name, ..] => (self.input(name)?, 2),
            ["$steps", step, "outputs", name, ..] => (self.step_named(step)?.step_output(name, depth)?, 4),
            ["$outputs", name, ..] => {
                let called = self.called_by_step().unwrap_or(Self { step: None, ..self });
                (called.returned(name, depth)?, 2)
            }
            ["$workflows", name, "inputs", input, ..] => (self.called(name)?.input(input)?, 4),
            ["$workflows", name, "outputs", output, ..] => (self.called(name)?.returned(output, depth)?, 4),
            ["$response", "body", ..] => (self.response_body()?, 2),
            ["$request", "body", ..] => (self.request_body()?, 2),
            ["$response", "header", ..] => (self.response_header(&words.get(2..)?.join("."))?, words.len()),
            ["$request", place, ..] => (self.parameter(place, &words.get(2..)?.join("."))?, words.len()),
            ["$message", "payload", ..] => (self.message(|message| message.payload().ok().flatten())?, 2),
            ["$message", "header", ..] => {
                let headers = self.message(|message| message.header_schemas())?;
                (headers.below(&words.get(2..)?.join(".")), words.len())
            }
            ["$statusCode"] => (Value::of_kind("integer"), 1),
            ["$url" | "$method" | "$self"] => (Value::of_kind("string"), 1),
            ["$sourceDescriptions", _, "url"] => (Value::of_kind("string"), 3),
            _ => return None,
        })
    }

    fn input(self, name: &str) -> Option<Value<'b>> {
        let schema = self.workflow?.inputs.as_ref()?;
        let (key, node) = properties(&self.document.root, schema).into_iter().find(|(key, _)| key.name == name)?;
        let schemas = vec![Schema { api: Api::alone(&self.document.root), node }];
        Some(Value { schemas, place: Some(key.span), is_secret: is_secret(node), ..Value::default() })
    }

    /// An output of the step, or of the workflow that it calls.
    fn step_output(self, name: &str, depth: usize) -> Option<Value<'b>> {
        let step = self.step?;
        match step.outputs.iter().find(|output| output.name.name == name) {
            Some(output) => self.output(output, depth),
            None => self.called_by_step()?.returned(name, depth),
        }
    }

    /// An output of the workflow.
    fn returned(self, name: &str, depth: usize) -> Option<Value<'b>> {
        let output = self.workflow?.outputs.iter().find(|output| output.name.name == name)?;
        self.output(output, depth)
    }

    fn output(self, output: &'b Output, depth: usize) -> Option<Value<'b>> {
        let mut value = self.written_within(&output.value, depth + 1)?;
        if let Some(text) = output.value.as_str().filter(|text| text.starts_with('$')) {
            value.from.insert(0, format!("`{text}`"));
        }
        value.place.get_or_insert(output.name.span);
        Some(value)
    }

    /// The value of what is written at a node: an expression, a text with some, a constant.
    pub(super) fn written(self, node: &'b Node) -> Option<Value<'b>> {
        self.written_within(node, 0)
    }

    fn written_within(self, node: &'b Node, depth: usize) -> Option<Value<'b>> {
        if selector(node, &self.bundle.sources).is_some() {
            return None;
        }
        Some(match &node.kind {
            Kind::String(text) => {
                let whole = text.strip_prefix("{").and_then(|text| text.strip_suffix('}')).unwrap_or(text);
                match around(whole, 0) {
                    Some(range) if range == (0..whole.len()) => return self.value_within(whole, depth),
                    // An expression in a form that is not looked into here.
                    Some(_) if !text.contains(char::is_whitespace) && !text.starts_with('{') => return None,
                    _ => Value::of_kind("string"),
                }
            }
            Kind::Null => return None,
            _ => Value::of_kind(crate::json_schema::type_of(&node.to_json())),
        })
    }

    fn response_body(self) -> Option<Value<'b>> {
        let operation = self.operation()?;
        let (mut schemas, mut place) = (vec![], None);
        for (key, answer) in operation.response_nodes() {
            if !status::is_success(&key.name) && key.name != "default" {
                continue;
            }
            let Ok(answer) = operation.api().resolve(answer) else { continue };
            place.get_or_insert(key.span);
            let described = operation.content(answer).into_iter().filter_map(|media| media.schema);
            schemas.extend(described.map(|node| Schema { api: operation.api(), node }));
            // What `default` describes is usually what goes wrong.
            if !schemas.is_empty() && status::is_success(&key.name) {
                place = Some(key.span);
            }
        }
        Some(Value::described(schemas, place, format!("the answer of `{}`", operation.endpoint())))
    }

    fn request_body(self) -> Option<Value<'b>> {
        let operation = self.operation()?;
        let body = operation.request_body().ok().flatten()?;
        let schemas = body.content.iter().filter_map(|media| media.schema);
        let schemas: Vec<_> = schemas.map(|node| Schema { api: operation.api(), node }).collect();
        let place = operation.node.member("requestBody").map(|(key, _)| key.span);
        Some(Value::described(schemas, place, format!("the body of `{}`", operation.endpoint())))
    }

    fn response_header(self, name: &str) -> Option<Value<'b>> {
        let operation = self.operation()?;
        let answers = operation.response_nodes().iter();
        let answers = answers.filter_map(|(_, answer)| operation.api().resolve(answer).ok());
        let mut headers = answers.flat_map(|answer| answer.get("headers").map(Node::members).unwrap_or_default());
        let from = format!("the answer of `{}`", operation.endpoint());
        let Some((key, header)) = headers.find(|(key, _)| key.name.eq_ignore_ascii_case(name)) else {
            return Some(Value { kind: Some("string"), from: vec![from], ..Value::default() });
        };
        let schema = operation.api().resolve(header).ok().and_then(|header| operation.header_schema(header));
        let schemas = schema.map(|node| Schema { api: operation.api(), node }).into_iter().collect();
        Some(Value::described(schemas, Some(key.span), from))
    }

    /// A parameter of the operation that the step calls.
    pub(super) fn parameter(self, place: &str, name: &str) -> Option<Value<'b>> {
        let operation = self.operation()?;
        let (parameters, _) = operation.parameters();
        let is_same = |known: &str| if place == "header" { known.eq_ignore_ascii_case(name) } else { known == name };
        let found = parameters.iter().find(|parameter| parameter.location == place && is_same(parameter.name))?;
        let schemas = found.schema().map(|node| Schema { api: operation.api(), node }).into_iter().collect();
        let place = found.node.get("name").map_or(found.node.span, |name| name.span);
        Some(Value::described(schemas, Some(place), format!("the request of `{}`", operation.endpoint())))
    }

    /// A part of the messages that the step sends or waits for.
    fn message<I: IntoIterator<Item = &'b Node>>(
        self,
        part: impl Fn(&crate::asyncapi::Message<'b>) -> I,
    ) -> Option<Value<'b>> {
        let messages = self.messages();
        let first = messages.first()?;
        let named: Vec<String> = messages.iter().map(|message| format!("`{}`", message.name)).collect();
        let schemas = messages.iter().flat_map(|message| part(message).into_iter().map(|node| (message.api(), node)));
        let schemas: Vec<_> = schemas.map(|(api, node)| Schema { api, node }).collect();
        let place = schemas.first().map_or(first.span(), |schema| schema.node.span);
        Some(Value::described(schemas, Some(place), format!("the message {}", named.join(" or "))))
    }

    /// What is described of the value at a way into the payload of the step.
    pub(super) fn payload(self, way: &[String]) -> Option<Value<'b>> {
        let described = match self.step?.action {
            Some(_) => self.message(|message| message.payload().ok().flatten()),
            None => self.request_body(),
        }?;
        Some(way.iter().fold(described, |value, token| value.below(token)))
    }

    /// The names of headers that the messages of the step have.
    pub(super) fn message_headers(self) -> Vec<(&'b Key, Schema<'b>)> {
        self.message(|message| message.header_schemas()).map(|headers| headers.members()).unwrap_or_default()
    }
}

/// A member that may be written behind a value: its name in a pointer, its type, its description.
pub(super) fn told(key: &Key, schema: Schema<'_>) -> (String, String, String) {
    let value = Value { schemas: vec![schema], ..Value::default() };
    let name = key.name.replace('~', "~0").replace('/', "~1");
    let words = value.said("description").and_then(Node::as_str).unwrap_or_default();
    let kind = type_of(schema.node).or_else(|| value.type_words()).unwrap_or_default();
    (name, kind, words.to_owned())
}
