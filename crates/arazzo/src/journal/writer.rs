//! The one thread that writes a journal: what several runs write at the same time goes to the disk together. It also says
//! that this process still has its runs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, TransactionBehavior, params};

use crate::drivers::live::Interrupt;
use crate::error::Error;
use crate::journal::schema::describe;

/// The most that goes to the disk together.
const BATCH: usize = 1_024;
/// How often it is looked whether a run is to be stopped.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is said that the runs have an owner.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);

/// The reason why something was not written.
#[derive(Debug, Clone)]
pub(super) enum Unwritten {
    /// The database could not.
    Failed(String),
    /// It may not be written.
    Refused(String),
}

impl From<Unwritten> for Error {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Failed(message) => Self::Journal(message),
            Unwritten::Refused(message) => Self::Setup(message),
        }
    }
}

/// The reason why a statement did not do what it was for.
pub(super) enum Fault {
    Database(rusqlite::Error),
    Refused(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

type Statements = Box<dyn FnOnce(&Connection) -> Result<(), Fault> + Send>;
type Done = Box<dyn FnOnce(Result<(), Unwritten>) + Send>;

/// Statements that are written together or not at all, and what to do when they are on the disk.
struct Job {
    statements: Statements,
    done: Done,
}

/// The way to the thread.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    watched: Arc<Mutex<Watched>>,
}

/// The runs that this process has, and how each is stopped.
#[derive(Default)]
struct Watched {
    owner: String,
    runs: HashMap<String, Interrupt>,
}

impl Writer {
    /// # Errors
    /// [`Error::Setup`] if there is no thread to be had.
    pub(super) fn new(connection: Connection, path: &Path) -> Result<Self, Error> {
        let (jobs, taken) = channel();
        let watched = Arc::<Mutex<Watched>>::default();
        let mut writing =
            Writing { connection, path: path.to_path_buf(), watched: watched.clone(), beat: Instant::now() };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || writing.work(&taken));
        let thread = thread.map_err(|error| Error::Setup(format!("the journal: {error}")))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), watched })
    }

    /// Writes without waiting; `done` is called when it is on the disk, or is not.
    pub(super) fn write(
        &self,
        statements: impl FnOnce(&Connection) -> Result<(), Fault> + Send + 'static,
        done: impl FnOnce(Result<(), Unwritten>) + Send + 'static,
    ) {
        let job = Job { statements: Box::new(statements), done: Box::new(done) };
        let Some(Err(unsent)) = self.jobs.as_ref().map(|jobs| jobs.send(job)) else { return };
        (unsent.0.done)(Err(Unwritten::Failed("the journal is closed".to_owned())));
    }

    /// Writes, and blocks until it is on the disk.
    ///
    /// # Errors
    /// The reason why it is not.
    pub(super) fn write_now(
        &self,
        statements: impl FnOnce(&Connection) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), Error> {
        let (done, is_done) = channel();
        self.write(statements, move |result| _ = done.send(result));
        let closed = || Err(Unwritten::Failed("the journal is closed".to_owned()));
        Ok(is_done.recv().unwrap_or_else(|_| closed())?)
    }

    /// From now on this process has a run as `owner`, which `interrupt` stops.
    pub(super) fn watch(&self, owner: &str, run: &str, interrupt: &Interrupt) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        owner.clone_into(&mut watched.owner);
        watched.runs.insert(run.to_owned(), interrupt.clone());
    }

    pub(super) fn unwatch(&self, run: &str) {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).runs.remove(run);
    }
}

impl Drop for Writer {
    /// Writes what is still to be written.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread.
struct Writing {
    connection: Connection,
    path: PathBuf,
    watched: Arc<Mutex<Watched>>,
    /// When it was last said that the runs have an owner.
    beat: Instant,
}

impl Writing {
    fn work(&mut self, jobs: &Receiver<Job>) {
        let mut looked = Instant::now();
        loop {
            match jobs.recv_timeout(LOOK) {
                Ok(first) => {
                    let mut batch = vec![first];
                    batch.extend(jobs.try_iter().take(BATCH - 1));
                    self.write(batch);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                // What keeps it from being written is said where a run writes.
                let _ = self.look_after_runs();
            }
        }
    }

    /// Writes everything in one transaction. What may not be written is left out; a fault of the database is one of all.
    fn write(&mut self, batch: Vec<Job>) {
        let (statements, done): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.statements, job.done)).unzip();
        let written = write_all(&mut self.connection, statements);
        let written = written.map_err(|error| Unwritten::Failed(describe(&self.path, &error)));
        match written {
            Ok(results) => done.into_iter().zip(results).for_each(|(done, result)| done(result)),
            Err(failed) => done.into_iter().for_each(|done| done(Err(failed.clone()))),
        }
    }

    /// Says that the runs have an owner, and stops those that were asked to stop.
    fn look_after_runs(&mut self) -> rusqlite::Result<()> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.runs.is_empty() {
            return Ok(());
        }
        if self.beat.elapsed() >= HEARTBEAT {
            self.beat = Instant::now();
            self.connection.execute("UPDATE runs SET alive = ?1 WHERE owner = ?2", params![now(), watched.owner])?;
        }
        let mut asked = self.connection.prepare_cached("SELECT id FROM runs WHERE owner = ?1 AND cancel = 1")?;
        for run in asked.query_map([&watched.owner], |row| row.get::<_, String>(0))? {
            if let Some(interrupt) = watched.runs.get(&run?).filter(|interrupt| interrupt.count() == 0) {
                interrupt.stop();
            }
        }
        Ok(())
    }
}

fn write_all(connection: &mut Connection, batch: Vec<Statements>) -> rusqlite::Result<Vec<Result<(), Unwritten>>> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut results = vec![];
    for statements in batch {
        let point = transaction.savepoint()?;
        match statements(&point) {
            Ok(()) => {
                point.commit()?;
                results.push(Ok(()));
            }
            // The point is rolled back when it goes.
            Err(Fault::Refused(message)) => results.push(Err(Unwritten::Refused(message))),
            Err(Fault::Database(error)) => return Err(error),
        }
    }
    transaction.commit()?;
    Ok(results)
}

/// The wall clock, in ms since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
