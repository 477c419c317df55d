//! Criteria, and the actions that follow from them.

use super::fields::CRITERION;
use super::shapes::given;
use super::{Action, Criterion, OrReusable, Reader, Text, text_of};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Help, nearest};
use crate::node::{Key, Kind, Node, scalar_of};
use crate::value::{ExpressionType, XpathVersion};

/// The words of the two lists of actions for their entries, and the fields that those may hold.
pub(super) struct ActionList {
    pub(super) what: &'static str,
    pub(super) fields: &'static [&'static str],
    pub(super) types: &'static str,
    pub(super) retries: bool,
}

pub(super) const SUCCESS: ActionList = ActionList {
    what: "a success action",
    fields: &["name", "type", "workflowId", "stepId", "parameters", "criteria"],
    types: "end or goto",
    retries: false,
};
pub(super) const FAILURE: ActionList = ActionList {
    what: "a failure action",
    fields: &["name", "type", "workflowId", "stepId", "parameters", "retryAfter", "retryLimit", "criteria"],
    types: "end, goto or retry",
    retries: true,
};

impl Reader<'_> {
    /// A list of actions; a map of them, or a single one, means the same (docs/readings.md, `actions-as-map`).
    pub(super) fn actions(
        &mut self,
        node: &Node,
        field: &str,
        what: &str,
        list: &ActionList,
    ) -> Vec<OrReusable<Action>> {
        let read = match node.member(field) {
            Some((key, value)) if matches!(value.kind, Kind::Object(_)) && given(node, field).is_some() => {
                let single = value.get("type").and_then(Node::as_str).is_some() || value.get("reference").is_some();
                let message = format!("`{field}` is a list of actions");
                let edits = match single {
                    true => value.in_list(self.sources),
                    false => value.in_list_with_keys(self.sources, "name"),
                };
                let mut diagnostic = Diagnostic::warning(Code::ActionsAsMap, key.span, message)
                    .label(if single { "read as a list of one" } else { "read as a list, with the keys as names" })
                    .help("begin each action with `- `".to_owned());
                if let Some(edits) = edits {
                    diagnostic = diagnostic.fix("write a list", true, edits);
                }
                self.departure(diagnostic);
                if single {
                    self.position = Some(0);
                    self.or_reusable(value, list.what, |r, n| r.action(n, list, None)).into_iter().collect()
                } else {
                    let each = value.members().iter().filter_map(|(key, node)| {
                        self.or_reusable(node, list.what, |r, n| r.action(n, list, Some(key)))
                    });
                    each.collect()
                }
            }
            _ => {
                let items = self.list(node, field, what, false);
                let each = items.iter().enumerate().filter_map(|(index, n)| {
                    self.position = Some(index);
                    self.or_reusable(n, list.what, |r, n| r.action(n, list, None))
                });
                each.collect::<Vec<_>>()
            }
        };
        self.position = None;
        let mut seen: Vec<&str> = vec![];
        let names = read.iter().filter_map(|action| match action {
            OrReusable::Object(action) => action.name.as_ref(),
            OrReusable::Reference { reference, .. } => Some(reference),
        });
        for name in names {
            if seen.contains(&name.value.as_str()) {
                let message = format!("two actions of this list are called `{}`", name.value);
                self.departure(
                    Diagnostic::warning(Code::DuplicateAction, name.span(), message)
                        .help("give each its own name".to_owned())
                        .section("§Step Object"),
                );
            }
            seen.push(&name.value);
        }
        read
    }

    /// A criterion; `alone` if it stands in the place of a list of them.
    pub(super) fn criterion(&mut self, node: &Node, alone: bool) -> Option<Criterion> {
        if let Some(text) = text_of(node) {
            return Some(self.criterion_as_text(text, alone));
        }
        self.object(node, "a criterion")?;
        self.fields(node, CRITERION, "a criterion");
        let node = &*self.without_empty(node, &["context", "type"]);
        let condition = match node.member("condition") {
            Some((key, value)) if matches!(value.kind, Kind::Null) => {
                let help = "write what has to be so, such as $statusCode == 200, or leave the criterion out";
                self.error(Code::ConditionSyntax, key.span, "this condition is empty", help);
                None
            }
            _ => self.required(node, "condition", "a criterion").and_then(|n| self.condition(n)),
        };
        let kind = match node.get("type") {
            Some(kind) => {
                let read = self.expression_type(kind, &["simple", "regex", "jsonpath", "xpath"], "criterion")?;
                Some((read, kind.clone()))
            }
            None => None,
        };
        let mut context = self.optional_text(node, "context");
        if context.is_none()
            && let (Some((ExpressionType::Regex, _)), Some(condition)) = (&kind, &condition)
        {
            context = Some(self.context_of_pattern(node, condition));
        }
        if let (Some((read, _)), None, Some(condition)) = (&kind, &context, &condition)
            && *read != ExpressionType::Simple
        {
            let word = read.word();
            self.diagnostics.push(
                Diagnostic::error(
                    Code::MissingField,
                    condition.span(),
                    format!("a {word} criterion needs a `context`"),
                )
                .help("add `context: $response.body`".to_owned())
                .section("§Criterion Object"),
            );
            return None;
        }
        Some(Criterion { context, condition: condition?, kind, on_action: false })
    }

    /// A pattern without a context is one for the body of the response (docs/readings.md, `dialect-word`).
    fn context_of_pattern(&mut self, node: &Node, condition: &Text) -> Text {
        const BODY: &str = "$response.body";
        let mut diagnostic =
            Diagnostic::warning(Code::DialectWord, condition.span(), "a regex criterion needs a `context`")
                .label(format!("read over {BODY}"))
                .help(format!("add `context: {BODY}`"))
                .section("§Criterion Object");
        if let Some(edit) = self.with_member_before(node, "condition", ("context", BODY)) {
            diagnostic = diagnostic.fix(format!("add `context: {BODY}`"), true, vec![edit]);
        }
        self.departure(diagnostic);
        let node = Node { kind: Kind::String(BODY.to_owned()), span: condition.node.span };
        Text { value: BODY.to_owned(), node }
    }

    /// `condition: true` is a condition too; its text is what stands in the document.
    pub(super) fn condition(&mut self, node: &Node) -> Option<Text> {
        match &node.kind {
            Kind::Bool(_) | Kind::Number(_) => {
                Some(Text { value: self.sources.text(node.span).to_owned(), node: node.clone() })
            }
            _ => self.text(node, "`condition`"),
        }
    }

    pub(super) fn action(&mut self, node: &Node, list: &ActionList, key: Option<&Key>) -> Option<Action> {
        let what = list.what;
        // `retry` on success is a reading with fields of its own.
        let retries = node.get("type").and_then(Node::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("retry"));
        let known = if retries { FAILURE.fields } else { list.fields };
        let condition = node.member("condition");
        match condition {
            // With a condition, `context` is that of its criterion.
            Some(_) => self.fields(node, &[known, &["condition", "context"]].concat(), what),
            None => self.fields(node, known, what),
        }
        let node = &*self.without_empty(node, &["context", "name", "retryAfter", "retryLimit", "stepId", "workflowId"]);
        let condition = node.member("condition");
        let named = self.optional_name(node, "name");
        let name = named.or_else(|| {
            let key = key?;
            let node = Node { span: key.span, kind: Kind::String(key.name.clone()) };
            Some(Text { value: key.name.clone(), node })
        });
        if name.is_none() && self.misspelt(node, "name").is_none() {
            self.missing_name(node, what);
        }
        let kind = self.required(node, "type", what).and_then(|n| self.text(n, "`type`"));
        let kind = kind.map(|kind| self.known_word(kind, &["end", "goto", "retry"]));
        if let (Some(kind), Some((_, value))) = (&kind, condition)
            && ["simple", "regex", "jsonpath", "xpath"].contains(&kind.value.as_str())
        {
            self.type_of_criterion(node, kind, value, list);
            return None;
        }
        let mut criteria = self.criteria(node, "criteria", what);
        criteria.extend(condition.and_then(|(key, value)| self.action_condition(node, key, value, what)));
        let parameters = self.parameters(node, what);
        let passed = node.member("parameters").filter(|_| given(node, "parameters").is_some());
        if let (Some((key, _)), None) = (passed, node.get("workflowId")) {
            let message = "`parameters` of an action are passed to a workflow, and this action names none";
            self.error(Code::MisplacedField, key.span, message, "add `workflowId`, or leave them out".to_owned());
        }
        let targets = (node.member("stepId"), node.member("workflowId"));
        if let (Some(_), Some((key, _))) = targets {
            let message = format!("{what} has both `stepId` and `workflowId`");
            self.error(Code::SeveralTargets, key.span, message, "keep the one that is meant".to_owned());
        }
        if let (Some(kind), (None, None)) = (kind.as_ref().filter(|kind| kind.value == "goto"), targets) {
            let misspelt = self.misspelt(node, "stepId").or_else(|| self.misspelt(node, "workflowId"));
            if let Some(span) = misspelt.map(|key| key.span) {
                self.diagnostics.raise(Code::UnknownField, span);
            } else {
                let help = "add `stepId` or `workflowId`".to_owned();
                self.error(Code::MissingField, kind.span(), "`goto` does not say where to", help);
            }
        }
        if let Some(kind) = kind.as_ref().filter(|kind| !["end", "goto", "retry"].contains(&kind.value.as_str())) {
            let message = format!("`{}` is not a type of {what}", kind.value);
            self.error(Code::UnknownValue, kind.span(), message, format!("write {}", list.types));
        }
        if let Some(kind) = kind.as_ref().filter(|kind| kind.value == "retry" && !list.retries) {
            self.departure(
                Diagnostic::warning(Code::SuccessRetry, kind.span(), "a success action does not retry")
                    .label("the step is run again, at most `retryLimit` times")
                    .help("repeat a step with `goto` its own stepId and a criterion".to_owned())
                    .section("§Success Action Object"),
            );
        }
        let retry_after = node.get("retryAfter").and_then(|after| self.seconds(after));
        let retry_limit = node.get("retryLimit").and_then(|n| self.natural(n, "`retryLimit`", "a number of retries"));
        Some(Action {
            step_id: self.optional_name(node, "stepId").map(|name| self.without_braces(name)),
            workflow_id: self.optional_name(node, "workflowId").map(|name| self.without_braces(name)),
            parameters,
            retry_after,
            retry_limit: retry_limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
            span: node.span,
            name,
            kind: kind?,
            criteria,
        })
    }

    /// An action without a name is called as it is shown.
    fn missing_name(&mut self, node: &Node, what: &str) {
        let help = "give it a name; it is shown as its type and position".to_owned();
        let mut diagnostic =
            Diagnostic::warning(Code::MissingActionName, node.span, format!("{what} has no `name`")).help(help);
        let shown = node.get("type").and_then(Node::as_str).zip(self.position);
        let shown = shown.map(|(kind, index)| format!("{} {}", kind.to_ascii_lowercase(), index + 1));
        let edit = shown.as_ref().and_then(|name| self.with_member_before(node, "type", ("name", name)));
        if let (Some(name), Some(edit)) = (shown, edit) {
            diagnostic = diagnostic.fix(format!("call it `{name}`"), true, vec![edit]);
        }
        self.departure(diagnostic);
    }

    /// The type of a criterion on an action: the action has none of its own, and what it does is not known.
    fn type_of_criterion(&mut self, node: &Node, kind: &Text, condition: &Node, list: &ActionList) {
        let context = node.get("context").and_then(Node::as_str);
        let context = context.map(|context| format!("context: {context}, ")).unwrap_or_default();
        let right = format!(
            "write type: {}, and criteria: [{{ {context}condition: {}, type: {} }}]",
            list.types.replace(" or ", ", ").split(", ").next().unwrap_or_default(),
            scalar_of(condition.as_written()),
            kind.value
        );
        let message = format!("`{}` is a type of criterion, and not of {}", kind.value, list.what);
        self.error(Code::UnknownValue, kind.span(), message, right);
    }

    /// The reading `action-condition`: a condition that stands on the action is one of its criteria. The `type` beside it
    /// is the action's.
    pub(super) fn action_condition(&mut self, node: &Node, key: &Key, value: &Node, what: &str) -> Option<Criterion> {
        let empty = matches!(value.kind, Kind::Null) || value.as_str().is_some_and(|text| text.trim().is_empty());
        if empty {
            let help = "write criteria: [{ condition: $statusCode == 404 }], or leave it out".to_owned();
            self.error(Code::ConditionSyntax, key.span, "this condition is empty", help);
            return None;
        }
        let mut diagnostic =
            Diagnostic::warning(Code::ActionCondition, key.span, format!("{what} has no field `condition`"))
                .label("read as one of its `criteria`")
                .help("write criteria: [{ condition: … }], with its `context` and `type` inside".to_owned())
                .section(if what == SUCCESS.what { "§Success Action Object" } else { "§Failure Action Object" });
        let alone = node.get("criteria").is_none() && node.get("context").is_none();
        if let Some(edit) = self.as_criteria(key, value).filter(|_| alone) {
            diagnostic = diagnostic.fix("write it as one of its `criteria`", true, vec![edit]);
        }
        self.departure(diagnostic);
        let context = self.optional_text(node, "context");
        Some(Criterion { context, condition: self.condition(value)?, kind: None, on_action: true })
    }

    /// `retryAfter`: seconds with decimals → ms.
    pub(super) fn seconds(&mut self, node: &Node) -> Option<u64> {
        let seconds = self.number_of(node).as_f64();
        let ms = seconds.filter(|s| *s >= 0.0).map(|s| (s * 1000.0).round().min(u64::MAX as f64) as u64);
        if ms.is_none() {
            let found = seconds.map_or_else(|| node.type_name().to_owned(), |s| format!("`{s}`"));
            let message = format!("expected `retryAfter` to be a number of seconds, found {found}");
            self.error(Code::WrongType, node.span, message, "write seconds without a unit: 5, or 0.5".to_owned());
        }
        ms
    }

    /// `type` of a criterion, selector or replacement.
    pub(super) fn expression_type(&mut self, node: &Node, words: &[&str], what: &str) -> Option<ExpressionType> {
        const VERSIONS: [(&str, &[&str]); 3] = [
            ("jsonpath", &["rfc9535", "draft-goessner-dispatch-jsonpath-00"]),
            ("xpath", &["xpath-31", "xpath-30", "xpath-20", "xpath-10"]),
            ("jsonpointer", &["rfc6901"]),
        ];
        let (word, version) = match &node.kind {
            Kind::Object(_) => {
                self.fields(node, &["type", "version"], "an Expression Type Object");
                let word = self.required(node, "type", "an Expression Type Object")?;
                let version = self.required(node, "version", "an Expression Type Object")?;
                (self.text(word, "`type`")?, Some(self.text_or_scalar(version, "`version`")?))
            }
            _ => (self.text(node, "`type`")?, None),
        };
        let known: Vec<&str> = match &version {
            Some(_) => VERSIONS.iter().map(|(word, _)| *word).collect(),
            None => words.to_vec(),
        };
        let word = self.known_word(word, &known);
        if !known.contains(&word.value.as_str()) {
            let help = nearest(&word.value, known.iter().copied())
                .map_or_else(|| Help::words(format!("write one of {}", known.join(", "))), Help::meant);
            let message = format!("`{}` is not a type of {what}", word.value);
            self.diagnostics.push(
                Diagnostic::error(Code::UnknownValue, word.span(), message)
                    .help(help)
                    .section("§Expression Type Object"),
            );
            return None;
        }
        let versions = VERSIONS.iter().find(|(known, _)| *known == word.value).map_or(&[][..], |(_, all)| *all);
        if let Some(version) = version.as_ref().filter(|version| !versions.contains(&version.value.as_str())) {
            let message = format!("`{}` is not a version of {}", version.value, word.value);
            self.diagnostics.push(
                Diagnostic::error(Code::UnknownValue, version.span(), message)
                    .help(format!("write one of {}", versions.join(", ")))
                    .section("§Expression Type Object"),
            );
            return None;
        }
        let version = version.as_ref().map_or("", |version| version.value.as_str());
        Some(match (word.value.as_str(), version) {
            ("simple", _) => ExpressionType::Simple,
            ("regex", _) => ExpressionType::Regex,
            ("jsonpointer", _) => ExpressionType::Jsonpointer,
            ("jsonpath", "draft-goessner-dispatch-jsonpath-00") => ExpressionType::Goessner,
            ("jsonpath", _) => ExpressionType::Jsonpath,
            (_, "xpath-10") => ExpressionType::Xpath(XpathVersion::V10),
            (_, "xpath-20") => ExpressionType::Xpath(XpathVersion::V20),
            (_, "xpath-30") => ExpressionType::Xpath(XpathVersion::V30),
            _ => ExpressionType::Xpath(XpathVersion::V31),
        })
    }
}
