//! What the server knows: the folders that were opened, the texts that the editor holds, and indexes made of them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use arazzo::diagnostics::{SourceId, Sources, Span};
use arazzo::index::Index;
use arazzo::{Builder, ParsedDocuments};
use gen_lsp_types::{Location, Position, Range, Uri};
use url::Url;

use super::text::{Encoding, Lines};
use crate::find;
use crate::remedies;

/// Arazzo documents of the folders that are looked at.
const MOST: usize = 2_000;

/// A text that the editor holds.
pub(super) struct Buffer {
    /// Its uri, as the editor writes it.
    pub(super) uri: String,
    pub(super) version: i32,
    pub(super) text: Arc<str>,
    /// It is an Arazzo document, by its name or its text.
    is_arazzo: bool,
    /// The last text of which there was an index: what is asked about a text that cannot be read is answered by it.
    good: RefCell<Option<Arc<str>>>,
}

pub(super) struct Workspace {
    pub(super) encoding: Encoding,
    pub(super) folders: Vec<PathBuf>,
    pub(super) buffers: BTreeMap<PathBuf, Buffer>,
    parsed: ParsedDocuments,
    /// Indexes of the texts as they are now.
    indexes: RefCell<BTreeMap<PathBuf, Option<Rc<Index>>>>,
    /// Indexes of the last texts of buffers that could be read.
    last: RefCell<BTreeMap<PathBuf, Read>>,
    /// How often a text or a file has changed.
    changes: Cell<u64>,
    documents: RefCell<Option<Rc<Vec<PathBuf>>>>,
}

/// A text that could be read, and its index.
type Read = (Arc<str>, Rc<Index>);

/// The index of a document, and the text in it that is asked about.
pub(super) struct View {
    pub(super) index: Rc<Index>,
    pub(super) source: SourceId,
    pub(super) offset: u32,
}

impl Workspace {
    pub(super) fn new(encoding: Encoding, folders: Vec<PathBuf>) -> Self {
        Self {
            encoding,
            folders,
            buffers: BTreeMap::new(),
            parsed: ParsedDocuments::new(),
            indexes: RefCell::default(),
            last: RefCell::default(),
            changes: Cell::new(1),
            documents: RefCell::default(),
        }
    }

    /// The file of a uri; nothing if it is none.
    pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
        Url::parse(uri).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
    }

    /// The uri of a file, as the editor writes it where it has the file open.
    pub(super) fn uri_of(&self, path: &Path) -> Option<String> {
        match self.buffers.get(path) {
            Some(buffer) => Some(buffer.uri.clone()),
            None => Url::from_file_path(path).ok().map(String::from),
        }
    }

    /// Takes a text from the editor; the place of the old one.
    pub(super) fn put(&mut self, path: PathBuf, uri: String, version: i32, text: &str) {
        let good = self.buffers.remove(&path).and_then(|buffer| buffer.good.into_inner());
        let text: Arc<str> = Arc::from(text.strip_prefix('\u{feff}').unwrap_or(text));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_arazzo = name.contains(".arazzo.") || find::names_arazzo(&text);
        self.text_changed(&path);
        self.buffers.insert(path, Buffer { uri, version, text, is_arazzo, good: RefCell::new(good) });
    }

    pub(super) fn close(&mut self, path: &Path) {
        self.buffers.remove(path);
        self.files_changed();
    }

    /// A text has changed in the editor: indexes that were made of it are not those of the texts any more.
    fn text_changed(&self, path: &Path) {
        self.changes.set(self.changes.get() + 1);
        let is_kept = |index: &Index| source_of(index.sources(), path).is_none();
        let of_others = |index: &Option<Rc<Index>>| index.as_deref().is_some_and(is_kept);
        self.indexes.borrow_mut().retain(|document, index| document != path && of_others(index));
        self.last.borrow_mut().retain(|document, (_, index)| document == path || is_kept(index));
    }

    /// A number that is another one once a text or a file has changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes.get()
    }

    /// Files may have come, gone or changed.
    pub(super) fn files_changed(&self) {
        self.changes.set(self.changes.get() + 1);
        self.indexes.borrow_mut().clear();
        self.last.borrow_mut().clear();
        *self.documents.borrow_mut() = None;
    }

    /// The folder that a file is in.
    pub(super) fn folder_of(&self, path: &Path) -> Option<&PathBuf> {
        self.folders.iter().filter(|folder| path.starts_with(folder)).max_by_key(|folder| folder.as_os_str().len())
    }

    /// How a document is read: texts that the editor holds first, files of the folders only, nothing from the network.
    pub(super) fn open(&self, path: &Path) -> Builder {
        let mut builder = arazzo::open(path).naming(remedies::flag).offline(true).parsed(&self.parsed);
        if let Some(folder) = self.folder_of(path) {
            builder = builder.found_in(folder);
            for folder in &self.folders {
                builder = builder.folder(folder);
            }
        }
        for (path, buffer) in &self.buffers {
            builder = builder.document(path, buffer.text.clone());
        }
        builder
    }

    /// The Arazzo documents of the folders, and those that are open.
    pub(super) fn documents(&self) -> Vec<PathBuf> {
        let known = self.documents.borrow().clone();
        let known = known.unwrap_or_else(|| {
            // A folder that cannot be read has none.
            let found = self.folders.iter().filter_map(|folder| find::documents_in(folder).ok()).flatten();
            let found = Rc::new(found.take(MOST).collect::<Vec<_>>());
            *self.documents.borrow_mut() = Some(found.clone());
            found
        });
        let mut all: Vec<PathBuf> = self.open_documents();
        all.extend(known.iter().filter(|path| !self.buffers.contains_key(*path)).cloned());
        all
    }

    /// The Arazzo documents that are open.
    pub(super) fn open_documents(&self) -> Vec<PathBuf> {
        let open = self.buffers.iter().filter(|(_, buffer)| buffer.is_arazzo);
        open.map(|(path, _)| path.clone()).collect()
    }

    /// The files of its folder that the url of a source description may lead to from a document.
    pub(super) fn files_beside(&self, path: &Path) -> Vec<String> {
        let Some(own) = path.parent() else { return vec![] };
        // A folder that cannot be read has none.
        let files = self.folder_of(path).and_then(|folder| find::files_in(folder).ok()).unwrap_or_default();
        let others = files.iter().filter(|file| *file != path).take(MOST);
        others.filter_map(|file| relative(file, own)).collect()
    }

    /// The index of an Arazzo document as it is now; nothing if it cannot be read.
    pub(super) fn index(&self, path: &Path) -> Option<Rc<Index>> {
        if let Some(known) = self.indexes.borrow().get(path) {
            return known.clone();
        }
        let made = self.open(path).index().ok().flatten().map(Rc::new);
        if let Some(made) = &made {
            self.could_read(path);
            let text = self.buffers.get(path).map(|buffer| buffer.text.clone());
            self.last.borrow_mut().extend(text.map(|text| (path.to_path_buf(), (text, made.clone()))));
        }
        self.indexes.borrow_mut().insert(path.to_path_buf(), made.clone());
        made
    }

    /// Keeps the text of a document as one that could be read.
    pub(super) fn could_read(&self, path: &Path) {
        if let Some(buffer) = self.buffers.get(path) {
            *buffer.good.borrow_mut() = Some(buffer.text.clone());
        }
    }

    /// As [`Workspace::index`]; of a text that cannot be read, that of the last one that could.
    pub(super) fn index_or_last(&self, path: &Path) -> Option<Rc<Index>> {
        self.index(path).or_else(|| {
            let good = self.buffers.get(path)?.good.borrow().clone()?;
            if let Some((_, index)) = self.last.borrow().get(path).filter(|(text, _)| Arc::ptr_eq(text, &good)) {
                return Some(index.clone());
            }
            let made = Rc::new(self.open(path).document(path, good.clone()).index().ok().flatten()?);
            self.last.borrow_mut().insert(path.to_path_buf(), (good, made.clone()));
            Some(made)
        })
    }

    /// What stands at a place of a file: by the document itself, or by the documents that use it.
    pub(super) fn views(&self, path: &Path, position: Position) -> Vec<View> {
        let view = |index: Rc<Index>| {
            let source = source_of(index.sources(), path)?;
            let text = index.sources().get(source)?.text.clone();
            let offset = u32::try_from(Lines::new(&text, self.encoding).offset(position)).ok()?;
            Some(View { index, source, offset })
        };
        if self.open_documents().iter().any(|document| document == path) {
            return self.index_or_last(path).and_then(view).into_iter().collect();
        }
        self.documents().iter().filter_map(|document| self.index(document)).filter_map(view).collect()
    }

    /// The place of a span for the editor.
    pub(super) fn location(&self, sources: &Sources, span: Span) -> Option<Location> {
        let path = Self::path_of(&sources.get(span.source)?.uri)?;
        Some(Location { uri: Uri(self.uri_of(&path)?), range: self.range(sources, span) })
    }

    pub(super) fn range(&self, sources: &Sources, span: Span) -> Range {
        let text = sources.get(span.source).map(|source| source.text.clone()).unwrap_or_default();
        Lines::new(&text, self.encoding).range(span.range())
    }
}

/// The way from a folder to a file.
fn relative(file: &Path, folder: &Path) -> Option<String> {
    let common = folder.ancestors().find(|above| file.starts_with(above))?;
    let up = folder.strip_prefix(common).ok()?.components().map(|_| "..".to_owned());
    let down = file.strip_prefix(common).ok()?.components();
    let down = down.map(|part| part.as_os_str().to_string_lossy().into_owned());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

/// The source that was read from a file.
pub(super) fn source_of(sources: &Sources, path: &Path) -> Option<SourceId> {
    sources.iter().find(|(_, source)| Workspace::path_of(&source.uri).is_some_and(|own| own == path)).map(|(id, _)| id)
}
