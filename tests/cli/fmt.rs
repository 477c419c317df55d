//! `arazzo fmt`: files, folders, standard input; what is written, what is only said, what is left.

use super::{Arazzo, Folder, Output};
use serde_json::Value;
use std::fs;

const LOOSE: &str =
    "info: {title: \"A flow\", version: '1'}   # who\narazzo: 1.0.1\nsourceDescriptions: []\nworkflows: []\n";
const NEAT: &str =
    "arazzo: 1.0.1\ninfo: { title: A flow, version: '1' } # who\nsourceDescriptions: []\nworkflows: []\n";

fn fmt(folder: &Folder, args: &[&str]) -> Output {
    Arazzo::new(["fmt"]).args(args.iter().copied()).cwd(folder.path()).run()
}

#[test]
fn documents_are_written_in_one_style_and_only_where_they_differ() {
    let folder = Folder::new();
    folder.write("flow.yaml", format!("\u{feff}{LOOSE}"));
    folder.write("deep/crlf.yaml", LOOSE.replace('\n', "\r\n"));
    folder.write("api.yaml", "openapi: 3.1.0\n");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    fmt(&folder, &["--check", "."]).exits(3).says(&["not formatted: flow.yaml", "2 documents: 2 not formatted"]);
    assert_eq!(read("flow.yaml"), format!("\u{feff}{LOOSE}"));
    fmt(&folder, &["."]).exits(0).says(&[
        "formatted flow.yaml",
        "formatted deep/crlf.yaml",
        "2 documents: 2 formatted",
    ]);
    assert_eq!(read("flow.yaml"), format!("\u{feff}{NEAT}"));
    assert_eq!(read("deep/crlf.yaml"), NEAT.replace('\n', "\r\n"));
    assert_eq!(read("api.yaml"), "openapi: 3.1.0\n");
    fmt(&folder, &["--check", "."]).exits(0).says(&["2 documents: all in the style"]);
    fmt(&folder, &["deep", "--json"]).exits(0);
    folder.write("loose.yaml", LOOSE);
    let shown = fmt(&folder, &["--diff", "flow.yaml", "loose.yaml"]);
    shown.exits(3).says(&["not formatted: loose.yaml", "2 documents: 1 not formatted"]);
    let starts = shown.stdout.starts_with("--- loose.yaml\n+++ loose.yaml\n@@ ");
    shown.check(starts && shown.stdout.contains("\n+info: { title: A flow"), "a difference of the one that has one");
    assert_eq!(read("loose.yaml"), LOOSE);
    fmt(&folder, &["--diff", "--json", "loose.yaml"]).exits(2).says(&["leave one of them out"]);
    fs::remove_file(folder.path().join("loose.yaml")).unwrap();
    // What a folder has that may not be read is left, and the others are formatted.
    let linked = Folder::new();
    folder.write("outside.yaml", LOOSE);
    linked.write("a.yaml", LOOSE);
    linked.write("z.yaml", LOOSE);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("outside.yaml"), linked.path().join("m.arazzo.yaml")).unwrap();
        fmt(&linked, &["."]).exits(3).says(&["left as it is: m.arazzo.yaml", "3 documents: 2 formatted, 1 left"]);
    }
    let none = Folder::new();
    fmt(&none, &["."]).exits(8).says(&["there are no Arazzo documents there"]);
}

#[test]
fn standard_input_is_printed() {
    let folder = Folder::new();
    let output = Arazzo::new(["fmt", "-"]).stdin(LOOSE).cwd(folder.path()).run();
    assert_eq!(output.exits(0).stdout, NEAT);
    let marked = Arazzo::new(["fmt", "-"]).stdin(&format!("\u{feff}{LOOSE}")).cwd(folder.path()).run();
    assert_eq!(marked.exits(0).stdout, format!("\u{feff}{NEAT}"));
    let check = Arazzo::new(["fmt", "-", "--check", "--stdin-filename", "flow.yaml"]).stdin(LOOSE);
    let check = check.cwd(folder.path()).run();
    check.exits(3).says(&["not formatted: flow.yaml"]);
    assert_eq!(check.stdout, "");
    // What cannot be read is given back as it is, with what is wrong.
    let broken = Arazzo::new(["fmt", "-"]).stdin("arazzo: [\n").cwd(folder.path()).run();
    assert_eq!(broken.exits(3).stdout, "arazzo: [\n");
    fmt(&folder, &["-", "--json"]).exits(2);
    fmt(&folder, &["flow.yaml", "--stdin-filename", "flow.yaml"]).exits(2);
}

#[test]
fn what_cannot_be_written_surely_is_left_with_the_reason() {
    let folder = Folder::new();
    let files = [
        ("question.yaml", "arazzo: 1.0.1\n? info\n: {}\n"),
        ("braces.yaml", "{ arazzo: 1.0.1 } # a comment\n"),
        ("api.yaml", "openapi: 3.1.0\n"),
        ("broken.yaml", "arazzo: 1.0.1\ninfo: [\n"),
        ("several.yaml", "arazzo: 1.0.1\n---\narazzo: 1.0.1\n"),
    ];
    for (name, text) in files {
        folder.write(name, text);
        let output = fmt(&folder, &[name, "--json"]);
        let found: Value = serde_json::from_str(&output.exits(3).stdout).unwrap();
        assert_eq!(found["documents"][0]["status"], "left", "{name}");
        output.says(&[&format!("left as it is: {name}")]);
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), text);
    }
    fmt(&folder, &["question.yaml"]).exits(3).says(&["question.yaml:2:1: it has a name that begins with `?`"]);
    // A file that is not there is no document that was left.
    fmt(&folder, &["absent.yaml"]).exits(2);
    folder.write("latin.yaml", b"arazzo: 1.0.1 # \xe9\n");
    fmt(&folder, &["latin.yaml"]).exits(2).says(&["UTF-8"]);
}
