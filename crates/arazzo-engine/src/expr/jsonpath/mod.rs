//! JSONPath (RFC 9535), and the comparison that documents write in its place.
//!
//! Two entries into one grammar: a [`Query`] selects values; a [`Condition`] is a query, or the bare logical expression
//! `$.state == "ready"` in which `$` and `@` are both the context (docs/readings.md, `jsonpath-comparison`).
//! Expressions in braces are *placeholders*: their values come in as data and can never change the query. Evaluation has
//! budgets and does not call itself for data. Knows no runtime expressions and no documents.

use std::collections::HashSet;
use std::ops::Range;

use crate::readings::Readings;
use crate::value::Json as Value;

mod compare;
mod eval;
mod functions;
mod lex;
mod parse;
mod tree;
mod wishes;

pub use compare::equal;
pub use tree::Operator;
pub use wishes::{Wanted, Wish, combined};

use crate::diagnostic::Help;
use crate::expr::pattern::TooLong;
use crate::value::{PathSegment, Pointer};
use eval::Run;
use tree::{Logical, Operand, OperandRef, Path, Root, Segment, Selector};

/// Why a text is not a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The bytes of the text that are wrong.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<Help>,
}

impl SyntaxError {
    fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<Help>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What one evaluation may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Values that are looked at.
    pub visits: usize,
    /// Values that are selected.
    pub results: usize,
    /// How deep `..` descends.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { visits: 1_000_000, results: 100_000, depth: 256 }
    }
}

/// The limit that an evaluation reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvalError {
    /// [`Limits::visits`]
    Visits(usize),
    /// [`Limits::results`]
    Results(usize),
    /// [`Limits::depth`]
    Depth(usize),
    /// What patterns may cost in all.
    Pattern(TooLong),
}

impl std::fmt::Display for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Visits(limit) => write!(f, "the query looks at more than {limit} values"),
            Self::Results(limit) => write!(f, "the query selects more than {limit} values"),
            Self::Pattern(too_long) => too_long.fmt(f),
            Self::Depth(limit) => write!(f, "the query descends deeper than {limit} levels"),
        }
    }
}

/// What a filter over an object means (docs/readings.md, `jsonpath-filter-on-object`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectFilter {
    /// It tests the members' values, as RFC 9535 says.
    Members,
    /// It tests the members' values if some `@` path of the filter selects something in one of them, else the object.
    /// Behind `..`, which comes to every member anyway, and without any `@` path, always the members' values.
    MembersOrSelf,
}

/// An expression in braces: `{$inputs.status}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// Where the text inside the braces stands.
    pub range: Range<usize>,
    /// `true` if it is a part of a quoted string.
    pub in_string: bool,
    /// `true` if it is a part of a pattern: what a server gave stands for itself there.
    pub in_pattern: bool,
    /// `false` for an operand that stands without its braces.
    pub braced: bool,
    /// The braces, where there are blanks inside of them.
    pub blanks: Option<Range<usize>>,
    /// The quotes, where it is all that stands in them.
    pub quotes: Option<Range<usize>>,
}

impl Placeholder {
    /// An operand in this range, without braces.
    pub(super) fn bare(range: Range<usize>) -> Self {
        Self { range, in_string: false, in_pattern: false, braced: false, blanks: None, quotes: None }
    }

    /// What stands in braces.
    pub(super) fn braced(range: Range<usize>, blanks: Option<Range<usize>>) -> Self {
        Self { braced: true, blanks, ..Self::bare(range) }
    }
}

/// A version of JSONPath.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `rfc9535`
    Rfc9535,
    /// `draft-goessner-dispatch-jsonpath-00`: filters stand in parentheses and test for being true, `.length` is that of
    /// an array or text, `(@.length-1)` counts from the end, `===` is `==`.
    Goessner,
}

/// A query: `$.items[?@.price < 10].name`.
#[derive(Debug, Clone)]
pub struct Query {
    path: Path,
    placeholders: Vec<Placeholder>,
    texts: Vec<Vec<Piece>>,
}

/// A bare logical expression: `$.state == "ready" && $.items.length > 0`.
#[derive(Debug, Clone)]
pub struct Comparison {
    logical: Logical,
    text: String,
    placeholders: Vec<Placeholder>,
    texts: Vec<Vec<Piece>>,
}

/// What a criterion of type `jsonpath` tests.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Met if it selects something.
    Query(Query),
    /// Met if it is true of the context.
    Comparison(Comparison),
}

/// A part of a string with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The placeholder with this number.
    Placeholder(usize),
}

/// What a condition came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is met.
    pub met: bool,
    /// `true` if a filter tested an object as itself, because none of its members has what it asks for.
    pub tested_self: bool,
}

fn reads_of(path: &Path, current: &[PathSegment], found: &mut Vec<Vec<PathSegment>>) {
    let mut way = if matches!(path.root, Root::Current) { current.to_vec() } else { vec![] };
    let known = path.segments.len() - usize::from(path.length);
    for segment in path.segments.iter().take(known) {
        let Segment::Child(selectors) = segment else { break };
        way.push(match segment.only() {
            Some(Selector::Name(name)) => PathSegment::Member(name.clone()),
            Some(Selector::Index(index)) if *index >= 0 => PathSegment::Member(index.to_string()),
            _ => PathSegment::Any,
        });
        for selector in selectors {
            if let Selector::Filter(filter) = selector {
                reads_within(filter, &way, found);
            }
        }
    }
    found.push(way);
}

fn reads_within(logical: &Logical, current: &[PathSegment], found: &mut Vec<Vec<PathSegment>>) {
    let never: Result<bool, std::convert::Infallible> = logical.any_path(&mut |path| {
        reads_of(path, current, found);
        Ok(false)
    });
    debug_assert_eq!(never, Ok(false));
}

/// The ways that are compared with constants by `==`.
fn compared_in(logical: &Logical, current: &[PathSegment], found: &mut Vec<(Vec<PathSegment>, Value)>) {
    match logical {
        Logical::Or(parts) | Logical::And(parts) => parts.iter().for_each(|part| compared_in(part, current, found)),
        Logical::Not(inner) => compared_in(inner, current, found),
        Logical::Compare(left, Operator::Equal, right) => match (left, right) {
            (Operand::Path(path), Operand::Literal(value)) | (Operand::Literal(value), Operand::Path(path)) => {
                let mut ways = vec![];
                reads_of(path, current, &mut ways);
                if let ([way], false) = (ways.as_slice(), path.length) {
                    found.push((way.clone(), value.clone()));
                }
            }
            _ => {}
        },
        Logical::Compare(..) | Logical::Exists(_) | Logical::Truthy(_) | Logical::Test(_) => {}
    }
}

impl Query {
    /// Parses a query; with `placeholders`, expressions in braces may stand for values.
    ///
    /// # Errors
    /// [`SyntaxError`] with the part that is wrong.
    pub fn parse(text: &str, dialect: Dialect, placeholders: bool) -> Result<Self, SyntaxError> {
        Self::parsed(text, dialect, placeholders, false)
    }

    /// Parses a query of a document, with placeholders: but by the letter, a string that is one expression is one too
    /// (docs/readings.md, `quoted-expression`).
    ///
    /// # Errors
    /// [`SyntaxError`] with the part that is wrong.
    pub(crate) fn parse_written(text: &str, dialect: Dialect, readings: Readings) -> Result<Self, SyntaxError> {
        Self::parsed(text, dialect, true, readings != Readings::Letter)
    }

    fn parsed(text: &str, dialect: Dialect, placeholders: bool, quoted: bool) -> Result<Self, SyntaxError> {
        let parsed = parse::query(text, dialect, placeholders, quoted)?;
        Ok(Self { path: parsed.tree, placeholders: parsed.placeholders, texts: parsed.texts })
    }

    /// `true` for `$[0][?…]`: a query that was written for evaluation over an array around the context.
    #[must_use]
    pub fn expects_wrapping(&self) -> bool {
        let first = self.path.segments.first().and_then(Segment::only);
        let filter = |segment: &Segment| matches!(segment, Segment::Child(all) if matches!(all.as_slice(), [Selector::Filter(_)]));
        matches!(first, Some(Selector::Index(0))) && self.path.segments.get(1).is_some_and(filter)
    }

    /// The JSON Pointer to what the query selects, where it names one value.
    #[must_use]
    pub fn to_pointer(&self) -> Option<Pointer> {
        let tokens = self.path.segments.iter().map(|segment| match segment.only()? {
            Selector::Name(name) => Some(name.clone()),
            Selector::Index(index) => u64::try_from(*index).ok().map(|index| index.to_string()),
            _ => None,
        });
        tokens.collect::<Option<Vec<_>>>().map(Pointer::of)
    }

    /// `true` if the query selects one value at most.
    #[must_use]
    pub fn is_singular(&self) -> bool {
        self.path.is_singular()
    }

    /// `true` if the query selects a list by the way it is written: with a wildcard, a slice or several selectors.
    #[must_use]
    pub fn selects_list(&self) -> bool {
        self.path.segments.iter().any(|segment| {
            let (Segment::Child(selectors) | Segment::Descendant(selectors)) = segment;
            selectors.len() > 1
                || selectors.iter().any(|selector| matches!(selector, Selector::Wildcard | Selector::Slice { .. }))
        })
    }

    /// The ways to the values that it looks at, as far as they are known without a value: up to the first `..`.
    #[must_use]
    pub fn reads(&self) -> Vec<Vec<PathSegment>> {
        let mut found = vec![];
        reads_of(&self.path, &[], &mut found);
        found
    }

    /// The places of what the query selects, in the order of the document, each once.
    ///
    /// # Errors
    /// [`EvalError`] if a limit is reached.
    pub fn locate(&self, root: &Value, bindings: &[Value], limits: &Limits) -> Result<Vec<Pointer>, EvalError> {
        let selected: HashSet<*const Value> =
            self.select(root, bindings, limits)?.into_iter().map(std::ptr::from_ref).collect();
        let mut found = vec![];
        let mut stack: Vec<(&Value, Vec<String>)> = vec![(root, vec![])];
        while let Some((value, way)) = stack.pop() {
            let below = |token: String| way.iter().cloned().chain([token]).collect::<Vec<_>>();
            match value {
                Value::Array(items) => {
                    stack.extend(items.iter().enumerate().rev().map(|(index, item)| (item, below(index.to_string()))));
                }
                Value::Object(members) => {
                    stack.extend(members.iter().rev().map(|(name, value)| (value, below(name.clone()))));
                }
                _ => {}
            }
            if selected.contains(&std::ptr::from_ref(value)) {
                found.push(Pointer::of(way));
            }
        }
        Ok(found)
    }

    /// The values that the query selects, in the order of RFC 9535; `bindings` are the values of the placeholders.
    ///
    /// # Errors
    /// [`EvalError`] if a limit is reached.
    pub fn select<'v>(
        &self,
        root: &'v Value,
        bindings: &[Value],
        limits: &Limits,
    ) -> Result<Vec<&'v Value>, EvalError> {
        Run::new(root, bindings, &self.texts, limits, ObjectFilter::Members).select(&self.path, root)
    }

    /// The expressions in braces, in order.
    #[must_use]
    pub fn placeholders(&self) -> &[Placeholder] {
        &self.placeholders
    }
}

impl Condition {
    /// The ways to the values that it looks at, as far as they are known without a value: up to the first `..`.
    #[must_use]
    pub fn reads(&self) -> Vec<Vec<PathSegment>> {
        match self {
            Self::Query(query) => query.reads(),
            Self::Comparison(comparison) => {
                let mut found = vec![];
                reads_within(&comparison.logical, &[], &mut found);
                found
            }
        }
    }

    /// The ways that a comparison, or a filter that is the last part of a query, compares with constants by `==`.
    #[must_use]
    pub fn compared(&self) -> Vec<(Vec<PathSegment>, Value)> {
        let mut found = vec![];
        match self {
            Self::Query(query) => {
                let Some(Segment::Child(selectors)) = query.path.segments.last() else { return found };
                let [Selector::Filter(filter)] = selectors.as_slice() else { return found };
                let mut ways = vec![];
                reads_of(&query.path, &[], &mut ways);
                // The last way is that of what the query selects.
                if let Some(current) = ways.pop() {
                    compared_in(filter, &current, &mut found);
                }
            }
            Self::Comparison(comparison) => compared_in(&comparison.logical, &[], &mut found),
        }
        found
    }

    /// Parses a query, or else a comparison; the error is that of the reading that got further.
    ///
    /// # Errors
    /// [`SyntaxError`] with the part that is wrong.
    pub fn parse(text: &str, placeholders: bool) -> Result<Self, SyntaxError> {
        Self::parsed(text, placeholders, false)
    }

    /// As [`Condition::parse`], of a document: see [`Query::parse_written`].
    ///
    /// # Errors
    /// [`SyntaxError`] with the part that is wrong.
    pub(crate) fn parse_written(text: &str, readings: Readings) -> Result<Self, SyntaxError> {
        Self::parsed(text, true, readings != Readings::Letter)
    }

    fn parsed(text: &str, placeholders: bool, quoted: bool) -> Result<Self, SyntaxError> {
        let as_query = match Query::parsed(text, Dialect::Rfc9535, placeholders, quoted) {
            Ok(query) => return Ok(Self::Query(query)),
            Err(error) => error,
        };
        match parse::comparison(text, placeholders, quoted) {
            Ok(parsed) if compares(&parsed.tree) => Ok(Self::Comparison(Comparison {
                logical: parsed.tree,
                text: text.to_owned(),
                placeholders: parsed.placeholders,
                texts: parsed.texts,
            })),
            Ok(_) => Err(as_query),
            Err(error) => {
                // A query that stops at an operator was meant as a comparison.
                let rest = text.get(as_query.at.start..).unwrap_or_default().trim_start();
                let compared = rest.starts_with(['=', '!', '<', '>', '&', '|']);
                Err(if compared || error.at.start >= as_query.at.start { error } else { as_query })
            }
        }
    }

    /// The expressions in braces, in order.
    #[must_use]
    pub fn placeholders(&self) -> &[Placeholder] {
        match self {
            Self::Query(query) => &query.placeholders,
            Self::Comparison(comparison) => &comparison.placeholders,
        }
    }

    /// Whether the condition is met by `root`; `bindings` are the values of the placeholders.
    ///
    /// # Errors
    /// [`EvalError`] if a limit is reached.
    pub fn holds(
        &self,
        root: &Value,
        bindings: &[Value],
        limits: &Limits,
        filter: ObjectFilter,
    ) -> Result<Verdict, EvalError> {
        let (run, met) = match self {
            Self::Query(query) => {
                let run = Run::new(root, bindings, &query.texts, limits, filter);
                let met = run.exists(&query.path, root)?;
                (run, met)
            }
            Self::Comparison(comparison) => {
                let run = Run::new(root, bindings, &comparison.texts, limits, filter);
                let met = run.test(&comparison.logical, root)?;
                (run, met)
            }
        };
        Ok(Verdict { met, tested_self: run.tested_self() })
    }

    /// The values that a comparison looks at: each operand as written, once, with its value (`None`: nothing).
    #[must_use]
    pub fn operands(&self, root: &Value, bindings: &[Value]) -> Vec<(String, Option<Value>)> {
        let Self::Comparison(comparison) = self else { return vec![] };
        let limits = Limits::default();
        let run = Run::new(root, bindings, &comparison.texts, &limits, ObjectFilter::Members);
        let mut found: Vec<(String, Option<Value>)> = vec![];
        for operand in comparison.logical.operands() {
            let (range, value) = match operand {
                OperandRef::Tested(path) => (path.range.clone(), run.singular(path, root)),
                OperandRef::Value(operand @ Operand::Path(path)) => (path.range.clone(), run.operand(operand, root)),
                OperandRef::Value(operand @ Operand::Call(_, range)) => (range.clone(), run.operand(operand, root)),
                OperandRef::Value(_) => continue,
            };
            let text = comparison.text.get(range).unwrap_or_default().to_owned();
            if !found.iter().any(|(known, _)| *known == text) {
                found.push((text, value.ok().flatten().map(std::borrow::Cow::into_owned)));
            }
        }
        found
    }
}

impl Comparison {
    /// The simple condition that means the same but for case, with paths read from `context`:
    /// `$.state == "ready"` → `$response.body#/state == 'ready'`. Nothing if it has none.
    #[must_use]
    pub fn to_simple(&self, context: &str) -> Option<String> {
        let written = |number: usize| {
            let placeholder = self.placeholders.get(number)?;
            self.text.get(placeholder.range.clone())
        };
        simple(&self.logical, &Simple { context, written: &written }, false)
    }
}

/// `true` if there is more than a path that is tested for being there.
fn compares(logical: &Logical) -> bool {
    !matches!(logical, Logical::Exists(_))
}

/// What a comparison needs to become a simple condition.
struct Simple<'c> {
    /// The expression that paths are read from.
    context: &'c str,
    /// The text of a placeholder.
    written: &'c dyn Fn(usize) -> Option<&'c str>,
}

fn simple(logical: &Logical, context: &Simple<'_>, nested: bool) -> Option<String> {
    let join = |parts: &[Logical], sign: &str| {
        let parts: Option<Vec<String>> = parts.iter().map(|part| simple(part, context, true)).collect();
        let text = parts?.join(sign);
        Some(if nested { format!("({text})") } else { text })
    };
    match logical {
        Logical::Or(parts) => join(parts, " || "),
        Logical::And(parts) => join(parts, " && "),
        Logical::Not(inner) => match inner.as_ref() {
            Logical::Exists(path) => Some(format!("{} == null", simple_path(path, context.context)?)),
            inner => Some(format!("!({})", simple(inner, context, false)?)),
        },
        Logical::Compare(left, operator, right) => {
            Some(format!("{} {} {}", simple_operand(left, context)?, operator.text(), simple_operand(right, context)?))
        }
        Logical::Exists(path) | Logical::Truthy(path) => {
            Some(format!("{} != null", simple_path(path, context.context)?))
        }
        Logical::Test(_) => None,
    }
}

fn simple_operand(operand: &Operand, context: &Simple<'_>) -> Option<String> {
    match operand {
        // In a simple condition `{` and `$` may begin an expression.
        Operand::Literal(Value::String(text)) if text.contains(|c: char| c.is_control() || matches!(c, '{' | '$')) => {
            None
        }
        Operand::Literal(Value::String(text)) => Some(format!("'{}'", text.replace('\'', "''"))),
        Operand::Literal(value) => Some(value.to_string()),
        Operand::Path(path) => simple_path(path, context.context),
        Operand::Placeholder(number) => (context.written)(*number).map(str::to_owned),
        Operand::Spliced(_) | Operand::Call(..) => None,
    }
}

/// A path as an expression with a pointer, where every name can be written in one.
fn simple_path(path: &Path, context: &str) -> Option<String> {
    if path.root != Root::Context || path.length {
        return None;
    }
    let mut text =
        if path.segments.is_empty() || context.contains('#') { context.to_owned() } else { format!("{context}#") };
    for segment in &path.segments {
        match segment.only()? {
            Selector::Name(name)
                if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) =>
            {
                text.push('/');
                text.push_str(name);
            }
            Selector::Index(index) if *index >= 0 => text.push_str(&format!("/{index}")),
            _ => return None,
        }
    }
    Some(text)
}
