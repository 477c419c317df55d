//! A run whose documents take the place of those that it began with: what that changes in the tables.

use arazzo_engine::machine::Secrets;
use rusqlite::{Connection, params};

use crate::description::Description;
use crate::envelope::Envelope;
use crate::error::Error;
use crate::journal::course::{Course, TAKEN_BACK};
use crate::journal::run_log::{Sealed, texts};
use crate::journal::setup::Setup;
use crate::journal::store::Journal;
use crate::journal::write::{Sealing, add_documents, lines};
use crate::journal::writer::Fault;
use crate::session::StoredSession;

/// Everything of a run that is another with other documents.
pub(super) struct Renewal {
    setup: String,
    opening: Vec<u8>,
    texts: Vec<(String, Sealing)>,
    state: (String, Vec<u8>),
    pub(super) events: Vec<Envelope>,
    /// The number of the first input that is taken back.
    next: u64,
}

impl Renewal {
    /// # Errors
    /// [`Error::Setup`] if something cannot be encrypted.
    pub(super) fn of(
        (journal, run): (&Journal, &str),
        description: &Description,
        course: &Course,
        (stored, secrets): (&StoredSession, &Secrets),
        events: Vec<Envelope>,
    ) -> Result<Self, Error> {
        let key = journal.key()?;
        let text = |error: serde_json::Error| Error::Setup(error.to_string());
        let sealed = Sealed { secrets: secrets.clone(), answers: vec![] };
        let hidden = key.encrypt(run, &serde_json::to_vec(&sealed).map_err(text)?)?;
        Ok(Self {
            setup: serde_json::to_string(&Setup::of(description)).map_err(text)?,
            opening: key.encrypt(run, &serde_json::to_vec(course.head()).map_err(text)?)?,
            texts: texts(journal, key, description.program()),
            state: (serde_json::to_string(stored).map_err(text)?, hidden),
            events,
            next: course.next(),
        })
    }

    pub(super) fn apply(self, run: &str, connection: &Connection) -> Result<(), Fault> {
        let (state, secrets) = self.state;
        connection.execute(
            "UPDATE runs SET setup = ?2, opening = ?3 WHERE id = ?1",
            params![run, self.setup, self.opening],
        )?;
        connection.execute("DELETE FROM documents WHERE run = ?1", [run])?;
        add_documents(run, self.texts, connection)?;
        connection
            .execute("UPDATE states SET state = ?2, secrets = ?3 WHERE run = ?1", params![run, state, secrets])?;
        connection.execute("DELETE FROM events WHERE run = ?1", [run])?;
        let mut add = connection.prepare_cached("INSERT INTO events (run, seq, event) VALUES (?1, ?2, ?3)")?;
        for (seq, event) in lines(&self.events) {
            add.execute(params![run, seq as i64, event])?;
        }
        let taken_back = "UPDATE inputs SET part = ?2 WHERE run = ?1 AND number >= ?3";
        connection.execute(taken_back, params![run, TAKEN_BACK, self.next as i64])?;
        Ok(())
    }
}
