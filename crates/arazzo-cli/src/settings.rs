//! Settings of a project, `arazzo.toml`: flags of `run` and `test`, servers, profiles. The environment wins over them, and the
//! command line over both. They raise no trust: no secret goes where this file says, and no host is called that no source
//! names, unless its profile was named by the user.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use arazzo::Error;
use arazzo::diagnostics::{Help, nearest};
use arazzo::files::Reach;
use clap::{ArgAction, Command};
use serde::Deserialize;
use toml::{Spanned, Value};

use crate::environment;
use crate::project;
use crate::requested::ProjectServer;
use crate::words::{self, Word};

/// Flags that a project may set: none lets a document do more than without it.
const FLAGS: [&str; 27] = [
    "check",
    "connect-timeout",
    "deny",
    "event-bodies",
    "fail-fast",
    "har-bodies",
    "idle-timeout",
    "jobs",
    "loop-delay",
    "mask-outputs",
    "max-body",
    "max-depth",
    "max-kept",
    "max-requests",
    "max-steps",
    "max-time",
    "max-value",
    "max-wait",
    "no-input",
    "offline",
    "progress",
    "quiet",
    "repeat",
    "report",
    "require-outputs",
    "strict",
    "timeout",
];

type Flags = BTreeMap<Spanned<String>, Value>;
type Servers = BTreeMap<String, String>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    #[serde(default)]
    run: Flags,
    #[serde(default)]
    test: Flags,
    #[serde(default)]
    servers: Servers,
}

#[derive(Debug, Default, Deserialize)]
struct File {
    #[serde(default)]
    run: Flags,
    #[serde(default)]
    test: Flags,
    #[serde(default)]
    servers: Servers,
    #[serde(default)]
    profile: BTreeMap<String, Profile>,
}

/// What a project says about a command.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// Flags for the command line.
    pub(crate) flags: Vec<OsString>,
    pub(crate) servers: Vec<ProjectServer>,
}

/// The settings of the project of a path, for `run` or `test`; none if there is no such file.
///
/// # Errors
/// [`Error::Setup`] with the line of what is wrong in the file; [`Error::Documents`] if it may not be read.
pub(crate) fn of(command: &str, path: &Path, profile: Option<&str>) -> Result<Settings, Error> {
    let nothing = || match profile {
        Some(name) => Err(Error::Setup(format!("--profile {name}: there is no arazzo.toml"))),
        None => Ok(Settings::default()),
    };
    let Some((file, shown, text)) = project::find(path)? else { return nothing() };
    let at = |offset: usize| text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
    let parsed: File = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| at(span.start));
        Error::Setup(format!("{shown}:{line}: {}", error.message()))
    })?;
    let chosen = match profile {
        Some(name) => Some(parsed.profile.get(name).ok_or_else(|| {
            let names: Vec<&str> = parsed.profile.keys().map(String::as_str).collect();
            let hint = match nearest(name, names.iter().copied()) {
                Some(near) => Help::meant(near).to_string(),
                None if names.is_empty() => "it has none".to_owned(),
                None => format!("profiles: {}", names.join(", ")),
            };
            Error::Setup(format!("{shown}: there is no profile `{name}`; {hint}"))
        })?),
        None => None,
    };
    let own = |flags: [&'_ Flags; 2]| if command == "run" { flags[0].clone() } else { flags[1].clone() };
    let mut flags: BTreeMap<String, (usize, Value)> = BTreeMap::new();
    let layers = [Some(own([&parsed.run, &parsed.test])), chosen.map(|chosen| own([&chosen.run, &chosen.test]))];
    for (name, value) in layers.into_iter().flatten().flatten() {
        flags.insert(name.get_ref().clone(), (at(name.span().start), value));
    }
    let known = words::known();
    let command_flags = known.find_subcommand(command);
    let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
    let mut found = Settings::default();
    for (name, (line, value)) in flags {
        let wrong = |reason: String| Error::Setup(format!("{shown}:{line}: {reason}"));
        found.flags.extend(arguments(&name, &value, command_flags, &folder).map_err(wrong)?);
    }
    let typed = profile.is_some();
    // A test calls no server that only a file names.
    let of_file = parsed.servers.iter().filter(|_| command == "run").map(|server| (server, false));
    let of_profile = chosen.into_iter().flat_map(|chosen| &chosen.servers).map(|server| (server, typed));
    let mut servers: BTreeMap<String, ProjectServer> = BTreeMap::new();
    for ((source, url), named) in of_file.chain(of_profile) {
        if !arazzo::is_server_url(url) {
            return Err(Error::Setup(format!("{shown}: the server of `{source}` is not an absolute url")));
        }
        if has_user(url) {
            let help = "a project holds no credentials: give them with --auth, --user or ARAZZO_SECRET_NAME";
            return Err(Error::Setup(format!(
                "{shown}: the server of `{source}` has a user or a password in its url; {help}"
            )));
        }
        servers.insert(source.clone(), ProjectServer { source: source.clone(), url: url.clone(), named });
    }
    found.servers = servers.into_values().collect();
    Ok(found)
}

/// `true` if an url says who calls.
fn has_user(url: &str) -> bool {
    let authority = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}

/// The words of a flag, unless the command line or the environment gives it.
fn arguments(name: &str, value: &Value, command: Option<&Command>, folder: &Path) -> Result<Vec<OsString>, String> {
    let flag = command.and_then(|command| command.get_arguments().find(|flag| flag.get_long() == Some(name)));
    let Some(flag) = flag.filter(|_| FLAGS.contains(&name)) else {
        return Err(match nearest(name, FLAGS.iter().copied()) {
            Some(near) => format!("there is no setting `{name}`; {}", Help::meant(near)),
            None if flag.is_some() => {
                format!("`{name}` is given on the command line alone: it lets a document do more")
            }
            None => format!("there is no setting `{name}`"),
        });
    };
    let known = words::known();
    let typed = words::words(&known, words::typed());
    let is_typed = typed.iter().any(|word| matches!(word, Word::Flag { flag, .. } if flag.get_long() == Some(name)));
    let is_set =
        flag.get_env().and_then(|name| name.to_str()).is_some_and(|name| environment::variable(name).is_some());
    if is_typed || is_set {
        return Ok(vec![]);
    }
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        other => Err(format!("`{name}` is a text or a number, not {}", other.type_str())),
    };
    let one = |value: &Value| -> Result<OsString, String> {
        let text = text(value)?;
        if name == "report" {
            stays(&text, folder)?;
        }
        Ok(format!("--{name}={text}").into())
    };
    match (flag.get_action(), value) {
        (ArgAction::SetTrue | ArgAction::Count, Value::Boolean(true)) => Ok(vec![format!("--{name}").into()]),
        (ArgAction::SetTrue | ArgAction::Count, Value::Boolean(false)) => Ok(vec![]),
        (ArgAction::SetTrue | ArgAction::Count, _) => Err(format!("`{name}` is true or false")),
        (ArgAction::Append, Value::Array(values)) => values.iter().map(one).collect(),
        _ => Ok(vec![one(value)?]),
    }
}

/// Checks that a report stays in the folder of the project: the file is that of whoever wrote it.
fn stays(report: &str, folder: &Path) -> Result<(), String> {
    let Some((_, path)) = report.split_once('=') else { return Ok(()) };
    let place = PathBuf::from(path);
    let leaves = place.is_absolute() || place.components().any(|part| part == std::path::Component::ParentDir);
    // A file that is still to be made, in a folder that may be a link.
    let links = place.ancestors().filter(|part| part.is_symlink()).count() > 0;
    match leaves || links || Reach::new(folder).place(&place).is_err() && folder.join(&place).exists() {
        true => Err(format!(
            "the report `{report}` does not stay in the folder of the project; name it on the command line"
        )),
        false => Ok(()),
    }
}
