// A Socket.IO client over WebSocket that costs little: it masks with zeros, writes what is said in one turn at once, and takes apart
// nothing but its packets. It must not be more than these servers need: no fragments, no binary packets.
import { once } from "node:events";
import net from "node:net";

const HANDSHAKE = (port) => `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\n` +
  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

export class Client {
  #socket;
  #rest = null;
  #due = [];
  /** Who is told of each event: its text from the name on, as `"msg",1,"…"]`. */
  onevent = () => {};

  static async open(port) {
    const client = new Client();
    client.#socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    // A server that ends is told of by what is missing.
    client.#socket.on("error", () => {});
    client.#socket.write(HANDSHAKE(port));
    await new Promise((resolve) => {
      client.onconnect = resolve;
      client.#socket.on("data", (data) => client.#read(data));
    });
    return client;
  }

  /** `words`: an event's name and arguments, as JSON without the brackets. */
  emit(words) {
    if (this.#due.length === 0) queueMicrotask(() => this.#socket.write(Buffer.concat(this.#due.splice(0))));
    this.#say(`42[${words}]`);
  }

  /** The text of the next event. */
  async next(name) {
    return new Promise((resolve) => { this.onevent = (text) => text.startsWith(`"${name}"`) && resolve(text); });
  }

  async close() {
    this.#socket.destroy();
    await once(this.#socket, "close");
  }

  #say(text) {
    const length = Buffer.byteLength(text);
    const head = length < 126 ? 6 : 8;
    const frame = Buffer.alloc(head + length);
    frame[0] = 0x81;
    if (length < 126) frame[1] = 0x80 | length;
    else { frame[1] = 0x80 | 126; frame.writeUInt16BE(length, 2); }
    frame.write(text, head);
    this.#due.push(frame);
  }

  #read(data) {
    if (this.#rest !== null) data = Buffer.concat([this.#rest, data]);
    let at = 0;
    if (data[0] === 0x48) { // the H of HTTP, with which no frame of a server begins
      const end = data.indexOf("\r\n\r\n");
      if (end < 0) { this.#rest = data; return; }
      at = end + 4;
    }
    while (data.length - at >= 4) {
      const long = data[at + 1] === 126;
      const from = at + (long ? 4 : 2);
      const to = from + (long ? data.readUInt16BE(at + 2) : data[at + 1]);
      if (to > data.length) break;
      this.#packet(data, from, to);
      at = to;
    }
    this.#rest = at < data.length ? data.subarray(at) : null;
  }

  #packet(data, from, to) {
    if (data[from] === 0x34 && data[from + 1] === 0x32) this.onevent(data.toString("latin1", from + 3, to));
    else if (data[from] === 0x34) this.onconnect();
    else if (data[from] === 0x30) this.#answer("40");
    else if (data[from] === 0x32) this.#answer("3");
  }

  #answer(text) {
    this.#say(text);
    this.#socket.write(Buffer.concat(this.#due.splice(0)));
  }
}
