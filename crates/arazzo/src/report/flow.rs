//! The path that a run took through the flow of its workflow, and the words for that flow in a picture.

use arazzo_engine::event::{ActionKind, On, StepStatus};
use arazzo_engine::graph::{Edge, Exit, Graph, GraphStep};

use super::run_record::{Attempt, RunRecord};
use super::text::time;

/// The path of a run: for each step of a graph, in its order.
#[derive(Debug, Clone)]
pub struct Walk(Vec<Walked>);

/// The part of a step in a run.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Walked {
    /// The number of visits.
    pub visits: u32,
    /// The number of times that each of its exits was taken.
    pub exits: Vec<u32>,
    /// The end of its last attempt.
    pub status: Option<StepStatus>,
}

impl Walk {
    /// The path of a run through a graph. A workflow that ran several times counts with all of its runs.
    #[must_use]
    pub fn new(graph: &Graph, run: &RunRecord) -> Self {
        let mut walked: Vec<Walked> =
            graph.steps.iter().map(|step| Walked { exits: vec![0; step.exits.len()], ..Walked::default() }).collect();
        for attempt in run.attempts.iter().filter(|attempt| attempt.workflow == graph.workflow) {
            let Some(place) = graph.steps.iter().position(|step| step.step == attempt.step) else { continue };
            let (Some(step), Some(known)) = (graph.steps.get(place), walked.get_mut(place)) else { continue };
            known.visits += u32::from(attempt.attempt == 1);
            known.status = attempt.status();
            let taken = step.exits.iter().position(|exit| takes(attempt, exit));
            if let Some(count) = taken.and_then(|taken| known.exits.get_mut(taken)) {
                *count += 1;
            }
        }
        Self(walked)
    }

    /// The part of a step of the graph in the run, by its index.
    #[must_use]
    pub fn of(&self, step: usize) -> Walked {
        self.0.get(step).cloned().unwrap_or_default()
    }
}

impl Walked {
    /// The number of times that an exit was taken, by its index.
    #[must_use]
    pub fn taken(&self, exit: usize) -> u32 {
        self.exits.get(exit).copied().unwrap_or(0)
    }
}

/// `true` if an attempt left its step by this exit.
fn takes(attempt: &Attempt, exit: &Exit) -> bool {
    match &attempt.action {
        Some(action) => exit.action.as_ref() == Some(&action.name) && exit.on_failure == (action.on == On::Failure),
        None => exit.action.is_none() && attempt.status() == Some(StepStatus::Succeeded),
    }
}

/// The graph as far as a run shows it: the steps that it entered and the exits that it took.
pub(super) fn observed(run: &RunRecord) -> Graph {
    let mut graph = Graph { workflow: run.workflow.clone(), entry: Some(0), ..Graph::default() };
    let attempts: Vec<&Attempt> = run.attempts.iter().filter(|attempt| attempt.workflow == run.workflow).collect();
    for attempt in &attempts {
        if !graph.steps.iter().any(|step| step.step == attempt.step) {
            let does = attempt.does();
            graph.steps.push(GraphStep { step: attempt.step.clone(), does, exits: vec![] });
        }
    }
    for (index, attempt) in attempts.iter().enumerate() {
        let next = attempts.get(index + 1).filter(|next| next.frame == attempt.frame);
        let place = |name: &str| graph.steps.iter().position(|step| step.step == name);
        let to = match (&attempt.action, next) {
            (Some(action), _) if action.kind == ActionKind::Retry => Edge::Retry {
                limit: 0,
                after_ms: attempt.wait.as_ref().map_or(0, |(ms, _)| *ms),
                first: action.target.clone(),
            },
            (Some(action), _) => match &action.target {
                None => Edge::End,
                Some(target) => place(target).map_or_else(|| Edge::Workflow(target.clone()), Edge::Step),
            },
            (None, Some(next)) => place(&next.step).map_or(Edge::End, Edge::Step),
            (None, None) if attempt.status() == Some(StepStatus::Succeeded) => Edge::End,
            (None, None) => continue,
        };
        let exit = Exit {
            action: attempt.action.as_ref().map(|action| action.name.clone()),
            on_failure: attempt.action.as_ref().is_some_and(|action| action.on == On::Failure),
            conditions: conditions(attempt),
            to,
        };
        let Some(step) = place(&attempt.step).and_then(|place| graph.steps.get_mut(place)) else { continue };
        if !step.exits.iter().any(|known| takes(attempt, known)) {
            step.exits.push(exit);
        }
    }
    graph
}

/// The conditions of the action that an attempt took.
fn conditions(attempt: &Attempt) -> Vec<String> {
    let Some(action) = &attempt.action else { return vec![] };
    let own = attempt.criteria.iter().filter(|criterion| criterion.of.is_action(&action.name));
    own.map(|criterion| criterion.condition.clone()).collect()
}

/// The target of an exit, in words: `createSandbox`, `end`, `workflow payment`, `retry up to 3x after 200ms`.
#[must_use]
pub fn target(graph: &Graph, way: &Edge) -> String {
    match way {
        Edge::Step(step) => graph.steps.get(*step).map(|step| step.step.clone()).unwrap_or_default(),
        Edge::Workflow(name) => format!("workflow {name}"),
        Edge::End => "end".to_owned(),
        Edge::Retry { limit, after_ms, first } => {
            let times = if *limit > 0 { format!(" up to {limit}x") } else { String::new() };
            let after = if *after_ms > 0 { format!(" after {}", time(*after_ms)) } else { String::new() };
            let first = first.as_ref().map(|first| format!(", first {first}")).unwrap_or_default();
            format!("retry{times}{after}{first}")
        }
    }
}

/// The conditions of an exit in one line.
#[must_use]
pub fn condition(exit: &Exit) -> String {
    exit.conditions
        .iter()
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(" and ")
}
