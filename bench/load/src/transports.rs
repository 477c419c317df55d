//! Transports that answer in this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use arazzo::{Failure, FailureKind, Outgoing, Pending, Response, Transport};
use tokio::sync::Semaphore;

use crate::server::{SANDBOX, volume};

fn json(body: String) -> Result<Response, Failure> {
    let length = ("content-length".to_owned(), body.len().to_string());
    let headers = vec![("content-type".to_owned(), "application/json".to_owned()), length];
    Ok(Response { status: 200, headers, body: body.into_bytes() })
}

/// Answers as the reference workflow's API does: at once, after a turn of other tasks, or when a gate opens.
#[derive(Clone)]
pub struct InProcess {
    made: Arc<AtomicU64>,
    asked: Arc<Vec<Mutex<HashMap<String, u32>>>>,
    pub yields: bool,
    pub gate: Option<Arc<Semaphore>>,
    /// Volumes are never ready.
    pub creating: bool,
    pub sent: Arc<AtomicU64>,
}

impl InProcess {
    pub fn at_once() -> Self {
        let asked = Arc::new((0..64).map(|_| Mutex::default()).collect());
        Self { made: Arc::default(), asked, yields: false, gate: None, creating: false, sent: Arc::default() }
    }

    pub fn yielding() -> Self {
        Self { yields: true, ..Self::at_once() }
    }

    /// With a gate that is closed.
    pub fn gated() -> (Self, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        (Self { gate: Some(gate.clone()), ..Self::at_once() }, gate)
    }

    fn answer(&self, method: &str, path: &str) -> Result<Response, Failure> {
        if method == "POST" && path == "/volumes" {
            return json(volume(&format!("vol-{}", self.made.fetch_add(1, Relaxed)), "creating"));
        }
        if path == "/sandbox" {
            return json(SANDBOX.to_owned());
        }
        let id = path.rsplit('/').next().unwrap().to_owned();
        let shard = id.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte as usize)) % 64;
        let mut asked = self.asked[shard].lock().unwrap();
        let times = asked.entry(id.clone()).or_default();
        *times += 1;
        let is_ready = *times > 2 && !self.creating;
        if is_ready {
            asked.remove(&id);
        }
        json(volume(&id, if is_ready { "ready" } else { "creating" }))
    }
}

impl Transport for InProcess {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        Box::pin(async move {
            self.sent.fetch_add(1, Relaxed);
            if let Some(gate) = &self.gate {
                let _ = gate.acquire().await;
            }
            if self.yields {
                tokio::task::yield_now().await;
            }
            let path = outgoing.request.url.split("/api").nth(1).unwrap_or("").to_owned();
            self.answer(&outgoing.request.method, &path)
        })
    }
}

/// The first answer is large, the second never comes: what a run keeps while it waits.
pub struct LargeThenNothing {
    pub waiting: Arc<AtomicU64>,
    pub body: Arc<str>,
}

impl Transport for LargeThenNothing {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        Box::pin(async move {
            if outgoing.request.url.contains("/items/1") {
                return json(self.body.to_string());
            }
            self.waiting.fetch_add(1, Relaxed);
            std::future::pending().await
        })
    }
}

/// Breaks down.
pub struct Panicking(pub &'static str);

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("in drop")
        }
    }
}

impl Transport for Panicking {
    fn send(&self, _: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        match self.0 {
            "send" => panic!("token in send"),
            "poll" => Box::pin(async { panic!("token in poll") }),
            "drop" => Box::pin(async {
                let _panics = PanicOnDrop;
                json(volume("v", "creating"))
            }),
            "dropped" => Box::pin(async {
                let _panics = PanicOnDrop;
                std::future::pending().await
            }),
            "never" => Box::pin(std::future::pending()),
            _ => Box::pin(async {
                Err(Failure { kind: FailureKind::Timeout, message: "late".to_owned(), in_doubt: true })
            }),
        }
    }
}
