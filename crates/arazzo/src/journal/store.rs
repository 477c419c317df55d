//! The journal: a file of runs, to be written by the runs of this process and read by everyone who may.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arazzo_engine::value::Json;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;

use crate::envelope::{Envelope, rfc3339};
use crate::error::Error;
use crate::journal::key::JournalKey;
use crate::journal::owner::{self, Owner};
use crate::journal::private_file;
use crate::journal::schema::{self, Durability, describe};
use crate::journal::writer::{Fault, Writer, now};

/// A journal of runs. Cheap to clone; all clones write through one thread.
#[derive(Clone)]
pub struct Journal {
    pub(super) shared: Arc<Shared>,
    key: Option<JournalKey>,
}

/// What the clones share.
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) writer: Writer,
    durability: Durability,
    /// This process, once it has a run.
    owner: Mutex<Option<Arc<Owner>>>,
    /// Hashes of the texts of programs, by their fingerprints and uris.
    pub(super) hashes: Mutex<HashMap<(u64, String), Vec<String>>>,
}

/// A run in a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JournaledRun {
    /// The name of the run: a ULID.
    pub id: String,
    /// The document, as it was named.
    pub document: String,
    /// `workflowId`
    pub workflow: String,
    /// How far it has come.
    pub state: RunState,
    /// The exit code of a run that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    /// The step that it is in, or ended in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The code of the reason why it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it began: RFC 3339, UTC.
    pub began: String,
    /// When it was last written: RFC 3339, UTC.
    pub updated: String,
    /// The process that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Requests that may not be sent twice, and of which it is not known whether they arrived.
    pub unsettled: u32,
    #[serde(skip)]
    pub(super) has_state: bool,
    #[serde(skip)]
    pub(super) key: String,
    #[serde(skip)]
    pub(super) owner: Option<String>,
    #[serde(skip)]
    pub(super) alive: i64,
    /// In ms since 1970.
    #[serde(skip)]
    pub(super) updated_ms: u64,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RunState {
    /// A process has it.
    Running,
    /// Its process ended before it did.
    Interrupted,
    /// It ended as its document wants.
    Succeeded,
    /// A step failed.
    Failed,
    /// A limit, a policy or the user stopped it.
    Stopped,
    /// It is not to go on.
    Cancelled,
}

impl RunState {
    /// The word for it, as [`JournaledRun`] is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
        }
    }
}

impl JournaledRun {
    /// `true` if it has not come to its end, and no process has it. One that failed goes on from a step that is named.
    #[must_use]
    pub fn can_resume(&self) -> bool {
        matches!(self.state, RunState::Interrupted | RunState::Stopped) && self.has_state
    }

    /// `true` if a step of it failed, and it can go on from one ([`Resumed::begin_again`](crate::journal::Resumed)).
    #[must_use]
    pub fn can_begin_again(&self) -> bool {
        self.state == RunState::Failed && self.has_state
    }
}

impl Journal {
    /// Opens a journal, and makes it if it is not there, with the folders above it. Its owner alone may read it.
    ///
    /// # Errors
    /// [`Error::Setup`] if it cannot be written, is no journal, is damaged, or was written by a newer release.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::open_with(path, Durability::default())
    }

    /// As [`Journal::open`], with another durability.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_with(path: impl Into<PathBuf>, durability: Durability) -> Result<Self, Error> {
        // A name that SQLite takes for something else (`:memory:`) is a file too.
        let named = path.into();
        let path = std::path::absolute(&named)
            .map_err(|error| Error::Setup(format!("the journal `{}`: {error}", named.display())))?;
        let writer = Writer::new(schema::open(&path, durability)?, &path)?;
        let (owner, hashes) = (Mutex::default(), Mutex::default());
        Ok(Self { shared: Arc::new(Shared { path, writer, durability, owner, hashes }), key: None })
    }

    /// Gives the key of what is encrypted: runs need it, lists do not.
    #[must_use]
    pub fn with_key(mut self, key: JournalKey) -> Self {
        self.key = Some(key);
        self
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// `true` if others than its owner may read the file, which was made so by others: what is not encrypted in it is for
    /// them too.
    #[must_use]
    pub fn is_read_by_others(&self) -> bool {
        private_file::is_read_by_others(self.path())
    }

    /// All runs, the newest first.
    ///
    /// # Errors
    /// [`Error::Setup`] if they cannot be read.
    pub fn runs(&self) -> Result<Vec<JournaledRun>, Error> {
        self.select("ORDER BY id DESC", &[])
    }

    /// The run of this name, or the only one whose name begins so, in large or small letters.
    ///
    /// # Errors
    /// [`Error::Setup`] if there is none, or more than one.
    pub fn run(&self, name: &str) -> Result<JournaledRun, Error> {
        let name = name.to_ascii_uppercase();
        let is_name = name.len() <= 26 && name.chars().all(|c| c.is_ascii_alphanumeric());
        let mut found = match is_name && !name.is_empty() {
            true => self.select("WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id DESC LIMIT 3", &[&name])?,
            false => vec![],
        };
        match (found.len(), found.pop()) {
            (1, Some(run)) => Ok(run),
            (0, _) => Err(Error::Setup(format!("the journal `{}` has no run of this name", self.path().display()))),
            _ => Err(Error::Setup(format!("several runs have names that begin with `{name}`"))),
        }
    }

    /// The events of a run as far as they are kept, in their order: of a step that was visited again and again, those of the
    /// first visits and of the last.
    ///
    /// # Errors
    /// [`Error::Setup`] if there is no such run, or its events cannot be read.
    pub fn events(&self, run: &str) -> Result<Vec<Envelope>, Error> {
        let connection = self.read()?;
        let ending = "SELECT ending FROM runs WHERE id = ?1";
        let ending: Option<String> =
            self.db(connection.query_row(ending, [run], |row| row.get(0)).optional())?.flatten();
        let ending: Vec<Envelope> = match ending {
            Some(text) => Json::read(&text)
                .and_then(|list| {
                    let lines = list.as_array().into_iter().flatten();
                    lines.map(|event| Envelope::read(&event.to_string())).collect()
                })
                .map_err(|error| self.unreadable(run, &error))?,
            None => vec![],
        };
        // What led to the end of a run that was stopped stands there: in the table is how it would go on.
        let last = ending.first().map_or(i64::MAX, |envelope| envelope.seq as i64);
        let statement = "SELECT event FROM events WHERE run = ?1 AND seq < ?2 ORDER BY seq";
        let mut statement = self.db(connection.prepare(statement))?;
        let lines = self.db(statement.query_map(params![run, last], |row| row.get::<_, String>(0)))?;
        let mut events = vec![];
        for line in lines {
            events.push(Envelope::read(&self.db(line)?).map_err(|error| self.unreadable(run, &error))?);
        }
        events.extend(ending);
        Ok(events)
    }

    /// Keeps a run from going on: one that another process has is asked to stop, which takes it up to two seconds to hear.
    /// Gives `false` if the run has come to its end.
    ///
    /// # Errors
    /// [`Error::Setup`] if there is no such run; [`Error::Journal`] if it cannot be written.
    pub fn cancel(&self, run: &str) -> Result<bool, Error> {
        let found = self.run(run)?;
        let statement = match found.state {
            RunState::Running => "UPDATE runs SET cancel = 1 WHERE id = ?1",
            RunState::Interrupted | RunState::Stopped | RunState::Failed => {
                "UPDATE runs SET status = 'cancelled', owner = NULL, pid = NULL WHERE id = ?1"
            }
            RunState::Succeeded | RunState::Cancelled => return Ok(false),
        };
        self.shared.writer.write_now(move |connection| {
            connection.execute(statement, [&found.id])?;
            Ok(())
        })?;
        Ok(true)
    }

    /// Forgets a run, with everything that was kept of it.
    ///
    /// # Errors
    /// [`Error::Setup`] if there is no such run, or a process has it; [`Error::Journal`] if the file cannot be written.
    pub fn remove(&self, run: &str) -> Result<(), Error> {
        let found = self.run(run)?;
        if found.state == RunState::Running {
            return Err(Error::Setup(format!("the run `{}` is running; cancel it first", found.id)));
        }
        self.forget(vec![found.id])
    }

    /// Forgets the runs that were last written so long ago and that no process has; gives their number.
    ///
    /// # Errors
    /// [`Error::Setup`] if they cannot be read; [`Error::Journal`] if the file cannot be written.
    pub fn remove_older(&self, age: Duration) -> Result<usize, Error> {
        let before =
            u64::try_from(now()).unwrap_or_default().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let runs = self.runs()?.into_iter();
        let old = runs.filter(|run| run.updated_ms < before && run.state != RunState::Running);
        let old: Vec<String> = old.map(|run| run.id).collect();
        let count = old.len();
        self.forget(old)?;
        Ok(count)
    }

    /// The number of the next input of a run.
    pub(super) fn next_input(&self, run: &str) -> Result<u64, Error> {
        let connection = self.read()?;
        let next = "SELECT coalesce(max(number) + 1, 0) FROM inputs WHERE run = ?1";
        let next: i64 = self.db(connection.query_row(next, [run], |row| row.get(0)))?;
        Ok(u64::try_from(next).unwrap_or_default())
    }

    fn forget(&self, runs: Vec<String>) -> Result<(), Error> {
        self.shared.writer.write_now(move |connection| {
            for run in &runs {
                connection.execute("DELETE FROM runs WHERE id = ?1", [run])?;
            }
            connection.execute("DELETE FROM texts WHERE hash NOT IN (SELECT hash FROM documents)", [])?;
            Ok(())
        })?;
        // What was forgotten is not to stand in the log that is copied into the file some time.
        let checkpoint = self.read()?;
        self.db(checkpoint.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
    }

    fn select(&self, condition: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<Vec<JournaledRun>, Error> {
        let connection = self.read()?;
        let statement = format!(
            "SELECT id, document, workflow, status, exit, step, reason, began, updated, owner, pid, alive, key,
             (SELECT count(*) FROM requests WHERE run = id AND settled IS NULL AND again = 0),
             EXISTS (SELECT 1 FROM states WHERE run = id) FROM runs {condition}"
        );
        let mut statement = self.db(connection.prepare(&statement))?;
        let rows = self.db(statement.query_map(parameters, |row| self.row(row)))?;
        self.db(rows.collect())
    }

    fn row(&self, row: &Row<'_>) -> rusqlite::Result<JournaledRun> {
        let (owner, alive): (Option<String>, Option<i64>) = (row.get(9)?, row.get(11)?);
        let alive = alive.unwrap_or_default();
        let ms = |place| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(place)?).unwrap_or_default());
        let has_owner = owner.as_ref().is_some_and(|owner| owner::is_alive(self.path(), owner, alive));
        let state = match row.get::<_, String>(3)?.as_str() {
            "running" if has_owner => RunState::Running,
            "running" => RunState::Interrupted,
            "succeeded" | "ended" => RunState::Succeeded,
            "failed" => RunState::Failed,
            "cancelled" => RunState::Cancelled,
            _ => RunState::Stopped,
        };
        // One that has ended can have an owner again, which has not written yet.
        let state = if has_owner { RunState::Running } else { state };
        Ok(JournaledRun {
            id: row.get(0)?,
            document: row.get(1)?,
            workflow: row.get(2)?,
            state,
            exit: row.get(4)?,
            step: row.get(5)?,
            reason: row.get(6)?,
            began: rfc3339(Duration::from_millis(ms(7)?)),
            updated: rfc3339(Duration::from_millis(ms(8)?)),
            updated_ms: ms(8)?,
            pid: row.get::<_, Option<u32>>(10)?.filter(|_| has_owner),
            unsettled: row.get(13)?,
            has_state: row.get(14)?,
            key: row.get(12)?,
            owner,
            alive,
        })
    }

    /// A connection to read with.
    pub(super) fn read(&self) -> Result<Connection, Error> {
        schema::open(self.path(), self.shared.durability)
    }

    /// What the database gave, or why it gave nothing.
    pub(super) fn db<T>(&self, result: rusqlite::Result<T>) -> Result<T, Error> {
        result.map_err(|error| Error::Setup(describe(self.path(), &error)))
    }

    /// What stands in the journal cannot be understood.
    pub(super) fn unreadable(&self, run: &str, error: &dyn std::fmt::Display) -> Error {
        Error::Setup(format!("the run `{run}` in `{}` cannot be read: {error}", self.path().display()))
    }

    /// # Errors
    /// [`Error::Setup`] if none was given.
    pub(super) fn key(&self) -> Result<&JournalKey, Error> {
        self.key.as_ref().ok_or_else(|| {
            let path = self.path().display();
            Error::Setup(format!(
                "the journal `{path}` has no key, and secrets are kept encrypted: `Journal::with_key`"
            ))
        })
    }

    /// This process, as an owner of runs.
    ///
    /// # Errors
    /// [`Error::Setup`] if it cannot be made known to others.
    pub(super) fn owner(&self) -> Result<Arc<Owner>, Error> {
        let mut owner = self.shared.owner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = &*owner {
            return Ok(owner.clone());
        }
        let new = Arc::new(Owner::new(self.path())?);
        *owner = Some(new.clone());
        Ok(new)
    }

    /// Makes this process the owner of a run that has none.
    ///
    /// # Errors
    /// [`Error::Setup`] if another one has it.
    pub(super) fn claim(&self, run: &JournaledRun) -> Result<Arc<Owner>, Error> {
        if run.state == RunState::Running {
            let pid = run.pid.map(|pid| format!(", process {pid},")).unwrap_or_default();
            return Err(Error::Setup(format!("the run `{}` has an owner{pid} and goes on there", run.id)));
        }
        let owner = self.owner()?;
        let (id, new, old) = (run.id.clone(), owner.id.clone(), run.owner.clone());
        self.shared.writer.write_now(move |connection| {
            // Another process may have looked at the same time.
            let claimed = connection.execute(
                "UPDATE runs SET owner = ?2, pid = ?3, cancel = 0 WHERE id = ?1 AND owner IS ?4",
                params![id, new, std::process::id(), old],
            )?;
            match claimed {
                0 => Err(Fault::Refused(format!("the run `{id}` has an owner by now, and goes on there"))),
                _ => Ok(()),
            }
        })?;
        Ok(owner)
    }

    /// Gives a run back, some time.
    pub(super) fn release(&self, run: &str, owner: &Owner) {
        // A run that cannot be given back is free when this process has ended.
        self.shared.writer.write(releasing(run, owner), drop);
    }

    /// Gives a run back.
    ///
    /// # Errors
    /// [`Error::Journal`] if that cannot be written.
    pub(super) fn release_now(&self, run: &str, owner: &Owner) -> Result<(), Error> {
        self.shared.writer.write_now(releasing(run, owner))
    }
}

/// The statement that takes a run from its owner.
fn releasing(run: &str, owner: &Owner) -> impl FnOnce(&Connection) -> Result<(), Fault> + Send + 'static {
    let (run, owner) = (run.to_owned(), owner.id.clone());
    move |connection| {
        connection.execute("UPDATE runs SET owner = NULL, pid = NULL WHERE id = ?1 AND owner = ?2", [&run, &owner])?;
        Ok(())
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("path", &self.shared.path).finish_non_exhaustive()
    }
}
