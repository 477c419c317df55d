//! What follows from another fault is not said: one mistake, one report.

use super::{Lint, StepView};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Help, More, Owner, Severity, Subject};
use crate::node::{Kind, Node};
use crate::source::Span;

/// Faults in the structure of what stands in a span.
const STRUCTURE: [Code; 6] = [
    Code::MissingField,
    Code::UnknownField,
    Code::WrongType,
    Code::UnknownValue,
    Code::SeveralTargets,
    Code::DuplicateParameter,
];

/// Names that lead nowhere.
const NAMES: [Code; 5] = [
    Code::UnknownComponent,
    Code::BrokenReference,
    Code::UnknownWorkflow,
    Code::UnknownSource,
    Code::WrongKindOfSource,
];

/// What is said about values that are otherwise good.
const LOOKS_INTO: [Code; 5] =
    [Code::ValueMismatch, Code::UnknownMember, Code::NoBody, Code::NeverMet, Code::StatusAsText];

/// Leaves out what is a consequence of something else that is said.
pub(super) fn without_consequences(lint: &Lint<'_>, mut found: Vec<Diagnostic>) -> Diagnostics {
    // What was known to follow when it was found.
    found.retain(|d| d.cause.is_none());
    // Most documents have none of the faults that others follow from.
    let causes = found.iter().any(|d| {
        let cause = matches!(d.code, Code::UndeclaredContentType | Code::UnknownField);
        let left_out = STRUCTURE.contains(&d.code) || NAMES.contains(&d.code);
        cause || d.severity == Severity::Error && left_out
    });
    if causes {
        misnamed(lint, &mut found);
    }
    let unread = lint.bundle.described.iter().any(|described| described.root.is_none());
    for view in lint.steps.iter().filter(|_| causes || unread) {
        without_consequences_in_step(lint, view, &mut found);
    }
    mistaken_parameters(lint, &mut found);
    mistaken_inputs(lint, &mut found);
    doubled(lint, &mut found);
    lost_steps(lint, &mut found);
    cycles(&mut found);
    conditions_of_actions(lint, &mut found);
    unread_criteria(lint, &mut found);
    without_overlapped(&mut found);
    found.into_iter().fold(Diagnostics::default(), |mut all, one| {
        all.push(one);
        all
    })
}

/// Leaves out what follows from faults in a step, of its parameters, of what it calls, of its body.
fn without_consequences_in_step(lint: &Lint<'_>, view: &StepView<'_>, found: &mut Vec<Diagnostic>) {
    let Some(node) = view.node else { return };
    let part = |name: &str| node.get(name).map(|part| part.span);
    // A parameter that was left out for a fault is not missing.
    let id = view.document.id.span();
    let parameters = node.get("parameters");
    let whole = parameters.filter(|list| !matches!(list.kind, Kind::Array(_)));
    for item in parameters.map(Node::items).unwrap_or_default().iter().chain(whole) {
        if !has_error(found, item.span, &STRUCTURE) && !has_error(found, item.span, &NAMES) {
            continue;
        }
        let named = item.get("name").and_then(Node::as_str);
        let own = |name: &str| named.is_none_or(|named| named == name);
        found.retain(|d| !missing_parameter(d, id).is_some_and(|(_, name)| own(name)));
    }
    // What is called is not known: neither is what it takes and returns.
    lost_parts(view, node, found);
    let named = node.get("workflowId").and_then(Node::as_str).unwrap_or_default();
    let wrong = named.starts_with("$sourceDescriptions.") && found.iter().any(|d| d.code == Code::WrongKindOfSource);
    let lost = wrong || in_unread_source(lint, node, named);
    if let Some(target) = part("workflowId")
        && (lost || has_error(found, target, &NAMES))
    {
        let step = &view.document.id.value;
        found.retain(|d| {
            let of_workflow = match owner(d) {
                Some(Owner::Called) => inside(d, node.span),
                Some(Owner::Step(name)) => name == step,
                Some(Owner::Workflow(_)) | None => false,
            };
            !of_workflow
        });
    }
    // Where it is not known what is called, parameters need no place.
    let nothing = |d: &Diagnostic| d.code == Code::MissingField && d.span == Some(id);
    if let Some(list) = parameters.filter(|_| found.iter().any(nothing)) {
        let unplaced = |d: &Diagnostic| d.code == Code::MissingField && d.subject == Some(Subject::Field("in"));
        found.retain(|d| !unplaced(d) || !inside(d, list.span));
    }
    // A body of another type is not looked into.
    if let Some(body) = part("requestBody")
        && let Some(cause) = found.iter_mut().find(|d| d.code == Code::UndeclaredContentType && inside(d, body))
    {
        let cause_span = cause.span;
        let follows = |d: &Diagnostic| matches!(d.code, Code::PayloadSyntax | Code::XmlObject) && inside(d, body);
        let refused = found.iter().any(|d| d.severity == Severity::Error && follows(d));
        found.retain(|d| !follows(d));
        if let Some(cause) = found.iter_mut().find(|d| refused && d.span == cause_span) {
            cause.severity = Severity::Error;
        }
    }
}

/// Leaves out that a body is missing which stands among the parameters, and what is read of outputs that are no map.
fn lost_parts(view: &StepView<'_>, node: &Node, found: &mut Vec<Diagnostic>) {
    let (id, parameters) = (view.document.id.span(), node.get("parameters"));
    let in_body = |item: &Node| matches!(item.get("in").and_then(Node::as_str), Some("body" | "formData" | "form"));
    if parameters.map(Node::items).unwrap_or_default().iter().any(in_body) {
        let lost = |d: &Diagnostic| d.code == Code::MissingRequiredParameter && d.span == Some(id);
        found.retain(|d| !(lost(d) && d.subject == Some(Subject::Body)));
    }
    if let Some(outputs) = node.get("outputs").map(|outputs| outputs.span)
        && found.iter().any(|d| d.code == Code::WrongType && d.span == Some(outputs))
    {
        let own = Owner::Step(view.document.id.value.clone());
        found.retain(|d| owner(d) != Some(&own));
    }
}

/// The condition of an action that cannot be read says where it has to stand too.
fn conditions_of_actions(lint: &Lint<'_>, found: &mut Vec<Diagnostic>) {
    let refused: Vec<Span> = found.iter().filter(|d| d.severity == Severity::Error).filter_map(|d| d.span).collect();
    found.retain(|d| {
        let Some(key) = d.span.filter(|_| d.code == Code::ActionCondition) else { return true };
        !refused.iter().any(|span| {
            let between = Span::new(key.source, key.end as usize..(span.start as usize).max(key.end as usize));
            let between = lint.bundle.sources.text(between);
            span.source == key.source && span.start >= key.end && !between.contains(['\n', ',', '}'])
        })
    });
}

/// Where a criterion of a step cannot be read, it is not known which actions can match; where `steps` are none, no step is
/// unknown.
fn unread_criteria(lint: &Lint<'_>, found: &mut Vec<Diagnostic>) {
    let flow = [Code::NeverMet, Code::ShadowedAction, Code::ConstantCondition];
    if found.iter().any(|d| flow.contains(&d.code)) {
        for node in lint.steps.iter().filter_map(|view| view.node) {
            let criteria = node.get("successCriteria").map(|list| list.span);
            let refused =
                |d: &Diagnostic| d.severity == Severity::Error && criteria.is_some_and(|criteria| inside(d, criteria));
            if found.iter().any(refused) {
                let actions = [node.get("onSuccess"), node.get("onFailure")].into_iter().flatten();
                let actions: Vec<Span> = actions.map(|list| list.span).collect();
                found.retain(|d| !flow.contains(&d.code) || !actions.iter().any(|list| inside(d, *list)));
            }
        }
    }
    for view in &lint.workflows {
        let Some(steps) = view.node.and_then(|node| node.get("steps")) else { continue };
        if found.iter().any(|d| d.code == Code::WrongType && d.span == Some(steps.span)) {
            found.retain(|d| d.code != Code::UnknownStep || !inside(d, view.document.span));
        }
    }
}

/// Leaves out what stands where something worse is said.
fn without_overlapped(found: &mut Vec<Diagnostic>) {
    // What cannot be read is not read in another way.
    let syntax: Vec<Span> =
        found.iter().filter(|d| d.severity == Severity::Error && d.code.is_syntax()).filter_map(|d| d.span).collect();
    found.retain(|d| {
        let near = |span: &Span| d.span.is_some_and(|own| own != *span && overlaps(own, *span));
        d.severity == Severity::Error || !syntax.iter().any(near)
    });
    let never: Vec<Span> = found.iter().filter(|d| d.code == Code::NeverMet).filter_map(|d| d.span).collect();
    // What is no value is not compared, whatever the text in its place could be.
    let foreign: Vec<Span> =
        found.iter().filter(|d| d.code == Code::ForeignPlaceholder).filter_map(|d| d.span).collect();
    found.retain(|d| {
        let near = |span: &Span| d.span.is_some_and(|own| overlaps(own, *span));
        !matches!(d.code, Code::NeverMet | Code::LiteralSecret | Code::ConstantCondition) || !foreign.iter().any(near)
    });
    // What is refused is not also sent as a text.
    let roots: Vec<Span> = found.iter().filter(|d| d.code == Code::UnknownRoot).filter_map(|d| d.span).collect();
    found.retain(|d| {
        let near = |span: &Span| d.span.is_some_and(|own| overlaps(own, *span));
        d.code != Code::ForeignPlaceholder || !roots.iter().any(near)
    });
    found.retain(|d| d.code != Code::UndocumentedStatus || !never.iter().any(|span| d.span == Some(*span)));
    // Of a way that leads nowhere, how it is written does not matter.
    let nowhere: Vec<Span> = found.iter().filter(|d| d.code == Code::UnknownMember).filter_map(|d| d.span).collect();
    found.retain(|d| {
        let dotted = matches!(d.code, Code::DottedOutput | Code::DottedBody) && d.severity == Severity::Warning;
        !dotted || !nowhere.iter().any(|span| d.span == Some(*span))
    });
    // A value that is refused where it stands is not looked into.
    let refused: Vec<Span> = found.iter().filter(|d| d.severity == Severity::Error).filter_map(|d| d.span).collect();
    let warned: Vec<Span> = found.iter().filter(|d| d.severity == Severity::Warning).filter_map(|d| d.span).collect();
    found.retain(|d| match d.severity {
        Severity::Error => true,
        Severity::Warning => {
            !LOOKS_INTO.contains(&d.code) || !refused.iter().any(|span| d.span.is_some_and(|own| overlaps(own, *span)))
        }
        Severity::Hint => !warned.iter().chain(&refused).any(|span| d.span == Some(*span)),
    });
}

/// The key `outputs` that stands too deep in a step, in an object that has no such field.
fn sunk_outputs(lint: &Lint<'_>, view: &StepView<'_>, found: &[Diagnostic]) -> Option<Span> {
    let node = view.node?;
    let is_key = |span: &Span| lint.bundle.sources.text(*span).trim_matches(['\'', '"']) == "outputs";
    let is_lost = |d: &&Diagnostic| d.code == Code::UnknownField && d.severity == Severity::Error;
    let unknown = found.iter().filter(is_lost).filter(|d| inside(d, node.span));
    unknown.filter_map(|d| d.span).find(is_key)
}

/// A field that is misspelt is not read: what it holds is not unknown elsewhere, or missing.
fn misnamed(lint: &Lint<'_>, found: &mut Vec<Diagnostic>) {
    let fields: Vec<(Span, String)> = found
        .iter()
        .filter(|d| d.code == Code::UnknownField)
        .filter_map(|d| Some((d.span?, d.suggestion()?.name.clone())))
        .collect();
    let key = |node: Option<&Node>, field: &str| {
        let keys = node.map(Node::members).unwrap_or_default().iter().map(|(key, _)| key.span);
        keys.into_iter().find(|span| fields.iter().any(|(said, meant)| said == span && meant == field))
    };
    let root = lint.bundle.documents.first().map(|loaded| loaded.document.root.as_ref());
    if let Some(cause) = key(root, "components") {
        let pointer = |d: &Diagnostic| match &d.subject {
            Some(Subject::Reference(text)) => d.code == Code::BrokenReference && text.starts_with("#/components/"),
            _ => false,
        };
        leave_out(found, cause, |d| d.code == Code::UnknownComponent || pointer(d));
    }
    if let Some(cause) = key(root, "sourceDescriptions") {
        let names = [Code::UnknownSource, Code::UnknownOperationId, Code::UnknownOperationPath];
        leave_out(found, cause, |d| names.contains(&d.code));
    }
    for view in &lint.workflows {
        let whole = view.document.span;
        if let Some(cause) = key(view.node, "inputs") {
            leave_out(found, cause, |d| d.code == Code::UnknownInput && inside(d, whole));
        }
        let own = Owner::Workflow(view.document.id.value.clone());
        if let Some(cause) = key(view.node, "outputs") {
            leave_out(found, cause, |d| owner(d) == Some(&own));
        }
        if let Some(cause) = key(view.node, "steps") {
            leave_out(found, cause, |d| d.code == Code::UnknownStep && inside(d, whole));
        }
        let steps = view.node.and_then(|node| node.get("steps")).map(Node::items).unwrap_or_default();
        let mut lists = steps.iter().flat_map(|step| [key(Some(step), "onSuccess"), key(Some(step), "onFailure")]);
        if let Some(cause) = lists.find_map(|cause| cause) {
            let flow = [Code::UnreachableStep, Code::EndWithMissingOutputs, Code::UnreachableReference];
            leave_out(found, cause, |d| flow.contains(&d.code) && inside(d, whole));
        }
    }
    for view in &lint.steps {
        let id = view.document.id.span();
        let own = Owner::Step(view.document.id.value.clone());
        if let Some(cause) = key(view.node, "outputs").or_else(|| sunk_outputs(lint, view, found)) {
            leave_out(found, cause, |d| owner(d) == Some(&own));
        }
        let parameters = view.node.and_then(|node| node.get("parameters")).map(Node::items).unwrap_or_default();
        let referred = parameters.iter().any(|item| item.get("reference").is_some());
        let shared = key(root, "components").filter(|_| referred);
        if let Some(cause) = key(view.node, "parameters").or(shared) {
            leave_out(found, cause, |d| missing_parameter(d, id).is_some());
        }
        if let Some(cause) = key(view.node, "requestBody") {
            let missing = |d: &Diagnostic| d.code == Code::MissingRequiredParameter && d.span == Some(id);
            leave_out(found, cause, |d| missing(d) && d.subject == Some(Subject::Body));
        }
        let body = view.node.and_then(|node| node.get("requestBody"));
        if let Some((body, cause)) = body.and_then(|body| Some((body, key(Some(body), "payload")?))) {
            leave_out(found, cause, |d| d.code == Code::PayloadSyntax && d.span == Some(body.span));
        }
    }
}

/// Leaves out what follows from a fault, which becomes an error where one of those was.
fn leave_out(found: &mut Vec<Diagnostic>, cause: Span, follows: impl Fn(&Diagnostic) -> bool) {
    let error = found.iter().any(|d| d.severity == Severity::Error && follows(d));
    found.retain(|d| !follows(d));
    if error {
        let causes = found.iter_mut().filter(|d| d.code == Code::UnknownField && d.span == Some(cause));
        causes.for_each(|d| d.severity = Severity::Error);
    }
}

/// A parameter that the operation does not have, in a step that lacks one of the same place: that is what it is meant as.
fn mistaken_parameters(lint: &Lint<'_>, found: &mut Vec<Diagnostic>) {
    let strange = [Code::UnknownParameter, Code::UndeclaredParameter];
    if !found.iter().any(|d| strange.contains(&d.code)) {
        return;
    }
    for view in &lint.steps {
        let (Some(node), id) = (view.node, view.document.id.span()) else { continue };
        let items = node.get("parameters").map(Node::items).unwrap_or_default();
        for place in ["path", "query", "header", "cookie"] {
            let own: Vec<Span> = items
                .iter()
                .map(|item| shared_parameter(lint, item).unwrap_or(item))
                .filter(|item| item.get("in").and_then(Node::as_str) == Some(place))
                .filter_map(|item| item.get("name").map(|name| name.span))
                .collect();
            let here = |d: &Diagnostic| d.span.is_some_and(|span| own.contains(&span));
            // Of several, each is meant as the one that its name is near to; of what is left, the only one.
            loop {
                let lacks: Vec<(String, Severity)> = found
                    .iter()
                    .filter_map(|d| {
                        let (location, name) = missing_parameter(d, id)?;
                        (location == place).then(|| (name.to_owned(), d.severity))
                    })
                    .collect();
                let open = |d: &Diagnostic| {
                    let paired =
                        matches!(&d.help, Some(help) if help.suggestion().is_some_and(|s| s.more == More::Required));
                    strange.contains(&d.code) && here(d) && !paired
                };
                let near = |d: &Diagnostic| {
                    let name = d.suggestion().map(|suggestion| &suggestion.name)?;
                    lacks.iter().find(|(lacking, _)| lacking == name)
                };
                let pair = found.iter().enumerate().filter(|(_, d)| open(d)).find_map(|(at, d)| Some((at, near(d)?)));
                let mut others = found.iter().enumerate().filter(|(_, d)| open(d) && d.suggestion().is_none());
                let only = match (others.next(), others.next(), lacks.as_slice()) {
                    (Some((at, _)), None, [only]) => Some((at, only)),
                    _ => None,
                };
                let Some((at, (name, severity))) = pair.or(only) else { break };
                let Some(kept) = found.get_mut(at) else { break };
                if *severity == Severity::Error {
                    kept.severity = Severity::Error;
                }
                kept.help = Some(Help::meant_and(name.as_str(), More::Required));
                found.retain(|d| {
                    !missing_parameter(d, id).is_some_and(|(location, lost)| location == place && lost == name)
                });
            }
        }
    }
}

/// The parameter of `components` that an item refers to.
fn shared_parameter<'l>(lint: &Lint<'l>, item: &Node) -> Option<&'l Node> {
    let name = item.get("reference")?.as_str()?.strip_prefix("$components.parameters.")?;
    let document = lint.bundle.documents.iter().find(|loaded| loaded.document.root.span.source == item.span.source)?;
    document.document.root.get("components")?.get("parameters")?.get(name)
}

/// An input that the called workflow does not have, beside one that it lacks: that is what it is meant as.
fn mistaken_inputs(lint: &Lint<'_>, found: &mut Vec<Diagnostic>) {
    let meant: Vec<(Span, Subject)> = found
        .iter()
        .filter(|d| d.code == Code::UndeclaredParameter)
        .filter_map(|d| {
            let Some(Subject::Input { workflow, .. }) = &d.subject else { return None };
            Some((d.span?, Subject::Input { workflow: workflow.clone(), name: d.suggestion()?.name.clone() }))
        })
        .collect();
    for (span, lacks) in meant {
        let step = lint.steps.iter().filter_map(|view| view.node).find(|node| node.span.contains(span));
        let Some(step) = step else { continue };
        let missing = |d: &Diagnostic| {
            d.code == Code::MissingRequiredParameter && d.subject.as_ref() == Some(&lacks) && inside(d, step.span)
        };
        let Some(at) = found.iter().position(missing) else { continue };
        let lost = found.remove(at);
        let causes = found.iter_mut().filter(|d| d.code == Code::UndeclaredParameter && d.span == Some(span));
        causes.for_each(|d| d.severity = d.severity.max(lost.severity));
    }
}

/// A name that two sources or two workflows have: what is not found among them is most likely one of these.
fn doubled(lint: &Lint<'_>, found: &mut Vec<Diagnostic>) {
    let twice: Vec<Span> = found.iter().filter(|d| d.code == Code::DuplicateName).filter_map(|d| d.span).collect();
    if twice.is_empty() && !found.iter().any(|d| d.code == Code::WrongKindOfSource) {
        return;
    }
    for loaded in &lint.bundle.documents {
        let document = &loaded.document;
        let here = document.root.span;
        if document.source_descriptions.iter().any(|source| twice.contains(&source.name.span())) {
            let codes =
                [Code::UnknownSource, Code::UnknownOperationId, Code::UnknownOperationPath, Code::WrongKindOfSource];
            found.retain(|d| !codes.contains(&d.code) || !inside(d, here));
        }
        if document.workflows.iter().any(|workflow| twice.contains(&workflow.id.span())) {
            let near = |d: &Diagnostic| d.suggestion().is_some();
            found.retain(|d| d.code != Code::UnknownWorkflow || near(d) || !inside(d, here));
        }
    }
    // A type of source that there is not is no wrong one too.
    let unknown: Vec<Span> = found.iter().filter(|d| d.code == Code::UnknownValue).filter_map(|d| d.span).collect();
    found.retain(|d| d.code != Code::WrongKindOfSource || !d.span.is_some_and(|span| unknown.contains(&span)));
}

/// `true` for a name that leads into a source that was not read.
fn in_unread_source(lint: &Lint<'_>, node: &Node, name: &str) -> bool {
    let Some(rest) = name.strip_prefix("$sourceDescriptions.") else { return false };
    lint.bundle.described.iter().any(|described| {
        let named = rest.strip_prefix(described.name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        named && described.root.is_none() && described.span.source == node.span.source
    })
}

/// Place and name of the parameter that the step with this id does not pass, if that is what it says.
fn missing_parameter(d: &Diagnostic, id: Span) -> Option<(&str, &str)> {
    match &d.subject {
        Some(Subject::Parameter { location, name })
            if d.code == Code::MissingRequiredParameter && d.span == Some(id) =>
        {
            Some((location, name))
        }
        _ => None,
    }
}

/// Whose output is read that is not there, if that is what it says.
fn owner(d: &Diagnostic) -> Option<&Owner> {
    match &d.subject {
        Some(Subject::Output { of, .. }) if d.code == Code::UnknownOutput => Some(of),
        _ => None,
    }
}

/// Two steps of one id, or one without: the id that is gone is not unknown too, unless another one is near.
fn lost_steps(lint: &Lint<'_>, found: &mut Vec<Diagnostic>) {
    for view in &lint.workflows {
        let Some(steps) = view.node.and_then(|node| node.get("steps")) else { continue };
        let ids: Vec<Span> = steps.items().iter().filter_map(|step| step.get("stepId")).map(|id| id.span).collect();
        let twice =
            found.iter().any(|d| d.code == Code::DuplicateName && d.span.is_some_and(|span| ids.contains(&span)));
        let doubled: Vec<Owner> = found
            .iter()
            .filter(|d| d.code == Code::DuplicateName && d.span.is_some_and(|span| ids.contains(&span)))
            .filter_map(|d| match &d.subject {
                Some(Subject::Name(name)) => Some(Owner::Step(name.clone())),
                _ => None,
            })
            .collect();
        let without = steps.items().iter().any(|step| step.get("stepId").and_then(Node::as_str).is_none());
        if twice || without {
            let whole = view.document.span;
            found.retain(|d| {
                let unknown = d.code == Code::UnknownStep && d.suggestion().is_none();
                // Outputs of the second one are those of a step that is gone.
                let of_second = twice && owner(d).is_some_and(|owner| doubled.contains(owner));
                !(unknown || of_second) || !inside(d, whole)
            });
        }
    }
}

/// Workflows that depend on each other: the first is said, with the way through the others.
fn cycles(found: &mut Vec<Diagnostic>) {
    let mut said: Vec<String> = vec![];
    found.retain(|d| {
        let Some(Subject::Circle { workflow, through }) = &d.subject else { return true };
        let known = said.contains(workflow);
        said.extend(through.iter().cloned());
        !known
    });
}

fn has_error(found: &[Diagnostic], part: Span, codes: &[Code]) -> bool {
    found.iter().any(|d| d.severity == Severity::Error && codes.contains(&d.code) && inside(d, part))
}

fn inside(diagnostic: &Diagnostic, part: Span) -> bool {
    diagnostic.span.is_some_and(|span| part.contains(span))
}

fn overlaps(a: Span, b: Span) -> bool {
    a.source == b.source && a.start <= b.end && b.start <= a.end
}
