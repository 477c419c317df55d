//! Answers to questions about a place: what stands there, where it is defined and used, what it is called.

use std::collections::BTreeMap;
use std::path::Path;

use arazzo::diagnostics::{Sources, Span};
use arazzo::index::{Index, Outlined, Symbol, SymbolKind};
use gen_lsp_types::{
    Contents, DocumentSymbol, Hover, Location, MarkupContent, MarkupKind, Position, Range, SymbolKind as LspSymbolKind,
    TextEdit,
};
use serde_json::{Value, json};

use super::cases::TestFile;
use super::text::Lines;
use super::workspace::{View, Workspace, source_of};

impl View {
    fn symbol(&self) -> Option<(&Symbol, Span)> {
        self.index.at(self.source, self.offset)
    }
}

pub(super) fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

/// What stands at a place, in words.
pub(super) fn hover(workspace: &Workspace, path: &Path, position: Position) -> Option<Hover> {
    workspace.views(path, position).into_iter().find_map(|view| {
        let (about, span) = view.index.about(view.source, view.offset)?;
        let range = Some(workspace.range(view.index.sources(), span));
        Some(Hover { contents: Contents::MarkupContent(markdown(about)), range })
    })
}

/// Where what stands at a place is defined.
pub(super) fn definition(workspace: &Workspace, path: &Path, position: Position) -> Option<Location> {
    workspace.views(path, position).into_iter().find_map(|view| {
        let definition = view.index.definition_at(view.source, view.offset)?;
        workspace.location(view.index.sources(), definition)
    })
}

/// The definition of a symbol as every index finds it: the file, and its bytes there.
fn key(sources: &Sources, symbol: &Symbol) -> Option<(std::path::PathBuf, std::ops::Range<usize>)> {
    let path = Workspace::path_of(&sources.get(symbol.definition.source)?.uri)?;
    Some((path, symbol.definition.range()))
}

/// Visits every document that knows the symbol at a place; without a path, the one that was asked about, as it is.
fn everywhere(workspace: &Workspace, view: &View, mut visit: impl FnMut(Option<&Path>, &Index, &Symbol)) -> Option<()> {
    let (symbol, _) = view.symbol()?;
    let (path, range) = key(view.index.sources(), symbol)?;
    visit(None, &view.index, symbol);
    for document in workspace.documents() {
        let Some(index) = workspace.index(&document) else { continue };
        let Some(source) = source_of(index.sources(), &path) else { continue };
        if let Some(symbol) = index.defined_at(Span::new(source, range.clone())) {
            visit(Some(&document), &index, symbol);
        }
    }
    Some(())
}

/// Where the test file of a document names a symbol, by its uri.
fn tested(
    workspace: &Workspace,
    document: Option<&Path>,
    index: &Index,
    symbol: &Symbol,
) -> Result<Vec<Location>, String> {
    let Some(document) = document else { return Ok(vec![]) };
    let Some(file) = TestFile::of(workspace, document)? else { return Ok(vec![]) };
    let spans = file.mentions(index, document, symbol).into_iter();
    Ok(spans.filter_map(|span| workspace.location(&file.sources, span)).collect())
}

/// Where what stands at a place is named, in all documents of the folders.
pub(super) fn references(workspace: &Workspace, path: &Path, position: Position, declared: bool) -> Vec<Location> {
    let mut found: Vec<Location> = vec![];
    for view in workspace.views(path, position) {
        let _ = everywhere(workspace, &view, |document, index, symbol| {
            for span in index.places(symbol).filter(|span| declared || *span != symbol.definition) {
                found.extend(workspace.location(index.sources(), span).filter(|place| !found.contains(place)));
            }
            // One that cannot be read names nothing.
            let tested = tested(workspace, document, index, symbol).unwrap_or_default();
            found.extend(tested.into_iter().filter(|place| !found.contains(place)).collect::<Vec<_>>());
        });
        if !found.is_empty() {
            break;
        }
    }
    found
}

/// Where what stands at a place is named in the same document.
pub(super) fn highlights(workspace: &Workspace, path: &Path, position: Position) -> Vec<Range> {
    let Some(view) = workspace.views(path, position).into_iter().next() else { return vec![] };
    let Some((symbol, _)) = view.symbol() else { return vec![] };
    let own = view.index.places(symbol).filter(|span| span.source == view.source);
    own.map(|span| workspace.range(view.index.sources(), span)).collect()
}

/// The name at a place that can be given another one.
pub(super) fn renamed(workspace: &Workspace, path: &Path, position: Position) -> Option<(Range, String)> {
    let view = workspace.views(path, position).into_iter().find(|view| view.symbol().is_some())?;
    let (symbol, span) = view.symbol()?;
    let is_named = !matches!(symbol.kind, SymbolKind::Operation | SymbolKind::Channel);
    is_named.then(|| (workspace.range(view.index.sources(), span), symbol.name.clone()))
}

/// The edits that give what stands at a place another name, by file.
pub(super) fn rename(
    workspace: &Workspace,
    path: &Path,
    position: Position,
    name: &str,
) -> Result<BTreeMap<String, Vec<TextEdit>>, String> {
    if workspace.index(path).is_none() && workspace.buffers.contains_key(path) {
        return Err("the document cannot be read as it is: mend it first".to_owned());
    }
    let views = workspace.views(path, position);
    let Some(view) = views.iter().find(|view| view.symbol().is_some()) else {
        return Err("nothing that has a name stands here".to_owned());
    };
    let mut edits: BTreeMap<String, Vec<TextEdit>> = BTreeMap::new();
    let mut refused = None;
    let mut add = |place: Location, text: String| {
        let edit = TextEdit { range: place.range, new_text: text };
        let list = edits.entry(place.uri.0).or_default();
        if !list.contains(&edit) {
            list.push(edit);
        }
    };
    let _ = everywhere(workspace, view, |document, index, symbol| {
        match index.rename(symbol, name) {
            Ok(found) => {
                for edit in found {
                    if let Some(place) = workspace.location(index.sources(), edit.span) {
                        add(place, edit.text);
                    }
                }
            }
            Err(reason) => refused = Some(reason.to_string()),
        }
        match tested(workspace, document, index, symbol) {
            Ok(places) => places.into_iter().for_each(|place| add(place, name.to_owned())),
            Err(reason) => refused = Some(reason),
        }
    });
    match refused {
        Some(reason) => Err(reason),
        None => Ok(edits),
    }
}

/// The outline of a document.
pub(super) fn outline(workspace: &Workspace, path: &Path) -> Vec<DocumentSymbol> {
    let Some(index) = workspace.index_or_last(path) else { return vec![] };
    let Some(source) = source_of(index.sources(), path) else { return vec![] };
    let text = index.sources().get(source).map(|source| source.text.clone()).unwrap_or_default();
    let lines = Lines::new(&text, workspace.encoding);
    index.outline(source).iter().map(|entry| outlined(&lines, entry)).collect()
}

/// Names that an editor lists at once.
const LISTED: usize = 500;

/// The workflows and steps of all documents whose names have the letters of what is typed, in their order.
pub(super) fn everything(workspace: &Workspace, typed: &str) -> Vec<Value> {
    let typed = typed.to_lowercase();
    let is_asked = |name: &str| {
        let mut letters = typed.chars().peekable();
        for c in name.to_lowercase().chars() {
            letters.next_if_eq(&c);
        }
        letters.peek().is_none()
    };
    let mut found = vec![];
    for document in workspace.documents() {
        let Some(index) = workspace.index(&document) else { continue };
        let Some(source) = source_of(index.sources(), &document) else { continue };
        for workflow in index.outline(source).iter().filter(|entry| entry.kind == SymbolKind::Workflow) {
            let steps = workflow.children.iter().filter(|child| child.kind == SymbolKind::Step);
            for (entry, container) in std::iter::once((workflow, None)).chain(steps.map(|step| (step, Some(workflow))))
            {
                let Some(location) = workspace.location(index.sources(), entry.name_span) else { continue };
                if is_asked(&entry.name) && !entry.name.is_empty() {
                    let container = container.map(|workflow| workflow.name.as_str());
                    let (name, kind) = (&entry.name, kind_of(entry.kind));
                    found.push(json!({ "name": name, "kind": kind, "location": location, "containerName": container }));
                }
            }
        }
        if found.len() >= LISTED {
            break;
        }
    }
    found.truncate(LISTED);
    found
}

fn kind_of(kind: SymbolKind) -> LspSymbolKind {
    match kind {
        SymbolKind::Source => LspSymbolKind::Module,
        SymbolKind::Workflow => LspSymbolKind::Function,
        SymbolKind::Step => LspSymbolKind::Method,
        SymbolKind::Input => LspSymbolKind::Variable,
        _ => LspSymbolKind::Field,
    }
}

fn outlined(lines: &Lines<'_>, entry: &Outlined) -> DocumentSymbol {
    #[expect(deprecated, reason = "the type has no other way to be made")]
    DocumentSymbol {
        // Editors refuse symbols without a name.
        name: if entry.name.is_empty() { "?".to_owned() } else { entry.name.clone() },
        detail: (!entry.detail.is_empty()).then(|| entry.detail.clone()),
        kind: kind_of(entry.kind),
        tags: None,
        deprecated: None,
        range: lines.range(entry.span.range()),
        selection_range: lines.range(entry.name_span.range()),
        children: (!entry.children.is_empty())
            .then(|| entry.children.iter().map(|child| outlined(lines, child)).collect()),
    }
}
