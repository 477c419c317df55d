//! Diagnostics → text for people, JSON, SARIF, annotations of GitHub. Pure functions.

use arazzo::diagnostics::{Code, Diagnostic, Place, Severity, Sources, Span, plain};
use arazzo::json;
use arazzo::values::{Json, Map};
use sha2::{Digest, Sha256};

/// A diagnostic as people read it, with the section of the specification.
pub(crate) fn text(diagnostic: &Diagnostic, sources: &Sources, width: usize) -> String {
    let mut shown = diagnostic.clone();
    if let Some(section) = diagnostic.section {
        shown = shown.remark(format!("specification: {}", link(section)));
    }
    shown.render(sources, true, width)
}

/// The address of a section of the specification: `§Step Object`.
pub(crate) fn link(section: &str) -> String {
    let name = section.rsplit('§').next().unwrap_or(section);
    let anchor: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == ' ' || *c == '-')
        .map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect();
    format!("https://spec.openapis.org/arazzo/latest.html#{anchor}")
}

/// The gist of a page about a code, in one line: its first paragraph.
pub(crate) fn summary(page: &'static str) -> &'static str {
    page.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default()
}

fn place(sources: &Sources, span: Span) -> Map<String, Json> {
    let Place { file, line, column, end_line, end_column } = sources.place(span);
    let fields = json!({ "file": file, "line": line, "column": column, "endLine": end_line, "endColumn": end_column });
    match fields {
        Json::Object(fields) => fields.into_inner(),
        _ => Map::new(),
    }
}

/// A diagnostic as an object; `arazzo schema diagnostics` has its members.
pub(crate) fn object(diagnostic: &Diagnostic, sources: &Sources, part: Option<(&str, Option<&str>)>) -> Json {
    let mut object = Map::new();
    object.insert("code".to_owned(), json!(diagnostic.code));
    object.insert("severity".to_owned(), json!(diagnostic.severity));
    object.insert("message".to_owned(), json!(diagnostic.message));
    match diagnostic.span {
        Some(span) => object.extend(place(sources, span)),
        None => {
            for name in ["file", "line", "column", "endLine", "endColumn"] {
                object.insert(name.to_owned(), Json::Null);
            }
        }
    }
    object.insert("help".to_owned(), json!(diagnostic.help));
    let suggestion = diagnostic.help.as_ref().and_then(|help| help.suggestion());
    let suggestion = suggestion.map(|suggestion| format!("{}{}", suggestion.before, suggestion.name));
    object.insert("suggestion".to_owned(), json!(suggestion));
    object.insert("remarks".to_owned(), json!(diagnostic.remarks));
    let notes = diagnostic.notes.iter().map(|(span, text)| {
        let mut note = place(sources, *span);
        note.insert("message".to_owned(), json!(text));
        Json::Object(note.into())
    });
    object.insert("notes".to_owned(), notes.collect());
    let fix = diagnostic.fix.as_ref().map(|fix| {
        let edits = fix.edits.iter().map(|edit| {
            let mut object = place(sources, edit.span);
            object.insert("text".to_owned(), json!(edit.text));
            Json::Object(object.into())
        });
        json!({ "title": fix.title, "exact": fix.exact, "edits": edits.collect::<Vec<_>>() })
    });
    object.insert("fix".to_owned(), json!(fix));
    object.insert("section".to_owned(), json!(diagnostic.section.map(link)));
    if let Some((workflow, step)) = part {
        object.insert("workflow".to_owned(), json!(workflow));
        object.insert("step".to_owned(), json!(step));
    }
    Json::Object(object.into())
}

/// A command of GitHub Actions: what comes from documents cannot begin one of its own.
pub(crate) fn github(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let data = |text: &str| plain(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "notice",
    };
    let mut properties = vec![];
    if let Some(place) = diagnostic.place(sources) {
        properties.push(format!("file={}", property(&place.file)));
        properties.push(format!("line={}", place.line));
        properties.push(format!("col={}", place.column));
        properties.push(format!("endLine={}", place.end_line));
        if place.line == place.end_line {
            properties.push(format!("endColumn={}", place.end_column));
        }
    }
    properties.push(format!("title={}", property(diagnostic.code.word())));
    let help = diagnostic.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
    format!("::{command} {}::{}", properties.join(","), data(&format!("{}{help}", diagnostic.message)))
}

/// A diagnostic in one line, as compilers write it: `flow.yaml:3:7: error: the message [code]`. Control characters of
/// documents are written out, so that it stays one line.
pub(crate) fn short(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let place = diagnostic.place(sources).map(|place| format!("{}:{}:{}: ", place.file, place.line, place.column));
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "hint",
    };
    let message = diagnostic.message.replace(['\r', '\n'], " ");
    plain(&format!("{}{severity}: {message} [{}]", place.unwrap_or_default(), diagnostic.code))
}

/// A code quality report of GitLab: a list of findings, each with a fingerprint that stays when lines move.
pub(crate) fn gitlab(found: &[(Diagnostic, Sources)]) -> Json {
    let mut known: Vec<String> = vec![];
    let findings = found.iter().map(|(diagnostic, sources)| {
        let first = || sources.iter().next().map(|(_, source)| source.name.clone()).unwrap_or_default();
        let (path, line) = diagnostic.place(sources).map_or_else(|| (first(), 1), |place| (place.file, place.line));
        let what = format!("{}\n{path}\n{}", diagnostic.code, diagnostic.message);
        // The same finding at several places is told apart by its order.
        let before = known.iter().filter(|other| **other == what).count();
        let digest = Sha256::digest(format!("{what}\n{before}").as_bytes());
        known.push(what);
        let severity = match diagnostic.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
            Severity::Hint => "info",
        };
        let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        json!({
            "description": plain(&format!("{}{help}", diagnostic.message)),
            "check_name": diagnostic.code,
            "fingerprint": digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            "severity": severity,
            "location": { "path": path, "lines": { "begin": line } },
        })
    });
    findings.collect::<Vec<_>>().into()
}

/// A log of SARIF 2.1.0.
pub(crate) fn sarif(found: &[(Diagnostic, Sources)]) -> Json {
    let mut codes: Vec<Code> = found.iter().map(|(diagnostic, _)| diagnostic.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules = codes.iter().map(|code| {
        let help = code.page();
        json!({ "id": code, "shortDescription": { "text": summary(help) }, "help": { "text": help, "markdown": help } })
    });
    let location = |sources: &Sources, span: Span, text: Option<&str>| {
        let Place { file, line, column, end_line, end_column } = sources.place(span);
        let mut location = json!({
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&file) },
                "region": { "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column },
            },
        });
        if let (Some(text), Json::Object(fields)) = (text, &mut location) {
            fields.insert("message".to_owned(), json!({ "text": text }));
        }
        location
    };
    let results = found.iter().map(|(diagnostic, sources)| {
        let level = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "note",
        };
        let help = diagnostic.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        let mut result = json!({
            "ruleId": diagnostic.code,
            "ruleIndex": codes.iter().position(|code| *code == diagnostic.code),
            "level": level,
            "message": { "text": format!("{}{help}", diagnostic.message) },
            "locations": diagnostic.span.map(|span| location(sources, span, None)).into_iter().collect::<Vec<_>>(),
        });
        let related: Vec<Json> =
            diagnostic.notes.iter().map(|(span, text)| location(sources, *span, Some(text))).collect();
        if let (Json::Object(fields), false) = (&mut result, related.is_empty()) {
            fields.insert("relatedLocations".to_owned(), json!(related));
        }
        result
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "arazzo",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~/:@!$&'()*+,;=".contains(&b);
    path.replace('\\', "/")
        .bytes()
        .map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
