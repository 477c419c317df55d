//! What is kept of a run, opened: its documents, what it began with, and what it took in since. From that it can be played
//! again, as a recording or with other documents.

use arazzo_engine::event::EventKind;
use arazzo_engine::limits::Millis;
use arazzo_engine::machine::Input;
use rusqlite::OptionalExtension as _;
use serde::de::DeserializeOwned;

use crate::drivers::recorder::Taken;
use crate::drivers::recording::{Head, Recording};
use crate::envelope::Envelope;
use crate::error::Error;
use crate::journal::setup::{KeptText, Setup};
use crate::journal::store::{Journal, JournaledRun};
use crate::session::Session;
use crate::workflow::Workflow;

/// What a run began with and what it took in since. Holds secrets.
pub(super) struct Course {
    head: Head,
    taken: Vec<TakenAt>,
    has_ended: bool,
}

/// Something that a run took in.
struct TakenAt {
    number: u64,
    event: u64,
    ms: Millis,
    taken: Taken,
}

/// A row of the table of inputs.
struct Row {
    event: u64,
    number: u64,
    ms: Millis,
    part: i64,
    is_cut: bool,
    input: Vec<u8>,
}

/// The part of what led to an end that was taken back, as the run went on.
pub(super) const TAKEN_BACK: i64 = 3;

impl Journal {
    /// The run as a recording: as [`Workflow::record`] makes one, with stand-ins for its secrets. One that has not come to
    /// its end ends in it where it is, as if it were interrupted there.
    ///
    /// # Errors
    /// [`Error::Setup`] if there is no such run, the key is another one, or something that it took in is not kept.
    pub fn export(&self, run: &str) -> Result<Recording, Error> {
        let run = self.run(run)?;
        self.check_key(&run)?;
        let (setup, texts) = self.documents_of(&run.id)?;
        let workflow = setup.builder(texts).load_blocking()?.begun_workflow(&run.workflow)?;
        self.course(&run)?.record(&workflow)
    }

    /// # Errors
    /// [`Error::Setup`] if the run is encrypted with another key.
    pub(super) fn check_key(&self, run: &JournaledRun) -> Result<(), Error> {
        let key = self.key()?;
        if key.id() == run.key {
            return Ok(());
        }
        let (id, its, given) = (&run.id, &run.key, key.id());
        Err(Error::Setup(format!(
            "the run `{id}` is encrypted with the key `{its}`, and the key that was given is `{given}`"
        )))
    }

    /// How the documents of a run were read, and their texts.
    pub(super) fn documents_of(&self, run: &str) -> Result<(Setup, Vec<KeptText>), Error> {
        let connection = self.read()?;
        let setup = connection.query_row("SELECT setup FROM runs WHERE id = ?1", [run], |row| row.get::<_, String>(0));
        let setup: Setup = serde_json::from_str(&self.db(setup)?).map_err(|e| self.unreadable(run, &e))?;
        let statement = "SELECT hash, text FROM documents JOIN texts USING (hash) WHERE run = ?1 ORDER BY place";
        let mut statement = self.db(connection.prepare(statement))?;
        let rows = statement.query_map([run], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let mut texts = vec![];
        for row in self.db(rows)? {
            let (hash, sealed) = self.db(row)?;
            let bytes = self.opened(run, (&hash, &sealed))?;
            texts.push(KeptText::of_compressed(&bytes).ok_or_else(|| self.damaged(run))?);
        }
        Ok((setup, texts))
    }

    fn opened(&self, run: &str, (place, sealed): (&str, &[u8])) -> Result<Vec<u8>, Error> {
        self.key()?.decrypt(place, sealed).ok_or_else(|| self.damaged(run))
    }

    /// Something of a run that is encrypted.
    pub(super) fn decrypted<T: DeserializeOwned>(&self, run: &str, sealed: &[u8]) -> Result<T, Error> {
        let bytes = self.opened(run, (run, sealed))?;
        serde_json::from_slice(&bytes).map_err(|error| self.unreadable(run, &error))
    }

    fn damaged(&self, run: &str) -> Error {
        self.unreadable(run, &"what is encrypted is not what was written, or its key is another one")
    }

    /// Everything that a run took in.
    ///
    /// # Errors
    /// [`Error::Setup`] if something of it is not kept.
    pub(super) fn course(&self, run: &JournaledRun) -> Result<Course, Error> {
        let connection = self.read()?;
        let id = &run.id;
        let opening = "SELECT opening, ending IS NOT NULL FROM runs WHERE id = ?1";
        let opening = connection.query_row(opening, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional();
        let (opening, has_ended): (Option<Vec<u8>>, bool) = self.db(opening)?.unwrap_or_default();
        let opening = opening.ok_or_else(|| not_kept(id, "an earlier release began it, which kept no answers"))?;
        let statement =
            "SELECT event, number, ms, part, cut IS NOT NULL, input FROM inputs WHERE run = ?1 ORDER BY number";
        let mut statement = self.db(connection.prepare(statement))?;
        let number = |row: &rusqlite::Row<'_>, place| {
            Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(place)?).unwrap_or_default())
        };
        let rows = statement.query_map([id], |row| {
            let (event, at, ms) = (number(row, 0)?, number(row, 1)?, number(row, 2)?);
            Ok(Row { event, number: at, ms, part: row.get(3)?, is_cut: row.get(4)?, input: row.get(5)? })
        });
        let (mut taken, mut next, mut event) = (vec![], 0, 0);
        let leaves_out = if has_ended { 2 } else { 1 };
        for row in self.db(rows)? {
            let row = self.db(row)?;
            if row.number != next {
                let step = self.step_at(id, event)?;
                let message =
                    format!("of the answers {step}, which was tried again and again, the first and the last are");
                return Err(not_kept(id, &message));
            }
            (next, event) = (row.number + 1, row.event);
            if row.part == leaves_out || row.part == TAKEN_BACK {
                continue;
            }
            if row.is_cut {
                let step = self.step_at(id, row.event)?;
                let most = super::run_log::WHOLE >> 10;
                let message = format!(
                    "an answer {step} has more than {most} KiB: the journal has what was read of it, and a hash"
                );
                return Err(not_kept(id, &message));
            }
            let input = self.decrypted(id, &row.input)?;
            taken.push(TakenAt { number: row.number, event: row.event, ms: row.ms, taken: input });
        }
        Ok(Course { head: self.decrypted(id, &opening)?, taken, has_ended })
    }

    /// The step that an event is about, in words.
    fn step_at(&self, run: &str, event: u64) -> Result<String, Error> {
        let known = self.events(run)?.into_iter().rev().filter(|envelope| envelope.seq <= event);
        let step = known.into_iter().find_map(|envelope| envelope.event.step);
        Ok(step.map(|step| format!("to step `{step}`")).unwrap_or_default())
    }
}

/// What a run took in is not kept whole.
fn not_kept(run: &str, what: &str) -> Error {
    Error::Setup(format!("not kept: the run `{run}` cannot be played again: {what}"))
}

impl Course {
    /// As a recording.
    pub(super) fn record(self, workflow: &Workflow) -> Result<Recording, Error> {
        let mut session = self.begin(workflow)?;
        session.record(u64::MAX);
        session.turn(0);
        let mut last = 0;
        let credentials = self.head.settings().credentials;
        for TakenAt { ms, taken, .. } in self.taken {
            session.take(ms, taken);
            session.turn(ms);
            last = ms;
        }
        if !self.has_ended {
            for _ in 0..2 {
                session.apply(last, Input::Cancel);
                session.turn(last);
            }
        }
        let (log, stand_ins) = session.into_recorder(&credentials);
        workflow.recording_of(log, stand_ins, self.head)
    }

    fn begin(&self, workflow: &Workflow) -> Result<Session, Error> {
        let head = &self.head;
        let mut session = workflow.begin_again(head.inputs.clone(), head.settings(), &head.run, head.epoch_ms)?;
        session.await_progress();
        Ok(session)
    }

    /// Leaves out what came after a step of the workflow that was run was entered for the last time; gives its visit.
    ///
    /// # Errors
    /// [`Error::Setup`] if the run did not come to it.
    pub(super) fn cut_at(&mut self, step: &str, events: &[Envelope]) -> Result<u32, Error> {
        let entered = events.iter().rfind(|envelope| enters(envelope, step));
        let entered = entered.ok_or_else(|| Error::Setup(format!("the run has not come to a step `{step}`")))?;
        let kept = self.taken.iter().rposition(|taken| taken.event <= entered.seq).map_or(0, |last| last + 1);
        self.taken.truncate(kept);
        self.has_ended = false;
        Ok(entered.event.visit.unwrap_or(1))
    }

    /// What it begins with, of these documents.
    ///
    /// # Errors
    /// [`Error::Inputs`] if the workflow does not take its inputs.
    pub(super) fn with_documents(&mut self, workflow: &Workflow) -> Result<(), Error> {
        self.head.inputs = workflow.accept_again(self.head.inputs.clone())?;
        self.head.set_warnings(&workflow.collect_warnings());
        self.head.set_documents(workflow.description().sources());
        Ok(())
    }

    /// Plays it with these documents: the run as it is then, and its events.
    pub(super) fn retell(&self, workflow: &Workflow) -> Result<(Session, Vec<Envelope>), Error> {
        let mut session = self.begin(workflow)?;
        let mut events = session.turn(0).events;
        for TakenAt { ms, taken, .. } in &self.taken {
            if matches!(taken, Taken::BegunAgain { .. }) {
                // The end is taken back.
                let ends = |envelope: &Envelope| matches!(envelope.event.kind, EventKind::WorkflowFinished { .. });
                events.truncate(events.iter().rposition(ends).unwrap_or(events.len()));
                session.set_seq(events.len() as u64);
            }
            session.take(*ms, taken.clone());
            events.extend(session.turn(*ms).events);
        }
        Ok((session, events))
    }

    /// The number of the first input that is left out.
    pub(super) fn next(&self) -> u64 {
        self.taken.last().map_or(0, |last| last.number + 1)
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }
}

/// `true` for the event with which a step of the workflow that was run is entered.
pub(super) fn enters(envelope: &Envelope, step: &str) -> bool {
    let event = &envelope.event;
    event.frame == 0 && event.step.as_deref() == Some(step) && matches!(event.kind, EventKind::StepStarted { .. })
}
