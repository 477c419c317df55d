//! The ways to give an input, and what is said of those that do not fit.

use super::{Arazzo, Folder, Output, PROVISION};
use crate::server::{Reply, Server, daytona};
use serde_json::{Value, json};

const FLOW: &str = "\
arazzo: 1.0.1
info: {title: Echo, version: 1.0.0}
sourceDescriptions:
- {name: echoApi, url: echo-api.yaml, type: openapi}
workflows:
- workflowId: echo
  inputs:
    type: object
    properties:
      text: {type: string}
      count: {type: integer, minimum: 0}
      ratio: {type: number}
      flag: {type: boolean}
      shape: {type: object}
      list: {type: array, items: {type: string}}
      volumeName: {type: string}
      greeting: {type: string, default: hello}
  steps:
  - stepId: send
    operationId: echo
    requestBody:
      contentType: application/json
      payload:
        text: $inputs.text
        count: $inputs.count
        ratio: $inputs.ratio
        flag: $inputs.flag
        shape: $inputs.shape
        list: $inputs.list
        volumeName: $inputs.volumeName
        greeting: $inputs.greeting
    successCriteria: [{condition: $statusCode == 200}]
    outputs: {text: $response.body#/text}
  outputs: {text: $steps.send.outputs.text}
";

const API: &str = "\
openapi: 3.1.0
info: {title: Echo, version: 1.0.0}
servers: [{url: 'http://127.0.0.1:9'}]
paths:
  /echo:
    post:
      operationId: echo
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {'200': {description: What was sent}}
";

struct Echo {
    folder: Folder,
    server: Server,
}

impl Echo {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("flow.yaml", FLOW);
        folder.write("echo-api.yaml", API);
        let server = Server::start(|request, _| Reply::status(200).body("application/json", request.body.clone()));
        Self { folder, server }
    }

    fn call(&self, args: &[&str]) -> Arazzo {
        Arazzo::new(["run", "flow.yaml", "--server", &self.server.url()]).args(args).cwd(self.folder.path())
    }

    /// What the server was sent by the last run.
    #[track_caller]
    fn sent(&self, call: Arazzo) -> Value {
        call.run().exits(0);
        let mut body = self.server.requests().last().unwrap().json();
        if body["greeting"] == "hello" {
            body.as_object_mut().unwrap().remove("greeting");
        }
        body
    }
}

#[test]
fn text_is_converted_by_the_type_that_the_workflow_declares() {
    let echo = Echo::new();
    let call = echo.call(&["-i", "text=3", "-i", "count=3", "-i", "ratio=0.5", "-i", "flag=true"]);
    assert_eq!(echo.sent(call), json!({"text": "3", "count": 3, "ratio": 0.5, "flag": true}));
}

#[test]
fn only_the_first_equals_sign_separates() {
    let echo = Echo::new();
    assert_eq!(echo.sent(echo.call(&["--input", "text=a=b:=c@d"])), json!({"text": "a=b:=c@d"}));
    assert_eq!(echo.sent(echo.call(&["--input", "text="])), json!({"text": ""}));
}

#[test]
fn json_is_given_with_a_colon() {
    let echo = Echo::new();
    let call = echo.call(&["-i", r#"shape:={"a":{"b":[1,null]}}"#, "-i", r#"list:=["x","y"]"#, "-i", r#"text:="q""#]);
    assert_eq!(echo.sent(call), json!({"text": "q", "shape": {"a": {"b": [1, null]}}, "list": ["x", "y"]}));
}

#[test]
fn merge_keys_are_merged_in_files_of_inputs() {
    let echo = Echo::new();
    echo.folder.write("inputs.yaml", "shape: &shape { a: 1, b: 2 }\n<<: { text: x, count: 3 }\ncount: 4\n");
    let sent = json!({"shape": {"a": 1, "b": 2}, "text": "x", "count": 4});
    assert_eq!(echo.sent(echo.call(&["--inputs", "inputs.yaml"])), sent);
}

#[test]
fn text_and_json_come_from_files() {
    let echo = Echo::new();
    echo.folder.write("note.txt", "two\nlines");
    echo.folder.write("shape.json", "{\"side\": 2}\n");
    let call = echo.call(&["-i", "text@note.txt", "-i", "shape:=@shape.json"]);
    assert_eq!(echo.sent(call), json!({"text": "two\nlines", "shape": {"side": 2}}));
}

#[test]
fn whole_sets_of_inputs_come_from_files_and_the_later_one_wins() {
    let echo = Echo::new();
    echo.folder.write("a.json", r#"{"text": "from a", "count": 1}"#);
    echo.folder.write("b.yaml", "count: 2\nlist: [x]\n");
    let files = ["--inputs", "a.json", "--inputs", "b.yaml"];
    assert_eq!(echo.sent(echo.call(&files)), json!({"text": "from a", "count": 2, "list": ["x"]}));
    let call = echo.call(&files).args(["--input", "count=3"]);
    assert_eq!(echo.sent(call), json!({"text": "from a", "count": 3, "list": ["x"]}));
}

#[test]
fn inputs_come_from_stdin_where_a_dash_says_so() {
    let echo = Echo::new();
    let call = echo.call(&["--inputs", "-"]).stdin(r#"{"text": "piped", "flag": false}"#);
    assert_eq!(echo.sent(call), json!({"text": "piped", "flag": false}));
    let call = echo.call(&["-i", "text=typed"]).stdin(r#"{"text": "piped"}"#);
    assert_eq!(echo.sent(call), json!({"text": "typed"}));
}

#[test]
fn inputs_come_from_the_environment_by_their_exact_name_or_in_capitals() {
    let echo = Echo::new();
    let call = echo.call(&[]).env("ARAZZO_INPUT_volumeName", "exact").env("ARAZZO_INPUT_count", "7");
    assert_eq!(echo.sent(call), json!({"volumeName": "exact", "count": 7}));
    let call = echo.call(&[]).env("ARAZZO_INPUT_VOLUME_NAME", "capitals");
    assert_eq!(echo.sent(call), json!({"volumeName": "capitals"}));
    let call = echo.call(&[]).env("ARAZZO_INPUT_VOLUME_NAME", "capitals").env("ARAZZO_INPUT_volumeName", "exact");
    assert_eq!(echo.sent(call), json!({"volumeName": "exact"}));
    let call = echo.call(&["-i", "volumeName=flag"]).env("ARAZZO_INPUT_volumeName", "exact");
    assert_eq!(echo.sent(call), json!({"volumeName": "flag"}));
    let call = echo.call(&[]).env("volumeName", "bare").env("VOLUME_NAME", "bare");
    assert_eq!(echo.sent(call), json!({}));
}

#[test]
fn a_default_fills_what_is_not_given() {
    let echo = Echo::new();
    echo.call(&["-i", "text=a"]).run().exits(0).prints(&json!({"text": "a"}));
    assert_eq!(echo.server.requests()[0].json(), json!({"text": "a", "greeting": "hello"}));
    echo.call(&["-i", "greeting=good day"]).run().exits(0);
    assert_eq!(echo.server.requests()[1].json(), json!({"greeting": "good day"}));
}

#[test]
fn an_output_that_found_nothing_is_null_and_fails_only_where_it_is_required() {
    let echo = Echo::new();
    echo.call(&[]).run().exits(0).prints(&json!({"text": null}));
    echo.call(&["--require-outputs"]).run().exits(1).says(&["text"]);
}

#[track_caller]
fn refused(echo: &Echo, args: &[&str], words: &[&str]) -> Output {
    let output = echo.call(args).run();
    output.exits(2).prints_nothing().says(words);
    assert_eq!(echo.server.lines(), Vec::<String>::new());
    output
}

#[test]
fn every_input_that_does_not_fit_is_reported_at_once() {
    let echo = Echo::new();
    let output = refused(
        &echo,
        &["-i", "count=three", "-i", "flag=maybe", "-i", "txt=a", "-i", "list:=[1]"],
        &["count", "an integer", "flag", "a boolean", "txt", "did you mean", "`text`", "list"],
    );
    output.never_says(&["three", "maybe"]);
    refused(&echo, &["-i", "count=-1"], &["count"]);
}

#[test]
fn a_set_of_inputs_that_is_none_is_refused() {
    let echo = Echo::new();
    echo.folder.write("list.json", "[1]");
    echo.folder.write("broken.json", "{\n  \"text\": }\n");
    refused(&echo, &["--inputs", "list.json"], &["list.json", "object"]);
    refused(&echo, &["--inputs", "broken.json"], &["broken.json"]);
    refused(&echo, &["--inputs", "absent.json"], &["absent.json"]);
    refused(&echo, &["--input", "text@absent.txt"], &["absent.txt"]);
    refused(&echo, &["--input", "shape:={broken"], &["shape", "JSON"]);
    refused(&echo, &["--input", "text"], &["text"]);
    refused(&echo, &["--input", "=text"], &[]);
}

#[test]
fn missing_and_unknown_inputs_are_named_together() {
    let server = daytona(&["ready"]);
    let output = Arazzo::new(["run", PROVISION, "-S", &format!("{}/api", server.url()), "-i", "volumName=data"]).run();
    output.exits(2).prints_nothing().says(&[
        "apiToken",
        "snapshot",
        "mountPath",
        "`volumName`",
        "did you mean `volumeName`",
    ]);
    assert_eq!(server.lines(), Vec::<String>::new());
}
