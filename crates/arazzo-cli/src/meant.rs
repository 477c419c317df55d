//! Command lines that say what is meant in another way than the parser reads it: a document without a command, a folder
//! or an OpenAPI document in the place of an Arazzo one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use arazzo::Error;
use arazzo::diagnostics::{Code, Diagnostic, Diagnostics, Help, nearest};
use arazzo::files::Reach;

use crate::find::{documents_in, is_arazzo, is_openapi, is_test_file, names_in};
use crate::shown_command::quoted;
use crate::words::{self, Word};

/// Documents of a folder that are named.
const NAMED: usize = 3;

/// The command line with the command that a document asks for: `arazzo flow.yaml` is `arazzo run flow.yaml`.
pub(crate) fn with_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let mut at = 1;
    while let Some(word) = arguments.get(at).map(|word| word.to_string_lossy().into_owned()) {
        if word == "--color" {
            at += 2;
            continue;
        }
        if word.starts_with('-') {
            at += 1;
            continue;
        }
        // No command has a dot or a slash in its name.
        let path = Path::new(&word);
        let yaml = || path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known));
        if word.contains(['.', '/', std::path::MAIN_SEPARATOR]) && (yaml() || path.exists() || arazzo::is_remote(path))
        {
            arguments.insert(at, if is_test_file(path) { "test".into() } else { "run".into() });
        }
        break;
    }
    arguments
}

/// What is said of a test file that belongs to no document, with the name that was probably meant; nothing for any other
/// path.
pub(crate) fn undocumented(path: &Path) -> Option<Diagnostic> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let lower = stem.to_ascii_lowercase();
    let end = [".test", ".tests"].into_iter().find(|end| lower.ends_with(end))?;
    let name = stem.get(..stem.len() - end.len())?;
    if !path.is_file() || is_test_file(path) && tested_by(path) != path {
        return None;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = names_in(folder).into_iter().map(|name| folder.join(name));
    let reach = Reach::new(folder);
    let documents = files.filter(|file| is_arazzo(file, &reach));
    let tested = |document: PathBuf| {
        let stem = document.file_stem()?.to_string_lossy().into_owned();
        Some(stem.strip_suffix(".arazzo").map(str::to_owned).unwrap_or(stem))
    };
    let names: Vec<String> = documents.filter_map(tested).collect();
    let extension = path.extension().map(|end| end.to_string_lossy().into_owned()).unwrap_or_default();
    let same = names.iter().find(|known| *known == name).map(String::as_str);
    let help = same.or_else(|| nearest(name, names.iter().map(String::as_str)));
    let help = match help {
        Some(near) => Help::meant(path.with_file_name(format!("{near}.test.{extension}")).display().to_string()),
        None => Help::words("the test file of `NAME.yaml` is called `NAME.test.yaml`"),
    };
    let message = format!("`{}` is a test file that belongs to no document beside it", path.display());
    Some(Diagnostic::warning(Code::TestFile, None, message).help(help))
}

/// The document that a test file belongs to; any other path is itself.
pub(crate) fn tested_by(path: &Path) -> PathBuf {
    let stem = path.file_stem().filter(|_| is_test_file(path)).map(|stem| stem.to_string_lossy().into_owned());
    let Some(name) = stem.as_deref().and_then(|stem| stem.get(..stem.len() - ".test".len())) else {
        return path.to_path_buf();
    };
    let ends = ["arazzo.yaml", "arazzo.yml", "arazzo.json", "yaml", "yml", "json"];
    let known = ends.map(|end| path.with_file_name(format!("{name}.{end}")));
    known.into_iter().find(|document| document.is_file()).unwrap_or_else(|| path.to_path_buf())
}

/// The reason why a path cannot be looked at, with the one that was probably meant.
pub(crate) fn unread(path: &Path, error: &std::io::Error) -> String {
    let shown = path.display();
    if error.kind() != std::io::ErrorKind::NotFound {
        return format!("`{shown}`: {error}");
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names = names_in(folder);
    let wanted = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let near = nearest(&wanted, names.iter().map(String::as_str));
    let near = near.map(|near| Help::meant(path.with_file_name(near).display().to_string()).to_string());
    let near = near.or_else(|| unquoted(&path.to_string_lossy()).filter(|help| help.contains("--report")));
    format!("`{shown}`: no such file or folder{}", near.map(|near| format!("; {near}")).unwrap_or_default())
}

/// The error of a command that takes an Arazzo document, with the command that does what is meant where this is none.
pub(crate) fn with_hint(error: Error, document: &Path) -> Error {
    let Error::Documents { diagnostics, sources } = error else { return error };
    let found = |code: Code| diagnostics.iter().any(|diagnostic| diagnostic.code == code);
    let help = if document.is_dir() && found(Code::DocumentNotFound) {
        folder_help(document)
    } else if found(Code::NotAnArazzoDocument) && is_openapi(document) {
        let shown = quoted(&document.display().to_string());
        Some(format!("`arazzo inspect {shown}` lists its operations, `arazzo call {shown} OPERATION` calls one"))
    } else if found(Code::NotAnArazzoDocument) && is_test_file(document) {
        Some(runs_cases(document))
    } else {
        None
    };
    let Some(help) = help else { return Error::Documents { diagnostics, sources } };
    let asked = |code: Code| matches!(code, Code::DocumentNotFound | Code::NotAnArazzoDocument);
    let helped = |diagnostic: &Diagnostic| match asked(diagnostic.code) {
        true => diagnostic.clone().help(help.clone()),
        false => diagnostic.clone(),
    };
    let mut explained = Diagnostics::default();
    explained.extend(diagnostics.iter().map(helped));
    Error::Documents { diagnostics: explained, sources }
}

/// The command for a test file in the place of a document.
fn runs_cases(file: &Path) -> String {
    format!("it is a test file: `arazzo test {}` runs its cases", quoted(&file.display().to_string()))
}

/// What lint says of a test file, with the command that takes it.
pub(crate) fn explained(mut checked: arazzo::Checked, file: &Path) -> arazzo::Checked {
    let helped = |found: &Diagnostic| match found.code {
        Code::NotAnArazzoDocument => found.clone().help(runs_cases(file)),
        _ => found.clone(),
    };
    let mut explained = Diagnostics::default();
    explained.extend(checked.diagnostics.iter().map(helped));
    checked.diagnostics = explained;
    checked
}

/// The commands for what is in a folder.
fn folder_help(folder: &Path) -> Option<String> {
    let found = documents_in(folder).ok()?;
    let folder = quoted(&folder.display().to_string());
    if found.is_empty() {
        return Some("there is no Arazzo document in it (a file with `arazzo:` at its root)".to_owned());
    }
    let runs: Vec<String> =
        found.iter().take(NAMED).map(|path| format!("`arazzo run {}`", quoted(&path.display().to_string()))).collect();
    let more = found.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    Some(format!("name a document: {}{more}; `arazzo test {folder}` tests all of them", runs.join(", ")))
}

/// The flag whose value a word may be a part of, if that is not shown.
pub(crate) fn flag_before(word: &str) -> Option<String> {
    let known = words::known();
    let words = words::words(&known, words::typed());
    // Behind `--`, what would be a value is a word like others.
    let mut hidden = words::behind_secrets(&words).into_iter().chain(words::values_of_secrets(&words));
    hidden.find(|(hidden, _)| *hidden == word).map(|(_, flag)| flag.to_owned())
}

/// The flag of the value that a word was probably meant to belong to: it stands right behind it, and was not quoted.
pub(crate) fn unquoted(word: &str) -> Option<String> {
    let known = words::known();
    let words = words::words(&known, words::typed());
    let mut before = None;
    for one in &words {
        match (one, before) {
            (Word::Flag { flag, value: Some(value) }, _) => before = flag.get_long().map(|flag| (flag, value)),
            (Word::Plain(plain), Some(("report", kind))) if plain == word && !kind.contains('=') => {
                return Some(format!("the path of a report stands behind `=`: --report {kind}={plain}"));
            }
            (Word::Plain(plain), Some((flag, _))) if plain == word => {
                let value = if flag == "input" { "NAME=two words" } else { "two words" };
                return Some(format!("a value with blanks is put in quotes: --{flag} '{value}'"));
            }
            (Word::Plain(plain), None) if plain == word => return None,
            (Word::Plain(_), _) => {}
            _ => before = None,
        }
    }
    None
}
