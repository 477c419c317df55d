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

    /// A folder of its own, which goes when it is dropped.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let folder = format!("arazzo-files-{name}-{}", std::process::id());
            let root = std::env::temp_dir().canonicalize().unwrap().join(folder);
            for (file, text) in [
                ("in/a.yaml", "a"),
                ("in/deeper/b.yaml", "b"),
                ("in/.git/config", ""),
                ("in/other/.GIT/config", ""),
                ("in-too.yaml", ""),
                ("out/c.yaml", "c"),
            ] {
                let path = root.join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Self(root)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn refused<T>(words: impl Into<String>) -> Result<T, ReadRefused> {
        Err(ReadRefused::Refused(words.into()))
    }

    #[test]
    #[cfg(unix)]
    fn what_lies_below_a_folder_and_what_was_named_is_read_and_nothing_else() {
        let place = Place::new("read");
        let at = |name: &str| place.0.join(name);
        std::os::unix::fs::symlink(at("out/c.yaml"), at("in/link.yaml")).unwrap();
        std::os::unix::fs::symlink("a.yaml", at("in/alias.yaml")).unwrap();
        let mut files = Files::default();
        assert_eq!(files.check(&at("in/a.yaml"), false), refused("it is in no folder that may be read"));
        files.allow(&at("in"));
        // What lies in it is in it already.
        files.allow(&at("in/deeper"));
        assert!(files.names_nothing() && files.folders.len() == 1);
        let outside = |what: &str| format!("{what} is outside `{}`", at("in").display());
        for (name, read) in [
            ("in/a.yaml", Ok("in/a.yaml")),
            ("in/deeper/b.yaml", Ok("in/deeper/b.yaml")),
            ("in/deeper/../a.yaml", Ok("in/a.yaml")),
            ("in/alias.yaml", Ok("in/a.yaml")),
            ("in/link.yaml", refused(outside("what it links to"))),
            ("in/../out/c.yaml", refused(outside("what it links to"))),
            ("out/c.yaml", refused(outside("it"))),
            // What is there is not said.
            ("out/none.yaml", refused(outside("it"))),
            ("in-too.yaml", refused(outside("it"))),
            ("in/.git/config", refused("it is in `.git`, where no documents are")),
            ("in/other/.GIT/config", refused("it is in `.git`, where no documents are")),
            ("in/none.yaml", Err(ReadRefused::Fault("no such file".to_owned()))),
        ] {
            assert_eq!(files.check(&at(name), false), read.map(at), "{name}");
        }
        let far = "a document on the network leads there, and those read no files";
        assert_eq!(files.check(&at("in/a.yaml"), true), refused(far));
        files.name(&at("out/c.yaml"));
        files.name(Path::new("/proc/self/status"));
        assert!(!files.names_nothing());
        for far in [false, true] {
            assert_eq!(files.check(&at("out/c.yaml"), far), Ok(at("out/c.yaml")));
        }
        if cfg!(target_os = "linux") {
            let read = files.check(Path::new("/proc/self/status"), false);
            assert_eq!(read, refused("it is in /proc, where no documents are"));
        }
        files.allow(&at("out"));
        let both = format!("it is outside `{}` and `{}`", at("in").display(), at("out").display());
        assert_eq!(files.check(&at("in-too.yaml"), false), refused(both));
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_was_not_named_is_written_where_it_lies_below_a_folder() {
        let place = Place::new("write");
        let at = |name: &str| place.0.join(name);
        std::os::unix::fs::symlink(at("out/c.yaml"), at("in/link.yaml")).unwrap();
        std::os::unix::fs::symlink(at("out"), at("in/way")).unwrap();
        let mut files = Files::default();
        files.allow(&at("in"));
        let outside = format!("what it links to is outside `{}`", at("in").display());
        for (name, written) in [
            ("in/new.yaml", Ok("in/new.yaml")),
            // The link is replaced.
            ("in/link.yaml", Ok("in/link.yaml")),
            ("in/way/c.yaml", refused(&outside)),
            ("out/c.yaml", refused(&outside)),
            ("in/.git/config", refused("it is in `.git`, where no documents are")),
            ("in/none/new.yaml", Err(ReadRefused::Fault("no such file".to_owned()))),
        ] {
            assert_eq!(files.check_place(&at(name)), written.map(at), "{name}");
        }
        // A link is a folder of its own, as it was given.
        std::os::unix::fs::symlink(at("in"), at("way-in")).unwrap();
        for link in ["in/way", "way-in"] {
            let mut files = files.clone();
            files.allow(&at(link));
            assert_eq!(files.folders.len(), 2, "{link}");
        }
        let mut files = Files::default();
        files.allow(&at("way-in"));
        assert_eq!(files.check(&at("way-in/a.yaml"), false), Ok(at("in/a.yaml")));
        assert_eq!(files.check(&at("in/a.yaml"), false), Ok(at("in/a.yaml")));
        assert_eq!(files.check_place(Path::new("/")), Err(ReadRefused::Fault("it is a folder".to_owned())));
    }

    #[test]
    #[cfg(unix)]
    fn regular_files_are_read_and_a_workspace_is_the_nearest_folder_that_is_marked() {
        let place = Place::new("kinds");
        let at = |name: &str| place.0.join(name);
        let kind = |path: &Path| regular(&std::fs::metadata(path).unwrap());
        assert_eq!(kind(&at("in/a.yaml")), Ok(()));
        assert_eq!(kind(&at("in")), Err(ReadRefused::Fault("it is a folder".to_owned())));
        let pipe = "it is a pipe, a device or a socket, not a regular file";
        assert_eq!(kind(Path::new("/dev/null")), refused(pipe));
        assert_eq!(refused::<()>("it has more than 64 MiB"), Err(too_large(FILE_BYTES)));
        let errors = [std::io::ErrorKind::PermissionDenied, std::io::ErrorKind::IsADirectory].map(Into::into);
        assert_eq!(errors.each_ref().map(words), ["permission denied", "it is a folder"]);
        assert_eq!(words(&std::io::Error::other("gone")), "gone");
        assert_eq!(marked(&at("in/deeper/none/b.yaml")), Some(at("in")));
        assert_eq!(workspace(&at("in/deeper/b.yaml")), Some(at("in")));
        assert_eq!(workspace(&at("out/c.yaml")), Some(place.0.clone()));
        std::fs::write(at("out/arazzo.toml"), "").unwrap();
        assert_eq!(workspace(&at("out/c.yaml")), Some(at("out")));
        assert_eq!(workspace(Path::new("/")), None);
        assert_eq!(plain(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(plain(Path::new("/../a")), Path::new("/a"));
    }
}
