//! Simple conditions (specification, Criterion Object): literals, operators and runtime expressions.
//!
//! Text → tree once, at compile time; tree + what has happened → verdict, with the values that it saw.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use crate::value::Json;

use super::eval::{EvalError, Lookup, eval};
use super::jsonpath::{Operator, equal};
use super::scan::{Position, ROOTS, Scanned, expression};
use super::{Expr, Finding, Root, Scope};
use crate::code::Code;
use crate::value::{Value, numeric};

/// How deep parentheses and `!` may nest.
const DEPTH: usize = 64;

/// A parsed simple condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// `'text'`, `17`, `true`, `null`
    Literal(Json),
    /// `$response.body.count`; the range is where it stands.
    Value(Expr, Range<usize>),
    /// `!a`
    Not(Box<Self>),
    /// `a && b`
    And(Vec<Self>),
    /// `a || b`
    Or(Vec<Self>),
    /// `a contains b` (docs/readings.md, `dialect-word`)
    Contains(Box<Self>, Box<Self>),
    /// `a == b`
    Compare(Operator, Box<Self>, Box<Self>),
}

/// A value that a condition read: where its expression stands, and what it was (`None`: absent).
pub type Seen = (Range<usize>, Option<Json>);

/// Parses a simple condition; departures are pushed to `findings`, and so is the fault when the result is `None`.
pub fn parse(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Condition> {
    // `{$statusCode == 401}`: braces around the whole condition (docs/readings.md, `braced-condition`).
    let trimmed = text.trim();
    if let Some(inner) = trimmed.strip_prefix('{').and_then(|t| t.strip_suffix('}')).filter(|t| !t.contains(['{', '}']))
    {
        findings.push(
            Finding::new(Code::BracedCondition, 0..text.len(), "a simple condition stands without braces")
                .help(format!("write {}", inner.trim()))
                .fix(inner.trim(), true),
        );
        let start = text.find('{').map_or(0, |i| i + 1);
        return parse_plain(text.get(..start + inner.len()).unwrap_or_default(), start, scope, findings);
    }
    parse_plain(text, 0, scope, findings)
}

impl Condition {
    /// `true` for the constant that is always met.
    #[must_use]
    pub fn is_true(&self) -> bool {
        *self == Self::Literal(Json::Bool(true))
    }

    /// The expressions that it reads, in order.
    #[must_use]
    pub fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Literal(_) => vec![],
            Self::Value(expr, _) => vec![expr],
            Self::Not(inner) => inner.expressions(),
            Self::And(list) | Self::Or(list) => list.iter().flat_map(Self::expressions).collect(),
            Self::Compare(_, left, right) | Self::Contains(left, right) => {
                left.expressions().into_iter().chain(right.expressions()).collect()
            }
        }
    }
}

/// The condition that begins at byte `at` and reaches to the end of `text`.
fn parse_plain(text: &str, at: usize, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Condition> {
    let mut parser = Parser { text, at, depth: 0, scope, findings };
    let condition = parser.or()?;
    parser.blanks();
    if parser.at < text.len() {
        let rest = parser.rest();
        let help = match rest.chars().next() {
            _ if ["=~", "matches", "startsWith", "like"].iter().any(|word| rest.starts_with(word)) => {
                Some("for a part of a text write a criterion with a `context`, `type: regex` and a pattern".to_owned())
            }
            _ if rest.starts_with(['[', '.']) => Some(
                "a query is JSONPath: write a criterion with a `context`, `type: jsonpath` and the query".to_owned(),
            ),
            _ if rest.starts_with("in ") => Some("write each comparison, with || between them".to_owned()),
            Some('=') => Some("comparison is written `==`".to_owned()),
            Some('&') => Some("and is written `&&`".to_owned()),
            Some('|') => Some("or is written `||`".to_owned()),
            _ if rest.to_ascii_lowercase().starts_with("and ") => Some("and is written `&&`".to_owned()),
            _ if rest.to_ascii_lowercase().starts_with("or ") => Some("or is written `||`".to_owned()),
            _ => Some("conditions know == != < <= > >= ! && || and parentheses".to_owned()),
        };
        let message = format!("`{}` is not expected here", rest.split_whitespace().next().unwrap_or_default());
        parser.fail(parser.at..text.len(), message, help);
        return None;
    }
    Some(condition)
}

struct Parser<'a, 'b> {
    text: &'a str,
    at: usize,
    depth: usize,
    scope: &'a Scope<'b>,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Parser<'a, '_> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.blanks();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn fail(&mut self, range: Range<usize>, message: String, help: Option<String>) {
        self.findings.push(Finding::new(Code::ConditionSyntax, range, message).help(help));
    }

    fn or(&mut self) -> Option<Condition> {
        let first = self.and()?;
        let mut list = vec![first];
        while self.eat("||") {
            list.push(self.and()?);
        }
        if list.len() == 1 { list.pop() } else { Some(Condition::Or(list)) }
    }

    fn and(&mut self) -> Option<Condition> {
        let first = self.comparison()?;
        let mut list = vec![first];
        while self.eat("&&") {
            list.push(self.comparison()?);
        }
        if list.len() == 1 { list.pop() } else { Some(Condition::And(list)) }
    }

    fn comparison(&mut self) -> Option<Condition> {
        let left = self.unary()?;
        let reads = !left.expressions().is_empty();
        // A status is a number: any other word is a mistake.
        let text = reads && !left.expressions().iter().any(|expr| expr.root == Root::StatusCode);
        self.blanks();
        if reads
            && let Some(after) =
                self.rest().strip_prefix("contains").filter(|after| after.starts_with([' ', '\'', '"', '$']))
        {
            let range = self.at..self.at + self.rest().len() - after.len();
            self.at = range.end;
            let right = self.right()?;
            let help =
                "write a criterion with a `context`, `type: regex` and a pattern, or `type: jsonpath` and a filter";
            let message = "`contains` is no operator of a simple condition";
            self.findings.push(Finding::new(Code::DialectWord, range, message).help(help));
            return Some(Condition::Contains(Box::new(left), Box::new(right)));
        }
        let operator = if self.eat("==") {
            // `===` is another language's; reading it as `==` would guess.
            if self.rest().starts_with('=') {
                self.fail(
                    self.at - 2..self.at + 1,
                    "`===` is not an operator".to_owned(),
                    Some("comparison is written `==`".to_owned()),
                );
                return None;
            }
            Operator::Equal
        } else if self.eat("!=") {
            if self.rest().starts_with('=') {
                self.fail(
                    self.at - 2..self.at + 1,
                    "`!==` is not an operator".to_owned(),
                    Some("inequality is written `!=`".to_owned()),
                );
                return None;
            }
            Operator::NotEqual
        } else if self.eat("<=") {
            Operator::LessOrEqual
        } else if self.eat(">=") {
            Operator::GreaterOrEqual
        } else if self.eat("<") {
            Operator::Less
        } else if self.eat(">") {
            Operator::Greater
        } else {
            return Some(left);
        };
        let right = if text { self.right()? } else { self.unary()? };
        Some(Condition::Compare(operator, Box::new(left), Box::new(right)))
    }

    /// The right side of an operator: a value, or the reading `bare-word`.
    fn right(&mut self) -> Option<Condition> {
        self.blanks();
        let begins = |c: char| !"$'\"({!".contains(c);
        if let Some(length) = self.rest().starts_with(begins).then(|| bare_length(self.rest())) {
            let (start, text) = (self.at, self.rest().get(..length).unwrap_or_default().trim_end());
            if is_bare_text(text) {
                self.at += text.len();
                let right = format!("'{}'", text.replace('\'', "''"));
                self.findings.push(
                    Finding::new(Code::BareWord, start..self.at, format!("the text `{text}` stands without quotes"))
                        .help(format!("write {right}"))
                        .fix(right, true),
                );
                return Some(Condition::Literal(Json::String(text.to_owned())));
            }
        }
        self.unary()
    }

    fn unary(&mut self) -> Option<Condition> {
        self.blanks();
        let start = self.at;
        self.depth += 1;
        if self.depth > DEPTH {
            self.fail(start..self.text.len(), format!("the condition is nested deeper than {DEPTH} levels"), None);
            return None;
        }
        let result = if self.rest().starts_with('!') && !self.rest().starts_with("!=") {
            self.at += 1;
            self.unary().map(|inner| Condition::Not(Box::new(inner)))
        } else if self.eat("(") {
            let inner = self.or();
            if inner.is_some() && !self.eat(")") {
                self.fail(start..start + 1, "this parenthesis is never closed".to_owned(), None);
                return None;
            }
            inner
        } else {
            self.operand()
        };
        self.depth -= 1;
        result
    }

    fn operand(&mut self) -> Option<Condition> {
        let start = self.at;
        let rest = self.rest();
        match rest.chars().next() {
            Some('\'') => self.quoted(),
            Some('"') => self.double_quoted(),
            Some('$') => match expression(self.text, start, Position::Condition, self.scope, self.findings) {
                Scanned::Found(expr, end) => {
                    self.at = end;
                    Some(Condition::Value(expr, start..end))
                }
                Scanned::Wrong => None,
                Scanned::None => {
                    self.fail(start..start + 1, "`$` does not begin a runtime expression here".to_owned(), None);
                    None
                }
            },
            Some('{') if rest.starts_with("{$") => {
                // Braces around one expression: what they embed elsewhere; here they only stand around it.
                let close = rest.find('}').map(|i| start + i);
                let Some(close) = close else {
                    self.fail(start..self.text.len(), "this brace is never closed".to_owned(), None);
                    return None;
                };
                let inner = self.text.get(start + 1..close).unwrap_or_default().trim_end().len();
                match expression(self.text, start + 1, Position::Condition, self.scope, self.findings) {
                    Scanned::Found(expr, end) if end == start + 1 + inner => {
                        let written = self.text.get(start + 1..end).unwrap_or_default();
                        self.findings.push(
                            Finding::new(
                                Code::BracedCondition,
                                start..close + 1,
                                "in a simple condition an expression stands without braces",
                            )
                            .help(format!("write {written}"))
                            .fix(written, true),
                        );
                        self.at = close + 1;
                        Some(Condition::Value(expr, start + 1..end))
                    }
                    Scanned::Wrong => None,
                    _ => {
                        self.fail(start..close + 1, "these braces hold more than one expression".to_owned(), None);
                        None
                    }
                }
            }
            Some(c) if c == '-' || c.is_ascii_digit() => self.number(),
            _ => self.word(),
        }
    }

    fn quoted(&mut self) -> Option<Condition> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((i, c)) = chars.next() {
            if c != '\'' {
                text.push(c);
            } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
                text.push('\'');
                chars.next();
            } else {
                self.at = start + i + 1;
                return Some(Condition::Literal(Json::String(text)));
            }
        }
        self.fail(
            start..self.text.len(),
            "this string is never closed".to_owned(),
            Some("a quote inside a string is written ''".to_owned()),
        );
        None
    }

    fn double_quoted(&mut self) -> Option<Condition> {
        let start = self.at;
        let Some(length) = self.rest().get(1..).and_then(|r| r.find('"')) else {
            self.fail(
                start..self.text.len(),
                "this string is never closed".to_owned(),
                Some("strings are written in single quotes".to_owned()),
            );
            return None;
        };
        let text = self.rest().get(1..1 + length).unwrap_or_default();
        self.at = start + length + 2;
        let right = format!("'{}'", text.replace('\'', "''"));
        self.findings.push(
            Finding::new(Code::DoubleQuotedLiteral, start..self.at, "strings in a condition stand in single quotes")
                .help(format!("write {right}"))
                .fix(right, true),
        );
        Some(Condition::Literal(Json::String(text.to_owned())))
    }

    fn number(&mut self) -> Option<Condition> {
        let start = self.at;
        let length = self
            .rest()
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+')))
            .unwrap_or(self.rest().len());
        let text = self.rest().get(..length).unwrap_or_default();
        match crate::value::Number::parse(text) {
            Some(number) => {
                self.at += length;
                Some(Condition::Literal(Json::Number(number)))
            }
            None => {
                let help = "text stands in single quotes".to_owned();
                self.fail(start..start + length, format!("`{text}` is not a number"), Some(help));
                None
            }
        }
    }

    fn word(&mut self) -> Option<Condition> {
        let start = self.at;
        let length = self
            .rest()
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .unwrap_or(self.rest().len());
        let word = self.rest().get(..length).unwrap_or_default();
        let literal = match word {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            "null" => Json::Null,
            "" => {
                let next = self.rest().chars().next();
                let message = next.map_or_else(
                    || "a value is missing at the end of the condition".to_owned(),
                    |c| format!("`{c}` is not a value"),
                );
                self.fail(
                    start..(start + next.map_or(0, char::len_utf8)),
                    message,
                    Some("a value is an expression, a number, 'text', true, false or null".to_owned()),
                );
                return None;
            }
            _ => {
                let help = if word.eq_ignore_ascii_case("and")
                    || word.eq_ignore_ascii_case("or")
                    || word.eq_ignore_ascii_case("not")
                {
                    "operators are written && || !".to_owned()
                } else if ROOTS.contains(&word.split('.').next().unwrap_or_default()) {
                    format!("write '{word}' for text, or ${word} for an expression")
                } else if is_null(word) {
                    "write null".to_owned()
                } else {
                    let text = self.rest().get(..bare_length(self.rest())).unwrap_or(word).trim_end();
                    format!("write '{text}' for text")
                };
                self.fail(start..start + length, format!("`{word}` is not a value"), Some(help));
                return None;
            }
        };
        self.at += length;
        Some(Condition::Literal(literal))
    }
}

/// Whether the condition is met; every value that was read is pushed to `seen`.
///
/// # Errors
/// [`EvalError`] if an expression that was needed cannot be evaluated.
pub fn holds(condition: &Condition, lookup: &dyn Lookup, seen: &mut Vec<Seen>) -> Result<bool, EvalError> {
    Ok(passes(value(condition, lookup, seen)?.as_deref()))
}

/// Every value that a condition names, in the order in which it is written, whether or not the verdict needed it; what
/// cannot be evaluated is passed over.
pub fn read(condition: &Condition, lookup: &dyn Lookup, seen: &mut Vec<Seen>) {
    match condition {
        Condition::Literal(_) => {}
        Condition::Value(..) => drop(value(condition, lookup, seen)),
        Condition::Not(inner) => read(inner, lookup, seen),
        Condition::And(list) | Condition::Or(list) => list.iter().for_each(|inner| read(inner, lookup, seen)),
        Condition::Compare(_, left, right) | Condition::Contains(left, right) => {
            read(left, lookup, seen);
            read(right, lookup, seen);
        }
    }
}

/// A bare value passes if it is `true`, a non-zero number, or a string, array or object that is not empty.
fn passes(value: Option<&Json>) -> bool {
    match value {
        None | Some(Json::Null) => false,
        Some(Json::Bool(value)) => *value,
        Some(Json::Number(number)) => !number.is_zero(),
        Some(Json::String(text)) => !text.is_empty(),
        Some(Json::Array(items)) => !items.is_empty(),
        Some(Json::Object(members)) => !members.is_empty(),
        Some(Json::Bytes(file)) => !file.bytes.is_empty(),
    }
}

fn value<'a>(
    condition: &'a Condition,
    lookup: &'a dyn Lookup,
    seen: &mut Vec<Seen>,
) -> Result<Option<Cow<'a, Json>>, EvalError> {
    let known = |value: bool| Ok(Some(Cow::Owned(Json::Bool(value))));
    match condition {
        Condition::Literal(json) => Ok(Some(Cow::Borrowed(json))),
        Condition::Value(expr, range) => {
            let found = eval(expr, lookup)?.map(|value| match value {
                Cow::Borrowed(value) => match value.read() {
                    Value::Json(json) => Cow::Borrowed(json),
                    other => Cow::Owned(other.clone().into_compared()),
                },
                Cow::Owned(value) => Cow::Owned(value.into_compared()),
            });
            seen.push((range.clone(), found.as_deref().cloned()));
            Ok(found)
        }
        Condition::Not(inner) => known(!holds(inner, lookup, seen)?),
        Condition::And(list) => {
            for inner in list {
                if !holds(inner, lookup, seen)? {
                    return known(false);
                }
            }
            known(true)
        }
        Condition::Or(list) => {
            for inner in list {
                if holds(inner, lookup, seen)? {
                    return known(true);
                }
            }
            known(false)
        }
        Condition::Contains(left, right) => {
            let left = value(left, lookup, seen)?;
            let right = value(right, lookup, seen)?;
            known(contains(left.as_deref().unwrap_or(&Json::Null), right.as_deref().unwrap_or(&Json::Null)))
        }
        Condition::Compare(operator, left, right) => {
            let left = value(left, lookup, seen)?;
            let right = value(right, lookup, seen)?;
            known(compare(*operator, left.as_deref().unwrap_or(&Json::Null), right.as_deref().unwrap_or(&Json::Null)))
        }
    }
}

/// Compares as docs/readings.md says under "simple conditions": numeric where both sides are numbers or one is and the
/// other spells one, strings without case, null equal to nothing but null.
#[must_use]
pub fn compare(operator: Operator, left: &Json, right: &Json) -> bool {
    match operator {
        Operator::Equal => loosely_equal(left, right),
        Operator::NotEqual => !loosely_equal(left, right),
        Operator::Less => ordered(left, right).is_some_and(Ordering::is_lt),
        Operator::LessOrEqual => ordered(left, right).is_some_and(Ordering::is_le),
        Operator::Greater => ordered(left, right).is_some_and(Ordering::is_gt),
        Operator::GreaterOrEqual => ordered(left, right).is_some_and(Ordering::is_ge),
    }
}

fn loosely_equal(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::String(a), Json::String(b)) => folded(a) == folded(b),
        (Json::Number(_), Json::String(_)) | (Json::String(_), Json::Number(_)) => {
            match (numeric(left), numeric(right)) {
                (Some(a), Some(b)) => a.order(&b).is_eq(),
                _ => false,
            }
        }
        (Json::Bool(value), Json::String(text)) | (Json::String(text), Json::Bool(value)) => {
            text.eq_ignore_ascii_case(if *value { "true" } else { "false" })
        }
        _ => equal(left, right),
    }
}

fn ordered(left: &Json, right: &Json) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (numeric(left), numeric(right)) {
        return Some(a.order(&b));
    }
    match (left, right) {
        (Json::String(a), Json::String(b)) => Some(folded(a).cmp(&folded(b))),
        (Json::String(_), Json::Number(_)) | (Json::Number(_), Json::String(_)) => {
            Some(folded(&crate::value::json_text(left)).cmp(&folded(&crate::value::json_text(right))))
        }
        _ => None,
    }
}

/// `true` if a list has an item that is equal, or a text this part; both as `==` compares.
fn contains(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (_, Json::Null) => false,
        (Json::Array(items), part) => items.iter().any(|item| loosely_equal(item, part)),
        (Json::String(text), part) => folded(text).contains(&folded(&crate::value::json_text(part))),
        _ => false,
    }
}

/// How long the text is that reaches to the next operator, or to the parenthesis that closes.
fn bare_length(text: &str) -> usize {
    let ends = ["==", "!=", "<", ">", "&&", "||", ")"];
    let ends_at = |at: &usize| text.get(*at..).is_some_and(|rest| ends.iter().any(|end| rest.starts_with(end)));
    (0..text.len()).find(ends_at).unwrap_or(text.len())
}

/// `true` for what can only be a text without quotes: no other value, no other language, no expression without its `$`.
fn is_bare_text(text: &str) -> bool {
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

fn folded(text: &str) -> String {
    text.to_lowercase()
}
