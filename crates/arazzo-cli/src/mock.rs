//! `arazzo mock`: what documents describe, served on this machine.

use arazzo::json;
use arazzo::mock::{Answered, Mocked, serve};
use arazzo::values::Json;

use crate::exit;
use crate::flags::MockFlags;
use crate::show::{Screen, safe};
use crate::signal;
use crate::streams::{self, Stream};

/// Runs the command until a signal; the result is the exit code.
pub(crate) fn mock(flags: &MockFlags, screen: &mut Screen) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.fault("setup", &format!("cannot start: {error}"), None);
            return exit::USAGE;
        }
    };
    let mocked = Mocked::new().idle_timeout(flags.idle_timeout).most_bytes(flags.max_bytes);
    let mocked = match flags.faults.on(mocked) {
        Ok(mocked) => mocked,
        Err(error) => return screen.error(&error),
    };
    let (quiet, as_json) = (flags.quiet, flags.json);
    let observe = move |answered: &Answered| {
        if as_json && !quiet {
            // A reader that has gone away does not end the mock.
            drop(streams::data(&format!("{}\n", object(answered))));
        } else if !quiet {
            streams::people(&format!("{}\n", line(answered)), Stream::People.usual_colors());
        }
    };
    runtime.block_on(async {
        let server = match serve(&flags.documents, &mocked, flags.port, observe).await {
            Ok(server) => server,
            Err(error) => return screen.error(&error),
        };
        let widest = server.endpoints().iter().map(|endpoint| endpoint.name.chars().count()).max().unwrap_or(0).min(60);
        for endpoint in server.endpoints() {
            let size = match (endpoint.operations, endpoint.channels) {
                (0, 1) => "1 channel".to_owned(),
                (0, channels) if channels > 1 => format!("{channels} channels"),
                (1, _) => "1 operation".to_owned(),
                (operations, _) => format!("{operations} operations"),
            };
            let name = safe(&endpoint.name);
            let text = match as_json {
                true => json!({
                    "v": 1, "type": "endpoint", "name": endpoint.name, "url": endpoint.url, "operations": endpoint.operations,
                    "channels": endpoint.channels,
                })
                .to_string(),
                false => format!("{name:widest$}  {}  {size}", endpoint.url),
            };
            if screen.data(&text).is_err() {
                return exit::OUTPUT;
            }
        }
        for (name, note) in server.notes() {
            if !as_json {
                screen.line(&format!("note: {}: {}", safe(name), safe(note)));
            } else if screen.data(&json!({ "v": 1, "type": "note", "source": name, "note": note }).to_string()).is_err() {
                return exit::OUTPUT;
            }
        }
        signal::next().await;
        exit::SUCCEEDED
    })
}

/// A request for programs.
fn object(answered: &Answered) -> Json {
    let Answered { source, method, target, status, operation, note, .. } = answered;
    json!({
        "v": 1, "type": "request", "source": source, "method": method, "target": target, "status": status,
        "operation": operation, "note": note,
    })
}

/// `GET /api/volumes/vol-1  200  getVolume  example third`
fn line(answered: &Answered) -> String {
    let status = answered.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
    let operation = answered.operation.as_deref().unwrap_or("-");
    format!(
        "{status} {} {}  {}  {}",
        safe(&answered.method),
        safe(&answered.target),
        safe(operation),
        safe(&answered.note)
    )
}
