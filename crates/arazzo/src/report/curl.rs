//! A request as a shell command that sends it again.

use arazzo_engine::credentials::PARTS;
use arazzo_engine::media_type::{MediaType, is_json};
use arazzo_engine::redact::BodyText;

use super::run_record::Exchange;
use super::text::is_hidden;

impl Exchange {
    /// A shell command that sends the same request, with a variable in the place of each secret; below it, as a comment, what
    /// has to be done before, if anything.
    #[must_use]
    pub fn curl(&self) -> String {
        let (command, _) = self.curl_with_variables();
        command
    }

    /// As [`Exchange::curl`], with the variables that stand in it, each once.
    #[must_use]
    pub fn curl_with_variables(&self) -> (String, Vec<Variable>) {
        if self.is_message() {
            return (format!("# {} {} is a message, which curl does not send", self.method, self.url), vec![]);
        }
        let mut command = curl(&self.method, &self.url, &self.headers, self.body.as_ref());
        let body = self.body.iter().map(|body| &*body.text);
        let headers = self.headers.iter().map(|(_, value)| value.as_str());
        let mut variables: Vec<Variable> = vec![];
        for text in std::iter::once(self.url.as_str()).chain(headers).chain(body) {
            let known: Vec<Variable> = masks(text).map(Variable::of).collect();
            variables.extend(known);
        }
        variables.sort_by(|one, other| one.name.cmp(&other.name));
        variables.dedup();
        variables.retain(|variable| command.contains(&variable.name));
        for variable in variables.iter().filter(|variable| variable.from_response) {
            let Variable { name, secret, .. } = variable;
            command.push_str(&format!("\n# {name} is `{secret}`, which came in a response"));
        }
        (command, variables)
    }
}

/// A variable of a shell that stands for a secret in a command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// Its name: `ARAZZO_SECRET_apiToken`, which the command line of `arazzo` reads too, or `LOGIN_TOKEN`.
    pub name: String,
    /// The secret: `apiToken`, `login.token`.
    pub secret: String,
    /// `true` if nobody gave it: it came in a response of the run.
    pub from_response: bool,
}

impl Variable {
    fn of(secret: &str) -> Self {
        let part = secret.rsplit_once('.').map(|(_, part)| part);
        let from_response = part.is_some_and(|part| !PARTS.contains(&part));
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = match from_response {
            true => variable_name(secret),
            false if secret.chars().all(plain) => format!("{PREFIX}{secret}"),
            false => format!("{PREFIX}{}", variable_name(secret)),
        };
        Self { name, secret: secret.to_owned(), from_response }
    }
}

/// The variables that the command line reads secrets from begin with this.
const PREFIX: &str = "ARAZZO_SECRET_";

/// The names of secrets that stand in a text.
fn masks(text: &str) -> impl Iterator<Item = &str> {
    text.split('‹').skip(1).filter_map(|rest| Some(rest.split_once('›')?.0)).filter(|name| is_mask(name))
}

fn curl(method: &str, url: &str, headers: &[(String, String)], body: Option<&BodyText>) -> String {
    let mut words = vec!["curl".to_owned()];
    match (method, body) {
        ("GET", None) => {}
        // With -X, curl would wait for a body that never comes.
        ("HEAD", None) => words.push("--head".to_owned()),
        (method, _) => words.push(format!("-X {}", bare(method))),
    }
    let form = body.and_then(form);
    // curl writes the boundary of a form itself.
    let is_own = |name: &str| form.is_some() && name.eq_ignore_ascii_case("content-type");
    for (name, value) in headers.iter().filter(|(name, _)| !is_own(name)) {
        if let Some(user) = basic_user(name, value) {
            words.push(format!("-u {}", word(user)));
            continue;
        }
        // Without a value, a colon would take the header away.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        words.push(format!("-H {}", word(&header)));
    }
    let mut comment = String::new();
    match (body, form) {
        (_, Some(form)) => words.extend(form),
        (Some(body), None) if let Some(fields) = urlencoded(body) => words.extend(fields),
        // What is not shown whole cannot be repeated from here.
        (Some(body), None) if body.cut || (body.text.is_empty() && body.bytes > 0) => {
            words.push("--data-binary @body".to_owned());
            comment = format!("\n# with the {} bytes of the body in the file `body`", body.bytes);
        }
        (Some(body), None) => words.push(format!("--data-raw {}", word(&body.text))),
        (None, None) => {}
    }
    if url.contains(['[', ']', '{', '}']) {
        words.push("--globoff".to_owned());
    }
    words.push(word(url));
    words.join(" ") + &comment + &unescaped(url, body)
}

/// The fields of a form, of which curl encodes those with a secret in them; nothing where there is none, or it is not
/// shown whole.
fn urlencoded(body: &BodyText) -> Option<Vec<String>> {
    if !MediaType::parse(&body.media_type).is_form() || body.cut || masks(&body.text).next().is_none() {
        return None;
    }
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().ok().map(|text| text.into_owned())
    };
    let field = |field: &str| match field.split_once('=').filter(|_| masks(field).next().is_some()) {
        // curl takes the name as it is, and encodes the rest.
        Some((name, value)) if masks(name).next().is_none() => {
            Some(format!("--data-urlencode {}", word(&format!("{name}={}", decoded(value)?))))
        }
        Some(_) => None,
        None => Some(format!("--data-raw {}", word(field))),
    };
    body.text.split('&').map(field).collect()
}

/// A remark about secrets that stand in the command as they are, where their place has an escape of its own.
fn unescaped(url: &str, body: Option<&BodyText>) -> String {
    let mut remarks = String::new();
    let list = |text: &str| {
        let mut names: Vec<String> = masks(text).map(|name| Variable::of(name).name).collect();
        names.sort();
        names.dedup();
        names.join(", ")
    };
    if masks(url).next().is_some() {
        remarks.push_str(&format!("\n# {} in the url: percent-encode what is special in it", list(url)));
    }
    if let Some(body) = body.filter(|body| !body.cut && is_json(&body.media_type) && masks(&body.text).next().is_some())
    {
        remarks.push_str(&format!("\n# {} in JSON: write \" as \\\" and \\ as \\\\ in it", list(&body.text)));
    }
    remarks
}

/// The mask of a user and password that are a header: curl encodes them, as the variable has them plain.
fn basic_user<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    let mask = value.strip_prefix("Basic ").filter(|_| name.eq_ignore_ascii_case("authorization"))?;
    let inner = mask.strip_prefix('‹')?.strip_suffix('›')?;
    is_mask(inner).then_some(mask)
}

/// The variable of a shell that stands for a secret: `API_TOKEN` for `apiToken`.
#[must_use]
pub fn variable_name(secret: &str) -> String {
    let mut snake = String::new();
    let mut before = ' ';
    for c in secret.chars() {
        if !c.is_ascii_alphanumeric() {
            snake.push('_');
        } else {
            if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
                snake.push('_');
            }
            snake.push(c.to_ascii_uppercase());
        }
        before = c;
    }
    snake
}

/// A method as it is, or in quotes where a shell would read more into it.
fn bare(method: &str) -> String {
    if method.chars().all(|c| c.is_ascii_alphanumeric()) { method.to_owned() } else { word(method) }
}

/// The parts of a multipart form as flags, files by the names that were sent; none if it is not shown whole.
fn form(body: &BodyText) -> Option<Vec<String>> {
    let boundary = body.media_type.strip_prefix("multipart/form-data;")?.trim().strip_prefix("boundary=")?;
    let border = format!("--{}", boundary.trim_matches('"'));
    let inner = body.text.trim_end().strip_suffix(&format!("{border}--"))?;
    let mut flags = vec![];
    for part in inner.split(&border).skip(1) {
        let (head, value) = part.strip_prefix("\r\n")?.split_once("\r\n\r\n")?;
        let value = value.strip_suffix("\r\n")?;
        let (mut name, mut file, mut kind) = (None, None, None);
        for line in head.split("\r\n") {
            let (header, content) = line.split_once(':')?;
            let content = content.trim();
            match header.to_ascii_lowercase().as_str() {
                "content-disposition" => {
                    let of = |key: &str| Some(content.split_once(&format!("; {key}=\""))?.1.split_once('"')?.0);
                    (name, file) = (of("name"), of("filename"));
                }
                "content-type" => kind = Some(content),
                // A flag for it would have to quote within quotes.
                _ => return None,
            }
        }
        let (name, kind) = (name?, kind.map(|kind| format!(";type={kind}")).unwrap_or_default());
        flags.push(match file {
            Some(file) => format!("-F {}", word(&format!("{name}=@\"{file}\"{kind}"))),
            None if kind.is_empty() => format!("--form-string {}", word(&format!("{name}={value}"))),
            None => {
                let value = value.replace('\\', r"\\").replace('"', "\\\"");
                format!("-F {}", word(&format!("{name}=\"{value}\"{kind}")))
            }
        });
    }
    Some(flags)
}

/// One word of a shell command: single quotes, or double quotes where a secret becomes a variable. Control characters
/// are written out, as bash, zsh and ksh read them.
fn word(text: &str) -> String {
    let mut pieces = vec![];
    let mut rest = text;
    let mut before = String::new();
    while let Some((head, after)) = rest.split_once('‹') {
        before.push_str(head);
        match after.split_once('›').filter(|(name, _)| is_mask(name)) {
            Some((name, after)) => {
                pieces.push((std::mem::take(&mut before), Some(Variable::of(name).name)));
                rest = after;
            }
            None => {
                before.push('‹');
                rest = after;
            }
        }
    }
    before.push_str(rest);
    pieces.push((before, None));
    let control = text.contains(|c: char| is_hidden(c) && c != '\n' && c != '\t');
    let variables = pieces.len() > 1;
    if control {
        let piece = |(text, variable): &(String, Option<String>)| {
            let text = if text.is_empty() { String::new() } else { ansi_c(text) };
            text + &variable.as_ref().map(|name| format!("\"${name}\"")).unwrap_or_default()
        };
        return pieces.iter().map(piece).collect();
    }
    if !variables {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let shell: String = pieces
        .iter()
        .map(|(text, variable)| {
            double_quoted(text) + &variable.as_ref().map(|name| format!("${{{name}}}")).unwrap_or_default()
        })
        .collect();
    // `$NAME` reads better where the name cannot run into what follows.
    format!("\"{}\"", simple_variables(&shell))
}

/// `$'…'`, with everything in it that a terminal would act on.
fn ansi_c(text: &str) -> String {
    let mut shell = "$'".to_owned();
    for c in text.chars() {
        match c {
            '\'' | '\\' => shell.extend(['\\', c]),
            '\n' => shell.push_str("\\n"),
            '\r' => shell.push_str("\\r"),
            '\t' => shell.push_str("\\t"),
            c if is_hidden(c) => c.to_string().bytes().for_each(|byte| shell.push_str(&format!("\\x{byte:02x}"))),
            c => shell.push(c),
        }
    }
    shell + "'"
}

/// `true` if the text between `‹` and `›` can be the name of a secret that was masked.
pub(super) fn is_mask(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn double_quoted(text: &str) -> String {
    text.chars().flat_map(|c| if matches!(c, '\\' | '"' | '$' | '`') { vec!['\\', c] } else { vec![c] }).collect()
}

fn simple_variables(shell: &str) -> String {
    let mut text = String::new();
    let mut rest = shell;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        text.push_str(before);
        let runs_on = after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        text.push_str(&if runs_on { format!("${{{name}}}") } else { format!("${name}") });
        rest = after;
    }
    text + rest
}
