//! What an OpenAPI document describes: its operations, for who begins a workflow with it or calls one.

use std::path::Path;

use arazzo::files::{LARGEST, named_text};
use arazzo::json;
use arazzo::values::Json;

use crate::show::safe;

/// The methods that operations of a path have.
const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// References that are followed from one to another.
const DEPTH: usize = 8;

/// An OpenAPI document that was read.
pub(crate) struct Operations {
    root: Json,
}

impl Operations {
    /// The document at a path, if it is a file with `openapi` or `swagger` at its root.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let text = named_text(path, LARGEST).ok()?;
        let root = arazzo::parse_values(&path.to_string_lossy(), &text).ok()?;
        let is_api = root.get("arazzo").is_none() && (root.get("openapi").is_some() || root.get("swagger").is_some());
        is_api.then_some(Self { root })
    }

    /// As people read it: a line for each operation.
    pub(crate) fn text(&self) -> String {
        let all = self.all();
        let word = |operation: &Json, name: &str| safe(operation.get(name).and_then(Json::as_str).unwrap_or("-"));
        let width = all.iter().map(|one| word(one, "operationId").chars().count()).max().unwrap_or_default().min(40);
        let line = |one: &Json| {
            let (id, method, path) = (word(one, "operationId"), word(one, "method"), word(one, "path"));
            let summary = one.get("summary").and_then(Json::as_str).map(|text| format!("   {}", safe(text)));
            format!("{id:width$}  {method:6} {path}{}", summary.unwrap_or_default())
        };
        let head = format!("{} operations; call one: arazzo call DOC OPERATION", all.len());
        std::iter::once(head).chain(all.iter().map(line)).collect::<Vec<_>>().join("\n")
    }

    /// As programs read it.
    pub(crate) fn json(&self) -> Json {
        let version = ["openapi", "swagger"].into_iter().find_map(|name| self.root.get(name)).cloned();
        let info = self.root.get("info");
        let servers = self.root.get("servers").and_then(Json::as_array).into_iter().flatten();
        let schemes = [&["components", "securitySchemes"][..], &["securityDefinitions"]];
        let schemes = schemes.iter().filter_map(|path| path.iter().try_fold(&self.root, |at, name| at.get(*name)));
        let schemes: Vec<String> =
            schemes.flat_map(|schemes| members(schemes).map(|(name, _)| name.to_owned())).collect();
        json!({
            "v": 1,
            "openapi": version,
            "title": info.and_then(|info| info.get("title")),
            "servers": servers.filter_map(|server| server.get("url")).collect::<Vec<_>>(),
            "securitySchemes": schemes,
            "operations": self.all(),
        })
    }

    /// Every operation, in the order of the document.
    fn all(&self) -> Vec<Json> {
        let Some(paths) = self.root.get("paths") else { return vec![] };
        let mut found = vec![];
        for (path, item) in members(paths) {
            let item = self.followed(item);
            let of = |name: &str| Some((name.to_owned(), item.get(name)?));
            for (method, operation) in METHODS.iter().filter_map(|method| of(method)) {
                found.push(self.operation(path, &method, item, operation));
            }
        }
        found
    }

    fn operation(&self, path: &str, method: &str, item: &Json, operation: &Json) -> Json {
        let lists = [item, operation].into_iter().filter_map(|of| of.get("parameters")?.as_array()).flatten();
        let parameters = lists.map(|parameter| {
            let parameter = self.followed(parameter);
            let kind = parameter.get("schema").map_or(parameter, |schema| self.followed(schema)).get("type");
            json!({
                "name": parameter.get("name"), "in": parameter.get("in"), "type": kind,
                "required": parameter.get("required").and_then(Json::as_bool).unwrap_or(false),
            })
        });
        let body = operation.get("requestBody").map(|body| self.followed(body));
        let media_types = body.and_then(|body| body.get("content")).into_iter().flat_map(members);
        let responses = operation.get("responses").into_iter().flat_map(members).map(|(status, _)| status.to_owned());
        let security = operation.get("security").or_else(|| self.root.get("security"));
        let alternatives = security.and_then(Json::as_array).into_iter().flatten();
        let names = |one: &Json| members(one).map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        json!({
            "operationId": operation.get("operationId"),
            "method": method.to_uppercase(),
            "path": path,
            "summary": operation.get("summary").or_else(|| operation.get("description")),
            "parameters": parameters.collect::<Vec<_>>(),
            "body": media_types.map(|(name, _)| name.to_owned()).collect::<Vec<_>>(),
            "responses": responses.collect::<Vec<_>>(),
            "security": alternatives.map(names).collect::<Vec<_>>(),
        })
    }

    /// What a reference within the document leads to; anything else is itself.
    fn followed<'a>(&'a self, mut value: &'a Json) -> &'a Json {
        for _ in 0..DEPTH {
            let Some(pointer) = value.get("$ref").and_then(Json::as_str).and_then(|text| text.strip_prefix("#/"))
            else {
                return value;
            };
            let part = |name: &str| name.replace("~1", "/").replace("~0", "~");
            match pointer.split('/').map(part).try_fold(&self.root, |at, name| at.get(name.as_str())) {
                Some(target) => value = target,
                None => return value,
            }
        }
        value
    }
}

fn members(value: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let object = if let Json::Object(members) = value { Some(members) } else { None };
    object.into_iter().flat_map(|members| members.iter().map(|(name, value)| (name.as_str(), value)))
}
