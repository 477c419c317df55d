//! Credentials that were given, and the alternative of an operation that they serve.
//!
//! An operation lists alternatives (Security Requirement Objects); the first whose schemes are all served is taken. A
//! scheme is served by a credential that was given for it, or by a parameter of the document that stands where the
//! credential would: that one wins.

use std::collections::BTreeMap;

use crate::openapi::security::{GrantKind, Kind, Needed};
use crate::remedy;

/// Credentials by what they are for. `Debug` shows no value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    values: BTreeMap<String, Credential>,
    /// `true` if the client shows a certificate of its own (mutual TLS).
    pub certificate: bool,
}

/// A credential.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The name that is shown in the place of its value.
    pub name: String,
    /// Its value.
    pub value: String,
    /// `false` for what only says who calls: a user name, a client id.
    pub secret: bool,
}

/// Before the names of headers.
const HEADER: &str = "*header ";

/// Keys of credentials that were not given for a scheme.
const BEARER: &str = "*bearer";
const USER: &str = "*user";
const PASSWORD: &str = "*password";

/// Parts of a credential that has several, as they are written behind the name of the scheme.
pub const PARTS: [&str; 4] = ["clientId", "clientSecret", "username", "password"];

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Credentials").field(&self.values.keys()).finish()
    }
}

impl Credentials {
    /// No credentials.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a credential for a security scheme: `scheme`, or `source.scheme`; with one of [`PARTS`] behind a dot, a part
    /// of it. An API key, a token, `user:password` for basic and digest.
    #[must_use]
    pub fn scheme(mut self, scheme: impl Into<String>, value: impl Into<String>) -> Self {
        let name = scheme.into();
        let secret = !(name.ends_with(".clientId") || name.ends_with(".username"));
        self.values.insert(name.clone(), Credential { name, value: value.into(), secret });
        self
    }

    /// A token for every scheme that takes one and has no credential of its own; `name` is what it is called.
    #[must_use]
    pub fn bearer(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let credential = Credential { name: name.into(), value: value.into(), secret: true };
        self.values.insert(BEARER.to_owned(), credential);
        self
    }

    /// A user for every scheme that takes one and has no credential of its own.
    #[must_use]
    pub fn basic(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        let part = |name: &str, value, secret| Credential { name: name.to_owned(), value, secret };
        self.values.insert(USER.to_owned(), part("user", user.into(), false));
        self.values.insert(PASSWORD.to_owned(), part("password", password.into(), true));
        self
    }

    /// Adds a header to every request to a server of the sources, in the place of one of this name that the document
    /// passes. Another origin that an answer leads to does not get it. Its value is masked if its name is that of a
    /// credential.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        let secret = is_credential(&name);
        self.values.insert(format!("{HEADER}{name}"), Credential { name, value: value.into(), secret });
        self
    }

    /// `true` if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && !self.certificate
    }

    /// Names of the schemes that something was given for, with their parts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str).filter(|name| !name.starts_with('*'))
    }

    /// The credentials, each under its key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Credential)> {
        self.values.iter().map(|(key, credential)| (key.as_str(), credential))
    }

    /// Puts a credential under a key of [`Credentials::iter`].
    pub fn insert(&mut self, key: impl Into<String>, credential: Credential) {
        self.values.insert(key.into(), credential);
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = (String, Credential)> {
        self.values.into_iter()
    }

    /// `true` if there is a value under this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }
}

/// The name of the header that a credential stands for.
pub(crate) fn header_of(key: &str) -> Option<&str> {
    key.strip_prefix(HEADER)
}

/// `true` for names of headers that carry what proves who calls.
fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["auth", "token", "key", "secret", "cookie", "password", "session", "signature"]
        .iter()
        .any(|word| name.contains(word))
}

/// The keys under which a credential of a scheme may stand, the most particular first.
#[derive(Debug, Clone, Copy)]
struct RequiredCredential<'a> {
    /// The source description.
    source: &'a str,
    /// The scheme.
    scheme: &'a str,
}

impl RequiredCredential<'_> {
    /// The key of the whole credential.
    fn find_whole(self, has: &dyn Fn(&str) -> bool) -> Option<String> {
        self.find_key("", has)
    }

    /// The key of a part of it.
    fn find_part(self, part: &str, has: &dyn Fn(&str) -> bool) -> Option<String> {
        self.find_key(&format!(".{part}"), has)
    }

    fn find_key(self, behind: &str, has: &dyn Fn(&str) -> bool) -> Option<String> {
        let own = format!("{}.{}{behind}", self.source, self.scheme);
        [own, format!("{}{behind}", self.scheme)].into_iter().find(|key| has(key))
    }
}

/// The way in which one scheme is satisfied: keys of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthMethod {
    /// The document passes a parameter there.
    Document,
    /// An API key in a header, query parameter or cookie.
    Key {
        /// Its name there.
        name: String,
        /// `header`, `query`, `cookie`
        location: String,
        /// The credential.
        key: String,
    },
    /// `Authorization: Basic`
    Basic(User),
    /// `Authorization: Digest`, in answer to a challenge.
    Digest(User),
    /// `Authorization: Bearer`
    Bearer(String),
    /// A token that is fetched first.
    Fetch(Fetch),
    /// A certificate of the client.
    Certificate,
}

/// A user and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// `user:password`
    Whole(String),
    /// Each by its key.
    Parts(String, String),
}

/// The request for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The name of the token: the scheme.
    pub scheme: String,
    /// The url to ask; of openIdConnect, the url of the document that has it.
    pub url: String,
    /// `true` if `url` is that of an OpenID configuration.
    pub discovery: bool,
    /// The url to ask for a fresh one, if it is another.
    pub refresh_url: Option<String>,
    /// `scope`: the scopes with blanks between them.
    pub scope: String,
    /// The client: id and secret.
    pub client: (Option<String>, Option<String>),
    /// The user and the password, of the password grant.
    pub user: Option<(String, String)>,
}

/// The alternative of an operation that the given credentials serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Nothing is needed, or nothing is said.
    Nothing,
    /// All of these.
    Ways(Vec<AuthMethod>),
    /// It asks for credentials, and none of its alternatives is served.
    Missing,
}

/// The alternative that is taken.
///
/// `security` are the alternatives, `None` if the document says nothing; `has` says which keys of [`Credentials`] there
/// are; `passes` whether the document passes a parameter in a place (`header`, `query`, `cookie`) under a name.
#[must_use]
pub fn choose(
    security: Option<&[Vec<Needed>]>,
    source: &str,
    has: &dyn Fn(&str) -> bool,
    certificate: bool,
    passes: &dyn Fn(&str, &str) -> bool,
) -> Choice {
    let Some(alternatives) = security else {
        // Nothing is said about who may call: what was given for no scheme is shown, as a caller would by hand.
        let way = token(has).or_else(|| user(RequiredCredential { source, scheme: "" }, has).map(AuthMethod::Basic));
        return match way.filter(|_| !passes("header", "Authorization")) {
            Some(way) => Choice::Ways(vec![way]),
            None => Choice::Nothing,
        };
    };
    let asking = alternatives.iter().filter(|alternative| !alternative.is_empty());
    let served = |alternative: &&Vec<Needed>| -> Option<Vec<AuthMethod>> {
        alternative.iter().map(|needed| serve(needed, source, has, certificate, passes)).collect()
    };
    if let Some(ways) = asking.clone().find_map(|alternative| served(&alternative)) {
        return Choice::Ways(ways);
    }
    if alternatives.is_empty() || asking.count() < alternatives.len() { Choice::Nothing } else { Choice::Missing }
}

fn serve(
    needed: &Needed,
    source: &str,
    has: &dyn Fn(&str) -> bool,
    certificate: bool,
    passes: &dyn Fn(&str, &str) -> bool,
) -> Option<AuthMethod> {
    let scheme = &needed.scheme;
    let wanted = RequiredCredential { source, scheme: &scheme.name };
    let given = || wanted.find_whole(has);
    if let Kind::ApiKey { name, location } = &scheme.kind {
        if passes(location, name) {
            return Some(AuthMethod::Document);
        }
        return given().map(|key| AuthMethod::Key { name: name.clone(), location: location.clone(), key });
    }
    if scheme.kind != Kind::MutualTls && passes("header", "Authorization") {
        return Some(AuthMethod::Document);
    }
    match &scheme.kind {
        Kind::Basic => user(wanted, has).map(AuthMethod::Basic),
        Kind::Digest => user(wanted, has).map(AuthMethod::Digest),
        Kind::Bearer => given().map(AuthMethod::Bearer).or_else(|| token(has)),
        Kind::OAuth2(grants) => {
            given().map(AuthMethod::Bearer).or_else(|| fetch(needed, wanted, grants, has)).or_else(|| token(has))
        }
        Kind::OpenIdConnect(url) => {
            let discovered = || {
                let client = (wanted.find_part("clientId", has)?, wanted.find_part("clientSecret", has)?);
                Some(AuthMethod::Fetch(Fetch {
                    scheme: scheme.name.clone(),
                    url: url.clone(),
                    discovery: true,
                    refresh_url: None,
                    scope: scope(needed),
                    client: (Some(client.0), Some(client.1)),
                    user: None,
                }))
            };
            given().map(AuthMethod::Bearer).or_else(discovered).or_else(|| token(has))
        }
        Kind::MutualTls => certificate.then_some(AuthMethod::Certificate),
        Kind::ApiKey { .. } | Kind::Other(_) => None,
    }
}

fn token(has: &dyn Fn(&str) -> bool) -> Option<AuthMethod> {
    has(BEARER).then(|| AuthMethod::Bearer(BEARER.to_owned()))
}

fn user(wanted: RequiredCredential<'_>, has: &dyn Fn(&str) -> bool) -> Option<User> {
    if let Some(key) = wanted.find_whole(has) {
        return Some(User::Whole(key));
    }
    if let (Some(user), Some(password)) = (wanted.find_part("username", has), wanted.find_part("password", has)) {
        return Some(User::Parts(user, password));
    }
    (has(USER) && has(PASSWORD)).then(|| User::Parts(USER.to_owned(), PASSWORD.to_owned()))
}

fn fetch(
    needed: &Needed,
    wanted: RequiredCredential<'_>,
    grants: &[crate::openapi::security::Grant],
    has: &dyn Fn(&str) -> bool,
) -> Option<AuthMethod> {
    let client = (wanted.find_part("clientId", has), wanted.find_part("clientSecret", has));
    let person = wanted.find_part("username", has).zip(wanted.find_part("password", has));
    grants.iter().find_map(|grant| {
        let user = match grant.kind {
            GrantKind::Password => Some(person.clone()?),
            GrantKind::ClientCredentials => {
                client.0.as_ref()?;
                None
            }
        };
        Some(AuthMethod::Fetch(Fetch {
            scheme: needed.scheme.name.clone(),
            url: grant.token_url.clone(),
            discovery: false,
            refresh_url: grant.refresh_url.clone(),
            scope: scope(needed),
            client: client.clone(),
            user,
        }))
    })
}

fn scope(needed: &Needed) -> String {
    needed.scopes.join(" ")
}

/// Credentials that would serve an operation: the alternatives that a person could take, each with all that it needs.
#[must_use]
pub fn serving(security: &[Vec<Needed>]) -> Vec<Vec<remedy::Credential>> {
    use remedy::Credential::{Certificate, Key, Parameter, Token, TokenOrClient, User};
    let one = |needed: &Needed| {
        let name = needed.scheme.name.clone();
        match &needed.scheme.kind {
            Kind::ApiKey { .. } => Key(name),
            Kind::Basic | Kind::Digest => User(name),
            Kind::OAuth2(grants) if !grants.is_empty() => TokenOrClient(name),
            Kind::Bearer | Kind::OAuth2(_) | Kind::OpenIdConnect(_) => Token(name),
            Kind::MutualTls => Certificate,
            Kind::Other(kind) => Parameter { scheme: name, kind: kind.clone() },
        }
    };
    let all = |alternative: &Vec<Needed>| alternative.iter().map(one).collect::<Vec<_>>();
    let mut ways: Vec<_> = security.iter().filter(|alternative| !alternative.is_empty()).map(all).collect();
    ways.dedup();
    ways
}
