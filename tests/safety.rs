//! docs/safety.md names tests and flags that exist.

use crate::suite::{files_below, workspace_root};

#[test]
fn each_test_that_safety_names_exists() {
    let page = std::fs::read_to_string(workspace_root().join("docs/safety.md")).unwrap();
    let mut tests = String::new();
    for folder in ["tests", "crates"] {
        for path in files_below(&workspace_root().join(folder), &["rs"]) {
            tests.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).collect();
    let mut named = 0;
    for row in rows.iter().filter(|row| row.matches('|').count() == 6).skip(1) {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in last.split('`').skip(1).step_by(2) {
            assert!(tests.contains(&format!("fn {name}(")), "no test `{name}`");
            named += 1;
        }
    }
    assert!(named > 25, "{named}");
}

#[test]
fn each_flag_that_safety_names_exists() {
    let page = std::fs::read_to_string(workspace_root().join("docs/safety.md")).unwrap();
    let help = crate::cli::Arazzo::new(["run", "--help"]).run().stdout;
    for flag in page.split('`').skip(1).step_by(2).filter(|word| word.starts_with("--")) {
        let flag = flag.split(' ').next().unwrap();
        assert!(help.contains(flag), "no flag `{flag}`");
    }
}
