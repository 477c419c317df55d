//! Runs that the engine Restate keeps. A binary of its own, built with the feature `restate` alone: the server is
//! installed by `.ci/run` (or named by `ARAZZO_RESTATE_SERVER`), and without it each test says that it skips. One test at a
//! time, each with an engine of its own, whose process is ended by its id.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test says what went wrong by stopping"
)]

mod crashes;
mod engine;
mod limits;
mod pages;
mod runs;
mod secrets;
#[path = "../server.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod server;
