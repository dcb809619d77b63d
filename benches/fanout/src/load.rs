//! The loop: opens the connections, publishes, reads, and reports. One thread, level-triggered epoll.

use std::cell::RefCell;
use std::error::Error;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustls::ClientConfig;
use serde_json::{Value, json};

use crate::args::{Args, Cell, Form, Protocol};
use crate::conn::{Conn, Deflater, Inflater};
use crate::message::{BINARY, COUNTED, Codec};
use crate::process::{self, Machine, Memory};
use crate::rooms::Rooms;
use crate::stream;
use crate::tally::Tally;

/// Larger than what a round delivers to one connection in the cells of the table.
const BUFFER: usize = 256 * 1024;
/// Long enough for a server to finish what it does after the last delivery, and for a duplicate to arrive.
const SETTLE: Duration = Duration::from_millis(100);
/// Between two questions how many messages the server has counted.
const ASKING: Duration = Duration::from_millis(5);

type Outcome<T> = Result<T, Box<dyn Error>>;

pub struct Load<'a> {
    args: &'a Args,
    poll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Box<[u8]>,
    conns: Vec<Conn>,
    /// What all of them read compressed messages with.
    inflater: Option<Rc<RefCell<Inflater>>>,
    /// Where messages are published compressed.
    deflater: Option<Deflater>,
    tls: Option<Arc<ClientConfig>>,
    tally: Tally,
    memory: Option<Memory>,
    /// Messages of this cell so far, which say whose is next.
    turn: usize,
    /// So many connections publish in one cell or another.
    width: usize,
}

impl Load<'_> {
    /// Opens every connection, joins the room and reports what that took.
    pub fn connect(args: &Args) -> Outcome<Load<'_>> {
        let width = args.cells.iter().map(|cell| cell.publishers).max().unwrap_or(0);
        let mut load = Load {
            args,
            poll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(1024),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            conns: Vec::with_capacity(args.connections),
            inflater: (args.deflate || args.compressed).then(|| Rc::new(RefCell::new(Inflater::new()))),
            deflater: args.compressed.then(Deflater::new),
            tls: args.tls.then(stream::config).transpose()?,
            tally: Tally::new(args.connections, width, args.rooms),
            memory: None,
            turn: 0,
            width,
        };
        // The first connection makes a server allocate what all the later ones share.
        load.open(1)?;
        load.conns.clear();
        load.serve(Instant::now() + 3 * SETTLE, None)?;
        load.memory = process::memory(&args.pids);
        let cpu = process::cpu(&args.pids);
        let begin = Instant::now();
        load.open(args.connections)?;
        let elapsed = begin.elapsed();
        load.serve(Instant::now() + 5 * SETTLE, None)?;
        let cpu = process::cpu(&args.pids).zip(cpu).map(|(after, before)| after.since(before));
        load.report("connect", |count| {
            json!({
                "connects_per_s": rounded(count / elapsed.as_secs_f64()),
                "server_us_per_connect": cpu.map(|cpu| rounded(cpu.total.as_secs_f64() * 1e6 / count)),
            })
        });
        Ok(load)
    }

    /// Runs one cell and reports it. Deliveries and CPU time are both counted from a drained server to a
    /// drained server, so that one divides the other exactly.
    pub fn run(&mut self, cell: &Cell) -> Outcome<()> {
        let of_state = self.args.deflate || self.args.compressed;
        self.tally.codec = if of_state { Codec::of_state(cell.size) } else { Codec::new(cell.size) };
        self.turn = 0;
        self.publish_for(cell, cell.warmup)?;
        self.tally.begin();
        let pids = &self.args.pids;
        let counted = self.args.syscalls && !pids.is_empty();
        let counter = counted.then(|| process::SyscallCounter::start(pids)).transpose()?;
        let servers = || match process::cpu(pids) {
            None if !pids.is_empty() => Err("the server's process is gone"),
            cpu => Ok(cpu),
        };
        let before = servers()?;
        let own = [std::process::id()];
        let (client, machine) = (process::cpu(&own), Machine::now());
        let received = |conns: &[Conn]| conns.iter().map(|conn| conn.received).sum::<u64>();
        let before_bytes = received(&self.conns);
        let begin = Instant::now();
        self.publish_for(cell, cell.duration)?;
        let bytes = (received(&self.conns) - before_bytes) as f64;
        let elapsed = self.tally.last_arrival().saturating_duration_since(begin);
        let after = servers()?;
        let client = process::cpu(&own).zip(client).map(|(after, before)| after.since(before));
        let cpu = after.zip(before).map(|(after, before)| after.since(before));
        let ours = cpu.unwrap_or_default().total + client.unwrap_or_default().total;
        let disturbance = Machine::now().zip(machine).map(|(after, before)| after.disturbance(before, ours));
        let syscalls = counter.map(process::SyscallCounter::stop).transpose()?;

        let deliveries = self.tally.deliveries as f64;
        let per_delivery = |time: Duration| rounded(time.as_nanos() as f64 / deliveries);
        // The split is coarse, the sum is exact: scale the one to the other.
        let cpu = cpu.map(|cpu| {
            let user = cpu.user.as_secs_f64() / (cpu.user + cpu.system).as_secs_f64().max(0.01);
            json!({
                "ns_per_delivery": per_delivery(cpu.total),
                "user_ns": per_delivery(cpu.total.mul_f64(user)),
                "system_ns": per_delivery(cpu.total.mul_f64(1.0 - user)),
                "busy": rounded(cpu.total.as_secs_f64() / elapsed.as_secs_f64()),
            })
        });
        let latency = |q: f64| rounded(self.tally.latency.quantile(q) as f64 / 1e3);
        let (sent, faults) = (self.tally.sent, self.tally.faults());
        let latency = json!({
            "p50": latency(0.5), "p99": latency(0.99), "p99.9": latency(0.999),
            "max": rounded(self.tally.latency.max() as f64 / 1e3),
        });
        self.report("cell", |_| {
            json!({
                "size": cell.size, "window": cell.window, "publishers": cell.publishers, "rate": cell.rate,
                "form": cell.form.name(), "burst": cell.burst,
                "seconds": rounded(elapsed.as_secs_f64()),
                "messages": sent, "deliveries": deliveries as u64, "faults": faults,
                "bytes_per_delivery": rounded(bytes / deliveries),
                "deliveries_per_s": rounded(deliveries / elapsed.as_secs_f64()),
                "server_cpu": cpu,
                "client_busy": client.map(|cpu| rounded(cpu.total.as_secs_f64() / elapsed.as_secs_f64())),
                "latency_us": latency,
                "machine": disturbance.map(|(stolen, others)| {
                    json!({ "stolen": rounded(stolen), "others": rounded(others) })
                }),
                "syscalls_per_delivery": syscalls.map(|count| rounded(count as f64 / deliveries)),
            })
        });
        Ok(())
    }

    /// Fails when any delivery was not as it should be.
    pub fn finish(self) -> Outcome<()> {
        match self.tally.all_faults() {
            0 => Ok(()),
            count => Err(format!(
                "{count} deliveries were repeated, skipped, wrong, misrouted or sent to their sender: {}",
                self.tally.faults()
            )
            .into()),
        }
    }

    /// Prints a line: who, `kind`, the details, and the server's memory per connection at this moment.
    fn report(&self, kind: &str, details: impl FnOnce(f64) -> Value) {
        let count = self.conns.len() as f64;
        let now = process::memory(&self.args.pids);
        let grown = now.zip(self.memory).map(|(now, before)| {
            let each = |now: u64, before: u64| rounded((now as f64 - before as f64) / count);
            json!({
                "anonymous": each(now.anonymous, before.anonymous),
                "private_dirty": each(now.private_dirty, before.private_dirty),
            })
        });
        let mut line = json!({
            "kind": kind, "label": self.args.label, "connections": self.conns.len(),
            "memory_per_connection": grown,
        });
        if let (Value::Object(line), Value::Object(details)) = (&mut line, details(count)) {
            line.extend(details);
        }
        println!("{line}");
    }

    /// Opens connections until `count` are ready, at most `--opening` of them under way.
    fn open(&mut self, count: usize) -> Outcome<()> {
        let mut ready = 0;
        let deadline = Instant::now() + self.args.drain;
        while ready < count {
            while self.conns.len() < count && self.conns.len() - ready < self.args.opening {
                self.add()?;
            }
            // Handshakes end in about the order of their beginning, so only the youngest can be unready.
            self.wait(Some(deadline))?;
            ready += self.conns[ready..].iter().take_while(|conn| conn.is_ready()).count();
            if Instant::now() > deadline {
                return Err(format!("{ready} of {count} connections after {:?}", self.args.drain).into());
            }
        }
        Ok(())
    }

    fn add(&mut self) -> Outcome<()> {
        let index = self.conns.len();
        let source = match self.args.sources {
            1 => Ipv4Addr::UNSPECIFIED,
            sources => Ipv4Addr::new(127, 0, 0, 1 + (index % sources) as u8),
        };
        let args = self.args;
        let (protocol, rooms) = match args.protocol {
            Protocol::Polling if index < self.width => (Protocol::SocketIo, args.rooms.of(index)),
            // There is one room, which everybody is in.
            Protocol::Raw if args.rooms == Rooms::One => (Protocol::Raw, Vec::new()),
            protocol => (protocol, args.rooms.of(index)),
        };
        let inflater = self.inflater.clone();
        let conn = Conn::open(args.server, source, protocol, &args.path, rooms, inflater, self.tls.as_ref())
            .map_err(|error| format!("connection {index}: {error}"))?;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.poll, conn.stream(), data, epoll::EventFlags::IN)?;
        self.conns.push(conn);
        Ok(())
    }

    /// Publishes for `duration`, then waits until everything has arrived and a little longer.
    fn publish_for(&mut self, cell: &Cell, duration: Duration) -> Outcome<()> {
        let begin = Instant::now();
        self.serve(begin + duration, Some((cell, begin)))?;
        let deadline = Instant::now() + self.args.drain;
        while self.tally.in_flight() > 0 {
            if Instant::now() > deadline {
                let missing = self.tally.in_flight();
                let (time, faults) = (self.args.drain, self.tally.faults());
                return Err(
                    format!("{missing} messages not delivered after {time:?}; so far {faults}").into()
                );
            }
            self.wait(Some(deadline))?;
        }
        if !cell.form.is_relayed() {
            self.ask_for_count(deadline)?;
        }
        self.serve(Instant::now() + SETTLE, None)
    }

    /// Asks the server how many messages it has counted, until it has counted all.
    fn ask_for_count(&mut self, deadline: Instant) -> Outcome<()> {
        while self.tally.uncounted() > 0 {
            if Instant::now() > deadline {
                return Err(format!("{} messages not counted", self.tally.uncounted()).into());
            }
            self.conns[0].queue(COUNTED);
            self.flush(0)?;
            self.serve(Instant::now() + ASKING, None)?;
        }
        Ok(())
    }

    /// Serves the connections until `end`, publishing as `cell` says.
    fn serve(&mut self, end: Instant, cell: Option<(&Cell, Instant)>) -> Outcome<()> {
        let mut published = 0;
        while Instant::now() < end {
            let mut until = end;
            if let Some((cell, begin)) = cell {
                match cell.rate {
                    None => {
                        let left = cell.messages.unwrap_or(u64::MAX) - published;
                        if left == 0 {
                            return Ok(());
                        }
                        let free = cell.window.saturating_sub(self.tally.in_flight());
                        let free = free.min(usize::try_from(left).unwrap_or(usize::MAX));
                        published += free as u64;
                        let now = self.tally.clock(Instant::now());
                        self.publish(cell, (0..free).map(|_| now))?;
                    }
                    Some(rate) => {
                        // What leaves in one write is due together.
                        let burst = cell.burst as u64;
                        let due = |index: u64| {
                            begin + Duration::from_secs_f64((index / burst * burst) as f64 / rate)
                        };
                        let first = published;
                        while due(published) <= Instant::now() {
                            published += 1;
                        }
                        let times: Vec<u64> =
                            (first..published).map(|index| self.tally.clock(due(index))).collect();
                        self.publish(cell, times.into_iter())?;
                        until = until.min(due(published));
                    }
                }
            }
            self.wait(Some(until))?;
        }
        Ok(())
    }

    /// Sends one message for each of `times`, from the publishers in turn, in one write for each publisher.
    fn publish(&mut self, cell: &Cell, times: impl ExactSizeIterator<Item = u64>) -> Outcome<()> {
        let first = self.turn / cell.burst;
        let touched = (self.turn + times.len()).div_ceil(cell.burst) - first;
        let mut text = Vec::with_capacity(cell.size + 32);
        for time in times {
            let publisher = self.turn / cell.burst % cell.publishers;
            self.turn += 1;
            text.clear();
            if !cell.form.is_relayed() {
                let (id, ack) = self.tally.depart_for_server(publisher, cell.form == Form::Ack, time);
                self.tally.codec.write_counted(&mut text, ack, id);
                self.conns[publisher].queue(&text);
                continue;
            }
            let id = self.tally.depart(publisher, time);
            let (codec, conn) = (&self.tally.codec, &mut self.conns[publisher]);
            if cell.form == Form::Binary {
                // A server that relays gets what it is to send on.
                let packet: &[u8] = match self.args.protocol {
                    Protocol::Raw => BINARY,
                    _ => br#"451-["bin",{"_placeholder":true,"num":0}]"#,
                };
                conn.queue(packet);
                codec.write_body(&mut text, id);
                conn.queue_binary(&text);
                continue;
            }
            let room = self.args.rooms.published(publisher);
            if self.args.protocol == Protocol::Raw {
                if let Some(room) = room {
                    text.extend_from_slice(format!("@{room} ").as_bytes());
                }
                codec.write(&mut text, id);
            } else {
                codec.write_request(&mut text, room.as_deref(), id);
            }
            match &mut self.deflater {
                None => conn.queue(&text),
                Some(deflater) => conn.queue_deflated(deflater.compress(&text)?),
            }
        }
        for index in 0..touched.min(cell.publishers) {
            self.flush((first + index) % cell.publishers)?;
        }
        Ok(())
    }

    fn flush(&mut self, index: usize) -> Outcome<()> {
        let conn = &mut self.conns[index];
        let flags = match conn.flush()? {
            true => epoll::EventFlags::IN,
            false => epoll::EventFlags::IN | epoll::EventFlags::OUT,
        };
        if flags.contains(epoll::EventFlags::OUT) {
            self.watch(index, flags)?;
        }
        Ok(())
    }

    fn watch(&self, index: usize, flags: epoll::EventFlags) -> Outcome<()> {
        let data = epoll::EventData::new_u64(index as u64);
        Ok(epoll::modify(&self.poll, self.conns[index].stream(), data, flags)?)
    }

    /// Waits for readiness once and handles it.
    fn wait(&mut self, until: Option<Instant>) -> Outcome<()> {
        let timeout = until.map(|until| {
            let left = until.saturating_duration_since(Instant::now());
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() }
        });
        self.events.clear();
        match epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut self.events), timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            other => other?,
        };
        for event in 0..self.events.len() {
            let epoll::Event { flags, data } = self.events[event];
            let index = data.u64() as usize;
            let Some(conn) = self.conns.get_mut(index) else { continue };
            if flags.contains(epoll::EventFlags::OUT) && conn.flush()? {
                self.watch(index, epoll::EventFlags::IN)?;
            }
            let time = self.tally.clock(Instant::now());
            self.conns[index]
                .read(&mut self.buffer, |delivery| self.tally.arrive(index, delivery, time))
                .map_err(|error| format!("connection {index}: {error}"))?;
        }
        Ok(())
    }
}

/// Four digits are more than any of the figures deserves.
fn rounded(value: f64) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    let scale = 10f64.powi(3 - value.abs().max(1e-9).log10().floor() as i32);
    match value.abs() < 1000.0 {
        true => json!((value * scale).round() / scale),
        false => json!(value.round() as i64),
    }
}
