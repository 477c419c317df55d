//! `arazzo explain`: what a code means. The text is that of `docs/diagnostics/`.

use arazzo::engine::code::Code;
use arazzo::engine::diagnostic::nearest;

use crate::exit;
use crate::flags::ExplainFlags;
use crate::show::Screen;

/// Runs the command.
pub(crate) fn explain(flags: &ExplainFlags, screen: &mut Screen) -> u8 {
    let text = match &flags.code {
        None => {
            let width = Code::ALL.iter().map(|code| code.word().len()).max().unwrap_or_default();
            let line = |code: &Code| format!("{code:width$}  {}", summary(code.page()));
            Code::ALL.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        // `error[unknown-step]`, as it is copied.
        Some(written) => {
            let word = written.trim_end_matches(']').rsplit('[').next().unwrap_or(written).trim();
            match word.parse::<Code>() {
                Ok(code) => code.page().trim_end().to_owned(),
                Err(_) => {
                    let near = nearest(word, Code::ALL.iter().map(|code| code.word()));
                    let help = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
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

/// What a page says, in one line: its first paragraph.
pub(crate) fn summary(page: &'static str) -> &'static str {
    page.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default()
}
