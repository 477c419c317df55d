//! The address at which a worker is called: HTTP/2 in clear, as the engine speaks it, and HTTP/1.1 for `/healthz`.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arazzo_engine::machine::SEMANTICS;
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::drivers::restate::{self, Endpoint, ResponseBody, Shared};
use crate::error::Error;

/// The longest time that requests in flight are waited for.
const DRAIN: Duration = Duration::from_secs(120);

/// A worker that listens, and answers once it is served.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    endpoint: Endpoint,
    shared: Arc<Shared>,
    is_awaited: Arc<AtomicBool>,
}

/// A worker that is not ready yet, until this is dropped.
#[derive(Debug)]
pub struct NotReady(Arc<AtomicBool>);

impl Drop for NotReady {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Listening {
    pub(super) async fn bind(address: SocketAddr, endpoint: Endpoint, shared: Arc<Shared>) -> Result<Self, Error> {
        let wrong = |error: std::io::Error| Error::Setup(format!("cannot listen on {address}: {error}"));
        let listener = TcpListener::bind(address).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        Ok(Self { listener, address, endpoint, shared, is_awaited: Arc::default() })
    }

    /// The path of the url of every worker.
    #[must_use]
    pub fn path() -> String {
        format!("/{SEMANTICS}")
    }

    /// The address, with the port that was free if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The url at which the engine calls it: its path is the version of the interpreter, so that runs which another one has
    /// begun stay where they can go on.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, Self::path())
    }

    /// Lets `/healthz` say that it is not ready, as long as what is given back is there: until it is registered, say.
    #[must_use]
    pub fn not_ready(&self) -> NotReady {
        self.is_awaited.store(true, Ordering::SeqCst);
        NotReady(self.is_awaited.clone())
    }

    /// Answers until `stop` ends; then what is in flight is brought to its end, for two minutes at most. Runs that wait go on
    /// with another worker.
    pub async fn serve(self, stop: impl Future) {
        let Self { listener, address: _, endpoint, shared, is_awaited } = self;
        let mut stop = std::pin::pin!(stop);
        let mut drained = std::pin::pin!(async {
            stop.as_mut().await;
            // What cannot be ended in time is in doubt, or is sent again.
            let _ = tokio::time::timeout(DRAIN, shared.gate.close()).await;
        });
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut drained => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            // Else each entry of a journal waits for an acknowledgement of the one before, a tenth of a second a step.
            let _ = stream.set_nodelay(true);
            let (endpoint, shared, is_awaited) = (endpoint.clone(), shared.clone(), is_awaited.clone());
            tokio::spawn(async move {
                let answer = hyper::service::service_fn(move |request| {
                    let ready = !is_awaited.load(Ordering::SeqCst);
                    std::future::ready(Ok::<_, Infallible>(answer(&endpoint, (&shared, ready), request)))
                });
                // A connection that breaks is the engine's to open again.
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    }
}

type Answer = Response<Either<ResponseBody, Full<Bytes>>>;

fn answer(endpoint: &Endpoint, (shared, ready): (&Shared, bool), request: Request<Incoming>) -> Answer {
    let is_closed = shared.gate.is_closed();
    if request.uri().path() == "/healthz" {
        return match (is_closed, ready) {
            (true, _) => text(StatusCode::SERVICE_UNAVAILABLE, "{\"status\":\"draining\"}\n"),
            (false, false) => text(StatusCode::SERVICE_UNAVAILABLE, "{\"status\":\"starting\"}\n"),
            (false, true) => text(StatusCode::OK, "{\"status\":\"ok\"}\n"),
        };
    }
    if is_closed {
        return text(StatusCode::SERVICE_UNAVAILABLE, "{\"message\":\"this worker is about to end\"}\n");
    }
    restate::answer(endpoint, request).map(Either::Left)
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Either::Right(Full::new(Bytes::from_static(text.as_bytes()))));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    answer
}
