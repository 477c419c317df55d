//! What goes over the wire: the built command against a real server, the raw request as the expectation.
//!
//! `suite/wire/parameters*.yaml`: tables of one parameter, its values, and the request line or header of each.
//! `suite/wire/requests*.yaml`: operations and steps, and the whole request of each.
//! `suite/wire/*/`: real descriptions of every version in a few files, and the requests of a whole run.
//! All cases of one of the tables are the steps of one workflow, each with an operation of its own.

use std::collections::BTreeMap;

use arazzo_engine::openapi::encode::{self, Serialization, Style};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::cli::{Arazzo, Folder};
use crate::server::{Reply, Request, Server};
use crate::suite::{files_below, workspace_root, yaml};

/// One step: what it calls, what it gives, and what is to be sent.
struct Case {
    about: String,
    /// The path of the operation, and its fields.
    path: String,
    method: String,
    item: Value,
    operation: Value,
    step: Value,
    sends: String,
}

/// The requests of cases, in their order; a step that sent nothing has the code of its failure.
fn sent(version: &str, shared: &Value, cases: &[Case], inputs: &Value) -> Vec<Result<Request, String>> {
    let server = Server::start(|_, _| Reply::status(200));
    let folder = Folder::new();
    let mut paths = serde_json::Map::new();
    let mut steps = vec![];
    for (index, case) in cases.iter().enumerate() {
        let mut operation = case.operation.clone();
        operation["operationId"] = json!(format!("op{index}"));
        operation["responses"] = json!({ "200": { "description": "ok" } });
        let mut item = case.item.clone();
        item[&case.method] = operation;
        paths.insert(format!("/{index}{}", case.path), item);
        let mut step = case.step.clone();
        step["stepId"] = json!(format!("s{index}"));
        step["operationId"] = json!(format!("op{index}"));
        step["onFailure"] = match index + 1 < cases.len() {
            true => json!([{ "name": "on", "type": "goto", "stepId": format!("s{}", index + 1) }]),
            false => json!([{ "name": "on", "type": "end" }]),
        };
        steps.push(step);
    }
    let mut description = shared.as_object().cloned().unwrap_or_default();
    description.insert("info".to_owned(), json!({ "title": "t", "version": "1" }));
    description.insert("paths".to_owned(), Value::Object(paths));
    if version == "2.0" {
        description.insert("swagger".to_owned(), json!("2.0"));
    } else {
        description.insert("openapi".to_owned(), json!(version));
    }
    folder.write("api.json", Value::Object(description).to_string());
    let workflow = json!({
        "arazzo": "1.1.0", "info": { "title": "t", "version": "1" },
        "sourceDescriptions": [{ "name": "api", "url": "api.json", "type": "openapi" }],
        "workflows": [{ "workflowId": "w", "steps": steps }],
    });
    // Numbers as they are written, which JSON values do not keep.
    let written = workflow.to_string();
    let mut texts = written.split("\"number ");
    let mut flow = texts.next().unwrap_or_default().to_owned();
    for text in texts {
        flow.push_str(&text.replacen('"', "", 1));
    }
    folder.write("flow.json", flow);
    let mut run = Arazzo::new(["run", "flow.json", "--json", "--max-steps", "5000", "--server", &server.url()]);
    for (name, value) in inputs.as_object().into_iter().flatten() {
        match value["file"].as_str() {
            Some(file) => {
                folder.write(file, value["text"].as_str().unwrap());
                run = run.args(["-i", &format!("{name}@{file}")]);
            }
            None => run = run.args(["-i", &format!("{name}:={value}")]),
        }
    }
    let output = run.cwd(folder.path()).run();
    output.check(output.stdout.contains("\"run.finished\""), "a run");
    let mut requests = server.requests().into_iter();
    let mut outcome: BTreeMap<String, Result<Request, String>> = BTreeMap::new();
    for event in output.events() {
        let step = event["step"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str() {
            Some("request.sent") => drop(outcome.insert(step, Ok(requests.next().unwrap()))),
            Some("step.finished") => {
                let why = || event["why"]["code"].as_str().unwrap_or("nothing").to_owned();
                outcome.entry(step).or_insert_with(|| Err(why()));
            }
            _ => {}
        }
    }
    let nothing = |index: usize| Err(format!("step {index} did not run\n{}\n{}", output.stdout, output.stderr));
    (0..cases.len()).map(|n| outcome.remove(&format!("s{n}")).unwrap_or_else(|| nothing(n))).collect()
}

/// The path as it was sent, without the number of the case.
fn line(request: &Request) -> &str {
    request.path.get(1..).and_then(|path| path.find(['/', '?']).map(|at| &path[at..])).unwrap_or_default()
}

/// The headers that a description asks for, in their order.
fn headers(request: &Request) -> Vec<String> {
    let own = ["host", "user-agent", "accept-encoding", "content-length"];
    let told = request.headers.iter().filter(|(name, value)| {
        let usual = name.eq_ignore_ascii_case("accept") && value == "*/*";
        !(usual || own.contains(&name.to_lowercase().as_str()))
    });
    told.map(|(name, value)| small_name(&format!("{name}: {value}"))).collect()
}

/// A header line with its name in small letters: names have no case.
fn small_name(line: &str) -> String {
    match line.split_once(": ") {
        Some((name, value)) if !name.contains(['/', ' ']) => format!("{}: {value}", name.to_lowercase()),
        _ => line.to_owned(),
    }
}

/// The files of cases whose names begin so.
fn tables(kind: &str) -> Vec<(String, Value)> {
    let folder = workspace_root().join("tests/suite/wire");
    let files = files_below(&folder, &["yaml"]).into_iter().filter(|path| path.parent() == Some(&folder));
    let named = files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path));
    let wanted = named.filter(|(name, _)| name.starts_with(kind));
    wanted.map(|(name, path)| (name, yaml(&std::fs::read_to_string(path).unwrap()))).collect()
}

fn listed(value: &Value) -> Vec<String> {
    let texts = |value: &Value| value.as_str().map(str::to_owned).unwrap();
    value.as_array().map_or_else(|| vec![texts(value)], |items| items.iter().map(texts).collect())
}

#[test]
fn every_style_of_a_parameter_is_written_as_the_specifications_say() {
    let mut wrong = vec![];
    let mut count = 0;
    for (name, file) in tables("parameters") {
        for version in listed(&file["openapi"]) {
            let mut cases = vec![];
            for table in file["tables"].as_array().unwrap() {
                let only = table.get("openapi").map(listed);
                if only.is_some_and(|only| !only.contains(&version)) {
                    continue;
                }
                let parameter = &table["parameter"];
                let (called, location) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
                let mut described = parameter.clone();
                if location == "path" {
                    described["required"] = json!(true);
                }
                let usual = if location == "path" { format!("/{{{called}}}") } else { "/".to_owned() };
                for row in table["sends"].as_array().unwrap() {
                    cases.push(Case {
                        about: format!("{name}, {version}, {parameter}, {}", row[0]),
                        path: table["path"].as_str().unwrap_or(&usual).to_owned(),
                        method: "get".to_owned(),
                        item: json!({}),
                        operation: json!({ "parameters": [described] }),
                        step: json!({ "parameters": [{ "name": called, "in": location, "value": row[0] }] }),
                        sends: row[1].as_str().unwrap().to_owned(),
                    });
                }
            }
            count += cases.len();
            for (case, found) in cases.iter().zip(sent(&version, &json!({}), &cases, &json!({}))) {
                let found = match found {
                    Ok(request) if case.sends.starts_with('/') => line(&request).to_owned(),
                    Ok(request) => headers(&request).first().cloned().unwrap_or_else(|| "nothing".to_owned()),
                    Err(code) => code,
                };
                if found != small_name(&case.sends) {
                    wrong.push(format!("{}\n  expected {}\n  sent     {found}", case.about, case.sends));
                }
            }
        }
    }
    assert!(count > 200, "{count} cases");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn requests_are_what_the_operations_describe() {
    let mut wrong = vec![];
    let mut count = 0;
    for (name, file) in tables("requests") {
        for version in listed(&file["openapi"]) {
            let rows = file["cases"].as_array().unwrap();
            let cases: Vec<Case> = rows
                .iter()
                .map(|case| Case {
                    about: format!("{name}, {version}, {}", case["about"].as_str().unwrap()),
                    path: case["path"].as_str().unwrap_or("/").to_owned(),
                    method: case["method"].as_str().unwrap_or("post").to_owned(),
                    item: case.get("item").cloned().unwrap_or_else(|| json!({})),
                    operation: case.get("operation").cloned().unwrap_or_else(|| json!({})),
                    step: case.get("step").cloned().unwrap_or_else(|| json!({})),
                    sends: {
                        let text = case["sends"].as_str().unwrap().trim_end();
                        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
                        let head: Vec<String> = head.lines().map(small_name).collect();
                        format!("{}\n\n{body}", head.join("\n")).trim_end().to_owned()
                    },
                })
                .collect();
            count += cases.len();
            for (case, found) in cases.iter().zip(sent(&version, &file["shared"], &cases, &file["inputs"])) {
                let found = found.map_or_else(|code| code, |request| written(&request, line(&request)));
                if found.trim_end() != case.sends {
                    wrong.push(format!("{}\n--- expected\n{}\n--- sent\n{found}\n", case.about, case.sends));
                }
            }
        }
    }
    assert!(count > 20, "{count} cases");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn descriptions_of_every_version_are_called_as_they_say() {
    let mut wrong = vec![];
    let mut folders = 0;
    for case in files_below(&workspace_root().join("tests/suite/wire"), &["yaml"]) {
        if !case.ends_with("case.yaml") {
            continue;
        }
        folders += 1;
        let from = case.parent().unwrap();
        let head = yaml(&std::fs::read_to_string(&case).unwrap());
        let replies = head["replies"].as_array().cloned().unwrap_or_default();
        let server = Server::start(move |_, n| Reply::status(200).json(replies.get(n).unwrap_or(&json!({}))));
        let host = server.url().replace("http://", "");
        let folder = Folder::new();
        for file in files_below(from, &["yaml", "json", "png", "bin"]) {
            let text = std::fs::read_to_string(&file).unwrap().replace("HOST", &host);
            folder.write(file.strip_prefix(from).unwrap().to_str().unwrap(), text);
        }
        let args = head["args"].as_array().into_iter().flatten().map(|arg| arg.as_str().unwrap().to_owned());
        let output = Arazzo::new(["run", "flow.arazzo.yaml", "--json"]).args(args).cwd(folder.path()).run();
        let mut found = String::new();
        for request in server.requests() {
            found.push_str(&format!("{}\n\n", written(&request, &request.path).trim_end()));
        }
        found.push_str(&format!("exit {}\n", output.status.unwrap()));
        if output.status != Some(0) {
            found.push_str(&output.stderr.replace(&host, "HOST"));
        }
        let golden = from.join("requests.txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}\n--- found\n{found}", from.display()));
        }
    }
    assert!(folders >= 4);
    assert!(wrong.is_empty(), "(UPDATE=1 rewrites them)\n{}", wrong.join("\n"));
}

/// A request as text: request line, headers, an empty line, the body. The boundary of a multipart body has one name.
fn written(request: &Request, path: &str) -> String {
    let body = String::from_utf8(request.body.clone()).unwrap_or_else(|_| format!("{:02x?}", request.body));
    let head: Vec<String> = std::iter::once(format!("{} {path}", request.method)).chain(headers(request)).collect();
    let whole = if body.is_empty() { head.join("\n") } else { format!("{}\n\n{body}", head.join("\n")) };
    let boundary = whole.split("boundary=").nth(1).map(|rest| rest.split(['\n', ';']).next().unwrap().to_owned());
    let whole = boundary.map_or(whole.clone(), |boundary| whole.replace(&boundary, "BOUNDARY"));
    whole.replace("\r\n", "\n")
}

/// Texts that mean something in urls, and any others.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[./%2eE\\\\?#@:;a]{0,8}", "(%2[eEfF]|\\.|/){1,4}"]
}

proptest! {
    /// Whatever a value is, the request goes to the route of the template, or nowhere.
    #[test]
    fn a_path_parameter_never_changes_the_route(
        text in hostile(), more in hostile(), style in 0..3, explode: bool, reserved: bool, listed: bool,
    ) {
        let style = [Style::Simple, Style::Label, Style::Matrix][style as usize];
        let how = Serialization { explode, reserved, ..Serialization::of(style) };
        let value = if listed { json!([text, more]) } else { json!(text) };
        for template in ["/a/{q}", "/a/{q}/b", "/a/x{q}y/b", "/a/{q}{q}/b", "/a/.{q}/b"] {
            let Ok(path) = encode::path(template, |_| Some((&value, &how))) else { continue };
            let url = url::Url::parse(&format!("https://api.example/v1{path}?k=v")).unwrap();
            prop_assert_eq!(url.path(), format!("/v1{path}"));
            prop_assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("api.example"), Some("k=v"), None));
            let (wanted, found) = (template.split('/').count() + 1, url.path().split('/').count());
            prop_assert_eq!(wanted, found, "{}", path);
        }
    }
}
