//! `docs/conformance.toml`: every MUST and SHOULD of the specification's texts has an entry, and every entry a case that
//! exists. `docs/conformance.md` is made from it (UPDATE=1).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::suite::{shared, workspace_root};

const FILE: &str = "docs/conformance.toml";

/// The entries of a file by id, in its order. It keeps to what is TOML and JSON at once: strings and arrays.
pub fn entries(file: &str) -> Vec<(String, Map<String, Json>)> {
    let text = std::fs::read_to_string(workspace_root().join(file)).unwrap();
    let mut entries: Vec<(String, Map<String, Json>)> = vec![];
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    while let Some(line) = lines.next() {
        if let Some(id) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            entries.push((id.to_owned(), Map::new()));
            continue;
        }
        let (name, value) = line.split_once(" = ").unwrap();
        let mut value = value.to_owned();
        while serde_json::from_str::<Json>(&value).is_err() {
            value.push_str(lines.next().unwrap_or_else(|| panic!("{name} has no end")));
        }
        entries.last_mut().unwrap().1.insert(name.to_owned(), serde_json::from_str(&value).unwrap());
    }
    entries
}

/// `FILE`, `FILE::FUNCTION`, or `FILE#WORDS` of one of several cases in a file.
pub fn exists(case: &str) -> bool {
    let (file, holds) = match (case.split_once("::"), case.split_once('#')) {
        (Some((file, function)), _) => (file, format!("fn {function}(")),
        (_, Some((file, words))) => (file, words.to_owned()),
        _ => (case, String::new()),
    };
    std::fs::read_to_string(workspace_root().join(file)).is_ok_and(|text| text.contains(&holds))
}

#[test]
fn every_entry_has_a_status_and_a_case_that_exists() {
    let entries = entries(FILE);
    let mut wrong = vec![];
    let ids: BTreeSet<&String> = entries.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), entries.len(), "two entries have one id");
    for (id, entry) in &entries {
        let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default();
        match text("status") {
            "held" if exists(text("case")) => {}
            "held" => wrong.push(format!("{id}: there is no case {:?}", text("case"))),
            "not yet" | "declined" if text("why").is_empty() => wrong.push(format!("{id}: why?")),
            "declined" if text("level") == "MUST" => wrong.push(format!("{id}: a MUST cannot be declined")),
            "not yet" | "declined" => {}
            other => wrong.push(format!("{id}: `{other}` is no status")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The sentences of a text that say MUST, SHALL, SHOULD, RECOMMENDED or REQUIRED.
fn sentences(text: &str) -> Vec<String> {
    let words = ["MUST", "SHALL", "SHOULD", "RECOMMENDED", "REQUIRED"];
    let says = |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| words.contains(&word));
    let mut found = vec![];
    let mut code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code || line.starts_with('#') || line.starts_with("The key words") || !says(line) {
            continue;
        }
        // The last cell of a row of a table says what its field is.
        let row = line.contains("<a name=") && line.contains('|');
        let line = if row { line.replace("\\|", "\u{1}") } else { line.to_owned() };
        let cell = if row { line.trim().trim_matches('|').rsplit('|').next().unwrap() } else { line.as_str() };
        let plain = linkless(&cell.replace('\u{1}', "\\|"));
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut rest = plain.as_str();
        loop {
            let end = rest.char_indices().zip(rest.char_indices().skip(2)).find(|((at, c), (_, after))| {
                let blank = rest[at + c.len_utf8()..].starts_with(' ');
                matches!(c, '.' | '!' | '?') && blank && (after.is_ascii_uppercase() || "*`_<(".contains(*after))
            });
            let (sentence, more) = match end {
                Some(((at, c), _)) => rest.split_at(at + c.len_utf8()),
                None => (rest, ""),
            };
            if says(sentence) {
                found.push(sentence.to_owned());
            }
            if more.is_empty() {
                break;
            }
            rest = more.trim_start();
        }
    }
    found
}

/// `[text](link)` → `text`
fn linkless(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('[') {
        let after = &rest[start + 1..];
        let link = after.find(']').filter(|end| after[end + 1..].starts_with('(') && !after[..*end].contains('['));
        let close = link.and_then(|end| after[end..].find(')').map(|close| (end, end + close)));
        let Some((end, close)) = close else {
            plain.push_str(&rest[..=start]);
            rest = after;
            continue;
        };
        plain.push_str(&rest[..start]);
        plain.push_str(&after[..end]);
        rest = &after[close + 1..];
    }
    plain + rest
}

/// The letters and digits of a sentence in lower case, FNV-1a.
fn fingerprint(sentence: &str) -> String {
    let letters = sentence.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    let hash =
        letters.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

#[test]
fn every_must_and_should_of_the_specification_has_an_entry() {
    let Some(folder) = shared("spec") else { return };
    let entries = entries(FILE);
    let covered: BTreeSet<&str> = entries
        .iter()
        .flat_map(|(_, entry)| entry["sentences"].as_array().unwrap().iter().filter_map(Json::as_str))
        .collect();
    let mut known = BTreeSet::new();
    let mut wrong = vec![];
    for file in ["arazzo-1.0.1.md", "arazzo-1.1.0.md"] {
        let found = sentences(&std::fs::read_to_string(folder.join(file)).unwrap());
        assert!(found.len() > 80, "only {} sentences in {file}", found.len());
        for sentence in found {
            let print = fingerprint(&sentence);
            if !covered.contains(print.as_str()) {
                wrong.push(format!("{file}: {print} {sentence}"));
            }
            known.insert(print);
        }
    }
    let gone: Vec<&&str> = covered.iter().filter(|print| !known.contains(**print)).collect();
    assert!(wrong.is_empty() && gone.is_empty(), "without an entry:\n{}\nno sentence has {gone:?}", wrong.join("\n"));
}

#[test]
fn the_page_of_conformance_is_made_from_its_entries() {
    let entries = entries(FILE);
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (_, entry) in &entries {
        *counts.entry((entry["level"].as_str().unwrap(), entry["status"].as_str().unwrap())).or_default() += 1;
    }
    let mut page = "# Conformance\nWhat the texts of Arazzo 1.0.1 and 1.1.0 ask of tools and documents, and the case that shows it; in letter mode (`--readings letter`), unless a line says otherwise. Made from `conformance.toml` by `UPDATE=1 cargo test`; change that.\n\n| level | held | not yet | declined |\n|---|---|---|---|\n".to_owned();
    for level in ["MUST", "SHOULD"] {
        let count = |status| counts.get(&(level, status)).copied().unwrap_or(0);
        writeln!(page, "| {level} | {} | {} | {} |", count("held"), count("not yet"), count("declined")).unwrap();
    }
    page.push_str("\nExpression and criterion cases: `cargo run --example conformance -- FILE`.\n");
    for (status, title) in [("not yet", "Not yet"), ("declined", "Declined, and why"), ("held", "Held")] {
        write!(
            page,
            "\n## {title}\n| id | level | versions | sections | {} |\n|---|---|---|---|---|\n",
            if status == "held" { "case" } else { "why" }
        )
        .unwrap();
        for (id, entry) in entries.iter().filter(|(_, entry)| entry["status"] == status) {
            let list = |name: &str| {
                let all = entry[name].as_array().unwrap().iter().filter_map(Json::as_str);
                all.collect::<Vec<_>>().join(", ")
            };
            let case = entry.get("case").and_then(Json::as_str).map(|case| format!("`{case}`"));
            let why = entry.get("why").and_then(Json::as_str).map(str::to_owned);
            let last = case.into_iter().chain(why).collect::<Vec<_>>().join(" · ");
            let level = entry["level"].as_str().unwrap();
            writeln!(page, "| {id} | {level} | {} | {} | {last} |", list("versions"), list("sections")).unwrap();
        }
    }
    let path = workspace_root().join("docs/conformance.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page, "UPDATE=1 rewrites docs/conformance.md");
}
