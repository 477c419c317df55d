//! Events and reports → text. Pure functions, and the one screen they go to.

use std::borrow::Cow;

use anstream::adapter::strip_str;
use anstyle::{AnsiColor, Style};
use arazzo::Error;
use arazzo::diagnostics::{Diagnostic, Diagnostics, Help, Sources};
use arazzo::json;
use arazzo::secrets::without_secrets;
use arazzo::values::Json;

use crate::exit;
use crate::faults;
use crate::github;
use crate::mistyped;
use crate::requested::Color;
use crate::streams::{self, ColorChoice, Stream};
use paint::Paint;
use unicode_width::UnicodeWidthStr;

pub(crate) mod diagnostics;
pub(crate) mod failure;
pub(crate) mod graph;
pub(crate) mod lines;
pub(crate) mod paint;
pub(crate) mod progress;
pub(crate) mod tree;

pub(crate) use arazzo::report::text::{safe, time};

/// What is shown, and what is given as data. A closed reader is never a fault of ours.
pub(crate) struct Screen {
    color: Color,
    out_closed: bool,
    paint: Paint,
    /// What is wrong, for programs that asked for JSON, since there was data last; nothing if no program asked.
    objects: Option<Vec<Json>>,
    /// Something was written as data.
    has_data: bool,
}

impl Screen {
    /// For a program too, if it asked for JSON.
    pub(crate) fn new(color: Color, json: bool) -> Self {
        let paint = Paint::new(color.on(Stream::People) != ColorChoice::Never);
        Self { color, out_closed: false, paint, objects: json.then(Vec::new), has_data: false }
    }

    /// Gives a program that asked for JSON what went wrong before there was any data: one object.
    pub(crate) fn finish(&mut self, code: u8) {
        if let Some(objects) = self.objects.take().filter(|_| code != exit::SUCCEEDED && !self.has_data) {
            // A reader that has gone away does not want it.
            drop(streams::data(&format!("{}\n", faults::list(objects, code))));
        }
    }

    /// What could not be written since there was data last, for programs that asked for JSON.
    pub(crate) fn unwritten(&mut self) -> Vec<Json> {
        let objects = self.objects.as_mut().map(std::mem::take).unwrap_or_default();
        objects.into_iter().filter(faults::is_unwritten).collect()
    }

    /// Gives a program that reads lines what could not be written behind them, as one more line.
    pub(crate) fn finish_lines(&mut self, code: u8) {
        let unwritten = self.unwritten();
        if !unwritten.is_empty() && self.has_data {
            // What cannot be said here either was said to people.
            drop(self.data(&faults::list(unwritten, code).to_string()));
        }
    }

    fn object(&mut self, object: impl FnOnce() -> Json) {
        if let Some(objects) = &mut self.objects {
            objects.push(object());
        }
    }

    /// A line for people.
    pub(crate) fn line(&mut self, text: &str) {
        self.paint.erase();
        streams::people(&format!("{text}\n"), self.color.on(Stream::People));
    }

    /// A command to the runner of a CI job: the only text that it obeys.
    pub(crate) fn command(&mut self, text: &str) {
        self.paint.erase();
        streams::people_commands(&format!("{text}\n"));
    }

    /// Lines for people, and below them lines that are drawn again until the next line or drawing.
    pub(crate) fn draw(&mut self, stay: &[String], again: &[String]) {
        self.paint.draw(stay, again);
    }

    /// Data, with a line end.
    ///
    /// # Errors
    /// If it could not be written; a reader that has gone away is not an error.
    pub(crate) fn data(&mut self, text: &str) -> std::io::Result<()> {
        self.unless_closed(|| streams::data(&format!("{text}\n")))
    }

    /// Commands to the runner of a CI job, as data.
    ///
    /// # Errors
    /// As [`Screen::data`].
    pub(crate) fn data_command(&mut self, text: &str) -> std::io::Result<()> {
        self.unless_closed(|| streams::data_commands(&format!("{text}\n")))
    }

    /// Exactly these bytes, as data.
    ///
    /// # Errors
    /// As [`Screen::data`].
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.unless_closed(|| streams::data_exact(bytes))
    }

    /// A report, which is data and may have colours.
    ///
    /// # Errors
    /// As [`Screen::data`].
    pub(crate) fn report(&mut self, text: &str) -> std::io::Result<()> {
        let color = self.color.on(Stream::Data);
        self.unless_closed(|| streams::report(&format!("{text}\n"), color))
    }

    fn unless_closed(&mut self, write: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
        self.has_data = true;
        if let Some(objects) = &mut self.objects {
            objects.clear();
        }
        if self.out_closed {
            return Ok(());
        }
        match write() {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.out_closed = true;
                Ok(())
            }
            result => result,
        }
    }

    /// Errors in full with their snippets, then one line for each kind of warning.
    pub(crate) fn diagnostics(&mut self, found: &Diagnostics, sources: &Sources) {
        for diagnostic in found.errors() {
            let diagnostic = &unsaid(diagnostic);
            self.object(|| diagnostics::object(diagnostic, sources, None));
            self.line(&wrap_remarks(&diagnostic.render(sources, true, width()), width()));
            self.annotate(diagnostic, sources);
            self.line("");
        }
        self.warnings(found.warnings(), sources);
        let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        match (found.errors().count(), found.warnings().count()) {
            (0, _) => {}
            (errors, 0) => self.line(&count(errors, "error")),
            (errors, warnings) => self.line(&format!("{}, {}", count(errors, "error"), count(warnings, "warning"))),
        }
    }

    /// In GitHub Actions, a line that shows an error at its place in the changed files.
    pub(crate) fn annotate(&mut self, diagnostic: &Diagnostic, sources: &Sources) {
        if github::is_here() {
            let help = diagnostic.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
            let message = safe(&diagnostic.message) + &help;
            let place = diagnostic.place(sources);
            self.command(&github::annotation("error", diagnostic.code.word(), &message, place.as_ref()));
        }
    }

    /// One line for each kind of warning, with its first place and the help for that.
    pub(crate) fn warnings<'d>(&mut self, warnings: impl Iterator<Item = &'d Diagnostic>, sources: &Sources) {
        let mut kinds: Vec<(&Diagnostic, usize)> = vec![];
        for warning in warnings {
            self.object(|| diagnostics::object(warning, sources, None));
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
            let help = warning.help.as_ref().map(|help| format!("; {}", safe(&help.to_string()))).unwrap_or_default();
            let text = format!("{}: {}{places}{help}", safe(&place), safe(&warning.message));
            let word = format!("warning[{}]", warning.code);
            let text = wrapped(&format!("{word}{text}"), width(), 2);
            self.line(&text.replacen(&word, &format!("{yellow}{word}{yellow:#}"), 1));
        }
    }

    /// Shows why something could not be run; the result is the exit code.
    pub(crate) fn error(&mut self, error: &Error) -> u8 {
        match error {
            Error::Documents { diagnostics, sources } => {
                self.diagnostics(diagnostics, sources);
                let mut texts = sources.iter().peekable();
                // What is wrong is no document, but values that were given: inputs, faults of a mock.
                let given = texts.peek().is_some() && texts.all(|(_, text)| text.withheld().is_some());
                if given { exit::USAGE } else { exit::of(diagnostics) }
            }
            Error::Inputs(faults) => {
                for fault in faults {
                    let help = fault.help.as_ref().map(Help::to_string);
                    self.fault(fault.code.word(), &fault.message, help.as_deref());
                }
                exit::USAGE
            }
            Error::NoSuchWorkflow { known, nearest, .. } => {
                let help = match nearest {
                    Some(near) => Help::meant(near),
                    None => Help::words("name one of these"),
                };
                self.fault("no-such-workflow", &error.to_string(), Some(&help.to_string()));
                for name in known {
                    self.line(&format!("  {}", safe(name)));
                }
                if let Some(Json::Object(fault)) = self.objects.as_mut().and_then(|objects| objects.last_mut()) {
                    fault.insert("suggestion".to_owned(), json!(nearest));
                    fault.insert("remarks".to_owned(), json!(known));
                }
                exit::USAGE
            }
            Error::Journal(message) => {
                self.fault("journal", message, None);
                exit::OUTPUT
            }
            Error::InDoubt(_) => {
                self.fault("in-doubt", &error.to_string(), None);
                exit::IN_DOUBT
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
        let (message, why) = match mistyped::unsaid(message) {
            Some((message, why)) => (Cow::Owned(message), Some(why)),
            None => (Cow::Borrowed(message), None),
        };
        let (message, help) = (without_secrets(&message), help.map(without_secrets));
        self.object(|| faults::fault(code, &message, help.as_deref()));
        self.line(&format!("{red}error[{code}]{red:#}{bold}: {}{bold:#}", safe(&message)));
        if let Some(why) = why {
            self.line(&format!("  note: {}", safe(&why)));
        }
        if let Some(help) = &help {
            self.line(&format!("  help: {}", safe(help)));
        }
        if github::is_here() {
            let help = help.map(|help| format!("\nhelp: {help}")).unwrap_or_default();
            self.command(&github::annotation("error", code, &format!("{message}{help}"), None));
        }
    }
}

/// A diagnostic about what was named, without what may be a secret.
fn unsaid(diagnostic: &Diagnostic) -> Cow<'_, Diagnostic> {
    let named = diagnostic.span.is_none().then(|| mistyped::unsaid(&diagnostic.message)).flatten();
    match named {
        Some((message, why)) => {
            let mut diagnostic = diagnostic.clone();
            diagnostic.message = message;
            Cow::Owned(diagnostic.remark(why))
        }
        None => Cow::Borrowed(diagnostic),
    }
}

impl Color {
    /// The choice of colours for a stream.
    fn on(self, stream: Stream) -> ColorChoice {
        match self {
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
            // Without a terminal only CLICOLOR_FORCE asks for colours, and 0 does not ask.
            Self::Auto if !stream.is_terminal() && std::env::var_os("CLICOLOR_FORCE").is_some_and(|v| v == "0") => {
                ColorChoice::Never
            }
            Self::Auto => stream.usual_colors(),
        }
    }
}

/// Text for a terminal, broken between words where it is wider than that; what follows stands further in. Logs break
/// lines themselves, and are searched by them.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    if !Stream::People.is_terminal() {
        return text.to_owned();
    }
    let plain = strip_str(text).to_string();
    let mut used = plain.len() - plain.trim_start_matches(' ').len();
    let (mut lines, mut line) = (vec![], " ".repeat(used));
    let mut is_first = true;
    // Colours may stand before the blanks that a line begins with.
    for word in text.split(' ').skip_while(|word| strip_str(word).to_string().is_empty()) {
        let wide = strip_str(word).to_string().width();
        if !is_first && used + 1 + wide > width.saturating_sub(1) {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            used = indent;
        } else if !is_first {
            line.push(' ');
            used += 1;
        }
        is_first = false;
        line.push_str(word);
        used += wide;
    }
    lines.push(line);
    lines.join("\n")
}

/// A rendered diagnostic whose remarks and help are broken between words; the lines of documents stay as they are.
pub(crate) fn wrap_remarks(text: &str, width: usize) -> String {
    let wrap = |line: &str| {
        let plain = strip_str(line).to_string();
        match plain.trim_start().starts_with("= ") || plain.starts_with("error[") {
            true => wrapped(line, width, if plain.starts_with("error[") { 2 } else { 6 }),
            false => line.to_owned(),
        }
    };
    text.lines().map(wrap).collect::<Vec<_>>().join("\n")
}

/// A bold style in a colour.
pub(crate) fn bold(color: AnsiColor) -> Style {
    Style::new().bold().fg_color(Some(color.into()))
}

/// The width of the terminal, or what fits most logs.
pub(crate) fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    let terminal = || streams::size().map(|(width, _)| width);
    columns.or_else(terminal).unwrap_or(120).max(40)
}
