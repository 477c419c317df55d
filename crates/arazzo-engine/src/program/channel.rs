//! Channels as far as steps need them: where messages go and come from, and what they are said to be.

use crate::asyncapi::{CorrelationPlace, Protocol};
use crate::limits::{Decides, Servers};
use crate::openapi::schema::Checked;
use crate::openapi::server::{NoUrl, Server, without_slash};
use crate::source::Span;
use crate::value::{Json, Map};

use super::{Argument, Body, Build, Call, OperationId, Program, Step};
use serde::{Deserialize, Serialize};

/// A channel: its index in [`Program::channels`](super::Program::channels).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChannelId(pub u32);

/// A channel of an AsyncAPI document, or what messages of an OpenAPI document come by.
#[derive(Debug)]
#[non_exhaustive]
pub struct Channel {
    /// Index in [`Program::apis`](super::Program::apis).
    pub api: usize,
    /// Its key in the document.
    pub name: String,
    /// `address`, with its parameters in braces; nothing where it is known only when a run answers.
    pub address: Option<String>,
    /// `parameters`
    pub parameters: Vec<ChannelParameter>,
    /// The servers that it is on, in their order.
    pub servers: Vec<ChannelServer>,
    /// The index of the one that is connected to if none is given: the first whose protocol this build speaks, else the first
    /// whose protocol is known.
    pub chosen: Option<usize>,
    /// `messages`
    pub messages: Vec<Message>,
    /// `bindings`, by protocol.
    pub bindings: Map<String, Json>,
    /// What it is.
    pub kind: ChannelKind,
    /// Where it is described.
    pub span: Span,
}

/// What a channel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// A channel of an AsyncAPI document.
    Described,
    /// The stream of events that an operation of an OpenAPI document answers with.
    Stream,
    /// A webhook of an OpenAPI document: its server sends the messages, as requests.
    Webhook {
        /// `POST`
        method: String,
        /// The status by which it hears that one was taken.
        status: u16,
    },
}

/// A parameter of the address of a channel.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChannelParameter {
    /// Its name.
    pub name: String,
    /// `default`
    pub default: Option<String>,
    /// `enum`: what it may be; empty for anything.
    pub values: Vec<String>,
    /// `location`: the place in a message that has its value.
    pub location: Option<CorrelationPlace>,
}

/// A server that a channel is on.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChannelServer {
    /// Its key in the document.
    pub name: String,
    /// The protocol; nothing for one that is not known.
    pub protocol: Option<Protocol>,
    /// `protocol`, as written.
    pub protocol_text: String,
    /// Host and path, which may have variables.
    pub url: Server,
    /// Security schemes, any of which is enough.
    pub security: Vec<ChannelScheme>,
}

/// A security scheme of a server of channels.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ChannelScheme {
    /// Its name in the document.
    pub name: String,
    /// `type`
    pub kind: String,
    /// `scheme`, of `http`.
    pub scheme: String,
    /// `in`, of API keys.
    pub location: String,
    /// `name`, of API keys: of the header, the query parameter, the cookie.
    pub parameter: String,
}

/// What a message is said to be.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message {
    /// Its key in the channel.
    pub name: String,
    /// `contentType`, or that of the document.
    pub content_type: Option<String>,
    /// `correlationId.location`
    pub correlation: Option<CorrelationPlace>,
    /// Names of the headers that are declared.
    pub headers: Vec<String>,
    /// What its headers are checked against.
    pub header_schema: Option<Checked>,
    /// What its payload is checked against.
    pub payload_schema: Option<Checked>,
    /// Values to choose from where one is made: those of its examples, else one that its schemas describe. Headers, payload.
    pub samples: Vec<(Json, Json)>,
    /// `true` if these are its examples.
    pub documented: bool,
    /// `bindings`, by protocol.
    pub bindings: Map<String, Json>,
    /// Where it is described.
    pub span: Span,
}

/// The channel of a step, and which of its messages are meant.
#[derive(Debug)]
#[non_exhaustive]
pub struct MessageTarget {
    /// The channel.
    pub channel: ChannelId,
    /// The operation that the step names, if it names one.
    pub operation: Option<String>,
    /// Indexes in [`Channel::messages`].
    pub messages: Vec<usize>,
    /// `bindings` of the operation, by protocol.
    pub bindings: Map<String, Json>,
    /// Parameters: of the address, headers, the query of a handshake.
    pub arguments: Vec<Argument>,
}

/// A step that sends a message.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendCall {
    /// Where to.
    pub target: MessageTarget,
    /// `requestBody`: its payload.
    pub body: Option<Body>,
    /// The place in the message that says where its answer comes, if the operation has one.
    pub reply_to: Option<CorrelationPlace>,
}

/// A step that receives a message.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReceiveCall {
    /// Where from.
    pub target: MessageTarget,
    /// The request that is answered with the stream that it listens to, of an operation of OpenAPI.
    pub request: Option<StreamRequest>,
    /// `correlationId`
    pub correlation: Option<Build>,
    /// The place in the message of the same operation that says where its answer comes.
    pub reply_to: Option<CorrelationPlace>,
    /// `true` if the workflow goes on while the message has not come: a later step says that it waits for it.
    pub stays_open: bool,
}

/// A request that is answered with a stream of events. Its parameters are those of the target.
#[derive(Debug)]
#[non_exhaustive]
pub struct StreamRequest {
    /// Which operation.
    pub operation: OperationId,
    /// `requestBody`
    pub body: Option<Body>,
}

impl Call {
    /// The channel that it sends to or receives from.
    #[must_use]
    pub fn target(&self) -> Option<&MessageTarget> {
        match self {
            Self::Send(send) => Some(&send.target),
            Self::Receive(receive) => Some(&receive.target),
            Self::Operation { .. } | Self::Workflow { .. } => None,
        }
    }

    /// `true` if it sends the message of an operation whose answer is received by this.
    #[must_use]
    pub(crate) fn answers(&self, receive: &ReceiveCall) -> bool {
        let Self::Send(send) = self else { return false };
        send.target.operation.is_some() && send.target.operation == receive.target.operation
    }

    /// The message that it waits for.
    #[must_use]
    pub fn receive(&self) -> Option<&ReceiveCall> {
        if let Self::Receive(receive) = self { Some(receive) } else { None }
    }

    /// What it does with its channel, in a word: `send`, `receive`.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Send(_) => "send",
            Self::Receive(_) => "receive",
            Self::Operation { .. } | Self::Workflow { .. } => "call",
        }
    }
}

impl Program {
    /// `true` if a step of the workflows sends or receives.
    #[must_use]
    pub fn has_channels(&self) -> bool {
        !self.channels.is_empty()
    }

    /// The channel that a step sends to or receives from.
    #[must_use]
    pub fn channel_of(&self, step: &Step) -> Option<&Channel> {
        self.channel(step.call.target()?.channel)
    }

    /// The channels, each with the name of its source.
    pub(crate) fn channels_by_source(&self) -> impl Iterator<Item = (&str, &Channel)> {
        self.channels.iter().filter_map(|channel| Some((self.apis.get(channel.api)?.name.as_str(), channel)))
    }

    /// A channel of this program.
    #[must_use]
    pub fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.get(id.0 as usize)
    }

    /// What a step does with its channel, in words: `send orders`.
    #[must_use]
    pub fn describe_message(&self, step: &Step) -> Option<String> {
        Some(format!("{} {}", step.call.verb(), self.channel_of(step)?.name))
    }

    /// The source description that a step calls, sends to or receives from.
    #[must_use]
    pub fn source_of(&self, step: &Step) -> Option<&str> {
        let api = self.operation_of(step).map(|operation| operation.api);
        let api = api.or_else(|| self.channel_of(step).map(|channel| channel.api))?;
        self.apis.get(api).map(|api| api.name.as_str())
    }
}

impl Channel {
    /// The messages of a target.
    pub fn messages_of<'c>(&'c self, target: &'c MessageTarget) -> impl Iterator<Item = &'c Message> {
        target.messages.iter().filter_map(|index| self.messages.get(*index))
    }

    /// `true` for messages that others bring, as requests: nothing is connected to for them.
    #[must_use]
    pub fn is_webhook(&self) -> bool {
        matches!(self.kind, ChannelKind::Webhook { .. })
    }

    /// The server that is connected to if none is given.
    #[must_use]
    pub fn server(&self) -> Option<&ChannelServer> {
        self.servers.get(self.chosen?)
    }

    /// `true` if an address has a value for a parameter that the parameter cannot have (`enum`): it is that of another
    /// channel.
    pub(crate) fn has_other_parameters(&self, address: &str, protocol: Protocol) -> bool {
        let (Some(written), Some((wildcard, separator))) = (&self.address, protocol.wildcard()) else { return false };
        protocol.without_group(written).split(separator).zip(address.split(separator)).any(|(level, value)| {
            let name = level.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let known = self.parameters.iter().find(|parameter| Some(parameter.name.as_str()) == name);
            // An address that is made up may leave it open.
            known.is_some_and(|known| {
                value != wildcard && !known.values.is_empty() && known.values.iter().all(|one| one != value)
            })
        })
    }

    /// Why a parameter of its address cannot be a value, in words.
    pub(crate) fn refuses_parameter(&self, name: &str, value: &str, protocol: Protocol) -> Option<String> {
        let described = self.parameters.iter().find(|parameter| parameter.name == name);
        let allowed = described.map(|parameter| parameter.values.as_slice()).unwrap_or_default();
        let separator = protocol.wildcard().map(|(_, separator)| separator);
        // Characters that are never a part of one level of an address.
        let is_unfit = |c: char| c.is_control() || c.is_whitespace() || "+#*>".contains(c) || Some(c) == separator;
        if value.is_empty() || !protocol.is_web() && value.chars().any(is_unfit) {
            return Some("it would change the address".to_owned());
        }
        let is_one = allowed.is_empty() || allowed.iter().any(|known| known == value);
        (!is_one).then(|| format!("it is one of {}", allowed.join(", ")))
    }
}

/// What channels can be connected by: what a compiler has to know of whoever runs a program.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The servers that were given.
    pub servers: Servers,
    /// Protocols that are not spoken, with what would have each: ``the feature `channel-kafka` ``.
    pub absent: Vec<(Protocol, String)>,
    /// Which of the messages that match decides about a step.
    pub receive: Decides,
    /// The sources that a mock stands for: all of them, if it is empty; none, where it is not there.
    pub mocked: Option<Vec<String>>,
}

impl Surroundings {
    /// `true` for a source that a mock stands for.
    pub(crate) fn is_mocked(&self, source: &str) -> bool {
        self.mocked.as_ref().is_some_and(|named| named.is_empty() || named.iter().any(|name| name == source))
    }

    /// `true` for a protocol that is spoken.
    #[must_use]
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.absent.iter().all(|(absent, _)| *absent != protocol)
    }

    /// The protocol of the server that was given for a source; nothing if none was, or if it is none that is known.
    pub(crate) fn given(&self, source: &str, known: &[Protocol], described: Option<Protocol>) -> Option<Protocol> {
        let (scheme, _) = given(&self.servers, source, known)?.split_once("://")?;
        Protocol::of(scheme, "").map(|given| spoken(given, described))
    }

    /// `true` if a server was given for the channels of a source that are on servers of these protocols.
    pub(crate) fn has_server(&self, source: &str, known: &[Protocol]) -> bool {
        given(&self.servers, source, known).is_some()
    }
}

/// The server that was given for channels of a source: its own, or that for all, where it is one of their protocols.
fn given<'s>(servers: &'s Servers, source: &str, known: &[Protocol]) -> Option<&'s str> {
    let fits = |url: &&str| {
        let protocol = url.split_once("://").and_then(|(scheme, _)| Protocol::of(scheme, ""));
        let is_same = |protocol: Protocol| known.iter().any(|known| known.is_akin(protocol));
        protocol.is_some_and(|protocol| known.is_empty() || is_same(protocol))
    };
    servers.named.get(source).map(String::as_str).or_else(|| servers.all.as_deref().filter(fits))
}

/// The scheme of a url says how it is connected to; which version is spoken, the description.
fn spoken(given: Protocol, described: Option<Protocol>) -> Protocol {
    let five = described == Some(Protocol::Mqtt5);
    if given == Protocol::Mqtt && five { Protocol::Mqtt5 } else { given }
}

/// A server as it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) protocol: Protocol,
    /// `host:port`
    pub(crate) host: String,
    /// With a leading slash, or empty.
    pub(crate) path: String,
    /// User and password in the url that was given.
    pub(crate) user: Option<(String, String)>,
}

impl Channel {
    /// The server that is connected to: what was given for the source, else the one that is described.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(crate) fn endpoint(
        &self,
        given: Option<&str>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Endpoint, NoUrl> {
        let described = self.server();
        if let ChannelKind::Webhook { .. } = self.kind {
            // Nothing is connected to: who sends connects.
            let host = format!("webhooks-{}:0", self.api);
            return Ok(Endpoint { protocol: Protocol::Http, host, path: String::new(), user: None });
        }
        if self.kind == ChannelKind::Stream {
            let server = described.ok_or(NoUrl::Relative)?;
            return web_endpoint(&given.map_or_else(|| server.url.filled(variable), |url| Ok(without_slash(url)))?);
        }
        let Some(url) = given else {
            let server = described.ok_or(NoUrl::Relative)?;
            let protocol = server.protocol.ok_or(NoUrl::Relative)?;
            let text = server.url.fill(variable)?;
            return endpoint(protocol, &text).ok_or(NoUrl::NotHttp(text));
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| NoUrl::NotHttp(url.to_owned()))?;
        let protocol = Protocol::of(scheme, "").ok_or_else(|| NoUrl::NotHttp(url.to_owned()))?;
        let protocol = spoken(protocol, described.and_then(|server| server.protocol));
        endpoint(protocol, rest).ok_or_else(|| NoUrl::NotHttp(url.to_owned()))
    }
}

/// The protocol of a channel that is mocked and has no server.
const MOCKED: Protocol = Protocol::Nats;

impl Channel {
    /// The protocols of its servers that are known.
    pub(crate) fn protocols(&self) -> Vec<&'static str> {
        let mut found: Vec<&'static str> = vec![];
        for word in self.servers.iter().filter_map(|server| Some(server.protocol?.word())) {
            if !found.contains(&word) {
                found.push(word);
            }
        }
        found
    }

    /// The server that was given for it.
    pub(crate) fn given<'s>(&self, source: &str, servers: &'s Servers) -> Option<&'s str> {
        let known: Vec<Protocol> = self.servers.iter().filter_map(|server| server.protocol).collect();
        given(servers, source, &known)
    }

    /// The protocol that is spoken with the server of a source; nothing where there is no server.
    #[must_use]
    pub fn protocol(&self, source: &str, servers: &Servers) -> Option<Protocol> {
        self.endpoint_or_mocked(source, servers, false).ok().map(|endpoint| endpoint.protocol)
    }

    /// As [`Channel::endpoint`], with these settings; a channel that is mocked needs no server.
    pub(crate) fn endpoint_or_mocked(
        &self,
        source: &str,
        servers: &Servers,
        is_mocked: bool,
    ) -> Result<Endpoint, NoUrl> {
        let variable = |name: &str| servers.variable(source, name).map(str::to_owned);
        let found = self.endpoint(self.given(source, servers), &variable);
        match found {
            Err(_) if is_mocked => {
                Ok(Endpoint { protocol: MOCKED, host: format!("{source}:0"), path: String::new(), user: None })
            }
            found => found,
        }
    }
}

/// The server of an operation as it is connected to.
fn web_endpoint(url: &str) -> Result<Endpoint, NoUrl> {
    let wrong = || NoUrl::NotHttp(url.to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let protocol = Protocol::of(scheme, "").filter(|protocol| matches!(protocol, Protocol::Http | Protocol::Https));
    // A query of a server is sent behind the path of the operation.
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    endpoint(protocol.ok_or_else(wrong)?, rest).ok_or_else(wrong)
}

/// `user:password@host:port/path`
fn endpoint(protocol: Protocol, text: &str) -> Option<Endpoint> {
    let text = text.trim_start_matches('/');
    // A scheme that the url parser treats as it treats http.
    let parsed = url::Url::parse(&format!("http://{text}")).ok()?;
    // A brace that is left is a variable that nothing fills in.
    let is_open = |text: &str| text.contains(['{', '}']);
    if parsed.query().is_some() || parsed.fragment().is_some() || is_open(text.split('/').next().unwrap_or_default()) {
        return None;
    }
    let written = text.split('/').next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
    let port = match parsed.port() {
        Some(port) => port,
        None if written.ends_with(":80") => 80,
        None => protocol.port(),
    };
    let path = parsed.path().trim_end_matches('/').to_owned();
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = (!parsed.username().is_empty())
        .then(|| (decoded(parsed.username()), decoded(parsed.password().unwrap_or_default())));
    Some(Endpoint { protocol, host: format!("{}:{port}", parsed.host_str()?), path, user })
}
