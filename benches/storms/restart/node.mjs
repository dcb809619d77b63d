// The server of run.mjs on Node's socket.io, with connection state recovery as it comes: a number for everybody every so many
// milliseconds. It keeps that number over a restart; nothing else of it outlives its process. Takes a port, the milliseconds and a file.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const { Server } = createRequire(path.join(import.meta.dirname, "../../../tests/interop/package.json"))("socket.io");
const [port, pulse, kept] = process.argv.slice(2);
let number = existsSync(kept) ? Number(readFileSync(kept, "utf8")) : 0;
const http = createServer();
const server = new Server(http, { connectionStateRecovery: {} });
const clock = setInterval(() => server.emit("pulse", ++number), pulse);
server.on("connection", (socket) => {
  socket.on("hand_over", () => {
    clearInterval(clock);
    writeFileSync(kept, String(number));
    server.close(() => process.exit(0));
    http.closeAllConnections();
  });
  socket.on("stop_pulse", () => {
    clearInterval(clock);
    server.emit("last", number);
  });
});
http.listen(port, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
