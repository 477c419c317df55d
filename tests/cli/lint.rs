//! `arazzo lint`, `--fix`, `arazzo.toml` and `explain`, as people and scripts meet them.

use serde_json::{Value, json};

use super::{Arazzo, Folder};

const FLOW: &str = "\
arazzo: 1.0.1
info: { title: Pets, version: '1' }
sourceDescriptions:
  - { name: pets, url: pets.yaml, type: openapi }
workflows:
  - workflowId: tour
    inputs: { type: object, required: [key], properties: { key: { type: string } } }
    steps:
      - stepId: list   # all of them
        operationId: pets.listPets
        parameters:
          - { name: Authorization, in: header, value: Bearer $inputs.key }
          - { name: limt, in: query, value: 10 }
        outputs: { first: $response.body#/0/id }
    outputs: { first: $steps.list.outputs.first }
";

const PETS: &str = "\
openapi: 3.1.0
info: { title: Pets, version: '1' }
servers: [{ url: https://pets.example }]
paths:
  /pets:
    get:
      operationId: listPets
      parameters: [{ name: limit, in: query, schema: { type: integer } }]
      responses: { '200': { description: pets, content: { application/json: { schema: { type: array } } } } }
";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("flow.yaml", FLOW);
    folder.write("pets.yaml", PETS);
    folder
}

fn lint(folder: &Folder, args: &[&str]) -> super::Output {
    Arazzo::new(["lint"].into_iter().chain(args.iter().copied())).cwd(folder.path()).run()
}

fn codes(output: &super::Output) -> Vec<String> {
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(value["v"], 1);
    value["diagnostics"].as_array().unwrap().iter().map(|d| d["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn findings_are_printed_in_four_formats() {
    let folder = folder();
    let output = lint(&folder, &["flow.yaml"]);
    output.exits(0).says(&["1 document: 3 warnings", "--fix", "hint"]);
    for words in [
        "warning[source-dot-operation]",
        "--> flow.yaml:10:22",
        "::: pets.yaml:6:5",
        "specification: https://spec.openapis.org/",
    ] {
        output.check(output.stdout.contains(words), words);
    }
    let output = lint(&folder, &["flow.yaml", "--json"]);
    output.exits(0);
    assert_eq!(codes(&output), ["source-dot-operation", "unbraced-expression", "undeclared-parameter"]);
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    let found = &value["diagnostics"][2];
    assert_eq!((&found["line"], &found["column"], &found["endColumn"]), (&13.into(), &21.into(), &25.into()));
    assert_eq!((&found["workflow"], &found["step"]), (&"tour".into(), &"list".into()));
    assert_eq!(found["notes"][0]["file"], "pets.yaml");
    assert_eq!(value["diagnostics"][0]["fix"]["edits"][0]["text"], "$sourceDescriptions.pets.listPets");
    let output = lint(&folder, &["flow.yaml", "--format", "sarif"]);
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(value["version"], "2.1.0");
    assert_eq!(value["runs"][0]["results"][1]["ruleId"], "unbraced-expression");
    assert!(value["runs"][0]["tool"]["driver"]["rules"][0]["help"]["text"].as_str().unwrap().contains("## Wrong"));
    let output = lint(&folder, &["flow.yaml", "--format", "github"]);
    output.check(output.stdout.starts_with("::warning file=flow.yaml,line=10,col=22,"), "an annotation");
    assert_eq!(output.stdout.lines().count(), 3);
    let output = lint(&folder, &["flow.yaml", "--format", "gitlab"]);
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    let found = value.as_array().unwrap();
    assert_eq!((found.len(), &found[1]["check_name"]), (3, &"unbraced-expression".into()));
    assert_eq!(
        (&found[2]["location"]["path"], &found[2]["location"]["lines"]["begin"]),
        (&"flow.yaml".into(), &13.into())
    );
    let fingerprints: std::collections::BTreeSet<&str> =
        found.iter().map(|one| one["fingerprint"].as_str().unwrap()).collect();
    assert!(fingerprints.len() == 3 && fingerprints.iter().all(|one| one.len() == 64), "{fingerprints:?}");
    // What moves is the same finding.
    folder
        .write("flow.yaml", format!("# a line\n{}", std::fs::read_to_string(folder.path().join("flow.yaml")).unwrap()));
    let moved: Value = serde_json::from_str(&lint(&folder, &["flow.yaml", "--format", "gitlab"]).stdout).unwrap();
    assert_eq!(
        (&moved[2]["fingerprint"], &moved[2]["location"]["lines"]["begin"]),
        (&found[2]["fingerprint"], &14.into())
    );
}

#[test]
fn editors_get_one_line_a_finding_of_what_they_hold() {
    let folder = folder();
    let output = lint(&folder, &["flow.yaml", "--format", "short"]);
    output.exits(0);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("flow.yaml:10:22: warning: "), "{lines:?}");
    assert!(lines[0].ends_with(" [source-dot-operation]"), "{lines:?}");
    // A message is one line, whatever the document writes.
    let broken = FLOW.replace("operationId: pets.listPets", "\"operationId\": \"a\\nb\\u001b[31m\"");
    let output = Arazzo::new(["lint", "-", "--format", "short", "--stdin-filename", "flow.yaml"])
        .cwd(folder.path())
        .stdin(&broken)
        .run();
    output.exits(3);
    output.check(!output.stdout.contains('\u{1b}'), "no control character");
    output
        .check(output.stdout.lines().all(|line| line.starts_with("flow.yaml:") && line.ends_with(']')), "whole lines");
    // The text of a buffer stands where its file does: its sources are read from there.
    std::fs::create_dir(folder.path().join("deep")).unwrap();
    let deep = Arazzo::new(["lint", "-", "--format", "short", "--stdin-filename", "deep/flow.yaml"])
        .cwd(folder.path())
        .stdin(&FLOW.replace("pets.yaml", "../pets.yaml"))
        .run();
    deep.exits(0);
    assert!(deep.stdout.starts_with("deep/flow.yaml:10:22: warning: "), "{}", deep.stdout);
    lint(&folder, &["flow.yaml", "--stdin-filename", "flow.yaml"]).exits(2).says(&["write - for it"]);
}

#[test]
fn a_part_of_the_findings_can_be_asked_for() {
    let folder = folder();
    assert_eq!(
        codes(&lint(&folder, &["flow.yaml", "--json", "--only", "data,secrets"])),
        ["plain-secret", "undeclared-parameter"]
    );
    let hints = codes(&lint(&folder, &["flow.yaml", "--json", "--hints"]));
    assert!(hints.contains(&"missing-description".to_owned()), "{hints:?}");
    // Without the sources, what they describe is not known, and their absence is no fault.
    folder.write("flow.yaml", FLOW.replace("pets.yaml", "gone.yaml"));
    lint(&folder, &["flow.yaml"]).exits(3);
    assert_eq!(
        codes(&lint(&folder, &["flow.yaml", "--json", "--no-sources"])),
        ["source-dot-operation", "unbraced-expression"]
    );
    lint(&folder, &["flow.yaml", "--only", "flwo"]).exits(2).says(&["flow"]);
}

#[test]
fn documents_come_from_folders_and_standard_input() {
    let folder = folder();
    folder.write(
        "deep/other.json",
        r#"{"arazzo": "1.0.1", "info": {"title": "t", "version": "1"}, "sourceDescriptions": [], "workflows": []}"#,
    );
    folder.write("node_modules/not.yaml", "arazzo: 1.0.1\n");
    folder.write("values.yaml", "a: 1\n");
    let output = lint(&folder, &["."]);
    output.exits(3).says(&["2 documents: 2 errors, 3 warnings"]);
    output.check(output.stdout.contains("--> deep/other.json:1:"), "the path from the folder");
    lint(&folder, &["node_modules"]).exits(3);
    folder.write("empty/values.yaml", "a: 1\n");
    lint(&folder, &["empty"]).exits(8).says(&["no Arazzo documents"]);
    let output = Arazzo::new(["lint", "-", "--json"]).cwd(folder.path()).stdin(FLOW).run();
    output.exits(0);
    assert_eq!(codes(&output).len(), 3);
    let output = Arazzo::new(["lint", "-", "--fix=all"]).cwd(folder.path()).stdin(FLOW).run();
    output.exits(0).check(output.stdout.starts_with("arazzo: 1.0.1\n"), "the repaired text");
}

#[test]
fn fixes_change_what_they_name_and_nothing_else() {
    let folder = folder();
    let read = || std::fs::read_to_string(folder.path().join("flow.yaml")).unwrap();
    let text = format!("\u{feff}{}", FLOW.replace('\n', "\r\n"));
    folder.write("flow.yaml", &text);
    let output = lint(&folder, &["flow.yaml", "--fix", "--diff"]);
    output.exits(0).says(&["would fix flow.yaml:10:22 [source-dot-operation]"]);
    output.check(output.stdout.contains("+        operationId: $sourceDescriptions.pets.listPets"), "a diff");
    assert_eq!(read(), text);
    lint(&folder, &["flow.yaml", "--strict", "--fix=all", "--diff"]).exits(3);
    let output = lint(&folder, &["flow.yaml", "--fix", "--json"]);
    output.exits(0).says(&["fixed flow.yaml:10:22", "2 fixes made", "1 warning"]);
    let printed: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(printed["fixed"].as_array().unwrap().len(), 2);
    let first = json!({ "code": "source-dot-operation", "file": "flow.yaml", "line": 10, "column": 22 });
    first.as_object().unwrap().iter().for_each(|(name, value)| assert_eq!(&printed["fixed"][0][name], value));
    let expected = text
        .replace("operationId: pets.listPets", "operationId: $sourceDescriptions.pets.listPets")
        .replace("value: Bearer $inputs.key", "value: 'Bearer {$inputs.key}'");
    let found = read();
    assert_eq!(found.replace('"', "'"), expected);
    // Nothing is left to do.
    lint(&folder, &["flow.yaml", "--fix"]).exits(0);
    assert_eq!(read(), found);
}

#[test]
fn all_fixes_leave_the_reference_workflow_with_nothing_to_refuse() {
    let folder = Folder::new();
    let root = super::root();
    folder.write("specs/flow.yml", std::fs::read_to_string(root.join(super::PROVISION)).unwrap());
    for name in ["volumes", "sandbox"] {
        let name = format!("openapi/daytona-{name}-api-openapi.yml");
        folder.write(&name, std::fs::read_to_string(root.join(&name)).unwrap());
    }
    let output = lint(&folder, &["specs/flow.yml", "--fix=all"]);
    output.exits(0).says(&["9 fixes made", "it ignores case"]);
    let output = lint(&folder, &["specs/flow.yml", "--strict", "--json"]);
    output.exits(0);
    assert_eq!(codes(&output), ["unpaced-loop"]);
    let output = Arazzo::new(["run", "specs/flow.yml", "--strict", "--mock", "--json"]).cwd(folder.path()).run();
    output.exits(0).check(output.stdout.contains("\"status\":\"succeeded\""), "it still runs");
}

#[test]
fn what_was_looked_at_is_ignored_by_comments_and_by_the_file_of_the_project() {
    let folder = folder();
    folder.write(
        "flow.yaml",
        FLOW.replace("pets.listPets\n", "pets.listPets # arazzo-ignore: source-dot-operation\n").replace(
            "          - { name: limt",
            "          # arazzo-ignore: undeclared-parameter, unknown-stp, it is new\n          - { name: limt",
        ),
    );
    let output = lint(&folder, &["flow.yaml", "--json"]);
    assert_eq!(codes(&output), ["unbraced-expression", "unused-ignore"]);
    output.says(&["2 ignored"]);
    folder.write("flow.yaml", FLOW);
    folder.write(
        "arazzo.toml",
        "[lint.severity]\nunbraced-expression = \"error\"\nmissing-description = \"warning\"\nsource-dot-operation = \"off\"\n\n\
         [[lint.ignore]]\ncode = \"undeclared-parameter\"\nfile = \"*.yaml\"\nstep = \"list\"\nreason = \"it is new\"\n\n\
         [[lint.ignore]]\ncode = \"unknown-step\"\nfile = \"flow.yaml\"\n",
    );
    let output = lint(&folder, &["flow.yaml"]);
    output.exits(3).says(&["1 error, 3 warnings", "1 ignored"]);
    for words in
        ["error[unbraced-expression]", "warning[missing-description]", "warning[unused-ignore]", "arazzo.toml:12:1"]
    {
        output.check(output.stdout.contains(words), words);
    }
    lint(&folder, &["flow.yaml", "--no-config"]).exits(0).says(&["3 warnings"]);
    folder.write("arazzo.toml", "[lint.severity]\nunbraced-expresion = \"off\"\n");
    lint(&folder, &["flow.yaml"]).exits(2).says(&["arazzo.toml:2", "did you mean `unbraced-expression`?"]);
    folder.write("arazzo.toml", "[lint]\nseverities = 1\n");
    lint(&folder, &["flow.yaml"]).exits(2).says(&["arazzo.toml:2", "severities"]);
}

/// A document whose conditions are strings in every form that YAML has.
const QUOTED: &str = "\
arazzo: 1.0.1
info: { title: Pets, version: '1' }
sourceDescriptions:
  - { name: pets, url: pets.yaml, type: openapi }
workflows:
  - workflowId: tour
    steps:
      - stepId: list
        operationId: listPets
        parameters:
          - { name: limit, in: query, value: $inputs.nope }
        successCriteria:
          - condition: '$response.header.a == \"x\"'
          - condition: \"$response.header.b == \\\"y\\\"\"
          - condition: $response.header.c == \"z\"
          - { condition: '{$response.header.d == \"a, b\"}' }
          - { context: $response.header.e, condition: '/a,b]/', type: regex }
          - { context: $response.header.f, condition: /^a/, type: regex }
";

#[test]
fn a_fix_is_written_as_its_string_is_and_what_cannot_be_read_is_not_written() {
    let folder = folder();
    for text in [QUOTED.to_owned(), QUOTED.replace("$inputs.nope", "1")] {
        folder.write("flow.yaml", &text);
        lint(&folder, &["flow.yaml", "--fix"]);
        let expected = text
            .replace(r#"a == "x"'"#, "a == ''x'''")
            .replace(r#"b == \"y\""#, "b == 'y'")
            .replace(r#"c == "z""#, "c == 'z'")
            .replace(r#"'{$response.header.d == "a, b"}'"#, "'$response.header.d == ''a, b'''")
            .replace("/a,b]/", "a,b]")
            .replace("/^a/", "^a");
        assert_eq!(std::fs::read_to_string(folder.path().join("flow.yaml")).unwrap(), expected);
        let left = codes(&lint(&folder, &["flow.yaml", "--json"]));
        assert!(!left.iter().any(|code| code.ends_with("-syntax") || code.ends_with("-literal")), "{left:?}");
    }
}

#[test]
fn standard_output_is_the_document_or_the_findings_and_never_both() {
    let folder = folder();
    let run = |args: &[&str], text: &str| Arazzo::new(args.iter().copied()).cwd(folder.path()).stdin(text).run();
    let output = run(&["lint", "--fix", "-"], FLOW);
    let expected = FLOW
        .replace("pets.listPets\n", "$sourceDescriptions.pets.listPets\n")
        .replace("Bearer $inputs.key", "\"Bearer {$inputs.key}\"");
    output.exits(0).says(&["undeclared-parameter", "fixed stdin:10:22"]);
    assert_eq!(output.stdout, expected);
    // A document that needs nothing is printed too.
    assert_eq!(run(&["lint", "--fix", "-"], &expected).stdout, expected);
    for args in [
        &["lint", "--fix", "-", "--json"][..],
        &["lint", "--fix", "-", "--format", "sarif"],
        &["lint", "--fix", "--diff", "flow.yaml", "--json"],
        &["lint", "--diff", "flow.yaml", "--format", "github"],
    ] {
        let output = run(args, FLOW);
        output.exits(2).says(&["on standard output", "leave one of them out"]);
        output.check(output.stdout.is_empty() || output.stdout.starts_with("{\"v\":1,\"exit\":2,"), "no document");
    }
    run(&["lint", "-", "--json"], FLOW).exits(0);
}

#[test]
fn paths_are_shown_as_they_were_typed() {
    let folder = folder();
    folder.write("flows/flow.yaml", FLOW);
    folder.write("flows/pets.yaml", PETS);
    folder.write("empty/a.txt", "");
    for (cwd, typed) in
        [("empty", "../flows/flow.yaml"), ("flows", "../flows/flow.yaml"), (".", "flows/../flows/flow.yaml")]
    {
        let output = Arazzo::new(["lint", typed, "--json"]).cwd(&folder.path().join(cwd)).run();
        let value: Value = serde_json::from_str(&output.exits(0).stdout).unwrap();
        let found = &value["diagnostics"][2];
        assert_eq!(found["file"], typed);
        assert_eq!(found["notes"][0]["file"], typed.replace("flow.yaml", "pets.yaml"));
    }
}

#[cfg(unix)]
#[test]
fn a_document_of_a_folder_that_cannot_be_read_is_said() {
    let folder = folder();
    std::os::unix::fs::symlink("gone.yaml", folder.path().join("dangling.yaml")).unwrap();
    folder.write("dangled.yaml", "a: 1\n");
    let named = lint(&folder, &["dangling.yaml"]);
    named.exits(3).check(named.stdout.contains("dangling.yaml"), "what cannot be read");
    named.check(!named.stdout.contains("did you mean"), "no other file, where this one is there");
    let output = lint(&folder, &["."]);
    output.exits(3).check(output.stdout.contains("dangling.yaml"), "what cannot be read");
}

#[test]
fn an_entry_of_the_project_is_unused_only_where_all_that_it_names_was_looked_at() {
    let folder = folder();
    folder.write("other.yaml", FLOW.replace("limt", "limit").replace("tour", "other"));
    let entry = "[[lint.ignore]]\ncode = \"undeclared-parameter\"\nworkflow = \"tour\"\nfile = \"*.yaml\"\n";
    folder.write("arazzo.toml", entry);
    let unused = |args: &[&str]| codes(&lint(&folder, args)).iter().any(|code| code == "unused-ignore");
    assert!(!unused(&["other.yaml", "--json"]));
    assert!(!unused(&[".", "--json"]));
    let entry = entry.replace("undeclared-parameter", "unknown-step");
    folder.write("arazzo.toml", &entry);
    assert!(!unused(&["flow.yaml", "--json"]));
    assert!(unused(&[".", "--json"]));
    let entry = entry.replace("*.yaml", "flow.yaml");
    folder.write("arazzo.toml", &entry);
    assert!(unused(&["flow.yaml", "--json"]));
    assert!(!unused(&["other.yaml", "--json"]));
    assert!(!unused(&["flow.yaml", "--json", "--only", "structure"]));
    assert!(!unused(&["flow.yaml", "--json", "--no-sources"]));
    folder.write("arazzo.toml", format!("[lint.severity]\nunused-ignore = \"error\"\n{entry}"));
    lint(&folder, &["flow.yaml"]).exits(3);
    folder.write("arazzo.toml", format!("[lint.severity]\nunused-ignore = \"off\"\n{entry}"));
    assert!(!unused(&["flow.yaml", "--json"]));
}

#[test]
fn a_carriage_return_is_no_part_of_the_line() {
    let folder = folder();
    folder.write("flow.yaml", FLOW.replace('\n', "\r\n"));
    let output = lint(&folder, &["flow.yaml"]);
    output.exits(0).check(output.stdout.contains("operationId: pets.listPets\n"), "the line as it is");
    let odd = |line: &str| line.contains('\r') || line.ends_with('?') && !line.contains("did you mean");
    output.check(!output.stdout.split('\n').any(odd), "no carriage return");
}

/// Root may write everywhere, also in a folder that nobody may write in.
#[cfg(unix)]
#[test]
fn fixes_that_could_not_be_written_are_not_called_made() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let set = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    set(0o555);
    let is_root = std::fs::write(folder.path().join("probe"), "").is_ok();
    let output = lint(&folder, &["flow.yaml", "--fix"]);
    set(0o755);
    if is_root {
        output.exits(0).says(&["fixed flow.yaml:10:22"]);
    } else {
        output.exits(7).says(&["cannot write the fixes"]).check(!output.stderr.contains("fixed "), "nothing was fixed");
    }
}

#[test]
fn a_code_is_explained() {
    let output = Arazzo::new(["explain", "unbraced-expression"]).run();
    let page =
        std::fs::read_to_string(super::root().join("crates/arazzo-engine/pages/diagnostics/unbraced-expression.md"))
            .unwrap();
    output.exits(0).check(output.stdout.trim() == page.trim(), "the page");
    let output = Arazzo::new(["explain", "--list"]).run();
    output.exits(0).check(output.stdout.lines().count() > 100, "a line a code");
    assert!(
        output.stdout.lines().all(|line| line.split_once("  ").is_some_and(|(_, text)| text.trim().ends_with('.')))
    );
    Arazzo::new(["explain", "unbraced-expresion"]).run().exits(2).says(&["did you mean `unbraced-expression`?"]);
    Arazzo::new(["explain"]).run().exits(2);
}

#[test]
fn what_a_document_and_the_one_that_it_leads_to_have_in_common_is_said_once() {
    let folder = folder();
    folder.write(
        "other.yaml",
        "arazzo: 1.0.1\ninfo: { title: Other, version: '1' }\nsourceDescriptions: [{ name: flow, url: flow.yaml, type: arazzo }]\n\
         workflows: [{ workflowId: o, steps: [{ stepId: s, workflowId: $sourceDescriptions.flow.tour, parameters: [{ name: key, value: k }] }] }]\n",
    );
    let output = lint(&folder, &["other.yaml", "flow.yaml"]);
    let times = output.stdout.matches("flow.yaml:13:21").count();
    output.check(times == 1, "one report for one place");
}
