//! Values from outside: digits and bytes are those that came, in files, in reports, in tests, in recordings.

use std::fs;

use serde_json::{Value, json};

use super::{Arazzo, Folder};
use crate::server::{Reply, Request, Server};

const API: &str = "\
openapi: 3.1.0
info: {title: t, version: '1'}
servers: [{url: https://t.example}]
paths:
  /json:
    get: {operationId: json, responses: {'200': {description: ok}}}
  /text:
    get: {operationId: text, responses: {'200': {description: ok}}}
  /image:
    get: {operationId: image, responses: {'200': {description: ok}}}
  /empty:
    get: {operationId: empty, responses: {'204': {description: ok}}}
  /latin:
    get: {operationId: latin, responses: {'200': {description: ok}}}
  /o/{id}:
    put:
      operationId: put
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      requestBody: {content: {application/octet-stream: {}}}
      responses: {'200': {description: ok}}
";

const FLOW: &str = "\
arazzo: 1.0.1
info: {title: t, version: '1'}
sourceDescriptions: [{name: t, url: t.openapi.yaml, type: openapi}]
workflows:
  - workflowId: w
    inputs: {type: object, properties: {id: {type: integer}}}
    steps:
      - {stepId: a, operationId: json, outputs: {id: $response.body#/id, name: $response.header.X-Name}}
      - {stepId: b, operationId: image, outputs: {image: $response.body}}
      - stepId: c
        operationId: put
        parameters: [{name: id, in: path, value: $steps.a.outputs.id}]
        requestBody: {contentType: application/octet-stream, payload: '{$steps.b.outputs.image}'}
    outputs: {id: $steps.a.outputs.id, name: $steps.a.outputs.name, given: $inputs.id}
";

const JSON: &str = "{ \"id\": 100000000000000000001, \"a\": 1.10, \"a\": 2 }\n";
const TEXT: &str = "two\nlines\n\n";
const IMAGE: &[u8] = b"\xff\xd8\x1b[31m\n";
const LATIN: &[u8] = b"caf\xe9";

fn server() -> Server {
    let answer = |request: &Request, _| match request.path.as_str() {
        "/json" => Reply::status(200).body("application/json", JSON).header("X-Name", "n"),
        "/text" => Reply::status(200).body("text/plain", TEXT),
        "/image" => Reply::status(200).body("image/x-any", IMAGE),
        "/latin" => Reply::status(200).body("text/plain; charset=iso-8859-1", LATIN),
        _ => Reply::status(200),
    };
    Server::start(answer)
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("t.openapi.yaml", API);
    folder.write("t.arazzo.yaml", FLOW);
    folder
}

fn call(server: &Server, folder: &Folder, operation: &str) -> Arazzo {
    Arazzo::new(["call", "t.openapi.yaml", operation, "--server", &server.url()]).cwd(folder.path())
}

#[test]
fn a_body_is_written_to_a_file_as_it_came() {
    let (server, folder) = (server(), folder());
    for (operation, body) in [("json", JSON.as_bytes()), ("text", TEXT.as_bytes()), ("image", IMAGE), ("latin", LATIN)]
    {
        let output = call(&server, &folder, operation).args(["-o", "body"]).run();
        output.exits(0).prints_nothing();
        assert_eq!(fs::read(folder.path().join("body")).unwrap(), body, "{operation}");
    }
    let empty = call(&server, &folder, "empty").args(["-o", "body"]).run();
    empty.exits(0).prints_nothing();
    assert_eq!(fs::read(folder.path().join("body")).unwrap(), b"", "a body without a byte");
    let exact = call(&server, &folder, "json").args(["-o", "-"]).run();
    exact.exits(0).check(exact.stdout == JSON, "the bytes that came");
    let piped = call(&server, &folder, "json").run();
    piped.exits(0).check(piped.stdout == JSON, "the bytes that came, in a pipe too");
    let line = call(&server, &folder, "json").env("CI", "true").run();
    line.check(line.stdout == "{\"id\":100000000000000000001,\"a\":2}\n", "one line in a log, with its digits");
    let job = call(&server, &folder, "image").env("GITHUB_ACTIONS", "true").run();
    job.exits(0).check(!job.stdout.contains('\u{1b}') && job.stdout.contains("\\u001b[31m"), "controls escaped");
}

#[test]
fn digits_and_bytes_go_from_an_answer_to_a_request_and_into_every_file() {
    let (server, folder) = (server(), folder());
    let run = Arazzo::new(["run", "t.arazzo.yaml", "--server", &server.url(), "-i", "id=100000000000000000003"])
        .args(["--record", "r.ndjson", "--report", "har=run.har", "--report", "json=run.json"])
        .cwd(folder.path())
        .run();
    let outputs = "{\"id\":100000000000000000001,\"name\":\"n\",\"given\":100000000000000000003}\n";
    run.exits(0).check(run.stdout == outputs, "the digits");
    let sent = server.requests().into_iter().find(|request| request.method == "PUT").unwrap();
    assert_eq!((sent.path.as_str(), sent.body.as_slice()), ("/o/100000000000000000001", IMAGE));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("run.json").contains("\"given\": 100000000000000000003"));
    let har: Value = serde_json::from_str(&read("run.har")).unwrap();
    let content = &har["log"]["entries"][1]["response"]["content"];
    assert_eq!((&content["encoding"], &content["text"]), (&json!("base64"), &json!("/9gbWzMxbQo=")));
    assert!(har["log"]["comment"].as_str().unwrap().contains("1048576"));
    let replay = Arazzo::new(["replay", "r.ndjson"]).cwd(folder.path()).run();
    replay.exits(0).says(&["the same outcome"]);
    assert!(read("r.ndjson").contains("100000000000000000003"));
}

#[test]
fn digits_stay_in_events_that_are_kept() {
    let (server, folder) = (server(), folder());
    let journal = folder.path().join("runs.db").display().to_string();
    let arazzo = |arguments: &[&str]| {
        let command = Arazzo::new(arguments.iter().copied()).cwd(folder.path());
        command.env("ARAZZO_JOURNAL", &journal).env("ARAZZO_STATE_KEY", &"5".repeat(64)).run()
    };
    let id = "id=100000000000000000003";
    let run = arazzo(&["run", "t.arazzo.yaml", "--server", &server.url(), "-i", id, "--json"]);
    run.exits(0);
    folder.write("events.ndjson", &run.stdout);
    arazzo(&["report", "events.ndjson", "json=again.json"]).exits(0);
    let again = fs::read_to_string(folder.path().join("again.json")).unwrap();
    assert!(again.contains("100000000000000000001") && again.contains("100000000000000000003"), "{again}");
    let list = arazzo(&["runs", "list", "--json"]);
    let name = list.exits(0).events()[0]["id"].as_str().unwrap().to_owned();
    let shown = arazzo(&["runs", "show", &name, "--json"]);
    shown.exits(0).check(shown.stdout == run.stdout, "every digit of every event");
}

#[test]
fn bytes_in_outputs_are_base64_and_that_is_said() {
    let (server, folder) = (server(), folder());
    folder.write("t.arazzo.yaml", FLOW.replace("given: $inputs.id", "all: $steps.b.outputs"));
    let run = Arazzo::new(["run", "t.arazzo.yaml", "--server", &server.url()]).cwd(folder.path()).run();
    run.exits(0).says(&["note: output `all` is bytes, and written in base64"]);
    run.check(run.stdout.contains("\"all\":{\"image\":\"/9gbWzMxbQo=\"}"), "base64");
}

#[test]
fn a_test_compares_all_digits() {
    let folder = folder();
    let case = |name: &str, id: &str| {
        format!(
            "- {{name: {name}, replies: {{json: [{{text: '{{\"id\": 100000000000000000001}}', headers: {{content-type: application/json}}}}], image: [{{body: {{}}}}], put: [{{}}]}}, expect: {{outputs: {{id: {id}}}}}}}\n"
        )
    };
    let cases = [case("right", "100000000000000000001"), case("scaled", "1.00000000000000000001e20")];
    folder.write("t.test.yaml", format!("cases:\n{}", cases.concat()));
    Arazzo::new(["test"]).cwd(folder.path()).run().exits(0);
    folder.write("t.test.yaml", format!("cases:\n{}", case("wrong", "100000000000000000002")));
    Arazzo::new(["test"]).cwd(folder.path()).run().exits(1);
}

/// A peer that answers every request with a header in Latin-1, and keeps the heads of requests byte by byte.
fn latin_peer(requests: usize) -> (String, std::thread::JoinHandle<Vec<Vec<u8>>>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = std::thread::spawn(move || {
        let heads = listener.incoming().take(requests).map(|stream| {
            let mut stream = stream.unwrap();
            let (mut head, mut byte) = (vec![], [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
                head.extend(byte);
            }
            let answer = b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nX-Wide: \xe6\x97\xa5\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            stream.write_all(answer).unwrap();
            head
        });
        heads.collect()
    });
    (url, heads)
}

#[test]
fn a_header_in_latin_is_read_and_goes_out_in_utf_8() {
    let folder = folder();
    folder.write(
        "h.arazzo.yaml",
        FLOW.split("    steps:").next().unwrap().to_owned()
            + "    steps:
      - {stepId: a, operationId: json, outputs: {name: $response.header.X-Name, wide: $response.header.X-Wide}}
      - stepId: b
        operationId: text
        parameters:
          - {name: X-Name, in: header, value: $steps.a.outputs.name}
          - {name: X-Wide, in: header, value: $steps.a.outputs.wide}
          - {name: X-Own, in: header, value: 'über {$steps.a.outputs.name}'}
    outputs: {name: $steps.a.outputs.name, wide: $steps.a.outputs.wide}
",
    );
    let (url, heads) = latin_peer(2);
    let run = Arazzo::new(["run", "h.arazzo.yaml", "--server", &url]).cwd(folder.path()).run();
    run.exits(0).prints(&json!({"name": "café", "wide": "日"}));
    let head = heads.join().unwrap().pop().unwrap();
    let has = |line: &[u8]| head.windows(line.len()).any(|window| window == line);
    for line in ["x-name: café\r\n", "x-own: über café\r\n", "x-wide: 日\r\n"] {
        assert!(has(line.as_bytes()), "{line} {}", head.escape_ascii());
    }
}

#[test]
fn archives_hold_bodies_up_to_their_limit_and_bytes_as_base64() {
    let folder = folder();
    let wide = format!("{{\"id\":1,\"t\":\"{}\"}}", "é".repeat(70_000));
    let body = wide.clone();
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/json" => Reply::status(200).body("application/json", body.clone()),
        "/image" => Reply::status(200).body("image/x-any", IMAGE.repeat(9_000)),
        _ => Reply::status(200),
    });
    let contents = |more: &[&str]| -> Vec<Value> {
        let run = Arazzo::new(["run", "t.arazzo.yaml", "--server", &server.url(), "--report", "har=run.har"]);
        run.args(more).cwd(folder.path()).run().exits(0);
        let har: Value = serde_json::from_slice(&fs::read(folder.path().join("run.har")).unwrap()).unwrap();
        har["log"]["entries"].as_array().unwrap().iter().map(|entry| entry["response"]["content"].clone()).collect()
    };
    let whole = contents(&[]);
    assert_eq!((whole[0]["text"].as_str(), &whole[0]["size"]), (Some(wide.as_str()), &json!(wide.len())));
    assert_eq!((&whole[1]["encoding"], &whole[1]["comment"]), (&json!("base64"), &Value::Null));
    assert_eq!(whole[1]["text"].as_str().unwrap().len(), (IMAGE.len() * 9_000).div_ceil(3) * 4);
    let cut = contents(&["--har-bodies", "100"]);
    for (entry, size) in [(0, wide.len()), (1, IMAGE.len() * 9_000)] {
        let comment = cut[entry]["comment"].as_str().unwrap();
        assert!(comment.contains(&format!("of {size} bytes")), "{comment}");
        assert_eq!(cut[entry]["size"], size);
    }
}

#[test]
fn a_header_in_latin_is_the_same_in_recordings_and_archives() {
    let folder = folder();
    let (url, _heads) = latin_peer(1);
    let flow =
        FLOW.split("      - {stepId: b").next().unwrap().to_owned() + "    outputs: {name: $steps.a.outputs.name}\n";
    folder.write("h.arazzo.yaml", flow);
    let run =
        Arazzo::new(["run", "h.arazzo.yaml", "--server", &url, "--record", "r.ndjson", "--report", "har=run.har"]);
    run.cwd(folder.path()).run().exits(0).prints(&json!({"name": "café"}));
    Arazzo::new(["replay", "r.ndjson"]).cwd(folder.path()).run().exits(0).says(&["the same outcome"]);
    let har: Value = serde_json::from_slice(&fs::read(folder.path().join("run.har")).unwrap()).unwrap();
    let headers = har["log"]["entries"][0]["response"]["headers"].as_array().unwrap();
    assert!(headers.contains(&json!({ "name": "x-name", "value": "café" })), "{headers:?}");
}

#[test]
fn headers_of_one_name_are_lines_and_a_type_says_how_the_body_is_written() {
    let (server, folder) = (server(), folder());
    let typed = ["-H", "X-One: a", "-H", "x-one: b", "-H", "Content-Type: application/json"];
    call(&server, &folder, "put").args(["id=1", "-d", "{ \"a\": 1 }"]).args(typed).run().exits(0);
    let sent = server.requests().pop().unwrap();
    let lines = |name: &str| sent.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).count();
    assert_eq!((lines("x-one"), lines("content-type")), (2, 1));
    assert_eq!((sent.header("content-type"), sent.body.as_slice()), (Some("application/json"), &b"{\"a\":1}"[..]));
    let twice = ["-H", "Content-Type: text/plain", "-H", "content-type: text/html"];
    let twice = call(&server, &folder, "put").args(["id=1", "-d", "x"]).args(twice).run();
    twice.exits(2).says(&["the header `Content-Type` is given several times"]);
    let both = ["--content-type", "text/plain", "-H", "content-type: text/html"];
    let both = call(&server, &folder, "put").args(["id=1", "-d", "x"]).args(both).run();
    both.exits(2).says(&["--content-type and -H"]);
    assert_eq!(server.requests().len(), 1, "nothing else was sent");
}

#[test]
fn a_member_that_is_given_twice_is_said() {
    let (server, folder) = (server(), folder());
    let put = |arguments: &[&str]| call(&server, &folder, "put").args(arguments).run();
    for arguments in [
        &["id=1", "--content-type", "application/json", "-d", "{\"a\": 1, \"a\": 2}"][..],
        &["id=1", "--content-type", "application/json", "-F", "f:=[{\"a\": 1, \"a\": 2}]"],
        &["id=1", "--content-type", "application/x-www-form-urlencoded", "-d", "{\"a\": 1, \"a\": 2}"],
    ] {
        put(arguments).exits(2).says(&["the member `a` twice in one object"]);
    }
    let run = |input: &str| Arazzo::new(["run", "t.arazzo.yaml", "-i", input]).cwd(folder.path()).run();
    run("id:={\"a\": 1, \"a\": 2}").exits(2).says(&["input `id` has a member twice in one object"]);
    run("{\"id\": 1, \"id\": 2}").exits(2).says(&["an --input that is an object has a member twice"]);
    assert!(server.requests().is_empty());
}
