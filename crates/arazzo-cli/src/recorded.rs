//! Events that were kept: what `arazzo run --json` printed, read again.

use std::io::Read;
use std::path::Path;

use arazzo::Envelope;
use arazzo::Error;

use crate::show::account::Account;

/// Reads a file of events, one a line, `-` for stdin, and folds them.
///
/// # Errors
/// [`Error::Setup`] if it cannot be read, has a line that is not an event, or has the events of more than one run.
pub(crate) fn account(path: &Path) -> Result<Account, Error> {
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let wrong = |message: String| Error::Setup(format!("`{name}`: {message}"));
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(path).map(|found| text = found)
    };
    read.map_err(|error| wrong(error.to_string()))?;
    let mut account = Account::default();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = index + 1;
        let envelope: Envelope = serde_json::from_str(line)
            .map_err(|error| wrong(format!("line {place} is not an event of `arazzo run --json`: {error}")))?;
        if envelope.v != arazzo::engine::event::VERSION {
            return Err(wrong(format!("line {place} is of version {} of the events, which is not known", envelope.v)));
        }
        if !account.run.is_empty() && envelope.run != account.run {
            return Err(wrong(format!("line {place} is of another run; give the events of one")));
        }
        account.add(&envelope);
    }
    if account.run.is_empty() {
        return Err(wrong("there is no run in it: no line of type `run.started`".to_owned()));
    }
    Ok(account)
}
