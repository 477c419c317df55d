//! `arazzo completions`: what a shell offers behind Tab, with the workflows, inputs and sources of the document that is
//! typed. The shell asks this command; it reads that one file and nothing else.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use arazzo::files;
use arazzo::report::KINDS;
use arazzo::values::Json;
use clap::{Arg, Command, CommandFactory};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;

use crate::exit;
use crate::explain;
use crate::flags::{Arguments, CompletionsFlags};
use crate::show::{Screen, safe};
use crate::streams;

/// The variable that the scripts of shells set when they ask.
const ASKED: &str = "ARAZZO_COMPLETE";

/// Larger files are not read while somebody waits for Tab.
const LARGEST: u64 = 4 << 20;

/// Runs the command: the script of a shell; the result is the exit code.
pub(crate) fn completions(flags: &CompletionsFlags, screen: &mut Screen) -> u8 {
    let mut script = vec![];
    let shells = Shells::builtins();
    let name = flags.shell.name();
    let written = match shells.completer(name) {
        Some(shell) => shell.write_registration(ASKED, "arazzo", "arazzo", "arazzo", &mut script),
        None => Err(std::io::Error::other(format!("no script for {name}"))),
    };
    match written.and_then(|()| screen.data(String::from_utf8_lossy(&script).trim_end())) {
        Ok(()) => exit::SUCCEEDED,
        Err(error) => {
            screen.fault("output", &error.to_string(), None);
            exit::OUTPUT
        }
    }
}

/// Answers a shell that asks what could come next; nothing if none does.
pub(crate) fn answer(arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let name = std::env::var_os(ASKED).filter(|name| !name.is_empty())?;
    let shells = Shells::builtins();
    let Some(shell) = name.to_str().and_then(|name| shells.completer(name)) else {
        return Some(ExitCode::from(exit::USAGE));
    };
    let words: Vec<OsString> = arguments.skip_while(|word| word != "--").skip(1).collect();
    let mut command = with_names(Arguments::command(), &words);
    command.build();
    let here = std::env::current_dir().ok();
    let mut offers = vec![];
    let answered = shell
        .write_complete(&mut command, words, here.as_deref(), &mut offers)
        .and_then(|()| streams::data_exact(&offers));
    Some(ExitCode::from(if answered.is_ok() { exit::SUCCEEDED } else { exit::USAGE }))
}

/// The command with what the document offers.
fn with_names(command: Command, words: &[OsString]) -> Command {
    let command = with_fixed_names(command);
    let Some(document) = words.iter().skip(2).find_map(|word| Document::read(Path::new(word))) else { return command };
    let mut command = command;
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |sub| {
            // All of them, in their order: positional ones are known by it.
            sub.mut_args(|arg| {
                let offers = match arg.get_id().as_str() {
                    "workflow" => document.workflows.clone(),
                    // An input can stand there too.
                    "workflow_argument" => [document.workflows.clone(), document.inputs(words, "=")].concat(),
                    "operation" => document.operations.clone(),
                    "faults" => document.faults(),
                    "inputs" | "plain_inputs" => document.inputs(words, "="),
                    "secrets" => document.inputs(words, ""),
                    "servers" | "sources" => document.sources("="),
                    "mock" => document.sources(""),
                    _ => return arg,
                };
                offered(arg, offers)
            })
        });
    }
    command
}

/// The command with what it offers by itself: codes, reports.
fn with_fixed_names(command: Command) -> Command {
    let plain = |word: &str, about: &str| Offer { word: word.to_owned(), about: line(about) };
    let codes = explain::pages().into_iter().map(|(word, page)| plain(word, explain::summary(page))).collect();
    let reports: Vec<Offer> = KINDS.iter().map(|kind| plain(kind.name, kind.file)).collect();
    command
        .mut_subcommand("explain", |sub| sub.mut_arg("code", |arg| offered(arg, codes)))
        .mut_subcommand("run", |sub| sub.mut_arg("reports", |arg| offered(arg, reports.clone())))
        .mut_subcommand("report", |sub| sub.mut_arg("reports", |arg| offered(arg, reports)))
}

fn offered(arg: Arg, offers: Vec<Offer>) -> Arg {
    arg.add(ArgValueCandidates::new(move || offers.iter().map(Offer::candidate).collect()))
}

/// A word, and what it is.
#[derive(Clone)]
struct Offer {
    word: String,
    about: String,
}

impl Offer {
    fn candidate(&self) -> CompletionCandidate {
        let about = (!self.about.is_empty()).then(|| self.about.clone().into());
        CompletionCandidate::new(self.word.clone()).help(about)
    }
}

/// The names in a document. What is not understood offers nothing: this is no place to complain.
struct Document {
    workflows: Vec<Offer>,
    /// By workflow.
    inputs: Vec<(String, Vec<Offer>)>,
    sources: Vec<Offer>,
    /// Of an OpenAPI document.
    operations: Vec<Offer>,
}

impl Document {
    fn read(path: &Path) -> Option<Self> {
        // Somebody waits: not for a pipe.
        let text = path.is_file().then(|| files::named_text(path, LARGEST).ok()).flatten()?;
        let json = arazzo::parse_values(&path.to_string_lossy(), &text).ok()?;
        if json.get("openapi").or(json.get("swagger")).is_some() {
            let operations = operations(&json);
            return Some(Self { workflows: vec![], inputs: vec![], sources: vec![], operations });
        }
        json.get("arazzo")?;
        let list = |name: &str| json.get(name).and_then(Json::as_array).into_iter().flatten();
        let offer = |of: &Json, name: &str, about: &str| {
            let text = |key: &str| of.get(key).and_then(Json::as_str).unwrap_or_default();
            Some(Offer { word: word(text(name))?, about: line(text(about)) })
        };
        let inputs = |workflow: &Json| {
            let schema = workflow.get("inputs")?;
            let target = schema.get("$ref").and_then(Json::as_str).and_then(|at| at.strip_prefix('#'));
            let schema = target.map_or(Some(schema), |at| json.pointer(at))?;
            let of = |(name, schema): (&String, &Json)| {
                let text = |key: &str| schema.get(key).and_then(Json::as_str).unwrap_or_default();
                let about = [text("type"), text("description")].join("  ");
                Some(Offer { word: word(name)?, about: line(&about) })
            };
            Some(schema.get("properties")?.as_object()?.iter().filter_map(of).collect())
        };
        Some(Self {
            workflows: list("workflows").filter_map(|workflow| offer(workflow, "workflowId", "summary")).collect(),
            inputs: list("workflows")
                .filter_map(|workflow| Some((workflow.get("workflowId")?.as_str()?.to_owned(), inputs(workflow)?)))
                .collect(),
            operations: list("workflows")
                .filter_map(|workflow| workflow.get("steps")?.as_array())
                .flatten()
                .filter_map(|step| offer(step, "operationId", "stepId"))
                .fold(vec![], |mut known, one| {
                    if !known.iter().any(|other: &Offer| other.word == one.word) {
                        known.push(one);
                    }
                    known
                }),
            sources: list("sourceDescriptions").filter_map(|source| offer(source, "name", "url")).collect(),
        })
    }

    /// The inputs of the workflow that is typed, or of all.
    fn inputs(&self, words: &[OsString], after: &str) -> Vec<Offer> {
        let typed = |name: &str| words.iter().any(|word| word == OsStr::new(name));
        let named = self.inputs.iter().any(|(workflow, _)| typed(workflow));
        let mut offers: Vec<Offer> = vec![];
        for offer in self.inputs.iter().filter(|(name, _)| !named || typed(name)).flat_map(|(_, inputs)| inputs) {
            let word = format!("{}{after}", offer.word);
            if !offers.iter().any(|known| known.word == word) {
                offers.push(Offer { word, about: offer.about.clone() });
            }
        }
        offers
    }

    /// What a mock can do wrong, for each operation.
    fn faults(&self) -> Vec<Offer> {
        let kinds = ["=500", "=503", "#1=429", "=reset", "=malformed", "=delay:2s"];
        let of =
            |one: &Offer| kinds.map(|kind| Offer { word: format!("{}{kind}", one.word), about: one.about.clone() });
        self.operations.iter().flat_map(of).collect()
    }

    fn sources(&self, after: &str) -> Vec<Offer> {
        let with = |source: &Offer| Offer { word: format!("{}{after}", source.word), ..source.clone() };
        self.sources.iter().map(with).collect()
    }
}

/// The operations of an OpenAPI document that have a name.
fn operations(json: &Json) -> Vec<Offer> {
    let paths = json.get("paths").and_then(Json::as_object).into_iter().flat_map(|paths| paths.iter());
    let named = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flat_map(|item| item.iter());
        methods.filter_map(move |(method, operation)| {
            let id = operation.get("operationId")?.as_str()?;
            Some(Offer { word: word(id)?, about: line(&format!("{} {path}", method.to_uppercase())) })
        })
    });
    named.collect()
}

/// A name that a shell takes as it is: others would have to be quoted, and a document could make a command of them.
fn word(name: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    // One that begins with a dash would be a flag, and change what the command does.
    (!name.is_empty() && !name.starts_with('-') && name.chars().all(plain)).then(|| name.to_owned())
}

/// The first line of a text, for the list of a shell.
fn line(text: &str) -> String {
    safe(text.trim().lines().next().unwrap_or_default()).chars().take(80).collect()
}
