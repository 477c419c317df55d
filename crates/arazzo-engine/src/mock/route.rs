//! Method and path → the operation that answers, with the values of its path parameters.

use std::cmp::Reverse;
use std::collections::HashSet;

use crate::diagnostic::{did_you_mean, nearest};
use crate::openapi::path::{name_of, placeholders, segments, split};
use crate::openapi::{Api, Operation};

/// An operation with the values that stand in the path, decoded.
pub(super) struct Route<'a> {
    pub(super) operation: Operation<'a>,
    pub(super) parameters: Vec<(String, String)>,
    /// The pairs of the query, decoded.
    pub(super) query: Vec<(String, String)>,
}

/// The reason why nothing answers.
pub(super) enum Missed {
    /// The path is described, for other methods.
    Method(Vec<String>),
    /// The path is not described; the nearest one is.
    Path(Option<String>),
}

impl Missed {
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Method(_) => 405,
            Self::Path(_) => 404,
        }
    }

    pub(super) fn words(&self, method: &str, path: &str) -> String {
        match self {
            Self::Method(methods) => {
                format!("{path} is not described for {method}; it is for {}", methods.join(", "))
            }
            Self::Path(Some(near)) => format!("{method} {path} is not described; {}", did_you_mean(near)),
            Self::Path(None) => format!("{method} {path} is not described"),
        }
    }

    pub(super) fn allow(&self) -> Option<String> {
        match self {
            Self::Method(methods) => Some(methods.join(", ")),
            Self::Path(_) => None,
        }
    }
}

/// How well a template fits: names win over parameters, segment by segment, and what asks for more of the query over
/// what asks for less, and more segments over fewer. The least is the best.
type Fit = (usize, Reverse<usize>, Reverse<usize>, Vec<Kind>);

/// The kind of a segment of a template.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Name,
    Parameter,
    Several,
}

/// Finds the operation for a path and a query as they came, `base` being the path of the document's server.
pub(super) fn find<'a>(
    api: Api<'a>,
    base: &str,
    method: &str,
    (path, query): (&str, &str),
) -> Result<Route<'a>, Missed> {
    let mut best: Option<(Fit, Route<'a>)> = None;
    let given = pairs(query.as_bytes());
    let mut others: Vec<String> = vec![];
    for operation in api.operations() {
        let (template, template_query) = split(operation.path);
        let Some((missing, asked)) = fit_query(template_query, &given) else { continue };
        let own = operation.server().base_path();
        // Clients may call with the path of the server that the document gives, of the operation's own, or without.
        let found = [base, own.as_str(), ""]
            .into_iter()
            .filter_map(|base| path.strip_prefix(base))
            .find_map(|rest| matched(template, rest));
        let Some(parameters) = found else { continue };
        if !operation.method.eq_ignore_ascii_case(method) {
            others.push(operation.method.to_ascii_uppercase());
            continue;
        }
        let kinds: Vec<Kind> = segments(template).map(kind).collect();
        let fit = (missing, Reverse(asked), Reverse(kinds.len()), kinds);
        if best.as_ref().is_none_or(|(known, _)| fit < *known) {
            best = Some((fit, Route { operation, parameters, query: vec![] }));
        }
    }
    if let Some((_, route)) = best {
        return Ok(Route { query: given, ..route });
    }
    // A HEAD is answered where a GET is.
    if method.eq_ignore_ascii_case("head") && others.iter().any(|other| other == "GET") {
        return find(api, base, "GET", (path, query));
    }
    if !others.is_empty() {
        return Err(Missed::Method(others));
    }
    let known: Vec<String> =
        api.operations().map(|o| format!("{} {base}{}", o.method.to_ascii_uppercase(), o.path)).collect();
    let asked = format!("{} {path}", method.to_ascii_uppercase());
    Err(Missed::Path(nearest(&asked, known.iter().map(String::as_str)).map(str::to_owned)))
}

/// The pairs of a form or a query, decoded.
pub(super) fn pairs(form: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// How many parameters of a template's query a query lacks, and how many of its pairs it has; nothing if it lacks a pair
/// that is no parameter.
fn fit_query(template: &str, given: &[(String, String)]) -> Option<(usize, usize)> {
    let (mut missing, mut asked) = (0, 0);
    for pair in template.split('&').filter(|pair| !pair.is_empty()) {
        let parameter = placeholders(pair).next().is_some();
        let (name, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
        let has = given.iter().any(|(known, own)| *known == name && (parameter || *own == value));
        match (has, parameter) {
            (true, _) => asked += 1,
            (false, true) => missing += 1,
            (false, false) => return None,
        }
    }
    Some((missing, asked))
}

fn kind(segment: &str) -> Kind {
    placeholders(segment).fold(Kind::Name, |kind, p| kind.max(if p.reserved { Kind::Several } else { Kind::Parameter }))
}

/// The values of the parameters if a path fits the path of a template.
fn matched(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (segments(template).collect(), path.split('/').collect());
    let mut found = vec![];
    fit(&wanted, &given, &mut found, &mut HashSet::new()).then_some(found)
}

/// Fits segments; `failed` are the numbers of those that are left where it is known that they do not.
fn fit(
    wanted: &[&str],
    given: &[&str],
    found: &mut Vec<(String, String)>,
    failed: &mut HashSet<(usize, usize)>,
) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return given.is_empty() };
    let most = if kind(first) == Kind::Several { given.len() } else { given.len().min(1) };
    if failed.contains(&(wanted.len(), given.len())) {
        return false;
    }
    for count in 1..=most {
        let (own, left) = given.split_at(count);
        let known = found.len();
        if (count == 1 || own.iter().all(|segment| !segment.is_empty()))
            && segment(first, &own.join("/"), found).is_some()
            && fit(rest, left, found, failed)
        {
            return true;
        }
        found.truncate(known);
    }
    failed.insert((wanted.len(), given.len()));
    false
}

/// Fits one segment: text as it is, and parameters, none of which is empty.
fn segment(template: &str, text: &str, found: &mut Vec<(String, String)>) -> Option<()> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let Some((before, rest)) = template.split_once('{') else {
        return (decode(text) == decode(template)).then_some(());
    };
    let (name, after) = rest.split_once('}')?;
    let text = text.strip_prefix(before)?;
    let next = after.split('{').next().unwrap_or_default();
    let end = if next.is_empty() {
        if after.is_empty() { text.len() } else { text.chars().next()?.len_utf8() }
    } else if next.len() == after.len() {
        text.len().checked_sub(next.len()).filter(|_| text.ends_with(next))?
    } else {
        text.find(next)?
    };
    let (value, text) = text.split_at_checked(end).filter(|(value, _)| !value.is_empty())?;
    found.push((name_of(name).to_owned(), decode(value)));
    segment(after, text, found)
}
