//! JSON against Node's recorded `JSON.parse` and `JSON.stringify`, and against serde_json on generated texts.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

/// A recorded table: the committed one, or that of the same name in the folder of `RECORDED_TABLES`.
macro_rules! table {
    ($name:literal) => {
        match std::env::var("RECORDED_TABLES") {
            Ok(folder) => std::fs::read_to_string(std::path::Path::new(&folder).join($name)).unwrap(),
            Err(_) => include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/", $name)).to_owned(),
        }
    };
}
pub(crate) use table;

/// The rows of a recorded table: one JSON array a line.
pub(crate) fn rows(table: &str) -> impl Iterator<Item = Vec<Value>> + '_ {
    table.lines().map(|line| serde_json::from_str(line).unwrap())
}

/// xorshift64: the same sequence in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n as u64) as usize
    }

    pub(crate) fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    /// The text with one char taken out, put in or changed, or cut off.
    pub(crate) fn mutate(&mut self, text: &str, alphabet: &[&str]) -> String {
        let chars: Vec<char> = text.chars().collect();
        let at = self.below(chars.len() + 1);
        let (head, tail) = chars.split_at(at);
        let head: String = head.iter().collect();
        let rest: String = tail.iter().skip(1).collect();
        match self.below(4) {
            0 => head,
            1 => head + &rest,
            2 => head + self.pick(alphabet) + &tail.iter().collect::<String>(),
            _ => head + self.pick(alphabet) + &rest,
        }
    }
}

#[test]
fn members_of_an_object() {
    let object = r#" { "a" : 1, "\u0062":"x,}" ,"c":{"a":2}, "a":[3] } "#;
    assert_eq!(member(object, "a"), Some("[3]"), "the last one");
    assert_eq!(member(object, "b"), Some(r#""x,}""#));
    assert_eq!(member(object, "c"), Some(r#"{"a":2}"#));
    assert_eq!([member(object, "d"), member("{}", "a"), member("[1]", "a"), member("7", "a")], [None; 4]);
}

#[test]
fn where_a_text_goes_wrong() {
    for (text, at) in [
        ("", 0),
        ("[1", 2),
        ("[1,]", 3),
        ("[1}", 2),
        ("[] x", 3),
        ("{\"a\" 1}", 5),
        ("{1:2}", 1),
        ("nul!", 3),
        ("t", 1),
        ("\"a\nb\"", 2),
        ("\"\\x\"", 2),
        ("\"\\u12g4\"", 5),
        ("01", 1),
        ("-x", 1),
        ("1.x", 2),
        ("1e+", 3),
        ("\u{a0}1", 0),
        ("[[[[]]]]", 3),
    ] {
        assert_eq!(locate(text, 3), Err(at), "{text}");
    }
    // Until there it is the beginning of some JSON, or is some; with the next character it is neither.
    let mut random = Random(7);
    for _ in 0..crate::base::rounds(20_000) {
        let mut text = String::new();
        generate(&mut random, 4, &mut text);
        let text = random.mutate(&text, ALPHABET);
        let Err(at) = locate(&text, 8) else { continue };
        assert!(locate(&text[..at], 8).err().is_none_or(|end| end == at), "{text}: {at}");
        if let Some(next) = text[at..].chars().next() {
            assert_eq!(locate(&text[..at + next.len_utf8()], 8), Err(at), "{text}");
        }
    }
}

const ALPHABET: &[&str] = &[
    "{", "}", "[", "]", "\"", ",", ":", "\\", "\\u", "\\n", "0", "1", "e", "E", "-", "+", ".", "t", "null",
    " ", "\n", "\u{1}", "é", "😀", "\u{2028}", "\u{a0}", "\u{7f}",
];

fn generate(random: &mut Random, depth: usize, out: &mut String) {
    let space = |random: &mut Random| random.pick(&["", "", "", " ", "\n", "\t "]);
    out.push_str(space(random));
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0 => out.push_str(random.pick(&["true", "false", "null"])),
        1 | 2 => out.push_str(random.pick(&["0", "-0", "12", "1.5", "-1e9", "2E-3", "0.25e+1", "1e999"])),
        3..=5 => string(random, out),
        6 | 7 => {
            out.push('[');
            for i in 0..random.below(5) {
                out.push_str(if i > 0 { "," } else { "" });
                generate(random, depth - 1, out);
            }
            out.push(']');
        }
        _ => {
            out.push('{');
            for i in 0..random.below(5) {
                out.push_str(if i > 0 { "," } else { "" });
                out.push_str(space(random));
                string(random, out);
                out.push_str(space(random));
                out.push(':');
                generate(random, depth - 1, out);
            }
            out.push('}');
        }
    }
    out.push_str(space(random));
}

fn string(random: &mut Random, out: &mut String) {
    out.push('"');
    for _ in 0..random.below(30) {
        out.push_str(random.pick(&[
            "a",
            "key",
            " ",
            "0",
            "é",
            "😀",
            "\u{2028}",
            "\\n",
            "\\\"",
            "\\\\",
            "\\/",
            "\\u0041",
            "\\ud83d\\ude00",
            "\\ud800",
            "[",
            "}",
            ",",
        ]));
    }
    out.push('"');
}

#[test]
#[cfg_attr(miri, ignore = "a long table of recorded texts, which is itself JSON to be read")]
fn accepts_what_json_parse_accepts() {
    for row in rows(&table!("json.jsonl")) {
        let text = row[0].as_str().unwrap();
        assert_eq!(validate(text, 512).is_ok(), row[1].as_bool().unwrap(), "{text:?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "a long table of recorded texts, which is itself JSON to be read")]
fn unescapes_and_prints_as_javascript_does() {
    for row in rows(&table!("json.jsonl")) {
        let text = row[0].as_str().unwrap();
        let Some(plain) = row[2].as_str() else { continue };
        let ours = if is_string(text) { unescape(text) } else { number_text(trim(text)) };
        assert_eq!(ours, plain, "{text:?}");
        let mut out = Vec::new();
        write_string(&mut out, plain);
        assert_eq!(String::from_utf8(out).unwrap(), row[3].as_str().unwrap());
    }
}

#[test]
fn agrees_with_serde_json() {
    let mut random = Random(0x5eed_1001);
    for _ in 0..crate::base::rounds(20_000) {
        let mut text = String::new();
        generate(&mut random, 4, &mut text);
        assert_eq!(validate(&text, 512), Ok(()), "{text:?}");
        for _ in 0..random.below(4) {
            text = random.mutate(&text, ALPHABET);
        }
        // IgnoredAny, because a Value refuses lone surrogates and huge numbers, which JSON.parse takes.
        let theirs = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        assert_eq!(validate(&text, 512).is_ok(), theirs, "{text:?}");
    }
}

#[test]
fn cuts_arrays_into_what_serde_json_sees() {
    let mut random = Random(0x5eed_1002);
    for _ in 0..crate::base::rounds(5_000) {
        let mut array = String::from("[");
        for i in 0..random.below(5) {
            array.push_str(if i > 0 { "," } else { "" });
            generate(&mut random, 2, &mut array);
        }
        array.push(']');
        // Not all of them: a Value refuses lone surrogates and huge numbers.
        let Ok(theirs) = serde_json::from_str::<Vec<Value>>(&array) else { continue };
        let ours: Vec<Value> = elements(&array).map(|raw| serde_json::from_str(raw).unwrap()).collect();
        assert_eq!(ours, theirs, "{array:?}");
        let joined: Vec<&str> = elements(&array).collect();
        assert!(joined.iter().all(|raw| trim(raw) == *raw), "{array:?}");
    }
}

/// All that an outline has of a value, against what a reader of the same text finds each time anew.
fn compare(node: Node<'_, '_>, raw: &str) {
    assert_eq!(node.raw(), raw);
    assert_eq!(node.text(), is_string(raw).then(|| unescape(raw)), "{raw:?}");
    assert_eq!(
        (node.items().is_some(), node.members(|_, _| Ok::<_, ()>(())).is_some()),
        (is_array(raw), is_object(raw))
    );
    let mut theirs = elements(raw);
    if let Some(mut ours) = node.items() {
        assert_eq!(ours.rest(), theirs.rest(), "{raw:?}");
        while let Some(item) = ours.next() {
            compare(item, theirs.next().unwrap());
            assert_eq!(ours.rest(), theirs.rest(), "{raw:?}");
        }
        assert_eq!(theirs.next(), None);
    }
    let mut theirs = members(raw);
    let _ = node.members(|key, value| {
        let (name, raw) = theirs.next().unwrap();
        assert_eq!(key, name);
        compare(value, raw);
        Ok::<_, ()>(())
    });
    assert!(theirs.next().is_none());
}

#[test]
fn an_outline_has_what_is_found_without_one() {
    let mut random = Random(0x5eed_1005);
    for round in 0..crate::base::rounds(10_000) {
        let mut text = String::new();
        generate(&mut random, 4, &mut text);
        if round % 2 == 0 {
            text = random.mutate(&text, ALPHABET);
        }
        let depth = random.below(6) as u32;
        match Outline::of(&text, depth) {
            Ok(outline) => {
                compare(outline.value(), trim(&text));
                let deep = (0..depth).find(|&depth| validate(&text, depth).is_ok()).unwrap_or(depth);
                assert!(!outline.value().is_within_deeper(deep), "{text:?}");
                assert!(deep == 0 || outline.value().is_within_deeper(deep - 1), "{text:?}");
            }
            Err(Malformed) => assert_eq!(validate(&text, depth), Err(Malformed), "{text:?}"),
        }
    }
}

#[test]
fn no_byte_stands_for_the_end() {
    for text in ["1\0", "[1]\0", "\0", "[\0]", "{\0}"] {
        assert!(validate(text, 4).is_err() && headed(text, 4).is_err(), "{text:?}");
    }
}

#[test]
fn strings_survive_escaping_and_unescaping() {
    let mut random = Random(0x5eed_1003);
    for _ in 0..crate::base::rounds(5_000) {
        let text: String =
            (0..random.below(40)).filter_map(|_| char::from_u32(random.below(0x300) as u32)).collect();
        let mut out = Vec::new();
        write_string(&mut out, &text);
        let json = String::from_utf8(out).unwrap();
        assert_eq!(json, serde_json::to_string(&text).unwrap());
        assert_eq!(validate(&json, 0), Ok(()));
        assert_eq!(unescape(&json), text);
    }
}

#[test]
fn depth_is_bounded_exactly() {
    for depth in [0, 1, 15, 16, 17, 18, 64, 128, 512] {
        let nested = |n: usize| "[{\"a\":".repeat(n / 2) + "1" + &"}]".repeat(n / 2);
        let text = if depth % 2 == 0 { nested(depth) } else { format!("[{}]", nested(depth - 1)) };
        assert_eq!(validate(&text, depth as u32), Ok(()), "{depth}");
        assert_eq!(validate(&format!("[{text}]"), depth as u32), Err(Malformed), "{depth}");
    }
    assert_eq!(validate(&"[".repeat(1 << 20), 512), Err(Malformed));
}

/// Slices of JSON that was never checked are wrong, but nothing worse.
#[test]
fn nothing_panics_on_anything() {
    let mut random = Random(0x5eed_1004);
    for _ in 0..crate::base::rounds(20_000) {
        let text: String = (0..random.below(24)).map(|_| random.pick(ALPHABET)).collect();
        let _ = validate(&text, 4);
        let _ = (is_object(&text), unescape(&text), number_text(&text));
        assert!(elements(&text).count() <= text.len());
        let _ = elements(&format!("[{text}]")).map(unescape).count();
    }
}

#[test]
fn number_text_lays_digits_out_like_javascript() {
    let cases = [
        ("1e2", "100"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("1e21", "1e+21"),
        ("-1.5e3", "-1500"),
        ("1e400", "Infinity"),
    ];
    for (raw, text) in cases {
        assert_eq!(number_text(raw), text);
    }
}
