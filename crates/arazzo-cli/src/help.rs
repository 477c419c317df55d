//! `arazzo help` and `arazzo man`: the manual, from the flags and a few pages of its own.

use std::path::Path;

use arazzo::json;
use arazzo::values::Json;
use clap::builder::StyledStr;
use clap::{ArgAction, Command, CommandFactory};

use crate::exit;
use crate::flags::{Arguments, HelpFlags, ManFlags};
use crate::save::{make_folder, save_in_place};
use crate::show::{Screen, safe};

/// A page that belongs to no command: its name, what it is about, its text.
type Topic = (&'static str, &'static str, fn() -> String);

const TOPICS: [Topic; 5] = [
    ("flags", "what to write for what you want", || FLAGS.to_owned()),
    ("exit-codes", "what the exit code says", || exit::TABLE.to_owned()),
    ("environment", "variables that are read", environment),
    ("inputs", "how inputs and secrets are given", || INPUTS.to_owned()),
    ("output", "what goes to stdout and stderr, in terminals and CI", || OUTPUT.to_owned()),
];

const FLAGS: &str = include_str!("help/flags.txt");

const INPUTS: &str = "\
Inputs of a workflow, the first that gives one wins:
  name=text        behind the document, as -i name=text: arazzo run flow.yaml name=text
  -i name=text     converted to the type of the input's schema
  -i name:=json    a number, an object, a list, as JSON
  -i name@FILE     the text of a file; in multipart bodies it is sent as a file
  -i name:=@FILE   the JSON of a file
  -i '{\"name\": …}' several
  --inputs FILE    JSON or YAML, - is stdin; of several files the last
  ARAZZO_INPUT_name, or ARAZZO_INPUT_NAME (not for a document on the network)
  the default of the schema
What is required and not given is asked for in a terminal (not with --no-input, or where CI is set),
and the command is shown that gives it.

Secrets, which are masked in everything that is shown:
  -s name          from ARAZZO_SECRET_name (or ARAZZO_SECRET_NAME); in a terminal it is asked for
  -s name@FILE     from a file
  -s name=-        from stdin
An input that reaches a credential is masked without being marked.
  --secret-host name=HOST   it goes there and nowhere else; a document on the network
                            sends no secret without";

const OUTPUT: &str = "\
stdout has data and nothing else: the outputs as one JSON object, or with --json one event a line.
stderr has what people read:
  in a terminal    a tree; what is under way is drawn again (not with CI, or TERM=dumb)
  elsewhere        one line for each finished step and each poll
  --progress FORM  tree, line, none
  -v, -vv          headers, and bodies too
  -q, -qq          failures only, nothing
What the lines begin with:
  ok, fail, stop   a step that ended so: its name, request, status, time, visits and attempts;
                   behind -> the step that an action of the document goes to
  loop             a step that goes to itself: which visit, by which action, after which pause
  retry            an attempt that failed and is made again: by which action, the status it got
  call, flow       a step that runs a workflow; a workflow that runs for another
  note, warning    something to know; a code beside it has a page: arazzo explain CODE
  ended            a workflow that an `end` action ended; outputs may have no value
  >, <             headers and bodies of requests and responses, with -v
Below a failure stand the line of the document, the response, why no action took it up, a command
that sends the request again (reproduce:; its variables are those that secrets are read from), and
what was created and not taken back (left behind:).
Text of servers and documents is shown with its control characters written out, such as \\u{1b}: on stderr, in a
terminal, and in the log of a CI job (CI, or a variable of its runner, is set). A file, and a pipe outside of a job, get
bodies exactly as they came.
In GitHub Actions (GITHUB_ACTIONS=true) errors are annotated, and the job's summary gets that of the run.";

/// Variables that are read besides those of flags.
const VARIABLES: [(&str, &str); 17] = [
    ("ARAZZO_INPUT_<name>", "an input; also <NAME>, in capitals with underscores"),
    ("ARAZZO_SECRET_<name>", "a secret input, or a credential of a security scheme; also <NAME>"),
    ("ARAZZO_JOURNAL", "the journal of runs: arazzo run keeps each run in it that calls servers"),
    ("ARAZZO_STATE_KEY", "the key of the journal, 64 hexadecimal digits; else a file beside its folder has one"),
    ("XDG_STATE_HOME", "the folder for the state of programs: arazzo/runs.db in it is the journal if none is named"),
    ("NO_COLOR", "not empty: no colour"),
    ("CLICOLOR_FORCE", "not empty and not 0: colour, also without a terminal"),
    ("TERM", "dumb or empty: no colour, and nothing moves"),
    ("CI", "not empty: nothing moves, and nothing is asked"),
    ("COLUMNS", "the width of reports"),
    ("HTTP_PROXY, HTTPS_PROXY, ALL_PROXY", "proxies, also in small letters"),
    ("NO_PROXY", "hosts that are called without a proxy"),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "the authorities that are trusted, in the place of the system's"),
    ("GITHUB_ACTIONS", "true: errors are annotated"),
    ("GITHUB_WORKSPACE", "the folder that annotations count from"),
    ("GITHUB_STEP_SUMMARY", "the file that gets the summary of a run"),
    ("ARAZZO_COMPLETE", "set by the scripts of arazzo completions"),
];

/// Runs `arazzo help`; the result is the exit code.
pub(crate) fn help(flags: &HelpFlags, screen: &mut Screen) -> u8 {
    if let (true, Some(object)) = (flags.json, object(&flags.about)) {
        return match screen.data(&object.to_string()) {
            Ok(()) => exit::SUCCEEDED,
            Err(_) => exit::OUTPUT,
        };
    }
    let text = match flags.about.as_slice() {
        [] => overview(),
        [topic] if let Some((.., text)) = TOPICS.iter().find(|(name, ..)| name == topic) => text(),
        [command, ..] => match of_command(&flags.about) {
            Some(text) => text,
            None => {
                let known: Vec<&str> = TOPICS.iter().map(|(name, ..)| *name).collect();
                let help = format!("commands are listed by arazzo --help; other pages: {}", known.join(", "));
                screen.fault("usage", &format!("there is no help on `{}`", safe(command)), Some(&help));
                return exit::USAGE;
            }
        },
    };
    match screen.report(text.trim_end()) {
        Ok(()) => exit::SUCCEEDED,
        Err(_) => exit::OUTPUT,
    }
}

/// The help of a command, or of one below it.
fn of_command(words: &[String]) -> Option<String> {
    let mut command = &mut built();
    for word in words {
        command = command.find_subcommand_mut(word)?;
    }
    Some(command.render_long_help().ansi().to_string())
}

/// The commands with their flags for programs, or one of them, or a page; nothing for what there is not.
fn object(about: &[String]) -> Option<Json> {
    let built = built();
    let topic = |name: &String| TOPICS.iter().find(|(known, ..)| known == name);
    Some(match about {
        [] => {
            let commands: Vec<Json> = built.get_subcommands().map(describe_command).collect();
            let pages = TOPICS.iter().map(|(name, about, _)| json!({ "name": name, "about": about }));
            json!({ "v": 1, "commands": commands, "pages": pages.collect::<Vec<_>>() })
        }
        [name] if let Some((name, _, text)) = topic(name) => json!({ "v": 1, "page": name, "text": text() }),
        [name, ..] => json!({ "v": 1, "commands": [describe_command(built.find_subcommand(name)?)] }),
    })
}

fn describe_command(command: &Command) -> Json {
    let text = |text: Option<&StyledStr>| text.map(ToString::to_string);
    let flags = command.get_arguments().filter(|arg| !arg.is_hide_set()).map(|arg| {
        let values: Vec<String> = arg.get_value_names().into_iter().flatten().map(ToString::to_string).collect();
        let defaults: Vec<String> =
            arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        json!({
            "long": arg.get_long(),
            "short": arg.get_short().map(String::from),
            "position": arg.get_index(),
            "values": if arg.get_action().takes_values() { values } else { vec![] },
            "repeatable": matches!(arg.get_action(), ArgAction::Append | ArgAction::Count),
            "required": arg.is_required_set(),
            "default": defaults.first(),
            "variable": arg.get_env().map(|name| name.to_string_lossy().into_owned()),
            "help": text(arg.get_help()),
        })
    });
    json!({ "name": command.get_name(), "about": text(command.get_about()), "flags": flags.collect::<Vec<_>>() })
}

fn overview() -> String {
    let topics: Vec<String> = TOPICS.iter().map(|(name, about, _)| format!("  {name:12} {about}")).collect();
    format!("{}\nOther pages, arazzo help PAGE:\n{}", built().render_long_help().ansi(), topics.join("\n"))
}

fn built() -> Command {
    let mut command = Arguments::command();
    command.build();
    command
}

/// The variables of the flags, and the others.
fn environment() -> String {
    let command = built();
    let mut lines: Vec<(String, String)> = vec![];
    for sub in std::iter::once(&command).chain(command.get_subcommands()) {
        for arg in sub.get_arguments() {
            let (Some(variable), Some(flag)) = (arg.get_env(), arg.get_long()) else { continue };
            let variable = variable.to_string_lossy().into_owned();
            if !lines.iter().any(|(known, _)| *known == variable) {
                lines.push((variable, format!("as --{flag}")));
            }
        }
    }
    lines.sort();
    lines.extend(VARIABLES.iter().map(|(name, about)| ((*name).to_owned(), (*about).to_owned())));
    let lines: Vec<String> = lines.iter().map(|(name, about)| format!("  {name:34}  {about}")).collect();
    format!("Variables that are read; a flag wins over its variable:\n{}", lines.join("\n"))
}

/// Runs `arazzo man`; the result is the exit code.
pub(crate) fn man(flags: &ManFlags, screen: &mut Screen) -> u8 {
    let mut command = built();
    let result = match (&flags.dir, &flags.command) {
        (Some(folder), _) => return pages(command, folder, screen),
        (None, Some(name)) => match command.find_subcommand_mut(name) {
            Some(found) => page(found.clone()),
            None => {
                screen.fault("usage", &format!("there is no command `{}`", safe(name)), None);
                return exit::USAGE;
            }
        },
        (None, None) => page(command),
    };
    match result.and_then(|text| screen.data(text.trim_end())) {
        Ok(()) => exit::SUCCEEDED,
        Err(error) => {
            screen.fault("output", &error.to_string(), None);
            exit::OUTPUT
        }
    }
}

fn page(command: Command) -> std::io::Result<String> {
    let mut text = vec![];
    clap_mangen::Man::new(command).render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// `arazzo.1`, and a page for each command.
fn pages(command: Command, folder: &Path, screen: &mut Screen) -> u8 {
    match make_folder(folder).and_then(|()| save_pages(&command.disable_help_subcommand(true), folder)) {
        Ok(()) => exit::SUCCEEDED,
        Err(error) => {
            screen.fault("output", &format!("the pages could not be written: {}", safe(&error.to_string())), None);
            exit::OUTPUT
        }
    }
}

fn save_pages(command: &Command, folder: &Path) -> std::io::Result<()> {
    for command in std::iter::once(command).chain(command.get_subcommands().filter(|sub| !sub.is_hide_set())) {
        let name = clap_mangen::Man::new(command.clone()).get_filename();
        save_in_place(&folder.join(name), page(command.clone())?.trim_end())?;
    }
    Ok(())
}
