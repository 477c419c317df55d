//! A limit on everything, with a name and a default.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::credentials::Credentials;
use crate::source::Span;
use crate::string_enum::string_enum;

/// Milliseconds: since the start of a run, or a duration.
pub type Millis = u64;

/// The milliseconds of `500ms`, `10s`, `5m`, `1h`; a bare number is seconds, decimals are fine.
///
/// # Errors
/// The form to write instead, in words.
pub fn duration(text: &str) -> Result<Millis, String> {
    let wrong = || "write a duration such as 500ms, 10s, 5m or 1h".to_owned();
    let (number, unit) = text.split_at(text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len()));
    let factor = match unit {
        "ms" => 1.0,
        "" | "s" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let ms = (number * factor).round();
    if ms.is_finite() && ms < u64::MAX as f64 { Ok(ms as Millis) } else { Err(wrong()) }
}

/// The bytes of `64KiB`, `10MiB`, `1GiB` (also `64k`, `10M`, `1G`, all in powers of 1024); a bare number is bytes.
///
/// # Errors
/// The form to write instead, in words.
pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || "write a size such as 500000, 64KiB, 10MiB or 1GiB".to_owned();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

/// Limits of what a run may use. Reaching one stops the run (exit 5) and says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Attempts of steps, `--max-steps`.
    pub steps: u32,
    /// Requests, `--max-requests`: those of steps, and what goes before and after them (tokens, discovery, challenges,
    /// redirects). Nothing for [`Limits::most_requests`]' default.
    pub requests: Option<u32>,
    /// Workflows that are in progress at once, each called by the one before, `--max-depth`.
    pub depth: u32,
    /// Milliseconds for the whole run, `--timeout`.
    pub run_ms: Millis,
    /// Milliseconds for one request, from sending to the last byte of its answer.
    pub request_ms: Millis,
    /// Milliseconds that a `Retry-After` may ask for, `--max-wait`.
    pub wait_ms: Millis,
    /// Milliseconds that a step without a `timeout` waits for a message, `--receive-timeout`.
    pub receive_ms: Millis,
    /// Bytes of a decoded response body, `--max-body`.
    pub body_bytes: u64,
    /// Bytes of a text, a body or an argument that is built from values, `--max-value`: texts can double with every step.
    pub value_bytes: u64,
    /// Bytes of what is kept between steps, `--max-kept`: outputs, inputs, kept answers, cookies, forms of secrets. Each
    /// place that holds a value counts it, as the memory that it takes, more or less.
    pub kept_bytes: u64,
    /// Bytes of a body that an event shows.
    pub shown_bytes: usize,
    /// Bytes of a body that an event keeps for reports, `--har-bodies`; they are no part of it as JSON.
    #[serde(default)]
    pub report_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// The limits of a run for which nothing else is said: those of the flags and of the pages about them.
    pub const DEFAULT: Self = Self {
        steps: 2_000,
        requests: None,
        depth: 32,
        run_ms: 3_600_000,
        request_ms: 60_000,
        wait_ms: 300_000,
        receive_ms: 60_000,
        body_bytes: 10 << 20,
        value_bytes: 64 << 20,
        kept_bytes: 64 << 20,
        shown_bytes: 16 << 10,
        report_bytes: 0,
    };

    /// The number of requests that a run may send, if it was not given: this, or twice the attempts of steps.
    pub const MIN_REQUESTS: u32 = 10_000;

    /// The number of requests that a run may send.
    #[must_use]
    pub fn most_requests(&self) -> u32 {
        self.requests.unwrap_or_else(|| self.steps.saturating_mul(2).max(Self::MIN_REQUESTS))
    }
}

/// The pause before a step sends again what it sent on its previous visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum LoopDelay {
    /// 500 ms, growing by half up to 5 s; nothing where the host is literally loopback.
    #[default]
    Auto,
    /// Always this many ms.
    Fixed(Millis),
}

impl LoopDelay {
    /// The first pause of [`LoopDelay::Auto`], and the longest.
    pub const AUTO: (Millis, Millis) = (500, 5_000);
}

/// Base urls that take the place of what the descriptions say, `--server`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Servers {
    /// For every source that is not named.
    pub all: Option<String>,
    /// By source description name.
    pub named: BTreeMap<String, String>,
    /// Values of server variables, `--server-var`: by `name`, or by `source.name`.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

impl Servers {
    /// The url for a source of requests, if one was given: its own, or that for all, unless it is one of messages.
    #[must_use]
    pub fn of(&self, source: &str) -> Option<&str> {
        let scheme = |url: &str| url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let is_of_requests = |url: &&str| scheme(url).is_none_or(|scheme| matches!(&*scheme, "http" | "https"));
        let all = self.all.as_deref().filter(is_of_requests);
        self.named.get(source).map(String::as_str).or(all)
    }

    /// The value for a variable of the servers of a source, if one was given.
    #[must_use]
    pub fn variable(&self, source: &str, name: &str) -> Option<&str> {
        let own = self.variables.get(&format!("{source}.{name}"));
        own.or_else(|| self.variables.get(name)).map(String::as_str)
    }
}

/// A host that whoever runs a document lets be called, at one port or at any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedHost {
    host: String,
    port: Option<u16>,
}

impl AllowedHost {
    /// Reads `host`, or `host:port`; an IPv6 address with a port stands in brackets.
    ///
    /// # Errors
    /// What to write: one that is not understood would allow what was not meant, such as every port for `api:99999`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "write HOST or HOST:PORT, such as api.example.com:8443".to_owned();
        let inner = |text: &str| text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::to_owned);
        let is_six = |text: &str| matches!(url::Host::parse(&format!("[{text}]")), Ok(url::Host::Ipv6(_)));
        let is_host = |text: &str| match inner(text) {
            Some(inner) => is_six(&inner),
            None => !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "/@*[]:?#\\".contains(c)),
        };
        // A colon further in front belongs to an address.
        let (host, port) = match text.rsplit_once(':').filter(|_| !is_six(text) && !text.ends_with(']')) {
            Some((host, port)) => {
                let digits = port.bytes().all(|b| b.is_ascii_digit());
                (host, Some(port.parse::<u16>().ok().filter(|port| digits && *port > 0).ok_or_else(wrong)?))
            }
            None => (text, None),
        };
        let bare = port.is_none() && is_six(host);
        if !bare && !is_host(host) {
            return Err(wrong());
        }
        // Hosts of urls are compared in the form that urls give them: `127.1` is `127.0.0.1` there.
        let url = url::Url::parse(&format!("http://{}", if bare { format!("[{host}]") } else { host.to_owned() }));
        let host = url.ok().and_then(|url| url.host_str().map(plain_host)).ok_or_else(wrong)?;
        Ok(Self { host, port })
    }

    /// `true` if it is this host, in the form of [`plain_host`], at this port.
    #[must_use]
    pub fn is(&self, host: &str, port: u16) -> bool {
        self.host == host && self.port.is_none_or(|known| known == port)
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.host.contains(':');
        let host = if bare { format!("[{}]", self.host) } else { self.host.clone() };
        match self.port {
            Some(port) => write!(f, "{host}:{port}"),
            None => f.write_str(&host),
        }
    }
}

/// A host as hosts are compared: without brackets and the dot at its end, in lower case.
#[must_use]
pub fn plain_host(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase()
}

/// Headers that the connection sets, and documents do not: those that say where a request goes and ends, and those that are
/// for the next hop alone (RFC 9110 §7.6.1, §11.7).
pub(crate) const CONNECTION_HEADERS: [&str; 10] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
];

/// Headers by which some servers take another method than that of the request.
const OVERRIDES: [&str; 4] = ["x-http-method-override", "x-http-method", "x-method-override", "x-original-method"];

/// `true` for methods that change nothing (RFC 9110 §9.2.1, and QUERY).
#[must_use]
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "QUERY")
}

/// `true` if a request asks its server to take it for one of another method, which is not known to change nothing: by a
/// header such as `X-HTTP-Method-Override`, or by `_method` in its query.
#[must_use]
pub fn is_overridden(headers: &[(String, String)], url: &str) -> bool {
    let changes = |method: &str| !method.split(',').all(|one| is_safe(&one.trim().to_ascii_uppercase()));
    let by_header = |(name, value): &(String, String)| {
        OVERRIDES.iter().any(|known| name.eq_ignore_ascii_case(known)) && changes(value)
    };
    let query = url.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default());
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    headers.iter().any(by_header) || pairs.any(|(name, value)| name.eq_ignore_ascii_case("_method") && changes(&value))
}

/// A header of the connection that documents are to be let set, `--allow-header`, in lower case.
///
/// # Errors
/// The reason why they cannot be.
pub fn connection_header(name: &str) -> Result<String, String> {
    let plain = name.trim().to_ascii_lowercase();
    match plain.as_str() {
        "host" => Ok(plain),
        "content-length" | "transfer-encoding" => Err(format!(
            "`{name}` says where a request ends: a document that sets it could hide a second request in the first"
        )),
        "connection" => Err(format!("`{name}` names headers that are taken away on the way: the client alone sets it")),
        plain if CONNECTION_HEADERS.contains(&plain) => {
            Err(format!("`{name}` is for the next hop alone: the client alone sets it"))
        }
        _ => Err(format!("`{name}` is kept from no document: only `Host` has to be allowed")),
    }
}

/// `true` if the host of a url is literally this machine.
#[must_use]
pub fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The treatment of an answer that says *elsewhere*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Redirects {
    /// Followed where neither the operation nor the step has anything to say about it, to the hosts of the sources.
    #[default]
    Auto,
    /// Judged as it comes.
    Never,
}

string_enum! {
    /// Which of the messages that match decides about a step that receives, `--receive`.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum Decides: "way to receive" {
        /// The first.
        #[default]
        First = "first",
        /// The first with which `successCriteria` hold, or the criteria of an action in `onFailure`; those before are ignored.
        Until = "until",
    }
}

/// The treatment of answers that are not as their operation documents them, `--check contract`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ContractCheck {
    /// They are not looked at, but for the status.
    #[default]
    Off,
    /// It is said.
    Warn,
    /// The step fails.
    Error,
}

/// The header by which a server knows a request that comes again
/// ([draft-ietf-httpapi-idempotency-key-header](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/)):
/// sent with requests that may not be sent twice without it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IdempotencyKeys {
    /// A text that no other run has, of which keys are made: drawn by whoever begins the run. Without it none is sent.
    pub seed: Option<String>,
    /// The header, for operations that describe none.
    pub header: Option<String>,
}

/// Settings of a run, beyond its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Settings {
    /// Limits.
    pub limits: Limits,
    /// Pacing of loops.
    pub loop_delay: LoopDelay,
    /// Base urls.
    pub servers: Servers,
    /// Credentials. Not part of a stored state: a machine keeps it with its secrets.
    #[serde(skip)]
    pub credentials: Credentials,
    /// Sources that are answered from their descriptions. No token is fetched for them, and nothing they answer leads
    /// elsewhere: what is mocked calls nothing.
    #[serde(default)]
    pub mocked: BTreeSet<String>,
    /// Redirects.
    #[serde(default)]
    pub redirects: Redirects,
    /// Hosts that no source names and that may be called all the same.
    #[serde(default)]
    pub allowed_hosts: Vec<AllowedHost>,
    /// Keeps the cookies of answers, and sends them with the requests that they are for.
    #[serde(default)]
    pub cookies: bool,
    /// Headers that are sent with every request that has no own of the name: those of the transport.
    #[serde(default)]
    pub usual_headers: Vec<(String, String)>,
    /// Headers by which servers know a request that comes again.
    #[serde(default)]
    pub idempotency: IdempotencyKeys,
    /// Inputs to treat as secrets, beyond those that are found.
    pub secrets: Vec<String>,
    /// Messages that were stored before the run listened are taken too, `--receive-stored`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub receive_stored: bool,
    /// Which of the messages that match decides, `--receive`.
    #[serde(default)]
    pub receive: Decides,
    /// `--check contract`
    #[serde(default)]
    pub contract: ContractCheck,
    /// The document is a single call, which nobody wrote: nothing is said of what it could have had.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub single_call: bool,
    /// `--require-outputs`: a run that leaves a declared output without a value exits with 1.
    pub require_outputs: bool,
    /// The step of the workflow that is run after which it ends, as an `end` action would end it; one that goes back to
    /// itself ends once it goes on.
    #[serde(default)]
    pub until: Option<String>,
    /// Inputs that were given as files: their bytes, which a multipart body sends as they are.
    pub files: BTreeMap<String, crate::value::File>,
    /// Warnings about the documents: said again as events, so that they stand alone.
    pub warnings: Vec<Warning>,
}

/// A warning about the documents, for people who see only events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The code.
    pub code: Code,
    /// The message.
    pub message: String,
    /// The remedy, in words.
    pub help: Option<String>,
    /// The span.
    pub span: Option<Span>,
}
