// The benchmark's application for servers with socket.io's own API. It must not tune the server it is given.

const TICK_MS = 33;

export function serve(io, arena) {
  let held = [];
  let count = 0;
  io.on("connection", (socket) => {
    const relay = (data) => socket.to("r").emit("msg", data);
    const join = (rooms, ack) => {
      socket.join(rooms);
      ack();
    };
    socket.on("join", join);
    socket.on("rooms", join);
    socket.on("pub", relay);
    socket.on("bin", relay);
    socket.on("count", (text, ack) => {
      count += 1;
      if (ack) ack();
    });
    socket.on("counted", (ack) => ack(count));
    socket.on("cell", (room, text) => {
      if (arena) held.push([socket, room, text]);
      else socket.to(room).emit("msg", text);
    });
  });
  if (!arena) return;
  // A game's frame: what came in since the last one goes out.
  setInterval(() => {
    for (const [socket, room, text] of held) socket.to(room).emit("msg", text);
    held = [];
  }, TICK_MS);
}
