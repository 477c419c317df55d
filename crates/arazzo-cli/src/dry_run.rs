//! What `--dry-run` shows: the requests of a workflow, as far as they are known before the first one.

use arazzo::diagnostics::Diagnostic;
use arazzo::json;
use arazzo::plan::{MOST, PlannedStep};
use arazzo::{Inputs, Workflow};

use crate::execute::written;
use crate::exit;
use crate::show::{Screen, safe};

/// Shows the requests, and sends none; the result is the exit code.
pub(crate) fn show(
    workflow: &Workflow,
    inputs: &Inputs,
    warnings: &[Diagnostic],
    (as_json, quiet): (bool, bool),
    screen: &mut Screen,
) -> u8 {
    let plan = workflow.plan_with(inputs);
    let text = match as_json {
        true => json!({ "v": 1, "workflow": workflow.name(), "steps": plan }).to_string(),
        false => as_text(workflow.name(), &plan),
    };
    if !quiet {
        screen.warnings(warnings.iter(), workflow.description().sources());
    }
    written(screen.data(&text), screen, exit::SUCCEEDED)
}

fn as_text(workflow: &str, plan: &[PlannedStep]) -> String {
    let steps = if plan.len() == 1 { "1 step".to_owned() } else { format!("{} steps", plan.len()) };
    let mut text = format!("{workflow}: {steps}, nothing is sent");
    for step in plan {
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
    if plan.len() >= MOST {
        text.push_str(&format!("\n\nthere are more: the first {} are shown", plan.len()));
    }
    text
}
