//! Where a document is, and what people call it.

use std::path::{Component, Path, PathBuf};

use url::Url;

use crate::error::Error;

/// Where the entry document is.
pub(crate) struct Base {
    /// Its name for people.
    pub(crate) shown: String,
    pub(crate) uri: Url,
    /// Its path as it is, without `..`; nothing if it is on the network.
    file: PathBuf,
    /// Its folder as it was typed and as it is; of a document on the network, the current one.
    typed: PathBuf,
    absolute: PathBuf,
}

impl Base {
    pub(crate) fn of(path: &Path) -> Result<Self, Error> {
        let shown = shown(path);
        if let Some(uri) = url_of(path) {
            let uri = uri.map_err(|error| Error::Setup(format!("the document's url is not one: {error}")))?;
            let absolute = std::env::current_dir().unwrap_or_default();
            return Ok(Self { shown: named(&uri), uri, file: PathBuf::new(), typed: PathBuf::new(), absolute });
        }
        let uri = file_uri(path)?;
        let file = uri.to_file_path().unwrap_or_else(|()| path.to_path_buf());
        let folder = |path: &Path| path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Self { uri, typed: folder(path), absolute: folder(&file), file, shown })
    }
}

/// The url that a document was named by; nothing if that is a path.
pub(crate) fn url_of(path: &Path) -> Option<Result<Url, url::ParseError>> {
    let text = path.to_str()?;
    let begins = |with: &str| text.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
    (begins("http://") || begins("https://")).then(|| Url::parse(text))
}

/// What people call a document.
pub(crate) fn name_of(path: &Path) -> String {
    url_of(path).and_then(Result::ok).map_or_else(|| shown(path), |url| named(&url))
}

/// The name people see: relative to the document as it was typed, where that is possible.
pub(crate) fn name(path: &Path, base: &Base) -> String {
    if path == base.file {
        return base.shown.clone();
    }
    let from: Vec<Component<'_>> = base.absolute.components().collect();
    let to: Vec<Component<'_>> = path.components().collect();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // Going further up than the document was typed would show more of the machine than people asked for.
    let up = from.len() - shared;
    let typed = base.typed.components().filter(|c| matches!(c, Component::Normal(_))).count();
    if base.typed.is_absolute() || up > typed + 3 {
        return shown(path);
    }
    let mut named = base.typed.clone();
    for _ in 0..up {
        match named.components().next_back() {
            Some(Component::Normal(_)) => {
                named.pop();
            }
            _ => named.push(".."),
        }
    }
    named.extend(to.iter().skip(shared));
    shown(&named)
}

pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// The uri of what was given by name, such as `--source NAME=PATH`.
pub(crate) fn uri_of(path: &Path) -> Result<String, Error> {
    let text = shown(path);
    if text.starts_with("http://") || text.starts_with("https://") {
        // The loader says what it thinks of urls.
        return Ok(text);
    }
    file_uri(path).map(String::from)
}

/// The uri of a file: its path from the root on.
///
/// # Errors
/// [`Error::Setup`] if it is none of this machine.
pub(crate) fn file_uri(path: &Path) -> Result<Url, Error> {
    let wrong = |reason: String| Error::Setup(format!("`{}` is not a path{reason}", shown(path)));
    let absolute = std::path::absolute(path).map_err(|error| wrong(format!(": {error}")))?;
    let uri = Url::from_file_path(absolute).map_err(|()| wrong(String::new()))?;
    // What is read is asked for by a uri that was parsed, in which `..` is gone: only such paths can be compared.
    Ok(Url::parse(uri.as_str()).unwrap_or(uri))
}

/// What people call a document on the network: its url, without what may be nobody's business.
pub(crate) fn named(url: &Url) -> String {
    let mut url = url.clone();
    // A url that has no user cannot lose it.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Base, name};

    /// A path without `.` and `..`, as uris have it.
    fn real(path: &str) -> PathBuf {
        let mut real = PathBuf::new();
        for part in std::env::current_dir().unwrap().join(path).components() {
            match part {
                std::path::Component::ParentDir => _ = real.pop(),
                part => real.push(part),
            }
        }
        real
    }

    #[test]
    fn documents_are_shown_as_they_were_typed_and_others_by_a_path_that_opens_from_here() {
        for (typed, other, expected) in [
            ("flows/o.yaml", "flows/o.yaml", "flows/o.yaml"),
            ("flows/o.yaml", "flows/pay.yaml", "flows/pay.yaml"),
            ("flows/o.yaml", "pay.yaml", "pay.yaml"),
            ("o.yaml", "../pay.yaml", "../pay.yaml"),
            ("./flows/o.yaml", "flows/o.yaml", "./flows/o.yaml"),
            ("../x/flows/o.yaml", "../x/flows/o.yaml", "../x/flows/o.yaml"),
            ("../x/flows/o.yaml", "../x/flows/pay.yaml", "../x/flows/pay.yaml"),
            ("../x/flows/o.yaml", "../x/api/pay.yaml", "../x/api/pay.yaml"),
            ("../x/flows/o.yaml", "../../pay.yaml", "../../pay.yaml"),
            ("../o.yaml", "../../pay.yaml", "../../pay.yaml"),
            ("a/flows/../flows/o.yaml", "a/flows/o.yaml", "a/flows/../flows/o.yaml"),
            ("a/flows/../flows/o.yaml", "a/flows/pay.yaml", "a/flows/../flows/pay.yaml"),
            ("a/flows/../o.yaml", "pay.yaml", "a/flows/../../pay.yaml"),
        ] {
            let base = Base::of(Path::new(typed)).unwrap();
            let shown = name(&real(other), &base);
            assert_eq!(shown, expected, "{typed} {other}");
            assert_eq!(real(&shown), real(other), "{typed} {other}");
        }
    }
}
