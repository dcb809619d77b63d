// The server of run.mjs on Node's socket.io, with connection state recovery as it comes: one room, and what the talker says to it.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const { Server } = createRequire(path.join(import.meta.dirname, "../../../tests/interop/package.json"))("socket.io");
const http = createServer();
new Server(http, { connectionStateRecovery: {} }).on("connection", (socket) => {
  socket.on("join", (ack) => { socket.join("r"); ack(); });
  socket.on("pub", (...args) => socket.to("r").emit("msg", ...args));
});
http.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
