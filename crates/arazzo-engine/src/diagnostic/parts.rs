//! The parts of a diagnostic that tools decide by: what it is about, and which name was meant. Words are made of them
//! last; nothing looks into words.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// The subject of a diagnostic, where that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A source description, workflow, step, component: what is declared, or should be.
    Name(String),
    /// A field of an object of the document.
    Field(&'static str),
    /// A parameter of an operation.
    Parameter {
        /// `path`, `query`, `header`, `cookie`
        location: String,
        /// Its name.
        name: String,
    },
    /// The body of a request.
    Body,
    /// An input of a workflow.
    Input {
        /// The workflow, as it is called by.
        workflow: String,
        /// Its name.
        name: String,
    },
    /// An output that is read.
    Output {
        /// The owner.
        of: Owner,
        /// Its name.
        name: String,
    },
    /// A reference, as it is written.
    Reference(String),
    /// A workflow that depends on itself.
    Circle {
        /// Its name.
        workflow: String,
        /// The workflows between it and itself.
        through: Vec<String>,
    },
}

/// The owner of an output that is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Owner {
    /// `$steps.<name>`
    Step(String),
    /// `$workflows.<name>`, also of another document.
    Workflow(String),
    /// `$outputs`: of the workflow that the step calls, else of the workflow itself.
    Called,
}

/// A name that was meant, most likely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The name.
    pub name: String,
    /// The text before it where it is written: `$inputs.`
    pub before: Cow<'static, str>,
    /// More about it.
    pub more: More,
}

/// The words behind a suggestion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum More {
    /// Nothing.
    Nothing,
    /// The operation requires it, and does not get it.
    Required,
    /// These words.
    Words(String),
}

/// The remedy of a fault, in words or as a suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Help {
    /// Words.
    Words(Cow<'static, str>),
    /// Another name.
    Meant(Box<Suggestion>),
}

impl Help {
    /// Words.
    #[must_use]
    pub fn words(words: impl Into<Cow<'static, str>>) -> Self {
        Self::Words(words.into())
    }

    /// A name is meant that is written as it is.
    #[must_use]
    pub fn meant(name: impl Into<String>) -> Self {
        Self::meant_behind("", name)
    }

    /// A name is meant that is written behind something.
    #[must_use]
    pub fn meant_behind(before: impl Into<Cow<'static, str>>, name: impl Into<String>) -> Self {
        Self::Meant(Box::new(Suggestion { name: name.into(), before: before.into(), more: More::Nothing }))
    }

    /// A name is meant, and there is more to say about it.
    #[must_use]
    pub fn meant_and(name: impl Into<String>, more: More) -> Self {
        Self::Meant(Box::new(Suggestion { name: name.into(), before: Cow::Borrowed(""), more }))
    }

    /// Puts another text in the place of what quotes somebody, where there is one.
    pub(super) fn replace(&mut self, other: impl FnOnce(&str) -> Option<String>) {
        match self {
            Self::Words(words) => {
                if let Some(other) = other(words) {
                    *words = Cow::Owned(other);
                }
            }
            Self::Meant(suggestion) => {
                if let Some(other) = other(&suggestion.name) {
                    suggestion.name = other;
                }
            }
        }
    }

    /// The name that is meant, if one is.
    #[must_use]
    pub fn suggestion(&self) -> Option<&Suggestion> {
        match self {
            Self::Meant(suggestion) => Some(suggestion),
            Self::Words(_) => None,
        }
    }
}

/// Asks for a name that is near: the one place with these words.
#[must_use]
pub fn did_you_mean(name: impl fmt::Display) -> String {
    format!("did you mean {name}?")
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, before, more } = self;
        match more {
            More::Nothing => f.write_str(&did_you_mean(format_args!("`{before}{name}`"))),
            More::Required => {
                f.write_str(&did_you_mean(format_args!("`{before}{name}`, which the operation requires")))
            }
            More::Words(words) => write!(f, "{} {words}", did_you_mean(format_args!("`{before}{name}`"))),
        }
    }
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(words),
            Self::Meant(suggestion) => suggestion.fmt(f),
        }
    }
}

impl Serialize for Help {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<String> for Help {
    fn from(words: String) -> Self {
        Self::words(words)
    }
}

impl From<&'static str> for Help {
    fn from(words: &'static str) -> Self {
        Self::words(words)
    }
}

/// Values that become a help: words or a suggestion, or perhaps nothing.
pub trait IntoHelp {
    /// The help, if there is any.
    fn into_help(self) -> Option<Help>;
}

impl IntoHelp for Help {
    fn into_help(self) -> Option<Help> {
        Some(self)
    }
}

impl IntoHelp for String {
    fn into_help(self) -> Option<Help> {
        Some(Help::words(self))
    }
}

impl IntoHelp for &'static str {
    fn into_help(self) -> Option<Help> {
        Some(Help::words(self))
    }
}

impl<T: IntoHelp> IntoHelp for Option<T> {
    fn into_help(self) -> Option<Help> {
        self.and_then(T::into_help)
    }
}
