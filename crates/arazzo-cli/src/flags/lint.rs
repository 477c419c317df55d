//! Commands that say what is wrong: `lint`, `explain`.

use std::path::PathBuf;

use arazzo::diagnostics::Category;
use clap::{Args, ValueEnum};

use super::values::source;
use super::{DenyFlag, OfflineFlag, ReadingFlags};

/// Say what is wrong with documents, each finding with its place, and repair what can be repaired
///
/// Reports on stdout. Exit 0: no errors (warnings do not count without --deny warnings), 3: errors, 8: no documents in the folders.
/// `# arazzo-ignore: CODE` behind a line, or above it, keeps what it names; so does `[[lint.ignore]]` in arazzo.toml.
#[derive(Debug, Args)]
#[command(
    visible_alias = "validate",
    before_long_help = "Examples:\n  arazzo lint specs/daytona-provision.yml\n  arazzo lint --strict flows/\n  arazzo lint --deny warnings flows/\n  arazzo lint --fix=all --diff flow.yaml\n  arazzo lint --format sarif . > lint.sarif\n  cat flow.yaml | arazzo lint - --no-sources"
)]
pub(crate) struct LintFlags {
    /// Arazzo documents (files or https urls), folders of them, or - for standard input
    #[arg(value_name = "DOC|DIR", required = true)]
    pub(crate) documents: Vec<PathBuf>,
    /// Only findings about these, hints too; structure alone reads nothing but the documents themselves
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) only: Vec<Only>,
    /// Hints too: names that nothing reads, ids and descriptions, credentials that do not say that they are
    #[arg(long)]
    pub(crate) hints: bool,
    /// Do not read what the documents describe: what cannot be known without it is not said
    #[arg(long)]
    pub(crate) no_sources: bool,
    /// Read a source description from here instead of its url
    #[arg(long = "source", value_name = "NAME=FILE", value_parser = source)]
    pub(crate) sources: Vec<(String, PathBuf)>,
    /// The path of the document on standard input: what it is called, and where its relative urls begin
    #[arg(long, value_name = "PATH")]
    pub(crate) stdin_filename: Option<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Repair the documents: exact (what means the same afterwards), all (also what is suggested; each says what
    /// differs). Standard input is printed repaired, its findings on stderr
    #[arg(long, value_enum, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "exact")]
    fix: Option<Fixes>,
    /// Show what --fix would write, and write nothing
    #[arg(long)]
    pub(crate) diff: bool,
    /// Do not look for arazzo.toml
    #[arg(long)]
    pub(crate) no_config: bool,
    #[command(flatten)]
    pub(crate) deny: DenyFlag,
    #[command(flatten)]
    pub(crate) offline: OfflineFlag,
    #[command(flatten)]
    pub(crate) reading: ReadingFlags,
}

impl LintFlags {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format.unwrap_or(Format::Text) }
    }

    /// The fixes that are wanted; `--diff` alone shows the exact ones.
    pub(crate) fn fixes(&self) -> Option<Fixes> {
        self.fix.or(self.diff.then_some(Fixes::Exact))
    }
}

/// A part of what lint looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    Structure,
    References,
    Expressions,
    Flow,
    Data,
    Secrets,
    Style,
}

impl Only {
    pub(crate) fn category(self) -> Category {
        match self {
            Self::Structure => Category::Structure,
            Self::References => Category::References,
            Self::Expressions => Category::Expressions,
            Self::Flow => Category::Flow,
            Self::Data => Category::Data,
            Self::Secrets => Category::Secrets,
            Self::Style => Category::Style,
        }
    }
}

/// The format of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// With snippets, for people
    Text,
    /// One JSON object
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// One line each, for editors: FILE:LINE:COLUMN: SEVERITY: MESSAGE [CODE]
    Short,
    /// A code quality report of GitLab
    Gitlab,
}

/// The fixes that are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fixes {
    Exact,
    All,
}

/// Say what a code means, of a finding or of a run that did not succeed, and what to do
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo explain unbraced-expression\n  arazzo explain criterion-not-met\n  arazzo explain --list"
)]
pub(crate) struct ExplainFlags {
    /// The code, as it stands in brackets: unbraced-expression
    #[arg(value_name = "CODE", required_unless_present = "list")]
    pub(crate) code: Option<String>,
    /// All codes, each with a line
    #[arg(long, conflicts_with = "code")]
    pub(crate) list: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
