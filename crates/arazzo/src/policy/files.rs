//! Files that may be read: what the user named, and what lies below a folder; regular files of a bounded size.

use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};

/// Bytes of the largest file that is read.
pub(crate) const FILE_BYTES: u64 = 64 << 20;

/// Files that a description may be read from: those that were named, and what lies below some folders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    /// Files that the user named. They may lie anywhere.
    named: Vec<PathBuf>,
    folders: Vec<Folder>,
}

#[derive(Debug, Clone)]
struct Folder {
    /// As it was given, absolute: what people are shown.
    given: PathBuf,
    /// The path when all links are followed.
    real: PathBuf,
    /// `true` for the root of the file system: what lies in it may be read, and nothing below.
    alone: bool,
}

impl Folder {
    /// `true` for a path, as it was given, that lies here.
    fn holds_given(&self, path: &Path) -> bool {
        self.holds(&self.given, path) || self.holds(&self.real, path)
    }

    fn holds(&self, folder: &Path, path: &Path) -> bool {
        if self.alone { path.parent() == Some(folder) } else { path.starts_with(folder) }
    }
}

/// The reason why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadRefused {
    /// It could not be read.
    Fault(String),
    /// It may not be read.
    Refused(String),
}

impl Files {
    /// Lets the file at this absolute path be read, wherever it lies.
    pub(crate) fn name(&mut self, path: &Path) {
        self.named.push(path.to_path_buf());
    }

    /// `true` if no file was named.
    pub(crate) fn names_nothing(&self) -> bool {
        self.named.is_empty()
    }

    /// Lets all files below this folder be read.
    pub(crate) fn allow(&mut self, folder: &Path) {
        let given = plain(folder);
        let known = |real: &Path| {
            let inside = |known: &Folder| given.starts_with(&known.given) && real.starts_with(&known.real);
            self.folders.iter().any(|known| inside(known) && (!known.alone || real == known.real))
        };
        // A folder that is not there holds nothing.
        if let Some(real) = folder.canonicalize().ok().filter(|real| !known(real)) {
            let alone = real.parent().is_none();
            self.folders.push(Folder { given, real, alone });
        }
    }

    /// The real path of the file at this absolute path, if it may be read; `far` if a document on the network leads to
    /// it: those read no files.
    ///
    /// What lies outside is refused before the disk is looked at, so that a message does not say what is there.
    pub(crate) fn check(&self, path: &Path, far: bool) -> Result<PathBuf, ReadRefused> {
        let named = self.named.iter().any(|named| named == path);
        if far && !named {
            return Err(ReadRefused::Refused(
                "a document on the network leads there, and those read no files".to_owned(),
            ));
        }
        let plain = path.components().all(|part| !matches!(part, Component::ParentDir));
        if !named && plain && !self.folders.iter().any(|folder| folder.holds_given(path)) {
            return Err(self.outside("it"));
        }
        let real = path.canonicalize().map_err(|error| ReadRefused::Fault(words(&error)))?;
        if !named {
            self.check_real(&real)?;
        }
        for special in ["/proc", "/sys", "/dev"] {
            if real.starts_with(special) {
                return Err(ReadRefused::Refused(format!("it is in {special}, where no documents are")));
            }
        }
        Ok(real)
    }

    /// Checks the path of a file when all links are followed.
    fn check_real(&self, real: &Path) -> Result<(), ReadRefused> {
        let Some(folder) = self.folders.iter().find(|folder| folder.holds(&folder.real, real)) else {
            return Err(self.outside("what it links to"));
        };
        // What is there is not the project's: credentials of a clone, for one.
        let within = real.strip_prefix(&folder.real).unwrap_or(real);
        if within.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git")) {
            return Err(ReadRefused::Refused("it is in `.git`, where no documents are".to_owned()));
        }
        Ok(())
    }

    /// The path at which a file may be written that was not named, and may not be there: links of its folders are
    /// followed, one in its own place is not.
    pub(crate) fn check_place(&self, path: &Path) -> Result<PathBuf, ReadRefused> {
        let parts = path.parent().zip(path.file_name());
        let (folder, name) = parts.ok_or_else(|| ReadRefused::Fault("it is a folder".to_owned()))?;
        let folder = folder.canonicalize().map_err(|error| ReadRefused::Fault(words(&error)))?;
        let real = folder.join(name);
        self.check_real(&real)?;
        Ok(real)
    }

    fn outside(&self, what: &str) -> ReadRefused {
        let folders: Vec<String> = self.folders.iter().map(|folder| format!("`{}`", folder.given.display())).collect();
        ReadRefused::Refused(match folders.as_slice() {
            [] => format!("{what} is in no folder that may be read"),
            [one] => format!("{what} is outside {one}"),
            several => format!("{what} is outside {}", several.join(" and ")),
        })
    }
}

/// Only regular files are read: a pipe may never end, a device may do something.
pub(crate) fn regular(about: &Metadata) -> Result<(), ReadRefused> {
    if about.is_dir() {
        return Err(ReadRefused::Fault("it is a folder".to_owned()));
    }
    if !about.is_file() {
        return Err(ReadRefused::Refused("it is a pipe, a device or a socket, not a regular file".to_owned()));
    }
    Ok(())
}

/// A file has more bytes than may be read.
pub(crate) fn too_large(limit: u64) -> ReadRefused {
    ReadRefused::Refused(format!("it has more than {} MiB", limit >> 20))
}

/// An error of the file system in words.
pub(crate) fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// The workspace of a document: the nearest folder above it with `.git` or `arazzo.toml`, else the parent of its folder,
/// so that `../openapi/` works. Never the whole file system: of the root, what lies in it may be read ([`Files::allow`]).
pub(crate) fn workspace(document: &Path) -> Option<PathBuf> {
    let folder = document.parent()?;
    let parent = || folder.parent().filter(|parent| parent.parent().is_some()).map(Path::to_path_buf);
    Some(marked(document).or_else(parent).unwrap_or_else(|| folder.to_path_buf()))
}

/// The nearest folder above a file that is marked as a workspace: by `.git` or `arazzo.toml`. Never the root of the file
/// system, whatever is in it.
pub(crate) fn marked(file: &Path) -> Option<PathBuf> {
    let is_marked = |folder: &&Path| folder.join(".git").exists() || folder.join("arazzo.toml").exists();
    let mut below = file.parent()?.ancestors().filter(|folder| folder.parent().is_some());
    below.find(is_marked).map(Path::to_path_buf)
}

/// The path of a file from the root on, without `.` and `..`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_the_file_system_is_no_workspace() {
        let mut files = Files::default();
        files.allow(Path::new("/"));
        assert!(files.folders.iter().all(|folder| folder.alone));
        let holds = |path: &str| files.folders.iter().any(|folder| folder.holds_given(Path::new(path)));
        assert!(holds("/flow.yaml") && !holds("/etc/passwd") && !holds("/a/b"));
        // A folder below it is one of its own.
        let inside = std::env::temp_dir().canonicalize().unwrap();
        files.allow(&inside);
        assert!(files.folders.iter().any(|folder| !folder.alone && folder.real == inside));
        assert_ne!(marked(Path::new("/flow.yaml")), Some(PathBuf::from("/")));
        assert_eq!(workspace(Path::new("/a/flow.yaml")), Some(PathBuf::from("/a")));
    }
}
