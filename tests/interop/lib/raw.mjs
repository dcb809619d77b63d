// A tiny HTTP/1.1 and WebSocket client on bare TCP, for what no stock client would send. It never retries, never
// follows, and reports what came, byte for byte.
import net from "node:net";
import { createHash, randomBytes } from "node:crypto";
import { constants, inflateRawSync } from "node:zlib";

export const PATIENCE = Number(process.env.PATIENCE ?? 15_000);

/** Fails a promise that nobody answers: a bound on a broken host, never a way to wait. */
export function within(promise, what, ms = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${ms} ms: ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** One TCP connection and a reader over what arrives on it. */
export class Link {
  #data = Buffer.alloc(0);
  #wake = [];
  ended = null; // "fin" or "reset"

  static async open(port) {
    const link = new Link();
    link.socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    link.socket.on("data", (data) => { link.#data = Buffer.concat([link.#data, data]); link.#notify(); });
    link.socket.on("end", () => { link.ended ??= "fin"; link.#notify(); });
    link.socket.on("error", () => { link.ended = "reset"; link.#notify(); });
    link.socket.on("close", () => { link.ended ??= "fin"; link.#notify(); });
    const connected = new Promise((resolve, reject) => { link.socket.once("connect", resolve); link.socket.once("error", reject); });
    await within(connected, "TCP connect");
    return link;
  }
  #notify() { for (const wake of this.#wake.splice(0)) wake(); }
  #more() { return new Promise((resolve) => this.#wake.push(resolve)); }

  write(bytes) { this.socket.write(bytes); return this; }
  /** Resolves when the kernel took everything written so far. */
  drained() { return new Promise((resolve) => this.socket.write("", resolve)); }
  abort() { this.socket.resetAndDestroy(); }
  close() { this.socket.destroy(); }

  /** `parse(buffer)` answers undefined for "more bytes, please", or [value, bytes used]. */
  async take(parse, what) {
    return within((async () => {
      for (;;) {
        const found = parse(this.#data, this.ended !== null);
        if (found !== undefined) {
          this.#data = this.#data.subarray(found[1]);
          return found[0];
        }
        if (this.ended !== null) return null;
        await this.#more();
      }
    })(), what);
  }

  /** The next response, or null when the connection ended first. */
  async response(method = "GET") {
    const response = await this.take((data, ended) => parseResponse(data, method, ended), "an HTTP response");
    if (response === null) return { ended: this.ended, bytes: this.#data.toString("latin1") };
    return response;
  }

  /** Waits until the peer closes; answers how, and what it still said. */
  async end() {
    await within((async () => { while (this.ended === null) await this.#more(); })(), "the end of the connection");
    return { ended: this.ended, bytes: this.#data.toString("latin1") };
  }
}

function parseResponse(data, method, ended) {
  const text = data.toString("latin1");
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const [line, ...fields] = text.slice(0, head).split("\r\n");
  const headers = fields.map((field) => [field.slice(0, field.indexOf(":")), field.slice(field.indexOf(":") + 1).trim()]);
  const header = (name) => headers.find(([key]) => key.toLowerCase() === name)?.[1];
  const status = Number(line.split(" ")[1]);
  const start = head + 4;
  const done = (body, end) => [{ line, status, headers, header, body, text: body.toString("utf8") }, end];
  if (status === 101 || status === 204 || status === 304 || method === "HEAD") return done(Buffer.alloc(0), start);
  if (header("transfer-encoding") === "chunked") {
    const parts = [];
    let at = start;
    for (;;) {
      const eol = text.indexOf("\r\n", at);
      if (eol < 0) return undefined;
      const size = parseInt(text.slice(at, eol), 16);
      if (data.length < eol + 2 + size + 2) return undefined;
      if (size === 0) return done(Buffer.concat(parts), eol + 4);
      parts.push(data.subarray(eol + 2, eol + 2 + size));
      at = eol + 2 + size + 2;
    }
  }
  const length = header("content-length");
  if (length === undefined) return ended ? done(data.subarray(start), data.length) : undefined;
  const end = start + Number(length);
  return data.length < end ? undefined : done(data.subarray(start, end), end);
}

/** Request bytes. `headers` is a list of pairs, sent as they are behind Host (which `host: null` leaves out). */
export function request(method, target, { headers = [], body, host = "localhost", length = true } = {}) {
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const lines = [`${method} ${target} HTTP/1.1`];
  if (host !== null) lines.push(`Host: ${host}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (bytes !== undefined && length) lines.push(`Content-Length: ${bytes.length}`);
  return Buffer.concat([Buffer.from(lines.join("\r\n") + "\r\n\r\n", "latin1"), bytes ?? Buffer.alloc(0)]);
}

/** One request on a connection of its own. */
export async function http(port, method, target, options = {}) {
  const link = await Link.open(port);
  link.write(request(method, target, options));
  const response = await link.response(method);
  link.close();
  return response;
}

export const UPGRADE = (key = randomBytes(16).toString("base64")) => [
  ["Connection", "Upgrade"], ["Upgrade", "websocket"], ["Sec-WebSocket-Version", "13"], ["Sec-WebSocket-Key", key],
];

/** A WebSocket after its handshake. */
export class Ws {
  static async open(port, target, { headers = [], behind = Buffer.alloc(0), key } = {}) {
    const ws = new Ws();
    // Of each message that has come.
    ws.compressed = [];
    key ??= randomBytes(16).toString("base64");
    ws.link = await Link.open(port);
    ws.link.write(Buffer.concat([request("GET", target, { headers: [...UPGRADE(key), ...headers] }), behind]));
    ws.response = await ws.link.response();
    if (ws.response.status === 101) {
      const accept = createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
      if (ws.response.header("sec-websocket-accept") !== accept) throw new Error("wrong Sec-WebSocket-Accept");
    }
    return ws;
  }
  /** Messages given together are written together. */
  send(...messages) {
    this.link.write(Buffer.concat(messages.map((data) => frame(typeof data === "string" ? 1 : 2, data))));
    return this;
  }
  /** The next frame: a string, a Buffer, `{ping}`, `{pong}`, `{close, reason}`, or `{ended}`. */
  async next() {
    const frame = await this.link.take(parseFrame, "a WebSocket frame");
    if (frame === null) return { ended: this.link.ended };
    const { opcode } = frame;
    let { payload } = frame;
    if (opcode < 8) this.compressed.push(frame.deflated);
    if (frame.deflated) {
      payload = inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 255, 255])]), { finishFlush: constants.Z_SYNC_FLUSH });
    }
    if (opcode === 1) return payload.toString("utf8");
    if (opcode === 2) return payload;
    if (opcode === 9) return { ping: payload.toString("latin1") };
    if (opcode === 10) return { pong: payload.toString("latin1") };
    return { close: payload.length < 2 ? null : payload.readUInt16BE(0), reason: payload.subarray(2).toString("utf8") };
  }
  /** Every frame up to the end of the connection; a close frame is answered, as a client must. */
  rest() { return this.upTo(undefined); }
  /** Frames up to the end of the connection, or up to the one that equals `until`. */
  async upTo(until) {
    const frames = [];
    for (;;) {
      const next = await this.next();
      if (next.close !== undefined) this.link.write(frame(8, Buffer.alloc(0)));
      frames.push(next);
      if (next === until || next.ended) return frames;
    }
  }
  close() { this.link.close(); }
}

/** A client's frame. `mask: false` and the bits are for breaking the rules. */
export function frame(opcode, data, { fin = true, rsv = 0, mask = true, announce } = {}) {
  const payload = Buffer.from(data);
  const length = announce ?? payload.length;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const bit = mask ? 0x80 : 0;
  if (length < 126) head.push(bit | length);
  else if (length < 65536) head.push(bit | 126, length >> 8, length & 255);
  else {
    const wide = Buffer.alloc(8);
    wide.writeBigUInt64BE(BigInt(length));
    head.push(bit | 127, ...wide);
  }
  if (!mask) return Buffer.concat([Buffer.from(head), payload]);
  const key = randomBytes(4);
  const masked = Buffer.from(payload);
  for (let i = 0; i < masked.length; i++) masked[i] ^= key[i & 3];
  return Buffer.concat([Buffer.from(head), key, masked]);
}

function parseFrame(data) {
  if (data.length < 2) return undefined;
  if (data[1] & 0x80) throw new Error("a server must not mask");
  let length = data[1] & 0x7f;
  let at = 2;
  if (length === 126) {
    if (data.length < 4) return undefined;
    length = data.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (data.length < 10) return undefined;
    length = Number(data.readBigUInt64BE(2));
    at = 10;
  }
  if (data.length < at + length) return undefined;
  return [{ opcode: data[0] & 15, deflated: (data[0] & 0x40) !== 0, payload: data.subarray(at, at + length) }, at + length];
}

/** Engine.IO over polling, one connection per request unless a link is given. */
export class Polling {
  static async open(port, { path = "/socket.io/", query = "", headers = [] } = {}) {
    const polling = new Polling();
    polling.port = port;
    const response = await http(port, "GET", `${path}?EIO=4&transport=polling${query}`, { headers });
    if (response.status !== 200) throw new Error(`handshake: ${response.line} ${response.text}`);
    polling.open = JSON.parse(response.text.slice(1));
    polling.sid = polling.open.sid;
    polling.target = `${path}?EIO=4&transport=polling&sid=${polling.sid}`;
    return polling;
  }
  get() {
    const early = this.early;
    this.early = undefined;
    return early ?? http(this.port, "GET", this.target);
  }
  post(body, options = {}) { return http(this.port, "POST", this.target, { body, ...options }); }
  /** A poll that is known to be waiting at the host: its connection, to read the response from later. */
  async pend() {
    const link = await Link.open(this.port);
    link.write(request("GET", this.target));
    await link.drained();
    // A second request to the same host, answered, shows that the first was read.
    await http(this.port, "GET", "/fence");
    return link;
  }
  /** Joins a namespace; answers its socket id. */
  async join(nsp = "/", auth = "") {
    const prefix = nsp === "/" ? "" : nsp + ",";
    const posted = await this.post(`40${prefix}${auth}`);
    if (posted.text !== "ok") throw new Error("POST: " + posted.line);
    const got = await this.get();
    // Where the interval is short a ping may be there by now: it is the next poll's.
    const pinged = got.text.endsWith("\x1e2");
    this.early = pinged ? { ...got, text: "2" } : undefined;
    this.got = pinged ? got.text.slice(0, -2) : got.text;
    return JSON.parse(this.got.slice(2 + prefix.length)).sid;
  }
  /**
   * Polls until the session ends or a packet equals `until`. Answers the packets in order without the noops and the
   * closing packet: how they were spread over responses is the host's affair.
   */
  async drain(until, first) {
    const packets = [];
    for (let response = first ?? (await this.get()); ; response = await this.get()) {
      if (response.status !== 200) return { packets, ended: response.status };
      packets.push(...response.text.split("\x1e").filter((packet) => packet !== "6" && packet !== "1"));
      if (packets.includes(until)) return { packets };
    }
  }
  async ws() { return Ws.open(this.port, this.target.replace("polling", "websocket")); }
}
