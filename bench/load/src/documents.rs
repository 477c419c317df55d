//! The documents that are run: the reference workflow, and those that are written here.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use arazzo::{Builder, Inputs, Limits, LoopDelay, Network, Workflow};

/// Where nothing listens.
pub const NOWHERE: &str = "http://127.0.0.1:1/api";

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

const ITEMS: &str = "\
openapi: 3.1.0
info: { title: Items, version: '1' }
servers: [{ url: http://127.0.0.1:1/api }]
paths:
  /items/{id}:
    get:
      operationId: getItem
      parameters:
        - { name: id, in: path, required: true, schema: { type: string } }
        - { name: prev, in: query, schema: { type: string } }
      responses:
        '200':
          description: an item
          content:
            application/json:
              schema:
                type: object
                required: [id, token]
                properties:
                  id: { type: string }
                  token: { type: string }
                  status: { type: string }
                  tags: { type: array, items: { type: object } }
";

const QUERY: &str = "{ context: $response.body, type: jsonpath, condition: '$..tags[?(@.ok == true)]' }";

pub fn inputs() -> Inputs {
    let inputs = Inputs::new().set("apiToken", "token").set("volumeName", "data");
    inputs.set("snapshot", "base").set("mountPath", "/data")
}

/// The reference workflow at a server: five requests, of which two change something.
pub fn provision(url: &str) -> Builder {
    let builder = arazzo::open(format!("{ROOT}/specs/daytona-provision.yml")).folder(format!("{ROOT}/openapi"));
    builder.server(None, url).loop_delay(LoopDelay::Fixed(0))
}

/// The reference workflow without a server of its own, for mocks.
pub fn provision_mocked() -> Builder {
    let builder = arazzo::open(format!("{ROOT}/specs/daytona-provision.yml")).folder(format!("{ROOT}/openapi"));
    builder.loop_delay(LoopDelay::Fixed(0)).mock(arazzo::mock::Mocked::new())
}

/// The reference workflow with a timeout of a second in each step.
pub fn provision_with_timeouts(url: &str) -> Builder {
    let text = std::fs::read_to_string(format!("{ROOT}/specs/daytona-provision.yml")).unwrap();
    let text = text.replace("arazzo: 1.0.1", "arazzo: 1.1.0").replace("arazzo: 1.0.0", "arazzo: 1.1.0");
    let lines = text.lines().map(|line| match line.split_once("- stepId:") {
        Some((blanks, _)) => format!("{line}\n{blanks}  timeout: 1000\n"),
        None => format!("{line}\n"),
    });
    provision(url).text(lines.collect::<String>())
}

pub fn only(builder: Builder) -> Workflow {
    builder.load_blocking().unwrap().workflow(None).unwrap()
}

pub fn network(per_host: usize) -> Network {
    let mut network = Network::default();
    network.per_host = NonZeroUsize::new(per_host).unwrap();
    network
}

/// Limits of a run, a request and a wait, in ms, and of steps.
pub fn limits(run_ms: u64, request_ms: u64, wait_ms: u64, steps: u32) -> Limits {
    Limits { run_ms, request_ms, wait_ms, steps, ..Limits::default() }
}

/// How the steps of a written workflow look at what came.
#[derive(Clone, Copy)]
pub enum Looks {
    AtStatus,
    WithPointer,
    WithQuery,
}

/// Steps in a row, each of which sends what the one before gave out.
fn steps(count: usize, looks: Looks) -> String {
    let step = |number: usize| {
        let before = if number > 1 && !matches!(looks, Looks::AtStatus) {
            format!("$steps.s{}.outputs.token", number - 1)
        } else {
            "$inputs.seed".to_owned()
        };
        let query = if matches!(looks, Looks::WithQuery) { format!("          - {QUERY}\n") } else { String::new() };
        let outputs = match looks {
            Looks::AtStatus => "",
            _ => "        outputs: { token: $response.body#/token }\n",
        };
        format!(
            "      - stepId: s{number}\n        operationId: getItem\n        parameters:\n          - {{ name: id, in: path, value: '{number}' }}\n          - {{ name: prev, in: query, value: {before} }}\n        successCriteria:\n          - condition: $statusCode == 200\n{query}{outputs}"
        )
    };
    (1..=count).map(step).collect()
}

/// The file of a document with workflows of so many steps; `name` tells several apart.
pub fn items(name: &str, workflows: usize, count: usize, looks: Looks) -> PathBuf {
    let folder = std::env::temp_dir().join("arazzo-load");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("items.openapi.yaml"), ITEMS).unwrap();
    let workflow = |number: usize| {
        let seed = "    inputs: { type: object, properties: { seed: { type: string, default: seed } } }\n";
        format!("  - workflowId: w{number}\n{seed}    steps:\n{}", steps(count, looks))
    };
    let all: String = (0..workflows).map(workflow).collect();
    let head = format!("arazzo: 1.0.1\ninfo: {{ title: {name}, version: '1' }}\nsourceDescriptions:\n");
    let source = "  - { name: items, url: ./items.openapi.yaml, type: openapi }\n";
    let path = folder.join(format!("{name}.yaml"));
    std::fs::write(&path, format!("{head}{source}workflows:\n{all}")).unwrap();
    path
}

/// The text of the description that written documents name.
pub fn items_api() -> &'static str {
    ITEMS
}
