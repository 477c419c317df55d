//! Urls that lead elsewhere than they look, in every place where a stranger can write one: nothing arrives there.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::{Arazzo, Folder, Output, random};
use crate::server::{Reply, Server};

/// Spellings of this machine, of addresses that no document is for, and of urls that parsers read differently; `{port}`
/// is where somebody listens.
const SPELLINGS: &[&str] = &[
    "http://127.0.0.1:{port}/x",
    "http://2130706433:{port}/x",
    "http://0x7f000001:{port}/x",
    "http://0x7F.0.0.1:{port}/x",
    "http://0177.0.0.1:{port}/x",
    "http://017700000001:{port}/x",
    "http://127.1:{port}/x",
    "http://127.0.1:{port}/x",
    "http://0x7f.1:{port}/x",
    "http://0x7f.0x0.0x0.0x1:{port}/x",
    "http://00000177.0.0.01:{port}/x",
    "http://127.0.0.1.:{port}/x",
    "http://127.0.0.2:{port}/x",
    "http://127.127.127.127:{port}/x",
    "http://0:{port}/x",
    "http://0.0.0.0:{port}/x",
    "http://0x0:{port}/x",
    "http://[::]:{port}/x",
    "http://[::1]:{port}/x",
    "http://[0:0:0:0:0:0:0:1]:{port}/x",
    "http://[::ffff:127.0.0.1]:{port}/x",
    "http://[::ffff:7f00:1]:{port}/x",
    "http://[::FFFF:7F00:0001]:{port}/x",
    "http://[::127.0.0.1]:{port}/x",
    "http://[64:ff9b::7f00:1]:{port}/x",
    "http://[2002:7f00:1::]:{port}/x",
    "http://[::1%25lo]:{port}/x",
    "http://localhost:{port}/x",
    "http://LOCALHOST:{port}/x",
    "http://localhost.:{port}/x",
    "http://localhost.localdomain:{port}/x",
    "http://a.localhost:{port}/x",
    "http://ip6-localhost:{port}/x",
    "http://local\u{ad}host:{port}/x",
    "http://\u{24db}\u{24de}\u{24d2}\u{24d0}\u{24db}\u{24d7}\u{24de}\u{24e2}\u{24e3}:{port}/x",
    "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1:{port}/x",
    "http://\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}:{port}/x",
    "http://127\u{3002}0\u{3002}0\u{3002}1:{port}/x",
    "http://127\u{ff0e}0\u{ff0e}0\u{ff0e}1:{port}/x",
    "http://%31%32%37.0.0.1:{port}/x",
    "http://127%2e0%2e0%2e1:{port}/x",
    "http://%6cocalhost:{port}/x",
    "http://127.0.0\t.1:{port}/x",
    "http://127.0.\n0.1:{port}/x",
    " http://127.0.0.1:{port}/x",
    "\u{0}http://127.0.0.1:{port}/x",
    "HTTP://127.0.0.1:{port}/x",
    "http:127.0.0.1:{port}/x",
    "http:/127.0.0.1:{port}/x",
    "http:///127.0.0.1:{port}/x",
    "http:\\\\127.0.0.1:{port}\\x",
    "//127.0.0.1:{port}/x",
    "\\\\127.0.0.1:{port}\\x",
    "/\\127.0.0.1:{port}/x",
    "http://api.example@127.0.0.1:{port}/x",
    "http://api.example:80@127.0.0.1:{port}/x",
    "http://127.0.0.1:{port}#@api.example/x",
    "http://127.0.0.1:{port}?@api.example/x",
    "http://127.0.0.1:{port}\\@api.example/x",
    "http://api.example%00@127.0.0.1:{port}/x",
    "http://127.0.0.1:0{port}/x",
    "http://127.0.0.1.nip.io:{port}/x",
    "http://xn--lcalhost-b7a:{port}/x",
    "http://169.254.169.254:{port}/x",
    "http://2852039166:{port}/x",
    "http://0xA9.0xFE.0xA9.0xFE:{port}/x",
    "http://[::ffff:a9fe:a9fe]:{port}/x",
    "http://[fd00:ec2::254]:{port}/x",
    "http://metadata.google.internal:{port}/x",
    "ws://127.0.0.1:{port}/x",
    "ftp://127.0.0.1:{port}/x",
    "gopher://127.0.0.1:{port}/x",
    "file://127.0.0.1:{port}/x",
    "jar:http://127.0.0.1:{port}/x",
    "unix:/tmp/x",
];

const OPERATION: &str = "{ operationId: get, responses: { '200': { description: ok } } }";

/// What runs: one step that calls `get` of a description.
fn flow(source: &str) -> String {
    json!({"arazzo": "1.0.1", "info": {"title": "Far", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": source, "type": "openapi"}],
        "workflows": [{"workflowId": "main", "steps": [{"stepId": "get", "operationId": "get"}]}]})
    .to_string()
}

fn api(server: &str, item: &Value) -> String {
    json!({"openapi": "3.1.0", "info": {"title": "Api", "version": "1"}, "servers": [{"url": server}],
        "paths": {"/x": item}})
    .to_string()
}

/// The five places.
const PLACES: [&str; 5] = ["server", "source", "reference", "redirect", "redirect of a document"];

/// Runs one workflow in which a stranger wrote `url` in a place; `peer` is a server that may be called. What it came
/// to, as an exit code; nothing if it could not begin.
fn run(place: &str, url: &str, peer: &Server, given: Option<&str>) -> Option<u8> {
    let get = json!({"get": {"operationId": "get", "responses": {"200": {"description": "ok"}}}});
    let folder = Folder::new();
    let written = match place {
        "server" => api(url.strip_suffix("/x").unwrap_or(url), &get),
        "reference" => api(&peer.url(), &json!({ "$ref": url })),
        _ => api(&peer.url(), &get),
    };
    let source = match place {
        "source" => url.to_owned(),
        "redirect of a document" => format!("{}/moved", peer.url()),
        // What it refers to is asked for from there.
        "reference" => format!("{}/api", peer.url()),
        _ => "api.json".to_owned(),
    };
    folder.write("api.json", &written);
    folder.write("flow.json", flow(&source));
    let mut builder =
        arazzo::open(folder.path().join("flow.json")).allow_host(peer.url().trim_start_matches("http://"));
    if let Some(host) = given {
        builder = builder.allow_host(host);
    }
    let workflow = builder.load_blocking().ok()?.workflow(None).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Some(runtime.block_on(workflow.run(arazzo::Inputs::new(), |_| {})).ok()?.exit_code())
}

#[test]
fn no_spelling_of_a_url_leads_to_a_host_that_was_not_given() {
    assert!(SPELLINGS.len() >= 60);
    let canary = Server::start(|request, _| match request.path.as_str() {
        "/x" => Reply::status(200).body("application/yaml", format!("get: {OPERATION}\n")),
        _ => Reply::status(200),
    });
    let port = canary.url().rsplit(':').next().unwrap().to_owned();
    let mut reached = [0; PLACES.len()];
    for spelling in SPELLINGS {
        let url = Arc::new(spelling.replace("{port}", &port));
        let to = url.clone();
        let peer = Server::start(move |request, _| match request.path.as_str() {
            "/api" => Reply::status(200).body("application/json", api("/", &json!({ "$ref": *to }))),
            // A server that writes what cannot be a header closes instead.
            _ if to.contains(['\n', '\0']) => Reply::status(500),
            _ => Reply::status(302).header("location", &to),
        });
        for (at, place) in PLACES.iter().enumerate() {
            let before = canary.connections();
            let exit = run(place, &url, &peer, None);
            assert_eq!(canary.connections(), before, "{place}: {url:?}");
            assert!(exit != Some(0), "{place}: {url:?}");
            // The same, where this machine was given: what is refused above is refused by the policy.
            if url::Url::parse(&url).is_ok_and(|url| url.host_str() == Some("127.0.0.1")) {
                run(place, &url, &peer, Some(&format!("127.0.0.1:{port}")));
                reached[at] += canary.connections() - before;
            }
        }
    }
    assert!(reached.iter().take(2).all(|hits| *hits >= 10) && reached[3] >= 10, "{reached:?}");
}

/// Headers in which people send what proves who they are.
const HEADERS: [&str; 12] = [
    "Authorization",
    "Cookie",
    "Proxy-Authorization",
    "X-API-Key",
    "Api-Key",
    "X-Auth-Token",
    "X-Access-Token",
    "Private-Token",
    "X-Vault-Token",
    "X-Amz-Security-Token",
    "X-CSRF-Token",
    "X-Shop",
];

/// A call with the secret in every header, its query and (of a POST) its body, to a server that redirects it.
fn redirected(method: &str, server: &Server, secret: &str, flags: &[&str]) -> Output {
    let folder = Folder::new();
    let header = |name: &&str| json!({"name": name, "in": "header", "value": "$inputs.key"});
    let mut parameters: Vec<Value> = HEADERS.iter().map(header).collect();
    parameters.push(json!({"name": "key", "in": "query", "value": "$inputs.key"}));
    let mut step = json!({"stepId": "get", "operationId": "get", "parameters": parameters});
    if method == "post" {
        step["requestBody"] = json!({"contentType": "application/json", "payload": {"key": "$inputs.key"}});
    }
    folder.write(
        "flow.json",
        json!({"arazzo": "1.0.1", "info": {"title": "Far", "version": "1"},
            "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
            "workflows": [{"workflowId": "main", "inputs": {"type": "object", "properties": {"key": {"type": "string"}}},
                "steps": [step]}]})
        .to_string(),
    );
    // Only the answer that is not redirected is documented; the parameters are the document's own.
    let operation = json!({"operationId": "get", "responses": {"200": {"description": "ok"}}});
    folder.write("api.json", api(&server.url(), &json!({ (method): operation })));
    Arazzo::new(["run", "flow.json", "-s", "key", "--quiet"])
        .args(flags.iter().copied())
        .env("ARAZZO_SECRET_key", secret)
        .cwd(folder.path())
        .run()
}

/// Three hops: two at home, and one to `to`.
fn chain(status: u16, to: String) -> Server {
    Server::start(move |request, _| match request.path.split('?').next().unwrap() {
        "/x" => Reply::status(status).header("location", "/y"),
        "/y" => Reply::status(status).header("location", "z"),
        "/z" => Reply::status(status).header("location", &to),
        _ => Reply::status(200),
    })
}

#[test]
fn redirects_stay_at_home_and_take_no_secret_elsewhere() {
    let secret = random(20);
    for status in [301, 302, 303, 307, 308] {
        for method in ["get", "post"] {
            let elsewhere = Server::start(|_, _| Reply::status(200));
            let place = elsewhere.url().trim_start_matches("http://").to_owned();
            let came = |server: &Server| -> Vec<String> {
                server.requests().iter().map(|request| request.method.to_lowercase()).collect()
            };
            // At home: there to the end, with what was sent, as the status says.
            let home = chain(status, "/end".to_owned());
            redirected(method, &home, &secret, &[]).exits(0);
            let kept = method == "get" || matches!(status, 307 | 308);
            let then = if kept { method } else { "get" };
            assert_eq!(came(&home), [method, then, then, then], "{status}");
            let last = home.requests().pop().unwrap();
            // That of a proxy is for the next hop, and none of a document's.
            let mut ends = HEADERS.iter().filter(|name| **name != "Proxy-Authorization");
            assert!(ends.all(|name| last.header(name).is_some_and(|value| value.contains(&secret))));
            assert_eq!(last.body.is_empty(), !(kept && method == "post"), "{status}");
            // To another port, another name for it, and another scheme: nothing arrives.
            let port = elsewhere.url().rsplit(':').next().unwrap().to_owned();
            let others = [
                format!("http://{place}/end"),
                format!("//{place}/end"),
                format!("http://localhost:{port}/end"),
                format!("https://{place}/end"),
                format!("ftp://{place}/end"),
            ];
            for to in others {
                let home = chain(status, to.clone());
                redirected(method, &home, &secret, &[]).exits(6).says(&["redirect"]).never_says(&[&secret]);
                assert_eq!((came(&home).len(), elsewhere.connections()), (3, 0), "{status} {to}");
            }
            // Where the host is allowed: without what is secret, or, where it would be in the body, not at all.
            let home = chain(status, format!("http://{place}/end"));
            let output = redirected(method, &home, &secret, &["--allow-host", &place]);
            let sent = elsewhere.requests();
            if kept && method == "post" {
                output.exits(6).never_says(&[&secret]);
                assert!(sent.is_empty(), "{sent:?}");
            } else {
                output.exits(0);
                assert!(sent.len() == 1 && sent[0].path == "/end" && sent[0].body.is_empty(), "{sent:?}");
                assert!(HEADERS.iter().all(|name| sent[0].header(name).is_none()), "{sent:?}");
            }
            assert!(!format!("{sent:?}").contains(&secret));
        }
    }
}
