// Where a host may differ from Node's socket.io, and why. A difference that is not listed here fails.
// A case that is named here and does not differ, or differs in another way, fails too: so the list stays true.
const isDeepEqual = (a, b) => JSON.stringify(a) === JSON.stringify(b);
/** The end of a packet of msgpack for the namespace `/custom`. */
const CUSTOM = "a36e7370a72f637573746f6d";
const ALIVE = '42["alive"]';

/** The frames or packets of an outcome that ended with the connection still in use. */
const living = (actual) => (actual.frames ?? actual.packets)?.at(-1) === ALIVE ? (actual.frames ?? actual.packets).slice(0, -1) : undefined;
/** The socket went for a violation, and was told nothing else. */
const violated = ({ frames, packets, left }) =>
  left?.reason === "forced close" && (frames ? frames[0]?.close !== undefined : packets?.length === 0);
const statusIn = (...codes) => (actual) => codes.includes((actual.response ?? actual).status);

/** The argument lists of the echo events, parsed, with `__proto__` and attachments left as they are. */
const echoes = (frames) => frames.filter((frame) => typeof frame === "string" && /^4[25]/.test(frame))
  .map((frame) => JSON.parse(frame.slice(frame.indexOf("["))));

/** Connection state recovery: cases in which Node loses messages, tells too many, or lets two clients have one session. */
const recovery = (name, reason, due) => ({
  cases: new RegExp(`^raw / recovery${name}$`), reason, accepts: (actual) => isDeepEqual(actual, due),
});
const same = (...missed) => ({ session: "the same", missed: missed.map((name) => [name, "OFFSET"]) });
const other = { session: "new", missed: [] };

export const deliberate = [
  { cases: /^raw \/ compression \/ not to be, over WebSocket$/, accepts: (actual) => isDeepEqual(actual, [true, [false, false, false]]),
    reason: "a message that is not to be compressed is not, over either transport; Node's WebSocket transport does not ask" },
  recovery(" / its old connection seems to be open", "the client that proves its session has it, and the old connection is told; Node makes a new one",
    { back: same("one"), heard: [["two", "OFFSET"]], old: [["one", "OFFSET"], "41"] }),
  recovery(" / no event heard before the drop", "whoever has heard nothing has missed all since it came; Node wants an offset", same("missed")),
  recovery(" suite: should / restore session even if the client did not receive any event", "the same; later versions of Node's do so too",
    [same(), { heard: [], answer: ["room1"] }]),
  recovery(" suite: should / replay missed packets even if the client did not receive any event before disconnection", "the same",
    [{ session: "the same", missed: [["hello", "world", "OFFSET"], ["broadcast", "OFFSET"]] }, { heard: [], answer: ["room1"] }]),
  recovery(" / an offset (of null|like Node's, that nobody gave)", "what is no offset of this server's is from before the session, whose client has heard nothing yet",
    same("heard", "missed")),
  recovery(" suite: should / not restore session if the provided offset is not a string", "the same",
    [same("hello"), { heard: [], answer: ["room1"] }]),
  recovery(" suite: should / fail to restore a known session with an unknown offset", "the same", same("hello")),
  recovery(" when idle / an old offset, and nothing missed", "an offset is a position, which need not be kept to be known", same()),
  recovery(" / a volatile event that ends with a text", "such an event has an offset behind the text, which the client would take for one", same("missed")),
  recovery(" over a restart / the server starts anew", "a broker that was closed and listens again has its sessions still",
    { left: { reason: "server shutting down", rooms: [] }, back: same() }),
  recovery(" / one pid used twice", "a session has one owner, the last to prove it, and the one before is told",
    { backs: [same(), same()], first: ["41", "the end"], second: [["to all", "OFFSET"]] }),
  recovery(" / an offset from before the session began", "a session is told nothing that is older than itself", { failed: other, back: same("missed") }),
  recovery(" / said to a room before it joined", "what counts is who was in the room when it was said", same("missed")),
  recovery(" / taken out of a room while away", "the same; it can be taken out while it is away", { back: same("missed"), rooms: [] }),
  recovery(" / kicked while away", "it can be disconnected while it is away, which ends its session", other),
  recovery(" within bounds / more missed than is kept", "what is kept is bounded by bytes, and a replay with a gap is none", { session: "new", missed: 0 }),
  recovery(" asked again / refused, and let in when it comes again: (wrong|slow-no)", "whoever is not let in is told nothing; Node tells it all that the session missed, and refuses it then",
    { refused: { missed: [], refused: true }, again: same("missed") }),
  recovery(" in time / a session that nobody comes back to", "the host is told, so that it can forget the socket",
    { back: other, told: ["connect", "disconnect", "expired"] }),
  {
    cases: /^raw \/ eio3 \/ jsonp \/ not with version 4$/,
    reason: "no client of Engine.IO 4 polls by <script> elements, and what can be polled so can be read by pages of every origin",
    accepts: (actual) => actual === '0{"sid":',
  },
  {
    cases: /^raw \/ eio3 \/ with recovery \/ events have an offset$/,
    reason: "nobody can come back to hear again what clients of Engine.IO 3 alone are told",
    accepts: (actual) => actual === '42["x",1]',
  },
  {
    cases: /^raw \/ upgrade requests \/ (transport polling|no EIO|EIO=3)$/,
    reason: "refused cleanly before the 101, where Node upgrades and closes, or takes what it should not",
    accepts: ({ response }) => response.status === 400,
  },
  {
    cases: /^raw \/ upgrade requests \/ (polling, with h2c offered|h2c and WebSocket offered)$/,
    reason: "what is offered may be ignored (RFC 9110, 7.8), and one of several may be chosen; Node refuses whatever is not WebSocket alone",
    accepts: statusIn(101, 200),
  },
  {
    cases: /^raw \/ upgrade requests \/ upgrade to h2c$/,
    reason: "the same: without the offer it is a handshake of transport websocket that asks for no WebSocket",
    accepts: ({ response }) => response.status === 400 && response.body === '{"code":3,"message":"Bad request"}',
  },
  {
    cases: /^raw \/ upgrade requests \/ frames right behind the request$/,
    reason: "frames that came with the upgrade request are delivered; Node loses them",
    accepts: ({ frames }) => isDeepEqual(frames, ['40{"sid":"SID"}', ALIVE]),
  },
  {
    cases: /^raw \/ bodies \/ (one byte over the limit|one byte over the limit, chunked|far over the limit, the rest never sent)$/,
    reason: "413 as soon as the size is known, and the connection may be closed behind it",
    accepts: ({ response, session }, recorded) => response.status === 413 && response.body === "" && isDeepEqual(session, recorded.session),
  },
  {
    cases: /^raw \/ engine packets \/ WebSocket: "1x?"$/,
    reason: "a close packet closes at once; Node lets a WebSocket session time out",
    accepts: ({ frames, left }) => frames.at(-1).ended !== undefined && ["transport close", "parse error"].includes(left.reason),
  },
  {
    cases: /^raw \/ upgrade \/ the switch with a poll waiting$/,
    reason: "the waiting poll ends with a noop; Node's close packet in it means nothing after the switch",
    accepts: (actual, recorded) => actual.answer.body === "6" && isDeepEqual({ ...actual, answer: 0 }, { ...recorded, answer: 0 }),
  },
  {
    cases: /^raw \/ malformed packets \/ .*: (binary event, placeholder fraction|ack id of 30 digits)$/,
    reason: "not what the protocol describes; Node lets it through by accident, a violation is as right",
    accepts: (actual) => violated(actual),
  },
  {
    cases: /^raw \/ malformed packets \/ .*: binary event, (attachment nobody refers to|placeholder used twice|placeholders out of order|placeholder with more keys)$/,
    reason: "the client's text and attachments are passed on as they are, where Node takes them apart and numbers anew",
    accepts: (actual) => living(actual)?.length > 0,
  },
  {
    cases: /^raw \/ malformed packets \/ WebSocket: CONNECT with a number$/,
    reason: "the answer to a CONNECT may come before or after what follows it in another namespace",
    accepts: (actual) => living(actual)?.every((packet) => packet === '40/plain,{"sid":"SID"}'),
  },
  {
    cases: /^raw \/ malformed packets \/ .*: (duplicate keys|number that is too large|number with many digits)$/,
    reason: "JSON is passed on as the client wrote it, where Node parses and writes it anew",
    accepts: (actual, recorded) => {
      const came = living(actual);
      return came !== undefined && (isDeepEqual(echoes(came), echoes(living(recorded))) || echoes(came).length === 1);
    },
  },
  {
    cases: /^raw \/ malformed packets \/ .*: ack id beyond 2\^53$/,
    reason: "ack ids are whole numbers and come back exactly; Node rounds them",
    accepts: (actual) => living(actual)?.some((frame) => /^439007199254740993\[1\]$/.test(frame)),
  },
  {
    cases: /^raw \/ packets \/ events sent right behind the CONNECT$/,
    reason: "an open namespace is joined when the CONNECT is read, so that the event is in order; Node is not ready yet and closes",
    accepts: ({ frames }) => isDeepEqual(frames, ['40{"sid":"SID"}', ALIVE]),
  },
  {
    cases: /^raw \/ malformed packets \/ .*: second CONNECT( with auth)?$/,
    reason: "a stock client sends it when a socket is opened by hand on an open manager; it is ignored, where Node closes",
    accepts: (actual) => isDeepEqual(living(actual), []),
  },
  {
    cases: /^raw \/ msgpack, malformed \/ second CONNECT$/,
    reason: "the same as in text: it is ignored",
    accepts: ({ frames }) => frames.length === 1 && frames[0].binary?.endsWith(CUSTOM),
  },
  {
    cases: /^raw \/ msgpack, malformed \/ an event (without a name|named by nil|named connect|named disconnect)$/,
    reason: "what is malformed in text is so in msgpack: Node's msgpack parser has no look at an event's name, so a client can have `disconnect` handled",
    accepts: ({ frames, left }) => frames[0].close !== undefined && left.reason === "forced close",
  },
  {
    cases: /^raw \/ msgpack, malformed \/ (CONNECT|DISCONNECT) with nil$/,
    reason: "nil is no data: python-socketio's client says goodbye so",
    accepts: ({ frames, left }) => frames.at(-1).binary?.endsWith(CUSTOM) && left.reason !== "forced close",
  },
  {
    cases: /^raw \/ msgpack \/ refused without data$/,
    reason: "data that is not there is left out, where Node says `undefined`",
    accepts: ([{ binary }]) => binary === "83a47479706504a46461746181a76d657373616765ad6e6f206461746120676976656ea36e7370a82f67756172646564",
  },
  {
    cases: /^raw \/ packets \/ a second CONNECT while the first is undecided, then another$/,
    reason: "one answer is enough; Node accepts both and forgets one",
    accepts: ({ frames }) => isDeepEqual(frames, ['40/guarded,{"sid":"SID"}', '40/plain,{"sid":"SID"}']),
  },
  {
    cases: /^raw \/ malformed packets \/ .*: a (space|tab) as the type$/,
    reason: "a packet's type is a digit; Node's Number(\" \") is 0, so it reads a CONNECT",
    accepts: (actual) => violated(actual),
  },
  {
    cases: /^raw \/ packets \/ other namespaces while undecided$/,
    reason: "as above: the open namespace is joined at once, so its event is in order",
    accepts: ({ frames }) => isDeepEqual(frames, ['40{"sid":"SID"}', '42["echo",1]', '40/guarded,{"sid":"SID"}']),
  },
  {
    cases: /^raw \/ packets \/ volatile with no poll waiting$/,
    reason: "nothing else waits, so it goes with the next poll; Node drops it between any two polls",
    accepts: (actual) => actual === '42["volatile",1]\x1e42["echo",1]',
  },
  {
    cases: /^raw \/ malformed packets \/ .*: binary event, _placeholder false$/,
    reason: "the attachment was announced, so it is passed on, although nothing refers to it",
    accepts: (actual) => living(actual)?.[0] === '451-["echo",{"_placeholder":false,"num":0}]',
  },
  {
    cases: /^raw \/ malformed packets \/ .*: space before the JSON$/,
    reason: "a space is no ack id; Node takes it for 0 and answers",
    accepts: (actual) => isDeepEqual(living(actual), ['42["echo",1]']),
  },
  {
    cases: /^raw \/ engine packets \/ .*: "b!!!!"$/,
    reason: "what is not base64 is an unparsable packet; Node skips it and stumbles over the empty attachment",
    accepts: (actual, recorded) => isDeepEqual(actual, { ...recorded, left: { reason: "parse error", rooms: [] } }),
  },
  {
    cases: /^raw \/ upgrade requests \/ garbage right behind the request$/,
    reason: "the open packet was on its way before the garbage was read",
    accepts: ({ frames, alive }) => frames.length === 3 && frames[1].close === 1002 && alive === 200,
  },
  {
    cases: /^raw \/ packets \/ an event that crosses with a kick$/,
    reason: "an event that was on its way when the host disconnected its socket is ignored; Node closes the connection",
    accepts: (actual, recorded) => actual.first === '42/plain,["alive"]' && isDeepEqual({ ...actual, first: 0 }, { ...recorded, first: 0 }),
  },
  {
    cases: /^raw \/ packets \/ an event some time behind its own DISCONNECT$/,
    reason: "the same, for a namespace that the client left itself",
    accepts: (actual, recorded) => actual.first === '40/plain,{"sid":"SID"}' && isDeepEqual(actual.left, recorded.left),
  },
  {
    cases: /^raw \/ packets \/ client closes over polling, with its DISCONNECT$/,
    reason: "the DISCONNECT came first and is the reason; Node is still busy with it when the close arrives",
    accepts: ({ left }) => left.reason === "client namespace disconnect",
  },
  {
    cases: /^raw \/ packets \/ (two volatiles at once|a volatile behind a regular emit)$/,
    reason: "a volatile is skipped for a client that is behind, not for one with output of the same turn",
    accepts: ({ frames }) => isDeepEqual(frames.slice(1), ['42["volatile",1]', '42["volatile",2]']) ||
      isDeepEqual(frames.slice(1), ['42["regular",1]', '42["volatile",1]', '42["regular",2]']),
  },
  {
    cases: /^raw \/ packets \/ strings$/,
    reason: "JSON is passed on as the client wrote it",
    accepts: (actual, recorded) => isDeepEqual(echoes(actual.frames), echoes(recorded.frames)),
  },
];

/** What a host that runs several loops does otherwise besides. */
export const withLoops = [
  recovery(" / the reply to the CONNECT", "a private id names the loop of its session, in one character more",
    { sid: true, pid: true, loop: true, apart: true }),
  recovery(" / the offset of another's private message", "each loop keeps a log of its own, and in that of the session there is no such offset: it is told all since it came",
    { heard: [["one", "OFFSET"], ["private", "OFFSET"]], back: same("heard", "one", "two") }),
];
