// Clients of namespaces with connection state recovery, which come back to their sessions. It must not judge what they are told.
import { Polling } from "../lib/raw.mjs";
import { joined } from "./session.mjs";

/** Node's offsets and ours: no event of these cases has an argument of that form. */
const OFFSET = /^([0-9A-Za-z_-]{7}(\.[0-9A-Za-z_-]+)?|[0-9a-z]{5}-[0-9a-z]+)$/;

/** A polling session with the face of a WebSocket. */
class Polled {
  #waiting = [];
  static async open(port) {
    const polled = new Polled();
    polled.polling = await Polling.open(port);
    return polled;
  }
  send(packet) { return this.polling.post(packet); }
  async next() {
    while (this.#waiting.length === 0) {
      const { text } = await this.polling.get();
      this.#waiting.push(...text.split("\x1e").filter((packet) => packet !== "6"));
    }
    return this.#waiting.shift();
  }
  close() { return this.polling.post("1"); }
}

/** A client that keeps what JavaScript's keeps: its private id, and the last argument of any event if that is a text. */
export class Phone {
  pings = 0;
  constructor({ port, host }, nsp = "/") {
    Object.assign(this, { port, host, nsp, prefix: nsp === "/" ? "" : nsp + "," });
  }
  static async open(at, nsp, auth) {
    const phone = new Phone(at, nsp);
    await phone.come(auth);
    return phone;
  }
  /** What it says of its session: members that it does not have are left out. */
  get session() { return { pid: this.pid, offset: this.offset }; }

  /** Joins over a new connection. Answers whether its session goes on, and what it was told before it was let in. */
  async come(auth = this.session, polling = false) {
    this.ws = polling ? await Polled.open(this.port) : await joined(this.port, null);
    return this.join(auth);
  }
  async join(auth = this.session) {
    await this.ws.send(`40${this.prefix}${JSON.stringify(auth)}`);
    const missed = [];
    for (;;) {
      const packet = await this.#next();
      if (packet.ended || packet.startsWith?.("44")) return { missed, refused: true };
      if (!packet.startsWith?.(`40${this.prefix}{`)) {
        missed.push(this.#heard(packet));
        continue;
      }
      const { sid, pid } = JSON.parse(packet.slice(packet.indexOf("{")));
      const session = pid !== undefined && pid === this.pid ? "the same" : "new";
      if ((sid === this.sid) !== (session === "the same")) throw new Error("the sid and the pid belong together");
      Object.assign(this, { sid, pid });
      return { session, missed };
    }
  }
  async #next() {
    for (;;) {
      const packet = await this.ws.next();
      if (packet !== "2") return packet;
      this.pings++;
      await this.ws.send("3");
    }
  }
  /** A packet as it is compared, and what the client learns from it. */
  #heard(packet) {
    if (Buffer.isBuffer(packet)) return { binary: packet.toString("hex") };
    const event = typeof packet === "string" ? /^4([25])(?:\d+-)?(?:\/[^,]+,)?(\d*)(\[.*)$/.exec(packet) : null;
    if (event === null) return packet.ended ? "the end" : packet;
    const args = JSON.parse(event[3]);
    if (typeof args.at(-1) === "string" && event[2] === "" && this.pid !== undefined) {
      this.offset = args.at(-1);
      if (OFFSET.test(this.offset)) args[args.length - 1] = "OFFSET";
    }
    return event[2] === "" ? args : { question: args };
  }

  say(...event) { return this.ws.send(`42${this.prefix}${JSON.stringify(event)}`); }
  async hear() { return this.#heard(await this.#next()); }
  /** Asks the host. Answers what came before its answer too, or before the connection's end. */
  async ask(...event) {
    await this.ws.send(`42${this.prefix}1${JSON.stringify(event)}`);
    const heard = [];
    for (;;) {
      const packet = await this.#next();
      if (packet.ended) return { heard: [...heard, "the end"] };
      if (packet.startsWith?.(`43${this.prefix}1[`)) return { heard, answer: JSON.parse(packet.slice(packet.indexOf("[")))[0] };
      if (packet.close === undefined) heard.push(this.#heard(packet));
    }
  }
  /** Waits for so many of the host's pings: a time that the host has measured. */
  async wait(count) {
    for (const last = this.pings + count; this.pings < last;) {
      const packet = await this.ws.next();
      if (packet !== "2") throw new Error("no ping but " + JSON.stringify(packet));
      this.pings++;
      await this.ws.send("3");
    }
  }
  /** The network takes its connection away, of which the host hears. */
  async cut() {
    const left = this.host.left(this.sid);
    if (this.ws.link) this.ws.link.abort();
    else await this.ws.close();
    return left;
  }
}

/** What a polling client says last is heard before the host goes. */
export const over = (...phones) => Promise.all(phones.map(({ ws }) => ws.close()));
