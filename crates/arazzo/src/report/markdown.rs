//! Markdown: a summary of a run, or of tests, for a page of a CI job. At most 60 lines, the reason of a failure first, the
//! steps in their order, everything escaped.

use arazzo_engine::code::Code;
use arazzo_engine::event::{RunStatus, StepStatus};

use super::failure::{left_behind, response};
use super::junit::{CaseResult, Suite, without_value};
use super::run_record::{RunRecord, Step};
use super::text::{safe, time};
use super::{ReportContext, ReportKind};

/// The report as it is chosen.
pub(super) const KIND: ReportKind = ReportKind { name: "md", file: "summary.md", text: markdown };

/// The most lines that a summary has.
const LINES: usize = 60;

/// The length of a text that is shown, in characters.
const LONGEST: usize = 160;

/// The length of a command that is shown, in characters.
const LONGEST_COMMAND: usize = 2_000;

/// The most lines about a case that failed.
const LINES_OF_CASE: usize = 18;

/// The most lines of a command that is shown.
const LINES_OF_COMMAND: usize = 10;

/// The summary of a run.
#[must_use]
pub fn markdown(run: &RunRecord, _: &ReportContext) -> String {
    let verdict = run.verdict();
    let sign = match verdict.status {
        Some(RunStatus::Succeeded | RunStatus::Ended) if verdict.good() => "✅",
        Some(RunStatus::Stopped) | None => "⏹️",
        _ => "❌",
    };
    let requests = run.exchanges().len();
    let by = verdict.ended_by.map(|by| format!(" by action {}", code(by))).unwrap_or_default();
    let mut lines = vec![
        format!("### {sign} {} {}{by}", escaped(&run.workflow), verdict.word()),
        String::new(),
        format!(
            "{} · {} · {} · {}",
            code(&run.document),
            if run.title.is_empty() { "no title".to_owned() } else { escaped(&run.title) },
            if requests == 1 { "1 request".to_owned() } else { format!("{requests} requests") },
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
        if let Some(exchange) = run.failing_exchange() {
            lines.extend(response(exchange).map(|response| format!("- {}", escaped(&response))));
            lines.extend(command(&exchange.curl()));
        }
        lines.extend(left_behind(&run.report).iter().map(|line| format!("- {}", escaped(line))));
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

/// The steps in the order in which they ran; as many as there is room for, the last one that ran among them.
fn table(run: &RunRecord, room: usize, lines: &mut Vec<String>) {
    let steps = run.steps();
    // The head has two lines, and one may say that there are more.
    let shown = room.saturating_sub(if steps.len() + 2 > room { 4 } else { 2 });
    lines.push("| | step | request | answer | time |".to_owned());
    lines.push("|---|---|---|---|---|".to_owned());
    // Of a long run, what it ended with says more than what it began with.
    let ran = steps.iter().filter(|step| !step.attempts.is_empty()).count();
    let first = ran.saturating_sub(shown).min(steps.len().saturating_sub(shown));
    lines.extend(steps.iter().skip(first).take(shown).map(|step| row(run, step)));
    if steps.len() > shown {
        lines.push(String::new());
        let before = if first > 0 { format!(", {first} of them before these") } else { String::new() };
        lines.push(format!("and {} more steps{before}", steps.len() - shown));
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
    lines.extend(run.gaps().iter().flat_map(|gap| [String::new(), gap.words()]));
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

/// A command in a block of its own, whole or not at all: half of one does something else.
fn command(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    if text.chars().count() > LONGEST_COMMAND || lines.len() > LINES_OF_COMMAND {
        return vec![
            "- the request is too long for this page; other reports have the command that repeats it".to_owned(),
        ];
    }
    // Longer than any in the text, so that nothing in it ends the block.
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let first = ["- reproduce:".to_owned(), format!("  {fence}sh")];
    let shown = lines.iter().map(|line| format!("  {}", safe(line)));
    first.into_iter().chain(shown).chain([format!("  {fence}")]).collect()
}

/// The summary of tests: how many passed, then each that failed with what is said about it.
#[must_use]
pub fn summary_of_tests(suites: &[Suite], time_ms: u64) -> String {
    let all = || suites.iter().flat_map(|suite| &suite.cases);
    let count = |is: fn(&CaseResult) -> bool| all().filter(|case| is(&case.result)).count();
    let failed = count(|result| matches!(result, CaseResult::Failed(_) | CaseResult::Broke(_)));
    let skipped = count(|result| matches!(result, CaseResult::Skipped(_)));
    let passed = count(|result| matches!(result, CaseResult::Passed));
    let sign = if failed == 0 { "✅" } else { "❌" };
    let mut lines = vec![
        format!("### {sign} {passed} passed, {failed} failed, {skipped} not run"),
        String::new(),
        format!("{} document{} · {}", suites.len(), if suites.len() == 1 { "" } else { "s" }, time(time_ms)),
    ];
    let problems = all().filter_map(|case| match &case.result {
        CaseResult::Failed(problem) | CaseResult::Broke(problem) => Some((case, problem)),
        CaseResult::Passed | CaseResult::Skipped(_) => None,
    });
    let mut left = failed;
    for (case, problem) in problems {
        let shown: Vec<&str> =
            problem.text.lines().filter(|line| !line.trim().is_empty()).take(LINES_OF_CASE).collect();
        // The last lines may say how many there are more.
        if lines.len() + shown.len() + 6 > LINES {
            break;
        }
        lines.extend([String::new(), format!("**{}** {}", escaped(&case.name), code(&case.classname)), String::new()]);
        lines.push(format!("<pre>{}", shown.iter().map(|line| pre(line)).collect::<Vec<_>>().join("\n")));
        lines.push("</pre>".to_owned());
        left -= 1;
    }
    if left > 0 {
        lines.extend([String::new(), format!("and {left} more that failed")]);
    }
    lines.join("\n") + "\n"
}

/// A line between `<pre>` and `</pre>`.
fn pre(line: &str) -> String {
    // A command that is cut is none.
    let line = if line.starts_with("reproduce: ") { safe(line) } else { cut(&safe(line)) };
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('@', "&#64;")
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
