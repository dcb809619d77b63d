//! Whole batches of orders in one buffer, made from the table of operations. It must not know what any of them does.

use super::broker::{Host, roomcast_broker};
use super::convert::{ack_number, flag, http_status, is_all, namespace};
use super::given::Given;
use super::guard::{Fault, Named, Outcome};
use super::message::with_packed_manner;
use super::reader::Reader;
use super::types::*;
use crate::base::ids::{ConnId, NamespaceId, SocketId};
use crate::broker::operations::operations;
use crate::hub::message::{Message, Target};

/// Bytes of the smallest record.
const LEAST: usize = 8;
/// The length of a text that is not there.
const NONE: usize = u32::MAX as usize;

/// Carries out a whole batch of orders, in its order: for languages in which a call is dear.
///
/// `batch` is `len` bytes of records. A record begins at a multiple of 8, counted from the batch's beginning, with its u32 size, the
/// padding behind it included, and the name of a call as a text. The call's arguments follow, in the order in which it has them
/// here, the broker left out; numbers are little-endian and nothing in a record is aligned. The calls are ack, accept, add_header,
/// allow, answer_node, ask_nodes, change_rooms, close_connection, count_nodes, disconnect, disconnect_sockets, drain, emit
/// (roomcast_emit_to), fetch_remote_sockets, guard_handshakes, join, leave, leave_all, refuse, refuse_with, reject, send, send_binary, send_message
/// (roomcast_send_text), server_emit, set_tag, sockets_join, sockets_leave and stop_draining.
///
/// A handle, of a namespace too, a number, a status and a pace are a u64; a flag is a u32, 0 or 1. A text is its length as a u32 and its bytes; one that may be left
/// out has the length UINT32_MAX then. A list is the number of its elements as a u32, and these: texts, byte strings in the same
/// form, or sockets. A target is u64 ns, u32 flags (ROOMCAST_TARGET_ALL), then the lists of rooms, sockets, excepted rooms and excepted
/// sockets. A message is the texts of its name and its arguments, the list of attachments, u32 delivery class, u32 flags
/// (ROOMCAST_MESSAGE_), u64 key. All of it
/// means what it means in the call.
///
/// `done` may be NULL; it is set to the number of orders that were carried out, on failure too. What an order answers is not told.
///
/// Errors: ROOMCAST_ERROR_BAD_VALUE for a malformed record or a call that is not there, those of the call for one that fails; it ends
/// there, and what came before has been carried out.
/// Ownership: everything is copied or encoded before it returns.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_orders_packed(
    broker: *mut roomcast_broker,
    batch: *const u8,
    len: usize,
    done: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let done = given.nullable(done, "done")?;
        let batch = Reader::new(given.list(batch, len, "batch")?);
        let (count, outcome) = batch.each(LEAST, |record| carry_out(host, record));
        done.set(count);
        outcome
    };
    given.host(broker, "roomcast_orders_packed", body)
}

fn text<'a>(record: &mut Reader<'a>) -> Outcome<&'a str> {
    record.u32().and_then(|len| record.text(len))
}

/// Arguments, of which nothing at all means none.
fn args<'a>(record: &mut Reader<'a>) -> Outcome<&'a str> {
    text(record).map(|args| if args.is_empty() { "[]" } else { args })
}

fn texts<'a>(record: &mut Reader<'a>) -> Outcome<Vec<&'a str>> {
    record.u32().and_then(|count| record.many(count, 4, text))
}

fn bytes<'a>(record: &mut Reader<'a>) -> Outcome<&'a [u8]> {
    record.u32().and_then(|len| record.take(len))
}

fn blobs<'a>(record: &mut Reader<'a>) -> Outcome<Vec<&'a [u8]>> {
    record.u32().and_then(|count| record.many(count, 4, bytes))
}

fn socket(record: &mut Reader<'_>) -> Outcome<SocketId> {
    Ok(SocketId::from_bits(record.u64()?)?)
}

fn sockets(record: &mut Reader<'_>) -> Outcome<Vec<SocketId>> {
    record.u32().and_then(|count| record.many(count, 8, socket))
}

/// A target whose lists are here.
struct PackedTarget<'a> {
    ns: NamespaceId,
    all: bool,
    rooms: Vec<&'a str>,
    sockets: Vec<SocketId>,
    except_rooms: Vec<&'a str>,
    except: Vec<SocketId>,
}

impl<'a> PackedTarget<'a> {
    fn read(record: &mut Reader<'a>) -> Outcome<Self> {
        let ns = namespace(record.u64().named("target.ns")?, "target.ns")?;
        let flags = record.u32().named("target.flags")? as u32;
        let rooms = texts(record).named("target.rooms")?;
        let sockets = sockets(record).named("target.sockets")?;
        let except_rooms = texts(record).named("target.except_rooms")?;
        let except = self::sockets(record).named("target.except_sockets")?;
        let all = is_all(flags, rooms.len() + sockets.len(), "target.flags")?;
        Ok(Self { ns, all, rooms, sockets, except_rooms, except })
    }

    fn lend(&self) -> Target<'_> {
        let target = match self.all {
            true => Target::all(self.ns),
            false => Target::union(self.ns, &self.rooms, &self.sockets),
        };
        target.except_rooms(&self.except_rooms).except(&self.except)
    }
}

/// A message, and its attachments, which are here.
struct PackedMessage<'a> {
    bare: Message<'a>,
    attachments: Vec<&'a [u8]>,
}

impl<'a> PackedMessage<'a> {
    fn read(record: &mut Reader<'a>) -> Outcome<Self> {
        let (name, args) = (text(record).named("message.name")?, args(record).named("message.args")?);
        let attachments = blobs(record).named("message.attachments")?;
        Ok(Self { bare: with_packed_manner(record, Message::new(name, args))?, attachments })
    }

    fn lend(&self) -> Message<'_> {
        self.bare.attach(&self.attachments)
    }
}

/// An argument, by its kind.
macro_rules! read {
    (Socket $record:ident) => {
        socket(&mut $record)
    };
    (Conn $record:ident) => {
        $record.u64().and_then(|bits| Ok(ConnId::from_bits(bits)?))
    };
    (Namespace $record:ident) => {
        $record.u64().and_then(|bits| namespace(bits, ""))
    };
    (AckNumber $record:ident) => {
        $record.u64().and_then(ack_number)
    };
    (Args $record:ident) => {
        args(&mut $record)
    };
    (Number $record:ident) => {
        $record.u64()
    };
    (Pace $record:ident) => {
        $record.u64().and_then(|pace| u32::try_from(pace).map_err(|_| Fault::value("", "it has 32 bits")))
    };
    (Status $record:ident) => {
        $record.u64().and_then(|status| http_status(status, ""))
    };
    (Flag $record:ident) => {
        $record.u32().and_then(|value| flag(value as u32, ""))
    };
    (Text $record:ident) => {
        text(&mut $record)
    };
    (MaybeText $record:ident) => {
        $record.u32().and_then(|len| if len == NONE { Ok(None) } else { $record.text(len).map(Some) })
    };
    (Texts $record:ident) => {
        texts(&mut $record)
    };
    (Bytes $record:ident) => {
        bytes(&mut $record)
    };
    (Blobs $record:ident) => {
        blobs(&mut $record)
    };
    (Target $record:ident) => {
        PackedTarget::read(&mut $record)
    };
    (Message $record:ident) => {
        PackedMessage::read(&mut $record)
    };
}

/// The same as the call takes it.
macro_rules! lend {
    (Texts $read:ident) => {
        &$read
    };
    (Blobs $read:ident) => {
        &$read
    };
    (Target $read:ident) => {
        $read.lend()
    };
    (Message $read:ident) => {
        $read.lend()
    };
    ($kind:ident $read:ident) => {
        $read
    };
}

/// What an order answers, as success or failure.
macro_rules! outcome {
    (sure $answer:expr) => {
        $answer
    };
    ($shape:ident $answer:expr) => {
        if let Err(error) = $answer {
            return Err(error.into());
        }
    };
}

/// One row of the table, if it is an order.
macro_rules! order {
    (order $name:ident, $host:ident, $record:ident, $call:ident($($given:ident: $kind:ident),*) $shape:ident) => {
        if $name == stringify!($call) {
            $(let $given = read!($kind $record).named(stringify!($given))?;)*
            outcome!($shape $host.broker.$call($(lend!($kind $given)),*));
            return Ok(());
        }
    };
    ($mode:ident $($row:tt)*) => {};
}

macro_rules! orders {
    ($($section:literal $($(#[$doc:meta])* $Type:ident: $mode:ident $owner:ident.$call:ident($($given:ident: $kind:ident),*)
        -> $shape:ident$(($answer:ty))?, to($whom:ident)$(, checked by $check:ident($($checked:ident),*))?;)*)*) => {
        fn carry_out(host: &mut Host, mut record: Reader<'_>) -> Outcome {
            let name = text(&mut record).named("call")?;
            $($(order! { $mode name, host, record, $call($($given: $kind),*) $shape })*)*
            Err(Fault::value("call", "there is no such order"))
        }
    };
}

operations!(orders);
