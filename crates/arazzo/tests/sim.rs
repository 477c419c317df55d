//! Runs that are generated: seed → documents, inputs and a world with faults, driven in virtual time through
//! `arazzo::Session`, stored and restored between turns. Every run has to keep the promises of `sim/promises.rs`.
//!
//! `ARAZZO_SIM_SEEDS=10000` tries so many seeds, `ARAZZO_SIM_SEED=7` one of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test says what went wrong by stopping"
)]

#[path = "sim/broker.rs"]
mod broker;
#[path = "sim/chance.rs"]
mod chance;
#[path = "sim/documents.rs"]
mod documents;
#[cfg(feature = "journal")]
#[path = "sim/journal.rs"]
mod journal;
#[path = "sim/loops.rs"]
mod loops;
#[path = "sim/promises.rs"]
mod promises;
#[path = "sim/run.rs"]
mod run;
#[path = "sim/shrink.rs"]
mod shrink;
#[path = "sim/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use arazzo::ParsedDocuments;
use documents::Case;
use promises::{Broken, broken};
use run::{Drive, run};

/// The seeds that `cargo test` tries.
const SEEDS: u64 = 200;

/// The documents that were parsed before.
static PARSED: OnceLock<ParsedDocuments> = OnceLock::new();

/// The way a case went that broke no promise.
pub enum Tried {
    /// The documents cannot be run.
    Refused(String),
    /// The exit code.
    Ran(u8),
}

/// Runs a case straight, then with restarts, and sometimes with documents that were read anew.
pub fn try_case(case: &Case) -> Result<Tried, Broken> {
    let tried = catch_unwind(AssertUnwindSafe(|| {
        // The APIs are the same for all seeds.
        let parsed = PARSED.get_or_init(ParsedDocuments::new);
        let workflow = match case.load(parsed) {
            Ok(workflow) => workflow,
            Err(error) => return Ok(Tried::Refused(error.to_string())),
        };
        let straight = run(case, &workflow, Drive { restores: 0 })?;
        let again = if case.seed.is_multiple_of(8) { case.load(&ParsedDocuments::new()).ok() } else { None };
        let restored = run(case, again.as_ref().unwrap_or(&workflow), Drive { restores: 60 })?;
        if straight.outcome.outputs() != restored.outcome.outputs() {
            return Err(broken("8 same outputs", format!("{:?} {:?}", straight.outcome, restored.outcome)));
        }
        let differs = straight.lines.iter().zip(&restored.lines).find(|(one, other)| one != other);
        if let Some((one, other)) = differs {
            return Err(broken("12 same bytes", format!("\n{one}\n{other}")));
        }
        if straight.lines.len() != restored.lines.len() {
            return Err(broken("12 same bytes", "one run has more events"));
        }
        Ok(Tried::Ran(straight.outcome.exit_code()))
    }));
    tried.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(broken(
            "no panic",
            text.or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default(),
        ))
    })
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

#[test]
fn generated_runs_keep_their_promises() {
    let seeds = match (number_of("ARAZZO_SIM_SEED"), number_of("ARAZZO_SIM_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(SEEDS),
    };
    let alone = seeds.end - seeds.start == 1;
    let (mut exits, mut refused) = (BTreeMap::<u8, u64>::new(), BTreeMap::<String, u64>::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tried: Vec<(u64, Result<Tried, Broken>)> = std::thread::scope(|scope| {
        let try_some = |first: usize| {
            let mut tried = vec![];
            for seed in seeds.clone().skip(first).step_by(threads) {
                tried.push((seed, try_case(&Case::generate(seed))));
                // The first one that fails is enough.
                if tried.last().is_some_and(|(_, tried)| tried.is_err()) {
                    break;
                }
            }
            tried
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || try_some(first))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (seed, tried) in tried {
        match tried {
            Ok(Tried::Ran(exit)) => *exits.entry(exit).or_default() += 1,
            Ok(Tried::Refused(why)) => {
                let error = why.lines().find(|line| line.starts_with("error")).or(why.lines().next());
                *refused.entry(error.unwrap_or_default().to_owned()).or_default() += 1;
            }
            Err(found) => {
                let (small, found) = shrink::shrink(Case::generate(seed), found);
                panic!(
                    "`{}` is broken: {}\nARAZZO_SIM_SEED={seed} cargo test -p arazzo --test sim\n{}",
                    found.promise, found.how, small.flow
                );
            }
        }
    }
    let skipped: u64 = refused.values().sum();
    let count = seeds.end - seeds.start;
    eprintln!("{count} seeds: exit codes {exits:?}, {skipped} not to be run");
    if std::env::var_os("ARAZZO_SIM_SEEDS").is_some() {
        eprintln!("{refused:#?}");
    }
    assert!(alone || skipped * 5 < count, "{skipped} of {count} documents cannot be run: {refused:#?}");
}
