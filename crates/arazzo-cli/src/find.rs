//! The Arazzo documents of a folder: told by what is in them, not by their names.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use arazzo::files::{self, Reach, ReadRefused};

/// Folders that hold the documents of others.
const FOREIGN: [&str; 2] = ["node_modules", "target"];

/// Bytes of a file that are looked at: no document has more.
const LARGEST: u64 = 16 << 20;

/// The Arazzo documents below a folder, in the order of their names. Folders that begin with a dot, those of others, and
/// links to folders are passed over.
///
/// # Errors
/// The folder that cannot be read.
pub(crate) fn documents_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let (mut found, reach) = (vec![], Reach::new(folder));
    below(folder, &|path| is_arazzo(path, &reach), &mut found)?;
    found.sort();
    Ok(found)
}

/// The files below a folder that may be documents of any kind, by their names, likewise.
///
/// # Errors
/// The folder that cannot be read.
#[cfg(feature = "lsp")]
pub(crate) fn files_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![];
    below(folder, &|path| has_ending(path) && !is_test_file(path), &mut found)?;
    found.sort();
    Ok(found)
}

fn below(folder: &Path, wanted: &impl Fn(&Path) -> bool, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let say = |error: std::io::Error| format!("cannot read the folder `{}`: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(say)? {
        let entry = entry.map_err(say)?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().map_err(say)?;
        if name.starts_with('.') || FOREIGN.contains(&name.as_str()) {
            continue;
        }
        // Links to folders may lead round in circles.
        if kind.is_dir() {
            below(&path, wanted, found)?;
        } else if wanted(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// `true` for a YAML or JSON file with `arazzo` at its root, and for one that cannot or may not be read: it may be a
/// document, and who reads it says what is wrong.
pub(crate) fn is_arazzo(path: &Path, reach: &Reach) -> bool {
    if !has_ending(path) || path.is_dir() {
        return false;
    }
    match reach.head(path, LARGEST) {
        Ok(bytes) => names_arazzo(&String::from_utf8_lossy(&bytes)),
        Err(ReadRefused::Fault(_)) => true,
        // Pipes and devices are no documents, and neither are test files.
        Err(ReadRefused::Refused(_)) => path.is_file() && !is_test_file(path),
    }
}

fn lower(text: Option<&OsStr>) -> String {
    text.map(|text| text.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// `true` for the name of a file of YAML or JSON.
fn has_ending(path: &Path) -> bool {
    ["yaml", "yml", "json"].contains(&lower(path.extension()).as_str())
}

/// `true` for `NAME.test.yaml`.
pub(crate) fn is_test_file(path: &Path) -> bool {
    lower(path.file_stem()).ends_with(".test")
}

/// The name of a document without what says that it is one: `flow` of `flow.arazzo.yaml` and `flow.yaml`.
pub(crate) fn stem_of(document: &Path) -> String {
    let stem = document.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    stem.strip_suffix(".arazzo").map(str::to_owned).unwrap_or(stem)
}

/// The test file of a document, if it has one: `flow.test.yaml` for `flow.arazzo.yaml` and `flow.yaml`.
pub(crate) fn test_file(document: &Path) -> Option<PathBuf> {
    document.file_stem()?;
    let stem = stem_of(document);
    let files = ["yaml", "yml", "json"].map(|extension| document.with_file_name(format!("{stem}.test.{extension}")));
    // What is there and cannot be read is a fault, not a document without tests.
    files.into_iter().find(|file| std::fs::symlink_metadata(file).is_ok())
}

/// The names of what is in a folder that somebody named a part of; none if it cannot be read.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// `true` for a document with `openapi` or `swagger` at its root. It is only looked at to know what was meant: nothing is
/// waited for, as behind a pipe.
pub(crate) fn is_openapi(path: &Path) -> bool {
    let text = if path.is_file() { files::named_text(path, LARGEST).unwrap_or_default() } else { String::new() };
    ["openapi", "swagger"].iter().any(|word| names(&text, word))
}

/// `true` for a text with `arazzo` at its root.
pub(crate) fn names_arazzo(text: &str) -> bool {
    names(text, "arazzo")
}

/// `true` if the root of a document has this member.
fn names(text: &str, word: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let keys = [word.to_owned(), format!("\"{word}\""), format!("'{word}'")];
    let is_key = |line: &str, key: &String| {
        line.strip_prefix(key.as_str()).is_some_and(|rest| rest.trim_start().starts_with(':'))
    };
    let key = |line: &str| keys.iter().any(|key| is_key(line, key));
    // A key at the margin; what is no YAML is found too, and then said to be none.
    if text.lines().any(key) {
        return true;
    }
    let Some(inside) = text.trim_start().strip_prefix('{').filter(|inside| inside.contains(word)) else {
        return false;
    };
    match arazzo::parse_values("", text) {
        Ok(root) => root.get(word).is_some(),
        Err(_) => inside.split([',', '{', '\n']).take(8).any(|part| key(part.trim_start())),
    }
}

#[cfg(test)]
mod tests {
    use super::names_arazzo;

    #[test]
    fn documents_are_told_by_the_key_at_their_root() {
        let before: String = (0..20).map(|i| format!("\"x-{i}\": 1, ")).collect();
        let late = format!("{{{before}\"arazzo\": \"1.0.1\"}}");
        for text in [
            "arazzo: 1.0.1\n",
            "info: {}\n'arazzo' : 1.0.1\n",
            "\u{feff}{\"arazzo\": \"1.0.1\"}",
            "{ arazzo: 1.0.1 }",
            "{\"arazzo\": ",
            &late,
        ] {
            assert!(names_arazzo(text), "{text}");
        }
        for text in
            ["openapi: 3.1.0\n", "  arazzo: 1.0.1\n", "{\"info\": {\"arazzo\": \"1.0.1\"}}", "{\"a\": \"arazzo\"}", ""]
        {
            assert!(!names_arazzo(text), "{text}");
        }
    }
}
