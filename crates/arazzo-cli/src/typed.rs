//! The command as it was typed, for a report that others read: without anything that may be a secret.

use clap::{Arg, CommandFactory};
use serde_json::{Map, Value as Json};

use crate::flags::Arguments;

/// Flags whose values are shown. Of all others, also those to come, the name is shown and the value is not.
const SHOWN: [&str; 26] = [
    "allow-header",
    "allow-host",
    "check",
    "color",
    "connect-timeout",
    "cookies",
    "fault",
    "idle-timeout",
    "inputs",
    "insecure-host",
    "latency",
    "loop-delay",
    "max-steps",
    "max-time",
    "max-wait",
    "mock",
    "output",
    "progress",
    "readings",
    "redirects",
    "report",
    "require-outputs",
    "secret",
    "secret-host",
    "timeout",
    "workflow",
];

/// The call of this process, as [`command`] shows it. To know the flags takes milliseconds: only where it is shown.
pub(crate) fn this_command(inputs: &Map<String, Json>) -> String {
    command(std::env::args_os().map(|word| word.to_string_lossy().into_owned()), inputs)
}

/// A call of `arazzo run`, for a shell. `inputs` are those of the run, masked: their values stand for what was typed.
fn command(words: impl Iterator<Item = String>, inputs: &Map<String, Json>) -> String {
    let mut known = Arguments::command();
    known.build();
    let flags: Vec<&Arg> = known.find_subcommand("run").map(|run| run.get_arguments().collect()).unwrap_or_default();
    let mut shown = vec!["arazzo".to_owned()];
    let mut words = words.skip(1);
    while let Some(word) = words.next() {
        match word.strip_prefix("--") {
            Some(long) => {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let flag = flags.iter().find(|flag| flag.get_long() == Some(name));
                shown.push(one(flag, value.map(str::to_owned), &mut words, inputs));
            }
            None => match word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                // `-vi name=value`: any number of letters, the last of which may have a value, here or in the next word.
                Some(mut letters) => {
                    while let Some(letter) = letters.chars().next() {
                        letters = letters.get(letter.len_utf8()..).unwrap_or_default();
                        let flag = flags.iter().find(|flag| flag.get_short() == Some(letter));
                        let takes = flag.is_none_or(|flag| flag.get_action().takes_values());
                        let value = (takes && !letters.is_empty()).then(|| std::mem::take(&mut letters));
                        let value = value.map(|value| value.strip_prefix('=').unwrap_or(value).to_owned());
                        shown.push(one(flag, value, &mut words, inputs));
                    }
                }
                None => shown.push(quoted(&address(&word))),
            },
        }
    }
    shown.join(" ")
}

/// One flag with its value. What nobody knows is not shown.
fn one(
    flag: Option<&&Arg>,
    value: Option<String>,
    rest: &mut impl Iterator<Item = String>,
    inputs: &Map<String, Json>,
) -> String {
    let Some((flag, long)) = flag.and_then(|flag| Some((flag, flag.get_long()?))) else { return "…".to_owned() };
    let equals = flag.is_require_equals_set();
    let value = match value {
        None if flag.get_action().takes_values() && !equals => rest.next(),
        value => value,
    };
    let Some(value) = value else { return format!("--{long}") };
    let told = match long {
        "input" => input(&value, inputs),
        "server" | "source" => address(&value),
        long if SHOWN.contains(&long) => value,
        _ => "…".to_owned(),
    };
    format!("--{long}{}{}", if equals { "=" } else { " " }, quoted(&told))
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

/// A file or an url, the latter without what may stand before its host and behind its path.
fn address(typed: &str) -> String {
    let Some((before, rest)) = typed.split_once("://") else { return typed.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{before}://{host}{path}")
}

/// A word for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| {
        c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | ',' | '@' | '+' | '%' | '…' | '‹' | '›')
    };
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
