//! The router alone in C, for a host with its own transport: UDP, ENet, shared memory. It must not know a protocol.

use super::convert::is_all;
use super::given::Given;
use super::guard::{Exclusive, Fault, Object, Outcome, unguarded};
use super::types::*;
use crate::base::errors::Error;
use crate::base::refused::RoomError;
use crate::out::TickLog;
use crate::route::{Router, Selection};
use std::ffi::{c_char, c_void};

/// Namespaces, rooms and members without a network: it says which bytes each connection is owed. Members, connections and
/// namespaces are small numbers from 0, given out densely by the host: tables grow to the largest one in use. It belongs to
/// one thread at a time, as a broker does.
pub struct roomcast_router(Exclusive<Routing>);

/// The largest key a host may use: the tables grow to it.
const MOST: u32 = 1 << 26;

/// What is behind a router, and what it has lent.
pub(super) struct Routing {
    router: Router,
    log: TickLog,
    ranges: Vec<roomcast_slice>,
    answers: Vec<u32>,
    texts: Vec<roomcast_slice>,
}

impl Routing {
    /// # Safety
    /// `router` is NULL, or comes from `roomcast_router_new` and was not freed.
    pub(super) unsafe fn enter(
        router: *const roomcast_router,
        call: &'static str,
        body: impl FnOnce(&mut Self) -> Outcome,
    ) -> roomcast_status {
        // SAFETY: what the caller promises.
        Exclusive::enter(unsafe { router.as_ref() }.map(|router| &router.0), call, body)
    }

    /// Makes slices of what the connection that was last taken is owed.
    fn lend_taken(&mut self) {
        let Self { log, ranges, .. } = self;
        ranges.clear();
        ranges.extend(log.ranges().iter().map(|&range| roomcast_slice::lend(log.bytes(range))));
    }
}

impl Object for Routing {
    const NAME: &'static str = "router";
}

fn dense(key: u32, name: &'static str) -> Outcome<u32> {
    if key < MOST { Ok(key) } else { Err(Fault::value(name, "it is less than 67,108,864")) }
}

/// Whom a roomcast_router_emit reaches: the union of some rooms and members, which is nobody if neither are named, or with
/// ROOMCAST_TARGET_ALL the whole namespace; minus some rooms and members. Set `struct_size` to sizeof(roomcast_selection) and
/// what is not needed to 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_selection {
    /// sizeof(roomcast_selection).
    pub struct_size: u32,
    /// The namespace.
    pub ns: u32,
    /// The members of these rooms.
    pub rooms: *const roomcast_slice,
    /// How many rooms.
    pub room_count: usize,
    /// These members as well.
    pub members: *const u32,
    /// How many members.
    pub member_count: usize,
    /// But no member of these rooms.
    pub except_rooms: *const roomcast_slice,
    /// How many rooms are excepted.
    pub except_room_count: usize,
    /// And none of these members.
    pub except_members: *const u32,
    /// How many members are excepted.
    pub except_member_count: usize,
    /// ROOMCAST_TARGET_ALL or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

/// Makes a router without namespaces.
///
/// `abi_version` is ROOMCAST_ABI_VERSION.
///
/// Errors: ROOMCAST_ERROR_ABI_VERSION, ROOMCAST_ERROR_NULL.
/// Ownership: the caller frees it by roomcast_router_free.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_new(
    abi_version: u32,
    router: *mut *mut roomcast_router,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    unguarded("roomcast_router_new", || {
        if abi_version != ROOMCAST_ABI_VERSION {
            return Err(Fault::of(Error::AbiVersion, "abi_version"));
        }
        let out = given.out(router, "router")?;
        let inner = Routing {
            router: Router::new(),
            log: TickLog::new(),
            ranges: Vec::new(),
            answers: Vec::new(),
            texts: Vec::new(),
        };
        out.set(Box::into_raw(Box::new(roomcast_router(Exclusive::new(inner)))));
        Ok(())
    })
}

/// Frees a router. NULL is allowed.
///
/// Ownership: the router, and everything it has lent, is gone.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_free(router: *mut roomcast_router) {
    // SAFETY: what the caller promises.
    unsafe { Exclusive::free(router, |router| &router.0, "roomcast_router_free") }
}

/// Makes a namespace. Numbers of removed ones are given out again.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: nothing changes hands.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_add_namespace(
    router: *mut roomcast_router,
    ns: *mut u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let out = given.out(ns, "ns")?;
        out.set(inner.router.add_namespace());
        Ok(())
    };
    given.router(router, "roomcast_router_add_namespace", body)
}

/// Removes a namespace that has no members.
///
/// Errors: ROOMCAST_ERROR_GONE if there is none, or it has members.
/// Ownership: nothing changes hands.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_remove_namespace(
    router: *mut roomcast_router,
    ns: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| found(inner.router.remove_namespace(ns));
    given.router(router, "roomcast_router_remove_namespace", body)
}

fn found(found: bool) -> Outcome {
    if found { Ok(()) } else { Err(Error::Gone.into()) }
}

/// Makes a member of a namespace, in no room.
///
/// `member` is its number, `connection` that of the connection it is on, which several members may share. Both are below
/// 67,108,864.
///
/// Errors: ROOMCAST_ERROR_GONE if there is no such namespace, ROOMCAST_ERROR_EXISTS if the number is taken,
/// ROOMCAST_ERROR_BAD_VALUE.
/// Ownership: nothing changes hands.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_add(
    router: *mut roomcast_router,
    member: u32,
    ns: u32,
    connection: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let (member, connection) = (dense(member, "member")?, dense(connection, "connection")?);
        if !inner.router.has_namespace(ns) {
            return Err(Fault::of(Error::Gone, "ns"));
        }
        if inner.router.add(member, ns, connection) {
            Ok(())
        } else {
            Err(Fault::of(Error::Exists, "member"))
        }
    };
    given.router(router, "roomcast_router_add", body)
}

/// Takes a member out of its rooms and its namespace; the number may be used again. What it was owed it is still owed.
///
/// Errors: ROOMCAST_ERROR_GONE if there is none.
/// Ownership: nothing changes hands.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_remove(
    router: *mut roomcast_router,
    member: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| found(inner.router.remove(member, |_| {}));
    given.router(router, "roomcast_router_remove", body)
}

/// Puts a member into a room. Joining twice is no error.
///
/// Errors: ROOMCAST_ERROR_GONE if there is no such member, ROOMCAST_ERROR_BAD_ROOM if the name is empty,
/// ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: the name is copied.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_join(
    router: *mut roomcast_router,
    member: u32,
    room: *const c_char,
    room_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let room = given.text(room, room_len, "room")?;
        change(inner, member, &[], &[room])
    };
    given.router(router, "roomcast_router_join", body)
}

/// Takes a member out of a room. Leaving a room that it is not in is no error.
///
/// Errors: ROOMCAST_ERROR_GONE if there is no such member, ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: the name is copied.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_leave(
    router: *mut roomcast_router,
    member: u32,
    room: *const c_char,
    room_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let room = given.text(room, room_len, "room")?;
        change(inner, member, &[room], &[])
    };
    given.router(router, "roomcast_router_leave", body)
}

/// Takes a member out of all its rooms; it stays in its namespace.
///
/// Errors: ROOMCAST_ERROR_GONE if there is no such member.
/// Ownership: nothing changes hands.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_leave_all(
    router: *mut roomcast_router,
    member: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        known(inner, member)?;
        inner.router.leave_all(member, |_| {});
        Ok(())
    };
    given.router(router, "roomcast_router_leave_all", body)
}

fn known(inner: &Routing, member: u32) -> Outcome {
    if inner.router.has_member(member) { Ok(()) } else { Err(Fault::of(Error::Gone, "member")) }
}

/// Leaves and joins many rooms at once. A room in both lists is kept.
///
/// Errors: those of roomcast_router_join; then nothing has changed.
/// Ownership: the names are copied.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_change_rooms(
    router: *mut roomcast_router,
    member: u32,
    leave: *const roomcast_slice,
    leave_count: usize,
    join: *const roomcast_slice,
    join_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let leave = given.texts(leave, leave_count, "leave")?;
        let join = given.texts(join, join_count, "join")?;
        change(inner, member, &leave, &join)
    };
    given.router(router, "roomcast_router_change_rooms", body)
}

fn change(inner: &mut Routing, member: u32, leave: &[&str], join: &[&str]) -> Outcome {
    if let Some(nth) = join.iter().position(|room| room.is_empty()) {
        return Err(Error::from(RoomError::EMPTY.at(nth)).into());
    }
    known(inner, member)?;
    inner.router.change(member, leave, join, |_| {});
    Ok(())
}

/// Appends a message to the log of this tick, once, and owes it to everybody who is selected, each once.
///
/// `recipients` may be NULL; it is set to how many there are.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_TOO_LARGE if the log would
/// pass 2 GiB.
/// Ownership: the bytes are copied.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_emit(
    router: *mut roomcast_router,
    selection: *const roomcast_selection,
    message: *const c_void,
    message_len: usize,
    recipients: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let out = given.nullable(recipients, "recipients")?;
        let asked = given.sized(selection, "selection")?;
        let message = given.list(message.cast::<u8>(), message_len, "message")?;
        let members = given.list(asked.members, asked.member_count, "selection.members")?;
        let except_members =
            given.list(asked.except_members, asked.except_member_count, "selection.except_members")?;
        let rooms = given.texts(asked.rooms, asked.room_count, "selection.rooms")?;
        let except_rooms =
            given.texts(asked.except_rooms, asked.except_room_count, "selection.except_rooms")?;
        let Routing { router, log, .. } = inner;
        let selection = match is_all(asked.flags, rooms.len() + members.len(), "selection.flags")? {
            true => Selection::everyone(asked.ns),
            false => Selection::union(asked.ns, &rooms, members),
        };
        let selection = Selection { except_rooms: &except_rooms, except_members, ..selection };
        let frame = log.append(|bytes| bytes.extend_from_slice(message))?;
        out.set(router.select(&selection, |_, connection| log.deliver(connection, frame)));
        Ok(())
    };
    given.router(router, "roomcast_router_emit", body)
}

/// Takes the next connection that is owed something, in the order of the first message to each, and lends out what: send its
/// `range_count` ranges in their order. Emits that follow on one another are one range.
///
/// `connection` is set to its number; with `range_count` 0 there is no connection left.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: the ranges are the router's, until the next call on it.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_next(
    router: *mut roomcast_router,
    connection: *mut u32,
    ranges: *mut *const roomcast_slice,
    range_count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let connection = given.out(connection, "connection")?;
        let out = given.out(ranges, "ranges")?;
        let count = given.out(range_count, "range_count")?;
        if let Some(next) = inner.log.pop_dirty() {
            connection.set(next);
            inner.lend_taken();
        } else {
            inner.ranges.clear();
        }
        out.set(inner.ranges.as_ptr());
        count.set(inner.ranges.len());
        Ok(())
    };
    given.router(router, "roomcast_router_next", body)
}

/// Takes what one connection is owed, out of turn, as roomcast_router_next would: for a host that serves a connection when
/// its transport is ready for it.
///
/// `range_count` is set to 0 if it is owed nothing.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: the ranges are the router's, until the next call on it.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_take(
    router: *mut roomcast_router,
    connection: u32,
    ranges: *mut *const roomcast_slice,
    range_count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let out = given.out(ranges, "ranges")?;
        let count = given.out(range_count, "range_count")?;
        if inner.log.take(connection) {
            inner.lend_taken();
        } else {
            inner.ranges.clear();
        }
        out.set(inner.ranges.as_ptr());
        count.set(inner.ranges.len());
        Ok(())
    };
    given.router(router, "roomcast_router_take", body)
}

/// Ends the tick: what was not taken by roomcast_router_next is dropped, and the log begins anew.
///
/// Errors: none of its own.
/// Ownership: what was lent is gone.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_end_tick(router: *mut roomcast_router) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        inner.log.restart();
        Ok(())
    };
    given.router(router, "roomcast_router_end_tick", body)
}

/// Drops what a connection is owed: it is gone, and its number may be used again.
///
/// Errors: none of its own.
/// Ownership: nothing changes hands.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_forget(
    router: *mut roomcast_router,
    connection: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        inner.log.forget(connection);
        Ok(())
    };
    given.router(router, "roomcast_router_forget", body)
}

/// Lends out the members of a room. roomcast_router_everyone is for those of a namespace.
///
/// `members` is set to an array of `count` members; there are none in a room that does not exist.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: the router's, until the next call on it.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_members(
    router: *mut roomcast_router,
    ns: u32,
    room: *const c_char,
    room_len: usize,
    members: *mut *const u32,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let out = given.out(members, "members")?;
        let count = given.out(count, "count")?;
        let room = given.text(room, room_len, "room")?;
        inner.answers.clear();
        inner.answers.extend(inner.router.members(ns, room));
        out.set(inner.answers.as_ptr());
        count.set(inner.answers.len());
        Ok(())
    };
    given.router(router, "roomcast_router_members", body)
}

/// Lends out the members of a namespace.
///
/// `members` is set to an array of `count` members; there are none in a namespace that does not exist.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: the router's, until the next call on it.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_everyone(
    router: *mut roomcast_router,
    ns: u32,
    members: *mut *const u32,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let out = given.out(members, "members")?;
        let count = given.out(count, "count")?;
        inner.answers.clear();
        inner.answers.extend(inner.router.everyone(ns));
        out.set(inner.answers.as_ptr());
        count.set(inner.answers.len());
        Ok(())
    };
    given.router(router, "roomcast_router_everyone", body)
}

/// Lends out the rooms a member is in.
///
/// `rooms` is set to an array of `count` names.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if there is no such member.
/// Ownership: the router's, until the next call on it.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_rooms_of(
    router: *mut roomcast_router,
    member: u32,
    rooms: *mut *const roomcast_slice,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let out = given.out(rooms, "rooms")?;
        let count = given.out(count, "count")?;
        known(inner, member)?;
        let Routing { router, texts, .. } = inner;
        texts.clear();
        texts.extend(router.rooms_of(member).map(|room| roomcast_slice::lend(room.as_bytes())));
        out.set(texts.as_ptr());
        count.set(texts.len());
        Ok(())
    };
    given.router(router, "roomcast_router_rooms_of", body)
}

/// Lends out the rooms of a namespace.
///
/// `rooms` is set to an array of `count` names.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if there is no such namespace.
/// Ownership: the router's, until the next call on it.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_rooms_in(
    router: *mut roomcast_router,
    ns: u32,
    rooms: *mut *const roomcast_slice,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let out = given.out(rooms, "rooms")?;
        let count = given.out(count, "count")?;
        if !inner.router.has_namespace(ns) {
            return Err(Fault::of(Error::Gone, "ns"));
        }
        let Routing { router, texts, .. } = inner;
        texts.clear();
        texts.extend(router.rooms(ns).map(|room| roomcast_slice::lend(room.as_bytes())));
        out.set(texts.as_ptr());
        count.set(texts.len());
        Ok(())
    };
    given.router(router, "roomcast_router_rooms_in", body)
}

/// Tells whether a member is in a room.
///
/// `is_member` is set to 1 or 0.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if there is no such member, ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: nothing changes hands.
/// Threads: the router's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_router_is_member(
    router: *mut roomcast_router,
    member: u32,
    room: *const c_char,
    room_len: usize,
    is_member: *mut u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |inner: &mut Routing| {
        let out = given.out(is_member, "is_member")?;
        let room = given.text(room, room_len, "room")?;
        known(inner, member)?;
        out.set(inner.router.is_member(member, room).into());
        Ok(())
    };
    given.router(router, "roomcast_router_is_member", body)
}
