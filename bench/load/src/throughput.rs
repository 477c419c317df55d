//! Runs in a second, and what fails where there are many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use arazzo::{EventKind, Interrupt, Workflow};
use tokio::task::{JoinError, JoinSet};

use crate::documents::{NOWHERE, inputs, network, only, provision};
use crate::figures::{Counts, class, files, memory, quantiles, since, threads};
use crate::runtime;
use crate::transports::InProcess;

/// So many runs, so many at once: seconds, milliseconds of each, how they ended.
async fn many(workflow: &Workflow, runs: usize, at_once: usize) -> (f64, Vec<f64>, Counts) {
    let (mut times, mut ends) = (Vec::with_capacity(runs), Counts::default());
    let begin = Instant::now();
    let mut set = JoinSet::new();
    let mut take = |ended: Result<(f64, String), JoinError>| {
        let (ms, class) = ended.unwrap();
        times.push(ms);
        ends.add(class);
    };
    for _ in 0..runs {
        if set.len() == at_once {
            take(set.join_next().await.unwrap());
        }
        let workflow = workflow.clone();
        set.spawn(async move {
            let begin = Instant::now();
            let outcome = workflow.run(inputs(), |_| {}).await;
            (since(begin), outcome.map_or_else(|error| format!("error: {error}"), |outcome| class(&outcome)))
        });
    }
    while let Some(ended) = set.join_next().await {
        take(ended);
    }
    (begin.elapsed().as_secs_f64(), times, ends)
}

pub fn throughput(kind: &str, url: &str, most: usize) {
    for (workers, at_once) in [0, 2].into_iter().flat_map(|w| [1, 64, 1000, 10_000].map(|at_once| (w, at_once))) {
        let per_hosts: &[usize] = match (kind, at_once) {
            ("loopback", 1000..) => &[8, 1000],
            ("loopback", 64) => &[8, 64],
            _ => &[8],
        };
        for &per_host in per_hosts {
            let runtime = runtime(workers);
            let builder = provision(url).network(network(per_host));
            let workflow = only(match kind {
                "in-process" => builder.transport(InProcess::at_once()),
                "yielding" => builder.transport(InProcess::yielding()),
                _ => builder,
            });
            let runs = if at_once == 1 { most.min(2000) } else { most.max(at_once) };
            let before = memory();
            let (seconds, times, ends) = runtime.block_on(many(&workflow, runs, at_once));
            let (median, late, worst) = quantiles(times);
            println!(
                "{kind:10} workers {workers} at once {at_once:6} per_host {per_host:4} runs {runs:6}: {:8.0} runs/s, ms median {median:9.2} p99 {late:9.2} max {worst:9.2}; memory {before} -> {} kB, threads {}, files {} {ends:?}",
                runs as f64 / seconds,
                memory(),
                threads(),
                files()
            );
        }
    }
}

/// So many at once at any time, and what failed.
pub async fn steady(base: &str, runs: usize, at_once: usize, per_host: usize) {
    let workflow = only(provision(&format!("{base}/api")).network(network(per_host)));
    let (mut set, mut ends) = (JoinSet::new(), Counts::default());
    let most = Arc::new(AtomicU64::new(0));
    for _ in 0..runs {
        if set.len() == at_once {
            ends.add(set.join_next().await.unwrap().unwrap());
        }
        let (workflow, most) = (workflow.clone(), most.clone());
        set.spawn(async move {
            let mut failed = String::new();
            let observe = |event: &arazzo::Envelope| {
                if let EventKind::RequestFailed { failure, message, in_doubt, .. } = &event.event.kind {
                    failed = format!("{failure} in_doubt={in_doubt} {message}");
                }
            };
            let outcome = workflow.run(inputs(), observe).await.unwrap();
            most.fetch_max(files() as u64, Relaxed);
            format!("{} {failed}", class(&outcome))
        });
    }
    while let Some(ended) = set.join_next().await {
        ends.add(ended.unwrap());
    }
    println!("{runs} runs, {at_once} at any time, per_host {per_host}: {ends:?}; files at most {}", most.load(Relaxed));
}

pub fn profile(seconds: usize, kind: &str, url: &str) {
    let builder = provision(url);
    let workflow = only(match kind {
        "loopback" => builder.network(network(64)),
        _ => builder.transport(InProcess::at_once()),
    });
    let (begin, mut runs) = (Instant::now(), 0);
    runtime(0).block_on(async {
        while begin.elapsed() < Duration::from_secs(seconds as u64) {
            many(&workflow, 500, 64).await;
            runs += 500;
        }
    });
    println!("{runs} runs");
}

pub fn instructions(runs: usize) {
    let workflow = only(provision(NOWHERE).transport(InProcess::at_once()));
    runtime(0).block_on(async {
        for _ in 0..runs {
            workflow.run(inputs(), |_| {}).await.unwrap();
        }
    });
}

pub fn shared_handle() {
    for (workers, shared) in [(0, false), (0, true), (2, false), (2, true)] {
        runtime(workers).block_on(async {
            let workflow = only(provision(NOWHERE).transport(InProcess::yielding()));
            let (one, begin, mut set) = (Interrupt::new(), Instant::now(), JoinSet::new());
            for _ in 0..10_000 {
                let workflow = workflow.clone();
                let interrupt = if shared { one.clone() } else { Interrupt::new() };
                set.spawn(async move { workflow.run_until(inputs(), &interrupt, |_| {}).await.unwrap() });
            }
            while set.join_next().await.is_some() {}
            let rate = 10_000. / begin.elapsed().as_secs_f64();
            println!("10,000 runs at once, workers {workers}, one handle for all {shared}: {rate:.0} runs/s");
        });
    }
}
