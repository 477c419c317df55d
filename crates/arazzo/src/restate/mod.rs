//! Runs that are kept by [Restate](https://restate.dev): the same workflows, on as many machines as are needed.
//!
//! A [`Worker`] offers workflows to the engine, one service each (`arazzo.<document>.<workflow>`), and plays their runs
//! wherever the engine sends them. A [`Client`] starts runs and asks about them. `docs/scale.md` is the guide.
//!
//! ```no_run
//! # async fn example() -> Result<(), arazzo::Error> {
//! use arazzo::journal::JournalKey;
//! use arazzo::restate::Worker;
//!
//! let workflow = arazzo::open("login.arazzo.yaml").server(None, "https://api.example").load().await?.workflow(None)?;
//! let secrets = arazzo::Inputs::new().set("password", "…");
//! let worker = Worker::new(JournalKey::in_file("/etc/arazzo/journal.key")?);
//! let worker = worker.offer("arazzo.login.read", &workflow, secrets)?;
//! let listening = worker.listen("127.0.0.1:9080".parse().unwrap()).await?;
//! listening.serve(std::future::pending::<()>()).await;
//! # Ok(())
//! # }
//! ```

mod client;
pub(crate) mod gate;
pub(crate) mod identity;
pub(crate) mod seal;
mod serve;
mod worker;

pub use crate::drivers::durable::Unknown;
pub use client::{Admin, Client, EngineEnd, EngineRun, JournalEntry};
pub use seal::{open_outputs, seal_answer};
pub use serve::{Listening, NotReady};
pub use worker::{Worker, new_key, service_name};
