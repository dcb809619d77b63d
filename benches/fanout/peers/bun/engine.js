// socket.io on Bun with its native engine, as its documentation shows. Usage: bun engine.js PORT [arena]
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";
import { serve } from "../app.mjs";

const [port, mode] = process.argv.slice(2);
const engine = new Engine({ path: "/socket.io/" });
const io = new Server();
io.bind(engine);
serve(io, mode === "arena");

export default { port: Number(port), idleTimeout: 30, ...engine.handler() };
