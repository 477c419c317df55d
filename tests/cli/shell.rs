//! What surrounds the command: completion in real shells, man pages, pages of help.

use super::{Arazzo, Folder, PROVISION, root};
use std::path::Path;
use std::process::Command;

fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        eprintln!("skipped: {program} is absent");
    }
    there
}

/// A command of a shell, with the built command in its path.
fn shell(program: &str, arguments: &[&str], folder: &Path) -> String {
    let built = Path::new(env!("CARGO_BIN_EXE_arazzo")).parent().unwrap();
    let path = format!("{}:{}", built.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    for name in Arazzo::foreign() {
        command.env_remove(name);
    }
    let output = command.args(arguments).current_dir(folder).env("PATH", path).env("TERM", "dumb").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}\n{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// What is offered for the last of these words, by the names that follow.
const CASES: &[(&[&str], &[&str])] = &[
    (&["ru"], &["run", "runs"]),
    (&["run", PROVISION, ""], &["provision-volume-and-sandbox", "apiToken=", "volumeName=", "snapshot=", "mountPath="]),
    (&["run", PROVISION, "--workflow", ""], &["provision-volume-and-sandbox"]),
    (&["run", PROVISION, "-i", ""], &["apiToken=", "volumeName=", "snapshot=", "mountPath="]),
    (&["run", PROVISION, "--input", "vol"], &["volumeName="]),
    (&["run", PROVISION, "-s", "api"], &["apiToken"]),
    (&["run", PROVISION, "-S", ""], &["volumesApi=", "sandboxApi="]),
    (&["graph", PROVISION, ""], &["provision-volume-and-sandbox"]),
    (&["run", PROVISION, "apiT"], &["apiToken="]),
    (&["run", PROVISION, "--fault", "getVolume=r"], &["getVolume=reset"]),
    (&["run", PROVISION, "--report", ""], &["html", "junit", "har", "md", "json"]),
    (&["call", "openapi/daytona-volumes-api-openapi.yml", "getV"], &["getVolume"]),
    (&["explain", "unbraced"], &["unbraced-expression"]),
    (&["run", PROVISION, "--progress", ""], &["auto", "tree", "line", "none"]),
    (&["completions", ""], &["bash", "zsh", "fish", "powershell", "elvish"]),
];

#[test]
fn bash_offers_workflows_inputs_and_sources_of_the_document() {
    if !is_there("bash") {
        return;
    }
    for (words, offered) in CASES {
        let script = "source <(arazzo completions bash); COMP_WORDS=(arazzo \"$@\"); COMP_CWORD=$#; COMP_TYPE=9; \
                      _clap_complete_arazzo arazzo \"${COMP_WORDS[COMP_CWORD]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let text = shell("bash", &[&["--norc", "-c", script, "bash"], *words].concat(), &root());
        let found: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
        assert_eq!(found, *offered, "{words:?}");
    }
}

#[test]
fn names_that_are_flags_are_not_offered() {
    let folder = Folder::new();
    let workflow = |name: &str| format!("- workflowId: {name}\n  steps: [{{stepId: a, operationId: b}}]\n");
    let names: String = ["--allow-private", "-k", "fine", "--", "a;b"].map(workflow).concat();
    folder.write("flow.yaml", format!("arazzo: 1.0.1\ninfo: {{title: t, version: '1'}}\nworkflows:\n{names}"));
    let output =
        Arazzo::new(["--", "arazzo", "run", "flow.yaml", ""]).cwd(folder.path()).env("ARAZZO_COMPLETE", "fish").run();
    let offered: Vec<&str> = output.stdout.lines().filter_map(|line| line.split('\t').next()).collect();
    let own: Vec<&&str> =
        offered.iter().filter(|word| ["--allow-private", "-k", "fine", "--", "a;b"].contains(word)).collect();
    assert!(own.contains(&&"fine"), "{offered:?}");
    // The flag itself has words of its own about it; the workflow would come before them.
    assert!(offered.first() == Some(&"fine"), "{offered:?}");
}

#[test]
fn fish_offers_the_same() {
    if !is_there("fish") {
        return;
    }
    for (words, offered) in CASES {
        let line = format!("arazzo {}", words.join(" "));
        let script = format!("arazzo completions fish | source; complete -C '{line}'");
        let text = shell("fish", &["--no-config", "-c", &script], &root());
        let found: Vec<&str> = text.lines().filter_map(|line| line.split('\t').next()).collect();
        for word in *offered {
            assert!(found.contains(word), "{words:?}: {found:?}");
        }
    }
}

#[test]
fn zsh_takes_its_script_and_is_answered() {
    if is_there("zsh") {
        shell("zsh", &["-f", "-c", "autoload -U compinit; compinit -u -D; source <(arazzo completions zsh)"], &root());
    }
    for (words, offered) in CASES {
        let output = Arazzo::new([&["--", "arazzo"], *words].concat())
            .env("ARAZZO_COMPLETE", "zsh")
            .env("_CLAP_COMPLETE_INDEX", &words.len().to_string())
            .env("_CLAP_IFS", "\n")
            .run();
        output.exits(0);
        let names: Vec<&str> = output
            .stdout
            .lines()
            .map(|line| line.split(':').next().unwrap())
            .filter(|line| !line.starts_with("--"))
            .collect();
        assert_eq!(names, *offered, "{words:?}");
    }
}

#[test]
fn a_document_cannot_put_commands_behind_tab() {
    let folder = Folder::new();
    folder.write(
        "flow.yaml",
        "arazzo: 1.0.1\nworkflows:\n- {workflowId: '$(touch x)'}\n- {workflowId: good, summary: \"a\\e[2Jb\"}\n- {workflowId: \"a\\nb\"}\n",
    );
    let ask = |file: &str| {
        Arazzo::new(["--", "arazzo", "run", file, ""])
            .env("ARAZZO_COMPLETE", "zsh")
            .env("_CLAP_COMPLETE_INDEX", "3")
            .env("_CLAP_IFS", "\n")
            .cwd(folder.path())
            .run()
    };
    let output = ask("flow.yaml");
    output.exits(0).never_says(&["touch", "\u{1b}"]);
    output.check(output.stdout.contains("good"), "the good one");
    // Nothing that can be read is no reason to complain.
    folder.write("broken.yaml", "arazzo: [");
    ask("broken.yaml").exits(0);
    ask("nowhere.yaml").exits(0);
    Arazzo::new(["--", "arazzo", ""]).env("ARAZZO_COMPLETE", "tcsh").run().exits(2);
}

#[test]
fn every_command_has_a_man_page() {
    let folder = Folder::new();
    Arazzo::new(["man", "--dir", "pages"]).cwd(folder.path()).run().exits(0);
    let pages = crate::suite::files_below(&folder.path().join("pages"), &["1"]);
    assert!(pages.len() >= 8, "{pages:?}");
    let output = Arazzo::new(["man", "run"]).run();
    output.exits(0).check(output.stdout.contains(".TH arazzo-run") && output.stdout.contains("max\\-steps"), "a page");
    output.check(output.stdout.contains("130  interrupted"), "the exit codes");
    Arazzo::new(["man", "rn"]).run().exits(2).says(&["there is no command `rn`"]);
    Arazzo::new(["man", "--dir", "/dev/null/x"]).run().exits(7);
}

#[test]
fn help_has_pages_besides_the_commands() {
    let help = |page: &str| Arazzo::new(["help", page]).run();
    for (page, words) in [
        ("flags", "--fault getVolume#2=503"),
        ("exit-codes", "130  interrupted"),
        ("environment", "ARAZZO_SECRET_<name>"),
        ("inputs", "name@FILE"),
        ("output", "--progress FORM"),
        ("run", "--max-steps <N>"),
    ] {
        let output = help(page);
        output.exits(0).check(output.stdout.contains(words), words);
        let listed = Arazzo::new(["help"]).run();
        listed.exits(0).check(listed.stdout.contains(&format!("  {page} ")), page);
    }
    help("exit-kodes").exits(2).says(&["exit-codes"]).prints_nothing();
    // The long form begins with examples, the short one is short.
    let (short, long) = (Arazzo::new(["run", "-h"]).run(), Arazzo::new(["run", "--help"]).run());
    long.exits(0).check(long.stdout.starts_with("Examples:"), "examples first");
    short.exits(0).check(short.stdout.lines().count() < long.stdout.lines().count(), "less than --help");
}
