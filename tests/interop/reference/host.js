// The scenario host of ../HOST.md on Node's socket.io: the reference that other hosts are compared with.
// Usage: node host.js ['{"port":0, ...}']
import { createServer } from "node:http";
import { instrument } from "@socket.io/admin-ui";
import bcrypt from "bcryptjs";
import { Server } from "socket.io";
import msgpack from "socket.io-msgpack-parser";
import { clustered } from "./cluster.js";

const options = { port: 0, ...JSON.parse(process.argv[2] ?? "{}") };
const passed = [
  "path", "pingInterval", "pingTimeout", "connectTimeout", "upgradeTimeout", "maxHttpBufferSize",
  "transports", "allowUpgrades", "cors", "cookie", "connectionStateRecovery", "perMessageDeflate", "httpCompression",
  "allowEIO3",
];
const TENANT = /^\/tenant-[a-z0-9]+$/;

let io;
let http;
const names = new Set();

/** Every room of `nsp` that is not some socket's own. */
const rooms = (nsp) => [...nsp.adapter.rooms.keys()].filter((room) => !nsp.adapter.sids.has(room)).sort();
const members = (nsp, room) => [...(nsp.adapter.rooms.get(room) ?? [])].sort();
const everyone = (nsp) => [...nsp.sockets.keys()].sort();

function log(entry) {
  console.log("log " + JSON.stringify(entry));
  io.of("/observer").emit("log", entry);
}

/** `{rooms, except, volatile, local}` as a broadcast operator. */
function select(nsp, { rooms = [], except = [], volatile = false, local = false, compress = true }) {
  let target = nsp.except(except);
  if (rooms.length > 0) target = target.to(rooms);
  if (local) target = target.local;
  if (!compress) target = target.compress(false);
  return volatile ? target.volatile : target;
}

function admit(socket, next) {
  const { auth } = socket.handshake;
  const refuse = (message, data) => next(Object.assign(new Error(message), data === undefined ? {} : { data }));
  if (socket.nsp.name.startsWith("/tenant-")) {
    return auth.refuse === true ? refuse("tenant refused", { tenant: socket.nsp.name }) : next();
  }
  switch (auth.token) {
    case "secret": return next();
    case "no-data": return refuse("no data given");
    case "slow": return void setTimeout(next, 50);
    case "slow-no": return void setTimeout(() => refuse("not authorized", { code: "E_AUTH", retry: false }), 50);
    default: return refuse("not authorized", { code: "E_AUTH", retry: false });
  }
}

function serve(socket) {
  const { nsp } = socket;
  const own = () => [...socket.rooms].filter((room) => room !== socket.id).sort();
  log({ what: "connect", nsp: nsp.name, sid: socket.id, recovered: socket.recovered });
  let left = [];
  socket.on("disconnecting", () => { left = [...socket.rooms].filter((room) => room !== socket.id).sort(); });
  socket.on("disconnect", (reason) => log({ what: "disconnect", nsp: nsp.name, sid: socket.id, reason, rooms: left }));

  if (options.protocol) socket.emit("auth", socket.handshake.auth);
  if ("greet" in socket.handshake.auth) socket.emit("welcome", socket.handshake.auth.greet);

  // An event's last argument is its ack function when the client asked for an ack.
  const on = (name, handler) => socket.on(name, (...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
    handler(ack, ...args);
  });

  on("message", (ack, ...args) => socket.emit("message-back", ...args));
  on("message-with-ack", (ack, ...args) => ack(...args));

  on("echo", (ack, ...args) => { socket.emit("echo", ...args); ack(...args); });
  on("back", (ack, event, ...args) => { socket.emit(event, ...args); ack(); });
  on("burst", (ack, count, ...args) => { for (let n = 0; n < count; n++) socket.emit("burst", n, ...args); ack(); });

  on("join", async (ack, ...names) => { await socket.join(names); ack(own()); });
  on("leave", async (ack, ...names) => { for (const name of names) await socket.leave(name); ack(own()); });
  on("rooms", (ack) => ack(own()));
  on("members", (ack, room) => ack(members(nsp, room)));
  on("everyone", (ack) => ack(everyone(nsp)));
  on("room-list", (ack) => ack(rooms(nsp)));

  on("say", (ack, to, event, ...args) => {
    const except = [...(to.except ?? []), ...(to.self === false ? [socket.id] : [])];
    select(nsp, { ...to, except }).emit(event, ...args);
    ack();
  });
  on("mixed", async (ack, room) => {
    await socket.join(room);
    socket.emit("mixed", 1);
    nsp.to(room).emit("mixed", 2);
    nsp.emit("mixed", 3);
    nsp.to(socket.id).emit("mixed", 4);
    ack(5);
    socket.emit("mixed", 6);
  });
  on("leave-between", async (ack, room) => {
    await socket.join(room);
    nsp.to(room).emit("between", "member");
    await socket.leave(room);
    nsp.to(room).emit("between", "left");
    await socket.join(room);
    nsp.to(room).emit("between", "member again");
    ack();
  });
  on("volatile", (ack, ...args) => { socket.volatile.emit("volatile", ...args); ack(); });
  on("volatile-pair", (ack) => { socket.volatile.emit("volatile", 1); socket.volatile.emit("volatile", 2); ack(); });
  on("volatile-behind", (ack) => { socket.emit("regular", 1); socket.volatile.emit("volatile", 1); socket.emit("regular", 2); ack(); });

  on("ack-many", (ack) => ack(1, "two", { three: [3] }));
  on("ack-twice", (ack) => { ack("first"); ack("second"); });
  on("ack-never", () => {});
  on("ask", (_, event, ...args) => socket.emit(event, ...args, (...answer) => socket.emit("answered", ...answer)));
  on("ask-timeout", (_, ms, event, ...args) => socket.timeout(ms).emit(event, ...args, (error, ...answer) => {
    if (error) socket.emit("unanswered");
    else socket.emit("answered", ...answer);
  }));
  on("ask-room", (_, ms, room, event, ...args) => nsp.to(room).timeout(ms).emit(event, ...args, (error, answers) => {
    socket.emit("answers", error === null, answers);
  }));

  on("whoami", (ack) => {
    const { headers, address, xdomain, secure, url, query, auth, time, issued } = socket.handshake;
    ack({ id: socket.id, nsp: nsp.name, headers, address, xdomain, secure, url, query, auth, time, issued });
  });

  on("note", (ack, value) => { socket.data.noted = value; ack(); });
  on("noted", (ack) => ack(socket.data.noted ?? null));

  on("kick", (_, close) => { socket.emit("bye"); socket.disconnect(close); });
  on("kick-room", (_, room, close) => { nsp.to(room).emit("bye"); nsp.in(room).disconnectSockets(close); });
  on("kick-and-use", async (_, room) => {
    socket.disconnect();
    await socket.join(room);
    socket.emit("echo", "after the kick");
  });
}

function observe(socket) {
  const on = (name, handler) => socket.on(name, (...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
    handler(ack, ...args);
  });
  on("namespaces", (ack) => ack([...io._nsps.keys()].sort()));
  on("connections", (ack) => ack(io.engine.clientsCount));
  on("everyone", (ack, name) => ack(io._nsps.has(name) ? everyone(io.of(name)) : []));
  on("members", (ack, name, room) => ack(io._nsps.has(name) ? members(io.of(name), room) : []));
  on("room-list", (ack, name) => ack(io._nsps.has(name) ? rooms(io.of(name)) : []));
  on("say", (ack, name, to, event, ...args) => { select(io.of(name), to).emit(event, ...args); ack(); });
  on("say-tenants", (ack, event, ...args) => {
    for (const [name, nsp] of io._nsps) if (TENANT.test(name)) nsp.emit(event, ...args);
    ack();
  });
  on("fetch", async (ack, name, room) => {
    const found = await (room === null ? io.of(name) : io.of(name).in(room)).fetchSockets();
    const told = found.map(({ id, rooms, handshake }) => ({ id, rooms: [...rooms].sort(), handshake }));
    ack(told.sort((a, b) => (a.id < b.id ? -1 : 1)));
  });
  on("server-emit", (ack, name, ...args) => { io.of(name).serverSideEmit("said", ...args); ack(); });
  on("server-ask", async (ack, name, ...args) => ack(await io.of(name).serverSideEmitWithAck("asked", ...args)));
  on("nodes", async (ack, name) => ack(await io.of(name).adapter.serverCount()));
  on("join", (ack, name, of, room) => { io.of(name).in(of).socketsJoin(room); ack(); });
  on("leave", (ack, name, of, room) => { io.of(name).in(of).socketsLeave(room); ack(); });
  on("kick", (ack, name, room, close) => { io.of(name).in(room).disconnectSockets(close); ack(); });
  on("shutdown", () => io.close(() => console.log("closed")));
  on("restart", () => io.close(() => listen(options.port)));
}

// The adapter looks once a minute for what it need not keep for those who come back: no test can wait for that.
if ("pruneInterval" in options) {
  const { setInterval } = globalThis;
  globalThis.setInterval = (look, ms, ...args) => setInterval(look, ms === 60_000 ? options.pruneInterval : ms, ...args);
}

function listen(port) {
  http = createServer((_, res) => res.writeHead(404).end());
  const settings = { serveClient: false, cleanupEmptyChildNamespaces: true };
  for (const key of passed) if (key in options) settings[key] = options[key];
  if (adapter !== undefined) settings.adapter = adapter;
  if (options.msgpack) settings.parser = msgpack;
  if (options.guardHandshakes) {
    settings.allowRequest = ({ headers }, decide) => decide(headers["x-refuse"] || null, headers["x-refuse"] === undefined);
  }
  io = new Server(http, settings);
  if (options.guardHandshakes) {
    io.engine.on("initial_headers", (headers) => {
      headers["X-Answer"] = "first";
      headers["Set-Cookie"] = [...(headers["Set-Cookie"] ?? []), "own=1; Path=/; Secure; HttpOnly; Max-Age=60"];
    });
  }
  if (options.admin) {
    const { username, password, mode, readonly } = options.admin;
    instrument(io, { auth: { type: "basic", username, password: bcrypt.hashSync(password, 4) }, mode: mode ?? "development", readonly });
  }
  for (const name of ["/", "/plain", "/custom"]) io.of(name).on("connection", serve);
  io.of("/guarded").use(admit).on("connection", serve);
  io.of(TENANT).use(admit).on("connection", serve);
  io.of("/observer").on("connection", observe);
  if (adapter !== undefined) {
    io.on("said", (...args) => log({ what: "said", nsp: "/", args }));
    io.on("asked", (...args) => args.pop()({ heard: args }));
  }
  http.listen(port, "127.0.0.1", () => {
    options.port = http.address().port;
    console.log("listening on " + options.port);
  });
}

// As a node of a cluster.
const adapter = options.cluster && await clustered(options.cluster);
listen(options.port);
