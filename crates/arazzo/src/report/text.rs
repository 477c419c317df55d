//! Text of others where people read it: what is hidden written out, cut by columns, escaped inside XML and HTML.

/// Text of others for people: control characters, and those that change direction or have no width, are written out, so
/// that they can neither move a cursor nor forge a line.
#[must_use]
pub fn safe(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// `true` for characters that [`safe`] writes out: those of control, those that change the direction of text, and those
/// without a width.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Milliseconds for people: `412ms`, `3.9s`, `2m 05s`.
#[must_use]
pub fn time(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{ms}ms"),
        10_000..120_000 => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        _ => format!("{}m {:02}s", ms / 60_000, ms / 1000 % 60),
    }
}

/// Text for between tags or inside a quoted attribute. What XML 1.0 cannot hold is replaced.
pub(super) fn escaped(text: &str) -> String {
    let mut markup = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => markup.push_str("&amp;"),
            '<' => markup.push_str("&lt;"),
            '>' => markup.push_str("&gt;"),
            '"' => markup.push_str("&quot;"),
            '\'' => markup.push_str("&#39;"),
            // A parser would read it as a line break.
            '\r' => markup.push_str("&#13;"),
            '\t' | '\n' | ' '..='\u{7e}' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'.. => markup.push(c),
            _ => markup.push('\u{fffd}'),
        }
    }
    markup
}

/// As [`escaped`], in one line, at most `width` columns wide; characters that turn the direction of text or have no
/// width are written out.
pub(super) fn label(text: &str, width: usize) -> String {
    escaped(&cut(&safe(&text.split_whitespace().collect::<Vec<_>>().join(" ")), width))
}

/// The beginning of a text, at most `width` columns wide, with an ellipsis where something is missing.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut taken = 0;
    let mut shown = String::new();
    for c in text.chars() {
        taken += columns_of(c);
        if taken + 1 > width {
            break;
        }
        shown.push(c);
    }
    shown + "…"
}

/// The width of a text, in columns of letters.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Letters of East Asia and pictures are two wide; an estimate is enough, because what is cut is cut generously.
fn columns_of(c: char) -> usize {
    if matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..)
    {
        2
    } else {
        1
    }
}

/// Milliseconds with a thin space before the unit.
pub(crate) fn pace(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms}\u{202f}ms"),
        1000..10_000 => format!("{}.{:02}\u{202f}s", ms / 1000, ms % 1000 / 10),
        _ => time(ms),
    }
}
