//! The library as a service uses it: many runs, many descriptions, several runtimes, faults, stops. `serve PORT` in one
//! process, the other commands in another; see bench/README.md.

mod descriptions;
mod documents;
mod figures;
mod memory;
mod observers;
mod runtimes;
mod server;
mod stops;
mod threads;
mod throughput;
mod transports;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// A runtime with so many workers; of one thread with 0.
pub fn runtime(workers: usize) -> Runtime {
    let built = match workers {
        0 => Builder::new_current_thread().enable_all().build(),
        count => Builder::new_multi_thread().worker_threads(count).enable_all().build(),
    };
    built.unwrap()
}

const COMMANDS: &str = "\
serve PORT [faults]                     the server
throughput in-process|yielding|loopback PORT RUNS
steady PORT RUNS AT-ONCE PER-HOST WORKERS   as many at any time, and what failed
profile SECONDS in-process|loopback PORT
instructions RUNS                       for valgrind
shared-handle                           one interrupt for 10,000 runs
memory | plateau | large-wait           kB of runs that wait
soak PORT MINUTES                       against `serve PORT faults`
cancel PORT WORKERS                     runs that are dropped, and what stays open
interrupts PORT | queued PORT           stops, and what leaves after them
limits PORT WORKERS                     limits of time, with many at once
blocking PORT | large PORT              how long one task keeps the others waiting
remote                                  documents that are served by the runtime that loads them
observers PORT WORKERS                  observers and transports that break down, or are slow
ids                                     names of runs
many PORT N [shared] | https N [shared] descriptions: memory, connections, certificates
mocks N | mocks-at-once N MS | mock-leak N
turns PORT | four PORT | runtimes PORT  one workflow on several runtimes, or none";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let base = |port: &str| format!("http://127.0.0.1:{port}");
    let number = |text: &str| text.parse::<usize>().unwrap();
    let port = |text: &str| text.parse::<u16>().unwrap();
    match words.as_slice() {
        ["serve", at, rest @ ..] => runtime(2).block_on(async {
            server::serve(TcpListener::bind(("127.0.0.1", port(at))).await.unwrap(), rest == ["faults"]).await;
        }),
        ["throughput", kind, at, runs] => throughput::throughput(kind, &format!("{}/api", base(at)), number(runs)),
        ["steady", at, runs, at_once, per_host, workers] => runtime(number(workers)).block_on(throughput::steady(
            &base(at),
            number(runs),
            number(at_once),
            number(per_host),
        )),
        ["profile", seconds, kind, at] => throughput::profile(number(seconds), kind, &format!("{}/api", base(at))),
        ["instructions", runs] => throughput::instructions(number(runs)),
        ["shared-handle"] => throughput::shared_handle(),
        ["memory"] => memory::memory(),
        ["plateau"] => memory::plateau(),
        ["large-wait"] => memory::large_wait(),
        ["mocks", runs] => memory::mocks(number(runs)),
        ["mocks-at-once", runs, ms] => runtime(0).block_on(memory::mocks_at_once(number(runs), number(ms) as u64)),
        ["mock-leak", runs] => runtime(0).block_on(memory::mock_leak(number(runs))),
        ["soak", at, minutes] => stops::soak(&format!("{}/api", base(at)), port(at), minutes.parse().unwrap()),
        ["cancel", at, workers] => runtime(number(workers)).block_on(stops::cancel(&base(at), port(at))),
        ["interrupts", at] => runtime(2).block_on(stops::interrupts(&base(at))),
        ["queued", at] => runtime(2).block_on(stops::queued(&base(at), port(at))),
        ["limits", at, workers] => runtime(number(workers)).block_on(stops::limits_held(&base(at))),
        ["blocking", at] => runtime(0).block_on(threads::blocking(&base(at))),
        ["large", at] => runtime(0).block_on(threads::large(&base(at))),
        ["remote"] => threads::remote(),
        ["observers", at, workers] => runtime(number(workers)).block_on(observers::observers(&base(at))),
        ["ids"] => descriptions::ids(),
        ["many", at, count, rest @ ..] => descriptions::many(&base(at), port(at), number(count), rest == ["shared"]),
        ["https", count, rest @ ..] => descriptions::https(number(count), rest == ["shared"]),
        ["turns", at] => runtimes::turns(&base(at), port(at)),
        ["four", at] => runtimes::four(&base(at)),
        ["runtimes", at] => runtimes::runtimes(&base(at)),
        _ => eprintln!("{COMMANDS}"),
    }
}
