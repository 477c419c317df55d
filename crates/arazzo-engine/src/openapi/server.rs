//! Server Objects → the url that operations are called at.

use url::Url;

use crate::node::{Kind, Node};

/// A server with what may be filled in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// `url`: absolute, or relative to `base`.
    pub url: String,
    /// `variables`
    pub variables: Vec<Variable>,
    /// The http url that a relative `url` begins at: that of the document.
    pub base: Option<Url>,
}

/// A Server Variable Object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// `default`
    pub default: Option<String>,
    /// `enum`: what it may be; empty for anything.
    pub values: Vec<String>,
}

/// The reason why there is no url to call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoUrl {
    /// The url is relative, and it is not known to what.
    Relative,
    /// A variable has no value.
    Variable(String),
    /// A variable may not have this value; the text says why.
    Value(String, String),
    /// It is no http or https url.
    NotHttp(String),
}

impl std::fmt::Display for NoUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Relative => f.write_str("the described server is relative to a url that is not known"),
            Self::Variable(name) => write!(f, "the server variable `{name}` has no value"),
            Self::Value(name, reason) => write!(f, "the server variable `{name}` {reason}"),
            Self::NotHttp(url) => write!(f, "`{url}` is not an http or https url"),
        }
    }
}

impl Server {
    /// A Server Object; `None` without a url.
    #[must_use]
    pub fn of(node: &Node, base: Option<Url>) -> Option<Self> {
        let url = node.get("url")?.as_str()?.to_owned();
        let variables = node.get("variables").map(Node::members).unwrap_or_default();
        let variables = variables.iter().map(|(key, variable)| Variable {
            name: key.name.clone(),
            default: variable.get("default").and_then(scalar).map(str::to_owned),
            values: {
                let listed = variable.get("enum").map(Node::items).unwrap_or_default();
                listed.iter().filter_map(scalar).map(str::to_owned).collect()
            },
        });
        Some(Self { url, variables: variables.collect(), base })
    }

    /// The server of a Swagger 2.0 document: `schemes`, `host` and `basePath`. What is left out is that of the document.
    #[must_use]
    pub fn of_swagger(root: &Node, operation: &Node, base: Option<Url>) -> Self {
        let schemes = operation.get("schemes").or_else(|| root.get("schemes")).map(Node::items).unwrap_or_default();
        let schemes: Vec<&str> = schemes.iter().filter_map(Node::as_str).collect();
        let scheme = schemes.iter().find(|scheme| **scheme == "https").or_else(|| schemes.first());
        let path = root.get("basePath").and_then(Node::as_str).unwrap_or("/");
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let url = match (root.get("host").and_then(Node::as_str), scheme) {
            (Some(host), Some(scheme)) => format!("{scheme}://{host}{path}"),
            (Some(host), None) => format!("//{host}{path}"),
            (None, _) => path,
        };
        Self { url, variables: vec![], base }
    }

    /// `true` if nothing is to be filled in.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        !self.url.contains('{')
    }

    /// The url with its variables filled in, as it is written; `given` are the values that take the place of defaults.
    ///
    /// # Errors
    /// [`NoUrl`], if a variable has no value or one that it may not have.
    pub fn fill(&self, given: &dyn Fn(&str) -> Option<String>) -> Result<String, NoUrl> {
        let mut url = String::new();
        let mut rest = self.url.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            url.push_str(before);
            let known = self.variables.iter().find(|variable| variable.name == name);
            // The path begins at the first `/` behind the host.
            let in_host = !url.split_once("//").map_or(url.as_str(), |(_, behind)| behind).contains('/');
            let value = match given(name) {
                Some(value) => {
                    let wrong = |reason: String| NoUrl::Value(name.to_owned(), reason);
                    let values = known.map(|known| known.values.as_slice()).unwrap_or_default();
                    if !values.is_empty() && !values.contains(&value) {
                        return Err(wrong(format!("is one of {}, not `{value}`", values.join(", "))));
                    }
                    let whole = url.ends_with("//") && matches!(after.chars().next(), None | Some('/'));
                    let unfit = |c: char| "/\\@#?".contains(c) || c == ':' && !whole || c.is_whitespace();
                    if in_host && url.contains("//") && value.contains(unfit) || value.contains(['?', '#']) {
                        return Err(wrong(format!("cannot be `{value}`: that would change the host or the path")));
                    }
                    value
                }
                None => {
                    let default = known.and_then(|known| known.default.clone());
                    default.ok_or_else(|| NoUrl::Variable(name.to_owned()))?
                }
            };
            url.push_str(&value);
            rest = after;
        }
        url.push_str(rest);
        Ok(url)
    }

    /// The url to call, without a `/` at its end; `given` are the values of variables that take the place of defaults.
    ///
    /// # Errors
    /// [`NoUrl`], if a variable has no value or one that it may not have, or the url is not one that can be called.
    pub fn filled(&self, given: &dyn Fn(&str) -> Option<String>) -> Result<String, NoUrl> {
        let url = self.fill(given)?;
        let (parsed, is_absolute) = match (Url::parse(&url), &self.base) {
            (Ok(parsed), _) => (parsed, true),
            (Err(_), Some(base)) => (base.join(&url).map_err(|_| NoUrl::NotHttp(url.clone()))?, false),
            (Err(_), None) => return Err(NoUrl::Relative),
        };
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
            return Err(NoUrl::NotHttp(url));
        }
        // An absolute url is kept as it is written.
        let text = if is_absolute { url } else { parsed.to_string() };
        Ok(without_slash(&text))
    }

    /// The path that comes before the paths of the operations, without a `/` at its end: `/api`, or nothing.
    #[must_use]
    pub fn base_path(&self) -> String {
        let mut url = self.url.clone();
        for variable in &self.variables {
            url = url.replace(&format!("{{{}}}", variable.name), variable.default.as_deref().unwrap_or_default());
        }
        let somewhere = Url::parse("http://localhost/").ok();
        let path = somewhere.and_then(|base| base.join(&url).ok()).map(|url| url.path().to_owned());
        path.unwrap_or_default().trim_end_matches('/').to_owned()
    }
}

/// The url of a server without a `/` at the end of its path.
#[must_use]
pub fn without_slash(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (path, rest) = url.split_at(end);
    format!("{}{rest}", path.trim_end_matches('/'))
}

/// A default is a string by the specification, and `default: 8080` is what people write.
fn scalar(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::String(text) | Kind::Number(text) => Some(text),
        _ => None,
    }
}
