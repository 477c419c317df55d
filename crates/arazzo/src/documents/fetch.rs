//! Documents for the engine's loader, as the policy allows: from disk, and from the network through `remote.rs`.

use std::path::{Component, Path, PathBuf};

use arazzo_engine::code::Code;
#[cfg(feature = "mock")]
use arazzo_engine::diagnostic::Diagnostic;
use arazzo_engine::diagnostic::{Help, nearest};
use arazzo_engine::load::{Ask, DocumentRole, Fetched, LoadOptions, Loader, Need, Refused, Unread};
use url::Url;

use crate::documents::files::{NAME_IT, REFUSED, Reach, read};
use crate::documents::remote::Remote;
use crate::error::Error;
use crate::policy::files::{self, FILE_BYTES, Files, ReadRefused};

/// Where documents may be, beside those that are named.
#[derive(Debug, Clone, Default)]
pub(crate) struct DocumentRoots {
    /// Folders that were listed.
    pub(crate) folders: Vec<PathBuf>,
    /// `true`: in the workspaces of the documents that are named; else only in their folders.
    pub(crate) workspace: bool,
    /// `true`: the document alone is read, and what it describes counts as not there.
    pub(crate) entry_only: bool,
    /// Where the document was found; nothing if it was named.
    pub(crate) found: Option<Reach>,
}

/// Loads the document at `path` and what it describes.
///
/// # Errors
/// [`Error::Setup`] if `path` is not a path of this machine. What is wrong with the documents is in the loader.
pub(crate) fn load(
    path: &Path,
    options: LoadOptions,
    place: &DocumentRoots,
    remote: &Remote,
    text: Option<&str>,
) -> Result<Loader, Error> {
    read_documents(path, options, place, remote, Begin::Arazzo, text)
}

/// Loads the OpenAPI document at `path` and what it refers to.
///
/// # Errors
/// As [`load`].
pub(crate) fn api(path: &Path, place: &DocumentRoots, remote: &Remote) -> Result<Loader, Error> {
    read_documents(path, LoadOptions::default(), place, remote, Begin::Api, None)
}

/// Loads an Arazzo document that is no file, under a name, and what it describes; it stands beside the document at
/// `path`, which it may read.
///
/// # Errors
/// As [`load`].
pub(crate) fn text(
    path: &Path,
    document: (&str, &str),
    options: LoadOptions,
    place: &DocumentRoots,
    remote: &Remote,
) -> Result<Loader, Error> {
    read_documents(path, options, place, remote, Begin::Text(document.0, document.1), None)
}

/// What is read.
#[derive(PartialEq)]
enum Begin<'t> {
    Arazzo,
    ArazzoOnly,
    Text(&'t str, &'t str),
    Api,
}

/// Loads the document at `path` and nothing that it describes.
///
/// # Errors
/// As [`load`].
pub(crate) fn entry(
    path: &Path,
    options: LoadOptions,
    place: &DocumentRoots,
    remote: &Remote,
    text: Option<&str>,
) -> Result<Loader, Error> {
    read_documents(path, options, place, remote, Begin::ArazzoOnly, text)
}

fn read_documents(
    path: &Path,
    mut options: LoadOptions,
    place: &DocumentRoots,
    remote: &Remote,
    begin: Begin<'_>,
    text: Option<&str>,
) -> Result<Loader, Error> {
    let base = Base::of(path)?;
    let (shown, uri) = (base.shown.clone(), base.uri.clone());
    // The entry document is asked for by its uri, in which `..` is gone; one on the network is no file.
    let mut named: Vec<PathBuf> = uri.to_file_path().ok().into_iter().collect();
    named.extend(options.sources.values().filter_map(|uri| Url::parse(uri).ok()?.to_file_path().ok()));
    let surroundings = |path: &Path| {
        if place.workspace { files::workspace(path) } else { path.parent().map(Path::to_path_buf) }
    };
    let entry = named.first().filter(|_| uri.scheme() == "file").cloned();
    let root = entry.as_ref().and_then(|entry| surroundings(entry));
    options.root = root.and_then(|root| Url::from_directory_path(root).ok()).map(|url| url.to_string());
    let mut files = Files::default();
    for path in &named {
        files.name(path);
        surroundings(path).iter().for_each(|folder| files.allow(folder));
    }
    place.folders.iter().for_each(|folder| files.allow(folder));
    // What was only found is not named; what it describes is read as that of others.
    let found = place.found.as_ref().zip(entry).map(|(reach, entry)| reach.files(&entry));
    let bytes = options.limits.arazzo_bytes as u64;
    let mut loader = match begin {
        Begin::Arazzo | Begin::ArazzoOnly => Loader::new(uri.clone(), shown, options),
        Begin::Text(name, _) => Loader::new(beside(&uri, name), name, options),
        Begin::Api => Loader::of_api(uri.clone(), shown, options),
    };
    while let Need::Asks(asks) = loader.need() {
        for ask in asks {
            if let (DocumentRole::Entry, Some(text)) = (ask.role, text) {
                let uri = ask.candidates.first().map(|candidate| candidate.uri.clone()).unwrap_or_default();
                let name = base.shown.clone();
                loader.give(&ask, Ok(Fetched { name, uri, bytes: text.as_bytes().to_vec() }));
                continue;
            }
            if place.entry_only && ask.role != DocumentRole::Entry {
                loader.give(&ask, Err(Unread::default()));
                continue;
            }
            let limit = if ask.role == DocumentRole::Entry { bytes } else { FILE_BYTES };
            let found = match (&begin, ask.role) {
                (Begin::Text(name, text), DocumentRole::Entry) => {
                    let (uri, bytes) = (beside(&uri, name), text.as_bytes().to_vec());
                    Ok(Fetched { name: (*name).to_owned(), uri, bytes })
                }
                (_, DocumentRole::Entry) => fetch(&ask, &base, found.as_ref().unwrap_or(&files), remote, limit),
                _ => fetch(&ask, &base, &files, remote, limit),
            };
            loader.give(&ask, found);
        }
        if begin == Begin::ArazzoOnly {
            break;
        }
    }
    Ok(loader)
}

/// The uri of something that stands in the folder of a file.
fn beside(uri: &Url, name: &str) -> String {
    uri.join(name).map_or_else(|_| uri.to_string(), String::from)
}

/// The name, uri and bytes of a file that was given by its path.
///
/// # Errors
/// [`Error::Setup`] if it cannot be read.
#[cfg(feature = "mock")]
pub(crate) fn file(path: &Path) -> Result<(String, String, Vec<u8>), Error> {
    if url_of(path).is_some() {
        let name = name_of(path);
        return Err(Error::Setup(format!("`{name}` is on the network, and files are served; save it to one")));
    }
    let name = shown(path);
    let uri = uri_of(path)?;
    let mut files = Files::default();
    files.name(path);
    let bytes = read(path, &files, false, FILE_BYTES).map_err(|reason| match reason {
        ReadRefused::Fault(reason) => {
            let near = neighbour(path).map(|near| format!("; {}", Help::meant(shown(&near)))).unwrap_or_default();
            Error::Setup(format!("cannot read `{name}`: {reason}{near}"))
        }
        ReadRefused::Refused(reason) => {
            let diagnostic = Diagnostic::error(REFUSED, None, format!("cannot read `{name}`: {reason}"));
            let diagnostics = diagnostic.help("save it to a file".to_owned()).into();
            Error::Documents { diagnostics, sources: Default::default() }
        }
    })?;
    Ok((name, uri, bytes))
}

/// Where the entry document is.
struct Base {
    /// Its name for people.
    shown: String,
    uri: Url,
    /// Its path as it is, without `..`; nothing if it is on the network.
    file: PathBuf,
    /// Its folder as it was typed and as it is; of a document on the network, the current one.
    typed: PathBuf,
    absolute: PathBuf,
}

impl Base {
    fn of(path: &Path) -> Result<Self, Error> {
        let shown = shown(path);
        let wrong = |reason: String| Error::Setup(format!("`{shown}` is not a path{reason}"));
        if let Some(uri) = url_of(path) {
            let uri = uri.map_err(|error| Error::Setup(format!("the document's url is not one: {error}")))?;
            let absolute = std::env::current_dir().unwrap_or_default();
            return Ok(Self { shown: named(&uri), uri, file: PathBuf::new(), typed: PathBuf::new(), absolute });
        }
        let absolute = std::path::absolute(path).map_err(|error| wrong(format!(": {error}")))?;
        let uri = Url::from_file_path(&absolute).map_err(|()| wrong(String::new()))?;
        // What is read is asked for by a uri that was parsed, in which `..` is gone: only such paths can be compared.
        let uri = Url::parse(uri.as_str()).unwrap_or(uri);
        let file = uri.to_file_path().unwrap_or(absolute);
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

fn fetch(ask: &Ask, base: &Base, files: &Files, remote: &Remote, limit: u64) -> Result<Fetched, Unread> {
    let mut unread = Unread::default();
    let far = ask.from.as_ref().is_some_and(|from| !from.starts_with("file:"));
    let tried = |url: &Url, reason: String| match ask.role {
        DocumentRole::Entry => reason,
        _ => format!("tried {}: {reason}", named(url)),
    };
    for candidate in &ask.candidates {
        let url = match Url::parse(&candidate.uri) {
            Ok(url) if url.scheme() == "file" => url,
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                match remote.get(&url, candidate.named, limit) {
                    Ok((at, bytes)) => return Ok(Fetched { name: named(&at), uri: at.to_string(), bytes }),
                    Err(ReadRefused::Refused(reason)) => {
                        unread.tried.push(tried(&url, reason));
                        let message = "leads to the network, where it may not be fetched".to_owned();
                        let help = "save it to a file".to_owned();
                        unread.refused = Some(Refused { code: Code::SourceRefused, message, help });
                    }
                    Err(ReadRefused::Fault(reason)) => unread.tried.push(tried(&url, reason)),
                }
                continue;
            }
            _ => {
                unread.tried.push(format!("tried {}: only files and https are read", candidate.uri));
                continue;
            }
        };
        let Ok(path) = url.to_file_path() else {
            unread.tried.push(format!("tried {}: files of other machines are not read", candidate.uri));
            unread.refused = Some(refused(ask, far, files));
            continue;
        };
        let name = name(&path, base);
        match read(&path, files, far, limit) {
            Ok(bytes) => return Ok(Fetched { name, uri: candidate.uri.clone(), bytes }),
            Err(ReadRefused::Refused(reason)) => {
                unread.tried.push(if ask.role == DocumentRole::Entry {
                    reason
                } else {
                    format!("tried {name}: {reason}")
                });
                unread.refused = Some(refused(ask, far, files));
            }
            Err(ReadRefused::Fault(reason)) if ask.role == DocumentRole::Entry => {
                // What is there is what was meant.
                let near = neighbour(&path)
                    .filter(|_| std::fs::symlink_metadata(&path).is_err())
                    .map(|near| format!("; {}", Help::meant(self::name(&near, base))))
                    .unwrap_or_default();
                unread.tried.push(format!("{reason}{near}"));
            }
            Err(ReadRefused::Fault(reason)) => unread.tried.push(format!("tried {name}: {reason}")),
        }
    }
    Err(unread)
}

/// What people call a document on the network: its url, without what may be nobody's business.
fn named(url: &Url) -> String {
    let mut url = url.clone();
    // A url that has no user cannot lose it.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

fn refused(ask: &Ask, far: bool, files: &Files) -> Refused {
    let help = match ask.role {
        DocumentRole::Entry if files.names_nothing() => NAME_IT,
        DocumentRole::Entry => "save it to a file",
        _ if far => "put it on the network too",
        _ => "put it below the workspace root (the nearest folder with `.git` or `arazzo.toml`)",
    };
    Refused { code: REFUSED, message: "leads to a file that may not be read".to_owned(), help: help.to_owned() }
}

/// The file of the same folder that has nearly this name.
fn neighbour(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path.parent()?;
    let names: Vec<String> =
        std::fs::read_dir(folder).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let near = nearest(wanted, names.iter().map(String::as_str).filter(|name| *name != wanted))?;
    Some(folder.join(near))
}

/// The name people see: relative to the document as it was typed, where that is possible.
fn name(path: &Path, base: &Base) -> String {
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

fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// The uri of what was given by name, such as `--source NAME=PATH`.
pub(crate) fn uri_of(path: &Path) -> Result<String, Error> {
    let text = shown(path);
    if text.starts_with("http://") || text.starts_with("https://") {
        // The loader says what it thinks of urls.
        return Ok(text);
    }
    let absolute =
        std::path::absolute(path).map_err(|error| Error::Setup(format!("`{text}` is not a path: {error}")))?;
    Url::from_file_path(absolute).map(String::from).map_err(|()| Error::Setup(format!("`{text}` is not a path")))
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
