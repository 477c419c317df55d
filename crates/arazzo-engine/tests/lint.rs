//! `suite/lint/*.yaml`: a document, and in the `.txt` beside it everything that lint says about it, with carets and fixes.

use std::fmt::Write as _;

use arazzo_engine::inputs::accept;
use arazzo_engine::json;
use arazzo_engine::load::LoadOptions;
use arazzo_engine::machine::{Input, Machine};
use arazzo_engine::program::WorkflowId;

use crate::suite::{Case, canned, golden, load, settings, suite_path, workspace_root};

#[test]
fn documents_give_the_expected_reports() {
    golden("lint", |case| {
        let (found, sources) = case.lint();
        let mut report = String::new();
        for diagnostic in &found {
            writeln!(report, "{}", diagnostic.render(&sources, false, 140)).unwrap();
            if let Some(fix) = &diagnostic.fix {
                let edits: Vec<String> =
                    fix.edits.iter().map(|edit| format!("{} -> {}", sources.text(edit.span), edit.text)).collect();
                writeln!(report, "fix ({}): {}", if fix.exact { "exact" } else { "suggested" }, edits.join("; "))
                    .unwrap();
            }
            report.push('\n');
        }
        if found.is_empty() { "nothing\n".to_owned() } else { report }
    });
}

#[test]
fn the_fixes_of_the_reference_workflow_leave_nothing_to_refuse_and_the_same_requests() {
    let root = workspace_root();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let files = |flow: String| {
        let api = |name: &str| format!("openapi/daytona-{name}-api-openapi.yml");
        vec![
            ("specs/flow.yml".to_owned(), flow),
            (api("volumes"), read(&api("volumes"))),
            (api("sandbox"), read(&api("sandbox"))),
        ]
    };
    let written = read("specs/daytona-provision.yml");
    let (compiled, ..) = load(&files(written.clone()), LoadOptions::default());
    let found = compiled.unwrap().of(WorkflowId(0));
    let mut edits: Vec<_> = found.iter().flat_map(|d| d.fix.as_ref().unwrap().edits.clone()).collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
    let mut repaired = written.clone();
    for edit in edits {
        repaired.replace_range(edit.span.range(), &edit.text);
    }
    let strict = LoadOptions { readings: arazzo_engine::readings::Readings::Strict, ..LoadOptions::default() };
    let (compiled, ..) = load(&files(repaired.clone()), strict);
    let left = compiled.unwrap().of(WorkflowId(0));
    assert!(left.is_empty(), "{repaired}\n{:?}", left.iter().map(|d| d.code).collect::<Vec<_>>());

    let requests = |flow: String| {
        let (compiled, ..) = load(&files(flow), LoadOptions::default());
        let program = compiled.unwrap().program;
        let inputs = json!({"apiToken": "t-1234", "volumeName": "v", "snapshot": "s", "mountPath": "/d"});
        let inputs = accept(&program, WorkflowId(0), inputs.as_object().unwrap().clone()).unwrap();
        let mut machine = Machine::new(program, WorkflowId(0), inputs, settings(&json!({"loopDelay": 0}))).unwrap();
        let mut turn = machine.step(0, Input::Start { epoch_ms: 0 });
        let mut sent = vec![];
        for state in ["creating", "creating", "ready", "started", ""] {
            let Some(send) = turn.sends.pop() else { break };
            sent.push((
                send.request.method.clone(),
                send.request.url.clone(),
                send.request.headers.clone(),
                send.request.body.clone(),
            ));
            let reply = canned(&json!({"body": {"id": "x-1", "state": state}}));
            turn = machine.step(0, Input::Reply { call: send.call, result: reply });
        }
        sent
    };
    let sent = requests(written);
    assert_eq!(sent.len(), 4);
    assert_eq!(sent, requests(repaired));
}

/// The requests of a run whose answers are all the same.
fn requests(compiled: arazzo_engine::compile::Compiled) -> Vec<(String, String, Option<Vec<u8>>)> {
    let inputs = json!({"one": "1", "three": { "deep": "x" }});
    let inputs = accept(&compiled.program, WorkflowId(0), inputs.as_object().unwrap().clone()).unwrap();
    let settings = settings(&json!({"loopDelay": 0}));
    let mut machine = Machine::new(compiled.program, WorkflowId(0), inputs, settings).unwrap();
    let mut turn = machine.step(0, Input::Start { epoch_ms: 0 });
    let mut sent = vec![];
    while let Some(send) = turn.sends.pop() {
        sent.push((send.request.method, send.request.url, send.request.body));
        turn = machine
            .step(0, Input::Reply { call: send.call, result: canned(&json!({"body": {"id": "i", "name": "n"}})) });
    }
    sent
}

#[test]
fn fixes_of_slips_of_shape_leave_none_and_send_the_same() {
    for name in ["readings-of-structure", "readings-of-structure-json"] {
        let mut case = Case::read(&suite_path(&format!("lint/{name}.yaml")));
        let before = requests(case.load().0.unwrap());
        assert!(before.len() > 1, "{name}");
        for _ in 0..4 {
            let (found, sources) = case.lint();
            let entry = sources.iter().find(|(_, source)| source.name == case.files[0].0).unwrap().0;
            let exact: Vec<_> = found.iter().filter(|d| d.fix.as_ref().is_some_and(|fix| fix.exact)).collect();
            let json = case.files[0].0.ends_with(".json");
            case.files[0].1 = arazzo_engine::lint::fix::fix(&case.files[0].1, entry, json, &exact).text;
        }
        let text = &case.files[0].1;
        let strict = LoadOptions { readings: arazzo_engine::readings::Readings::Strict, ..LoadOptions::default() };
        let (compiled, found, _) = load(&case.files, strict);
        let left: Vec<_> =
            compiled.map_or(found, |compiled| compiled.of(WorkflowId(0))).errors().map(|d| d.code).collect();
        // An action with both has no fix.
        let expected: &[_] = if name.ends_with("json") { &[] } else { &[arazzo_engine::code::Code::ActionCondition] };
        assert_eq!(left, expected, "{text}");
        assert_eq!(requests(case.load().0.unwrap()), before, "{text}");
    }
}

#[test]
fn a_thousand_steps_are_compiled_without_counting_every_path() {
    let mut flow = "arazzo: 1.0.1\ninfo: {title: t, version: '1'}\nsourceDescriptions: [{name: a, url: a.yaml, type: openapi}]\nworkflows:\n- workflowId: w\n  steps:\n".to_owned();
    for i in 0..1_000 {
        let value = if i < 2 { "x".to_owned() } else { format!("$steps.s{}.outputs.v", i - 2) };
        writeln!(flow, "  - {{stepId: s{i}, operationId: o, parameters: [{{name: q, in: query, value: {value}}}], outputs: {{v: $response.body}}}}").unwrap();
    }
    let api = "openapi: 3.1.0\nservers: [{url: http://localhost}]\npaths: {/o: {get: {operationId: o, parameters: [{name: q, in: query}], responses: {}}}}\n";
    let files = [("f.yaml".to_owned(), flow), ("a.yaml".to_owned(), api.to_owned())];
    let (compiled, ..) = load(&files, LoadOptions::default());
    let compiled = compiled.unwrap();
    assert!(compiled.of(WorkflowId(0)).is_empty());
    assert_eq!(compiled.program.steps.len(), 1_000);
}
