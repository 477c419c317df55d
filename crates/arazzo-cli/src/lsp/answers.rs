//! Answers to questions about a place: what stands there, where it is defined and used, what it may be called.

use std::collections::BTreeMap;
use std::path::Path;

use arazzo::diagnostics::{Sources, Span};
use arazzo::index::{Index, Offer, OfferKind, Outlined, Symbol, SymbolKind};
use gen_lsp_types::{
    CompletionItem, CompletionItemKind, CompletionItemTextEdit, Contents, DocumentSymbol, Documentation, Hover,
    InsertTextMode, Location, MarkupContent, MarkupKind, Position, Range, SymbolKind as LspSymbolKind, TextEdit,
};

use super::text::Lines;
use super::workspace::{View, Workspace, source_of};

impl View {
    fn symbol(&self) -> Option<(&Symbol, Span)> {
        self.index.at(self.source, self.offset)
    }
}

fn markdown(value: String) -> MarkupContent {
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

/// Visits every document that knows the symbol at a place.
fn everywhere(workspace: &Workspace, view: &View, mut visit: impl FnMut(&Index, &Symbol)) -> Option<()> {
    let (symbol, _) = view.symbol()?;
    let (path, range) = key(view.index.sources(), symbol)?;
    visit(&view.index, symbol);
    for document in workspace.documents() {
        let Some(index) = workspace.index(&document) else { continue };
        let Some(source) = source_of(index.sources(), &path) else { continue };
        if let Some(symbol) = index.defined_at(Span::new(source, range.clone())) {
            visit(&index, symbol);
        }
    }
    Some(())
}

/// Where what stands at a place is named, in all documents of the folders.
pub(super) fn references(workspace: &Workspace, path: &Path, position: Position, declared: bool) -> Vec<Location> {
    let mut found: Vec<Location> = vec![];
    for view in workspace.views(path, position) {
        let _ = everywhere(workspace, &view, |index, symbol| {
            for span in index.places(symbol).filter(|span| declared || *span != symbol.definition) {
                found.extend(workspace.location(index.sources(), span).filter(|place| !found.contains(place)));
            }
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
    let is_named = symbol.kind != SymbolKind::Operation;
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
    let _ = everywhere(workspace, view, |index, symbol| match index.rename(symbol, name) {
        Ok(found) => {
            for edit in found {
                let Some(place) = workspace.location(index.sources(), edit.span) else { continue };
                let edit = TextEdit { range: place.range, new_text: edit.text };
                let list = edits.entry(place.uri.0).or_default();
                if !list.contains(&edit) {
                    list.push(edit);
                }
            }
        }
        Err(reason) => refused = Some(reason.to_string()),
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

fn outlined(lines: &Lines<'_>, entry: &Outlined) -> DocumentSymbol {
    #[expect(deprecated, reason = "the type has no other way to be made")]
    DocumentSymbol {
        // Editors refuse symbols without a name.
        name: if entry.name.is_empty() { "?".to_owned() } else { entry.name.clone() },
        detail: (!entry.detail.is_empty()).then(|| entry.detail.clone()),
        kind: match entry.kind {
            SymbolKind::Source => LspSymbolKind::Module,
            SymbolKind::Workflow => LspSymbolKind::Function,
            SymbolKind::Step => LspSymbolKind::Method,
            SymbolKind::Input => LspSymbolKind::Variable,
            _ => LspSymbolKind::Field,
        },
        tags: None,
        deprecated: None,
        range: lines.range(entry.span.range()),
        selection_range: lines.range(entry.name_span.range()),
        children: (!entry.children.is_empty())
            .then(|| entry.children.iter().map(|child| outlined(lines, child)).collect()),
    }
}

/// Other lines that cannot be read, without which completion tries to read a text.
const BLANKED: usize = 4;

/// The index of a text; where it cannot be read, without some of the lines that keep it from being so, but for that of
/// the cursor. What is left keeps its place.
fn index_without(workspace: &Workspace, path: &Path, text: &str, offset: usize, most: usize) -> Option<Index> {
    let mut text = text.to_owned();
    for left in (0..=most).rev() {
        let open = |text: &str| workspace.open(path).document(path, text);
        if let Some(index) = open(&text).index().ok()? {
            return Some(index);
        }
        if left == 0 {
            break;
        }
        let checked = open(&text).structure().ok()?;
        let fault = checked.diagnostics.errors().find_map(|fault| fault.span)?.start as usize;
        let start = text.get(..fault)?.rfind('\n').map_or(0, |at| at + 1);
        let end = text.get(fault..)?.find('\n').map_or(text.len(), |length| fault + length);
        let line = text.get(start..end)?;
        if (start..=end).contains(&offset) || line.trim().is_empty() {
            break;
        }
        let blank = " ".repeat(line.len());
        text.replace_range(start..end, &blank);
    }
    None
}

/// A document with one workflow of one step: what an empty one may begin with.
const BEGINNING: &str = "\
arazzo: 1.0.1
info:
  title: A title
  version: '1'
sourceDescriptions:
  - name: api
    url: ./openapi.yaml
    type: openapi
workflows:
  - workflowId: main
    steps:
      - stepId: first
        operationId: \n";

/// What may be written at a place of a document: of a text that is being written, as it may be meant.
pub(super) fn completion(workspace: &Workspace, path: &Path, position: Position) -> Vec<CompletionItem> {
    let Some(buffer) = workspace.buffers.get(path) else { return vec![] };
    let lines = Lines::new(&buffer.text, workspace.encoding);
    let offset = lines.offset(position);
    let Ok(at) = u32::try_from(offset) else { return vec![] };
    let word = buffer.text.trim();
    if "arazzo:".starts_with(word) {
        let start = if word.is_empty() { offset } else { buffer.text.len() - buffer.text.trim_start().len() };
        let range = lines.range(start..start + word.len());
        return vec![CompletionItem {
            label: "arazzo".to_owned(),
            kind: Some(CompletionItemKind::Snippet),
            detail: Some("a document with one workflow".to_owned()),
            documentation: Some(Documentation::MarkupContent(markdown(format!("```yaml\n{BEGINNING}```")))),
            text_edit: Some(CompletionItemTextEdit::TextEdit(TextEdit { range, new_text: BEGINNING.to_owned() })),
            ..CompletionItem::default()
        }];
    }
    let repairs = arazzo::index::repairs(&buffer.text, offset);
    let plain = repairs.iter().map(|repair| (repair, 0));
    for (repair, blanked) in plain.chain(repairs.iter().map(|repair| (repair, BLANKED))) {
        let Some(index) = index_without(workspace, path, &repair.text, offset, blanked) else { continue };
        let offers = source_of(index.sources(), path).and_then(|source| index.offers(source, at));
        let Some(offers) = offers else { continue };
        let replaced = repair.original(offers.replaced.start as usize)..repair.original(offers.replaced.end as usize);
        let behind = buffer.text.get(replaced.end..).unwrap_or_default();
        let quoted = buffer.text.get(..replaced.start).is_some_and(|before| before.ends_with(['"', '\'']));
        let range = lines.range(replaced.clone());
        if range.start.line != range.end.line {
            return vec![];
        }
        let files =
            if offers.files { workspace.files_beside(path).into_iter().map(Offer::file).collect() } else { vec![] };
        let all = offers.offers.into_iter().chain(files).filter_map(|offer| {
            let below = below(&buffer.text, replaced.start, &offer)?;
            let is_field = offer.kind == OfferKind::Field;
            let colon = is_field && !quoted && !behind.trim_start_matches(' ').starts_with(':');
            let new_text = format!("{}{}{below}", offer.text, if colon { ": " } else { "" });
            Some(CompletionItem {
                label: offer.text,
                kind: Some(match offer.kind {
                    OfferKind::Field => CompletionItemKind::Field,
                    OfferKind::Operation => CompletionItemKind::Method,
                    OfferKind::Word => CompletionItemKind::EnumMember,
                    OfferKind::Member => CompletionItemKind::Property,
                    OfferKind::Entry => CompletionItemKind::Snippet,
                    OfferKind::File => CompletionItemKind::File,
                    _ => CompletionItemKind::Reference,
                }),
                detail: (!offer.detail.is_empty()).then_some(offer.detail),
                documentation: (!offer.about.is_empty()).then(|| Documentation::MarkupContent(markdown(offer.about))),
                // The lines are indented already.
                insert_text_mode: (!below.is_empty()).then_some(InsertTextMode::AsIs),
                text_edit: Some(CompletionItemTextEdit::TextEdit(TextEdit { range, new_text })),
                ..CompletionItem::default()
            })
        });
        // The order of the specification, and of the documents.
        let numbered = |(number, item): (usize, CompletionItem)| CompletionItem {
            sort_text: Some(format!("{number:05}")),
            ..item
        };
        return all.enumerate().map(numbered).collect();
    }
    vec![]
}

/// What is written below an offer: each line in the column in which the entry of its list begins; within braces all in one
/// line. Nothing where it cannot be written there.
fn below(text: &str, start: usize, offer: &Offer) -> Option<String> {
    let line = text.get(..start)?.rsplit('\n').next()?;
    if line.contains(['{', '[']) {
        let is_plain = |line: &String| !line.starts_with(' ') && !line.ends_with(':');
        return offer.below.iter().all(is_plain).then(|| offer.below.iter().map(|line| format!(", {line}")).collect());
    }
    let behind = line.trim_start_matches(' ');
    let dash = behind.len() - behind.trim_start_matches(['-', ' ']).len();
    let column = line.len() - behind.len() + dash;
    Some(offer.below.iter().map(|line| format!("\n{}{line}", " ".repeat(column))).collect())
}
