// The same node on Node's socket.io, as its documentation sets it up: node.mjs REDIS_SOCKET FORMAT
import { createServer } from "node:http";
import { createRequire } from "node:module";

// They are installed for the tests of interoperability.
const require = createRequire(new URL("../../tests/interop/package.json", import.meta.url));
const { Server } = require("socket.io");
const { createClient } = require("redis");
const { createAdapter, createShardedAdapter } = require("@socket.io/redis-adapter");
const streams = require("@socket.io/redis-streams-adapter");

const [path, format] = process.argv.slice(2);
const redis = () => createClient({ socket: { path } }).connect();
const ADAPTERS = {
  pubsub: async () => createAdapter(await redis(), await redis()),
  sharded: async () => createShardedAdapter(await redis(), await redis()),
  streams: async () => streams.createAdapter(await redis()),
};
const server = createServer();
const io = new Server(server, { adapter: await ADAPTERS[format]() });
io.on("connection", (socket) => {
  if (socket.handshake.auth.listens) socket.join("all");
  socket.on("say", (count, ...rest) => { for (let n = 0; n < count; n++) io.to("all").emit("m", ...rest); });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
