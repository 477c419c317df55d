//! Runs of the built command that receive webhooks: this test is the server that sends them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::cli::{Arazzo, Folder, Output};

const FLOW: &str = "arazzo: 1.1.0
info: { title: Pets, version: '1' }
sourceDescriptions: [{ name: pets, url: pets.yaml, type: openapi }]
workflows:
  - workflowId: watch
    steps:
      - stepId: order
        operationId: order
        requestBody: { payload: { name: Ada } }
      - stepId: sold
        operationId: onNewPet
        action: receive
        correlationId: Ada
        timeout: 20000
        successCriteria: [{ condition: $message.payload#/name == 'Ada' }]
        outputs: { id: $message.payload#/id, by: $message.header.x-by }
    outputs: { id: $steps.sold.outputs.id, by: $steps.sold.outputs.by }
";

const PETS: &str = "openapi: 3.1.0
info: { title: Pets, version: '1' }
servers: [{ url: http://pets.example }]
paths:
  /orders:
    post:
      operationId: order
      requestBody: { content: { application/json: {} } }
      responses: { '202': { description: taken } }
webhooks:
  newPet:
    post:
      operationId: onNewPet
      requestBody: { content: { application/json: { schema: { type: object, properties: { name: { type: string }, id: { type: integer } } } } } }
      responses: { '204': { description: taken } }
";

/// What whoever sends a webhook proves itself with.
const PROOF: &str = "authorization: Bearer tok-kanarie-7\r\nx-api-key: key-kanarie-7\r\n";

/// A port that is free at this moment.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("flow.yaml", FLOW);
    folder.write("pets.yaml", PETS);
    folder
}

fn call(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-by: shop\r\n{PROOF}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A request with these headers, which ends with its body.
fn call_with(address: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "POST /newPet HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n{body}").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A shop that takes one order, and then does something to the address that is listened at.
fn shop(address: String, then: impl FnOnce(&str) + Send + 'static) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        assert!(stream.read(&mut head).unwrap() > 0);
        then(&address);
        stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    (own, thread)
}

fn run(folder: &Folder, arguments: &[&str]) -> Output {
    Arazzo::new(["run", "flow.yaml"]).args(arguments).cwd(folder.path()).run()
}

#[test]
fn webhooks_that_come_before_the_answer_are_not_lost_and_others_are_refused() {
    let (folder, address) = (folder(), free());
    let (server, thread) = shop(address.clone(), |address| {
        assert!(call(address, "POST", "/elsewhere", "{}").starts_with("HTTP/1.1 404"));
        assert!(call(address, "PUT", "/newPet", "{}").starts_with("HTTP/1.1 405"));
        let packed = call_with(address, "content-encoding: gzip\r\ncontent-length: 2\r\n", "{}");
        assert!(packed.starts_with("HTTP/1.1 415"), "{packed}");
        let cut = call_with(address, "content-length: 20\r\n", "{}");
        assert!(cut.starts_with("HTTP/1.1 400"), "{cut}");
        assert!(call(address, "POST", "/newPet", &"x".repeat(3000)).starts_with("HTTP/1.1 413"));
        assert!(call(address, "POST", "/newPet", "{\"name\":\"Bob\",\"id\":1}").starts_with("HTTP/1.1 204"));
        assert!(call(address, "POST", "/", "{\"name\":\"Ada\",\"id\":7}").starts_with("HTTP/1.1 204"));
    });
    let kept = ["-vv", "--record", "run.ndjson", "--report", "har=run.har", "--report", "html=run.html"];
    let output =
        run(&folder, &[&["--server", &server, "--listen", &address, "--max-body", "2000"][..], &kept].concat());
    output.exits(0).prints(&serde_json::json!({ "id": 7, "by": "shop" }));
    thread.join().unwrap();
    // What the shop proved itself with is nowhere.
    let mut all = output.stderr.clone();
    for name in ["run.ndjson", "run.har", "run.html"] {
        all += &std::fs::read_to_string(folder.path().join(name)).unwrap();
    }
    output.check(!all.contains("kanarie"), "no credential of whoever sends");
    // Nothing listens any more.
    assert!(TcpStream::connect(&address).is_err());
}

/// Bodies that do not end take 32 MiB in all connections together; behind that, one is refused and may come again.
#[test]
fn webhooks_that_are_sent_all_at_once_take_no_more_than_their_room() {
    let (folder, address) = (folder(), free());
    let (server, thread) = shop(address.clone(), |address| {
        let part = vec![b'x'; 9 << 20];
        let begun: Vec<TcpStream> = (0..4)
            .map(|_| {
                let mut stream = TcpStream::connect(address).unwrap();
                let length = part.len() + 1;
                write!(stream, "POST /newPet HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n").unwrap();
                // One that is refused is read no further.
                let _ = stream.write_all(&part);
                stream
            })
            .collect();
        begun.iter().for_each(|stream| stream.set_nonblocking(true).unwrap());
        let is_refused = |mut stream: &TcpStream| {
            let mut head = [0; 12];
            stream.read(&mut head).is_ok_and(|count| head[..count].ends_with(b" 503"))
        };
        while !begun.iter().any(is_refused) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        // Those that give up make room.
        drop(begun);
        let body = format!("{{\"name\":\"Ada\",\"id\":7,\"more\":\"{}\"}}", "x".repeat(9 << 20));
        let is_taken = || {
            let mut stream = TcpStream::connect(address).unwrap();
            let head = format!("POST /newPet HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
            let _ = write!(stream, "{head}content-type: application/json\r\nconnection: close\r\n\r\n{body}");
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            answer.starts_with("HTTP/1.1 204")
        };
        while !is_taken() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    });
    run(&folder, &["--server", &server, "--listen", &address]).exits(0);
    thread.join().unwrap();
}

#[test]
fn webhooks_need_an_address_of_this_machine_before_anything_is_sent() {
    let folder = folder();
    run(&folder, &["--server", "http://127.0.0.1:1"]).exits(3).says(&["--listen", "`sold`"]);
    for other in ["0.0.0.0:8080", "192.0.2.1:80", "[::]:9"] {
        run(&folder, &["--listen", other]).exits(2).says(&["other machines"]);
    }
    run(&folder, &["--listen", "127.0.0.1:0"]).exits(2).says(&["which port"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    run(&folder, &["--server", "http://127.0.0.1:1", "--listen", &address]).exits(2).says(&["cannot listen", &address]);
}

#[test]
fn webhooks_are_made_up_by_the_mock() {
    let folder = folder();
    let criterion = "        successCriteria: [{ condition: $message.payload#/name == 'Ada' }]\n";
    folder.write("flow.yaml", FLOW.replace(criterion, "").replace("        correlationId: Ada\n", ""));
    run(&folder, &["--mock"]).exits(0).prints(&serde_json::json!({ "id": 1, "by": null }));
    // What sends nothing is called nowhere.
    let shown = Arazzo::new(["inspect", "flow.yaml"]).cwd(folder.path()).run();
    shown.exits(0).check(shown.stdout.contains("RECEIVE (webhook: give --listen)  /newPet"), "a webhook as one");
}
