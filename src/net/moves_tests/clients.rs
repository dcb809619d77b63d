//! The clients of the simulation: stock ones in the small, over polling, a WebSocket, or from one to the other. They must not know
//! which core they speak to.

use super::World;
use super::pipes::{answer, frames};

/// What carries a client's connection, as the client sees it.
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) sid: String,
    pub(super) websocket: Option<usize>,
    /// A WebSocket that is to take over.
    pub(super) probe: Option<usize>,
    pub(super) probed: bool,
    pub(super) get: Option<usize>,
    pub(super) post: Option<usize>,
    pub(super) idle: Vec<usize>,
    /// Packets that wait for the next POST.
    pub(super) queue: Vec<String>,
    /// Messages that it has sent.
    pub(super) sent: usize,
    /// It has asked for `/`.
    pub(super) asked: bool,
    pub(super) joined: bool,
    /// How often it was let into the guarded namespace.
    pub(super) guarded: usize,
    /// What came in front of the answer to its CONNECT.
    pub(super) early: Vec<String>,
}

/// A client: its session, and the connection that it has.
#[derive(Default)]
pub(super) struct Client {
    pub(super) sid: String,
    pub(super) pid: String,
    pub(super) offset: Option<String>,
    /// What it was told in this session.
    pub(super) heard: Vec<String>,
    pub(super) line: Option<Line>,
}

impl World {
    pub(super) fn request(
        &mut self,
        idle: &mut Vec<usize>,
        method: &str,
        query: &str,
        more: &str,
        body: &str,
    ) -> usize {
        idle.retain(|&pipe| !self.pipes[pipe].over);
        let pipe = idle.pop().unwrap_or_else(|| self.connect());
        let length = body.len();
        let head = format!("{method} /socket.io/?EIO=4{query} HTTP/1.1\r\nHost: x\r\n{more}");
        let text = format!("{head}Content-Length: {length}\r\n\r\n{body}");
        self.pipes[pipe].up.extend_from_slice(text.as_bytes());
        pipe
    }

    pub(super) fn websocket(&mut self, query: &str) -> usize {
        let more = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        self.request(&mut Vec::new(), "GET", &format!("&transport=websocket{query}"), more, "")
    }

    pub(super) fn frame(&mut self, pipe: usize, text: &str) {
        let up = &mut self.pipes[pipe].up;
        up.extend_from_slice(&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0]);
        up.extend_from_slice(text.as_bytes());
    }

    /// A client begins a connection, and says the first things at once.
    pub(super) fn come(&mut self, client: usize) {
        let number = self.lines;
        self.lines += 1;
        let mut line = Line {
            number,
            sid: String::new(),
            websocket: None,
            probe: None,
            probed: false,
            get: None,
            post: None,
            idle: Vec::new(),
            queue: Vec::new(),
            sent: 0,
            asked: false,
            joined: false,
            guarded: 0,
            early: Vec::new(),
        };
        if self.rng.bool() {
            line.websocket = Some(self.websocket(""));
        } else {
            line.get = Some(self.request(&mut line.idle, "GET", "&transport=polling", "", ""));
        }
        let guarded = self.rng.bool();
        if guarded {
            self.say(&mut line, format!("40/g,{{\"line\":{number}}}"));
        }
        if !guarded || self.rng.bool() {
            self.ask(client, &mut line);
            for _ in 0..self.rng.usize(..3) {
                self.speak(&mut line);
            }
        }
        self.clients[client].line = Some(line);
    }

    /// Asks for `/`, with what is known of the session in it.
    pub(super) fn ask(&mut self, client: usize, line: &mut Line) {
        let it = &self.clients[client];
        let connect = match (&*it.pid, &it.offset) {
            ("", _) => "40".to_owned(),
            (pid, None) => format!("40{{\"pid\":\"{pid}\"}}"),
            (pid, Some(offset)) => format!("40{{\"pid\":\"{pid}\",\"offset\":\"{offset}\"}}"),
        };
        self.say(line, connect);
        line.asked = true;
    }

    pub(super) fn say(&mut self, line: &mut Line, packet: String) {
        match line.websocket {
            Some(pipe) => self.frame(pipe, &packet),
            None => line.queue.push(packet),
        }
    }

    pub(super) fn speak(&mut self, line: &mut Line) {
        let packet = format!("42[\"n\",{},{}]", line.number, line.sent);
        line.sent += 1;
        self.say(line, packet);
    }

    /// A client reads what has come, and asks for more. False if its connection is over.
    pub(super) fn look(&mut self, client: usize) -> bool {
        let Some(mut line) = self.clients[client].line.take() else { return true };
        let lasts = self.look_at(client, &mut line);
        let pipes = [line.websocket, line.probe, line.get, line.post];
        if lasts {
            self.clients[client].line = Some(line);
        } else {
            // It lets go of all that it has.
            for pipe in pipes.into_iter().flatten().chain(line.idle) {
                self.pipes[pipe].fin = true;
            }
        }
        lasts
    }

    pub(super) fn look_at(&mut self, client: usize, line: &mut Line) -> bool {
        let mut packets = Vec::new();
        for is_post in [true, false] {
            let place = if is_post { &mut line.post } else { &mut line.get };
            let Some(pipe) = *place else { continue };
            match answer(&mut self.pipes[pipe].down) {
                Some((200, body)) => {
                    *place = None;
                    line.idle.push(pipe);
                    if !is_post {
                        packets.extend(body.split('\x1e').map(str::to_owned));
                    }
                }
                Some(_) => return false,
                None if self.pipes[pipe].over => return false,
                None => {}
            }
        }
        if let Some(pipe) = line.websocket {
            let frames = frames(&mut self.pipes[pipe].down);
            packets.extend(frames);
            if self.pipes[pipe].over {
                return false;
            }
        }
        if let Some(pipe) = line.probe {
            let frames = frames(&mut self.pipes[pipe].down);
            line.probed |= frames.iter().any(|packet| packet == "3probe");
            // Its connection has been closed, of which it hears by polling.
            if self.pipes[pipe].over || frames.iter().any(|packet| packet == "close") {
                (line.probe, line.probed) = (None, false);
                self.pipes[pipe].fin = true;
            }
        }
        for packet in packets {
            if !self.heard(client, line, &packet) {
                return false;
            }
        }
        if line.websocket.is_some() || line.sid.is_empty() {
            return true;
        }
        if line.probed && line.get.is_none() && line.post.is_none() {
            let pipe = line.probe.take();
            line.websocket = pipe;
            self.frame(pipe.unwrap(), "5");
            for packet in std::mem::take(&mut line.queue) {
                self.say(line, packet);
            }
            return true;
        }
        let query = format!("&transport=polling&sid={}", line.sid);
        if line.post.is_none() && !line.queue.is_empty() && !line.probed {
            let body = std::mem::take(&mut line.queue).join("\x1e");
            line.post = Some(self.request(&mut line.idle, "POST", &query, "", &body));
        }
        if line.get.is_none() && !line.probed {
            line.get = Some(self.request(&mut line.idle, "GET", &query, "", ""));
        }
        if line.probe.is_none() && self.rng.u8(..8) == 0 {
            let pipe = self.websocket(&format!("&sid={}", line.sid));
            self.frame(pipe, "2probe");
            line.probe = Some(pipe);
        }
        true
    }

    /// A packet from the broker. False if it is the end.
    pub(super) fn heard(&mut self, client: usize, line: &mut Line, packet: &str) -> bool {
        let member = |name: &str| {
            let value = packet.split_once(&format!("\"{name}\":\""))?.1.split('"').next()?;
            Some(value.to_owned())
        };
        match packet {
            "2" => self.say(line, "3".to_owned()),
            "6" => {}
            "1" | "41" | "close" => return false,
            _ if packet.starts_with('0') => line.sid = member("sid").unwrap(),
            _ if packet.starts_with("40/g,{") => line.guarded += 1,
            _ if packet.starts_with("40{") => {
                let it = &mut self.clients[client];
                let (sid, pid) = (member("sid").unwrap(), member("pid").unwrap());
                assert_eq!(it.sid == sid, it.pid == pid);
                if it.sid != sid {
                    it.heard.clear();
                    it.offset = None;
                }
                (it.sid, it.pid) = (sid, pid);
                line.joined = true;
                for packet in std::mem::take(&mut line.early) {
                    self.take(client, &packet);
                }
            }
            _ if line.joined => self.take(client, packet),
            _ => line.early.push(packet.to_owned()),
        }
        true
    }

    /// An event of the host's.
    pub(super) fn take(&mut self, client: usize, packet: &str) {
        let (args, offset) = packet.strip_prefix("42[\"r\",").unwrap().split_once(",\"").unwrap();
        let it = &mut self.clients[client];
        it.offset = Some(offset.strip_suffix("\"]").unwrap().to_owned());
        it.heard.push(format!("[{args}]"));
        let told = &self.told[&it.sid];
        assert_eq!(it.heard[..], told[..it.heard.len()], "each once, in order, none missing");
    }

    /// A client is gone, or somewhere else: its connections end, break, or are left as they are.
    pub(super) fn leave(&mut self, client: usize) {
        let Some(line) = self.clients[client].line.take() else { return };
        let how = self.rng.u8(..3);
        for pipe in [line.websocket, line.probe, line.get, line.post].into_iter().flatten().chain(line.idle) {
            let pipe = &mut self.pipes[pipe];
            (pipe.fin, pipe.reset) = (how == 0, how == 1);
        }
    }
}
