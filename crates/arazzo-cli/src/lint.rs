//! `arazzo lint`: what is wrong with documents, said before anything runs, and repaired where it can be.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use arazzo::diagnostics::{Category, Code, Diagnostic, Place, Severity, SourceId, Sources, fix};
use arazzo::{Checked, Error};

use crate::document_files::{DocumentFile, document_files};
use crate::exit;
use crate::find::{is_openapi, is_test_file};
use crate::flags::{DenyFlag, Fixes, Format, LintFlags, Only};
use crate::meant;
use crate::project::Project;
use crate::remedies;
use crate::show::{Screen, diagnostics};

/// The number of times that fixes are looked for again in what was repaired.
const PASSES: usize = 10;

/// The findings of all documents.
#[derive(Default)]
struct Tally {
    errors: usize,
    warnings: usize,
    hints: usize,
    hidden: usize,
    /// The findings, by their place, code and words.
    said: HashSet<String>,
    ignored: usize,
    fixable: usize,
    /// The parts of what is printed at the end: JSON and SARIF are one value.
    collected: Vec<(Diagnostic, Sources)>,
    objects: Vec<arazzo::values::Json>,
    /// What was repaired, likewise.
    repairs: Vec<arazzo::values::Json>,
    refused: bool,
    /// `true` if `--diff` showed how a document with errors would be repaired.
    unwritten: bool,
}

/// Runs the command; the result is the exit code: 0 if no document has an error, 3 if one has.
pub(crate) fn lint(flags: &LintFlags, screen: &mut Screen) -> u8 {
    let inputs = match inputs(flags) {
        Ok(inputs) => inputs,
        Err(message) => {
            screen.fault("setup", &message, None);
            return exit::USAGE;
        }
    };
    if inputs.is_empty() {
        screen.fault(
            "nothing-ran",
            "there are no Arazzo documents there",
            Some("they are found by `arazzo:` at their root"),
        );
        return exit::NOTHING;
    }
    let mut projects: Vec<Project> = vec![];
    let mut tally = Tally::default();
    for input in &inputs {
        let project = match project(flags, &input.path, &mut projects) {
            Ok(project) => project,
            Err(error) => return screen.error(&error),
        };
        if let Err(code) = document(flags, input, project, &mut tally, screen) {
            return code;
        }
    }
    let folders: Vec<&Path> = flags.documents.iter().map(PathBuf::as_path).filter(|path| path.is_dir()).collect();
    let unused = projects.iter().flat_map(|project| project.unused(&folders));
    // What only a part was looked at may be needed for the rest.
    for (diagnostic, sources) in unused.filter(|_| is_whole(flags)) {
        if let Err(code) = tally.say(flags, diagnostic, &sources, None, screen) {
            return code;
        }
    }
    if let Err(code) = tally.finish(flags, inputs.len(), screen) {
        return code;
    }
    match (tally.refused, tally.errors) {
        (true, _) => exit::REFUSED,
        (false, 0) if !tally.unwritten => exit::SUCCEEDED,
        _ => exit::DOCUMENT,
    }
}

/// Looks at one document, repairs it if that was asked for, and says what is left.
fn document(
    flags: &LintFlags,
    input: &DocumentFile,
    mut project: Option<&mut Project>,
    tally: &mut Tally,
    screen: &mut Screen,
) -> Result<(), u8> {
    let mut checked = check(flags, input, None).map_err(|error| screen.error(&error))?;
    // A document that cannot be read has no parts.
    if let Some(project) = project.as_mut().filter(|_| !checked.parts.is_empty()) {
        project.meets(&input.path);
    }
    let mut left = judged(&checked, &input.path, flags.deny, project.as_deref_mut());
    // What is only shown is not repaired: the document is as wrong as it was.
    tally.unwritten |=
        flags.diff && left.found.iter().any(|(d, _)| d.severity == Severity::Error && is_shown(flags, d));
    if let Some(which) = flags.fixes() {
        let repaired = repair(flags, input, which, &mut checked, &mut left, project, screen)?;
        if let Some(Repaired { before, after, made }) = repaired {
            // What is asked for on standard output is the document, also where nothing is to be repaired.
            if before != after || input.text.is_some() && !flags.diff {
                write(flags, input, &before, &after, screen)?;
            }
            made.iter().for_each(|made| screen.line(&made.line(flags.diff)));
            tally.repairs.extend(made.iter().map(Made::object));
        }
    }
    tally.ignored += checked.ignored + left.ignored;
    tally.refused |= checked.diagnostics.has_refusals();
    for (diagnostic, part) in left.found {
        // Another document may lead to the one that it stands in.
        let place = diagnostic.place(&checked.sources);
        let said = |p: Place| format!("{}:{}:{} {} {}", p.file, p.line, p.column, diagnostic.code, diagnostic.message);
        if place.is_some_and(|place| !tally.said.insert(said(place))) {
            continue;
        }
        let part = part.as_ref().map(|(workflow, step)| (workflow.as_str(), step.as_deref()));
        tally.say(flags, diagnostic, &checked.sources, part, screen)?;
    }
    Ok(())
}

/// The workflow and step that a diagnostic stands in.
pub(crate) type Within = Option<(String, Option<String>)>;

/// The diagnostics that the project leaves.
#[derive(Default)]
pub(crate) struct Judged {
    pub(crate) found: Vec<(Diagnostic, Within)>,
    ignored: usize,
}

/// The findings as the flags and the project of a document weigh them.
pub(crate) fn judged(checked: &Checked, document: &Path, deny: DenyFlag, mut project: Option<&mut Project>) -> Judged {
    let mut judged = Judged::default();
    for diagnostic in &checked.diagnostics {
        let part = checked.find_part(diagnostic).map(|part| (part.workflow.clone(), part.step.clone()));
        let Some(project) = &mut project else {
            judged.found.push((deny.weigh(diagnostic.clone()), part));
            continue;
        };
        let place = part.as_ref().map(|(workflow, step)| (workflow.as_str(), step.as_deref()));
        let (kept, ignored) = project.judge(document, diagnostic.clone(), place);
        judged.ignored += usize::from(ignored);
        judged.found.extend(kept.map(|kept| (deny.weigh(kept), part)));
    }
    judged
}

/// A document with the fixes that were made in it.
struct Repaired {
    before: String,
    after: String,
    made: Vec<Made>,
}

/// A fix that was made.
struct Made {
    code: Code,
    /// Where it was, in the text that it was made in; `None` if the whole document is meant.
    place: Option<(String, u32, u32)>,
    title: String,
}

impl Made {
    fn of(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        Self {
            code: diagnostic.code,
            place: diagnostic.place(sources).map(|place| (place.file.to_owned(), place.line, place.column)),
            title: diagnostic.fix.as_ref().map(|fix| fix.title.clone()).unwrap_or_default(),
        }
    }

    /// For people; `true` if it is only shown.
    fn line(&self, shown: bool) -> String {
        let place = self.place.as_ref().map(|(file, line, column)| format!("{file}:{line}:{column}"));
        let word = if shown { "would fix" } else { "fixed" };
        format!("{word} {} [{}] {}", place.unwrap_or_default(), self.code, self.title)
    }

    /// For programs.
    fn object(&self) -> arazzo::values::Json {
        let (file, line, column) = match &self.place {
            Some((file, line, column)) => (Some(file), Some(line), Some(column)),
            None => (None, None, None),
        };
        arazzo::json!({
            "code": self.code.to_string(), "title": self.title, "file": file, "line": line, "column": column,
        })
    }
}

/// Makes fixes until there are no more; nothing if there is no text.
fn repair(
    flags: &LintFlags,
    input: &DocumentFile,
    which: Fixes,
    checked: &mut Checked,
    left: &mut Judged,
    mut project: Option<&mut Project>,
    screen: &mut Screen,
) -> Result<Option<Repaired>, u8> {
    let Some(before) = checked.sources.get(SourceId(0)).map(|source| source.text.to_string()) else { return Ok(None) };
    let json = before.trim_start().starts_with('{') && input.path.extension().is_none_or(|e| e == "json");
    let (mut text, mut fixes) = (before.clone(), vec![]);
    for _ in 0..PASSES {
        let wanted: Vec<Diagnostic> = left
            .found
            .iter()
            .map(|(diagnostic, _)| diagnostic)
            .filter(|d| d.fix.as_ref().is_some_and(|fix| fix.exact || which == Fixes::All))
            .filter(|d| is_shown(flags, d))
            .cloned()
            .collect();
        let errors = checked.diagnostics.errors().count();
        let mut made = false;
        // All at once; where that makes anything worse, each on its own.
        let all: Vec<&Diagnostic> = wanted.iter().collect();
        let single: Vec<Vec<&Diagnostic>> = wanted.iter().map(|one| vec![one]).collect();
        for attempt in std::iter::once(all).chain(single) {
            let fixed = fix(&text, SourceId(0), json, &attempt);
            if fixed.made.is_empty() || fixed.text == text {
                continue;
            }
            let again = check(flags, input, Some(&fixed.text)).map_err(|error| screen.error(&error))?;
            // Errors that nobody sees behind one of syntax would count as repaired.
            let unread = arazzo::parse_values(&input.path.to_string_lossy(), &fixed.text).is_err();
            if unread || again.diagnostics.errors().count() > errors {
                continue;
            }
            let fixed_ones = fixed.made.iter().filter_map(|index| attempt.get(*index));
            fixes.extend(fixed_ones.map(|diagnostic| Made::of(diagnostic, &checked.sources)));
            text = fixed.text;
            *checked = again;
            *left = judged(checked, &input.path, flags.deny, project.as_deref_mut());
            made = true;
            break;
        }
        if !made {
            break;
        }
    }
    Ok(Some(Repaired { before, after: text, made: fixes }))
}

/// Writes what was repaired, or shows it.
fn write(flags: &LintFlags, input: &DocumentFile, before: &str, after: &str, screen: &mut Screen) -> Result<(), u8> {
    if flags.diff {
        return screen.data(&input.difference(before, after)).map_err(|_| exit::OUTPUT);
    }
    if input.text.is_some() {
        return screen.data(after.strip_suffix('\n').unwrap_or(after)).map_err(|_| exit::OUTPUT);
    }
    input.replace(before, after).map_err(|error| {
        screen.fault("output", &format!("the fixes could not be written: {error}"), None);
        exit::OUTPUT
    })
}

/// `true` if standard output is a repaired document: nothing else stands there.
fn prints_document(flags: &LintFlags) -> bool {
    flags.fixes().is_some() && !flags.diff && flags.documents.iter().any(|path| path.as_os_str() == "-")
}

/// `true` if everything is looked at.
fn is_whole(flags: &LintFlags) -> bool {
    !flags.no_sources && flags.only != [Only::Structure]
}

/// `true` if a diagnostic is among those that were asked for.
fn is_shown(flags: &LintFlags, diagnostic: &Diagnostic) -> bool {
    let asked = |category: Category| flags.only.iter().any(|only| only.category() == category);
    if !flags.only.is_empty() {
        // What keeps a document from being read is said whatever was asked for.
        let unread = diagnostic.span.is_none() || matches!(diagnostic.code, Code::YamlSyntax | Code::JsonSyntax);
        return unread || asked(diagnostic.code.category());
    }
    flags.hints || diagnostic.severity != Severity::Hint
}

impl Tally {
    fn say(
        &mut self,
        flags: &LintFlags,
        diagnostic: Diagnostic,
        sources: &Sources,
        part: Option<(&str, Option<&str>)>,
        screen: &mut Screen,
    ) -> Result<(), u8> {
        if !is_shown(flags, &diagnostic) {
            self.hidden += usize::from(flags.only.is_empty());
            return Ok(());
        }
        match diagnostic.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Hint => self.hints += 1,
        }
        self.fixable += usize::from(diagnostic.fix.is_some());
        let written = match flags.format() {
            // A difference is what can be given to `patch`: what would be left stands in lines that nobody sees yet.
            Format::Text if flags.diff => Ok(()),
            Format::Text => {
                if diagnostic.severity == Severity::Error {
                    screen.annotate(&diagnostic, sources);
                }
                let text = format!("{}\n", diagnostics::text(&diagnostic, sources, crate::show::width()));
                if prints_document(flags) {
                    screen.line(&text);
                    return Ok(());
                }
                screen.report(&text)
            }
            Format::Short => screen.report(&diagnostics::short(&diagnostic, sources)),
            Format::Github => screen.data_command(&diagnostics::github(&diagnostic, sources)),
            Format::Json => {
                self.objects.push(diagnostics::object(&diagnostic, sources, part));
                Ok(())
            }
            Format::Sarif | Format::Gitlab => {
                self.collected.push((diagnostic, sources.clone()));
                Ok(())
            }
        };
        written.map_err(|_| exit::OUTPUT)
    }

    fn finish(&mut self, flags: &LintFlags, documents: usize, screen: &mut Screen) -> Result<(), u8> {
        let fixed = self.repairs.len();
        let value = match flags.format() {
            Format::Json => {
                let mut object = arazzo::json!({ "v": 1, "diagnostics": std::mem::take(&mut self.objects) });
                if let (Some(_), arazzo::values::Json::Object(members)) = (flags.fixes(), &mut object) {
                    members.insert("fixed".to_owned(), std::mem::take(&mut self.repairs).into());
                }
                Some(object)
            }
            Format::Sarif => Some(diagnostics::sarif(&self.collected)),
            Format::Gitlab => Some(diagnostics::gitlab(&self.collected)),
            Format::Text | Format::Github | Format::Short => None,
        };
        if let Some(value) = value {
            screen.data(&value.to_string()).map_err(|_| exit::OUTPUT)?;
        }
        let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let parts = [(self.errors, "error"), (self.warnings, "warning"), (self.hints, "hint")];
        let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| count(*n, word)).collect();
        let mut line = format!("{}: ", count(documents, "document"));
        line += &if parts.is_empty() { "nothing found".to_owned() } else { parts.join(", ") };
        let mut more = vec![];
        if fixed > 0 {
            more.push(format!(
                "{} {}",
                count(fixed, "fix").replace("fixs", "fixes"),
                if flags.diff { "to make" } else { "made" }
            ));
        }
        if self.fixable > 0 && flags.fixes() != Some(Fixes::All) {
            more.push(format!("{} with a fix: --fix, --fix=all, --diff", self.fixable));
        }
        if self.ignored > 0 {
            more.push(format!("{} ignored", self.ignored));
        }
        if self.hidden > 0 {
            more.push(format!("{}: --hints", count(self.hidden, "hint")));
        }
        if flags.diff && !parts.is_empty() {
            line += " would be left";
        } else if !parts.is_empty() {
            more.push("explain a code: arazzo explain CODE".to_owned());
        }
        if !more.is_empty() {
            line += &format!(" ({})", more.join("; "));
        }
        screen.line(&line);
        Ok(())
    }
}

/// The findings of a document; `text` instead of what is written in it.
fn check(flags: &LintFlags, input: &DocumentFile, text: Option<&str>) -> Result<Checked, Error> {
    let mut builder =
        flags.offline.on(flags.reading.on(arazzo::open(&input.path).naming(remedies::flag)).workspace(true));
    if let Some(folder) = &input.found {
        builder = builder.found_in(folder);
    }
    for (name, path) in &flags.sources {
        builder = builder.source(name, path);
    }
    if let Some(text) = text.or(input.text.as_deref()) {
        builder = builder.text(text);
    }
    if flags.no_sources {
        builder = builder.without_sources();
    }
    let checked = if flags.only == [Only::Structure] { builder.clone().structure() } else { builder.clone().lint() }?;
    // An OpenAPI document has problems of its own.
    let is_other = checked.diagnostics.iter().any(|found| found.code == Code::NotAnArazzoDocument);
    if is_other && text.or(input.text.as_deref()).is_none() && is_openapi(&input.path) {
        return builder.inspect_api().map(|api| api.checked);
    }
    if is_other && is_test_file(&input.path) {
        return Ok(meant::explained(checked, &input.path));
    }
    Ok(checked)
}

fn project<'p>(
    flags: &LintFlags,
    document: &Path,
    known: &'p mut Vec<Project>,
) -> Result<Option<&'p mut Project>, Error> {
    if flags.no_config || arazzo::is_remote(document) {
        return Ok(None);
    }
    let Some(found) = Project::of(document)? else { return Ok(None) };
    let index = known.iter().position(|project| project.path() == found.path()).unwrap_or_else(|| {
        known.push(found);
        known.len() - 1
    });
    Ok(known.get_mut(index))
}

/// The documents that were asked for: files, standard input, and those in folders.
fn inputs(flags: &LintFlags) -> Result<Vec<DocumentFile>, String> {
    if flags.format() != Format::Text && (flags.diff || prints_document(flags)) {
        let what = if flags.diff { "--diff prints the difference" } else { "--fix - prints the repaired document" };
        return Err(format!(
            "{what} on standard output, where --format and --json print findings; leave one of them out"
        ));
    }
    let writes = (flags.fixes().is_some() && !flags.diff).then_some("--diff shows what --fix would change");
    document_files(&flags.documents, flags.stdin_filename.as_deref(), writes)
}
