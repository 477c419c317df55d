//! The documents that a command looks at and may write: files that were named, those in folders, standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use arazzo::files::{self, Reach, ReadRefused};

use crate::find::documents_in;

/// Bytes that a document may have, on standard input too.
const LARGEST: u64 = 16 << 20;

/// A document to look at.
pub(crate) struct DocumentFile {
    pub(crate) path: PathBuf,
    /// The text of standard input, with the byte order mark that it may begin with.
    pub(crate) text: Option<String>,
    /// The folder that it was found in; nothing if it was named.
    pub(crate) found: Option<PathBuf>,
}

/// The documents that were asked for; `named` is the path of that on standard input, `writes` says that they are written.
pub(crate) fn document_files(
    documents: &[PathBuf],
    named: Option<&Path>,
    writes: Option<&str>,
) -> Result<Vec<DocumentFile>, String> {
    if named.is_some() && !documents.iter().any(|path| path.as_os_str() == "-") {
        return Err("--stdin-filename names the document on standard input: write - for it, too".to_owned());
    }
    let mut found = vec![];
    for path in documents {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            let read = std::io::stdin().take(LARGEST + 1).read_to_string(&mut text);
            read.map_err(|error| format!("cannot read standard input: {error}"))?;
            let path = named.map_or_else(|| PathBuf::from("stdin"), Path::to_path_buf);
            found.push(DocumentFile { path, text: Some(text), found: None });
        } else if path.is_dir() {
            // `.` is no part of a path that people want to see.
            let shown = |file: PathBuf| file.strip_prefix(".").map(Path::to_path_buf).unwrap_or(file);
            let files = documents_in(path)?.into_iter();
            found.extend(files.map(|file| DocumentFile { path: shown(file), text: None, found: Some(path.clone()) }));
        } else {
            if let Some(instead) = writes.filter(|_| arazzo::is_remote(path)) {
                return Err(format!("a document on the network is not written; {instead}"));
            }
            found.push(DocumentFile { path: path.clone(), text: None, found: None });
        }
    }
    Ok(found)
}

/// A byte order mark, which is no part of a text.
const MARK: &str = "\u{feff}";

impl DocumentFile {
    fn bytes(&self) -> Result<Vec<u8>, String> {
        match &self.found {
            Some(folder) => Reach::new(folder).read(&self.path, LARGEST).map_err(|reason| match reason {
                ReadRefused::Fault(reason) | ReadRefused::Refused(reason) => reason,
            }),
            None => files::named(&self.path, LARGEST),
        }
    }

    /// The text of the document.
    pub(crate) fn read(&self) -> Result<String, String> {
        if let Some(text) = &self.text {
            return Ok(text.strip_prefix(MARK).unwrap_or(text).to_owned());
        }
        let bytes = self.bytes()?;
        let text = std::str::from_utf8(bytes.strip_prefix(MARK.as_bytes()).unwrap_or(&bytes));
        text.map(str::to_owned).map_err(|_| "it is not in UTF-8".to_owned())
    }

    /// What is printed for the document of standard input that has this text now; a byte order mark stays.
    pub(crate) fn printed(&self, text: &str) -> String {
        let has_mark = self.text.as_ref().is_some_and(|before| before.starts_with(MARK));
        // The last line break is that of whoever prints it.
        let text = text.strip_suffix('\n').unwrap_or(text);
        if has_mark { format!("{MARK}{text}") } else { text.to_owned() }
    }

    /// The difference between the text that was read and another one, as `patch` takes it.
    pub(crate) fn difference(&self, before: &str, after: &str) -> String {
        let name = self.path.display().to_string();
        let diff = similar::TextDiff::from_lines(before, after);
        let text = diff.unified_diff().context_radius(3).header(&name, &name).to_string();
        text.trim_end_matches('\n').to_owned()
    }

    /// Writes another text in the place of the one that was read; a byte order mark stays.
    ///
    /// # Errors
    /// The fault, also that the file was changed meanwhile.
    pub(crate) fn replace(&self, before: &str, after: &str) -> std::io::Result<()> {
        let bytes = self.bytes().map_err(std::io::Error::other)?;
        let mark = if bytes.starts_with(MARK.as_bytes()) { MARK.as_bytes() } else { b"" };
        if bytes.strip_prefix(mark) != Some(before.as_bytes()) {
            return Err(std::io::Error::other(format!("`{}` was changed meanwhile", self.path.display())));
        }
        let path = match &self.found {
            // Where it was read from: a link that was changed meanwhile is not followed anywhere else.
            Some(folder) => Reach::new(folder).real(&self.path).map_err(|reason| {
                let (ReadRefused::Fault(reason) | ReadRefused::Refused(reason)) = reason;
                std::io::Error::other(reason)
            })?,
            None => self.path.clone(),
        };
        crate::save::replace(&path, &[mark, after.as_bytes()].concat())
    }
}
