//! Documents that are mocked without a run: each is read and served on this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arazzo_engine::diagnostic::Diagnostics;
use arazzo_engine::load::{DescribedKind, Fetched, parse};
use arazzo_engine::mock::{Carrier, Mock};
use arazzo_engine::openapi::Api;
use arazzo_engine::source::Sources;
use tokio::task::JoinSet;

use super::channels::{Hall, accept, speaks};
use super::{Answered, Asked, Endpoint, Mocked, Observer, Room, Server, bind, listen};
use crate::builder::open;
use crate::documents::fetch;
use crate::documents::remote::Remote;
use crate::error::Error;
use crate::runtime;

/// Serves Arazzo, OpenAPI and AsyncAPI documents on this machine: one port a document, from `port` on, or ports that are free.
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
    let (mocks, notes): (Vec<Mock>, Vec<Vec<Note>>) =
        runtime::blocking(read).await.map_err(Error::Setup)??.into_iter().unzip();
    let mocks = mocked.on(mocks)?;
    let observe: Observer = Arc::new(observe);
    let mut server = Server { endpoints: vec![], notes: notes.concat(), _listeners: JoinSet::new() };
    let (mut next, room) = (port, Room::new(mocked.limits));
    for mock in mocks {
        let mock = Arc::new(mock);
        listen(&mock, &mut next, (&observe, &Asked::default(), Some(&room)), &mut server).await?;
        listen_for_messages(&mock, &mut next, (&observe, &room), &mut server).await?;
    }
    if server.endpoints.is_empty() {
        let why: Vec<&str> = server.notes.iter().map(|(_, note)| note.as_str()).collect();
        let why = if why.is_empty() {
            "the documents describe no OpenAPI or AsyncAPI source that could be mocked".to_owned()
        } else {
            why.join("; ")
        };
        return Err(Error::Setup(why));
    }
    Ok(server)
}

/// What is not served or checked of a document: its name, and words.
type Note = (String, String);

/// Serves the channels of AsyncAPI documents.
async fn listen_for_messages(
    mock: &Arc<Mock>,
    next: &mut Option<u16>,
    (observe, room): (&Observer, &Arc<Room>),
    server: &mut Server,
) -> Result<(), Error> {
    for (number, application) in mock.applications().iter().enumerate() {
        let (listener, port) = bind(next).await?;
        for (carrier, base, channels) in application.entrances() {
            let scheme = if carrier == Carrier::Socket { "ws" } else { "http" };
            let (name, url) = (application.name().to_owned(), format!("{scheme}://127.0.0.1:{port}{base}"));
            server.endpoints.push(Endpoint { name, url, operations: 0, channels });
        }
        let notes = application.notes().iter().map(|note| (application.name().to_owned(), note.clone()));
        server.notes.extend(notes);
        let hall = Hall::new(mock.clone(), number, observe.clone(), room.clone());
        server._listeners.spawn(accept(listener, Arc::new(hall)));
    }
    Ok(())
}

/// One document as a mock: an OpenAPI or AsyncAPI document, or these sources of an Arazzo document. What of it is not served is
/// said.
fn read(path: &Path) -> Result<(Mock, Vec<Note>), Error> {
    let (name, uri, bytes) = fetch::file(path)?;
    let mut texts = Sources::default();
    let parsed = parse(&mut texts, Fetched { name: name.clone(), uri, content: bytes.into() }, Default::default());
    let wrong = |diagnostics: Diagnostics, sources: Sources| Error::Documents { diagnostics, sources };
    let root = match parsed {
        Ok((_, root)) => root,
        Err(diagnostics) => return Err(wrong(diagnostics, texts)),
    };
    let kind = DescribedKind::of(&root);
    if let Some(kind @ (DescribedKind::Openapi | DescribedKind::Asyncapi)) = kind {
        let faults = Api::alone(&root).faults();
        if kind == DescribedKind::Openapi && faults.has_errors() {
            return Err(wrong(faults, texts));
        }
        // Read again, with what it refers to.
        let roots = fetch::DocumentRoots { workspace: true, ..Default::default() };
        let loader = match kind {
            DescribedKind::Openapi => fetch::api(path, Default::default(), &roots, &Remote::none()),
            _ => fetch::asyncapi(path, &roots),
        };
        let (bundle, diagnostics, sources) = loader?.finish();
        let Some(bundle) = bundle else { return Err(wrong(diagnostics, sources)) };
        let root = bundle.described.into_iter().next().and_then(|described| described.root);
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = stem.unwrap_or(name);
        if kind == DescribedKind::Openapi {
            return Ok((Mock::new(bundle.sources, bundle.store, vec![(name, root)]), vec![]));
        }
        let mock = Mock::new(bundle.sources, bundle.store, vec![]);
        return Ok(mock.with_channels(root.map(|root| vec![(name, root)]).unwrap_or_default(), &speaks));
    }
    let description = open(path).workspace(true).mock(Mocked::new()).load_blocking()?;
    if description.compiled.description.has_errors() {
        return Err(wrong(description.compiled.description.clone(), description.sources().clone()));
    }
    let (mock, applications) = description.into_mock().ok_or_else(|| Error::Setup("nothing is mocked".to_owned()))?;
    Ok(mock.with_channels(applications, &speaks))
}
