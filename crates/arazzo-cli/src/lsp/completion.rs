//! What may be written at a place of a document: of a text that is being written, as it may be meant.

use std::path::Path;

use arazzo::index::{Index, Offer, OfferKind};
use gen_lsp_types::{
    CompletionItem, CompletionItemKind, CompletionItemTextEdit, Documentation, InsertTextFormat, InsertTextMode,
    Position, TextEdit,
};

use super::answers::markdown;
use super::text::Lines;
use super::workspace::{Workspace, source_of};

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

/// A document with one workflow of one step, as a snippet: what an empty one may begin with.
const BEGINNING: &str = "\
arazzo: 1.0.1
info:
  title: ${1:A title}
  version: '${2:1}'
sourceDescriptions:
  - name: ${3:api}
    url: ${4:./openapi.yaml}
    type: ${5:openapi}
workflows:
  - workflowId: ${6:main}
    steps:
      - stepId: ${7:first}
        operationId: ${0}
";

/// A snippet without places to fill in.
fn filled_in(snippet: &str) -> String {
    let (mut text, mut rest) = (String::new(), snippet);
    while let Some((before, behind)) = rest.split_once("${") {
        let (place, after) = behind.split_once('}').unwrap_or((behind, ""));
        text += before;
        text += place.split_once(':').map_or("", |(_, usual)| usual);
        rest = after;
    }
    text + rest
}

/// `true` for a text that is no plain scalar of YAML.
fn needs_quotes(text: &str) -> bool {
    text.starts_with(['{', '[', '&', '*', '!', '|', '>', '%', '@', '`', '#'])
        || text.contains(": ")
        || text.contains(" #")
}

/// What a text that is empty, or has nothing but the beginning of its first word, may begin with.
fn beginning(text: &str, lines: &Lines<'_>, offset: usize, snippets: bool) -> Option<CompletionItem> {
    let word = text.trim();
    if "arazzo:".starts_with(word) {
        let start = if word.is_empty() { offset } else { text.len() - text.trim_start().len() };
        let range = lines.range(start..start + word.len());
        let plain = filled_in(BEGINNING);
        return Some(CompletionItem {
            label: "arazzo".to_owned(),
            kind: Some(CompletionItemKind::Snippet),
            detail: Some("a document with one workflow".to_owned()),
            documentation: Some(Documentation::MarkupContent(markdown(format!("```yaml\n{plain}```")))),
            insert_text_format: snippets.then_some(InsertTextFormat::Snippet),
            text_edit: Some(CompletionItemTextEdit::TextEdit(TextEdit {
                range,
                new_text: if snippets { BEGINNING.to_owned() } else { plain },
            })),
            ..CompletionItem::default()
        });
    }
    None
}

/// What may be written at a place of a document: of a text that is being written, as it may be meant.
pub(super) fn completion(
    workspace: &Workspace,
    path: &Path,
    position: Position,
    snippets: bool,
) -> Vec<CompletionItem> {
    let Some(buffer) = workspace.buffers.get(path) else { return vec![] };
    let lines = Lines::new(&buffer.text, workspace.encoding);
    let offset = lines.offset(position);
    let Ok(at) = u32::try_from(offset) else { return vec![] };
    if let Some(beginning) = beginning(&buffer.text, &lines, offset, snippets) {
        return vec![beginning];
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
        let place = Place {
            text: &buffer.text,
            start: replaced.start,
            // Behind a name nothing may follow yet, for a value to be written with it.
            snippets: snippets
                && !quoted
                && behind.split(['\n', '\r']).next().is_none_or(|rest| rest.trim().is_empty()),
            quoted,
            has_colon: behind.trim_start_matches(' ').starts_with(':'),
        };
        let item = |offer: Offer| {
            let (new_text, is_snippet, is_long) = place.written(&offer)?;
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
                insert_text_format: is_snippet.then_some(InsertTextFormat::Snippet),
                // The lines are indented already.
                insert_text_mode: is_long.then_some(InsertTextMode::AsIs),
                text_edit: Some(CompletionItemTextEdit::TextEdit(TextEdit { range, new_text })),
                ..CompletionItem::default()
            })
        };
        let all = offers.offers.into_iter().chain(files).filter_map(item);
        // The order of the specification, and of the documents.
        let numbered = |(number, item): (usize, CompletionItem)| CompletionItem {
            sort_text: Some(format!("{number:05}")),
            ..item
        };
        return all.enumerate().map(numbered).collect();
    }
    vec![]
}

/// Where an offer is written.
struct Place<'t> {
    text: &'t str,
    start: usize,
    /// The client knows snippets, and one can stand here.
    snippets: bool,
    quoted: bool,
    has_colon: bool,
}

impl Place<'_> {
    /// What is written for an offer, whether it is a snippet, and whether it has several lines. Nothing where it cannot be
    /// written there.
    fn written(&self, offer: &Offer) -> Option<(String, bool, bool)> {
        let line = self.text.get(..self.start)?.rsplit('\n').next()?;
        let in_braces = line.contains(['{', '[']);
        let behind = line.trim_start_matches(' ');
        let dash = behind.len() - behind.trim_start_matches(['-', ' ']).len();
        let indent = format!("\n{}", " ".repeat(line.len() - behind.len() + dash));
        if self.snippets && !in_braces && !offer.snippet.is_empty() {
            return Some((offer.snippet.join(&indent), true, offer.snippet.len() > 1));
        }
        let below = if in_braces {
            let is_plain = |line: &String| !line.starts_with(' ') && !line.ends_with(':');
            let all = offer.below.iter().all(is_plain);
            all.then(|| offer.below.iter().map(|line| format!(", {line}")).collect::<String>())?
        } else {
            offer.below.iter().map(|line| format!("{indent}{line}")).collect()
        };
        let is_name = offer.kind == OfferKind::Field;
        let colon = if is_name && !self.quoted && !self.has_colon { ": " } else { "" };
        let is_value = matches!(offer.kind, OfferKind::Operation | OfferKind::Name | OfferKind::File);
        let text = match is_value && !self.quoted && needs_quotes(&offer.text) {
            true => format!("'{}'", offer.text.replace('\'', "''")),
            false => offer.text.clone(),
        };
        Some((format!("{text}{colon}{below}"), false, !below.is_empty()))
    }
}
