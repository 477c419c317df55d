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

/// A folder with what the pages speak of, for commands that write.
fn playground() -> crate::cli::Folder {
    let folder = crate::cli::Folder::new();
    for name in ["specs", "openapi", "examples"] {
        for path in crate::suite::files_below(&workspace_root().join(name), &["yaml", "yml", "json", "md", "txt"]) {
            let inside = path.strip_prefix(workspace_root()).unwrap().to_str().unwrap();
            folder.write(inside, std::fs::read(&path).unwrap());
        }
    }
    folder
}

/// The pages for people, and those of `arazzo explain`.
fn pages() -> Vec<std::path::PathBuf> {
    let folders = ["docs", "crates/arazzo-engine/pages"].map(|folder| workspace_root().join(folder));
    folders.iter().flat_map(|folder| crate::suite::files_below(folder, &["md"])).collect()
}

/// `sh` blocks of a page, as they stand there.
fn blocks(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[cfg(unix)]
#[test]
fn every_command_of_the_pages_in_docs_works() {
    let readme = std::fs::read_to_string(workspace_root().join("README.md")).unwrap();
    let command = Path::new(env!("CARGO_BIN_EXE_arazzo")).parent().unwrap();
    let path = format!("{}:{}", command.display(), std::env::var("PATH").unwrap_or_default());
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let folder = playground();
        for block in blocks(&text) {
            // What takes long, or does not end, is tried for the README.
            let elsewhere = |line: &&str| line.starts_with("cargo ") || line.starts_with("arazzo mock ");
            for line in block.lines().filter(elsewhere) {
                assert!(readme.contains(line) || line.starts_with("arazzo mock "), "{line} in {}", page.display());
            }
            let script: Vec<&str> = block.lines().filter(|line| !elsewhere(line)).collect();
            count += script.len();
            let mut shell = Command::new("bash");
            shell.args(["-e", "-c", &script.join("\n")]).current_dir(folder.path()).env("PATH", &path);
            for name in crate::cli::Arazzo::foreign() {
                shell.env_remove(name);
            }
            let output = shell.stdin(std::process::Stdio::null()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}\n{block}\n{said}", page.display());
        }
    }
    assert!(count >= 10, "{count} commands");
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
    let listed = overview.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let commands: Vec<&str> =
        listed.lines().filter(is_name).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"run") && commands.contains(&"help"), "{commands:?}");
    let mut known: Vec<String> = flags(&overview);
    for command in &commands {
        let (short, long) = (help(&[command, "-h"]), help(&["help", command]));
        let heads = |line: &&str| line.trim_start().starts_with('-') && !line.starts_with("        ");
        for name in short.lines().filter(heads).filter_map(|line| flags(line).into_iter().next()) {
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
