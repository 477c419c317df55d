//! Inputs as given → inputs that a workflow accepts: conversion by type, defaults, JSON Schema; all faults at once.

use crate::value::{Json, Map};

use crate::code::Code;
use crate::diagnostic::{Help, IntoHelp, nearest};
use crate::json_schema::checking::plain;
use crate::json_schema::{is_of, with_article};
use crate::program::{Input, Inputs, Program, Workflow, WorkflowId};
use crate::remedy::{Naming, Remedy};

/// Inputs by name.
pub type InputValues = Map<String, Json>;

/// One thing that is wrong with the inputs of a run. Messages never show a value: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputFault {
    /// [`Code::MissingInput`], [`Code::UnknownInput`] or [`Code::InvalidInput`].
    pub code: Code,
    /// The input.
    pub name: String,
    /// The fault, in words.
    pub message: String,
    /// The remedy, in words.
    pub help: Option<Help>,
    /// The setting that remedies it; its words are still to come ([`InputFault::word`]).
    pub remedy: Option<Box<Remedy>>,
}

impl InputFault {
    /// A fault of an input.
    pub fn new(code: Code, name: impl Into<String>, message: impl Into<String>, help: impl IntoHelp) -> Self {
        Self { code, name: name.into(), message: message.into(), help: help.into_help(), remedy: None }
    }

    fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedy = Some(Box::new(remedy));
        self
    }

    /// Makes words of its remedy: what a setting is called says `naming`.
    pub fn word(&mut self, naming: Naming) {
        let Some(remedy) = self.remedy.take() else { return };
        let mut help = self.help.take().map(|help| help.to_string());
        remedy.put(naming, &mut self.message, &mut [], &mut help);
        self.help = help.map(Help::words);
    }
}

/// Fills defaults and validates the inputs of a run; the result is what `$inputs` sees, with what the workflows see that
/// it depends on (docs/readings.md, `dependsOn` of a workflow).
///
/// # Errors
/// Every fault: unknown names, missing ones, and whatever the schemas (JSON Schema 2020-12) refuse.
pub fn accept(program: &Program, workflow: WorkflowId, given: InputValues) -> Result<InputValues, Vec<InputFault>> {
    let Some(target) = program.workflow(workflow) else { return Ok(given) };
    let inputs = &target.inputs;
    let mut faults = vec![];
    let mut own = InputValues::new();
    let mut others = InputValues::new();
    for (name, value) in given {
        if inputs.declares(&name) || inputs.open && !inputs.passes_on(&name) {
            own.insert(name, value);
        } else if inputs.passes_on(&name) {
            others.insert(name, value);
        } else {
            faults.push(unknown(inputs, &name));
        }
    }
    let mut accepted = match accept_own(target, own) {
        Ok(accepted) => accepted,
        Err(own) => {
            faults.extend(own);
            return Err(faults);
        }
    };
    for needed in target.dependencies.iter().filter_map(|id| program.workflow(*id)) {
        let all = accepted.iter().chain(&others);
        let fits = all.filter(|(name, _)| needed.inputs.open || needed.inputs.declares(name));
        match accept_own(needed, fits.map(|(name, value)| (name.clone(), value.clone())).collect()) {
            Ok(_) => {}
            Err(found) => {
                let new = found.into_iter().filter(|fault| !faults.contains(fault)).collect::<Vec<_>>();
                faults.extend(new);
            }
        }
    }
    accepted.extend(others);
    if faults.is_empty() { Ok(accepted) } else { Err(faults) }
}

/// What is wrong with the inputs, in the words of their schema; values are not in them.
struct Wrong {
    path: String,
    keyword: String,
    /// Of a value that was given, and of one that the schema fills in.
    given: String,
    filled: String,
}

/// Fills defaults and validates the inputs of one workflow, as it is called by another.
///
/// # Errors
/// As [`accept`].
pub fn accept_own(workflow: &Workflow, mut given: InputValues) -> Result<InputValues, Vec<InputFault>> {
    let inputs = &workflow.inputs;
    let mut faults = vec![];
    let mut defaulted = vec![];
    for input in &inputs.declared {
        if let (Some(default), false) = (&input.default, given.contains_key(&input.name)) {
            defaulted.push(&input.name);
            given.insert(input.name.clone(), default.clone());
        }
        if input.required && !given.contains_key(&input.name) {
            faults.push(missing(input));
        }
    }
    if let Some(schema) = &inputs.validator
        && !schema.surely_accepts(&given)
        && let Some(validator) = schema.validator()
    {
        let instance = Json::Object(given.clone().into());
        let errors = validator.faults(&instance, usize::MAX, |error| Wrong {
            path: error.instance_path().to_string(),
            keyword: error.kind().keyword().to_owned(),
            given: plain(&error.masked_with("the value").to_string()),
            filled: plain(&error.masked_with("its default").to_string()),
        });
        let errors = errors.unwrap_or_else(|reason| {
            let message = format!("the inputs cannot be checked: {reason}");
            faults.push(InputFault::new(
                Code::InvalidInput,
                "",
                message,
                "write its schemas so that fewer of them lead to one another",
            ));
            vec![]
        });
        for Wrong { path, keyword, given, filled } in errors {
            // Said above.
            if path.is_empty()
                && keyword == "required"
                && faults.iter().any(|fault: &InputFault| fault.code == Code::MissingInput)
            {
                continue;
            }
            let name = path
                .trim_start_matches('/')
                .split('/')
                .next()
                .unwrap_or_default()
                .replace("~1", "/")
                .replace("~0", "~");
            let inside = path
                .trim_start_matches('/')
                .split_once('/')
                .map(|(_, rest)| format!(" at /{rest}"))
                .unwrap_or_default();
            let what = if defaulted.contains(&&name) { filled } else { given };
            let whose = if name.is_empty() { "the inputs".to_owned() } else { format!("input `{name}`{inside}") };
            let message = format!("{whose}: {what}");
            faults.push(InputFault::new(Code::InvalidInput, name, message, None::<Help>));
        }
    }
    if faults.is_empty() { Ok(given) } else { Err(faults) }
}

/// Converts the text of `name=text` by the type that the schema declares; without one it is text.
///
/// # Errors
/// A fault if the text does not spell a value of a declared type.
pub fn typed(workflow: &Workflow, name: &str, text: &str) -> Result<Json, InputFault> {
    let Some(input) = workflow.inputs.given().find(|input| input.name == name) else {
        return Ok(Json::String(text.to_owned()));
    };
    if input.types.is_empty() {
        return Ok(Json::String(text.to_owned()));
    }
    let converted = spelled(&input.types, text);
    if matches!(converted, Some(Json::Array(_) | Json::Object(_))) && Json::doubled_member(text.trim()).is_some() {
        return Err(doubled(name));
    }
    match converted {
        Some(json) => Ok(json),
        None if input.types.iter().any(|kind| kind == "string") => Ok(Json::String(text.to_owned())),
        None => {
            let wanted = input.types.iter().map(|kind| with_article(kind)).collect::<Vec<_>>().join(" or ");
            let kind = input.types.first().map(String::as_str);
            let help = (kind == Some("boolean")).then_some("write true or false");
            let message = format!("input `{name}` must be {wanted}");
            let fault = InputFault::new(Code::InvalidInput, name, message, help);
            Err(match kind {
                Some("array" | "object") => fault.remedy(Remedy::GiveJsonInput(name.to_owned())),
                _ => fault,
            })
        }
    }
}

/// The value of one of these types that a text spells; a text is none.
pub(crate) fn spelled(types: &[String], text: &str) -> Option<Json> {
    types.iter().filter(|kind| *kind != "string").find_map(|kind| {
        let json = Json::parse(text.trim())?;
        is_of(&json, kind).then_some(json)
    })
}

/// The fault of an input whose JSON text has a member twice.
fn doubled(name: &str) -> InputFault {
    let message = format!("input `{name}` has a member twice in one object");
    InputFault::new(Code::InvalidInput, name, message, "give it once: of two, only the last would be used".to_owned())
}

fn missing(input: &Input) -> InputFault {
    let description = input.description.as_ref().map(|text| format!(" ({})", text.trim())).unwrap_or_default();
    let message = format!("input `{}` is required{description}", input.name);
    let remedy = Remedy::GiveInput { name: input.name.clone(), secret: input.secret, file: input.file };
    InputFault::new(Code::MissingInput, &input.name, message, None::<Help>).remedy(remedy)
}

fn unknown(inputs: &Inputs, name: &str) -> InputFault {
    let names: Vec<&str> = inputs.given().map(|input| input.name.as_str()).collect();
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => Help::meant(near),
        None if names.is_empty() => Help::words("the workflow takes no inputs"),
        None => Help::words(format!("inputs: {}", names.join(", "))),
    };
    InputFault::new(Code::UnknownInput, name, format!("the workflow has no input `{name}`"), help)
}

impl Inputs {
    /// `true` if the schema declares this name.
    #[must_use]
    pub fn declares(&self, name: &str) -> bool {
        self.declared.iter().any(|input| input.name == name)
    }

    /// `true` if the schema says that an input is a plain text: nothing about it says that it is the content of a file.
    #[must_use]
    pub fn is_plain_text(&self, name: &str) -> bool {
        let schema = self.schema.as_ref().and_then(|schema| schema.get("properties")?.get(name));
        let is_file = |schema: &Json| {
            schema.get("contentMediaType").is_some()
                || schema.get("contentEncoding").is_some()
                || schema.get("format").and_then(Json::as_str) == Some("binary")
        };
        schema.is_some_and(|schema| schema.get("type").and_then(Json::as_str) == Some("string") && !is_file(schema))
    }

    /// `true` if a workflow that it depends on declares this name.
    #[must_use]
    pub fn passes_on(&self, name: &str) -> bool {
        self.passed_on.iter().any(|input| input.name == name)
    }
}
