//! Values that try to become something else: headers, urls, queries, bodies, escapes of a terminal, commands of a runner.

use arazzo::json;
use serde_json::Value;

use crate::cli::{Arazzo, Folder, Output};
use crate::server::{Reply, Server};

/// One step that sends `input` to every place, and judges the answer by `criterion`.
fn flow(criterion: &str, payload: &str) -> String {
    format!(
        "arazzo: 1.0.1
info: {{title: Pets, version: 1.0.0}}
sourceDescriptions:
- {{name: pets, url: pets.yaml, type: openapi}}
workflows:
- workflowId: look
  inputs: {{type: object, properties: {{v: {{type: string}}}}}}
  steps:
  - stepId: all
    operationId: listPets
    parameters:
    {payload}
    successCriteria:
    - {criterion}
"
    )
}

const PETS: &str = "\
openapi: 3.1.0
info: {title: Pets, version: 1.0.0}
servers: [{url: 'http://127.0.0.1:9/{region}', variables: {region: {default: eu, enum: [eu, us]}}}]
paths:
  /pets/{id}/toys:
    post:
      operationId: listPets
      parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
      - {name: q, in: query, schema: {type: string}}
      - {name: X-Note, in: header, schema: {type: string}}
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {'200': {description: All of them}}
";

fn folder(flow: &str) -> Folder {
    let folder = Folder::new();
    folder.write("flow.yaml", flow);
    folder.write("pets.yaml", PETS);
    folder
}

fn run(folder: &Folder, server: &str, value: &str, flags: &[&str]) -> Output {
    let input = json!({ "v": value }).to_string();
    Arazzo::new(["run", "flow.yaml", "-S", server, "-i", &input]).args(flags).cwd(folder.path()).run()
}

const OK: &str = "condition: $statusCode == 200";

#[test]
fn control_characters_in_headers_are_refused_before_a_byte_is_sent() {
    let server = Server::start(|_, _| Reply::status(200));
    let folder =
        folder(&flow(OK, "- {name: id, in: path, value: a}\n    - {name: X-Note, in: header, value: $inputs.v}"));
    for code in (0..0x20_u8).chain([0x7f]).filter(|code| *code != b'\t') {
        let value = format!("a{}X-Evil: 1", char::from(code));
        run(&folder, &server.url(), &value, &[]).exits(1).says(&["unsafe-value"]);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn headers_of_the_connection_are_not_for_documents() {
    let server = Server::start(|_, _| Reply::status(200));
    for (name, exit) in [("Host", 3), ("Content-Length", 0), ("Transfer-Encoding", 0), ("Connection", 0), ("hOST", 3)] {
        let payload =
            format!("- {{name: id, in: path, value: a}}\n    - {{name: {name}, in: header, value: evil.example}}");
        let folder = folder(&flow(OK, &payload));
        run(&folder, &server.url(), "x", &[]).exits(exit).says(&["connection-header"]);
        run(&folder, &server.url(), "x", &["--strict"]).exits(3).says(&["connection-header"]);
    }
    // Those that belong to the connection are left to it.
    let sent = server.requests();
    assert_eq!(sent.len(), 3);
    for name in ["host", "content-length", "transfer-encoding", "connection"] {
        assert!(sent.iter().all(|request| request.header(name) != Some("evil.example")), "{name}");
    }
}

#[test]
fn the_header_that_may_be_allowed_is_host() {
    let server = Server::start(|_, _| Reply::status(200));
    let set = |name: &str| {
        folder(&flow(
            OK,
            &format!("- {{name: id, in: path, value: a}}\n    - {{name: {name}, in: header, value: tenant.example}}"),
        ))
    };
    let host = set("Host");
    run(&host, &server.url(), "x", &[]).exits(3).says(&["connection-header", "--allow-header Host"]);
    assert_eq!(server.connections(), 0);
    run(&host, &server.url(), "x", &["--allow-header", "host"]).exits(0);
    assert_eq!(server.requests()[0].header("host"), Some("tenant.example"));
    // Where a request ends, and what is taken away on the way, no document says.
    for (name, reason) in [
        ("Content-Length", "where a request ends"),
        ("Transfer-Encoding", "where a request ends"),
        ("Connection", "taken away on the way"),
        ("X-Other", "kept from no document"),
    ] {
        run(&set(name), &server.url(), "x", &["--allow-header", name]).exits(2).says(&[reason]);
    }
    let allowed = run(&set("Connection"), &server.url(), "x", &["--allow-header", "Host", "--strict"]);
    allowed.exits(3).says(&["connection-header"]);
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_path_value_never_leaves_its_segment() {
    let server = Server::start(|_, _| Reply::status(200));
    let folder = folder(&flow(OK, "- {name: id, in: path, value: $inputs.v}"));
    let values = [
        "..",
        ".",
        "",
        "../..",
        "a/b",
        "%2e%2e",
        "..%2f..",
        "a?b=c",
        "a#b",
        "\\..\\",
        "@evil.example",
        "//evil.example",
        ";x=/",
        "\u{2025}",
        "a\r\nb",
        "..;/",
    ];
    for value in values {
        let output = run(&folder, &server.url(), value, &[]);
        output.check(matches!(output.status, Some(0 | 1)), "sent or refused");
    }
    let lines = server.lines();
    assert!(lines.len() >= 8, "{lines:?}");
    for line in lines {
        let path = line.split(' ').nth(1).unwrap().split('?').next().unwrap().to_owned();
        let segments: Vec<&str> = path.split('/').collect();
        assert!(segments.len() == 4 && segments[1] == "pets" && segments[3] == "toys", "{line}");
        assert!(!matches!(segments[2], "" | "." | ".."), "{line}");
    }
}

#[test]
fn a_path_of_a_description_never_changes_the_host() {
    // Who is called instead is on this machine: nothing but the path keeps the secret from it.
    let other = Server::start(|_, _| Reply::status(200));
    let server = Server::start(|_, _| Reply::status(200));
    let (good, evil) = (server.url(), other.url());
    let (host, port) = (evil.trim_start_matches("http://"), evil.rsplit(':').next().unwrap());
    let paths = [
        format!("@{host}/steal"),
        format!("user:pw@{host}/steal"),
        format!(":{port}/steal"),
        format!("\\t@{host}/steal"),
        "/../admin".to_owned(),
        "/x/%2E%2e/%2e./%2e%2e/admin".to_owned(),
        "/..\\\\admin".to_owned(),
        "steal".to_owned(),
    ];
    let flow = flow(OK, "- {name: Authorization, in: header, value: 'Bearer {$inputs.v}'}");
    for path in paths {
        let folder = Folder::new();
        folder.write("arazzo.toml", "");
        folder.write("flow.yaml", &flow);
        let described = PETS
            .replace("/pets/{id}/toys", &format!("\"{path}\""))
            .replace("      - {name: id, in: path, required: true, schema: {type: string}}\n", "");
        folder.write("pets.yaml", described);
        folder.write("flow.test.yaml", "cases: [{name: a, inputs: {v: sesame-secret}}]\n");
        let base = format!("{good}/v1");
        // Without a port of its own, so that one could be appended.
        let bare = "http://localhost";
        for command in [
            &["lint", "flow.yaml"][..],
            &["run", "flow.yaml", "-i", "v=sesame-secret", "-S", &base],
            &["run", "flow.yaml", "-i", "v=sesame-secret", "-S", bare],
            &["run", "flow.yaml", "-i", "v=sesame-secret", "--mock"],
            &["run", "flow.yaml", "-i", "v=sesame-secret", "--dry-run"],
            &["call", "pets.yaml", "listPets", "--bearer", "token", "-S", &base],
            &["test", "."],
        ] {
            let output = Arazzo::new(command).env("ARAZZO_SECRET_token", "sesame-secret").cwd(folder.path()).run();
            output.check(output.status != Some(0), "refused");
            output.check(format!("{}{}", output.stdout, output.stderr).contains("[unsafe-path]"), "says why");
        }
    }
    assert_eq!((other.connections(), server.connections()), (0, 0));
}

#[test]
fn server_variables_keep_the_host() {
    let folder = folder(&flow(OK, "- {name: id, in: path, value: a}"));
    for value in ["evil.com/#", "@evil.example", "x?y", "../x", "de"] {
        let variable = format!("region={value}");
        let output = Arazzo::new(["run", "flow.yaml", "--server-var", &variable]).cwd(folder.path()).run();
        output.check(matches!(output.status, Some(2 | 3 | 6)), "refused before anything is sent");
    }
}

#[test]
fn a_value_in_a_body_keeps_its_structure() {
    let server = Server::start(|_, _| Reply::status(200));
    let base = flow(OK, "- {name: id, in: path, value: a}");
    let value = "\",\"admin\":true,\"x\":\"]]><admin/>&admin=1\r\n--";
    let body = |payload: &str| {
        base.replace("    successCriteria", &format!("    requestBody: {payload}\n    successCriteria"))
    };
    let sent = |media: &str, payload: &str| {
        // The operation takes every media type that is tried.
        let folder = folder(&body(&format!("{{contentType: {media}, payload: {payload}}}")));
        folder
            .write("pets.yaml", PETS.replace("application/json: {schema: {type: object}}", &format!("{media}: {{}}")));
        run(&folder, &server.url(), value, &[]).exits(0);
        let request = server.requests().pop().unwrap();
        (request.header("content-type").unwrap().to_owned(), String::from_utf8(request.body).unwrap())
    };
    for payload in ["'{\"name\": \"{$inputs.v}\"}'", "{name: $inputs.v}"] {
        let (_, body) = sent("application/json", payload);
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), json!({ "name": value }));
    }
    for payload in ["'name={$inputs.v}&b=1'", "{name: $inputs.v, b: 1}"] {
        let (_, body) = sent("application/x-www-form-urlencoded", payload);
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert_eq!(fields, [("name".to_owned(), value.to_owned()), ("b".to_owned(), "1".to_owned())], "{body}");
    }
    let (_, body) = sent("application/xml", "'<r><name a=\"{$inputs.v}\">{$inputs.v}</name></r>'");
    // What has one element of the name, and none of the value's.
    let found =
        |query: &str| arazzo_engine::expr::xpath::Query::parse(query, false).unwrap().select(&body, &[]).unwrap();
    assert_eq!((found("count(//*)"), found("count(//@*)")), (Some(json!(2)), Some(json!(1))), "{body}");
    // A parser makes one line break of two characters, and blanks of line breaks in attributes.
    assert_eq!(found("string(//name)"), Some(json!(value.replace("\r\n", "\n"))), "{body}");
    for (media, payload) in
        [("multipart/form-data", "{name: $inputs.v, b: 1}"), ("multipart/form-data", "{b: 1, name: '{$inputs.v}'}")]
    {
        let (kind, body) = sent(media, payload);
        let boundary = kind.split("boundary=").nth(1).unwrap().trim_matches('"').to_owned();
        assert!(!value.contains(&boundary));
        let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
        assert_eq!((parts.len(), body.matches("Content-Disposition").count()), (4, 2), "{body}");
        assert!(parts.iter().any(|part| part.ends_with(&format!("\r\n\r\n{value}\r\n"))), "{body}");
    }
}

/// A value that holds what looks like the end of a part, or like a part.
#[test]
fn a_value_in_a_multipart_body_adds_no_part() {
    let server = Server::start(|_, _| Reply::status(200));
    let flow = flow(OK, "- {name: id, in: path, value: a}").replace(
        "    successCriteria",
        "    requestBody: {contentType: multipart/form-data, payload: {name: $inputs.v}}\n    successCriteria",
    );
    let folder = folder(&flow);
    folder.write("pets.yaml", PETS.replace("application/json: {schema: {type: object}}", "multipart/form-data: {}"));
    let mut value = "a".to_owned();
    for _ in 0..3 {
        run(&folder, &server.url(), &value, &[]).exits(0);
        let request = server.requests().pop().unwrap();
        let kind = request.header("content-type").unwrap().to_owned();
        let boundary = kind.split("boundary=").nth(1).unwrap().trim_matches('"').to_owned();
        let body = String::from_utf8(request.body).unwrap();
        assert_eq!(body.matches(&format!("--{boundary}")).count(), 2, "{body}");
        // The boundary that was used last time.
        value = format!(
            "a\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"admin\"\r\n\r\ntrue\r\n--{boundary}--\r\n"
        );
    }
}

#[test]
fn an_answer_cannot_change_a_query() {
    let criterion = |kind: &str, condition: &str| {
        flow(
            &format!("{{context: $response.body, type: {kind}, condition: '{condition}'}}"),
            "- {name: id, in: path, value: a}",
        )
    };
    // What it may do: a value that is equal is found.
    let server = Server::start(|_, _| {
        Reply::status(200).json(&json!({"state": "a", "wanted": "creating", "items": [{"state": "creating"}]}))
    });
    let plain = criterion("jsonpath", "$.items[?@.state == \"{$response.body#/wanted}\"]");
    run(&folder(&plain), &server.url(), "x", &[]).exits(0);
    for evil in [
        "\"] || $[?(@.x==\"",
        "' || true || '",
        "\" || true || \"",
        "x' or '1'='1",
        "\\\" || \\\"",
        "*",
        "..*",
        ".*",
        "(?i)",
        "|",
    ] {
        let said = evil.to_owned();
        let server = Server::start(move |_, _| {
            Reply::status(200).json(&json!({"state": "creating", "wanted": said, "items": [{"state": "creating"}]}))
        });
        for flow in [
            criterion("jsonpath", "$.items[?@.state == \"{$response.body#/wanted}\"]"),
            criterion("regex", "^\\{\"state\":\"{$response.body#/wanted}\"$"),
        ] {
            let output = run(&folder(&flow), &server.url(), "x", &[]);
            output.exits(1);
        }
        // In an XPath, as a text and as a value.
        let said = evil.replace('&', "&amp;").replace('<', "&lt;");
        let server = Server::start(move |_, _| {
            Reply::status(200).header("x-wanted", &said).body("application/xml", "<r><a s='1'>creating</a></r>")
        });
        for condition in [
            "//a[. = \"{$response.header.x-wanted}\"]",
            "//a[. = {$response.header.x-wanted}]",
            "//a[@s = ''{$response.header.x-wanted}'']",
        ] {
            run(&folder(&criterion("xpath", condition)), &server.url(), "x", &[]).exits(1);
        }
    }
}

/// C0, C1, direction, width, OSC 8 and 52, CSI.
fn escapes() -> Vec<String> {
    let singles =
        (1..0x20_u32).chain(0x7f..0xa0).chain([0x200b, 0x200e, 0x202a, 0x202e, 0x2028, 0x2066, 0x2069, 0xfeff]);
    let mut all: Vec<String> = singles.filter_map(char::from_u32).map(String::from).collect();
    all.extend(
        ["\u{1b}]52;c;aGk=\u{7}", "\u{1b}]8;;http://evil.example\u{1b}\\x", "\u{1b}[2J", "\u{9b}2J", "\u{1b}[31m"]
            .map(str::to_owned),
    );
    all
}

#[test]
fn no_escape_of_a_stranger_reaches_a_terminal() {
    let all = escapes();
    assert!(all.len() >= 40);
    let text = all.concat();
    let said = text.clone();
    let server = Server::start(move |_, _| Reply::status(500).json(&json!({ "message": said, (said.clone()): said })));
    let quoted = json!(text).to_string();
    let document = flow(OK, "- {name: id, in: path, value: $inputs.v}\n    - {name: q, in: query, value: $inputs.v}")
        .replace("title: Pets", &format!("title: {quoted}"))
        .replace("- workflowId: look", &format!("- workflowId: look\n  summary: {quoted}\n  description: {quoted}"));
    let folder = folder(&document);
    for flags in [&[][..], &["-v"], &["-vv"], &["--json"], &["--dry-run"]] {
        harmless(&run(&folder, &server.url(), &text, flags));
    }
    for command in ["inspect", "lint", "graph"] {
        harmless(&Arazzo::new([command, "flow.yaml"]).cwd(folder.path()).run());
    }
    let names = document
        .replace("stepId: all", &format!("stepId: {quoted}"))
        .replace("operationId: listPets", &format!("operationId: {quoted}"));
    folder.write("flow.yaml", names);
    for command in ["inspect", "lint", "run"] {
        harmless(&Arazzo::new([command, "flow.yaml"]).cwd(folder.path()).run());
    }
}

#[track_caller]
fn harmless(output: &Output) {
    for (name, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let acts =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        // JSON on a pipe is data: there, characters above ASCII are as they are.
        let json = text.starts_with('{');
        let found = text.chars().find(|c| acts(*c) && (!json || c.is_ascii()));
        output.check(found.is_none(), &format!("no {found:?} on {name}"));
    }
}

#[test]
fn no_text_of_a_stranger_is_a_command_of_a_runner() {
    let evil = "::add-mask::x\n::error::y\n##vso[task.setvariable variable=a]b ##[command]c";
    let server = Server::start(move |_, _| Reply::status(500).body("text/plain", evil));
    let document =
        flow(OK, "- {name: id, in: path, value: a}").replace("title: Pets", &format!("title: {}", json!(evil)));
    let folder = folder(&document);
    for flags in [&[][..], &["-vv"], &["--json"]] {
        let output = Arazzo::new(["run", "flow.yaml", "-S", &server.url()])
            .args(flags)
            .env("GITHUB_ACTIONS", "true")
            .cwd(folder.path())
            .run();
        output.exits(1);
        for line in output.stdout.lines().chain(output.stderr.lines()) {
            let command = line.trim_start().starts_with("::add-mask") || line.trim_start().starts_with("::error::y");
            output.check(!command && !line.contains("##"), &format!("no command: {line}"));
        }
    }
    // What a call prints is the body of the answer.
    let output = Arazzo::new(["call", "pets.yaml", "listPets", "id=a", "-S", &server.url()])
        .env("GITHUB_ACTIONS", "true")
        .cwd(folder.path())
        .run();
    output.check(output.stdout.contains("add-mask::x") && !output.stdout.contains("##vso"), "the body");
    for line in output.stdout.lines() {
        output.check(!line.trim_start().starts_with("::"), &format!("no command: {line}"));
    }
}

#[test]
fn conditions_start_no_process_and_write_no_file() {
    let folder = folder("");
    let canary = folder.path().join("canary");
    let touch = format!("touch {}", canary.display());
    let shells = ["$({})", "`{}`", "${{{}}}", "; {} ;", "| {}", "&& {}", "$(({}))", "<%= `{}` %>", "#{`{}`}", "{{{}}}"];
    let words = [
        "system(\"{}\")",
        "require(\"child_process\").execSync(\"{}\")",
        "__import__(\"os\").system(\"{}\")",
        "eval({})",
        "constructor.constructor(\"{}\")()",
        "java.lang.Runtime.exec(\"{}\")",
        "@php system(\"{}\")",
        "exec({})",
        "File.open(\"{}\")",
        "unparsed-text(\"file:///etc/passwd\")",
        "doc(\"file:///etc/passwd\")",
        "fn:put({})",
        "process.mainModule",
        "T(java.lang.Runtime)",
        "!!js/function \"{}\"",
        "import os",
        "%x({})",
        "system-property(\"{}\")",
        "environment-variable(\"HOME\")",
        "collection(\"file:///\")",
    ];
    let mut count = 0;
    for template in shells.iter().chain(&words) {
        let condition = template.replace("{}", &touch).replace('\'', "");
        for form in [
            format!("{{condition: '{condition}'}}"),
            format!("{{condition: '$statusCode == 200 && {condition}'}}"),
            format!("{{context: $response.body, type: jsonpath, condition: '$[?{condition}]'}}"),
            format!("{{context: $response.body, type: jsonpath, condition: '{condition}'}}"),
            format!("{{context: $response.body, type: regex, condition: '{condition}'}}"),
            format!("{{context: $response.body, type: xpath, condition: '{condition}'}}"),
            format!("{{condition: '$response.body == \"{condition}\"'}}"),
        ] {
            folder.write("flow.yaml", flow(&form, "- {name: id, in: path, value: a}"));
            let output = Arazzo::new(["run", "flow.yaml", "--mock"]).cwd(folder.path()).run();
            output.check(matches!(output.status, Some(0 | 1 | 3)), "judged or refused").never_says(&["root:x:0"]);
            count += 1;
        }
    }
    assert!(count >= 200, "{count}");
    assert!(!canary.exists());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2);
}
