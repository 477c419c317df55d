//! Case → run: a driver over [`Session`] in virtual time, which keeps everything that was said.

use arazzo::{CallId, Envelope, EventKind, Failure, Input, Outcome, Progress, Session, Workflow};
use serde_json::Value as Json;

use crate::broker::Broker;
use crate::chance::Chance;
use crate::documents::Case;
use crate::promises::{Broken, Watch, broken};
use crate::world::World;

/// Turns after which a run is taken for one that has no end.
const TURNS: u64 = 3_000;

/// The number of events that are shown of a run that breaks a promise.
const SHOWN: usize = 20;

/// A run that came to its end.
pub struct Ended {
    /// Every event as a line, without the name of the run.
    pub lines: Vec<String>,
    pub outcome: Outcome,
}

/// How a run is driven.
#[derive(Clone, Copy)]
pub struct Drive {
    /// How many of a hundred turns are followed by a restart from what was stored.
    pub restores: u64,
}

/// The times at which things happen to a run that nobody asked for.
struct Disturbances {
    chance: Chance,
    /// The turn after which the run is cancelled, and cancelled again.
    cancels: [Option<u64>; 2],
    /// In how many of a hundred turns time passes by the wake.
    jumps: u64,
}

impl Disturbances {
    fn of(case: &Case) -> Self {
        let mut chance = Chance::new(case.seed, "disturbances");
        let first = chance.percent(25).then(|| chance.below(20));
        let second = first.filter(|_| chance.percent(30)).map(|turn| turn + chance.below(3));
        let jumps = chance.pick(&[0, 0, 20]);
        Self { chance, cancels: [first, second], jumps }
    }

    fn jump(&mut self) -> u64 {
        match self.chance.percent(self.jumps) {
            true => self.chance.pick(&[1, 700, 20_000, 400_000]),
            false => 0,
        }
    }
}

/// Runs a case to its end, and holds every promise on the way.
pub fn run(case: &Case, workflow: &Workflow, drive: Drive) -> Result<Ended, Broken> {
    let mut session = workflow.session(case.inputs()).map_err(|error| broken("session", error.to_string()))?;
    if case.queues() {
        session.await_progress();
    }
    let mut running = Running {
        workflow,
        session,
        now: 0,
        coming: vec![],
        at: Default::default(),
        queues: case.queues(),
        world: World::new(case),
        broker: Broker::new(case),
        watch: Watch::new(case, workflow.description().touches(workflow.name())),
        disturbances: Disturbances::of(case),
        restores: drive.restores,
        restarts: Chance::new(case.seed, "restores"),
        lines: vec![],
    };
    match running.go_to_end() {
        Ok(outcome) => Ok(Ended { lines: running.lines, outcome }),
        Err(found) => {
            let last = &running.lines[running.lines.len().saturating_sub(SHOWN)..];
            Err(broken(found.promise, format!("{}; the last events:\n{}", found.how, last.join("\n"))))
        }
    }
}

struct Running<'a> {
    workflow: &'a Workflow,
    session: Session,
    now: u64,
    /// What is on its way: when it comes, and for which call, if it is for one.
    coming: Vec<(u64, Option<CallId>, Input)>,
    /// The workflow and the step that began last.
    at: (String, String),
    world: World,
    broker: Broker,
    watch: Watch,
    disturbances: Disturbances,
    restores: u64,
    restarts: Chance,
    queues: bool,
    lines: Vec<String>,
}

impl Running<'_> {
    fn go_to_end(&mut self) -> Result<Outcome, Broken> {
        for turn in 0..TURNS {
            if let Some(outcome) = self.take_turn(turn)? {
                self.watch.end(&outcome)?;
                return Ok(outcome);
            }
        }
        Err(broken("1 every run ends", format!("not after {TURNS} turns, at {} ms", self.now)))
    }

    fn take_turn(&mut self, number: u64) -> Result<Option<Outcome>, Broken> {
        let turn = self.session.turn(self.now);
        self.coming.retain(|(_, call, _)| call.is_none_or(|call| !turn.aborts.contains(&call)));
        for outgoing in &turn.sends {
            let sent = turn.events.iter().any(|envelope| {
                matches!(&envelope.event.kind, EventKind::RequestSent { call, .. } if *call == outgoing.call.0)
            });
            if sent == self.queues {
                let how = format!("call {} is said to be sent: {sent}, when it is handed out", outgoing.call.0);
                return Err(broken("9 events", how));
            }
            let began = turn.events.iter().rev().map(|envelope| &envelope.event);
            if let Some(event) = began.into_iter().find(|event| matches!(event.kind, EventKind::StepStarted { .. })) {
                self.at = (event.workflow.clone(), event.step.clone().unwrap_or_default());
            }
            self.watch.request(self.now, outgoing, &self.world.secrets)?;
            let (workflow, step) = self.at.clone();
            let coming = self.world.answer(outgoing, &workflow, &step);
            let (call, mut at) = (outgoing.call, self.now);
            for (after, progress) in coming.stages.into_iter().filter(|_| self.queues) {
                at += after;
                self.coming.push((at, Some(call), Input::Progress { call, progress }));
            }
            self.coming.push((at + coming.after, Some(call), Input::Reply { call, result: coming.result }));
        }
        for request in &turn.channels {
            self.watch.message(self.now, request)?;
            for (after, heard) in self.broker.ask(request)? {
                self.coming.push((self.now + after, None, Input::Channel(heard)));
            }
        }
        for envelope in turn.events {
            self.keep(envelope)?;
        }
        self.watch.turn(self.now, &turn.aborts, turn.wake, turn.outcome.is_some())?;
        if turn.outcome.is_some() {
            return Ok(turn.outcome);
        }
        let restarted = self.restarts.percent(self.restores);
        if restarted || number % 8 == 3 {
            self.store(restarted)?;
        }
        for outgoing in &turn.sends {
            if self.session.outgoing(outgoing.call).as_ref() != Some(outgoing) {
                return Err(broken("12 same bytes", format!("call {} is made again otherwise", outgoing.call.0)));
            }
        }
        self.go_on(number, turn.wake);
        Ok(None)
    }

    /// Gives what comes next to the session.
    fn go_on(&mut self, number: u64, wake: Option<u64>) {
        if self.disturbances.cancels.contains(&Some(number)) {
            self.watch.cancel(self.now);
            self.session.apply(self.now, Input::Cancel);
            return;
        }
        if self.disturbances.chance.percent(3) {
            // Time that passes before anything is due, and an answer that nobody waits for, change nothing.
            let gone = Failure { kind: arazzo::FailureKind::Reset, message: "late".to_owned(), in_doubt: true };
            self.session.apply(self.now, Input::Tick);
            let call = CallId(1 << 40);
            self.session.apply(self.now, Input::Progress { call, progress: Progress::Written });
            self.session.apply(self.now, Input::Reply { call, result: Err(gone) });
        }
        let jump = self.disturbances.jump();
        let first = (0..self.coming.len()).min_by_key(|index| self.coming[*index].0);
        match first.map(|index| (index, self.coming[index].0)) {
            Some((index, at)) if wake.is_none_or(|wake| at <= wake) => {
                let (_, _, input) = self.coming.remove(index);
                self.now = self.now.max(at) + jump;
                self.session.apply(self.now, input);
            }
            _ => {
                self.now = self.now.max(wake.unwrap_or(self.now)) + jump;
                self.session.apply(self.now, Input::Tick);
            }
        }
    }

    fn keep(&mut self, mut envelope: Envelope) -> Result<(), Broken> {
        envelope.run = String::new();
        let line = serde_json::to_string(&envelope).map_err(|error| broken("9 events", error.to_string()))?;
        self.lines.push(line);
        self.watch.event(&envelope, &self.world.secrets)
    }

    /// Stores the run as text, which holds no secret, and goes on from there if it is restarted.
    fn store(&mut self, restarted: bool) -> Result<(), Broken> {
        let failed = |error: &dyn std::fmt::Display| broken("12 same bytes", format!("cannot be stored: {error}"));
        let (state, secrets) = self.session.stored().map_err(|error| failed(&error))?;
        let state = serde_json::to_string(&state).map_err(|error| failed(&error))?;
        let parsed: Json = serde_json::from_str(&state).map_err(|error| failed(&error))?;
        self.watch.hides("in a stored state", &parsed, &self.world.secrets)?;
        if restarted {
            let secrets = serde_json::to_string(&secrets).map_err(|error| failed(&error))?;
            let state = serde_json::from_str(&state).map_err(|error| failed(&error))?;
            let secrets = serde_json::from_str(&secrets).map_err(|error| failed(&error))?;
            self.session = Session::restore(self.workflow, state, secrets).map_err(|error| failed(&error))?;
        }
        Ok(())
    }
}
