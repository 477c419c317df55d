//! What holds for every value: its digits and its bytes are the same after any way through outputs, called workflows,
//! lists, objects, forms, multipart bodies, replacements and braces, also where the run is stored on its way.

use std::sync::Arc;

use arazzo_engine::inputs::accept;
use arazzo_engine::machine::{Input, Machine, Outcome, Response};
use arazzo_engine::program::Program;
use arazzo_engine::value::{Json, Map, Number, stored};
use proptest::prelude::*;

use crate::suite::load;

const API: &str = "
openapi: 3.1.0
info: { title: t, version: '1' }
servers: [{ url: https://api.example }]
paths:
  /v:
    get: { operationId: read, responses: { '200': { description: ok } } }
    post: { operationId: send, responses: { '200': { description: ok } } }
";

const FLOW: &str = "
arazzo: 1.1.0
info: { title: t, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: main
    inputs: { type: object, properties: { given: {} } }
    steps:
      - { stepId: read, operationId: read, outputs: { v: EXPRESSION } }
      - { stepId: inner, workflowId: called, parameters: [{ name: v, value: $steps.read.outputs.v }, { name: list, value: [$steps.read.outputs.v] }] }
    outputs: { v: $steps.inner.outputs.v, list: $steps.inner.outputs.list, given: $inputs.given }
  - workflowId: called
    inputs: { type: object, properties: { v: {}, list: {} } }
    steps:
      - stepId: send
        operationId: send
        requestBody:
          contentType: TYPE
          payload: PAYLOAD
          replacements: REPLACEMENTS
    outputs: { v: $inputs.v, list: $inputs.list }
";

fn program(expression: &str, media_type: &str, payload: &str, replacements: &str) -> Arc<Program> {
    let flow = FLOW.replace("EXPRESSION", expression).replace("TYPE", media_type);
    let flow = flow.replace("PAYLOAD", payload).replace("REPLACEMENTS", replacements);
    let files = [("flow.yaml".to_owned(), flow), ("api.yaml".to_owned(), API.to_owned())];
    load(&files, Default::default()).0.unwrap().program
}

/// Runs with an answer, stored and restored before every turn; gives the body that was sent, and the outcome.
fn run(program: &Arc<Program>, given: Json, media_type: &str, answer: &[u8]) -> (Vec<u8>, Outcome) {
    let id = program.workflow_named("main").unwrap();
    let given = Map::from_iter([("given".to_owned(), given)]);
    let mut machine =
        Machine::new(program.clone(), id, accept(program, id, given).unwrap(), Default::default()).unwrap();
    let mut input = Input::Start { epoch_ms: 0 };
    let mut sent = vec![];
    loop {
        let (state, secrets) = machine.stored().unwrap();
        let (state, secrets) = (serde_json::to_string(&state).unwrap(), serde_json::to_string(&secrets).unwrap());
        let (state, secrets) = (serde_json::from_str(&state).unwrap(), serde_json::from_str(&secrets).unwrap());
        machine = Machine::restore(program.clone(), state, secrets).unwrap();
        let mut turn = machine.step(0, input);
        if let Some(outcome) = turn.done {
            return (sent, outcome);
        }
        let Some(outgoing) = turn.sends.pop() else {
            input = Input::Tick;
            continue;
        };
        sent = outgoing.request.body.unwrap_or_default();
        let headers = vec![("content-type".to_owned(), media_type.to_owned())];
        let response = Response { status: 200, headers, body: answer.to_vec() };
        input = Input::Reply { call: outgoing.call, result: Ok(response) };
    }
}

fn count(text: &[u8], part: &[u8]) -> usize {
    text.windows(part.len().max(1)).filter(|window| *window == part).count()
}

/// The text of a number, long ones and exponents among them.
fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,25})?"
}

/// JSON text without blanks.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![number(), "\"[a-z é]{0,5}\"", Just("null".to_owned()), Just("true".to_owned())];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(inner, 0..4).prop_map(|items| {
                let members = items.iter().enumerate().map(|(number, item)| format!("\"k{number}\":{item}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn digits_are_the_same_on_every_way(text in json_text(), given in number()) {
        prop_assume!(text != "null");
        let payload = "{ one: $inputs.v, list: [$inputs.v], all: $inputs.list, set: 0 }";
        let program = program("$response.body#/in/0", "application/json", payload, "[{ target: /set, value: $inputs.v }]");
        let answer = format!("{{ \"in\": [ {text} ] }}");
        let (sent, outcome) = run(&program, Json::parse(&given).unwrap(), "application/json", answer.as_bytes());
        let wanted = format!("{{\"one\":{text},\"list\":[{text}],\"all\":[{text}],\"set\":{text}}}");
        prop_assert_eq!(String::from_utf8(sent).unwrap(), wanted);
        let outputs = Json::from((**outcome.values()).clone()).to_string();
        prop_assert_eq!(outputs, format!("{{\"v\":{text},\"list\":[{text}],\"given\":{given}}}"));
    }

    #[test]
    fn bytes_are_the_same_on_every_way(mut bytes in prop::collection::vec(any::<u8>(), 1..40)) {
        // No text, and no end of a part.
        bytes.push(0xff);
        let types = [
            ("application/octet-stream", "$inputs.v", "[]", 1),
            ("application/octet-stream", "'{$inputs.v}'", "[]", 1),
            ("multipart/form-data", "{ one: $inputs.v, list: [$inputs.v, 1], all: $inputs.list }", "[]", 3),
            ("multipart/form-data", "{ one: 1 }", "[{ target: /one, value: $inputs.v }]", 1),
        ];
        for (media_type, payload, replacements, times) in types {
            let program = program("$response.body", media_type, payload, replacements);
            let (sent, outcome) = run(&program, Json::Null, "image/x-any", &bytes);
            prop_assert!(count(&sent, &bytes) >= times, "{} {:?}", payload, String::from_utf8_lossy(&sent));
            prop_assert_eq!(outcome.values().bytes("v"), Some(bytes.as_slice()));
            prop_assert_eq!(outcome.values().encoded().collect::<Vec<_>>(), ["v", "list"]);
        }
        let form = program("$response.body", "application/x-www-form-urlencoded", "{ a: $inputs.v, b: $inputs.list }", "[]");
        let (sent, _) = run(&form, Json::Null, "image/x-any", &bytes);
        let encoded: String = url::form_urlencoded::byte_serialize(&bytes).collect();
        prop_assert_eq!(String::from_utf8(sent).unwrap(), format!("a={encoded}&b={encoded}"));
        let json = program("$response.body", "application/json", "{ a: [$inputs.v] }", "[]");
        let (sent, outcome) = run(&json, Json::Null, "image/x-any", &bytes);
        prop_assert!(sent.is_empty() && matches!(outcome, Outcome::Failed { .. }), "{:?}", outcome);
    }

    #[test]
    fn the_order_of_numbers_is_that_of_their_values(
        a in -999i64..999, b in -999i64..999, up in 0usize..30, zeros in 0usize..5
    ) {
        // The same value in other notations.
        let written = |n: i64| [
            format!("{n}e{up}"),
            format!("{n}{}", "0".repeat(if n == 0 { 0 } else { up })),
            format!("{n}.{}e{up}", "0".repeat(zeros + 1)),
            format!("{n}{}e-{}", "0".repeat(if n == 0 { 0 } else { zeros }), zeros as i64 - up as i64).replace("--", ""),
        ].map(|text| Number::parse(&text).unwrap());
        for one in written(a) {
            for other in written(b) {
                prop_assert_eq!(one.order(&other), a.cmp(&b), "{} {}", one, other);
            }
        }
    }

    #[test]
    fn what_is_stored_is_what_was_there(text in json_text(), bytes in prop::collection::vec(any::<u8>(), 0..9), name in "\u{1}{0,2}[a-z]{0,6}") {
        let file = arazzo_engine::value::File { name: name.clone(), bytes: bytes.into(), text: false };
        let members = Map::from_iter([
            (name, Json::parse(&text).unwrap()),
            ("number".to_owned(), Json::Bytes(file.into())),
            ("\u{1}number".to_owned(), Json::from("1e5")),
        ]);
        let written = stored::members::serialize(&members, serde_json::value::Serializer).unwrap();
        prop_assert_eq!(stored::members::deserialize(written).unwrap(), members);
    }
}
