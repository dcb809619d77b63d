//! The connections of a service's bus: opened here, read within a budget, and written at each flush. It must not know what goes over
//! them, nor wait for anything.

// Peers choose what comes in here: every index and every sum that could overflow is written so that it cannot, or gives its
// bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod addresses;
mod secure;
#[cfg(all(test, unix))]
mod tests;

use super::REARMED_BY_WOULD_BLOCK;
use super::stream::Stream;
use super::waker::Waker;
use crate::base::Millis;
use crate::engine::bus::{Bus, Endpoint, MOST};
use crate::engine::service::Service;
use addresses::{Address, LookUp};
use mio::event::Event;
use mio::{Interest, Registry, Token};
use secure::Secure;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};

/// Bytes written to one connection in one flush; the rest goes with the next one.
const WRITE_BUDGET: usize = 1 << 20;

#[derive(Debug)]
enum Stage {
    /// Its name is being looked up.
    LookingUp,
    /// The kernel tries one address; these are left.
    Connecting(Stream, VecDeque<Address>),
    /// It is there; with TLS, which may not be settled yet.
    Open(Stream, Option<Box<Secure>>),
}

impl Stage {
    /// Something is to be sent that is no output of the bus, or was.
    fn has_sealed(&self) -> bool {
        matches!(self, Self::Open(_, Some(secure)) if !secure.sealed().is_empty())
    }
}

#[derive(Debug)]
struct Connection {
    endpoint: Endpoint,
    stage: Stage,
    /// An edge announced input that has not been read to its end.
    readable: bool,
    /// The peer's end lies behind the input: a short read does not mean that it is drained.
    ending: bool,
    /// An edge announced that the kernel takes bytes, and it has not refused any since.
    writable: bool,
    /// The bus knows that it is open.
    told: bool,
}

impl Connection {
    fn new(endpoint: Endpoint, stage: Stage) -> Self {
        Self { endpoint, stage, readable: false, ending: false, writable: false, told: false }
    }
}

/// One of the connections, be it there or not.
#[derive(Debug, Default)]
struct Place {
    connection: Option<Connection>,
    look_up: LookUp,
    /// How often it was tried since it was open: each time another address comes first, as one that never answers takes all the time.
    tries: usize,
    /// Was closed without a word to the bus.
    dropped: bool,
}

/// The connections of one loop's service, by their numbers.
#[derive(Debug)]
pub(super) struct Connections {
    /// As many as were ever opened.
    all: Vec<Place>,
    waker: Waker,
    first: usize,
}

impl Connections {
    /// The connection of number 0 has `first` for its token.
    pub(super) fn new(waker: Waker, first: usize) -> Self {
        Self { all: Vec::new(), waker, first }
    }

    fn connection(&mut self, number: usize) -> Option<&mut Connection> {
        self.all.get_mut(number)?.connection.as_mut()
    }

    /// Notes what an edge says.
    pub(super) fn announce(&mut self, number: usize, event: &Event) {
        let Some(connection) = self.connection(number) else { return };
        let ending = event.is_read_closed() || event.is_error();
        connection.readable |= event.is_readable() || ending;
        connection.ending |= ending;
        connection.writable |= event.is_writable() || ending;
    }

    /// Opens and closes what is to be, and hands the output to the kernel.
    pub(super) fn flush(&mut self, service: &mut impl Service, registry: &Registry, now: Millis) {
        let Some(bus) = service.bus_mut() else { return };
        bus.tick(now);
        for (number, place) in self.all.iter_mut().enumerate() {
            if std::mem::take(&mut place.dropped) {
                bus.closed(number, "it was closed from here");
            }
        }
        self.hang_up(bus, registry);
        while let Some((number, endpoint)) = bus.dial() {
            self.open(number, endpoint, bus, registry);
        }
        for number in 0..self.all.len() {
            self.go_on(number, bus, registry);
            self.write(number, bus, registry);
        }
    }

    /// Reads what has come, up to `budget` bytes of each connection, as long as the service looks at it and wants more.
    pub(super) fn read(
        &mut self,
        service: &mut impl Service,
        buffer: &mut [u8],
        budget: usize,
        registry: &Registry,
        now: Millis,
    ) {
        let Some(bus) = service.bus_mut() else { return };
        bus.tick(now);
        self.hang_up(bus, registry);
        for number in 0..self.all.len() {
            let mut left = budget;
            while left > 0
                && tell(service, now)
                && self.read_once(number, service, buffer, &mut left, registry)
            {}
        }
        tell(service, now);
    }

    /// Reads once. Whether it is worth trying again.
    fn read_once(
        &mut self,
        number: usize,
        service: &mut impl Service,
        buffer: &mut [u8],
        left: &mut usize,
        registry: &Registry,
    ) -> bool {
        let Some(Place { connection: Some(connection), tries, .. }) = self.all.get_mut(number) else {
            return false;
        };
        let (Stage::Open(stream, secure), true) = (&mut connection.stage, connection.readable) else {
            return false;
        };
        let Some(bus) = service.bus_mut() else { return false };
        let room = buffer.len().min(*left);
        let Some(buffer) = buffer.get_mut(..room) else { return false };
        let why = match stream.read(buffer) {
            Ok(0) => "the other side has closed it".to_owned(),
            Ok(count) => {
                connection.readable = count == room || connection.ending || REARMED_BY_WOULD_BLOCK;
                *left = left.saturating_sub(count);
                let read = buffer.get(..count).unwrap_or_default();
                let Some(secure) = secure else {
                    bus.received(number, read);
                    return true;
                };
                let received = secure.receive(read);
                if received.is_ok() && !secure.is_shaking() && !std::mem::replace(&mut connection.told, true)
                {
                    *tries = 0;
                    bus.connected(number);
                }
                match received {
                    Ok(()) if secure.plain().is_empty() => return true,
                    Ok(()) => {
                        bus.received(number, secure.plain());
                        return true;
                    }
                    Err(why) => {
                        // The other side is told, if it takes it at once.
                        let _ = stream.write(secure.sealed());
                        why
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                connection.readable = false;
                return false;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return true,
            Err(error) => error.to_string(),
        };
        self.close(number, registry);
        bus.closed(number, &why);
        false
    }

    /// Something can be done at once.
    pub(super) fn is_ready(&self, service: &impl Service) -> bool {
        let Some(bus) = service.bus() else { return false };
        let all = || {
            let numbered = self.all.iter().enumerate();
            numbered.filter_map(|(number, place)| Some((number, place.connection.as_ref()?)))
        };
        let open = |it: &Connection| matches!(it.stage, Stage::Open(..));
        let reads = || all().any(|(_, it)| it.readable && open(it));
        let writes = || {
            all().any(|(number, it)| {
                it.writable && (it.stage.has_sealed() || (it.told && !bus.output(number).is_empty()))
            })
        };
        (service.wants_input() && (bus.has_news() || reads())) || writes()
    }

    /// Closes all at once.
    pub(super) fn close_all(&mut self, registry: &Registry) {
        for place in &mut self.all {
            place.dropped |= place.connection.is_some();
        }
        for number in 0..self.all.len() {
            self.close(number, registry);
        }
    }

    fn hang_up(&mut self, bus: &mut dyn Bus, registry: &Registry) {
        while let Some(number) = bus.hung_up() {
            self.close(number, registry);
        }
    }

    fn close(&mut self, number: usize, registry: &Registry) {
        let connection = self.all.get_mut(number).and_then(|place| place.connection.take());
        if let Some(Connection {
            stage: Stage::Open(mut stream, _) | Stage::Connecting(mut stream, _), ..
        }) = connection
        {
            // A child of a fork may hold the descriptor: closing alone would leave the registration alive.
            let _ = registry.deregister(&mut stream);
        }
    }

    fn open(&mut self, number: usize, endpoint: Endpoint, bus: &mut dyn Bus, registry: &Registry) {
        if number >= MOST {
            return;
        }
        if self.all.len() <= number {
            self.all.resize_with(number.saturating_add(1), Place::default);
        }
        let Some(place) = self.all.get_mut(number) else { return };
        place.connection = None;
        match addresses::known(&endpoint) {
            Some(address) => self.connect(number, endpoint, VecDeque::from([address]), bus, registry),
            None => match place.look_up.begin(&endpoint, &self.waker) {
                Ok(()) => place.connection = Some(Connection::new(endpoint, Stage::LookingUp)),
                Err(error) => bus.closed(number, &format!("nobody can look up {endpoint}: {error}")),
            },
        }
    }

    /// Tries the addresses one after the other.
    fn connect(
        &mut self,
        number: usize,
        endpoint: Endpoint,
        mut addresses: VecDeque<Address>,
        bus: &mut dyn Bus,
        registry: &Registry,
    ) {
        let mut why = "its name has no address".to_owned();
        while let Some(address) = addresses.pop_front() {
            match self.begin(number, &address, registry) {
                Ok(stream) => {
                    let stage = Stage::Connecting(stream, addresses);
                    if let Some(place) = self.all.get_mut(number) {
                        place.connection = Some(Connection::new(endpoint, stage));
                    }
                    return;
                }
                Err(error) => why = format!("{address} cannot be reached: {error}"),
            }
        }
        bus.closed(number, &why);
    }

    fn begin(&self, number: usize, address: &Address, registry: &Registry) -> io::Result<Stream> {
        let mut stream = address.connect()?;
        let token = Token(self.first.saturating_add(number));
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(stream)
    }

    /// Looks whether a name has been found, or a connection has come about.
    fn go_on(&mut self, number: usize, bus: &mut dyn Bus, registry: &Registry) {
        let Some(place) = self.all.get_mut(number) else { return };
        let Some(connection) = &mut place.connection else { return };
        match &mut connection.stage {
            Stage::Open(..) => {}
            Stage::LookingUp => match place.look_up.result() {
                None => {}
                Some(Ok(mut addresses)) => {
                    let endpoint = connection.endpoint.clone();
                    place.connection = None;
                    addresses.rotate_left(place.tries.checked_rem(addresses.len()).unwrap_or(0));
                    place.tries = place.tries.wrapping_add(1);
                    self.connect(number, endpoint, addresses, bus, registry);
                }
                Some(Err(error)) => {
                    let why = format!("nobody can look up {}: {error}", connection.endpoint);
                    place.connection = None;
                    bus.closed(number, &why);
                }
            },
            Stage::Connecting(..) if !connection.writable => {}
            Stage::Connecting(stream, rest) => match stream.is_connected() {
                // It was another edge.
                Ok(false) => {
                    stream.note_full();
                    connection.writable = false;
                }
                Ok(true) => self.begin_to_speak(number, bus, registry),
                Err(error) => {
                    let (rest, endpoint) = (std::mem::take(rest), connection.endpoint.clone());
                    self.close(number, registry);
                    if rest.is_empty() {
                        bus.closed(number, &format!("it cannot be reached: {error}"));
                    } else {
                        self.connect(number, endpoint, rest, bus, registry);
                    }
                }
            },
        }
    }

    /// A connection has come about. The bus is told, or first TLS is settled.
    fn begin_to_speak(&mut self, number: usize, bus: &mut dyn Bus, registry: &Registry) {
        let Some(connection) = self.connection(number) else { return };
        let secure = bus.trust().map(|trust| Secure::new(trust, &connection.endpoint)).transpose();
        match (secure, std::mem::replace(&mut connection.stage, Stage::LookingUp)) {
            (Ok(secure), Stage::Connecting(stream, _)) => {
                connection.told = secure.is_none();
                connection.stage = Stage::Open(stream, secure.map(Box::new));
                (connection.readable, connection.ending, connection.writable) = (true, false, true);
                if connection.told {
                    if let Some(place) = self.all.get_mut(number) {
                        place.tries = 0;
                    }
                    bus.connected(number);
                }
            }
            (secure, stage) => {
                connection.stage = stage;
                self.close(number, registry);
                bus.closed(number, &secure.err().unwrap_or_default());
            }
        }
    }

    fn write(&mut self, number: usize, bus: &mut dyn Bus, registry: &Registry) {
        let Some(Connection { stage: Stage::Open(stream, secure), writable, told, .. }) =
            self.connection(number)
        else {
            return;
        };
        let mut budget = WRITE_BUDGET;
        while *writable && budget > 0 {
            if let Some(secure) = secure
                && *told
                && secure.sealed().is_empty()
            {
                let taken = secure.seal(bus.output(number));
                bus.sent(number, taken);
            }
            let output = secure.as_ref().map_or_else(|| bus.output(number), |secure| secure.sealed());
            if output.is_empty() {
                return;
            }
            match stream.write(output.get(..budget).unwrap_or(output)) {
                Ok(count) => {
                    budget = budget.saturating_sub(count);
                    match secure {
                        Some(secure) => secure.sent(count),
                        None => bus.sent(number, count),
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => *writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.close(number, registry);
                    return bus.closed(number, &error.to_string());
                }
            }
        }
    }
}

/// Has the service look at what has come. Whether it may be sent more.
fn tell(service: &mut impl Service, now: Millis) -> bool {
    let has_news = |service: &_| Service::bus(service).is_some_and(|bus| bus.has_news());
    if has_news(service) && service.wants_input() {
        service.bus_received(now);
    }
    service.wants_input() && !has_news(service)
}
