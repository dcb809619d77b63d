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
/// The path of an HTTP response does not begin with a slash, or is the Socket.IO path itself; or nothing is served there.
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
/// What roomcast_import_recovery was given cannot be imported here; roomcast_last_error says why.
pub const ROOMCAST_ERROR_BAD_IMPORT: roomcast_status = -22;
/// The broker is in no cluster: cluster_url makes it one of its nodes.
pub const ROOMCAST_ERROR_NO_CLUSTER: roomcast_status = -23;
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
/// Errors of the operating system are this minus their errno; on Windows, minus the number of GetLastError or WSAGetLastError.
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

/// For roomcast_add_namespace and roomcast_add_pattern: you are asked about each connect, with ROOMCAST_EVENT_CONNECT_REQUEST.
pub const ROOMCAST_NAMESPACE_GUARDED: u32 = 1;
/// For roomcast_add_namespace and roomcast_add_pattern: connection state recovery. A client whose connection ends, and who is back
/// within recovery_window, is the same socket in the same rooms, and is sent what it has missed, once and in order. Its
/// ROOMCAST_EVENT_DISCONNECT has the flag ROOMCAST_FLAG_RECOVERABLE; until it is back, also in a guarded namespace without
/// being asked about, it can be put into rooms, taken out of them and disconnected, and what is emitted to it waits in the
/// namespace's log. What is emitted with an acknowledgement, or is volatile, is not sent again; of ROOMCAST_LATEST the newest is.
/// Each event carries one argument more on the wire, by which a client knows how far it has heard.
pub const ROOMCAST_NAMESPACE_RECOVERY: u32 = 2;
/// For roomcast_add_namespace and roomcast_add_pattern, with both of the others: you are asked about a client that comes back to its
/// session, too. Its ROOMCAST_EVENT_CONNECT_REQUEST has the flag ROOMCAST_FLAG_RECOVERED, the id and the tag of its session, and a
/// handle of its own. Until you accept it, it is told nothing of what it has missed, and its old connection goes on. Then that handle is
/// dead, without an event; its tag and its rooms go to the session's socket, and ROOMCAST_EVENT_CONNECT with
/// ROOMCAST_FLAG_RECOVERED follows for that. Whoever is rejected may come again for the session, as long as it lasts.
pub const ROOMCAST_NAMESPACE_ASK_AGAIN: u32 = 4;

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
    /// "TLSv1.2" or "TLSv1.3" if it came to roomcast_listen_tls; else empty.
    pub tls_version: roomcast_slice,
    /// The client's own certificate over TLS, as DER, if it was asked for one and has shown that it is its own; else empty.
    pub certificate: roomcast_slice,
    /// The version of Engine.IO that the client speaks: 4, or 3 if allow_eio3 lets it in.
    pub protocol: u32,
    /// 0.
    pub reserved: u32,
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
/// Each connection begins with the header of the PROXY protocol, version 1 or 2, by which a proxy that passes bytes on (HAProxy, nginx's
/// "proxy_protocol on", a cloud's network balancer) says whose connection it is: that address is the peer's then. Before TLS, if there is
/// any. A header of the proxy's own connections (LOCAL, UNKNOWN), or of another family, leaves the peer as it is. A connection without
/// one, or with more than 2,048 bytes of it, is closed, and so is one on which it is not whole within `head_timeout`; both are counted.
/// Nobody but the proxy may reach such a listener: whoever does can say that it is anybody.
pub const ROOMCAST_LISTEN_PROXY_PROTOCOL: u32 = 32;

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

/// A request whose head you have parsed, for roomcast_adopt_request. Set `struct_size` to sizeof(roomcast_request) and what is not needed to
/// 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_request {
    /// sizeof(roomcast_request).
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// In capitals, for example "GET".
    pub method: roomcast_slice,
    /// The path with its query, as it came.
    pub target: roomcast_slice,
    /// The headers, in their order. Those that frame the body (Content-Length, Transfer-Encoding) have to be right.
    pub headers: *const roomcast_pair,
    /// How many headers.
    pub header_count: usize,
    /// What was read behind the head: the beginning of the body, or all of it, and what came behind that.
    pub rest: roomcast_slice,
    /// Where it comes from, as for roomcast_adopt.
    pub peer: roomcast_slice,
}

/// In the flags of roomcast_tls: who has no certificate for which one of `client_authorities` speaks is not let in.
pub const ROOMCAST_TLS_REQUIRE_CLIENTS: u32 = 1;

/// A certificate and its key, as PEM. It stands in arrays and never gains a field.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_identity {
    /// The certificate, and behind it those that lead to its authority.
    pub chain: roomcast_slice,
    /// Its private key, without a password: PKCS#8, PKCS#1 or SEC1.
    pub key: roomcast_slice,
}

/// What a listener shows of itself over TLS. Set `struct_size` to sizeof(roomcast_tls) and what is not needed to 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_tls {
    /// sizeof(roomcast_tls).
    pub struct_size: u32,
    /// ROOMCAST_TLS_ flags.
    pub flags: u32,
    /// One certificate, or several: a client gets the first that is for the name it asks for ("*.example.com" is for one label), and of the
    /// kind of key that it knows; if none is for that name, the very first. One with ECDSA costs a fraction of what one with RSA does.
    pub identities: *const roomcast_identity,
    /// How many there are.
    pub identity_count: usize,
    /// Asks clients for certificates for which one of these authorities speaks, as PEM: `certificate` of their roomcast_handshake. Empty: asks
    /// nobody.
    pub client_authorities: roomcast_slice,
}
