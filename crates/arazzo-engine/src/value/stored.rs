//! A JSON value as a stored state has it: what JSON as others read it cannot hold, long digits and bytes, is an object
//! whose only member no document names so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{File, Json, Map, Number, json_text};

/// Begins the names of members that are ours; a name of a document that begins so gets another one.
const OURS: char = '\u{1}';
const NUMBER: &str = "\u{1}number";
const BYTES: &str = "\u{1}bytes";

/// Writes a value.
///
/// # Errors
/// Those of `serializer`.
pub fn serialize<S: Serializer>(json: &Json, serializer: S) -> Result<S::Ok, S::Error> {
    if is_plain(json) { json.serialize(serializer) } else { sealed(json).serialize(serializer) }
}

/// Reads a value.
///
/// # Errors
/// Those of `deserializer`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
    let json = Json::deserialize(deserializer)?;
    Ok(opened(json))
}

/// As [`serialize`] and [`deserialize`], of the members of an object.
pub mod members {
    use super::{Deserialize, Deserializer, Json, Map, Serialize, Serializer, opened, own_name, sealed};

    /// Writes members.
    ///
    /// # Errors
    /// Those of `serializer`.
    pub fn serialize<S: Serializer>(members: &Map<String, Json>, serializer: S) -> Result<S::Ok, S::Error> {
        sealed(&Json::from(members.clone())).serialize(serializer)
    }

    /// Reads members.
    ///
    /// # Errors
    /// Those of `deserializer`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Json>, D::Error> {
        let members = Map::<String, Json>::deserialize(deserializer)?;
        Ok(members.into_iter().map(|(name, value)| (own_name(name), opened(value))).collect())
    }
}

/// As [`serialize`] and [`deserialize`], of values with names.
pub(crate) mod named {
    use super::{Deserialize, Deserializer, Json, Serialize, Serializer, opened, sealed};

    pub(crate) fn serialize<S: Serializer>(values: &[(String, Json)], serializer: S) -> Result<S::Ok, S::Error> {
        let values: Vec<(&String, Json)> = values.iter().map(|(name, value)| (name, sealed(value))).collect();
        values.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Json)>, D::Error> {
        let values = Vec::<(String, Json)>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|(name, value)| (name, opened(value))).collect())
    }
}

/// `true` if it is written as itself.
fn is_plain(json: &Json) -> bool {
    match json {
        Json::Null | Json::Bool(_) | Json::String(_) => true,
        Json::Number(number) => number.as_i64().is_some() || number.as_u64().is_some(),
        Json::Array(items) => items.iter().all(is_plain),
        Json::Object(members) => members.iter().all(|(name, value)| !name.starts_with(OURS) && is_plain(value)),
        Json::Bytes(_) => false,
    }
}

fn sealed(json: &Json) -> Json {
    let ours = |name: &str, value: Json| Json::from(Map::from_iter([(name.to_owned(), value)]));
    match json {
        json if is_plain(json) => json.clone(),
        Json::Number(number) => ours(NUMBER, number.to_string().into()),
        Json::Bytes(file) => {
            let File { name, bytes, text } = &**file;
            let parts = [name.as_str().into(), STANDARD.encode(&**bytes).into(), Json::Bool(*text)];
            ours(BYTES, parts.into_iter().collect())
        }
        Json::Array(items) => items.iter().map(sealed).collect(),
        Json::Object(members) => {
            let own = |name: &String| if name.starts_with(OURS) { format!("{OURS}{name}") } else { name.clone() };
            Json::from(members.iter().map(|(name, value)| (own(name), sealed(value))).collect::<Map<_, _>>())
        }
        plain => plain.clone(),
    }
}

fn opened(json: Json) -> Json {
    match json {
        Json::Array(items) => items.into_iter().map(opened).collect(),
        Json::Object(members) => match members.first().filter(|_| members.len() == 1) {
            Some((name, value)) if name == NUMBER => Number::parse(&json_text(value)).map_or(Json::Null, Json::Number),
            Some((name, value)) if name == BYTES => {
                let part = |number: usize| value.get(number);
                let text = |number: usize| part(number).map(json_text).unwrap_or_default();
                let bytes = STANDARD.decode(text(1)).unwrap_or_default();
                Json::Bytes(
                    File { name: text(0), bytes: bytes.into(), text: part(2).and_then(Json::as_bool) == Some(true) }
                        .into(),
                )
            }
            _ => {
                let members = members.into_iter().map(|(name, value)| (own_name(name), opened(value)));
                Json::from(members.collect::<Map<_, _>>())
            }
        },
        other => other,
    }
}

/// The name that a document gave.
fn own_name(name: String) -> String {
    name.strip_prefix(OURS).map(str::to_owned).unwrap_or(name)
}
