//! Server Objects of AsyncAPI: protocol, host and path, with variables, and who may connect.

use super::protocol::Protocol;
use crate::node::{Key, Kind, Node};
use crate::openapi::Api;
use crate::openapi::server::{self as openapi, Variable};

/// A Server Object.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    api: Api<'a>,
    /// Its key.
    pub name: &'a str,
    node: &'a Node,
}

impl<'a> Server<'a> {
    pub(super) fn new(api: Api<'a>, name: &'a str, node: &'a Node) -> Self {
        Self { api, name, node }
    }

    pub(super) fn node(&self) -> &'a Node {
        self.node
    }

    fn text(&self, field: &str) -> &'a str {
        self.node.get(field).map(Node::as_written).unwrap_or_default()
    }

    /// A field, as it is written.
    pub(crate) fn field(&self, name: &str) -> Option<&'a Node> {
        self.node.get(name)
    }

    /// The place of the name of a variable.
    pub(crate) fn variable_key(&self, name: &str) -> Option<crate::source::Span> {
        let members = self.node.get("variables").map(Node::members).unwrap_or_default();
        members.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.span)
    }

    /// `protocol`, as written, with its place.
    #[must_use]
    pub fn protocol_text(&self) -> Option<&'a Node> {
        self.node.get("protocol")
    }

    /// The protocol, if it is one that is known.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        Protocol::of(self.text("protocol"), self.text("protocolVersion"))
    }

    /// `host` and `pathname` as a url that is to be filled in: `//host:port/path`.
    #[must_use]
    pub fn url(&self) -> openapi::Server {
        let path = self.text("pathname");
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        let members = self.node.get("variables").map(Node::members).unwrap_or_default();
        let variables = members.iter().filter_map(|(key, node)| {
            let node = self.api.resolve(node).ok()?;
            Some(Variable {
                name: key.name.clone(),
                default: node.get("default").map(|value| value.as_written().to_owned()),
                values: node
                    .get("enum")
                    .map(Node::items)
                    .unwrap_or_default()
                    .iter()
                    .map(|v| v.as_written().to_owned())
                    .collect(),
            })
        });
        openapi::Server {
            url: format!("//{}{slash}{path}", self.text("host")),
            variables: variables.collect(),
            base: None,
        }
    }

    /// Its security schemes, any of which is enough.
    #[must_use]
    pub fn security(&self) -> Vec<(String, &'a Node)> {
        schemes(self.api, self.node.get("security"))
    }

    /// What is asked of the connection, and is not done: where it is asked, and why not. The protocol is that which is spoken.
    #[must_use]
    pub(crate) fn unfit_bindings(&self, protocol: Protocol) -> Vec<(&'a Key, String)> {
        let Some(bindings) = self.node.get("bindings").and_then(|node| self.api.resolve(node).ok()) else {
            return vec![];
        };
        let own = protocol.binding_names().iter().filter_map(|name| self.api.resolve(bindings.get(name)?).ok());
        let asked = own.flat_map(|own| own.members()).filter(|(key, value)| {
            !matches!(value.kind, Kind::Null) && !key.name.starts_with("x-") && key.name != "bindingVersion"
        });
        asked.filter_map(|(key, value)| Some((key, unfit(protocol, &key.name, value)?))).collect()
    }

    /// The place of the server.
    #[must_use]
    pub fn span(&self) -> crate::source::Span {
        self.node.span
    }
}

/// Why what a server's binding asks of a connection is not done, in words; nothing if a run does it anyway.
fn unfit(protocol: Protocol, name: &str, value: &Node) -> Option<String> {
    let is = |wanted: bool| value.as_bool() == Some(wanted);
    let whole = || value.as_written().parse::<u16>().is_ok() && matches!(value.kind, Kind::Number(_));
    let of_mqtt = matches!(protocol, Protocol::Mqtt | Protocol::Mqtt5 | Protocol::SecureMqtt);
    let of_kafka = matches!(protocol, Protocol::Kafka | Protocol::KafkaSecure);
    let why = match name {
        "cleanSession" if of_mqtt && is(true) => return None,
        "cleanSession" if of_mqtt && is(false) => "a run begins with a clean session",
        "cleanSession" if of_mqtt => "it is true or false",
        // A run keeps its connections alive for as long as it takes.
        "keepAlive" if of_mqtt && whole() => return None,
        "keepAlive" if of_mqtt => "it is a number of seconds, 65535 at most",
        "sessionExpiryInterval" if of_mqtt && value.as_written() == "0" => return None,
        "sessionExpiryInterval" if of_mqtt => "nothing is left of a run at its broker",
        // Any id fits a schema of one.
        "clientId" if of_mqtt && matches!(value.kind, Kind::Object(_)) => return None,
        "clientId" if of_mqtt => {
            "a run has an id of its own, so that it does not end the connection of who has this one"
        }
        "lastWill" if of_mqtt => "a run leaves no message behind it",
        "maximumPacketSize" if of_mqtt => "the size of messages is limited by the settings of a run",
        // Which schemas there are: what is on the way is asked for by the messages.
        "schemaRegistryUrl" | "schemaRegistryVendor" if of_kafka => return None,
        _ => "it is not known",
    };
    Some(why.to_owned())
}

/// The security schemes of a list of them: each by the name that it has in the document.
pub(super) fn schemes<'a>(api: Api<'a>, list: Option<&'a Node>) -> Vec<(String, &'a Node)> {
    let items = list.map(Node::items).unwrap_or_default();
    let read = |node: &'a Node| {
        let written = node.get("$ref").and_then(Node::as_str).unwrap_or_default();
        let name = written.rsplit('/').next().unwrap_or_default().to_owned();
        Some((name, api.resolve(node).ok()?))
    };
    items.iter().filter_map(read).collect()
}
