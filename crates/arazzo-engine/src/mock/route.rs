//! Method and path → the operation that answers, with the values of its path parameters.

use crate::diagnostic::{did_you_mean, nearest};
use crate::openapi::{Api, Operation};

/// An operation with the values that stand in the path, decoded.
pub(super) struct Route<'a> {
    pub(super) operation: Operation<'a>,
    pub(super) parameters: Vec<(String, String)>,
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

/// How well an operation fits a request: the parts of the query that its path names, counted down, then which segments
/// are parameters.
type Fit = (usize, Vec<bool>);

/// Finds the operation for a target as it came, `base` being the path of the document's server. Names win over
/// parameters, segment by segment; a path that names more of the query wins over one that names less.
pub(super) fn find<'a>(api: Api<'a>, base: &str, method: &str, target: &str) -> Result<Route<'a>, Missed> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut best: Option<(Fit, Route<'a>)> = None;
    let mut others: Vec<String> = vec![];
    for operation in api.operations() {
        let own = operation.server().base_path();
        // Clients may call with the path of the server that the document gives, of the operation's own, or without.
        let found = [base, own.as_str(), ""]
            .into_iter()
            .filter_map(|base| path.strip_prefix(base))
            .find_map(|rest| matched(operation.path, rest));
        let Some(mut parameters) = found else { continue };
        let Some(named) = named_in_query(operation.path, query, &mut parameters) else { continue };
        if !operation.method.eq_ignore_ascii_case(method) {
            others.push(operation.method.to_ascii_uppercase());
            continue;
        }
        let templated = operation.path.split('?').next().unwrap_or_default().split('/');
        let fit = (usize::MAX - named, templated.map(|segment| segment.contains('{')).collect());
        if best.as_ref().is_none_or(|(known, _)| fit < *known) {
            best = Some((fit, Route { operation, parameters }));
        }
    }
    if let Some((_, route)) = best {
        return Ok(route);
    }
    // A HEAD is answered where a GET is.
    if method.eq_ignore_ascii_case("head") && others.iter().any(|other| other == "GET") {
        return find(api, base, "GET", target);
    }
    if !others.is_empty() {
        return Err(Missed::Method(others));
    }
    let known: Vec<String> =
        api.operations().map(|o| format!("{} {base}{}", o.method.to_ascii_uppercase(), o.path)).collect();
    let asked = format!("{} {path}", method.to_ascii_uppercase());
    Err(Missed::Path(nearest(&asked, known.iter().map(String::as_str)).map(str::to_owned)))
}

/// The number of the parts of the query that the path of an operation names, if the request has them all.
fn named_in_query(template: &str, query: &str, parameters: &mut Vec<(String, String)>) -> Option<usize> {
    let Some((_, named)) = template.split_once('?') else { return Some(0) };
    let named = named.split('#').next().unwrap_or_default();
    let pairs = |text: &str| url::form_urlencoded::parse(text.as_bytes()).into_owned().collect::<Vec<_>>();
    let given = pairs(query);
    let wanted = pairs(named);
    for (name, value) in &wanted {
        let (_, found) = given
            .iter()
            .find(|(known, found)| known == name && (value.starts_with('{') || value.is_empty() || found == value))?;
        if let Some(parameter) = value.strip_prefix('{').and_then(|value| value.strip_suffix('}')) {
            parameters.push((parameter.to_owned(), found.clone()));
        }
    }
    Some(wanted.len())
}

/// The values of the parameters if a path fits a template.
fn matched(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let template = template.split(['?', '#']).next().unwrap_or_default();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut found = vec![];
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(wanted), Some(given)) => segment(wanted, given, &mut found)?,
            _ => return None,
        }
    }
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
    found.push((name.to_owned(), decode(value)));
    segment(after, text, found)
}
