//! `arazzo inspect`: what a document holds and what it will call, without calling.

use std::path::Path;

use arazzo::json;
use arazzo::plan::{Footprint, Input};
use arazzo::values::{Json, Map};
use arazzo::{ApiOverview, Description, OperationOverview, Permissions, SchemeOverview, Trust};
use sha2::{Digest as _, Sha256};

use crate::exit;
use crate::find::is_openapi;
use crate::flags::InspectFlags;
use crate::inputs::{self, Stdin};
use crate::meant;
use crate::names::Names;
use crate::permit;
use crate::show::{Screen, diagnostics, safe};
use crate::shown_command::{self, quoted};

/// Runs the command; the result is the exit code.
pub(crate) fn inspect(flags: InspectFlags, screen: &mut Screen) -> u8 {
    let document = &flags.document.document;
    let text = match inputs::document_text(&flags.document, &mut Stdin::new(true)) {
        Ok(text) => text,
        Err(error) => return screen.error(&error),
    };
    let description = match flags.document.builder(text.as_deref()).load_blocking() {
        Ok(description) => description,
        Err(_) if is_openapi(document) => return api(&flags, screen),
        Err(error) => return screen.error(&meant::with_hint(error, document)),
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

/// Shows what an OpenAPI document holds; the result is the exit code.
fn api(flags: &InspectFlags, screen: &mut Screen) -> u8 {
    let api = match flags.document.builder(None).inspect_api() {
        Ok(api) => api,
        Err(error) => return screen.error(&error),
    };
    let (found, sources) = (&api.checked.diagnostics, &api.checked.sources);
    let text = if flags.json { api_as_json(&api).to_string() } else { api_as_text(&api, &flags.document.document) };
    let result = screen.data(&text);
    if !found.is_empty() && !flags.json {
        screen.line("");
        screen.diagnostics(found, sources);
    }
    match (result, found.has_errors()) {
        (_, true) => exit::of(found),
        (Err(_), false) => exit::OUTPUT,
        (Ok(()), false) => exit::SUCCEEDED,
    }
}

fn api_as_text(api: &ApiOverview, document: &Path) -> String {
    let mut lines = vec![format!("{}   {} {}", safe(&api.format), safe(&api.title), safe(&api.version))];
    let mut list = |word: &str, items: Vec<String>| {
        let items = items.into_iter().enumerate();
        lines.extend(items.map(|(place, item)| format!("{:10}{}", if place == 0 { word } else { "" }, safe(&item))));
    };
    list("servers", api.servers.clone());
    let scheme = |scheme: &SchemeOverview| format!("{}: {}   (--auth {}=…)", scheme.name, scheme.asks, scheme.name);
    list("auth", api.schemes.iter().map(scheme).collect());
    let count = api.operations.len();
    lines.push(format!("{count} operation{}", if count == 1 { "" } else { "s" }));
    let name = |one: &OperationOverview| one.id.clone().unwrap_or_else(|| "-".to_owned());
    let width = |text: &dyn Fn(&OperationOverview) -> String, most: usize| {
        api.operations.iter().map(|one| text(one).chars().count()).max().unwrap_or(0).min(most)
    };
    let (names, paths) = (width(&name, 40), width(&|one| one.path.clone(), 50));
    for one in &api.operations {
        let mut takes: Vec<String> = one
            .parameters
            .iter()
            .map(|(name, location, required)| {
                let star = if *required { "*" } else { "" };
                if location == "query" || location == "path" {
                    format!("{name}{star}")
                } else {
                    format!("{location}:{name}{star}")
                }
            })
            .collect();
        takes.extend(
            one.body
                .as_ref()
                .map(|(types, required)| format!("body{} {}", if *required { "*" } else { "" }, types.join(" or "))),
        );
        let deprecated = if one.deprecated { "  (deprecated)" } else { "" };
        let line = format!(
            "  {:names$}  {:7} {:paths$}  {}{deprecated}",
            safe(&name(one)),
            safe(&one.method),
            safe(&one.path),
            safe(&takes.join("  "))
        );
        lines.push(line.trim_end().to_owned());
    }
    let example = api.operations.iter().find(|one| one.method == "GET").or(api.operations.first());
    if let Some(one) = example {
        let called = one.id.clone().unwrap_or_else(|| format!("{} {}", one.method, one.path));
        let given = one.parameters.iter().filter(|(.., required)| *required);
        let given: String = given.map(|(name, ..)| format!(" {name}=…")).collect();
        let document = quoted(&document.display().to_string());
        lines.push(format!("call one  arazzo call {document} {}{given} --mock", quoted(&called)));
    }
    lines.join("\n")
}

fn api_as_json(api: &ApiOverview) -> Json {
    let operation = |one: &OperationOverview| {
        let parameter = |(name, location, required): &(String, String, bool)| json!({ "name": name, "in": location, "required": required });
        json!({
            "operationId": one.id,
            "method": one.method,
            "path": one.path,
            "summary": one.summary,
            "parameters": one.parameters.iter().map(parameter).collect::<Vec<_>>(),
            "body": one.body.as_ref().map(|(types, required)| json!({ "mediaTypes": types, "required": required })),
            "security": one.security,
            "deprecated": one.deprecated,
        })
    };
    let scheme = |scheme: &SchemeOverview| json!({ "name": scheme.name, "asks": scheme.asks });
    let found = api.checked.diagnostics.iter();
    json!({
        "v": 1,
        "openapi": api.format,
        "title": api.title,
        "version": api.version,
        "servers": api.servers,
        "securitySchemes": api.schemes.iter().map(scheme).collect::<Vec<_>>(),
        "operations": api.operations.iter().map(operation).collect::<Vec<_>>(),
        "diagnostics": found.map(|one| diagnostics::object(one, &api.checked.sources, None)).collect::<Vec<_>>(),
    })
}

fn as_text(description: &Description) -> String {
    let remote = description.trust() == Trust::Remote;
    let mut head = format!("arazzo {}   {}", safe(description.arazzo_version()), safe(description.title()));
    if remote {
        let hash = hash(description);
        head.push_str(&format!("   sha256:{}…   remote (tier 2)", hash.get(..12).unwrap_or_default()));
    }
    // The command that was typed, with the sources and servers that it names, runs what it shows.
    let command = remote
        .then(|| shown_command::this_command(&Map::new(), &Names::of(description)).replacen(" inspect", " run", 1));
    let mut lines = vec![head];
    let reads = description.source_descriptions();
    let reads = reads.map(|(name, file)| format!("{} ({})", safe(name), file.map_or("not found".to_owned(), safe)));
    let reads: Vec<String> = reads.collect();
    lines.push(format!("reads     {}", reads.join(", ")));
    let more: Vec<String> = files(description)
        .into_iter()
        .skip(1)
        .filter(|file| !description.source_descriptions().any(|(_, known)| known == Some(file)))
        .map(|file| safe(&file))
        .collect();
    if !more.is_empty() {
        lines.push(format!("          {}", more.join(", ")));
    }
    for workflow in description.overview() {
        lines.push(String::new());
        lines.push(format!("workflow  {}", safe(workflow.name)));
        if let Some(summary) = workflow.summary {
            lines.push(format!("          {}", safe(summary.trim())));
        }
        let inputs: Vec<String> = workflow.inputs.iter().map(|declared| input(declared)).collect();
        if !inputs.is_empty() {
            lines.push("inputs    (* required)".to_owned());
            lines.extend(inputs.into_iter().map(|input| format!("  {input}")));
        }
        lines.push("steps".to_owned());
        let plan = description.plan(workflow.name);
        let width =
            plan.iter().map(|step| step.step.chars().count() + 2 * step.depth as usize).max().unwrap_or(0).min(60);
        let methods = plan.iter().map(|step| step.method.len()).max().unwrap_or(0).max(6);
        for step in &plan {
            let margin = "  ".repeat(step.depth as usize);
            let width = width.saturating_sub(margin.len());
            if let Some(calls) = &step.calls {
                lines.push(format!("  {margin}{:width$}  workflow {}", safe(&step.step), safe(calls)));
                continue;
            }
            let host = match step.host.as_str() {
                "" if step.is_webhook() => "(webhook: give --listen)",
                "" => "(no server: give --server)",
                host => host,
            };
            lines.push(format!(
                "  {margin}{:width$}  {:methods$} {}  {}",
                safe(&step.step),
                step.method,
                safe(host),
                safe(&step.path)
            ));
        }
        lines.extend(touched(&description.touches(workflow.name), remote));
        if !workflow.outputs.is_empty() {
            lines.push(format!("outputs   {}", safe(&workflow.outputs.join("  "))));
        }
        if let Some(command) = &command {
            let several = description.workflows().count() > 1;
            let named = if several { format!(" -w {}", quoted(workflow.name)) } else { String::new() };
            lines.extend(run_it(&format!("{command}{named}"), &description.missing_permissions(workflow.name)));
        }
    }
    lines.join("\n")
}

/// The facts that decide whether a workflow is trusted.
fn touched(touches: &Footprint, remote: bool) -> Vec<String> {
    let mut lines = vec![];
    let mut word = "sends to";
    for host in &touches.hosts {
        let name = if host.host.is_empty() { "(no server: give --server)".to_owned() } else { safe(&host.host) };
        lines.push(format!("{word:8}  {name}   {}", safe(&host.calls.join("   "))));
        word = "";
    }
    word = "leads to";
    for host in &touches.leads_to {
        lines.push(format!("{word:8}  {}   only where an answer says so", safe(host)));
        word = "";
    }
    word = "secrets";
    for secret in &touches.secrets {
        let (name, to, host) = (safe(&secret.name), safe(&secret.to), safe(&secret.host));
        lines.push(format!("{word:8}  {name} → {to} on {host}"));
        word = "";
    }
    word = "asks for";
    for asked in &touches.credentials {
        let (scheme, source, hosts) = (safe(&asked.scheme), safe(&asked.source), safe(&asked.hosts.join(", ")));
        let mut flags = format!("--auth {scheme}=…");
        if remote {
            asked.hosts.iter().for_each(|host| flags.push_str(&format!(" --secret-host {scheme}={}", safe(host))));
        }
        lines.push(format!("{word:8}  {scheme} of {source} → {hosts}   ({flags})"));
        word = "";
    }
    if !touches.changes.is_empty() {
        let calls = if touches.changes.len() == 1 { "call" } else { "calls" };
        let cleanup = match touches.cleanup.as_slice() {
            [] => "no step cleans up".to_owned(),
            steps => format!("deleting: {}", safe(&steps.join(", "))),
        };
        lines.push(format!("changes   {} unsafe {calls}, {cleanup}", touches.changes.len()));
    }
    let mut word = "loops";
    for way in &touches.loops {
        lines.push(format!("{word:8}  {} → {}, bounded by the limits of the run only", safe(&way.from), safe(&way.to)));
        word = "";
    }
    lines
}

/// The command that allows what a workflow needs, or why nothing does.
fn run_it(command: &str, missing: &Permissions) -> Vec<String> {
    if !missing.barred.is_empty() {
        return missing.barred.iter().map(|reason| format!("refused   {}", safe(reason))).collect();
    }
    vec![format!("run it    {}", safe(format!("{command} {}", permit::flags(missing)).trim_end()))]
}

/// SHA-256 of the text of the document.
fn hash(description: &Description) -> String {
    let text = description.sources().iter().next().map(|(_, source)| source.text.to_string()).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
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

/// Everything that was read, the document first.
fn files(description: &Description) -> Vec<String> {
    description.sources().iter().map(|(_, source)| source.name.clone()).collect()
}

fn as_json(description: &Description) -> Json {
    let found = description.diagnostics();
    let workflows: Vec<Json> = description
        .overview()
        .map(|workflow| {
            let inputs: Vec<Json> = workflow
                .inputs
                .iter()
                .map(|input| json!({ "name": input.name, "types": input.types, "required": input.required, "default": input.default, "secret": input.secret, "description": input.description }))
                .collect();
            json!({
                "workflowId": workflow.name,
                "summary": workflow.summary,
                "runnable": workflow.runnable,
                "inputs": inputs,
                "steps": description.plan(workflow.name),
                "touches": description.touches(workflow.name),
                "missingPermissions": description.missing_permissions(workflow.name),
                "outputs": workflow.outputs,
            })
        })
        .collect();
    let diagnostics: Vec<Json> =
        found.iter().map(|one| diagnostics::object(one, description.sources(), None)).collect();
    let sources = description.source_descriptions();
    let sources: Vec<Json> =
        sources.map(|(name, file)| json!({ "name": name, "file": file.unwrap_or_default() })).collect();
    json!({
        "v": 1,
        "arazzo": description.arazzo_version(),
        "title": description.title(),
        "remote": description.trust() == Trust::Remote,
        "sha256": hash(description),
        "files": files(description),
        "sources": sources,
        "workflows": workflows,
        "diagnostics": diagnostics,
    })
}
