//! How a text is quoted: not where it need not be, else in single quotes, in double ones where it has escapes.

use crate::node::{Kind, layout::Scalar, plain_scalar, scalar_of};

/// What YAML 1.1, which other tools read, takes for a truth value.
const WORDS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

/// The scalar as it is to be written; it stands in one line.
pub(super) fn written(scalar: &Scalar) -> String {
    let Scalar { raw, text, is_quoted } = scalar;
    if !is_quoted {
        return raw.clone();
    }
    if is_plain(text) {
        return text.clone();
    }
    let has_escapes = raw.starts_with('"') && raw.contains('\\');
    let is_shown = text.chars().all(|c| !c.is_control() && c != '\u{feff}' && !matches!(c, '\u{2028}' | '\u{2029}'));
    if has_escapes && !(is_shown && text.is_ascii()) {
        return raw.clone();
    }
    if text.contains('\'') && !text.contains(['"', '\\']) {
        return format!("\"{text}\"");
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// `true` for a text that every reader of YAML takes for this text without quotes, wherever it stands.
fn is_plain(text: &str) -> bool {
    let is_word = WORDS.contains(&text.to_ascii_lowercase().as_str());
    !is_word && scalar_of(text) == text && matches!(plain_scalar(text), Kind::String(_)) && !text.contains("  ")
}
