//! Request → reply over HTTP/1.1 and 2: times, sizes, codings. Follows no redirect and repeats no request: the engine
//! decides what is sent.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arazzo_engine::machine::{Because, Failure, FailureKind, Outgoing, Response};
use base64::Engine as _;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Bytes, Frame, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Uri};

use crate::network::coding::{self, DecodeError};
use crate::network::connect::ConnectError;
use crate::network::header_text;
use crate::network::pool::{FIELDS, HEAD, Pool, SendError, Sent, Turn};
use crate::network::tls;
use crate::policy::hosts::Hosts;
use crate::transport::{Pending, SendProgress, Transport};

/// Headers of every request that has no own of the name.
pub(crate) const USUAL_HEADERS: [(&str, &str); 3] = [
    ("user-agent", concat!("arazzo/", env!("CARGO_PKG_VERSION"))),
    ("accept", "*/*"),
    ("accept-encoding", coding::ACCEPTED),
];

/// Bytes of a url that can be written.
const LONGEST_URL: usize = 65_534;

/// The HTTP client of one description. Cheap to clone; connections are those of its network.
#[derive(Clone)]
pub(crate) struct Http {
    pool: Arc<Pool>,
    /// The hosts that may be called.
    hosts: Arc<Hosts>,
}

impl Transport for Http {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        Box::pin(self.whole(outgoing, SendProgress::default()))
    }

    fn send_with_progress(&self, outgoing: Outgoing, progress: SendProgress) -> Pending<'_, Result<Response, Failure>> {
        Box::pin(self.whole(outgoing, progress))
    }

    fn available(&self) -> Result<(), String> {
        self.pool.available()
    }
}

impl Http {
    pub(crate) fn new(pool: Arc<Pool>, hosts: Hosts) -> Self {
        Self { pool, hosts: Arc::new(hosts) }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// A [`Failure`] that says what happened and whether the server may have got the request.
    async fn whole(&self, outgoing: Outgoing, progress: SendProgress) -> Result<Response, Failure> {
        let request = self.request(&outgoing)?;
        // The time of a request begins when it is its turn.
        let turn = self.pool.turn(request.uri(), &progress).await.map_err(|error| failure(&error))?;
        let limit = Duration::from_millis(outgoing.timeout_ms);
        let answered = tokio::time::timeout(limit, self.exchange(turn, request, &outgoing, &progress)).await;
        let answered = answered.unwrap_or_else(|_| Err(late("no answer", limit)));
        // Without a connection there is no doubt, whatever took too long.
        answered.map_err(|failure| Failure { in_doubt: failure.in_doubt && progress.is_written(), ..failure })
    }

    async fn exchange(
        &self,
        turn: Turn,
        request: Sent,
        outgoing: &Outgoing,
        progress: &SendProgress,
    ) -> Result<Response, Failure> {
        let fresh = self.pool.connector().network().fresh_connections || outgoing.because == Because::Reconnect;
        let answered = self.heard("no answer", self.pool.send(turn, request, &self.hosts, (fresh, progress))).await?;
        let (mut answer, lease) = answered.map_err(|error| failure(&error))?;
        // The reader of heads has room for more than the limit.
        let head: usize = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if head > HEAD || answer.headers().len() > FIELDS {
            return Err(Failure { kind: FailureKind::HeadTooLarge, message: too_large(), in_doubt: true });
        }
        // Where the body ends is said by its last transfer coding; another than `chunked` is not asked for.
        let mut transfer = answer.headers().get_all(header::TRANSFER_ENCODING).iter();
        if let Some(coding) = transfer.find(|value| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")) {
            // Whole: who masks it cuts it.
            let coding = String::from_utf8_lossy(coding.as_bytes());
            let message = format!("the body is transferred as `{coding}`, which is not read");
            return Err(Failure { kind: FailureKind::Protocol, message, in_doubt: true });
        }
        let codings = answer.headers().get_all(header::CONTENT_ENCODING);
        let codings = codings.iter().map(|value| value.to_str().unwrap_or("?"));
        let mut body = coding::Body::new(codings, outgoing.body_bytes).map_err(|spoiled| unread(spoiled, outgoing))?;
        if !body.is_coded() && announced(answer.headers()).is_some_and(|length| length > outgoing.body_bytes) {
            let asked_for_none = outgoing.request.method.eq_ignore_ascii_case("head");
            if !asked_for_none {
                return Err(unread(DecodeError::TooLarge, outgoing));
            }
        }
        let mut end = End::of(&answer);
        while !end.came {
            let Some(frame) = self.heard("nothing more of the answer", frame(answer.body_mut())).await? else {
                end.close()?;
                break;
            };
            let frame = frame.map_err(|error| end.wrong(&error).unwrap_or_else(|| failure(&error)))?;
            end.look(&frame, answer.body());
            if let Some(bytes) = frame.data_ref() {
                body.add(bytes).map_err(|spoiled| unread(spoiled, outgoing))?;
            }
        }
        if !self.pool.connector().network().fresh_connections {
            lease.give_back();
        }
        Ok(Response {
            status: answer.status().as_u16(),
            headers: answer
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), header_text(value.as_bytes())))
                .collect(),
            body: body.finish().map_err(|spoiled| unread(spoiled, outgoing))?,
        })
    }

    /// Waits as long as a server may say nothing.
    async fn heard<T>(&self, what: &str, future: impl Future<Output = T>) -> Result<T, Failure> {
        match self.pool.connector().network().idle_timeout {
            None => Ok(future.await),
            Some(limit) => tokio::time::timeout(limit, future).await.map_err(|_| late(what, limit)),
        }
    }

    fn request(&self, outgoing: &Outgoing) -> Result<Sent, Failure> {
        let request = &outgoing.request;
        let mut url = outgoing.url().ok_or_else(|| unsent("the url is not valid"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsent("a header is not valid"))?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| unsent("a header is not valid"))?;
            headers.append(name, value);
        }
        // The user of a url is said in a header, and the part behind `#` is not said at all.
        if !url.username().is_empty() || url.password().is_some() {
            let decode = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
            let user = format!("{}:{}", decode(url.username()), decode(url.password().unwrap_or_default()));
            let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user));
            let value = HeaderValue::try_from(value).map_err(|_| unsent("the url is not valid"))?;
            headers.entry(header::AUTHORIZATION).or_insert(value);
            let url = url.to_mut();
            let _ = (url.set_username(""), url.set_password(None));
        }
        if url.fragment().is_some() {
            url.to_mut().set_fragment(None);
        }
        let length = url.as_str().len();
        if length > LONGEST_URL {
            return Err(unsent(&format!("the url has {length} bytes, and {LONGEST_URL} can be sent")));
        }
        let uri: Uri = url.as_str().parse().map_err(|_| unsent("the url is not valid"))?;
        if let Some(value) = self.pool.connector().proxy_authorization(&uri) {
            headers.insert(header::PROXY_AUTHORIZATION, value);
        }
        for (name, value) in USUAL_HEADERS {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        let body = Full::new(Bytes::from(request.body.clone().unwrap_or_default()));
        let mut built = hyper::Request::new(body);
        *built.method_mut() =
            Method::from_bytes(request.method.as_bytes()).map_err(|_| unsent("the method is not valid"))?;
        *built.uri_mut() = uri;
        *built.headers_mut() = headers;
        Ok(built)
    }
}

/// `true` if a body has come to its end. HTTP/2 ends one with END_STREAM and in no other way, but the library below
/// takes a stream that is reset with NO_ERROR for ended, and one that is given up with a connection that says so too: a server
/// may do that once its answer is complete (RFC 9113 8.1), and whoever cuts an answer short may do it as well.
struct End {
    /// HTTP/1.1 counts bytes and chunks: there, a body that ends without an error has come.
    counted: bool,
    came: bool,
    /// The number of bytes that there should be, and that there were.
    announced: Option<u64>,
    received: u64,
}

impl End {
    fn of(answer: &hyper::Response<Incoming>) -> Self {
        let counted = answer.version() != hyper::Version::HTTP_2;
        let came = !counted && answer.body().is_end_stream();
        Self { counted, came, announced: announced(answer.headers()), received: 0 }
    }

    /// After every part: END_STREAM comes with one, be it empty, and once it came nothing that follows matters.
    fn look(&mut self, frame: &Frame<Bytes>, body: &Incoming) {
        self.came = !self.counted && body.is_end_stream();
        self.received += frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
    }

    /// No part follows.
    fn close(&self) -> Result<(), Failure> {
        if self.counted {
            return Ok(());
        }
        Err(Failure { kind: FailureKind::Reset, message: CUT.to_owned(), in_doubt: true })
    }

    /// The fault of a body whose length is not the announced one: in HTTP/2, that is found below.
    fn wrong(&self, error: &hyper::Error) -> Option<Failure> {
        let length = self.announced.filter(|_| Causes::of(error).h2.is_some_and(malformed))?;
        let message = if self.received < length {
            format!("the body does not have the {length} bytes that its `content-length` says")
        } else {
            format!("something follows after the {length} bytes that the `content-length` of the body says")
        };
        Some(Failure { kind: FailureKind::Protocol, message, in_doubt: true })
    }
}

/// The next part of a body.
async fn frame(body: &mut Incoming) -> Option<hyper::Result<Frame<Bytes>>> {
    body.frame().await
}

/// The length that an answer says it has.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn unsent(message: &str) -> Failure {
    Failure { kind: FailureKind::Protocol, message: message.to_owned(), in_doubt: false }
}

fn late(what: &str, limit: Duration) -> Failure {
    let message = format!("{what} within {} s", limit.as_secs_f64());
    Failure { kind: FailureKind::Timeout, message, in_doubt: true }
}

fn unread(spoiled: DecodeError, outgoing: &Outgoing) -> Failure {
    let (kind, message) = match spoiled {
        DecodeError::TooLarge => {
            (FailureKind::BodyTooLarge, format!("the body has more than {} bytes", outgoing.body_bytes))
        }
        DecodeError::Wrong(message) => (FailureKind::Protocol, message),
    };
    Failure { kind, message, in_doubt: true }
}

/// The texts of the causes of an error.
#[derive(Default)]
struct Causes<'e> {
    trouble: Option<&'e ConnectError>,
    tls: Option<&'e rustls::Error>,
    io: Option<std::io::ErrorKind>,
    hyper: Option<&'e hyper::Error>,
    h2: Option<&'e h2::Error>,
    last: String,
}

impl<'e> Causes<'e> {
    fn of(error: &'e (dyn std::error::Error + 'static)) -> Self {
        let mut found = Self::default();
        let mut cause = Some(error);
        while let Some(error) = cause {
            found.trouble = found.trouble.or(error.downcast_ref());
            found.hyper = found.hyper.or(error.downcast_ref());
            found.h2 = found.h2.or(error.downcast_ref());
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                found.io = found.io.or(Some(error.kind()));
                found.tls = found.tls.or_else(|| tls::within(error));
            }
            found.last = error.to_string();
            cause = error.source();
        }
        found
    }
}

fn too_large() -> String {
    format!("the head of the answer has more than {HEAD} bytes or {FIELDS} fields, or a length beyond all numbers")
}

const CUT: &str = "the connection was closed before the answer was complete";

/// `true` if the library below found that an answer breaks the rules of HTTP/2.
fn malformed(error: &h2::Error) -> bool {
    error.is_library() && error.reason() == Some(h2::Reason::PROTOCOL_ERROR)
}

/// The event, in words.
fn failure(error: &(dyn std::error::Error + 'static)) -> Failure {
    let causes = Causes::of(error);
    if let Some(trouble) = causes.trouble {
        return Failure { kind: trouble.kind, message: trouble.message.clone(), in_doubt: false };
    }
    if let Some(SendError::Stale(_)) = error.downcast_ref() {
        let message =
            "the connection, which was open from an earlier request, ended without a byte of an answer".to_owned();
        return Failure { kind: FailureKind::StaleConnection, message, in_doubt: true };
    }
    let unsent = matches!(error.downcast_ref(), Some(SendError::Unsent(_)));
    let new = |kind, message: String| Failure { kind, message, in_doubt: !unsent };
    if let Some(error) = causes.tls {
        return new(FailureKind::Tls, format!("the connection is not safe: {}", tls::words(error)));
    }
    // The library below does not tell this one apart in another way.
    if causes.hyper.is_some_and(|error| error.is_parse() && error.to_string().contains("too large")) {
        return new(FailureKind::HeadTooLarge, too_large());
    }
    if let Some(error) = causes.h2 {
        if error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM) {
            // The server says that it did nothing with it (RFC 9113 8.7).
            let message = "the server refused the request before it looked at it".to_owned();
            return Failure { kind: FailureKind::Reset, message, in_doubt: false };
        }
        // What the other side calls it, and the words of the library below, are of no use to people.
        if error.is_remote() {
            return new(FailureKind::Reset, CUT.to_owned());
        }
        if !error.is_io() {
            return new(FailureKind::Protocol, "the answer breaks the rules of HTTP/2".to_owned());
        }
    }
    let cut =
        causes.hyper.is_some_and(|error| error.is_incomplete_message() || error.is_closed() || error.is_canceled());
    let last = causes.last.to_ascii_lowercase();
    match causes.io {
        Some(
            std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe
            | std::io::ErrorKind::ConnectionAborted
            | std::io::ErrorKind::UnexpectedEof,
        ) => new(FailureKind::Reset, CUT.to_owned()),
        _ if cut || ["closed", "end of file", "unexpected eof", "reset"].iter().any(|word| last.contains(word)) => {
            new(FailureKind::Reset, CUT.to_owned())
        }
        _ if causes.last.is_empty() => new(FailureKind::Protocol, "the answer is not HTTP".to_owned()),
        _ => new(FailureKind::Protocol, format!("the answer is not HTTP: {}", causes.last)),
    }
}
