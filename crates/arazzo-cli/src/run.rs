//! `arazzo run`: a workflow and its inputs, run or shown as they would be.

use arazzo::diagnostics::Code;
use arazzo::json;
use arazzo::mock::Mocked;
use arazzo::values::Json;
use arazzo::{Error, Workflow};

use crate::execute::{Execution, Kept, Printed, execute, written};
use crate::exit;
use crate::flags::RunFlags;
use crate::inputs::{self, CliInputs, Stdin};
use crate::journal;
use crate::names::Names;
use crate::permit;
use crate::requested::RequestedReports;
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
        ),
        kept,
        print: |outputs| Some(Printed::line(Json::from((**outputs).clone()).to_string())),
        journal: journal.as_ref(),
        resumed: None,
    };
    execute(execution, screen)
}

/// The files that the run is to leave.
fn kept(flags: &RunFlags) -> Result<Kept, Error> {
    Ok(Kept {
        reports: RequestedReports::new(&flags.output.reports)?,
        recording: flags.output.record.clone(),
        outputs: flags.output.file.output.clone(),
        masked: flags.output.mask.mask_outputs,
    })
}

/// Everything that can be known before the first request.
fn prepared(flags: &RunFlags) -> Result<(Workflow, CliInputs), Error> {
    let mut limits = flags.limits.limits(flags.network.max_time);
    if flags.output.reports.iter().any(|report| report.kind.name == "har") {
        limits.report_bytes = usize::try_from(flags.output.har_bodies).unwrap_or(usize::MAX);
    }
    let mut builder = flags.document.builder().limits(limits).network(flags.network.network());
    builder = builder
        .lint_before_run(true)
        .loop_delay(flags.limits.loop_delay)
        .require_outputs(flags.require_outputs)
        .contract(flags.check.check.unwrap_or_default());
    if let Some(header) = &flags.journal.idempotency_key {
        builder = builder.idempotency_key(header);
    }
    for secret in &flags.input.secrets {
        builder = builder.secret(inputs::secret_name(secret));
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
    let description = flags.permissions.on(builder).load_blocking()?;
    let mut stdin = Stdin::new(flags.prompt.no_input);
    let credentials = inputs::credentials(&flags.credentials, &description, &mut stdin)?;
    let description = description.with_credentials(credentials)?;
    let name = flags.workflow.as_deref().or(flags.workflow_argument.as_deref());
    let workflow = description.workflow(name).map_err(|error| match (&error, name) {
        // `--mock volumesApi` reads as a flag and the name of a workflow.
        (Error::NoSuchWorkflow { .. }, Some(name))
            if flags.mock.is_some() && description.source_descriptions().any(|(source, _)| source == name) =>
        {
            Error::Setup(format!("`{name}` is a source description, not a workflow; to mock it, write --mock={name}"))
        }
        _ => error,
    })?;
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
    if faults.is_empty() { Ok((workflow, given)) } else { Err(Error::Inputs(faults)) }
}

fn dry_run(flags: &RunFlags, workflow: &Workflow, given: CliInputs, screen: &mut Screen) -> u8 {
    drop(given);
    let plan = workflow.plan();
    let text = if flags.output.events.json {
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
