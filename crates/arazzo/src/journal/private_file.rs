//! Files that belong to a journal and that its owner alone may read.

use std::fs::{File, OpenOptions};
use std::io::Result;
use std::path::Path;

/// Makes a file; it must not be there.
pub(super) fn create(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens a file that is there, to lock it.
pub(super) fn open(path: &Path) -> Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Makes the folder of a journal, and those above it.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
}

/// Gives a file another name, which must not be there.
pub(super) fn name_too(file: &Path, name: &Path) -> Result<()> {
    std::fs::hard_link(file, name)
}

/// Removes a file; one that stays does no harm.
pub(super) fn remove(file: &Path) {
    drop(std::fs::remove_file(file));
}

/// `true` for a file that is there and that others than its owner may read.
pub(super) fn is_read_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    return std::fs::metadata(path)
        .is_ok_and(|about| std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0);
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}
