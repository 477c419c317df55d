//! Documents in one style. `suite/format/*.yaml` and `.json`: documents; in the `.txt` beside each what comes out, or why
//! it stays as it is. And every document that there is: what it means stays, every comment stays, twice is as once.

use std::path::{Path, PathBuf};

use arazzo_engine::compile::compile;
use arazzo_engine::format::{Unformatted, format};
use arazzo_engine::load::LoadOptions;
use arazzo_engine::node::{Node, NodeLimits};
use arazzo_engine::source::Sources;
use arazzo_engine::value::Json;

use crate::suite::{Case, bundle, files_below, shared, suite_path, workspace_root};

fn formatted(text: &str) -> Result<String, Unformatted> {
    let mut sources = Sources::default();
    let id = sources.add("document", "", text);
    format(&sources, id)
}

fn parsed(text: &str) -> Option<Node> {
    let mut sources = Sources::default();
    let id = sources.add("document", "", text);
    Node::parse(&sources, id, NodeLimits::default()).ok()
}

/// A value whose members have an order of their own.
fn ordered(value: &Json) -> serde_json::Value {
    fn sort(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(members) => {
                let mut members: Vec<_> = members.into_iter().map(|(name, value)| (name, sort(value))).collect();
                members.sort_by(|one, other| one.0.cmp(&other.0));
                members.into_iter().collect()
            }
            serde_json::Value::Array(items) => items.into_iter().map(sort).collect(),
            other => other,
        }
    }
    sort(serde_json::from_str(&value.to_string()).unwrap())
}

/// Everything that is written, but for blanks and quotes: comments too.
fn letters(text: &str) -> Vec<char> {
    let mut letters: Vec<char> =
        text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '"' | '\\')).collect();
    letters.sort_unstable();
    letters
}

/// What is not so of a document that was formatted; `Ok(None)` where it stays as it is.
fn checked(text: &str) -> Result<Option<String>, String> {
    let before = parsed(text);
    let after = match formatted(text) {
        Ok(after) => after,
        Err(Unformatted::Unread(_)) if before.is_some() => return Err("it can be read".to_owned()),
        Err(_) => return Ok(None),
    };
    let read = parsed(&after).ok_or("it cannot be read any more")?;
    if ordered(&before.ok_or("it could not be read")?.to_json()) != ordered(&read.to_json()) {
        return Err("it does not mean the same".to_owned());
    }
    if letters(text) != letters(&after) {
        return Err("something that was written is gone".to_owned());
    }
    match formatted(&after) {
        Ok(twice) if twice == after => Ok(Some(after)),
        _ => Err("twice is not as once".to_owned()),
    }
}

#[test]
fn documents_come_out_in_one_style() {
    let mut wrong = vec![];
    for path in files_below(&suite_path("format"), &["yaml", "json"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let found = match checked(&text) {
            Ok(Some(after)) => after,
            Ok(None) => format!("left as it is: {}\n", formatted(&text).unwrap_err()),
            Err(reason) => panic!("{}: {reason}", path.display()),
        };
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}\n--- found\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Documents of the repository and of the corpus, those in case files too.
fn documents() -> Vec<(PathBuf, String)> {
    let root = workspace_root();
    let mut folders: Vec<PathBuf> = ["specs", "examples", "docs"].iter().map(|name| root.join(name)).collect();
    folders.extend(["corpus", "spec", "conformance", "found"].iter().filter_map(|name| shared(name)));
    let files = folders.iter().flat_map(|folder| files_below(folder, &["yaml", "yml", "json"]));
    let mut found: Vec<(PathBuf, String)> =
        files.filter_map(|path| std::fs::read_to_string(&path).ok().map(|text| (path, text))).collect();
    for suite in ["lint", "run", "messages", "mocked", "readings", "index"] {
        for path in files_below(&suite_path(suite), &["yaml"]) {
            let files = Case::read(&path).files.into_iter();
            found.extend(files.map(|(name, text)| (path.join(name), text.replace('^', ""))));
        }
    }
    found.retain(|(_, text)| text.len() < 1 << 20 && text.contains("arazzo"));
    found
}

#[test]
fn what_documents_mean_and_their_comments_stay() {
    let (mut wrong, mut changed, mut left) = (vec![], 0, vec![]);
    for (path, text) in documents() {
        match checked(&text) {
            Ok(Some(after)) => changed += usize::from(after != text),
            Ok(None) => left.extend(is_left(&text).then_some(path)),
            Err(reason) => wrong.push(format!("{}: {reason}", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(changed > 100, "{changed} documents were changed");
    assert!(left.len() < 5, "{left:#?}");
}

/// `true` for an Arazzo document that can be read and was left all the same.
fn is_left(text: &str) -> bool {
    parsed(text).is_some_and(|root| root.get("arazzo").is_some())
}

/// What a document compiles to: what is said about it, and its names in their order.
fn compiled(path: &Path, text: &str) -> Option<Vec<String>> {
    let mut files = vec![("document.yaml".to_owned(), text.to_owned())];
    for source in files_below(path.parent()?, &["yaml", "yml"]).into_iter().filter(|other| other != path) {
        let name = source.file_name()?.to_string_lossy().into_owned();
        files.push((name, std::fs::read_to_string(&source).ok()?));
    }
    let options = LoadOptions { root: Some("file:///work/".to_owned()), ..LoadOptions::default() };
    let (bundle, loading, _) = bundle(&files, options);
    let compiled = compile(&bundle?, loading, Default::default());
    let all = compiled.workflows.iter().flatten().chain(&compiled.description);
    let mut said: Vec<String> = all.map(|found| format!("{} {}", found.code, found.message)).collect();
    said.sort_unstable();
    let program = &compiled.program;
    said.extend(program.workflows.iter().map(|workflow| format!("{} {}", workflow.name, workflow.steps.len())));
    Some(said)
}

#[test]
fn examples_compile_to_the_same_program() {
    let mut seen = 0;
    for path in files_below(&workspace_root().join("examples"), &["yaml"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        if let Ok(after) = formatted(&text) {
            assert_eq!(compiled(&path, &text), compiled(&path, &after), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen} examples");
}

/// Texts that are broken on purpose: nothing panics, and what comes out means the same.
#[test]
fn texts_that_are_changed_anywhere_are_formatted_surely_or_left() {
    let text = std::fs::read_to_string(suite_path("format/style.yaml")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let pieces =
        ["", "#", "- ", ": ", "  ", "'", "\"", "|\n", "{", "]", "&a ", "*a", "? ", "---", "\t", "# x\n", "!!str "];
    for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)).step_by(7) {
        let piece = pieces[at % pieces.len()];
        let broken = format!("{}{piece}{}", &text[..at], &text[at..]);
        if let Err(reason) = checked(&broken) {
            panic!("{piece:?} at {at}: {reason}\n{broken}");
        }
    }
    for skipped in 0..lines.len() {
        let kept: Vec<&str> =
            lines.iter().enumerate().filter(|(at, _)| *at != skipped).map(|(_, line)| *line).collect();
        if let Err(reason) = checked(&kept.join("\n")) {
            panic!("without line {}: {reason}", skipped + 1);
        }
    }
}
