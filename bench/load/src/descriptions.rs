//! Many descriptions, and many runs of one: connections, certificates, names.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arazzo::{Description, Inputs, Network, SharedNetwork};
use tokio::task::JoinSet;

use crate::documents::{Looks, NOWHERE, inputs, items, only, provision};
use crate::figures::{detail, files, memory, since};
use crate::runtime;
use crate::server::stats;
use crate::transports::InProcess;

pub fn ids() {
    let workflow = only(provision(NOWHERE).transport(InProcess::yielding()));
    for runs in [1000, 10_000] {
        runtime(2).block_on(async {
            let (names, mut set, begin) = (Arc::<Mutex<Vec<String>>>::default(), JoinSet::new(), Instant::now());
            for _ in 0..runs {
                let (workflow, names) = (workflow.clone(), names.clone());
                set.spawn(async move {
                    let keep = |event: &arazzo::Envelope| {
                        if event.seq == 0 {
                            names.lock().unwrap().push(event.run.clone());
                        }
                    };
                    workflow.run(inputs(), keep).await.unwrap();
                });
            }
            while set.join_next().await.is_some() {}
            let names = names.lock().unwrap();
            let unlike: HashSet<&String> = names.iter().collect();
            let (ms, twice) = (since(begin), names.len() - unlike.len());
            println!("{runs} runs at once in {ms:.0} ms: {twice} names twice, such as {:?}", names.first());
        });
    }
}

/// So many descriptions; with one network, or each with its own.
fn loaded(count: usize, url: &str, shared: bool) -> Vec<Description> {
    let network: SharedNetwork = Network::default().into();
    let one = |number: usize| {
        let document = arazzo::open(items(&format!("d{number}"), 1, 1, Looks::WithPointer)).server(None, url);
        let network = if shared { network.clone() } else { Network::default().into() };
        document.network(network).load_blocking().unwrap()
    };
    (0..count).map(one).collect()
}

async fn run(description: &Description) -> String {
    detail(&description.workflow(None).unwrap().run(Inputs::new(), |_| {}).await.unwrap())
}

pub fn many(base: &str, port: u16, count: usize, shared: bool) {
    let each = |what: f64| what / count as f64;
    let (before, begin) = (memory(), Instant::now());
    let all = loaded(count, &format!("{base}/api"), shared);
    println!("{count} descriptions: {:.1} kB and {:.2} ms each", each((memory() - before) as f64), each(since(begin)));
    let runtime = runtime(2);
    let (before, begin) = (memory(), Instant::now());
    runtime.block_on(async {
        for description in &all {
            let ended = run(description).await;
            assert!(ended.starts_with("Succeeded"), "{ended}");
        }
    });
    let more = each((memory() - before) as f64);
    println!("one run of each, one after another: {:.0} ms, files {}, {more:.1} kB each", since(begin), files());
    let (before, begin) = (memory(), Instant::now());
    runtime.block_on(async {
        let mut set = JoinSet::new();
        for description in all.iter().flat_map(|description| [description; 8]) {
            let description = description.clone();
            set.spawn(async move { run(&description).await });
        }
        while set.join_next().await.is_some() {}
    });
    let more = each(memory().saturating_sub(before) as f64);
    let seen = runtime.block_on(stats(port));
    println!("8 runs of each at once: {:.0} ms, files {}, {more:.1} kB each; server {seen}", since(begin), files());
    let begin = Instant::now();
    runtime.block_on(async {
        while begin.elapsed() < Duration::from_secs(240) && files() > 50 {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    });
    println!("idle: files {} after {} s", files(), begin.elapsed().as_secs());
    drop(all);
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(200)).await });
    println!("dropped: files {}, {} kB", files(), memory());
}

/// A server that accepts and closes: the certificates of the system are read before the handshake.
pub fn https(count: usize, shared: bool) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let runtime = runtime(0);
    let all = loaded(count, &format!("https://127.0.0.1:{port}/api"), shared);
    for (name, among) in [("each of them", count), ("one of them", 1)] {
        let (before, begin) = (memory(), Instant::now());
        let ended = runtime.block_on(async {
            let mut ended = String::new();
            for description in all.iter().take(among).cycle().take(count) {
                ended = run(description).await;
            }
            ended
        });
        let (ms, kb) = (since(begin) / count as f64, (memory() - before) as f64 / count as f64);
        println!("{count} https requests, by {name}: {ms:.2} ms and {kb:.1} kB each; {ended}");
    }
}
