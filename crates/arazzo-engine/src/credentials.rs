//! Credentials that were given, and the alternative of an operation that they serve.
//!
//! An operation lists alternatives (Security Requirement Objects); the first whose schemes are all served is taken. A
//! scheme is served by a credential that was given for it, or by a parameter of the document that stands where the
//! credential would: that one wins.

use std::collections::BTreeMap;

use crate::openapi::security::{GrantKind, Kind, Needed, at_server};
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

/// Before headers: the name in small letters, the number of the line, the name as it was given.
const HEADER: &str = "*header ";

/// Keys of credentials that were not given for a scheme.
pub(crate) const BEARER: &str = "*bearer";
pub(crate) const USER: &str = "*user";
pub(crate) const PASSWORD: &str = "*password";

/// Parts of a credential that has several, as they are written behind the name of the scheme.
pub const PARTS: [&str; 8] =
    ["clientId", "clientSecret", "username", "password", CLIENT_AUTH, "audience", "resource", "scope"];

/// The part that says where a token request has the client's secret.
const CLIENT_AUTH: &str = "clientAuth";

/// Parts that are fields of a token request, under their own names.
const FIELDS: [&str; 3] = ["audience", "resource", "scope"];

/// Before the names of other fields of a token request: `SCHEME.field.NAME`.
const FIELD: &str = "field.";

/// Where the secret of a client stands in a token request (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// In the header `Authorization`, as every token server has to take it.
    Header,
    /// In the body, which some take only.
    Body,
}

impl ClientAuth {
    /// The place of this name: `basic`, `body`, or as OpenID calls them.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "basic" | "header" | "client_secret_basic" => Some(Self::Header),
            "body" | "post" | "client_secret_post" => Some(Self::Body),
            _ => None,
        }
    }
}

/// The scheme and the part that a name of a credential is about, with a test of what is a scheme.
#[must_use]
pub fn scheme_of<'n>(name: &'n str, is_scheme: &dyn Fn(&str) -> bool) -> (&'n str, Option<&'n str>) {
    if is_scheme(name) {
        return (name, None);
    }
    let parts = name.match_indices('.').filter_map(|(at, _)| Some((name.get(..at)?, name.get(at + 1..)?)));
    let mut known = parts.filter(|(_, part)| PARTS.contains(part) || part.starts_with(FIELD));
    known.next().map_or((name, None), |(scheme, part)| (scheme, Some(part)))
}

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
    /// of it, and with `.field.NAME` a field of its token requests. An API key, a token, `user:password` for basic and
    /// digest. `clientAuth` is `basic` or `body`: where a token request has the secret of the client.
    #[must_use]
    pub fn scheme(mut self, scheme: impl Into<String>, value: impl Into<String>) -> Self {
        let name = scheme.into();
        let plain = |part: &str| name.strip_suffix(part).is_some_and(|scheme| scheme.ends_with('.'));
        let shown = ["clientId", "username", CLIENT_AUTH].iter().chain(&FIELDS).any(|part| plain(part));
        let secret = !shown;
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
        let (user, password): (String, String) = (user.into(), password.into());
        // A user without a password is a key, and goes by its name.
        let key = password.is_empty();
        self.values.insert(USER.to_owned(), part(if key { "password" } else { "user" }, user, key));
        self.values.insert(PASSWORD.to_owned(), part("password", password, !key));
        self
    }

    /// Adds a header to every request to a server of the sources, in the place of one of this name that the document
    /// passes; given again, it is another line of that name. `Content-Type` also says how a body is written, as a
    /// parameter of the document does. Another origin that an answer leads to does not get it. Its value is masked if its
    /// name is that of a credential.
    #[must_use]
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        let secret = is_credential(&name);
        self.add_header(name, value.into(), secret)
    }

    /// As [`Credentials::header`], of one whose value is masked whatever its name is.
    #[must_use]
    pub fn secret_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.add_header(name.into(), value.into(), true)
    }

    fn add_header(mut self, name: String, value: String, secret: bool) -> Self {
        // Lines are sent in the order in which they were given.
        let lines = self.header_lines(&name).count();
        let key = format!("{HEADER}{}\n{lines:04}\n{name}", name.to_ascii_lowercase());
        self.values.insert(key, Credential { name, value, secret });
        self
    }

    /// The lines of a header that was given for every request.
    pub fn header_lines(&self, name: &str) -> impl Iterator<Item = &Credential> {
        let is_line = move |key: &str| header_of(key).is_some_and(|known| known.eq_ignore_ascii_case(name));
        self.iter().filter(move |(key, _)| is_line(key)).map(|(_, credential)| credential)
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
    let rest = key.strip_prefix(HEADER)?;
    // Recordings of before have the name alone.
    Some(rest.splitn(3, '\n').nth(2).unwrap_or(rest))
}

/// `true` for names of headers and parameters that carry what proves who calls.
pub(crate) fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["auth", "token", "key", "secret", "cookie", "password", "session", "signature"]
        .iter()
        .any(|word| name.contains(word))
}

/// `true` for names such as `Authorization`, `X-Api-Key`, `access_token`, `clientSecret`, `password`; not for tokens
/// that page through a list.
pub(crate) fn is_credential_name(name: &str) -> bool {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let pages = ["page", "next", "continuation", "sync", "cursor", "prev"].iter().any(|word| folded.contains(word));
    let ends = [
        "token",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "apikey",
        "authorization",
        "cookie",
        "privatekey",
        "credential",
        "credentials",
    ];
    !pages && ends.iter().any(|end| folded.ends_with(end))
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
    /// The source whose operation needs it.
    pub source: String,
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

impl Fetch {
    /// The parts of its credential that are more than client and user, among these keys, each with its key; those of the
    /// source go before those of the scheme.
    fn parts<'k>(&self, keys: impl Iterator<Item = &'k str>) -> BTreeMap<&'k str, &'k str> {
        let (own, all) = (format!("{}.{}.", self.source, self.scheme), format!("{}.", self.scheme));
        let mut found: BTreeMap<&str, (bool, &str)> = BTreeMap::new();
        for key in keys {
            let (part, is_own) = match (key.strip_prefix(&own), key.strip_prefix(&all)) {
                (Some(part), _) => (part, true),
                (None, Some(part)) => (part, false),
                (None, None) => continue,
            };
            if found.get(part).is_none_or(|(known, _)| is_own || !known) {
                found.insert(part, (is_own, key));
            }
        }
        found.into_iter().map(|(part, (_, key))| (part, key)).collect()
    }

    /// The fields that were given for its request: their names, and keys of credentials.
    pub(crate) fn fields<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Vec<(&'k str, &'k str)> {
        let field = |(part, key): (&'k str, &'k str)| {
            let name = part.strip_prefix(FIELD).or_else(|| FIELDS.contains(&part).then_some(part))?;
            Some((name, key))
        };
        self.parts(keys).into_iter().filter_map(field).collect()
    }

    /// The key of where its request has the secret of the client.
    pub(crate) fn client_auth<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Option<&'k str> {
        self.parts(keys).get(CLIENT_AUTH).copied()
    }

    /// Makes its urls absolute, for the operations of a server.
    pub(crate) fn begin_at(&mut self, server: &str) {
        for url in std::iter::once(&mut self.url).chain(&mut self.refresh_url) {
            *url = at_server(url, server);
        }
    }
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
                    source: source.to_owned(),
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
            source: wanted.source.to_owned(),
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
