//! Runs that survive: kept in a file while they run, and gone on with when their process has ended.
//!
//! ```no_run
//! # async fn example() -> Result<(), arazzo::Error> {
//! use arazzo::Interrupt;
//! use arazzo::journal::{Journal, JournalKey};
//!
//! let journal = Journal::open("runs.db")?.with_key(JournalKey::in_file("/var/lib/shop/journal.key")?);
//! let workflow = arazzo::open("flow.arazzo.yaml").load().await?.workflow(None)?.journaled(&journal);
//! let outcome = workflow.run(arazzo::Inputs::new(), |_| {}).await?;
//!
//! // Later, in another process: whatever was left.
//! for run in journal.runs()?.iter().filter(|run| run.can_resume()) {
//!     let resumption = journal.resume(&run.id)?;
//!     let resumed = resumption.builder()?;
//!     let resumed = resumption.load(resumed)?;
//!     resumed.run(&Interrupt::new(), |_| {}).await?;
//! }
//! # drop(outcome);
//! # Ok(())
//! # }
//! ```
//!
//! Before a request that may not be sent twice leaves, the journal has on the disk that it is about to; after its answer, what
//! the run took of it. A run whose process ended in between is in doubt: it goes on when it is decided what to do about that
//! request ([`Resumed::in_doubt`]). No secret is in the file in clear. The page `docs/journal.md` describes its tables.

mod course;
pub(crate) mod key;
pub(crate) mod owner;
mod private_file;
mod renewal;
pub(crate) mod resume;
pub(crate) mod run_log;
pub(crate) mod schema;
pub(crate) mod setup;
pub(crate) mod store;
pub(crate) mod write;
pub(crate) mod writer;

pub use key::JournalKey;
pub use resume::{Decision, InDoubt, Resumed, Resumption, read_answer};
pub use schema::Durability;
pub use store::{Journal, JournaledRun, RunState};
