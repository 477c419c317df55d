//! Events and reports → text. Pure functions, and the one screen they go to.

use std::io::Write;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use arazzo::Error;
use arazzo::engine::diagnostic::{Diagnostic, Diagnostics};
use arazzo::engine::source::Sources;

use crate::exit;
use crate::flags::Color;

pub(crate) mod account;
pub(crate) mod failure;
pub(crate) mod lines;
pub(crate) mod report;

/// Where people look: stderr for what happens, stdout for data. A closed reader is never a fault of ours.
pub(crate) struct Screen {
    err: AutoStream<std::io::Stderr>,
    color: Color,
    out_closed: bool,
}

impl Screen {
    pub(crate) fn new(color: Color) -> Self {
        let choice = match color {
            Color::Auto => AutoStream::choice(&std::io::stderr()),
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { err: AutoStream::new(std::io::stderr(), choice), color, out_closed: false }
    }

    /// A line for people.
    pub(crate) fn line(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }

    /// Data, with a line end.
    ///
    /// # Errors
    /// If it could not be written; a reader that has gone away is not an error.
    pub(crate) fn data(&mut self, text: &str) -> std::io::Result<()> {
        if self.out_closed {
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.out_closed = true;
                Ok(())
            }
            result => result,
        }
    }

    /// A report, which is data and may have colours.
    ///
    /// # Errors
    /// As [`Screen::data`].
    pub(crate) fn report(&mut self, text: &str) -> std::io::Result<()> {
        if self.out_closed {
            return Ok(());
        }
        let choice = match self.color {
            Color::Auto => AutoStream::choice(&std::io::stdout()),
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let mut out = AutoStream::new(std::io::stdout(), choice);
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.out_closed = true;
                Ok(())
            }
            result => result,
        }
    }

    /// Errors in full with their snippets, then one line for each kind of warning.
    pub(crate) fn diagnostics(&mut self, diagnostics: &Diagnostics, sources: &Sources) {
        for diagnostic in diagnostics.errors() {
            self.line(&diagnostic.render(sources, true, width()));
            self.line("");
        }
        self.warnings(diagnostics.warnings(), sources);
        let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        match (diagnostics.errors().count(), diagnostics.warnings().count()) {
            (0, _) => {}
            (errors, 0) => self.line(&count(errors, "error")),
            (errors, warnings) => self.line(&format!("{}, {}", count(errors, "error"), count(warnings, "warning"))),
        }
    }

    /// One line for each kind of warning, with its first place.
    pub(crate) fn warnings<'d>(&mut self, warnings: impl Iterator<Item = &'d Diagnostic>, sources: &Sources) {
        let mut kinds: Vec<(&Diagnostic, usize)> = vec![];
        for warning in warnings {
            match kinds.iter_mut().find(|(known, _)| known.code == warning.code) {
                Some((_, count)) => *count += 1,
                None => kinds.push((warning, 1)),
            }
        }
        let yellow = bold(AnsiColor::Yellow);
        for (warning, count) in &kinds {
            let place =
                warning.place(sources).map(|p| format!(" {}:{}:{}", p.file, p.line, p.column)).unwrap_or_default();
            let places = if *count > 1 { format!(" ({count} places)") } else { String::new() };
            self.line(&format!(
                "{yellow}warning[{}]{yellow:#}{}: {}{places}",
                warning.code,
                safe(&place),
                safe(&warning.message)
            ));
        }
    }

    /// Shows why something could not be run; the result is the exit code.
    pub(crate) fn error(&mut self, error: &Error) -> u8 {
        match error {
            Error::Documents { diagnostics, sources } => {
                self.diagnostics(diagnostics, sources);
                exit::of(diagnostics)
            }
            Error::Inputs(faults) => {
                for fault in faults {
                    self.fault(&fault.code, &fault.message, fault.help.as_deref());
                }
                exit::USAGE
            }
            Error::NoSuchWorkflow { known, nearest, .. } => {
                let help = match nearest {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "name one of these".to_owned(),
                };
                self.fault("no-such-workflow", &error.to_string(), Some(&help));
                for name in known {
                    self.line(&format!("  {}", safe(name)));
                }
                exit::USAGE
            }
            other => {
                self.fault("setup", &other.to_string(), None);
                exit::USAGE
            }
        }
    }

    /// An error without a place.
    pub(crate) fn fault(&mut self, code: &str, message: &str, help: Option<&str>) {
        let (red, bold) = (bold(AnsiColor::Red), Style::new().bold());
        self.line(&format!("{red}error[{code}]{red:#}{bold}: {}{bold:#}", safe(message)));
        if let Some(help) = help {
            self.line(&format!("  help: {}", safe(help)));
        }
    }
}

/// A bold style in a colour.
pub(crate) fn bold(color: AnsiColor) -> Style {
    Style::new().bold().fg_color(Some(color.into()))
}

/// Text of others for a terminal: control characters, and those that change direction or have no width, are written
/// out, so that they can neither move the cursor nor forge a line.
pub(crate) fn safe(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if hidden { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// Milliseconds for people: `412ms`, `3.9s`, `2m 05s`.
pub(crate) fn time(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{ms}ms"),
        10_000..120_000 => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        _ => format!("{}m {:02}s", ms / 60_000, ms / 1000 % 60),
    }
}

/// The width of the terminal, or what fits most logs.
pub(crate) fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    let terminal = || terminal_size::terminal_size_of(std::io::stderr()).map(|(width, _)| usize::from(width.0));
    columns.or_else(terminal).unwrap_or(120).max(40)
}
