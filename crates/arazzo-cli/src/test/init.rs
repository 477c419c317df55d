//! `arazzo test --init`: a recording becomes a test file.

use std::path::{Path, PathBuf};

use arazzo::values::{Json, Map};
use arazzo::{Error, FailureKind, RecordedCase, RecordedReply, json};

use super::plan::{stem_of, test_file};
use crate::cases::FAILURES;
use crate::exit;
use crate::flags::TestFlags;
use crate::replay::read_recording;
use crate::save::{Readers, save};
use crate::show::{Screen, safe};

/// Headers that say how an answer was sent, and nothing that a run reads.
const OF_THE_WIRE: [&str; 7] =
    ["connection", "content-encoding", "content-length", "date", "keep-alive", "server", "transfer-encoding"];

/// Writes the test file; the result is the exit code.
pub(super) fn init(recording: &Path, flags: &TestFlags, screen: &mut Screen) -> u8 {
    let (document, case) = match made(recording, flags) {
        Ok(made) => made,
        Err(error) => return screen.error(&error),
    };
    let text = match text_of(&case) {
        Ok(text) => text,
        Err(reason) => return screen.error(&Error::Setup(reason)),
    };
    let path = document.with_file_name(format!("{}.test.yaml", stem_of(&document)));
    if let Err(error) = save(&path, text.trim_end(), Readers::Default) {
        screen.fault("output", &format!("the test file could not be written: {error}"), None);
        return exit::OUTPUT;
    }
    let (file, shown) = (path.display().to_string(), document.display().to_string());
    if flags.quiet < 2 {
        screen.line(&format!("wrote {}  (arazzo test {})", safe(&file), safe(&shown)));
        if !case.credentials.is_empty() {
            let names = case.credentials.join(", ");
            screen.line(&format!(
                "note: the run had credentials ({}), which a test file does not have: give them to `arazzo test`",
                safe(&names)
            ));
        }
    }
    let line = json!({ "v": 1, "type": "written", "file": file, "document": shown, "workflow": case.workflow });
    match flags.json.then(|| screen.data(&line.to_string())) {
        Some(Err(_)) => exit::OUTPUT,
        _ => exit::SUCCEEDED,
    }
}

/// The document of a recording, and its case.
fn made(recording: &Path, flags: &TestFlags) -> Result<(PathBuf, RecordedCase), Error> {
    let recording = read_recording(recording)?;
    let document = match flags.paths.as_slice() {
        [] => PathBuf::from(recording.document()),
        [document] => document.clone(),
        _ => return Err(Error::Setup("a recording is of one document: name no more than one".to_owned())),
    };
    let shown = document.display();
    if !document.is_file() {
        let help = "name it: arazzo test --init RECORDING DOC";
        return Err(Error::Setup(format!("the document `{shown}` is no file here; {help}")));
    }
    if let Some(file) = test_file(&document) {
        let file = file.display();
        return Err(Error::Setup(format!("`{file}` is there already; move it, and put its cases together by hand")));
    }
    Ok((document, recording.as_case()))
}

/// The text of a test file with one case.
///
/// # Errors
/// The part of the run that a test file cannot have.
fn text_of(case: &RecordedCase) -> Result<String, String> {
    let mut one = Map::new();
    one.insert("name".to_owned(), json!("as recorded"));
    one.insert("workflow".to_owned(), json!(case.workflow));
    for (name, values) in [("inputs", &case.inputs), ("secrets", &case.secrets)] {
        if !values.is_empty() {
            one.insert(name.to_owned(), Json::from(values.clone()));
        }
    }
    let mut replies = Map::new();
    for (step, all) in case.replies.iter().filter(|(_, all)| !all.is_empty()) {
        let all: Result<Vec<Json>, String> = all.iter().map(|reply| reply_of(step, reply)).collect();
        replies.insert(step.clone(), Json::from(all?));
    }
    one.insert("replies".to_owned(), Json::from(replies));
    let mut expect = Map::new();
    expect.insert("outcome".to_owned(), json!(case.status.word()));
    if case.exit != exit::SUCCEEDED {
        expect.insert("exit".to_owned(), json!(case.exit));
    }
    for (name, value) in [("why", &case.why), ("step", &case.step)] {
        if let Some(value) = value {
            expect.insert(name.to_owned(), json!(value));
        }
    }
    if !case.outputs.is_empty() {
        expect.insert("outputs".to_owned(), unmasked(&Json::from(case.outputs.clone())));
    }
    let sent = |(step, method, url): &(String, String, String)| json!({ "step": step, "method": method, "url": url });
    expect.insert("requests".to_owned(), Json::from(case.requests.iter().map(sent).collect::<Vec<_>>()));
    one.insert("expect".to_owned(), Json::from(expect));
    let mut text = "# From a recording: secrets have stand-ins.\ncases:".to_owned();
    write(&Json::from(vec![Json::from(one)]), 1, &mut text);
    Ok(text + "\n")
}

/// A reply as a test file has it.
fn reply_of(step: &str, reply: &RecordedReply) -> Result<Json, String> {
    let (status, headers, body) = match reply {
        RecordedReply::Response { status, headers, body } => (status, headers, body),
        RecordedReply::Failure(kind) => {
            let word = match kind {
                FailureKind::StaleConnection => FailureKind::Reset.word(),
                FailureKind::GivenUp => FailureKind::Timeout.word(),
                kind => kind.word(),
            };
            return if FAILURES.contains(&word) {
                Ok(json!({ "failure": word }))
            } else {
                Err(format!("step `{step}` ended with `{word}`, which a test file cannot have"))
            };
        }
        _ => return Err(format!("what came for step `{step}` is nothing that a test file can have")),
    };
    let mut all = Map::new();
    all.insert("status".to_owned(), json!(*status));
    let kept: Map<String, Json> = headers
        .iter()
        .filter(|(name, _)| !OF_THE_WIRE.contains(&name.to_ascii_lowercase().as_str()))
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    if !kept.is_empty() {
        all.insert("headers".to_owned(), Json::from(kept));
    }
    if !body.is_empty() {
        let text = std::str::from_utf8(body)
            .map_err(|_| format!("the body of an answer for step `{step}` is no text: a test file cannot have it"))?;
        let is_json = headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().contains("json")
        });
        match Json::read(text).ok().filter(|_| is_json) {
            Some(value) => all.insert("body".to_owned(), value),
            None => all.insert("text".to_owned(), json!(text)),
        };
    }
    Ok(Json::from(all))
}

/// A value in which whatever was masked may be anything: an output is compared as it is, and known as it was shown.
fn unmasked(value: &Json) -> Json {
    match value {
        Json::String(text) if text.contains('‹') => json!({ "$any": true }),
        Json::Array(items) => Json::from(items.iter().map(unmasked).collect::<Vec<_>>()),
        Json::Object(members) => {
            Json::from(members.iter().map(|(name, value)| (name.clone(), unmasked(value))).collect::<Map<_, _>>())
        }
        value => value.clone(),
    }
}

/// Writes a value as YAML behind a colon or a dash: lists and objects below it, all else in its line.
fn write(value: &Json, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Json::Array(items) if items.iter().any(|item| matches!(item, Json::Array(_) | Json::Object(_))) => {
            for item in items.iter() {
                text.push_str(&format!("\n{indent}-"));
                match item {
                    Json::Object(members) if !members.is_empty() => {
                        for (index, (name, value)) in members.iter().enumerate() {
                            let before = if index == 0 { " ".to_owned() } else { format!("\n{indent}  ") };
                            text.push_str(&format!("{before}{}:", scalar(name)));
                            write(value, depth + 2, text);
                        }
                    }
                    item => text.push_str(&format!(" {item}")),
                }
            }
        }
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in members.iter() {
                text.push_str(&format!("\n{indent}{}:", scalar(name)));
                write(value, depth + 1, text);
            }
        }
        Json::String(word) => text.push_str(&format!(" {}", scalar(word))),
        // JSON is YAML.
        value => text.push_str(&format!(" {value}")),
    }
}

/// A text as a scalar of YAML, without quotes where it certainly needs none.
fn scalar(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(plain)
        && !words.contains(&name.to_ascii_lowercase().as_str());
    if is_plain { name.to_owned() } else { json!(name).to_string() }
}
