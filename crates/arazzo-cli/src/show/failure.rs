//! Why a run did not succeed: the place, the values it saw, the answer, a command that reproduces it, and what is left.

use std::collections::BTreeMap;

use anstyle::AnsiColor;
use arazzo::Report;
use arazzo::engine::diagnostic::Diagnostic;
use arazzo::engine::event::{BodyText, EventKind, RunStatus, Why};
use arazzo::engine::source::Sources;
use arazzo::{Envelope, Event};

use super::account::{Account, Answer};
use super::{bold, safe, time};
use crate::given::upper_snake;

/// How much of an answer is quoted, in characters.
const EXCERPT: usize = 300;

/// The last request of every step and its answer, as the events showed them.
#[derive(Default)]
pub(crate) struct Exchanges {
    steps: BTreeMap<String, (Sent, Option<BodyText>)>,
}

/// A request, masked.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<BodyText>,
}

impl Exchanges {
    pub(crate) fn add(&mut self, event: &Event) {
        let Some(step) = &event.step else { return };
        match &event.kind {
            EventKind::RequestSent { method, url, headers, body, .. } => {
                let sent =
                    Sent { method: method.clone(), url: url.clone(), headers: headers.clone(), body: body.clone() };
                self.steps.insert(step.clone(), (sent, None));
            }
            EventKind::ResponseReceived { body, .. } => {
                if let Some((_, known)) = self.steps.get_mut(step) {
                    known.clone_from(body);
                }
            }
            _ => {}
        }
    }

    fn of(&self, step: &str) -> Option<&(Sent, Option<BodyText>)> {
        self.steps.get(step)
    }
}

/// The whole report of a run that failed or stopped.
pub(crate) fn report(
    last: &Envelope,
    sources: &Sources,
    exchanges: &Exchanges,
    run: &Report,
    exit: u8,
    width: usize,
) -> Vec<String> {
    let EventKind::RunFinished { status, duration_ms, why: Some(why), .. } = &last.event.kind else { return vec![] };
    let mut lines = vec![];
    let exchange = why.step.as_deref().and_then(|step| exchanges.of(step)).filter(|_| !unsent(why));
    lines
        .push(diagnostic(why, exchange.and_then(|(.., answer)| answer.as_ref()), sources).render(sources, true, width));
    if let (Some((sent, _)), true) = (exchange, *status == RunStatus::Failed) {
        lines.push(format!("reproduce: {}", curl(sent)));
    }
    lines.extend(left_behind(run));
    let at = why.step.as_deref().map(|step| format!(" at {}", safe(step))).unwrap_or_default();
    let red = bold(AnsiColor::Red);
    let word = match (status, why.code.as_str()) {
        (RunStatus::Stopped, "interrupted") => "interrupted",
        (RunStatus::Stopped, _) => "stopped",
        _ => "failed",
    };
    lines.push(format!("{red}{word}{red:#} after {}{at} (exit {exit})", time(*duration_ms)));
    lines
}

/// The place of the fault with a caret and what there is to say about it, without colours; none for a run without one.
pub(crate) fn snippet(run: &Account, sources: &Sources) -> Option<String> {
    let why = run.verdict().why?;
    let last = run.attempts.iter().rev().find(|attempt| Some(&attempt.step) == why.step.as_ref());
    let answer = last.and_then(|attempt| attempt.exchanges.last()).and_then(|exchange| match &exchange.answer {
        Answer::Received { body, .. } => body.as_ref(),
        _ => None,
    });
    Some(diagnostic(why, answer.filter(|_| !unsent(why)), sources).render(sources, false, 100))
}

/// `true` if the failing attempt sent nothing: an older request of the step is not what failed.
fn unsent(why: &Why) -> bool {
    matches!(
        why.code.as_str(),
        "absent-value"
            | "unsafe-value"
            | "invalid-input"
            | "replacement-target"
            | "dependency-not-met"
            | "step-limit"
            | "depth-limit"
            | "value-limit"
    )
}

fn diagnostic(why: &Why, answer: Option<&BodyText>, sources: &Sources) -> Diagnostic {
    let span = why.place.as_ref().and_then(|place| sources.span(place));
    let mut diagnostic =
        Diagnostic::error(why.code.clone(), span, safe(&why.message)).help(why.help.as_deref().map(safe));
    diagnostic.label = why.label.as_deref().map(safe);
    diagnostic.notes = why.notes.iter().filter_map(|(place, text)| Some((sources.span(place)?, safe(text)))).collect();
    if let Some(answer) = answer {
        let text = if answer.text.is_empty() { "bytes that are not text".to_owned() } else { excerpt(&answer.text) };
        let media_type = if answer.media_type.is_empty() { "no content type" } else { answer.media_type.as_str() };
        diagnostic = diagnostic.remark(format!("response: {text}   ({}, {} bytes)", safe(media_type), answer.bytes));
    }
    for remark in &why.remarks {
        diagnostic = diagnostic.remark(safe(remark));
    }
    diagnostic
}

fn excerpt(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(EXCERPT) {
        Some((at, _)) => format!("{}…", safe(text.get(..at).unwrap_or_default())),
        None => safe(text),
    }
}

/// What a run that did not succeed has made, or may have made.
pub(crate) fn left_behind(run: &Report) -> Vec<String> {
    run.changes()
        .map(|change| {
            let outputs: Vec<String> = change
                .outputs
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| format!("{name}={}", shown(value)))
                .collect();
            let outputs = if outputs.is_empty() { String::new() } else { format!(": {}", outputs.join(" ")) };
            let sent = format!("{} {}", change.call.method, safe(&change.call.url));
            match change.call.status {
                Some(status) => format!("left behind: {} did {sent} ({status}){outputs}", safe(change.step)),
                None => format!("in doubt: {} sent {sent}; its result is not known", safe(change.step)),
            }
        })
        .collect()
}

fn shown(value: &serde_json::Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", safe(text.get(..at).unwrap_or_default())),
        None => safe(&text),
    }
}

/// A shell command that sends the same request, with a variable in the place of each secret.
pub(crate) fn curl(sent: &Sent) -> String {
    let mut words = vec!["curl".to_owned()];
    match (sent.method.as_str(), &sent.body) {
        ("GET", None) => {}
        // With -X, curl would wait for a body that never comes.
        ("HEAD", None) => words.push("--head".to_owned()),
        (method, _) => words.push(format!("-X {method}")),
    }
    words.extend(sent.headers.iter().map(|(name, value)| format!("-H {}", word(&format!("{name}: {value}")))));
    match &sent.body {
        // What is not shown whole cannot be repeated from here.
        Some(body) if body.cut || (body.text.is_empty() && body.bytes > 0) => {
            words.push("--data-binary @body".to_owned())
        }
        Some(body) => words.push(format!("--data-raw {}", word(&body.text))),
        None => {}
    }
    words.push(word(&sent.url));
    words.join(" ")
}

/// One word of a shell command: single quotes, or double quotes where a secret becomes a variable.
fn word(text: &str) -> String {
    let mut shell = String::new();
    let mut rest = text;
    let mut variables = false;
    while let Some((before, after)) = rest.split_once('‹') {
        let Some((name, after)) = after.split_once('›').filter(|(name, _)| is_mask(name)) else { break };
        shell.push_str(&double_quoted(before));
        shell.push_str(&format!("${{{}}}", upper_snake(name)));
        variables = true;
        rest = after;
    }
    if !variables {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    shell.push_str(&double_quoted(rest));
    // `$NAME` reads better where the name cannot run into what follows.
    format!("\"{}\"", simple_variables(&shell))
}

pub(crate) fn is_mask(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn double_quoted(text: &str) -> String {
    text.chars().flat_map(|c| if matches!(c, '\\' | '"' | '$' | '`') { vec!['\\', c] } else { vec![c] }).collect()
}

fn simple_variables(shell: &str) -> String {
    let mut text = String::new();
    let mut rest = shell;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        text.push_str(before);
        let runs_on = after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        text.push_str(&if runs_on { format!("${{{name}}}") } else { format!("${name}") });
        rest = after;
    }
    text + rest
}
