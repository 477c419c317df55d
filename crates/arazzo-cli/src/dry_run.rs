//! What `--dry-run` shows: the requests of a workflow, as far as they are known before the first one.

use arazzo::diagnostics::Diagnostic;
use arazzo::json;
use arazzo::plan::{MOST, PlannedStep};
use arazzo::values::Json;
use arazzo::{Inputs, Workflow};

use crate::execute::written;
use crate::exit;
use crate::show::{Screen, diagnostics, safe};

/// Shows the requests, and sends none; the result is the exit code.
pub(crate) fn show(
    workflow: &Workflow,
    inputs: &Inputs,
    warnings: &[Diagnostic],
    (as_json, quiet): (bool, bool),
    screen: &mut Screen,
) -> u8 {
    let (plan, description) = (workflow.plan_with(inputs), workflow.description());
    let missing: Vec<&str> = workflow
        .inputs()
        .filter(|input| input.required && !inputs.has(&input.name))
        .map(|input| input.name.as_str())
        .collect();
    let refused = workflow.missing_permissions();
    let text = match as_json {
        true => {
            let diagnostics = warnings.iter().map(|one| diagnostics::object(one, description.sources(), None));
            json!({
                "v": 1, "workflow": workflow.name(), "steps": plan, "missingInputs": missing,
                "missingPermissions": refused, "diagnostics": diagnostics.collect::<Vec<_>>(),
            })
            .to_string()
        }
        false => as_text(workflow.name(), &plan),
    };
    if !quiet {
        screen.warnings(warnings.iter(), description.sources());
    }
    if !quiet && !refused.is_empty() {
        let refusal = refused.refusal();
        screen.line(&format!("note: a run would be refused: {}", safe(&refusal.remarks.join("; "))));
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
            for line in body_lines(step, body) {
                text.push_str(&format!("\n  {}", safe(&line)));
            }
        }
    }
    if plan.len() >= MOST {
        text.push_str(&format!("\n\nthere are more: the first {} are shown", plan.len()));
    }
    text
}

/// The body as it is written: of a form its fields, one a line.
fn body_lines(step: &PlannedStep, body: &Json) -> Vec<String> {
    let is_form = step.headers.iter().any(|(name, value)| {
        let kind = value.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("content-type")
            && (kind.starts_with("multipart/") || kind == "application/x-www-form-urlencoded")
    });
    match body {
        Json::Object(fields) if is_form => {
            let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
        }
        body => vec![body.to_string()],
    }
}
