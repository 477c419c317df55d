//! AsyncAPI 3 documents as far as steps need them: channels, operations, messages, servers. A view over a tree, as lazy as
//! `openapi/`: nothing is looked at before it is asked for, and references are followed where they are met.

use crate::node::{Key, Kind, Node};
use crate::openapi::store::DocumentStore;
use crate::openapi::{Api, Broken};
use crate::value::Pointer;

mod address;
pub(crate) mod binding;
mod described;
mod message;
mod protocol;
mod server;

pub(crate) use described::Used;
pub use message::{CorrelationPlace, Message, MessagePart, is_id_header};
pub use protocol::Protocol;
pub use server::Server;

/// An AsyncAPI document and those that it refers to.
#[derive(Clone, Copy)]
pub struct AsyncApi<'a> {
    root: &'a Node,
    api: Api<'a>,
}

/// An entry of `channels`.
#[derive(Clone, Copy)]
pub struct Channel<'a> {
    document: AsyncApi<'a>,
    /// Its key: the name by which operations and steps know it.
    pub key: &'a Key,
    node: &'a Node,
}

/// An entry of `operations`.
#[derive(Clone, Copy)]
pub struct Operation<'a> {
    document: AsyncApi<'a>,
    /// Its key: the id by which steps name it.
    pub key: &'a Key,
    node: &'a Node,
}

/// A Parameter Object of a channel.
#[derive(Clone, Copy)]
pub struct Parameter<'a> {
    /// Its name.
    pub name: &'a str,
    node: &'a Node,
}

/// Where the answer to the message of an operation comes.
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    document: AsyncApi<'a>,
    node: &'a Node,
}

impl<'a> AsyncApi<'a> {
    /// A view of the document with this root, which may refer to the documents in the store.
    #[must_use]
    pub fn new(root: &'a Node, store: &'a DocumentStore) -> Self {
        Self { root, api: Api::new(root, store) }
    }

    /// `asyncapi`
    #[must_use]
    pub fn version(self) -> Option<&'a Node> {
        self.root.get("asyncapi")
    }

    /// `true` for a document whose objects mean what is read here: those of AsyncAPI 3.
    #[must_use]
    pub fn is_known_version(self) -> bool {
        let text = self.version().map(Node::as_written).unwrap_or_default();
        text == "3" || text.starts_with("3.")
    }

    /// Names of the security schemes of a document.
    #[must_use]
    pub fn scheme_names(root: &Node) -> Vec<String> {
        let schemes = root.get("components").and_then(|components| components.get("securitySchemes"));
        schemes.map(Node::members).unwrap_or_default().iter().map(|(key, _)| key.name.clone()).collect()
    }

    /// The view through which references are followed and schemas are read.
    #[must_use]
    pub fn api(self) -> Api<'a> {
        self.api
    }

    /// `defaultContentType`
    #[must_use]
    pub fn default_content_type(self) -> Option<&'a str> {
        self.root.get("defaultContentType").and_then(Node::as_str)
    }

    fn map(self, name: &str) -> &'a [(Key, Node)] {
        self.root.get(name).map(Node::members).unwrap_or_default()
    }

    /// All channels, in the order of the document; without those behind a reference that leads nowhere.
    pub fn channels(self) -> impl Iterator<Item = Channel<'a>> {
        self.map("channels").iter().filter_map(move |(key, node)| {
            let node = self.api.resolve(node).ok()?;
            Some(Channel { document: self, key, node })
        })
    }

    /// The channel with this key.
    ///
    /// # Errors
    /// [`Broken`] if it is a reference that cannot be followed.
    pub fn channel(self, key: &str) -> Result<Option<Channel<'a>>, Broken> {
        let Some((key, node)) = self.map("channels").iter().find(|(known, _)| known.name == key) else {
            return Ok(None);
        };
        Ok(Some(Channel { document: self, key, node: self.api.resolve(node)? }))
    }

    /// The channel at a pointer into the document: `/channels/orders`.
    ///
    /// # Errors
    /// As [`AsyncApi::channel`].
    pub fn channel_at(self, pointer: &Pointer) -> Result<Option<Channel<'a>>, Broken> {
        match pointer.tokens() {
            [channels, key] if channels == "channels" => self.channel(key),
            _ => Ok(None),
        }
    }

    /// The channel that a field `channel: {$ref}` leads to.
    fn referred(self, node: &'a Node) -> Result<Option<Channel<'a>>, Broken> {
        let written = node.get("$ref").and_then(Node::as_str).unwrap_or_default();
        if let Some(found) = written.strip_prefix('#') {
            let decoded = percent_encoding::percent_decode_str(found).decode_utf8_lossy();
            if let Some(found) = self.channel_at(&Pointer::parse(&decoded))? {
                return Ok(Some(found));
            }
        }
        let target = self.api.resolve(node)?;
        Ok(self.channels().find(|channel| std::ptr::eq(channel.node, target)))
    }

    /// All operations, in the order of the document.
    pub fn operations(self) -> impl Iterator<Item = Operation<'a>> {
        self.map("operations").iter().filter_map(move |(key, node)| {
            let node = self.api.resolve(node).ok()?;
            Some(Operation { document: self, key, node })
        })
    }

    /// Why there is no operation with this key, though the document has one.
    #[must_use]
    pub(crate) fn broken_operation(self, key: &str) -> Option<Broken> {
        let (_, node) = self.map("operations").iter().find(|(known, _)| known.name == key)?;
        self.api.resolve(node).err()
    }

    /// The operation with this key.
    #[must_use]
    pub fn operation(self, key: &str) -> Option<Operation<'a>> {
        self.operations().find(|operation| operation.key.name == key)
    }

    /// The servers of the document.
    pub fn servers(self) -> impl Iterator<Item = Server<'a>> {
        self.map("servers")
            .iter()
            .filter_map(move |(key, node)| Some(Server::new(self.api, &key.name, self.api.resolve(node).ok()?)))
    }
}

impl<'a> Channel<'a> {
    /// Its key.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.key.name
    }

    /// The document that it stands in.
    #[must_use]
    pub fn document(&self) -> AsyncApi<'a> {
        self.document
    }

    /// `address`: none where it is null or absent, which only who runs it knows.
    #[must_use]
    pub fn address(&self) -> Option<&'a str> {
        let node = self.node.get("address")?;
        // One of digits is a text too, as it is written.
        node.as_str().or_else(|| Some(node.as_written()).filter(|text| !text.is_empty()))
    }

    /// `address`, as it is written, with its place.
    #[must_use]
    pub fn address_text(&self) -> Option<&'a Node> {
        self.node.get("address")
    }

    /// `messages`: all that may be on it.
    #[must_use]
    pub fn messages(&self) -> Vec<Message<'a>> {
        let members = self.node.get("messages").map(Node::members).unwrap_or_default();
        let read = |(key, node): &'a (Key, Node)| {
            Some(Message::new(self.document, &key.name, self.document.api.resolve(node).ok()?))
        };
        members.iter().filter_map(read).collect()
    }

    /// `parameters`
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        let members = self.node.get("parameters").map(Node::members).unwrap_or_default();
        let api = self.document.api;
        members.iter().filter_map(move |(key, node)| Some(Parameter { name: &key.name, node: api.resolve(node).ok()? }))
    }

    /// The keys of `parameters`, also of those behind a reference that leads nowhere.
    pub(crate) fn parameter_keys(&self) -> Vec<&'a Key> {
        let node = self.node.get("parameters").and_then(|node| self.document.api.resolve(node).ok());
        let members = node.map(Node::members).unwrap_or_default().iter().map(|(key, _)| key);
        members.filter(|key| !key.name.starts_with("x-")).collect()
    }

    /// `true` if `address` is neither a text nor null.
    pub(crate) fn has_odd_address(&self) -> bool {
        self.address_text().is_some_and(|node| node.as_str().is_none() && !matches!(node.kind, Kind::Null))
    }

    /// The servers that it is on: those that it names, else all of the document.
    #[must_use]
    pub fn servers(&self) -> Vec<Server<'a>> {
        let named = self.node.get("servers").map(Node::items).unwrap_or_default();
        if named.is_empty() {
            return self.document.servers().collect();
        }
        let targets: Vec<&Node> = named.iter().filter_map(|node| self.document.api.resolve(node).ok()).collect();
        let all: Vec<Server<'a>> = self.document.servers().collect();
        let of = |target: &&Node| all.iter().find(|server| std::ptr::eq(server.node(), *target)).copied();
        targets.iter().filter_map(of).collect()
    }

    /// `bindings`
    #[must_use]
    pub fn bindings(&self) -> Option<&'a Node> {
        let node = self.node.get("bindings")?;
        self.document.api.resolve(node).ok()
    }
}

impl<'a> Operation<'a> {
    /// Its key.
    #[must_use]
    pub fn id(&self) -> &'a str {
        &self.key.name
    }

    /// The first of a field in the operation and its traits.
    fn field(&self, name: &str) -> Option<&'a Node> {
        self.node.get(name).or_else(|| {
            let traits = self.node.get("traits").map(Node::items).unwrap_or_default();
            traits.iter().rev().filter_map(|node| self.document.api.resolve(node).ok()).find_map(|node| node.get(name))
        })
    }

    /// `action`: `send` or `receive`, as the application does that the document describes.
    #[must_use]
    pub fn action(&self) -> Option<&'a Node> {
        self.node.get("action")
    }

    /// `channel`
    ///
    /// # Errors
    /// [`Broken`] if it is a reference that cannot be followed.
    pub fn channel(&self) -> Result<Option<Channel<'a>>, Broken> {
        self.node.get("channel").map_or(Ok(None), |node| self.document.referred(node))
    }

    /// `messages`, by the messages of its channel; all of those without it.
    #[must_use]
    pub fn messages(&self, channel: &Channel<'a>) -> Vec<Message<'a>> {
        select(self.document, self.node.get("messages"), channel)
    }

    /// `reply`
    #[must_use]
    pub fn reply(&self) -> Option<Reply<'a>> {
        let node = self.node.get("reply")?;
        Some(Reply { document: self.document, node: self.document.api.resolve(node).ok()? })
    }

    /// `bindings`
    #[must_use]
    pub fn bindings(&self) -> Option<&'a Node> {
        self.document.api.resolve(self.field("bindings")?).ok()
    }

    /// Names of the security schemes that it asks for, beside those of its server.
    #[must_use]
    pub fn security(&self) -> Vec<(String, &'a Node)> {
        server::schemes(self.document.api, self.field("security"))
    }
}

impl<'a> Reply<'a> {
    /// `channel`
    ///
    /// # Errors
    /// [`Broken`] if it is a reference that cannot be followed.
    pub fn channel(&self) -> Result<Option<Channel<'a>>, Broken> {
        self.node.get("channel").map_or(Ok(None), |node| self.document.referred(node))
    }

    /// `messages`, by the messages of its channel.
    #[must_use]
    pub fn messages(&self, channel: &Channel<'a>) -> Vec<Message<'a>> {
        select(self.document, self.node.get("messages"), channel)
    }

    /// `true` if it has an `address`, whatever that is.
    pub(crate) fn has_address(&self) -> bool {
        self.node.get("address").is_some()
    }

    /// `address.location`: the place in the message before that says where the answer comes.
    #[must_use]
    pub fn address(&self) -> Option<CorrelationPlace> {
        let node = self.document.api.resolve(self.node.get("address")?).ok()?;
        CorrelationPlace::parse(node.get("location")?.as_str()?)
    }
}

/// The messages of a channel that a list of references names; all of them without a list.
fn select<'a>(document: AsyncApi<'a>, list: Option<&'a Node>, channel: &Channel<'a>) -> Vec<Message<'a>> {
    let Some(list) = list else { return channel.messages() };
    let mut found: Vec<Message<'a>> = vec![];
    for message in list.items().iter().filter_map(|node| meant(document, node, channel).ok().flatten()) {
        if !found.iter().any(|known| known.name == message.name) {
            found.push(message);
        }
    }
    found
}

/// The message of a channel that a reference names; nothing if the channel does not have it.
fn meant<'a>(document: AsyncApi<'a>, node: &'a Node, channel: &Channel<'a>) -> Result<Option<Message<'a>>, Broken> {
    let all = channel.messages();
    // Two messages of a channel may be one object: the reference says which is meant.
    let written = node.get("$ref").and_then(Node::as_str).unwrap_or_default();
    let pointer = Pointer::parse(written.split_once('#').map_or("", |(_, pointer)| pointer));
    let key = pointer.tokens().last().cloned();
    let is_named = |message: &&Message<'a>| Some(message.name) == key.as_deref();
    let target = match document.api.resolve(node) {
        Ok(target) => target,
        Err(broken) => {
            // Through a channel that is a reference itself.
            let way = ["channels", channel.name(), "messages"];
            let is_through = pointer.tokens().len() == 4 && pointer.tokens().iter().zip(way).all(|(a, b)| a == b);
            let found = all.iter().find(is_named).filter(|_| is_through).copied();
            return found.map_or(Err(broken), |found| Ok(Some(found)));
        }
    };
    let same = |message: &&Message<'a>| std::ptr::eq(target, message.node());
    let named = all.iter().filter(same).find(is_named);
    Ok(named.or_else(|| all.iter().find(same)).copied())
}

impl<'a> Parameter<'a> {
    /// `default`
    #[must_use]
    pub fn default(&self) -> Option<&'a str> {
        self.node.get("default").map(Node::as_written)
    }

    /// `enum`
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        let values = self.node.get("enum").map(Node::items).unwrap_or_default();
        values.iter().map(|value| value.as_written().to_owned()).collect()
    }

    /// `location`: the place in the message that has its value.
    #[must_use]
    pub fn location(&self) -> Option<CorrelationPlace> {
        CorrelationPlace::parse(self.node.get("location")?.as_str()?)
    }
}

/// `true` where two names are one but for case and punctuation: `confirmOrder`, `confirm-order`.
#[must_use]
pub fn is_same_name(one: &str, other: &str) -> bool {
    let folded =
        |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let one = folded(one);
    !one.is_empty() && one == folded(other)
}
