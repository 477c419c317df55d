//! The suites of the engine: one binary, so that it links once, and no command, no sockets, no library: `cargo test -p
//! arazzo-engine` is the inner loop. What needs those is `tests/` at the top of the workspace.
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
mod conformance;
mod corpus;
mod diagnostics;
mod documents;
mod expressions;
mod format;
mod fuzzed;
mod index;
mod jsonpath;
mod lint;
mod machine;
mod mock;
mod parsed;
mod properties;
mod readings;
mod redaction;
mod run;
mod spans;
mod suite;
mod values;
mod watchdog;
mod wire;
mod xpath;
