//! Three ways to read what published documents write (docs/readings.md).
//!
//! Each departure from the specification has a code; this table says what each mode makes of it. What a departure
//! *means* is decided where it is parsed.

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Severity};

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

/// Codes whose departures are refused in every mode are plain errors and not listed here.
const TABLE: &[(Code, Reading)] = &[
    ("jsonpath-comparison", Reading { strict: Error, letter: Some(Warning) }),
    ("jsonpath-filter-on-object", Reading { strict: Error, letter: None }),
    ("unbraced-expression", Reading { strict: Error, letter: None }),
    ("unqualified-operation-id", Reading { strict: Error, letter: Some(Warning) }),
    ("dotted-output", Reading { strict: Error, letter: Some(Warning) }),
    ("dotted-body", Reading { strict: Error, letter: Some(Error) }),
    ("plural-headers", Reading { strict: Error, letter: Some(Error) }),
    ("name-outside-grammar", Reading { strict: Error, letter: Some(Error) }),
    ("double-quoted-literal", Reading { strict: Error, letter: Some(Warning) }),
    ("braced-condition", Reading { strict: Error, letter: Some(Warning) }),
    ("regex-delimiters", Reading { strict: Error, letter: None }),
    ("literal-output", Reading { strict: Error, letter: Some(Error) }),
    ("undeclared-parameter", Reading { strict: Error, letter: None }),
    ("missing-required-parameter", Reading { strict: Error, letter: Some(Warning) }),
    ("operation-path-form", Reading { strict: Error, letter: Some(Error) }),
    ("source-dot-operation", Reading { strict: Error, letter: Some(Error) }),
    ("root-relative-source", Reading { strict: Error, letter: Some(Error) }),
    ("answer-of-workflow", Reading { strict: Error, letter: Some(Warning) }),
    ("jsonpath-dialect", Reading { strict: Error, letter: Some(Warning) }),
    ("reference-as-name", Reading { strict: Error, letter: Some(Error) }),
    ("action-condition", Reading { strict: Error, letter: Some(Error) }),
    ("actions-as-map", Reading { strict: Error, letter: Some(Error) }),
    ("duplicate-action", Reading { strict: Error, letter: Some(Error) }),
    ("place-of-workflow-parameter", Reading { strict: Error, letter: Some(Warning) }),
    ("success-retry", Reading { strict: Error, letter: Some(Error) }),
    ("missing-action-name", Reading { strict: Error, letter: Some(Error) }),
    ("unknown-field", Reading { strict: Error, letter: Some(Warning) }),
    ("unknown-version", Reading { strict: Warning, letter: Some(Warning) }),
    ("newer-form", Reading { strict: Error, letter: Some(Error) }),
    ("leading-zero-number", Reading { strict: Warning, letter: None }),
    ("optional-input-in-text", Reading { strict: Warning, letter: Some(Warning) }),
    ("short-secret", Reading { strict: Warning, letter: Some(Warning) }),
];

use Severity::{Error, Warning};

/// What strict and letter make of a departure; lenient always warns.
struct Reading {
    strict: Severity,
    letter: Option<Severity>,
}

impl Readings {
    /// How much a departure matters in this mode; `None` where the mode has nothing to say about it.
    #[must_use]
    pub fn severity(self, code: &str) -> Option<Severity> {
        let reading = TABLE.iter().find(|(known, _)| *known == code).map(|(_, reading)| reading);
        match (self, reading) {
            (_, None) => Some(Error),
            (Self::Lenient, Some(_)) => Some(Warning),
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
