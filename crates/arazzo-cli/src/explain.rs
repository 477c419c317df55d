//! `arazzo explain`: what a code or a reason means. The text is that of the pages of the engine, `pages/diagnostics/` and
//! `pages/reasons/`, and of the faults that only the command has.

use std::collections::BTreeMap;

use arazzo::diagnostics::{Code, Help, nearest};
use arazzo::events::Reason;
use arazzo::json;
use arazzo::values::Json;

use crate::exit;
use crate::faults;
use crate::flags::ExplainFlags;
use crate::show::Screen;
pub(crate) use crate::show::diagnostics::summary;

/// Runs the command.
pub(crate) fn explain(flags: &ExplainFlags, screen: &mut Screen) -> u8 {
    let pages = pages();
    let text = match &flags.code {
        None if flags.json => {
            let codes = pages.iter().map(|(word, page)| object(word, page));
            json!({ "v": 1, "codes": codes.collect::<Vec<_>>() }).to_string()
        }
        None => {
            let width = pages.keys().map(|word| word.len()).max().unwrap_or_default();
            let line = |(word, page): (&&str, &&'static str)| format!("{word:width$}  {}", summary(page));
            pages.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        // `error[unknown-step]`, as it is copied.
        Some(written) => {
            let word = written.trim_end_matches(']').rsplit('[').next().unwrap_or(written).trim();
            match pages.get(word) {
                Some(page) if flags.json => {
                    let mut object = object(word, page);
                    if let Json::Object(members) = &mut object {
                        members.insert("v".to_owned(), json!(1));
                        members.insert("page".to_owned(), json!(page.trim_end()));
                    }
                    object.to_string()
                }
                Some(page) => page.trim_end().to_owned(),
                None => {
                    // A part of a code that few have is as good as a slip of the keys.
                    let parts: Vec<&str> = pages.keys().copied().filter(|code| code.contains(word)).collect();
                    let near = match (nearest(word, pages.keys().copied()), parts.as_slice()) {
                        (Some(near), _) => format!("{}; ", Help::meant(near)),
                        (None, [near]) => format!("{}; ", Help::meant(*near)),
                        (None, [_, ..]) if parts.len() <= 8 => format!("it is part of {}; ", parts.join(", ")),
                        _ => String::new(),
                    };
                    let help = format!("{near}all of them: arazzo explain --list");
                    screen.fault("usage", &format!("no code is called `{word}`"), Some(&help));
                    return exit::USAGE;
                }
            }
        }
    };
    if screen.data(&text).is_err() { exit::OUTPUT } else { exit::SUCCEEDED }
}

/// A code for programs: what it is of, and its gist.
fn object(word: &str, page: &'static str) -> Json {
    let code = word.parse::<Code>().ok();
    let reason = word.parse::<Reason>().ok();
    let mut of = vec![];
    of.extend(code.map(|_| "documents"));
    of.extend(reason.map(|_| "runs"));
    of.extend(faults::PAGES.iter().any(|(known, _)| *known == word).then_some("commands"));
    json!({ "code": word, "of": of, "category": code.map(|code| code.category().word()), "summary": summary(page) })
}

/// Every page by its word: of codes, and of the reasons of runs. A word that is both has one page.
pub(crate) fn pages() -> BTreeMap<&'static str, &'static str> {
    let reasons = Reason::ALL.iter().map(|reason| (reason.word(), reason.page()));
    let codes = Code::ALL.iter().map(|code| (code.word(), code.page()));
    faults::PAGES.into_iter().chain(codes).chain(reasons).collect()
}
