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

/// A report and where it goes: `junit`, `junit=out/junit.xml`, `junit=out/`.
#[derive(Debug, Clone)]
pub(crate) struct RequestedReport {
    pub(crate) kind: ReportKind,
    pub(crate) path: PathBuf,
    /// `false` if the path was not typed. `-` is stdout.
    pub(crate) named: bool,
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
            if one.is_stdout() && rest.as_slice().iter().any(RequestedReport::is_stdout) {
                return Err(arazzo::Error::Setup("two reports go to stdout".to_owned()));
            }
            if rest.as_slice().iter().any(|other| other.path == one.path) {
                return Err(arazzo::Error::Setup(format!("two reports go to `{}`", one.path.display())));
            }
        }
        Ok(Self(reports.to_vec()))
    }

    /// `true` if one goes to stdout, where nothing else goes then.
    pub(crate) fn take_stdout(&self) -> bool {
        self.0.iter().any(RequestedReport::is_stdout)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &RequestedReport> {
        self.0.iter()
    }
}

impl RequestedReport {
    /// `true` for `FMT=-`.
    pub(crate) fn is_stdout(&self) -> bool {
        self.named && self.path.as_os_str() == "-"
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
        let named = path.is_some();
        let path = match path {
            Some("") => return Err("write FMT=PATH, or FMT alone".to_owned()),
            Some(path) if path.ends_with(['/', std::path::MAIN_SEPARATOR]) || Path::new(path).is_dir() => {
                Path::new(path).join(kind.file)
            }
            Some(path) => PathBuf::from(path),
            None => Path::new(FOLDER).join(kind.file),
        };
        Ok(Self { kind: *kind, path, named })
    }
}
