//! What the suites read: folders, case files, canned replies; and how a case is compared with what is expected, the
//! `.txt` beside it, which `UPDATE=1` rewrites. The tests from outside include this file too.
//!
//! `run/*.yaml`: a document and canned replies in virtual time → the list of events (`run.rs`).
//! `mock/*.yaml`: descriptions and requests → answers (`mock.rs`).
//! `lint/*.yaml`: a document → everything that lint says about it, with carets; `hints: true` shows hints too (`lint.rs`).
//! `index/*.yaml`: documents with `^` where a cursor stands → what stands there, or what may be written (`index.rs`).
//! `expr/*.txt`: one line a rule, checked by the module that owns the rule (`expressions.rs`, `jsonpath.rs`).
//!
//! A case file has a head (YAML: `inputs`, `replies`, `readings`, `settings`) and files after lines `--- NAME`.
#![allow(dead_code, reason = "each of the two binaries needs a part")]

use std::path::{Path, PathBuf};

use arazzo_engine::compile::{Compiled, compile, compile_for};
use arazzo_engine::diagnostic::{Diagnostics, Severity};
use arazzo_engine::json;
use arazzo_engine::limits::{AllowedHost, LoopDelay, Redirects, Settings};
use arazzo_engine::lint::ignore::ignore;
use arazzo_engine::lint::lint;
use arazzo_engine::load::{Bundle, Fetched, LoadOptions, Loader, Need, ParsedDocuments};
use arazzo_engine::machine::{Failure, FailureKind, Response};
use arazzo_engine::node::{Node, NodeLimits};
use arazzo_engine::program::Surroundings;
use arazzo_engine::source::{SourceId, Sources};
use arazzo_engine::value::Json;

pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A file or folder of the engine's suites.
pub fn suite_path(path: &str) -> PathBuf {
    workspace_root().join("crates/arazzo-engine/tests/suite").join(path)
}

/// A folder of `../shared`; `None` (and a visible line) where it is absent, unless it is required.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let path = workspace_root().join("../shared").join(folder);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("ARAZZO_REQUIRE_SHARED").is_none(), "../shared/{folder} is required and absent");
    eprintln!("skipped: ../shared/{folder} is absent");
    None
}

/// The files of a folder and all folders in it, in their order, that end with one of these.
pub fn files_below(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, extensions));
        } else if path.extension().is_some_and(|known| extensions.iter().any(|wanted| known == *wanted)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What `MAP.tsv` says a document means: uris and the files they are.
pub fn mapped(corpus: &Path, path: &Path) -> Vec<(String, String)> {
    let mut text = std::fs::read_to_string(path).unwrap();
    let map = std::fs::read_to_string(corpus.join("MAP.tsv")).unwrap();
    // What a document refers to may refer to others.
    for (reference, file) in map.lines().skip(1).filter_map(|line| line.split_once('\t')) {
        if text.contains(reference) && file.contains("arazzo/") {
            text.push_str(&std::fs::read_to_string(corpus.join(file)).unwrap());
        }
    }
    let lines = map.lines().skip(1).filter_map(|line| line.split_once('\t'));
    let found = lines.filter_map(|(reference, file)| {
        let file = format!("file://{}", corpus.join(file).canonicalize().unwrap().display());
        match reference.split_once(" -> ") {
            // A relative reference of one document: its uri.
            Some((document, relative)) => {
                let base = url_of(&corpus.join(document));
                (corpus.join(document) == *path)
                    .then(|| (format!("{base}/{}", relative.trim_start_matches("./")), file))
            }
            None => text.contains(reference).then(|| (reference.to_owned(), file)),
        }
    });
    found.collect()
}

/// The uri of the folder of a file.
fn url_of(path: &Path) -> String {
    format!("file://{}", path.parent().unwrap().canonicalize().unwrap().display())
}

pub struct Case {
    pub head: Json,
    pub files: Vec<(String, String)>,
}

impl Case {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut sections = vec![(String::new(), String::new())];
        for line in text.lines() {
            match line.strip_prefix("--- ") {
                Some(name) => sections.push((name.trim().to_owned(), String::new())),
                None => {
                    let (_, section) = sections.last_mut().unwrap();
                    section.push_str(line);
                    section.push('\n');
                }
            }
        }
        let (_, head) = sections.remove(0);
        let blank = head.lines().all(|line| line.trim().is_empty() || line.starts_with('#'));
        let head = if blank { json!({}) } else { yaml(&head) };
        Self { head, files: sections }
    }

    /// Everything that lint says; hints only where the head asks for them.
    pub fn lint(&self) -> (Diagnostics, Sources) {
        self.lint_with(None)
    }

    /// As [`Case::lint`], with documents that were parsed before.
    pub fn lint_with(&self, parsed: Option<&ParsedDocuments>) -> (Diagnostics, Sources) {
        let options = LoadOptions { parsed: parsed.cloned(), ..self.options() };
        let (bundle, loading, sources) = bundle(&self.files, options);
        let Some(bundle) = bundle else { return (loading, sources) };
        let compiled = compile_for(&bundle, loading, self.options().readings, &self.surroundings());
        let found = lint(&bundle, &compiled);
        let (found, _) = ignore(found, &sources, SourceId(0), true);
        let hints = self.head["hints"] == json!(true);
        let mut shown = Diagnostics::default();
        shown.extend(found.into_iter().filter(|d| hints || d.severity != Severity::Hint));
        (shown, sources)
    }

    fn options(&self) -> LoadOptions {
        let readings = self.head["readings"].as_str().unwrap_or("lenient").parse().unwrap();
        LoadOptions { readings, root: Some("file:///work/".to_owned()), ..LoadOptions::default() }
    }

    /// The protocols that the head calls `absent` are not spoken.
    fn surroundings(&self) -> Surroundings {
        let absent = self.head["absent"].as_array().cloned().unwrap_or_default();
        let absent = absent.iter().map(|word| (word.as_str().unwrap().parse().unwrap(), "another build".to_owned()));
        let receive = self.head["receive"].as_str().unwrap_or("first").parse().unwrap();
        Surroundings { absent: absent.collect(), receive, ..Surroundings::default() }
    }

    pub fn load(&self) -> (Option<Compiled>, Diagnostics, Sources) {
        load(&self.files, self.options())
    }
}

/// Loads from files in memory; the first is the entry document.
pub fn load(files: &[(String, String)], options: LoadOptions) -> (Option<Compiled>, Diagnostics, Sources) {
    let readings = options.readings;
    let (bundle, diagnostics, sources) = bundle(files, options);
    match bundle {
        Some(bundle) => {
            let mut compiled = compile(&bundle, diagnostics, readings);
            compiled.add_contracts(&bundle);
            (Some(compiled), Diagnostics::default(), sources)
        }
        None => (None, diagnostics, sources),
    }
}

pub fn bundle(files: &[(String, String)], options: LoadOptions) -> (Option<Bundle>, Diagnostics, Sources) {
    let entry = &files[0].0;
    let mut loader = Loader::new(format!("file:///work/{entry}"), entry.clone(), options);
    while let Need::Asks(asks) = loader.need() {
        for ask in asks {
            let found = ask.candidates.iter().find_map(|candidate| {
                let name = candidate.uri.strip_prefix("file:///work/")?;
                let (_, text) = files.iter().find(|(known, _)| known == name)?;
                Some(Fetched { name: name.to_owned(), uri: candidate.uri.clone(), content: text.as_str().into() })
            });
            let tried = ask.candidates.iter().map(|c| format!("tried {}: no such file", c.uri)).collect();
            loader.give(&ask, found.ok_or(tried));
        }
    }
    loader.finish()
}

pub fn yaml(text: &str) -> Json {
    let mut sources = Sources::default();
    let id = sources.add("case", "file:///case", text);
    match Node::parse(&sources, id, NodeLimits::default()) {
        Ok(node) => node.to_json(),
        Err(faults) => {
            panic!("{}", faults.iter().map(|f| f.render(&sources, false, 120)).collect::<Vec<_>>().join("\n"))
        }
    }
}

/// Runs `check` over the cases of a folder and compares with the `.txt` beside each.
pub fn golden(folder: &str, check: impl Fn(&Case) -> String) {
    let folder = suite_path(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {}", folder.display());
    let mut wrong = vec![];
    for path in paths {
        let found = check(&Case::read(&path));
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}\n--- found\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ (UPDATE=1 rewrites them):\n{}", wrong.len(), wrong.join("\n"));
}

pub fn canned(reply: &Json) -> Result<Response, Failure> {
    if let Some(kind) = reply["failure"].as_str() {
        let kind: FailureKind = serde_json::from_value(serde_json::json!(kind)).unwrap();
        let in_doubt = !matches!(kind, FailureKind::Dns | FailureKind::Connect | FailureKind::Tls);
        return Err(Failure { kind, message: "it broke".to_owned(), in_doubt });
    }
    let mut headers: Vec<(String, String)> = vec![];
    for (name, value) in reply["headers"].as_object().into_iter().flatten() {
        let lines = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        headers.extend(lines.iter().map(|line| (name.clone(), text(line))));
    }
    let hex =
        |text: &str| (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    let body = match (&reply["text"], &reply["body"]) {
        _ if reply["hex"].is_string() => hex(reply["hex"].as_str().unwrap()),
        (Json::String(text), _) => text.clone().into_bytes(),
        (_, Json::Null) => vec![],
        (_, body) => {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            body.to_string().into_bytes()
        }
    };
    Ok(Response { status: reply["status"].as_u64().unwrap_or(200) as u16, headers, body })
}

pub fn settings(head: &Json) -> Settings {
    let mut settings = Settings::default();
    if let Some(steps) = head["maxSteps"].as_u64() {
        settings.limits.steps = steps as u32;
    }
    settings.limits.requests = head["maxRequests"].as_u64().map(|requests| requests as u32);
    if let Some(bytes) = head["maxKept"].as_u64() {
        settings.limits.kept_bytes = bytes;
    }
    if let Some(ms) = head["timeout"].as_u64() {
        settings.limits.run_ms = ms;
    }
    if let Some(depth) = head["depth"].as_u64() {
        settings.limits.depth = depth as u32;
    }
    if let Some(ms) = head["loopDelay"].as_u64() {
        settings.loop_delay = LoopDelay::Fixed(ms);
    }
    if let Some(server) = head["server"].as_str() {
        settings.servers.all = Some(server.to_owned());
    }
    for (key, value) in head["auth"].as_object().into_iter().flatten() {
        settings.credentials = std::mem::take(&mut settings.credentials).scheme(key, value.as_str().unwrap());
    }
    for header in head["headers"].as_array().into_iter().flatten() {
        let part = |at: usize| header[at].as_str().unwrap();
        settings.credentials = std::mem::take(&mut settings.credentials).header(part(0), part(1));
    }
    settings.credentials.certificate = head["certificate"] == json!(true);
    if let Some(token) = head["bearer"].as_str() {
        settings.credentials = std::mem::take(&mut settings.credentials).bearer("token", token);
    }
    if let Some((user, password)) = head["user"].as_str().and_then(|user| user.split_once(':')) {
        settings.credentials = std::mem::take(&mut settings.credentials).basic(user, password);
    }
    if head["redirects"] == json!("never") {
        settings.redirects = Redirects::Never;
    }
    for host in head["allowHosts"].as_array().into_iter().flatten() {
        settings.allowed_hosts.push(AllowedHost::parse(host.as_str().unwrap()).unwrap());
    }
    settings.cookies = head["cookies"] == json!(true);
    if let Some(decides) = head.get("receive").and_then(Json::as_str) {
        settings.receive = decides.parse().unwrap();
    }
    if let Some(check) = head.get("contract") {
        settings.contract = serde_json::from_value(check.to_serde()).unwrap();
    }
    settings.require_outputs = head["requireOutputs"] == json!(true);
    settings
}

pub fn rendered(diagnostics: &Diagnostics, sources: &Sources) -> String {
    diagnostics.iter().map(|d| d.render(sources, false, 140)).collect::<Vec<_>>().join("\n")
}
