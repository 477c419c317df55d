//! The values of flags: a text is what it has to be, or why it is not.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use arazzo::values;

use crate::requested::Shard;

/// An address of this machine that no other reaches.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let address = text.replacen("localhost:", "127.0.0.1:", 1).parse::<SocketAddr>();
    let address = address.map_err(|_| "write an address with a port, such as 127.0.0.1:8080".to_owned())?;
    if address.port() == 0 {
        return Err("say which port: the sender has to know it".to_owned());
    }
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("other machines reach this address: listen at 127.0.0.1, and let a proxy or a tunnel lead there".to_owned())
}

pub(super) fn server_url(text: &str) -> Result<(Option<String>, String), String> {
    match server(text)? {
        (None, url) => Ok((None, url)),
        (Some(_), _) => Err("one document has one server: write its url".to_owned()),
    }
}

pub(super) fn server(text: &str) -> Result<(Option<String>, String), String> {
    let (source, url) = match text.split_once('=') {
        Some((source, url)) if !source.contains(['/', ':', '?']) => (Some(source.to_owned()), url),
        _ => (None, text),
    };
    let good = arazzo::is_server_url(url);
    if good {
        Ok((source, url.to_owned()))
    } else {
        // Nothing of it is said: a password may stand in it.
        let without_scheme = !url.is_empty() && !url.contains("://") && !url.contains('#');
        let begins = if without_scheme { "; write http:// or https:// before it" } else { "" };
        Err(format!("a server is an absolute url without `#`, such as https://api.example.com/v1{begins}"))
    }
}

pub(super) fn check(text: &str) -> Result<arazzo::ContractCheck, String> {
    match text {
        "contract" | "contract=error" => Ok(arazzo::ContractCheck::Error),
        "contract=warn" => Ok(arazzo::ContractCheck::Warn),
        _ => Err("write contract, contract=warn or contract=error".to_owned()),
    }
}

pub(super) fn decides(text: &str) -> Result<arazzo::Decides, String> {
    text.parse().map_err(|_| "write first, or until".to_owned())
}

pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, or SOURCE.NAME=VALUE".to_owned()),
    }
}

pub(super) fn source(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), PathBuf::from(path))),
        _ => Err("write NAME=FILE".to_owned()),
    }
}

/// A header as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TypedHeader {
    /// `NAME: VALUE`
    Value(String, String),
    /// `NAME: env:VARIABLE`; the value is a secret.
    Variable(String, String),
    /// `@FILE`: lines of headers, whose values are secrets.
    File(PathBuf),
}

impl TypedHeader {
    /// The name of the header; none if it stands in a file.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Value(name, _) | Self::Variable(name, _) => Some(name),
            Self::File(_) => None,
        }
    }
}

pub(super) fn header(text: &str) -> Result<TypedHeader, String> {
    if let Some(path) = text.strip_prefix('@').filter(|path| !path.is_empty()) {
        return Ok(TypedHeader::File(PathBuf::from(path)));
    }
    let (name, value) = header_line(text)?;
    match value.strip_prefix("env:") {
        Some("") => Err("name a variable behind `env:`".to_owned()),
        Some(variable) => Ok(TypedHeader::Variable(name, variable.to_owned())),
        None => Ok(TypedHeader::Value(name, value)),
    }
}

/// The name and the value of a header.
pub(crate) fn header_line(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write 'NAME: VALUE'")?;
    let (name, value) = (name.trim(), value.trim());
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err("the name of a header has letters, digits and hyphens".to_owned());
    }
    if value.contains(|c: char| c.is_control() && c != '\t') {
        return Err("the value of a header has no line breaks or other control characters".to_owned());
    }
    let framing = ["content-length", "transfer-encoding", "connection"];
    if framing.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return Err(format!("`{name}` is written by the client alone"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// How often, or how many at once.
pub(super) fn from_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "write a whole number from 1, such as 4".to_owned())
}

pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((part, of)) if (1..=of).contains(&part) => Ok(Shard { part, of }),
        _ => Err("write I/N, such as 1/3 for the first of three".to_owned()),
    }
}

pub(super) fn secret_host(text: &str) -> Result<(String, String), String> {
    let (name, host) = text.split_once('=').unwrap_or_default();
    match host_and_port(host) {
        Ok(host) if !name.is_empty() => Ok((name.to_owned(), host)),
        _ => Err("write NAME=HOST or NAME=HOST:PORT, such as apiToken=api.example.com".to_owned()),
    }
}

/// `HOST`, or `HOST:PORT`: one that is not understood would allow what nobody meant.
pub(super) fn host_and_port(text: &str) -> Result<String, String> {
    arazzo::check_host(text).map(|()| text.to_owned())
}

pub(super) fn connection_header(text: &str) -> Result<String, String> {
    values::connection_header(text)
}

pub(super) fn readings(text: &str) -> Result<arazzo::Readings, String> {
    let known = || arazzo::Readings::ALL.iter().map(|mode| mode.word()).collect::<Vec<_>>().join(", ");
    text.parse().map_err(|_| format!("`{text}` is not one of {}", known()))
}

pub(super) fn loop_delay(text: &str) -> Result<arazzo::LoopDelay, String> {
    if text == "auto" {
        return Ok(arazzo::LoopDelay::Auto);
    }
    let delay = values::duration(text).map_err(|error| format!("{error}, or auto"))?;
    Ok(arazzo::LoopDelay::Fixed(delay))
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    values::size(text)
}

/// The name of a header that the connection does not set.
pub(super) fn header_name(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() || !text.chars().all(is_name) {
        return Err("write the name of a header, such as Idempotency-Key".to_owned());
    }
    let (name, _) = header_line(&format!("{text}: x"))?;
    let known =
        ["host", "authorization", "cookie", "content-type", "accept", "date", "expect", "te", "upgrade", "trailer"];
    if known.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return Err(format!(
            "`{name}` says something else to servers: write a header for keys, such as Idempotency-Key"
        ));
    }
    Ok(name)
}

/// A duration, which may be one of days.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    match days.and_then(|days| days.checked_mul(86_400)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => duration(text).map_err(|_| "write an age such as 12h or 30d".to_owned()),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    values::duration(text).map(Duration::from_millis)
}
