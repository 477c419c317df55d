//! The README and the pages in `docs/` are run: what they show is what is there. A block is run by what stands behind its
//! three backticks:
//!
//! - `sh`: the lines run, and succeed.
//! - `console`: what stands behind `$ ` runs, and below stands what it prints, on both streams, but for times and ports.
//! - `yaml flow.yaml`: a file of this name. Of one in `.github/`, the lines `- run: arazzo …` run.
//! - `yaml from FILE`, `rust from FILE`: these lines stand in that file.
//!
//! All blocks of a page share a shell and a folder, with `specs`, `openapi` and `examples` if commands name one of them.
//! `UPDATE=1` writes into the page what is printed.

use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::{Arazzo, Folder};
use crate::suite::{files_below, workspace_root};

/// The port at which the pages start a mock; when they are tried, it is another one that is free.
const PORT: &str = "4010";

/// A block: the words behind its backticks, and the numbers of its lines.
struct Block<'p> {
    words: Vec<&'p str>,
    lines: Range<usize>,
}

fn blocks<'p>(page: &[&'p str]) -> Vec<Block<'p>> {
    let (mut blocks, mut at) = (vec![], 0);
    while let Some(line) = page.get(at) {
        let words: Vec<&str> = line.strip_prefix("```").unwrap_or_default().split_whitespace().collect();
        at += 1;
        if !words.is_empty() {
            let length = page[at..].iter().position(|line| *line == "```").expect("every block ends");
            blocks.push(Block { words, lines: at..at + length });
            at += length + 1;
        }
    }
    blocks
}

/// A command, and the lines of the page that have its output; none for one that has to succeed.
struct Step {
    command: String,
    expected: Option<Range<usize>>,
}

/// A page as a script of bash, which leaves what step N prints in `$OUT/N`, and `$OUT/N.done` if the script went on.
struct Script {
    text: String,
    steps: Vec<Step>,
    files: usize,
    port: String,
    out: Folder,
}

impl Script {
    fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let text = "trap 'kill $(jobs -p) 2>/dev/null' EXIT\nset -e\n".to_owned();
        Self { text, steps: vec![], files: 0, port, out: Folder::new() }
    }

    fn command(&mut self, command: &str, expected: Option<Range<usize>>) {
        let (n, port) = (self.steps.len(), self.port.clone());
        let command = command.replace(PORT, &port);
        let to = format!(">\"$OUT/{n}\" 2>&1 </dev/null");
        let text = if command.starts_with("arazzo mock ") {
            let open = format!("(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null");
            format!("{command} {to} &\nfor i in $(seq 600); do {open} && break; sleep 0.05; done")
        } else if expected.is_some() {
            format!("set +e\n{{\n{command}\n}} {to}\nset -e")
        } else {
            format!("{{\n{command}\n}} {to}")
        };
        writeln!(self.text, "{text}\n: >\"$OUT/{n}.done\"").unwrap();
        self.steps.push(Step { command, expected });
    }

    fn file(&mut self, name: &str, lines: &[&str]) {
        let kept = format!("file-{}", self.files);
        self.files += 1;
        self.out.write(&kept, lines.join("\n") + "\n");
        writeln!(self.text, "mkdir -p \"$(dirname '{name}')\"; cp \"$OUT/{kept}\" '{name}'").unwrap();
    }

    /// Commands that have to succeed, in one piece; a server is started beside them.
    fn sh(&mut self, lines: &[&str]) {
        for part in lines.chunk_by(|a, b| !is_mock(a) && !is_mock(b)) {
            let part: Vec<&str> = part.iter().copied().filter(|line| !line.starts_with("cargo ")).collect();
            if !part.is_empty() {
                self.command(&part.join("\n"), None);
            }
        }
    }

    fn console(&mut self, page: &[&str], lines: Range<usize>) {
        let commands: Vec<usize> = lines.clone().filter(|at| page[*at].starts_with("$ ")).collect();
        assert_eq!(commands.first(), Some(&lines.start), "a console begins with a command");
        let ends = commands.iter().skip(1).copied().chain([lines.end]);
        for (at, end) in commands.iter().zip(ends) {
            self.command(&page[*at][2..], Some(at + 1..end));
        }
    }

    fn run(&self, folder: &Path) {
        let beside = Path::new(env!("CARGO_BIN_EXE_arazzo")).parent().unwrap();
        let path = format!("{}:{}", beside.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("bash");
        shell.args(["-c", &self.text]).current_dir(folder).stdin(Stdio::null());
        for name in Arazzo::foreign() {
            shell.env_remove(name);
        }
        shell.env("PATH", &path).env("OUT", self.out.path()).output().unwrap();
    }

    /// What a step prints.
    fn printed(&self, step: usize) -> String {
        let bytes = fs::read(self.out.path().join(step.to_string())).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace(&self.port, PORT)
    }
}

fn is_mock(line: &str) -> bool {
    line.starts_with("arazzo mock ")
}

/// What is the same in every run: without times, dates, ports, and the width of columns.
fn masked(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, mask) in [
        (r"(127\.0\.0\.1|localhost):\d+", "${1}:0"),
        (r"\d+(\.\d+)? ?(ms|s)\b", "0s"),
        (r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "DATE"),
        (r" +", " "),
    ] {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, mask).into_owned();
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// A folder with what the commands name.
fn folder_for(script: &Script) -> Folder {
    let folder = Folder::new();
    let names = ["specs", "openapi", "examples"];
    let named = |name: &&str| script.steps.iter().any(|step| step.command.contains(&format!("{name}/")));
    for name in names.iter().filter(|_| names.iter().any(named)) {
        for path in files_below(&workspace_root().join(name), &["yaml", "yml", "json", "md", "txt"]) {
            let inside = path.strip_prefix(workspace_root()).unwrap().to_str().unwrap();
            folder.write(inside, fs::read(&path).unwrap());
        }
    }
    folder
}

/// Whether these lines stand in a file, one behind the other, however far they are indented.
fn stands_in(file: &str, lines: &[&str]) -> bool {
    let text = fs::read_to_string(workspace_root().join(file)).unwrap_or_default();
    let there: Vec<&str> = text.lines().map(str::trim).collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    there.windows(lines.len()).any(|window| window == lines)
}

#[track_caller]
fn check(page: &Path) {
    let name = page.display();
    let text = fs::read_to_string(page).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut script = Script::new();
    for block in blocks(&lines) {
        let own = &lines[block.lines.clone()];
        match block.words.as_slice() {
            ["sh"] => script.sh(own),
            ["console"] => script.console(&lines, block.lines),
            [_, "from", file] => assert!(stands_in(file, own), "{name}: not in {file}:\n{}", own.join("\n")),
            [_, file] => {
                script.file(file, own);
                let runs = own.iter().filter_map(|line| line.trim().strip_prefix("- run: "));
                for command in runs.filter(|command| file.starts_with(".github/") && command.starts_with("arazzo ")) {
                    script.command(command, None);
                }
            }
            _ => {}
        }
    }
    if script.steps.is_empty() {
        return;
    }
    script.run(folder_for(&script).path());
    let update = std::env::var_os("UPDATE").is_some();
    let mut new: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    for (n, step) in script.steps.iter().enumerate().rev() {
        let printed = script.printed(n);
        let done = script.out.path().join(format!("{n}.done")).exists();
        assert!(done, "{name}: this fails, or a command before it:\n{}\n{printed}", step.command);
        let Some(range) = step.expected.clone() else { continue };
        let expected = lines[range.clone()].join("\n");
        if masked(&printed) != masked(&expected) {
            assert!(update, "{name}: $ {}\n--- the page\n{expected}\n--- printed\n{printed}", step.command);
            new.splice(range, printed.trim_end().lines().map(str::to_owned));
        }
    }
    if update {
        fs::write(page, new.join("\n") + "\n").unwrap();
    }
}

#[test]
fn the_readme_is_what_the_command_does() {
    check(&workspace_root().join("README.md"));
}

#[test]
fn the_tutorial_is_what_the_command_does() {
    check(&workspace_root().join("docs/tutorial.md"));
}

#[test]
fn the_cookbook_is_what_the_command_does() {
    check(&workspace_root().join("docs/cookbook.md"));
}

#[test]
fn every_other_page_is_what_the_command_does() {
    let mut pages = crate::readme::pages();
    pages.retain(|page| !page.ends_with("docs/tutorial.md") && !page.ends_with("docs/cookbook.md"));
    pages.iter().for_each(|page| check(page));
}

#[test]
fn what_takes_long_on_a_page_is_tried_elsewhere() {
    let root = workspace_root();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    for page in crate::readme::pages() {
        let text = fs::read_to_string(&page).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for block in blocks(&lines) {
            let own = &lines[block.lines.clone()];
            for line in own.iter().filter(|line| block.words == ["sh"] && line.starts_with("cargo ")) {
                // Those of the README are run by tests/readme.rs, the examples by that and tests/session.rs.
                let known = readme.contains(line) || line.starts_with("cargo run --example ");
                assert!(known, "{line} in {}", page.display());
            }
            let quoted = block.words.get(1) == Some(&"from");
            let is_rust = page.ends_with("docs/embedding.md") && block.words.first() == Some(&"rust");
            assert!(!is_rust || quoted, "{}: Rust of no example:\n{}", page.display(), own.join("\n"));
        }
    }
}

/// The files that a page links to, from the root of the workspace.
fn linked(page: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(page).unwrap();
    let link = regex::Regex::new(r"\]\(([^)#\s]+)(#[^)]*)?\)").unwrap();
    let targets = link.captures_iter(&text).map(|found| found[1].to_owned());
    targets.filter(|target| !target.contains("://")).map(|target| page.parent().unwrap().join(target)).collect()
}

#[test]
fn links_lead_to_files_and_the_index_to_every_page() {
    let root = workspace_root();
    let mut pages = files_below(&root.join("docs"), &["md"]);
    pages.extend(["README.md", "SECURITY.md", "CONTRIBUTING.md", "examples/README.md"].map(|page| root.join(page)));
    for page in &pages {
        for target in linked(page) {
            assert!(target.exists(), "{} links to {}", page.display(), target.display());
        }
    }
    let index = root.join("docs/index.md");
    let listed: Vec<PathBuf> = linked(&index).iter().map(|path| path.canonicalize().unwrap()).collect();
    for page in pages.iter().filter(|page| page.parent() == index.parent() && **page != index) {
        assert!(listed.contains(&page.canonicalize().unwrap()), "docs/index.md does not list {}", page.display());
    }
}
