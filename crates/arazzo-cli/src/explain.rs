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
                    let near = nearest(word, pages.keys().copied());
                    let help = near.map(|near| format!("; {}", Help::meant(near))).unwrap_or_default();
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
fn pages() -> BTreeMap<&'static str, &'static str> {
    let reasons = Reason::ALL.iter().map(|reason| (reason.word(), reason.page()));
    Code::ALL.iter().map(|code| (code.word(), code.page())).chain(reasons).collect()
}

/// The gist of a page, in one line: its first paragraph.
pub(crate) fn summary(page: &'static str) -> &'static str {
    page.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default()
}
