//! The file of a journal: its tables, which people may look at with `sqlite3`, and how it is opened. `docs/journal.md`
//! promises what stands here.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::Error;
use crate::journal::private_file;

/// The version of the tables, in `user_version`: a step of [`MIGRATIONS`] leads to each.
const VERSION: usize = MIGRATIONS.len();

/// `arzj`, in `application_id`: another database is never taken for a journal.
const APPLICATION: i32 = 0x6172_7a6a;

/// The time to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);

/// Statements that lead from each version to the next.
const MIGRATIONS: [&str; 2] = [include_str!("schema-1.sql"), include_str!("schema-2.sql")];

/// The crash that what is written outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// That of the machine, too: every write waits for the disk.
    #[default]
    Power,
    /// That of the process: what the system still has in memory is lost with the machine.
    Process,
}

/// Opens a journal, and makes it if it is not there.
///
/// # Errors
/// [`Error::Setup`] if it cannot be opened, is none, is damaged, or is of a newer version.
pub(super) fn open(path: &Path, durability: Durability) -> Result<Connection, Error> {
    create(path)?;
    let fault = |error: rusqlite::Error| Error::Setup(describe(path, &error));
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    connection.busy_timeout(BUSY).map_err(fault)?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(fault);
    let (version, application) = (number("user_version")?, number("application_id")?);
    let is_new = version == 0 && application == 0;
    let tables = || connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    if application != i64::from(APPLICATION) && !(is_new && tables().map_err(fault)? == 0) {
        return Err(Error::Setup(format!("`{}` is a database, but no journal of runs", path.display())));
    }
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > VERSION {
        return Err(Error::Setup(format!(
            "the journal `{}` is of version {version}, and this release reads up to {VERSION}: a newer release has written it",
            path.display()
        )));
    }
    let synchronous = if durability == Durability::Power { "FULL" } else { "NORMAL" };
    let settings = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
    );
    connection.execute_batch(&settings).map_err(fault)?;
    // Who only reads takes no lock for that.
    if version < VERSION {
        migrate(&mut connection).map_err(fault)?;
    }
    Ok(connection)
}

/// Brings the tables to the newest version; two processes may do that at once.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = usize::try_from(version).unwrap_or_default();
    for step in MIGRATIONS.iter().skip(known) {
        transaction.execute_batch(step)?;
    }
    if known < VERSION {
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION as i64)?;
    }
    transaction.commit()
}

/// Makes the file, for its owner alone: SQLite makes those beside it as it is.
fn create(path: &Path) -> Result<(), Error> {
    let wrong = |error: std::io::Error| Error::Setup(format!("the journal `{}`: {error}", path.display()));
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        private_file::make_folder(folder).map_err(wrong)?;
    }
    match private_file::create(path).map(|_: File| ()) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(wrong(error)),
        _ => Ok(()),
    }
}

/// A fault of the database, for people.
pub(super) fn describe(path: &Path, error: &rusqlite::Error) -> String {
    let name = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => format!("`{name}` is no journal of runs: it is not a database"),
        Some(ErrorCode::DatabaseCorrupt) => {
            format!("the journal `{name}` is damaged ({error}); `sqlite3 {name} .recover` shows what can be read of it")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            format!("the journal `{name}` cannot be written: {error}; it and its folder have to be writable")
        }
        Some(ErrorCode::DiskFull) => format!("the journal `{name}` cannot be written: the disk is full"),
        Some(ErrorCode::DatabaseBusy) => {
            format!("the journal `{name}` is in use: another process has been writing for {} s", BUSY.as_secs())
        }
        _ => format!("the journal `{name}`: {error}"),
    }
}
