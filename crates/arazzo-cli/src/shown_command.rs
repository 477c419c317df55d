//! The command as it was typed, for a report that others read: without anything that may be a secret.

use arazzo::values::{Json, Map};

use crate::inputs;
use crate::names::Names;
use crate::words::{self, Word, is_shown};

/// The call of this process, as [`command`] shows it.
pub(crate) fn this_command(inputs: &Map<String, Json>, names: &Names) -> String {
    command(words::typed(), inputs, names)
}

/// A call of `arazzo run`, for a shell. `inputs` are those of the run, masked: their values stand for what was typed.
fn command(typed: impl Iterator<Item = String>, inputs: &Map<String, Json>, names: &Names) -> String {
    let known = words::known();
    let words = words::words(&known, typed);
    let shown = words.iter().map(|word| match word {
        Word::Flag { flag, value } => {
            let Some(long) = flag.get_long() else { return "…".to_owned() };
            let Some(value) = value else { return format!("--{long}") };
            let equals = if flag.is_require_equals_set() { "=" } else { " " };
            format!("--{long}{equals}{}", quoted(&show_value(long, value, inputs, names)))
        }
        // What nobody knows is not shown.
        Word::Unknown(_) => "…".to_owned(),
        // An input is shown as one is that was typed with its flag.
        Word::Plain(word) if is_input(word) => quoted(&input(word, inputs)),
        Word::Plain(word) => quoted(&address(word)),
    });
    std::iter::once("arazzo".to_owned()).chain(shown).collect::<Vec<_>>().join(" ")
}

/// `true` for `NAME=VALUE`, which is no file and no url.
fn is_input(word: &str) -> bool {
    let name = word.split(['=', '@']).next().unwrap_or_default().trim_end_matches(':');
    word.contains(['=', '@']) && !name.contains(['/', '.', ':', '\\']) && !std::path::Path::new(word).exists()
}

/// The value of a flag, as far as it is shown.
fn show_value(long: &str, value: &str, inputs: &Map<String, Json>, names: &Names) -> String {
    match long {
        "input" => input(value, inputs),
        "secret" => secret(value, names),
        "server" | "source" => address(value),
        long if is_shown(long) => value.to_owned(),
        _ => "…".to_owned(),
    }
}

/// A secret: its name, and where its value comes from.
fn secret(typed: &str, names: &Names) -> String {
    let name = inputs::secret_name(typed);
    let rest = typed.get(name.len()..).unwrap_or_default();
    match names.said(name) {
        Some(_) if rest.is_empty() || rest.starts_with('@') || rest == "=-" => typed.to_owned(),
        Some(name) => format!("{name}=…"),
        None => "…".to_owned(),
    }
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
