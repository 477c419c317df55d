//! Documents in memory, as an editor holds them: they take the place of what is on disk and on the network, and those
//! that are unchanged are not parsed again.

use arazzo::diagnostics::Code;
use arazzo::{Builder, Call, Checked, Error, ParsedDocuments};

use crate::cli::Folder;

/// A workflow whose only step calls `operation` of the source at `url`.
fn flow(url: &str, operation: &str) -> String {
    format!(
        "arazzo: 1.0.1\ninfo: {{ title: t, version: '1' }}\nsourceDescriptions: [{{ name: api, url: '{url}', type: openapi }}]\n\
         workflows: [{{ workflowId: wf, steps: [{{ stepId: a, operationId: {operation}, successCriteria: [{{ condition: $statusCode == 200 }}] }}] }}]\n"
    )
}

fn api(operation: &str) -> String {
    format!(
        "openapi: 3.1.0\ninfo: {{ title: t, version: '1' }}\nservers: [{{ url: https://api.example }}]\n\
         paths: {{ /x: {{ get: {{ operationId: {operation}, responses: {{ '200': {{ description: d }} }} }} }} }}\n"
    )
}

/// An API whose only path item is in another document.
fn api_in_parts(part: &str) -> String {
    format!("openapi: 3.1.0\ninfo: {{ title: t, version: '1' }}\npaths: {{ /x: {{ $ref: '{part}' }} }}\n")
}

const PART: &str = "get: { operationId: list, responses: { '200': { description: d } } }\n";

fn errors(checked: &Checked) -> Vec<Code> {
    checked.diagnostics.errors().map(|found| found.code).collect()
}

fn names(checked: &Checked) -> Vec<&str> {
    checked.sources.iter().map(|(_, source)| source.name.as_str()).collect()
}

#[test]
fn a_text_in_memory_wins_over_the_file_at_the_same_place_however_that_is_written() {
    let folder = Folder::new();
    folder.write("flows/flow.yaml", flow("../apis/api.yaml", "list"));
    folder.write("apis/api.yaml", api("old"));
    let path = folder.path().join("flows/flow.yaml");
    let open = || arazzo::open(&path).workspace(true);
    assert_eq!(errors(&open().lint().unwrap()), [Code::UnknownOperationId]);
    let file = url::Url::from_file_path(folder.path().join("apis/api.yaml")).unwrap();
    for location in [
        folder.path().join("apis/api.yaml"),
        folder.path().join("flows/./../flows/../apis/api.yaml"),
        file.as_str().into(),
        file.as_str().replace("apis", "%61pis").into(),
    ] {
        let checked = open().document(&location, api("list")).lint().unwrap();
        assert_eq!(errors(&checked), [], "{}", location.display());
        assert!(names(&checked)[1].ends_with("apis/api.yaml"), "{:?}", names(&checked));
        // What the builder is asked for last is what counts.
        let checked = open().document(&location, api("list")).document(&location, api("older")).lint().unwrap();
        assert_eq!(errors(&checked), [Code::UnknownOperationId]);
    }
    // Of the entry document too, by `text` or by its place.
    let other = flow("../apis/api.yaml", "old");
    assert_eq!(errors(&open().text(other.as_str()).lint().unwrap()), []);
    assert_eq!(errors(&open().document(&path, other).lint().unwrap()), []);
    // One that no document leads to is not looked at.
    let unused = open().document(folder.path().join("apis/other.yaml"), "{").lint().unwrap();
    assert_eq!((errors(&unused).as_slice(), names(&unused).len()), ([Code::UnknownOperationId].as_slice(), 2));
}

#[test]
fn a_description_needs_no_files_at_all() {
    let memory = || {
        arazzo::open("nowhere/flows/flow.yaml")
            .text(flow("../apis/api.yaml", "list"))
            .document("nowhere/apis/api.yaml", api_in_parts("parts/x.yaml"))
            .document("nowhere/apis/parts/x.yaml", PART)
            .server(None, "http://127.0.0.1:1")
    };
    let checked = memory().lint().unwrap();
    assert_eq!(errors(&checked), []);
    assert_eq!(names(&checked), ["nowhere/flows/flow.yaml", "nowhere/apis/api.yaml", "nowhere/apis/parts/x.yaml"]);
    let planned = memory().load_blocking().unwrap().workflow(None).unwrap().plan();
    assert!(format!("{planned:?}").contains("127.0.0.1"), "{planned:?}");
    let wrong = memory().text("arazzo: 1.0.1\ninfo: 17\n").structure().unwrap();
    assert!(errors(&wrong).contains(&Code::WrongType), "{:?}", errors(&wrong));
    // A text that is missing is missing as a file is.
    let missing = arazzo::open("flow.yaml").text(flow("no-such-api.yaml", "list")).lint().unwrap();
    assert_eq!(errors(&missing), [Code::SourceNotFound]);
    let call = |name: &str| arazzo::open("nowhere/api.yaml").text(api("list")).call_blocking(Call::new(name));
    assert!(call("list").is_ok() && matches!(call("other"), Err(Error::Setup(_))));
}

#[test]
fn a_text_that_was_given_is_asked_for_no_permission_and_gives_none() {
    let folder = Folder::new();
    let elsewhere = Folder::new();
    elsewhere.write("api.yaml", api("list"));
    elsewhere.write("x.yaml", PART);
    let place = elsewhere.path().join("api.yaml");
    folder.write("flow.yaml", flow(&place.display().to_string(), "list"));
    let open = || arazzo::open(folder.path().join("flow.yaml"));
    assert_eq!(errors(&open().lint().unwrap()), [Code::FileRefused]);
    assert_eq!(errors(&open().document(&place, api("list")).lint().unwrap()), []);
    // What lies beside it is still none of those that may be read.
    let beside = open().document(&place, api_in_parts("x.yaml")).lint().unwrap();
    assert!(errors(&beside).contains(&Code::FileRefused), "{:?}", errors(&beside));
    // Nor may it be read because a document on the network is in memory.
    let remote = flow(&format!("https://api.example/{}", "api.yaml"), "list");
    let part = format!("file://{}", elsewhere.path().join("x.yaml").display());
    let far = arazzo::open(folder.path().join("flow.yaml")).text(remote).offline(true);
    let far = far.folder(elsewhere.path()).document("https://api.example/api.yaml", api_in_parts(&part));
    let refused = far.clone().lint().unwrap();
    assert!(errors(&refused).contains(&Code::FileRefused), "{:?}", errors(&refused));
    // It may, if the caller gave it.
    let given = far.document(elsewhere.path().join("x.yaml"), PART).lint().unwrap();
    assert_eq!(errors(&given), []);
}

#[test]
fn a_text_stands_for_a_document_on_the_network_which_is_not_fetched() {
    let flow = |url: &str| arazzo::open("nowhere/flow.yaml").text(flow(url, "list")).offline(true);
    let url = "https://api.example/v1/openapi.yaml";
    assert_eq!(errors(&flow(url).lint().unwrap()), [Code::SourceRefused]);
    let checked = flow(url)
        .document("https://api.example/v1/../v1/openapi.yaml", api_in_parts("parts/x.yaml"))
        .document("https://api.example/v1/parts/x.yaml", PART)
        .lint()
        .unwrap();
    assert_eq!(errors(&checked), []);
    assert_eq!(names(&checked)[1..], [url, "https://api.example/v1/parts/x.yaml"]);
    // A scheme of the program's own.
    let own = flow("store://apis/17").document("store://apis/17", api("list")).lint().unwrap();
    assert_eq!(errors(&own), []);
    // The entry document too: it stays that of a third party.
    let entry = arazzo::open("https://api.example/flow.yaml").offline(true);
    let entry =
        entry.text(self::flow("openapi.yaml", "list")).document("https://api.example/openapi.yaml", api("list"));
    let workflow = entry.load_blocking().unwrap().workflow(None).unwrap();
    assert!(!workflow.missing_permissions().is_empty());
    let wrong = flow(url).document("https://[", "").lint();
    assert!(matches!(wrong, Err(Error::Setup(message)) if message.contains("the url of a text")));
}

#[test]
fn limits_hold_for_texts_in_memory() {
    let large = |bytes: usize| " ".repeat(bytes + 1);
    let entry = arazzo::open("nowhere/flow.yaml").text(large(16 << 20)).lint().unwrap();
    assert_eq!(errors(&entry), [Code::DocumentTooLarge]);
    let source = arazzo::open("nowhere/flow.yaml").text(flow("api.yaml", "list"));
    let source = source.document("nowhere/api.yaml", large(64 << 20)).lint().unwrap();
    assert_eq!(errors(&source), [Code::DocumentTooLarge]);
}

#[test]
fn an_editor_parses_what_was_typed_and_nothing_else() {
    let parsed = ParsedDocuments::new();
    let check = |edit: usize, api: &str, part: &str| {
        let open = |builder: Builder| {
            builder.text(format!("{}# {edit}\n", flow("api.yaml", "list"))).document("nowhere/api.yaml", api)
        };
        let builder = open(arazzo::open("nowhere/flow.yaml")).document("nowhere/x.yaml", part);
        let before = parsed.parsed();
        let found = builder.clone().parsed(&parsed).lint().unwrap();
        assert_eq!(found.diagnostics, builder.lint().unwrap().diagnostics);
        (errors(&found).len(), parsed.parsed() - before)
    };
    let whole = api_in_parts("x.yaml");
    assert_eq!(check(0, &whole, PART), (0, 3));
    assert_eq!(check(0, &whole, PART), (0, 0));
    for edit in 1..100 {
        assert_eq!(check(edit, &whole, PART), (0, 1), "the document that was edited");
    }
    assert_eq!(check(99, &whole, "get: {}\n"), (1, 1), "the part that was edited");
    assert_eq!(check(99, &format!("{whole}#"), "get: {}\n"), (1, 1), "the source that was edited");
    assert_eq!(check(100, &whole, PART), (0, 3));
    assert_eq!((parsed.len(), parsed.is_empty()), (3, false));
    // From another thread, and for another load of the same documents.
    let shared = parsed.clone();
    std::thread::spawn(move || {
        let builder = arazzo::open("nowhere/flow.yaml").text(format!("{}# 100\n", flow("api.yaml", "list")));
        let builder = builder.document("nowhere/api.yaml", api_in_parts("x.yaml")).document("nowhere/x.yaml", PART);
        builder.parsed(&shared).load_blocking().unwrap().workflow(None).unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(parsed.parsed(), 3 + 99 + 1 + 1 + 3);
}
