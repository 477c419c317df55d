//! Events that were kept: what `arazzo run --json` printed, read again.

use std::io::Read;
use std::path::Path;

use arazzo::report::RunRecord;
use arazzo::{Envelope, Error, files};

/// Bytes of the largest file that is read: `--max-kept` may be raised, and what is no text is base64.
const LARGEST: u64 = 1 << 30;

/// The text of a file that was named, or of stdin for `-`.
///
/// # Errors
/// The reason why it cannot be read.
pub(crate) fn text(path: &Path) -> Result<String, String> {
    if path != Path::new("-") {
        return files::named_text(path, LARGEST);
    }
    let mut text = vec![];
    std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > LARGEST {
        return Err(format!("it has more than {} MiB", LARGEST >> 20));
    }
    String::from_utf8(text).map_err(|_| "it is not UTF-8 text".to_owned())
}

/// `true` for the events of a run where a recording is wanted.
pub(crate) fn is_events(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let first: serde_json::Value = serde_json::from_str(first).unwrap_or_default();
    first.get("type").and_then(serde_json::Value::as_str) == Some("run.started")
}

/// Reads a file of events, one a line, `-` for stdin, and folds them.
///
/// # Errors
/// [`Error::Setup`] if it cannot be read, has a line that is not an event, or has the events of more than one run.
pub(crate) fn record(path: &Path) -> Result<RunRecord, Error> {
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let wrong = |message: String| Error::Setup(format!("`{name}`: {message}"));
    let text = text(path).map_err(wrong)?;
    let mut record = RunRecord::default();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = index + 1;
        let envelope = Envelope::read(line)
            .map_err(|error| wrong(format!("line {place} is not an event of `arazzo run --json`: {error}")))?;
        if envelope.v != arazzo::events::VERSION {
            return Err(wrong(format!("line {place} is of version {} of the events, which is not known", envelope.v)));
        }
        if !record.run.is_empty() && envelope.run != record.run {
            return Err(wrong(format!("line {place} is of another run; give the events of one")));
        }
        record.add(&envelope);
    }
    if record.run.is_empty() {
        return Err(wrong("there is no run in it: no line of type `run.started`".to_owned()));
    }
    Ok(record)
}
