//! Three ways to read what published documents write (docs/readings.md).
//!
//! Each departure from the specification has a code, whose row in `code.rs` says what each mode makes of it. What a
//! departure *means* is decided where it is parsed.

use serde::{Deserialize, Serialize};

use crate::code::{Code, Severity};

/// How departures from the specification are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readings {
    /// The document runs as its author meant; each departure is a warning.
    #[default]
    Lenient,
    /// A departure is refused before the first request.
    Strict,
    /// The text exactly: what it permits runs as written, what it calls invalid evaluates to *fail*.
    Letter,
}

impl Readings {
    /// How much a departure matters in this mode; `None` where the mode has nothing to say about it.
    #[must_use]
    pub fn severity(self, code: Code) -> Option<Severity> {
        match (self, code.reading()) {
            // What is no departure is refused in every mode.
            (_, None) => Some(Severity::Error),
            (Self::Lenient, Some(_)) => Some(Severity::Warning),
            (Self::Strict, Some(reading)) => Some(reading.strict),
            (Self::Letter, Some(reading)) => reading.letter,
        }
    }
}

impl std::str::FromStr for Readings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lenient" => Ok(Self::Lenient),
            "strict" => Ok(Self::Strict),
            "letter" => Ok(Self::Letter),
            _ => Err(format!("`{text}` is not one of lenient, strict, letter")),
        }
    }
}
