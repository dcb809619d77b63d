//! What the C ABI is made of: numbers, constants and structs. It must not do anything.

use std::ffi::{c_char, c_void};

/// The version of this interface. It changes only when a program compiled against an older header would break; pass it to
/// roomcast_new.
pub const ROOMCAST_ABI_VERSION: u32 = 1;

/// What every fallible function returns: 0 on success, a negative ROOMCAST_ERROR_ number otherwise. Out-parameters are
/// written only on success. A number of -0x10000 or below is -0x10000 minus an errno of the operating system.
pub type roomcast_status = i32;

/// One client's presence in one namespace. Handles are never 0 and never used again; a call with a dead one changes nothing
/// and returns ROOMCAST_ERROR_GONE.
pub type roomcast_socket = u64;

/// A namespace.
pub type roomcast_namespace = u64;

/// One client's connection, which carries a socket for each namespace that the client joined.
pub type roomcast_connection = u64;

/// An acknowledgement that the host waits for.
pub type roomcast_ack_id = u64;

/// No error.
pub const ROOMCAST_OK: roomcast_status = 0;
/// The handle names nothing that lives: it was closed, disconnected or never existed.
pub const ROOMCAST_ERROR_GONE: roomcast_status = -1;
/// A handle of another kind was passed, for example a namespace where a socket is due.
pub const ROOMCAST_ERROR_WRONG_KIND: roomcast_status = -2;
/// An event name that Socket.IO keeps for itself, such as "connect" or "disconnect".
pub const ROOMCAST_ERROR_RESERVED_EVENT: roomcast_status = -3;
/// The arguments are not a JSON array.
pub const ROOMCAST_ERROR_BAD_JSON: roomcast_status = -4;
/// Attachments are given, and a placeholder in the arguments names none of them. One without a placeholder is no error.
pub const ROOMCAST_ERROR_BAD_ATTACHMENTS: roomcast_status = -5;
/// A namespace name is empty or has a character that packets cannot carry.
pub const ROOMCAST_ERROR_BAD_NAMESPACE: roomcast_status = -6;
/// A room name is empty or too long.
pub const ROOMCAST_ERROR_BAD_ROOM: roomcast_status = -7;
/// The call does not fit the state: the socket still waits for the host's decision, or has had it already.
pub const ROOMCAST_ERROR_WRONG_STATE: roomcast_status = -8;
/// A configuration value is out of its range.
pub const ROOMCAST_ERROR_BAD_CONFIG: roomcast_status = -9;
/// A namespace of this name exists with other options.
pub const ROOMCAST_ERROR_EXISTS: roomcast_status = -10;
/// The path of an HTTP response does not begin with a slash, or lies under the Socket.IO path.
pub const ROOMCAST_ERROR_BAD_PATH: roomcast_status = -11;
/// The data given to a reject is not JSON.
pub const ROOMCAST_ERROR_BAD_DATA: roomcast_status = -12;
/// A pointer that must not be NULL is NULL.
pub const ROOMCAST_ERROR_NULL: roomcast_status = -13;
/// A text is not UTF-8.
pub const ROOMCAST_ERROR_BAD_UTF8: roomcast_status = -14;
/// A struct_size is smaller than any version of the struct ever was.
pub const ROOMCAST_ERROR_BAD_SIZE: roomcast_status = -15;
/// The caller was compiled against a header that this library cannot serve.
pub const ROOMCAST_ERROR_ABI_VERSION: roomcast_status = -16;
/// A number is not among those allowed, such as a drain of no clients a second; or a packed batch is malformed.
pub const ROOMCAST_ERROR_BAD_VALUE: roomcast_status = -17;
/// An address cannot be understood or resolved.
pub const ROOMCAST_ERROR_BAD_ADDRESS: roomcast_status = -18;
/// There is nothing of this name.
pub const ROOMCAST_ERROR_NOT_FOUND: roomcast_status = -19;
/// What the call writes does not fit into the buffer it was given.
pub const ROOMCAST_ERROR_TOO_SMALL: roomcast_status = -20;
/// There is no handle: it is 0.
pub const ROOMCAST_ERROR_NO_HANDLE: roomcast_status = -21;
/// A limit of the broker was reached.
pub const ROOMCAST_ERROR_TOO_MANY: roomcast_status = -100;
/// The remote's queue is full: the broker has not been polled for a while.
pub const ROOMCAST_ERROR_FULL: roomcast_status = -101;
/// One message is larger than the broker can hold.
pub const ROOMCAST_ERROR_TOO_LARGE: roomcast_status = -102;
/// The broker on the other side of a remote is gone.
pub const ROOMCAST_ERROR_CLOSED: roomcast_status = -200;
/// The operating system's random generator failed.
pub const ROOMCAST_ERROR_NO_ENTROPY: roomcast_status = -201;
/// Another call on this object is running: on another thread, or further up on this one, out of a callback.
pub const ROOMCAST_ERROR_BUSY: roomcast_status = -202;
/// A bug in the library. The object is poisoned: free it.
pub const ROOMCAST_ERROR_PANIC: roomcast_status = -203;
/// An earlier call ended in ROOMCAST_ERROR_PANIC. The object can only be freed.
pub const ROOMCAST_ERROR_POISONED: roomcast_status = -204;
/// The operating system does not have this, for example a pollable descriptor on Windows.
pub const ROOMCAST_ERROR_UNSUPPORTED: roomcast_status = -205;
/// The broker, or the remote's broker, was made by the process that forked this one: its threads are not here, and its
/// descriptors are the other's. It can only be freed.
pub const ROOMCAST_ERROR_FORKED: roomcast_status = -206;
/// The id generator gave no id, or one that is in use.
pub const ROOMCAST_ERROR_BAD_ID: roomcast_status = -207;
/// Errors of the operating system are this minus their errno.
pub const ROOMCAST_ERROR_SYSTEM: roomcast_status = -65536;

/// A piece of text or bytes, given or lent. `ptr` is ignored when `len` is 0. It stands in arrays and never gains a field.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_slice {
    /// The first byte.
    pub ptr: *const c_void,
    /// How many bytes there are.
    pub len: usize,
}

/// A name and a value: a header, a parameter of a query. It stands in arrays and never gains a field.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_pair {
    /// The name.
    pub name: roomcast_slice,
    /// The value.
    pub value: roomcast_slice,
}

/// A socket has joined its namespace. Sets `socket`, `ns`, `name` to its id as the client knows it, and `data` to the
/// client's auth object as JSON ("{}" when it sent none). With the flag ROOMCAST_FLAG_RECOVERED it was away and is back.
pub const ROOMCAST_EVENT_CONNECT: u32 = 1;
/// A client emitted an event. Sets `socket`, `ns`, `name`, `data` to its arguments (a JSON array, as the client sent it),
/// `parts` to the attachments that the placeholders in it stand for, and `ack`.
pub const ROOMCAST_EVENT_MESSAGE: u32 = 2;
/// A socket is gone; its handle is dead already, unless the flag ROOMCAST_FLAG_RECOVERABLE is set. Sets `socket`, `ns`, `code` to a
/// ROOMCAST_REASON_ number, and `parts` to the rooms it was in until now, its own not among them.
pub const ROOMCAST_EVENT_DISCONNECT: u32 = 3;
/// A client asks to join a guarded namespace: answer with roomcast_accept or roomcast_reject. Sets `socket`, `ns`,
/// `name` to its id to be, and `data` to the auth object as JSON. If it leaves before you answer, ROOMCAST_EVENT_DISCONNECT
/// says so, and the answer is ROOMCAST_ERROR_GONE.
pub const ROOMCAST_EVENT_CONNECT_REQUEST: u32 = 4;
/// A client acknowledged an emit. Sets `ack` to what roomcast_emit_with_ack gave and `context` to what it was given, `socket`,
/// `data` to the arguments (a JSON array), `parts` to the attachments, `code` to how many have still to answer: 0 ends this
/// acknowledgement.
pub const ROOMCAST_EVENT_ACK: u32 = 5;
/// An acknowledgement ended with answers missing. Sets `ack`, `context`, `code` to how many never answered, and the flag
/// ROOMCAST_FLAG_TIMED_OUT if the time was up; without it, those that were missing disconnected.
pub const ROOMCAST_EVENT_ACK_END: u32 = 6;
/// A packet of this socket's client could not be parsed; its disconnect follows. Sets `socket`, `ns`.
pub const ROOMCAST_EVENT_PROTOCOL_ERROR: u32 = 7;
/// A namespace was made, by the host or from a pattern. Sets `ns`, `name`.
pub const ROOMCAST_EVENT_NAMESPACE_CREATED: u32 = 8;
/// A namespace made from a pattern is gone with its last socket; its handle is dead already. Sets `ns`, `name`.
pub const ROOMCAST_EVENT_NAMESPACE_REMOVED: u32 = 9;
/// Only with room_events: a room has its first member. Sets `ns`, `name`.
pub const ROOMCAST_EVENT_ROOM_CREATED: u32 = 10;
/// Only with room_events: a socket joined a room. Sets `socket`, `ns`, `name`.
pub const ROOMCAST_EVENT_ROOM_JOINED: u32 = 11;
/// Only with room_events: a socket left a room. Sets `socket`, `ns`, `name`.
pub const ROOMCAST_EVENT_ROOM_LEFT: u32 = 12;
/// Only with room_events: a room's last member left. Sets `ns`, `name`.
pub const ROOMCAST_EVENT_ROOM_DELETED: u32 = 13;
/// Only with guard_handshakes: a client opens a connection: answer with roomcast_allow or roomcast_refuse. Sets
/// `connection`.
pub const ROOMCAST_EVENT_HANDSHAKE: u32 = 14;
/// Only with refusal_events: a request was refused. Sets `code` to Engine.IO's error code (0 to 5; 6 for a
/// handshake that was answered with 503), `name` to its text,
/// `data` to what was wrong: the transport, the sid, the method, or a name such as INVALID_ORIGIN; for a WebSocket's
/// handshake that is none the text of its answer, with code 3;
/// with code 6 RATE, CONNECTIONS or DRAINING; with code 7 ADDRESS_CONNECTIONS or ADDRESS_RATE.
pub const ROOMCAST_EVENT_REFUSED: u32 = 15;
/// Only with engine_only: a connection opened. Sets `connection`.
pub const ROOMCAST_EVENT_OPEN: u32 = 16;
/// Only with engine_only: a text message. Sets `connection`, `data`.
pub const ROOMCAST_EVENT_TEXT: u32 = 17;
/// Only with engine_only: a binary message. Sets `connection`, `data`.
pub const ROOMCAST_EVENT_BINARY: u32 = 18;
/// Only with engine_only: a connection closed; its handle is dead already. Sets `connection`, `code` to a ROOMCAST_REASON_
/// number.
pub const ROOMCAST_EVENT_CLOSE: u32 = 19;
/// After roomcast_drain: no connection is left.
pub const ROOMCAST_EVENT_DRAINED: u32 = 20;
/// A socket that was away did not come back in time, or could not be told all that it had missed, or was disconnected by the host.
/// Its handle is dead already. Sets `socket`, `ns`, and `name` to its id.
pub const ROOMCAST_EVENT_SESSION_EXPIRED: u32 = 21;

/// On ROOMCAST_EVENT_ACK_END: the time was up.
pub const ROOMCAST_FLAG_TIMED_OUT: u32 = 1;
/// On ROOMCAST_EVENT_CONNECT: the socket was away and is back, with its handle, its tag and the rooms that it is in by now. What it
/// missed is sent before anything else.
pub const ROOMCAST_FLAG_RECOVERED: u32 = 2;
/// On ROOMCAST_EVENT_DISCONNECT: the socket is away, and its client may come back. Its handle lives until its
/// ROOMCAST_EVENT_CONNECT with ROOMCAST_FLAG_RECOVERED, or its ROOMCAST_EVENT_SESSION_EXPIRED.
pub const ROOMCAST_FLAG_RECOVERABLE: u32 = 4;

/// For roomcast_add_namespace and roomcast_add_pattern: you are asked about each connect, with ROOMCAST_EVENT_CONNECT_REQUEST.
pub const ROOMCAST_NAMESPACE_GUARDED: u32 = 1;
/// For roomcast_add_namespace and roomcast_add_pattern: connection state recovery. A client whose connection ends, and who is back
/// within recovery_window, is the same socket in the same rooms, and is sent what it has missed, once and in order. Its
/// ROOMCAST_EVENT_DISCONNECT has the flag ROOMCAST_FLAG_RECOVERABLE; until it is back, also in a guarded namespace without
/// being asked about, it can be put into rooms, taken out of them and disconnected, and what is emitted to it waits in the
/// namespace's log. What is emitted with an acknowledgement, or is volatile, is not sent again; of ROOMCAST_LATEST the newest is.
/// Each event carries one argument more on the wire, by which a client knows how far it has heard.
pub const ROOMCAST_NAMESPACE_RECOVERY: u32 = 2;

/// The client closed the transport, or the network did.
pub const ROOMCAST_REASON_TRANSPORT_CLOSE: u32 = 1;
/// The transport failed: a broken frame, overlapping or dropped requests.
pub const ROOMCAST_REASON_TRANSPORT_ERROR: u32 = 2;
/// No pong within ping_timeout.
pub const ROOMCAST_REASON_PING_TIMEOUT: u32 = 3;
/// A packet could not be parsed.
pub const ROOMCAST_REASON_PARSE_ERROR: u32 = 4;
/// The host closed the connection by roomcast_close_connection.
pub const ROOMCAST_REASON_FORCED_CLOSE: u32 = 5;
/// The client left the namespace.
pub const ROOMCAST_REASON_CLIENT_NAMESPACE_DISCONNECT: u32 = 6;
/// The host disconnected the socket from its namespace.
pub const ROOMCAST_REASON_SERVER_NAMESPACE_DISCONNECT: u32 = 7;
/// The host closed the connection, the client broke the protocol, or it joined no namespace in time.
pub const ROOMCAST_REASON_FORCED_SERVER_CLOSE: u32 = 8;
/// The broker is closing.
pub const ROOMCAST_REASON_SERVER_SHUTTING_DOWN: u32 = 9;
/// The client did not read and its backlog was full.
pub const ROOMCAST_REASON_SLOW_CONSUMER: u32 = 10;

/// One thing that happened. Which fields are set depends on `kind`; the others are 0 or NULL. Kinds that are not known must
/// be skipped: later versions add some. What the pointers point to is lent until the next roomcast_poll, roomcast_close or
/// roomcast_free of the broker. Texts are UTF-8 and not terminated by a NUL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_event {
    /// A ROOMCAST_EVENT_ number.
    pub kind: u32,
    /// ROOMCAST_FLAG_ bits.
    pub flags: u32,
    /// A number whose meaning depends on `kind`: a reason, an error code, how many acknowledgements are missing.
    pub code: u32,
    /// 0.
    pub reserved: u32,
    /// The socket it is about.
    pub socket: roomcast_socket,
    /// The connection it is about, where there is no socket.
    pub connection: roomcast_connection,
    /// The namespace it is about.
    pub ns: roomcast_namespace,
    /// On ROOMCAST_EVENT_MESSAGE what to pass to roomcast_ack, 0 if the client does not wait for an acknowledgement; on
    /// ROOMCAST_EVENT_ACK and ROOMCAST_EVENT_ACK_END the roomcast_ack_id.
    pub ack: u64,
    /// The event's name, or a name that depends on `kind`.
    pub name: *const c_char,
    /// Bytes of `name`.
    pub name_len: usize,
    /// Arguments or other data, depending on `kind`. Only that of ROOMCAST_EVENT_BINARY is not UTF-8.
    pub data: *const c_char,
    /// Bytes of `data`.
    pub data_len: usize,
    /// Attachments or rooms, depending on `kind`.
    pub parts: *const roomcast_slice,
    /// How many `parts` there are.
    pub part_count: usize,
    /// What roomcast_set_tag has put on `socket`; 0 where nothing was.
    pub tag: u64,
    /// On ROOMCAST_EVENT_ACK and ROOMCAST_EVENT_ACK_END the `context` that was given to roomcast_emit_with_ack.
    pub context: u64,
}

/// Queued up to max_backlog, past which the connection is closed as a slow consumer.
pub const ROOMCAST_RELIABLE: u32 = 0;
/// Skipped for a connection whose earlier output the kernel, or a poll, has not taken yet.
pub const ROOMCAST_VOLATILE: u32 = 1;
/// At most one unsent message of this `key` waits for a connection in this namespace: the newest.
pub const ROOMCAST_LATEST: u32 = 2;
/// Queued up to max_backlog; then the oldest message of this class goes.
pub const ROOMCAST_DROP_OLDEST: u32 = 3;

/// In the flags of a target or a selection: the whole namespace. It is said and never implied: without it, no rooms and no
/// sockets are nobody. With it, none may be named.
pub const ROOMCAST_TARGET_ALL: u32 = 1;

/// Whom an emit reaches: the union of some rooms and sockets of one namespace, which is nobody if neither are named, or with
/// ROOMCAST_TARGET_ALL the whole namespace; minus some rooms and sockets. A socket that is named twice gets one copy. A
/// socket's id is a room of its own. Set `struct_size` to sizeof(roomcast_target) and what is not needed to 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_target {
    /// sizeof(roomcast_target).
    pub struct_size: u32,
    /// ROOMCAST_TARGET_ALL or 0.
    pub flags: u32,
    /// The namespace.
    pub ns: roomcast_namespace,
    /// The members of these rooms.
    pub rooms: *const roomcast_slice,
    /// How many rooms.
    pub room_count: usize,
    /// These sockets as well; those that are gone or belong to another namespace are skipped.
    pub sockets: *const roomcast_socket,
    /// How many sockets.
    pub socket_count: usize,
    /// But no member of these rooms.
    pub except_rooms: *const roomcast_slice,
    /// How many rooms are excepted.
    pub except_room_count: usize,
    /// And none of these sockets.
    pub except_sockets: *const roomcast_socket,
    /// How many sockets are excepted.
    pub except_socket_count: usize,
}

/// An event to emit. Set `struct_size` to sizeof(roomcast_message) and what is not needed to 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_message {
    /// sizeof(roomcast_message).
    pub struct_size: u32,
    /// What may become of it when a client does not keep up: ROOMCAST_RELIABLE, which is 0, or another delivery class.
    pub delivery: u32,
    /// For ROOMCAST_LATEST: the key, any number.
    pub key: u64,
    /// The event's name.
    pub name: *const c_char,
    /// Bytes of `name`.
    pub name_len: usize,
    /// The arguments: a JSON array. Nothing at all means "[]".
    pub args: *const c_char,
    /// Bytes of `args`.
    pub args_len: usize,
    /// Binary attachments: `args` holds {"_placeholder":true,"num":N} where attachment N belongs.
    pub attachments: *const roomcast_slice,
    /// How many attachments.
    pub attachment_count: usize,
}

/// Of a roomcast_receipt: not known yet, since loops of the broker's own (`loops`) carry the emit out.
pub const ROOMCAST_UNKNOWN: u64 = u64::MAX;

/// What an emit did. It has no size and never gains a field.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_receipt {
    /// Sockets it was addressed to, or ROOMCAST_UNKNOWN.
    pub recipients: u64,
    /// Of these, how many were skipped: the message is volatile and they had earlier output waiting. Or ROOMCAST_UNKNOWN.
    pub skipped: u64,
}

/// What a client's first request said. Set `struct_size` to sizeof(roomcast_handshake) before the call. What the pointers
/// point to is lent until the next question that lends.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_handshake {
    /// sizeof(roomcast_handshake), set by the caller.
    pub struct_size: u32,
    /// 1 if the connection is carried by a WebSocket by now, 0 if by polling.
    pub websocket: u32,
    /// When the request came, in milliseconds since 1970.
    pub issued: u64,
    /// The connection.
    pub connection: roomcast_connection,
    /// The client's address and port, for example "127.0.0.1:40332" or "[::1]:40332"; behind a proxy, the proxy's. Over a Unix
    /// socket "unix:", with the path of the client's end behind it if that has one.
    pub address: roomcast_slice,
    /// The request's target: path and query, as they came.
    pub url: roomcast_slice,
    /// The query's parameters, decoded, in their order.
    pub query: *const roomcast_pair,
    /// How many parameters.
    pub query_count: usize,
    /// The headers, in their order, one of each name. What came in several lines is joined by ", ", for Cookie by "; ", as
    /// Node does it. Values are bytes, mostly ASCII.
    pub headers: *const roomcast_pair,
    /// How many headers.
    pub header_count: usize,
}

/// A number that the broker counts, by its name. It stands in arrays and never gains a field.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_stat {
    /// Its name, terminated by a NUL; it lives as long as the library is loaded.
    pub name: *const c_char,
    /// How many.
    pub value: u64,
}

/// For roomcast_times: turns of the loop, their waits not counted.
pub const ROOMCAST_TIMES_STEPS: u32 = 1;
/// For roomcast_times: flushes that had something to send.
pub const ROOMCAST_TIMES_FLUSHES: u32 = 2;

/// Times, counted in buckets. Set `struct_size` to sizeof(roomcast_histogram) before the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_histogram {
    /// sizeof(roomcast_histogram), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// How many times there are.
    pub count: u64,
    /// All of them together, in nanoseconds.
    pub sum: u64,
    /// How many fell into each bucket: bucket N reaches up to 2^N microseconds, and the last has no bound.
    pub buckets: *const u64,
    /// How many buckets there are.
    pub bucket_count: usize,
}

/// In the flags of roomcast_listen_options: an address of IPv6 takes clients of IPv6 alone. Without this flag and
/// ROOMCAST_LISTEN_BOTH it is as the system has it.
pub const ROOMCAST_LISTEN_V6_ONLY: u32 = 1;
/// An address of IPv6 takes clients of IPv4, too.
pub const ROOMCAST_LISTEN_BOTH: u32 = 2;
/// Lets other processes, or brokers, that want it too, listen on the same address and port; on Linux the kernel spreads the
/// connections over them. Each has its own sessions, so polling needs a proxy that sends a client always to the same one.
/// ROOMCAST_ERROR_UNSUPPORTED where the system has no SO_REUSEPORT.
pub const ROOMCAST_LISTEN_REUSE_PORT: u32 = 4;
/// With several `loops` one of them accepts, and deals what it gets to all of them in turn: evenly, also where there are few
/// connections. Without it each loop listens, and the kernel spreads the connections by chance. Always so for Unix sockets, for
/// descriptors, and where the kernel does not spread them, which only Linux does.
pub const ROOMCAST_LISTEN_ONE_ACCEPTOR: u32 = 8;
/// For a Unix socket: a socket at this path is an error although nobody listens on it any more. Without this flag it is
/// replaced.
pub const ROOMCAST_LISTEN_KEEP_STALE: u32 = 16;

/// How a broker listens. Set `struct_size` to sizeof(roomcast_listen_options) and what is not needed to 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_listen_options {
    /// sizeof(roomcast_listen_options).
    pub struct_size: u32,
    /// ROOMCAST_LISTEN_ flags.
    pub flags: u32,
    /// Connections that the kernel holds before they are accepted; 0 is 4,096. The system may have a lower bound of its own
    /// (net.core.somaxconn).
    pub backlog: u32,
    /// For a Unix socket: who may connect, as the file's mode (0660), set before anybody can; 0: what the process' umask leaves.
    pub mode: u32,
}

/// No Access-Control header is sent: browsers keep the answers to polls from pages of other origins. They let such pages open a
/// WebSocket all the same, unless check_origin is on. This is the default.
pub const ROOMCAST_CORS_OFF: u32 = 0;
/// Everybody: "*". Browsers refuse it together with credentials.
pub const ROOMCAST_CORS_ANY: u32 = 1;
/// The origins in cors_origins; each is told only of itself.
pub const ROOMCAST_CORS_LIST: u32 = 2;
/// Whoever asks.
pub const ROOMCAST_CORS_REFLECT: u32 = 3;

/// A bug in the library, or a lasting failure of the system.
pub const ROOMCAST_LOG_ERROR: u32 = 1;
/// A peer broke the protocol, did not keep up, or was refused.
pub const ROOMCAST_LOG_WARN: u32 = 2;
/// The broker listens, or closes.
pub const ROOMCAST_LOG_INFO: u32 = 3;
/// A socket connected, was rejected or disconnected.
pub const ROOMCAST_LOG_DEBUG: u32 = 4;

/// Takes one line of the log. It is called from within a call on the broker, on that call's thread: it must not call the
/// broker (it would get ROOMCAST_ERROR_BUSY), and must return normally. `text` is UTF-8 without a control character, at most 515 bytes,
/// lent for the call: what a client sent in it is escaped and cut. A line about a socket begins with its id, its namespace and
/// its peer's address (a proxy's, behind one). Of each kind of line there are at most 100 a second, and 1,000 wait for a host
/// that does not poll; the number of those that were left out follows with the first roomcast_poll after it.
pub type roomcast_log =
    Option<unsafe extern "C" fn(data: *mut c_void, level: u32, text: *const c_char, text_len: usize)>;

/// Writes a connection's id of up to `cap` bytes (64) of ASCII letters, digits, '-' and '_' to `out` and returns its length;
/// 0 refuses the handshake. Ids must be unguessable and unique. The rules of roomcast_log hold for it too.
pub type roomcast_id_generator =
    Option<unsafe extern "C" fn(data: *mut c_void, out: *mut c_char, cap: usize) -> usize>;

/// How a broker behaves. Fill it by roomcast_config_init and change what you know better. Times are in milliseconds, at most
/// 2,147,483,647 (some 24 days). Texts and lists are copied by roomcast_new. Flags are 0 or 1.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_config {
    /// sizeof(roomcast_config), set by roomcast_config_init.
    pub struct_size: u32,
    /// Whether the path ends in a slash, so that "/socket.io" alone is not served. On by default.
    pub add_trailing_slash: u32,
    /// Whether a handshake may name the transport polling. On by default.
    pub polling: u32,
    /// Whether a handshake may name the transport WebSocket. On by default.
    pub websocket: u32,
    /// Whether a polling connection may become a WebSocket. On by default.
    pub allow_upgrades: u32,
    /// Asks the host about every handshake, with ROOMCAST_EVENT_HANDSHAKE. Off by default.
    pub guard_handshakes: u32,
    /// Reports rooms that begin and end, and who joins and leaves them. Off by default.
    pub room_events: u32,
    /// Reports refused requests. Off by default.
    pub refusal_events: u32,
    /// Speaks Engine.IO alone: messages go to the host as they are, with no namespaces. Off by default.
    pub engine_only: u32,
    /// You ask roomcast_next_timeout before every wait for roomcast_fd, or flush what you changed. Then a change between two
    /// polls does not make the descriptor readable, which would cost a system call and a turn of the loop. Off by default: any
    /// loop will do.
    pub quiet_descriptor: u32,
    /// Cross-origin rules: a ROOMCAST_CORS_ number. ROOMCAST_CORS_OFF by default.
    pub cors: u32,
    /// Whether cookies and authorisation may be sent along by pages of other origins. Off by default.
    pub cors_credentials: u32,
    /// The status that answers a preflight request. 204 by default.
    pub cors_status: u32,
    /// Refuses requests whose Origin is neither the host they are for, by their Host, nor allowed by `cors`: with 403, code 4
    /// "Forbidden", over both transports. Requests without an Origin, as programs send them, pass; whoever is no browser can
    /// send any. ROOMCAST_CORS_ANY and ROOMCAST_CORS_REFLECT let everybody in. A proxy has to pass Host on, or to be
    /// one of trusted_proxies, whose X-Forwarded-Host is believed. Off by default, as in the reference; turn it on if a cookie
    /// tells you who a user is.
    pub check_origin: u32,
    /// Seconds for which a browser may remember the answer to a preflight request; -1, the default, says nothing.
    pub cors_max_age: i64,
    /// For ROOMCAST_CORS_LIST: the origins, as a browser writes them: "https://example.com", with the port unless it is the
    /// scheme's own, and without a slash at the end. A name may begin with "*.", which stands for every name below it, however
    /// deep, but not for the name itself. What can be no origin: ROOMCAST_ERROR_BAD_CONFIG.
    pub cors_origins: *const roomcast_slice,
    /// How many origins.
    pub cors_origin_count: usize,
    /// Methods that pages of other origins may use, separated by commas. "GET,HEAD,PUT,PATCH,POST,DELETE" by default.
    pub cors_methods: roomcast_slice,
    /// Headers that requests of such pages may have, separated by commas. Empty, the default: those they ask for.
    pub cors_allowed_headers: roomcast_slice,
    /// Headers of the response that such pages may see, separated by commas. Empty by default.
    pub cors_exposed_headers: roomcast_slice,
    /// Path of the Socket.IO endpoint, matched as a prefix. "/socket.io/" by default.
    pub path: roomcast_slice,
    /// Path that answers with a health report as JSON. Empty, the default: none. With `loops` the one that answers adds what
    /// the others said of themselves within the last second.
    pub health_path: roomcast_slice,
    /// A message sent right behind the open packet. Empty, the default: none.
    pub initial_packet: roomcast_slice,
    /// Name of a cookie that carries the connection's id, sent with the handshake by polling. Empty, the default: no cookie.
    pub cookie_name: roomcast_slice,
    /// The cookie's Path. "/" by default; empty leaves it out.
    pub cookie_path: roomcast_slice,
    /// The cookie's SameSite: "Strict", "Lax" or "None". "Lax" by default; empty leaves it out. "None" needs cookie_secure.
    pub cookie_same_site: roomcast_slice,
    /// Whether the cookie is HttpOnly. On by default.
    pub cookie_http_only: u32,
    /// Lines of the log up to this level, a ROOMCAST_LOG_ number, go to `log`. ROOMCAST_LOG_WARN by default.
    pub log_level: u32,
    /// Where the log goes. NULL, the default: nowhere.
    pub log: roomcast_log,
    /// Passed to `log`. It must live as long as the broker, and so must what it points to.
    pub log_data: *mut c_void,
    /// Makes connection ids instead of the broker. NULL by default.
    pub id_generator: roomcast_id_generator,
    /// Passed to `id_generator`, under the rules of log_data.
    pub id_generator_data: *mut c_void,
    /// Headers added to every response of the endpoint, the 101 included.
    pub headers: *const roomcast_pair,
    /// How many headers.
    pub header_count: usize,
    /// Time between a pong and the next ping. 25,000 by default.
    pub ping_interval: u64,
    /// Time a client has to answer a ping. 20,000 by default. A client waits for ping_interval and this together, which is at
    /// most 2,147,483,647.
    pub ping_timeout: u64,
    /// Time a WebSocket has to take over from polling. 10,000 by default.
    pub upgrade_timeout: u64,
    /// Time a connection may stay in no namespace at all. 45,000 by default.
    pub connect_timeout: u64,
    /// Bytes of one message from a client: a POST body, or a WebSocket message however fragmented. 1,000,000 by default.
    pub max_payload: u64,
    /// Bytes of a request's head: request line and headers together. 16,384 by default.
    pub max_head_bytes: u64,
    /// Headers of one request. 100 by default.
    pub max_headers: u64,
    /// Time from the first byte of a request to the end of its head. 10,000 by default.
    pub head_timeout: u64,
    /// Time from the end of a request's head to the end of its body. 30,000 by default.
    pub body_timeout: u64,
    /// Time a client may leave an answer unread, counted anew whenever it reads some of it. 30,000 by default.
    pub answer_timeout: u64,
    /// Time an HTTP connection may be open with no request on it: longer than a proxy in front keeps its own. 75,000 by default.
    pub idle_timeout: u64,
    /// Time a WebSocket upgrade for a path nobody serves is left open. 1,000 by default.
    pub destroy_upgrade_timeout: u64,
    /// Time a closing connection may take for its last bytes and its close handshake. 5,000 by default.
    pub close_timeout: u64,
    /// Fragments of one WebSocket message. 1,024 by default, or one for each 1,000 bytes of max_payload if that is more.
    pub max_fragments: u64,
    /// Attachments of one binary event. 10 by default.
    pub max_attachments: u64,
    /// Depth of nested arrays and objects in a client's JSON. 512 by default.
    pub max_json_depth: u64,
    /// Bytes of a namespace name from a client. 512 by default.
    pub max_namespace_name: u64,
    /// Namespaces one connection may be in, or wait for, at a time. 64 by default.
    pub max_namespaces_per_connection: u64,
    /// Namespaces in all, those made from patterns included. 100,000 by default.
    pub max_namespaces: u64,
    /// Bytes of a room name. 16,384 by default.
    pub max_room_name: u64,
    /// Rooms one socket may be in. 65,536 by default.
    pub max_rooms_per_socket: u64,
    /// Bytes of the names of all rooms that one socket is in. 4 MiB by default.
    pub max_room_bytes: u64,
    /// Acknowledgements the host may wait for from one socket. 4,096 by default.
    pub max_pending_acks: u64,
    /// TCP connections at a time; more are closed as they are accepted, and counted. 1,000,000 by default.
    pub max_links: u64,
    /// Bytes queued for one connection that the kernel has not taken, past which a message's delivery class decides.
    /// 4 MiB by default; left alone it grows to four times max_payload.
    pub max_backlog: u64,
    /// Packets of one poll response. 16 by default.
    pub max_poll_packets: u64,
    /// Bytes the output of one tick may reach before it is flushed early. 1 MiB by default.
    pub max_tick_bytes: u64,
    /// Bytes of events waiting for the host; past that the broker stops reading until they are drained. 4 MiB by default.
    pub max_event_bytes: u64,
    /// Events waiting for the host; past that the broker stops reading until they are drained. 16,384 by default.
    pub max_events: u64,
    /// Bytes read from one connection in one turn of the loop. 262,144 by default.
    pub read_budget: u64,
    /// TCP connections accepted in one turn of the loop. 256 by default.
    pub accept_budget: u64,
    /// Commands from other threads that may wait for the next poll. 16,384 by default.
    pub remote_queue: u64,
    /// Milliseconds of one turn of the loop that go to reading; what is left is read first in the next. 10 by default.
    pub step_time: u64,
    /// New sessions let in each second; more are answered with 503 and Retry-After. 0, the default, sets no bound.
    pub max_handshakes_per_second: u64,
    /// New sessions that may come at once, ahead of max_handshakes_per_second. 0, the default, is one second's worth.
    pub handshake_burst: u64,
    /// Namespaces that one connection may bring to life by patterns within a minute; one more is refused with "Too many
    /// namespaces". 100 by default, 0 sets no bound.
    pub max_new_namespaces_per_minute: u64,
    /// Bytes of one event from a client with its attachments; a larger one ends its connection as one that cannot be parsed does.
    /// 4,000,000 by default, and at least four times max_payload.
    pub max_event_size: u64,
    /// Time from an event that has attachments to the last of them; then its connection ends as above. 60,000 by default.
    pub attachment_timeout: u64,
    /// Connections at a time, over all loops; more handshakes are answered with 503. 1,000,000 by default.
    pub max_connections: u64,
    /// Connections at a time from one address; more handshakes are answered with 429. 0, the default, sets no bound. Of IPv6 a
    /// network of 64 bits is one address. Behind proxies it needs trusted_proxies.
    pub max_connections_per_address: u64,
    /// New sessions from one address let in each second; more are answered with 429 and Retry-After. 0, the default, sets no
    /// bound. Addresses are as for max_connections_per_address.
    pub max_handshakes_per_address: u64,
    /// Proxies whose X-Forwarded-For is believed where limits go by address, and X-Forwarded-Host for check_origin: addresses
    /// ("10.0.0.1"), networks ("10.0.0.0/8", "fd00::/8"), or "unix:" for whoever comes over a Unix socket; without it they
    /// all count as one address. A client's address is the first one from the right that is none of
    /// these. None by default.
    pub trusted_proxies: *const roomcast_slice,
    /// How many proxies.
    pub trusted_proxy_count: usize,
    /// Path that answers with what roomcast_metrics gives, for whoever can reach it. Empty, the default: none. With `loops` as
    /// health_path.
    pub metrics_path: roomcast_slice,
    /// Threads that the library runs, each with a loop of its own; clients and the members of rooms are spread over them.
    /// 0 by default: none, your thread does everything. At most 64; with an id_generator at most 1.
    ///
    /// The calls are the same then, and still belong to one thread of yours at a time. roomcast_poll waits for events.
    /// Calls that change something are queued in their order, for each loop; what they find out only later (a socket is
    /// gone) is counted in remote_failures and logged as a warning, and what an emit
    /// did is ROOMCAST_UNKNOWN. Questions, roomcast_fetch_sockets and roomcast_emit_with_ack wait for each loop's current step. A bug in the library that ends such a thread shows in roomcast_poll at the latest:
    /// ROOMCAST_ERROR_PANIC, and ROOMCAST_ERROR_POISONED after it.
    pub loops: u64,
    /// Whether the cookie is Secure: browsers send it over TLS alone. Off by default.
    pub cookie_secure: u32,
    /// Whether the cookie is Partitioned: one for each page that embeds this one. Needs cookie_secure. Off by default.
    pub cookie_partitioned: u32,
    /// The cookie's Max-Age, in seconds; -1, the default, leaves it out, and the cookie goes with the browser's session.
    pub cookie_max_age: i64,
    /// The cookie's Domain, the name below which it is sent too. Empty, the default: it is the host's alone.
    pub cookie_domain: roomcast_slice,
    /// For how long a socket of a namespace with recovery is waited for after its connection has ended. 120,000 by default.
    pub recovery_window: u64,
    /// Bytes that each namespace with recovery keeps of what was emitted in it, for those who come back; the oldest goes first.
    /// 16 MiB by default.
    pub recovery_log_bytes: u64,
    /// Sockets that may be away at a time, over all namespaces; past that the one that has been away the longest is waited for no
    /// more. 65,536 by default; 0: none.
    pub recovery_sessions: u64,
}
