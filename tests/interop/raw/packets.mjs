// Socket.IO packets: what is refused, how the connection ends then, and what is carried unchanged.
import { Polling, Ws, frame } from "../lib/raw.mjs";
import { shown } from "./shown.mjs";
import { joined } from "./session.mjs";

/** Each is sent on a connection joined to `/`; `binary` follows the text. */
const BAD = {
  "unknown type": "49",
  "no type": "4",
  "type letter": "4abc",
  "type 7": "47",
  "a space as the type": "4 /plain,",
  "a tab as the type": "4\t/plain,",
  "bad JSON": '42["echo",',
  "bad JSON, trailing text": '42["echo"]x',
  "event without data": "42",
  "event as object": '42{"0":"echo"}',
  "event as string": '42"echo"',
  "event as number": "421",
  "event as null": "42null",
  "event without a name": "42[]",
  "event named by null": "42[null]",
  "event named by an object": "42[{}]",
  "event named by a boolean": "42[true]",
  "event named by a number": "42[1]",
  "event named by an empty string": '42[""]',
  "unhandled event": '42["nobody listens",1]',
  "unhandled event with an ack id": '421["nobody listens",1]',
  "event named connect": '42["connect"]',
  "event named connect_error": '42["connect_error"]',
  "event named disconnect": '42["disconnect"]',
  "event named disconnecting": '42["disconnecting"]',
  "event named newListener": '42["newListener"]',
  "event named removeListener": '42["removeListener"]',
  "event named error": '42["error"]',
  "event named connection": '42["connection"]',
  "event named __proto__": '42["__proto__"]',
  "reserved name, escaped": '42["\\u0063onnect"]',
  "CONNECT with a string": '40/plain,"x"',
  "CONNECT with an array": "40/plain,[]",
  "CONNECT with a number": "40/plain,1",
  "CONNECT with null": "40/plain,null",
  "CONNECT with bad JSON": "40/plain,{",
  "DISCONNECT with data": '41{"a":1}',
  "DISCONNECT with an array": "41[]",
  "ACK without id": '43["x"]',
  "ACK without data": "431",
  "ACK as object": "431{}",
  "ACK as null": "431null",
  "ACK unknown id": "4399[]",
  "CONNECT_ERROR as object": '44{"message":"x"}',
  "CONNECT_ERROR as string": '44"x"',
  "CONNECT_ERROR without data": "44",
  "second CONNECT": "40",
  "second CONNECT with auth": '40{"a":1}',
  "EVENT for a namespace not joined": '42/plain,["echo"]',
  "EVENT for a namespace unknown": '42/unknown,["echo"]',
  "ACK for a namespace not joined": "43/plain,1[]",
  "DISCONNECT for a namespace not joined": "41/plain,",
  "binary event, count missing": '45["echo",{"_placeholder":true,"num":0}]',
  "binary event, only a count": "45",
  "binary event, count without dash": "451",
  "binary event, no dash": '451["echo"]',
  "binary event, count letters": '45a-["echo"]',
  "binary event, count mixed": '451a-["echo"]',
  "binary event, count fraction": '451.5-["echo"]',
  "binary event, count negative": '45-1-["echo"]',
  "binary event, count with sign": '45+1-["echo"]',
  "binary event, empty count": '45-["echo"]',
  "binary event, count 0": '450-["echo",1]',
  "binary event, count 00": '4500-["echo",1]',
  "binary event, leading zero": { text: '4501-["echo",{"_placeholder":true,"num":0}]', binary: ["01"] },
  "binary event, 10 attachments": { text: '4510-["echo",' + [...Array(10).keys()].map((num) => `{"_placeholder":true,"num":${num}}`).join() + "]", binary: [...Array(10).keys()].map((n) => "0" + n) },
  "binary event, 11 attachments": '4511-["echo"]',
  "binary event, huge count": '4599999999999999999999-["echo"]',
  "binary event, text instead of the attachment": { text: '451-["echo",{"_placeholder":true,"num":0}]', then: '42["echo",1]' },
  "binary event, attachment nobody refers to": { text: '451-["echo",1]', binary: ["01"] },
  "binary event, placeholder used twice": { text: '451-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]', binary: ["01"] },
  "binary event, placeholders out of order": { text: '452-["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]', binary: ["01", "02"] },
  "binary event, placeholder out of range": { text: '451-["echo",{"_placeholder":true,"num":1}]', binary: ["01"] },
  "binary event, placeholder negative": { text: '451-["echo",{"_placeholder":true,"num":-1}]', binary: ["01"] },
  "binary event, placeholder fraction": { text: '451-["echo",{"_placeholder":true,"num":0.5}]', binary: ["01"] },
  "binary event, placeholder string": { text: '451-["echo",{"_placeholder":true,"num":"0"}]', binary: ["01"] },
  "binary event, placeholder without num": { text: '451-["echo",{"_placeholder":true}]', binary: ["01"] },
  "binary event, _placeholder false": { text: '451-["echo",{"_placeholder":false,"num":0}]', binary: ["01"] },
  "binary event, placeholder with more keys": { text: '451-["echo",{"_placeholder":true,"num":0,"x":1}]', binary: ["01"] },
  "binary event, placeholder as the name": { text: '451-[{"_placeholder":true,"num":0}]', binary: ["01"] },
  "binary event, reserved name": { text: '451-["connect",{"_placeholder":true,"num":0}]', binary: ["01"] },
  "binary event, namespace not joined": { text: '451-/plain,["echo",{"_placeholder":true,"num":0}]', binary: ["01"] },
  "plain event with a placeholder": '42["echo",{"_placeholder":true,"num":0}]',
  "binary not announced": { binary: ["01"] },
  "one attachment too many": { text: '451-["echo",{"_placeholder":true,"num":0}]', binary: ["01", "02"] },
  "binary ack, unknown id": { text: '461-99[{"_placeholder":true,"num":0}]', binary: ["01"] },
  "binary ack, no attachment count": '4699[]',
  "ack id with leading zero": '42007["echo",1]',
  "ack id beyond 2^53": '429007199254740993["echo",1]',
  "ack id of 30 digits": '42123456789012345678901234567890["echo",1]',
  "namespace with a query": '40/plain?token=1,',
  "namespace without comma, with data": '42/plain["echo",1]',
  "space before the JSON": '42 ["echo",1]',
  "space inside the JSON": '42[ "echo" , 1 ]',
  "line break behind the JSON": '42["echo",1]\n',
  "duplicate keys": '42["echo",{"a":1,"a":2}]',
  "lone surrogate escape": '42["echo","\\ud800"]',
  "number that is too large": '42["echo",1e999]',
  "number with many digits": '42["echo",12345678901234567890,0.1000000000000000055511151231257827]',
  "deeply nested": '42["echo",' + "[".repeat(500) + "]".repeat(500) + "]",
  "event with a huge name": `42["${"n".repeat(5000)}"]`,
  "object key __proto__": '42["echo",{"__proto__":{"x":1},"constructor":1}]',
};

const ALIVE = '42["alive"]';

function both([name, given]) {
  const { text, binary = [], then } = typeof given === "string" ? { text: given } : given;
  const payload = [text, ...binary.map((hex) => "b" + Buffer.from(hex, "hex").toString("base64")), then].filter((part) => part !== undefined);
  return [
    [`WebSocket: ${name}`, async ({ port, host }) => {
      const ws = await joined(port);
      const messages = [text, ...binary.map((hex) => Buffer.from(hex, "hex")), then].filter((part) => part !== undefined);
      ws.send(...messages, '42["back","alive"]');
      const frames = await ws.upTo(ALIVE);
      ws.close();
      return { frames: shown(frames), ...(frames.at(-1).ended && { left: await host.left(ws.sid) }) };
    }],
    [`polling: ${name}`, async ({ port, host }) => {
      const p = await Polling.open(port);
      const sid = await p.join();
      const post = shown(await p.post(payload.join("\x1e")));
      await p.post('42["back","alive"]');
      const drained = shown(await p.drain(ALIVE));
      return { post, ...drained, ...(drained.ended && { left: await host.left(sid) }) };
    }],
    [`polling, a poll waiting: ${name}`, async ({ port, host }) => {
      const p = await Polling.open(port);
      const sid = await p.join();
      const link = await p.pend();
      const post = shown(await p.post(payload.join("\x1e")));
      await p.post('42["back","alive"]');
      const poll = await link.response();
      link.close();
      const drained = shown(await p.drain(ALIVE, poll));
      return { post, ...drained, ...(drained.ended && { poll: poll.text, left: await host.left(sid) }) };
    }],
  ];
}

const before = (packet) => async ({ port }) => {
  const ws = await joined(port, null);
  ws.send(packet);
  const first = await ws.next();
  ws.close();
  return shown(first);
};
const beforePolling = (packet) => async ({ port }) => {
  const p = await Polling.open(port);
  const link = await p.pend();
  const post = shown(await p.post(packet));
  const poll = shown(await link.response());
  link.close();
  return { post, poll, then: (await p.post("40")).status };
};
const EARLY = {
  "EVENT": '42["echo",1]', "ACK": "431[]", "DISCONNECT": "41", "CONNECT_ERROR": '44{"message":"x"}', "garbage": "4x",
  "CONNECT to an unknown namespace": "40/unknown", "CONNECT to an unknown namespace with auth": '40/unknown,{"a":1}',
  "CONNECT with an array": "40[]", "CONNECT with bad JSON": "40{",
};

/** Steps of a conversation: packets to send, and how many frames to read behind them. */
const talk = (...steps) => async ({ port }) => {
  const ws = await joined(port, null);
  const frames = [];
  const sids = new Set([ws.open.sid]);
  let connects = 1;
  conversation: for (const { send, expect = 1 } of steps) {
    // A packet may need what came before: the id to answer.
    ws.send(...[typeof send === "function" ? send(frames) : send].flat());
    for (let n = 0; n < expect; n++) {
      const next = await ws.next();
      frames.push(next);
      if (next.close !== undefined || next.ended) break conversation;
      const sid = /^40[^{]*\{"sid":"([^"]+)"/.exec(next)?.[1];
      if (sid) { sids.add(sid); connects++; }
    }
  }
  ws.close();
  return { frames: shown(frames), distinct: sids.size === connects };
};
/** Answers the host's last question. */
const answer = (type, args) => (frames) => {
  const [, nsp, id] = /^42(\/[a-z-]+,)?(\d+)\["q"/.exec(frames.findLast((frame) => /^42(\/[a-z-]+,)?\d+\["q"/.test(frame)));
  return `${type}${nsp ?? ""}${id}${args}`;
};

export const packets = {
  "CONNECT": talk({ send: "40" }),
  "CONNECT with auth": talk({ send: '40{"token":"x"}' }),
  "CONNECT with a comma": talk({ send: "40/plain," }),
  "CONNECT without a comma": talk({ send: "40/plain" }),
  "CONNECT to /, spelt out": talk({ send: "40/," }),
  "several namespaces": talk({ send: "40" }, { send: "40/plain," }, { send: "40/tenant-a," }),
  "refused": talk({ send: "40/guarded," }),
  "refused without data": talk({ send: '40/guarded,{"token":"no-data"}' }),
  "refused, then accepted": talk({ send: "40/guarded," }, { send: '40/guarded,{"token":"secret"}' }),
  "accepted": talk({ send: '40/guarded,{"token":"secret"}' }),
  "unknown namespace, then a known one": talk({ send: "40/unknown," }, { send: "40" }),
  "a namespace that almost fits the pattern": talk({ send: "40/tenant-A," }),
  "case matters": talk({ send: "40/Plain," }),
  "emitted on connect comes behind the CONNECT": talk({ send: '40{"greet":"hi"}', expect: 2 }),
  "events sent right behind the CONNECT": talk({ send: ["40", '42["back","alive"]'], expect: 2 }),
  "events sent right behind a CONNECT that is decided later": talk({ send: ['40/guarded,{"token":"slow"}', '42/guarded,["echo",1]'] }),
  "a second CONNECT while the first is undecided": talk({ send: ['40/guarded,{"token":"slow"}', '40/guarded,{"token":"slow"}'] }),
  "a second CONNECT while the first is undecided, then another": talk(
    { send: ['40/guarded,{"token":"slow"}', '40/guarded,{"token":"slow"}'] }, { send: "40/plain,", expect: 1 }),
  "DISCONNECT while undecided": talk({ send: ['40/guarded,{"token":"slow"}', "41/guarded,", "40", '42["echo",1]'], expect: 2 }),
  "other namespaces while undecided": talk({ send: ['40/guarded,{"token":"slow"}', "40", '42["echo",1]'], expect: 3 }),
  "refused later": talk({ send: '40/guarded,{"token":"slow-no"}' }),
  "DISCONNECT and CONNECT again": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send("41");
    const left = await host.left(ws.sid);
    ws.send("40");
    const again = await ws.next();
    ws.close();
    return { left, again: shown(again), other: !again.includes(ws.sid) };
  },
  "events right behind a DISCONNECT of another namespace": talk({ send: "40" }, { send: "40/plain," }, { send: ["41/plain,", '42["echo",1]'] }),
  "an event some time behind its own DISCONNECT": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send("41");
    const left = await host.left(ws.sid);
    ws.send('42["echo",1]', '40/plain,', '42/plain,["back","alive"]');
    const first = await ws.next();
    ws.close();
    return { left, first: shown(first) };
  },
  "an event that crosses with a kick": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send("40/plain,");
    await ws.next();
    ws.send('42["kick",false]');
    const kicked = [await ws.next(), await ws.next()];
    ws.send('42["echo",1]', '42/plain,["back","alive"]');
    const first = await ws.next();
    ws.close();
    return { kicked, first: shown(first), left: await host.left(ws.sid) };
  },
  "ack": talk({ send: "40" }, { send: '4217["ack-many"]' }),
  "ack id 0": talk({ send: "40" }, { send: '420["ack-many"]' }),
  "ack in a namespace": talk({ send: "40/plain," }, { send: '42/plain,5["ack-many"]' }),
  "ack of nothing": talk({ send: "40" }, { send: '423["back","x"]', expect: 2 }),
  "ack twice": talk({ send: "40" }, { send: ['421["ack-twice"]', '422["ack-many"]'], expect: 2 }),
  "the same ack id again": talk({ send: "40" }, { send: ['421["ack-many"]', '421["ack-many"]'], expect: 2 }),
  "ack never": talk({ send: "40" }, { send: ['421["ack-never"]', '422["ack-many"]'] }),
  "the host's first ack id": talk({ send: "40" }, { send: '42["ask","q",1]' }, { send: answer("43", '["a",2]') }),
  "asking in two namespaces": talk({ send: "40" }, { send: "40/plain," }, { send: '42["ask","q"]' }, { send: '42/plain,["ask","q"]' }, { send: '42["ask","q"]' }),
  "an ack answered twice": talk({ send: "40" }, { send: '42["ask","q"]' }, { send: (frames) => [answer("43", '["a"]')(frames), answer("43", '["b"]')(frames), '42["back","alive"]'], expect: 2 }),
  "an ack that comes late": talk({ send: "40" }, { send: '42["ask-timeout",20,"q"]', expect: 2 }, { send: (frames) => [answer("43", '["a"]')(frames), '42["back","alive"]'] }),
  "an ack with timeout 0": talk({ send: "40" }, { send: '42["ask-timeout",0,"q"]', expect: 2 }),
  "an ack of no arguments": talk({ send: "40" }, { send: '42["ask","q"]' }, { send: answer("43", "[]") }),
  "broadcast with acks": talk({ send: "40" }, { send: '42["join","r"]', expect: 0 }, { send: '42["ask-room",5000,"r","q"]' }, { send: answer("43", '["a","ignored"]') }),
  "broadcast with acks, nobody there": talk({ send: "40" }, { send: '42["ask-room",5000,"nobody","q"]' }),
  "broadcast with acks, no answer": talk({ send: "40" }, { send: '42["join","r"]', expect: 0 }, { send: '42["ask-room",30,"r","q"]', expect: 2 }),
  "binary event": talk({ send: "40" }, { send: ['452-["echo",{"_placeholder":true,"num":0},[{"x":{"_placeholder":true,"num":1}}]]', Buffer.from([1]), Buffer.from([])], expect: 3 }),
  "binary event in a namespace, with ack": talk({ send: "40/plain," }, { send: ['451-/plain,8["echo",{"_placeholder":true,"num":0}]', Buffer.from([1, 2])], expect: 4 }),
  "binary ack from the client": talk({ send: "40" }, { send: '42["ask","q"]' }, { send: (frames) => [answer("461-", '[{"_placeholder":true,"num":0}]')(frames), Buffer.from([9])], expect: 2 }),
  "a half-received binary event and a leave": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send('451-["echo",{"_placeholder":true,"num":0}]');
    ws.close();
    return host.left(ws.sid);
  },
  "strings": talk({ send: "40" }, { send: '42["echo","\\u0000\\u001e\u2028\u2029😀é\\"\\\\\\/"]' }),
  "kicked": talk({ send: "40" }, { send: '42["kick",false]', expect: 2 }, { send: "40" }),
  "kicked from one of two": talk({ send: "40" }, { send: "40/plain," }, { send: '42/plain,["kick",false]', expect: 2 }, { send: '42["echo",1]' }),
  "kicked with the connection": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send('42["kick",true]');
    return { frames: shown(await ws.rest()), left: await host.left(ws.sid) };
  },
  "kicked with the connection, two namespaces": async ({ port, host }) => {
    const ws = await joined(port);
    ws.send("40/plain,");
    const other = JSON.parse((await ws.next()).slice("40/plain,".length)).sid;
    ws.send('42["kick",true]');
    return { frames: shown(await ws.rest()), left: await host.left(ws.sid), other: await host.left(other) };
  },
  "kicked over polling, a poll waiting": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const link = await p.pend();
    const post = shown(await p.post('42["kick",true]'));
    const drained = await p.drain(undefined, await link.response());
    link.close();
    return { post, drained, left: await host.left(sid) };
  },
  "kicked over polling, no poll": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const post = shown(await p.post('42["kick",true]'));
    return { post, drained: await p.drain(), left: await host.left(sid) };
  },
  "kicked from the namespace over polling": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const post = (await p.post('42["kick",false]')).text;
    const left = await host.left(sid);
    const poll = (await p.get()).text;
    await p.post("40");
    return { post, poll, again: shown((await p.get()).text), left };
  },
  "volatile with no poll waiting": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    await p.post('42["volatile",1]');
    await p.post('42["echo",1]');
    return (await p.get()).text;
  },
  "volatile with a poll waiting": async ({ port }) => {
    const p = await Polling.open(port);
    await p.join();
    const link = await p.pend();
    await p.post('42["volatile",1]');
    const poll = (await link.response()).text;
    link.close();
    return poll;
  },
  "two volatiles at once": talk({ send: "40" }, { send: ['42["volatile-pair"]', '42["back","end"]'], expect: 2 }),
  "a volatile behind a regular emit": talk({ send: "40" }, { send: ['42["volatile-behind"]', '42["back","end"]'], expect: 3 }),
  "DISCONNECT over polling": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    await p.post("41");
    const left = await host.left(sid);
    await p.post("40");
    return { left, again: shown((await p.get()).text) };
  },
  "client closes over polling, a poll waiting": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const link = await p.pend();
    const post = shown(await p.post("1"));
    return { post, poll: shown(await link.response()), next: shown(await p.get()), left: await host.left(sid) };
  },
  "client closes over polling, with its DISCONNECT": async ({ port, host }) => {
    const p = await Polling.open(port);
    const sid = await p.join();
    const link = await p.pend();
    const post = shown(await p.post("41\x1e1"));
    return { post, poll: shown(await link.response()), left: await host.left(sid) };
  },
};

export const groups = [
  { name: "malformed packets", cases: Object.fromEntries(Object.entries(BAD).flatMap(both)) },
  { name: "before CONNECT", cases: Object.fromEntries(Object.entries(EARLY).flatMap(([name, packet]) => [
    [`WebSocket: ${name}`, before(packet)], [`polling: ${name}`, beforePolling(packet)],
  ])) },
  { name: "packets", cases: packets },
];
