//! What stands at an offset of Arazzo documents, where it is defined and where it is used: what editors ask.
//!
//! An [`Index`] is made of what was loaded, and of nothing else: faults of a document do not keep the rest of it from
//! being found. `declare.rs` collects the names, `uses.rs` the places that name them, `about.rs` says what they are,
//! `offers.rs` what may be written at an offset, `entries.rs` what of it is written whole, `places.rs` where names stand,
//! `fields.rs` has the fields of each object, `repair.rs` makes a text that is being written one that can be read.
//! `here.rs` is a place with the workflow and the step around it, `values.rs` what values there are, by their schemas,
//! `described.rs` what stands at an offset and is no name, `words.rs` criteria in words, `missing.rs` parameters that a step
//! does not pass.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use crate::diagnostic::Edit;
use crate::load::Bundle;
use crate::node::{Kind, Node};
use crate::source::{SourceId, Sources, Span};
use crate::value::Pointer;
use here::Here;

mod about;
mod declare;
mod described;
mod entries;
mod fields;
mod here;
mod missing;
mod offers;
mod operations;
mod places;
mod repair;
mod uses;
mod values;
mod words;

pub(crate) use fields::field_order;
pub use offers::{Offer, OfferKind, Offers};
pub use repair::{Repair, repairs};

/// The kind of thing that a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SymbolKind {
    /// A source description, by its `name`.
    Source,
    /// A workflow, by its `workflowId`.
    Workflow,
    /// A step, by its `stepId`.
    Step,
    /// An input of a workflow: a property of its schema.
    Input,
    /// An output of a step.
    Output,
    /// An output of a workflow.
    WorkflowOutput,
    /// An entry of `components`.
    Component,
    /// An operation of an API description.
    Operation,
    /// A channel of an API description.
    Channel,
}

impl SymbolKind {
    /// The kind in words: `step`, `source description`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source description",
            Self::Workflow => "workflow",
            Self::Step => "step",
            Self::Input => "input",
            Self::Output => "output",
            Self::WorkflowOutput => "output of a workflow",
            Self::Component => "component",
            Self::Operation => "operation",
            Self::Channel => "channel",
        }
    }
}

/// A name that documents define.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Symbol {
    /// What it stands for.
    pub kind: SymbolKind,
    /// The name.
    pub name: String,
    /// Where the name is defined: no two symbols have the same place.
    pub definition: Span,
    /// What it is, in Markdown.
    pub about: String,
}

/// A place where a symbol is named; its definition is one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Occurrence {
    span: Span,
    symbol: usize,
}

/// An entry of the outline of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outlined {
    /// What it is.
    pub kind: SymbolKind,
    /// Its name.
    pub name: String,
    /// A few words beside the name: what a step calls.
    pub detail: String,
    /// Where its name stands.
    pub name_span: Span,
    /// All of it.
    pub span: Span,
    /// What is in it.
    pub children: Vec<Self>,
}

/// Why a name cannot be given another one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenameRefused {
    /// Nothing with a name stands there.
    Nothing,
    /// Operations are named by their API description.
    Operation,
    /// The new name cannot be written where the old one is.
    Name(String),
    /// Another one is called so.
    Taken(String),
    /// A place where the name is written with escapes.
    Escaped(Span),
}

impl std::fmt::Display for RenameRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => write!(f, "nothing that has a name stands here"),
            Self::Operation => write!(f, "an operation is renamed in its API description"),
            Self::Name(name) => {
                write!(f, "`{name}` is no name: use letters, digits, `-` and `_`, and begin with a letter")
            }
            Self::Taken(name) => write!(f, "another one is called `{name}`"),
            Self::Escaped(_) => write!(f, "the name is written with escapes in one place; write it plainly first"),
        }
    }
}

/// The names of a description: of its Arazzo documents, with the operations that they call.
#[derive(Debug)]
pub struct Index {
    bundle: Bundle,
    /// Collected when they are asked for first: what may be written at a place needs none of them.
    names: OnceLock<Names>,
}

#[derive(Debug)]
struct Names {
    symbols: Vec<Symbol>,
    /// In the order of the texts.
    occurrences: Vec<Occurrence>,
}

impl Index {
    /// The index of everything that was loaded.
    #[must_use]
    pub fn new(bundle: Bundle) -> Self {
        Self { bundle, names: OnceLock::new() }
    }

    fn names(&self) -> &Names {
        self.names.get_or_init(|| {
            let (symbols, mut occurrences) = uses::collect(&self.bundle);
            occurrences.sort_by_key(|found| (found.span.source, found.span.start, found.span.end, found.symbol));
            occurrences.dedup();
            Names { symbols, occurrences }
        })
    }

    /// All texts; the first is the entry document.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.bundle.sources
    }

    /// All symbols, in no order that means anything.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.names().symbols
    }

    /// The symbol that is named at a byte of a text, and the place of the name; the byte behind a name belongs to it, as
    /// a cursor does.
    #[must_use]
    pub fn at(&self, source: SourceId, offset: u32) -> Option<(&Symbol, Span)> {
        let around = |span: Span| span.source == source && (span.start..=span.end).contains(&offset);
        let found = self.names().occurrences.iter().filter(|found| around(found.span));
        // The one that begins here, not the one that ends here; of two, the shorter.
        let found = found.min_by_key(|found| (found.span.end == offset, found.span.end - found.span.start))?;
        Some((self.names().symbols.get(found.symbol)?, found.span))
    }

    /// Where what stands at a byte of a text is defined: a name; the document that the url of a source description leads
    /// to, whose beginning that is; the target of a `$ref`; where an API description says what a value, a parameter or a
    /// member of a payload is.
    #[must_use]
    pub fn definition_at(&self, source: SourceId, offset: u32) -> Option<Span> {
        let around = |span: Span| span.source == source && (span.start..=span.end).contains(&offset);
        let described = || {
            let described = self.bundle.described.iter().find(|described| around(described.span))?;
            Some(Span::new(described.root.as_ref()?.span.source, 0..0))
        };
        let linked = || self.references(source).into_iter().find(|(span, _)| around(*span)).map(|(_, to)| to);
        let value = || described::described(&self.bundle, source, offset)?.place;
        let named = self.at(source, offset).map(|(symbol, _)| symbol.definition);
        named.or_else(described).or_else(linked).or_else(value)
    }

    /// The symbol that is defined at this place.
    #[must_use]
    pub fn defined_at(&self, definition: Span) -> Option<&Symbol> {
        self.names().symbols.iter().find(|symbol| symbol.definition == definition)
    }

    /// The places that name a symbol, its definition among them, in the order of the texts.
    pub fn places<'i>(&'i self, symbol: &Symbol) -> impl Iterator<Item = Span> + use<'i> {
        let definition = symbol.definition;
        let number = self.names().symbols.iter().position(move |known| known.definition == definition);
        self.names().occurrences.iter().filter(move |found| Some(found.symbol) == number).map(|found| found.span)
    }

    /// The edits that give a symbol another name in all of these texts.
    ///
    /// # Errors
    /// [`RenameRefused`] where that would change what the documents mean.
    pub fn rename(&self, symbol: &Symbol, name: &str) -> Result<Vec<Edit>, RenameRefused> {
        if matches!(symbol.kind, SymbolKind::Operation | SymbolKind::Channel) {
            return Err(RenameRefused::Operation);
        }
        if !is_plain_name(name) {
            return Err(RenameRefused::Name(name.to_owned()));
        }
        let mut edits = vec![];
        for span in self.places(symbol) {
            if self.sources().text(span) != symbol.name {
                return Err(RenameRefused::Escaped(span));
            }
            edits.push(Edit { span, text: name.to_owned() });
        }
        if name != symbol.name && self.siblings(symbol).any(|other| other.name == name) {
            return Err(RenameRefused::Taken(name.to_owned()));
        }
        Ok(edits)
    }

    /// The symbols that may not have the same name: those of the same kind in the same list or object.
    fn siblings<'i>(&'i self, symbol: &'i Symbol) -> impl Iterator<Item = &'i Symbol> {
        let own = self.list_around(symbol.definition);
        self.names().symbols.iter().filter(move |other| {
            other.kind == symbol.kind && own.is_some() && self.list_around(other.definition) == own
        })
    }

    /// The list or object whose members have names like the one at `span`: where its definitions stand.
    fn list_around(&self, span: Span) -> Option<Span> {
        let root = self.root(span.source)?;
        let standing = root.standing_at(span.start)?;
        let mut tokens = standing.pointer.tokens().to_vec();
        tokens.pop();
        // The name of a list's entry stands one level deeper than that of a member.
        if standing.key.is_none() {
            tokens.pop();
        }
        root.at(&Pointer::of(tokens)).map(|node| node.span)
    }

    /// The workflows and steps of an Arazzo document, with what else it names.
    #[must_use]
    pub fn outline(&self, source: SourceId) -> Vec<Outlined> {
        self.bundle
            .documents
            .iter()
            .find(|loaded| loaded.document.source == source)
            .map(|loaded| about::outline(&loaded.document, &self.bundle.sources))
            .unwrap_or_default()
    }

    /// Where the urls of source descriptions of an Arazzo document stand, and its `$ref`, and the places that they lead to:
    /// of a document its beginning.
    #[must_use]
    pub fn links(&self, source: SourceId) -> Vec<(Span, Span)> {
        let own = self.bundle.described.iter().filter(|described| described.span.source == source);
        let whole = own.filter_map(|d| Some((d.span, Span::new(d.root.as_ref()?.span.source, 0..0))));
        whole.chain(self.references(source)).collect()
    }

    /// The `$ref` in schemas of an Arazzo document, and their targets in it.
    fn references(&self, source: SourceId) -> Vec<(Span, Span)> {
        let mut found = vec![];
        let Some(root) = self.root(source) else { return found };
        let workflows = root.get("workflows").map(Node::items).unwrap_or_default().iter();
        let components = root.get("components").and_then(|components| components.get("inputs"));
        let mut left: Vec<&Node> = workflows.filter_map(|workflow| workflow.get("inputs")).chain(components).collect();
        while let Some(node) = left.pop() {
            match &node.kind {
                Kind::Object(members) => left.extend(members.iter().map(|(_, value)| value)),
                Kind::Array(items) => left.extend(items),
                _ => continue,
            }
            let Some(reference) = node.get("$ref").filter(|node| node.span.source == source) else { continue };
            let Some(text) = reference.as_str() else { continue };
            let target = text.strip_prefix('#').and_then(|way| root.at(&Pointer::parse(way)));
            found.extend(target.map(|target| (reference.part(self.sources(), 0..text.len()), target.span)));
        }
        found.sort_by_key(|(span, _)| span.start);
        found
    }

    /// Words that belong behind what is written in these bytes of an Arazzo document: method and path of the operations
    /// that steps name, the types of outputs.
    #[must_use]
    pub fn notes(&self, source: SourceId, within: Range<u32>) -> Vec<(Span, String)> {
        let mut found = vec![];
        let is_asked = |span: Span| span.source == source && within.start <= span.end && span.start <= within.end;
        for (number, loaded) in self.bundle.documents.iter().enumerate() {
            let document = &loaded.document;
            if document.source != source {
                continue;
            }
            for workflow in document.workflows.iter().filter(|workflow| is_asked(workflow.span)) {
                let here = Here { bundle: &self.bundle, number, document, workflow: Some(workflow), step: None };
                let mut outputs = |here: Here<'_>, list: &[crate::document::Output]| {
                    for output in list.iter().filter(|output| is_asked(output.value.span)) {
                        let kind = here.written(&output.value).and_then(|value| value.type_words());
                        found.extend(kind.map(|kind| (output.value.span, kind)));
                    }
                };
                for step in &workflow.steps {
                    outputs(Here { step: Some(step), ..here }, &step.outputs);
                }
                outputs(here, &workflow.outputs);
                for step in &workflow.steps {
                    let Some(id) = step.operation_id.as_ref().filter(|id| is_asked(id.span())) else { continue };
                    let operation = operations::of_step(&self.bundle, number, step);
                    found.extend(operation.map(|operation| (id.span(), operation.endpoint())));
                }
            }
        }
        found.sort_by_key(|(span, _)| span.start);
        found
    }

    /// The edit that passes the parameters that an operation needs and the step around a byte of a text does not pass, with
    /// their names; nothing where none is missing.
    #[must_use]
    pub fn missing_parameters(&self, source: SourceId, offset: u32) -> Option<(Vec<String>, Edit)> {
        missing::parameters(&self.bundle, source, offset)
    }

    /// What is to be said about what stands at a byte of a text, in Markdown, and its place: the symbol that is named
    /// there, else the value that is read, the parameter, the member of a payload or the condition, else the field of the
    /// specification, or the beginning of an expression.
    #[must_use]
    pub fn about(&self, source: SourceId, offset: u32) -> Option<(String, Span)> {
        if let Some((symbol, span)) = self.at(source, offset) {
            let value = self.output_value(symbol).map(|value| format!("\n\n{value}")).unwrap_or_default();
            return Some((format!("{}{value}", symbol.about), span));
        }
        let described = described::described(&self.bundle, source, offset);
        if let Some((about, span)) = described.and_then(|found| Some((found.about?, found.span))) {
            return Some((about, span));
        }
        let standing = self.root(source)?.standing_at(offset)?;
        let Some(key) = standing.key else {
            let within = standing.node.offset_within(self.sources(), offset)?;
            let (words, range) = offers::root_at(standing.node.as_str()?, within)?;
            return Some((words, standing.node.part(self.sources(), range)));
        };
        let (own, object) = standing.pointer.tokens().split_last()?;
        let field = fields::Object::at(object)?.field(own)?;
        Some((format!("`{}`\n\n{}", field.name, field.words), key.span))
    }

    /// What the value of an output is, in Markdown.
    fn output_value(&self, symbol: &Symbol) -> Option<String> {
        if !matches!(symbol.kind, SymbolKind::Output | SymbolKind::WorkflowOutput) {
            return None;
        }
        let (here, standing) = Here::at(&self.bundle, symbol.definition.source, symbol.definition.start)?;
        here.written(standing.node)?.about()
    }

    /// What may be written at a byte of a text.
    #[must_use]
    pub fn offers(&self, source: SourceId, offset: u32) -> Option<Offers> {
        offers::offers(&self.bundle, source, offset)
    }

    /// The tree of an Arazzo document.
    fn root(&self, source: SourceId) -> Option<&Node> {
        let loaded = self.bundle.documents.iter().find(|loaded| loaded.document.source == source);
        loaded.map(|loaded| &*loaded.document.root)
    }
}

/// `true` for a name that means the same in a plain scalar of YAML, in quotes, and in an expression.
fn is_plain_name(name: &str) -> bool {
    let word = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    word && begins && !["true", "false", "null"].contains(&name.to_ascii_lowercase().as_str())
}

/// Numbers of symbols by their names.
type Named = BTreeMap<String, usize>;
