// ws on Node, plain WebSocket, with the rooms and the loop that its documentation leaves to you. Usage: node ws.js PORT [arena|inbound|deflate|tls CERT KEY]
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { WebSocketServer } from "ws";
import { counting } from "../inbound.mjs";

const TICK_MS = 33;
const [PLUS, AT] = Buffer.from("+@");
const [port, mode, cert, key] = process.argv.slice(2);
const arena = mode === "arena";
const rooms = new Map();
const reply = mode === "inbound" ? counting() : undefined;
let held = [];

function join(socket, name) {
  if (!rooms.has(name)) rooms.set(name, new Set());
  rooms.get(name).add(socket);
}

function publish(sender, room, data, binary) {
  for (const member of rooms.get(room)) if (member !== sender) member.send(data, { binary });
}

const where = mode === "tls" ? { server: createServer({ cert: readFileSync(cert), key: readFileSync(key) }).listen(Number(port)) } : { port: Number(port) };
new WebSocketServer({ ...where, perMessageDeflate: mode === "deflate" }).on("connection", (socket) => {
  join(socket, "r");
  socket.on("message", (data, binary) => {
    if (reply) {
      const text = reply(data.toString());
      return void (text && socket.send(text));
    }
    if (binary || (data[0] !== PLUS && data[0] !== AT)) return publish(socket, "r", data, binary);
    const text = data.toString();
    if (data[0] === PLUS) {
      for (const name of text.slice(1).split(" ")) join(socket, name);
      return socket.send("+");
    }
    const space = text.indexOf(" ");
    const [room, message] = [text.slice(1, space), text.slice(space + 1)];
    if (arena) held.push([socket, room, message]);
    else publish(socket, room, message, false);
  });
  socket.on("close", () => {
    for (const [name, members] of rooms) if (members.delete(socket) && members.size === 0) rooms.delete(name);
  });
});

if (arena) {
  setInterval(() => {
    for (const [socket, room, text] of held) publish(socket, room, text, false);
    held = [];
  }, TICK_MS);
}
