//! Patterns of regex criteria: the syntax of the crate `regex`, in linear time and bounded memory (docs/readings.md, regex).

/// The longest pattern in bytes, and the memory that one compiled pattern may take.
const PATTERN_BYTES: usize = 4096;
const PATTERN_MEMORY: usize = 1 << 20;

/// Writes the text that a value has in a pattern where it stands for itself.
pub type Escape = fn(&str) -> String;

/// [`Escape`] for patterns of regex criteria, and for `match` and `search` of JSONPath.
#[must_use]
pub fn escaped(text: &str) -> String {
    regex::escape(text)
}

/// [`Escape`] for `matches`, `replace`, `tokenize` and `analyze-string` of XPath, which know fewer escapes
/// (XPath and XQuery Functions and Operators 3.1, 5.6.1).
#[must_use]
pub fn escaped_for_xpath(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\|.?*+(){}-[]^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Compiles a pattern.
///
/// # Errors
/// Why it is none, in words.
pub fn compile(written: &str) -> Result<regex::Regex, String> {
    if written.len() > PATTERN_BYTES {
        return Err(format!("the pattern is longer than {PATTERN_BYTES} bytes"));
    }
    regex::RegexBuilder::new(written).size_limit(PATTERN_MEMORY).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the pattern needs too much memory".to_owned(),
        // The crate draws its own picture of the pattern; its last line says what is wrong.
        other => other.to_string().rsplit("error: ").next().unwrap_or_default().trim().to_owned(),
    })
}
