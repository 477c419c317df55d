//! Every command of the README is run: what the front door says is what is there.

use std::path::Path;
use std::process::Command;

use crate::suite::workspace_root;

/// The lines of the README's `sh` blocks.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(workspace_root().join("README.md")).unwrap();
    let mut commands = vec![];
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("CARGO_TERM_COLOR", "never").env_remove("ARAZZO_REQUIRE_SHARED");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ARAZZO_")) {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}\n{text}");
    text
}

#[test]
fn every_command_of_the_readme_works() {
    let root = workspace_root();
    let install = std::env::temp_dir().join(format!("arazzo-readme-{}", std::process::id()));
    let commands = commands();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in &commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            // The command that runs this test.
            ["cargo", "test"] => {}
            ["cargo", "install", rest @ ..] => {
                // Without optimisation, into a folder of its own: what is tried is that it installs.
                let to = install.display().to_string();
                let arguments: Vec<&str> =
                    ["install"].iter().chain(rest).copied().chain(["--debug", "--root", &to]).collect();
                run(env!("CARGO"), &arguments, &root);
                let installed = install.join("bin").join(format!("arazzo{}", std::env::consts::EXE_SUFFIX));
                assert!(run(installed.to_str().unwrap(), &["--version"], &root).contains("arazzo"));
            }
            ["cargo", rest @ ..] => {
                let text = run(env!("CARGO"), rest, &root);
                assert!(text.contains("\"sandboxState\":\"started\""), "{text}");
            }
            // Serves until it is stopped: tests/cli/mock.rs does that, on ports of its own.
            ["arazzo", "mock", rest @ ..] => {
                assert!(rest.first().is_some_and(|document| root.join(document).exists()), "{rest:?}");
                assert!(run(env!("CARGO_BIN_EXE_arazzo"), &["mock", "--help"], &root).contains("--port"));
            }
            ["arazzo", rest @ ..] => {
                run(env!("CARGO_BIN_EXE_arazzo"), rest, &root);
            }
            other => panic!("the README has a command that no test knows: {other:?}"),
        }
    }
    let _ = std::fs::remove_dir_all(&install);
}

#[test]
fn ci_runs_the_test_command_of_the_readme() {
    let script = std::fs::read_to_string(workspace_root().join(".ci/run")).unwrap();
    assert!(script.contains("cargo test") && script.contains("ARAZZO_REQUIRE_SHARED=1"));
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_help() {
    let help = run(env!("CARGO_BIN_EXE_arazzo"), &["run", "--help"], &workspace_root());
    let readme = std::fs::read_to_string(workspace_root().join("README.md")).unwrap();
    let codes = |text: &str| -> Vec<u32> {
        text.lines()
            .filter_map(|line| line.trim_start_matches(['|', ' ']).split([' ', '|']).next()?.parse().ok())
            .collect()
    };
    let from_help: Vec<u32> = codes(help.split("Exit codes:").nth(1).unwrap());
    let from_readme: Vec<u32> = codes(readme.split("| exit | meaning |").nth(1).unwrap().split("\n\n").next().unwrap());
    assert_eq!(from_help, from_readme);
    assert!(from_help.len() >= 8);
}

#[test]
fn the_embedding_example_is_short_and_runs() {
    let root = workspace_root();
    let source = std::fs::read_to_string(root.join("examples/embed.rs")).unwrap();
    assert!(source.lines().count() < 30, "examples/embed.rs has {} lines", source.lines().count());
    let server = crate::server::Server::start(|request, _| match request.path.as_str() {
        "/people?name=Ada" => crate::server::Reply::status(200).json(&serde_json::json!({"id": 7, "language": "en"})),
        "/greetings" => crate::server::Reply::status(201).json(&serde_json::json!({"text": "Good day, Ada"})),
        _ => crate::server::Reply::status(404),
    });
    let text = run(env!("CARGO"), &["run", "-q", "-p", "arazzo", "--example", "embed", "--", &server.url()], &root);
    assert!(text.contains("\"Good day, Ada\""), "{text}");
    let requests = server.requests();
    let body: serde_json::Value = serde_json::from_slice(&requests[1].body).unwrap();
    assert_eq!(body, serde_json::json!({"person": 7, "language": "en"}));
}
