// Clients of Engine.IO 3 on bare TCP: payloads with lengths, and sessions that are in `/` without having asked.
import { Link, Ws, http, request, frame } from "./raw.mjs";
import { shown } from "../raw/shown.mjs";

export const POLL = "/socket.io/?EIO=3&transport=polling";
const WS = "/socket.io/?EIO=3&transport=websocket";
export const ALIVE = '42["alive"]';

/** The packets of a payload, text or binary; a binary packet as a Buffer. */
export function packets(body, type) {
  const list = [];
  if (type === "application/octet-stream") {
    for (let at = 0; at < body.length;) {
      const end = body.indexOf(255, at);
      const length = Number([...body.subarray(at + 1, end)].join(""));
      const packet = body.subarray(end + 1, end + 1 + length);
      list.push(body[at] === 0 ? packet.toString("utf8") : Buffer.from(packet));
      at = end + 1 + length;
    }
    return list;
  }
  const text = body.toString("utf8");
  for (let at = 0; at < text.length;) {
    const colon = text.indexOf(":", at);
    const end = colon + 1 + Number(text.slice(at, colon));
    list.push(text.slice(colon + 1, end));
    at = end;
  }
  return list;
}
export const read = (response) => packets(response.body, response.header("content-type"));
/** Packets as a text payload, and as a binary one. */
export const text = (...list) => list.map((packet) => `${packet.length}:${packet}`).join("");
export const binary = (...list) => Buffer.concat(list.flatMap((packet) => {
  const bytes = typeof packet === "string" ? Buffer.from(packet) : Buffer.concat([Buffer.from([4]), packet]);
  return [Buffer.from([typeof packet === "string" ? 0 : 1, ...[...String(bytes.length)].map(Number), 255]), bytes];
}));
export const OCTETS = { headers: [["Content-Type", "application/octet-stream"]] };

export class Polling {
  /** A session that has heard that it is in `/`. */
  static async open(port, query = "") {
    const polling = new Polling();
    polling.port = port;
    const response = await http(port, "GET", POLL + query);
    const [open, ...more] = read(response);
    polling.sid = JSON.parse(open.slice(1)).sid;
    polling.target = `${POLL}${query}&sid=${polling.sid}`;
    if (more.length === 0) more.push(...read(await polling.get()));
    polling.first = more;
    return polling;
  }
  get() { return http(this.port, "GET", this.target); }
  post(body, options = {}) { return http(this.port, "POST", this.target, { body, ...options }); }
  /** Posts text packets; one that is not taken is seen by what is asked next. */
  async say(...list) { return (await this.post(text(...list))).status; }
  async pend() {
    const link = await Link.open(this.port);
    link.write(request("GET", this.target));
    await link.drained();
    await http(this.port, "GET", "/fence");
    return link;
  }
  /** Polls until the session ends or a packet equals `until`: the packets without noops and the closing one, and how they came. */
  async drain(until = ALIVE) {
    const list = [];
    const types = new Set();
    for (;;) {
      const response = await this.get();
      if (response.status !== 200) return { packets: shown(list), ended: response.status };
      types.add(response.header("content-type"));
      list.push(...read(response).filter((packet) => packet !== "6" && packet !== "1"));
      if (list.includes(until)) return { packets: shown(list), types: [...types].map((type) => type.toLowerCase().replace(" ", "")) };
    }
  }
  async ws(query = "") { return Ws.open(this.port, this.target.replace("polling", "websocket") + query); }
}

/** A WebSocket session that has heard that it is in `/`. */
export async function joined(port, query = "") {
  const ws = await Ws.open(port, WS + query);
  ws.open = await ws.next();
  ws.sid = JSON.parse(ws.open.slice(1)).sid;
  ws.first = await ws.next();
  return ws;
}
/** What comes for these frames, up to an echo behind them or to the end. Nothing is said behind a CONNECT or a DISCONNECT before that is done. */
export async function said(port, ...frames) {
  const ws = await joined(port);
  const got = [];
  const upTo = async (mark) => {
    for (;;) {
      const next = await ws.next();
      if (next.close !== undefined) ws.link.write(frame(8, Buffer.alloc(0)));
      got.push(next);
      if (next.ended || mark.test(next)) return next.ended;
    }
  };
  for (const packet of [...frames, '42["back","alive"]']) {
    ws.send(packet);
    if (/^40/.test(packet) && await upTo(/^4[04]/)) break;
    if (/^41/.test(packet)) {
      ws.send("2");
      if (await upTo(/^3$/)) break;
    }
  }
  if (!got.some(({ ended }) => ended)) await upTo(/^42\["alive"/);
  ws.close();
  return shown(got).map((got) => typeof got === "string" ? got.replaceAll(ws.sid, "CONN").replace(/^42\["alive".*/, ALIVE) : got);
}
