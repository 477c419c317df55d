//! The progress of a run for logs: one line a finished step and one a poll, each whole as soon as it is written.

use anstyle::{AnsiColor, Style};
use arazzo::EventKind;
use arazzo::events::{BodyText, RunStatus, StepStatus};

use super::progress::{Detail, Finished, Happening, Name, Next};
use super::{bold, safe, time, width, wrapped};

/// The layout of the lines.
pub(crate) struct Lines {
    detail: Detail,
    /// The widest step name, for columns.
    names: usize,
}

impl Lines {
    /// `steps` are the names of the steps and how deep they stand.
    pub(crate) fn new<'a>(detail: Detail, steps: impl Iterator<Item = (&'a str, u32)>) -> Self {
        let width = |(name, depth): (&str, u32)| name.chars().count() + 2 * depth as usize;
        Self { detail, names: steps.map(width).max().unwrap_or(0).min(32) }
    }

    /// The lines for something that happened.
    pub(crate) fn show(&self, happening: &Happening) -> Vec<String> {
        let cyan = bold(AnsiColor::Cyan);
        match happening {
            Happening::Calls { name, calls } => {
                vec![format!("{cyan}call{cyan:#}  {}  workflow {}", self.name(name), safe(calls))]
            }
            Happening::Flow { depth, workflow, because } => {
                vec![format!("{cyan}flow{cyan:#}  {}workflow {}  ({because})", "  ".repeat(*depth), safe(workflow))]
            }
            Happening::Again { name, next, answer, wait_ms } => {
                let answer = answer.as_ref().map(|answer| format!("  {}", safe(answer))).unwrap_or_default();
                let (name, wait) = (self.name(name), wait(*wait_ms));
                match next {
                    Next::Attempt { last, by, first } => {
                        let first = first.as_ref().map(|first| format!("  first {}", safe(first))).unwrap_or_default();
                        let (next, by) = (last + 1, safe(by));
                        vec![format!(
                            "{cyan}retry{cyan:#} {name}  attempt {last} -> {next} ({by}){answer}{wait}{first}"
                        )]
                    }
                    // A log is not the place for hundreds of polls: the last line of the step says how many there were.
                    Next::Visit { last, .. } if *last > 10 && last % 10 > 0 || *last > 100 && last % 100 > 0 => vec![],
                    Next::Visit { last, by } => {
                        let (next, by) = (last + 1, safe(by));
                        vec![format!("{cyan}loop{cyan:#}  {name}  visit {last} -> {next} ({by}){answer}{wait}")]
                    }
                }
            }
            Happening::Finished(finished) => vec![self.finished(finished)],
            Happening::Note { .. } | Happening::Absent { .. } | Happening::Wire { .. } => aside(happening, self.detail),
        }
    }

    /// The name of a step in its column; steps of called workflows stand further in.
    fn name(&self, name: &Name) -> String {
        let margin = "  ".repeat(name.depth);
        let width = self.names.saturating_sub(margin.len());
        format!("{margin}{:width$}", safe(&name.step))
    }

    fn finished(&self, finished: &Finished) -> String {
        let (word, style) = match finished.status {
            StepStatus::Succeeded => ("ok  ", bold(AnsiColor::Green)),
            StepStatus::Failed => ("fail", bold(AnsiColor::Red)),
            StepStatus::Stopped => ("stop", bold(AnsiColor::Yellow)),
        };
        let mut figures = if finished.visits > 1 { format!("  {} visits", finished.visits) } else { String::new() };
        if finished.attempts > 1 {
            figures.push_str(&format!("  {} attempts", finished.attempts));
        }
        let answer = if finished.answer.is_empty() { "-" } else { finished.answer.as_str() };
        format!(
            "{style}{word}{style:#}  {}  {:32}  {answer:>3}  {}{figures}{}{}",
            self.name(&finished.name),
            safe(&finished.call),
            time(finished.total_ms),
            handled(finished),
            wait(finished.wait_ms)
        )
    }
}

/// The consequence of a failure, and its reason where nothing else says it.
pub(crate) fn handled(finished: &Finished) -> String {
    let why = finished.why.as_ref().map(|(word, why)| format!("  {}: {}", safe(word), safe(why))).unwrap_or_default();
    match &finished.handled {
        Some((action, Some(target))) => format!("  -> {} ({}){why}", safe(target), safe(action)),
        Some((action, None)) => format!("  ({}){why}", safe(action)),
        None => String::new(),
    }
}

fn wait(ms: Option<u64>) -> String {
    ms.map(|ms| format!("  wait {}", time(ms))).unwrap_or_default()
}

/// Remarks beside the steps, the same in every form of progress.
pub(crate) fn aside(happening: &Happening, detail: Detail) -> Vec<String> {
    match happening {
        Happening::Note { message, code } => {
            let yellow = bold(AnsiColor::Yellow);
            let text = wrapped(&format!("note  {} ({})", safe(message), safe(code)), width(), 6);
            vec![text.replacen("note", &format!("{yellow}note{yellow:#}"), 1)]
        }
        Happening::Absent { expression, target } if detail >= Detail::Headers => {
            vec![format!("      {} has no value: {} is left out", safe(expression), safe(target))]
        }
        Happening::Wire { sign, first, headers, body } => wire(*sign, first, headers, body.as_ref()),
        _ => vec![],
    }
}

fn wire(sign: char, first: &str, headers: &[(String, String)], body: Option<&BodyText>) -> Vec<String> {
    let dim = Style::new().dimmed();
    let mut lines = vec![format!("{dim}{sign} {}{dim:#}", safe(first))];
    lines.extend(headers.iter().map(|(name, value)| format!("{dim}{sign} {}: {}{dim:#}", safe(name), safe(value))));
    if let Some(body) = body {
        let text = if body.text.is_empty() {
            format!("({} bytes that are not text)", body.bytes)
        } else {
            body.text.to_string()
        };
        lines.extend(text.lines().map(|line| format!("{dim}{sign} {}{dim:#}", safe(line))));
        if body.cut {
            lines.push(format!("{dim}{sign} … ({} bytes){dim:#}", body.bytes));
        }
    }
    lines
}

/// The last line of a run that did not fail: how it ended, with its figures.
pub(crate) fn verdict(kind: &EventKind, workflow: &str) -> Option<String> {
    let Ending { status, time_ms, figures, missing, by } = ending(kind, time)?;
    let (time, missing) = (time(time_ms), missing.map(|missing| format!("; {missing}")).unwrap_or_default());
    match status {
        RunStatus::Succeeded => {
            let green = bold(AnsiColor::Green);
            Some(format!("{green}ok{green:#}    {} succeeded in {time}  {figures}{missing}", safe(workflow)))
        }
        RunStatus::Ended => {
            let yellow = bold(AnsiColor::Yellow);
            Some(format!("{yellow}ended{yellow:#} {} by action `{by}` in {time}  {figures}{missing}", safe(workflow)))
        }
        RunStatus::Failed | RunStatus::Stopped => None,
    }
}

/// The end of a run, in words.
pub(crate) struct Ending {
    pub(crate) status: RunStatus,
    pub(crate) time_ms: u64,
    /// `3 steps, 5 requests`
    pub(crate) figures: String,
    /// The outputs without a value, if there are any.
    pub(crate) missing: Option<String>,
    /// The action that ended it; empty if none did.
    pub(crate) by: String,
}

/// The words for the last event, with times as `time` writes them.
pub(crate) fn ending(kind: &EventKind, time: fn(u64) -> String) -> Option<Ending> {
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
    let waited = if *waited_ms > 0 { format!(", {} waiting", time(*waited_ms)) } else { String::new() };
    let nulls = outputs.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name.as_str());
    let without: Vec<&str> = missing.iter().map(String::as_str).chain(nulls).collect();
    let missing = match (without.as_slice(), exit) {
        ([], _) => None,
        (without, 0) => Some(format!("outputs without a value: {}", safe(&without.join(", ")))),
        (without, exit) => {
            let without = safe(&without.join(", "));
            Some(format!("outputs without a value: {without}, and they are required (exit {exit})"))
        }
    };
    Some(Ending {
        status: *status,
        time_ms: *duration_ms,
        figures: format!("{}, {}{waited}", count(*steps, "step"), count(*requests, "request")),
        missing,
        by: safe(ended_by.as_deref().unwrap_or_default()),
    })
}
