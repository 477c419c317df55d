//! The end of a run for programs: why it did not succeed with the response and the command that repeats the request, what is
//! left behind, and the whole as one object.

use arazzo_engine::event::EventKind;
use arazzo_engine::json;
use arazzo_engine::reason::Reason;
use arazzo_engine::value::{Json, Map};

use super::json::changes_left;
use super::junit::missing_outputs;
use super::run_record::{Answer, Exchange, RunRecord};
use crate::envelope::Envelope;

/// An event as a line. The last one says more than the run itself knows: what the record of all events has about it.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn line(envelope: &Envelope, record: &RunRecord) -> serde_json::Result<String> {
    let EventKind::RunFinished { .. } = envelope.event.kind else { return serde_json::to_string(envelope) };
    // By its text, which has numbers with all their digits.
    let mut event = Json::read(&serde_json::to_string(envelope)?)?;
    if let Json::Object(members) = &mut event {
        if let Some(why) = why(record) {
            members.insert("why".to_owned(), why);
        }
        members.insert("leftBehind".to_owned(), changes_left(record));
    }
    serde_json::to_string(&event)
}

/// One object of a run that is over, with these outputs: what `arazzo run --json=result` prints.
#[must_use]
pub fn object(record: &RunRecord, outputs: &Map<String, Json>) -> Json {
    let verdict = record.verdict();
    let counts = match record.end.as_ref().map(|end| &end.event.kind) {
        Some(EventKind::RunFinished { steps, visits, requests, waited_ms, .. }) => {
            (*steps, *visits, *requests, *waited_ms)
        }
        _ => (0, 0, 0, 0),
    };
    json!({
        "v": 1,
        "type": "result",
        "run": record.run,
        "document": record.document,
        "workflow": record.workflow,
        "status": verdict.word(),
        "exit": verdict.exit,
        "durationMs": verdict.duration_ms,
        "steps": counts.0,
        "visits": counts.1,
        "requests": counts.2,
        "waitedMs": counts.3,
        "outputs": Json::Object(outputs.clone().into()),
        "missing": verdict.missing,
        "endedBy": verdict.ended_by,
        "why": why(record),
        "leftBehind": changes_left(record),
        "warnings": record.notes.iter().map(|note| json!({ "code": note.code, "message": note.message, "help": note.help, "place": note.place })).collect::<Vec<_>>(),
    })
}

/// Why a run did not succeed, with the response of the request that it failed at.
#[must_use]
pub fn why(record: &RunRecord) -> Option<Json> {
    let verdict = record.verdict();
    // It came to its end, and is not what was asked for.
    if let (None, Some(1)) = (verdict.why, verdict.exit) {
        return Some(json!({ "code": Reason::MissingOutputs.word(), "message": missing_outputs(record) }));
    }
    let why = serde_json::to_value(verdict.why?).ok()?;
    let mut why = Json::from(why);
    if let (Json::Object(members), Some(exchange)) = (&mut why, record.failing_exchange()) {
        members.insert("request".to_owned(), json!({ "method": exchange.method, "url": exchange.url }));
        members.insert("response".to_owned(), json!(response(exchange)));
        members.insert("reproduce".to_owned(), json!(exchange.curl()));
    }
    Some(why)
}

fn response(exchange: &Exchange) -> Option<Json> {
    let Answer::Received { status, headers, body, .. } = &exchange.answer else { return None };
    let body = body.as_ref().and_then(|body| serde_json::to_value(body).ok()).map(Json::from);
    Some(json!({ "status": status, "headers": headers, "body": body }))
}
