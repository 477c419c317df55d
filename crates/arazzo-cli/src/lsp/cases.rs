//! What the test file of a document names of it: workflows, inputs, steps, outputs, source descriptions.

use std::path::Path;

use arazzo::diagnostics::{Sources, Span};
use arazzo::files::Reach;
use arazzo::index::{Index, Outlined, Symbol, SymbolKind};
use arazzo::values::{Node, parse_source};

use super::workspace::{Workspace, source_of};
use crate::find::test_file;

/// Bytes of the largest test file, as of documents.
const LARGEST: u64 = 16 << 20;

/// A test file that was read.
pub(super) struct TestFile {
    pub(super) sources: Sources,
    root: Node,
}

impl TestFile {
    /// The test file of a document of the folders; nothing if it has none.
    ///
    /// # Errors
    /// The reason why it cannot be read.
    pub(super) fn of(workspace: &Workspace, document: &Path) -> Result<Option<Self>, String> {
        let Some(path) = test_file(document) else { return Ok(None) };
        let Some(folder) = workspace.folder_of(&path) else { return Ok(None) };
        let unread = || format!("the test file `{}` cannot be read: mend it first", path.display());
        let text = match workspace.buffers.get(&path) {
            Some(buffer) => buffer.text.to_string(),
            None => Reach::new(folder).text(&path, LARGEST).map_err(|_| unread())?,
        };
        let uri = workspace.uri_of(&path).ok_or_else(unread)?;
        let mut sources = Sources::default();
        let id = sources.add(path.display().to_string(), uri, text);
        let root = parse_source(&sources, id, Default::default()).map_err(|_| unread())?;
        Ok(Some(Self { sources, root }))
    }

    /// Where the cases name a symbol that the index of the document knows.
    pub(super) fn mentions(&self, index: &Index, document: &Path, symbol: &Symbol) -> Vec<Span> {
        let Some(source) = source_of(index.sources(), document) else { return vec![] };
        let outline = index.outline(source);
        let workflows: Vec<&Outlined> = outline.iter().filter(|own| own.kind == SymbolKind::Workflow).collect();
        let mut found = Found { file: self, name: &symbol.name, spans: vec![] };
        for case in self.root.get("cases").map(Node::items).unwrap_or_default() {
            let named = case.get("workflow").and_then(Node::as_str);
            // A document with one workflow needs no name of it.
            let own = match named {
                Some(name) => workflows.iter().find(|workflow| workflow.name == name),
                None => workflows.first().filter(|_| workflows.len() == 1),
            };
            let Some(own) = own else { continue };
            let is_own = |kind: SymbolKind| {
                own.children.iter().any(|child| child.kind == kind && child.name_span == symbol.definition)
            };
            match symbol.kind {
                SymbolKind::Workflow if own.name_span == symbol.definition => found.value(case.get("workflow")),
                SymbolKind::Input if is_own(SymbolKind::Input) || is_shared(&outline, symbol) => {
                    ["inputs", "secrets"].iter().for_each(|field| found.keys(case.get(field)));
                }
                SymbolKind::Step if is_own(SymbolKind::Step) || is_only(index, own, symbol) => found.step(case),
                SymbolKind::WorkflowOutput if is_own(SymbolKind::WorkflowOutput) => {
                    let expect = case.get("expect");
                    let of = |field: &str| expect.and_then(|expect| expect.get(field));
                    ["outputs", "exactOutputs"].iter().for_each(|field| found.keys(of(field)));
                }
                SymbolKind::Source if symbol.definition.source == source => found.keys(case.get("servers")),
                _ => {}
            }
        }
        found.spans
    }
}

/// An input that no workflow of the document declares itself: one behind a `$ref`.
fn is_shared(outline: &[Outlined], symbol: &Symbol) -> bool {
    let within = |own: &Outlined| {
        own.span.source == symbol.definition.source && own.span.range().contains(&symbol.definition.range().start)
    };
    !outline.iter().any(within)
}

/// A step of a workflow that is called, if no other step is called so.
fn is_only(index: &Index, own: &Outlined, symbol: &Symbol) -> bool {
    let same = |other: &&Symbol| other.kind == SymbolKind::Step && other.name == symbol.name;
    let is_within =
        own.span.source == symbol.definition.source && own.span.range().contains(&symbol.definition.range().start);
    !is_within && index.symbols().iter().filter(same).count() == 1
}

/// The places of a name.
struct Found<'f> {
    file: &'f TestFile,
    name: &'f str,
    spans: Vec<Span>,
}

impl Found<'_> {
    fn step(&mut self, case: &Node) {
        ["replies", "messages"].iter().for_each(|field| self.keys(case.get(field)));
        let Some(expect) = case.get("expect") else { return };
        self.value(expect.get("step"));
        expect.get("path").map(Node::items).unwrap_or_default().iter().for_each(|step| self.value(Some(step)));
        for request in expect.get("requests").map(Node::items).unwrap_or_default() {
            self.value(request.get("step"));
        }
    }

    fn value(&mut self, node: Option<&Node>) {
        let Some(node) = node.filter(|node| node.as_str() == Some(self.name)) else { return };
        self.spans.push(node.part(&self.file.sources, 0..self.name.len()));
    }

    fn keys(&mut self, node: Option<&Node>) {
        for (key, _) in node.map(Node::members).unwrap_or_default().iter().filter(|(key, _)| key.name == self.name) {
            // Without quotes, which a plain name does not need.
            let written = self.file.sources.text(key.span);
            let start = key.span.start as usize + written.find(self.name).unwrap_or_default();
            self.spans.push(Span::new(key.span.source, start..start + self.name.len()));
        }
    }
}
