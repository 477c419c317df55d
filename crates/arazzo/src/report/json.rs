//! JSON: the last event of a run and a record for every step, for programs.

use arazzo_engine::event::{Saw, StepStatus};
use arazzo_engine::json;
use arazzo_engine::source::Place;
use arazzo_engine::value::Json;

use super::run_record::{Answer, Attempt, Criterion, Exchange, Gap, RunRecord, Step};
use super::{ReportContext, ReportKind};

/// The report as it is chosen.
pub(super) const KIND: ReportKind = ReportKind { name: "json", file: "report.json", text: json };

/// `v`; a breaking change raises it.
const VERSION: u32 = 1;

/// The last event of a run and a record for every step, as JSON for programs.
#[must_use]
pub fn json(run: &RunRecord, _: &ReportContext) -> String {
    let steps: Vec<Json> = run.steps().iter().map(step).collect();
    let warnings: Vec<Json> = run
        .notes
        .iter()
        .map(|note| json!({ "code": note.code, "message": note.message, "help": note.help, "place": note.place }))
        .collect();
    let workflows: Vec<Json> = run
        .frames
        .iter()
        .map(|frame| {
            json!({
                "frame": frame.frame,
                "workflow": frame.workflow,
                "parent": frame.parent,
                "because": frame.because,
                "startedMs": frame.started_ms,
            })
        })
        .collect();
    let mut object = json!({
        "v": VERSION,
        "document": run.document,
        "title": run.title,
        "workflow": run.workflow,
        "run": run.run,
        "started": run.started,
        "inputs": run.inputs,
        "status": run.verdict().word(),
        "finished": run.end,
        "leftBehind": changes_left(run),
        "workflows": workflows,
        "steps": steps,
        "warnings": warnings,
    });
    if let (Json::Object(members), false) = (&mut object, run.gaps().is_empty()) {
        let gap = |gap: &Gap| json!({ "events": gap.count, "fromMs": gap.from_ms, "toMs": gap.to_ms });
        members.insert("gaps".to_owned(), run.gaps().iter().map(gap).collect());
    }
    super::pretty(&object)
}

/// The changes that a run that did not succeed has made, or may have made, as JSON for programs.
#[must_use]
pub fn changes_left(run: &RunRecord) -> Json {
    let verdict = run.verdict();
    let changes = run.report.changes().map(|change| {
        json!({
            "step": change.step,
            "method": change.call.method,
            "url": change.call.url,
            "status": change.call.status,
            "inDoubt": change.call.in_doubt,
            "outputs": Json::Object(change.outputs.clone().into()),
        })
    });
    changes.filter(|_| !verdict.good()).collect::<Vec<_>>().into()
}

fn step(step: &Step<'_>) -> Json {
    let last = step.attempts.last();
    let finished = last.and_then(|last| last.finished.as_ref());
    json!({
        "workflow": step.workflow,
        "step": step.step,
        "status": if step.attempts.is_empty() { "skipped" } else { status(step.status()) },
        "visits": step.visits(),
        "durationMs": step.duration_ms(),
        "outputs": finished.map(|finished| &finished.outputs),
        "why": finished.and_then(|finished| finished.why.as_ref()),
        "place": last.and_then(|last| last.place.as_ref()),
        "attempts": step.attempts.iter().map(|known| attempt(known)).collect::<Vec<_>>(),
    })
}

fn attempt(attempt: &Attempt) -> Json {
    json!({
        "visit": attempt.visit,
        "attempt": attempt.attempt,
        "frame": attempt.frame,
        "operation": attempt.operation,
        "calls": attempt.calls,
        "startedMs": attempt.started_ms,
        "durationMs": attempt.end_ms().saturating_sub(attempt.started_ms),
        "status": status(attempt.status()),
        "again": attempt.finished.as_ref().map(|finished| finished.again),
        "absent": attempt.absent.iter().map(|(expression, target)| json!({ "expression": expression, "target": target })).collect::<Vec<_>>(),
        "requests": attempt.exchanges.iter().map(exchange).collect::<Vec<_>>(),
        "criteria": attempt.criteria.iter().map(criterion).collect::<Vec<_>>(),
        "action": attempt.action.as_ref().map(|action| {
            json!({ "name": action.name, "kind": action.kind, "target": action.target, "on": action.on })
        }),
        "wait": attempt.wait.as_ref().map(|(ms, because)| json!({ "ms": ms, "because": because })),
    })
}

/// Without headers and bodies: the archive (HAR) has those.
fn exchange(exchange: &Exchange) -> Json {
    let (status, failure) = match &exchange.answer {
        Answer::None | Answer::Message { .. } => (None, Json::Null),
        Answer::Received { status, .. } => (Some(*status), Json::Null),
        Answer::Lost { failure, message, in_doubt, .. } => {
            (None, json!({ "kind": failure, "message": message, "inDoubt": in_doubt }))
        }
    };
    json!({
        "call": exchange.call,
        "because": exchange.because,
        "method": exchange.method,
        "url": exchange.url,
        "startedMs": exchange.sent_ms,
        "durationMs": exchange.duration_ms(),
        "status": status,
        "failure": failure,
    })
}

fn criterion(criterion: &Criterion) -> Json {
    let Criterion { of, condition, context, met, saw, problem, place } = criterion;
    let (saw, place): (&Vec<Saw>, &Option<Place>) = (saw, place);
    json!({ "of": of, "condition": condition, "context": context, "met": met, "saw": saw, "problem": problem, "place": place })
}

fn status(status: Option<StepStatus>) -> &'static str {
    status.map_or("unfinished", StepStatus::word)
}
