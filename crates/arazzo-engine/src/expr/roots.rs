//! How expressions begin that are read without braces.

/// The beginnings that are read without braces in a text.
const READ: [&str; 9] = [
    "$inputs.",
    "$steps.",
    "$response.",
    "$request.",
    "$message.",
    "$workflows.",
    "$outputs.",
    "$dependencies.",
    "$sourceDescriptions.",
];

/// `true` if a text begins with an expression that is read without braces.
pub fn begins_expression(text: &str) -> bool {
    READ.iter().any(|root| text.starts_with(root))
}
