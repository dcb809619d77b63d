// Compressed messages and answers (RFC 7692; gzip and deflate over polling). What is agreed on is each server's own choice; what either side
// understands by it is not.
import { deflateRawSync, gunzipSync, inflateSync, constants } from "node:zlib";
import { Link, Polling, Ws, frame, http, request } from "../lib/raw.mjs";
import { shown } from "./shown.mjs";

const WS = "/socket.io/?EIO=4&transport=websocket";
const OFFER = [["Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"]];
const TEXT = JSON.stringify(Array.from({ length: 40 }, (_, n) => ({ id: n, x: n * 17 % 101, y: n * 31 % 97 })));

/** A message's payload, compressed. */
const deflated = (text, options = {}) => deflateRawSync(Buffer.from(text), { finishFlush: constants.Z_SYNC_FLUSH, ...options }).subarray(0, -4);
const packed = (text, options) => frame(1, deflated(text), { rsv: 4, ...options });

async function joined(port, headers = OFFER) {
  const ws = await Ws.open(port, WS, { headers });
  await ws.next();
  ws.send("40");
  ws.sid = JSON.parse((await ws.next()).slice(2)).sid;
  return ws;
}

/** What a server says to these bytes, whether each frame was compressed, and how a client that was too much for it went. */
const said = (headers, ...bytes) => async ({ port, host }) => {
  const ws = await joined(port, headers);
  ws.link.write(Buffer.concat([...bytes, frame(1, '42["back","fence"]')]));
  const frames = await ws.upTo('42["fence"]');
  ws.close();
  const ended = frames.at(-1).ended;
  return { frames: shown(frames), compressed: ws.compressed, ...(ended && { left: await host.left(ws.sid) }) };
};
const agreed = (...bytes) => said(OFFER, ...bytes);
const [head, tail] = [deflated(`42["echo",${TEXT}]`).subarray(0, 50), deflated(`42["echo",${TEXT}]`).subarray(50)];
const bomb = deflateRawSync(Buffer.alloc(4_000_000, "4"), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
const final = (text) => deflateRawSync(Buffer.from(text));

const frames = {
  "both ways": agreed(packed(`42["echo",${TEXT}]`)),
  "a short one is answered as it is": agreed(packed('42["echo",1]')),
  "a plain one among them": agreed(packed('42["echo",1]'), frame(1, `42["echo",${TEXT}]`), packed('42["echo",2]')),
  "in fragments": agreed(frame(1, head, { rsv: 4, fin: false }), frame(0, tail)),
  "in fragments, with a ping between": agreed(frame(1, head, { rsv: 4, fin: false }), frame(9, "between"), frame(0, tail)),
  "in fragments of a byte": agreed(...[...deflated(`42["echo","é"]`)].flatMap((byte, at, all) =>
    [frame(at === 0 ? 1 : 0, Buffer.from([byte]), { rsv: at === 0 ? 4 : 0, fin: at === all.length - 1 })])),
  "the last fragment is empty": agreed(frame(1, deflated('42["echo",1]'), { rsv: 4, fin: false }), frame(0, "")),
  "binary": agreed(packed('451-["echo",{"_placeholder":true,"num":0}]'), frame(2, deflated("attachment"), { rsv: 4 })),
  "with a final block": agreed(frame(1, Buffer.concat([final('42["echo",1]'), Buffer.from([0])]), { rsv: 4 }), packed('42["echo",2]')),
  "stored, not compressed": agreed(frame(1, deflated('42["echo",1]', { level: 0 }), { rsv: 4 })),
  "not agreed on": said([], packed('42["echo",1]')),
  "said of a continuation": agreed(frame(1, "42[", { fin: false }), frame(0, '"echo"]', { rsv: 4 })),
  "said of a ping": agreed(frame(9, deflated("x"), { rsv: 4 })),
  "other reserved bits": agreed(frame(1, deflated('42["echo",1]'), { rsv: 6 })),
  "not compressed at all": agreed(frame(1, '42["echo",1]', { rsv: 4 })),
  "a reserved kind of block": agreed(frame(1, Buffer.from([0x07, 0xff, 0xff]), { rsv: 4 })),
  "text that is not UTF-8": agreed(frame(1, deflated(Buffer.from([0x34, 0xff, 0xfe])), { rsv: 4 })),
  "a bomb": agreed(frame(1, bomb, { rsv: 4 })),
  "a bomb in fragments": agreed(...[...Array(4).keys()].map((n) =>
    frame(n === 0 ? 1 : 0, bomb.subarray(n * bomb.length / 4, (n + 1) * bomb.length / 4), { rsv: n === 0 ? 4 : 0, fin: n === 3 }))),
};

const agreement = (offer) => async ({ port }) => {
  const ws = await Ws.open(port, WS, { headers: [["Sec-WebSocket-Extensions", offer]] });
  const answer = ws.response.header("sec-websocket-extensions");
  ws.close();
  return answer !== undefined;
};
const offers = Object.fromEntries([
  "permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; server_max_window_bits=10",
  "permessage-bzip2", "x-webkit-deflate-frame, permessage-deflate",
].map((offer) => [`offered ${offer}`, agreement(offer)]));

/** How a poll with a message as long as this is answered. */
const polled = (accepted, text = TEXT, compress = true) => async ({ port }) => {
  const p = await Polling.open(port);
  await p.join();
  await p.post(`42["say",{"rooms":["${JSON.parse(p.got.slice(2)).sid}"],"compress":${compress}},"told",${text}]`);
  const headers = accepted === undefined ? [] : [["Accept-Encoding", accepted]];
  const response = await http(p.port, "GET", p.target, { headers });
  const encoding = response.header("content-encoding") ?? null;
  const body = encoding === "gzip" ? gunzipSync(response.body) : encoding === "deflate" ? inflateSync(response.body) : response.body;
  return { encoding, vary: response.header("vary") ?? null, text: body.toString() === `42["told",${text}]` };
};
const polls = {
  ...Object.fromEntries(["gzip", "deflate", "gzip, deflate, br", "deflate, gzip", "br", "identity", "*", "gzip;q=0", "gzip;q=0.2, deflate;q=0.9", "gzip;q=0, *"]
    .map((accepted) => [`a poll that takes ${accepted}`, polled(accepted)])),
  "a poll that says nothing of it": polled(undefined),
  "a short answer": polled("gzip", '"short"'),
  "a message that is not to be": polled("gzip", TEXT, false),
  "with others that are": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const { sid } = JSON.parse(p.got.slice(2));
    await p.post(`42["say",{"rooms":["${sid}"],"compress":false},"told",${TEXT}]\x1e42["say",{"rooms":["${sid}"]},"told",1]`);
    return (await http(p.port, "GET", p.target, { headers: [["Accept-Encoding", "gzip"]] })).header("content-encoding") ?? null;
  },
  "a POST's answer": async ({ port }) =>
    (await (await Polling.open(port)).post("40", { headers: [["Accept-Encoding", "gzip"]] })).header("content-encoding") ?? null,
  "a HEAD of nothing": async ({ port }) => {
    const link = await Link.open(port);
    link.write(request("GET", "/elsewhere", { headers: [["Accept-Encoding", "gzip"]] }));
    const { status, headers } = await link.response();
    link.close();
    return [status, headers.some(([name]) => name.toLowerCase() === "content-encoding")];
  },
  "not to be, over WebSocket": async ({ port }) => {
    const ws = await joined(port);
    ws.send(`42["say",{"rooms":["${ws.sid}"],"compress":false},"told",${TEXT}]`);
    const got = await ws.next();
    ws.close();
    return [got === `42["told",${TEXT}]`, ws.compressed];
  },
};

const options = { perMessageDeflate: { threshold: 200 }, httpCompression: { threshold: 200 } };
export const groups = [
  { name: "compressed frames", options: { ...options, maxHttpBufferSize: 100_000 }, cases: frames },
  { name: "compression", options, cases: { ...offers, ...polls } },
  { name: "without compression", options: { httpCompression: false }, cases: {
    "offered permessage-deflate": agreement("permessage-deflate"), "a poll that takes gzip": polled("gzip"),
  } },
];
