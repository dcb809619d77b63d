// Stock socket.io-client with a memory: what arrives is kept until a scenario asks for it.
import { readFileSync } from "node:fs";
import path from "node:path";
import { io } from "socket.io-client";
import * as msgpack from "socket.io-msgpack-parser";
import { within } from "../lib/raw.mjs";

// Over TLS, whom they trust.
const ca = process.env.INTEROP_TLS && readFileSync(path.join(process.env.INTEROP_TLS, "ca.crt"), "utf8");
const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

export class Clients {
  #sockets = [];
  constructor(url, kind, packed = false) { this.url = url; this.kind = kind; this.parser = packed && { parser: msgpack.default }; }

  /** A socket on a connection of its own; not awaited. */
  open(nsp = "/", options = {}) {
    return this.#keep(io(this.url + nsp, {
      transports: TRANSPORTS[this.kind], forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 50, ...(ca && { ca }), ...this.parser, ...options,
    }));
  }
  /** A further namespace on the connection of `socket`. */
  beside(socket, nsp, options = {}) {
    return this.#keep(socket.io.socket(nsp, options));
  }
  #keep(socket) {
    socket.got = [];
    socket.waiting = [];
    socket.onAny((...event) => {
      // An event that asks for an answer ends with the function to answer by.
      const at = socket.waiting.findIndex(({ name }) => name === event[0]);
      if (at >= 0) socket.waiting.splice(at, 1)[0].resolve(event.slice(1));
      else socket.got.push(event);
    });
    this.#sockets.push(socket);
    return socket;
  }
  async connect(nsp, options) {
    const socket = this.open(nsp, options);
    await up(socket);
    return socket;
  }
  close() {
    for (const socket of this.#sockets) socket.disconnect();
  }
}

/** Waits until connected, or throws what refused it. */
export const up = (socket) => socket.connected ? Promise.resolve() : within(new Promise((resolve, reject) => {
  socket.once("connect", resolve);
  socket.once("connect_error", reject);
}), "a connection");
export const refused = (socket) => within(new Promise((resolve, reject) => {
  socket.once("connect_error", resolve);
  socket.once("connect", () => reject(new Error("was accepted")));
}), "a refusal");
export const down = (socket) => within(new Promise((resolve) => socket.once("disconnect", resolve)), "a disconnect");
/** The arguments of the next event of this name, past or future. */
export function next(socket, name) {
  const at = socket.got.findIndex((event) => event[0] === name);
  if (at >= 0) return Promise.resolve(socket.got.splice(at, 1)[0].slice(1));
  return within(new Promise((resolve) => socket.waiting.push({ name, resolve })), `event ${name}`);
}
/** Asks the host; answers the arguments of its ack. */
export const ask = (socket, ...event) => within(new Promise((resolve) => {
  socket.emit(...event, (...answer) => resolve(answer));
}), `ack of ${event[0]}`);
/** Everything that has come by the time the host has answered: a fence instead of a wait. Clears the memory. */
export async function came(socket) {
  await ask(socket, "rooms");
  return socket.got.splice(0);
}
export const manager = (socket, event) => within(new Promise((resolve) => socket.io.once(event, resolve)), `manager's ${event}`);
/** Repeats a question until the answer fits. */
export async function until(question, fits, what) {
  await within((async () => { while (!fits(await question())); })(), what);
}
