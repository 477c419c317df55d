//! The words of events, for fields that are neither a name nor a text of the document or the server. In JSON each is
//! the word that [`EventKind`](super::EventKind) has always had.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::string_enum::string_enum;

string_enum! {
    /// The cause for which a workflow runs that is not the one that was run.
    pub enum StartedFor: "cause of a start" {
        /// A step that calls it.
        Step = "step",
        /// A workflow that depends on it.
        Dependency = "dependency",
        /// A retry, before which it runs.
        Retry = "retry",
        /// Itself: it takes the place of the workflow before it.
        Goto = "goto",
    }
}

string_enum! {
    /// The cause of a request; events leave out `operation`, which is what a step asks for itself.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum Because: "cause of a request" {
        /// A step calls an operation.
        #[default]
        Operation = "operation",
        /// The answer before it leads there.
        Redirect = "redirect",
        /// The server asks for proof of who calls, before it answers.
        Challenge = "challenge",
        /// An operation needs a token.
        Token = "token",
        /// The url of tokens has to be found out first (OpenID Connect Discovery).
        Discovery = "discovery",
        /// The connection of the same request before had been kept open, and ended without a byte of an answer.
        Reconnect = "reconnect",
    }
}

impl Because {
    /// `true` for what a step asks for itself.
    #[must_use]
    pub fn is_operation(&self) -> bool {
        *self == Self::Operation
    }
}

string_enum! {
    /// The cause of a request without an answer.
    #[non_exhaustive]
    pub enum FailureKind: "failure" {
        /// The host has no address.
        Dns = "dns",
        /// No connection.
        Connect = "connect",
        /// The connection is not safe.
        Tls = "tls",
        /// No answer in time.
        Timeout = "timeout",
        /// The connection broke.
        Reset = "reset",
        /// The connection had been kept open from an earlier request, and ended without a byte of an answer.
        StaleConnection = "stale-connection",
        /// It was given up: the run stopped, the time of its step was over, or its step failed.
        GivenUp = "given-up",
        /// The answer is not HTTP.
        Protocol = "protocol",
        /// The body is larger than the limit: the run stops (exit 5).
        BodyTooLarge = "body-too-large",
        /// The headers are larger than any answer needs: the run stops (exit 5).
        HeadTooLarge = "head-too-large",
        /// The connection to a broker ended: what came since is not known.
        ConnectionLost = "lost",
        /// A broker does not accept who connects, or wants to know it.
        NotLetIn = "not-let-in",
        /// A policy does not let the host be called: the run stops (exit 6).
        Refused = "refused",
    }
}

string_enum! {
    /// The reason why a message was not taken.
    #[non_exhaustive]
    pub enum IgnoredBecause: "reason to ignore a message" {
        /// This run sent it.
        Own = "own",
        /// It was stored before the run listened.
        Older = "older",
        /// It was delivered before.
        Duplicate = "duplicate",
        /// Its correlation id is another one.
        Correlation = "correlation",
        /// It came by another address.
        Address = "address",
        /// More came than is kept until a step takes it.
        Overflow = "overflow",
        /// The criteria of the step do not hold, and it is to wait until they do.
        Criteria = "criteria",
    }
}

impl IgnoredBecause {
    /// The reason, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Own => "this run sent it",
            Self::Older => "it was stored before the run listened",
            Self::Duplicate => "it was delivered before",
            Self::Correlation => "another correlation id",
            Self::Address => "another address",
            Self::Overflow => "more came than is kept",
            Self::Criteria => "the criteria of the step did not hold",
        }
    }
}

string_enum! {
    /// The type of an action.
    #[non_exhaustive]
    pub enum ActionKind: "action" {
        /// Goes on at a step or a workflow.
        Goto = "goto",
        /// Ends the workflow.
        End = "end",
        /// Tries the step again.
        Retry = "retry",
    }
}

string_enum! {
    /// The list that an action stands in.
    pub enum On: "list of actions" {
        /// `onSuccess`, `successActions`.
        Success = "success",
        /// `onFailure`, `failureActions`.
        Failure = "failure",
    }
}

string_enum! {
    /// The cause of a wait before the next request.
    #[non_exhaustive]
    pub enum WaitReason: "cause of a wait" {
        /// A loop sends again what it sent before.
        LoopPace = "loop-pace",
        /// As that, for as long as was asked for.
        LoopDelay = "loop-delay",
        /// `retryAfter` of an action.
        Retry = "retry",
        /// The header `Retry-After` of the last answer.
        RetryAfter = "retry-after",
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

impl fmt::Display for CriteriaOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
