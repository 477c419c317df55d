//! A condition → what may be wanted of single values for it to be met, or not to be. A guess for who makes values up:
//! whether a value that was made so does it is found out by evaluating.

use crate::value::Json as Value;

use super::tree::{Call, Logical, Operand, Operator, Path, Pattern, RegexpTest, Root, Segment, Selector};
use super::{Condition, Query};
use crate::value::PathSegment;

/// Ways to meet a condition that are tried at most.
const ALTERNATIVES: usize = 16;

/// What is wanted of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// It compares so with another one.
    Compare(Operator, Value),
    /// Its length, or the number of its items, compares so.
    Length(Operator, Value),
    /// It is there, and not null.
    There,
    /// It is not there, or null.
    Missing,
    /// A pattern matches its text.
    Matches(String),
}

/// A wish for the value at the end of a way.
pub type Wish = (Vec<PathSegment>, Wanted);

impl Operator {
    /// The operator that is true where this one is not.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    /// The operator with its sides exchanged.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

impl Condition {
    /// Alternatives, each of which may make the condition come to `met`; `bindings` are the values of its placeholders.
    #[must_use]
    pub fn wishes(&self, met: bool, bindings: &[Value]) -> Vec<Vec<Wish>> {
        let wishes = Wishes { bindings };
        match self {
            Self::Query(Query { path, .. }) => wishes.of_path(path, &[], met),
            Self::Comparison(comparison) => wishes.of(&comparison.logical, &[], met),
        }
    }
}

/// Every combination of one alternative of each.
pub fn combined<W: Clone>(parts: impl Iterator<Item = Vec<Vec<W>>>) -> Vec<Vec<W>> {
    let mut all: Vec<Vec<W>> = vec![vec![]];
    for part in parts.filter(|part| !part.is_empty()) {
        let longer = all.iter().flat_map(|known| part.iter().map(|more| [known.as_slice(), more].concat()));
        all = longer.take(ALTERNATIVES).collect();
    }
    all.retain(|alternative| !alternative.is_empty());
    all
}

struct Wishes<'b> {
    bindings: &'b [Value],
}

impl Wishes<'_> {
    fn of(&self, logical: &Logical, current: &[PathSegment], met: bool) -> Vec<Vec<Wish>> {
        match (logical, met) {
            (Logical::Or(parts), true) | (Logical::And(parts), false) => {
                parts.iter().flat_map(|part| self.of(part, current, met)).collect()
            }
            (Logical::And(parts), true) | (Logical::Or(parts), false) => {
                combined(parts.iter().map(|part| self.of(part, current, met)))
            }
            (Logical::Not(inner), _) => self.of(inner, current, !met),
            (Logical::Compare(left, operator, right), _) => {
                let (target, operator, other) = match (self.value(left), self.value(right)) {
                    (None, Some(other)) => (left, *operator, other),
                    (Some(other), None) => (right, operator.turned(), other),
                    _ => return vec![],
                };
                let operator = if met { operator } else { operator.negated() };
                let (path, of_length) = match target {
                    Operand::Path(path) => (path, path.length),
                    Operand::Call(call, _) => match call.as_ref() {
                        Call::Length(Operand::Path(path)) | Call::Count(path) => (path, true),
                        Call::Value(path) => (path, false),
                        Call::Length(_) => return vec![],
                    },
                    _ => return vec![],
                };
                let Some((mut way, _)) = way_of(path, current) else { return vec![] };
                if of_length && way.last() == Some(&PathSegment::Any) {
                    way.pop();
                }
                let wanted = if of_length { Wanted::Length(operator, other) } else { Wanted::Compare(operator, other) };
                vec![vec![(way, wanted)]]
            }
            (Logical::Exists(path) | Logical::Truthy(path), _) => self.of_path(path, current, met),
            (Logical::Test(RegexpTest { text: Operand::Path(path), pattern, .. }), true) => {
                let pattern = match pattern {
                    Pattern::Fixed(regex) => regex.as_str().to_owned(),
                    Pattern::Dynamic(operand) => match self.value(operand) {
                        Some(Value::String(text)) => text,
                        _ => return vec![],
                    },
                };
                let way = way_of(path, current);
                way.map(|(way, _)| vec![vec![(way, Wanted::Matches(pattern))]]).unwrap_or_default()
            }
            (Logical::Test(_), _) => vec![],
        }
    }

    /// Something is selected, or nothing is.
    fn of_path(&self, path: &Path, current: &[PathSegment], met: bool) -> Vec<Vec<Wish>> {
        let Some((way, filters)) = way_of(path, current) else { return vec![] };
        let filtered = filters.iter().map(|(at, filter)| self.of(filter, at, met));
        if met {
            let there = if filters.is_empty() || way.last() != Some(&PathSegment::Any) {
                vec![vec![(way, Wanted::There)]]
            } else {
                vec![]
            };
            return combined(filtered.chain([there]));
        }
        let mut found: Vec<Vec<Wish>> = filtered.flatten().collect();
        match way.split_last() {
            Some((PathSegment::Any, list)) => {
                found.push(vec![(list.to_vec(), Wanted::Length(Operator::Equal, Value::from(0)))]);
            }
            _ => found.push(vec![(way, Wanted::Missing)]),
        }
        found
    }

    fn value(&self, operand: &Operand) -> Option<Value> {
        match operand {
            Operand::Literal(value) => Some(value.clone()),
            Operand::Placeholder(number) => self.bindings.get(*number).cloned(),
            Operand::Spliced(_) | Operand::Path(_) | Operand::Call(..) => None,
        }
    }
}

/// Filters, with the ways to what they test.
type Filters<'p> = Vec<(Vec<PathSegment>, &'p Logical)>;

/// The way of a path, and its filters with the ways to what they test; nothing where it descends.
fn way_of<'p>(path: &'p Path, current: &[PathSegment]) -> Option<(Vec<PathSegment>, Filters<'p>)> {
    let mut way = if matches!(path.root, Root::Current) { current.to_vec() } else { vec![] };
    let mut filters = vec![];
    let known = path.segments.len() - usize::from(path.length);
    for segment in path.segments.iter().take(known) {
        let Segment::Child(selectors) = segment else { return None };
        way.push(match segment.only() {
            Some(Selector::Name(name)) => PathSegment::Member(name.clone()),
            Some(Selector::Index(index)) if *index >= 0 => PathSegment::Member(index.to_string()),
            _ => PathSegment::Any,
        });
        let own = selectors.iter().filter_map(|selector| match selector {
            Selector::Filter(filter) => Some((way.clone(), filter)),
            _ => None,
        });
        filters.extend(own);
    }
    Some((way, filters))
}
