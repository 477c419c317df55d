//! What holds for every expression, condition and query, over generated ones: printing is the inverse of parsing,
//! evaluation always returns, and our JSONPath selects what another implementation selects.

use arazzo_engine::expr::eval::{Answer, Exchange, Lookup, Sent, fill};
use arazzo_engine::expr::jsonpath::{self, Dialect, Limits, Query};
use arazzo_engine::expr::{Scope, StepId, condition, parse, print, xpath};
use arazzo_engine::json;
use arazzo_engine::readings::Readings;
use arazzo_engine::value::Json;
use arazzo_engine::value::Value;
use proptest::prelude::*;
use std::borrow::Cow;

use crate::expressions::Names;

fn names() -> Names {
    let outputs: &[&str] = &["id", "a.b", "whole"];
    Names::of(&["id", "page-size", "a.b"].map(|name| (name, false)), &[("first", outputs), ("second-step", outputs)])
}

/// A JSON Pointer as people write them, or none.
fn pointer() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "#(/[a-z0-9_-]{1,4}|/[a-z]~[01][a-z]){1,3}"]
}

/// An expression of the grammar over the declared names, in the form of the specification.
fn expression() -> impl Strategy<Value = String> {
    let with_pointer = |head: &'static str| pointer().prop_map(move |pointer| format!("{head}{pointer}"));
    prop_oneof![
        Just("$url".to_owned()),
        Just("$method".to_owned()),
        Just("$statusCode".to_owned()),
        Just("$self".to_owned()),
        "\\$(request|response|message)\\.header\\.[A-Za-z][A-Za-z0-9-]{0,6}",
        "\\$request\\.(query|path)\\.[a-z][a-zA-Z0-9_-]{0,5}",
        with_pointer("$request.body"),
        with_pointer("$response.body"),
        with_pointer("$message.payload"),
        with_pointer("$inputs.id"),
        with_pointer("$inputs.page-size"),
        with_pointer("$inputs.a.b"),
        with_pointer("$outputs.total"),
        with_pointer("$steps.first.outputs.id"),
        with_pointer("$steps.second-step.outputs.a.b"),
        with_pointer("$workflows.other.outputs.total"),
        with_pointer("$workflows.other.inputs.who"),
        with_pointer("$sourceDescriptions.far.tour.outputs.end"),
        Just("$sourceDescriptions.api.url".to_owned()),
        Just("$components.parameters.page".to_owned()),
    ]
}

fn condition_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        expression(),
        "'([a-z ]|''){0,5}'",
        "-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,2})?",
        Just("true".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), prop_oneof!["==", "!=", "<", "<=", ">", ">="], inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| all
                .iter()
                .map(|a| format!("({a})"))
                .collect::<Vec<_>>()
                .join(" && ")),
            prop::collection::vec(inner, 2..4).prop_map(|all| all
                .iter()
                .map(|a| format!("({a})"))
                .collect::<Vec<_>>()
                .join(" || ")),
        ]
    })
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-3i64..4).prop_map(Json::from),
        (-4i32..4).prop_map(|n| json!(f64::from(n) / 2.0)),
        any::<u64>().prop_map(Json::from),
        "[a-c]{0,3}".prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec(("[a-d]", inner), 0..5)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// A world in which everything is one value.
struct All(Json, Exchange);

impl All {
    fn of(json: Json) -> Self {
        let headers = vec![("a".to_owned(), json.to_string())];
        let answer = Answer {
            status: 200,
            headers: headers.clone(),
            body: Some(Value::Json(json.clone())),
            media_type: "application/json".to_owned(),
        };
        let pairs = vec![("a".to_owned(), json.clone())];
        let request = Sent { headers, query: pairs.clone(), path: pairs, body: Some(Value::Json(json.clone())) };
        let exchange = Exchange {
            url: "https://a.example/".to_owned(),
            method: "GET".to_owned(),
            request,
            answer: Some(answer),
            message: None,
        };
        Self(json, exchange)
    }

    fn value(&self) -> Option<Cow<'_, Value>> {
        Some(Cow::Owned(Value::Json(self.0.clone())))
    }
}

impl Lookup for All {
    fn input(&self, _: &str) -> Option<Cow<'_, Value>> {
        self.value()
    }

    fn inputs(&self) -> Json {
        self.0.clone()
    }

    fn output(&self, _: StepId, _: &str) -> Option<Cow<'_, Value>> {
        self.value()
    }

    fn outputs(&self, _: StepId) -> Option<Json> {
        Some(self.0.clone())
    }

    fn returned(&self, _: &str) -> Option<Cow<'_, Value>> {
        self.value()
    }

    fn exchange(&self) -> Option<&Exchange> {
        Some(&self.1)
    }
}

/// A query of RFC 9535.
fn query() -> impl Strategy<Value = String> {
    let literal = prop_oneof![
        "-?[0-3]",
        "'[a-c]{0,2}'",
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1.5".to_owned()),
    ];
    // Indexes from the end are left out: beside an operator the other takes them for nothing.
    let singular = "[@$](\\.[a-d]|\\['[a-d]'\\]|\\[[0-2]\\]){0,2}";
    let call = prop_oneof![
        singular.prop_map(|path| format!("length({path})")),
        "count\\(@(\\.\\*|\\.\\.[a-d]|\\.[a-d]\\[\\*\\])\\)",
        "value\\(@\\.\\.[a-d]\\)",
    ];
    let operand = prop_oneof![literal.clone(), singular, call];
    let test = prop_oneof![
        (operand.clone(), prop_oneof!["==", "!=", "<", ">"], operand.clone())
            .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        // Beside a literal: that nothing <= nothing is true (RFC 9535, 2.3.5.2.2: they are equal) is not everybody's
        // reading.
        (operand, prop_oneof!["<=", ">="], literal).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        "!?@(\\.[a-d]|\\.\\*|\\.\\.[a-d]|\\[[0-2]\\])",
        "(match|search)\\(@(\\.[a-d])?, '[a-c.]{1,3}'\\)",
    ];
    let logical = test.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    });
    let selector = prop_oneof![
        "'[a-d]'",
        "-?[0-3]",
        Just("*".to_owned()),
        "(-?[0-3])?:(-?[0-3])?(:-?[0-2])?",
        logical.prop_map(|logical| format!("?{logical}")),
    ];
    let segment = prop_oneof![
        "\\.[a-d]",
        Just(".*".to_owned()),
        "\\.\\.([a-d]|\\*)",
        (any::<bool>(), prop::collection::vec(selector, 1..3))
            .prop_map(|(deep, selectors)| { format!("{}[{}]", if deep { ".." } else { "" }, selectors.join(", ")) }),
    ];
    prop::collection::vec(segment, 0..4).prop_map(|segments| format!("${}", segments.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_expression_is_printed_as_it_was_written(text in expression()) {
        let names = names();
        let scope = names.scope(Readings::Lenient);
        let mut findings = vec![];
        let parsed = parse::template(&text, &scope, &mut findings);
        let expr = match parsed {
            Some(arazzo_engine::expr::Template::Whole(expr)) => expr,
            other => return Err(TestCaseError::fail(format!("{text}: {other:?} {findings:?}"))),
        };
        prop_assert_eq!(print::expression(&expr, &scope), text);
        prop_assert!(findings.is_empty());
    }

    #[test]
    fn a_condition_is_parsed_as_it_was_printed(text in condition_text()) {
        let names = names();
        let scope = names.scope(Readings::Lenient);
        let parse = |text: &str| condition::parse(text, &scope, &mut vec![]);
        let first = parse(&text).ok_or_else(|| TestCaseError::fail(format!("not parsed: {text}")))?;
        let printed = print::condition(&first, &scope);
        let again = parse(&printed).ok_or_else(|| TestCaseError::fail(format!("not parsed: {printed}")))?;
        prop_assert_eq!(print::condition(&again, &scope), printed);
        // The same tree also judges the same.
        let world = All::of(json!({ "a": 1 }));
        let holds = |condition| condition::holds(condition, &world, &mut vec![]).ok();
        prop_assert_eq!(holds(&first), holds(&again));
    }

    #[test]
    fn evaluation_returns_whatever_is_written_over_whatever_there_is(
        text in prop_oneof![expression(), condition_text(), any::<String>(), "[${}a-z.#/ \\[\\]'\"=&|!]{0,40}"],
        world in any_json(),
    ) {
        let names = names();
        let world = All::of(world);
        for readings in [Readings::Lenient, Readings::Strict, Readings::Letter] {
            let scope = Scope { readings, ..names.scope(Readings::Lenient) };
            if let Some(template) = parse::template(&text, &scope, &mut vec![]) {
                let _ = fill(&template, &world);
            }
            if let Some(condition) = condition::parse(&text, &scope, &mut vec![]) {
                let _ = condition::holds(&condition, &world, &mut vec![]);
            }
            let _ = parse::context(&text, &scope, &mut vec![]);
            let _ = parse::spliced(&text, &scope, &mut vec![]);
        }
        for dialect in [Dialect::Rfc9535, Dialect::Goessner] {
            if let Ok(query) = Query::parse(&text, dialect, true) {
                let _ = query.select(&world.0, &[], &Limits::default());
            }
        }
        if let Ok(condition) = jsonpath::Condition::parse(&text, true) {
            let _ = condition.holds(&world.0, &[], &Limits::default(), jsonpath::ObjectFilter::MembersOrSelf);
        }
    }

    #[test]
    fn an_xpath_query_returns_whatever_is_written(
        text in prop_oneof![any::<String>(), "[a-z0-9/@*()\\[\\]='\" .:|<>,$-]{0,24}", "(//|/)[a-b](\\[[a-b@=0-9' ]{0,8}\\])?"],
        xml in prop_oneof![any::<String>(), Just("<a><b c='1'>2</b><b/></a>".to_owned())],
    ) {
        if let Ok(query) = xpath::Query::parse(&text, true) {
            let _ = query.holds(&xml, &[json!(1), json!("x")]);
            let _ = query.select(&xml, &[json!("'"), json!(true)]);
            let _ = query.replace(&xml, &[], "new");
        }
    }

    #[test]
    fn our_jsonpath_selects_what_another_selects(text in query(), document in any_json()) {
        let theirs = serde_json_path::JsonPath::parse(&text);
        let ours = Query::parse(&text, Dialect::Rfc9535, false);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}: {:?} {:?}", text, ours.err(), theirs.err());
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            let found = ours.select(&document, &[], &Limits::default()).unwrap();
            let same = document.to_serde();
            let wanted: Vec<Json> = theirs.query(&same).all().into_iter().cloned().map(Json::from).collect();
            prop_assert_eq!(found.iter().map(|found| (*found).clone()).collect::<Vec<_>>(), wanted, "{} over {}", text, document);
            let located = ours.locate(&document, &[], &Limits::default()).unwrap();
            let mut once: Vec<*const Json> = found.iter().map(|value| std::ptr::from_ref(*value)).collect();
            once.sort();
            once.dedup();
            prop_assert_eq!(located.len(), once.len());
            for pointer in located {
                let at = pointer.find(&document).map(std::ptr::from_ref);
                prop_assert!(at.is_some_and(|at| once.contains(&at)), "{} is not selected", pointer);
            }
        }
    }
}
