//! What the machine asks of a redactor beside masks: whose a secret is, and what can be forgotten.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::search::next_run;
use super::{End, Inside, LearnedSecrets, REMEMBERED, Redactor};
use crate::value::Json;

fn text(text: &str) -> Json {
    Json::String(text.to_owned())
}

fn names<'r>(redactor: &'r Redactor, text: &str) -> Vec<&'r str> {
    redactor.names_in(text.as_bytes()).into_iter().collect()
}

#[test]
fn a_secret_is_named_by_what_it_was_made_of() {
    let mut redactor = Redactor::default();
    redactor.learn("token", &text("tok-Secret-1"));
    redactor.learn_built("header", &text("Bearer tok-Secret-1"));
    redactor.learn_built("own", &text("built-of-nothing-9"));
    redactor.learn_masked("cookie", &text("cookie-value-77"));
    redactor.learn_derived("upper", "TOK-SECRET-1", &BTreeSet::from([0]));
    // It has once had a part of a secret, and may have again.
    redactor.learn_built("header", &text("something-else-5"));
    redactor.learn("pin", &text("123"));
    redactor.learn("pin", &text("456"));
    redactor.learn("four", &text("9876"));
    let looks = |redactor: &Redactor| {
        for (shown, found, masked) in [
            ("a tok-Secret-1 b", vec!["token"], "a ‹token› b"),
            ("Bearer tok-Secret-1", vec!["token"], "‹header›"),
            ("built-of-nothing-9", vec!["own"], "‹own›"),
            ("cookie-value-77", vec![], "‹cookie›"),
            ("TOK-SECRET-1", vec!["token"], "‹upper›"),
            ("something-else-5", vec!["token"], "‹header›"),
            ("123 456", vec![], "123 456"),
            ("9876", vec!["four"], "‹four›"),
            ("nothing of it", vec![], "nothing of it"),
        ] {
            assert_eq!(names(redactor, shown), found, "{shown}");
            assert_eq!(redactor.mask(shown), masked);
            assert_eq!(redactor.is_in(shown.as_bytes()), shown != masked, "{shown}");
            let mut same = shown.to_owned();
            redactor.mask_in_place(&mut same);
            assert_eq!(same, masked);
        }
        assert_eq!(redactor.names(), ["token", "header", "own", "cookie", "upper", "pin", "four"]);
        assert_eq!(redactor.short(), ["pin"]);
    };
    looks(&redactor);
    // And as it was stored.
    let stored = serde_json::to_string(&redactor.learned()).unwrap();
    let read: LearnedSecrets = serde_json::from_str(&stored).unwrap();
    assert_eq!(read.derived, [(4, BTreeSet::from([0]))]);
    looks(&Redactor::of(read));
}

#[test]
fn secrets_that_stand_side_by_side_have_a_mask_each() {
    let mut redactor = Redactor::default();
    redactor.learn("a", &text("first-one"));
    redactor.learn("b", &text("second-one"));
    redactor.learn("c", &text("one-second"));
    for (shown, masked) in [
        ("first-onesecond-one", "‹a›‹b›"),
        ("first-one second-one", "‹a› ‹b›"),
        ("first-onefirst-one", "‹a›"),
        // The second begins inside of the first.
        ("first-one-second-one", "‹a›"),
    ] {
        assert_eq!(redactor.mask(shown), masked, "{shown}");
    }
    // In base64 behind one as it is.
    assert_eq!(redactor.mask("first-one YSBtYW4gb2Ygc2Vjb25kLW9uZQ"), "‹a› YSBtYW4gb2Yg‹b›");
    // Of two that begin at one place, the longer.
    for names in [["short", "long"], ["long", "short"]] {
        let mut redactor = Redactor::default();
        names
            .iter()
            .for_each(|name| redactor.learn(name, &text(if *name == "long" { "key-one-1" } else { "key-one" })));
        assert_eq!(redactor.mask("a key-one-1 key-one b"), "a ‹long› ‹short› b");
    }
    // Of two that may be read there, the one that stands there.
    for names in [["escaped", "plain"], ["plain", "escaped"]] {
        let mut redactor = Redactor::default();
        names.iter().for_each(|name| redactor.learn(name, &text(if *name == "plain" { "x&y99" } else { "x&amp;y99" })));
        assert_eq!(redactor.mask("x&amp;y99, x&y99"), "‹escaped›, ‹plain›");
    }
    assert_eq!(&*redactor.shown("a first-one", 5), "a ‹a›");
    assert_eq!(redactor.shown("a first-one bcd", 6).as_str(), "a ‹a› …");
}

/// What is hidden in base64 and in digits together with what is around it is masked from its first letter to its last.
#[test]
fn what_is_encoded_is_masked_where_it_stands() {
    let mut redactor = Redactor::default();
    redactor.learn("k", &text("p+q&r77xyz"));
    redactor.learn("little", &text("abcd12"));
    // Escaped, so that it has no form that is looked for as it is.
    let inner = "p\\u002bq&amp;r77xyz";
    for before in 0..7 {
        let whole = format!("{}{inner} and more", "a".repeat(before));
        let end = before + inner.len();
        let hex: String = whole.bytes().map(|byte| format!("{byte:02x}")).collect();
        let base64 = STANDARD_NO_PAD.encode(&whole);
        let hits = redactor.search.hits(format!("id: {base64}").as_bytes(), usize::MAX, End::Whole);
        let inside = Inside::Base64 { group: 4 + before / 3 * 4, offset: before % 3 };
        assert_eq!(hits.iter().map(|hit| hit.inside).collect::<Vec<_>>(), [inside], "{before}");
        let ways = [(hex, 2 * before, 2 * end, 4), (base64, before * 8 / 6, (end * 8).div_ceil(6), 6)];
        for (encoded, from, to, bits) in ways {
            let masked = format!("id: {}‹k›{} z", &encoded[..from], &encoded[to..]);
            assert_eq!(redactor.mask(&format!("id: {encoded} z")), masked, "{before}");
            // As far as a body has come, if that is eight bytes of the ten.
            for came in to - 12..to {
                let body = redactor.body(format!("id: {}", &encoded[..came]).as_bytes(), "text/plain", 999).unwrap();
                assert_eq!(body.text.contains("‹k›"), came * bits / 8 + 2 >= end, "{before} {came}: {}", body.text);
            }
        }
    }
    for bytes in ["xx abcd12 yy zz", "abcd12abcd12"] {
        let hex: String = bytes.bytes().map(|byte| format!("{byte:02x}")).collect();
        for encoded in [STANDARD_NO_PAD.encode(bytes), hex] {
            assert_eq!(redactor.mask(&encoded), encoded, "{bytes}");
        }
    }
}

#[test]
fn a_run_is_found_where_it_begins_and_ends_whatever_is_skipped() {
    let is = |byte: u8| byte == b'a';
    for number in 0..1_u32 << 8 {
        let text: Vec<u8> = (0..8).map(|bit| if number >> bit & 1 == 1 { b'a' } else { b'-' }).collect();
        for (at, until, least) in
            (0..9).flat_map(|at| (0..9).flat_map(move |until| (1..5).map(move |l| (at, until, l))))
        {
            let begins = |start: &usize| is(text[*start]) && (*start == at || !is(text[start - 1]));
            let end = |start: usize| (start..8).find(|place| !is(text[*place])).unwrap_or(8);
            let mut runs = (at..until.min(8)).filter(begins).map(|start| start..end(start));
            let expected = runs.find(|run| run.len() >= least);
            let shown = String::from_utf8_lossy(&text);
            assert_eq!(next_run(&text, at, until, least, is), expected, "{shown} {at} {until} {least}");
        }
    }
}

#[test]
fn what_is_cut_off_is_said() {
    let mut redactor = Redactor::default();
    redactor.learn("k", &text("key-one-1"));
    for (shown, limit, masked, cut) in [
        ("abcd", 3, "abc", true),
        ("abcd", 4, "abcd", false),
        ("abcd", 5, "abcd", false),
        // Not in the middle of a character.
        ("abé", 3, "ab", true),
        ("key-one-1", 1, "‹k›", false),
        ("a key-one-1", 2, "a ", true),
        ("a key-one-1", 3, "a ‹k›", false),
        ("a key-one-1", 11, "a ‹k›", false),
        ("a key-one-1 b", 3, "a ‹k›", true),
        ("a key-one-1 b", 12, "a ‹k› ", true),
        ("a key-one-1 b", 13, "a ‹k› b", false),
    ] {
        assert_eq!(redactor.mask_up_to(shown, limit), (masked.to_owned(), cut), "{shown} {limit}");
    }
    // In base64 it begins behind the place where its run does.
    let shown = "x=YSBtYW4gb2Yga2V5LW9uZS0xIQ";
    let from = redactor.mask(shown).find('‹').unwrap();
    for limit in 0..shown.len() {
        let (masked, _) = redactor.mask_part(shown, limit, End::Whole);
        assert_eq!(masked.contains('‹'), limit > from, "{limit}: {masked}");
    }
    // As much is read behind the limit as the beginning of a secret may take, however it is escaped.
    let escaped: String = "key-one-1".chars().map(|char| format!("\\u{:04x}", u32::from(char))).collect();
    let shown = format!("{}{escaped} and more", "x".repeat(20));
    for limit in 21..80 {
        let body = redactor.body(shown.as_bytes(), "text/plain", limit).unwrap();
        assert!(!body.text.contains("\\u00") && body.text.contains("‹k›"), "{limit}: {}", body.text);
    }
}

#[test]
fn bodies_are_shown_as_text_where_they_are_text_and_say_how_much_they_are() {
    let mut redactor = Redactor::default();
    redactor.learn("k", &text("key-one-1"));
    let body = |bytes: &[u8], kind: &str, limit: usize| {
        let body = redactor.body(bytes, kind, limit).unwrap();
        (body.text.as_str().to_owned(), body.bytes, body.cut)
    };
    assert_eq!(body(b"abcd", "text/plain", 4), ("abcd".to_owned(), 4, false));
    assert_eq!(body(b"abcd", "text/plain", 3), ("abc".to_owned(), 4, true));
    assert_eq!(body(b"a key-one-1", "text/plain", 11), ("a ‹k›".to_owned(), 11, false));
    assert!(redactor.body(b"", "text/plain", 10).is_none());
    // A character that is cut in half is no fault; bytes in the middle are no text.
    assert_eq!(body(&"abcé".as_bytes()[..4], "text/plain", 9), ("abc".to_owned(), 4, false));
    assert_eq!(body(b"ab\xffcdefgh", "text/plain", 99), (String::new(), 9, true));
    // Of a multipart body, the parts that are text.
    let parts = b"--7\r\nA: key-one-1\r\n\r\ntext\r\n--7\r\nB: c\r\n\r\n\xff\xfe\xfd\xfc\r\n--7--\r\n";
    let shown = "--7\r\nA: ‹k›\r\n\r\ntext\r\n--7\r\nB: c\r\n\r\n(4 bytes that are not text)\r\n--7--\r\n";
    let size = parts.len() as u64;
    assert_eq!(body(parts, "multipart/mixed; boundary=7", 999), (shown.to_owned(), size, true));
    for kind in ["application/json; boundary=7", "multipart/mixed; boundary=\"\"", "multipart/mixed"] {
        assert_eq!(body(parts, kind, 999), (String::new(), size, true), "{kind}");
    }
}

#[test]
fn reports_keep_text_as_text_and_bytes_in_base64_unless_they_hold_a_secret() {
    let mut redactor = Redactor::default();
    redactor.learn("k", &text("key-one-1"));
    let kept = |bytes: &[u8], size: usize, limit: usize| {
        redactor.kept(bytes, size, limit).map(|kept| (kept.text.as_str().to_owned(), kept.base64, kept.cut, kept.limit))
    };
    let text = |text: &str, cut: bool, limit: usize| Some((text.to_owned(), false, cut, limit));
    assert_eq!(kept(b"abcd", 4, 4), text("abcd", false, 4));
    assert_eq!(kept(b"abcd", 4, 3), text("abc", true, 3));
    assert_eq!(kept(b"a key-one-1 b", 13, 20), text("a ‹k› b", false, 20));
    // One that is cut may end in half of a character.
    let half = &"abcdefé".as_bytes()[..7];
    assert_eq!(kept(half, 20, 10), text("abcdef", true, 10));
    assert_eq!(kept(half, 7, 10), Some(("YWJjZGVmww==".to_owned(), true, false, 10)));
    assert_eq!(kept(b"\xffabcdefgh", 20, 4), Some(("/2FiYw==".to_owned(), true, true, 4)));
    assert_eq!(kept(b"\xff key-one-1", 11, 20), None);
    assert_eq!(kept(b"abc\xffdef", 20, 4), Some(("YWJj/w==".to_owned(), true, true, 4)));
    assert_eq!((kept(b"", 4, 4), kept(b"abcd", 4, 0)), (None, None));
}

/// A server may give a new token with every answer.
#[test]
fn values_that_are_not_had_any_more_are_forgotten_but_for_the_last() {
    let value = |number: usize| format!("value-{number:04}-of-many");
    let mut redactor = Redactor::default();
    redactor.learn("given", &text("given-secret-1"));
    redactor.learn("part", &text("Part-of-secret-2"));
    redactor.learn_derived("made", "part-OF-SECRET-2", &BTreeSet::from([1]));
    redactor.begin();
    for number in 0..2 * REMEMBERED {
        let learn = match number {
            7 => Redactor::learn_built,
            number if number % 2 == 1 => Redactor::learn_masked,
            _ => Redactor::learn,
        };
        learn(&mut redactor, &format!("n{number}"), &text(&value(number)));
        if number + 1 < 2 * REMEMBERED {
            redactor.forget(|| panic!("there are few"));
        }
    }
    redactor.forget(|| vec![format!("x {} y", value(7)), format!("\"{}\"", value(0)), value(300)]);
    let last = 3 + REMEMBERED;
    for number in 0..2 * REMEMBERED {
        // The last are counted with those that were given.
        let is_known = matches!(number, 0 | 7) || number + 3 >= last;
        let name = format!("n{number}");
        let is_own = number == 7 || number % 2 == 0;
        assert_eq!(names(&redactor, &value(number)), if is_known && is_own { vec![name.as_str()] } else { vec![] });
        assert_eq!(redactor.mask(&value(number)) != value(number), is_known, "{number}");
        // The names of what is nobody's are a server's.
        assert_eq!(redactor.names().contains(&name), is_known || is_own, "{number}");
    }
    for (shown, name) in [("given-secret-1", "given"), ("Part-of-secret-2", "part"), ("part-OF-SECRET-2", "part")] {
        assert_eq!(names(&redactor, shown), [name]);
    }
    // Not again with every answer.
    let (count, next) = (redactor.values().count(), 2 * REMEMBERED);
    for number in next..next + count - 1 {
        redactor.learn("more", &text(&value(number)));
        redactor.forget(|| panic!("there are few more"));
    }
    redactor.learn("more", &text(&value(9_999)));
    redactor.forget(Vec::new);
    assert_eq!(redactor.values().count(), 3 + REMEMBERED);
    assert_eq!(redactor.mask(&value(7)), value(7));
    assert_eq!(redactor.mask("given-secret-1"), "‹given›");
}

#[test]
fn words_that_stand_in_every_text_are_said() {
    let mut redactor = Redactor::default();
    redactor.learn("login", &text("Admin"));
    redactor.learn("key", &text("x9-Fq77-adm"));
    assert_eq!(redactor.common(), ["login"]);
}

#[test]
fn other_letters_stand_for_a_secret_and_what_is_escaped_stays_so() {
    let mut redactor = Redactor::default();
    redactor.learn("k", &text("abc&XYZ019-é"));
    for (shown, is_xml, other) in [
        ("x abc&XYZ019-é y", false, "x nop&KLM564-é y"),
        ("abc&amp;XYZ019-é", true, "nop&amp;KLM564-é"),
        ("abc&#38;XYZ019-é", true, "nop&#38;KLM564-é"),
        ("abc&XYZ019-éabc&XYZ019-é", false, "nop&KLM564-énop&KLM564-é"),
        ("nothing of it", false, "nothing of it"),
    ] {
        assert_eq!(redactor.rotated(shown, is_xml), other);
    }
}
