//! Settings that were given, compared with what the documents describe: servers, variables, security schemes.

use arazzo_engine as engine;
use arazzo_engine::address::without_secrets;
use arazzo_engine::credentials::{ClientAuth, Credentials};
use arazzo_engine::diagnostic::{Help, nearest};
use arazzo_engine::limits::Servers;
use arazzo_engine::program::Program;
use arazzo_engine::remedy::{Naming, Remedy};

use crate::error::Error;

/// Checks that the sources exist that servers were given for.
pub(crate) fn check_servers(servers: &Servers, program: &Program) -> Result<(), Error> {
    let unknown: Vec<String> =
        servers.named.keys().filter(|name| !program.apis.iter().any(|api| api.name == **name)).cloned().collect();
    if let Some(name) = unknown.first() {
        let known: Vec<&str> = program.apis.iter().map(|api| api.name.as_str()).collect();
        let hint = nearest(name, known.iter().copied())
            .map_or_else(|| format!("source descriptions: {}", known.join(", ")), |near| Help::meant(near).to_string());
        return Err(Error::Setup(format!(
            "a server is given for the source `{name}`, which the document does not describe; {hint}"
        )));
    }
    check_variables(servers, program)
}

/// A server that was given without a path, where the described one has a path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerWithoutPath {
    /// The source description.
    pub source: String,
    /// The url that was given.
    pub given: String,
    /// The path of the described server: `/api/v1`.
    pub path: String,
}

/// The servers that were given without the path that the described ones have: a request to one often goes nowhere.
pub(crate) fn servers_without_path(servers: &Servers, program: &Program) -> Vec<ServerWithoutPath> {
    let mut found: Vec<ServerWithoutPath> = vec![];
    for operation in &program.operations {
        let Some(source) = program.apis.get(operation.api).map(|api| api.name.as_str()) else { continue };
        let Some(given) = servers.of(source).and_then(|given| url::Url::parse(given).ok()) else { continue };
        let described = operation.server.filled(&|_| None).unwrap_or_else(|_| operation.server.url.clone());
        let path = match url::Url::parse(&described) {
            Ok(url) => url.path().trim_end_matches('/').to_owned(),
            Err(_) => described.trim_end_matches('/').to_owned(),
        };
        let without = given.path() == "/" && path.starts_with('/');
        if without && !found.iter().any(|known| known.source == source) {
            let given = without_secrets(given.as_str()).trim_end_matches('/').to_owned();
            found.push(ServerWithoutPath { source: source.to_owned(), given, path });
        }
    }
    found
}

/// Checks that some server that a step calls has each variable that was given, and that it may have the value.
fn check_variables(servers: &Servers, program: &Program) -> Result<(), Error> {
    let called = |index: usize| program.apis.get(index).map(|api| api.name.as_str());
    let of_operations = program.operations.iter().map(|operation| (operation.api, &operation.server));
    let channels = program.channels.iter();
    let of_channels = channels.flat_map(|channel| channel.servers.iter().map(|server| (channel.api, &server.url)));
    let known: Vec<(String, &engine::openapi::server::Variable)> = of_operations
        .chain(of_channels)
        .filter_map(|(api, server)| Some((called(api)?, server)))
        .flat_map(|(api, server)| server.variables.iter().map(move |v| (format!("{api}.{}", v.name), v)))
        .collect();
    for (given, value) in &servers.variables {
        let mut fits = known.iter().filter(|(name, variable)| name == given || variable.name == *given).peekable();
        if fits.peek().is_none() {
            let names = known.iter().flat_map(|(name, variable)| [variable.name.as_str(), name.as_str()]);
            let hint = match nearest(given, names).map(str::to_owned) {
                Some(near) => Help::meant(near).to_string(),
                None if known.is_empty() => "none of the servers that are called has variables".to_owned(),
                None => {
                    let mut names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
                    names.sort_unstable();
                    names.dedup();
                    format!("variables: {}", names.join(", "))
                }
            };
            return Err(Error::Setup(format!("no server has the variable `{given}`; {hint}")));
        }
        if let Some((_, variable)) = fits.find(|(_, v)| !v.values.is_empty() && !v.values.contains(value)) {
            let values = variable.values.join(", ");
            return Err(Error::Setup(format!("the server variable `{given}` is one of {values}")));
        }
    }
    Ok(())
}

/// Checks that the schemes exist that credentials were given for, and that a request gets one type.
pub(crate) fn check_schemes(credentials: &Credentials, program: &Program, naming: Naming) -> Result<(), Error> {
    if credentials.header_lines("Content-Type").nth(1).is_some() {
        let words = "the header `Content-Type` is given several times, and a body is of one type: give it once";
        return Err(Error::Setup(words.to_owned()));
    }
    let known: Vec<(&str, &str)> = program
        .apis
        .iter()
        .flat_map(|api| api.schemes.iter().map(|scheme| (api.name.as_str(), scheme.as_str())))
        .collect();
    for name in credentials.names() {
        let is =
            |name: &str| known.iter().any(|(source, scheme)| name == *scheme || name == format!("{source}.{scheme}"));
        let (whole, part) = engine::credentials::scheme_of(name, &is);
        if is(whole) {
            let value = credentials.iter().find(|(key, _)| *key == name).map(|(_, credential)| &credential.value);
            if part == Some("clientAuth") && value.is_some_and(|value| ClientAuth::of(value).is_none()) {
                return Err(Error::Setup(format!("`{name}` is basic, or body")));
            }
            continue;
        }
        let names = known.iter().map(|(_, scheme)| *scheme);
        let hint = match nearest(whole, names.clone()) {
            Some(near) => Help::meant(near).to_string(),
            None if known.is_empty() => {
                format!("the documents describe none: pass it as a parameter, or with {}", naming(&Remedy::GiveToken))
            }
            None => format!("security schemes: {}", names.clone().collect::<Vec<_>>().join(", ")),
        };
        // What is near no name may be the credential itself.
        let given = nearest(whole, names).map(|_| format!("the security scheme `{whole}`, which"));
        let given = given.unwrap_or_else(|| "a security scheme that".to_owned());
        return Err(Error::Setup(format!("a credential is given for {given} no source describes; {hint}")));
    }
    Ok(())
}
