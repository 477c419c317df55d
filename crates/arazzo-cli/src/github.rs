//! GitHub Actions beside a run: annotations at the lines of documents, and the summary of a job.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use arazzo::diagnostics::Place;
use arazzo::report::text::safe;
use arazzo::report::{ReportContext, RunRecord, markdown};

/// `true` in a job of GitHub Actions.
pub(crate) fn is_here() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// The line that makes an annotation; `kind` is `error` or `warning`.
pub(crate) fn annotation(kind: &str, code: &str, message: &str, place: Option<&Place>) -> String {
    let mut properties = vec![];
    if let Some(place) = place {
        properties.push(format!("file={}", property(&in_the_repository(&place.file))));
        properties.push(format!("line={},col={}", place.line, place.column));
    }
    properties.push(format!("title={}", property(&format!("arazzo: {code}"))));
    format!("::{kind} {}::{}", properties.join(","), data(message))
}

/// The annotation of a run that did not succeed; none elsewhere than in a job, or where there is no reason.
pub(crate) fn annotation_of(run: &RunRecord) -> Option<String> {
    let why = run.verdict().why.filter(|_| is_here())?;
    let label = why.label.as_ref().map(|label| format!(": {label}")).unwrap_or_default();
    let help = why.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    let message = format!("{}{label}{help}", why.message);
    Some(annotation("error", why.code.word(), &message, why.place.as_ref()))
}

/// Annotations name files from the root of the repository, wherever the command runs.
fn in_the_repository(file: &str) -> String {
    let inside = || {
        let root = std::env::var_os("GITHUB_WORKSPACE").filter(|root| !root.is_empty())?;
        let whole = std::env::current_dir().ok()?.join(file);
        Some(whole.strip_prefix(Path::new(&root)).ok()?.to_string_lossy().into_owned())
    };
    inside().unwrap_or_else(|| file.to_owned())
}

/// A message; a line break would begin another command.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(safe).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// A property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Appends the summary of a run to that of the job, if the job has one.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn summarize(run: &RunRecord) -> std::io::Result<()> {
    append_summary(|| markdown(run, &ReportContext::default()))
}

/// Appends a text to the summary of the job, if it has one.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn append_summary(text: impl FnOnce() -> String) -> std::io::Result<()> {
    let Some(path) = summary() else { return Ok(()) };
    OpenOptions::new().create(true).append(true).open(path)?.write_all(format!("{}\n", text()).as_bytes())
}

/// The file of the job's summary.
pub(crate) fn summary() -> Option<std::path::PathBuf> {
    std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| is_here() && !path.is_empty()).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_message_or_a_name_ends_an_annotation() {
        let place = Place { file: "a,b:c%\n.yaml".to_owned(), line: 3, column: 7, end_line: 3, end_column: 9 };
        assert_eq!(
            annotation("error", "no-answer", "100%\r\n::error::forged\u{202e}", Some(&place)),
            "::error file=a%2Cb%3Ac%25%0A.yaml,line=3,col=7,title=arazzo%3A no-answer::100%25\\u{d}%0A::error::forged\\u{202e}"
        );
    }
}
