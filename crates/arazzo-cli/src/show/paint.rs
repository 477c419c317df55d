//! The lines at the bottom of a terminal that are drawn again and again. Nothing is decided here.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::adapter::strip_str;

use crate::streams::{self, Stream};

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
/// Sequences that clear the rest of a line, and of the screen. Never from the start of the first row: some terminals
/// take that for a new page and keep the old one.
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";

/// `true` while the cursor is hidden, so that a panic can show it again.
static HIDDEN: AtomicBool = AtomicBool::new(false);

/// `true` if lines can be drawn again on stderr, and nobody said that they should not be.
pub(crate) fn can_animate() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    // On Windows the console would have to be told to understand the signs; that is not tried.
    cfg!(unix) && Stream::People.is_terminal() && !dumb && !set("CI")
}

/// Columns and rows of the terminal, as they are now.
pub(crate) fn size() -> (usize, usize) {
    streams::size().map_or((80, 24), |(width, height)| (width.max(20), height.max(2)))
}

/// The lines that are drawn at the moment.
///
/// Between two drawings the cursor stands at the start of the first line that is drawn again: whatever a resize has
/// done to the lines, they are all behind it, and can be erased without knowing how many they are now.
pub(crate) struct Paint {
    color: bool,
    drawn: bool,
}

impl Paint {
    pub(crate) fn new(color: bool) -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                show_cursor();
                before(panic);
            }));
        });
        Self { color, drawn: false }
    }

    /// Writes lines that stay, and below them those that are drawn again.
    pub(crate) fn draw(&mut self, stay: &[String], again: &[String]) {
        let mut text = String::new();
        if !HIDDEN.swap(true, Ordering::SeqCst) {
            text.push_str(HIDE_CURSOR);
        }
        text.push('\r');
        let lines: Vec<String> = stay.iter().chain(again).map(|line| self.colored(line)).collect();
        text.push_str(&lines.join(&format!("{REST_OF_LINE}\n")));
        if again.is_empty() {
            text.push_str(&format!("{REST_OF_LINE}\n"));
        }
        text.push_str(&format!("{REST_OF_LINE}{REST_OF_SCREEN}\r"));
        if again.len() > 1 {
            text.push_str(&format!("\x1b[{}A", again.len() - 1));
        }
        self.drawn = !again.is_empty();
        streams::paint(&text);
    }

    /// Takes away what was drawn, so that other lines can follow.
    pub(crate) fn erase(&mut self) {
        if std::mem::take(&mut self.drawn) {
            streams::paint(&format!("\r{REST_OF_LINE}\n{REST_OF_SCREEN}\x1b[A"));
        }
        show_cursor();
    }

    fn colored(&self, line: &str) -> String {
        let line = streams::harmless(line);
        if self.color { line.into_owned() } else { strip_str(&line).to_string() }
    }
}

impl Drop for Paint {
    fn drop(&mut self) {
        self.erase();
    }
}

fn show_cursor() {
    if HIDDEN.swap(false, Ordering::SeqCst) {
        streams::paint(SHOW_CURSOR);
    }
}
