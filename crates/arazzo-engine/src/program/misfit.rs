//! Messages against what is said about them: why one is not one of those that are described.

use std::collections::BTreeMap;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;

use super::{Channel, Message, MessageTarget, Select};
use crate::asyncapi::is_id_header;
use crate::json_schema::checking::plain;
use crate::media_type::MediaType;
use crate::openapi::schema::Checked;
use crate::source::Span;
use crate::value::{Json, Map, Pointer};

/// Keywords whose parts a value may break, and still be right.
const UNCERTAIN: [&str; 8] =
    ["anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "unevaluatedProperties"];

/// Keywords that judge an object or a list without its members.
const OUTER: [&str; 9] = [
    "required",
    "type",
    "additionalProperties",
    "propertyNames",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "dependentRequired",
];

/// Bytes of a value that are shown in a message.
const SHOWN: usize = 60;

/// What a message is made of, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Draft<'v> {
    /// Headers; nothing as the value of one that is known in a run.
    pub(crate) headers: Vec<(&'v str, Option<&'v str>)>,
    /// The payload, with anything where something is known in a run; nothing if there is none.
    pub(crate) payload: Option<Json>,
    /// The places in the payload that are known in a run.
    pub(crate) open: Vec<Vec<String>>,
    /// Its media type.
    pub(crate) content_type: &'v str,
    /// `false` where the protocol has none: then none are missing.
    pub(crate) has_headers: bool,
}

/// Why a message is none of those of a channel.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// `true` if the nearest of them refuses a header.
    pub(crate) of_headers: bool,
    /// The place in the payload or in the headers that it refuses; nothing where there is no payload.
    pub(crate) at: Option<Pointer>,
    /// Each message of the channel.
    pub(crate) each: Vec<Refusal>,
}

/// Why one message is not the one that is to be sent.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Its name.
    pub(crate) name: String,
    /// The part and what is wrong with it.
    message: String,
    of_headers: bool,
    at: Option<Pointer>,
    /// Where the schema says so.
    pub(crate) span: Span,
}

impl Misfit {
    /// Each message with what is wrong.
    pub(crate) fn words(&self) -> String {
        match self.each.as_slice() {
            [only] => only.message.clone(),
            each => {
                let each: Vec<String> =
                    each.iter().map(|known| format!("as `{}`, {}", known.name, known.message)).collect();
                each.join("; ")
            }
        }
    }
}

impl Channel {
    /// Why what is to be sent is none of the messages of a target; nothing if it is one, or may be.
    pub(crate) fn refuses(&self, target: &MessageTarget, draft: &Draft<'_>) -> Option<Misfit> {
        let each: Option<Vec<Refusal>> = self.messages_of(target).map(|message| message.refuses(draft)).collect();
        let each = each?;
        let first = each.first()?;
        Some(Misfit { of_headers: first.of_headers, at: first.at.clone(), each })
    }
}

impl Draft<'_> {
    /// Notes that what is at a place is replaced by something that is known in a run.
    pub(crate) fn replace(&mut self, target: &Select) {
        self.open.push(match target {
            Select::Pointer(pointer) => pointer.tokens().to_vec(),
            _ => vec![],
        });
    }
}

impl Message {
    /// Why a message is none of this kind, as far as that is certain.
    fn refuses(&self, draft: &Draft<'_>) -> Option<Refusal> {
        self.refuses_headers(draft).or_else(|| self.refuses_payload(draft))
    }

    fn refuses_headers(&self, draft: &Draft<'_>) -> Option<Refusal> {
        let schema = self.header_schema.as_ref().filter(|_| draft.has_headers)?;
        // One that is sent under a name that nothing declares was meant as one that is: that is said of its name.
        let strange = draft
            .headers
            .iter()
            .any(|(name, _)| !is_id_header(name) && !self.headers.iter().any(|known| known.eq_ignore_ascii_case(name)));
        let declared = |name: &str| self.headers.iter().find(|known| known.eq_ignore_ascii_case(name));
        let named: Vec<(&str, Option<&str>)> =
            draft.headers.iter().map(|(name, text)| (declared(name).map_or(*name, String::as_str), *text)).collect();
        let (at, why, span) = refused_text(schema, &named, strange)?;
        let name = at.tokens().first();
        let what = name.map_or_else(|| "the headers".to_owned(), |name| format!("header `{name}`"));
        let message = format!("{what}: {why}");
        Some(Refusal { name: self.name.clone(), message, of_headers: true, at: Some(at), span })
    }

    fn refuses_payload(&self, draft: &Draft<'_>) -> Option<Refusal> {
        let schema = self.payload_schema.as_ref()?;
        let kind = if draft.content_type.is_empty() {
            self.content_type.as_deref().unwrap_or_default()
        } else {
            draft.content_type
        };
        if !kind.is_empty() && !MediaType::parse(kind).is_json() {
            return None;
        }
        let name = self.name.clone();
        let Some(payload) = &draft.payload else {
            // A payload that may be empty may as well not be there.
            let empty = [Json::Null, Json::Object(Map::new().into()), Json::String(String::new())];
            let mut faults = empty.iter().map(|value| find(schema, value, (&[], false)));
            let (_, _, span) = faults.next().flatten()?;
            let why = faults.next().flatten().map(|(_, why, _)| why)?;
            faults.next().flatten()?;
            return Some(Refusal {
                name,
                message: format!("there is no payload ({why})"),
                of_headers: false,
                at: None,
                span,
            });
        };
        let (at, why, span) = find(schema, payload, (&draft.open, false))?;
        let what = if at.is_whole() { "the payload".to_owned() } else { format!("the payload at {at}") };
        Some(Refusal { name, message: format!("{what}: {why}"), of_headers: false, at: Some(at), span })
    }
}

/// The first thing that a schema of an object refuses of texts with names, some of which are known in a run only: where, why,
/// and where the schema says so. Those that are missing may be let pass.
pub(crate) fn refused_text(
    schema: &Checked,
    given: &[(&str, Option<&str>)],
    may_miss: bool,
) -> Option<(Pointer, String, Span)> {
    let mut texts: Map<String, Json> = Map::new();
    let mut read: BTreeMap<String, Json> = BTreeMap::new();
    let mut open: Vec<Vec<String>> = vec![];
    for (name, value) in given {
        if value.is_none() {
            open.push(vec![(*name).to_owned()]);
        }
        let text = value.unwrap_or_default();
        texts.insert((*name).to_owned(), Json::String(text.to_owned()));
        // They are texts on the way: what counts is what they may be read as.
        let scalar = Json::parse(text).filter(|json| json.is_number() || json.is_boolean() || json.is_null());
        read.insert((*name).to_owned(), scalar.unwrap_or_else(|| Json::String(text.to_owned())));
    }
    // One that is a number, say, where a text is not right.
    loop {
        let (at, why, span) = find(schema, &Json::Object(texts.clone().into()), (&open, may_miss))?;
        match at.tokens().first().and_then(|name| read.remove_entry(name)) {
            Some((name, value)) => texts.insert(name, value),
            None => return Some((at, why, span)),
        };
    }
}

/// The first thing that a schema refuses for certain: where, why, and where the schema says so. Of a value that is known in
/// parts it is said what is not `open`; members that are missing may be let pass.
fn find(schema: &Checked, value: &Json, (open, may_miss): (&[Vec<String>], bool)) -> Option<(Pointer, String, Span)> {
    let faults = schema.validator.faults(value, usize::MAX, |error| {
        let at = Pointer::parse(&error.instance_path().to_string());
        let way = error.schema_path().to_string();
        let misses = may_miss && at.is_whole() && way.ends_with("/required");
        let certain = !misses && (open.is_empty() || is_certain(&error, "", open));
        let in_parts = open.iter().any(|place| place.starts_with(at.tokens()));
        let long = error.instance().to_string().len() > SHOWN;
        let said = if long || in_parts { error.masked_with("the value").to_string() } else { error.to_string() };
        certain.then(|| (at, plain(&said), schema.span(&way)))
    });
    // What takes too long to find out is not certain.
    faults.ok()?.into_iter().flatten().next()
}

/// `true` if a schema refuses a value whatever stands in the places that are open. `outer` is the way to the alternative
/// that says so. Of an object that is known in parts its names are known, and of what is known in a run nothing.
fn is_certain(error: &ValidationError<'_>, outer: &str, open: &[Vec<String>]) -> bool {
    let at = Pointer::parse(&error.instance_path().to_string());
    if open.iter().any(|place| at.tokens().starts_with(place)) {
        return false;
    }
    let way = error.schema_path().to_string();
    let own = way.strip_prefix(outer).unwrap_or(&way);
    let (before, keyword) = own.rsplit_once('/').unwrap_or(("", own));
    if !before.split('/').all(|word| !UNCERTAIN.contains(&word)) {
        return false;
    }
    match error.kind() {
        // Each alternative has to be refused.
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            let refused = |faults: &Vec<ValidationError<'_>>| faults.iter().any(|fault| is_certain(fault, &way, open));
            !context.is_empty() && context.iter().all(refused)
        }
        _ if UNCERTAIN.contains(&keyword) => false,
        _ => OUTER.contains(&keyword) || !open.iter().any(|place| place.starts_with(at.tokens())),
    }
}
