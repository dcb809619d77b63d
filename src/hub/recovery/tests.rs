//! The log against a model that keeps everything, and asks of each emit who was where when it was made.

use super::audience::Audience;
use super::log::{Bounds, Log};
use super::offset::Offsets;
use super::pids::Pids;
use super::saved::{Owner, Saved};
use super::session::Session;
use super::{Point, Refusal, Seq, record};
use crate::base::ids::Key;
use crate::base::seeds::for_seeds;
use crate::base::sid::IdSpace;
use crate::route::Change;
use crate::wire::cluster::session::EntryId;
use crate::wire::parts::{Place, bodies};
use fastrand::Rng;
use std::collections::BTreeSet;

const NAMES: [&str; 5] = ["red", "blue", "green", "a room with a longer name", "e"];

/// A session, and where it is.
struct Player {
    session: Session,
    born: Seq,
    rooms: BTreeSet<usize>,
    /// All that it was ever in.
    ever: BTreeSet<usize>,
}

/// An emit as it was made.
struct Emit {
    number: Seq,
    /// Which of the processes it was that made it.
    life: usize,
    frame: Vec<u8>,
    key: Option<u64>,
    /// As the log was told.
    audience: Audience,
    target: (bool, BTreeSet<usize>, BTreeSet<usize>, BTreeSet<usize>, BTreeSet<usize>),
    /// Those of the players that it was for.
    recipients: BTreeSet<usize>,
}

struct Model {
    log: Log,
    bounds: Bounds,
    life: usize,
    next: Seq,
    pids: Pids,
    players: Vec<Option<Player>>,
    emits: Vec<Emit>,
}

fn point(next: Seq) -> Point {
    Point { next, place: None }
}

fn all_missed<'a>(log: &'a Log, session: &Session, start: Seq) -> Result<Vec<&'a [u8]>, Refusal> {
    let missed = log.missed(session, start, EntryId::NONE, usize::MAX)?;
    Ok(missed.into_iter().map(|missed| missed.record).collect())
}

impl Model {
    fn new(bounds: Bounds) -> Self {
        let (log, pids) = (Log::new(bounds), Pids::new(&IdSpace::whole()));
        Self { log, bounds, life: 0, next: 1, pids, players: Vec::new(), emits: Vec::new() }
    }

    fn enter(&mut self) {
        let key = Key { slot: self.players.len() as u32, generation: 1 };
        let session = self.log.begin_session(self.pids.make(key).unwrap(), point(self.next));
        let (rooms, ever) = Default::default();
        self.players.push(Some(Player { session, born: self.next, rooms, ever }));
    }

    fn exit(&mut self, at: usize) {
        if let Some(player) = self.players[at].take() {
            self.log.end_session(player.session);
        }
    }

    fn toggle(&mut self, at: usize, room: usize) {
        let Some(player) = &mut self.players[at] else { return };
        if player.rooms.remove(&room) {
            self.log.note(&mut player.session, &Change::Left(0, NAMES[room]), point(self.next));
        } else {
            player.rooms.insert(room);
            player.ever.insert(room);
            self.log.note(&mut player.session, &Change::Joined(0, NAMES[room]), point(self.next));
        }
    }

    fn emit(&mut self, rng: &mut Rng, now: u64) {
        let some = |rng: &mut Rng, of: usize, most: usize| -> BTreeSet<usize> {
            (0..rng.usize(0..=most)).map(|_| rng.usize(..of)).collect()
        };
        let everyone = rng.u8(..) < 40;
        let (rooms, direct) = match everyone {
            true => Default::default(),
            false => (some(rng, NAMES.len(), 3), some(rng, self.players.len(), 2)),
        };
        let (except_rooms, except) = (some(rng, NAMES.len(), 1), some(rng, self.players.len(), 1));
        let mut audience = Audience { everyone, ..Audience::default() };
        let own = |at: &usize| Some(self.players[*at].as_ref()?.session.own);
        let named = |room: &usize| self.log.rooms.find(NAMES[*room]);
        audience.rooms = rooms.iter().filter_map(named).chain(direct.iter().filter_map(own)).collect();
        audience.except =
            except_rooms.iter().filter_map(named).chain(except.iter().filter_map(own)).collect();
        if !audience.is_somebody() {
            return;
        }
        let recipients = self.players.iter().enumerate().filter_map(|(at, player)| {
            let player = player.as_ref()?;
            let named = everyone || direct.contains(&at) || !player.rooms.is_disjoint(&rooms);
            let barred = except.contains(&at) || !player.rooms.is_disjoint(&except_rooms);
            (named && !barred).then_some(at)
        });
        let (recipients, number) = (recipients.collect(), self.next);
        self.next += rng.u64(1..3);
        let mut frame = Vec::new();
        record::write(&mut frame, format!("4{number}").as_bytes(), &[&[7; 300][rng.usize(..300)..]]);
        let key = (rng.u8(..) < 50).then(|| rng.u64(..3));
        self.log.push(&audience, &frame, key, number, now);
        let target = (everyone, rooms, direct, except_rooms, except);
        self.emits.push(Emit { number, life: self.life, frame, key, audience, target, recipients });
    }

    /// Another process goes on with what this one has exported.
    fn restart(&mut self, now: u64, elapsed: u64) {
        let mut lives = Offsets::new().unwrap().lives();
        lives[0].1 = self.next;
        let sessions = self.players.iter().flatten().enumerate().map(|(nth, player)| {
            let sid = format!("{nth:020}").as_bytes().try_into().unwrap();
            (Owner { sid, tag: nth as u64, left: 1 }, &player.session)
        });
        let sessions: Vec<_> = sessions.collect();
        let namespaces = vec![self.log.save("/", &sessions, now)];
        let part = Saved { time: 0, lives, namespaces }.write().part(Place { number: 0, count: 1 });
        let body = bodies(&part, 1).unwrap()[0];
        let saved = Saved::read(body).expect("what was written");
        assert_eq!(saved.write().part(Place { number: 0, count: 1 }), part);
        let (log, sessions) = Log::load(self.bounds, &saved.namespaces[0], now + elapsed, elapsed);
        self.log = log;
        self.life += 1;
        self.players
            .iter_mut()
            .flatten()
            .zip(sessions)
            .for_each(|(player, session)| player.session = session);
    }

    /// What a player has missed, by all that was ever emitted.
    fn missed(&self, at: usize, start: Seq) -> Vec<&[u8]> {
        let born = self.players[at].as_ref().unwrap().born;
        // Each takes the place of the one before it that went to the same, whoever of these is still there.
        let stays = |emit: &&Emit| {
            let same = |later: &Emit| {
                later.life == emit.life && later.key == emit.key && later.audience == emit.audience
            };
            emit.key.is_none() || !self.emits.iter().any(|later| later.number > emit.number && same(later))
        };
        let mine = |emit: &&Emit| emit.number >= start.max(born) && emit.recipients.contains(&at);
        let kept: Vec<&Emit> = self.emits.iter().filter(mine).filter(stays).collect();
        let newer =
            |emit: &Emit| kept.iter().any(|later| later.number > emit.number && later.key == emit.key);
        let newest = kept.iter().filter(|emit| emit.key.is_none() || !newer(emit));
        newest.map(|emit| &*emit.frame).collect()
    }

    /// Whether something may have gone to a player that is not there any more.
    fn may_have_lost(&self, at: usize, start: Seq) -> bool {
        let player = self.players[at].as_ref().unwrap();
        self.emits.iter().any(|emit| {
            let (everyone, rooms, direct, ..) = &emit.target;
            let named = *everyone || direct.contains(&at) || !player.ever.is_disjoint(rooms);
            // As whoever emits to all but itself.
            let barred = emit.audience.except.first() == Some(&player.session.own);
            emit.number >= start.max(player.born) && named && !barred
        })
    }
}

fn numbers(frames: &[&[u8]]) -> Vec<String> {
    let packet = |frame: &&[u8]| String::from_utf8(record::parts(frame).next().unwrap().to_vec()).unwrap();
    frames.iter().map(packet).collect()
}

fn run(rng: &mut Rng, bounds: Bounds) -> (usize, usize) {
    let mut model = Model::new(bounds);
    let (mut now, mut replays, mut refusals) = (0, 0, 0);
    model.enter();
    for _ in 0..crate::base::rounds(300) {
        let at = rng.usize(..model.players.len());
        match rng.u8(..) {
            0..20 if model.players.len() < 8 => model.enter(),
            20..24 => model.exit(at),
            24..90 => model.toggle(at, rng.usize(..NAMES.len())),
            90..100 => now += rng.u64(..50),
            100..109 => model.log.prune(now, 5),
            109 => {
                let elapsed = rng.u64(..20);
                model.restart(now, elapsed);
                now += elapsed;
            }
            110..220 => model.emit(rng, now),
            _ => {
                let start = rng.u64(..=model.next);
                let Some(player) = &model.players[at] else { continue };
                match all_missed(&model.log, &player.session, start) {
                    Ok(missed) => {
                        let due = model.missed(at, start);
                        assert!(
                            missed == due,
                            "player {at} from {start}: {:?}, not {:?}",
                            numbers(&missed),
                            numbers(&due)
                        );
                        replays += usize::from(!missed.is_empty());
                    }
                    Err(refusal) => {
                        assert_eq!(refusal, Refusal::Overrun);
                        assert!(model.may_have_lost(at, start), "player {at} from {start}: nothing is lost");
                        refusals += 1;
                    }
                }
            }
        }
        assert!(model.log.bytes() <= bounds.bytes);
    }
    for at in 0..model.players.len() {
        model.exit(at);
    }
    while model.log.due().is_some() {
        now += bounds.time + 1;
        model.log.prune(now, 1_000);
    }
    assert_eq!((model.log.len(), model.log.bytes(), model.log.rooms.len()), (0, 0, 0), "something is left");
    (replays, refusals)
}

#[test]
fn a_session_is_told_what_it_missed_once_and_in_order() {
    let mut total = (0, 0);
    for_seeds(crate::base::rounds(150) as u64, |rng| {
        let (replays, refusals) = run(rng, Bounds { time: 1_000_000, bytes: usize::MAX, streamed: false });
        total = (total.0 + replays, total.1 + refusals);
    });
    assert!((cfg!(miri) || total.0 > 0) && total.1 == 0, "{total:?}");
}

#[test]
fn what_is_lost_is_never_passed_over() {
    let mut total = (0, 0);
    for_seeds(crate::base::rounds(150) as u64, |rng| {
        let bounds = Bounds { time: rng.u64(100..5_000), bytes: rng.usize(500..20_000), streamed: false };
        let (replays, refusals) = run(rng, bounds);
        total = (total.0 + replays, total.1 + refusals);
    });
    assert!(cfg!(miri) || total.0 > 0 && total.1 > 0, "{total:?}");
}

#[test]
fn one_message_larger_than_the_log_is_an_overrun_for_those_it_was_for() {
    let mut model = Model::new(Bounds { time: 1_000, bytes: 10_000, streamed: false });
    model.enter();
    model.enter();
    model.toggle(0, 0);
    let audience = Audience { rooms: vec![model.log.rooms.find("red").unwrap()], ..Audience::default() };
    model.log.push(&audience, &[0; 16_384], None, 1, 0);
    let missed = |model: &Model, at: usize| {
        all_missed(&model.log, &model.players[at].as_ref().unwrap().session, 0).map(|it| it.len())
    };
    assert_eq!((missed(&model, 0), missed(&model, 1)), (Err(Refusal::Overrun), Ok(0)));
    assert_eq!(model.log.bytes(), 0);
}

#[test]
fn a_latest_message_takes_the_room_of_one_however_often_it_comes() {
    let mut model = Model::new(Bounds { time: 1_000, bytes: 10_000, streamed: false });
    model.enter();
    let everyone = Audience { everyone: true, ..Audience::default() };
    model.log.push(&everyone, b"hello", None, 1, 0);
    for number in 0..crate::base::rounds(10_000) as u64 {
        model.log.push(&everyone, &number.to_le_bytes(), Some(7), 2 + number, 0);
    }
    let missed = all_missed(&model.log, &model.players[0].as_ref().unwrap().session, 0).unwrap();
    assert_eq!((missed.len(), missed[0]), (2, &b"hello"[..]));
}

#[test]
fn a_latest_message_takes_the_room_of_itself_however_long_one_before_it_was() {
    let mut model = Model::new(Bounds { time: 1_000, bytes: 1 << 20, streamed: false });
    model.enter();
    let everyone = Audience { everyone: true, ..Audience::default() };
    for key in 0..10 {
        model.log.push(&everyone, &vec![b'x'; 100_000], Some(key), 1 + 2 * key, 0);
        model.log.push(&everyone, b"short", Some(key), 2 + 2 * key, 0);
    }
    assert!(model.log.latest().capacity() < model.log.bytes());
}
