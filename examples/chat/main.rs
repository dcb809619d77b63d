//! A chat for as many browser tabs as you like: rooms, who is there, who types, and a corner for staff. Whoever loses the
//! connection for a while is told what was said meanwhile.
//!
//! `cargo run --example chat [port]`, then open the address that it prints, twice.

mod page;

use roomcast::{
    Broker, Config, Event, Events, Message, NamespaceId, NamespaceOptions, Result, SocketId, Target,
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The rooms of `/`. The first is where people arrive.
const ROOMS: &[&str] = &["lobby", "music", "games"];
/// The only room of `/staff`.
const STAFF_ROOMS: &[&str] = &["staff"];

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "3000".into());
    let token = std::env::var("STAFF_TOKEN").unwrap_or_else(|_| "staff".into());

    let mut broker = Broker::new(Config { health_path: Some("/health".into()), ..Config::default() })?;
    // A client whose connection breaks comes back as who it was, and hears what it has missed.
    let recovery = NamespaceOptions { recovery: true, ..NamespaceOptions::default() };
    broker.add_namespace("/", recovery)?;
    let staff = broker.add_namespace("/staff", NamespaceOptions { guarded: true, ..recovery })?;
    page::serve(&mut broker)?;
    let address = broker.listen(format!("127.0.0.1:{port}"))?;
    println!("listening on http://{address} (the staff token is {token:?})");

    let mut chat = Chat { broker, staff, token, people: HashMap::new() };
    let mut events = Events::new();
    loop {
        chat.broker.poll(&mut events, None)?;
        for event in events.iter() {
            // The one error to expect is that a socket is gone by now. Its disconnect is on its way.
            let _ = chat.handle(event);
        }
    }
}

struct Chat {
    broker: Broker,
    staff: NamespaceId,
    token: String,
    people: HashMap<SocketId, Person>,
}

#[derive(Clone)]
struct Person {
    name: String,
    room: &'static str,
}

impl Chat {
    fn handle(&mut self, event: Event<'_>) -> Result<()> {
        match event {
            Event::Connect { socket, namespace, recovered: true, .. } => self.is_back(socket, namespace),
            // Everybody may come to `/`.
            Event::Connect { socket, namespace, auth, .. } => self.welcome(socket, namespace, &parse(auth)),
            // `/staff` is guarded, so there the broker asks first.
            Event::ConnectRequest { socket, namespace, auth, .. } => {
                let auth = parse(auth);
                if auth["token"] != *self.token {
                    let data = json!({ "hint": "The server prints the token when it starts." });
                    return self.broker.reject(socket, "Wrong token", Some(&data.to_string()));
                }
                self.broker.accept(socket)?;
                self.welcome(socket, namespace, &auth)
            }
            Event::Message { socket, namespace, name, args, ack, .. } => {
                self.message(socket, namespace, name, &parse(args)[0])?;
                ack.map_or(Ok(()), |ack| self.broker.ack(socket, ack, "[]", &[]))
            }
            Event::Disconnect { socket, namespace, reason, recoverable, .. } => {
                let Some(Person { name, room }) = self.people.get(&socket).cloned() else { return Ok(()) };
                println!("disconnect {socket:?} {name:?}: {reason}");
                if !recoverable {
                    self.people.remove(&socket);
                }
                // Those who come back need not hear of themselves.
                self.emit(Target::rooms(namespace, &[room]).except(&[socket]), "left", json!([name]))?;
                self.show_who_is_where(namespace, &[room])
            }
            Event::SessionExpired { socket, .. } => {
                self.people.remove(&socket);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A socket is new here. It comes with its name if it has been here before, and says it later otherwise.
    fn welcome(&mut self, socket: SocketId, namespace: NamespaceId, auth: &Value) -> Result<()> {
        let peer = self.broker.handshake(socket)?.address().clone();
        let place = self.broker.namespace_name(namespace)?;
        println!("connect    {socket:?} to {place} from {peer}");
        self.people.insert(socket, Person { name: String::new(), room: "" });
        self.name(socket, namespace, &auth["name"], &auth["room"])
    }

    /// A socket is in its room again: nobody but the others has to be told.
    fn is_back(&mut self, socket: SocketId, namespace: NamespaceId) -> Result<()> {
        let Some(Person { name, room }) = self.people.get(&socket).cloned() else { return Ok(()) };
        println!("back       {socket:?} {name:?}");
        self.emit(Target::rooms(namespace, &[room]).except(&[socket]), "joined", json!([name]))?;
        self.show_who_is_where(namespace, &[room])
    }

    fn message(&mut self, socket: SocketId, namespace: NamespaceId, event: &str, arg: &Value) -> Result<()> {
        let Some(Person { name, room }) = self.people.get(&socket).cloned() else { return Ok(()) };
        let (rooms, me) = ([room], [socket]);
        let others = Target::rooms(namespace, &rooms).except(&me);
        match event {
            "name" => self.name(socket, namespace, arg, &Value::Null),
            "move" => self.enter(socket, namespace, arg),
            "say" => self.emit(others, "message", json!([name, short(arg, 2000)])),
            // Worth nothing later: it is skipped for whoever does not keep up.
            "typing" => {
                let args = json!([name]).to_string();
                self.broker.emit(others, Message::new("typing", &args).volatile()).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn name(&mut self, socket: SocketId, namespace: NamespaceId, name: &Value, room: &Value) -> Result<()> {
        match self.people.get_mut(&socket) {
            Some(person) if person.name.is_empty() => person.name = short(name, 24).to_owned(),
            _ => return Ok(()),
        }
        self.enter(socket, namespace, room)
    }

    /// Takes a socket into a room, out of the one it was in, and tells everybody concerned.
    fn enter(&mut self, socket: SocketId, namespace: NamespaceId, room: &Value) -> Result<()> {
        let rooms = self.rooms(namespace);
        let to = rooms.iter().find(|&&known| room == known).unwrap_or(&rooms[0]);
        let Some(person) = self.people.get_mut(&socket) else { return Ok(()) };
        if person.name.is_empty() || person.room == *to {
            return Ok(());
        }
        let (name, from) = (person.name.clone(), std::mem::replace(&mut person.room, to));
        self.broker.change_rooms(socket, &[from], &[to])?;
        self.broker.send(socket, Message::new("room", &json!([to]).to_string()))?;
        self.emit(Target::rooms(namespace, &[from]), "left", json!([name]))?;
        self.emit(Target::rooms(namespace, &[to]).except(&[socket]), "joined", json!([name]))?;
        self.show_who_is_where(namespace, &[from, to])
    }

    fn rooms(&self, namespace: NamespaceId) -> &'static [&'static str] {
        if namespace == self.staff { STAFF_ROOMS } else { ROOMS }
    }

    /// Tells rooms who is in them, and everybody how full each room is.
    fn show_who_is_where(&mut self, namespace: NamespaceId, changed: &[&str]) -> Result<()> {
        for room in changed {
            let members = self.broker.members(namespace, room)?;
            let names: Vec<_> = members.filter_map(|socket| Some(&self.people.get(&socket)?.name)).collect();
            self.emit(Target::rooms(namespace, &[room]), "people", json!([names]))?;
        }
        let mut counts = Vec::new();
        for room in self.rooms(namespace) {
            counts.push((room, self.broker.members(namespace, room)?.count()));
        }
        // Of several counts that a slow client has yet to get, the newest is enough.
        let args = json!([counts]).to_string();
        self.broker.emit(Target::all(namespace), Message::new("rooms", &args).latest(0)).map(drop)
    }

    fn emit(&mut self, target: Target<'_>, event: &str, args: Value) -> Result<()> {
        self.broker.emit(target, Message::new(event, &args.to_string())).map(drop)
    }
}

/// What a client sent is JSON already; here it becomes a value to look into.
fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

/// At most so many characters of a text, without the blanks around it.
fn short(value: &Value, most: usize) -> &str {
    let text = value.as_str().unwrap_or("").trim();
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}
