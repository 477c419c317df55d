//! What stands at an offset of Arazzo documents, where it is defined and where it is used: what editors ask.
//!
//! An [`Index`] is made of what was loaded, and of nothing else: faults of a document do not keep the rest of it from
//! being found. `declare.rs` collects the names, `uses.rs` the places that name them, `about.rs` says what they are,
//! `offers.rs` what may be written at an offset, `entries.rs` what of it is written whole, `places.rs` where names stand,
//! `fields.rs` has the fields of each object, `repair.rs` makes a text that is being written one that can be read.

use std::collections::BTreeMap;

use crate::diagnostic::Edit;
use crate::load::Bundle;
use crate::node::Node;
use crate::source::{SourceId, Sources, Span};

mod about;
mod declare;
mod entries;
mod fields;
mod offers;
mod operations;
mod places;
mod repair;
mod uses;

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
    symbols: Vec<Symbol>,
    /// In the order of the texts.
    occurrences: Vec<Occurrence>,
}

impl Index {
    /// The index of everything that was loaded.
    #[must_use]
    pub fn new(bundle: Bundle) -> Self {
        let (symbols, mut occurrences) = uses::collect(&bundle);
        occurrences.sort_by_key(|found| (found.span.source, found.span.start, found.span.end, found.symbol));
        occurrences.dedup();
        Self { bundle, symbols, occurrences }
    }

    /// All texts; the first is the entry document.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.bundle.sources
    }

    /// All symbols, in no order that means anything.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The symbol that is named at a byte of a text, and the place of the name; the byte behind a name belongs to it, as
    /// a cursor does.
    #[must_use]
    pub fn at(&self, source: SourceId, offset: u32) -> Option<(&Symbol, Span)> {
        let around = |span: Span| span.source == source && (span.start..=span.end).contains(&offset);
        let found = self.occurrences.iter().filter(|found| around(found.span));
        // The one that begins here, not the one that ends here; of two, the shorter.
        let found = found.min_by_key(|found| (found.span.end == offset, found.span.end - found.span.start))?;
        Some((self.symbols.get(found.symbol)?, found.span))
    }

    /// Where what stands at a byte of a text is defined: a name, or the document that the url of a source description
    /// leads to, whose beginning that is.
    #[must_use]
    pub fn definition_at(&self, source: SourceId, offset: u32) -> Option<Span> {
        let around = |span: Span| span.source == source && (span.start..=span.end).contains(&offset);
        let described = || {
            let described = self.bundle.described.iter().find(|described| around(described.span))?;
            Some(Span::new(described.root.as_ref()?.span.source, 0..0))
        };
        self.at(source, offset).map(|(symbol, _)| symbol.definition).or_else(described)
    }

    /// The symbol that is defined at this place.
    #[must_use]
    pub fn defined_at(&self, definition: Span) -> Option<&Symbol> {
        self.symbols.iter().find(|symbol| symbol.definition == definition)
    }

    /// The places that name a symbol, its definition among them, in the order of the texts.
    pub fn places<'i>(&'i self, symbol: &Symbol) -> impl Iterator<Item = Span> + use<'i> {
        let definition = symbol.definition;
        let number = self.symbols.iter().position(move |known| known.definition == definition);
        self.occurrences.iter().filter(move |found| Some(found.symbol) == number).map(|found| found.span)
    }

    /// The edits that give a symbol another name in all of these texts.
    ///
    /// # Errors
    /// [`RenameRefused`] where that would change what the documents mean.
    pub fn rename(&self, symbol: &Symbol, name: &str) -> Result<Vec<Edit>, RenameRefused> {
        if symbol.kind == SymbolKind::Operation {
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
        self.symbols.iter().filter(move |other| {
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
        root.at(&crate::value::Pointer::of(tokens)).map(|node| node.span)
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

    /// Where the urls of source descriptions of an Arazzo document stand, and the texts that they lead to.
    #[must_use]
    pub fn links(&self, source: SourceId) -> Vec<(Span, SourceId)> {
        let own = self.bundle.described.iter().filter(|described| described.span.source == source);
        own.filter_map(|described| Some((described.span, described.root.as_ref()?.span.source))).collect()
    }

    /// Where the steps of an Arazzo document name operations, and the method and path of each.
    #[must_use]
    pub fn endpoints(&self, source: SourceId) -> Vec<(Span, String)> {
        let mut found = vec![];
        for (number, loaded) in self.bundle.documents.iter().enumerate() {
            if loaded.document.source != source {
                continue;
            }
            for step in loaded.document.workflows.iter().flat_map(|workflow| &workflow.steps) {
                if let (Some(id), Some(operation)) =
                    (&step.operation_id, operations::of_step(&self.bundle, number, step))
                {
                    found.push((id.span(), operation.endpoint()));
                }
            }
        }
        found
    }

    /// What is to be said about what stands at a byte of a text, in Markdown, and its place: the symbol that is named
    /// there, else the field of the specification, or the beginning of an expression.
    #[must_use]
    pub fn about(&self, source: SourceId, offset: u32) -> Option<(String, Span)> {
        if let Some((symbol, span)) = self.at(source, offset) {
            return Some((symbol.about.clone(), span));
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
