//! What stands at an offset of a document: every name and value of every document here is found where it is written.

use arazzo_engine::node::{Key, Kind, Node};
use arazzo_engine::source::{Sources, Span};
use arazzo_engine::value::Pointer;

use crate::suite::{Case, files_below, suite_path, workspace_root};

/// Values and names with the way to them, but for those of aliases, which stand elsewhere.
fn walk<'n>(node: &'n Node, tokens: &[String], visit: &mut impl FnMut(&[String], Option<&'n Key>, &'n Node)) {
    let within = |span: Span| node.span.start <= span.start && span.end <= node.span.end;
    let below = |token: &str| [tokens, &[token.to_owned()]].concat();
    match &node.read().kind {
        Kind::Object(members) => {
            for (key, value) in members.iter().filter(|(_, value)| within(value.span)) {
                visit(&below(&key.name), Some(key), value);
                walk(value, &below(&key.name), visit);
            }
        }
        Kind::Array(items) => {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| within(item.span)) {
                walk(item, &below(&index.to_string()), visit);
            }
        }
        _ => visit(tokens, None, node),
    }
}

#[test]
fn every_name_and_value_is_found_at_its_offset() {
    let (mut names, mut values, mut characters) = (0, 0, 0);
    let cases = ["lint", "run"].map(suite_path).into_iter().flat_map(|folder| files_below(&folder, &["yaml"]));
    let cases = cases.flat_map(|path| Case::read(&path).files);
    let documents = ["specs", "openapi"].into_iter().flat_map(|folder| {
        let files = files_below(&workspace_root().join(folder), &["yaml", "yml", "json"]);
        files.into_iter().map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
    });
    for (path, text) in cases.chain(documents) {
        let mut sources = Sources::default();
        let id = sources.add("document", "file:///document", text);
        let Ok(root) = Node::parse(&sources, id, Default::default()) else { continue };
        let mut check = |tokens: &[String], key: Option<&Key>, node: &Node| {
            let span = key.map_or(node.span, |key| key.span);
            // A value that is left out has no byte of its own.
            if span.start == span.end {
                return;
            }
            for offset in [span.start, (span.start + span.end) / 2] {
                let standing = root.standing_at(offset);
                let standing = standing.unwrap_or_else(|| panic!("{path}: nothing at {offset}"));
                assert_eq!(standing.pointer, Pointer::of(tokens.to_vec()), "{path} at {offset}");
                assert_eq!((standing.key, standing.node), (key, node), "{path} at {offset}");
            }
            match key {
                Some(_) => names += 1,
                None => values += 1,
            }
            if let (None, Some(value)) = (key, node.as_str()) {
                for (within, _) in value.char_indices() {
                    let part = node.part(&sources, within..value.len());
                    if sources.text(node.span).contains(value) {
                        assert_eq!(node.offset_within(&sources, part.start), Some(within), "{path}");
                        characters += 1;
                    }
                }
            }
        };
        walk(&root, &[], &mut check);
    }
    assert!(names > 10_000 && values > 5_000 && characters > 50_000, "{names} {values} {characters}");
}
