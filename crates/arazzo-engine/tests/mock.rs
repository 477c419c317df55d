//! The mock: what it answers (cases in `suite/mock`), and that what it makes up is what the schema says.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use arazzo_engine::inputs::accept;
use arazzo_engine::limits::Settings;
use arazzo_engine::load::{Fetched, LoadOptions, parse};
use arazzo_engine::machine::message::Message;
use arazzo_engine::machine::{Input, Machine, Outcome, Response};
use arazzo_engine::mock::{Carrier, Fault, Mock, Request, Session, Turns};
use arazzo_engine::node::Node;
use arazzo_engine::openapi::sample::sample;
use arazzo_engine::openapi::schema::{Direction, validator};
use arazzo_engine::openapi::{Api, Operation};
use arazzo_engine::program::{Program, WorkflowId};
use arazzo_engine::source::Sources;
use arazzo_engine::value::Json;

use crate::suite::{Case, files_below, golden, load, shared, workspace_root};

fn document(name: &str, text: &str) -> (Sources, Node) {
    let mut texts = Sources::default();
    let fetched = Fetched { name: name.to_owned(), uri: format!("file:///{name}"), content: text.into() };
    let (_, root) = parse(&mut texts, fetched, Default::default()).unwrap();
    (texts, root)
}

/// The mock of a case: of its OpenAPI file, and of what its Arazzo file reads, if it has one.
fn mock(case: &Case) -> Mock {
    let (name, text) = case.files.last().unwrap();
    let (texts, root) = document(name, text);
    let mut mock = Mock::new(texts, Default::default(), vec![("api".to_owned(), Some(root.into()))]);
    if case.files.len() > 1 {
        let (compiled, ..) = load(&case.files, LoadOptions::default());
        mock = mock.reads(compiled.unwrap().program);
    }
    for fault in case.head["faults"].as_array().into_iter().flatten() {
        mock.fault(Fault::parse(fault.as_str().unwrap()).unwrap()).unwrap();
    }
    if case.head["faultFile"].is_object() {
        Fault::of_file(&case.head["faultFile"]).unwrap().into_iter().for_each(|fault| mock.fault(fault).unwrap());
    }
    mock.latency(case.head["latency"].as_u64().unwrap_or(0))
}

#[test]
fn requests_get_the_expected_answers() {
    golden("mock", |case| {
        let mock = mock(case);
        let (mut session, mut lines) = (Session::default(), String::new());
        for request in case.head["requests"].as_array().unwrap() {
            let line = request.as_str().or(request["send"].as_str()).unwrap();
            let (method, target) = line.split_once(' ').unwrap();
            let mut headers: Vec<(String, String)> = request["headers"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect();
            let body = match &request["body"] {
                Json::Null => String::new(),
                Json::String(text) => text.clone(),
                json => {
                    headers.push(("content-type".to_owned(), "application/json".to_owned()));
                    json.to_string()
                }
            };
            let request = Request { method, target, headers: &headers, body: body.as_bytes() };
            let answer = mock.answer(&mut session, 0, request);
            let delay = if answer.delay_ms > 0 { format!(" after {}ms", answer.delay_ms) } else { String::new() };
            let operation = answer.operation.as_deref().unwrap_or("-");
            writeln!(lines, "{line}\n  {operation}: {}{delay}", answer.note).unwrap();
            match answer.response {
                Some(Response { status, headers, body }) => {
                    writeln!(lines, "  {status}").unwrap();
                    headers.iter().for_each(|(name, value)| writeln!(lines, "  {name}: {value}").unwrap());
                    let body = String::from_utf8(body).unwrap();
                    body.lines().for_each(|line| writeln!(lines, "  {line}").unwrap());
                }
                None => lines.push_str("  (closed)\n"),
            }
        }
        lines
    });
}

#[test]
fn channels_are_served_as_their_document_says() {
    golden("served", |case| {
        let (name, text) = case.files.last().unwrap();
        let (texts, root) = document(name, text);
        let mut mock = Mock::new(texts, Default::default(), vec![]);
        let mut name = "app".to_owned();
        if case.files.len() > 1 {
            let (compiled, ..) = load(&case.files, LoadOptions::default());
            let program = compiled.unwrap().program;
            name.clone_from(&program.apis.first().unwrap().name);
            mock = mock.reads(program);
        }
        let (mut mock, not) = mock.with_channels(vec![(name, root.into())], &|_| true);
        assert_eq!(not, []);
        for fault in case.head["faults"].as_array().into_iter().flatten() {
            mock.fault(Fault::parse(fault.as_str().unwrap()).unwrap()).unwrap();
        }
        let application = mock.applications().first().unwrap();
        let (mut turns, mut lines) = (Turns::default(), String::new());
        application.notes().iter().for_each(|note| writeln!(lines, "note: {note}").unwrap());
        for action in case.head["do"].as_array().unwrap() {
            let path = action["listen"].as_str().or(action["send"].as_str()).unwrap();
            let spots = [Carrier::Socket, Carrier::Http].map(|carrier| application.find(path, carrier));
            let spot = match spots {
                [Ok(spot), _] | [_, Ok(spot)] => spot,
                [Err(why), _] => {
                    writeln!(lines, "{path}\n  {why}").unwrap();
                    continue;
                }
            };
            let posted = if action["listen"].is_string() {
                writeln!(lines, "listen {path}").unwrap();
                mock.greeting(&mut turns, 0, &spot)
            } else {
                let message = Message { payload: action["payload"].to_string().into_bytes(), ..Message::default() };
                let taken = mock.take(&mut turns, 0, &spot, &message).unwrap();
                let said = taken.misfit.unwrap_or_else(|| "accepted".to_owned());
                writeln!(lines, "send {path}\n  {}: {said}", taken.operation).unwrap();
                taken.posted
            };
            for posted in posted {
                let payload = String::from_utf8(posted.message.payload).unwrap();
                let after = if posted.after_ms > 0 { format!(" after {}ms", posted.after_ms) } else { String::new() };
                writeln!(lines, "  {} sends {}{after}: {payload}", posted.operation, posted.note).unwrap();
            }
        }
        lines
    });
}

/// Runs every workflow of a case against the mock of its descriptions, in virtual time.
fn run_against_mock(program: &Arc<Program>, mock: &Mock, id: WorkflowId, lines: &mut String) {
    let made = mock.inputs(program, id);
    let workflow = program.workflow(id).unwrap();
    writeln!(lines, "{} {}", workflow.name, Json::from(made.clone())).unwrap();
    let inputs = match accept(program, id, made.into_iter().collect()) {
        Ok(inputs) => inputs,
        Err(faults) => return faults.iter().for_each(|fault| writeln!(lines, "  {}", fault.message).unwrap()),
    };
    let mut settings = Settings::default();
    settings.limits.steps = 60;
    let mut machine = Machine::new(program.clone(), id, inputs, settings).unwrap();
    let (mut session, mut now) = (Session::default(), 0);
    let mut turn = machine.step(now, Input::Start { epoch_ms: 0 });
    loop {
        if let Some(outcome) = turn.done {
            let ended = match outcome {
                Outcome::Failed { step, why, .. } => format!("failed at {step}: {}", why.code),
                Outcome::Stopped { why, .. } => format!("stopped: {}", why.code),
                other => other.outputs().iter().fold("succeeded".to_owned(), |text, (k, v)| format!("{text} {k}={v}")),
            };
            return writeln!(lines, "  {ended}").unwrap();
        }
        let Some(outgoing) = turn.sends.pop() else {
            now = turn.wake.unwrap();
            turn = machine.step(now, Input::Tick);
            continue;
        };
        session.expect(machine.forecast(outgoing.call));
        let sent = &outgoing.request;
        let target = &sent.url[sent.url.match_indices('/').nth(2).map_or(sent.url.len(), |(at, _)| at)..];
        let body = sent.body.clone().unwrap_or_default();
        let request = Request { method: &sent.method, target, headers: &sent.headers, body: &body };
        let response = mock.answer(&mut session, 0, request).response.unwrap();
        let shown = |body: &[u8]| String::from_utf8_lossy(body).lines().next().unwrap_or_default().to_owned();
        let (sent, answered) = (shown(&body), shown(&response.body));
        writeln!(lines, "  {} {target} {sent} → {} {answered}", request.method, response.status).unwrap();
        turn = machine.step(now, Input::Reply { call: outgoing.call, result: Ok(response) });
    }
}

#[test]
fn workflows_run_against_the_mock() {
    golden("mocked", |case| {
        let mut lines = String::new();
        let (compiled, ..) = load(&case.files, LoadOptions::default());
        let (program, mock) = (compiled.unwrap().program, mock(case));
        for (id, _) in program.own_workflows() {
            run_against_mock(&program, &mock, id, &mut lines);
        }
        lines
    });
}

/// Where schemas stand: of every media type of every answer.
fn schemas<'a>(operation: &Operation<'a>) -> Vec<&'a Node> {
    let api = operation.api();
    let answers = operation.node.get("responses").map(Node::members).unwrap_or_default().iter();
    let contents = answers.filter_map(|(_, node)| api.resolve(node).ok()?.get("content"));
    contents.flat_map(Node::members).filter_map(|(_, media)| api.resolve(media).ok()?.get("schema")).collect()
}

/// How many schemas the answers below a folder have, and what is made up for them although they forbid it.
fn samples(folder: &Path) -> (usize, Vec<String>) {
    let (mut seen, mut wrong) = (0, vec![]);
    for path in files_below(folder, &["yaml", "yml", "json"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut texts = Sources::default();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let fetched = Fetched { name, uri: "file:///api".to_owned(), content: text.as_str().into() };
        let Ok((_, root)) = parse(&mut texts, fetched, Default::default()) else { continue };
        if root.get("openapi").is_none() {
            continue;
        }
        for operation in Api::alone(&root).operations() {
            for schema in schemas(&operation) {
                // Schemas that are no JSON Schema are their author's business.
                let Ok(validator) = validator(operation.api(), schema, Direction::Response) else { continue };
                let made = sample(operation.api(), schema, "", &[]);
                seen += 1;
                let faults = validator.faults(&made, 3, |error| format!("{error} at {}", error.instance_path()));
                for fault in faults.unwrap() {
                    wrong.push(format!("{} {} {}: {fault}", path.display(), operation.method, operation.path));
                }
            }
        }
    }
    (seen, wrong)
}

#[test]
fn what_is_made_up_is_what_the_schema_says() {
    let (seen, wrong) = samples(&workspace_root().join("openapi"));
    assert!(seen > 5 && wrong.is_empty(), "{} of {seen}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_made_up_for_real_descriptions_is_what_their_schemas_say() {
    for (folder, at_least) in [("corpus", 200), ("daytona", 20), ("spec/examples", 20)] {
        let Some(folder) = shared(folder) else { continue };
        let (seen, mut wrong) = samples(&folder);
        assert!(seen >= at_least, "{seen} schemas in {}", folder.display());
        // Its token answer fits two branches of a `oneOf`, whatever it holds: the author's choice.
        wrong.retain(|line| !line.contains("FAPI-PAR") || !line.contains("'oneOf'"));
        assert!(wrong.is_empty(), "{} of {seen}\n{}", wrong.len(), wrong.join("\n"));
    }
}
