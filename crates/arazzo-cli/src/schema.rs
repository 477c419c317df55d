//! `arazzo schema`: the JSON Schema of everything that a command prints as JSON. `tests/cli/json.rs` holds what the tests
//! see printed to these schemas.

use arazzo::diagnostics::{Help, nearest};
use arazzo::json;

use crate::exit;
use crate::flags::SchemaFlags;
use crate::show::Screen;

/// A schema: its name, what it is of, its text.
type Schema = (&'static str, &'static str, &'static str);

const SCHEMAS: &[Schema] = &[
    ("event", "a line of run --json and call --json", include_str!("schemas/event.json")),
    ("result", "run --json=result, call --json=result", include_str!("schemas/result.json")),
    ("diagnostics", "lint --json, and what fails before there is data", include_str!("schemas/diagnostics.json")),
    ("plan", "run --dry-run --json", include_str!("schemas/plan.json")),
    ("inspect", "inspect --json", include_str!("schemas/inspect.json")),
    ("operations", "inspect --json of an OpenAPI document", include_str!("schemas/operations.json")),
    ("test", "a line of test --json, and test --report json", include_str!("schemas/test.json")),
    ("coverage", "test --coverage=json", include_str!("schemas/coverage.json")),
    ("report", "run --report json", include_str!("schemas/report.json")),
    ("replay", "a line of replay --json", include_str!("schemas/replay.json")),
    ("runs", "a line of runs list --json; runs cancel --json, runs rm --json", include_str!("schemas/runs.json")),
    #[cfg(feature = "restate")]
    ("engine", "worker --json, start --json, and runs of an engine", include_str!("schemas/engine.json")),
    ("explain", "explain --json", include_str!("schemas/explain.json")),
    ("fmt", "fmt --json", include_str!("schemas/fmt.json")),
    ("graph", "graph --json", include_str!("schemas/graph.json")),
    ("mock", "a line of mock --json", include_str!("schemas/mock.json")),
    ("written", "report --json", include_str!("schemas/written.json")),
    ("help", "help --json", include_str!("schemas/help.json")),
    ("schemas", "schema --json", include_str!("schemas/schemas.json")),
];

/// Runs the command; the result is the exit code.
pub(crate) fn schema(flags: &SchemaFlags, screen: &mut Screen) -> u8 {
    let schemas = || SCHEMAS.iter();
    let text = match &flags.name {
        None if flags.json => {
            let names = schemas().map(|(name, of, _)| json!({ "name": name, "of": of }));
            json!({ "v": 1, "schemas": names.collect::<Vec<_>>() }).to_string()
        }
        None => schemas().map(|(name, of, _)| format!("{name:11}  {of}")).collect::<Vec<_>>().join("\n"),
        Some(name) => match schemas().find(|(known, ..)| known == name) {
            Some((.., text)) => text.trim_end().to_owned(),
            None => {
                let near = nearest(name, schemas().map(|(known, ..)| *known));
                let help =
                    near.map_or_else(|| "arazzo schema lists them".to_owned(), |near| Help::meant(near).to_string());
                screen.fault("usage", &format!("there is no schema `{name}`"), Some(&help));
                return exit::USAGE;
            }
        },
    };
    if screen.data(&text).is_err() { exit::OUTPUT } else { exit::SUCCEEDED }
}
