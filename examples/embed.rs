//! Runs a workflow from a program: `cargo run --example embed -- http://localhost:8080`

use std::io::Write;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).unwrap_or("http://localhost:8080".into());
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/greeting.arazzo.yaml");
    let workflow = arazzo::open(document).server(None, server).load().await?.workflow(Some("greet"))?;

    let inputs = arazzo::Inputs::new().set("name", "Ada");
    let outcome = workflow
        .run(inputs, |event| {
            let step = event.event.step.as_deref().unwrap_or("-");
            let _ = writeln!(std::io::stderr(), "{:>5} ms  {step}", event.ms);
        })
        .await?;

    match outcome {
        arazzo::Outcome::Succeeded { outputs, .. } => {
            writeln!(std::io::stdout(), "{}", serde_json::Value::from(outputs))?
        }
        other => writeln!(std::io::stdout(), "did not succeed: {other:?}")?,
    }
    Ok(())
}
