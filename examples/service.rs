//! A service that runs a workflow: documents in memory, a client of its own, a credential, limits, progress, and what is
//! done with the end: `cargo run --example service`

use std::io::Write;

use arazzo::{Credentials, EventKind, Failure, Inputs, Interrupt, Limits, Outcome};
use arazzo::{Outgoing, Pending, Response, Transport};

const FLOW: &str = "
arazzo: 1.0.1
info: { title: Ship, version: 1.0.0 }
sourceDescriptions: [{ name: parcels, url: parcels.yaml, type: openapi }]
workflows:
  - workflowId: ship
    inputs: { type: object, required: [to], properties: { to: { type: string } } }
    steps:
      - stepId: create
        operationId: createParcel
        requestBody: { contentType: application/json, payload: { to: $inputs.to } }
        successCriteria: [{ condition: $statusCode == 201 }]
        outputs: { id: $response.body#/id }
    outputs: { id: $steps.create.outputs.id }
";

const PARCELS: &str = "
openapi: 3.1.0
info: { title: Parcels, version: 1.0.0 }
servers: [{ url: https://parcels.example.com }]
security: [{ token: [] }]
paths:
  /parcels:
    post:
      operationId: createParcel
      requestBody: { content: { application/json: { schema: { type: object } } } }
      responses: { '201': { description: Created }, '401': { description: The token is not valid } }
components: { securitySchemes: { token: { type: http, scheme: bearer } } }
";

/// In the place of the client that the service has: with its pool, its certificates, its retries, its traces.
struct Client;

impl Transport for Client {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let known = outgoing.request.headers.iter().any(|(_, value)| value == "Bearer tok-5f1c9a2e7b");
        let (status, body) = if known { (201, r#"{"id":"p-1"}"#) } else { (401, "{}") };
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Box::pin(async move { Ok(Response { status, headers, body: body.as_bytes().to_vec() }) })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Once, when the service starts: every fault of the documents is an error here.
    let limits = Limits { run_ms: 30_000, steps: 100, ..Limits::default() };
    let token = std::env::args().nth(1).unwrap_or_else(|| "tok-5f1c9a2e7b".to_owned());
    let description = arazzo::open("ship.yaml")
        .text(FLOW)
        .document("parcels.yaml", PARCELS)
        .offline(true)
        .transport(Client)
        .credentials(Credentials::new().scheme("token", token))
        .allow_host("parcels.example.com")
        .secret_host("token", "parcels.example.com")
        .limits(limits)
        .load()
        .await?;
    let workflow = description.workflow(Some("ship"))?;

    // For each order: `workflow` is cheap to clone, and `stop` may be given to whatever ends the service.
    let stop = Interrupt::new();
    let inputs = Inputs::new().set("to", "Ada");
    let outcome = workflow
        .run_until(inputs, &stop, |envelope| {
            let step = envelope.event.step.as_deref().unwrap_or_default();
            let line = match &envelope.event.kind {
                EventKind::RequestSent { method, url, headers, .. } => format!("{step}: {method} {url} {headers:?}"),
                EventKind::ResponseReceived { status, duration_ms, .. } => {
                    format!("{step}: {status}, {duration_ms} ms")
                }
                EventKind::StepFinished { status, .. } => format!("{step}: {status}"),
                _ => return,
            };
            let _ = writeln!(std::io::stderr(), "{line}");
        })
        .await?;

    let mut stdout = std::io::stdout();
    match &outcome {
        Outcome::Succeeded { .. } | Outcome::Ended { .. } => {
            writeln!(stdout, "{}", serde_json::Value::from(outcome.outputs()))?;
        }
        Outcome::Failed { step, why, .. } => writeln!(stdout, "failed at {step}: {}", why.message)?,
        Outcome::Stopped { why, .. } => writeln!(stdout, "stopped: {}", why.message)?,
        other => writeln!(stdout, "exit {}", other.exit_code())?,
    }
    Ok(())
}
