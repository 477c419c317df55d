//! How long one task keeps the others of its thread waiting.

use std::time::Instant;

use arazzo::Inputs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::documents::{Looks, NOWHERE, inputs, items, items_api, limits, only, provision};
use crate::figures::{class, detail, gap, since};
use crate::runtime;
use crate::transports::InProcess;

pub async fn blocking(base: &str) {
    let mut transport = InProcess::at_once();
    transport.creating = true;
    let workflow = only(provision(NOWHERE).transport(transport).limits(limits(600_000, 1000, 1000, 2000)));
    gap("a transport that is always ready, 2,000 steps", async {
        class(&workflow.run(inputs(), |_| {}).await.unwrap())
    })
    .await;
    let chain = items("chain", 1, 1, Looks::WithQuery);
    for (name, url) in [("8 MB of JSON", format!("{base}/big/api")), ("a small answer", format!("{base}/api"))] {
        let workflow = only(arazzo::open(&chain).server(None, url));
        let ended = gap(name, async { class(&workflow.run(Inputs::new(), |_| {}).await.unwrap()) }).await;
        println!("   {ended}");
    }
    let hundred = items("hundred", 100, 20, Looks::WithQuery);
    for (name, builder) in
        [("the reference document", provision(base)), ("100 workflows of 20 steps", arazzo::open(hundred))]
    {
        gap(&format!("load_blocking: {name}"), async { builder.clone().load_blocking().unwrap() }).await;
        gap(&format!("load: {name}"), async { builder.load().await.unwrap() }).await;
    }
}

/// Answers of 8 MB.
pub async fn large(base: &str) {
    for (name, looks) in [
        ("a query and an output", Looks::WithQuery),
        ("the status", Looks::AtStatus),
        ("an output by pointer", Looks::WithPointer),
    ] {
        let builder = arazzo::open(items("chain", 1, 1, looks));
        let workflow = only(builder.server(None, format!("{base}/big/api")));
        let run = async { detail(&workflow.run(Inputs::new(), |_| {}).await.unwrap()) };
        println!("   {}", gap(&format!("8 MB of JSON, {name}"), run).await);
    }
}

/// A document whose source is served by the very runtime that loads it.
pub fn remote() {
    for workers in [0, 1, 2] {
        runtime(workers).block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let place = listener.local_addr().unwrap();
            tokio::spawn(async move {
                let body = items_api();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/yaml\r\nContent-Length: ";
                let answer = format!("{head}{}\r\n\r\n{body}", body.len());
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let answer = answer.clone();
                    tokio::spawn(async move {
                        while stream.read(&mut [0; 4096]).await.unwrap_or(0) > 0 {
                            let _ = stream.write_all(answer.as_bytes()).await;
                        }
                    });
                }
            });
            let document = items("chain", 1, 1, Looks::WithQuery);
            let text = std::fs::read_to_string(&document).unwrap();
            let text = text.replace("./items.openapi.yaml", &format!("http://{place}/api.yaml"));
            let builder = arazzo::open(document).text(text).allow_host(place.to_string()).server(None, NOWHERE);
            let builder = builder.limits(limits(20_000, 3_000, 1000, 2000));
            let begin = Instant::now();
            let loaded = builder.load().await.and_then(|description| description.workflow(None).map(drop));
            let loaded = loaded.map_or_else(|error| error.to_string(), |()| "loaded".to_owned());
            println!("load with {workers} workers, its source served by the same: {loaded} in {:.0} ms", since(begin));
        });
    }
}
