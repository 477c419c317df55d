//! The loop between a machine and the world: sends what it asks to send, waits as long as it asks to wait, and gives
//! back what came. Adds the envelope to every event. Decides nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use arazzo_engine::event::VERSION;
use arazzo_engine::machine::{CallId, Failure, FailureKind, Input, Machine, Outcome, Response};
use tokio::sync::Notify;

use crate::drivers::record::Recorder;
use crate::envelope::{Envelope, rfc3339, run_name};
use crate::transport::{Clock, Pending, World};

/// Stops a run from outside, from a signal handler for instance. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<(AtomicU32, Notify)>);

impl Interrupt {
    /// A handle that has not been used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the run. The first call lets a request in flight end for up to 5 s; the second stops at once.
    pub fn stop(&self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    /// The number of calls of [`Interrupt::stop`].
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Waits until there were more stops than `taken`.
    async fn more_than(&self, taken: u32) {
        loop {
            // Listens before it looks, so that no stop falls in between; every run that shares the handle hears it.
            let mut heard = std::pin::pin!(self.0.1.notified());
            heard.as_mut().enable();
            if self.count() > taken {
                return;
            }
            heard.await;
        }
    }
}

/// Runs a machine to its end, and keeps what a recording needs. Dropping the future gives up all calls in flight.
pub(crate) async fn run(
    machine: &mut Machine,
    world: &World,
    interrupt: &Interrupt,
    mut log: Option<&mut Recorder>,
    mut observe: impl FnMut(&Envelope),
) -> Outcome {
    let (clock, naming) = (world.clock.as_ref(), world.grants.hosts.naming);
    let start = clock.elapsed();
    let started = clock.wall();
    let run = run_name(started);
    let mut seq = 0;
    let mut calls = Calls::default();
    let mut taken = 0;
    let mut input = Input::Start { epoch_ms: i64::try_from(started.as_millis()).unwrap_or(i64::MAX) };
    loop {
        let now = elapsed(clock, start);
        if let Some(log) = &mut log {
            log.input(now, &input);
        }
        let turn = machine.step(now, input);
        let wake = turn.wake;
        let time = rfc3339(started + Duration::from_millis(now));
        for event in turn.events {
            let mut envelope = Envelope { v: VERSION, seq, time: time.clone(), ms: now, run: run.clone(), event };
            if let Some(log) = &mut log {
                log.event(&envelope);
            }
            envelope.event.word(naming);
            observe(&envelope);
            seq += 1;
        }
        calls.0.retain(|(call, _)| !turn.aborts.contains(call));
        if let Some(mut outcome) = turn.done {
            outcome.word(naming);
            return outcome;
        }
        for outgoing in turn.sends {
            let (transport, call) = (world.transport.clone(), outgoing.call);
            let asked = world.grants.request(&outgoing, || machine.secrets_in(&outgoing.request));
            let pending: Pending<'static, _> = match asked {
                Ok(()) => Box::pin(async move { transport.send(outgoing).await }),
                Err(message) => {
                    let refused = Failure { kind: FailureKind::Refused, message, in_doubt: false };
                    Box::pin(std::future::ready(Err(refused)))
                }
            };
            calls.0.push((call, pending));
        }
        input = next(
            &mut calls,
            machine,
            clock,
            wake.map(|at| Duration::from_millis(at.saturating_sub(elapsed(clock, start)))),
            interrupt,
            &mut taken,
        )
        .await;
    }
}

/// The calls in flight. They are polled where the run is: a task of its own for each would cost more than it gives.
#[derive(Default)]
struct Calls(Vec<(CallId, Pending<'static, Result<Response, Failure>>)>);

impl Calls {
    /// The next answer; never without calls.
    async fn next(&mut self) -> (CallId, Result<Response, Failure>) {
        std::future::poll_fn(|context| {
            for index in 0..self.0.len() {
                let Some((call, future)) = self.0.get_mut(index) else { continue };
                let call = *call;
                // A run must not end with a transport that breaks down; what a panic says is not passed on.
                let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
                if let Poll::Ready(result) = polled.unwrap_or_else(|_| Poll::Ready(Err(broken()))) {
                    drop(self.0.swap_remove(index));
                    return Poll::Ready((call, result));
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// The next thing that happens: a stop, a reply, or the time to wake.
async fn next(
    calls: &mut Calls,
    machine: &Machine,
    clock: &dyn Clock,
    wake: Option<Duration>,
    interrupt: &Interrupt,
    taken: &mut u32,
) -> Input {
    let sleep = async {
        match wake {
            Some(wait) => clock.sleep(wait).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = interrupt.more_than(*taken) => {
            *taken += 1;
            Input::Cancel
        }
        (call, result) = calls.next() => {
            // What the transport says may quote what was sent.
            let masked = |failure: Failure| Failure { message: machine.mask(&failure.message), ..failure };
            Input::Reply { call, result: result.map_err(masked) }
        }
        () = sleep => Input::Tick,
    }
}

fn broken() -> Failure {
    Failure { kind: FailureKind::Protocol, message: "the transport broke down".to_owned(), in_doubt: true }
}

fn elapsed(clock: &dyn Clock, start: Duration) -> u64 {
    u64::try_from(clock.elapsed().saturating_sub(start).as_millis()).unwrap_or(u64::MAX)
}
