//! What a case expects, against what came of its run.

use arazzo::report::{Exchange, RunRecord};
use arazzo::values::{Json, Map};

use crate::cases::{Expect, Sent, differences};

/// Adds the differences between what is expected and what came of a run.
pub(super) fn compare(expect: &Expect, outputs: &Map<String, Json>, run: &RunRecord, found: &mut Vec<String>) {
    let verdict = run.verdict();
    let (Some(status), Some(code)) = (verdict.status, verdict.exit) else {
        return found.push("the run has no end".to_owned());
    };
    let why = verdict.why;
    let mut same = |what: &str, expected: Option<String>, is: String| {
        if let Some(expected) = expected.filter(|expected| *expected != is) {
            found.push(format!("{what}: expected {expected}, is {is}"));
        }
    };
    same("outcome", expect.outcome.clone(), status.to_string());
    same("exit", expect.exit.map(|exit| exit.to_string()), code.to_string());
    same("why", expect.why.clone(), why.map_or("nothing".to_owned(), |why| why.code.word().to_owned()));
    let step = why.and_then(|why| why.step.clone()).unwrap_or_else(|| "no step".to_owned());
    same("failing step", expect.step.clone(), step);
    if !expect.says_how_it_ends() {
        same("exit", Some("0".to_owned()), code.to_string());
    }
    let path: Vec<&str> = run.attempts.iter().map(|attempt| attempt.step.as_str()).collect();
    same("path", expect.path.as_deref().map(|steps| steps.join(" -> ")), path.join(" -> "));
    let outputs = Json::Object(outputs.clone().into());
    for (expected, exact) in [(&expect.outputs, false), (&expect.exact, true)] {
        if let Some(expected) = expected {
            let mut lines = vec![];
            differences("", expected, Some(&outputs), exact, &mut lines);
            found.extend(lines.into_iter().map(|line| format!("outputs {line}")));
        }
    }
    let sent: Vec<(&str, &Exchange)> =
        run.exchanges().into_iter().map(|(attempt, exchange)| (attempt.step.as_str(), exchange)).collect();
    let mut rest = sent.as_slice();
    for (number, wanted) in expect.requests.iter().enumerate() {
        let fits = |(step, request): &(&str, &Exchange)| unlike(wanted, step, request).is_empty();
        match rest.iter().position(fits) {
            Some(at) => rest = rest.get(at + 1..).unwrap_or_default(),
            None => {
                let number = number + 1;
                // The one that was probably meant says most.
                let nearest = rest.iter().min_by_key(|(step, request)| unlike(wanted, step, request).len());
                let reasons = nearest.map_or("none is left".to_owned(), |(step, request)| {
                    format!(
                        "the nearest, {} {}, has {}",
                        request.method,
                        request.url,
                        unlike(wanted, step, request).join("; ")
                    )
                });
                found.push(format!("request {number} was not sent: {reasons}"));
                return;
            }
        }
    }
}

/// The difference between a request and the one that is wanted.
fn unlike(wanted: &Sent, of: &str, request: &Exchange) -> Vec<String> {
    let mut found = vec![];
    if let Some(step) = wanted.step.as_ref().filter(|step| *step != of) {
        found.push(format!("step {of} for {step}"));
    }
    if let Some(method) = wanted.method.as_ref().filter(|method| !method.eq_ignore_ascii_case(&request.method)) {
        found.push(format!("method {} for {method}", request.method));
    }
    if let Some(url) = wanted.url.as_ref().filter(|url| !request.url.ends_with(url.as_str())) {
        found.push(format!("another end than {url}"));
    }
    for (name, value) in &wanted.headers {
        let is = request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let is = is.map(|(_, value)| Json::String(value.clone()));
        differences(&format!("header {name}"), value, is.as_ref(), false, &mut found);
    }
    if let Some(body) = &wanted.body {
        let text = request.body.as_ref().map_or("", |body| body.text.as_str());
        let is: Json = Json::parse(text).unwrap_or_else(|| Json::String(text.to_owned()));
        differences("body ", body, Some(&is), false, &mut found);
    }
    found
}
