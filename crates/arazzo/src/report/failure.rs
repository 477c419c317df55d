//! The reason why a run did not succeed, as people read it: the place, the values it saw, the answer, and what is left.

use arazzo_engine::diagnostic::{Severity, Shown};
use arazzo_engine::reason::Reason;
use arazzo_engine::report::Report;
use arazzo_engine::source::Sources;

use super::har::reason;
use super::run_record::{Answer, Exchange, RunRecord};
use super::text::safe;
use crate::call::CALL_DOCUMENT;

/// The length of an answer that is quoted, in characters.
const EXCERPT: usize = 300;

/// The number of changes that are told one by one.
const CHANGES: usize = 20;

/// The failure of a run: the place of the fault with a caret, what there is to say about it, and the answer of the
/// failing attempt; with colours if `color`. None for a run without a reason.
#[must_use]
pub fn explanation(run: &RunRecord, sources: &Sources, color: bool, width: usize) -> Option<String> {
    let why = run.verdict().why?;
    // A single call has a document that nobody wrote: nothing in it is shown.
    let called = why.place.as_ref().is_some_and(|place| place.file == CALL_DOCUMENT);
    let answer = run.failing_exchange().and_then(response);
    let notes: Vec<_> = why
        .notes
        .iter()
        .filter(|_| !called)
        .filter_map(|(place, text)| Some((sources.span(place)?, safe(text))))
        .collect();
    let request = run.failing_exchange().filter(|_| called);
    let message = match request.map(|exchange| (exchange, &exchange.answer)) {
        Some((exchange, Answer::Received { status, .. })) if why.code == Reason::UnexpectedStatus => {
            format!("{} {} answered {status} {}", exchange.method, exchange.path(), reason(*status))
        }
        _ => why.message.clone(),
    };
    let request = request.map(|exchange| format!("request: {} {}", exchange.method, safe(&exchange.url)));
    let others = why.remarks.iter().map(|remark| safe(remark));
    let remarks: Vec<String> = request.into_iter().chain(answer).chain(others).collect();
    let label = why.label.as_deref().filter(|_| !called).map(safe);
    let help = why.help.as_deref().map(safe);
    let shown = Shown {
        severity: Severity::Error,
        word: why.code.word(),
        message: &safe(message.trim_end()),
        span: why.place.as_ref().filter(|_| !called).and_then(|place| sources.span(place)),
        label: label.as_deref(),
        notes: &notes,
        remarks: &remarks,
        help: help.as_deref(),
    };
    Some(shown.render(sources, color, width))
}

/// The beginning of the body that came for a request, with its media type and size; none if no body came.
pub(super) fn response(exchange: &Exchange) -> Option<String> {
    let Answer::Received { body: Some(body), .. } = &exchange.answer else { return None };
    let text = if body.text.is_empty() { "bytes that are not text".to_owned() } else { excerpt(&body.text) };
    let media_type = if body.media_type.is_empty() { "no content type" } else { body.media_type.as_str() };
    Some(format!("response: {text}   ({}, {} bytes)", safe(media_type), body.bytes))
}

fn excerpt(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(EXCERPT) {
        Some((at, _)) => format!("{}…", safe(text.get(..at).unwrap_or_default())),
        None => safe(text),
    }
}

/// The changes that a run that did not succeed has made, or may have made.
#[must_use]
pub fn left_behind(run: &Report) -> Vec<String> {
    let count = run.changes().count();
    let more = (count > CHANGES).then(|| format!("left behind: {} more changes before these", count - CHANGES));
    let told = run.changes().skip(count.saturating_sub(CHANGES)).map(|change| {
        let outputs: Vec<String> = change
            .outputs
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| format!("{name}={}", display_value(value)))
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

fn display_value(value: &arazzo_engine::value::Json) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", safe(text.get(..at).unwrap_or_default())),
        None => safe(&text),
    }
}
