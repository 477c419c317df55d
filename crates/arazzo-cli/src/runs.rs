//! `arazzo runs`: the runs of a journal, and those that go on.

use std::path::Path;

use arazzo::journal::{Decision, InDoubt, JournaledRun, Resumed, Resumption, RunState};
use arazzo::json;
use arazzo::report::{ReportContext, RunRecord, result};
use arazzo::values::Json;
use arazzo::{Builder, Error, Limits, Outcome, Response, StepOutputs};

use crate::execute::{Execution, Kept, Printed, execute, written};
use crate::flags::{
    ResumeFlags, RunName, RunsCommand, RunsExportFlags, RunsFlags, RunsListFlags, RunsRemoveFlags, RunsShowFlags,
    Unknown,
};
use crate::inputs::{CliInputs, Stdin};
use crate::journal::{self, NamedJournal};
use crate::remedies;
use crate::replay::describe_drift;
use crate::report;
use crate::requested::{JsonForm, ProgressForm, RequestedReports};
#[cfg(feature = "restate")]
use crate::restate;
use crate::save::{Readers, save};
use crate::show::{Screen, safe};
use crate::shown_command::quoted;
use crate::watch::{Showing, Watch};
use crate::{exit, kept_events, saved};

/// Runs the command; the result is the exit code.
pub(crate) fn runs(flags: RunsFlags, screen: &mut Screen) -> u8 {
    #[cfg(feature = "restate")]
    if let Some(result) = of_engine(&flags.command, screen) {
        return result.unwrap_or_else(|error| screen.error(&error));
    }
    let result = match flags.command {
        RunsCommand::List(flags) => list(&flags, screen),
        RunsCommand::Show(flags) => show(&flags, screen),
        RunsCommand::Resume(flags) => resume(&flags, screen),
        RunsCommand::Export(flags) => export(&flags, screen),
        RunsCommand::Cancel(flags) => cancel(&flags, screen),
        RunsCommand::Rm(flags) => remove(&flags, screen),
    };
    result.unwrap_or_else(|error| screen.error(&error))
}

/// Does what is meant for the runs of an engine; nothing if those of a journal are.
#[cfg(feature = "restate")]
fn of_engine(command: &RunsCommand, screen: &mut Screen) -> Option<Result<u8, Error>> {
    Some(match command {
        RunsCommand::List(flags) => restate::list(flags.engine.restate_admin.as_deref()?, flags, screen),
        RunsCommand::Show(flags) => restate::show(flags.engine.restate_admin.as_deref()?, flags, screen),
        RunsCommand::Cancel(flags) => restate::cancel(flags.engine.restate_admin.as_deref()?, flags, screen),
        RunsCommand::Resume(flags) => {
            let url = flags.engine.restate.as_deref()?;
            check_unknown(flags).and_then(|()| restate::resume(url, flags, screen))
        }
        RunsCommand::Export(_) | RunsCommand::Rm(_) => return None,
    })
}

fn list(flags: &RunsListFlags, screen: &mut Screen) -> Result<u8, Error> {
    let named = journal::of_runs(&flags.journal, false)?;
    let wanted = |run: &JournaledRun| match (flags.failed, flags.running) {
        (true, _) => matches!(run.state, RunState::Failed | RunState::Stopped | RunState::Interrupted),
        (_, true) => run.state == RunState::Running,
        _ => true,
    };
    for run in named.journal.runs()?.iter().filter(|run| wanted(run)) {
        let line = match flags.json {
            true => object(run)?,
            false => line(run),
        };
        if screen.data(&line).is_err() {
            return Ok(exit::OUTPUT);
        }
    }
    Ok(exit::SUCCEEDED)
}

/// A run for programs.
fn object(run: &JournaledRun) -> Result<String, Error> {
    let run = serde_json::to_value(run).map_err(|error| Error::Setup(error.to_string()))?;
    let mut object = json!({ "v": 1 });
    if let (Json::Object(members), Json::Object(run)) = (&mut object, Json::from(run)) {
        members.extend(run.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    Ok(object.to_string())
}

/// What a command did: an object for programs, or a line for people.
fn said(as_json: bool, object: &Json, line: &str, screen: &mut Screen) -> u8 {
    if !as_json {
        screen.line(line);
        return exit::SUCCEEDED;
    }
    match screen.data(&object.to_string()) {
        Ok(()) => exit::SUCCEEDED,
        Err(_) => exit::OUTPUT,
    }
}

/// A run for people.
fn line(run: &JournaledRun) -> String {
    let step = run.step.as_deref().map(|step| format!("  at {}", safe(step))).unwrap_or_default();
    let reason = run.reason.as_deref().map(|reason| format!("  {}", safe(reason))).unwrap_or_default();
    let doubt = if run.unsettled > 0 && run.state != RunState::Running { "  in doubt" } else { "" };
    let pid = run.pid.map(|pid| format!("  process {pid}")).unwrap_or_default();
    format!("{}{step}{reason}{doubt}{pid}", head(run, run.state.word()))
}

/// The run, and what is said of its state.
fn head(run: &JournaledRun, state: &str) -> String {
    let (id, began) = (safe(&run.id), safe(&run.began));
    format!("{id}  {state:11}  {began}  {}  {}", safe(&run.document), safe(&run.workflow))
}

fn show(flags: &RunsShowFlags, screen: &mut Screen) -> Result<u8, Error> {
    let reports = RequestedReports::new(&flags.reports)?;
    // The lines of the run go there too.
    reports.beside(flags.json)?;
    let named = journal::of_runs(&flags.journal, false)?;
    let run = named.journal.run(&flags.run)?;
    let mut events = named.journal.events(&run.id)?;
    let last = events.last().map(|envelope| envelope.seq).unwrap_or_default();
    if let Some(at) = flags.at {
        if at > last {
            return Err(Error::Setup(format!("--at: the last event of the run {} is {last}", run.id)));
        }
        events.retain(|envelope| envelope.seq <= at);
    }
    let mut record = RunRecord::default();
    events.iter().for_each(|envelope| record.add(envelope));
    if flags.json {
        for envelope in &events {
            let line = result::line(envelope, &record).map_err(|error| Error::Setup(error.to_string()))?;
            if screen.data(&line).is_err() {
                return Ok(exit::OUTPUT);
            }
        }
    } else {
        // Then its state was another one.
        let first = flags.at.map_or_else(|| line(&run), |at| head(&run, &format!("at {at} of {last}")));
        if screen.data(&first).is_err() {
            return Ok(exit::OUTPUT);
        }
        let showing = Showing::new(0, 0, None, ProgressForm::Line);
        let mut watch = Watch::new(screen, showing, &[], vec![]);
        for envelope in &events {
            // Lines for people: what cannot be shown is seen.
            let _ = watch.event(envelope, &record);
        }
        if let Some(last) = &record.end {
            watch.verdict(&last.event.kind, &run.workflow);
        }
        for gap in record.gaps() {
            screen.line(&format!("note: {}", gap.words()));
        }
        match (flags.at, events.last()) {
            (Some(at), Some(envelope)) => {
                let step = envelope.event.step.as_deref();
                let step = step.map(|step| format!(" of step `{}`", safe(step))).unwrap_or_default();
                screen.line(&format!("at event {at} of {last}{step}"));
            }
            _ => {
                if let Some(command) = named.resume_of(&run, run.step.as_deref()) {
                    screen.line(&format!("resume: {command}"));
                }
            }
        }
    }
    Ok(report::write_all(&reports, &record, &ReportContext::default(), true, screen, exit::SUCCEEDED))
}

/// Writes a run as a recording.
fn export(flags: &RunsExportFlags, screen: &mut Screen) -> Result<u8, Error> {
    let named = journal::of_runs(&flags.journal, true)?;
    let run = named.journal.run(&flags.run)?;
    let recording = named.journal.export(&run.id)?;
    if let Some(from) = recording.unlike() {
        screen.line(&format!(
            "note: a replay will not go as this run went, from {} on: something looks into the value of a secret, which is not in the recording",
            safe(from)
        ));
    }
    let file = flags.output.as_deref().filter(|path| *path != Path::new("-"));
    let Some(file) = file else { return Ok(written(screen.data(&recording.to_text()), screen, exit::SUCCEEDED)) };
    if let Err(error) = save(file, &recording.to_text(), Readers::Owner) {
        screen.fault("output", &format!("the recording could not be written: {error}"), None);
        return Ok(exit::OUTPUT);
    }
    let shown = file.display().to_string();
    let object = json!({ "v": 1, "run": run.id, "file": shown, "requests": recording.requests() });
    let line = format!("record {}  (arazzo replay {})", safe(&shown), safe(&quoted(&shown)));
    Ok(said(flags.json, &object, &line, screen))
}

fn cancel(flags: &RunName, screen: &mut Screen) -> Result<u8, Error> {
    let named = journal::of_runs(&flags.journal, false)?;
    let run = named.journal.run(&flags.run)?;
    let cancelled = named.journal.cancel(&run.id)?;
    let line = match (cancelled, run.state) {
        (false, state) => format!("note: the run {} has ended already: {}", run.id, state.word()),
        (true, RunState::Running) => format!("asked the process of the run {} to stop it", run.id),
        (true, _) => format!("cancelled {}", run.id),
    };
    let object = json!({ "v": 1, "run": run.id, "state": run.state.word(), "cancelled": cancelled });
    Ok(said(flags.json, &object, &line, screen))
}

fn remove(flags: &RunsRemoveFlags, screen: &mut Screen) -> Result<u8, Error> {
    let named = journal::of_runs(&flags.journal, false)?;
    let count = match flags.older {
        Some(age) => named.journal.remove_older(age)?,
        None => {
            let runs = flags.runs.iter().map(|name| named.journal.run(name)).collect::<Result<Vec<_>, _>>()?;
            runs.iter().try_for_each(|run| named.journal.remove(&run.id))?;
            runs.len()
        }
    };
    let line = format!("removed {count} run{}", if count == 1 { "" } else { "s" });
    Ok(said(flags.json, &json!({ "v": 1, "removed": count }), &line, screen))
}

/// # Errors
/// [`Error::Setup`] if an answer is missing, or is for nothing.
fn check_unknown(flags: &ResumeFlags) -> Result<(), Error> {
    if (flags.unknown == Some(Unknown::Skip)) != flags.with_response.is_some() {
        return Err(Error::Setup(
            "--unknown skip and --with-response go together: the run goes on with that answer".to_owned(),
        ));
    }
    Ok(())
}

fn resume(flags: &ResumeFlags, screen: &mut Screen) -> Result<u8, Error> {
    check_unknown(flags)?;
    let answer = flags.with_response.as_deref().map(read_answer).transpose()?;
    let named = journal::of_runs(&flags.journal, true)?;
    let Some(name) = &flags.run else { return resume_all(flags, &named, screen) };
    resume_one(flags, &named, (name, answer.as_ref()), screen)
}

/// Goes on with every run that can; the exit code is the first that is not 0.
fn resume_all(flags: &ResumeFlags, named: &NamedJournal, screen: &mut Screen) -> Result<u8, Error> {
    let runs = named.journal.runs()?;
    let mut codes = vec![];
    for run in runs.iter().rev().filter(|run| run.can_resume()) {
        screen.line(&format!("{} {}", safe(&run.id), safe(&run.workflow)));
        codes.push(resume_one(flags, named, (&run.id, None), screen).unwrap_or_else(|error| screen.error(&error)));
    }
    if codes.is_empty() {
        screen.line("note: there is no run that can go on");
    }
    Ok(codes.into_iter().find(|code| *code != exit::SUCCEEDED).unwrap_or(exit::SUCCEEDED))
}

fn resume_one(
    flags: &ResumeFlags,
    named: &NamedJournal,
    (name, answer): (&str, Option<&Response>),
    screen: &mut Screen,
) -> Result<u8, Error> {
    let resumption = named.journal.resume(name)?;
    let run = resumption.run().clone();
    let ended = match (run.state, &flags.from) {
        (RunState::Succeeded, Some(_)) => {
            return Err(Error::Setup(format!("the run {} has succeeded; nothing of it is to be done again", run.id)));
        }
        (RunState::Succeeded | RunState::Failed, None) => resumption.outcome()?,
        (RunState::Cancelled, _) => return Err(Error::Setup(format!("the run {} was cancelled", run.id))),
        _ => None,
    };
    if let Some(outcome) = ended {
        drop(resumption);
        return again(flags, named, (&run, &outcome), screen);
    }
    let given = |builder: Builder| {
        let mut network = flags.network.network();
        network.listen = flags.listen.webhooks;
        let builder = flags.server.on(builder.naming(remedies::flag).network(network));
        flags.allowed_hosts.iter().fold(builder, Builder::allow_host)
    };
    let mut resumed = match flags.with_new_documents {
        true => match with_new_documents(flags, (named, &run), resumption, given, screen)? {
            Ok(resumed) => *resumed,
            Err(code) => return Ok(code),
        },
        false => {
            let builder = given(resumption.builder()?);
            let mut resumed = resumption.load(builder)?;
            flags.from.iter().try_for_each(|step| resumed.begin_again(step))?;
            resumed
        }
    };
    let kept = kept(flags)?;
    if let Some((wanted, outputs)) = &kept.saved {
        saved::check(wanted, resumed.workflow())?;
        resumed.keep_step_outputs(outputs);
    }
    resumed.set_limits(limits(flags, resumed.limits()));
    if let Some(code) = decide(flags, named, (&run, answer), &mut resumed, screen) {
        return Ok(code);
    }
    let workflow = resumed.workflow().clone();
    let execution = Execution {
        workflow: &workflow,
        document: Path::new(&run.document),
        given: CliInputs::none(),
        mock: None,
        timeout: std::time::Duration::from_millis(resumed.limits().run_ms),
        showing: Showing::new(
            flags.verbosity.quiet,
            flags.verbosity.verbose,
            flags.events.json,
            flags.progress.progress,
        ),
        kept,
        // They were shown when it began.
        warnings: vec![],
        print: |outputs| Some(Printed::line(Json::from((**outputs).clone()).to_string())),
        journal: Some(named),
        resumed: Some(resumed),
    };
    Ok(execute(execution, screen))
}

/// The files that the run is to leave.
fn kept(flags: &ResumeFlags) -> Result<Kept, Error> {
    let steps = || StepOutputs::of(flags.save.iter().map(|saved| saved.step.clone()));
    Ok(Kept {
        reports: RequestedReports::new(&flags.reports)?,
        recording: None,
        saved: (!flags.save.is_empty()).then(|| (flags.save.clone(), steps())),
        outputs: flags.file.output.clone(),
        masked: flags.mask.mask_outputs,
    })
}

/// The run with the documents as they are now; the exit code, if it would not have gone so with them.
fn with_new_documents(
    flags: &ResumeFlags,
    (named, run): (&NamedJournal, &JournaledRun),
    resumption: Resumption,
    given: impl Fn(Builder) -> Builder,
    screen: &mut Screen,
) -> Result<Result<Box<Resumed>, u8>, Error> {
    let description = given(resumption.builder_now()?).load_blocking()?;
    let from = flags.from.as_deref();
    if from.is_some() && run.state != RunState::Failed {
        return Err(Error::Setup(format!(
            "the run `{}` has not failed, but is {}: it goes on where it is",
            run.id,
            run.state.word()
        )));
    }
    let replay = resumption.replay(&description, from)?;
    if replay.drifts.is_empty() {
        return resumption.load_now(&description, from).map(|resumed| Ok(Box::new(resumed)));
    }
    for drift in &replay.drifts {
        screen.line(&describe_drift(drift, description.sources()));
        screen.line("");
    }
    let count = match replay.drifts.len() {
        1 => "one difference".to_owned(),
        count => format!("{count} differences"),
    };
    let message =
        format!("the run would not have come so far in the same way with the documents as they are now: {count}");
    let help = format!("go on with the documents as they were: {}", named.resume(&run.id, ""));
    screen.fault("drift", &message, Some(&help));
    Ok(Err(exit::DIFFERENT))
}

/// Prints what a run has come to that ended before.
fn again(
    flags: &ResumeFlags,
    named: &NamedJournal,
    (run, outcome): (&JournaledRun, &Outcome),
    screen: &mut Screen,
) -> Result<u8, Error> {
    if !flags.save.is_empty() {
        let state = run.state.word();
        return Err(Error::Setup(format!(
            "--save: the run {} has ended already ({state}), and only a run that goes on writes outputs of steps",
            run.id
        )));
    }
    let events = named.journal.events(&run.id)?;
    let mut record = RunRecord::default();
    events.iter().for_each(|envelope| record.add(envelope));
    if flags.verbosity.quiet == 0 {
        screen.line(&format!("note: the run {} has ended already: {}", run.id, run.state.word()));
        if let (RunState::Failed, Some(command)) = (run.state, named.resume_of(run, run.step.as_deref())) {
            screen.line(&format!("resume: {command}"));
        }
    }
    let reports = RequestedReports::new(&flags.reports)?;
    let code = run.exit.unwrap_or_else(|| outcome.exit_code());
    let code = report::write_all(&reports, &record, &ReportContext::default(), true, screen, code);
    let shown = record.outputs().filter(|_| flags.mask.mask_outputs).unwrap_or(outcome.values());
    let outputs = Json::from(shown.clone()).to_string();
    let printed = match &flags.file.output {
        _ if flags.events.json == Some(JsonForm::Events) => events.iter().try_for_each(|envelope| {
            let line = result::line(envelope, &record).map_err(std::io::Error::other)?;
            screen.data(&line)
        }),
        _ if flags.events.json == Some(JsonForm::Result) => screen.data(&result::object(&record, shown).to_string()),
        Some(path) if path != Path::new("-") => save(path, &outputs, Readers::Owner),
        _ => screen.data(&outputs),
    };
    Ok(written(printed, screen, code))
}

fn limits(flags: &ResumeFlags, limits: Limits) -> Limits {
    let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Limits {
        run_ms: flags.timeout.map_or(limits.run_ms, ms),
        steps: flags.max_steps.unwrap_or(limits.steps),
        requests: flags.max_requests.or(limits.requests),
        depth: flags.max_depth.unwrap_or(limits.depth),
        wait_ms: flags.max_wait.map_or(limits.wait_ms, ms),
        body_bytes: flags.max_body.unwrap_or(limits.body_bytes),
        value_bytes: flags.max_value.unwrap_or(limits.value_bytes),
        kept_bytes: flags.max_kept.unwrap_or(limits.kept_bytes),
        request_ms: ms(flags.network.max_time),
        ..limits
    }
}

/// Decides about requests in doubt, as was said or as the user says now; the exit code, if something is still open.
fn decide(
    flags: &ResumeFlags,
    named: &NamedJournal,
    (run, answer): (&JournaledRun, Option<&Response>),
    resumed: &mut Resumed,
    screen: &mut Screen,
) -> Option<u8> {
    let stdin = Stdin::new(flags.prompt.no_input);
    let doubts = resumed.in_doubt();
    for doubt in &doubts {
        let decision = match (flags.unknown, answer) {
            (Some(Unknown::Retry), _) => Some(Decision::Retry),
            (Some(Unknown::Fail), _) => Some(Decision::Fail),
            (Some(Unknown::Skip), Some(answer)) => Some(Decision::Answer(answer.clone())),
            (Some(Unknown::Skip), None) => None,
            (None, _) if stdin.asks() => ask(doubt, &stdin, screen),
            (None, _) => None,
        };
        if let Some(decision) = decision {
            resumed.decide(doubt.call, decision);
        }
    }
    let open = resumed.in_doubt();
    let first = open.first()?;
    let message = format!(
        "{} {} of step `{}` was about to be sent when the process ended: it is not known whether it arrived",
        first.method, first.url, first.step
    );
    let help = match first.is_message() {
        true => format!(
            "see whether it has arrived, then: {} (the step fails; or skip --with-response FILE: it counts as accepted)",
            named.resume(&run.id, " --unknown fail")
        ),
        false => format!(
            "see whether the server has done it, then: {} (or fail: the step fails; or skip --with-response FILE: this was its answer)",
            named.resume(&run.id, " --unknown retry")
        ),
    };
    screen.fault("in-doubt", &message, Some(&help));
    Some(exit::IN_DOUBT)
}

/// Shows a request in doubt, and asks what to do.
fn ask(doubt: &InDoubt, stdin: &Stdin, screen: &mut Screen) -> Option<Decision> {
    screen.line(&format!("in doubt: step `{}` was about to send this when the process ended", safe(&doubt.step)));
    screen.line(&format!("  {} {}", safe(&doubt.method), safe(&doubt.url)));
    for line in doubt.body.iter().flat_map(|body| body.lines()) {
        screen.line(&format!("  {}", safe(line)));
    }
    if stdin.confirm("send it (again)?") {
        return Some(Decision::Retry);
    }
    stdin.confirm("let the step fail, as if there were no answer?").then_some(Decision::Fail)
}

/// Reads an answer: `{"status": 201, "headers": {…}, "body": …}`; a body that is no text is JSON.
fn read_answer(path: &Path) -> Result<Response, Error> {
    let name = path.display().to_string();
    let wrong = |message: &str| Error::Setup(format!("--with-response: `{name}`: {message}"));
    let text = kept_events::text(path).map_err(|reason| wrong(&reason))?;
    arazzo::journal::read_answer(&text).map_err(|reason| wrong(&reason))
}
