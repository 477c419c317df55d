//! `arazzo run`: a workflow and its inputs, run or shown as they would be.

use std::path::Path;

use arazzo::diagnostics::{Code, Diagnostic, Diagnostics, Severity};
use arazzo::mock::Mocked;
use arazzo::plan::PlannedStep;
use arazzo::values::Json;
use arazzo::{Description, Error, Workflow};

use crate::asking;
use crate::dry_run;
use crate::execute::{Execution, Kept, Printed, execute};
use crate::flags::RunFlags;
use crate::inputs::{self, CliInputs, Stdin};
use crate::meant;
use crate::names::Names;
use crate::permit;
use crate::project::Project;
use crate::requested::RequestedReports;
use crate::show::Screen;
use crate::shown_command;
use crate::watch::Showing;

/// Runs the command; the result is the exit code.
pub(crate) fn run(mut flags: RunFlags, screen: &mut Screen) -> u8 {
    let prepared = kept(&flags).and_then(|kept| Ok((kept, prepared(&mut flags, screen)?)));
    let (kept, (workflow, given)) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return screen.error(&meant::with_hint(error, &flags.document.document)),
    };
    let warnings = match weighed(&workflow, &flags.document.document) {
        Ok(warnings) => warnings,
        Err(error) => return screen.error(&error),
    };
    if flags.dry_run {
        let form = (flags.output.events.json, flags.output.verbosity.quiet > 0);
        return dry_run::show(&workflow, &given.inputs, &warnings, form, screen);
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
        ),
        kept,
        warnings,
        print: |outputs| Some(Printed::line(Json::from((**outputs).clone()).to_string())),
    };
    execute(execution, screen)
}

/// The files that the run is to leave.
fn kept(flags: &RunFlags) -> Result<Kept, Error> {
    let reports = RequestedReports::new(&flags.output.reports)?;
    let to_stdout = flags.output.file.output.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if reports.take_stdout() && (flags.output.events.json || to_stdout) {
        let other = if flags.output.events.json { "--json" } else { "-o -" };
        return Err(Error::Setup(format!("a report and {other} both go to stdout: give one of them a file")));
    }
    Ok(Kept {
        reports,
        recording: flags.output.record.clone(),
        outputs: flags.output.file.output.clone(),
        masked: flags.output.mask.mask_outputs,
    })
}

/// Everything that can be known before the first request.
fn prepared(flags: &mut RunFlags, screen: &mut Screen) -> Result<(Workflow, CliInputs), Error> {
    let mut limits = flags.limits.limits(flags.network.max_time);
    if flags.output.reports.iter().any(|report| report.kind.name == "har") {
        limits.report_bytes = usize::try_from(flags.output.har_bodies).unwrap_or(usize::MAX);
    }
    let mut stdin = Stdin::new(flags.prompt.no_input);
    let text = inputs::document_text(&flags.document, &mut stdin)?;
    let mut builder = flags.document.builder(text).limits(limits).network(flags.network.network());
    builder = builder
        .lint_before_run(true)
        .loop_delay(flags.limits.loop_delay)
        .require_outputs(flags.require_outputs)
        .contract(flags.check.check.unwrap_or_default());
    for secret in &flags.input.secrets {
        builder = builder.secret(inputs::secret_name(secret));
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
    let description = flags.permissions.on(builder).load_blocking()?;
    sort_words(flags, &description)?;
    let credentials = inputs::credentials(&flags.credentials, &description, &mut stdin)?;
    let description = description.with_credentials(credentials)?;
    let workflow = chosen(flags, &description)?;
    // Before secrets are asked for: who types one wants to know where it goes.
    let workflow = if flags.dry_run {
        workflow
    } else {
        let command = |workflow: &Workflow| {
            Some(shown_command::this_command(
                &inputs::public_inputs(&flags.input, workflow),
                &Names::of(workflow.description()),
            ))
        };
        permit::permitted(workflow, command, &stdin)?
    };
    let mut given = inputs::collect(&flags.input, &workflow, &mut stdin)?;
    given.make_up(workflow.example_inputs());
    if !flags.dry_run {
        asking::ask_for_missing(&mut given, &flags.input, &workflow, &stdin);
    }
    let mut faults = std::mem::take(&mut given.faults);
    if let Err(error) = workflow.check(given.inputs.clone()) {
        let Error::Inputs(more) = error else { return Err(error) };
        // An input that could not be read is not missing too, and what is only shown needs none.
        let known = |name: &str| flags.dry_run || faults.iter().any(|known| known.name == name);
        faults.extend(
            more.iter()
                .filter(|more| more.code != Code::MissingInput || !known(&more.name))
                .cloned()
                .collect::<Vec<_>>(),
        );
    }
    if faults.is_empty() {
        return Ok((workflow, given));
    }
    // Why inputs do not fit is often said by what is wrong with their schema.
    screen.warnings(workflow.warnings(), workflow.description().sources());
    Err(Error::Inputs(faults))
}

/// Sorts the words without a flag: those of the form `NAME=VALUE` become inputs, the first other one names the workflow.
fn sort_words(flags: &mut RunFlags, description: &Description) -> Result<(), Error> {
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
fn chosen(flags: &RunFlags, description: &Description) -> Result<Workflow, Error> {
    let name = flags.workflow.as_deref().or(flags.plain.workflow_argument.as_deref());
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
