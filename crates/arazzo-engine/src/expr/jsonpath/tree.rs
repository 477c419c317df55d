//! The tree of a query, as it is evaluated: typed, so that what RFC 9535 calls not well-typed cannot be built.
//!
//! Holds no text of the author, only where it stands: who shows it has the text. Its depth is bounded by the parser,
//! so the functions here may call themselves.

use std::ops::Range;

use crate::expr::pattern::Regexp;
use crate::value::Json as Value;

/// `$.a[0]`, `@..b[?@.c]`
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) root: Root,
    pub(super) segments: Vec<Segment>,
    /// In the bare comparison, the path ends in `.length`, which may mean the length of what comes before it.
    pub(super) length: bool,
    /// Where it stands.
    pub(super) range: Range<usize>,
}

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// `$`, and in the bare comparison also `@`
    Context,
    /// `@`: the value that a filter tests.
    Current,
}

/// A segment (RFC 9535, 2.5).
#[derive(Debug, Clone)]
pub(super) enum Segment {
    /// `.a`, `.*`, `['a', 0]`
    Child(Vec<Selector>),
    /// `..a`, `..*`, `..['a', 0]`
    Descendant(Vec<Selector>),
}

/// A selector (RFC 9535, 2.3).
#[derive(Debug, Clone)]
pub(super) enum Selector {
    /// `'a'`
    Name(String),
    /// `'a{$inputs.b}'`: the text with this number.
    SplicedName(usize),
    /// `*`
    Wildcard,
    /// `0`, `-1`
    Index(i64),
    /// `0:10:2`
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    /// `?@.a == 1`
    Filter(Logical),
}

/// A logical expression (RFC 9535, 2.3.5.1).
#[derive(Debug, Clone)]
pub(super) enum Logical {
    /// `a || b`
    Or(Vec<Self>),
    /// `a && b`
    And(Vec<Self>),
    /// `!a`
    Not(Box<Self>),
    /// `a == b`
    Compare(Operand, Operator, Operand),
    /// `@.a`
    Exists(Path),
    /// `@.a` in the dialect in which a filter is a script: there, and not false, null, 0 or the empty text.
    Truthy(Path),
    /// `match(@.a, 'b.*')`
    Test(RegexpTest),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// What stands beside an operator, or is an argument: one value, or nothing.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// `'text'`, `17`, `true`, `null`
    Literal(Value),
    /// `'a{$inputs.b}'`: the text with this number.
    Spliced(usize),
    /// `{$inputs.b}`: the placeholder with this number.
    Placeholder(usize),
    /// `@.a`: a path that selects at most one value.
    Path(Path),
    /// `length(@.a)`
    Call(Box<Call>, Range<usize>),
}

/// A call of a function that gives a value (RFC 9535, 2.4).
#[derive(Debug, Clone)]
pub(super) enum Call {
    /// `length(@.a)`
    Length(Operand),
    /// `count(@.*)`
    Count(Path),
    /// `value(@..a)`
    Value(Path),
}

/// A call of a function that gives a verdict: `match(@.a, 'b.*')`, and `search` if it is not the `whole` text.
#[derive(Debug, Clone)]
pub(super) struct RegexpTest {
    pub(super) whole: bool,
    pub(super) text: Operand,
    pub(super) pattern: Pattern,
}

/// The second argument of `match` and `search`.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// `'b.*'`, compiled.
    Fixed(Regexp),
    /// `@.pattern`, `{$inputs.pattern}`
    Dynamic(Operand),
}

impl Operator {
    /// The operator as it is written.
    pub(in crate::expr) fn text(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Path {
    /// A *singular query* (RFC 9535, 2.3.5.1): it selects at most one value, whatever the document.
    pub(super) fn is_singular(&self) -> bool {
        self.segments.iter().all(|segment| segment.only().is_some())
    }
}

impl Segment {
    /// The name or index, if the segment is nothing else.
    pub(super) fn only(&self) -> Option<&Selector> {
        match self {
            Self::Child(selectors) => match selectors.as_slice() {
                [only @ (Selector::Name(_) | Selector::SplicedName(_) | Selector::Index(_))] => Some(only),
                _ => None,
            },
            Self::Descendant(_) => None,
        }
    }
}

impl Logical {
    /// `true` if `test` is for some path of the expression; paths inside the filters of a path are not its own.
    pub(super) fn any_path<E>(&self, test: &mut impl FnMut(&Path) -> Result<bool, E>) -> Result<bool, E> {
        match self {
            Self::Or(parts) | Self::And(parts) => {
                for part in parts {
                    if part.any_path(test)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(inner) => inner.any_path(test),
            Self::Compare(left, _, right) => Ok(left.any_path(test)? || right.any_path(test)?),
            Self::Exists(path) | Self::Truthy(path) => test(path),
            Self::Test(RegexpTest { text, pattern, .. }) => Ok(text.any_path(test)?
                || match pattern {
                    Pattern::Fixed(_) => false,
                    Pattern::Dynamic(operand) => operand.any_path(test)?,
                }),
        }
    }

    /// The operands in the order of the text; a tested path is one too, if it selects at most one value.
    pub(super) fn operands(&self) -> Vec<OperandRef<'_>> {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().flat_map(Self::operands).collect(),
            Self::Not(inner) => inner.operands(),
            Self::Compare(left, _, right) => vec![OperandRef::Value(left), OperandRef::Value(right)],
            Self::Exists(path) if path.is_singular() => vec![OperandRef::Tested(path)],
            Self::Exists(_) | Self::Truthy(_) => vec![],
            Self::Test(RegexpTest { text, pattern: Pattern::Dynamic(pattern), .. }) => {
                vec![OperandRef::Value(text), OperandRef::Value(pattern)]
            }
            Self::Test(RegexpTest { text, .. }) => vec![OperandRef::Value(text)],
        }
    }
}

/// What a comparison looks at.
#[derive(Debug, Clone, Copy)]
pub(super) enum OperandRef<'t> {
    /// Beside an operator, or an argument.
    Value(&'t Operand),
    /// `$.a` alone.
    Tested(&'t Path),
}

impl Operand {
    fn any_path<E>(&self, test: &mut impl FnMut(&Path) -> Result<bool, E>) -> Result<bool, E> {
        match self {
            Self::Literal(_) | Self::Spliced(_) | Self::Placeholder(_) => Ok(false),
            Self::Path(path) => test(path),
            Self::Call(call, _) => match call.as_ref() {
                Call::Length(operand) => operand.any_path(test),
                Call::Count(path) | Call::Value(path) => test(path),
            },
        }
    }
}
