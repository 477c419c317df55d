//! JUnit XML: any number of suites in one file, in the form that the schemas of Surefire and Jenkins share.
//!
//! Names are stable: `classname` is the document and the workflow, `name` the step; never a url, never a value.

use arazzo_engine::event::{ActionKind, CriteriaOf, On, RunStatus, StepStatus, Why};
use arazzo_engine::reason::Reason;

use super::failure::{left_behind, response};
use super::run_record::{Answer, Attempt, RunRecord, Step};
use super::text::{escaped, time};
use super::{ReportContext, ReportKind};

/// The report as it is chosen.
pub(super) const KIND: ReportKind = ReportKind { name: "junit", file: "junit.xml", text: junit };

/// The length of a text that is shown, in characters.
const LONGEST: usize = 4_000;

/// One `testsuite`: a run, or whatever else has cases.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Suite {
    /// Its name, which is stable.
    pub name: String,
    /// The time of its start, RFC 3339; empty if nobody knows.
    pub timestamp: String,
    /// The time that it took, in ms.
    pub time_ms: u64,
    /// Further properties: names and values.
    pub properties: Vec<(String, String)>,
    /// Its cases, in their order.
    pub cases: Vec<Case>,
}

/// One `testcase`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Case {
    /// The class: a document, with the workflow behind a full stop.
    pub classname: String,
    /// Its name: the step.
    pub name: String,
    /// The time that it took, in ms.
    pub time_ms: u64,
    /// Its end.
    pub result: CaseResult,
    /// Attempts before the last one that did not succeed, and that say something about it: all of a case that failed;
    /// of one that passed, those without an answer, with 429 or with 5xx, which make it flaky.
    pub reruns: Vec<Problem>,
    /// Further output.
    pub output: String,
}

/// The result of a case.
#[derive(Debug, Clone)]
pub enum CaseResult {
    /// As it was expected.
    Passed,
    /// It was not run, and why.
    Skipped(String),
    /// Something that was expected did not happen.
    Failed(Problem),
    /// It could not come to a verdict: no answer, a limit, an interrupt.
    Broke(Problem),
}

/// The fault, in words.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Problem {
    /// A word: `criterion-not-met`.
    pub code: String,
    /// One line.
    pub message: String,
    /// The whole story, some lines.
    pub text: String,
}

/// The suite of a run as a document of its own.
#[must_use]
pub fn junit(run: &RunRecord, _: &ReportContext) -> String {
    document(&[suite(run)], run.verdict().duration_ms)
}

/// The name of the suite of a run of a workflow, whether or not it was run.
#[must_use]
pub fn suite_name(document: &str, workflow: &str) -> String {
    format!("{}.{workflow}", stem(document))
}

/// The suite of a run: a case for every step of every workflow.
#[must_use]
pub fn suite(run: &RunRecord) -> Suite {
    let document = stem(&run.document);
    let verdict = run.verdict();
    let mut cases: Vec<Case> = run.steps().iter().map(|step| case(run, &document, step)).collect();
    // A run whose steps all passed may fail all the same: an output is missing that is required.
    let told = cases.iter().any(|case| matches!(case.result, CaseResult::Failed(_) | CaseResult::Broke(_)));
    if !verdict.good() && !told {
        let problem = match verdict.why {
            Some(why) => problem_of(why),
            None if verdict.status.is_none() => {
                Problem::new("unfinished", "the events end before the run does".to_owned(), String::new())
            }
            None => {
                let message = missing_outputs(run);
                Problem::new(Reason::MissingOutputs.word(), message, String::new())
            }
        };
        let broke = verdict.status.is_none_or(|status| status == RunStatus::Stopped);
        cases.push(Case {
            classname: format!("{document}.{}", run.workflow),
            name: run.workflow.clone(),
            time_ms: verdict.duration_ms,
            result: if broke { CaseResult::Broke(problem) } else { CaseResult::Failed(problem) },
            reruns: vec![],
            output: String::new(),
        });
    }
    // With the failure, so that who reads it knows what to clean up.
    let left = if verdict.good() { vec![] } else { left_behind(&run.report) };
    let told = cases.iter_mut().rev().find_map(|case| match &mut case.result {
        CaseResult::Failed(problem) | CaseResult::Broke(problem) => Some(problem),
        CaseResult::Passed | CaseResult::Skipped(_) => None,
    });
    if let Some(problem) = told {
        left.iter().for_each(|line| problem.text.push_str(&format!("\n{line}")));
    }
    Suite {
        name: suite_name(&run.document, &run.workflow),
        timestamp: run.started.clone(),
        time_ms: verdict.duration_ms,
        properties: vec![("run".to_owned(), run.run.clone()), ("status".to_owned(), verdict.word().to_owned())],
        cases,
    }
}

/// The XML document of these suites, which took so many ms together: less than their sum, where they ran side by side.
#[must_use]
pub fn document(suites: &[Suite], time_ms: u64) -> String {
    let all = || suites.iter().flat_map(|suite| &suite.cases);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.push_str(&format!("<testsuites name=\"arazzo\"{} time=\"{}\">\n", counts(all(), false), seconds(time_ms)));
    for suite in suites {
        xml.push_str(&format!(
            "  <testsuite name=\"{}\"{} time=\"{}\"",
            attribute(&suite.name),
            counts(suite.cases.iter(), true),
            seconds(suite.time_ms)
        ));
        // The schemas want a dateTime without a zone; it is UTC.
        if let Some(second) = suite.timestamp.get(..19) {
            xml.push_str(&format!(" timestamp=\"{}\"", attribute(second)));
        }
        xml.push_str(">\n");
        if !suite.properties.is_empty() {
            xml.push_str("    <properties>\n");
            for (name, value) in &suite.properties {
                let (name, value) = (attribute(name), attribute(value));
                xml.push_str(&format!("      <property name=\"{name}\" value=\"{value}\"/>\n"));
            }
            xml.push_str("    </properties>\n");
        }
        suite.cases.iter().for_each(|case| xml.push_str(&element(case)));
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

impl Suite {
    /// A suite without cases, of which nobody knows when it began.
    #[must_use]
    pub fn new(name: String) -> Self {
        Self { name, timestamp: String::new(), time_ms: 0, properties: vec![], cases: vec![] }
    }
}

impl Case {
    /// A case that was not tried before, and of which there is nothing else to say.
    #[must_use]
    pub fn new(classname: String, name: String, time_ms: u64, result: CaseResult) -> Self {
        Self { classname, name, time_ms, result, reruns: vec![], output: String::new() }
    }
}

impl Problem {
    /// A problem with these lines about it.
    #[must_use]
    pub fn new(code: &str, message: String, text: String) -> Self {
        Self { code: code.to_owned(), message, text }
    }
}

fn case(run: &RunRecord, document: &str, step: &Step<'_>) -> Case {
    let last = step.attempts.last();
    let ended_here = run.verdict().why.is_some_and(|why| why.step.as_deref() == Some(step.step));
    let result = match (last, step.status()) {
        (None, _) => CaseResult::Skipped("the run did not come to this step".to_owned()),
        (_, Some(StepStatus::Succeeded)) => CaseResult::Passed,
        // A failure that the document handles is part of the workflow, unless the run ended with it.
        (Some(last), Some(StepStatus::Failed)) if handled(last) && !ended_here => CaseResult::Passed,
        (Some(last), Some(StepStatus::Failed)) => {
            let unanswered = last.why().is_some_and(|why| why.code == Reason::NoAnswer);
            if unanswered { CaseResult::Broke(problem(last)) } else { CaseResult::Failed(problem(last)) }
        }
        (Some(_), Some(StepStatus::Stopped) | None) => CaseResult::Broke(match run.verdict().why {
            Some(why) => problem_of(why),
            None => Problem::new("unfinished", "the events end before the step does".to_owned(), String::new()),
        }),
    };
    let passed = matches!(result, CaseResult::Passed);
    let reruns = step.attempts.iter().rev().skip(1).rev();
    let reruns =
        reruns.filter(|attempt| attempt.status() == Some(StepStatus::Failed) && (!passed || is_flaky(attempt)));
    let reruns = reruns.map(|attempt| problem(attempt));
    Case {
        classname: format!("{document}.{}", step.workflow),
        name: step.step.to_owned(),
        time_ms: step.attempts.iter().map(|attempt| own_ms(run, attempt)).sum(),
        result,
        reruns: reruns.collect(),
        output: step.attempts.iter().map(|attempt| line(attempt)).collect(),
    }
}

/// The time of an attempt, without that of the workflows that it called: their steps are cases of their own.
fn own_ms(run: &RunRecord, attempt: &Attempt) -> u64 {
    let (began, ended) = (attempt.started_ms, attempt.end_ms());
    let called = run.frames.iter().filter(|frame| attempt.calls.is_some() && frame.parent == Some(attempt.frame));
    let within = called.filter(|frame| (began..=ended).contains(&frame.started_ms));
    let of_called = within.flat_map(|frame| run.attempts.iter().filter(move |other| other.frame == frame.frame));
    let others: u64 = of_called.map(|other| other.end_ms().saturating_sub(other.started_ms)).sum();
    ended.saturating_sub(began).saturating_sub(others)
}

/// `true` if an attempt failed because of the network or the load of a server, and not because of what it asked.
fn is_flaky(attempt: &Attempt) -> bool {
    match attempt.exchanges.last().map(|exchange| &exchange.answer) {
        Some(Answer::Received { status, .. }) => *status == 429 || *status >= 500,
        Some(Answer::Lost { .. } | Answer::None) => true,
        Some(Answer::Message { .. }) | None => false,
    }
}

/// `true` if an action of the document took the failure up and led somewhere.
fn handled(attempt: &Attempt) -> bool {
    attempt.action.as_ref().is_some_and(|action| action.on == On::Failure && action.kind != ActionKind::End)
}

fn problem(attempt: &Attempt) -> Problem {
    let mut problem = reason(attempt);
    if let Some(exchange) = attempt.exchanges.last() {
        let lines = response(exchange).into_iter().chain([format!("reproduce: {}", exchange.curl())]);
        lines.for_each(|line| problem.text = format!("{}\n{line}", problem.text.trim_end()));
    }
    problem
}

fn reason(attempt: &Attempt) -> Problem {
    match attempt.why() {
        Some(why) => problem_of(why),
        // A failure that was retried or handled has no reason of its own: its criteria do.
        None => {
            let unmet = attempt.criteria.iter().find(|criterion| criterion.of == CriteriaOf::Success && !criterion.met);
            let (code, message) = match unmet {
                Some(criterion) => {
                    let saw: Vec<String> = criterion
                        .saw
                        .iter()
                        .map(|saw| format!("{} was {}", saw.expression, saw.value.as_deref().unwrap_or("absent")))
                        .collect();
                    let saw = if saw.is_empty() { String::new() } else { format!(" ({})", saw.join(", ")) };
                    (Reason::CriterionNotMet.word(), format!("{}{saw}", criterion.condition))
                }
                None => ("step-failed", format!("answered {}", attempt.answer())),
            };
            Problem { code: code.to_owned(), message, text: line(attempt) }
        }
    }
}

fn problem_of(why: &Why) -> Problem {
    let mut text = vec![match &why.label {
        Some(label) => format!("{}: {label}", why.message),
        None => why.message.clone(),
    }];
    if let Some(place) = &why.place {
        text.push(format!("at {}:{}:{}", place.file, place.line, place.column));
    }
    text.extend(why.remarks.iter().cloned());
    text.extend(why.help.iter().map(|help| format!("help: {help}")));
    Problem { code: why.code.word().to_owned(), message: why.message.clone(), text: text.join("\n") }
}

/// An attempt in one line.
fn line(attempt: &Attempt) -> String {
    let word = attempt.status().unwrap_or(StepStatus::Stopped);
    let action = attempt.action.as_ref().map_or(String::new(), |action| match &action.target {
        Some(target) => format!("; {}: {} {target}", action.name, action.kind),
        None => format!("; {}: {}", action.name, action.kind),
    });
    let answer = attempt.answer();
    let took = attempt.end_ms().saturating_sub(attempt.started_ms);
    format!(
        "visit {} attempt {}: {} {}{word} after {}{action}\n",
        attempt.visit,
        attempt.attempt,
        attempt.does(),
        if answer.is_empty() { String::new() } else { format!("-> {answer}, ") },
        time(took)
    )
}

/// Outputs that the run left without a value.
pub fn without_value(run: &RunRecord) -> Vec<&str> {
    let nulls = run.outputs().into_iter().flatten().filter(|(_, value)| value.is_null()).map(|(name, _)| name.as_str());
    run.verdict().missing.iter().map(String::as_str).chain(nulls).collect()
}

/// The reason why a run failed that came to its end, in words.
#[must_use]
pub fn missing_outputs(run: &RunRecord) -> String {
    format!("outputs without a value: {}", without_value(run).join(", "))
}

/// The name of a document without its folder and extension: `flow` for `specs/flow.arazzo.yaml`.
fn stem(document: &str) -> String {
    let path = document.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or(name, |(stem, _)| stem);
    let stem = stem.strip_suffix(".arazzo").filter(|stem| !stem.is_empty()).unwrap_or(stem);
    stem.to_owned()
}

fn counts<'c>(cases: impl Iterator<Item = &'c Case> + Clone, skipped: bool) -> String {
    let count = |wanted: fn(&CaseResult) -> bool| cases.clone().filter(|case| wanted(&case.result)).count();
    let mut text = format!(
        " tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        count(|_| true),
        count(|result| matches!(result, CaseResult::Failed(_))),
        count(|result| matches!(result, CaseResult::Broke(_)))
    );
    if skipped {
        text.push_str(&format!(" skipped=\"{}\"", count(|result| matches!(result, CaseResult::Skipped(_)))));
    }
    text
}

fn element(case: &Case) -> String {
    let mut inner = String::new();
    match &case.result {
        CaseResult::Passed => {}
        CaseResult::Skipped(why) => inner.push_str(&format!("      <skipped message=\"{}\"/>\n", attribute(why))),
        CaseResult::Failed(problem) => inner.push_str(&write_problem("failure", problem)),
        CaseResult::Broke(problem) => inner.push_str(&write_problem("error", problem)),
    }
    // As Surefire calls them: what passed at last, and what did not.
    let name = if matches!(case.result, CaseResult::Passed) { "flakyFailure" } else { "rerunFailure" };
    for problem in &case.reruns {
        let (message, code) = (attribute(&problem.message), attribute(&problem.code));
        inner.push_str(&format!("      <{name} message=\"{message}\" type=\"{code}\">\n"));
        if !problem.text.is_empty() {
            inner.push_str(&format!("        <stackTrace>{}</stackTrace>\n", text(&problem.text)));
        }
        inner.push_str(&format!("      </{name}>\n"));
    }
    if !case.output.is_empty() {
        inner.push_str(&format!("      <system-out>{}</system-out>\n", text(&case.output)));
    }
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
        attribute(&case.classname),
        attribute(&case.name),
        seconds(case.time_ms)
    );
    if inner.is_empty() { format!("{head}/>\n") } else { format!("{head}>\n{inner}    </testcase>\n") }
}

fn write_problem(name: &str, problem: &Problem) -> String {
    let (message, code) = (attribute(&problem.message), attribute(&problem.code));
    format!("      <{name} message=\"{message}\" type=\"{code}\">{}</{name}>\n", text(&problem.text))
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Text between tags, cut; what XML cannot hold is replaced.
fn text(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", escaped(text.get(..at).unwrap_or_default())),
        None => escaped(text),
    }
}

/// An attribute value, cut; line breaks are kept as references.
fn attribute(value: &str) -> String {
    text(value).replace('\n', "&#10;").replace('\t', "&#9;")
}
