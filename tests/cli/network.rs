//! How servers are reached: codings, TLS, HTTP/2, proxies, addresses, times.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
#[cfg(unix)]
use rustix::termios::LocalModes;
use serde_json::json;

use super::{Arazzo, Folder, Output, random};
use crate::server::{Reply, Server, unreachable_url};
use crate::tls::{Authority, Peer};

const FLOW: &str = "\
arazzo: 1.0.1
info: { title: One, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: main
    inputs: { type: object, properties: { token: { type: string } } }
    outputs: { body: $steps.get.outputs.body }
    steps:
      - stepId: get
        operationId: get
        parameters: [{ name: X-Token, in: header, value: $inputs.token }]
        outputs: { body: $response.body }
";

const API: &str = "\
openapi: 3.1.0
info: { title: Api, version: '1' }
servers: [{ url: 'http://api.example' }]
paths: { /x: { get: { operationId: get, parameters: [{ name: X-Token, in: header, schema: { type: string } }], responses: { '200': { description: ok } } } } }
";

/// `arazzo run` of one GET to this server.
fn get(server: &str) -> (Folder, Arazzo) {
    let folder = Folder::new();
    folder.write("flow.yaml", FLOW);
    folder.write("api.yaml", API);
    let run = Arazzo::new(["run", "flow.yaml", "--server", server]).cwd(folder.path());
    (folder, run)
}

fn run(server: &str, flags: &[&str]) -> Output {
    let (_folder, run) = get(server);
    run.args(flags.iter().copied()).run()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_coded_body_is_read_and_the_codings_are_asked_for() {
    let server = Server::start(|_, _| {
        let body = gzip(br#"{"a":[1,2,3]}"#);
        Reply::status(200).header("content-encoding", "gzip").body("application/json", body)
    });
    run(&server.url(), &[]).exits(0).prints(&json!({"body": {"a": [1, 2, 3]}}));
    assert_eq!(server.requests()[0].header("accept-encoding"), Some("gzip, br, zstd, deflate"));
}

#[test]
fn a_coded_body_that_is_not_what_it_says_is_no_answer() {
    let server = Server::start(|request, _| {
        let (coding, body) = match request.header("x-token") {
            Some("cut") => ("gzip", gzip(b"hello hello hello")[..20].to_vec()),
            _ => ("rot13", b"uryyb".to_vec()),
        };
        Reply::status(500).header("content-encoding", coding).body("text/plain", body)
    });
    run(&server.url(), &["-i", "token=cut"]).exits(4).says(&["the body is not whole, valid gzip"]);
    run(&server.url(), &["-i", "token=odd"]).exits(4).says(&["coded as `rot13`, which is not read"]);
}

#[test]
fn connections_are_used_again() {
    let server = Server::start(|_, _| Reply::status(200).body("text/plain", "x"));
    let folder = Folder::new();
    let steps: String = (0..4).map(|n| format!("      - {{ stepId: s{n}, operationId: get }}\n")).collect();
    let head = FLOW.split("    outputs").next().unwrap();
    folder.write("flow.yaml", format!("{head}    steps:\n{steps}"));
    folder.write("api.yaml", API);
    let output = Arazzo::new(["run", "flow.yaml", "-S", &server.url()]).cwd(folder.path()).run();
    output.exits(0);
    assert_eq!((server.lines().len(), server.connections()), (4, 1));
}

#[test]
fn a_certificate_of_a_given_authority_is_trusted_and_http_2_is_spoken() {
    let authority = Authority::new();
    let peer = Peer::http2(authority.server(&["localhost"]));
    let (folder, run) = get(&peer.url("localhost"));
    folder.write("ca.pem", authority.pem());
    run.args(["--cacert", "ca.pem"]).run().exits(0).prints(&json!({"body": "HTTP/2.0 GET /x"}));
    let peer = Peer::http1(authority.server(&["localhost"]));
    let (folder, run) = get(&peer.url("localhost"));
    folder.write("ca.pem", authority.pem());
    run.args(["--cacert", "ca.pem"]).run().exits(0).prints(&json!({"body": "HTTP/1.1 GET /x"}));
}

#[test]
fn a_connection_that_is_not_safe_is_refused_by_its_cause() {
    let authority = Authority::new();
    let cases = [
        (authority.expired(&["localhost"]), "the certificate has expired"),
        (authority.server(&["other.example"]), "the certificate is for another host"),
        (Authority::self_signed(&["localhost"]), "the certificate is self-signed"),
        (Authority::new().server(&["localhost"]), "an authority that this machine does not trust"),
    ];
    for (identity, cause) in cases {
        let token = random(20);
        let peer = Peer::http1(identity);
        let (folder, run) = get(&peer.url("localhost"));
        folder.write("ca.pem", authority.pem());
        let output = run.args(["--cacert", "ca.pem", "-i", &format!("token={token}")]).run();
        output.exits(4).says(&["the connection is not safe", cause]).never_says(&[&token]);
        assert_eq!(peer.requests(), 0, "{cause}");
    }
    // The port of a server without TLS.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    run(&url, &[]).exits(4).says(&["does not speak TLS"]);
}

#[test]
fn a_host_that_is_not_checked_is_called_and_said_in_every_run() {
    let peer = Peer::http1(Authority::self_signed(&["other.example"]));
    let url = peer.url("localhost");
    run(&url, &[]).exits(4);
    run(&url, &["--insecure-host", "other.example"]).exits(4);
    run(&url, &["--insecure-host", "localhost."]).exits(0).says(&["insecure-host", "`localhost.` are not checked"]);
    let output = run(&url, &["--insecure-host", "localhost", "--json"]);
    let events = output.exits(0).events();
    assert!(events.iter().any(|event| event["type"] == "diagnostic" && event["code"] == "insecure-host"));
    assert_eq!(events.last().unwrap()["warnings"], json!(["insecure-host"]));
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_it() {
    let authority = Authority::new();
    let peer = Peer::mutual(authority.server(&["localhost"]), &authority);
    let (folder, run) = get(&peer.url("localhost"));
    let (certificate, key) = authority.client();
    folder.write("ca.pem", authority.pem());
    folder.write("client.pem", &certificate);
    folder.write("client.key", &key);
    folder.write("both.pem", format!("{certificate}{key}"));
    let with = |flags: &[&str]| run.clone().args(["--cacert", "ca.pem"]).args(flags.iter().copied()).run();
    with(&["--cert", "client.pem", "--key", "client.key"]).exits(0);
    with(&["--cert", "both.pem"]).exits(0);
    with(&[]).exits(4).says(&["the server wants a certificate that it trusts"]);
    with(&["--cert", "client.pem"]).exits(2).says(&["`client.pem` holds no key"]);
    with(&["--cert", "nowhere.pem"]).exits(2).says(&["cannot read `nowhere.pem`: no such file"]);
    with(&["--key", "client.key"]).exits(2).says(&["--cert"]);
}

#[test]
fn addresses_and_targets_can_be_given() {
    let server = Server::start(|_, _| Reply::status(200).body("text/plain", "here"));
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    let named = format!("http://api.example:{port}");
    run(&named, &["--resolve", &format!("API.example.:{port}:127.0.0.1")]).exits(0);
    // Another port of the same host is another target.
    run(&named, &["--resolve", "api.example:1:127.0.0.1", "--connect-timeout", "2s"]).exits(4);
    run("http://api.example", &["--connect-to", &format!("api.example:80:127.0.0.1:{port}")]).exits(0);
    run("http://api.example:81", &["--connect-to", &format!("::127.0.0.1:{port}")]).exits(0);
    assert_eq!(server.requests()[2].header("host"), Some("api.example:81"));
    run(&named, &["--resolve", "api.example"]).exits(2).says(&["HOST:PORT:ADDRESS"]);
}

#[test]
fn a_name_without_an_address_is_said() {
    run("http://nowhere.invalid", &[]).exits(4).says(&["the host `nowhere.invalid` has no address"]);
}

#[cfg(unix)]
#[test]
fn a_socket_of_this_machine_can_be_called() {
    let folder = Folder::new();
    let path = folder.path().join("api.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = head(&mut stream);
        assert!(request.starts_with("GET /x HTTP/1.1\r\n") && request.contains("host: api.example\r\n"), "{request}");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
    });
    run("http://api.example", &["--unix-socket", &path.to_string_lossy()]).exits(0);
    run("http://api.example", &["--unix-socket", "/nowhere.sock"]).exits(4).says(&["the socket `/nowhere.sock`"]);
}

/// A proxy that answers everything itself, and tells what it was asked.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let head = head(&mut stream);
            let connect = head.starts_with("CONNECT");
            drop(sender.send(head));
            let answer: &[u8] = if connect {
                b"HTTP/1.1 403 Forbidden\r\n\r\n"
            } else {
                b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nproxy"
            };
            drop(stream.write_all(answer));
        }
    });
    (url, receiver)
}

/// A request up to its body.
fn head(stream: &mut impl Read) -> String {
    let mut bytes = vec![];
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            break;
        }
        bytes.extend(byte);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_proxy_gets_what_is_not_for_this_machine() {
    let (url, asked) = proxy();
    let (_folder, get_) = get("http://api.example/v1");
    let seen = |run: Arazzo| {
        let output = run.run();
        (output, asked.try_recv().ok())
    };
    let with_user = url.replace("http://", "http://user:pa%20ss@");
    let (output, head) = seen(get_.clone().args(["-x", &with_user]));
    output.exits(0).prints(&json!({"body": "proxy"})).never_says(&["pa%20ss", "pa ss"]);
    let head = head.unwrap();
    assert!(head.starts_with("GET http://api.example/v1/x HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: Basic dXNlcjpwYSBzcw==\r\n"), "{head}");
    // The environment counts without the flag, and the flag counts before it.
    let (output, head) = seen(get_.clone().env("HTTP_PROXY", &url));
    output.exits(0);
    assert!(head.is_some());
    // With TLS it is asked for a tunnel.
    let (_folder, secure) = get("https://api.example/v1");
    let (output, head) = seen(secure.env("HTTPS_PROXY", &url));
    output.exits(4).says(&["no way through the proxy"]);
    assert!(head.unwrap().starts_with("CONNECT api.example:443 HTTP/1.1\r\n"));
    let (output, _) = seen(get_.clone().args(["-x", &unreachable_url()]));
    output.exits(4).says(&["the proxy: connection refused"]);
    let (output, _) = seen(get_.args(["-x", "gopher://proxy:1"]));
    output.exits(2).says(&["the url of the proxy is not one"]);
}

/// A SOCKS 5 proxy that asks for a password if one is given, answers the request itself, and tells what it was asked.
fn socks(password: Option<&'static str>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let take = |stream: &mut TcpStream, count: usize| {
            let mut bytes = vec![0; count];
            stream.read_exact(&mut bytes).unwrap();
            bytes
        };
        let methods = take(&mut stream, 2)[1];
        take(&mut stream, methods.into());
        stream.write_all(&[5, if password.is_some() { 2 } else { 0 }]).unwrap();
        if let Some(wanted) = password {
            let length = take(&mut stream, 2)[1];
            take(&mut stream, length.into());
            let length = take(&mut stream, 1)[0];
            assert_eq!(take(&mut stream, length.into()), wanted.as_bytes());
            stream.write_all(&[1, 0]).unwrap();
        }
        // A name (3) is not resolved by the client.
        let kind = take(&mut stream, 4)[3];
        let length = if kind == 3 { take(&mut stream, 1)[0] } else { 4 };
        let host = take(&mut stream, length.into());
        let port = take(&mut stream, 2);
        let host = if kind == 3 { String::from_utf8(host).unwrap() } else { format!("{host:?}") };
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        let line = head(&mut stream).lines().next().unwrap().to_owned();
        drop(sender.send(format!("{host}:{} {line}", u16::from_be_bytes([port[0], port[1]]))));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nsocks").unwrap();
    });
    (address, receiver)
}

#[test]
fn a_socks_proxy_gets_what_is_not_for_this_machine() {
    for (user, password) in [("", None), ("user:pa%20ss@", Some("pa ss"))] {
        let (address, asked) = socks(password);
        let (_folder, run) = get("http://api.example:8080");
        let output = run.args(["-x", &format!("socks5h://{user}{address}")]).run();
        output.exits(0).prints(&json!({"body": "socks"})).never_says(&["pa%20ss", "pa ss"]);
        assert_eq!(asked.recv().unwrap(), "api.example:8080 GET /x HTTP/1.1");
    }
    let (_folder, run) = get("http://api.example");
    let place = unreachable_url().replace("http://", "socks5://");
    run.args(["-x", &place]).run().exits(4).says(&["the proxy: connection refused"]);
}

#[test]
fn a_proxy_is_spoken_to_over_tls() {
    let authority = Authority::new();
    let folder = Folder::new();
    let file = folder.write("authority.pem", authority.pem()).to_str().unwrap().to_owned();
    let proxy = Peer::http1(authority.server(&["localhost"]));
    let (_folder, run) = get("http://api.example/v1");
    let output = run.clone().args(["-x", &proxy.url("localhost"), "--cacert", &file]).run();
    output.exits(0).prints(&json!({"body": "HTTP/1.1 GET /v1/x"}));
    // A proxy that nobody vouches for gets nothing.
    run.args(["-x", &proxy.url("localhost")]).run().exits(4).says(&["the proxy", "certificate"]);
    assert_eq!(proxy.requests(), 1);
}

#[test]
fn this_machine_is_called_directly_however_it_is_written() {
    let server = Server::start(|_, _| Reply::status(200).body("text/plain", "direct"));
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    let (url, asked) = proxy();
    for host in
        ["127.0.0.1", "localhost", "localhost.", "LOCALHOST", "api.localhost", "2130706433", "[::ffff:127.0.0.1]"]
    {
        let (_folder, run) = get(&format!("http://{host}:{port}"));
        let rules = [format!("api.localhost:{port}:127.0.0.1"), format!("localhost:{port}:127.0.0.1")];
        let run = run.args(["--resolve", &rules[0], "--resolve", &rules[1]]);
        let output = run.env("HTTP_PROXY", &url).env("ALL_PROXY", &url).run();
        output.exits(0).prints(&json!({"body": "direct"}));
    }
    // Hosts that are named are too; the proxy that a flag names gets the rest, this machine included.
    let far = format!("http://api.example.:{port}");
    for (flag, value) in [("--no-proxy", ".example"), ("--no-proxy", "api.example"), ("--no-proxy", "*")] {
        let (_folder, run) = get(&far);
        let run = run.args(["-x", &url, flag, value, "--resolve", &format!("api.example:{port}:127.0.0.1")]);
        run.run().exits(0).prints(&json!({"body": "direct"}));
    }
    assert!(asked.try_recv().is_err());
    run(&server.url(), &["-x", &url]).exits(0).prints(&json!({"body": "proxy"}));
}

#[test]
fn a_header_goes_to_the_servers_of_the_sources_and_is_masked_if_it_proves_who_calls() {
    let elsewhere = Server::start(|_, _| Reply::status(200).body("text/plain", "elsewhere"));
    let (to, other) = (format!("{}/x", elsewhere.url()), elsewhere.url().trim_start_matches("http://").to_owned());
    let server = Server::start(move |_, n| match n {
        0 => Reply::status(200).body("text/plain", "here"),
        _ => Reply::status(302).header("location", &to),
    });
    let secret = random(20);
    let headers = [format!("X-Api-Key: {secret}"), "X-Team:  blue ".to_owned(), "X-Token: mine".to_owned()];
    let (_folder, get) = get(&server.url());
    let get = get.args(headers.iter().flat_map(|header| ["-H", header.as_str()])).args(["-i", "token=theirs"]);
    get.clone().args(["-vv"]).run().exits(0).says(&["X-Team: blue"]).never_says(&[&secret]);
    let sent = &server.requests()[0];
    let header = |name| sent.header(name).unwrap().to_owned();
    assert_eq!([header("x-api-key"), header("x-team"), header("x-token")], [secret.as_str(), "blue", "mine"]);
    get.args(["--allow-host", &other, "-vv"]).run().exits(0).never_says(&[&secret]);
    let sent = elsewhere.requests();
    assert!(sent.len() == 1 && !sent[0].headers.iter().any(|(name, _)| name.starts_with("x-")), "{sent:?}");
    for wrong in ["no colon", "a b: c", "X: a\nb", "Content-Length: 3", ": x"] {
        run(&server.url(), &["-H", wrong]).exits(2);
    }
}

#[test]
fn hosts_are_called_as_the_policy_says() {
    let server = Server::start(|_, _| Reply::status(200).body("text/plain", "here"));
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    let refused = |url: &str, flags: &[&str]| {
        let folder = Folder::new();
        folder.write("flow.yaml", FLOW);
        folder.write("api.yaml", API.replace("http://api.example", url));
        Arazzo::new(["run", "flow.yaml"]).args(flags.iter().copied()).cwd(folder.path()).run()
    };
    // What a document names literally on this machine is called; what a link leads to never is.
    refused(&format!("http://127.0.0.1:{port}"), &[]).exits(0);
    refused(&format!("http://localhost:{port}"), &[]).exits(0);
    for host in ["169.254.169.254", "0xa9fea9fe", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "0", "0.0.0.0", "[::]"]
    {
        let output = refused(&format!("http://{host}:{port}"), &["--allow-private"]);
        output.exits(6).says(&["host-refused", "may not be called", "--allow-host"]);
    }
    let output = refused(&format!("http://169.254.169.254:{port}"), &["--json"]);
    let events = output.exits(6).events();
    let last = events.last().unwrap();
    assert_eq!((&last["status"], &last["why"]["code"]), (&json!("stopped"), &json!("host-refused")));
    assert_eq!(server.lines().len(), 2);
}

#[test]
fn the_library_calls_only_what_it_was_given() {
    let server = Server::start(|_, _| Reply::status(200).body("text/plain", "here"));
    let place = server.url().trim_start_matches("http://").to_owned();
    let folder = Folder::new();
    folder.write("flow.yaml", FLOW);
    folder.write("api.yaml", API.replace("http://api.example", &server.url()));
    let exit = |change: &dyn Fn(arazzo::Builder) -> arazzo::Builder| {
        let workflow =
            change(arazzo::open(folder.path().join("flow.yaml"))).load_blocking().unwrap().workflow(None).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(workflow.run(arazzo::Inputs::new(), |_| {})).unwrap().exit_code()
    };
    assert_eq!(exit(&|builder| builder), 6);
    assert_eq!(exit(&|builder| builder.allow_private(true)), 6);
    assert_eq!(exit(&|builder| builder.allow_host("127.0.0.1:1")), 6);
    assert_eq!(exit(&|builder| builder.allow_host(&place)), 0);
    assert_eq!(exit(&|builder| builder.server(None, server.url())), 0);
    assert_eq!(exit(&|builder| builder.trust(arazzo::Trust::Local)), 0);
    assert_eq!(exit(&|builder| builder.mock(arazzo::mock::Mocked::new())), 0);
    assert_eq!(server.lines().len(), 3);
}

#[test]
fn times_are_kept() {
    let server = Server::start(|_, _| Reply::status(200).delay(3000));
    run(&server.url(), &["--max-time", "50ms"]).exits(4).says(&["no answer within 0.05 s"]);
    run(&server.url(), &["--idle-timeout", "50ms"]).exits(4).says(&["no answer within 0.05 s"]);
    // A listener that never accepts: the connection is there, the handshake is not.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    run(&url, &["--connect-timeout", "50ms"]).exits(4).says(&["no connection within 0.05 s"]);
}

/// What a terminal shows of a command, and its exit code; `typed` is typed when the prompt stands there.
#[cfg(unix)]
fn on_a_terminal(folder: &Path, args: &[&str], env: &[(&str, &str)], typed: &str) -> (String, Option<i32>) {
    let (mut pty, pts) = pty_process::blocking::open().unwrap();
    let mut command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_arazzo")).args(args).current_dir(folder);
    for name in ["CI", "ARAZZO_SECRET_token", "NO_COLOR", "HTTP_PROXY", "ALL_PROXY"] {
        command = command.env_remove(name);
    }
    let mut child = command.envs(env.iter().copied()).spawn(pts).unwrap();
    let (mut shown, mut answered) = (String::new(), false);
    let mut buffer = [0; 4096];
    // A terminal whose other side has gone is an error to read.
    while let Ok(count @ 1..) = pty.read(&mut buffer) {
        shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if shown.contains("token: ") && !answered {
            answered = true;
            // The prompt is written before the echo is turned off.
            let echoes = || rustix::termios::tcgetattr(&pty).unwrap().local_modes.contains(LocalModes::ECHO);
            while echoes() {
                thread::yield_now();
            }
            pty.write_all(typed.as_bytes()).unwrap();
        }
    }
    (shown, child.wait().unwrap().code())
}

#[cfg(unix)]
#[test]
fn a_secret_is_asked_for_on_a_terminal_and_not_shown() {
    let server = Server::start(|_, _| Reply::status(200).body("text/plain", "ok"));
    let (folder, _) = get("");
    let (token, url) = (random(20), server.url());
    let args = ["run", "flow.yaml", "-S", &url, "-s", "token"];
    let (shown, code) = on_a_terminal(folder.path(), &args, &[], &format!("{token}\n"));
    assert!(code == Some(0) && shown.contains("token: ") && !shown.contains(&token), "{code:?} {shown}");
    assert_eq!(server.requests()[0].header("x-token"), Some(token.as_str()));
    // An empty answer is none; the environment is asked first; and where nobody sits, nobody is asked.
    let (shown, code) = on_a_terminal(folder.path(), &args, &[], "\n");
    assert!(code == Some(2) && shown.contains("secret `token` has no value"), "{code:?} {shown}");
    let (shown, code) = on_a_terminal(folder.path(), &args, &[("ARAZZO_SECRET_token", &token)], "");
    assert!(code == Some(0) && !shown.contains("token: "), "{code:?} {shown}");
    let (shown, code) = on_a_terminal(folder.path(), &args, &[("CI", "true")], "");
    assert!(code == Some(2) && !shown.contains("token: "), "{code:?} {shown}");
    let args = ["run", "flow.yaml", "-S", &url, "-s", "token", "--no-input"];
    let (shown, code) = on_a_terminal(folder.path(), &args, &[], "");
    assert!(code == Some(2) && !shown.contains("token: "), "{code:?} {shown}");
    // Ctrl-C at the prompt ends it, as everywhere.
    let args = ["run", "flow.yaml", "-S", &url, "-s", "token"];
    let (shown, code) = on_a_terminal(folder.path(), &args, &[], "\u{3}");
    assert!(code != Some(0) && !shown.contains("panicked"), "{code:?} {shown}");
}

#[test]
fn the_query_of_a_server_that_is_given_stands_behind_the_path() {
    let server = Server::start(|_, _| Reply::status(200).json(&json!({})));
    let given = format!("{}/base/?key=hush-0123456789", server.url());
    run(&given, &[]).exits(0).says(&["server-query"]);
    assert_eq!(server.lines(), ["GET /base/x?key=hush-0123456789"]);
    run(&given, &["--strict"]).exits(3).says(&["error[server-query]"]);
    run(&format!("{}/base#part", server.url()), &[]).exits(2).says(&["without `#`"]);
    assert_eq!(server.lines().len(), 1);
}
