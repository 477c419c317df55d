//! Secrets on their way to a broker that they are not for: in the address, the handshake, the message, as who connects.

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::cli::{Arazzo, Folder, Output, random};
use crate::server::{Reply, Server};

/// A broker that lets nothing in, and keeps what came first on each connection.
struct Broker {
    host: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Broker {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(vec![]));
        let kept = heard.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut first = [0; 4096];
                let read = stream.read(&mut first).unwrap_or(0);
                kept.lock().unwrap().push(String::from_utf8_lossy(&first[..read]).to_lowercase());
            }
        });
        Self { host, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// Protocol, what the step does, the place of the value (`in` of a parameter, or the payload), the address.
const PLACES: [(&str, &str, &str, &str); 14] = [
    ("mqtt", "send", "path", "rooms/{value}"),
    ("mqtt", "receive", "path", "rooms/{value}"),
    ("mqtt", "send", "payload", "rooms"),
    ("mqtt5", "send", "path", "{value}/in"),
    ("mqtt5", "receive", "path", "{value}/in"),
    ("mqtt5", "send", "header", "rooms"),
    ("mqtt5", "send", "payload", "rooms"),
    ("ws", "send", "path", "/rooms/{value}"),
    ("ws", "send", "query", "/rooms"),
    ("ws", "receive", "header", "/rooms"),
    ("ws", "send", "payload", "/rooms"),
    ("http", "receive", "path", "/{value}"),
    ("http", "receive", "query", "/events"),
    ("http", "send", "payload", "/events"),
];

/// A channel at a broker, which a message names its value of.
fn channels(protocol: &str, host: &str, address: &str, security: &Value) -> Value {
    let mut server = json!({ "host": host, "protocol": protocol.trim_end_matches('5') });
    if protocol == "mqtt5" {
        server["protocolVersion"] = json!("5");
    }
    let mut components = json!({});
    if !security.is_null() {
        server["security"] = json!([{ "$ref": "#/components/securitySchemes/login" }]);
        components = json!({ "securitySchemes": { "login": security } });
    }
    let mut channel = json!({ "address": address, "messages": { "said": { "payload": {} } } });
    if address.contains('{') {
        channel["parameters"] = json!({ "value": {} });
    }
    json!({ "asyncapi": "3.0.0", "info": { "title": "Rooms", "version": "1" }, "servers": { "broker": server },
        "channels": { "rooms": channel }, "components": components })
}

fn write(folder: &Folder, channels: &Value, steps: &Value) {
    let sources = json!([
        { "name": "api", "url": "api.json", "type": "openapi" },
        { "name": "rooms", "url": "rooms.json", "type": "asyncapi" },
    ]);
    let inputs = json!({ "type": "object", "properties": { "token": { "type": "string" } } });
    let workflow = json!({ "workflowId": "main", "inputs": inputs, "steps": steps });
    let flow = json!({ "arazzo": "1.1.0", "info": { "title": "Rooms", "version": "1" }, "sourceDescriptions": sources,
        "workflows": [workflow] });
    folder.write("flow.json", flow.to_string());
    folder.write("rooms.json", channels.to_string());
}

fn run(folder: &Folder, flags: &[&str], secret: &str) -> Output {
    let run = Arazzo::new(["run", "flow.json", "--connect-timeout", "5s"]).args(flags.iter().copied());
    run.env("ARAZZO_SECRET_token", secret).env("ARAZZO_SECRET_LOGIN", secret).cwd(folder.path()).run()
}

#[test]
fn a_secret_goes_to_no_broker_that_it_is_not_for_also_where_an_answer_gives_it_back() {
    let echo = Server::start(|request, _| {
        Reply::status(200).body("text/plain", String::from_utf8_lossy(&request.body).into_owned())
    });
    let good = echo.url().trim_start_matches("http://").to_owned();
    for (protocol, action, place, address) in PLACES {
        let what = format!("{protocol} {action} {place}");
        let (broker, folder, secret) = (Broker::start(), Folder::new(), random(16));
        let operation = json!({ "operationId": "say", "responses": { "200": { "description": "ok" } } });
        let api = json!({ "openapi": "3.1.0", "info": { "title": "Api", "version": "1" },
            "servers": [{ "url": echo.url() }], "paths": { "/x": { "post": operation } } });
        folder.write("api.json", api.to_string());
        let say = json!({ "stepId": "say", "operationId": "say", "outputs": { "said": "$response.body" },
            "requestBody": { "contentType": "text/plain", "payload": "{$inputs.token}" } });
        let mut step = json!({ "stepId": "tell", "action": action, "timeout": 2000,
            "channelPath": "{$sourceDescriptions.rooms.url}#/channels/rooms" });
        if action == "send" {
            step["requestBody"] = json!({ "payload": { "a": 1 } });
        }
        if place == "payload" {
            step["requestBody"] = json!({ "payload": { "a": "$steps.say.outputs.said" } });
        } else {
            step["parameters"] = json!([{ "name": "value", "in": place, "value": "$steps.say.outputs.said" }]);
        }
        write(&folder, &channels(protocol, &broker.host, address, &Value::Null), &json!([say, step]));
        let bound = format!("token={good}");
        let flags = ["-s", "token", "--secret-host", &bound];
        let refused = run(&folder, &flags, &secret);
        // A level of an address that an answer gives is listened to before, without it; this broker refuses that.
        match (protocol, action) {
            ("mqtt" | "mqtt5", "receive") => refused.exits(4),
            _ => refused.exits(6).says(&["the secret `token` would go to"]),
        }
        .never_says(&[&secret]);
        refused.check(!broker.heard().concat().contains(&secret.to_lowercase()), &what);
        // Where it may go, it goes: the broker is asked.
        let other = format!("token={}", broker.host);
        let let_go = run(&folder, &[&flags[..], &["--secret-host", &other]].concat(), &secret);
        let_go.never_says(&[&secret]);
        let_go.check(!broker.heard().is_empty(), &what);
    }
}

#[test]
fn who_connects_is_a_secret_of_its_own_hosts() {
    for (protocol, action, security) in [
        ("mqtt", "send", json!({ "type": "userPassword" })),
        ("mqtt", "receive", json!({ "type": "userPassword" })),
        ("mqtt5", "send", json!({ "type": "userPassword" })),
        ("mqtt5", "receive", json!({ "type": "apiKey", "in": "user" })),
        ("mqtt", "send", json!({ "type": "apiKey", "in": "password" })),
        ("ws", "receive", json!({ "type": "http", "scheme": "bearer" })),
        ("ws", "send", json!({ "type": "http", "scheme": "basic" })),
        ("ws", "receive", json!({ "type": "httpApiKey", "in": "query", "name": "key" })),
        ("http", "receive", json!({ "type": "httpApiKey", "in": "header", "name": "X-Key" })),
        ("http", "send", json!({ "type": "httpApiKey", "in": "cookie", "name": "sid" })),
    ] {
        let what = format!("{protocol} {action} {security}");
        let (broker, folder) = (Broker::start(), Folder::new());
        let secret = format!("me:{}", random(16));
        let mut step = json!({ "stepId": "tell", "action": action, "timeout": 2000,
            "channelPath": "{$sourceDescriptions.rooms.url}#/channels/rooms" });
        if action == "send" {
            step["requestBody"] = json!({ "payload": { "a": 1 } });
        }
        folder.write("api.json", r#"{"openapi": "3.1.0", "info": {"title": "Api", "version": "1"}, "paths": {}}"#);
        let address = if matches!(protocol, "ws" | "http") { "/rooms" } else { "rooms" };
        write(&folder, &channels(protocol, &broker.host, address, &security), &json!([step]));
        let flags = ["--auth", "login", "--secret-host", "login=api.example"];
        let refused = run(&folder, &flags, &secret);
        refused.exits(6).says(&["the secret `login` would go to"]).never_says(&[&secret[3..]]);
        refused.check(broker.heard().is_empty(), &what);
        let other = format!("login={}", broker.host);
        let let_go = run(&folder, &[&flags[..], &["--secret-host", &other]].concat(), &secret);
        let_go.never_says(&[&secret[3..]]);
        let_go.check(!broker.heard().is_empty(), &what);
    }
}

type Handshake = (&'static str, &'static str, [&'static str; 3], &'static str, i32, &'static str);

/// Whether a channel is on a WebSocket or on HTTP, the address, a parameter (name, place, value), the security scheme, the
/// exit code, and a word that is said.
const HANDSHAKES: [Handshake; 16] = [
    ("ws", "/rooms/{v}/in", ["v", "path", ".."], "", 1, "unsafe-value"),
    ("ws", "/rooms/{v}/in", ["v", "path", "."], "", 1, "unsafe-value"),
    ("ws", "/rooms/.{v}/in", ["v", "path", "."], "", 1, "unsafe-value"),
    ("ws", "/rooms/{v}.", ["v", "path", "."], "", 1, "unsafe-value"),
    ("http", "/rooms/{v}", ["v", "path", ".."], "", 1, "unsafe-value"),
    ("ws", "/rooms/../{v}", ["v", "path", "a"], "", 3, "invalid-address"),
    ("http", "/rooms/%2e%2e/{v}", ["v", "path", "a"], "", 3, "invalid-address"),
    ("ws", "/rooms", ["Host", "header", "evil.example"], "", 3, "connection-header"),
    ("http", "/rooms", ["host", "header", "evil.example"], "", 3, "connection-header"),
    ("ws", "/rooms", ["Connection", "header", "evil"], "", 4, "connection-header"),
    ("http", "/rooms", ["Transfer-Encoding", "header", "evil"], "", 4, "connection-header"),
    ("http", "/rooms", ["TE", "header", "evil"], "", 4, "connection-header"),
    ("ws", "/rooms", ["X", "header", "a\r\nevil: y"], "", 1, "unsafe-value"),
    ("http", "/rooms", ["X", "query", "a"], "Host", 6, "unplanned-request"),
    ("ws", "/rooms", ["X", "query", "a"], "Connection", 6, "unplanned-request"),
    ("http", "/rooms", ["X", "query", "a"], "Transfer-Encoding", 6, "unplanned-request"),
];

#[test]
fn a_handshake_is_at_its_server_on_its_address_with_headers_of_its_own() {
    for (protocol, address, [name, place, value], header, code, says) in HANDSHAKES {
        let what = format!("{protocol} {address} {name} {value:?} {header}");
        let (broker, folder) = (Broker::start(), Folder::new());
        let security = match header {
            "" => Value::Null,
            header => json!({ "type": "httpApiKey", "in": "header", "name": header }),
        };
        let mut channels = channels(protocol, &broker.host, address, &security);
        if place == "path" {
            channels["channels"]["rooms"]["parameters"] = json!({ "v": {} });
        }
        let step = json!({ "stepId": "hear", "action": "receive", "timeout": 2000,
            "channelPath": "{$sourceDescriptions.rooms.url}#/channels/rooms",
            "parameters": [{ "name": name, "in": place, "value": "$inputs.token" }] });
        folder.write("api.json", r#"{"openapi": "3.1.0", "info": {"title": "Api", "version": "1"}, "paths": {}}"#);
        write(&folder, &channels, &json!([step]));
        let given = format!("token:={}", json!(value));
        let flags = ["-i", &given, "--auth", "login"];
        let flags = if header.is_empty() { &flags[..2] } else { &flags[..] };
        let output = run(&folder, flags, "evil.example");
        output.check(output.status == Some(code), &format!("exit {code}: {what}")).says(&[says]);
        let heard = broker.heard().concat();
        output.check(code == 4 || heard.is_empty(), &format!("nothing is sent: {what}"));
        output.check(!heard.contains("evil") && !heard.contains("/.."), &format!("{what}: {heard}"));
    }
}
