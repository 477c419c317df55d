//! Real documents, and documents that are broken on purpose: nothing panics, and every refusal has a place.

use std::path::{Path, PathBuf};

use arazzo_engine::code::Code;
use arazzo_engine::compile::compile;
use arazzo_engine::diagnostic::{Diagnostics, Severity};
use arazzo_engine::lint::lint;
use arazzo_engine::load::{Fetched, LoadOptions, Loader, Need};
use arazzo_engine::machine::{Input, Machine, Response};
use arazzo_engine::program::WorkflowId;
use arazzo_engine::readings::Readings;
use arazzo_engine::source::Sources;

use crate::suite::{files_below, mapped, shared, suite_path, workspace_root};
use crate::watchdog::watched;

fn is_arazzo(text: &str) -> bool {
    text.lines().any(|line| {
        line.trim_start().trim_start_matches('"').starts_with("arazzo:") || line.trim_start().starts_with("\"arazzo\"")
    })
}

/// Real documents of the corpus: those whose root says `arazzo`.
fn documents(folder: &Path) -> Vec<PathBuf> {
    files_below(folder, &["yaml", "yml", "json"])
        .into_iter()
        .filter(|path| std::fs::read_to_string(path).is_ok_and(|text| is_arazzo(&text)))
        .collect()
}

fn path_of(uri: &str) -> Option<PathBuf> {
    Some(PathBuf::from(uri.strip_prefix("file://")?.replace("%20", " ")))
}

/// Loads and compiles `text` as if it stood at `path`; its sources are read from beside it.
fn check(path: &Path, text: &[u8], root: &Path, readings: Readings) -> (Vec<Diagnostics>, Diagnostics, Sources) {
    let options = LoadOptions { readings, root: Some(format!("file://{}/", root.display())), ..LoadOptions::default() };
    let mut loader = Loader::new(format!("file://{}", path.display()), "document", options);
    let mut first = true;
    while let Need::Asks(asks) = loader.need() {
        for ask in asks {
            let read = |uri: &str| if first { Some(text.to_vec()) } else { std::fs::read(path_of(uri)?).ok() };
            let found = ask
                .candidates
                .iter()
                .find_map(|c| Some(Fetched { name: c.uri.clone(), content: read(&c.uri)?.into(), uri: c.uri.clone() }));
            loader.give(&ask, found.ok_or_else(|| ask.candidates.iter().map(|c| format!("tried {}", c.uri)).collect()));
        }
        first = false;
    }
    let (bundle, loading, sources) = loader.finish();
    let Some(bundle) = bundle else { return (vec![], loading, sources) };
    let compiled = compile(&bundle, loading, readings);
    // What can run is begun, and answered with something: that must not panic either.
    for index in 0..compiled.program.workflows.len() {
        let id = WorkflowId(index as u32);
        if !compiled.of(id).has_errors()
            && let Ok(mut machine) =
                Machine::new(compiled.program.clone(), id, arazzo_engine::value::Map::new(), Default::default())
        {
            let mut turn = machine.step(0, Input::Start { epoch_ms: 0 });
            for now in 1..20 {
                let Some(send) = turn.sends.first() else { break };
                let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
                turn = machine.step(
                    now,
                    Input::Reply {
                        call: send.call,
                        result: Ok(Response { status: 200, headers, body: b"{\"a\":[1]}".to_vec() }),
                    },
                );
            }
        }
    }
    (compiled.workflows, compiled.description, sources)
}

fn render_all(workflows: &[Diagnostics], description: &Diagnostics, sources: &Sources) {
    for diagnostic in workflows.iter().flatten().chain(description) {
        let text = diagnostic.render(sources, false, 100);
        assert!(text.contains(diagnostic.code.word()), "{text}");
        if let Some(span) = diagnostic.span {
            let place = sources.place(span);
            assert!(
                text.contains(&format!("{}:{}:{}", place.file, place.line, place.column)),
                "a place differs from {place:?}:\n{text}"
            );
        }
    }
}

/// Each document is clean, or each of its diagnostics is true: they were gone through by hand, and are kept here.
#[test]
fn real_documents_give_the_reports_that_were_looked_at() {
    let Some(corpus) = shared("corpus").map(|corpus| corpus.canonicalize().unwrap()) else { return };
    let shared = corpus.parent().unwrap().to_path_buf();
    let mut text = String::new();
    let specified = ["spec/examples", "spec/schema-tests/pass"].map(|folder| documents(&shared.join(folder)));
    for path in documents(&corpus).into_iter().chain(specified.into_iter().flatten()) {
        let real = path.strip_prefix(&corpus).ok();
        let name = real.or_else(|| path.strip_prefix(&shared).ok()).unwrap().display().to_string();
        let top = real.map_or(shared.join("spec"), |real| corpus.join(real.components().next().unwrap()));
        let mut options = LoadOptions { root: Some(format!("file://{}/", top.display())), ..LoadOptions::default() };
        options.sources.extend(mapped(&corpus, &path));
        let uri = format!("file://{}", path.display());
        let mut loader = Loader::new(uri, path.file_name().unwrap().to_string_lossy(), options);
        while let Need::Asks(asks) = loader.need() {
            for ask in asks {
                let found = ask.candidates.iter().find_map(|candidate| {
                    let file = path_of(&candidate.uri)?;
                    let bytes = std::fs::read(&file).ok()?;
                    let name = file.file_name()?.to_string_lossy().into_owned();
                    Some(Fetched { name, uri: candidate.uri.clone(), content: bytes.into() })
                });
                loader.give(&ask, found.ok_or_else(Default::default));
            }
        }
        let (bundle, loading, sources) = loader.finish();
        let bundle = bundle.unwrap();
        let compiled = compile(&bundle, loading, Readings::Lenient);
        let found = lint(&bundle, &compiled);
        let all = found.iter().filter(|d| d.severity != Severity::Hint);
        let mut lines: Vec<String> = vec![];
        for diagnostic in all {
            let place = diagnostic.span.map(|span| sources.place(span));
            let place =
                place.map(|place| format!("{}:{}:{}", place.file, place.line, place.column)).unwrap_or_default();
            let severity = if diagnostic.severity == Severity::Error { "E" } else { "w" };
            let line = format!("  {severity} {} {place} {}", diagnostic.code, diagnostic.message);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let runnable = compiled.program.own_workflows().filter(|(_, workflow)| workflow.runnable).count();
        let count = compiled.program.own_workflows().count();
        text.push_str(&format!("{name}: {runnable} of {count} workflows compile\n"));
        text.push_str(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    }
    let golden = suite_path("corpus.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&golden, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&golden).unwrap_or_default(), "UPDATE=1 rewrites {}", golden.display());
}

#[test]
fn every_refusal_of_a_real_document_names_its_place() {
    let Some(corpus) = shared("corpus") else { return };
    let documents = documents(&corpus);
    assert!(documents.len() >= 27, "{} documents", documents.len());
    for path in documents {
        let root = path.strip_prefix(&corpus).unwrap().components().next().map(|top| corpus.join(top)).unwrap();
        for readings in [Readings::Lenient, Readings::Strict, Readings::Letter] {
            let (workflows, description, sources) = check(&path, &std::fs::read(&path).unwrap(), &root, readings);
            render_all(&workflows, &description, &sources);
            for diagnostic in workflows.iter().flatten().chain(&description) {
                assert!(diagnostic.span.is_some(), "{}: {} has no place", path.display(), diagnostic.message);
            }
        }
    }
}

#[test]
fn the_specifications_own_documents_are_read_without_a_structural_fault() {
    let Some(spec) = shared("spec") else { return };
    for path in documents(&spec.join("examples")).into_iter().chain(documents(&spec.join("schema-tests/pass"))) {
        let (workflows, description, _) =
            check(&path, &std::fs::read(&path).unwrap(), path.parent().unwrap(), Readings::Lenient);
        let structural = [
            Code::MissingField,
            Code::WrongType,
            Code::UnknownField,
            Code::EmptyList,
            Code::DuplicateKey,
            Code::YamlSyntax,
            Code::UnknownValue,
        ];
        for diagnostic in workflows.iter().flatten().chain(&description).filter(|d| d.severity == Severity::Error) {
            assert!(
                !structural.contains(&diagnostic.code),
                "{}: {} {}",
                path.display(),
                diagnostic.code,
                diagnostic.message
            );
        }
    }
}

/// A small deterministic generator (SplitMix64): tests have no randomness either.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }
}

/// Bytes that matter to the parsers.
const BITES: [&str; 24] = [
    "$",
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    "#/",
    ": ",
    "- ",
    "\n",
    "\t",
    "&a ",
    "*a",
    "!!x ",
    "$inputs.",
    "$steps.",
    "{$",
    "==",
    "\u{202e}",
    "é",
    "\0",
    "~1",
    "99999999999999999999",
];

/// A text with one to three faults that a person or a fuzzer would make.
pub(crate) fn broken(text: &str, numbers: &mut Numbers) -> String {
    let mut broken: Vec<char> = text.chars().collect();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(broken.len());
        match numbers.below(4) {
            0 => broken.truncate(at),
            1 => {
                let end = (at + numbers.below(40)).min(broken.len());
                broken.drain(at..end);
            }
            2 => {
                let bite: Vec<char> = BITES[numbers.below(BITES.len())].chars().collect();
                broken.splice(at..at, bite);
            }
            _ => {
                let end = (at + numbers.below(200)).min(broken.len());
                let copy: Vec<char> = broken[at..end].to_vec();
                broken.splice(at..at, copy);
            }
        }
    }
    broken.into_iter().collect()
}

/// Seconds that this thread has run on a processor: what a busy machine does not change.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Real documents, broken in seeded ways: no panic, none over a second (ten, where the code is not optimized), all of
/// them within 256 MiB. A thousand here; `.ci/run` asks for ten thousand with ARAZZO_BROKEN.
#[test]
fn documents_that_are_broken_on_purpose_never_panic() {
    const NAME: &str = "corpus::documents_that_are_broken_on_purpose_never_panic";
    if std::env::var_os("ARAZZO_BROKEN_HERE").is_none() {
        // In a process of its own, whose memory is nobody else's.
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env("ARAZZO_BROKEN_HERE", "1")
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn();
        let ran = watched(child.unwrap(), NAME, std::time::Duration::from_secs(1_500));
        assert_eq!(ran.status, Some(0), "{}", ran.text);
        assert!(ran.peak < 256 << 10, "{} MiB", ran.peak >> 10);
        return;
    }
    let mut seeds: Vec<PathBuf> = vec![workspace_root().join("specs/daytona-provision.yml")];
    if let Some(corpus) = shared("corpus") {
        seeds.extend(documents(&corpus));
    }
    let count = std::env::var("ARAZZO_BROKEN").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000);
    let slowest = if cfg!(debug_assertions) { 10.0 } else { 1.0 };
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let seeds = &seeds;
            scope.spawn(move || {
                for number in (worker..count).step_by(2) {
                    let path = &seeds[number % seeds.len()];
                    let text = broken(&std::fs::read_to_string(path).unwrap(), &mut Numbers(number as u64));
                    let began = processor_seconds();
                    let (workflows, description, sources) =
                        check(path, text.as_bytes(), path.parent().unwrap(), Readings::Lenient);
                    render_all(&workflows, &description, &sources);
                    let took = processor_seconds() - began;
                    assert!(took < slowest, "number {number}, {}: {took} s", path.display());
                }
            });
        }
    });
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let path = workspace_root().join("specs/none.yml");
    for (bytes, code) in [
        (&b"\xff\xfe\x00"[..], "not-utf8"),
        (b"", "yaml-syntax"),
        (b"\0", "yaml-syntax"),
        (b"a: b", "not-an-arazzo-document"),
        (b"- 1", "not-an-arazzo-document"),
    ] {
        let (_, description, _) = check(&path, bytes, path.parent().unwrap(), Readings::Lenient);
        let codes: Vec<&str> = description.iter().map(|d| d.code.word()).collect();
        assert_eq!(codes, [code], "{bytes:?}");
    }
    let deep = "[".repeat(100_000);
    let (_, description, _) = check(&path, deep.as_bytes(), path.parent().unwrap(), Readings::Lenient);
    assert_eq!(description.iter().map(|d| d.code.word()).collect::<Vec<_>>(), ["document-too-deep"]);
}

#[test]
fn a_file_name_cannot_move_the_cursor() {
    let mut sources = Sources::default();
    let id = sources.add("p\u{1b}[2Jx\n.yaml", "file:///p", "a: {");
    let faults = arazzo_engine::node::Node::parse(&sources, id, Default::default()).unwrap_err();
    for diagnostic in &faults {
        let text = diagnostic.render(&sources, true, 100);
        assert!(!text.contains("\u{1b}[2J") && text.contains("p?[2Jx"), "{text:?}");
    }
}

/// Pieces of expressions, conditions and queries.
const PIECES: [&str; 44] = [
    "$",
    "$inputs",
    ".",
    "a",
    "b-c",
    "$steps.s.outputs.o",
    "$response.body",
    "#/",
    "#",
    "[0]",
    "['a']",
    "{",
    "}",
    "{$inputs.a}",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "(",
    ")",
    "'x'",
    "\"y\"",
    "null",
    "true",
    "1",
    "-0.5e3",
    " ",
    "@",
    "..",
    "*",
    "?",
    ",",
    ":",
    "length(",
    "match(",
    "é",
    "\u{1f600}",
    "\\",
    "\n",
    "[",
    "]",
];

#[test]
fn texts_made_of_pieces_of_expressions_never_panic() {
    use arazzo_engine::expr::{DeclaredInput, DeclaredStep, Scope, StepId, condition, jsonpath, parse};
    let inputs =
        [DeclaredInput { name: "a".to_owned(), scalar: false }, DeclaredInput { name: "é b".to_owned(), scalar: true }];
    let steps =
        vec![DeclaredStep { name: "s".to_owned(), id: StepId(0), outputs: vec!["o".to_owned(), "o.p".to_owned()] }]
            .into();
    let mut numbers = Numbers(23);
    for readings in [Readings::Lenient, Readings::Letter] {
        let document = Default::default();
        let scope = Scope {
            inputs: &inputs,
            open: false,
            steps: &steps,
            outputs: &[],
            document: &document,
            dependencies: &[],
            method: None,
            readings,
        };
        for _ in 0..20_000 {
            let text: String = (0..=numbers.below(9)).map(|_| PIECES[numbers.below(PIECES.len())]).collect();
            let mut findings = vec![];
            let template = parse::template(&text, &scope, &mut findings);
            let parsed = condition::parse(&text, &scope, &mut findings);
            let context = parse::context(&text, &scope, &mut findings);
            let refused = template.is_none() || parsed.is_none() || context.is_none();
            assert!(!refused || !findings.is_empty(), "refused without a reason: {text}");
            for finding in &findings {
                assert!(text.get(finding.range.clone()).is_some(), "a range outside of the text: {text:?} {finding:?}");
            }
            match jsonpath::Condition::parse(&text, true) {
                Err(error) => assert!(text.get(error.at.clone()).is_some(), "{text:?} {error:?}"),
                Ok(parsed) => {
                    let bindings = vec![arazzo_engine::json!("x"); parsed.placeholders().len()];
                    let value = arazzo_engine::json!({"a": [1, {"a": "x"}], "b": null});
                    let _ = parsed.operands(&value, &bindings);
                    let _ = parsed.holds(
                        &value,
                        &bindings,
                        &jsonpath::Limits::default(),
                        jsonpath::ObjectFilter::MembersOrSelf,
                    );
                }
            }
        }
    }
}

/// Both readers of JSON give the same tree, place by place.
fn same_as_yaml(name: &str, text: &str) {
    let mut sources = Sources::default();
    let id = sources.add(name, name, text);
    let limits = arazzo_engine::node::NodeLimits::default();
    let as_json = arazzo_engine::node::Node::parse_json(&sources, id, limits);
    let as_yaml = arazzo_engine::node::Node::parse(&sources, id, limits);
    match (as_json, as_yaml) {
        (Ok(json), Ok(yaml)) => assert!(json == yaml, "{name}: two trees\n{text}"),
        (Err(json), Err(yaml)) => {
            let codes = |found: &Diagnostics| found.iter().map(|d| (d.code.to_string(), d.span)).collect::<Vec<_>>();
            assert_eq!(codes(&json), codes(&yaml), "{name}");
        }
        (json, yaml) => panic!("{name}: {json:?} {yaml:?}"),
    }
}

#[test]
fn json_is_read_as_the_yaml_that_it_is() {
    for text in [
        "{}",
        " [ ] ",
        "null",
        "-0.5e+3",
        r#"{"a": [1, true, false, null, "x"], "b" : {"c":{}} }"#,
        "{\n  \"a\\u00e9\\n\\\"\": \"\\ud83d\\ude00 / \\/\",\n  \"\u{e9}\": [\n1.10 ,2\n]\n}\n",
        r#"{"a": 1, "b": 2, "a": 3}"#,
        r#"["a#b", "c: d", "- e", " "]"#,
        r#"{"200": {"200": 1}}"#,
    ] {
        serde_json::from_str::<arazzo_engine::value::Json>(text).unwrap();
        same_as_yaml("case", text);
    }
    let deep = format!("{}1{}", "[".repeat(127), "]".repeat(127));
    same_as_yaml("deep", &deep);
    let Some(shared_folder) = shared("spec") else { return };
    let mut seen = 0;
    for path in files_below(&shared_folder, &["json"])
        .into_iter()
        .chain(shared("corpus").iter().flat_map(|f| files_below(f, &["json"])))
    {
        let text = std::fs::read_to_string(&path).unwrap();
        if serde_json::from_str::<arazzo_engine::value::Json>(&text).is_ok() {
            same_as_yaml(&path.display().to_string(), &text);
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen} files");
}

/// A tree that is read in parts is the tree that is read at once, place by place.
fn same_in_parts(name: &str, text: &str) -> bool {
    use arazzo_engine::node::{Kind, Node};
    // Where an empty block scalar stands depends on what comes after it, and so does what it is the last of.
    fn ends_empty(node: &Node) -> bool {
        match node.read().kind {
            Kind::Object(ref members) => members.last().is_some_and(|(_, last)| ends_empty(last)),
            Kind::Array(ref items) => items.last().is_some_and(ends_empty),
            _ => node.as_str() == Some(""),
        }
    }
    fn compare(part: &Node, whole: &Node, way: &str) {
        let deferred = matches!(part.kind, Kind::Deferred(_));
        let part = part.read();
        match (&part.kind, &whole.kind) {
            (Kind::Object(ours), Kind::Object(theirs)) => {
                assert_eq!(ours.len(), theirs.len(), "{way}");
                for ((key, value), (other, whole)) in ours.iter().zip(theirs) {
                    assert_eq!(key, other, "{way}");
                    compare(value, whole, &format!("{way}/{}", key.name));
                }
                // What stands above deferred parts ends with their last line, comments and all.
                assert_eq!(part.span.start, whole.span.start, "{way}");
                assert!(!deferred || part.span == whole.span || ends_empty(whole), "{way}");
            }
            _ if whole.as_str() == Some("") => assert_eq!(part.as_str(), Some(""), "{way}"),
            _ => assert!(part == whole || ends_empty(whole), "{way}: {part:?} {whole:?}"),
        }
    }
    let mut sources = Sources::default();
    let id = sources.add(name, name, text);
    let limits = arazzo_engine::node::NodeLimits::default();
    let (Ok((parts, _)), Ok(whole)) = (Node::parse_deferred(&sources, id, limits), Node::parse(&sources, id, limits))
    else {
        return false;
    };
    let paths = parts.get("paths").map(Node::members).unwrap_or_default();
    let split = paths.iter().any(|(_, item)| matches!(item.kind, Kind::Deferred(_)));
    compare(&parts, &whole, name);
    assert!(parts.faults().is_empty(), "{name}");
    split
}

#[test]
fn large_documents_are_read_in_parts_as_they_are_read_whole() {
    let plain = "# a comment\n---\nopenapi: 3.1.0 # here\ninfo:\n  title: T\ntags:\n- name: a\npaths:\n\n  # first\n  /a:\n    get: { operationId: a }\n\n  '/b c':\n    post:\n      description: |\n        text\n\n        # no comment\n      x: [1,\n        2]\n    # left\n  \"/d/{e}\":\n  - odd\ncomponents:\n  schemas:\n    A:\n      type: object\n    B:\n      $ref: '#/components/schemas/A'\n  securitySchemes: {}\n";
    assert!(same_in_parts("plain", plain));
    assert!(same_in_parts("crlf", &plain.replace('\n', "\r\n")));
    // An alias of an anchor in another part: the part is read with the whole.
    let alias = "openapi: 3.1.0\npaths:\n  /a:\n    get: &get { operationId: a }\n  /b:\n    get: *get\n";
    assert!(same_in_parts("alias", alias));
    for (name, text) in [
        ("flow", "openapi: 3.1.0\npaths: { /a: { get: {} } }\n"),
        ("json", "{\n\"openapi\": \"3.1.0\",\n\"paths\": {}\n}\n"),
        ("bracket", "openapi: 3.1.0\ninfo: {\n}\npaths:\n  /a:\n    get: {}\n"),
        ("explicit", "openapi: 3.1.0\npaths:\n  ? /a\n  : get: {}\n"),
        ("blank", "openapi: 3.1.0\npaths:\n  /a :\n    get: {}\n"),
        ("tab", "openapi: 3.1.0\npaths:\n  /a:\n    get:\t{}\n"),
        ("empty", "openapi: 3.1.0\npaths:\n  /a:\n  /b:\n    get: {}\n"),
    ] {
        same_in_parts(name, text);
    }
    let Some(corpus) = shared("corpus") else { return };
    let (mut split, mut numbers) = (0, Numbers(31));
    // So many of each document; a twentieth of what the other test breaks in all.
    let rounds = std::env::var("ARAZZO_BROKEN").ok().and_then(|n| n.parse::<usize>().ok()).map_or(6, |all| all / 20);
    for folder in [Some(corpus), shared("daytona"), shared("spec")].into_iter().flatten() {
        for path in files_below(&folder, &["yaml", "yml"]) {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.display().to_string();
            split += usize::from(same_in_parts(&name, &text));
            let lines: Vec<&str> = text.lines().collect();
            for _ in 0..if text.contains("\npaths:") && text.len() < 60_000 { rounds } else { 0 } {
                let mut broken: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
                for _ in 0..=numbers.below(2) {
                    let (at, other) = (numbers.below(broken.len()), numbers.below(broken.len()));
                    match numbers.below(5) {
                        0 => drop(broken.remove(at)),
                        1 => broken.swap(at, other),
                        2 => broken[at].insert(0, ' '),
                        3 => broken[at] = broken[at].replacen("  ", "", 1),
                        _ => {
                            let bite = BITES[numbers.below(BITES.len())];
                            let end = broken[at].chars().count();
                            let place = broken[at].char_indices().nth(numbers.below(end + 1)).map_or(0, |(i, _)| i);
                            broken[at].insert_str(place, bite);
                        }
                    }
                }
                same_in_parts(&name, &broken.join("\n"));
            }
        }
    }
    assert!(split > 10, "{split} documents were read in parts");
}

#[test]
fn a_large_document_with_a_fault_says_so_where_it_is_looked_at() {
    let filler = "x".repeat(100);
    let item = |n: usize, get: &str| format!("  /p{n}:\n    get: {get}\n    description: {filler}\n");
    let mut api =
        "openapi: 3.1.0\ninfo: { title: t, version: '1' }\nservers: [{ url: https://a.example }]\npaths:\n".to_owned();
    for n in 0..3000 {
        let get = if n == 7 {
            "{ operationId: op7, responses: { ok }".to_owned()
        } else {
            format!("{{ operationId: op{n} }}")
        };
        api.push_str(&item(n, &get));
    }
    assert!(api.len() > 300 << 10);
    let flow = |id: &str| {
        format!(
            "arazzo: 1.0.1\ninfo: {{ title: t, version: '1' }}\nsourceDescriptions: [{{ name: api, url: api.yaml, type: openapi }}]\nworkflows: [{{ workflowId: w, steps: [{{ stepId: s, operationId: {id} }}] }}]\n"
        )
    };
    let found = |id: &str| {
        let files = [("flow.yaml".to_owned(), flow(id)), ("api.yaml".to_owned(), api.clone())];
        let (compiled, ..) = crate::suite::load(&files, LoadOptions::default());
        let found = compiled.unwrap().of(WorkflowId(0));
        found.iter().map(|d| d.code.to_string()).collect::<Vec<_>>()
    };
    // A fault somewhere else does not matter; where the operation is looked for, it does.
    // `op29` stands in many other ids.
    assert_eq!(found("op29"), Vec::<String>::new());
    assert_eq!(found("op2999"), Vec::<String>::new());
    assert!(found("op7").contains(&"yaml-syntax".to_owned()), "{:?}", found("op7"));
    assert!(found("op3000").contains(&"yaml-syntax".to_owned()), "{:?}", found("op3000"));
}
