//! A small HTTP/1.1 server of the reference workflow's API, with faults: by chance, or by the first segment of the path
//! (`/hang/api`, `/slow/api`). In a process of its own: `serve PORT [faults]`. `/stats` says what it has seen.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Faults of a thousand requests.
const FAULTS: [(u64, &str); 16] = [
    (30, "delay"),
    (10, "reset"),
    (10, "close"),
    (20, "503"),
    (3, "503-long"),
    (10, "partial"),
    (10, "html"),
    (4, "drip"),
    (3, "hang"),
    (5, "garbage"),
    (5, "badgzip"),
    (3, "huge"),
    (5, "badchunk"),
    (5, "partialjson"),
    (5, "hugehead"),
    (5, "502html"),
];

pub const SANDBOX: &str = r#"{"id":"sb-1","organizationId":"org-1","name":"sb","user":"u","env":{},"labels":{},"public":false,"networkBlockAll":false,"target":"eu","cpu":1,"gpu":0,"memory":1,"disk":3,"toolboxProxyUrl":"https://proxy.example/toolbox","state":"started"}"#;

pub fn volume(id: &str, state: &str) -> String {
    let day = "2026-01-05T09:00:00.000Z";
    format!(
        r#"{{"id":"{id}","name":"data","organizationId":"org-1","state":"{state}","createdAt":"{day}","updatedAt":"{day}","errorReason":null}}"#
    )
}

/// An item with 8 MB of tags.
pub fn large_item() -> String {
    let row = r#"{"name":"abcdefgh","ok":true,"n":12345,"s":"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"},"#;
    format!(r#"{{"id":"x","token":"t","tags":[{}{{"ok":false}}]}}"#, row.repeat(8_000_000 / row.len()))
}

#[derive(Default)]
struct State {
    made: AtomicU64,
    asked: Mutex<HashMap<String, u32>>,
    requests: AtomicU64,
    open: AtomicU64,
    open_most: AtomicU64,
    opened: AtomicU64,
    busy: AtomicU64,
    busy_most: AtomicU64,
    random: AtomicU64,
    faults: Mutex<HashMap<&'static str, u64>>,
}

impl State {
    /// Splitmix.
    fn random(&self) -> u64 {
        let step = 0x9E37_79B9_7F4A_7C15;
        let mut bits = self.random.fetch_add(step, Relaxed).wrapping_add(step);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    fn fault(&self) -> &'static str {
        let number = self.random() % 1000;
        let mut at = 0;
        for (weight, name) in FAULTS {
            at += weight;
            if number < at {
                *self.faults.lock().unwrap().entry(name).or_default() += 1;
                return name;
            }
        }
        ""
    }

    fn stats(&self) -> String {
        format!(
            "requests {} open {} open_most {} opened {} busy {} busy_most {} faults {:?}",
            self.requests.load(Relaxed),
            self.open.load(Relaxed),
            self.open_most.swap(0, Relaxed),
            self.opened.load(Relaxed),
            self.busy.load(Relaxed),
            self.busy_most.swap(0, Relaxed),
            self.faults.lock().unwrap()
        )
    }

    /// The body of an answer; nothing for what is not there. A volume is ready when it is asked for three times.
    fn body(&self, method: &str, path: &str, fault: &str) -> String {
        match (method, path) {
            ("POST", "/api/volumes") => return volume(&format!("vol-{}", self.made.fetch_add(1, Relaxed)), "creating"),
            ("POST", "/api/sandbox") => return SANDBOX.to_owned(),
            _ => {}
        }
        if let Some(id) = path.strip_prefix("/api/volumes/") {
            let mut asked = self.asked.lock().unwrap();
            let times = asked.entry(id.to_owned()).or_default();
            *times += 1;
            let is_ready = *times > 2 && fault != "creating";
            if is_ready {
                asked.remove(id);
            }
            return volume(id, if is_ready { "ready" } else { "creating" });
        }
        let item = path.strip_prefix("/api/items/");
        item.map_or_else(String::new, |id| {
            format!(r#"{{"id":"{id}","token":"token-{id}","status":"ready","tags":[{{"name":"a","ok":true}}]}}"#)
        })
    }
}

/// One more for as long as it lives.
struct Counted(Arc<State>, fn(&State) -> &AtomicU64);

impl Counted {
    fn new(state: &Arc<State>, what: fn(&State) -> &AtomicU64, most: fn(&State) -> &AtomicU64) -> Self {
        let now = what(state).fetch_add(1, Relaxed) + 1;
        most(state).fetch_max(now, Relaxed);
        Self(state.clone(), what)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Relaxed);
    }
}

/// Method and target of the next request; nothing once the client has closed.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<(String, String)>> {
    let mut chunk = [0u8; 8192];
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut chunk).await? {
            0 => return Ok(None),
            count => buffer.extend_from_slice(&chunk[..count]),
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let length = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    let whole = end + head.lines().find_map(length).unwrap_or(0usize);
    while buffer.len() < whole {
        match stream.read(&mut chunk).await? {
            0 => return Ok(None),
            count => buffer.extend_from_slice(&chunk[..count]),
        }
    }
    buffer.drain(..whole);
    let mut words = head.split(' ').map(str::to_owned);
    Ok(words.next().zip(words.next()))
}

fn answer(status: &str, more: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

const JSON: &str = "Content-Type: application/json\r\n";
const HTML: &str = "Content-Type: text/html\r\n";

/// Answers one request; `false` closes the connection.
async fn respond(stream: &mut TcpStream, state: &State, fault: &str, body: &str) -> std::io::Result<bool> {
    let good = || answer("200 OK", JSON, body);
    let (bytes, goes_on): (Vec<u8>, bool) = match fault {
        "delay" => {
            tokio::time::sleep(Duration::from_millis(50 + state.random() % 450)).await;
            (good(), true)
        }
        "slow" => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            (good(), true)
        }
        "drip" => {
            for byte in good() {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (vec![], true)
        }
        "hang" => {
            let _ = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut [0u8; 1])).await;
            (vec![], false)
        }
        "reset" => {
            stream.set_zero_linger().ok();
            (vec![], false)
        }
        "close" => (vec![], false),
        "503" => (answer("503 Service Unavailable", "Retry-After: 1\r\n", "busy"), true),
        "503-long" | "retry" => (answer("503 Service Unavailable", "Retry-After: 9999\r\n", "busy"), true),
        "partial" => {
            let mut bytes = good();
            bytes.truncate(bytes.len() - body.len() / 2);
            (bytes, false)
        }
        "partialjson" => (answer("200 OK", JSON, &body[..body.len() / 2]), true),
        "html" => (answer("200 OK", HTML, "<html><body>hello</body></html>"), true),
        "502html" => (answer("502 Bad Gateway", HTML, "<html><body>nginx</body></html>"), true),
        "garbage" => (b"\x15\x03\x01\x00\x02\x02\x16 not http at all\r\n\r\n".to_vec(), false),
        "badgzip" => (answer("200 OK", &format!("{JSON}Content-Encoding: gzip\r\n"), "this is no gzip"), true),
        "badchunk" => {
            (format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n").into_bytes(), false)
        }
        "hugehead" => (answer("200 OK", &format!("X: {}\r\n", "x".repeat(100_000)), ""), false),
        "huge" => ([format!("HTTP/1.1 200 OK\r\n{JSON}\r\n[").into_bytes(), vec![b' '; 20 << 20]].concat(), false),
        "big" => (answer("200 OK", JSON, &large_item()), true),
        _ if body.is_empty() => (answer("404 Not Found", "", ""), true),
        _ => (good(), true),
    };
    stream.write_all(&bytes).await?;
    Ok(goes_on)
}

async fn converse(mut stream: TcpStream, state: Arc<State>, faults: bool) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let _open = Counted::new(&state, |state| &state.open, |state| &state.open_most);
    state.opened.fetch_add(1, Relaxed);
    let mut buffer = vec![];
    while let Some((method, target)) = request(&mut stream, &mut buffer).await? {
        let path = target.split('?').next().unwrap_or("");
        if path == "/stats" {
            stream.write_all(&answer("200 OK", "", &state.stats())).await?;
            continue;
        }
        state.requests.fetch_add(1, Relaxed);
        let _busy = Counted::new(&state, |state| &state.busy, |state| &state.busy_most);
        let (mode, path) = match path.strip_prefix('/').and_then(|path| path.split_once('/')) {
            Some((mode, rest)) if mode != "api" => (mode, format!("/{rest}")),
            _ => ("", path.to_owned()),
        };
        let fault = if faults { state.fault() } else { mode };
        let body = state.body(&method, &path, fault);
        if !respond(&mut stream, &state, fault, &body).await? {
            return Ok(());
        }
    }
    Ok(())
}

pub async fn serve(listener: TcpListener, faults: bool) {
    let state = Arc::new(State::default());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, state.clone(), faults))),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// What a server in another process has seen.
pub async fn stats(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(b"GET /stats HTTP/1.1\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut bytes = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut bytes)).await;
    let text = String::from_utf8_lossy(&bytes[..read.unwrap().unwrap()]).into_owned();
    text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned()
}

/// How many requests it has seen.
pub async fn requests(port: u16) -> u64 {
    stats(port).await.split(' ').nth(1).unwrap().parse().unwrap()
}
