// One node of the cluster, in Node with its own socket.io: node.mjs PORT REDIS_SOCKET NAME
//
// What a client says goes to everybody in its room, whichever node they are connected to; the page and the other nodes are beside this
// file.
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, path, node] = process.argv.slice(2);
const redis = async () => {
  const client = createClient({ socket: { path, reconnectStrategy: () => 100 } });
  client.on("error", () => {});
  return client.connect();
};
const server = createServer();
const io = new Server(server, { adapter: createAdapter(await redis(), await redis()) });

io.on("connection", (socket) => {
  const [name, room] = [socket.handshake.auth.name, socket.handshake.auth.room].map((text) => String(text).slice(0, 24));
  socket.join(room);
  io.to(room).emit("joined", name, node);
  socket.on("say", (text) => io.to(room).emit("said", name, node, String(text).slice(0, 2000)));
  socket.on("disconnect", () => io.to(room).emit("left", name, node));
});
server.listen(port, "127.0.0.1", () => console.log(`${node}: listening on port ${server.address().port}`));
