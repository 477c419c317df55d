//! Logs of CI jobs: their runners obey lines of certain forms (`::error::`, `##vso[…]`), and no text of a stranger may
//! become one.

use std::borrow::Cow;

/// `true` where a runner reads what is printed.
pub(crate) fn reads_logs() -> bool {
    ["GITHUB_ACTIONS", "TF_BUILD", "GITEA_ACTIONS"].iter().any(|name| std::env::var_os(name).is_some())
}

/// Lines that no runner obeys: what would be a command is written with `\u{…}`.
pub(crate) fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let lines = text.split('\n').map(|line| {
        // `##[…]` and `##vso[…]` are obeyed anywhere in a line.
        let line = line.replace("##", "#\\u{23}");
        match line.trim_start().strip_prefix("::") {
            Some(rest) => format!("{}\\u{{3a}}:{rest}", line.get(..line.len() - rest.len() - 2).unwrap_or_default()),
            None => line,
        }
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

/// As [`inert`], for JSON: the same value, spelt so that it is no command.
pub(crate) fn inert_json(text: &str) -> Cow<'_, str> {
    // Two of them stand in strings only.
    if text.contains("##") { Cow::Owned(text.replace("##", "#\\u0023")) } else { Cow::Borrowed(text) }
}
