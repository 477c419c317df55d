//! Micro-benchmarks of the engine: one operation each, in nanoseconds. `cargo bench -p arazzo-engine`.
//!
//! With a name and a number (`micro NAME TIMES`) it repeats that one and prints nothing: `bench/run.py` counts its
//! instructions that way.

#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

use std::borrow::Cow;
use std::hint::black_box;
use std::time::{Duration, Instant};

use arazzo_engine::compile::{Compiled, compile};
use arazzo_engine::expr::eval::{Answer, Exchange, Lookup, fill};
use arazzo_engine::expr::jsonpath::{self, ObjectFilter};
use arazzo_engine::expr::{DeclaredInput, DeclaredStep, Scope, StepId, condition, parse};
use arazzo_engine::inputs::accept;
use arazzo_engine::json;
use arazzo_engine::load::{Fetched, Loader, Need};
use arazzo_engine::machine::{Input, Machine, Response};
use arazzo_engine::program::WorkflowId;
use arazzo_engine::readings::Readings;
use arazzo_engine::value::{Json, Value};

struct Known(Exchange);

impl Lookup for Known {
    fn input(&self, _: &str) -> Option<Cow<'_, Value>> {
        Some(Cow::Owned(Value::string("token")))
    }

    fn inputs(&self) -> Json {
        json!({ "apiToken": "token" })
    }

    fn output(&self, _: StepId, _: &str) -> Option<Cow<'_, Value>> {
        Some(Cow::Owned(Value::string("vol-1")))
    }

    fn outputs(&self, _: StepId) -> Option<Json> {
        None
    }

    fn exchange(&self) -> Option<&Exchange> {
        Some(&self.0)
    }
}

fn pets() -> Json {
    let status = |n: i32| if n % 3 == 0 { "available" } else { "sold" };
    json!({ "state": "ready", "pets": (0..100).map(|n| json!({ "id": n, "status": status(n) })).collect::<Vec<_>>() })
}

fn reference() -> Compiled {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut loader = Loader::new(format!("file://{root}/specs/daytona-provision.yml"), "flow", Default::default());
    while let Need::Asks(asks) = loader.need() {
        for ask in asks {
            let uri = ask.candidates[0].uri.clone();
            let bytes = std::fs::read(uri.trim_start_matches("file://")).unwrap();
            loader.give(&ask, Ok(Fetched { name: uri.clone(), uri, content: bytes.into() }));
        }
    }
    let (bundle, found, _) = loader.finish();
    compile(&bundle.unwrap(), found, Readings::Lenient)
}

fn main() {
    let inputs = [DeclaredInput { name: "apiToken".to_owned(), scalar: true }];
    let steps = vec![DeclaredStep { name: "s".to_owned(), id: StepId(0), outputs: vec!["o".to_owned()] }].into();
    let document = Default::default();
    let scope = Scope {
        inputs: &inputs,
        open: false,
        steps: &steps,
        outputs: &[],
        document: &document,
        dependencies: &[],
        method: None,
        readings: Readings::Lenient,
    };
    let body = Some(Value::Json(pets()));
    let answer = Answer { status: 200, headers: vec![], body, media_type: "application/json".to_owned() };
    let known = Known(Exchange {
        message: None,
        url: "https://a.example/".to_owned(),
        method: "GET".to_owned(),
        request: Default::default(),
        answer: Some(answer),
    });
    let template = |text: &str| parse::template(text, &scope, &mut vec![]).unwrap();
    let (text, pointer) = (template("Bearer {$inputs.apiToken}"), template("$response.body#/pets/7/status"));
    let simple =
        condition::parse("$statusCode == 200 && $response.body#/state == 'ready'", &scope, &mut vec![]).unwrap();
    let query = |text: &str| jsonpath::Condition::parse(text, true).unwrap();
    let (comparison, filter) = (query("$.state == \"ready\""), query("$.pets[?@.status == 'available']"));
    let compiled = reference();
    let given = json!({ "apiToken": "token", "volumeName": "data", "snapshot": "base", "mountPath": "/data" });
    let accepted = accept(&compiled.program, WorkflowId(0), given.as_object().unwrap().clone()).unwrap();
    let machine =
        || Machine::new(compiled.program.clone(), WorkflowId(0), accepted.clone(), Default::default()).unwrap();
    let holds = |condition: &jsonpath::Condition, json: &Json| {
        condition.holds(json, &[], &jsonpath::Limits::default(), ObjectFilter::MembersOrSelf).unwrap().met
    };
    let pets = pets();
    let cases: [(&str, &dyn Fn()); 10] = [
        ("expression-parse", &|| drop(black_box(template("$steps.s.outputs.o")))),
        ("expression-text", &|| drop(black_box(fill(&text, &known)))),
        ("expression-pointer", &|| drop(black_box(fill(&pointer, &known)))),
        ("condition-parse", &|| {
            drop(black_box(condition::parse("$statusCode == 200", &scope, &mut vec![])));
        }),
        ("condition-simple", &|| drop(black_box(condition::holds(&simple, &known, &mut vec![])))),
        ("jsonpath-parse", &|| drop(black_box(query("$.pets[?@.status == 'available']")))),
        ("jsonpath-comparison", &|| {
            black_box(holds(&comparison, &pets));
        }),
        ("jsonpath-filter-100", &|| {
            black_box(holds(&filter, &pets));
        }),
        ("machine-first-request", &|| drop(black_box(machine().step(0, Input::Start { epoch_ms: 0 })))),
        ("machine-step", &|| {
            let mut machine = machine();
            let turn = machine.step(0, Input::Start { epoch_ms: 0 });
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let response = Response { status: 200, headers, body: br#"{"id":"vol-1","state":"creating"}"#.to_vec() };
            drop(black_box(machine.step(1, Input::Reply { call: turn.sends[0].call, result: Ok(response) })));
        }),
    ];
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let [name, times] = arguments.as_slice() {
        let (_, case) = cases.iter().find(|(known, _)| known == name).unwrap();
        (0..times.parse::<u32>().unwrap()).for_each(|_| case());
        return;
    }
    for (name, case) in cases {
        println!("{name:<24} {:>9} ns", nanoseconds(case));
    }
}

/// The median of 15 rounds, each at least 10 ms long.
fn nanoseconds(case: &dyn Fn()) -> u128 {
    let mut times = 1u32;
    let round = |times: u32| {
        let started = Instant::now();
        (0..times).for_each(|_| case());
        started.elapsed()
    };
    while round(times) < Duration::from_millis(10) {
        times = times.saturating_mul(2);
    }
    let mut rounds: Vec<u128> = (0..15).map(|_| round(times).as_nanos() / u128::from(times)).collect();
    rounds.sort_unstable();
    rounds[rounds.len() / 2]
}
