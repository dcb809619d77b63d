// Engine.IO sessions: polls, posts, binary, closes, the upgrade, the heartbeat.
import { Link, Polling, Ws, UPGRADE, http, request, frame, within } from "../lib/raw.mjs";
import { shown } from "./shown.mjs";

const P = "/socket.io/";
const POLL = P + "?EIO=4&transport=polling";
const WS = P + "?EIO=4&transport=websocket";

/** A WebSocket session, joined to the main namespace unless told otherwise. */
export async function joined(port, packet = "40") {
  const ws = await Ws.open(port, WS);
  ws.open = JSON.parse((await ws.next()).slice(1));
  if (packet) {
    ws.send(packet);
    ws.sid = JSON.parse((await ws.next()).replace(/^40([^{]*,)?/, "")).sid;
  }
  return ws;
}

/** Sends a frame that is answered by an echo: what comes before the echo was already on its way. */
async function fence(ws, mark = "fence") {
  ws.send(`42["back","${mark}"]`);
  const before = [];
  for (;;) {
    const next = await ws.next();
    if (next === `42["${mark}"]` || next.ended) return shown(next.ended ? [...before, next] : before);
    before.push(next);
  }
}

const status = async (polling) => (await polling.get()).status;

export const polling = {
  "open packet": async ({ port }) => shown(await http(port, "GET", POLL)),
  "sid is 20 url-safe characters": async ({ port }) => /^[A-Za-z0-9_-]{20}$/.test((await Polling.open(port)).sid),
  "open packet over WebSocket": async ({ port }) => {
    const ws = await Ws.open(port, WS);
    const open = await ws.next();
    ws.close();
    return shown(open);
  },
  "a POST's answer": async ({ port }) => shown(await (await Polling.open(port)).post("40")),
  "a poll's answer": async ({ port }) => {
    const p = await Polling.open(port);
    await p.post("40");
    return shown(await p.get());
  },
  "a poll by an old Internet Explorer": async ({ port }) => {
    const response = await http(port, "GET", POLL, { headers: [["User-Agent", "Mozilla/5.0 (MSIE 9.0; Trident/5.0)"]] });
    return response.header("x-xss-protection") ?? null;
  },
  "packets are joined in order": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    await p.post('42["echo",1]\x1e42["echo",2]\x1e42["echo",3]');
    return shown(await p.get());
  },
  "binary both ways": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    await p.post('451-["echo",{"_placeholder":true,"num":0}]\x1ebAQIDBA==');
    return shown(await p.get());
  },
  "base64 without padding": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    await p.post('451-["echo",{"_placeholder":true,"num":0}]\x1ebAQIDBA');
    return shown(await p.get());
  },
  "empty binary": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    await p.post('451-["echo",{"_placeholder":true,"num":0}]\x1eb');
    return shown(await p.get());
  },
  "base64 text frame over WebSocket is binary": async ({ port }) => {
    const ws = await joined(port);
    ws.send('451-["echo",{"_placeholder":true,"num":0}]', "bAQIDBA==");
    const got = [await ws.next(), await ws.next()];
    ws.close();
    return shown(got);
  },
  ...Object.fromEntries(["b64=1", "b64=0", "b64=", "b64"].map((query) => [`a WebSocket of a client without binary: ${query}`, async ({ port }) => {
    const ws = await Ws.open(port, `${WS}&${query}`);
    await ws.next();
    ws.send("40");
    await ws.next();
    ws.send('452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', "bAQIDBA==", Buffer.alloc(0), '42["back","end"]');
    const got = await ws.upTo('42["end"]');
    ws.close();
    return shown(got);
  }])),
  "an answer to a waiting poll": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const link = await p.pend();
    await p.post('42["echo",1]');
    const response = shown(await link.response());
    link.close();
    return response;
  },
  "two sends while no poll waits come together": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    await p.post('42["echo",1]');
    await p.post('42["echo",2]');
    return (await p.get()).text;
  },
  "a second poll": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const first = await p.pend();
    const second = await p.get();
    const answers = { first: shown(await first.response()), second: shown(second), left: await host.left(sid), third: await status(p) };
    first.close();
    return answers;
  },
  "kicked, and closed by the client too": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    await p.post('42["kick",true]');
    const got = (await p.get()).text;
    const posted = await p.post("1");
    return { got, posted: [posted.status, posted.text], left: await host.left(sid), poll: shown(await p.get()) };
  },
  "a second POST during a POST": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const link = await Link.open(port);
    link.write(request("POST", p.target, { headers: [["Content-Length", "100"]] })).write("42");
    await link.drained();
    await http(port, "GET", "/fence");
    const second = await p.post('42["echo"]');
    const first = await link.response();
    link.close();
    return { first: shown(first), second: shown(second), left: await host.left(sid), poll: await status(p) };
  },
  "a waiting poll's connection drops": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    (await p.pend()).close();
    return { left: await host.left(sid), poll: shown(await p.get()) };
  },
  "a waiting poll's connection is reset": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    (await p.pend()).abort();
    return { left: await host.left(sid), poll: await status(p) };
  },
  "a POST's connection drops": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const link = await Link.open(port);
    link.write(request("POST", p.target, { headers: [["Content-Length", "100"]] })).write("42");
    await link.drained();
    await http(port, "GET", "/fence");
    link.close();
    return { left: await host.left(sid), poll: await status(p) };
  },
  "half-closed connection behind a poll": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const link = await p.pend();
    link.socket.end();
    return { left: await host.left(sid) };
  },
  "half-closed connection behind a handshake": async ({ port }) => {
    const link = await Link.open(port);
    link.socket.end(request("GET", POLL));
    const response = shown(await link.response());
    return { response, ...(await link.end()) };
  },
  "half-closed connection behind a POST and its poll": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const link = await Link.open(port);
    link.socket.end(Buffer.concat([request("POST", p.target, { body: '421["ack-many"]' }), request("GET", p.target)]));
    const answers = [(await link.response()).text, (await link.response()).text];
    return { answers, ...(await link.end()) };
  },
};

/** Packets that end the session, sent alone. */
const BAD = ["abc", "", "7", "8x", "4", "0", "2", "2probe", "3", "3probe", "5", "6", "1", "1x", "6x", "4\x1e", "\x1e4", "b", "bAQID", "b!!!!"];
const shownPacket = (packet) => JSON.stringify(packet);

const ALIVE = '42["alive"]';

export const packets = Object.fromEntries(BAD.flatMap((packet) => [
  [`polling: ${shownPacket(packet)}`, async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const post = shown(await p.post(packet));
    await p.post('42["back","alive"]');
    const drained = await p.drain(ALIVE);
    return { post, ...drained, ...(drained.ended && { left: await host.left(sid) }) };
  }],
  [`polling, a poll waiting: ${shownPacket(packet)}`, async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const link = await p.pend();
    const post = shown(await p.post(packet));
    await p.post('42["back","alive"]');
    const poll = await link.response();
    link.close();
    const drained = await p.drain(ALIVE, poll);
    return { post, ...drained, ...(drained.ended && { poll: poll.text, left: await host.left(sid) }) };
  }],
  [`WebSocket: ${shownPacket(packet)}`, async ({ port, host }) => {
    const ws = await joined(port);
    ws.send(packet, '42["back","alive"]');
    const frames = await ws.upTo(ALIVE);
    ws.close();
    return { frames: shown(frames), ...(frames.at(-1).ended && { left: await host.left(ws.sid) }) };
  }],
]));

const broken = (...bytes) => async ({ port, host }) => {
  const ws = await joined(port);
  ws.link.write(Buffer.concat(bytes));
  return { frames: shown(await ws.rest()), left: await host.left(ws.sid) };
};
const kept = (...bytes) => async ({ port }) => {
  const ws = await joined(port);
  ws.link.write(Buffer.concat(bytes));
  const before = await fence(ws);
  ws.close();
  return before;
};

export const frames = {
  "unmasked frame": broken(frame(1, '42["echo"]', { mask: false })),
  "reserved bit": broken(frame(1, '42["echo"]', { rsv: 4 })),
  "unknown opcode": broken(frame(3, "x")),
  "unknown control opcode": broken(frame(11, "x")),
  "long ping": broken(frame(9, "x".repeat(126))),
  "fragmented ping": broken(frame(9, "x", { fin: false })),
  "continuation of nothing": broken(frame(0, "x")),
  "a new message inside a fragmented one": broken(frame(1, "4", { fin: false }), frame(1, "2")),
  "text that is not UTF-8": broken(frame(1, Buffer.from([0x34, 0xff]))),
  "close frame of one byte": broken(frame(8, "x")),
  "close code 1005": broken(frame(8, Buffer.from([3, 237]))),
  "close code 999": broken(frame(8, Buffer.from([3, 231]))),
  "close reason that is not UTF-8": broken(frame(8, Buffer.from([3, 232, 0xff]))),
  "announced far too long": broken(frame(1, "", { announce: 2 ** 40 })),
  "length with the top bit": broken(Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])),
  "close 1000 from the client": broken(frame(8, Buffer.from([3, 232]))),
  "close 3000 with a reason": broken(frame(8, Buffer.concat([Buffer.from([11, 184]), Buffer.from("bye")]))),
  "close without a code": broken(frame(8, "")),
  "ping is answered": kept(frame(9, "hello")),
  "pong unasked": kept(frame(10, "hello")),
  "fragmented message": kept(frame(1, "42[\"ec", { fin: false }), frame(0, "ho\",", { fin: false }), frame(0, "1]")),
  "ping between fragments": kept(frame(1, "42[\"ec", { fin: false }), frame(9, "between"), frame(0, "ho\",1]")),
  "fragments split inside a character": kept(
    frame(1, Buffer.concat([Buffer.from('42["echo","'), Buffer.from("€").subarray(0, 1)]), { fin: false }),
    frame(0, Buffer.concat([Buffer.from("€").subarray(1), Buffer.from('"]')]))),
  "empty fragments": kept(frame(1, "", { fin: false }), frame(0, '42["echo",1]', { fin: false }), frame(0, "")),
  "a frame in single bytes": async ({ port }) => {
    const ws = await joined(port);
    for (const byte of frame(1, '42["echo","é"]')) ws.link.write(Buffer.from([byte]));
    const got = await ws.next();
    ws.close();
    return got;
  },
  "the connection just ends": async ({ port, host }) => {
    const ws = await joined(port);
    ws.close();
    return host.left(ws.sid);
  },
  "the connection is reset": async ({ port, host }) => {
    const ws = await joined(port);
    ws.link.abort();
    return host.left(ws.sid);
  },
  "the client shuts its sending side": async ({ port, host }) => {
    const ws = await joined(port);
    ws.link.socket.end();
    return host.left(ws.sid);
  },
  "the client shuts its sending side behind an event": async ({ port, host }) => {
    const ws = await joined(port);
    ws.link.socket.end(Buffer.concat([frame(1, '421["echo",1]'), frame(1, '42["back","last"]')]));
    return { frames: shown(await ws.rest()), left: await host.left(ws.sid) };
  },
};

/** A polling session joined to the main namespace, and its probing WebSocket after 3probe. */
async function probing(port) {
  const p = await Polling.open(port);
  const sid = await p.join();
  const ws = await p.ws();
  ws.send("2probe");
  const probe = await ws.next();
  if (probe !== "3probe") throw new Error("no 3probe but " + JSON.stringify(probe));
  return { p, ws, sid };
}

export const upgrade = {
  "probe, noop, switch": async ({ port }) => {
    const { p, ws } = await probing(port);
    const noop = shown(await p.get());
    ws.send("5", '42["echo",1]');
    const echo = await ws.next();
    ws.close();
    return { noop, echo };
  },
  "a waiting poll gets the noop": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const poll = await p.pend();
    const ws = await p.ws();
    ws.send("2probe");
    const probe = await ws.next();
    const noop = shown(await poll.response());
    poll.close();
    ws.close();
    return { probe, noop };
  },
  "every poll while upgrading gets a noop": async ({ port }) => {
    const { p, ws } = await probing(port);
    const polls = [(await p.get()).text, (await p.get()).text, (await p.get()).text];
    ws.send("5");
    const fenced = await fence(ws);
    ws.close();
    return { polls, fenced };
  },
  "what is emitted while probing reaches a poll or the WebSocket, once": async ({ port }) => {
    const { p, ws } = await probing(port);
    const posted = (await p.post('42["echo","while"]')).text;
    const poll = (await p.get()).text;
    ws.send("5");
    const fenced = await fence(ws);
    ws.close();
    return { posted, poll, fenced };
  },
  "what is buffered goes out behind the switch": async ({ port }) => {
    const { p, ws } = await probing(port);
    await p.post('42["echo",1]\x1e42["echo",2]\x1e451-["echo",{"_placeholder":true,"num":0}]\x1ebAQID');
    ws.send("5");
    const fenced = await fence(ws);
    ws.close();
    return fenced;
  },
  "the switch with a poll waiting": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const ws = await p.ws();
    const poll = await p.pend();
    ws.send("2probe", "5");
    const probe = await ws.next();
    const answer = shown(await poll.response());
    const fenced = await fence(ws);
    poll.close();
    ws.close();
    return { probe, answer, fenced };
  },
  "polls and posts after the switch": async ({ port }) => {
    const { p, ws } = await probing(port);
    ws.send("5");
    await fence(ws);
    const get = shown(await p.get());
    const post = shown(await p.post('42["echo",1]'));
    const fenced = await fence(ws);
    ws.close();
    return { get, post, fenced };
  },
  "kicked while probing, then the switch": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const ws = await p.ws();
    ws.send("2probe");
    await ws.next();
    await p.post('42["kick",true]');
    ws.send("5");
    return { frames: shown(await ws.rest()), left: await host.left(sid), poll: shown(await p.get()) };
  },
  "kicked while probing, heard of by a poll, then the switch": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const ws = await p.ws();
    ws.send("2probe");
    await ws.next();
    await p.post('42["kick",true]');
    const poll = await p.get();
    ws.send("5");
    return { poll: poll.text.replace(/^6$/, ""), frames: shown(await ws.rest()), left: await host.left(sid), late: shown(await p.get()) };
  },
  "no 2probe, straight to 5": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const ws = await p.ws();
    ws.send("5", '42["back","fence"]');
    const frames = await ws.upTo('42["fence"]');
    ws.close();
    return { frames: shown(frames) };
  },
  "no 2probe, straight to 5, a poll waiting": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const poll = await p.pend();
    const ws = await p.ws();
    ws.send("5", '42["back","fence"]');
    const frames = shown(await ws.upTo('42["fence"]'));
    poll.close();
    const after = shown(await p.get());
    ws.close();
    return { frames, after };
  },
  "no 2probe, straight to 5, with packets that waited": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    await p.post('42["echo",1]\x1e451-["echo",{"_placeholder":true,"num":0}]\x1ebAQID');
    const ws = await p.ws();
    ws.send("5");
    const fenced = await fence(ws);
    ws.close();
    return fenced;
  },
  // What a client can do is said by each request for itself.
  ...Object.fromEntries([["", "&b64=1"], ["&b64=1", ""], ["&b64=1", "&b64=1"]].map(([first, then]) => [`without binary: handshake${first}, WebSocket${then}`, async ({ port }) => {
    const p = await Polling.open(port, { query: first });
    await p.join();
    const waiting = '451-["echo",{"_placeholder":true,"num":0}]\x1ebAQID';
    await p.post(waiting);
    const poll = (await p.get()).text;
    await p.post(waiting + "\x1e" + waiting);
    const ws = await Ws.open(port, p.target.replace("polling", "websocket") + then);
    ws.send("2probe");
    await ws.next();
    ws.send("5", '451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([4, 5]));
    const fenced = await fence(ws);
    ws.close();
    return { poll, fenced };
  }])),
  "a wrong first frame on the probe": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const ws = await p.ws();
    ws.send("2wrong");
    const frames = shown(await ws.rest());
    await p.post('42["echo",1]');
    return { frames, poll: (await p.get()).text };
  },
  "a message on the probe": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const ws = await p.ws();
    ws.send('42["echo","early"]');
    const frames = shown(await ws.rest());
    await p.post('42["echo",1]');
    return { frames, poll: (await p.get()).text };
  },
  "a wrong frame behind the probe": async ({ port }) => {
    const { p, ws } = await probing(port);
    ws.send('42["echo","early"]');
    const frames = shown(await ws.rest());
    await p.post('42["echo",1]');
    return { frames, poll: (await p.get()).text };
  },
  "2probe twice": async ({ port }) => {
    const { p, ws } = await probing(port);
    ws.send("2probe");
    const second = await ws.next();
    ws.close();
    return shown(second);
  },
  "no 5 within the upgrade timeout": async ({ port }) => {
    const { p, ws } = await probing(port);
    const frames = shown(await ws.rest());
    await p.post('42["echo",1]');
    let poll;
    do poll = (await p.get()).text; while (poll === "6");
    return { frames, poll };
  },
  "nothing on the probe within the upgrade timeout": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const ws = await p.ws();
    const frames = shown(await ws.rest());
    await p.post('42["echo",1]');
    return { frames, poll: (await p.get()).text };
  },
  "the probe is given up by the client": async ({ port }) => {
    const { p, ws } = await probing(port);
    ws.close();
    await p.post('42["echo",1]');
    let poll;
    do poll = (await p.get()).text; while (poll === "6");
    return { poll };
  },
  "a second probe while probing": async ({ port }) => {
    const { p, ws } = await probing(port);
    const second = await p.ws();
    const refused = second.response.status === 101 ? shown(await second.rest()) : shown(second.response);
    ws.send("5");
    const fenced = await fence(ws);
    ws.close();
    return { refused, fenced };
  },
  "a second WebSocket after the switch": async ({ port }) => {
    const { p, ws } = await probing(port);
    ws.send("5");
    await fence(ws);
    const second = await p.ws();
    const refused = second.response.status === 101 ? shown(await second.rest()) : shown(second.response);
    const fenced = await fence(ws);
    ws.close();
    return { refused, fenced };
  },
  "a WebSocket with the sid of a WebSocket session": async ({ port }) => {
    const ws = await joined(port);
    const second = await Ws.open(port, WS + "&sid=" + ws.open.sid);
    const refused = second.response.status === 101 ? shown(await second.rest()) : shown(second.response);
    const fenced = await fence(ws);
    ws.close();
    return { refused, fenced };
  },
  "the client ends the session while probing": async ({ port, host }) => {
    const { p, ws, sid } = await probing(port);
    await p.post("1");
    return { frames: shown(await ws.rest()), left: await host.left(sid) };
  },
  "the session is kicked while probing": async ({ port, host }) => {
    const { p, ws, sid } = await probing(port);
    await p.post('42["kick",true]');
    const drained = await p.drain();
    return { drained, frames: shown(await ws.rest()), left: await host.left(sid) };
  },
  "reason when the upgraded connection ends": async ({ port, host }) => {
    const { ws, sid } = await probing(port);
    ws.send("5");
    await fence(ws);
    ws.close();
    return host.left(sid);
  },
};

export const heartbeat = {
  "ping over polling": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const answers = [];
    for (let n = 0; n < 4; n++) {
      answers.push((await p.get()).text);
      await p.post("3");
    }
    return answers;
  },
  "ping over WebSocket": async ({ port }) => {
    const ws = await joined(port);
    const got = [];
    for (let n = 0; n < 4; n++) { got.push(await ws.next()); ws.send("3"); }
    ws.close();
    return got;
  },
  "no pong over WebSocket": async ({ port, host }) => {
    const ws = await joined(port);
    const frames = shown(await ws.rest());
    return { frames, left: await host.left(ws.sid) };
  },
  "no pong over polling, a poll waiting": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const ping = (await p.get()).text;
    const last = shown(await p.get());
    return { ping, last, left: await host.left(sid), then: shown(await p.get()) };
  },
  "no pong over polling, no poll": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    return { left: await host.left(sid), poll: shown(await p.get()) };
  },
  "a pong unasked keeps nothing alive for ever": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send("3", "3");
    const frames = shown(await ws.rest());
    return { frames, left: await host.left(ws.sid) };
  },
  "a ping from the client": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send("2");
    return { frames: shown(await ws.rest()), left: await host.left(ws.sid) };
  },
  "no namespace within the connect timeout, WebSocket": async ({ port }) => {
    const ws = await joined(port, null);
    return shown(await keepAlive(ws));
  },
  "no namespace within the connect timeout, polling": async ({ port }) => {
    const p = await Polling.open(port);
    const got = [];
    for (let poll = await p.get(); ; poll = await p.get()) {
      if (poll.status !== 200) return [...got, shown(poll)];
      if (poll.text === "2") await p.post("3");
      // An end that finds no poll waiting goes with a noop, in Node too.
      else got.push(poll.text.replace(/^6\x1e/, ""));
    }
  },
  "refused by a namespace, then the connect timeout": async ({ port }) => {
    const ws = await joined(port, null);
    ws.send("40/unknown");
    return shown(await keepAlive(ws));
  },
  "left the last namespace: the connection stays": async ({ port }) => {
    const ws = await joined(port);
    ws.send("41");
    const got = [];
    for (let pings = 0; pings < 10;) {
      const next = await ws.next();
      if (next === "2") { pings++; ws.send("3"); } else got.push(next);
      if (next.ended) break;
    }
    ws.send("40");
    const again = shown(await ws.next());
    ws.close();
    return { got, again };
  },
};

/** Answers pings until the connection ends; everything else that came. */
async function keepAlive(ws) {
  const got = [];
  for (;;) {
    const next = await ws.next();
    if (next === "2") { ws.send("3"); continue; }
    if (next.close !== undefined) ws.link.write(frame(8, Buffer.alloc(0)));
    got.push(next);
    if (next.ended) return got;
  }
}

export const groups = [
  { name: "polling", cases: polling },
  { name: "engine packets", cases: packets },
  { name: "websocket frames", cases: frames },
  { name: "upgrade", options: { upgradeTimeout: 3000 }, cases: upgrade },
  { name: "heartbeat", options: { pingInterval: 300, pingTimeout: 3000, connectTimeout: 2500 }, cases: heartbeat },
];
