// Connection state recovery: what a client that comes back is told, and what becomes of its session. docs/PROTOCOL.md has the table of
// what is known to go wrong with Node's server.
import { Polling } from "../lib/raw.mjs";
import { asked } from "./asked.mjs";
import { Phone, over } from "./phone.mjs";
import { joined } from "./session.mjs";
import { shown } from "./shown.mjs";

/** A client that has heard one event, and the observer, who can say things. */
async function begin(at) {
  const observer = await Phone.open(at, "/observer");
  const phone = await Phone.open(at);
  await observer.ask("say", "/", {}, "heard");
  await phone.hear();
  return { phone, observer, say: (to, ...event) => observer.ask("say", "/", to, ...event) };
}
/** The number that a private id has behind its 128 bits, which Node's have not, nor ours where there is one loop. */
const loopOf = (pid) => Buffer.from(pid, "base64url")[16];

export const sessions = {
  "the reply to the CONNECT": async (at) => {
    const phone = await Phone.open(at);
    const { sid, pid } = phone;
    await over(phone);
    return { sid: /^[\w-]{20}$/.test(sid), pid: /^[\w-]{20,23}$/.test(pid), loop: loopOf(pid) !== undefined, apart: sid !== pid };
  },
  "which events have an offset": async (at) => {
    const phone = await Phone.open(at);
    await phone.say("back", "direct", 1);
    await phone.say("say", { rooms: [phone.sid] }, "to a room");
    await phone.say("say", {}, "to all", { a: [] });
    await phone.say("ask", "question", 1);
    await phone.ws.send('451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([1, 2]));
    const before = (await phone.ask("rooms")).heard;
    await phone.say("volatile", 1);
    const seen = [...before, await phone.hear()];
    await over(phone);
    return seen;
  },
  "what it missed, then the CONNECT": async (at) => {
    const { phone, observer, say } = await begin(at);
    await phone.ask("join", "red", "blue");
    const left = await phone.cut();
    await say({ rooms: ["red"] }, "one", 1);
    await say({ rooms: [phone.sid] }, "two");
    await say({ rooms: ["green"] }, "of another room");
    await say({ except: ["blue"] }, "to others");
    await say({ rooms: ["red", "blue"] }, "three");
    await say({ volatile: true }, "volatile");
    await say({}, "four");
    const back = await phone.come();
    const now = await phone.ask("rooms");
    await over(phone, observer);
    return { left, back, now };
  },
  "again and again": async (at) => {
    const { phone, observer, say } = await begin(at);
    const seen = [];
    for (let n = 0; n < 3; n++) {
      await say({}, "there", n);
      seen.push((await phone.ask("rooms")).heard);
      await phone.cut();
      await say({}, "away", n);
      seen.push(await phone.come());
    }
    await over(phone, observer);
    return seen;
  },
  "binary that it missed": async (at) => {
    const { phone, observer } = await begin(at);
    const talker = await Phone.open(at);
    await phone.cut();
    await talker.ws.send('452-["say",{},"file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', Buffer.from([1]), Buffer.from([]));
    await talker.ask("rooms");
    const back = await phone.come();
    await over(phone, observer, talker);
    return back;
  },
  "from polling to WebSocket and back": async (at) => {
    const { phone, observer, say } = await begin(at);
    const seen = [];
    for (const polling of [true, false, true]) {
      await phone.cut();
      for (let n = 0; n < 20; n++) await say({}, "away", n);
      const { session, missed } = await phone.come(undefined, polling);
      seen.push([session, missed.map(([, n]) => n).join(" ")]);
    }
    await over(phone, observer);
    return seen;
  },
  "a replay over polling is one answer": async (at) => {
    const { phone, observer, say } = await begin(at);
    await phone.cut();
    for (let n = 0; n < 40; n++) await say({}, "away", n);
    const polling = await Polling.open(at.port);
    await polling.post("40" + JSON.stringify(phone.session));
    const packets = (await polling.get()).text.split("\x1e");
    await polling.post("1");
    await over(observer);
    return { count: packets.length, last: packets.at(-1).slice(0, 3) };
  },
  "two namespaces of one connection": async (at) => {
    const { phone, observer, say } = await begin(at);
    const other = new Phone(at, "/plain");
    other.ws = phone.ws;
    await other.join();
    await other.say("back", "heard");
    await other.hear();
    await phone.cut();
    await say({}, "one");
    await observer.ask("say", "/plain", {}, "two");
    const back = await phone.come();
    other.ws = phone.ws;
    const beside = await other.join();
    await over(phone, observer);
    return { back, beside };
  },
  "a guarded namespace asks once": async (at) => {
    const phone = await Phone.open(at, "/guarded", { token: "secret" });
    await phone.say("back", "heard");
    await phone.hear();
    await phone.cut();
    const back = await phone.come();
    await phone.cut();
    const stranger = await phone.come({ pid: "x", offset: phone.offset });
    await over(phone);
    return { back, stranger };
  },
  "the handshake of one who is back": async (at) => {
    const { phone, observer } = await begin(at);
    await phone.cut();
    await phone.come({ ...phone.session, greet: "hi" });
    const welcome = await phone.hear();
    const { answer } = await phone.ask("whoami");
    await over(phone, observer);
    return { welcome, auth: Object.keys(answer.auth).sort(), id: answer.id === phone.sid };
  },
  ...Object.fromEntries([
    ["a pid that is no text", { pid: 7 }], ["a pid that nobody has", { pid: "AAAAAAAAAAAAAAAAAAAAAA" }],
    ["an offset of null", { offset: null }], ["an offset like Node's, that nobody gave", { offset: "Q8LOXuf" }],
  ].map(([name, wrong]) => [name, async (at) => {
    const { phone, observer, say } = await begin(at);
    await phone.cut();
    await say({}, "missed");
    const back = await phone.come({ ...phone.session, ...wrong });
    await over(phone, observer);
    return back;
  }])),
  ...Object.fromEntries(Object.entries({
    "who left by itself": (phone) => phone.ws.send("41"),
    "who was kicked": (phone) => phone.say("kick", false),
    "who was kicked with the connection": (phone) => phone.say("kick", true),
    "who broke the protocol": (phone) => phone.ws.send("4x"),
    "who closed its WebSocket": (phone) => phone.ws.close(),
  }).map(([name, end]) => [name, async (at) => {
    const { phone, observer } = await begin(at);
    await end(phone);
    const left = await at.host.left(phone.sid);
    await over(phone);
    const back = await phone.come();
    await over(phone, observer);
    return { left, back };
  }])),
  "who closed its polling session": async (at) => {
    const { phone, observer } = await begin(at);
    await phone.cut();
    await phone.come(undefined, true);
    const left = await phone.cut();
    const back = await phone.come();
    await over(phone, observer);
    return { left, back };
  },
};

export const faults = {
  "its old connection seems to be open": async (at) => {
    const { phone, observer, say } = await begin(at);
    await say({}, "one");
    const old = new Phone(at);
    Object.assign(old, { ws: phone.ws, pid: phone.pid });
    const back = await phone.come();
    await say({}, "two");
    const { heard } = await phone.ask("rooms");
    const seen = { back, heard, old: [await old.hear(), await old.hear()] };
    await over(phone, observer, old);
    return seen;
  },
  "no event heard before the drop": async (at) => {
    const observer = await Phone.open(at, "/observer");
    const phone = await Phone.open(at);
    await phone.cut();
    await observer.ask("say", "/", {}, "missed");
    const back = await phone.come();
    await over(phone, observer);
    return back;
  },
  "a volatile event that ends with a text": async (at) => {
    const { phone, observer, say } = await begin(at);
    await phone.say("volatile", "text");
    await phone.hear();
    await phone.cut();
    await say({}, "missed");
    const back = await phone.come();
    await over(phone, observer);
    return back;
  },
  "one pid used twice": async (at) => {
    const { phone, observer, say } = await begin(at);
    await phone.cut();
    const copy = new Phone(at);
    Object.assign(copy, phone);
    const backs = [await phone.come(), await copy.come()];
    await say({}, "to all");
    const seen = { backs, first: (await phone.ask("rooms")).heard, second: (await copy.ask("rooms")).heard };
    await over(phone, copy, observer);
    return seen;
  },
  "an offset from before the session began": async (at) => {
    const { phone, observer, say } = await begin(at);
    await phone.cut();
    await say({}, "before");
    // The recovery fails, and the client keeps its offset.
    const failed = await phone.come({ ...phone.session, pid: "x" });
    await phone.cut();
    await say({}, "missed");
    const back = await phone.come();
    await over(phone, observer);
    return { failed, back };
  },
  "said to a room before it joined": async (at) => {
    const { phone, observer, say } = await begin(at);
    await say({ rooms: ["red"] }, "before");
    await phone.ask("join", "red");
    await phone.cut();
    await say({ rooms: ["red"] }, "missed");
    const back = await phone.come();
    await over(phone, observer);
    return back;
  },
  "taken out of a room while away": async (at) => {
    const { phone, observer, say } = await begin(at);
    await phone.ask("join", "red");
    await phone.cut();
    await say({ rooms: ["red"] }, "missed");
    await observer.ask("leave", "/", phone.sid, "red");
    await say({ rooms: ["red"] }, "after");
    const back = await phone.come();
    const { answer } = await phone.ask("rooms");
    await over(phone, observer);
    return { back, rooms: answer };
  },
  "kicked while away": async (at) => {
    const { phone, observer } = await begin(at);
    await phone.cut();
    await observer.ask("kick", "/", phone.sid, false);
    const back = await phone.come();
    await over(phone, observer);
    return back;
  },
  "the offset of another's private message": async (at) => {
    const { phone, observer, say } = await begin(at);
    let other = await Phone.open(at);
    // Where there are several loops, it is on another one.
    while (loopOf(phone.pid) !== undefined && loopOf(phone.pid) === loopOf(other.pid)) {
      await over(other);
      other = await Phone.open(at);
    }
    await phone.cut();
    await say({}, "one");
    await say({ rooms: [other.sid] }, "private");
    await say({}, "two");
    const heard = [await other.hear(), await other.hear()];
    const back = await phone.come({ pid: phone.pid, offset: other.offset });
    await over(phone, observer, other);
    return { heard, back };
  },
  "a question asked while away": async (at) => {
    const { phone, observer } = await begin(at);
    const other = await Phone.open(at);
    await phone.ask("join", "red");
    await phone.cut();
    await other.say("ask-room", 5_000, "red", "question");
    const answers = await other.hear();
    const back = await phone.come();
    await over(phone, observer, other);
    return { answers, back };
  },
};

export const restart = {
  "the server starts anew": async (at) => {
    const { phone, observer, say } = await begin(at);
    await say({}, "two");
    await phone.hear();
    await observer.say("restart");
    const left = await at.host.left(phone.sid);
    await Promise.all([phone.ws.rest(), observer.ws.rest()]);
    await at.host.line((line) => line === `listening on ${at.port}`);
    const back = await phone.come();
    await over(phone);
    return { left, back };
  },
};

export const idle = {
  "an old offset, and nothing missed": async (at) => {
    const phone = await Phone.open(at);
    await phone.say("back", "heard");
    await phone.hear();
    // By now nobody keeps that event any more.
    await phone.wait(13);
    await phone.cut();
    const back = await phone.come();
    await over(phone);
    return back;
  },
  "no pong came": async (at) => {
    const phone = await Phone.open(at);
    await phone.say("back", "heard");
    await phone.hear();
    const left = await at.host.left(phone.sid);
    await over(phone);
    const back = await phone.come();
    await over(phone);
    return { left, back };
  },
};

export const bounds = {
  "more missed than is kept": async (at) => {
    const { phone, observer, say } = await begin(at);
    await phone.cut();
    for (let n = 0; n < 30; n++) await say({}, "long", "x".repeat(1_000));
    const { session, missed } = await phone.come();
    await over(phone, observer);
    return { session, missed: missed.length };
  },
};

export const expiry = {
  "a session that nobody comes back to": async (at) => {
    const observer = await Phone.open(at, "/observer");
    const phone = await Phone.open(at);
    await phone.say("back", "heard");
    await phone.hear();
    const { sid } = phone;
    await phone.cut();
    const clock = new Phone(at);
    clock.ws = await joined(at.port, null);
    await clock.wait(2);
    const back = await phone.come();
    const told = (await observer.ask("connections")).heard.map(([, entry]) => entry).filter((entry) => entry.sid === sid);
    await over(phone, observer, clock);
    return { back, told: told.map(({ what }) => what) };
  },
};

/** A client over polling, in rooms, that has heard one event. */
async function settled(at, ...rooms) {
  const observer = await Phone.open(at, "/observer");
  const phone = new Phone(at);
  await phone.come({}, true);
  await phone.ask("join", ...rooms);
  await observer.ask("say", "/", {}, "hello");
  await phone.hear();
  return { phone, observer, say: (to, ...event) => observer.ask("say", "/", to, ...event), back: (auth) => phone.come(auth, true) };
}

/** The cases of the Socket.IO project's own tests of its server and its adapter, under their names. */
export const suite = {
  "restore session and missed packets": async (at) => {
    const { phone, observer, say, back } = await settled(at, "room1");
    await phone.cut();
    await say({}, "hello1");
    await say({ rooms: ["room1"] }, "hello2");
    await say({ rooms: [phone.sid] }, "hello3");
    const seen = await back();
    await over(phone, observer);
    return seen;
  },
  "restore rooms and data attributes": async (at) => {
    const { phone, observer, back } = await settled(at, "room1", "room2");
    await phone.ask("note", { foo: "bar" });
    await phone.cut();
    const seen = [await back(), await phone.ask("rooms"), await phone.ask("noted"), await phone.ask("members", phone.sid)];
    const members = seen.pop().answer;
    await over(phone, observer);
    return { seen, own: members.length === 1 && members[0] === phone.sid };
  },
  "restore session even if the client did not receive any event": async (at) => {
    const phone = new Phone(at);
    await phone.come({}, true);
    await phone.ask("join", "room1");
    await phone.cut();
    const seen = [await phone.come(undefined, true), await phone.ask("rooms")];
    await over(phone);
    return seen;
  },
  "replay missed packets even if the client did not receive any event before disconnection": async (at) => {
    const observer = await Phone.open(at, "/observer");
    const phone = new Phone(at);
    await phone.come({}, true);
    await phone.ask("join", "room1");
    await phone.cut();
    await observer.ask("say", "/", { rooms: ["room1"] }, "hello", "world");
    await observer.ask("say", "/", {}, "broadcast");
    const seen = [await phone.come(undefined, true), await phone.ask("rooms")];
    await over(phone, observer);
    return seen;
  },
  "not restore session if the provided offset is not a string": async (at) => {
    const { phone, observer, back } = await settled(at, "room1");
    await phone.cut();
    const seen = [await back({ pid: phone.pid, offset: 123 }), await phone.ask("rooms")];
    await over(phone, observer);
    return seen;
  },
  "not run middlewares upon recovery by default": async (at) => {
    const phone = new Phone(at, "/guarded");
    await phone.come({ token: "secret" }, true);
    await phone.say("back", "hello");
    await phone.hear();
    await phone.cut();
    const seen = await phone.come({ ...phone.session, token: "wrong" }, true);
    await over(phone);
    return seen;
  },
  "fail to restore an unknown session": async (at) => {
    const phone = new Phone(at);
    const { session, missed } = await phone.come({ pid: "foo", offset: "bar" }, true);
    await over(phone);
    return { session, missed, foreign: phone.sid === "foo" || phone.pid === "foo" };
  },
  "fail to restore a known session with an unknown offset": async (at) => {
    const { phone, observer, back } = await settled(at, "room1");
    await phone.cut();
    const seen = await back({ pid: phone.pid, offset: "def" });
    await over(phone, observer);
    return seen;
  },
  "restore missed packets": async (at) => {
    const { phone, observer, say, back } = await settled(at, "r1", "r2");
    const other = await Phone.open(at);
    await phone.cut();
    await say({}, "all");
    await say({ rooms: ["r1"] }, "room");
    await say({ except: ["r2"] }, "except");
    await say({ except: ["r3"] }, "no except");
    await other.say("ask-room", 5_000, "r1", "with ack");
    await say({ volatile: true }, "volatile");
    const seen = await back();
    await over(phone, observer, other);
    return seen;
  },
};

export const off = {
  "be disabled by default": async ({ port }) => {
    const ws = await joined(port, null);
    ws.send('40{"pid":"foo","offset":"bar"}');
    const seen = [await ws.next()];
    ws.send('42["back","hello"]');
    seen.push(await ws.next());
    ws.close();
    return shown(seen);
  },
};

export const groups = [
  { name: "recovery", options: { connectionStateRecovery: {} }, cases: { ...sessions, ...faults } },
  { name: "recovery when idle", cases: idle,
    options: { connectionStateRecovery: { maxDisconnectionDuration: 3_000 }, pingInterval: 500, pingTimeout: 2_000, pruneInterval: 100 } },
  { name: "recovery within bounds", options: { connectionStateRecovery: { logBytes: 10_000 } }, cases: bounds },
  { name: "recovery in time", options: { connectionStateRecovery: { maxDisconnectionDuration: 100 }, pingInterval: 300 }, cases: expiry },
  { name: "recovery asked again", options: { connectionStateRecovery: { skipMiddlewares: false } }, cases: asked },
  { name: "recovery over a restart", options: { connectionStateRecovery: {} }, cases: restart },
  { name: "recovery suite: should", options: { connectionStateRecovery: {} }, cases: suite },
  { name: "recovery suite: should", cases: off },
];
