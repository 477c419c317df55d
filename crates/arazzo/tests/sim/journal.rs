//! Runs with a journal whose process ends: at a request that has arrived, or after any event. Each goes on from what was
//! written, and comes to the same end as one that was let alone; promises 4, 7, 8 and 9 hold over the journal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arazzo::journal::{Decision, Durability, Journal, JournalKey};
use arazzo::{
    Builder, Clock, Envelope, EventKind, Failure, Interrupt, Outcome, Outgoing, ParsedDocuments, Pending, Response,
    Transport, Workflow,
};

use crate::chance::Chance;
use crate::documents::Case;
use crate::promises::{Broken, broken};
use crate::world::World;

/// The seeds that are tried.
const SEEDS: u64 = 40;

/// The most that a process of one run ends.
const CRASHES: u64 = 40;

/// Time that passes at once, until the process has ended.
#[derive(Clone, Default)]
struct Virtual {
    ms: Arc<AtomicU64>,
    crashed: Arc<AtomicBool>,
}

/// The wall clock when it begins: far after today, so that it does not matter when the journal saw a process last.
const BEGIN_MS: u64 = 4_102_444_800_000;

impl Clock for Virtual {
    fn wall(&self) -> Duration {
        Duration::from_millis(BEGIN_MS) + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.ms.load(Ordering::SeqCst))
    }

    fn sleep(&self, time: Duration) -> Pending<'_, ()> {
        if self.crashed.load(Ordering::SeqCst) {
            return Box::pin(std::future::pending());
        }
        let ms = u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        self.ms.fetch_add(ms, Ordering::SeqCst);
        Box::pin(async {})
    }
}

/// The servers of a run. A call gets the same answer however often it is sent.
#[derive(Clone)]
struct Servers(Arc<Mutex<Shared>>);

struct Shared {
    world: World,
    answers: BTreeMap<u64, Result<Response, Failure>>,
    /// The calls that have arrived, with their methods.
    arrived: Vec<(u64, String)>,
    at: (String, String),
    /// So many requests are answered before one is not, and its process ends; so many events are said.
    left: Option<(u64, u64)>,
    /// `true` once the process has ended.
    crashed: Arc<AtomicBool>,
}

impl Servers {
    fn new(case: &Case, clock: &Virtual) -> Self {
        let (answers, arrived, at) = (BTreeMap::new(), vec![], Default::default());
        let crashed = clock.crashed.clone();
        Self(Arc::new(Mutex::new(Shared { world: World::new(case), answers, arrived, at, left: None, crashed })))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.0.lock().unwrap()
    }

    /// Takes note of where a run is.
    fn follow(&self, envelope: &Envelope) {
        if let EventKind::StepStarted { .. } = envelope.event.kind {
            let at = (envelope.event.workflow.clone(), envelope.event.step.clone().unwrap_or_default());
            self.lock().at = at;
        }
    }

    fn observe(&self, envelope: &Envelope) {
        self.follow(envelope);
        let mut shared = self.lock();
        if let Some((_, events)) = &mut shared.left {
            *events = events.saturating_sub(1);
            if *events == 0 {
                shared.crashed.store(true, Ordering::SeqCst);
            }
        }
    }
}

impl Transport for Servers {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let mut shared = self.lock();
        let call = outgoing.call.0;
        shared.arrived.push((call, outgoing.request.method.clone()));
        if let Some((requests, _)) = &mut shared.left {
            if *requests == 0 {
                shared.crashed.store(true, Ordering::SeqCst);
                return Box::pin(std::future::pending());
            }
            *requests -= 1;
        }
        let (workflow, step) = shared.at.clone();
        let known = shared.answers.get(&call).cloned();
        let answer = known.unwrap_or_else(|| shared.world.answer(&outgoing, &workflow, &step).result);
        shared.answers.insert(call, answer.clone());
        Box::pin(async move { answer })
    }
}

/// Ends with a run, or with its process.
async fn until_crash<T>(servers: &Servers, run: impl Future<Output = T>) -> Option<T> {
    let mut run = std::pin::pin!(run);
    std::future::poll_fn(|context| {
        let polled = run.as_mut().poll(context);
        if servers.lock().crashed.load(Ordering::SeqCst) {
            return std::task::Poll::Ready(None);
        }
        polled.map(Some)
    })
    .await
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn end(outcome: &Outcome) -> String {
    let outputs = serde_json::Value::from(outcome.outputs());
    let why = match outcome {
        Outcome::Failed { why, .. } | Outcome::Stopped { why, .. } => why.message.as_str(),
        _ => "",
    };
    format!("{} {outputs} {:?} {why}", outcome.exit_code(), outcome.missing())
}

/// Runs a case straight, then with crashes; `None` if its documents cannot be run.
async fn try_case(case: &Case, parsed: &ParsedDocuments) -> Option<Result<u64, Broken>> {
    let failed = |error: arazzo::Error| broken("8 same outputs", error.to_string());
    let on =
        |builder: Builder, servers: &Servers, clock: &Virtual| builder.transport(servers.clone()).clock(clock.clone());
    let clock = Virtual::default();
    let servers = Servers::new(case, &clock);
    let workflow = on(case.builder(parsed), &servers, &clock).load_blocking().ok()?.workflow(Some("w0")).ok()?;
    let straight = workflow.run(case.inputs(), |envelope| servers.observe(envelope)).await.ok()?;

    let folder = Folder(std::env::temp_dir().join(format!("arazzo-sim-{}-{}", std::process::id(), case.seed)));
    let path = folder.0.join("runs.db");
    let key = JournalKey::parse(&"5a".repeat(32)).unwrap();
    let open = || Journal::open_with(&path, Durability::Process).map(|journal| journal.with_key(key.clone()));
    let (clock, mut chance) = (Virtual::default(), Chance::new(case.seed, "crashes"));
    let servers = Servers::new(case, &clock);
    let workflow = on(case.builder(parsed), &servers, &clock).load_blocking().ok()?.workflow(Some("w0")).ok()?;
    let (mut decided, mut crashes) = (0, 0);
    let outcome = loop {
        {
            let mut shared = servers.lock();
            shared.crashed.store(false, Ordering::SeqCst);
            shared.left = (crashes < CRASHES).then(|| (chance.below(4), chance.below(16) + 1));
        }
        let journal = match open() {
            Ok(journal) => journal,
            Err(error) => return Some(Err(failed(error))),
        };
        let runs = match journal.runs() {
            Ok(runs) => runs,
            Err(error) => return Some(Err(failed(error))),
        };
        let observe = |envelope: &Envelope| servers.observe(envelope);
        let ended = match runs.first() {
            None => {
                if let Some((call, method)) = servers.lock().arrived.iter().find(|(_, method)| is_unsafe(method)) {
                    let how = format!("{method} of call {call} was sent before the run was kept");
                    return Some(Err(broken("7 no unsafe request twice", how)));
                }
                let run = workflow.clone().journaled(&journal);
                until_crash(&servers, run.run(case.inputs(), observe)).await
            }
            Some(run) => {
                let resumption = match journal.resume(&run.id) {
                    Ok(resumption) => resumption,
                    Err(error) => return Some(Err(failed(error))),
                };
                match resumption.outcome() {
                    Ok(Some(outcome)) => break outcome,
                    Ok(None) => {}
                    Err(error) => return Some(Err(failed(error))),
                }
                let resumed = resumption.builder().map(|builder| on(builder.parsed(parsed), &servers, &clock));
                let mut resumed = match resumed.and_then(|builder| resumption.load(builder)) {
                    Ok(resumed) => resumed,
                    Err(error) => return Some(Err(failed(error))),
                };
                // What was written is not always heard before the end.
                match resumed.events() {
                    Ok(events) => events.iter().for_each(|envelope| servers.follow(envelope)),
                    Err(error) => return Some(Err(failed(error))),
                }
                for doubt in resumed.in_doubt() {
                    decided += 1;
                    resumed.decide(doubt.call, Decision::Retry);
                }
                until_crash(&servers, resumed.run(&Interrupt::new(), observe)).await
            }
        };
        match ended {
            Some(Ok(outcome)) => break outcome,
            Some(Err(error)) => return Some(Err(failed(error))),
            None => crashes += 1,
        }
    };
    if end(&outcome) != end(&straight) {
        return Some(Err(broken("8 same outputs", format!("{} and {}", end(&straight), end(&outcome)))));
    }
    let journal = open().ok()?;
    let kept = keeps(&servers, decided, &journal, &path).and_then(|()| plays(&servers, &journal, &workflow));
    Some(kept.map(|()| crashes))
}

fn is_unsafe(method: &str) -> bool {
    matches!(method, "POST" | "PATCH")
}

/// What has to hold of a journal when its run is over.
fn keeps(servers: &Servers, decided: usize, journal: &Journal, path: &Path) -> Result<(), Broken> {
    let shared = servers.lock();
    let sent: Vec<u64> = shared.arrived.iter().filter(|(_, method)| is_unsafe(method)).map(|(call, _)| *call).collect();
    let twice = sent.iter().enumerate().filter(|(at, call)| sent.iter().take(*at).any(|other| other == *call)).count();
    if twice > decided {
        return Err(broken("7 no unsafe request twice", format!("{twice} were, and {decided} decided")));
    }
    let failed = |error: arazzo::Error| broken("9 events", error.to_string());
    let run = journal.runs().map_err(failed)?.into_iter().next().ok_or_else(|| broken("9 events", "no run"))?;
    let events = journal.events(&run.id).map_err(failed)?;
    let in_order = events.iter().zip(events.iter().skip(1)).all(|(one, next)| one.seq < next.seq);
    let ends = matches!(events.last().map(|last| &last.event.kind), Some(EventKind::RunFinished { .. }));
    let begins = matches!(events.first().map(|first| &first.event.kind), Some(EventKind::RunStarted { .. }));
    if !(in_order && begins && ends) {
        let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
        return Err(broken("9 events", format!("in order: {in_order}, begins: {begins}, ends: {ends}: {seqs:?}")));
    }
    for file in [path.to_path_buf(), path.with_file_name("runs.db-wal")] {
        let bytes = std::fs::read(&file).unwrap_or_default();
        for secret in shared.world.secrets.iter().filter(|secret| secret.len() >= 6) {
            if bytes.windows(secret.len()).any(|part| part == secret.as_bytes()) {
                return Err(broken("4 no secret", format!("{} holds {secret}", file.display())));
            }
        }
    }
    Ok(())
}

/// The run as a recording goes as the run went, however often its process ended, and has no secret in it.
fn plays(servers: &Servers, journal: &Journal, workflow: &Workflow) -> Result<(), Broken> {
    let broke = |how: String| broken("8 same outputs", format!("as a recording: {how}"));
    let run = journal.runs().ok().and_then(|runs| runs.into_iter().next()).ok_or_else(|| broke("no run".to_owned()))?;
    let recording = match journal.export(&run.id) {
        Ok(recording) => recording,
        Err(error) if error.to_string().contains("not kept") => return Ok(()),
        Err(error) => return Err(broke(error.to_string())),
    };
    let text = recording.to_text();
    let mut secrets = servers.lock().world.secrets.clone();
    secrets.retain(|secret| secret.len() >= 6);
    if let Some(secret) = secrets.iter().find(|secret| text.contains(secret.as_str())) {
        return Err(broken("4 no secret", format!("the recording holds {secret}")));
    }
    let replay = workflow.description().replay(&recording, |_| {}).map_err(|error| broke(error.to_string()))?;
    match (recording.unlike(), replay.drifts.first(), &replay.outcome) {
        (Some(_), ..) | (None, None, Some(_)) => Ok(()),
        (_, Some(drift), _) => Err(broke(format!("{drift:?}"))),
        (.., None) => Err(broke("it waits".to_owned())),
    }
}

#[test]
fn runs_with_a_journal_go_on_wherever_their_process_ends() {
    static PARSED: OnceLock<ParsedDocuments> = OnceLock::new();
    let seeds = match crate::number_of("ARAZZO_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..crate::number_of("ARAZZO_SIM_SEEDS").map_or(SEEDS, |seeds| seeds / 20),
    };
    let alone = seeds.end - seeds.start == 1;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut ran, mut crashes) = (0, 0);
    for seed in seeds {
        let case = Case::generate(seed);
        // What a broker said while no process listened is lost: such a run comes to another end.
        if case.has_messages() {
            continue;
        }
        match runtime.block_on(try_case(&case, PARSED.get_or_init(ParsedDocuments::new))) {
            Some(Ok(count)) => (ran, crashes) = (ran + 1, crashes + count),
            Some(Err(found)) => panic!(
                "`{}` is broken: {}\nARAZZO_SIM_SEED={seed} cargo test -p arazzo --test sim with_a_journal\n{}",
                found.promise, found.how, case.flow
            ),
            None => {}
        }
    }
    eprintln!("{ran} runs, whose processes ended {crashes} times");
    assert!(alone || ran > 0 && crashes > ran, "{ran} runs, {crashes} crashes");
}
