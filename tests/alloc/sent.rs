//! What a broadcast may allocate on its way to the sockets of its recipients: nothing, plain, compressed, over TLS, or both.

use super::allocations;
use roomcast::{Broker, Config, Events, Message, Target, TlsConfig};
use rustls::crypto::ring;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
const COUNT: usize = 64;

/// A certificate for `localhost`, and who trusts it.
fn certified() -> (TlsConfig, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let trust = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = TlsConfig::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes());
    (tls.unwrap(), Arc::new(trust))
}

/// Upgrades to a WebSocket that takes compressed messages, and asks to be let in.
fn come_in<S: Read + Write>(mut stream: S) -> S {
    let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'4', b'0']).unwrap();
    let mut came = Vec::new();
    while !came.windows(3).any(|bytes| bytes == b"40{") {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&came));
        came.extend_from_slice(&piece[..count]);
    }
    stream
}

/// Clients, which read no more: what they are sent finds room in the kernel.
fn clients(address: SocketAddr, trust: Option<Arc<ClientConfig>>) -> Vec<Box<dyn Send>> {
    let connected = |_| -> Box<dyn Send> {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match &trust {
            None => Box::new(come_in(stream)),
            Some(trust) => {
                let connection = ClientConnection::new(trust.clone(), "localhost".try_into().unwrap());
                Box::new(come_in(StreamOwned::new(connection.unwrap(), stream)))
            }
        }
    };
    (0..COUNT).map(connected).collect()
}

/// Calls for memory of some broadcasts, once all buffers have grown.
fn broadcasts(compressed: bool, secured: bool) -> u64 {
    let config = Config { per_message_deflate: compressed, compression_threshold: 64, ..Config::default() };
    let (mut broker, mut events) = (Broker::new(config).unwrap(), Events::new());
    let (address, trust) = if secured {
        let (tls, trust) = certified();
        (broker.listen_tls("127.0.0.1:0", &tls).unwrap(), Some(trust))
    } else {
        (broker.listen("127.0.0.1:0").unwrap(), None)
    };
    let coming = thread::spawn(move || clients(address, trust));
    let end = Instant::now() + PATIENCE;
    while !coming.is_finished() {
        assert!(Instant::now() < end, "they never came");
        broker.poll(&mut events, Some(Duration::from_millis(20))).unwrap();
    }
    let _clients = coming.join().unwrap();
    let root = broker.find_namespace("/").unwrap();
    let args = format!("[{:?}]", "the same words again and again, ".repeat(8));
    let delivered = |broker: &Broker| broker.stats().counters.deliveries;
    let mut say = |broker: &mut Broker| {
        for name in ["one", "two", "three"] {
            broker.emit(Target::all(root), Message::new(name, &args)).unwrap();
        }
        broker.poll(&mut events, Some(Duration::ZERO)).unwrap();
    };
    (0..5).for_each(|_| say(&mut broker));
    let (before, queued) = (delivered(&broker), broker.stats().queued_bytes);
    let calls = allocations(|| (0..10).for_each(|_| say(&mut broker)));
    assert_eq!(delivered(&broker) - before, 30 * COUNT as u64);
    let counters = broker.stats().counters;
    assert_eq!(
        (counters.deflated_messages, counters.tls_handshakes),
        (if compressed { 45 } else { 0 }, if secured { COUNT as u64 } else { 0 })
    );
    assert_eq!((queued, broker.stats().queued_bytes), (0, 0), "the kernel has taken all");
    calls
}

#[test]
fn a_broadcast_allocates_nothing() {
    for (compressed, secured) in [(false, false), (true, false), (false, true), (true, true)] {
        assert_eq!(broadcasts(compressed, secured), 0, "compressed: {compressed}, over TLS: {secured}");
    }
}
