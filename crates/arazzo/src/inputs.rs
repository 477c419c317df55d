//! Inputs of a run, and texts that hold them.

use std::collections::BTreeMap;

use arazzo_engine as engine;
use arazzo_engine::inputs::InputValues;
use arazzo_engine::value::File;
use arazzo_engine::value::{Json, Map};

use crate::error::Error;

/// Inputs of a run, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs {
    pub(crate) values: InputValues,
    pub(crate) files: BTreeMap<String, File>,
}

impl Inputs {
    /// No inputs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input, or replaces it.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// Sets an input to a file: where text is wanted, its bytes as text; in a multipart body, a file of this name.
    #[must_use]
    pub fn file(mut self, input: impl Into<String>, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let (input, bytes): (_, Vec<u8>) = (input.into(), bytes.into());
        self.values.insert(input.clone(), Json::String(String::from_utf8_lossy(&bytes).into_owned()));
        self.files.insert(input, File { name: name.into(), bytes: bytes.into(), text: false });
        self
    }

    /// The inputs, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Adds the inputs of `others` that are not there.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        let mut files = others.files;
        for (name, value) in others.values {
            if self.values.contains_key(&name) {
                continue;
            }
            if let Some(file) = files.remove(&name) {
                self.files.insert(name.clone(), file);
            }
            self.values.insert(name, value);
        }
        self
    }

    /// Leaves an input out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.values.shift_remove(name);
        self.files.remove(name);
        self
    }

    /// `true` if an input of this name is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for Inputs {
    fn from(values: serde_json::Map<String, serde_json::Value>) -> Self {
        values.into_iter().map(|(name, value)| (name, Json::from(value))).collect::<Map<_, _>>().into()
    }
}

impl From<Map<String, Json>> for Inputs {
    fn from(values: Map<String, Json>) -> Self {
        Self { values, files: BTreeMap::new() }
    }
}

/// Parses YAML text, or JSON if the name says so, as JSON, as inputs are given in files; `name` is what a message calls
/// it. The text may hold secrets: messages show nothing of it.
///
/// # Errors
/// [`Error::Documents`] with a place if it is not YAML.
pub fn parse_values(name: &str, text: &str) -> Result<Json, Error> {
    parse_withheld(name, text, std::iter::empty())
}

/// Parses values whose messages may show these words of the text and nothing else.
pub(crate) fn parse_withheld<'w>(name: &str, text: &str, words: impl Iterator<Item = &'w str>) -> Result<Json, Error> {
    let mut sources = engine::source::Sources::default();
    let id = sources.add_withheld(name, text, words);
    match engine::load::parse_source(&sources, id, Default::default()) {
        Ok(node) => Ok(node.to_json()),
        Err(diagnostics) => Err(Error::Documents { diagnostics, sources }),
    }
}
