//! The progress of a run for people who watch: one line a finished step, and below them what is under way, which is
//! drawn again until it is done. Pure: events, the time and the width in; lines out.

use anstyle::{AnsiColor, Style};
use arazzo::EventKind;
use arazzo::events::{RunStatus, StepStatus};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::lines::{self, aside, handled};
use super::progress::{Current, Detail, Finished, Happening, Progress};
use super::{bold, safe};

/// One turn of the spinner, a tenth of a second each.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// The time that each sign of the spinner stands, in ms.
pub(crate) const FRAME_MS: u64 = 100;
/// From this width on a line has room for what is called.
const WIDE: usize = 48;
/// A response that takes longer, in ms, is said to be waited for.
const LONG_MS: u64 = 1_000;

/// The layout of the tree.
pub(crate) struct Tree {
    detail: Detail,
    /// The widest step name and the widest call, for columns.
    names: usize,
    calls: usize,
}

impl Tree {
    /// `steps` are the names of the steps, how deep they stand, and what they call.
    pub(crate) fn new<'a>(detail: Detail, steps: impl Iterator<Item = (&'a str, u32, String)>) -> Self {
        let (mut names, mut calls) = (0, 0);
        for (name, depth, call) in steps {
            names = names.max(safe(name).width() + 2 * depth as usize);
            calls = calls.max(safe(&call).width());
        }
        Self { detail, names: names.clamp(4, 32), calls: calls.clamp(8, 44) }
    }

    /// The first line: the workflow, where it goes, and what is masked.
    pub(crate) fn head(workflow: &str, hosts: &[String], secrets: &[String], width: usize) -> String {
        let style = Style::new().bold();
        let secrets = if secrets.is_empty() { String::new() } else { format!(" ({})", secrets.join(", ")) };
        let name = cut(&safe(workflow), width);
        let to = format!("   {}{}", safe(&hosts.join(", ")), safe(&secrets));
        format!("{style}{name}{style:#}{}", cut(&to, width.saturating_sub(name.width())).trim_end())
    }

    /// The lines that stay, for something that happened.
    pub(crate) fn show(&self, happening: &Happening, width: usize) -> Vec<String> {
        let dim = Style::new().dimmed();
        match happening {
            Happening::Calls { name, calls } => {
                let text = format!("{}▾ {}  workflow {}", margin(name.depth), safe(&name.step), safe(calls));
                vec![format!("{dim}{}{dim:#}", cut(&text, width))]
            }
            Happening::Flow { depth, workflow, because } => {
                let text = format!("{}▾ workflow {}  ({because})", margin(*depth), safe(workflow));
                vec![format!("{dim}{}{dim:#}", cut(&text, width))]
            }
            Happening::Again { .. } => vec![],
            Happening::Finished(finished) => vec![self.finished(finished, width)],
            Happening::Note { .. } | Happening::Absent { .. } | Happening::Wire { .. } => aside(happening, self.detail),
        }
    }

    fn finished(&self, finished: &Finished, width: usize) -> String {
        let (sign, style) = match finished.status {
            StepStatus::Succeeded => ("✓", bold(AnsiColor::Green)),
            StepStatus::Failed => ("✗", bold(AnsiColor::Red)),
            StepStatus::Stopped => ("■", bold(AnsiColor::Yellow)),
        };
        let row = Row {
            sign: format!("{style}{sign}{style:#}"),
            depth: finished.name.depth,
            step: safe(&finished.name.step),
            call: call(&finished.call),
            answer: if finished.answer.is_empty() { "-".to_owned() } else { safe(&finished.answer) },
            time: seconds(finished.total_ms),
        };
        let (line, left) = self.row(&row, width);
        let more = cut(&format!("   {}", describe_finished(finished, left)), left);
        format!("{line}{}", more.trim_end())
    }

    /// The step that is under way at this time, in at most three lines; none if there is none.
    pub(crate) fn live(&self, progress: &Progress, now_ms: u64, width: usize) -> Vec<String> {
        let (cyan, dim) = (bold(AnsiColor::Cyan), Style::new().dimmed());
        let mut lines = vec![];
        if let Some(current) = progress.current() {
            let sign = usize::try_from(now_ms / FRAME_MS).ok().and_then(|turn| SPINNER.get(turn % SPINNER.len()));
            let row = Row {
                sign: format!("{cyan}{}{cyan:#}", sign.copied().unwrap_or_default()),
                depth: current.depth,
                step: safe(current.step),
                call: call(current.call),
                answer: safe(current.answer),
                time: tenths(now_ms.saturating_sub(current.since_ms)),
            };
            let (line, left) = self.row(&row, width);
            let doing = doing(&current, now_ms);
            let short = format!("   {}", doing.join("   "));
            if doing.is_empty() || short.width() <= left {
                lines.push(format!("{line}{short}").trim_end().to_owned());
            } else {
                lines.push(line.trim_end().to_owned());
                let text = format!("{}  {}", margin(current.depth), doing.join("  "));
                lines.push(cut(&text, width));
            }
        }
        let requests = format!("{} request{}", progress.requests, if progress.requests == 1 { "" } else { "s" });
        let text = format!("  {} elapsed, {requests}", tenths(now_ms));
        lines.push(format!("{dim}{}{dim:#}", cut(&text, width)));
        lines
    }

    /// The columns of a step, and how much room is left behind them.
    fn row(&self, row: &Row, width: usize) -> (String, usize) {
        // A margin that leaves no room for names helps nobody.
        let margin = margin(row.depth.min(width / 12));
        let lead = margin.width() + 2;
        let behind = 2 + 3 + 2 + 8;
        let names = self.names.saturating_sub(2 * row.depth).max(4);
        let (names, calls) = if width < WIDE {
            (names.min(width.saturating_sub(lead + behind)).max(4), 0)
        } else {
            let names = names.min(width / 3);
            (names, self.calls.min(width.saturating_sub(lead + names + 2 + behind)))
        };
        let call = if calls < 8 { String::new() } else { format!("  {}", fit(&shorten_call(&row.call, calls), calls)) };
        let (name, answer) = (fit(&row.step, names), &row.answer);
        let line = format!("{margin}{} {name}{call}  {answer:>3}  {:>8}", row.sign, row.time);
        let call = call.width();
        let used = lead + names + call + 2 + answer.width().max(3) + 2 + row.time.width().max(8);
        (line, width.saturating_sub(used))
    }
}

/// The texts of the columns.
struct Row {
    /// One column wide, with its colour.
    sign: String,
    depth: usize,
    step: String,
    call: String,
    answer: String,
    time: String,
}

/// The last line of a run that did not fail.
pub(crate) fn verdict(kind: &EventKind) -> Option<String> {
    let ending = lines::ending(kind, seconds)?;
    let (time, figures) = (seconds(ending.time_ms), ending.figures);
    let missing = ending.missing.map(|missing| format!("\n  {missing}")).unwrap_or_default();
    match ending.status {
        RunStatus::Succeeded => {
            let green = bold(AnsiColor::Green);
            Some(format!("{green}✓ succeeded{green:#} in {time}   {figures}{missing}"))
        }
        RunStatus::Ended => {
            let yellow = bold(AnsiColor::Yellow);
            Some(format!("{yellow}■ ended{yellow:#} by action `{}` in {time}   {figures}{missing}", ending.by))
        }
        RunStatus::Failed | RunStatus::Stopped => None,
    }
}

/// The gist of a finished step: its visits and what they saw, or its outputs. Where there is no room to
/// speak of, only how often it came.
fn describe_finished(finished: &Finished, left: usize) -> String {
    if left < 14 {
        let times = finished.visits.max(finished.attempts);
        return if times > 1 { format!("×{times}") } else { String::new() };
    }
    let mut parts = vec![];
    if finished.visits > 1 {
        let path: Vec<String> = finished
            .path
            .iter()
            .map(|(value, count)| if *count > 1 { format!("{} ×{count}", safe(value)) } else { safe(value) })
            .collect();
        let path = if path.is_empty() { String::new() } else { format!(": {}", path.join(" → ")) };
        parts.push(format!("{} visits{path}", finished.visits));
    }
    if finished.attempts > 1 {
        parts.push(format!("{} attempts", finished.attempts));
    }
    let handled = handled(finished);
    if !handled.is_empty() {
        parts.push(handled.trim().to_owned());
    }
    if parts.is_empty() {
        parts.extend(finished.outputs.iter().map(|(name, value)| format!("{}={}", safe(name), cut(&safe(value), 40))));
    }
    parts.join("  ")
}

fn doing(current: &Current<'_>, now_ms: u64) -> Vec<String> {
    let mut parts = vec![];
    if current.visit > 1 {
        parts.push(format!("visit {}", current.visit));
    }
    if current.attempt > 1 {
        parts.push(format!("attempt {}", current.attempt));
    }
    if let Some(due) = current.due_ms {
        parts.push(format!("next in {}", tenths(due.saturating_sub(now_ms))));
    }
    if current.sent_ms.is_some_and(|sent| now_ms.saturating_sub(sent) >= LONG_MS) {
        parts.push("no response yet".to_owned());
    }
    if let (Some(condition), Some(_)) = (current.wants, current.due_ms) {
        let condition = condition.split_whitespace().collect::<Vec<_>>().join(" ");
        parts.push(format!("for {}", cut(&safe(&condition.replace("$response.body#/", "")), 40)));
    }
    if let Some((label, value)) = current.decided {
        parts.push(format!("{}={}", safe(label), cut(&safe(value), 24)));
    }
    parts
}

/// A call in so many columns: of a long path its end, which tells it from others.
fn shorten_call(call: &str, columns: usize) -> String {
    let Some((method, path)) = call.split_once('/').filter(|_| call.width() > columns) else { return call.to_owned() };
    let room = columns.saturating_sub(method.width() + 1);
    let (mut at, mut used) = (path.len(), 0);
    for (start, c) in path.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        at = start;
    }
    let end = path.get(at..).unwrap_or_default();
    // From a whole name on, where one begins in what is left.
    let end = end.find('/').filter(|at| *at > 0).and_then(|at| end.get(at..)).unwrap_or(end);
    format!("{method}…{end}")
}

/// `GET  /volumes`, so that paths stand in line.
fn call(call: &str) -> String {
    match call.split_once(' ') {
        Some((method, path)) => format!("{:4} {}", safe(method), safe(path)),
        None => safe(call),
    }
}

fn margin(depth: usize) -> String {
    "  ".repeat(depth + 1)
}

/// Milliseconds as people read them at a glance: `412 ms`, `1.6 s`, `2m 05s`.
pub(crate) fn seconds(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..3_600_000 => format!("{}m {:02}s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{}h {:02}m", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// The same without milliseconds, for what changes while it is read.
fn tenths(ms: u64) -> String {
    if ms < 1_000 { format!("0.{} s", ms / 100) } else { seconds(ms) }
}

/// Exactly so many columns: cut with an ellipsis, or filled with blanks.
fn fit(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let blanks = columns.saturating_sub(text.width());
    text + &" ".repeat(blanks)
}

/// At most so many columns.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide >= columns {
            break;
        }
        used += wide;
        kept.push(c);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by stopping")]
mod tests {
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};

    use arazzo::Envelope;

    use super::*;

    /// The text on a screen of this width: lines that stay, and behind `~` those that are drawn again, 250 ms after
    /// each event that begins or ends a wait.
    fn play(events: &[Envelope], width: usize) -> String {
        let steps = events.iter().filter_map(|envelope| {
            let EventKind::RequestSent { method, url, .. } = &envelope.event.kind else { return None };
            let path = url.splitn(4, '/').nth(3).unwrap_or_default();
            Some((envelope.event.step.as_deref()?, 0, format!("{method:4} /{path}")))
        });
        let tree = Tree::new(Detail::Steps, steps);
        let mut progress = Progress::new(Detail::Steps);
        let mut text = String::new();
        for envelope in events {
            if let EventKind::RunStarted { secrets, .. } = &envelope.event.kind {
                let hosts = ["api.example.com".to_owned()];
                writeln!(text, "{}", Tree::head(&envelope.event.workflow, &hosts, secrets, width)).unwrap();
            }
            for line in progress.follow(envelope).iter().flat_map(|happening| tree.show(happening, width)) {
                writeln!(text, "{line}").unwrap();
            }
            if matches!(envelope.event.kind, EventKind::RequestSent { .. } | EventKind::WaitStarted { .. }) {
                for line in tree.live(&progress, envelope.ms + 250, width) {
                    writeln!(text, "~{line}").unwrap();
                }
            }
            if let Some(line) = verdict(&envelope.event.kind) {
                writeln!(text, "{line}").unwrap();
            }
        }
        anstream::adapter::strip_str(&text).to_string()
    }

    fn folder(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/suite").join(name)
    }

    #[test]
    fn recorded_runs_look_as_expected_wide_and_narrow() {
        let mut cases: Vec<PathBuf> =
            std::fs::read_dir(folder("report")).unwrap().map(|entry| entry.unwrap().path()).collect();
        cases.retain(|path| path.extension().is_some_and(|extension| extension == "ndjson"));
        cases.sort();
        assert!(cases.len() >= 4, "{cases:?}");
        for case in cases {
            let text = std::fs::read_to_string(&case).unwrap();
            let events: Vec<Envelope> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let mut found = String::new();
            for width in [100, 63, 40] {
                let shown = play(&events, width);
                let rows = shown.lines().filter(|line| line.starts_with("  ") || line.starts_with('~'));
                let widest = rows.map(|line| line.trim_start_matches('~').width()).max();
                assert!(widest.is_some_and(|widest| widest <= width), "{width}:\n{shown}");
                writeln!(found, "== {width} columns\n{shown}").unwrap();
            }
            let golden = folder("terminal/recorded").join(case.file_stem().unwrap()).with_extension("txt");
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&golden, &found).unwrap();
            }
            let expected = std::fs::read_to_string(&golden).unwrap_or_default();
            assert!(found == expected, "{}\n--- expected\n{expected}\n--- found\n{found}", golden.display());
        }
    }

    #[test]
    fn times_are_read_at_a_glance() {
        let shown = [0, 999, 1_000, 59_999, 60_000, 3_599_999, 3_600_000].map(seconds);
        assert_eq!(shown, ["0 ms", "999 ms", "1.0 s", "59.9 s", "1m 00s", "59m 59s", "1h 00m"]);
        assert_eq!([0, 950, 1_250].map(tenths), ["0.0 s", "0.9 s", "1.2 s"]);
    }

    #[test]
    fn texts_are_cut_by_columns_not_by_letters() {
        assert_eq!(cut("volumes", 7), "volumes");
        assert_eq!(cut("volumes", 5), "volu…");
        assert_eq!(cut("巻物の名前", 6), "巻物…");
        assert_eq!(cut("x", 0), "");
        assert_eq!(fit("巻", 4), "巻  ");
    }
}
