//! [`Fault`]: a reason why a step or the run does not succeed, as the machine keeps it: with spans of the documents.
//!
//! It becomes a [`Why`], with places for people, only where an event or an outcome is made of it.

use serde::{Deserialize, Serialize};

use crate::event::Why;
use crate::program::Step;
use crate::reason::Reason;
use crate::remedy::Remedy;
use crate::source::{Sources, Span};

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
    pub(super) remarks: Vec<Remark>,
    pub(super) help: Option<String>,
    /// Not stored: a setting that was given before the run was stored is no news after it.
    #[serde(skip)]
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
        fault.remark("no request was sent");
        Box::new(fault)
    }

    pub(super) fn remark(&mut self, fact: impl Into<String>) {
        self.remarks.push(Remark::Fact(fact.into()));
    }

    pub(super) fn with_remedy(mut self, remedy: impl Into<Option<Remedy>>) -> Self {
        self.remedy = remedy.into().map(Box::new);
        self
    }

    /// The reason for people, with places in these texts.
    pub(super) fn explain(self, sources: &Sources) -> Why {
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
