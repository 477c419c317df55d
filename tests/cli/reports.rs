//! Reports that are kept. A case is a file of events, `tests/suite/report/*.ndjson`; its reports stand beside it.

use super::{Arazzo, Folder, PROVISION};
use crate::server::{Reply, daytona, daytona_except};
use crate::suite::{files_below, workspace_root};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Format, and the ending of its golden file.
const REPORTS: [(&str, &str); 5] =
    [("junit", "junit.xml"), ("tap", "tap"), ("har", "har"), ("md", "md"), ("json", "json")];

pub(super) fn cases() -> Vec<PathBuf> {
    let cases = files_below(&workspace_root().join("tests/suite/report"), &["ndjson"]);
    assert!(cases.len() >= 4, "{cases:?}");
    cases
}

/// `text` against our schema, with xmllint where it is there.
pub(super) fn check_junit(file: &Path) {
    let schema = workspace_root().join("tests/suite/report/junit.xsd");
    match Command::new("xmllint").arg("--noout").arg("--schema").arg(schema).arg(file).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("skipped: xmllint is absent, {} is not checked against the schema", file.display()),
    }
}

#[test]
fn recorded_events_give_the_expected_reports() {
    let folder = Folder::new();
    let mut wrong = vec![];
    for events in cases() {
        for (format, ending) in REPORTS {
            let golden = events.with_extension(ending);
            let to = folder.path().join(golden.file_name().unwrap());
            let wanted = format!("{format}={}", to.display());
            Arazzo::new(["report", events.to_str().unwrap(), &wanted]).run().exits(0).prints_nothing();
            let found = fs::read_to_string(&to).unwrap();
            if format == "junit" {
                check_junit(&to);
            }
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&golden, &found).unwrap();
            }
            if found != fs::read_to_string(&golden).unwrap_or_default() {
                wrong.push(format!("{} differs (UPDATE=1 rewrites it):\n{found}", golden.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_run_writes_all_reports_that_are_asked_for_and_its_outputs() {
    let folder = Folder::new();
    let server = daytona(&["creating", "ready"]);
    let server = server.url();
    let deep = folder.path().join("a/b/junit.xml");
    let output = Arazzo::provision_with(&server, "a-token-nobody-sees")
        .args(["--report", "md", "--report", "json", "--report", "har=out/"])
        .args(["--report", &format!("junit={}", deep.display())])
        .cwd(folder.path());
    let mut output = output;
    output.args[1] = workspace_root().join(PROVISION).into();
    let output = output.run();
    output.exits(0).says(&["report arazzo-report/summary.md", "report out/run.har"]);
    assert!(output.stdout.contains("\"sandboxState\":\"started\""));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    check_junit(&deep);
    let all = [
        read("arazzo-report/summary.md"),
        read("arazzo-report/report.json"),
        read("out/run.har"),
        read("a/b/junit.xml"),
    ];
    for text in &all {
        assert!(!text.contains("a-token-nobody-sees"), "a secret in\n{text}");
        assert!(text.contains("pollVolume"), "{text}");
    }
    let archive: Value = serde_json::from_str(&all[2]).unwrap();
    assert_eq!(archive["log"]["entries"].as_array().unwrap().len(), 4);
    let junit = &all[3];
    assert!(junit.contains("classname=\"daytona-provision.provision-volume-and-sandbox\" name=\"pollVolume\""));
    assert!(!junit.contains("127.0.0.1"), "names and texts of JUnit are the same everywhere:\n{junit}");
    let left: Vec<_> = files_below(folder.path(), &["part"]);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_report_that_cannot_be_written_is_exit_7_only_where_the_run_would_have_been_0() {
    let folder = Folder::new();
    let file = folder.write("file", "");
    let into = format!("json={}/report.json", file.display());
    let good = daytona(&["ready"]);
    let output = Arazzo::provision(&good.url()).args(["--report", &into]).run();
    output.exits(7).says(&["error[output]", "/file`"]).check(output.stdout.contains("vol-1"), "the outputs");
    let bad = daytona_except(&["ready"], |_, _| Some(Reply::status(403)));
    Arazzo::provision(&bad.url()).args(["--report", &into]).run().exits(1).says(&["error[output]"]);
    let json = Arazzo::provision(&good.url()).args(["--json", "--report", &into]).run();
    let lines = json.exits(7).events();
    assert_eq!((&lines[lines.len() - 2]["type"], &lines[lines.len() - 1]["exit"]), (&json!("run.finished"), &json!(7)));
}

#[test]
fn wrong_reports_are_refused_before_anything_is_sent() {
    let server = daytona(&["ready"]);
    let run = |arguments: &[&str]| Arazzo::provision(&server.url()).args(arguments).run();
    run(&["--report", "pdf"]).exits(2).says(&["pdf", "junit"]);
    run(&["--report", "md="]).exits(2);
    run(&["--report", "md=x", "--report", "json=x"]).exits(2).says(&["two reports"]);
    run(&["--report", "md", "--dry-run"]).exits(2);
    assert!(server.lines().is_empty());
}

#[test]
fn a_file_that_is_no_events_is_refused_with_its_line() {
    let folder = Folder::new();
    let broken = folder.write("broken", "{\"v\":1}\n");
    Arazzo::new(["report", broken.to_str().unwrap(), "md"]).cwd(folder.path()).run().exits(2).says(&["line 1"]);
    let empty = folder.write("empty", "\n");
    Arazzo::new(["report", empty.to_str().unwrap(), "md"]).cwd(folder.path()).run().exits(2).says(&["run.started"]);
    Arazzo::new(["report", "absent", "md"]).cwd(folder.path()).run().exits(2).says(&["absent"]);
    let first = fs::read_to_string(&cases()[0]).unwrap();
    let two = folder.write("two", format!("{first}{}", first.replace("NGCN38TQ9E", "NGCN38TQ9F")));
    Arazzo::new(["report", two.to_str().unwrap(), "md"]).cwd(folder.path()).run().exits(2).says(&["another run"]);
    assert!(!folder.path().join("arazzo-report").exists());
}

#[test]
fn the_page_holds_all_that_there_is_to_know_and_no_script() {
    let folder = Folder::new();
    let server = daytona(&["creating", "ready"]);
    let url = server.url().replace("http://", "http://me:not-this@");
    Arazzo::new(["run", workspace_root().join(PROVISION).to_str().unwrap(), "--report", "html"])
        .args(["-vvi", "apiToken=a-token-nobody-sees", "-ivolumeName=data", "--input=snapshot=ubuntu"])
        .args(["--input", "{\"mountPath\":\"/data\"}", "--loop-delay", "20ms", "-u", "me:also-not-seen"])
        .args(["--bearer", "nor-this-one", "--server", &format!("{url}/api"), "--resolve", "nor.that:1:127.0.0.1"])
        .env("ARAZZO_SECRET_nor-this-one", "x-x-x-x-x-x")
        .cwd(folder.path())
        .run()
        .exits(0);
    let page = fs::read_to_string(folder.path().join("arazzo-report/report.html")).unwrap();
    for part in [
        "default-src 'none'; style-src 'sha256-",
        "<h1>provision-volume-and-sandbox</h1>",
        "✓ Succeeded",
        "<svg class=\"flow\"",
        "<svg class=\"talk\"",
        "1× pollVolume",
        "$.state →</span> &quot;ready&quot;",
        "<span class=\"mask\">‹apiToken›</span>",
        "curl -X POST -H &quot;Authorization: Bearer $ARAZZO_SECRET_apiToken&quot;",
        "<span class=\"jk\">&quot;mountPath&quot;</span>: <span class=\"js\">&quot;/data&quot;</span>",
        "unbraced-expression",
        "daytona-provision.yml:54:22",
        "--verbose --verbose --input apiToken=<span class=\"mask\">‹apiToken›</span> --input volumeName=data --input snapshot=ubuntu --input &#39;{…}&#39; --loop-delay 20ms --user … --bearer … --server http://127.0.0.1:",
        "waited 20",
    ] {
        assert!(page.contains(part), "no {part} in\n{page}");
    }
    for never in [
        "<script",
        "a-token-nobody-sees",
        "also-not-seen",
        "not-this",
        "nor-this",
        "nor.that",
        " style=",
        "http-equiv=\"refresh",
        "src=",
    ] {
        assert!(!page.contains(never), "{never} in\n{page}");
    }
}

#[test]
fn a_page_of_a_failure_begins_with_the_reason_and_the_place() {
    let folder = Folder::new();
    let server = daytona_except(&["ready"], |request, _| (request.method == "GET").then(|| Reply::status(403)));
    let to = format!("html={}", folder.path().join("page.html").display());
    Arazzo::provision(&server.url()).args(["--report", &to]).run().exits(1);
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    let main = page.split("<main").nth(1).unwrap();
    assert!(main.trim_start_matches(" id=\"main\">\n").starts_with("<section id=\"why\""), "{main}");
    for part in [
        "✗ Failed",
        "was 403",
        "^^^^^^^^^^^^^^^^^^ was 403",
        "left behind: createVolume",
        "sandboxState",
        "<details class=\"step\" id=\"a1\" open>",
    ] {
        assert!(page.contains(part), "no {part} in\n{page}");
    }
}

#[test]
fn a_page_is_at_most_2_mib_however_long_the_run_was() {
    let text = fs::read_to_string(cases().iter().find(|case| case.ends_with("succeeds-after-polling.ndjson")).unwrap())
        .unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let poll: Vec<&Value> =
        events.iter().filter(|event| event["step"] == "pollVolume" && event["visit"] == 2).collect();
    let end = events.iter().position(|event| event["step"] == "createSandbox").unwrap();
    let mut many: Vec<Value> = events[..end].to_vec();
    for visit in 4..600 {
        for event in &poll {
            let mut event = (*event).clone();
            (event["visit"], event["seq"]) = (visit.into(), 0.into());
            if event["type"] == "request.sent" || event["type"] == "response.received" {
                event["call"] = (1000 + visit).into();
            }
            if event["type"] == "response.received" {
                event["body"]["text"] = "<&>".repeat(5000).into();
            }
            many.push(event);
        }
    }
    many.extend_from_slice(&events[end..]);
    let folder = Folder::new();
    folder.write("many.ndjson", many.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"));
    Arazzo::new(["report", "many.ndjson", "html=many.html"]).cwd(folder.path()).run().exits(0);
    let page = fs::read_to_string(folder.path().join("many.html")).unwrap();
    assert!(page.len() <= 2 * 1024 * 1024, "{} bytes", page.len());
    for part in ["more that are not shown", "more requests", "more bytes", "createSandbox"] {
        assert!(page.contains(part), "no {part}");
    }
}

#[cfg(unix)]
#[test]
fn every_command_of_the_page_about_reports_works() {
    let folder = Folder::new();
    for name in ["specs", "openapi"] {
        for file in files_below(&workspace_root().join(name), &["yml"]) {
            folder.write(&format!("{name}/{}", file.file_name().unwrap().to_str().unwrap()), fs::read(&file).unwrap());
        }
    }
    let page = fs::read_to_string(workspace_root().join("docs/reports.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let commands: Vec<&str> = blocks.flat_map(str::lines).collect();
    assert!(commands.len() >= 6, "{commands:?}");
    let built = Path::new(env!("CARGO_BIN_EXE_arazzo")).parent().unwrap();
    let path = format!("{}:{}", built.display(), std::env::var("PATH").unwrap());
    for command in commands {
        let output =
            Command::new("sh").args(["-c", command]).current_dir(folder.path()).env("PATH", &path).output().unwrap();
        assert!(output.status.success(), "$ {command}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    for file in ["arazzo-report/report.html", "out/junit.xml", "out/summary.md"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
}

#[test]
fn a_summary_has_at_most_60_lines_the_reason_first_and_the_steps_in_order() {
    // A run of a hundred steps, the last of which fails.
    let text =
        fs::read_to_string(cases().iter().find(|case| case.ends_with("fails-at-a-criterion.ndjson")).unwrap()).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut many: Vec<Value> = vec![];
    for event in events {
        if event["step"] == "createVolume" {
            many.extend((0..100).map(|number| {
                let mut event = event.clone();
                event["step"] = format!("step{number}").into();
                event
            }));
        } else {
            many.push(event);
        }
    }
    let folder = Folder::new();
    let lines: Vec<String> = many.iter().map(Value::to_string).collect();
    folder.write("many.ndjson", lines.join("\n"));
    Arazzo::new(["report", "many.ndjson", "md=many.md"]).cwd(folder.path()).run().exits(0);
    let summary = fs::read_to_string(folder.path().join("many.md")).unwrap();
    assert!(summary.lines().count() <= 60, "{} lines", summary.lines().count());
    let rows: Vec<&str> = summary.lines().filter(|line| line.starts_with("| ") && line.contains("<code>")).collect();
    assert!(rows.last().is_some_and(|row| row.contains('✗') && row.contains("pollVolume")), "{rows:?}");
    assert!(rows.iter().rev().skip(1).take(2).all(|row| row.contains("step9")), "in their order: {rows:?}");
    assert!(summary.contains("more steps"), "{summary}");
    let (reason, table) = summary.split_at(summary.find("| | step").unwrap());
    assert!(!table.is_empty() && reason.contains("criterion-not-met"), "{summary}");
    for words in [
        r"- response&#58; \{",
        "  ```sh",
        "  curl -H \"Authorization: Bearer $ARAZZO_SECRET_apiToken\" 'https://app.daytona.io",
    ] {
        assert!(reason.contains(words), "{words}\n{summary}");
    }
}

#[test]
fn a_report_can_take_the_place_of_the_outputs_on_stdout() {
    let server = daytona(&["ready"]);
    let tap = Arazzo::provision(&server.url()).args(["--report", "tap=-"]).run();
    tap.exits(0).check(tap.stdout.starts_with("TAP version 14\n1..3\nok 1 - daytona-provision."), "TAP alone");
    tap.check(tap.stdout.lines().count() == 5 && !tap.stderr.contains("report -"), "nothing else");
    let folder = Folder::new();
    let file = folder.path().join("outputs.json");
    let both = Arazzo::provision(&server.url()).args(["--report", "md=-", "-o", file.to_str().unwrap()]).run();
    both.exits(0).check(both.stdout.starts_with("### ✅"), "a summary");
    assert!(fs::read_to_string(file).unwrap().contains("volumeId"));
    for more in [["--json", "--report", "tap=-"], ["-o-", "--report", "md=-"], ["--report=md=-", "--report", "tap=-"]] {
        Arazzo::provision(&server.url()).args(more).run().exits(2).says(&["error[setup]"]).never_says(&["TAP"]);
    }
    let kept = workspace_root().join("tests/suite/report/gets-no-answer.ndjson");
    let again = Arazzo::new(["report", kept.to_str().unwrap(), "tap=-"]).run();
    again.exits(0).check(again.stdout.contains("not ok 3 - "), "a failed step");
}

#[test]
fn text_of_others_is_text_in_every_report() {
    let nasty = "]]><x>&\"'`|\u{1}\u{1b}[31m\u{fffe} <!-- @you https://evil.example [a](b) \n# h";
    let text =
        fs::read_to_string(cases().iter().find(|case| case.ends_with("fails-at-a-criterion.ndjson")).unwrap()).unwrap();
    let folder = Folder::new();
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let mut event: Value = serde_json::from_str(line).unwrap();
            everywhere(&mut event, &|text| format!("{text}{nasty}"));
            event.to_string()
        })
        .collect();
    folder.write("nasty.ndjson", lines.join("\n"));
    Arazzo::new(["report", "nasty.ndjson", "junit", "md", "har", "json"]).cwd(folder.path()).run().exits(0);
    let junit = folder.path().join("arazzo-report/junit.xml");
    check_junit(&junit);
    let junit = fs::read_to_string(junit).unwrap();
    assert!(junit.contains("]]&gt;&lt;x&gt;&amp;&quot;") && junit.contains('\u{fffd}'), "{junit}");
    assert!(!junit.contains(['\u{1}', '\u{1b}', '\u{fffe}']), "what XML cannot hold is replaced");
    let summary = fs::read_to_string(folder.path().join("arazzo-report/summary.md")).unwrap();
    // A command stands in a block, where nothing is markup, and which nothing in it ends.
    let (before, rest) = summary.split_once("  ```sh\n").unwrap();
    let (command, after) = rest.split_once("\n  ```\n").unwrap();
    assert!(command.lines().all(|line| line.starts_with("  ")) && !command.contains(['\u{1b}', '\u{1}']), "{command}");
    let summary = format!("{before}{after}");
    for markup in ["<x>", "<!--", "@you", "https:", "[a](b)", "\n# h", "\u{1b}"] {
        assert!(!summary.contains(markup), "{markup:?} in\n{summary}");
    }
    for name in ["run.har", "report.json"] {
        let text = fs::read_to_string(folder.path().join("arazzo-report").join(name)).unwrap();
        serde_json::from_str::<Value>(&text).unwrap();
    }
}

#[test]
fn a_word_that_no_event_has_is_refused() {
    let events: Vec<Value> = cases()
        .iter()
        .flat_map(|case| fs::read_to_string(case).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect();
    let folder = Folder::new();
    for word in WORDS {
        let has = |event: &&Value| event.get(word).is_some_and(|value| value.as_u64().is_none() && value != &json!([]));
        let Some(event) = events.iter().find(has) else { panic!("no event has `{word}`") };
        let mut event = event.clone();
        event[word] = match &event[word] {
            Value::Array(_) => json!(["<x>"]),
            _ => json!("<x>"),
        };
        folder.write("events.ndjson", event.to_string());
        let output = Arazzo::new(["report", "events.ndjson", "json"]).cwd(folder.path()).run();
        output.exits(2).says(&["line 1 is not an event", "<x>"]);
    }
}

/// Fields that hold words with a fixed meaning: without them there is no event.
const WORDS: [&str; 10] =
    ["type", "status", "kind", "on", "code", "warnings", "severity", "because", "delayBecause", "failure"];

/// Changes every string that is data, names of inputs and outputs too.
pub(super) fn everywhere(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| everywhere(item, change)),
        Value::Object(members) => {
            for (name, value) in members.iter_mut().filter(|(name, _)| !WORDS.contains(&name.as_str())) {
                everywhere(value, change);
                if let (Value::Object(named), "inputs" | "outputs") = (value, name.as_str()) {
                    *named = std::mem::take(named).into_iter().map(|(name, value)| (change(&name), value)).collect();
                }
            }
        }
        _ => {}
    }
}
