//! Documents for the engine's loader, as the policy allows: from disk, and from the network through `remote.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arazzo_engine::code::Code;
#[cfg(feature = "mock")]
use arazzo_engine::diagnostic::Diagnostic;
use arazzo_engine::diagnostic::{Help, nearest};
use arazzo_engine::load::{
    Ask, Candidate, DescribedKind, DocumentRole, Fetched, LoadOptions, Loader, Need, Refused, Unread,
};
use url::Url;

use crate::documents::files::{NAME_IT, REFUSED, Reach, read};
use crate::documents::location::{Base, name, named};
#[cfg(feature = "mock")]
use crate::documents::location::{name_of, shown, uri_of, url_of};
use crate::documents::memory::MemoryDocuments;
use crate::documents::remote::Remote;
use crate::error::Error;
use crate::policy::files::{self, FILE_BYTES, Files, ReadRefused};

/// Where documents may be, beside those that are named.
#[derive(Debug, Clone, Default)]
pub(crate) struct DocumentRoots {
    /// Texts in the place of what is at a path or url.
    pub(crate) memory: Vec<(PathBuf, Arc<str>)>,
    /// Folders that were listed.
    pub(crate) folders: Vec<PathBuf>,
    /// `true`: in the workspaces of the documents that are named; else only in their folders.
    pub(crate) workspace: bool,
    /// `true`: the document alone is read, and what it describes counts as not there.
    pub(crate) entry_only: bool,
    /// `true`: no document is read but those texts.
    pub(crate) memory_only: bool,
    /// Where the document was found; nothing if it was named.
    pub(crate) found: Option<Reach>,
}

/// Loads the document at `path` and what it describes.
///
/// # Errors
/// [`Error::Setup`] if `path` is not a path of this machine. What is wrong with the documents is in the loader.
pub(crate) fn load(path: &Path, options: LoadOptions, place: &DocumentRoots, remote: &Remote) -> Result<Loader, Error> {
    read_documents(path, options, place, remote, Begin::Arazzo)
}

/// Loads the OpenAPI document at `path` and what it refers to.
///
/// # Errors
/// As [`load`].
pub(crate) fn api(path: &Path, options: LoadOptions, place: &DocumentRoots, remote: &Remote) -> Result<Loader, Error> {
    read_documents(path, options, place, remote, Begin::Description(DescribedKind::Openapi))
}

/// Loads the AsyncAPI document at `path`, and what it refers to.
///
/// # Errors
/// As [`load`].
#[cfg(feature = "mock")]
pub(crate) fn asyncapi(path: &Path, place: &DocumentRoots) -> Result<Loader, Error> {
    let begin = Begin::Description(DescribedKind::Asyncapi);
    read_documents(path, LoadOptions::default(), place, &Remote::none(), begin)
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
    read_documents(path, options, place, remote, Begin::Text(document.0, document.1))
}

/// What is read.
#[derive(Clone, Copy, PartialEq)]
enum Begin<'t> {
    Arazzo,
    ArazzoOnly,
    Text(&'t str, &'t str),
    Description(DescribedKind),
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
) -> Result<Loader, Error> {
    read_documents(path, options, place, remote, Begin::ArazzoOnly)
}

fn read_documents(
    path: &Path,
    mut options: LoadOptions,
    place: &DocumentRoots,
    remote: &Remote,
    begin: Begin<'_>,
) -> Result<Loader, Error> {
    let base = Base::of(path)?;
    let memory = MemoryDocuments::new(&place.memory)?;
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
        Begin::Description(kind) => Loader::of_description(kind, uri.clone(), shown, options),
    };
    let documents = Documents { base, memory, memory_only: place.memory_only, remote };
    while let Need::Asks(asks) = loader.need() {
        for ask in asks {
            let result = match (begin, ask.role) {
                (Begin::Text(name, text), DocumentRole::Entry) => {
                    Ok(Fetched { name: name.to_owned(), uri: beside(&uri, name), content: text.into() })
                }
                (_, DocumentRole::Entry) => documents.fetch(&ask, found.as_ref().unwrap_or(&files), bytes),
                _ if place.entry_only => Err(Unread::default()),
                _ => documents.fetch(&ask, &files, FILE_BYTES),
            };
            loader.give(&ask, result);
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

/// Where documents come from.
struct Documents<'a> {
    base: Base,
    memory: MemoryDocuments,
    memory_only: bool,
    remote: &'a Remote,
}

impl Documents<'_> {
    /// The first candidate that is there, and may be read.
    fn fetch(&self, ask: &Ask, files: &Files, limit: u64) -> Result<Fetched, Unread> {
        let mut unread = Unread::default();
        for candidate in &ask.candidates {
            let found = match Url::parse(&candidate.uri) {
                Ok(url) => match self.memory.get(&url) {
                    Some(text) => Ok(self.take_text(&url, text, candidate)),
                    None if self.memory_only => Err(Unread::default()),
                    None if url.scheme() == "file" => self.read_file(&url, candidate, ask, files, limit),
                    None if matches!(url.scheme(), "http" | "https") => self.download(&url, candidate, ask, limit),
                    None => Err(unsupported(candidate)),
                },
                Err(_) => Err(unsupported(candidate)),
            };
            match found {
                Ok(fetched) => return Ok(fetched),
                Err(here) => {
                    unread.tried.extend(here.tried);
                    unread.refused = here.refused.or(unread.refused);
                }
            }
        }
        Err(unread)
    }

    /// A text that the caller gave: no policy is asked about it.
    fn take_text(&self, url: &Url, text: &Arc<str>, candidate: &Candidate) -> Fetched {
        if candidate.named {
            self.remote.let_fetch_beside(url);
        }
        let file = if url.scheme() == "file" { url.to_file_path().ok() } else { None };
        let name = file.map_or_else(|| named(url), |path| name(&path, &self.base));
        Fetched { name, uri: candidate.uri.clone(), content: text.clone().into() }
    }

    fn read_file(
        &self,
        url: &Url,
        candidate: &Candidate,
        ask: &Ask,
        files: &Files,
        limit: u64,
    ) -> Result<Fetched, Unread> {
        let far = ask.from.as_ref().is_some_and(|from| !from.starts_with("file:"));
        let Ok(path) = url.to_file_path() else {
            let tried = vec![format!("tried {}: files of other machines are not read", candidate.uri)];
            return Err(Unread { tried, refused: Some(refused(ask, far, files)) });
        };
        let name = name(&path, &self.base);
        let is_entry = ask.role == DocumentRole::Entry;
        let tried = |reason: String| vec![name_tried(ask, &name, reason)];
        match read(&path, files, far, limit) {
            Ok(bytes) => Ok(Fetched { name, uri: candidate.uri.clone(), content: bytes.into() }),
            Err(ReadRefused::Refused(reason)) => {
                Err(Unread { tried: tried(reason), refused: Some(refused(ask, far, files)) })
            }
            Err(ReadRefused::Fault(reason)) => {
                // What is there is what was meant.
                let own = is_entry || matches!(ask.role, DocumentRole::Source(_)) && !far;
                let missing = own && std::fs::symlink_metadata(&path).is_err();
                let near = if missing { neighbour(&path) } else { None };
                let near = near.map(|near| format!("; {}", Help::meant(written(&near, ask, &self.base))));
                Err(Unread { tried: tried(reason + &near.unwrap_or_default()), refused: None })
            }
        }
    }

    fn download(&self, url: &Url, candidate: &Candidate, ask: &Ask, limit: u64) -> Result<Fetched, Unread> {
        let (reason, refused) = match self.remote.get(url, candidate.named, limit) {
            Ok((at, bytes)) => return Ok(Fetched { name: named(&at), uri: at.to_string(), content: bytes.into() }),
            Err(ReadRefused::Refused(reason)) => {
                let message = "leads to the network, where it may not be fetched".to_owned();
                (reason, Some(Refused { code: Code::SourceRefused, message, help: "save it to a file".to_owned() }))
            }
            Err(ReadRefused::Fault(reason)) => (reason, None),
        };
        Err(Unread { tried: vec![name_tried(ask, &named(url), reason)], refused })
    }
}

/// A reason with what was tried. Of the document that the user named, the message has the name.
fn name_tried(ask: &Ask, name: &str, reason: String) -> String {
    match ask.from {
        None => reason,
        Some(_) => format!("tried {name}: {reason}"),
    }
}

/// How a file is written where it was asked for: in a document, from its folder.
fn written(path: &Path, ask: &Ask, base: &Base) -> String {
    let of_document = || {
        let from = Url::parse(ask.from.as_deref()?).ok()?;
        let relative = from.make_relative(&Url::from_file_path(path).ok()?)?;
        // The folders of the document itself need no `./`.
        (!relative.is_empty()).then_some(relative)
    };
    of_document().unwrap_or_else(|| name(path, base))
}

fn unsupported(candidate: &Candidate) -> Unread {
    Unread::from_iter([format!("tried {}: only files and https are read", candidate.uri)])
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
