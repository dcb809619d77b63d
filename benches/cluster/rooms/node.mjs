// The node of run.mjs on Node's socket.io with @socket.io/redis-adapter: one room, what clients say to it, and what an emit costs this
// thread. Takes a Redis's Unix socket, or nothing to be alone. It must do what host.rs does.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(import.meta.dirname, "../../../tests/interop/package.json"));
const { Server } = require("socket.io");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");

const connect = async (path) => {
  const client = createClient({ socket: { path } });
  client.on("error", () => {});
  return client.connect();
};
// The adapter leaves its publications to themselves: one that fails would end the process.
process.on("unhandledRejection", () => {});
const [redis] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, redis ? { adapter: createAdapter(await connect(redis), await connect(redis)) } : {});
io.on("connection", (socket) => {
  socket.on("join", () => { socket.join("r"); socket.emit("joined"); });
  socket.on("pub", (...args) => io.to("r").emit("msg", ...args));
  // A room in which nobody is, here or elsewhere: what is left is the call, and what it has to say to the others.
  socket.on("burst", (count, text) => {
    const begin = process.hrtime.bigint();
    for (let n = 0; n < count; n++) io.to("nobody").emit("msg", 0, text);
    socket.emit("took", Number(process.hrtime.bigint() - begin) / count);
  });
});
http.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
