//! Why a run did not succeed: the place, the values it saw, the answer, a command that reproduces it, and what is left.

use std::collections::BTreeMap;

use anstyle::AnsiColor;
use arazzo::Report;
use arazzo::engine::diagnostic::{Severity, Shown};
use arazzo::engine::event::{EventKind, RunStatus, Why};
use arazzo::engine::reason::Reason;
use arazzo::engine::redact::BodyText;
use arazzo::engine::source::Sources;
use arazzo::{Envelope, Event};

use super::account::{Account, Answer};
use super::{bold, is_hidden, safe, time};
use crate::given::upper_snake;

/// How much of an answer is quoted, in characters.
const EXCERPT: usize = 300;

/// How many changes are told one by one.
const CHANGES: usize = 20;

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
    let at = why.step.as_deref().map(|step| format!(" at {}", safe(step))).unwrap_or_default();
    if why.code == Reason::Interrupted {
        // Nothing is wrong that a place or an answer would explain.
        let (yellow, after) = (bold(AnsiColor::Yellow), time(*duration_ms));
        let word = if exit == crate::exit::TERMINATED { "terminated" } else { "interrupted" };
        let mut lines = vec![format!("{yellow}{word}{yellow:#} after {after}{at} (exit {exit})")];
        lines.extend(left_behind(run));
        return lines;
    }
    let mut lines = vec![];
    let exchange = why.step.as_deref().and_then(|step| exchanges.of(step)).filter(|_| why.code.was_sent());
    lines.push(told(why, exchange.and_then(|(.., answer)| answer.as_ref()), sources, true, width));
    if let (Some((sent, _)), true) = (exchange, *status == RunStatus::Failed) {
        lines.push(format!("reproduce: {}", curl(sent)));
    }
    lines.extend(left_behind(run));
    let red = bold(AnsiColor::Red);
    let word = if *status == RunStatus::Stopped { "stopped" } else { "failed" };
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
    Some(told(why, answer.filter(|_| why.code.was_sent()), sources, false, 100))
}

/// The reason with its places and the answer that it is about; with colours if `color`.
fn told(why: &Why, answer: Option<&BodyText>, sources: &Sources, color: bool, width: usize) -> String {
    let notes: Vec<_> = why.notes.iter().filter_map(|(place, text)| Some((sources.span(place)?, safe(text)))).collect();
    let answer = answer.map(|answer| {
        let text = if answer.text.is_empty() { "bytes that are not text".to_owned() } else { excerpt(&answer.text) };
        let media_type = if answer.media_type.is_empty() { "no content type" } else { answer.media_type.as_str() };
        format!("response: {text}   ({}, {} bytes)", safe(media_type), answer.bytes)
    });
    let remarks: Vec<String> = answer.into_iter().chain(why.remarks.iter().map(|remark| safe(remark))).collect();
    let (label, help) = (why.label.as_deref().map(safe), why.help.as_deref().map(safe));
    let shown = Shown {
        severity: Severity::Error,
        word: why.code.word(),
        message: &safe(&why.message),
        span: why.place.as_ref().and_then(|place| sources.span(place)),
        label: label.as_deref(),
        notes: &notes,
        remarks: &remarks,
        help: help.as_deref(),
    };
    shown.render(sources, color, width)
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
    let count = run.changes().count();
    let more = (count > CHANGES).then(|| format!("left behind: {} more changes before these", count - CHANGES));
    let told = run.changes().skip(count.saturating_sub(CHANGES)).map(|change| {
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
            None => format!("in-doubt: {} sent {sent}; its result is not known", safe(change.step)),
        }
    });
    more.into_iter().chain(told).collect()
}

fn shown(value: &serde_json::Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", safe(text.get(..at).unwrap_or_default())),
        None => safe(&text),
    }
}

/// A shell command that sends the same request, with a variable in the place of each secret; below it, as a comment, what
/// has to be done before, if anything.
pub(crate) fn curl(sent: &Sent) -> String {
    let mut words = vec!["curl".to_owned()];
    match (sent.method.as_str(), &sent.body) {
        ("GET", None) => {}
        // With -X, curl would wait for a body that never comes.
        ("HEAD", None) => words.push("--head".to_owned()),
        (method, _) => words.push(format!("-X {}", bare(method))),
    }
    let form = sent.body.as_ref().and_then(form);
    // curl writes the boundary of a form itself.
    let is_own = |name: &str| form.is_some() && name.eq_ignore_ascii_case("content-type");
    for (name, value) in sent.headers.iter().filter(|(name, _)| !is_own(name)) {
        // Without a value, a colon would take the header away.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        words.push(format!("-H {}", word(&header)));
    }
    let mut comment = String::new();
    match (&sent.body, form) {
        (_, Some(form)) => words.extend(form),
        // What is not shown whole cannot be repeated from here.
        (Some(body), None) if body.cut || (body.text.is_empty() && body.bytes > 0) => {
            words.push("--data-binary @body".to_owned());
            comment = format!("\n# with the {} bytes of the body in the file `body`", body.bytes);
        }
        (Some(body), None) => words.push(format!("--data-raw {}", word(&body.text))),
        (None, None) => {}
    }
    if sent.url.contains(['[', ']', '{', '}']) {
        words.push("--globoff".to_owned());
    }
    words.push(word(&sent.url));
    words.join(" ") + &comment
}

/// A method as it is, or in quotes where a shell would read more into it.
fn bare(method: &str) -> String {
    if method.chars().all(|c| c.is_ascii_alphanumeric()) { method.to_owned() } else { word(method) }
}

/// The parts of a multipart form as flags, files by the names that were sent; none if it is not shown whole.
fn form(body: &BodyText) -> Option<Vec<String>> {
    let boundary = body.media_type.strip_prefix("multipart/form-data;")?.trim().strip_prefix("boundary=")?;
    let border = format!("--{}", boundary.trim_matches('"'));
    let inner = body.text.trim_end().strip_suffix(&format!("{border}--"))?;
    let mut flags = vec![];
    for part in inner.split(&border).skip(1) {
        let (head, value) = part.strip_prefix("\r\n")?.split_once("\r\n\r\n")?;
        let value = value.strip_suffix("\r\n")?;
        let (mut name, mut file, mut kind) = (None, None, None);
        for line in head.split("\r\n") {
            let (header, content) = line.split_once(':')?;
            let content = content.trim();
            match header.to_ascii_lowercase().as_str() {
                "content-disposition" => {
                    let of = |key: &str| Some(content.split_once(&format!("; {key}=\""))?.1.split_once('"')?.0);
                    (name, file) = (of("name"), of("filename"));
                }
                "content-type" => kind = Some(content),
                // A flag for it would have to quote within quotes.
                _ => return None,
            }
        }
        let (name, kind) = (name?, kind.map(|kind| format!(";type={kind}")).unwrap_or_default());
        flags.push(match file {
            Some(file) => format!("-F {}", word(&format!("{name}=@\"{file}\"{kind}"))),
            None if kind.is_empty() => format!("--form-string {}", word(&format!("{name}={value}"))),
            None => {
                let value = value.replace('\\', r"\\").replace('"', "\\\"");
                format!("-F {}", word(&format!("{name}=\"{value}\"{kind}")))
            }
        });
    }
    Some(flags)
}

/// One word of a shell command: single quotes, or double quotes where a secret becomes a variable. Control characters
/// are written out, as bash, zsh and ksh read them.
fn word(text: &str) -> String {
    let mut pieces = vec![];
    let mut rest = text;
    let mut before = String::new();
    while let Some((head, after)) = rest.split_once('‹') {
        before.push_str(head);
        match after.split_once('›').filter(|(name, _)| is_mask(name)) {
            Some((name, after)) => {
                pieces.push((std::mem::take(&mut before), Some(upper_snake(name))));
                rest = after;
            }
            None => {
                before.push('‹');
                rest = after;
            }
        }
    }
    before.push_str(rest);
    pieces.push((before, None));
    let control = text.contains(|c: char| is_hidden(c) && c != '\n' && c != '\t');
    let variables = pieces.len() > 1;
    if control {
        let piece = |(text, variable): &(String, Option<String>)| {
            let text = if text.is_empty() { String::new() } else { ansi_c(text) };
            text + &variable.as_ref().map(|name| format!("\"${name}\"")).unwrap_or_default()
        };
        return pieces.iter().map(piece).collect();
    }
    if !variables {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let shell: String = pieces
        .iter()
        .map(|(text, variable)| {
            double_quoted(text) + &variable.as_ref().map(|name| format!("${{{name}}}")).unwrap_or_default()
        })
        .collect();
    // `$NAME` reads better where the name cannot run into what follows.
    format!("\"{}\"", simple_variables(&shell))
}

/// `$'…'`, with everything in it that a terminal would act on.
fn ansi_c(text: &str) -> String {
    let mut shell = "$'".to_owned();
    for c in text.chars() {
        match c {
            '\'' | '\\' => shell.extend(['\\', c]),
            '\n' => shell.push_str("\\n"),
            '\r' => shell.push_str("\\r"),
            '\t' => shell.push_str("\\t"),
            c if is_hidden(c) => c.to_string().bytes().for_each(|byte| shell.push_str(&format!("\\x{byte:02x}"))),
            c => shell.push(c),
        }
    }
    shell + "'"
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
