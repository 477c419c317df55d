//! Runs expression and criterion cases by the letter of the specification:
//! `cargo run --example conformance -- FILE`, where FILE has `inputs`, `request`, `contexts` and `cases`.
//!
//! Each case becomes a document of Arazzo 1.1.0: a step posts `request`, the answer is one of `contexts`, and then an
//! output, the payload of a second step, or a criterion is what the case expects. No network: the engine is driven
//! directly. Prints `N of N` decided cases, those that differ on stderr; exits with 1 if there are any.

#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "JSON of cases: what is missing is null"
)]

use arazzo_engine::compile::compile;
use arazzo_engine::expr::jsonpath::equal;
use arazzo_engine::inputs::accept;
use arazzo_engine::json;
use arazzo_engine::load::{Fetched, LoadOptions, Loader, Need};
use arazzo_engine::machine::{Input, Machine, Outcome, Response};
use arazzo_engine::program::WorkflowId;
use arazzo_engine::readings::Readings;
use arazzo_engine::value::{Json, Map};

const API: &str = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "servers": [{"url": "https://api.example"}], "paths": {
  "/a/{id}": {"post": {"operationId": "a", "parameters": [
    {"name": "id", "in": "path", "required": true, "schema": {}}, {"name": "pageSize", "in": "query", "schema": {}}, {"name": "X-Trace", "in": "header", "schema": {}}],
    "requestBody": {"content": {"application/json": {}}}, "responses": {"200": {"description": "ok"}, "404": {"description": "no"}}}},
  "/b": {"post": {"operationId": "b", "requestBody": {"content": {"application/json": {}}}, "responses": {"200": {"description": "ok"}}}}}}"#;

/// The url of the source description, as it is written.
const SOURCE: &str = "api.json";

/// The document that a case is about; `@wf` in it is the id of its workflow.
fn document(case: &Json, suite: &Json) -> Json {
    let request = &suite["request"];
    let mut parameters = vec![json!({"name": "id", "in": "path", "value": case["id"]})];
    for (place, name) in [("query", "pageSize"), ("header", "X-Trace")] {
        let members = request[place].as_object();
        let given = members.and_then(|members| members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
        if let Some((_, value)) = given {
            parameters.push(json!({"name": name, "in": place, "value": value}));
        }
    }
    let mut a = json!({
        "stepId": "a", "operationId": "a", "parameters": parameters,
        "requestBody": {"contentType": "application/json", "payload": request["body"]},
        "successCriteria": [{"condition": "$statusCode >= 200"}],
    });
    let mut steps = vec![];
    let kind = case["kind"].as_str().unwrap_or_default();
    match kind {
        "output" => a["outputs"] = json!({"v": case["expr"]}),
        "payload" | "replace" => {
            a["outputs"] = json!({"v": "$response.body#/id", "n": "$response.body#/count", "whole": "$response.body"});
            let mut body = json!({"contentType": "application/json", "payload": {"value": case["expr"]}});
            if let Some(replacements) = case.get("replacements") {
                body =
                    json!({"contentType": "application/json", "payload": case["expr"], "replacements": replacements});
            }
            steps.push(json!({"stepId": "b", "operationId": "b", "requestBody": body}));
        }
        kind => {
            let mut criterion = json!({"condition": case["expr"]});
            if let Some(context) = case.get("context") {
                criterion["context"] = context.clone();
                criterion["type"] = case.get("type").cloned().unwrap_or(json!(kind));
            }
            a["successCriteria"] = json!([criterion]);
        }
    }
    steps.insert(0, a);
    let outputs = if kind == "output" { json!({"v": "$steps.a.outputs.v"}) } else { json!({}) };
    let document = json!({
        "arazzo": "1.1.0", "info": {"title": "t", "version": "1"},
        "sourceDescriptions": [{"name": "svc", "url": SOURCE, "type": "openapi"}],
        "workflows": [{"workflowId": "wf", "inputs": {"type": "object"}, "steps": steps, "outputs": outputs}],
    });
    serde_json::from_str(&document.to_string().replace("@wf", "wf")).unwrap_or_default()
}

/// What a case comes to, or why it could not be run.
pub fn outcome(case: &Json, suite: &Json, readings: Readings) -> Result<Json, String> {
    let document = document(case, suite).to_string();
    let mut loader = Loader::new("file:///wf.json", "wf.json", LoadOptions { readings, ..LoadOptions::default() });
    while let Need::Asks(asks) = loader.need() {
        for ask in asks {
            let uri = ask.candidates.first().map(|candidate| candidate.uri.clone()).unwrap_or_default();
            let text = if uri.ends_with("wf.json") { document.as_str() } else { API };
            let name = uri.trim_start_matches("file:///").to_owned();
            loader.give(&ask, Ok(Fetched { name, uri, content: text.into() }));
        }
    }
    let (bundle, loading, _) = loader.finish();
    let codes = |found: &arazzo_engine::diagnostic::Diagnostics| {
        found.errors().map(|d| format!("{}: {}", d.code, d.message)).collect::<Vec<_>>().join("; ")
    };
    let Some(bundle) = bundle else { return Err(codes(&loading)) };
    let compiled = compile(&bundle, loading, readings);
    let found = compiled.of(WorkflowId(0));
    if found.has_errors() {
        return Err(format!("refused: {}", codes(&found)));
    }
    let given = suite["inputs"].as_object().cloned().unwrap_or_else(Map::new);
    let inputs = accept(&compiled.program, WorkflowId(0), given).map_err(|faults| format!("{faults:?}"))?;
    let mut machine =
        Machine::new(compiled.program, WorkflowId(0), inputs, Default::default()).map_err(|faults| codes(&faults))?;
    let context = &suite["contexts"][case["ctx"].as_str().unwrap_or_default()];
    let headers = context["headers"].as_object().into_iter().flatten();
    let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
    let body = context["text"].as_str().map_or_else(|| context["body"].to_string(), str::to_owned).into_bytes();
    let turn = machine.step(0, Input::Start { epoch_ms: 0 });
    let Some(send) = turn.sends.first() else { return Err("nothing was sent".to_owned()) };
    let (url, call) = (send.request.url.clone(), send.call);
    let status = context["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let turn = machine.step(1, Input::Reply { call, result: Ok(Response { status, headers, body }) });
    // What a case cannot write down: `@url`, `@sourceurl`, `@id`.
    let named = |value: Json| {
        let names = [("@url", url.as_str()), ("@sourceurl", SOURCE), ("@id", case["id"].as_str().unwrap_or_default())];
        let name = names.iter().find(|(name, text)| case["expected"] == **name && value == **text);
        name.map_or(value, |(name, _)| json!(name))
    };
    match case["kind"].as_str().unwrap_or_default() {
        "output" => {
            let Some(done) = turn.done else { return Err("the run did not end".to_owned()) };
            let value = done.values().get("v").cloned().unwrap_or(Json::Null);
            Ok(named(value))
        }
        kind @ ("payload" | "replace") => {
            let Some(body) = turn.sends.first().and_then(|send| send.request.body.as_deref()) else {
                return Err("the second request was not sent".to_owned());
            };
            let sent: Json = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            Ok(if kind == "payload" { named(sent["value"].clone()) } else { sent })
        }
        _ => Ok(json!(matches!(turn.done, Some(Outcome::Succeeded { .. })))),
    }
}

/// `true` if what came out is what is expected, or another right answer.
pub fn agrees(case: &Json, found: &Json) -> bool {
    let others = case["accept"].as_array().into_iter().flatten();
    std::iter::once(&case["expected"]).chain(others).any(|expected| equal(expected, found))
}

/// The decided cases that differ, and how many agree.
pub fn run(suite: &Json) -> (Vec<String>, usize) {
    let (mut wrong, mut held) = (vec![], 0);
    for case in suite["cases"].as_array().into_iter().flatten() {
        if case["unspecified"] == json!(true) {
            continue;
        }
        let found = outcome(case, suite, Readings::Letter);
        match &found {
            Ok(found) if agrees(case, found) => held += 1,
            _ => {
                let found = found.map_or_else(|reason| reason, |found| found.to_string());
                wrong.push(format!("{} {}: expected {}, found {found}", case["id"], case["expr"], case["expected"]));
            }
        }
    }
    (wrong, held)
}

#[allow(dead_code, reason = "the tests use what is above")]
fn main() -> std::process::ExitCode {
    let read = std::env::args().nth(1).ok_or_else(|| "name a file of cases".to_owned()).and_then(|path| {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        serde_json::from_str::<Json>(&text).map_err(|error| format!("{path}: {error}"))
    });
    let suite = match read {
        Ok(suite) => suite,
        Err(reason) => {
            eprintln!("{reason}");
            return 2.into();
        }
    };
    let (wrong, held) = run(&suite);
    wrong.iter().for_each(|line| eprintln!("{line}"));
    println!("{held} of {}", held + wrong.len());
    u8::from(!wrong.is_empty()).into()
}
