// Node's socket.io with its defaults, the ws engine among them. Usage: node socketio.js PORT [arena|deflate]
import { Server } from "socket.io";
import { serve } from "../app.mjs";

const [port, mode] = process.argv.slice(2);
serve(new Server(Number(port), { perMessageDeflate: mode === "deflate" }), mode === "arena");
