//! `arazzo test`: documents and their cases, run side by side, reported in order.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use anstyle::AnsiColor;
use arazzo::diagnostics::{Diagnostic, Diagnostics, Place, Severity, Sources, Span};
use arazzo::report::coverage::{self, Coverage};
use arazzo::report::summary_of_tests;
use arazzo::{Error, json};

use crate::exit;
use crate::flags::TestFlags;
use crate::github;
use crate::inputs::Stdin;
use crate::lint;
use crate::project::Project;
use crate::report::{write_file, write_text};
use crate::requested::{CoverageKind, RequestedReport, RequestedReports};
use crate::show::{Screen, bold, safe, time};
use crate::signal::{FOREVER, Signals};

use attempt::{Done, Given, run_one};
use plan::{Document, Planned, planned, undocumented};
use results::{Counts, Tested, is_page, milliseconds};

mod attempt;
mod compare;
mod failed;
mod init;
mod plan;
mod results;

/// Runs the command; the result is the exit code.
pub(crate) fn test(flags: &TestFlags, screen: &mut Screen) -> u8 {
    if let Some(recording) = &flags.init {
        return init::init(recording, flags, screen);
    }
    let prepared = RequestedReports::new(&flags.reports)
        .and_then(|reports| {
            let printed = flags.coverage.coverage.iter().filter(|one| one.to_stdout()).count();
            reports.beside(flags.json || printed > 0)?;
            match printed + usize::from(flags.json) {
                0 | 1 => Ok(()),
                _ => Err(Error::Setup("only one thing can go to stdout: write the others to files".to_owned())),
            }
        })
        .and_then(|()| match flags.reports.iter().find(|report| is_page(report) && report.to_stdout()) {
            Some(page) => Err(Error::Setup(format!("{} is a file for each case: name a folder", page.kind.name))),
            None => Ok(()),
        })
        .and_then(|()| planned(flags));
    let mut planned = match prepared {
        Ok(planned) => planned,
        Err(error) => {
            let code = screen.error(&error);
            // A test file is one of the documents here.
            let is_document = matches!(error, Error::Documents { .. }) && code == exit::USAGE;
            return if is_document { exit::DOCUMENT } else { code };
        }
    };
    if planned.is_empty() {
        return nothing(flags, screen);
    }
    if let Some(shard) = flags.shard.shard {
        let all = planned.len();
        let mut index = 0..all;
        planned.retain(|_| index.next().is_some_and(|index| shard.has(index)));
        if flags.quiet < 2 {
            screen.line(&format!("shard {} of {}: {} of {all} cases", shard.part, shard.of, planned.len()));
        }
    }
    if flags.list {
        return list(flags, &planned, screen);
    }
    match warn(flags, &planned, screen) {
        Ok(denied) => match run_all(flags, &planned, screen) {
            exit::SUCCEEDED if denied => exit::DOCUMENT,
            code => code,
        },
        Err(error) => screen.error(&error),
    }
}

/// Says what lint warns of in the documents of the cases, once for each, and which test files belong to none; `true` if
/// something of it counts as an error.
fn warn(flags: &TestFlags, planned: &[Planned], screen: &mut Screen) -> Result<bool, Error> {
    let mut documents: Vec<&Document> = vec![];
    for one in planned {
        if documents.iter().all(|known| known.path != one.document.path) {
            documents.push(&one.document);
        }
    }
    let project = |path: &Path| if flags.profile.no_config { Ok(None) } else { Project::of(path) };
    let mut denied = false;
    for (file, found) in undocumented(planned) {
        let found = match project(&file)? {
            Some(mut project) => project.judge(&file, found, None).0,
            None => Some(found),
        };
        denied |= found.is_some_and(|found| show(flags, vec![flags.deny.weigh(found)], &Sources::default(), screen));
    }
    for document in documents {
        // What keeps it from running is reported where it runs.
        let Ok(checked) = document.open(flags).lint() else { continue };
        let warned: Vec<Span> = checked.diagnostics.warnings().filter_map(|warning| warning.span).collect();
        let is_warning = |found: &Diagnostic| found.span.is_some_and(|span| warned.contains(&span));
        let found = lint::judged(&checked, &document.path, flags.deny, project(&document.path)?.as_mut()).found;
        let found = found.into_iter().map(|(found, _)| found).filter(is_warning).collect();
        denied |= show(flags, found, &checked.sources, screen);
    }
    Ok(denied)
}

/// Shows warnings, and those that count as errors, which are refused; `true` if there is one.
fn show(flags: &TestFlags, found: Vec<Diagnostic>, sources: &Sources, screen: &mut Screen) -> bool {
    let is = |severity: Severity| move |found: &&Diagnostic| found.severity == severity;
    let errors: Vec<Diagnostic> = found.iter().filter(is(Severity::Error)).cloned().collect();
    let denied = !errors.is_empty();
    if flags.quiet < 2 && denied {
        let mut refused = Diagnostics::default();
        refused.extend(errors);
        screen.diagnostics(&refused, sources);
    }
    if flags.quiet == 0 {
        screen.warnings(found.iter().filter(is(Severity::Warning)), sources);
    }
    denied
}

fn nothing(flags: &TestFlags, screen: &mut Screen) -> u8 {
    if flags.allow_empty {
        let empty = Counts::default().json(Duration::ZERO).to_string();
        let written = if flags.json && !flags.list { screen.data(&empty) } else { Ok(()) };
        return if written.is_ok() { exit::SUCCEEDED } else { exit::OUTPUT };
    }
    let help = match flags.rerun_failed {
        true => "no case of these failed when it ran last; leave --rerun-failed out, or add --allow-empty",
        false => {
            "look at the paths and filters, or add --allow-empty; Arazzo documents are found by `arazzo:` at their root"
        }
    };
    screen.fault("nothing-ran", "there is no case to run", Some(help));
    exit::NOTHING
}

/// Prints the cases.
fn list(flags: &TestFlags, planned: &[Planned], screen: &mut Screen) -> u8 {
    for one in planned {
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
    exit::SUCCEEDED
}

fn run_all(flags: &TestFlags, planned: &[Planned], screen: &mut Screen) -> u8 {
    let began = Instant::now();
    let pages = flags.reports.iter().filter(|report| is_page(report)).collect();
    let signals = Signals::default();
    signals.insist(FOREVER);
    let given = Given { flags, stdin: Mutex::new(Stdin::new(flags.prompt.no_input)), pages, signals: &signals };
    let mut output = Output { flags, pages: given.pages.clone(), coverage: BTreeMap::new(), fault: None };
    let results = side_by_side(&given, planned, &mut output, screen);
    let (took, counts) = (began.elapsed(), Counts::of(&results));
    if flags.json {
        output.keep(screen.data(&counts.json(took).to_string()));
    }
    if flags.quiet < 2 {
        screen.line(&summary(counts, took));
    }
    let code = match signals.exit() {
        Some(code) => code,
        None if counts.failed > 0 => exit::DIFFERENT,
        None => exit::SUCCEEDED,
    };
    for report in flags.reports.iter().filter(|report| !is_page(report)) {
        let text = results::report(report.kind.name, planned, &results, took).unwrap_or_default();
        output.keep(write_text(report, &report.path, &text, screen));
    }
    output.tell_coverage(screen);
    output.keep(github::append_summary(|| summary_of_tests(&results::suites(planned, &results), milliseconds(took))));
    keep_failed(planned, &results, screen);
    if let Some(error) = output.fault {
        screen.fault("output", &format!("the results could not be written: {error}"), None);
        let code = if code == exit::SUCCEEDED { exit::OUTPUT } else { code };
        screen.finish_lines(code);
        return code;
    }
    code
}

/// Runs all cases as often as they are to run, and shows each as soon as those before it are shown.
fn side_by_side(
    given: &Given<'_>,
    planned: &[Planned],
    output: &mut Output<'_>,
    screen: &mut Screen,
) -> Vec<Option<Tested>> {
    let repetition = &given.flags.repetition;
    let rounds = repetition.rounds();
    let all = planned.len().saturating_mul(rounds);
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, done) = mpsc::channel::<Done>();
    let mut results: Vec<Option<Tested>> = planned.iter().map(|_| None).collect();
    let mut runs: BTreeMap<usize, Vec<Done>> = BTreeMap::new();
    let mut shown = 0;
    let signals = given.signals;
    std::thread::scope(|scope| {
        let over = signals.answer(scope);
        for _ in 0..repetition.jobs(all) {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let index = number / rounds;
                    let Some(one) =
                        planned.get(index).filter(|_| !stop.load(Ordering::SeqCst) && signals.interrupt.count() == 0)
                    else {
                        return;
                    };
                    let run = run_one(given, index, one);
                    if repetition.fail_fast && run.end == attempt::End::Failed {
                        stop.store(true, Ordering::SeqCst);
                    }
                    if sender.send(run).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for run in done {
            let index = run.index;
            output.reach(run.coverage.as_ref());
            let known = runs.entry(index).or_default();
            known.push(run);
            if known.len() == rounds
                && let Some(place) = results.get_mut(index)
            {
                *place = runs.remove(&index).and_then(Tested::of);
            }
            // In the order of the documents, whichever is ready first.
            while let (Some(Some(result)), Some(one)) = (results.get(shown), planned.get(shown)) {
                output.tell(one, result, screen);
                shown += 1;
            }
        }
        over.notify_one();
    });
    // Where it stopped early, some cases did not run as often as they were to, and others not at all.
    for (index, runs) in runs {
        if let Some(place) = results.get_mut(index) {
            *place = Tested::of(runs);
        }
    }
    for (one, result) in planned.iter().zip(&results).skip(shown) {
        if let Some(result) = result {
            output.tell(one, result, screen);
        }
    }
    results
}

/// Where results go, and the first fault in writing them.
struct Output<'a> {
    flags: &'a TestFlags,
    /// Reports of single cases.
    pages: Vec<&'a RequestedReport>,
    /// What the cases reached, by document.
    coverage: BTreeMap<String, Coverage>,
    fault: Option<std::io::Error>,
}

impl Output<'_> {
    fn keep(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written {
            self.fault.get_or_insert(error);
        }
    }

    /// Takes in what a run reached.
    fn reach(&mut self, coverage: Option<&Coverage>) {
        let Some(coverage) = coverage else { return };
        match self.coverage.get_mut(&coverage.document) {
            Some(known) => known.merge(coverage),
            None => drop(self.coverage.insert(coverage.document.clone(), coverage.clone())),
        }
    }

    /// Reports what all cases reached.
    fn tell_coverage(&mut self, screen: &mut Screen) {
        let documents: Vec<Coverage> = std::mem::take(&mut self.coverage).into_values().collect();
        for asked in &self.flags.coverage.coverage {
            let text = match asked.kind {
                CoverageKind::Text => coverage::text(&documents),
                CoverageKind::Json => coverage::json(&documents),
                CoverageKind::Lcov => coverage::lcov(&documents),
            };
            match &asked.file {
                Some(file) => self.keep(write_file(file, &text, screen)),
                None => screen.line(&text),
            }
        }
    }

    /// Reports what a case came to.
    fn tell(&mut self, one: &Planned, result: &Tested, screen: &mut Screen) {
        let document = one.document.display_path();
        for (report, text) in self.pages.clone().into_iter().zip(&result.shown.pages) {
            let path = results::page(report, one, result.shown.index);
            self.keep(write_text(report, &path, text, screen));
        }
        if self.flags.json {
            self.keep(screen.data(&results::json(one, result).to_string()));
        }
        if result.failed() && github::is_here() {
            let first_line = || Place { file: document.clone(), line: 1, column: 1, end_line: 1, end_column: 1 };
            let place = result.shown.place.clone().or_else(|| one.case.place.clone()).unwrap_or_else(first_line);
            let message = format!("{}: {}", one.case.name, result.shown.unexpected.join("\n"));
            screen.command(&github::annotation("error", "test", &message, Some(&place)));
        }
        let quiet = self.flags.quiet;
        if quiet >= 2 || !result.failed() && (quiet == 1 || self.flags.json) {
            return;
        }
        let (color, word) = match (result.failed(), result.skipped()) {
            (true, _) => (AnsiColor::Red, "FAIL"),
            (false, Some(_)) => (AnsiColor::Yellow, "skip"),
            (false, None) => (AnsiColor::Green, "pass"),
        };
        let (color, took) = (bold(color), time(result.ms()));
        let more = match (result.skipped(), result.rounds) {
            (Some(why), _) => why.to_owned(),
            (None, 1) => took,
            (None, rounds) => format!("{took}  {rounds} runs"),
        };
        screen.line(&format!("{color}{word}{color:#}  {}  {}  {more}", safe(&document), safe(&one.case.name)));
        for line in &result.shown.unexpected {
            screen.line(&format!("      {}", safe(line)));
        }
        if result.failed() {
            result.shown.report.iter().for_each(|line| screen.line(line));
            screen.line("");
        }
    }
}

fn summary(counts: Counts, took: Duration) -> String {
    let Counts { passed, failed, skipped, not_run } = counts;
    let color = bold(if failed == 0 { AnsiColor::Green } else { AnsiColor::Red });
    let skipped = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    let not_run = if not_run > 0 { format!(", {not_run} not run") } else { String::new() };
    let took = time(milliseconds(took));
    format!("{color}{passed} passed, {failed} failed{color:#}{skipped}{not_run} in {took}")
}

/// Keeps which cases failed, for `--rerun-failed`. A folder that cannot be written to is no fault of a test.
fn keep_failed(planned: &[Planned], results: &[Option<Tested>], screen: &mut Screen) {
    let (mut ran, mut failed) = (vec![], vec![]);
    for (one, result) in planned.iter().zip(results) {
        let Some(result) = result else { continue };
        let name = (one.document.display_path(), one.case.name.clone());
        if result.failed() {
            failed.push(name.clone());
        }
        ran.push(name);
    }
    if let Err(error) = failed::keep(&ran, failed) {
        screen.line(&format!("note: the cases that failed are not kept for --rerun-failed: {error}"));
    }
}
