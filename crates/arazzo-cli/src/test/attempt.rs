//! One run of a case: against a server, the mock, or replies that are written down.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use arazzo::diagnostics::{Help, Place, nearest};
use arazzo::events::Reason;
use arazzo::mock::Mocked;
use arazzo::plan::InputFault;
use arazzo::report::coverage::Coverage;
use arazzo::report::{ReportContext, RunRecord, result};
use arazzo::secrets::Redactor;
use arazzo::values::{Json, Map};
use arazzo::{Builder, Description, Error, Inputs, Trust, Workflow};

use super::compare::compare;
use super::plan::Planned;
use crate::cases::Case;
use crate::faults::fault;
use crate::flags::TestFlags;
use crate::inputs::{self, Stdin};
use crate::permit;
use crate::requested::RequestedReport;
use crate::show::diagnostics::object;
use crate::show::{failure, safe, width};
use crate::signal::Signals;

/// Everything that all cases are given.
pub(super) struct Given<'a> {
    pub(super) flags: &'a TestFlags,
    /// Cases ask for what others may have been given already.
    pub(super) stdin: Mutex<Stdin>,
    /// What stops the runs.
    pub(super) signals: &'a Signals,
    /// Reports of single runs: a file for each case.
    pub(super) pages: Vec<&'a RequestedReport>,
}

/// The result of one run of a case.
pub(super) struct Done {
    /// The number of the case.
    pub(super) index: usize,
    pub(super) end: End,
    pub(super) began: Instant,
    pub(super) took: Duration,
    /// Differences from what is expected, one line each.
    pub(super) unexpected: Vec<String>,
    /// The failure report.
    pub(super) report: Vec<String>,
    /// Why the run did not succeed, for programs.
    pub(super) why: Option<Json>,
    /// Why it could not be run, for programs.
    pub(super) diagnostics: Vec<Json>,
    /// The place in the document where the run failed.
    pub(super) place: Option<Place>,
    /// A text for each of [`Given::pages`].
    pub(super) pages: Vec<String>,
    /// What the run reached, if that was asked for.
    pub(super) coverage: Option<Coverage>,
}

/// How a run of a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Passed,
    Failed,
    /// It cannot be run here, and why.
    Skipped(&'static str),
}

/// Runs a case.
pub(super) fn run_one(given: &Given<'_>, index: usize, one: &Planned) -> Done {
    let began = Instant::now();
    let mut record = RunRecord::default();
    let (mut unexpected, mut report, mut pages, mut faulty) = (vec![], vec![], vec![], vec![]);
    // Outputs are data, and what is said about them is not: secrets of the case are masked there as in events.
    let mut redactor = Redactor::default();
    let (mut end, mut coverage) = (None, None);
    match execute(given, one, &mut record, &mut redactor) {
        Ok(Ran::Skipped(why)) => end = Some(End::Skipped(why)),
        Ok(Ran::Ended { description, outputs, more }) => {
            unexpected.extend(more);
            if record.verdict().why.is_some_and(|why| why.code == Reason::Interrupted) {
                // It says nothing about its document, and may leave something behind.
                unexpected.push("it was interrupted".to_owned());
            } else {
                compare(&one.case.expect, &outputs, &record, &mut unexpected);
            }
            if !unexpected.is_empty() {
                report = failure::report(&record, description.sources(), width());
            }
            if !given.flags.coverage.coverage.is_empty() {
                let mut reached = Coverage::of(&description, one.document.display_path());
                reached.add(&record);
                coverage = Some(reached);
            }
            let context = ReportContext::of(&description, &record);
            pages = given.pages.iter().map(|page| (page.kind.text)(&record, &context)).collect();
        }
        Err(Error::Documents { diagnostics, sources }) => {
            unexpected.push("it cannot be run".to_owned());
            report = diagnostics.errors().map(|error| error.render(&sources, true, width())).collect();
            faulty = diagnostics.errors().map(|error| object(error, &sources, None)).collect();
        }
        Err(Error::Inputs(faults)) => {
            unexpected.push("the inputs do not fit".to_owned());
            let place = |name: &str| one.case.input_places.get(name).or(one.case.place.as_ref());
            report = faults.iter().map(|fault| placed(fault, place(&fault.name))).collect();
            let help = |fault: &InputFault| fault.help.as_ref().map(Help::to_string);
            faulty = faults.iter().map(|one| fault(one.code.word(), &one.message, help(one).as_deref())).collect();
        }
        Err(Error::NoSuchWorkflow { wanted, known, nearest }) => {
            let help = match &nearest {
                Some(near) => Help::meant(near.as_str()),
                None => Help::words(format!("workflows: {}", known.join(", "))),
            };
            unexpected.push("it cannot be run".to_owned());
            let place = one.case.workflow_place.as_ref().or(one.case.place.as_ref());
            let message = Error::NoSuchWorkflow { wanted, known, nearest }.to_string();
            report = vec![said("no-such-workflow", &message, Some(&help), place)];
            faulty = vec![fault("no-such-workflow", &message, Some(&help.to_string()))];
        }
        Err(error) => {
            let message = redactor.mask(&error.to_string());
            faulty = vec![fault("setup", &message, None)];
            unexpected.push(message);
        }
    }
    unexpected.iter_mut().for_each(|line| *line = redactor.mask(line));
    let place = record.verdict().why.and_then(|why| why.place.clone());
    let why = result::why(&record).filter(|_| !unexpected.is_empty());
    let end = end.unwrap_or(if unexpected.is_empty() { End::Passed } else { End::Failed });
    let (took, diagnostics) = (began.elapsed(), faulty);
    Done { index, end, began, took, unexpected, report, why, diagnostics, place, pages, coverage }
}

/// A fault of an input, with the place of the input in the test file, or else of the case.
fn placed(fault: &InputFault, place: Option<&Place>) -> String {
    said(fault.code.word(), &fault.message, fault.help.as_ref(), place)
}

fn said(code: &str, message: &str, help: Option<&Help>, place: Option<&Place>) -> String {
    let place = place.map(|place| format!("\n  --> {}:{}:{}", safe(&place.file), place.line, place.column));
    let help = help.map(|help| format!("\n  help: {}", safe(&help.to_string())));
    format!("error[{code}]: {}{}{}", safe(message), place.unwrap_or_default(), help.unwrap_or_default())
}

/// What came of a case.
enum Ran {
    Ended {
        description: Box<Description>,
        outputs: Map<String, Json>,
        /// Remarks about the replies.
        more: Vec<String>,
    },
    Skipped(&'static str),
}

fn execute(given: &Given<'_>, one: &Planned, record: &mut RunRecord, redactor: &mut Redactor) -> Result<Ran, Error> {
    let (flags, case) = (given.flags, &one.case);
    let calls = flags.server.any() && case.replies.is_none();
    if calls && !case.faults.is_empty() {
        return Ok(Ran::Skipped("its `faults` are those of the mock, and a server is called"));
    }
    let mut builder = limited(flags, one.document.open(flags));
    if let Some(readings) = case.readings {
        builder = builder.readings(readings);
    }
    if !calls {
        let servers = case.servers.iter();
        builder = servers.fold(builder, |builder, (source, url)| builder.server(source.as_deref(), url));
        let variables = case.server_variables.iter();
        builder = variables.fold(builder, |builder, (name, value)| builder.server_variable(name, value));
    }
    for name in
        case.secrets.keys().map(String::as_str).chain(flags.input.secrets.iter().map(|s| inputs::secret_name(s)))
    {
        builder = builder.secret(name);
    }
    let description = match (calls, &case.replies) {
        (true, _) => called(flags, &one.document.sources, builder).load_blocking()?,
        (false, None) => {
            builder.mock(case.faults.iter().cloned().fold(Mocked::new(), Mocked::fault)).load_blocking()?
        }
        (false, Some(_)) => builder.load_blocking()?,
    };
    let mut stdin = given.stdin.lock().unwrap_or_else(PoisonError::into_inner);
    stdin.begin_run();
    // What the environment has is for servers: a case against the mock goes the same way everywhere.
    let mut credentials = inputs::credentials_taken(&flags.credentials, &description, calls, &mut stdin)?;
    if !calls {
        // Those that are typed win.
        let typed: Vec<String> = credentials.iter().map(|(key, _)| key.to_owned()).collect();
        let own = case.credentials.iter().filter(|(key, _)| !typed.iter().any(|typed| typed == key));
        own.for_each(|(key, credential)| credentials.insert(key.to_owned(), credential.clone()));
    }
    let values = credentials.iter().filter(|(_, credential)| credential.secret);
    values.for_each(|(name, credential)| redactor.learn(name, &Json::String(credential.value.clone())));
    let workflow = description.with_credentials(credentials)?.workflow(case.workflow.as_deref())?;
    let workflow = permit::permitted(workflow, |_| None, &Stdin::new(true))?;
    let interrupt = &given.signals.interrupt;
    let given = inputs(flags, case, &workflow, calls, &mut stdin)?;
    drop(stdin);
    let secret = |name: &str| {
        case.secrets.contains_key(name)
            || flags.input.secrets.iter().any(|typed| inputs::secret_name(typed) == name)
            || workflow.inputs().any(|input| input.name == name && input.secret)
    };
    given.iter().filter(|(name, _)| secret(name)).for_each(|(name, value)| redactor.learn(name, value));
    let (outputs, more) = match &case.replies {
        Some(replies) => {
            known(case, &workflow, replies.names())?;
            let rehearsal = workflow.rehearse(given, replies.clone(), |envelope| record.add(envelope))?;
            let unanswered = rehearsal.unanswered.iter().map(|step| format!("no reply is left for step `{step}`"));
            let left = rehearsal.left.iter().map(|(name, count)| match count {
                1 => format!("a reply for `{name}` was not asked for"),
                count => format!("{count} replies for `{name}` were not asked for"),
            });
            let misfits = rehearsal.misfits.iter().map(|(step, why)| format!("a message for step `{step}`: {why}"));
            ((**rehearsal.outcome.values()).clone(), unanswered.chain(misfits).chain(left).collect())
        }
        None => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Error::Setup(format!("cannot start: {error}")))?;
            let outcome = runtime.block_on(workflow.run_until(given, interrupt, |envelope| record.add(envelope)))?;
            ((**outcome.values()).clone(), vec![])
        }
    };
    Ok(Ran::Ended { description: Box::new(workflow.description().clone()), outputs, more })
}

fn limited(flags: &TestFlags, builder: Builder) -> Builder {
    let mut limits = flags.limits.limits(flags.network.max_time);
    if flags.reports.iter().any(|report| report.kind.name == "har") {
        limits.report_bytes = REPORT_BYTES;
    }
    builder.limits(limits).loop_delay(flags.limits.loop_delay).receive(flags.receive.receive)
}

/// Bytes of a body that an archive of a case keeps.
const REPORT_BYTES: usize = 1 << 20;

/// The builder of a case that calls servers: those that were given and no others; sources without one are mocked.
fn called(flags: &TestFlags, sources: &[String], builder: Builder) -> Builder {
    // Found documents are trusted with nothing that was not given.
    let builder = flags.permissions.on(builder).trust(Trust::Given).secrets_to_servers(true);
    let builder = flags.server.on_sources(Some(sources), builder.network(flags.network.network()));
    let others: Vec<&String> = sources.iter().filter(|name| !flags.server.has(name)).collect();
    if others.is_empty() { builder } else { builder.mock(others.into_iter().fold(Mocked::new(), Mocked::only)) }
}

/// The inputs of a case: those of flags win over its own, these over the environment, which counts where a server is
/// called; for the mock, those that are missing are generated.
fn inputs(
    flags: &TestFlags,
    case: &Case,
    workflow: &Workflow,
    calls: bool,
    stdin: &mut Stdin,
) -> Result<Inputs, Error> {
    let mut typed = inputs::collect_taken(&flags.input, workflow, stdin)?;
    let own = case.inputs.iter().chain(&case.secrets).map(|(name, value)| (name.clone(), value.clone()));
    let mut given = typed.inputs.or(Inputs::from(own.collect::<Map<_, _>>()));
    if calls {
        let mut environment = inputs::from_environment(workflow);
        environment.faults.retain(|fault| !given.has(&fault.name));
        typed.faults.append(&mut environment.faults);
        given = given.or(environment.inputs);
    }
    if typed.faults.is_empty() { Ok(given.or(workflow.example_inputs())) } else { Err(Error::Inputs(typed.faults)) }
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
