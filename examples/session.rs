//! One turn of a run a process: `cargo run --example session -- FOLDER`, again and again until it prints outputs.
//!
//! After every turn the run is stored: `state.json` holds no secret and may lie anywhere, `secrets.json` has to be
//! encrypted where that matters. The requests of a turn leave in the next process, which makes them again from the state.

use std::io::Write;
use std::path::Path;

use arazzo::{CallId, Failure, Input, Inputs, Outgoing, Response, Session};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let [state, secrets] = ["state.json", "secrets.json"].map(|name| Path::new(&folder).join(name));
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/login/login.arazzo.yaml");
    let workflow = arazzo::open(document).allow_host("notes.example.com").load_blocking()?.workflow(None)?;

    // Times are those of the run; here each process is a second of it.
    let mut now = 0;
    let mut session = if state.exists() {
        let (stored, at): (_, u64) = serde_json::from_str(&std::fs::read_to_string(&state)?)?;
        now = at + 1_000;
        Session::restore(&workflow, stored, serde_json::from_str(&std::fs::read_to_string(&secrets)?)?)?
    } else {
        workflow.session(Inputs::new().set("user", "ada").set("password", "correct-horse"))?
    };
    let calls: Vec<CallId> = session.calls().collect();
    for outgoing in calls.into_iter().filter_map(|call| session.outgoing(call)).collect::<Vec<_>>() {
        let call = outgoing.call;
        session.apply(now, Input::Reply { call, result: answer(&outgoing) });
    }

    let turn = session.turn(now);
    for envelope in &turn.events {
        writeln!(std::io::stderr(), "{}", serde_json::to_string(envelope)?)?;
    }
    if let Some(outcome) = turn.outcome {
        writeln!(std::io::stdout(), "{}", serde_json::Value::from(outcome.outputs()))?;
        return Ok(());
    }
    // Before anything leaves: whoever goes on knows what may be under way.
    let (stored, kept) = session.stored()?;
    std::fs::write(state, serde_json::to_string(&(stored, now))?)?;
    std::fs::write(secrets, serde_json::to_string(&kept)?)?;
    Ok(())
}

/// The server, made up.
fn answer(outgoing: &Outgoing) -> Result<Response, Failure> {
    let good = outgoing.request.headers.iter().any(|(_, value)| value == "Bearer tok-5f1c9a2e7b");
    let (status, body) = match outgoing.request.url.as_str() {
        "https://notes.example.com/login" => (200, serde_json::json!({ "token": "tok-5f1c9a2e7b" })),
        _ if good => (200, serde_json::json!([{ "title": "Milk" }])),
        _ => (401, serde_json::json!({})),
    };
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Ok(Response { status, headers, body: body.to_string().into_bytes() })
}
