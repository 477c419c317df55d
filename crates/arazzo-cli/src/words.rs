//! The command line as words: which are flags, which belong to them, and which may be secrets.

use std::ffi::OsString;
use std::iter::Peekable;
use std::sync::OnceLock;

use clap::{Arg, Command, CommandFactory};

use crate::flags::Arguments;

/// Flags whose values are shown. Of all others, also those to come, the name is shown and the value is not.
const SHOWN: [&str; 52] = [
    "allow-header",
    "allow-host",
    "case",
    "check",
    "color",
    "connect-timeout",
    "content-type",
    "cookies",
    "coverage",
    "data",
    "deny",
    "dir",
    "env-file",
    "event-bodies",
    "fault",
    "fix",
    "format",
    "idle-timeout",
    "inputs",
    "insecure-host",
    "jobs",
    "json",
    "latency",
    "loop-delay",
    "max-body",
    "max-depth",
    "max-kept",
    "max-requests",
    "max-steps",
    "max-time",
    "max-value",
    "max-wait",
    "mock",
    "offline",
    "only",
    "output",
    "port",
    "profile",
    "progress",
    "readings",
    "repeat",
    "record",
    "redirects",
    "report",
    "require-outputs",
    "run",
    "save",
    "secret-host",
    "shard",
    "timeout",
    "until",
    "workflow",
];

static TYPED: OnceLock<Vec<String>> = OnceLock::new();

/// Keeps the command line of this process.
pub(crate) fn keep(arguments: &[OsString]) {
    TYPED.get_or_init(|| arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect());
}

/// The command line of this process, its own name first.
pub(crate) fn typed() -> impl Iterator<Item = String> {
    TYPED.get().into_iter().flatten().cloned()
}

/// `true` if a program wants JSON. It is asked for before the flags are known, because they may be wrong.
pub(crate) fn asks_for_json() -> bool {
    let typed: Vec<String> = typed().skip(1).take_while(|word| word != "--").collect();
    let format = |pair: &[String]| matches!(pair, [flag, value] if flag == "--format" && value == "json");
    typed.iter().any(|word| word == "--json" || word.starts_with("--json=") || word == "--format=json")
        || typed.windows(2).any(format)
}

/// All commands with their flags. To know them takes milliseconds: only where something is shown.
pub(crate) fn known() -> Command {
    let mut known = Arguments::command();
    known.build();
    known
}

/// A word, or a flag with its value.
pub(crate) enum Word<'c> {
    Flag {
        flag: &'c Arg,
        value: Option<String>,
    },
    /// A word that looks like a flag and is none.
    Unknown(String),
    Plain(String),
}

/// The words of a command line behind the name of the program.
pub(crate) fn words(known: &Command, typed: impl Iterator<Item = String>) -> Vec<Word<'_>> {
    let mut command = known;
    let mut found = vec![];
    let mut typed = typed.skip(1).peekable();
    while let Some(word) = typed.next() {
        // What stands behind `--` may have been meant as flags all the same.
        if word == "--" {
            found.push(Word::Plain(word));
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            match command.get_arguments().find(|flag| flag.get_long() == Some(name)) {
                Some(flag) => found.push(of_flag(flag, value.map(str::to_owned), &mut typed)),
                None => found.push(Word::Unknown(word)),
            }
        } else if word.starts_with('-') && word.len() > 1 {
            short(command, word, &mut typed, &mut found);
        } else {
            command = if found.iter().any(|word| matches!(word, Word::Plain(_))) {
                command
            } else {
                known.find_subcommand(&word).unwrap_or(command)
            };
            found.push(Word::Plain(word));
        }
    }
    found
}

/// `-vi name=value`: any number of letters, the last of which may have a value, here or in the next word.
fn short<'c>(
    command: &'c Command,
    word: String,
    rest: &mut Peekable<impl Iterator<Item = String>>,
    found: &mut Vec<Word<'c>>,
) {
    let mut letters = word.get(1..).unwrap_or_default();
    while let Some(letter) = letters.chars().next() {
        letters = letters.get(letter.len_utf8()..).unwrap_or_default();
        let Some(flag) = command.get_arguments().find(|flag| flag.get_short() == Some(letter)) else {
            return found.push(Word::Unknown(word));
        };
        let takes = flag.get_action().takes_values();
        let value = (takes && !letters.is_empty()).then(|| std::mem::take(&mut letters));
        found.push(of_flag(flag, value.map(|value| value.strip_prefix('=').unwrap_or(value).to_owned()), rest));
    }
}

fn of_flag<'c>(flag: &'c Arg, value: Option<String>, rest: &mut Peekable<impl Iterator<Item = String>>) -> Word<'c> {
    let fits = |word: &String| flag.is_allow_hyphen_values_set() || word == "-" || !word.starts_with('-');
    let value = match value {
        None if flag.get_action().takes_values() && !flag.is_require_equals_set() => rest.next_if(fits),
        value => value,
    };
    Word::Flag { flag, value }
}

/// `true` for the long name of a flag whose value may be shown.
pub(crate) fn is_shown(long: &str) -> bool {
    SHOWN.contains(&long)
}

/// The values that are not shown, with the names of their flags.
pub(crate) fn values_of_secrets<'c>(words: &'c [Word<'c>]) -> impl Iterator<Item = (&'c str, &'c str)> {
    words.iter().filter_map(|word| match word {
        Word::Flag { flag, value } => Some((value.as_deref()?, flag.get_long().filter(|long| !is_shown(long))?)),
        Word::Unknown(_) | Word::Plain(_) => None,
    })
}

/// Words that belong to no flag and follow one whose value is not shown, up to the next flag, each with the name of
/// that: what was meant to be part of the value (`-H Authorization: Bearer TOKEN`) cannot be told from other words.
pub(crate) fn behind_secrets<'c>(words: &'c [Word<'c>]) -> Vec<(&'c str, &'c str)> {
    let (mut behind, mut found) = (None, vec![]);
    for word in words {
        match (word, behind) {
            (Word::Flag { flag, .. }, _) => {
                let takes = flag.get_action().takes_values();
                behind = flag.get_long().filter(|long| takes && !is_shown(long));
            }
            (Word::Plain(word) | Word::Unknown(word), Some(flag)) => found.push((word.as_str(), flag)),
            _ => {}
        }
    }
    found
}
