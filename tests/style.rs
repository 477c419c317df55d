//! Texts for people have no word that has a meaning only here: the table of docs/style.md.

use std::path::{Path, PathBuf};

use crate::suite::{files_below, workspace_root};

/// The words of the left column of the table.
fn house_words() -> Vec<String> {
    let page = std::fs::read_to_string(workspace_root().join("docs/style.md")).unwrap();
    let table = page.split_once("| not | but |\n").unwrap().1;
    let rows = table.lines().skip(1).filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let words: Vec<String> = rows.flat_map(|row| row.split(", ")).map(str::to_owned).collect();
    assert!(words.len() > 15, "{words:?}");
    words
}

/// The house words in a text, outside of other words.
fn found(text: &str, words: &[String]) -> Vec<String> {
    let text = text.to_lowercase();
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let stands = |word: &str| {
        text.match_indices(word)
            .any(|(at, _)| !letter(text[..at].chars().next_back()) && !letter(text[at + word.len()..].chars().next()))
    };
    words.iter().filter(|word| stands(word)).cloned().collect()
}

/// A page without code: neither its blocks nor what stands in backticks.
fn prose(page: &str) -> String {
    let outside = page.split("```").step_by(2).collect::<Vec<_>>().join(" ");
    outside.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// The strings of a source, and the comments that become the help of flags; without tests.
fn texts(path: &Path, code: &str) -> String {
    let is_help = path.to_string_lossy().contains("arazzo-cli/src/flags/");
    let code = code.split("#[cfg(test)]\n").next().unwrap_or_default();
    let mut texts = vec![];
    for line in code.lines().map(str::trim) {
        match line.strip_prefix("///") {
            Some(help) if is_help => texts.push(help.to_owned()),
            _ if line.starts_with("//") => {}
            // Between quotes, as far as a line goes.
            _ => texts.extend(line.replace("\\\"", " ").split('"').skip(1).step_by(2).map(str::to_owned)),
        }
    }
    prose(&texts.join("\n"))
}

#[test]
fn texts_for_people_have_no_house_words() {
    let words = house_words();
    let root = workspace_root();
    let mut pages: Vec<PathBuf> =
        ["README.md", "SECURITY.md", "CONTRIBUTING.md", "examples/README.md"].map(|page| root.join(page)).into();
    pages.extend(
        ["docs", "crates/arazzo-engine/pages"].iter().flat_map(|folder| files_below(&root.join(folder), &["md"])),
    );
    pages.extend(files_below(&root.join("crates/arazzo-cli/src/help"), &["txt"]));
    pages.retain(|page| !page.ends_with("docs/style.md"));
    let sources = ["arazzo-engine", "arazzo", "arazzo-cli"].map(|name| root.join("crates").join(name).join("src"));
    let sources = sources.iter().flat_map(|folder| files_below(folder, &["rs"]));
    let texts = pages
        .into_iter()
        .map(|path| (prose(&std::fs::read_to_string(&path).unwrap()), path))
        .chain(sources.map(|path| (texts(&path, &std::fs::read_to_string(&path).unwrap()), path)));
    let wrong: Vec<String> = texts
        .flat_map(|(text, path)| {
            text.lines()
                .flat_map(|line| found(line, &words).into_iter().map(move |word| (word, line.trim().to_owned())))
                .map(|(word, line)| format!("{}: `{word}` in: {line}", path.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "house words of docs/style.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_name_of_the_library_is_said_to_be_for_something() {
    let root = workspace_root();
    let library = std::fs::read_to_string(root.join("crates/arazzo/src/lib.rs")).unwrap();
    let page = std::fs::read_to_string(root.join("docs/library.md")).unwrap();
    let (mut module, mut statement) = (String::new(), String::new());
    let mut names: Vec<String> = vec![];
    for line in library.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        if let Some(name) = line.strip_prefix("pub mod ") {
            module = name.trim_end_matches([' ', '{', ';']).to_owned();
            names.push(std::mem::take(&mut module));
            if line.ends_with('{') {
                module.clone_from(names.last().unwrap());
            }
        } else if line == "}" && statement.is_empty() {
            module.clear();
        } else if line.starts_with("pub use ") || !statement.is_empty() {
            statement.push_str(line);
        }
        if statement.ends_with(';') {
            let path = std::mem::take(&mut statement);
            let path = path.trim_end_matches([';', '}']);
            let list = path.rsplit_once("::{").map_or(path.rsplit("::").next().unwrap(), |(_, list)| list);
            for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                let name = name.rsplit(" as ").next().unwrap().trim_start_matches("pub use ");
                names.push(if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") });
            }
        }
    }
    assert!(names.len() > 80, "{names:?}");
    names.retain(|name| !page.contains(&format!("`{name}`")));
    assert!(names.is_empty(), "names of the library that docs/library.md does not list: {names:?}");
}
