//! What the reader makes of replies, one table of good ones and one of bad ones. The fuzz target `resp` has them cut anywhere.

use super::{Fault, Items, MAX_DEPTH, MAX_LINE, Reader, Reply, command};

/// The replies of a stream as text, and the fault at its end.
fn read(stream: &[u8], bound: usize) -> (String, Option<Fault>) {
    let mut reader = Reader::new(bound);
    reader.feed(stream);
    let mut seen = Vec::new();
    loop {
        match reader.advance() {
            Ok(true) => seen.push(text(reader.reply())),
            Ok(false) => return (seen.join(" "), None),
            Err(fault) => return (seen.join(" "), Some(fault)),
        }
    }
}

fn text(reply: Reply<'_>) -> String {
    let bytes = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = |items: Items<'_>| items.map(text).collect::<Vec<_>>().join(",");
    match reply {
        Reply::Null => "null".into(),
        Reply::Boolean(it) => it.to_string(),
        Reply::Integer(it) => it.to_string(),
        Reply::Double(it) => format!("{it:?}"),
        Reply::Number(it) => format!("n{}", bytes(it)),
        Reply::Text(it) => format!("'{}'", bytes(it)),
        Reply::Error(it) => format!("!{}", bytes(it)),
        Reply::List(items) => format!("[{}]", all(items)),
        Reply::Map(items) => format!("{{{}}}", all(items)),
        Reply::Push(items) => format!(">[{}]", all(items)),
    }
}

#[test]
fn every_kind_of_reply() {
    for (stream, expected) in [
        ("+OK\r\n", "'OK'"),
        ("-ERR no\r\n", "!ERR no"),
        (":-42\r\n", "-42"),
        ("$5\r\na\r\nbc\r\n", "'a\r\nbc'"),
        ("$0\r\n\r\n$-1\r\n*-1\r\n_\r\n", "'' null null null"),
        ("$000000001\r\na\r\n$0000000001\r\nb\r\n$+1\r\nc\r\n", "'a' 'b' 'c'"),
        ("#t\r\n#f\r\n", "true false"),
        (",1.5\r\n,inf\r\n,10\r\n", "1.5 inf 10.0"),
        ("(-12345678901234567890\r\n", "n-12345678901234567890"),
        ("!3\r\nERR\r\n=5\r\ntxt:a\r\n", "!ERR 'a'"),
        ("*0\r\n*2\r\n:1\r\n*1\r\n+a\r\n", "[] [1,['a']]"),
        ("~1\r\n:1\r\n%1\r\n+k\r\n*1\r\n+v\r\n%0\r\n", "[1] {'k',['v']} {}"),
        (">2\r\n+message\r\n$1\r\nx\r\n:1\r\n", ">['message','x'] 1"),
        // About what comes behind: in front of a reply, of an element, and with an array of its own.
        ("|1\r\n+a\r\n*2\r\n:1\r\n:2\r\n*2\r\n|0\r\n:7\r\n|1\r\n+b\r\n:1\r\n:8\r\n", "[7,8]"),
        // An element behind a nested one.
        ("*3\r\n*2\r\n*1\r\n:1\r\n:2\r\n|1\r\n+a\r\n*1\r\n:9\r\n*0\r\n+end\r\n", "[[[1],2],[],'end']"),
    ] {
        assert_eq!(read(stream.as_bytes(), 1_000), (expected.into(), None), "{stream:?}");
    }
}

#[test]
fn what_is_no_reply_is_refused() {
    for stream in [
        "OK\r\n",
        "\r\n",
        "+a\n",
        "+a\rb\r\n",
        ":\r\n",
        ":1.5\r\n",
        ":9223372036854775808\r\n",
        "_x\r\n",
        "#y\r\n",
        ",one\r\n",
        "(\r\n",
        "(1a\r\n",
        "$x\r\n",
        "$-2\r\n",
        "$1\r\nabc\r\n",
        "$\r\nabc\r\n",
        "$1\nab\r\n",
        "$1\r\na\n\r\n",
        "$?\r\n",
        "=3\r\nabc\r\n",
        "!-1\r\n",
        "*-2\r\n",
        "*?\r\n",
        "%-1\r\n",
        ">-1\r\n",
        "*1\r\n>1\r\n:1\r\n",
        "*2\r\n:1\r\n>0\r\n",
        "*1\r\n?\r\n",
    ] {
        assert_eq!(read(stream.as_bytes(), 1_000).1, Some(Fault::Protocol), "{stream:?}");
    }
}

#[test]
fn nesting_and_elements_are_bounded() {
    let nested = |depth| ["*1\r\n".repeat(depth), ":1\r\n".into()].concat();
    assert_eq!(read(nested(MAX_DEPTH).as_bytes(), 1_000), ("[[[[[[[[1]]]]]]]]".into(), None));
    assert_eq!(read(nested(MAX_DEPTH + 1).as_bytes(), 1_000).1, Some(Fault::TooDeep));
    assert_eq!(read(("*1\r\n".repeat(MAX_DEPTH) + "*0\r\n").as_bytes(), 1_000).1, Some(Fault::TooDeep));
    assert_eq!(read("*1\r\n".repeat(100_000).as_bytes(), 1 << 20).1, Some(Fault::TooDeep));
    for stream in ["*1048577\r\n", "%524289\r\n", "%9223372036854775807\r\n", "$9223372036854775807\r\n"] {
        assert_eq!(read(stream.as_bytes(), 1 << 30).1, Some(Fault::TooBig), "{stream:?}");
    }
    assert_eq!(read(b"*1048576\r\n", 1 << 30).1, None);
}

#[test]
fn a_reply_may_be_as_long_as_its_bound_and_no_longer() {
    for stream in ["$5\r\nhello\r\n", "*2\r\n:1\r\n:2\r\n", "+hello world\r\n", "|1\r\n:1\r\n:2\r\n:3\r\n"] {
        let two = stream.repeat(2);
        assert_eq!(read(two.as_bytes(), stream.len()).1, None, "{stream:?}");
        assert_eq!(
            read(two.as_bytes(), stream.len() - 1),
            (String::new(), Some(Fault::TooBig)),
            "{stream:?}"
        );
    }
    // Nothing is kept for what was only announced.
    assert_eq!(read(b"$900\r\n", 800).1, Some(Fault::TooBig));
    let line = |length| ["+", &"x".repeat(length - 1)].concat();
    assert_eq!(read(line(MAX_LINE).as_bytes(), 1 << 20).1, None);
    assert_eq!(read(line(MAX_LINE + 1).as_bytes(), 1 << 20).1, Some(Fault::TooBig));
}

#[test]
fn a_reader_is_used_on_and_gives_memory_back() {
    let mut reader = Reader::new(8 << 20);
    let long = [b"$4000000\r\n", &vec![b'x'; 4_000_000][..], b"\r\n"].concat();
    for _ in 0..3 {
        for piece in long.chunks(100_000) {
            assert_eq!(reader.advance(), Ok(false));
            reader.feed(piece);
        }
        assert_eq!(reader.advance(), Ok(true));
        assert_eq!(reader.reply(), Reply::Text(&long[10..4_000_010]));
        assert_eq!(reader.buffered(), 0);
        reader.feed(b"+O");
        assert!(reader.capacity() < 1 << 20, "keeps {}", reader.capacity());
        reader.feed(b"K\r\n");
        assert_eq!(reader.advance(), Ok(true));
        assert_eq!(reader.reply(), Reply::Text(b"OK"));
    }
}

#[test]
fn many_replies_that_are_read_slowly_stay_in_order() {
    let mut reader = Reader::new(100);
    let mut expected = 0;
    for number in 0..10_000 {
        reader.feed(format!(":{number}\r\n").as_bytes());
        if number % 3 > 0 {
            assert_eq!(reader.advance(), Ok(true));
            assert_eq!(reader.reply(), Reply::Integer(expected));
            expected += 1;
        }
    }
    while reader.advance() == Ok(true) {
        assert_eq!(reader.reply(), Reply::Integer(expected));
        expected += 1;
    }
    assert_eq!(expected, 10_000);
}

#[test]
fn commands_are_lists_of_bytes() {
    let mut out = b"before".to_vec();
    command(&mut out, &[b"PUBLISH", b"a b", b"\r\n\0", b""]);
    assert_eq!(out, b"before*4\r\n$7\r\nPUBLISH\r\n$3\r\na b\r\n$3\r\n\r\n\0\r\n$0\r\n\r\n");
    let mut out = Vec::new();
    command(&mut out, &[&[b'x'; 1_234_567]]);
    assert!(out.starts_with(b"*1\r\n$1234567\r\nxx") && out.len() == 1_234_567 + 16);
}
