//! The structure of single documents against the specification's own tests.

use arazzo::Readings;

use crate::suite::{files_below, shared};

/// `arazzo lint --only structure` over the specification's own tests, through the library.
#[test]
fn the_schema_tests_of_the_specification_are_told_apart() {
    let Some(folder) = shared("spec/schema-tests") else { return };
    for (kind, accepted) in [("pass", true), ("fail", false)] {
        let files = files_below(&folder.join(kind), &["yaml", "json"]);
        assert!(files.len() > 20, "{}", files.len());
        for path in files {
            // Slips of shape with one meaning are read, but with `strict`.
            let readings = if accepted { Readings::Lenient } else { Readings::Strict };
            let checked = arazzo::open(&path).readings(readings).structure().unwrap();
            let found: Vec<&str> = checked.diagnostics.errors().map(|d| d.message.as_str()).collect();
            assert_eq!(found.is_empty(), accepted, "{}: {found:?}", path.display());
        }
    }
}
