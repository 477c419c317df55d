//! Whether the objects that a step uses are what AsyncAPI says that they are: references that lead somewhere, values of
//! the right kind. One walk over all of them, by a table of their fields; nothing else of a document is looked at.

use crate::code::{Code, Severity};
use crate::diagnostic::Diagnostic;
use crate::json_schema::TYPES;
use crate::node::{Kind, Node};
use crate::openapi::Api;
use crate::openapi::references;

use super::{Channel, CorrelationPlace, Operation, Protocol, Server, meant};

/// Bytes of a value that are shown in a message.
const SHOWN: usize = 60;

/// What the value of a field has to be.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    /// Null says that it is known in a run only.
    TextOrNull,
    /// A text, or what is written without quotes and read as one.
    Scalar,
    Scalars,
    Word(&'static [&'static str]),
    /// A place in a message.
    Place,
    Schema,
    /// What is asked of protocols.
    Bindings,
    /// References that are followed, to what is looked at where it is used.
    Reference,
    Object(&'static [Field]),
    List(&'static [Field]),
    Map(&'static [Field]),
}

/// A field that steps use, what it has to be, and how much it matters that it is not there.
type Field = (&'static str, Shape, Option<Severity>);

/// A channel without its messages and servers: an operation may name some of them.
const CHANNEL: &[Field] = &[
    ("address", Shape::TextOrNull, None),
    ("parameters", Shape::Map(PARAMETER), None),
    ("bindings", Shape::Bindings, None),
];
const PARAMETER: &[Field] =
    &[("enum", Shape::Scalars, None), ("default", Shape::Scalar, None), ("location", Shape::Place, None)];
const OPERATION: &[Field] = &[
    // What the step does is what counts.
    ("action", Shape::Word(&["send", "receive"]), Some(Severity::Warning)),
    ("bindings", Shape::Bindings, None),
    ("security", Shape::List(&[]), None),
    ("traits", Shape::List(OPERATION_TRAIT), None),
    ("reply", Shape::Object(REPLY), None),
];
const OPERATION_TRAIT: &[Field] = &[("bindings", Shape::Bindings, None), ("security", Shape::List(&[]), None)];
const REPLY: &[Field] = &[("channel", Shape::Reference, None), ("address", Shape::Object(PLACED), None)];
const PLACED: &[Field] = &[("location", Shape::Place, Some(Severity::Error))];
const MESSAGE: &[Field] = &[
    ("headers", Shape::Schema, None),
    ("payload", Shape::Schema, None),
    ("correlationId", Shape::Object(PLACED), None),
    ("contentType", Shape::Text, None),
    ("bindings", Shape::Bindings, None),
    ("examples", Shape::List(&[]), None),
    ("traits", Shape::List(MESSAGE_TRAIT), None),
];
const MESSAGE_TRAIT: &[Field] = &[
    ("headers", Shape::Schema, None),
    ("correlationId", Shape::Object(PLACED), None),
    ("contentType", Shape::Text, None),
    ("bindings", Shape::Bindings, None),
    ("examples", Shape::List(&[]), None),
];
const SERVER: &[Field] = &[
    ("host", Shape::Text, Some(Severity::Error)),
    ("pathname", Shape::Text, None),
    ("variables", Shape::Map(VARIABLE), None),
    ("security", Shape::List(&[]), None),
    ("bindings", Shape::Bindings, None),
];
const VARIABLE: &[Field] = &[("enum", Shape::Scalars, None), ("default", Shape::Scalar, None)];

/// What of a document a step uses.
pub(crate) struct Used<'u, 'a> {
    pub(crate) channel: &'u Channel<'a>,
    pub(crate) operation: Option<&'u Operation<'a>>,
    /// `true` if it is the answer to the message of its operation.
    pub(crate) is_reply: bool,
    /// The server that is connected to; nothing if another one was given.
    pub(crate) server: Option<&'u Server<'a>>,
    /// `true` if no other server than those of the document was given.
    pub(crate) by_servers: bool,
    pub(crate) protocol: Option<Protocol>,
}

impl<'a> Used<'_, 'a> {
    /// What is wrong with it.
    pub(crate) fn faults(&self) -> Vec<Diagnostic> {
        let mut walk = Walk { api: self.channel.document.api, protocol: self.protocol, found: vec![] };
        walk.object("a channel", self.channel.node, CHANNEL);
        if let Some(operation) = self.operation {
            walk.object("an operation", operation.node, OPERATION);
            self.reply(operation, &mut walk);
        }
        self.messages(&mut walk);
        if self.by_servers {
            self.servers(&mut walk);
        }
        walk.found
    }

    /// An answer of which nothing is said comes on the channel of its operation, which may not be what was meant.
    fn reply(&self, operation: &Operation<'a>, walk: &mut Walk<'a>) {
        let Some(reply) = operation.reply().filter(|_| self.is_reply) else { return };
        let says = |name: &str| reply.node.get(name).is_some();
        if !says("channel") && !says("address") {
            let message = format!(
                "the reply of operation `{}` has no `channel`: its answer is taken to come on the channel of the operation",
                operation.id()
            );
            let fault = Diagnostic::warning(Code::MissingField, reply.node.span, message);
            walk.found.push(fault.help("add `channel: {$ref: '#/channels/…'}`"));
        }
    }

    /// The messages that the operation names, else all of the channel.
    fn messages(&self, walk: &mut Walk<'a>) {
        let all = self.channel.node.get("messages");
        let own = self.operation.and_then(|operation| match (self.is_reply, operation.reply()) {
            (true, Some(reply)) => reply.node.get("messages"),
            _ => operation.node.get("messages"),
        });
        if all.is_some_and(|all| !matches!(all.kind, Kind::Object(_))) {
            walk.value("messages", all, Shape::Map(&[]));
        }
        let Some(own) = own else { return walk.value("messages", all, Shape::Map(MESSAGE)) };
        let Kind::Array(items) = &own.kind else { return walk.wrong("`messages`", own, "a list") };
        if items.is_empty() {
            let message = "the operation has no messages: its list of them is empty";
            let fault = Diagnostic::error(Code::UnknownMessage, own.span, message);
            walk.found.push(fault.help("leave `messages` out for all those of its channel"));
        }
        for item in items {
            match meant(self.channel.document, item, self.channel) {
                Ok(Some(message)) => walk.object(&quoted(message.name), message.node(), MESSAGE),
                Ok(None) => {
                    let name = self.channel.name();
                    let message = format!("channel `{name}` has no such message, and the operation names it");
                    walk.found.push(
                        Diagnostic::error(Code::UnknownMessage, item.span, message)
                            .note(self.channel.key.span, "the channel")
                            .help(format!("refer to one of the channel: `#/channels/{name}/messages/…`")),
                    );
                }
                Err(broken) => walk.found.push(broken.diagnostic()),
            }
        }
    }

    /// The servers that the channel names, else those of the document; of the one that is connected to, its fields.
    fn servers(&self, walk: &mut Walk<'a>) {
        let named = self.channel.node.get("servers");
        match named {
            Some(list) => walk.value("servers", Some(list), Shape::List(&[])),
            None => walk.value("servers", self.channel.document.root.get("servers"), Shape::Map(&[])),
        }
        let all: Vec<Server<'a>> = self.channel.document.servers().collect();
        for item in named.map(Node::items).unwrap_or_default() {
            let Ok(target) = walk.api.resolve(item) else { continue };
            if !all.iter().any(|server| std::ptr::eq(server.node(), target)) {
                let message =
                    format!("channel `{}` is on a server that the document does not have", self.channel.name());
                walk.found.push(
                    Diagnostic::error(Code::UnknownServer, item.span, message)
                        .help("refer to one of the document: `#/servers/…`"),
                );
            }
        }
        if let Some(server) = self.server {
            walk.object(&format!("server `{}`", server.name), server.node(), SERVER);
        }
    }
}

struct Walk<'a> {
    api: Api<'a>,
    protocol: Option<Protocol>,
    found: Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    /// What a node is, or refers to; nothing if that was said to be nowhere.
    fn target(&mut self, node: &'a Node) -> Option<&'a Node> {
        let found = self.api.resolve(node);
        found.map_err(|broken| self.found.push(broken.diagnostic())).ok()
    }

    fn object(&mut self, what: &str, node: &'a Node, fields: &[Field]) {
        let Some(node) = self.target(node) else { return };
        if !matches!(node.kind, Kind::Object(_)) {
            return self.wrong(what, node, "an object");
        }
        for (name, shape, needed) in fields {
            let value = node.get(name);
            if let (None, Some(weight)) = (value, needed) {
                let message = format!("{what} has no `{name}`");
                let fault = Diagnostic::error(Code::MissingField, node.span, message).help(format!("add `{name}:`"));
                self.found.push(Diagnostic { severity: *weight, ..fault });
            }
            self.value(name, value, *shape);
        }
    }

    fn value(&mut self, name: &str, value: Option<&'a Node>, shape: Shape) {
        let Some(node) = value else { return };
        let is_text = matches!(node.kind, Kind::String(_));
        let is_scalar = |node: &Node| matches!(node.kind, Kind::String(_) | Kind::Number(_) | Kind::Bool(_));
        match shape {
            Shape::Text if !is_text => self.wrong(&quoted(name), node, "a text"),
            Shape::TextOrNull if !is_text && !matches!(node.kind, Kind::Null) => {
                self.wrong(&quoted(name), node, "a text, or null");
            }
            Shape::Scalar if !is_scalar(node) => self.wrong(&quoted(name), node, "a text"),
            Shape::Scalars if !matches!(&node.kind, Kind::Array(items) if items.iter().all(is_scalar)) => {
                self.wrong(&quoted(name), node, "a list of texts");
            }
            Shape::Text | Shape::TextOrNull | Shape::Scalar | Shape::Scalars => {}
            Shape::Word(words) => self.word(name, node, words),
            Shape::Place => self.place(name, node),
            Shape::Schema => self.schema(name, node),
            Shape::Bindings => self.bindings(name, node),
            Shape::Reference => {
                self.target(node);
            }
            Shape::Object(fields) => self.object(&quoted(name), node, fields),
            Shape::List(fields) => match &node.kind {
                Kind::Array(items) => items.iter().for_each(|item| self.object(&in_list(name), item, fields)),
                _ => self.wrong(&quoted(name), node, "a list"),
            },
            Shape::Map(fields) => {
                let Some(node) = self.target(node) else { return };
                match &node.kind {
                    Kind::Object(members) => members
                        .iter()
                        .filter(|(key, _)| !key.name.starts_with("x-"))
                        .for_each(|(key, value)| self.object(&quoted(&key.name), value, fields)),
                    _ => self.wrong(&quoted(name), node, "an object"),
                }
            }
        }
    }

    fn word(&mut self, name: &str, node: &Node, words: &[&str]) {
        if node.as_str().is_some_and(|word| words.contains(&word)) {
            return;
        }
        let message = format!("`{}` is no `{name}` of an operation; the step says what is done", node.as_written());
        let fault = Diagnostic::warning(Code::UnknownValue, node.span, message);
        self.found.push(fault.help(format!("write one of {}", words.join(", "))));
    }

    fn place(&mut self, name: &str, node: &Node) {
        if node.as_str().is_some_and(|text| CorrelationPlace::parse(text).is_some()) {
            return;
        }
        let message = match node.as_str() {
            Some(text) => format!("`{text}` is no place in a message"),
            None => format!("expected `{name}` to be a place in a message, found {}", node.type_name()),
        };
        self.found.push(
            Diagnostic::error(Code::ExpressionSyntax, node.span, message)
                .help("write $message.payload#/… for a member of the payload, $message.header#/… for a header"),
        );
    }

    /// A schema, or an object with one of another format. What is no JSON Schema is not looked into.
    fn schema(&mut self, name: &str, node: &'a Node) {
        let Some(target) = self.target(node) else { return };
        if let Some(format) = target.get("schemaFormat") {
            if super::message::is_json_schema(format)
                && let Some(schema) = target.get("schema")
            {
                self.schema(name, schema);
            }
            return;
        }
        match &target.kind {
            Kind::Object(_) => self.references(target),
            Kind::Bool(_) => {}
            // What somebody writes for one: `payload: string`.
            Kind::String(word) if TYPES.contains(&word.as_str()) => {
                self.wrong(&quoted(name), target, &format!("a schema, such as {{ type: {word} }}"));
            }
            _ => self.wrong(&quoted(name), target, "a schema"),
        }
    }

    /// What is asked of the protocol that is spoken; that of others is not looked at.
    fn bindings(&mut self, name: &str, node: &'a Node) {
        let Some(target) = self.target(node) else { return };
        if !matches!(target.kind, Kind::Object(_)) {
            return self.wrong(&quoted(name), target, "an object");
        }
        for name in self.protocol.map(Protocol::binding_names).unwrap_or_default() {
            let Some(own) = target.get(name).and_then(|own| self.target(own)) else { continue };
            match &own.kind {
                Kind::Object(_) => self.references(own),
                Kind::Null => {}
                _ => self.wrong(&format!("`bindings.{name}`"), own, "an object"),
            }
        }
    }

    /// The references inside of a schema, and of those that it leads to.
    fn references(&mut self, start: &'a Node) {
        let api = self.api;
        references::reached(vec![start], &mut |reference| {
            let target = api.target(reference.as_str()?, reference);
            target.map_err(|broken| self.found.push(broken.diagnostic())).ok()
        });
    }

    fn wrong(&mut self, what: &str, node: &Node, wanted: &str) {
        let found = match &node.kind {
            Kind::String(text) | Kind::Number(text) if text.len() <= SHOWN => format!("`{text}`"),
            _ => node.type_name().to_owned(),
        };
        let message = format!("expected {what} to be {wanted}, found {found}");
        let fault = Diagnostic::error(Code::WrongType, node.span, message);
        let quote = matches!(node.kind, Kind::Number(_)) && wanted.starts_with("a text");
        self.found.push(if quote { fault.help("write it in quotes") } else { fault });
    }
}

fn quoted(name: &str) -> String {
    format!("`{name}`")
}

fn in_list(name: &str) -> String {
    format!("what `{name}` lists")
}
