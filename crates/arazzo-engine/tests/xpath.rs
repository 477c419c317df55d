//! `suite/expr/xpath.txt`: one line a rule of XPath as docs/xpath.md tells it; values in braces never change a
//! query.

use arazzo_engine::expr::xpath::Query;
use arazzo_engine::json;
use arazzo_engine::value::Json;

use crate::suite::suite_path;

#[test]
fn every_line_of_the_xpath_suite_holds() {
    let text = std::fs::read_to_string(suite_path("expr/xpath.txt")).unwrap();
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
    assert_eq!(query.placeholders().len(), 1);
    assert_eq!(query.holds(xml, &[json!("it's \"x\"")]), Ok(true));
    assert_eq!(query.holds(xml, &[json!("' or '1'='1")]), Ok(false));
    let query = Query::parse("/r/n[. = {$inputs.a}]", true).unwrap();
    assert_eq!(query.holds(xml, &[json!("x' or 'a'='a")]), Ok(false));
    assert_eq!(query.holds("<r><n>2</n></r>", &[json!(2)]), Ok(true));
    assert!(query.holds(xml, &[Json::Array(vec![].into())]).is_err());
}

#[test]
fn what_would_exhaust_the_evaluator_is_refused() {
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(20), close.repeat(20));
    // The parser would take hours for each of these.
    for (open, close) in [("[", "]"), ("(", ")"), ("a[", "]"), ("not(", ")"), ("([", "])"), ("map{1:", "}"), ("[", "")]
    {
        assert!(Query::parse(&nested(open, close), false).is_err());
    }
    for text in ["(".repeat(3000), "a[".repeat(200), "-".repeat(500), format!("{}1", "1+".repeat(3000))] {
        assert!(Query::parse(&text, true).is_err());
    }
    let deep = "<a>".repeat(100_000);
    assert!(Query::parse("//a", false).unwrap().holds(&deep, &[]).is_err());
}

#[test]
fn what_a_query_could_come_to_is_known_before_it_is_evaluated() {
    let text = std::fs::read_to_string(suite_path("expr/xpath-cost.txt")).unwrap();
    let (mut wrong, mut lines) = (vec![], 0);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (left, expected) = line.split_once("  →  ").unwrap_or_else(|| panic!("no arrow in: {line}"));
        let (count, query) = left.split_once("  ").unwrap();
        let items: String =
            (0..count.trim().parse().unwrap()).map(|i: u32| format!("<a x=\"1\"><b>{i}</b></a>")).collect();
        let found = match Query::parse(query.trim(), false) {
            Err(error) => format!("never: {}", error.message),
            Ok(query) => match query.select(&format!("<r>{items}</r>"), &[]) {
                Ok(_) => "runs".to_owned(),
                Err(reason) if reason.contains("four million") => format!("too much: {reason}"),
                Err(reason) => reason,
            },
        };
        lines += 1;
        if found.split(": ").next() != Some(expected.trim()) {
            wrong.push(format!("{query}\n  expected {}\n  found    {found}", expected.trim()));
        }
    }
    assert!(wrong.is_empty(), "{} of {lines} lines differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(lines > 30);
}

#[test]
fn elements_with_very_many_attributes_or_namespaces_are_not_evaluated() {
    let with = |count: usize, one: &dyn Fn(usize) -> String| {
        let fields: String = (0..count).map(|i| format!(" {}", one(i))).collect();
        Query::parse("/r", false).unwrap().holds(&format!("<r{fields}/>"), &[])
    };
    let (attribute, namespace) = (|i: usize| format!("a{i} = '=x='"), |i: usize| format!("xmlns:a{i}=\"urn:{i}\""));
    assert_eq!(with(256, &attribute), Ok(true));
    assert!(with(257, &attribute).unwrap_err().contains("more than 256 attributes"));
    assert!(with(800_000, &attribute).is_err());
    assert_eq!(with(64, &namespace), Ok(true));
    assert!(with(65, &namespace).unwrap_err().contains("more than 64 namespaces"));
}

#[test]
fn no_entity_is_read_and_no_type_declaration_is_followed() {
    let query = Query::parse("string(/a) = 'x'", false).unwrap();
    for xml in [
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/a.dtd'><a/>",
        "<!DOCTYPE a [<!ENTITY a '&#38;b;&#38;b;'><!ENTITY b '&#38;a;'>]><a>&a;</a>",
        "<!-- --><!DOCTYPE a><a/>",
    ] {
        assert!(query.holds(xml, &[]).unwrap_err().contains("document type declaration"), "{xml}");
    }
    // Entities that nobody declared.
    assert!(query.holds("<a>&x;</a>", &[]).is_err());
    assert!(query.holds("<?xml-stylesheet href='file:///etc/passwd'?><a>x</a>", &[]).unwrap());
}
