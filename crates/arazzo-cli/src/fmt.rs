//! `arazzo fmt`: documents in one style. A document that cannot be written surely stays as it is, with the reason.

use arazzo::diagnostics::{Sources, Span};
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
    /// `--check`: it is not in the style.
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
    let writes = (!flags.check).then_some("--check only looks");
    let files = document_files(&flags.documents, flags.stdin_filename.as_deref(), writes.or(Some("save it first")));
    let prints = flags.documents.iter().any(|path| path.as_os_str() == "-") && !flags.check;
    let files = match files {
        Ok(_) if prints && flags.json => Err("`-` prints the document and --json an object; leave one of them out"),
        Ok(_) if prints && flags.documents.len() > 1 => {
            Err("`-` prints the document: it stands alone, or with --check")
        }
        Ok(files) => Ok(files),
        Err(message) => {
            screen.fault("setup", &message, None);
            return exit::USAGE;
        }
    };
    let files = match files {
        Ok(files) if files.is_empty() => {
            let help = "they are found by `arazzo:` at their root";
            screen.fault("nothing-ran", "there are no Arazzo documents there", Some(help));
            return exit::NOTHING;
        }
        Ok(files) => files,
        Err(message) => {
            screen.fault("setup", message, None);
            return exit::USAGE;
        }
    };
    let (mut objects, mut outcomes) = (vec![], vec![]);
    for file in &files {
        match document(flags, file, screen) {
            Ok((outcome, object)) => {
                objects.push(object);
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

/// Formats one document; what became of it, also for programs.
fn document(flags: &FmtFlags, file: &DocumentFile, screen: &mut Screen) -> Result<(Outcome, Json), u8> {
    let name = file.path.display().to_string();
    let text = match file.read() {
        Ok(text) => text,
        // The others of its folder are formatted all the same.
        Err(reason) if file.found.is_some() => return Ok(unread(&name, reason, screen)),
        Err(reason) => {
            screen.fault("setup", &format!("cannot read `{name}`: {reason}"), None);
            return Err(exit::USAGE);
        }
    };
    let mut sources = Sources::default();
    let id = sources.add(name.clone(), name.clone(), text.as_str());
    let outcome = match format(&sources, id) {
        Ok(after) => {
            let is_same = after == text;
            if file.text.is_some() && !flags.check {
                screen.data(after.strip_suffix('\n').unwrap_or(&after)).map_err(|_| exit::OUTPUT)?;
            } else if !is_same && !flags.check {
                file.replace(&text, &after).map_err(|error| {
                    screen.fault("output", &format!("the document could not be written: {error}"), None);
                    exit::OUTPUT
                })?;
            }
            match (is_same, flags.check) {
                (true, _) => Outcome::Unchanged,
                (false, true) => Outcome::Other,
                (false, false) => Outcome::Formatted,
            }
        }
        Err(reason) => left(file, &text, &sources, &reason, screen)?,
    };
    match &outcome {
        Outcome::Formatted if file.text.is_none() => screen.line(&format!("formatted {name}")),
        Outcome::Other => screen.line(&format!("not formatted: {name}")),
        _ => {}
    }
    let object = object_of(&name, &outcome);
    Ok((outcome, object))
}

/// What became of a document, for programs.
fn object_of(name: &str, outcome: &Outcome) -> Json {
    let mut object = json!({ "file": name, "status": outcome.word() });
    if let (Outcome::Left(reason), Json::Object(members)) = (outcome, &mut object) {
        members.insert("reason".to_owned(), json!(reason.as_str()));
    }
    object
}

/// A document that was found and cannot be read: what is said about it.
fn unread(name: &str, reason: String, screen: &mut Screen) -> (Outcome, Json) {
    screen.line(&format!("left as it is: {name}: {reason}"));
    let outcome = Outcome::Left(reason);
    let object = object_of(name, &outcome);
    (outcome, object)
}

/// A document that stays as it is: what is said about it. That on standard input is printed as it is.
fn left(
    file: &DocumentFile,
    text: &str,
    sources: &Sources,
    reason: &Unformatted,
    screen: &mut Screen,
) -> Result<Outcome, u8> {
    let name = file.path.display();
    if file.text.is_some() {
        screen.data(text.strip_suffix('\n').unwrap_or(text)).map_err(|_| exit::OUTPUT)?;
    }
    let place = |span: Span| {
        let place = sources.place(span);
        format!("{}:{}:{}", place.file, place.line, place.column)
    };
    let said = match reason {
        Unformatted::Unread(found) => {
            for fault in found {
                screen.line(&format!("{}\n", diagnostics::text(fault, sources, crate::show::width())));
            }
            reason.to_string()
        }
        Unformatted::Unknown(span, _) => format!("{}: {reason}", place(*span)),
        _ => reason.to_string(),
    };
    screen.line(&format!("left as it is: {name}: {said}"));
    Ok(Outcome::Left(said))
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
