//! Values that are asked for about what the command shows and writes. They stand between the flags, which read them, and
//! the files that show and write, which know no flags.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use arazzo::report::{KINDS, ReportKind};
use clap::ValueEnum;

/// The folder of reports that have no path.
const FOLDER: &str = "arazzo-report";

/// The choice of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// The form in which the progress of a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressForm {
    Auto,
    Tree,
    Line,
    None,
}

/// A server that a project gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProjectServer {
    pub(crate) source: String,
    pub(crate) url: String,
    /// `true` if it is of a profile that was named.
    pub(crate) named: bool,
}

/// What a run prints as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum JsonForm {
    /// Each event, one a line
    Events,
    /// One object at the end
    Result,
}

/// One of several parts of what is to run: `part` from 1 to `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) part: usize,
    pub(crate) of: usize,
}

impl Shard {
    /// `true` if it has the one of this index: the parts take turns, so that they are of one size.
    pub(crate) fn has(self, index: usize) -> bool {
        index % self.of == self.part - 1
    }
}

/// A report and where it goes: `junit`, `junit=out/junit.xml`, `junit=out/`.
#[derive(Debug, Clone)]
pub(crate) struct RequestedReport {
    pub(crate) kind: ReportKind,
    pub(crate) path: PathBuf,
    pub(crate) typed: Typed,
}

/// The part of the path of a file that was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed {
    File,
    /// Its folder. In a clone, a link may stand there where the file goes.
    Folder,
    Nothing,
}

/// A form of coverage and where it goes: `text`, `lcov=out/lcov.info`.
#[derive(Debug, Clone)]
pub(crate) struct RequestedCoverage {
    pub(crate) kind: CoverageKind,
    /// Nothing for people on stderr.
    pub(crate) file: Option<RequestedFile>,
}

impl RequestedCoverage {
    /// `true` if it is printed.
    pub(crate) fn to_stdout(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.path == Path::new("-"))
    }
}

/// A file that is written.
#[derive(Debug, Clone)]
pub(crate) struct RequestedFile {
    pub(crate) path: PathBuf,
    pub(crate) typed: Typed,
}

/// The forms of coverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CoverageKind {
    Text,
    Json,
    Lcov,
}

impl FromStr for RequestedCoverage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(path)));
        let (kind, usual) = match name {
            "text" => (CoverageKind::Text, None),
            "json" => (CoverageKind::Json, Some("coverage.json")),
            "lcov" => (CoverageKind::Lcov, Some("lcov.info")),
            _ => return Err("write text, json or lcov, with =PATH behind it where it goes to a file".to_owned()),
        };
        let file = match path {
            Some("") => return Err("write FMT=PATH, or FMT alone".to_owned()),
            Some(path) => Some(RequestedFile { path: PathBuf::from(path), typed: Typed::File }),
            None => usual.map(|name| RequestedFile { path: Path::new(FOLDER).join(name), typed: Typed::Nothing }),
        };
        Ok(Self { kind, file })
    }
}

/// Reports that go to different files.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestedReports(Vec<RequestedReport>);

impl RequestedReports {
    /// # Errors
    /// [`arazzo::Error::Setup`] if two of these go to one file: one would overwrite the other.
    pub(crate) fn new(reports: &[RequestedReport]) -> Result<Self, arazzo::Error> {
        let mut rest = reports.iter();
        while let Some(one) = rest.next() {
            if one.to_stdout() && rest.as_slice().iter().any(RequestedReport::to_stdout) {
                return Err(arazzo::Error::Setup("two reports go to stdout".to_owned()));
            }
            if rest.as_slice().iter().any(|other| other.path == one.path) {
                return Err(arazzo::Error::Setup(format!("two reports go to `{}`", one.path.display())));
            }
        }
        Ok(Self(reports.to_vec()))
    }

    /// `true` if one of these goes to stdout.
    pub(crate) fn to_stdout(&self) -> bool {
        self.0.iter().any(RequestedReport::to_stdout)
    }

    /// # Errors
    /// [`arazzo::Error::Setup`] if one goes to stdout, where other data goes too if `other` is `true`.
    pub(crate) fn beside(&self, other: bool) -> Result<(), arazzo::Error> {
        match self.to_stdout() && other {
            true => Err(arazzo::Error::Setup(
                "a report goes to stdout, and so does something else: write one of them to a file".to_owned(),
            )),
            false => Ok(()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &RequestedReport> {
        self.0.iter()
    }
}

impl RequestedReport {
    /// `true` if it is printed in the place of outputs.
    pub(crate) fn to_stdout(&self) -> bool {
        self.path == Path::new("-")
    }
}

impl FromStr for RequestedReport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(path)));
        let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            return Err(format!("there is no report `{name}`; there are {}", known.join(", ")));
        };
        let (path, typed) = match path {
            Some("") => return Err("write FMT=PATH, or FMT alone".to_owned()),
            Some(path) if path.ends_with(['/', std::path::MAIN_SEPARATOR]) || Path::new(path).is_dir() => {
                (Path::new(path).join(kind.file), Typed::Folder)
            }
            Some(path) => (PathBuf::from(path), Typed::File),
            None => (Path::new(FOLDER).join(kind.file), Typed::Nothing),
        };
        Ok(Self { kind: *kind, path, typed })
    }
}
