//! The loop between a session and the world: sends what it asks to send, waits as long as it asks to wait, and gives
//! back what came. Decides nothing.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use arazzo_engine::machine::message::{ChannelInput, ChannelRequest};
use arazzo_engine::machine::{CallId, Failure, FailureKind, Input, Outcome, Outgoing, Progress, Response};
use tokio::sync::Notify;

#[cfg(feature = "mock")]
use arazzo_engine::mock::Broker;

use crate::channel::ChannelLink;
use crate::envelope::Envelope;
use crate::error::Error;
use crate::runtime;
use crate::session::{Session, SessionTurn};
use crate::transport::{Clock, Pending, SendProgress, World};

/// Bytes of an answer that takes longer to work out than it takes to hand it to another thread, many times.
const LARGE: usize = 64 << 10;

/// Stops a run from outside, from a signal handler for instance. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<Stops>);

#[derive(Debug, Default)]
struct Stops {
    count: AtomicU32,
    heard: Notify,
    /// How much is being worked out beside the runs that share the handle.
    working: AtomicU32,
}

impl Interrupt {
    /// A handle that has not been used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the run. The first call lets a request in flight end for up to 5 s, and lets nothing leave that has not left;
    /// the second stops at once.
    pub fn stop(&self) {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        self.0.heard.notify_waiters();
    }

    /// `true` while something is worked out on a thread beside the run, after a large answer: a stop is heard when that
    /// ends.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.0.working.load(Ordering::SeqCst) > 0
    }

    /// The number of calls of [`Interrupt::stop`].
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.count.load(Ordering::SeqCst)
    }

    /// Waits until there were more stops than `taken`.
    async fn more_than(&self, taken: u32) {
        loop {
            // Listens before it looks, so that no stop falls in between; every run that shares the handle hears it.
            let mut heard = std::pin::pin!(self.0.heard.notified());
            heard.as_mut().enable();
            if self.count() > taken {
                return;
            }
            heard.await;
        }
    }
}

/// Runs a session to its end, and gives what `finish` makes of it. Dropping the future gives up all calls in flight.
///
/// # Errors
/// The reason why a run cannot be logged any more: it ends there.
pub(crate) async fn run<T: Send + 'static>(
    session: Session,
    (world, ways): (&World, Ways),
    interrupt: &Interrupt,
    mut observe: impl FnMut(&Envelope),
    finish: impl FnOnce(Session) -> T + Send + 'static,
) -> Result<(Outcome, T), Error> {
    let clock = world.clock.as_ref();
    let Ways { skips_waits, before, mut log, resumed, mut channels } = ways;
    let Resumed { at: resumed_at, sends, mut inputs } = resumed;
    let mut start = Start { at: clock.elapsed(), skipped: resumed_at };
    // It moves from thread to thread.
    let mut session = Box::new(session);
    session.await_progress();
    let (mut calls, mut taken) = (Calls::default(), 0);
    let (mut input, mut at, mut is_large) = (None, None, false);
    sends.into_iter().for_each(|outgoing| calls.send(world, outgoing));
    loop {
        // A transport that is always ready lets other tasks have their turn all the same.
        tokio::task::consume_budget().await;
        is_large |= matches!(&input, Some(Input::Reply { result: Ok(answer), .. }) if answer.body.len() >= LARGE);
        let now = start.since(at.unwrap_or_else(|| clock.elapsed()));
        let (turn, logged);
        // An answer may be large: it is copied for a log, and for nothing else.
        let copy = log.is_some().then(|| input.clone()).flatten();
        (session, turn) = work(is_large, interrupt, move || {
            if let Some(input) = input {
                session.apply(now, input);
            }
            let turn = session.turn(now);
            (session, turn)
        })
        .await;
        logged = log.as_mut().map(|log| log.log(&session, copy, &turn)).transpose()?.flatten();
        if let Some(logged) = logged {
            logged.await?;
        }
        turn.events.iter().for_each(&mut observe);
        calls.give_up(&turn.aborts);
        if let Some(channels) = &mut channels {
            // The last turn acknowledges what was taken, and listens no more.
            channels.ask(&session, turn.channels, start.since(clock.elapsed()));
        }
        if let Some(outcome) = turn.outcome {
            RunChannels::close(channels).await;
            return Ok((outcome, work(is_large, interrupt, move || finish(*session)).await));
        }
        for outgoing in turn.sends {
            if let Some(before) = &before {
                before(&session, &outgoing);
            }
            calls.send(world, outgoing);
            // What the run itself took since then (reading a large answer, showing it) is not the time of what is sent.
            if let (Some(sent), true) = (calls.0.last(), start.since(clock.elapsed()) > now) {
                sent.progress.report(Progress::Begun);
            }
        }
        if let Some(first) = inputs.pop_front() {
            (input, at) = (Some(first), None);
            continue;
        }
        if let Some(heard) = channels.as_mut().and_then(|channels| channels.take(start.since(clock.elapsed()))) {
            (input, at) = (Some(Input::Channel(heard)), None);
            continue;
        }
        let delayed = channels.as_ref().and_then(RunChannels::next_delayed);
        let wake = turn.wake.into_iter().chain(delayed).min();
        let wait = wake.map(|at| Duration::from_millis(at.saturating_sub(start.since(clock.elapsed()))));
        // A stop comes before a wait that nobody waits for.
        if let (Some(wait), true) = (wait, skips_waits && calls.0.is_empty() && interrupt.count() <= taken) {
            start.skipped = start.skipped.saturating_add(wait);
            (input, at) = (Some(Input::Tick), None);
            tokio::task::yield_now().await;
            continue;
        }
        let link = channels.as_mut().and_then(|channels| channels.link.as_mut());
        let came = next(&mut calls, link, clock, wait, interrupt, &mut taken).await;
        (input, at) = (Some(came.0), came.1);
    }
}

/// The ways of a driver that a run against mocks changes.
#[derive(Default)]
pub(crate) struct Ways {
    /// `true` if time passes at once while no call is in flight.
    pub(crate) skips_waits: bool,
    /// Called for every request before it leaves.
    pub(crate) before: Option<Before>,
    /// Keeps what happens.
    pub(crate) log: Option<Box<dyn TurnLog>>,
    pub(crate) resumed: Resumed,
    /// The channels of the run; nothing for one that has none.
    pub(crate) channels: Option<RunChannels>,
}

/// The channels of a run: those that are connected to, and those that are mocked.
pub(crate) struct RunChannels {
    link: Option<Box<dyn ChannelLink>>,
    #[cfg(feature = "mock")]
    broker: Option<Broker>,
    /// What is coming of those that are mocked, and when, in ms of the run.
    coming: Vec<(u64, ChannelInput)>,
}

impl RunChannels {
    /// The channels of a run that are connected to.
    pub(crate) fn new(link: Option<Box<dyn ChannelLink>>) -> Self {
        Self {
            link,
            #[cfg(feature = "mock")]
            broker: None,
            coming: vec![],
        }
    }

    /// As [`RunChannels::new`], with those that a broker in memory answers.
    #[cfg(feature = "mock")]
    pub(crate) fn mocked(link: Option<Box<dyn ChannelLink>>, broker: Broker) -> Self {
        Self { link, broker: Some(broker), coming: vec![] }
    }

    /// Lets brokers hear that nobody listens any more, also where the runtime ends with the run.
    async fn close(channels: Option<Self>) {
        if let Some(link) = channels.and_then(|channels| channels.link) {
            link.close().await;
        }
    }

    /// Hands out what is asked, and makes the messages up that steps wait for.
    fn ask(&mut self, session: &Session, requests: Vec<ChannelRequest>, now: u64) {
        for request in requests {
            #[cfg(feature = "mock")]
            if let Some(broker) = &mut self.broker
                && broker.serves(&request)
            {
                let coming = broker.ask(&request);
                self.coming.extend(coming.map(|(after, heard)| (now.saturating_add(after), heard)));
                continue;
            }
            match &mut self.link {
                Some(link) => link.request(request),
                None => self.coming.extend(refuse(&request).map(|heard| (now, heard))),
            }
        }
        #[cfg(feature = "mock")]
        if let Some(broker) = &mut self.broker {
            for awaited in session.awaited() {
                let forecast = session.forecast_message(&awaited);
                let coming =
                    broker.answer(&awaited, forecast.as_ref(), &|message| session.would_take(&awaited, message));
                self.coming.extend(coming.into_iter().map(|(after, heard)| (now.saturating_add(after), heard)));
            }
        }
        #[cfg(not(feature = "mock"))]
        let _ = (session, now);
    }

    /// What has come by now of those that are mocked.
    fn take(&mut self, now: u64) -> Option<ChannelInput> {
        let index = self.coming.iter().position(|(at, _)| *at <= now)?;
        Some(self.coming.remove(index).1)
    }

    /// The time at which the next of what is coming comes.
    fn next_delayed(&self) -> Option<u64> {
        self.coming.iter().map(|(at, _)| *at).min()
    }
}

/// What is heard of a request that nothing takes.
fn refuse(request: &ChannelRequest) -> Option<ChannelInput> {
    let message = "nothing here connects to brokers".to_owned();
    let failure = Failure { kind: FailureKind::Connect, message, in_doubt: false };
    match request {
        ChannelRequest::Subscribe { subscription, .. } => {
            Some(ChannelInput::Lost { subscription: *subscription, failure })
        }
        ChannelRequest::Send { call, .. } => Some(ChannelInput::Sent { call: *call, result: Err(failure) }),
        ChannelRequest::Acknowledge { .. } | ChannelRequest::Unsubscribe(_) => None,
    }
}

/// The beginning of a run that goes on with what another process has left.
#[derive(Default)]
pub(crate) struct Resumed {
    /// The time of the run at which it goes on.
    pub(crate) at: Duration,
    /// Requests that are in flight, and are sent again.
    pub(crate) sends: Vec<Outgoing>,
    /// The ends of calls that are not.
    pub(crate) inputs: VecDeque<Input>,
}

/// A log of a run, from which it can go on.
pub(crate) trait TurnLog: Send {
    /// Takes in what followed from an input, before its events are shown and its requests leave. What is given back ends
    /// when so much is kept as must be before the run goes on.
    ///
    /// # Errors
    /// The reason why it cannot be kept.
    fn log(&mut self, session: &Session, input: Option<Input>, turn: &SessionTurn) -> Result<Option<Logged>, Error>;
}

/// Ends when something is kept.
pub(crate) type Logged = Pending<'static, Result<(), Error>>;

/// Looks at a request that is about to leave, and at its run.
pub(crate) type Before = Box<dyn Fn(&Session, &Outgoing) + Send + Sync>;

/// The beginning of a run, and the time since then that was skipped.
#[derive(Clone, Copy)]
struct Start {
    at: Duration,
    skipped: Duration,
}

/// Works something out. After a large answer that takes long, as may all that follows: then no task waits for its thread.
async fn work<T: Send + 'static>(
    is_large: bool,
    interrupt: &Interrupt,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if !is_large {
        return work();
    }
    let _working = Working::begin(interrupt);
    runtime::beside(work).await
}

/// Something that is worked out beside a run, until this is dropped.
struct Working<'i>(&'i Interrupt);

impl<'i> Working<'i> {
    fn begin(interrupt: &'i Interrupt) -> Self {
        interrupt.0.working.fetch_add(1, Ordering::SeqCst);
        Self(interrupt)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.0.working.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worked_out_beside_a_run_can_be_seen() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let Ok(runtime) = runtime else { return assert!(runtime.is_ok()) };
        let interrupt = Interrupt::new();
        let seen = |interrupt: &Interrupt| {
            let inner = interrupt.clone();
            move || inner.is_working()
        };
        assert!(!runtime.block_on(work(false, &interrupt, seen(&interrupt))), "where it is awaited");
        assert!(runtime.block_on(work(true, &interrupt, seen(&interrupt))), "on another thread");
        assert!(!interrupt.is_working(), "it has ended");
    }
}

/// The calls in flight. They are polled where the run is: a task of its own for each would cost more than it gives.
#[derive(Default)]
pub(crate) struct Calls(Vec<Running>);

struct Running {
    call: CallId,
    /// Nothing once it has ended.
    future: Option<Pending<'static, Result<Response, Failure>>>,
    progress: SendProgress,
    /// The answer, which waits until all that was said before it is heard.
    result: Option<Result<Response, Failure>>,
}

impl Running {
    /// What it comes to next: how it gets on, with the time at which that was said, then its answer.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Input, Option<Duration>)> {
        // Only now has the run taken note of what was said before.
        self.progress.wake_sender();
        if let Some(future) = &mut self.future {
            // A run must not end with a transport that breaks down; what a panic says is not passed on.
            let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
            if let Poll::Ready(result) = polled.unwrap_or_else(|_| Poll::Ready(Err(broken()))) {
                (self.future, self.result) = (None, Some(result));
            }
        }
        let call = self.call;
        if let Some((progress, at)) = self.progress.take(context.waker()) {
            return Poll::Ready((Input::Progress { call, progress }, Some(at)));
        }
        let ended = self.result.take().map(|result| (Input::Reply { call, result }, None));
        ended.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Calls {
    /// Begins to send.
    pub(crate) fn send(&mut self, world: &World, outgoing: Outgoing) {
        let (transport, call) = (world.transport.clone(), outgoing.call);
        let progress = SendProgress::new(world.clock.clone());
        let says = progress.clone();
        let future: Pending<'_, _> = Box::pin(async move { transport.send_with_progress(outgoing, says).await });
        self.0.push(Running { call, future: Some(future), progress, result: None });
    }

    /// `true` if no call is in flight.
    #[cfg(feature = "restate")]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives calls up.
    pub(crate) fn give_up(&mut self, aborts: &[CallId]) {
        self.0.retain(|running| !aborts.contains(&running.call));
    }

    /// The next thing that is heard of a call; never without calls.
    pub(crate) async fn next(&mut self) -> (Input, Option<Duration>) {
        std::future::poll_fn(|context| {
            for index in 0..self.0.len() {
                let Some(Poll::Ready(came)) = self.0.get_mut(index).map(|running| running.poll(context)) else {
                    continue;
                };
                if matches!(came.0, Input::Reply { .. }) {
                    drop(self.0.swap_remove(index));
                }
                return Poll::Ready(came);
            }
            Poll::Pending
        })
        .await
    }
}

/// The next thing that happens: a stop, something about a call, or the time to wake; and when, if that is over.
async fn next(
    calls: &mut Calls,
    link: Option<&mut Box<dyn ChannelLink>>,
    clock: &dyn Clock,
    wake: Option<Duration>,
    interrupt: &Interrupt,
    taken: &mut u32,
) -> (Input, Option<Duration>) {
    let sleep = async {
        match wake {
            Some(wait) => clock.sleep(wait).await,
            None => std::future::pending().await,
        }
    };
    let heard = async {
        match link {
            Some(link) => link.next().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = interrupt.more_than(*taken) => {
            *taken += 1;
            (Input::Cancel, None)
        }
        came = calls.next() => came,
        heard = heard => (Input::Channel(heard), None),
        () = sleep => (Input::Tick, None),
    }
}

fn broken() -> Failure {
    Failure { kind: FailureKind::Protocol, message: "the transport broke down".to_owned(), in_doubt: true }
}

impl Start {
    /// The time of the run, in ms, at a time of the clock.
    fn since(self, time: Duration) -> u64 {
        let time = time.saturating_sub(self.at).saturating_add(self.skipped);
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }
}
