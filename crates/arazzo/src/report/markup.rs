//! Markup of a page: text of others between tags, JSON with its colours, a snippet with its caret. Pure functions.

use arazzo_engine::value::{Json, Map};

use super::curl::is_mask;
use super::text::{escaped, safe};

/// Text of others for between tags: escaped, with what is hidden written out and masks marked; cut at a limit of bytes.
pub(super) fn text(content: &str, limit: usize) -> String {
    let mut end = content.len().min(limit);
    while !content.is_char_boundary(end) {
        end -= 1;
    }
    let (shown, rest) = content.split_at(end);
    let lines: Vec<String> = shown.split('\n').map(|line| masked(&escaped(&safe(&line.replace('\t', "  "))))).collect();
    let more = if rest.is_empty() { String::new() } else { format!("… ({} more bytes)", rest.len()) };
    lines.join("\n") + &more
}

/// Marks the names that stand for secrets.
fn masked(text: &str) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('‹') {
        let Some((name, after)) = after.split_once('›').filter(|(name, _)| is_mask(name)) else { break };
        html += &format!("{before}<span class=\"mask\">‹{name}›</span>");
        rest = after;
    }
    html + rest
}

/// JSON with line breaks and indents, its values as they are written; none if it is not JSON.
pub(super) fn indented(json: &str) -> Option<String> {
    serde_json::from_str::<Json>(json).ok()?;
    let mut shown = String::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escape) = (0_usize, false, false);
    let mut rest = json.chars().peekable();
    let line = |depth: usize| format!("\n{}", "  ".repeat(depth));
    while let Some(c) = rest.next() {
        if quoted {
            shown.push(c);
            quoted = escape || c != '"';
            escape = !escape && c == '\\';
            continue;
        }
        match c {
            '{' | '[' => {
                shown.push(c);
                while rest.peek().is_some_and(|next| next.is_ascii_whitespace()) {
                    rest.next();
                }
                // What is empty stays in its line.
                if let Some(close) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    shown.push(close);
                } else {
                    depth += 1;
                    shown.push_str(&line(depth));
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                shown.push_str(&line(depth));
                shown.push(c);
            }
            ',' => {
                shown.push(c);
                shown.push_str(&line(depth));
            }
            ':' => shown.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => {
                quoted = c == '"';
                shown.push(c);
            }
        }
    }
    Some(shown)
}

pub(super) fn list(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!("<ul>{}</ul>", lines.iter().map(|line| format!("<li>{line}</li>")).collect::<String>())
}

pub(super) fn more(hidden: usize) -> String {
    if hidden == 0 { String::new() } else { format!("<p class=\"soft\">and {hidden} more that are not shown here</p>") }
}

/// Text of others where lines may break: behind each `/` of a path.
pub(super) fn path(content: &str, limit: usize) -> String {
    text(content, limit).replace('/', "/<wbr>")
}

/// JSON as [`text`], with names, texts, numbers and words told apart by classes. What is cut is coloured as far as it goes.
pub(super) fn json(content: &str, limit: usize) -> String {
    let mut end = content.len().min(limit);
    while !content.is_char_boundary(end) {
        end -= 1;
    }
    let (shown, rest) = content.split_at(end);
    let mut html = String::with_capacity(shown.len() * 2);
    let mut left = shown;
    while let Some(c) = left.chars().next() {
        let length = match c {
            '"' => string_length(left),
            c if c.is_ascii_alphanumeric() || c == '-' => {
                left.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))).unwrap_or(left.len())
            }
            _ => left.find(|c: char| c == '"' || c.is_ascii_alphanumeric() || c == '-').unwrap_or(left.len()),
        };
        let (token, behind) = left.split_at_checked(length.max(c.len_utf8())).unwrap_or((left, ""));
        let class = match c {
            '"' if behind.trim_start().starts_with(':') => "jk",
            '"' => "js",
            c if c.is_ascii_digit() || c == '-' => "jn",
            c if c.is_ascii_alphabetic() => "jw",
            _ => "",
        };
        let token = text(token, usize::MAX);
        html += &if class.is_empty() { token } else { format!("<span class=\"{class}\">{token}</span>") };
        left = behind;
    }
    if rest.is_empty() { html } else { html + &format!("… ({} more bytes)", rest.len()) }
}

/// Bytes of the string literal that a text begins with.
fn string_length(text: &str) -> usize {
    let mut escape = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escape => return at + 1,
            _ => escape = c == '\\' && !escape,
        }
    }
    text.len()
}

/// The place in a document, as it is rendered for terminals without colours: the caret and the first line stand out, the
/// numbers of lines and the frame do not.
pub(super) fn snippet(content: &str, limit: usize) -> String {
    let line = |line: &str| {
        let shown = text(line, limit);
        let Some((before, code)) = line.split_once('|') else {
            return match line.starts_with("error[") || line.starts_with("warning[") {
                true => format!("<b class=\"no\">{shown}</b>"),
                false => format!("<span class=\"soft\">{shown}</span>"),
            };
        };
        // What is not the frame is a remark, with its own bars.
        if !before.trim().chars().all(|c| c.is_ascii_digit()) {
            return shown;
        }
        let frame = format!("<span class=\"soft\">{}|</span>", text(before, limit));
        let code_shown = text(code, limit);
        let marks = code.trim_start();
        match marks.chars().next() {
            Some('^') => format!("{frame}<span class=\"no\">{code_shown}</span>"),
            Some('-') if marks.starts_with("--") => format!("{frame}<span class=\"soft\">{code_shown}</span>"),
            _ => format!("{frame}{code_shown}"),
        }
    };
    content.lines().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn capital(word: &str) -> String {
    let mut rest = word.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// Bytes of a value that may not fit its cell.
const LONG: usize = 1_000;

/// Names and values as a table.
pub(super) fn map(heading: &str, map: &Map<String, Json>, limit: usize) -> String {
    let rows: String = map
        .iter()
        .take(200)
        .map(|(name, value)| {
            let shown = match value {
                Json::Null => "<i class=\"soft\">no value</i>".to_owned(),
                Json::String(written) => text(written, limit),
                other => json(&indented(&other.to_string()).unwrap_or_default(), limit),
            };
            // What is long scrolls, and is reached by keys.
            let reach = if shown.len() > LONG { " tabindex=\"0\"" } else { "" };
            let name = text(name, limit);
            format!("<tr><th scope=\"row\">{name}</th><td class=\"value\"><div{reach}>{shown}</div></td></tr>")
        })
        .collect();
    format!("{heading}<table class=\"values\"><tbody>{rows}</tbody></table>{}", more(map.len().saturating_sub(200)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_coloured_by_its_tokens_and_escaped() {
        assert_eq!(
            json(r#"{"a<b": ["x\"y", -1.5e+3, null]}"#, 1000),
            "{<span class=\"jk\">&quot;a&lt;b&quot;</span>: [<span class=\"js\">&quot;x\\&quot;y&quot;</span>, \
             <span class=\"jn\">-1.5e+3</span>, <span class=\"jw\">null</span>]}"
        );
        // What is cut in a literal, or in a letter, is no reason to stop.
        assert_eq!(json("[\"üü\"]", 3), "[<span class=\"js\">&quot;</span>… (6 more bytes)");
    }

    #[test]
    fn a_snippet_shows_its_caret() {
        let shown = snippet("error[a]: b\n --> f:1:2\n  |\n1 | x | y\n  |   ^^^ z\n  = help: a | b", 1000);
        assert!(shown.contains("<b class=\"no\">error[a]: b</b>"), "{shown}");
        assert!(shown.contains("|</span><span class=\"no\">   ^^^ z</span>"), "{shown}");
        assert!(
            shown.contains("<span class=\"soft\">1 |</span> x | y") && shown.contains("  = help: a | b"),
            "{shown}"
        );
    }
}
