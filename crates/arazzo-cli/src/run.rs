//! `arazzo run`: a workflow and its inputs, run or shown as they would be.

use std::path::Path;

use arazzo::diagnostics::{Code, Help, nearest};
use arazzo::json;
use arazzo::mock::Mocked;
use arazzo::values::Json;
use arazzo::{Builder, Error, Workflow};

use crate::execute::{Execution, Kept, Printed, execute, written};
use crate::exit;
use crate::flags::RunFlags;
use crate::inputs::{self, CliInputs, Stdin};
use crate::journal;
use crate::names::Names;
use crate::permit;
use crate::remedies;
use crate::requested::{ProjectServer, RequestedReports};
use crate::show::{Screen, safe};
use crate::shown_command;
use crate::watch::Showing;

/// Runs the command; the result is the exit code.
pub(crate) fn run(flags: RunFlags, screen: &mut Screen) -> u8 {
    let prepared = kept(&flags).and_then(|kept| {
        let prepared = prepared(&flags)?;
        Ok((kept, journal::of_run(&flags.journal, flags.mock.is_none() && !flags.dry_run)?, prepared))
    });
    let (kept, journal, (mut workflow, given)) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return screen.error(&error),
    };
    if flags.dry_run {
        return dry_run(&flags, &workflow, given, screen);
    }
    if let Some(named) = &journal {
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
        outputs: flags.output.file.output.clone(),
        masked: flags.output.mask.mask_outputs,
    })
}

/// The run that is prepared: that of the command line, or one of several.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) document: &'a Path,
    /// The folder that it was found in; nothing if it was named.
    pub(crate) found: Option<&'a Path>,
    pub(crate) workflow: Option<&'a str>,
    /// The sources that it describes, where what was given is for several documents.
    pub(crate) sources: Option<&'a [String]>,
}

/// Everything that can be known before the first request.
fn prepared(flags: &RunFlags) -> Result<(Workflow, CliInputs), Error> {
    let name = flags.workflow.as_deref().or(flags.workflow_argument.as_deref());
    let wanted = Wanted { document: &flags.document.document, found: None, workflow: name, sources: None };
    let mut stdin = Stdin::new(flags.prompt.no_input);
    let workflow = described(flags, wanted, &mut stdin)?;
    let given = inputs::collect(&flags.input, &workflow, &mut stdin)?;
    let given = checked(&workflow, given)?;
    Ok((workflow, given))
}

/// The builder of a run, with all that the flags say about it.
fn builder(flags: &RunFlags, wanted: Wanted<'_>) -> Result<Builder, Error> {
    let mut limits = flags.output.bodies.on(flags.limits.limits(flags.network.max_time));
    if flags.output.reports.iter().any(|report| report.kind.name == "har") {
        limits.report_bytes = usize::try_from(flags.output.har_bodies).unwrap_or(usize::MAX);
    }
    let builder = flags.document.builder_of(wanted.document, wanted.sources);
    let mut builder = builder.limits(limits).network(flags.network.network());
    if let Some(folder) = wanted.found {
        // No one has named it: a secret goes where the user says, and not where it says.
        builder = builder.found_in(folder).secrets_to_servers(true);
    }
    builder = builder
        .lint_before_run(true)
        .loop_delay(flags.limits.loop_delay)
        .require_outputs(flags.require_outputs)
        .contract(flags.check.check.unwrap_or_default());
    for secret in &flags.input.secrets {
        builder = builder.secret(inputs::secret_name(secret));
    }
    if let Some(step) = &flags.partial.until {
        builder = builder.until(step);
    }
    match &flags.mock {
        Some(sources) => {
            let mocked = sources.iter().filter(|name| !name.is_empty()).fold(Mocked::new(), Mocked::only);
            builder = builder.mock(flags.faults.on(mocked)?);
        }
        None if flags.faults.any() => {
            return Err(Error::Setup("--fault and --latency are for a mock: add --mock".to_owned()));
        }
        None => {}
    }
    Ok(flags.permissions.on(builder))
}

/// The workflow, with all that its documents and the policy say before a run.
///
/// # Errors
/// What keeps it from running.
pub(crate) fn described(flags: &RunFlags, wanted: Wanted<'_>, stdin: &mut Stdin) -> Result<Workflow, Error> {
    check_servers(flags, wanted)?;
    let description = builder(flags, wanted)?.load_blocking()?;
    let credentials = match wanted.sources {
        None => inputs::credentials(&flags.credentials, &description, stdin)?,
        Some(_) => inputs::credentials_taken(&flags.credentials, &description, true, stdin)?,
    };
    let description = description.with_credentials(credentials)?;
    let workflow = description.workflow(wanted.workflow).map_err(|error| match (&error, wanted.workflow) {
        // `--mock volumesApi` reads as a flag and the name of a workflow.
        (Error::NoSuchWorkflow { .. }, Some(name))
            if flags.mock.is_some() && description.source_descriptions().any(|(source, _)| source == name) =>
        {
            Error::Setup(format!("`{name}` is a source description, not a workflow; to mock it, write --mock={name}"))
        }
        _ => error,
    })?;
    check_step(flags.partial.until.as_deref(), &workflow)?;
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
    let plain = flags.document.reading.on(arazzo::open(wanted.document).naming(remedies::flag)).workspace(true);
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

/// Inputs that the workflow accepts, those that a mock needs among them.
///
/// # Errors
/// [`Error::Inputs`] with every fault.
pub(crate) fn checked(workflow: &Workflow, mut given: CliInputs) -> Result<CliInputs, Error> {
    given.make_up(workflow.example_inputs());
    let mut faults = std::mem::take(&mut given.faults);
    if let Err(error) = workflow.check(given.inputs.clone()) {
        let Error::Inputs(more) = error else { return Err(error) };
        // An input that could not be read is not missing too.
        faults.extend(
            more.iter()
                .filter(|more| more.code != Code::MissingInput || !faults.iter().any(|known| known.name == more.name))
                .cloned()
                .collect::<Vec<_>>(),
        );
    }
    if faults.is_empty() { Ok(given) } else { Err(Error::Inputs(faults)) }
}

fn dry_run(flags: &RunFlags, workflow: &Workflow, given: CliInputs, screen: &mut Screen) -> u8 {
    drop(given);
    let plan = workflow.plan();
    let text = if flags.output.events.json.is_some() {
        json!({ "v": 1, "workflow": workflow.name(), "steps": plan }).to_string()
    } else {
        let mut text = format!("{}: {} steps, nothing is sent", workflow.name(), plan.len());
        for step in &plan {
            if let Some(calls) = &step.calls {
                text.push_str(&format!("\n\n{}\n  workflow {}", safe(&step.step), safe(calls)));
                continue;
            }
            text.push_str(&format!("\n\n{}\n  {} {}", safe(&step.step), step.method, safe(&step.url)));
            for (name, value) in &step.headers {
                text.push_str(&format!("\n  {}: {}", safe(name), safe(value)));
            }
            if let Some(body) = &step.body {
                text.push_str(&format!("\n  {}", safe(&body.to_string())));
            }
        }
        if plan.len() >= arazzo::plan::MOST {
            text.push_str(&format!("\n\nthere are more: the first {} are shown", plan.len()));
        }
        text
    };
    if flags.output.verbosity.quiet == 0 {
        screen.warnings(workflow.warnings(), workflow.description().sources());
    }
    written(screen.data(&text), screen, exit::SUCCEEDED)
}
