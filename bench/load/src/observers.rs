//! Observers and transports that break down, or are slow.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arazzo::Envelope;
use tokio::task::JoinSet;

use crate::documents::{NOWHERE, inputs, limits, network, only, provision};
use crate::figures::{Counts, class, detail, files, quantiles, since};
use crate::transports::Panicking;

pub async fn observers(base: &str) {
    std::panic::set_hook(Box::new(|_| {}));
    breaking_down(base).await;
    for kind in ["send", "poll", "drop", "dropped", "never"] {
        let limits = limits(1_000, 200, 1000, 2000);
        let workflow = only(provision(NOWHERE).transport(Panicking(kind)).limits(limits));
        let begin = Instant::now();
        let run = async move { workflow.run(inputs(), |_| {}).await.map(|outcome| detail(&outcome)) };
        let ended = tokio::spawn(run).await.map_err(|error| format!("panics: {}", error.is_panic()));
        println!("a transport that panics in {kind}: {ended:?} in {:.0} ms (run_ms 1000)", since(begin));
    }
    slow(base).await;
}

async fn breaking_down(base: &str) {
    let workflow = only(provision(&format!("{base}/api")).network(network(1)).limits(limits(5_000, 2_000, 1000, 2000)));
    let (mut set, mut ends) = (JoinSet::new(), Counts::default());
    for number in 0..1000u64 {
        let workflow = workflow.clone();
        set.spawn(async move {
            let observe = |event: &Envelope| assert!(event.seq != number % 30, "an observer");
            workflow.run(inputs(), observe).await.map(|outcome| class(&outcome))
        });
    }
    while let Some(ended) = set.join_next().await {
        ends.add(ended.map_or_else(|error| format!("panics: {}", error.is_panic()), |ended| format!("{ended:?}")));
    }
    let after = workflow.run(inputs(), |_| {}).await.map(|outcome| class(&outcome));
    println!("1,000 side by side, observers that panic: {ends:?}; after: {after:?}; files {}", files());
    let slot = Arc::<Mutex<Option<tokio::task::AbortHandle>>>::default();
    let (handle, inner) = (slot.clone(), workflow.clone());
    let task = tokio::spawn(async move {
        tokio::task::yield_now().await;
        let abort = |event: &Envelope| {
            if event.seq == 4 {
                handle.lock().unwrap().as_ref().unwrap().abort();
            }
        };
        inner.run(inputs(), abort).await.map(|outcome| class(&outcome))
    });
    *slot.lock().unwrap() = Some(task.abort_handle());
    let cancelled = task.await.map_err(|error| error.is_cancelled());
    let after = workflow.run(inputs(), |_| {}).await.map(|outcome| class(&outcome));
    println!("an observer that aborts its task: {cancelled:?}; after: {after:?}");
}

async fn slow(base: &str) {
    for slow in [false, true] {
        let workflow = only(provision(&format!("{base}/api")).network(network(64)));
        let (mut set, begin) = (JoinSet::new(), Instant::now());
        for number in 0..500 {
            let workflow = workflow.clone();
            set.spawn(async move {
                let begin = Instant::now();
                let observe = |_: &Envelope| {
                    if slow && number == 0 {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                };
                workflow.run(inputs(), observe).await.unwrap();
                since(begin)
            });
        }
        let mut times = vec![];
        while let Some(ended) = set.join_next().await {
            times.push(ended.unwrap());
        }
        let (took, times) = (since(begin), quantiles(times));
        println!("500 runs, one with an observer of 20 ms an event ({slow}): {took:.0} ms, each {times:?}");
    }
    let workflow = only(provision(&format!("{base}/api")).limits(limits(60_000, 200, 1000, 2000)));
    let outcome = workflow.run(inputs(), |_| std::thread::sleep(Duration::from_millis(500))).await;
    println!("an observer of 500 ms an event, request_ms 200: {:?}", outcome.map(|outcome| class(&outcome)));
}
