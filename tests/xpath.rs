//! `tests/suite/expr/xpath.txt`: one line a rule of XPath as docs/xpath.md tells it; values in braces never change a
//! query.

use arazzo_engine::expr::xpath::Query;
use serde_json::{Value as Json, json};

use crate::suite::workspace_root;

#[test]
fn every_line_of_the_xpath_suite_holds() {
    let text = std::fs::read_to_string(workspace_root().join("tests/suite/expr/xpath.txt")).unwrap();
    let (mut xml, mut wrong, mut lines) = (String::new(), vec![], 0);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if let Some(document) = line.strip_prefix("xml ") {
            xml = document.to_owned();
            continue;
        }
        let (left, expected) = line.split_once(" →  ").unwrap_or_else(|| panic!("no arrow in: {line}"));
        let (kind, query) = left.split_once("  ").unwrap();
        let found = Query::parse(query.trim(), false).map_err(|error| error.message).and_then(|query| match kind {
            "holds" => query.holds(&xml, &[]).map(|met| met.to_string()),
            _ => query.select(&xml, &[]).map(|found| found.map_or("absent".to_owned(), |json| json.to_string())),
        });
        lines += 1;
        let text = found.clone().unwrap_or_else(|_| "error".to_owned());
        if text != expected.trim() {
            wrong.push(format!("{query}\n  expected {}\n  found    {found:?}", expected.trim()));
        }
    }
    assert!(wrong.is_empty(), "{} of {lines} lines differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(lines > 30);
}

#[test]
fn a_value_in_braces_stays_a_value() {
    let xml = "<r><n>it's \"x\"</n><n>2</n></r>";
    let query = Query::parse("/r/n[. = '{$inputs.a}']", true).unwrap();
    assert_eq!(query.holes().len(), 1);
    assert_eq!(query.holds(xml, &[json!("it's \"x\"")]), Ok(true));
    assert_eq!(query.holds(xml, &[json!("' or '1'='1")]), Ok(false));
    let query = Query::parse("/r/n[. = {$inputs.a}]", true).unwrap();
    assert_eq!(query.holds(xml, &[json!("x' or 'a'='a")]), Ok(false));
    assert_eq!(query.holds("<r><n>2</n></r>", &[json!(2)]), Ok(true));
    assert!(query.holds(xml, &[Json::Array(vec![])]).is_err());
}

#[test]
fn what_would_exhaust_the_evaluator_is_refused() {
    for text in ["(".repeat(3000), "a[".repeat(200), "-".repeat(500), format!("{}1", "1+".repeat(3000))] {
        assert!(Query::parse(&text, true).is_err());
    }
    let deep = "<a>".repeat(100_000);
    assert!(Query::parse("//a", false).unwrap().holds(&deep, &[]).is_err());
}
