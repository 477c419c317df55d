//! Rows of inputs, one run each: a CSV file, or a JSON or YAML list of objects. Messages show no value.

use std::path::Path;

use arazzo::diagnostics::{Code, Help, nearest};
use arazzo::plan::InputFault;
use arazzo::values::{Json, Map};
use arazzo::{Error, Inputs, Workflow};

use crate::inputs::Stdin;

/// The values of a run, by the names of inputs.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// From 1.
    pub(crate) number: usize,
    values: Vec<(String, Cell)>,
    /// The columns in which it has nothing.
    empty: Vec<String>,
}

#[derive(Debug, Clone)]
enum Cell {
    /// To be converted to the type of the input.
    Text(String),
    Json(Json),
}

/// Reads the rows of a file, `-` for stdin.
///
/// # Errors
/// [`Error::Setup`] or [`Error::Documents`] if it cannot be read, or is no rows.
pub(crate) fn read(path: &Path, stdin: &mut Stdin) -> Result<Vec<Row>, Error> {
    let name = path.to_string_lossy();
    let wrong = |reason: String| Error::Setup(format!("--data: {reason}"));
    let text = stdin.read(&name).map_err(wrong)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let of_lists = |extension: &std::ffi::OsStr| ["json", "yaml", "yml"].iter().any(|known| extension == *known);
    let is_list = path.extension().map_or_else(|| text.trim_start().starts_with('['), of_lists);
    if is_list { list(&name, text) } else { cells(&name, text).map_err(wrong) }
}

fn list(name: &str, text: &str) -> Result<Vec<Row>, Error> {
    let Json::Array(items) = arazzo::parse_values(name, text)? else {
        return Err(Error::Setup(format!("--data: `{name}` does not hold a list of rows")));
    };
    let rows = items.iter().enumerate().map(|(index, item)| match item {
        Json::Object(members) => {
            let values = members.iter().map(|(name, value)| (name.clone(), Cell::Json(value.clone())));
            Ok(Row { number: index + 1, values: values.collect(), empty: vec![] })
        }
        _ => Err(Error::Setup(format!("--data: row {} of `{name}` is not an object of inputs", index + 1))),
    });
    rows.collect()
}

/// The rows of CSV, whose first line has the names of inputs.
fn cells(name: &str, text: &str) -> Result<Vec<Row>, String> {
    // What is not closed takes in everything behind it.
    if text.matches('"').count() % 2 == 1 {
        return Err(format!("`{name}`: a quote is not closed"));
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    // What the parser says of a fault may have a part of its text.
    let wrong = |error: csv::Error| {
        let line = error.position().map(|place| format!(", line {}", place.line())).unwrap_or_default();
        format!("`{name}`{line}: a row has more or fewer cells than the first line has names")
    };
    let names: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    let doubled = names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|known| known == *name));
    if let Some((_, doubled)) = doubled {
        return Err(format!("`{name}` has the column `{doubled}` twice"));
    }
    let rows = reader.records().enumerate().map(|(index, record)| {
        let record = record.map_err(wrong)?;
        let (none, cells): (Vec<_>, Vec<_>) = names.iter().zip(record.iter()).partition(|(_, cell)| cell.is_empty());
        let values = cells.into_iter().map(|(name, cell)| (name.clone(), Cell::Text(cell.to_owned())));
        let empty = none.into_iter().map(|(name, _)| name.clone()).collect();
        Ok(Row { number: index + 1, values: values.collect(), empty })
    });
    rows.collect()
}

impl Row {
    /// The inputs of a workflow in this row, and their faults.
    pub(crate) fn inputs(&self, workflow: &Workflow) -> (Inputs, Vec<InputFault>) {
        let (mut values, mut faults) = (Map::new(), vec![]);
        for (column, (name, cell)) in self.values.iter().enumerate() {
            // A file without its first line has values there, which may be secrets.
            if matches!(cell, Cell::Text(_)) && !workflow.takes(name) {
                let near = nearest(name, workflow.inputs().map(|input| input.name.as_str()));
                let (shown, help) = match near {
                    Some(near) => (format!("`{name}`"), Help::meant(near)),
                    None => {
                        ((column + 1).to_string(), Help::words("the first line has the names of inputs".to_owned()))
                    }
                };
                let message = format!("column {shown} of the first line is no input of the workflow");
                faults.push(InputFault::new(Code::UnknownInput, near.unwrap_or_default(), message, help.to_string()));
                continue;
            }
            let value = match cell {
                Cell::Json(json) => Ok(json.clone()),
                Cell::Text(text) => workflow.typed(name, text),
            };
            match value {
                Ok(value) => drop(values.insert(name.clone(), value)),
                Err(fault) => faults.push(fault),
            }
        }
        (Inputs::from(values), faults)
    }

    /// A fault with the number of the row.
    pub(crate) fn placed(&self, fault: &InputFault) -> InputFault {
        let help = match fault.code {
            Code::MissingInput if self.empty.contains(&fault.name) => Some("its cell is empty: fill it in".to_owned()),
            _ => fault.help.as_ref().map(ToString::to_string),
        };
        InputFault::new(fault.code, &fault.name, format!("row {}: {}", self.number, fault.message), help)
    }

    /// The fault of an input that is given beside the rows too.
    pub(crate) fn doubled(&self, given: &Inputs) -> Option<InputFault> {
        let (name, _) = self.values.iter().find(|(name, _)| given.has(name))?;
        let message = format!("input `{name}` is in the rows, and given beside them");
        Some(InputFault::new(Code::InvalidInput, name, message, "leave one of them out".to_owned()))
    }
}
