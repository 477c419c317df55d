//! `arazzo explain`: what a code or a reason means. The text is that of the pages of the engine, `pages/diagnostics/` and
//! `pages/reasons/`.

use std::collections::BTreeMap;

use arazzo::diagnostics::{Code, Help, nearest};
use arazzo::events::Reason;

use crate::exit;
use crate::flags::ExplainFlags;
use crate::show::Screen;

/// Runs the command.
pub(crate) fn explain(flags: &ExplainFlags, screen: &mut Screen) -> u8 {
    let pages = pages();
    let text = match &flags.code {
        None => {
            let width = pages.keys().map(|word| word.len()).max().unwrap_or_default();
            let line = |(word, page): (&&str, &&'static str)| format!("{word:width$}  {}", summary(page));
            pages.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        // `error[unknown-step]`, as it is copied.
        Some(written) => {
            let word = written.trim_end_matches(']').rsplit('[').next().unwrap_or(written).trim();
            match pages.get(word) {
                Some(page) => page.trim_end().to_owned(),
                None => {
                    // A part of a code that few have is as good as a slip of the keys.
                    let parts: Vec<&str> = pages.keys().copied().filter(|code| code.contains(word)).collect();
                    let help = match (nearest(word, pages.keys().copied()), parts.as_slice()) {
                        (Some(near), _) => format!("; {}", Help::meant(near)),
                        (None, [near]) => format!("; {}", Help::meant(*near)),
                        (None, [_, ..]) if parts.len() <= 8 => format!("; it is part of {}", parts.join(", ")),
                        _ => String::new(),
                    };
                    screen.line(&format!(
                        "error: no code is called `{word}`{help}\n  = all of them: arazzo explain --list"
                    ));
                    return exit::USAGE;
                }
            }
        }
    };
    if screen.data(&text).is_err() { exit::OUTPUT } else { exit::SUCCEEDED }
}

/// Every page by its word: of codes, and of the reasons of runs. A word that is both has one page.
pub(crate) fn pages() -> BTreeMap<&'static str, &'static str> {
    let reasons = Reason::ALL.iter().map(|reason| (reason.word(), reason.page()));
    Code::ALL.iter().map(|code| (code.word(), code.page())).chain(reasons).collect()
}

/// The gist of a page, in one line: its first paragraph.
pub(crate) fn summary(page: &'static str) -> &'static str {
    page.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default()
}
