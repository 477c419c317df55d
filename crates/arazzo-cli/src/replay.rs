//! `arazzo replay`: a recorded run, run again without a server, and what is different.

use std::path::{Path, PathBuf};

use arazzo::diagnostics::{Severity, Shown, Sources};
use arazzo::json;
use arazzo::report::RunRecord;
use arazzo::values::Json;
use arazzo::{Description, Drift, DriftKind, Envelope, Error, EventKind, Recording, Replay};

use crate::flags::ReplayFlags;
use crate::remedies;
use crate::requested::{JsonForm, ProgressForm};
use crate::show::progress::Detail;
use crate::show::{Screen, safe, width};
use crate::watch::{Showing, Watch};
use crate::{exit, kept_events};

/// The length of a value that is shown, in characters.
const EXCERPT: usize = 300;

/// Runs the command; the result is the exit code.
pub(crate) fn replay(flags: &ReplayFlags, screen: &mut Screen) -> u8 {
    match prepared(flags) {
        Ok((recording, description)) => again(flags, &recording, &description, screen),
        Err(error) => screen.error(&error),
    }
}

fn prepared(flags: &ReplayFlags) -> Result<(Recording, Description), Error> {
    let (name, recording) = (flags.recording.display(), read_recording(&flags.recording)?);
    let builder = match &flags.document {
        Some(document) => arazzo::open(document).naming(remedies::flag),
        None => {
            let document = PathBuf::from(recording.document());
            if !document.exists() {
                let shown = document.display();
                return Err(Error::Setup(format!(
                    "the document that was recorded, `{shown}`, is not there; name it: arazzo replay {name} DOC"
                )));
            }
            // A recording is a file from somebody else.
            arazzo::open(document).naming(remedies::flag).found_in(".")
        }
    };
    let description = builder.readings(recording.readings()).workspace(true).load_blocking()?;
    Ok((recording, description))
}

/// Reads a recording.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read_recording(file: &Path) -> Result<Recording, Error> {
    let name = file.display().to_string();
    let text = kept_events::text(file).map_err(|reason| Error::Setup(format!("`{name}`: {reason}")))?;
    if kept_events::is_events(&text) {
        let message = "these are the events of a run; `arazzo run --record FILE` writes recordings";
        return Err(Error::Setup(format!("`{name}`: {message}")));
    }
    Recording::parse(&name, &text)
}

fn again(flags: &ReplayFlags, recording: &Recording, description: &Description, screen: &mut Screen) -> u8 {
    let showing = Showing::new(
        flags.verbosity.quiet,
        flags.verbosity.verbose,
        flags.json.then_some(JsonForm::Events),
        ProgressForm::Line,
    );
    let detail = showing.detail;
    let plan = description.plan(recording.workflow());
    let (mut data_error, mut last) = (None, None);
    let mut watch = Watch::new(screen, showing, &plan, vec![]);
    let mut record = RunRecord::default().last_attempts();
    let replay = description.replay(recording, |envelope: &Envelope| {
        record.add(envelope);
        if let Err(error) = watch.event(envelope, &record) {
            data_error.get_or_insert(error);
        }
        if matches!(envelope.event.kind, EventKind::RunFinished { .. }) {
            last = Some(envelope.event.kind.clone());
        }
    });
    if let Some(last) = &last {
        watch.verdict(last, recording.workflow());
    }
    let screen = watch.screen;
    let replay = match replay {
        Ok(replay) => replay,
        Err(error) => return screen.error(&error),
    };
    let sources = description.sources();
    for drift in &replay.drifts {
        if flags.json
            && let Err(error) = screen.data(&line(drift).to_string())
        {
            data_error.get_or_insert(error);
        }
        if detail >= Detail::Failures {
            screen.line(&describe_drift(drift, sources));
            screen.line("");
        }
    }
    let same = replay.drifts.is_empty() && replay.outcome.is_some();
    if detail >= Detail::Verdict || !same && detail >= Detail::Failures {
        screen.line(&summary(recording, &replay, sources));
    }
    if let Some(error) = data_error {
        screen.fault("output", &format!("the events could not be written: {error}"), None);
        return if same { exit::OUTPUT } else { exit::DIFFERENT };
    }
    if same { exit::SUCCEEDED } else { exit::DIFFERENT }
}

fn summary(recording: &Recording, replay: &Replay, sources: &Sources) -> String {
    let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let changed = recording.changed(sources);
    let changed = match changed.as_slice() {
        [] => String::new(),
        names => format!("; changed since it was recorded: {}", safe(&names.join(", "))),
    };
    if !replay.drifts.is_empty() {
        let before = recording.requests();
        return format!(
            "drift {}: {} now, {before} recorded{changed}",
            count(replay.drifts.len(), "difference"),
            count(replay.requests, "request")
        );
    }
    match replay.outcome {
        Some(_) => format!("same  {}, the same outcome{changed}", count(replay.requests, "request")),
        None => format!("drift the run waits for what was not recorded{changed}"),
    }
}

/// A line of `--json`, behind the events.
fn line(drift: &Drift) -> Json {
    let mut line = json!({ "v": 1, "type": "drift" });
    if let (Json::Object(line), Ok(serde_json::Value::Object(fields))) = (&mut line, serde_json::to_value(drift)) {
        line.extend(fields.into_iter().map(|(name, value)| (name, Json::from(value))));
    }
    line
}

/// A difference, at its place in the document.
pub(crate) fn describe_drift(drift: &Drift, sources: &Sources) -> String {
    let (part, step) = (safe(&drift.part), safe(&drift.step));
    let visit = if drift.visit > 1 { format!(", visit {}", drift.visit) } else { String::new() };
    let (kind, name) = part.split_once(' ').unwrap_or((part.as_str(), ""));
    let what = if name.is_empty() { kind.to_owned() } else { format!("{kind} `{name}`") };
    let message = match drift.kind {
        DriftKind::RequestMissing => format!("step `{step}` does not send a request that was recorded{visit}"),
        DriftKind::RequestUnexpected => format!("step `{step}` sends a request that was not recorded{visit}"),
        DriftKind::OutcomeChanged if name.is_empty() => "the run ends differently".to_owned(),
        DriftKind::OutcomeChanged => format!("the {what} has another value"),
        _ => match (&drift.recorded, &drift.now) {
            (None, _) => format!("step `{step}` sends a {what} that was not recorded{visit}"),
            (_, None) => format!("step `{step}` does not send the {what} that was recorded{visit}"),
            _ => format!("step `{step}` sends another {what}{visit}"),
        },
    };
    let values = [("recorded", &drift.recorded), ("now", &drift.now)].into_iter();
    let remarks = values.filter_map(|(title, value)| Some(format!("{title}: {}", excerpt(value.as_ref()?))));
    let remarks: Vec<String> = remarks.collect();
    let unexpected = drift.kind == DriftKind::RequestUnexpected;
    let help = unexpected.then_some("nothing recorded answers it, so the replay ends here; record the run again");
    let shown = Shown {
        severity: Severity::Error,
        word: drift.kind.word(),
        message: &message,
        span: drift.place.as_ref().and_then(|place| sources.span(place)),
        label: None,
        notes: &[],
        remarks: &remarks,
        help,
    };
    shown.render(sources, true, width())
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((at, _)) => format!("{}…", safe(text.get(..at).unwrap_or_default())),
        None => safe(text),
    }
}
