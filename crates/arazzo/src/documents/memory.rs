//! Documents in memory: they take the place of what is at their path or url, as the open buffers of an editor do, and
//! need not be anywhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use crate::documents::location::file_uri;
use crate::error::Error;

/// The texts that were given, by where they stand.
pub(crate) struct MemoryDocuments(BTreeMap<Location, Arc<str>>);

/// The absolute place of a document. The url of a file is its path: percent-encoding has several ways to write it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Location {
    File(PathBuf),
    Url(String),
}

impl Location {
    fn of(uri: &Url) -> Self {
        let file = if uri.scheme() == "file" { uri.to_file_path().ok() } else { None };
        file.map_or_else(
            || {
                let mut uri = uri.clone();
                uri.set_fragment(None);
                Self::Url(uri.into())
            },
            Self::File,
        )
    }
}

impl MemoryDocuments {
    /// The texts at these paths and urls; of two at the same, the last. Relative paths begin at the current directory.
    ///
    /// # Errors
    /// [`Error::Setup`] if one is neither a path nor a url.
    pub(crate) fn new(given: &[(PathBuf, Arc<str>)]) -> Result<Self, Error> {
        let placed = given.iter().map(|(location, text)| Ok((Location::of(&uri_of(location)?), text.clone())));
        placed.collect::<Result<_, _>>().map(Self)
    }

    /// The text that stands at this uri.
    pub(crate) fn get(&self, uri: &Url) -> Option<&Arc<str>> {
        // Most runs have none, and read many documents.
        if self.0.is_empty() { None } else { self.0.get(&Location::of(uri)) }
    }
}

/// The uri of a path, or of a text with `://` behind a scheme.
fn uri_of(location: &Path) -> Result<Url, Error> {
    let text = location.to_str().unwrap_or_default();
    let is_scheme = |text: &str| {
        text.len() > 1
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    match text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        // The url may hold a password: it is not shown.
        Some(_) => Url::parse(text).map_err(|error| Error::Setup(format!("the url of a text is not one: {error}"))),
        None => file_uri(location),
    }
}
