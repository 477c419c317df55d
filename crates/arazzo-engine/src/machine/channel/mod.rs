//! Channels of a run: who listens to what, what came and nobody has taken, which steps wait for a message.
//!
//! A channel that a step may receive from is listened to before the steps before it send anything (`subscribe.rs`), what
//! comes is matched or kept (`arrive.rs`, `correlate.rs`, `decide.rs`), a step that receives waits for it, or lets others
//! run meanwhile (`wait.rs`). `send.rs` sends, `resolve.rs` says where a channel is, and `stream.rs` with which request the
//! stream of an operation is opened; `resume.rs` listens again in another process.

mod arrive;
mod correlate;
mod decide;
mod messaging;
mod resolve;
mod resume;
mod send;
mod stream;
mod subscribe;
mod wait;

pub(super) use correlate::see;
pub(super) use messaging::Messaging;
pub use wait::AwaitedMessage;
