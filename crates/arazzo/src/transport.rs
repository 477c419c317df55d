//! The seam to the world: what sends, and what tells the time. Both can be replaced.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arazzo_engine::machine::{Failure, Outgoing, Response};

use crate::policy::permissions::RunPolicy;
use crate::runtime;

/// A future without a name, as the hooks give it.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends requests: the HTTP client of a run. Implement it to use a client of your own, or to answer in tests.
///
/// ```
/// use arazzo::{Failure, Outgoing, Response};
/// use arazzo::{Pending, Transport};
///
/// struct Empty;
///
/// impl Transport for Empty {
///     fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
///         assert!(outgoing.request.url.starts_with("http"));
///         Box::pin(async { Ok(Response { status: 204, headers: vec![], body: vec![] }) })
///     }
/// }
///
/// let builder = arazzo::open("flow.yaml").transport(Empty);
/// # drop(builder);
/// ```
pub trait Transport: Send + Sync {
    /// Sends a request and gives the whole answer, or why there is none.
    ///
    /// `outgoing` says how long the answer may take (ms) and how many bytes of body to accept; keeping to that is the
    /// transport's duty. No redirect is followed and nothing is sent twice: a run decides what is sent. The future may
    /// be dropped at any time.
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>>;

    /// Checks before a run begins that the transport finds what it needs where the run is polled; it does by default.
    ///
    /// # Errors
    /// The remedy, in words. The run is refused with it ([`crate::Error::Setup`]).
    fn available(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Tells the time and waits. Implement it to run in virtual time.
pub trait Clock: Send + Sync {
    /// The wall clock: time since 1970-01-01T00:00:00Z. Asked once, at the start of a run.
    fn wall(&self) -> Duration;

    /// Time since any fixed point; never goes back.
    fn elapsed(&self) -> Duration;

    /// Ends when this much time has passed.
    fn sleep(&self, time: Duration) -> Pending<'_, ()>;

    /// As [`Transport::available`].
    ///
    /// # Errors
    /// As [`Transport::available`].
    fn available(&self) -> Result<(), String> {
        Ok(())
    }
}

/// The clock of this machine, and tokio's timer.
#[derive(Debug)]
pub(crate) struct SystemClock(Instant);

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) -> Pending<'_, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn available(&self) -> Result<(), String> {
        runtime::timer()
    }
}

/// The hooks of one description. Cheap to clone.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The requests that may be sent.
    pub(crate) grants: RunPolicy,
}

impl World {
    /// # Errors
    /// The remedy, in words, for what a hook needs and does not find.
    pub(crate) fn available(&self) -> Result<(), String> {
        self.transport.available().and_then(|()| self.clock.available())
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}
