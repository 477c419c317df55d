//! The answer to a request that fits: status, headers and body from examples, else from schemas.

use std::cell::OnceCell;

use crate::json;
use crate::value::Json;

use super::allowed::Allowed;
use super::check::Problem;
use super::echo::Echo;
use super::fitting::{Draft, Fitting, get, set};
use super::places::Place;
use super::prefer::Preference;
use super::wishes::{Part, to_meet};
use super::{Answer, Fault, Reads, Request, streamed};
use crate::expr::jsonpath::{Operator, Wanted};
use crate::machine::{Course, Forecast, Response};
use crate::media_type::{MediaType, is_json};
use crate::node::Node;
use crate::openapi::sample::{invented, sample};
use crate::openapi::schema::Direction;
use crate::openapi::status::StatusKey;
use crate::openapi::stream::EventStream;
use crate::openapi::xml::{self, XmlShape};
use crate::openapi::{Api, Media, Operation};
use crate::source::Sources;
use crate::value::{PathSegment, json_text, numeric};

/// Headers that the body and the connection decide: whoever reads them would read the answer wrongly.
const OTHERS: [&str; 15] = [
    "content-type",
    "content-length",
    "content-encoding",
    "content-range",
    "transfer-encoding",
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "date",
    "alt-svc",
    "preference-applied",
    "retry-after",
];

/// What is known of who asks, beside the request.
#[derive(Default)]
pub(super) struct Asker<'m> {
    pub(super) reads: Option<&'m Reads>,
    /// Where parts of the answer are sent to.
    pub(super) places: &'m [Place],
    /// What criteria of other steps want of the body.
    pub(super) later: &'m [(Vec<PathSegment>, Wanted)],
    pub(super) forecast: Option<&'m Forecast>,
    /// What the steps that listen to it make of events.
    pub(super) listeners: Vec<Forecast>,
    pub(super) preference: Preference,
    /// How often this path has been asked for, from 1.
    pub(super) times: usize,
}

/// The documented answer.
///
/// # Errors
/// That the answer which the client prefers is not described.
pub(super) fn documented(
    operation: &Operation<'_>,
    parameters: &[(String, String)],
    request: &Request<'_>,
    asker: &Asker<'_>,
) -> Result<Answer, String> {
    let asked = Asked { operation, parameters, request: Some(request), asker };
    let (status, node) = match asker.preference.status()? {
        Some(status) => {
            let described = response_node(operation, status).ok_or_else(|| {
                let known: Vec<&str> = operation.responses().iter().map(|(key, _)| *key).collect();
                format!("`Prefer: code={status}` is not described; described: {}", known.join(", "))
            })?;
            (status, Some(described))
        }
        None => asked.status(),
    };
    let (mut response, note, generated) = asked.response(status, node)?;
    if !asker.preference.is_empty() {
        response
            .headers
            .push(("preference-applied".to_owned(), header_text(&Json::String(asker.preference.applied()))));
    }
    let place = node.map_or(operation.key.span, |node| node.span);
    let generated = generated.then_some(place);
    Ok(Answer { delay_ms: 0, response: Some(response), operation: None, note, generated })
}

/// The answer with the status of a fault, as it is documented.
pub(super) fn faulty(operation: &Operation<'_>, fault: &Fault) -> Answer {
    let status = fault.status.unwrap_or(500);
    let asked = Asked { operation, parameters: &[], request: None, asker: &Asker { times: 1, ..Asker::default() } };
    let described = response_node(operation, status);
    let empty = || (Response { status, headers: vec![], body: vec![] }, String::new(), false);
    let (mut response, ..) = asked.response(status, described).unwrap_or_else(|_| empty());
    if response.body.is_empty() && status != 204 && status != 304 && fault.body.is_none() {
        response.headers.push(("content-type".to_owned(), "application/problem+json".to_owned()));
        response.body = json!({ "title": "a fault that was asked for", "status": status }).to_string().into_bytes();
    }
    Answer { delay_ms: 0, response: Some(response), operation: None, note: format!("fault: {status}"), generated: None }
}

/// An answer of the mock's own (RFC 9457): what is wrong with the request, and where that is described.
pub(super) fn refused(texts: &Sources, status: u16, detail: String, problems: Vec<Problem>) -> Answer {
    let words: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.at, problem.reason)).collect();
    let detail = if problems.is_empty() { detail } else { words.join("; ") };
    let title = if problems.is_empty() { "not described" } else { "the request is not as described" };
    let shown: Vec<Json> = problems
        .iter()
        .map(|problem| {
            let place = texts.place(problem.span);
            let place = format!("{}:{}:{}", place.file, place.line, place.column);
            json!({ "at": problem.at, "reason": problem.reason, "described": place })
        })
        .collect();
    let body = match shown.is_empty() {
        true => json!({ "title": title, "status": status, "detail": detail }),
        false => json!({ "title": title, "status": status, "detail": detail, "problems": shown }),
    };
    let headers = vec![("content-type".to_owned(), "application/problem+json".to_owned())];
    let response = Response { status, headers, body: body.to_string().into_bytes() };
    Answer { delay_ms: 0, response: Some(response), operation: None, note: detail, generated: None }
}

/// The described answers: the lowest documented 2xx, else `default` as 200, else the lowest that is documented at all;
/// then the others.
fn described<'a>(operation: &Operation<'a>) -> Vec<(u16, StatusKey, &'a Node)> {
    let keys = operation.response_nodes().iter().filter_map(|(key, node)| Some((StatusKey::parse(&key.name)?, node)));
    let mut known: Vec<(u16, StatusKey, &Node)> = keys
        .map(|(key, node)| match key {
            StatusKey::Code(status) => (status, key, node),
            StatusKey::Range(first) => (first * 100, key, node),
            StatusKey::Default => (200, key, node),
        })
        .filter(|(status, ..)| (200..=599).contains(status))
        .collect();
    let order = |key: StatusKey| match key {
        key if key.is_success() => 0,
        StatusKey::Default => 1,
        _ => 2,
    };
    known.sort_by_key(|(status, key, _)| (order(*key), *status, *key));
    known
}

/// The object that describes a status, references resolved.
fn response_node<'a>(operation: &Operation<'a>, status: u16) -> Option<&'a Node> {
    operation.response(status).and_then(|node| operation.api().resolve(node).ok())
}

struct Asked<'r, 'a> {
    operation: &'r Operation<'a>,
    parameters: &'r [(String, String)],
    request: Option<&'r Request<'r>>,
    asker: &'r Asker<'r>,
}

/// Where a body comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A named example, which does not change.
    Named,
    /// The only example, or a named one where none lets the step go on.
    Example,
    Generated,
}

/// An example, with its name if it has one.
struct Example {
    name: Option<String>,
    body: Body,
}

/// A body before it is written: text as it is, or a value.
#[derive(Clone)]
enum Body {
    Text(String),
    Value(Json),
}

impl<'a> Asked<'_, 'a> {
    fn api(&self) -> Api<'a> {
        self.operation.api()
    }

    /// The status to answer with, and its description: the first that the criteria of the step do not exclude.
    fn status(&self) -> (u16, Option<&'a Node>) {
        let known = described(self.operation);
        let resolved = |node: &'a Node| self.api().resolve(node).ok();
        // Where failures alone are described, a request that fits has none of them.
        let fails = known.iter().all(|(status, key, _)| *status >= 400 && *key != StatusKey::Default);
        let plain = || match known.first() {
            Some((status, _, node)) if !fails => (*status, resolved(node)),
            _ => (200, None),
        };
        let Some(forecast) = self.asker.forecast else { return plain() };
        let mut best: Option<(Course, u16, Option<&'a Node>)> = None;
        let success = |status: &u16| fails && (200..300).contains(status);
        for status in std::iter::once(200).chain(statuses(forecast)).filter(success) {
            let course = forecast.course_of_status(status);
            if best.is_none_or(|(known, ..)| course < known) {
                best = Some((course, status, None));
            }
        }
        for (status, key, node) in &known {
            let asked = statuses(forecast).into_iter().filter(|asked| key.covers(*asked));
            for status in std::iter::once(*status).chain(asked) {
                // Only the part that says most about a status describes it.
                if self.operation.response(status).is_none_or(|own| !std::ptr::eq(own, *node))
                    && *key != StatusKey::Default
                {
                    continue;
                }
                let course = forecast.course_of_status(status);
                if best.is_none_or(|(known, ..)| course < known) {
                    best = Some((course, status, resolved(node)));
                }
            }
        }
        // Failures are often not described, nor what comes where a redirect is.
        let redirects = known.iter().all(|(status, key, _)| *status >= 300 && *key != StatusKey::Default);
        let may_be = |status: &u16| (400..600).contains(status) || redirects && (200..300).contains(status);
        let undescribed = || {
            let asked = std::iter::once(200).chain(statuses(forecast)).filter(may_be);
            asked.into_iter().find(|status| forecast.course_of_status(*status) != Course::Fails)
        };
        match best {
            Some((course, status, node)) if course != Course::Fails => (status, node),
            _ => undescribed().map_or_else(plain, |status| (status, None)),
        }
    }

    fn response(&self, status: u16, node: Option<&'a Node>) -> Result<(Response, String, bool), String> {
        let headers = self.headers(node);
        let wanted: Vec<&[PathSegment]> =
            self.asker.reads.iter().flat_map(|reads| reads.body.iter().map(Vec::as_slice)).collect();
        let content = node.map(|node| self.operation.content(node)).unwrap_or_default();
        let chosen = self.choose(content.iter().map(|media| media.name));
        let media = content.iter().find(|media| Some(media.name) == chosen);
        // What is read is not the body of a failure.
        let bare = media.is_none() && (wanted.is_empty() || status >= 400);
        if status == 204 || status == 304 || bare {
            let draft = Draft { headers, body: Json::Null };
            let respond = |draft: &Draft| Response { status, headers: draft.headers.clone(), body: vec![] };
            let draft = self.fitted(None, draft, &respond);
            let note = if media.is_none() && status != 204 && status != 304 {
                "no body is described".to_owned()
            } else {
                status.to_string()
            };
            return Ok((respond(&draft), note, true));
        }
        // A schema that leads nowhere says nothing.
        let schema = media.and_then(|media| media.schema).filter(|schema| self.api().resolve(schema).is_ok());
        let written = media.map_or_else(|| "application/json".to_owned(), |media| concrete(media.name));
        let respond = |draft: &Draft| {
            let mut headers = draft.headers.clone();
            headers.push(("content-type".to_owned(), written.clone()));
            let body = write(self.api(), Body::Value(draft.body.clone()), &written, schema).into_bytes();
            Response { status, headers, body }
        };
        let (body, note, origin) = self.body(media, schema, &wanted, &respond, &headers)?;
        match body {
            Body::Text(text) => {
                let mut headers = headers;
                headers.push(("content-type".to_owned(), written.clone()));
                Ok((Response { status, headers, body: text.into_bytes() }, note, origin == Origin::Generated))
            }
            Body::Value(body) => {
                let draft = Draft { headers, body };
                let draft = if origin != Origin::Named { self.fitted(schema, draft, &respond) } else { draft };
                Ok((respond(&draft), note, origin == Origin::Generated))
            }
        }
    }

    /// The body, and where it comes from, in words too.
    fn body(
        &self,
        media: Option<&Media<'a>>,
        schema: Option<&'a Node>,
        wanted: &[&[PathSegment]],
        respond: &dyn Fn(&Draft) -> Response,
        headers: &[(String, String)],
    ) -> Result<(Body, String, Origin), String> {
        let made = || {
            let inside: Vec<&[PathSegment]> = wanted.iter().copied().filter(|way| !way.is_empty()).collect();
            if inside.is_empty() { json!({}) } else { invented("value", &inside) }
        };
        let Some(media) = media else {
            // Nothing is described, and yet it is read.
            let body = self.suited(None, made());
            return Ok((Body::Value(body), "no body is described; made of what is read".to_owned(), Origin::Generated));
        };
        let examples = self.examples(media);
        let named = !examples.is_empty() && examples.iter().all(|example| example.name.is_some());
        if let Some(name) = &self.asker.preference.example
            && !examples.iter().any(|example| example.name.as_deref() == Some(name))
        {
            let known: Vec<&str> = examples.iter().filter_map(|example| example.name.as_deref()).collect();
            let known = if known.is_empty() { "none is".to_owned() } else { known.join(", ") };
            return Err(format!("`Prefer: example={name}` is not described; described: {known}"));
        }
        if let Some(stream) = EventStream::of(self.api(), media) {
            let example = self.asker.preference.example.as_deref();
            let (text, is_made) = streamed::text((stream, self.operation.key.span), example, &self.asker.listeners);
            let note = if is_made { "sample" } else { "example" };
            let note = example.map_or_else(|| note.to_owned(), |name| format!("example {name}"));
            let origin = if is_made { Origin::Generated } else { Origin::Named };
            return Ok((Body::Text(text), note, origin));
        }
        if let Some((Example { name, body }, stays)) = self.chosen(examples, schema, respond, headers) {
            let note = name.map_or_else(|| "example".to_owned(), |name| format!("example {name}"));
            let origin = if named && stays { Origin::Named } else { Origin::Example };
            return Ok((self.echoed(body, schema, true), note, origin));
        }
        Ok(match (schema, media.node.and_then(|node| node.get("itemSchema"))) {
            (None, Some(item)) => (Body::Text(self.sequence(item, wanted)), "sample".to_owned(), Origin::Generated),
            (Some(schema), _) => {
                let made = self.suited(Some(schema), sample(self.api(), schema, "", wanted));
                (self.echoed(Body::Value(made), Some(schema), false), "sample".to_owned(), Origin::Generated)
            }
            (None, None) => {
                let body = self.echoed(Body::Value(self.suited(None, made())), None, false);
                (body, "no schema; made of what is read".to_owned(), Origin::Generated)
            }
        })
    }

    /// A value that was made up, as it fits where it is sent to.
    fn suited(&self, schema: Option<&'a Node>, mut body: Json) -> Json {
        let places = self.asker.places.iter();
        let ill = |place: &&Place, body: &Json| get(body, &place.way).is_some_and(|part| !place.slot.accepts(part));
        let mut allowed = None;
        for place in places {
            if !ill(&place, &body) {
                continue;
            }
            let allowed = allowed.get_or_insert_with(|| Allowed::by(self.api(), schema, Direction::Response));
            for offer in place.slot.offers() {
                let mut next = body.clone();
                set(&mut next, &place.way, Some(&offer), true);
                if allowed.lets(&body, &next) {
                    body = next;
                    break;
                }
            }
        }
        body
    }

    /// The draft as the step that asks can go on with it.
    fn fitted(&self, schema: Option<&'a Node>, draft: Draft, respond: &dyn Fn(&Draft) -> Response) -> Draft {
        match self.asker.forecast.filter(|_| self.asker.preference.is_empty()) {
            Some(forecast) => {
                let (api, later, allowed) = (self.api(), self.asker.later, OnceCell::new());
                Fitting { forecast, api, schema, later, respond, allowed }.fit(draft)
            }
            None => draft,
        }
    }

    /// The media type that the client accepts, JSON before others.
    fn choose<'m>(&self, types: impl Iterator<Item = &'m str> + Clone) -> Option<&'m str> {
        let accepted = self.request.and_then(|request| {
            let header = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("accept"))?;
            Some(header.1.split(',').map(MediaType::parse))
        });
        if let Some(accepted) = accepted {
            for wish in accepted {
                let fits = |kind: &&str| {
                    let kind = MediaType::parse(kind);
                    match wish.essence().strip_suffix("/*") {
                        Some("*") => kind.is_json(),
                        Some(family) => kind.family() == family,
                        None => kind.essence() == wish.essence(),
                    }
                };
                if let Some(found) = types.clone().find(fits) {
                    return Some(found);
                }
            }
        }
        // What is queried by XPath is XML.
        let xml = self.asker.reads.filter(|reads| reads.xml);
        let xml = xml.and_then(|_| types.clone().find(|kind| MediaType::parse(kind).is_xml()));
        xml.or_else(|| types.clone().find(|kind| is_json(kind))).or_else(|| types.clone().next())
    }

    /// The examples of a media type: `example`, or all of `examples`.
    fn examples(&self, media: &Media<'a>) -> Vec<Example> {
        let media_type = media.name;
        let value = |node: &Node| match node.as_str() {
            // JSON that was written as a text.
            Some(text) if is_json(media_type) && text.trim_start().starts_with(['{', '[']) => {
                Body::Value(Json::parse(text).unwrap_or_else(|| json!(text)))
            }
            Some(text) if !is_json(media_type) => Body::Text(text.to_owned()),
            _ => Body::Value(node.to_json()),
        };
        let field = |name| media.node.and_then(|node| node.get(name));
        let named = field("examples").map(Node::members).unwrap_or_default().iter().filter_map(|(key, node)| {
            let node = self.api().resolve(node).ok()?;
            let serialized = || node.get("serializedValue").and_then(Node::as_str);
            let body = match node.get("value").or_else(|| node.get("dataValue")) {
                Some(found) => value(found),
                None => Body::Text(serialized()?.to_owned()),
            };
            Some(Example { name: Some(key.name.clone()), body })
        });
        match field("example").or(media.example) {
            Some(example) if self.asker.preference.example.is_none() => {
                vec![Example { name: None, body: value(example) }]
            }
            _ => named.collect(),
        }
    }

    /// The example that the client prefers; else the one whose turn it is, as long as the step that asks can ask again or
    /// go on with it; else the first with which it goes on. With it whether it stays as it is: unless there is none of these.
    fn chosen(
        &self,
        mut examples: Vec<Example>,
        schema: Option<&'a Node>,
        respond: &dyn Fn(&Draft) -> Response,
        headers: &[(String, String)],
    ) -> Option<(Example, bool)> {
        if let Some(name) = &self.asker.preference.example {
            return Some((examples.into_iter().find(|example| example.name.as_deref() == Some(name))?, true));
        }
        let turn = self.asker.times.min(examples.len()).checked_sub(1)?;
        let Some(forecast) = self.asker.forecast else { return Some((examples.swap_remove(turn), true)) };
        let answer = |example: &Example| match self.echoed(example.body.clone(), schema, true) {
            Body::Value(body) => Some(respond(&Draft { headers: headers.to_vec(), body })),
            Body::Text(_) => None,
        };
        let fits = |example: &Example| answer(example).is_none_or(|answer| forecast.course(&answer).0 <= Course::Ends);
        let asks_again = |example: &Example| answer(example).is_some_and(|answer| forecast.asks_again(&answer));
        let shown = self.asker.times > examples.len();
        if examples.get(turn).is_some_and(|example| fits(example) || !shown && asks_again(example)) {
            return Some((examples.swap_remove(turn), true));
        }
        let better = examples.iter().position(fits);
        Some((examples.swap_remove(better.unwrap_or(turn)), better.is_some()))
    }

    /// Puts what the client sent where it obviously comes back.
    fn echoed(&self, body: Body, schema: Option<&'a Node>, example: bool) -> Body {
        let (Some(request), Body::Value(body)) = (self.request, &body) else { return body };
        let echo = Echo { api: self.api(), example };
        let sent = Json::parse(request.body).unwrap_or(Json::Null);
        let mut body = echo.body(body.clone(), schema, &sent);
        echo.path(&mut body, schema, self.operation.path, self.parameters);
        Body::Value(body)
    }

    /// An item of a body that is a sequence of them (OpenAPI 3.2).
    fn sequence(&self, item: &'a Node, wanted: &[&[PathSegment]]) -> String {
        format!("{}\n", sample(self.api(), item, "item", wanted))
    }

    fn headers(&self, node: Option<&'a Node>) -> Vec<(String, String)> {
        let described = node.and_then(|node| node.get("headers")).map(Node::members).unwrap_or_default();
        let mut headers: Vec<(String, String)> = described
            .iter()
            .filter(|(key, _)| !OTHERS.iter().any(|other| key.name.eq_ignore_ascii_case(other)))
            .filter_map(|(key, header)| {
                let header = self.api().resolve(header).ok()?;
                let example = header.get("example").map(Node::to_json).or_else(|| {
                    let (_, first) = header.get("examples")?.members().first()?;
                    Some(self.api().resolve(first).ok()?.get("value")?.to_json())
                });
                let name = key.name.to_ascii_lowercase();
                let value =
                    example.or_else(|| Some(sample(self.api(), self.operation.header_schema(header)?, &name, &[])));
                Some((name.clone(), header_text(&value.unwrap_or_else(|| invented(&name, &[])))))
            })
            .collect();
        for read in self.asker.reads.iter().flat_map(|reads| &reads.headers) {
            let known = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(read));
            if !known && !OTHERS.iter().any(|other| read.eq_ignore_ascii_case(other)) {
                headers.push((read.to_ascii_lowercase(), format!("{}-1", read.to_ascii_lowercase())));
            }
        }
        headers
    }
}

/// The statuses that the criteria of a step compare with.
fn statuses(forecast: &Forecast) -> Vec<u16> {
    let step = forecast.step();
    let criteria = step.into_iter().flat_map(|step| &step.criteria);
    let alternatives = criteria.flat_map(|criterion| to_meet(forecast, &[criterion])).flatten();
    let status = |wish| match wish {
        (Part::Status, Wanted::Compare(Operator::Equal, value)) => numeric(&value)?.as_u64(),
        _ => None,
    };
    alternatives.filter_map(status).filter_map(|status| u16::try_from(status).ok()).collect()
}

/// A header in `simple` style, with nothing in it that a header cannot carry.
fn header_text(value: &Json) -> String {
    let text = match value {
        Json::Array(items) => items.iter().map(json_text).collect::<Vec<_>>().join(","),
        other => json_text(other),
    };
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A media type that can be sent: ranges become their most usual member.
fn concrete(media_type: &str) -> String {
    match media_type {
        "*/*" | "application/*" => "application/json".to_owned(),
        "text/*" => "text/plain".to_owned(),
        other => other.to_owned(),
    }
}

fn write(api: Api<'_>, body: Body, media_type: &str, schema: Option<&Node>) -> String {
    let value = match body {
        Body::Text(text) => return text,
        Body::Value(value) => value,
    };
    let kind = MediaType::parse(media_type);
    if kind.is_json() {
        return value.to_string();
    }
    if kind.is_xml() {
        let shape = schema.map(|schema| XmlShape::of(api, schema));
        let written = xml::write(&value, shape.as_ref(), Some("root")).unwrap_or_else(|_| "<root/>".to_owned());
        return format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{written}");
    }
    if kind.is_form()
        && let Json::Object(members) = &value
    {
        return url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(members.iter().map(|(name, value)| (name, json_text(value))))
            .finish();
    }
    json_text(&value)
}
