//! The words of events: what may stand in a field that is neither a name nor a text of somebody. In JSON each is the
//! word that [`EventKind`](super::EventKind) has always had.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a workflow runs for that is not the one that was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartedFor {
    /// A step that calls it.
    Step,
    /// A workflow that depends on it.
    Dependency,
    /// A retry, before which it runs.
    Retry,
    /// Itself: it takes the place of the workflow before it.
    Goto,
}

impl StartedFor {
    /// The word for events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Dependency => "dependency",
            Self::Retry => "retry",
            Self::Goto => "goto",
        }
    }
}

/// What a request is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// A step calls an operation.
    #[default]
    Operation,
    /// The answer before it leads there.
    Redirect,
    /// The server asks for proof of who calls, before it answers.
    Challenge,
    /// An operation needs a token.
    Token,
    /// Where tokens are has to be found out first (OpenID Connect Discovery).
    Discovery,
}

impl Because {
    /// The word for events; they leave out `operation`, which is what a step asks for itself.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Redirect => "redirect",
            Self::Challenge => "challenge",
            Self::Token => "token",
            Self::Discovery => "discovery",
        }
    }

    /// `true` for what a step asks for itself.
    #[must_use]
    pub fn is_operation(&self) -> bool {
        *self == Self::Operation
    }
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The host has no address.
    Dns,
    /// No connection.
    Connect,
    /// The connection is not safe.
    Tls,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Reset,
    /// The answer is not HTTP.
    Protocol,
    /// The body is larger than the limit: the run stops (exit 5).
    BodyTooLarge,
    /// The headers are larger than any answer needs: the run stops (exit 5).
    HeadTooLarge,
    /// A policy does not let the host be called: the run stops (exit 6).
    Refused,
}

impl FailureKind {
    /// The word for events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
            Self::BodyTooLarge => "body-too-large",
            Self::HeadTooLarge => "head-too-large",
            Self::Refused => "refused",
        }
    }
}

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// Goes on at a step or a workflow.
    Goto,
    /// Ends the workflow.
    End,
    /// Tries the step again.
    Retry,
}

impl ActionKind {
    /// The word for events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Goto => "goto",
            Self::End => "end",
            Self::Retry => "retry",
        }
    }
}

/// The list that an action stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// `onSuccess`, `successActions`.
    Success,
    /// `onFailure`, `failureActions`.
    Failure,
}

impl On {
    /// The word for events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// Why the run waits before its next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitReason {
    /// A loop sends again what it sent before.
    LoopPace,
    /// As that, for as long as was asked for.
    LoopDelay,
    /// `retryAfter` of an action.
    Retry,
    /// The header `Retry-After` of the last answer.
    RetryAfter,
}

impl WaitReason {
    /// The word for events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::LoopPace => "loop-pace",
            Self::LoopDelay => "loop-delay",
            Self::Retry => "retry",
            Self::RetryAfter => "retry-after",
        }
    }
}

/// The list that a criterion stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CriteriaOf {
    /// `successCriteria` of a step.
    Success,
    /// The criteria of the action of this name.
    Action(String),
}

/// As it is written for the criteria of a step.
const SUCCESS_CRITERIA: &str = "successCriteria";

impl CriteriaOf {
    /// The word for events: `successCriteria`, or the name of the action.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Success => SUCCESS_CRITERIA,
            Self::Action(name) => name,
        }
    }

    /// `true` for the criteria of the action of this name.
    #[must_use]
    pub fn is_action(&self, name: &str) -> bool {
        matches!(self, Self::Action(own) if own == name)
    }
}

impl Serialize for CriteriaOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for CriteriaOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(if word == SUCCESS_CRITERIA { Self::Success } else { Self::Action(word) })
    }
}

macro_rules! shown_as_words {
    ($($name:ident)*) => {
        $(
            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(self.word())
                }
            }
        )*
    };
}

shown_as_words! { StartedFor Because FailureKind ActionKind On WaitReason CriteriaOf }
