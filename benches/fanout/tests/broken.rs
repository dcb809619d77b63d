//! What the load client says of servers that lose, repeat, reorder, misroute, change or echo: that "every delivery is checked"
//! is true. The server here is a plain relay with one fault at a time; nothing here may depend on speed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

/// The connections, in the order in which they came.
type Members = Arc<Mutex<Vec<(u64, TcpStream)>>>;

/// What the relay does with the seventh message; all others it relays as it should.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// One recipient does not get it.
    Lose,
    /// One recipient gets it twice.
    Repeat,
    /// One recipient gets it after the eighth.
    Reorder,
    /// The sender gets it too.
    Echo,
    /// A byte of it is another one.
    Change,
    /// It arrives in two pieces, and the eighth together with the ninth: no fault.
    Split,
}

const SEVENTH: usize = 6;

fn relay(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let members = Members::default();
    thread::spawn(move || {
        for (id, stream) in (0..).zip(listener.incoming()) {
            let members = Arc::clone(&members);
            thread::spawn(move || serve(id, stream.unwrap(), &members, fault));
        }
    });
    address
}

fn serve(id: u64, mut stream: TcpStream, members: &Members, fault: Fault) {
    members.lock().unwrap().push((id, stream.try_clone().unwrap()));
    upgrade(&mut stream);
    let mut held = Vec::new();
    for number in 0.. {
        let Some(frame) = next(&mut stream) else { break };
        let mut members = members.lock().unwrap();
        let victim = members.iter().rev().find(|(member, _)| *member != id).map(|(member, _)| *member);
        for (member, to) in members.iter_mut() {
            let chosen = Some(*member) == victim;
            let due = number == SEVENTH;
            let mut copies = u32::from(*member != id);
            let mut frame = frame.clone();
            match fault {
                Fault::Lose if due && chosen => copies = 0,
                Fault::Repeat if due && chosen => copies = 2,
                Fault::Echo if due && *member == id => copies = 1,
                Fault::Change if due && chosen => frame[30] ^= 1,
                Fault::Reorder | Fault::Split if due && chosen => {
                    held = frame;
                    if fault == Fault::Split {
                        let (front, back) = held.split_at(20);
                        to.write_all(front).unwrap();
                        held = back.to_vec();
                    }
                    continue;
                }
                Fault::Reorder if number == SEVENTH + 1 && chosen => frame.append(&mut held),
                Fault::Split if number == SEVENTH + 1 && chosen => {
                    held.append(&mut frame);
                    continue;
                }
                Fault::Split if number == SEVENTH + 2 && chosen => {
                    held.append(&mut frame);
                    frame = std::mem::take(&mut held);
                }
                _ => {}
            }
            for _ in 0..copies {
                // The client has given up and is gone, as it should at some faults.
                let _ = to.write_all(&frame);
            }
        }
    }
    members.lock().unwrap().retain(|(member, _)| *member != id);
}

/// Answers the request with which every connection begins.
fn upgrade(stream: &mut TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        bytes.extend(byte);
    }
    stream
        .write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        )
        .unwrap();
}

/// The next frame as it is relayed; the client's messages here are short and its mask is never needed for more than that.
fn next(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 6];
    stream.read_exact(&mut head).ok()?;
    let length = usize::from(head[1] & 0x7f);
    assert!(length < 126, "the test sends short messages");
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).ok()?;
    payload.iter_mut().zip(head[2..].iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Some([&[0x81, length as u8][..], &payload].concat())
}

fn client(fault: Fault) -> Output {
    let address = relay(fault).to_string();
    Command::new(env!("CARGO_BIN_EXE_fanout"))
        .args(["--server", &address, "--protocol", "raw", "--connections", "4", "--drain", "2"])
        .args(["--sources", "3", "--cell", "size=64,window=4,messages=50,seconds=15,warmup=0"])
        .output()
        .unwrap()
}

/// The client ends in failure, and says which fault it saw.
fn caught(fault: Fault, name: &str) {
    let output = client(fault);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{fault:?} went unnoticed");
    let count = said.split(&format!("\"{name}\":")).nth(1).and_then(|rest| rest.split([',', '}']).next());
    assert!(count.is_some_and(|count| count != "0"), "{fault:?}: {said}");
}

#[test]
fn a_right_relay_passes_whole_split_or_merged() {
    for fault in [Fault::None, Fault::Split] {
        let output = client(fault);
        assert!(output.status.success(), "{fault:?}: {}", String::from_utf8_lossy(&output.stderr));
        let report = String::from_utf8(output.stdout).unwrap();
        let cell: serde_json::Value = serde_json::from_str(report.lines().last().unwrap()).unwrap();
        let (messages, deliveries) =
            (cell["messages"].as_u64().unwrap(), cell["deliveries"].as_u64().unwrap());
        assert_eq!(messages, 50, "{cell}");
        assert_eq!(deliveries, messages * 3, "{cell}");
    }
}

#[test]
fn a_lost_message_is_noticed() {
    caught(Fault::Lose, "skipped");
}

#[test]
fn a_repeated_message_is_noticed() {
    caught(Fault::Repeat, "repeated");
}

#[test]
fn a_reordered_message_is_noticed() {
    caught(Fault::Reorder, "skipped");
}

#[test]
fn an_echo_to_the_sender_is_noticed() {
    caught(Fault::Echo, "to_sender");
}

#[test]
fn a_changed_byte_is_noticed() {
    caught(Fault::Change, "wrong");
}

/// A server that counts what it gets and acknowledges what asks for it, but for what the fault does with the seventh
/// message: one that is lost is the seventh again and again.
fn counter(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(Mutex::new(0));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let count = Arc::clone(&count);
            thread::spawn(move || serve_counting(stream.unwrap(), &count, fault));
        }
    });
    address
}

fn serve_counting(mut stream: TcpStream, count: &Mutex<usize>, fault: Fault) {
    upgrade(&mut stream);
    while let Some(frame) = next(&mut stream) {
        let text = std::str::from_utf8(&frame[2..]).unwrap();
        let (number, name) = text.strip_prefix("42").unwrap().split_once('[').unwrap();
        let mut count = count.lock().unwrap();
        let mut copies = 1;
        if name.starts_with("\"count\"") {
            copies = match fault {
                Fault::Lose if *count == SEVENTH => 0,
                Fault::Repeat if *count == SEVENTH => 2,
                _ => 1,
            };
            // A message is lost, or counted twice, only where nobody is told of it.
            *count += if number.is_empty() { copies } else { 1 };
        }
        let args = if name.starts_with("\"counted\"") { count.to_string() } else { String::new() };
        let reply = format!("43{number}[{args}]");
        for _ in 0..copies * usize::from(!number.is_empty()) {
            // The client has given up and is gone, as it should at some faults.
            let _ = stream.write_all(&[&[0x81, reply.len() as u8][..], reply.as_bytes()].concat());
        }
    }
}

/// What the client says of it, with a load that only the server hears.
fn client_of_counter(fault: Fault, form: &str) -> Output {
    let address = counter(fault).to_string();
    Command::new(env!("CARGO_BIN_EXE_fanout"))
        .args(["--server", &address, "--protocol", "raw", "--connections", "2", "--drain", "1"])
        .args(["--cell", &format!("form={form},rate=1000,burst=5,publishers=2,seconds=0.1,warmup=0")])
        .output()
        .unwrap()
}

#[test]
fn what_only_the_server_hears_is_counted() {
    for form in ["count", "ack"] {
        let output = client_of_counter(Fault::None, form);
        assert!(output.status.success(), "{form}: {}", String::from_utf8_lossy(&output.stderr));
        let report = String::from_utf8(output.stdout).unwrap();
        let cell: serde_json::Value = serde_json::from_str(report.lines().last().unwrap()).unwrap();
        assert_eq!(cell["deliveries"], cell["messages"], "{cell}");
        for fault in [Fault::Lose, Fault::Repeat] {
            let output = client_of_counter(fault, form);
            assert!(!output.status.success(), "{form}, {fault:?} went unnoticed");
        }
    }
}
