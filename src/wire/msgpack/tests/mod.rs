//! msgpack from and to JSON: what each value becomes, what is refused, and that nothing grows out of bounds.

use super::*;
use crate::wire::json::tests::Random;
use std::borrow::Cow;

mod packet;

const MAX: usize = 1 << 24;

fn json(bytes: &[u8]) -> Result<(String, Vec<Vec<u8>>), Malformed> {
    let (mut out, mut attachments) = (Vec::new(), Vec::new());
    to_json(bytes, &mut out, &mut attachments)?;
    let text = String::from_utf8(out).map_err(|_| Malformed)?;
    Ok((text, attachments.into_iter().map(Cow::into_owned).collect()))
}

fn text(bytes: &[u8]) -> String {
    let (text, attachments) = json(bytes).unwrap_or_else(|_| panic!("{bytes:x?}"));
    assert!(attachments.is_empty());
    text
}

fn packed(json: &str, attachments: &[&[u8]]) -> Vec<u8> {
    let attachments: Vec<Cow<'_, [u8]>> = attachments.iter().map(|&bytes| bytes.into()).collect();
    let mut out = Vec::new();
    from_json(json, &attachments, &mut out, MAX).unwrap_or_else(|_| panic!("{json}"));
    out
}

#[test]
fn numbers() {
    for (bytes, number) in [
        (&b"\x00"[..], "0"),
        (b"\x7f", "127"),
        (b"\xcc\x80", "128"),
        (b"\xcc\x01", "1"),
        (b"\xcd\xff\xff", "65535"),
        (b"\xce\xff\xff\xff\xff", "4294967295"),
        (b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01", "9007199254740993"),
        (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        (b"\xff", "-1"),
        (b"\xe0", "-32"),
        (b"\xd0\x80", "-128"),
        (b"\xd0\x05", "5"),
        (b"\xd1\x80\x00", "-32768"),
        (b"\xd2\x80\x00\x00\x00", "-2147483648"),
        (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808"),
        (b"\xca\x3f\x80\x00\x00", "1"),
        (b"\xca\x3d\xcc\xcc\xcd", "0.10000000149011612"),
        (b"\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1"),
        (b"\xcb\x80\x00\x00\x00\x00\x00\x00\x00", "0"),
        (b"\xcb\x7f\xef\xff\xff\xff\xff\xff\xff", "1.7976931348623157e308"),
        (b"\xcb\x00\x00\x00\x00\x00\x00\x00\x01", "5e-324"),
        (b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "null"),
        (b"\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", "null"),
    ] {
        assert_eq!(text(bytes), number);
    }
}

#[test]
fn numbers_take_their_shortest_form() {
    for (number, bytes) in [
        ("0", &b"\x00"[..]),
        ("-0", b"\x00"),
        ("1.0", b"\x01"),
        ("1e2", b"\x64"),
        ("-1.5e1", b"\xf1"),
        ("128", b"\xcc\x80"),
        ("256", b"\xcd\x01\x00"),
        ("65536", b"\xce\x00\x01\x00\x00"),
        ("4294967296", b"\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
        // JavaScript would round these two.
        ("9007199254740993", b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01"),
        ("18446744073709551615", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("18446744073709551616", b"\xcb\x43\xf0\x00\x00\x00\x00\x00\x00"),
        ("1e18", b"\xcf\x0d\xe0\xb6\xb3\xa7\x64\x00\x00"),
        ("1e20", b"\xcb\x44\x15\xaf\x1d\x78\xb5\x8c\x40"),
        ("-1e18", b"\xd3\xf2\x1f\x49\x4c\x58\x9c\x00\x00"),
        ("-9.3e18", b"\xcb\xc3\xe0\x22\x07\x97\x3f\x64\x40"),
        ("-33", b"\xd0\xdf"),
        ("-129", b"\xd1\xff\x7f"),
        ("-32769", b"\xd2\xff\xff\x7f\xff"),
        ("-2147483649", b"\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"),
        ("0.1", b"\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"),
        ("1e999", b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"),
    ] {
        assert_eq!(packed(number, &[]), bytes, "{number}");
    }
}

#[test]
fn texts() {
    for (length, head) in [
        (31, &b"\xbf"[..]),
        (32, b"\xd9\x20"),
        (255, b"\xd9\xff"),
        (256, b"\xda\x01\x00"),
        (65_535, b"\xda\xff\xff"),
        (65_536, b"\xdb\x00\x01\x00\x00"),
    ] {
        let long = "x".repeat(length);
        let bytes = [head, long.as_bytes()].concat();
        assert_eq!(text(&bytes), format!("\"{long}\""));
        assert_eq!(packed(&format!("\"{long}\""), &[]), bytes);
        // As long in UTF-8, and much longer in JSON.
        let escaped = format!("\"{}\"", "\\u0078".repeat(length));
        assert_eq!(packed(&escaped, &[]), bytes);
    }
    assert_eq!(text(b"\xa5\"\\\n\x00\x1f"), r#""\"\\\n\u0000\u001f""#);
    assert_eq!(
        packed(r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, &[]),
        b"\xae\"\\/\x08\x0c\n\r\t\xc3\xa9\xf0\x9f\x98\x80"
    );
    assert_eq!(packed(r#""\ud800""#, &[]), b"\xa3\xef\xbf\xbd");
    // Bytes that are no text do not become some by standing beside each other.
    for wrong in [&b"\xa1\xff"[..], b"\x92\xa1\xc3\xa1\xa9", b"\xa3\xed\xa0\x80", b"\x81\xa1\xffx"] {
        assert_eq!(json(wrong), Err(Malformed), "{wrong:x?}");
    }
}

#[test]
fn arrays_and_maps() {
    assert_eq!(text(b"\x90"), "[]");
    assert_eq!(text(b"\x80"), "{}");
    assert_eq!(text(b"\x93\xc0\xc2\xc3"), "[null,false,true]");
    assert_eq!(text(b"\x92\x91\x90\x82\xa1a\x81\xa1b\x90\xa0\x01"), r#"[[[]],{"a":{"b":[]},"":1}]"#);
    assert_eq!(text(b"\xdc\x00\x02\x01\x02"), "[1,2]");
    assert_eq!(text(b"\xdd\x00\x00\x00\x00"), "[]");
    assert_eq!(text(b"\xde\x00\x01\xa1a\x01"), r#"{"a":1}"#);
    assert_eq!(text(b"\xdf\x00\x00\x00\x01\xa1a\x01"), r#"{"a":1}"#);
    assert_eq!(packed(r#"[1,{"a":[]}]"#, &[]), b"\x92\x01\x81\xa1a\x90");
    // Keys that are whole numbers, and keys that are equal.
    assert_eq!(text(b"\x83\x05\x01\xff\x02\xa1\"\x03"), r#"{"5":1,"-1":2,"\"":3}"#);
    assert_eq!(text(b"\x82\xa1a\x01\xa1a\x02"), r#"{"a":1,"a":2}"#);
    assert_eq!(packed(r#"{"a":1,"a":2}"#, &[]), b"\x82\xa1a\x01\xa1a\x02");
    for key in
        [&b"\xc0"[..], b"\xc3", b"\xcb\0\0\0\0\0\0\0\0", b"\x90", b"\x80", b"\xc4\x00", b"\xd4\x01\x00"]
    {
        assert_eq!(json(&[b"\x81", key, b"\x01"].concat()), Err(Malformed), "{key:x?}");
    }
}

#[test]
fn bytes() {
    let (text, attachments) = json(b"\x93\xc4\x00\x81\xa1a\xc5\x00\x02\x01\x02\xc7\x01\x00\x09").unwrap();
    let placeholder = |number| format!("{{\"_placeholder\":true,\"num\":{number}}}");
    assert_eq!(text, format!("[{},{{\"a\":{}}},{}]", placeholder(0), placeholder(1), placeholder(2)));
    assert_eq!(attachments, [&b""[..], b"\x01\x02", b"\x09"]);
    let attachments: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
    let back = packed(&text, &attachments);
    assert_eq!(back, b"\x93\xc4\x00\x81\xa1a\xc4\x02\x01\x02\xc4\x01\x09");
    let bytes = vec![7; 65_536];
    assert_eq!(packed(&placeholder(0), &[&bytes]), [&b"\xc6\x00\x01\x00\x00"[..], &bytes].concat());
}

/// As the reference reads them: `_placeholder` is `true`, of equal keys the last counts, whatever else is in there.
#[test]
fn placeholders() {
    let is = |json: &str| packed(json, &[b"A", b"B"]) == b"\xc4\x01B";
    assert!(is(r#"{"_placeholder":true,"num":1}"#));
    assert!(is(r#"{"num":1,"x":[{"_placeholder":true,"num":0}],"_placeholder":true}"#));
    assert!(is(r#"{"\u005fplaceholder":true,"n\u0075m":1.0}"#));
    assert!(is(r#"{"_placeholder":1,"num":0,"_placeholder":true,"num":1}"#));
    assert!(!is(r#"{"_placeholder":true,"num":1,"num":"1"}"#));
    assert!(!is(r#"{"_placeholder":true,"num":2}"#));
    assert!(!is(r#"{"_placeholder":true,"num":[1]}"#));
    assert!(!is(r#"{"_placeholder":"true","num":1}"#));
    assert!(!is(r#"{"_placeholder":true,"num":1,"_placeholder":{}}"#));
    // Without attachments it is an object like others.
    let map = b"\x82\xac_placeholder\xc3\xa3num\x00";
    assert_eq!(packed(r#"{"_placeholder":true,"num":0}"#, &[]), map);
    assert_eq!(text(map), r#"{"_placeholder":true,"num":0}"#);
}

#[test]
fn times() {
    for (bytes, time) in [
        (&b"\xd6\xff\x00\x00\x00\x00"[..], "\"1970-01-01T00:00:00.000Z\""),
        (b"\xd6\xff\x7f\xff\xff\xff", "\"2038-01-19T03:14:07.000Z\""),
        (b"\xd7\xff\x1d\x53\x53\x00\x6b\x09\x70\xc0", "\"2026-11-27T12:00:00.123Z\""),
        (b"\xc7\x0c\xff\x3b\x8b\x87\xc0\xff\xff\xff\xff\xff\xff\xff\xff", "\"1969-12-31T23:59:59.999Z\""),
        (b"\xd7\x00\x00\x00\x00\x00\x00\x00\x03\xe8", "\"1970-01-01T00:00:01.000Z\""),
        (b"\xd6\xff\x38\x6d\x43\x80", "\"2000-01-01T00:00:00.000Z\""),
        (b"\xd6\xff\x38\xbc\x5d\x80", "\"2000-03-01T00:00:00.000Z\""),
        // The last and the first date that JavaScript has, and a millisecond more; the first year that has a sign, and the last before.
        (b"\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x00", "\"+275760-09-13T00:00:00.000Z\""),
        (b"\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x01", "null"),
        (b"\xd7\x00\xff\xe1\x4d\xf7\x3d\x24\x00\x00", "\"-271821-04-20T00:00:00.000Z\""),
        (b"\xd7\x00\xff\xe1\x4d\xf7\x3d\x23\xff\xff", "null"),
        (b"\xd7\x00\x00\x00\xe6\x77\xd2\x1f\xdb\xff", "\"9999-12-31T23:59:59.999Z\""),
        (b"\xd7\x00\x00\x00\xe6\x77\xd2\x1f\xdc\x00", "\"+010000-01-01T00:00:00.000Z\""),
        (b"\xd7\x00\xff\xff\xc7\x75\x8f\x44\x2c\x00", "\"-000001-12-31T16:00:00.000Z\""),
        (b"\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", "null"),
        // No times.
        (b"\xd4\x00\x00", "null"),
    ] {
        assert_eq!(text(bytes), time, "{bytes:x?}");
    }
}

#[test]
fn extensions_of_others_are_their_type_and_bytes() {
    for (bytes, kind, inside) in [
        (&b"\xd5\xff\x01\x02"[..], -1, &b"\x01\x02"[..]),
        (b"\xd6\x01\x01\x02\x03\x04", 1, b"\x01\x02\x03\x04"),
        (b"\xc7\x03\x05\x01\x02\x03", 5, b"\x01\x02\x03"),
    ] {
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        assert_eq!(json(bytes), Ok((format!("[{kind},{placeholder}]"), vec![inside.to_vec()])));
    }
}

#[test]
fn what_is_cut_or_has_more_behind_it_is_malformed() {
    let whole = b"\x98\xd9\x01a\xcd\x01\x00\x81\xa1a\xc4\x01a\xcb\0\0\0\0\0\0\0\0\xd6\xff\0\0\0\0\xc7\x01\x05a\xdc\x00\x01\xc0\xdf\0\0\0\x00";
    assert!(json(whole).is_ok());
    for length in 0..whole.len() {
        assert_eq!(json(&whole[..length]), Err(Malformed), "{length}");
    }
    assert_eq!(json(&[whole, &b"\xc0"[..]].concat()), Err(Malformed));
    assert_eq!(json(b"\xc1"), Err(Malformed));
    // Lengths that nothing follows cost nothing.
    for huge in [
        &b"\xdb\xff\xff\xff\xff"[..],
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x00",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
    ] {
        assert_eq!(json(huge), Err(Malformed), "{huge:x?}");
        assert_eq!(Reader(huge).value(), Err(Malformed), "{huge:x?}");
    }
    // So many open that their counts do not fit into 64 bits.
    assert_eq!(Reader(&b"\xdf\xff\xff\xff\xff".repeat(1 << 20)).value(), Err(Malformed));
}

/// Rust writes the shortest digits that are read as the same number, too, and lays out those of this size as JavaScript does.
#[test]
fn floats_are_written_with_their_shortest_digits() {
    let mut random = Random(0x5eed_1006);
    let check = |number: f64| {
        for number in [number, -number, number.next_up(), number.next_down()] {
            let bytes = [&[0xcb][..], &number.to_be_bytes()].concat();
            let due = if number == 0.0 { "0".to_owned() } else { number.to_string() };
            if number == 0.0 || (1e-6..1e21).contains(&number.abs()) {
                assert_eq!(text(&bytes), due, "{number:?}");
            } else {
                assert_eq!(text(&bytes).parse(), Ok(number));
            }
        }
    };
    for size in 0..16 {
        let power = 10f64.powi(size);
        (0..6).for_each(|places| check(power / 10f64.powi(places)));
        (0..6).for_each(|places| check((power - 1.0) / 10f64.powi(places)));
    }
    for _ in 0..crate::base::rounds(20_000) {
        let digits = random.below(1_000_000_000_000_000) as f64;
        check((digits / 10f64.powi(random.below(12) as i32)).trunc() / 10f64.powi(random.below(7) as i32));
    }
}

#[test]
fn depth_is_bounded() {
    let most = MAX_DEPTH as usize;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let bytes = packed(&nested(most), &[]);
        assert_eq!(text(&bytes), nested(most));
        assert_eq!(from_json(&nested(most + 1), &[], &mut Vec::new(), MAX), Err(Malformed));
        let head = if open == "[" { &b"\x91"[..] } else { b"\x81\xa1a" };
        assert_eq!(json(&[head, &bytes].concat()), Err(Malformed));
    }
    assert_eq!(json(&[0x91; 1 << 20]), Err(Malformed));
    assert_eq!(Reader(&[0x91; 1 << 20]).value(), Err(Malformed));
}

#[test]
fn attachments_are_bounded() {
    let many =
        |count: usize| [&b"\xdd"[..], &(count as u32).to_be_bytes(), &b"\xc4\x00".repeat(count)].concat();
    assert_eq!(json(&many(MAX_ATTACHMENTS)).unwrap().1.len(), MAX_ATTACHMENTS);
    assert_eq!(json(&many(MAX_ATTACHMENTS + 1)), Err(Malformed));
}

#[test]
fn no_more_is_written_than_may_be() {
    let mut out = b"12345".to_vec();
    assert_eq!(from_json("[1,2]", &[], &mut out, 8), Ok(()));
    assert_eq!(out, b"12345\x92\x01\x02");
    assert_eq!(from_json("[1,2]", &[], &mut out, 10), Err(Malformed));
    let attachment: [Cow<'_, [u8]>; 1] = [Cow::Owned(vec![0; 1000])];
    let json = format!("[{}1]", "{\"_placeholder\":true,\"num\":0},".repeat(1000));
    let mut out = Vec::new();
    assert_eq!(from_json(&json, &attachment, &mut out, 10_000), Err(Malformed));
    assert!(out.len() <= 10_000 + 1_010, "{}", out.len());
}
