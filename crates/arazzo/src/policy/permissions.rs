//! Permissions of the run of a document: which hosts it calls, whether it changes something, where its secrets go.
//! Asked before a run, about everything that can be known by then, and again about every request.
//!
//! What a stranger's document ([`Trust::Remote`]) may do is given by who runs it. A secret that was bound to hosts goes
//! to no other, whoever wrote the document.

use arazzo_engine::code::Code;
use arazzo_engine::diagnostic::Diagnostic;
use arazzo_engine::limits::{AllowedHost, is_overridden, plain_host};
use arazzo_engine::machine::message::{Channel, ChannelRequest, Message};
use arazzo_engine::machine::{Because, Outgoing};
use arazzo_engine::plan::{CalledOperation, Footprint, SentCredentials, SentSecret, is_safe};
use arazzo_engine::remedy::{Naming, Remedy};
use serde::{Deserialize, Serialize};
use url::Url;

use super::hosts::{Hosts, Trust, is_private};

/// The permissions that were given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct RunPolicy {
    pub(crate) hosts: Hosts,
    /// `true`: unsafe methods too.
    pub(crate) changes: bool,
    /// Names of secrets with the hosts that they may go to.
    bound: Vec<(String, AllowedHost)>,
    /// Hosts of servers that were given, if secrets without hosts of their own go to these alone.
    servers: Option<Vec<AllowedHost>>,
    /// Hosts that secrets without hosts of their own do not go to.
    without_secrets: Vec<AllowedHost>,
    /// Origins of the mocks of a run: what goes there leaves nothing.
    #[serde(skip)]
    mocks: Vec<String>,
    /// `true`: answers stand ready, and nothing leaves at all.
    #[serde(skip)]
    sends_nothing: bool,
}

/// Permissions that a run needs and was not given. Empty for a document of this machine, but for bound secrets.
///
/// ```no_run
/// # fn example() -> Result<(), arazzo::Error> {
/// let workflow = arazzo::open("https://example.org/flow.arazzo.yaml").load_blocking()?.workflow(None)?;
/// let missing = workflow.missing_permissions();
/// println!("it calls {:?}, and changes something in {} steps", missing.hosts, missing.changes.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Permissions {
    /// Hosts to call, as [`crate::Builder::allow_host`] takes them.
    pub hosts: Vec<String>,
    /// Calls that may change something: [`crate::Builder::allow_unsafe`].
    pub changes: Vec<CalledOperation>,
    /// Secrets, each with a host that it would go to: [`crate::Builder::secret_host`].
    pub secrets: Vec<SentSecret>,
    /// Hosts that nobody is asked about: those without TLS, and addresses that are not public.
    pub barred: Vec<String>,
}

impl RunPolicy {
    /// The policy of a run whose answers stand ready.
    pub(crate) fn of_stub(naming: Naming) -> Self {
        let mut policy = Self { sends_nothing: true, ..Self::default() };
        policy.hosts.naming = naming;
        policy
    }

    /// Lets a secret go to a host, and from now on only to those it was bound to.
    pub(crate) fn bind(&mut self, name: String, host: AllowedHost) {
        self.bound.push((name, host));
    }

    /// Lets secrets that are bound to no host go to servers that are given, and nowhere else.
    pub(crate) fn bind_to_servers(&mut self, bind: bool) {
        self.servers = bind.then(Vec::new);
    }

    /// Lets no secret go to a host that it is not bound to.
    pub(crate) fn keep_secrets_from(&mut self, host: AllowedHost) {
        self.without_secrets.push(host);
    }

    /// Takes note of the host of a server that was given, which may be called.
    pub(crate) fn give_server(&mut self, host: AllowedHost) {
        if let Some(servers) = &mut self.servers {
            servers.push(host.clone());
        }
        self.hosts.give(host);
    }

    /// Lets requests to these base urls do what they like.
    #[cfg(feature = "mock")]
    pub(crate) fn answered_at<'u>(&mut self, urls: impl Iterator<Item = &'u String>) {
        self.mocks = urls.filter_map(|url| Some(Url::parse(url).ok()?.origin().ascii_serialization())).collect();
    }

    /// `true` if the document is not trusted with anything that was not given.
    fn is_strange(&self) -> bool {
        self.hosts.trust == Trust::Remote
    }

    /// `true` if a run is not free to do what its document says.
    pub(crate) fn is_needed(&self) -> bool {
        self.is_strange() || self.servers.is_some() || !self.without_secrets.is_empty() || !self.bound.is_empty()
    }

    /// `true` if a secret may go to a url: its own hosts decide, else those of the scheme or step that it is a part of
    /// (`oauth` of `oauth.access_token`).
    fn may_go(&self, name: &str, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str().map(plain_host), url.port_or_known_default()) else {
            return false;
        };
        let whole = name.rsplit_once('.').map_or(name, |(whole, _)| whole);
        let hosts = |name: &str| self.bound.iter().filter(|(known, _)| known == name).collect::<Vec<_>>();
        let bound = [hosts(name), hosts(whole)].into_iter().find(|bound| !bound.is_empty());
        let to_servers =
            || self.servers.as_ref().is_none_or(|servers| servers.iter().any(|given| given.is(&host, port)));
        bound.map_or_else(
            || !self.is_strange() && !self.without_secrets.iter().any(|kept| kept.is(&host, port)) && to_servers(),
            |bound| bound.iter().any(|(_, given)| given.is(&host, port)),
        )
    }

    /// Permissions that a run needs and was not given.
    pub(crate) fn missing(&self, touches: &Footprint, sent: &SentCredentials) -> Permissions {
        let mut missing = Permissions::default();
        let origins = touches.hosts.iter().flat_map(|host| &host.origins).chain(&sent.origins);
        for url in origins.filter(|_| self.is_strange()).filter_map(|origin| Url::parse(origin).ok()) {
            let (Some(host), Some(port)) = (url.host_str().map(plain_host), url.port_or_known_default()) else {
                continue;
            };
            let Err(reason) = self.hosts.host(&host, port, url.scheme() == "https") else { continue };
            let shown = url.port().map_or(host.clone(), |port| format!("{}:{port}", url.host_str().unwrap_or(&host)));
            let (list, entry) = match url.scheme() {
                "https" if !is_private(&host) => (&mut missing.hosts, shown),
                _ => (&mut missing.barred, reason),
            };
            if !list.contains(&entry) {
                list.push(entry);
            }
        }
        if self.is_strange() && !self.changes {
            missing.changes.clone_from(&touches.changes);
        }
        for secret in touches.secrets.iter().chain(&sent.secrets) {
            let may = Url::parse(&secret.origin).is_ok_and(|url| self.may_go(&secret.name, &url));
            if !may && !missing.secrets.contains(secret) {
                missing.secrets.push(secret.clone());
            }
        }
        missing
    }

    /// Decides about a request, whatever sends it; `secrets` are the names of those that it carries. The addresses of its
    /// host are judged where a connection is opened, too.
    ///
    /// # Errors
    /// The reason why not, in words.
    pub(crate) fn request(&self, outgoing: &Outgoing, secrets: impl FnOnce() -> Vec<String>) -> Result<(), String> {
        if self.sends_nothing {
            return Ok(());
        }
        let url = outgoing.url().ok_or_else(|| "the url is not valid".to_owned())?;
        if !self.mocks.is_empty() && self.mocks.contains(&url.origin().ascii_serialization()) {
            return Ok(());
        }
        if let (Some(host), Some(port)) = (url.host_str().map(plain_host), url.port_or_known_default()) {
            self.hosts.host(&host, port, url.scheme() == "https")?;
        }
        if !self.is_needed() {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        let host = &url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        // Tokens are fetched with POST for credentials that were given, and these are bound.
        let method = &outgoing.request.method;
        let request = &outgoing.request;
        let safe = is_safe(method) && !is_overridden(&request.headers, &request.url);
        if self.is_strange() && !self.changes && outgoing.because != Because::Token && !safe {
            let allow = (self.hosts.naming)(&Remedy::AllowUnsafe);
            return Err(format!("{method} to `{host}` may change something, and that was not allowed: {allow}"));
        }
        match secrets().into_iter().find(|name| !self.may_go(name, &url)) {
            Some(name) => {
                let message = format!("the secret `{name}` would go to `{host}`, which it is not for");
                let bind = (self.hosts.naming)(&Remedy::BindSecret { name, host: host.clone() });
                Err(format!("{message}; if it is meant: {bind}"))
            }
            None => Ok(()),
        }
    }

    /// Judges what is asked of a channel, as [`RunPolicy::request`] judges requests. `secrets` are names of those in a handshake and a message.
    ///
    /// # Errors
    /// The reason why not, in words.
    pub(crate) fn channel(
        &self,
        request: &ChannelRequest,
        secrets: impl FnOnce(&Channel, Option<&Message>) -> Vec<String>,
    ) -> Result<(), String> {
        let (channel, message) = match request {
            ChannelRequest::Subscribe { channel, .. } => (channel, None),
            ChannelRequest::Send { channel, message, .. } => (channel, Some(message)),
            ChannelRequest::Acknowledge { .. } | ChannelRequest::Unsubscribe(_) => return Ok(()),
        };
        if self.sends_nothing {
            return Ok(());
        }
        let secure = matches!(channel.protocol.word(), "wss" | "https" | "secure-mqtt" | "kafka-secure" | "amqps");
        // As a url of a scheme that hosts are compared by.
        let scheme = if secure { "https" } else { "http" };
        let url =
            Url::parse(&format!("{scheme}://{}", channel.host)).map_err(|_| "the host is not valid".to_owned())?;
        if let (Some(host), Some(port)) = (url.host_str().map(plain_host), url.port_or_known_default()) {
            self.hosts.host(&host, port, secure)?;
        }
        if !self.is_needed() {
            return Ok(());
        }
        let what = if message.is_some() { Some("a message") } else { changing_handshake(channel) };
        if let Some(what) = what.filter(|_| self.is_strange() && !self.changes) {
            let allow = (self.hosts.naming)(&Remedy::AllowUnsafe);
            let host = &channel.host;
            return Err(format!("{what} to `{host}` may change something, and that was not allowed: {allow}"));
        }
        match secrets(channel, message).into_iter().find(|name| !self.may_go(name, &url)) {
            Some(name) => {
                let host = channel.host.clone();
                let message = format!("the secret `{name}` would go to `{host}`, which it is not for");
                let bind = (self.hosts.naming)(&Remedy::BindSecret { name, host });
                Err(format!("{message}; if it is meant: {bind}"))
            }
            None => Ok(()),
        }
    }

    /// Gives everything that is missing, but for what is barred.
    pub(crate) fn give(&mut self, missing: &Permissions) {
        missing.hosts.iter().flat_map(|host| AllowedHost::parse(host)).for_each(|host| self.hosts.give(host));
        self.changes |= !missing.changes.is_empty();
        for secret in &missing.secrets {
            // What is read of a request is a host: one that is not would be given nothing.
            if let Ok(host) = AllowedHost::parse(&secret.host) {
                self.bind(secret.name.clone(), host);
            }
        }
    }
}

/// What a channel is opened with, if that may change something: a stream of events is the answer to a request like any other.
fn changing_handshake(channel: &Channel) -> Option<&str> {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&channel.query).finish();
    let (method, target) = match &channel.opening {
        Some(opening) => (opening.method.as_str(), opening.target.clone()),
        None => ("GET", format!("?{query}")),
    };
    (!is_safe(method) || is_overridden(&channel.headers, &target)).then_some(method)
}

impl Permissions {
    /// `true` if nothing is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Secrets that go where they may not: each with its host, once.
    pub fn secret_hosts(&self) -> impl Iterator<Item = (&str, &str)> {
        let first = |(n, one): &(usize, &SentSecret)| {
            !self.secrets.iter().take(*n).any(|other| (&other.name, &other.host) == (&one.name, &one.host))
        };
        let found = self.secrets.iter().enumerate().filter(first);
        found.map(|(_, secret)| (secret.name.as_str(), secret.host.as_str()))
    }

    /// The fault of what is missing: all of it at once.
    #[must_use]
    pub fn refusal(&self) -> Diagnostic {
        let mut refusal = Diagnostic::error(
            Code::PermissionRefused,
            None,
            "the run needs what was not allowed, and nothing was sent".to_owned(),
        );
        refusal.remarks.extend(self.barred.iter().cloned());
        if !self.hosts.is_empty() {
            refusal.remarks.push(format!("calls {}", self.hosts.join(", ")));
        }
        if !self.changes.is_empty() {
            let changes: Vec<String> = self.changes.iter().map(|one| format!("{} ({})", one.call, one.step)).collect();
            refusal.remarks.push(format!("may change something: {}", changes.join(", ")));
        }
        for SentSecret { name, to, host, .. } in &self.secrets {
            refusal.remarks.push(format!("the secret `{name}` goes to {host} ({to})"));
        }
        let mut allow: Vec<String> = self.hosts.iter().map(|host| format!("allow_host({host:?})")).collect();
        allow.extend((!self.changes.is_empty()).then(|| "allow_unsafe(true)".to_owned()));
        allow.extend(self.secret_hosts().map(|(name, host)| format!("secret_host({name:?}, {host:?})")));
        let help = if self.barred.is_empty() {
            format!("if it is meant, `Builder` allows it: {}", allow.join(", "))
        } else {
            "save the document, look at it, and run the file".to_owned()
        };
        refusal.help(help)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use arazzo_engine::machine::message::{DeliveryId, Opening, Protocol, SubscriptionId};
    use arazzo_engine::machine::{CallId, ParsedUrl, Request};
    use arazzo_engine::plan::CalledHost;

    use super::*;

    fn outgoing(method: &str, url: &str, because: Because) -> Outgoing {
        let request = Request { method: method.to_owned(), url: url.to_owned(), headers: vec![], body: None };
        Outgoing { call: CallId(0), request, because, timeout_ms: 0, body_bytes: 0, parsed: ParsedUrl::default() }
    }

    fn grants(trust: Trust, bound: &[(&str, &str)]) -> RunPolicy {
        let mut grants = RunPolicy::default();
        grants.hosts.trust = trust;
        for host in ["any.example", "api.example", "api.example:8443", "id.example"] {
            grants.hosts.give(AllowedHost::parse(host).unwrap());
        }
        bound.iter().for_each(|(name, host)| grants.bind((*name).to_owned(), AllowedHost::parse(host).unwrap()));
        grants
    }

    fn may(grants: &RunPolicy, method: &str, url: &str, secrets: &[&str]) -> bool {
        let names = || secrets.iter().map(|name| (*name).to_owned()).collect();
        grants.request(&outgoing(method, url, Because::Operation), names).is_ok()
    }

    #[test]
    fn a_stranger_changes_nothing_and_sends_no_secret_unless_it_may() {
        let mut strange = grants(Trust::Remote, &[("token", "api.example")]);
        assert!(may(&strange, "GET", "https://api.example/x", &["token"]));
        assert!(may(&strange, "HEAD", "https://any.example/x", &[]));
        assert!(!may(&strange, "GET", "https://any.example/x", &["token"]));
        assert!(!may(&strange, "GET", "https://api.example/x", &["token", "other"]));
        for method in ["POST", "PUT", "PATCH", "DELETE", "get", "CONNECT", "MKCOL"] {
            assert!(!may(&strange, method, "https://api.example/x", &[]), "{method}");
        }
        // A server may take it for another method.
        for (header, url, safe) in [
            (("X-HTTP-Method-Override", "DELETE"), "https://api.example/x", false),
            (("x-method-override", " delete "), "https://api.example/x", false),
            (("X-HTTP-Method", "GET, PUT"), "https://api.example/x", false),
            (("X-HTTP-Method-Override", "head"), "https://api.example/x", true),
            (("X-Other", "DELETE"), "https://api.example/x?a=1&_method=delete", false),
            (("X-Other", "DELETE"), "https://api.example/x?_method=GET#_method=PUT", true),
        ] {
            let mut asked = outgoing("GET", url, Because::Operation);
            asked.request.headers.push((header.0.to_owned(), header.1.to_owned()));
            assert_eq!(strange.request(&asked, Vec::new).is_ok(), safe, "{header:?} {url}");
        }
        // For a token that was asked for.
        let token = outgoing("POST", "https://api.example/token", Because::Token);
        assert!(strange.request(&token, Vec::new).is_ok());
        assert!(strange.request(&token, || vec!["other".to_owned()]).is_err());
        strange.changes = true;
        assert!(may(&strange, "POST", "https://api.example/x", &["token"]));
        strange.changes = false;
        assert!(!may(&strange, "POST", "https://api.example/x", &["token"]));
    }

    #[test]
    fn a_host_that_was_not_given_is_not_called_whatever_sends() {
        for trust in [Trust::Given, Trust::Remote] {
            assert!(!may(&grants(trust, &[]), "GET", "https://other.example/", &[]));
        }
        assert!(may(&grants(Trust::Local, &[]), "GET", "https://other.example/", &[]));
        assert!(may(&RunPolicy::of_stub(RunPolicy::default().hosts.naming), "GET", "https://other.example/", &[]));
    }

    #[test]
    #[cfg(feature = "mock")]
    fn a_mock_of_the_run_is_nobody() {
        let mut strange = grants(Trust::Remote, &[]);
        strange.answered_at(["http://127.0.0.1:4010/v1".to_owned()].iter());
        assert!(may(&strange, "POST", "http://127.0.0.1:4010/v1/x", &["other"]));
        assert!(!may(&strange, "POST", "http://127.0.0.1:4011/v1/x", &["other"]));
    }

    #[test]
    fn a_secret_with_hosts_goes_to_these_and_the_nearest_name_decides() {
        for trust in [Trust::Local, Trust::Given] {
            let bound = grants(
                trust,
                &[("oauth", "id.example"), ("oauth", "api.example:8443"), ("oauth.access_token", "api.example")],
            );
            assert!(may(&bound, "POST", "https://any.example/", &["other"]));
            assert!(may(&bound, "GET", "https://id.example/", &["oauth.clientSecret", "oauth"]));
            assert!(may(&bound, "GET", "https://API.example.:8443/", &["oauth"]));
            assert!(!may(&bound, "GET", "https://api.example/", &["oauth"]));
            assert!(may(&bound, "GET", "https://api.example/", &["oauth.access_token"]));
            assert!(!may(&bound, "GET", "https://id.example/", &["oauth.access_token"]));
        }
        assert!(may(&grants(Trust::Local, &[]), "POST", "https://any.example/", &["token"]));
    }

    #[test]
    fn secrets_go_to_servers_that_were_given_alone_where_that_was_asked_for() {
        let mut policy = grants(Trust::Given, &[("oauth", "id.example")]);
        policy.bind_to_servers(true);
        policy.give_server(AllowedHost::parse("staging.example:8443").unwrap());
        assert!(may(&policy, "POST", "https://staging.example:8443/x", &["token"]));
        assert!(!may(&policy, "POST", "https://staging.example/x", &["token"]));
        assert!(!may(&policy, "POST", "https://api.example/x", &["token"]), "a host that may be called is no server");
        assert!(may(&policy, "POST", "https://api.example/x", &[]));
        assert!(may(&policy, "POST", "https://id.example/token", &["oauth.clientSecret"]));
        assert!(!may(&policy, "POST", "https://staging.example:8443/x", &["oauth"]), "its own hosts decide");
    }

    #[test]
    fn a_server_of_a_project_gets_no_secret_that_is_not_bound_to_it() {
        let mut policy = grants(Trust::Local, &[("oauth", "project.example")]);
        policy.keep_secrets_from(AllowedHost::parse("project.example").unwrap());
        assert!(may(&policy, "POST", "https://project.example/x", &[]));
        assert!(!may(&policy, "POST", "https://project.example/x", &["token"]));
        assert!(may(&policy, "POST", "https://project.example/x", &["oauth"]));
        assert!(may(&policy, "POST", "https://api.example/x", &["token"]));
    }

    #[test]
    fn what_was_missing_is_there_once_it_was_given() {
        let mut strange = RunPolicy::default();
        strange.hosts.trust = Trust::Remote;
        let url = Url::parse("https://api.example:8443").unwrap();
        let sent = SentSecret {
            name: "token".to_owned(),
            to: "body".to_owned(),
            host: "api.example:8443".to_owned(),
            origin: "https://api.example:8443".to_owned(),
        };
        let sent = SentCredentials { secrets: vec![sent], origins: vec![url.origin().ascii_serialization()] };
        let missing = strange.missing(&Footprint::default(), &sent);
        assert_eq!((missing.hosts.as_slice(), missing.secrets.len()), (["api.example:8443".to_owned()].as_slice(), 1));
        strange.give(&missing);
        assert!(strange.missing(&Footprint::default(), &sent).is_empty());
    }

    /// Calls `POST /x` at these origins, which may change something.
    fn calls(origins: &[&str]) -> Footprint {
        let call = CalledOperation { step: "make".to_owned(), call: "POST /x".to_owned() };
        let host = |origin: &&str| CalledHost {
            host: (*origin).to_owned(),
            calls: vec![call.call.clone()],
            origins: vec![(*origin).to_owned()],
        };
        let mut touches = Footprint::default();
        touches.hosts = origins.iter().map(host).collect();
        touches.changes = vec![call];
        touches
    }

    #[test]
    fn what_is_missing_is_what_a_stranger_may_not_and_a_file_may() {
        let touches = calls(&[
            "https://api.example",
            "https://new.example:444",
            "http://plain.example",
            "https://10.0.0.5",
            "https://[2001:db9::1]:8443",
        ]);
        let none = SentCredentials::default();
        let strange = grants(Trust::Remote, &[]);
        let missing = strange.missing(&touches, &none);
        assert_eq!(missing.hosts, ["new.example:444", "[2001:db9::1]:8443"]);
        assert_eq!((missing.barred.len(), missing.changes.len()), (2, 1));
        let mut given = strange;
        given.give(&missing);
        assert!(given.changes && given.is_needed());
        assert_eq!(given.missing(&touches, &none).barred, missing.barred);
        // A file of this machine may all of that, and what its user binds stays bound.
        for trust in [Trust::Local, Trust::Given] {
            let free = grants(trust, &[]);
            assert!(!free.is_needed() && free.missing(&touches, &none).is_empty());
        }
        let bound = grants(Trust::Local, &[("token", "api.example")]);
        let to = |host: &str, place: &str| SentSecret {
            name: "token".to_owned(),
            to: place.to_owned(),
            host: host.to_owned(),
            origin: format!("https://{host}"),
        };
        let mut touches = touches;
        touches.secrets = vec![to("api.example", "body"), to("any.example", "body"), to("any.example", "header X")];
        let missing = bound.missing(&touches, &none);
        assert!(bound.is_needed() && missing.hosts.is_empty() && missing.changes.is_empty());
        assert_eq!(
            (missing.secrets.len(), missing.secret_hosts().collect::<Vec<_>>()),
            (2, vec![("token", "any.example")])
        );
        assert!(bound.missing(&Footprint::default(), &none).is_empty());
    }

    fn channel(protocol: Protocol, host: &str) -> Channel {
        Channel {
            protocol,
            host: host.to_owned(),
            path: String::new(),
            query: vec![],
            headers: vec![],
            address: "orders".to_owned(),
            login: None,
            proof: None,
            bindings: Default::default(),
            hook: None,
            opening: None,
        }
    }

    fn hears(channel: &Channel) -> ChannelRequest {
        let (subscription, channel) = (SubscriptionId(1), channel.clone());
        ChannelRequest::Subscribe { subscription, channel, timeout_ms: 0, message_bytes: 0, after: vec![] }
    }

    fn says(channel: &Channel) -> ChannelRequest {
        let (call, channel, message) = (CallId(1), channel.clone(), Message::default());
        ChannelRequest::Send { call, channel, message, timeout_ms: 0, message_bytes: 0 }
    }

    #[test]
    fn what_is_asked_of_channels_is_judged_as_requests_are() {
        let asked = |policy: &RunPolicy, request: &ChannelRequest, secrets: &[&str]| {
            policy.channel(request, |_, _| secrets.iter().map(|name| (*name).to_owned()).collect())
        };
        let refused = |policy: &RunPolicy, request: &ChannelRequest, secrets: &[&str]| {
            asked(policy, request, secrets).err().unwrap_or_default()
        };
        let bus = channel(Protocol::SecureMqtt, "api.example:8443");
        let mut strange = grants(Trust::Remote, &[("token", "api.example:8443")]);
        assert_eq!(asked(&strange, &hears(&bus), &["token"]), Ok(()));
        assert!(
            refused(&strange, &hears(&bus), &["token", "other"]).starts_with("the secret `other` would go to `api")
        );
        assert!(refused(&strange, &says(&bus), &[]).starts_with("a message to `api.example:8443` may change"));
        strange.changes = true;
        assert_eq!(asked(&strange, &says(&bus), &["token"]), Ok(()));
        assert!(refused(&strange, &says(&bus), &["other"]).starts_with("the secret `other`"));
        // Without TLS, and elsewhere.
        for (protocol, safe) in [
            (Protocol::Ws, Protocol::Wss),
            (Protocol::Http, Protocol::Https),
            (Protocol::Mqtt, Protocol::SecureMqtt),
            (Protocol::Kafka, Protocol::KafkaSecure),
            (Protocol::Amqp, Protocol::Amqps),
        ] {
            let plain = refused(&strange, &hears(&channel(protocol, "api.example:8443")), &[]);
            assert!(plain.ends_with("it is not https"), "{plain}");
            assert_eq!(asked(&strange, &hears(&channel(safe, "api.example:8443")), &[]), Ok(()));
            let other = refused(&strange, &hears(&channel(safe, "other.example:8443")), &[]);
            assert!(other.contains("was not given"), "{other}");
        }
        assert_eq!(refused(&strange, &hears(&channel(Protocol::Wss, "no host")), &[]), "the host is not valid");
        // A file of this machine is free to, but for bound secrets; a stub connects to nothing.
        let file = grants(Trust::Local, &[]);
        assert_eq!(asked(&file, &says(&channel(Protocol::Mqtt, "other.example:1883")), &["other"]), Ok(()));
        let file = grants(Trust::Local, &[("token", "id.example")]);
        assert!(refused(&file, &says(&bus), &["token"]).contains("would go to `api.example:8443`"));
        let stub = RunPolicy::of_stub(RunPolicy::default().hosts.naming);
        assert_eq!(asked(&stub, &says(&channel(Protocol::Mqtt, "other.example:1883")), &["other"]), Ok(()));
        // Nothing leaves with these.
        let taken = ChannelRequest::Acknowledge { subscription: SubscriptionId(1), delivery: DeliveryId(1) };
        for request in [taken, ChannelRequest::Unsubscribe(SubscriptionId(1))] {
            assert_eq!(asked(&grants(Trust::Remote, &[]), &request, &["other"]), Ok(()));
        }
    }

    #[test]
    fn a_strangers_stream_is_opened_with_nothing_that_may_change_something() {
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let mut strange = grants(Trust::Remote, &[]);
        for (method, target, query, headers, changes) in [
            ("GET", "/events", "", vec![], false),
            ("POST", "/events", "", vec![], true),
            ("GET", "/events?_method=delete", "", vec![], true),
            ("GET", "/events", "", header("X-HTTP-Method-Override", "PUT"), true),
            ("", "", "head", vec![], false),
            ("", "", "delete", vec![], true),
            ("", "", "", header("X-Method-Override", "DELETE"), true),
        ] {
            let mut stream = channel(Protocol::Https, "api.example:443");
            let opening = Opening { method: method.to_owned(), target: target.to_owned(), body: vec![] };
            stream.opening = (!method.is_empty()).then_some(opening);
            stream.query = if query.is_empty() { vec![] } else { header("_method", query) };
            stream.headers = headers;
            let said = |strange: &RunPolicy| strange.channel(&hears(&stream), |_, _| vec![]).err();
            assert_eq!(said(&strange).is_some(), changes, "{method} {target} {query}");
            strange.changes = true;
            assert_eq!(said(&strange), None);
            strange.changes = false;
        }
    }

    #[test]
    fn a_refusal_says_all_that_is_missing_and_what_allows_it() {
        let secret = |host: &str| SentSecret {
            name: "token".to_owned(),
            to: "body".to_owned(),
            host: host.to_owned(),
            origin: format!("https://{host}"),
        };
        let mut missing = Permissions {
            hosts: vec!["a.example".to_owned(), "b.example:8443".to_owned()],
            changes: vec![CalledOperation { step: "make".to_owned(), call: "POST /x".to_owned() }],
            secrets: vec![secret("a.example"), secret("a.example")],
            barred: vec![],
        };
        let said = missing.refusal();
        assert_eq!(
            said.remarks,
            [
                "calls a.example, b.example:8443",
                "may change something: POST /x (make)",
                "the secret `token` goes to a.example (body)",
                "the secret `token` goes to a.example (body)",
            ]
        );
        let help = "if it is meant, `Builder` allows it: allow_host(\"a.example\"), allow_host(\"b.example:8443\"), \
                    allow_unsafe(true), secret_host(\"token\", \"a.example\")";
        assert_eq!(said.help.unwrap().to_string(), help);
        missing = Permissions { barred: vec!["it is not https".to_owned()], ..Permissions::default() };
        let said = missing.refusal();
        assert_eq!(said.remarks, ["it is not https"]);
        assert_eq!(said.help.unwrap().to_string(), "save the document, look at it, and run the file");
        assert!(!missing.is_empty() && Permissions::default().is_empty());
    }

    #[test]
    fn what_is_no_url_is_asked_for_nobody() {
        for trust in [Trust::Local, Trust::Given, Trust::Remote] {
            assert!(!may(&grants(trust, &[]), "GET", "nowhere", &[]));
        }
    }
}
