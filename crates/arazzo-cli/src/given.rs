//! What is given for several documents at once: each takes what it declares, and what none of them has is an error.

use arazzo::diagnostics::{Help, nearest};
use arazzo::{Description, Error};

use crate::flags::{CredentialFlags, InputFlags, PermissionFlags, ServerFlags};
use crate::inputs;

/// Checks that every name that was given is one of some document: a name is passed over only where another document has
/// it.
///
/// # Errors
/// [`Error::Setup`] with the first name that none of them has.
pub(crate) fn check_names(
    server: &ServerFlags,
    input: &InputFlags,
    credentials: &CredentialFlags,
    loaded: &[&Description],
) -> Result<(), Error> {
    let sources: Vec<&str> = loaded.iter().flat_map(|one| one.source_descriptions().map(|(name, _)| name)).collect();
    let unknown = server.servers.iter().filter_map(|(source, _)| source.as_deref());
    if let Some(name) = unknown.into_iter().find(|name| !sources.contains(name)) {
        let hint = nearest(name, sources.iter().copied());
        let hint = hint.map_or_else(|| format!("sources: {}", listed(&sources)), |near| Help::meant(near).to_string());
        return Err(Error::Setup(format!("--server names the source `{name}`, which no document describes; {hint}")));
    }
    let takes = |name: &str| {
        let workflows =
            loaded.iter().flat_map(|one| one.workflows().filter_map(|workflow| one.workflow(Some(workflow)).ok()));
        // A workflow that declares none takes any, and so says nothing about a name.
        let declared: Vec<_> = workflows.filter(|workflow| workflow.inputs().next().is_some()).collect();
        declared.is_empty() || declared.iter().any(|workflow| workflow.takes(name))
    };
    if let Some(name) = input.inputs.iter().filter_map(|typed| inputs::input_name(typed)).find(|name| !takes(name)) {
        let all: Vec<&str> = loaded
            .iter()
            .flat_map(|one| one.overview())
            .flat_map(|workflow| workflow.inputs)
            .map(|input| input.name.as_str())
            .collect();
        let hint = nearest(name, all.iter().copied());
        let hint = hint.map_or_else(|| format!("inputs: {}", listed(&all)), |near| Help::meant(near).to_string());
        return Err(Error::Setup(format!("--input names `{name}`, which no workflow takes; {hint}")));
    }
    // What is near no name may be the secret itself.
    if input.secrets.iter().any(|typed| !takes(inputs::secret_name(typed))) {
        return Err(Error::Setup("--secret names an input that no workflow takes".to_owned()));
    }
    let is_scheme = |name: &str| loaded.iter().any(|one| inputs::is_scheme(one, name));
    if credentials.auth.iter().any(|typed| !is_scheme(inputs::secret_name(typed))) {
        return Err(Error::Setup("--auth names a security scheme that no document describes".to_owned()));
    }
    Ok(())
}

/// Checks the names of `--secret-host`: one that is misspelt would leave its secret without a bound, in silence.
///
/// # Errors
/// [`Error::Setup`] with the first that is the name of nothing secret.
pub(crate) fn check_secret_hosts(
    permissions: &PermissionFlags,
    credentials: &CredentialFlags,
    loaded: &[&Description],
) -> Result<(), Error> {
    if permissions.secret_hosts.is_empty() {
        return Ok(());
    }
    let mut known: Vec<String> = credentials.bearer.iter().map(|typed| inputs::secret_name(typed).to_owned()).collect();
    known.extend(credentials.user.iter().map(|_| "password".to_owned()));
    known.extend(credentials.headers.iter().filter_map(|header| header.name()).map(str::to_owned));
    for one in loaded {
        known.extend(one.schemes().map(|(_, scheme)| scheme.to_owned()));
        known.extend(one.overview().flat_map(|workflow| workflow.inputs).map(|input| input.name.clone()));
        for workflow in one.workflows().filter_map(|workflow| one.workflow(Some(workflow)).ok()) {
            let outputs = |step| workflow.outputs_of(step).map(move |output| format!("{step}.{output}"));
            known.extend(workflow.steps().flat_map(outputs));
            // All that a step gives.
            known.extend(workflow.steps().map(str::to_owned));
        }
    }
    let headers: Vec<&str> = credentials.headers.iter().filter_map(|header| header.name()).collect();
    let is_known = |name: &str| {
        known.iter().any(|known| known == name)
            || headers.iter().any(|header| header.eq_ignore_ascii_case(name))
            || loaded.iter().any(|one| inputs::is_scheme(one, name))
    };
    let mut unknown = permissions.secret_hosts.iter().map(|(name, _)| name.as_str()).filter(|name| !is_known(name));
    let Some(name) = unknown.next() else { return Ok(()) };
    let bare = name.trim_start_matches("$inputs.").trim_start_matches("inputs.");
    let same = known.iter().map(String::as_str).find(|known| known.eq_ignore_ascii_case(bare));
    match same.or_else(|| nearest(bare, known.iter().map(String::as_str))) {
        Some(near) => {
            Err(Error::Setup(format!("--secret-host names `{name}`, which no secret is called; {}", Help::meant(near))))
        }
        // What is near no name may be the secret itself.
        None => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            Err(Error::Setup(format!("--secret-host has a name that no secret is called; names: {}", listed(&known))))
        }
    }
}

fn listed(names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { "there are none".to_owned() } else { names.join(", ") }
}
