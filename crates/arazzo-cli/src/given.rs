//! Inputs as they were given: flags, files, environment → values by name, with every fault at once.
//!
//! Messages never show a value.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use arazzo::engine::code::Code;
use arazzo::engine::credentials::PARTS;
use arazzo::engine::diagnostic::Help;
use arazzo::engine::inputs::InputFault;
use arazzo::{Credentials, Description, Error, Inputs, Trust, Workflow};
use serde_json::{Map, Value as Json};

use crate::flags::{CredentialFlags, RunFlags};
use crate::show::safe;

/// What was given, and which of it may be seen by others on this machine.
pub(crate) struct Given {
    pub(crate) inputs: Inputs,
    pub(crate) faults: Vec<InputFault>,
    /// Inputs whose values were typed on the command line.
    pub(crate) typed: Vec<String>,
    /// Inputs that nobody gave, and that a mock got all the same.
    pub(crate) made_up: Vec<String>,
}

impl Given {
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
pub(crate) fn collect(flags: &RunFlags, workflow: &Workflow, stdin: &mut Stdin) -> Result<Given, Error> {
    let mut values: Map<String, Json> = Map::new();
    let mut faults = vec![];
    let mut typed = vec![];
    let mut files = Inputs::new();
    // What is there for others is not for a stranger: only what is named is read.
    if workflow.description().trust() != Trust::Remote {
        environment(workflow, &mut values, &mut faults);
    }
    for path in &flags.input_files {
        match file(path, stdin)? {
            Json::Object(members) => values.extend(members),
            _ => faults.push(fault("", format!("`{}` does not hold an object of inputs", path.display()), None)),
        }
    }
    for argument in &flags.inputs {
        match one(argument, workflow, stdin) {
            Ok(One::Input(name, value, on_command_line)) => {
                if on_command_line {
                    typed.push(name.clone());
                }
                values.insert(name, value);
            }
            Ok(One::File(name, path)) => match bytes(&path) {
                Ok(bytes) => {
                    let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
                    values.remove(&name);
                    files = files.file(name, file, bytes);
                }
                Err(error) => {
                    let reason = unread(&path.to_string_lossy(), &error);
                    faults.push(fault(&name, format!("input `{name}`: {reason}"), None));
                }
            },
            Ok(One::All(members)) => {
                typed.extend(members.keys().cloned());
                values.extend(members);
            }
            Err(wrong) => faults.push(wrong),
        }
    }
    for argument in &flags.secrets {
        match secret(argument, workflow, stdin) {
            Ok((name, value)) => {
                values.insert(name, value);
            }
            Err(wrong) => faults.push(wrong),
        }
    }
    Ok(Given { inputs: Inputs::from(values).or(files), faults, typed, made_up: vec![] })
}

/// Inputs as they were typed, but for secrets: what may be shown again.
pub(crate) fn shown(flags: &RunFlags, workflow: &Workflow) -> Map<String, Json> {
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

/// `apiToken` → `API_TOKEN`
pub(crate) fn upper_snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            snake.push('_');
        } else {
            if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
                snake.push('_');
            }
            snake.push(c.to_ascii_uppercase());
        }
        before = c;
    }
    snake
}

enum One {
    Input(String, Json, bool),
    File(String, PathBuf),
    All(Map<String, Json>),
}

/// `{…}`, or a name and a value; the first of `:=@`, `:=`, `=`, `@` decides.
fn one(argument: &str, workflow: &Workflow, stdin: &mut Stdin) -> Result<One, InputFault> {
    if argument.trim_start().starts_with('{') {
        return match serde_json::from_str::<Json>(argument) {
            Ok(Json::Object(members)) => Ok(One::All(members)),
            _ => Err(fault("", "an --input that begins with `{` must be a JSON object".to_owned(), None)),
        };
    }
    let Some(at) = argument.find([':', '=', '@'].as_slice()).map(|first| separator(argument, first)) else {
        return Err(fault(
            argument,
            format!("`{argument}` has no value"),
            Some(format!("write --input {argument}=VALUE")),
        ));
    };
    let Some((at, sign)) = at else {
        return Err(fault("", "an input has no value".to_owned(), Some("write --input NAME=VALUE".to_owned())));
    };
    let (name, value) = (argument.get(..at).unwrap_or_default(), argument.get(at + sign.len()..).unwrap_or_default());
    if name.is_empty() {
        return Err(fault("", "an input has no name".to_owned(), Some("write --input NAME=VALUE".to_owned())));
    }
    let from_file = sign.ends_with('@');
    // A file for a text is kept as one: its bytes may be sent as they are.
    if sign == "@" && value != "-" && workflow.takes_file(name) {
        return Ok(One::File(name.to_owned(), PathBuf::from(value)));
    }
    let text = if from_file {
        stdin.read(value).map_err(|reason| fault(name, format!("input `{name}`: {reason}"), None))?
    } else {
        value.to_owned()
    };
    let json = if sign.starts_with(":=") {
        serde_json::from_str(&text).map_err(|error| {
            fault(
                name,
                format!("input `{name}` is not JSON: column {}", error.column()),
                Some(format!("a text is written --input {name}=TEXT")),
            )
        })?
    } else {
        workflow.typed(name, &text)?
    };
    Ok(One::Input(name.to_owned(), json, !from_file))
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

fn secret(argument: &str, workflow: &Workflow, stdin: &mut Stdin) -> Result<(String, Json), InputFault> {
    let name = secret_name(argument);
    let text = secret_text(argument, "--secret", stdin)?;
    Ok((name.to_owned(), workflow.typed(name, &text)?))
}

/// The value of a secret that was named: from the environment, a file, or stdin.
fn secret_text(argument: &str, flag: &str, stdin: &mut Stdin) -> Result<String, InputFault> {
    let name = secret_name(argument);
    let rest = argument.get(name.len()..).unwrap_or_default();
    let text = if let Some(path) = rest.strip_prefix('@') {
        stdin.read(path).map_err(|reason| fault(name, format!("secret `{name}`: {reason}"), None))?
    } else if rest == "=-" {
        stdin.read("-").map_err(|reason| fault(name, format!("secret `{name}`: {reason}"), None))?
    } else if rest.is_empty() {
        variable("ARAZZO_SECRET_", name).or_else(|| stdin.ask(name)).ok_or_else(|| {
            let help = format!(
                "set ARAZZO_SECRET_{name} (or ARAZZO_SECRET_{}), or give {flag} {name}@FILE",
                upper_snake(name)
            );
            fault(name, format!("secret `{name}` has no value"), Some(help))
        })?
    } else {
        let help = format!("put the value into ARAZZO_SECRET_{name} and write {flag} {name}");
        return Err(fault(name, format!("the value of secret `{name}` may not stand on the command line"), Some(help)));
    };
    // A file or a pipe ends with a line break that is not part of a secret.
    Ok(text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t)).unwrap_or(&text).to_owned())
}

/// Credentials: those that were given, then those of the environment for the schemes of the documents.
pub(crate) fn credentials(
    flags: &CredentialFlags,
    description: &Description,
    stdin: &mut Stdin,
) -> Result<Credentials, Error> {
    let mut credentials = Credentials::new();
    let known = description.trust() != Trust::Remote;
    let named: BTreeSet<&str> = description.schemes().filter(|_| known).map(|(_, scheme)| scheme).collect();
    for scheme in named {
        let parts = PARTS.iter().map(|part| format!("{scheme}.{part}"));
        for key in std::iter::once(scheme.to_owned()).chain(parts) {
            if let Some(value) = variable("ARAZZO_SECRET_", &key) {
                credentials = credentials.scheme(key, value);
            }
        }
    }
    for (name, value) in &flags.headers {
        credentials = credentials.header(name, value);
    }
    let mut faults = vec![];
    for argument in &flags.auth {
        let name = secret_name(argument);
        match argument.get(name.len()..).unwrap_or_default().strip_prefix('=') {
            Some(value) if value != "-" => credentials = credentials.scheme(name, value),
            _ => match secret_text(argument, "--auth", stdin) {
                Ok(value) => credentials = credentials.scheme(name, value),
                Err(wrong) => faults.push(wrong),
            },
        }
    }
    if let Some(argument) = &flags.bearer {
        // A message never shows a value, and this looks like one.
        if secret_name(argument).len() > 60 || argument.starts_with("eyJ") {
            let help = "set ARAZZO_SECRET_TOKEN and write --bearer token".to_owned();
            faults.push(fault("", "--bearer takes the name of a secret, not the token itself".to_owned(), Some(help)));
        } else {
            match secret_text(argument, "--bearer", stdin) {
                Ok(value) => credentials = credentials.bearer(secret_name(argument), value),
                Err(wrong) => faults.push(wrong),
            }
        }
    }
    match flags.user.as_deref().map(|user| user.split_once(':').ok_or(user)) {
        Some(Ok((user, password))) => credentials = credentials.basic(user, password),
        Some(Err(user)) => {
            let help = Some(format!("write -u {user}:PASSWORD"));
            faults.push(fault("", "the user of --user has no password".to_owned(), help));
        }
        None => {}
    }
    if faults.is_empty() { Ok(credentials) } else { Err(Error::Inputs(faults)) }
}

/// `ARAZZO_INPUT_<name>`, exact case first, then UPPER_SNAKE.
fn environment(workflow: &Workflow, values: &mut Map<String, Json>, faults: &mut Vec<InputFault>) {
    for input in workflow.inputs() {
        if let Some(text) = variable("ARAZZO_INPUT_", &input.name) {
            match workflow.typed(&input.name, &text) {
                Ok(value) => {
                    values.insert(input.name.clone(), value);
                }
                Err(wrong) => faults.push(wrong),
            }
        }
    }
}

fn variable(prefix: &str, name: &str) -> Option<String> {
    std::env::var(format!("{prefix}{name}")).or_else(|_| std::env::var(format!("{prefix}{}", upper_snake(name)))).ok()
}

fn file(path: &Path, stdin: &mut Stdin) -> Result<Json, Error> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        return Err(Error::Setup(format!("`{}`: inputs are read from JSON or YAML, not TOML yet", path.display())));
    }
    let name = path.to_string_lossy();
    let text = stdin.read(&name).map_err(|reason| Error::Setup(format!("--inputs: {reason}")))?;
    if path.extension().is_some_and(|extension| extension == "json") {
        return serde_json::from_str(&text).map_err(|error| {
            Error::Setup(format!("`{name}` is not JSON: line {}, column {}", error.line(), error.column()))
        });
    }
    arazzo::parse_values(&name, &text)
}

/// Standard input, which can be read once; `-` names it. Or somebody who can be asked.
pub(crate) struct Stdin {
    was_read: bool,
    asks: bool,
}

impl Stdin {
    /// `no_input` if nobody is to be asked.
    pub(crate) fn new(no_input: bool) -> Self {
        let automated = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        Self { was_read: false, asks: !no_input && !automated && terminal }
    }

    /// `true` if somebody is there who can be asked.
    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// Whether somebody says yes.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        let mut answer = String::new();
        let asked = write!(anstream::stderr(), "{question} [y/N] ");
        asked.and_then(|()| std::io::stdin().read_line(&mut answer)).is_ok()
            && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// A secret that is typed and not shown; nothing, if nobody is there or nothing is typed.
    fn ask(&self, name: &str) -> Option<String> {
        let prompt = self.asks.then(|| format!("{}: ", safe(name)))?;
        rpassword::prompt_password(prompt).ok().filter(|text| !text.is_empty())
    }

    fn read(&mut self, path: &str) -> Result<String, String> {
        if path != "-" {
            let text = bytes(Path::new(path)).map_err(|error| unread(path, &error))?;
            return String::from_utf8(text).map_err(|_| format!("`{path}` is not text"));
        }
        if std::mem::replace(&mut self.was_read, true) {
            return Err("stdin can be read only once".to_owned());
        }
        let text = up_to_limit(std::io::stdin()).map_err(|error| format!("cannot read stdin: {error}"))?;
        String::from_utf8(text).map_err(|_| "stdin is not text".to_owned())
    }
}

/// Bytes of the largest file that is read for an input.
const INPUT_BYTES: u64 = 64 << 20;

/// A file that the user named. It may be a pipe (`@<(pass show token)`), but not endless.
fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    up_to_limit(std::fs::File::open(path)?)
}

fn up_to_limit(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![];
    reader.take(INPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > INPUT_BYTES {
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            format!("it has more than {} MiB", INPUT_BYTES >> 20),
        ));
    }
    Ok(bytes)
}

fn unread(path: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("no such file `{path}`"),
        _ => format!("cannot read `{path}`: {error}"),
    }
}

fn fault(name: &str, message: String, help: Option<String>) -> InputFault {
    InputFault { code: Code::InvalidInput, name: name.to_owned(), message, help: help.map(Help::words) }
}
