//! What strangers may do to people who run their documents: it ends with the right exit code, in bounded memory and
//! time, and nothing leaks. docs/safety.md names the row of each test.

mod canaries;
mod documents;
mod files;
mod injection;
mod network;
mod peer;
