// The arena's page: sends what keys, mouse and fingers want, draws what it hears. It decides nothing; README.md has the protocol.
"use strict";

const canvas = document.getElementById("world"), map = document.getElementById("map");
const pen = canvas.getContext("2d"), mapPen = map.getContext("2d");
const byId = (id) => document.getElementById(id);

const query = new URLSearchParams(location.search);
const myName = query.get("name") ?? `guest ${Math.floor(Math.random() * 900 + 100)}`;
const DELAY = 66; // ms behind the server: two ticks, so that there are always two positions to draw between
const FORGET = 2000;

const players = new Map(); // id -> { name, color, angle, health, score, heard, path: [[time, x, y]] }
let shots = [], sparks = [];
let world = { width: 4000, height: 3000, cell: 250, speed: 9, tick: 30 };
let me = null, heardCount = 0, rate = 0;

const socket = io({ transports: ["websocket", "polling"], query: { page: "arena" } });
window.arena = { socket, players, get me() { return me; } }; // for the console, and for tests

socket.on("connect", async () => {
  players.clear();
  const [id, x, y, rules] = await new Promise((resolve) => socket.emit("join", myName, (...all) => resolve(all)));
  world = rules;
  me = id;
  hear(id, x, y, 0, 5, 0);
});
socket.on("disconnect", () => { me = null; });
socket.onAny(() => { heardCount++; });
setInterval(() => { rate = heardCount; heardCount = 0; }, 1000);

function hear(id, x, y, angle, health, score) {
  const now = performance.now();
  let player = players.get(id);
  if (!player) {
    player = { name: "", color: `hsl(${(id * 137.5) % 360} 75% 65%)`, path: [] };
    players.set(id, player);
    socket.emit("who", id, (name) => { player.name = name ?? ""; });
  }
  const last = player.path.at(-1);
  if (last && Math.hypot(x - last[1], y - last[2]) > world.cell) player.path = []; // it came back to life elsewhere
  Object.assign(player, { angle, health, score, heard: now });
  player.path.push([now, x, y]);
  if (player.path.length > 8) player.path.shift();
}
socket.on("p", hear);
socket.on("shot", (id, x, y, dx, dy) => shots.push({ x, y, dx, dy, born: performance.now(), color: players.get(id)?.color ?? "#fff" }));
socket.on("hit", (target) => {
  const player = players.get(target);
  if (player) { const [x, y] = place(player); burst(x, y, player.color, 8); player.flash = performance.now(); }
});
socket.on("gone", (id) => {
  const player = players.get(id);
  if (!player) return;
  const [x, y] = place(player);
  burst(x, y, player.color, 26);
  if (id !== me) players.delete(id);
});
socket.on("top", (...rows) => {
  byId("players").textContent = rows.pop();
  byId("best").replaceChildren(...rows.map(([name, score]) => {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("span"), { textContent: name }), String(score));
    item.classList.toggle("me", name === myName);
    return item;
  }));
});

// ---- what the player wants ----

const keys = new Set(), mouse = { x: 0, y: 0, down: false };
const WAYS = { ArrowUp: [0, -1], KeyW: [0, -1], ArrowDown: [0, 1], KeyS: [0, 1], ArrowLeft: [-1, 0], KeyA: [-1, 0], ArrowRight: [1, 0], KeyD: [1, 0] };
addEventListener("keydown", (event) => { if (WAYS[event.code]) { keys.add(event.code); event.preventDefault(); } });
addEventListener("keyup", (event) => keys.delete(event.code));
addEventListener("blur", () => { keys.clear(); mouse.down = false; });
// The first finger on the left half is a stick, which steers away from where it went down; any other aims and shoots, as the mouse does.
const stick = { finger: null, x: 0, y: 0, dx: 0, dy: 0 }, REACH = 60;
canvas.addEventListener("pointerdown", (event) => {
  if (event.pointerType === "touch" && stick.finger === null && event.clientX < innerWidth / 2) {
    Object.assign(stick, { finger: event.pointerId, x: event.clientX, y: event.clientY, dx: 0, dy: 0 });
  } else {
    Object.assign(mouse, { x: event.clientX, y: event.clientY, down: true });
  }
});
canvas.addEventListener("pointermove", (event) => {
  if (event.pointerId !== stick.finger) return void Object.assign(mouse, { x: event.clientX, y: event.clientY });
  const [dx, dy] = [event.clientX - stick.x, event.clientY - stick.y];
  const reach = Math.max(REACH, Math.hypot(dx, dy));
  Object.assign(stick, { dx: +(dx / reach).toFixed(2), dy: +(dy / reach).toFixed(2) });
});
for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, (event) => {
    if (event.pointerId === stick.finger) Object.assign(stick, { finger: null, dx: 0, dy: 0 });
    else mouse.down = false;
  });
}

let wanted = "";
setInterval(() => {
  if (me === null) return;
  let { dx, dy } = stick;
  for (const key of keys) { dx += WAYS[key][0]; dy += WAYS[key][1]; }
  const angle = +Math.atan2(mouse.y - innerHeight / 2, mouse.x - innerWidth / 2).toFixed(2);
  const now = JSON.stringify([dx, dy, angle]);
  if (now !== wanted) socket.emit("input", dx, dy, angle);
  wanted = now;
  if (mouse.down) socket.emit("shoot", angle);
}, 1000 / 30);

// ---- drawing ----

/** Where a player is drawn: between the two positions around a moment a little ago. */
function place(player) {
  const then = performance.now() - DELAY, path = player.path;
  let at = path.length - 1;
  while (at > 0 && path[at][0] > then) at--;
  const [t0, x0, y0] = path[at], [t1, x1, y1] = path[at + 1] ?? path[at];
  const part = t1 > t0 ? Math.min(1, Math.max(0, (then - t0) / (t1 - t0))) : 1;
  return [x0 + (x1 - x0) * part, y0 + (y1 - y0) * part];
}
function burst(x, y, color, count) {
  for (let i = 0; i < count; i++) {
    const way = Math.random() * 6.28, speed = 40 + Math.random() * 160;
    sparks.push({ x, y, dx: Math.cos(way) * speed, dy: Math.sin(way) * speed, born: performance.now(), color });
  }
}
const cellOf = (x, y) => [Math.floor(x / world.cell), Math.floor(y / world.cell)];

function draw() {
  requestAnimationFrame(draw);
  const now = performance.now(), dots = devicePixelRatio;
  const [wide, high] = [Math.round(innerWidth * dots), Math.round(innerHeight * dots)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  // A small screen shows nearly as much of the world as a large one, only smaller.
  const scale = dots * Math.min(1, Math.min(innerWidth, innerHeight) / (2.4 * world.cell));
  const mine = players.get(me), [mx, my] = mine ? place(mine) : [world.width / 2, world.height / 2];
  const [column, row] = cellOf(mx, my);
  for (const [id, player] of players) {
    const [, x, y] = player.path.at(-1), [c, r] = cellOf(x, y);
    if (id !== me && (now - player.heard > FORGET || Math.abs(c - column) > 1 || Math.abs(r - row) > 1)) players.delete(id);
  }
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.fillStyle = "#0d0f16";
  pen.fillRect(0, 0, wide, high);
  pen.setTransform(scale, 0, 0, scale, wide / 2 - scale * mx, high / 2 - scale * my);
  pen.fillStyle = "#131622";
  pen.fillRect(0, 0, world.width, world.height);

  // The rooms: those it is in are lit.
  if (mine) {
    const left = Math.max(0, column - 1) * world.cell, upper = Math.max(0, row - 1) * world.cell;
    pen.fillStyle = "#1b2033";
    pen.fillRect(left, upper, Math.min(world.width, (column + 2) * world.cell) - left, Math.min(world.height, (row + 2) * world.cell) - upper);
    pen.fillStyle = "#222941";
    pen.fillRect(column * world.cell, row * world.cell, world.cell, world.cell);
  }
  pen.strokeStyle = "#2b3044";
  pen.lineWidth = 1;
  pen.beginPath();
  for (let x = 0; x <= world.width; x += world.cell) { pen.moveTo(x, 0); pen.lineTo(x, world.height); }
  for (let y = 0; y <= world.height; y += world.cell) { pen.moveTo(0, y); pen.lineTo(world.width, y); }
  pen.stroke();

  const life = (20 / world.tick) * 1000;
  shots = shots.filter((shot) => now - shot.born - DELAY < life);
  pen.lineCap = "round";
  for (const shot of shots) {
    const ticks = Math.max(0, (now - shot.born - DELAY) / 1000) * world.tick;
    const x = shot.x + shot.dx * ticks, y = shot.y + shot.dy * ticks;
    pen.strokeStyle = shot.color;
    pen.lineWidth = 3;
    pen.beginPath();
    pen.moveTo(x - shot.dx * Math.min(ticks, .8), y - shot.dy * Math.min(ticks, .8));
    pen.lineTo(x, y);
    pen.stroke();
  }
  sparks = sparks.filter((spark) => now - spark.born < 500);
  for (const spark of sparks) {
    const age = (now - spark.born) / 1000;
    pen.globalAlpha = 1 - age * 2;
    pen.fillStyle = spark.color;
    pen.fillRect(spark.x + spark.dx * age - 1.5, spark.y + spark.dy * age - 1.5, 3, 3);
  }
  pen.globalAlpha = 1;

  pen.textAlign = "center";
  pen.font = "12px system-ui, sans-serif";
  for (const [id, player] of players) {
    const [x, y] = place(player);
    pen.fillStyle = now - (player.flash ?? 0) < 90 ? "#fff" : player.color;
    pen.beginPath();
    pen.arc(x, y, 16, 0, 6.3);
    pen.fill();
    pen.strokeStyle = id === me ? "#ffb454" : "#0d0f16";
    pen.lineWidth = id === me ? 3 : 2;
    pen.stroke();
    pen.strokeStyle = "#0d0f16";
    pen.lineWidth = 5;
    pen.beginPath();
    pen.moveTo(x + Math.cos(player.angle) * 6, y + Math.sin(player.angle) * 6);
    pen.lineTo(x + Math.cos(player.angle) * 20, y + Math.sin(player.angle) * 20);
    pen.stroke();
    pen.fillStyle = "#0d0f16";
    pen.fillRect(x - 16, y + 22, 32, 4);
    pen.fillStyle = player.health > 2 ? "#58c98d" : "#f08a80";
    pen.fillRect(x - 16, y + 22, 32 * Math.max(0, player.health) / 5, 4);
    pen.fillStyle = id === me ? "#ffb454" : "#aab2c8";
    pen.fillText(player.name, x, y - 24);
  }
  if (stick.finger !== null) {
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.fillStyle = "#e7e9f133";
    for (const [x, y, radius] of [[stick.x, stick.y, REACH], [stick.x + stick.dx * REACH, stick.y + stick.dy * REACH, 22]]) {
      pen.beginPath();
      pen.arc(x, y, radius, 0, 6.3);
      pen.fill();
    }
  }
  drawMap(mx, my, column, row);
  byId("state").textContent = me === null ? "connecting…" : `${players.size} in sight · ${rate.toLocaleString("en")} messages a second`;
}

function drawMap(mx, my, column, row) {
  const scale = map.width / world.width;
  mapPen.clearRect(0, 0, map.width, map.height);
  mapPen.fillStyle = "#2b3350";
  mapPen.fillRect((column - 1) * world.cell * scale, (row - 1) * world.cell * scale, 3 * world.cell * scale, 3 * world.cell * scale);
  for (const [id, player] of players) {
    const [x, y] = place(player);
    mapPen.fillStyle = id === me ? "#ffb454" : player.color;
    mapPen.fillRect(x * scale - 3, y * scale - 3, 6, 6);
  }
}
draw();
