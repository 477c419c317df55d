//! `arazzo fmt`: documents in one style. A document that cannot be written surely stays as it is, with the reason.

use arazzo::diagnostics::Sources;
use arazzo::formatting::{Unformatted, format};
use arazzo::json;
use arazzo::values::Json;

use crate::document_files::{DocumentFile, document_files};
use crate::exit;
use crate::flags::FmtFlags;
use crate::show::{Screen, diagnostics};

/// What became of a document.
enum Outcome {
    Unchanged,
    Formatted,
    /// `--check` and `--diff`: it is not in the style.
    Other,
    /// It stays as it is: the reason, and the place that it is about.
    Left(String),
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Formatted => "formatted",
            Self::Other => "unformatted",
            Self::Left(_) => "left",
        }
    }
}

/// Runs the command; the result is the exit code: 0 if all documents are in the style now, 3 if one is not.
pub(crate) fn fmt(flags: &FmtFlags, screen: &mut Screen) -> u8 {
    let files = match files_of(flags) {
        Ok(files) if files.is_empty() => {
            let help = "they are found by `arazzo:` at their root";
            screen.fault("nothing-ran", "there are no Arazzo documents there", Some(help));
            return exit::NOTHING;
        }
        Ok(files) => files,
        Err(message) => {
            screen.fault("setup", &message, None);
            return exit::USAGE;
        }
    };
    let (mut objects, mut outcomes) = (vec![], vec![]);
    for file in &files {
        match document(flags, file, screen) {
            Ok(outcome) => {
                objects.push(object_of(file, &outcome));
                outcomes.push(outcome);
            }
            Err(code) => return code,
        }
    }
    if flags.json {
        let object = json!({ "v": 1, "documents": objects }).to_string();
        if screen.data(&object).is_err() {
            return exit::OUTPUT;
        }
    }
    screen.line(&tally(&outcomes));
    let is_right = |outcome: &Outcome| matches!(outcome, Outcome::Unchanged | Outcome::Formatted);
    if outcomes.iter().all(is_right) { exit::SUCCEEDED } else { exit::DOCUMENT }
}

/// The documents that were asked for.
fn files_of(flags: &FmtFlags) -> Result<Vec<DocumentFile>, String> {
    let looks = flags.only_looks();
    let writes = if looks { "--check and --diff only look" } else { "save it first" };
    let files = document_files(&flags.documents, flags.stdin_filename.as_deref(), Some(writes))?;
    let prints = flags.documents.iter().any(|path| path.as_os_str() == "-") && !looks;
    if flags.diff && flags.json {
        return Err("--diff prints the difference and --json an object; leave one of them out".to_owned());
    }
    if prints && flags.json {
        return Err("`-` prints the document and --json an object; leave one of them out".to_owned());
    }
    if prints && flags.documents.len() > 1 {
        return Err("`-` prints the document: it stands alone, or with --check or --diff".to_owned());
    }
    Ok(files)
}

/// Formats one document; what became of it, or the exit code where nothing else is formatted.
fn document(flags: &FmtFlags, file: &DocumentFile, screen: &mut Screen) -> Result<Outcome, u8> {
    let name = file.path.display().to_string();
    let text = match file.read() {
        Ok(text) => text,
        // The others of its folder are formatted all the same.
        Err(reason) if file.found.is_some() => return Ok(leave(&name, reason, screen)),
        Err(reason) => {
            screen.fault("setup", &format!("cannot read `{name}`: {reason}"), None);
            return Err(exit::USAGE);
        }
    };
    let mut sources = Sources::default();
    let id = sources.add(name.clone(), name.clone(), text.as_str());
    let formatted = format(&sources, id);
    let looks = flags.only_looks();
    if file.text.is_some() && !looks {
        // What cannot be formatted is printed as it is.
        let printed = file.printed(formatted.as_ref().unwrap_or(&text));
        screen.data(&printed).map_err(|_| exit::OUTPUT)?;
    }
    let after = match formatted {
        Ok(after) => after,
        Err(reason) => return Ok(leave(&name, reason_of(&reason, &sources, screen), screen)),
    };
    if after == text {
        return Ok(Outcome::Unchanged);
    }
    if flags.diff {
        screen.data(&file.difference(&text, &after)).map_err(|_| exit::OUTPUT)?;
    }
    if looks {
        screen.line(&format!("not formatted: {name}"));
        return Ok(Outcome::Other);
    }
    if file.text.is_none() {
        file.replace(&text, &after).map_err(|error| {
            screen.fault("output", &format!("the document could not be written: {error}"), None);
            exit::OUTPUT
        })?;
        screen.line(&format!("formatted {name}"));
    }
    Ok(Outcome::Formatted)
}

/// What became of a document, for programs.
fn object_of(file: &DocumentFile, outcome: &Outcome) -> Json {
    let mut object = json!({ "file": file.path.display().to_string(), "status": outcome.word() });
    if let (Outcome::Left(reason), Json::Object(members)) = (outcome, &mut object) {
        members.insert("reason".to_owned(), json!(reason.as_str()));
    }
    object
}

/// Says that a document stays as it is, and why.
fn leave(name: &str, reason: String, screen: &mut Screen) -> Outcome {
    screen.line(&format!("left as it is: {name}: {reason}"));
    Outcome::Left(reason)
}

/// Why a document cannot be formatted, with its place; what makes it unreadable is said in full.
fn reason_of(reason: &Unformatted, sources: &Sources, screen: &mut Screen) -> String {
    match reason {
        Unformatted::Unread(found) => {
            for fault in found {
                screen.line(&format!("{}\n", diagnostics::text(fault, sources, crate::show::width())));
            }
            reason.to_string()
        }
        Unformatted::Unknown(span, _) => {
            let place = sources.place(*span);
            format!("{}:{}:{}: {reason}", place.file, place.line, place.column)
        }
        _ => reason.to_string(),
    }
}

fn tally(outcomes: &[Outcome]) -> String {
    let count = |word: &str| outcomes.iter().filter(|outcome| outcome.word() == word).count();
    let words = [("formatted", "formatted"), ("unformatted", "not formatted"), ("left", "left")];
    let parts: Vec<String> = words
        .iter()
        .map(|(word, said)| (count(word), said))
        .filter(|(count, _)| *count > 0)
        .map(|(count, said)| format!("{count} {said}"))
        .collect();
    let documents = if outcomes.len() == 1 { "document" } else { "documents" };
    let parts = if parts.is_empty() { "all in the style".to_owned() } else { parts.join(", ") };
    format!("{} {documents}: {parts}", outcomes.len())
}
