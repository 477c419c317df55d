//! Memory of runs that wait, and of mocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use arazzo::{EventKind, Inputs};
use tokio::task::JoinSet;

use crate::documents::{Looks, NOWHERE, inputs, items, limits, only, provision, provision_mocked};
use crate::figures::{Counts, class, files, memory as resident, since, tasks};
use crate::runtime;
use crate::server::large_item;
use crate::transports::{InProcess, LargeThenNothing};

/// Runs that wait for their first answer; gives the memory before and meanwhile.
async fn waiting(runs: usize) -> (u64, u64) {
    let (transport, gate) = InProcess::gated();
    let workflow = only(provision(NOWHERE).transport(transport.clone()));
    let (before, mut set) = (resident(), JoinSet::new());
    for _ in 0..runs {
        let workflow = workflow.clone();
        set.spawn(async move { workflow.run(inputs(), |_| {}).await.unwrap().exit_code() });
    }
    while transport.sent.load(Relaxed) < runs as u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let meanwhile = resident();
    gate.add_permits(runs * 10);
    while set.join_next().await.is_some() {}
    (before, meanwhile)
}

pub fn memory() {
    let runtime = runtime(0);
    let one = only(provision(NOWHERE).transport(InProcess::at_once()));
    println!("the future of a run: {} bytes", size_of_val(&one.run(inputs(), |_| {})));
    runtime.block_on(async {
        for runs in [1000, 10_000] {
            let (before, meanwhile) = waiting(runs).await;
            let each = (meanwhile - before) as f64 / runs as f64;
            println!("{runs} runs waiting in their first request: {each:.1} kB each; after: {} kB", resident());
        }
        let (transport, _gate) = InProcess::gated();
        let workflow = only(provision(NOWHERE).transport(transport));
        let (before, mut set) = (resident(), JoinSet::new());
        for _ in 0..4 {
            let (workflow, inputs) = (workflow.clone(), inputs().file("mountPath", "f.bin", vec![b'a'; 50 << 20]));
            set.spawn(async move { workflow.run(inputs, |_| {}).await });
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        let each = (resident() - before) as f64 / 1024. / 4.;
        println!("4 runs with a file of 50 MiB as input that no step has sent yet: {each:.0} MiB each");
    });
}

/// Rounds of 10,000 waiting runs: does memory grow?
pub fn plateau() {
    runtime(0).block_on(async {
        for round in 0..4 {
            let (_, meanwhile) = waiting(10_000).await;
            println!("round {round}: waiting {meanwhile} kB, after {} kB", resident());
        }
    });
}

pub fn large_wait() {
    let document = items("chain2", 1, 2, Looks::WithQuery);
    runtime(0).block_on(async {
        let waiting = Arc::new(AtomicU64::new(0));
        let transport = LargeThenNothing { waiting: waiting.clone(), body: large_item().into() };
        let workflow = only(arazzo::open(document).server(None, NOWHERE).transport(transport));
        let (before, mut set) = (resident(), JoinSet::new());
        for _ in 0..16 {
            let workflow = workflow.clone();
            set.spawn(async move { workflow.run(Inputs::new(), |_| {}).await.unwrap() });
        }
        while waiting.load(Relaxed) < 16 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let each = (resident() - before) as f64 / 1024. / 16.;
        set.shutdown().await;
        println!("16 runs that wait after an answer of 8 MB: {each:.1} MB each; after: {} kB", resident());
    });
}

pub fn mocks(runs: usize) {
    let workflow = only(provision_mocked().limits(limits(60_000, 5000, 1000, 30)));
    runtime(0).block_on(async {
        println!("before: memory {} kB, files {}", resident(), files());
        for round in 0..5 {
            let (begin, mut ends) = (Instant::now(), Counts::default());
            for _ in 0..runs {
                let outcome = workflow.run(workflow.example_inputs(), |_| {}).await;
                ends.add(outcome.map_or_else(|error| error.to_string(), |outcome| class(&outcome)));
            }
            let (ms, memory, files, tasks) = (since(begin), resident(), files(), tasks());
            println!(
                "round {round}: {runs} mocked runs in {ms:.0} ms: {memory} kB, {files} files, {tasks} tasks {ends:?}"
            );
        }
    });
}

pub async fn mocks_at_once(runs: usize, ms: u64) {
    let workflow = only(provision_mocked().limits(limits(60_000, ms, 1000, 30)));
    let (begin, mut set, mut ends) = (Instant::now(), JoinSet::new(), Counts::default());
    for _ in 0..runs {
        let workflow = workflow.clone();
        set.spawn(async move {
            let mut failed = String::new();
            let observe = |event: &arazzo::Envelope| {
                if let EventKind::RequestFailed { failure, message, .. } = &event.event.kind {
                    failed = format!("{failure} {message}");
                }
            };
            let outcome = workflow.run(workflow.example_inputs(), observe).await;
            format!("{} {failed}", outcome.map_or_else(|error| error.to_string(), |outcome| class(&outcome)))
        });
    }
    while let Some(ended) = set.join_next().await {
        ends.add(ended.unwrap());
    }
    let took = since(begin);
    println!("{runs} mocked runs at once, request_ms {ms}: {ends:?} in {took:.0} ms, files {}", files());
}

pub async fn mock_leak(runs: usize) {
    let workflow = only(provision_mocked().limits(limits(60_000, 5000, 1000, 30)));
    for (round, pause) in [(0, 100), (1, 1)] {
        let begin = Instant::now();
        for _ in 0..runs {
            workflow.run(workflow.example_inputs(), |_| {}).await.unwrap();
        }
        println!("round {round}: {runs} mocked runs in {:.0} ms: {} kB", since(begin), resident());
        tokio::time::sleep(Duration::from_secs(pause)).await;
        println!("   after a pause: {} kB, tasks {}", resident(), tasks());
    }
    drop(workflow);
    println!("dropped: {} kB", resident());
}
