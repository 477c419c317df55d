//! Messages against what is said about them: why one is not one of those that are described.

use std::collections::BTreeMap;

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
const OUTER: [&str; 4] = ["required", "type", "additionalProperties", "propertyNames"];

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
        let mut texts: Map<String, Json> = Map::new();
        let mut read: BTreeMap<String, Json> = BTreeMap::new();
        let mut open: Vec<Vec<String>> = vec![];
        // One that is sent under a name that nothing declares was meant as one that is: that is said of its name.
        let strange = draft
            .headers
            .iter()
            .any(|(name, _)| !is_id_header(name) && !self.headers.iter().any(|known| known.eq_ignore_ascii_case(name)));
        for (name, value) in &draft.headers {
            let declared = self.headers.iter().find(|known| known.eq_ignore_ascii_case(name));
            let name = declared.map_or(*name, String::as_str);
            if value.is_none() {
                open.push(vec![name.to_owned()]);
            }
            let text = value.unwrap_or_default();
            texts.insert(name.to_owned(), Json::String(text.to_owned()));
            // Headers are texts on the way: what counts is what they may be read as.
            let scalar = Json::parse(text).filter(|json| json.is_number() || json.is_boolean() || json.is_null());
            read.insert(name.to_owned(), scalar.unwrap_or_else(|| Json::String(text.to_owned())));
        }
        // One that is a number, say, where a text is not right.
        loop {
            let (at, why, span) = find(schema, &Json::Object(texts.clone().into()), (&open, strange))?;
            let name = at.tokens().first();
            if let Some((name, value)) = name.and_then(|name| read.remove_entry(name)) {
                texts.insert(name, value);
                continue;
            }
            let what = name.map_or_else(|| "the headers".to_owned(), |name| format!("header `{name}`"));
            return Some(Refusal {
                name: self.name.clone(),
                message: format!("{what}: {why}"),
                of_headers: true,
                at: Some(at),
                span,
            });
        }
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

/// The first thing that a schema refuses for certain: where, why, and where the schema says so. Of a value that is known in
/// parts it is said what is not `open`; members that are missing may be let pass.
fn find(schema: &Checked, value: &Json, (open, may_miss): (&[Vec<String>], bool)) -> Option<(Pointer, String, Span)> {
    let faults = schema.validator.faults(value, usize::MAX, |error| {
        let at = Pointer::parse(&error.instance_path().to_string());
        let way = error.schema_path().to_string();
        let keyword = way.rsplit('/').next().unwrap_or_default();
        // Of an object that is known in parts its names are known, and of what is known in a run nothing.
        let below = open.iter().any(|place| at.tokens().starts_with(place));
        let above = open.iter().any(|place| place.starts_with(at.tokens()));
        let sure = |word: &str| !UNCERTAIN.contains(&word);
        let misses = may_miss && at.is_whole() && keyword == "required";
        let certain =
            !misses && (open.is_empty() || !below && way.split('/').all(sure) && (!above || OUTER.contains(&keyword)));
        let long = error.instance().to_string().len() > SHOWN;
        let said = if long { error.masked_with("the value").to_string() } else { error.to_string() };
        certain.then(|| (at, plain(&said), schema.span(&way)))
    });
    // What takes too long to find out is not certain.
    faults.ok()?.into_iter().flatten().next()
}
