//! A run that somebody else drives: turns and inputs, stored in between, gone on with elsewhere; one policy whatever sends.

use arazzo::{CallId, Failure, FailureKind, Input, Inputs, Outcome, Response, Session, SessionTurn, Workflow};
use serde_json::json;

use crate::cli::Folder;
use crate::readme::run;
use crate::suite::workspace_root;

const PASSWORD: &str = "correct-horse";
const TOKEN: &str = "tok-5f1c9a2e7b";

fn login(trusted: bool) -> Workflow {
    let builder = arazzo::open(workspace_root().join("examples/login/login.arazzo.yaml"));
    let builder = if trusted { builder.allow_host("notes.example.com") } else { builder };
    builder.load_blocking().unwrap().workflow(None).unwrap()
}

fn inputs() -> Inputs {
    Inputs::new().set("user", "ada").set("password", PASSWORD)
}

fn json_response(status: u16, body: &serde_json::Value) -> Result<Response, Failure> {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Ok(Response { status, headers, body: body.to_string().into_bytes() })
}

/// The answers of the server of the example.
fn answer(url: &str) -> Result<Response, Failure> {
    let login = url.ends_with("/login");
    json_response(200, &if login { json!({ "token": TOKEN }) } else { json!([{ "title": "Milk" }]) })
}

/// Runs a session to its end; `between` sees it between two turns, and may give another one.
fn drive(mut session: Session, mut between: impl FnMut(Session) -> Session) -> (Vec<String>, Outcome) {
    let (mut now, mut events) = (0, vec![]);
    loop {
        let turn: SessionTurn = session.turn(now);
        for mut envelope in turn.events {
            (envelope.run, envelope.time) = (String::new(), String::new());
            events.push(serde_json::to_string(&envelope).unwrap());
        }
        if let Some(outcome) = turn.outcome {
            return (events, outcome);
        }
        session = between(session);
        now += 10;
        for outgoing in turn.sends {
            // The request that was given is the one that is made again from the state.
            assert_eq!(session.outgoing(outgoing.call).as_ref(), Some(&outgoing));
            session.apply(now, Input::Reply { call: outgoing.call, result: answer(&outgoing.request.url) });
        }
    }
}

#[test]
fn a_session_that_is_stored_between_turns_gives_the_same_events() {
    let workflow = login(true);
    let (straight, outcome) = drive(workflow.session(inputs()).unwrap(), |session| session);
    assert_eq!(serde_json::Value::from(outcome.outputs()), json!({ "first": "Milk" }));
    let mut stored = 0;
    let (through, _) = drive(workflow.session(inputs()).unwrap(), |session| {
        let (state, secrets) = session.stored().unwrap();
        let [state, secrets] = [serde_json::to_string(&state), serde_json::to_string(&secrets)].map(Result::unwrap);
        assert!(!state.contains(PASSWORD) && !state.contains(TOKEN), "{state}");
        assert!(secrets.contains(PASSWORD));
        stored += 1;
        let secrets = serde_json::from_str(&secrets).unwrap();
        Session::restore(&workflow, serde_json::from_str(&state).unwrap(), secrets).unwrap()
    });
    assert_eq!((through, stored), (straight, 2));
}

#[test]
fn a_session_says_what_does_not_fit() {
    let workflow = login(true);
    let mut session = workflow.session(inputs()).unwrap();
    let turn = session.turn(0);
    let (state, secrets) = session.stored().unwrap();
    // A turn that was not taken has requests that would be forgotten.
    session.apply(5, Input::Reply { call: turn.sends[0].call, result: answer("/login") });
    assert!(session.stored().unwrap_err().to_string().contains("after its turn was taken"));
    let said = |result: Result<Session, arazzo::Error>| result.unwrap_err().to_string();
    assert!(said(Session::restore(&workflow, state.clone(), Default::default())).contains("secrets"));
    let other = arazzo::open(workspace_root().join("examples/greeting.arazzo.yaml")).load_blocking().unwrap();
    let other = other.workflow(None).unwrap();
    assert!(said(Session::restore(&other, state, secrets)).contains("another program"));
    // Answers to calls that nobody made change nothing.
    let mut other = login(true).session(inputs()).unwrap();
    other.turn(0);
    other.apply(1, Input::Reply { call: CallId(77), result: answer("/login") });
    assert!(other.turn(1).events.is_empty());
}

#[test]
fn the_policy_is_asked_whatever_sends() {
    let (events, outcome) = drive(login(false).session(inputs()).unwrap(), |session| session);
    let Outcome::Stopped { why, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(why.code.word(), "host-refused");
    assert!(why.message.contains("`notes.example.com` may not be called: it was not given"), "{}", why.message);
    assert!(events.iter().any(|event| event.contains("\"request.failed\"")), "{events:?}");
}

#[test]
fn failures_that_are_applied_are_masked() {
    let mut session = login(true).session(inputs()).unwrap();
    let turn = session.turn(0);
    let message = format!("the peer said {PASSWORD}");
    let failure = Failure { kind: FailureKind::Protocol, message, in_doubt: true };
    session.apply(1, Input::Reply { call: turn.sends[0].call, result: Err(failure) });
    let events = session.turn(1).events;
    let text = serde_json::to_string(&events).unwrap();
    assert!(text.contains("the peer said ‹password›") && !text.contains(PASSWORD), "{text}");
}

#[test]
fn the_examples_of_a_session_a_transport_and_a_service_run() {
    let root = workspace_root();
    let example = |name: &str, arguments: &[&str]| {
        let fixed = ["run", "-q", "--example", name, "--"];
        run(env!("CARGO"), &[fixed.as_slice(), arguments].concat(), &root)
    };
    assert!(example("transport", &[]).contains("\"Good day, Ada\""));
    let text = example("service", &[]);
    assert!(text.contains("{\"id\":\"p-1\"}") && text.contains("create: succeeded"), "{text}");
    assert!(text.contains("Bearer ‹token›") && !text.contains("tok-"), "{text}");
    let text = example("service", &["tok-of-another"]);
    assert!(text.contains("failed at create: ") && !text.contains("tok-"), "{text}");
    let folder = Folder::new();
    let path = folder.path().display().to_string();
    let mut processes = 0;
    let printed = loop {
        processes += 1;
        assert!(processes < 6, "it does not come to an end");
        let text = example("session", &[&path]);
        let stored = std::fs::read_to_string(folder.path().join("state.json")).unwrap();
        assert!(!stored.contains(PASSWORD) && !stored.contains(TOKEN), "{stored}");
        if text.contains("\"first\"") && text.contains("Milk") && processes > 2 {
            break text;
        }
    };
    assert_eq!(processes, 3, "{printed}");
    // An engine that is made up keeps three things: the beginning, and two answers.
    let kept = folder.path().join("kept.json").display().to_string();
    let printed: Vec<String> = (0..4).map(|_| example("engine", &[&kept])).collect();
    assert!(printed[..3].iter().all(String::is_empty) && printed[3].contains("Milk"), "{printed:?}");
    let source = std::fs::read_to_string(root.join("examples/engine.rs")).unwrap();
    assert!(source.lines().count() <= 60, "examples/engine.rs has {} lines", source.lines().count());
}
