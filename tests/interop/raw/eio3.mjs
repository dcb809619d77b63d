// Engine.IO 3 and Socket.IO 2, which a server serves with `allowEIO3`: handshakes, payloads, heartbeat, upgrade, JSONP, namespaces.
import { gunzipSync } from "node:zlib";
import { Ws, http } from "../lib/raw.mjs";
import { ALIVE, OCTETS, POLL, Polling, binary, joined, packets, read, said, text } from "../lib/raw3.mjs";
import { shown } from "./shown.mjs";

const BINARY = '451-["echo",{"_placeholder":true,"num":0}]';
const ID = /[A-Za-z0-9_-]{20}/g;

const handshakes = {
  "polling": async ({ port }) => {
    const response = await http(port, "GET", POLL);
    const [open] = read(response);
    return { ...shown(response), body: shown(open) };
  },
  "WebSocket": async ({ port }) => {
    const ws = await joined(port);
    ws.close();
    return [shown(ws.open), ws.first];
  },
  ...Object.fromEntries(["transport=polling", "transport=polling&EIO=", "transport=polling&EIO=2", "transport=polling&EIO=5", "transport=polling&EIO=3.0"].map((query) => [`version: ${query}`, async ({ port }) => {
    const response = await http(port, "GET", "/socket.io/?" + query);
    return [response.status, shown(response.status === 200 ? read(response)[0] : response.text)];
  }])),
  "EIO=4 as ever": async ({ port }) => shown(await http(port, "GET", POLL.replace("EIO=3", "EIO=4"))),
  "in / without having asked": async ({ port }) => {
    const p = await Polling.open(port);
    const me = await p.say('420["whoami"]', '42["back","alive"]');
    const { packets: [ack, ...more] } = await p.drain();
    const { id, nsp, auth } = JSON.parse(ack.slice(3))[0];
    return { first: p.first, me, is: id === p.sid, nsp, auth, more };
  },
  "another version for a session of 3": async ({ port }) => {
    const p = await Polling.open(port);
    const wrong = await http(port, "GET", p.target.replace("EIO=3", "EIO=4"));
    await p.say('42["back","alive"]');
    return [shown(wrong), await p.drain()];
  },
  "another version for a session of 4": async ({ port }) => {
    const { text } = await http(port, "GET", POLL.replace("EIO=3", "EIO=4"));
    const target = `/socket.io/?EIO=4&transport=polling&sid=${JSON.parse(text.slice(1)).sid}`;
    return [shown(await http(port, "GET", target.replace("EIO=4", "EIO=3"))), shown(await http(port, "POST", target, { body: "40" }))];
  },
};

const payloads = {
  "text both ways": async ({ port }) => {
    const p = await Polling.open(port);
    const posted = shown(await p.post(text('42["echo","é\u2028\ud83d\ude00x","\\u0000"]', '42["echo",2]', '42["back","alive"]')));
    return [posted, await p.drain()];
  },
  "lengths are code units": async ({ port }) => {
    const p = await Polling.open(port);
    await p.say('42["back","é\u20ac\ud83d\ude00","\ud83d\udc69\u200d\ud83d\udc67"]');
    return (await p.get()).text;
  },
  "empty packets are none": async ({ port }) => {
    const p = await Polling.open(port);
    await p.post('0:' + text('42["back","alive"]') + "0:");
    return p.drain();
  },
  "a binary event to a client of binary payloads": async ({ port }) => {
    const p = await Polling.open(port);
    await p.post(binary(BINARY, Buffer.from([1, 2, 255, 0]), '42["back","alive","é\ud83d\ude00"]', '42["back","alive"]'), OCTETS);
    return p.drain();
  },
  "the bytes of a binary payload": async ({ port }) => {
    const p = await Polling.open(port);
    await p.post(binary(BINARY, Buffer.alloc(130, 7)), OCTETS);
    const response = await p.get();
    return [response.header("content-type"), response.body.toString("hex")];
  },
  "binary as base64 to a client of binary payloads": async ({ port }) => {
    const p = await Polling.open(port);
    await p.say(BINARY, "b4AQL/AA==", '42["back","alive"]');
    return p.drain();
  },
  "a binary event to a client without binary": async ({ port }) => {
    const p = await Polling.open(port, "&b64=1");
    await p.say(BINARY, "b4AQL/AA==", '42["back","alive"]');
    return p.drain();
  },
  "empty binary": async ({ port }) => {
    const p = await Polling.open(port, "&b64=1");
    await p.say(BINARY, "b4", '42["back","alive"]');
    return p.drain();
  },
  "a binary payload of text packets": async ({ port }) => {
    const p = await Polling.open(port);
    await p.post(binary('42["back","é\ud83d\ude00"]', '42["back","alive"]'), OCTETS);
    return p.drain();
  },
  "several answers to one poll": async ({ port }) => {
    const p = await Polling.open(port);
    await p.say('42["echo",1]');
    await p.say('42["echo",2]');
    return (await p.get()).text;
  },
  "an empty binary payload": async ({ port }) => {
    const p = await Polling.open(port);
    const posted = await p.post("", OCTETS);
    await p.say('42["back","alive"]');
    return [posted.status, await p.drain()];
  },
};

/** Bodies that are no payload: each ends its session. */
const BAD = {
  "empty": "",
  "no length": "42",
  "no colon": "42[1]",
  "longer than what is there": '99:42["echo",1]',
  "shorter than its packet": "1:6x",
  "behind a good one": text('42["echo",1]') + "5:42",
  "digits at the end": text('42["echo",1]') + "12",
  "a letter in the length": "1a:42",
  "a negative length": "-2:42",
  "no type": "2:x1",
  "type 7": "1:7",
  "of Engine.IO 4": '42["echo",1]\x1e42["echo",2]',
  "a pong": "1:3",
};
const BAD_BINARY = {
  "not UTF-8": Buffer.from([0, 3, 255, 52, 50, 255]),
};
const ends = async (p, host, body, options) => {
  const left = host.left(p.sid);
  await p.post(body, options);
  return { left: await left, poll: (await p.get()).status };
};
const malformed = {
  ...Object.fromEntries(Object.entries(BAD).map(([name, body]) => [name, async ({ port, host }) => ends(await Polling.open(port), host, body)])),
  ...Object.fromEntries(Object.entries(BAD_BINARY).map(([name, body]) => [`binary: ${name}`, async ({ port, host }) => ends(await Polling.open(port), host, body, OCTETS)])),
  "over WebSocket: a bad type": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send("x");
    const left = await host.left(ws.sid);
    return { left, frames: shown(await ws.rest()) };
  },
};

const websockets = {
  "binary frames begin with their type": ({ port }) => said(port, BINARY, Buffer.from([4, 1, 2, 255])),
  "base64 frames are binary": ({ port }) => said(port, BINARY, "b4AQL/"),
  "an empty attachment": ({ port }) => said(port, BINARY, Buffer.from([4])),
  ...Object.fromEntries(["b64=1", "b64=0", "b64=", "b64"].map((query) => [`a client without binary: ${query}`, async ({ port }) => {
    const ws = await joined(port, "&" + query);
    ws.send(BINARY, "b4AQL/AA==", '42["back","alive"]');
    const got = await ws.upTo(ALIVE);
    ws.close();
    return shown(got);
  }])),
  "nothing is said to a packet of no meaning": ({ port }) => said(port, "0", "5", "6"),
  "a pong": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send("3");
    return [await host.left(ws.sid), shown(await ws.rest())];
  },
};

const sessions = {
  "the client closes over polling": async ({ port, host }) => {
    const p = await Polling.open(port);
    const link = await p.pend();
    const posted = await p.post("1:1");
    const response = shown(await link.response());
    link.close();
    return { posted: shown(posted), response, left: await host.left(p.sid), poll: (await p.get()).status };
  },
  "kicked while a poll waits": async ({ port, host }) => {
    const p = await Polling.open(port);
    const link = await p.pend();
    await p.say('42["kick",true]');
    const list = read(await link.response());
    link.close();
    for (let poll = await p.get(); poll.status === 200; poll = await p.get()) list.push(...read(poll));
    return { list: list.filter((packet) => packet !== "6"), left: await host.left(p.sid) };
  },
  "kicked, and closed by the client too": async ({ port, host }) => {
    const p = await Polling.open(port);
    await p.say('42["kick",true]');
    const list = read(await p.get());
    const posted = await p.post("1:1");
    return { list, posted: [posted.status, posted.text], left: await host.left(p.sid), poll: shown(await p.get()) };
  },
  "kicked over WebSocket": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send('42["kick",true]');
    return [shown(await ws.rest()), await host.left(ws.sid)];
  },
  "a second poll": async ({ port, host }) => {
    const p = await Polling.open(port);
    const link = await p.pend();
    const second = await p.get();
    const first = await link.response();
    link.close();
    return { first: shown(first), second: shown(second), left: await host.left(p.sid) };
  },
  "a body over the limit, and at the limit": async ({ port }) => {
    const p = await Polling.open(port);
    const payload = (length) => text(`42["back","x","${"x".repeat(length - 5 - 17)}"]`);
    const [over, at] = [payload(5006), payload(5005)];
    const statuses = [(await p.post(over)).status, (await p.post(at)).status];
    await p.say('42["back","alive"]');
    const { packets } = await p.drain();
    return [over.length, at.length, statuses, packets.map(({ length }) => length)];
  },
};

const upgrades = {
  "a WebSocket takes over": async ({ port }) => {
    const p = await Polling.open(port);
    const link = await p.pend();
    const ws = await p.ws();
    ws.send("2probe");
    const probe = await ws.next();
    const noop = shown(await link.response());
    link.close();
    await p.say('42["echo",1]', BINARY, "b4AQL/");
    ws.send("5", '42["back","alive"]');
    const got = shown(await ws.upTo(ALIVE));
    ws.send("2");
    const pong = await ws.next();
    const late = shown(await p.get());
    ws.close();
    return { probe, noop, got, pong, late };
  },
  "of a client without binary": async ({ port }) => {
    const p = await Polling.open(port, "&b64=1");
    const ws = await p.ws();
    ws.send("2probe");
    const probe = await ws.next();
    await p.say(BINARY, "b4AQL/");
    ws.send("5", '42["back","alive"]');
    const got = shown(await ws.upTo(ALIVE));
    ws.close();
    return { probe, got };
  },
  "a WebSocket of version 4": async ({ port }) => {
    const p = await Polling.open(port);
    const ws = await Ws.open(port, p.target.replace("polling", "websocket").replace("EIO=3", "EIO=4"));
    ws.close();
    await p.say('42["back","alive"]');
    return [ws.response.status, await p.drain()];
  },
};

const heartbeats = {
  "a ping is answered": ({ port }) => said(port, "2"),
  "a ping with data is answered": ({ port }) => said(port, "2probe"),
  "a ping over polling is answered": async ({ port }) => {
    const p = await Polling.open(port);
    await p.say("2", '42["back","alive"]');
    return p.drain();
  },
  "no ping": async ({ port, host }) => {
    const ws = await joined(port);
    const left = await host.left(ws.sid);
    return [left, shown(await ws.rest())];
  },
  "no ping over polling": async ({ port, host }) => {
    const p = await Polling.open(port);
    const link = await p.pend();
    const left = await host.left(p.sid);
    const last = read(await link.response());
    link.close();
    return [left, last];
  },
  "other packets are no ping": async ({ port, host }) => {
    const ws = await joined(port);
    let over = false;
    const left = host.left(ws.sid).finally(() => { over = true; });
    while (!over) {
      ws.send('42["back","alive"]');
      if ((await ws.next()).ended) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    ws.close();
    return left;
  },
  "pings keep it for longer than the wait for one": async ({ port }) => {
    const ws = await joined(port);
    const since = Date.now();
    while (Date.now() - since < 2_000) {
      ws.send("2");
      if ((await ws.next()) !== "3") return "no pong";
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    ws.close();
    return "alive";
  },
};

const namespaces = {
  "CONNECT": ({ port }) => said(port, "40/plain,", '42/plain,["echo",1]'),
  "CONNECT without the comma": ({ port }) => said(port, "40/plain"),
  "CONNECT with a query": ({ port }) => said(port, "40/plain?token=a%20b&n=1&n=2&e=,", '42/plain,["back","in"]'),
  "what CONNECT's query says, and the ids": async ({ port }) => {
    const ws = await joined(port);
    ws.send("40/plain?token=%C3%A9+%26&n=1&n=2&e=,");
    const got = [await ws.next()];
    ws.send('42/plain,7["whoami"]', '427["whoami"]');
    got.push(await ws.next(), await ws.next());
    ws.close();
    const me = (ack) => JSON.parse(ack.slice(ack.indexOf("[")))[0];
    const [plain, main] = [got[1], got[2]].map(me);
    return { reply: got[0], auth: plain.auth, query: plain.query, ids: [plain.id, main.id].map((id) => id.replace(ws.sid, "CONN")), main: main.auth };
  },
  "a room by the id that the client makes up": async ({ port }) => {
    const ws = await joined(port);
    ws.send("40/plain,");
    await ws.next();
    ws.send(`42/plain,["say",{"rooms":["/plain#${ws.sid}"]},"x",1]`, `42["say",{"rooms":["${ws.sid}"]},"x",2]`, `42["say",{"except":["${ws.sid}"]},"x",3]`, '421["everyone"]', '42["back","alive"]');
    const got = await ws.upTo(ALIVE);
    ws.close();
    return got.map((packet) => packet.replaceAll(ws.sid, "CONN").replaceAll(ID, "OTHER")).map((packet) => packet.startsWith("431") ? packet.includes("CONN") : packet);
  },
  "a packet with a query": ({ port }) => said(port, "40/plain,", '42/plain?token=x,["echo",1]'),
  "a fragment": ({ port }) => said(port, "40/plain#x?y,", '42/plain,["echo",1]'),
  "unknown": ({ port }) => said(port, "40/nowhere,"),
  "unknown, with a query": ({ port }) => said(port, "40/nowhere?token=x,"),
  "guarded: let in": ({ port }) => said(port, "40/guarded?token=secret,"),
  "guarded: refused with data": ({ port }) => said(port, "40/guarded?token=wrong,"),
  "guarded: refused without data": ({ port }) => said(port, "40/guarded?token=no-data,"),
  "guarded: no query": ({ port }) => said(port, "40/guarded,"),
  "of a pattern": ({ port }) => said(port, "40/tenant-a?x=1,", '42/tenant-a,["echo",1]'),
  "emitted on connect": ({ port }) => said(port, "40/plain?greet=hi,"),
  "left": ({ port }) => said(port, "40/plain,", "41/plain,", "40/plain,"),
  "/ left, and asked for": ({ port }) => said(port, "41", "40", '42["echo",1]'),
  "kicked": async ({ port }) => {
    const ws = await joined(port);
    ws.send("40/plain,");
    await ws.next();
    ws.send('42/plain,["kick"]', '42["back","alive"]');
    const got = await ws.upTo(ALIVE);
    ws.close();
    return shown(got);
  },
  "acks": ({ port }) => said(port, "40/plain,", '420["echo",1]', '42/plain,12["back","x"]'),
  "acks with binary": ({ port }) => said(port, '451-0["echo",{"_placeholder":true,"num":0}]', Buffer.from([4, 9])),
  "asked for an ack": ({ port }) => said(port, '42["ask","q",1]').then((got) => got.map((packet) => packet.replace(/^42\d+\["q"/, '42N["q"'))),
  "before CONNECT": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send('42/plain,["echo",1]');
    return [shown(await ws.rest()), (await host.left(ws.sid)).reason];
  },
  "volatile": ({ port }) => said(port, '42["volatile",1]'),
};

const jsonp = {
  "a handshake": async ({ port }) => {
    const response = await http(port, "GET", `${POLL}&j=7&b64=1`);
    const [, callback, script] = /^(___eio\[\d*\]\()(.*)\);$/s.exec(response.text);
    return { ...shown(response), body: [callback, shown(packets(Buffer.from(JSON.parse(script)))[0])] };
  },
  ...Object.fromEntries(["0", "12", "a1b2", "", "%22%5D(alert)"].map((j) => [`callback ${j}`, async ({ port }) => {
    const response = await http(port, "GET", `${POLL}&b64=1&j=${j}`);
    return response.text.slice(0, response.text.indexOf("("));
  }])),
  "both ways": async ({ port }) => {
    const p = await Jsonp.open(port);
    const posted = await p.post(text('42["back","é\u2028\u2029\ud83d\ude00</script>\\"\\\\"]'));
    return [shown(posted), await p.script()];
  },
  "line ends in a form": async ({ port }) => {
    const p = await Jsonp.open(port);
    const packet = '42["back","a\\nb",\n"c\\\\nd"]';
    await p.post(text(packet).replaceAll("\\n", "\\\\n").replaceAll("\n", "\\n"));
    return p.script();
  },
  "binary": async ({ port }) => {
    const p = await Jsonp.open(port);
    await p.post(text(BINARY, "b4AQL/"));
    return p.script();
  },
  "not with version 4": async ({ port }) => (await http(port, "GET", `${POLL.replace("EIO=3", "EIO=4")}&j=7`)).text.slice(0, 8),
};
class Jsonp {
  static async open(port) {
    const self = new Jsonp();
    self.port = port;
    const { text: script } = await http(port, "GET", `${POLL}&j=3&b64=1`);
    const list = packets(Buffer.from(JSON.parse(script.slice(script.indexOf("(") + 1, -2))));
    self.target = `${POLL}&j=3&b64=1&sid=${JSON.parse(list[0].slice(1)).sid}`;
    if (list.length === 1) await self.script();
    return self;
  }
  async script() { return (await http(this.port, "GET", this.target)).text; }
  post(payload) {
    return http(this.port, "POST", this.target, { headers: [["Content-Type", "application/x-www-form-urlencoded"]], body: "d=" + encodeURIComponent(payload) });
  }
}

const SERVED = { allowEIO3: true };
export const groups = [
  { name: "eio3 / handshake", options: SERVED, cases: handshakes },
  { name: "eio3 / a cookie", options: { ...SERVED, cookie: true }, cases: {
    "polling": async ({ port }) => shown(await http(port, "GET", POLL)).headers,
    "jsonp": async ({ port }) => shown(await http(port, "GET", POLL + "&j=1")).headers,
  } },
  { name: "eio3 / cors", options: { ...SERVED, cors: { origin: true, credentials: true } }, cases: {
    "polling": async ({ port }) => shown(await http(port, "GET", POLL, { headers: [["Origin", "http://a.example"]] })).headers,
  } },
  { name: "eio3 / payload", options: SERVED, cases: payloads },
  { name: "eio3 / compressed", options: SERVED, cases: Object.fromEntries([
    ["text", "", '42["back","x","' + "x".repeat(2000) + '"]'], ["octets", "", BINARY], ["jsonp", "&j=1&b64=1", '42["back","x","' + "x".repeat(2000) + '"]'],
  ].map(([name, query, packet]) => [name, async ({ port }) => {
    const open = (await http(port, "GET", POLL + query)).text;
    const target = `${POLL}${query}&sid=${/sid\\?":\\?"([^"\\]+)/.exec(open)[1]}`;
    // The CONNECT of `/` may be in the first answer already, and then comes once more here.
    const form = (payload) => name === "jsonp" ? "d=" + encodeURIComponent(payload) : payload;
    await http(port, "POST", target, { body: form(text('42["echo",0]')) });
    await http(port, "GET", target);
    if (name === "octets") await http(port, "POST", target, { ...OCTETS, body: binary(packet, Buffer.alloc(3000, 7)) });
    else await http(port, "POST", target, { body: form(text(packet)) });
    const response = await http(port, "GET", target, { headers: [["Accept-Encoding", "gzip"]] });
    const unpacked = gunzipSync(response.body);
    return { type: response.header("content-type").toLowerCase().replace(" ", ""), coding: response.header("content-encoding"), body: unpacked.toString("hex").slice(0, 400), length: unpacked.length };
  }])) },
  { name: "eio3 / malformed", options: SERVED, cases: malformed },
  { name: "eio3 / websocket", options: SERVED, cases: websockets },
  { name: "eio3 / session", options: { ...SERVED, maxHttpBufferSize: 5005 }, cases: sessions },
  { name: "eio3 / upgrade", options: SERVED, cases: upgrades },
  { name: "eio3 / heartbeat", options: { ...SERVED, pingInterval: 200, pingTimeout: 300 }, cases: heartbeats },
  { name: "eio3 / namespaces", options: SERVED, cases: namespaces },
  { name: "eio3 / jsonp", options: SERVED, cases: jsonp },
  { name: "eio3 / with recovery", options: { ...SERVED, connectionStateRecovery: {} }, cases: {
    "no pid": ({ port }) => said(port, "40/plain,"),
    "events have an offset": async ({ port }) => {
      const ws = await joined(port);
      ws.send('42["back","x",1]');
      const got = await ws.next();
      ws.close();
      return got.replace(/,"[^"]*"\]$/, ',"OFFSET"]');
    },
    "nobody is away": async ({ port, host }) => {
      const ws = await joined(port);
      ws.close();
      return host.left(ws.sid);
    },
  } },
];
