//! Documents from disk for the engine's loader. Reads regular files up to a limit; fetches nothing from the network.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use arazzo_engine::diagnostic::nearest;
use arazzo_engine::load::{Ask, Fetched, LoadOptions, Loader, Need, Wanted};
use url::Url;

use crate::error::Error;

/// Loads the document at `path` and what it describes.
///
/// # Errors
/// [`Error::Setup`] if `path` is not a path of this machine. What is wrong with the documents is in the loader.
pub(crate) fn load(path: &Path, options: LoadOptions) -> Result<Loader, Error> {
    read_documents(path, options, Begin::Arazzo)
}

/// Loads the OpenAPI document at `path` and what it refers to.
///
/// # Errors
/// As [`load`].
#[cfg(feature = "mock")]
pub(crate) fn api(path: &Path) -> Result<Loader, Error> {
    read_documents(path, LoadOptions::default(), Begin::Api)
}

/// What is read.
#[derive(PartialEq)]
enum Begin {
    Arazzo,
    ArazzoOnly,
    #[cfg(feature = "mock")]
    Api,
}

/// Loads the document at `path` and nothing that it describes.
///
/// # Errors
/// As [`load`].
pub(crate) fn entry(path: &Path, options: LoadOptions) -> Result<Loader, Error> {
    read_documents(path, options, Begin::ArazzoOnly)
}

fn read_documents(path: &Path, mut options: LoadOptions, begin: Begin) -> Result<Loader, Error> {
    let shown = shown(path);
    let absolute =
        std::path::absolute(path).map_err(|error| Error::Setup(format!("`{shown}` is not a path: {error}")))?;
    let uri = Url::from_file_path(&absolute).map_err(|()| Error::Setup(format!("`{shown}` is not a path")))?;
    options.root = root(&absolute).and_then(|root| Url::from_directory_path(root).ok()).map(|url| url.to_string());
    let limit = options.limits.bytes as u64;
    let base = Base {
        typed: path.parent().map(Path::to_path_buf).unwrap_or_default(),
        absolute: absolute.parent().map(Path::to_path_buf).unwrap_or_default(),
    };
    let mut loader = match begin {
        Begin::Arazzo | Begin::ArazzoOnly => Loader::new(uri, shown, options),
        #[cfg(feature = "mock")]
        Begin::Api => Loader::of_api(uri, shown, options),
    };
    while let Need::Asks(asks) = loader.need() {
        for ask in asks {
            loader.give(&ask, fetch(&ask, &base, limit));
        }
        if begin == Begin::ArazzoOnly {
            break;
        }
    }
    Ok(loader)
}

/// The name, uri and bytes of a file that was given by its path.
///
/// # Errors
/// [`Error::Setup`] if it cannot be read.
#[cfg(feature = "mock")]
pub(crate) fn file(path: &Path) -> Result<(String, String, Vec<u8>), Error> {
    let name = shown(path);
    let uri = uri_of(path)?;
    let limit = arazzo_engine::node::NodeLimits::default().bytes as u64;
    let bytes = read(path, limit).map_err(|reason| {
        let near = neighbour(path).map(|near| format!("; did you mean `{}`?", shown(&near))).unwrap_or_default();
        Error::Setup(format!("cannot read `{name}`: {reason}{near}"))
    })?;
    Ok((name, uri, bytes))
}

/// The folder of the entry document, as it was typed and as it is.
struct Base {
    typed: PathBuf,
    absolute: PathBuf,
}

fn fetch(ask: &Ask, base: &Base, limit: u64) -> Result<Fetched, Vec<String>> {
    let mut tried = vec![];
    for candidate in &ask.candidates {
        let path = match Url::parse(&candidate.uri)
            .ok()
            .filter(|url| url.scheme() == "file")
            .and_then(|url| url.to_file_path().ok())
        {
            Some(path) => path,
            None => {
                tried.push(format!("tried {}: only files are read", candidate.uri));
                continue;
            }
        };
        let name = name(&path, base);
        match read(&path, limit) {
            Ok(bytes) => return Ok(Fetched { name, uri: candidate.uri.clone(), bytes }),
            Err(reason) if ask.wanted == Wanted::Entry => {
                let near = neighbour(&path)
                    .map(|near| format!("; did you mean `{}`?", self::name(&near, base)))
                    .unwrap_or_default();
                tried.push(format!("{reason}{near}"));
            }
            Err(reason) => tried.push(format!("tried {name}: {reason}")),
        }
    }
    Err(tried)
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

/// The bytes of a regular file; pipes, devices and folders are not read.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let words = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    let about = std::fs::metadata(path).map_err(words)?;
    if about.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if !about.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = vec![];
    let file = std::fs::File::open(path).map_err(words)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(words)?;
    if bytes.len() as u64 > limit {
        return Err(format!("it has more than {limit} bytes"));
    }
    Ok(bytes)
}

/// The name people see: relative to the document as it was typed, where that is possible.
fn name(path: &Path, base: &Base) -> String {
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

/// The workspace root: the nearest folder with `.git` or `arazzo.toml`, else the parent of the document's folder.
fn root(document: &Path) -> Option<PathBuf> {
    let folder = document.parent()?;
    let marked = folder.ancestors().find(|folder| folder.join(".git").exists() || folder.join("arazzo.toml").exists());
    Some(marked.or_else(|| folder.parent()).unwrap_or(folder).to_path_buf())
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
