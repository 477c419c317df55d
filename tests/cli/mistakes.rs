//! Mistakes that are made in a document, each seen by `arazzo run` alone: a case is a file of `tests/suite/mistakes`. Lines
//! of `right.yaml` that begin with `-` there are written as those with `+`; what is printed then has the words behind `=`,
//! which say how it is mended, and its first place is that of the mistake.

use super::{Arazzo, Folder, root};
use std::fs;

/// A case as it is written.
struct Mistake {
    /// Everything before the output.
    head: String,
    right: String,
    wrong: String,
    /// The words that mend it.
    says: Vec<String>,
    output: String,
}

const COMMAND: &str = "$ arazzo run flow.yaml --mock\n";

fn read(text: &str) -> Mistake {
    let (head, output) = text.split_once(COMMAND).unwrap_or((text, ""));
    let of = |sign: &str| {
        let lines = head.lines().filter_map(|line| line.strip_prefix(sign));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>()
    };
    Mistake {
        head: head.to_owned(),
        right: of("-").join("\n"),
        wrong: of("+").join("\n"),
        says: of("=").into_iter().map(str::to_owned).collect(),
        output: output.to_owned(),
    }
}

/// The lines of a text, from 1, in which it has another one.
fn lines_of(text: &str, part: &str) -> Vec<usize> {
    let found = text.match_indices(part);
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    // A line above belongs to what is missing in it.
    found.flat_map(|(at, _)| line(at) - 1..=line(at) + part.matches('\n').count()).collect()
}

#[test]
fn each_mistake_is_mended_from_what_run_says_alone() {
    let suite = root().join("tests/suite/mistakes");
    let right = fs::read_to_string(suite.join("right.yaml")).unwrap();
    let folder = Folder::new();
    folder.write("reports.openapi.yaml", fs::read(suite.join("reports.openapi.yaml")).unwrap());
    let mut cases = crate::suite::files_below(&suite, &["txt"]);
    cases.sort();
    assert!(cases.len() >= 40, "{}", cases.len());
    let regex = |pattern: &str| regex::Regex::new(pattern).unwrap();
    let (time, port, place) = (regex(r"\b\d+ms\b"), regex(r"127\.0\.0\.1:\d+"), regex(r"flow\.yaml:(\d+):"));
    for path in cases {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mistake = read(&fs::read_to_string(&path).unwrap());
        assert!(right.contains(&mistake.right), "{name}: what is replaced is not in right.yaml");
        let document = right.replace(&mistake.right, &mistake.wrong);
        folder.write("flow.yaml", &document);
        let output = Arazzo::new(["run", "flow.yaml", "--mock"]).cwd(folder.path()).run();
        let said = time.replace_all(&output.stderr, "0ms");
        let said = port.replace_all(&said, "localhost:8080").into_owned();
        for words in &mistake.says {
            output.check(said.contains(words.as_str()), &format!("{name}: `{words}`"));
        }
        let first = place.captures(&said).map(|found| found[1].parse::<usize>().unwrap());
        let known = lines_of(&document, &mistake.wrong);
        output.check(first.is_some_and(|line| known.contains(&line)), &format!("{name}: a place in lines {known:?}"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, format!("{}{COMMAND}{said}", mistake.head)).unwrap();
        } else {
            assert!(said == mistake.output, "{name}\n--- expected\n{}\n--- found\n{said}", mistake.output);
        }
    }
    // What is right is run without a word.
    folder.write("flow.yaml", &right);
    Arazzo::new(["run", "flow.yaml", "--mock"]).cwd(folder.path()).run().exits(0).never_says(&["warning", "error"]);
}
