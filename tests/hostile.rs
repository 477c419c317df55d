//! What strangers may do to people who run their documents: it ends with the right exit code, in bounded memory and
//! time, and nothing leaks. docs/safety.md names the row of each test.

mod brokers;
mod canaries;
mod documents;
mod files;
mod injection;
mod network;
mod peer;

/// Each file is a scenario, and so is each document that is generated and each row of a table.
#[test]
fn there_are_as_many_scenarios_as_the_pages_say() {
    let root = crate::suite::workspace_root().join("tests/hostile");
    let written = crate::suite::files_below(&root, &["yaml"]).len();
    let sources = crate::suite::files_below(&root, &["rs"]);
    let generated: usize = sources
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .map(|text| {
            let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
            let row = |line: &&&str| line.starts_with("(\"") || line.starts_with('"') && line.ends_with("\",");
            lines.iter().filter(row).count() + text.matches("ends(\"").count()
        })
        .sum();
    assert!(written >= 215, "{written} files");
    let page = std::fs::read_to_string(crate::suite::workspace_root().join("docs/safety.md")).unwrap();
    let said = page.split_once("more than ").and_then(|(_, rest)| rest.split_once(" scenarios")).unwrap().0;
    assert!(written + generated > said.parse().unwrap(), "{written} files, {generated} generated; {said} are said");
}
