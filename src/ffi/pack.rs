//! Whole batches in one buffer, events out and emits in, for languages in which a call is dear. The records are
//! little-endian and a multiple of 8 bytes long.

use super::broker::{Host, roomcast_broker};
use super::convert::{Out, delivery, list, namespace};
use super::events::{each_part, plain};
use super::guard::{Fault, Outcome};
use super::types::*;
use crate::base::errors::Error;
use crate::base::ids::SocketId;
use crate::broker::message::{Message, Target};

/// The buffer that is lent, given back down to this after a burst.
const KEEP: usize = 256 * 1024;

/// The last packed batch.
#[derive(Default)]
pub(super) struct Packed(Vec<u8>);

/// Drains events of the last roomcast_poll as one buffer of records. They may be mixed with calls of roomcast_events.
///
/// `max` is the most events to drain; SIZE_MAX drains all. `packed` and `len` are set to the buffer; `len` is 0 when there
/// are no more.
///
/// A record begins at a multiple of 8 with these 48 bytes: u32 size of the whole record, u16 kind, u16 flags, u64 socket or
/// connection, u64 ns, u64 ack, u32 code, u32 bytes of the name, u32 bytes of the data, u32 number of parts. The name's
/// bytes follow, then those of the data, then for each part its length as a u32 and its bytes, then padding.
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
    let body = |host: &mut Host| {
        // SAFETY: what the caller promises, here and below.
        let packed = unsafe { Out::new(packed, "packed") }?;
        // SAFETY: as above.
        let len = unsafe { Out::new(len, "len") }?;
        let Host { events, drained, parts_drained, packed: Packed(buffer), .. } = host;
        buffer.clear();
        buffer.shrink_to(KEEP);
        for event in events.iter_from(*drained).take(max) {
            let start = buffer.len();
            let head = plain(&event);
            buffer.extend_from_slice(&[0; 4]);
            buffer.extend_from_slice(&(head.kind as u16).to_le_bytes());
            buffer.extend_from_slice(&(head.flags as u16).to_le_bytes());
            // One of them is 0.
            buffer.extend_from_slice(&(head.socket | head.connection).to_le_bytes());
            buffer.extend_from_slice(&head.ns.to_le_bytes());
            buffer.extend_from_slice(&head.ack.to_le_bytes());
            buffer.extend_from_slice(&head.code.to_le_bytes());
            buffer.extend_from_slice(&(head.name_len as u32).to_le_bytes());
            buffer.extend_from_slice(&(head.data_len as u32).to_le_bytes());
            buffer.extend_from_slice(&[0; 4]);
            // SAFETY: they point into the batch, which stays as it is here.
            buffer.extend_from_slice(unsafe { list(head.name.cast(), head.name_len, "") }?);
            // SAFETY: as above.
            buffer.extend_from_slice(unsafe { list(head.data.cast(), head.data_len, "") }?);
            let mut parts = 0u32;
            each_part(&event, |part| {
                // SAFETY: as above. What is lent there is never NULL.
                let bytes = unsafe { part.bytes("") }.unwrap_or_default();
                buffer.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                buffer.extend_from_slice(bytes);
                parts += 1;
            });
            buffer.resize(buffer.len().next_multiple_of(8), 0);
            let size = (buffer.len() - start) as u32;
            buffer[start..start + 4].copy_from_slice(&size.to_le_bytes());
            buffer[start + 44..start + 48].copy_from_slice(&parts.to_le_bytes());
            *drained += 1;
            *parts_drained += parts as usize;
        }
        packed.set(buffer.as_ptr());
        len.set(buffer.len());
        Ok(())
    };
    // SAFETY: what the caller promises.
    unsafe { Host::enter(broker, "roomcast_events_packed", body) }
}

/// Emits a whole batch, in its order.
///
/// `batch` is `len` bytes of records. A record begins at a multiple of 8, counted from the batch's beginning, with these 48
/// bytes: u32 size of the whole record, u16 delivery class, u16 number of attachments, u64 ns, u64 key, u32 bytes of the
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
    let body = |host: &mut Host| {
        // SAFETY: what the caller promises, here and below.
        let done = unsafe { Out::nullable(done, "done") }?;
        // SAFETY: as above.
        let mut batch = Reader(unsafe { list(batch, len, "batch") }?);
        let mut count = 0;
        let mut outcome = Ok(());
        while !batch.0.is_empty() && outcome.is_ok() {
            outcome = batch.record().and_then(|record| emit_record(host, record));
            count += usize::from(outcome.is_ok());
        }
        done.set(count);
        outcome
    };
    // SAFETY: what the caller promises.
    unsafe { Host::enter(broker, "roomcast_emit_packed", body) }
}

/// Reads a record from its beginning.
struct Reader<'a>(&'a [u8]);

const MALFORMED: Fault = Fault::Known(Error::BadValue, "batch");

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Outcome<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(MALFORMED)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(MALFORMED)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u16(&mut self) -> Outcome<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Outcome<usize> {
        self.array().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    fn u64(&mut self) -> Outcome<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self, len: usize) -> Outcome<&'a str> {
        std::str::from_utf8(self.take(len)?).map_err(|_| Fault::Known(Error::BadUtf8, "batch"))
    }

    /// The next record, without its size.
    fn record(&mut self) -> Outcome<Reader<'a>> {
        let (size, _) = self.0.split_first_chunk().ok_or(MALFORMED)?;
        let size = u32::from_le_bytes(*size) as usize;
        if size < 48 || !size.is_multiple_of(8) {
            return Err(MALFORMED);
        }
        self.take(size).map(|record| Reader(&record[4..]))
    }

    /// Reads a list whose elements take at least `least` bytes each, so that no number makes it longer than the record.
    fn many<T>(
        &mut self,
        count: usize,
        least: usize,
        read: impl Fn(&mut Self) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        if count > self.0.len() / least {
            return Err(MALFORMED);
        }
        (0..count).map(|_| read(self)).collect()
    }
}

fn emit_record(host: &mut Host, mut record: Reader<'_>) -> Outcome {
    let class = record.u16()?;
    let attachments = record.u16()?.into();
    let ns = namespace(record.u64()?)?;
    let delivery = delivery(class.into(), record.u64()?)?;
    let (name, args) = (record.u32()?, record.u32()?);
    let (rooms, sockets) = (record.u32()?, record.u32()?);
    let (except_rooms, except_sockets) = (record.u32()?, record.u32()?);
    let socket = |record: &mut Reader<'_>| Ok(SocketId::from_bits(record.u64()?)?);
    let sockets = record.many(sockets, 8, socket)?;
    let except_sockets = record.many(except_sockets, 8, socket)?;
    let (name, args) = (record.text(name)?, record.text(args)?);
    let rooms = record.many(rooms, 4, |record| record.u32().and_then(|len| record.text(len)))?;
    let except_rooms =
        record.many(except_rooms, 4, |record| record.u32().and_then(|len| record.text(len)))?;
    let attachments = record.many(attachments, 4, |record| record.u32().and_then(|len| record.take(len)))?;
    let target = Target::union(ns, &rooms, &sockets).except_rooms(&except_rooms).except(&except_sockets);
    let args = if args.is_empty() { "[]" } else { args };
    host.broker.emit(target, Message::new(name, args).attach(&attachments).delivery(delivery))?;
    Ok(())
}
