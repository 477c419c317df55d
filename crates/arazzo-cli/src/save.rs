//! Files that were asked for, written whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use arazzo::files::Reach;

/// How files of SQLite begin.
const DATABASE: &[u8; 16] = b"SQLite format 3\0";

/// The users that may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever the settings of the user let (umask).
    Default,
    /// Its owner only: it holds secrets.
    Owner,
}

/// Writes a file and a line end: it is either the old one or the whole new one. A pipe or a device is written to.
///
/// # Errors
/// The fault, with the path.
pub(crate) fn save(path: &Path, text: &str, readers: Readers) -> Result<()> {
    save_exact(path, format!("{text}\n").as_bytes(), readers)
}

/// As [`save`], in the place of whatever has this path: a link is replaced, and not followed.
///
/// # Errors
/// The fault, with the path.
pub(crate) fn save_in_place(path: &Path, text: &str) -> Result<()> {
    let text = format!("{text}\n");
    place(path, text.as_bytes(), Readers::Default)
        .map_err(|error| Error::new(error.kind(), format!("`{}`: {error}", path.display())))
}

/// Makes a folder that files are to be written to, and those that it is in, where they are missing.
///
/// # Errors
/// The fault, with the path.
pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Error::new(error.kind(), format!("`{}`: {error}", folder.display())))
}

/// Removes a file.
///
/// # Errors
/// The fault, with the path.
pub(crate) fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(|error| Error::new(error.kind(), format!("`{}`: {error}", path.display())))
}

/// As [`save`], of exactly these bytes.
///
/// # Errors
/// The fault, with the path.
pub(crate) fn save_exact(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    write(path, bytes, readers).map_err(|error| Error::new(error.kind(), format!("`{}`: {error}", path.display())))
}

/// Writes exactly these bytes in the place of a file that is there: it is either the old one or the whole new one, and
/// may be read and written by whom it was.
///
/// # Errors
/// The fault, with the path.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = |path: &Path| {
        let path = path.canonicalize()?;
        let permissions = std::fs::metadata(&path)?.permissions();
        let (part, mut file) = beside(&path, Readers::Default)?;
        let result = file
            .write_all(bytes)
            .and_then(|()| file.set_permissions(permissions))
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&part, &path));
        if result.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        result
    };
    write(path).map_err(|error| Error::new(error.kind(), format!("`{}`: {error}", path.display())))
}

/// Whether a file could be written, before there is something to write.
///
/// # Errors
/// The fault, with the path.
pub(crate) fn try_to(path: &Path) -> Result<()> {
    let tried = |path: &Path| {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        match std::fs::metadata(&path) {
            Ok(about) if about.is_dir() => Err(Error::new(ErrorKind::IsADirectory, "it is a folder")),
            Ok(about) if !about.is_file() => Ok(()),
            Ok(_) if is_database(&path) => Err(database()),
            _ => {
                let (part, _) = beside(&path, Readers::Owner)?;
                std::fs::remove_file(part)
            }
        }
    };
    tried(path).map_err(|error| Error::new(error.kind(), format!("`{}`: {error}", path.display())))
}

fn write(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    // A link stays, and what it leads to is written.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    if std::fs::metadata(&path).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        // To take the place of a device would remove it.
        return OpenOptions::new().write(true).open(&path)?.write_all(bytes);
    }
    if is_database(&path) {
        return Err(database());
    }
    place(&path, bytes, readers)
}

/// `true` for a file of SQLite, as journals are: no output takes its place, or what it keeps would be gone.
fn is_database(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(Path::new(""));
    Reach::new(folder).head(path, DATABASE.len() as u64).is_ok_and(|head| head == DATABASE)
}

fn database() -> Error {
    Error::new(ErrorKind::AlreadyExists, "it is a journal, or another database, and is not written over")
}

/// Writes a new file, and gives it the path.
fn place(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let (part, mut file) = beside(path, readers)?;
    let result = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&part, path));
    if result.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    result
}

/// A new file in the same folder. It must be new: somebody else may have put a link there.
fn beside(path: &Path, readers: Readers) -> Result<(PathBuf, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    for number in 0..100 {
        let mut name = path.file_name().map(std::ffi::OsStr::to_os_string).unwrap_or_default();
        name.push(format!(".{}-{number}.part", std::process::id()));
        let part = path.with_file_name(name);
        match options.open(&part) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            result => return result.map(|file| (part, file)),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}
