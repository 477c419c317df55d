//! What programs get: every JSON output of every test is as its schema says, faults before a run too; the result of a run
//! as one object.

use super::{Arazzo, Folder, PROVISION, root};
use crate::server::{Reply, daytona, daytona_except};
use crate::suite::{files_below, workspace_root};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::sync::{Mutex, OnceLock};

/// Commands that print no JSON, and why.
const WITHOUT: [(&str, &str); 3] = [
    ("lsp", "it speaks JSON-RPC with an editor"),
    ("completions", "what it prints is a script for a shell"),
    ("man", "what it prints is a page of roff for a pager"),
];

/// A schema that allows no member that it does not describe: what is printed is described whole. Programs that read it get
/// the open one, because later versions add members.
fn closed(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(closed);
        }
        Value::Array(items) => items.iter_mut().for_each(closed),
        _ => {}
    }
}

/// The faults of a value by the schema of this name.
pub(super) fn faults(name: &str, value: &Value) -> Vec<String> {
    static KNOWN: OnceLock<Mutex<BTreeMap<String, jsonschema::Validator>>> = OnceLock::new();
    let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let validator = known.entry(name.to_owned()).or_insert_with(|| {
        let path = root().join("crates/arazzo-cli/src/schemas").join(format!("{name}.json"));
        let mut schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        closed(&mut schema);
        jsonschema::validator_for(&schema).unwrap()
    });
    validator.iter_errors(value).map(|error| format!("{name}: {} at {}", error, error.instance_path())).collect()
}

/// The faults of what a command printed, by the schema that `arazzo schema` gives for it.
pub(super) fn check(args: &[OsString], stdout: &str) -> Vec<String> {
    let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag || arg.starts_with(&format!("{flag}=")));
    let json = has("--json") || args.iter().any(|arg| arg == "json" || arg == "--format=json") && has("--format");
    let asks = ["--help", "-h", "--version", "-V"].iter().any(|flag| has(flag));
    let result = args.iter().any(|arg| arg == "--json=result");
    if !json || asks || stdout.is_empty() {
        return vec![];
    }
    let Some(command) =
        args.iter().find(|arg| !arg.starts_with('-') && !["always", "never", "auto"].contains(&arg.as_str()))
    else {
        return vec![];
    };
    let name = match command.as_str() {
        "run" if has("--dry-run") => "plan",
        "run" | "call" if result => "result",
        "run" | "call" => "event",
        "lint" | "validate" => "diagnostics",
        "report" => "written",
        "schema" => "schemas",
        "runs" => match args.iter().skip_while(|arg| *arg != "runs").nth(1).map(String::as_str) {
            Some("resume") if result => "result",
            Some("show" | "resume") => "event",
            _ => "runs",
        },
        command => command,
    };
    let lines = ["event", "result", "test", "replay", "mock", "runs"].contains(&name);
    let texts: Vec<&str> = if lines { stdout.lines().collect() } else { vec![stdout] };
    let mut found = vec![];
    for text in &texts {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            found.push(format!("not JSON: {text}"));
            continue;
        };
        let name = if name == "inspect" && value.get("operations").is_some() { "operations" } else { name };
        // What fails before there is data is the same object everywhere.
        let fails = value.get("diagnostics").is_some() && value.get("exit").is_some() && value.get("type").is_none();
        // So is what could not be written, behind lines.
        let failed = fails && (texts.len() == 1 || lines && Some(text) == texts.last());
        found.extend(faults(if failed { "diagnostics" } else { name }, &value));
    }
    found
}

#[test]
fn every_command_speaks_json_or_has_a_reason_not_to() {
    let help = Arazzo::new(["help", "--json"]).run();
    let help: Value = serde_json::from_str(&help.exits(0).stdout).unwrap();
    let mut without = vec![];
    for command in help["commands"].as_array().unwrap() {
        let below = command["commands"].as_array();
        for command in below.map_or(std::slice::from_ref(command), Vec::as_slice) {
            let flags = command["flags"].as_array().unwrap();
            if !flags.iter().any(|flag| flag["long"] == "json") {
                without.push(command["name"].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(without, WITHOUT.map(|(command, _)| command));
    let page = Arazzo::new(["help", "exit-codes", "--json"]).run();
    assert!(
        serde_json::from_str::<Value>(&page.exits(0).stdout).unwrap()["text"].as_str().unwrap().contains("nothing ran")
    );
    let one = Arazzo::new(["help", "run", "--json"]).run();
    one.exits(0).check(one.stdout.contains("ARAZZO_TIMEOUT"), "flags with their variables");
}

#[test]
fn every_schema_is_printed_and_is_one() {
    let list = Arazzo::new(["schema", "--json"]).run();
    let list: Value = serde_json::from_str(&list.exits(0).stdout).unwrap();
    let names: Vec<&str> =
        list["schemas"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let mut files: Vec<String> = fs::read_dir(root().join("crates/arazzo-cli/src/schemas"))
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    // That of a feature is there with it.
    files.retain(|name| cfg!(feature = "restate") || name != "engine");
    files.sort();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, files);
    for name in names {
        let schema = Arazzo::new(["schema", name]).run();
        let schema: Value = serde_json::from_str(&schema.exits(0).stdout).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
    }
    Arazzo::new(["schema", "evnt"]).run().exits(2).prints_nothing().says(&["did you mean `event`?"]);
    let wrong = Arazzo::new(["schema", "evnt", "--json"]).run();
    wrong.exits(2).check(wrong.stdout.contains("\"code\":\"usage\""), "an object");
}

#[test]
fn what_fails_before_a_run_is_one_object_with_the_same_exit_code() {
    let folder = Folder::new();
    folder.write("broken.yaml", "arazzo: 1.0.1\n  x: [\n");
    folder.write(
        "broken.arazzo.yaml",
        "arazzo: 1.0.1\ninfo: {title: t, version: '1'}\nsourceDescriptions: []\nworkflows: []\n",
    );
    let provision = root().join(PROVISION);
    let provision = provision.to_str().unwrap();
    for (args, exit, code) in [
        (&["run", "absent.yaml", "--json"][..], 3, ""),
        (&["run", "broken.yaml", "--json"], 3, "yaml-syntax"),
        (&["run", "broken.arazzo.yaml", "--json=result"], 3, ""),
        (&["run", provision, "--json"], 2, "missing-input"),
        (&["run", provision, "nothing", "--json"], 2, "no-such-workflow"),
        (&["run", provision, "--json", "--tiemout", "3s"], 2, "usage"),
        (&["run", provision, "--json", "--timeout", "soon"], 2, "usage"),
        (&["call", "absent.yaml", "get", "--json"], 3, ""),
        (&["lint", "--json"], 2, "usage"),
        (&["lint", ".", "--json", "--fix=all", "--diff"], 2, "setup"),
        (&["inspect", "absent.yaml", "--json"], 3, ""),
        (&["graph", "absent.yaml", "--json"], 3, ""),
        (&["graph", "absent.yaml", "--format", "json"], 3, ""),
        (&["test", "nowhere", "--json"], 2, "setup"),
        (&["replay", "absent.ndjson", "--json"], 2, "setup"),
        (&["report", "absent.ndjson", "html", "--json"], 2, "setup"),
        (&["mock", "absent.yaml", "--json"], 2, "setup"),
        (&["explain", "unknwn-step", "--json"], 2, "usage"),
        (&["help", "nothing", "--json"], 2, "usage"),
        (&["nothing", "--json"], 2, "usage"),
    ] {
        let output = Arazzo::new(args.iter().copied()).cwd(folder.path()).run();
        let plain: Vec<&str> = args.iter().copied().filter(|arg| !arg.starts_with("--json")).collect();
        output.exits(exit).check(!output.stderr.is_empty(), "people are told too");
        let object: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
        output.check(object["exit"] == json!(exit) && object["diagnostics"][0]["severity"] == "error", "one object");
        let found = object["diagnostics"][0]["code"].as_str().unwrap_or_default();
        output.check(code.is_empty() || found == code, code);
        // Without JSON it is the same exit code; for `lint`, `--json` itself is what is wrong there.
        if !args.contains(&"--format") && !args.contains(&"--diff") {
            Arazzo::new(plain).cwd(folder.path()).run().exits(exit).prints_nothing();
        }
    }
    // A secret that was typed where none belongs is not in the object either.
    let output = Arazzo::new(["run", provision, "--json", "-s", "the-secret-itself"]).run();
    output.exits(2).never_says(&["the-secret-itself"]);
    let empty = Arazzo::new(["test", "--json", "--case", "none", "--allow-empty"]).cwd(folder.path()).run();
    empty.exits(0).check(empty.stdout.contains("\"passed\":0"), "a summary of nothing");
}

#[test]
fn a_result_is_one_object_with_the_response_and_what_is_left_behind() {
    let server = daytona_except(&["ready"], |request, _| {
        (request.method == "GET").then(|| Reply::status(403).json(&json!({"message": "token lacks scope"})))
    });
    let secret = super::random(16);
    let run = |more: &[&str]| Arazzo::provision_with(&server.url(), &secret).args(more.iter().copied()).run();
    let output = run(&["--json=result", "-q"]);
    let result: Value = serde_json::from_str(&output.exits(1).stdout).unwrap();
    output.never_says(&[&secret]);
    assert_eq!((&result["type"], &result["status"], &result["exit"]), (&json!("result"), &json!("failed"), &json!(1)));
    let why = &result["why"];
    assert_eq!((&why["code"], &why["step"]), (&json!("criterion-not-met"), &json!("pollVolume")));
    assert_eq!(why["response"]["status"], json!(403));
    assert_eq!(why["response"]["body"]["text"], "{\"message\":\"token lacks scope\"}");
    assert!(why["reproduce"].as_str().unwrap().starts_with("curl -H \"Authorization: Bearer $"), "{why}");
    let left = &result["leftBehind"][0];
    assert_eq!(
        (&left["step"], &left["method"], &left["outputs"]["volumeId"]),
        (&json!("createVolume"), &json!("POST"), &json!("vol-1"))
    );
    assert_eq!(result["outputs"]["volumeId"], "vol-1");
    // The last event says the same.
    let events = run(&["--json"]).events();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["why"]["response"]["status"], &last["leftBehind"][0]["step"]),
        (&json!(403), &json!("createVolume"))
    );
    let good = Arazzo::provision(&daytona(&["ready"]).url()).args(["--json=result"]).run();
    let good: Value = serde_json::from_str(&good.exits(0).stdout).unwrap();
    assert_eq!((&good["why"], &good["leftBehind"], &good["status"]), (&Value::Null, &json!([]), &json!("succeeded")));
    assert_eq!(good["outputs"]["sandboxState"], "started");
}

#[test]
fn bodies_of_events_are_cut_where_the_flag_says() {
    let long = "x".repeat(20_000);
    let server = daytona_except(&["ready"], move |request, _| {
        (request.method == "POST" && request.path == "/api/volumes")
            .then(|| Reply::status(200).json(&json!({"id": "vol-1", "state": "ready", "note": long})))
    });
    let body = |more: &[&str]| -> Value {
        let events = Arazzo::provision(&server.url()).args(more.iter().copied()).args(["--json"]).run().events();
        events.iter().find(|event| event["type"] == "response.received").unwrap()["body"].clone()
    };
    let (usual, whole) = (body(&[]), body(&["--event-bodies", "64KiB"]));
    assert_eq!((&usual["cut"], usual["text"].as_str().unwrap().len()), (&json!(true), 16 << 10));
    assert_eq!((&whole["cut"], whole["bytes"].as_u64().unwrap() > 20_000), (&json!(false), true));
    assert_eq!(body(&["--event-bodies", "10"])["text"].as_str().unwrap().len(), 10);
}

#[test]
fn graphs_codes_mocks_and_files_are_objects_too() {
    let folder = Folder::new();
    let events = Arazzo::provision(&daytona(&["creating", "ready"]).url()).args(["--json"]).run();
    folder.write("events.ndjson", &events.exits(0).stdout);
    let written = Arazzo::new(["report", "events.ndjson", "md", "json=out/r.json", "--json"]).cwd(folder.path()).run();
    let written: Value = serde_json::from_str(&written.exits(0).stdout).unwrap();
    assert_eq!(written["reports"][1], json!({"format": "json", "file": "out/r.json"}));
    let report: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("out/r.json")).unwrap()).unwrap();
    assert_eq!(faults("report", &report), Vec::<String>::new());
    let events = folder.path().join("events.ndjson");
    let graph = Arazzo::new(["graph", PROVISION, "--json", "--run", events.to_str().unwrap()]).run();
    let graph: Value = serde_json::from_str(&graph.exits(0).stdout).unwrap();
    assert_eq!((&graph["steps"][1]["step"], &graph["walk"][1]["visits"]), (&json!("pollVolume"), &json!(2)));
    let api = Arazzo::new(["inspect", "openapi/daytona-volumes-api-openapi.yml", "--json"]).run();
    let api: Value = serde_json::from_str(&api.exits(0).stdout).unwrap();
    let create = api["operations"].as_array().unwrap().iter().find(|one| one["operationId"] == "createVolume").unwrap();
    assert_eq!((&create["method"], &create["body"]["mediaTypes"][0]), (&json!("POST"), &json!("application/json")));
    Arazzo::new(["inspect", "openapi/daytona-volumes-api-openapi.yml"]).run().exits(0);
    let list = Arazzo::new(["explain", "--list", "--json"]).run();
    let list: Value = serde_json::from_str(&list.exits(0).stdout).unwrap();
    let codes = list["codes"].as_array().unwrap();
    let of = |code: &str| codes.iter().find(|one| one["code"] == code).unwrap().clone();
    assert_eq!((&of("unknown-step")["of"], &of("criterion-not-met")["of"]), (&json!(["documents"]), &json!(["runs"])));
    let page = Arazzo::new(["explain", "unknown-step", "--json"]).run();
    page.exits(0).check(page.stdout.contains("## Wrong"), "the page");
}

#[test]
fn what_could_not_be_written_is_in_the_json_too() {
    let folder = Folder::new();
    folder.write("taken", "a file");
    let example = |name: &str| workspace_root().join("examples").join(name).display().to_string();
    let login = example("login/login.arazzo.yaml");
    let last = |args: &[&str]| -> Value {
        let output = Arazzo::new(args.iter().copied()).cwd(folder.path()).run();
        serde_json::from_str(output.exits(7).stdout.lines().last().unwrap_or_default()).unwrap()
    };
    for more in [["--report", "junit=taken/report.xml"], ["--record", "taken/run.ndjson"]] {
        let run = |form: &str| last(&[&["run", &login, "--mock", "-i", "user=ada", "-qq", form][..], &more].concat());
        let (result, lines) = (run("--json=result"), run("--json"));
        assert_eq!((&result["status"], &result["exit"]), (&json!("succeeded"), &json!(7)), "{result}");
        assert_eq!(faults("result", &result), Vec::<String>::new());
        for object in [&result, &lines] {
            assert_eq!(object["exit"], json!(7), "{object}");
            assert_eq!(object["diagnostics"][0]["code"], "output", "{object}");
        }
        assert_eq!(faults("diagnostics", &lines), Vec::<String>::new());
    }
    let tests = last(&["test", &login, "--json", "-qq", "--report", "junit=taken/report.xml"]);
    assert_eq!(tests["diagnostics"][0]["code"], "output");
}

#[test]
fn programs_get_what_people_read_below_a_fault() {
    let object = |args: &[&str], exit: u8| -> Value {
        let output = Arazzo::new(args.iter().copied()).run();
        serde_json::from_str(&output.exits(exit.into()).stdout).unwrap()
    };
    // Names that there are, and the one that is meant.
    let absent = object(&["run", PROVISION, "provision-volume", "--json"], 2);
    assert_eq!(absent["diagnostics"][0]["remarks"], json!(["provision-volume-and-sandbox"]));
    // What was not allowed, before and in a dry run.
    let folder = Folder::new();
    let login = workspace_root().join("examples/login/login.arazzo.yaml").display().to_string();
    let elsewhere = ["-i", "user=ada", "-s", "password", "--secret-host", "password=example.org"];
    let refused = |more: &[&str]| -> Value {
        let args = [&["run", &login][..], &elsewhere, more].concat();
        let output = Arazzo::new(args).env("ARAZZO_SECRET_password", "correct-horse").cwd(folder.path()).run();
        serde_json::from_str(&output.stdout).unwrap()
    };
    let remarks = refused(&["--json"])["diagnostics"][0]["remarks"].to_string();
    assert!(remarks.contains("the secret `password` goes to notes.example.com"), "{remarks}");
    let plan = refused(&["--dry-run", "--json"]);
    assert_eq!(plan["missingPermissions"]["secrets"][0]["host"], "notes.example.com");
    assert_eq!(faults("plan", &plan), Vec::<String>::new());
    let plan = object(&["run", &login, "--dry-run", "--json"], 0);
    assert_eq!(plan["missingInputs"], json!(["user", "password"]));
    // Why a case failed.
    folder.write("login.arazzo.yaml", fs::read_to_string(&login).unwrap());
    let api = workspace_root().join("examples/login/notes.openapi.yaml");
    folder.write("notes.openapi.yaml", fs::read_to_string(api).unwrap());
    folder.write("login.test.yaml", "cases:\n  - { name: a, inputs: { user: ada, password: horse }, faults: { login: 401 } }\n  - { name: b, workflow: none }\n");
    let output = Arazzo::new(["test", "login.arazzo.yaml", "--json"]).cwd(folder.path()).run();
    let lines: Vec<Value> = output.exits(1).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["why"]["step"], &lines[0]["why"]["response"]["status"]), (&json!("login"), &json!(401)));
    assert_eq!(lines[1]["diagnostics"][0]["code"], "no-such-workflow", "{}", lines[1]);
    for line in &lines {
        assert_eq!(faults("test", line), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn every_fault_of_the_command_has_a_page() {
    let sources = files_below(&workspace_root().join("crates/arazzo-cli/src"), &["rs"]);
    let mut found = std::collections::BTreeSet::new();
    for path in &sources {
        let text = fs::read_to_string(path).unwrap();
        for (at, _) in text.match_indices(".fault(").chain(text.match_indices("faults::fault(")) {
            let rest = text[at..].split_once('(').unwrap().1.trim_start();
            let word = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
            found.extend(word.map(|(word, _)| word.to_owned()));
        }
    }
    assert!(found.len() >= 7, "{found:?}");
    for code in found {
        let page = Arazzo::new(["explain", &code]).run();
        page.exits(0).check(page.stdout.contains("## Right"), "a page with an example");
    }
}
