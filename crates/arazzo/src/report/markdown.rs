//! Markdown: a summary of a run for a page of a CI job. At most 60 lines, failures first, everything escaped.

use arazzo_engine::code::Code;
use arazzo_engine::event::{RunStatus, StepStatus};

use super::junit::without_value;
use super::run_record::{RunRecord, Step};
use super::text::time;
use super::{ReportContext, ReportKind};

/// The report as it is chosen.
pub(super) const KIND: ReportKind = ReportKind { name: "md", file: "summary.md", text: markdown };

/// The most lines that a summary has.
const LINES: usize = 60;

/// The length of a text that is shown, in characters.
const LONGEST: usize = 160;

/// The summary of a run.
#[must_use]
pub fn markdown(run: &RunRecord, _: &ReportContext) -> String {
    let verdict = run.verdict();
    let sign = match verdict.status {
        Some(RunStatus::Succeeded | RunStatus::Ended) if verdict.good() => "✅",
        Some(RunStatus::Stopped) | None => "⏹️",
        _ => "❌",
    };
    let by = verdict.ended_by.map(|by| format!(" by action {}", code(by))).unwrap_or_default();
    let mut lines = vec![
        format!("### {sign} {} {}{by}", escaped(&run.workflow), verdict.word()),
        String::new(),
        format!(
            "{} · {} · {} requests · {}",
            code(&run.document),
            if run.title.is_empty() { "no title".to_owned() } else { escaped(&run.title) },
            run.exchanges().len(),
            time(verdict.duration_ms)
        ),
        String::new(),
    ];
    if let Some(why) = verdict.why {
        let place = why.place.as_ref().map(|place| format!("{}:{}:{}", place.file, place.line, place.column));
        lines.push(format!(
            "**{}**{}: {}{}",
            escaped(why.code.word()),
            why.step.as_deref().map(|step| format!(" in step {}", code(step))).unwrap_or_default(),
            escaped(&why.message),
            why.label.as_deref().map(|label| format!(" ({})", escaped(label))).unwrap_or_default()
        ));
        lines.push(String::new());
        lines.extend(place.map(|place| format!("- at {}", code(&place))));
        lines.extend(why.remarks.iter().take(6).map(|remark| format!("- {}", escaped(remark))));
        lines.extend(why.help.as_deref().map(|help| format!("- help: {}", escaped(help))));
        lines.push(String::new());
    }
    let without = without_value(run);
    if !without.is_empty() {
        let names: Vec<String> = without.iter().take(20).map(|name| code(name)).collect();
        lines.push(format!("Outputs without a value: {}", names.join(", ")));
        lines.push(String::new());
    }
    let after = after(run);
    table(run, LINES.saturating_sub(lines.len() + after.len()), &mut lines);
    lines.extend(after);
    lines.join("\n") + "\n"
}

/// The steps, those that did not succeed first; as many as there is room for.
fn table(run: &RunRecord, room: usize, lines: &mut Vec<String>) {
    let mut steps = run.steps();
    // Stable: otherwise in the order in which they ran.
    steps.sort_by_key(|step| match (step.status(), step.attempts.is_empty()) {
        (Some(StepStatus::Failed), _) => 0,
        (Some(StepStatus::Stopped), _) | (None, false) => 1,
        (Some(StepStatus::Succeeded), _) => 2,
        (None, true) => 3,
    });
    // The head has two lines, and one may say that there are more.
    let shown = room.saturating_sub(if steps.len() + 2 > room { 4 } else { 2 });
    lines.push("| | step | request | answer | time |".to_owned());
    lines.push("|---|---|---|---|---|".to_owned());
    lines.extend(steps.iter().take(shown).map(|step| row(run, step)));
    if steps.len() > shown {
        lines.push(String::new());
        lines.push(format!("and {} more steps", steps.len() - shown));
    }
}

fn row(run: &RunRecord, step: &Step<'_>) -> String {
    let Some(last) = step.attempts.last() else {
        return format!("| – | {} | not reached | | |", name(run, step));
    };
    let sign = match last.status() {
        Some(StepStatus::Succeeded) => "✓",
        Some(StepStatus::Failed) => "✗",
        Some(StepStatus::Stopped) | None => "■",
    };
    let times = if step.attempts.len() > 1 { format!(" × {}", step.attempts.len()) } else { String::new() };
    let answer = last.answer();
    let answer = if answer.is_empty() { "" } else { &answer };
    let span = last.end_ms().saturating_sub(step.attempts.first().map_or(0, |first| first.started_ms));
    format!("| {sign} | {}{times} | {} | {} | {} |", name(run, step), code(&last.does()), escaped(answer), time(span))
}

fn name(run: &RunRecord, step: &Step<'_>) -> String {
    if step.workflow == run.workflow { code(step.step) } else { code(&format!("{}.{}", step.workflow, step.step)) }
}

/// Outputs and warnings, a line each.
fn after(run: &RunRecord) -> Vec<String> {
    let mut lines = vec![];
    let outputs: Vec<String> = run
        .outputs()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .take(20)
        .map(|(name, value)| {
            code(&format!("{name} = {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        })
        .collect();
    if !outputs.is_empty() {
        lines.extend([String::new(), format!("Outputs: {}", outputs.join(", "))]);
    }
    let mut kinds: Vec<(Code, usize)> = vec![];
    for note in &run.notes {
        match kinds.iter_mut().find(|(code, _)| *code == note.code) {
            Some((_, count)) => *count += 1,
            None => kinds.push((note.code, 1)),
        }
    }
    if !kinds.is_empty() {
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{} × {count}", code(kind.word()))).collect();
        lines.extend([String::new(), format!("Notes on the document: {}", kinds.join(", "))]);
    }
    lines
}

/// Text as text: nothing of it is markup, a mention or a line of its own.
fn escaped(text: &str) -> String {
    let mut markdown = String::new();
    for c in cut(text).chars() {
        match c {
            '<' => markdown.push_str("&lt;"),
            '>' => markdown.push_str("&gt;"),
            '&' => markdown.push_str("&amp;"),
            // Would call somebody, or make an url a link.
            '@' => markdown.push_str("&#64;"),
            ':' => markdown.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' | '$' => {
                markdown.push('\\');
                markdown.push(c);
            }
            c if c.is_control() => markdown.push(' '),
            c => markdown.push(c),
        }
    }
    markdown
}

/// Text as code, also in a cell of a table: as an element, because a backtick or a bar would end what backticks open.
fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
