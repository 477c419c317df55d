//! The progress of a run, one line a finished step and one a poll. Knows the events so far and nothing else.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};
use arazzo::Envelope;
use arazzo::engine::event::{BodyText, EventKind, RunStatus, StepStatus};

use super::{bold, safe, time};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// `-qq`
    Nothing,
    /// `-q`
    Failures,
    Lines,
    /// `-v`
    Headers,
    /// `-vv`
    Bodies,
}

/// What has to be remembered to write the next line.
pub(crate) struct Lines {
    detail: Detail,
    /// The widest step name, for columns.
    names: usize,
    /// By frame and step: two workflows may share a stepId.
    steps: BTreeMap<(u32, String), Seen>,
    /// How deep each frame is.
    depths: BTreeMap<u32, usize>,
    /// The action that was chosen last.
    action: Option<Chosen>,
    /// `true` from the first workflow on.
    began: bool,
}

/// An action: its name, its type, where it leads, and how long it waits.
struct Chosen {
    action: String,
    retry: bool,
    target: Option<String>,
    delay_ms: Option<u64>,
}

#[derive(Default)]
struct Seen {
    call: String,
    answer: String,
    first_ms: Option<u64>,
    visit: u32,
    attempt: u32,
}

impl Lines {
    /// `steps` are the names of the steps and how deep they stand.
    pub(crate) fn new<'a>(detail: Detail, steps: impl Iterator<Item = (&'a str, u32)>) -> Self {
        let width = |(name, depth): (&str, u32)| name.chars().count() + 2 * depth as usize;
        let names = steps.map(width).max().unwrap_or(0).min(32);
        Self { detail, names, steps: BTreeMap::new(), depths: BTreeMap::new(), action: None, began: false }
    }

    /// The lines for an event; often none.
    pub(crate) fn event(&mut self, envelope: &Envelope) -> Vec<String> {
        if self.detail < Detail::Lines {
            return vec![];
        }
        let event = &envelope.event;
        let name = (event.frame, event.step.clone().unwrap_or_default());
        match &event.kind {
            EventKind::StepStarted { calls, .. } => {
                let margin = self.margin(event.frame);
                let width = self.names.saturating_sub(margin.len());
                let seen = self.steps.entry(name.clone()).or_default();
                (seen.visit, seen.attempt) = (event.visit.unwrap_or(1), event.attempt.unwrap_or(1));
                seen.first_ms.get_or_insert(envelope.ms);
                (seen.call, seen.answer) = (String::new(), String::new());
                let Some(calls) = calls else { return vec![] };
                seen.call = format!("workflow {}", safe(calls));
                let cyan = bold(AnsiColor::Cyan);
                vec![format!("{cyan}call{cyan:#}  {margin}{:width$}  {}", safe(&name.1), seen.call)]
            }
            EventKind::RequestSent { method, url, headers, body, .. } => {
                self.steps.entry(name).or_default().call = format!("{method} {}", path(url));
                self.wire('>', &format!("{method} {}", safe(url)), headers, body.as_ref())
            }
            EventKind::ResponseReceived { status, headers, body, .. } => {
                self.steps.entry(name).or_default().answer = status.to_string();
                self.wire('<', &status.to_string(), headers, body.as_ref())
            }
            EventKind::RequestFailed { failure, message, .. } => {
                self.steps.entry(name).or_default().answer = failure.clone();
                self.wire('<', &format!("no answer: {}", safe(message)), &[], None)
            }
            EventKind::ActionSelected { action, kind, target, delay_ms, .. } => {
                self.action = Some(Chosen {
                    action: action.clone(),
                    retry: kind == "retry",
                    target: target.clone(),
                    delay_ms: *delay_ms,
                });
                vec![]
            }
            EventKind::StepFinished { status, again, duration_ms, .. } => {
                self.finished(&name, *status, *again, *duration_ms, envelope.ms)
            }
            EventKind::WorkflowStarted { parent, because, .. } => {
                self.began = true;
                let depth = parent.map_or(0, |parent| self.depths.get(&parent).copied().unwrap_or(0) + 1);
                self.depths.insert(event.frame, depth);
                let margin = "  ".repeat(depth.saturating_sub(1));
                let cyan = bold(AnsiColor::Cyan);
                let line = |what: &str| {
                    vec![format!("{cyan}flow{cyan:#}  {margin}workflow {}  ({what})", safe(&event.workflow))]
                };
                match because.as_deref() {
                    Some("dependency") => line("needed first"),
                    Some("retry") => line("before a retry"),
                    Some("goto") => line("goto"),
                    _ => vec![],
                }
            }
            // What is unusual about the documents stands above, once a kind; what the run itself finds is said here.
            EventKind::Diagnostic { code, message, .. } if self.began || code == "short-secret" => {
                let yellow = bold(AnsiColor::Yellow);
                vec![format!("{yellow}note{yellow:#}  {} ({})", safe(message), safe(code))]
            }
            EventKind::ValueAbsent { expression, target } if self.detail >= Detail::Headers => {
                vec![format!("      {} has no value: {} is left out", safe(expression), safe(target))]
            }
            _ => vec![],
        }
    }

    /// Steps of called workflows stand further in.
    fn margin(&self, frame: u32) -> String {
        "  ".repeat(self.depths.get(&frame).copied().unwrap_or(0))
    }

    fn finished(
        &mut self,
        key: &(u32, String),
        status: StepStatus,
        again: bool,
        duration_ms: u64,
        now: u64,
    ) -> Vec<String> {
        let action = self.action.take();
        let margin = self.margin(key.0);
        let width = self.names.saturating_sub(margin.len());
        let name = safe(&key.1);
        let Some(seen) = self.steps.get_mut(key) else { return vec![] };
        let wait = action
            .as_ref()
            .and_then(|chosen| chosen.delay_ms)
            .map(|ms| format!("  wait {}", time(ms)))
            .unwrap_or_default();
        if let (true, Some(chosen)) = (again, &action) {
            let cyan = bold(AnsiColor::Cyan);
            let answer = if status == StepStatus::Failed { format!("  {}", safe(&seen.answer)) } else { String::new() };
            let by = safe(&chosen.action);
            if chosen.retry {
                let (attempt, next) = (seen.attempt, seen.attempt + 1);
                let first =
                    chosen.target.as_ref().map(|target| format!("  first {}", safe(target))).unwrap_or_default();
                return vec![format!(
                    "{cyan}retry{cyan:#} {margin}{name:width$}  attempt {attempt} -> {next} ({by}){answer}{wait}{first}"
                )];
            }
            let (visit, next) = (seen.visit, seen.visit + 1);
            return vec![format!(
                "{cyan}loop{cyan:#}  {margin}{name:width$}  visit {visit} -> {next} ({by}){answer}{wait}"
            )];
        }
        let (word, style) = match status {
            StepStatus::Succeeded => ("ok  ", bold(AnsiColor::Green)),
            StepStatus::Failed => ("fail", bold(AnsiColor::Red)),
            StepStatus::Stopped => ("stop", bold(AnsiColor::Yellow)),
        };
        let total = seen.first_ms.take().map_or(duration_ms, |first| now.saturating_sub(first));
        let mut figures = if seen.visit > 1 { format!("  {} visits", seen.visit) } else { String::new() };
        if seen.attempt > 1 {
            figures.push_str(&format!("  {} attempts", seen.attempt));
        }
        let handled = match (status, &action) {
            (StepStatus::Failed, Some(Chosen { action, target: Some(target), .. })) => {
                format!("  -> {} ({})", safe(target), safe(action))
            }
            (StepStatus::Failed, Some(Chosen { action, target: None, .. })) => format!("  ({})", safe(action)),
            _ => String::new(),
        };
        let answer = if seen.answer.is_empty() { "-" } else { seen.answer.as_str() };
        vec![format!(
            "{style}{word}{style:#}  {margin}{name:width$}  {:32}  {answer:>3}  {}{figures}{handled}{wait}",
            safe(&seen.call),
            time(total)
        )]
    }

    fn wire(&self, sign: char, first: &str, headers: &[(String, String)], body: Option<&BodyText>) -> Vec<String> {
        if self.detail < Detail::Headers {
            return vec![];
        }
        let dim = Style::new().dimmed();
        let mut lines = vec![format!("{dim}{sign} {first}{dim:#}")];
        lines.extend(headers.iter().map(|(name, value)| format!("{dim}{sign} {}: {}{dim:#}", safe(name), safe(value))));
        if let (Some(body), true) = (body, self.detail >= Detail::Bodies) {
            let text = if body.text.is_empty() {
                format!("({} bytes that are not text)", body.bytes)
            } else {
                body.text.clone()
            };
            lines.extend(text.lines().map(|line| format!("{dim}{sign} {}{dim:#}", safe(line))));
            if body.cut {
                lines.push(format!("{dim}{sign} … ({} bytes){dim:#}", body.bytes));
            }
        }
        lines
    }
}

/// The last line of a run that did not fail: how it ended, with its figures.
pub(crate) fn verdict(kind: &EventKind, workflow: &str) -> Option<String> {
    let EventKind::RunFinished {
        status,
        exit,
        duration_ms,
        steps,
        requests,
        waited_ms,
        outputs,
        missing,
        ended_by,
        ..
    } = kind
    else {
        return None;
    };
    let count = |n: u32, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let waited = if *waited_ms > 0 { format!(", {} waiting between polls", time(*waited_ms)) } else { String::new() };
    let figures = format!("{}  {}, {}{waited}", time(*duration_ms), count(*steps, "step"), count(*requests, "request"));
    let nulls = outputs.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name.as_str());
    let without: Vec<&str> = missing.iter().map(String::as_str).chain(nulls).collect();
    let missing = match (without.as_slice(), exit) {
        ([], _) => String::new(),
        (without, 0) => format!("; outputs without a value: {}", safe(&without.join(", "))),
        (without, exit) => {
            format!("; outputs without a value: {}, and they are required (exit {exit})", safe(&without.join(", ")))
        }
    };
    match status {
        RunStatus::Succeeded => {
            let green = bold(AnsiColor::Green);
            Some(format!("{green}ok{green:#}    {} succeeded in {figures}{missing}", safe(workflow)))
        }
        RunStatus::Ended => {
            let yellow = bold(AnsiColor::Yellow);
            let by = ended_by.as_deref().unwrap_or_default();
            Some(format!("{yellow}ended{yellow:#} {} by action `{}` in {figures}{missing}", safe(workflow), safe(by)))
        }
        RunStatus::Failed | RunStatus::Stopped => None,
    }
}

/// The path and query of a url, cut.
fn path(url: &str) -> String {
    let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or(url);
    match path.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", path.get(..at).unwrap_or_default()),
        None => path.to_owned(),
    }
}
