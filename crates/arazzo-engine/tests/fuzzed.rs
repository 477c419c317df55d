//! The entry points of `fuzz/` on stable: seeded inputs, and changes of them.

#[path = "../../../fuzz/entries.rs"]
mod entries;

use crate::corpus::{Numbers, broken};

/// A name, the entry point, and inputs to begin with.
type Entry = (&'static str, fn(&[u8]), &'static [&'static str]);

const ENTRIES: [Entry; 10] = [
    (
        "load",
        entries::load,
        &[include_str!("../../../specs/daytona-provision.yml"), "{\"arazzo\": \"1.0.1\"}", "a: &a [*a]"],
    ),
    (
        "expression",
        entries::expression,
        &["Bearer {$inputs.a}", "$response.body#/a/1/b", "$steps.x.outputs.y[0].z", "{$"],
    ),
    (
        "condition",
        entries::condition,
        &["$statusCode == 200 && ($response.body#/a/0 < 2 || !'x')", "$response.body.a[1].b == \"c\""],
    ),
    (
        "jsonpath",
        entries::jsonpath,
        &["$..a[?@.b == 'c' && count($.*) > 1][0:2:1]", "$.a[(@.length-1)]", "$.f == \"{$inputs.a}\""],
    ),
    ("selector", entries::selector, &["//b[@c = 'd']/text()", "^(a|b)*\\d{2,3}$", "count(//*) > 1"]),
    ("address", entries::address, &["a/b", "..", "%2e%2e", "é \r\n", "{id}"]),
    (
        "retry_after",
        entries::retry_after,
        &["1", "-1", "1e30", "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999999999999"],
    ),
    (
        "gate",
        entries::gate,
        &[
            "https://u:p@h:8443/v1/\n/a/{b}.json/{c}\nx/../y\nhttps://h/v1/a\nhttps://h:8443/v1/a/b.json/c",
            "http://127.0.0.1/a%2Fb\n//{+x}/é/{y}:{z}?q={r}#s\n%2e%2e\nhttp://127.0.0.1/a%2Fb//1/2/%C3%A9/3:4",
            "https://h\n@evil/{x}\n;:@\nhttps://h@evil/x\nhttps://evil/@h",
        ],
    ),
    ("redactor", entries::redactor, &["p\"ä/s+w&o=r<d\0text", "0123456789abcdef\0x", "aaaa\0aaa"]),
    (
        "escapes",
        entries::escapes,
        &["p\"ä/s+w&o=r<d %\\\0abc\0text", "0123456789abcdef\0fed\0\\u00", "%25%25%25\0ddd\0%"],
    ),
];

#[test]
fn entry_points_hold_for_seeded_inputs() {
    let rounds = std::env::var("ARAZZO_FUZZED").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    for (name, entry, seeds) in ENTRIES {
        assert!(crate::suite::workspace_root().join(format!("fuzz/fuzz_targets/{name}.rs")).exists());
        for seed in seeds {
            entry(seed.as_bytes());
            for number in 0..rounds {
                entry(broken(seed, &mut Numbers(number)).as_bytes());
            }
        }
    }
}
