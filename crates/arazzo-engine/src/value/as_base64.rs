//! Bytes in JSON as base64, so that a text in them is not spelt out number by number; a list of numbers is read too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Numbers(Vec<u8>),
}

pub(crate) fn deserialize<'de, T: From<Vec<u8>>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Text(text) => STANDARD.decode(text).map(T::from).map_err(D::Error::custom),
        Written::Numbers(numbers) => Ok(numbers.into()),
    }
}
