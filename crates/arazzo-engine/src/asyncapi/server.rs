//! Server Objects of AsyncAPI: protocol, host and path, with variables, and who may connect.

use super::protocol::Protocol;
use crate::node::Node;
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

    /// The place of the server.
    #[must_use]
    pub fn span(&self) -> crate::source::Span {
        self.node.span
    }
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
