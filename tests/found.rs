//! `found.toml`: each kind of fault that was found in what people wrote, and on the wire, has a case of its own and at
//! least three siblings.

use std::collections::BTreeSet;

use crate::spec::{entries, exists};

#[test]
fn each_kind_of_fault_that_was_found_has_four_cases() {
    let entries = entries("tests/found.toml");
    let mut wrong = vec![];
    for (id, entry) in &entries {
        let cases: BTreeSet<&str> =
            entry["cases"].as_array().unwrap().iter().map(|case| case.as_str().unwrap()).collect();
        if cases.len() < 4 {
            wrong.push(format!("{id}: only {} cases", cases.len()));
        }
        wrong.extend(cases.iter().filter(|case| !exists(case)).map(|case| format!("{id}: there is no case {case}")));
    }
    let rows = (1..=23).map(|row| format!("D{row}")).chain((2..=12).map(|row| format!("W{row}")));
    let known: BTreeSet<&String> = entries.iter().map(|(id, _)| id).collect();
    wrong.extend(rows.filter(|row| !known.contains(row)).map(|row| format!("{row} is not there")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
