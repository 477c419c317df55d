//! One workflow on several runtimes, on a runtime in another, and on none.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake};
use std::time::{Duration, Instant};

use arazzo::{Clock, Envelope, EventKind, Interrupt, Pending, Workflow};

use crate::documents::{NOWHERE, inputs, limits, only, provision, provision_mocked};
use crate::figures::{Counts, class, detail, since};
use crate::runtime;
use crate::server::requests;
use crate::transports::InProcess;

/// Two runtimes in turns, with the limits as they are by default.
pub fn turns(base: &str, port: u16) {
    let workflow = only(provision(&format!("{base}/api")));
    let (one, other, counting) = (runtime(0), runtime(0), runtime(0));
    for (name, runtime) in [("one", &one), ("other", &other), ("one", &one), ("other", &other)] {
        let (begin, before) = (Instant::now(), counting.block_on(requests(port)));
        let outcome = runtime.block_on(workflow.run(inputs(), |_| {})).unwrap();
        let seen = counting.block_on(requests(port)) - before;
        println!("{name}: {} in {:.0} ms; {seen} requests at the server", detail(&outcome), since(begin));
    }
}

/// Threads with short-lived runtimes of their own, as a synchronous wrapper has.
pub fn four(base: &str) {
    let workflow = only(provision(&format!("{base}/api")).limits(limits(20_000, 3_000, 1000, 2000)));
    for round in 0..3 {
        let (ends, begin) = (Mutex::new(Counts::default()), Instant::now());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let runtime = runtime(0);
                        for _ in 0..2 {
                            ends.lock().unwrap().add(runtime.block_on(ended(&workflow)));
                        }
                    }
                });
            }
        });
        println!(
            "round {round}: 8 threads, 50 runtimes each with 2 runs: {:?} in {:.0} ms",
            ends.lock().unwrap(),
            since(begin)
        );
    }
}

/// How a run ended, and its last failure.
async fn ended(workflow: &Workflow) -> String {
    let mut failed = String::new();
    let observe = |event: &Envelope| {
        if let EventKind::RequestFailed { failure, message, in_doubt, .. } = &event.event.kind {
            failed = format!("{failure} in_doubt={in_doubt} {message}");
        }
    };
    match workflow.run(inputs(), observe).await {
        Ok(outcome) => format!("{} {failed}", class(&outcome)),
        Err(error) => format!("error: {error}"),
    }
}

struct Parked(std::thread::Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls without a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Arc::new(Parked(std::thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park_timeout(Duration::from_secs(5)),
        }
    }
}

struct Plain(Instant);

impl Clock for Plain {
    fn wall(&self) -> Duration {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, _: Duration) -> Pending<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// Says what came of it, also if that is a panic.
fn caught(name: &str, run: impl FnOnce() -> String) {
    let begin = Instant::now();
    let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|_| "a panic".to_owned());
    println!("{name}: {said} ({:.0} ms)", since(begin));
}

pub fn runtimes(base: &str) {
    let load = || only(provision(&format!("{base}/api")).limits(limits(20_000, 3_000, 1000, 2000)));
    let workflow = load();
    let one = &workflow;
    std::panic::set_hook(Box::new(|_| {}));
    let recorded = async {
        let workflow = workflow.clone();
        let task = tokio::spawn(async move { workflow.record(inputs(), &Interrupt::new(), |_| {}).await.unwrap() });
        let (outcome, recording) = task.await.unwrap();
        format!("{} recorded {}", class(&outcome), recording.is_ok())
    };
    println!("spawned and recorded: {}", runtime(2).block_on(recorded));
    let mut ends = Counts::default();
    for _ in 0..200 {
        ends.add(runtime(0).block_on(ended(one)));
    }
    println!("200 runtimes, one after another: {ends:?}");
    caught("none", || block_on(ended(one)));
    for (name, without) in [
        ("without a timer", tokio::runtime::Builder::new_current_thread().enable_io().build()),
        ("without I/O", tokio::runtime::Builder::new_current_thread().enable_time().build()),
    ] {
        caught(name, || without.unwrap().block_on(ended(one)));
    }
    caught("block_on in block_on", || runtime(0).block_on(async { runtime(0).block_on(ended(one)) }));
    caught("block_in_place and Handle::block_on", || {
        let here = || tokio::runtime::Handle::current().block_on(ended(one));
        runtime(2).block_on(async { tokio::task::block_in_place(here) })
    });
    caught("spawn_blocking and Handle::block_on", || {
        runtime(0).block_on(async {
            let (workflow, here) = (workflow.clone(), tokio::runtime::Handle::current());
            tokio::task::spawn_blocking(move || here.block_on(ended(&workflow))).await.unwrap()
        })
    });
    let own = only(provision(NOWHERE).transport(InProcess::at_once()).clock(Plain(Instant::now())));
    caught("none, with a transport and a clock", || block_on(ended(&own)));
    let mocked = only(provision_mocked());
    caught("none, mocked", || {
        let run = block_on(mocked.run(mocked.example_inputs(), |_| {}));
        run.map_or_else(|error| format!("error: {error}"), |outcome| class(&outcome))
    });
}
