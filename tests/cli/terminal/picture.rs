//! The picture of the README, `docs/run.svg`: what a terminal shows when the reference workflow has run on the mock.

use super::{Arazzo, Duration, PROVISION, Terminal, root};
use std::fmt::Write;

/// In the place of the times, which differ from run to run; these are from one.
const TIMES: [&str; 4] = ["21 ms", "58 ms", "19 ms", "98 ms"];
const COLUMNS: u16 = 120;
const COMMAND: &str = "$ arazzo run specs/daytona-provision.yml --mock";
/// A character takes this much, and a line that, with a margin around them all.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 20.0;
const MARGIN: f64 = 16.0;

#[derive(Clone, Copy, PartialEq, Default)]
struct Style {
    bold: bool,
    dim: bool,
    color: vt100::Color,
}

impl Style {
    /// Colours that can be read on the dark ground of the picture.
    fn fill(self) -> &'static str {
        match self.color {
            vt100::Color::Idx(1 | 9) => "#f85149",
            vt100::Color::Idx(2 | 10) => "#3fb950",
            vt100::Color::Idx(3 | 11) => "#d29922",
            vt100::Color::Idx(6 | 14) => "#39c5cf",
            _ if self.dim => "#8b949e",
            _ => "#e6edf3",
        }
    }
}

type Row = Vec<(char, Style)>;

/// The lines of a screen, up to the last one that has something on it.
fn rows(screen: &vt100::Screen) -> Vec<Row> {
    let (height, width) = screen.size();
    let cell = |row, column| {
        let cell = screen.cell(row, column).unwrap();
        let style = Style { bold: cell.bold(), dim: cell.dim(), color: cell.fgcolor() };
        (cell.contents().chars().next().unwrap_or(' '), style)
    };
    let mut rows: Vec<Row> =
        (0..height.get()).map(|row| (0..width.get()).map(|column| cell(row, column)).collect()).collect();
    while rows.last().is_some_and(|row| row.iter().all(|(c, _)| *c == ' ')) {
        rows.pop();
    }
    rows
}

/// Puts other times in the place of those of a line; what stands in a column keeps its right end.
fn with_times(row: &mut Row, times: &mut impl Iterator<Item = &'static str>) {
    let time = regex::Regex::new(r"\d+(\.\d+)? (ms|s)\b").unwrap();
    let text: String = row.iter().map(|(c, _)| *c).collect();
    let place = |byte: usize| text[..byte].chars().count();
    let found: Vec<_> = time
        .find_iter(&text)
        .map(|found| (place(found.start()), place(found.end()), times.next().expect("a time for each")))
        .collect();
    for (start, end, time) in found.into_iter().rev() {
        let style = row[start].1;
        let is_column = row[..start].iter().rev().take(2).all(|(c, _)| *c == ' ');
        let length = time.chars().count();
        let start = if is_column { start.min(end - length) } else { start };
        let blanks = if is_column { end - start - length } else { 0 };
        let cells = std::iter::repeat_n(' ', blanks).chain(time.chars()).map(|c| (c, style));
        row.splice(start..end, cells.collect::<Vec<_>>());
    }
}

/// The parts of a line that are drawn at once: of one style, and without gaps. With the column at which each begins.
fn parts(row: &[(char, Style)]) -> Vec<(usize, String, Style)> {
    let mut parts: Vec<(usize, String, Style)> = vec![];
    for (at, (c, style)) in row.iter().enumerate() {
        // A blank is drawn where something of the same style follows it at once.
        if *c == ' ' && row.get(at + 1).is_none_or(|(next, other)| *next == ' ' || other != style) {
            continue;
        }
        match parts.last_mut().filter(|(start, text, last)| last == style && *start + text.chars().count() == at) {
            Some((_, text, _)) => text.push(*c),
            None if *c == ' ' => {}
            None => parts.push((at, c.to_string(), *style)),
        }
    }
    parts
}

fn svg(rows: &[Row]) -> String {
    let (width, height) = (2.0 * MARGIN + f64::from(COLUMNS) * WIDTH, 2.0 * MARGIN + rows.len() as f64 * HEIGHT);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-size=\"14\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">\n\
         <title>{COMMAND}</title>\n<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#0d1117\"/>\n"
    );
    for (line, row) in rows.iter().enumerate() {
        let y = MARGIN + (line as f64 + 0.75) * HEIGHT;
        for (at, part, style) in parts(row) {
            let x = MARGIN + at as f64 * WIDTH;
            // The same width whatever the font is.
            let length = part.chars().count() as f64 * WIDTH;
            let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
            let part = part.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            writeln!(
                text,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
                 fill=\"{}\"{weight}>{part}</text>",
                style.fill()
            )
            .unwrap();
        }
    }
    text + "</svg>\n"
}

#[test]
fn the_picture_of_the_readme_is_what_a_terminal_shows() {
    let mut terminal = Terminal::start(Arazzo::new(["run", PROVISION, "--mock"]), COLUMNS, 20);
    while let Ok(bytes) = terminal.output.recv_timeout(Duration::from_secs(60)) {
        terminal.take(&bytes);
    }
    let status = terminal.child.wait().unwrap().code();
    assert_eq!(status, Some(0), "{}", terminal.shows());
    let dim = Style { dim: true, ..Style::default() };
    let prompt: Row = COMMAND.chars().map(|c| (c, if c == '$' { dim } else { Style::default() })).collect();
    let mut times = TIMES.into_iter();
    let mut rows = rows(terminal.screen.screen());
    rows.iter_mut().for_each(|row| with_times(row, &mut times));
    rows.insert(0, prompt);
    let found = svg(&rows);
    let path = root().join("docs/run.svg");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/run.svg differs (UPDATE=1 writes it)\n{}", terminal.shows());
}
