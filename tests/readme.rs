//! What the README says of building, flags, variables and exit codes is what is there; its other commands are run by
//! `pages.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::suite::workspace_root;

pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
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
fn the_readme_begins_with_the_reference_workflow_and_the_tests_and_is_short() {
    let root = workspace_root();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.lines().count() <= 150, "{} lines", readme.lines().count());
    let install = std::env::temp_dir().join(format!("arazzo-readme-{}", std::process::id()));
    let commands: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("cargo ")).collect();
    // Its first block is the first command that a reader types.
    assert_eq!(readme.split("```sh\n").nth(1).unwrap().lines().next(), Some(&*format!("cargo {}", commands[0])));
    for (n, command) in commands.iter().enumerate() {
        let words: Vec<&str> = command.split_whitespace().collect();
        match (n, words.as_slice()) {
            // What is built is shown: it takes minutes.
            (0, ["run", ..]) => {
                assert!(!words.contains(&"-q"), "{command}");
                let text = run(env!("CARGO"), &words, &root);
                assert!(text.contains("\"sandboxState\":\"started\""), "{text}");
            }
            // The command that runs this test.
            (1, ["test"]) => {}
            (2, ["install", ..]) => {
                // Without optimisation, into a folder of its own: what is tried is that it installs.
                let to = install.display().to_string();
                run(env!("CARGO"), &[words.as_slice(), &["--debug", "--root", &to]].concat(), &root);
                let installed = install.join("bin").join(format!("arazzo{}", std::env::consts::EXE_SUFFIX));
                assert!(run(installed.to_str().unwrap(), &["--version"], &root).contains("arazzo"));
            }
            other => panic!("the README has a command of cargo that no test knows: {other:?}"),
        }
    }
    assert_eq!(commands.len(), 3);
    let _ = std::fs::remove_dir_all(&install);
}

/// The pages for people, and those of `arazzo explain`.
pub(crate) fn pages() -> Vec<std::path::PathBuf> {
    let folders = ["docs", "crates/arazzo-engine/pages"].map(|folder| workspace_root().join(folder));
    folders.iter().flat_map(|folder| crate::suite::files_below(folder, &["md"])).collect()
}

/// Every `--flag` in a text.
fn flags(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    let mut found = vec![];
    for (at, _) in text.match_indices("--") {
        let before = text[..at].chars().next_back();
        let name: String = text[at + 2..].chars().take_while(|c| is_part(*c)).collect();
        if before.is_none_or(|c| " `\"'(|[\n".contains(c)) && name.starts_with(|c: char| c.is_ascii_lowercase()) {
            found.push(name.trim_end_matches('-').to_owned());
        }
    }
    found
}

#[test]
fn the_pages_name_no_flag_that_does_not_exist_and_every_flag_says_what_it_does() {
    let root = workspace_root();
    let help = |arguments: &[&str]| run(env!("CARGO_BIN_EXE_arazzo"), arguments, &root);
    let overview = help(&["-h"]);
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let listed = |help: &str| -> Vec<String> {
        let listed = help.split("Commands:").nth(1).unwrap_or_default().split("Options:").next().unwrap();
        listed.lines().filter(is_name).filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
    };
    let mut commands: Vec<Vec<String>> = listed(&overview).into_iter().map(|name| vec![name]).collect();
    assert!(commands.contains(&vec!["run".to_owned()]) && commands.contains(&vec!["help".to_owned()]), "{commands:?}");
    let below = listed(&help(&["runs", "-h"])).into_iter().map(|name| vec!["runs".to_owned(), name]);
    commands.extend(below.filter(|words| words[1] != "help"));
    assert!(commands.len() > 15, "{commands:?}");
    let mut known: Vec<String> = flags(&overview);
    for command in &commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let (short, long) = (help(&[&words[..], &["-h"]].concat()), help(&[&["help"], &words[..]].concat()));
        let command = command.join(" ");
        let heads = |line: &&str| line.trim_start().starts_with('-') && !line.starts_with("        ");
        assert!(short.lines().count() <= 40, "arazzo {command} -h does not fit a screen:\n{short}");
        for name in long.lines().filter(heads).filter_map(|line| flags(line).into_iter().next()) {
            // In the long help a flag has a line of its own, and what it does stands below.
            let mut lines = long.lines().skip_while(|line| !heads(line) || !flags(line).contains(&name));
            let below = lines.nth(1).unwrap_or_default();
            let said = below.trim().starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
            assert!(said, "arazzo {command} --{name} does not say what it does:\n{long}");
            known.push(name);
        }
    }
    // Flags of other commands that the pages speak of.
    known.extend(
        [
            "install",
            "root",
            "install",
            "root",
            "locked",
            "path",
            "workspace",
            "example",
            "help",
            "version",
            "data",
            "out",
            "features",
            // Those of curl and of the server of Restate; those of our commands that are there with the feature, whose page
            // tests/restate runs.
            "retry",
            "retry-delay",
            "retry-all-errors",
            "fail",
            "base-dir",
            "bind-ip",
            "node-name",
            "config-file",
            "restate",
            "restate-admin",
            "advertise",
            "identity-key",
            "listen",
            "retention",
            "wait",
            "id",
            "release",
            // Of installers and package managers.
            "global",
            "rm",
            "repo",
            "static",
        ]
        .map(str::to_owned),
    );
    let mut pages = pages();
    pages.push(root.join("README.md"));
    pages.push(root.join("action.yml"));
    pages.push(root.join("crates/arazzo-cli/src/help/flags.txt"));
    let mut wrong = vec![];
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let unknown = flags(&text).into_iter().filter(|name| !known.contains(name));
        wrong.extend(unknown.map(|name| format!("{}: --{name}", page.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_variable_that_the_command_reads_is_in_its_help() {
    let help = run(env!("CARGO_BIN_EXE_arazzo"), &["help", "environment"], &workspace_root());
    let mut read = vec![];
    for package in ["arazzo", "arazzo-cli"] {
        for path in crate::suite::files_below(&workspace_root().join("crates").join(package).join("src"), &["rs"]) {
            if path.ends_with("flags/restate.rs") && !cfg!(feature = "restate") {
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for opening in ["env::var(\"", "env::var_os(\"", "set(\"", "env = \""] {
                read.extend(
                    text.split(opening).skip(1).map(|rest| rest.split('"').next().unwrap_or_default().to_owned()),
                );
            }
        }
    }
    read.retain(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_') && name.len() > 1);
    assert!(read.len() > 15, "{read:?}");
    for name in read {
        assert!(help.contains(&name), "arazzo help environment does not know {name}");
    }
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

/// The features with which a command of cargo builds each package that it needs.
fn features(words: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let shown = ["--locked", "--prefix", "none", "--format", "{p} = {f}", "--edges"];
    let text = run(env!("CARGO"), &[&["tree"], &shown[..], words].concat(), &workspace_root());
    let mut features = BTreeMap::<String, BTreeSet<String>>::new();
    for (package, features_of) in text.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once(" = ")) {
        features.entry(package.to_owned()).or_default().insert(features_of.to_owned());
    }
    features
}

#[test]
fn the_tests_go_on_with_what_the_first_command_has_built() {
    let tests = features(&["normal,build,dev", "--workspace"]);
    let first = features(&["normal,build", "-p", "arazzo-run"]);
    assert!(first.len() > 100, "{first:?}");
    let anew: Vec<_> = first.iter().filter(|(package, features)| tests.get(*package) != Some(features)).collect();
    assert!(anew.is_empty(), "`cargo test` would build these again, with other features: {anew:#?}");
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
    let text = run(env!("CARGO"), &["run", "-q", "--example", "embed", "--", &server.url()], &root);
    assert!(text.contains("\"Good day, Ada\""), "{text}");
    let requests = server.requests();
    let body: serde_json::Value = serde_json::from_slice(&requests[1].body).unwrap();
    assert_eq!(body, serde_json::json!({"person": 7, "language": "en"}));
}
