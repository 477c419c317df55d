//! JSONPath: the official RFC 9535 compliance suite, one line a rule of our own, and what must not blow up.

use arazzo_engine::expr::jsonpath::{Condition, Dialect, EvalError, Limits, ObjectFilter, Query};
use arazzo_engine::json;
use arazzo_engine::value::Json;

use crate::suite::{shared, suite_path};

#[test]
fn the_compliance_suite_passes_whole() {
    let Some(folder) = shared("conformance") else { return };
    let suite: Json =
        serde_json::from_str(&std::fs::read_to_string(folder.join("jsonpath-cts.json")).unwrap()).unwrap();
    let tests = suite["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 703);
    let mut wrong = vec![];
    for test in tests {
        let (name, selector) = (test["name"].as_str().unwrap(), test["selector"].as_str().unwrap());
        let parsed = Query::parse(selector, Dialect::Rfc9535, false);
        if test["invalid_selector"] == json!(true) {
            if parsed.is_ok() {
                wrong.push(format!("{name}: `{selector}` was accepted"));
            }
            continue;
        }
        let query = match parsed {
            Ok(query) => query,
            Err(error) => {
                wrong.push(format!("{name}: `{selector}` was refused: {}", error.message));
                continue;
            }
        };
        let found: Vec<Json> =
            query.select(&test["document"], &[], &Limits::default()).unwrap().into_iter().cloned().collect();
        let fits = match test["results"].as_array() {
            Some(results) => results.contains(&Json::Array(found.clone().into())),
            None => test["result"] == Json::Array(found.clone().into()),
        };
        if !fits {
            wrong.push(format!("{name}: `{selector}` gave {}", Json::Array(found.into())));
        }
    }
    assert!(wrong.is_empty(), "{} of 703 fail:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_line_of_the_jsonpath_suite_holds() {
    let text = std::fs::read_to_string(suite_path("expr/jsonpath.txt")).unwrap();
    let mut wrong = vec![];
    let mut lines = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (left, expected) = line.rsplit_once("→").unwrap_or_else(|| panic!("no arrow in: {line}"));
        let mut parts = left.split(" ¦ ");
        let (condition, context) = (parts.next().unwrap().trim(), parts.next().unwrap().trim());
        let bindings: Vec<Json> = parts.next().map(|b| serde_json::from_str(b.trim()).unwrap()).unwrap_or_default();
        let context: Json = serde_json::from_str(context).unwrap_or_else(|error| panic!("{error} in {context}"));
        let found = match Condition::parse(condition, true) {
            Ok(parsed) => match parsed.holds(&context, &bindings, &Limits::default(), ObjectFilter::MembersOrSelf) {
                Ok(verdict) => {
                    format!("{}{}", verdict.met, if verdict.tested_self { ", the object itself" } else { "" })
                }
                Err(error) => error.to_string(),
            },
            Err(error) => {
                let help = error.help.map(|help| format!(" ({help})")).unwrap_or_default();
                format!("{}..{} {}{help}", error.at.start, error.at.end, error.message)
            }
        };
        lines += 1;
        if found != expected.trim() {
            wrong.push(format!("{condition}\n  expected {}\n  found    {found}", expected.trim()));
        }
    }
    assert!(lines >= 40, "only {lines} lines");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_comparison_has_a_simple_condition_where_it_can() {
    let simple = |text: &str| match Condition::parse(text, true).unwrap() {
        Condition::Comparison(comparison) => comparison.to_simple("$response.body"),
        Condition::Query(_) => panic!("a query"),
    };
    assert_eq!(simple("$.state == \"ready\"").unwrap(), "$response.body#/state == 'ready'");
    assert_eq!(
        simple("$.state != 'it\\'s' && @.n[0] >= 2").unwrap(),
        "$response.body#/state != 'it''s' && $response.body#/n/0 >= 2"
    );
    assert_eq!(simple("!($.a == 1 || $.b) ").unwrap(), "!($response.body#/a == 1 || $response.body#/b != null)");
    assert_eq!(
        simple("!$.a && ($.b == null || $.c)").unwrap(),
        "$response.body#/a == null && ($response.body#/b == null || $response.body#/c != null)"
    );
    assert_eq!(simple("$.a == {$inputs.b}").unwrap(), "$response.body#/a == $inputs.b");
    assert_eq!(simple("$inputs.b#/c < $.a").unwrap(), "$inputs.b#/c < $response.body#/a");
    for none in ["$.items.length > 0", "length($.a) > 0", "$['a b'] == 1", "$.a[-1] == 1"] {
        assert_eq!(simple(none), None, "{none}");
    }
}

#[test]
fn a_comparison_tells_what_it_saw() {
    let parsed =
        Condition::parse("$.state == 'x' || $.n > {$inputs.m} || !$.gone || $.state == length($.state)", true).unwrap();
    let saw = parsed.operands(&json!({"state": "creating", "n": 3}), &[json!(5)]);
    let saw: Vec<String> = saw
        .iter()
        .map(|(text, value)| format!("{text} {}", value.as_ref().map_or("nothing".to_owned(), Json::to_string)))
        .collect();
    assert_eq!(saw, ["$.state \"creating\"", "$.n 3", "$.gone nothing", "length($.state) 8"]);
}

#[test]
fn deep_and_wide_queries_end_in_an_error_and_not_in_a_crash() {
    let mut deep = json!(1);
    for _ in 0..20_000 {
        deep = Json::Array(vec![deep].into());
    }
    let limits = Limits::default();
    let select = |query: &str, root: &Json| {
        Query::parse(query, Dialect::Rfc9535, false).unwrap().select(root, &[], &limits).map(|found| found.len())
    };
    let descended = select("$..a", &deep);
    // A deep value is taken apart by hand: serde_json drops by calling itself.
    while let Json::Array(mut items) = deep {
        deep = items.pop().unwrap_or(Json::Null);
    }
    assert_eq!(descended, Err(EvalError::Depth(256)));
    let wide = (0..9).fold(json!(1), |inner, _| Json::Array(vec![inner; 3].into()));
    assert!(matches!(select("$..*..*..*..*..*", &wide), Err(EvalError::Results(_) | EvalError::Visits(_))));
    assert!(matches!(
        select("$..[*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*]", &wide),
        Err(EvalError::Results(_) | EvalError::Visits(_))
    ));
    for text in [
        "(".repeat(20_000),
        "$[?".repeat(20_000),
        "!".repeat(20_000),
        "$".repeat(20_000),
        "[".repeat(20_000),
        "length(".repeat(20_000),
        "'".repeat(20_001),
    ] {
        assert!(Query::parse(&text, Dialect::Rfc9535, true).is_err());
        assert!(Condition::parse(&text, true).is_err());
    }
    // One value settles a condition, however many there are; patterns that come as data are paid for.
    let many: Json = (0..150_000).collect();
    let holds = |text: &str, root: &Json| {
        Condition::parse(text, false).unwrap().holds(root, &[], &limits, ObjectFilter::Members).map(|v| v.met)
    };
    assert_eq!(holds("$[*]", &many), Ok(true));
    let patterns: Json = (0..3_000).map(|i| json!({"p": format!("({i}|a){{1,50}}")})).collect();
    assert_eq!(holds("$[?match('x', @.p)]", &patterns), Err(EvalError::Visits(1_000_000)));
    let nested = format!("${}{}", "[?@".repeat(30), "]".repeat(30));
    assert!(Query::parse(&nested, Dialect::Rfc9535, false).is_ok());
}

#[test]
fn patterns_and_orders_over_long_texts_are_paid_for() {
    let bits = (0_u64..16_000).map(|number| format!("{:064b}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let mixed = bits.collect::<String>().replace('0', "a").replace('1', "b");
    let holds = |condition: &str, root: &Json| {
        let condition = Condition::parse(condition, false).unwrap();
        condition.holds(root, &[], &Limits::default(), ObjectFilter::Members).map(|verdict| verdict.met)
    };
    let root = json!([mixed]);
    assert!(matches!(holds("$[?search(@, '[ab]*a[ab]{300}c')]", &root), Err(EvalError::Pattern(_))));
    assert_eq!(holds("$[?search(@, '[ab]*c')]", &root), Ok(false));
    // The same long text a thousand times: each comparison reads all of it.
    let many = Json::Array(vec![Json::from("x".repeat(1 << 20)); 1_000].into());
    assert_eq!(holds("$[?@ < $[0]]", &many), Err(EvalError::Visits(1_000_000)));
}
