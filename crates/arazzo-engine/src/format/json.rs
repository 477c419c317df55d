//! JSON in one style: two blanks for each level, a member a line; what stands in one line and fits in it stays there.

use crate::index::field_order;
use crate::node::{Kind, Node};

/// The longest line of a value that stays in one line.
const WIDTH: usize = 100;

/// The text of a document; nothing where what was read is not all that is written.
pub(super) fn print(root: &Node, text: &str) -> Option<String> {
    // Another kind of YAML in braces has comments, which no value knows of.
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut printer = Printer { text, out: String::with_capacity(text.len() * 2), path: vec![] };
    printer.value(root, 0, 0)?;
    printer.out.push('\n');
    Some(printer.out)
}

struct Printer<'t> {
    text: &'t str,
    out: String,
    path: Vec<String>,
}

impl Printer<'_> {
    /// `ahead`: characters that stand in the line already.
    fn value(&mut self, node: &Node, level: usize, ahead: usize) -> Option<()> {
        let raw = self.text.get(node.span.range())?;
        if !self.path.is_empty() && !raw.contains('\n') {
            let start = self.out.len();
            self.in_line(node)?;
            if ahead + self.out.get(start..)?.chars().count() <= WIDTH {
                return Some(());
            }
            self.out.truncate(start);
        }
        match &node.kind {
            Kind::Object(members) if !members.is_empty() => {
                self.out.push('{');
                for (place, index) in self.order(node).into_iter().enumerate() {
                    let (key, value) = members.get(index)?;
                    self.line(place, level + 1);
                    let key_raw = self.text.get(key.span.range())?;
                    self.out.push_str(key_raw);
                    self.out.push_str(": ");
                    self.path.push(key.name.clone());
                    self.value(value, level + 1, 2 * (level + 1) + key_raw.chars().count() + 2)?;
                    self.path.pop();
                }
                self.close('}', level);
            }
            Kind::Array(items) if !items.is_empty() => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.line(index, level + 1);
                    self.path.push(index.to_string());
                    self.value(item, level + 1, 2 * (level + 1))?;
                    self.path.pop();
                }
                self.close(']', level);
            }
            _ => self.in_line(node)?,
        }
        Some(())
    }

    fn line(&mut self, index: usize, level: usize) {
        self.out.push_str(if index == 0 { "\n" } else { ",\n" });
        self.out.push_str(&"  ".repeat(level));
    }

    fn close(&mut self, bracket: char, level: usize) {
        self.out.push('\n');
        self.out.push_str(&"  ".repeat(level));
        self.out.push(bracket);
    }

    /// The members of an object in the order in which they are written.
    fn order(&self, node: &Node) -> Vec<usize> {
        let members = node.members();
        let mut order: Vec<usize> = (0..members.len()).collect();
        if let Some(rank) = field_order(&self.path) {
            order.sort_by_key(|index| members.get(*index).map(|(key, _)| rank(&key.name)));
        }
        order
    }

    fn in_line(&mut self, node: &Node) -> Option<()> {
        match &node.kind {
            Kind::Object(members) if members.is_empty() => self.out.push_str("{}"),
            Kind::Object(members) => {
                for (place, index) in self.order(node).into_iter().enumerate() {
                    let (key, value) = members.get(index)?;
                    self.out.push_str(if place == 0 { "{ " } else { ", " });
                    self.out.push_str(self.text.get(key.span.range())?);
                    self.out.push_str(": ");
                    self.path.push(key.name.clone());
                    self.in_line(value)?;
                    self.path.pop();
                }
                self.out.push_str(" }");
            }
            Kind::Array(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.out.push_str(if index == 0 { "" } else { ", " });
                    self.path.push(index.to_string());
                    self.in_line(item)?;
                    self.path.pop();
                }
                self.out.push(']');
            }
            _ => self.out.push_str(self.text.get(node.span.range())?),
        }
        Some(())
    }
}
