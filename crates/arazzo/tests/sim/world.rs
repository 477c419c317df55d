//! Seed → a world: the answers of servers, faults of the network, a clock that jumps, an interrupt.

use arazzo::{Failure, FailureKind, Outgoing, Progress, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::chance::Chance;
use crate::documents::{Case, Given, steps_that_give_secrets};

/// What a request comes to: when, and what.
pub struct Coming {
    /// The stages on its way out, each so long after the one before.
    pub stages: Vec<(u64, Progress)>,
    /// How long it then takes.
    pub after: u64,
    pub result: Result<Response, Failure>,
}

/// The other side of a run. The same seed answers the same requests in the same way.
pub struct World {
    seed: u64,
    chance: Chance,
    /// How many requests in a hundred meet a fault.
    faults: u64,
    giving: Vec<(String, String)>,
    /// Every value that is not to be seen.
    pub secrets: Vec<String>,
    sent: u64,
}

impl World {
    pub fn new(case: &Case) -> Self {
        let mut chance = Chance::new(case.seed, "world");
        let faults = chance.pick(&[0, 15, 40, 70]);
        let secrets = Given::of(case.seed).secrets();
        Self { seed: case.seed, chance, faults, giving: steps_that_give_secrets(&case.flow), secrets, sent: 0 }
    }

    /// The answer to a request that a step of a workflow sends.
    pub fn answer(&mut self, outgoing: &Outgoing, workflow: &str, step: &str) -> Coming {
        self.sent += 1;
        self.chance = Chance::new(self.seed ^ self.sent.wrapping_mul(0x9e37_79b9), "answer");
        let after = match self.chance.below(10) {
            0 => 0,
            1 => self.chance.below(12_000),
            _ => self.chance.below(300),
        };
        let result = if self.chance.percent(self.faults) {
            self.fault(outgoing)
        } else {
            Ok(self.good(outgoing, workflow, step))
        };
        let is_sent = result.as_ref().map_or_else(|failure| failure.in_doubt || self.chance.percent(30), |_| true);
        let stages = self.stages(is_sent);
        // A transport keeps to the time that it was given.
        if after > outgoing.timeout_ms && is_sent {
            let failure =
                Failure { kind: FailureKind::Timeout, message: "no answer in time".to_owned(), in_doubt: true };
            return Coming { stages, after: outgoing.timeout_ms, result: Err(failure) };
        }
        Coming { stages, after, result }
    }

    /// The way of a request to its server.
    fn stages(&mut self, is_sent: bool) -> Vec<(u64, Progress)> {
        let mut stages = vec![];
        if self.chance.percent(40) {
            stages.push((self.chance.below(20), Progress::Queued));
            let turn = self.chance.pick(&[0, 1, 300, 9_000]);
            stages.push((turn, self.chance.pick(&[Progress::Begun, Progress::Begun, Progress::Queued])));
        }
        if is_sent {
            stages.push((self.chance.pick(&[0, 0, 5, 200]), Progress::Written));
        }
        // A transport that says something again, or too late.
        if self.chance.percent(10) {
            stages.push((0, self.chance.pick(&[Progress::Queued, Progress::Written])));
        }
        stages
    }

    fn secret(&mut self) -> String {
        let odd = self.chance.pick(&["", "", "/+", "é ", "\"", "=="]);
        let secret = format!("token-{odd}{:016x}", self.chance.number());
        self.secrets.push(secret.clone());
        secret
    }

    fn good(&mut self, outgoing: &Outgoing, workflow: &str, step: &str) -> Response {
        let url = outgoing.request.url.as_str();
        if ["https://login.example/token", "https://fresh.example/token"].iter().any(|known| url.starts_with(known)) {
            return self.token();
        }
        if url == "https://login.example/configuration" {
            let endpoint = self.chance.pick(&[
                "https://login.example/token/found",
                "https://fresh.example/token/found",
                "https://api.example/token/found",
                "https://stranger.example/token",
                "https://elsewhere.example/token",
            ]);
            return json_response(200, &json!({ "token_endpoint": endpoint }));
        }
        let giving = self.giving.iter().any(|(of, name)| of == workflow && name == step);
        let token = if giving { self.secret() } else { format!("open-{}", self.sent) };
        let n = self.chance.below(5);
        let mut body = json!({
            "n": n, "items": [{ "n": n }, { "n": 1 }], "state": self.chance.pick(&["busy", "ready", "ready"]),
        });
        if self.chance.percent(80) {
            body["token"] = json!(token);
        }
        if self.chance.percent(30) {
            body["echo"] = self.echo(outgoing);
        }
        if self.chance.percent(10) {
            body["filling"] = json!("x".repeat(self.chance.below(3_000) as usize));
            body["last"] = self.echo(outgoing);
        }
        let status = self.chance.pick(&[200, 200, 200, 201]);
        let mut response = json_response(status, &body);
        if self.chance.percent(20) {
            let value = format!("session={:016x}; Path=/", self.chance.number());
            response.headers.push(("set-cookie".to_owned(), value));
        }
        if self.chance.percent(10) {
            response.headers.push(("x-echo".to_owned(), text_of(&self.echo(outgoing))));
        }
        response
    }

    fn token(&mut self) -> Response {
        let mut body = json!({ "access_token": self.secret(), "token_type": "Bearer" });
        if self.chance.percent(70) {
            body["expires_in"] = self.chance.pick(&[json!(0), json!(1), json!(60), json!("3600")]);
        }
        if self.chance.percent(30) {
            body["refresh_token"] = json!(self.secret());
        }
        json_response(200, &body)
    }

    /// What the server has seen, in a form in which it may say it.
    fn echo(&mut self, outgoing: &Outgoing) -> Json {
        let authorization =
            outgoing.request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let seen = match (authorization, self.chance.below(3)) {
            (Some((_, value)), 0) => value.clone(),
            (_, 1) => outgoing.request.url.clone(),
            _ => String::from_utf8_lossy(outgoing.request.body.as_deref().unwrap_or_default()).into_owned(),
        };
        match self.chance.below(4) {
            0 => json!(STANDARD.encode(seen)),
            1 => json!([seen.clone(), { seen: 1 }]),
            _ => json!(seen),
        }
    }

    fn fault(&mut self, outgoing: &Outgoing) -> Result<Response, Failure> {
        let plain = |status: u16, headers: Vec<(&str, String)>| {
            let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Ok(Response { status, headers, body: vec![] })
        };
        match self.chance.below(15) {
            0 => self.failure(FailureKind::Connect, false, outgoing),
            1 => {
                let kind = self.chance.pick(&[FailureKind::Reset, FailureKind::StaleConnection]);
                self.failure(kind, true, outgoing)
            }
            2 => {
                let kind = self.chance.pick(&[FailureKind::Dns, FailureKind::Tls, FailureKind::Protocol]);
                self.failure(kind, kind == FailureKind::Protocol, outgoing)
            }
            3 | 4 => plain(self.chance.pick(&[500, 502, 503]), vec![]),
            5 => plain(503, vec![("retry-after", self.retry_after())]),
            6 => plain(429, vec![("retry-after", self.retry_after())]),
            7 | 8 => {
                let challenge = self.chance.pick(&[
                    "Basic realm=\"r\"",
                    "Bearer error=\"invalid_token\"",
                    "Digest realm=\"r\", qop=\"auth\", algorithm=SHA-256, nonce=\"n0nce\", stale=true",
                ]);
                plain(401, vec![("www-authenticate", challenge.to_owned())])
            }
            9..12 => {
                let to = self.chance.pick(&[
                    "/things?q=moved",
                    "https://shop.example/things",
                    "https://api.example/things",
                    "https://stranger.example/things",
                    "https://fresh.example/things",
                    "https://elsewhere.example/things",
                    "http://api.example/things",
                    "https://me:secret@api.example/",
                    "",
                    "https://shop.example/things?to=",
                ]);
                // A server may say where to go with what it was sent.
                let to =
                    if to.ends_with("to=") { format!("{to}{}", text_of(&self.echo(outgoing))) } else { to.to_owned() };
                plain(self.chance.pick(&[301, 302, 303, 307, 308]), vec![("location", to)])
            }
            12 => {
                let (name, body) = self.chance.pick(&[
                    ("application/json", "{\"n\": 1, \"ite"),
                    ("application/json", "not json"),
                    ("text/plain", "n = 1"),
                    ("application/json", "\u{feff}[]"),
                    ("text/xml", "<n>1</n>"),
                ]);
                let headers = vec![("content-type".to_owned(), name.to_owned())];
                Ok(Response { status: 200, headers, body: body.as_bytes().to_vec() })
            }
            13 => Ok(json_response(200, &json!({ "filling": "x".repeat(5 << 10) }))),
            _ => self.failure(FailureKind::BodyTooLarge, true, outgoing),
        }
    }

    fn failure(&mut self, kind: FailureKind, in_doubt: bool, outgoing: &Outgoing) -> Result<Response, Failure> {
        let message = match self.chance.below(2) {
            0 => kind.word().to_owned(),
            _ => format!("the server said {}", self.echo(outgoing)),
        };
        Err(Failure { kind, message, in_doubt })
    }

    fn retry_after(&mut self) -> String {
        let dates = ["Thu, 01 Jan 2026 00:00:09 GMT", "Wed, 31 Dec 2025 00:00:00 GMT"];
        let seconds = ["0", "1", "3.5", "30", "9999999", "-1", "inf", "soon"];
        self.chance.pick(&[dates.as_slice(), seconds.as_slice()].concat()).to_owned()
    }
}

fn json_response(status: u16, body: &Json) -> Response {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Response { status, headers, body: body.to_string().into_bytes() }
}

/// A value in a header.
fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
