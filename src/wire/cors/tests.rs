//! Every option against what Socket.IO 4.8.4 (cors 2.8.6) answered on Node 20, header for header.

use super::*;

/// Blocks of `options, request, status`, the header lines about other origins, and an empty line.
const RECORDED: &str = include_str!("recorded.txt");

fn options(name: &str) -> Cors {
    let origin = |origin| Cors { origin, ..Cors::default() };
    let list = |origins: &[&str]| origin(Origin::List(origins.iter().map(|&origin| origin.into()).collect()));
    let fixed = || Origin::Fixed("https://a.example".into());
    match name {
        "empty" | "star" | "exposeempty" => Cors::default(),
        "fixed" => origin(fixed()),
        "list" => list(&["https://a.example", "https://b.example"]),
        "list1" => list(&["https://a.example"]),
        "emptylist" => list(&[]),
        "reflect" => origin(Origin::Reflect),
        "reflectcred" => Cors { credentials: true, ..origin(Origin::Reflect) },
        "starcred" => Cors { credentials: true, exposed_headers: "X-Three".into(), ..Cors::default() },
        "methodsempty" => Cors { methods: String::new(), ..Cors::default() },
        "allowempty" => Cors { allowed_headers: Some(String::new()), ..Cors::default() },
        "maxage0" => Cors { max_age: Some(0), ..Cors::default() },
        "all" => Cors {
            origin: fixed(),
            methods: "GET,POST".into(),
            allowed_headers: Some("X-One,X-Two".into()),
            exposed_headers: "X-Three,X-Four".into(),
            credentials: true,
            max_age: Some(600),
            options_success_status: 200,
            ..Cors::default()
        },
        _ => panic!("unknown options {name}"),
    }
}

#[test]
fn answers_as_recorded() {
    let mut blocks = 0;
    for block in RECORDED.split("\n\n").filter(|block| !block.is_empty()) {
        let (title, lines) = block.split_once('\n').unwrap_or((block, ""));
        let [name, request, status] = title.split(", ").collect::<Vec<_>>()[..] else { panic!("{title}") };
        let cors = options(name);
        let (kind, who) = request.split_once(' ').unwrap();
        let origin = match who {
            "a" => Some(&b"https://a.example"[..]),
            "c" => Some(&b"https://c.example"[..]),
            _ => None,
        };
        let mut out = Vec::new();
        if kind == "preflight" {
            assert_eq!(status, cors.options_success_status.to_string(), "{title}");
            cors.preflight(&mut out, origin, (who == "a").then_some(b"x-foo, x-bar"));
        } else {
            cors.actual(&mut out, origin);
        }
        let expected: String = lines.lines().map(|line| format!("{line}\r\n")).collect();
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{title}");
        blocks += 1;
    }
    assert_eq!(blocks, 14 * 7);
}

#[test]
fn a_reflected_value_cannot_add_a_line() {
    let mut out = Vec::new();
    Cors { origin: Origin::Reflect, ..Cors::default() }.actual(&mut out, Some(b"x\r\nSet-Cookie: y"));
    assert!(out.starts_with(b"Access-Control-Allow-Origin: xSet-Cookie: y\r\nVary"));
}
