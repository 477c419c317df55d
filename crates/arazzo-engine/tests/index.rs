//! `suite/index/*.yaml`: documents in which `^` stands where a cursor is. The head says what is asked: `symbols` (what is
//! named there, where it is defined and used), `offers` (what may be written there), `outline` (of the first document).

use std::fmt::Write as _;

use arazzo_engine::index::{Index, Outlined, SymbolKind, repairs};
use arazzo_engine::load::LoadOptions;
use arazzo_engine::node::{Node, NodeLimits};
use arazzo_engine::source::{SourceId, Sources, Span};

use crate::suite::{Case, bundle, files_below, golden, suite_path, workspace_root};

type Files = Vec<(String, String)>;

/// The files without marks, and the marks: the number of the file and the byte in it.
fn marks(case: &Case) -> (Files, Vec<(usize, usize)>) {
    let (mut files, mut found) = (vec![], vec![]);
    for (number, (name, text)) in case.files.iter().enumerate() {
        found.extend(text.match_indices('^').enumerate().map(|(before, (at, _))| (number, at - before)));
        files.push((name.clone(), text.replace('^', "")));
    }
    (files, found)
}

fn index_of(files: &Files) -> Option<Index> {
    let options = LoadOptions { root: Some("file:///work/".to_owned()), ..LoadOptions::default() };
    bundle(files, options).0.map(Index::new)
}

fn source_named(sources: &Sources, name: &str) -> SourceId {
    sources.iter().find(|(_, source)| source.name == name).unwrap_or_else(|| panic!("{name} was not read")).0
}

fn shown(index: &Index, span: Span) -> String {
    let place = index.sources().place(span);
    format!("{}:{}:{}", place.file, place.line, place.column)
}

fn place_of(text: &str, offset: usize) -> String {
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    format!("{line}:{}", before.rsplit('\n').next().unwrap().chars().count() + 1)
}

fn symbols(files: &Files, marks: &[(usize, usize)]) -> String {
    let index = index_of(files).unwrap();
    let mut report = String::new();
    for (number, offset) in marks {
        let (name, text) = &files[*number];
        let source = source_named(index.sources(), name);
        writeln!(report, "{name}:{}", place_of(text, *offset)).unwrap();
        match index.at(source, *offset as u32) {
            Some((symbol, span)) => {
                writeln!(report, "  {} `{}`", symbol.kind.word(), index.sources().text(span)).unwrap();
                writeln!(report, "  defined at {}", shown(&index, symbol.definition)).unwrap();
                let places: Vec<String> = index.places(symbol).map(|span| shown(&index, span)).collect();
                writeln!(report, "  named at {}", places.join(", ")).unwrap();
                match index.rename(symbol, "renamed") {
                    Ok(edits) => assert_eq!(edits.len(), places.len()),
                    Err(refused) => writeln!(report, "  not renamed: {refused}").unwrap(),
                }
            }
            None => writeln!(report, "  no name").unwrap(),
        }
        if let Some((about, _)) = index.about(source, *offset as u32) {
            about.lines().filter(|line| !line.is_empty()).for_each(|line| writeln!(report, "  | {line}").unwrap());
        }
    }
    report
}

fn offers(files: &Files, marks: &[(usize, usize)]) -> String {
    let mut report = String::new();
    for (number, offset) in marks {
        let (name, text) = &files[*number];
        writeln!(report, "{name}:{}", place_of(text, *offset)).unwrap();
        let found = repairs(text, *offset).into_iter().find_map(|repair| {
            let mut files = files.clone();
            files[*number].1.clone_from(&repair.text);
            let index = index_of(&files)?;
            let offers = index.offers(source_named(index.sources(), name), *offset as u32)?;
            Some((offers, repair))
        });
        let Some((found, repair)) = found else {
            writeln!(report, "  nothing").unwrap();
            continue;
        };
        let range = repair.original(found.replaced.start as usize)..repair.original(found.replaced.end as usize);
        writeln!(report, "  in the place of `{}`", &text[range]).unwrap();
        for offer in found.offers {
            let about = offer.about.lines().next().unwrap_or_default();
            let line = format!("  {:?} {}  {}  {about}", offer.kind, offer.text, offer.detail);
            writeln!(report, "{}", line.trim_end()).unwrap();
        }
    }
    report
}

fn outline(report: &mut String, index: &Index, entries: &[Outlined], depth: usize) {
    for entry in entries {
        let (place, text) = (shown(index, entry.name_span), index.sources().text(entry.span));
        assert!(entry.span.start <= entry.name_span.start && entry.name_span.end <= entry.span.end, "{entry:?}");
        let lines = text.lines().count();
        let indent = "  ".repeat(depth);
        writeln!(report, "{indent}{} {} ({}) at {place}, {lines} lines", entry.kind.word(), entry.name, entry.detail)
            .unwrap();
        outline(report, index, &entry.children, depth + 1);
    }
}

#[test]
fn what_stands_at_an_offset_and_what_may_be_written_there() {
    golden("index", |case| {
        let (files, marks) = marks(case);
        match case.head["ask"].as_str().unwrap() {
            "symbols" => symbols(&files, &marks),
            "offers" => offers(&files, &marks),
            "outline" => {
                let (mut report, index) = (String::new(), index_of(&files).unwrap());
                outline(&mut report, &index, &index.outline(SourceId(0)), 0);
                report.lines().map(|line| format!("{}\n", line.trim_end())).collect()
            }
            other => panic!("nothing is asked by {other}"),
        }
    });
}

/// Every document of the suites: names are where they are said to be, and a rename leaves a document that has the same
/// names but for this one.
#[test]
fn a_rename_changes_a_name_and_nothing_else() {
    let cases = ["lint", "run"].map(suite_path).into_iter().flat_map(|folder| files_below(&folder, &["yaml"]));
    let mut renamed = 0;
    // All of them take half a minute.
    for path in cases.step_by(6) {
        let files = Case::read(&path).files;
        if files.is_empty() {
            continue;
        }
        let Some(index) = index_of(&files) else { continue };
        let uri = |name: &str| files.iter().position(|(known, _)| known == name);
        for symbol in index.symbols() {
            let Ok(edits) = index.rename(symbol, "renamed_here") else { continue };
            let mut changed = files.clone();
            for edit in edits.iter().rev() {
                let name = &index.sources().get(edit.span.source).unwrap().name;
                let number = uri(name).unwrap();
                assert_eq!(&changed[number].1[edit.span.range()], symbol.name, "{}", path.display());
                changed[number].1.replace_range(edit.span.range(), &edit.text);
            }
            let after = index_of(&changed).unwrap_or_else(|| panic!("{}: {symbol:?} cannot be read", path.display()));
            let names = |index: &Index| {
                let mut names: Vec<(SymbolKind, String)> =
                    index.symbols().iter().map(|symbol| (symbol.kind, symbol.name.clone())).collect();
                names.sort();
                names
            };
            let mut expected = names(&index);
            let own = (symbol.kind, symbol.name.clone());
            let at = expected.iter().position(|known| *known == own).unwrap();
            expected[at].1 = "renamed_here".to_owned();
            expected.sort();
            assert_eq!(names(&after), expected, "{}: {symbol:?}", path.display());
            let other = after.symbols().iter().find(|other| other.name == "renamed_here").unwrap();
            assert_eq!(after.places(other).count(), edits.len(), "{}: {symbol:?}", path.display());
            renamed += 1;
        }
    }
    assert!(renamed > 100, "only {renamed} names were renamed");
}

/// At every byte of documents that people are in the middle of writing, something is asked and nothing breaks.
#[test]
fn every_offset_of_documents_that_are_cut_can_be_asked_about() {
    let folder = suite_path("index");
    for path in files_below(&folder, &["yaml"]) {
        let (files, _) = marks(&Case::read(&path));
        let text = &files[0].1;
        for cut in (0..text.len()).step_by(7).filter(|at| text.is_char_boundary(*at)) {
            for repair in repairs(&text[..cut], cut) {
                assert!(repair.original(repair.text.len()) <= cut);
                let mut files = files.clone();
                files[0].1 = repair.text;
                let Some(index) = index_of(&files) else { continue };
                let _ = index.offers(SourceId(0), cut as u32);
                let _ = index.about(SourceId(0), cut as u32);
                let _ = index.outline(SourceId(0));
            }
        }
    }
}

#[test]
fn what_is_put_in_to_read_a_text_makes_most_beginnings_of_it_one() {
    let text = std::fs::read_to_string(workspace_root().join("specs/daytona-provision.yml")).unwrap();
    let (mut readable, mut all) = (0, 0);
    let ends = text.match_indices('\n').map(|(at, _)| at);
    for end in ends {
        all += 1;
        let reads = |text: &str| {
            let mut sources = Sources::default();
            let id = sources.add("a.yaml", "file:///a.yaml", text);
            Node::parse(&sources, id, NodeLimits::default()).is_ok()
        };
        readable += usize::from(repairs(&text[..end], end).iter().any(|repair| reads(&repair.text)));
    }
    assert!(readable * 100 >= all * 95, "{readable} of {all}");
}
