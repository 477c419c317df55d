//! `arazzo run`: a workflow, its inputs, its events, its exit code.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::Path;

use arazzo::engine::code::Code;
use arazzo::engine::event::EventKind;
use arazzo::engine::plan::PlannedStep;
use arazzo::mock::Mocked;
use arazzo::{Envelope, Error, Limits, Outcome, Recording, Report, Workflow};
use serde_json::{Map, Value as Json, json};

use crate::exit;
use crate::flags::{ProgressForm, RunFlags};
use crate::github;
use crate::given::{self, Given, Stdin};
use crate::names::Names;
use crate::permit;
use crate::report::{self, Wanted};
use crate::save::{Readers, save};
use crate::show::account::Account;
use crate::show::failure::{self, Exchanges};
use crate::show::progress::Detail;
use crate::show::report::html::Around;
use crate::show::{Screen, safe, width};
use crate::signal::Signals;
use crate::typed;
use crate::watch::{self, Watch};

/// Runs the command; the result is the exit code.
pub(crate) fn run(flags: RunFlags, screen: &mut Screen) -> u8 {
    match prepared(&flags) {
        Ok((workflow, given)) if flags.dry_run => dry_run(&flags, &workflow, given, screen),
        Ok((workflow, given)) => {
            execute(&flags, &workflow, given, screen, |outputs| Some(Json::Object(outputs.clone()).to_string()))
        }
        Err(error) => screen.error(&error),
    }
}

/// Everything that can be known before the first request.
fn prepared(flags: &RunFlags) -> Result<(Workflow, Given), Error> {
    let limits = Limits {
        steps: flags.max_steps,
        requests: flags.max_requests,
        depth: flags.max_depth,
        body_bytes: flags.max_body,
        value_bytes: flags.max_value,
        run_ms: u64::try_from(flags.timeout.as_millis()).unwrap_or(u64::MAX),
        wait_ms: u64::try_from(flags.max_wait.as_millis()).unwrap_or(u64::MAX),
        request_ms: u64::try_from(flags.network.max_time.as_millis()).unwrap_or(u64::MAX),
        ..Limits::default()
    };
    Wanted::distinct(&flags.reports)?;
    let mut builder = flags.document.builder().limits(limits).network(flags.network.network());
    builder = builder
        .loop_delay(flags.loop_delay)
        .require_outputs(flags.require_outputs)
        .contract(flags.check.unwrap_or_default());
    for secret in &flags.secrets {
        builder = builder.secret(given::secret_name(secret));
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
    let description = flags.session.on(builder).load()?;
    let mut stdin = Stdin::new(flags.no_input);
    let credentials = given::credentials(&flags.credentials, &description, &mut stdin)?;
    let description = description.with_credentials(credentials)?;
    let name = flags.workflow.as_deref().or(flags.workflow_argument.as_deref());
    let workflow = description.workflow(name).map_err(|error| match (&error, name) {
        // `--mock volumesApi` reads as a flag and the name of a workflow.
        (Error::NoSuchWorkflow { .. }, Some(name))
            if flags.mock.is_some() && description.program().apis.iter().any(|api| api.name == name) =>
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
            Some(typed::this_command(&given::shown(flags, workflow), &Names::of(workflow.description())))
        };
        permit::permitted(workflow, command, &stdin)?
    };
    let mut given = given::collect(flags, &workflow, &mut stdin)?;
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

fn dry_run(flags: &RunFlags, workflow: &Workflow, given: Given, screen: &mut Screen) -> u8 {
    drop(given);
    let plan = workflow.plan();
    let text = if flags.json {
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
        if plan.len() >= arazzo::engine::plan::MOST {
            text.push_str(&format!("\n\nthere are more: the first {} are shown", plan.len()));
        }
        text
    };
    if flags.quiet == 0 {
        screen.warnings(workflow.warnings(), workflow.description().sources());
    }
    written(screen.data(&text), screen, exit::SUCCEEDED)
}

/// Runs a workflow; `print` makes of its outputs what is printed.
pub(crate) fn execute(
    flags: &RunFlags,
    workflow: &Workflow,
    given: Given,
    screen: &mut Screen,
    print: fn(&Map<String, Json>) -> Option<String>,
) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.fault("setup", &format!("cannot start: {error}"), None);
            return exit::USAGE;
        }
    };
    let detail = match (flags.quiet, flags.verbose, flags.json) {
        (2.., ..) => Detail::Nothing,
        (1, ..) => Detail::Failures,
        // Events say everything that lines would say.
        (_, 0, true) => Detail::Failures,
        (_, 0, false) if flags.progress == ProgressForm::None => Detail::Verdict,
        (_, 0, false) => Detail::Steps,
        (_, 1, _) => Detail::Headers,
        (_, 2.., _) => Detail::Bodies,
    };
    let tree = watch::is_tree(flags.progress, detail);
    if detail >= Detail::Verdict {
        if !tree {
            screen.warnings(workflow.warnings(), workflow.description().sources());
        }
        hint(workflow, &given, screen);
        made_up(workflow, &given, screen);
    }
    let signals = Signals::default();
    signals.insist(flags.timeout);
    let plan = workflow.plan();
    let mut account = (!flags.reports.is_empty() || github::summary().is_some()).then(|| Account {
        planned: plan.iter().map(|step| (step.workflow.clone(), step.step.clone())).collect(),
        ..Account::default()
    });
    let watch = RefCell::new(Watch::new(screen, flags.progress, detail, &plan, hosts(flags, &plan)));
    let (mut report, mut exchanges, mut last, mut data_error) = (Report::default(), Exchanges::default(), None, None);
    let outcome = {
        let observe = |envelope: &Envelope| {
            let envelope = &signals.named(envelope);
            report.add(&envelope.event);
            exchanges.add(&envelope.event);
            if let Some(account) = &mut account {
                account.add(envelope);
            }
            signals.watch(envelope);
            if flags.json
                && let Err(error) = serde_json::to_string(envelope)
                    .map_err(std::io::Error::other)
                    .and_then(|line| watch.borrow_mut().screen.data(&line))
            {
                data_error.get_or_insert(error);
            }
            watch.borrow_mut().event(envelope);
            if matches!(envelope.event.kind, EventKind::RunFinished { .. }) {
                last = Some(Envelope::clone(envelope));
            }
        };
        runtime.block_on(async {
            let say = |text: &str| watch.borrow_mut().screen.line(text);
            let run = async {
                match flags.record {
                    Some(_) => workflow.record(given.inputs, &signals.interrupt, observe).await,
                    None => workflow.run_until(given.inputs, &signals.interrupt, observe).await.map(unrecorded),
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
    let mut watch = watch.into_inner();
    let (outcome, recording) = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return watch.screen.error(&error),
    };
    let Some(last) = last else { return exit::USAGE };
    let EventKind::RunFinished { exit: code, outputs: shown, .. } = &last.event.kind else { return exit::USAGE };
    let code = *code;
    watch.verdict(&last.event.kind, workflow.name());
    let screen = watch.screen;
    if tree {
        screen.notes(workflow.warnings().map(|warning| warning.code), &flags.document.document);
    }
    if detail >= Detail::Failures {
        for line in failure::report(&last, workflow.description().sources(), &exchanges, &report, code, width()) {
            screen.line(&line);
        }
        if let (EventKind::RunFinished { why: Some(why), .. }, true) = (&last.event.kind, github::is_here()) {
            let label = why.label.as_ref().map(|label| format!(": {label}")).unwrap_or_default();
            let help = why.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
            let message = format!("{}{label}{help}", why.message);
            screen.command(&github::annotation("error", why.code.word(), &message, why.place.as_ref()));
        }
        let local = !arazzo::is_remote(&flags.document.document);
        if flags.mock.is_some() && local && matches!(outcome, Outcome::Failed { .. }) {
            let document = flags.document.document.display().to_string();
            screen.line(&format!(
                "note: the mock has ended with the run; `arazzo mock {}` serves it again",
                safe(&document)
            ));
        }
    }
    let code = match &flags.record {
        Some(path) => keep(path, recording, detail >= Detail::Verdict, screen, code),
        None => code,
    };
    if let Some(Err(error)) = account.as_ref().map(github::summarize) {
        screen.line(&format!("note: the summary of the job could not be written: {error}"));
    }
    let code = match &account {
        Some(account) => {
            let command = typed::this_command(&account.inputs, &Names::of(workflow.description()));
            let around = Around {
                graph: workflow.description().graph(workflow.name()),
                snippet: failure::snippet(account, workflow.description().sources()),
                command: Some(&command),
            };
            report::write(&flags.reports, account, &around, detail >= Detail::Verdict, screen, code)
        }
        None => code,
    };
    if flags.json {
        return written(data_error.map_or(Ok(()), Err), screen, code);
    }
    let whole = outcome.outputs();
    let outputs = if flags.mask_outputs { shown } else { whole };
    // A workflow that went over to another may have the outputs of that.
    if workflow.outputs().next().is_none() && outputs.is_empty() {
        return code;
    }
    let Some(text) = print(outputs) else { return code };
    let result = match &flags.output {
        // What an event masks is not for others on this machine.
        Some(path) => save(path, &text, if *shown == *whole { Readers::Usual } else { Readers::Owner }),
        None => screen.data(&text),
    };
    written(result, screen, code)
}

type Recorded = Result<Recording, Error>;

fn unrecorded(outcome: Outcome) -> (Outcome, Recorded) {
    (outcome, Err(Error::Setup("it was not recorded".to_owned())))
}

/// Writes the recording of a run; the result is the exit code: 7 if it could not be written and `code` is 0.
fn keep(path: &Path, recording: Recorded, say: bool, screen: &mut Screen, code: u8) -> u8 {
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
fn written(result: std::io::Result<()>, screen: &mut Screen, code: u8) -> u8 {
    match result {
        Ok(()) => code,
        Err(error) => {
            screen.fault("output", &format!("the outputs could not be written: {error}"), None);
            if code == exit::SUCCEEDED { exit::OUTPUT } else { code }
        }
    }
}

/// The hosts that a run will call.
fn hosts(flags: &RunFlags, plan: &[PlannedStep]) -> Vec<String> {
    let mocked = |source: &String| {
        flags.mock.as_ref().is_some_and(|only| only.iter().all(String::is_empty) || only.contains(source))
    };
    let mut hosts = vec![];
    for step in plan.iter().filter(|step| step.calls.is_none()) {
        let host = if mocked(&step.source) { "a mock" } else { step.host.as_str() };
        if !host.is_empty() && !hosts.iter().any(|known| known == host) {
            hosts.push(host.to_owned());
        }
    }
    hosts
}

/// What nobody gave is said.
fn made_up(workflow: &Workflow, given: &Given, screen: &mut Screen) {
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
        screen.line(&format!("note: inputs made up for the mock: {}", shown.join(" ")));
    }
}

/// Values on a command line can be seen by everybody on the machine.
fn hint(workflow: &Workflow, given: &Given, screen: &mut Screen) {
    let secret = |name: &&String| workflow.inputs().any(|input| input.name == **name && input.secret);
    if let (Some(name), true) = (given.typed.iter().find(secret), std::io::stderr().is_terminal()) {
        screen.line(&format!("hint: `{0}` is a secret, and other users can see it on a command line; set ARAZZO_SECRET_{0} and use --secret {0}", safe(name)));
    }
}
