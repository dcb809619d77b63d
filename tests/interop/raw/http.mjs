// The HTTP entry point: refusals and their order, methods, paths, bodies, connections, CORS.
import { Link, Polling, Ws, UPGRADE, frame, http, request } from "../lib/raw.mjs";
import { shown } from "./shown.mjs";

const P = "/socket.io/";
const POLL = P + "?EIO=4&transport=polling";
const WS = P + "?EIO=4&transport=websocket";

const get = (target, options) => async ({ port }) => shown(await http(port, "GET", target, options));
const call = (method, target, options) => async ({ port }) => shown(await http(port, method, target, options));
const upgrade = (target, headers = UPGRADE()) => async ({ port }) => {
  const link = await Link.open(port);
  link.write(request("GET", target, { headers }));
  const response = shown(await link.response());
  const after = response.headers.connection === "close" ? (await link.end()).ended : undefined;
  link.close();
  return { response, after };
};
const session = (method, change, options) => async ({ port }) => {
  const polling = await Polling.open(port);
  return shown(await http(port, method, change(polling.target), options));
};
const same = (target) => target;

export const refusals = {
  "no query at all": get(P),
  "no transport": get(P + "?EIO=4"),
  "unknown transport": get(P + "?EIO=4&transport=abc"),
  "transport constructor": get(P + "?EIO=4&transport=constructor"),
  "transport __proto__": get(P + "?EIO=4&transport=__proto__"),
  "transport given twice": get(POLL + "&transport=polling"),
  "transport in upper case": get(P + "?EIO=4&transport=POLLING"),
  "no EIO": get(P + "?transport=polling"),
  "EIO=abc": get(P + "?EIO=abc&transport=polling"),
  "EIO=3": get(P + "?EIO=3&transport=polling"),
  "EIO=5": get(P + "?EIO=5&transport=polling"),
  "EIO=04": get(P + "?EIO=04&transport=polling"),
  "EIO given twice": get(P + "?EIO=4&EIO=4&transport=polling"),
  "unknown parameters are ignored": get(POLL + "&x=1&y[]=2&__proto__=3"),
  "percent-encoded transport": get(P + "?EIO=4&transport=p%6Flling"),
  "broken percent-encoding": get(POLL + "&x=%zz%"),
  "unknown sid": get(POLL + "&sid=unknown"),
  "sid constructor": get(POLL + "&sid=constructor"),
  "sid __proto__": get(POLL + "&sid=__proto__"),
  "empty sid": get(POLL + "&sid="),
  "sid given twice": get(POLL + "&sid=a&sid=b"),
  "unknown sid by POST": call("POST", POLL + "&sid=unknown", { body: "4x" }),
  "handshake by POST": call("POST", POLL, { body: "4x" }),
  "handshake by POST, no body": call("POST", POLL),
  "handshake by PUT": call("PUT", POLL, { body: "x" }),
  "handshake by DELETE": call("DELETE", POLL),
  "handshake by PATCH": call("PATCH", POLL, { body: "x" }),
  "handshake by HEAD": call("HEAD", POLL),
  "handshake by OPTIONS": call("OPTIONS", POLL),
  "OPTIONS without a query": call("OPTIONS", P),
  "websocket transport without upgrade": get(WS),
  "websocket transport without upgrade by POST": call("POST", WS, { body: "x" }),
  "order: transport before sid": get(P + "?EIO=4&transport=abc&sid=unknown"),
  "order: sid before EIO": get(P + "?transport=polling&sid=unknown"),
  "order: method before EIO": call("POST", P + "?transport=polling", { body: "x" }),
  "order: method before upgrade": call("PUT", P + "?transport=websocket", { body: "x" }),
  "order: origin before sid": get(POLL + "&sid=unknown", { headers: [["Origin", "http://a\u0080"]] }),
  "Origin with a control character": get(POLL, { headers: [["Origin", "http://a\u007f"]] }),
  "Origin with Latin-1": get(POLL, { headers: [["Origin", "http://\u00e9"]] }),
  "Origin null": get(POLL, { headers: [["Origin", "null"]] }),
  "known sid, other transport": session("GET", (t) => t.replace("polling", "websocket")),
  "known sid, no transport": session("GET", (t) => t.replace("&transport=polling", "")),
  "known sid, EIO=3": session("GET", (t) => t.replace("EIO=4", "EIO=3") + "&x"),
  "known sid, no EIO": session("GET", (t) => t.replace("EIO=4&", "")),
  "known sid, EIO=5": session("GET", (t) => t.replace("EIO=4", "EIO=5")),
  "known sid, EIO=04": session("GET", (t) => t.replace("EIO=4", "EIO=04")),
  "known sid, EIO=3, by POST": session("POST", (t) => t.replace("EIO=4", "EIO=3"), { body: "40" }),
  "order: transport of the session before EIO": session("GET", (t) => t.replace("EIO=4", "EIO=3").replace("polling", "websocket")),
  "known sid, EIO=3, and the session goes on": async ({ port }) => {
    const polling = await Polling.open(port);
    const waiting = await polling.pend();
    const refused = shown(await http(port, "GET", polling.target.replace("EIO=4", "EIO=3")));
    await polling.post("40");
    const poll = shown(await waiting.response());
    waiting.close();
    return { refused, poll };
  },
  "PUT with a sid": session("PUT", same, { body: "4x" }),
  "DELETE with a sid": session("DELETE", same),
  "HEAD with a sid": session("HEAD", same),
  "OPTIONS with a sid": session("OPTIONS", same),
};

export const upgrades = {
  "handshake": upgrade(WS),
  "no transport": upgrade(P + "?EIO=4"),
  "unknown transport": upgrade(P + "?EIO=4&transport=abc"),
  "transport polling": upgrade(POLL),
  "unknown sid": upgrade(WS + "&sid=unknown"),
  "no EIO": upgrade(P + "?transport=websocket"),
  "EIO=3": upgrade(P + "?EIO=3&transport=websocket"),
  "known sid, EIO=3": async ({ port }) => upgrade((await Polling.open(port)).target.replace("polling", "websocket").replace("EIO=4", "EIO=3"))({ port }),
  "known sid, no EIO": async ({ port }) => upgrade((await Polling.open(port)).target.replace("polling", "websocket").replace("EIO=4&", ""))({ port }),
  "bad Origin": upgrade(WS, [...UPGRADE(), ["Origin", "http://a\u0080"]]),
  "no key": upgrade(WS, [["Connection", "Upgrade"], ["Upgrade", "websocket"], ["Sec-WebSocket-Version", "13"]]),
  "bad key": upgrade(WS, UPGRADE("short")),
  "no version": upgrade(WS, UPGRADE().filter(([name]) => name !== "Sec-WebSocket-Version")),
  "version 8": upgrade(WS, UPGRADE().map(([name, value]) => [name, name === "Sec-WebSocket-Version" ? "8" : value])),
  "version 12": upgrade(WS, UPGRADE().map(([name, value]) => [name, name === "Sec-WebSocket-Version" ? "12" : value])),
  "upgrade to h2c": upgrade(WS, UPGRADE().map(([name, value]) => [name, name === "Upgrade" ? "h2c" : value])),
  "polling, with h2c offered": get(POLL, { headers: [["Connection", "Upgrade, HTTP2-Settings"], ["Upgrade", "h2c"], ["HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"]] }),
  "polling, with nothing offered": get(POLL, { headers: [["Connection", "upgrade"], ["Upgrade", ""]] }),
  "h2c and WebSocket offered": upgrade(WS, UPGRADE().map(([name, value]) => [name, name === "Upgrade" ? "h2c, websocket" : value])),
  "upgrade in mixed case": upgrade(WS, UPGRADE().map(([name, value]) => [name, name === "Upgrade" ? "WebSocket" : value])),
  "Connection: keep-alive, Upgrade": upgrade(WS, UPGRADE().map(([name, value]) => [name, name === "Connection" ? "keep-alive, Upgrade" : value])),
  "Upgrade without Connection: Upgrade": upgrade(WS, UPGRADE().filter(([name]) => name !== "Connection")),
  "a subprotocol is offered": upgrade(WS, [...UPGRADE(), ["Sec-WebSocket-Protocol", "chat, v2"]]),
  "two keys": upgrade(WS, [...UPGRADE(), ...UPGRADE().slice(-1)]),
  "two versions": upgrade(WS, [...UPGRADE(), ["Sec-WebSocket-Version", "13"]]),
  ...Object.fromEntries(["", "a,,b", "a, a", "a b"].map((offer) => [
    `the subprotocol "${offer}" is offered`, upgrade(WS, [...UPGRADE(), ["Sec-WebSocket-Protocol", offer]]),
  ])),
  "an extension is offered": upgrade(WS, [...UPGRADE(), ["Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"]]),
  "handshake by POST": async ({ port }) => {
    const link = await Link.open(port);
    link.write(request("POST", WS, { headers: UPGRADE() }));
    const response = shown(await link.response());
    const after = (await link.end()).ended;
    return { response, after };
  },
  "frames right behind the request": async ({ port }) => {
    const ws = await Ws.open(port, WS, { behind: frame(1, "40") });
    const open = JSON.parse((await ws.next()).slice(1));
    ws.send('42["back","alive"]');
    const frames = shown(await ws.upTo('42["alive"]'));
    ws.close();
    return { open: Object.keys(open), frames };
  },
  "garbage right behind the request": async ({ port }) => {
    const ws = await Ws.open(port, WS, { behind: Buffer.from("GET / HTTP/1.1\r\n\r\n") });
    const frames = await ws.rest();
    return { frames: shown(frames), alive: (await http(port, "GET", POLL)).status };
  },
  "another path": async ({ port }) => {
    const link = await Link.open(port);
    link.write(request("GET", "/other/?EIO=4&transport=websocket", { headers: UPGRADE() }));
    return link.end();
  },
};

export const paths = {
  "the path itself": get(POLL),
  "no trailing slash": get("/socket.io?EIO=4&transport=polling"),
  "a longer path": get("/socket.io/x/y?EIO=4&transport=polling"),
  "a longer path with slash": get("/socket.io/x/?EIO=4&transport=polling"),
  "a double slash in front": get("//socket.io/?EIO=4&transport=polling"),
  "another case": get("/Socket.IO/?EIO=4&transport=polling"),
  "a longer name": get("/socket.iox/?EIO=4&transport=polling"),
  "the root": get("/"),
  "another path": get("/other/?EIO=4&transport=polling"),
  "absolute target": get("http://localhost/socket.io/?EIO=4&transport=polling"),
  "percent-encoded path": get("/socket%2eio/?EIO=4&transport=polling"),
  "dots in the path": get("/x/../socket.io/?EIO=4&transport=polling"),
  "a fragment": get(POLL + "#x"),
};

/** The answers to a poll and to requests behind it on its connection, one of which brings what answers the poll. */
const behind = async (port, requests) => {
  const polling = await Polling.open(port);
  await polling.join();
  const link = await polling.pend();
  const sent = requests(polling);
  link.write(Buffer.concat(sent));
  const answers = [await link.response()];
  for (const _ of sent) answers.push(await link.response());
  link.close();
  return answers.map(shown);
};

export const connections = {
  "keep-alive: two requests": async ({ port }) => {
    const link = await Link.open(port);
    link.write(request("GET", POLL));
    const first = await link.response();
    link.write(request("GET", POLL));
    const second = await link.response();
    link.close();
    return [shown(first), shown(second)];
  },
  "pipelined requests": async ({ port }) => {
    const polling = await Polling.open(port);
    const link = await Link.open(port);
    link.write(Buffer.concat([
      request("POST", polling.target, { body: "40" }),
      request("GET", polling.target),
      request("GET", "/other"),
    ]));
    const answers = [await link.response(), await link.response(), await link.response()];
    link.close();
    return answers.map(shown);
  },
  "a POST behind a waiting poll": async ({ port }) => behind(port, (polling) => [
    request("POST", polling.target, { body: '42["echo",1]' }),
  ]),
  "a POST and a page behind a waiting poll": async ({ port }) => behind(port, (polling) => [
    request("POST", polling.target, { body: '42["echo",1]' }), request("GET", "/other"),
  ]),
  "a POST that ends the session behind a waiting poll": async ({ port }) => behind(port, (polling) => [
    request("POST", polling.target, { body: "1" }),
  ]),
  "a POST behind a waiting poll of another session": async ({ port }) => {
    const other = await Polling.open(port);
    return behind(port, (polling) => [
      request("POST", other.target, { body: "40" }), request("POST", polling.target, { body: '42["echo",1]' }),
    ]);
  },
  "header lines of one name": async ({ port }) => {
    const names = ["X-Forwarded-For", "Cookie", "User-Agent", "Authorization", "X-Empty", "Accept", "Referer"];
    const headers = names.flatMap((name) => [[name, name === "X-Empty" ? "" : "1"], [name.toUpperCase(), "2"]]);
    const polling = await Polling.open(port, { headers });
    await polling.join();
    await polling.post('420["whoami"]');
    const { text } = await polling.get();
    return JSON.parse(text.slice(3))[0].headers;
  },
  "Connection: close on a poll": async ({ port }) => {
    const polling = await Polling.open(port);
    await polling.post("40");
    const link = await Link.open(port);
    link.write(request("GET", polling.target, { headers: [["Connection", "close"]] }));
    return { response: shown(await link.response()), after: await link.end() };
  },
  "HTTP/1.0": async ({ port }) => {
    const link = await Link.open(port);
    link.write(`GET ${POLL} HTTP/1.0\r\n\r\n`);
    return { response: shown(await link.response()), after: await link.end() };
  },
  "HTTP/1.1 without Host": async ({ port }) => {
    const link = await Link.open(port);
    link.write(request("GET", POLL, { host: null }));
    const response = await link.response();
    return { response: shown(response), after: await link.end() };
  },
  "not HTTP": async ({ port }) => {
    const link = await Link.open(port);
    link.write("hello\r\n\r\n");
    return { response: shown(await link.response()), after: await link.end() };
  },
  "HTTP/3.7": async ({ port }) => {
    const link = await Link.open(port);
    link.write(`GET ${POLL} HTTP/3.7\r\nHost: x\r\n\r\n`);
    return { response: shown(await link.response()), after: await link.end() };
  },
  "a bad header line": async ({ port }) => {
    const link = await Link.open(port);
    link.write(`GET ${POLL} HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n`);
    return { response: shown(await link.response()), after: await link.end() };
  },
  "too many header bytes": async ({ port }) => {
    const link = await Link.open(port);
    link.write(request("GET", POLL, { headers: [["X-Long", "x".repeat(100_000)]] }));
    return { response: shown(await link.response()), after: (await link.end()).ended.length > 0 };
  },
  "Content-Length and chunked together": async ({ port }) => {
    const polling = await Polling.open(port);
    const link = await Link.open(port);
    link.write(request("POST", polling.target, { headers: [["Content-Length", "3"], ["Transfer-Encoding", "chunked"]] }));
    return { response: shown(await link.response()), after: await link.end() };
  },
  "two different Content-Lengths": async ({ port }) => {
    const polling = await Polling.open(port);
    const link = await Link.open(port);
    link.write(request("POST", polling.target, { headers: [["Content-Length", "3"], ["Content-Length", "4"]] }));
    return { response: shown(await link.response()), after: await link.end() };
  },
  "Expect: 100-continue": async ({ port }) => {
    const polling = await Polling.open(port);
    const link = await Link.open(port);
    link.write(request("POST", polling.target, { headers: [["Content-Length", "2"], ["Expect", "100-continue"]] }));
    const go = await link.take((data) => {
      const end = data.indexOf("\r\n\r\n");
      return end < 0 ? undefined : [data.subarray(0, end).toString(), end + 4];
    }, "100 Continue");
    link.write("40");
    const response = shown(await link.response());
    link.close();
    return { go, response };
  },
  "a request in single bytes": async ({ port }) => {
    const link = await Link.open(port);
    for (const byte of request("GET", POLL)) link.write(Buffer.from([byte]));
    const response = shown(await link.response());
    link.close();
    return response;
  },
};

const posted = (what) => async ({ port, host }) => {
  const polling = await Polling.open(port);
  const sid = await polling.join();
  const link = await Link.open(port);
  await what(link, polling);
  const response = shown(await link.response());
  link.close();
  return { response, then: shown(await polling.get()) };
};

/** Whether the session still answers. */
async function alive(polling) {
  await polling.post('42["back","alive"]');
  return polling.drain('42["alive"]');
}

export const bodies = {
  "text/plain": posted((link, p) => link.write(request("POST", p.target, { body: '42["echo","a"]', headers: [["Content-Type", "text/plain;charset=UTF-8"]] }))),
  "no content type": posted((link, p) => link.write(request("POST", p.target, { body: '42["echo","é"]' }))),
  "application/json": posted((link, p) => link.write(request("POST", p.target, { body: '42["echo","a"]', headers: [["Content-Type", "application/json"]] }))),
  "application/octet-stream": async ({ port, host }) => {
    const polling = await Polling.open(port);
    const sid = await polling.join();
    const response = await polling.post("4x", { headers: [["Content-Type", "application/octet-stream"]] });
    return { response: shown(response), poll: shown(await polling.get()), left: await host.left(sid) };
  },
  "chunked": posted((link, p) => {
    link.write(request("POST", p.target, { headers: [["Transfer-Encoding", "chunked"]] }));
    link.write("5\r\n42[\"e\r\n9\r\ncho\",\"a\"]\r\n0\r\n\r\n");
  }),
  "chunked, split inside a UTF-8 sequence": posted(async (link, p) => {
    link.write(request("POST", p.target, { headers: [["Transfer-Encoding", "chunked"]] }));
    const body = Buffer.from('42["echo","é€😀"]');
    for (let at = 0; at < body.length; at++) {
      link.write(Buffer.concat([Buffer.from("1\r\n"), body.subarray(at, at + 1), Buffer.from("\r\n")]));
      await link.drained();
    }
    link.write("0\r\n\r\n");
  }),
  "length given, split inside a UTF-8 sequence": posted(async (link, p) => {
    const bytes = request("POST", p.target, { body: '42["echo","é€😀"]' });
    for (let at = 0; at < bytes.length; at += 1) { link.write(bytes.subarray(at, at + 1)); await link.drained(); }
  }),
  "invalid UTF-8": posted((link, p) => link.write(request("POST", p.target, { body: Buffer.from([...Buffer.from('42["echo","'), 0xff, 0xc3, ...Buffer.from('"]')]) }))),
  "a byte order mark in front": async ({ port }) => {
    const polling = await Polling.open(port);
    await polling.join();
    return { response: shown(await polling.post("\ufeff" + '42["echo","a"]')), then: shown(await polling.get()) };
  },
  "empty body": async ({ port, host }) => {
    const polling = await Polling.open(port);
    const sid = await polling.join();
    return { response: shown(await polling.post("")), poll: shown(await polling.get()), left: await host.left(sid) };
  },
  "a multi-byte body of exactly the limit": async ({ port }) => {
    const polling = await Polling.open(port);
    await polling.join();
    const body = '42["echo","' + "é".repeat(493) + 'x"]';
    return { bytes: Buffer.byteLength(body), response: shown(await polling.post(body)), poll: (await polling.get()).body.length };
  },
  "one byte over the limit": async ({ port }) => {
    const polling = await Polling.open(port);
    await polling.join();
    const body = '42["echo","' + "x".repeat(988) + '"]';
    return { bytes: body.length, response: shown(await polling.post(body)), session: await alive(polling) };
  },
  "one byte over the limit, chunked": async ({ port }) => {
    const polling = await Polling.open(port);
    await polling.join();
    const link = await Link.open(port);
    link.write(request("POST", polling.target, { headers: [["Transfer-Encoding", "chunked"]] }));
    link.write((1001).toString(16) + "\r\n" + "x".repeat(1001) + "\r\n0\r\n\r\n");
    const response = shown(await link.response());
    link.close();
    return { response, session: await alive(polling) };
  },
  "far over the limit, the rest never sent": async ({ port }) => {
    const polling = await Polling.open(port);
    await polling.join();
    const link = await Link.open(port);
    link.write(request("POST", polling.target, { headers: [["Content-Length", "1000000000"]] })).write("x".repeat(1001));
    const response = shown(await link.response());
    link.close();
    return { response };
  },
  "exactly the limit over WebSocket": async ({ port }) => {
    const ws = await Ws.open(port, WS);
    await ws.next();
    ws.send("40");
    await ws.next();
    ws.send('42["echo","' + "x".repeat(987) + '"]');
    const echo = await ws.next();
    ws.close();
    return { length: echo.length };
  },
  "one byte over the limit over WebSocket": async ({ port, host }) => {
    const ws = await Ws.open(port, WS);
    await ws.next();
    ws.send("40");
    const sid = JSON.parse((await ws.next()).slice(2)).sid;
    ws.send('42["echo","' + "x".repeat(988) + '"]');
    return { frames: shown(await ws.rest()), left: await host.left(sid) };
  },
};

const preflight = [["Origin", "http://a.example"], ["Access-Control-Request-Method", "POST"], ["Access-Control-Request-Headers", "x-one, x-two"]];
const corsCases = {
  "OPTIONS": call("OPTIONS", POLL, { headers: preflight }),
  "OPTIONS without an origin": call("OPTIONS", POLL),
  "OPTIONS from another origin": call("OPTIONS", POLL, { headers: [["Origin", "http://other.example"], ...preflight.slice(1)] }),
  "handshake": get(POLL, { headers: [["Origin", "http://a.example"]] }),
  "handshake without an origin": get(POLL),
  "handshake from another origin": get(POLL, { headers: [["Origin", "http://other.example"]] }),
  "refusal": get(POLL + "&sid=unknown", { headers: [["Origin", "http://a.example"]] }),
  "POST": async ({ port }) => {
    const polling = await Polling.open(port, { headers: [["Origin", "http://a.example"]] });
    return shown(await polling.post("40", { headers: [["Origin", "http://a.example"]] }));
  },
  "poll": async ({ port }) => {
    const polling = await Polling.open(port);
    await polling.post("40");
    return shown(await http(port, "GET", polling.target, { headers: [["Origin", "http://a.example"]] }));
  },
  "WebSocket": upgrade(WS, [...UPGRADE(), ["Origin", "http://a.example"]]),
};
const CORS = {
  "none": undefined,
  "any": { origin: "*" },
  "string": { origin: "http://a.example" },
  "list": { origin: ["http://a.example", "http://b.example"] },
  "reflect": { origin: true },
  "off": { origin: false },
  "everything": {
    origin: ["http://a.example"], methods: ["GET", "POST"], allowedHeaders: ["x-one"], exposedHeaders: ["x-two", "x-three"],
    credentials: true, maxAge: 600, optionsSuccessStatus: 200,
  },
};

const cookieCases = {
  "handshake": get(POLL),
  "WebSocket": upgrade(WS),
  "poll": async ({ port }) => {
    const polling = await Polling.open(port);
    await polling.post("40");
    return shown(await polling.get());
  },
};
const COOKIES = {
  "as it is": true,
  "named": { name: "sticky" },
  "bare": { path: false, httpOnly: false, sameSite: false },
  "for other sites": { sameSite: "none", secure: true },
  "partitioned": { sameSite: "Lax", secure: true, partitioned: true },
  "that ends at once": { maxAge: 0 },
  "with everything": {
    name: "all", path: "/a/b", httpOnly: true, sameSite: "STRICT", secure: true, maxAge: 31536000, domain: "example.com", partitioned: true,
  },
};

/** What the host decides, and adds to the first answer: `initial_headers` of the reference. */
const guardedCases = {
  "let in": cookieCases["handshake"],
  "let in over WebSocket": cookieCases["WebSocket"],
  "a later poll": cookieCases["poll"],
  "let in from another origin": get(POLL, { headers: [["Origin", "http://a.example"]] }),
  "refused": get(POLL, { headers: [["X-Refuse", "not today"]] }),
  "refused over WebSocket": upgrade(WS, [...UPGRADE(), ["X-Refuse", "not today"]]),
  "refused without a word": get(POLL, { headers: [["X-Refuse", ""]] }),
  "refused over WebSocket without a word": upgrade(WS, [...UPGRADE(), ["X-Refuse", ""]]),
  "refused by POST": call("POST", POLL, { headers: [["X-Refuse", "not today"]], body: "4x" }),
  "an unknown transport": get(P + "?EIO=4&transport=abc", { headers: [["X-Refuse", "not today"]] }),
  "another version that is refused": get(P + "?EIO=5&transport=polling", { headers: [["X-Refuse", "not today"]] }),
  "another version that is let in": get(P + "?EIO=5&transport=polling"),
};

export const groups = [
  { name: "refusals", cases: refusals },
  { name: "upgrade requests", cases: upgrades },
  { name: "paths", cases: paths },
  { name: "own path", options: { path: "/a/b" }, cases: {
    "the path": get("/a/b/?EIO=4&transport=polling"),
    "no trailing slash": get("/a/b?EIO=4&transport=polling"),
    "the default path": get(POLL),
  } },
  { name: "connections", cases: connections },
  { name: "bodies", options: { maxHttpBufferSize: 1000 }, cases: bodies },
  { name: "only websocket", options: { transports: ["websocket"] }, cases: { "polling": get(POLL), "websocket": upgrade(WS) } },
  { name: "only polling", options: { transports: ["polling"] }, cases: { "polling": get(POLL), "websocket": upgrade(WS) } },
  { name: "no upgrades", options: { allowUpgrades: false }, cases: {
    "polling": get(POLL), "websocket": upgrade(WS),
    "upgrade of a session": async ({ port }) => {
      const polling = await Polling.open(port);
      return upgrade(polling.target.replace("polling", "websocket"))({ port });
    },
  } },
  ...Object.entries(COOKIES).map(([name, cookie]) => ({ name: `a cookie ${name}`, options: { cookie }, cases: cookieCases })),
  { name: "guarded handshakes", options: { guardHandshakes: true }, cases: guardedCases },
  { name: "guarded handshakes, a cookie", options: { guardHandshakes: true, cookie: true, cors: CORS.any }, cases: guardedCases },
  ...Object.entries(CORS).map(([name, cors]) => ({ name: `cors ${name}`, options: cors && { cors }, cases: corsCases })),
];
