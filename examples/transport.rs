//! Runs a workflow with a transport of one's own, and no network: `cargo run --example transport`

use std::io::Write;

use arazzo::{Failure, Outgoing, Pending, Response, Transport};

/// A server that is a function.
struct Greeter;

impl Transport for Greeter {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let (status, body) = match outgoing.request.method.as_str() {
            "GET" => (200, serde_json::json!({ "id": 7, "language": "en" })),
            _ => (201, serde_json::json!({ "text": "Good day, Ada" })),
        };
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Box::pin(async move { Ok(Response { status, headers, body: body.to_string().into_bytes() }) })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/greeting.arazzo.yaml");
    // The policy is that of every run: only hosts that are given are called.
    let builder = arazzo::open(document).server(None, "https://greetings.example").transport(Greeter);
    let workflow = builder.load().await?.workflow(Some("greet"))?;
    let outcome = workflow.run(arazzo::Inputs::new().set("name", "Ada"), |_| {}).await?;
    writeln!(std::io::stdout(), "{}", serde_json::Value::from(outcome.outputs()))?;
    Ok(())
}
