//! What one write of a run changes in the tables.

use arazzo_engine::machine::CallId;
use rusqlite::{Connection, params};

use crate::envelope::Envelope;
use crate::error::Error;
use crate::journal::writer::{Fault, now};

/// Everything that is written of a run at once.
#[derive(Default)]
pub(super) struct RunWrite {
    pub(super) run: String,
    pub(super) owner: String,
    pub(super) begin: Option<Begin>,
    pub(super) step: Option<String>,
    /// The state, and its secrets, encrypted.
    pub(super) state: Option<(String, Vec<u8>)>,
    pub(super) events: Vec<(u64, String)>,
    /// Everything that it took in.
    pub(super) inputs: Vec<KeptInput>,
    /// Numbers of events that are not kept any more, nor what they followed from.
    pub(super) dropped: Vec<u64>,
    /// Requests that are about to leave and may not be sent twice.
    pub(super) sent: Vec<SentRequest>,
    /// Calls of which the run knows how they ended.
    pub(super) settled: Vec<CallId>,
    pub(super) end: Option<End>,
}

/// The beginning of a run.
pub(super) struct Begin {
    pub(super) document: String,
    pub(super) workflow: String,
    pub(super) began: i64,
    pub(super) key: String,
    pub(super) setup: String,
    /// Inputs and settings, encrypted.
    pub(super) opening: Vec<u8>,
    /// The documents, each by its hash; its text, encrypted, is asked for if it is not there.
    pub(super) texts: Vec<(String, Sealing)>,
}

/// Encrypts a text.
pub(super) type Sealing = Box<dyn FnOnce() -> Result<Vec<u8>, Error> + Send>;

/// A request that may not be sent twice.
pub(super) struct SentRequest {
    pub(super) call: CallId,
    /// `true` if it has a key by which its server knows it when it comes again.
    pub(super) again: bool,
    pub(super) step: Option<String>,
    pub(super) method: String,
    /// Without secrets.
    pub(super) url: String,
    /// A keyed hash.
    pub(super) body: Option<String>,
}

/// Something that a run took in.
pub(super) struct KeptInput {
    pub(super) event: u64,
    pub(super) number: u64,
    pub(super) ms: u64,
    pub(super) part: Part,
    /// A keyed hash of its body, if that is not kept.
    pub(super) cut: Option<String>,
    /// Encrypted.
    pub(super) input: Vec<u8>,
}

/// The course of a run that something belongs to: a run that is stopped ends, and goes on as if it had not been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Both = 0,
    Ending = 1,
    GoingOn = 2,
}

/// The end of a run.
pub(super) struct End {
    pub(super) status: &'static str,
    pub(super) exit: u8,
    pub(super) reason: Option<String>,
    /// Encrypted.
    pub(super) outcome: Vec<u8>,
    pub(super) ending: String,
}

/// Settled requests that are kept.
const SETTLED: u64 = 256;

impl RunWrite {
    /// # Errors
    /// [`Fault::Refused`] if the run has another owner by now.
    pub(super) fn apply(self, connection: &Connection) -> Result<(), Fault> {
        let (run, owner) = (&self.run, &self.owner);
        if let Some(begin) = self.begin {
            begin.apply(run, owner, connection)?;
        }
        let mut update = connection.prepare_cached(
            "UPDATE runs SET updated = ?3, alive = ?3, step = coalesce(?4, step) WHERE id = ?1 AND owner = ?2",
        )?;
        if update.execute(params![run, owner, now(), self.step])? == 0 {
            let mut known = connection.prepare_cached("SELECT 1 FROM runs WHERE id = ?1")?;
            return Err(Fault::Refused(match known.exists([run])? {
                true => format!("the run `{run}` has another owner by now, and goes on there"),
                false => format!("the beginning of the run `{run}` could not be written, so it is not in the journal"),
            }));
        }
        if let Some((state, secrets)) = self.state {
            let mut replace = connection.prepare_cached(
                "INSERT INTO states (run, state, secrets) VALUES (?1, ?2, ?3)
                 ON CONFLICT (run) DO UPDATE SET state = excluded.state, secrets = excluded.secrets",
            )?;
            replace.execute(params![run, state, secrets])?;
        }
        let mut add =
            connection.prepare_cached("INSERT OR REPLACE INTO events (run, seq, event) VALUES (?1, ?2, ?3)")?;
        for (seq, event) in self.events {
            add.execute(params![run, seq as i64, event])?;
        }
        for input in self.inputs {
            input.apply(run, connection)?;
        }
        let mut drop = connection.prepare_cached("DELETE FROM events WHERE run = ?1 AND seq = ?2")?;
        let mut forget = connection.prepare_cached("DELETE FROM inputs WHERE run = ?1 AND event = ?2")?;
        for seq in self.dropped {
            drop.execute(params![run, seq as i64])?;
            forget.execute(params![run, seq as i64])?;
        }
        for sent in self.sent {
            sent.apply(run, connection)?;
        }
        for CallId(call) in self.settled {
            let mut settle =
                connection.prepare_cached("UPDATE requests SET settled = ?3 WHERE run = ?1 AND call = ?2")?;
            settle.execute(params![run, call as i64, now()])?;
            let mut forget = connection
                .prepare_cached("DELETE FROM requests WHERE run = ?1 AND call < ?2 AND settled IS NOT NULL")?;
            forget.execute(params![run, call.saturating_sub(SETTLED) as i64])?;
        }
        if let Some(end) = self.end {
            // A run that was asked to stop, and has, is not to go on.
            let mut ended = connection.prepare_cached(
                "UPDATE runs SET status = iif(cancel = 1 AND ?2 = 'stopped', 'cancelled', ?2), exit = ?3, reason = ?4,
                 outcome = ?5, ending = ?6, owner = NULL, pid = NULL, cancel = 0 WHERE id = ?1",
            )?;
            ended.execute(params![run, end.status, end.exit, end.reason, end.outcome, end.ending])?;
        }
        Ok(())
    }
}

impl Begin {
    fn apply(self, run: &str, owner: &str, connection: &Connection) -> Result<(), Fault> {
        let mut add = connection.prepare_cached(
            "INSERT INTO runs (id, document, workflow, status, began, updated, owner, pid, alive, arazzo, key, setup, opening)
             VALUES (?1, ?2, ?3, 'running', ?4, ?4, ?5, ?6, ?4, ?7, ?8, ?9, ?10)",
        )?;
        let (pid, version) = (std::process::id(), env!("CARGO_PKG_VERSION"));
        let (key, setup, opening) = (self.key, self.setup, self.opening);
        add.execute(params![run, self.document, self.workflow, self.began, owner, pid, version, key, setup, opening])?;
        add_documents(run, self.texts, connection)
    }
}

/// Says which documents a run reads.
pub(super) fn add_documents(run: &str, texts: Vec<(String, Sealing)>, connection: &Connection) -> Result<(), Fault> {
    let mut text = connection.prepare_cached("INSERT INTO texts (hash, text) VALUES (?1, ?2)")?;
    let mut document = connection.prepare_cached("INSERT INTO documents (run, place, hash) VALUES (?1, ?2, ?3)")?;
    let mut known = connection.prepare_cached("SELECT 1 FROM texts WHERE hash = ?1")?;
    for (place, (hash, sealing)) in texts.into_iter().enumerate() {
        if !known.exists([&hash])? {
            let bytes = sealing().map_err(|error| Fault::Refused(error.to_string()))?;
            text.execute(params![hash, bytes])?;
        }
        document.execute(params![run, place as i64, hash])?;
    }
    Ok(())
}

impl KeptInput {
    pub(super) fn apply(self, run: &str, connection: &Connection) -> rusqlite::Result<()> {
        let mut add = connection.prepare_cached(
            "INSERT OR REPLACE INTO inputs (run, event, number, ms, part, cut, input) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let (event, number, ms) = (self.event as i64, self.number as i64, self.ms as i64);
        add.execute(params![run, event, number, ms, self.part as i64, self.cut, self.input])?;
        Ok(())
    }
}

impl SentRequest {
    fn apply(self, run: &str, connection: &Connection) -> rusqlite::Result<()> {
        let mut add = connection.prepare_cached(
            "INSERT OR REPLACE INTO requests (run, call, step, method, url, body, sent, again)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        add.execute(params![run, self.call.0 as i64, self.step, self.method, self.url, self.body, now(), self.again])?;
        Ok(())
    }
}

/// Events as they stand in the table.
pub(super) fn lines(events: &[Envelope]) -> Vec<(u64, String)> {
    // Nothing in an event has keys that are not text, which is all that could fail.
    events.iter().filter_map(|envelope| Some((envelope.seq, serde_json::to_string(envelope).ok()?))).collect()
}
