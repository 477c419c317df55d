//! `arazzo call`: one operation of an OpenAPI document, sent and judged as a step of a workflow is.

use std::io::Read;
use std::path::Path;

use arazzo::diagnostics::{Diagnostic, Diagnostics, Sources, Span};
use arazzo::mock::Mocked;
use arazzo::values::Json;
use arazzo::{CALL_DOCUMENT, Call, Error, Limits, Outputs, Workflow, files};
use clap::Parser;

use crate::dry_run;
use crate::execute::{Execution, Kept, Printed, execute};
use crate::flags::{CallFlags, MaskFlag, ProgressFlag, TimeoutFlag, TypedHeader};
use crate::inputs::{self, CliInputs, Stdin};
use crate::mistyped;
use crate::permit;
use crate::remedies;
use crate::show::Screen;
use crate::watch::Showing;

/// Flags of `arazzo run` that a call does not have; their variables count all the same.
#[derive(Debug, Parser)]
struct DefaultFlags {
    #[command(flatten)]
    timeout: TimeoutFlag,
    #[command(flatten)]
    progress: ProgressFlag,
    #[command(flatten)]
    mask: MaskFlag,
}

/// Runs the command; the result is the exit code.
pub(crate) fn call(flags: CallFlags, screen: &mut Screen) -> u8 {
    let usual = match DefaultFlags::try_parse_from(["arazzo"]) {
        Ok(usual) => usual,
        Err(error) => return mistyped::say(error),
    };
    let (workflow, given) = match prepared(&flags) {
        Ok(prepared) => prepared,
        Err(error) => return screen.error(&placeless(error)),
    };
    let sources = workflow.description().sources().clone();
    let warnings: Vec<Diagnostic> = workflow.warnings().map(|one| without_place(one, &sources)).collect();
    if flags.dry_run {
        let form = (flags.events.json.is_some(), flags.verbosity.quiet > 0);
        return dry_run::show(&workflow, &given.inputs, &warnings, form, screen);
    }
    let execution = Execution {
        workflow: &workflow,
        document: &flags.openapi,
        given,
        mock: flags.mock.then_some(&[]),
        timeout: usual.timeout.timeout,
        showing: Showing::new(
            flags.verbosity.quiet,
            flags.verbosity.verbose,
            flags.events.json,
            usual.progress.progress,
        ),
        kept: Kept { outputs: flags.file.output.clone(), masked: usual.mask.mask_outputs, ..Kept::default() },
        warnings,
        print: body,
        journal: None,
        resumed: None,
    };
    execute(execution, screen)
}

/// A diagnostic without a place in the document that the call became, which nobody wrote.
fn without_place(one: &Diagnostic, sources: &Sources) -> Diagnostic {
    let mut shown = one.clone();
    let is_own = |span: &Span| sources.place(*span).file == CALL_DOCUMENT;
    shown.span = shown.span.filter(|span| !is_own(span));
    shown.notes.retain(|(span, _)| !is_own(span));
    shown
}

fn placeless(error: Error) -> Error {
    let Error::Documents { diagnostics, sources } = error else { return error };
    let mut shown = Diagnostics::default();
    shown.extend(diagnostics.iter().map(|one| without_place(one, &sources)));
    Error::Documents { diagnostics: shown, sources }
}

/// Everything that can be known before the request.
fn prepared(flags: &CallFlags) -> Result<(Workflow, CliInputs), Error> {
    let request_ms = u64::try_from(flags.network.max_time.as_millis()).unwrap_or(u64::MAX);
    let limits = Limits { request_ms, ..Limits::default() };
    let mut builder = arazzo::open(&flags.openapi)
        .naming(remedies::flag)
        .workspace(true)
        .limits(limits)
        .network(flags.network.network());
    builder = builder.offline(flags.offline.offline);
    builder = builder.contract(flags.check.check.unwrap_or_default());
    builder = flags.server.on(builder);
    if flags.mock {
        builder = builder.mock(Mocked::new());
    }
    let mut stdin = Stdin::new(flags.prompt.no_input);
    let (description, inputs) = flags.permissions.on(builder).call_blocking(asked(flags)?)?;
    let credentials = inputs::credentials(&flags.credentials, &description, &mut stdin)?;
    let workflow = description.with_credentials(credentials)?.workflow(None)?;
    let workflow = if flags.dry_run { workflow } else { permit::permitted(workflow, |_| None, &stdin)? };
    Ok((workflow, CliInputs { inputs, faults: vec![], typed: vec![], made_up: vec![] }))
}

/// The call as it was typed.
fn asked(flags: &CallFlags) -> Result<Call, Error> {
    let mut parameters = flags.parameters.as_slice();
    let mut operation = flags.operation.clone();
    // `GET /pets`, without quotes.
    if let ([path, rest @ ..], true) = (parameters, flags.operation.chars().all(|c| c.is_ascii_alphabetic()))
        && path.starts_with('/')
    {
        operation = format!("{operation} {path}");
        parameters = rest;
    }
    let mut call = Call::new(operation);
    for argument in parameters.iter().chain(&flags.named) {
        let (name, value) = match given(argument).ok_or_else(|| {
            let blanks =
                if parameters.len() > 1 { "; a value with blanks is put in quotes: 'NAME=two words'" } else { "" };
            Error::Setup(format!("`{argument}` is no parameter: write NAME=TEXT, NAME:=JSON or NAME@FILE{blanks}"))
        })? {
            (name, Typed::Text(text)) => (name, Json::String(text.to_owned())),
            (name, Typed::Json(text)) => (name, json(argument, text)?),
            (name, Typed::File(path)) => {
                let text = String::from_utf8(read(path)?);
                let text = text.map_err(|_| Error::Setup(format!("`{name}`: `{path}` is not text (UTF-8)")))?;
                (name, Json::String(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
        };
        call = call.parameter(name, value);
    }
    for field in &flags.fields {
        call = match given(field)
            .ok_or_else(|| Error::Setup(format!("`{field}` is no field: write NAME=TEXT, NAME:=JSON or NAME=@FILE")))?
        {
            (name, Typed::Json(text)) => call.field(name, json(field, text)?),
            // curl writes `name=@file`.
            (name, Typed::File(path)) => call.field_file(name, file_name(path), read(path)?),
            (name, Typed::Text(text)) => match text.strip_prefix('@') {
                Some(path) => call.field_file(name, file_name(path), read(path)?),
                None => call.field(name, text),
            },
        };
    }
    if let Some(data) = &flags.data {
        call = match data.strip_prefix('@') {
            Some(path) => call.body_file(file_name(path), read(path)?),
            None if data == "-" => call.body_file("stdin", read("-")?),
            None => call.body(data),
        };
    }
    Ok(match media_type(flags)? {
        Some(media_type) => call.content_type(media_type),
        None => call,
    })
}

/// The media type of the body, as it was given: by its own flag, or as the header that it becomes.
fn media_type(flags: &CallFlags) -> Result<Option<&str>, Error> {
    let header = flags.credentials.headers.iter().find_map(|typed| match typed {
        TypedHeader::Value(name, value) if name.eq_ignore_ascii_case("content-type") => Some(value.as_str()),
        // The value of a secret says nothing about a body.
        TypedHeader::Value(..) | TypedHeader::Variable(..) | TypedHeader::File(_) => None,
    });
    match (&flags.content_type, header) {
        (Some(own), Some(header)) if own != header => {
            let words = "--content-type and -H 'Content-Type: …' are given, and differ: give one of them";
            Err(Error::Setup(words.to_owned()))
        }
        (own, header) => Ok(own.as_deref().or(header)),
    }
}

enum Typed<'a> {
    Text(&'a str),
    Json(&'a str),
    File(&'a str),
}

/// A name and a value; the first of `:=`, `=`, `@` decides.
fn given(argument: &str) -> Option<(&str, Typed<'_>)> {
    let at = argument.find(['=', '@']).filter(|at| *at > 0)?;
    let (name, rest) = argument.split_at(at);
    match (name.strip_suffix(':'), rest.strip_prefix('='), rest.strip_prefix('@')) {
        (Some(name), Some(text), _) if !name.is_empty() => Some((name, Typed::Json(text))),
        (_, Some(text), _) => Some((name, Typed::Text(text))),
        (_, _, Some(path)) => Some((name, Typed::File(path))),
        _ => None,
    }
}

fn json(argument: &str, text: &str) -> Result<Json, Error> {
    let name = argument.split(":=").next().unwrap_or_default();
    if let Some(member) = Json::doubled_member(text) {
        return Err(Error::Setup(format!("`{name}` has the member `{member}` twice in one object: give it once")));
    }
    Json::read(text).map_err(|error| Error::Setup(format!("`{name}` is not JSON: {error}")))
}

fn read(path: &str) -> Result<Vec<u8>, Error> {
    let read = if path == "-" {
        let mut bytes = vec![];
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes).map_err(|error| error.to_string())
    } else {
        files::named(Path::new(path), files::LARGEST)
    };
    read.map_err(|reason| Error::Setup(format!("cannot read `{path}`: {reason}")))
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The body of the answer as it is printed: for people, JSON on one line and other text as it is; else as it came.
fn body(outputs: &Outputs) -> Option<Printed> {
    let kind = outputs.get("contentType").and_then(Json::as_str).unwrap_or_default();
    let line = match outputs.get("body")? {
        Json::Null if !arazzo::values::is_json(kind) => return None,
        Json::String(text) if !arazzo::values::is_json(kind) => text.clone(),
        Json::Bytes(file) => String::from_utf8_lossy(&file.bytes).into_owned(),
        json => json.to_string(),
    };
    let bytes = outputs.bytes("body").map_or_else(|| line.clone().into_bytes(), <[u8]>::to_vec);
    Some(Printed::exact(line, bytes))
}
