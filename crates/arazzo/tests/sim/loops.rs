//! Loops that poll: the state that is stored of them stays as large as it is. What is kept apart from it, the secrets,
//! grows with every new token: an old one is masked for as long as the run lasts.

use arazzo::{Input, Limits, LoopDelay, ParsedDocuments, Response, Session};
use serde_json::{Value as Json, json};

use crate::documents::Case;

/// Requests in which a loop of two steps comes to be at each of its places.
const ROUND: usize = 10;

/// The size of the largest state that is stored of a loop in the polls that end with each of these.
fn stored_sizes(flow: Json, polls: [usize; 2]) -> [usize; 2] {
    let case = Case { seed: 1, flow };
    let limits = Limits { steps: 10_000, requests: Some(10_000), depth: 8, run_ms: 100_000_000, ..Limits::DEFAULT };
    let builder = case.open(&ParsedDocuments::new()).limits(limits).cookies(true).loop_delay(LoopDelay::Fixed(10));
    let workflow = builder.load_blocking().unwrap().workflow(Some("w0")).unwrap();
    let mut session = workflow.session(case.inputs()).unwrap();
    let (mut now, mut sent, mut sizes) = (0, 0, [0, 0]);
    while sent < polls[1] {
        let turn = session.turn(now);
        assert!(turn.outcome.is_none(), "{:?}", turn.outcome);
        for (largest, last) in sizes.iter_mut().zip(polls) {
            if (last - ROUND..last).contains(&sent) {
                *largest = stored_size(&session).max(*largest);
            }
        }
        for outgoing in turn.sends {
            sent += 1;
            session.apply(now, Input::Reply { call: outgoing.call, result: Ok(answer(sent)) });
        }
        now += 10;
        session.apply(now, Input::Tick);
    }
    sizes
}

fn stored_size(session: &Session) -> usize {
    let (state, _) = session.stored().unwrap();
    serde_json::to_string(&state).unwrap().len()
}

/// An answer with a token and a cookie that are new each time, and of the same length.
fn answer(number: usize) -> Response {
    let token = format!("token-{number:08}");
    let body = json!({ "n": 1, "access_token": token, "token": token, "expires_in": 1 });
    let header = |name: &str, value: String| (name.to_owned(), value);
    let headers = vec![
        header("content-type", "application/json".to_owned()),
        header("set-cookie", format!("session={number:08}")),
    ];
    Response { status: 200, headers, body: body.to_string().into_bytes() }
}

/// A step with outputs, and what else it has.
fn step(name: &str, other: Json) -> Json {
    let mut step = json!({
        "stepId": name, "operationId": "$sourceDescriptions.api.granted",
        "outputs": { "n": "$response.body#/n", "token": "$response.body#/token" },
    });
    for (member, value) in other.as_object().unwrap() {
        step[member] = value.clone();
    }
    step
}

/// Loops of every construction that can go round 500 times, as the steps of `w0` and those of `w1`.
fn loops() -> Vec<(&'static str, Json, Json)> {
    let poll = json!([step("s0", json!({}))]);
    let again = json!([{ "name": "again", "type": "goto", "stepId": "s0" }]);
    let over = |workflow: &str| json!({ "onSuccess": [{ "name": "over", "type": "goto", "workflowId": workflow }] });
    let retry = |other: Json| {
        let mut action = json!({ "name": "again", "type": "retry", "retryAfter": 0.01, "retryLimit": 5_000 });
        action["workflowId"] = other;
        if action["workflowId"].is_null() {
            action.as_object_mut().unwrap().remove("workflowId");
        }
        json!([step(
            "s0",
            json!({ "successCriteria": [{ "condition": "$response.body#/n == 2" }], "onFailure": [action] })
        )])
    };
    let given = json!({
        "operationId": "$sourceDescriptions.api.list", "onSuccess": again,
        "parameters": [{ "name": "Authorization", "in": "header", "value": "Bearer {$steps.s0.outputs.token}" }],
    });
    let call = json!([{
        "stepId": "s0", "workflowId": "w1", "outputs": { "n": "$outputs.n" }, "onSuccess": again,
    }]);
    vec![
        ("goto", json!([step("s0", json!({ "onSuccess": again }))]), poll.clone()),
        ("goto with a secret of an answer", json!([step("s0", json!({})), step("s1", given)]), poll.clone()),
        ("retry", retry(Json::Null), poll.clone()),
        ("retry with a detour", retry(json!("w1")), poll.clone()),
        ("goto between workflows", json!([step("s0", over("w1"))]), json!([step("s0", over("w0"))])),
        ("a workflow that is called", call, poll),
    ]
}

#[test]
fn a_loop_that_goes_on_is_stored_in_the_same_size() {
    for (name, steps, others) in loops() {
        let workflow = |name: &str, steps: Json| json!({ "workflowId": name, "steps": steps, "outputs": { "n": "$steps.s0.outputs.n" } });
        let flow = json!({
            "arazzo": "1.1.0", "info": { "title": "Loop", "version": "1" },
            "sourceDescriptions": [{ "name": "api", "url": "./api.json", "type": "openapi" }],
            "workflows": [workflow("w0", steps), workflow("w1", others)],
        });
        let [early, late] = stored_sizes(flow, [50, 500]);
        // Numbers become longer.
        assert!(
            late < early + early / 20,
            "`11 flat` is broken: {name}: {early} bytes after 50 polls, {late} after 500"
        );
    }
}
