//! Folders and what becomes of their files while an editor works in them.

use std::path::Path;

use serde_json::{Value, json};

use super::client::{Client, uri};
use super::{FLOW, PETS};
use crate::cli::Folder;

fn codes(client: &Client, uri: &str) -> Vec<String> {
    let said = client.diagnostics.get(uri).map_or(Value::Null, |said| said["diagnostics"].clone());
    let code = |diagnostic: &Value| diagnostic["code"].as_str().unwrap().to_owned();
    said.as_array().into_iter().flatten().map(code).collect()
}

/// Waits until these are the codes of what is said about a document.
fn wait(client: &mut Client, uri: &str, wanted: &[&str]) {
    while !client.diagnostics.contains_key(uri) || codes(client, uri) != wanted {
        client.receive();
    }
}

fn watched(client: &mut Client, path: &Path, kind: u8) {
    let params = json!({ "changes": [{ "uri": uri(path), "type": kind }] });
    client.tell("workspace/didChangeWatchedFiles", params);
}

#[test]
fn files_that_others_write_and_delete_are_read_again() {
    let folder = Folder::new();
    folder.write("flow.yaml", FLOW);
    folder.write("pets.yaml", PETS);
    let (flow, pets) = (uri(&folder.path().join("flow.yaml")), folder.path().join("pets.yaml"));
    let mut client = Client::start(folder.path(), &["utf-16"]);
    client.open(&flow, FLOW);
    wait(&mut client, &flow, &[]);
    folder.write("pets.yaml", PETS.replace("listPets", "allPets"));
    watched(&mut client, &pets, 2);
    wait(&mut client, &flow, &["unknown-operation-id"]);
    std::fs::remove_file(&pets).unwrap();
    watched(&mut client, &pets, 3);
    wait(&mut client, &flow, &["source-not-found"]);
    // What is asked meanwhile is answered.
    let at = json!({ "line": 5, "character": 30 });
    let hover = client.ask("textDocument/hover", json!({ "textDocument": { "uri": flow }, "position": at })).unwrap();
    assert_eq!(hover["contents"]["value"], "`operationId`\n\nThe operation that the step calls, by its `operationId`.");
    folder.write("pets.yaml", PETS);
    watched(&mut client, &pets, 1);
    wait(&mut client, &flow, &[]);
    client.end();
}

#[test]
fn several_folders_are_looked_at_and_each_reads_of_the_others() {
    let (one, other) = (Folder::new(), Folder::new());
    other.write("pets.yaml", PETS);
    other.write("flow.yaml", FLOW);
    let far = uri(&other.path().join("pets.yaml"));
    let text = FLOW.replace("pets.yaml", &far);
    one.write("flow.yaml", text.as_str());
    let (flow, own) = (uri(&one.path().join("flow.yaml")), uri(&other.path().join("flow.yaml")));
    let mut client = Client::of(&[one.path(), other.path()], &["utf-16"], false);
    client.open(&flow, &text);
    wait(&mut client, &flow, &[]);
    let symbols = client.ask("workspace/symbol", json!({ "query": "tour" })).unwrap();
    let mut found: Vec<&str> =
        symbols.as_array().unwrap().iter().map(|symbol| symbol["location"]["uri"].as_str().unwrap()).collect();
    found.sort_unstable();
    let mut wanted = [flow.as_str(), own.as_str()];
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    // A folder that is closed is read no more.
    let event = json!({ "added": [], "removed": [{ "uri": uri(other.path()), "name": "folder" }] });
    client.tell("workspace/didChangeWorkspaceFolders", json!({ "event": event }));
    client.change(&flow, 2, &format!("{text}# changed\n"));
    wait(&mut client, &flow, &["file-refused"]);
    client.end();
}

#[test]
fn documents_that_call_one_another_are_both_answered_and_renamed() {
    let folder = Folder::new();
    let calls = |other: &str, own: &str| {
        format!(
            "arazzo: 1.0.1\r\ninfo: {{ title: 𐐷, version: '1' }}\r\nsourceDescriptions: [{{ name: {other}, url: {other}.yaml, type: arazzo }}]\r\n\
             workflows:\r\n  - workflowId: {own}\r\n    steps:\r\n      - {{ stepId: go, workflowId: $sourceDescriptions.{other}.{other} }}\r\n"
        )
    };
    let (one, two) = (calls("two", "one"), calls("one", "two"));
    folder.write("one.yaml", one.as_str());
    folder.write("two.yaml", two.as_str());
    let (first, second) = (uri(&folder.path().join("one.yaml")), uri(&folder.path().join("two.yaml")));
    let mut client = Client::start(folder.path(), &["utf-16"]);
    client.open(&first, &one);
    client.diagnosed(&first, 1);
    client.open(&second, &two);
    client.diagnosed(&second, 1);
    let at = json!({ "line": 4, "character": 17 });
    let params = json!({ "textDocument": { "uri": first }, "position": at, "newName": "renamed" });
    let edit = client.ask("textDocument/rename", params).unwrap();
    let mut texts = [(first.clone(), one.clone()), (second.clone(), two.clone())].into();
    super::apply(&edit, &mut texts, "utf-16");
    assert_eq!(texts[&first], one.replace("workflowId: one", "workflowId: renamed"));
    assert_eq!(texts[&second], two.replace("one.one", "one.renamed"));
    client.end();
}

/// While a line is written, nothing is said about others: each text is one that somebody stops at while typing a step.
#[test]
fn a_line_that_is_being_written_is_all_that_something_is_said_about() {
    let folder = Folder::new();
    folder.write("pets.yaml", PETS);
    let flow = uri(&folder.path().join("flow.yaml"));
    let before = "arazzo: 1.0.1\ninfo: { title: Pets, version: '1' }\nsourceDescriptions:\n  - name: pets\n    url: pets.yaml\n    type: openapi\n\
                  workflows:\n  - workflowId: tour\n    steps:\n      - stepId: list\n        operationId: listPets\n";
    let after = "      - stepId: again\n        operationId: listPets\n        parameters:\n          - { name: X-One, in: header, value: $steps.list.outputs.one }\n";
    let written = ["        outputs:\n          one: $response.header.X-One\n", "        timeout: 5\n"].concat();
    let mut client = Client::start(folder.path(), &["utf-16"]);
    client.open(&flow, &format!("{before}{after}"));
    client.diagnosed(&flow, 1);
    let mut noise = vec![];
    for (version, (end, _)) in written.char_indices().enumerate().filter(|(number, _)| number % 3 == 0) {
        let version = version as i64 + 2;
        let typed = &written[..end];
        let line = (before.matches('\n').count() + typed.matches('\n').count()) as u64;
        client.change(&flow, version, &format!("{before}{typed}\n{after}"));
        for diagnostic in client.diagnosed(&flow, version) {
            let start = diagnostic["range"]["start"]["line"].as_u64().unwrap();
            // What reads the output is said until it is there.
            let is_read = diagnostic["code"] == "unknown-output" || diagnostic["code"] == "undeclared-parameter";
            if !(line.saturating_sub(1)..=line + 1).contains(&start) && !is_read {
                noise.push(format!("{typed:?}: {} {}", diagnostic["range"]["start"], diagnostic["message"]));
            }
        }
    }
    assert!(noise.is_empty(), "{}", noise.join("\n"));
    client.end();
}
