//! `arazzo report` and `--report`: which reports are wanted, where they go, and how they get there.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use arazzo::report::{KINDS, ReportContext, ReportKind, RunRecord, junit};

use crate::flags::ReportFlags;
use crate::save::{Readers, save};
use crate::show::{Screen, safe};
use crate::{exit, recorded};

/// Where reports go that have no path.
const FOLDER: &str = "arazzo-report";

/// A report that is wanted: `junit`, `junit=out/junit.xml`, `junit=out/`.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    kind: ReportKind,
    path: PathBuf,
}

/// Runs the command; the result is the exit code.
pub(crate) fn report(flags: &ReportFlags, screen: &mut Screen) -> u8 {
    if let Err(error) = Wanted::distinct(&flags.reports) {
        return screen.error(&error);
    }
    match recorded::record(&flags.events) {
        Ok(run) => write(&flags.reports, &run, &ReportContext::default(), true, screen, exit::SUCCEEDED),
        Err(error) => screen.error(&error),
    }
}

/// Writes reports of a run; the result is the exit code: 7 if one could not be written and `code` is 0, else `code`.
pub(crate) fn write(
    reports: &[Wanted],
    run: &RunRecord,
    context: &ReportContext,
    say: bool,
    screen: &mut Screen,
    code: u8,
) -> u8 {
    let mut result = code;
    for wanted in reports {
        match wanted.write(run, context) {
            Ok(()) if say => screen.line(&format!("report {}", safe(&wanted.path.display().to_string()))),
            Ok(()) => {}
            Err(error) => {
                screen.fault("output", &format!("a report could not be written: {error}"), None);
                result = if code == exit::SUCCEEDED { exit::OUTPUT } else { code };
            }
        }
    }
    result
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(path)));
        let Some(kind) = KINDS.into_iter().find(|kind| kind.name == name) else {
            let known = KINDS.map(|kind| kind.name);
            return Err(format!("there is no report `{name}`; there are {}", known.join(", ")));
        };
        let path = match path {
            Some("") => return Err("write FMT=PATH, or FMT alone".to_owned()),
            Some(path) if path.ends_with(['/', std::path::MAIN_SEPARATOR]) || Path::new(path).is_dir() => {
                Path::new(path).join(kind.file)
            }
            Some(path) => PathBuf::from(path),
            None => Path::new(FOLDER).join(kind.file),
        };
        Ok(Self { kind, path })
    }
}

impl Wanted {
    /// # Errors
    /// If two of these go to one file: one would overwrite the other.
    pub(crate) fn distinct(wanted: &[Self]) -> Result<(), arazzo::Error> {
        let mut rest = wanted.iter();
        while let Some(one) = rest.next() {
            if rest.as_slice().iter().any(|other| other.path == one.path) {
                return Err(arazzo::Error::Setup(format!("two reports go to `{}`", one.path.display())));
            }
        }
        Ok(())
    }

    /// Writes the report of a run; folders that are missing are made.
    ///
    /// # Errors
    /// If the file cannot be written: then the one that was there is still there.
    fn write(&self, run: &RunRecord, context: &ReportContext) -> std::io::Result<()> {
        self.save(&(self.kind.text)(run, context))
    }

    pub(crate) fn is_junit(&self) -> bool {
        self.kind.name == "junit"
    }

    /// Writes a JUnit report of suites that are no run.
    ///
    /// # Errors
    /// As for a run.
    pub(crate) fn write_suites(&self, suites: &[junit::Suite]) -> std::io::Result<()> {
        self.save(&junit::document(suites))
    }

    fn save(&self, text: &str) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| std::io::Error::new(error.kind(), format!("`{}`: {error}", folder.display())))?;
        }
        save(&self.path, text.trim_end(), Readers::Usual)
    }
}
