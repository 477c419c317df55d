//! An HTTP/1.1 server on a loopback port, for tests that need a real one. It keeps every request as it came, and it
//! can answer badly: late, cut short, or not at all. One thread a connection; no TLS, no HTTP/2, no client.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Answers until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

type Handler = dyn Fn(&Request, usize) -> Reply + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query, not decoded.
    pub(crate) path: String,
    /// In the order in which they were sent; names as they were written.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What to answer, and how badly.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Whole,
    /// `Content-Length` promises the whole body, the connection closes after this many bytes of it.
    After(usize),
    /// Closes without a byte.
    Reset,
}

impl Server {
    /// `handler` is given the request and its number, from 0, over all connections.
    pub(crate) fn start(handler: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            requests: Mutex::new(Vec::new()),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&accepting)) else { continue };
                shared.connections.fetch_add(1, Ordering::SeqCst);
                // An error here is the client's end of the connection; the test sees it from that side.
                thread::spawn(move || drop(converse(&stream, &shared)));
            }
        });
        Self { address, shared }
    }

    /// `http://127.0.0.1:PORT`, without a slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that has come so far, in order.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// `METHOD /path` of everything that has come so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address)); // wakes `incoming`
    }
}

/// A url on which nothing listens.
pub(crate) fn unreachable_url() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// The part of the Daytona API that `specs/daytona-provision.yml` calls, below `/api`. A volume passes through `states`
/// as it is asked for, and stays in the last.
pub(crate) fn daytona(states: &[&str]) -> Server {
    daytona_except(states, |_, _| None)
}

/// The same, but where `except` answers, that is the answer.
pub(crate) fn daytona_except(
    states: &[&str],
    except: impl Fn(&Request, usize) -> Option<Reply> + Send + Sync + 'static,
) -> Server {
    let states: Vec<String> = states.iter().map(|&state| state.to_owned()).collect();
    let polls = AtomicUsize::new(0);
    Server::start(move |request, n| {
        if let Some(reply) = except(request, n) {
            return reply;
        }
        if !request.header("authorization").is_some_and(|value| value.starts_with("Bearer ")) {
            return Reply::status(401).json(&json!({"statusCode": 401, "message": "Unauthorized"}));
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/api/volumes") => Reply::status(200).json(&volume(&request.json()["name"], "creating")),
            ("GET", "/api/volumes/vol-1") => {
                let poll = polls.fetch_add(1, Ordering::SeqCst).min(states.len() - 1);
                Reply::status(200).json(&volume(&json!("data"), &states[poll]))
            }
            ("POST", "/api/sandbox") => Reply::status(200).json(&sandbox(&request.json())),
            _ => Reply::status(404).json(&json!({"statusCode": 404, "message": "Not Found"})),
        }
    })
}

fn volume(name: &Value, state: &str) -> Value {
    let reason = if state == "error" { json!("no space left") } else { Value::Null };
    json!({
        "id": "vol-1", "name": name, "organizationId": "org-1", "state": state,
        "createdAt": "2026-01-05T09:00:00.000Z", "updatedAt": "2026-01-05T09:00:00.000Z", "errorReason": reason,
    })
}

fn sandbox(asked: &Value) -> Value {
    json!({
        "id": "sb-1", "organizationId": "org-1", "name": "sb-1", "snapshot": asked["snapshot"], "user": "daytona",
        "env": {}, "labels": {}, "public": false, "networkBlockAll": false, "target": "us", "cpu": 1, "gpu": 0,
        "memory": 1, "disk": 3, "state": "started", "volumes": asked["volumes"],
        "toolboxProxyUrl": "https://proxy.example/toolbox",
    })
}

impl Request {
    /// The header's value, if it was sent exactly once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        let first = values.next();
        if values.next().is_some() { None } else { first }
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), delay: Duration::ZERO, end: End::Whole }
    }

    pub(crate) fn reset() -> Self {
        Self { end: End::Reset, ..Self::status(200) }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn json(self, body: &impl serde::Serialize) -> Self {
        self.body("application/json", serde_json::to_string(body).unwrap())
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub(crate) fn delay(mut self, milliseconds: u64) -> Self {
        self.delay = Duration::from_millis(milliseconds);
        self
    }

    pub(crate) fn truncated(mut self, bytes: usize) -> Self {
        self.end = End::After(bytes);
        self
    }

    /// Writes the answer; whether the connection stays open.
    fn write(&self, request: &Request, mut stream: &TcpStream) -> std::io::Result<bool> {
        thread::sleep(self.delay);
        let sent = match self.end {
            End::Reset => return Ok(false),
            End::Whole => self.body.len(),
            End::After(bytes) => bytes.min(self.body.len()),
        };
        let mut answer = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).into_bytes();
        for (name, value) in &self.headers {
            answer.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        if self.status != 204 && self.status != 304 {
            answer.extend(format!("content-length: {}\r\n", self.body.len()).into_bytes());
        }
        answer.extend(b"\r\n");
        if request.method != "HEAD" {
            answer.extend(&self.body[..sent]);
        }
        stream.write_all(&answer)?;
        let asked_to_close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok(matches!(self.end, End::Whole) && !asked_to_close)
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// One connection: request, answer, request, answer, until one side closes.
fn converse(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader, stream)? {
        let number = {
            let mut requests = shared.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        if !(shared.handler)(&request, number).write(&request, stream)? {
            break;
        }
    }
    stream.shutdown(Shutdown::Both)
}

fn read(reader: &mut impl BufRead, mut stream: &TcpStream) -> std::io::Result<Option<Request>> {
    let start = line(reader)?;
    let mut words = start.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let mut request = Request { method: method.to_owned(), path: path.to_owned(), headers: vec![], body: vec![] };
    loop {
        let header = line(reader)?;
        let Some((name, value)) = header.split_once(':') else { break };
        request.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = usize::from_str_radix(line(reader)?.trim(), 16).unwrap_or(0);
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk)?;
            request.body.extend(chunk);
            line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = request.header("content-length").and_then(|value| value.parse().ok()) {
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn line(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())
}

#[test]
fn a_server_keeps_what_was_sent_and_answers_twice_on_one_connection() {
    let server = Server::start(|request, n| match n {
        0 => Reply::status(200).header("x-seen", &request.path).body("text/plain", "first"),
        _ => Reply::status(200).body("text/plain", "0123456789").truncated(4).delay(1),
    });
    let mut client = TcpStream::connect(server.address).unwrap();
    client.write_all(b"POST /a%20b?c=d HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    client.write_all(b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).unwrap();
    assert!(answers.starts_with("HTTP/1.1 200 OK\r\nx-seen: /a%20b?c=d\r\n"), "{answers}");
    assert!(answers.contains("content-length: 5\r\n\r\nfirstHTTP/1.1 200 OK\r\n"), "{answers}");
    assert!(answers.ends_with("content-length: 10\r\n\r\n0123"), "{answers}");
    assert_eq!(server.lines(), ["POST /a%20b?c=d", "POST /b"]);
    let requests = server.requests();
    assert_eq!(requests[0].headers[1], ("X-One".to_owned(), "1".to_owned()));
    assert_eq!((requests[0].body.as_slice(), requests[1].body.as_slice()), (b"{}".as_slice(), b"abc".as_slice()));
}
