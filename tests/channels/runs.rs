//! Runs of the built command against servers that say nothing, and what is refused before anything connects.

use crate::cli::{Arazzo, Folder};

/// A run of one step that sends to a channel or listens to it: `ACTION`, and what describes servers and parameters.
fn one_step(folder: &Folder, action: &str, parameters: &str, servers: &str) -> Arazzo {
    let body = if action == "send" { "requestBody: { payload: { id: a } }" } else { "timeout: 60000" };
    let flow = format!(
        "arazzo: 1.1.0\ninfo: {{ title: t, version: '1' }}\nsourceDescriptions: [{{ name: events, url: events.yaml, type: asyncapi }}]\nworkflows:\n  - workflowId: wf\n    steps:\n      - {{ stepId: only, channelPath: '{{$sourceDescriptions.events.url}}#/channels/room', action: {action}, parameters: [{parameters}], {body} }}\n"
    );
    folder.write("flow.yaml", flow);
    folder.write(
        "events.yaml",
        format!("asyncapi: 3.0.0\ninfo: {{ title: t, version: '1' }}\ndefaultContentType: application/json\nservers: {servers}\nchannels: {{ room: {{ address: /room, messages: {{ m: {{ payload: {{ type: object }} }} }} }} }}\ncomponents: {{ securitySchemes: {{ k: {{ type: httpApiKey, in: header, name: X-K }}, q: {{ type: httpApiKey, in: query, name: k }} }} }}\n"),
    );
    Arazzo::new(["run", "flow.yaml"]).cwd(folder.path())
}

#[test]
fn whatever_proves_who_connects_leaves_this_machine_over_tls_only() {
    let server = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    server.set_nonblocking(true).unwrap();
    let port = server.local_addr().unwrap().port();
    let way = format!("hub.example::127.0.0.1:{port}");
    let folder = Folder::new();
    let token = "{ name: access_token, in: query, value: TOPSECRET77 }";
    for (scheme, action) in [("ws", "send"), ("ws", "receive"), ("http", "send"), ("http", "receive")] {
        let described = |security: &str| format!("{{ s: {{ host: hub.example, protocol: {scheme}{security} }} }}");
        let by = |name: &str| format!(", security: [{{ $ref: '#/components/securitySchemes/{name}' }}]");
        let cases: [(&str, String, &[&str], &str); 6] = [
            ("", String::new(), &["-H", "X-Api-Key: TOPSECRET77"], "X-Api-Key"),
            ("", String::new(), &["-H", "Authorization: Bearer TOPSECRET77"], "Authorization"),
            ("", String::new(), &["-H", "X-Session-Token: TOPSECRET77"], "X-Session-Token"),
            (token, String::new(), &[], "access_token"),
            ("", by("k"), &["--auth", "k=TOPSECRET77"], "X-K"),
            ("", by("q"), &["--auth", "q=TOPSECRET77"], "`k`"),
        ];
        for (parameters, security, given, name) in cases {
            let run = one_step(&folder, action, parameters, &described(&security)).args(["--connect-to", &way]);
            let refused = run.args(given.iter().copied()).run();
            refused.exits(6).says(&["not encrypted", name, "hub.example"]).never_says(&["TOPSECRET77"]);
        }
    }
    assert!(server.accept().is_err(), "something connected");
    // What proves nothing goes on, to a server that does not answer.
    let plain = one_step(&folder, "send", "", "{ s: { host: hub.example, protocol: ws } }");
    let plain = plain.args(["--connect-to", &way, "-H", "X-Page-Token: 1", "--connect-timeout", "1s"]).run();
    plain.exits(4).says(&["in time"]);
}

#[test]
fn a_server_that_takes_a_connection_and_says_nothing_is_given_up() {
    // What connects waits in its queue.
    let server = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let host = server.local_addr().unwrap().to_string();
    let folder = Folder::new();
    for (scheme, action, bound) in [
        ("http", "receive", "--connect-timeout"),
        ("http", "send", "--max-time"),
        ("ws", "receive", "--connect-timeout"),
        ("ws", "send", "--connect-timeout"),
        ("mqtt", "receive", "--connect-timeout"),
        ("mqtt5", "send", "--connect-timeout"),
    ] {
        let servers = format!("{{ s: {{ host: '{host}', protocol: {scheme} }} }}");
        let run = one_step(&folder, action, "", &servers).args([bound, "1s"]).run();
        let reason = if action == "send" { "message-not-sent" } else { "connection-lost" };
        run.exits(4).says(&[reason, &host, "in time"]);
        let limited = one_step(&folder, action, "", &servers).args(["--timeout", "1s"]).run();
        limited.exits(5).says(&["time-limit"]);
    }
}

#[test]
fn a_server_that_is_for_no_source_or_has_no_host_is_said_before_anything_connects() {
    let folder = Folder::new();
    let described = "{ s: { host: localhost, protocol: mqtt } }";
    for scheme in ["amqp", "http", "wss"] {
        let run = one_step(&folder, "send", "", described).args(["-S", &format!("{scheme}://localhost:1")]).run();
        run.exits(3).says(&[
            "unknown-server",
            scheme,
            "channels of `events` are reached by mqtt",
            "--server events=mqtt://HOST:PORT",
        ]);
    }
    for host in ["'{h}'", "'{h}:1883'", "'broker.{h}.example'", "'{h'"] {
        let servers = format!("{{ s: {{ host: {host}, protocol: mqtt }} }}");
        let run = one_step(&folder, "send", "", &servers).run();
        run.exits(3).says(&["servers: { s:", if host == "'{h'" { "unknown-server" } else { "no variable `h`" }]);
    }
    let several = "{ one: { host: localhost, protocol: mqtt5 }, two: { host: localhost, protocol: ws } }";
    let said = one_step(&folder, "send", "", several).args(["--connect-timeout", "1s"]).run();
    said.says(&["several-servers", "--server events=mqtt5://HOST:PORT"]).never_says(&["https://"]);
}
