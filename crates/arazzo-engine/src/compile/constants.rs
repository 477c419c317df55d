//! Constants that are passed to workflows, against the inputs that those take: what would be refused there, after requests
//! were sent, is said before the first one.

use crate::value::{Json, Map};

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help};
use crate::expr::{Piece, Template};
use crate::inputs::typed;
use crate::json_schema::checking::plain;
use crate::json_schema::is_of;
use crate::node::scalar_of;
use crate::program::{Action, Build, Call, Passed, PassedValue, Program, Target, Then, Workflow, WorkflowId};
use crate::readings::Readings;
use crate::source::Span;

/// Keywords whose schemas a value need not fit.
const UNCERTAIN: [&str; 8] =
    ["anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "unevaluatedProperties"];

/// Converts texts to the types of the inputs that they are passed for (docs/readings.md, `input-as-text`), and finds
/// constants that those inputs do not accept.
pub(super) fn check(program: &mut Program, readings: Readings) -> Vec<(WorkflowId, Diagnostic)> {
    let mut found = vec![];
    let sources = program.sources.clone();
    let workflows = &program.workflows;
    for step in &mut program.steps {
        let id = step.workflow;
        let called = match &mut step.call {
            Call::Workflow { workflow, passed, .. } => Some((*workflow, passed)),
            Call::Operation { .. } | Call::Send(_) | Call::Receive(_) => None,
        };
        let actions = step.on_success.iter_mut().chain(&mut step.on_failure).filter_map(gone_to);
        for (workflow, passed) in called.into_iter().chain(actions) {
            let Some(workflow) = workflows.get(workflow.0 as usize) else { continue };
            for value in &mut passed.values {
                let said = passed_value(workflow, value, sources.text(value.span));
                let Some(mut diagnostic) = said else { continue };
                let severity = readings.severity(diagnostic.code);
                if let Some(severity) = severity {
                    diagnostic.severity = severity;
                    found.push((id, diagnostic));
                }
            }
        }
    }
    found
}

/// The workflow that an action leads to, and what it passes.
fn gone_to(action: &mut Action) -> Option<(WorkflowId, &mut Passed)> {
    match &mut action.then {
        Then::Goto(Target::Workflow { workflow, passed })
        | Then::Retry { detour: Some(Target::Workflow { workflow, passed }), .. } => Some((*workflow, passed)),
        _ => None,
    }
}

/// The value of what holds no expression.
pub(super) fn constant(build: &Build) -> Option<Json> {
    match build {
        Build::Constant(json) => Some(json.clone()),
        Build::Template(leaf) => match &leaf.template {
            Template::Literal(text) => Some(Json::String(text.clone())),
            Template::Constant(json) => Some(json.clone()),
            Template::Whole(_) | Template::Text(_) => None,
        },
        Build::Array(items) => items.iter().map(constant).collect(),
        Build::Object(members) => {
            let members = members.iter().map(|(name, value)| Some((name.clone(), constant(value)?)));
            members.collect::<Option<Map<_, _>>>().map(Json::from)
        }
        Build::Select(_) | Build::Keyed(_) => None,
    }
}

/// What is to be said about a value that is passed; a text that spells a value of the wanted type becomes that.
fn passed_value(workflow: &Workflow, value: &mut PassedValue, written: &str) -> Option<Diagnostic> {
    let name = &value.name;
    let types = workflow.inputs.declared.iter().find(|input| input.name == *name).map(|input| &input.types);
    let Some(json) = constant(&value.value) else {
        let wanted = types.filter(|types| !types.is_empty() && !types.iter().any(|kind| kind == "string"))?;
        return text_with_values(workflow, value, wanted, written);
    };
    let fits = types.is_none_or(|types| types.is_empty() || types.iter().any(|kind| is_of(&json, kind)));
    let converted = match &json {
        Json::String(text) if !fits => typed(workflow, name, text).ok(),
        _ => None,
    };
    let told = converted.as_ref().unwrap_or(&json);
    if let Some(reason) = refused(workflow, name, told) {
        let message = format!("input `{name}` of workflow `{}`: {reason}", workflow.name);
        let fault = Diagnostic::error(Code::InvalidInput, Some(value.span), message);
        return Some(fault.help("the call would fail after what comes before it was sent").section("§Workflow Object"));
    }
    let converted = converted?;
    let kind = types.and_then(|types| types.first()).map_or("another type", String::as_str);
    let message = format!("input `{name}` of workflow `{}` is of type {kind}, and this is a string", workflow.name);
    let diagnostic = as_text(value.span, message, &converted, written).section("§Parameter Object");
    value.value = Build::Constant(converted);
    Some(diagnostic)
}

/// What is said of a text that is read as the value which it spells.
pub(super) fn as_text(span: Span, message: String, value: &Json, written: &str) -> Diagnostic {
    let help = "leave out the quotes";
    let diagnostic =
        Diagnostic::warning(Code::InputAsText, span, message).label("read as its value").help(Help::words(help));
    if value.is_array() || value.is_object() || !written.starts_with(['"', '\'']) {
        return diagnostic;
    }
    diagnostic.fix(help, true, vec![Edit { span, text: value.to_string() }])
}

/// A text with expressions in it is a text, whatever their values are. Braces around one expression and nothing else
/// are read as the expression; a longer text is refused, because the call would be.
fn text_with_values(
    workflow: &Workflow,
    value: &mut PassedValue,
    wanted: &[String],
    written: &str,
) -> Option<Diagnostic> {
    let Build::Template(leaf) = &mut value.value else { return None };
    let Template::Text(pieces) = &leaf.template else { return None };
    let (name, kinds) = (&value.name, wanted.join(" or "));
    let message = format!("input `{name}` of workflow `{}` is of type {kinds}, and this is a string", workflow.name);
    if let [Piece::Value(expr, range)] = pieces.as_slice() {
        let inner = leaf.text.get(range.clone()).unwrap_or_default();
        let inner = inner.trim_start_matches('{').trim_end_matches('}').trim().to_owned();
        let mut diagnostic = Diagnostic::warning(Code::InputAsText, value.span, message)
            .label("read as the value of the expression")
            .help(format!("write {inner}"))
            .section("§Parameter Object");
        if written.starts_with(['"', '\'', '{']) {
            let edit = Edit { span: value.span, text: scalar_of(&inner) };
            diagnostic = diagnostic.fix(format!("write {inner}"), true, vec![edit]);
        }
        leaf.template = Template::Whole(expr.clone());
        return Some(diagnostic);
    }
    let spells = |kind: &String| matches!(kind.as_str(), "number" | "integer");
    let digits = |piece: &Piece| match piece {
        Piece::Text(text) => text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c)),
        Piece::Value(..) => true,
    };
    // Digits around a value may spell a number, which is known when it has one.
    if wanted.iter().any(spells) && pieces.iter().all(digits) {
        return None;
    }
    let fault = Diagnostic::error(Code::InvalidInput, Some(value.span), message);
    Some(fault.help("the call would fail after what comes before it was sent").section("§Workflow Object"))
}

/// The reason why a workflow cannot be called with this value for an input, whatever the others are.
fn refused(workflow: &Workflow, name: &str, value: &Json) -> Option<String> {
    let validator = workflow.inputs.validator.as_ref()?.validator()?;
    let instance = Json::from(Map::from_iter([(name.to_owned(), value.clone())]));
    let below = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let certain = |error: &jsonschema::ValidationError<'_>| {
        let at = error.instance_path().to_string();
        let own = at == below || at.strip_prefix(&below).is_some_and(|rest| rest.starts_with('/'));
        let way = error.evaluation_path().to_string();
        own && way
            .split('/')
            .take_while(|keyword| *keyword != "properties")
            .all(|keyword| !UNCERTAIN.contains(&keyword))
    };
    // What takes too long to find out is not certain.
    let said = validator.faults(&instance, usize::MAX, |error| {
        certain(&error).then(|| plain(&error.masked_with("the value").to_string()))
    });
    said.ok()?.into_iter().flatten().next()
}
