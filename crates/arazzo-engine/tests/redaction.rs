//! Secrets in every form in which they travel, in every event; and nothing else is masked.

use arazzo_engine::json;
use arazzo_engine::redact::Redactor;

const SECRET: &str = "p\"ä/s+w&o=r<d 7Q";

fn forms() -> Vec<(&'static str, String)> {
    let percent: String = SECRET
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    let lower: String = SECRET
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02x}") })
        .collect();
    let quoted = serde_json::to_string(SECRET).unwrap();
    let hex: String = SECRET.bytes().map(|b| format!("{b:02x}")).collect();
    vec![
        ("raw", SECRET.to_owned()),
        ("percent", percent.clone()),
        ("percent in small letters", lower),
        ("form", percent.replace("%20", "+")),
        ("json", quoted[1..quoted.len() - 1].to_owned()),
        ("html", SECRET.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")),
        ("hex", hex.clone()),
        ("HEX", hex.to_uppercase()),
    ]
}

#[test]
fn every_form_of_a_secret_is_masked() {
    let mut redactor = Redactor::default();
    redactor.learn("key", &json!(SECRET));
    for (name, form) in forms() {
        let masked = redactor.mask(&format!("before {form} after {form}"));
        assert_eq!(masked, "before ‹key› after ‹key›", "{name}");
    }
    // base64 wherever it begins: what the value alone decides is gone.
    for before in ["", "u:", "user:", "a"] {
        let text = base64(format!("{before}{SECRET}zz").as_bytes());
        let masked = redactor.mask(&format!("Basic {text}"));
        let left = masked.replace("Basic ", "").replace("‹key›", "");
        assert!(masked.contains("‹key›") && left.len() <= 10, "{masked}");
    }
    assert_eq!(redactor.mask("nothing of it: p\"ä/s"), "nothing of it: p\"ä/s");
}

/// The secret of a client is form-encoded, and then base64 (RFC 6749 2.3.1).
#[test]
fn a_value_that_is_a_form_of_another_is_masked_in_its_own_forms() {
    let mut redactor = Redactor::default();
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    redactor.learn("key", &json!(SECRET));
    redactor.learn("key", &json!(encoded));
    for before in ["", "id:", "client:", "me%2F1:"] {
        let text = base64(format!("{before}{encoded}").as_bytes());
        assert!(redactor.mask(&text).contains("‹key›"), "{before}");
    }
}

#[test]
fn a_cut_never_goes_through_a_secret() {
    let mut redactor = Redactor::default();
    redactor.learn("key", &json!("0123456789abcdef"));
    let text = format!("{}0123456789abcdef{}", "x".repeat(20), "y".repeat(40));
    for limit in 0..80 {
        let (cut, _) = redactor.mask_up_to(&text, limit);
        assert!(!cut.contains('0'), "{limit}: {cut}");
        let body = redactor.body(text.as_bytes(), "text/plain", limit).unwrap();
        assert!(!body.text.contains('0'), "{limit}: {}", body.text);
    }
}

#[test]
fn secrets_inside_of_values_are_learned_leaf_by_leaf() {
    let mut redactor = Redactor::default();
    redactor
        .learn("account", &json!({"user": "ada-lovelace", "keys": ["key-one-1", 1234567], "flag": true, "pin": 42}));
    assert_eq!(redactor.mask("ada-lovelace key-one-1 1234567 true 42"), "‹account› ‹account› ‹account› true 42");
    assert_eq!(redactor.short(), ["account"]);
    assert_eq!(
        redactor.mask_json(&json!({"key-one-1": [1234567, 12345678]})),
        json!({"‹account›": ["‹account›", "‹account›8"]})
    );
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let n = chunk.iter().fold(0usize, |n, b| n << 8 | usize::from(*b)) << (8 * (3 - chunk.len()));
            (0..=chunk.len()).map(move |i| char::from(LETTERS[n >> (18 - 6 * i) & 63]))
        })
        .collect()
}
