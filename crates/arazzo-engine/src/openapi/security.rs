//! Security Scheme Objects: how an operation wants to know who calls it.

use url::Url;

use crate::node::Node;

/// A security scheme by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// The name that requirements use.
    pub name: String,
    /// The kind of scheme.
    pub kind: Kind,
}

/// Kinds of security schemes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `type: apiKey`
    ApiKey {
        /// The name of the header, query parameter or cookie.
        name: String,
        /// `header`, `query` or `cookie`.
        location: String,
    },
    /// `type: http`, `scheme: basic`; `type: basic` in 2.0
    Basic,
    /// `type: http`, `scheme: digest`
    Digest,
    /// `type: http`, `scheme: bearer`
    Bearer,
    /// `type: oauth2`, with the grants that need no person at a browser.
    OAuth2(Vec<Grant>),
    /// `type: openIdConnect`
    OpenIdConnect(String),
    /// `type: mutualTLS`
    MutualTls,
    /// Something else, in its own words.
    Other(String),
}

impl Kind {
    /// The urls that a token or an OpenID configuration is fetched from, as they are written.
    pub(crate) fn token_urls(&self) -> impl Iterator<Item = &str> {
        let grants = if let Self::OAuth2(grants) = self { grants.as_slice() } else { &[] };
        let configuration = if let Self::OpenIdConnect(url) = self { Some(url.as_str()) } else { None };
        let tokens = grants.iter().map(|grant| grant.token_url.as_str());
        let fresh = grants.iter().filter_map(|grant| grant.refresh_url.as_deref());
        tokens.chain(fresh).chain(configuration).filter(|url| !url.trim().is_empty())
    }
}

/// A way to get a token (RFC 6749).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The scheme.
    pub kind: GrantKind,
    /// The url to ask for it, as it is written: absolute, or relative to the server ([`at_server`]).
    pub token_url: String,
    /// The url to ask for a fresh one, if it is another.
    pub refresh_url: Option<String>,
}

/// Grants that need no person at a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantKind {
    /// `clientCredentials`; `application` in 2.0
    ClientCredentials,
    /// `password`
    Password,
}

/// A scheme that a call must satisfy, with others beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// The scheme.
    pub scheme: Scheme,
    /// The scopes that the token must have.
    pub scopes: Vec<String>,
}

impl Scheme {
    /// Reads a Security Scheme Object of OpenAPI 3 or Swagger 2.0.
    #[must_use]
    pub fn of(name: &str, node: &Node) -> Self {
        let text = |field: &str| node.get(field).and_then(Node::as_str).unwrap_or_default();
        let kind = match text("type") {
            "apiKey" => Kind::ApiKey { name: text("name").to_owned(), location: text("in").to_owned() },
            "basic" => Kind::Basic,
            "http" => match text("scheme").to_ascii_lowercase().as_str() {
                "basic" => Kind::Basic,
                "digest" => Kind::Digest,
                "bearer" => Kind::Bearer,
                other => Kind::Other(format!("http {other}")),
            },
            "oauth2" => Kind::OAuth2(grants(node)),
            "openIdConnect" => Kind::OpenIdConnect(text("openIdConnectUrl").to_owned()),
            "mutualTLS" => Kind::MutualTls,
            other => Kind::Other(other.to_owned()),
        };
        Self { name: name.to_owned(), kind }
    }
}

fn grants(node: &Node) -> Vec<Grant> {
    let grant = |kind, flow: &Node| {
        Some(Grant {
            kind,
            token_url: flow.get("tokenUrl")?.as_str()?.to_owned(),
            refresh_url: flow.get("refreshUrl").and_then(Node::as_str).map(str::to_owned),
        })
    };
    let kinds = [
        ("clientCredentials", "application", GrantKind::ClientCredentials),
        ("password", "password", GrantKind::Password),
    ];
    let found = kinds.into_iter().filter_map(|(field, swagger, kind)| match node.get("flows") {
        Some(flows) => grant(kind, flows.get(field)?),
        None if node.get("flow").and_then(Node::as_str) == Some(swagger) => grant(kind, node),
        None => None,
    });
    found.collect()
}

/// The url of tokens or of an OpenID configuration, for the operations of a server. One that is not absolute begins at the
/// server's url, as paths of operations do; with a leading `/` at its root. An empty one is none, and stays empty.
#[must_use]
pub fn at_server(url: &str, server: &str) -> String {
    // A fragment is not sent; alone it names nothing, and would be the url of the server.
    let url = url.split('#').next().unwrap_or_default();
    if url.trim().is_empty() {
        return String::new();
    }
    if Url::parse(url).is_ok() {
        return url.to_owned();
    }
    let joined = Url::parse(server).ok().and_then(|mut base| {
        base.set_path(&format!("{}/", base.path().trim_end_matches('/')));
        base.join(url).ok()
    });
    joined.map_or_else(|| url.to_owned(), String::from)
}
