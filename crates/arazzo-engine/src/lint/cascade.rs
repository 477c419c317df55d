//! What follows from another fault is not said: one mistake, one report.

use super::{Lint, contains};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::node::Node;
use crate::source::Span;

/// Faults in the structure of what stands in a span.
const STRUCTURE: [&str; 6] =
    ["missing-field", "unknown-field", "wrong-type", "unknown-value", "several-targets", "duplicate-parameter"];

/// What is said about values that are otherwise good.
const LOOKS_INTO: [&str; 5] = ["value-mismatch", "unknown-member", "no-body", "never-met", "status-as-text"];

/// Leaves out what is a consequence of something else that is said.
pub(super) fn without_consequences(lint: &Lint<'_>, mut found: Vec<Diagnostic>) -> Diagnostics {
    // Most documents have none of the faults that others follow from.
    let causes = found.iter().any(|d| {
        d.code == "undeclared-content-type" || d.severity == Severity::Error && STRUCTURE.contains(&d.code.as_ref())
    });
    for view in lint.steps.iter().filter(|_| causes) {
        let Some(node) = view.node else { continue };
        let part = |name: &str| node.get(name).map(|part| part.span);
        // A parameter that was left out for a fault is not missing.
        let id = view.document.id.span();
        for item in node.get("parameters").map(Node::items).unwrap_or_default() {
            if !has_error(&found, item.span, &STRUCTURE) {
                continue;
            }
            let name = item.get("name").and_then(Node::as_str).map(|name| format!("`{name}`"));
            let missing = |d: &Diagnostic| {
                let parameter = d.help.as_ref().is_some_and(|help| help.starts_with("add a parameter"));
                d.code == "missing-required-parameter" && d.span == Some(id) && parameter
            };
            let own = |d: &Diagnostic| name.as_ref().is_none_or(|name| d.message.contains(name));
            found.retain(|d| !missing(d) || !own(d));
        }
        // A body of another type is not looked into.
        if let Some(body) = part("requestBody")
            && let Some(cause) = found.iter_mut().find(|d| d.code == "undeclared-content-type" && inside(d, body))
        {
            let cause_span = cause.span;
            let consequences =
                found.iter().any(|d| d.code == "payload-syntax" && d.severity == Severity::Error && inside(d, body));
            if consequences {
                found.retain(|d| d.code != "payload-syntax" || !inside(d, body));
                if let Some(cause) = found.iter_mut().find(|d| d.span == cause_span) {
                    cause.severity = Severity::Error;
                }
            }
        }
    }
    lost_steps(lint, &mut found);
    cycles(&mut found);
    // What cannot be read is not read in another way.
    let syntax: Vec<Span> = found
        .iter()
        .filter(|d| d.severity == Severity::Error && d.code.ends_with("-syntax"))
        .filter_map(|d| d.span)
        .collect();
    found.retain(|d| {
        let near = |span: &Span| d.span.is_some_and(|own| own != *span && overlaps(own, *span));
        d.severity == Severity::Error || !syntax.iter().any(near)
    });
    let never: Vec<Span> = found.iter().filter(|d| d.code == "never-met").filter_map(|d| d.span).collect();
    found.retain(|d| d.code != "undocumented-status" || !never.iter().any(|span| d.span == Some(*span)));
    // A value that is refused where it stands is not looked into.
    let refused: Vec<Span> = found.iter().filter(|d| d.severity == Severity::Error).filter_map(|d| d.span).collect();
    let warned: Vec<Span> = found.iter().filter(|d| d.severity == Severity::Warning).filter_map(|d| d.span).collect();
    found.retain(|d| match d.severity {
        Severity::Error => true,
        Severity::Warning => {
            !LOOKS_INTO.contains(&d.code.as_ref())
                || !refused.iter().any(|span| d.span.is_some_and(|own| overlaps(own, *span)))
        }
        Severity::Hint => !warned.iter().chain(&refused).any(|span| d.span == Some(*span)),
    });
    found.into_iter().fold(Diagnostics::default(), |mut all, one| {
        all.push(one);
        all
    })
}

/// Two steps of one id, or one without: the id that is gone is not unknown too, unless another one is near.
fn lost_steps(lint: &Lint<'_>, found: &mut Vec<Diagnostic>) {
    for view in &lint.workflows {
        let Some(steps) = view.node.and_then(|node| node.get("steps")) else { continue };
        let ids: Vec<Span> = steps.items().iter().filter_map(|step| step.get("stepId")).map(|id| id.span).collect();
        let twice = found.iter().any(|d| d.code == "duplicate-name" && d.span.is_some_and(|span| ids.contains(&span)));
        let without = steps.items().iter().any(|step| step.get("stepId").and_then(Node::as_str).is_none());
        if twice || without {
            let whole = view.document.span;
            found.retain(|d| {
                let unknown =
                    d.code == "unknown-step" && d.help.as_ref().is_none_or(|help| !help.starts_with("did you"));
                !unknown || !inside(d, whole)
            });
        }
    }
}

/// Workflows that depend on each other: the first is said, with the way through the others.
fn cycles(found: &mut Vec<Diagnostic>) {
    let mut said: Vec<String> = vec![];
    found.retain(|d| {
        let Some(way) = d.label.as_ref().filter(|_| d.code == "dependency-cycle") else { return true };
        let known = said.iter().any(|way| way.split(", ").any(|name| d.message.contains(&format!("`{name}`"))));
        said.push(way.trim_start_matches("through ").to_owned());
        !known
    });
}

fn has_error(found: &[Diagnostic], part: Span, codes: &[&str]) -> bool {
    found.iter().any(|d| d.severity == Severity::Error && codes.contains(&d.code.as_ref()) && inside(d, part))
}

fn inside(diagnostic: &Diagnostic, part: Span) -> bool {
    diagnostic.span.is_some_and(|span| contains(part, span))
}

fn overlaps(a: Span, b: Span) -> bool {
    a.source == b.source && a.start <= b.end && b.start <= a.end
}
