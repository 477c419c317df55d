//! Tree + value → values. Budgets on everything; calls itself for the tree, whose depth the parser bounds, never for
//! the data.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use regex::Regex;
use serde_json::Value;

use super::compare::{compare, work};
use super::functions::regexp;
use super::tree::{Call, Logical, Operand, Path, Pattern, RegexpTest, Root, Segment, Selector};
use super::{EvalError, Limits, ObjectFilter, Piece};

/// One evaluation: what is queried, the values of the holes, and what it has cost so far.
pub(super) struct Run<'v, 'q> {
    root: &'v Value,
    bindings: &'q [Value],
    texts: Vec<String>,
    limits: &'q Limits,
    filter: ObjectFilter,
    visits: Cell<usize>,
    tested_self: Cell<bool>,
    /// Patterns that came as values, compiled once; `None` is no regular expression, which matches nothing.
    patterns: RefCell<HashMap<(String, bool), Option<Regex>>>,
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
            Piece::Hole(number) => match bindings.get(*number) {
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => String::new(),
            },
        };
        let texts = texts.iter().map(|pieces| pieces.iter().map(text).collect()).collect();
        Self {
            root,
            bindings,
            texts,
            limits,
            filter,
            visits: Cell::new(0),
            tested_self: Cell::new(false),
            patterns: RefCell::default(),
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
        let mut nodes = vec![start];
        for segment in &path.segments {
            let mut next = vec![];
            for node in nodes {
                match segment {
                    Segment::Child(selectors) => self.children(node, selectors, &mut next)?,
                    Segment::Descendant(selectors) => self.descendants(node, selectors, &mut next)?,
                }
            }
            nodes = next;
        }
        Ok(nodes)
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
            self.children(node, selectors, found)?;
            match node {
                Value::Array(items) => stack.extend(items.iter().rev().map(|item| (item, depth + 1))),
                Value::Object(members) => stack.extend(members.values().rev().map(|value| (value, depth + 1))),
                _ => {}
            }
        }
        Ok(())
    }

    fn children(&self, node: &'v Value, selectors: &[Selector], found: &mut Vec<&'v Value>) -> Result<(), EvalError> {
        for selector in selectors {
            self.spend(1)?;
            match (selector, node) {
                (Selector::Name(name), Value::Object(members)) => found.extend(members.get(name)),
                (Selector::SplicedName(number), Value::Object(members)) => {
                    found.extend(self.texts.get(*number).and_then(|name| members.get(name)))
                }
                (Selector::Wildcard, Value::Array(items)) => self.all(items.iter(), found)?,
                (Selector::Wildcard, Value::Object(members)) => self.all(members.values(), found)?,
                (Selector::Index(index), Value::Array(items)) => found.extend(at(items, *index)),
                (Selector::Slice { start, end, step }, Value::Array(items)) => {
                    self.slice(items, (*start, *end, *step), found)?
                }
                (Selector::Filter(logical), Value::Array(items)) => self.filter(items.iter(), logical, found)?,
                (Selector::Filter(logical), Value::Object(members)) => {
                    if self.filter == ObjectFilter::MembersOrSelf && !self.reaches(members.values(), logical)? {
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

    /// `true` if some path of a filter selects something in one of the values.
    fn reaches(&self, values: impl Iterator<Item = &'v Value>, logical: &Logical) -> Result<bool, EvalError> {
        for value in values {
            self.spend(1)?;
            if logical.any_path(&mut |path| Ok(path.root == Root::Current && !self.select(path, value)?.is_empty()))? {
                return Ok(true);
            }
        }
        Ok(false)
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
            Logical::Exists(path) if path.length => Ok(self.singular(path, current)?.is_some()),
            Logical::Exists(path) => Ok(!self.select(path, current)?.is_empty()),
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
            Operand::Spliced(number) => self.texts.get(*number).map(|text| Cow::Owned(Value::String(text.clone()))),
            Operand::Hole(number) => self.bindings.get(*number).map(Cow::Borrowed),
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
            Some(value @ (Value::Array(_) | Value::String(_))) => length(value).map(Cow::Owned),
            _ => None,
        })
    }

    fn call<'s>(&'s self, call: &'s Call, current: &'v Value) -> Result<Option<Cow<'s, Value>>, EvalError> {
        Ok(match call {
            Call::Length(operand) => self.operand(operand, current)?.as_deref().and_then(length).map(Cow::Owned),
            Call::Count(path) => Some(Cow::Owned(Value::from(self.select(path, current)?.len()))),
            Call::Value(path) => match self.select(path, current)?.as_slice() {
                [only] => Some(Cow::Borrowed(*only)),
                _ => None,
            },
        })
    }

    fn matches(&self, test: &RegexpTest, current: &'v Value) -> Result<bool, EvalError> {
        let text = self.operand(&test.text, current)?;
        let Some(Value::String(text)) = text.as_deref() else { return Ok(false) };
        self.spend(work(text.len()))?;
        match &test.pattern {
            Pattern::Fixed(pattern) => Ok(pattern.is_match(text)),
            Pattern::Dynamic(operand) => {
                let pattern = self.operand(operand, current)?;
                let Some(Value::String(pattern)) = pattern.as_deref() else { return Ok(false) };
                let mut patterns = self.patterns.borrow_mut();
                let compiled =
                    patterns.entry((pattern.clone(), test.whole)).or_insert_with(|| regexp(pattern, test.whole).ok());
                Ok(compiled.as_ref().is_some_and(|pattern| pattern.is_match(text)))
            }
        }
    }
}

/// `length` (RFC 9535, 2.4.4): characters, items or members.
fn length(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(Value::from(text.chars().count())),
        Value::Array(items) => Some(Value::from(items.len())),
        Value::Object(members) => Some(Value::from(members.len())),
        _ => None,
    }
}

fn at(items: &[Value], index: i64) -> Option<&Value> {
    let length = i64::try_from(items.len()).ok()?;
    let index = if index >= 0 { index } else { length.checked_add(index)? };
    items.get(usize::try_from(index).ok()?)
}
