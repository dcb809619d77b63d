// Clients with the msgpack parser, byte for byte: what they are told, what of theirs is refused, and what becomes of one whose host does not
// take them. Packets are made by the parser itself, or stand in hex.
import { Polling } from "../lib/raw.mjs";
import { shown } from "./shown.mjs";
import { joined } from "./session.mjs";
import parser from "socket.io-msgpack-parser";

const pack = (packet) => new parser.Encoder().encode(packet)[0];
const CONNECT = pack({ type: 0, nsp: "/" });
const event = (...data) => pack({ type: 2, nsp: "/", data });
/** A map of which each field stands in hex. */
const hex = (...fields) => Buffer.from("8" + fields.length.toString(16) + fields.join(""), "hex");
const TYPE = (value) => "a474797065" + value, NSP = (value) => "a36e7370" + value, DATA = (value) => "a464617461" + value, ID = (value) => "a26964" + value;
const EVENT = [TYPE("02"), NSP("a12f")];

/** Socket ids differ at every run. The reference names a private id also where there is none, as `undefined`: a host may leave it out. */
const masked = (hex) => hex.replace(/(a3736964b4)[0-9a-f]{40}/, "$1(SID)").replace("82a3736964b4(SID)a3706964d40000", "81a3736964b4(SID)");
const plain = (frame) => Buffer.isBuffer(frame) ? { binary: masked(frame.toString("hex")) } : shown(frame);
/** Frames up to the end, or the one that says `until`. */
async function upTo(ws, until) {
  const frames = [];
  for (;;) {
    const frame = await ws.next();
    frames.push(frame);
    if (frame.ended || (until && Buffer.isBuffer(frame) && frame.includes(until))) return frames.map(plain);
    if (frame.close !== undefined) ws.link.write(Buffer.from("888000000000", "hex"));
  }
}
const sidOf = (frame) => /a3736964b4([0-9a-f]{40})/.exec(frame.toString("hex"))?.[1];

/** Each message is sent when what the one before is due to bring has come. */
const talk = (...steps) => async ({ port }) => {
  const ws = await joined(port, null);
  const frames = [];
  for (const [message, expect = 1] of steps) {
    ws.send(message);
    for (let n = 0; n < expect; n++) {
      frames.push(await ws.next());
      if (frames.at(-1).ended) return frames.map(plain);
    }
  }
  ws.close();
  return frames.map(plain);
};

const told = {
  "CONNECT": talk([CONNECT]),
  "CONNECT with auth": talk([pack({ type: 0, nsp: "/", data: { greet: ["é", 1, null] } }), 2]),
  "CONNECT to another namespace": talk([CONNECT], [pack({ type: 0, nsp: "/plain", data: {} })]),
  "CONNECT to a guarded one": talk([pack({ type: 0, nsp: "/guarded", data: { token: "secret" } })]),
  "refused": talk([pack({ type: 0, nsp: "/guarded", data: { token: "wrong" } })]),
  "refused without data": talk([pack({ type: 0, nsp: "/guarded", data: { token: "no-data" } })]),
  "an event": talk([CONNECT], [event("back", "x", 1, { a: [1.5, "é", null, true] })]),
  "an event with bytes": talk([CONNECT], [event("back", "x", Buffer.from([1, 2]), { b: [Buffer.alloc(0)] })]),
  "an answer": talk([CONNECT], [pack({ type: 2, nsp: "/", data: ["ack-many"], id: 7 })]),
  "an answer with bytes": talk([CONNECT], [pack({ type: 2, nsp: "/", data: ["echo", Buffer.from([3])], id: 300 }), 2]),
  "a question, and its answer": talk([CONNECT], [event("ask", "q", 1)], [pack({ type: 3, nsp: "/", data: ["a", Buffer.from([9])], id: 0 })]),
  "an event of another namespace": talk([pack({ type: 0, nsp: "/plain" })], [pack({ type: 2, nsp: "/plain", data: ["back", "x"] })]),
  "the server says goodbye": talk([CONNECT], [event("kick", false), 2]),
  "many items": talk([CONNECT], [event("back", "x", Array.from({ length: 16 }, (_, n) => n), Object.fromEntries(Array.from({ length: 17 }, (_, n) => ["k" + n, n])))]),
  "an array in an array, often": talk([CONNECT], [hex(...EVENT, DATA("93a46261636ba178" + "91".repeat(50) + "01"))]),
  "what looks like a placeholder": talk([CONNECT], [event("back", "x", { _placeholder: true, num: 0 })]),
};

/** Each is sent on a connection joined to `/`. */
const BAD = {
  "an empty message": Buffer.alloc(0),
  "no map": Buffer.from([1]),
  "an empty map": hex(),
  "cut": event("echo", "abc").subarray(0, -1),
  "trailing bytes": Buffer.concat([event("back", "x"), Buffer.from([0xc0])]),
  "no type": hex(NSP("a12f"), DATA("91a161")),
  "type as text": hex(TYPE("a132"), NSP("a12f"), DATA("91a161")),
  "type 5": hex(TYPE("05"), NSP("a12f"), DATA("91a161")),
  "type -1": hex(TYPE("ff"), NSP("a12f"), DATA("91a161")),
  "no namespace": hex(TYPE("02"), DATA("91a161")),
  "namespace as bytes": hex(TYPE("02"), NSP("c4012f"), DATA("91a161")),
  "no data": hex(...EVENT),
  "data as map": hex(...EVENT, DATA("80")),
  "data as nil": hex(...EVENT, DATA("c0")),
  "id as text": hex(...EVENT, DATA("91a161"), ID("a131")),
  "id as fraction": hex(...EVENT, DATA("91a161"), ID("cb3ff8000000000000")),
  "an event without a name": hex(...EVENT, DATA("90")),
  "an event named by nil": hex(...EVENT, DATA("91c0")),
  "an event named connect": event("connect"),
  "an event named disconnect": event("disconnect"),
  "CONNECT with an array": pack({ type: 0, nsp: "/plain", data: [] }),
  "CONNECT with nil": pack({ type: 0, nsp: "/plain", data: null }),
  "DISCONNECT with data": pack({ type: 1, nsp: "/", data: {} }),
  "DISCONNECT with nil": pack({ type: 1, nsp: "/", data: null }),
  "ACK as map": pack({ type: 3, nsp: "/", data: {}, id: 1 }),
  "ACK without an id": pack({ type: 3, nsp: "/", data: [] }),
  "ACK unknown id": pack({ type: 3, nsp: "/", data: [], id: 99 }),
  "CONNECT_ERROR": pack({ type: 4, nsp: "/", data: { message: "x" } }),
  "second CONNECT": CONNECT,
  "EVENT for a namespace not joined": pack({ type: 2, nsp: "/plain", data: ["a"] }),
  "a text": '42["back","x"]',
};
const bad = (message) => async ({ port, host }) => {
  const ws = await joined(port, null);
  ws.send(CONNECT);
  const sid = Buffer.from(sidOf(await ws.next()), "hex").toString("latin1");
  ws.send(message, pack({ type: 0, nsp: "/custom" }));
  const frames = await upTo(ws, "/custom");
  ws.close();
  return { frames, left: await host.left(sid) };
};

const first = {
  "over polling": async ({ port }) => {
    const polling = await Polling.open(port);
    const post = shown(await polling.post("b" + CONNECT.toString("base64")));
    const got = shown(await polling.get());
    const body = got.body.replace(/^b(.*)$/, (_, text) => "b " + plain(Buffer.from(text, "base64")).binary);
    return { post, status: got.status, body };
  },
  "CONNECT": async ({ port }) => {
    const ws = await joined(port, null);
    ws.send(CONNECT);
    const frames = await upTo(ws);
    ws.close();
    return frames;
  },
};

export const groups = [
  { name: "msgpack, not taken", cases: first },
  { name: "msgpack", options: { msgpack: true }, cases: { ...told, "over polling": first["over polling"] } },
  { name: "msgpack, malformed", options: { msgpack: true }, cases: Object.fromEntries(Object.entries(BAD).map(([name, message]) => [name, bad(message)])) },
];
