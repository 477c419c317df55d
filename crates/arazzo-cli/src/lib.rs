//! The command line of `arazzo`: flags in, results out. Sees the library's public items only, and decides nothing
//! about how a workflow runs.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::process::ExitCode;

mod asking;
mod call;
mod cases;
mod complete;
mod document_files;
mod dry_run;
mod environment;
mod execute;
mod exit;
mod explain;
mod faults;
mod find;
mod flags;
mod fmt;
mod github;
mod given;
mod graph;
mod help;
mod inputs;
mod inspect;
mod job;
mod journal;
mod kept_events;
mod lint;
#[cfg(feature = "lsp")]
mod lsp;
mod meant;
mod mistyped;
mod mock;
mod names;
mod permit;
mod project;
mod remedies;
mod replay;
mod report;
mod requested;
#[cfg(feature = "restate")]
mod restate;
mod rows;
mod run;
mod runs;
mod save;
mod saved;
mod schema;
mod settings;
mod several;
mod show;
mod shown_command;
mod signal;
mod streams;
mod test;
mod watch;
mod words;

use flags::{Arguments, Command};
use show::Screen;

/// Runs the command with these arguments, the first of which is its own name; the result is the exit code
/// (`arazzo run --help` lists them).
pub fn main(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        let words = panicked(info.payload().downcast_ref::<&str>().copied(), place.as_deref());
        streams::people(&words, streams::ColorChoice::Never);
    }));
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    if let Some(code) = complete::answer(arguments.iter().cloned()) {
        return code;
    }
    let arguments = meant::with_command(arguments);
    words::keep(&arguments);
    let arguments = match environment::load(arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            let mut screen = Screen::new(requested::Color::Auto, words::asks_for_json());
            screen.fault("setup", &message, None);
            screen.finish(exit::USAGE);
            return ExitCode::from(exit::USAGE);
        }
    };
    let parsed = match environment::parse(arguments.iter().cloned()) {
        Ok(parsed) => parsed,
        Err(error) => return ExitCode::from(mistyped::say(error)),
    };
    let mut screen = Screen::new(parsed.common.color, words::asks_for_json());
    let arguments = match with_project(parsed, arguments) {
        Ok(Ok(arguments)) => arguments,
        Ok(Err(error)) => return ExitCode::from(mistyped::say(error)),
        Err(error) => {
            let code = screen.error(&error);
            screen.finish(code);
            return ExitCode::from(code);
        }
    };
    let code = match arguments.command {
        Command::Run(flags) if flags.several.any() => several::run(*flags, &mut screen),
        Command::Run(flags) => run::run(*flags, &mut screen),
        Command::Call(flags) => call::call(*flags, &mut screen),
        Command::Inspect(flags) => inspect::inspect(flags, &mut screen),
        Command::Explain(flags) => explain::explain(&flags, &mut screen),
        Command::Lint(flags) => lint::lint(&flags, &mut screen),
        Command::Fmt(flags) => fmt::fmt(&flags, &mut screen),
        #[cfg(feature = "lsp")]
        Command::Lsp(_) => lsp::lsp(&mut screen),
        Command::Mock(flags) => mock::mock(&flags, &mut screen),
        Command::Graph(flags) => graph::graph(&flags, &mut screen),
        Command::Test(flags) => test::test(&flags, &mut screen),
        Command::Replay(flags) => replay::replay(&flags, &mut screen),
        Command::Completions(flags) => complete::completions(&flags, &mut screen),
        Command::Man(flags) => help::man(&flags, &mut screen),
        Command::Help(flags) => help::help(&flags, &mut screen),
        Command::Report(flags) => report::report(&flags, &mut screen),
        Command::Runs(flags) => runs::runs(flags, &mut screen),
        #[cfg(feature = "restate")]
        Command::Worker(flags) => restate::worker(&flags, &mut screen),
        #[cfg(feature = "restate")]
        Command::Start(flags) => restate::start(&flags, &mut screen),
        Command::Schema(flags) => schema::schema(&flags, &mut screen),
    };
    screen.finish(code);
    ExitCode::from(code)
}

/// The command line with what the project of its document says about it.
fn with_project(mut parsed: Arguments, words: Vec<OsString>) -> Result<Result<Arguments, clap::Error>, arazzo::Error> {
    let (command, path, profile) = match &parsed.command {
        Command::Run(flags) => ("run", flags.document.document.clone(), &flags.profile),
        Command::Test(flags) => ("test", flags.paths.first().cloned().unwrap_or_else(|| ".".into()), &flags.profile),
        _ => return Ok(Ok(parsed)),
    };
    if profile.no_config || arazzo::is_remote(&path) {
        return Ok(Ok(parsed));
    }
    let settings::Settings { flags, servers } = settings::of(command, &path, profile.profile.as_deref())?;
    if !flags.is_empty() {
        let at = words.iter().position(|word| word == command).map_or(1, |at| at + 1);
        let (before, behind) = words.split_at_checked(at).unwrap_or((&words, &[]));
        let all = before.iter().chain(&flags).chain(behind).cloned();
        parsed = match environment::parse(all) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(Err(error)),
        };
    }
    match &mut parsed.command {
        Command::Run(flags) => flags.document.server.project = run::servers_of_project(flags, servers)?,
        Command::Test(flags) => flags.server.project = servers,
        _ => {}
    }
    Ok(Ok(parsed))
}

/// The report of a fault of this program. A message that was put together at run time may hold a secret: only one
/// that stands in the source is shown.
fn panicked(message: Option<&str>, place: Option<&str>) -> String {
    let message = message.map(|message| format!(": {message}")).unwrap_or_default();
    let place = place.unwrap_or("an unknown place");
    format!("error[internal]: a fault in arazzo at {place}{message}\n  help: please report it, see SECURITY.md\n")
}

#[cfg(test)]
mod tests {
    use super::panicked;

    #[test]
    #[expect(clippy::panic, reason = "a panic is what is tested")]
    fn a_panic_shows_no_text_that_was_made_at_run_time() {
        let hook = |info: &std::panic::PanicHookInfo<'_>| {
            let words = panicked(info.payload().downcast_ref::<&str>().copied(), Some("here.rs:1"));
            assert!(words.contains("here.rs:1") && !words.contains("the-secret"), "{words}");
        };
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(hook));
        let secret = String::from("the-secret");
        let caught = std::panic::catch_unwind(|| std::panic::panic_any(format!("value {secret}")));
        std::panic::set_hook(before);
        assert!(caught.is_err());
        assert!(panicked(Some("index out of range"), None).contains("index out of range"));
    }
}
