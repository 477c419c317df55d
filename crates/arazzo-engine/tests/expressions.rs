//! `suite/expr/expressions.txt`: one line a rule of the expression language. `suite/expr/parts.txt`: the parts of
//! expressions, by where they stand.

use std::borrow::Cow;

use arazzo_engine::diagnostic::Severity;
use arazzo_engine::expr::eval::{Answer, EvalError, Exchange, Lookup, Sent, fill};
use arazzo_engine::expr::{
    DeclaredDocument, DeclaredInput, DeclaredSource, DeclaredStep, DeclaredSteps, DeclaredWorkflow, Expr, Finding,
    Piece, Scope, StepId, Template, WorkflowId, condition, parse,
};
use arazzo_engine::json;
use arazzo_engine::readings::Readings;
use arazzo_engine::value::Value;
use arazzo_engine::value::{Json, Map};

use crate::suite::suite_path;

struct Known {
    inputs: Map<String, Json>,
    outputs: Json,
    workflows: Json,
    exchange: Exchange,
}

impl Known {
    fn read(context: &Json) -> Self {
        let headers: Vec<(String, String)> = context["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let media_type =
            headers.iter().find(|(name, _)| name == "Content-Type").map(|(_, value)| value.clone()).unwrap_or_default();
        let body = match (&context["text"], &context["body"]) {
            (Json::String(text), _) => Some(Value::Text(text.clone())),
            (_, Json::Null) => None,
            (_, body) => Some(Value::Json(body.clone())),
        };
        let answer =
            context["status"].as_u64().map(|status| Answer { status: status as u16, headers, body, media_type });
        let exchange = Exchange {
            message: None,
            url: "https://api.example/things?x=1".to_owned(),
            method: "GET".to_owned(),
            request: Sent {
                headers: pairs(&context["request"]["headers"])
                    .into_iter()
                    .map(|(name, value)| (name, value.as_str().unwrap().to_owned()))
                    .collect(),
                query: pairs(&context["request"]["query"]),
                path: pairs(&context["request"]["path"]),
                body: context["request"].get("body").map(|body| Value::Json(body.clone())),
            },
            answer,
        };
        Self {
            inputs: context["inputs"].as_object().cloned().unwrap_or_default(),
            outputs: context["outputs"].clone(),
            workflows: context["workflows"].clone(),
            exchange,
        }
    }
}

impl Lookup for Known {
    fn input(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.inputs.get(name).map(|json| Cow::Owned(Value::Json(json.clone())))
    }

    fn inputs(&self) -> Json {
        Json::Object(self.inputs.clone().into())
    }

    fn output(&self, step: StepId, name: &str) -> Option<Cow<'_, Value>> {
        let outputs = if step == StepId(0) { self.outputs.get("first")? } else { return None };
        outputs.get(name).map(|json| Cow::Owned(Value::Json(json.clone())))
    }

    fn outputs(&self, step: StepId) -> Option<Json> {
        if step == StepId(0) { self.outputs.get("first").cloned() } else { None }
    }

    fn returned(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.workflow_output(WorkflowId(1), name)
    }

    fn workflow_input(&self, workflow: WorkflowId, name: &str) -> Option<Cow<'_, Value>> {
        let value = self.workflows.get(workflow.0 as usize)?.get("inputs")?.get(name)?;
        Some(Cow::Owned(Value::Json(value.clone())))
    }

    fn workflow_output(&self, workflow: WorkflowId, name: &str) -> Option<Cow<'_, Value>> {
        let value = self.workflows.get(workflow.0 as usize)?.get("outputs")?.get(name)?;
        Some(Cow::Owned(Value::Json(value.clone())))
    }

    fn exchange(&self) -> Option<&Exchange> {
        Some(&self.exchange)
    }
}

fn pairs(json: &Json) -> Vec<(String, Json)> {
    json.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A document with two workflows, a source that is OpenAPI and one that is Arazzo.
pub fn declared() -> DeclaredDocument {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let workflow = |name: &str, id: u32, inputs: &[&str], outputs: &[&str]| DeclaredWorkflow {
        name: name.to_owned(),
        id: WorkflowId(id),
        inputs: names(inputs),
        open: false,
        outputs: names(outputs),
        steps: vec![],
    };
    let source = |name: &str, kind: &str, workflows: Vec<DeclaredWorkflow>| DeclaredSource {
        name: name.to_owned(),
        fields: vec![
            ("name".to_owned(), json!(name)),
            ("url".to_owned(), json!(format!("./{name}.yaml"))),
            ("type".to_owned(), json!(kind)),
        ],
        workflows,
        read: true,
    };
    DeclaredDocument {
        workflows: vec![workflow("main", 0, &["id"], &["out"]), workflow("other", 1, &["who"], &["total", "a.b"])],
        sources: vec![
            source("api", "openapi", vec![]),
            source("far", "arazzo", vec![workflow("tour", 2, &[], &["end"])]),
        ],
        self_uri: Some("https://example.com/main.yaml".to_owned()),
        components: json!({ "parameters": { "page": { "name": "page", "in": "query", "value": 1 } } }),
    }
}

/// The codes that refuse a text, or its value; departures after `!`.
fn told(value: Option<String>, findings: &[Finding]) -> String {
    let with = |severity| {
        findings.iter().filter(move |f| Readings::Lenient.severity(f.code) == Some(severity)).map(|f| f.code.word())
    };
    match value {
        Some(value) => with(Severity::Warning).fold(value, |text, code| format!("{text}  !{code}")),
        None => with(Severity::Error).collect::<Vec<_>>().join(" "),
    }
}

/// The names that expressions of tests are parsed against.
pub struct Names {
    inputs: Vec<DeclaredInput>,
    steps: DeclaredSteps,
    outputs: Vec<String>,
    document: DeclaredDocument,
}

impl Names {
    /// Those of the suites.
    fn of_suites() -> Self {
        let inputs = ["id", "n", "obj", "none", "token", "absent"];
        Self::of(
            &inputs.map(|name| (name, name != "obj")),
            &[("first", &["id", "whole", "dotted.name"]), ("second", &["later"])],
        )
    }

    /// Inputs, and whether they are scalar; steps with their outputs.
    pub fn of(inputs: &[(&str, bool)], steps: &[(&str, &[&str])]) -> Self {
        let input = |(name, scalar): &(&str, bool)| DeclaredInput { name: (*name).to_owned(), scalar: *scalar };
        let step = |(id, (name, outputs)): (usize, &(&str, &[&str]))| DeclaredStep {
            name: (*name).to_owned(),
            id: StepId(id as u32),
            outputs: outputs.iter().map(|output| (*output).to_owned()).collect(),
        };
        Self {
            inputs: inputs.iter().map(input).collect(),
            steps: steps.iter().enumerate().map(step).collect::<Vec<_>>().into(),
            outputs: vec!["total".to_owned()],
            document: declared(),
        }
    }

    pub fn scope(&self, readings: Readings) -> Scope<'_> {
        Scope {
            inputs: &self.inputs,
            open: false,
            steps: &self.steps,
            outputs: &self.outputs,
            document: &self.document,
            dependencies: &[],
            method: None,
            readings,
        }
    }
}

#[test]
fn every_line_of_the_expression_suite_holds() {
    let text = std::fs::read_to_string(suite_path("expr/expressions.txt")).unwrap();
    let names = Names::of_suites();
    let scope = names.scope(Readings::Lenient);
    let mut known = Known::read(&json!({}));
    let (mut wrong, mut lines) = (vec![], 0);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if let Some(context) = line.strip_prefix("context ") {
            known = Known::read(&serde_json::from_str(context).unwrap());
            continue;
        }
        let (left, expected) = line
            .split_once("  →  ")
            .or_else(|| line.split_once(" →  "))
            .unwrap_or_else(|| panic!("no arrow in: {line}"));
        let (kind, source) = left.split_once(char::is_whitespace).unwrap();
        let source = source.trim();
        let mut findings = vec![];
        let value = match kind {
            "value" => parse::template(source, &scope, &mut findings).map(|template| match fill(&template, &known) {
                Ok(Ok(Some(value))) => value.into_json().to_string(),
                Ok(Ok(None)) => "absent".to_owned(),
                Ok(Err(_)) => "absent in the text".to_owned(),
                Err(error) => failed(error),
            }),
            "condition" => condition::parse(source, &scope, &mut findings).map(|parsed| {
                condition::holds(&parsed, &known, &mut vec![]).map_or_else(failed, |met| met.to_string())
            }),
            other => panic!("{other} is not a kind of line"),
        };
        let found = told(value, &findings);
        lines += 1;
        if found != expected.trim() {
            wrong.push(format!("{source}\n  expected {}\n  found    {found}", expected.trim()));
        }
    }
    assert!(lines > 80, "only {lines} lines were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The conditions that a help tells to write, if it does.
fn suggested(help: &str) -> Vec<&str> {
    const WORDS: [&str; 8] = ["a ", "an ", "each ", "each,", "criteria", "what ", "the ", "`"];
    let Some(rest) = help.strip_prefix("write ") else { return vec![] };
    let rest = rest.strip_prefix("the simple condition ").unwrap_or(rest);
    let rest = rest.split(" (it ignores case)").next().unwrap_or_default();
    let rest = rest.split(": texts are").next().unwrap_or_default();
    let parts = rest
        .split(" for the text")
        .next()
        .unwrap_or_default()
        .split(" for text")
        .next()
        .unwrap_or_default()
        .split(", or ");
    parts
        .map(|part| part.strip_suffix(" for text").unwrap_or(part))
        .filter(|part| !WORDS.iter().any(|word| part.starts_with(word)))
        .filter(|part| part.contains(char::is_alphanumeric) && !part.contains("<name>"))
        .collect()
}

#[test]
fn what_a_help_tells_to_write_can_be_read_in_its_mode() {
    let text = std::fs::read_to_string(suite_path("expr/helps.txt")).unwrap();
    let names = Names::of_suites();
    let (mut wrong, mut found) = (vec![], 0);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        for readings in [Readings::Lenient, Readings::Strict, Readings::Letter] {
            let scope = names.scope(readings);
            let mut findings = vec![];
            let parsed = condition::parse(line, &scope, &mut findings);
            if parsed.is_none() && findings.is_empty() {
                wrong.push(format!("{line}: refused without a word"));
            }
            for finding in &findings {
                let help = finding.help.as_ref().map(|help| help.to_string()).unwrap_or_default();
                for suggestion in suggested(&help) {
                    found += 1;
                    let mut again = vec![];
                    if condition::parse(suggestion, &scope, &mut again).is_none() || !again.is_empty() {
                        wrong.push(format!("{line}, {readings}: {help}\n  {suggestion}: {again:?}"));
                    }
                }
                let Some((fix, _)) = &finding.fix else { continue };
                let mut repaired = line.to_owned();
                repaired.replace_range(finding.range.clone(), fix);
                let mut again = vec![];
                let read = condition::parse(&repaired, &scope, &mut again);
                // What else is wrong with it stays.
                if again.len() >= findings.len() && read != parsed {
                    wrong.push(format!("{line}, {readings}: fixed to {repaired}: {again:?}"));
                }
            }
        }
    }
    assert!(found > 60, "only {found} suggestions were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn failed(error: EvalError) -> String {
    match error {
        EvalError::NoAnswer => "no answer".to_owned(),
        EvalError::NotEvaluable(problem) => format!("cannot be evaluated: {problem}"),
    }
}

/// The expressions of a text; panics if it is none.
fn expressions(kind: &str, text: &str, scope: &Scope<'_>) -> Vec<Expr> {
    let mut findings = vec![];
    fn cloned<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Vec<Expr> {
        exprs.into_iter().cloned().collect()
    }
    let found: Option<Vec<Expr>> = match kind {
        "value" => parse::template(text, scope, &mut findings).map(|template| cloned(template.expressions())),
        "text" => parse::text(text, scope, &mut findings).map(|template| cloned(template.expressions())),
        "condition" => condition::parse(text, scope, &mut findings).map(|parsed| cloned(parsed.expressions())),
        "context" => parse::context(text, scope, &mut findings).map(|expr| vec![expr]),
        "spliced" => parse::spliced(text, scope, &mut findings)
            .map(|pieces: Vec<Piece>| cloned(Template::Text(pieces).expressions())),
        other => panic!("{other} is not a kind of line"),
    };
    found.unwrap_or_else(|| panic!("{text}: {findings:?}"))
}

#[test]
fn every_part_of_an_expression_is_found_where_it_stands() {
    let text = std::fs::read_to_string(suite_path("expr/parts.txt")).unwrap();
    let names = Names::of_suites();
    let (mut wrong, mut lines) = (vec![], 0);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (left, expected) = line.split_once(" →").unwrap_or_else(|| panic!("no arrow in: {line}"));
        let (kind, marked) = left.split_once(char::is_whitespace).unwrap();
        let (kind, readings) =
            kind.strip_suffix('!').map_or((kind, Readings::Lenient), |kind| (kind, Readings::Letter));
        let marked = marked.trim();
        let source = marked.replace('^', "");
        let exprs = expressions(kind, &source, &names.scope(readings));
        let offsets = marked.match_indices('^').enumerate().map(|(before, (at, _))| at - before);
        let found: Vec<String> = offsets
            .map(|at| match exprs.iter().find_map(|expr| expr.part_at(at)) {
                Some((part, range)) => format!("{} {}", format!("{part:?}").to_lowercase(), &source[range]),
                None => "nothing".to_owned(),
            })
            .collect();
        lines += 1;
        if found.join(", ") != expected.trim() {
            wrong.push(format!("{marked}\n  expected {}\n  found    {}", expected.trim(), found.join(", ")));
        }
        // An expression has a part at each of its bytes, and they do not overlap.
        for expr in &exprs {
            let parts = expr.parts.unwrap();
            let mut last = parts.range().start;
            for (_, range) in parts.iter() {
                assert!(
                    range.start >= last && range.start <= last + 1 && range.end > range.start,
                    "{source}: {parts:?}"
                );
                last = range.end;
            }
            assert_eq!(last, parts.range().end, "{source}: {parts:?}");
            assert!(parts.range().all(|at| expr.part_at(at).is_some()), "{source}: {parts:?}");
        }
    }
    assert!(lines > 30, "only {lines} lines were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn expressions_that_read_the_same_are_equal_wherever_they_stand() {
    let names = Names::of_suites();
    let scope = names.scope(Readings::Lenient);
    let alone = expressions("value", "$steps.first.outputs.id", &scope);
    let embedded = expressions("value", "the id {$steps.first.outputs.id}", &scope);
    assert_eq!(alone, embedded);
    assert_ne!(alone[0].parts.unwrap().range(), embedded[0].parts.unwrap().range());
    assert_ne!(alone, expressions("value", "$steps.first.outputs.whole", &scope));
}
