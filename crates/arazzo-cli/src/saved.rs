//! `--save STEP.OUTPUT=FILE`: outputs of steps in files, as the bytes that they are.

use std::path::Path;

use arazzo::diagnostics::{Help, nearest};
use arazzo::values::Json;
use arazzo::{Error, StepOutputs, Workflow};

use crate::exit;
use crate::flags::SavedOutput;
use crate::save::{Readers, save_exact, try_to};
use crate::show::{Screen, safe};

/// Checks that the workflow has the outputs that were asked for, and that their files can be written.
///
/// # Errors
/// The first that it does not have.
pub(crate) fn check(wanted: &[SavedOutput], workflow: &Workflow) -> Result<(), Error> {
    for SavedOutput { step, output, file } in wanted {
        let words = |near: Option<&str>, what: &str, known: Vec<&str>| match (near, known.as_slice()) {
            (Some(near), _) => Help::meant(near).to_string(),
            (None, []) => format!("it has no {what}"),
            (None, known) => format!("{what}: {}", known.join(", ")),
        };
        if !workflow.steps().any(|known| known == step) {
            let help = words(nearest(step, workflow.steps()), "steps", workflow.steps().collect());
            return Err(Error::Setup(format!("--save: workflow `{}` has no step `{step}`; {help}", workflow.name())));
        }
        if !workflow.outputs_of(step).any(|known| known == output) {
            let near = nearest(output, workflow.outputs_of(step));
            let help = words(near, "outputs", workflow.outputs_of(step).collect());
            return Err(Error::Setup(format!("--save: step `{step}` has no output `{output}`; {help}")));
        }
        try_to(file).map_err(|error| Error::Setup(format!("--save: {error}")))?;
    }
    Ok(())
}

/// Writes the files; the result is the exit code: 7 if one could not be written and `code` is 0.
pub(crate) fn write(wanted: &[SavedOutput], outputs: &StepOutputs, say: bool, screen: &mut Screen, code: u8) -> u8 {
    let mut code = code;
    for SavedOutput { step, output, file } in wanted {
        let name = format!("{step}.{output}");
        let (values, shown) = (outputs.get(step), safe(&file.display().to_string()));
        let Some(value) = values.get(output).filter(|value| !value.is_null()) else {
            let message = format!("`{name}` has no value, so that nothing was written to `{shown}`");
            if code == exit::SUCCEEDED {
                screen.fault("output", &message, None);
                code = exit::OUTPUT;
            } else {
                screen.line(&format!("note: {}", safe(&message)));
            }
            continue;
        };
        match write_one(file, values.bytes(output), value) {
            Ok(()) if say => screen.line(&format!("saved {} to {shown}", safe(&name))),
            Ok(()) => {}
            Err(error) => {
                screen.fault("output", &format!("`{name}` could not be written: {error}"), None);
                code = if code == exit::SUCCEEDED { exit::OUTPUT } else { code };
            }
        }
    }
    code
}

/// It may hold a secret, or be one: only its owner reads the file.
fn write_one(file: &Path, bytes: Option<&[u8]>, value: &Json) -> std::io::Result<()> {
    match (bytes, value) {
        (Some(bytes), _) => save_exact(file, bytes, Readers::Owner),
        (None, Json::String(text)) => save_exact(file, text.as_bytes(), Readers::Owner),
        (None, value) => save_exact(file, value.to_string().as_bytes(), Readers::Owner),
    }
}
