//! Calls in flight by their numbers, and those that ended without an answer.

use serde::{Deserialize, Serialize};

use crate::event::FailureKind;

/// A call in flight. Every answer names the call that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// A call that ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// The reason in words for people: `connection refused`.
    pub message: String,
    /// `false` if it is certain that the server did not get the request.
    pub in_doubt: bool,
}
