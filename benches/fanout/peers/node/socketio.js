// Node's socket.io with its defaults, the ws engine among them. Usage: node socketio.js PORT [arena|deflate|tls CERT KEY]
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { Server } from "socket.io";
import { serve } from "../app.mjs";

const [port, mode, cert, key] = process.argv.slice(2);
const options = { perMessageDeflate: mode === "deflate" };
const secured = () => createServer({ cert: readFileSync(cert), key: readFileSync(key) }).listen(Number(port));
serve(new Server(mode === "tls" ? secured() : Number(port), options), mode === "arena");
