// The page of the roomcast chat. Stock Socket.IO client; user text only ever becomes a text node.
"use strict";

const $ = (id) => document.getElementById(id);
if (typeof io === "undefined") {
  const file = document.querySelector("script[src*='socket.io']")?.src;
  $("status").textContent = `The Socket.IO client could not be loaded from ${file}. ` +
    "Run `npm install --no-save --prefix examples/chat socket.io-client@4.8.4` in the repository and start the server anew.";
  throw new Error("no Socket.IO client");
}
const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };
const transport = new URLSearchParams(location.search).get("transport");
const transports = TRANSPORTS[transport] ?? TRANSPORTS.upgrade;

// What is known of a room: its lines, its people, how many they are, and the socket that reaches it.
const rooms = new Map();
let current = null;
let wanted = "lobby";
let me = "";

function room(name, socket) {
  if (!rooms.has(name)) rooms.set(name, { name, socket, lines: [], people: [], count: 0, unread: 0, typing: new Map() });
  return rooms.get(name);
}

// ---- the wire ----

function connect(namespace, auth) {
  const socket = io(namespace, { transports, upgrade: transport !== "polling", auth, reconnectionDelayMax: 2000 });
  // The room this socket is in. What the server says of it comes in order, so no line lands in the wrong room.
  let here = null;
  socket.on("room", (name) => {
    const follow = current === null || current === here;
    here = room(name, socket);
    if (follow) show(here);
  });
  socket.on("rooms", (counts) => {
    for (const [name, count] of counts) room(name, socket).count = count;
    drawRooms();
  });
  socket.on("people", (names) => { if (here) { here.people = names; drawPeople(); } });
  socket.on("joined", (name) => note(here, `${name} joined`));
  socket.on("left", (name) => { here?.typing.delete(name); note(here, `${name} left`); drawTyping(); });
  socket.on("typing", (name) => { here?.typing.set(name, Date.now() + 3000); drawTyping(); });
  socket.on("message", (from, text) => {
    here?.typing.delete(from);
    line(here, message(from, text));
    drawTyping();
  });
  return socket;
}

function status(state, transport = "") {
  Object.assign($("status").dataset, { state, transport });
  $("status").textContent = transport ? `${state} · ${transport}` : `${state} …`;
}

// The page connects before anybody has a name. Later, a reconnect brings name and room along.
const main = connect("/", (reply) => reply({ name: me, room: wanted }));
status("connecting");
main.on("connect", () => {
  const { engine } = main.io;
  $("status").dataset.recovered = main.recovered;
  // What was said meanwhile has come already, and stands above.
  if (main.recovered) note(current, "The connection is back, and nothing is missing.");
  status("connected", engine.transport.name);
  engine.on("upgrade", () => status("connected", engine.transport.name));
});
main.on("connect_error", () => status("reconnecting"));
main.on("disconnect", () => {
  status("reconnecting");
  for (const place of rooms.values()) place.typing.clear();
  note(current, "Connection lost. What you write now is sent when it is back.");
  drawTyping();
});

function enter(name) {
  me = name;
  if (main.connected) main.emit("name", name);
}

function goTo(place) {
  if (place.socket.nsp === "/") {
    wanted = place.name;
    place.socket.emit("move", place.name);
  }
  show(place);
}

async function say(text) {
  const { item, tick } = message(me, text, "mine");
  const place = current;
  line(place, { item });
  try {
    await place.socket.timeout(20_000).emitWithAck("say", text);
    tick.textContent = "✓";
    item.dataset.delivered = true;
  } catch {
    tick.textContent = "not delivered";
    item.dataset.delivered = false;
  }
}

let staff = null;
function enterStaff(token) {
  staff?.disconnect();
  staff = connect("/staff", { name: me, token });
  const answer = (state, text) => { $("staff").dataset.state = state; $("staff").textContent = text; };
  answer("asking", "");
  staff.on("connect", () => {
    $("staff-form").hidden = true;
    answer("in", "The staff room is open to you.");
  });
  // A refusal is final; a lost connection is not, and the client tries again by itself.
  staff.on("connect_error", (error) => {
    if (!staff.active) answer("refused", [error.message, error.data?.hint].filter(Boolean).join(". "));
  });
}

// ---- the page ----

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function avatar(name) {
  let hue = 7;
  for (const char of name) hue = (hue * 31 + char.codePointAt(0)) % 360;
  const made = element("span", "avatar");
  made.dataset.letter = [...name][0]?.toUpperCase();
  made.style.setProperty("--hue", hue);
  made.ariaHidden = "true";
  return made;
}

function message(from, text, className = "") {
  const item = element("li", className);
  const head = element("div", "head");
  const time = element("time", "", new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  const tick = element("span", "tick", className === "mine" ? "…" : "");
  head.append(element("span", "from", from), time, tick);
  const bubble = element("div", "bubble");
  bubble.append(head, element("p", "text", text));
  item.append(avatar(from), bubble);
  return { item, tick };
}

function note(place, text) {
  line(place, { item: element("li", "note", text) });
}

function line(place, { item }) {
  if (!place) return;
  place.lines.push(item);
  if (place.lines.length > 500) place.lines.shift().remove();
  if (place === current) {
    const list = $("messages");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    list.append(item);
    if (atEnd || item.className === "mine") list.scrollTop = list.scrollHeight;
  } else if (item.className === "") {
    place.unread += 1;
    drawRooms();
  }
}

function show(place) {
  current = place;
  place.unread = 0;
  $("messages").replaceChildren(...place.lines);
  $("messages").scrollTop = $("messages").scrollHeight;
  $("message").placeholder = `Say something in ${place.name}`;
  drawRooms();
  drawPeople();
  drawTyping();
}

function drawRooms() {
  $("rooms").replaceChildren(...[...rooms.values()].map((place) => {
    const button = element("button", "");
    button.dataset.room = place.name;
    button.type = "button";
    button.ariaCurrent = String(place === current);
    button.append(element("span", "", place.name), element("small", "", place.unread ? `${place.unread} new` : place.count || ""));
    button.onclick = () => { goTo(place); $("message").focus(); };
    const item = element("li", "");
    item.append(button);
    return item;
  }));
}

function drawPeople() {
  $("people").replaceChildren(...(current?.people ?? []).map((name) => {
    const item = element("li", "");
    item.append(avatar(name), name);
    return item;
  }));
}

function drawTyping() {
  const typing = current?.typing ?? new Map();
  for (const [name, until] of typing) if (until < Date.now()) typing.delete(name);
  const names = [...typing.keys()];
  $("typing").textContent = names.length === 0 ? "" : names.length === 1 ? `${names[0]} is typing …`
    : names.length < 4 ? `${names.join(", ")} are typing …` : "Many are typing …";
}
setInterval(drawTyping, 1000);

$("door").onsubmit = (event) => {
  event.preventDefault();
  const name = $("name").value.trim();
  if (name === "") return;
  sessionStorage.setItem("name", name);
  $("door").hidden = true;
  enter(name);
  $("message").focus();
};
$("name").value = sessionStorage.getItem("name") ?? "";

// When the others were last told that I type.
let told = 0;

$("composer").onsubmit = (event) => {
  event.preventDefault();
  const text = $("message").value.trim();
  if (text !== "" && current) say(text);
  $("message").value = "";
  told = 0;
};
$("message").oninput = () => {
  if (current && Date.now() - told > 1000) {
    told = Date.now();
    current.socket.volatile.emit("typing");
  }
};

$("staff-form").onsubmit = (event) => {
  event.preventDefault();
  enterStaff($("token").value);
};
