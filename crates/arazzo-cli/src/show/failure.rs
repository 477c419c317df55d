//! Why a run did not succeed: the place, the values it saw, the answer, a command that reproduces it, and what is left.

use std::collections::BTreeMap;

use anstyle::AnsiColor;
use arazzo::engine::event::{EventKind, RunStatus};
use arazzo::engine::reason::Reason;
use arazzo::engine::redact::BodyText;
use arazzo::engine::source::Sources;
use arazzo::report::{curl, explanation, left_behind};
use arazzo::{Envelope, Event, Report};

use super::{bold, safe, time};

/// The last request of every step and its answer, as the events showed them.
#[derive(Default)]
pub(crate) struct Exchanges {
    steps: BTreeMap<String, (Sent, Option<BodyText>)>,
}

/// A request, masked.
struct Sent {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<BodyText>,
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
    lines.push(explanation(why, exchange.and_then(|(.., answer)| answer.as_ref()), sources, true, width));
    if let (Some((sent, _)), true) = (exchange, *status == RunStatus::Failed) {
        lines.push(format!("reproduce: {}", curl(&sent.method, &sent.url, &sent.headers, sent.body.as_ref())));
    }
    lines.extend(left_behind(run));
    let red = bold(AnsiColor::Red);
    let word = if *status == RunStatus::Stopped { "stopped" } else { "failed" };
    lines.push(format!("{red}{word}{red:#} after {}{at} (exit {exit})", time(*duration_ms)));
    lines
}
