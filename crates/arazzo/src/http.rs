//! Request → reply over reqwest: TLS, time and body limits. Follows no redirect and repeats no request: the engine
//! decides what is sent.

use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arazzo_engine::limits::is_loopback;
use arazzo_engine::machine::{Failure, FailureKind, Outgoing, Response};

use crate::transport::{Pending, Transport};

/// The HTTP clients of one description. Cheap to clone; connections are shared.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    system_proxy: bool,
    clients: Arc<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    plain: OnceLock<Result<reqwest::Client, String>>,
    /// For this machine: no proxy stands between it and itself.
    local: OnceLock<Result<reqwest::Client, String>>,
    /// Built on the first https url: reading the system's certificates costs more than a short run.
    secure: OnceLock<Result<reqwest::Client, String>>,
}

impl Transport for Http {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        Box::pin(self.whole(outgoing))
    }
}

impl Http {
    pub(crate) fn new(system_proxy: bool) -> Self {
        Self { system_proxy, clients: Arc::default() }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// A [`Failure`] that says what happened and whether the server may have got the request.
    async fn whole(&self, outgoing: Outgoing) -> Result<Response, Failure> {
        let limit = Duration::from_millis(outgoing.timeout_ms);
        match tokio::time::timeout(limit, self.exchange(&outgoing)).await {
            Ok(result) => result,
            Err(_) => Err(Failure {
                kind: FailureKind::Timeout,
                message: format!("no answer within {} s", limit.as_secs_f64()),
                in_doubt: true,
            }),
        }
    }

    async fn exchange(&self, outgoing: &Outgoing) -> Result<Response, Failure> {
        let request = &outgoing.request;
        let url = url::Url::parse(&request.url).map_err(|_| unsent("the url is not valid"))?;
        let secure = url.scheme() == "https";
        let client =
            self.client(&url).map_err(|message| Failure { kind: FailureKind::Tls, message, in_doubt: false })?;
        let method =
            reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| unsent("the method is not valid"))?;
        let mut builder = client.request(method, url);
        for (name, value) in &request.headers {
            // `header` adds; a value that is not a header's is an error of the builder, found by `build`.
            builder = builder.header(
                name,
                reqwest::header::HeaderValue::from_bytes(value.as_bytes())
                    .map_err(|_| unsent("a header is not valid"))?,
            );
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let mut response = builder.send().await.map_err(|error| failure(&error, secure))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error, secure))? {
            if (body.len() + chunk.len()) as u64 > outgoing.body_bytes {
                return Err(Failure {
                    kind: FailureKind::BodyTooLarge,
                    message: format!("the body has more than {} bytes", outgoing.body_bytes),
                    in_doubt: true,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers, body })
    }

    fn client(&self, url: &url::Url) -> Result<&reqwest::Client, String> {
        let (cell, secure, proxy) = if url.scheme() == "https" {
            (&self.clients.secure, true, self.system_proxy)
        } else if self.system_proxy && is_loopback(url) {
            (&self.clients.local, false, false)
        } else {
            (&self.clients.plain, false, self.system_proxy)
        };
        cell.get_or_init(|| Self::build(secure, proxy)).as_ref().map_err(Clone::clone)
    }

    fn build(secure: bool, proxy: bool) -> Result<reqwest::Client, String> {
        let mut roots = rustls::RootCertStore::empty();
        if secure {
            for certificate in rustls_native_certs::load_native_certs().certs {
                // A certificate of the system that cannot be read is one that nothing is trusted for.
                let _ = roots.add(certificate);
            }
            if roots.is_empty() {
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("arazzo/", env!("CARGO_PKG_VERSION")));
        if !proxy {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| format!("the HTTP client cannot be set up: {error}"))
    }
}

fn unsent(message: &str) -> Failure {
    Failure { kind: FailureKind::Protocol, message: message.to_owned(), in_doubt: false }
}

/// What happened, in words. Texts of reqwest are not passed on whole: they hold the url, and with it query values.
fn failure(error: &reqwest::Error, secure: bool) -> Failure {
    let mut causes: Vec<String> = vec![];
    let (mut io, mut tls) = (None, None);
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            io = io.or(Some(error.kind()));
            tls = tls.or_else(|| tls_within(error));
        }
        tls = tls.or(cause.downcast_ref());
        causes.push(cause.to_string());
        source = cause.source();
    }
    let last = causes.last().cloned().unwrap_or_default();
    let says = |word: &str| causes.iter().any(|cause| cause.to_ascii_lowercase().contains(word));
    let connecting = error.is_connect();
    let new = |kind, message: String| Failure { kind, message, in_doubt: !connecting };
    if error.is_timeout() {
        let what = if connecting { "connection" } else { "answer" };
        return new(FailureKind::Timeout, format!("no {what} in time"));
    }
    if connecting {
        if let Some(tls) = tls {
            return new(FailureKind::Tls, format!("the connection is not safe: {}", unsafe_because(tls)));
        }
        if says("dns") || says("lookup") || says("name or service") {
            let host = error.url().and_then(|url| url.host_str()).unwrap_or_default();
            return new(FailureKind::Dns, format!("the host `{host}` has no address"));
        }
        if secure
            && (says("certificate")
                || says("tls")
                || says("handshake")
                || says("alert")
                || says("invalidcontenttype")
                || says("corrupt message"))
        {
            return new(FailureKind::Tls, format!("the connection is not safe: {last}"));
        }
        return match io {
            Some(std::io::ErrorKind::ConnectionRefused) => new(FailureKind::Connect, "connection refused".to_owned()),
            Some(std::io::ErrorKind::TimedOut) => new(FailureKind::Connect, "the connection timed out".to_owned()),
            _ => new(FailureKind::Connect, format!("no connection: {last}")),
        };
    }
    match io {
        Some(
            std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe
            | std::io::ErrorKind::ConnectionAborted
            | std::io::ErrorKind::UnexpectedEof,
        ) => new(FailureKind::Reset, "the connection was closed before the answer was complete".to_owned()),
        _ if says("closed") || says("incomplete") || says("end of file") || says("unexpected eof") || says("reset") => {
            new(FailureKind::Reset, "the connection was closed before the answer was complete".to_owned())
        }
        _ => new(
            FailureKind::Protocol,
            if last.is_empty() {
                "the answer is not HTTP".to_owned()
            } else {
                format!("the answer is not HTTP: {last}")
            },
        ),
    }
}

/// What stands in an I/O error is not its source, and connectors put one into another: it has to be asked for.
fn tls_within(error: &std::io::Error) -> Option<&rustls::Error> {
    let mut inner = error.get_ref()?;
    while let Some(nested) = inner.downcast_ref::<std::io::Error>() {
        inner = nested.get_ref()?;
    }
    inner.downcast_ref()
}

/// Why TLS gave up, in words.
fn unsafe_because(error: &rustls::Error) -> String {
    use rustls::{CertificateError as Bad, Error};
    match error {
        Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => "the certificate comes from an authority that this machine does not trust".to_owned(),
            Bad::Expired | Bad::ExpiredContext { .. } => "the certificate has expired".to_owned(),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => "the certificate is not valid yet".to_owned(),
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "the certificate is for another host".to_owned()
            }
            Bad::Revoked => "the certificate was revoked".to_owned(),
            // The library below has no name for it, and it is what most development servers have.
            other if other.to_string().contains("CaUsedAsEndEntity") => "the certificate is self-signed".to_owned(),
            other => format!("the certificate is not valid: {other}"),
        },
        Error::InvalidMessage(_) => "the server does not speak TLS on this port".to_owned(),
        Error::PeerIncompatible(_) => "the server offers no version or cipher of TLS that is still safe".to_owned(),
        other => other.to_string(),
    }
}
