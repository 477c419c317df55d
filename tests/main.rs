//! The tests from outside: one binary, so that the workspace links once. It belongs to `crates/arazzo-cli` and
//! therefore knows the built command. No test needs the internet, and none measures time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test says what went wrong by stopping"
)]

mod cli;
mod conformance;
mod corpus;
mod diagnostics;
mod documents;
mod expressions;
mod fuzzed;
mod hostile;
mod jsonpath;
mod library;
mod lint;
mod mock;
mod properties;
mod readings;
mod readme;
mod record;
mod redaction;
mod run;
mod safety;
mod server;
mod spec;
mod suite;
mod tidy;
mod tls;
mod watchdog;
mod wire;
mod xpath;
