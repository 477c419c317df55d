//! The one door for files: whoever names a file, it is opened here and nowhere else. What somebody typed is theirs, and
//! may be a pipe. What was only found, in a folder or because another file names it, is read as the policy says.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use arazzo_engine::code::Code;
use arazzo_engine::diagnostic::Diagnostic;

use crate::error::Error;
use crate::policy::files::{FILE_BYTES, Files, marked, plain, regular, too_large, words};

pub use crate::policy::files::ReadRefused;

/// Bytes of the largest file that is read, where nothing else is said.
pub const LARGEST: u64 = FILE_BYTES;

/// The code of a file that may not be read.
pub(crate) const REFUSED: Code = Code::FileRefused;

/// The bytes of a file that its user named. It may lie anywhere, and be a pipe (`<(pass show token)`), but not be
/// endless.
///
/// # Errors
/// Why it is not read, in words: `no such file`.
pub fn named(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| words(&error))?;
    up_to(limit, file).map_err(|reason| match reason {
        ReadRefused::Fault(reason) | ReadRefused::Refused(reason) => reason,
    })
}

/// As [`named`], of a file that is text.
///
/// # Errors
/// As [`named`].
pub fn named_text(path: &Path, limit: u64) -> Result<String, String> {
    text(named(path, limit)?)
}

/// Where files may lie that nobody named: in the workspace of a folder, which is the nearest folder with `.git` or
/// `arazzo.toml`, else the folder itself.
///
/// ```
/// let reach = arazzo::files::Reach::new("flows");
/// assert!(reach.read("/etc/passwd".as_ref(), arazzo::files::LARGEST).is_err());
/// ```
#[derive(Debug, Clone)]
pub struct Reach {
    folder: PathBuf,
}

impl Reach {
    /// What a folder holds that somebody named.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        // The folder of `flow.yaml` is where one is.
        let here = folder.as_os_str().is_empty();
        Self { folder: if here { PathBuf::from(".") } else { folder } }
    }

    /// The bytes of a file that was found.
    ///
    /// # Errors
    /// [`ReadRefused::Refused`] for what lies elsewhere when all links are followed, is no regular file, or has more bytes
    /// than the limit; [`ReadRefused::Fault`] for what cannot be read.
    pub fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, ReadRefused> {
        let path = plain(path);
        read(&path, &self.files(&path), false, limit)
    }

    /// As [`Reach::read`], of a file that is text; a byte order mark at its beginning is no part of that.
    ///
    /// # Errors
    /// [`Error::Documents`] with `file-refused` for what may not be read, [`Error::Setup`] for what cannot be.
    pub fn text(&self, path: &Path, limit: u64) -> Result<String, Error> {
        let name = path.display();
        let found = self.read(path, limit).and_then(|bytes| text(bytes).map_err(ReadRefused::Fault));
        found.map_err(|reason| match reason {
            ReadRefused::Fault(reason) => Error::Setup(format!("cannot read `{name}`: {reason}")),
            ReadRefused::Refused(reason) => {
                let fault = Diagnostic::error(REFUSED, None, format!("cannot read `{name}`: {reason}"));
                let diagnostics = fault.help(BELOW.to_owned()).into();
                Error::Documents { diagnostics, sources: Default::default() }
            }
        })
    }

    /// The first bytes of a file that was found, at most these; it may be of any size.
    ///
    /// # Errors
    /// As [`Reach::read`].
    pub fn head(&self, path: &Path, most: u64) -> Result<Vec<u8>, ReadRefused> {
        let path = plain(path);
        let mut bytes = vec![];
        open(&path, &self.files(&path), false)?.take(most).read_to_end(&mut bytes).map_err(fault)?;
        Ok(bytes)
    }

    /// The path of a file that was found, when all links are followed: where it may be written again.
    ///
    /// # Errors
    /// As [`Reach::read`].
    pub fn real(&self, path: &Path) -> Result<PathBuf, ReadRefused> {
        let path = plain(path);
        self.files(&path).check(&path, false)
    }

    /// The path at which a file may be written that nobody named, such as a report: below the workspace when the links of
    /// its folders are followed; a link in its own place is not followed. Its folder has to be there.
    ///
    /// # Errors
    /// As [`Reach::read`].
    pub fn place(&self, path: &Path) -> Result<PathBuf, ReadRefused> {
        let path = plain(path);
        self.files(&path).check_place(&path)
    }

    /// What may be read where the file at this absolute path was found.
    pub(crate) fn files(&self, path: &Path) -> Files {
        let folder = plain(&self.folder);
        // The path of a file that lies elsewhere says nothing about where files may lie.
        let within = folder.join("-");
        let marked = marked(if path.starts_with(&folder) { path } else { &within });
        let mut files = Files::default();
        marked.iter().for_each(|marked| files.allow(marked));
        // A mark below the folder narrows it. Without one it may be a link that leads out of the workspace: it was named.
        if marked.is_none_or(|marked| folder.starts_with(&marked)) {
            files.allow(&folder);
        }
        files
    }
}

/// What to do about a file that was found and may not be read.
const BELOW: &str = "put the file itself below the workspace root (the nearest folder with `.git` or `arazzo.toml`, else the one that is looked into)";

/// What to do about a document that was found and may not be read.
pub(crate) const NAME_IT: &str = "name it on the command line, if it is meant; what is only found is read below the workspace root (the nearest folder with `.git` or `arazzo.toml`, else the one that is looked into)";

/// The bytes of a regular file that may be read; pipes, devices and folders are not.
pub(crate) fn read(path: &Path, files: &Files, far: bool, limit: u64) -> Result<Vec<u8>, ReadRefused> {
    let file = open(path, files, far)?;
    // Before it is read: nobody waits for what is refused.
    if file.metadata().map_err(fault)?.len() > limit {
        return Err(too_large(limit));
    }
    up_to(limit, file)
}

fn open(path: &Path, files: &Files, far: bool) -> Result<File, ReadRefused> {
    let real = files.check(path, far)?;
    // Before it is opened: opening a pipe waits for its writer.
    regular(&std::fs::metadata(&real).map_err(fault)?)?;
    let file = File::open(&real).map_err(fault)?;
    regular(&file.metadata().map_err(fault)?)?;
    Ok(file)
}

fn up_to(limit: u64, reader: impl Read) -> Result<Vec<u8>, ReadRefused> {
    let mut bytes = vec![];
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn fault(error: std::io::Error) -> ReadRefused {
    ReadRefused::Fault(words(&error))
}
