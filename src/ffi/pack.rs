//! Whole batches in one buffer, events out and emits in, for languages in which a call is dear. All numbers are
//! little-endian; it must not lay out anything that depends on the machine.

use super::broker::{Host, roomcast_broker};
use super::convert::{is_all, namespace};
use super::events::{each_part, numbers, part_count, texts};
use super::given::Given;
use super::guard::{Named, Outcome};
use super::message::with_manner;
use super::reader::Reader;
use super::types::*;
use crate::base::ids::SocketId;
use crate::host::events::Event;
use crate::hub::message::{Message, Target};

/// The buffers, given back down to this after a burst.
const KEEP: usize = 256 * 1024;

/// A batch ends behind the event that makes it longer than this, so that 32 bits count every place in it.
const FULL: usize = 1 << 30;

/// Bytes before the records, and of each.
const HEAD: usize = 16;
const RECORD: usize = 64;

/// The last packed batch.
#[derive(Default)]
pub(super) struct Packed {
    buffer: Vec<u8>,
    /// Where each name begins and ends.
    names: Vec<[u32; 2]>,
}

/// The number of a name not seen lately.
const UNSEEN: u32 = u32::MAX;

impl Packed {
    /// The number of a name. One that recurs is most often found in `recent`; where two share a place there, it is written
    /// again, so that no choice of names makes it slow.
    fn name(&mut self, name: &[u8], recent: &mut [u32; 64]) -> u32 {
        let mix = |end: Option<&u8>| end.copied().map_or(0, usize::from);
        let place = &mut recent[(name.len() + 5 * mix(name.first()) + 11 * mix(name.last())) % 64];
        if let Some(&[start, end]) = self.names.get(*place as usize)
            && &self.buffer[start as usize..end as usize] == name
        {
            return *place;
        }
        *place = self.names.len() as u32;
        let start = self.buffer.len() as u32;
        self.buffer.extend_from_slice(name);
        self.names.push([start, self.buffer.len() as u32]);
        *place
    }

    /// Appends an event, whose record has its place already.
    fn event(&mut self, event: &Event<'_>, at: usize, recent: &mut [u32; 64]) {
        let head = numbers(event);
        let (name, data) = texts(event);
        let name = self.name(name.unwrap_or_default(), recent);
        let start = self.buffer.len() as u32;
        self.buffer.extend_from_slice(data.unwrap_or_default());
        let end = self.buffer.len() as u32;
        let parts = part_count(event);
        let parts_at = if parts == 0 { 0 } else { end };
        if parts > 0 {
            self.buffer.extend_from_slice(&(parts as u32).to_le_bytes());
            each_part(event, |bytes| {
                self.buffer.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                self.buffer.extend_from_slice(bytes);
            });
        }
        let record = &mut self.buffer[at..at + RECORD];
        record[..2].copy_from_slice(&(head.kind as u16).to_le_bytes());
        record[2..4].copy_from_slice(&(head.flags as u16).to_le_bytes());
        record[4..8].copy_from_slice(&head.code.to_le_bytes());
        // One of them is 0.
        record[8..16].copy_from_slice(&(head.socket | head.connection).to_le_bytes());
        record[16..24].copy_from_slice(&head.ns.to_le_bytes());
        record[24..32].copy_from_slice(&head.ack.to_le_bytes());
        record[32..36].copy_from_slice(&name.to_le_bytes());
        record[36..40].copy_from_slice(&start.to_le_bytes());
        record[40..44].copy_from_slice(&end.to_le_bytes());
        record[44..48].copy_from_slice(&parts_at.to_le_bytes());
        record[48..56].copy_from_slice(&head.tag.to_le_bytes());
        record[56..].copy_from_slice(&head.context.to_le_bytes());
    }

    /// Appends the names, and says before the records what there is.
    fn finish(&mut self, count: usize) {
        self.buffer.resize(self.buffer.len().next_multiple_of(8), 0);
        let names_at = self.buffer.len() as u32;
        for place in self.names.iter().flatten() {
            self.buffer.extend_from_slice(&place.to_le_bytes());
        }
        self.buffer[..4].copy_from_slice(&(count as u32).to_le_bytes());
        self.buffer[4..8].copy_from_slice(&(self.names.len() as u32).to_le_bytes());
        self.buffer[8..12].copy_from_slice(&names_at.to_le_bytes());
    }
}

/// Drains events of the last roomcast_poll as one buffer: a table of records, then what they refer to. They may be mixed
/// with calls of roomcast_events.
///
/// `max` is the most events to drain; SIZE_MAX drains all, or as many as make 1 GiB. `packed` and `len` are set to the
/// buffer; `len` is 0 when there are no more.
///
/// It begins at a multiple of 8 with u32 number of records, u32 number of names, u32 place of the names, u32 0. The records
/// follow, one an event, of 64 bytes: u16 kind, u16 flags, u32 code, u64 socket or connection, u64 ns, u64 ack, u32 number
/// of the name, u32 place where the data begins, u32 place where it ends, u32 place of the parts, 0 if there are none, u64 tag,
/// u64 context. All places count bytes from the buffer's beginning. At that of the names, for each name, from number 0, a u32 place where it
/// begins and a u32 place where it ends; events of the same name may share one. At that of the parts their number as a u32,
/// then for each its length as a u32 and its bytes; it need not be aligned.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: the buffer is the broker's, until the next roomcast_events_packed, roomcast_poll, roomcast_close or
/// roomcast_free.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_events_packed(
    broker: *mut roomcast_broker,
    max: usize,
    packed: *mut *const u8,
    len: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(packed, "packed")?;
        let len = given.out(len, "len")?;
        let Host { events, drained, parts_drained, packed, .. } = host;
        packed.buffer.clear();
        packed.buffer.shrink_to(KEEP);
        packed.names.clear();
        packed.names.shrink_to(KEEP / 16);
        let count = max.min(events.len() - *drained).min(FULL / RECORD);
        if count > 0 {
            packed.buffer.resize(HEAD + count * RECORD, 0);
            let mut recent = [UNSEEN; 64];
            let mut done = 0;
            for event in events.iter_from(*drained).take(count) {
                packed.event(&event, HEAD + done * RECORD, &mut recent);
                *parts_drained += part_count(&event);
                done += 1;
                if packed.buffer.len() > FULL {
                    break;
                }
            }
            packed.finish(done);
            *drained += done;
        }
        out.set(packed.buffer.as_ptr());
        len.set(packed.buffer.len());
        Ok(())
    };
    given.host(broker, "roomcast_events_packed", body)
}

/// Emits a whole batch, in its order.
///
/// `batch` is `len` bytes of records. A record begins at a multiple of 8, counted from the batch's beginning, with these 48
/// bytes: u32 size of the whole record, u8 delivery class, u8 flags (ROOMCAST_TARGET_ALL, plus twice the
/// sum of ROOMCAST_MESSAGE_ values), u16 number of attachments, u64 ns, u64 key, u32 bytes of the
/// name, u32 bytes of the arguments, u32 number of rooms, u32 of sockets, u32 of excepted rooms, u32 of excepted sockets.
/// The sockets follow as u64, then the excepted sockets; then the name's bytes and those of the arguments; then for each
/// room, each excepted room and each attachment its length as a u32 and its bytes; then padding. All of it means what it
/// means in roomcast_target and roomcast_message.
///
/// `done` may be NULL; it is set to the number of emits that were made, on failure too.
///
/// Errors: ROOMCAST_ERROR_BAD_VALUE for a malformed record, those of roomcast_emit_to for one that cannot be emitted; it ends
/// there, and what came before has been emitted.
/// Ownership: everything is copied or encoded before it returns.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_emit_packed(
    broker: *mut roomcast_broker,
    batch: *const u8,
    len: usize,
    done: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let done = given.nullable(done, "done")?;
        let (count, outcome) =
            Reader::new(given.list(batch, len, "batch")?).each(48, |record| emit_record(host, record));
        done.set(count);
        outcome
    };
    given.host(broker, "roomcast_emit_packed", body)
}

/// The flag of an emit's record that is ROOMCAST_TARGET_ALL; the others are those of its message.
const ALL: u8 = 1;

fn emit_record<'a>(host: &mut Host, mut record: Reader<'a>) -> Outcome {
    let [class, flags] = record.array()?;
    let attachments = record.u16()?.into();
    let ns = namespace(record.u64()?, "target.ns")?;
    let key = record.u64()?;
    let (name, args) = (record.u32()?, record.u32()?);
    let (rooms, sockets) = (record.u32()?, record.u32()?);
    let (except_rooms, except_sockets) = (record.u32()?, record.u32()?);
    let socket = |record: &mut Reader<'_>| Ok(SocketId::from_bits(record.u64()?)?);
    let sockets = record.many(sockets, 8, socket).named("target.sockets")?;
    let except_sockets = record.many(except_sockets, 8, socket).named("target.except_sockets")?;
    let name = record.text(name).named("message.name")?;
    let args = record.text(args).named("message.args")?;
    let text = |record: &mut Reader<'a>| record.u32().and_then(|len| record.text(len));
    let rooms = record.many(rooms, 4, text).named("target.rooms")?;
    let except_rooms = record.many(except_rooms, 4, text).named("target.except_rooms")?;
    let bytes = |record: &mut Reader<'a>| record.u32().and_then(|len| record.take(len));
    let attachments = record.many(attachments, 4, bytes).named("message.attachments")?;
    let target = match is_all((flags & ALL).into(), rooms.len() + sockets.len(), "target.flags")? {
        true => Target::all(ns),
        false => Target::union(ns, &rooms, &sockets),
    };
    let target = target.except_rooms(&except_rooms).except(&except_sockets);
    let args = if args.is_empty() { "[]" } else { args };
    let message = Message::new(name, args).attach(&attachments);
    host.broker.emit(target, with_manner(message, class.into(), key, (flags >> 1).into())?)?;
    Ok(())
}
