//! Coverage: which steps, actions and criteria of a document its runs reached, criteria both as met and as not met.
//!
//! In go a description, which has all there is, and the records of runs; out comes text, JSON, or lcov, which editors and
//! services of CI draw.

use std::collections::BTreeMap;

use arazzo_engine::event::{CriteriaOf, On};
use arazzo_engine::json;
use arazzo_engine::program::{Action, Criterion, Program, Step};
use arazzo_engine::source::Place;
use arazzo_engine::value::Json;

use super::run_record::{Attempt, RunRecord};
use super::text::safe;
use crate::Description;

/// Parts of one document that are told one by one in text.
const MOST: usize = 20;

/// The coverage of a document.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Coverage {
    /// The document, as people call it.
    pub document: String,
    /// Its parts, in the order of the document.
    pub parts: Vec<Part>,
}

/// A part of a document that a run reaches or not.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Part {
    /// The workflow.
    pub workflow: String,
    /// `stepId`
    pub step: String,
    /// What it is.
    pub kind: PartKind,
    /// Its place in the document.
    pub place: Place,
    /// How often a step was entered, an action was taken, a criterion was met.
    pub reached: u64,
    /// How often a criterion was not met; 0 for other parts.
    pub not_met: u64,
}

/// The kind of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartKind {
    /// A step.
    Step,
    /// An action of a step.
    Action {
        /// Its name.
        name: String,
        /// The list that it stands in.
        on: On,
    },
    /// A criterion of a step or of one of its actions.
    Criterion {
        /// The list that it stands in.
        of: CriteriaOf,
        /// The condition, as written.
        condition: String,
    },
}

/// How many parts there are, and how many of them were reached.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    reached: usize,
    all: usize,
}

impl Coverage {
    /// All parts of a document, none of them reached; `document` is what people call it.
    #[must_use]
    pub fn of(description: &Description, document: impl Into<String>) -> Self {
        let program = description.program();
        let mut parts = vec![];
        for (_, workflow) in program.own_workflows() {
            for step in workflow.steps.iter().filter_map(|id| program.step(*id)) {
                of_step(program, &workflow.name, step, &mut parts);
            }
        }
        Self { document: document.into(), parts }
    }

    /// Takes a run in.
    pub fn add(&mut self, run: &RunRecord) {
        for attempt in &run.attempts {
            let own = |part: &&mut Part| part.step == attempt.step && part.workflow == attempt.workflow;
            self.parts.iter_mut().filter(own).for_each(|part| part.take(attempt));
        }
    }

    /// Takes the coverage of the same document by other runs in.
    pub fn merge(&mut self, other: &Self) {
        for (part, other) in self.parts.iter_mut().zip(&other.parts) {
            part.reached += other.reached;
            part.not_met += other.not_met;
        }
    }

    /// Steps, actions, criteria that were met, and criteria that were not.
    fn counts(&self) -> [(&'static str, Count); 4] {
        let mut counts = [
            ("steps", Count::default()),
            ("actions", Count::default()),
            ("met", Count::default()),
            ("notMet", Count::default()),
        ];
        let [steps, actions, met, not_met] = &mut counts;
        for part in &self.parts {
            let count = match part.kind {
                PartKind::Step => &mut steps.1,
                PartKind::Action { .. } => &mut actions.1,
                PartKind::Criterion { .. } => {
                    not_met.1.add(part.not_met);
                    &mut met.1
                }
            };
            count.add(part.reached);
        }
        counts
    }
}

impl Count {
    fn add(&mut self, times: u64) {
        self.all += 1;
        self.reached += usize::from(times > 0);
    }
}

impl Part {
    fn take(&mut self, attempt: &Attempt) {
        match &self.kind {
            PartKind::Step => self.reached += 1,
            PartKind::Action { name, on } => {
                let taken = attempt.action.as_ref().is_some_and(|action| action.name == *name && action.on == *on);
                self.reached += u64::from(taken);
            }
            PartKind::Criterion { of, condition } => {
                for seen in attempt.criteria.iter().filter(|seen| seen.of == *of && seen.condition == *condition) {
                    // The same condition may stand twice in a list.
                    if seen.problem.is_none() && seen.place.as_ref().is_none_or(|place| *place == self.place) {
                        *(if seen.met { &mut self.reached } else { &mut self.not_met }) += 1;
                    }
                }
            }
        }
    }

    /// What of it was not reached, for people.
    fn missing(&self) -> Option<String> {
        let step = safe(&self.step);
        match &self.kind {
            PartKind::Step if self.reached == 0 => Some(format!("step {step} did not run")),
            PartKind::Action { name, .. } if self.reached == 0 => {
                Some(format!("action {} of {step} was not taken", safe(name)))
            }
            PartKind::Criterion { condition, .. } if self.reached == 0 || self.not_met == 0 => {
                let never = match (self.reached, self.not_met) {
                    (0, 0) => "was not tested",
                    (0, _) => "was never met",
                    _ => "was always met",
                };
                Some(format!("{} of {step} {never}", safe(condition)))
            }
            _ => None,
        }
    }
}

fn of_step(program: &Program, workflow: &str, step: &Step, parts: &mut Vec<Part>) {
    let place = |span| program.sources.place(span);
    let part = |kind: PartKind, place: Place| Part {
        workflow: workflow.to_owned(),
        step: step.name.clone(),
        kind,
        place,
        reached: 0,
        not_met: 0,
    };
    let criterion = |of: &CriteriaOf, criterion: &Criterion| {
        part(PartKind::Criterion { of: of.clone(), condition: criterion.text.clone() }, place(criterion.span))
    };
    parts.push(part(PartKind::Step, place(step.span)));
    parts.extend(step.criteria.iter().map(|one| criterion(&CriteriaOf::Success, one)));
    let actions = step.on_success.iter().map(|action| (On::Success, action));
    let all: Vec<(On, &Action)> = actions.chain(step.on_failure.iter().map(|action| (On::Failure, action))).collect();
    for (on, action) in all {
        parts.push(part(PartKind::Action { name: action.name.clone(), on }, place(action.span)));
        let of = CriteriaOf::Action(action.name.clone());
        parts.extend(action.criteria.iter().map(|one| criterion(&of, one)));
    }
}

/// The coverage of documents for people: a line each, and below it what was not reached.
#[must_use]
pub fn text(documents: &[Coverage]) -> String {
    let shown = |counts: [(&str, Count); 4]| {
        let [steps, actions, met, not_met] = counts.map(|(_, Count { reached, all })| format!("{reached}/{all}"));
        format!("steps {steps}  actions {actions}  criteria met {met}, not met {not_met}")
    };
    let mut lines = vec![];
    let mut total: [(&str, Count); 4] = [("", Count::default()); 4];
    for document in documents {
        let counts = document.counts();
        for ((_, sum), (_, count)) in total.iter_mut().zip(counts) {
            sum.reached += count.reached;
            sum.all += count.all;
        }
        lines.push(format!("{}  {}", safe(&document.document), shown(counts)));
        let missing: Vec<String> = document
            .parts
            .iter()
            .filter_map(|part| Some(format!("  line {}: {}", part.place.line, part.missing()?)))
            .collect();
        lines.extend(missing.iter().take(MOST).cloned());
        if missing.len() > MOST {
            lines.push(format!("  and {} more", missing.len() - MOST));
        }
    }
    lines.push(format!("all  {}", shown(total)));
    lines.join("\n")
}

/// The coverage of documents for programs.
#[must_use]
pub fn json(documents: &[Coverage]) -> String {
    let documents = documents.iter().map(|document| {
        let parts = document.parts.iter().map(|part| {
            let (kind, name, of) = match &part.kind {
                PartKind::Step => ("step", None, Json::Null),
                PartKind::Action { name, on } => ("action", Some(name), json!(on)),
                PartKind::Criterion { of, condition } => ("criterion", Some(condition), json!(of)),
            };
            json!({
                "kind": kind, "workflow": part.workflow, "step": part.step, "name": name, "of": of, "place": part.place,
                "reached": part.reached, "notMet": if kind == "criterion" { json!(part.not_met) } else { Json::Null },
            })
        });
        let counts =
            document.counts().map(|(name, Count { reached, all })| (name, json!({ "reached": reached, "all": all })));
        let [steps, actions, met, not_met] = counts.map(|(_, count)| count);
        json!({
            "document": document.document, "steps": steps, "actions": actions, "met": met, "notMet": not_met,
            "parts": parts.collect::<Vec<_>>(),
        })
    });
    super::pretty(&json!({ "v": 1, "documents": documents.collect::<Vec<_>>() }))
}

/// The coverage of documents as lcov has it: steps are lines, actions and criteria are branches; a criterion has two.
#[must_use]
pub fn lcov(documents: &[Coverage]) -> String {
    let mut text = String::new();
    for document in documents {
        let mut lines: BTreeMap<u32, u64> = BTreeMap::new();
        let mut branches: Vec<(u32, [Option<u64>; 2])> = vec![];
        // Parts of `components` may stand in another file; a line of this one is what a service can show.
        for part in &document.parts {
            match part.kind {
                PartKind::Step => *lines.entry(part.place.line).or_default() += part.reached,
                PartKind::Action { .. } => branches.push((part.place.line, [Some(part.reached), None])),
                PartKind::Criterion { .. } => {
                    branches.push((part.place.line, [Some(part.reached), Some(part.not_met)]))
                }
            }
        }
        text.push_str(&format!("TN:\nSF:{}\n", document.document));
        let mut found = (0, 0);
        for (block, (line, times)) in branches.iter().enumerate() {
            for (branch, times) in times.iter().enumerate().filter_map(|(branch, times)| Some((branch, (*times)?))) {
                found = (found.0 + 1, found.1 + usize::from(times > 0));
                text.push_str(&format!("BRDA:{line},{block},{branch},{times}\n"));
            }
        }
        text.push_str(&format!("BRF:{}\nBRH:{}\n", found.0, found.1));
        lines.iter().for_each(|(line, times)| text.push_str(&format!("DA:{line},{times}\n")));
        let hit = lines.values().filter(|times| **times > 0).count();
        text.push_str(&format!("LF:{}\nLH:{hit}\nend_of_record\n", lines.len()));
    }
    text
}
