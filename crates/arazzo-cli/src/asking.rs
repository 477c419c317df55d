//! Inputs that are needed and were not given: asked for one by one, where there is a user to answer, and then shown as the
//! command line that would have given them.

use arazzo::plan::Input;
use arazzo::values::{Json, Map};
use arazzo::{Inputs, Workflow};

use crate::flags::InputFlags;
use crate::inputs::{self, CliInputs, Stdin};
use crate::names::Names;
use crate::show::safe;
use crate::shown_command::{self, quoted};
use crate::streams::{self, Stream};

/// How often an answer that does not fit is asked for again.
const TRIES: usize = 3;

/// Asks for the required inputs that nothing gives. Asks for nothing without a terminal, with `--no-input`, or where CI
/// is set.
pub(crate) fn ask_for_missing(given: &mut CliInputs, flags: &InputFlags, workflow: &Workflow, stdin: &mut Stdin) {
    let is_missing = |input: &&Input| input.required && input.default.is_none() && !given.inputs.has(&input.name);
    let missing: Vec<&Input> = workflow.inputs().filter(is_missing).collect();
    // What is wrong with the others is said first.
    if missing.is_empty() || !stdin.asks() || !given.faults.is_empty() {
        return;
    }
    say(&format!("{} needs more inputs (Ctrl-C to stop):\n", safe(workflow.name())));
    let mut answers: Vec<(&Input, Json)> = vec![];
    for input in missing {
        match answer(input, workflow, stdin) {
            Some(value) => answers.push((input, value)),
            // Whoever does not want to answer is told what is missing.
            None => break,
        }
    }
    let mut command =
        shown_command::this_command(&inputs::public_inputs(flags, workflow), &Names::of(workflow.description()));
    for (input, value) in &answers {
        command.push_str(&if input.secret {
            format!(" --secret {}", quoted(&input.name))
        } else {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!(" --input {}", quoted(&format!("{}={text}", input.name)))
        });
    }
    let values: Map<String, Json> = answers.iter().map(|(input, value)| (input.name.clone(), value.clone())).collect();
    given.inputs = std::mem::take(&mut given.inputs).or(Inputs::from(values));
    if !answers.is_empty() {
        say(&format!("the same without questions: {command}\n"));
        for (input, _) in answers.iter().filter(|(input, _)| input.secret) {
            let name = safe(&input.name);
            say(&format!("  (with the value of {name} in ARAZZO_SECRET_{name})\n"));
        }
    }
}

/// The value that the user gives for an input; none if there is no answer.
fn answer(input: &Input, workflow: &Workflow, stdin: &mut Stdin) -> Option<Json> {
    let kind = if input.types.is_empty() { String::new() } else { format!(" ({})", safe(&input.types.join(" or "))) };
    let about = input.description.as_deref().and_then(|text| text.trim().lines().next());
    let about = about.map(|text| format!("  {}\n", safe(text))).unwrap_or_default();
    for _ in 0..TRIES {
        let prompt = format!("{about}{}{kind}", safe(&input.name));
        let text = if input.secret { stdin.ask(&prompt) } else { stdin.ask_openly(&prompt) }?;
        match workflow.typed(&input.name, &text) {
            Ok(value) => return Some(value),
            Err(fault) => say(&format!("  {}\n", safe(&fault.message))),
        }
    }
    None
}

fn say(text: &str) {
    streams::people(text, Stream::People.usual_colors());
}
