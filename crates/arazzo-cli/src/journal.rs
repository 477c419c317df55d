//! The journal of a command: which file it is, its key, and the commands that go on with its runs.

use std::path::{Path, PathBuf};

use arazzo::Error;
use arazzo::journal::{Durability, Journal, JournalKey, JournaledRun};

use crate::flags::{JournalFileFlag, JournalFlags, Outlives};
use crate::show::{Screen, safe};
use crate::shown_command::quoted;

/// The variable that names the journal, and the one that has its key.
pub(crate) const VARIABLE: &str = "ARAZZO_JOURNAL";
pub(crate) const KEY: &str = "ARAZZO_STATE_KEY";

/// A journal, and how commands name it.
pub(crate) struct NamedJournal {
    pub(crate) journal: Journal,
    /// The file, as it was named.
    path: PathBuf,
    /// `true` if it is the one that commands read when none is named.
    is_default: bool,
}

/// Says that others may read a journal, where it is opened for what is written.
pub(crate) fn warn(named: &NamedJournal, screen: &mut Screen) {
    if named.journal.is_read_by_others() {
        let (shown, file) = (safe(&named.path.display().to_string()), quoted(&named.path.display().to_string()));
        screen.line(&format!(
            "warning: others may read the journal `{shown}`, in which inputs, outputs and bodies are not encrypted: chmod 600 {}",
            safe(&file)
        ));
    }
}

impl NamedJournal {
    /// The command that goes on with a run, if one does: one that failed from its last step, or another that is named.
    pub(crate) fn resume_of(&self, run: &JournaledRun, step: Option<&str>) -> Option<String> {
        match (run.can_resume(), run.can_begin_again()) {
            (true, _) => Some(self.resume(&run.id, "")),
            (_, true) => {
                let step = step.map_or_else(|| "STEP".to_owned(), quoted);
                Some(self.resume(&run.id, &format!(" --from {step}")))
            }
            _ => None,
        }
    }

    /// The command that goes on with a run.
    pub(crate) fn resume(&self, run: &str, more: &str) -> String {
        let named = match self.is_default {
            true => String::new(),
            false => format!(" --journal {}", quoted(&self.path.display().to_string())),
        };
        format!("arazzo runs resume {run}{more}{named}")
    }
}

/// The journal that a run is to be kept in, if it is: a mock ends with its run, and a dry run is none.
///
/// # Errors
/// [`Error::Setup`] if it cannot be opened, or has no key.
pub(crate) fn of_run(flags: &JournalFlags, is_kept: bool) -> Result<Option<NamedJournal>, Error> {
    let named = variable(VARIABLE).map(PathBuf::from);
    let file = match &flags.journal {
        Some(file) => file.clone().or(named),
        None => match named.filter(|_| is_kept) {
            Some(file) => Some(file),
            None if flags.durability.is_some() || flags.idempotency_key.is_some() => {
                let message = "--durability and --idempotency-key are for runs with a journal: add --journal";
                return Err(Error::Setup(message.to_owned()));
            }
            None => return Ok(None),
        },
    };
    let durability = flags.durability.map(Outlives::durability).unwrap_or_default();
    open(file.as_deref(), durability, Some(true)).map(Some)
}

/// The journal that is read; `with_key` if what is encrypted in it is needed.
///
/// # Errors
/// As [`of_run`]; [`Error::Setup`] if it is not there.
pub(crate) fn of_runs(flags: &JournalFileFlag, with_key: bool) -> Result<NamedJournal, Error> {
    let path = place(flags.journal.as_deref())?;
    if !path.exists() {
        return Err(Error::Setup(format!(
            "there is no journal `{}`; `arazzo run --journal` makes one",
            path.display()
        )));
    }
    open(flags.journal.as_deref(), Durability::default(), with_key.then_some(false))
}

fn open(file: Option<&Path>, durability: Durability, with_key: Option<bool>) -> Result<NamedJournal, Error> {
    let path = place(file)?;
    let journal = Journal::open_with(&path, durability)?;
    let journal = match with_key {
        Some(makes) => journal.with_key(key(&path, makes)?),
        None => journal,
    };
    let is_default = default_place().is_ok_and(|default| default == path) && variable(VARIABLE).is_none();
    let is_default = is_default || variable(VARIABLE).is_some_and(|named| Path::new(&named) == path);
    Ok(NamedJournal { journal, path, is_default })
}

fn place(file: Option<&Path>) -> Result<PathBuf, Error> {
    file.map_or_else(default_place, |file| Ok(file.to_path_buf()))
}

/// `runs.db` in the folder for the state of programs.
fn default_place() -> Result<PathBuf, Error> {
    let folder = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = folder.or_else(|| variable("LOCALAPPDATA").filter(|_| cfg!(windows)).map(PathBuf::from));
    let folder = folder.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".local").join("state")));
    let none = || {
        Error::Setup("there is no folder for the state of programs: neither HOME nor XDG_STATE_HOME is set; name a file with --journal".to_owned())
    };
    Ok(folder.ok_or_else(none)?.join("arazzo").join("runs.db"))
}

/// The key of a journal: that of the variable, or of the file beside its folder; one that is not there is made, if `makes`.
fn key(journal: &Path, makes: bool) -> Result<JournalKey, Error> {
    if let Some(text) = variable(KEY) {
        return JournalKey::parse(&text).map_err(|error| Error::Setup(format!("{KEY}: {error}")));
    }
    let absolute =
        std::path::absolute(journal).map_err(|error| Error::Setup(format!("`{}`: {error}", journal.display())))?;
    let file = absolute.parent().and_then(|folder| {
        let mut name = folder.file_name()?.to_os_string();
        name.push(".key");
        Some(folder.with_file_name(name))
    });
    let help = |reason: &str| Error::Setup(format!("{reason}; {KEY} can have the key instead"));
    let file = file.ok_or_else(|| help("there is no place for a key beside the folder of the journal"))?;
    if !makes && !file.exists() {
        return Err(help(&format!("the key of the journal is missing: `{}`", file.display())));
    }
    JournalKey::in_file(&file).map_err(|error| help(&error.to_string()))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
