//! Runs that the engine Restate keeps: the worker that runs them, and those who start, see and decide about them.

mod runs;
mod start;
mod worker;

use arazzo::Error;
use arazzo::journal::JournalKey;

pub(crate) use runs::{cancel, list, resume, show};
pub(crate) use start::start;
pub(crate) use worker::worker;

use crate::environment::variable;
use crate::journal::KEY;

/// The key that the engine's journals are encrypted with; nothing if none is given.
///
/// # Errors
/// [`Error::Setup`] if it is none.
fn key() -> Result<Option<JournalKey>, Error> {
    let text = variable(KEY).filter(|text| !text.is_empty());
    text.map(|text| JournalKey::parse(&text).map_err(|error| Error::Setup(format!("{KEY}: {error}")))).transpose()
}

/// A runtime for a few questions.
fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::Setup(format!("cannot start: {error}")))
}
