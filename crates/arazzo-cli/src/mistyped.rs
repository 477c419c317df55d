//! Errors of the command line, without words that may be secrets.

use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit;
use crate::faults;
use crate::streams::{self, Stream};
use crate::words::{self, Word, behind_secrets, is_shown, values_of_secrets};

/// The mark in the place of a word that may be a secret.
const HIDDEN: &str = "…";

/// Prints what is wrong with the command line, or the help that it asks for; the result is the exit code.
pub(crate) fn say(error: Error) -> u8 {
    let (error, code) = if error.use_stderr() { (redact_error(error), exit::USAGE) } else { (error, exit::SUCCEEDED) };
    let (text, use_stderr) = (error.render().ansi().to_string(), error.use_stderr());
    if use_stderr {
        if words::asks_for_json() {
            // A reader that has gone away does not want it.
            drop(streams::data(&format!("{}\n", object(&error.render().to_string(), code))));
        }
        streams::people(&text, Stream::People.usual_colors());
    } else {
        // A closed pipe is the reader's choice, not a fault.
        drop(streams::report(&text, Stream::Data.usual_colors()));
    }
    code
}

/// What is wrong with the command line, for programs: the first lines of what people read, and its tips.
fn object(text: &str, code: u8) -> arazzo::values::Json {
    let first = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
    let tips = text.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).collect::<Vec<_>>().join("; ");
    let help = Some(tips.as_str()).filter(|tips| !tips.is_empty());
    let fault = faults::fault("usage", first.strip_prefix("error: ").unwrap_or(&first), help);
    faults::list(vec![fault], code)
}

/// The error without the values of flags that may hold secrets, and without words that may be part of one.
fn redact_error(mut error: Error) -> Error {
    let known = words::known();
    let words = words::words(&known, words::typed());
    // Behind `--`, and where a flag is not known, what would be a value is a word like others.
    let behind: Vec<(&str, &str)> = behind_secrets(&words).into_iter().chain(values_of_secrets(&words)).collect();
    let text = |error: &Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let hide = |error: &mut Error, kind| error.insert(kind, ContextValue::String(HIDDEN.to_owned()));
    let argument = text(&error, ContextKind::InvalidArg);
    let value = text(&error, ContextKind::InvalidValue).filter(|value| !value.is_empty());
    let mut tips: Vec<String> = without_engine(&error).map(str::to_owned).into_iter().collect();
    if !tips.is_empty() {
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::SuggestedArg);
    }
    if let (Some(argument), Some(value)) = (&argument, value) {
        // `--server <[SOURCE=]URL>`; what belongs to no flag begins with `<` or `[`.
        let flag = argument.strip_prefix("--").and_then(|rest| rest.split([' ', '=', '[']).next());
        let shown = flag.map_or_else(|| !behind.iter().any(|(word, _)| *word == value), is_shown);
        // A user in the place of a host has a password, and what is wrong behind the name of a secret may be its value.
        let is_host = !value.contains('@') && flag != Some("secret-host");
        if !shown || !is_host {
            hide(&mut error, ContextKind::InvalidValue);
            error.remove(ContextKind::SuggestedValue);
        }
        tips.extend(flag.and_then(|flag| variable(&words, &known, flag)));
    } else if let (ErrorKind::UnknownArgument, Some(argument)) = (error.kind(), &argument) {
        // A flag that is nearly one is no secret.
        let is_near = error.get(ContextKind::SuggestedArg).is_some();
        let is_hidden = behind.iter().any(|(word, _)| is_of(argument, word));
        if let Some(tip) = as_input(&words, &known, argument).filter(|_| !is_near && !is_hidden) {
            error.remove(ContextKind::Suggested);
            tips.push(tip);
        }
        if let Some((word, flag)) = behind.iter().find(|(word, _)| !is_near && is_of(argument, word)) {
            hide(&mut error, ContextKind::InvalidArg);
            error.remove(ContextKind::Suggested);
            let help = match word.starts_with('-') {
                true => format!("a value that begins with '-' is written '--{flag}=VALUE'"),
                false => "a value with blanks is put in quotes".to_owned(),
            };
            tips.push(format!("what stands behind '--{flag}' may be a secret, and is not shown; {help}"));
        }
    } else if let Some(word) = text(&error, ContextKind::InvalidSubcommand)
        && behind.iter().any(|(hidden, _)| *hidden == word)
    {
        hide(&mut error, ContextKind::InvalidSubcommand);
        error.remove(ContextKind::Suggested);
    }
    if !tips.is_empty() {
        let tips = tips.into_iter().map(Into::into).collect();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// How an input is given, where a flag is not known of a command that takes inputs: `--variable NAME=VALUE` of other
/// tools, `--title Emma` for the input `title`.
fn as_input(words: &[Word<'_>], known: &clap::Command, argument: &str) -> Option<String> {
    const OF_TOOLS: [&str; 12] =
        ["arg", "data", "define", "env", "env-var", "field", "form", "global-var", "param", "set", "var", "variable"];
    let command = words.iter().find_map(|word| match word {
        Word::Plain(word) => known.find_subcommand(word),
        _ => None,
    })?;
    let takes_inputs = command.get_arguments().any(|flag| flag.get_long() == Some("input"));
    let name = argument.trim_start_matches('-').split('=').next()?;
    let is_name = argument.starts_with("--") && !OF_TOOLS.contains(&name);
    let name = if is_name { name } else { "NAME" };
    (takes_inputs && argument.starts_with('-')).then(|| format!("an input is given with '-i {name}=VALUE'"))
}

/// The way to commands and flags of the engine Restate that this build does not have.
fn without_engine(error: &Error) -> Option<&'static str> {
    const HELP: &str = "this build is without Restate: packages have it, and 'cargo install --path crates/arazzo-cli --features restate' builds it (docs/scale.md)";
    let said = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let is_command = matches!(said(ContextKind::InvalidSubcommand), Some("worker" | "start"));
    let is_flag = matches!(said(ContextKind::InvalidArg), Some("--restate" | "--restate-admin"));
    ((is_command || is_flag) && !cfg!(feature = "restate")).then_some(HELP)
}

/// `true` if the parser means this word: it names a flag without its value, and letters one by one.
fn is_of(argument: &str, word: &str) -> bool {
    let letter = argument.strip_prefix('-').filter(|letter| letter.chars().count() == 1);
    let before_value = || word.strip_prefix(argument).is_some_and(|rest| rest.starts_with('='));
    argument == word || before_value() || letter.is_some_and(|letter| word.starts_with('-') && word.contains(letter))
}

/// The variable of a value that was not typed.
fn variable(words: &[Word<'_>], known: &clap::Command, long: &str) -> Option<String> {
    let typed = |word: &Word<'_>| matches!(word, Word::Flag { flag, .. } if flag.get_long() == Some(long));
    if words.iter().any(typed) {
        return None;
    }
    let command = words.iter().find_map(|word| match word {
        Word::Plain(word) => known.find_subcommand(word),
        _ => None,
    });
    let flag = command.unwrap_or(known).get_arguments().find(|flag| flag.get_long() == Some(long))?;
    let name = flag.get_env().filter(|name| std::env::var_os(name).is_some())?;
    Some(format!("'--{long}' was not given: the value is that of {}", name.to_string_lossy()))
}

/// A message without the words that may be part of a secret, and the flag that they stand behind; nothing if it has
/// none. What is a file, or an url of a document, is no secret.
pub(crate) fn unsaid(message: &str) -> Option<(String, String)> {
    if !message.contains('`') {
        return None;
    }
    static BEHIND: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let behind_typed = BEHIND.get_or_init(|| {
        let known = words::known();
        let words = words::words(&known, words::typed());
        behind_secrets(&words).into_iter().map(|(word, flag)| (word.to_owned(), flag.to_owned())).collect()
    });
    let (mut said, mut behind) = (Cow::Borrowed(message), None);
    for (word, flag) in behind_typed {
        let (path, quoted) = (Path::new(word), format!("`{word}`"));
        if said.contains(&quoted) && !path.exists() && !arazzo::is_remote(path) {
            said = Cow::Owned(said.replace(&quoted, &format!("`{HIDDEN}`")));
            behind = Some(flag);
        }
    }
    Some((said.into_owned(), format!("`{HIDDEN}` stands behind --{}, and may be a secret", behind?)))
}
