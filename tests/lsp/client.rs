//! A client of the built command.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::Arazzo;

/// How long an answer may take on a machine that is busy: nothing is measured.
const PATIENCE: Duration = Duration::from_secs(120);

/// The command, and what it has said.
pub(super) struct Client {
    child: Child,
    stdin: ChildStdin,
    messages: Receiver<Value>,
    next: u64,
    /// What was said about each document last.
    pub(super) diagnostics: BTreeMap<String, Value>,
    /// How often something was said.
    said: usize,
}

impl Client {
    pub(super) fn start(folder: &Path, encodings: &[&str]) -> Self {
        Self::of(&[folder], encodings, false)
    }

    /// A client with several folders; `snippets`: what is inserted may have places to fill in.
    pub(super) fn of(folders: &[&Path], encodings: &[&str], snippets: bool) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arazzo"));
        for name in Arazzo::foreign() {
            command.env_remove(name);
        }
        let command = command.arg("lsp").current_dir(folders[0]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            while let Some(message) = read(&mut stdout) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut client = Self { child, stdin, messages, next: 0, diagnostics: BTreeMap::new(), said: 0 };
        let capabilities = json!({
            "general": { "positionEncodings": encodings },
            "workspace": { "workspaceEdit": { "documentChanges": true } },
            "textDocument": { "completion": { "completionItem": { "snippetSupport": snippets } } },
        });
        let folders = folders.iter().map(|folder| json!({ "uri": uri(folder), "name": "folder" }));
        let params = json!({
            "processId": null,
            "capabilities": capabilities,
            "initializationOptions": { "commands": true },
            "workspaceFolders": folders.collect::<Vec<_>>(),
        });
        let answer = client.ask("initialize", params).unwrap();
        let wanted = encodings.iter().find(|encoding| **encoding == "utf-8").unwrap_or(&"utf-16");
        assert_eq!(answer["capabilities"]["positionEncoding"], **wanted);
        client.tell("initialized", json!({}));
        client
    }

    fn write(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.stdin.flush().unwrap();
    }

    pub(super) fn tell(&mut self, method: &str, params: Value) {
        self.write(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The result of a request, or its error.
    pub(super) fn ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.next += 1;
        let id = self.next;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive();
            if message.get("method").is_none() && message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(message["result"].clone()),
                };
            }
        }
    }

    pub(super) fn receive(&mut self) -> Value {
        let message = self.messages.recv_timeout(PATIENCE).expect("the server says nothing");
        if message["method"] == "textDocument/publishDiagnostics" {
            let params = &message["params"];
            self.diagnostics.insert(params["uri"].as_str().unwrap().to_owned(), params.clone());
            self.said += 1;
        }
        message
    }

    /// Waits until what is said about a document is about this version of it.
    pub(super) fn diagnosed(&mut self, uri: &str, version: i64) -> Vec<Value> {
        while self.diagnostics.get(uri).is_none_or(|said| said["version"] != version) {
            self.receive();
        }
        self.diagnostics[uri]["diagnostics"].as_array().unwrap().clone()
    }

    pub(super) fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub(super) fn change(&mut self, uri: &str, version: i64, text: &str) {
        let document = json!({ "uri": uri, "version": version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [{ "text": text }] }));
    }

    pub(super) fn end(mut self) {
        self.ask("shutdown", Value::Null).unwrap();
        self.tell("exit", Value::Null);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

fn read(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(number) = line.strip_prefix("Content-Length:") {
            length = number.trim().parse().unwrap();
        }
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).ok()?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

pub(super) fn uri(path: &Path) -> String {
    url::Url::from_file_path(path).unwrap().into()
}
