//! A peer that misbehaves on purpose. A case is a file of `tests/hostile/peer`: what the peer does on the wire, byte by
//! byte; how the command is called; what it must come to. Every run ends before a deadline, in bounded memory, and the
//! secret that it carries is nowhere but at the peer.
//!
//! `answers`: one list of acts for each request, the last one for all that follow. An act is a text, whose characters are
//! bytes, or an object: `hex`; `repeat` and `times`; `forever`; `drip` (a byte a millisecond); `gzip`, `deflate`: that
//! many zeros, coded; `hang`; `reset`; `keep` (the connection stays for the next request); `flush`; `until` (of HTTP/2:
//! reads until a frame of this type came). `unread: true` answers before the request came. `{other}` is another server,
//! which counts who comes; `{port}` the peer's own port. `document` is run in the place of `flow.yaml`.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use arazzo::json;
use arazzo::values::Json as Value;

use crate::cli::{Arazzo, Folder, random};
use crate::server::{Reply, Server};
use crate::tls::Authority;
use crate::watchdog::high_water;

/// What no run may use above one step that goes well, in KiB; docs/safety.md promises 64 MiB.
const MEMORY: u64 = 48 << 10;

/// When a run is killed; each of them ends well under a second.
const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn every_peer_that_misbehaves_is_survived() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/hostile/peer");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(vec![]));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    // What piles up while a busy machine lets nobody read differs from run to run: two tries for memory.
                    let again =
                        |fault: String| if fault.starts_with("expected at most") { survived(case) } else { Err(fault) };
                    if let Err(fault) = survived(case).or_else(again) {
                        faults.lock().unwrap().push(format!("{}: {fault}", case.file_name().unwrap().display()));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// What has to be said against a case.
fn survived(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).unwrap();
    let case = arazzo::parse_values(&path.to_string_lossy(), &text).unwrap();
    let other = Server::start(|_, _| Reply::status(200).body("text/plain", "other"));
    let peer = Peer::start(&case, &other);
    let secret = random(20);
    let folder = Folder::new();
    folder.write("flow.yaml", flow(&case));
    folder.write("api.yaml", api(&case));
    let fill = |text: &str| peer.fill(text);
    let document = fill(case["document"].as_str().unwrap_or("flow.yaml"));
    let mut args = vec!["run".to_owned(), document, "-vv".to_owned(), "-S".to_owned(), peer.url()];
    args.extend(strings(&case["flags"]).map(|flag| fill(&flag)));
    let child = Arazzo::new(args).cwd(folder.path()).env("ARAZZO_INPUT_token", &secret).spawn();
    let (output, memory) = watched(child)?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let all = format!("exit {:?}, {memory} KiB\n--- stdout\n{stdout}\n--- stderr\n{stderr}", output.status.code());
    let check =
        |holds: bool, expected: String| if holds { Ok(()) } else { Err(format!("expected {expected}; {all:.3000}")) };
    let exit = case["exit"].as_i64().unwrap();
    check(output.status.code() == Some(exit as i32), format!("exit {exit}"))?;
    for words in strings(&case["says"]) {
        check(stderr.contains(&fill(&words)), format!("`{words}` on stderr"))?;
    }
    if let Some(outputs) = case.get("outputs") {
        check(Value::parse(stdout.as_bytes()).as_ref() == Some(outputs), format!("{outputs}"))?;
    }
    let secrets = [secret.clone(), secret.to_uppercase()];
    for words in strings(&case["never"]).chain(secrets).chain(["panicked".to_owned()]) {
        check(!stdout.contains(&words) && !stderr.contains(&words), format!("no {words:?}"))?;
    }
    // What a peer sends is shown, and does nothing to the terminal.
    let quiet =
        |text: &str| text.chars().all(|c| c == '\n' || !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c));
    check(quiet(&stderr), "no control characters on stderr".to_owned())?;
    let most = one_step() + MEMORY;
    check(memory <= most, format!("at most {} MiB", most >> 10))?;
    if let Some(wanted) = case["requests"].as_u64() {
        let came = peer.requests.load(Ordering::SeqCst);
        check(came as u64 == wanted, format!("{wanted} requests, not {came}"))?;
    }
    let others = other.requests();
    let wanted = case["others"].as_u64().unwrap_or(0);
    check(others.len() as u64 == wanted, format!("{wanted} requests at the other, not {}", others.len()))?;
    check(!format!("{others:?}").contains(&secret), "no secret at the other".to_owned())
}

/// The memory of a run of one step that goes well: most of it is the program.
fn one_step() -> u64 {
    static KNOWN: OnceLock<u64> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let (folder, case) = (Folder::new(), json!({}));
        folder.write("flow.yaml", flow(&case));
        folder.write("api.yaml", api(&case));
        let server = Server::start(|_, _| Reply::status(200).body("text/plain", "fine"));
        let args = ["run", "flow.yaml", "-vv", "-S", &server.url()];
        let child = Arazzo::new(args).cwd(folder.path()).env("ARAZZO_INPUT_token", &random(20)).spawn();
        let (output, memory) = watched(child).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        memory
    })
}

/// The steps, and what they call: one operation for each method, all at `/x`.
fn flow(case: &Value) -> String {
    let steps = case["steps"].as_str().unwrap_or(
        "- stepId: get\n  operationId: get\n  parameters: [{ name: X-Api-Key, in: header, value: $inputs.token }]\n  outputs: { body: $response.body }\n",
    );
    let outputs = if steps.contains("outputs:") { "    outputs: { body: $steps.get.outputs.body }\n" } else { "" };
    let steps: String = steps.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "arazzo: 1.0.1\ninfo: {{ title: Hostile, version: '1' }}\nsourceDescriptions: [{{ name: api, url: api.yaml, type: openapi }}]\nworkflows:\n  - workflowId: main\n    inputs: {{ type: object, properties: {{ token: {{ type: string }} }} }}\n{outputs}    steps:\n{steps}"
    )
}

fn api(case: &Value) -> String {
    let responses = case.get("responses").cloned().unwrap_or(json!({"200": {"description": "ok"}}));
    let operation = |method: &str| {
        json!({"operationId": method, "responses": responses,
            "parameters": [{"name": "X-Api-Key", "in": "header", "schema": {"type": "string"}}]})
    };
    json!({"openapi": "3.1.0", "info": {"title": "Api", "version": "1"}, "servers": [{"url": "http://api.example"}],
        "paths": {"/x": {"get": operation("get"), "post": operation("post")}}})
    .to_string()
}

fn strings(value: &Value) -> impl Iterator<Item = String> {
    value.as_array().into_iter().flatten().map(|item| item.as_str().unwrap().to_owned())
}

/// Waits for a run, and says how much memory it used. One that does not end is killed.
fn watched(child: std::process::Child) -> Result<(std::process::Output, u64), String> {
    let (id, begun) = (child.id(), Instant::now());
    let waiting = thread::spawn(move || child.wait_with_output().unwrap());
    let mut most = 0;
    while !waiting.is_finished() {
        most = most.max(high_water(id));
        if begun.elapsed() > DEADLINE {
            // The child is ours, and its number is not used again before it is waited for.
            drop(std::process::Command::new("kill").args(["-9", &id.to_string()]).status());
            return Err(format!("it does not end, at {most} KiB"));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok((waiting.join().unwrap(), most))
}

/// The peer.
struct Peer {
    port: u16,
    secure: bool,
    other: String,
    requests: Arc<AtomicUsize>,
}

impl Peer {
    fn start(case: &Value, other: &Server) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, secure) = (Arc::new(AtomicUsize::new(0)), case["tls"].is_string());
        let other = other.url().trim_start_matches("http://").to_owned();
        let peer = Self { port, secure: secure || case["https"] == true, other, requests: requests.clone() };
        let answers: Vec<Value> =
            case["answers"].as_array().unwrap().iter().map(|answer| peer.filled(answer)).collect();
        let unread = case["unread"] == true;
        let tls = case["tls"].as_str().map(|protocol| Arc::new(config(protocol)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), answers, requests, tls) = (stream, answers.clone(), requests.clone(), tls.clone())
                else {
                    continue;
                };
                thread::spawn(move || match tls {
                    None => converse(&mut &stream, &stream, &answers, &requests, unread),
                    Some(config) => {
                        let connection = rustls::ServerConnection::new(config).unwrap();
                        let mut secured = rustls::StreamOwned::new(connection, stream.try_clone().unwrap());
                        converse(&mut secured, &stream, &answers, &requests, unread);
                    }
                });
            }
        });
        peer
    }

    fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.secure { "https" } else { "http" }, self.port)
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{other}", &self.other).replace("{port}", &self.port.to_string())
    }

    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), self.filled(value))).collect())
            }
            _ => value.clone(),
        }
    }
}

fn config(protocol: &str) -> rustls::ServerConfig {
    let (certificate, key) = Authority::self_signed(&["127.0.0.1"]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    config
}

/// One connection, until an answer ends it.
fn converse(
    wire: &mut (impl Read + Write),
    stream: &TcpStream,
    answers: &[Value],
    requests: &AtomicUsize,
    unread: bool,
) {
    loop {
        if !unread && !request(wire) {
            return;
        }
        let number = requests.fetch_add(1, Ordering::SeqCst);
        let Some(acts) = answers.get(number).or(answers.last()).and_then(Value::as_array) else { return };
        let mut keep = false;
        for act in acts {
            if act["keep"] == true {
                keep = true;
            } else if perform(wire, stream, act).is_err() {
                // The client has gone.
                return;
            }
        }
        if !keep {
            drop(wire.flush());
            drop(stream.shutdown(Shutdown::Write));
            // Closing with bytes unread would be a reset.
            drop(std::io::copy(wire, &mut std::io::sink()));
            return;
        }
    }
}

/// Reads a request with its body; of HTTP/2, its first frames.
fn request(wire: &mut impl Read) -> bool {
    let (mut bytes, mut byte) = (vec![], [0]);
    while !bytes.ends_with(b"\r\n\r\n") {
        match wire.read(&mut byte) {
            Ok(1) => bytes.push(byte[0]),
            _ => return false,
        }
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    wire.read_exact(&mut vec![0; length.unwrap_or(0)]).is_ok()
}

fn perform(wire: &mut (impl Read + Write), stream: &TcpStream, act: &Value) -> std::io::Result<()> {
    if let Some(text) = act.as_str() {
        return wire.write_all(&latin1(text));
    }
    if let Some(hex) = act["hex"].as_str() {
        return wire.write_all(&of_hex(hex));
    }
    if let Some(text) = act["repeat"].as_str() {
        let times = act["times"].as_u64().unwrap() as usize;
        return wire.write_all(&latin1(text).repeat(times));
    }
    if act.get("forever").is_some() {
        let part = act["forever"].as_str().map_or_else(|| of_hex(act["forever"]["hex"].as_str().unwrap()), latin1);
        let much = part.repeat(1 + 8192 / part.len());
        loop {
            wire.write_all(&much)?;
        }
    }
    if let Some(text) = act["drip"].as_str() {
        loop {
            for byte in latin1(text) {
                wire.write_all(&[byte])?;
                wire.flush()?;
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
    if let Some(zeros) = act["gzip"].as_u64() {
        let twice = act["twice"] == true;
        let once = coded(flate2::write::GzEncoder::new(vec![], flate2::Compression::best()), |e| e.finish(), zeros);
        if !twice {
            return wire.write_all(&once);
        }
        let mut again = flate2::write::GzEncoder::new(vec![], flate2::Compression::best());
        again.write_all(&once)?;
        return wire.write_all(&again.finish()?);
    }
    if let Some(zeros) = act["deflate"].as_u64() {
        let encoder = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::best());
        return wire.write_all(&coded(encoder, |e| e.finish(), zeros));
    }
    if act["flush"] == true {
        return wire.flush();
    }
    if let Some(kind) = act["until"].as_u64() {
        return frames_until(wire, kind as u8);
    }
    if act["reset"] == true {
        wire.flush()?;
        socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
        return Err(std::io::ErrorKind::ConnectionReset.into());
    }
    assert!(act["hang"] == true, "no such act: {act}");
    wire.flush()?;
    std::io::copy(wire, &mut std::io::sink()).map(drop)
}

/// Reads what a client of HTTP/2 sends, up to a frame of this type; of its preface, the second half is still to come.
fn frames_until(wire: &mut impl Read, kind: u8) -> std::io::Result<()> {
    let mut head = [0; 9];
    wire.read_exact(&mut head[..6])?;
    let begun = if head.starts_with(b"SM\r\n\r\n") { 0 } else { 6 };
    wire.read_exact(&mut head[begun..])?;
    loop {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        wire.read_exact(&mut vec![0; length as usize])?;
        if head[3] == kind {
            return Ok(());
        }
        wire.read_exact(&mut head)?;
    }
}

/// This many zeros, coded.
fn coded<E: Write>(mut encoder: E, finish: impl FnOnce(E) -> std::io::Result<Vec<u8>>, zeros: u64) -> Vec<u8> {
    let part = vec![0; 1 << 16];
    for _ in 0..zeros >> 16 {
        encoder.write_all(&part).unwrap();
    }
    finish(encoder).unwrap()
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect()
}

fn of_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
