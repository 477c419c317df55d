//! `arazzo inspect`: what a document holds and what it will call, without calling.

use arazzo::Description;
use arazzo::engine::program::Input;
use serde_json::{Value as Json, json};

use crate::exit;
use crate::flags::InspectFlags;
use crate::show::{Screen, safe};

/// Runs the command; the result is the exit code.
pub(crate) fn inspect(flags: InspectFlags, screen: &mut Screen) -> u8 {
    let description = match flags.document.builder().load() {
        Ok(description) => description,
        Err(error) => return screen.error(&error),
    };
    let text = if flags.json { as_json(&description).to_string() } else { as_text(&description) };
    let result = screen.data(&text);
    let found = description.diagnostics();
    if !found.is_empty() && !flags.json {
        screen.line("");
        screen.diagnostics(&found, description.sources());
    }
    match (result, found.has_errors()) {
        (_, true) => exit::of(&found),
        (Err(_), false) => exit::OUTPUT,
        (Ok(()), false) => exit::SUCCEEDED,
    }
}

fn as_text(description: &Description) -> String {
    let program = description.program();
    let mut lines = vec![format!("arazzo {}   {}", safe(&program.version), safe(&program.title))];
    let reads: Vec<String> = program
        .apis
        .iter()
        .map(|api| {
            format!(
                "{} ({})",
                safe(&api.name),
                if api.file.is_empty() { "not found".to_owned() } else { safe(&api.file) }
            )
        })
        .collect();
    lines.push(format!("reads     {}", reads.join(", ")));
    for (_, workflow) in program.own_workflows() {
        lines.push(String::new());
        lines.push(format!("workflow  {}", safe(&workflow.name)));
        if let Some(summary) = &workflow.summary {
            lines.push(format!("          {}", safe(summary.trim())));
        }
        let inputs: Vec<String> = workflow.inputs.given().map(input).collect();
        if !inputs.is_empty() {
            lines.push("inputs    (* required)".to_owned());
            lines.extend(inputs.into_iter().map(|input| format!("  {input}")));
        }
        lines.push("steps".to_owned());
        let plan = description.plan(&workflow.name);
        let width =
            plan.iter().map(|step| step.step.chars().count() + 2 * step.depth as usize).max().unwrap_or(0).min(60);
        for step in &plan {
            let margin = "  ".repeat(step.depth as usize);
            let width = width.saturating_sub(margin.len());
            if let Some(calls) = &step.calls {
                lines.push(format!("  {margin}{:width$}  workflow {}", safe(&step.step), safe(calls)));
                continue;
            }
            let host = if step.host.is_empty() { "(no server: give --server)" } else { &step.host };
            lines.push(format!(
                "  {margin}{:width$}  {:6} {}  {}",
                safe(&step.step),
                step.method,
                safe(host),
                safe(&step.path)
            ));
        }
        let outputs: Vec<&str> = workflow.outputs.iter().map(|output| output.name.as_str()).collect();
        if !outputs.is_empty() {
            lines.push(format!("outputs   {}", safe(&outputs.join("  "))));
        }
    }
    lines.join("\n")
}

fn input(input: &Input) -> String {
    let mut text = format!(
        "{}{}  {}",
        safe(&input.name),
        if input.required { "*" } else { "" },
        if input.types.is_empty() { "any".to_owned() } else { safe(&input.types.join("|")) }
    );
    if let Some(default) = &input.default {
        text.push_str(&format!("  default {}", safe(&default.to_string())));
    }
    if input.secret {
        text.push_str("  secret");
    }
    if let Some(description) = &input.description {
        text.push_str(&format!("  {}", safe(description.trim())));
    }
    text
}

fn as_json(description: &Description) -> Json {
    let program = description.program();
    let found = description.diagnostics();
    let workflows: Vec<Json> = program
        .own_workflows()
        .map(|(_, workflow)| {
            let inputs: Vec<Json> = workflow
                .inputs
                .given()
                .map(|input| json!({ "name": input.name, "types": input.types, "required": input.required, "default": input.default, "secret": input.secret, "description": input.description }))
                .collect();
            json!({
                "workflowId": workflow.name,
                "summary": workflow.summary,
                "runnable": workflow.runnable,
                "inputs": inputs,
                "steps": description.plan(&workflow.name),
                "outputs": workflow.outputs.iter().map(|output| output.name.as_str()).collect::<Vec<_>>(),
            })
        })
        .collect();
    let diagnostics: Vec<Json> = found
        .iter()
        .map(|diagnostic| {
            let place = diagnostic.place(description.sources());
            json!({
                "code": diagnostic.code,
                "severity": diagnostic.severity,
                "message": diagnostic.message,
                "file": place.as_ref().map(|p| &p.file),
                "line": place.as_ref().map(|p| p.line),
                "column": place.as_ref().map(|p| p.column),
                "help": diagnostic.help,
            })
        })
        .collect();
    json!({
        "v": 1,
        "arazzo": program.version,
        "title": program.title,
        "sources": program.apis.iter().map(|api| json!({ "name": api.name, "file": api.file })).collect::<Vec<_>>(),
        "workflows": workflows,
        "diagnostics": diagnostics,
    })
}
