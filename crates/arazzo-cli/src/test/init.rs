//! `arazzo test --init`: a recording becomes a test file.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use arazzo::diagnostics::Code;
use arazzo::values::{Json, Map, scalar_of};
use arazzo::{Error, FailureKind, Readings, RecordedCase, RecordedCredential, RecordedMessage, RecordedReply, json};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::attempt::{End, Given, run_one};
use super::plan::planned_of;
use crate::cases::FAILURES;
use crate::exit;
use crate::find::{stem_of, test_file};
use crate::flags::TestFlags;
use crate::inputs::Stdin;
use crate::replay::read_recording;
use crate::save::{Readers, save};
use crate::show::{Screen, safe};
use crate::signal::Signals;

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
    }
    let differences = tried(&document, flags);
    for difference in &differences {
        screen.line(&format!("  {difference}"));
    }
    let line = json!({ "v": 1, "type": "written", "file": file, "document": shown, "workflow": case.workflow });
    let written = flags.json.then(|| screen.data(&line.to_string())).transpose();
    if !differences.is_empty() {
        let message =
            format!("the case in `{file}` does not pass as it is: something of the run is not in a test file");
        screen.fault(
            Code::TestFile.word(),
            &message,
            Some("look at the differences above, and change what is expected or given"),
        );
        return exit::DIFFERENT;
    }
    if written.is_err() { exit::OUTPUT } else { exit::SUCCEEDED }
}

/// Runs the case that was written; gives what is not as it was recorded.
fn tried(document: &Path, flags: &TestFlags) -> Vec<String> {
    let planned = match planned_of(document, flags) {
        Ok(planned) => planned,
        Err(error) => return vec![safe(&error.to_string())],
    };
    let signals = Signals::default();
    let stdin = Mutex::new(Stdin::new(true));
    let given = Given { flags, stdin, pages: vec![], signals: &signals };
    let done = planned.iter().map(|one| run_one(&given, 0, one));
    done.filter(|done| done.end != End::Passed)
        .flat_map(|done| done.unexpected.iter().map(|line| safe(line)).chain(done.report).collect::<Vec<_>>())
        .collect()
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
    if let Some(reason) = recording.not_a_case() {
        return Err(Error::Setup(format!("{reason}, which a test file cannot have; arazzo replay runs it again")));
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
    carry_settings(case, &mut one);
    let mut replies = Map::new();
    for (step, all) in case.replies.iter().filter(|(_, all)| !all.is_empty()) {
        let all: Result<Vec<Json>, String> = all.iter().map(|reply| reply_of(step, reply)).collect();
        replies.insert(step.clone(), Json::from(all?));
    }
    one.insert("replies".to_owned(), Json::from(replies));
    if !case.messages.is_empty() {
        let mut messages = Map::new();
        for (step, all) in &case.messages {
            let all: Result<Vec<Json>, String> = all.iter().map(|message| message_of(step, message)).collect();
            messages.insert(step.clone(), Json::from(all?));
        }
        one.insert("messages".to_owned(), Json::from(messages));
    }
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
    let sent = |(step, method, url): &(String, String, String)| match url.contains('‹') {
        // What a secret stands in is masked.
        true => json!({ "step": step, "method": method }),
        false => json!({ "step": step, "method": method, "url": url }),
    };
    expect.insert("requests".to_owned(), Json::from(case.requests.iter().map(sent).collect::<Vec<_>>()));
    one.insert("expect".to_owned(), Json::from(expect));
    let mut text = "# From a recording: secrets have stand-ins.\ncases:".to_owned();
    write(&Json::from(vec![Json::from(one)]), 1, &mut text);
    Ok(text + "\n")
}

/// What was given to the run beside its inputs, and decides how it goes.
fn carry_settings(case: &RecordedCase, one: &mut Map<String, Json>) {
    let credential = |given: &RecordedCredential| json!({ "for": given.key, "name": given.name, "value": given.value, "secret": given.secret });
    if !case.credentials.is_empty() {
        one.insert("credentials".to_owned(), case.credentials.iter().map(credential).collect());
    }
    if let Some(server) = &case.server {
        one.insert("server".to_owned(), json!(server));
    }
    for (name, values) in [("servers", &case.servers), ("serverVariables", &case.server_variables)] {
        if !values.is_empty() {
            let values: Map<String, Json> = values.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            one.insert(name.to_owned(), Json::from(values));
        }
    }
    if case.readings != Readings::default() {
        one.insert("readings".to_owned(), json!(case.readings.word()));
    }
}

/// A message as a test file has it.
fn message_of(step: &str, message: &RecordedMessage) -> Result<Json, String> {
    let mut all = Map::new();
    let mut headers = Map::new();
    for (name, value) in &message.headers {
        if headers.insert(name.clone(), json!(value)).is_some() {
            return Err(format!("a message of step `{step}` has two headers `{name}`, which a test file cannot have"));
        }
    }
    if !headers.is_empty() {
        all.insert("headers".to_owned(), Json::from(headers));
    }
    let Ok(text) = std::str::from_utf8(&message.payload) else {
        return Err(format!("a message of step `{step}` has a payload that is no text, which a test file cannot have"));
    };
    match Json::read(text) {
        Ok(value) => drop(all.insert("payload".to_owned(), value)),
        Err(_) => drop(all.insert("text".to_owned(), json!(text))),
    }
    Ok(Json::from(all))
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
    let mut kept: Map<String, Json> = Map::new();
    for (name, value) in headers.iter().filter(|(name, _)| !OF_THE_WIRE.contains(&name.to_ascii_lowercase().as_str())) {
        // One that comes twice is a list.
        let known = kept.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name));
        match known.map(|(_, known)| known) {
            Some(Json::Array(all)) => all.push(json!(value)),
            Some(one) => *one = Json::from(vec![one.clone(), json!(value)]),
            None => drop(kept.insert(name.clone(), json!(value))),
        }
    }
    if !kept.is_empty() {
        all.insert("headers".to_owned(), Json::from(kept));
    }
    if !body.is_empty() {
        let is_json = headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().contains("json")
        });
        let json = std::str::from_utf8(body).ok().filter(|_| is_json).and_then(|text| Json::read(text).ok());
        match (json, std::str::from_utf8(body)) {
            (Some(value), _) => all.insert("body".to_owned(), value),
            (_, Ok(text)) => all.insert("text".to_owned(), json!(text)),
            (_, Err(_)) => all.insert("base64".to_owned(), json!(BASE64_STANDARD.encode(body))),
        };
    }
    Ok(Json::from(all))
}

/// A value in which whatever was masked may be anything: an output is compared as it is, and known as it was shown.
fn unmasked(value: &Json) -> Json {
    match value {
        Json::String(text) if text.contains('‹') => json!({ "$any": true }),
        Json::Array(items) => Json::from(items.iter().map(unmasked).collect::<Vec<_>>()),
        Json::Object(members) if members.keys().any(|name| name.contains('‹')) => json!({ "$any": true }),
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
                            text.push_str(&format!("{before}{}:", scalar_of(name)));
                            write(value, depth + 2, text);
                        }
                    }
                    item => text.push_str(&format!(" {}", in_line(item))),
                }
            }
        }
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in members.iter() {
                text.push_str(&format!("\n{indent}{}:", scalar_of(name)));
                write(value, depth + 1, text);
            }
        }
        value => text.push_str(&format!(" {}", in_line(value))),
    }
}

/// A value in one line of YAML.
fn in_line(value: &Json) -> String {
    match value {
        Json::String(text) => scalar_of(text),
        Json::Array(items) => format!("[{}]", items.iter().map(in_line).collect::<Vec<_>>().join(", ")),
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", scalar_of(name), in_line(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        // JSON is YAML.
        value => value.to_string(),
    }
}
