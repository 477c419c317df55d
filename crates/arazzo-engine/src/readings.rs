//! Three ways to read what published documents write (docs/readings.md).
//!
//! Each departure from the specification has a code, whose row in `code.rs` says what each mode makes of it. What a
//! departure *means* is decided where it is parsed.

use crate::code::{Code, Severity};
use crate::string_enum::string_enum;

string_enum! {
    /// The way in which departures from the specification are read.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum Readings: "mode of reading" {
        /// The document runs as its author meant; each departure is a warning.
        #[default]
        Lenient = "lenient",
        /// A departure is refused before the first request.
        Strict = "strict",
        /// The text exactly: what it permits runs as written, what it calls invalid evaluates to *fail*.
        Letter = "letter",
    }
}

impl Readings {
    /// The weight of a departure in this mode; `None` where the mode has nothing to say about it.
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
