//! Permissions that a third party's document needs: the user at a terminal is asked, anyone else is told which command
//! allows it.

use arazzo::plan::Footprint;
use arazzo::{Error, Permissions, Workflow};

use crate::inputs::Stdin;
use crate::show::safe;
use crate::shown_command::quoted;

/// The workflow with what it needs; `command` gives the one that was typed, if it can be shown.
///
/// # Errors
/// Everything that was not allowed, at once.
pub(crate) fn permitted(
    workflow: Workflow,
    command: impl FnOnce(&Workflow) -> Option<String>,
    stdin: &Stdin,
) -> Result<Workflow, Error> {
    let missing = workflow.missing_permissions();
    if missing.is_empty() {
        return Ok(workflow);
    }
    let touches = workflow.description().touches(workflow.name());
    if may_be_asked(&missing) && stdin.asks() && questions(&missing, &touches).all(|question| stdin.confirm(&question))
    {
        return workflow.permit(&missing);
    }
    let help = missing.barred.is_empty().then(|| match command(&workflow) {
        Some(command) => format!("run it: {command} {}", flags(&missing)),
        None => format!("if it is meant, add {}", flags(&missing)),
    });
    let diagnostics = missing.refusal().help(help).into();
    Err(Error::Documents { diagnostics, sources: workflow.description().sources().clone() })
}

/// The flags that give what is missing, for a shell: names and hosts are those of a stranger.
pub(crate) fn flags(missing: &Permissions) -> String {
    let hosts = missing.hosts.iter().map(|host| format!("--allow-host {}", quoted(host)));
    let changes = (!missing.changes.is_empty()).then(|| "--allow-unsafe".to_owned());
    let bound = |(name, host): (&str, &str)| format!("--secret-host {}", quoted(&format!("{name}={host}")));
    hosts.chain(changes).chain(missing.secret_hosts().map(bound)).collect::<Vec<_>>().join(" ")
}

/// Where secrets go is written down, and what is barred is nobody's choice.
fn may_be_asked(missing: &Permissions) -> bool {
    missing.barred.is_empty() && missing.secrets.is_empty()
}

/// One for each host, and one for all that changes something.
fn questions(missing: &Permissions, touches: &Footprint) -> impl Iterator<Item = String> {
    let calls = |host: &String| {
        let known = touches.hosts.iter().find(|known| known.host == *host);
        known.map(|known| format!(" ({})", some(known.calls.clone()))).unwrap_or_default()
    };
    let mut questions: Vec<String> =
        missing.hosts.iter().map(|host| format!("call {}{}?", safe(host), calls(host))).collect();
    if !missing.changes.is_empty() {
        let changes = missing.changes.iter().map(|one| format!("{} ({})", one.call, one.step)).collect();
        questions.push(format!("let it change something: {}?", some(changes)));
    }
    questions.into_iter()
}

/// The first of a list, so that no list hides what is asked.
fn some(list: Vec<String>) -> String {
    let first: Vec<String> = list.iter().take(5).map(|one| safe(one).chars().take(80).collect()).collect();
    let more = if list.len() > 5 { format!(" and {} more", list.len() - 5) } else { String::new() };
    first.join(", ") + &more
}
