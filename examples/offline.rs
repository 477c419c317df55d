//! The reference workflow without the API: starts a small server on this machine that answers as Daytona does
//! (creating, creating, ready), and runs `arazzo run specs/daytona-provision.yml` against it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn main() -> ExitCode {
    let listener = match TcpListener::bind("127.0.0.1:0") {
        Ok(listener) => listener,
        Err(error) => return give_up(&format!("no port on this machine: {error}")),
    };
    let Ok(address) = listener.local_addr() else { return give_up("no address for the server") };
    std::thread::spawn(move || serve(&listener));

    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    if let Err(error) = std::env::set_current_dir(root) {
        return give_up(&format!("cannot enter {root}: {error}"));
    }
    let server = format!("http://{address}/api");
    // The pause that a server elsewhere would get by itself; on loopback it is asked for.
    let run = ["arazzo", "run", "specs/daytona-provision.yml", "--server", &server, "--loop-delay", "300ms"];
    let inputs = ["apiToken=not-a-real-token", "volumeName=data", "snapshot=base", "mountPath=/data"];
    let inputs = inputs.iter().flat_map(|input| ["--input", input]);
    arazzo_cli::main(run.into_iter().chain(inputs))
}

fn give_up(reason: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{reason}");
    ExitCode::FAILURE
}

fn serve(listener: &TcpListener) {
    let polls = Arc::new(AtomicUsize::new(0));
    for connection in listener.incoming().flatten() {
        let polls = polls.clone();
        std::thread::spawn(move || while answer(&connection, &polls).is_some() {});
    }
}

/// Answers one request; nothing when the client has gone.
fn answer(mut connection: &TcpStream, polls: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(connection);
    let mut request = String::new();
    reader.read_line(&mut request).ok().filter(|bytes| *bytes > 0)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    let body = if request.starts_with("POST /api/volumes ") {
        r#"{"id":"vol-1","name":"data","state":"creating"}"#
    } else if request.starts_with("GET /api/volumes/vol-1 ") {
        match polls.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => r#"{"id":"vol-1","name":"data","state":"creating"}"#,
            _ => r#"{"id":"vol-1","name":"data","state":"ready"}"#,
        }
    } else if request.starts_with("POST /api/sandbox ") {
        r#"{"id":"sb-1","state":"started"}"#
    } else {
        r#"{"message":"no such route"}"#
    };
    let status = if body.contains("message") { "404 Not Found" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.write_all(format!("{head}{body}").as_bytes()).ok()
}
