//! `arazzo lsp`: a language server over standard input and output.
//!
//! Messages are answered one after another, each from the texts as they are then; what is wrong with documents is said
//! when no message has come for a moment. The server asks nothing of the network, reads files of the folders that were
//! opened, and runs nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gen_lsp_types::{
    CodeAction, CodeActionKind, CodeActionParams, Diagnostic, DidChangeTextDocumentParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, DocumentSymbolParams, Position, PublishDiagnosticsParams, ReferenceParams, RenameParams,
    TextDocumentContentChangeEvent, TextDocumentPositionParams, TextEdit, Uri,
};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::exit;
use crate::show::Screen;

mod answers;
mod cases;
mod completion;
mod findings;
mod outside;
mod text;
mod workspace;

use findings::{Findings, findings, fix_all};
use text::Encoding;
use workspace::Workspace;

/// How long no message comes before documents are looked at.
const STILL: Duration = Duration::from_millis(150);

/// Exact fixes of a whole document, in one action.
const FIX_ALL: &str = "source.fixAll.arazzo";

/// Runs the server until the editor ends it; the result is the exit code.
pub(crate) fn lsp(screen: &mut Screen) -> u8 {
    let (connection, threads) = Connection::stdio();
    let code = match connection.initialize_start() {
        Ok((id, params)) => {
            let client = Client::of(&params);
            let answer = json!({
                "capabilities": capabilities(&client),
                "serverInfo": { "name": "arazzo", "version": env!("CARGO_PKG_VERSION") },
            });
            match connection.initialize_finish(id, answer) {
                Ok(()) => Server::new(&connection, client).serve(),
                Err(error) => refused(screen, &error.to_string()),
            }
        }
        Err(error) => refused(screen, &error.to_string()),
    };
    drop(connection);
    match threads.join() {
        Ok(()) => code,
        // The editor is gone, or what it sent is no message.
        Err(error) => refused(screen, &error.to_string()),
    }
}

fn refused(screen: &mut Screen, reason: &str) -> u8 {
    screen.line(&format!("error: the language server was not spoken to as the protocol says: {reason}"));
    exit::USAGE
}

/// What the client can do, and what it has opened.
struct Client {
    encoding: Encoding,
    folders: Vec<PathBuf>,
    /// Edits of texts can name the version that they are for.
    versions: bool,
    /// It can be asked to say when files change.
    watches: bool,
    hints: bool,
    /// It has the commands `arazzo.run`, `arazzo.mock`, `arazzo.replay` and `arazzo.graph`.
    commands: bool,
    /// It knows what `${1:name}` is in what is inserted.
    snippets: bool,
}

impl Client {
    fn of(params: &Value) -> Self {
        let at = |pointer: &str| params.pointer(pointer);
        let is = |pointer: &str| at(pointer).and_then(Value::as_bool).unwrap_or_default();
        let encodings = at("/capabilities/general/positionEncodings").and_then(Value::as_array);
        let utf8 = encodings.is_some_and(|known| known.iter().any(|encoding| encoding == "utf-8"));
        let folders = at("/workspaceFolders").and_then(Value::as_array).into_iter().flatten();
        let mut folders: Vec<&str> = folders.filter_map(|folder| folder.get("uri")?.as_str()).collect();
        if folders.is_empty() {
            folders.extend(at("/rootUri").and_then(Value::as_str));
        }
        Self {
            encoding: if utf8 { Encoding::Utf8 } else { Encoding::Utf16 },
            folders: folders.into_iter().filter_map(Workspace::path_of).collect(),
            versions: is("/capabilities/workspace/workspaceEdit/documentChanges"),
            watches: is("/capabilities/workspace/didChangeWatchedFiles/dynamicRegistration"),
            hints: is("/initializationOptions/hints"),
            commands: is("/initializationOptions/commands"),
            snippets: is("/capabilities/textDocument/completion/completionItem/snippetSupport"),
        }
    }
}

fn capabilities(client: &Client) -> Value {
    json!({
        "positionEncoding": if client.encoding == Encoding::Utf8 { "utf-8" } else { "utf-16" },
        // Its commands are those of the client, which says that it has them.
        "codeLensProvider": if client.commands { json!({}) } else { Value::Null },
        // Whole texts: parsing begins at their beginning anyway.
        "textDocumentSync": { "openClose": true, "change": 1, "save": true },
        "hoverProvider": true,
        "definitionProvider": true,
        "referencesProvider": true,
        "documentHighlightProvider": true,
        "documentSymbolProvider": true,
        "workspaceSymbolProvider": true,
        "renameProvider": { "prepareProvider": true },
        "documentFormattingProvider": true,
        "foldingRangeProvider": true,
        "documentLinkProvider": {},
        "inlayHintProvider": true,
        "codeActionProvider": { "codeActionKinds": ["quickfix", FIX_ALL] },
        "completionProvider": { "triggerCharacters": ["$", ".", "/", "#", " "] },
        "workspace": { "workspaceFolders": { "supported": true, "changeNotifications": true } },
    })
}

struct Server<'c> {
    connection: &'c Connection,
    client: Client,
    workspace: Workspace,
    /// By document: what was said when it was looked at last.
    found: BTreeMap<PathBuf, Findings>,
    /// By file: the version that it was said about, and what.
    published: BTreeMap<PathBuf, (Option<i32>, Vec<Diagnostic>)>,
    /// When the open documents are looked at.
    due: Option<Instant>,
    /// Documents of the folders that are still to be looked at.
    unseen: VecDeque<PathBuf>,
    waiting: VecDeque<Message>,
    /// Requests that the client does not want to be answered any more.
    cancelled: BTreeSet<String>,
    is_shut_down: bool,
}

/// A request that is not answered: the code of the protocol, and why.
type Refusal = (ErrorCode, String);

impl<'c> Server<'c> {
    fn new(connection: &'c Connection, client: Client) -> Self {
        let workspace = Workspace::new(client.encoding, client.folders.clone());
        Self {
            connection,
            client,
            workspace,
            found: BTreeMap::new(),
            published: BTreeMap::new(),
            due: None,
            unseen: VecDeque::new(),
            waiting: VecDeque::new(),
            cancelled: BTreeSet::new(),
            is_shut_down: false,
        }
    }

    fn send(&self, message: impl Into<Message>) {
        // Where the client is gone, the next message says so.
        let _ = self.connection.sender.send(message.into());
    }

    fn notify(&self, method: &str, params: impl serde::Serialize) {
        self.send(Notification::new(method.to_owned(), params));
    }

    fn serve(&mut self) -> u8 {
        if self.client.watches {
            let options =
                json!({ "watchers": [{ "globPattern": "**/*.{yaml,yml,json}" }, { "globPattern": "**/arazzo.toml" }] });
            let registration =
                json!({ "id": "files", "method": "workspace/didChangeWatchedFiles", "registerOptions": options });
            let params = json!({ "registrations": [registration] });
            self.send(Request::new("files".to_owned().into(), "client/registerCapability".to_owned(), params));
        }
        self.unseen = self.workspace.documents().into();
        while let Some(message) = self.next() {
            match message {
                Message::Request(request) => self.request(request),
                Message::Notification(Notification { method, .. }) if method == "exit" => break,
                Message::Notification(sent) => self.notification(sent),
                // To the one request of the server: nothing depends on it.
                Message::Response(_) => {}
            }
        }
        if self.is_shut_down { exit::SUCCEEDED } else { exit::USAGE }
    }

    /// The next message; while none comes, documents are looked at. Nothing when the client is gone.
    fn next(&mut self) -> Option<Message> {
        loop {
            while let Ok(message) = self.connection.receiver.try_recv() {
                self.queue(message);
            }
            if let Some(message) = self.waiting.pop_front() {
                return Some(message);
            }
            let now = Instant::now();
            match self.due {
                Some(due) if due <= now => {
                    self.due = None;
                    self.look_at_open();
                }
                Some(due) => match self.connection.receiver.recv_timeout(due - now) {
                    Ok(message) => self.queue(message),
                    Err(error) if error.is_timeout() => {}
                    Err(_) => return None,
                },
                None => match self.unseen.pop_front() {
                    Some(path) => self.look_at(&path),
                    None => {
                        let message = self.connection.receiver.recv().ok()?;
                        self.queue(message);
                    }
                },
            }
        }
    }

    fn queue(&mut self, message: Message) {
        match message {
            Message::Notification(Notification { method, params }) if method == "$/cancelRequest" => {
                self.cancelled.extend(params.get("id").map(Value::to_string));
            }
            message => self.waiting.push_back(message),
        }
    }

    fn request(&mut self, Request { id, method, params }: Request) {
        let name = serde_json::to_string(&id).unwrap_or_default();
        let answer = if self.cancelled.remove(&name) {
            Err((ErrorCode::RequestCanceled, "the request was cancelled".to_owned()))
        } else if self.is_shut_down {
            Err((ErrorCode::InvalidRequest, "the server is shut down".to_owned()))
        } else {
            // A fault of this program costs one answer, and not the session.
            catch_unwind(AssertUnwindSafe(|| self.answer(&method, params)))
                .unwrap_or_else(|_| Err((ErrorCode::InternalError, "a fault in arazzo".to_owned())))
        };
        self.reply(id, answer);
        // What was cancelled after it was answered is never asked for again.
        if self.waiting.is_empty() {
            self.cancelled.clear();
        }
    }

    fn reply(&self, id: RequestId, answer: Result<Value, Refusal>) {
        self.send(match answer {
            Ok(value) => Response::new_ok(id, value),
            Err((code, message)) => Response::new_err(id, code as i32, message),
        });
    }

    fn answer(&mut self, method: &str, params: Value) -> Result<Value, Refusal> {
        let workspace = &self.workspace;
        match method {
            "shutdown" => {
                self.is_shut_down = true;
                Ok(Value::Null)
            }
            "textDocument/hover" => {
                let (path, position) = place(params)?;
                value(answers::hover(workspace, &path, position))
            }
            "textDocument/definition" => {
                let (path, position) = place(params)?;
                value(answers::definition(workspace, &path, position))
            }
            "textDocument/references" => {
                let params: ReferenceParams = read(params)?;
                let declared = params.context.include_declaration;
                let (path, position) = place_of(params.text_document_position_params)?;
                value(answers::references(workspace, &path, position, declared))
            }
            "textDocument/documentHighlight" => {
                let (path, position) = place(params)?;
                let ranges = answers::highlights(workspace, &path, position);
                value(ranges.into_iter().map(|range| json!({ "range": range })).collect::<Vec<_>>())
            }
            "textDocument/documentSymbol" => {
                let params: DocumentSymbolParams = read(params)?;
                value(answers::outline(workspace, &path_of(&params.text_document.uri)?))
            }
            "workspace/symbol" => {
                let typed = params.get("query").and_then(Value::as_str).unwrap_or_default();
                Ok(answers::everything(workspace, typed).into())
            }
            "textDocument/prepareRename" => {
                let (path, position) = place(params)?;
                let found = answers::renamed(workspace, &path, position);
                value(found.map(|(range, name)| json!({ "range": range, "placeholder": name })))
            }
            "textDocument/rename" => {
                let params: RenameParams = read(params)?;
                let (path, position) = place_of(params.text_document_position_params)?;
                let edits = answers::rename(workspace, &path, position, &params.new_name);
                Ok(self.edit(edits.map_err(|reason| (ErrorCode::RequestFailed, reason))?))
            }
            "textDocument/completion" => {
                let (path, position) = place(params)?;
                value(completion::completion(workspace, &path, position, self.client.snippets))
            }
            "textDocument/codeAction" => {
                let params: CodeActionParams = read(params)?;
                let path = path_of(&params.text_document.uri)?;
                value(self.actions(&path, &params))
            }
            "textDocument/formatting" => {
                let edit = outside::formatting(workspace, &document(&params)?);
                value(edit.map_err(|reason| (ErrorCode::RequestFailed, reason))?.into_iter().collect::<Vec<_>>())
            }
            "textDocument/foldingRange" => value(outside::folds(workspace, &document(&params)?)),
            "textDocument/documentLink" => value(outside::links(workspace, &document(&params)?)),
            "textDocument/codeLens" => value(outside::lenses(workspace, &document(&params)?)),
            "textDocument/inlayHint" => {
                let range = params.get("range").and_then(|range| serde_json::from_value(range.clone()).ok());
                value(outside::hints(workspace, &document(&params)?, range))
            }
            _ => Err((ErrorCode::MethodNotFound, format!("`{method}` is not offered"))),
        }
    }

    /// An edit of several texts, each for the version that the client has.
    fn edit(&self, edits: BTreeMap<String, Vec<TextEdit>>) -> Value {
        if !self.client.versions {
            return json!({ "changes": edits });
        }
        let version = |uri: &str| Some(self.workspace.buffers.get(&Workspace::path_of(uri)?)?.version);
        let changes = edits
            .into_iter()
            .map(|(uri, edits)| json!({ "textDocument": { "uri": uri, "version": version(&uri) }, "edits": edits }));
        json!({ "documentChanges": changes.collect::<Vec<_>>() })
    }

    /// Fixes of what is found where the cursor or the selection is, and of the whole document.
    fn actions(&self, path: &Path, params: &CodeActionParams) -> Vec<Value> {
        let uri = params.text_document.uri.0.clone();
        let wants = |kind: &str| {
            let asked = |only: &CodeActionKind| {
                let word = serde_json::to_value(only).ok().and_then(|word| word.as_str().map(str::to_owned));
                word.is_some_and(|word| kind == word || kind.starts_with(&format!("{word}.")))
            };
            params.context.only.as_ref().is_none_or(|only| only.iter().any(asked))
        };
        let mut found = vec![];
        if wants("quickfix") {
            let touches = |diagnostic: &Diagnostic| {
                let (own, asked) = (diagnostic.range, params.range);
                (own.start.line, own.start.character) <= (asked.end.line, asked.end.character)
                    && (asked.start.line, asked.start.character) <= (own.end.line, own.end.character)
            };
            // As it is now: the client may ask before the document was looked at again.
            let known = self.found.get(path).filter(|known| known.of == self.workspace.changes());
            let anew = known.is_none().then(|| findings(&self.workspace, path, self.client.hints));
            for fixable in known.or(anew.as_ref()).map(|known| known.fixable.as_slice()).unwrap_or_default() {
                if !touches(&fixable.diagnostic) {
                    continue;
                }
                let action = CodeAction {
                    title: fixable.title.clone(),
                    kind: Some(CodeActionKind::QuickFix),
                    diagnostics: Some(vec![fixable.diagnostic.clone()]),
                    is_preferred: fixable.exact.then_some(true),
                    ..CodeAction::default()
                };
                found.extend(self.with_edit(&action, &uri, fixable.edit.clone()));
            }
            if let Some((title, edit)) = findings::missing_parameters(&self.workspace, path, params.range.start) {
                let action = CodeAction { title, kind: Some(CodeActionKind::QuickFix), ..CodeAction::default() };
                found.extend(self.with_edit(&action, &uri, edit));
            }
        }
        // Asked for by name only: editors offer it by a command of their own.
        if params.context.only.is_some() && wants(FIX_ALL) {
            let action = CodeAction {
                title: "repair everything that keeps its meaning".to_owned(),
                kind: Some(CodeActionKind::Custom(FIX_ALL.into())),
                ..CodeAction::default()
            };
            let edit = fix_all(&self.workspace, path, self.client.hints);
            found.extend(edit.and_then(|edit| self.with_edit(&action, &uri, edit)));
        }
        found
    }

    fn with_edit(&self, action: &CodeAction, uri: &str, edit: TextEdit) -> Option<Value> {
        let mut action = serde_json::to_value(action).ok()?;
        let edits = BTreeMap::from([(uri.to_owned(), vec![edit])]);
        action.as_object_mut()?.insert("edit".to_owned(), self.edit(edits));
        Some(action)
    }

    fn notification(&mut self, Notification { method, params }: Notification) {
        match method.as_str() {
            "textDocument/didOpen" => {
                let Ok(params) = serde_json::from_value::<DidOpenTextDocumentParams>(params) else { return };
                let document = params.text_document;
                let Some(path) = Workspace::path_of(&document.uri.0) else { return };
                self.text_changed(&path);
                self.workspace.put(path, document.uri.0, document.version, &document.text);
                // It may be new, and not every client says when files come.
                self.workspace.files_changed();
                self.due = Some(Instant::now());
            }
            "textDocument/didChange" => {
                let Ok(params) = serde_json::from_value::<DidChangeTextDocumentParams>(params) else { return };
                let document = params.text_document;
                let uri = document.text_document_identifier.uri.0;
                let Some(path) = Workspace::path_of(&uri) else { return };
                // The newest is the whole text.
                let Some(TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(change)) =
                    params.content_changes.into_iter().next_back()
                else {
                    return;
                };
                self.text_changed(&path);
                self.workspace.put(path, uri, document.version, &change.text);
                self.due = Some(Instant::now() + STILL);
            }
            "textDocument/didClose" => {
                let Ok(params) = serde_json::from_value::<DidCloseTextDocumentParams>(params) else { return };
                let Some(path) = Workspace::path_of(&params.text_document.uri.0) else { return };
                self.text_changed(&path);
                self.workspace.close(&path);
                self.found.remove(&path);
                let is_kept = self.workspace.documents().contains(&path);
                self.unseen.extend(is_kept.then_some(path));
                self.due = Some(Instant::now());
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                self.workspace.files_changed();
                self.unseen = self.workspace.documents().into();
                self.due = Some(Instant::now() + STILL);
            }
            "workspace/didChangeWorkspaceFolders" => {
                let uris = |pointer: &str| {
                    let folders = params.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
                    let uris = folders.filter_map(|folder| folder.get("uri")?.as_str());
                    uris.filter_map(Workspace::path_of).collect::<Vec<_>>()
                };
                let (added, removed) = (uris("/event/added"), uris("/event/removed"));
                self.workspace.folders.retain(|folder| !removed.contains(folder));
                self.workspace.folders.extend(added);
                self.workspace.files_changed();
                let documents = self.workspace.documents();
                self.found.retain(|path, _| documents.contains(path));
                self.unseen = documents.into();
                self.publish();
            }
            _ => {}
        }
    }

    /// What documents of the folders said about a file is not so any more: they are looked at again.
    fn text_changed(&mut self, changed: &Path) {
        let others =
            self.found.iter_mut().filter(|(path, found)| *path != changed && found.read.iter().any(|p| p == changed));
        for (path, found) in others {
            found.of_files.remove(changed);
            if !self.unseen.contains(path) {
                self.unseen.push_back(path.clone());
            }
        }
    }

    /// Says what is wrong with the documents that are open.
    fn look_at_open(&mut self) {
        let open = self.workspace.open_documents();
        // One that is no Arazzo document any more.
        self.found.retain(|path, _| open.contains(path) || !self.workspace.buffers.contains_key(path));
        for path in open {
            self.found.insert(path.clone(), self.findings_of(&path));
        }
        self.publish();
    }

    /// Says what is wrong with a document of the folders; those that are open are looked at with every change.
    fn look_at(&mut self, path: &Path) {
        if !self.workspace.buffers.contains_key(path) {
            self.found.insert(path.to_path_buf(), self.findings_of(path));
            self.publish();
        }
    }

    fn findings_of(&self, path: &Path) -> Findings {
        let found = catch_unwind(AssertUnwindSafe(|| findings(&self.workspace, path, self.client.hints)));
        found.unwrap_or_default()
    }

    /// Sends what has changed since it was said last.
    fn publish(&mut self) {
        let mut now: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
        for (path, list) in self.found.values().flat_map(|found| &found.of_files) {
            let own = now.entry(path.clone()).or_default();
            for diagnostic in list {
                // Several documents may use the one that it stands in.
                if !own.contains(diagnostic) {
                    own.push(diagnostic.clone());
                }
            }
        }
        // What nothing is said about any more.
        for path in self.published.keys() {
            now.entry(path.clone()).or_default();
        }
        let mut published = BTreeMap::new();
        for (path, diagnostics) in now {
            let version = self.workspace.buffers.get(&path).map(|buffer| buffer.version);
            let said = (version, diagnostics);
            let is_new = match self.published.get(&path) {
                Some(old) => *old != said,
                None => version.is_some() || !said.1.is_empty(),
            };
            if let Some(uri) = self.workspace.uri_of(&path).filter(|_| is_new) {
                let params = PublishDiagnosticsParams { uri: Uri(uri), version, diagnostics: said.1.clone() };
                self.notify("textDocument/publishDiagnostics", params);
            }
            // Of a file that is not open, that nothing is wrong is said once.
            if version.is_some() || !said.1.is_empty() {
                published.insert(path, said);
            }
        }
        self.published = published;
    }
}

fn value(answer: impl serde::Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|error| (ErrorCode::InternalError, error.to_string()))
}

fn read<P: DeserializeOwned>(params: Value) -> Result<P, Refusal> {
    serde_json::from_value(params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn place(params: Value) -> Result<(PathBuf, Position), Refusal> {
    place_of(read(params)?)
}

fn place_of(params: TextDocumentPositionParams) -> Result<(PathBuf, Position), Refusal> {
    Ok((path_of(&params.text_document.uri)?, params.position))
}

/// The document that a request is about.
fn document(params: &Value) -> Result<PathBuf, Refusal> {
    let uri = params.pointer("/textDocument/uri").and_then(Value::as_str).unwrap_or_default();
    path_of(&Uri(uri.to_owned()))
}

fn path_of(uri: &Uri) -> Result<PathBuf, Refusal> {
    Workspace::path_of(&uri.0).ok_or_else(|| (ErrorCode::InvalidParams, format!("`{}` is no file", uri.0)))
}
