//! Handshakes about which the host decides: it lets them in or turns them away, with headers or an answer of its own.

use super::support::{Client, HANDSHAKE, get, header, post, request, serve};
use roomcast::{Config, Error, Event};
use std::net::{SocketAddr, TcpStream};

#[test]
fn guarded_handshakes_are_allowed_or_refused_over_both_transports() {
    let guard = |broker: &mut roomcast::Broker, event: &Event<'_>| {
        let Event::Handshake { conn } = *event else { return };
        let shake = broker.conn_handshake(conn).unwrap();
        let wish = shake.query().find(|(name, _)| name == "wish").map(|(_, value)| value.into_owned());
        assert!(
            shake.header("HOST").is_some()
                && shake.address().ip().is_some_and(|ip| ip.is_loopback())
                && !shake.is_cross_domain()
        );
        match wish.as_deref() {
            Some("no") => broker.refuse(conn, "").unwrap(),
            Some(text) => broker.refuse(conn, text).unwrap(),
            None => broker.allow(conn).unwrap(),
        }
        assert!(broker.allow(conn).is_err(), "one answer each");
    };
    let config = Config { guard_handshakes: true, ..Config::default() };
    let answers = serve(config, guard, |address| {
        Client::connect(address);
        let asked = |wish: &str| get(address, &format!("{HANDSHAKE}{wish}"));
        let answers = [asked(""), asked("&wish=no"), asked("&wish=not%20you"), asked("&wish=x&EIO=3")];
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket&wish=no");
        let stream = TcpStream::connect(address).unwrap();
        let refused = format!("{:?}", tungstenite::client(url, stream).unwrap_err());
        (answers, refused)
    });
    let ([yes, no, text, order], websocket) = answers;
    assert!(yes.starts_with("HTTP/1.1 200 OK") && yes.contains("0{\"sid\":"));
    assert!(no.starts_with("HTTP/1.1 403 Forbidden") && no.ends_with(r#"{"code":4,"message":"Forbidden"}"#));
    assert!(text.ends_with(r#"{"code":4,"message":"not you"}"#));
    assert!(order.ends_with(r#"{"code":4,"message":"x"}"#), "the version is looked at last");
    // The reference ends each upgrade that it refuses with 400.
    assert!(websocket.contains("400"), "{websocket}");
}

/// Serves a host that puts headers into each handshake's answer, and turns those away that do not say `let=in`.
fn serve_strictly<T: Send + 'static>(client: impl FnOnce(SocketAddr) -> T + Send + 'static) -> T {
    let decide = |broker: &mut roomcast::Broker, event: &Event<'_>| {
        let Event::Handshake { conn } = *event else { return };
        let welcome = broker
            .conn_handshake(conn)
            .unwrap()
            .query()
            .any(|(name, value)| (&*name, &*value) == ("let", "in"));
        for (name, value) in
            [("Set-Cookie", "a=1; Path=/; Secure"), ("Set-Cookie", "b=2; Domain=example.com; Partitioned")]
        {
            broker.add_header(conn, name, value).unwrap();
        }
        if welcome {
            broker.allow(conn).unwrap();
        } else {
            broker.add_header(conn, "WWW-Authenticate", "Bearer realm=\"rooms\"").unwrap();
            broker.refuse_with(conn, 401, "application/json", b"{\"who\":\"are you?\"}").unwrap();
        }
        let gone_or_answered = broker.add_header(conn, "X-Late", "1");
        assert!(matches!(gone_or_answered, Err(Error::Gone | Error::WrongState)), "{gone_or_answered:?}");
    };
    serve(Config { guard_handshakes: true, ..Config::default() }, decide, client)
}

#[test]
fn a_host_adds_headers_to_one_handshake_and_answers_another_by_itself() {
    let websocket = |query: &str| {
        format!(
            "GET /socket.io/?EIO=4&transport=websocket{query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    };
    let (welcome, later, turned_away, upgraded, no_upgrade) = serve_strictly(move |address| {
        let welcome = get(address, &format!("{HANDSHAKE}&let=in"));
        let sid = welcome.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let later = post(address, &format!("{HANDSHAKE}&sid={sid}"), "40");
        let turned_away = get(address, HANDSHAKE);
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket&let=in");
        let (_, upgraded) = tungstenite::client(url, TcpStream::connect(address).unwrap()).unwrap();
        (welcome, later, turned_away, upgraded, request(address, &websocket("")))
    });
    let cookies = |answer: &str| answer.matches("Set-Cookie: ").count();
    assert!(
        welcome.starts_with("HTTP/1.1 200 OK\r\n")
            && welcome.contains("\r\nSet-Cookie: b=2; Domain=example.com; Partitioned\r\n")
    );
    assert_eq!(
        [cookies(&welcome), cookies(&later), cookies(&turned_away), cookies(&no_upgrade)],
        [2, 0, 2, 2]
    );
    for answer in [turned_away, no_upgrade] {
        assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
        assert_eq!(header(&answer, "WWW-Authenticate"), Some("Bearer realm=\"rooms\""));
        assert_eq!(header(&answer, "Content-Type"), Some("application/json"));
        assert!(answer.ends_with("\r\n\r\n{\"who\":\"are you?\"}"), "{answer}");
    }
    assert_eq!(upgraded.headers().get_all("set-cookie").iter().count(), 2);
}

#[test]
fn a_header_or_a_status_that_cannot_be_sent_is_an_error_that_names_it() {
    let mut tried = false;
    let decide = |broker: &mut roomcast::Broker, event: &Event<'_>| {
        let Event::Handshake { conn } = *event else { return };
        for (name, value, what) in [
            ("", "x", "name"),
            ("A B", "x", "name"),
            ("X:Y", "x", "name"),
            ("content-LENGTH", "0", "name"),
            ("Transfer-Encoding", "chunked", "name"),
            ("Connection", "close", "name"),
            ("Sec-WebSocket-Accept", "x", "name"),
            ("X-A", "one\r\nX-B: two", "value"),
            ("X-A", "\0", "value"),
        ] {
            let error = broker.add_header(conn, name, value).unwrap_err();
            assert!(
                matches!(error, Error::BadValue(text) if text.starts_with(what)),
                "{name}: {value:?}: {error}"
            );
        }
        for status in [0, 101, 200, 302, 399, 600, u16::MAX] {
            let error = broker.refuse_with(conn, status, "", b"").unwrap_err();
            assert!(
                matches!(error, Error::BadValue(text) if text.starts_with("http_status")),
                "{status}: {error}"
            );
        }
        assert!(
            matches!(broker.refuse_with(conn, 400, "a\nb", b""), Err(Error::BadValue(text)) if text.starts_with("content_type"))
        );
        // A line is the name, the value and four bytes more.
        let most = "x".repeat(8_192 - "X-Most".len() - 4);
        assert!(
            matches!(broker.add_header(conn, "X-Most", &format!("{most}x")), Err(Error::TooLarge(text)) if text.starts_with("value"))
        );
        broker.add_header(conn, "X-Most", &most).unwrap();
        assert!(matches!(broker.add_header(conn, "X", ""), Err(Error::TooLarge(_))));
        broker.allow(conn).unwrap();
        tried = true;
    };
    let config = Config { guard_handshakes: true, ..Config::default() };
    let answer = serve(config, decide, |address| get(address, HANDSHAKE));
    assert!(
        tried
            && answer.starts_with("HTTP/1.1 200 OK\r\n")
            && header(&answer, "X-Most").unwrap().len() == 8_182
    );
}

#[test]
fn a_host_begins_and_ends_to_be_asked_about_handshakes() {
    let mut asked = 0;
    let decide = |broker: &mut roomcast::Broker, event: &Event<'_>| match *event {
        Event::Handshake { conn } => {
            asked += 1;
            broker.guard_handshakes(false);
            broker.refuse(conn, "not now").unwrap();
        }
        Event::Refused { .. } if asked == 0 => broker.guard_handshakes(true),
        _ => {}
    };
    let config = Config { refusal_events: true, ..Config::default() };
    let answers = serve(config, decide, |address| {
        // The second is refused in any case, which is when the host asks to be asked.
        [HANDSHAKE, "/socket.io/?EIO=4&transport=none", HANDSHAKE, HANDSHAKE]
            .map(|target| get(address, target)[..12].to_owned())
    });
    assert_eq!(answers, ["HTTP/1.1 200", "HTTP/1.1 400", "HTTP/1.1 403", "HTTP/1.1 200"]);
    assert_eq!(asked, 1);
}
