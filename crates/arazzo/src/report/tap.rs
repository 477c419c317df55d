//! TAP 14, the Test Anything Protocol: a line for each case, and below one that failed a block of YAML that says why.

use super::junit::{Case, CaseResult, Problem, Suite, suite};
use super::run_record::RunRecord;
use super::text::safe;
use super::{ReportContext, ReportKind};

/// The report as it is chosen.
pub(super) const KIND: ReportKind = ReportKind { name: "tap", file: "report.tap", text: tap };

/// The length of a text that is shown, in characters.
const LONGEST: usize = 4_000;

/// The report of a run: a line for every step of every workflow.
#[must_use]
pub fn tap(run: &RunRecord, _: &ReportContext) -> String {
    document(&[suite(run)])
}

/// The document of these suites: their cases, in their order.
#[must_use]
pub fn document(suites: &[Suite]) -> String {
    let all = suites.iter().flat_map(|suite| &suite.cases);
    let mut text = format!("TAP version 14\n1..{}\n", all.clone().count());
    all.enumerate().for_each(|(index, case)| text.push_str(&line(index + 1, case)));
    text
}

fn line(number: usize, case: &Case) -> String {
    let (ok, directive, problem) = match &case.result {
        CaseResult::Passed => ("ok", String::new(), None),
        CaseResult::Skipped(why) => ("ok", format!(" # SKIP {}", plain(why)), None),
        CaseResult::Failed(problem) => ("not ok", String::new(), Some(("fail", problem))),
        CaseResult::Broke(problem) => ("not ok", String::new(), Some(("error", problem))),
    };
    let description = format!("{} {}", plain(&case.classname), plain(&case.name));
    let block = problem.map_or(String::new(), |(severity, problem)| block(severity, problem, case.time_ms));
    format!("{ok} {number} - {description}{directive}\n{block}")
}

/// What is wrong with a case. Strings of JSON are strings of YAML.
fn block(severity: &str, problem: &Problem, time_ms: u64) -> String {
    let quoted = |text: &str| serde_json::to_string(&cut(&safe(text))).unwrap_or_default();
    let mut lines = vec![
        "---".to_owned(),
        format!("message: {}", quoted(&problem.message)),
        format!("severity: {severity}"),
        format!("code: {}", quoted(&problem.code)),
        format!("duration_ms: {time_ms}"),
    ];
    let shown = cut(&problem.text);
    if !shown.trim().is_empty() {
        lines.push("output: |2".to_owned());
        lines.extend(shown.trim_end().lines().map(|line| format!("  {}", safe(line)).trim_end().to_owned()));
    }
    lines.push("...".to_owned());
    lines.iter().map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect()
}

/// A text within a line: `#` would begin a directive.
fn plain(text: &str) -> String {
    safe(text).replace('\\', "\\\\").replace('#', "\\#")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
