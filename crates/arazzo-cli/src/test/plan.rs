//! The cases that run: those of the documents that were named or found, as far as the flags ask for them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arazzo::diagnostics::Diagnostic;
use arazzo::files::Reach;
use arazzo::{Builder, Description, Error, ParsedDocuments};

use super::failed;
use crate::cases::{self, Case};
use crate::find::{documents_in, names_in, test_file};
use crate::flags::TestFlags;
use crate::given::{check_names, check_secret_hosts};
use crate::meant;
use crate::remedies;

/// The case of a document that has no test file.
const UNNAMED: &str = "runs";

/// A case of a document.
pub(super) struct Planned {
    pub(super) document: Document,
    pub(super) case: Case,
}

/// A document that is tested.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) path: PathBuf,
    /// The folder that it was found in; nothing if it was named.
    found: Option<PathBuf>,
    /// The sources that it describes, as far as it can be read.
    pub(super) sources: Vec<String>,
    /// Each case loads it, and what was read and said of it stays the same.
    parsed: ParsedDocuments,
}

impl Document {
    fn new(path: PathBuf, found: Option<PathBuf>) -> Self {
        Self { path, found, sources: vec![], parsed: ParsedDocuments::new() }
    }

    pub(super) fn open(&self, flags: &TestFlags) -> Builder {
        let builder = arazzo::open(&self.path).naming(remedies::flag).workspace(true).parsed(&self.parsed);
        let builder = builder.lint_before_run(true);
        flags.reading.on(match &self.found {
            Some(folder) => builder.found_in(folder),
            None => builder,
        })
    }

    /// The folder in which its test file may lie, which nobody names.
    fn reach(&self) -> Reach {
        Reach::new(self.found.as_deref().or(self.path.parent()).unwrap_or(Path::new("")))
    }

    pub(super) fn display_path(&self) -> String {
        self.path.display().to_string()
    }
}

/// The cases that the flags ask for, in their order.
///
/// # Errors
/// What is wrong with a path, a test file, or a name that was given and that no document has.
pub(super) fn planned(flags: &TestFlags) -> Result<Vec<Planned>, Error> {
    let mut documents = documents(flags)?;
    let loaded: Vec<Option<Description>> =
        documents.iter().map(|document| document.open(flags).load_blocking().ok()).collect();
    // Nothing is known about a document that cannot be read: that is reported where it runs.
    if loaded.iter().all(Option::is_some) {
        let loaded: Vec<&Description> = loaded.iter().flatten().collect();
        check_names(&flags.server, &flags.input, &flags.credentials, &loaded)?;
        check_secret_hosts(&flags.permissions, &flags.credentials, &loaded)?;
    }
    for (document, description) in documents.iter_mut().zip(&loaded) {
        let sources = description.iter().flat_map(|description| description.source_descriptions());
        document.sources = sources.map(|(name, _)| name.to_owned()).collect();
    }
    let mut planned: Vec<Planned> = vec![];
    for (document, description) in documents.iter().zip(&loaded) {
        let workflows: Vec<String> =
            description.iter().flat_map(|description| description.workflows().map(str::to_owned)).collect();
        let cases = match test_file(&document.path) {
            Some(file) => cases::read(&file, &document.reach())?,
            None => unwritten(&workflows),
        };
        // A case without one is of the only workflow of its document.
        let of = |case: &Case| case.workflow.clone().or_else(|| workflows.first().cloned());
        let wanted = |case: &Case| flags.workflow.is_none() || flags.workflow == of(case);
        let cases = cases.into_iter().filter(wanted);
        planned.extend(cases.map(|case| Planned { document: document.clone(), case }));
    }
    let named =
        |case: &Case| flags.cases.is_empty() || flags.cases.iter().any(|part| case.name.contains(part.as_str()));
    planned.retain(|one| named(&one.case));
    if flags.rerun_failed {
        let failed = failed::read()?;
        planned.retain(|one| failed.contains(&(one.document.display_path(), one.case.name.clone())));
    }
    Ok(planned)
}

/// The cases of the test file of one document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn planned_of(document: &Path, flags: &TestFlags) -> Result<Vec<Planned>, Error> {
    let mut document = Document::new(document.to_path_buf(), None);
    let description = document.open(flags).load_blocking()?;
    document.sources = description.source_descriptions().map(|(name, _)| name.to_owned()).collect();
    let Some(file) = test_file(&document.path) else { return Ok(vec![]) };
    let cases = cases::read(&file, &document.reach())?;
    Ok(cases.into_iter().map(|case| Planned { document: document.clone(), case }).collect())
}

/// The documents that were named and found, each once.
fn documents(flags: &TestFlags) -> Result<Vec<Document>, Error> {
    let mut documents: Vec<Document> = vec![];
    let here = [PathBuf::from(".")];
    let shown = |path: PathBuf| path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path);
    for path in if flags.paths.is_empty() { &here[..] } else { &flags.paths } {
        let about = std::fs::metadata(path).map_err(|error| Error::Setup(meant::unread(path, &error)))?;
        let found = if about.is_dir() {
            let found = documents_in(path).map_err(Error::Setup)?.into_iter();
            found.map(|file| Document::new(shown(file), Some(path.clone()))).collect()
        } else if let Some(found) = meant::undocumented(path) {
            let help = found.help.map(|help| format!("; {help}")).unwrap_or_default();
            return Err(Error::Setup(format!("{}{help}", found.message)));
        } else {
            vec![Document::new(shown(meant::tested_by(path)), None)]
        };
        for document in found {
            if !documents.iter().any(|known| known.path == document.path) {
                documents.push(document);
            }
        }
    }
    Ok(documents)
}

/// Test files beside these documents that belong to none, and what is said of them, each once.
pub(super) fn undocumented(planned: &[Planned]) -> Vec<(PathBuf, Diagnostic)> {
    let folder = |one: &Planned| one.document.path.parent().map(Path::to_path_buf).unwrap_or_default();
    let folders: BTreeSet<PathBuf> = planned.iter().map(folder).collect();
    let files = folders.iter().flat_map(|folder| {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut names = names_in(here);
        names.sort();
        names.into_iter().map(|name| folder.join(name)).collect::<Vec<_>>()
    });
    let known =
        |file: &PathBuf| ["yaml", "yml", "json"].iter().any(|end| file.extension().is_some_and(|has| has == *end));
    files.filter(known).filter_map(|file| Some((file.clone(), meant::undocumented(&file)?))).collect()
}

/// Each workflow once, against the mock.
fn unwritten(workflows: &[String]) -> Vec<Case> {
    let case = |workflow: Option<&String>| Case {
        name: workflow.map_or(UNNAMED.to_owned(), |workflow| format!("{workflow} {UNNAMED}")),
        workflow: workflow.cloned(),
        ..Case::default()
    };
    match workflows {
        // What is wrong with it is reported when it is run.
        [] => vec![case(None)],
        workflows => workflows.iter().map(|workflow| case(Some(workflow))).collect(),
    }
}
