/* roomcast: an embeddable event broker with Socket.IO's rooms, namespaces and acknowledgements.
 *
 * Made by cbindgen from src/ffi: do not edit. What all of it has in common:
 *
 * Status. Every fallible function returns a roomcast_status: 0, or a negative ROOMCAST_ERROR_ number. Out-parameters are
 * written only on success. roomcast_last_error has the text: the call, the argument and what is wrong with it.
 * Text and bytes. A pointer and a length. The pointer is ignored at length 0; nothing needs a NUL at its end. Texts are UTF-8.
 * Ownership. What you pass in is copied or encoded before a call returns. What you get is lent: each function says until when. What the
 * broker's questions lend (members, rooms, names, ids, handshakes, statistics) stays until the next question that lends, or
 * roomcast_free: walk an array of members and emit to, move and disconnect them.
 * You free what you make by roomcast_new, roomcast_remote_new, roomcast_remote_clone and roomcast_router_new, nothing else.
 * Threads. A broker, or a router, belongs to one thread at a time: any, but not two at once. A remote is for all others.
 * Handles. Sockets, namespaces and connections are numbers. A dead one, or a made-up one, is an error and harms nothing.
 * 0 is no handle: ROOMCAST_ERROR_NO_HANDLE.
 * Stack. A call takes less than 64 KiB of its thread's stack. A host name given to roomcast_listen is looked up by the system, which
 * may take more.
 * Memory. Where the system has none left the process ends by abort(), as with all Rust code; the limits of roomcast_config keep
 * peers from bringing that about. A length that no memory could hold is ROOMCAST_ERROR_TOO_LARGE.
 * Cancellation. pthread_cancel must not meet a thread in a call, roomcast_poll above all: the process would end by abort().
 * Disable it around calls (pthread_setcancelstate), and end a loop by a flag and roomcast_remote_wake.
 * The process. No signal handlers, no SIGPIPE, no threads but those that `loops` asks for, nothing at exit. Nothing on stdout;
 * on stderr only the report of a bug in the library, before ROOMCAST_ERROR_PANIC.
 *
 * Contents
 * - Versions and errors
 * - Texts and handles
 * - Configuration
 * - A broker and its loop
 * - Events
 * - Who may come, and who has to go
 * - Namespaces
 * - Rooms
 * - Emits and acknowledgements
 * - Everybody whom a target selects
 * - Other nodes of a cluster
 * - Whose socket it is
 * - Over a restart
 * - Figures
 * - Other threads
 * - JSON strings
 * - The router alone
 */

#ifndef ROOMCAST_H
#define ROOMCAST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 * ---- Versions and errors ----
 */

/**
 * The version of this interface. It changes only when a program compiled against an older header would break; pass it to
 * roomcast_new.
 */
#define ROOMCAST_ABI_VERSION 1

/**
 * What every fallible function returns: 0 on success, a negative ROOMCAST_ERROR_ number otherwise. Out-parameters are
 * written only on success. A number of -0x10000 or below is -0x10000 minus an errno of the operating system.
 */
typedef int32_t roomcast_status;

/**
 * No error.
 */
#define ROOMCAST_OK 0

/**
 * The handle names nothing that lives: it was closed, disconnected or never existed.
 */
#define ROOMCAST_ERROR_GONE -1

/**
 * A handle of another kind was passed, for example a namespace where a socket is due.
 */
#define ROOMCAST_ERROR_WRONG_KIND -2

/**
 * An event name that Socket.IO keeps for itself, such as "connect" or "disconnect".
 */
#define ROOMCAST_ERROR_RESERVED_EVENT -3

/**
 * The arguments are not a JSON array.
 */
#define ROOMCAST_ERROR_BAD_JSON -4

/**
 * Attachments are given, and a placeholder in the arguments names none of them. One without a placeholder is no error.
 */
#define ROOMCAST_ERROR_BAD_ATTACHMENTS -5

/**
 * A namespace name is empty or has a character that packets cannot carry.
 */
#define ROOMCAST_ERROR_BAD_NAMESPACE -6

/**
 * A room name is empty or too long.
 */
#define ROOMCAST_ERROR_BAD_ROOM -7

/**
 * The call does not fit the state: the socket still waits for the host's decision, or has had it already.
 */
#define ROOMCAST_ERROR_WRONG_STATE -8

/**
 * A configuration value is out of its range.
 */
#define ROOMCAST_ERROR_BAD_CONFIG -9

/**
 * A namespace of this name exists with other options.
 */
#define ROOMCAST_ERROR_EXISTS -10

/**
 * The path of an HTTP response does not begin with a slash, or is the Socket.IO path itself; or nothing is served there.
 */
#define ROOMCAST_ERROR_BAD_PATH -11

/**
 * The data given to a reject is not JSON.
 */
#define ROOMCAST_ERROR_BAD_DATA -12

/**
 * A pointer that must not be NULL is NULL.
 */
#define ROOMCAST_ERROR_NULL -13

/**
 * A text is not UTF-8.
 */
#define ROOMCAST_ERROR_BAD_UTF8 -14

/**
 * A struct_size is smaller than any version of the struct ever was.
 */
#define ROOMCAST_ERROR_BAD_SIZE -15

/**
 * The caller was compiled against a header that this library cannot serve.
 */
#define ROOMCAST_ERROR_ABI_VERSION -16

/**
 * A number is not among those allowed, such as a drain of no clients a second; or a packed batch is malformed.
 */
#define ROOMCAST_ERROR_BAD_VALUE -17

/**
 * An address cannot be understood or resolved.
 */
#define ROOMCAST_ERROR_BAD_ADDRESS -18

/**
 * There is nothing of this name.
 */
#define ROOMCAST_ERROR_NOT_FOUND -19

/**
 * What the call writes does not fit into the buffer it was given.
 */
#define ROOMCAST_ERROR_TOO_SMALL -20

/**
 * There is no handle: it is 0.
 */
#define ROOMCAST_ERROR_NO_HANDLE -21

/**
 * What roomcast_import_recovery was given cannot be imported here; roomcast_last_error says why.
 */
#define ROOMCAST_ERROR_BAD_IMPORT -22

/**
 * The broker is in no cluster: cluster_url makes it one of its nodes.
 */
#define ROOMCAST_ERROR_NO_CLUSTER -23

/**
 * A limit of the broker was reached.
 */
#define ROOMCAST_ERROR_TOO_MANY -100

/**
 * The remote's queue is full: the broker has not been polled for a while.
 */
#define ROOMCAST_ERROR_FULL -101

/**
 * One message is larger than the broker can hold.
 */
#define ROOMCAST_ERROR_TOO_LARGE -102

/**
 * The broker on the other side of a remote is gone.
 */
#define ROOMCAST_ERROR_CLOSED -200

/**
 * The operating system's random generator failed.
 */
#define ROOMCAST_ERROR_NO_ENTROPY -201

/**
 * Another call on this object is running: on another thread, or further up on this one, out of a callback.
 */
#define ROOMCAST_ERROR_BUSY -202

/**
 * A bug in the library. The object is poisoned: free it.
 */
#define ROOMCAST_ERROR_PANIC -203

/**
 * An earlier call ended in ROOMCAST_ERROR_PANIC. The object can only be freed.
 */
#define ROOMCAST_ERROR_POISONED -204

/**
 * The operating system does not have this, for example a pollable descriptor on Windows.
 */
#define ROOMCAST_ERROR_UNSUPPORTED -205

/**
 * The broker, or the remote's broker, was made by the process that forked this one: its threads are not here, and its
 * descriptors are the other's. It can only be freed.
 */
#define ROOMCAST_ERROR_FORKED -206

/**
 * The id generator gave no id, or one that is in use.
 */
#define ROOMCAST_ERROR_BAD_ID -207

/**
 * Errors of the operating system are this minus their errno; on Windows, minus the number of GetLastError or WSAGetLastError.
 */
#define ROOMCAST_ERROR_SYSTEM -65536

/**
 * Returns the version of the interface that this library has: ROOMCAST_ABI_VERSION of its own header.
 *
 * Threads: any.
 */
uint32_t roomcast_abi_version(void);

/**
 * Returns the version of the library, for example "0.1.0".
 *
 * Ownership: the text ends in a NUL and lives as long as the library is loaded.
 * Threads: any.
 */
const char *roomcast_version(void);

/**
 * Returns one sentence about a status, for a person. roomcast_last_error says more.
 *
 * Ownership: the text ends in a NUL and lives as long as the library is loaded.
 * Threads: any.
 */
const char *roomcast_status_text(roomcast_status status);

/**
 * Writes the text of the last error that a call on this thread returned to `out`: the call, the argument and what is wrong
 * with it. Ends it with a NUL and cuts it to fit into `cap` bytes. Returns the bytes of the whole text without its NUL;
 * 0 if no call has failed on this thread. A call that succeeds does not change it.
 *
 * Ownership: `out` is the caller's; it may be NULL if `cap` is 0.
 * Threads: any; each has its own.
 */
size_t roomcast_last_error(char *out,
                           size_t cap);

/*
 * ---- Texts and handles ----
 */

/**
 * A piece of text or bytes, given or lent. `ptr` is ignored when `len` is 0. It stands in arrays and never gains a field.
 */
typedef struct roomcast_slice {
    /**
     * The first byte.
     */
    const void *ptr;
    /**
     * How many bytes there are.
     */
    size_t len;
} roomcast_slice;

/**
 * A name and a value: a header, a parameter of a query. It stands in arrays and never gains a field.
 */
typedef struct roomcast_pair {
    /**
     * The name.
     */
    struct roomcast_slice name;
    /**
     * The value.
     */
    struct roomcast_slice value;
} roomcast_pair;

/**
 * A namespace.
 */
typedef uint64_t roomcast_namespace;

/**
 * One client's presence in one namespace. Handles are never 0 and never used again; a call with a dead one changes nothing
 * and returns ROOMCAST_ERROR_GONE.
 */
typedef uint64_t roomcast_socket;

/**
 * One client's connection, which carries a socket for each namespace that the client joined.
 */
typedef uint64_t roomcast_connection;

/**
 * An acknowledgement that the host waits for.
 */
typedef uint64_t roomcast_ack_id;

/*
 * ---- Configuration ----
 */

/**
 * No Access-Control header is sent: browsers keep the answers to polls from pages of other origins. They let such pages open a
 * WebSocket all the same, unless check_origin is on. This is the default.
 */
#define ROOMCAST_CORS_OFF 0

/**
 * Everybody: "*". Browsers refuse it together with credentials.
 */
#define ROOMCAST_CORS_ANY 1

/**
 * The origins in cors_origins; each is told only of itself.
 */
#define ROOMCAST_CORS_LIST 2

/**
 * Whoever asks.
 */
#define ROOMCAST_CORS_REFLECT 3

/**
 * What `createAdapter` of Node's `@socket.io/redis-adapter` and its emitter say.
 */
#define ROOMCAST_CLUSTER_PUBSUB 1

/**
 * The same, where this node listens to a channel for each room, and each socket, that it has, in place of a pattern for all that a
 * namespace may have: it does not hear then what is for others. It is as good as chosen from when Redis has refused the pattern, which
 * needs a rule of its own. Other nodes need not do so.
 */
#define ROOMCAST_CLUSTER_PUBSUB_ROOMS 2

/**
 * What `createShardedAdapter` of the same package says, for Redis from 7 on, in its mode `dynamic`: a room that is not a socket's own
 * has a channel of its own.
 */
#define ROOMCAST_CLUSTER_SHARDED 3

/**
 * The same in its mode `static`: no room has one.
 */
#define ROOMCAST_CLUSTER_SHARDED_STATIC 4

/**
 * The same in its mode `dynamic-private`: all have, those of sockets too.
 */
#define ROOMCAST_CLUSTER_SHARDED_PRIVATE 5

/**
 * What `createAdapter` of Node's `@socket.io/redis-streams-adapter` 0.3 and its emitter say: it stays in Redis for a while, and a node that
 * has lost its connection hears it afterwards.
 */
#define ROOMCAST_CLUSTER_STREAMS 6

/**
 * What `RedisManager` of python-socketio says: emits, and orders about one socket or a whole room. There is nothing in it that asks other
 * nodes, or speaks to their hosts.
 */
#define ROOMCAST_CLUSTER_PYTHON 7

/**
 * A bug in the library, or a lasting failure of the system.
 */
#define ROOMCAST_LOG_ERROR 1

/**
 * A peer broke the protocol, did not keep up, or was refused.
 */
#define ROOMCAST_LOG_WARN 2

/**
 * The broker listens, or closes.
 */
#define ROOMCAST_LOG_INFO 3

/**
 * A socket connected, was rejected or disconnected.
 */
#define ROOMCAST_LOG_DEBUG 4

/**
 * Takes one line of the log. It is called from within a call on the broker, on that call's thread: it must not call the
 * broker (it would get ROOMCAST_ERROR_BUSY), and must return normally. `text` is UTF-8 without a control character, at most 515 bytes,
 * lent for the call: what a client sent in it is escaped and cut. A line about a socket begins with its id, its namespace and
 * its peer's address (a proxy's, behind one). Of each kind of line there are at most 100 a second, and 1,000 wait for a host
 * that does not poll; the number of those that were left out follows with the first roomcast_poll after it.
 */
typedef void (*roomcast_log)(void *data, uint32_t level, const char *text, size_t text_len);

/**
 * Writes a connection's id of up to `cap` bytes (64) of ASCII letters, digits, '-' and '_' to `out` and returns its length;
 * 0 refuses the handshake. Ids must be unguessable and unique. The rules of roomcast_log hold for it too.
 */
typedef size_t (*roomcast_id_generator)(void *data, char *out, size_t cap);

/**
 * How a broker behaves. Fill it by roomcast_config_init and change what you know better. Times are in milliseconds, at most
 * 2,147,483,647 (some 24 days). Texts and lists are copied by roomcast_new. Flags are 0 or 1.
 */
typedef struct roomcast_config {
    /**
     * sizeof(roomcast_config), set by roomcast_config_init.
     */
    uint32_t struct_size;
    /**
     * Whether the path ends in a slash, so that "/socket.io" alone is not served. On by default.
     */
    uint32_t add_trailing_slash;
    /**
     * Whether a handshake may name the transport polling. On by default.
     */
    uint32_t polling;
    /**
     * Whether a handshake may name the transport WebSocket. On by default.
     */
    uint32_t websocket;
    /**
     * Whether a polling connection may become a WebSocket. On by default.
     */
    uint32_t allow_upgrades;
    /**
     * Asks the host about every handshake, with ROOMCAST_EVENT_HANDSHAKE. What it does not decide within `connect_timeout` gets 503.
     * Off by default; roomcast_guard_handshakes changes it.
     */
    uint32_t guard_handshakes;
    /**
     * Reports rooms that begin and end, and who joins and leaves them. Off by default.
     */
    uint32_t room_events;
    /**
     * Reports refused requests. Off by default.
     */
    uint32_t refusal_events;
    /**
     * Speaks Engine.IO alone: messages go to the host as they are, with no namespaces. Off by default.
     */
    uint32_t engine_only;
    /**
     * You ask roomcast_next_timeout before every wait for roomcast_fd, or flush what you changed. Then a change between two
     * polls does not make the descriptor readable, which would cost a system call and a turn of the loop. Off by default: any
     * loop will do.
     */
    uint32_t quiet_descriptor;
    /**
     * Cross-origin rules: a ROOMCAST_CORS_ number. ROOMCAST_CORS_OFF by default.
     */
    uint32_t cors;
    /**
     * Whether cookies and authorisation may be sent along by pages of other origins. Off by default.
     */
    uint32_t cors_credentials;
    /**
     * The status that answers a preflight request. 204 by default.
     */
    uint32_t cors_status;
    /**
     * Refuses requests whose Origin is neither the host they are for, by their Host, nor allowed by `cors`: with 403, code 4
     * "Forbidden", over both transports. Requests without an Origin, as programs send them, pass; whoever is no browser can
     * send any. ROOMCAST_CORS_ANY and ROOMCAST_CORS_REFLECT let everybody in. A proxy has to pass Host on, or to be
     * one of trusted_proxies, whose X-Forwarded-Host is believed. Off by default, as in the reference; turn it on if a cookie
     * tells you who a user is.
     */
    uint32_t check_origin;
    /**
     * Seconds for which a browser may remember the answer to a preflight request; -1, the default, says nothing.
     */
    int64_t cors_max_age;
    /**
     * For ROOMCAST_CORS_LIST: the origins, as a browser writes them: "https://example.com", with the port unless it is the
     * scheme's own, and without a slash at the end. A name may begin with "*.", which stands for every name below it, however
     * deep, but not for the name itself. What can be no origin: ROOMCAST_ERROR_BAD_CONFIG.
     */
    const struct roomcast_slice *cors_origins;
    /**
     * How many origins.
     */
    size_t cors_origin_count;
    /**
     * Methods that pages of other origins may use, separated by commas. "GET,HEAD,PUT,PATCH,POST,DELETE" by default.
     */
    struct roomcast_slice cors_methods;
    /**
     * Headers that requests of such pages may have, separated by commas. Empty, the default: those they ask for.
     */
    struct roomcast_slice cors_allowed_headers;
    /**
     * Headers of the response that such pages may see, separated by commas. Empty by default.
     */
    struct roomcast_slice cors_exposed_headers;
    /**
     * Path of the Socket.IO endpoint, matched as a prefix. "/socket.io/" by default.
     */
    struct roomcast_slice path;
    /**
     * Path that answers with a health report as JSON. Empty, the default: none. With `loops` the one that answers adds what
     * the others said of themselves within the last second.
     */
    struct roomcast_slice health_path;
    /**
     * A message sent right behind the open packet. Empty, the default: none.
     */
    struct roomcast_slice initial_packet;
    /**
     * Name of a cookie that carries the connection's id, sent with the handshake by polling. Empty, the default: no cookie.
     */
    struct roomcast_slice cookie_name;
    /**
     * The cookie's Path. "/" by default; empty leaves it out.
     */
    struct roomcast_slice cookie_path;
    /**
     * The cookie's SameSite: "Strict", "Lax" or "None". "Lax" by default; empty leaves it out. "None" needs cookie_secure.
     */
    struct roomcast_slice cookie_same_site;
    /**
     * Whether the cookie is HttpOnly. On by default.
     */
    uint32_t cookie_http_only;
    /**
     * Lines of the log up to this level, a ROOMCAST_LOG_ number, go to `log`. ROOMCAST_LOG_WARN by default.
     */
    uint32_t log_level;
    /**
     * Where the log goes. NULL, the default: nowhere.
     */
    roomcast_log log;
    /**
     * Passed to `log`. It must live as long as the broker, and so must what it points to.
     */
    void *log_data;
    /**
     * Makes connection ids instead of the broker. NULL by default.
     */
    roomcast_id_generator id_generator;
    /**
     * Passed to `id_generator`, under the rules of log_data.
     */
    void *id_generator_data;
    /**
     * Headers added to every response of the endpoint, the 101 included.
     */
    const struct roomcast_pair *headers;
    /**
     * How many headers.
     */
    size_t header_count;
    /**
     * Time between a pong and the next ping. 25,000 by default.
     */
    uint64_t ping_interval;
    /**
     * Time a client has to answer a ping. 20,000 by default. A client waits for ping_interval and this together, which is at
     * most 2,147,483,647.
     */
    uint64_t ping_timeout;
    /**
     * Time a WebSocket has to take over from polling. 10,000 by default.
     */
    uint64_t upgrade_timeout;
    /**
     * Time a connection may stay in no namespace at all, and time the host has to decide about a guarded handshake. 45,000 by default.
     */
    uint64_t connect_timeout;
    /**
     * Bytes of one message from a client: a POST body, or a WebSocket message however fragmented. 1,000,000 by default.
     */
    uint64_t max_payload;
    /**
     * Bytes of a request's head: request line and headers together. 16,384 by default.
     */
    uint64_t max_head_bytes;
    /**
     * Headers of one request. 100 by default.
     */
    uint64_t max_headers;
    /**
     * Time from the first byte of a request to the end of its head. 10,000 by default.
     */
    uint64_t head_timeout;
    /**
     * Time from the end of a request's head to the end of its body. 30,000 by default.
     */
    uint64_t body_timeout;
    /**
     * Time a client may leave an answer unread, counted anew whenever it reads some of it. 30,000 by default.
     */
    uint64_t answer_timeout;
    /**
     * Time an HTTP connection may be open with no request on it: longer than a proxy in front keeps its own. 75,000 by default.
     */
    uint64_t idle_timeout;
    /**
     * Time a WebSocket upgrade for a path nobody serves is left open. 1,000 by default.
     */
    uint64_t destroy_upgrade_timeout;
    /**
     * Time a closing connection may take for its last bytes and its close handshake. 5,000 by default.
     */
    uint64_t close_timeout;
    /**
     * Fragments of one WebSocket message. 1,024 by default, or one for each 1,000 bytes of max_payload if that is more.
     */
    uint64_t max_fragments;
    /**
     * Attachments of one binary event. 10 by default.
     */
    uint64_t max_attachments;
    /**
     * Depth of nested arrays and objects in a client's JSON. 512 by default.
     */
    uint64_t max_json_depth;
    /**
     * Bytes of a namespace name from a client. 512 by default.
     */
    uint64_t max_namespace_name;
    /**
     * Namespaces one connection may be in, or wait for, at a time. 64 by default.
     */
    uint64_t max_namespaces_per_connection;
    /**
     * Namespaces in all, those made from patterns included. 100,000 by default.
     */
    uint64_t max_namespaces;
    /**
     * Bytes of a room name. 16,384 by default.
     */
    uint64_t max_room_name;
    /**
     * Rooms one socket may be in. 65,536 by default.
     */
    uint64_t max_rooms_per_socket;
    /**
     * Bytes of the names of all rooms that one socket is in. 4 MiB by default.
     */
    uint64_t max_room_bytes;
    /**
     * Acknowledgements the host may wait for from one socket. 4,096 by default.
     */
    uint64_t max_pending_acks;
    /**
     * TCP connections at a time; more are closed as they are accepted, and counted. 1,000,000 by default.
     */
    uint64_t max_links;
    /**
     * Bytes queued for one connection that the kernel has not taken, past which a message's delivery class decides.
     * 4 MiB by default; left alone it grows to four times max_payload.
     */
    uint64_t max_backlog;
    /**
     * Packets of one poll response. 16 by default.
     */
    uint64_t max_poll_packets;
    /**
     * Bytes the output of one tick may reach before it is flushed early. 1 MiB by default.
     */
    uint64_t max_tick_bytes;
    /**
     * Bytes of events waiting for the host; past that the broker stops reading until they are drained. 4 MiB by default.
     */
    uint64_t max_event_bytes;
    /**
     * Events waiting for the host; past that the broker stops reading until they are drained. 16,384 by default.
     */
    uint64_t max_events;
    /**
     * Bytes read from one connection in one turn of the loop. 262,144 by default.
     */
    uint64_t read_budget;
    /**
     * TCP connections accepted in one turn of the loop. 256 by default.
     */
    uint64_t accept_budget;
    /**
     * Commands from other threads that may wait for the next poll. 16,384 by default.
     */
    uint64_t remote_queue;
    /**
     * Milliseconds of one turn of the loop that go to reading; what is left is read first in the next. 10 by default.
     */
    uint64_t step_time;
    /**
     * New sessions let in each second; more are answered with 503 and Retry-After. 0, the default, sets no bound.
     */
    uint64_t max_handshakes_per_second;
    /**
     * New sessions that may come at once, ahead of max_handshakes_per_second. 0, the default, is one second's worth.
     */
    uint64_t handshake_burst;
    /**
     * Namespaces that one connection may bring to life by patterns within a minute; one more is refused with "Too many
     * namespaces". 100 by default, 0 sets no bound.
     */
    uint64_t max_new_namespaces_per_minute;
    /**
     * Bytes of one event from a client with its attachments; a larger one ends its connection as one that cannot be parsed does.
     * 4,000,000 by default, and at least four times max_payload.
     */
    uint64_t max_event_size;
    /**
     * Time from an event that has attachments to the last of them; then its connection ends as above. 60,000 by default.
     */
    uint64_t attachment_timeout;
    /**
     * Connections at a time, over all loops; more handshakes are answered with 503. 1,000,000 by default.
     */
    uint64_t max_connections;
    /**
     * Connections at a time from one address; more handshakes are answered with 429. 0, the default, sets no bound. Of IPv6 a
     * network of 64 bits is one address. Behind proxies it needs trusted_proxies.
     */
    uint64_t max_connections_per_address;
    /**
     * New sessions from one address let in each second; more are answered with 429 and Retry-After. 0, the default, sets no
     * bound. Addresses are as for max_connections_per_address.
     */
    uint64_t max_handshakes_per_address;
    /**
     * Proxies whose X-Forwarded-For is believed where limits go by address, and X-Forwarded-Host for check_origin: addresses
     * ("10.0.0.1"), networks ("10.0.0.0/8", "fd00::/8"), or "unix:" for whoever comes over a Unix socket; without it they
     * all count as one address. A client's address is the first one from the right that is none of
     * these. None by default.
     */
    const struct roomcast_slice *trusted_proxies;
    /**
     * How many proxies.
     */
    size_t trusted_proxy_count;
    /**
     * Path that answers with what roomcast_metrics gives, for whoever can reach it. Empty, the default: none. With `loops` as
     * health_path.
     */
    struct roomcast_slice metrics_path;
    /**
     * Threads that the library runs, each with a loop of its own; clients and the members of rooms are spread over them.
     * 0 by default: none, your thread does everything. At most 64; with an id_generator at most 1.
     *
     * The calls are the same then, and still belong to one thread of yours at a time. roomcast_poll waits for events.
     * Calls that change something are queued in their order, for each loop; what they find out only later (a socket is
     * gone) is counted in remote_failures and logged as a warning, and what an emit
     * did is ROOMCAST_UNKNOWN. Questions, roomcast_fetch_sockets and roomcast_emit_with_ack wait for each loop's current step. A bug in the library that ends such a thread shows in roomcast_poll at the latest:
     * ROOMCAST_ERROR_PANIC, and ROOMCAST_ERROR_POISONED after it.
     */
    uint64_t loops;
    /**
     * Whether the cookie is Secure: browsers send it over TLS alone. Off by default.
     */
    uint32_t cookie_secure;
    /**
     * Whether the cookie is Partitioned: one for each page that embeds this one. Needs cookie_secure. Off by default.
     */
    uint32_t cookie_partitioned;
    /**
     * The cookie's Max-Age, in seconds; -1, the default, leaves it out, and the cookie goes with the browser's session.
     */
    int64_t cookie_max_age;
    /**
     * The cookie's Domain, the name below which it is sent too. Empty, the default: it is the host's alone.
     */
    struct roomcast_slice cookie_domain;
    /**
     * For how long a socket of a namespace with recovery is waited for after its connection has ended. 120,000 by default.
     */
    uint64_t recovery_window;
    /**
     * Bytes that each namespace with recovery keeps of what was emitted in it, for those who come back; the oldest goes first.
     * 16 MiB by default.
     */
    uint64_t recovery_log_bytes;
    /**
     * Sockets that may be away at a time, over all namespaces; past that the one that has been away the longest is waited for no
     * more. 65,536 by default; 0: none.
     */
    uint64_t recovery_sessions;
    /**
     * Makes the broker a node of a Socket.IO cluster over Redis, which is at `redis://user:password@host:port/database` or
     * `unix:///path`, over TLS `rediss://host:port?ssl_ca_certs=/path` (or `ssl_ca_data=` with the PEM, `ssl_cert_reqs=none`, `ssl_certfile=`,
     * `ssl_keyfile=`), or where sentinels say (`redis+sentinel://host:port,host:port/database/service`), or is a Redis Cluster of which some
     * servers are known (`redis+cluster://user:password@host:port,host:port`). Emits, and what is ordered for everybody whom a target selects, then reach the sockets of all nodes, be they
     * roomcast's or Node's with an adapter of the same format. Nothing waits for Redis. Empty, the default: the broker is alone.
     */
    struct roomcast_slice cluster_url;
    /**
     * What the names of all channels begin with, the same on every node. Empty, the default: "socket.io" as in Node, or "socketio" where
     * the format is ROOMCAST_CLUSTER_PYTHON, whose one channel has this name.
     */
    struct roomcast_slice cluster_prefix;
    /**
     * What nodes say to each other: a ROOMCAST_CLUSTER_ value, the same on every node. ROOMCAST_CLUSTER_PUBSUB by default.
     */
    uint32_t cluster_format;
    /**
     * Whether the broker says what it has to say to the cluster and hears nothing: for a program that has no clients of its own, such as
     * a worker that emits to those of others. With `loops` 1 nobody needs to poll it. Off by default.
     */
    uint32_t cluster_write_only;
    /**
     * How long answers of other nodes are waited for. 5,000 by default.
     */
    uint64_t cluster_request_timeout;
    /**
     * The largest message that is published or heard, in bytes. 8 MiB by default.
     */
    uint64_t cluster_max_message;
    /**
     * With ROOMCAST_CLUSTER_STREAMS, how many of the last entries the stream keeps; it may be some more. 10,000 by default. A node that is
     * behind by more misses what came before.
     */
    uint64_t cluster_stream_max_len;
    /**
     * Milliseconds from accepting a TCP connection to the end of its TLS handshake, if there is one. 10,000 by default.
     */
    uint64_t tls_handshake_timeout;
    /**
     * Reads from TCP connections whose TLS handshake is not over, in one turn of the loop: each may cost a tenth of a
     * millisecond. 32 by default.
     */
    uint64_t tls_handshake_budget;
    /**
     * Compresses messages over WebSocket for clients that offer it (permessage-deflate, RFC 7692), as browsers do: each message by
     * itself and once for all of its recipients, so that a connection takes no memory for it. Off by default, as in the reference.
     * A message in which a secret stands beside text that another chooses should not be compressed
     * (ROOMCAST_MESSAGE_UNCOMPRESSED): its length tells how alike they are.
     */
    uint32_t per_message_deflate;
    /**
     * Compresses answers to polls and what is served by roomcast_serve, for clients that take gzip or deflate. On by default, as in
     * the reference.
     */
    uint32_t http_compression;
    /**
     * Bytes of the shortest message, or answer, that is compressed. 1,024 by default; from some 256 on there is something to gain.
     * What does not get a tenth shorter is sent as it is.
     */
    uint64_t compression_threshold;
    /**
     * How well is compressed: from 1, the fastest, to 9. 3 by default.
     */
    uint32_t compression_level;
    /**
     * Compresses attachments over WebSocket, too. Off by default: most that is binary is compressed already.
     */
    uint32_t compress_binary;
    /**
     * A request for a path that is neither the endpoint's nor one that the broker answers (roomcast_serve, health, metrics) is not answered
     * with 404: its connection goes back to you, by ROOMCAST_EVENT_FOREIGN, for a server of your own, before which the broker listens on
     * the same port. So does an upgrade for such a path. roomcast_adopt takes it again where a client's next request is for the broker.
     * Not for connections over TLS, whose keys are the broker's: there it is 404. Off by default; of Unix alone.
     */
    uint32_t hand_back;
    /**
     * Lets clients of Engine.IO 3 in as well, which are those of Socket.IO 1 and 2, over polling, JSONP and WebSocket. They send the
     * pings, are in "/" at once, and their sessions cannot be recovered. JSONP has no origin that check_origin could see: with that
     * it is refused. Off by default: their handshakes are refused.
     */
    uint32_t allow_eio3;
    /**
     * Takes clients with the msgpack parser (socket.io-msgpack-parser; serializer="msgpack" in Python) beside those with the default one:
     * whoever asks for its first namespace with a binary message is one. Calls and events stay the same, JSON with attachments; a message
     * that such clients get is encoded once more, for all of them. Off by default: their connections end then, as with the
     * reference's default parser.
     */
    uint32_t msgpack;
    /**
     * 0.
     */
    uint32_t reserved;
} roomcast_config;

/**
 * Fills a configuration with the defaults.
 *
 * `size` is sizeof(roomcast_config). It becomes the `struct_size`, and no more than that is written.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_SIZE.
 * Ownership: the texts it points to are the library's, for as long as it is loaded.
 * Threads: any.
 */
roomcast_status roomcast_config_init(struct roomcast_config *config, size_t size);

/*
 * ---- A broker and its loop ----
 */

/**
 * A Socket.IO server inside your program.
 *
 * It belongs to one thread at a time: any thread may use it, but not two at once, which gets ROOMCAST_ERROR_BUSY. A
 * roomcast_remote is for all other threads.
 */
typedef struct roomcast_broker roomcast_broker;

/**
 * Makes a broker that listens nowhere yet.
 *
 * `abi_version` is ROOMCAST_ABI_VERSION. `config` may be NULL: all defaults.
 *
 * Errors: ROOMCAST_ERROR_ABI_VERSION, ROOMCAST_ERROR_NULL (`broker`), ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE,
 * ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_CONFIG (the last error names the field and what it takes), and those of the system when it has
 * no descriptors left.
 * Ownership: the caller frees the broker by roomcast_free; on failure there is nothing to free. `config` is copied.
 * Threads: any.
 */
roomcast_status roomcast_new(uint32_t abi_version,
                             const struct roomcast_config *config,
                             struct roomcast_broker **broker);

/**
 * Frees a broker and closes its connections at once; roomcast_close comes before it where clients are to be told. NULL is
 * allowed. If another call on the broker is running, nothing is freed and the last error says so.
 *
 * It returns, too, in the child of a fork, where nothing is closed but the child's own descriptors, and if all descriptors were
 * closed behind it, as a daemon does: then loops that wait stay behind, asleep.
 *
 * Ownership: the broker, and everything it has lent, is gone. Its remotes stay valid, and are freed by their owners.
 * Threads: the broker's.
 */
void roomcast_free(struct roomcast_broker *broker);

/**
 * In the flags of roomcast_listen_options: an address of IPv6 takes clients of IPv6 alone. Without this flag and
 * ROOMCAST_LISTEN_BOTH it is as the system has it.
 */
#define ROOMCAST_LISTEN_V6_ONLY 1

/**
 * An address of IPv6 takes clients of IPv4, too.
 */
#define ROOMCAST_LISTEN_BOTH 2

/**
 * Lets other processes, or brokers, that want it too, listen on the same address and port; on Linux the kernel spreads the
 * connections over them. Each has its own sessions, so polling needs a proxy that sends a client always to the same one.
 * ROOMCAST_ERROR_UNSUPPORTED where the system has no SO_REUSEPORT.
 */
#define ROOMCAST_LISTEN_REUSE_PORT 4

/**
 * With several `loops` one of them accepts, and deals what it gets to all of them in turn: evenly, also where there are few
 * connections. Without it each loop listens, and the kernel spreads the connections by chance. Always so for Unix sockets, for
 * descriptors, and where the kernel does not spread them, which only Linux does.
 */
#define ROOMCAST_LISTEN_ONE_ACCEPTOR 8

/**
 * For a Unix socket: a socket at this path is an error although nobody listens on it any more. Without this flag it is
 * replaced.
 */
#define ROOMCAST_LISTEN_KEEP_STALE 16

/**
 * Each connection begins with the header of the PROXY protocol, version 1 or 2, by which a proxy that passes bytes on (HAProxy, nginx's
 * "proxy_protocol on", a cloud's network balancer) says whose connection it is: that address is the peer's then. Before TLS, if there is
 * any. A header of the proxy's own connections (LOCAL, UNKNOWN), or of another family, leaves the peer as it is. A connection without
 * one, or with more than 2,048 bytes of it, is closed, and so is one on which it is not whole within `head_timeout`; both are counted.
 * Nobody but the proxy may reach such a listener: whoever does can say that it is anybody.
 */
#define ROOMCAST_LISTEN_PROXY_PROTOCOL 32

/**
 * How a broker listens. Set `struct_size` to sizeof(roomcast_listen_options) and what is not needed to 0.
 */
typedef struct roomcast_listen_options {
    /**
     * sizeof(roomcast_listen_options).
     */
    uint32_t struct_size;
    /**
     * ROOMCAST_LISTEN_ flags.
     */
    uint32_t flags;
    /**
     * Connections that the kernel holds before they are accepted; 0 is 4,096. The system may have a lower bound of its own
     * (net.core.somaxconn).
     */
    uint32_t backlog;
    /**
     * For a Unix socket: who may connect, as the file's mode (0660), set before anybody can; 0: what the process' umask leaves.
     */
    uint32_t mode;
} roomcast_listen_options;

/**
 * Listens on an address and a port, for example "127.0.0.1" and 3000, or "::" for all; a name is resolved. Port 0 takes a
 * free one. May be called for several addresses.
 *
 * `bound` may be NULL; it is set to the port it got.
 *
 * Errors: ROOMCAST_ERROR_BAD_ADDRESS, ROOMCAST_ERROR_BAD_UTF8, and those of the system, for example that the address is in
 * use; the last error names it.
 * Ownership: the text is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_listen(struct roomcast_broker *broker,
                                const char *host,
                                size_t host_len,
                                uint16_t port,
                                uint16_t *bound);

/**
 * Listens on an address and a port as roomcast_listen does, with options. NULL is all defaults.
 *
 * Errors: as those of roomcast_listen, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE for flags that do not exist or
 * exclude each other, and ROOMCAST_ERROR_UNSUPPORTED for what the system does not have.
 * Ownership: text and options are copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_listen_with(struct roomcast_broker *broker,
                                     const char *host,
                                     size_t host_len,
                                     uint16_t port,
                                     const struct roomcast_listen_options *options,
                                     uint16_t *bound);

/**
 * Listens on a Unix socket: for a proxy on the same machine, or for other local programs. On Linux a path that begins with
 * a NUL is an abstract name, which has no file. `options` may be NULL: all defaults.
 *
 * A socket of this path on which nobody listens any more is replaced, unless ROOMCAST_LISTEN_KEEP_STALE is set; anything else
 * at the path stays, and is an error. The file is removed when the broker closes or is freed, if it is still its own. Of two
 * brokers that begin to listen on one path in the same moment one is refused: a file ".lock" is beside it meanwhile.
 *
 * The peers have no address: as text they are "unix:". Name "unix:" in trusted_proxies if a proxy comes over it and limits go
 * by address.
 *
 * Errors: ROOMCAST_ERROR_BAD_ADDRESS for a path that is empty, too long (107 bytes on Linux) or has a NUL elsewhere,
 * ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_UNSUPPORTED on Windows, and those of the system, for example
 * that somebody listens there; the last error names the path.
 * Ownership: path and options are copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_listen_unix(struct roomcast_broker *broker,
                                     const char *path,
                                     size_t path_len,
                                     const struct roomcast_listen_options *options);

/**
 * Goes on with a stream socket that listens already, of TCP or a Unix socket: one that systemd made, or that was inherited.
 * It is made non-blocking, and closed when another program is executed. A Unix socket's file stays when the broker closes.
 *
 * What systemd hands over begins with descriptor 3, if LISTEN_PID is this process' number, and there are LISTEN_FDS of
 * them.
 *
 * Errors: ROOMCAST_ERROR_BAD_VALUE for a negative number, ROOMCAST_ERROR_BAD_ADDRESS for what does not listen or is no stream,
 * ROOMCAST_ERROR_UNSUPPORTED on Windows, and those of the system; the last error names the descriptor.
 * Ownership: on success the descriptor is the broker's, which closes it; on failure it stays the caller's.
 * Threads: the broker's.
 */
roomcast_status roomcast_listen_fd(struct roomcast_broker *broker,
                                   int32_t fd);

/**
 * Goes on with a socket that listens already as roomcast_listen_fd does, with options; NULL is all defaults. Those that come before
 * a socket listens have no effect any more, which leaves ROOMCAST_LISTEN_PROXY_PROTOCOL.
 *
 * Errors: as those of roomcast_listen_fd, ROOMCAST_ERROR_BAD_SIZE, and ROOMCAST_ERROR_BAD_VALUE for flags that do not exist or
 * exclude each other.
 * Ownership: as roomcast_listen_fd; the options are copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_listen_fd_with(struct roomcast_broker *broker,
                                        int32_t fd,
                                        const struct roomcast_listen_options *options);

/**
 * Accepts nobody any more. Whoever is connected stays, and is answered as before; the broker may listen again. For a process that
 * another one replaces: with roomcast_listen_fd both have one socket, and once the new one accepts, the old one stops, and lets
 * its clients go by roomcast_drain. So nobody new comes to the one that takes nobody in.
 *
 * Clients that the system has connected, and that were not accepted yet, wait for whoever else has the socket; where nobody has,
 * they are reset. A Unix socket's file is removed if it is the broker's own.
 *
 * Errors: those of the system.
 * Ownership: descriptors given to roomcast_listen_fd are closed.
 * Threads: the broker's.
 */
roomcast_status roomcast_stop_listening(struct roomcast_broker *broker);

/**
 * For roomcast_admin_options.auth: whoever gives `username` and `password`.
 */
#define ROOMCAST_ADMIN_AUTH_LOGIN 1

/**
 * For roomcast_admin_options.auth: everybody. For a broker that nobody else reaches.
 */
#define ROOMCAST_ADMIN_AUTH_NOBODY 2

/**
 * For roomcast_admin_options.auth: you decide. You get the ROOMCAST_EVENT_CONNECT_REQUEST of the namespace, whose auth object is what was
 * typed into the page ("username" and "password"), and answer each; and the ROOMCAST_EVENT_DISCONNECT.
 */
#define ROOMCAST_ADMIN_AUTH_HOST 3

/**
 * In the flags of roomcast_admin_options: the page may look, and not emit, join, leave or disconnect.
 */
#define ROOMCAST_ADMIN_READ_ONLY 1

/**
 * In the flags of roomcast_admin_options: the page is told figures alone, and not each socket, change of rooms and event.
 */
#define ROOMCAST_ADMIN_PRODUCTION 2

/**
 * How the admin interface is served. Set `struct_size` to sizeof(roomcast_admin_options), `auth`, and what is not needed to 0.
 */
typedef struct roomcast_admin_options {
    /**
     * sizeof(roomcast_admin_options).
     */
    uint32_t struct_size;
    /**
     * ROOMCAST_ADMIN_ flags.
     */
    uint32_t flags;
    /**
     * Who may look: one of ROOMCAST_ADMIN_AUTH_. There is no default.
     */
    uint32_t auth;
    /**
     * The time in milliseconds between two tellings of the figures, while somebody looks; 0 is 2,000.
     */
    uint32_t stats_interval;
    /**
     * With ROOMCAST_ADMIN_AUTH_LOGIN.
     */
    struct roomcast_slice username;
    /**
     * With ROOMCAST_ADMIN_AUTH_LOGIN; compared in a time that tells nothing of it.
     */
    struct roomcast_slice password;
    /**
     * The interface's namespace; empty is "/admin".
     */
    struct roomcast_slice ns;
    /**
     * What this server is called among those that the page shows; empty is the machine's name.
     */
    struct roomcast_slice server_id;
} roomcast_admin_options;

/**
 * Lets the page of Socket.IO's admin interface (@socket.io/admin-ui on npm) look at the broker and act on it. The page itself is any web
 * server's to serve; you see no event of its namespace, but for those that ROOMCAST_ADMIN_AUTH_HOST leaves to you.
 *
 * It shows what is on this broker, with all its loops. While nobody is logged in it costs one comparison for each emit, change of rooms and
 * event, and a look through each batch. What is too much to tell is left out, and counted as `admin_unseen` in roomcast_stats: past 1 MiB
 * that wait for your next poll. Of one address ten logins a minute may fail; what is above is refused without a look, as are commands that
 * cannot be read, and both are counted as `admin_refused`. Where you drive the broker by its descriptor, the interface's own times
 * are in roomcast_next_timeout.
 *
 * Errors: ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE for an `auth` or flags that do not exist and for an empty name or password,
 * ROOMCAST_ERROR_EXISTS if it was called before, or the namespace is there with other options, ROOMCAST_ERROR_BAD_NAMESPACE,
 * ROOMCAST_ERROR_TOO_MANY.
 * Ownership: all is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_instrument(struct roomcast_broker *broker,
                                    const struct roomcast_admin_options *options);

/**
 * In the flags of roomcast_tls: who has no certificate for which one of `client_authorities` speaks is not let in.
 */
#define ROOMCAST_TLS_REQUIRE_CLIENTS 1

/**
 * A certificate and its key, as PEM. It stands in arrays and never gains a field.
 */
typedef struct roomcast_identity {
    /**
     * The certificate, and behind it those that lead to its authority.
     */
    struct roomcast_slice chain;
    /**
     * Its private key, without a password: PKCS#8, PKCS#1 or SEC1.
     */
    struct roomcast_slice key;
} roomcast_identity;

/**
 * What a listener shows of itself over TLS. Set `struct_size` to sizeof(roomcast_tls) and what is not needed to 0.
 */
typedef struct roomcast_tls {
    /**
     * sizeof(roomcast_tls).
     */
    uint32_t struct_size;
    /**
     * ROOMCAST_TLS_ flags.
     */
    uint32_t flags;
    /**
     * One certificate, or several: a client gets the first that is for the name it asks for ("*.example.com" is for one label), and of the
     * kind of key that it knows; if none is for that name, the very first. One with ECDSA costs a fraction of what one with RSA does.
     */
    const struct roomcast_identity *identities;
    /**
     * How many there are.
     */
    size_t identity_count;
    /**
     * Asks clients for certificates for which one of these authorities speaks, as PEM: `certificate` of their roomcast_handshake. Empty: asks
     * nobody.
     */
    struct roomcast_slice client_authorities;
} roomcast_tls;

/**
 * Listens on an address and a port as roomcast_listen does, over TLS 1.2 and 1.3: for wss:// and https://. What is not TLS is closed, and
 * counted: roomcast_stats has it by cause, with names that begin with "tls_". A handshake has `tls_handshake_timeout`. Who comes
 * again resumes his session, for which nothing is kept.
 *
 * `options` may be NULL: all defaults. `bound` may be NULL; it is set to the port it got.
 *
 * Errors: as those of roomcast_listen_with, and ROOMCAST_ERROR_BAD_VALUE for what is no certificate or no key, or a key of another
 * certificate; the last error says which and why.
 * Ownership: all is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_listen_tls(struct roomcast_broker *broker,
                                    const char *host,
                                    size_t host_len,
                                    uint16_t port,
                                    const struct roomcast_tls *tls,
                                    const struct roomcast_listen_options *options,
                                    uint16_t *bound);

/**
 * Shows something else from now on, on a port that is listened on over TLS: new certificates, mostly. Nobody is disconnected. Sessions from
 * before can be resumed, unless clients are asked for certificates.
 *
 * Errors: ROOMCAST_ERROR_BAD_VALUE if nothing listens over TLS on this port, and as roomcast_listen_tls has it; then all is as before.
 * Ownership: all is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_set_tls(struct roomcast_broker *broker,
                                 uint16_t port,
                                 const struct roomcast_tls *tls);

/**
 * A request whose head you have parsed, for roomcast_adopt_request. Set `struct_size` to sizeof(roomcast_request) and what is not needed to
 * 0.
 */
typedef struct roomcast_request {
    /**
     * sizeof(roomcast_request).
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * In capitals, for example "GET".
     */
    struct roomcast_slice method;
    /**
     * The path with its query, as it came.
     */
    struct roomcast_slice target;
    /**
     * The headers, in their order. Those that frame the body (Content-Length, Transfer-Encoding) have to be right.
     */
    const struct roomcast_pair *headers;
    /**
     * How many headers.
     */
    size_t header_count;
    /**
     * What was read behind the head: the beginning of the body, or all of it, and what came behind that.
     */
    struct roomcast_slice rest;
    /**
     * Where it comes from, as for roomcast_adopt.
     */
    struct roomcast_slice peer;
} roomcast_request;

/**
 * Goes on with a connection that you have accepted: a stream socket of TCP or a Unix socket. `prefix` is what you have read of it,
 * mostly the head of a request; it comes before what is still to be read. `peer` is where it comes from, as an address and a port
 * ("192.0.2.1:40332", "[::1]:40332") or "unix:", where that is not the socket's other end; nothing: the other end.
 *
 * The broker need not listen for it. With `loops` the connection goes to the one with the fewest. A request that is not for the broker
 * is answered with 404, or handed back (`hand_back`). Not for what is over TLS in your program: its keys are there.
 *
 * Errors: ROOMCAST_ERROR_BAD_VALUE for what is no stream socket that is connected, or a peer that is none, ROOMCAST_ERROR_TOO_MANY
 * (`max_links`), ROOMCAST_ERROR_TOO_LARGE for a prefix of more than `max_head_bytes` and `max_payload` together, ROOMCAST_ERROR_CLOSED after
 * roomcast_close, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_UNSUPPORTED on Windows, and those of the system.
 * Ownership: on success the descriptor is the broker's, which closes it; on failure it stays the caller's, as it was. The rest is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_adopt(struct roomcast_broker *broker,
                               int32_t fd,
                               const void *prefix,
                               size_t prefix_len,
                               const char *peer,
                               size_t peer_len);

/**
 * The same for a connection of which you have parsed the head of a request: the broker answers that request itself, be it with the 101
 * of a WebSocket or with HTTP, and then goes on with the connection. It counts as one of HTTP/1.1; where the connection is to end
 * behind the answer, a header "Connection" with "close" says so.
 *
 * Errors: as those of roomcast_adopt, ROOMCAST_ERROR_BAD_SIZE, and ROOMCAST_ERROR_BAD_VALUE for a method, a target or a header that is
 * none.
 * Ownership: as roomcast_adopt.
 * Threads: the broker's.
 */
roomcast_status roomcast_adopt_request(struct roomcast_broker *broker,
                                       int32_t fd,
                                       const struct roomcast_request *request);

/**
 * Makes the descriptor of a ROOMCAST_EVENT_FOREIGN yours, which is its number, until the next roomcast_poll or roomcast_close. It is closed
 * then, if nobody has taken it.
 *
 * Errors: ROOMCAST_ERROR_GONE if no event of the last batch has it, or it was taken before, ROOMCAST_ERROR_UNSUPPORTED on Windows.
 * Ownership: on success the descriptor is the caller's, who closes it.
 * Threads: the broker's.
 */
roomcast_status roomcast_take_descriptor(struct roomcast_broker *broker,
                                         int32_t fd);

/**
 * Has connections handed back from now on, if `on` is 1, or not, if it is 0, as `hand_back` of the configuration has it from the
 * beginning.
 *
 * Errors: ROOMCAST_ERROR_BAD_VALUE for another number, ROOMCAST_ERROR_UNSUPPORTED on Windows.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_set_hand_back(struct roomcast_broker *broker,
                                       uint32_t on);

/**
 * Takes connections by roomcast_adopt and roomcast_adopt_request again after roomcast_close, though the broker listens nowhere. To listen
 * does the same.
 *
 * Errors: ROOMCAST_ERROR_UNSUPPORTED on Windows.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_reopen(struct roomcast_broker *broker);

/**
 * Answers GET and HEAD requests for exactly this path with a response held in memory, for example a page. A second call
 * replaces the first.
 *
 * What lies under the Socket.IO path is served as well, such as the client's bundle at "/socket.io/socket.io.js", and then with the
 * headers that the endpoint's answers have.
 * Clients ask again for what they have kept: an answer has an ETag made of its body, unless `headers` have one, and who shows that it has
 * it (If-None-Match) gets 304 and no body. Ranges are not served.
 *
 * `headers` are further headers, `header_count` of them, such as Cache-Control.
 *
 * Errors: ROOMCAST_ERROR_BAD_PATH if it does not begin with a slash or is the Socket.IO path itself,
 * ROOMCAST_ERROR_BAD_VALUE for a header that cannot be sent, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8.
 * Ownership: everything is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_serve(struct roomcast_broker *broker,
                               const char *path,
                               size_t path_len,
                               const char *content_type,
                               size_t content_type_len,
                               const void *body,
                               size_t body_len,
                               const struct roomcast_pair *headers,
                               size_t header_count);

/**
 * Serves what is served at a path in another coding as well, for clients that take it: `br`, `gzip`, `zstd` or `deflate`. Of those
 * that a client likes best it gets the shortest. Without `gzip` that is made when a client asks for it first, unless
 * `http_compression` is off.
 *
 * Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_PATH if nothing is served there,
 * ROOMCAST_ERROR_BAD_VALUE for a coding that is none of these, or if the body itself has a `Content-Encoding`.
 * Ownership: what it is given is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_serve_encoded(struct roomcast_broker *broker,
                                       const char *path,
                                       size_t path_len,
                                       const char *coding,
                                       size_t coding_len,
                                       const void *body,
                                       size_t body_len);

/**
 * One turn of the loop: sends what is due, waits for something to happen, reads, runs timers, sends again. What happened
 * is then to be had from roomcast_events or roomcast_events_packed.
 *
 * `timeout_ms` is the longest wait in milliseconds: 0 returns at once, as a game loop wants it; -1 waits as long as it
 * takes. While events of an earlier turn are left undrained the call does not wait and fetches no new ones: they stay where
 * they are, and when max_events or max_event_bytes wait behind them, the broker stops reading. Nothing is lost.
 *
 * Errors: those of the system; a peer can cause none. A signal ends the wait early and is no error. With loops,
 * ROOMCAST_ERROR_PANIC when one of their threads has ended in a bug of the library: the last error has its text.
 * Ownership: what earlier events point to is gone, unless some were left undrained.
 * Threads: the broker's.
 */
roomcast_status roomcast_poll(struct roomcast_broker *broker,
                              int32_t timeout_ms);

/**
 * Sends what was emitted since the last poll or flush, now. A game server calls it once at the end of each tick.
 *
 * Much for many goes out in parts: past about 8 MiB of one call, connections that have 16 KiB or more to get are put off, and
 * the next polls and flushes serve them in their order, with reading and timers in between. While somebody is put off,
 * roomcast_poll does not wait, and roomcast_next_timeout is 0. What was put off counts as queued (roomcast_queued_bytes), and as
 * earlier output for ROOMCAST_VOLATILE; nobody is closed and nothing else is dropped for it: past max_backlog it is sent at once.
 *
 * Errors: none of its own.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_flush(struct roomcast_broker *broker);

/**
 * Gives a descriptor for your own loop (epoll, poll, libuv, GLib, asyncio): it is readable as long as roomcast_poll has
 * something to do. Together with it ask roomcast_next_timeout before every wait: it makes the descriptor readable for events
 * that are left undrained. Windows has none: there a thread waits in roomcast_poll and sets an event, for which your loop waits, as
 * examples/windows/pump.c does.
 *
 * Errors: ROOMCAST_ERROR_UNSUPPORTED on Windows, and wherever else there is neither epoll nor kqueue.
 * Ownership: the broker's: watch it, never read, write or close it. It stays the same until roomcast_free.
 * Threads: the broker's.
 */
roomcast_status roomcast_fd(struct roomcast_broker *broker,
                            int32_t *fd);

/**
 * Gives the milliseconds after which roomcast_poll is due although the descriptor is silent: 0 while work or events are
 * left, -1 if it can wait for as long as it likes. Ask before every wait: a call may have made it shorter.
 *
 * Ask when what you drained is handled. As roomcast_poll, this tells the broker so, which then lets connections go whose clients have
 * ended their side behind what they said.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_next_timeout(struct roomcast_broker *broker,
                                      int32_t *timeout_ms);

/**
 * Sends all clients away, `per_second` of them each second, and takes no new ones: handshakes are answered with 503 and
 * `Retry-After`, and so is health_path, so that a balancer looks elsewhere. When no connection is left, ROOMCAST_EVENT_DRAINED
 * comes, once for each drain. A handshake that the host has not decided about by then is answered with 503 as well, and its handle
 * is dead.
 *
 * A client's transport is closed, over WebSocket with code 1012 and `reason` (at most 123 bytes), after what is queued for it has
 * gone out. Stock clients see `transport close` and connect anew by themselves, which they would not do after a
 * roomcast_disconnect; the reason is in their event's details. The host gets a ROOMCAST_EVENT_DISCONNECT with
 * ROOMCAST_REASON_SERVER_SHUTTING_DOWN for each socket.
 *
 * Called again before that it changes pace and reason; afterwards it is another drain. roomcast_stop_draining ends it.
 *
 * Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_VALUE if `per_second` is 0, ROOMCAST_ERROR_TOO_LARGE
 * for a longer reason.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_drain from others.
 */
roomcast_status roomcast_drain(struct roomcast_broker *broker,
                               uint32_t per_second,
                               const char *reason,
                               size_t reason_len);

/**
 * Takes clients in again. Those that are gone stay gone. Does nothing if the broker is not draining.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_stop_draining from others.
 */
roomcast_status roomcast_stop_draining(struct roomcast_broker *broker);

/**
 * Ends all connections in good order and stops listening: sockets are disconnected with ROOMCAST_REASON_SERVER_SHUTTING_DOWN,
 * what is queued goes out, for at most `grace_ms` milliseconds. Drain the events before and after it. The broker may listen
 * again afterwards. A client that waits for an answer of the host's does not get it any more: roomcast_drain first lets clients go
 * with all they were owed. A handshake that is not decided is answered with 503 and Retry-After.
 *
 * Errors: those of the system.
 * Ownership: as roomcast_poll.
 * Threads: the broker's.
 */
roomcast_status roomcast_close(struct roomcast_broker *broker,
                               uint32_t grace_ms);

/*
 * ---- Events ----
 */

/**
 * A socket has joined its namespace. Sets `socket`, `ns`, `name` to its id as the client knows it, and `data` to the
 * client's auth object as JSON ("{}" when it sent none). With the flag ROOMCAST_FLAG_RECOVERED it was away and is back.
 */
#define ROOMCAST_EVENT_CONNECT 1

/**
 * A client emitted an event. Sets `socket`, `ns`, `name`, `data` to its arguments (a JSON array, as the client sent it),
 * `parts` to the attachments that the placeholders in it stand for, and `ack`.
 */
#define ROOMCAST_EVENT_MESSAGE 2

/**
 * A socket is gone; its handle is dead already, unless the flag ROOMCAST_FLAG_RECOVERABLE is set. Sets `socket`, `ns`, `code` to a
 * ROOMCAST_REASON_ number, and `parts` to the rooms it was in until now, its own not among them.
 */
#define ROOMCAST_EVENT_DISCONNECT 3

/**
 * A client asks to join a guarded namespace: answer with roomcast_accept or roomcast_reject. Sets `socket`, `ns`,
 * `name` to its id to be, and `data` to the auth object as JSON. If it leaves before you answer, ROOMCAST_EVENT_DISCONNECT
 * says so, and the answer is ROOMCAST_ERROR_GONE. With the flag ROOMCAST_FLAG_RECOVERED (ROOMCAST_NAMESPACE_ASK_AGAIN) it asks for the
 * session whose id and tag these are.
 */
#define ROOMCAST_EVENT_CONNECT_REQUEST 4

/**
 * A client acknowledged an emit. Sets `ack` to what roomcast_emit_with_ack gave and `context` to what it was given, `socket`,
 * `data` to the arguments (a JSON array), `parts` to the attachments, `code` to how many have still to answer: 0 ends this
 * acknowledgement.
 */
#define ROOMCAST_EVENT_ACK 5

/**
 * An acknowledgement ended with answers missing. Sets `ack`, `context`, `code` to how many never answered, and the flag
 * ROOMCAST_FLAG_TIMED_OUT if the time was up; without it, those that were missing disconnected.
 */
#define ROOMCAST_EVENT_ACK_END 6

/**
 * A packet of this socket's client could not be parsed; its disconnect follows. Sets `socket`, `ns`.
 */
#define ROOMCAST_EVENT_PROTOCOL_ERROR 7

/**
 * A namespace was made, by the host or from a pattern. Sets `ns`, `name`.
 */
#define ROOMCAST_EVENT_NAMESPACE_CREATED 8

/**
 * A namespace made from a pattern is gone with its last socket; its handle is dead already. Sets `ns`, `name`.
 */
#define ROOMCAST_EVENT_NAMESPACE_REMOVED 9

/**
 * Only with room_events: a room has its first member. Sets `ns`, `name`.
 */
#define ROOMCAST_EVENT_ROOM_CREATED 10

/**
 * Only with room_events: a socket joined a room. Sets `socket`, `ns`, `name`.
 */
#define ROOMCAST_EVENT_ROOM_JOINED 11

/**
 * Only with room_events: a socket left a room. Sets `socket`, `ns`, `name`.
 */
#define ROOMCAST_EVENT_ROOM_LEFT 12

/**
 * Only with room_events: a room's last member left. Sets `ns`, `name`.
 */
#define ROOMCAST_EVENT_ROOM_DELETED 13

/**
 * Only with guard_handshakes: a client opens a connection: answer with roomcast_allow, roomcast_refuse or roomcast_refuse_with. Sets
 * `connection`.
 */
#define ROOMCAST_EVENT_HANDSHAKE 14

/**
 * Only with refusal_events: a request was refused. Sets `code` to Engine.IO's error code (0 to 5; 6 for a
 * handshake that was answered with 503), `name` to its text,
 * `data` to what was wrong: the transport, the sid, the method, or a name such as INVALID_ORIGIN; for a WebSocket's
 * handshake that is none the text of its answer, with code 3;
 * with code 6 RATE, CONNECTIONS, DRAINING or UNDECIDED; with code 7 ADDRESS_CONNECTIONS or ADDRESS_RATE.
 */
#define ROOMCAST_EVENT_REFUSED 15

/**
 * Only with engine_only: a connection opened. Sets `connection`.
 */
#define ROOMCAST_EVENT_OPEN 16

/**
 * Only with engine_only: a text message. Sets `connection`, `data`.
 */
#define ROOMCAST_EVENT_TEXT 17

/**
 * Only with engine_only: a binary message. Sets `connection`, `data`.
 */
#define ROOMCAST_EVENT_BINARY 18

/**
 * Only with engine_only: a connection closed; its handle is dead already. Sets `connection`, `code` to a ROOMCAST_REASON_
 * number.
 */
#define ROOMCAST_EVENT_CLOSE 19

/**
 * After roomcast_drain: no connection is left.
 */
#define ROOMCAST_EVENT_DRAINED 20

/**
 * A socket that was away did not come back in time, or could not be told all that it had missed, or was disconnected by the host.
 * Its handle is dead already. Sets `socket`, `ns`, and `name` to its id.
 */
#define ROOMCAST_EVENT_SESSION_EXPIRED 21

/**
 * Only with cluster_url: the other nodes hear this one, and it hears them. Sets `context` to the milliseconds for which they could not,
 * if they could before: what they said meanwhile is lost here. 0 the first time.
 */
#define ROOMCAST_EVENT_CLUSTER_UP 22

/**
 * Only with cluster_url: this node is on its own until ROOMCAST_EVENT_CLUSTER_UP; what concerns its own sockets goes on as ever.
 * Sets `name` to the reason.
 */
#define ROOMCAST_EVENT_CLUSTER_DOWN 23

/**
 * Only with cluster_url: the host of another node says this, by roomcast_server_emit or roomcast_ask_nodes. Sets `ns`, `name`, `data` to
 * the arguments (a JSON array), `parts` to the attachments, and `ack` if it waits for an answer: pass it to roomcast_answer_node.
 */
#define ROOMCAST_EVENT_SERVER_EVENT 24

/**
 * Only with cluster_url: the host of another node has answered roomcast_ask_nodes. Sets `data` to its answer, one JSON value, or to
 * nothing, `parts` to the attachments, `context` to what it was given.
 */
#define ROOMCAST_EVENT_NODE_ANSWER 25

/**
 * Only with cluster_url: a socket of another node, as roomcast_fetch_remote_sockets has asked for. Sets `name` to its id, `data` to a
 * JSON object with what its client's first request said (headers, time, address, xdomain, secure, issued, url, query, auth), `parts` to
 * the rooms it is in, its own among them, and behind them what the host of its node keeps with it, as JSON; `context` to what it was given.
 */
#define ROOMCAST_EVENT_REMOTE_SOCKET 26

/**
 * Only with cluster_url: no other answer comes to roomcast_ask_nodes, roomcast_fetch_remote_sockets or roomcast_count_nodes. Sets
 * `context`, and `code` to how many nodes have not answered; ROOMCAST_UNKNOWN_NODES if it is not known how many there are.
 */
#define ROOMCAST_EVENT_ANSWERS_END 27

/**
 * Only with cluster_url: a client of another node acknowledged an emit. As ROOMCAST_EVENT_ACK, but that `socket` is 0, and that `data`
 * has the first argument alone, which is all that nodes tell each other. For `code`, other nodes count for one while they have yet to say
 * whom they have asked.
 */
#define ROOMCAST_EVENT_REMOTE_ACK 29

/**
 * Only with cluster_url: Redis does not allow this node something it needs, and the other nodes hear or are heard in part only. It is
 * asked again every ten seconds. Sets `name` to what it is, and the rule that is missing.
 */
#define ROOMCAST_EVENT_CLUSTER_REFUSED 30

/**
 * Only with cluster_url: the answer to roomcast_count_nodes. Sets `code` to how many nodes have the namespace, this one among them, and
 * `context`.
 */
#define ROOMCAST_EVENT_NODES 28

/**
 * Only with hand_back: a client asks for a path that is not the broker's, and its connection is for you to go on with. No answer is owed on
 * it, and the broker is done with it. Sets `context` to the number of its descriptor, a stream socket in non-blocking mode, which
 * roomcast_take_descriptor makes yours; without that it is closed with the batch. `data` is what was read and nobody has used, the
 * request's head and what came behind it, as bytes; `name` is where it comes from, as `address` of a roomcast_handshake.
 */
#define ROOMCAST_EVENT_FOREIGN 31

/**
 * On ROOMCAST_EVENT_ACK_END: the time was up.
 */
#define ROOMCAST_FLAG_TIMED_OUT 1

/**
 * On ROOMCAST_EVENT_CONNECT: the socket was away and is back, with its handle, its tag and the rooms that it is in by now. What it
 * missed is sent before anything else. On ROOMCAST_EVENT_CONNECT_REQUEST: its client asks for that.
 */
#define ROOMCAST_FLAG_RECOVERED 2

/**
 * On ROOMCAST_EVENT_DISCONNECT: the socket is away, and its client may come back. Its handle lives until its
 * ROOMCAST_EVENT_CONNECT with ROOMCAST_FLAG_RECOVERED, or its ROOMCAST_EVENT_SESSION_EXPIRED.
 */
#define ROOMCAST_FLAG_RECOVERABLE 4

/**
 * The client closed the transport, or the network did.
 */
#define ROOMCAST_REASON_TRANSPORT_CLOSE 1

/**
 * The transport failed: a broken frame, overlapping or dropped requests.
 */
#define ROOMCAST_REASON_TRANSPORT_ERROR 2

/**
 * No pong within ping_timeout.
 */
#define ROOMCAST_REASON_PING_TIMEOUT 3

/**
 * A packet could not be parsed.
 */
#define ROOMCAST_REASON_PARSE_ERROR 4

/**
 * The host closed the connection by roomcast_close_connection.
 */
#define ROOMCAST_REASON_FORCED_CLOSE 5

/**
 * The client left the namespace.
 */
#define ROOMCAST_REASON_CLIENT_NAMESPACE_DISCONNECT 6

/**
 * The host disconnected the socket from its namespace.
 */
#define ROOMCAST_REASON_SERVER_NAMESPACE_DISCONNECT 7

/**
 * The host closed the connection, the client broke the protocol, or it joined no namespace in time.
 */
#define ROOMCAST_REASON_FORCED_SERVER_CLOSE 8

/**
 * The broker is closing.
 */
#define ROOMCAST_REASON_SERVER_SHUTTING_DOWN 9

/**
 * The client did not read and its backlog was full.
 */
#define ROOMCAST_REASON_SLOW_CONSUMER 10

/**
 * One thing that happened. Which fields are set depends on `kind`; the others are 0 or NULL. Kinds that are not known must
 * be skipped: later versions add some. What the pointers point to is lent until the next roomcast_poll, roomcast_close or
 * roomcast_free of the broker. Texts are UTF-8 and not terminated by a NUL.
 */
typedef struct roomcast_event {
    /**
     * A ROOMCAST_EVENT_ number.
     */
    uint32_t kind;
    /**
     * ROOMCAST_FLAG_ bits.
     */
    uint32_t flags;
    /**
     * A number whose meaning depends on `kind`: a reason, an error code, how many acknowledgements are missing.
     */
    uint32_t code;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * The socket it is about.
     */
    roomcast_socket socket;
    /**
     * The connection it is about, where there is no socket.
     */
    roomcast_connection connection;
    /**
     * The namespace it is about.
     */
    roomcast_namespace ns;
    /**
     * On ROOMCAST_EVENT_MESSAGE what to pass to roomcast_ack, 0 if the client does not wait for an acknowledgement; on
     * ROOMCAST_EVENT_ACK and ROOMCAST_EVENT_ACK_END the roomcast_ack_id.
     */
    uint64_t ack;
    /**
     * The event's name, or a name that depends on `kind`.
     */
    const char *name;
    /**
     * Bytes of `name`.
     */
    size_t name_len;
    /**
     * Arguments or other data, depending on `kind`. Those of ROOMCAST_EVENT_BINARY and
     * ROOMCAST_EVENT_FOREIGN are not UTF-8.
     */
    const char *data;
    /**
     * Bytes of `data`.
     */
    size_t data_len;
    /**
     * Attachments or rooms, depending on `kind`.
     */
    const struct roomcast_slice *parts;
    /**
     * How many `parts` there are.
     */
    size_t part_count;
    /**
     * What roomcast_set_tag has put on `socket`; 0 where nothing was.
     */
    uint64_t tag;
    /**
     * On ROOMCAST_EVENT_ACK and ROOMCAST_EVENT_ACK_END the `context` that was given to roomcast_emit_with_ack; on ROOMCAST_EVENT_FOREIGN
     * the number of a descriptor.
     */
    uint64_t context;
} roomcast_event;

/**
 * Drains events of the last roomcast_poll, in the order in which they happened.
 *
 * Up to `cap` of them are written to `events`, and their number to `count`: 0 when there are no more. A batch may be
 * drained in several calls. `event_size` is sizeof(roomcast_event): a later library's event may be longer than yours, and this is
 * how far apart yours lie. It tells the past: the socket of an event may be gone by now, and its
 * ROOMCAST_EVENT_DISCONNECT is further down.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_SIZE.
 * Ownership: `events` is the caller's; what they point to is the broker's, until the next roomcast_poll or roomcast_close.
 * Threads: the broker's.
 */
roomcast_status roomcast_events(struct roomcast_broker *broker,
                                struct roomcast_event *events,
                                size_t event_size,
                                size_t cap,
                                size_t *count);

/**
 * Drains events of the last roomcast_poll as one buffer: a table of records, then what they refer to. They may be mixed
 * with calls of roomcast_events.
 *
 * `max` is the most events to drain; SIZE_MAX drains all, or as many as make 1 GiB. `packed` and `len` are set to the
 * buffer; `len` is 0 when there are no more.
 *
 * It begins at a multiple of 8 with u32 number of records, u32 number of names, u32 place of the names, u32 0. The records
 * follow, one an event, of 64 bytes: u16 kind, u16 flags, u32 code, u64 socket or connection, u64 ns, u64 ack, u32 number
 * of the name, u32 place where the data begins, u32 place where it ends, u32 place of the parts, 0 if there are none, u64 tag,
 * u64 context. All places count bytes from the buffer's beginning. At that of the names, for each name, from number 0, a u32 place where it
 * begins and a u32 place where it ends; events of the same name may share one. At that of the parts their number as a u32,
 * then for each its length as a u32 and its bytes; it need not be aligned.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: the buffer is the broker's, until the next roomcast_events_packed, roomcast_poll, roomcast_close or
 * roomcast_free.
 * Threads: the broker's.
 */
roomcast_status roomcast_events_packed(struct roomcast_broker *broker,
                                       size_t max,
                                       const uint8_t **packed,
                                       size_t *len);

/**
 * Returns a reason as Socket.IO spells it, for example "transport close"; "unknown" for a number that is none.
 *
 * Ownership: the text ends in a NUL and lives as long as the library is loaded.
 * Threads: any.
 */
const char *roomcast_reason_text(uint32_t reason);

/*
 * ---- Who may come, and who has to go ----
 */

/**
 * Lets a socket in that a ROOMCAST_EVENT_CONNECT_REQUEST asked for. It is connected when this returns; no ROOMCAST_EVENT_CONNECT
 * follows. What was emitted to it before leaves now, behind the answer to its request.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the client left
 * meanwhile, which ROOMCAST_EVENT_DISCONNECT tells as well, ROOMCAST_ERROR_WRONG_STATE if the answer was given before.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_accept from others.
 */
roomcast_status roomcast_accept(struct roomcast_broker *broker,
                                roomcast_socket socket);

/**
 * Turns a socket away that a ROOMCAST_EVENT_CONNECT_REQUEST asked for. The client gets `message`, and `data` if there is any: a
 * JSON value. The handle is dead when this returns.
 *
 * `data_json` is a JSON value, or nothing (length 0).
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE
 * if the client left meanwhile, ROOMCAST_ERROR_WRONG_STATE if it was accepted before, ROOMCAST_ERROR_BAD_DATA if `data` is not
 * JSON.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_reject from others.
 */
roomcast_status roomcast_reject(struct roomcast_broker *broker,
                                roomcast_socket socket,
                                const char *message,
                                size_t message_len,
                                const char *data_json,
                                size_t data_len);

/**
 * Takes a socket out of its namespace. The client gets a disconnect packet; with `close`, its whole connection ends and with it
 * its sockets in other namespaces. What was emitted to it before still goes out. Its ROOMCAST_EVENT_DISCONNECT comes with the next
 * poll.
 *
 * `close` is 1 or 0.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE
 * if the socket is.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_disconnect from others.
 */
roomcast_status roomcast_disconnect(struct roomcast_broker *broker,
                                    roomcast_socket socket,
                                    uint32_t close);

/**
 * Whether the host is asked about each handshake from now on, as guard_handshakes says for the beginning. What was asked before is
 * answered all the same.
 *
 * `on` is 1 or 0.
 *
 * Errors: ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_guard_handshakes from others.
 */
roomcast_status roomcast_guard_handshakes(struct roomcast_broker *broker,
                                          uint32_t on);

/**
 * Adds a header to the answer of a handshake that a ROOMCAST_EVENT_HANDSHAKE asked about: the answer that lets it in, over either
 * transport, or that turns it away. This is how a host sets a cookie of its own, with any attributes. A name may be added more
 * than once.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL; otherwise as
 * roomcast_allow, ROOMCAST_ERROR_BAD_VALUE if the name or the value cannot be sent, or the answer has a header of that name by
 * itself (`Content-Length`, `Connection` and others), ROOMCAST_ERROR_TOO_LARGE past 8,192 bytes for one answer.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_add_header from others.
 */
roomcast_status roomcast_add_header(struct roomcast_broker *broker,
                                    roomcast_connection connection,
                                    const char *name,
                                    size_t name_len,
                                    const char *value,
                                    size_t value_len);

/**
 * Lets a connection open that a ROOMCAST_EVENT_HANDSHAKE asked for.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the client left
 * meanwhile, ROOMCAST_ERROR_WRONG_STATE if the answer was given before.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_allow from others.
 */
roomcast_status roomcast_allow(struct roomcast_broker *broker,
                               roomcast_connection connection);

/**
 * Turns a connection away that a ROOMCAST_EVENT_HANDSHAKE asked for, as the reference's `allowRequest` does: 403 with code 4 and
 * `message`, or `Forbidden` if that is empty; over WebSocket 400 with the message alone. The handle is dead when this returns.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL; otherwise as
 * roomcast_allow.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_refuse from others.
 */
roomcast_status roomcast_refuse(struct roomcast_broker *broker,
                                roomcast_connection connection,
                                const char *message,
                                size_t message_len);

/**
 * The same with an answer of the host's own: a status from 400 to 599 and a body, without a `Content-Type` if `content_type` is
 * empty. In a browser a page's script sees the status over polling, and over WebSocket only that it failed.
 *
 * `http_status` is 400 to 599.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_VALUE,
 * ROOMCAST_ERROR_NULL; otherwise as roomcast_allow, ROOMCAST_ERROR_BAD_VALUE if the status is none of those, or the content type
 * cannot be sent.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_refuse_with from others.
 */
roomcast_status roomcast_refuse_with(struct roomcast_broker *broker,
                                     roomcast_connection connection,
                                     uint32_t http_status,
                                     const char *content_type,
                                     size_t content_type_len,
                                     const void *body,
                                     size_t body_len);

/**
 * Closes a connection and all its sockets, after what is queued for it has gone out.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the connection is.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_close_connection from others.
 */
roomcast_status roomcast_close_connection(struct roomcast_broker *broker,
                                          roomcast_connection connection);

/*
 * ---- Namespaces ----
 */

/**
 * For roomcast_add_namespace and roomcast_add_pattern: you are asked about each connect, with ROOMCAST_EVENT_CONNECT_REQUEST.
 */
#define ROOMCAST_NAMESPACE_GUARDED 1

/**
 * For roomcast_add_namespace and roomcast_add_pattern: connection state recovery. A client whose connection ends, and who is back
 * within recovery_window, is the same socket in the same rooms, and is sent what it has missed, once and in order. Its
 * ROOMCAST_EVENT_DISCONNECT has the flag ROOMCAST_FLAG_RECOVERABLE; until it is back, also in a guarded namespace without
 * being asked about, it can be put into rooms, taken out of them and disconnected, and what is emitted to it waits in the
 * namespace's log. What is emitted with an acknowledgement, or is volatile, is not sent again; of ROOMCAST_LATEST the newest is.
 * Each event carries one argument more on the wire, by which a client knows how far it has heard.
 */
#define ROOMCAST_NAMESPACE_RECOVERY 2

/**
 * For roomcast_add_namespace and roomcast_add_pattern, with both of the others: you are asked about a client that comes back to its
 * session, too. Its ROOMCAST_EVENT_CONNECT_REQUEST has the flag ROOMCAST_FLAG_RECOVERED, the id and the tag of its session, and a
 * handle of its own. Until you accept it, it is told nothing of what it has missed, and its old connection goes on. Then that handle is
 * dead, without an event; its tag and its rooms go to the session's socket, and ROOMCAST_EVENT_CONNECT with
 * ROOMCAST_FLAG_RECOVERED follows for that. Whoever is rejected may come again for the session, as long as it lasts.
 */
#define ROOMCAST_NAMESPACE_ASK_AGAIN 4

/**
 * Makes a namespace, or finds it. "abc" and "/abc" are the same; "/" is there from the beginning.
 *
 * `flags` are ROOMCAST_NAMESPACE_ bits; with 0 everybody is let in. `ns` is set to the namespace.
 *
 * Errors: ROOMCAST_ERROR_BAD_NAMESPACE, ROOMCAST_ERROR_EXISTS if it is there with other flags ("/" takes whatever it is given
 * while it is empty), ROOMCAST_ERROR_TOO_MANY, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_VALUE for a
 * flag that there is not.
 * Ownership: the name is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_add_namespace(struct roomcast_broker *broker,
                                       const char *name,
                                       size_t name_len,
                                       uint32_t flags,
                                       roomcast_namespace *ns);

/**
 * Lets clients bring namespaces to life whose names fit `glob`, in which each '*' stands for any characters. Of several
 * patterns that fit, the first one added counts.
 *
 * `flags` are as for roomcast_add_namespace. `remove_when_empty` is 1 to remove a namespace with its last socket, which
 * is the one to choose; 0 keeps it, and then clients decide how many there are, up to max_namespaces, past which no other can be
 * made. One in which nobody was ever let in goes in any case.
 *
 * Errors: ROOMCAST_ERROR_BAD_NAMESPACE for a glob that no name can fit, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_VALUE.
 * Ownership: the glob is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_add_pattern(struct roomcast_broker *broker,
                                     const char *glob,
                                     size_t glob_len,
                                     uint32_t flags,
                                     uint32_t remove_when_empty);

/**
 * Finds a namespace by its name.
 *
 * Errors: ROOMCAST_ERROR_NOT_FOUND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_find_namespace(struct roomcast_broker *broker,
                                        const char *name,
                                        size_t name_len,
                                        roomcast_namespace *ns);

/**
 * Lends out a namespace's name, with its slash.
 *
 * `name` is set to it.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_GONE, ROOMCAST_ERROR_NULL.
 * Ownership: the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_namespace_name(struct roomcast_broker *broker,
                                        roomcast_namespace ns,
                                        struct roomcast_slice *name);

/**
 * Lends out all namespaces, in a stable order.
 *
 * `namespaces` is set to an array of `count` namespaces.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_namespaces(struct roomcast_broker *broker,
                                    const roomcast_namespace **namespaces,
                                    size_t *count);

/**
 * Lends out the sockets of a namespace, in a stable order.
 *
 * `sockets` is set to an array of `count` sockets.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is.
 * Ownership: the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_sockets_in(struct roomcast_broker *broker,
                                    roomcast_namespace ns,
                                    const roomcast_socket **sockets,
                                    size_t *count);

/*
 * ---- Rooms ----
 */

/**
 * Puts a socket into a room, which begins to exist with its first member; joining twice is no error.
 *
 * A socket that waits for the host's decision is in the room at once: what is emitted to it waits until the socket is let in.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE,
 * ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_TOO_MANY past max_rooms_per_socket or max_room_bytes.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_join from others.
 */
roomcast_status roomcast_join(struct roomcast_broker *broker,
                              roomcast_socket socket,
                              const char *room,
                              size_t room_len);

/**
 * Takes a socket out of a room; the room ends with its last member. Its own room cannot be left. Leaving a room that it is not in
 * is no error.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_leave from others.
 */
roomcast_status roomcast_leave(struct roomcast_broker *broker,
                               roomcast_socket socket,
                               const char *room,
                               size_t room_len);

/**
 * Takes a socket out of all rooms but its own.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_leave_all from others.
 */
roomcast_status roomcast_leave_all(struct roomcast_broker *broker, roomcast_socket socket);

/**
 * Leaves and joins many rooms at once, as a player who moves does. A room in both lists is kept.
 *
 * `changed` may be NULL; it is set to how many memberships changed, SIZE_MAX where that is not known yet (`loops`).
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE,
 * ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_TOO_MANY; then nothing has changed.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_change_rooms from others.
 */
roomcast_status roomcast_change_rooms(struct roomcast_broker *broker,
                                      roomcast_socket socket,
                                      const struct roomcast_slice *leave,
                                      size_t leave_count,
                                      const struct roomcast_slice *join,
                                      size_t join_count,
                                      size_t *changed);

/**
 * Lends out the members of a room, in a stable order; for a socket's own room that socket.
 *
 * `sockets` is set to an array of `count` sockets.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE
 * if the namespace is.
 * Ownership: the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_members(struct roomcast_broker *broker,
                                 roomcast_namespace ns,
                                 const char *room,
                                 size_t room_len,
                                 const roomcast_socket **sockets,
                                 size_t *count);

/**
 * Tells whether a socket is in a room; its own is one of them.
 *
 * `is_member` is set to 1 or 0.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE
 * if the socket is.
 * Ownership: what it is given is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_is_member(struct roomcast_broker *broker,
                                   roomcast_socket socket,
                                   const char *room,
                                   size_t room_len,
                                   uint32_t *is_member);

/**
 * Lends out the rooms a socket is in: its own first, then the others in a stable order.
 *
 * `rooms` is set to an array of `count` names.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
 * Ownership: the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_rooms_of(struct roomcast_broker *broker,
                                  roomcast_socket socket,
                                  const struct roomcast_slice **rooms,
                                  size_t *count);

/**
 * Lends out the rooms of a namespace, in a stable order; sockets' own rooms are not among them.
 *
 * `rooms` is set to an array of `count` names.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is.
 * Ownership: the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_rooms_in(struct roomcast_broker *broker,
                                  roomcast_namespace ns,
                                  const struct roomcast_slice **rooms,
                                  size_t *count);

/*
 * ---- Emits and acknowledgements ----
 */

/**
 * Queued up to max_backlog, past which the connection is closed as a slow consumer.
 */
#define ROOMCAST_RELIABLE 0

/**
 * Skipped for a connection whose earlier output the kernel, or a poll, has not taken yet.
 */
#define ROOMCAST_VOLATILE 1

/**
 * At most one unsent message of this `key` waits for a connection in this namespace: the newest.
 */
#define ROOMCAST_LATEST 2

/**
 * Queued up to max_backlog; then the oldest message of this class goes.
 */
#define ROOMCAST_DROP_OLDEST 3

/**
 * In the flags of a target or a selection: the whole namespace. It is said and never implied: without it, no rooms and no
 * sockets are nobody. With it, none may be named.
 */
#define ROOMCAST_TARGET_ALL 1

/**
 * Whom an emit reaches: the union of some rooms and sockets of one namespace, which is nobody if neither are named, or with
 * ROOMCAST_TARGET_ALL the whole namespace; minus some rooms and sockets. A socket that is named twice gets one copy. A
 * socket's id is a room of its own. Set `struct_size` to sizeof(roomcast_target) and what is not needed to 0.
 */
typedef struct roomcast_target {
    /**
     * sizeof(roomcast_target).
     */
    uint32_t struct_size;
    /**
     * ROOMCAST_TARGET_ALL or 0.
     */
    uint32_t flags;
    /**
     * The namespace.
     */
    roomcast_namespace ns;
    /**
     * The members of these rooms.
     */
    const struct roomcast_slice *rooms;
    /**
     * How many rooms.
     */
    size_t room_count;
    /**
     * These sockets as well; those that are gone or belong to another namespace are skipped.
     */
    const roomcast_socket *sockets;
    /**
     * How many sockets.
     */
    size_t socket_count;
    /**
     * But no member of these rooms.
     */
    const struct roomcast_slice *except_rooms;
    /**
     * How many rooms are excepted.
     */
    size_t except_room_count;
    /**
     * And none of these sockets.
     */
    const roomcast_socket *except_sockets;
    /**
     * How many sockets are excepted.
     */
    size_t except_socket_count;
} roomcast_target;

/**
 * In a cluster it is for the sockets of this node alone.
 */
#define ROOMCAST_MESSAGE_LOCAL 1

/**
 * It is sent as it is to clients that take compressed messages, for example as a secret stands in it beside what others wrote.
 */
#define ROOMCAST_MESSAGE_UNCOMPRESSED 2

/**
 * An event to emit. Set `struct_size` to sizeof(roomcast_message) and what is not needed to 0.
 */
typedef struct roomcast_message {
    /**
     * sizeof(roomcast_message).
     */
    uint32_t struct_size;
    /**
     * What may become of it when a client does not keep up: ROOMCAST_RELIABLE, which is 0, or another delivery class.
     */
    uint32_t delivery;
    /**
     * For ROOMCAST_LATEST: the key, any number.
     */
    uint64_t key;
    /**
     * The event's name.
     */
    const char *name;
    /**
     * Bytes of `name`.
     */
    size_t name_len;
    /**
     * The arguments: a JSON array. Nothing at all means "[]".
     */
    const char *args;
    /**
     * Bytes of `args`.
     */
    size_t args_len;
    /**
     * Binary attachments: `args` holds {"_placeholder":true,"num":N} where attachment N belongs.
     */
    const struct roomcast_slice *attachments;
    /**
     * How many attachments.
     */
    size_t attachment_count;
    /**
     * ROOMCAST_MESSAGE_ values, added up, or 0.
     */
    uint64_t flags;
} roomcast_message;

/**
 * Of a roomcast_receipt: not known yet, since loops of the broker's own (`loops`) carry the emit out.
 */
#define ROOMCAST_UNKNOWN UINT64_MAX

/**
 * What an emit did. It has no size and never gains a field.
 */
typedef struct roomcast_receipt {
    /**
     * Sockets it was addressed to, or ROOMCAST_UNKNOWN.
     */
    uint64_t recipients;
    /**
     * Of these, how many were skipped: the message is volatile and they had earlier output waiting. Or ROOMCAST_UNKNOWN.
     */
    uint64_t skipped;
} roomcast_receipt;

/**
 * Emits an event to a room, but not to the socket it comes from. It reaches those who are members when it is called, and
 * leaves with the next roomcast_poll or roomcast_flush. To a socket that waits for the host's decision it leaves when that is
 * accepted, behind the answer to its request; until then it waits, up to max_backlog for its connection, past which that is closed as
 * a slow consumer. What is volatile is skipped, and one that is rejected gets nothing.
 *
 * `room` may be any text: nobody is in a room without a name (length 0); roomcast_emit_all is for everybody. `except` is a
 * socket to leave out, or 0. `args` is the JSON array of the arguments; nothing at all means "[]".
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_GONE if the namespace is, ROOMCAST_ERROR_RESERVED_EVENT,
 * ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_TOO_LARGE; then nobody gets it.
 * Ownership: everything is copied or encoded before it returns.
 * Threads: the broker's; roomcast_remote_emit from others.
 */
roomcast_status roomcast_emit(struct roomcast_broker *broker,
                              roomcast_namespace ns,
                              const char *room,
                              size_t room_len,
                              roomcast_socket except,
                              const char *name,
                              size_t name_len,
                              const char *args_json,
                              size_t args_len);

/**
 * Emits an event to a whole namespace, but not to the socket it comes from; otherwise as roomcast_emit.
 *
 * `except` is a socket to leave out, or 0.
 *
 * Errors: as roomcast_emit.
 * Ownership: everything is copied or encoded before it returns.
 * Threads: the broker's; roomcast_remote_emit_all from others.
 */
roomcast_status roomcast_emit_all(struct roomcast_broker *broker,
                                  roomcast_namespace ns,
                                  roomcast_socket except,
                                  const char *name,
                                  size_t name_len,
                                  const char *args_json,
                                  size_t args_len);

/**
 * Emits an event to one socket, in its own namespace. To one that is being let in it waits, as every emit does.
 *
 * `args` is the JSON array of the arguments; nothing at all means "[]".
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_GONE if the socket is, and those of roomcast_emit.
 * Ownership: everything is copied or encoded before it returns.
 * Threads: the broker's; roomcast_remote_send from others.
 */
roomcast_status roomcast_send(struct roomcast_broker *broker,
                              roomcast_socket to,
                              const char *name,
                              size_t name_len,
                              const char *args_json,
                              size_t args_len);

/**
 * Emits an event with everything an emit can have: several rooms and sockets, several exceptions, attachments, a delivery
 * class.
 *
 * `receipt` may be NULL; it is set to how many sockets were addressed and skipped.
 *
 * Errors: those of roomcast_emit, ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL;
 * then nobody gets it.
 * Ownership: everything is copied or encoded before it returns.
 * Threads: the broker's; roomcast_remote_emit_to from others.
 */
roomcast_status roomcast_emit_to(struct roomcast_broker *broker,
                                 const struct roomcast_target *target,
                                 const struct roomcast_message *message,
                                 struct roomcast_receipt *receipt);

/**
 * Emits an event and asks everyone who gets it for an acknowledgement. The answers come as ROOMCAST_EVENT_ACK; if some
 * never come, ROOMCAST_EVENT_ACK_END ends it.
 *
 * `timeout_ms` is how long to wait for answers: -1 waits until the socket disconnects, 0 times out at once. `context` is any
 * number of yours, for example the place of what you asked for in an array, or a pointer: each answer and the end of the
 * question carry it. `ack` is set to the handle that they carry too, 0 if nobody was addressed: then there is nothing to wait
 * for, and nothing brings `context` back. `receipt` may be NULL.
 *
 * In a cluster the sockets of other nodes are asked as well; their answers come as ROOMCAST_EVENT_REMOTE_ACK, and whether there are any
 * such sockets is not known when the call returns. With a `timeout_ms` of -1 they have cluster_request_timeout.
 *
 * Errors: those of roomcast_emit_to, and ROOMCAST_ERROR_TOO_MANY if a recipient owes max_pending_acks already; then nobody
 * gets it.
 * Ownership: everything is copied or encoded before it returns.
 * Threads: the broker's.
 */
roomcast_status roomcast_emit_with_ack(struct roomcast_broker *broker,
                                       const struct roomcast_target *target,
                                       const struct roomcast_message *message,
                                       int64_t timeout_ms,
                                       uint64_t context,
                                       roomcast_ack_id *ack,
                                       struct roomcast_receipt *receipt);

/**
 * Acknowledges an event that came with an ack number. The number is good for one answer; a client ignores more.
 *
 * `ack` is that of the ROOMCAST_EVENT_MESSAGE. `args_json` is a JSON array; nothing at all means "[]".
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
 * ROOMCAST_ERROR_BAD_VALUE if `ack` is 0, ROOMCAST_ERROR_GONE if the socket is, ROOMCAST_ERROR_BAD_JSON,
 * ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_TOO_LARGE.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_ack from others.
 */
roomcast_status roomcast_ack(struct roomcast_broker *broker,
                             roomcast_socket socket,
                             uint64_t ack,
                             const char *args_json,
                             size_t args_len,
                             const struct roomcast_slice *attachments,
                             size_t attachment_count);

/**
 * Emits a whole batch, in its order.
 *
 * `batch` is `len` bytes of records. A record begins at a multiple of 8, counted from the batch's beginning, with these 48
 * bytes: u32 size of the whole record, u8 delivery class, u8 flags (ROOMCAST_TARGET_ALL, plus twice the
 * sum of ROOMCAST_MESSAGE_ values), u16 number of attachments, u64 ns, u64 key, u32 bytes of the
 * name, u32 bytes of the arguments, u32 number of rooms, u32 of sockets, u32 of excepted rooms, u32 of excepted sockets.
 * The sockets follow as u64, then the excepted sockets; then the name's bytes and those of the arguments; then for each
 * room, each excepted room and each attachment its length as a u32 and its bytes; then padding. All of it means what it
 * means in roomcast_target and roomcast_message.
 *
 * `done` may be NULL; it is set to the number of emits that were made, on failure too.
 *
 * Errors: ROOMCAST_ERROR_BAD_VALUE for a malformed record, those of roomcast_emit_to for one that cannot be emitted; it ends
 * there, and what came before has been emitted.
 * Ownership: everything is copied or encoded before it returns.
 * Threads: the broker's.
 */
roomcast_status roomcast_emit_packed(struct roomcast_broker *broker,
                                     const uint8_t *batch,
                                     size_t len,
                                     size_t *done);

/**
 * Carries out a whole batch of orders, in its order: for languages in which a call is dear.
 *
 * `batch` is `len` bytes of records. A record begins at a multiple of 8, counted from the batch's beginning, with its u32 size, the
 * padding behind it included, and the name of a call as a text. The call's arguments follow, in the order in which it has them
 * here, the broker left out; numbers are little-endian and nothing in a record is aligned. The calls are ack, accept, add_header,
 * allow, answer_node, ask_nodes, change_rooms, close_connection, count_nodes, disconnect, disconnect_sockets, drain, emit
 * (roomcast_emit_to), fetch_remote_sockets, guard_handshakes, join, leave, leave_all, refuse, refuse_with, reject, send, send_binary, send_message
 * (roomcast_send_text), server_emit, set_tag, sockets_join, sockets_leave and stop_draining.
 *
 * A handle, of a namespace too, a number, a status and a pace are a u64; a flag is a u32, 0 or 1. A text is its length as a u32 and its bytes; one that may be left
 * out has the length UINT32_MAX then. A list is the number of its elements as a u32, and these: texts, byte strings in the same
 * form, or sockets. A target is u64 ns, u32 flags (ROOMCAST_TARGET_ALL), then the lists of rooms, sockets, excepted rooms and excepted
 * sockets. A message is the texts of its name and its arguments, the list of attachments, u32 delivery class, u32 flags
 * (ROOMCAST_MESSAGE_), u64 key. All of it
 * means what it means in the call.
 *
 * `done` may be NULL; it is set to the number of orders that were carried out, on failure too. What an order answers is not told.
 *
 * Errors: ROOMCAST_ERROR_BAD_VALUE for a malformed record or a call that is not there, those of the call for one that fails; it ends
 * there, and what came before has been carried out.
 * Ownership: everything is copied or encoded before it returns.
 * Threads: the broker's.
 */
roomcast_status roomcast_orders_packed(struct roomcast_broker *broker,
                                       const uint8_t *batch,
                                       size_t len,
                                       size_t *done);

/**
 * Sends a text message over a connection as it is. For engine_only.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE
 * if the connection is, ROOMCAST_ERROR_WRONG_STATE if the broker speaks Socket.IO.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_send_text from others.
 */
roomcast_status roomcast_send_text(struct roomcast_broker *broker,
                                   roomcast_connection connection,
                                   const char *message,
                                   size_t message_len);

/**
 * Sends a binary message over a connection as it is. For engine_only.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL; otherwise as roomcast_send_text.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_send_binary from others.
 */
roomcast_status roomcast_send_binary(struct roomcast_broker *broker,
                                     roomcast_connection connection,
                                     const void *message,
                                     size_t message_len);

/*
 * ---- Everybody whom a target selects ----
 */

/**
 * Lends out everybody who would get what is emitted to `target`, in a stable order: Socket.IO's `fetchSockets`. Each one's rooms
 * and handshake are there for the asking.
 *
 * `sockets` is set to an array of `count` sockets.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
 * ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is.
 * Ownership: the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_fetch_sockets(struct roomcast_broker *broker,
                                       const struct roomcast_target *target,
                                       const roomcast_socket **sockets,
                                       size_t *count);

/**
 * Puts everybody whom `target` selects into these rooms: Socket.IO's `socketsJoin`. Those who wait for the host's decision are
 * selected as all others are.
 *
 * `selected` may be NULL; it is set to how many sockets that are, SIZE_MAX where that is not known yet (`loops`).
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
 * ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is, ROOMCAST_ERROR_BAD_ROOM,
 * ROOMCAST_ERROR_TOO_MANY if one of them would be in too many rooms; then nothing has changed (with loops of its own: on the loop
 * of that one).
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_sockets_join from others.
 */
roomcast_status roomcast_sockets_join(struct roomcast_broker *broker,
                                      const struct roomcast_target *target,
                                      const struct roomcast_slice *rooms,
                                      size_t room_count,
                                      size_t *selected);

/**
 * Takes everybody whom `target` selects out of these rooms: Socket.IO's `socketsLeave`.
 *
 * `selected` may be NULL; it is set to how many sockets that are, SIZE_MAX where that is not known yet (`loops`).
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
 * ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_sockets_leave from others.
 */
roomcast_status roomcast_sockets_leave(struct roomcast_broker *broker,
                                       const struct roomcast_target *target,
                                       const struct roomcast_slice *rooms,
                                       size_t room_count,
                                       size_t *selected);

/**
 * Disconnects everybody whom `target` selects, as roomcast_disconnect does: Socket.IO's `disconnectSockets`.
 *
 * `selected` may be NULL; it is set to how many sockets that are, SIZE_MAX where that is not known yet (`loops`). `close` is 1 or
 * 0.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
 * ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_disconnect_sockets from others.
 */
roomcast_status roomcast_disconnect_sockets(struct roomcast_broker *broker,
                                            const struct roomcast_target *target,
                                            uint32_t close,
                                            size_t *selected);

/*
 * ---- Other nodes of a cluster ----
 */

/**
 * On ROOMCAST_EVENT_ANSWERS_END: it is not known how many nodes there are, as Redis could not be asked.
 */
#define ROOMCAST_UNKNOWN_NODES UINT32_MAX

/**
 * Tells the hosts of the other nodes that have this namespace: they get a ROOMCAST_EVENT_SERVER_EVENT. Clients hear nothing of it.
 *
 * `args_json` is a JSON array; nothing at all means "[]".
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
 * ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_GONE if the namespace is, ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_ATTACHMENTS.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_server_emit from others.
 */
roomcast_status roomcast_server_emit(struct roomcast_broker *broker,
                                     roomcast_namespace ns,
                                     const char *name,
                                     size_t name_len,
                                     const char *args_json,
                                     size_t args_len,
                                     const struct roomcast_slice *attachments,
                                     size_t attachment_count);

/**
 * The same, and asks them for an answer, which come as ROOMCAST_EVENT_NODE_ANSWER, with a ROOMCAST_EVENT_ANSWERS_END behind them
 * that says how many nodes have not answered. Both carry `context`, any number of the host's own. `timeout` is in milliseconds; 0
 * is request_timeout.
 *
 * `args_json` is a JSON array; nothing at all means "[]".
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, Those of
 * roomcast_server_emit.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_ask_nodes from others.
 */
roomcast_status roomcast_ask_nodes(struct roomcast_broker *broker,
                                   roomcast_namespace ns,
                                   const char *name,
                                   size_t name_len,
                                   const char *args_json,
                                   size_t args_len,
                                   const struct roomcast_slice *attachments,
                                   size_t attachment_count,
                                   uint64_t timeout,
                                   uint64_t context);

/**
 * Answers a ROOMCAST_EVENT_SERVER_EVENT that came with a number: with one value, as JSON.
 *
 * Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_GONE if it has been answered, or
 * is forgotten: the last 4,096 are kept. ROOMCAST_ERROR_BAD_DATA if the value is no JSON.
 * Ownership: what it is given is copied.
 * Threads: the broker's; roomcast_remote_answer_node from others.
 */
roomcast_status roomcast_answer_node(struct roomcast_broker *broker,
                                     uint64_t answer,
                                     const char *value,
                                     size_t value_len,
                                     const struct roomcast_slice *attachments,
                                     size_t attachment_count);

/**
 * Asks the other nodes for those of their sockets that a target selects. Each comes as a ROOMCAST_EVENT_REMOTE_SOCKET, and behind
 * them a ROOMCAST_EVENT_ANSWERS_END; this node's own are those of roomcast_fetch_sockets. `timeout` and `context` are as with
 * roomcast_ask_nodes.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
 * ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_GONE if the namespace is.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_fetch_remote_sockets from others.
 */
roomcast_status roomcast_fetch_remote_sockets(struct roomcast_broker *broker,
                                              const struct roomcast_target *target,
                                              uint64_t timeout,
                                              uint64_t context);

/**
 * Asks how many nodes there are that have this namespace, this one among them: a ROOMCAST_EVENT_NODES says so, or a
 * ROOMCAST_EVENT_ANSWERS_END that it cannot be known now.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_GONE
 * if the namespace is.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_count_nodes from others.
 */
roomcast_status roomcast_count_nodes(struct roomcast_broker *broker,
                                     roomcast_namespace ns,
                                     uint64_t context);

/*
 * ---- Whose socket it is ----
 */

/**
 * Lends out a socket's id as its client knows it; also the name of its own room.
 *
 * `text` is set to it.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
 * Ownership: the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_socket_id(struct roomcast_broker *broker,
                                   roomcast_socket socket,
                                   struct roomcast_slice *text);

/**
 * Finds the connected socket with this id, in whichever namespace it is.
 *
 * `found` is set to it.
 *
 * Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NOT_FOUND.
 * Ownership: what it is given is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_find_socket(struct roomcast_broker *broker,
                                     const char *id,
                                     size_t id_len,
                                     roomcast_socket *found);

/**
 * Gives the namespace a socket is in.
 *
 * `ns` is set to it.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_namespace_of(struct roomcast_broker *broker,
                                      roomcast_socket socket,
                                      roomcast_namespace *ns);

/**
 * Gives the connection a socket lives on; a client has one socket on it for each namespace it joined.
 *
 * `connection` is set to it.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_connection_of(struct roomcast_broker *broker,
                                       roomcast_socket socket,
                                       roomcast_connection *connection);

/**
 * Puts a number of the host's own on a socket, for example its player's place in an array: each later event of that socket carries
 * it, its connect and its disconnect included. A socket that waits for the host's decision can have one already. It is 0 until
 * then, and in events that were waiting already.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
 * Ownership: nothing changes hands.
 * Threads: the broker's; roomcast_remote_set_tag from others.
 */
roomcast_status roomcast_set_tag(struct roomcast_broker *broker,
                                 roomcast_socket socket,
                                 uint64_t tag);

/**
 * Gives what roomcast_set_tag has put on a socket; 0 where nothing was.
 *
 * `tag` is set to it.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_get_tag(struct roomcast_broker *broker,
                                 roomcast_socket socket,
                                 uint64_t *tag);

/**
 * Tells whether a connection is carried by a WebSocket by now.
 *
 * `is_websocket` is set to 1 or 0.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the connection is.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_is_websocket(struct roomcast_broker *broker,
                                      roomcast_connection connection,
                                      uint32_t *is_websocket);

/**
 * Tells whether the client of a connection has the msgpack parser: known from when it asks for its first namespace. For msgpack.
 *
 * `is_msgpack` is set to 1 or 0.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the connection is.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_is_msgpack(struct roomcast_broker *broker,
                                    roomcast_connection connection,
                                    uint32_t *is_msgpack);

/**
 * Gives the bytes queued for a socket's connection that the kernel, or a poll, has not taken. What was emitted since the last
 * flush does not count. A message of class latest or drop-oldest counts for at least 32 bytes.
 *
 * `queued_bytes` is set to it.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
 * Ownership: nothing changes hands.
 * Threads: the broker's.
 */
roomcast_status roomcast_queued_bytes(struct roomcast_broker *broker,
                                      roomcast_socket socket,
                                      size_t *queued_bytes);

/**
 * What a client's first request said. Set `struct_size` to sizeof(roomcast_handshake) before the call. What the pointers
 * point to is lent until the next question that lends.
 */
typedef struct roomcast_handshake {
    /**
     * sizeof(roomcast_handshake), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 1 if the connection is carried by a WebSocket by now, 0 if by polling.
     */
    uint32_t websocket;
    /**
     * When the request came, in milliseconds since 1970.
     */
    uint64_t issued;
    /**
     * The connection.
     */
    roomcast_connection connection;
    /**
     * The client's address and port, for example "127.0.0.1:40332" or "[::1]:40332"; behind a proxy, the proxy's. Over a Unix
     * socket "unix:", with the path of the client's end behind it if that has one.
     */
    struct roomcast_slice address;
    /**
     * The request's target: path and query, as they came.
     */
    struct roomcast_slice url;
    /**
     * The query's parameters, decoded, in their order.
     */
    const struct roomcast_pair *query;
    /**
     * How many parameters.
     */
    size_t query_count;
    /**
     * The headers, in their order, one of each name. What came in several lines is joined by ", ", for Cookie by "; ", as
     * Node does it. Values are bytes, mostly ASCII.
     */
    const struct roomcast_pair *headers;
    /**
     * How many headers.
     */
    size_t header_count;
    /**
     * "TLSv1.2" or "TLSv1.3" if it came to roomcast_listen_tls; else empty.
     */
    struct roomcast_slice tls_version;
    /**
     * The client's own certificate over TLS, as DER, if it was asked for one and has shown that it is its own; else empty.
     */
    struct roomcast_slice certificate;
    /**
     * The version of Engine.IO that the client speaks: 4, or 3 if allow_eio3 lets it in.
     */
    uint32_t protocol;
    /**
     * 0.
     */
    uint32_t reserved;
} roomcast_handshake;

/**
 * Lends out what a client's first request said.
 *
 * `who` is a socket, or a connection.
 *
 * Errors: ROOMCAST_ERROR_GONE, ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_SIZE.
 * Ownership: `handshake` is the caller's; what it points to is the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_get_handshake(struct roomcast_broker *broker,
                                       uint64_t who,
                                       struct roomcast_handshake *handshake);

/*
 * ---- Over a restart ----
 */

/**
 * Lends out all that is kept for clients that may come back, as bytes for the process that comes after this one: the sessions of
 * who is away or connected in a namespace with recovery, and what was emitted there. The next broker takes them over with
 * roomcast_import_recovery, and clients find their sessions there.
 *
 * It belongs behind the end of all connections: what is emitted later is not in it, and clients that have heard that get new
 * sessions. Who is still connected is exported as if the connection ended now. Nothing changes here.
 *
 * With these bytes one can have the sessions, so nobody else may read the file that they are in. They are some 110 for each
 * session, 12 for each room it is in, and the logs.
 *
 * `bytes` is set to it.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_PANIC if a loop of the broker's own has ended in one.
 * Ownership: the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_export_recovery(struct roomcast_broker *broker,
                                         struct roomcast_slice *bytes);

/**
 * Takes over the sessions that another process has exported with roomcast_export_recovery, before anybody has connected.
 *
 * Their sockets are away here, with the ids, tags and rooms that they had, until their clients come back or recovery_window is up,
 * of which the time between both processes is a part, by the wall clock. No event tells of them; each has its
 * ROOMCAST_EVENT_CONNECT that is recovered, or its ROOMCAST_EVENT_SESSION_EXPIRED: also if its time was up before it came here, or
 * limits do not allow it here. Logs are held to recovery_log_bytes.
 *
 * Namespaces and patterns with recovery are added first. One export is for one broker: of two that have it, each would tell a
 * client what it has missed.
 *
 * `sessions` is set to how many are waited for.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_IMPORT, which says why, and ROOMCAST_ERROR_TOO_MANY past max_namespaces; then
 * nothing was taken over.
 * Ownership: what it is given is copied.
 * Threads: the broker's.
 */
roomcast_status roomcast_import_recovery(struct roomcast_broker *broker,
                                         const void *data,
                                         size_t data_len,
                                         size_t *sessions);

/*
 * ---- Figures ----
 */

/**
 * A number that the broker counts, by its name. It stands in arrays and never gains a field.
 */
typedef struct roomcast_stat {
    /**
     * Its name, terminated by a NUL; it lives as long as the library is loaded.
     */
    const char *name;
    /**
     * How many.
     */
    uint64_t value;
} roomcast_stat;

/**
 * Lends out what the broker counts: what there is now (links, connections, sockets, away, recovery_bytes, namespaces, rooms,
 * pending_acks, timers, queued_bytes, draining), then totals since it was made. What it costs does not depend on how much there is; with loops it
 * asks each of them.
 *
 * `stats` is set to an array of `count` numbers with their names. Later versions add some.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: the array is the broker's, until the next question that lends.
 * Threads: the broker's.
 */
roomcast_status roomcast_stats(struct roomcast_broker *broker,
                               const struct roomcast_stat **stats,
                               size_t *count);

/**
 * For roomcast_times: turns of the loop, their waits not counted.
 */
#define ROOMCAST_TIMES_STEPS 1

/**
 * For roomcast_times: flushes that had something to send.
 */
#define ROOMCAST_TIMES_FLUSHES 2

/**
 * Times, counted in buckets. Set `struct_size` to sizeof(roomcast_histogram) before the call.
 */
typedef struct roomcast_histogram {
    /**
     * sizeof(roomcast_histogram), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * How many times there are.
     */
    uint64_t count;
    /**
     * All of them together, in nanoseconds.
     */
    uint64_t sum;
    /**
     * How many fell into each bucket: bucket N reaches up to 2^N microseconds, and the last has no bound.
     */
    const uint64_t *buckets;
    /**
     * How many buckets there are.
     */
    size_t bucket_count;
} roomcast_histogram;

/**
 * Gives the times that something took since the broker was made.
 *
 * `what` is a ROOMCAST_TIMES_ number. `times` is filled in as far as its `struct_size` reaches.
 *
 * Errors: ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_NULL.
 * Ownership: the buckets are the broker's, until the next call of roomcast_times or roomcast_free.
 * Threads: the broker's.
 */
roomcast_status roomcast_times(struct roomcast_broker *broker,
                               uint32_t what,
                               struct roomcast_histogram *times);

/**
 * Lends out all figures in Prometheus' text format, version 0.0.4: those of roomcast_stats and both of roomcast_times.
 * Meant for a monitor that asks every few seconds; metrics_path serves the same.
 *
 * `metrics` is set to the text.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: the broker's, until the next call of roomcast_metrics or roomcast_free.
 * Threads: the broker's.
 */
roomcast_status roomcast_metrics(struct roomcast_broker *broker,
                                 struct roomcast_slice *metrics);

/*
 * ---- Other threads ----
 */

/**
 * What other threads hold to reach a broker. Any number of threads may use one remote at the same time. A call returns as
 * soon as it is queued; the broker carries it out in its next roomcast_poll, which it is woken for. The order of one caller
 * is kept.
 *
 * What is wrong with a call whatever the state of the broker is its error. What shows only when it is carried out (the socket
 * or the namespace is gone, a limit was reached) cannot be returned any more: it is counted in remote_failures, and a warning
 * in the log. An emit to rooms in which nobody is, or to sockets that are gone, is no failure.
 */
typedef struct roomcast_remote roomcast_remote;

/**
 * As roomcast_adopt, from any thread. What shows only when the connection is taken in (there are `max_links`, the broker is closed)
 * closes it, and is counted in remote_failures.
 *
 * Errors: as those of roomcast_adopt; ROOMCAST_ERROR_FULL if the broker was not polled for a while, ROOMCAST_ERROR_CLOSED if it is gone.
 * Ownership: as roomcast_adopt.
 * Threads: any.
 */
roomcast_status roomcast_remote_adopt(const struct roomcast_remote *remote,
                                      int32_t fd,
                                      const void *prefix,
                                      size_t prefix_len,
                                      const char *peer,
                                      size_t peer_len);

/**
 * As roomcast_adopt_request, from any thread.
 *
 * Errors: as those of roomcast_adopt_request and roomcast_remote_adopt.
 * Ownership: as roomcast_adopt.
 * Threads: any.
 */
roomcast_status roomcast_remote_adopt_request(const struct roomcast_remote *remote,
                                              int32_t fd,
                                              const struct roomcast_request *request);

/**
 * As roomcast_ack, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
 * ROOMCAST_ERROR_BAD_VALUE if `ack` is 0, ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_TOO_LARGE,
 * ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later,
 * in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_ack(const struct roomcast_remote *remote,
                                    roomcast_socket socket,
                                    uint64_t ack,
                                    const char *args_json,
                                    size_t args_len,
                                    const struct roomcast_slice *attachments,
                                    size_t attachment_count);

/**
 * As roomcast_send_text, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
 * ROOMCAST_ERROR_WRONG_STATE, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else
 * may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_send_text(const struct roomcast_remote *remote,
                                          roomcast_connection connection,
                                          const char *message,
                                          size_t message_len);

/**
 * As roomcast_send_binary, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_WRONG_STATE,
 * ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later,
 * in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_send_binary(const struct roomcast_remote *remote,
                                            roomcast_connection connection,
                                            const void *message,
                                            size_t message_len);

/**
 * As roomcast_join, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
 * ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else
 * may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_join(const struct roomcast_remote *remote,
                                     roomcast_socket socket,
                                     const char *room,
                                     size_t room_len);

/**
 * As roomcast_leave, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL,
 * ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and
 * the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_leave(const struct roomcast_remote *remote,
                                      roomcast_socket socket,
                                      const char *room,
                                      size_t room_len);

/**
 * As roomcast_leave_all, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED,
 * ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_leave_all(const struct roomcast_remote *remote,
                                          roomcast_socket socket);

/**
 * As roomcast_change_rooms, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
 * ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else
 * may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_change_rooms(const struct roomcast_remote *remote,
                                             roomcast_socket socket,
                                             const struct roomcast_slice *leave,
                                             size_t leave_count,
                                             const struct roomcast_slice *join,
                                             size_t join_count);

/**
 * As roomcast_accept, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED,
 * ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_accept(const struct roomcast_remote *remote,
                                       roomcast_socket socket);

/**
 * As roomcast_reject, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
 * ROOMCAST_ERROR_BAD_DATA, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else
 * may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_reject(const struct roomcast_remote *remote,
                                       roomcast_socket socket,
                                       const char *message,
                                       size_t message_len,
                                       const char *data_json,
                                       size_t data_len);

/**
 * As roomcast_disconnect, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL,
 * ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and
 * the log.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_disconnect(const struct roomcast_remote *remote,
                                           roomcast_socket socket,
                                           uint32_t close);

/**
 * As roomcast_allow, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED,
 * ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_allow(const struct roomcast_remote *remote,
                                      roomcast_connection connection);

/**
 * As roomcast_add_header, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
 * ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_TOO_LARGE, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the
 * handle was made up. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_add_header(const struct roomcast_remote *remote,
                                           roomcast_connection connection,
                                           const char *name,
                                           size_t name_len,
                                           const char *value,
                                           size_t value_len);

/**
 * As roomcast_refuse, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL,
 * ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and
 * the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_refuse(const struct roomcast_remote *remote,
                                       roomcast_connection connection,
                                       const char *message,
                                       size_t message_len);

/**
 * As roomcast_refuse_with, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_VALUE,
 * ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was
 * made up. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_refuse_with(const struct roomcast_remote *remote,
                                            roomcast_connection connection,
                                            uint32_t http_status,
                                            const char *content_type,
                                            size_t content_type_len,
                                            const void *body,
                                            size_t body_len);

/**
 * As roomcast_guard_handshakes, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_guard_handshakes(const struct roomcast_remote *remote,
                                                 uint32_t on);

/**
 * As roomcast_close_connection, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED,
 * ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_close_connection(const struct roomcast_remote *remote,
                                                 roomcast_connection connection);

/**
 * As roomcast_sockets_join, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
 * ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else
 * may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_sockets_join(const struct roomcast_remote *remote,
                                             const struct roomcast_target *target,
                                             const struct roomcast_slice *rooms,
                                             size_t room_count);

/**
 * As roomcast_sockets_leave, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
 * ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else may be wrong shows later,
 * in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_sockets_leave(const struct roomcast_remote *remote,
                                              const struct roomcast_target *target,
                                              const struct roomcast_slice *rooms,
                                              size_t room_count);

/**
 * As roomcast_disconnect_sockets, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
 * ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else may be wrong shows later,
 * in remote_failures and the log.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_disconnect_sockets(const struct roomcast_remote *remote,
                                                   const struct roomcast_target *target,
                                                   uint32_t close);

/**
 * As roomcast_set_tag, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED,
 * ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_set_tag(const struct roomcast_remote *remote,
                                        roomcast_socket socket,
                                        uint64_t tag);

/**
 * As roomcast_server_emit, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
 * ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_TOO_LARGE,
 * ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_server_emit(const struct roomcast_remote *remote,
                                            roomcast_namespace ns,
                                            const char *name,
                                            size_t name_len,
                                            const char *args_json,
                                            size_t args_len,
                                            const struct roomcast_slice *attachments,
                                            size_t attachment_count);

/**
 * As roomcast_ask_nodes, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
 * ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_TOO_LARGE,
 * ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_ask_nodes(const struct roomcast_remote *remote,
                                          roomcast_namespace ns,
                                          const char *name,
                                          size_t name_len,
                                          const char *args_json,
                                          size_t args_len,
                                          const struct roomcast_slice *attachments,
                                          size_t attachment_count,
                                          uint64_t timeout,
                                          uint64_t context);

/**
 * As roomcast_answer_node, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_BAD_DATA, ROOMCAST_ERROR_FULL,
 * ROOMCAST_ERROR_CLOSED. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_answer_node(const struct roomcast_remote *remote,
                                            uint64_t answer,
                                            const char *value,
                                            size_t value_len,
                                            const struct roomcast_slice *attachments,
                                            size_t attachment_count);

/**
 * As roomcast_fetch_remote_sockets, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
 * ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else
 * may be wrong shows later, in remote_failures and the log.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_fetch_remote_sockets(const struct roomcast_remote *remote,
                                                     const struct roomcast_target *target,
                                                     uint64_t timeout,
                                                     uint64_t context);

/**
 * As roomcast_count_nodes, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER,
 * ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_count_nodes(const struct roomcast_remote *remote,
                                            roomcast_namespace ns,
                                            uint64_t context);

/**
 * As roomcast_drain, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_TOO_LARGE, ROOMCAST_ERROR_FULL,
 * ROOMCAST_ERROR_CLOSED. What else may be wrong shows later, in remote_failures and the log.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_drain(const struct roomcast_remote *remote,
                                      uint32_t per_second,
                                      const char *reason,
                                      size_t reason_len);

/**
 * As roomcast_stop_draining, from any thread: the broker carries it out in its next poll, in the order of the calls.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_stop_draining(const struct roomcast_remote *remote);

/**
 * Makes a remote for a broker.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: the caller frees it by roomcast_remote_free, before the broker or after it.
 * Threads: the broker's; the remote it makes is for any.
 */
roomcast_status roomcast_remote_new(struct roomcast_broker *broker, struct roomcast_remote **remote);

/**
 * Makes another remote for the same broker, for an owner with a life of its own.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: the caller frees it by roomcast_remote_free.
 * Threads: any.
 */
roomcast_status roomcast_remote_clone(const struct roomcast_remote *remote, struct roomcast_remote **clone);

/**
 * Frees a remote. NULL is allowed. What it has queued is still carried out.
 *
 * Ownership: the remote is gone; no thread may use it any more.
 * Threads: any, but not while another one uses it.
 */
void roomcast_remote_free(struct roomcast_remote *remote);

/**
 * As roomcast_emit, from any thread.
 *
 * Errors: ROOMCAST_ERROR_RESERVED_EVENT, ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NO_HANDLE,
 * ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL; ROOMCAST_ERROR_FULL if the broker was not polled for a while, ROOMCAST_ERROR_CLOSED if
 * it is gone. Too large a message, and a namespace that is gone, show later.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_emit(const struct roomcast_remote *remote,
                                     roomcast_namespace ns,
                                     const char *room,
                                     size_t room_len,
                                     roomcast_socket except,
                                     const char *name,
                                     size_t name_len,
                                     const char *args_json,
                                     size_t args_len);

/**
 * As roomcast_emit_all, from any thread.
 *
 * Errors: as roomcast_remote_emit.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_emit_all(const struct roomcast_remote *remote,
                                         roomcast_namespace ns,
                                         roomcast_socket except,
                                         const char *name,
                                         size_t name_len,
                                         const char *args_json,
                                         size_t args_len);

/**
 * As roomcast_send, from any thread.
 *
 * `ns` is the socket's namespace.
 *
 * Errors: as roomcast_remote_emit.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_send(const struct roomcast_remote *remote,
                                     roomcast_namespace ns,
                                     roomcast_socket to,
                                     const char *name,
                                     size_t name_len,
                                     const char *args_json,
                                     size_t args_len);

/**
 * As roomcast_emit_to, from any thread, without a receipt.
 *
 * Errors: as roomcast_remote_emit, and ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE.
 * Ownership: everything is copied before it returns.
 * Threads: any.
 */
roomcast_status roomcast_remote_emit_to(const struct roomcast_remote *remote,
                                        const struct roomcast_target *target,
                                        const struct roomcast_message *message);

/**
 * Ends the broker's wait in roomcast_poll, or makes its descriptor readable: a host's own signal to itself. Any number of
 * calls before the next poll are one.
 *
 * Safe in signal handlers: it takes no lock, allocates nothing and makes one system call at most, so a handler that sets a
 * flag and calls it ends a roomcast_poll that has not begun to wait yet, too. (Where the system has neither epoll nor kqueue,
 * it is not.) It leaves roomcast_last_error as it was.
 *
 * Errors: ROOMCAST_ERROR_CLOSED if the broker is gone, ROOMCAST_ERROR_NULL.
 * Ownership: nothing changes hands.
 * Threads: any.
 */
roomcast_status roomcast_remote_wake(const struct roomcast_remote *remote);

/*
 * ---- JSON strings ----
 */

/**
 * Writes a text as a JSON string, with its quotes, to `out`: what a client gets of it is the text again, whatever is in it.
 *
 * `written` is set to the bytes written, at most 6 * text_len + 2; no NUL is among them. Nothing is written on failure.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_TOO_LARGE, ROOMCAST_ERROR_TOO_SMALL if it needs more
 * than `cap` bytes.
 * Ownership: nothing is kept. `out` must not overlap `text`.
 * Threads: any.
 */
roomcast_status roomcast_json_escape(const char *text,
                                     size_t text_len,
                                     char *out,
                                     size_t cap,
                                     size_t *written);

/**
 * Writes the text that a JSON string, with its quotes, stands for to `out`, for example an argument of an event. Half of a
 * surrogate pair becomes U+FFFD.
 *
 * `written` is set to the bytes written, at most string_len - 2; no NUL ends them, and one may be among them. Nothing is
 * written on failure.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_TOO_LARGE, ROOMCAST_ERROR_BAD_DATA if it is no JSON
 * string, ROOMCAST_ERROR_TOO_SMALL if it needs more than `cap` bytes.
 * Ownership: nothing is kept. `out` must not overlap `string`.
 * Threads: any.
 */
roomcast_status roomcast_json_unescape(const char *string,
                                       size_t string_len,
                                       char *out,
                                       size_t cap,
                                       size_t *written);

/*
 * ---- The router alone ----
 */

/**
 * Namespaces, rooms and members without a network: it says which bytes each connection is owed. Members, connections and
 * namespaces are small numbers from 0, given out densely by the host: tables grow to the largest one in use. It belongs to
 * one thread at a time, as a broker does.
 */
typedef struct roomcast_router roomcast_router;

/**
 * Whom a roomcast_router_emit reaches: the union of some rooms and members, which is nobody if neither are named, or with
 * ROOMCAST_TARGET_ALL the whole namespace; minus some rooms and members. Set `struct_size` to sizeof(roomcast_selection) and
 * what is not needed to 0.
 */
typedef struct roomcast_selection {
    /**
     * sizeof(roomcast_selection).
     */
    uint32_t struct_size;
    /**
     * The namespace.
     */
    uint32_t ns;
    /**
     * The members of these rooms.
     */
    const struct roomcast_slice *rooms;
    /**
     * How many rooms.
     */
    size_t room_count;
    /**
     * These members as well.
     */
    const uint32_t *members;
    /**
     * How many members.
     */
    size_t member_count;
    /**
     * But no member of these rooms.
     */
    const struct roomcast_slice *except_rooms;
    /**
     * How many rooms are excepted.
     */
    size_t except_room_count;
    /**
     * And none of these members.
     */
    const uint32_t *except_members;
    /**
     * How many members are excepted.
     */
    size_t except_member_count;
    /**
     * ROOMCAST_TARGET_ALL or 0.
     */
    uint32_t flags;
    /**
     * 0.
     */
    uint32_t reserved;
} roomcast_selection;

/**
 * Makes a router without namespaces.
 *
 * `abi_version` is ROOMCAST_ABI_VERSION.
 *
 * Errors: ROOMCAST_ERROR_ABI_VERSION, ROOMCAST_ERROR_NULL.
 * Ownership: the caller frees it by roomcast_router_free.
 * Threads: any.
 */
roomcast_status roomcast_router_new(uint32_t abi_version, struct roomcast_router **router);

/**
 * Frees a router. NULL is allowed.
 *
 * Ownership: the router, and everything it has lent, is gone.
 * Threads: the router's.
 */
void roomcast_router_free(struct roomcast_router *router);

/**
 * Makes a namespace. Numbers of removed ones are given out again.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: nothing changes hands.
 * Threads: the router's.
 */
roomcast_status roomcast_router_add_namespace(struct roomcast_router *router, uint32_t *ns);

/**
 * Removes a namespace that has no members.
 *
 * Errors: ROOMCAST_ERROR_GONE if there is none, or it has members.
 * Ownership: nothing changes hands.
 * Threads: the router's.
 */
roomcast_status roomcast_router_remove_namespace(struct roomcast_router *router, uint32_t ns);

/**
 * Makes a member of a namespace, in no room.
 *
 * `member` is its number, `connection` that of the connection it is on, which several members may share. Both are below
 * 67,108,864.
 *
 * Errors: ROOMCAST_ERROR_GONE if there is no such namespace, ROOMCAST_ERROR_EXISTS if the number is taken,
 * ROOMCAST_ERROR_BAD_VALUE.
 * Ownership: nothing changes hands.
 * Threads: the router's.
 */
roomcast_status roomcast_router_add(struct roomcast_router *router,
                                    uint32_t member,
                                    uint32_t ns,
                                    uint32_t connection);

/**
 * Takes a member out of its rooms and its namespace; the number may be used again. What it was owed it is still owed.
 *
 * Errors: ROOMCAST_ERROR_GONE if there is none.
 * Ownership: nothing changes hands.
 * Threads: the router's.
 */
roomcast_status roomcast_router_remove(struct roomcast_router *router,
                                       uint32_t member);

/**
 * Puts a member into a room. Joining twice is no error.
 *
 * Errors: ROOMCAST_ERROR_GONE if there is no such member, ROOMCAST_ERROR_BAD_ROOM if the name is empty,
 * ROOMCAST_ERROR_BAD_UTF8.
 * Ownership: the name is copied.
 * Threads: the router's.
 */
roomcast_status roomcast_router_join(struct roomcast_router *router,
                                     uint32_t member,
                                     const char *room,
                                     size_t room_len);

/**
 * Takes a member out of a room. Leaving a room that it is not in is no error.
 *
 * Errors: ROOMCAST_ERROR_GONE if there is no such member, ROOMCAST_ERROR_BAD_UTF8.
 * Ownership: the name is copied.
 * Threads: the router's.
 */
roomcast_status roomcast_router_leave(struct roomcast_router *router,
                                      uint32_t member,
                                      const char *room,
                                      size_t room_len);

/**
 * Takes a member out of all its rooms; it stays in its namespace.
 *
 * Errors: ROOMCAST_ERROR_GONE if there is no such member.
 * Ownership: nothing changes hands.
 * Threads: the router's.
 */
roomcast_status roomcast_router_leave_all(struct roomcast_router *router, uint32_t member);

/**
 * Leaves and joins many rooms at once. A room in both lists is kept.
 *
 * Errors: those of roomcast_router_join; then nothing has changed.
 * Ownership: the names are copied.
 * Threads: the router's.
 */
roomcast_status roomcast_router_change_rooms(struct roomcast_router *router,
                                             uint32_t member,
                                             const struct roomcast_slice *leave,
                                             size_t leave_count,
                                             const struct roomcast_slice *join,
                                             size_t join_count);

/**
 * Appends a message to the log of this tick, once, and owes it to everybody who is selected, each once.
 *
 * `recipients` may be NULL; it is set to how many there are.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_TOO_LARGE if the log would
 * pass 2 GiB.
 * Ownership: the bytes are copied.
 * Threads: the router's.
 */
roomcast_status roomcast_router_emit(struct roomcast_router *router,
                                     const struct roomcast_selection *selection,
                                     const void *message,
                                     size_t message_len,
                                     size_t *recipients);

/**
 * Takes the next connection that is owed something, in the order of the first message to each, and lends out what: send its
 * `range_count` ranges in their order. Emits that follow on one another are one range.
 *
 * `connection` is set to its number; with `range_count` 0 there is no connection left.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: the ranges are the router's, until the next call on it.
 * Threads: the router's.
 */
roomcast_status roomcast_router_next(struct roomcast_router *router,
                                     uint32_t *connection,
                                     const struct roomcast_slice **ranges,
                                     size_t *range_count);

/**
 * Takes what one connection is owed, out of turn, as roomcast_router_next would: for a host that serves a connection when
 * its transport is ready for it.
 *
 * `range_count` is set to 0 if it is owed nothing.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: the ranges are the router's, until the next call on it.
 * Threads: the router's.
 */
roomcast_status roomcast_router_take(struct roomcast_router *router,
                                     uint32_t connection,
                                     const struct roomcast_slice **ranges,
                                     size_t *range_count);

/**
 * Ends the tick: what was not taken by roomcast_router_next is dropped, and the log begins anew.
 *
 * Errors: none of its own.
 * Ownership: what was lent is gone.
 * Threads: the router's.
 */
roomcast_status roomcast_router_end_tick(struct roomcast_router *router);

/**
 * Drops what a connection is owed: it is gone, and its number may be used again.
 *
 * Errors: none of its own.
 * Ownership: nothing changes hands.
 * Threads: the router's.
 */
roomcast_status roomcast_router_forget(struct roomcast_router *router, uint32_t connection);

/**
 * Lends out the members of a room. roomcast_router_everyone is for those of a namespace.
 *
 * `members` is set to an array of `count` members; there are none in a room that does not exist.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8.
 * Ownership: the router's, until the next call on it.
 * Threads: the router's.
 */
roomcast_status roomcast_router_members(struct roomcast_router *router,
                                        uint32_t ns,
                                        const char *room,
                                        size_t room_len,
                                        const uint32_t **members,
                                        size_t *count);

/**
 * Lends out the members of a namespace.
 *
 * `members` is set to an array of `count` members; there are none in a namespace that does not exist.
 *
 * Errors: ROOMCAST_ERROR_NULL.
 * Ownership: the router's, until the next call on it.
 * Threads: the router's.
 */
roomcast_status roomcast_router_everyone(struct roomcast_router *router,
                                         uint32_t ns,
                                         const uint32_t **members,
                                         size_t *count);

/**
 * Lends out the rooms a member is in.
 *
 * `rooms` is set to an array of `count` names.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if there is no such member.
 * Ownership: the router's, until the next call on it.
 * Threads: the router's.
 */
roomcast_status roomcast_router_rooms_of(struct roomcast_router *router,
                                         uint32_t member,
                                         const struct roomcast_slice **rooms,
                                         size_t *count);

/**
 * Lends out the rooms of a namespace.
 *
 * `rooms` is set to an array of `count` names.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if there is no such namespace.
 * Ownership: the router's, until the next call on it.
 * Threads: the router's.
 */
roomcast_status roomcast_router_rooms_in(struct roomcast_router *router,
                                         uint32_t ns,
                                         const struct roomcast_slice **rooms,
                                         size_t *count);

/**
 * Tells whether a member is in a room.
 *
 * `is_member` is set to 1 or 0.
 *
 * Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if there is no such member, ROOMCAST_ERROR_BAD_UTF8.
 * Ownership: nothing changes hands.
 * Threads: the router's.
 */
roomcast_status roomcast_router_is_member(struct roomcast_router *router,
                                          uint32_t member,
                                          const char *room,
                                          size_t room_len,
                                          uint32_t *is_member);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/*
 * ---- Helpers ----
 *
 * They are compiled into your program and are no part of what the library exports. A generator that reads this header
 * for another language may define ROOMCAST_NO_HELPERS.
 */
#ifndef ROOMCAST_NO_HELPERS

#include <string.h>

/* A literal as the two arguments, pointer and length, that texts are passed as: roomcast_join(broker, socket,
 * ROOMCAST_TEXT("lobby")). */
#define ROOMCAST_TEXT(literal) (literal), (sizeof(literal) - 1)

/* A literal as a roomcast_slice: config.health_path = ROOMCAST_SLICE("/health"). */
#ifdef __cplusplus
#define ROOMCAST_SLICE(literal) (roomcast_slice{(literal), sizeof(literal) - 1})
#else
#define ROOMCAST_SLICE(literal) ((roomcast_slice){(literal), sizeof(literal) - 1})
#endif

/* The same as an initialiser, for what is static too: static const roomcast_slice room = ROOMCAST_SLICE_INIT("lobby"). */
#define ROOMCAST_SLICE_INIT(literal) {(literal), sizeof(literal) - 1}

/* A text that ends in a NUL as a roomcast_slice, which borrows it. */
static inline roomcast_slice roomcast_slice_of(const char *text)
{
    roomcast_slice slice;
    slice.ptr = text;
    slice.len = strlen(text);
    return slice;
}

/* The defaults, for a variable of a function: roomcast_config config = ROOMCAST_CONFIG_INIT. */
#define ROOMCAST_CONFIG_INIT roomcast_config_default()

static inline roomcast_config roomcast_config_default(void)
{
    roomcast_config config;
    memset(&config, 0, sizeof config);
    roomcast_config_init(&config, sizeof config);
    return config;
}

/* Structs with their size set and all else 0: roomcast_target target = ROOMCAST_TARGET_INIT. */
#define ROOMCAST_ADMIN_OPTIONS_INIT {sizeof(roomcast_admin_options), 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}}
#define ROOMCAST_HANDSHAKE_INIT {sizeof(roomcast_handshake), 0, 0, 0, {NULL, 0}, {NULL, 0}, NULL, 0, NULL, 0, {NULL, 0}, {NULL, 0}, 0, 0}
#define ROOMCAST_HISTOGRAM_INIT {sizeof(roomcast_histogram), 0, 0, 0, NULL, 0}
#define ROOMCAST_LISTEN_OPTIONS_INIT {sizeof(roomcast_listen_options), 0, 0, 0}
#define ROOMCAST_MESSAGE_INIT {sizeof(roomcast_message), 0, 0, NULL, 0, NULL, 0, NULL, 0, 0}
#define ROOMCAST_REQUEST_INIT {sizeof(roomcast_request), 0, {NULL, 0}, {NULL, 0}, NULL, 0, {NULL, 0}, {NULL, 0}}
#define ROOMCAST_SELECTION_INIT {sizeof(roomcast_selection), 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, 0, 0}
#define ROOMCAST_TARGET_INIT {sizeof(roomcast_target), 0, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0}
#define ROOMCAST_TLS_INIT {sizeof(roomcast_tls), 0, NULL, 0, {NULL, 0}}

/* Whether it is a message of this name, which ends in a NUL. */
static inline int roomcast_event_is(const roomcast_event *event, const char *name)
{
    size_t len = strlen(name);
    return event->kind == ROOMCAST_EVENT_MESSAGE && event->name_len == len
           && (len == 0 || memcmp(event->name, name, len) == 0);
}

#endif  /* ROOMCAST_NO_HELPERS */

#endif  /* ROOMCAST_H */
