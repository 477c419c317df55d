//! What the benchmarks measure against, and what serves them: one program, so that it is built once.
//!
//! `serve PORT` · `raw-chain URL STEPS` · `raw-runs URL RUNS PARALLEL` · `runs URL RUNS PARALLEL` (through the library) ·
//! `parse FILE` (one pass of the parser alone). `bench/run.py` calls it; see `bench/README.md`.

#![allow(missing_docs, clippy::print_stdout, clippy::indexing_slicing, reason = "a program of the benchmarks")]

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

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
        ["parse", file] => parse(file),
        _ => Err("serve PORT | raw-chain URL STEPS | raw-runs URL RUNS PARALLEL | runs URL RUNS PARALLEL | parse FILE"
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
    let body = match (method, path) {
        ("POST", "/api/volumes") => {
            let number = volumes.made.fetch_add(1, Ordering::Relaxed);
            volume(&format!("vol-{number}"), "creating")
        }
        ("POST", "/api/sandbox") => SANDBOX.to_owned(),
        _ => match (path.strip_prefix("/api/volumes/"), path.strip_prefix("/api/items/")) {
            (Some(id), _) => {
                let mut asked = volumes.asked.lock().map_err(|_| std::io::Error::other("poisoned"))?;
                let times = asked.entry(id.to_owned()).or_insert(0);
                *times += 1;
                let state = if *times > 2 { "ready" } else { "creating" };
                volume(id, state)
            }
            (_, Some(id)) => format!(
                r#"{{"id":"{id}","token":"token-{id}","status":"ready","tags":[{{"name":"a","ok":true}},{{"name":"b","ok":false}}]}}"#
            ),
            _ => String::new(),
        },
    };
    let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes())?;
    Ok(true)
}
