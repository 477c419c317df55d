//! HAR 1.2: all exchanges of a run with their timings. What HAR has no place for stands in keys that begin with
//! `_arazzo`, which the format leaves to applications.

use arazzo_engine::json;
use arazzo_engine::redact::BodyText;
use arazzo_engine::value::Json;

use super::run_record::{Answer, Attempt, Exchange, KEPT_BYTES, RunRecord};
use super::{ReportContext, ReportKind};

/// The report as it is chosen.
pub(super) const KIND: ReportKind = ReportKind { name: "har", file: "run.har", text: har };

/// The archive of a run.
#[must_use]
pub fn har(run: &RunRecord, _: &ReportContext) -> String {
    let verdict = run.verdict();
    let entries: Vec<Json> = run.exchanges().into_iter().map(|(attempt, exchange)| entry(attempt, exchange)).collect();
    let bodies = run.exchanges().into_iter().flat_map(|(_, exchange)| exchange.bodies());
    let limit = bodies.filter_map(|body| body.kept.as_ref()).map(|kept| kept.limit).max();
    let mut comment = "values of secrets are replaced by their names: ‹name›".to_owned();
    if let Some(limit) = limit {
        comment += &format!("; of a body, {limit} bytes are kept at most, of all bodies {KEPT_BYTES}");
    }
    let archive = json!({
        "log": {
            "version": "1.2",
            "creator": { "name": "arazzo", "version": env!("CARGO_PKG_VERSION") },
            "comment": comment,
            "entries": entries,
            "_arazzo": {
                "document": run.document,
                "workflow": run.workflow,
                "run": run.run,
                "status": verdict.word(),
                "exit": verdict.exit,
                "durationMs": verdict.duration_ms,
            },
        }
    });
    super::pretty(&archive)
}

fn entry(attempt: &Attempt, exchange: &Exchange) -> Json {
    let wait = exchange.duration_ms().unwrap_or(0);
    let mut failure = Json::Null;
    let mut response = json!({
        // What archives show for a request without an answer.
        "status": 0,
        "statusText": "",
        "httpVersion": "unknown",
        "cookies": [],
        "headers": [],
        "content": { "size": 0, "mimeType": "x-unknown" },
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    });
    match &exchange.answer {
        Answer::Received { status, headers: received, body, .. } => {
            let location = received.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"));
            let size = body.as_ref().map_or(0, |body| body.bytes);
            let media_type = body.as_ref().map_or("", |body| body.media_type.as_str());
            let mut content =
                json!({ "size": size, "mimeType": if media_type.is_empty() { "x-unknown" } else { media_type } });
            if let Some(body) = body {
                write_body(&mut content, body);
            }
            response = json!({
                "status": status,
                "statusText": reason(*status),
                "httpVersion": "unknown",
                "cookies": [],
                "headers": headers(received),
                "content": content,
                "redirectURL": location.map_or("", |(_, url)| url.as_str()),
                "headersSize": -1,
                "bodySize": size,
            });
        }
        Answer::Lost { failure: kind, message, in_doubt, .. } => {
            failure = json!({ "kind": kind, "message": message, "inDoubt": in_doubt });
        }
        // A message has no answer.
        Answer::Message { .. } => {}
        Answer::None => {
            failure =
                json!({ "kind": "unfinished", "message": "the run ended before an answer came", "inDoubt": true });
        }
    }
    json!({
        "startedDateTime": exchange.time,
        "time": wait,
        "request": request(exchange),
        "response": response,
        "cache": {},
        // Only the whole time is known: it stands where most of it is spent.
        "timings": { "blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": wait, "receive": 0 },
        "_arazzo": {
            "workflow": attempt.workflow,
            "frame": attempt.frame,
            "step": attempt.step,
            "visit": attempt.visit,
            "attempt": attempt.attempt,
            "call": exchange.call,
            "because": exchange.because,
            "startedMs": exchange.sent_ms,
            "failure": failure,
        },
    })
}

fn request(exchange: &Exchange) -> Json {
    let query: Vec<Json> = query(&exchange.url).map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut request = json!({
        "method": exchange.method,
        "url": exchange.url,
        "httpVersion": "unknown",
        "cookies": [],
        "headers": headers(&exchange.headers),
        "queryString": query,
        "headersSize": -1,
        "bodySize": exchange.body.as_ref().map_or(0, |body| body.bytes),
    });
    if let (Some(body), Some(request)) = (&exchange.body, request.as_object_mut()) {
        let mut data = json!({ "mimeType": body.media_type, "params": [] });
        write_body(&mut data, body);
        request.insert("postData".to_owned(), data);
    }
    request
}

/// Writes the text of a body, or its bytes in base64, and says if that is not all of it.
fn write_body(target: &mut Json, body: &BodyText) {
    let Some(members) = target.as_object_mut() else { return };
    let Some(kept) = &body.kept else {
        members.insert("text".to_owned(), body.text.as_str().into());
        if body.cut {
            let what = if body.text.is_empty() { "bytes that are not text" } else { "the beginning only" };
            members.insert("comment".to_owned(), what.into());
        }
        return;
    };
    members.insert("text".to_owned(), kept.text.as_str().into());
    if kept.base64 {
        members.insert("encoding".to_owned(), "base64".into());
    }
    if kept.cut {
        members.insert("comment".to_owned(), format!("the first {} of {} bytes", kept.limit, body.bytes).into());
    }
}

fn headers(headers: &[(String, String)]) -> Vec<Json> {
    headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// The pairs of a query, as they stand in the url.
fn query(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The reason phrase of a status, of those that are usual.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
