//! Documents on the network: a stranger's document runs with what it was allowed, and with nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Arazzo, Folder, Output, random};
use crate::server::{Reply, Server};
use crate::tls::{Authority, Peer};

/// `host:port` of a server.
fn place(server: &Server) -> String {
    server.url().trim_start_matches("http://").to_owned()
}

/// A server of documents, each at its path.
fn documents(files: Vec<(&'static str, Value)>) -> Server {
    Server::start(move |request, _| match files.iter().find(|(path, _)| *path == request.path) {
        Some((_, document)) => Reply::status(200).body("application/yaml", document.to_string()),
        None => Reply::status(404),
    })
}

/// An API that answers every request with what it got.
fn echo() -> Server {
    Server::start(|request, _| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        Reply::status(200).json(&json!({ "id": "7", "token": "given-0123456789", "said": body }))
    })
}

/// An OpenAPI document with an operation of each method, at this server.
fn api(server: &str) -> Value {
    let operation = |id: &str| json!({ "operationId": id, "responses": { "200": { "description": "ok" } } });
    json!({
        "openapi": "3.1.0", "info": { "title": "Api", "version": "1" }, "servers": [{ "url": server }],
        "paths": { "/x": { "get": operation("get"), "post": operation("post"), "delete": operation("delete") } },
    })
}

/// An Arazzo document with these sources (name, url) and steps; its inputs are `token` and `note`.
fn flow(sources: &[(&str, &str)], steps: Value) -> Value {
    let described = |(name, url): &(&str, &str)| json!({ "name": name, "url": url, "type": "openapi" });
    let text = json!({ "type": "string" });
    json!({
        "arazzo": "1.1.0", "info": { "title": "Far", "version": "1" },
        "sourceDescriptions": sources.iter().map(described).collect::<Vec<_>>(),
        "workflows": [{
            "workflowId": "main",
            "inputs": { "type": "object", "properties": { "token": text, "note": text } },
            "steps": steps,
        }],
    })
}

fn step(id: &str, operation: &str, header: &str) -> Value {
    let parameters = json!([{ "name": "Authorization", "in": "header", "value": header }]);
    json!({ "stepId": id, "operationId": operation, "parameters": parameters })
}

fn run(server: &Server, path: &str, flags: &[&str]) -> Output {
    Arazzo::new(["run", &format!("{}{path}", server.url())]).args(flags.iter().copied()).run()
}

#[test]
fn a_document_on_the_network_runs_with_what_was_allowed_and_with_nothing_less() {
    let (target, token) = (echo(), random(16));
    let steps = json!([step("make", "post", "Bearer {$inputs.token}")]);
    let server =
        documents(vec![("/v1/flow.yaml", flow(&[("api", "api.yaml")], steps)), ("/v1/api.yaml", api(&target.url()))]);
    let host = place(&target);
    let bound = format!("token={host}");
    let all: [Vec<&str>; 3] = [vec!["--allow-host", &host], vec!["--allow-unsafe"], vec!["--secret-host", &bound]];
    let given = format!("token={token}");
    for left in 0..all.len() {
        let flags = all.iter().enumerate().filter(|(n, _)| *n != left).flat_map(|(_, flags)| flags.clone());
        let flags: Vec<&str> = ["-i", &given].into_iter().chain(flags).collect();
        run(&server, "/v1/flow.yaml", &flags).exits(6).says(&["error[permission-refused]"]).never_says(&[&token]);
        assert_eq!(target.connections(), 0, "without {:?}", all[left]);
    }
    let flags: Vec<&str> = ["-i", &given].into_iter().chain(all.concat()).collect();
    run(&server, "/v1/flow.yaml", &flags).exits(0);
    assert_eq!(target.requests()[0].header("authorization"), Some(format!("Bearer {token}").as_str()));
    // Documents were fetched without anything of that, and what is relative is beside the document.
    assert!(server.lines().iter().all(|line| line == "GET /v1/flow.yaml" || line == "GET /v1/api.yaml"));
    assert!(server.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn everything_that_is_missing_is_said_at_once_with_the_command_that_allows_it() {
    let steps = json!([
        step("make", "$sourceDescriptions.api.post", "Bearer {$inputs.token}"),
        step("look", "$sourceDescriptions.files.get", "none"),
    ]);
    let server = documents(vec![
        ("/flow.yaml", flow(&[("api", "api.yaml"), ("files", "files.yaml")], steps)),
        ("/api.yaml", api("https://api.example/v1")),
        ("/files.yaml", api("https://files.example:8443")),
    ]);
    let output = run(&server, "/flow.yaml", &["-i", "token=secret-0123456789", "-i", "note=a b"]);
    let flags =
        "--allow-host api.example --allow-host files.example:8443 --allow-unsafe --secret-host token=api.example";
    output.exits(6).never_says(&["secret-0123456789"]).says(&[
        "calls api.example, files.example:8443",
        "POST /x (make)",
        "the secret `token` goes to api.example (header Authorization)",
        &format!("run it: arazzo run {}/flow.yaml --input token=… --input 'note=a b' {flags}", server.url()),
    ]);
    output.check(output.stderr.matches("error[").count() == 1, "one error");
    // Looking at it says the same, and needs nothing.
    let shown =
        Arazzo::new(["inspect", &format!("{}/flow.yaml", server.url()), "-S", "files=https://f.example/"]).run();
    let moved = flags.replace("files.example:8443", "f.example");
    shown.check(
        shown.stdout.contains(&format!(
            "/flow.yaml --server files=https://f.example/ {}",
            moved.replace("--allow-host f.example ", "")
        )),
        "the server that was given",
    );
    let shown = Arazzo::new(["inspect", &format!("{}/flow.yaml", server.url())]).run();
    shown.exits(0);
    for words in [
        "remote (tier 2)",
        "sha256:",
        &format!("run it    arazzo run {}/flow.yaml {flags}", server.url()),
        "sends to  api.example   POST /x",
    ] {
        shown.check(shown.stdout.contains(words), words);
    }
    let shown = Arazzo::new(["inspect", &format!("{}/flow.yaml", server.url()), "--json"]).run();
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let missing = &shown["workflows"][0]["missingPermissions"];
    assert_eq!((&shown["remote"], &missing["hosts"]), (&json!(true), &json!(["api.example", "files.example:8443"])));
    assert_eq!(missing["changes"], json!([{ "step": "make", "call": "POST /x" }]));
    run(&server, "/flow.yaml", &["--dry-run"]).exits(0);
    run(&server, "/flow.yaml", &["--mock", "-i", "token=secret-0123456789"]).exits(0);
    // What is not mocked needs it.
    let half = run(&server, "/flow.yaml", &["--mock=api", "-i", "token=secret-0123456789"]);
    half.exits(6).says(&["calls files.example:8443"]).never_says(&["--allow-unsafe", "--secret-host"]);
}

#[test]
fn names_of_a_stranger_are_no_commands_of_a_shell() {
    let steps = json!([step("make", "get", "none")]);
    let server = documents(vec![
        ("/flow.yaml", flow(&[("api", "api.yaml")], steps)),
        ("/api.yaml", api("https://$(reboot).example;x")),
    ]);
    run(&server, "/flow.yaml", &[]).exits(6).says(&["--allow-host '$(reboot).example;x'"]);
}

#[test]
fn hosts_without_tls_and_on_private_networks_are_nobodys_to_allow() {
    for (url, said) in [
        ("http://api.example", "it is not https"),
        ("https://169.254.169.254", "where cloud machines keep their credentials"),
        ("https://10.0.0.5", "it was not given"),
        ("https://localhost", "it was not given"),
        ("http://127.0.0.1:9", "it is not https"),
    ] {
        let steps = json!([step("look", "get", "none")]);
        let server = documents(vec![("/flow.yaml", flow(&[("api", "api.yaml")], steps)), ("/api.yaml", api(url))]);
        let output = run(&server, "/flow.yaml", &[]);
        let expected = if url.contains("169.254") { "may not be called" } else { said };
        output.exits(6).says(&["permission-refused", expected]).never_says(&["run it:"]);
        let shown = Arazzo::new(["inspect", &format!("{}/flow.yaml", server.url())]).run();
        shown.check(shown.stdout.contains("refused   `") && !shown.stdout.contains("run it"), "refused");
    }
    // A user who writes down http means this machine only.
    let steps = json!([step("look", "get", "none")]);
    let server =
        documents(vec![("/flow.yaml", flow(&[("api", "api.yaml")], steps)), ("/api.yaml", api("http://api.example"))]);
    run(&server, "/flow.yaml", &["--allow-host", "api.example"]).exits(6).says(&["it is not https"]);
    run(&server, "/flow.yaml", &["-S", "http://api.example"]).exits(6).says(&["it is not https"]);
    let target = echo();
    run(&server, "/flow.yaml", &["-S", &target.url()]).exits(0);
    assert_eq!(target.lines(), ["GET /x"]);
}

#[test]
fn an_address_that_its_user_gives_for_a_host_is_meant() {
    let authority = Authority::new();
    let peer = Peer::http1(authority.server(&["localtest.example"]));
    let url = peer.url("localtest.example");
    let steps = json!([step("look", "get", "none")]);
    let server = documents(vec![("/flow.yaml", flow(&[("api", "api.yaml")], steps)), ("/api.yaml", api(&url))]);
    let folder = Folder::new();
    folder.write("ca.pem", authority.pem());
    let call = |flags: &[&str]| {
        Arazzo::new(["run", &format!("{}/flow.yaml", server.url()), "--cacert", "ca.pem"])
            .args(flags.iter().copied())
            .cwd(folder.path())
            .run()
    };
    let port = url.rsplit(':').next().unwrap().to_owned();
    let to = format!("localtest.example:{port}:127.0.0.1");
    let host = format!("localtest.example:{port}");
    call(&["--resolve", &to]).exits(6);
    assert_eq!(peer.requests(), 0);
    // Who gives an address means it.
    call(&["--resolve", &to, "--allow-host", &host]).exits(0);
    assert_eq!(peer.requests(), 1);
}

#[test]
fn a_document_on_the_network_reads_no_file() {
    let folder = Folder::new();
    let steps = || json!([step("look", "get", "none")]);
    let canary = random(20);
    let api_file = folder.write("api.json", api("https://api.example").to_string());
    let secret = folder.write("secret.yaml", format!("openapi: {canary}\n"));
    let file = format!("file://{}", secret.display());
    let with_self = |itself: &str, url: &str| {
        let mut flow = flow(&[("api", url)], steps());
        flow["$self"] = json!(itself);
        flow
    };
    let refers = |to: &str| {
        let mut api = api("https://api.example");
        api["paths"]["/y"] = json!({ "$ref": to });
        api
    };
    let server = documents(vec![
        ("/absolute.yaml", flow(&[("api", &file)], steps())),
        ("/itself.yaml", with_self(&format!("file://{}/flow.yaml", folder.path().display()), "secret.yaml")),
        ("/refers.yaml", flow(&[("api", "refers-api.yaml")], steps())),
        ("/refers-api.yaml", refers(&file)),
        ("/up.yaml", flow(&[("api", "../../../../../../../../etc/passwd")], steps())),
        ("/good.yaml", flow(&[("api", "api.yaml")], steps())),
    ]);
    for path in ["/absolute.yaml", "/itself.yaml", "/refers.yaml"] {
        let output = Arazzo::new(["run", &format!("{}{path}", server.url()), "--dry-run"]).cwd(folder.path()).run();
        output.exits(6).says(&["file-refused", "read no files"]).never_says(&[&canary]);
    }
    // Up from a url is still a url.
    run(&server, "/up.yaml", &["--dry-run"])
        .exits(3)
        .says(&["source-not-found", "/etc/passwd: the server answered 404"]);
    // A file that its user gives is read, and no other: not those beside it.
    let given = format!("api={}", api_file.display());
    run(&server, "/good.yaml", &["--dry-run", "--source", &given]).exits(0);
    let output = run(&server, "/absolute.yaml", &["--dry-run", "--source", "other=api.json"]);
    output.exits(6).never_says(&[&canary]);
    // Neither does a source on the network, whoever names it.
    let local = flow(&[("api", &format!("{}/refers-api.yaml", server.url()))], steps());
    let local = folder.write("local.json", local.to_string()).display().to_string();
    Arazzo::new(["run", &local, "--dry-run"]).run().exits(6).says(&["file-refused"]).never_says(&[&canary]);
}

#[test]
fn where_a_document_is_read_from_is_as_its_user_said() {
    let steps = || json!([step("look", "get", "none")]);
    let other =
        documents(vec![("/flow.yaml", flow(&[("api", "api.yaml")], steps())), ("/api.yaml", api("https://a.example"))]);
    let mut itself = flow(&[("api", "api.yaml")], steps());
    itself["$self"] = json!(format!("{}/flow.yaml", other.url()));
    let mut astray = flow(&[("api", "other.yaml")], steps());
    astray["$self"] = itself["$self"].clone();
    let (itself, astray) = (itself.to_string(), astray.to_string());
    let elsewhere = format!("{}/flow.yaml", other.url());
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/itself.yaml" => Reply::status(200).body("application/yaml", itself.clone()),
        "/astray.yaml" => Reply::status(200).body("application/yaml", astray.clone()),
        "/api.yaml" => Reply::status(200).body("application/yaml", api("https://a.example").to_string()),
        "/moved.yaml" => Reply::status(302).header("location", "/v2/flow.yaml"),
        "/v2/flow.yaml" => Reply::status(200)
            .body("application/yaml", flow(&[("api", "../api.yaml")], json!([step("a", "get", "x")])).to_string()),
        "/elsewhere.yaml" => Reply::status(302).header("location", &elsewhere),
        "/plain.yaml" => Reply::status(302).header("location", "http://plain.example/flow.yaml"),
        "/large.yaml" => Reply::status(200).body("application/yaml", vec![b' '; 17 << 20]),
        _ => Reply::status(404),
    });
    // Its identity is where its parts are looked for last, and gives no right to look there.
    run(&server, "/itself.yaml", &["--dry-run"]).exits(0);
    run(&server, "/astray.yaml", &["--dry-run"]).exits(6).says(&["source-refused", "does not name it"]);
    run(&server, "/moved.yaml", &["--dry-run"]).exits(0);
    run(&server, "/elsewhere.yaml", &["--dry-run"]).exits(6).says(&["source-refused", "redirects to another host"]);
    run(&server, "/plain.yaml", &["--dry-run"]).exits(6).says(&["it is not https"]);
    run(&server, "/large.yaml", &["--dry-run"]).exits(6).says(&["more than 16777216 bytes"]);
    run(&server, "/none.yaml", &["--dry-run"]).exits(3).says(&["document-not-found", "the server answered 404"]);
    assert!(other.lines().is_empty());
    run(&server, "/elsewhere.yaml", &["--dry-run", "--allow-host", &place(&other)]).exits(0);
    let before = server.lines().len();
    run(&server, "/moved.yaml", &["--dry-run", "--offline"]).exits(6).says(&["source-refused", "cannot read"]);
    for command in ["inspect", "lint", "graph"] {
        let url = format!("{}/moved.yaml", server.url());
        Arazzo::new([command, &url, "--offline"]).run().exits(6).says(&[]);
    }
    assert_eq!(server.lines().len(), before);
    Arazzo::new(["run", "http://plain.example/flow.yaml"]).run().exits(6).says(&["it is not https"]);
    Arazzo::new(["run", "https://user:secret@plain.example/flow.yaml"]).run().exits(6).never_says(&["secret"]);
    // With TLS.
    let authority = Authority::new();
    let folder = Folder::new();
    folder.write("ca.pem", authority.pem());
    let peer = Peer::http1(authority.server(&["localhost"]));
    let call = Arazzo::new(["run", &format!("{}/flow.yaml", peer.url("localhost"))]).cwd(folder.path());
    call.clone().run().exits(3).says(&["document-not-found", "the connection is not safe"]);
    assert_eq!(peer.requests(), 0);
    call.args(["--cacert", "ca.pem"]).run().exits(3).says(&["not-an-arazzo-document"]);
    assert_eq!(peer.requests(), 1);
    // Private names that it names itself are not looked up.
    let private = documents(vec![("/flow.yaml", flow(&[("api", "https://10.0.0.5/api.yaml")], steps()))]);
    run(&private, "/flow.yaml", &["--dry-run"]).exits(6).says(&["may not be called"]);
}

#[test]
fn an_answer_leads_a_stranger_to_no_other_host() {
    let canary = echo();
    let elsewhere = format!("{}/stolen", canary.url());
    let target = Server::start(move |_, _| Reply::status(307).header("location", &elsewhere));
    let steps = json!([step("look", "get", "none")]);
    let server =
        documents(vec![("/flow.yaml", flow(&[("api", "api.yaml")], steps)), ("/api.yaml", api(&target.url()))]);
    run(&server, "/flow.yaml", &["--allow-host", &place(&target)]).exits(6).says(&["redirect-refused"]);
    assert_eq!((target.lines().len(), canary.connections()), (1, 0));
    // Nor does a variable of its servers.
    let mut variable = api("https://{region}.example");
    variable["servers"][0]["variables"] = json!({ "region": { "default": "evil" } });
    let steps = json!([step("look", "get", "none")]);
    let server = documents(vec![("/flow.yaml", flow(&[("api", "api.yaml")], steps)), ("/api.yaml", variable)]);
    run(&server, "/flow.yaml", &["--allow-host", "good.example"]).exits(6).says(&["calls evil.example"]);
}

#[test]
fn a_secret_goes_only_to_hosts_that_it_is_for_also_where_an_answer_gives_it_back() {
    let (good, evil) = (echo(), echo());
    // The first API says what it got; the second gets all that the first one said.
    let mut first = step("first", "$sourceDescriptions.good.post", "none");
    first["requestBody"] = json!({ "contentType": "text/plain", "payload": "{$inputs.token}" });
    first["outputs"] = json!({ "all": "$response.body" });
    let mut second = step("second", "$sourceDescriptions.evil.post", "none");
    second["requestBody"] =
        json!({ "contentType": "application/json", "payload": { "a": "$steps.first.outputs.all" } });
    let server = documents(vec![
        ("/flow.yaml", flow(&[("good", "good.yaml"), ("evil", "evil.yaml")], json!([first, second]))),
        ("/good.yaml", api(&good.url())),
        ("/evil.yaml", api(&evil.url())),
    ]);
    let (good_host, evil_host) = (place(&good), place(&evil));
    for token in [random(16), format!("{}/+ \"{}", random(9), random(9))] {
        let bound = format!("token={good_host}");
        let call = Arazzo::new(["run", &format!("{}/flow.yaml", server.url()), "-s", "token", "--allow-unsafe"])
            .args(["--allow-host", &good_host, "--allow-host", &evil_host, "--secret-host", &bound])
            .env("ARAZZO_SECRET_TOKEN", &token);
        let output = call.clone().run();
        output.exits(6).says(&["host-refused", "the secret `token` would go to"]).never_says(&[&token]);
        assert_eq!(evil.connections(), 0);
        call.args(["--secret-host", &format!("token={evil_host}"), "--dry-run"]).run().exits(0);
    }
    assert_eq!(good.lines().len(), 2);
}

#[test]
fn a_secret_is_found_in_requests_in_every_form_in_which_a_server_may_give_it_back() {
    let good = Server::start(|request, _| {
        let said = request.body.clone();
        let hex: String = said.iter().map(|byte| format!("{byte:02x}")).collect();
        let escaped: String = said.iter().map(|byte| format!("%{byte:02X}")).collect();
        let before = STANDARD.encode([b"x:", said.as_slice()].concat());
        let plain = String::from_utf8_lossy(&said).into_owned();
        Reply::status(200).json(&json!({ "plain": plain, "hex": hex, "base64": before, "escaped": escaped }))
    });
    let evil = echo();
    let (good_host, evil_host) = (place(&good), place(&evil));
    let mut takes = api(&evil.url());
    takes["paths"]["/x"]["get"]["parameters"] =
        json!([{ "name": "q", "in": "query" }, { "name": "X-Q", "in": "header" }]);
    let sends = |form: &str, location: &str, name: &str| {
        let mut first = step("first", "$sourceDescriptions.good.post", "none");
        first["requestBody"] = json!({ "contentType": "text/plain", "payload": "{$inputs.token}" });
        first["outputs"] = json!({ "said": format!("$response.body#/{form}") });
        let value = json!([{ "name": name, "in": location, "value": "$steps.first.outputs.said" }]);
        let second = json!({ "stepId": "second", "operationId": "$sourceDescriptions.evil.get", "parameters": value });
        flow(&[("good", "good.yaml"), ("evil", "evil.yaml")], json!([first, second]))
    };
    for (form, location, name) in [
        ("plain", "query", "q"),
        ("plain", "header", "X-Q"),
        ("hex", "query", "q"),
        ("base64", "header", "X-Q"),
        ("escaped", "query", "q"),
        ("escaped", "header", "X-Q"),
    ] {
        let server = documents(vec![
            ("/flow.yaml", sends(form, location, name)),
            ("/good.yaml", api(&good.url())),
            ("/evil.yaml", takes.clone()),
        ]);
        let call = |evil_too: bool| {
            let mut hosts = vec![format!("token={good_host}")];
            hosts.extend(evil_too.then(|| format!("token={evil_host}")));
            let bound = hosts.into_iter().flat_map(|host| ["--secret-host".to_owned(), host]);
            Arazzo::new(["run", &format!("{}/flow.yaml", server.url()), "-s", "token", "--allow-unsafe"])
                .args(["--allow-host", &good_host, "--allow-host", &evil_host])
                .args(bound)
                .env("ARAZZO_SECRET_TOKEN", &format!("{}/+?{}", random(9), random(9)))
                .run()
        };
        let before = evil.connections();
        call(false).exits(6).says(&["the secret `token` would go to"]);
        assert_eq!(evil.connections(), before, "{form} in a {location}");
        call(true).exits(0);
        assert_eq!(evil.connections(), before + 1);
    }
}

/// What a function makes of a secret, and what a charset does, hides it from nobody who knows which.
#[test]
fn a_text_that_is_built_of_a_secret_goes_only_where_the_secret_may() {
    let (good, evil) = (echo(), echo());
    let (good_host, evil_host) = (place(&good), place(&evil));
    let shifted = "translate(string(//a), 'ABCDEFabcdef0123456789', 'BCDEFGbcdefg1234567890')";
    for (selector, charset, stops) in [
        (shifted, "utf-8", true),
        (
            "string-join(reverse(for $c in string-to-codepoints(//a) return codepoints-to-string($c)), '')",
            "utf-8",
            true,
        ),
        ("//a", "utf-16le", true),
        ("//a", "utf-16", true),
        // What stands beside it, and what is no text.
        ("string(//name)", "utf-8", false),
        ("string-length(//a)", "utf-8", false),
        ("contains(//a, 'x')", "utf-8", false),
    ] {
        let mut first = step("first", "$sourceDescriptions.good.post", "none");
        let payload = "<r><a>{$inputs.token}</a><name>an ordinary name</name></r>";
        first["requestBody"] = json!({ "contentType": "application/xml", "payload": payload });
        first["outputs"] = json!({ "made": { "context": "$request.body", "selector": selector, "type": "xpath" } });
        let mut second = step("second", "$sourceDescriptions.evil.post", "none");
        let kind = format!("text/plain; charset={charset}");
        second["requestBody"] = json!({ "contentType": kind, "payload": "{$steps.first.outputs.made}" });
        let folder = Folder::new();
        folder.write(
            "flow.yaml",
            flow(&[("good", "good.yaml"), ("evil", "evil.yaml")], json!([first, second])).to_string(),
        );
        folder.write("good.yaml", api(&good.url()).to_string());
        folder.write("evil.yaml", api(&evil.url()).to_string());
        let call = Arazzo::new(["run", "flow.yaml", "-s", "token"])
            .args([
                "--allow-host",
                &good_host,
                "--allow-host",
                &evil_host,
                "--secret-host",
                &format!("token={good_host}"),
            ])
            .env("ARAZZO_SECRET_TOKEN", "CANARYtokA1b2C3d4E5f6ж")
            .cwd(folder.path());
        let (before, output) = (evil.connections(), call.run());
        if stops {
            output.exits(6).says(&["the secret `token` would go to"]);
            assert_eq!(evil.connections(), before, "{selector}");
        } else {
            output.exits(0);
            assert_eq!(evil.connections(), before + 1, "{selector}");
        }
    }
}

#[test]
fn a_secret_keeps_its_name_however_it_is_passed_on_and_what_an_answer_gives_has_one() {
    let mut login = step("login", "post", "none");
    login["outputs"] = json!({ "token": "$response.body#/token" });
    let inner = json!({
        "workflowId": "inner", "inputs": { "type": "object", "properties": { "harmless": { "type": "string" } } },
        "steps": [step("send", "get", "Bearer {$inputs.harmless}")],
    });
    let call = json!({ "stepId": "call", "workflowId": "inner", "parameters": [{ "name": "harmless", "value": "x {$inputs.token}" }] });
    let mut flow =
        flow(&[("api", "api.yaml")], json!([login, call, step("use", "get", "Bearer {$steps.login.outputs.token}")]));
    flow["workflows"].as_array_mut().unwrap().push(inner);
    let target = echo();
    let server = documents(vec![("/flow.yaml", flow), ("/api.yaml", api(&target.url()))]);
    let host = place(&target);
    let call = |flags: &[&str]| {
        let flags = flags.iter().map(|flag| flag.replace("HOST", &host));
        Arazzo::new(["run", &format!("{}/flow.yaml", server.url()), "main", "-i", "token=secret-0123456789"])
            .args(["--allow-unsafe", "--allow-host", &host])
            .args(flags)
            .run()
    };
    let said = [format!("--secret-host token={host}"), format!("--secret-host login.token={host}")];
    call(&[]).exits(6).says(&[&said[0], &said[1]]).never_says(&["harmless="]);
    call(&["--secret-host", "token=HOST"]).exits(6).says(&["login.token="]);
    assert_eq!(target.connections(), 0);
    // The step stands for what it gives.
    for login in ["login=HOST", "login.token=HOST"] {
        call(&["--secret-host", "token=HOST", "--secret-host", login]).exits(0);
    }
    assert_eq!(target.lines().len(), 6);
}

#[test]
fn credentials_are_secrets_with_the_names_that_they_were_given_under() {
    let target = echo();
    let host = place(&target);
    let schemes = json!({
        "key": { "type": "apiKey", "in": "header", "name": "X-Key" },
        "basic": { "type": "http", "scheme": "basic" },
        "bearer": { "type": "http", "scheme": "bearer" },
        "oauth": { "type": "oauth2", "flows": { "clientCredentials": { "tokenUrl": "https://id.example/token", "scopes": {} } } },
    });
    let asks = |scheme: &str| {
        let mut api = api(&target.url());
        api["components"] = json!({ "securitySchemes": schemes });
        api["security"] = json!([{ scheme: [] }]);
        api
    };
    let look = || flow(&[("api", "api.yaml")], json!([{ "stepId": "look", "operationId": "get" }]));
    for (scheme, flags, names) in [
        ("key", ["--auth", "key=k-0123456789"].as_slice(), ["key"].as_slice()),
        ("basic", &["-u", "ann:p-0123456789"], &["password"]),
        ("basic", &["--auth", "basic=ann:p-0123456789"], &["basic"]),
        ("bearer", &["--bearer", "MINE"], &["MINE"]),
        ("bearer", &["-H", "X-Api-Key: h-0123456789"], &["X-Api-Key"]),
    ] {
        let server = documents(vec![("/flow.yaml", look()), ("/api.yaml", asks(scheme))]);
        let before = target.connections();
        let call = |more: &[String]| {
            Arazzo::new(["run", &format!("{}/flow.yaml", server.url()), "--allow-host", &host])
                .args(flags.iter().copied())
                .args(more.iter().cloned())
                .env("ARAZZO_SECRET_MINE", "m-0123456789")
                .run()
        };
        let bound: Vec<String> =
            names.iter().flat_map(|name| ["--secret-host".to_owned(), format!("{name}={host}")]).collect();
        call(&[]).exits(6).says(&[&bound.join(" ")]).never_says(&["0123456789"]);
        assert_eq!(target.connections(), before);
        call(&bound).exits(0);
    }
    // What fetches a token goes to where tokens are, and that host is called too.
    let server = documents(vec![("/flow.yaml", look()), ("/api.yaml", asks("oauth"))]);
    let output = run(
        &server,
        "/flow.yaml",
        &["--allow-host", &host, "--auth", "oauth.clientId=me", "--auth", "oauth.clientSecret=s-0123456789"],
    );
    output.exits(6).never_says(&["s-0123456789"]).says(&[
        "--allow-host id.example",
        &format!("--secret-host oauth.access_token={host}"),
        "--secret-host oauth.clientSecret=id.example",
    ]);
}

#[test]
fn a_stranger_gets_nothing_of_the_environment_that_was_not_named() {
    let target = echo();
    let mut look = step("look", "get", "{$inputs.token}");
    look["parameters"].as_array_mut().unwrap().push(json!({ "name": "note", "in": "query", "value": "$inputs.note" }));
    let mut keyed = api(&target.url());
    keyed["paths"]["/x"]["get"]["parameters"] = json!([{ "name": "note", "in": "query" }]);
    keyed["components"] =
        json!({ "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "X-Key" } } });
    keyed["security"] = json!([{ "key": [] }]);
    let server = documents(vec![("/flow.yaml", flow(&[("api", "api.yaml")], json!([look]))), ("/api.yaml", keyed)]);
    let host = place(&target);
    let call = |flags: &[&str]| {
        let bound =
            ["token", "key"].into_iter().flat_map(|name| ["--secret-host".to_owned(), format!("{name}={host}")]);
        Arazzo::new(["run", &format!("{}/flow.yaml", server.url()), "--allow-host", &host])
            .args(flags.iter().copied())
            .args(bound)
            .env("ARAZZO_INPUT_NOTE", "note-of-others")
            .env("ARAZZO_SECRET_KEY", "key-of-others")
            .env("ARAZZO_SECRET_TOKEN", "token-0123456789")
            .run()
    };
    call(&["-s", "token"]).exits(0).says(&["missing-credentials"]);
    call(&["-s", "token", "--auth", "key"]).exits(0);
    let sent = target.requests();
    assert!(sent.iter().all(|request| request.path == "/x" && request.header("authorization").is_some()));
    assert_eq!((sent[0].header("x-key"), sent[1].header("x-key")), (None, Some("key-of-others")));
}

#[test]
fn what_stands_in_the_document_is_no_secret_of_its_user() {
    let target = echo();
    let steps = json!([step("look", "get", "Bearer demo-0123456789")]);
    let server =
        documents(vec![("/flow.yaml", flow(&[("api", "api.yaml")], steps)), ("/api.yaml", api(&target.url()))]);
    run(&server, "/flow.yaml", &["--allow-host", &place(&target)]).exits(0).never_says(&["demo-0123456789"]);
}

#[test]
fn a_secret_of_a_local_document_that_is_bound_goes_nowhere_else() {
    let target = echo();
    let host = place(&target);
    let folder = Folder::new();
    let steps = json!([step("look", "get", "Bearer {$inputs.token}")]);
    folder.write("flow.json", flow(&[("api", "api.json")], steps).to_string());
    folder.write("api.json", api(&target.url()).to_string());
    let call = |flags: &[&str]| {
        let call = Arazzo::new(["run", "flow.json", "-i", "token=secret-0123456789"]);
        call.args(flags.iter().copied()).cwd(folder.path()).run()
    };
    call(&["--secret-host", "token=other.example"]).exits(6).says(&["permission-refused", "`token` goes to"]);
    assert_eq!(target.connections(), 0);
    call(&["--secret-host", "token=other.example", "--secret-host", &format!("token={host}")]).exits(0);
    call(&["--secret-host", "note=other.example"]).exits(0);
    call(&[]).exits(0);
    call(&["--secret-host", "token"]).exits(2).says(&["write NAME=HOST"]);
}

#[test]
fn lint_graph_and_call_take_urls_too() {
    let target = echo();
    let steps = json!([step("look", "get", "none")]);
    let server =
        documents(vec![("/flow.yaml", flow(&[("api", "api.yaml")], steps)), ("/api.yaml", api(&target.url()))]);
    let url = format!("{}/flow.yaml", server.url());
    for (flags, code) in [
        (["lint", &url].as_slice(), 0),
        (&["lint", &url, "--only", "structure"], 0),
        (&["lint", &url, "--fix=all", "--diff"], 0),
        (&["graph", &url], 0),
    ] {
        Arazzo::new(flags.iter().copied()).run().exits(code);
    }
    Arazzo::new(["lint", &url, "--fix"]).run().exits(2).says(&["a document on the network is not written"]);
    let api = format!("{}/api.yaml", server.url());
    let call =
        |operation: &str, flags: &[&str]| Arazzo::new(["call", &api, operation]).args(flags.iter().copied()).run();
    call("get", &[]).exits(6).says(&["permission-refused"]);
    call("get", &["--offline"]).exits(6).says(&["source-refused", "cannot read"]);
    assert_eq!(target.connections(), 0);
    call("get", &["--allow-host", &place(&target)]).exits(0);
    call("delete", &["--allow-host", &place(&target)]).exits(6).says(&["if it is meant, add --allow-unsafe"]);
    call("delete", &["--allow-host", &place(&target), "--allow-unsafe"]).exits(0);
    assert_eq!(target.lines(), ["GET /x", "DELETE /x"]);
}

#[test]
fn lint_fetches_sources_as_a_run_does_and_not_offline() {
    let server = documents(vec![("/api.yaml", api("https://api.example"))]);
    let folder = Folder::new();
    let flow = flow(&[("api", &format!("{}/api.yaml", server.url()))], json!([step("look", "get", "none")]));
    let path = folder.write("flow.json", flow.to_string()).display().to_string();
    Arazzo::new(["lint", &path, "--offline"]).run().exits(6);
    assert!(server.lines().is_empty());
    Arazzo::new(["lint", &path]).run().exits(0);
    assert_eq!(server.lines(), ["GET /api.yaml"]);
}

#[test]
fn the_library_gives_what_the_flags_give() {
    let target = echo();
    let steps = json!([step("make", "post", "Bearer {$inputs.token}")]);
    let server =
        documents(vec![("/flow.yaml", flow(&[("api", "api.yaml")], steps)), ("/api.yaml", api(&target.url()))]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = |builder: arazzo::Builder| {
        let workflow = builder.load_blocking().unwrap().workflow(None).unwrap();
        runtime.block_on(workflow.run(arazzo::Inputs::new().set("token", "secret-0123456789"), |_| {}))
    };
    // Trusting it does not make it less strange.
    let open = || arazzo::open(format!("{}/flow.yaml", server.url())).trust(arazzo::Trust::Local);
    let refused = run(open()).unwrap_err().to_string();
    assert!(refused.contains("permission-refused"), "{refused}");
    let host = place(&target);
    let allowed = open().allow_host(&host).allow_unsafe(true);
    let refused = run(allowed.clone()).unwrap_err().to_string();
    assert!(refused.contains("secret_host(\"token\""), "{refused}");
    assert_eq!(target.connections(), 0);
    assert_eq!(run(allowed.secret_host("token", &host)).unwrap().exit_code(), 0);
    // Who gives no trust at all lets it be read where it is, and nowhere else.
    let other = documents(vec![("/api.yaml", api(&target.url()))]);
    let far = format!("{}/api.yaml", other.url());
    let server = documents(vec![
        ("/flow.yaml", flow(&[("api", "api.yaml")], json!([step("look", "get", "none")]))),
        ("/far.yaml", flow(&[("api", &far)], json!([step("look", "get", "none")]))),
        ("/api.yaml", api(&target.url())),
    ]);
    let faulty = |path: &str| {
        let description = arazzo::open(format!("{}{path}", server.url())).load_blocking().unwrap();
        assert_eq!(description.trust(), arazzo::Trust::Remote);
        description.diagnostics().has_refusals()
    };
    assert!(!faulty("/flow.yaml") && faulty("/far.yaml"));
    assert_eq!(other.connections(), 0);
    // A file can be as strange.
    let folder = Folder::new();
    let steps = json!([step("make", "post", "none")]);
    let path = folder.write("flow.json", flow(&[("api", "api.json")], steps).to_string());
    folder.write("api.json", api(&target.url()).to_string());
    let open = || arazzo::open(&path).trust(arazzo::Trust::Remote).allow_host(&host);
    assert!(run(open()).is_err());
    assert_eq!(run(open().allow_unsafe(true)).unwrap().exit_code(), 0);
}
