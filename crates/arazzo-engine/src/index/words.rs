//! Criteria in words: `$statusCode == 200` is "the status is 200".

use super::values::around;
use crate::node::Node;
use crate::value::Pointer;

/// What has to be so for a criterion to be met.
pub(super) fn criterion(criterion: &Node) -> Option<String> {
    let condition = criterion.get("condition")?.as_written();
    let context = criterion.get("context").and_then(Node::as_str).map(expression).unwrap_or_default();
    let kind = criterion.get("type");
    let kind = kind.and_then(|kind| kind.as_str().or_else(|| kind.get("type")?.as_str()));
    Some(match kind {
        None | Some("simple") => format!("met if {}", simple(condition)),
        Some("regex") => format!("met if {context} matches the pattern `{condition}`"),
        Some("jsonpath") => format!("met if the JSONPath `{condition}` finds something in {context}"),
        Some("xpath") => format!("met if the XPath `{condition}` is true of {context}"),
        Some(_) => return None,
    })
}

/// Operators, the longer ones first.
const OPERATORS: [(&str, &str); 10] = [
    ("&&", "and"),
    ("||", "or"),
    ("==", "is"),
    ("!=", "is not"),
    ("<=", "is at most"),
    (">=", "is at least"),
    ("<", "is less than"),
    (">", "is more than"),
    ("!", "not"),
    ("(", "("),
];

fn simple(condition: &str) -> String {
    let mut words: Vec<String> = vec![];
    let mut rest = condition.trim();
    while !rest.is_empty() {
        let taken = if let Some(range) = around(rest, 0) {
            words.push(expression(rest.get(range.clone()).unwrap_or_default()));
            range.end
        } else if let Some((operator, word)) = OPERATORS.iter().find(|(operator, _)| rest.starts_with(operator)) {
            words.push((*word).to_owned());
            operator.len()
        } else {
            let end = match rest.chars().next().filter(|first| matches!(first, '\'' | '"')) {
                Some(quote) => rest.get(1..).and_then(|inside| inside.find(quote)).map_or(rest.len(), |at| at + 2),
                None => rest.find(|c: char| c.is_whitespace() || "=!<>&|()".contains(c)).unwrap_or(rest.len()),
            };
            // A sign that is no operator of the language.
            let end = if end == 0 { rest.chars().next().map_or(1, char::len_utf8) } else { end };
            words.push(rest.get(..end).unwrap_or_default().to_owned());
            end
        };
        rest = rest.get(taken..).unwrap_or_default().trim_start();
    }
    words.join(" ").replace("( ", "(").replace(" )", ")")
}

/// What an expression reads.
fn expression(text: &str) -> String {
    let (head, pointer) = text.split_once('#').unwrap_or((text, ""));
    let parts: Vec<&str> = head.split('.').collect();
    let (read, used) = match parts.as_slice() {
        ["$statusCode"] => ("the status".to_owned(), 1),
        ["$url"] => ("the url".to_owned(), 1),
        ["$method"] => ("the method".to_owned(), 1),
        ["$response", "body", ..] => ("the body of the answer".to_owned(), 2),
        ["$request", "body", ..] => ("the body of the request".to_owned(), 2),
        ["$message", "payload", ..] => ("the payload of the message".to_owned(), 2),
        ["$response", "header", name] => (format!("the header `{name}` of the answer"), 3),
        ["$message", "header", name] => (format!("the header `{name}` of the message"), 3),
        ["$request", place @ ("header" | "query" | "path"), name] => {
            (format!("`{name}` in the {place} of the request"), 3)
        }
        ["$inputs", name, ..] => (format!("the input `{name}`"), 2),
        ["$outputs", name, ..] => (format!("the output `{name}`"), 2),
        ["$steps", step, "outputs", name, ..] => (format!("the output `{name}` of the step `{step}`"), 4),
        ["$workflows", flow, "outputs", name, ..] => (format!("the output `{name}` of the workflow `{flow}`"), 4),
        ["$workflows", flow, "inputs", name, ..] => (format!("the input `{name}` of the workflow `{flow}`"), 4),
        _ => return format!("`{text}`"),
    };
    let mut way = Pointer::of(parts.get(used..).unwrap_or_default().iter().map(|part| (*part).to_owned()).collect());
    if !pointer.is_empty() {
        way = Pointer::parse(&format!("{way}{pointer}"));
    }
    if way.tokens().is_empty() { read } else { format!("`{way}` of {read}") }
}
