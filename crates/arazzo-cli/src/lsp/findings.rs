//! Diagnostics for the editor, and the fixes of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arazzo::Checked;
use arazzo::diagnostics::{self, Code, Severity, SourceId};
use gen_lsp_types::{
    Code as LspCode, CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag,
    Location, Message, Position, Range, TextEdit, Uri,
};

use super::text::Lines;
use super::workspace::{Workspace, source_of};
use crate::project::Project;
use crate::show::diagnostics::link;

/// What is to be said about a document, and about the texts that it uses.
#[derive(Default)]
pub(super) struct Findings {
    /// By the file that each stands in.
    pub(super) of_files: BTreeMap<PathBuf, Vec<Diagnostic>>,
    /// The files that were read for it.
    pub(super) read: Vec<PathBuf>,
    /// The findings of the document itself that can be repaired.
    pub(super) fixable: Vec<Fixable>,
    /// [`Workspace::changes`] when they were found.
    pub(super) of: u64,
}

/// A finding with the edit that repairs it.
pub(super) struct Fixable {
    pub(super) diagnostic: Diagnostic,
    pub(super) title: String,
    /// `true` if the document means the same afterwards.
    pub(super) exact: bool,
    pub(super) edit: TextEdit,
}

/// Everything that is said about a document; hints only where they are asked for.
pub(super) fn findings(workspace: &Workspace, path: &Path, hints: bool) -> Findings {
    let mut found = Findings { of: workspace.changes(), ..Findings::default() };
    found.of_files.insert(path.to_path_buf(), vec![]);
    let Ok(checked) = workspace.open(path).lint() else { return found };
    found.read = checked.sources.iter().filter_map(|(_, source)| Workspace::path_of(&source.uri)).collect();
    if !checked.parts.is_empty() {
        workspace.could_read(path);
    }
    let checked = as_the_project_wants(workspace, path, checked);
    for finding in &checked.diagnostics {
        if !is_shown(finding, hints) {
            continue;
        }
        let diagnostic = shown(workspace, &checked, finding);
        let source = finding.span.and_then(|span| checked.sources.get(span.source));
        let file = source.and_then(|source| Workspace::path_of(&source.uri)).unwrap_or_else(|| path.to_path_buf());
        if let Some((edit, fix)) = edit(workspace, &checked, &[finding]).zip(finding.fix.as_ref())
            && file == path
        {
            let diagnostic = diagnostic.clone();
            found.fixable.push(Fixable { diagnostic, title: fix.title.clone(), exact: fix.exact, edit });
        }
        found.of_files.entry(file).or_default().push(diagnostic);
    }
    found
}

fn is_shown(finding: &diagnostics::Diagnostic, hints: bool) -> bool {
    hints || finding.severity != Severity::Hint
}

/// The edit that makes all exact fixes of what is shown about a document.
pub(super) fn fix_all(workspace: &Workspace, path: &Path, hints: bool) -> Option<TextEdit> {
    let checked = as_the_project_wants(workspace, path, workspace.open(path).lint().ok()?);
    let exact = |finding: &&diagnostics::Diagnostic| finding.fix.as_ref().is_some_and(|fix| fix.exact);
    let shown = checked.diagnostics.iter().filter(|finding| is_shown(finding, hints));
    let wanted: Vec<&diagnostics::Diagnostic> = shown.filter(exact).collect();
    edit(workspace, &checked, &wanted)
}

/// The edit that passes what the step at a place has to pass and does not, and what it is called.
pub(super) fn missing_parameters(workspace: &Workspace, path: &Path, position: Position) -> Option<(String, TextEdit)> {
    let index = workspace.index(path)?;
    let source = source_of(index.sources(), path)?;
    let offset = Lines::new(&index.sources().get(source)?.text, workspace.encoding).offset(position);
    let (names, edit) = index.missing_parameters(source, u32::try_from(offset).ok()?)?;
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let title = match names.as_slice() {
        [name] => format!("add the missing parameter {name}"),
        names => format!("add the missing parameters {}", names.join(", ")),
    };
    Some((title, TextEdit { range: workspace.range(index.sources(), edit.span), new_text: edit.text }))
}

/// Leaves out and weighs what the file `arazzo.toml` of a folder that was opened says.
fn as_the_project_wants(workspace: &Workspace, path: &Path, mut checked: Checked) -> Checked {
    let project = Project::of(path).ok().flatten();
    let Some(mut project) = project.filter(|project| workspace.folder_of(project.path()).is_some()) else {
        return checked;
    };
    let mut kept = diagnostics::Diagnostics::default();
    for finding in &checked.diagnostics {
        let part = checked.find_part(finding);
        let part = part.map(|part| (part.workflow.as_str(), part.step.as_deref()));
        kept.extend(project.judge(path, finding.clone(), part).0);
    }
    checked.diagnostics = kept;
    checked
}

fn shown(workspace: &Workspace, checked: &Checked, finding: &diagnostics::Diagnostic) -> Diagnostic {
    let nothing = Position { line: 0, character: 0 };
    let range = finding.span.map(|span| workspace.range(&checked.sources, span));
    let mut message = finding.message.clone();
    for line in &finding.remarks {
        message += &format!("\n{line}");
    }
    if let Some(help) = &finding.help {
        message += &format!("\nhelp: {help}");
    }
    let related: Vec<DiagnosticRelatedInformation> = finding
        .notes
        .iter()
        .filter_map(|(span, message)| {
            let location: Location = workspace.location(&checked.sources, *span)?;
            Some(DiagnosticRelatedInformation { location, message: message.clone() })
        })
        .collect();
    Diagnostic {
        range: range.unwrap_or(Range { start: nothing, end: nothing }),
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::Error,
            Severity::Warning => DiagnosticSeverity::Warning,
            Severity::Hint => DiagnosticSeverity::Hint,
        }),
        code: Some(LspCode::String(finding.code.word().to_owned())),
        code_description: finding.section.map(|section| CodeDescription { href: Uri(link(section)) }),
        source: Some("arazzo".to_owned()),
        message: Message::String(message),
        tags: (finding.code == Code::UnusedName).then(|| vec![DiagnosticTag::Unnecessary]),
        related_information: (!related.is_empty()).then_some(related),
        data: None,
    }
}

/// The smallest edit of the document after which the fixes of these findings are made; nothing if there is none.
fn edit(workspace: &Workspace, checked: &Checked, wanted: &[&diagnostics::Diagnostic]) -> Option<TextEdit> {
    let text = &checked.sources.get(SourceId(0))?.text;
    let json = text.trim_start().starts_with('{');
    let fixed = diagnostics::fix(text, SourceId(0), json, wanted).text;
    super::outside::smallest(workspace, text, &fixed)
}
