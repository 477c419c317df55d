//! The parts of an expression and where each stands: what an editor asks about an offset.

use std::ops::Range;

/// A part of an expression, by what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The word that an expression begins with, and its `$`: `$steps`, `$response`.
    Root,
    /// A word of the grammar that selects something of what stands before it: `outputs`, `header`, `body`, `url`.
    Field,
    /// The `stepId` of `$steps.step.outputs.name`.
    Step,
    /// The `workflowId` of `$workflows.workflow.outputs.name`.
    Workflow,
    /// The name of a source description.
    Source,
    /// The name of an input.
    Input,
    /// The name of an output.
    Output,
    /// The name of a component.
    Component,
    /// The name of a header.
    Header,
    /// The name of a query parameter.
    Query,
    /// The name of a path parameter.
    Path,
    /// The way into the value: `#/a/0`, or the same with dots and brackets.
    Pointer,
}

/// Where the parts of an expression stand, in bytes of the string that it is written in. A string of a document has its
/// own place, and `Node::part` leads from one to the other.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    start: u32,
    /// Where the root ends.
    root: u32,
    /// The names, in order; words of the grammar stand between them.
    names: [Option<Name>; 3],
    /// Where the pointer begins: at the end, if there is none.
    pointer: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct Name {
    part: Part,
    start: u32,
    end: u32,
}

impl Parts {
    /// The parts of an expression of which only the root is known.
    pub(super) fn of_root(root: Range<usize>) -> Self {
        let (start, end) = (cut(root.start), cut(root.end));
        Self { start, root: end, names: [None; 3], pointer: end, end }
    }

    /// Adds a name behind those that are there.
    pub(super) fn push(&mut self, part: Part, name: Range<usize>) {
        if let Some(free) = self.names.iter_mut().find(|name| name.is_none()) {
            *free = Some(Name { part, start: cut(name.start), end: cut(name.end) });
        }
    }

    /// The parts of an expression that ends at `end`, its pointer beginning at `pointer`.
    pub(super) fn ending(mut self, pointer: usize, end: usize) -> Self {
        (self.pointer, self.end) = (cut(pointer), cut(end));
        self
    }

    /// The parts of an expression whose last name reaches to its end.
    pub(super) fn ending_with_name(mut self, end: usize) -> Self {
        if let Some(last) = self.names.iter_mut().rev().flatten().next() {
            last.end = cut(end);
        }
        self.ending(end, end)
    }

    /// The same parts in a longer string, of which the first begins at byte `by`.
    pub(crate) fn shifted(mut self, by: usize) -> Self {
        let by = cut(by);
        let names = self.names.iter_mut().flatten().flat_map(|name| [&mut name.start, &mut name.end]);
        for at in [&mut self.start, &mut self.root, &mut self.pointer, &mut self.end].into_iter().chain(names) {
            *at = at.saturating_add(by);
        }
        self
    }

    /// Where the whole expression stands.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        range(self.start, self.end)
    }

    /// All parts in order.
    pub fn iter(&self) -> impl Iterator<Item = (Part, Range<usize>)> {
        let mut last = self.root;
        let mut found = vec![(Part::Root, range(self.start, self.root))];
        for name in self.names.iter().flatten() {
            // A dot on both sides of each word.
            found.extend(field(last, name.start.saturating_sub(1)));
            found.push((name.part, range(name.start, name.end)));
            last = name.end;
        }
        found.extend(field(last, self.pointer));
        found.extend((self.pointer < self.end).then(|| (Part::Pointer, range(self.pointer, self.end))));
        found.into_iter()
    }

    /// The part that stands at an offset of the string, and its range. Between two characters it is the part of the next
    /// one; behind a part, where an editor's cursor is when its last character was typed, it is that part.
    #[must_use]
    pub fn at(&self, offset: usize) -> Option<(Part, Range<usize>)> {
        let behind = || self.iter().find(|(_, range)| range.end == offset);
        self.iter().find(|(_, range)| range.contains(&offset)).or_else(behind)
    }
}

/// The word of the grammar between a part that ends at `last` and what begins at `next`, behind its dot.
fn field(last: u32, next: u32) -> Option<(Part, Range<usize>)> {
    (last + 1 < next).then(|| (Part::Field, range(last + 1, next)))
}

fn range(start: u32, end: u32) -> Range<usize> {
    start as usize..end as usize
}

/// Strings of documents are limited far below 4 GiB.
fn cut(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
