//! A workflow that runs: what is shown of it, what is kept of it, its exit code.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arazzo::diagnostics::Diagnostic;
use arazzo::events::StepStatus;
use arazzo::journal::Resumed;
use arazzo::json;
use arazzo::plan::PlannedStep;
use arazzo::report::{Answer, Exchange, ReportContext, RunRecord, result};
use arazzo::values::Json;
use arazzo::{Envelope, Error, EventKind, Outcome, Outputs, Recording, StepOutputs, Workflow};

use crate::exit;
use crate::flags::SavedOutput;
use crate::github;
use crate::inputs::CliInputs;
use crate::journal::NamedJournal;
use crate::names::Names;
use crate::report;
use crate::requested::RequestedReports;
use crate::save::{Readers, save, save_exact};
use crate::saved;
use crate::show::progress::Detail;
use crate::show::{Screen, failure, safe, width};
use crate::shown_command;
use crate::signal::Signals;
use crate::streams::{self, Stream};
use crate::watch::{Showing, Watch};

/// Everything that a run needs, whichever command asks for it.
pub(crate) struct Execution<'a> {
    pub(crate) workflow: &'a Workflow,
    /// The document, as it was typed.
    pub(crate) document: &'a Path,
    pub(crate) given: CliInputs,
    /// The sources that a mock answers for, all if none is named; nothing without a mock.
    pub(crate) mock: Option<&'a [String]>,
    /// After this time the process ends, whatever is being worked out.
    pub(crate) timeout: Duration,
    pub(crate) showing: Showing,
    pub(crate) kept: Kept,
    /// The warnings about the documents, as the project weighs them.
    pub(crate) warnings: Vec<Diagnostic>,
    /// The outputs as they are printed; nothing if there is nothing to print.
    pub(crate) print: fn(&Outputs) -> Option<Printed>,
    /// The journal that it is kept in.
    pub(crate) journal: Option<&'a NamedJournal>,
    /// The run that goes on; nothing if one begins.
    pub(crate) resumed: Option<Resumed>,
}

/// Outputs as they are printed.
pub(crate) struct Printed {
    /// For people.
    line: String,
    /// For files and other commands: the bytes of a body as they came.
    exact: Option<Vec<u8>>,
}

impl Printed {
    pub(crate) fn line(line: String) -> Self {
        Self { line, exact: None }
    }

    pub(crate) fn exact(line: String, bytes: Vec<u8>) -> Self {
        Self { line, exact: Some(bytes) }
    }

    /// Writes to stdout: a body to the byte, but where people or the runner of a CI job read it.
    fn write(&self, screen: &mut Screen) -> std::io::Result<()> {
        match &self.exact {
            Some(bytes) if !streams::is_read() => screen.bytes(bytes),
            _ => screen.data(&self.line),
        }
    }
}

/// The files that a run leaves when it is over.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) reports: RequestedReports,
    /// The file of its recording.
    pub(crate) recording: Option<PathBuf>,
    /// Outputs of steps that are written to files.
    pub(crate) saved: Option<(Vec<SavedOutput>, StepOutputs)>,
    /// The file of its outputs, instead of stdout.
    pub(crate) outputs: Option<PathBuf>,
    /// `true` if outputs are masked as events are.
    pub(crate) masked: bool,
}

impl Kept {
    /// The files that are written, in the order in which they are named in a fault.
    fn files(&self) -> Vec<&Path> {
        let saved = self.saved.iter().flat_map(|(wanted, _)| wanted).map(|saved| saved.file.as_path());
        let reports = self.reports.iter().map(|report| report.path.as_path());
        let files = saved.chain(self.outputs.as_deref()).chain(self.recording.as_deref()).chain(reports);
        files.filter(|path| *path != Path::new("-")).collect()
    }

    /// Checks that no file is written twice, and that none takes the place of a document of the run.
    ///
    /// # Errors
    /// [`Error::Setup`] that names the file.
    fn check(&self, workflow: &Workflow) -> Result<(), Error> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let files: Vec<(&Path, PathBuf)> = self.files().into_iter().map(|path| (path, real(path))).collect();
        // A pipe or a device may take several.
        let is_file = |path: &Path| path.metadata().map_or(true, |about| about.is_file());
        let mut twice = files.iter().enumerate().filter(|(_, (_, file))| is_file(file));
        let twice = twice.find(|(at, (_, file))| files.iter().take(*at).any(|(_, known)| known == file));
        if let Some((_, (path, _))) = twice {
            let shown = path.display();
            let message = format!("`{shown}` would be written twice: name a file for each of what is written");
            return Err(Error::Setup(message));
        }
        let read: Vec<PathBuf> =
            workflow.description().sources().iter().map(|(_, source)| real(Path::new(&source.name))).collect();
        match files.iter().find(|(_, file)| read.contains(file)) {
            Some((path, _)) => {
                let shown = path.display();
                Err(Error::Setup(format!("`{shown}` is a document of this run, and is not written over")))
            }
            None => Ok(()),
        }
    }
}

/// A run that is over.
struct Ended {
    record: RunRecord,
    outcome: Outcome,
    recording: Recorded,
    /// The reason why an event could not be printed.
    data_error: Option<std::io::Error>,
    /// The last step of the workflow that was run that failed.
    failed: Option<String>,
}

/// Runs a workflow; the result is the exit code.
pub(crate) fn execute(mut execution: Execution<'_>, screen: &mut Screen) -> u8 {
    if let Err(error) = execution.kept.check(execution.workflow) {
        return screen.error(&error);
    }
    let showing = execution.showing;
    if showing.detail >= Detail::Verdict {
        screen.warnings(execution.warnings.iter(), execution.workflow.description().sources());
        hint(execution.workflow, &execution.given, screen);
        made_up(execution.workflow, &execution.given, screen);
    }
    let ended = match run(&mut execution, screen) {
        Ok(ended) => ended,
        Err(error) => return screen.error(&error),
    };
    let Some(code) = ended.record.verdict().exit else { return exit::USAGE };
    tell(&execution, &ended, screen);
    keep(&execution, ended, screen, code)
}

/// Runs the workflow and shows what happens, to the last line of a run that did not fail.
fn run(execution: &mut Execution<'_>, screen: &mut Screen) -> Result<Ended, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Setup(format!("cannot start: {error}")))?;
    let (workflow, inputs) = (execution.workflow, std::mem::take(&mut execution.given.inputs));
    let signals = Signals::default();
    signals.insist(execution.timeout);
    let plan = workflow.plan();
    let mut record = RunRecord::of_plan(&plan);
    if execution.kept.reports.is_empty() && github::summary().is_none() {
        record = record.last_attempts();
    }
    let watch = RefCell::new(Watch::new(screen, execution.showing, &plan, hosts(execution.mock, &plan)));
    let (mut data_error, mut failed) = (None, None);
    let resumed = execution.resumed.take();
    for envelope in resumed.as_ref().map(Resumed::events).transpose()?.unwrap_or_default() {
        record.add(&envelope);
        watch.borrow_mut().past(&envelope);
    }
    let outcome = {
        let observe = |envelope: &Envelope| {
            let envelope = &signals.named(envelope);
            record.add(envelope);
            if let (EventKind::StepFinished { status: StepStatus::Failed, .. }, 0) =
                (&envelope.event.kind, envelope.event.frame)
            {
                failed.clone_from(&envelope.event.step);
            }
            signals.watch(envelope);
            if let Err(error) = watch.borrow_mut().event(envelope, &record) {
                data_error.get_or_insert(error);
            }
        };
        runtime.block_on(async {
            let say = |text: &str| watch.borrow_mut().screen.line(text);
            let run = async {
                match execution.kept.recording {
                    _ if let Some(resumed) = resumed => resumed.run(&signals.interrupt, observe).await.map(unrecorded),
                    Some(_) => workflow.record(inputs, &signals.interrupt, observe).await,
                    None => workflow.run_until(inputs, &signals.interrupt, observe).await.map(unrecorded),
                }
            };
            tokio::select! {
                biased;
                never = signals.listen(say) => match never {},
                outcome = run => outcome,
                never = Watch::moving(&watch) => match never {},
            }
        })
    };
    signals.over();
    // Calls that were given up need not be waited for.
    runtime.shutdown_background();
    let (outcome, recording) = outcome?;
    if let Some(last) = &record.end {
        watch.into_inner().verdict(&last.event.kind, workflow.name());
    }
    Ok(Ended { record, outcome, recording, data_error, failed })
}

/// Says why a run did not succeed, and what there is to know about its documents.
fn tell(execution: &Execution<'_>, ended: &Ended, screen: &mut Screen) {
    let (workflow, showing) = (execution.workflow, execution.showing);
    if showing.detail < Detail::Failures {
        return;
    }
    for line in failure::report(&ended.record, workflow.description().sources(), width()) {
        screen.line(&line);
    }
    if let Some(command) = execution.journal.and_then(|journal| resume(journal, ended)) {
        screen.line(&format!("resume: {command}"));
    }
    if let Some(annotation) = github::annotation_of(&ended.record) {
        screen.command(&annotation);
    }
    let missed = |exchange: &Exchange| matches!(exchange.answer, Answer::Received { status: 404 | 405, .. });
    if let Some(exchange) = ended.record.failing_exchange().filter(|exchange| missed(exchange)) {
        for server in workflow.description().servers_without_path() {
            if exchange.url.starts_with(&server.given) {
                screen.line(&format!(
                    "help: the described server of `{}` has the path {}, and {} has none: write --server {}{}",
                    safe(&server.source),
                    safe(&server.path),
                    safe(&server.given),
                    safe(&server.given),
                    safe(&server.path)
                ));
            }
        }
    }
    let local = !arazzo::is_remote(execution.document);
    if execution.mock.is_some() && local && matches!(ended.outcome, Outcome::Failed { .. }) {
        let document = execution.document.display().to_string();
        screen
            .line(&format!("note: the mock has ended with the run; `arazzo mock {}` serves it again", safe(&document)));
    }
}

/// The command that goes on with a run that did not succeed.
fn resume(journal: &NamedJournal, ended: &Ended) -> Option<String> {
    if !matches!(ended.outcome, Outcome::Failed { .. } | Outcome::Stopped { .. }) {
        return None;
    }
    let run = &ended.record.run;
    // One that was cancelled does not go on, nor one that ended before it waited for anything.
    let kept = journal.journal.run(run).ok()?;
    journal.resume_of(&kept, ended.failed.as_deref())
}

/// Writes what is left of a run; the result is its exit code.
fn keep(execution: &Execution<'_>, ended: Ended, screen: &mut Screen, code: u8) -> u8 {
    let Ended { record, outcome, recording, data_error, .. } = ended;
    let (workflow, kept) = (execution.workflow, &execution.kept);
    let say = execution.showing.detail >= Detail::Verdict;
    let code = match &kept.recording {
        Some(path) => keep_recording(path, recording, say, screen, code),
        None => code,
    };
    let code = match &kept.saved {
        Some((wanted, outputs)) => saved::write(wanted, outputs, say, screen, code),
        None => code,
    };
    if let Err(error) = github::summarize(&record) {
        screen.line(&format!("note: the summary of the job could not be written: {error}"));
    }
    let code = if kept.reports.is_empty() {
        code
    } else {
        let command = shown_command::this_command(&record.inputs, &Names::of(workflow.description()));
        let context = ReportContext::of(workflow.description(), &record).command(command);
        report::write_all(&kept.reports, &record, &context, say, screen, code)
    };
    if execution.showing.events {
        let code = written(data_error.map_or(Ok(()), Err), screen, code);
        screen.finish_lines(code);
        return code;
    }
    // A report in the place of the outputs.
    if kept.reports.to_stdout() && kept.outputs.is_none() {
        return code;
    }
    let (whole, shown) = (outcome.values(), record.outputs());
    let masked = shown.filter(|_| kept.masked).map(|shown| Outputs::from(shown.clone()));
    let outputs = masked.as_ref().unwrap_or(whole);
    if execution.showing.result {
        let mut object = result::object(&record, outputs);
        if let (Json::Object(members), unwritten @ [_, ..]) = (&mut object, screen.unwritten().as_slice()) {
            members.insert("exit".to_owned(), json!(code));
            members.insert("diagnostics".to_owned(), json!(unwritten));
        }
        return written(screen.data(&object.to_string()), screen, code);
    }
    // A workflow that went over to another may have the outputs of that. What a run that failed has none of is no data;
    // in a file, it must not stay as it was before.
    let none = workflow.outputs().next().is_none() || code != exit::SUCCEEDED && kept.outputs.is_none();
    if none && outputs.is_empty() {
        return code;
    }
    let Some(printed) = (execution.print)(outputs) else {
        // A body without a byte is a file without one.
        return match &kept.outputs {
            Some(path) if path != Path::new("-") => written(save_exact(path, &[], Readers::Default), screen, code),
            _ => code,
        };
    };
    // What an event masks is not for others on this machine.
    let readers = || if shown == Some(&**whole) { Readers::Default } else { Readers::Owner };
    let result = match (&kept.outputs, &printed.exact) {
        (Some(path), _) if path == Path::new("-") => printed.write(screen),
        (Some(path), Some(bytes)) => save_exact(path, bytes, readers()),
        (Some(path), None) => save(path, &printed.line, readers()),
        (None, _) => printed.write(screen),
    };
    if printed.exact.is_none() && execution.showing.detail >= Detail::Verdict {
        for name in outputs.encoded() {
            screen.line(&format!("note: output `{}` is bytes, and written in base64", safe(name)));
        }
    }
    written(result, screen, code)
}

type Recorded = Result<Recording, Error>;

fn unrecorded(outcome: Outcome) -> (Outcome, Recorded) {
    (outcome, Err(Error::Setup("it was not recorded".to_owned())))
}

/// Writes the recording of a run; the result is the exit code: 7 if it could not be written and `code` is 0.
fn keep_recording(path: &Path, recording: Recorded, say: bool, screen: &mut Screen, code: u8) -> u8 {
    let result = recording.map_err(std::io::Error::other).and_then(|recording| {
        save(path, &recording.to_text(), Readers::Owner)?;
        Ok(recording)
    });
    match result {
        Ok(recording) => {
            if let (Some(from), true) = (recording.unlike(), say) {
                screen.line(&format!(
                    "note: a replay will not go as this run went, from {} on: something looks into the value of a secret, which is not in the recording",
                    safe(from)
                ));
            }
            if say {
                let shown = safe(&path.display().to_string());
                screen.line(&format!("record {shown}  (arazzo replay {shown})"));
            }
            code
        }
        Err(error) => {
            screen.fault("output", &format!("the recording could not be written: {error}"), None);
            if code == exit::SUCCEEDED { exit::OUTPUT } else { code }
        }
    }
}

/// Exit 7 only where the verdict would have been 0.
pub(crate) fn written(result: std::io::Result<()>, screen: &mut Screen, code: u8) -> u8 {
    match result {
        Ok(()) => code,
        Err(error) => {
            screen.fault("output", &format!("the outputs could not be written: {error}"), None);
            if code == exit::SUCCEEDED { exit::OUTPUT } else { code }
        }
    }
}

/// The hosts that a run will call.
fn hosts(mock: Option<&[String]>, plan: &[PlannedStep]) -> Vec<String> {
    let mocked = |source: &String| mock.is_some_and(|only| only.iter().all(String::is_empty) || only.contains(source));
    let mut hosts = vec![];
    for step in plan.iter().filter(|step| step.calls.is_none()) {
        let host = if mocked(&step.source) { "a mock" } else { step.host.as_str() };
        if !host.is_empty() && !hosts.iter().any(|known| known == host) {
            hosts.push(host.to_owned());
        }
    }
    hosts
}

/// Names the inputs that nobody gave.
fn made_up(workflow: &Workflow, given: &CliInputs, screen: &mut Screen) {
    let secret = |name: &str| workflow.inputs().any(|input| input.name == name && input.secret);
    let shown = given.inputs.iter().filter(|(name, _)| given.made_up.iter().any(|made| made == name));
    let shown: Vec<String> = shown
        .map(
            |(name, value)| {
                if secret(name) { safe(name) } else { format!("{}={}", safe(name), safe(&value.to_string())) }
            },
        )
        .collect();
    if !shown.is_empty() {
        screen.line(&format!("note: inputs generated for the mock: {}", shown.join(" ")));
    }
}

/// Values on a command line can be seen by everybody on the machine.
fn hint(workflow: &Workflow, given: &CliInputs, screen: &mut Screen) {
    let secret = |name: &&String| workflow.inputs().any(|input| input.name == **name && input.secret);
    if let (Some(name), true) = (given.typed.iter().find(secret), Stream::People.is_terminal()) {
        screen.line(&format!("hint: `{0}` is a secret, and other users can see it on a command line; set ARAZZO_SECRET_{0} and use --secret {0}", safe(name)));
    }
}
