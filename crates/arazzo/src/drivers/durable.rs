//! A run that another engine keeps: what it begins with, and what came since, as data that the engine gives back when the
//! run is played again, on this machine or another one. Names no engine.
//!
//! A run is played from its beginning: it begins with what is kept of its beginning, and everything that was heard from the
//! world since then is applied again, at the times of then. So nothing that is read anew may decide anything: the policy
//! of the worker is asked when a request leaves, and its answer is kept as all others are.

use std::time::Duration;

use arazzo_engine::limits::Millis;
use arazzo_engine::machine::{CallId, Failure, FailureKind, Input, Outcome, Outgoing, SEMANTICS, Secrets};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::description::{Client, Description};
use crate::drivers::live::Calls;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::journal::resume::Decision;
use crate::journal::setup::{KeptText, Setup};
use crate::policy::permissions::RunPolicy;
use crate::report::RunRecord;
use crate::session::{Session, SessionTurn, StoredSession};
use crate::transport::World;
use crate::workflow::Workflow;

/// Bytes of the answers that come to one step, all together, which an engine keeps: in base64 and with what stands around
/// them they are less than the 32 MiB that a message may have.
pub(crate) const MOST_KEPT: usize = 20 << 20;

/// The time in which no worker had a run, from which on it is said and does not count.
const AWAY_MS: Millis = 1_000;

/// What is done about a request that may not be sent twice, and of which it is not known whether it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Unknown {
    /// The run waits until somebody decides.
    #[default]
    Ask,
    /// It is sent again: if it had arrived, its server acts twice.
    Retry,
    /// There is no answer: the step fails, and its `onFailure` runs.
    Fail,
}

/// What a run begins with. Holds secrets.
#[derive(Serialize, Deserialize)]
pub(crate) struct Begun {
    /// The semantics of the machine that it goes on with.
    pub(crate) semantics: u32,
    workflow: String,
    setup: Setup,
    texts: Vec<KeptText>,
    /// [`documents_of`] them.
    documents: String,
    stored: StoredSession,
    secrets: Secrets,
}

impl Begun {
    /// Begins a run of a workflow with this name.
    ///
    /// # Errors
    /// As [`Workflow::check`].
    pub(crate) fn new(workflow: &Workflow, inputs: Inputs, run: &str) -> Result<Self, Error> {
        let session = workflow.durable_session(inputs, run)?;
        let (stored, secrets) = session.stored()?;
        let description = &workflow.description;
        Ok(Self {
            semantics: SEMANTICS,
            workflow: workflow.name().to_owned(),
            setup: Setup::of(description),
            texts: texts(description),
            documents: documents_of(description),
            stored,
            secrets,
        })
    }

    /// The documents that the run was begun with, and how they are read.
    pub(crate) fn documents(&self) -> &str {
        &self.documents
    }

    /// Reads the documents as they were, for a worker of this workflow, whose network and permissions are its own.
    ///
    /// # Errors
    /// As [`crate::Builder::load_blocking`].
    pub(crate) fn read(&mut self, of_worker: &Description) -> Result<Workflow, Error> {
        let mut builder = self.setup.clone().builder(std::mem::take(&mut self.texts)).naming(of_worker.naming());
        match &of_worker.client {
            Client::Own(network) => builder.network = network.clone(),
            Client::Foreign(transport) => builder.transport = Some(transport.clone()),
        }
        builder.grants = of_worker.world.grants.clone();
        builder.clock = Some(of_worker.world.clock.clone());
        builder.load_blocking()?.begun_workflow(&self.workflow)
    }

    /// The run at its beginning.
    ///
    /// # Errors
    /// [`Error::Setup`] if the workflow is another one.
    pub(crate) fn session(self, workflow: &Workflow) -> Result<Session, Error> {
        // It plays what was decided once.
        let policy = RunPolicy::of_stub(workflow.description.naming());
        let program = workflow.description.compiled.program.clone();
        let mut session = Session::restored(program, policy, self.stored, self.secrets)?;
        session.await_progress();
        Ok(session)
    }
}

fn texts(description: &Description) -> Vec<KeptText> {
    let kept =
        |source: &arazzo_engine::source::Source| KeptText { uri: source.uri.clone(), text: source.text.to_string() };
    description.program().sources.iter().map(|(_, source)| kept(source)).collect()
}

/// A number for documents and the way in which they are read.
pub(crate) fn documents_of(description: &Description) -> String {
    let setup = serde_json::to_vec(&Setup::of(description)).unwrap_or_default();
    let part = |hash: Sha256, bytes: &[u8]| hash.chain_update((bytes.len() as u64).to_be_bytes()).chain_update(bytes);
    let whole = description.program().sources.iter().fold(part(Sha256::new(), &setup), |hash, (_, source)| {
        part(part(hash, source.uri.as_bytes()), source.text.as_bytes())
    });
    whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What came of sending requests.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Exchange {
    /// They have ended.
    Ended {
        /// The time of the run at which it went on, after so many ms in which no worker had it.
        away: Option<(Millis, Millis)>,
        /// Everything that was heard, with its times.
        heard: Vec<(Millis, Input)>,
    },
    /// They were about to be sent once already: it is not known whether they arrived.
    InDoubt(Unknown),
}

/// What was decided about a request in doubt.
#[derive(Serialize, Deserialize)]
pub(crate) struct Decided {
    /// The time of the run.
    pub(crate) at: Millis,
    pub(crate) decision: Decision,
}

/// A run in the middle.
pub(crate) struct DurableRun {
    pub(crate) session: Session,
    /// Requests that are to be sent.
    pub(crate) sends: Vec<Outgoing>,
    /// The time to go on at, if nothing is to be sent.
    pub(crate) wake: Option<Millis>,
    pub(crate) outcome: Option<Outcome>,
    /// Everything that happened so far.
    pub(crate) record: RunRecord,
}

impl DurableRun {
    /// Takes the first turn of a run.
    pub(crate) fn begin(session: Session, record: RunRecord) -> Self {
        let mut run = Self { session, sends: vec![], wake: None, outcome: None, record };
        run.turn(0);
        run
    }

    /// Applies an input; gives the calls whose answers are not wanted any more.
    pub(crate) fn apply(&mut self, at: Millis, input: Input) -> Vec<CallId> {
        self.session.apply(at, input);
        self.turn(at)
    }

    fn turn(&mut self, at: Millis) -> Vec<CallId> {
        // No worker offers a workflow that sends or receives messages.
        // What a policy says is kept with what was heard.
        let SessionTurn { events, sends, aborts, wake, outcome, channels: _, refused: _ } = self.session.turn(at);
        events.iter().for_each(|envelope| self.record.add(envelope));
        self.sends.retain(|outgoing| !aborts.contains(&outgoing.call));
        self.sends.extend(sends);
        (self.wake, self.outcome) = (wake, outcome);
        aborts
    }

    /// Goes on at a time, after so many ms in which no one had the run; calls are sent again.
    pub(crate) fn resume(&mut self, at: Millis, away: Millis, again: &[CallId]) {
        self.session.resume_at(at, away, again);
        self.turn(at);
    }

    /// Applies what was heard when the requests of this run were sent.
    pub(crate) fn replay(&mut self, away: Option<(Millis, Millis)>, heard: Vec<(Millis, Input)>) {
        if let Some((at, away)) = away {
            self.resume(at, away, &[]);
        }
        for (at, input) in heard {
            self.apply(at, input);
        }
    }

    /// A call in doubt has ended: it was written once, and this came of it.
    pub(crate) fn settle(&mut self, at: Millis, call: CallId, decision: Decision) {
        let result = match decision {
            Decision::Answer(response) => Ok(response),
            Decision::Retry | Decision::Fail => Err(Failure {
                kind: FailureKind::GivenUp,
                message: "it is not known whether the request arrived: its worker ended before the answer came"
                    .to_owned(),
                in_doubt: true,
            }),
        };
        self.apply(at, Input::Progress { call, progress: arazzo_engine::machine::Progress::Written });
        self.apply(at, Input::Reply { call, result });
    }

    /// The time of the run by the clock of a worker.
    pub(crate) fn clock(&self, world: &World) -> Millis {
        let wall = i64::try_from(world.clock.wall().as_millis()).unwrap_or(i64::MAX);
        let since = u64::try_from(wall.saturating_sub(self.session.epoch_ms())).unwrap_or(0);
        since.max(self.session.now())
    }

    /// Sends requests, as the policy of this worker lets them leave, and applies what comes until all of them have ended.
    /// Requests that follow from it are sent after that. `resumes` if another attempt may have had the run before.
    pub(crate) async fn exchange(&mut self, batch: Vec<Outgoing>, world: &World, resumes: bool) -> Exchange {
        let start = self.clock(world);
        let gap = start.saturating_sub(self.session.now());
        let away = (resumes && gap >= AWAY_MS).then_some((start, gap));
        if let Some((at, away)) = away {
            self.resume(at, away, &[]);
        }
        let began = world.clock.elapsed();
        let since = |time: Duration| {
            start.saturating_add(u64::try_from(time.saturating_sub(began).as_millis()).unwrap_or(u64::MAX))
        };
        let (mut calls, mut heard, mut kept) = (Calls::default(), vec![], 0);
        for outgoing in batch {
            let call = outgoing.call;
            match self.session.permitted_by(&world.grants, &outgoing) {
                Ok(()) => calls.send(world, outgoing),
                Err(message) => {
                    let refused = Failure { kind: FailureKind::Refused, message, in_doubt: false };
                    let input = Input::Reply { call, result: Err(refused) };
                    heard.push((start, input.clone()));
                    calls.give_up(&self.apply(start, input));
                }
            }
        }
        while !calls.is_empty() && self.outcome.is_none() {
            let wake = self.wake.map(|at| Duration::from_millis(at.saturating_sub(since(world.clock.elapsed()))));
            let sleep = async {
                match wake {
                    Some(wait) => world.clock.sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            let (input, at) = tokio::select! {
                biased;
                came = calls.next() => came,
                () = sleep => (Input::Tick, None),
            };
            let at = since(at.unwrap_or_else(|| world.clock.elapsed()));
            let input = bounded(input, &mut kept);
            heard.push((at, input.clone()));
            calls.give_up(&self.apply(at, input));
        }
        Exchange::Ended { away, heard }
    }
}

/// An input that an engine can keep: an answer that is too large is none.
fn bounded(input: Input, kept: &mut usize) -> Input {
    let Input::Reply { call, result: Ok(response) } = &input else { return input };
    let bytes =
        response.body.len() + response.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    *kept = kept.saturating_add(bytes);
    if *kept <= MOST_KEPT {
        return input;
    }
    let message = format!(
        "the answer has {bytes} bytes, and the engine that keeps the run takes no more than {MOST_KEPT} of one step"
    );
    let failure = Failure { kind: FailureKind::BodyTooLarge, message, in_doubt: true };
    Input::Reply { call: *call, result: Err(failure) }
}

/// Inputs that a request may not have: secrets, which are given to the worker.
pub(crate) fn secrets_among<'i>(workflow: &Workflow, inputs: impl Iterator<Item = &'i str>) -> Vec<String> {
    let given = &workflow.description.settings.secrets;
    let secret = |name: &&str| {
        workflow.inputs().any(|input| input.name == **name && input.secret) || given.iter().any(|one| one == *name)
    };
    inputs.filter(secret).map(str::to_owned).collect()
}

/// The inputs in the body of a request: an object, or nothing.
///
/// # Errors
/// What is wrong with it; the message shows nothing of it.
pub(crate) fn inputs_of(body: &[u8]) -> Result<Inputs, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Inputs::new());
    }
    let text = std::str::from_utf8(body).map_err(|_| "the body of the request is not text".to_owned())?;
    match arazzo_engine::value::Json::read(text) {
        Ok(arazzo_engine::value::Json::Object(members)) => Ok(Inputs::from(members.into_inner())),
        Ok(_) => Err("the body of the request is the inputs of the run: an object".to_owned()),
        Err(error) => Err(format!("the body of the request is not JSON: line {}", error.line())),
    }
}
