//! Text of others inside XML and HTML.

/// Text for between tags or inside a quoted attribute. What XML 1.0 cannot hold is replaced.
pub(crate) fn escaped(text: &str) -> String {
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
pub(crate) fn label(text: &str, width: usize) -> String {
    escaped(&cut(&super::safe(&text.split_whitespace().collect::<Vec<_>>().join(" ")), width))
}

/// The beginning of a text, at most `width` columns wide, with an ellipsis where something is missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
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

/// How wide a text is, in columns of letters.
pub(crate) fn columns(text: &str) -> usize {
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
