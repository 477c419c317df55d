//! Inputs as they were given: flags, files, environment → values by name, with every fault at once.
//!
//! Messages never show a value.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use arazzo::diagnostics::{Code, Help};
use arazzo::files::{LARGEST, named};
use arazzo::plan::InputFault;
use arazzo::report::variable_name;
use arazzo::secrets::PARTS;
use arazzo::values::{Json, Map};
use arazzo::{Credentials, Description, Error, Inputs, Trust, Workflow};

use crate::environment;
use crate::flags::{CredentialFlags, DocumentFlags, InputFlags, TypedHeader, header_line};
use crate::names::{Names, VARIABLE};
use crate::show::safe;
use crate::streams::{self, Stream};

/// The inputs that were given, and which of them others on this machine may have seen.
pub(crate) struct CliInputs {
    pub(crate) inputs: Inputs,
    pub(crate) faults: Vec<InputFault>,
    /// Inputs whose values were typed on the command line.
    pub(crate) typed: Vec<String>,
    /// Inputs that nobody gave, and that a mock got all the same.
    pub(crate) made_up: Vec<String>,
}

impl CliInputs {
    /// No inputs: those of a run that goes on were given.
    pub(crate) fn none() -> Self {
        Self { inputs: Inputs::new(), faults: vec![], typed: vec![], made_up: vec![] }
    }

    /// Adds inputs of the environment that are not there.
    pub(crate) fn or_environment(mut self, workflow: &Workflow) -> Self {
        let mut environment = from_environment(workflow);
        // A variable that is wrong says nothing where a flag or a file has the input.
        environment.faults.retain(|fault| !self.inputs.has(&fault.name));
        environment.faults.append(&mut self.faults);
        self.faults = environment.faults;
        self.inputs = self.inputs.or(environment.inputs);
        self
    }

    /// Adds inputs that nobody gave.
    pub(crate) fn make_up(&mut self, examples: Inputs) {
        let refused = |name: &str| self.faults.iter().any(|fault| fault.name == name);
        self.made_up = examples
            .iter()
            .map(|(name, _)| name.to_owned())
            .filter(|name| !self.inputs.has(name) && !refused(name))
            .collect();
        self.inputs = std::mem::take(&mut self.inputs).or(examples);
    }
}

/// Collects inputs: the environment, then files in order, then flags; later ones win.
pub(crate) fn collect(flags: &InputFlags, workflow: &Workflow, stdin: &mut Stdin) -> Result<CliInputs, Error> {
    Ok(typed(flags, workflow, stdin)?.or_environment(workflow))
}

/// As [`collect`], for one of several runs: inputs that its workflow does not take are for others. Those of the
/// environment stand apart.
pub(crate) fn collect_taken(flags: &InputFlags, workflow: &Workflow, stdin: &mut Stdin) -> Result<CliInputs, Error> {
    let takes = |name: &str| workflow.takes(name);
    let mut flags = flags.clone();
    flags.inputs.retain(|argument| input_name(argument).is_none_or(takes));
    flags.secrets.retain(|argument| takes(secret_name(argument)));
    let mut given = typed(&flags, workflow, stdin)?;
    let of_others: Vec<String> =
        given.inputs.iter().map(|(name, _)| name.to_owned()).filter(|name| !takes(name)).collect();
    given.inputs = of_others.iter().fold(given.inputs, |inputs, name| inputs.without(name));
    Ok(given)
}

/// The name of an input as it was typed; nothing of an object of several, or where there is none.
pub(crate) fn input_name(argument: &str) -> Option<&str> {
    if argument.trim_start().starts_with('{') {
        return None;
    }
    let first = argument.find([':', '=', '@'].as_slice())?;
    let (at, _) = separator(argument, first)?;
    argument.get(..at).filter(|name| !name.is_empty())
}

/// Inputs of files and flags, later ones win.
pub(crate) fn typed(flags: &InputFlags, workflow: &Workflow, stdin: &mut Stdin) -> Result<CliInputs, Error> {
    let mut values: Map<String, Json> = Map::new();
    let mut faults = vec![];
    let mut typed = vec![];
    let mut files = Inputs::new();
    let names = Names::of(workflow.description());
    for path in &flags.input_files {
        match file(path, workflow, stdin)? {
            Json::Object(members) => values.extend(members),
            _ => faults.push(fault("", format!("`{}` does not hold an object of inputs", path.display()), None)),
        }
    }
    for argument in &flags.inputs {
        match read_argument(argument, workflow, &names, stdin) {
            Ok(Argument::Input(name, value, on_command_line)) => {
                if on_command_line {
                    typed.push(name.clone());
                }
                values.insert(name, value);
            }
            Ok(Argument::File(name, path)) => match named(&path, LARGEST) {
                Ok(bytes) => {
                    let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
                    values.shift_remove(&name);
                    files = files.file(name, file, bytes);
                }
                Err(reason) => {
                    let message = format!("input `{name}`: cannot read `{}`: {reason}", path.display());
                    faults.push(fault(&name, message, None));
                }
            },
            Ok(Argument::All(members)) => {
                typed.extend(members.keys().cloned());
                values.extend(members);
            }
            Err(wrong) => faults.push(wrong),
        }
    }
    for argument in &flags.secrets {
        match secret(argument, workflow, &names, stdin) {
            Ok((name, value)) => {
                values.insert(name, value);
            }
            Err(wrong) => faults.push(wrong),
        }
    }
    Ok(CliInputs { inputs: Inputs::from(values).or(files), faults, typed, made_up: vec![] })
}

/// Inputs as they were typed, but for secrets: what may be shown again.
pub(crate) fn public_inputs(flags: &InputFlags, workflow: &Workflow) -> Map<String, Json> {
    let secret = |name: &str| {
        workflow.inputs().any(|input| input.name == name && input.secret)
            || flags.secrets.iter().any(|secret| secret_name(secret) == name)
    };
    let typed = flags.inputs.iter().filter_map(|argument| argument.split_once('='));
    let plain = typed.filter(|(name, _)| !name.contains(['@', ':', '{']) && !secret(name));
    plain.map(|(name, text)| (name.to_owned(), Json::String(text.to_owned()))).collect()
}

/// The name of a secret flag, without where its value comes from.
pub(crate) fn secret_name(argument: &str) -> &str {
    argument.split(['=', '@']).next().unwrap_or_default()
}

enum Argument {
    Input(String, Json, bool),
    File(String, PathBuf),
    All(Map<String, Json>),
}

/// `{…}`, or a name and a value; the first of `:=@`, `:=`, `=`, `@` decides.
fn read_argument(
    argument: &str,
    workflow: &Workflow,
    names: &Names,
    stdin: &mut Stdin,
) -> Result<Argument, InputFault> {
    if argument.trim_start().starts_with('{') {
        return match Json::parse(argument) {
            Some(_) if Json::doubled_member(argument).is_some() => {
                let help = "give it once: of two, only the last would be used".to_owned();
                Err(fault("", "an --input that is an object has a member twice".to_owned(), Some(help)))
            }
            Some(Json::Object(members)) => Ok(Argument::All(members.into_inner())),
            _ => Err(fault("", "an --input that begins with `{` must be a JSON object".to_owned(), None)),
        };
    }
    let separated = argument.find([':', '=', '@'].as_slice()).and_then(|first| separator(argument, first));
    let Some((at, sign)) = separated else {
        // A value without its name may be a secret.
        return Err(match names.said(argument) {
            Some(name) => fault(name, format!("`{name}` has no value"), Some(format!("write --input {name}=VALUE"))),
            None => fault("", "an input has no value".to_owned(), Some("write --input NAME=VALUE".to_owned())),
        });
    };
    let (name, value) = (argument.get(..at).unwrap_or_default(), argument.get(at + sign.len()..).unwrap_or_default());
    if name.is_empty() {
        return Err(fault("", "an input has no name".to_owned(), Some("write --input NAME=VALUE".to_owned())));
    }
    let from_file = sign.ends_with('@');
    // A file for a text is kept as one: its bytes may be sent as they are.
    if sign == "@" && value != "-" && workflow.takes_file(name) {
        return Ok(Argument::File(name.to_owned(), PathBuf::from(value)));
    }
    let text = if from_file {
        stdin.read(value).map_err(|reason| fault(name, format!("input `{name}`: {reason}"), None))?
    } else {
        value.to_owned()
    };
    let json = if sign.starts_with(":=") {
        if Json::doubled_member(&text).is_some() {
            let help = "give it once: of two, only the last would be used".to_owned();
            return Err(fault(name, format!("input `{name}` has a member twice in one object"), Some(help)));
        }
        Json::read(&text).map_err(|error| {
            fault(
                name,
                format!("input `{name}` is not JSON: line {}, column {}", error.line(), error.column()),
                Some(format!("a text is written --input {name}=TEXT")),
            )
        })?
    } else {
        if !from_file {
            not_a_file(name, &text, workflow)?;
        }
        workflow.typed(name, &text)?
    };
    Ok(Argument::Input(name.to_owned(), json, !from_file))
}

/// Refuses the name of a file where its content is meant: `@FILE`, as curl has it, and `FILE` for what the schema says is the
/// content of one.
fn not_a_file(name: &str, text: &str, workflow: &Workflow) -> Result<(), InputFault> {
    let is_content = workflow.inputs().any(|input| input.name == name && input.file);
    let meant = text.strip_prefix('@').or(Some(text).filter(|_| is_content)).map(Path::new);
    let Some(file) = meant.filter(|file| file.is_file()) else { return Ok(()) };
    let file = file.display();
    let message = format!("input `{name}` would be the text `{text}`, which names a file: its content is not read");
    let literal = Json::from(text);
    let help = format!("write --input {name}@{file} for the content; for the text itself, --input '{name}:={literal}'");
    Err(fault(name, message, Some(help)))
}

/// The separator that decides, from the first sign on.
fn separator(argument: &str, first: usize) -> Option<(usize, &'static str)> {
    let mut at = first;
    loop {
        let rest = argument.get(at..)?;
        if let Some(sign) = [":=@", ":=", "=", "@"].into_iter().find(|sign| rest.starts_with(sign)) {
            return Some((at, sign));
        }
        at += 1 + argument.get(at + 1..)?.find([':', '=', '@'].as_slice())?;
    }
}

fn secret(argument: &str, workflow: &Workflow, names: &Names, stdin: &mut Stdin) -> Result<(String, Json), InputFault> {
    let name = secret_name(argument);
    if names.said(name).is_none() && !workflow.takes(name) {
        let inputs: Vec<&str> = workflow.inputs().map(|input| input.name.as_str()).collect();
        let help = match inputs.as_slice() {
            [] => "the workflow takes no inputs".to_owned(),
            inputs => format!("inputs: {}", inputs.join(", ")),
        };
        let message =
            "the workflow has no input of the name behind --secret, which is not shown: it may be the secret itself";
        return Err(InputFault::new(Code::UnknownInput, "", message, help));
    }
    let text = secret_text(argument, "--secret", names, stdin)?;
    Ok((name.to_owned(), workflow.typed(name, &text)?))
}

/// The value of a secret that was named: from the environment, a file, or stdin.
fn secret_text(argument: &str, flag: &str, names: &Names, stdin: &mut Stdin) -> Result<String, InputFault> {
    let name = secret_name(argument);
    let rest = argument.get(name.len()..).unwrap_or_default();
    // What follows is said of a name that is known; anything else may be the secret itself, in parts.
    let said = names.said(name);
    let called = said.map_or_else(|| format!("the secret of {flag}"), |name| format!("secret `{name}`"));
    let shown = said.unwrap_or("NAME");
    let text = if let Some(path) = rest.strip_prefix('@').or(Some("-").filter(|_| rest == "=-")) {
        stdin.read(path).map_err(|reason| {
            let reason = if said.is_some() || path == "-" { reason } else { "its file cannot be read".to_owned() };
            fault(name, format!("{called}: {reason}"), None)
        })?
    } else if rest.is_empty() {
        // A name that nobody knows is not asked for: it would stand in what is shown of the run.
        variable(VARIABLE, name).or_else(|| said.and_then(|name| stdin.ask(name))).ok_or_else(|| {
            let help = match (said, names.meant(name)) {
                (_, Some(meant)) => Help::meant(meant).to_string(),
                (Some(name), None) => {
                    let upper = variable_name(name);
                    format!("set {VARIABLE}{name} (or {VARIABLE}{upper}), or give {flag} {name}@FILE")
                }
                (None, None) => format!(
                    "{flag} takes the name of a secret, not the secret itself: set {VARIABLE}NAME and write {flag} NAME, or give {flag} NAME@FILE"
                ),
            };
            fault(name, format!("{called} has no value"), Some(help))
        })?
    } else {
        let help = format!("put the value into {VARIABLE}{shown} and write {flag} {shown}");
        let whose = said.map_or_else(|| "a secret".to_owned(), |name| format!("secret `{name}`"));
        return Err(fault(name, format!("the value of {whose} may not stand on the command line"), Some(help)));
    };
    // A file or a pipe ends with a line break that is not part of a secret.
    let text = text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t)).unwrap_or(&text);
    if text.is_empty() {
        return Err(empty_secret(name, rest.is_empty(), &called, said));
    }
    Ok(text.to_owned())
}

/// A secret that is empty: what a job of CI gives for one that it has not.
fn empty_secret(name: &str, of_environment: bool, called: &str, said: Option<&str>) -> InputFault {
    let variable = said.filter(|_| of_environment).and_then(|name| variable_of(VARIABLE, name));
    let (message, help) = match variable {
        Some(variable) => (
            format!("{variable} is empty"),
            "set it to the secret; a job of CI gives an empty text for one that it does not have",
        ),
        None => (format!("{called} is empty"), "give the secret itself"),
    };
    fault(name, message, Some(help.to_owned()))
}

/// Credentials: those that were given, then those of the environment for the schemes of the documents.
pub(crate) fn credentials(
    flags: &CredentialFlags,
    description: &Description,
    stdin: &mut Stdin,
) -> Result<Credentials, Error> {
    given_credentials(flags, description, description.trust() != Trust::Remote, stdin)
}

/// As [`credentials`], for one of several runs: those for schemes that its documents do not describe are for others.
/// Without `environment`, only those that were given.
pub(crate) fn credentials_taken(
    flags: &CredentialFlags,
    description: &Description,
    environment: bool,
    stdin: &mut Stdin,
) -> Result<Credentials, Error> {
    let mut flags = flags.clone();
    flags.auth.retain(|argument| is_scheme(description, secret_name(argument)));
    given_credentials(&flags, description, environment && description.trust() != Trust::Remote, stdin)
}

/// `true` for the name of a security scheme of a description, or of a part of one: `oauth`, `api.oauth.clientId`.
pub(crate) fn is_scheme(description: &Description, name: &str) -> bool {
    let is = |known: &str| name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    description.schemes().any(|(source, scheme)| is(scheme) || is(&format!("{source}.{scheme}")))
}

fn given_credentials(
    flags: &CredentialFlags,
    description: &Description,
    environment: bool,
    stdin: &mut Stdin,
) -> Result<Credentials, Error> {
    let (mut credentials, mut faults) = (Credentials::new(), vec![]);
    let names = Names::of(description);
    let named: BTreeSet<&str> = description.schemes().filter(|_| environment).map(|(_, scheme)| scheme).collect();
    for scheme in named {
        let parts = PARTS.iter().map(|part| format!("{scheme}.{part}"));
        for key in std::iter::once(scheme.to_owned()).chain(parts) {
            match variable(VARIABLE, &key) {
                Some(value) if value.is_empty() => faults.push(empty_secret(&key, true, &key, Some(&key))),
                Some(value) => credentials = credentials.scheme(key, value),
                None => {}
            }
        }
    }
    for typed in &flags.headers {
        match headers(typed, stdin) {
            Ok(given) => {
                let add = |given: Credentials, header: Header| match header.secret {
                    true => given.secret_header(header.name, header.value),
                    false => given.header(header.name, header.value),
                };
                credentials = given.into_iter().fold(credentials, add);
            }
            Err(wrong) => faults.push(wrong),
        }
    }
    for argument in &flags.auth {
        let name = secret_name(argument);
        match argument.get(name.len()..).unwrap_or_default().strip_prefix('=') {
            Some(value) if value != "-" => credentials = credentials.scheme(name, value),
            _ => match secret_text(argument, "--auth", &names, stdin) {
                Ok(value) => credentials = credentials.scheme(name, value),
                Err(wrong) => faults.push(wrong),
            },
        }
    }
    if let Some(argument) = &flags.bearer {
        match secret_text(argument, "--bearer", &names, stdin) {
            Ok(value) => credentials = credentials.bearer(secret_name(argument), value),
            Err(wrong) => faults.push(wrong),
        }
    }
    match flags.user.as_deref().map(|user| user.split_once(':').ok_or(user)) {
        Some(Ok((user, password))) => credentials = credentials.basic(user, password),
        // A token without a user looks the same.
        Some(Err(_)) => {
            let help = Some("write -u USER:PASSWORD".to_owned());
            faults.push(fault("", "the user of --user has no password".to_owned(), help));
        }
        None => {}
    }
    if faults.is_empty() { Ok(credentials) } else { Err(Error::Inputs(faults)) }
}

/// A header that was given.
struct Header {
    name: String,
    value: String,
    secret: bool,
}

/// The headers of a flag. Nothing of a variable or a file is said but its name.
fn headers(typed: &TypedHeader, stdin: &mut Stdin) -> Result<Vec<Header>, InputFault> {
    let secret = |(name, value)| Header { name, value, secret: true };
    match typed {
        TypedHeader::Value(name, value) => Ok(vec![Header { name: name.clone(), value: value.clone(), secret: false }]),
        TypedHeader::Variable(name, variable) => {
            let help = Some("the value behind `env:` is the name of a variable that has the value".to_owned());
            let value = environment::variable(variable)
                .ok_or_else(|| fault("", format!("header `{name}`: its variable is not set"), help.clone()))?;
            // A value is held to the rules of one that is typed.
            let line = header_line(&format!("{name}: {value}"));
            Ok(vec![secret(line.map_err(|reason| fault("", format!("header `{name}`: {reason}"), None))?)])
        }
        TypedHeader::File(path) => {
            let shown = path.display();
            let text =
                stdin.read(&path.to_string_lossy()).map_err(|reason| fault("", format!("--header: {reason}"), None))?;
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let read = lines.map(|(number, line)| {
                header_line(line).map(secret).map_err(|reason| {
                    let help = Some("each line is a header: NAME: VALUE".to_owned());
                    fault("", format!("--header: line {} of `{shown}`: {reason}", number + 1), help)
                })
            });
            read.collect()
        }
    }
}

/// `ARAZZO_INPUT_<name>`, exact case first, then UPPER_SNAKE.
pub(crate) fn from_environment(workflow: &Workflow) -> CliInputs {
    let (mut values, mut faults) = (Map::new(), vec![]);
    // What is there for others is not for a stranger: only what is named is read.
    let trusted = workflow.description().trust() != Trust::Remote;
    for input in workflow.inputs().filter(|_| trusted) {
        if let Some(text) = variable("ARAZZO_INPUT_", &input.name) {
            match workflow.typed(&input.name, &text) {
                Ok(value) => {
                    values.insert(input.name.clone(), value);
                }
                Err(wrong) => faults.push(wrong),
            }
        }
    }
    CliInputs { inputs: Inputs::from(values), faults, typed: vec![], made_up: vec![] }
}

fn variable(prefix: &str, name: &str) -> Option<String> {
    environment::variable(&variable_of(prefix, name)?)
}

/// The variable that has the value of a name: exact case first, then UPPER_SNAKE.
fn variable_of(prefix: &str, name: &str) -> Option<String> {
    let names = [format!("{prefix}{name}"), format!("{prefix}{}", variable_name(name))];
    names.into_iter().find(|name| environment::variable(name).is_some())
}

fn file(path: &Path, workflow: &Workflow, stdin: &mut Stdin) -> Result<Json, Error> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        return Err(Error::Setup(format!("`{}`: inputs are read from JSON or YAML, not TOML yet", path.display())));
    }
    let name = path.to_string_lossy();
    let text = stdin.read(&name).map_err(|reason| {
        // `--inputs user=ada`; the value is not said.
        let typed = name.split_once('=').filter(|_| !path.exists()).map(|(name, _)| name);
        let reason = match typed {
            Some(name) => format!("it takes a file of inputs; one input is given with -i {name}=VALUE"),
            None => reason,
        };
        Error::Setup(format!("--inputs: {reason}"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    workflow.parse_inputs(if name == "-" { "stdin" } else { &name }, text)
}

/// The text of a document on standard input; nothing for one that is a file.
///
/// # Errors
/// If standard input cannot be read.
pub(crate) fn document_text(document: &DocumentFlags, stdin: &mut Stdin) -> Result<Option<String>, Error> {
    document.is_stdin().then(|| stdin.read("-").map_err(Error::Setup)).transpose()
}

/// Standard input, which can be read once; `-` names it. Or somebody who can be asked.
pub(crate) struct Stdin {
    was_read: bool,
    /// Its text, once it was read.
    text: Option<String>,
    /// Secrets that were typed.
    asked: BTreeMap<String, String>,
    asks: bool,
}

impl Stdin {
    /// `no_input` if nobody is to be asked.
    pub(crate) fn new(no_input: bool) -> Self {
        let automated = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        let terminal = std::io::stdin().is_terminal() && Stream::People.is_terminal();
        Self { was_read: false, text: None, asked: BTreeMap::new(), asks: !no_input && !automated && terminal }
    }

    /// Begins the next of several runs, which gets what the one before was given.
    pub(crate) fn begin_run(&mut self) {
        self.was_read = false;
    }

    /// `true` if somebody is there who can be asked.
    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// `true` if the user says yes.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        let mut answer = String::new();
        streams::people(&format!("{question} [y/N] "), Stream::People.usual_colors());
        std::io::stdin().read_line(&mut answer).is_ok()
            && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// A value that is typed; nothing, if nobody is there or nothing is typed.
    pub(crate) fn ask_openly(&self, name: &str) -> Option<String> {
        if !self.asks {
            return None;
        }
        streams::people(&format!("{name}: "), Stream::People.usual_colors());
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok()?;
        Some(answer.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty())
    }

    /// A secret that is typed and not shown; nothing, if nobody is there or nothing is typed.
    pub(crate) fn ask(&mut self, name: &str) -> Option<String> {
        if let Some(known) = self.asked.get(name) {
            return Some(known.clone());
        }
        let prompt = self.asks.then(|| format!("{}: ", safe(name)))?;
        let text = rpassword::prompt_password(prompt).ok().filter(|text| !text.is_empty())?;
        self.asked.insert(name.to_owned(), text.clone());
        Some(text)
    }

    /// The text of a file, or of standard input for `-`.
    pub(crate) fn read(&mut self, path: &str) -> Result<String, String> {
        if path != "-" {
            // The values themselves, which may be secrets: they are not said.
            let is_values = path.trim_start().starts_with(['{', '[']) || path.contains('=');
            if is_values && !Path::new(path).exists() {
                let message = "a file is wanted, and these are values: write them into one, or to standard input (`-`)";
                return Err(message.to_owned());
            }
            let text = named(Path::new(path), LARGEST).map_err(|reason| format!("cannot read `{path}`: {reason}"))?;
            return String::from_utf8(text).map_err(|_| format!("`{path}` is not text"));
        }
        if std::mem::replace(&mut self.was_read, true) {
            return Err("stdin can be read only once".to_owned());
        }
        if let Some(text) = &self.text {
            return Ok(text.clone());
        }
        let mut text = vec![];
        let read = std::io::stdin().take(LARGEST + 1).read_to_end(&mut text);
        read.map_err(|error| format!("cannot read stdin: {error}"))?;
        if text.len() as u64 > LARGEST {
            return Err(format!("stdin has more than {} MiB", LARGEST >> 20));
        }
        let text = String::from_utf8(text).map_err(|_| "stdin is not text".to_owned())?;
        Ok(self.text.insert(text).clone())
    }
}

fn fault(name: &str, message: String, help: Option<String>) -> InputFault {
    InputFault::new(Code::InvalidInput, name, message, help)
}
