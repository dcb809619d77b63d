//! Clients and service do everything at once, in an order drawn from a seed: nothing is lost, forgotten or delivered to another.

use crate::probe::{Bed, Heard, Order, reset};
use roomcast::service::LoopOptions;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Shutdown, TcpStream};

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}

struct Client {
    stream: TcpStream,
    id: usize,
    written: usize,
    ended: bool,
}

fn byte(id: usize, offset: usize) -> u8 {
    (id * 101 + offset * 31 + offset / 256) as u8
}

/// What the bytes of a link must be: whose they are, and how many if the end was orderly.
type Expected = BTreeMap<usize, (usize, usize)>;

/// To be called after every turn, before keys can be used again.
fn check(bed: &mut Bed, clients: &mut BTreeMap<usize, Client>, gone: &mut Expected) {
    for heard in std::mem::take(&mut bed.probe.heard) {
        let Heard::Closed(link, is_reset) = heard else { continue };
        if let Some(client) = clients.remove(&link) {
            assert!(client.ended, "nobody ended this link");
            gone.insert(link, (client.id, client.written));
        }
        let got = bed.probe.got.remove(&link).unwrap_or_default();
        if let Some((id, written)) = gone.remove(&link) {
            assert!(got.iter().enumerate().all(|(offset, &value)| value == byte(id, offset)));
            assert!(
                if is_reset { got.len() <= written } else { got.len() == written },
                "{} of {written}",
                got.len()
            );
        }
    }
}

fn storm(seed: u64) {
    let mut random = Random(seed);
    let options =
        LoopOptions { read_budget: 3_000, receive_buffer: 1_000, accept_budget: 2, ..LoopOptions::default() };
    let mut bed = Bed::with(&options);
    let mut clients: BTreeMap<usize, Client> = BTreeMap::new();
    let mut gone = Expected::new();
    for id in 0..3_000 {
        let chosen = clients.keys().nth(random.below(clients.len().max(1))).copied();
        match (random.below(16), chosen) {
            (0 | 1, _) if clients.len() < 40 => {
                bed.probe.wants = true;
                let stream = TcpStream::connect(bed.address).unwrap();
                stream.set_nonblocking(true).unwrap();
                let link = loop {
                    bed.turn();
                    let opened = bed.probe.heard.iter().find_map(|heard| match heard {
                        Heard::Opened(link) => Some(*link),
                        _ => None,
                    });
                    check(&mut bed, &mut clients, &mut gone);
                    if let Some(link) = opened {
                        break link;
                    }
                };
                clients.insert(link, Client { stream, id, written: 0, ended: false });
            }
            (2..=6, Some(link)) => {
                let client = clients.get_mut(&link).unwrap();
                if !client.ended {
                    let length = 1 + random.below(8_000);
                    let bytes: Vec<_> =
                        (client.written..client.written + length).map(|at| byte(client.id, at)).collect();
                    client.written += client.stream.write(&bytes).unwrap_or(0);
                }
            }
            (7, Some(link)) => bed.order(Order::Pause(link)),
            (8, Some(link)) => bed.order(Order::Resume(link)),
            (9, Some(link)) => bed.order(Order::Send(link, vec![0; 1 + random.below(200_000)])),
            (10, Some(link)) => {
                let client = clients.get_mut(&link).unwrap();
                client.ended = true;
                client.stream.shutdown(Shutdown::Write).unwrap();
            }
            (11, Some(link)) if random.below(2) == 0 => {
                let client = clients.remove(&link).unwrap();
                gone.insert(link, (client.id, client.written));
                if random.below(2) == 0 {
                    reset(client.stream);
                }
                bed.order(Order::Resume(link));
            }
            (12, Some(link)) if random.below(2) == 0 => {
                clients.remove(&link);
                bed.probe.pending.remove(&link);
                bed.do_now(if random.below(2) == 0 { Order::Close(link) } else { Order::Abort(link) });
                bed.probe.got.remove(&link);
            }
            (13, _) => bed.probe.wants = random.below(2) == 0,
            _ => bed.turn(),
        }
        check(&mut bed, &mut clients, &mut gone);
    }
    bed.probe.wants = true;
    clients.keys().for_each(|&link| bed.probe.orders.push(Order::Resume(link)));
    bed.until(|probe| {
        clients.iter().all(|(link, client)| client.ended || probe.received(*link) == client.written)
    });
    for (link, client) in clients {
        gone.insert(link, (client.id, client.written));
    }
    bed.until(|probe| probe.open.is_empty());
    check(&mut bed, &mut BTreeMap::new(), &mut gone);
    assert!(gone.is_empty());
    bed.until_empty();
}

#[test]
fn a_storm_loses_nothing() {
    for seed in [1, 2, 3, 0x5eed, 0xfeed_5eed] {
        println!("seed {seed}");
        storm(seed);
    }
}
