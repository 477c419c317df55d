//! Step + scope → channel: its server, its address with the parameters in it, and who connects.

use crate::asyncapi::{CorrelationPlace, MessagePart, Protocol};
use crate::credentials::{BEARER, PASSWORD, USER};
use crate::expr::Lookup;
use crate::expr::eval::SeenMessage;
use crate::fingerprint::fingerprint;
use crate::openapi::encode;
use crate::program::{Argument, Channel, ChannelKind, ChannelScheme, Endpoint, Location, MessageTarget, Step};
use crate::reason::Reason;
use crate::remedy::{Credential, Remedy};
use crate::value::{Json, Map, Value};

use super::super::fault::Fault;
use super::super::message::{self, Hook, Login};
use super::super::wire::FailureKind;
use super::super::{Machine, select};

/// A channel as it is connected to.
pub(super) struct Resolved {
    pub(super) channel: message::Channel,
    /// `true` if the address stands for several.
    pub(super) is_pattern: bool,
    /// The fingerprint of where it is, and who connects.
    pub(super) key: u64,
    /// `true` if nothing that is open stands for it: each time, it is opened anew.
    pub(super) renews: bool,
}

/// What helps where a server of channels is not there, or lets nobody in.
pub(super) fn remedy_of_loss(kind: FailureKind, channel: Option<&Channel>) -> Option<Remedy> {
    match kind {
        FailureKind::Dns | FailureKind::Connect => Some(Remedy::GiveOtherServer),
        FailureKind::NotLetIn => channel.and_then(login_remedy),
        _ => None,
    }
}

/// What lets a run in where a server of channels wants to know who connects: one of its schemes.
fn login_remedy(channel: &Channel) -> Option<Remedy> {
    let ways = channel.server()?.security.iter().filter_map(|scheme| {
        let name = scheme.name.clone();
        Some(vec![match (scheme.kind.as_str(), scheme.scheme.as_str()) {
            ("userPassword" | "plain" | "gssapi" | "scramSha256" | "scramSha512", _) | ("http", "basic") => {
                Credential::User(name)
            }
            ("http" | "oauth2" | "openIdConnect", _) => Credential::Token(name),
            ("apiKey" | "httpApiKey", _) => Credential::Key(name),
            ("X509", _) => Credential::Certificate,
            _ => return None,
        }])
    });
    let ways: Vec<Vec<Credential>> = ways.collect();
    (!ways.is_empty()).then_some(Remedy::Authenticate(ways))
}

/// Why a credential is not sent.
fn no_place(scheme: &ChannelScheme, protocol: Protocol) -> String {
    let kind = if scheme.kind.is_empty() { "a type that is not known" } else { &scheme.kind };
    format!("the credential of `{}` is not sent: `{protocol}` has no place for {kind}", scheme.name)
}

impl Machine {
    /// The server of a channel: what was given for its source, else what is described.
    pub(in super::super) fn endpoint_of(&self, channel: &Channel) -> Result<Endpoint, String> {
        let source = self.program.apis.get(channel.api).map(|api| api.name.as_str()).unwrap_or_default();
        let settings = &self.state.settings;
        let found = channel.endpoint_or_mocked(source, &settings.servers, settings.mocked.contains(source));
        found.map_err(|error| error.to_string())
    }

    /// The protocol that is spoken with it, if there is one.
    pub(super) fn protocol_of(&self, channel: &Channel) -> Option<Protocol> {
        self.endpoint_of(channel).ok().map(|endpoint| endpoint.protocol)
    }

    fn is_given(&self, channel: &Channel) -> bool {
        let source = self.program.apis.get(channel.api).map(|api| api.name.as_str()).unwrap_or_default();
        channel.given(source, &self.state.settings.servers).is_some()
    }

    /// The channel of a step. Parameters without a value are left open where `open` is given and the protocol can listen
    /// to more than one address; `sent` is the message, whose parts may be parameters.
    pub(super) fn resolve_channel(
        &self,
        step: &Step,
        target: &MessageTarget,
        address: Option<&str>,
        (open, sent): (bool, Option<&SeenMessage>),
        lookup: &dyn Lookup,
    ) -> Result<Resolved, Box<Fault>> {
        let fault = |reason, message: String| Fault::unsent(reason, step, step.span, message);
        let Some(described) = self.program.channel(target.channel) else {
            return Err(fault(Reason::NoOperation, "the channel is not known".to_owned()));
        };
        let endpoint = self.endpoint_of(described).map_err(|error| fault(Reason::UnknownServer, error))?;
        let protocol = endpoint.protocol;
        let bindings = merged(protocol, [&described.bindings, &target.bindings]);
        // Topics and queues may have a name of their own.
        let queue = || bindings.get("queue")?.get("name")?.as_str();
        let topic = bindings.get("topic").and_then(Json::as_str);
        let written = address.or(described.address.as_deref()).or(topic).or_else(queue);
        let Some(written) = written.or(protocol.is_web().then_some("")) else {
            let message = format!("the address of channel `{}` is not known", described.name);
            return Err(fault(Reason::AbsentValue, message));
        };
        // An address that a message named has no parameters.
        let follows = address.is_some();
        let fill = Filling { machine: self, step, described, target, protocol, open, sent };
        let (address, is_pattern) = if follows { (written.to_owned(), false) } else { fill.address(written, lookup)? };
        // A mock that stands for no server has no protocol to keep to.
        let is_known = described.server().is_some() || self.is_given(described);
        let named = topic.unwrap_or(&address);
        if let Some(why) = protocol.refuses_address(named, sent.is_some()).filter(|_| is_known) {
            let shown = named.escape_debug();
            let message = format!("the address `{shown}` of channel `{}` cannot be one: it {why}", described.name);
            return Err(fault(Reason::UnsafeValue, message));
        }
        let template = (!follows).then(|| written.to_owned());
        let query = fill.named(Location::Query, lookup)?;
        let mut headers = vec![];
        if protocol.is_web() {
            headers = fill.named(Location::Header, lookup)?;
            // What is given for all requests is given for a handshake; the type of a message is its own.
            for (name, value) in self.given_headers() {
                if !name.eq_ignore_ascii_case("content-type") {
                    headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
                    headers.push((name, value));
                }
            }
        }
        let (path, address) = if protocol.is_web() {
            let slash = if address.is_empty() || address.starts_with('/') { "" } else { "/" };
            (format!("{}{slash}{address}", endpoint.path), String::new())
        } else {
            (endpoint.path.clone(), address)
        };
        let host = endpoint.host.clone();
        let hook = match &described.kind {
            ChannelKind::Webhook { method, status } => Some(Hook { method: method.clone(), status: *status }),
            _ => None,
        };
        if hook.is_some() {
            headers.clear();
        }
        let (login, proof, opening) = (None, None, None);
        let mut channel =
            message::Channel { protocol, host, path, query, headers, address, login, proof, bindings, hook, opening };
        self.prove(described, &endpoint, &mut channel).map_err(|why| fault(Reason::NoCredentials, why))?;
        self.refuse_unplanned_handshake(step, (&endpoint.path, template.as_deref()), &channel)?;
        let key = key_of(&channel);
        Ok(Resolved { channel, is_pattern, key, renews: false })
    }

    /// Proves who connects: by the user of the url that was given, else by what was given for the first scheme of the server
    /// that is served.
    ///
    /// # Errors
    /// The scheme that was served and that the protocol has no place for, in words.
    fn prove(&self, described: &Channel, endpoint: &Endpoint, channel: &mut message::Channel) -> Result<(), String> {
        if let Some((user, password)) = &endpoint.user {
            channel.login = Some(Login::Password { user: user.clone(), password: password.clone() });
            return Ok(());
        }
        let source = self.program.apis.get(described.api).map(|api| api.name.as_str()).unwrap_or_default();
        let held = |key: &str| self.state.credentials.get(key)?.value(&self.secrets).map(Value::to_text);
        let read = |scheme: &str, part: &str| {
            held(&format!("{source}.{scheme}{part}")).or_else(|| held(&format!("{scheme}{part}")))
        };
        let security = described.server().map(|server| server.security.as_slice()).unwrap_or_default();
        for scheme in security {
            let whole = read(&scheme.name, "");
            let user = || {
                let split = |text: String| text.split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned()));
                let parts = || Some((read(&scheme.name, ".username")?, read(&scheme.name, ".password")?));
                whole.clone().and_then(split).or_else(parts).or_else(|| Some((held(USER)?, held(PASSWORD)?)))
            };
            let token = || whole.clone().or_else(|| held(BEARER));
            channel.login = match (scheme.kind.as_str(), scheme.scheme.as_str()) {
                ("userPassword" | "plain" | "gssapi", _) | ("http", "basic") => {
                    user().map(|(user, password)| Login::Password { user, password })
                }
                ("scramSha256", _) => user().map(|(user, password)| Login::ScramSha256 { user, password }),
                ("scramSha512", _) => user().map(|(user, password)| Login::ScramSha512 { user, password }),
                ("http" | "oauth2" | "openIdConnect", _) => token().map(Login::Token),
                ("apiKey", _) => whole.map(|key| match scheme.location.as_str() {
                    "user" => Login::Password { user: key, password: String::new() },
                    _ => Login::Password { user: String::new(), password: key },
                }),
                ("httpApiKey", _) => {
                    let Some(key) = whole else { continue };
                    let name = scheme.parameter.clone();
                    match scheme.location.as_str() {
                        "query" if channel.protocol.is_web() => channel.query.push((name, key)),
                        "header" if channel.protocol.is_web() => channel.headers.push((name, key)),
                        "cookie" if channel.protocol.is_web() => {
                            channel.headers.push(("Cookie".to_owned(), format!("{name}={key}")));
                        }
                        _ => return Err(no_place(scheme, channel.protocol)),
                    }
                    channel.proof = Some(scheme.parameter.clone());
                    return Ok(());
                }
                _ if whole.is_some() => return Err(no_place(scheme, channel.protocol)),
                _ => None,
            };
            if channel.login.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Fills the parameters of a channel in.
struct Filling<'a> {
    machine: &'a Machine,
    step: &'a Step,
    described: &'a Channel,
    target: &'a MessageTarget,
    protocol: Protocol,
    open: bool,
    sent: Option<&'a SeenMessage>,
}

impl Filling<'_> {
    fn argument(&self, location: Location, name: &str) -> Option<&Argument> {
        self.target.arguments.iter().find(|argument| argument.location == location && argument.name == name)
    }

    /// The address with its parameters; whether it stands for several.
    fn address(&self, written: &str, lookup: &dyn Lookup) -> Result<(String, bool), Box<Fault>> {
        let (mut address, mut rest, mut is_pattern) = (String::new(), written, false);
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            address.push_str(before);
            match (self.parameter(name, lookup)?, self.protocol.open_level(&address, after)) {
                (Some(value), _) if self.protocol.is_web() => address.push_str(&encode::percent(&value)),
                (Some(value), _) => address.push_str(&value),
                (None, Some(wildcard)) if self.open => {
                    address.push_str(wildcard);
                    is_pattern = true;
                }
                (None, _) => {
                    let message = format!("parameter `{name}` of channel `{}` has no value", self.described.name);
                    return Err(Fault::unsent(Reason::AbsentValue, self.step, self.step.span, message));
                }
            }
            rest = after;
        }
        address.push_str(rest);
        Ok((address, is_pattern))
    }

    fn parameter(&self, name: &str, lookup: &dyn Lookup) -> Result<Option<String>, Box<Fault>> {
        let described = self.described.parameters.iter().find(|parameter| parameter.name == name);
        let argument = self.argument(Location::Path, name);
        let given = argument.and_then(|argument| select::evaluate(&argument.value, lookup));
        let of_message = || described.and_then(|parameter| part_of(self.sent?, parameter.location.as_ref()?));
        let default = || described.and_then(|parameter| parameter.default.clone());
        let value = match given {
            Some(value) => Some(value.to_text()),
            // What is given and has no value yet is no default.
            None if argument.is_some() => None,
            None => of_message().or_else(default),
        };
        let Some(value) = value else { return Ok(None) };
        let Some(reason) = self.described.refuses_parameter(name, &value, self.protocol) else {
            return Ok(Some(value));
        };
        let span = argument.map_or(self.step.span, |argument| argument.span);
        let message = format!("parameter `{name}` of channel `{}` cannot be `{value}`: {reason}", self.described.name);
        Err(Fault::unsent(Reason::UnsafeValue, self.step, span, message))
    }

    /// The arguments of a place, as texts.
    fn named(&self, location: Location, lookup: &dyn Lookup) -> Result<Vec<(String, String)>, Box<Fault>> {
        let arguments = self.target.arguments.iter().filter(|argument| argument.location == location);
        let read = |argument: &Argument| {
            let value = select::evaluate(&argument.value, lookup).map(|value| value.to_text());
            let Some(value) = value else {
                let message = format!("{} parameter `{}` has no value", location.word(), argument.name);
                return Err(Fault::unsent(Reason::AbsentValue, self.step, argument.span, message));
            };
            if value.contains(['\r', '\n', '\0']) {
                let message = format!("{} parameter `{}` cannot hold a line break", location.word(), argument.name);
                return Err(Fault::unsent(Reason::UnsafeValue, self.step, argument.span, message));
            }
            Ok((argument.name.clone(), value))
        };
        let _ = self.machine;
        arguments.map(read).collect()
    }
}

/// The part of a message at a place, as text.
pub(super) fn part_of(message: &SeenMessage, place: &CorrelationPlace) -> Option<String> {
    match place.part {
        MessagePart::Header => message.header(place.header()?).map(str::to_owned),
        MessagePart::Payload => {
            let value = message.payload.as_ref()?;
            let Value::Json(json) = value.read() else { return None };
            match place.at.find(json)? {
                Json::Object(_) | Json::Array(_) | Json::Null => None,
                scalar => Some(scalar.clone().into_value().to_text()),
            }
        }
    }
}

/// The bindings of a protocol: those of an operation go before those of its channel, those of a message before both.
pub(super) fn merged<'b>(
    protocol: Protocol,
    all: impl IntoIterator<Item = &'b Map<String, Json>>,
) -> Map<String, Json> {
    let mut found = Map::new();
    for bindings in all {
        for json in protocol.binding_names().iter().filter_map(|name| bindings.get(*name)) {
            let Json::Object(members) = json else { continue };
            let members = members.iter().filter(|(name, value)| protocol.asks(name, value));
            found.extend(members.map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    found
}

/// The fingerprint of where a channel is, and who connects.
pub(super) fn key_of(channel: &message::Channel) -> u64 {
    let pairs =
        channel.query.iter().chain(&channel.headers).flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let head = [
        channel.protocol.word().as_bytes(),
        channel.host.as_bytes(),
        channel.path.as_bytes(),
        channel.address.as_bytes(),
    ];
    fingerprint(head.into_iter().chain(pairs))
}

/// The address of a channel as people read it: its path where it has one.
pub(super) fn shown_address(channel: &message::Channel) -> String {
    if channel.address.is_empty() { channel.path.clone() } else { channel.address.clone() }
}
