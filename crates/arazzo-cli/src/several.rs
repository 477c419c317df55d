//! `arazzo run` of several runs: documents, rows of inputs, again and again. Everything is checked before the first request;
//! runs go on side by side, and are reported in order.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use anstyle::AnsiColor;
use arazzo::report::{ReportContext, RunRecord, junit, result, summary_of_tests, tap};
use arazzo::values::{Json, Map};
use arazzo::{Description, Envelope, Error, Inputs, Workflow, json};

use crate::exit;
use crate::find::documents_in;
use crate::flags::RunFlags;
use crate::github;
use crate::given::{check_names, check_secret_hosts};
use crate::inputs::{self, CliInputs, Stdin};
use crate::journal::{self, NamedJournal};
use crate::meant;
use crate::report::{page, write_text};
use crate::requested::{JsonForm, RequestedReports};
use crate::rows::{self, Row};
use crate::run::{Wanted, checked, described, loaded, sort_words};
use crate::save::{Readers, save};
use crate::show::{Screen, bold, failure, safe, time, width};
use crate::signal::{FOREVER, Signals};

/// A run that is to be made, as often as was asked for.
struct Planned {
    /// The document, as people call it.
    document: String,
    workflow: Workflow,
    inputs: Inputs,
    row: Option<usize>,
}

/// A run that is over.
struct Ended {
    /// Its place among all runs.
    number: usize,
    record: RunRecord,
    /// Its outputs as they are, or why it could not run.
    outputs: Result<Map<String, Json>, String>,
    took: Duration,
}

enum Message {
    Event(String),
    Ended(Box<Ended>),
}

/// Runs the command; the result is the exit code: the worst of all runs.
pub(crate) fn run(mut flags: RunFlags, screen: &mut Screen) -> u8 {
    let planned = match possible(&flags).and_then(|()| planned(&mut flags, screen)) {
        Ok(planned) => planned,
        Err(error) => return screen.error(&meant::with_hint(error, &flags.document.document)),
    };
    let flags = &flags;
    let named = match journal::of_run(&flags.journal, flags.mock.is_none()) {
        Ok(named) => named,
        Err(error) => return screen.error(&error),
    };
    let keep = |one: Planned| match &named {
        Some(named) => Planned { workflow: one.workflow.journaled(&named.journal), ..one },
        None => one,
    };
    let planned: Vec<Planned> = planned.into_iter().map(keep).collect();
    if planned.is_empty() {
        let help = "Arazzo documents are found by `arazzo:` at their root; rows are those of --data";
        screen.fault("nothing-ran", "there is nothing to run", Some(help));
        return exit::NOTHING;
    }
    let began = Instant::now();
    let all = planned.len().saturating_mul(flags.several.repetition.rounds());
    if let Some(named) = named.as_ref().filter(|_| flags.output.verbosity.quiet == 0) {
        journal::warn(named, screen);
    }
    let journal = named.as_ref();
    let mut shown = Shown { flags, planned: &planned, journal, lines: vec![], fault: None, ended: vec![] };
    side_by_side(flags, &planned, all, &mut shown, screen);
    shown.finish(all, began.elapsed(), screen)
}

/// Checks what cannot be together with several runs.
fn possible(flags: &RunFlags) -> Result<(), Error> {
    let reports = RequestedReports::new(&flags.output.reports)?;
    reports
        .beside(flags.output.events.json.is_some() || flags.output.file.output.as_deref() == Some(Path::new("-")))?;
    let refused = |what: &str| Err(Error::Setup(format!("{what} is of one run: leave out --all, --data and --repeat")));
    match () {
        () if flags.dry_run => refused("--dry-run"),
        () if flags.output.record.is_some() => refused("--record"),
        () if flags.partial.curl => refused("--curl"),
        () if !flags.partial.save.is_empty() => refused("--save"),
        () if flags.output.reports.iter().any(|report| report.to_stdout() && is_page(report.kind.name)) => {
            refused("a report of this kind on stdout")
        }
        () => Ok(()),
    }
}

/// `true` for reports of single runs: each run has its own file.
fn is_page(kind: &str) -> bool {
    !["junit", "tap", "md"].contains(&kind)
}

fn planned(flags: &mut RunFlags, screen: &mut Screen) -> Result<Vec<Planned>, Error> {
    let mut stdin = Stdin::new(flags.prompt.no_input);
    if flags.several.all { documents(flags, &mut stdin, screen) } else { of_rows(flags, &mut stdin) }
}

/// A run for each row, or one.
fn of_rows(flags: &mut RunFlags, stdin: &mut Stdin) -> Result<Vec<Planned>, Error> {
    let text = inputs::document_text(&flags.document, stdin)?;
    let description = loaded(flags, Wanted::typed(&flags.document.document, text.as_deref()))?;
    sort_words(flags, &description)?;
    let flags = &*flags;
    let document = flags.document.document.as_path();
    let rows = flags.several.data.as_deref().map(|path| rows::read(path, stdin)).transpose()?;
    let workflow = described(flags, description, flags.workflow(), None, stdin)?;
    let planned = |given: CliInputs, row: Option<usize>| Planned {
        document: document.display().to_string(),
        workflow: workflow.clone(),
        inputs: given.inputs,
        row,
    };
    let Some(rows) = rows else {
        let given = inputs::collect(&flags.input, &workflow, stdin)?;
        return Ok(vec![planned(completed(&workflow, given)?, None)]);
    };
    let (mut runs, mut faults) = (vec![], vec![]);
    for row in &rows {
        stdin.begin_run();
        let mut given = inputs::typed(&flags.input, &workflow, stdin)?;
        if let Some(fault) = row.doubled(&given.inputs) {
            return Err(Error::Inputs(vec![fault]));
        }
        let (values, mut wrong) = row.inputs(&workflow);
        given.inputs = values.or(given.inputs);
        given.faults.append(&mut wrong);
        match completed(&workflow, given.or_environment(&workflow)) {
            Ok(given) => runs.push(planned(given, Some(row.number))),
            Err(Error::Inputs(wrong)) => faults.extend(wrong.iter().map(|fault| Row::placed(row, fault))),
            Err(error) => return Err(error),
        }
    }
    if faults.is_empty() { Ok(runs) } else { Err(Error::Inputs(faults)) }
}

/// Inputs that a workflow accepts, those that a mock makes up among them.
fn completed(workflow: &Workflow, mut given: CliInputs) -> Result<CliInputs, Error> {
    given.make_up(workflow.example_inputs());
    checked(workflow, given, false)
}

/// The runs of all documents that were named or found.
fn documents(flags: &RunFlags, stdin: &mut Stdin, screen: &mut Screen) -> Result<Vec<Planned>, Error> {
    let named = std::iter::once(flags.document.document.clone())
        .chain(flags.plain.workflow_argument.iter().chain(&flags.plain.plain_inputs).map(PathBuf::from));
    let mut documents: Vec<(PathBuf, Option<PathBuf>)> = vec![];
    for path in named {
        if path.is_dir() {
            let shown = |file: PathBuf| file.strip_prefix(".").map(Path::to_path_buf).unwrap_or(file);
            let found = documents_in(&path).map_err(Error::Setup)?.into_iter();
            documents.extend(found.map(|file| (shown(file), Some(path.clone()))));
        } else if let Some((name, _)) = input_word(&path) {
            let message =
                format!("with --all, words without a flag are documents and folders: write --input {name}=VALUE");
            return Err(Error::Setup(message));
        } else {
            documents.push((path, None));
        }
    }
    let (mut read, mut broken) = (vec![], vec![]);
    for (document, found) in &documents {
        let builder = flags.document.builder_of(document, None, Some(&[]));
        let builder = found.iter().fold(builder, |builder, folder| builder.found_in(folder));
        match builder.load_blocking() {
            Ok(description) => read.push((document.as_path(), found.as_deref(), description)),
            Err(error) => broken.push(error),
        }
    }
    // Where a document cannot be read, its names are not known, and nothing is asked for: what is wrong with the others is
    // said with it all the same.
    let complete = broken.is_empty();
    if complete {
        let all: Vec<&Description> = read.iter().map(|(_, _, description)| description).collect();
        check_names(&flags.document.server, &flags.input, &flags.credentials, &all)?;
        check_secret_hosts(&flags.permissions, &flags.credentials, &all)?;
    }
    let mut runs = vec![];
    for (document, found, description) in &read {
        let (document, found): (&Path, Option<&Path>) = (document, *found);
        let sources: Vec<String> = description.source_descriptions().map(|(name, _)| name.to_owned()).collect();
        let mut names: Vec<Option<String>> =
            wanted(flags.workflow.as_deref(), description).into_iter().map(Some).collect();
        // A document without a workflow is a fault of the document.
        if names.is_empty() && description.workflows().next().is_none() {
            names.push(None);
        }
        for name in names {
            stdin.begin_run();
            let wanted = Wanted { document, text: None, found, sources: Some(&sources) };
            let mut planned = || -> Result<Option<Planned>, Error> {
                let workflow = described(flags, loaded(flags, wanted)?, name.as_deref(), Some(&sources), stdin)?;
                if !complete {
                    return Ok(None);
                }
                let given = inputs::collect_taken(&flags.input, &workflow, stdin)?.or_environment(&workflow);
                let given = completed(&workflow, given)?;
                let document = document.display().to_string();
                Ok(Some(Planned { document, workflow, inputs: given.inputs, row: None }))
            };
            match planned() {
                Ok(one) => runs.extend(one),
                Err(error) => broken.push(error),
            }
        }
    }
    all_said(broken, screen)?;
    Ok(runs)
}

/// Says everything that is wrong, but for the last, which whoever asked says.
///
/// # Errors
/// The last.
fn all_said(mut broken: Vec<Error>, screen: &mut Screen) -> Result<(), Error> {
    let Some(last) = broken.pop() else { return Ok(()) };
    for error in &broken {
        screen.error(error);
    }
    Err(last)
}

/// The name and value of a word that was meant to be an input.
fn input_word(path: &Path) -> Option<(&str, &str)> {
    let word = path.to_str().filter(|_| !path.exists())?;
    word.split_once('=').filter(|(name, _)| !name.is_empty() && !name.contains(['/', '\\']))
}

/// The workflows of a document that run: the one that was named, if it has it, or all that no other one calls.
fn wanted(named: Option<&str>, description: &Description) -> Vec<String> {
    let called: Vec<String> =
        description.workflows().flat_map(|workflow| description.plan(workflow)).filter_map(|step| step.calls).collect();
    let all = description.workflows().filter(|workflow| match named {
        Some(named) => *workflow == named,
        None => !called.iter().any(|called| called == workflow),
    });
    all.map(str::to_owned).collect()
}

/// Makes all runs, as many at once as was asked for.
fn side_by_side(flags: &RunFlags, planned: &[Planned], all: usize, shown: &mut Shown<'_>, screen: &mut Screen) {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let signals = Signals::default();
    signals.insist(FOREVER);
    let (sender, messages) = mpsc::channel::<Message>();
    std::thread::scope(|scope| {
        let over = signals.answer(scope);
        for _ in 0..flags.several.repetition.jobs(all) {
            let (sender, next, stop, signals) = (sender.clone(), &next, &stop, &signals);
            scope.spawn(move || {
                while !stop.load(Ordering::SeqCst) && signals.interrupt.count() == 0 {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(one) = planned.get(number % planned.len()).filter(|_| number < all) else { return };
                    let ended = run_one(flags, one, number, signals, &sender);
                    let failed = !ended.record.verdict().good();
                    stop.fetch_or(failed && flags.several.repetition.fail_fast, Ordering::SeqCst);
                    if sender.send(Message::Ended(Box::new(ended))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting: Vec<Ended> = vec![];
        for message in messages {
            match message {
                Message::Event(line) => shown.keep(screen.data(&line)),
                Message::Ended(ended) => {
                    waiting.push(*ended);
                    // In their order, whichever is over first.
                    while let Some(at) = waiting.iter().position(|ended| ended.number == shown.ended.len()) {
                        shown.tell(waiting.swap_remove(at), screen);
                    }
                }
            }
        }
        waiting.sort_by_key(|ended| ended.number);
        waiting.into_iter().for_each(|ended| shown.tell(ended, screen));
        signals.over();
        over.notify_one();
    });
}

fn run_one(flags: &RunFlags, one: &Planned, number: usize, signals: &Signals, sender: &Sender<Message>) -> Ended {
    let began = Instant::now();
    let mut record = RunRecord::of_plan(&one.workflow.plan());
    if flags.output.reports.is_empty() {
        record = record.last_attempts();
    }
    let events = flags.output.events.json == Some(JsonForm::Events);
    let observe = |envelope: &Envelope| {
        let envelope = &signals.named(envelope);
        record.add(envelope);
        if events && let Ok(line) = result::line(envelope, &record) {
            // Without a reader there is nothing to be told.
            drop(sender.send(Message::Event(line)));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime
        .map_err(|error| Error::Setup(format!("cannot start: {error}")))
        .and_then(|runtime| runtime.block_on(one.workflow.run_until(one.inputs.clone(), &signals.interrupt, observe)));
    let outputs = outcome.map(|outcome| (**outcome.values()).clone()).map_err(|error| error.to_string());
    Ended { number, record, outputs, took: began.elapsed() }
}

/// What is shown of runs, in their order.
struct Shown<'a> {
    flags: &'a RunFlags,
    planned: &'a [Planned],
    journal: Option<&'a NamedJournal>,
    /// What goes to the file of the outputs.
    lines: Vec<String>,
    fault: Option<std::io::Error>,
    ended: Vec<Ended>,
}

impl Shown<'_> {
    fn keep(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written {
            self.fault.get_or_insert(error);
        }
    }

    fn tell(&mut self, ended: Ended, screen: &mut Screen) {
        let Some(one) = self.planned.get(ended.number % self.planned.len()) else { return };
        let quiet = self.flags.output.verbosity.quiet;
        let (verdict, took) = (ended.record.verdict(), milliseconds(ended.took));
        let name = named(one, ended.number, self.planned.len(), self.flags);
        if quiet == 0 && verdict.good() {
            let ok = bold(AnsiColor::Green);
            screen.line(&format!("{ok}ok{ok:#}    {}  {}", safe(&name), time(took)));
        } else if quiet < 2 && !verdict.good() {
            let fail = bold(AnsiColor::Red);
            screen.line(&format!("{fail}FAIL{fail:#}  {}  {}", safe(&name), time(took)));
            let lines = failure::report(&ended.record, one.workflow.description().sources(), width());
            lines.iter().for_each(|line| screen.line(line));
            if let Err(why) = &ended.outputs {
                screen.line(&format!("error: {}", safe(why)));
            }
            for missing in without_value(&ended) {
                screen.line(&format!("output `{}` has no value", safe(missing)));
            }
            if let Some(command) = self.resume(&ended.record) {
                screen.line(&format!("resume: {command}"));
            }
            screen.line("");
        }
        if let Some(annotation) = github::annotation_of(&ended.record) {
            screen.command(&annotation);
        }
        if let Some(line) = self.line(one, &ended) {
            match self.flags.output.file.output.as_deref().filter(|path| *path != Path::new("-")) {
                Some(_) => self.lines.push(line),
                None if self.flags.output.reports.iter().any(|report| report.to_stdout()) => {}
                None => self.keep(screen.data(&line)),
            }
        }
        self.ended.push(ended);
    }

    /// The command that goes on with a run.
    fn resume(&self, record: &RunRecord) -> Option<String> {
        let journal = self.journal?;
        let kept = journal.journal.run(&record.run).ok()?;
        let step = kept.step.clone();
        journal.resume_of(&kept, step.as_deref())
    }

    /// The line of a run on stdout: its outputs, or all of its result. Its events say all that it would.
    fn line(&self, one: &Planned, ended: &Ended) -> Option<String> {
        let whole = ended.outputs.clone().unwrap_or_default();
        let shown = ended.record.outputs().filter(|_| self.flags.output.mask.mask_outputs);
        let outputs = shown.unwrap_or(&whole);
        let verdict = ended.record.verdict();
        let mut line = match self.flags.output.events.json {
            Some(JsonForm::Events) => return None,
            Some(JsonForm::Result) => result::object(&ended.record, outputs),
            None => json!({
                "document": one.document, "workflow": one.workflow.name(), "status": verdict.word(),
                "outputs": Json::Object(outputs.clone().into()),
            }),
        };
        if let (Json::Object(members), Some(row)) = (&mut line, one.row) {
            members.insert("row".to_owned(), json!(row));
        }
        Some(line.to_string())
    }

    /// Says what all runs came to, and writes what is left of them; the result is the exit code.
    fn finish(mut self, all: usize, took: Duration, screen: &mut Screen) -> u8 {
        let good = self.ended.iter().filter(|ended| ended.record.verdict().good()).count();
        let (bad, not_run) = (self.ended.len() - good, all.saturating_sub(self.ended.len()));
        if self.flags.output.verbosity.quiet < 2 {
            let color = bold(if bad == 0 { AnsiColor::Green } else { AnsiColor::Red });
            let not_run = if not_run > 0 { format!(", {not_run} not run") } else { String::new() };
            let took = time(milliseconds(took));
            screen.line(&format!("{color}{good} succeeded, {bad} failed{color:#}{not_run} in {took}"));
        }
        if let Some(path) = self.flags.output.file.output.as_deref().filter(|path| *path != Path::new("-")) {
            let lines = std::mem::take(&mut self.lines).join("\n");
            self.keep(save(path, &lines, Readers::Owner));
        }
        self.reports(took, screen);
        self.keep(github::append_summary(|| summary_of_tests(&self.runs_as_cases(), milliseconds(took))));
        let code = self.ended.iter().map(exit_of).max_by_key(|code| rank(*code)).unwrap_or(exit::NOTHING);
        match &self.fault {
            Some(error) => {
                screen.fault("output", &format!("the outputs could not be written: {error}"), None);
                let code = if code == exit::SUCCEEDED { exit::OUTPUT } else { code };
                screen.finish_lines(code);
                code
            }
            None => code,
        }
    }

    /// The runs as cases of their documents: for a summary, which has no room for steps.
    fn runs_as_cases(&self) -> Vec<junit::Suite> {
        let mut suites: Vec<junit::Suite> = vec![];
        for number in 0..self.planned.len().saturating_mul(self.flags.several.repetition.rounds()) {
            let Some(one) = self.planned.get(number % self.planned.len()) else { continue };
            let ended = self.ended.iter().find(|ended| ended.number == number);
            let result = match ended {
                None => junit::CaseResult::Skipped("the runs were stopped before".to_owned()),
                Some(ended) if ended.record.verdict().good() => junit::CaseResult::Passed,
                Some(ended) => junit::CaseResult::Failed(problem(one, ended)),
            };
            let at = suites.iter().position(|suite| suite.name == one.document).unwrap_or_else(|| {
                suites.push(junit::Suite::new(one.document.clone()));
                suites.len() - 1
            });
            let name = named(one, number, self.planned.len(), self.flags);
            let name = name.strip_prefix(&one.document).unwrap_or(&name).trim_start().to_owned();
            let took = ended.map_or(0, |ended| milliseconds(ended.took));
            if let Some(suite) = suites.get_mut(at) {
                suite.cases.push(junit::Case::new(one.document.clone(), name, took, result));
            }
        }
        suites
    }

    /// A suite for each run: its steps, or that it was not run.
    fn suites(&self) -> Vec<junit::Suite> {
        let rounds = self.flags.several.repetition.rounds();
        let all = 0..self.planned.len().saturating_mul(rounds);
        let suite = |number: usize| {
            let one = self.planned.get(number % self.planned.len())?;
            let mut suite = match self.ended.iter().find(|ended| ended.number == number) {
                Some(ended) => junit::suite(&ended.record),
                None => {
                    let mut suite = junit::Suite::new(junit::suite_name(&one.document, one.workflow.name()));
                    let skipped = junit::CaseResult::Skipped("the runs were stopped before".to_owned());
                    suite.cases.push(junit::Case::new(suite.name.clone(), one.workflow.name().to_owned(), 0, skipped));
                    suite
                }
            };
            let row = one.row.map(|row| format!(".row{row}")).unwrap_or_default();
            let round = if rounds > 1 { format!(".run{}", number / self.planned.len() + 1) } else { String::new() };
            suite.name.push_str(&format!("{row}{round}"));
            suite.cases.iter_mut().for_each(|case| case.classname.push_str(&format!("{row}{round}")));
            Some(suite)
        };
        all.filter_map(suite).collect()
    }

    fn reports(&mut self, took: Duration, screen: &mut Screen) {
        let ms = milliseconds(took);
        for report in &self.flags.output.reports {
            let text = match report.kind.name {
                "junit" => junit::document(&self.suites(), ms),
                "tap" => tap::document(&self.suites()),
                "md" => summary_of_tests(&self.runs_as_cases(), ms),
                _ => {
                    let pages = self.ended.iter().map(|ended| {
                        let one = self.planned.get(ended.number % self.planned.len());
                        let context = one
                            .map(|one| ReportContext::of(one.workflow.description(), &ended.record))
                            .unwrap_or_default();
                        let path = page(report, ended.number, &[&ended.record.workflow]);
                        write_text(report, &path, &(report.kind.text)(&ended.record, &context), screen)
                    });
                    let written: Vec<_> = pages.collect();
                    written.into_iter().for_each(|written| self.keep(written));
                    continue;
                }
            };
            self.keep(write_text(report, &report.path, &text, screen));
        }
    }
}

/// Why a run did not succeed.
fn problem(one: &Planned, ended: &Ended) -> junit::Problem {
    let lines = failure::report(&ended.record, one.workflow.description().sources(), width());
    let lines = lines.iter().map(|line| anstream::adapter::strip_str(line).to_string());
    let missing = without_value(ended).into_iter().map(|name| format!("output `{name}` has no value"));
    let text = lines.chain(ended.outputs.as_ref().err().cloned()).chain(missing).collect::<Vec<_>>().join("\n");
    let why = ended.record.verdict().why;
    let message = why.map_or_else(|| text.lines().next().unwrap_or_default().to_owned(), |why| why.message.clone());
    junit::Problem::new(why.map_or("run", |why| why.code.word()), message, text)
}

/// The outputs without a value of a run that failed for nothing else.
fn without_value(ended: &Ended) -> Vec<&str> {
    let verdict = ended.record.verdict();
    if verdict.why.is_none() && !verdict.good() { junit::without_value(&ended.record) } else { vec![] }
}

/// The name of a run for people: its document and workflow, its row, which time it is.
fn named(one: &Planned, number: usize, each: usize, flags: &RunFlags) -> String {
    let row = one.row.map(|row| format!("  row {row}")).unwrap_or_default();
    let rounds = flags.several.repetition.rounds();
    let round = if rounds > 1 { format!("  {} of {rounds}", number / each + 1) } else { String::new() };
    format!("{}  {}{row}{round}", one.document, one.workflow.name())
}

fn exit_of(ended: &Ended) -> u8 {
    ended.record.verdict().exit.unwrap_or(exit::USAGE)
}

/// How bad an exit code is: an interrupt is what ends all of them; then 3, 6, 5, 4, 1.
fn rank(code: u8) -> usize {
    const WORST: [u8; 9] =
        [exit::TERMINATED, 130, exit::USAGE, exit::DOCUMENT, exit::REFUSED, 5, 4, 1, exit::SUCCEEDED];
    WORST.len() - WORST.iter().position(|known| *known == code).unwrap_or(0)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
