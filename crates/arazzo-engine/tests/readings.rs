//! `suite/readings/*.yaml`: each row of docs/readings.md has a case of its name, run in all three modes.
//!
//! A case is a workflow in a few lines (`steps`, `inputs`, `outputs`, …; or whole files after `--- NAME`) with canned
//! replies in virtual time; its `.txt` says for each mode what is reported, what is sent, and how it ends.

use std::fmt::Write as _;

use arazzo_engine::compile::compile;
use arazzo_engine::diagnostic::{Diagnostics, Severity};
use arazzo_engine::event::EventKind;
use arazzo_engine::inputs::accept;
use arazzo_engine::json;
use arazzo_engine::lint::fix::fix;
use arazzo_engine::lint::lint;
use arazzo_engine::load::LoadOptions;
use arazzo_engine::machine::{Input, Machine, Outcome, missing_credentials};
use arazzo_engine::program::WorkflowId;
use arazzo_engine::readings::Readings;
use arazzo_engine::remedy::Remedy;
use arazzo_engine::source::SourceId;
use arazzo_engine::value::{Json, Map};

use crate::suite::{Case, bundle, canned, golden, load, settings, suite_path, workspace_root};

const API: &str = r#"
openapi: 3.1.0
info: { title: Things, version: '1' }
servers: [{ url: https://api.example }]
paths:
  /things:
    get:
      operationId: listThings
      parameters:
        - { name: q, in: query, schema: {} }
        - { name: limit, in: query, schema: {} }
        - { name: X-Trace, in: header, schema: {} }
      responses: { '200': { description: things } }
    post:
      operationId: makeThing
      requestBody: { content: { application/json: {}, application/xml: {}, multipart/form-data: {} } }
      responses: { '201': { description: made }, '303': { description: elsewhere } }
  /things/{id}:
    get:
      operationId: getThing
      parameters:
        - { name: id, in: path, required: true, schema: { type: string } }
        - { name: view, in: query, required: true, schema: { type: string } }
      responses: { '200': { description: a thing } }
"#;

/// The files of a case: those it gives, and what it leaves out.
pub fn files(case: &Case) -> Vec<(String, String)> {
    let mut files = case.files.clone();
    if !files.iter().any(|(name, _)| name == "flow.yaml") {
        let head = &case.head;
        let or = |name: &str, other: Json| head.get(name).cloned().unwrap_or(other);
        let mut workflow = json!({ "workflowId": "wf" });
        for (field, name) in [
            ("inputs", "schema"),
            ("outputs", "outputs"),
            ("parameters", "parameters"),
            ("successActions", "successActions"),
            ("failureActions", "failureActions"),
            ("dependsOn", "dependsOn"),
        ] {
            if let Some(value) = head.get(name) {
                workflow[field] = value.clone();
            }
        }
        let first = json!([{ "stepId": "a", "operationId": "listThings" }]);
        workflow["steps"] = or("steps", first);
        let mut workflows = vec![workflow];
        workflows.extend(or("workflows", json!([])).as_array().unwrap().iter().cloned());
        let source = json!([{ "name": "api", "url": "api.yaml", "type": "openapi" }]);
        let mut document = json!({
            "arazzo": or("arazzo", json!("1.1.0")), "info": { "title": "t", "version": "1" },
            "sourceDescriptions": or("sources", source), "workflows": workflows,
        });
        for name in ["components", "$self"] {
            if let Some(value) = head.get(name) {
                document[name] = value.clone();
            }
        }
        files.insert(0, ("flow.yaml".to_owned(), document.to_string()));
    }
    if !files.iter().any(|(name, _)| name == "api.yaml") {
        files.push(("api.yaml".to_owned(), API.to_owned()));
    }
    files
}

/// What is said about a document: codes with how often, errors with their messages.
fn said(found: &Diagnostics) -> String {
    let mut text = String::new();
    for diagnostic in found.clone().worded(Remedy::plain) {
        let sign = if diagnostic.severity == Severity::Error { "E" } else { "w" };
        writeln!(text, "  {sign} {}: {}", diagnostic.code, diagnostic.message).unwrap();
    }
    text
}

fn told(case: &Case, readings: Readings) -> String {
    told_of(case, files(case), readings)
}

/// A body on one line, byte by byte where it is no text.
fn shown(body: &[u8]) -> String {
    let chunks = body.utf8_chunks().flat_map(|chunk| {
        let text = chunk.valid().replace("\r\n", "⏎").replace('\n', "⏎");
        let text = text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() });
        text.chain(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"))).collect::<Vec<_>>()
    });
    chunks.collect()
}

fn told_of(case: &Case, mut files: Vec<(String, String)>, readings: Readings) -> String {
    let entry = case.head["entry"].as_str().unwrap_or("flow.yaml");
    files.sort_by_key(|(name, _)| name != entry);
    let options = LoadOptions { readings, root: Some("file:///work/".to_owned()), ..LoadOptions::default() };
    let (compiled, loading, _) = load(&files, options);
    let Some(compiled) = compiled else { return said(&loading) };
    let mut settings = settings(&case.head["settings"]);
    let mut found = compiled.of(WorkflowId(0));
    found.extend(missing_credentials(&compiled.program, WorkflowId(0), &settings.credentials, &|_| false));
    let mut text = said(&found);
    if found.has_errors() {
        text.push_str("  refused\n");
        return text;
    }
    let given = case.head["inputs"].as_object().cloned().unwrap_or_else(Map::new);
    let inputs = match accept(&compiled.program, WorkflowId(0), given) {
        Ok(inputs) => inputs,
        Err(faults) => {
            faults.iter().for_each(|fault| writeln!(text, "  {}: {}", fault.code, fault.message).unwrap());
            return text;
        }
    };
    for (name, file) in case.head["files"].as_object().into_iter().flatten() {
        let file = arazzo_engine::value::File {
            name: file["name"].as_str().unwrap().to_owned(),
            bytes: file["text"].as_str().unwrap().as_bytes().to_vec().into(),
            text: compiled.program.workflows[0].inputs.is_plain_text(name),
        };
        settings.files.insert(name.clone(), file);
    }
    if compiled.program.has_channels() {
        return text + &crate::channels::run_in_memory(compiled.program, inputs, settings, vec![]);
    }
    let mut machine = match Machine::new(compiled.program, WorkflowId(0), inputs, settings) {
        Ok(machine) => machine,
        Err(faults) => return text + &said(&faults),
    };
    let mut replies = case.head["replies"].as_array().cloned().unwrap_or_else(|| vec![json!({ "body": {} })]);
    let mut pending = vec![];
    let mut now = 0;
    let mut turn = machine.step(0, Input::Start { epoch_ms: 1_800_000_000_000 });
    loop {
        for event in &turn.events {
            match &event.kind {
                EventKind::WaitStarted { delay_ms, because } => {
                    writeln!(text, "  wait {delay_ms} ms ({because})").unwrap()
                }
                EventKind::Diagnostic { code, .. } => writeln!(text, "  note {code}").unwrap(),
                EventKind::ValueAbsent { expression, target } => {
                    writeln!(text, "  absent {expression}: {target}").unwrap();
                }
                EventKind::CriterionEvaluated { problem: Some(problem), .. } => {
                    writeln!(text, "  not evaluable: {problem}").unwrap();
                }
                _ => {}
            }
        }
        for send in &turn.sends {
            let request = &send.request;
            write!(text, "  {} {}", request.method, request.url.trim_start_matches("https://api.example")).unwrap();
            for (name, value) in request.headers.iter().filter(|(_, value)| value != "application/json") {
                write!(text, "  {name}: {value}").unwrap();
            }
            let body = request.body.as_deref().map(shown).unwrap_or_default();
            writeln!(text, "{}{body}", if body.is_empty() { "" } else { "  " }).unwrap();
            let reply = if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() };
            pending.push((now + reply["after"].as_u64().unwrap_or(10), send.call, canned(&reply)));
        }
        pending.retain(|(_, call, _)| !turn.aborts.contains(call));
        if let Some(done) = &turn.done {
            let outputs = Json::from((**done.values()).clone());
            let missing =
                if done.missing().is_empty() { String::new() } else { format!(" missing {:?}", done.missing()) };
            match done {
                Outcome::Succeeded { .. } => writeln!(text, "  succeeded {outputs}{missing}").unwrap(),
                Outcome::Ended { by, .. } => writeln!(text, "  ended by {by} {outputs}{missing}").unwrap(),
                Outcome::Failed { why, .. } => {
                    writeln!(
                        text,
                        "  failed {}: {} {outputs}{missing} exit {}",
                        why.code,
                        why.message,
                        done.exit_code()
                    )
                    .unwrap();
                }
                Outcome::Stopped { why, .. } => {
                    writeln!(text, "  stopped {}: {} exit {}", why.code, why.message, done.exit_code()).unwrap();
                }
                other => writeln!(text, "  {other:?}").unwrap(),
            }
            return text;
        }
        assert!(text.lines().count() < 300, "the run does not end:\n{text}");
        pending.sort_by_key(|(at, ..)| *at);
        let wake = turn.wake.unwrap_or(u64::MAX);
        if pending.first().is_some_and(|(at, ..)| *at <= wake) {
            let (at, call, result) = pending.remove(0);
            now = at.max(now);
            turn = machine.step(now, Input::Reply { call, result });
        } else {
            now = wake.max(now);
            turn = machine.step(now, Input::Tick);
        }
    }
}

#[test]
fn readings_are_what_the_page_says_in_every_mode() {
    golden("readings", |case| {
        let lenient = told(case, Readings::Lenient);
        let strict = told(case, Readings::Strict);
        let letter = told(case, Readings::Letter);
        let or = |text: String| if text == lenient { "  as lenient\n".to_owned() } else { text };
        format!("lenient\n{lenient}strict\n{}letter\n{}", or(strict), or(letter))
    });
}

/// The first column of each table of docs/readings.md, as the name of a file.
fn rows() -> Vec<String> {
    let page = std::fs::read_to_string(workspace_root().join("docs/readings.md")).unwrap();
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let names = cells.filter(|cell| !["code", "topic"].contains(cell)).flat_map(|cell| {
        if cell.contains('`')
            && cell.split(", ").all(|part| part.starts_with('`') && part.ends_with('`') && !part.contains(' '))
        {
            cell.split(", ").map(|part| part.trim_matches('`').to_owned()).collect::<Vec<_>>()
        } else {
            let words: String = cell
                .split('(')
                .next()
                .unwrap()
                .chars()
                .filter_map(|c| match c {
                    c if c.is_ascii_alphanumeric() => Some(c.to_ascii_lowercase()),
                    ' ' | '-' | ',' => Some('-'),
                    _ => None,
                })
                .collect();
            vec![words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")]
        }
    });
    names.collect()
}

/// Cases whose fixes send something better than what was written.
const BETTER: [(&str, &str); 10] = [
    ("foreign-placeholder", "the value in the place of the placeholder"),
    ("foreign-placeholder-behind-a-dollar-sign", "the value in the place of the placeholder"),
    ("foreign-placeholder-of-more-languages", "the value in the place of the placeholder"),
    ("foreign-placeholder-compared", "the value is compared, and not the placeholder"),
    ("prose-after-expression", "the value without the words behind it"),
    ("prose-after-expression-calls", "the value without the call behind it"),
    ("prose-after-expression-in-every-place", "the value without the words behind it"),
    ("own-output-in-criterion", "the criterion reads what the output is made of"),
    ("own-output-in-criterion-of-a-called-workflow", "the criterion reads what was returned"),
    ("leading-zero-number", "the digits that were written"),
];

/// The files with every fix made, until there is none.
fn fixed(case: &Case) -> Vec<(String, String)> {
    let mut files = files(case);
    let entry = case.head["entry"].as_str().unwrap_or("flow.yaml");
    files.sort_by_key(|(name, _)| name != entry);
    for _ in 0..6 {
        let options = LoadOptions { root: Some("file:///work/".to_owned()), ..LoadOptions::default() };
        let (bundle, loading, sources) = bundle(&files, options);
        let Some(bundle) = bundle else { return files };
        let found = lint(&bundle, &compile(&bundle, loading, Readings::Lenient));
        let fixable: Vec<_> = found.iter().filter(|d| d.fix.is_some()).collect();
        let Some((_, text)) = files.first_mut() else { break };
        assert_eq!(sources.get(SourceId(0)).map(|source| source.text.to_string()), Some(text.clone()));
        let made = fix(text, SourceId(0), text.starts_with('{'), &fixable);
        if made.made.is_empty() {
            break;
        }
        *text = made.text;
    }
    files
}

/// The requests of what was told, and how it ended.
fn sent(told: &str) -> Vec<&str> {
    let said = ["  w ", "  E ", "  note ", "  absent ", "  not evaluable"];
    told.lines().filter(|line| !said.iter().any(|begin| line.starts_with(begin))).collect()
}

#[test]
fn fixes_send_what_was_sent_before_or_better() {
    let mut wrong = vec![];
    let mut repaired = 0;
    for entry in std::fs::read_dir(suite_path("readings")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_none_or(|extension| extension != "yaml") || BETTER.iter().any(|(case, _)| *case == name)
        {
            continue;
        }
        let case = Case::read(&path);
        let (before, after) = (told(&case, Readings::Lenient), told_of(&case, fixed(&case), Readings::Lenient));
        repaired += usize::from(before != after);
        // What was refused may run now.
        if !before.ends_with("  refused\n") && sent(&before) != sent(&after) {
            wrong.push(format!("{name}\n{before}--- fixed\n{after}\n{}", fixed(&case)[0].1));
        }
    }
    assert!(repaired > 20, "{repaired} cases have fixes");
    assert!(wrong.is_empty(), "{} cases send something else:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_row_of_the_readings_has_a_case_of_its_name() {
    let folder = suite_path("readings");
    let rows = rows();
    assert!(rows.len() > 40, "{rows:?}");
    let missing: Vec<&String> = rows.iter().filter(|row| !folder.join(format!("{row}.yaml")).exists()).collect();
    assert!(missing.is_empty(), "rows of docs/readings.md without a case in suite/readings: {missing:#?}");
}
