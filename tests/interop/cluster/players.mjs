// python-socketio's clients with the face of scenarios/client.mjs's, so that they play the same scenarios. players.py is the other end.
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { within } from "../lib/raw.mjs";

/** As socket.io-client says it. */
const REASONS = { "server disconnect": "io server disconnect" };
/** A client has both from the beginning: it cannot ask for one later. */
const TOGETHER = ["/", "/plain"];

const packed = (value) => {
  if (Buffer.isBuffer(value)) return { bytes: value.toString("base64") };
  if (Array.isArray(value)) return value.map(packed);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, packed(inner)]));
};
const unpacked = (value) => {
  if (Array.isArray(value)) return value.map(unpacked);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0][0] === "bytes") return Buffer.from(value.bytes, "base64");
  return Object.fromEntries(entries.map(([key, inner]) => [key, unpacked(inner)]));
};

/** The program in which all of them run. */
export class Players {
  #sockets = new Map();
  #asked = new Map();
  #count = 0;

  constructor(python) {
    this.child = spawn(python, [path.join(import.meta.dirname, "players.py")], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.child.stdout }).on("line", (line) => this.#hear(JSON.parse(line)));
  }

  say(order) { this.child.stdin.write(JSON.stringify(order) + "\n"); }

  #hear({ client, ids, refused, asked, answer, namespace, event, down }) {
    if (asked !== undefined) return this.#take(this.#asked, asked)(...unpacked(answer));
    const sockets = this.#sockets.get(client);
    if (ids) for (const [name, id] of Object.entries(ids)) sockets.get(name).opened(id);
    else if (refused) sockets.values().next().value.refused(refused);
    else if (event) sockets.get(namespace).heard(unpacked(event), answer);
    else sockets.get(namespace).ended(REASONS[down] ?? down);
  }
  #take(map, key) {
    const value = map.get(key);
    map.delete(key);
    return value;
  }
  ask(answered) {
    this.#asked.set(++this.#count, answered);
    return this.#count;
  }

  /** The sockets of a new client, by their namespaces. */
  open(url, namespaces, auth = null) {
    const client = ++this.#count;
    const sockets = new Map(namespaces.map((name) => [name, new Player(this, client, name)]));
    this.#sockets.set(client, sockets);
    for (const socket of sockets.values()) socket.besides = sockets;
    this.say({ do: "connect", client, url, namespaces, auth });
    return sockets;
  }

  stop() { this.child.stdin.end(); }
}

class Player {
  got = [];
  waiting = [];
  connected = false;
  #handlers = new Map();

  constructor(players, client, namespace) { Object.assign(this, { players, client, namespace }); }

  on(name, handler) { this.#handlers.set(name, handler); }
  once(name, handler) { this.#handlers.set(name, handler); }
  emit(event, ...args) {
    const ask = typeof args.at(-1) === "function" ? { ask: this.players.ask(args.pop()) } : {};
    this.players.say({ do: "emit", client: this.client, namespace: this.namespace, event, args: packed(args), ...ask });
  }
  disconnect() { this.players.say({ do: "disconnect", client: this.client }); }

  opened(id) {
    Object.assign(this, { id, connected: true });
    this.#handlers.get("connect")?.();
  }
  refused(why) { this.#handlers.get("connect_error")?.(new Error(why)); }
  ended(reason) { this.#handlers.get("disconnect")?.(reason); }
  heard(event, answer) {
    const at = this.waiting.findIndex(({ name }) => name === event[0]);
    if (at >= 0) this.waiting.splice(at, 1)[0].resolve(event.slice(1));
    else this.got.push(event);
    if (answer !== undefined) this.#handlers.get(event[0])?.(...event.slice(1), (...args) => this.players.say({ do: "answer", answer, args: packed(args) }));
  }
}

/** The clients of one server. */
export class PythonClients {
  #all = [];
  constructor(players, url) { Object.assign(this, { players, url }); }

  #open(nsp, auth) {
    const sockets = this.players.open(this.url, nsp === "/" ? TOGETHER : [nsp], auth);
    this.#all.push(sockets.get(nsp));
    return sockets.get(nsp);
  }
  async connect(nsp = "/", { auth } = {}) {
    const socket = this.#open(nsp, auth);
    if (!socket.connected) await within(new Promise((resolve, reject) => { socket.once("connect", resolve); socket.once("connect_error", reject); }), "a connection");
    return socket;
  }
  /** A further namespace: on the same connection, if it is one of those that a client has from the beginning. */
  beside(socket, nsp, { auth } = {}) {
    return socket.besides.get(nsp) ?? this.#open(nsp, auth);
  }
  close() { for (const socket of this.#all) socket.disconnect(); }
}
