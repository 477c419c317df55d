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
