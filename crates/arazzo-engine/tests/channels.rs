//! `suite/messages/*.yaml`: documents in the style of published ones, run against the broker in memory: what lint says about
//! them, and what happens.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use arazzo_engine::event::EventKind;
use arazzo_engine::inputs::{InputValues, accept};
use arazzo_engine::limits::{Servers, Settings};
use arazzo_engine::load::LoadOptions;
use arazzo_engine::machine::{Input, Machine, Turn};
use arazzo_engine::mock::{Broker, Fault};
use arazzo_engine::program::{Program, WorkflowId};
use arazzo_engine::remedy::Remedy;
use arazzo_engine::value::Json;

use crate::suite::{Case, bundle, golden, rendered, settings, shared};

#[test]
fn messages_of_real_documents_are_sent_and_received_in_memory() {
    golden("messages", |case| {
        let (found, sources) = case.lint();
        let mut text = String::new();
        for diagnostic in &found {
            let place = diagnostic.place(&sources).map(|place| format!(" {}:{}", place.file, place.line));
            writeln!(text, "{}{}", diagnostic.code, place.unwrap_or_default()).unwrap();
        }
        text + &run(case)
    });
}

/// A run with the broker, in virtual time.
fn run(case: &Case) -> String {
    let (compiled, loading, sources) = case.load();
    let compiled = compiled.unwrap_or_else(|| panic!("{}", rendered(&loading, &sources)));
    let found = compiled.of(WorkflowId(0));
    assert!(!found.has_errors(), "{}", rendered(&found, &sources));
    let given = case.head["inputs"].as_object().cloned().unwrap_or_default();
    let inputs = accept(&compiled.program, WorkflowId(0), given).unwrap();
    let faults = case.head.get("faults").map(|faults| Fault::of_file(faults).unwrap()).unwrap_or_default();
    run_in_memory(compiled.program, inputs, settings(&case.head["settings"]), faults)
}

/// A run of the first workflow of a program with the broker, in virtual time: a line for what is of messages, and for how
/// steps and the run end.
pub fn run_in_memory(program: Arc<Program>, inputs: InputValues, mut settings: Settings, faults: Vec<Fault>) -> String {
    let sources: BTreeSet<String> = program.apis.iter().map(|api| api.name.clone()).collect();
    settings.mocked.clone_from(&sources);
    let mut broker = Broker::new(program.clone(), &sources, &Servers::default(), (faults, 1));
    let mut machine = Machine::new(program, WorkflowId(0), inputs, settings).unwrap();
    let (mut now, mut coming, mut text) = (0, vec![], String::new());
    let mut turn = machine.step(0, Input::Start { epoch_ms: 0 });
    for _ in 0..1_000 {
        show(&mut turn, now, &mut text);
        for request in &turn.channels {
            assert!(broker.serves(request), "{request:?}");
            coming.extend(broker.ask(request).map(|(after, heard)| (now + after, heard)));
        }
        let awaited: Vec<_> = machine.awaited().collect();
        for awaited in awaited {
            let forecast = machine.forecast_message(&awaited);
            let made = broker.answer(&awaited, forecast.as_ref(), &|message| machine.would_take(&awaited, message));
            coming.extend(made.into_iter().map(|(after, heard)| (now + after, heard)));
        }
        if turn.done.is_some() {
            return text;
        }
        coming.sort_by_key(|(at, _)| *at);
        let first = coming.first().map(|(at, _)| *at).filter(|at| turn.wake.is_none_or(|wake| *at <= wake));
        let input = match first {
            Some(at) => {
                now = now.max(at);
                Input::Channel(coming.remove(0).1)
            }
            None => {
                now = now.max(turn.wake.expect("a run that waits for nothing"));
                Input::Tick
            }
        };
        turn = machine.step(now, input);
    }
    panic!("the run does not end:\n{text}");
}

/// One line for each event about a message, the end of each step and of the run.
fn show(turn: &mut Turn, now: u64, text: &mut String) {
    for event in &mut turn.events {
        event.word(Remedy::plain);
        let step = event.step.clone().unwrap_or_default();
        let body = |body: &Option<arazzo_engine::redact::BodyText>| {
            body.as_ref().map(|body| body.text.to_string()).unwrap_or_default()
        };
        let line = match &event.kind {
            EventKind::MessageSent { address, headers, body: payload, .. } => {
                format!("sent {step} {address} {headers:?} {}", body(payload))
            }
            EventKind::MessageReceived { address, headers, body: payload, correlated_by, .. } => {
                let by = correlated_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
                format!("received {step} {address} {headers:?} {}{by}", body(payload))
            }
            EventKind::MessageIgnored { address, because, .. } => format!("ignored {address}: {because}"),
            EventKind::StepFinished { status, why, .. } => {
                format!("{status} {step} {}", why.as_ref().map(|why| why.message.clone()).unwrap_or_default())
            }
            EventKind::RunFinished { status, outputs, .. } => format!("{status} {}", Json::from(outputs.clone())),
            _ => continue,
        };
        writeln!(text, "{now:>5} {}", line.trim_end()).unwrap();
    }
}

#[test]
fn the_example_of_the_specification_is_read_and_its_messages_are_understood() {
    let Some(spec) = shared("spec") else { return };
    let events = std::fs::read_to_string(spec.join("examples/1.1.0/pet-asyncapi.yaml")).unwrap();
    let text = std::fs::read_to_string(spec.join("arazzo-1.1.0.md")).unwrap();
    // The steps of the example that send and receive, as they stand in the text.
    let steps = text.split_once("  - stepId: purchasePetStep\n").unwrap().1.split_once("\n  outputs:\n").unwrap().0;
    let flow = format!(
        "arazzo: 1.1.0\ninfo: {{ title: Pets, version: '1' }}\nsourceDescriptions: [{{ name: asyncOrderApiDescription, url: events.yaml, type: asyncapi }}]\nworkflows:\n- workflowId: buy\n  inputs: {{ type: object, properties: {{ orderCorrelationId: {{ type: string }} }} }}\n  steps:\n  - stepId: purchasePetStep\n{}",
        steps.replace("petId: $steps.getPetStep.outputs.petId", "petId: 7")
    );
    let files = [("flow.yaml".to_owned(), flow), ("events.yaml".to_owned(), events)];
    let (bundle, found, sources) = bundle(&files, LoadOptions::default());
    assert!(!found.has_errors(), "{}", rendered(&found, &sources));
    let compiled = arazzo_engine::compile::compile(&bundle.unwrap(), found, Default::default());
    let found = compiled.of(WorkflowId(0));
    assert!(!found.has_errors(), "{}", rendered(&found, &sources));
    let codes: BTreeSet<&str> = found.iter().map(|d| d.code.word()).collect();
    for code in ["operation-path-form", "operation-as-channel", "dotted-body", "undeclared-parameter"] {
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
    let channels: Vec<&str> = compiled.program.channels.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(channels, ["place-order", "confirm-order"]);
    let given = arazzo_engine::json!({ "orderCorrelationId": "o-1" }).as_object().cloned().unwrap_or_default();
    let inputs = accept(&compiled.program, WorkflowId(0), given).unwrap();
    let ran = run_in_memory(compiled.program, inputs, settings(&Json::Null), vec![]);
    assert!(ran.contains("succeeded purchasePetStep") && ran.contains("succeeded confirmPetPurchaseStep"), "{ran}");
}
