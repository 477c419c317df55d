//! Actions, the parameters that are passed to workflows, and what `components` hold in their place.

use super::{Compiler, Context, Stage};
use crate::code::Code;
use crate::credentials::is_credential_name;
use crate::diagnostic::{Diagnostic, Help, Subject, nearest};
use crate::document::{self, OrReusable, Text};
use crate::node::{Key, Node};
use crate::program::{Action, Inherited, Passed, PassedValue, Target, Then, WorkflowId};
use crate::readings::Readings;

/// How long a retry waits, and how often it is made, where the action does not say: at once, and once.
const RETRY: (u64, u32) = (0, 1);

impl<'b> Compiler<'b> {
    /// The actions of a step with those of its workflow: its own first, then the rest of the inherited ones, of which it
    /// overrides those of the same name.
    pub(super) fn merged(
        &mut self,
        own: &[OrReusable<document::Action>],
        inherited: &[OrReusable<document::Action>],
        success: bool,
    ) -> Vec<document::Action> {
        let mut merged: Vec<document::Action> = vec![];
        for (actions, overridden) in [(own, false), (inherited, true)] {
            let known = if overridden { merged.len() } else { 0 };
            for action in actions {
                let Some(action) = self.action_object(action, success) else { continue };
                let name = action.name.as_ref().map(|name| name.value.as_str());
                let same =
                    |other: &document::Action| name.is_some() && other.name.as_ref().map(|n| n.value.as_str()) == name;
                if !merged.iter().take(known).any(same) {
                    merged.push(action);
                }
            }
        }
        merged
    }

    fn action_object(&mut self, action: &OrReusable<document::Action>, success: bool) -> Option<document::Action> {
        let (reference, value) = match action {
            OrReusable::Object(action) => return Some(action.clone()),
            OrReusable::Reference { reference, value } => (reference, value),
        };
        if let Some(value) = value {
            let message = "`value` of a Reusable Object is for parameters; it is ignored".to_owned();
            self.departure(Diagnostic::warning(Code::UnknownField, value.span, message));
        }
        let components = &self.document().components;
        let (kind, entries) = match success {
            true => ("successActions", &components.success_actions),
            false => ("failureActions", &components.failure_actions),
        };
        self.component(reference, kind, entries).cloned()
    }

    /// The parameters of a list, references to `components` replaced by what they refer to.
    pub(super) fn parameter_objects(
        &mut self,
        parameters: &[OrReusable<document::Parameter>],
    ) -> Vec<document::Parameter> {
        let mut found: Vec<document::Parameter> = vec![];
        for parameter in parameters {
            let (object, reference) = match parameter {
                OrReusable::Object(parameter) => (parameter.clone(), None),
                OrReusable::Reference { reference, value } => {
                    let entries = &self.document().components.parameters;
                    let Some(component) = self.component(reference, "parameters", entries) else { continue };
                    let mut object = component.clone();
                    if let Some(value) = value {
                        object.value = value.clone();
                    }
                    (object, Some(reference))
                }
            };
            // What stands twice as an object was said when the document was read.
            let place = |parameter: &document::Parameter| parameter.location.as_ref().map(|l| l.value.clone());
            if let Some(reference) = reference
                && found.iter().any(|known| known.name.value == object.name.value && place(known) == place(&object))
            {
                self.push(
                    Diagnostic::error(
                        Code::DuplicateParameter,
                        reference.span(),
                        format!("parameter `{}` stands twice in this list", object.name.value),
                    )
                    .help("keep one of them".to_owned())
                    .section("§Step Object"),
                );
            }
            found.push(object);
        }
        found
    }

    /// What `$components.<kind>.<name>` refers to.
    fn component<T>(&mut self, reference: &Text, kind: &str, entries: &'b [(Key, T)]) -> Option<&'b T> {
        let prefix = format!("$components.{kind}.");
        let Some(name) = reference.value.strip_prefix(&prefix) else {
            let message = format!("`{}` does not refer to an entry of `components.{kind}`", reference.value);
            self.push(
                Diagnostic::error(Code::UnknownComponent, reference.span(), message)
                    .help(
                        match entries
                            .iter()
                            .find(|(key, _)| reference.value.rsplit(['.', '/']).next() == Some(&key.name))
                        {
                            Some((key, _)) => format!("write {prefix}{}", key.name),
                            None => format!("write {prefix}<name>"),
                        },
                    )
                    .section("§Reusable Object"),
            );
            return None;
        };
        let found = entries.iter().find(|(key, _)| key.name == name).map(|(_, entry)| entry);
        if found.is_none() {
            let help = nearest(name, entries.iter().map(|(key, _)| key.name.as_str()))
                .map(|near| Help::meant_behind(prefix.clone(), near));
            let message = format!("`components.{kind}` has no `{name}`");
            self.push(
                Diagnostic::error(Code::UnknownComponent, reference.span(), message)
                    .help(help)
                    .section("§Reusable Object"),
            );
        }
        found
    }

    pub(super) fn actions(
        &mut self,
        actions: &[document::Action],
        workflow: &document::Workflow,
        context: &Context<'_>,
    ) -> Vec<Action> {
        let mut compiled = vec![];
        for (index, action) in actions.iter().enumerate() {
            let criteria = self.criteria(&action.criteria, context);
            let name = action
                .name
                .as_ref()
                .map_or_else(|| format!("{} {}", action.kind.value, index + 1), |name| name.value.clone());
            if let Some(then) = self.then(action, workflow, context) {
                compiled.push(Action { name, then, criteria, span: action.span });
            }
        }
        compiled
    }

    fn then(
        &mut self,
        action: &document::Action,
        workflow: &document::Workflow,
        context: &Context<'_>,
    ) -> Option<Then> {
        if let Some(OrReusable::Object(first)) = action.parameters.first() {
            self.newer_form(first.name.span(), "`parameters` of an action");
        }
        match action.kind.value.as_str() {
            "end" => Some(Then::End),
            "goto" => self.target(action, workflow, context).map(Then::Goto),
            "retry" => {
                let named = action.step_id.is_some() || action.workflow_id.is_some();
                let detour = self.target(action, workflow, context);
                if named && detour.is_none() {
                    return None;
                }
                Some(Then::Retry {
                    after_ms: action.retry_after.unwrap_or(RETRY.0),
                    limit: action.retry_limit.unwrap_or(RETRY.1),
                    detour,
                })
            }
            // Reading the document said that there is no such type.
            _ => None,
        }
    }

    fn target(
        &mut self,
        action: &document::Action,
        workflow: &document::Workflow,
        context: &Context<'_>,
    ) -> Option<Target> {
        if let Some(text) = &action.workflow_id {
            let id = self.called_workflow(text)?;
            let passed = if action.parameters.is_empty() {
                let passed = Passed { values: vec![], inherited: Inherited::All };
                self.unmet(id, &passed, text, context);
                passed
            } else {
                self.passed(&action.parameters, &[], Some(id), text, context)
            };
            return Some(Target::Workflow { workflow: id, passed });
        }
        let step = action.step_id.as_ref()?;
        if let Some(found) = step.value.strip_prefix("$steps.").and_then(|name| context.scope.steps.get(name)) {
            self.named_by_expression(step, "$steps.", "a stepId");
            return Some(Target::Step(found.id));
        }
        let found = context.scope.steps.get(&step.value);
        if found.is_none() {
            // `$steps.a` and `#/steps/a` name it too, in words of other places.
            let named = step.value.rsplit(['.', '/']).next().unwrap_or(&step.value);
            let near = nearest(named, context.scope.steps.iter().map(|s| s.name.as_str()));
            let help = match near {
                Some(near) => Help::meant(near),
                None if self.workflow_of(&step.value).is_some() => Help::words("write `workflowId` for a workflow"),
                None => {
                    let names: Vec<&str> = context.scope.steps.iter().map(|s| s.name.as_str()).collect();
                    Help::words(format!("steps of this workflow: {}", names.join(", ")))
                }
            };
            let message = format!("the workflow `{}` has no step `{}`", workflow.id.value, step.value);
            self.push(Diagnostic::error(Code::UnknownStep, step.span(), message).help(help));
        }
        found.map(|step| Target::Step(step.id))
    }

    /// The reading `depends-on-expression` where one name is wanted: `$steps.X` for the step X.
    pub(super) fn named_by_expression(&mut self, text: &Text, prefix: &str, what: &str) {
        let name = text.value.strip_prefix(prefix).unwrap_or(&text.value);
        let help = format!("write {name}");
        let message = format!("{what} is wanted, and this is an expression");
        let mut diagnostic = Diagnostic::warning(Code::DependsOnExpression, text.span(), message)
            .label(format!("read as `{name}`"))
            .help(help.clone())
            .section("§Step Object");
        if let Some(edit) = text.node.rewrite(self.sources(), text.whole(), name, false) {
            diagnostic = diagnostic.fix(help, true, vec![edit]);
        }
        self.departure(diagnostic);
    }

    /// The inputs that a call of a workflow gives: its parameters by name (specification, Parameter Object).
    pub(super) fn passed(
        &mut self,
        own: &[OrReusable<document::Parameter>],
        inherited: &[OrReusable<document::Parameter>],
        target: Option<WorkflowId>,
        text: &Text,
        context: &Context<'_>,
    ) -> Passed {
        let own = self.parameter_objects(own);
        let inherited = self.parameter_objects(inherited);
        let declared = target.and_then(|id| self.declared_workflow(id)).cloned();
        let mut passed = Passed::default();
        for (parameter, own) in own.iter().map(|p| (p, true)).chain(inherited.iter().map(|p| (p, false))) {
            let name = &parameter.name.value;
            if passed.values.iter().any(|known| known.name == *name) {
                continue;
            }
            if let (Some(location), true) = (&parameter.location, own) {
                let mut diagnostic = Diagnostic::warning(
                    Code::PlaceOfWorkflowParameter,
                    location.span(),
                    format!("parameter `{name}` is passed to a workflow, where it has no place"),
                )
                .follows(target.is_none().then_some(Code::UnknownWorkflow))
                .help("leave out `in`".to_owned())
                .section("§Parameter Object");
                let root = &self.document().root;
                if let Some(edit) = root.without_member_around(self.sources(), location.span(), "in") {
                    diagnostic = diagnostic.fix("leave out `in`", true, vec![edit]);
                }
                self.departure(diagnostic);
            }
            let known = declared.as_ref().is_none_or(|w| w.open || w.inputs.contains(name));
            if !known && self.readings != Readings::Letter {
                if own {
                    let names = declared.as_ref().map(|w| w.inputs.clone()).unwrap_or_default();
                    let help = nearest(name, names.iter().map(String::as_str)).map_or_else(
                        || Help::words(format!("inputs of `{}`: {}", text.value, names.join(", "))),
                        Help::meant,
                    );
                    let message = format!("workflow `{}` declares no input `{name}`; it is not passed", text.value);
                    self.departure(
                        Diagnostic::warning(Code::UndeclaredParameter, parameter.name.span(), message)
                            .about(Subject::Input { workflow: text.value.clone(), name: name.clone() })
                            .help(help),
                    );
                }
                continue;
            }
            let credential = is_credential_name(name);
            let Some(value) = self.build(&parameter.value, credential, context) else { continue };
            let span = parameter.value.span;
            passed.values.push(PassedValue { name: name.clone(), value, span });
        }
        if let Some(target) = target {
            // What has a fault of its own is not missing.
            let named: Vec<&str> = own.iter().chain(&inherited).map(|p| p.name.value.as_str()).collect();
            passed.inherited = self.inherited(target, &named, text, context);
        }
        passed
    }

    /// Forms of Arazzo 1.1 in `components` of a document that says 1.0, also where nothing refers to them.
    pub(super) fn newer_components(&mut self) {
        let components = &self.document().components;
        for (_, parameter) in &components.parameters {
            if let Some(location) = parameter.location.as_ref().filter(|location| location.value == "querystring") {
                self.newer_form(location.span(), "`in: querystring`");
            }
            self.newer_values(&parameter.value);
        }
        for (_, action) in components.success_actions.iter().chain(&components.failure_actions) {
            if let Some(OrReusable::Object(first)) = action.parameters.first() {
                self.newer_form(first.name.span(), "`parameters` of an action");
            }
            for criterion in &action.criteria {
                self.newer_version(criterion);
            }
        }
    }

    /// Selector Objects anywhere in a value.
    fn newer_values(&mut self, node: &Node) {
        if document::is_selector(node) {
            self.newer_form(node.span, "a Selector Object");
            return;
        }
        let below = node.items().iter().chain(node.members().iter().map(|(_, value)| value));
        below.for_each(|value| self.newer_values(value));
    }

    /// Required inputs that a call does not give: those of the caller of the same name are taken (docs/readings.md,
    /// `missing-required-parameter`), others are a fault.
    fn inherited(&mut self, target: WorkflowId, named: &[&str], text: &Text, context: &Context<'_>) -> Inherited {
        let mut taken = vec![];
        for name in self.required_inputs(target) {
            if named.contains(&name.as_str()) {
                continue;
            }
            let caller = context.scope.open || context.scope.inputs.iter().any(|input| input.name == name);
            if caller && self.readings != Readings::Letter {
                let message = format!(
                    "workflow `{}` requires the input `{name}`; the input of the same name is passed",
                    text.value
                );
                self.departure(
                    Diagnostic::warning(Code::MissingRequiredParameter, text.span(), message)
                        .about(Subject::Input { workflow: text.value.clone(), name: name.clone() })
                        .help(format!("add a parameter `name: {name}`, `value: $inputs.{name}`"))
                        .section("§Step Object"),
                );
                taken.push(name);
                continue;
            }
            self.not_given(&name, text);
        }
        if taken.is_empty() { Inherited::Nothing } else { Inherited::These(taken) }
    }

    /// Required inputs that no input of the same name gives.
    fn unmet(&mut self, target: WorkflowId, passed: &Passed, text: &Text, context: &Context<'_>) {
        for name in self.required_inputs(target) {
            let caller = context.scope.open || context.scope.inputs.iter().any(|input| input.name == name);
            if !caller && !passed.values.iter().any(|value| value.name == name) {
                self.not_given(&name, text);
            }
        }
    }

    fn not_given(&mut self, name: &str, text: &Text) {
        let message = format!("workflow `{}` requires the input `{name}`, and nothing gives it", text.value);
        let letter = self.readings == Readings::Letter;
        let make = if letter { Diagnostic::warning } else { Diagnostic::error };
        let subject = Subject::Input { workflow: text.value.clone(), name: name.to_owned() };
        let fault = make(Code::MissingRequiredParameter, text.span(), message).about(subject);
        self.push(fault.help(format!("add a parameter `name: {name}`")).section("§Step Object"));
    }

    /// Names of the inputs that a workflow cannot run without.
    fn required_inputs(&self, target: WorkflowId) -> Vec<String> {
        self.required.get(target.0 as usize).cloned().unwrap_or_default()
    }

    /// An expression that reads what is not there where it stands: said before anything runs.
    pub(super) fn staged(&mut self, node: &Node, expr: &crate::expr::Expr, text: &str, context: &Context<'_>) {
        use crate::expr::Root;
        let stage = context.stage;
        let answer = matches!(expr.root, Root::ResponseBody | Root::ResponseHeader(_) | Root::StatusCode);
        let request = matches!(
            expr.root,
            Root::Url
                | Root::Method
                | Root::RequestBody
                | Root::RequestHeader(_)
                | Root::RequestQuery(_)
                | Root::RequestPath(_)
        );
        let message = matches!(expr.root, Root::MessagePayload | Root::MessageHeader(_));
        if matches!(stage, Stage::Returned | Stage::Lost) && answer {
            // The document's author meant the last answer of the workflow (docs/readings.md, `answer-of-workflow`).
            self.departure(
                Diagnostic::warning(
                    Code::AnswerOfWorkflow,
                    node.span,
                    format!("`{text}` reads an answer, and a step that calls a workflow has none of its own"),
                )
                .label("read as the last answer that the workflow got")
                .follows((stage == Stage::Lost).then_some(Code::UnknownWorkflow))
                .help("leave it out, or read an output of the workflow: $outputs.<name>".to_owned())
                .section("§Step Object"),
            );
            return;
        }
        let what = match stage {
            Stage::Before if answer => "an answer before the request is sent",
            Stage::Before if request => "the request that it is a part of",
            Stage::Returned | Stage::Lost if request => {
                "a request, and a step that calls a workflow has none of its own"
            }
            Stage::Outside if answer || request => "a request or an answer, and stands in no step",
            Stage::Sent | Stage::Received if answer || request => "an answer, and the step sends or receives a message",
            Stage::Before | Stage::Answered | Stage::Returned | Stage::Lost | Stage::Outside if message => {
                "a message, and the step sends or receives none"
            }
            _ => return,
        };
        let help = match stage {
            Stage::Returned | Stage::Lost => Some("read an output of the workflow: $outputs.<name>".to_owned()),
            Stage::Outside | Stage::Before => {
                Some("read an output of a step: $steps.<stepId>.outputs.<name>".to_owned())
            }
            Stage::Answered => Some("an answer is read with $response.body".to_owned()),
            Stage::Unknown => None,
            Stage::Sent | Stage::Received => Some("a message is read with $message.payload".to_owned()),
        };
        self.push(
            Diagnostic::error(Code::UnreachableReference, node.span, format!("`{text}` reads {what}"))
                .help(help)
                .section("§Runtime Expressions"),
        );
    }
}
