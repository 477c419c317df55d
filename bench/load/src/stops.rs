//! Runs that end before their time: dropped, interrupted, at a limit; and what leaves the process afterwards.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arazzo::{Envelope, EventKind, Interrupt, Limits};
use tokio::task::JoinSet;

use crate::documents::{NOWHERE, inputs, limits, network, only, provision, provision_with_timeouts};
use crate::figures::{Counts, class, detail, files, memory, quantiles, since, tasks, threads};
use crate::runtime;
use crate::server::{requests, stats};
use crate::transports::InProcess;

pub fn soak(url: &str, port: u16, minutes: f64) {
    let workflow = only(provision(url).network(network(64)).limits(limits(10_000, 2_000, 1_500, 200)));
    runtime(2).block_on(async {
        let ends = Arc::<Mutex<Counts>>::default();
        let live = Arc::<Mutex<HashMap<u64, Instant>>>::default();
        let (done, slowest) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let begin = Instant::now();
        let end = begin + Duration::from_secs_f64(minutes * 60.);
        for number in 0..64 {
            let (workflow, ends, live) = (workflow.clone(), ends.clone(), live.clone());
            let (done, slowest) = (done.clone(), slowest.clone());
            tokio::spawn(async move {
                while Instant::now() < end {
                    let begin = Instant::now();
                    live.lock().unwrap().insert(number, begin);
                    let mut failed = String::new();
                    let observe = |event: &Envelope| {
                        if let EventKind::RequestFailed { failure, .. } = &event.event.kind {
                            failed = failure.to_string();
                        }
                    };
                    let outcome = workflow.run(inputs(), observe).await;
                    let ended = outcome.map_or_else(|error| error.to_string(), |outcome| class(&outcome));
                    ends.lock().unwrap().add(format!("{ended} {failed}"));
                    slowest.fetch_max(since(begin) as u64, Relaxed);
                    done.fetch_add(1, Relaxed);
                    live.lock().unwrap().remove(&number);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
        }
        while Instant::now() < end + Duration::from_secs(15) {
            tokio::time::sleep(Duration::from_secs(15)).await;
            let late = live.lock().unwrap().values().filter(|begin| since(**begin) > 12_000.).count();
            let (memory, files, threads, tasks) = (memory(), files(), threads(), tasks());
            let (done, slowest) = (done.load(Relaxed), slowest.load(Relaxed));
            println!(
                "{:.0} s: {memory} kB, {files} files, {threads} threads, {tasks} tasks, {done} runs, slowest {slowest} ms, {late} hang",
                since(begin) / 1e3
            );
        }
        println!("{:#?}\nserver {}", ends.lock().unwrap(), stats(port).await);
    });
}

/// Runs that are dropped after a random time, by a timeout or with their task.
pub async fn cancel(base: &str, port: u16) {
    let workflow = only(provision(&format!("{base}/slow/api")).network(network(64)));
    println!("before: {} kB, files {}, tasks {}", memory(), files(), tasks());
    let mut seed = 12_345u64;
    for round in 0..3 {
        let (dropped, mut set, begin) = (Arc::new(AtomicU64::new(0)), JoinSet::new(), Instant::now());
        for number in 0..10_000 {
            if set.len() == 64 {
                set.join_next().await;
            }
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let after = Duration::from_micros(seed % 120_000);
            let (workflow, dropped) = (workflow.clone(), dropped.clone());
            set.spawn(async move {
                let ended = if number % 2 == 0 {
                    tokio::time::timeout(after, workflow.run(inputs(), |_| {})).await.is_ok()
                } else {
                    let task = tokio::spawn(async move { workflow.run(inputs(), |_| {}).await });
                    tokio::time::sleep(after).await;
                    task.abort();
                    task.await.is_ok()
                };
                dropped.fetch_add(u64::from(!ended), Relaxed);
            });
        }
        while set.join_next().await.is_some() {}
        let (took, dropped) = (since(begin), dropped.load(Relaxed));
        println!(
            "round {round}: {took:.0} ms, dropped {dropped}, {} kB, {} files, {} tasks",
            memory(),
            files(),
            tasks()
        );
        println!("   server {}", stats(port).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
        println!("   1 s later {}", stats(port).await);
    }
    let workflow = only(provision(&format!("{base}/hang/api")).network(network(8)));
    let mut set = JoinSet::new();
    for _ in 0..1000 {
        let workflow = workflow.clone();
        set.spawn(async move { workflow.run(inputs(), |_| {}).await.map(|outcome| outcome.exit_code()) });
    }
    // Until all that may be in flight at once have arrived, however busy the machine is.
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let arrived = requests(port).await;
        if std::mem::replace(&mut before, arrived) == arrived {
            break;
        }
    }
    set.shutdown().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("1,000 dropped at one moment, per_host 8: {} requests left afterwards", requests(port).await - before);
}

/// One handle for runs whose requests hang.
pub async fn interrupts(base: &str) {
    for (per_host, stops) in [(64, 1), (64, 2), (8, 1), (1000, 1)] {
        let workflow = only(provision(&format!("{base}/hang/api")).network(network(per_host)));
        let (interrupt, mut set) = (Interrupt::new(), JoinSet::new());
        for _ in 0..200 {
            let (workflow, interrupt) = (workflow.clone(), interrupt.clone());
            set.spawn(async move {
                let mut seen = vec![];
                let observe = |event: &Envelope| match &event.event.kind {
                    EventKind::RequestSent { .. } => seen.push("sent"),
                    EventKind::RequestFailed { in_doubt: true, .. } => seen.push("failed in doubt"),
                    EventKind::RequestFailed { .. } => seen.push("failed"),
                    _ => {}
                };
                let outcome = workflow.run_until(inputs(), &interrupt, observe).await.unwrap();
                format!("{} {seen:?}", detail(&outcome))
            });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begin = Instant::now();
        for _ in 0..stops {
            interrupt.stop();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let (mut times, mut ends) = (vec![], Counts::default());
        while let Some(ended) = set.join_next().await {
            times.push(since(begin));
            ends.add(ended.unwrap());
        }
        println!(
            "200 runs in a request that hangs, per_host {per_host}, {stops} stops: ms {:?}\n   {ends:?}",
            quantiles(times)
        );
    }
    let interrupt = Interrupt::new();
    interrupt.stop();
    let workflow = only(provision(&format!("{base}/api")));
    let outcome = workflow.run_until(inputs(), &interrupt, |_| {}).await.unwrap();
    println!("a handle that was stopped before: {}", detail(&outcome));
}

/// Many at once with limits of time: how long each took.
async fn timed(name: &str, url: &str, limits: Limits, per_host: usize, runs: usize, expected: f64) {
    let workflow = only(provision(url).network(network(per_host)).limits(limits));
    let mut set = JoinSet::new();
    for _ in 0..runs {
        let workflow = workflow.clone();
        set.spawn(async move {
            let (begin, mut longest) = (Instant::now(), 0);
            let observe = |event: &Envelope| {
                if let EventKind::RequestFailed { duration_ms, .. } | EventKind::ResponseReceived { duration_ms, .. } =
                    &event.event.kind
                {
                    longest = longest.max(*duration_ms);
                }
            };
            let outcome = workflow.run(inputs(), observe).await.unwrap();
            (since(begin), class(&outcome), longest as f64)
        });
    }
    let (mut times, mut requests, mut ends) = (vec![], vec![], Counts::default());
    while let Some(ended) = set.join_next().await {
        let (ms, class, longest) = ended.unwrap();
        times.push(ms);
        requests.push(longest);
        ends.add(class);
    }
    let (runs_took, requests_took) = (quantiles(times), quantiles(requests));
    println!(
        "{name:46} {runs:5} runs, per_host {per_host:4}, expected {expected:6.0} ms: {runs_took:?} {ends:?}; requests {requests_took:?}"
    );
}

pub async fn limits_held(base: &str) {
    let at = |mode: &str| format!("{base}/{mode}/api");
    for runs in [1usize, 64, 1000] {
        let all = 1000;
        timed("run_ms 500, no answer", &at("hang"), limits(500, 60_000, 1000, 2000), all, runs, 500.).await;
        timed("request_ms 300, no answer", &at("hang"), limits(60_000, 300, 1000, 2000), all, runs, 300.).await;
        timed("request_ms 300, a byte in 100 ms", &at("drip"), limits(60_000, 300, 1000, 2000), all, runs, 300.).await;
        timed("wait_ms 1000, asked for 9999 s", &at("retry"), limits(60_000, 3000, 1000, 2000), all, runs, 0.).await;
        timed("steps 50, never ready", &at("creating"), limits(60_000, 3000, 1000, 50), 64, runs, 0.).await;
    }
    timed("request_ms 300, no answer", &at("hang"), limits(60_000, 300, 1000, 2000), 8, 200, 300.).await;
    timed("run_ms 2000, request_ms 300", &at("hang"), limits(2_000, 300, 1000, 2000), 8, 1000, 2000.).await;
    timed("a healthy server of 20 ms", &at("slow"), Limits::default(), 8, 1000, 100.).await;
    // Other work on the same threads.
    let busy = only(provision(NOWHERE).transport(InProcess::yielding()));
    let (stop, mut set) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for _ in 0..1000 {
        let (busy, stop) = (busy.clone(), stop.clone());
        set.spawn(async move {
            while !stop.load(Relaxed) {
                let _ = busy.run(inputs(), |_| {}).await;
            }
        });
    }
    timed("run_ms 500, 1000 busy runs beside", &at("hang"), limits(500, 60_000, 1000, 2000), 1000, 64, 500.).await;
    timed("request_ms 300, 1000 busy runs beside", &at("hang"), limits(60_000, 300, 1000, 2000), 1000, 64, 300.).await;
    stop.store(true, Relaxed);
    while set.join_next().await.is_some() {}
}

/// Requests that begin after a stop, where runs wait for their turn.
pub async fn queued(base: &str, port: u16) {
    let workflow = only(provision(&format!("{base}/slow/api")));
    let (interrupt, mut set, before) = (Interrupt::new(), JoinSet::new(), requests(port).await);
    for _ in 0..1000 {
        let (workflow, interrupt) = (workflow.clone(), interrupt.clone());
        set.spawn(async move {
            let (mut sent, mut received) = (0, 0);
            let observe = |event: &Envelope| match event.event.kind {
                EventKind::RequestSent { .. } => sent += 1,
                EventKind::ResponseReceived { .. } => received += 1,
                _ => {}
            };
            let outcome = workflow.run_until(inputs(), &interrupt, observe).await.unwrap();
            (detail(&outcome), sent, received)
        });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let until = requests(port).await - before;
    interrupt.stop();
    let begin = Instant::now();
    let (mut ends, mut sent, mut received) = (Counts::default(), 0, 0);
    while let Some(ended) = set.join_next().await {
        let (detail, more, answered) = ended.unwrap();
        ends.add(detail);
        sent += more;
        received += answered;
    }
    let (took, all) = (since(begin), requests(port).await - before);
    println!(
        "1000 runs, answers of 20 ms, per_host 8, a stop after 100 ms: {until} requests until then, {all} in all, the last run ended {took:.0} ms later; {sent} request.sent, {received} response.received; {ends:?}"
    );
    let workflow = only(provision(&format!("{base}/hang/api")));
    let (interrupt, mut set, before) = (Interrupt::new(), JoinSet::new(), requests(port).await);
    for _ in 0..200 {
        let (workflow, interrupt) = (workflow.clone(), interrupt.clone());
        set.spawn(async move { detail(&workflow.run_until(inputs(), &interrupt, |_| {}).await.unwrap()) });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    interrupt.stop();
    interrupt.stop();
    let mut ends = Counts::default();
    while let Some(ended) = set.join_next().await {
        ends.add(ended.unwrap());
    }
    println!(
        "200 runs in a request that hangs, per_host 8, two stops: {} requests; {ends:?}",
        requests(port).await - before
    );
    let workflow = only(provision_with_timeouts(&format!("{base}/slow/api")));
    let (mut set, mut ends) = (JoinSet::new(), Counts::default());
    for _ in 0..1000 {
        let workflow = workflow.clone();
        set.spawn(async move { class(&workflow.run(inputs(), |_| {}).await.unwrap()) });
    }
    while let Some(ended) = set.join_next().await {
        ends.add(ended.unwrap());
    }
    println!("1000 runs, steps with a timeout of 1 s, answers of 20 ms, per_host 8: {ends:?}");
}
