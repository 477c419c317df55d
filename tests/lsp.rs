//! `arazzo lsp`, as an editor meets it. `tests/suite/lsp/*.yaml`: a folder whose first document is open, with `^` where
//! the cursor is, and what is asked there; in the `.txt` beside it the answers. `tests/lsp/`: the client, folders and what
//! becomes of their files, and the same server driven by pytest-lsp and by Neovim.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::cli::Folder;
use crate::suite::{Case, files_below, workspace_root};
use client::{Client, uri};

mod client;
mod folders;

/// Columns as the case counts them.
fn position(text: &str, offset: usize, encoding: &str) -> Value {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap();
    let character = if encoding == "utf-8" { column.len() } else { column.encode_utf16().count() };
    json!({ "line": line, "character": character })
}

fn offset(text: &str, position: &Value, encoding: &str) -> usize {
    let line = position["line"].as_u64().unwrap() as usize;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let mut left = position["character"].as_u64().unwrap() as usize;
    let mut at = start;
    for c in text[start..].chars() {
        if left == 0 {
            break;
        }
        left -= if encoding == "utf-8" { c.len_utf8() } else { c.len_utf16() };
        at += c.len_utf8();
    }
    at
}

/// Makes the edits of a workspace edit in texts by uri; the versions that it names.
fn apply(edit: &Value, texts: &mut BTreeMap<String, String>, encoding: &str) -> Vec<Value> {
    let mut versions = vec![];
    for change in edit["documentChanges"].as_array().unwrap() {
        let text = texts.get_mut(change["textDocument"]["uri"].as_str().unwrap()).unwrap();
        versions.push(change["textDocument"]["version"].clone());
        let mut edits: Vec<(usize, usize, String)> = change["edits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edit| {
                let at = |end: &str| offset(text, &edit["range"][end], encoding);
                (at("start"), at("end"), edit["newText"].as_str().unwrap().to_owned())
            })
            .collect();
        edits.sort();
        assert!(edits.windows(2).all(|two| two[0].1 <= two[1].0), "edits overlap: {edits:?}");
        for (start, end, new) in edits.into_iter().rev() {
            text.replace_range(start..end, &new);
        }
    }
    versions
}

struct Asked<'c> {
    case: &'c Case,
    encoding: String,
    folder: Folder,
    client: Client,
    texts: BTreeMap<String, String>,
    report: String,
}

impl Asked<'_> {
    fn name(&self, uri: &str) -> String {
        uri.rsplit('/').next().unwrap().to_owned()
    }

    fn range(&self, range: &Value) -> String {
        let at = |end: &str| format!("{}:{}", range[end]["line"], range[end]["character"]);
        format!("{}-{}", at("start"), at("end"))
    }

    fn changed(&mut self, edit: &Value) {
        let mut after = self.texts.clone();
        let versions = apply(edit, &mut after, &self.encoding);
        writeln!(self.report, "    for versions {}", Value::from(versions)).unwrap();
        for (uri, text) in &after {
            arazzo::parse_values(uri, text).unwrap_or_else(|_| panic!("cannot be read any more:\n{text}"));
            for line in similar::TextDiff::from_lines(&self.texts[uri], text).iter_all_changes() {
                if line.tag() != similar::ChangeTag::Equal {
                    write!(self.report, "    {} {}{}", self.name(uri), line.tag(), line.value()).unwrap();
                }
            }
        }
    }

    fn ask(&mut self, what: &Value, uri: &str, at: &Value) {
        let (word, argument) = match what.as_object().and_then(|pair| pair.iter().next()) {
            Some((word, argument)) => (word.clone(), argument.clone()),
            None => (what.as_str().unwrap().to_owned(), Value::Null),
        };
        let mut params = json!({ "textDocument": { "uri": uri }, "position": at });
        match word.as_str() {
            "references" => params["context"] = json!({ "includeDeclaration": true }),
            "rename" => params["newName"] = argument,
            "symbol" => params["query"] = argument,
            "formatting" => params["options"] = json!({ "tabSize": 2, "insertSpaces": true }),
            // Of the whole document.
            "inlayHint" => {
                params["range"] =
                    json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 9999, "character": 0 } })
            }
            "codeAction" => {
                params["range"] = json!({ "start": at, "end": at });
                params["context"] = json!({ "diagnostics": [] });
                if argument.is_string() {
                    params["context"]["only"] = json!([argument]);
                }
            }
            _ => {}
        }
        writeln!(self.report, "  {word}").unwrap();
        let method = if word == "symbol" { "workspace/symbol".to_owned() } else { format!("textDocument/{word}") };
        let answer = match self.client.ask(&method, params) {
            Ok(answer) => answer,
            Err(error) => return writeln!(self.report, "    refused: {}", error["message"].as_str().unwrap()).unwrap(),
        };
        match word.as_str() {
            "rename" => self.changed(&answer),
            "codeAction" => {
                for action in answer.as_array().unwrap() {
                    let preferred = if action["isPreferred"] == true { ", preferred" } else { "" };
                    let (title, kind) = (&action["title"], &action["kind"]);
                    writeln!(self.report, "    {} ({}{preferred})", title.as_str().unwrap(), kind.as_str().unwrap())
                        .unwrap();
                    self.changed(&action["edit"]);
                }
            }
            "hover" => {
                let text = answer["contents"]["value"].as_str().unwrap_or("nothing");
                let lines = text.lines().filter(|line| !line.is_empty());
                lines.for_each(|line| writeln!(self.report, "    | {line}").unwrap());
            }
            "completion" => {
                for item in answer.as_array().unwrap() {
                    let edit = &item["textEdit"];
                    let (range, new) = (self.range(&edit["range"]), &edit["newText"]);
                    let line = format!("    {range} {new} {}", item["detail"].as_str().unwrap_or_default());
                    writeln!(self.report, "{}", line.trim_end()).unwrap();
                }
            }
            "formatting" => self.formatted(uri, &answer),
            "foldingRange" => {
                for range in answer.as_array().unwrap() {
                    writeln!(self.report, "    lines {}-{}", range["startLine"], range["endLine"]).unwrap();
                }
            }
            "documentLink" => {
                for link in answer.as_array().unwrap() {
                    let (range, to) = (self.range(&link["range"]), self.name(link["target"].as_str().unwrap()));
                    writeln!(self.report, "    {range} {to}").unwrap();
                }
            }
            "codeLens" => {
                for lens in answer.as_array().unwrap() {
                    let (command, workflow) = (&lens["command"], &lens["command"]["arguments"][1]);
                    let range = self.range(&lens["range"]);
                    writeln!(self.report, "    {range} {} {} {workflow}", command["title"], command["command"])
                        .unwrap();
                }
            }
            "inlayHint" => {
                for hint in answer.as_array().unwrap() {
                    let at = &hint["position"];
                    writeln!(self.report, "    {}:{} {}", at["line"], at["character"], hint["label"]).unwrap();
                }
            }
            "documentSymbol" => self.symbols(&answer, 2),
            "symbol" => {
                for found in answer.as_array().unwrap() {
                    let place = &found["location"];
                    let (name, range) = (self.name(place["uri"].as_str().unwrap()), self.range(&place["range"]));
                    let container = found["containerName"].as_str().unwrap_or_default();
                    let line = format!("    {} {name} {range} {container}", found["name"].as_str().unwrap());
                    writeln!(self.report, "{}", line.trim_end()).unwrap();
                }
            }
            "prepareRename" => {
                let range = if answer.is_null() { "nothing".to_owned() } else { self.range(&answer["range"]) };
                writeln!(self.report, "    {range} {}", answer["placeholder"]).unwrap();
            }
            _ => {
                let places = answer.as_array().cloned().unwrap_or_else(|| vec![answer.clone()]);
                for place in places.iter().filter(|place| !place.is_null()) {
                    let name = place["uri"].as_str().map(|uri| self.name(uri)).unwrap_or_default();
                    writeln!(self.report, "    {name} {}", self.range(&place["range"])).unwrap();
                }
            }
        }
    }

    /// The lines of the text that come and go.
    fn formatted(&mut self, uri: &str, edits: &Value) {
        let changes = json!({ "documentChanges": [{ "textDocument": { "uri": uri, "version": 1 }, "edits": edits }] });
        self.changed(&changes);
    }

    fn symbols(&mut self, list: &Value, depth: usize) {
        for symbol in list.as_array().into_iter().flatten() {
            let (range, own) = (self.range(&symbol["range"]), self.range(&symbol["selectionRange"]));
            let name = symbol["name"].as_str().unwrap();
            writeln!(self.report, "{}{name} {range}, {own}", "  ".repeat(depth)).unwrap();
            self.symbols(&symbol["children"], depth + 1);
        }
    }

    fn run(&mut self) {
        let mut marks = vec![];
        let mut first = None;
        for (name, text) in &self.case.files {
            let (path, clean) = (self.folder.path().join(name), text.replace('^', ""));
            let found = text.match_indices('^').enumerate().map(|(before, (at, _))| (uri(&path), at - before));
            marks.extend(found);
            self.texts.insert(uri(&path), clean.clone());
            first.get_or_insert((uri(&path), clean));
        }
        let (first, text) = first.unwrap();
        self.client.open(&first, &text);
        for diagnostic in self.client.diagnosed(&first, 1) {
            let range = self.range(&diagnostic["range"]);
            let (code, severity) = (&diagnostic["code"], &diagnostic["severity"]);
            writeln!(
                self.report,
                "{range} {severity} [{}] {}",
                code.as_str().unwrap(),
                diagnostic["codeDescription"]["href"]
            )
            .unwrap();
            for line in diagnostic["message"].as_str().unwrap().lines() {
                writeln!(self.report, "  {line}").unwrap();
            }
            for related in diagnostic["relatedInformation"].as_array().into_iter().flatten() {
                let place = &related["location"];
                let name = self.name(place["uri"].as_str().unwrap());
                let range = self.range(&place["range"]);
                writeln!(self.report, "  at {name} {range}: {}", related["message"].as_str().unwrap()).unwrap();
            }
        }
        let asked: Value = self.case.head["ask"].to_serde();
        for (uri, at) in marks {
            let at = position(&self.texts[&uri], at, &self.encoding);
            writeln!(self.report, "{} {}:{}", self.name(&uri), at["line"], at["character"]).unwrap();
            for what in asked.as_array().unwrap() {
                self.ask(what, &uri, &at);
            }
        }
    }
}

fn cases() -> PathBuf {
    workspace_root().join("tests/suite/lsp")
}

#[test]
fn editors_are_answered_as_expected() {
    let mut wrong = vec![];
    for path in files_below(&cases(), &["yaml"]) {
        let case = Case::read(&path);
        let folder = Folder::new();
        let encoding = case.head["encoding"].as_str().unwrap_or("utf-16").to_owned();
        for (number, (name, text)) in case.files.iter().enumerate() {
            // What the editor holds is not what is on the disk.
            let older = "arazzo: 1.0.1\n# an older version\n".to_owned();
            folder.write(name, if number == 0 { older } else { text.replace('^', "") });
        }
        let snippets = case.head["snippets"].as_bool() == Some(true);
        let client = Client::of(&[folder.path()], &[&encoding], snippets);
        let mut asked = Asked { case: &case, encoding, folder, client, texts: BTreeMap::new(), report: String::new() };
        asked.run();
        let found = asked.report;
        asked.client.end();
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}\n--- found\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ (UPDATE=1 rewrites them):\n{}", wrong.len(), wrong.join("\n"));
}

const FLOW: &str = "\
arazzo: 1.0.1
info: { title: Pets, version: '1' }
sourceDescriptions: [{ name: pets, url: pets.yaml, type: openapi }]
workflows:
  - workflowId: tour
    steps: [{ stepId: list, operationId: listPets }]
";

const PETS: &str = "\
openapi: 3.1.0
info: { title: Pets, version: '1' }
paths: { /pets: { get: { operationId: listPets, responses: { '200': { description: pets } } } } }
";

#[test]
fn what_the_editor_holds_stands_before_what_is_on_the_disk() {
    let folder = Folder::new();
    folder.write("flow.yaml", FLOW);
    folder.write("pets.yaml", PETS);
    let (flow, pets) = (uri(&folder.path().join("flow.yaml")), uri(&folder.path().join("pets.yaml")));
    let mut client = Client::start(folder.path(), &["utf-8", "utf-16"]);
    client.open(&flow, FLOW);
    assert!(client.diagnosed(&flow, 1).is_empty());
    // The operation is renamed in a buffer that is not saved: the workflow that uses it says so.
    client.open(&pets, &PETS.replace("listPets", "allPets"));
    while client.diagnostics[&flow]["diagnostics"].as_array().unwrap().is_empty() {
        client.receive();
    }
    assert_eq!(client.diagnostics[&flow]["diagnostics"][0]["code"], "unknown-operation-id");
    client.change(&flow, 2, &FLOW.replace("listPets", "allPets"));
    assert!(client.diagnosed(&flow, 2).is_empty());
    // A text in the middle of being written is answered by the last one that could be read.
    client.change(&flow, 3, &format!("{FLOW}  - workflowId: [\n"));
    assert!(!client.diagnosed(&flow, 3).is_empty());
    let symbols = client.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": flow } })).unwrap();
    assert_eq!(symbols[1]["name"], "tour");
    let at = json!({ "line": 4, "character": 17 });
    let params = json!({ "textDocument": { "uri": flow }, "position": at, "newName": "walk" });
    let refused = client.ask("textDocument/rename", params).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("cannot be read"), "{refused}");
    // Closed, what is on the disk is the document again.
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": flow } }));
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": pets } }));
    while !client.diagnostics[&flow]["diagnostics"].as_array().unwrap().is_empty() {
        client.receive();
    }
    client.end();
}

#[test]
fn a_document_that_is_not_open_is_looked_at_again_when_a_text_that_it_uses_changes() {
    let folder = Folder::new();
    folder.write("flow.yaml", FLOW);
    folder.write("pets.yaml", PETS);
    let (flow, pets) = (uri(&folder.path().join("flow.yaml")), uri(&folder.path().join("pets.yaml")));
    let mut client = Client::start(folder.path(), &["utf-16"]);
    let said = |client: &Client| client.diagnostics.get(&flow).map_or(Value::Null, |said| said["diagnostics"].clone());
    client.open(&pets, &PETS.replace("listPets", "allPets"));
    while said(&client)[0]["code"] != "unknown-operation-id" {
        client.receive();
    }
    client.change(&pets, 2, PETS);
    while said(&client) != json!([]) {
        client.receive();
    }
    client.end();
}

#[test]
fn documents_of_the_folder_are_looked_at_and_no_file_beside_it_is_read() {
    let outer = Folder::new();
    outer.write("secret.yaml", PETS);
    outer.write("inside/flow.yaml", FLOW.replace("pets.yaml", "../secret.yaml"));
    outer.write("inside/other.yaml", FLOW.replace("tour", "tour tour"));
    let inside = outer.path().join("inside");
    let mut client = Client::start(&inside, &["utf-16"]);
    // Nothing was opened.
    let (flow, other) = (uri(&inside.join("flow.yaml")), uri(&inside.join("other.yaml")));
    while client.diagnostics.len() < 2 {
        client.receive();
    }
    let said = client.diagnostics[&flow]["diagnostics"].to_string();
    assert!(said.contains("secret.yaml") && !said.contains("listPets"), "{said}");
    assert!(client.diagnostics[&other].to_string().contains("source"), "{:?}", client.diagnostics);
    client.end();
}

#[test]
fn what_is_no_request_of_an_editor_is_refused_and_the_session_goes_on() {
    let folder = Folder::new();
    let mut client = Client::start(folder.path(), &[]);
    let at = json!({ "line": 0, "character": 0 });
    let nowhere = json!({ "textDocument": { "uri": "untitled:one" }, "position": at });
    assert_eq!(client.ask("textDocument/hover", nowhere).unwrap_err()["code"], -32602);
    let closed = json!({ "textDocument": { "uri": uri(&folder.path().join("a.yaml")) }, "position": at });
    assert_eq!(client.ask("textDocument/hover", closed.clone()).unwrap(), Value::Null);
    assert_eq!(client.ask("textDocument/completion", closed).unwrap(), json!([]));
    assert_eq!(client.ask("textDocument/hover", json!({ "a": 1 })).unwrap_err()["code"], -32602);
    assert_eq!(client.ask("textDocument/willSaveWaitUntil", json!({})).unwrap_err()["code"], -32601);
    client.tell("textDocument/didOpen", json!([]));
    client.tell(
        "textDocument/didOpen",
        json!({ "textDocument": { "uri": "untitled:one", "languageId": "yaml", "version": 1, "text": FLOW } }),
    );
    client.tell("$/setTrace", json!({ "value": "off" }));
    client.end();
}

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most.max(1)
    }
}

fn edited(text: &str, numbers: &mut Numbers) -> String {
    const PIECES: [&str; 16] = [
        "$",
        "{",
        "}",
        "'",
        "\"",
        ":",
        "\n",
        "  - ",
        "$steps.",
        "^",
        "\u{10437}",
        "&a ",
        "*a",
        "- stepId: a\n",
        "<<: ",
        "\r",
    ];
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(numbers.below(text.len() + 1));
    let end = boundary((start + numbers.below(20)).min(text.len()));
    let piece = PIECES[numbers.below(PIECES.len())];
    match numbers.below(4) {
        0 => format!("{}{}", &text[..start], &text[end..]),
        1 => text[..start].to_owned(),
        2 => format!("{}{piece}{}", &text[..start], &text[end..]),
        _ => format!("{}{piece}{}", &text[..start], &text[start..]),
    }
}

/// Random edits of real documents, and a question after each: the server answers every one, and what it would write can be
/// read. `ARAZZO_LSP_EDITS` says how many.
#[test]
fn random_edits_never_end_the_server() {
    let edits: usize = std::env::var("ARAZZO_LSP_EDITS").map_or(300, |edits| edits.parse().unwrap());
    let mut paths = files_below(&workspace_root().join("specs"), &["yml", "yaml"]);
    paths.extend(files_below(&workspace_root().join("examples"), &["yml", "yaml", "json"]));
    if let Some(corpus) = crate::suite::shared("corpus") {
        paths.extend(files_below(&corpus, &["yml", "yaml", "json"]));
    }
    let small = |path: &PathBuf| std::fs::read_to_string(path).ok().filter(|text| text.len() < 100_000);
    let texts: Vec<(PathBuf, String)> =
        paths.into_iter().filter_map(|path| small(&path).map(|text| (path, text))).collect();
    let texts: Vec<_> = texts.iter().filter(|(_, text)| text.contains("arazzo")).collect();
    assert!(texts.len() >= 2);
    let folder = Folder::new();
    let mut client = Client::start(folder.path(), &["utf-16"]);
    let mut numbers = Numbers(7);
    let words = [
        "hover",
        "definition",
        "references",
        "completion",
        "documentSymbol",
        "rename",
        "codeAction",
        "documentHighlight",
        "inlayHint",
        "documentLink",
        "foldingRange",
        "formatting",
    ];
    let (mut version, mut current) = (1, String::new());
    let own = uri(&folder.path().join("a.arazzo.yaml"));
    client.open(&own, "");
    for number in 0..edits {
        if number % 25 == 0 {
            current = texts[numbers.below(texts.len())].1.replace('\u{feff}', "");
        }
        version += 1;
        current = edited(&current, &mut numbers);
        client.change(&own, version, &current);
        let mut at = numbers.below(current.len() + 1);
        while !current.is_char_boundary(at) {
            at -= 1;
        }
        let at = position(&current, at, "utf-16");
        let word = words[numbers.below(words.len())];
        let params = json!({
            "textDocument": { "uri": own }, "position": at, "newName": "renamed",
            "range": { "start": at, "end": at }, "options": {}, "context": { "includeDeclaration": true, "diagnostics": [] },
        });
        let answer = client.ask(&format!("textDocument/{word}"), params);
        let edits = match (word, answer) {
            ("rename", Ok(edit)) => vec![edit],
            ("formatting", Ok(edits)) => {
                vec![
                    json!({ "documentChanges": [{ "textDocument": { "uri": own, "version": version }, "edits": edits }] }),
                ]
            }
            ("codeAction", Ok(actions)) => {
                actions.as_array().unwrap().iter().map(|action| action["edit"].clone()).collect()
            }
            (_, Err(error)) => {
                assert_eq!(error["code"], -32803, "{word} after {number} edits: {error}\n{current}");
                vec![]
            }
            _ => vec![],
        };
        for edit in edits {
            let mut after = BTreeMap::from([(own.clone(), current.clone())]);
            apply(&edit, &mut after, "utf-16");
            let was_read = arazzo::parse_values("a.yaml", &current).is_ok();
            assert!(!was_read || arazzo::parse_values("a.yaml", &after[&own]).is_ok(), "{word}: {edit}\n{current}");
        }
    }
    client.diagnosed(&own, version);
    client.end();
}

/// The Python that has pytest-lsp and Neovim, as `.ci/run` installs them; nothing, and a visible line, where there is none.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("ARAZZO_PYTEST_LSP").map(PathBuf::from);
    if python.is_none() {
        assert!(std::env::var_os("ARAZZO_REQUIRE_LSP").is_none(), "ARAZZO_PYTEST_LSP names no Python with pytest-lsp");
        eprintln!("skipped: ARAZZO_PYTEST_LSP names no Python that has pytest-lsp");
    }
    python
}

/// Every feature, by a client that others wrote.
#[test]
fn pytest_lsp_is_served() {
    let Some(python) = python() else { return };
    let mut command = Command::new(python);
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).arg(workspace_root().join("tests/lsp"));
    command.env("ARAZZO_BIN", env!("CARGO_BIN_EXE_arazzo")).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(" passed"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The configuration in editors/neovim, in Neovim itself.
#[test]
fn neovim_is_served() {
    let Some(python) = python() else { return };
    let neovim = python.with_file_name("nvim");
    if !neovim.exists() {
        assert!(std::env::var_os("ARAZZO_REQUIRE_LSP").is_none(), "{} is absent", neovim.display());
        eprintln!("skipped: Neovim is absent beside ARAZZO_PYTEST_LSP");
        return;
    }
    let folder = Folder::new();
    folder.write("flow.yaml", NEOVIM_FLOW);
    folder.write(
        "pets.yaml",
        PETS.replace("listPets, ", "listPets, parameters: [{ name: limit, in: query, schema: { type: integer } }], "),
    );
    let beside = Path::new(env!("CARGO_BIN_EXE_arazzo")).parent().unwrap();
    let path = format!("{}:{}", beside.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(neovim);
    command.args(["--headless", "--clean", "-l"]).arg(workspace_root().join("tests/lsp/neovim.lua")).arg(folder.path());
    command.env("PATH", path).env("XDG_STATE_HOME", folder.path().join("state")).stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("ok an input is offered"), "{said}");
}

/// What tests/lsp/neovim.lua works on.
const NEOVIM_FLOW: &str = "\
arazzo: 1.0.1
info: { title: Pets, version: '1' }
sourceDescriptions:
  - { name: pets, url: pets.yaml, type: openapi }
workflows:
  - workflowId: tour
    inputs: { type: object, properties: { limit: { type: integer } } }
    steps:
      - stepId: list
        operationId: pets.listPets
        parameters: [{ name: limit, in: query, value: $inputs.limit }]
        outputs: { first: $response.body#/id }
    outputs: { pet: $steps.list.outputs.first }
";
