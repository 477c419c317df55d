//! `arazzo report` and `--report`: reports of a run, written where they were asked for.

use arazzo::files::{Reach, ReadRefused};
use arazzo::report::{ReportContext, RunRecord, junit};

use crate::flags::ReportFlags;
use crate::requested::{RequestedReport, RequestedReports};
use crate::save::{Readers, save, save_in_place};
use crate::show::{Screen, safe};
use crate::{exit, kept_events, streams};

/// Runs the command; the result is the exit code.
pub(crate) fn report(flags: &ReportFlags, screen: &mut Screen) -> u8 {
    let reports = match RequestedReports::new(&flags.reports) {
        Ok(reports) => reports,
        Err(error) => return screen.error(&error),
    };
    match kept_events::record(&flags.events) {
        Ok(run) => write_all(&reports, &run, &ReportContext::default(), true, screen, exit::SUCCEEDED),
        Err(error) => screen.error(&error),
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
        match write(report, &(report.kind.text)(run, context)) {
            Ok(()) if say && !report.is_stdout() => {
                screen.line(&format!("report {}", safe(&report.path.display().to_string())))
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

/// Writes a JUnit report of suites that are no run.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write_suites(report: &RequestedReport, suites: &[junit::Suite]) -> std::io::Result<()> {
    write(report, &junit::document(suites))
}

/// Writes the text of a report; folders that are missing are made. One whose path was not typed stays in the workspace: in a
/// clone, links may lead anywhere.
///
/// # Errors
/// If the file cannot be written: then the one that was there is still there.
fn write(report: &RequestedReport, text: &str) -> std::io::Result<()> {
    if report.is_stdout() {
        // A reader that has gone away is no fault.
        return match streams::data(&format!("{}\n", text.trim_end())) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        };
    }
    if let Some(folder) = report.path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| std::io::Error::new(error.kind(), format!("`{}`: {error}", folder.display())))?;
    }
    if report.named {
        return save(&report.path, text.trim_end(), Readers::Default);
    }
    let place = Reach::new(".").place(&report.path).map_err(|reason| {
        let (ReadRefused::Fault(reason) | ReadRefused::Refused(reason)) = reason;
        std::io::Error::other(format!("`{}`: {reason}", report.path.display()))
    })?;
    save_in_place(&place, text.trim_end())
}
