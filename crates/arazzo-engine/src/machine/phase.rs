//! The next thing that a machine does without an input, as a value.
//!
//! Each phase says which one comes after it, and none calls another. So nothing is deep, however many workflows call one
//! another, and a stack of calls holds nothing that a state does not.

use super::fault::Fault;
use super::store::Slot;
use super::wire::Stop;
use crate::expr::{Exchange, StepId};

/// What is done next.
pub(super) enum Phase {
    /// The workflow in progress goes on where it is, or waits there for an input.
    Resume,
    /// A step is entered, or tried again.
    Enter { step: StepId, visit: bool },
    /// The detour of a retry is taken.
    TakeDetour(StepId),
    /// The request of a step is sent, or the one that has to go before it; `challenge` is what the server asked for when
    /// it refused the request before.
    Send { step: StepId, challenge: Option<String> },
    /// The message of a step is sent.
    SendMessage(StepId),
    /// A step begins to receive.
    OpenReceive(StepId),
    /// A message that was sent or received is judged.
    JudgeMessage { step: StepId, exchange: Exchange },
    /// An answer is judged.
    Judge { step: StepId, exchange: Exchange },
    /// The workflow that a step called has come back.
    Return { step: StepId, answer: Option<Slot> },
    /// A step has succeeded.
    Succeed { step: StepId, exchange: Exchange },
    /// A success action is looked for, from a place of the list on.
    AfterSuccess { step: StepId, exchange: Exchange, from: usize },
    /// A step has failed.
    Fail { step: StepId, fault: Fault, exchange: Option<Exchange> },
    /// A failure action is looked for, from a place of the list on.
    Handle { step: StepId, fault: Fault, exchange: Exchange, from: usize },
    /// An action of a list applies.
    Act { step: StepId, success: bool, index: usize, fault: Option<Fault>, exchange: Exchange },
    /// The detour of a retry has ended well.
    DetourDone,
    /// The detour of a retry has failed.
    DetourFailed,
    /// The workflow in progress has come to its end.
    End(End),
    /// A limit, or somebody, stops the run.
    Stop(Stop, Fault),
    /// Nothing, until there is an input; nothing any more, after the end of the run.
    Wait,
}

/// The way in which a workflow came to its end.
pub(super) enum End {
    /// Its last step succeeded.
    Succeeded,
    /// An action on success ended it.
    Ended(String),
    /// A step failed and nothing handled it.
    Failed(Fault),
}
