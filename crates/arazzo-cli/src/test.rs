//! `arazzo test`: documents and their cases, run side by side, told in order.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use anstyle::AnsiColor;
use arazzo::diagnostics::{Help, nearest};
use arazzo::files::Reach;
use arazzo::json;
use arazzo::mock::Mocked;
use arazzo::report::{Exchange, RunRecord, junit};
use arazzo::secrets::Redactor;
use arazzo::values::{Json, Map};
use arazzo::{Builder, Description, Error, Inputs, Workflow};

use crate::cases::{self, Case, Expect, Sent, differences};
use crate::exit;
use crate::find::documents_in;
use crate::flags::TestFlags;
use crate::meant;
use crate::remedies;
use crate::report::write_suites;
use crate::show::{Screen, bold, failure, safe, time, width};

/// The case of a document that has no test file.
const UNNAMED: &str = "runs against the mock";

/// A case of a document.
struct Planned {
    document: Document,
    case: Case,
}

/// A document that is tested.
#[derive(Clone, PartialEq)]
struct Document {
    path: PathBuf,
    /// The folder that it was found in; nothing if it was named.
    found: Option<PathBuf>,
}

impl Document {
    fn open(&self) -> Builder {
        let builder = arazzo::open(&self.path).naming(remedies::flag).workspace(true);
        match &self.found {
            Some(folder) => builder.found_in(folder),
            None => builder,
        }
    }

    /// The folder in which its test file may lie, which nobody names.
    fn reach(&self) -> Reach {
        Reach::new(self.found.as_deref().or(self.path.parent()).unwrap_or(Path::new("")))
    }

    fn display_path(&self) -> String {
        self.path.display().to_string()
    }
}

/// The result of a case.
struct Done {
    index: usize,
    passed: bool,
    time_ms: u64,
    /// Differences from what is expected, one line each.
    unexpected: Vec<String>,
    /// The failure report.
    report: Vec<String>,
}

/// Runs the command; the result is the exit code.
pub(crate) fn test(flags: &TestFlags, screen: &mut Screen) -> u8 {
    if flags.reports.iter().any(|report| report.kind.name != "junit") {
        return screen.error(&Error::Setup("`arazzo test` writes junit reports: --report junit[=PATH]".to_owned()));
    }
    let planned = match planned(flags) {
        Ok(planned) => planned,
        Err(error) => {
            let code = screen.error(&error);
            // A test file is one of the documents here.
            let is_document = matches!(error, Error::Documents { .. }) && code == exit::USAGE;
            return if is_document { exit::DOCUMENT } else { code };
        }
    };
    if flags.list {
        for one in &planned {
            let document = one.document.display_path();
            let workflow = one.case.workflow.clone();
            let line = if flags.json {
                json!({ "v": 1, "type": "case", "document": document, "workflow": workflow, "case": one.case.name })
                    .to_string()
            } else {
                format!("{}  {}", safe(&document), safe(&one.case.name))
            };
            if screen.data(&line).is_err() {
                return exit::OUTPUT;
            }
        }
    }
    if planned.is_empty() {
        if flags.allow_empty {
            return exit::SUCCEEDED;
        }
        screen.fault(
            "nothing-ran",
            "there is no case to run",
            Some("look at the paths and filters, or add --allow-empty; Arazzo documents are found by `arazzo:` at their root"),
        );
        return exit::NOTHING;
    }
    if flags.list {
        return exit::SUCCEEDED;
    }
    run_all(flags, &planned, screen)
}

/// The cases that the flags ask for, in their order.
fn planned(flags: &TestFlags) -> Result<Vec<Planned>, Error> {
    let mut documents: Vec<Document> = vec![];
    let here = [PathBuf::from(".")];
    let shown = |path: PathBuf| path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path);
    for path in if flags.paths.is_empty() { &here[..] } else { &flags.paths } {
        let path = &meant::tested_by(path);
        let about = std::fs::metadata(path).map_err(|error| Error::Setup(meant::unread(path, &error)))?;
        if about.is_dir() {
            let found = documents_in(path).map_err(Error::Setup)?.into_iter();
            documents.extend(found.map(|file| Document { path: shown(file), found: Some(path.clone()) }));
        } else {
            documents.push(Document { path: shown(path.clone()), found: None });
        }
    }
    let mut planned: Vec<Planned> = vec![];
    for document in documents {
        if planned.iter().any(|known| known.document.path == document.path) {
            continue;
        }
        let cases = match test_file(&document.path) {
            Some(file) => cases::read(&file, &document.reach())?,
            None => unwritten(&document),
        };
        planned.extend(cases.into_iter().map(|case| Planned { document: document.clone(), case }));
    }
    let workflow = |case: &Case| match (&flags.workflow, &case.workflow) {
        (Some(wanted), Some(named)) => wanted == named,
        (None, _) => true,
        // The only workflow of its document.
        (Some(_), None) => false,
    };
    let named =
        |case: &Case| flags.cases.is_empty() || flags.cases.iter().any(|part| case.name.contains(part.as_str()));
    for one in planned.iter_mut().filter(|one| flags.workflow.is_some() && one.case.workflow.is_none()) {
        one.case.workflow = workflows(&one.document).and_then(|names| names.into_iter().next());
    }
    planned.retain(|one| workflow(&one.case) && named(&one.case));
    Ok(planned)
}

/// The test file of a document, if it has one: `flow.test.yaml` for `flow.arazzo.yaml` and `flow.yaml`.
fn test_file(document: &Path) -> Option<PathBuf> {
    let stem = document.file_stem()?.to_string_lossy().into_owned();
    let stem = stem.strip_suffix(".arazzo").unwrap_or(&stem).to_owned();
    let files = ["yaml", "yml", "json"].map(|extension| document.with_file_name(format!("{stem}.test.{extension}")));
    // What is there and cannot be read is a fault, not a document without tests.
    files.into_iter().find(|file| std::fs::symlink_metadata(file).is_ok())
}

fn workflows(document: &Document) -> Option<Vec<String>> {
    let description = document.open().load_blocking().ok()?;
    Some(description.workflows().map(str::to_owned).collect())
}

/// Each workflow once, against the mock.
fn unwritten(document: &Document) -> Vec<Case> {
    let case = |workflow: Option<String>| Case {
        name: workflow.as_ref().map_or(UNNAMED.to_owned(), |workflow| format!("{workflow} {UNNAMED}")),
        workflow,
        ..Case::default()
    };
    match workflows(document) {
        Some(names) if !names.is_empty() => names.into_iter().map(|name| case(Some(name))).collect(),
        // What is wrong with it is said when it is run.
        _ => vec![case(None)],
    }
}

fn run_all(flags: &TestFlags, planned: &[Planned], screen: &mut Screen) -> u8 {
    let began = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = flags.jobs.map_or(cores, std::num::NonZeroUsize::get).min(planned.len()).max(1);
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, results) = mpsc::channel::<Done>();
    let mut done: Vec<Option<Done>> = planned.iter().map(|_| None).collect();
    let mut shown = 0;
    let mut data_error = None;
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    let Some(one) = planned.get(index).filter(|_| !stop.load(Ordering::SeqCst)) else { return };
                    let result = run_one(flags, index, one);
                    if flags.fail_fast && !result.passed {
                        stop.store(true, Ordering::SeqCst);
                    }
                    if sender.send(result).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for result in results {
            let index = result.index;
            if let Some(place) = done.get_mut(index) {
                *place = Some(result);
            }
            // In the order of the documents, whoever is ready first.
            while let (Some(Some(result)), Some(one)) = (done.get(shown), planned.get(shown)) {
                if let Err(error) = tell(flags, one, result, screen) {
                    data_error.get_or_insert(error);
                }
                shown += 1;
            }
        }
    });
    // Where it stopped early, what came behind a gap is told too.
    for (one, result) in planned.iter().zip(&done).skip(shown) {
        if let Some(result) = result
            && let Err(error) = tell(flags, one, result, screen)
        {
            data_error.get_or_insert(error);
        }
    }
    let passed = done.iter().flatten().filter(|done| done.passed).count();
    let failed = done.iter().flatten().filter(|done| !done.passed).count();
    let not_run = planned.len() - passed - failed;
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if flags.json {
        let summary = json!({ "v": 1, "type": "summary", "passed": passed, "failed": failed, "notRun": not_run });
        if let Err(error) = screen.data(&summary.to_string()) {
            data_error.get_or_insert(error);
        }
    }
    if flags.quiet < 2 {
        let color = bold(if failed == 0 { AnsiColor::Green } else { AnsiColor::Red });
        let not_run = if not_run > 0 { format!(", {not_run} not run") } else { String::new() };
        screen.line(&format!("{color}{passed} passed, {failed} failed{color:#}{not_run} in {}", time(took)));
    }
    let mut code = if failed > 0 { exit::DIFFERENT } else { exit::SUCCEEDED };
    for report in &flags.reports {
        if let Err(error) = write_suites(report, &suites(planned, &done)) {
            screen.fault("output", &format!("a report could not be written: {error}"), None);
            code = if code == exit::SUCCEEDED { exit::OUTPUT } else { code };
        }
    }
    if let Some(error) = data_error {
        screen.fault("output", &format!("the results could not be written: {error}"), None);
        code = if code == exit::SUCCEEDED { exit::OUTPUT } else { code };
    }
    code
}

/// Says what a case came to.
fn tell(flags: &TestFlags, one: &Planned, done: &Done, screen: &mut Screen) -> std::io::Result<()> {
    let document = one.document.display_path();
    let mut result = Ok(());
    if flags.json {
        let line = json!({
            "v": 1, "type": "result", "document": document, "workflow": one.case.workflow, "case": one.case.name,
            "passed": done.passed, "ms": done.time_ms, "unexpected": done.unexpected,
        });
        result = screen.data(&line.to_string());
    }
    if flags.quiet >= 2 || done.passed && (flags.quiet == 1 || flags.json) {
        return result;
    }
    let (color, word) = if done.passed { (AnsiColor::Green, "pass") } else { (AnsiColor::Red, "FAIL") };
    let color = bold(color);
    let took = time(done.time_ms);
    screen.line(&format!("{color}{word}{color:#}  {}  {}  {took}", safe(&document), safe(&one.case.name)));
    for line in &done.unexpected {
        screen.line(&format!("      {}", safe(line)));
    }
    if !done.passed {
        done.report.iter().for_each(|line| screen.line(line));
        screen.line("");
    }
    result
}

fn suites(planned: &[Planned], done: &[Option<Done>]) -> Vec<junit::Suite> {
    let mut suites: Vec<junit::Suite> = vec![];
    for (one, done) in planned.iter().zip(done) {
        let name = one.document.display_path();
        let result = match done {
            None => junit::CaseResult::Skipped("the tests were stopped before".to_owned()),
            Some(done) if done.passed => junit::CaseResult::Passed,
            Some(done) => {
                let lines = done.unexpected.iter().chain(&done.report);
                let lines = lines.map(|line| anstream::adapter::strip_str(line).to_string());
                let message = done.unexpected.first().cloned().unwrap_or_default();
                let problem = junit::Problem::new("unexpected", message, lines.collect::<Vec<_>>().join("\n"));
                junit::CaseResult::Failed(problem)
            }
        };
        let time_ms = done.as_ref().map_or(0, |done| done.time_ms);
        let case = junit::Case::new(name.clone(), one.case.name.clone(), time_ms, result);
        if suites.last().is_none_or(|suite| suite.name != name) {
            suites.push(junit::Suite::new(name));
        }
        if let Some(suite) = suites.last_mut() {
            suite.time_ms += time_ms;
            suite.cases.push(case);
        }
    }
    suites
}

fn run_one(flags: &TestFlags, index: usize, one: &Planned) -> Done {
    let began = Instant::now();
    let mut record = RunRecord::default();
    let (mut unexpected, mut report) = (vec![], vec![]);
    match execute(flags, one, &mut record) {
        Ok(Ran { description, outputs, more }) => {
            unexpected.extend(more);
            compare(&one.case.expect, &outputs, &record, &mut unexpected);
            if !unexpected.is_empty() {
                report = failure::report(&record, description.sources(), width());
            }
        }
        Err(Error::Documents { diagnostics, sources }) => {
            unexpected.push("it cannot be run".to_owned());
            report = diagnostics.errors().map(|error| error.render(&sources, true, width())).collect();
        }
        Err(Error::Inputs(faults)) => {
            unexpected.push("the inputs do not fit".to_owned());
            report = faults.iter().map(|fault| format!("error[{}]: {}", fault.code, safe(&fault.message))).collect();
        }
        Err(error) => unexpected.push(error.to_string()),
    }
    // Outputs are data, and what is said about them is not: secrets of the case are masked there as in events.
    let mut redactor = Redactor::default();
    one.case.secrets.iter().for_each(|(name, value)| redactor.learn(name, value));
    unexpected.iter_mut().for_each(|line| *line = redactor.mask(line));
    let time_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Done { index, passed: unexpected.is_empty(), time_ms, unexpected, report }
}

/// A run that came to an end.
struct Ran {
    description: Description,
    outputs: Map<String, Json>,
    /// Remarks about the replies.
    more: Vec<String>,
}

/// Runs a case.
fn execute(flags: &TestFlags, one: &Planned, record: &mut RunRecord) -> Result<Ran, Error> {
    let case = &one.case;
    let mut builder: Builder = flags.reading.on(one.document.open());
    for name in case.secrets.keys() {
        builder = builder.secret(name);
    }
    for (source, url) in &flags.servers {
        builder = builder.server(source.as_deref(), url);
    }
    let mocked = flags.servers.is_empty() && case.replies.is_none();
    if mocked {
        builder = builder.mock(case.faults.iter().cloned().fold(Mocked::new(), Mocked::fault));
    } else if !case.faults.is_empty() {
        return Err(Error::Setup("`faults` are of the mock, which does not answer here".to_owned()));
    }
    let description = builder.load_blocking()?;
    let workflow = description.workflow(case.workflow.as_deref())?;
    let given = case
        .inputs
        .iter()
        .chain(&case.secrets)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<Map<_, _>>();
    let inputs = Inputs::from(given).or(workflow.example_inputs());
    let (outputs, more) = match &case.replies {
        Some(canned) => {
            known(case, &workflow, canned.names())?;
            let rehearsal = workflow.rehearse(inputs, canned.clone(), |envelope| record.add(envelope))?;
            let unanswered = rehearsal.unanswered.iter().map(|step| format!("no reply is left for step `{step}`"));
            let left = rehearsal.left.iter().map(|(name, count)| match count {
                1 => format!("a reply for `{name}` was not asked for"),
                count => format!("{count} replies for `{name}` were not asked for"),
            });
            ((**rehearsal.outcome.values()).clone(), unanswered.chain(left).collect())
        }
        None => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Error::Setup(format!("cannot start: {error}")))?;
            let outcome = runtime.block_on(workflow.run(inputs, |envelope| record.add(envelope)))?;
            ((**outcome.values()).clone(), vec![])
        }
    };
    Ok(Ran { description, outputs, more })
}

/// Checks that replies are for something that the workflows have.
fn known<'a>(case: &Case, workflow: &Workflow, names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let all: Vec<&str> = workflow.description().reply_names().collect();
    for name in names {
        if !all.contains(&name) {
            let near = nearest(name, all.iter().copied());
            let hint = near.map(|near| format!("; {}", Help::meant(near))).unwrap_or_default();
            return Err(Error::Setup(format!(
                "case `{}`: there is no step or operation `{name}` that could get a reply{hint}",
                case.name
            )));
        }
    }
    Ok(())
}

fn compare(expect: &Expect, outputs: &Map<String, Json>, run: &RunRecord, found: &mut Vec<String>) {
    let verdict = run.verdict();
    let (Some(status), Some(code)) = (verdict.status, verdict.exit) else {
        return found.push("the run has no end".to_owned());
    };
    let why = verdict.why;
    let mut same = |what: &str, expected: Option<String>, is: String| {
        if let Some(expected) = expected.filter(|expected| *expected != is) {
            found.push(format!("{what}: expected {expected}, is {is}"));
        }
    };
    same("outcome", expect.outcome.clone(), status.to_string());
    same("exit", expect.exit.map(|exit| exit.to_string()), code.to_string());
    same("why", expect.why.clone(), why.map_or("nothing".to_owned(), |why| why.code.word().to_owned()));
    let step = why.and_then(|why| why.step.clone()).unwrap_or_else(|| "no step".to_owned());
    same("failing step", expect.step.clone(), step);
    if !expect.says_how_it_ends() {
        same("exit", Some("0".to_owned()), code.to_string());
    }
    let path: Vec<&str> = run.attempts.iter().map(|attempt| attempt.step.as_str()).collect();
    same("path", expect.path.as_deref().map(|steps| steps.join(" -> ")), path.join(" -> "));
    let outputs = Json::Object(outputs.clone().into());
    for (expected, exact) in [(&expect.outputs, false), (&expect.exact, true)] {
        if let Some(expected) = expected {
            let mut lines = vec![];
            differences("", expected, Some(&outputs), exact, &mut lines);
            found.extend(lines.into_iter().map(|line| format!("outputs {line}")));
        }
    }
    let sent: Vec<(&str, &Exchange)> =
        run.exchanges().into_iter().map(|(attempt, exchange)| (attempt.step.as_str(), exchange)).collect();
    let mut rest = sent.as_slice();
    for (number, wanted) in expect.requests.iter().enumerate() {
        let fits = |(step, request): &(&str, &Exchange)| unlike(wanted, step, request).is_empty();
        match rest.iter().position(fits) {
            Some(at) => rest = rest.get(at + 1..).unwrap_or_default(),
            None => {
                let number = number + 1;
                // The one that was probably meant says most.
                let nearest = rest.iter().min_by_key(|(step, request)| unlike(wanted, step, request).len());
                let reasons = nearest.map_or("none is left".to_owned(), |(step, request)| {
                    format!(
                        "the nearest, {} {}, has {}",
                        request.method,
                        request.url,
                        unlike(wanted, step, request).join("; ")
                    )
                });
                found.push(format!("request {number} was not sent: {reasons}"));
                return;
            }
        }
    }
}

/// The difference between a request and the one that is wanted.
fn unlike(wanted: &Sent, of: &str, request: &Exchange) -> Vec<String> {
    let mut found = vec![];
    if let Some(step) = wanted.step.as_ref().filter(|step| *step != of) {
        found.push(format!("step {of} for {step}"));
    }
    if let Some(method) = wanted.method.as_ref().filter(|method| **method != request.method) {
        found.push(format!("method {} for {method}", request.method));
    }
    if let Some(url) = wanted.url.as_ref().filter(|url| !request.url.ends_with(url.as_str())) {
        found.push(format!("another end than {url}"));
    }
    for (name, value) in &wanted.headers {
        let is = request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let is = is.map(|(_, value)| Json::String(value.clone()));
        differences(&format!("header {name}"), value, is.as_ref(), false, &mut found);
    }
    if let Some(body) = &wanted.body {
        let text = request.body.as_ref().map_or("", |body| body.text.as_str());
        let is: Json = Json::parse(text).unwrap_or_else(|| Json::String(text.to_owned()));
        differences("body ", body, Some(&is), false, &mut found);
    }
    found
}
