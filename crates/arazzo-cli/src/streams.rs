//! The two ways out of the command: for people on stderr, for data on stdout. All that is printed goes through one of
//! them (`tests/tidy.rs` holds that), so that no text of a document or a server reaches a terminal, or the log of a CI
//! job, with characters or lines that either would obey.
//!
//! Styles of our own stay: sequences `ESC [ … m`, which change colours and nothing else.

use std::borrow::Cow;
use std::io::{IsTerminal, Result, Write};

use anstream::AutoStream;
pub(crate) use anstream::ColorChoice;
use arazzo::report::text::is_hidden;

use crate::job;

/// A way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// stderr
    People,
    /// stdout
    Data,
}

impl Stream {
    /// `true` if it ends at a terminal.
    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::People => std::io::stderr().is_terminal(),
            Self::Data => std::io::stdout().is_terminal(),
        }
    }

    /// `true` if it is a file that keeps what is written, to the byte.
    pub(crate) fn is_kept(self) -> bool {
        match self {
            Self::People => is_file(&std::io::stderr()),
            Self::Data => is_file(&std::io::stdout()),
        }
    }

    /// The colours that it takes, if nothing was said.
    pub(crate) fn usual_colors(self) -> ColorChoice {
        match self {
            Self::People => AutoStream::choice(&std::io::stderr()),
            Self::Data => AutoStream::choice(&std::io::stdout()),
        }
    }

    fn write(self, text: &str, color: ColorChoice) -> Result<()> {
        match self {
            Self::People => flush(AutoStream::new(std::io::stderr().lock(), color), text),
            Self::Data => flush(AutoStream::new(std::io::stdout().lock(), color), text),
        }
    }
}

fn flush(mut stream: impl Write, text: &str) -> Result<()> {
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush())
}

/// Columns and rows of the terminal that people look at.
pub(crate) fn size() -> Option<(usize, usize)> {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    size.map(|(width, height)| (usize::from(width.0), usize::from(height.0)))
}

/// Text for people, styled. One that has gone away is no fault of ours.
pub(crate) fn people(text: &str, color: ColorChoice) {
    drop(Stream::People.write(&inert(text), color));
}

/// Text for people with commands to the runner of a CI job, which were made for it.
pub(crate) fn people_commands(text: &str) {
    drop(Stream::People.write(&commands(text), ColorChoice::Never));
}

/// What moves the cursor, of our own; `text` was made harmless where it is of others.
pub(crate) fn paint(text: &str) {
    drop(flush(std::io::stderr().lock(), text));
}

/// A report: text on stdout that people read.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn report(text: &str, color: ColorChoice) -> Result<()> {
    Stream::Data.write(&if is_read() { inert(text) } else { Cow::Borrowed(text) }, color)
}

/// Commands to the runner of a CI job, as data.
///
/// # Errors
/// If they cannot be written.
pub(crate) fn data_commands(text: &str) -> Result<()> {
    data_exact(commands(text).as_bytes())
}

/// Text as data: to the byte, but where people or a runner read it.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn data(text: &str) -> Result<()> {
    if !is_read() {
        return data_exact(text.as_bytes());
    }
    let text = escaped(text);
    let text = match job::reads_logs() {
        true if text.starts_with(['{', '[']) => job::inert_json(&text).into_owned(),
        true => job::inert(&text).into_owned(),
        false => text.into_owned(),
    };
    data_exact(text.as_bytes())
}

/// Exactly these bytes as data.
///
/// # Errors
/// If they cannot be written.
pub(crate) fn data_exact(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

/// `true` if people or a runner of CI jobs read stdout: no control character of an answer may reach them.
pub(crate) fn is_read() -> bool {
    Stream::Data.is_terminal() || job::reads_logs() && !Stream::Data.is_kept()
}

/// Text for people, and in a job for its runner.
fn inert(text: &str) -> Cow<'_, str> {
    let text = harmless(text);
    if job::reads_logs() { Cow::Owned(job::inert(&text).into_owned()) } else { text }
}

/// Lines that are commands. What is of others in them was encoded when they were made; none of the other form is.
fn commands(text: &str) -> String {
    harmless(text).replace("##", "#\\u{23}")
}

/// Text with all that a terminal acts on written out, but for line breaks, tabs and colours.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let acts = |c: char| is_hidden(c) && !matches!(c, '\n' | '\t');
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = style(rest).unwrap_or(c.len_utf8());
        let (part, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if acts(c) && length == c.len_utf8() {
            shown.extend(c.escape_unicode())
        } else {
            shown.push_str(part)
        }
        rest = behind;
    }
    Cow::Owned(shown)
}

/// The length of the style that a text begins with.
fn style(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("\x1b[")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
    rest.get(end..)?.starts_with('m').then_some(end + 3)
}

/// Data for a terminal. It is JSON, where what a terminal would act on can be written as an escape and stays the same
/// data, or text that has been made safe already. Line breaks are those of the data's form.
fn escaped(text: &str) -> Cow<'_, str> {
    let acts = |c: char| is_hidden(c) && !matches!(c, '\n' | '\t');
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if acts(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

#[cfg(unix)]
fn is_file(out: &impl std::os::fd::AsFd) -> bool {
    let copy = out.as_fd().try_clone_to_owned();
    copy.and_then(|copy| std::fs::File::from(copy).metadata()).is_ok_and(|about| about.is_file())
}

/// As on Unix.
#[cfg(windows)]
fn is_file(out: &impl std::os::windows::io::AsHandle) -> bool {
    let copy = out.as_handle().try_clone_to_owned();
    copy.and_then(|copy| std::fs::File::from(copy).metadata()).is_ok_and(|about| about.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_stay_and_nothing_else_that_a_terminal_acts_on() {
        let text = "\x1b[1;38;5;3mbold\x1b[0m\tx\n\x1b]52;c;eA==\x07\r\x1b[2J\u{9b}31m\u{202e}\x1b[31";
        assert_eq!(
            harmless(text),
            "\x1b[1;38;5;3mbold\x1b[0m\tx\n\\u{1b}]52;c;eA==\\u{7}\\u{d}\\u{1b}[2J\\u{9b}31m\\u{202e}\\u{1b}[31"
        );
        assert_eq!(commands("::error::a##vso[b]\r"), "::error::a#\\u{23}vso[b]\\u{d}");
    }
}
