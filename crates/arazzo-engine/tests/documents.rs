//! Descriptions of several documents: what references mean, where documents are looked for, and what holds for each
//! alone.

use arazzo_engine::code::Code;
use arazzo_engine::compile::compile;
use arazzo_engine::diagnostic::Diagnostics;
use arazzo_engine::load::{Bundle, Fetched, LoadOptions, Loader, Need};
use arazzo_engine::program::{Build, Call};
use arazzo_engine::readings::Readings;

/// Loads `entry` from a set of uris; also the candidates of every ask but the first.
fn load(
    entry: &str,
    files: &[(&str, String)],
    options: LoadOptions,
) -> (Option<Bundle>, Diagnostics, Vec<Vec<String>>) {
    let mut loader = Loader::new(entry, "entry", options);
    let mut asked = vec![];
    while let Need::Asks(asks) = loader.need() {
        for ask in asks {
            let candidates: Vec<String> = ask.candidates.iter().map(|candidate| candidate.uri.clone()).collect();
            let found = candidates.iter().find_map(|uri| {
                let (_, text) = files.iter().find(|(known, _)| known == uri)?;
                Some(Fetched { name: uri.clone(), uri: uri.clone(), content: text.as_str().into() })
            });
            if candidates != [entry] {
                asked.push(candidates);
            }
            loader.give(&ask, found.ok_or_else(|| ["not there".to_owned()].into_iter().collect()));
        }
    }
    let (bundle, diagnostics, _) = loader.finish();
    (bundle, diagnostics, asked)
}

fn document(own: &str, sources: &str) -> String {
    let own = if own.is_empty() { String::new() } else { format!("$self: {own}\n") };
    format!(
        "arazzo: 1.1.0\n{own}info: {{ title: t, version: '1' }}\nsourceDescriptions: [{sources}]\nworkflows: [{{ workflowId: wf, steps: [{{ stepId: a, operationId: x }}] }}]\n"
    )
}

const API: &str =
    "openapi: 3.1.0\ninfo: { title: t, version: '1' }\npaths: { /x: { get: { operationId: x, responses: {} } } }\n";

#[test]
fn base_uris_are_those_of_appendix_b() {
    let source = "{ name: petstore, url: ../specs/petstore.yaml, type: openapi }";
    let read_at = "file:///Users/dev/projects/workflows/purchase.arazzo.yaml";
    // ($self, where it was read, what the source means, where it is looked for first)
    let cases = [
        (
            "https://api.example.com/workflows/purchase.arazzo.yaml",
            read_at,
            "https://api.example.com/specs/petstore.yaml",
            "file:///Users/dev/projects/specs/petstore.yaml",
        ),
        (
            "",
            read_at,
            "file:///Users/dev/projects/specs/petstore.yaml",
            "file:///Users/dev/projects/specs/petstore.yaml",
        ),
        (
            "workflows/purchase.arazzo.yaml",
            "file:///v2/api-description.yaml",
            "file:///v2/specs/petstore.yaml",
            "file:///v2/specs/petstore.yaml",
        ),
    ];
    for (own, read_at, meant, looked_for) in cases {
        let files = [(read_at, document(own, source)), (looked_for, API.to_owned())];
        let (bundle, diagnostics, asked) = load(read_at, &files, LoadOptions::default());
        assert!(!diagnostics.has_errors(), "{own} {diagnostics:?}");
        let described = &bundle.unwrap().described[0];
        assert_eq!((described.identity.as_str(), described.uri.as_str()), (meant, looked_for), "{own} {asked:?}");
        assert_eq!(asked[0][0], looked_for);
    }
    // An application's own base uri, and one of an encapsulating entity, are the uri that the document is given.
    let base = "https://workflows.example.com/a7b3c4d5";
    let source = "{ name: petstore, url: specs/petstore.yaml, type: openapi }";
    let (bundle, ..) = load(base, &[(base, document("", source))], LoadOptions::default());
    assert_eq!(bundle.unwrap().described[0].identity, "https://workflows.example.com/specs/petstore.yaml");
}

#[test]
fn a_reference_may_lead_to_a_document_that_is_read_later() {
    let files = [
        (
            "file:///a.yaml",
            document(
                "",
                "{ name: canonical, url: 'https://example.com/c.yaml', type: arazzo }, { name: b, url: b.yaml, type: arazzo }",
            ),
        ),
        ("file:///b.yaml", document("", "{ name: c, url: c.yaml, type: arazzo }")),
        ("file:///c.yaml", document("https://example.com/c.yaml", "{ name: a, url: 'file:///a.yaml', type: arazzo }")),
    ];
    let (bundle, diagnostics, asked) = load("file:///a.yaml", &files, LoadOptions::default());
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    let bundle = bundle.unwrap();
    let leads: Vec<(&str, Option<usize>)> = bundle.described.iter().map(|d| (d.label.as_str(), d.leads_to)).collect();
    assert_eq!(leads, [("canonical", Some(2)), ("b", Some(1)), ("b.c", Some(2)), ("b.c.a", Some(0))]);
    assert_eq!(asked.len(), 2, "each document is read once: {asked:?}");
}

#[test]
fn a_source_may_be_given_by_its_name_or_by_its_uri() {
    let files = [
        ("file:///a.yaml", document("", "{ name: far, url: 'https://example.com/far.yaml', type: arazzo }")),
        ("file:///here.yaml", document("", "{ name: api, url: 'https://example.com/api.yaml', type: openapi }")),
        ("file:///api.yaml", API.to_owned()),
    ];
    for (far, api) in [("far", "far.api"), ("https://example.com/far.yaml", "https://example.com/api.yaml")] {
        let mut options = LoadOptions::default();
        options.sources.insert(far.to_owned(), "file:///here.yaml".to_owned());
        options.sources.insert(api.to_owned(), "file:///api.yaml".to_owned());
        let (bundle, diagnostics, _) = load("file:///a.yaml", &files, options);
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        assert!(bundle.unwrap().described.iter().all(|described| described.root.is_some()));
    }
    let mut options = LoadOptions::default();
    options.sources.insert("fra".to_owned(), "file:///here.yaml".to_owned());
    let (_, diagnostics, _) = load("file:///a.yaml", &files, options);
    let codes: Vec<&str> = diagnostics.errors().map(|d| d.code.word()).collect();
    assert_eq!(codes, ["source-not-found", "unknown-source"]);
}

#[test]
fn a_description_without_end_is_given_up() {
    let names: Vec<String> = (0..200).map(|n| format!("file:///{n}.yaml")).collect();
    let files: Vec<(&str, String)> = names
        .iter()
        .enumerate()
        .map(|(n, name)| (name.as_str(), document("", &format!("{{ name: next, url: {}.yaml, type: arazzo }}", n + 1))))
        .collect();
    let (bundle, diagnostics, asked) = load("file:///0.yaml", &files, LoadOptions::default());
    assert!(diagnostics.errors().any(|d| d.code == Code::TooManyDocuments), "{diagnostics:?}");
    assert!(asked.len() <= 64 && bundle.unwrap().documents.len() == 64);
}

#[test]
fn parts_of_expressions_in_a_payload_are_known_in_its_text() {
    let payload = r#"{ "a": {$inputs.id}, "b": "x {$inputs.id#/n}", "c": "\u0041{$inputs.id}" }"#;
    let entry = format!(
        "arazzo: 1.1.0\ninfo: {{ title: t, version: '1' }}\nsourceDescriptions: [{{ name: api, url: api.yaml, type: openapi }}]\n\
         workflows: [{{ workflowId: wf, inputs: {{ type: object, required: [id], properties: {{ id: {{}} }} }}, steps: [\
         {{ stepId: a, operationId: x, requestBody: {{ contentType: application/json, payload: '{payload}' }} }}] }}]\n"
    );
    let files = [("file:///flow.yaml", entry), ("file:///api.yaml", API.replace("get", "post"))];
    let (bundle, loading, _) = load("file:///flow.yaml", &files, LoadOptions::default());
    let compiled = compile(&bundle.unwrap(), loading, Readings::Lenient);
    let step = &compiled.program.steps[0];
    let Call::Operation { body: Some(body), .. } = &step.call else { panic!("{step:?}") };
    let Build::Object(members) = &body.payload else { panic!("{body:?}") };
    let found: Vec<Option<&str>> = members
        .iter()
        .map(|(_, value)| {
            let Build::Template(leaf) = value else { panic!("{value:?}") };
            leaf.template.expressions().next().and_then(|expr| expr.parts).map(|parts| &payload[parts.range()])
        })
        .collect();
    assert_eq!(found, [Some("$inputs.id"), Some("$inputs.id#/n"), None]);
}
