//! [`Fault`]: a reason why a step or the run does not succeed, as the machine keeps it: with spans of the documents.
//!
//! It becomes a [`Why`], with places for people, only where an event or an outcome is made of it.

use serde::{Deserialize, Serialize};

use crate::event::Why;
use crate::program::{Call, Step};
use crate::reason::Reason;
use crate::remedy::Remedy;
use crate::source::{Sources, Span};

/// How many callers are named at either end of a chain of calls.
const NAMED_CALLERS: usize = 10;

/// A reason why a step or the run does not succeed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fault {
    pub(super) code: Reason,
    pub(super) message: String,
    /// A few words under the caret.
    pub(super) label: Option<String>,
    /// The name of the step.
    pub(super) step: Option<String>,
    pub(super) span: Option<Span>,
    pub(super) notes: Vec<(Span, String)>,
    /// Callers that are not among the notes: there may be thousands.
    #[serde(default)]
    pub(super) unnamed_callers: u32,
    pub(super) remarks: Vec<Remark>,
    pub(super) help: Option<String>,
    pub(super) remedy: Option<Box<Remedy>>,
}

/// A fact about a fault, one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Remark {
    Fact(String),
    /// The reason for which no action handled it. Of a workflow that was called it is true until a step of the caller
    /// looks for one.
    NotHandled(String),
}

impl Fault {
    pub(super) fn new(code: Reason, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            label: None,
            step: None,
            span: None,
            notes: vec![],
            unnamed_callers: 0,
            remarks: vec![],
            help: None,
            remedy: None,
        }
    }

    /// Of a step, whose id is the place.
    pub(super) fn of_step(mut self, step: &Step) -> Self {
        self.step = Some(step.name.clone());
        self.span = Some(step.span);
        self
    }

    /// Of a step whose request could not be built, because of the text at `span`.
    pub(super) fn unsent(code: Reason, step: &Step, span: Span, message: String) -> Box<Self> {
        let mut fault = Self::new(code, message).of_step(step);
        fault.span = Some(span);
        fault.notes.push((step.span, "in this step".to_owned()));
        fault.remark(match step.call {
            Call::Send(_) => "no message was sent",
            // Others of the run may have been.
            Call::Receive(_) => "nothing was listened to",
            Call::Operation { .. } | Call::Workflow { .. } => "no request was sent",
        });
        Box::new(fault)
    }

    /// Names what called the workflow that failed. The innermost callers are kept, and the outermost.
    pub(super) fn note_caller(&mut self, span: Span, note: String) {
        if self.notes.len() >= 2 * NAMED_CALLERS {
            self.notes.remove(NAMED_CALLERS);
            self.unnamed_callers += 1;
        }
        self.notes.push((span, note));
    }

    pub(super) fn remark(&mut self, fact: impl Into<String>) {
        self.remarks.push(Remark::Fact(fact.into()));
    }

    pub(super) fn with_remedy(mut self, remedy: impl Into<Option<Remedy>>) -> Self {
        self.remedy = remedy.into().map(Box::new);
        self
    }

    /// The reason for people, with places in these texts.
    pub(super) fn explain(mut self, sources: &Sources) -> Why {
        if self.unnamed_callers > 0 {
            self.remark(format!(
                "{} workflows in between, each called by the next, are not named here",
                self.unnamed_callers
            ));
        }
        let words = |remark| match remark {
            Remark::Fact(fact) => fact,
            Remark::NotHandled(reason) => format!("not handled: {reason}"),
        };
        Why {
            code: self.code,
            message: self.message,
            label: self.label,
            step: self.step,
            place: self.span.map(|span| sources.place(span)),
            notes: self.notes.into_iter().map(|(span, note)| (sources.place(span), note)).collect(),
            remarks: self.remarks.into_iter().map(words).collect(),
            help: self.help,
            remedy: self.remedy,
        }
    }
}
