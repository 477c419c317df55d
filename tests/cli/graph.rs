//! `arazzo graph`. A case is a document, `tests/suite/graph/*.yaml`; its graphs stand beside it. A comment
//! `# workflow: NAME` names the workflow.

use super::{Arazzo, Folder, PROVISION};
use crate::suite::{files_below, workspace_root};
use std::fs;
use std::path::Path;
use std::process::Command;

fn golden(file: &Path, found: &str, wrong: &mut Vec<String>) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(file, found).unwrap();
    }
    if found != fs::read_to_string(file).unwrap_or_default() {
        wrong.push(format!("{} differs (UPDATE=1 rewrites it):\n{found}", file.display()));
    }
}

/// The output of a tool over a file, where the tool is there.
fn accepted(tool: &str, arguments: &[&str], file: &Path) {
    match Command::new(tool).args(arguments).arg(file).output() {
        Ok(output) => {
            assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr))
        }
        Err(_) => eprintln!("skipped: {tool} is absent, {} is not read by it", file.display()),
    }
}

#[test]
fn graphs_are_as_expected_in_every_form() {
    let folder = workspace_root().join("tests/suite/graph");
    let events = workspace_root().join("tests/suite/report/fails-at-a-criterion.ndjson");
    let mut wrong = vec![];
    let mut cases: Vec<(String, Vec<String>)> = files_below(&folder, &["yaml"])
        .into_iter()
        .filter(|file| !file.ends_with("api.yaml"))
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let workflow = text.lines().find_map(|line| line.strip_prefix("# workflow: ")).map(str::to_owned);
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::iter::once(file.display().to_string()).chain(workflow).collect())
        })
        .collect();
    assert!(cases.len() >= 3, "{cases:?}");
    cases.push(("reference".to_owned(), vec![PROVISION.to_owned()]));
    cases.push((
        "reference-run".to_owned(),
        vec![PROVISION.to_owned(), "--run".to_owned(), events.display().to_string()],
    ));
    for (name, arguments) in cases {
        for (format, ending) in [("ascii", "txt"), ("mermaid", "mmd"), ("dot", "dot"), ("svg", "svg")] {
            let mut all = vec!["graph".to_owned(), "--format".to_owned(), format.to_owned()];
            all.extend(arguments.iter().cloned());
            let output = Arazzo::new(all).env("COLUMNS", "80").run();
            output.exits(0);
            let file = folder.join(format!("{name}.{ending}"));
            golden(&file, &output.stdout, &mut wrong);
            match format {
                "ascii" => {
                    let wide = output.stdout.lines().find(|line| line.chars().count() > 80 || !line.is_ascii());
                    assert!(wide.is_none(), "{name}: {wide:?}");
                }
                "dot" => accepted("dot", &["-Tsvg", "-o/dev/null"], &file),
                "svg" => accepted("xmllint", &["--noout"], &file),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_workflow_that_is_not_there_is_said_with_those_that_are() {
    let document = workspace_root().join("tests/suite/graph/calls-and-retries.yaml");
    let document = document.to_str().unwrap();
    Arazzo::new(["graph", document]).run().exits(2).says(&["no-such-workflow", "order", "payment"]);
    Arazzo::new(["graph", document, "ordre"]).run().exits(2).says(&["did you mean `order`?"]).prints_nothing();
    Arazzo::new(["graph", "absent.yaml"]).run().exits(3).says(&["absent.yaml"]);
    Arazzo::new(["graph", PROVISION, "--format", "png"]).run().exits(2).says(&["mermaid"]);
}

#[test]
fn a_path_is_of_the_workflow_that_ran() {
    let events = workspace_root().join("tests/suite/report/fails-at-a-criterion.ndjson");
    let other = workspace_root().join("tests/suite/graph/thirty-steps.yaml");
    let of = |document: &str| Arazzo::new(["graph", document, "--run", events.to_str().unwrap()]).run();
    of(PROVISION).exits(0).check(true, "").says(&[]);
    of(other.to_str().unwrap()).exits(2);
    let folder = Folder::new();
    let none = folder.write("none", "");
    Arazzo::new(["graph", PROVISION, "--run", none.to_str().unwrap()]).run().exits(2).says(&["run.started"]);
}
