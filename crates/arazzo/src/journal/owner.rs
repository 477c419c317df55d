//! The process that has a run: a file beside the journal that it keeps locked as long as it lives. The system gives the lock
//! back however the process ends, so that a run is never without a new owner for long.

use std::fs::File;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::envelope::run_name;
use crate::error::Error;
use crate::journal::private_file;
use crate::journal::writer::{HEARTBEAT, now};

/// The time after which an owner counts as gone that was not seen, where the file system knows no locks.
const GONE: Duration = HEARTBEAT.saturating_mul(4);

/// This process, as the owner of runs.
pub(super) struct Owner {
    pub(super) id: String,
    path: PathBuf,
    /// Locked until it is closed.
    _lock: File,
}

impl Owner {
    /// # Errors
    /// [`Error::Setup`] if the file cannot be made.
    pub(super) fn new(journal: &Path) -> Result<Self, Error> {
        let id = run_name(Duration::from_millis(u64::try_from(now()).unwrap_or_default()));
        let path = file_of(journal, &id);
        let lock = private_file::create(&path).and_then(|file| match file.try_lock() {
            Err(TryLockError::Error(error)) if error.kind() != std::io::ErrorKind::Unsupported => Err(error),
            _ => Ok(file),
        });
        let lock = lock.map_err(|error| Error::Setup(format!("the journal `{}`: {error}", journal.display())))?;
        Ok(Self { id, path, _lock: lock })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        private_file::remove(&self.path);
    }
}

/// `true` if the owner of a run that was last seen at `alive`, in ms since 1970, still has it. The file of one that is gone
/// is removed.
pub(super) fn is_alive(journal: &Path, owner: &str, alive: i64) -> bool {
    let path = file_of(journal, owner);
    let Ok(file) = private_file::open(&path) else { return false };
    match file.try_lock() {
        Ok(()) => {
            private_file::remove(&path);
            false
        }
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => {
            let gone = i64::try_from(GONE.as_millis()).unwrap_or(i64::MAX);
            now().saturating_sub(alive) < gone
        }
    }
}

fn file_of(journal: &Path, owner: &str) -> PathBuf {
    let mut name = journal.file_name().map(std::ffi::OsStr::to_os_string).unwrap_or_default();
    name.push(format!("-owner-{owner}"));
    journal.with_file_name(name)
}
