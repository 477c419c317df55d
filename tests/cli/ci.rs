//! The job for CI of docs/test.md, run as a runner would: on two machines, against a loopback server that stands for
//! staging, with a secret of the job. And the file for agents.

use super::{Folder, random, root};
use crate::server::{Reply, Request, Server};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

const API: &str = "\
openapi: 3.1.0
info: {title: things, version: '1'}
servers: [{url: https://production.example/v1}]
security: [{bearer: []}]
paths:
  /things/{id}:
    get:
      operationId: getThing
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses: {'200': {description: one, content: {application/json: {schema: {type: object}}}}}
components: {securitySchemes: {bearer: {type: http, scheme: bearer}}}
";

/// A flow of one step, for the thing of this number.
fn flow(id: usize) -> String {
    format!(
        "arazzo: 1.0.1\ninfo: {{title: t{id}, version: '1'}}\n\
         sourceDescriptions: [{{name: things, url: things.openapi.yaml, type: openapi}}]\n\
         workflows:\n  - workflowId: look\n    steps:\n      - stepId: get\n        operationId: getThing\n        \
         parameters: [{{name: id, in: path, value: {id}}}]\n        successCriteria: [{{condition: $statusCode == 200}}]\n"
    )
}

/// The job of the page.
fn job() -> Value {
    let page = fs::read_to_string(root().join("docs/test.md")).unwrap();
    let text = page.split_once("```yaml .github/workflows/staging.yaml\n").unwrap().1.split_once("```").unwrap().0;
    let workflow = serde_json::to_value(arazzo::parse_values("staging.yaml", text).unwrap()).unwrap();
    workflow["jobs"]["workflows"].clone()
}

#[test]
fn the_job_of_the_page_tests_a_folder_on_two_machines_against_a_server() {
    let secret = random(20);
    let wanted = format!("Bearer {secret}");
    let server = Server::start(move |request: &Request, _| match request.header("authorization") {
        Some(given) if given == wanted && !request.path.ends_with("/3") => Reply::status(200).json(&json!({"id": 1})),
        Some(given) if given == wanted => Reply::status(500).json(&json!({"message": "broken"})),
        _ => Reply::status(401).json(&json!({"message": "no token"})),
    });
    let folder = Folder::new();
    folder.write("flows/things.openapi.yaml", API);
    (1..=5).for_each(|id| drop(folder.write(&format!("flows/t{id}.arazzo.yaml"), flow(id))));
    let job = job();
    let step = job["steps"].as_array().unwrap().iter().find(|step| step["run"].is_string()).unwrap();
    let shards: Vec<&str> =
        job["strategy"]["matrix"]["shard"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    assert_eq!(shards.len(), 2);
    let (mut cases, mut said, mut codes) = (vec![], String::new(), vec![]);
    for shard in shards {
        let built = std::path::Path::new(env!("CARGO_BIN_EXE_arazzo")).parent().unwrap();
        let mut shell = Command::new("bash");
        shell.args(["-e", "-c", step["run"].as_str().unwrap()]).current_dir(folder.path());
        for name in super::Arazzo::foreign() {
            shell.env_remove(name);
        }
        shell.env("PATH", format!("{}:{}", built.display(), std::env::var("PATH").unwrap_or_default()));
        for (name, value) in step["env"].as_object().unwrap() {
            let value = match value.as_str().unwrap() {
                "${{ matrix.shard }}" => shard.to_owned(),
                "${{ secrets.STAGING_TOKEN }}" => secret.clone(),
                url => url.replace("https://staging.example.com", &server.url()),
            };
            shell.env(name, value);
        }
        let summary = folder.path().join("summary.md");
        let output = shell
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", &summary)
            .output()
            .unwrap();
        codes.push(output.status.code());
        said += &(String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap());
        said += &fs::read_to_string(&summary).unwrap_or_default();
        let file = folder.path().join("out/junit.xml");
        super::reports::check_junit(&file);
        let junit = fs::read_to_string(file).unwrap();
        cases.extend(
            junit
                .match_indices("<testcase classname=\"")
                .map(|(at, open)| junit[at + open.len()..].split('"').next().unwrap().to_owned()),
        );
        said += &junit;
    }
    cases.sort();
    let all: Vec<String> = (1..=5).map(|id| format!("flows/t{id}.arazzo.yaml")).collect();
    assert_eq!(cases, all, "each case once\n{said}");
    assert_eq!(codes, [Some(1), Some(0)], "the shard with the broken one fails\n{said}");
    assert!(said.contains("::error file=flows/t3.arazzo.yaml,line=10"), "{said}");
    assert!(said.contains("### ❌ 2 passed, 1 failed") && said.contains("### ✅ 2 passed"), "{said}");
    assert!(!said.contains(&secret), "the secret of the job is nowhere");
    assert_eq!(server.lines().len(), 5);
}

#[test]
fn the_file_for_agents_leads_to_pages() {
    let text = fs::read_to_string(root().join("llms.txt")).unwrap();
    let links: Vec<&str> = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        assert!(root().join(link).is_file(), "{link}");
    }
}
