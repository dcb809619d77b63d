//! The WebSocket codec and the event loop end to end, over TCP: the example's echo server against tungstenite, and against raw
//! bytes in the order of Autobahn's cases.

#[cfg(feature = "compression")]
mod compressed;
#[allow(dead_code)]
#[path = "../../examples/echo_ws.rs"]
mod echo_ws;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FIN: u8 = 0x80;

const KEY_LINES: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// One server for all tests.
fn server() -> SocketAddr {
    static SERVER: OnceLock<SocketAddr> = OnceLock::new();
    *SERVER.get_or_init(|| {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || echo_ws::serve(0, |address| sender.send(address).unwrap()));
        receiver.recv().unwrap()
    })
}

fn connect() -> TcpStream {
    let stream = TcpStream::connect(server()).unwrap();
    stream.set_nodelay(true).unwrap();
    // Only a test that has failed waits so long.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// A client of raw bytes.
struct Raw(TcpStream);

impl Raw {
    fn new() -> Self {
        Self::with("").0
    }

    /// With more lines in the request's head. What the answer's head is.
    fn with(lines: &str) -> (Self, String) {
        let mut stream = connect();
        let request = format!(
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{KEY_LINES}{lines}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut raw = Raw(stream);
        let head = raw.read_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
        (raw, head)
    }

    fn read_head(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The next frame's first byte and payload.
    fn read(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        assert_eq!(head[1] & 0x80, 0, "a server's frame has no mask");
        let length = match head[1] {
            126 => {
                let mut bytes = [0; 2];
                self.0.read_exact(&mut bytes).unwrap();
                u16::from_be_bytes(bytes).into()
            }
            127 => {
                let mut bytes = [0; 8];
                self.0.read_exact(&mut bytes).unwrap();
                u64::from_be_bytes(bytes)
            }
            short => short.into(),
        };
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).unwrap();
        (head[0], payload)
    }

    #[track_caller]
    fn expect(&mut self, opcode: u8, payload: impl AsRef<[u8]>) {
        let (first, got) = self.read();
        assert_eq!(first, FIN | opcode);
        assert!(got == payload.as_ref(), "{} bytes, {} expected", got.len(), payload.as_ref().len());
    }

    /// The server closes with this code, and then the TCP connection, in good order.
    #[track_caller]
    fn expect_close(mut self, code: impl Into<Option<u16>>) {
        let code = code.into().map_or(Vec::new(), |code: u16| code.to_be_bytes().to_vec());
        let (first, got) = self.read();
        assert_eq!((first, got), (FIN | CLOSE, code));
        assert_eq!(self.0.read(&mut [0]).unwrap(), 0);
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn letters(length: usize) -> Vec<u8> {
    "*é€😀".bytes().cycle().take(length - length % 10).chain(std::iter::repeat_n(b'*', length % 10)).collect()
}

#[test]
fn case_1_sizes() {
    for (opcode, payload) in [(TEXT, letters as fn(usize) -> Vec<u8>), (BINARY, noise)] {
        let mut raw = Raw::new();
        for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537] {
            let payload = payload(length);
            let bytes = frame(FIN | opcode, &payload);
            raw.send(&bytes);
            raw.expect(opcode, &payload);
            let (sender, mut reader) = (raw.0.try_clone().unwrap(), raw);
            let chopped = thread::spawn(move || {
                bytes.chunks(997).for_each(|chunk| (&sender).write_all(chunk).unwrap())
            });
            reader.expect(opcode, &payload);
            chopped.join().unwrap();
            raw = reader;
        }
        raw.send(&close(1000, b""));
        raw.expect_close(1000);
    }
}

#[test]
fn case_2_pings() {
    let mut raw = Raw::new();
    for payload in [&b""[..], b"ping", &[0, 255, 254, 253, 0], &[0xfe; 125]] {
        raw.send(&frame(FIN | PING, payload));
        raw.expect(PONG, payload);
        for byte in frame(FIN | PING, payload) {
            raw.send(&[byte]);
        }
        raw.expect(PONG, payload);
        raw.send(&frame(FIN | PONG, payload));
    }
    raw.send(&(0..10).flat_map(|n| frame(FIN | PING, &[b'0' + n])).collect::<Vec<_>>());
    (0..10).for_each(|n| raw.expect(PONG, [b'0' + n]));
    raw.send(&frame(FIN | PING, &[0; 126]));
    raw.expect_close(1002);
}

#[test]
fn case_3_and_4_reserved_bits_and_opcodes() {
    let firsts = [0x40, 0x20, 0x10, 0x70].iter().map(|bits| FIN | TEXT | bits);
    let firsts = firsts.chain([0xc0 | PING, 0xc0 | CLOSE]);
    for first in firsts.chain([3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(|opcode| FIN | opcode)) {
        let mut raw = Raw::new();
        raw.send(&frame(FIN | TEXT, b"before"));
        raw.send(&[frame(first, b"x"), frame(FIN | PING, b"")].concat());
        raw.expect(TEXT, "before");
        raw.expect_close(1002);
    }
    let mut raw = Raw::new();
    raw.send(&[FIN | TEXT, 1, b'x']);
    raw.expect_close(1002);
}

#[test]
fn case_5_fragments() {
    let mut raw = Raw::new();
    raw.send(
        &[frame(TEXT, b"one "), frame(FIN | PING, b"p"), frame(0, b"two "), frame(FIN, b"three")].concat(),
    );
    raw.expect(PONG, "p");
    raw.expect(TEXT, "one two three");
    for byte in [frame(BINARY, b"one "), frame(FIN | PING, b"p"), frame(FIN, b"")].concat() {
        raw.send(&[byte]);
    }
    raw.expect(PONG, "p");
    raw.expect(BINARY, "one ");

    // Its largest message, in as many fragments, if not of as many bytes.
    let mut raw = Raw::new();
    let mut many = [frame(BINARY, b"x"), frame(0, b"x").repeat(65_535)].concat();
    many.extend(frame(FIN, b""));
    raw.send(&many);
    raw.expect(BINARY, vec![b'x'; 65_536]);

    let wrong: [&[Vec<u8>]; 6] = [
        &[frame(PING, b"fragmented")],
        &[frame(PONG, b"fragmented"), frame(FIN, b"x")],
        &[frame(0, b"from nothing")],
        &[frame(FIN, b"from nothing")],
        &[frame(TEXT, b"unfinished"), frame(FIN | TEXT, b"x")],
        &[frame(TEXT, b"unfinished"), frame(BINARY, b"x")],
    ];
    for frames in wrong {
        let mut raw = Raw::new();
        raw.send(&frames.concat());
        raw.expect_close(1002);
    }
}

#[test]
fn case_6_utf8() {
    let greek = "κόσμε\u{10ffff}\u{7f}\u{0}\u{feff}";
    for cut in 1..greek.len() {
        let mut raw = Raw::new();
        let (head, tail) = greek.as_bytes().split_at(cut);
        raw.send(&[frame(TEXT, head), frame(0, b""), frame(FIN, tail)].concat());
        raw.expect(TEXT, greek);
    }
    for invalid in [
        &b"\x80"[..],
        b"\xbf",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xf0\x80\x80\xaf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"\xce\xba\xe1",
        b"\xf8\x88\x80\x80\x80",
    ] {
        let mut raw = Raw::new();
        raw.send(&frame(FIN | TEXT, invalid));
        raw.expect_close(1007);
    }
    // It fails at the first wrong byte, though neither the frame nor the message is over.
    let mut raw = Raw::new();
    raw.send(&[frame(TEXT, "κόσμε".as_bytes()), frame(0, b"\xf4\x90")].concat());
    raw.expect_close(1007);
    let mut raw = Raw::new();
    let whole = frame(FIN | TEXT, b"\xf4\x90\x80\x80 and so on");
    raw.send(&whole[..8]);
    raw.expect_close(1007);
}

#[test]
fn case_7_closing() {
    let mut raw = Raw::new();
    raw.send(&frame(FIN | CLOSE, b""));
    raw.expect_close(None);
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        let mut raw = Raw::new();
        raw.send(&close(code, &letters(123)));
        raw.expect_close(code);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        let mut raw = Raw::new();
        raw.send(&close(code, b""));
        raw.expect_close(1002);
    }
    for wrong in [frame(FIN | CLOSE, b"x"), close(1000, &[b'*'; 124])] {
        let mut raw = Raw::new();
        raw.send(&wrong);
        raw.expect_close(1002);
    }
    let mut raw = Raw::new();
    raw.send(&close(1000, b"\xce\xba\xe1"));
    raw.expect_close(1007);
    // Nothing after a close counts, however much it is.
    let mut raw = Raw::new();
    raw.send(
        &[frame(FIN | TEXT, b"last"), close(1000, b""), frame(FIN | TEXT, b"late"), frame(FIN | PING, b"")]
            .concat(),
    );
    raw.send(&frame(FIN | BINARY, &noise(262_144)));
    raw.expect(TEXT, "last");
    raw.expect_close(1000);
    // In the middle of a message.
    let mut raw = Raw::new();
    raw.send(&[frame(TEXT, b"unfinished"), close(1000, b"")].concat());
    raw.expect_close(1000);
}

#[test]
fn case_9_and_10_long_messages() {
    for length in [65_536, 262_144, 1 << 20, 4 << 20, 16 << 20] {
        for fragment in [length, 65_536, 4_096] {
            let payload = noise(length);
            let mut bytes = Vec::new();
            for (index, part) in payload.chunks(fragment).enumerate() {
                let fin = if (index + 1) * fragment >= length { FIN } else { 0 };
                bytes.extend(frame(fin | if index == 0 { BINARY } else { 0 }, part));
            }
            let mut raw = Raw::new();
            let mut sender = raw.0.try_clone().unwrap();
            let sending = thread::spawn(move || sender.write_all(&bytes).unwrap());
            raw.expect(BINARY, &payload);
            sending.join().unwrap();
        }
    }
}

#[test]
fn a_message_that_is_too_long_is_refused_by_its_header() {
    let mut raw = Raw::new();
    let mut header = vec![FIN | BINARY, 0x80 | 127];
    header.extend((16_777_217_u64).to_be_bytes());
    header.extend([1, 2, 3, 4]);
    raw.send(&header);
    raw.expect_close(1009);
}

#[test]
fn the_close_frame_arrives_although_the_client_goes_on_sending() {
    for _ in 0..20 {
        let raw = Raw::new();
        let mut bytes = frame(0x70 | TEXT, b"wrong");
        bytes.extend(vec![0; 1 << 20]);
        let mut sender = raw.0.try_clone().unwrap();
        // The server takes and drops this, and never resets the connection under its own close frame.
        let sending = thread::spawn(move || sender.write_all(&bytes));
        raw.expect_close(1002);
        sending.join().unwrap().unwrap();
    }
}

#[test]
fn a_request_and_frames_in_one_write_are_all_answered() {
    let mut raw = Raw(connect());
    let mut bytes =
        format!("GET /x?y HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n{KEY_LINES}\r\n")
            .into_bytes();
    bytes.extend(frame(FIN | TEXT, b"eager"));
    bytes.extend(close(1000, b""));
    raw.send(&bytes);
    assert!(raw.read_head().starts_with("HTTP/1.1 101 "));
    raw.expect(TEXT, "eager");
    raw.expect_close(1000);
}

#[test]
fn what_is_no_websocket_gets_an_answer_and_is_closed() {
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
            "400",
        ),
        ("nonsense\r\n\r\n", "400"),
        ("GET / HTTP/3.1\r\n\r\n", "400"),
    ] {
        let mut stream = connect();
        for byte in request.bytes() {
            stream.write_all(&[byte]).unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{request:?} {answer:?}");
    }
    let mut stream = connect();
    stream.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    stream.write_all(&[b'x'; 20_000]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[test]
fn a_client_that_never_reads_is_not_read_either() {
    let mut raw = Raw::new();
    raw.0.set_nonblocking(true).unwrap();
    let bytes = frame(FIN | BINARY, &noise(50_000));
    let mut sent = 0_usize;
    // Three times without progress, with a whole conversation of another client in between: the server has stopped.
    let mut stuck = 0;
    while stuck < 3 {
        match raw.0.write(&bytes[sent % bytes.len()..]) {
            Ok(count) => {
                sent += count;
                stuck = 0;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                let mut other = Raw::new();
                other.send(&frame(FIN | TEXT, b"alive"));
                other.expect(TEXT, "alive");
                stuck += 1;
            }
        }
        assert!(sent < 1 << 30, "the server takes without end");
    }
    // Now it reads, and finds every message.
    raw.0.set_nonblocking(false).unwrap();
    let mut sender = raw.0.try_clone().unwrap();
    let rest = bytes[sent % bytes.len()..].to_vec();
    let sending = thread::spawn(move || {
        sender.write_all(&rest).unwrap();
        sender.write_all(&close(1000, b"")).unwrap();
    });
    let expected = noise(50_000);
    for _ in 0..sent / bytes.len() + 1 {
        raw.expect(BINARY, &expected);
    }
    sending.join().unwrap();
    raw.expect_close(1000);
}

#[test]
fn a_client_that_leaves_at_any_time_disturbs_nobody() {
    let mut witness = Raw::new();
    let request =
        format!("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{KEY_LINES}\r\n");
    let bytes = [request.into_bytes(), frame(TEXT, b"abc"), frame(FIN, b"def"), close(1000, b"")].concat();
    for cut in 0..bytes.len() {
        let mut stream = connect();
        stream.write_all(&bytes[..cut]).unwrap();
        match cut % 3 {
            0 => drop(stream),
            1 => stream.shutdown(Shutdown::Write).unwrap(),
            _ => socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap(),
        }
        witness.send(&frame(FIN | PING, b"p"));
        witness.expect(PONG, "p");
    }
}

fn tungstenite(config: Option<WebSocketConfig>) -> WebSocket<TcpStream> {
    let url = format!("ws://{}/", server());
    tungstenite::client::client_with_config(url, connect(), config).unwrap().0
}

#[test]
fn tungstenite_is_echoed() {
    let mut socket = tungstenite(None);
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let binary = Message::binary(noise(length));
        socket.send(binary.clone()).unwrap();
        assert!(socket.read().unwrap() == binary);
        let text = Message::text(String::from_utf8(letters(length)).unwrap());
        socket.send(text.clone()).unwrap();
        assert!(socket.read().unwrap() == text);
    }
    socket.send(Message::Ping("are you there".into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong("are you there".into()));
    socket.close(Some(CloseFrame { code: CloseCode::Away, reason: "bye".into() })).unwrap();
    let answer = socket.read().unwrap();
    assert!(matches!(&answer, Message::Close(Some(frame)) if frame.code == CloseCode::Away), "{answer:?}");
    assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
}

#[test]
fn tungstenite_sends_many_at_once() {
    let config = WebSocketConfig::default().write_buffer_size(1 << 20).max_write_buffer_size(64 << 20);
    let mut socket = tungstenite(Some(config));
    let message = |index: usize| Message::binary(noise(index % 700));
    (0..5_000).for_each(|index| socket.write(message(index)).unwrap());
    socket.flush().unwrap();
    (0..5_000).for_each(|index| assert_eq!(socket.read().unwrap(), message(index)));
}
