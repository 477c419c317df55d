//! `arazzo start`: a run begins at the engine; `--wait` shows how it ends.

use arazzo::diagnostics::{Code, Help, nearest};
use arazzo::json;
use arazzo::plan::InputFault;
use arazzo::restate::{Client, EngineEnd, open_outputs, service_name};
use arazzo::values::Json;
use arazzo::{Error, Inputs, Workflow};

use super::{key, runtime};
use crate::exit;
use crate::flags::{DocumentFlags, StartFlags};
use crate::inputs::{self, Stdin};
use crate::remedies;
use crate::show::{Screen, safe};
use crate::shown_command::quoted;

/// Runs the command; the result is the exit code.
pub(crate) fn start(flags: &StartFlags, screen: &mut Screen) -> u8 {
    begin(flags, screen).unwrap_or_else(|error| screen.error(&error))
}

fn begin(flags: &StartFlags, screen: &mut Screen) -> Result<u8, Error> {
    let (workflow, words) = named(flags)?;
    let service = service_name(flags.document.name.as_deref(), &flags.document.path, workflow.name())?;
    let inputs = given(flags, &workflow, words)?;
    let id = flags.id.clone().unwrap_or_else(arazzo::restate::new_key);
    let client = Client::new(&flags.restate, flags.network.network())?;
    let runtime = runtime()?;
    let is_new = runtime.block_on(client.start(&service, &id, &inputs))?;
    let run = format!("{service}/{id}");
    if !is_new && !flags.json {
        screen.line(&format!("note: there is a run of this key already: {}", safe(&run)));
    }
    if !flags.wait {
        let line = match flags.json {
            true => json!({ "v": 1, "run": run, "started": is_new }).to_string(),
            false => run,
        };
        return Ok(if screen.data(&line).is_ok() { exit::SUCCEEDED } else { exit::OUTPUT });
    }
    screen.line(&format!("run {}", safe(&run)));
    let end = runtime.block_on(client.end(&service, &id))?;
    runtime.shutdown_background();
    show(flags, &run, end, screen)
}

/// The workflow that is meant, and the inputs that were typed without a flag.
fn named(flags: &StartFlags) -> Result<(Workflow, Vec<String>), Error> {
    let opened = DocumentFlags::opened(&flags.document.path, None).naming(remedies::flag);
    let builder = flags.offline.on(flags.reading.on(opened).workspace(true));
    let description = flags.input.secrets.iter().fold(builder, |b, secret| b.secret(inputs::secret_name(secret)));
    let description = description.load_blocking()?;
    let given = |word: &&String| word.contains(['=', '@']);
    let words = flags.plain.workflow_argument.iter().chain(&flags.plain.plain_inputs);
    let (inputs, others): (Vec<&String>, Vec<&String>) = words.partition(given);
    if let Some(other) = others.get(1) {
        return Err(Error::Setup(format!("`{other}` is neither the workflow nor an input: write NAME=VALUE")));
    }
    let workflow = description.described_workflow(others.first().map(|name| name.as_str()))?;
    Ok((workflow, inputs.into_iter().cloned().collect()))
}

/// The inputs of the request: what others may read.
fn given(flags: &StartFlags, workflow: &Workflow, words: Vec<String>) -> Result<Inputs, Error> {
    let mut typed = flags.input.clone();
    typed.inputs.extend(words);
    let mut stdin = Stdin::new(flags.prompt.no_input);
    if let Some(secret) = typed.secrets.first() {
        return Err(secrets_refused(&[inputs::secret_name(secret).to_owned()]));
    }
    let collected = inputs::typed(&typed, workflow, &mut stdin)?;
    if !collected.faults.is_empty() {
        return Err(Error::Inputs(collected.faults));
    }
    let unknown = collected.inputs.iter().map(|(name, _)| name).filter(|name| !workflow.takes(name));
    let faults: Vec<InputFault> = unknown.map(|name| not_taken(name, workflow)).collect();
    if !faults.is_empty() {
        return Err(Error::Inputs(faults));
    }
    let secret = |name: &str| workflow.inputs().any(|input| input.name == name && input.secret);
    let secrets: Vec<String> =
        collected.inputs.iter().map(|(name, _)| name.to_owned()).filter(|name| secret(name)).collect();
    if !secrets.is_empty() {
        return Err(secrets_refused(&secrets));
    }
    // Those of the environment that are secrets are the worker's.
    let environment = inputs::from_environment(workflow);
    let own: Vec<String> =
        environment.inputs.iter().map(|(name, _)| name.to_owned()).filter(|name| secret(name)).collect();
    let environment = own.iter().fold(environment.inputs, |inputs, name| inputs.without(name));
    Ok(collected.inputs.or(environment))
}

fn not_taken(name: &str, workflow: &Workflow) -> InputFault {
    let inputs: Vec<&str> = workflow.inputs().map(|input| input.name.as_str()).collect();
    let help = match (nearest(name, inputs.iter().copied()), inputs.as_slice()) {
        (Some(near), _) => Help::meant(near).to_string(),
        (None, []) => "the workflow takes no inputs".to_owned(),
        (None, inputs) => format!("inputs: {}", inputs.join(", ")),
    };
    InputFault::new(Code::UnknownInput, name, format!("the workflow takes no input `{name}`"), help)
}

fn secrets_refused(names: &[String]) -> Error {
    let fault = |name: &String| {
        InputFault::new(
            Code::InvalidInput,
            name,
            format!("`{name}` is a secret, and the engine would keep it as it is"),
            format!("give it to the worker: arazzo worker … --secret {}", quoted(name)),
        )
    };
    Error::Inputs(names.iter().map(fault).collect())
}

/// Shows the end of a run, as `arazzo run` does; the result is its exit code.
fn show(flags: &StartFlags, run: &str, end: EngineEnd, screen: &mut Screen) -> Result<u8, Error> {
    let mut result = match end {
        EngineEnd::Result(result) => Json::from(result),
        EngineEnd::Refused(status, reason) => {
            let code = if status == 409 { 130 } else { exit::USAGE };
            screen.fault(if status == 409 { "cancelled" } else { "engine" }, &format!("{run}: {reason}"), None);
            return Ok(code);
        }
    };
    let sealed = match &mut result {
        Json::Object(members) => members.shift_remove("sealed"),
        _ => None,
    };
    if let (Some(sealed), false) = (sealed.as_ref().and_then(Json::as_str), flags.mask.mask_outputs) {
        let opened = key()?.and_then(|key| open_outputs(&key, run, sealed));
        match (opened, &mut result) {
            (Some(outputs), Json::Object(members)) => {
                members.insert("outputs".to_owned(), Json::Object(outputs.into()));
            }
            _ => screen.line(&format!(
                "note: secrets in the outputs are masked: with the key of the worker in {} they are shown",
                crate::journal::KEY
            )),
        }
    }
    let code =
        result.get("exit").and_then(Json::as_u64).and_then(|exit| u8::try_from(exit).ok()).unwrap_or(exit::USAGE);
    let text = |name: &str| result.get(name).and_then(Json::as_str).unwrap_or_default();
    screen.line(&format!("{} {}", safe(text("workflow")), safe(text("status"))));
    if let Some(why) = result.get("why").filter(|why| why.as_str().is_none() && why.get("code").is_some()) {
        let said = |name: &str| why.get(name).and_then(Json::as_str);
        screen.line(&format!(
            "error[{}]: {}",
            safe(said("code").unwrap_or_default()),
            safe(said("message").unwrap_or_default())
        ));
        if let Some(help) = said("help") {
            screen.line(&format!("  help: {}", safe(help)));
        }
    }
    let outputs = result.get("outputs").cloned().unwrap_or_default();
    let is_empty = matches!(&outputs, Json::Object(members) if members.is_empty());
    let line = match (flags.json, is_empty && code != exit::SUCCEEDED) {
        (true, _) => result.to_string(),
        (false, true) => return Ok(code),
        (false, false) => outputs.to_string(),
    };
    Ok(crate::execute::written(screen.data(&line), screen, code))
}
