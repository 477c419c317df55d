//! Documents and sources that cannot be read, or say what cannot be.

use super::{Arazzo, Folder, PROVISION, root};
use crate::server::{Reply, Server, daytona};
use std::fs;

/// Two workflows over one API; `pets.yaml` lies beside it.
const FLOW: &str = "\
arazzo: 1.0.1
info: {title: Pets, version: 1.0.0}
sourceDescriptions:
- {name: pets, url: pets.yaml, type: openapi}
workflows:
- workflowId: look
  steps:
  - stepId: all
    operationId: listPets
    successCriteria: [{condition: $statusCode == 200}]
- workflowId: look-again
  steps:
  - stepId: all
    operationId: listPets
    successCriteria: [{condition: $statusCode == 200}]
";

pub(crate) const PETS: &str = "\
openapi: 3.1.0
info: {title: Pets, version: 1.0.0}
servers: [{url: 'http://127.0.0.1:9'}]
paths:
  /pets:
    get:
      operationId: listPets
      responses: {'200': {description: All of them}}
";

/// Runs FLOW after `change`, with PETS beside it, without sending.
fn dry_run(change: impl Fn(&str) -> String) -> super::Output {
    let folder = Folder::new();
    folder.write("pets.yaml", PETS);
    folder.write("flow.yaml", change(FLOW));
    Arazzo::new(["run", "flow.yaml", "look", "--dry-run"]).cwd(folder.path()).run()
}

#[test]
fn a_dry_run_shows_the_query_of_a_server_behind_the_path() {
    let folder = Folder::new();
    let flow = "arazzo: 1.0.1\ninfo: {title: t, version: '1'}\nsourceDescriptions: [{name: api, url: api.yaml, type: openapi}]\nworkflows:\n- workflowId: w\n  steps:\n  - {stepId: a, operationId: l, parameters: [{name: q, in: query, value: z}]}\n";
    folder.write("flow.yaml", flow);
    for (server, path, url) in [
        ("https://api.test/v1?key=a", "/things", "https://api.test/v1/things?key=a&q=z"),
        ("https://api.test?key=a&x=1", "/things?kind=b", "https://api.test/things?key=a&x=1&kind=b&q=z"),
        ("https://api.test/v1/?", "/things", "https://api.test/v1/things?q=z"),
        ("https://api.test/v1", "/things", "https://api.test/v1/things?q=z"),
    ] {
        let api = format!(
            "openapi: 3.1.0\ninfo: {{title: t, version: '1'}}\nservers: [{{url: '{server}'}}]\npaths:\n  '{path}':\n    get: {{operationId: l, parameters: [{{name: q, in: query, schema: {{}}}}], responses: {{'200': {{description: ok}}}}}}\n"
        );
        folder.write("api.yaml", api);
        let shown = Arazzo::new(["run", "flow.yaml", "--dry-run"]).cwd(folder.path()).run();
        shown.exits(0).check(shown.stdout.contains(&format!("GET {url}\n")), url);
    }
}

#[test]
fn the_flow_of_these_tests_is_right_before_it_is_broken() {
    dry_run(str::to_owned).exits(0);
}

#[test]
fn a_document_that_is_not_there_is_named() {
    let output = Arazzo::new(["run", "no/such/flow.yaml"]).run();
    output.exits(3).prints_nothing().says(&["no/such/flow.yaml"]);
}

#[test]
fn a_folder_in_the_place_of_a_document_is_refused() {
    Arazzo::new(["run", "specs"]).run().exits(3).prints_nothing().says(&["specs"]);
}

#[test]
fn a_workflow_that_is_not_there_is_answered_with_those_that_are() {
    let output = Arazzo::new(["run", PROVISION, "provision-volume-and-sandbx"]).run();
    output.exits(2).prints_nothing().says(&["provision-volume-and-sandbx", "provision-volume-and-sandbox"]);
}

#[test]
fn of_several_workflows_one_must_be_named() {
    let folder = Folder::new();
    folder.write("pets.yaml", PETS);
    folder.write("flow.yaml", FLOW);
    let output = Arazzo::new(["run", "flow.yaml"]).cwd(folder.path()).run();
    output.exits(2).says(&["look", "look-again"]);
}

#[test]
fn a_missing_source_is_reported_with_every_place_that_was_tried() {
    let folder = Folder::new();
    folder.write(".git/HEAD", "");
    folder.write("flows/deep/flow.yaml", FLOW.replace("url: pets.yaml", "url: apis/pets.yaml"));
    let output = Arazzo::new(["run", "flows/deep/flow.yaml", "look"]).cwd(folder.path()).run();
    output.exits(3).prints_nothing().says(&["pets", "flow.yaml:4:", "--source"]);
    let tried = ["flows/deep/apis/pets.yaml", "flows/apis/pets.yaml"];
    for place in tried {
        output.check(output.stderr.replace('\\', "/").contains(place), &format!("{place} among the places tried"));
    }
}

#[test]
fn a_misspelt_source_is_answered_with_its_way_from_the_document() {
    let folder = Folder::new();
    folder.write(".git/HEAD", "");
    folder.write("apis/pets.yaml", "");
    for (written, right) in [("../../apis/pest.yaml", "../../apis/pets.yaml"), ("../own/pets.yml", "../own/pets.yaml")]
    {
        folder.write("flows/own/pets.yaml", "");
        folder.write("flows/deep/flow.yaml", FLOW.replace("url: pets.yaml", &format!("url: {written}")));
        let output = Arazzo::new(["lint", "flows/deep/flow.yaml"]).cwd(folder.path()).run();
        let meant = format!("did you mean `{right}`?");
        output.exits(3).check(output.stdout.contains(&meant), &meant);
    }
}

#[test]
fn all_missing_sources_are_reported_at_once() {
    let folder = Folder::new();
    folder.write("flows/provision.yml", fs::read(root().join(PROVISION)).unwrap());
    let output = Arazzo::new(["run", "flows/provision.yml"]).cwd(folder.path()).run();
    output.exits(3).says(&["daytona-volumes-api-openapi.yml", "daytona-sandbox-api-openapi.yml"]);
}

#[test]
fn a_missing_source_can_be_given_on_the_command_line() {
    let (folder, server) = (Folder::new(), daytona(&["ready"]));
    folder.write("provision.yml", fs::read(root().join(PROVISION)).unwrap());
    let api = |name: &str| root().join(format!("openapi/daytona-{name}-api-openapi.yml")).display().to_string();
    let output = Arazzo::new(["run", "provision.yml", "-S", &format!("{}/api", server.url())])
        .args([
            "--source",
            &format!("volumesApi={}", api("volumes")),
            "--source",
            &format!("sandboxApi={}", api("sandbox")),
        ])
        .args(["-i", "apiToken=the-token", "-i", "volumeName=data", "-i", "snapshot=ubuntu", "-i", "mountPath=/data"])
        .cwd(folder.path())
        .run();
    output.exits(0);
    assert_eq!(server.lines().len(), 3);
}

#[test]
fn a_source_that_the_document_does_not_have_is_refused() {
    let output = Arazzo::new(["run", PROVISION, "--source", "volumeApi=x.yml"]).run();
    output.check(matches!(output.status, Some(2 | 3)), "exit 2 or 3").says(&["volumeApi", "volumesApi"]);
}

#[test]
fn a_source_on_the_network_is_one_diagnostic_that_says_what_to_do() {
    let output = dry_run(|flow| flow.replace("url: pets.yaml", "url: https://api.example.invalid/pets.yaml"));
    output.exits(3).says(&["https://api.example.invalid/pets.yaml", "flow.yaml:4:", "--source"]);
    output.check(output.stderr.matches("error[").count() == 1, "one diagnostic");
}

#[test]
fn a_syntax_error_has_a_line_and_a_column() {
    let output = dry_run(|flow| flow.replace("version: 1.0.0}", "version: 1.0.0"));
    output.exits(3).prints_nothing();
    output.check(!output.places("flow.yaml").is_empty(), "flow.yaml:line:column");
    let output = dry_run(|_| "{\"arazzo\": \"1.0.1\",\n \"info\": }".to_owned());
    output.exits(3).check(output.places("flow.yaml").iter().any(|(line, _)| *line == 2), "flow.yaml:2:…");
}

#[test]
fn a_key_written_twice_is_an_error_at_the_second() {
    let output = dry_run(|flow| flow.replace("  - stepId: all\n", "  - stepId: all\n    stepId: other\n"));
    output.exits(3).says(&["stepId", "flow.yaml:9:"]);
}

#[test]
fn an_unknown_operation_is_answered_with_the_nearest() {
    let output = dry_run(|flow| flow.replacen("operationId: listPets", "operationId: listPet", 1));
    output.exits(3).says(&["listPet", "`listPets`", "flow.yaml:9:18"]);
}

#[test]
fn all_faults_of_a_document_are_reported_at_once() {
    let output = dry_run(|flow| {
        let flow = flow.replacen("operationId: listPets", "operationId: findPets", 1);
        let more =
            "    onSuccess: [{name: next, type: goto, stepId: nowhere}]\n    outputs: {n: $steps.absent.outputs.n}\n";
        flow.replacen("- workflowId: look-again", &format!("{more}- workflowId: look-again"), 1)
    });
    output.exits(3).says(&["findPets", "nowhere", "absent"]);
    for line in [9, 11, 12] {
        output.check(output.places("flow.yaml").iter().any(|place| place.0 == line), &format!("flow.yaml:{line}:…"));
    }
}

#[test]
fn a_misspelt_input_in_the_document_is_refused_before_anything_is_sent() {
    let server = daytona(&["ready"]);
    let folder = Folder::new();
    let text = fs::read_to_string(root().join(PROVISION)).unwrap();
    folder.write(PROVISION, text.replacen("$inputs.volumeName", "$inputs.volumName", 1));
    for name in ["volumes", "sandbox"] {
        let file = format!("openapi/daytona-{name}-api-openapi.yml");
        folder.write(&file, fs::read(root().join(&file)).unwrap());
    }
    let output = Arazzo::provision(&server.url()).cwd(folder.path()).run();
    output.exits(3).says(&["volumName", "`$inputs.volumeName`", "daytona-provision.yml:58:"]);
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[test]
fn a_document_of_another_kind_or_version_is_refused() {
    dry_run(|_| PETS.to_owned()).exits(3).says(&["arazzo"]);
    dry_run(|flow| flow.replace("arazzo: 1.0.1", "arazzo: 2.0.0")).exits(3).says(&["2.0.0"]);
    dry_run(|_| String::new()).exits(3);
}

#[test]
fn documents_in_json_run_like_those_in_yaml() {
    let folder = Folder::new();
    folder.write("pets.yaml", PETS);
    folder.write(
        "flow.json",
        r#"{"arazzo": "1.0.1", "info": {"title": "Pets", "version": "1.0.0"},
            "sourceDescriptions": [{"name": "pets", "url": "pets.yaml", "type": "openapi"}],
            "workflows": [{"workflowId": "look", "steps": [{"stepId": "all", "operationId": "listPets"}]}]}"#,
    );
    Arazzo::new(["run", "flow.json", "--dry-run"]).cwd(folder.path()).run().exits(0).never_says(&["warning["]);
}

/// Ten megabytes of operations; the last one is called.
#[test]
fn a_source_of_ten_megabytes_is_read_in_every_form() {
    let (mut yaml, mut json) = (String::new(), String::new());
    let text = "x".repeat(1000);
    for n in 0..10_000 {
        yaml.push_str(&format!(
            "  /things{n}:\n    get:\n      operationId: get{n}\n      description: {text}\n      responses:\n        '200':\n          description: ok\n"
        ));
        json.push_str(&format!(
            "{}\"/things{n}\": {{\"get\": {{\"operationId\": \"get{n}\", \"description\": \"{text}\", \"responses\": {{\"200\": {{\"description\": \"ok\"}}}}}}}}",
            if n == 0 { "" } else { ", " }
        ));
    }
    let yaml = format!(
        "openapi: 3.1.0\ninfo: {{title: Large, version: '1'}}\nservers: [{{url: 'http://127.0.0.1:9'}}]\npaths:\n{yaml}"
    );
    let json = format!(
        "{{\"openapi\": \"3.1.0\", \"info\": {{\"title\": \"Large\", \"version\": \"1\"}}, \"servers\": [{{\"url\": \"http://127.0.0.1:9\"}}], \"paths\": {{{json}}}}}"
    );
    assert!(yaml.len() > 10_000_000 && json.len() > 10_000_000, "{} {}", yaml.len(), json.len());
    let server = {
        let yaml = yaml.clone();
        Server::start(move |_, _| Reply::status(200).body("application/yaml", yaml.clone()))
    };
    let folder = Folder::new();
    folder.write("large.yaml", &yaml);
    folder.write("large.json", &json);
    for source in ["large.yaml", "large.json", &format!("{}/large.yaml", server.url())] {
        folder.write("flow.yaml", format!("arazzo: 1.0.1\ninfo: {{title: Large, version: 1.0.0}}\nsourceDescriptions: [{{name: large, url: '{source}', type: openapi}}]\nworkflows: [{{workflowId: last, steps: [{{stepId: get, operationId: get9999}}]}}]\n"));
        let output = Arazzo::new(["run", "flow.yaml", "--dry-run"]).cwd(folder.path()).run();
        output.exits(0);
        output.check(output.stdout.contains("/things9999"), "the last operation");
    }
}
