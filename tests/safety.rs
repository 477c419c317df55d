//! docs/safety.md names tests and flags that exist.

use arazzo_engine::limits::{Limits, LoopDelay, duration, size};

use crate::suite::{files_below, workspace_root};

#[test]
fn each_test_that_safety_names_exists() {
    let page = std::fs::read_to_string(workspace_root().join("docs/safety.md")).unwrap();
    let mut tests = String::new();
    for folder in ["tests", "crates"] {
        for path in files_below(&workspace_root().join(folder), &["rs"]) {
            tests.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).collect();
    let mut named = 0;
    for row in rows.iter().filter(|row| row.matches('|').count() == 6).skip(1) {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in last.split('`').skip(1).step_by(2) {
            assert!(tests.contains(&format!("fn {name}(")), "no test `{name}`");
            named += 1;
        }
    }
    assert!(named > 25, "{named}");
}

#[test]
fn each_flag_that_safety_names_exists() {
    let page = std::fs::read_to_string(workspace_root().join("docs/safety.md")).unwrap();
    let help = crate::cli::Arazzo::new(["run", "--help"]).run().stdout;
    for flag in page.split('`').skip(1).step_by(2).filter(|word| word.starts_with("--")) {
        let flag = flag.split(' ').next().unwrap();
        assert!(help.contains(flag), "no flag `{flag}`");
    }
}

/// A limit as pages write it: `2,000`, `5 min`, `10 MiB`.
fn written(text: &str) -> Option<u64> {
    let text = text.trim().replace([',', ' '], "");
    text.parse().or_else(|_| size(&text)).or_else(|_| duration(&text)).ok()
}

#[test]
fn pages_name_the_defaults_of_limits() {
    // Codes and reasons have theirs in the engine.
    let folder = |path: &str| if path.contains('/') { "crates/arazzo-engine/pages" } else { "docs" };
    let page = |path: &str| std::fs::read_to_string(workspace_root().join(folder(path)).join(path)).unwrap();
    let limits = Limits::DEFAULT;
    let known = [
        ("--max-steps", u64::from(limits.steps)),
        ("--max-requests", u64::from(limits.most_requests())),
        ("--max-depth", u64::from(limits.depth)),
        ("--timeout", limits.run_ms),
        ("--max-time", limits.request_ms),
        ("--max-wait", limits.wait_ms),
        ("--receive-timeout", limits.receive_ms),
        ("--max-body", limits.body_bytes),
        ("--max-body`: eight times as much", 8 * limits.body_bytes),
        ("--max-value", limits.value_bytes),
        ("--max-kept", limits.kept_bytes),
    ];
    let safety = page("safety.md");
    let table = safety.split_once("| limit | default | flag |\n|---|---|---|\n").unwrap().1;
    let mut rows = 0;
    for row in table.lines().take_while(|line| line.starts_with("| ")) {
        let [_, default, flag] = row.trim_matches(['|', ' ']).split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        let Some(flag) = flag.strip_prefix('`') else { continue };
        let (_, limit) = known.iter().find(|(name, _)| flag.trim_end_matches('`') == *name).unwrap();
        assert_eq!(written(default.split(", or ").next().unwrap()), Some(*limit), "{row}");
        rows += 1;
    }
    assert_eq!(rows, known.len());
    // What other pages say in a sentence: what stands before the word.
    let sentences = [
        ("reasons/step-limit.md", ", if nothing else is said", u64::from(limits.steps)),
        ("reasons/request-limit.md", ", if nothing else is said", u64::from(limits.most_requests())),
        ("reasons/depth-limit.md", " may be in progress", u64::from(limits.depth)),
        ("reasons/body-limit.md", ", if nothing else is said", limits.body_bytes),
        ("reasons/kept-limit.md", " together, if nothing else is said", limits.kept_bytes),
        ("reasons/value-limit.md", ", if nothing else is said", limits.value_bytes),
    ];
    for (path, behind, limit) in sentences {
        let page = page(path);
        let before = page.split(behind).next().unwrap();
        let words: Vec<&str> = before.split_whitespace().collect();
        let last = |count: usize| words[words.len() - count..].join(" ");
        assert!([1, 2].iter().any(|count| written(&last(*count)) == Some(limit)), "{path}: {}", last(2));
    }
    let loops = page("readings.md");
    let (steps, hours) = (limits.steps, limits.run_ms / 3_600_000);
    let steps = format!("{},{:03}", steps / 1_000, steps % 1_000);
    let counted = format!("`--max-steps` ({steps}); `--timeout` is {hours} h; {} workflows", limits.depth);
    assert!(loops.contains(&counted), "readings.md: {counted}");
    let (first, longest) = LoopDelay::AUTO;
    let paced = format!("({first} ms growing to {} s) and stopped after {steps} steps or an hour", longest / 1_000);
    assert!(page("diagnostics/unpaced-loop.md").contains(&paced) && hours == 1, "unpaced-loop.md: {paced}");
}
