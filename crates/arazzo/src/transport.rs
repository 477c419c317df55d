//! The seam to the world: what sends, and what tells the time. Both can be replaced.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arazzo_engine::machine::{Failure, Outgoing, Progress, Response};

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

    /// As [`Transport::send`], for a transport that lets requests wait for their turn: it says how they get on. A run calls
    /// this one; by default a request is said to be written, and is sent.
    ///
    /// ```
    /// use arazzo::{Failure, Outgoing, Pending, Progress, Response, SendProgress, Transport};
    ///
    /// struct OneAtOnce(tokio::sync::Mutex<()>);
    ///
    /// impl Transport for OneAtOnce {
    ///     fn send(&self, _: Outgoing) -> Pending<'_, Result<Response, Failure>> {
    ///         Box::pin(async { Ok(Response { status: 204, headers: vec![], body: vec![] }) })
    ///     }
    ///
    ///     fn send_with_progress(&self, outgoing: Outgoing, progress: SendProgress) -> Pending<'_, Result<Response, Failure>> {
    ///         Box::pin(async move {
    ///             progress.report(Progress::Queued);
    ///             let _turn = self.0.lock().await;
    ///             progress.report(Progress::Begun);
    ///             progress.written().await;
    ///             self.send(outgoing).await
    ///         })
    ///     }
    /// }
    /// ```
    fn send_with_progress(&self, outgoing: Outgoing, progress: SendProgress) -> Pending<'_, Result<Response, Failure>> {
        let sent = async move {
            progress.written().await;
            self.send(outgoing).await
        };
        Box::pin(sent)
    }

    /// Checks before a run begins that the transport finds what it needs where the run is polled; it does by default.
    ///
    /// # Errors
    /// The remedy, in words. The run is refused with it ([`crate::Error::Setup`]).
    fn available(&self) -> Result<(), String> {
        Ok(())
    }
}

/// The way in which a transport says how one request gets on.
///
/// A run hears it in order, with the time at which it was said. What is never said to be written counts as not sent: it is
/// given up without doubt, and [`SendProgress::written`] does not return then.
#[derive(Clone, Default)]
pub struct SendProgress {
    /// Nothing where no run hears it.
    reports: Option<Arc<Reports>>,
    /// `true` once it was said that the request is written.
    written: Arc<AtomicBool>,
}

/// What was said about a request and is not heard yet.
struct Reports {
    clock: Arc<dyn Clock>,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    stages: VecDeque<(Progress, Duration)>,
    /// `true` from when the run hears something until it has taken note of it, which may take it as long as a disk does.
    being_noted: bool,
    /// The run, and a transport that waits until it was heard.
    run: Option<Waker>,
    sender: Option<Waker>,
}

impl SendProgress {
    /// Reports for a run with this clock.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { reports: Some(Arc::new(Reports { clock, said: Mutex::default() })), written: Arc::default() }
    }

    /// Says that the request has come to a stage. Before a byte of it leaves, [`SendProgress::written`] is for that.
    pub fn report(&self, stage: Progress) {
        self.written.fetch_or(stage == Progress::Written, Ordering::SeqCst);
        let Some(reports) = &self.reports else { return };
        let at = reports.clock.elapsed();
        let mut said = reports.lock();
        said.stages.push_back((stage, at));
        said.run.take().into_iter().for_each(Waker::wake);
    }

    /// Says that the request is written now, and waits until the run has taken note of it: the next thing to do is to write
    /// it. A run that has been stopped by then does not let it leave: it drops the call.
    pub async fn written(&self) {
        self.report(Progress::Written);
        std::future::poll_fn(|context| {
            let Some(reports) = &self.reports else { return Poll::Ready(()) };
            let mut said = reports.lock();
            if said.stages.is_empty() && !said.being_noted {
                return Poll::Ready(());
            }
            said.sender = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// `true` if the server may have got something of the request.
    #[cfg(feature = "http")]
    pub(crate) fn is_written(&self) -> bool {
        self.written.load(Ordering::SeqCst)
    }

    /// The next thing that was said, and when; if there is none, `run` is woken when there is.
    pub(crate) fn take(&self, run: &Waker) -> Option<(Progress, Duration)> {
        let mut said = self.reports.as_ref()?.lock();
        let next = said.stages.pop_front();
        said.being_noted |= next.is_some();
        if next.is_none() {
            said.run = Some(run.clone());
        }
        next
    }

    /// Lets a transport go on that has said something, once it was applied.
    pub(crate) fn wake_sender(&self) {
        if let Some(reports) = &self.reports {
            let mut said = reports.lock();
            said.being_noted = false;
            said.sender.take().into_iter().for_each(Waker::wake);
        }
    }
}

impl Reports {
    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SendProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendProgress")
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
