//! Tree + value → values. Budgets on everything; calls itself for the tree, whose depth the parser bounds, never for
//! the data.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::compare::{compare, work};
use super::functions::regexp;
use super::tree::{Call, Logical, Operand, Path, Pattern, RegexpTest, Root, Segment, Selector};
use super::{EvalError, Limits, ObjectFilter, Piece};
use crate::expr::pattern::{Effort, Regexp};
use crate::value::Json as Value;

/// What compiling a pattern that came as a value costs in visits: it takes milliseconds, a visit nanoseconds.
const COMPILING: usize = 50_000;

/// One evaluation: what is queried, the values of the placeholders, and what it has cost so far.
pub(super) struct Run<'v, 'q> {
    root: &'v Value,
    bindings: &'q [Value],
    texts: Vec<Value>,
    limits: &'q Limits,
    filter: ObjectFilter,
    visits: Cell<usize>,
    tested_self: Cell<bool>,
    /// Patterns that came as values, compiled once; `None` is no regular expression, which matches nothing.
    patterns: RefCell<HashMap<(String, bool), Option<Regexp>>>,
    effort: RefCell<Effort>,
}

impl<'v, 'q> Run<'v, 'q> {
    pub(super) fn new(
        root: &'v Value,
        bindings: &'q [Value],
        texts: &[Vec<Piece>],
        limits: &'q Limits,
        filter: ObjectFilter,
    ) -> Self {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Placeholder(number) => match bindings.get(*number) {
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => String::new(),
            },
        };
        let texts = texts.iter().map(|pieces| Value::String(pieces.iter().map(text).collect())).collect();
        Self {
            root,
            bindings,
            texts,
            limits,
            filter,
            visits: Cell::new(0),
            tested_self: Cell::new(false),
            patterns: RefCell::default(),
            effort: RefCell::default(),
        }
    }

    /// `true` if a filter tested an object as itself.
    pub(super) fn tested_self(&self) -> bool {
        self.tested_self.get()
    }

    fn spend(&self, visits: usize) -> Result<(), EvalError> {
        let spent = self.visits.get().saturating_add(visits);
        self.visits.set(spent);
        if spent > self.limits.visits { Err(EvalError::Visits(self.limits.visits)) } else { Ok(()) }
    }

    /// The values that a path selects.
    pub(super) fn select(&self, path: &Path, current: &'v Value) -> Result<Vec<&'v Value>, EvalError> {
        let start = match path.root {
            Root::Context => self.root,
            Root::Current => current,
        };
        self.walk(start, &path.segments)
    }

    /// `true` if a path selects something: the first value of its last segment settles it.
    pub(super) fn exists(&self, path: &Path, current: &'v Value) -> Result<bool, EvalError> {
        let Some((last, before)) = path.segments.split_last() else { return Ok(true) };
        let start = match path.root {
            Root::Context => self.root,
            Root::Current => current,
        };
        for node in self.walk(start, before)? {
            let mut found = vec![];
            match self.segment(node, last, &mut found) {
                Ok(()) if found.is_empty() => {}
                Ok(()) | Err(EvalError::Results(_)) => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn walk(&self, start: &'v Value, segments: &[Segment]) -> Result<Vec<&'v Value>, EvalError> {
        let mut nodes = vec![start];
        for segment in segments {
            let mut next = vec![];
            for node in nodes {
                self.segment(node, segment, &mut next)?;
            }
            nodes = next;
        }
        Ok(nodes)
    }

    fn segment(&self, node: &'v Value, segment: &Segment, found: &mut Vec<&'v Value>) -> Result<(), EvalError> {
        match segment {
            Segment::Child(selectors) => self.children(node, selectors, self.filter, found),
            Segment::Descendant(selectors) => self.descendants(node, selectors, found),
        }
    }

    /// Applies selectors to a value and everything in it, parents before their children.
    fn descendants(
        &self,
        node: &'v Value,
        selectors: &[Selector],
        found: &mut Vec<&'v Value>,
    ) -> Result<(), EvalError> {
        let mut stack = vec![(node, 0)];
        while let Some((node, depth)) = stack.pop() {
            if depth > self.limits.depth {
                return Err(EvalError::Depth(self.limits.depth));
            }
            self.spend(1)?;
            self.children(node, selectors, ObjectFilter::Members, found)?;
            match node {
                Value::Array(items) => stack.extend(items.iter().rev().map(|item| (item, depth + 1))),
                Value::Object(members) => stack.extend(members.values().rev().map(|value| (value, depth + 1))),
                _ => {}
            }
        }
        Ok(())
    }

    fn children(
        &self,
        node: &'v Value,
        selectors: &[Selector],
        filter: ObjectFilter,
        found: &mut Vec<&'v Value>,
    ) -> Result<(), EvalError> {
        for selector in selectors {
            self.spend(1)?;
            match (selector, node) {
                (Selector::Name(name), Value::Object(members)) => found.extend(members.get(name)),
                (Selector::SplicedName(number), Value::Object(members)) => {
                    found.extend(self.texts.get(*number).and_then(Value::as_str).and_then(|name| members.get(name)))
                }
                (Selector::Wildcard, Value::Array(items)) => self.all(items.iter(), found)?,
                (Selector::Wildcard, Value::Object(members)) => self.all(members.values(), found)?,
                (Selector::Index(index), Value::Array(items)) => found.extend(at(items, *index)),
                (Selector::Slice { start, end, step }, Value::Array(items)) => {
                    self.slice(items, (*start, *end, *step), found)?
                }
                (Selector::Filter(logical), Value::Array(items)) => self.filter(items.iter(), logical, found)?,
                (Selector::Filter(logical), Value::Object(members)) => {
                    if filter == ObjectFilter::MembersOrSelf && self.means_self(members.values(), logical)? {
                        self.tested_self.set(true);
                        self.filter(std::iter::once(node), logical, found)?;
                    } else {
                        self.filter(members.values(), logical, found)?;
                    }
                }
                _ => {}
            }
            if found.len() > self.limits.results {
                return Err(EvalError::Results(self.limits.results));
            }
        }
        Ok(())
    }

    fn all(
        &self,
        values: impl ExactSizeIterator<Item = &'v Value>,
        found: &mut Vec<&'v Value>,
    ) -> Result<(), EvalError> {
        self.spend(values.len())?;
        found.extend(values);
        Ok(())
    }

    fn filter(
        &self,
        values: impl Iterator<Item = &'v Value>,
        logical: &Logical,
        found: &mut Vec<&'v Value>,
    ) -> Result<(), EvalError> {
        for value in values {
            self.spend(1)?;
            if self.test(logical, value)? {
                found.push(value);
            }
        }
        Ok(())
    }

    /// `true` if a filter has `@` paths, and none of them selects something in one of the values.
    fn means_self(&self, values: impl Iterator<Item = &'v Value>, logical: &Logical) -> Result<bool, EvalError> {
        if !logical.any_path(&mut |path| Ok::<_, EvalError>(path.root == Root::Current))? {
            return Ok(false);
        }
        for value in values {
            self.spend(1)?;
            if logical.any_path(&mut |path| Ok(path.root == Root::Current && self.exists(path, value)?))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// RFC 9535, 2.3.4.2.2.
    fn slice(
        &self,
        items: &'v [Value],
        (start, end, step): (Option<i64>, Option<i64>, i64),
        found: &mut Vec<&'v Value>,
    ) -> Result<(), EvalError> {
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let normal = |index: i64| if index >= 0 { index } else { length.saturating_add(index) };
        if step == 0 {
            return Ok(());
        }
        let (mut index, last) = if step > 0 {
            (normal(start.unwrap_or(0)).clamp(0, length), normal(end.unwrap_or(length)).clamp(0, length))
        } else {
            let from = start.map_or(length - 1, normal).clamp(-1, length - 1);
            (from, end.map_or(-1, normal).clamp(-1, length - 1))
        };
        while if step > 0 { index < last } else { index > last } {
            self.spend(1)?;
            found.extend(usize::try_from(index).ok().and_then(|index| items.get(index)));
            index = index.saturating_add(step);
        }
        Ok(())
    }

    /// Whether a logical expression is true of `current`.
    pub(super) fn test(&self, logical: &Logical, current: &'v Value) -> Result<bool, EvalError> {
        self.spend(1)?;
        match logical {
            Logical::Or(parts) => {
                for part in parts {
                    if self.test(part, current)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Logical::And(parts) => {
                for part in parts {
                    if !self.test(part, current)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Logical::Not(inner) => Ok(!self.test(inner, current)?),
            Logical::Compare(left, operator, right) => {
                let left = self.operand(left, current)?;
                let right = self.operand(right, current)?;
                compare(left.as_deref(), *operator, right.as_deref(), &|visits| self.spend(visits))
            }
            Logical::Exists(path) => self.exists(path, current),
            Logical::Truthy(path) => Ok(match self.singular(path, current)?.as_deref() {
                None | Some(Value::Null | Value::Bool(false)) => false,
                Some(Value::Number(number)) => !number.is_zero(),
                Some(Value::String(text)) => !text.is_empty(),
                Some(_) => true,
            }),
            Logical::Test(test) => self.matches(test, current),
        }
    }

    /// The value of an operand; `None` is nothing.
    pub(super) fn operand<'s>(
        &'s self,
        operand: &'s Operand,
        current: &'v Value,
    ) -> Result<Option<Cow<'s, Value>>, EvalError> {
        Ok(match operand {
            Operand::Literal(value) => Some(Cow::Borrowed(value)),
            Operand::Spliced(number) => self.texts.get(*number).map(Cow::Borrowed),
            Operand::Placeholder(number) => self.bindings.get(*number).map(Cow::Borrowed),
            Operand::Path(path) => self.singular(path, current)?,
            Operand::Call(call, _) => self.call(call, current)?,
        })
    }

    /// The value of a path that selects at most one, or its length where the path ends in `.length`.
    pub(super) fn singular<'s>(&'s self, path: &Path, current: &'v Value) -> Result<Option<Cow<'s, Value>>, EvalError> {
        let found = self.select(path, current)?.first().copied();
        if found.is_some() || !path.length {
            return Ok(found.map(Cow::Borrowed));
        }
        let mut before = path.clone();
        before.segments.pop();
        Ok(match self.select(&before, current)?.first() {
            Some(value @ (Value::Array(_) | Value::String(_))) => self.length(value)?.map(Cow::Owned),
            _ => None,
        })
    }

    fn call<'s>(&'s self, call: &'s Call, current: &'v Value) -> Result<Option<Cow<'s, Value>>, EvalError> {
        Ok(match call {
            Call::Length(operand) => match self.operand(operand, current)? {
                Some(value) => self.length(&value)?.map(Cow::Owned),
                None => None,
            },
            Call::Count(path) => Some(Cow::Owned(Value::from(self.select(path, current)?.len()))),
            Call::Value(path) => match self.select(path, current)?.as_slice() {
                [only] => Some(Cow::Borrowed(*only)),
                _ => None,
            },
        })
    }

    /// `length` (RFC 9535, 2.4.4): characters, items or members.
    fn length(&self, value: &Value) -> Result<Option<Value>, EvalError> {
        Ok(match value {
            Value::String(text) => {
                self.spend(work(text.len()))?;
                Some(Value::from(text.chars().count()))
            }
            Value::Array(items) => Some(Value::from(items.len())),
            Value::Object(members) => Some(Value::from(members.len())),
            _ => None,
        })
    }

    fn matches(&self, test: &RegexpTest, current: &'v Value) -> Result<bool, EvalError> {
        let text = self.operand(&test.text, current)?;
        let Some(Value::String(text)) = text.as_deref() else { return Ok(false) };
        self.spend(work(text.len()))?;
        match &test.pattern {
            Pattern::Fixed(pattern) => self.search(pattern, text),
            Pattern::Dynamic(operand) => {
                let pattern = self.operand(operand, current)?;
                let Some(Value::String(pattern)) = pattern.as_deref() else { return Ok(false) };
                let mut patterns = self.patterns.borrow_mut();
                let compiled = match patterns.entry((pattern.clone(), test.whole)) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        self.spend(COMPILING)?;
                        new.insert(regexp(pattern, test.whole).ok())
                    }
                };
                compiled.as_ref().map_or(Ok(false), |pattern| self.search(pattern, text))
            }
        }
    }

    fn search(&self, pattern: &Regexp, text: &str) -> Result<bool, EvalError> {
        pattern.is_match_within(text, &mut self.effort.borrow_mut()).map_err(EvalError::Pattern)
    }
}

fn at(items: &[Value], index: i64) -> Option<&Value> {
    let length = i64::try_from(items.len()).ok()?;
    let index = if index >= 0 { index } else { length.checked_add(index)? };
    items.get(usize::try_from(index).ok()?)
}
