//! A run under a durable engine of your own: `cargo run --example engine -- FILE`, again and again until it prints
//! outputs. The engine is a list of entries in a file: what is there is read, what is not is done. Each process does
//! one thing and ends, as one that crashes; the next one plays the run from its beginning. A real engine encrypts entries,
//! and has one that a request which may not be sent twice is about to leave before it does.

use std::io::Write;

use arazzo::{Input, Inputs, Outgoing, Response, Secrets, Session, StoredSession};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

struct Engine(Vec<Value>, usize, String);

impl Engine {
    fn entry<T: Serialize + DeserializeOwned>(&mut self, work: impl FnOnce() -> T) -> Result<T, std::io::Error> {
        self.1 += 1;
        if let Some(kept) = self.0.get(self.1 - 1) {
            return Ok(serde_json::from_value(kept.clone())?);
        }
        self.0.push(serde_json::to_value(work())?);
        std::fs::write(&self.2, serde_json::to_vec(&self.0)?)?;
        std::process::exit(0)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("name a file")?;
    let entries = std::fs::read(&file).ok().map(|kept| serde_json::from_slice(&kept)).transpose()?;
    let mut engine = Engine(entries.unwrap_or_default(), 0, file);
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/login/login.arazzo.yaml");
    let workflow = arazzo::open(document).allow_host("notes.example.com").load_blocking()?.workflow(None)?;

    // What the run begins with: inputs, secrets, its name, its time.
    let begun = workflow.session(Inputs::new().set("user", "ada").set("password", "correct-horse"))?.stored()?;
    let (stored, secrets): (StoredSession, Secrets) = engine.entry(|| begun)?;
    let mut session = Session::restore(&workflow, stored, secrets)?;
    let mut now = 0;
    let outcome = loop {
        let turn = session.turn(now);
        if let Some(outcome) = turn.outcome {
            break outcome;
        }
        for outgoing in turn.sends {
            // The time is what came of it, too.
            let (at, input): (u64, Input) = engine.entry(|| (now + 40, answer(&outgoing)))?;
            now = at;
            session.apply(now, input);
        }
        now = turn.wake.unwrap_or(now).max(now);
    };
    writeln!(std::io::stdout(), "{}", Value::from(outcome.outputs()))?;
    Ok(())
}

/// The server, made up.
fn answer(Outgoing { call, request, .. }: &Outgoing) -> Input {
    let body = if request.method == "POST" { r#"{"token": "tok-5f1c"}"# } else { r#"[{"title": "Milk"}]"# };
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Input::Reply { call: *call, result: Ok(Response { status: 200, headers, body: body.into() }) }
}
