//! What the benchmarks measure against, and what serves them: one program, so that it is built once.
//!
//! `serve PORT` · `raw-chain URL STEPS` · `raw-runs URL RUNS PARALLEL` · `runs URL RUNS PARALLEL` (through the library) ·
//! `memory FILE RUNS THREADS` (the same answers without a socket) · `large MB` and `raw-large MB` (one pointer into a JSON
//! answer of that size) · `parse FILE` (one pass of the parser alone). The scripts call it; see `bench/README.md`.

#![allow(missing_docs, clippy::print_stdout, clippy::indexing_slicing, reason = "a program of the benchmarks")]

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arazzo::{Failure, Outgoing, Pending, Response, Transport};
use serde_json::{Value, json};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", port] => serve(port.parse()?),
        ["raw-chain", url, steps] => waiting(raw_chain(url, steps.parse()?)),
        ["raw-runs", url, runs, parallel] => waiting(raw_runs(url, runs.parse()?, parallel.parse()?)),
        ["runs", url, runs, parallel] => waiting(library_runs(url, runs.parse()?, parallel.parse()?)),
        ["memory", file, runs, threads] => memory_runs(file, runs.parse()?, threads.parse()?),
        ["large", megabytes] => large(megabytes.parse()?),
        ["raw-large", megabytes] => raw_large(megabytes.parse()?),
        ["parse", file] => parse(file),
        _ => Err("serve PORT | raw-chain URL STEPS | raw-runs URL RUNS PARALLEL | runs URL RUNS PARALLEL | \
            memory FILE RUNS THREADS | large MB | raw-large MB | parse FILE"
            .into()),
    }
}

fn waiting(work: impl Future<Output = Fallible<()>>) -> Fallible<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// The client that the library builds, without anything around it.
fn client() -> reqwest::Result<reqwest::Client> {
    // No url here is https, but the client asks for one all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()
}

async fn raw_chain(url: &str, steps: usize) -> Fallible<()> {
    let client = client()?;
    let mut token = "seed".to_owned();
    for step in 0..steps {
        let answer = client.get(format!("{url}/items/{step}?prev={token}")).send().await?;
        assert_eq!(answer.status().as_u16(), 200);
        let body: Value = serde_json::from_slice(&answer.bytes().await?)?;
        token = body["token"].as_str().ok_or("no token")?.to_owned();
    }
    Ok(())
}

async fn raw_run(client: reqwest::Client, url: String) -> Fallible<()> {
    let json = async |answer: reqwest::Response| -> Fallible<Value> {
        assert_eq!(answer.status().as_u16(), 200);
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    };
    let post = |path: &str, body: Value| {
        let request = client.post(format!("{url}{path}")).header("Authorization", "Bearer token");
        request.header("Content-Type", "application/json").body(body.to_string()).send()
    };
    let volume = json(post("/volumes", json!({"name": "data"})).await?).await?;
    let id = volume["id"].as_str().ok_or("no id")?;
    while {
        let request = client.get(format!("{url}/volumes/{id}")).header("Authorization", "Bearer token");
        json(request.send().await?).await?["state"] != "ready"
    } {}
    let body = json!({"snapshot": "base", "volumes": [{"volumeId": id, "mountPath": "/data"}]});
    let sandbox = json(post("/sandbox", body).await?).await?;
    assert_eq!(sandbox["state"], "started");
    Ok(())
}

/// Runs `one` so often, so many at a time, and prints how many there were in a second.
async fn many<F: Future<Output = Fallible<()>> + Send + 'static>(
    runs: usize,
    parallel: usize,
    one: impl Fn() -> F,
) -> Fallible<()> {
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..runs {
        if tasks.len() == parallel {
            tasks.join_next().await.ok_or("no task")???;
        }
        tasks.spawn(one());
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    println!("{:.1}", runs as f64 / started.elapsed().as_secs_f64());
    Ok(())
}

async fn raw_runs(url: &str, runs: usize, parallel: usize) -> Fallible<()> {
    let client = client()?;
    many(runs, parallel, || raw_run(client.clone(), url.to_owned())).await
}

async fn library_runs(url: &str, runs: usize, parallel: usize) -> Fallible<()> {
    let workflow =
        arazzo::open("specs/daytona-provision.yml").folder("openapi").server(None, url).load().await?.workflow(None)?;
    // No one reads the events.
    let workflow = workflow.interest(arazzo::events::Interest::Verdict);
    let inputs = arazzo::Inputs::new().set("apiToken", "token").set("volumeName", "data");
    let inputs = inputs.set("snapshot", "base").set("mountPath", "/data");
    many(runs, parallel, || {
        let (workflow, inputs) = (workflow.clone(), inputs.clone());
        async move {
            let outcome = workflow.run(inputs, |_| {}).await?;
            assert_eq!(outcome.exit_code(), 0);
            Ok(())
        }
    })
    .await
}

/// The answers of [`serve`], without a socket.
struct Memory(Volumes);

impl Transport for Memory {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let path = outgoing.request.url.splitn(4, '/').nth(3).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        let body = self.0.body(&outgoing.request.method, &format!("/{path}"));
        let status = if body.is_some() { 200 } else { 404 };
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = body.unwrap_or_default().into_bytes();
        Box::pin(async move { Ok(Response { status, headers, body }) })
    }
}

/// Runs the first workflow of a document, every event made, on so many threads, with answers from memory.
fn memory_runs(file: &str, runs: usize, threads: usize) -> Fallible<()> {
    let mut runtime = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        runtime.worker_threads(threads);
    }
    let opened = arazzo::open(file).folder("openapi").transport(Memory(Volumes::default()));
    let description = opened.server(None, "http://127.0.0.1:1/api").load_blocking()?;
    let first = description.workflows().next().map(str::to_owned);
    let workflow = description.workflow(first.as_deref())?;
    let values = [("apiToken", "tokentoken"), ("volumeName", "data"), ("snapshot", "base"), ("mountPath", "/data")];
    let known = values.into_iter().filter(|(name, _)| workflow.takes(name));
    let inputs = known.fold(arazzo::Inputs::new(), |inputs, (name, value)| inputs.set(name, value));
    // As many at a time as there are threads, and some that wait.
    runtime.enable_all().build()?.block_on(many(runs, threads * 4, || {
        let (workflow, inputs) = (workflow.clone(), inputs.clone());
        async move {
            let outcome = workflow.run(inputs, |_| {}).await?;
            assert_eq!(outcome.exit_code(), 0);
            Ok(())
        }
    }))
}

/// A JSON text of so many megabytes: a list of records behind the one member that is read.
fn large_body(megabytes: usize) -> String {
    let mut body = String::from(r#"{"id":"first","items":["#);
    let mut number = 0;
    while body.len() < megabytes << 20 {
        let comma = if number == 0 { "" } else { "," };
        body.push_str(&format!(
            r#"{comma}{{"id":"item-{number}","state":"ready","size":{number},"tags":["a","b"],"public":false,"note":"what is said of it"}}"#
        ));
        number += 1;
    }
    body.push_str("]}");
    body
}

/// The parse of a large answer that nothing can do without: `serde_json`'s, of the same bytes.
fn raw_large(megabytes: usize) -> Fallible<()> {
    let body = large_body(megabytes).into_bytes();
    let value: Value = serde_json::from_slice(&body)?;
    assert_eq!(value["id"], "first");
    say_peak(body.len())
}

/// One step with a large answer, of which one pointer is read.
fn large(megabytes: usize) -> Fallible<()> {
    struct Large(Mutex<Option<Vec<u8>>>);
    impl Transport for Large {
        fn send(&self, _: Outgoing) -> Pending<'_, Result<Response, Failure>> {
            let body = self.0.lock().ok().and_then(|mut body| body.take()).unwrap_or_default();
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            Box::pin(async move { Ok(Response { status: 200, headers, body }) })
        }
    }
    let body = large_body(megabytes).into_bytes();
    let size = body.len();
    let flow = "arazzo: 1.0.1\ninfo: { title: Large, version: '1' }\n\
        sourceDescriptions: [{ name: things, url: ./things.yaml, type: openapi }]\n\
        workflows:\n  - workflowId: one\n    steps:\n      - stepId: a\n        operationId: list\n        \
        successCriteria: [{ condition: $statusCode == 200 }]\n        outputs: { id: $response.body#/id }\n    \
        outputs: { id: $steps.a.outputs.id }\n";
    let things = "openapi: 3.1.0\ninfo: { title: Things, version: '1' }\nservers: [{ url: 'http://127.0.0.1:1' }]\n\
        paths: { /things: { get: { operationId: list, responses: { '200': { description: all } } } } }\n";
    let opened = arazzo::open("memory/flow.yaml").text(flow).document("memory/things.yaml", things);
    let limits = arazzo::Limits { body_bytes: 1 << 30, value_bytes: 1 << 30, ..arazzo::Limits::default() };
    let opened = opened.limits(limits).server(None, "http://127.0.0.1:1").transport(Large(Mutex::new(Some(body))));
    let workflow = opened.load_blocking()?.workflow(None)?;
    waiting(async move {
        let outcome = workflow.run(arazzo::Inputs::new(), |_| {}).await?;
        assert_eq!(Value::from(outcome.outputs())["id"], "first", "{outcome:?}");
        Ok(())
    })?;
    say_peak(size)
}

/// Prints the bytes of a body and the peak memory of this process, where Linux tells it.
fn say_peak(body: usize) -> Fallible<()> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    println!("{body} bytes, peak {}", peak.trim());
    Ok(())
}

/// Reads a file and makes one pass over it with the parser that reads it in the engine, keeping nothing.
fn parse(file: &str) -> Fallible<()> {
    let text = std::fs::read_to_string(file)?;
    let mut events = 0usize;
    if file.ends_with(".json") {
        let value: Value = serde_json::from_str(&text)?;
        events += value.as_object().map_or(0, |members| members.len());
    } else {
        let mut parser = granit_parser::Parser::new_from_str(&text);
        while let Some(event) = parser.next_event() {
            event?;
            events += 1;
        }
    }
    println!("{events}");
    Ok(())
}

/// The state of the server: how often each volume was asked for.
#[derive(Default)]
struct Volumes {
    made: AtomicU64,
    asked: Mutex<HashMap<String, u64>>,
}

/// Serves the API of the reference workflow (creating, creating, ready) and of the chains, one thread a connection.
fn serve(port: u16) -> Fallible<()> {
    let volumes = Arc::new(Volumes::default());
    for stream in TcpListener::bind(("127.0.0.1", port))?.incoming().flatten() {
        let volumes = volumes.clone();
        std::thread::spawn(move || while matches!(answer(&stream, &volumes), Ok(true)) {});
    }
    Ok(())
}

impl Volumes {
    /// The body of an answer; nothing where nothing is.
    fn body(&self, method: &str, path: &str) -> Option<String> {
        match (method, path) {
            ("POST", "/api/volumes") => {
                let number = self.made.fetch_add(1, Ordering::Relaxed);
                return Some(volume(&format!("vol-{number}"), "creating"));
            }
            ("POST", "/api/sandbox") => return Some(SANDBOX.to_owned()),
            _ => {}
        }
        if let Some(id) = path.strip_prefix("/api/volumes/") {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let times = asked.entry(id.to_owned()).or_insert(0);
            *times += 1;
            return Some(volume(id, if *times > 2 { "ready" } else { "creating" }));
        }
        let id = path.strip_prefix("/api/items/")?;
        Some(format!(
            r#"{{"id":"{id}","token":"token-{id}","status":"ready","tags":[{{"name":"a","ok":true}},{{"name":"b","ok":false}}]}}"#
        ))
    }
}

/// Answers are as their schemas say, for runners that check them.
const SANDBOX: &str = r#"{"id":"sb-1","organizationId":"org-1","name":"sb","user":"u","env":{},"labels":{},"public":false,"networkBlockAll":false,"target":"eu","cpu":1,"gpu":0,"memory":1,"disk":3,"toolboxProxyUrl":"https://proxy.example/toolbox","state":"started"}"#;

fn volume(id: &str, state: &str) -> String {
    let day = "2026-01-05T09:00:00.000Z";
    format!(
        r#"{{"id":"{id}","name":"data","organizationId":"org-1","state":"{state}","createdAt":"{day}","updatedAt":"{day}","errorReason":null}}"#
    )
}

fn answer(stream: &TcpStream, volumes: &Volumes) -> std::io::Result<bool> {
    stream.set_nodelay(true)?;
    let (mut reader, mut stream) = (BufReader::new(stream), stream);
    let mut line = String::new();
    // Requests come one after another: nothing of the next one is lost with the buffer.
    if reader.read_line(&mut line)? == 0 {
        return Ok(false);
    }
    let (mut length, mut header) = (0u64, String::new());
    while reader.read_line(&mut header)? > 2 {
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        header.clear();
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let body = volumes.body(method, path);
    let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
    let body = body.unwrap_or_default();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes())?;
    Ok(true)
}
