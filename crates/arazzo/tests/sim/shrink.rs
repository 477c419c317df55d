//! A case that breaks a promise → a smaller one that breaks the same.

use serde_json::Value as Json;

use crate::documents::Case;
use crate::promises::Broken;
use crate::try_case;

/// Documents that are tried at most.
const TRIES: usize = 600;

/// Takes away every part of the document without which the same promise is broken, large parts first.
pub fn shrink(mut case: Case, mut found: Broken) -> (Case, Broken) {
    let mut tries = 0;
    loop {
        let mut smaller = false;
        let mut paths = vec![];
        find_parts(&case.flow["workflows"], "/workflows", &mut paths);
        // In the order of the text from its end on, so that what is taken away moves nothing that is still to be tried.
        for path in paths.into_iter().rev() {
            tries += 1;
            if tries > TRIES {
                return (case, found);
            }
            let mut without = case.clone();
            remove_part(&mut without.flow, &path);
            if let Err(same) = try_case(&without)
                && same.promise == found.promise
            {
                (case, found, smaller) = (without, same, true);
            }
        }
        if !smaller {
            return (case, found);
        }
    }
}

/// The places of everything in a value, each before what it holds.
fn find_parts(json: &Json, path: &str, paths: &mut Vec<String>) {
    let parts: Vec<(String, &Json)> = match json {
        Json::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        _ => vec![],
    };
    // Which inputs are secrets stands in their schemas: a document without one breaks other promises.
    for (name, part) in parts.into_iter().filter(|(name, _)| name != "inputs") {
        let own = format!("{path}/{name}");
        paths.push(own.clone());
        find_parts(part, &own, paths);
    }
}

fn remove_part(json: &mut Json, path: &str) {
    let Some((holder, name)) = path.rsplit_once('/') else { return };
    match json.pointer_mut(holder) {
        Some(Json::Array(items)) => {
            let index = name.parse().unwrap_or(usize::MAX);
            if index < items.len() {
                items.remove(index);
            }
        }
        Some(Json::Object(members)) => {
            members.shift_remove(name);
        }
        _ => {}
    }
}
