//! The arrows of ARCHITECTURE.md, and that documents say what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use arazzo_engine::code::Code;
use arazzo_engine::reason::Reason;
use serde_json::Value as Json;

use crate::suite::{suite_path, workspace_root};

/// The engine's rooms in the order of ARCHITECTURE.md: a room may use only rooms above it.
const ROOMS: &[&str] = &[
    "string_enum",
    "code",
    "reason",
    "remedy",
    "address",
    "media_type",
    "source",
    "diagnostic",
    "readings",
    "event_stream",
    "fingerprint",
    "value",
    "node",
    "json_schema",
    "document",
    "openapi",
    "asyncapi",
    "expr",
    "load",
    "credentials",
    "limits",
    "gate",
    "program",
    "inputs",
    "compile",
    "lint",
    "index",
    "format",
    "redact",
    "event",
    "stand_in",
    "machine",
    "mock",
    "plan",
    "graph",
    "report",
];

/// Uses that are not arrows of the flow: walls that must stand whatever the order says.
const WALLS: [(&str, &[&str]); 5] = [
    ("machine", &["document", "load", "compile", "node"]),
    ("mock", &["document", "load", "compile"]),
    ("report", &["machine", "program"]),
    ("expr", &["openapi", "node", "document"]),
    ("openapi", &["expr", "document"]),
];

const FORBIDDEN_IN_THE_ENGINE: [&str; 12] = [
    "std::net",
    "std::fs",
    "std::env",
    "std::thread",
    "std::process",
    "Instant::now",
    "SystemTime::now",
    "std::time::SystemTime",
    "std::time::Instant",
    "tokio",
    "reqwest",
    "HashMap::iter",
];

fn sources_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn engine() -> PathBuf {
    workspace_root().join("crates/arazzo-engine/src")
}

/// The room a file of the engine belongs to, and the code of the file without comments.
fn rooms() -> Vec<(String, PathBuf, String)> {
    let root = engine();
    let mut found = vec![];
    for path in sources_below(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = first.trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        found.push((room, path, code));
    }
    found
}

/// Rooms named by `crate::room` in some code.
fn uses(code: &str) -> Vec<String> {
    let mut found = vec![];
    let mut rest = code;
    while let Some((_, after)) = rest.split_once("crate::") {
        let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        // A macro stands at the root, wherever it is written.
        found.push(if name.starts_with("json") && !name.contains("schema") { "value".to_owned() } else { name });
        rest = after;
    }
    found
}

#[test]
fn rooms_of_the_engine_use_only_rooms_above_them() {
    let order: BTreeMap<&str, usize> = ROOMS.iter().enumerate().map(|(index, room)| (*room, index)).collect();
    let mut wrong = vec![];
    for (room, path, code) in rooms().iter().filter(|(room, ..)| room != "lib") {
        let Some(own) = order.get(room.as_str()) else {
            wrong.push(format!("{} is a room that the list does not know", path.display()));
            continue;
        };
        for used in uses(code).iter().filter(|used| *used != room) {
            if order.get(used.as_str()).is_none_or(|other| other > own) {
                wrong.push(format!("{}: {room} uses {used}", path.display()));
            }
        }
        for (_, walled) in WALLS.iter().filter(|(walled, _)| walled == room) {
            wrong.extend(
                uses(code)
                    .iter()
                    .filter(|used| walled.contains(&used.as_str()))
                    .map(|used| format!("{}: a wall stands between {room} and {used}", path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_engine_names_nothing_of_the_world() {
    let mut wrong = vec![];
    for (_, path, code) in rooms() {
        wrong.extend(
            FORBIDDEN_IN_THE_ENGINE
                .iter()
                .filter(|word| code.contains(**word))
                .map(|word| format!("{} names {word}", path.display())),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_packages_stand_in_a_straight_line() {
    let manifest =
        |name: &str| std::fs::read_to_string(workspace_root().join("crates").join(name).join("Cargo.toml")).unwrap();
    let dependencies = |name: &str| {
        let text = manifest(name);
        let from = text.find("[dependencies]").unwrap();
        let section = &text[from + 1..];
        section[..section.find("\n[").unwrap_or(section.len())].to_owned()
    };
    let engine = dependencies("arazzo-engine");
    for world in ["tokio", "reqwest", "hyper", "clap", "arazzo.", "arazzo "] {
        assert!(!engine.contains(world), "arazzo-engine depends on {world}");
    }
    let library = dependencies("arazzo");
    assert!(!library.contains("clap") && !library.contains("arazzo-cli"), "arazzo depends on the terminal");
    assert!(!dependencies("arazzo-cli").contains("arazzo-engine"), "arazzo-cli reaches past the library");
}

#[test]
fn the_command_names_nothing_of_the_engine_but_what_the_library_offers() {
    let mut wrong = vec![];
    for path in sources_below(&workspace_root().join("crates/arazzo-cli/src")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let named = ["arazzo::engine", "arazzo_engine", "engine::", "extern crate"].iter();
        // A crate of completions has a module of that name.
        let text = text.replace("clap_complete::engine::", "");
        wrong.extend(named.filter(|name| text.contains(**name)).map(|name| format!("{}: {name}", path.display())));
    }
    assert!(wrong.is_empty(), "re-export it in a group of crates/arazzo/src/lib.rs:\n{}", wrong.join("\n"));
}

#[test]
fn the_reference_workflow_is_shipped_as_it_was_published() {
    let Some(folder) = crate::suite::shared("daytona") else { return };
    let published = std::fs::read(folder.join("daytona-io-provision-volume-and-sandbox-workflow.yml")).unwrap();
    let shipped = std::fs::read(workspace_root().join("specs/daytona-provision.yml")).unwrap();
    assert!(published == shipped, "specs/daytona-provision.yml differs from the published workflow");
}

#[test]
fn no_package_has_unsafe_code_or_a_build_script() {
    let mut packages = 0;
    for entry in std::fs::read_dir(workspace_root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        assert!(!folder.join("build.rs").exists(), "{}", folder.display());
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("build = "), "{}", folder.display());
        for root in ["lib.rs", "main.rs"].map(|name| folder.join("src").join(name)).iter().filter(|path| path.exists())
        {
            let text = std::fs::read_to_string(root).unwrap();
            assert!(text.contains("#![forbid(unsafe_code)]"), "{}", root.display());
            packages += 1;
        }
    }
    assert!(packages >= 4);
}

/// The code of a file without comments and tests.
fn code_of(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\n").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Where some words may stand, and why nowhere else.
const DOORS: [(&[&str], &[&str], &str); 5] = [
    (
        &["fs::read(", "fs::read_to_string", "fs::{", "File::open", "tokio::fs", ".read(true)", "fs::read;"],
        // The files of a journal are its own.
        &["arazzo/src/documents/files.rs", "arazzo/src/journal/private_file.rs"],
        "files are opened where the policy about them is asked",
    ),
    (
        &["OpenOptions"],
        &["arazzo-cli/src/save.rs", "arazzo-cli/src/github.rs", "arazzo/src/journal/private_file.rs"],
        "files are written as they were asked for",
    ),
    (
        &[
            "File::create",
            "File::options",
            "fs::write",
            "fs::copy",
            "fs::rename",
            "fs::remove",
            "fs::set_permissions",
            "create_dir",
            "fs::symlink(",
            "hard_link",
            "generate_to",
            "UnixListener",
        ],
        &["arazzo-cli/src/save.rs", "arazzo/src/journal/private_file.rs"],
        "what is written is in the place that was meant, whatever link stands there",
    ),
    (
        &["read_dir"],
        &["arazzo-cli/src/find.rs", "arazzo/src/documents/fetch.rs"],
        "folders are looked into where links are known",
    ),
    (
        &["error.print()", "error.exit()", ".get_matches", "Arguments::parse("],
        &["arazzo-cli/src/mistyped.rs"],
        "what the parser of flags says may hold secrets",
    ),
];

#[test]
fn files_and_messages_of_the_parser_have_one_door() {
    let crates = workspace_root().join("crates");
    let mut wrong = vec![];
    for path in sources_below(&crates.join("arazzo/src")).iter().chain(&sources_below(&crates.join("arazzo-cli/src"))) {
        let code = code_of(path);
        for (words, doors, why) in &DOORS {
            let is_door = doors.iter().any(|door| path.ends_with(door));
            // `use std::fs::{…}` is looked at by what it is used for, where files are only written.
            let is_writer = path.ends_with("arazzo-cli/src/save.rs");
            let named = |word: &&&str| code.contains(**word) && !(is_writer && **word == "fs::{");
            let found = words.iter().filter(named).map(|word| format!("{}: `{word}`, and {why}", path.display()));
            wrong.extend(found.filter(|_| !is_door));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The doors are there.
    for door in DOORS.iter().flat_map(|(_, doors, _)| *doors) {
        assert!(crates.join(door).is_file(), "{door}");
    }
}

/// What cargo knows of every package in the tree: of all platforms where they are downloaded, else of this one.
fn metadata() -> Json {
    let cargo = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO")).args(arguments).current_dir(workspace_root()).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), output.stderr)
    };
    let all = ["metadata", "--format-version", "1", "--locked", "--offline"];
    let (found, mut text, _) = cargo(&all);
    if !found {
        eprintln!("skipped: what packages of other platforms ask of Rust (cargo fetch --locked downloads them)");
        let (_, version, _) = cargo(&["-vV"]);
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let (found, here, problem) = cargo(&[&all[..], &["--filter-platform", host]].concat());
        assert!(found, "{}", String::from_utf8_lossy(&problem));
        text = here;
    }
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_rust_that_the_project_asks_for_is_at_least_that_of_every_dependency() {
    // `1.88` is `1.88.0`.
    let numbers = |version: &str| -> [u32; 3] {
        [0, 1, 2].map(|at| version.split('.').nth(at).map_or(0, |part| part.parse().unwrap()))
    };
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let rust = |package: &Json| package["rust_version"].as_str().map(str::to_owned);
    // Those of the workspace come from no registry.
    let own: Vec<String> =
        packages.iter().filter(|package| package["source"].is_null()).map(|own| rust(own).unwrap()).collect();
    let asked = &own[0];
    assert!(own.len() == 3 && own.iter().all(|other| other == asked), "{own:?}");
    let newer = packages.iter().filter(|package| rust(package).is_some_and(|rust| numbers(&rust) > numbers(asked)));
    let newer: Vec<String> =
        newer.map(|package| format!("{} asks for {}", package["name"], package["rust_version"])).collect();
    assert!(newer.is_empty(), "rust-version of Cargo.toml is {asked}: {newer:?}");
    assert!(packages.len() > 200, "{} packages", packages.len());
    let crates = ["arazzo-engine", "arazzo", "arazzo-cli"].map(|name| format!("crates/{name}/README.md"));
    for page in ["README.md", "docs/install.md"].map(str::to_owned).iter().chain(&crates) {
        let text = std::fs::read_to_string(workspace_root().join(page)).unwrap();
        assert!(text.contains(&format!("{asked} or newer")), "{page} does not name Rust {asked}");
    }
}

/// The program in a file of Rust, and its texts: without comments and the tests at its end; in the place of each text
/// stands its number.
fn lexed(path: &Path) -> (String, Vec<String>) {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let (mut code, mut texts) = (String::new(), vec![]);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let hashes = rest.strip_prefix('r').map(|raw| raw.len() - raw.trim_start_matches('#').len()).unwrap_or(0);
        let raw = rest.strip_prefix('r').is_some_and(|raw| raw[hashes..].starts_with('"'))
            && !code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if raw {
            let end = format!("\"{}", "#".repeat(hashes));
            let inner = &rest[hashes + 2..];
            let length = inner.find(&end).unwrap();
            code.push_str(&format!("\"{}\"", texts.len()));
            texts.push(inner[..length].to_owned());
            hashes + 2 + length + end.len()
        } else if next == '"' {
            let inner = &rest[1..];
            let mut escaped = false;
            let end = |c: char| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            };
            let length = inner.find(end).unwrap();
            code.push_str(&format!("\"{}\"", texts.len()));
            texts.push(inner[..length].to_owned());
            length + 2
        } else if let Some(quoted) = ["'\"'", "'\\\"'", "'\\''"].iter().find(|quoted| rest.starts_with(**quoted)) {
            quoted.len()
        } else {
            code.push(next);
            next.len_utf8()
        };
        rest = &rest[taken..];
    }
    (code, texts)
}

fn programs(packages: &[&str]) -> Vec<PathBuf> {
    packages.iter().flat_map(|name| sources_below(&workspace_root().join("crates").join(name).join("src"))).collect()
}

#[test]
fn texts_of_programs_are_found() {
    let folder = crate::cli::Folder::new();
    folder.write("one.rs", "let a = \"x \\\" --y\"; // \"no\"\nlet b = (r#\"raw \"z\"\"#, '\"', br\"\");\n#[cfg(test)]\nmod tests { \"no\" }");
    let (code, texts) = lexed(&folder.path().join("one.rs"));
    assert_eq!(texts, ["x \\\" --y", "raw \"z\"", ""]);
    assert!(code.starts_with("let a = \"0\"; ") && !code.contains("no") && !code.contains("mod"), "{code}");
}

#[test]
fn codes_and_reasons_stand_as_texts_in_their_tables_only() {
    // Words of other things that are called alike: a flag, and what people say.
    let others = ["insecure-host", "interrupted"];
    let words: Vec<&str> =
        Code::ALL.iter().map(|code| code.word()).chain(Reason::ALL.iter().map(|r| r.word())).collect();
    let mut wrong = vec![];
    for path in programs(&["arazzo-engine", "arazzo", "arazzo-cli"]) {
        if ["code.rs", "reason.rs"].iter().any(|table| path == engine().join(table)) {
            continue;
        }
        let (_, texts) = lexed(&path);
        let found = texts.iter().filter(|text| words.contains(&text.as_str()) && !others.contains(&text.as_str()));
        wrong.extend(found.map(|text| format!("{}: \"{text}\" is a variant of `Code` or `Reason`", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is asked of the value at the beginning of some code: the methods that are called on it, with their arguments.
fn asked(code: &str) -> &str {
    let mut depth = 0;
    let end = code.find(|c: char| {
        // A block is not asked of it.
        if depth == 0 && c == '{' {
            return true;
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        depth < 0 || depth == 0 && matches!(c, ';' | ',' | '|' | '&')
    });
    &code[..end.unwrap_or(code.len())]
}

#[test]
fn nothing_is_decided_by_the_words_of_a_message() {
    let mut wrong = vec![];
    for path in programs(&["arazzo-engine", "arazzo", "arazzo-cli"]) {
        let found = decided_by_words(&lexed(&path).0);
        wrong.extend(found.into_iter().map(|(line, code)| format!("{}, about line {line}: {code}", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where some code looks into words of a diagnostic, a reason or a fault of an input, with the line.
fn decided_by_words(code: &str) -> Vec<(usize, String)> {
    // Fields, and variables that are called as their parts are.
    let words = [".message", ".help", ".remarks", ".notes", ".tried", "remark", "remarks", "note", "notes"];
    let looks = [".contains(", ".starts_with(", ".ends_with(", ".strip_prefix(", ".strip_suffix(", ".find(", ".split"];
    let compares = ["== \"", "!= \"", "== Some(\"", "!= Some(\""];
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = vec![];
    for word in words {
        for (at, _) in code.match_indices(word) {
            let after = &code[at + word.len()..];
            let goes_on = after.starts_with(|c: char| in_name(c) || c == '(');
            let begins_before = !word.starts_with('.') && code[..at].ends_with(|c: char| in_name(c) || c == '.');
            let asked = asked(after);
            if !goes_on && !begins_before && looks.iter().chain(&compares).any(|looks| asked.contains(looks)) {
                found.push((code[..at].matches('\n').count() + 1, format!("{word}{asked}")));
            }
        }
    }
    found
}

#[test]
fn looks_into_words_are_found() {
    for wrong in [
        "if fault.message.contains(\"0\") {}",
        "why.remarks.retain(|remark| !remark.starts_with(\"0\"));",
        "let reason = |remark: &String| remark.strip_prefix(&tried).unwrap_or(remark).to_owned();",
        "unread.tried.iter().any(|tried| tried.contains(name))",
        "let same = one.help == Some(\"0\");",
    ] {
        assert!(!decided_by_words(wrong).is_empty(), "{wrong}");
    }
    for right in [
        "why.remarks.push(text); names.contains(name)",
        "let near = nearest(&text.message, known); near.contains(&name)",
        "remarks_of(text).contains(name)",
    ] {
        assert_eq!(decided_by_words(right), [], "{right}");
    }
}

#[test]
fn no_message_of_the_engine_or_the_library_names_a_flag() {
    let mut wrong = vec![];
    // The flags of curl are not ours.
    let curl = workspace_root().join("crates/arazzo/src/report/curl.rs");
    for path in programs(&["arazzo-engine", "arazzo"]).into_iter().filter(|path| *path != curl) {
        let (_, texts) = lexed(&path);
        let names_flag = |text: &&String| {
            // A variable of a style sheet is no flag.
            let dashes = text.match_indices("--").filter(|(at, _)| !text[..*at].ends_with("var("));
            dashes.into_iter().any(|(at, dashes)| {
                let before = text[..at].chars().next_back();
                let after = text[at + dashes.len()..].chars().next();
                after.is_some_and(|c| c.is_ascii_lowercase()) && before.is_none_or(|c| !c.is_alphanumeric() && c != '-')
            })
        };
        wrong.extend(texts.iter().filter(names_flag).map(|text| format!("{}: \"{text}\"", path.display())));
    }
    assert!(wrong.is_empty(), "a remedy is data, and words are the command's:\n{}", wrong.join("\n"));
}

#[test]
fn a_name_that_is_meant_is_asked_for_in_one_place() {
    let places = programs(&["arazzo-engine", "arazzo", "arazzo-cli"]);
    let asks = |path: &PathBuf| lexed(path).1.iter().filter(|text| text.contains("did you mean")).count();
    let found: Vec<(PathBuf, usize)> = places.into_iter().map(|path| (path.clone(), asks(&path))).collect();
    let found: Vec<_> = found.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(found, [(engine().join("diagnostic/parts.rs"), 1)]);
}

/// The paths that a tree of `use` names, each after the name that it has then: `a::{b, c::d as e}` is `b` for `a::b` and
/// `e` for `a::c::d`.
fn names_of(tree: &str) -> Vec<(String, String)> {
    let Some((before, inner)) = tree.split_once('{') else {
        let (path, name) = tree.trim().split_once(" as ").unwrap_or((tree.trim(), ""));
        let path = path.trim_end_matches("::self");
        let name = if name.is_empty() { path.rsplit("::").next().unwrap() } else { name.trim() };
        return vec![(name.to_owned(), path.to_owned())];
    };
    let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().unwrap().push(c),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| names_of(&format!("{}{}", before.trim(), part.trim()))).collect()
}

/// The files of a package, by module: `show::tree`, and nothing for the root.
struct Files(BTreeMap<String, FileOfUses>);

/// The code of a file, apart from what it brings in.
struct FileOfUses {
    code: String,
    /// The names that it brings in with `use`, their paths, and whether it only passes them on.
    names: BTreeMap<String, (String, bool)>,
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl FileOfUses {
    fn new(path: &Path) -> Self {
        let (all, _) = lexed(path);
        let (mut code, mut names) = (String::new(), BTreeMap::new());
        let mut rest = all.as_str();
        while let Some((before, after)) = rest.split_once("use ") {
            code.push_str(before);
            let line = before.rsplit('\n').next().unwrap().trim();
            rest = after;
            if line.is_empty() || line.starts_with("pub") && !line.contains('{') {
                let (tree, after) = after.split_once(';').unwrap();
                names.extend(names_of(tree).into_iter().map(|(name, path)| (name, (path, line.starts_with("pub")))));
                rest = after;
            }
        }
        code.push_str(rest);
        Self { code, names }
    }
}

impl Files {
    fn of(package: &str) -> Self {
        let root = workspace_root().join("crates").join(package).join("src");
        let module = |path: &Path| {
            let path = path.strip_prefix(&root).unwrap().with_extension("").to_str().unwrap().replace('/', "::");
            if path == "lib" { String::new() } else { path.strip_suffix("::mod").map_or(path.clone(), str::to_owned) }
        };
        let files = sources_below(&root).into_iter().filter(|path| !path.ends_with("src/main.rs"));
        Self(files.map(|path| (module(&path), FileOfUses::new(&path))).collect())
    }

    fn below(&self, file: &str, name: &str) -> Option<String> {
        let below = if file.is_empty() { name.to_owned() } else { format!("{file}::{name}") };
        self.0.contains_key(&below).then_some(below)
    }

    /// The file in which a path begins to name things, read from a file; where a file only brings a name in, that from
    /// which it has it. Nothing for a path out of the package.
    fn find(&self, from: &str, path: &str) -> Option<String> {
        let mut at = from.to_owned();
        for (place, segment) in path.split("::").map(str::trim).enumerate() {
            match segment {
                "crate" => at.clear(),
                "super" => at = parent(&at).to_owned(),
                "self" => {}
                _ => match self.below(&at, segment) {
                    Some(below) => at = below,
                    None if place == 0 => return None,
                    None => {
                        let brought_in = self.0[&at].names.get(segment).and_then(|(path, _)| self.find(&at, path));
                        return Some(brought_in.unwrap_or(at));
                    }
                },
            }
        }
        Some(at)
    }

    /// The files that each of them uses. A name that is only passed on is not used.
    fn uses(&self) -> BTreeMap<String, BTreeSet<String>> {
        let used = |own: &String, file: &FileOfUses| -> BTreeSet<String> {
            let brought_in = file.names.values().filter(|(_, passed_on)| !passed_on).map(|(path, _)| path.as_str());
            // Paths in the middle of code: `super::a(…)`, and those that begin with a file below.
            let colons = file.code.match_indices("::").map(|(at, _)| at);
            let inside = colons.filter_map(|at| {
                let start = file.code[..at].rfind(|c: char| !is_of_name(c)).map_or(0, |at| at + 1);
                let path = &file.code[start..];
                let end = path.find(|c: char| !is_of_name(c) && c != ':').unwrap_or(path.len());
                (start < at && !file.code[..start].ends_with("::")).then_some(path[..end].trim_end_matches(':'))
            });
            let found = brought_in.chain(inside).filter_map(|path| self.find(own, path));
            found.filter(|used| used != own).collect()
        };
        self.0.iter().map(|(own, file)| (own.clone(), used(own, file))).collect()
    }
}

/// The files that use one another in a circle, or lead into one.
fn circles(mut uses: BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    // Files that use none of those that are left are taken away, until there are none of that kind.
    while let Some(free) = uses.iter().find(|(_, used)| !used.iter().any(|used| uses.contains_key(used))) {
        let free = free.0.clone();
        uses.remove(&free);
    }
    let left: Vec<String> = uses.keys().cloned().collect();
    uses.iter_mut().for_each(|(_, used)| used.retain(|used| left.contains(used)));
    uses.iter().map(|(own, used)| format!("{own} uses {used:?}")).collect()
}

#[test]
fn uses_between_files_are_found() {
    assert_eq!(
        names_of("a::{self, b, c::{d as e}}").as_slice(),
        [("a", "a"), ("b", "a::b"), ("e", "a::c::d")].map(|(name, path)| (name.to_owned(), path.to_owned()))
    );
    let uses = |package, own: &str| Files::of(package).uses().remove(own).unwrap();
    let command = uses("arazzo-cli", "flags::run");
    assert!(command.contains("exit") && command.contains("flags::limits"), "{command:?}");
    // Taken from the root of the library, which has it from there.
    let mock = uses("arazzo", "mock::serve");
    assert!(mock.contains("builder") && mock.contains("mock"), "{mock:?}");
    // In the middle of code, and by the name of a file below.
    let machine = uses("arazzo-engine", "machine");
    assert!(machine.contains("machine::frame") && machine.contains("source"), "{machine:?}");
    let request = uses("arazzo-engine", "machine::request");
    assert!(request.contains("machine::payload") && !request.contains("machine"), "{request:?}");
}

#[test]
fn files_of_a_package_use_one_another_in_no_circle() {
    let mut wrong = vec![];
    for package in ["arazzo-engine", "arazzo", "arazzo-cli"] {
        let is_above = |above: &str, file: &str| above.is_empty() || file.starts_with(&format!("{above}::"));
        // A file and those below it belong together: what is above is left out, then what is below.
        let leaves_out_above = |own: &str, used: &str| !is_above(used, own);
        let leaves_out_below = |own: &str, used: &str| !is_above(own, used);
        for counts in [&leaves_out_above as &dyn Fn(&str, &str) -> bool, &leaves_out_below] {
            let mut uses = Files::of(package).uses();
            uses.iter_mut().for_each(|(own, used)| used.retain(|used| counts(own, used)));
            wrong.extend(circles(uses).into_iter().map(|line| format!("{package}: {line}")));
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "these stand in a circle, or lead into one:\n{}", wrong.join("\n"));
}

/// Lines that a file and a function have at most: what is longer is not read as a whole.
const FILE_LINES: usize = 800;
const FUNCTION_LINES: usize = 80;

/// The beginning of the comment that gives the reason for a longer function: above it, or as its first line.
const LONG: &str = "// Long because ";

/// The functions of a text that rustfmt has formatted: name, line, lines, and whether a comment says why it is long. A
/// function ends with the brace that stands as far right as its first line does.
fn functions(text: &str) -> Vec<(&str, usize, usize, bool)> {
    let lines: Vec<&str> = text.lines().collect();
    let margin = |line: &str| line.len() - line.trim_start().len();
    let mut found = vec![];
    for (start, line) in lines.iter().enumerate() {
        let before = line.trim_start().split("fn ").next().unwrap();
        let words = |words: &str| {
            words.split_whitespace().all(|word| ["const", "async", "pub"].contains(&word) || word.starts_with("pub("))
        };
        let Some((_, after)) = line.split_once("fn ").filter(|_| words(before)) else { continue };
        let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
        let is_end = |line: &&str| margin(line) == margin(lines[start]) && (line.trim() == "}" || line.ends_with(';'));
        if line.ends_with(['}', ';']) {
            continue;
        }
        let Some(length) = lines[start + 1..].iter().position(is_end) else { continue };
        let length = length + 2;
        let above = lines[..start].iter().rev().map(|line| line.trim_start());
        let mut above = above.take_while(|line| line.starts_with("//") || line.starts_with("#["));
        let body = lines[start..start + length].iter().position(|line| line.ends_with('{'));
        let first = body.and_then(|body| lines.get(start + body + 1)).map_or("", |line| line.trim_start());
        let has_reason = first.starts_with(LONG) || above.any(|line| line.starts_with(LONG));
        found.push((name, start + 1, length, has_reason));
    }
    found
}

#[test]
fn lines_of_functions_are_counted() {
    let text = "/// One.\n// Long because it is a table.\npub(crate) fn one(\n    a: u8,\n) {\n    a\n}\n\nimpl A {\n    async fn two() {\n        // Long because.\n        if a {\n        }\n    }\n    fn three() {}\n    fn four(\n    );\n}\n";
    assert_eq!(functions(text), [("one", 3, 5, true), ("two", 10, 5, false), ("four", 16, 2, false)]);
}

#[test]
fn no_file_and_no_function_is_too_long_to_be_read() {
    let mut wrong = vec![];
    for path in programs(&["arazzo-engine", "arazzo", "arazzo-cli"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > FILE_LINES {
            wrong.push(format!("{} has {lines} lines, more than {FILE_LINES}", path.display()));
        }
        for (name, line, lines, has_reason) in functions(&text) {
            if lines > FUNCTION_LINES && !has_reason {
                let place = format!("{}:{line}", path.display());
                wrong.push(format!("{place}: `{name}` has {lines} lines, more than {FUNCTION_LINES}"));
            }
        }
    }
    assert!(wrong.is_empty(), "cut them along their steps, or say why with `{LONG}…`:\n{}", wrong.join("\n"));
}

#[test]
fn no_room_is_called_after_nothing() {
    let mut wrong = vec![];
    for path in sources_below(&workspace_root().join("crates")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if ["utils", "util", "helpers", "helper", "manager", "common", "misc", "imp"].contains(&name) {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_lint_case() {
    let mut reports = String::new();
    for entry in std::fs::read_dir(suite_path("lint")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            reports.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    // Said by the loader, the machine, the library or the command, where a single file cannot show them; each has a test
    // of its own elsewhere.
    let elsewhere = [
        Code::BodyNotJson,
        Code::ContractDeparted,
        Code::ContractNotChecked,
        Code::DocumentNotFound,
        Code::DocumentTooLarge,
        Code::FileRefused,
        Code::InsecureHost,
        Code::InvalidInput,
        Code::MissingCredentials,
        Code::MissingInput,
        Code::NotUtf8,
        Code::PermissionRefused,
        Code::SecretInOutput,
        Code::ShortSecret,
        Code::SourceRefused,
        Code::TestFile,
        Code::TooManyDependencies,
        Code::TooManyDocuments,
        Code::UnknownCharset,
        Code::TooManyFaults,
        Code::UnknownServer,
    ];
    let has_case = |code: &Code| elsewhere.contains(code) || reports.contains(&format!("[{code}]"));
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !has_case(code)).collect();
    assert!(missing.is_empty(), "codes without a case in suite/lint of the engine: {missing:?}");
}

#[test]
fn what_is_printed_goes_through_the_two_writers_of_the_command() {
    let folder = workspace_root().join("crates/arazzo-cli/src");
    let prints = [
        "io::stdout()",
        "io::stderr()",
        "anstream::std",
        "println!(",
        "eprint!(",
        " print!(",
        "error.print()",
        "dbg!(",
    ];
    let mut wrong = vec![];
    for path in sources_below(&folder).iter().filter(|path| !path.ends_with("streams.rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text.lines().enumerate().filter(|(_, line)| prints.iter().any(|print| line.contains(print)));
        wrong.extend(lines.map(|(number, line)| format!("{}:{}: {}", path.display(), number + 1, line.trim())));
    }
    assert!(wrong.is_empty(), "print through crates/arazzo-cli/src/streams.rs: {wrong:#?}");
}
