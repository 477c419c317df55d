//! What counts as an error.

use arazzo::diagnostics::{Diagnostic, Severity};
use clap::{Args, ValueEnum};
use serde::Deserialize;

/// Findings that count as errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Denied {
    Warnings,
}

/// Warnings that count as errors.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Documents")]
pub(crate) struct DenyFlag {
    /// Count `warnings` as errors, for CI
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        env = "ARAZZO_DENY",
        hide_env_values = true,
        hide_possible_values = true
    )]
    deny: Option<Denied>,
}

impl From<Option<Denied>> for DenyFlag {
    fn from(deny: Option<Denied>) -> Self {
        Self { deny }
    }
}

impl DenyFlag {
    /// The finding with the severity that it counts with.
    pub(crate) fn weigh(self, mut diagnostic: Diagnostic) -> Diagnostic {
        if self.deny == Some(Denied::Warnings) && diagnostic.severity == Severity::Warning {
            diagnostic.severity = Severity::Error;
        }
        diagnostic
    }
}
