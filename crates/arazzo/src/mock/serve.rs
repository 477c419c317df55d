//! Documents that are mocked without a run: each is read and served on this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arazzo_engine::diagnostic::Diagnostics;
use arazzo_engine::load::{DescribedKind, Fetched, parse};
use arazzo_engine::mock::Mock;
use arazzo_engine::openapi::Api;
use arazzo_engine::source::Sources;
use tokio::task::JoinSet;

use super::{Answered, Asked, Mocked, Observer, Room, Server, listen};
use crate::builder::open;
use crate::documents::fetch;
use crate::documents::remote::Remote;
use crate::error::Error;
use crate::runtime;

/// Serves Arazzo and OpenAPI documents on this machine: one port a document, from `port` on, or ports that are free.
///
/// # Errors
/// [`Error::Documents`] if a document cannot be read; [`Error::Setup`] if a port cannot be used or a fault has no
/// operation.
pub async fn serve(
    documents: &[impl AsRef<Path>],
    mocked: &Mocked,
    port: Option<u16>,
    observe: impl Fn(&Answered) + Send + Sync + 'static,
) -> Result<Server, Error> {
    runtime::available().map_err(Error::Setup)?;
    let paths: Vec<PathBuf> = documents.iter().map(|path| path.as_ref().to_owned()).collect();
    let read = move || paths.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>();
    let mocks = mocked.on(runtime::blocking(read).await.map_err(Error::Setup)??)?;
    let observe: Observer = Arc::new(observe);
    let mut server = Server { endpoints: vec![], _listeners: JoinSet::new() };
    let (mut next, room) = (port, Room::new(mocked.limits));
    for mock in mocks {
        let mock = Arc::new(mock);
        listen(&mock, &mut next, (&observe, &Asked::default(), Some(&room)), &mut server).await?;
    }
    if server.endpoints.is_empty() {
        return Err(Error::Setup("the documents describe no OpenAPI source that could be mocked".to_owned()));
    }
    Ok(server)
}

/// One document as a mock: an OpenAPI document, or the OpenAPI sources of an Arazzo document.
fn read(path: &Path) -> Result<Mock, Error> {
    let (name, uri, bytes) = fetch::file(path)?;
    let mut texts = Sources::default();
    let parsed = parse(&mut texts, Fetched { name: name.clone(), uri, content: bytes.into() }, Default::default());
    let wrong = |diagnostics: Diagnostics, sources: Sources| Error::Documents { diagnostics, sources };
    let root = match parsed {
        Ok((_, root)) => root,
        Err(diagnostics) => return Err(wrong(diagnostics, texts)),
    };
    if DescribedKind::of(&root) == Some(DescribedKind::Openapi) {
        let faults = Api::alone(&root).faults();
        if faults.has_errors() {
            return Err(wrong(faults, texts));
        }
        // Read again, with what it refers to.
        let (bundle, diagnostics, sources) = fetch::api(
            path,
            Default::default(),
            &fetch::DocumentRoots { workspace: true, ..Default::default() },
            &Remote::none(),
        )?
        .finish();
        let Some(bundle) = bundle else { return Err(wrong(diagnostics, sources)) };
        let root = bundle.described.into_iter().next().and_then(|described| described.root);
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        return Ok(Mock::new(bundle.sources, bundle.store, vec![(stem.unwrap_or(name), root)]));
    }
    let description = open(path).workspace(true).mock(Mocked::new()).load_blocking()?;
    if description.compiled.description.has_errors() {
        return Err(wrong(description.compiled.description.clone(), description.sources().clone()));
    }
    description.into_mock().ok_or_else(|| Error::Setup("nothing is mocked".to_owned()))
}
