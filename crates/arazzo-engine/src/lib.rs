//! The pure engine of `arazzo`: Arazzo documents → program, replies → requests. Bytes in, requests out.
//!
//! It reads no file, opens no socket, asks no clock, and has no threads, environment or randomness; what it needs of
//! the world comes in as an argument. So the same documents, inputs and replies always give the same events, and a run
//! can be tested, stored, replayed and driven by anything. The crate `arazzo` drives it with files and HTTP.
//!
//! The tour: **load → compile → step → report**.
//!
//! ```
//! use arazzo_engine::load::{Fetched, Loader, Need};
//! use arazzo_engine::machine::{Input, Machine, Outcome, Response};
//! use arazzo_engine::{compile, inputs, report::Report};
//!
//! let files = [
//!     ("file:///flow.yaml", "
//! arazzo: 1.0.1
//! info: { title: One call, version: '1' }
//! sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
//! workflows:
//!   - workflowId: greet
//!     inputs: { type: object, required: [who], properties: { who: { type: string } } }
//!     steps:
//!       - stepId: hello
//!         operationId: hello
//!         parameters: [{ name: who, in: query, value: $inputs.who }]
//!         outputs: { text: $response.body#/text }
//!     outputs: { text: $steps.hello.outputs.text }
//! "),
//!     ("file:///api.yaml", "
//! openapi: 3.1.0
//! info: { title: Greeter, version: '1' }
//! servers: [{ url: https://greeter.example }]
//! paths:
//!   /hello:
//!     get:
//!       operationId: hello
//!       parameters: [{ name: who, in: query, schema: { type: string } }]
//!       responses: { '200': { description: A greeting } }
//! "),
//! ];
//!
//! // Load: the engine asks, the caller answers.
//! let mut loader = Loader::new("file:///flow.yaml", "flow.yaml", Default::default());
//! while let Need::Asks(asks) = loader.need() {
//!     for ask in asks {
//!         let uri = ask.candidates[0].uri.clone();
//!         let (_, text) = files.iter().find(|(known, _)| *known == uri).unwrap();
//!         loader.give(&ask, Ok(Fetched { name: uri.clone(), uri, content: (*text).into() }));
//!     }
//! }
//! let (bundle, loading, _) = loader.finish();
//!
//! // Compile: every fault at once, before the first request.
//! let compiled = compile::compile(&bundle.unwrap(), loading, Default::default());
//! let greet = compiled.program.workflow_named("greet").unwrap();
//! assert!(compiled.of(greet).is_empty());
//!
//! // Step: time and replies in, requests and events out.
//! let given = arazzo_engine::json!({ "who": "you" }).as_object().unwrap().clone();
//! let inputs = inputs::accept(&compiled.program, greet, given).unwrap();
//! let mut machine = Machine::new(compiled.program.clone(), greet, inputs, Default::default()).unwrap();
//! let mut report = Report::default();
//! let turn = machine.step(0, Input::Start { epoch_ms: 0 });
//! turn.events.iter().for_each(|event| report.add(event));
//! assert_eq!(turn.sends[0].request.url, "https://greeter.example/hello?who=you");
//!
//! let headers = vec![("content-type".to_string(), "application/json".to_string())];
//! let response = Response { status: 200, headers, body: br#"{"text":"hello you"}"#.to_vec() };
//! let turn = machine.step(12, Input::Reply { call: turn.sends[0].call, result: Ok(response) });
//! turn.events.iter().for_each(|event| report.add(event));
//!
//! // Report: a fold over the events.
//! assert_eq!(report.steps[0].calls[0].status, Some(200));
//! let Some(Outcome::Succeeded { outputs, .. }) = turn.done else { panic!() };
//! assert_eq!(outputs["text"], "hello you");
//! ```

#![forbid(unsafe_code)]

pub mod address;
pub mod asyncapi;
pub mod code;
pub mod compile;
pub mod credentials;
pub mod diagnostic;
pub mod document;
pub mod event;
pub mod event_stream;
pub mod expr;
mod fingerprint;
pub mod format;
pub mod gate;
pub mod graph;
pub mod index;
pub mod inputs;
pub mod json_schema;
pub mod limits;
pub mod lint;
pub mod load;
pub mod machine;
pub mod media_type;
pub mod mock;
pub mod node;
pub mod openapi;
pub mod plan;
pub mod program;
pub mod readings;
pub mod reason;
pub mod redact;
pub mod remedy;
pub mod report;
pub mod source;
pub mod stand_in;
pub mod string_enum;
pub mod value;
