//! `arazzo run` of several runs: documents, rows, again and again; a part of a run; its requests as commands.

use super::{Arazzo, Folder, PROVISION, random, root};
use crate::server::{Reply, Request, Server, daytona};
use serde_json::{Value, json};
use std::fs;

const API: &str = "\
openapi: 3.1.0
info: {title: pets, version: '1'}
servers: [{url: https://production.example}]
paths:
  /pets/{id}:
    get:
      operationId: getPet
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses: {'200': {description: one, content: {application/json: {example: {id: 1, name: Ada}}}}}
";

const FLOW: &str = "\
arazzo: 1.0.1
info: {title: pets, version: '1'}
sourceDescriptions: [{name: pets, url: pets.openapi.yaml, type: openapi}]
workflows:
  - workflowId: look
    inputs:
      type: object
      required: [id]
      properties: {id: {type: integer}, token: {type: string}}
    steps:
      - stepId: get
        operationId: getPet
        parameters: [{name: id, in: path, value: $inputs.id}, {name: X-Token, in: header, value: $inputs.token}]
        successCriteria: [{condition: $statusCode == 200}]
        outputs: {id: $response.body#/id}
    outputs: {id: $steps.get.outputs.id}
";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("pets.openapi.yaml", API);
    folder.write("pets.arazzo.yaml", FLOW);
    folder
}

fn pets() -> Server {
    Server::start(|request: &Request, _| {
        let id: u64 = request.path.rsplit('/').next().unwrap_or_default().parse().unwrap_or(0);
        match id {
            0 => Reply::status(404).json(&json!({"message": "no such pet"})),
            id => Reply::status(200).json(&json!({"id": id})),
        }
    })
}

fn run(folder: &Folder, server: &Server, more: &[&str]) -> Arazzo {
    let command = Arazzo::new(["run", "pets.arazzo.yaml", "--server", &server.url()]);
    command.args(more.iter().copied()).cwd(folder.path())
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_row_is_a_run_and_the_worst_of_them_is_the_exit_code() {
    let (folder, server) = (folder(), pets());
    folder.write("rows.csv", "id,token\n7,\"a,b\"\n8,\n0,x\n");
    folder.write("rows.json", r#"[{"id": 1}, {"id": 2, "token": ""}]"#);
    let output = run(&folder, &server, &["--data", "rows.csv", "--jobs", "2"]).run();
    output.exits(1).says(&[
        "ok    pets.arazzo.yaml  look  row 1",
        "FAIL  pets.arazzo.yaml  look  row 3",
        "2 succeeded, 1 failed",
    ]);
    let found = lines(&output.stdout);
    assert_eq!(found.iter().map(|line| line["row"].clone()).collect::<Vec<_>>(), [json!(1), json!(2), json!(3)]);
    assert_eq!((&found[0]["outputs"], &found[2]["status"]), (&json!({"id": 7}), &json!("failed")));
    let mut sent: Vec<(String, Option<String>)> =
        server.requests().iter().map(|r| (r.path.clone(), r.header("x-token").map(str::to_owned))).collect();
    sent.sort();
    let token = |text: &str| Some(text.to_owned());
    // An empty cell gives no input.
    assert_eq!(
        sent,
        [("/pets/0".to_owned(), token("x")), ("/pets/7".to_owned(), token("a,b")), ("/pets/8".to_owned(), None)]
    );
    let output = run(&folder, &server, &["--data", "rows.json", "--json=result", "-q"]).run();
    assert_eq!(lines(&output.exits(0).stdout)[1]["outputs"], json!({"id": 2}));
    let reports = ["--report", "junit=out/j.xml", "--report", "html=out/"];
    let output = run(&folder, &server, &["--data", "rows.csv", "--fail-fast", "-o", "out.ndjson"]).args(reports).run();
    output.exits(1).prints_nothing();
    assert_eq!(lines(&fs::read_to_string(folder.path().join("out.ndjson")).unwrap()).len(), 3);
    super::reports::check_junit(&folder.path().join("out/j.xml"));
    let junit = fs::read_to_string(folder.path().join("out/j.xml")).unwrap();
    assert!(junit.contains("classname=\"pets.look.row3\"") && junit.contains("failures=\"1\""), "{junit}");
    assert!(folder.path().join("out/report.3.look.html").exists());
}

#[test]
fn faults_of_rows_have_their_number_and_nothing_is_sent() {
    let (folder, server) = (folder(), pets());
    let refused = |rows: &str, more: &[&str], words: &[&str]| {
        folder.write("rows.csv", rows);
        let output = run(&folder, &server, &["--data", "rows.csv"]).args(more.iter().copied()).run();
        output.exits(2).prints_nothing().says(words).never_says(&["word-of-a-cell"]);
    };
    refused("id\n1\nword-of-a-cell\n", &[], &["row 2: ", "`id`"]);
    refused("id,idd\n1,2\n", &[], &["row 1: ", "`idd`", "did you mean `id`?"]);
    refused("id\n1\n", &["-i", "id=2"], &["input `id` is in the rows, and given beside them"]);
    refused("id,token\n1\n", &[], &["rows.csv", "line 2", "more or fewer cells"]);
    refused("id,id\n1,2\n", &[], &["the column `id` twice"]);
    // Without a first line, there are values in its place.
    refused("1,word-of-a-cell\n2,x\n", &[], &["row 1: ", "column 2 of the first line is no input"]);
    refused("id,token\n1,\"open\n2,x\n", &[], &["a quote is not closed"]);
    refused("token\nx\n", &[], &["row 1: ", "`id`"]);
    refused("id,token\n1,x\n,x\n", &[], &["row 2: ", "`id`", "its cell is empty: fill it in"]);
    for (more, words) in [
        (["--data", "rows.csv", "--dry-run"], "--dry-run is of one run"),
        (["--repeat", "2", "--curl"], "--curl is of one run"),
        (["--data", "rows.csv", "--save=get.id=x"], "--save is of one run"),
    ] {
        run(&folder, &server, &more).run().exits(2).says(&[words]);
    }
    folder.write("rows.csv", "id\n");
    run(&folder, &server, &["--data", "rows.csv"]).run().exits(8).says(&["nothing-ran"]);
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[test]
fn all_documents_of_folders_run_and_each_takes_its_inputs() {
    let (folder, server) = (folder(), pets());
    folder.write("more/pets.openapi.yaml", API);
    let two = FLOW
        .replace("id: {type: integer}", "id: {type: integer}, size: {type: integer}")
        .replace("workflowId: look", "workflowId: measure");
    let caller = "  - workflowId: outer\n    steps:\n      - {stepId: call, workflowId: measure, parameters: [{name: id, value: 5}]}\n";
    folder.write("more/two.arazzo.yaml", two + caller);
    let command = |paths: &[&str], more: &[&str]| {
        let all = Arazzo::new(["run", "--all"]).args(paths.iter().copied()).args(["--server", &server.url()]);
        all.args(more.iter().copied()).cwd(folder.path()).run()
    };
    let output = command(&["pets.arazzo.yaml", "more"], &["-i", "id=4"]);
    // A workflow that another one calls does not run by itself, and gets what that gives it.
    output.exits(0).says(&["pets.arazzo.yaml  look", "more/two.arazzo.yaml  outer", "2 succeeded, 0 failed"]);
    let mut sent = server.lines();
    sent.sort();
    assert_eq!(sent, ["GET /pets/4", "GET /pets/5"].map(str::to_owned));
    let output = command(&["."], &["-i", "id=3", "-i", "size=9", "-w", "measure", "--repeat", "2", "--jobs", "1"]);
    output.exits(0).says(&["more/two.arazzo.yaml  measure  2 of 2", "2 succeeded"]);
    command(&["pets.arazzo.yaml"], &["-i", "idd=3"]).exits(2).says(&["--input names `idd`", "did you mean `id`?"]);
    command(&["."], &["-w", "nothing"]).exits(8);
    // A secret goes to the server that was given, and to none that only a found document names.
    let secret = random(14);
    let output = Arazzo::new(["run", "--all", ".", "-i", "id=1", "-s", "token"])
        .cwd(folder.path())
        .env("ARAZZO_SECRET_token", &secret)
        .run();
    output.exits(6).says(&["token", "production.example", "--secret-host"]).never_says(&[&secret]);
    command(&["."], &["-i", "id=1", "-i", &format!("token={secret}")]).exits(0);
}

#[test]
fn a_run_ends_after_the_step_that_was_asked_for() {
    let server = daytona(&["creating", "ready"]);
    let output = Arazzo::provision(&server.url()).args(["--until", "pollVolume", "--json=result"]).run();
    let result: Value = serde_json::from_str(&output.exits(0).stdout).unwrap();
    assert_eq!((&result["status"], &result["endedBy"]), (&json!("ended"), &json!("stop after pollVolume")));
    assert_eq!(
        (&result["outputs"]["volumeId"], &result["missing"]),
        (&json!("vol-1"), &json!(["sandboxId", "sandboxState"]))
    );
    // It polls as long as the step goes back to itself.
    assert_eq!(
        server.lines(),
        ["POST /api/volumes", "GET /api/volumes/vol-1", "GET /api/volumes/vol-1"].map(str::to_owned)
    );
    let wrong = Arazzo::provision(&server.url()).args(["--until", "pollVolum"]).run();
    wrong.exits(2).says(&["has no step `pollVolum`", "did you mean `pollVolume`?"]);
}

#[test]
fn requests_are_shown_as_commands_without_secrets() {
    let server = daytona(&["ready"]);
    let secret = random(16);
    let output = Arazzo::provision_with(&server.url(), &secret).args(["--curl", "-q"]).run();
    output.exits(0).never_says(&[&secret]);
    let commands: Vec<&str> = output.stderr.lines().filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    assert!(commands[0].contains("-X POST") && commands[0].contains("$ARAZZO_SECRET_apiToken"), "{commands:?}");
}

#[test]
fn a_file_of_variables_gives_inputs_secrets_and_flags() {
    let folder = Folder::new();
    let server = daytona(&["ready"]);
    let secret = random(16);
    let lines = format!(
        "# staging\nexport ARAZZO_SECRET_apiToken='{secret}'\nARAZZO_INPUT_volumeName=data\nARAZZO_INPUT_snapshot=\"ubuntu\"\n\
         ARAZZO_INPUT_mountPath=/data\nARAZZO_SERVER={}/api\nARAZZO_MAX_STEPS=1\nHEADER=from-the-file\n",
        server.url()
    );
    let file = folder.write("staging.env", lines);
    folder.write(".env", "ARAZZO_INPUT_volumeName=never\n");
    let command = |more: &[&str]| {
        let run = Arazzo::new([
            "run",
            root().join(PROVISION).to_str().unwrap(),
            "-s",
            "apiToken",
            "--env-file",
            file.to_str().unwrap(),
        ]);
        run.args(more.iter().copied()).cwd(folder.path())
    };
    command(&[]).run().exits(5).says(&["--max-steps"]).never_says(&[&secret]);
    // What the environment has wins over the file, and what is typed over both.
    let output = command(&["-H", "X-From: env:HEADER"])
        .env("ARAZZO_MAX_STEPS", "50")
        .env("ARAZZO_INPUT_volumeName", "mine")
        .run();
    output.exits(0).never_says(&[&secret]);
    let first = server.requests().into_iter().nth(1).unwrap();
    assert_eq!((first.header("x-from"), first.json()["name"].clone()), (Some("from-the-file"), json!("mine")));
    command(&["--max-steps", "40"]).run().exits(0);
    folder.write("staging.env", "ARAZZO_SECRET_apiToken\n");
    command(&["--json"]).run().exits(2).says(&["line 1 of", "is not NAME=VALUE"]);
    let absent = Arazzo::new(["run", PROVISION, "--env-file", "absent.env"]).run();
    absent.exits(2).says(&["--env-file", "absent.env"]);
}

#[test]
fn an_output_of_a_step_is_saved_as_the_bytes_that_it_is() {
    let folder = folder();
    let bytes: &[u8] = &[0xff, 0xd8, 0, 13, 10, 0x80];
    let server = Server::start(move |_, _| Reply::status(200).body("image/jpeg", bytes));
    folder.write(
        "pets.arazzo.yaml",
        FLOW.replace("outputs: {id: $response.body#/id}", "outputs: {picture: $response.body, status: $statusCode}")
            .replace("outputs: {id: $steps.get.outputs.id}", "outputs: {status: $steps.get.outputs.status}"),
    );
    let given = ["-i", "id=1", "--save", "get.picture=out.jpg", "--save", "get.status=out.txt"];
    let output = run(&folder, &server, &given).run();
    output.exits(0).says(&["saved get.picture to out.jpg"]);
    assert_eq!(output.stdout.trim(), "{\"status\":200}");
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!((read("out.jpg"), read("out.txt")), (bytes.to_vec(), b"200".to_vec()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.path().join("out.jpg")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let wrong = |saved: &str, words: &[&str]| {
        run(&folder, &server, &["-i", "id=1", "--save", saved]).run().exits(2).says(words);
    };
    wrong("gett.picture=x", &["has no step `gett`", "did you mean `get`?"]);
    wrong("get.pictur=x", &["no output `pictur`", "did you mean `picture`?"]);
    wrong("get.picture", &["STEP.OUTPUT=FILE"]);
    wrong("get.picture=-", &["name one"]);
    for more in [["-o", "one"], ["--record", "one"], ["--report", "json=one"]] {
        let given = [&["-i", "id=1", "--save", "get.status=one"][..], &more].concat();
        run(&folder, &server, &given).run().exits(2).says(&["`one` would be written twice"]);
    }
    // Nor does an output take the place of what is run, under whatever name.
    for more in
        [["--save", "get.status=pets.arazzo.yaml"], ["-o", "pets.arazzo.yaml"], ["--record", "./pets.openapi.yaml"]]
    {
        let given = [&["-i", "id=1"][..], &more].concat();
        run(&folder, &server, &given).run().exits(2).says(&["is a document of this run, and is not written over"]);
    }
    let requests = server.lines().len();
    assert_eq!(requests, 1);
    // What is not there is not written, and a run that did not give it is no success.
    let down = Server::start(|_, _| Reply::status(500));
    let output = run(&folder, &down, &["-i", "id=1", "--save", "get.picture=none.jpg"]).run();
    output.exits(1).says(&["`get.picture` has no value, so that nothing was written to `none.jpg`"]);
    assert!(!folder.path().join("none.jpg").exists());
    run(&folder, &server, &["-i", "id=1", "--save", "get.picture=no/where/out.jpg"])
        .run()
        .exits(2)
        .says(&["--save", "no/where/out.jpg"]);
}

#[test]
fn several_runs_are_reported_apart_those_that_did_not_run_too() {
    let (folder, server) = (folder(), pets());
    folder.write("rows.csv", "id\n1\n0\n2\n");
    let given =
        ["--data", "rows.csv", "--jobs", "1", "--fail-fast", "--report", "tap=r.tap", "--report", "junit=r.xml"];
    run(&folder, &server, &given).run().exits(1).says(&["1 succeeded, 1 failed, 1 not run"]);
    let tap = fs::read_to_string(folder.path().join("r.tap")).unwrap();
    assert!(tap.contains("1..3") && tap.contains("ok 3 - ") && tap.contains("# SKIP the runs were stopped"), "{tap}");
    let junit = fs::read_to_string(folder.path().join("r.xml")).unwrap();
    assert!(junit.contains("skipped=\"1\"") && junit.contains("look.row3"), "{junit}");
    let given = ["-i", "id=1", "--repeat", "2", "--report", "junit=two.xml"];
    run(&folder, &server, &given).run().exits(0);
    let junit = fs::read_to_string(folder.path().join("two.xml")).unwrap();
    assert!(junit.contains("look.run1\"") && junit.contains("look.run2\""), "{junit}");
}

#[test]
fn all_documents_that_are_broken_are_said_at_once_and_an_input_is_no_document() {
    let (folder, server) = (folder(), pets());
    let command = |words: &[&str]| {
        let command = Arazzo::new(["run", "--all", "--server", &server.url()]);
        command.args(words.iter().copied()).cwd(folder.path()).run()
    };
    command(&["pets.arazzo.yaml", "id=1"]).exits(2).says(&["words without a flag are documents", "--input id=VALUE"]);
    folder.write("one.arazzo.yaml", FLOW.replace("getPet", "getPest"));
    folder.write("two.arazzo.yaml", "arazzo: 1.0.1\n");
    let output = command(&["."]);
    output.exits(3).says(&["one.arazzo.yaml", "two.arazzo.yaml"]);
    // What cannot be read keeps nothing else from being said, and asks for no input.
    folder.write("three.arazzo.yaml", "arazzo: 1.0.1\nworkflows: [\n");
    folder.write("four.arazzo.yaml", "arazzo: 1.0.1\ninfo: \"\n");
    let output = command(&["."]);
    output.exits(3).says(&["one.arazzo.yaml", "two.arazzo.yaml", "three.arazzo.yaml", "four.arazzo.yaml"]);
    output.never_says(&["missing-input"]);
    assert_eq!(server.lines(), Vec::<String>::new());
}
