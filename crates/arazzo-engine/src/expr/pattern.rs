//! Patterns of regex criteria: the syntax of the crate `regex`, in linear time and bounded memory (docs/readings.md, regex).

/// The longest pattern in bytes, and the memory that one compiled pattern may take.
const PATTERN_BYTES: usize = 4096;
const PATTERN_MEMORY: usize = 1 << 20;

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
