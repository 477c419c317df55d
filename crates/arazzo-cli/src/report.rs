//! `arazzo report` and `--report`: reports of a run, written where they were asked for.

use std::path::{Path, PathBuf};

use arazzo::files::{Reach, ReadRefused};
use arazzo::json;
use arazzo::report::{ReportContext, RunRecord};

use crate::flags::ReportFlags;
use crate::requested::{RequestedFile, RequestedReport, RequestedReports, Typed};
use crate::save::{Readers, make_folder, save, save_in_place};
use crate::show::{Screen, safe};
use crate::{exit, kept_events};

/// Runs the command; the result is the exit code.
pub(crate) fn report(flags: &ReportFlags, screen: &mut Screen) -> u8 {
    let requested = RequestedReports::new(&flags.reports).and_then(|reports| {
        reports.beside(flags.json)?;
        Ok((reports, kept_events::record(&flags.events)?))
    });
    let (reports, run) = match requested {
        Ok(requested) => requested,
        Err(error) => return screen.error(&error),
    };
    let code = write_all(&reports, &run, &ReportContext::default(), !flags.json, screen, exit::SUCCEEDED);
    if !flags.json || code != exit::SUCCEEDED {
        return code;
    }
    let written =
        reports.iter().map(|report| json!({ "format": report.kind.name, "file": report.path.display().to_string() }));
    match screen.data(&json!({ "v": 1, "reports": written.collect::<Vec<_>>() }).to_string()) {
        Ok(()) => code,
        Err(_) => exit::OUTPUT,
    }
}

/// Writes reports of a run; the result is the exit code: 7 if one could not be written and `code` is 0, else `code`.
pub(crate) fn write_all(
    reports: &RequestedReports,
    run: &RunRecord,
    context: &ReportContext,
    say: bool,
    screen: &mut Screen,
    code: u8,
) -> u8 {
    let mut result = code;
    for report in reports.iter() {
        match write_text(report, &report.path, &(report.kind.text)(run, context), screen) {
            Ok(()) if say && !report.to_stdout() => {
                screen.line(&format!("report {}", safe(&report.path.display().to_string())));
            }
            Ok(()) => {}
            Err(error) => {
                screen.fault("output", &format!("a report could not be written: {error}"), None);
                result = if code == exit::SUCCEEDED { exit::OUTPUT } else { code };
            }
        }
    }
    result
}

/// Writes the text of a report to a path of its kind; folders that are missing are made. A link in its place is followed only
/// if it was typed: in a clone, links may lead anywhere. If nothing was typed, it stays in the workspace.
///
/// # Errors
/// If the file cannot be written: then the one that was there is still there.
pub(crate) fn write_text(
    report: &RequestedReport,
    path: &Path,
    text: &str,
    screen: &mut Screen,
) -> std::io::Result<()> {
    write_file(&RequestedFile { path: path.to_path_buf(), typed: report.typed }, text, screen)
}

/// As [`write_text`], of any file that was asked for; `-` is stdout.
///
/// # Errors
/// As [`write_text`].
pub(crate) fn write_file(file: &RequestedFile, text: &str, screen: &mut Screen) -> std::io::Result<()> {
    let path = file.path.as_path();
    if path == Path::new("-") {
        return screen.data(text.trim_end());
    }
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    match file.typed {
        Typed::File => save(path, text.trim_end(), Readers::Default),
        Typed::Folder => save_in_place(path, text.trim_end()),
        Typed::Nothing => {
            let place = Reach::new(".").place(path).map_err(|reason| {
                let (ReadRefused::Fault(reason) | ReadRefused::Refused(reason)) = reason;
                std::io::Error::other(format!("`{}`: {reason}", path.display()))
            })?;
            save_in_place(&place, text.trim_end())
        }
    }
}

/// The file of one of several pages: `report.2.flow.logs-in.html` for `report.html`, by its number and what it is of.
pub(crate) fn page(report: &RequestedReport, index: usize, of: &[&str]) -> PathBuf {
    let part =
        |name: Option<&std::ffi::OsStr>| name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (stem, extension) = (part(report.path.file_stem()), part(report.path.extension()));
    let words = of.iter().map(|text| {
        let plain: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let plain = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        plain.chars().take(60).collect::<String>()
    });
    let parts: Vec<String> = [stem, (index + 1).to_string()].into_iter().chain(words).chain([extension]).collect();
    report.path.with_file_name(parts.join("."))
}
