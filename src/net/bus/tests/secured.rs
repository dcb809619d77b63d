//! The same over TLS: whom it trusts, and what it says of those whom it does not.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::Path;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a certificate for these names, and its key.
fn certify(authority: &Authority, names: &[&str], folder: &Path, file: &str) {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, authority).unwrap();
    std::fs::write(folder.join(format!("{file}.crt")), certificate.pem()).unwrap();
    std::fs::write(folder.join(format!("{file}.key")), key.serialize_pem()).unwrap();
}

/// A Redis behind TLS, with a folder that has its authority (`ca.crt`), another one (`other.crt`), and somebody's identity.
struct Secured {
    server: Server,
    folder: PathBuf,
    port: u16,
}

impl Drop for Secured {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Secured {
    /// `clients`: whether those who come have to show who they are.
    fn new(clients: &str, names: &[&str]) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("roomcast-tls-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let own = authority("own");
        certify(&own, names, &folder, "redis");
        certify(&own, &["somebody"], &folder, "somebody");
        std::fs::write(folder.join("ca.crt"), own.pem()).unwrap();
        std::fs::write(folder.join("other.crt"), authority("other").pem()).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = |file: &str| folder.join(file).to_str().unwrap().to_owned();
        let options = [
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", at("redis.crt")),
            ("--tls-key-file", at("redis.key")),
            ("--tls-ca-cert-file", at("ca.crt")),
            ("--tls-auth-clients", clients.to_owned()),
        ];
        let options: Vec<&str> = options.iter().flat_map(|(name, value)| [*name, value]).collect();
        Some(Self { server: Server::new(&options)?, folder, port })
    }

    fn url(&self, options: &[&str]) -> String {
        let options = options.join("&").replace('@', &format!("{}/", self.folder.display()));
        format!("rediss://127.0.0.1:{}?{options}", self.port)
    }
}

#[test]
fn it_publishes_and_hears_over_tls_and_comes_back() {
    let Some(redis) = Secured::new("no", &["127.0.0.1"]) else { return };
    for options in [&["ssl_ca_certs=@ca.crt"][..], &["ssl_cert_reqs=none"]] {
        let mut world = World::new(&redis.url(options));
        world.node.redis.subscribe(Subscription::Channel, b"c");
        world.hear("up");
        let large = "x".repeat(5_000_000);
        for payload in ["", "hello", &large, "behind"] {
            world.publish(payload);
            world.hear(&format!("c: {payload}"));
        }
        for (round, kind) in ["pubsub", "normal", "pubsub"].into_iter().enumerate() {
            assert_eq!(redis.server.order(&["CLIENT", "KILL", "TYPE", kind]), ":1", "{kind}");
            world.hear("down: ");
            world.hear("up again");
            world.publish(&format!("{round}"));
            world.hear(&format!("c: {round}"));
        }
        world.io.close_all();
    }
}

#[test]
fn whom_it_does_not_trust_is_told() {
    let Some(redis) = Secured::new("no", &["redis.example"]) else { return };
    for (options, why) in [
        ("ssl_ca_certs=@other.crt", "down: its certificate is not trusted: UnknownIssuer"),
        ("ssl_ca_certs=@ca.crt", "down: its certificate is not trusted: certificate not valid for name"),
        ("ssl_cert_reqs=required", "down: its certificate is not trusted: UnknownIssuer"),
    ] {
        // Where the system trusts nobody, it was said before.
        let url = redis.url(&[options]);
        if RedisOptions::parse(&url).is_err_and(|why| why.contains("the system trusts no authority")) {
            continue;
        }
        let mut world = World::new(&url);
        world.hear(why);
        world.until(|node| node.redis.counters().failed > 3);
        assert_eq!(world.node.heard, [""; 0], "the reason has not changed");
        assert_eq!(world.node.redis.counters().connected, 0);
    }
}

#[test]
fn who_speaks_no_tls_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"-ERR Protocol error: unbalanced quotes in request\r\n");
        }
    });
    let mut world = World::new(&format!("rediss://127.0.0.1:{port}?ssl_cert_reqs=none"));
    world.hear("down: it speaks no TLS");
}

#[test]
fn who_asks_for_a_certificate_gets_one() {
    let Some(redis) = Secured::new("yes", &["127.0.0.1"]) else { return };
    let mut world = World::new(&redis.url(&["ssl_ca_certs=@ca.crt"]));
    world.hear("down: ");
    let identity = ["ssl_ca_certs=@ca.crt", "ssl_certfile=@somebody.crt", "ssl_keyfile=@somebody.key"];
    let mut world = World::new(&redis.url(&identity));
    world.node.redis.subscribe(Subscription::Channel, b"c");
    world.hear("up");
    world.publish("hello");
    world.hear("c: hello");
}
