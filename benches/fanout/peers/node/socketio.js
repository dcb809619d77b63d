// Node's socket.io with its defaults. Usage: node socketio.js PORT
import { Server } from "socket.io";

const io = new Server(Number(process.argv[2]));

io.on("connection", (socket) => {
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack();
  });
  socket.on("pub", (text) => socket.to("r").emit("msg", text));
});
