//! What other languages write in a condition, and the text that says it here.

use super::scan::ROOTS;

/// What to write for a call of a function: `contains(…)`, `$response.body.name.startsWith(…)`. `before` is the text in
/// front of the parenthesis, `inside` what stands in it.
pub(super) fn call(before: &str, inside: &str) -> String {
    let name_length = before.chars().rev().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count();
    let (whole, name) = before.split_at(before.len() - name_length);
    let method = whole.strip_suffix('.');
    // The expression that it is called for.
    let start = method.and_then(|whole| whole.rfind(|c: char| c.is_whitespace() || "(!".contains(c)).map(|at| at + 1));
    let subject = match method {
        Some(whole) => whole.get(start.unwrap_or_default()..).unwrap_or_default(),
        None => inside.split(',').next().unwrap_or_default().trim(),
    };
    let subject = Some(subject).filter(|subject| subject.starts_with('$') && !subject.contains(['(', '\'', '"', ' ']));
    let shown = subject.unwrap_or("$response.body");
    match name.to_ascii_lowercase().as_str() {
        "length" | "len" | "size" | "count" if subject.is_some() => format!("write {}.length", dotted(shown)),
        "exists" | "defined" | "isdefined" | "isset" | "has" | "notnull" | "isnotnull" if subject.is_some() => {
            format!("write {shown} != null")
        }
        "empty" | "isempty" if subject.is_some() => format!("write {}.length == 0", dotted(shown)),
        "null" | "isnull" if subject.is_some() => format!("write {shown} == null"),
        "tolowercase" | "touppercase" | "lower" | "upper" | "tolower" | "toupper" | "tostring" | "string" | "int"
        | "number"
            if subject.is_some() =>
        {
            format!("write {shown}: texts are compared without case, and numbers with texts that spell one")
        }
        _ => format!(
            "a simple condition has no functions: for a part of a text write a criterion with `context: {shown}`, \
             `type: regex` and a pattern"
        ),
    }
}

/// An expression with its pointer as dots, behind which `.length` may stand.
fn dotted(expression: &str) -> String {
    let Some((root, pointer)) = expression.split_once("#/") else { return expression.to_owned() };
    let tokens = pointer.split('/').map(|token| match token.parse::<u64>() {
        Ok(index) => format!("[{index}]"),
        Err(_) => format!(".{token}"),
    });
    root.to_owned() + &tokens.collect::<String>()
}

/// What to write for what stands behind a condition that is complete.
pub(super) fn rest(rest: &str, before: &str) -> String {
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    let next = || rest.chars().next();
    match word.to_ascii_lowercase().as_str() {
        "matches" | "startswith" | "endswith" | "like" | "includes" => return part_of_text(),
        "in" => return "write each comparison, with || between them".to_owned(),
        "and" => return "and is written `&&`".to_owned(),
        "or" => return "or is written `||`".to_owned(),
        "is" | "equals" | "eq" | "equal" => return "comparison is written `==`".to_owned(),
        "ne" | "neq" | "not" => return "inequality is written `!=`".to_owned(),
        "gt" | "ge" | "gte" | "lt" | "le" | "lte" => return "order is written < <= > >=".to_owned(),
        "exists" => return format!("write {} != null", before.trim()),
        _ => {}
    }
    match next() {
        _ if rest.starts_with("=~") || rest.starts_with('~') => part_of_text(),
        Some('(') => {
            let inside = rest.get(1..).and_then(|inside| inside.split(')').next()).unwrap_or_default();
            call(before, inside)
        }
        Some('[' | '.') => {
            "a query is JSONPath: write a criterion with a `context`, `type: jsonpath` and the query".to_owned()
        }
        Some('<' | '>') => "write each comparison, with && between them".to_owned(),
        _ if rest.starts_with("==") || rest.starts_with("!=") => {
            "write each comparison, with && between them".to_owned()
        }
        Some('=') if rest.starts_with("=>") => "write >=".to_owned(),
        Some('=') if rest.starts_with("=<") => "write <=".to_owned(),
        Some('=') => "comparison is written `==`".to_owned(),
        Some('&') => "and is written `&&`".to_owned(),
        Some('|') => "or is written `||`".to_owned(),
        Some('*') if let Some(first) = before.chars().next_back().filter(char::is_ascii_digit) => {
            status_class(&first.to_string())
        }
        Some(';') => "leave out the `;`".to_owned(),
        Some('/') => "a way into a value is one JSON Pointer behind `#`: $response.body#/items/0/id".to_owned(),
        _ => "conditions know == != < <= > >= ! && || and parentheses".to_owned(),
    }
}

/// The comparison that is meant by one without its first value, behind `&&` or `||`: `< 300` in `$statusCode >= 200 && < 300`.
pub(super) fn repeated(text: &str, at: usize) -> Option<String> {
    let before = text.get(..at)?.trim_end();
    let before = before.strip_suffix("&&").or_else(|| before.strip_suffix("||"))?;
    let last = before.rsplit(['&', '|', '(']).next()?;
    let operand = last.split(['<', '>', '=', '!']).next()?.trim();
    let rest = text.get(at..)?.split(['&', '|', ')']).next()?.trim();
    (operand.starts_with('$') && !rest.is_empty()).then(|| format!("{operand} {rest}"))
}

fn part_of_text() -> String {
    "for a part of a text write a criterion with a `context`, `type: regex` and a pattern".to_owned()
}

/// What to write for a word that is no value; `text` is all that reaches to the next operator.
pub(super) fn word(word: &str, text: &str, is_root: bool) -> String {
    match word.to_ascii_lowercase().as_str() {
        "and" | "or" | "not" => return "operators are written && || !".to_owned(),
        "null" | "nil" | "none" | "undefined" => return "write null".to_owned(),
        "true" | "false" => return format!("write {}", word.to_ascii_lowercase()),
        "status" | "statuscode" | "status_code" | "code" => return "write $statusCode".to_owned(),
        _ => {}
    }
    if is_root {
        return format!("write ${word}, or '{word}' for the text");
    }
    format!("write {} for text", literal(text))
}

/// A text as a literal of a condition.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `true` for `2xx`, `4XX`, `2**`: a class of status codes.
pub(super) fn is_status_class(text: &str) -> bool {
    let mut signs = text.chars();
    matches!(signs.next(), Some('1'..='5')) && text.len() == 3 && signs.all(|c| matches!(c, 'x' | 'X' | '*'))
}

/// The condition that a class of status codes means.
pub(super) fn status_class(text: &str) -> String {
    let first = text.chars().next().and_then(|c| c.to_digit(10)).unwrap_or(2);
    format!("write $statusCode >= {first}00 && $statusCode < {}00", first + 1)
}

/// How long the text is that reaches to the next operator, or to the parenthesis that closes.
pub(super) fn bare_length(text: &str) -> usize {
    let ends = ["==", "!=", "<", ">", "&&", "||", ")"];
    let ends_at = |at: &usize| text.get(*at..).is_some_and(|rest| ends.iter().any(|end| rest.starts_with(end)));
    (0..text.len()).find(ends_at).unwrap_or(text.len())
}

/// `true` for what can only be a text without quotes: no other value, no other language, no expression without its `$`.
pub(super) fn is_bare_text(text: &str) -> bool {
    let words = ["and", "or", "contains", "matches"];
    let foreign = |word: &str| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    let constant = matches!(text, "true" | "false" | "null") || is_null(text);
    let number = serde_json::from_str::<serde_json::Number>(text).is_ok();
    let root = text.split(['.', '#']).next().unwrap_or_default();
    !text.is_empty()
        && !constant
        && !number
        && !ROOTS.contains(&root)
        && !text.contains(['$', '\'', '"', '(', '[', '{', '}', '&', '|', '~'])
        && !is_mistyped_number(text)
        && !text.contains(" = ")
        && text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '*' | '.' | '+' | '#' | '@'))
        && text.chars().any(char::is_alphanumeric)
        && !text.split_whitespace().any(foreign)
}

/// `20O`, `10s`: digits and letters in one word, which may be a number.
fn is_mistyped_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(char::is_alphanumeric) && text.len() < 12
}

/// `true` for the words of other languages for null.
fn is_null(word: &str) -> bool {
    ["null", "nil", "none", "undefined"].iter().any(|known| word.eq_ignore_ascii_case(known)) && word != "null"
}
