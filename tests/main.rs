//! The tests from outside: one binary, so that the workspace links once. It belongs to `crates/arazzo-cli` and
//! therefore knows the built command. No test needs the internet, and none measures time. What needs the engine alone is
//! in `crates/arazzo-engine/tests`; the two files that both need stand there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test says what went wrong by stopping"
)]

mod channels;
mod cli;
mod documents;
mod embedding;
mod found;
mod hostile;
mod journal;
mod library;
mod lsp;
mod memory;
mod messages;
mod mock;
mod packages;
#[cfg(unix)]
mod pages;
mod readme;
mod record;
mod safety;
mod sending;
mod server;
mod session;
mod spec;
mod style;
#[path = "../crates/arazzo-engine/tests/suite.rs"]
mod suite;
mod tidy;
mod tls;
#[path = "../crates/arazzo-engine/tests/watchdog.rs"]
mod watchdog;
mod wire;
