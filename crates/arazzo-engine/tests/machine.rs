//! Runs as data: what a stored state holds, what a long run keeps, how a deep one ends.

use std::sync::Arc;

use arazzo_engine::inputs::accept;
use arazzo_engine::limits::Settings;
use arazzo_engine::machine::{CallId, Input, Machine, Outcome, Outgoing, Progress, Response, Turn};
use arazzo_engine::program::Program;

use crate::suite::load;

const API: &str = "
openapi: 3.1.0
info: { title: t, version: '1' }
servers: [{ url: https://api.example }]
paths:
  /login: { post: { operationId: login, responses: { '200': { description: ok } } } }
  /other: { get: { operationId: other, responses: { '200': { description: ok } } } }
  /me: { get: { operationId: me, responses: { '200': { description: ok } } } }
  /guarded: { post: { operationId: guarded, security: [{ a: [], b: [], c: [] }], responses: { '200': { description: ok } } } }
components:
  securitySchemes:
    a: { type: oauth2, flows: { clientCredentials: { tokenUrl: 'https://api.example/a', scopes: {} } } }
    b: { type: oauth2, flows: { clientCredentials: { tokenUrl: 'https://api.example/b', scopes: {} } } }
    c: { type: oauth2, flows: { clientCredentials: { tokenUrl: 'https://api.example/c', scopes: {} } } }
";

fn program(workflows: &str) -> Arc<Program> {
    let head = "arazzo: 1.0.1\ninfo: {title: t, version: '1'}\nsourceDescriptions: [{name: api, url: api.yaml, type: openapi}]";
    let flow = format!("{head}\nworkflows:\n{workflows}");
    let files = [("flow.arazzo.yaml".to_owned(), flow), ("api.yaml".to_owned(), API.to_owned())];
    let (compiled, _, _) = load(&files, Default::default());
    compiled.unwrap().program
}

fn machine(program: &Arc<Program>, change: impl FnOnce(&mut Settings)) -> Machine {
    let id = program.workflow_named("main").unwrap();
    let mut settings = Settings::default();
    change(&mut settings);
    Machine::new(program.clone(), id, accept(program, id, Default::default()).unwrap(), settings).unwrap()
}

fn reply(call: CallId, status: u16, body: &str) -> Input {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![header("content-type", "application/json"), header("location", "https://api.example/b")];
    Input::Reply { call, result: Ok(Response { status, headers, body: body.as_bytes().to_vec() }) }
}

fn stored(machine: &Machine) -> [String; 2] {
    let (state, secrets) = machine.stored().unwrap();
    [serde_json::to_string(&state), serde_json::to_string(&secrets)].map(Result::unwrap)
}

/// A program whose first step gives a token that the last one sends.
fn logging_in(step: &str) -> Arc<Program> {
    program(&format!(
        "  - workflowId: main
    steps:
      - stepId: login
        operationId: login
{step}
      - stepId: me
        operationId: me
        parameters: [{{ name: Authorization, in: header, value: 'Bearer {{$steps.login.outputs.token}}' }}]
      - {{ stepId: other, operationId: other }}
"
    ))
}

#[test]
fn a_stored_state_holds_no_secret_whatever_it_was_read_from() {
    const SECRET: &str = "s3cr3t-token-value";
    let token = "        outputs: { token: $response.body#/token";
    let retry = "onFailure: [{ name: r, type: retry, retryLimit: 1, retryAfter: 5, stepId: other }]";
    for step in [
        format!("{token} }}"),
        format!("{token}, all: $response.body }}"),
        format!("{token}, tail: $response.body#/nested }}"),
        format!(
            "{token} }}\n        successCriteria: [{{ condition: $response.body#/token == 'x' }}]\n        {retry}"
        ),
        format!(
            "{token} }}\n        successCriteria: [{{ condition: $response.body#/nested/a == 'x' }}]\n        {retry}"
        ),
    ] {
        let program = logging_in(&step);
        let mut machine = machine(&program, |_| {});
        let turn = machine.step(0, Input::Start { epoch_ms: 0 });
        let body = format!(r#"{{"token":"{SECRET}","id":1,"nested":{{"a":"x {SECRET} y","{SECRET}":2}}}}"#);
        let turn = machine.step(10, reply(turn.sends[0].call, 200, &body));
        let [state, secrets] = stored(&machine);
        assert!(!state.contains(SECRET), "{step}: {state}");
        assert!(!serde_json::to_string(&turn).unwrap().contains(SECRET), "{step}: a turn is written with its secrets");
        assert!(secrets.contains(SECRET), "{step}");
        // The same, made anew from texts alone, goes on as it would have.
        let mut other = Machine::restore(
            program.clone(),
            serde_json::from_str(&state).unwrap(),
            serde_json::from_str(&secrets).unwrap(),
        )
        .unwrap();
        let events = |turn: Turn| {
            format!("{:?} {:?}", turn.events, turn.sends.iter().map(|s| &s.request.headers).collect::<Vec<_>>())
        };
        let input = turn.sends.first().map_or(Input::Tick, |send| reply(send.call, 200, "{}"));
        let now = turn.wake.filter(|_| turn.sends.is_empty()).unwrap_or(20);
        assert_eq!(events(machine.step(now, input.clone())), events(other.step(now, input)), "{step}");
    }
}

#[test]
fn a_state_goes_on_with_its_own_program_and_secrets_only() {
    let [one, other] =
        ["        outputs: { token: $response.body#/token }", "        outputs: { token: $response.body#/id }"]
            .map(logging_in);
    let mut machine = machine(&one, |_| {});
    let turn = machine.step(0, Input::Start { epoch_ms: 0 });
    machine.step(10, reply(turn.sends[0].call, 200, r#"{"token":"s3cr3t-token-value"}"#));
    let (state, secrets) = machine.stored().unwrap();
    let said = |result: Result<Machine, arazzo_engine::machine::RestoreError>| result.unwrap_err().to_string();
    assert!(said(Machine::restore(other, state.clone(), secrets)).contains("its documents have changed"));
    assert!(said(Machine::restore(one, state, Default::default())).contains("secrets"));
}

#[test]
fn ten_thousand_polls_with_redirects_keep_no_more_than_one() {
    let program = program(
        "  - workflowId: main
    steps:
      - stepId: poll
        operationId: me
        onSuccess: [{ name: again, type: goto, stepId: poll, criteria: [{ condition: $response.body#/done == false }] }]
",
    );
    let mut machine = machine(&program, |settings| {
        (settings.limits.steps, settings.limits.run_ms) = (u32::MAX, u64::MAX);
        settings.limits.requests = Some(u32::MAX);
    });
    let mut turn = machine.step(0, Input::Start { epoch_ms: 0 });
    let (mut now, mut early) = (0, 0);
    for round in 0..10_000 {
        turn = machine.step(now, reply(turn.sends[0].call, 302, ""));
        turn = machine.step(now, reply(turn.sends[0].call, 200, r#"{"done":false}"#));
        while turn.sends.is_empty() {
            now = turn.wake.unwrap();
            turn = machine.step(now, Input::Tick);
        }
        if round == 100 {
            early = stored(&machine).iter().map(String::len).sum();
        }
    }
    let late: usize = stored(&machine).iter().map(String::len).sum();
    assert!(late < early + 200, "{early} bytes after 100 polls, {late} after 10,000");
}

#[test]
fn ten_thousand_workflows_in_progress_unwind() {
    const DEPTH: u32 = 10_000;
    let program = program(
        "  - workflowId: main
    steps:
      - stepId: ask
        operationId: other
        onSuccess: [{ name: enough, type: end, criteria: [{ condition: $response.body#/enough == true }] }]
      - { stepId: again, workflowId: main }
",
    );
    let ask = |status| {
        let mut machine = machine(&program, |settings| {
            (settings.limits.depth, settings.limits.steps) = (u32::MAX, u32::MAX);
            settings.limits.requests = Some(u32::MAX);
        });
        let mut turn = machine.step(0, Input::Start { epoch_ms: 0 });
        for _ in 0..DEPTH {
            turn = machine.step(1, reply(turn.sends[0].call, 200, r#"{"enough":false}"#));
        }
        machine.step(2, reply(turn.sends[0].call, status, r#"{"enough":true}"#)).done.unwrap()
    };
    let Outcome::Failed { why, .. } = ask(500) else { panic!("the innermost failed") };
    assert_eq!(why.notes.len(), 20, "the first and the last callers are named");
    assert!(why.remarks.iter().any(|remark| remark.starts_with("9980 workflows in between")), "{:?}", why.remarks);
    assert!(matches!(ask(200), Outcome::Succeeded { .. }));
}

/// Three tokens for one step of a workflow that another one calls.
fn guarded() -> Arc<Program> {
    program(
        "  - workflowId: main
    steps: [{ stepId: call, workflowId: inner }]
  - workflowId: inner
    steps:
      - { stepId: ask, operationId: guarded }
      - { stepId: other, operationId: other }
",
    )
}

fn with_clients(settings: &mut Settings) {
    for scheme in ["a", "b", "c"] {
        let credentials = std::mem::take(&mut settings.credentials).scheme(format!("{scheme}.clientId"), "me");
        settings.credentials = credentials.scheme(format!("{scheme}.clientSecret"), format!("secret-of-{scheme}"));
    }
}

/// The machine, stored as text and put together again.
fn restored(machine: &Machine, program: &Arc<Program>) -> Machine {
    let [state, secrets] = stored(machine);
    let secrets = serde_json::from_str(&secrets).unwrap();
    Machine::restore(program.clone(), serde_json::from_str(&state).unwrap(), secrets).unwrap()
}

fn token(send: &Outgoing) -> Input {
    let name = send.request.url.rsplit('/').next().unwrap();
    reply(send.call, 200, &format!(r#"{{"access_token":"token-of-{name}"}}"#))
}

#[test]
fn replies_find_their_call_in_any_order_across_restores() {
    let program = guarded();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut machine = machine(&program, with_clients);
        let tokens = machine.step(0, Input::Start { epoch_ms: 0 }).sends;
        assert_eq!(machine.calls().collect::<Vec<_>>(), tokens.iter().map(|send| send.call).collect::<Vec<_>>());
        let mut sends = vec![];
        for (number, at) in order.into_iter().enumerate() {
            let answered = tokens[at].call;
            machine = restored(&machine, &program);
            assert_eq!(machine.outgoing(answered).as_ref(), Some(&tokens[at]));
            let turn = machine.step(number as u64 * 10, token(&tokens[at]));
            // It is said of the step that it is of, and of its call.
            let of = |event: &arazzo_engine::event::Event| (event.frame, event.step.clone());
            assert_eq!(of(&turn.events[0]), (1, Some("ask".to_owned())), "{order:?}");
            let said = serde_json::to_value(&turn.events[0]).unwrap();
            assert_eq!((said["type"].as_str(), said["call"].as_u64()), (Some("response.received"), Some(answered.0)));
            // The same once more, and one that nobody waits for, say nothing.
            for late in [token(&tokens[at]), reply(CallId(99), 500, "{}")] {
                let turn = machine.step(number as u64 * 10, late);
                assert!(turn.events.is_empty() && turn.sends.is_empty() && turn.done.is_none(), "{order:?}");
            }
            sends = turn.sends;
            assert_eq!(sends.len(), usize::from(number == 2), "the operation is called when all have come");
        }
        let headers = &sends[0].request.headers;
        let credentials: Vec<&str> =
            headers.iter().filter(|(name, _)| name == "Authorization").map(|(_, value)| value.as_str()).collect();
        assert_eq!(credentials, ["Bearer token-of-a", "Bearer token-of-b", "Bearer token-of-c"]);
        machine = restored(&machine, &program);
        // A token that comes again is no answer of the operation.
        assert!(machine.step(30, token(&tokens[2])).events.is_empty());
        let turn = machine.step(30, reply(sends[0].call, 200, "{}"));
        let turn = machine.step(40, reply(turn.sends[0].call, 200, "{}"));
        assert!(matches!(turn.done, Some(Outcome::Succeeded { .. })), "{order:?}: {:?}", turn.done);
    }
}

#[test]
fn progress_of_calls_is_taken_in_by_call_and_never_back() {
    let program = guarded();
    let mut machine = machine(&program, with_clients);
    machine.await_progress();
    let tokens = machine.step(0, Input::Start { epoch_ms: 0 }).sends;
    let mut said = |now, call, progress| {
        let turn = machine.step(now, Input::Progress { call, progress });
        machine = restored(&machine, &program);
        let word = |event| serde_json::to_value(event).unwrap()["type"].as_str().unwrap().to_owned();
        turn.events.iter().map(word).collect::<Vec<_>>()
    };
    assert_eq!(said(1, tokens[1].call, Progress::Queued), ["request.queued"]);
    assert!(said(2, tokens[1].call, Progress::Queued).is_empty(), "it does already");
    assert_eq!(said(3, tokens[0].call, Progress::Written), ["request.sent"]);
    assert!(said(4, tokens[0].call, Progress::Written).is_empty(), "it is already");
    assert!(said(5, tokens[0].call, Progress::Queued).is_empty(), "it has left");
    assert!(said(6, CallId(99), Progress::Written).is_empty(), "there is no such call");
    assert!(said(7, tokens[1].call, Progress::Begun).is_empty());
    // One is in doubt, and two were not sent; the last of them was in no queue.
    let turn = machine.step(8, Input::Cancel);
    let failed = |event: &&arazzo_engine::event::Event| serde_json::to_string(event).unwrap().contains("given-up");
    assert_eq!(turn.events.iter().filter(failed).count(), 2, "{:?}", turn.events);
    assert_eq!(turn.aborts, [tokens[1].call, tokens[2].call]);
    assert!(turn.done.is_none(), "one call may still be answered");
    let turn = machine.step(9, token(&tokens[0]));
    let Some(Outcome::Stopped { why, .. }) = turn.done else { panic!("{:?}", turn.done) };
    assert!(why.remarks.is_empty(), "{:?}", why.remarks);
}

/// A loop logs in again and again; what the run still has, and the last, stay masked.
#[test]
fn tokens_that_are_given_without_end_are_forgotten_but_for_the_last() {
    let program = program(
        "  - workflowId: main
    steps:
      - { stepId: first, operationId: login, outputs: { token: $response.body#/token } }
      - stepId: again
        operationId: login
        outputs: { token: $response.body#/token }
        onSuccess: [{ name: on, type: goto, stepId: again }]
",
    );
    let mut machine = machine(&program, |settings| {
        (settings.limits.steps, settings.limits.run_ms) = (100_000, u64::MAX / 2);
        settings.loop_delay = arazzo_engine::limits::LoopDelay::Fixed(0);
    });
    let mut turn = machine.step(0, Input::Start { epoch_ms: 0 });
    let token = |number: u64| format!("token-{number:06}-of-the-loop");
    let mut most = 0;
    let mut now = 0;
    for number in 0..3_000 {
        while turn.sends.is_empty() {
            now = turn.wake.unwrap().max(now + 1);
            turn = machine.step(now, Input::Tick);
        }
        let body = format!(r#"{{"token":"{}","other":"{}"}}"#, token(number), token(number.saturating_sub(200)));
        turn = machine.step(now, reply(turn.sends[0].call, 200, &body));
        let shown = format!("{:?}", turn.events);
        assert!(!shown.contains("-of-the-loop"), "{number}: {shown}");
        if number % 100 == 0 {
            let secrets: serde_json::Value = serde_json::from_str(&stored(&machine)[1]).unwrap();
            most = most.max(secrets["learned"]["values"].as_array().unwrap().len());
        }
    }
    assert!(most > 256 && most < 1_100, "{most}");
    // The first is still an output.
    assert_eq!(machine.mask(&token(0)), "‹first.token›");
    assert_eq!(machine.mask(&token(2_999)), "‹again.token›");
    assert_eq!(machine.mask(&token(2_743)), "‹again.token›");
    // All of the run but this is the same where it is stored and restored.
    let (state, secrets) = machine.stored().unwrap();
    let other = Machine::restore(program, state, secrets).unwrap();
    assert_eq!(other.mask(&token(0)), "‹first.token›");
}
