//! Documents that stay parsed between two checks: what is said is the same, what is unchanged is not parsed again, and
//! what is old is dropped.

use arazzo_engine::code::Code;
use arazzo_engine::diagnostic::Diagnostics;
use arazzo_engine::json;
use arazzo_engine::load::{LoadOptions, ParsedDocuments};

use crate::suite::{Case, bundle, files_below, suite_path};

fn cases(folder: &str) -> Vec<(String, Case)> {
    let paths = files_below(&suite_path(folder), &["yaml"]);
    paths
        .iter()
        .map(|path| (path.display().to_string(), Case::read(path)))
        .filter(|(_, c)| !c.files.is_empty())
        .collect()
}

#[test]
fn a_check_says_the_same_whether_or_not_its_documents_were_parsed_before() {
    // One for all cases, whose documents have the same names and other texts.
    let shared = ParsedDocuments::new();
    let mut documents = 0;
    for (name, case) in cases("lint").into_iter().chain(cases("run")) {
        let (expected, sources) = case.lint();
        let own = ParsedDocuments::new();
        assert_eq!(case.lint_with(Some(&own)).0, expected, "{name}: while it is filled");
        let parsed = own.parsed();
        assert!(parsed >= sources.iter().count() as u64, "{name}");
        assert_eq!(case.lint_with(Some(&own)).0, expected, "{name}: when it is filled");
        assert_eq!(own.parsed(), parsed, "{name}: nothing is parsed again");
        assert_eq!(case.lint_with(Some(&shared)).0, expected, "{name}: after others");
        assert_eq!(case.lint_with(Some(&shared.clone())).0, expected, "{name}: after others, again");
        documents += parsed;
    }
    assert!(documents > 200, "{documents}");
    assert!(shared.parsed() <= documents);
}

/// A description of some 300 KB, of which `/broken` cannot be read.
fn large() -> String {
    let mut text = "openapi: 3.1.0\ninfo: { title: t, version: '1' }\npaths:\n".to_owned();
    for index in 0..6_000 {
        text.push_str(&format!("  /things/{index}:\n    get: {{ operationId: thing{index}, responses: {{}} }}\n"));
    }
    text.push_str("  /broken:\n    get:\n      operationId: broken\n      responses: { : [ }\n");
    text
}

fn flow(operation: &str) -> String {
    format!(
        "arazzo: 1.0.1\ninfo: {{ title: t, version: '1' }}\nsourceDescriptions: [{{ name: api, url: api.yaml, type: openapi }}]\n\
         workflows: [{{ workflowId: wf, steps: [{{ stepId: a, operationId: {operation}, successCriteria: [{{ condition: $statusCode == 200 }}] }}] }}]\n"
    )
}

fn case(operation: &str, api: &str) -> Case {
    let files = [("flow.yaml", flow(operation)), ("api.yaml", api.to_owned())];
    Case { head: json!({}), files: files.map(|(name, text)| (name.to_owned(), text)).into() }
}

#[test]
fn a_part_that_an_earlier_check_looked_at_has_no_faults_in_a_later_one() {
    let (api, parsed) = (large(), ParsedDocuments::new());
    let codes = |found: &Diagnostics| found.iter().map(|d| d.code).collect::<Vec<_>>();
    for operation in ["broken", "thing17", "broken", "thing18", "unknown"] {
        let case = case(operation, &api);
        let (found, _) = case.lint_with(Some(&parsed));
        assert_eq!(found, case.lint().0, "{operation}");
        assert_eq!(
            codes(&found).contains(&Code::YamlKey),
            !operation.starts_with("thing"),
            "{operation}: {:?}",
            codes(&found)
        );
    }
    // Each entry document, and the description once.
    assert_eq!(parsed.parsed(), 6);
    assert_eq!(parsed.len(), 2);
}

#[test]
fn a_document_that_moves_within_its_description_is_read_at_its_new_place() {
    let parsed = ParsedDocuments::new();
    let api =
        "openapi: 3.1.0\ninfo: { title: t, version: '1' }\npaths: { /x: { get: { operationId: x, responses: {} } } }\n";
    let source = |name: &str| format!("{{ name: {name}, url: {name}.yaml, type: openapi }}");
    let check = |sources: &[&str]| {
        let list = sources.iter().map(|name| source(name)).collect::<Vec<_>>().join(", ");
        // The broken reference is a fault in the description, where it stands.
        let flow = flow("$sourceDescriptions.b.x").replace(&source("api"), &list);
        let broken = api.replace("responses: {}", "parameters: [{ $ref: '#/none' }]");
        let files = [("flow.yaml", flow), ("a.yaml", api.to_owned()), ("b.yaml", broken)];
        let case = Case { head: json!({}), files: files.map(|(name, text)| (name.to_owned(), text)).into() };
        let (expected, sources) = case.lint();
        let (found, _) = case.lint_with(Some(&parsed));
        assert_eq!(found, expected);
        let fault = found.iter().find(|d| d.code == Code::BrokenReference).unwrap();
        sources.get(fault.span.unwrap().source).unwrap().name.clone()
    };
    for sources in [["b"].as_slice(), &["a", "b"], &["b", "a"], &["a", "b"]] {
        assert_eq!(check(sources), "b.yaml");
    }
    // At two places each, and the three versions of the flow.
    assert_eq!(parsed.parsed(), 3 + 4 + 1);
}

#[test]
fn old_versions_are_dropped() {
    let (api, parsed) = (large(), ParsedDocuments::new());
    let options = || LoadOptions { parsed: Some(parsed.clone()), ..LoadOptions::default() };
    let mut files = case("thing1", &api).files;
    bundle(&files, options()).0.unwrap();
    let bytes = parsed.bytes();
    for edit in 0..50_000 {
        // Each text has as many bytes as the one before it.
        let text = format!("arazzo: 1.0.1\nsourceDescriptions: []\nx-edit: {edit:09}\n");
        files[0].1 = format!("{text:<width$}", width = flow("thing1").len());
        bundle(&files[..1], options()).0.unwrap();
    }
    assert_eq!((parsed.len(), parsed.bytes(), parsed.parsed()), (2, bytes, 50_002));
}

#[test]
fn what_was_used_longest_ago_is_dropped_when_others_need_its_place() {
    let texts = ["a", "b", "c"].map(|name| (format!("{name}.yaml"), format!("{:<1000}", "arazzo: 1.0.1\n")));
    let parsed = ParsedDocuments::up_to(2_500);
    let load = |index: usize| {
        let (before, options) = (parsed.parsed(), LoadOptions { parsed: Some(parsed.clone()), ..Default::default() });
        bundle(&texts[index..=index], options);
        assert!(parsed.bytes() <= 2_500);
        parsed.parsed() > before
    };
    // `true`: it is parsed.
    let expected = [(0, true), (1, true), (0, false), (2, true), (0, false), (1, true), (0, false), (2, true)];
    assert_eq!(expected.map(|(index, _)| (index, load(index))), expected);
}
