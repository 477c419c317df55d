//! What a reference to a document means, and where that may be read.

use url::Url;

/// A place where a document may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its absolute uri.
    pub uri: String,
    /// `true` if only the reading `root-relative-source` looks there.
    pub departure: bool,
    /// `true` if this very uri was written by the entry document, or given by who runs it: identity is not permission.
    pub named: bool,
}

impl Candidate {
    /// `true` if it is on the network.
    pub(super) fn is_remote(&self) -> bool {
        self.uri.starts_with("http://") || self.uri.starts_with("https://")
    }
}

/// What a reference means: an absolute uri, or one relative to the document's own (specification, Relative References in
/// Arazzo Description URIs).
pub(super) fn resolve(identity: Option<&Url>, reference: &str) -> Result<String, String> {
    if let Ok(absolute) = Url::parse(reference) {
        return Ok(absolute.to_string());
    }
    let base = identity.ok_or_else(|| "there is nothing it could be relative to".to_owned())?;
    base.join(reference).map(String::from).map_err(|error| error.to_string())
}

/// Where what is meant may be read: there; the same way from where the document was read; then from each folder above
/// that, up to the workspace root (docs/readings.md, `root-relative-source`, "`$self` and several documents").
pub(super) fn candidates(meant: &str, read_at: Option<&Url>, reference: &str, root: Option<&str>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = vec![];
    let mut add = |uri: String, departure: bool| {
        if !found.iter().any(|candidate: &Candidate| candidate.uri == uri) {
            found.push(Candidate { uri, departure, named: false });
        }
    };
    let relative = Url::parse(reference).is_err();
    if meant.starts_with("file:") || !relative {
        add(meant.to_owned(), false);
    }
    let Some(read_at) = read_at.filter(|_| relative) else { return found };
    if let Ok(near) = read_at.join(reference) {
        add(near.to_string(), false);
    }
    if let (Some(root), "file") = (root, read_at.scheme()) {
        let reference = reference.trim_start_matches('/');
        let mut folder = read_at.join(".").ok();
        while let Some(from) = folder.filter(|folder| folder.as_str().starts_with(root)) {
            if let Some(uri) = from.join(reference).ok().map(String::from).filter(|uri| uri.starts_with(root)) {
                add(uri, true);
            }
            folder = if from.as_str() == root { None } else { from.join("..").ok() };
        }
    }
    if !meant.starts_with("file:") {
        add(meant.to_owned(), false);
    }
    found
}
