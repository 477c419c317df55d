//! A layout → lines in one style.

use super::scalar::written;
use crate::index::field_order;
use crate::node::layout::{Collection, Entry, Flow, Layout, Line, Written};

/// The text of a document; `ordered` says that fields are to have the order of the specification.
pub(super) fn print(layout: &Layout, ordered: bool) -> String {
    let mut printer = Printer { out: String::new(), ordered, path: vec![] };
    if let Some(head) = &layout.head {
        printer.lines(head, 0);
        printer.out.push_str("---\n");
    }
    let order = printer.order(&layout.root);
    // What stands at the beginning of a document is about all of it: only what stands right above a field moves with it.
    let above = layout.root.entries.first().map(|first| first.above.as_slice()).unwrap_or_default();
    let stays = if order.first() == Some(&0) { above.len() } else { about_document(above) };
    let (head, own) = above.split_at_checked(stays).unwrap_or((above, &[]));
    printer.lines(head, 0);
    for index in &order {
        let Some(entry) = layout.root.entries.get(*index) else { continue };
        let above = if *index == 0 { own } else { entry.above.as_slice() };
        printer.lines(above, 0);
        printer.entry(entry, *index, 0);
    }
    printer.lines(&layout.root.below, 0);
    printer.lines(&layout.foot, 0);
    let keeps = printer.out.ends_with("\n\n") && layout.root.below.is_empty() && layout.foot.is_empty();
    if !keeps {
        let end = printer.out.trim_end_matches('\n').len();
        printer.out.truncate(end);
        printer.out.push('\n');
    }
    printer.out
}

/// The lines at the beginning that are about the document: up to the last empty one, and what editors read.
fn about_document(above: &[Line]) -> usize {
    let is_about = |line: &Line| match line {
        Line::Empty => true,
        Line::Comment(text) => text.contains("yaml-language-server") || text.contains("vim:"),
    };
    above.iter().rposition(is_about).map_or(0, |last| last + 1)
}

struct Printer {
    out: String,
    ordered: bool,
    path: Vec<String>,
}

impl Printer {
    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    /// Comments, and one empty line in the place of several.
    fn lines(&mut self, lines: &[Line], indent: usize) {
        for line in lines {
            match line {
                Line::Empty if self.out.is_empty() || ["\n\n", "---\n"].iter().any(|end| self.out.ends_with(end)) => {}
                Line::Empty => self.out.push('\n'),
                Line::Comment(text) => {
                    self.indent(indent);
                    self.out.push_str(text);
                    self.out.push('\n');
                }
            }
        }
    }

    /// The entries of a collection in the order in which they are written.
    fn order(&self, collection: &Collection) -> Vec<usize> {
        let mut order: Vec<usize> = (0..collection.entries.len()).collect();
        if let Some(rank) = field_order(&self.path).filter(|_| self.ordered && collection.is_object) {
            let name = |index: &usize| Some(collection.entries.get(*index)?.key.as_ref()?.text.as_str());
            order.sort_by_key(|index| name(index).map(&rank));
        }
        order
    }

    /// The entries of a collection; the first one goes on in a line that has begun, where it is `begun`.
    fn collection(&mut self, collection: &Collection, indent: usize, begun: bool) {
        for (place, index) in self.order(collection).into_iter().enumerate() {
            let Some(entry) = collection.entries.get(index) else { continue };
            let above = match place {
                // Above the dash already.
                0 if begun => None,
                0 => entry.above.iter().position(|line| *line != Line::Empty).and_then(|at| entry.above.get(at..)),
                _ => Some(entry.above.as_slice()),
            };
            self.lines(above.unwrap_or_default(), indent);
            // In a line that has begun there is no room for comments: what comes out lacks them, and is not taken.
            if !begun || place > 0 {
                let hoisted = self.hoisted(entry, index);
                self.lines(hoisted.unwrap_or_default(), indent);
                self.indent(indent);
            }
            self.entry(entry, index, indent);
        }
        self.lines(&collection.below, indent);
    }

    /// Comments above the first field of an item, where they can stand above its dash.
    fn hoisted<'e>(&mut self, entry: &'e Entry, index: usize) -> Option<&'e [Line]> {
        let Written::Collection(inner) = &entry.value else { return None };
        if entry.key.is_some() || !entry.properties.is_empty() || entry.beside.is_some() {
            return None;
        }
        self.path.push(index.to_string());
        let first = self.order(inner).first().and_then(|first| inner.entries.get(*first));
        self.path.pop();
        let above = first?.above.as_slice();
        above.get(above.iter().position(|line| *line != Line::Empty)?..)
    }

    fn entry(&mut self, entry: &Entry, index: usize, indent: usize) {
        match &entry.key {
            Some(key) => {
                self.out.push_str(&written(key));
                self.out.push(':');
                self.path.push(key.text.clone());
            }
            None => {
                self.out.push('-');
                self.path.push(index.to_string());
            }
        }
        if !entry.properties.is_empty() {
            self.out.push(' ');
            self.out.push_str(&entry.properties);
        }
        self.value(entry, indent);
        self.path.pop();
    }

    fn value(&mut self, entry: &Entry, indent: usize) {
        match &entry.value {
            Written::Collection(collection) => {
                let begun = entry.key.is_none() && entry.properties.is_empty() && entry.beside.is_none();
                if begun {
                    self.out.push(' ');
                } else {
                    self.end_line(entry.beside.as_deref());
                }
                self.collection(collection, indent + 2, begun);
            }
            Written::Text(block) => {
                self.out.push(' ');
                self.out.push_str(&block.header);
                self.end_line(entry.beside.as_deref());
                let digit = block.header.chars().find_map(|c| c.to_digit(10));
                let inner = indent + digit.map_or(2, |digit| digit as usize);
                for line in &block.lines {
                    if !line.is_empty() {
                        self.indent(inner);
                        self.out.push_str(line);
                    }
                    self.out.push('\n');
                }
            }
            Written::Nothing => self.end_line(entry.beside.as_deref()),
            value => {
                if entry.beside.is_some() || entry.between.iter().any(|line| *line != Line::Empty) {
                    self.end_line(entry.beside.as_deref());
                    self.lines(&entry.between, indent + 2);
                    self.indent(indent + 2);
                } else {
                    self.out.push(' ');
                }
                self.in_line(value, entry.column, indent);
                self.end_line(entry.behind.as_deref());
            }
        }
    }

    fn end_line(&mut self, comment: Option<&str>) {
        if let Some(comment) = comment {
            self.out.push(' ');
            self.out.push_str(comment);
        }
        self.out.push('\n');
    }

    /// A value that begins in the line of its name, which stood in `column` and stands at `indent` now.
    fn in_line(&mut self, value: &Written, column: usize, indent: usize) {
        match value {
            Written::Scalar(scalar) if scalar.raw.contains('\n') => {
                // Lines of one text: how far they are indented means nothing.
                let lines = scalar.raw.split('\n').enumerate().map(|(index, line)| match line.trim() {
                    _ if index == 0 => line.to_owned(),
                    "" => String::new(),
                    _ => format!("{}{}", " ".repeat(indent + 2), line.trim_start()),
                });
                let lines: Vec<String> = lines.collect();
                self.out.push_str(&lines.join("\n"));
            }
            Written::Scalar(scalar) => self.out.push_str(&written(scalar)),
            Written::Verbatim(raw) => {
                let lines = raw.split('\n').enumerate().map(|(index, line)| {
                    let text = line.trim_start_matches(' ');
                    let own = (line.len() - text.len() + indent).saturating_sub(column).max(indent);
                    match text.trim_end() {
                        _ if index == 0 => line.trim_end().to_owned(),
                        "" => String::new(),
                        text => format!("{}{text}", " ".repeat(own)),
                    }
                });
                let lines: Vec<String> = lines.collect();
                self.out.push_str(&lines.join("\n"));
            }
            Written::Flow(flow) => self.flow(flow),
            Written::Nothing | Written::Text(_) | Written::Collection(_) => {}
        }
    }

    fn flow(&mut self, flow: &Flow) {
        match flow {
            Flow::Scalar(scalar) => self.out.push_str(&written(scalar)),
            Flow::Verbatim(raw) => self.out.push_str(raw),
            Flow::List(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.out.push_str(if index == 0 { "" } else { ", " });
                    self.path.push(index.to_string());
                    self.flow(item);
                    self.path.pop();
                }
                self.out.push(']');
            }
            Flow::Object(pairs) if pairs.is_empty() => self.out.push_str("{}"),
            Flow::Object(pairs) => {
                let name = |pair: &(Flow, Flow)| match &pair.0 {
                    Flow::Scalar(key) => key.text.clone(),
                    _ => String::new(),
                };
                let mut order: Vec<&(Flow, Flow)> = pairs.iter().collect();
                if let Some(rank) = field_order(&self.path).filter(|_| self.ordered) {
                    order.sort_by_key(|pair| rank(&name(pair)));
                }
                for (index, pair) in order.into_iter().enumerate() {
                    self.out.push_str(if index == 0 { "{ " } else { ", " });
                    self.flow(&pair.0);
                    self.out.push_str(": ");
                    self.path.push(name(pair));
                    self.flow(&pair.1);
                    self.path.pop();
                }
                self.out.push_str(" }");
            }
        }
    }
}
