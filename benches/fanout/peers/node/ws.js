// ws on Node, plain WebSocket, with the rooms and the loop that its documentation leaves to you. Usage: node ws.js PORT [arena]
import { WebSocketServer } from "ws";

const TICK_MS = 33;
const [port, mode] = process.argv.slice(2);
const arena = mode === "arena";
const rooms = new Map();
let held = [];

function join(socket, name) {
  if (!rooms.has(name)) rooms.set(name, new Set());
  rooms.get(name).add(socket);
}

function publish(sender, room, data, binary) {
  for (const member of rooms.get(room)) if (member !== sender) member.send(data, { binary });
}

new WebSocketServer({ port: Number(port) }).on("connection", (socket) => {
  if (!arena) join(socket, "r");
  socket.on("message", (data, binary) => {
    if (!arena) return publish(socket, "r", data, binary);
    const text = data.toString();
    const space = text.indexOf(" ");
    if (text[0] === "+") {
      for (const name of text.slice(1).split(" ")) join(socket, name);
      return socket.send("+");
    }
    held.push([socket, text.slice(0, space), text.slice(space + 1)]);
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
