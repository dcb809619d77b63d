"""The numbers of roomcast.h that an event has, and the flags of an emit. Made by `make header`: do not edit."""

from typing import Final

from .._native import lib

__all__ = ["CONNECT", "MESSAGE", "DISCONNECT", "CONNECT_REQUEST", "ACK", "ACK_END", "PROTOCOL_ERROR", "NAMESPACE_CREATED",
           "NAMESPACE_REMOVED", "ROOM_CREATED", "ROOM_JOINED", "ROOM_LEFT", "ROOM_DELETED", "HANDSHAKE", "REFUSED", "OPEN",
           "TEXT", "BINARY", "CLOSE", "DRAINED", "SESSION_EXPIRED", "CLUSTER_UP", "CLUSTER_DOWN", "SERVER_EVENT", "NODE_ANSWER",
           "REMOTE_SOCKET", "ANSWERS_END", "REMOTE_ACK", "CLUSTER_REFUSED", "NODES", "FOREIGN", "TIMED_OUT", "RECOVERED",
           "RECOVERABLE", "LOCAL", "UNCOMPRESSED", "TIMES_STEPS", "TIMES_FLUSHES"]

#: A socket has joined its namespace. Sets ``socket``, ``ns``, ``name`` to its id as the client knows it, and ``data`` to the
#: client's auth object as JSON ("{}" when it sent none). With the flag ROOMCAST_FLAG_RECOVERED it was away and is back.
CONNECT: Final[int] = lib.ROOMCAST_EVENT_CONNECT
#: A client emitted an event. Sets ``socket``, ``ns``, ``name``, ``data`` to its arguments (a JSON array, as the client sent it),
#: ``parts`` to the attachments that the placeholders in it stand for, and ``ack``.
MESSAGE: Final[int] = lib.ROOMCAST_EVENT_MESSAGE
#: A socket is gone; its handle is dead already, unless the flag ROOMCAST_FLAG_RECOVERABLE is set. Sets ``socket``, ``ns``, ``code``
#: to a ROOMCAST_REASON_ number, and ``parts`` to the rooms it was in until now, its own not among them.
DISCONNECT: Final[int] = lib.ROOMCAST_EVENT_DISCONNECT
#: A client asks to join a guarded namespace: answer with roomcast_accept or roomcast_reject. Sets ``socket``, ``ns``, ``name`` to
#: its id to be, and ``data`` to the auth object as JSON. If it leaves before you answer, ROOMCAST_EVENT_DISCONNECT says so, and the
#: answer is ROOMCAST_ERROR_GONE. With the flag ROOMCAST_FLAG_RECOVERED (ROOMCAST_NAMESPACE_ASK_AGAIN) it asks for the session whose
#: id and tag these are.
CONNECT_REQUEST: Final[int] = lib.ROOMCAST_EVENT_CONNECT_REQUEST
#: A client acknowledged an emit. Sets ``ack`` to what roomcast_emit_with_ack gave and ``context`` to what it was given, ``socket``,
#: ``data`` to the arguments (a JSON array), ``parts`` to the attachments, ``code`` to how many have still to answer: 0 ends this
#: acknowledgement.
ACK: Final[int] = lib.ROOMCAST_EVENT_ACK
#: An acknowledgement ended with answers missing. Sets ``ack``, ``context``, ``code`` to how many never answered, and the flag
#: ROOMCAST_FLAG_TIMED_OUT if the time was up; without it, those that were missing disconnected.
ACK_END: Final[int] = lib.ROOMCAST_EVENT_ACK_END
#: A packet of this socket's client could not be parsed; its disconnect follows. Sets ``socket``, ``ns``.
PROTOCOL_ERROR: Final[int] = lib.ROOMCAST_EVENT_PROTOCOL_ERROR
#: A namespace was made, by the host or from a pattern. Sets ``ns``, ``name``.
NAMESPACE_CREATED: Final[int] = lib.ROOMCAST_EVENT_NAMESPACE_CREATED
#: A namespace made from a pattern is gone with its last socket; its handle is dead already. Sets ``ns``, ``name``.
NAMESPACE_REMOVED: Final[int] = lib.ROOMCAST_EVENT_NAMESPACE_REMOVED
#: Only with room_events: a room has its first member. Sets ``ns``, ``name``.
ROOM_CREATED: Final[int] = lib.ROOMCAST_EVENT_ROOM_CREATED
#: Only with room_events: a socket joined a room. Sets ``socket``, ``ns``, ``name``.
ROOM_JOINED: Final[int] = lib.ROOMCAST_EVENT_ROOM_JOINED
#: Only with room_events: a socket left a room. Sets ``socket``, ``ns``, ``name``.
ROOM_LEFT: Final[int] = lib.ROOMCAST_EVENT_ROOM_LEFT
#: Only with room_events: a room's last member left. Sets ``ns``, ``name``.
ROOM_DELETED: Final[int] = lib.ROOMCAST_EVENT_ROOM_DELETED
#: Only with guard_handshakes: a client opens a connection: answer with roomcast_allow, roomcast_refuse or roomcast_refuse_with.
#: Sets ``connection``.
HANDSHAKE: Final[int] = lib.ROOMCAST_EVENT_HANDSHAKE
#: Only with refusal_events: a request was refused. Sets ``code`` to Engine.IO's error code (0 to 5; 6 for a handshake that was
#: answered with 503), ``name`` to its text, ``data`` to what was wrong: the transport, the sid, the method, or a name such as
#: INVALID_ORIGIN; for a WebSocket's handshake that is none the text of its answer, with code 3; with code 6 RATE, CONNECTIONS,
#: DRAINING or UNDECIDED; with code 7 ADDRESS_CONNECTIONS or ADDRESS_RATE.
REFUSED: Final[int] = lib.ROOMCAST_EVENT_REFUSED
#: Only with engine_only: a connection opened. Sets ``connection``.
OPEN: Final[int] = lib.ROOMCAST_EVENT_OPEN
#: Only with engine_only: a text message. Sets ``connection``, ``data``.
TEXT: Final[int] = lib.ROOMCAST_EVENT_TEXT
#: Only with engine_only: a binary message. Sets ``connection``, ``data``.
BINARY: Final[int] = lib.ROOMCAST_EVENT_BINARY
#: Only with engine_only: a connection closed; its handle is dead already. Sets ``connection``, ``code`` to a ROOMCAST_REASON_
#: number.
CLOSE: Final[int] = lib.ROOMCAST_EVENT_CLOSE
#: After roomcast_drain: no connection is left.
DRAINED: Final[int] = lib.ROOMCAST_EVENT_DRAINED
#: A socket that was away did not come back in time, or could not be told all that it had missed, or was disconnected by the host.
#: Its handle is dead already. Sets ``socket``, ``ns``, and ``name`` to its id.
SESSION_EXPIRED: Final[int] = lib.ROOMCAST_EVENT_SESSION_EXPIRED
#: Only with cluster_url: the other nodes hear this one, and it hears them. Sets ``context`` to the milliseconds for which they
#: could not, if they could before: what they said meanwhile is lost here. 0 the first time.
CLUSTER_UP: Final[int] = lib.ROOMCAST_EVENT_CLUSTER_UP
#: Only with cluster_url: this node is on its own until ROOMCAST_EVENT_CLUSTER_UP; what concerns its own sockets goes on as ever.
#: Sets ``name`` to the reason.
CLUSTER_DOWN: Final[int] = lib.ROOMCAST_EVENT_CLUSTER_DOWN
#: Only with cluster_url: the host of another node says this, by roomcast_server_emit or roomcast_ask_nodes. Sets ``ns``, ``name``,
#: ``data`` to the arguments (a JSON array), ``parts`` to the attachments, and ``ack`` if it waits for an answer: pass it to
#: roomcast_answer_node.
SERVER_EVENT: Final[int] = lib.ROOMCAST_EVENT_SERVER_EVENT
#: Only with cluster_url: the host of another node has answered roomcast_ask_nodes. Sets ``data`` to its answer, one JSON value, or
#: to nothing, ``parts`` to the attachments, ``context`` to what it was given.
NODE_ANSWER: Final[int] = lib.ROOMCAST_EVENT_NODE_ANSWER
#: Only with cluster_url: a socket of another node, as roomcast_fetch_remote_sockets has asked for. Sets ``name`` to its id,
#: ``data`` to a JSON object with what its client's first request said (headers, time, address, xdomain, secure, issued, url, query,
#: auth), ``parts`` to the rooms it is in, its own among them, and behind them what the host of its node keeps with it, as JSON;
#: ``context`` to what it was given.
REMOTE_SOCKET: Final[int] = lib.ROOMCAST_EVENT_REMOTE_SOCKET
#: Only with cluster_url: no other answer comes to roomcast_ask_nodes, roomcast_fetch_remote_sockets or roomcast_count_nodes. Sets
#: ``context``, and ``code`` to how many nodes have not answered; ROOMCAST_UNKNOWN_NODES if it is not known how many there are.
ANSWERS_END: Final[int] = lib.ROOMCAST_EVENT_ANSWERS_END
#: Only with cluster_url: a client of another node acknowledged an emit. As ROOMCAST_EVENT_ACK, but that ``socket`` is 0, and that
#: ``data`` has the first argument alone, which is all that nodes tell each other. For ``code``, other nodes count for one while
#: they have yet to say whom they have asked.
REMOTE_ACK: Final[int] = lib.ROOMCAST_EVENT_REMOTE_ACK
#: Only with cluster_url: Redis does not allow this node something it needs, and the other nodes hear or are heard in part only. It
#: is asked again every ten seconds. Sets ``name`` to what it is, and the rule that is missing.
CLUSTER_REFUSED: Final[int] = lib.ROOMCAST_EVENT_CLUSTER_REFUSED
#: Only with cluster_url: the answer to roomcast_count_nodes. Sets ``code`` to how many nodes have the namespace, this one among
#: them, and ``context``.
NODES: Final[int] = lib.ROOMCAST_EVENT_NODES
#: Only with hand_back: a client asks for a path that is not the broker's, and its connection is for you to go on with. No answer is
#: owed on it, and the broker is done with it. Sets ``context`` to the number of its descriptor, a stream socket in non-blocking
#: mode, which roomcast_take_descriptor makes yours; without that it is closed with the batch. ``data`` is what was read and nobody
#: has used, the request's head and what came behind it, as bytes; ``name`` is where it comes from, as ``address`` of a
#: roomcast_handshake.
FOREIGN: Final[int] = lib.ROOMCAST_EVENT_FOREIGN
#: On ROOMCAST_EVENT_ACK_END: the time was up.
TIMED_OUT: Final[int] = lib.ROOMCAST_FLAG_TIMED_OUT
#: On ROOMCAST_EVENT_CONNECT: the socket was away and is back, with its handle, its tag and the rooms that it is in by now. What it
#: missed is sent before anything else. On ROOMCAST_EVENT_CONNECT_REQUEST: its client asks for that.
RECOVERED: Final[int] = lib.ROOMCAST_FLAG_RECOVERED
#: On ROOMCAST_EVENT_DISCONNECT: the socket is away, and its client may come back. Its handle lives until its ROOMCAST_EVENT_CONNECT
#: with ROOMCAST_FLAG_RECOVERED, or its ROOMCAST_EVENT_SESSION_EXPIRED.
RECOVERABLE: Final[int] = lib.ROOMCAST_FLAG_RECOVERABLE
#: In a cluster it is for the sockets of this node alone.
LOCAL: Final[int] = lib.ROOMCAST_MESSAGE_LOCAL
#: It is sent as it is to clients that take compressed messages, for example as a secret stands in it beside what others wrote.
UNCOMPRESSED: Final[int] = lib.ROOMCAST_MESSAGE_UNCOMPRESSED
#: For roomcast_times: turns of the loop, their waits not counted.
TIMES_STEPS: Final[int] = lib.ROOMCAST_TIMES_STEPS
#: For roomcast_times: flushes that had something to send.
TIMES_FLUSHES: Final[int] = lib.ROOMCAST_TIMES_FLUSHES
