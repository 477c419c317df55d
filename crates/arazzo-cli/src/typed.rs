//! The command as it was typed, for a report that others read: without anything that may be a secret.

use clap::{Arg, CommandFactory};
use serde_json::{Map, Value as Json};

use crate::flags::Arguments;

/// Flags whose values are shown. Of all others, also those to come, the name is shown and the value is not.
const SHOWN: [&str; 16] = [
    "color",
    "workflow",
    "inputs",
    "source",
    "readings",
    "timeout",
    "max-wait",
    "max-steps",
    "loop-delay",
    "mock",
    "fault",
    "latency",
    "report",
    "output",
    "secret",
    "only",
];

/// A call of `arazzo run`, for a shell. `inputs` are those of the run, masked: their values stand for what was typed.
pub(crate) fn command(words: impl Iterator<Item = String>, inputs: &Map<String, Json>) -> String {
    let mut known = Arguments::command();
    known.build();
    let flags: Vec<&Arg> = known.find_subcommand("run").map(|run| run.get_arguments().collect()).unwrap_or_default();
    let mut shown = vec!["arazzo".to_owned()];
    let mut words = words.skip(1);
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
            shown.push(quoted(&word));
            continue;
        };
        // `--name=value`, `--name value`, `-nvalue`, `-n value`
        let (name, mut value) = match flag.strip_prefix('-') {
            Some(long) => match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            },
            None => {
                let (name, rest) = flag.split_at(flag.chars().next().map_or(0, char::len_utf8));
                (name, Some(rest.to_owned()).filter(|rest| !rest.is_empty()))
            }
        };
        let arg = flags
            .iter()
            .find(|arg| arg.get_long() == Some(name) || arg.get_short().is_some_and(|short| name.chars().eq([short])));
        let takes = arg.is_some_and(|arg| arg.get_action().takes_values());
        if !takes {
            // `-vv`; what nobody knows is not shown.
            shown.push(if arg.is_some() && !flag.contains('=') { word } else { "…".to_owned() });
            continue;
        }
        if value.is_none() && arg.is_some_and(|arg| !arg.is_require_equals_set()) {
            value = words.next();
        }
        let long = arg.and_then(|arg| arg.get_long()).unwrap_or_default();
        let Some(value) = value else {
            shown.push(format!("--{long}"));
            continue;
        };
        let told = match long {
            "input" => input(&value, inputs),
            "server" => server(&value),
            long if SHOWN.contains(&long) => value,
            _ => "…".to_owned(),
        };
        let equals = arg.is_some_and(|arg| arg.is_require_equals_set());
        shown.push(if equals { format!("--{long}={}", quoted(&told)) } else { format!("--{long} {}", quoted(&told)) });
    }
    shown.join(" ")
}

/// An input: its name, and the value that the events show.
fn input(typed: &str, inputs: &Map<String, Json>) -> String {
    if typed.trim_start().starts_with('{') {
        return "{…}".to_owned();
    }
    let Some(at) = typed.find(['=', '@']) else { return "…".to_owned() };
    let name = typed.get(..at).unwrap_or_default().trim_end_matches(':');
    let from_file =
        typed.get(at..).is_some_and(|rest| rest.starts_with('@') || rest.starts_with("=@") && typed.contains(":=@"));
    match inputs.get(name) {
        _ if from_file => typed.to_owned(),
        Some(Json::String(text)) if !text.contains('\n') => format!("{name}={text}"),
        Some(value @ (Json::Number(_) | Json::Bool(_))) => format!("{name}={value}"),
        _ => format!("{name}=…"),
    }
}

/// A server, without what may stand before its host and behind its path.
fn server(typed: &str) -> String {
    let Some((before, rest)) = typed.split_once("://") else { return "…".to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{before}://{host}{path}")
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| {
        c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | ',' | '@' | '+' | '%' | '…' | '‹' | '›')
    };
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
