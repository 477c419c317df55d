//! Every code of a diagnostic is listed and explained, and the examples of its page are what they say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arazzo_engine::code::Code;
use arazzo_engine::compile::compile;
use arazzo_engine::diagnostic::Diagnostics;
use arazzo_engine::lint::ignore::ignore;
use arazzo_engine::lint::lint;
use arazzo_engine::load::LoadOptions;
use arazzo_engine::node::{Node, NodeLimits};
use arazzo_engine::reason::Reason;
use arazzo_engine::source::{SourceId, Sources};

use crate::suite::bundle;

const PETS: &str = "\
openapi: 3.1.0
info: { title: Pets, version: '1' }
servers: [{ url: https://pets.example }]
paths:
  /pets:
    get:
      operationId: listPets
      parameters:
        - { name: limit, in: query, schema: { type: integer } }
        - { name: X-Trace, in: header, schema: { type: string } }
      responses:
        '200':
          description: pets
          content: { application/json: { schema: { type: array, items: { $ref: '#/components/schemas/Pet' } } } }
    post:
      operationId: addPet
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [name]
              properties: { name: { type: string }, tag: { type: string } }
              additionalProperties: false
      responses: { '201': { description: added } }
  /pets/{petId}:
    get:
      operationId: getPet
      parameters: [{ name: petId, in: path, required: true, schema: { type: string } }]
      responses:
        '200':
          description: a pet
          content: { application/json: { schema: { $ref: '#/components/schemas/Pet' } } }
    delete:
      operationId: deletePet
      parameters: [{ name: petId, in: path, required: true, schema: { type: string } }]
      responses: { '204': { description: gone } }
components:
  schemas:
    Pet: { type: object, properties: { id: { type: string }, name: { type: string }, tags: { type: array, items: {} } } }
";

const EVENTS: &str = "\
asyncapi: 3.0.0
info: { title: Events, version: '1' }
channels: { orders: { address: orders } }
operations: {}
";

const FLOW: &str = "\
arazzo: 1.0.1
info: { title: Pets, version: '1' }
sourceDescriptions:
  - { name: pets, url: pets.yaml, type: openapi }
  - { name: events, url: events.yaml, type: asyncapi }
workflows:
  - workflowId: example
    inputs:
      type: object
      required: [petId, token]
      properties: { petId: { type: string }, token: { type: string } }
    steps:
";

/// The document that an example of a page is a part of: the whole, some fields of its root, a workflow, or steps.
fn around(example: &str) -> String {
    let indented = |by: &str| example.lines().map(|line| format!("{by}{line}\n")).collect::<String>();
    let (root, _) = FLOW.split_once("workflows:").unwrap();
    // A qualified name is no departure where there is one source of operations.
    let root = if example.contains(".events") {
        root.to_owned()
    } else {
        root.replace("  - { name: events, url: events.yaml, type: asyncapi }\n", "")
    };
    let flow = FLOW.split_once("workflows:").unwrap().1;
    if example.starts_with("arazzo:") {
        return example.to_owned();
    }
    if example.starts_with("- stepId") {
        return format!("{root}workflows:{flow}{}", indented("      "));
    }
    if example.starts_with("- workflowId") {
        return format!("{root}workflows:\n{}", indented("  "));
    }
    let has = |field: &str| example.lines().any(|line| line.starts_with(&format!("{field}:")));
    let mut text = root.split_once("sourceDescriptions:").unwrap().0.to_owned();
    if !has("sourceDescriptions") {
        text += "sourceDescriptions:\n  - { name: pets, url: pets.yaml, type: openapi }\n";
    }
    if !has("workflows") {
        text += "workflows:\n  - { workflowId: example, steps: [{ stepId: list, operationId: listPets }] }\n";
    }
    text + example + "\n"
}

/// The codes that an example gives.
fn codes(example: &str) -> BTreeSet<Code> {
    said(example).iter().map(|d| d.code).collect()
}

/// What is said about an example.
fn said(example: &str) -> Diagnostics {
    let files = [
        ("flow.yaml".to_owned(), around(example)),
        ("pets.yaml".to_owned(), PETS.to_owned()),
        ("zoo.yaml".to_owned(), PETS.to_owned()),
        (
            "store.yaml".to_owned(),
            PETS.replace("Pets", "Store").replace("listPets", "listOrders").replace("Pet", "Order"),
        ),
        ("events.yaml".to_owned(), EVENTS.to_owned()),
    ];
    let options = LoadOptions { root: Some("file:///work/".to_owned()), ..LoadOptions::default() };
    let readings = options.readings;
    let (bundle, loading, sources) = bundle(&files, options);
    let found = match &bundle {
        Some(bundle) => lint(bundle, &compile(bundle, loading, readings)),
        None => loading,
    };
    let (found, _) = ignore(found, &sources, SourceId(0), true);
    found
}

/// What stands in the fence below a heading, and its language.
fn fenced<'t>(page: &'t str, heading: &str) -> Option<(&'t str, &'t str)> {
    let after = page.split_once(&format!("## {heading}\n```"))?.1;
    let (language, rest) = after.split_once('\n')?;
    Some((language, rest.split_once("\n```")?.0))
}

/// The folder of pages, which are in the package of the engine.
fn pages(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pages").join(kind)
}

#[test]
fn every_code_has_a_page_whose_examples_are_what_they_say() {
    let folder = pages("diagnostics");
    let mut wrong = vec![];
    let mut shown = 0;
    for code in Code::ALL {
        let page = code.page();
        let summary = page.lines().nth(2).unwrap_or_default();
        if !page.starts_with(&format!("# {code}\n\n")) || !summary.ends_with('.') {
            wrong.push(format!("{code}: a page begins with its code and a sentence"));
        }
        let section = code.section().rsplit('§').next().unwrap_or_default();
        if !page.contains(&format!("\nSpecification: [{section}](https://spec.openapis.org/")) {
            wrong.push(format!("{code}: a page ends with a link to its section of the specification, {section}"));
        }
        let (Some((language, bad)), Some((_, good))) = (fenced(page, "Wrong"), fenced(page, "Right")) else {
            wrong.push(format!("{code}: a page has a wrong and a right example"));
            continue;
        };
        // What one document cannot show is shown as text.
        if language != "yaml" {
            continue;
        }
        shown += 1;
        let found = codes(bad);
        if !found.contains(code) {
            wrong.push(format!("{code}: the wrong example gives {found:?}\n{}", around(bad)));
        }
        let found = codes(good);
        if found.contains(code) {
            wrong.push(format!("{code}: the right example gives it too\n{}", around(good)));
        }
    }
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(files, Code::ALL.len(), "pages without a code in pages/diagnostics");
    assert!(shown > 80, "{shown} examples are checked");
}

#[test]
fn every_reason_of_a_run_has_a_page_that_says_what_to_do() {
    let folder = pages("reasons");
    let (mut wrong, mut own) = (vec![], 0);
    for reason in Reason::ALL {
        let page = reason.page();
        if !page.starts_with(&format!("# {reason}\n\n")) || !page.lines().nth(2).unwrap_or_default().ends_with('.') {
            wrong.push(format!("{reason}: a page begins with its word and a sentence"));
        }
        if !page.to_lowercase().contains(&format!("exit {}", reason.exit())) {
            wrong.push(format!("{reason}: a page says the exit code, {}", reason.exit()));
        }
        // Where a document can be wrong in the same way, the page is that of the code.
        if reason.word().parse::<Code>().is_ok_and(|code| code.page() == page) {
            continue;
        }
        own += 1;
        if !page.contains("\n## What to do\n") {
            wrong.push(format!("{reason}: a page says what to do"));
        }
        let examples = [fenced(page, "Wrong"), fenced(page, "Right")];
        if examples.iter().flatten().count() == 1 {
            wrong.push(format!("{reason}: a wrong example stands beside a right one"));
        }
        for (_, example) in examples.into_iter().flatten().filter(|(language, _)| *language == "yaml") {
            // What is wrong with it is seen in a run only.
            let errors: Vec<Code> = said(example).errors().map(|d| d.code).collect();
            if !errors.is_empty() {
                wrong.push(format!("{reason}: an example gives {errors:?}\n{}", around(example)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), own, "pages without a reason in pages/reasons");
}

#[test]
fn reasons_are_listed_once_and_in_order() {
    assert!(Reason::ALL.windows(2).all(|pair| pair[0].word() < pair[1].word()));
    for reason in Reason::ALL {
        assert_eq!(reason.word().parse(), Ok(*reason));
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.word());
    }
    assert!("unknown".parse::<Reason>().is_err());
}

#[test]
fn codes_are_listed_once_and_in_order() {
    let sorted = Code::ALL.windows(2).all(|pair| pair[0].word() < pair[1].word());
    assert!(sorted, "the table of code.rs is in the order of the alphabet");
    for code in Code::ALL {
        assert_eq!(code.word().parse(), Ok(*code));
        assert_eq!(serde_json::to_value(code).unwrap(), code.word());
    }
    assert!("unknown".parse::<Code>().is_err());
}

#[test]
fn fixes_leave_everything_else_as_it_is() {
    let text = "# first\r\na:   'x'   # one\r\nb: [ 1,2 ]\r\n";
    let mut sources = Sources::default();
    let id = sources.add("t", "t", text);
    let node = Node::parse(&sources, id, NodeLimits::default()).unwrap();
    let edit = |name: &str, new: &str| {
        let span = node.get(name).unwrap().span;
        let edits = vec![arazzo_engine::diagnostic::Edit { span, text: new.to_owned() }];
        arazzo_engine::diagnostic::Diagnostic::warning(Code::WrongType, span, "m").fix("f", true, edits)
    };
    let (one, same, other) = (edit("a", "'y'"), edit("a", "'z'"), edit("b", "[]"));
    let fixed = arazzo_engine::lint::fix::fix(text, id, false, &[&one, &same, &other]);
    assert_eq!(fixed.text, "# first\r\na:   'y'   # one\r\nb: []\r\n");
    // Of two that overlap the first is made; the other waits for the next pass.
    assert_eq!(fixed.made, [0, 2]);
}
