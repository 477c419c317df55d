//! How much a query can come to over a document, before it is evaluated: the evaluator has no budget of its own, and
//! `//*[//*[//*]]` over a large document would keep it for days.
//!
//! An upper bound, from the syntax tree and from what is counted in the document. Each expression is looked at once for
//! all its evaluations together: a step to children costs as much as there are nodes, however many predicates ask for
//! it, but a path from the root costs that for each of them.

use std::collections::HashMap;
use std::ops::Range;

use xee_xpath_ast::ast::{
    ApplyOperator, ArrayConstructor, Axis, AxisStep, BinaryExpr, BinaryOperator, Expr, ExprOrEmpty, ExprS, ExprSingle,
    FunctionCall, Literal, Name, NameTest, NodeTest, PathExpr, Postfix, PrimaryExpr, StepExpr, XPath,
};
use xot::xmlname::NameStrInfo;
use xot::{Node, Value, Xot};

/// Nodes that are visited, evaluations, and eighths of bytes that are read or made: some seconds at most.
pub(super) const MOST: f64 = 4e6;

/// Lookups in maps and arrays.
const LOOKUPS: u32 = 4;

/// Bytes of a short value: a number, a date.
const SHORT: f64 = 32.0;

/// What is counted in a document.
pub(super) struct Facts {
    nodes: f64,
    depth: f64,
    bytes: f64,
    /// Of the longest text: an attribute's, or the document's.
    longest: f64,
    /// How many elements and attributes have a local name, and the longest text that one of them holds.
    named: HashMap<String, (f64, f64)>,
}

impl Facts {
    /// Of no document: what a query comes to if there is nearly nothing to look at.
    pub(super) fn none() -> Self {
        Self { nodes: 1.0, depth: 1.0, bytes: 1.0, longest: 1.0, named: HashMap::new() }
    }

    pub(super) fn of(xot: &Xot, root: Node) -> Self {
        let mut facts = Self { nodes: 1.0, depth: 1.0, bytes: 0.0, longest: 1.0, named: HashMap::new() };
        // Elements that are open, with where their text began.
        let mut open: Vec<(Node, f64)> = vec![];
        for edge in xot.traverse(root) {
            match edge {
                xot::NodeEdge::Start(node) => {
                    facts.nodes += 1.0;
                    match xot.value(node) {
                        Value::Text(text) => facts.bytes += text.get().len() as f64,
                        Value::Element(_) => {
                            open.push((node, facts.bytes));
                            facts.depth = facts.depth.max(open.len() as f64 + 1.0);
                            for (name, value) in xot.attributes(node).iter() {
                                facts.nodes += 1.0;
                                facts.name(xot.local_name_str(name), value.len() as f64);
                            }
                            facts.nodes += xot.namespaces(node).len() as f64;
                        }
                        _ => {}
                    }
                }
                xot::NodeEdge::End(node) => {
                    if open.last().is_some_and(|(last, _)| *last == node)
                        && let (Some((_, before)), Some(element)) = (open.pop(), xot.element(node))
                    {
                        let length = facts.bytes - before;
                        facts.name(xot.local_name_str(element.name()), length);
                    }
                }
            }
        }
        facts.bytes = facts.bytes.max(1.0);
        facts.longest = facts.longest.max(facts.bytes);
        facts
    }

    fn name(&mut self, name: &str, length: f64) {
        self.longest = self.longest.max(length);
        match self.named.get_mut(name) {
            Some((count, longest)) => {
                *count += 1.0;
                *longest = longest.max(length);
            }
            None => drop(self.named.insert(name.to_owned(), (1.0, length))),
        }
    }

    /// How many nodes pass a test, and the longest text of one.
    fn pass(&self, test: &NodeTest) -> (f64, f64) {
        match test {
            NodeTest::NameTest(NameTest::Name(name)) => self.known(name.value.local_name()),
            NodeTest::NameTest(NameTest::LocalName(name)) => self.known(name),
            _ => (self.nodes, self.longest),
        }
    }

    fn known(&self, name: &str) -> (f64, f64) {
        self.named.get(name).copied().unwrap_or((1.0, 1.0))
    }
}

/// A sequence, summed over all evaluations of the expression that gives it.
#[derive(Clone, Copy)]
struct Seq {
    items: f64,
    /// How often one node of the document can be among them.
    repeat: f64,
    /// Of the texts of all items.
    bytes: f64,
    /// Of the longest text.
    longest: f64,
}

impl Seq {
    /// One value for each of so many evaluations.
    fn value(evaluations: f64, bytes: f64) -> Self {
        Self { items: evaluations, repeat: evaluations, bytes: bytes * evaluations, longest: bytes }
    }

    fn and(self, other: Self) -> Self {
        Self {
            items: self.items + other.items,
            repeat: self.repeat + other.repeat,
            bytes: self.bytes + other.bytes,
            longest: self.longest.max(other.longest),
        }
    }

    fn times(self, factor: f64) -> Self {
        let factor = factor.max(1.0);
        Self {
            items: self.items * factor,
            repeat: self.repeat * factor,
            bytes: self.bytes * factor,
            longest: self.longest,
        }
    }
}

/// What was bound (a variable, the context item) when its expression had been evaluated so often.
#[derive(Clone, Copy)]
struct Bound {
    seq: Seq,
    evaluations: f64,
}

impl Bound {
    fn read(self, evaluations: f64) -> Seq {
        self.seq.times(evaluations / self.evaluations.max(1.0))
    }
}

/// Measures a query over a document; where its predicates are that select nodes.
///
/// # Errors
/// What of it is not evaluated because nobody knows what it comes to, or that it is too much.
pub(super) fn check(query: &XPath, facts: &Facts) -> Result<Vec<Range<usize>>, String> {
    let mut meter = Meter { facts, work: 0.0, lookups: 0, selecting: vec![], variables: vec![] };
    let root = Seq { items: 1.0, repeat: 1.0, bytes: facts.bytes, longest: facts.bytes };
    meter.all(&query.0.value, 1.0, Bound { seq: root, evaluations: 1.0 })?;
    meter.within().map(|()| meter.selecting)
}

struct Meter<'f> {
    facts: &'f Facts,
    work: f64,
    lookups: u32,
    selecting: Vec<Range<usize>>,
    variables: Vec<(Name, Bound)>,
}

type Cost = Result<Seq, String>;

impl Meter<'_> {
    fn within(&self) -> Result<(), String> {
        if self.work <= MOST {
            return Ok(());
        }
        Err("it could take more than four million steps, so it is not evaluated; ask for less, such as a path that names what it wants".to_owned())
    }

    fn costs(&mut self, visits: f64, bytes: f64) -> Result<(), String> {
        self.work += visits + bytes / 8.0;
        self.within()
    }

    fn all(&mut self, expr: &Expr, c: f64, context: Bound) -> Cost {
        let mut sum = Seq { items: 0.0, repeat: 0.0, bytes: 0.0, longest: 0.0 };
        for single in &expr.0 {
            sum = sum.and(self.single(&single.value, c, context)?);
        }
        Ok(sum)
    }

    fn maybe(&mut self, expr: &ExprOrEmpty, c: f64, context: Bound) -> Cost {
        expr.as_ref().map_or(Ok(Seq::value(c, 0.0)), |expr| self.all(expr, c, context))
    }

    fn single(&mut self, expr: &ExprSingle, c: f64, context: Bound) -> Cost {
        self.costs(c, 0.0)?;
        match expr {
            ExprSingle::Path(path) => self.path(path, c, context),
            ExprSingle::Apply(apply) => {
                let mut seq = self.path(&apply.path_expr, c, context)?;
                match &apply.operator {
                    ApplyOperator::SimpleMap(paths) => {
                        for path in paths {
                            let item = Bound { seq, evaluations: seq.items };
                            seq = self.path(path, seq.items, item)?;
                        }
                    }
                    _ => self.costs(seq.items, seq.bytes)?,
                }
                Ok(seq)
            }
            ExprSingle::Let(one) => {
                let seq = self.single(&one.var_expr.value, c, context)?;
                self.with(&one.var_name.value, Bound { seq, evaluations: c }, |meter| {
                    meter.single(&one.return_expr.value, c, context)
                })
            }
            ExprSingle::For(one) => {
                let seq = self.single(&one.var_expr.value, c, context)?;
                self.with(&one.var_name.value, Bound { seq, evaluations: seq.items }, |meter| {
                    meter.single(&one.return_expr.value, seq.items.max(c), context)
                })
            }
            ExprSingle::Quantified(one) => {
                let seq = self.single(&one.var_expr.value, c, context)?;
                self.with(&one.var_name.value, Bound { seq, evaluations: seq.items }, |meter| {
                    meter.single(&one.satisfies_expr.value, seq.items.max(c), context)
                })?;
                Ok(Seq::value(c, SHORT))
            }
            ExprSingle::If(one) => {
                self.all(&one.condition.value, c, context)?;
                let then = self.single(&one.then.value, c, context)?;
                Ok(then.and(self.single(&one.else_.value, c, context)?))
            }
            ExprSingle::Binary(binary) => self.binary(binary, c, context),
        }
    }

    fn with(&mut self, name: &Name, bound: Bound, act: impl FnOnce(&mut Self) -> Cost) -> Cost {
        self.variables.push((name.clone(), bound));
        let seq = act(self);
        self.variables.pop();
        seq
    }

    fn binary(&mut self, binary: &BinaryExpr, c: f64, context: Bound) -> Cost {
        let left = self.path(&binary.left, c, context)?;
        let right = self.path(&binary.right, c, context)?;
        use BinaryOperator as Op;
        match binary.operator {
            Op::Range => {
                let most = match (number(&binary.left), number(&binary.right)) {
                    (Some(from), Some(to)) => (to - from + 1.0).max(1.0),
                    _ if counts(&binary.right) => self.facts.nodes + self.facts.bytes,
                    _ => return Err("the end of a range (`to`) has to be written down, or counted with `count`, `last` or `string-length`".to_owned()),
                };
                self.costs(c * most, 0.0)?;
                Ok(Seq { items: c * most, repeat: c * most, bytes: c * most * SHORT, longest: SHORT })
            }
            Op::GenEq | Op::GenNe | Op::GenLt | Op::GenLe | Op::GenGt | Op::GenGe => {
                // Each of the one with each of the other.
                let pairs = left.items * (right.items / c.max(1.0)).max(1.0);
                self.costs(pairs, left.bytes + right.bytes)?;
                Ok(Seq::value(c, SHORT))
            }
            Op::Union | Op::Intersect | Op::Except => {
                self.costs(left.items + right.items, 0.0)?;
                Ok(left.and(right))
            }
            _ => {
                self.costs(c, left.bytes + right.bytes)?;
                Ok(Seq::value(c, left.longest + right.longest + SHORT))
            }
        }
    }

    fn path(&mut self, path: &PathExpr, c: f64, context: Bound) -> Cost {
        let Some((first, rest)) = path.steps.split_first() else { return Ok(Seq::value(c, 0.0)) };
        let mut seq = self.step(&first.value, c, context)?;
        for step in rest {
            seq = match &step.value {
                StepExpr::AxisStep(step) => self.axis(step, seq, c)?,
                other => self.step(other, seq.items, Bound { seq, evaluations: seq.items })?,
            };
        }
        Ok(seq)
    }

    fn axis(&mut self, step: &AxisStep, from: Seq, c: f64) -> Cost {
        let (nodes, depth) = (self.facts.nodes, self.facts.depth);
        let (visits, repeat) = match step.axis {
            Axis::Self_ => (from.items, from.repeat),
            Axis::Child | Axis::Attribute | Axis::Namespace => (from.repeat.min(from.items) * nodes, from.repeat),
            Axis::Parent => (from.items, c),
            Axis::Descendant | Axis::DescendantOrSelf => {
                ((from.repeat * depth).min(from.items) * nodes, (from.repeat * depth).min(c))
            }
            Axis::Ancestor | Axis::AncestorOrSelf => (from.items * depth, c),
            Axis::Following | Axis::FollowingSibling | Axis::Preceding | Axis::PrecedingSibling => {
                (from.items * nodes, c)
            }
        };
        self.costs(visits, 0.0)?;
        let (count, longest) = self.facts.pass(&step.node_test);
        let items = visits.min(repeat * count);
        let bytes = (items * longest).min(repeat * depth * self.facts.bytes);
        let mut seq = Seq { items, repeat, bytes, longest };
        for predicate in &step.predicates {
            seq = self.filtered(seq, predicate)?;
        }
        Ok(seq)
    }

    fn filtered(&mut self, seq: Seq, predicate: &ExprS) -> Cost {
        if selects_nodes(&predicate.value) {
            self.selecting.push(predicate.span.into_range());
        }
        self.all(&predicate.value, seq.items, Bound { seq, evaluations: seq.items })?;
        Ok(seq)
    }

    fn step(&mut self, step: &StepExpr, c: f64, context: Bound) -> Cost {
        match step {
            StepExpr::AxisStep(step) => self.axis(step, context.read(c), c),
            StepExpr::PrimaryExpr(primary) => self.primary(&primary.value, c, context),
            StepExpr::PostfixExpr { primary, postfixes } => {
                let mut seq = self.primary(&primary.value, c, context)?;
                for postfix in postfixes {
                    seq = match postfix {
                        Postfix::Predicate(predicate) => self.filtered(seq, predicate)?,
                        Postfix::ArgumentList(_) => return Err(functions()),
                        Postfix::Lookup(_) => self.lookup(seq)?,
                    };
                }
                Ok(seq)
            }
        }
    }

    fn primary(&mut self, primary: &PrimaryExpr, c: f64, context: Bound) -> Cost {
        Ok(match primary {
            PrimaryExpr::Literal(Literal::String(text)) => Seq::value(c, text.len() as f64),
            PrimaryExpr::Literal(_) => Seq::value(c, SHORT),
            PrimaryExpr::VarRef(name) => {
                let bound = self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, bound)| *bound);
                bound.map_or(Seq::value(c, SHORT), |bound| bound.read(c))
            }
            PrimaryExpr::ContextItem => context.read(c),
            PrimaryExpr::UnaryLookup(_) => self.lookup(context.read(c))?,
            PrimaryExpr::Expr(inner) => self.maybe(&inner.value, c, context)?,
            PrimaryExpr::FunctionCall(call) => self.call(call, c, context)?,
            PrimaryExpr::MapConstructor(map) => {
                let mut sum = Seq::value(c, 0.0);
                for entry in &map.entries {
                    sum = sum.and(self.single(&entry.key.value, c, context)?);
                    sum = sum.and(self.single(&entry.value.value, c, context)?);
                }
                sum
            }
            PrimaryExpr::ArrayConstructor(ArrayConstructor::Square(items)) => self.all(&items.value, c, context)?,
            PrimaryExpr::ArrayConstructor(ArrayConstructor::Curly(items)) => self.maybe(&items.value, c, context)?,
            PrimaryExpr::NamedFunctionRef(_) | PrimaryExpr::InlineFunction(_) => return Err(functions()),
        })
    }

    fn lookup(&mut self, seq: Seq) -> Cost {
        // The evaluator makes twice as much of a query with each of them.
        self.lookups += 1;
        if self.lookups > LOOKUPS {
            return Err(format!("more than {LOOKUPS} lookups (`?name`) are not evaluated"));
        }
        Ok(seq)
    }

    fn call(&mut self, call: &FunctionCall, c: f64, context: Bound) -> Cost {
        let mut given = vec![];
        for argument in &call.arguments {
            given.push(self.single(&argument.value, c, context)?);
        }
        let name = call.name.value.local_name();
        if name == "root" {
            // Of one document there is one.
            let bytes = self.facts.bytes;
            return Ok(Seq { items: c, repeat: c, bytes: bytes * c, longest: bytes });
        }
        // What is not given is the context item.
        let subject = given.first().copied().unwrap_or_else(|| context.read(c));
        let sum = given.iter().skip(1).fold(subject, |sum, seq| sum.and(*seq));
        // Of values: that several are one text makes it as long as all of them.
        let joined = given.iter().map(|seq| if seq.items > c { seq.bytes } else { seq.longest }).sum::<f64>();
        let joined = if given.is_empty() { subject.longest } else { joined } + SHORT;
        self.costs(c + sum.items, sum.bytes)?;
        let result = match name {
            "count" | "exists" | "empty" | "boolean" | "not" | "position" | "last" | "string-length" | "number"
            | "true" | "false" | "contains" | "starts-with" | "ends-with" | "compare" | "local-name" | "name" => {
                Seq::value(c, SHORT)
            }
            "matches" | "replace" | "tokenize" | "analyze-string" => {
                let pattern = call.arguments.get(1).map(|argument| literal(&argument.value));
                if let Some(pattern) = pattern {
                    let pattern = pattern.ok_or("the pattern of a function has to be written down as a text")?;
                    let power = power(pattern)?;
                    self.costs(0.0, subject.bytes * subject.longest.max(1.0).powf(power - 1.0))?;
                }
                let grown = given.get(2).filter(|_| name == "replace").map_or(1.0, |by| by.longest + 1.0);
                let parts = match name {
                    "tokenize" => subject.bytes,
                    // Every byte can become an element with a text, which takes as long as many visits.
                    "analyze-string" => 8.0 * subject.bytes,
                    _ => 0.0,
                };
                Seq {
                    items: c + parts,
                    repeat: c + parts,
                    bytes: (subject.bytes + c) * grown,
                    longest: (subject.longest + 1.0) * grown,
                }
            }
            "string-to-codepoints" => {
                Seq { items: c + sum.bytes, repeat: c + sum.bytes, bytes: SHORT * sum.bytes, longest: SHORT }
            }
            "distinct-values" | "index-of" | "deep-equal" => {
                self.costs(sum.items * (sum.items / c.max(1.0)).max(1.0), 0.0)?;
                sum
            }
            _ => Seq { items: c + sum.items, repeat: c + sum.repeat, bytes: sum.bytes + SHORT * c, longest: joined },
        };
        self.costs(result.items, result.bytes)?;
        Ok(result)
    }
}

fn functions() -> String {
    "functions that are values (`function (…) {…}`, `name#1`, a call of a variable) are not evaluated".to_owned()
}

/// `true` if whatever is selected is a node.
fn selects_nodes(expr: &Expr) -> bool {
    let path = |path: &PathExpr| match path.steps.last().map(|step| &step.value) {
        Some(StepExpr::AxisStep(_)) => true,
        Some(StepExpr::PrimaryExpr(primary)) => {
            matches!(&primary.value, PrimaryExpr::Expr(inner) if inner.value.as_ref().is_some_and(selects_nodes))
        }
        _ => false,
    };
    !expr.0.is_empty()
        && expr.0.iter().all(|single| match &single.value {
            ExprSingle::Path(one) => path(one),
            ExprSingle::Binary(binary) => {
                matches!(binary.operator, BinaryOperator::Union | BinaryOperator::Intersect | BinaryOperator::Except)
            }
            _ => false,
        })
}

/// The one primary expression that a path is.
fn lone(path: &PathExpr) -> Option<&PrimaryExpr> {
    match path.steps.as_slice() {
        [step] => match &step.value {
            StepExpr::PrimaryExpr(primary) => match &primary.value {
                PrimaryExpr::Expr(inner) => match inner.value.as_ref()?.0.as_slice() {
                    [one] => match &one.value {
                        ExprSingle::Path(path) => lone(path),
                        _ => None,
                    },
                    _ => None,
                },
                primary => Some(primary),
            },
            _ => None,
        },
        _ => None,
    }
}

fn number(path: &PathExpr) -> Option<f64> {
    match lone(path)? {
        PrimaryExpr::Literal(Literal::Integer(number)) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn counts(path: &PathExpr) -> bool {
    matches!(lone(path), Some(PrimaryExpr::FunctionCall(call))
        if matches!(call.name.value.local_name(), "count" | "last" | "position" | "string-length"))
}

fn literal(expr: &ExprSingle) -> Option<&str> {
    match expr {
        ExprSingle::Path(path) => match lone(path)? {
            PrimaryExpr::Literal(Literal::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The power of the length of a text that a search for a pattern can take: the evaluator goes back and tries again.
///
/// # Errors
/// What of it could take for ever.
fn power(pattern: &str) -> Result<f64, String> {
    let refused = |what: &str| {
        Err(format!("the pattern `{pattern}` {what}, which can take for ever here; use a criterion of type regex"))
    };
    let mut groups: Vec<bool> = vec![];
    let mut power: f64 = if pattern.starts_with('^') { 0.0 } else { 1.0 };
    let mut closed = false;
    let mut chars = pattern.chars().peekable();
    while let Some(next) = chars.next() {
        let group = std::mem::take(&mut closed);
        match next {
            '\\' => {
                let escaped = chars.next();
                if escaped.is_some_and(|c| c.is_ascii_digit()) {
                    return refused("refers back to a group");
                }
            }
            '[' => {
                let mut depth = 1;
                while let (true, Some(next)) = (depth > 0, chars.next()) {
                    match next {
                        '\\' => drop(chars.next()),
                        '[' => depth += 1,
                        ']' => depth -= 1,
                        _ => {}
                    }
                }
            }
            '(' => groups.push(false),
            ')' => closed = groups.pop().unwrap_or(false),
            '|' => groups.iter_mut().for_each(|open| *open = true),
            '*' | '+' | '?' | '{' => {
                let bound = match next {
                    '?' => 1.0,
                    '{' => {
                        let inside: String = std::iter::from_fn(|| chars.next_if(|c| *c != '}')).collect();
                        let (from, to) = inside.split_once(',').unwrap_or((&inside, &inside));
                        if from == to { 0.0 } else { to.parse().unwrap_or(f64::INFINITY) }
                    }
                    _ => f64::INFINITY,
                };
                let repeats = bound > 1.0 || next == '{';
                if group && repeats {
                    return refused("repeats what repeats or has alternatives");
                }
                if bound > 9.0 {
                    power += 1.0;
                }
                groups.iter_mut().for_each(|open| *open = true);
                // `+?` tries the other way round.
                let _ = chars.next_if(|c| *c == '?');
            }
            _ => {}
        }
    }
    Ok(power.max(1.0))
}
