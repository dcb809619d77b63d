// Where a host may differ from Node's socket.io, and why. A difference that is not listed here fails.
// `accepts(actual, recorded)` is asked only when the two are not equal.
const isDeepEqual = (a, b) => JSON.stringify(a) === JSON.stringify(b);
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

export const deliberate = [
  {
    cases: /^raw \/ refusals \/ (PUT|DELETE|HEAD|OPTIONS) with a sid$/,
    reason: "a method that is not served is the client's fault: 400 or 405, where Node says 500",
    accepts: statusIn(400, 405),
  },
  {
    cases: /^raw \/ refusals \/ ((transport|EIO|sid) given twice|broken percent-encoding|Origin with a control character)$/,
    reason: "Node's answers follow from JavaScript's coercions and its HTTP parser; refusing is as good, and so is serving",
    accepts: statusIn(200, 400),
  },
  {
    cases: /^raw \/ paths \/ (absolute target|a double slash in front|a fragment)$/,
    reason: "RFC 9112 asks servers to take the absolute form; odd targets may be found or not",
    accepts: statusIn(200, 400, 404),
  },
  {
    cases: /^raw \/ upgrade requests \/ (transport polling|no EIO|EIO=3|version 8|Upgrade without Connection: Upgrade)$/,
    reason: "refused cleanly before the 101, where Node upgrades and closes, or takes what it should not",
    accepts: ({ response }) => response.status === 400 || response.status === 426,
  },
  {
    cases: /^raw \/ upgrade requests \/ (no key|bad key|no version|version 12|upgrade to h2c|bad Origin)$/,
    reason: "the status counts, the text of such a refusal is nobody's interface",
    accepts: ({ response }) => response.status === 400 || response.status === 426,
  },
  {
    cases: /^raw \/ upgrade requests \/ (polling, with h2c offered|h2c and WebSocket offered)$/,
    reason: "what is offered may be ignored (RFC 9110, 7.8), and one of several may be chosen; Node refuses whatever is not WebSocket alone",
    accepts: statusIn(101, 200),
  },
  {
    cases: /^raw \/ upgrade requests \/ a subprotocol is offered$/,
    reason: "Engine.IO has no subprotocol, so none is chosen; Node's WebSocket package echoes the first",
    accepts: ({ response }) => response.status === 101 && !("sec-websocket-protocol" in response.headers),
  },
  {
    cases: /^raw \/ upgrade requests \/ another path$/,
    reason: "answered 404 at once, where Node keeps the connection for a second and drops it without a word",
    accepts: ({ bytes }) => bytes === "" || bytes.startsWith("HTTP/1.1 404 "),
  },
  {
    cases: /^raw \/ upgrade requests \/ frames right behind the request$/,
    reason: "frames that came with the upgrade request are delivered; Node loses them",
    accepts: ({ frames }) => isDeepEqual(frames, ['40{"sid":"SID"}', ALIVE]),
  },
  {
    cases: /^raw \/ only polling \/ websocket$/,
    reason: "the WebSocket refusal has the same form everywhere",
    accepts: ({ response }) => response.status === 400 && response.body.includes("Transport unknown"),
  },
  {
    cases: /^raw \/ no upgrades \/ upgrade of a session$/,
    reason: "an upgrade that was not offered is refused; Node takes it",
    accepts: ({ response }) => response.status === 400,
  },
  {
    cases: /^raw \/ connections \/ (HTTP\/3\.7|too many header bytes|HTTP\/1\.1 without Host|not HTTP|a bad header line|Content-Length and chunked together|two different Content-Lengths)$/,
    reason: "the request is refused and the connection closed; which 4xx or 505, and whether it has a body, is free",
    accepts: ({ response, after }) => (response.status >= 400 && response.status < 500 || response.status === 505) && Boolean(after),
  },
  {
    cases: /^raw \/ bodies \/ (one byte over the limit|one byte over the limit, chunked|far over the limit, the rest never sent)$/,
    reason: "413 as soon as the size is known, and the connection may be closed behind it",
    accepts: ({ response, session }, recorded) => response.status === 413 && response.body === "" && isDeepEqual(session, recorded.session),
  },
  {
    cases: /^raw \/ bodies \/ (invalid UTF-8|a byte order mark in front|empty body)$/,
    reason: "a POST that is not valid is refused with 400, where Node says ok and drops the session, or mends it",
    accepts: ({ response, poll, then }) => response.status === 400 && (poll ?? then).status === 400,
  },
  {
    cases: /^raw \/ polling \/ a second POST during a POST$/,
    reason: "the first POST may be answered before its connection is closed",
    accepts: ({ first, second, left, poll }) =>
      (first.status === 400 || first.ended) && second.status === 400 && left.reason === "transport error" && poll === 400,
  },
  {
    cases: /^raw \/ engine packets \/ WebSocket: "1x?"$/,
    reason: "a close packet closes at once; Node lets a WebSocket session time out",
    accepts: ({ frames, left }) => frames.at(-1).ended !== undefined && ["transport close", "parse error"].includes(left.reason),
  },
  {
    cases: /^raw \/ engine packets \/ polling.*$/,
    reason: "the POST that ended its session by a packet that is none may be answered 400",
    accepts: (actual, recorded) => actual.post?.status === 400 && isDeepEqual({ ...actual, post: 0 }, { ...recorded, post: 0 }),
  },
  {
    cases: /^raw \/ engine packets \/ .*: "(0|5|6x?|3probe|4\\u001e|1x)"$/,
    reason: "packets that no client sends there may end the session as unparsable; Node ignores them",
    accepts: ({ left }) => ["parse error", "transport error"].includes(left?.reason),
  },
  {
    cases: /^raw \/ upgrade \/ no 2probe, straight to 5$/,
    reason: "an upgrade without a probe is refused, as its specification says; Node takes it",
    accepts: ({ frames }) => frames.at(-1).ended !== undefined,
  },
  {
    cases: /^raw \/ upgrade \/ 2probe twice$/,
    reason: "a second probe on one WebSocket is a protocol error; Node answers it again",
    accepts: (actual) => actual.close !== undefined || actual.ended !== undefined,
  },
  {
    cases: /^raw \/ upgrade \/ the switch with a poll waiting$/,
    reason: "the waiting poll ends with a noop; Node's close packet in it means nothing after the switch",
    accepts: (actual, recorded) => actual.answer.body === "6" && isDeepEqual({ ...actual, answer: 0 }, { ...recorded, answer: 0 }),
  },
  {
    cases: /^raw \/ upgrade \/ what is emitted while probing reaches a poll or the WebSocket, once$/,
    reason: "either way is right, as long as it is one of them",
    accepts: ({ posted, poll, fenced }) => posted === "ok" && isDeepEqual([poll, ...fenced], ["6", '42["echo","while"]']),
  },
  {
    cases: /^raw \/ malformed packets \/ .*: (event without data|event as number|ACK without id|ACK without data|CONNECT with a number|binary event, leading zero|binary event, placeholder fraction|binary event, attachment nobody refers to|binary event, placeholder used twice|ack id of 30 digits|space before the JSON|namespace with a query)$/,
    reason: "not what the protocol describes; Node lets it through by accident, a violation is as right",
    accepts: (actual) => violated(actual),
  },
  {
    cases: /^raw \/ malformed packets \/ .*: binary event, (attachment nobody refers to|placeholder used twice|placeholders out of order|placeholder with more keys)$/,
    reason: "the client's text and attachments are passed on as they are, where Node takes them apart and numbers anew",
    accepts: (actual) => living(actual)?.length > 0,
  },
  {
    cases: /^raw \/ malformed packets \/ .*: CONNECT with a number$/,
    reason: "the answer to a CONNECT may come before or after what follows it in another namespace",
    accepts: (actual) => living(actual)?.every((packet) => packet === '40/plain,{"sid":"SID"}'),
  },
  {
    cases: /^raw \/ malformed packets \/ .*: (duplicate keys|number that is too large|number with many digits|space inside the JSON|line break behind the JSON|lone surrogate escape|object key __proto__)$/,
    reason: "JSON is passed on as the client wrote it, where Node parses and writes it anew",
    accepts: (actual, recorded) => {
      const came = living(actual);
      return came !== undefined && (isDeepEqual(echoes(came), echoes(living(recorded))) || echoes(came).length === 1);
    },
  },
  {
    cases: /^raw \/ malformed packets \/ .*: (lone surrogate escape|deeply nested)$/,
    reason: "bounds that Node does not have",
    accepts: (actual) => violated(actual),
  },
  {
    cases: /^raw \/ malformed packets \/ .*: ack id (beyond 2\^53|of 30 digits|with leading zero)$/,
    reason: "ack ids are whole numbers and come back exactly; Node rounds them",
    accepts: (actual) => living(actual)?.some((frame) => /^43(9007199254740993|123456789012345678901234567890|0*7)\[1\]$/.test(frame)),
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
    cases: /^raw \/ packets \/ a second CONNECT while the first is undecided$/,
    reason: "one answer is enough; Node accepts both and forgets one",
    accepts: ({ frames }) => isDeepEqual(frames, ['40/guarded,{"sid":"SID"}']),
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
    cases: /^raw \/ packets \/ DISCONNECT while undecided$/,
    reason: "withdrawing a CONNECT is no violation; Node closes",
    accepts: ({ frames }) => isDeepEqual(frames, ['40{"sid":"SID"}', '42["echo",1]']),
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
  {
    cases: /^raw \/ cors [a-z]+ \/ WebSocket$/,
    reason: "CORS headers on a 101 have no reader",
    accepts: ({ response }) => response.status === 101,
  },
];
