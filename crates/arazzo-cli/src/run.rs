//! `arazzo run`: a workflow and its inputs, run or shown as they would be.

use std::path::Path;

use arazzo::diagnostics::{Code, Diagnostic, Diagnostics, Help, Severity, nearest};
use arazzo::mock::Mocked;
use arazzo::plan::PlannedStep;
use arazzo::values::Json;
use arazzo::{Builder, Description, Error, StepOutputs, Workflow};

use crate::asking;
use crate::dry_run;
use crate::execute::{Execution, Kept, Printed, execute};
use crate::flags::{DocumentFlags, RunFlags};
use crate::given::check_secret_hosts;
use crate::inputs::{self, CliInputs, Stdin};
use crate::journal;
use crate::meant;
use crate::names::Names;
use crate::permit;
use crate::project::Project;
use crate::remedies;
use crate::requested::{ProjectServer, RequestedReports};
use crate::saved;
use crate::show::Screen;
use crate::shown_command;
use crate::watch::Showing;

/// Runs the command; the result is the exit code.
pub(crate) fn run(mut flags: RunFlags, screen: &mut Screen) -> u8 {
    let prepared = kept(&flags).and_then(|kept| {
        let prepared = prepared(&mut flags, screen)?;
        Ok((kept, journal::of_run(&flags.journal, flags.mock.is_none() && !flags.dry_run)?, prepared))
    });
    let (kept, journal, (mut workflow, given)) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return screen.error(&meant::with_hint(error, &flags.document.document)),
    };
    let warnings = match weighed(&workflow, &flags.document.document) {
        Ok(warnings) => warnings,
        Err(error) => return screen.error(&error),
    };
    if flags.dry_run {
        let form = (flags.output.events.json.is_some(), flags.output.verbosity.quiet > 0);
        return dry_run::show(&workflow, &given.inputs, &warnings, form, screen);
    }
    if let Some((_, outputs)) = &kept.saved {
        workflow = workflow.keep_step_outputs(outputs);
    }
    if let Some(named) = &journal {
        if flags.output.verbosity.quiet == 0 {
            journal::warn(named, screen);
        }
        workflow = workflow.journaled(&named.journal);
    }
    let output = &flags.output;
    let execution = Execution {
        workflow: &workflow,
        document: &flags.document.document,
        given,
        mock: flags.mock.as_deref(),
        timeout: flags.limits.timeout.timeout,
        showing: Showing::new(
            output.verbosity.quiet,
            output.verbosity.verbose,
            output.events.json,
            output.progress.progress,
        )
        .curl(flags.partial.curl),
        kept,
        warnings,
        print: |outputs| Some(Printed::line(Json::from((**outputs).clone()).to_string())),
        journal: journal.as_ref(),
        resumed: None,
    };
    execute(execution, screen)
}

/// The files that the run is to leave.
fn kept(flags: &RunFlags) -> Result<Kept, Error> {
    let reports = RequestedReports::new(&flags.output.reports)?;
    let outputs = flags.output.file.output.as_deref();
    reports.beside(flags.output.events.json.is_some() || outputs == Some(Path::new("-")))?;
    Ok(Kept {
        reports,
        recording: flags.output.record.clone(),
        saved: (!flags.partial.save.is_empty()).then(|| {
            let wanted = flags.partial.save.clone();
            let steps = StepOutputs::of(wanted.iter().map(|saved| saved.step.clone()));
            (wanted, steps)
        }),
        outputs: flags.output.file.output.clone(),
        masked: flags.output.mask.mask_outputs,
    })
}

/// The run that is prepared: that of the command line, or one of several.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) document: &'a Path,
    /// Its text, if it came on standard input.
    pub(crate) text: Option<&'a str>,
    /// The folder that it was found in; nothing if it was named.
    pub(crate) found: Option<&'a Path>,
    /// The sources that it describes, where what was given is for several documents.
    pub(crate) sources: Option<&'a [String]>,
}

impl<'a> Wanted<'a> {
    /// The document of the command line.
    pub(crate) fn typed(document: &'a Path, text: Option<&'a str>) -> Self {
        Self { document, text, found: None, sources: None }
    }
}

/// Everything that can be known before the first request.
fn prepared(flags: &mut RunFlags, screen: &mut Screen) -> Result<(Workflow, CliInputs), Error> {
    let mut stdin = Stdin::new(flags.prompt.no_input);
    let text = inputs::document_text(&flags.document, &mut stdin)?;
    let description = loaded(flags, Wanted::typed(&flags.document.document, text.as_deref()))?;
    sort_words(flags, &description)?;
    let workflow = described(flags, description, flags.workflow(), None, &mut stdin)?;
    let mut given = inputs::collect(&flags.input, &workflow, &mut stdin)?;
    given.make_up(workflow.example_inputs());
    if !flags.dry_run {
        asking::ask_for_missing(&mut given, &flags.input, &workflow, &mut stdin);
    }
    match checked(&workflow, given, flags.dry_run) {
        Ok(given) => Ok((workflow, given)),
        Err(error) => {
            // Why inputs do not fit is often said by what is wrong with their schema.
            screen.warnings(workflow.warnings(), workflow.description().sources());
            Err(error)
        }
    }
}

/// The builder of a run, with all that the flags say about it.
fn builder(flags: &RunFlags, wanted: Wanted<'_>) -> Result<Builder, Error> {
    let mut limits = flags.output.bodies.on(flags.limits.limits(flags.network.max_time));
    if flags.output.reports.iter().any(|report| report.kind.name == "har") {
        limits.report_bytes = usize::try_from(flags.output.har_bodies).unwrap_or(usize::MAX);
    }
    let builder = flags.document.builder_of(wanted.document, wanted.text, wanted.sources);
    let mut network = flags.network.network();
    network.listen = flags.listen.webhooks;
    let mut builder = builder.limits(limits).network(network);
    if let Some(folder) = wanted.found {
        // No one has named it: a secret goes where the user says, and not where it says.
        builder = builder.found_in(folder).secrets_to_servers(true);
    }
    builder = builder
        .lint_before_run(true)
        .loop_delay(flags.limits.loop_delay)
        .require_outputs(flags.require_outputs)
        .receive_stored(flags.receive_stored)
        .receive(flags.receive.receive)
        .contract(flags.check.check.unwrap_or_default());
    if let Some(header) = &flags.journal.idempotency_key {
        builder = builder.idempotency_key(header);
    }
    for secret in &flags.input.secrets {
        builder = builder.secret(inputs::secret_name(secret));
    }
    if let Some(step) = &flags.partial.until {
        builder = builder.until(step);
    }
    match &flags.mock {
        Some(sources) => {
            if sources.iter().any(String::is_empty) {
                return Err(Error::Setup("--mock= names no source: write --mock for all, or --mock=SOURCE".to_owned()));
            }
            let mocked = sources.iter().fold(Mocked::new(), Mocked::only);
            builder = builder.mock(flags.faults.on(mocked)?);
        }
        None if flags.faults.any() => {
            return Err(Error::Setup("--fault and --latency are for a mock: add --mock".to_owned()));
        }
        None => {}
    }
    Ok(flags.permissions.on(builder))
}

/// The documents of a run.
///
/// # Errors
/// Why they cannot be read.
pub(crate) fn loaded(flags: &RunFlags, wanted: Wanted<'_>) -> Result<Description, Error> {
    check_servers(flags, wanted)?;
    builder(flags, wanted)?.load_blocking()
}

/// The workflow, with all that its documents and the policy say before a run. `sources` are those that it describes, where
/// what was given is for several documents.
///
/// # Errors
/// What keeps it from running.
pub(crate) fn described(
    flags: &RunFlags,
    description: Description,
    workflow: Option<&str>,
    sources: Option<&[String]>,
    stdin: &mut Stdin,
) -> Result<Workflow, Error> {
    let credentials = match sources {
        None => inputs::credentials(&flags.credentials, &description, stdin)?,
        Some(_) => inputs::credentials_taken(&flags.credentials, &description, true, stdin)?,
    };
    if sources.is_none() {
        check_secret_hosts(&flags.permissions, &flags.credentials, &[&description])?;
    }
    let description = description.with_credentials(credentials)?;
    let workflow = chosen(flags, &description, workflow)?;
    check_step(flags.partial.until.as_deref(), &workflow)?;
    saved::check(&flags.partial.save, &workflow)?;
    if flags.dry_run {
        return Ok(workflow);
    }
    // Before secrets are asked for: who types one wants to know where it goes.
    let command = |workflow: &Workflow| {
        Some(shown_command::this_command(
            &inputs::public_inputs(&flags.input, workflow),
            &Names::of(workflow.description()),
        ))
    };
    permit::permitted(workflow, command, stdin)
}

/// The servers of a project that are for sources of the document: others are for other documents of the project.
///
/// # Errors
/// [`Error::Setup`] for a name that is nearly one of a source.
pub(crate) fn servers_of_project(flags: &RunFlags, servers: Vec<ProjectServer>) -> Result<Vec<ProjectServer>, Error> {
    if flags.several.all || servers.is_empty() {
        return Ok(servers);
    }
    let plain = flags.document.reading.on(arazzo::open(&flags.document.document)).workspace(true);
    // What is wrong with the document is reported when it is run.
    let Ok(description) = flags.document.offline.on(plain).load_blocking() else { return Ok(servers) };
    let sources: Vec<&str> = description.source_descriptions().map(|(name, _)| name).collect();
    let (own, others): (Vec<_>, Vec<_>) =
        servers.into_iter().partition(|server| sources.contains(&server.source.as_str()));
    let free = sources.iter().copied().filter(|name| !own.iter().any(|server| server.source == *name));
    let slip = others.iter().find_map(|server| Some((server, nearest(&server.source, free.clone())?)));
    match slip {
        Some((server, near)) => Err(Error::Setup(format!(
            "arazzo.toml gives a server for the source `{}`, which the document does not describe; {}",
            server.source,
            Help::meant(near)
        ))),
        None => Ok(own),
    }
}

/// Checks that servers of the project are at hosts that a source names, where no profile was named.
fn check_servers(flags: &RunFlags, wanted: Wanted<'_>) -> Result<(), Error> {
    let servers = &flags.document.server.project;
    let unnamed: Vec<&ProjectServer> = servers.iter().filter(|server| !server.named).collect();
    if unnamed.is_empty() {
        return Ok(());
    }
    let plain = flags
        .document
        .reading
        .on(DocumentFlags::opened(wanted.document, wanted.text).naming(remedies::flag))
        .workspace(true);
    let plain = wanted.found.into_iter().fold(plain, |plain, folder| plain.found_in(folder));
    let description = flags.document.offline.on(plain).load_blocking()?;
    let hosts: Vec<String> = description
        .workflows()
        .flat_map(|workflow| description.plan(workflow))
        .filter(|step| step.calls.is_none())
        .map(|step| step.host)
        .collect();
    let foreign = |server: &&&ProjectServer| !hosts.iter().any(|host| host_of(&server.url) == Some(host.as_str()));
    match unnamed.iter().find(foreign) {
        Some(ProjectServer { source, url, .. }) => Err(Error::Setup(format!(
            "arazzo.toml gives `{source}` the server {}, which no source names; put it into a [profile.NAME] and run with --profile NAME, or give --server",
            host_of(url).unwrap_or_default()
        ))),
        None => Ok(()),
    }
}

/// The host of an url, with its port.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?']).next()?.rsplit('@').next()
}

/// Checks that the workflow has the step that was named.
fn check_step(step: Option<&str>, workflow: &Workflow) -> Result<(), Error> {
    let Some(step) = step.filter(|step| !workflow.steps().any(|known| known == *step)) else { return Ok(()) };
    let hint = match nearest(step, workflow.steps()) {
        Some(near) => Help::meant(near).to_string(),
        None => format!("steps: {}", workflow.steps().collect::<Vec<_>>().join(", ")),
    };
    Err(Error::Setup(format!("--until: workflow `{}` has no step `{step}`; {hint}", workflow.name())))
}

/// Inputs that the workflow accepts. What is only shown needs none of those that are missing.
///
/// # Errors
/// [`Error::Inputs`] with every fault.
pub(crate) fn checked(workflow: &Workflow, mut given: CliInputs, only_shown: bool) -> Result<CliInputs, Error> {
    let mut faults = std::mem::take(&mut given.faults);
    if let Err(error) = workflow.check(given.inputs.clone()) {
        let Error::Inputs(more) = error else { return Err(error) };
        // An input that could not be read is not missing too.
        let known = |name: &str| only_shown || faults.iter().any(|known| known.name == name);
        faults.extend(
            more.iter()
                .filter(|more| more.code != Code::MissingInput || !known(&more.name))
                .cloned()
                .collect::<Vec<_>>(),
        );
    }
    if faults.is_empty() { Ok(given) } else { Err(Error::Inputs(faults)) }
}

/// Sorts the words without a flag: those of the form `NAME=VALUE` become inputs, the first other one names the workflow.
pub(crate) fn sort_words(flags: &mut RunFlags, description: &Description) -> Result<(), Error> {
    let given = |word: &String| word.contains(['=', '@']);
    let is_workflow = |word: &String| description.workflows().any(|name| name == word);
    let plain = &mut flags.plain;
    // What follows a secret may be a part of it, but for inputs that are known.
    let declared = |name: &str| description.overview().any(|one| one.inputs.iter().any(|input| input.name == name));
    let name_of = |word: &str| word.split(['=', '@']).next().unwrap_or_default().trim_end_matches(':').to_owned();
    let all = plain.workflow_argument.iter().chain(&plain.plain_inputs);
    for word in all.filter(|word| !is_workflow(word) && !declared(&name_of(word))) {
        if let Some(flag) = meant::flag_before(word) {
            let help = "a value with blanks is put in quotes";
            let message = format!("what stands behind --{flag} may be a secret, and is not shown; {help}");
            return Err(Error::Setup(message));
        }
    }
    let first = plain.workflow_argument.take_if(|word| given(word) && !is_workflow(word));
    let inputs = first.into_iter().chain(std::mem::take(&mut plain.plain_inputs));
    let (inputs, others): (Vec<String>, Vec<String>) = inputs.partition(given);
    flags.input.inputs.extend(inputs);
    let named = flags.workflow.as_ref().zip(plain.workflow_argument.as_ref());
    match others.first().or(named.map(|(_, word)| word)) {
        Some(other) => {
            let help = meant::unquoted(other).map(|help| format!("; {help}")).unwrap_or_default();
            Err(Error::Setup(format!("`{other}` is neither a workflow nor an input: write NAME=VALUE{help}")))
        }
        None => Ok(()),
    }
}

/// The workflow that was named, or the only one.
fn chosen(flags: &RunFlags, description: &Description, name: Option<&str>) -> Result<Workflow, Error> {
    description.workflow(name).map_err(|error| {
        let (Error::NoSuchWorkflow { .. }, Some(name)) = (&error, name) else { return error };
        let is_input = || description.overview().any(|one| one.inputs.iter().any(|input| input.name == name));
        // `--mock volumesApi` reads as a flag and the name of a workflow.
        if flags.mock.is_some() && description.source_descriptions().any(|(source, _)| source == name) {
            Error::Setup(format!("`{name}` is a source description, not a workflow; to mock it, write --mock={name}"))
        } else if is_input() {
            Error::Setup(format!("`{name}` is an input, not a workflow: write {name}=VALUE"))
        } else if let Some(help) = meant::unquoted(name) {
            Error::Setup(format!("the document has no workflow `{name}`; {help}"))
        } else {
            error
        }
    })
}

/// The warnings about a workflow as the project of its document weighs them: what it leaves out is not shown.
///
/// # Errors
/// Those that the project makes errors; [`Error::Setup`] if its file is wrong.
fn weighed(workflow: &Workflow, document: &Path) -> Result<Vec<Diagnostic>, Error> {
    let found: Vec<Diagnostic> = workflow.warnings().cloned().collect();
    if arazzo::is_remote(document) {
        return Ok(found);
    }
    let Some(mut project) = Project::of(document)? else { return Ok(found) };
    let (plan, sources) = (workflow.plan(), workflow.description().sources());
    let judge = |one: Diagnostic| {
        let place = one.place(sources);
        let before = |step: &&PlannedStep| {
            place.as_ref().is_some_and(|place| step.span.file == place.file && step.span.line <= place.line)
        };
        // The step that begins last before a place is the one that it stands in.
        let step = plan.iter().filter(before).max_by_key(|step| step.span.line).map(|step| step.step.as_str());
        project.judge(document, one, Some((workflow.name(), step))).0
    };
    let judged: Vec<Diagnostic> = found.into_iter().filter_map(judge).collect();
    if judged.iter().any(|one| one.severity == Severity::Error) {
        let mut diagnostics = Diagnostics::default();
        diagnostics.extend(judged);
        return Err(Error::Documents { diagnostics, sources: workflow.description().sources().clone() });
    }
    Ok(judged.into_iter().filter(|one| one.severity == Severity::Warning).collect())
}
