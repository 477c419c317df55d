//! What the runs of the cases come to: a line each, JSON, reports of all of them and of single ones.

use std::path::PathBuf;
use std::time::Duration;

use arazzo::json;
use arazzo::report::junit::{Case, CaseResult, Problem, Suite, document};
use arazzo::report::{summary_of_tests, tap};
use arazzo::values::Json;

use super::attempt::{Done, End};
use super::plan::Planned;
use crate::find::stem_of;
use crate::requested::RequestedReport;

/// All runs of a case.
pub(super) struct Tested {
    /// The first run that failed, else the last.
    pub(super) shown: Done,
    /// How many runs there were, and how many of them failed.
    pub(super) rounds: usize,
    pub(super) failures: usize,
    /// The time of all runs together.
    pub(super) took: Duration,
}

impl Tested {
    /// The result of the runs of a case; none if it was not run.
    pub(super) fn of(runs: Vec<Done>) -> Option<Self> {
        let (rounds, took) = (runs.len(), runs.iter().map(|run| run.took).sum());
        let failures = runs.iter().filter(|run| run.end == End::Failed).count();
        let first = runs.iter().position(|run| run.end == End::Failed);
        let mut shown = runs.into_iter().nth(first.unwrap_or(rounds.saturating_sub(1)))?;
        if rounds > 1 && failures > 0 {
            shown.unexpected.insert(0, format!("{failures} of {rounds} runs failed; the first of these:"));
        }
        Some(Self { shown, rounds, failures, took })
    }

    pub(super) fn failed(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn skipped(&self) -> Option<&'static str> {
        match self.shown.end {
            End::Skipped(why) => Some(why),
            End::Passed | End::Failed => None,
        }
    }

    pub(super) fn ms(&self) -> u64 {
        milliseconds(self.took)
    }
}

/// How many cases passed, failed, were skipped, and were not run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    pub(super) not_run: usize,
}

impl Counts {
    pub(super) fn of(results: &[Option<Tested>]) -> Self {
        let mut counts = Self::default();
        for result in results {
            *match result {
                None => &mut counts.not_run,
                Some(result) if result.failed() => &mut counts.failed,
                Some(result) if result.skipped().is_some() => &mut counts.skipped,
                Some(_) => &mut counts.passed,
            } += 1;
        }
        counts
    }

    /// The last line of `--json`.
    pub(super) fn json(self, took: Duration) -> Json {
        let Self { passed, failed, skipped, not_run } = self;
        json!({ "v": 1, "type": "summary", "passed": passed, "failed": failed, "skipped": skipped, "notRun": not_run, "ms": milliseconds(took) })
    }
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A line of `--json`.
pub(super) fn json(one: &Planned, result: &Tested) -> Json {
    let mut line = json!({
        "v": 1, "type": "result", "document": one.document.display_path(), "workflow": one.case.workflow,
        "case": one.case.name, "passed": !result.failed() && result.skipped().is_none(), "skipped": result.skipped(),
        "ms": result.ms(), "unexpected": result.shown.unexpected, "report": plain(&result.shown.report),
        "why": result.shown.why, "diagnostics": result.shown.diagnostics,
    });
    if let (Json::Object(line), true) = (&mut line, result.rounds > 1) {
        line.insert("runs".to_owned(), json!(result.rounds));
        line.insert("failures".to_owned(), json!(result.failures));
    }
    line
}

/// The failure report without colours.
fn plain(report: &[String]) -> Option<String> {
    let lines = report.iter().map(|line| anstream::adapter::strip_str(line).to_string());
    (!report.is_empty()).then(|| lines.collect::<Vec<_>>().join("\n"))
}

/// A report of all cases; none for one that is of single runs.
pub(super) fn report(kind: &str, planned: &[Planned], results: &[Option<Tested>], took: Duration) -> Option<String> {
    let ms = milliseconds(took);
    match kind {
        "junit" => Some(document(&suites(planned, results), ms)),
        "tap" => Some(tap::document(&suites(planned, results))),
        "md" => Some(summary_of_tests(&suites(planned, results), ms)),
        "json" => {
            let all = planned.iter().zip(results);
            let lines: Vec<Json> = all.filter_map(|(one, result)| Some(json(one, result.as_ref()?))).collect();
            let mut whole = Counts::of(results).json(took);
            if let Json::Object(members) = &mut whole {
                members.insert("type".to_owned(), json!("tests"));
                members.insert("results".to_owned(), json!(lines));
            }
            Some(whole.to_string())
        }
        _ => None,
    }
}

/// `true` if a report is of a single run: each case has its own.
pub(super) fn is_page(report: &RequestedReport) -> bool {
    matches!(report.kind.name, "html" | "har")
}

/// The file of a page of one case: `report.2.flow.logs-in.html` for `report.html`.
pub(super) fn page(report: &RequestedReport, one: &Planned, index: usize) -> PathBuf {
    crate::report::page(report, index, &[&stem_of(&one.document.path), &one.case.name])
}

/// A suite for each document.
pub(super) fn suites(planned: &[Planned], results: &[Option<Tested>]) -> Vec<Suite> {
    let mut suites: Vec<Suite> = vec![];
    // From the first case of a document that began to the last that ended: they run side by side.
    let mut span = None;
    for (one, result) in planned.iter().zip(results) {
        let name = one.document.display_path();
        let outcome = match result {
            None => CaseResult::Skipped("the tests were stopped before".to_owned()),
            Some(result) => match (result.skipped(), result.failed()) {
                (Some(why), _) => CaseResult::Skipped(why.to_owned()),
                (None, false) => CaseResult::Passed,
                (None, true) => CaseResult::Failed(problem(result)),
            },
        };
        if suites.last().is_none_or(|suite| suite.name != name) {
            suites.push(Suite::new(name.clone()));
            span = None;
        }
        if let (Some(suite), Some(done)) = (suites.last_mut(), result.as_ref().map(|result| &result.shown)) {
            let (began, ended) = (done.began, done.began + done.took);
            let (first, last) = span.map_or((began, ended), |(first, last)| (began.min(first), ended.max(last)));
            span = Some((first, last));
            suite.time_ms = milliseconds(last.duration_since(first));
        }
        if let Some(suite) = suites.last_mut() {
            let ms = result.as_ref().map_or(0, Tested::ms);
            suite.cases.push(Case::new(name, one.case.name.clone(), ms, outcome));
        }
    }
    suites
}

fn problem(result: &Tested) -> Problem {
    let lines: Vec<String> = result.shown.unexpected.iter().cloned().chain(plain(&result.shown.report)).collect();
    Problem::new("unexpected", result.shown.unexpected.first().cloned().unwrap_or_default(), lines.join("\n"))
}
