//! The scenario host of `tests/interop` on roomcast: the same behaviour as `reference/host.js` has on Node's socket.io, so
//! that every client and every raw test can be run against both. Takes the options as one JSON argument.

use roomcast::cors::{Cors, Origin};
use roomcast::wire::json;
use roomcast::{
    AckId, AdminAuth, AdminMode, AdminOptions, Broker, Cluster, ClusterFormat, Config, Cookie, Event, Events,
    Message, NamespaceId, NamespaceOptions, PatternOptions, SocketId, SubscriptionMode, Target,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

/// What the first answer sets where the host is asked about handshakes.
const OWN_COOKIE: &str = "own=1; Path=/; Secure; HttpOnly; Max-Age=60";

fn main() -> std::io::Result<()> {
    let options = std::env::args().nth(1).unwrap_or_else(|| "{}".into());
    let options: Value = serde_json::from_str(&options).expect("options are JSON");
    let mut host = Host::new(options)?;
    let mut port = host.options["port"].as_u64().unwrap_or(0);
    let mut events = Events::new();
    loop {
        port = listen(&mut host.broker, &format!("127.0.0.1:{port}"))?.port().into();
        print(&format!("listening on {port}"));
        host.after = After::Go;
        while host.after == After::Go {
            host.broker.poll(&mut events, host.next_verdict())?;
            host.verdicts();
            for event in events.iter() {
                host.event(event);
            }
        }
        host.broker.close(&mut events, Duration::from_secs(5))?;
        for event in events.iter() {
            host.event(event);
        }
        if host.after == After::Stop {
            print("closed");
            return Ok(());
        }
    }
}

/// Over TLS if the environment says where a certificate is: how a host is run is in no options.
fn listen(broker: &mut Broker, address: &str) -> std::io::Result<std::net::SocketAddr> {
    #[cfg(feature = "tls")]
    if let Some(folder) = std::env::var_os("INTEROP_TLS") {
        let read = |file| std::fs::read(std::path::Path::new(&folder).join(file));
        return broker
            .listen_tls(address, &roomcast::TlsConfig::from_pem(&read("own.crt")?, &read("own.key")?)?);
    }
    broker.listen(address)
}

fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever reads may have gone; the host ends by itself then.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Go,
    Stop,
    Restart,
}

/// What the host knows of a socket, while it is away too.
struct Client {
    sid: String,
    nsp: String,
    auth: Value,
    noted: Value,
}

/// Who asked for an acknowledgement, and what was answered so far.
struct Question {
    asker: SocketId,
    /// The whole room was asked, or one socket with a time limit, or one without.
    kind: Kind,
    answers: Vec<String>,
    /// Those of the last one that had some. No scenario has more.
    attachments: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    One,
    Timed,
    Room,
}

/// What an observer has asked other nodes, and what they have answered so far.
struct Asked {
    socket: SocketId,
    ack: Option<u64>,
    found: Vec<Value>,
}

struct Host {
    broker: Broker,
    /// By a number of its own.
    asked: HashMap<u64, Asked>,
    next: u64,
    options: Value,
    observer: NamespaceId,
    /// Of sockets that have yet to be told of.
    ids: HashMap<SocketId, String>,
    clients: HashMap<SocketId, Client>,
    questions: HashMap<AckId, Question>,
    /// Connect requests that are answered late.
    late: Vec<(Instant, SocketId, Value, bool)>,
    after: After,
}

/// Event arguments: raw JSON, with their attachments.
#[derive(Clone, Copy)]
struct Args<'a> {
    items: &'a [&'a str],
    attachments: &'a [&'a [u8]],
}

impl<'a> Args<'a> {
    fn from(self, at: usize) -> Args<'a> {
        Args { items: self.items.get(at..).unwrap_or_default(), ..self }
    }

    fn array(&self) -> String {
        format!("[{}]", self.items.join(","))
    }

    fn value(&self, at: usize) -> Value {
        self.items.get(at).and_then(|item| serde_json::from_str(item).ok()).unwrap_or(Value::Null)
    }

    fn text(&self, at: usize) -> String {
        match self.value(at) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }
}

fn config(options: &Value) -> Config {
    let mut config = Config { guard_handshakes: options["guardHandshakes"] == true, ..Config::default() };
    let number = |name: &str| options[name].as_u64();
    if let Some(path) = options["path"].as_str() {
        config.path = path.into();
    }
    config.ping_interval = number("pingInterval").unwrap_or(config.ping_interval);
    config.ping_timeout = number("pingTimeout").unwrap_or(config.ping_timeout);
    config.connect_timeout = number("connectTimeout").unwrap_or(config.connect_timeout);
    config.upgrade_timeout = number("upgradeTimeout").unwrap_or(config.upgrade_timeout);
    if let Some(size) = number("maxHttpBufferSize") {
        config.limits.max_payload = size as usize;
    }
    if let Some(transports) = options["transports"].as_array() {
        config.polling = transports.contains(&json!("polling"));
        config.websocket = transports.contains(&json!("websocket"));
    }
    config.allow_upgrades = options["allowUpgrades"].as_bool().unwrap_or(true);
    config.allow_eio3 = options["allowEIO3"] == true;
    let recovery = &options["connectionStateRecovery"];
    if let Some(window) = recovery["maxDisconnectionDuration"].as_u64() {
        config.limits.recovery_window = window;
    }
    if let Some(bytes) = recovery["logBytes"].as_u64() {
        config.limits.recovery_log_bytes = bytes as usize;
    }
    if let Some(path) = options["cluster"]["path"].as_str() {
        let format = match options["cluster"]["format"].as_str() {
            Some("pubsub" | "pubsub rooms") => ClusterFormat::PubSub,
            Some("sharded") => ClusterFormat::Sharded(SubscriptionMode::Dynamic),
            Some("sharded static") => ClusterFormat::Sharded(SubscriptionMode::Static),
            Some("sharded private") => ClusterFormat::Sharded(SubscriptionMode::DynamicPrivate),
            Some("streams") => ClusterFormat::Streams,
            other => panic!("no such format: {other:?}"),
        };
        let login = options["cluster"]["login"].as_str().unwrap_or_default();
        let room_channels = options["cluster"]["format"] == "pubsub rooms";
        let named = options["cluster"]["url"].as_str().map(str::to_owned);
        let url = named.unwrap_or_else(|| format!("unix://{login}{path}"));
        config.cluster = Some(Cluster { url, format, room_channels, ..Cluster::default() });
    }
    compress(&mut config, options);
    config.cors = cors(&options["cors"]);
    config.msgpack = options["msgpack"].as_bool().unwrap_or(false);
    config.check_origin = options["checkOrigin"].as_bool().unwrap_or(false);
    config.cookie = cookie(&options["cookie"]);
    // How the host is run, which no client can tell: it is not in the options that all hosts have.
    config.loops = std::env::var("INTEROP_LOOPS").map_or(0, |loops| loops.parse().expect("a number"));
    config
}

fn compress(config: &mut Config, options: &Value) {
    let threshold = |name: &str| options[name]["threshold"].as_u64();
    config.per_message_deflate = options["perMessageDeflate"].is_object();
    config.http_compression = options["httpCompression"] != json!(false);
    if let Some(bytes) = threshold("perMessageDeflate").or(threshold("httpCompression")) {
        config.compression_threshold = bytes as usize;
    }
    // How the host is run: every message that gains by it, for whoever takes it.
    if std::env::var_os("INTEROP_DEFLATE").is_some() {
        (config.per_message_deflate, config.compress_binary) = (true, true);
        (config.compression_threshold, config.compression_level) = (1, 1);
    }
}

fn cors(options: &Value) -> Option<Cors> {
    if options.is_null() || options == &json!(false) || options["origin"] == json!(false) {
        return None;
    }
    let list = |value: &Value| match value {
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let mut cors = Cors::default();
    cors.origin = match &options["origin"] {
        Value::String(origin) if origin != "*" => Origin::Fixed(origin.clone()),
        Value::Array(list) => {
            Origin::List(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        Value::Bool(true) => Origin::Reflect,
        _ => Origin::Any,
    };
    cors.methods = list(&options["methods"]).unwrap_or(cors.methods);
    cors.allowed_headers = list(&options["allowedHeaders"]);
    cors.exposed_headers = list(&options["exposedHeaders"]).unwrap_or_default();
    cors.credentials = options["credentials"].as_bool().unwrap_or(false);
    cors.max_age = options["maxAge"].as_u64();
    cors.options_success_status = options["optionsSuccessStatus"].as_u64().unwrap_or(204) as u16;
    Some(cors)
}

fn cookie(options: &Value) -> Option<Cookie> {
    if options.is_null() || options == &json!(false) {
        return None;
    }
    let mut cookie = Cookie::default();
    if let Some(name) = options["name"].as_str() {
        cookie.name = name.into();
    }
    match &options["path"] {
        Value::Bool(false) => cookie.path = None,
        Value::String(path) => cookie.path = Some(path.clone()),
        _ => {}
    }
    cookie.http_only = options["httpOnly"].as_bool().unwrap_or(true);
    match &options["sameSite"] {
        Value::Bool(false) => cookie.same_site = None,
        Value::String(same_site) => cookie.same_site = Some(same_site.clone()),
        _ => {}
    }
    cookie.secure = options["secure"].as_bool().unwrap_or(false);
    cookie.max_age = options["maxAge"].as_u64();
    cookie.domain = options["domain"].as_str().map(str::to_owned);
    cookie.partitioned = options["partitioned"].as_bool().unwrap_or(false);
    Some(cookie)
}

impl Host {
    fn new(options: Value) -> std::io::Result<Self> {
        let mut broker = Broker::new(config(&options))?;
        let recovery = options["connectionStateRecovery"].is_object();
        let ask_again = options["connectionStateRecovery"]["skipMiddlewares"] == json!(false);
        let open = NamespaceOptions { recovery, ..NamespaceOptions::default() };
        let guarded = NamespaceOptions { guarded: true, ask_again, ..open };
        let tenants = PatternOptions { guarded: true, recovery, ask_again, ..PatternOptions::default() };
        let observer = broker.add_namespace("/observer", open).map_err(std::io::Error::other)?;
        let made = broker
            .add_namespace("/", open)
            .and_then(|_| broker.add_namespace("/plain", open))
            .and_then(|_| broker.add_namespace("/custom", open))
            .and_then(|_| broker.add_namespace("/guarded", guarded))
            .and_then(|_| broker.add_pattern("/tenant-*", tenants));
        made.map_err(std::io::Error::other)?;
        if let Some(login) = options["admin"].as_object() {
            let text = |name: &str| login[name].as_str().expect("a text").to_owned();
            let mode = if login.get("mode") == Some(&json!("production")) {
                AdminMode::Production
            } else {
                AdminMode::Development
            };
            let read_only = login.get("readonly") == Some(&json!(true));
            let auth = AdminAuth::Logins(vec![(text("username"), text("password"))]);
            broker
                .instrument(auth, AdminOptions { mode, read_only, ..AdminOptions::default() })
                .map_err(std::io::Error::other)?;
        }
        Ok(Self {
            broker,
            options,
            observer,
            asked: HashMap::new(),
            next: 0,
            ids: HashMap::new(),
            clients: HashMap::new(),
            questions: HashMap::new(),
            late: Vec::new(),
            after: After::Go,
        })
    }

    // ---- what happens ----

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Handshake { conn } => {
                let refused = self.broker.conn_handshake(conn).ok().and_then(|it| {
                    it.header("x-refuse").map(|text| String::from_utf8_lossy(text).into_owned())
                });
                let _ = match refused {
                    Some(text) => self.broker.refuse(conn, &text),
                    None => (self.broker.add_header(conn, "X-Answer", "first"))
                        .and_then(|()| self.broker.add_header(conn, "Set-Cookie", OWN_COOKIE))
                        .and_then(|()| self.broker.allow(conn)),
                };
            }
            Event::ConnectRequest { socket, namespace, id, auth, recovered, .. } => {
                // Whoever asks for its session is told of when it is back.
                if !recovered {
                    self.ids.insert(socket, id.to_owned());
                }
                self.admit(socket, namespace, parsed(auth));
            }
            Event::Connect { socket, namespace, id, auth, recovered, .. } => {
                self.ids.insert(socket, id.to_owned());
                self.connected(socket, namespace, parsed(auth), recovered);
            }
            Event::Disconnect { socket, reason, rooms, recoverable, .. } => {
                let Some(client) = self.clients.get(&socket) else { return };
                let mut rooms: Vec<&str> = rooms.iter().collect();
                rooms.sort_unstable();
                if client.nsp != "/observer" {
                    self.log(&json!({"what": "disconnect", "nsp": client.nsp, "sid": client.sid,
                        "reason": reason.text(), "rooms": rooms}));
                }
                if !recoverable {
                    self.clients.remove(&socket);
                }
            }
            Event::SessionExpired { socket, .. } => {
                let Some(Client { sid, nsp, .. }) = self.clients.remove(&socket) else { return };
                if nsp != "/observer" {
                    self.log(&json!({"what": "expired", "nsp": nsp, "sid": sid}));
                }
            }
            Event::Message { socket, namespace, name, args, attachments, ack, .. } => {
                let items: Vec<&str> = json::elements(args).collect();
                let attachments: Vec<&[u8]> = attachments.iter().collect();
                let args = Args { items: &items, attachments: &attachments };
                if namespace == self.observer {
                    self.observe(socket, name, args, ack);
                } else {
                    self.serve(socket, namespace, name, args, ack);
                }
            }
            Event::Ack { ack, args, attachments, remaining, .. } => {
                let items: Vec<&str> = json::elements(args).collect();
                let attachments: Vec<&[u8]> = attachments.iter().collect();
                self.answered(ack, Args { items: &items, attachments: &attachments }, remaining);
            }
            Event::RemoteAck { ack, args, attachments, remaining, .. } => {
                let items: Vec<&str> = json::elements(args).collect();
                let attachments: Vec<&[u8]> = attachments.iter().collect();
                self.answered(ack, Args { items: &items, attachments: &attachments }, remaining);
            }
            Event::AckEnd { ack, missing: 0, .. } => self.all_answered(ack),
            Event::AckEnd { ack, timed_out, .. } => self.unanswered(ack, timed_out),
            Event::ClusterUp { .. } => self.log(&json!({"what": "cluster up"})),
            Event::ClusterDown { reason, .. } => {
                self.log(&json!({"what": "cluster down", "reason": reason}));
            }
            Event::ClusterRefused { reason } => {
                self.log(&json!({"what": "cluster refused", "reason": reason}));
            }
            Event::ServerEvent { namespace, name, args, attachments, answer } => {
                let nsp = self.broker.namespace_name(namespace).unwrap_or_default().into_owned();
                match (name, answer) {
                    ("said", _) => self.log(&json!({"what": "said", "nsp": nsp, "args": parsed(args)})),
                    ("asked", Some(answer)) => {
                        let attachments: Vec<&[u8]> = attachments.iter().collect();
                        let _ =
                            self.broker.answer_node(answer, &format!(r#"{{"heard":{args}}}"#), &attachments);
                    }
                    _ => {}
                }
            }
            Event::NodeAnswer { value, context, .. } => {
                if let Some(asked) = self.asked.get_mut(&context) {
                    asked.found.push(parsed(value));
                }
            }
            Event::RemoteSocket { id, handshake, rooms, context, .. } => {
                let mut rooms: Vec<&str> = rooms.iter().collect();
                rooms.sort_unstable();
                let found = json!({"id": id, "rooms": rooms, "handshake": parsed(handshake)});
                if let Some(asked) = self.asked.get_mut(&context) {
                    asked.found.push(found);
                }
            }
            Event::AnswersEnd { context, .. } => {
                if let Some(Asked { socket, ack, mut found }) = self.asked.remove(&context) {
                    found.sort_by(|one, other| one["id"].as_str().cmp(&other["id"].as_str()));
                    self.reply(socket, ack, &json!([found]).to_string(), &[]);
                }
            }
            Event::Nodes { count, context } => {
                if let Some(Asked { socket, ack, .. }) = self.asked.remove(&context) {
                    self.reply(socket, ack, &format!("[{count}]"), &[]);
                }
            }
            _ => {}
        }
    }

    fn admit(&mut self, socket: SocketId, namespace: NamespaceId, auth: Value) {
        let name = self.broker.namespace_name(namespace).unwrap_or_default().into_owned();
        let unauthorized = json!({"code": "E_AUTH", "retry": false}).to_string();
        if let Some(tenant) = name.strip_prefix("/tenant-") {
            let fits =
                !tenant.is_empty() && tenant.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            let _ = if !fits {
                self.broker.reject(socket, "Invalid namespace", None)
            } else if auth["refuse"] == json!(true) {
                self.broker.reject(socket, "tenant refused", Some(&json!({"tenant": name}).to_string()))
            } else {
                return self.accept(socket, namespace, auth);
            };
            return;
        }
        let soon = Instant::now() + Duration::from_millis(50);
        match auth["token"].as_str() {
            Some("secret") => self.accept(socket, namespace, auth),
            Some("no-data") => drop(self.broker.reject(socket, "no data given", None)),
            Some("slow") => self.late.push((soon, socket, auth, true)),
            Some("slow-no") => self.late.push((soon, socket, auth, false)),
            _ => drop(self.broker.reject(socket, "not authorized", Some(&unauthorized))),
        }
    }

    fn accept(&mut self, socket: SocketId, namespace: NamespaceId, auth: Value) {
        if self.broker.accept(socket).is_ok() {
            self.connected(socket, namespace, auth, false);
        }
    }

    fn next_verdict(&self) -> Option<Duration> {
        let next = self.late.iter().map(|(at, ..)| *at).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn verdicts(&mut self) {
        let now = Instant::now();
        for (_, socket, auth, good) in self.late.extract_if(.., |(at, ..)| *at <= now).collect::<Vec<_>>() {
            if good {
                if let Ok(namespace) = self.broker.namespace_of(socket) {
                    self.accept(socket, namespace, auth);
                }
            } else {
                let data = json!({"code": "E_AUTH", "retry": false}).to_string();
                let _ = self.broker.reject(socket, "not authorized", Some(&data));
            }
        }
    }

    fn connected(&mut self, socket: SocketId, namespace: NamespaceId, auth: Value, recovered: bool) {
        let (Some(sid), Ok(nsp)) = (self.ids.remove(&socket), self.broker.namespace_name(namespace)) else {
            return;
        };
        let nsp = nsp.into_owned();
        if namespace != self.observer {
            self.log(&json!({"what": "connect", "nsp": nsp, "sid": sid, "recovered": recovered}));
            if self.options["protocol"] == json!(true) {
                self.send(socket, "auth", &format!("[{auth}]"), &[]);
            }
            if let Some(greet) = auth.get("greet") {
                self.send(socket, "welcome", &format!("[{greet}]"), &[]);
            }
        }
        let noted = self.clients.remove(&socket).map_or(Value::Null, |client| client.noted);
        self.clients.insert(socket, Client { sid, nsp, auth, noted });
    }

    fn log(&mut self, entry: &Value) {
        print(&format!("log {entry}"));
        let args = format!("[{entry}]");
        let _ = self.broker.emit(Target::all(self.observer), Message::new("log", &args));
    }

    // ---- emitting ----

    fn send(&mut self, socket: SocketId, name: &str, args: &str, attachments: &[&[u8]]) {
        let Ok(namespace) = self.broker.namespace_of(socket) else { return };
        let message = Message::new(name, args).attach(attachments);
        let _ = self.broker.emit(Target::sockets(namespace, &[socket]), message);
    }

    fn reply(&mut self, socket: SocketId, ack: Option<u64>, args: &str, attachments: &[&[u8]]) {
        if let Some(ack) = ack {
            // An acknowledgement comes after all that its event does: each loop has done it when it has answered a question.
            self.broker.stats();
            let _ = self.broker.ack(socket, ack, args, attachments);
        }
    }

    /// `to` is `{rooms, except, volatile, self}`.
    fn say(
        &mut self,
        namespace: NamespaceId,
        to: &Value,
        sender: Option<SocketId>,
        name: &str,
        args: Args<'_>,
    ) {
        let names = |value: &Value| -> Vec<String> {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| Some(name.as_str()?.to_owned()))
                .collect()
        };
        let (rooms, except) = (names(&to["rooms"]), names(&to["except"]));
        let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
        let except: Vec<&str> = except.iter().map(String::as_str).collect();
        let sender: Vec<SocketId> = sender.filter(|_| to["self"] == json!(false)).into_iter().collect();
        let target = if rooms.is_empty() { Target::all(namespace) } else { Target::rooms(namespace, &rooms) };
        let array = args.array();
        let message = Message::new(name, &array).attach(args.attachments);
        let message = if to["volatile"] == json!(true) { message.volatile() } else { message };
        let message = if to["local"] == json!(true) { message.local() } else { message };
        let message = if to["compress"] == json!(false) { message.uncompressed() } else { message };
        let _ = self.broker.emit(target.except_rooms(&except).except(&sender), message);
    }

    // ---- events of the open namespaces ----

    fn own_rooms(&self, socket: SocketId) -> String {
        let mut rooms: Vec<_> = self.broker.rooms_of(socket).into_iter().flatten().skip(1).collect();
        rooms.sort_unstable();
        json!([rooms]).to_string()
    }

    fn sids(&self, sockets: impl Iterator<Item = SocketId>) -> String {
        let mut sids: Vec<_> = sockets.filter_map(|socket| self.broker.socket_sid(socket).ok()).collect();
        sids.sort_unstable();
        json!([sids]).to_string()
    }

    fn everyone(&self, namespace: Option<NamespaceId>) -> String {
        self.sids(namespace.and_then(|it| self.broker.sockets_in(it).ok()).into_iter().flatten())
    }

    fn members(&self, namespace: Option<NamespaceId>, room: &str) -> String {
        self.sids(namespace.and_then(|it| self.broker.members(it, room).ok()).into_iter().flatten())
    }

    fn room_list(&self, namespace: Option<NamespaceId>) -> String {
        let rooms = namespace.and_then(|it| self.broker.rooms_in(it).ok());
        let mut rooms: Vec<_> = rooms.into_iter().flatten().collect();
        rooms.sort_unstable();
        json!([rooms]).to_string()
    }

    fn serve(
        &mut self,
        socket: SocketId,
        namespace: NamespaceId,
        name: &str,
        args: Args<'_>,
        ack: Option<u64>,
    ) {
        let array = args.array();
        let room = args.text(0);
        let with = args.attachments;
        match name {
            "message" => self.send(socket, "message-back", &array, with),
            "message-with-ack" => self.reply(socket, ack, &array, with),
            "echo" => {
                self.send(socket, "echo", &array, with);
                self.reply(socket, ack, &array, with);
            }
            "back" => {
                self.send(socket, &room, &args.from(1).array(), with);
                self.reply(socket, ack, "[]", &[]);
            }
            "burst" => {
                for n in 0..args.value(0).as_u64().unwrap_or(0) {
                    let number = n.to_string();
                    let mut items = args.items.to_vec();
                    items[0] = &number;
                    self.send(socket, "burst", &Args { items: &items, ..args }.array(), with);
                }
                self.reply(socket, ack, "[]", &[]);
            }
            "join" | "leave" => {
                for at in 0..args.items.len() {
                    let room = args.text(at);
                    let _ = if name == "join" {
                        self.broker.join(socket, &room)
                    } else {
                        self.broker.leave(socket, &room)
                    };
                }
                self.reply(socket, ack, &self.own_rooms(socket), &[]);
            }
            "rooms" => self.reply(socket, ack, &self.own_rooms(socket), &[]),
            "members" => self.reply(socket, ack, &self.members(Some(namespace), &room), &[]),
            "everyone" => self.reply(socket, ack, &self.everyone(Some(namespace)), &[]),
            "room-list" => self.reply(socket, ack, &self.room_list(Some(namespace)), &[]),
            "say" => {
                self.say(namespace, &args.value(0), Some(socket), &args.text(1), args.from(2));
                self.reply(socket, ack, "[]", &[]);
            }
            "mixed" => self.mixed(socket, namespace, &room, ack),
            "leave-between" => self.leave_between(socket, namespace, &room, ack),
            "volatile" | "volatile-pair" | "volatile-behind" => {
                self.volatile(socket, namespace, name, &array, ack)
            }
            "ack-many" => self.reply(socket, ack, r#"[1,"two",{"three":[3]}]"#, &[]),
            // An acknowledgement is answered once: that is up to the host.
            "ack-twice" => self.reply(socket, ack, r#"["first"]"#, &[]),
            "ask" => self.ask(socket, Target::sockets(namespace, &[socket]), Kind::One, None, args),
            "ask-timeout" => {
                let time = args.value(0).as_u64();
                self.ask(socket, Target::sockets(namespace, &[socket]), Kind::Timed, time, args.from(1));
            }
            "ask-room" => {
                let time = args.value(0).as_u64();
                self.ask(socket, Target::rooms(namespace, &[&args.text(1)]), Kind::Room, time, args.from(2));
            }
            "whoami" => self.reply(socket, ack, &self.whoami(socket, namespace), &[]),
            "note" => {
                if let Some(client) = self.clients.get_mut(&socket) {
                    client.noted = args.value(0);
                }
                self.reply(socket, ack, "[]", &[]);
            }
            "noted" => {
                let noted = self.clients.get(&socket).map_or(&Value::Null, |client| &client.noted);
                self.reply(socket, ack, &json!([noted]).to_string(), &[]);
            }
            "kick" => {
                self.send(socket, "bye", "[]", &[]);
                let _ = self.broker.disconnect(socket, args.value(0) == json!(true));
            }
            "kick-room" => {
                let _ = self.broker.emit(Target::rooms(namespace, &[&room]), Message::new("bye", "[]"));
                self.kick_room(namespace, &room, args.value(1) == json!(true));
            }
            "kick-and-use" => {
                let _ = self.broker.disconnect(socket, false);
                let _ = self.broker.join(socket, &room);
                self.send(socket, "echo", r#"["after the kick"]"#, &[]);
            }
            _ => {}
        }
    }

    fn kick_room(&mut self, namespace: NamespaceId, room: &str, close: bool) {
        let _ = self.broker.disconnect_sockets(Target::rooms(namespace, &[room]), close);
    }

    fn mixed(&mut self, socket: SocketId, namespace: NamespaceId, room: &str, ack: Option<u64>) {
        let own = self.broker.socket_sid(socket).unwrap_or_default().into_owned();
        let _ = self.broker.join(socket, room);
        self.send(socket, "mixed", "[1]", &[]);
        let _ = self.broker.emit(Target::rooms(namespace, &[room]), Message::new("mixed", "[2]"));
        let _ = self.broker.emit(Target::all(namespace), Message::new("mixed", "[3]"));
        let _ = self.broker.emit(Target::rooms(namespace, &[&own]), Message::new("mixed", "[4]"));
        self.reply(socket, ack, "[5]", &[]);
        self.send(socket, "mixed", "[6]", &[]);
    }

    fn leave_between(&mut self, socket: SocketId, namespace: NamespaceId, room: &str, ack: Option<u64>) {
        let rooms = [room];
        let to_room = Target::rooms(namespace, &rooms);
        let _ = self.broker.join(socket, room);
        let _ = self.broker.emit(to_room, Message::new("between", r#"["member"]"#));
        let _ = self.broker.leave(socket, room);
        let _ = self.broker.emit(to_room, Message::new("between", r#"["left"]"#));
        let _ = self.broker.join(socket, room);
        let _ = self.broker.emit(to_room, Message::new("between", r#"["member again"]"#));
        self.reply(socket, ack, "[]", &[]);
    }

    fn volatile(
        &mut self,
        socket: SocketId,
        namespace: NamespaceId,
        name: &str,
        array: &str,
        ack: Option<u64>,
    ) {
        let one = [socket];
        let to = Target::sockets(namespace, &one);
        let messages: &[Message<'_>] = match name {
            "volatile" => &[Message::new("volatile", array).volatile()],
            "volatile-pair" => {
                &[Message::new("volatile", "[1]").volatile(), Message::new("volatile", "[2]").volatile()]
            }
            _ => &[
                Message::new("regular", "[1]"),
                Message::new("volatile", "[1]").volatile(),
                Message::new("regular", "[2]"),
            ],
        };
        for message in messages {
            let _ = self.broker.emit(to, *message);
        }
        self.reply(socket, ack, "[]", &[]);
    }

    fn whoami(&self, socket: SocketId, namespace: NamespaceId) -> String {
        let Value::Object(mut me) = self.handshake_of(socket) else { return "[]".into() };
        let nsp = self.broker.namespace_name(namespace).unwrap_or_default();
        me.insert("id".into(), self.clients.get(&socket).map(|client| client.sid.clone()).into());
        me.insert("nsp".into(), nsp.into());
        json!([me]).to_string()
    }

    fn handshake_of(&self, socket: SocketId) -> Value {
        let (Ok(shake), Some(client)) = (self.broker.handshake(socket), self.clients.get(&socket)) else {
            return Value::Null;
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers: serde_json::Map<String, Value> =
            shake.headers().map(|(name, value)| (name.to_ascii_lowercase(), text(value).into())).collect();
        let query: serde_json::Map<String, Value> =
            shake.query().map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
        json!({
            "headers": headers, "address": shake.address().ip().map(|ip| ip.to_string()),
            "xdomain": shake.is_cross_domain(), "secure": shake.tls().is_some(), "url": shake.url(), "query": query,
            "auth": client.auth, "time": shake.time(), "issued": shake.issued(),
        })
    }

    // ---- acknowledgements ----

    fn ask(&mut self, asker: SocketId, target: Target<'_>, kind: Kind, time: Option<u64>, args: Args<'_>) {
        let array = args.from(1).array();
        let name = args.text(0);
        let message = Message::new(&name, &array).attach(args.attachments);
        match self.broker.emit_with_ack(target, message, time, 0) {
            Ok((_, Some(ack))) => drop(
                self.questions
                    .insert(ack, Question { asker, kind, answers: Vec::new(), attachments: Vec::new() }),
            ),
            Ok((_, None)) => self.send(asker, "answers", "[true,[]]", &[]),
            Err(_) => {}
        }
    }

    fn answered(&mut self, ack: AckId, args: Args<'_>, remaining: u32) {
        let Some(question) = self.questions.get_mut(&ack) else { return };
        let asker = question.asker;
        if question.kind == Kind::Room {
            question.answers.push(args.items.first().map_or("null", |first| first).to_owned());
            if !args.attachments.is_empty() {
                question.attachments = args.attachments.iter().map(|bytes| bytes.to_vec()).collect();
            }
            if remaining == 0 {
                self.all_answered(ack);
            }
        } else {
            self.send(asker, "answered", &args.array(), args.attachments);
            self.questions.remove(&ack);
        }
    }

    fn all_answered(&mut self, ack: AckId) {
        let Some(question) = self.questions.remove(&ack) else { return };
        let answers = question.answers.join(",");
        let attachments: Vec<&[u8]> = question.attachments.iter().map(|bytes| &**bytes).collect();
        self.send(question.asker, "answers", &format!("[true,[{answers}]]"), &attachments);
    }

    /// Asks other nodes for an observer.
    fn ask_nodes(&mut self, socket: SocketId, ack: Option<u64>, found: Vec<Value>) -> u64 {
        self.next += 1;
        self.asked.insert(self.next, Asked { socket, ack, found });
        self.next
    }

    /// This node's own sockets, as others are told of them.
    fn own_sockets(&mut self, target: Target<'_>) -> Vec<Value> {
        let sockets: Vec<SocketId> = self.broker.fetch_sockets(target).into_iter().flatten().collect();
        let told = |socket: SocketId| {
            let mut rooms: Vec<_> = self.broker.rooms_of(socket).ok()?.collect();
            rooms.sort_unstable();
            Some(
                json!({"id": self.broker.socket_sid(socket).ok()?, "rooms": rooms, "handshake": self.handshake_of(socket)}),
            )
        };
        sockets.into_iter().filter_map(told).collect()
    }

    fn unanswered(&mut self, ack: AckId, timed_out: bool) {
        let Some(question) = self.questions.remove(&ack) else { return };
        match question.kind {
            Kind::One => {}
            Kind::Timed if timed_out => self.send(question.asker, "unanswered", "[]", &[]),
            Kind::Timed => {}
            Kind::Room => {
                let answers = question.answers.join(",");
                self.send(question.asker, "answers", &format!("[false,[{answers}]]"), &[]);
            }
        }
    }

    // ---- the observer ----

    fn observe(&mut self, socket: SocketId, name: &str, args: Args<'_>, ack: Option<u64>) {
        let namespace = self.broker.find_namespace(&args.text(0));
        let answer = match name {
            "namespaces" => json!([self.namespaces()]).to_string(),
            "connections" => json!([self.broker.stats().connections]).to_string(),
            "everyone" => self.everyone(namespace),
            "members" => self.members(namespace, &args.text(1)),
            "room-list" => self.room_list(namespace),
            "say" => {
                if let Some(namespace) = namespace {
                    self.say(namespace, &args.value(1), None, &args.text(2), args.from(3));
                }
                "[]".into()
            }
            "say-tenants" => {
                for name in self.namespaces().iter().filter(|name| name.starts_with("/tenant-")) {
                    if let Some(namespace) = self.broker.find_namespace(name) {
                        self.say(namespace, &Value::Null, None, &args.text(0), args.from(1));
                    }
                }
                "[]".into()
            }
            "fetch" => {
                let Some(namespace) = namespace else { return };
                let room = args.text(1);
                let room = &[&*room];
                let target = if args.value(1).is_null() {
                    Target::all(namespace)
                } else {
                    Target::rooms(namespace, room)
                };
                let own = self.own_sockets(target);
                let context = self.ask_nodes(socket, ack, own);
                let _ = self.broker.fetch_remote_sockets(target, 0, context);
                return;
            }
            "server-emit" => {
                let Some(namespace) = namespace else { return };
                let _ = self.broker.server_emit(namespace, "said", &args.from(1).array(), args.attachments);
                "[]".into()
            }
            "server-ask" => {
                let Some(namespace) = namespace else { return };
                let context = self.ask_nodes(socket, ack, Vec::new());
                let (array, attachments) = (args.from(1).array(), args.attachments);
                let _ = self.broker.ask_nodes(namespace, "asked", &array, attachments, 0, context);
                return;
            }
            "nodes" => {
                let Some(namespace) = namespace else { return };
                let context = self.ask_nodes(socket, ack, Vec::new());
                let _ = self.broker.count_nodes(namespace, context);
                return;
            }
            "join" | "leave" => {
                if let Some(namespace) = namespace {
                    let (of, room) = (args.text(1), args.text(2));
                    let (of, rooms) = (&[&*of], &[&*room]);
                    let of = Target::rooms(namespace, of);
                    let _ = if name == "join" {
                        self.broker.sockets_join(of, rooms)
                    } else {
                        self.broker.sockets_leave(of, rooms)
                    };
                }
                "[]".into()
            }
            "kick" => {
                if let Some(namespace) = namespace {
                    self.kick_room(namespace, &args.text(1), args.value(2) == json!(true));
                }
                "[]".into()
            }
            "shutdown" => return self.after = After::Stop,
            "restart" => return self.after = After::Restart,
            _ => return,
        };
        self.reply(socket, ack, &answer, &[]);
    }

    fn namespaces(&self) -> Vec<String> {
        let mut names: Vec<String> = self.broker.namespaces().map(|(_, name)| name.into_owned()).collect();
        names.sort_unstable();
        names
    }
}

fn parsed(auth: &str) -> Value {
    serde_json::from_str(auth).unwrap_or(Value::Null)
}
