//! Simple conditions (specification, Criterion Object): literals, operators and runtime expressions.
//!
//! Text → tree once, at compile time; tree + what has happened → verdict, with the values that it saw.

mod quotes;
mod statuses;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use crate::value::Json;

use super::eval::{EvalError, Lookup, eval};
use super::jsonpath::{Operator, equal};
use super::scan::{Position, ROOTS, Scanned, expression};
use super::{Expr, Finding, Root, Scope, dialect, foreign};
use crate::code::{Code, Severity};
use crate::readings::Readings;
use crate::value::{Value, numeric};

/// How deep parentheses and `!` may nest.
const DEPTH: usize = 64;
/// How many departures of one condition are said.
const MOST: usize = 100;

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
    let trimmed = text.trim();
    if trimmed.is_empty() {
        let finding = Finding::new(Code::ConditionSyntax, 0..text.len(), "this condition is empty");
        findings.push(finding.help("write what has to be so, such as $statusCode == 200, or leave it out"));
        return None;
    }
    if trimmed.starts_with(['{', '[']) && Json::parse(trimmed).is_some_and(|json| json.is_object() || json.is_array()) {
        let finding = Finding::new(Code::ConditionSyntax, 0..text.len(), "a JSON text is not a condition");
        findings.push(finding.help("compare what it has to hold: $response.body#/name == 'value'"));
        return None;
    }
    // `{$statusCode == 401}`: braces around the whole condition (docs/readings.md, `braced-condition`).
    if let Some(inner) = within_braces(trimmed) {
        findings.push(
            Finding::new(Code::BracedCondition, 0..text.len(), "a simple condition stands without braces")
                .help(format!("write {}", inner.trim()))
                .fix(inner.trim(), true),
        );
        let start = text.len() - text.trim_start().len() + trimmed.find(inner).unwrap_or_default();
        return parse_plain(text.get(..start + inner.len()).unwrap_or_default(), start, scope, findings);
    }
    // `'$statusCode == 200'`: quotes around it.
    let quoted = ['\'', '"'].into_iter().find_map(|quote| trimmed.strip_prefix(quote)?.strip_suffix(quote));
    let quoted = quoted.filter(|inner| inner.contains('$') && scope.readings != Readings::Letter);
    if let Some(inner) = quoted {
        let start = text.len() - text.trim_start().len() + 1;
        let mut own = vec![];
        let parsed = parse_plain(text.get(..start + inner.len()).unwrap_or_default(), start, scope, &mut own);
        if let Some(parsed) = parsed.filter(|parsed| !parsed.expressions().is_empty()) {
            let finding =
                Finding::new(Code::BracedCondition, 0..text.len(), "a simple condition stands without quotes")
                    .help(format!("write {}", inner.trim()));
            findings.push(if own.iter().any(|f| f.fix.is_some()) { finding } else { finding.fix(inner.trim(), true) });
            findings.extend(own);
            return Some(parsed);
        }
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

/// The inside of braces around a whole condition, also where there are more than one, or a `$` before them.
fn within_braces(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('$').filter(|inner| inner.starts_with("{{")).unwrap_or(text);
    let inner = inner.strip_prefix('{')?.strip_suffix('}')?;
    let stripped =
        inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).filter(|inner| inner.contains('$'));
    Some(stripped.unwrap_or(inner)).filter(|inner| !inner.contains(['{', '}']))
}

/// The condition that begins at byte `at` and reaches to the end of `text`.
fn parse_plain(text: &str, at: usize, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Condition> {
    let mut parser = Parser { text, at, depth: 0, scope, findings };
    let condition = parser.or()?;
    parser.blanks();
    if parser.at < text.len() {
        let rest = parser.rest();
        let help = Some(dialect::rest(rest, text.get(at..parser.at).unwrap_or_default()));
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
        while self.eat("||") || self.eat_word("or", "||") {
            self.blanks();
            let start = self.at;
            let next = self.and()?;
            list.push(self.alternative(list.last(), next, start, Operator::Equal));
        }
        if list.len() == 1 { list.pop() } else { Some(Condition::Or(list)) }
    }

    fn and(&mut self) -> Option<Condition> {
        let first = self.comparison()?;
        let mut list = vec![first];
        while self.eat("&&") || self.eat_word("and", "&&") {
            self.blanks();
            let start = self.at;
            let next = self.comparison()?;
            list.push(self.alternative(list.last(), next, start, Operator::NotEqual));
        }
        if list.len() == 1 { list.pop() } else { Some(Condition::And(list)) }
    }

    /// Says how something is read, as often as people want to hear it of one condition.
    fn read_as(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        }
    }

    /// `and`, `or` as a word (docs/readings.md, `dialect-word`).
    fn eat_word(&mut self, word: &str, sign: &str) -> bool {
        self.blanks();
        let rest = self.rest();
        let found = rest.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
            && rest.get(word.len()..).is_some_and(|after| after.starts_with([' ', '(', '\n']));
        if found {
            let range = self.at..self.at + word.len();
            self.at = range.end;
            let finding = Finding::new(Code::DialectWord, range, format!("{word} is written `{sign}`"));
            self.read_as(finding.help(format!("write {sign}")).fix(sign, true));
        }
        found
    }

    /// `$statusCode == 200 || 201`: a constant behind a comparison is compared as well (docs/readings.md,
    /// `dialect-word`). By the letter it is the same every time.
    fn alternative(&mut self, before: Option<&Condition>, next: Condition, start: usize, with: Operator) -> Condition {
        let Some(Condition::Compare(operator, left, right)) =
            before.filter(|_| self.scope.readings != Readings::Letter)
        else {
            return next;
        };
        let compared = matches!(next, Condition::Literal(Json::Number(_) | Json::String(_)));
        let constant = matches!(right.as_ref(), Condition::Literal(_));
        let Condition::Value(_, place) = left.as_ref() else { return next };
        if *operator != with || !compared || !constant {
            return next;
        }
        let expression = self.text.get(place.clone()).unwrap_or_default();
        let literal = self.text.get(start..self.at).unwrap_or_default().trim_end();
        let right = match &next {
            Condition::Literal(Json::String(text)) => dialect::literal(text),
            _ => literal.to_owned(),
        };
        let right = format!("{expression} {} {right}", operator.text());
        let message = format!("`{literal}` alone is the same every time: it is compared as the value before it is");
        let finding = Finding::new(Code::DialectWord, start..self.at, message).help(format!("write {right}"));
        let fixed = self.findings.last().is_some_and(|f| f.fix.is_some() && f.range.start >= start);
        self.read_as(if fixed { finding } else { finding.fix(right, true) });
        Condition::Compare(*operator, left.clone(), Box::new(next))
    }

    /// `in [200, 201]`, of which the word was read: each is compared.
    fn one_of(&mut self, left: &Condition, start: usize) -> Option<Condition> {
        let close = if self.eat("[") {
            "]"
        } else if self.eat("(") {
            ")"
        } else {
            return None;
        };
        let mut list = vec![];
        loop {
            self.blanks();
            let item = self.operand()?;
            if !matches!(item, Condition::Literal(_)) {
                return None;
            }
            list.push(Condition::Compare(Operator::Equal, Box::new(left.clone()), Box::new(item)));
            if self.eat(close) {
                break;
            }
            if !self.eat(",") {
                return None;
            }
        }
        let message = "`in` is no operator of a simple condition";
        let finding = Finding::new(Code::DialectWord, start..self.at, message);
        self.findings.push(finding.help("write each comparison, with || between them"));
        Some(if list.len() == 1 { list.pop()? } else { Condition::Or(list) })
    }

    fn comparison(&mut self) -> Option<Condition> {
        let begin = self.at;
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
        if reads && self.rest().strip_prefix("in").is_some_and(|after| after.starts_with([' ', '[', '('])) {
            let (start, said) = (self.at, self.findings.len());
            self.at += "in".len();
            if let Some(read) = self.one_of(&left, start) {
                return Some(read);
            }
            self.findings.truncate(said);
            self.at = start;
        }
        let Some(operator) = self.operator()? else { return Some(left) };
        self.blanks();
        if let Some(read) = self.status_class(&left, operator, begin) {
            return Some(read);
        }
        let start = self.at;
        let right = if text { self.right()? } else { self.unary()? };
        // `== (200 || 201)`
        if let (Condition::Or(list), Operator::Equal, true) = (&right, operator, reads)
            && list.iter().all(|item| matches!(item, Condition::Literal(_)))
            && self.scope.readings != Readings::Letter
        {
            let expression = self.text.get(begin..start).unwrap_or_default().trim_end_matches(['=', ' ']);
            let written = |item: &Condition| match item {
                Condition::Literal(Json::String(text)) => dialect::literal(text),
                Condition::Literal(value) => value.to_string(),
                _ => String::new(),
            };
            let items: Vec<String> = list.iter().map(|item| format!("{expression} == {}", written(item))).collect();
            let message = "the constants in parentheses are the same every time: each is compared";
            let finding = Finding::new(Code::DialectWord, start..self.at, message);
            self.findings.push(finding.help(format!("write {}", items.join(" || "))));
            let compare =
                |item: &Condition| Condition::Compare(operator, Box::new(left.clone()), Box::new(item.clone()));
            return Some(Condition::Or(list.iter().map(compare).collect()));
        }
        Some(Condition::Compare(operator, Box::new(left), Box::new(right)))
    }

    /// The operator that stands next, if one does; nothing for what is none.
    fn operator(&mut self) -> Option<Option<Operator>> {
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
        } else if self.eat("<>") {
            self.fail(
                self.at - 2..self.at,
                "`<>` is not an operator".to_owned(),
                Some("inequality is written `!=`".to_owned()),
            );
            return None;
        } else if self.eat("<") {
            Operator::Less
        } else if self.eat(">") {
            Operator::Greater
        } else {
            return Some(None);
        };
        Some(Some(operator))
    }

    /// The right side of an operator: a value, or the reading `bare-word`.
    fn right(&mut self) -> Option<Condition> {
        self.blanks();
        let begins = |c: char| !"$'\"({!".contains(c);
        if let Some(length) = self.rest().starts_with(begins).then(|| dialect::bare_length(self.rest())) {
            let (start, text) = (self.at, self.rest().get(..length).unwrap_or_default().trim_end());
            if dialect::is_bare_text(text) {
                self.at += text.len();
                let right = dialect::literal(text);
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
            Some('$') if rest.starts_with("${") => {
                match rest.get(1..).map(|rest| rest.trim_start_matches(['{', ' '])) {
                    Some(inner) if inner.starts_with('$') => {
                        self.at += 1;
                        self.braced()
                    }
                    _ if self.is_foreign() => None,
                    _ => {
                        self.fail(start..start + 2, "`${` does not begin a runtime expression".to_owned(), None);
                        None
                    }
                }
            }
            Some('$') => match expression(self.text, start, Position::Condition, self.scope, self.findings) {
                Scanned::Found(expr, end) => {
                    self.at = end;
                    Some(Condition::Value(expr, start..end))
                }
                Scanned::Wrong => None,
                Scanned::None if self.is_foreign() => None,
                Scanned::None => {
                    self.fail(start..start + 1, "`$` does not begin a runtime expression here".to_owned(), None);
                    None
                }
            },
            Some('{') if rest.trim_start_matches('{').trim_start().starts_with('$') => self.braced(),
            Some('{' | '<' | '#' | '%' | '@') if self.is_foreign() => None,
            Some(c) if c == '-' || c.is_ascii_digit() => self.number(),
            _ => self.word(),
        }
    }

    /// `{$inputs.a}`, `{ $inputs.a }`, `{{$inputs.a}}`: braces around one expression are what embeds one elsewhere; here
    /// they only stand around it.
    fn braced(&mut self) -> Option<Condition> {
        let rest = self.rest();
        let dollar = usize::from(self.text.get(..self.at).is_some_and(|before| before.ends_with('$')));
        let start = self.at - dollar;
        let braces = rest.len() - rest.trim_start_matches('{').len();
        let Some(close) = rest.find('}').map(|at| self.at + at) else {
            self.fail(start..self.text.len(), "this brace is never closed".to_owned(), None);
            return None;
        };
        let inner = self.text.get(self.at + braces..close).unwrap_or_default();
        let begin = self.at + braces + inner.len() - inner.trim_start().len();
        let closing = self.text.get(close..).unwrap_or_default().chars().take_while(|c| *c == '}').count();
        let end = close + closing.min(braces);
        match expression(self.text, begin, Position::Condition, self.scope, self.findings) {
            Scanned::Found(expr, found) if found == begin + inner.trim().len() => {
                let written = self.text.get(begin..found).unwrap_or_default();
                self.findings.push(
                    Finding::new(
                        Code::BracedCondition,
                        start..end,
                        "in a simple condition an expression stands without braces",
                    )
                    .help(format!("write {written}"))
                    .fix(written, true),
                );
                self.at = end;
                Some(Condition::Value(expr, begin..found))
            }
            Scanned::Wrong => None,
            _ => {
                self.fail(start..end, "these braces hold more than one expression".to_owned(), None);
                None
            }
        }
    }

    /// `true` for a placeholder of another language, which is no value: that is said.
    fn is_foreign(&mut self) -> bool {
        let Some((length, right)) = foreign::at_start(self.rest(), self.scope) else { return false };
        let range = self.at..self.at + length;
        let written = self.rest().get(..length).unwrap_or_default();
        let message = format!("`{written}` is a placeholder of another language");
        let finding = Finding::new(Code::ForeignPlaceholder, range, message).weighing(Severity::Error);
        self.findings.push(match right {
            Some(right) => finding.help(format!("write {right}")).fix(right, false).differs("its value is read"),
            None => finding.help("write an expression, such as $inputs.name"),
        });
        true
    }

    /// `contains(a, b)`, of which the word was read (docs/readings.md, `dialect-word`).
    fn contains(&mut self, start: usize) -> Option<Condition> {
        self.eat("(");
        let whole = self.or()?;
        if !self.eat(",") {
            self.fail(start..self.at, "`contains` takes a value, and what it contains".to_owned(), None);
            return None;
        }
        let part = self.or()?;
        if !self.eat(")") {
            self.fail(start..self.at, "this parenthesis is never closed".to_owned(), None);
            return None;
        }
        let message = "a simple condition has no functions";
        let help = "write a criterion with a `context`, `type: regex` and a pattern, or `type: jsonpath` and a filter";
        self.findings.push(Finding::new(Code::DialectWord, start..self.at, message).help(help));
        Some(Condition::Contains(Box::new(whole), Box::new(part)))
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
                let help = match dialect::is_status_class(text) {
                    true => dialect::status_class(text),
                    false => "text stands in single quotes".to_owned(),
                };
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
                    Some(match next {
                        Some('{' | '[') => "compare what it has to hold: $response.body#/name == 'value'".to_owned(),
                        Some('<' | '>' | '=' | '!') if let Some(repeated) = dialect::repeated(self.text, start) => {
                            format!("write {repeated}: each comparison names what it compares")
                        }
                        _ => "a value is an expression, a number, 'text', true, false or null".to_owned(),
                    }),
                );
                return None;
            }
            _ => {
                let called = self.rest().get(length..).and_then(|rest| rest.strip_prefix('('));
                if word == "contains" && called.is_some() {
                    self.at += length;
                    return self.contains(start);
                }
                let help = match called {
                    Some(inside) => dialect::call(word, inside.split(')').next().unwrap_or_default()),
                    None => {
                        let text = self.rest().get(..dialect::bare_length(self.rest())).unwrap_or(word).trim_end();
                        dialect::word(word, text, ROOTS.contains(&word.split('.').next().unwrap_or_default()))
                    }
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

fn folded(text: &str) -> String {
    text.to_lowercase()
}
