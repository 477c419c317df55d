//! The expression and criterion cases of `../shared/conformance`: by the letter each decided case comes out as the text
//! of the specification says; where lenient readings differ, the readings say why.

use arazzo_engine::readings::Readings;
use arazzo_engine::value::Json;

#[path = "../../../examples/conformance.rs"]
mod example;

use crate::suite::{shared, suite_path};

fn cases() -> Option<Json> {
    let folder = shared("conformance")?;
    Some(serde_json::from_str(&std::fs::read_to_string(folder.join("cases.json")).unwrap()).unwrap())
}

#[test]
fn every_decided_case_holds_by_the_letter() {
    let Some(suite) = cases() else { return };
    let (wrong, held) = example::run(&suite);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let decided = suite["cases"].as_array().unwrap().iter().filter(|case| case["unspecified"] != true).count();
    assert_eq!((held, suite["cases"].as_array().unwrap().len()), (decided, 164));
}

/// What lenient readings make of the cases where it is not what the letter says: one line each, kept beside the suites.
#[test]
fn lenient_readings_differ_where_the_readings_say_so() {
    let Some(suite) = cases() else { return };
    let mut lines = String::new();
    for case in suite["cases"].as_array().unwrap().iter().filter(|case| case["unspecified"] != true) {
        let found = example::outcome(case, &suite, Readings::Lenient);
        if found.as_ref().is_ok_and(|found| example::agrees(case, found)) {
            continue;
        }
        let found = found.map_or_else(|reason| reason, |found| found.to_string());
        lines.push_str(&format!("{} {}  letter: {}  lenient: {found}\n", case["id"], case["expr"], case["expected"]));
    }
    let golden = suite_path("expr/lenient-differences.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&golden, &lines).unwrap();
    }
    assert_eq!(lines, std::fs::read_to_string(&golden).unwrap_or_default(), "UPDATE=1 rewrites {}", golden.display());
}
