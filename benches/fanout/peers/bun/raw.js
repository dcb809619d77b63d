// Bun's own WebSocket server with its publish/subscribe, uWebSockets inside. Usage: bun raw.js PORT [arena|inbound|deflate|tls CERT KEY]
import { counting } from "../inbound.mjs";

const TICK_MS = 33;
const [port, mode, cert, key] = process.argv.slice(2);
const arena = mode === "arena";
const deflate = mode === "deflate";
const reply = mode === "inbound" ? counting() : undefined;
let held = [];

Bun.serve({
  port: Number(port),
  tls: mode === "tls" ? { cert: Bun.file(cert), key: Bun.file(key) } : undefined,
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("WebSocket only", { status: 400 })),
  websocket: {
    perMessageDeflate: deflate,
    open(socket) {
      socket.subscribe("r");
    },
    message(socket, message) {
      if (reply) {
        const text = reply(message);
        return void (text && socket.send(text));
      }
      if (message[0] !== "+" && message[0] !== "@") return void socket.publish("r", message, deflate);
      if (message[0] === "+") {
        for (const name of message.slice(1).split(" ")) socket.subscribe(name);
        return void socket.send("+");
      }
      const space = message.indexOf(" ");
      const [room, text] = [message.slice(1, space), message.slice(space + 1)];
      if (arena) held.push([socket, room, text]);
      else socket.publish(room, text);
    },
  },
});

if (arena) {
  setInterval(() => {
    for (const [socket, room, text] of held) socket.publish(room, text);
    held = [];
  }, TICK_MS);
}
