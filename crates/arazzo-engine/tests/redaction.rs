//! Secrets in every form in which they travel, in every event; and nothing else is masked.

use arazzo_engine::json;
use arazzo_engine::redact::Redactor;

use crate::corpus::Numbers;

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

/// The names of HTML that are looked for, some of each kind.
const NAMES: [(&str, char); 12] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("plus", '+'),
    ("sol", '/'),
    ("equals", '='),
    ("percnt", '%'),
    ("bsol", '\\'),
    ("eacute", 'é'),
    ("num", '#'),
];

/// A text in JSON, in HTML or in a url: what has to be escaped is, and some or all of the rest.
fn escaped(text: &str, layer: usize, numbers: &mut Numbers) -> String {
    let rest = numbers.below(3);
    let mut written = String::new();
    for char in text.chars() {
        let needed = match layer {
            0 => char < ' ' || "\"\\".contains(char),
            1 => "&<>\"'".contains(char),
            _ => !char.is_ascii_alphanumeric() && !"-._~".contains(char),
        };
        if !needed && (rest == 0 || rest == 1 && numbers.below(4) > 0) {
            written.push(char);
            continue;
        }
        let kind = numbers.below(4);
        let upper = |text: String| if kind.is_multiple_of(2) { text } else { text.to_uppercase() };
        match layer {
            0 if kind == 0 && "\"\\/".contains(char) => written.extend(['\\', char]),
            0 => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    written.push_str(&format!("\\u{}", upper(format!("{unit:04x}"))));
                }
            }
            1 => match (kind, NAMES.iter().find(|(_, named)| *named == char)) {
                (0, Some((name, _))) => written.push_str(&format!("&{name};")),
                (1, _) => written.push_str(&format!("&#{:05};", u32::from(char))),
                _ => written.push_str(&format!("&#{};", upper(format!("x00{:x}", u32::from(char))))),
            },
            _ if char == ' ' && kind == 0 => written.push('+'),
            _ => char.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| {
                written.push_str(&format!("%{}", upper(format!("{byte:02x}"))));
            }),
        }
    }
    written
}

/// What a reader of JSON, HTML or urls makes of a text; what is no escape stays.
fn unescaped(text: &str, layer: usize) -> String {
    if layer == 2 {
        let text = text.replace('+', " ");
        return percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
    }
    let (mut read, mut rest) = (vec![], text);
    while let Some(char) = rest.chars().next() {
        let one = |unit: u32| char::from_u32(unit).map(|char| char.to_string().encode_utf16().collect::<Vec<u16>>());
        let hex = |text: &str| u32::from_str_radix(text, 16).ok();
        let entity = rest.strip_prefix('&').and_then(|rest| rest.split_once(';'));
        let found = match (layer, char) {
            (0, '\\') => match rest.get(1..2) {
                Some("u") => rest.get(2..6).and_then(hex).map(|unit| (vec![unit as u16], 6)),
                Some(sign @ ("\"" | "\\" | "/")) => Some((sign.encode_utf16().collect(), 2)),
                _ => None,
            },
            (1, '&') => entity.and_then(|(name, _)| {
                let number = name
                    .strip_prefix('#')
                    .and_then(|digits| digits.strip_prefix(['x', 'X']).map_or_else(|| digits.parse().ok(), hex));
                let named = NAMES.iter().find(|(known, _)| *known == name).map(|(_, char)| u32::from(*char));
                Some((one(number.or(named)?)?, name.len() + 2))
            }),
            _ => None,
        };
        let (units, length) = found.unwrap_or_else(|| (char.to_string().encode_utf16().collect(), char.len_utf8()));
        read.extend(units);
        rest = &rest[length..];
    }
    String::from_utf16_lossy(&read)
}

fn generated(numbers: &mut Numbers) -> String {
    let alphabets = ["abcXYZ019", "ab\\%&+/=\"';#xu0125<>  ", "aé😀ñ密ключ&;", "abcdefABCDEF0123456789+/=-_"];
    let alphabet: Vec<char> = alphabets[numbers.below(4)].chars().collect();
    let length = if numbers.below(12) == 0 { 200 + numbers.below(300) } else { 8 + numbers.below(40) };
    (0..length).map(|_| alphabet[numbers.below(alphabet.len())]).collect()
}

/// Whatever the secret, and however three layers of escapes are mixed: what is shown does not hold it when it is read as
/// it was written.
#[test]
fn a_secret_is_found_behind_any_three_layers_of_escapes() {
    let rounds = std::env::var("ARAZZO_FUZZED").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    for seed in 0..rounds {
        let mut numbers = Numbers(seed);
        let secret = generated(&mut numbers);
        let layers: Vec<usize> = (0..3).map(|_| numbers.below(3)).collect();
        let mut redactor = Redactor::default();
        redactor.learn("k", &json!(secret));
        let around = ["", "a ", "{\"k\": \"", "&#x", "x=", "\"}", "%41", "\\"];
        let (before, behind) = (around[numbers.below(8)], around[numbers.below(8)]);
        let mut text = format!("{before}{secret}{behind}");
        layers.iter().for_each(|layer| text = escaped(&text, *layer, &mut numbers));
        let mut shown = redactor.mask(&text);
        assert!(shown.contains("‹k›"), "{seed}: {secret:?} in {text}");
        layers.iter().rev().for_each(|layer| shown = unescaped(&shown, *layer));
        assert!(!shown.contains(&secret), "{seed}: {secret:?} in {shown}");
        // Nothing but what stood around it is left: no half of it either.
        assert!(shown.chars().count() <= before.len() + behind.len() + 8, "{seed}: {secret:?}: {shown:?}");
    }
}

#[test]
fn base64_and_hexadecimal_digits_are_seen_through_inside_of_escapes_and_around_them() {
    for seed in 0..400 {
        let mut numbers = Numbers(seed);
        let secret = generated(&mut numbers);
        let mut redactor = Redactor::default();
        redactor.learn("k", &json!(secret));
        let hex = |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<String>();
        let before = ["", "u", "us", "me:"][numbers.below(4)];
        let kind = numbers.below(4);
        let encoded = |text: &str| match kind {
            0 => base64(format!("{before}{text}").as_bytes()),
            1 => base64(format!("{before}{text}").as_bytes()).replace('+', "-").replace('/', "_"),
            2 => hex(text),
            _ => hex(text).to_uppercase(),
        };
        let layers: Vec<usize> = (0..3).map(|_| numbers.below(3)).collect();
        let mut inside = encoded(&secret);
        layers.iter().for_each(|layer| inside = escaped(&inside, *layer, &mut numbers));
        let mut shown = redactor.mask(&inside);
        assert!(shown.contains("‹k›"), "{seed}: {secret:?} in {inside}");
        layers.iter().rev().for_each(|layer| shown = unescaped(&shown, *layer));
        assert!(shown.chars().count() <= 12, "{seed}: {secret:?}: {shown} of {}", redactor.mask(&inside));
        let mut around = secret.clone();
        layers.iter().for_each(|layer| around = escaped(&around, *layer, &mut numbers));
        // What stands before it may look like a part of it: the end of a path.
        let path = &"f0/"[..numbers.below(4)];
        let shown = redactor.mask(&format!("\"{path}{}\"", encoded(&around)));
        assert!(shown.contains("‹k›") && shown.chars().count() <= 17, "{seed}: {secret:?}: {shown}");
    }
}

/// As browsers read them: a number up to the first sign that is no digit, and the names that HTML had first.
#[test]
fn references_of_html_without_a_semicolon_are_seen_through() {
    let mut redactor = Redactor::default();
    redactor.learn("k", &json!("p+q&r<é77x"));
    for text in [
        "p&#43q&ampr&lt&eacute77x",
        "p&#x2Bq&AMPr&#60&#xE9;77x",
        "p&#0000043q&#38r&lté77x",
        "&#112&#43&#113&#38&#114&lt&#233&#55&#55&#120",
    ] {
        assert_eq!(redactor.mask(text), "‹k›", "{text}");
    }
    // Newer names need it, and a number goes on.
    for text in ["p&plusq&r<é77x", "p+q&r<&#23377x"] {
        assert_eq!(redactor.mask(text), text);
    }
}

#[test]
fn texts_in_latin1_are_seen_through() {
    let mut redactor = Redactor::default();
    redactor.learn("k", &json!("gehéim-ñandú-77"));
    for text in [
        "geh%E9im-%F1and%fa-77",
        "geh\\xe9im-\\xf1and\\xfa-77",
        // UTF-8 that was read as Latin-1.
        "gehÃ©im-Ã±andÃº-77",
        "geh\\u00c3\\u00a9im-\\u00c3\\u00b1and\\u00c3\\u00ba-77",
        "geh&Atilde;&copy;im-&Atilde;&plusmn;and&Atilde;&ordm;-77",
    ] {
        assert_eq!(redactor.mask(text), "‹k›", "{text}");
    }
    assert!(redactor.kept(b"\xff geh\xe9im-\xf1and\xfa-77", 20, 100).is_none());
    assert!(redactor.kept(b"\xff geh\xe9im-\xf1and\xfa-78", 20, 100).is_some());
}

#[test]
fn a_large_secret_is_found_whole_and_in_pieces_of_some_size() {
    let mut numbers = Numbers(7);
    let signs: Vec<char> = "abcdefghijklmnopqrstuvwxyz0123456789+/\n\"é".chars().collect();
    for length in [65, 200, 4_000, 100_000] {
        let secret: String = (0..length).map(|_| signs[numbers.below(signs.len())]).collect();
        let mut redactor = Redactor::default();
        redactor.learn("k", &json!(secret));
        assert_eq!(redactor.mask(&format!("a {secret} b")), "a ‹k› b", "{length}");
        let json = serde_json::to_string(&secret).unwrap();
        assert_eq!(redactor.mask(&json), "\"‹k›\"", "{length}");
        // Its end, as a log may have it.
        let at = (secret.len() / 2..).find(|at| secret.is_char_boundary(*at)).unwrap();
        let shown = redactor.mask(&format!("…{}", &secret[at..]));
        assert!(length < 200 || shown.len() < 200.max(secret.len() / 32), "{length}: {shown}");
    }
    // What stands in every text does not stand for a secret that has it too.
    let mut redactor = Redactor::default();
    redactor.learn("k", &json!(format!("{}-----{}", "q7Zt4vogel".repeat(8), "-".repeat(300))));
    assert_eq!(redactor.mask(&"-".repeat(300)), "-".repeat(300));
    redactor.learn("l", &json!("a".repeat(500)));
    assert_eq!(redactor.mask(&"a".repeat(100)), "a".repeat(100));
    assert_eq!(redactor.mask(&"a".repeat(500)), "‹l›");
}

#[test]
fn a_large_secret_of_few_letters_is_learned_and_found_in_time_that_grows_with_it() {
    let mut redactor = Redactor::default();
    redactor.learn("k", &json!(format!("000001{}", "x".repeat(2_000_000))));
    redactor.learn("l", &json!("y".repeat(2_000_000)));
    let other = format!("000002{}", "x".repeat(2_000_000));
    assert_eq!(redactor.mask(&other), other);
    assert_eq!(redactor.mask(&format!("000001{}", "x".repeat(1_999_999))), "‹k›");
    assert_eq!(redactor.mask(&"y".repeat(1_999_999)), "‹l›");
    let nearly = format!("{}z", "y".repeat(255)).repeat(400);
    assert_eq!(redactor.mask(&nearly), nearly);
}

#[test]
fn a_body_that_ends_within_a_secret_shows_no_part_of_it() {
    let mut redactor = Redactor::default();
    redactor.learn("k", &json!("0123456789abcdef+ghi"));
    for (body, shown) in [
        ("{\"token\": \"0123456789ab", "{\"token\": \"‹k›"),
        ("{\"token\": \"0123456789abcdef\\u002", "{\"token\": \"‹k›"),
        ("{\"token\": \"0123456", "{\"token\": \"0123456"),
        ("a=0123456789abcdef%2Bghi&scope=write", "a=‹k›&scope=write"),
        ("a=0123456789abcdef&b=c", "a=0123456789abcdef&b=c"),
    ] {
        assert_eq!(redactor.body(body.as_bytes(), "application/json", 1000).unwrap().text.as_str(), shown);
    }
    // More followed: less is enough.
    let body = redactor.beginning(b"x 01234", 5000, "text/plain", 1000).unwrap();
    assert_eq!(body.text.as_str(), "x ‹k›");
}

/// Real documents hold nothing of secrets that are not theirs, and little of short ones.
#[test]
fn what_holds_no_secret_is_not_masked() {
    let mut texts: Vec<String> = vec![];
    for folder in ["specs", "docs", "examples", "crates/arazzo-engine/tests/suite"] {
        let kinds = ["yaml", "yml", "json", "md", "txt"];
        for path in crate::suite::files_below(&crate::suite::workspace_root().join(folder), &kinds) {
            texts.extend(std::fs::read_to_string(path));
        }
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    assert!(bytes > 500_000, "{bytes}");
    let mut redactor = Redactor::default();
    let mut numbers = Numbers(3);
    for number in 0..40 {
        let letters: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
        let length = [6, 8, 12, 16, 24, 32, 40, 64][number % 8];
        let secret: String = (0..length).map(|_| letters[numbers.below(letters.len())]).collect();
        redactor.learn(&format!("k{number}"), &json!(secret));
    }
    for text in &texts {
        assert!(redactor.mask(text) == *text, "{text}");
    }
    // Words that people take for passwords: what they hide is their own letters, no more than stands there.
    for (secret, share) in
        [("hunter2", 0.001), ("s3cr3t", 0.001), ("letmein", 0.001), ("12345678", 0.001), ("dragon", 0.001)]
    {
        let mut redactor = Redactor::default();
        redactor.learn("k", &json!(secret));
        let hidden: usize = texts.iter().map(|text| redactor.mask(text).matches("‹k›").count() * secret.len()).sum();
        assert!(hidden as f64 <= share * bytes as f64, "{secret}: {hidden} of {bytes}");
    }
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
