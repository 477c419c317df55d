//! Documents that are made to hurt: bombs, depths, circles, and very many of everything. Through the built command, with
//! a watchdog and a bound on memory; the exit code and the code of the diagnostic are part of each case.
//!
//! `documents/*.yaml` are small enough to be written down; the others are generated here.

use std::fs;
use std::time::Duration;

use crate::cli::documents::PETS;
use crate::cli::{Arazzo, Folder};
use crate::suite::{files_below, workspace_root};
use crate::watchdog::watched;

/// Generous: a machine may be busy, and this build is not optimized. What is endless is still found.
const WATCHDOG: Duration = Duration::from_secs(60);
/// Peak memory of the command, in KiB.
const MEMORY: u64 = 384 << 10;

/// A document with `fields` before its workflows and `steps` in the first of them.
fn flow(fields: &str, steps: &str) -> String {
    let sources = "sourceDescriptions:\n- {name: pets, url: pets.yaml, type: openapi}\n";
    let info = "arazzo: 1.0.1\ninfo: {title: Pets, version: 1.0.0}\n";
    format!("{info}{sources}{fields}workflows:\n- workflowId: look\n  steps:\n{steps}")
}

const STEP: &str = "  - stepId: all\n    operationId: listPets\n";

fn many(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect()
}

fn criterion(kind: &str, condition: &str) -> String {
    format!("{STEP}    successCriteria: [{{context: $response.body, type: {kind}, condition: '{condition}'}}]\n")
}

const COMMANDS: [&[&str]; 4] = [
    &["lint", "flow.yaml"],
    &["inspect", "flow.yaml"],
    &["run", "flow.yaml", "look", "--dry-run"],
    &["run", "flow.yaml", "look", "--mock", "--loop-delay", "0", "--max-steps", "50"],
];

/// Runs every command on a document; `runs` is the exit code of the last, `code` a word that one of them says.
#[track_caller]
fn ends(name: &str, flow: &str, pets: &str, runs: i32, code: &str) {
    let folder = Folder::new();
    folder.write("flow.yaml", flow);
    folder.write("pets.yaml", pets);
    let mut said = String::new();
    for command in COMMANDS {
        let what = format!("{name}: arazzo {}", command.join(" "));
        let ran = watched(Arazzo::new(command.iter().copied()).cwd(folder.path()).spawn(), &what, WATCHDOG);
        let last = command.len() > 4;
        let right = if last { ran.status == Some(runs) } else { matches!(ran.status, Some(0 | 3 | 6)) };
        let head: String = ran.text.chars().take(3_000).collect();
        assert!(right, "{what}: exit {:?}, not {runs}\n{head}", ran.status);
        assert!(ran.peak < MEMORY, "{what}: {} MiB", ran.peak >> 10);
        assert!(!ran.text.contains("panicked"), "{what}\n{head}");
        said.push_str(&ran.text);
    }
    let head: String = said.chars().take(3_000).collect();
    assert!(said.contains(code), "{name}: no `{code}` in\n{head}");
}

#[test]
fn documents_that_are_written_down_end_as_they_say() {
    // The first line of each: `# exit code-of-the-diagnostic`; `--- pets.yaml` begins another description.
    let folder = workspace_root().join("tests/hostile/documents");
    let cases = files_below(&folder, &["yaml"]);
    assert!(cases.len() >= 20, "{} cases", cases.len());
    for path in cases {
        let text = fs::read_to_string(&path).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        let (exit, code) = first.trim_start_matches("# ").split_once(' ').unwrap();
        let (document, pets) = rest.split_once("--- pets.yaml\n").unwrap_or((rest, PETS));
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        ends(&name, document, pets, exit.parse().unwrap(), code);
    }
}

#[test]
fn aliases_that_multiply_are_refused() {
    let laughs = many(12, |i| {
        if i == 0 {
            "x-0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned()
        } else {
            format!("x-{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(","))
        }
    });
    ends("laughs", &flow(&laughs, STEP), PETS, 3, "alias-limit");
    ends("laughs in the description", &flow("", STEP), &format!("{PETS}{laughs}"), 3, "alias-limit");
    ends("itself", &flow("x-a: &x [*x]\n", STEP), PETS, 3, "yaml-alias");
}

#[test]
fn aliases_of_long_texts_are_refused() {
    let text = |bytes: usize| "y".repeat(bytes);
    let aliases = |count: usize| vec!["*b"; count].join(",");
    let long = format!("x-b: &b \"{}\"\nx-l: [{}]\n", text(100_000), aliases(9_000));
    ends("a long text", &flow(&long, STEP), PETS, 3, "alias-limit");
    ends("a long text in the description", &flow("", STEP), &format!("{PETS}{long}"), 3, "alias-limit");
    let longer = format!("x-b: &b \"{}\"\nx-l: [{}]\n", text(1_000_000), aliases(90_000));
    ends("a longer text", &flow(&longer, STEP), PETS, 3, "alias-limit");
    let merged = format!("x-b: &b {{k: \"{}\"}}\nx-l: [{}]\n", text(100_000), vec!["{<<: *b}"; 5_000].join(","));
    ends("merge keys", &flow(&merged, STEP), PETS, 3, "alias-limit");
    let names = format!("x-b: &b {{{}: 1}}\nx-l: [{}]\n", text(1_000), aliases(9_000));
    ends("a long name", &flow(&names, STEP), PETS, 3, "alias-limit");
    // No alias at all: every anchor holds what those inside of it hold.
    let nested: String = (0..100).map(|number| format!("&a{number} [")).collect();
    let nested = format!("x-n: {nested}\"{}\"{}\n", text(400_000), "]".repeat(100));
    ends("anchors inside of anchors", &flow(&nested, STEP), PETS, 3, "alias-limit");
    let few = format!("x-b: &b \"{}\"\nx-l: [{}]\n", text(100_000), aliases(30));
    ends("a text that stands in thirty places", &flow(&few, STEP), PETS, 0, "ok");
}

#[test]
fn depth_is_bounded_without_recursion() {
    for (name, text) in [
        ("brackets", "[".repeat(1_000_000)),
        ("braces", "{a: ".repeat(250_000)),
        ("dashes", "- ".repeat(250_000)),
        ("blocks", many(1_500, |i| format!("{}a:\n", " ".repeat(i)))),
        ("json", format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000))),
    ] {
        ends(name, &text, PETS, 3, "document-too-deep");
        ends(name, &flow("", STEP), &text, 3, "document-too-deep");
    }
}

#[test]
fn very_many_of_everything_ends() {
    ends(
        "keys that stand twice",
        &flow(&format!("x-a: {{{}}}\n", "k: 1,".repeat(30_000)), STEP),
        PETS,
        3,
        "too-many-faults",
    );
    ends("keys", &flow(&format!("x-a: {{{}}}\n", many(60_000, |i| format!("k{i}: 1,"))), STEP), PETS, 0, "ok");
    ends("unknown fields", &flow(&many(10_000, |i| format!("foo{i}: 1\n")), STEP), PETS, 0, "unknown-field");
    let step = |i| format!("  - stepId: s{i}\n    operationId: listPets\n");
    ends("steps", &flow("", &many(10_000, step)), PETS, 5, "--max-steps");
    let jump = |i: usize| {
        let (to, read) = (i * 419 % 3_000, i * 31 % 3_000);
        format!(
            "  - stepId: s{i}\n    operationId: listPets\n    outputs: {{x: $response.body#/x}}\n    onSuccess: [{{name: \
             g, type: goto, stepId: s{to}, criteria: [{{condition: $steps.s{read}.outputs.x == 1}}]}}]\n"
        )
    };
    ends("steps that lead to one another", &flow("", &many(3_000, jump)), PETS, 5, "--max-steps");
    let detour = |i: usize| {
        let to = (i + 1) % 3_000;
        format!(
            "  - stepId: s{i}\n    operationId: listPets\n    onFailure: [{{name: r, type: retry, stepId: s{to}}}]\n"
        )
    };
    ends("detours that lead to one another", &flow("", &many(3_000, detour)), PETS, 5, "--max-steps");
    ends("steps of one name", &flow("", &many(5_000, |_| STEP.to_owned())), PETS, 3, "too-many-faults");
    let wrong =
        |i| format!("  - stepId: s{i}\n    operationId: listPet{i}\n    outputs: {{a: $steps.sx{i}.outputs.b}}\n");
    ends("faults", &flow("", &many(3_000, wrong)), PETS, 3, "too-many-faults");
    let sources = many(1_000, |i| format!("- {{name: p{i}, url: pets.yaml, type: openapi}}\n"));
    ends("sources", &flow(&sources, STEP), PETS, 0, "ambiguous-operation-id");
    let references = many(20_000, |i| format!("- {{$ref: 'f{i}.yaml'}}\n"));
    ends("references", &flow("", STEP), &format!("{PETS}x-a:\n{references}"), 0, "ok");
    let long = "a".repeat(300_000);
    ends(
        "names",
        &flow("", &format!("  - stepId: {long}\n    operationId: {long}b\n")),
        PETS,
        3,
        "unknown-operation-id",
    );
    ends("digits", &flow(&format!("x-n: -{}\n", "9".repeat(1_000_000)), STEP), PETS, 0, "ok");
    let values = format!("x-a: [{}]\n", "1,".repeat(1_100_000));
    ends("values", &flow(&values, STEP), PETS, 3, "document-too-large");
    let paths = many(5_000, |i| format!("  /p{i}:\n    get: {{operationId: o{i}, responses: {{}}}}\n"));
    ends("paths", &flow("", STEP), &format!("{PETS}{paths}"), 0, "ok");
}

#[test]
fn workflows_that_call_workflows_end() {
    let last = "- workflowId: w10000\n  steps: [{stepId: a, operationId: listPets}]\n";
    let call = |i| format!("- workflowId: w{i}\n  steps: [{{stepId: a, workflowId: w{}}}]\n", i + 1);
    let chain = flow("", "  - {stepId: a, workflowId: w0}\n") + &many(10_000, call) + last;
    ends("ten thousand calls", &chain, PETS, 5, "depth-limit");
    let need =
        |i| format!("- workflowId: w{i}\n  dependsOn: [w{}]\n  steps: [{{stepId: a, operationId: listPets}}]\n", i + 1);
    let chain = flow("", "  - {stepId: a, workflowId: w0}\n") + &many(10_000, need) + last;
    ends("ten thousand dependencies", &chain, PETS, 3, "too-many-dependencies");
    let twice = |i| {
        let call = format!("workflowId: w{}", i + 1);
        format!("- workflowId: w{i}\n  steps: [{{stepId: a, {call}}}, {{stepId: b, {call}}}]\n")
    };
    let tree = flow("", "  - {stepId: a, workflowId: w0}\n")
        + &many(30, twice)
        + "- workflowId: w30\n  steps: [{stepId: a, operationId: listPets}]\n";
    ends("a tree of calls", &tree, PETS, 5, "--max-steps");
}

#[test]
fn conditions_and_queries_that_are_too_much_are_refused_or_bounded() {
    let simple = |condition: &str| format!("{STEP}    successCriteria: [{{condition: '{condition}'}}]\n");
    let nested =
        |open: &str, n: usize, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(n), close.repeat(n));
    for (name, steps, exit, code) in [
        ("parentheses", simple(&nested("(", 100_000, "1 == 1", ")")), 3, "condition-syntax"),
        ("nots", simple(&nested("!", 100_000, "true", "")), 3, "condition-syntax"),
        ("ors", simple(&vec!["$statusCode == 200"; 5_000].join(" || ")), 0, "ok"),
        ("queries in queries", criterion("jsonpath", &nested("$[?@", 5_000, ".a", "]")), 3, "jsonpath-syntax"),
        (
            "parentheses of a query",
            criterion("jsonpath", &format!("$[?{}]", nested("(", 50_000, "@.a", ")"))),
            3,
            "jsonpath-syntax",
        ),
        ("descendants", criterion("jsonpath", &format!("${}", "..*".repeat(3_000))), 1, "criterion"),
        ("repeats of nothing", criterion("regex", "(?:){1000000000}"), 0, "ok"),
        ("repeats of repeats", criterion("regex", "(((a{100}){100}){100}){100}"), 3, "regex-syntax"),
        ("groups", criterion("regex", &nested("(", 20_000, "a", ")")), 3, "regex-syntax"),
        ("a long pattern", criterion("regex", &"a".repeat(5_000)), 3, "regex-syntax"),
        ("look-around", criterion("regex", "(?=a)b"), 3, "regex-syntax"),
        ("back-references", criterion("regex", "(a)\\1"), 3, "regex-syntax"),
        ("parentheses of an XPath", criterion("xpath", &nested("(", 5_000, "1", ")")), 3, "xpath-syntax"),
        ("predicates of an XPath", criterion("xpath", &nested("//*[", 400, "1", "]")), 3, "xpath-syntax"),
    ] {
        ends(name, &flow("", &steps), PETS, exit, code);
    }
    let parameter = |text: &str| format!("{STEP}    parameters: [{{name: a, in: query, value: '{text}'}}]\n");
    for (name, text, exit, code) in [
        ("open braces", "{$".repeat(100_000), 3, "expression-syntax"),
        ("open braces, and one that closes", format!("{}}}", "{$".repeat(100_000)), 3, "expression-syntax"),
        ("expressions", "{$inputs.a}".repeat(20_000), 0, "ok"),
        ("expressions without braces", "$inputs.a ".repeat(20_000), 4, "65534 can be sent"),
    ] {
        ends(name, &flow("", &parameter(&text)), PETS, exit, code);
    }
    let pointer = format!("{STEP}    outputs: {{a: '$response.body#{}'}}\n", "/a".repeat(100_000));
    ends("a long pointer", &flow("", &pointer), PETS, 0, "ok");
}

#[test]
fn schemas_and_references_in_circles_end() {
    let described = |more: &str, components: &str| {
        PETS.replace("      responses:", &format!("      {more}\n      responses:"))
            + "components: "
            + components
            + "\n"
    };
    let body = |reference: &str| {
        format!("requestBody: {{content: {{application/json: {{schema: {{$ref: '{reference}'}}}}}}}}")
    };
    let schema = "#/components/schemas";
    ends(
        "parameters",
        &flow("", STEP),
        &described(
            "parameters: [{$ref: '#/components/parameters/a'}]",
            "{parameters: {a: {$ref: '#/components/parameters/b'}, b: {$ref: '#/components/parameters/a'}}}",
        ),
        3,
        "broken-reference",
    );
    ends(
        "a schema that is itself",
        &flow("", STEP),
        &described(&body(&format!("{schema}/a")), &format!("{{schemas: {{a: {{$ref: '{schema}/a'}}}}}}")),
        0,
        "ok",
    );
    let three = format!("{{$ref: '{schema}/a'}}");
    let wide = format!(
        "{{schemas: {{a: {{type: object, required: [x, y, z], properties: {{x: {three}, y: {three}, z: {three}}}}}}}}}"
    );
    ends("a schema that holds itself", &flow("", STEP), &described(&body(&format!("{schema}/a")), &wide), 0, "ok");
    let all = many(40, |i| format!("a{i}: {{allOf: [{{$ref: '{schema}/a{0}'}}, {{$ref: '{schema}/a{0}'}}]}}, ", i + 1));
    let all = format!("{{schemas: {{{all} a40: {{type: object}}}}}}");
    ends("a tree of schemas", &flow("", STEP), &described(&body(&format!("{schema}/a0")), &all), 0, "ok");
    let doubled =
        many(40, |i| format!("a{i}: {{allOf: [{{$ref: '#/$defs/a{0}'}}, {{$ref: '#/$defs/a{0}'}}]}}, ", i + 1));
    for (value, last) in [("x=a", "{type: string}"), ("x:=[]", "{type: string}")] {
        let schema = format!(
            "  inputs: {{$defs: {{{doubled} a40: {last}}}, type: object, properties: {{x: {{$ref: '#/$defs/a0'}}}}}}\n  steps:"
        );
        let with = flow("", STEP).replace("  steps:", &schema);
        ends("a tree of schemas of inputs", &with, PETS, 0, "ok");
        let folder = Folder::new();
        folder.write("flow.yaml", with);
        folder.write("pets.yaml", PETS);
        let child = Arazzo::new(["run", "flow.yaml", "--mock", "-i", value]).cwd(folder.path()).spawn();
        let ran = watched(child, value, WATCHDOG);
        assert!(ran.status == Some(2) && ran.text.contains("cannot be checked"), "{:?}: {}", ran.status, ran.text);
        assert!(ran.peak < MEMORY, "{} MiB", ran.peak >> 10);
    }
    let inputs = "components: {inputs: {a: {$ref: '#/components/inputs/b'}, b: {$ref: '#/components/inputs/a'}}}\n";
    let with = flow(inputs, STEP).replace("  steps:", "  inputs: {$ref: '#/components/inputs/a'}\n  steps:");
    ends("inputs", &with, PETS, 3, "broken-reference");
}
