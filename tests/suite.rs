//! The data-driven suites: a case is a file, its expectation the `.txt` beside it. `UPDATE=1` rewrites expectations.
//!
//! `run/*.yaml`: a document and canned replies in virtual time → the list of events.
//! `mock/*.yaml`: descriptions and requests → answers (`mock.rs`).
//! `lint/*.yaml`: a document → everything that lint says about it, with carets; `hints: true` shows hints too.
//! `expr/*.txt`: one line a rule, checked by the module that owns the rule (`expressions.rs`, `jsonpath.rs`).
//!
//! A case file has a head (YAML: `inputs`, `replies`, `readings`, `settings`) and files after lines `--- NAME`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arazzo_engine::compile::{Compiled, compile};
use arazzo_engine::diagnostic::{Diagnostics, Severity};
use arazzo_engine::inputs::accept;
use arazzo_engine::limits::{GivenHost, LoopDelay, Redirects, Settings};
use arazzo_engine::lint::ignore::ignore;
use arazzo_engine::lint::lint;
use arazzo_engine::load::{Bundle, Fetched, LoadOptions, Loader, Need};
use arazzo_engine::machine::{CallId, Failure, FailureKind, Input, Machine, Outgoing, Response, Turn};
use arazzo_engine::node::{Node, NodeLimits};
use arazzo_engine::program::WorkflowId;
use arazzo_engine::source::{SourceId, Sources};
use serde_json::{Map, Value as Json, json};

pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A folder of `../shared`; `None` (and a visible line) where it is absent, unless it is required.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let path = workspace_root().join("../shared").join(folder);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("ARAZZO_REQUIRE_SHARED").is_none(), "../shared/{folder} is required and absent");
    eprintln!("skipped: ../shared/{folder} is absent");
    None
}

/// The files of a folder and all folders in it, in their order, that end with one of these.
pub fn files_below(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, extensions));
        } else if path.extension().is_some_and(|known| extensions.iter().any(|wanted| known == *wanted)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub struct Case {
    pub head: Json,
    pub files: Vec<(String, String)>,
}

impl Case {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut sections = vec![(String::new(), String::new())];
        for line in text.lines() {
            match line.strip_prefix("--- ") {
                Some(name) => sections.push((name.trim().to_owned(), String::new())),
                None => {
                    let (_, section) = sections.last_mut().unwrap();
                    section.push_str(line);
                    section.push('\n');
                }
            }
        }
        let (_, head) = sections.remove(0);
        let blank = head.lines().all(|line| line.trim().is_empty() || line.starts_with('#'));
        let head = if blank { json!({}) } else { yaml(&head) };
        Self { head, files: sections }
    }

    /// Everything that lint says; hints only where the head asks for them.
    pub fn lint(&self) -> (Diagnostics, Sources) {
        let (bundle, loading, sources) = bundle(&self.files, self.options());
        let Some(bundle) = bundle else { return (loading, sources) };
        let found = lint(&bundle, &compile(&bundle, loading, self.options().readings));
        let (found, _) = ignore(found, &sources, SourceId(0), true);
        let hints = self.head["hints"] == json!(true);
        let mut shown = Diagnostics::default();
        shown.extend(found.into_iter().filter(|d| hints || d.severity != Severity::Hint));
        (shown, sources)
    }

    fn options(&self) -> LoadOptions {
        let readings = self.head["readings"].as_str().unwrap_or("lenient").parse().unwrap();
        LoadOptions { readings, root: Some("file:///work/".to_owned()), ..LoadOptions::default() }
    }

    pub fn load(&self) -> (Option<Compiled>, Diagnostics, Sources) {
        load(&self.files, self.options())
    }
}

/// Loads from files in memory; the first is the entry document.
pub fn load(files: &[(String, String)], options: LoadOptions) -> (Option<Compiled>, Diagnostics, Sources) {
    let readings = options.readings;
    let (bundle, diagnostics, sources) = bundle(files, options);
    match bundle {
        Some(bundle) => {
            let mut compiled = compile(&bundle, diagnostics, readings);
            compiled.add_contracts(&bundle);
            (Some(compiled), Diagnostics::default(), sources)
        }
        None => (None, diagnostics, sources),
    }
}

pub fn bundle(files: &[(String, String)], options: LoadOptions) -> (Option<Bundle>, Diagnostics, Sources) {
    let entry = &files[0].0;
    let mut loader = Loader::new(format!("file:///work/{entry}"), entry.clone(), options);
    while let Need::Asks(asks) = loader.need() {
        for ask in asks {
            let found = ask.candidates.iter().find_map(|candidate| {
                let name = candidate.uri.strip_prefix("file:///work/")?;
                let (_, text) = files.iter().find(|(known, _)| known == name)?;
                Some(Fetched { name: name.to_owned(), uri: candidate.uri.clone(), bytes: text.clone().into_bytes() })
            });
            let tried = ask.candidates.iter().map(|c| format!("tried {}: no such file", c.uri)).collect();
            loader.give(&ask, found.ok_or(tried));
        }
    }
    loader.finish()
}

pub fn yaml(text: &str) -> Json {
    let mut sources = Sources::default();
    let id = sources.add("case", "file:///case", text);
    match Node::parse(&sources, id, NodeLimits::default()) {
        Ok(node) => node.to_json(),
        Err(faults) => {
            panic!("{}", faults.iter().map(|f| f.render(&sources, false, 120)).collect::<Vec<_>>().join("\n"))
        }
    }
}

/// Runs `check` over the cases of a folder and compares with the `.txt` beside each.
pub fn golden(folder: &str, check: impl Fn(&Case) -> String) {
    let folder = workspace_root().join("tests/suite").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {}", folder.display());
    let mut wrong = vec![];
    for path in paths {
        let found = check(&Case::read(&path));
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}\n--- found\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ (UPDATE=1 rewrites them):\n{}", wrong.len(), wrong.join("\n"));
}

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
fn runs_give_the_expected_events() {
    golden("run", |case| {
        let mut world = World::new(case);
        world.run()
    });
}

/// A machine with a virtual clock and canned replies.
pub struct World {
    pub machine: Machine,
    replies: Vec<Json>,
    pending: Vec<(u64, CallId, Result<Response, Failure>)>,
    now: u64,
    pub lines: String,
    done: bool,
    cancel_at: Vec<u64>,
    /// `show: wire`: requests as they are sent, and only those events that are not about requests and answers.
    shows_wire: bool,
    wake: Option<u64>,
}

impl World {
    pub fn new(case: &Case) -> Self {
        let (compiled, loading, sources) = case.load();
        let compiled = compiled.unwrap_or_else(|| panic!("{}", rendered(&loading, &sources)));
        let workflow = WorkflowId(0);
        let found = compiled.of(workflow);
        assert!(!found.has_errors(), "{}", rendered(&found, &sources));
        let given = case.head["inputs"].as_object().cloned().unwrap_or_default();
        let inputs = accept(&compiled.program, workflow, given).unwrap();
        let machine = Machine::new(compiled.program, workflow, inputs, settings(&case.head["settings"])).unwrap();
        let replies = case.head["replies"].as_array().cloned().unwrap_or_default();
        let cancel_at = case.head["cancel"].as_array().into_iter().flatten().filter_map(Json::as_u64).collect();
        let shows_wire = case.head["show"] == json!("wire");
        Self {
            shows_wire,
            machine,
            replies,
            pending: vec![],
            now: 0,
            lines: String::new(),
            done: false,
            cancel_at,
            wake: None,
        }
    }

    pub fn run(&mut self) -> String {
        let turn = self.machine.step(0, Input::Start { epoch_ms: 1_800_000_000_000 });
        self.take(turn);
        for _ in 0..10_000 {
            if self.done {
                return std::mem::take(&mut self.lines);
            }
            self.next();
        }
        panic!("the run does not end:\n{}", self.lines);
    }

    /// The next thing that happens: a reply, a cancel, or the time the machine asked for.
    pub fn next(&mut self) {
        self.pending.sort_by_key(|(at, ..)| *at);
        let reply = self.pending.first().map(|(at, ..)| *at);
        let cancel = self.cancel_at.first().copied();
        let wake = self.wake;
        let at = [reply, cancel, wake].into_iter().flatten().min().expect("a run that waits for nothing");
        self.now = self.now.max(at);
        let input = if cancel == Some(at) {
            self.cancel_at.remove(0);
            Input::Cancel
        } else if reply == Some(at) {
            let (_, call, result) = self.pending.remove(0);
            Input::Reply { call, result }
        } else {
            Input::Tick
        };
        let turn = self.machine.step(self.now, input);
        self.take(turn);
    }

    /// What goes over the wire, unmasked, if the case wants to show that.
    fn wire(&mut self, send: &Outgoing) {
        if !self.shows_wire {
            return;
        }
        let request = &send.request;
        write!(self.lines, "   -> {} {}", request.method, request.url).unwrap();
        for (name, value) in &request.headers {
            write!(self.lines, "  {name}: {value}").unwrap();
        }
        let body = request.body.as_ref().map(|body| format!("  {}", String::from_utf8_lossy(body)));
        writeln!(self.lines, "{}", body.unwrap_or_default()).unwrap();
    }

    fn take(&mut self, turn: Turn) {
        for event in &turn.events {
            let Json::Object(mut fields) = serde_json::to_value(event).unwrap() else { panic!() };
            let workflow = fields.shift_remove("workflow");
            let frame = match (fields.shift_remove("frame"), workflow) {
                (Some(frame), Some(Json::String(workflow))) if frame != 0 => format!(" [{frame} {workflow}]"),
                _ => String::new(),
            };
            let attempt = fields.shift_remove("attempt").filter(|attempt| *attempt != 1);
            let text = |fields: &mut Map<String, Json>, name: &str| {
                fields.shift_remove(name).and_then(|v| v.as_str().map(str::to_owned))
            };
            let kind = text(&mut fields, "type").unwrap();
            if self.shows_wire && kind.starts_with("re") {
                continue;
            }
            let step = text(&mut fields, "step").map(|step| format!(" {step}")).unwrap_or_default();
            let attempt = attempt.map(|attempt| format!(".{attempt}")).unwrap_or_default();
            let visit = fields.shift_remove("visit").map(|visit| format!("#{visit}{attempt}")).unwrap_or_default();
            let place =
                fields.shift_remove("span").map(|p| format!(" @{}:{}", p["line"], p["column"])).unwrap_or_default();
            for (_, value) in &mut fields {
                if let Some(place) = value.get_mut("place") {
                    *place =
                        json!(format!("{}:{}:{}", place["file"].as_str().unwrap(), place["line"], place["column"]));
                }
                if let Some(Json::Object(why)) = Some(value) {
                    why.shift_remove("notes");
                }
            }
            writeln!(self.lines, "{:>5} {kind}{frame}{step}{visit}{place} {}", self.now, Json::Object(fields)).unwrap();
        }
        for send in &turn.sends {
            self.wire(send);
            let reply = if self.replies.len() > 1 { self.replies.remove(0) } else { self.replies[0].clone() };
            let after = reply["after"].as_u64().unwrap_or(10);
            self.pending.push((self.now + after, send.call, canned(&reply)));
        }
        self.pending.retain(|(_, call, _)| !turn.aborts.contains(call));
        self.wake = turn.wake;
        self.done |= turn.done.is_some();
    }
}

pub fn canned(reply: &Json) -> Result<Response, Failure> {
    if let Some(kind) = reply["failure"].as_str() {
        let kind: FailureKind = serde_json::from_value(json!(kind)).unwrap();
        let in_doubt = !matches!(kind, FailureKind::Dns | FailureKind::Connect | FailureKind::Tls);
        return Err(Failure { kind, message: "it broke".to_owned(), in_doubt });
    }
    let mut headers: Vec<(String, String)> = vec![];
    for (name, value) in reply["headers"].as_object().into_iter().flatten() {
        headers.push((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    }
    let hex =
        |text: &str| (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    let body = match (&reply["text"], &reply["body"]) {
        _ if reply["hex"].is_string() => hex(reply["hex"].as_str().unwrap()),
        (Json::String(text), _) => text.clone().into_bytes(),
        (_, Json::Null) => vec![],
        (_, body) => {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
            body.to_string().into_bytes()
        }
    };
    Ok(Response { status: reply["status"].as_u64().unwrap_or(200) as u16, headers, body })
}

pub fn settings(head: &Json) -> Settings {
    let mut settings = Settings::default();
    if let Some(steps) = head["maxSteps"].as_u64() {
        settings.limits.steps = steps as u32;
    }
    settings.limits.requests = head["maxRequests"].as_u64().map(|requests| requests as u32);
    if let Some(ms) = head["timeout"].as_u64() {
        settings.limits.run_ms = ms;
    }
    if let Some(depth) = head["depth"].as_u64() {
        settings.limits.depth = depth as u32;
    }
    if let Some(ms) = head["loopDelay"].as_u64() {
        settings.loop_delay = LoopDelay::Fixed(ms);
    }
    if let Some(server) = head["server"].as_str() {
        settings.servers.all = Some(server.to_owned());
    }
    for (key, value) in head["auth"].as_object().into_iter().flatten() {
        settings.credentials = std::mem::take(&mut settings.credentials).scheme(key, value.as_str().unwrap());
    }
    settings.credentials.certificate = head["certificate"] == json!(true);
    if let Some(token) = head["bearer"].as_str() {
        settings.credentials = std::mem::take(&mut settings.credentials).bearer("token", token);
    }
    if let Some((user, password)) = head["user"].as_str().and_then(|user| user.split_once(':')) {
        settings.credentials = std::mem::take(&mut settings.credentials).basic(user, password);
    }
    if head["redirects"] == json!("never") {
        settings.redirects = Redirects::Never;
    }
    for host in head["allowHosts"].as_array().into_iter().flatten() {
        settings.allowed_hosts.push(GivenHost::parse(host.as_str().unwrap()));
    }
    settings.cookies = head["cookies"] == json!(true);
    if let Some(check) = head.get("contract") {
        settings.contract = serde_json::from_value(check.clone()).unwrap();
    }
    settings.require_outputs = head["requireOutputs"] == json!(true);
    settings
}

fn rendered(diagnostics: &Diagnostics, sources: &Sources) -> String {
    diagnostics.iter().map(|d| d.render(sources, false, 140)).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_run_that_is_stored_after_every_step_gives_the_same_events() {
    let mut stored_runs = 0;
    for path in files_below(&workspace_root().join("tests/suite/run"), &["yaml"]) {
        let case = Case::read(&path);
        let straight = World::new(&case).run();
        let mut world = World::new(&case);
        let program: Arc<_> = case.load().0.unwrap().program;
        let turn = world.machine.step(0, Input::Start { epoch_ms: 1_800_000_000_000 });
        world.take(turn);
        while !world.done {
            let stored = serde_json::to_string(world.machine.state()).unwrap();
            assert!(!stored.contains("tok-0123456789"), "{}: a stored state holds a secret", path.display());
            let secrets = world.machine.secrets().clone();
            let state = serde_json::from_str(&stored).unwrap();
            world.machine = Machine::restore(program.clone(), state, secrets).unwrap();
            stored_runs += 1;
            world.next();
        }
        assert_eq!(world.lines, straight, "{}", path.display());
    }
    assert!(stored_runs > 50);
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
