//! Variables of the environment, and those of a file that was named for them (`--env-file`): the environment wins. No file
//! is read that was not named.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

use arazzo::files::{LARGEST, named_text};

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::flags::{self, Arguments};
use crate::words::{self, Word};

/// The variables of the files.
static FILES: OnceLock<BTreeMap<String, String>> = OnceLock::new();

/// The flag that names a file.
const FLAG: &str = "env-file";

/// The value of a variable.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().or_else(|| FILES.get()?.get(name).cloned())
}

/// The names of all variables.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let own = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    own.chain(FILES.get().into_iter().flat_map(BTreeMap::keys).cloned())
}

/// Reads the files that a command line names, and gives it with the flags whose variables they have.
///
/// # Errors
/// The file that cannot be read, or its line that is no variable; the line is not shown.
pub(crate) fn load(arguments: Vec<OsString>) -> Result<Vec<OsString>, String> {
    // To know the flags takes milliseconds: only where a file is named.
    let is_named = |word: &OsString| word.to_string_lossy().starts_with("--env-file");
    if !arguments.iter().any(is_named) {
        return Ok(arguments);
    }
    let known = words::known();
    let typed = words::words(&known, words::typed());
    let files = typed.iter().filter_map(|word| match word {
        Word::Flag { flag, value: Some(path) } if flag.get_long() == Some(FLAG) => Some(path),
        _ => None,
    });
    let mut variables = BTreeMap::new();
    for path in files {
        let text = named_text(Path::new(path), LARGEST).map_err(|reason| match path.contains('=') {
            // A variable in the place of the file, with what may be a secret.
            true => format!(
                "--env-file: {reason}; what was given is not shown: write NAME=VALUE into a file, and its name here"
            ),
            false => format!("--env-file: `{path}`: {reason}"),
        })?;
        variables.extend(read(path, &text)?);
    }
    let flags = of_flags(&known, &typed, &variables);
    FILES.get_or_init(|| variables);
    let command = arguments.iter().position(|word| known.find_subcommand(word).is_some()).map_or(1, |at| at + 1);
    let mut arguments = arguments;
    arguments.splice(command..command, flags);
    Ok(arguments)
}

/// Flags that decide which server is called: where a variable of one is empty, another server would be called without a
/// word.
const DECIDING: [&str; 2] = ["server", "profile"];

/// Reads a command line. A variable of a flag that is empty counts as not set, as scripts leave them, but where it decides
/// which server is called.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let has_none =
        !std::env::vars_os().any(|(name, value)| value.is_empty() && name.to_string_lossy().starts_with("ARAZZO_"));
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if has_none {
        let alone = arguments.get(1).and_then(|name| flags::alone(name));
        if let Some(Ok(matches)) = alone.map(|alone| alone.try_get_matches_from(&arguments)) {
            return Arguments::from_arg_matches(&matches);
        }
        return Arguments::try_parse_from(arguments);
    }
    fn without(command: clap::Command, is_empty: fn(&std::ffi::OsStr) -> bool) -> clap::Command {
        let command = command.mut_args(|flag| match flag.get_env() {
            Some(name) if is_empty(name) => flag.env(Resettable::Reset),
            _ => flag,
        });
        command.mut_subcommands(|inner| without(inner, is_empty))
    }
    let matches = without(Arguments::command(), is_empty).try_get_matches_from(arguments)?;
    if let Some((name, given)) = matches.subcommand() {
        refuse_empty(name, given, is_empty)?;
    }
    Arguments::from_arg_matches(&matches)
}

/// Refuses the empty variable of a flag in [`DECIDING`] that is not on the command line.
fn refuse_empty(
    name: &str,
    given: &clap::ArgMatches,
    is_empty: fn(&std::ffi::OsStr) -> bool,
) -> Result<(), clap::Error> {
    let known = Arguments::command();
    let flags = known.find_subcommand(name).into_iter().flat_map(clap::Command::get_arguments);
    let deciding = flags.filter(|flag| flag.get_long().is_some_and(|long| DECIDING.contains(&long)));
    let is_given = |flag: &clap::Arg| {
        given
            .try_contains_id(flag.get_id().as_str())
            .is_ok_and(|_| given.value_source(flag.get_id().as_str()).is_some())
    };
    let empty = deciding.filter(|flag| !is_given(flag)).find_map(|flag| {
        let variable = flag.get_env().filter(|name| is_empty(name))?;
        Some((flag.get_long()?.to_owned(), variable.to_string_lossy().into_owned()))
    });
    let Some((flag, variable)) = empty else { return Ok(()) };
    let message = format!(
        "{variable} is empty, so it is not known which server is meant: set it, unset it, or give '--{flag}'\n"
    );
    Err(clap::Error::raw(clap::error::ErrorKind::InvalidValue, message))
}

/// The flags of the command whose variables a file has, and that neither the command line nor the environment gives.
fn of_flags(known: &clap::Command, typed: &[Word<'_>], variables: &BTreeMap<String, String>) -> Vec<OsString> {
    let command = typed.iter().find_map(|word| match word {
        Word::Plain(word) => known.find_subcommand(word),
        _ => None,
    });
    let is_typed =
        |long: &str| typed.iter().any(|word| matches!(word, Word::Flag { flag, .. } if flag.get_long() == Some(long)));
    let given = command.into_iter().flat_map(clap::Command::get_arguments).filter_map(|flag| {
        let (long, name) = (flag.get_long()?, flag.get_env()?.to_str()?);
        let value = variables.get(name).filter(|_| !is_typed(long) && std::env::var_os(name).is_none())?;
        let is_true = || matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on" | "y" | "t");
        match flag.get_action().takes_values() {
            true => Some(format!("--{long}={value}").into()),
            false => is_true().then(|| format!("--{long}").into()),
        }
    });
    given.collect()
}

/// `NAME=VALUE` a line, as shells and containers read it: `export` before it, quotes around the value, and lines that begin
/// with `#`. Nothing within a value is replaced.
fn read(path: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate();
    let lines = lines
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let read = lines.map(|(number, line)| {
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let wrong = || format!("--env-file: line {number} of `{path}` is not NAME=VALUE");
        let (name, value) = line.split_once('=').ok_or_else(wrong)?;
        let (name, value) = (name.trim_end(), value.trim());
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c));
        let value = match value.chars().next() {
            Some('\'') => value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).map(str::to_owned),
            Some('"') => value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(unescaped),
            _ => Some(value.to_owned()),
        };
        value.filter(|_| is_name).map(|value| (name.to_owned(), value)).ok_or_else(wrong)
    });
    read.collect()
}

/// A text between double quotes: `\n` is a line break, and any other character behind `\` itself.
fn unescaped(text: &str) -> String {
    let (mut plain, mut letters) = (String::new(), text.chars());
    while let Some(c) = letters.next() {
        match (c, (c == '\\').then(|| letters.next()).flatten()) {
            (_, Some('n')) => plain.push('\n'),
            (_, Some(other)) => plain.push(other),
            (c, None) => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_variables_and_nothing_in_them_is_replaced() {
        let text =
            "\u{feff}# a comment\n\nA=1\nexport B = two words \nC='$A # \"x\"'\nD=\"a\\n\\\"b\\\"\"\r\nE=\nF=a=b#c\n";
        let expected =
            [("A", "1"), ("B", "two words"), ("C", "$A # \"x\""), ("D", "a\n\"b\""), ("E", ""), ("F", "a=b#c")];
        let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(read("x", text), Ok(expected));
        for wrong in ["secret", "=x", "A B=1", "A='open", "A=1\nB=\"x"] {
            let found = read("f", wrong).err().unwrap_or_default();
            assert!(found.contains("of `f` is not NAME=VALUE") && !found.contains("secret"), "{wrong}: {found}");
        }
    }
}
