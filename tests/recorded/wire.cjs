// Records how the reference parsers (and Node's JSON and base64) treat the inputs below, one JSON line each.
//   node wire.cjs <node_modules with socket.io> [generated lines per table [seed [folder]]]
// writes socketio.jsonl, placeholders.jsonl, engineio.jsonl, engineio3.jsonl, json.jsonl, encoded.jsonl next to itself, or into the folder.
// The tests of src/wire read the committed tables, and those of the folder that RECORDED_TABLES names: `make differential`
// makes new ones from a seed of the day, far more than are committed.
const fs = require("fs"), path = require("path");
const modules = path.resolve(process.argv[2]);
const generated = Number(process.argv[3] ?? 400);
const { Decoder, Encoder } = require(modules + "/socket.io-parser");
const engine = require(modules + "/engine.io-parser");

const folder = process.argv[5] ?? __dirname;
let state = Number(process.argv[4] ?? 0x9e3779b9) | 0 || 1; // one seed: the tables are the same at every run
const random = (n) => {
  state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
  return (state >>> 0) % n;
};
const pick = (list) => list[random(list.length)];
const write = (name, rows) => fs.writeFileSync(path.join(folder, name),
  rows.map((row) => JSON.stringify(row)).join("\n") + "\n");
const mutate = (text, alphabet) => {
  const at = random(text.length + 1);
  switch (random(4)) {
    case 0: return text.slice(0, at);
    case 1: return text.slice(0, at) + text.slice(at + 1);
    case 2: return text.slice(0, at) + pick(alphabet) + text.slice(at);
    default: return text.slice(0, at) + pick(alphabet) + text.slice(at + 1);
  }
};

// --- Socket.IO: [text, null or {type, nsp, id, attachments, data: raw JSON, name}]
const raw = Decoder.prototype.tryParse;
let json;
Decoder.prototype.tryParse = function (text) { json = text; return raw.call(this, text); };
const socketio = (text) => {
  const decoder = new Decoder();
  let packet = null;
  json = "";
  decoder.on("decoded", (p) => (packet = p));
  let attachments = 0;
  try {
    decoder.add(text);
    attachments = decoder.reconstructor?.reconPack.attachments ?? 0;
    for (let i = 0; i < attachments; i++) decoder.add(Buffer.from([i]));
  } catch (e) { return [text, null]; }
  const name = packet.type === 2 && packet.data ? String(packet.data[0]).toWellFormed() : null;
  return [text, {
    type: packet.type + (attachments ? 3 : 0), nsp: packet.nsp, id: Number.isNaN(packet.id) ? "NaN" : packet.id ?? null,
    attachments, data: json.trim(), name,
  }];
};
const packets = [
  "", "0", "0{}", "0[]", "0null", "0 {}", "0{} ", "0 ", "0\"a\"", "00", "01{}", "0/", "0/custom", "0/custom,",
  "0/custom,{}", "0/custom?a=b,{\"x\":1}", "0/custom{}", "0/a,/b,", "0,", "0,{}", "0/a,5", "0/a,5{}", "05{}",
  "0{\"token\":\"123\"}", "0{\"sid\":\"x\"", "0true", "01", "0/é,{}", "0/a b,", "0//,", "0/,{}",
  "1", "1{}", "1/a", "1/a,", "1/a,null", "1null", "15", "1/a,5", "1 ", "1\"x\"", "1[]",
  "2", "2[]", "2{}", "2[\"a\"]", "2[1]", "2[-1.5e3]", "2[1e400]", "2[-1e400]", "2[1e21]", "2[123456789012345678]",
  "2[1e-7]", "2[0.000001]", "2[-0]", "2[0]", "2[0.1]", "2[1.0]", "2[1E2]", "2[null]", "2[true]", "2[false]",
  "2[[]]", "2[{}]", "2[\"connect\"]", "2[\"connect_error\"]", "2[\"disconnect\"]", "2[\"disconnecting\"]",
  "2[\"newListener\"]", "2[\"removeListener\"]", "2[\"conn\\u0065ct\"]", "2[\"Connect\"]", "2[\"connect \"]",
  "2[\"error\"]", "2[\"a\",1]", "2[\"a\" , 1 , {\"b\":[2]} ]", "2[ \"a\" ]", "21[\"a\"]", "2001[\"a\"]", "20[\"a\"]",
  "20", "21", "2 1[\"a\"]", "2+1[\"a\"]", "2-1[\"a\"]", "21.5[\"a\"]", "2abc[\"a\"]", "29007199254740991[\"a\"]",
  "218446744073709551615[\"a\"]", "218446744073709551616[\"a\"]", "21000000000000000000000[\"a\"]",
  "20000000000000000000000000000001[\"a\"]", "2/a,1[\"a\"]", "2/a,[\"a\"]", "2/a", "2/a[\"a\"]", "2[\"a\"]x",
  "2 [\"a\"]", "2[\"a\"] ", "2\n[\"a\"]", "21 [\"a\"]", "21\t[\"a\"]", "21 2[\"a\"]", "2٣[\"a\"]", "2/,[\"a\"]", "2/a,b[\"a\"]",
  "2/?x=1,[\"a\"]", "2/a?x=1&y=2,7[\"a\"]", "2[\"\"]", "2[\"__proto__\"]", "2[\"toString\"]", "2[\"a\",\"\u0000\"]",
  "2[\"a\",\"\\u0000\"]", "2[\"a\",\"\u2028\u001e\"]", "2[\"a\",\"\u2028\\u001e\"]", "2[\"\\ud800\"]", "2[\"😀\"]",
  "2[\"\\ud83d\\ude00\"]", "2[\"a\",{\"_placeholder\":true,\"num\":5}]", "2[\"a\",]", "2[,\"a\"]", "2[\"a\"", "2[\"a",
  "3", "3[]", "31[]", "3[1]", "31", "31{}", "3/a,12[\"x\",null]", "312[ ]", "3\"a\"",
  "4", "4\"x\"", "4{}", "4[]", "4null", "4{\"message\":1}", "4/a,{\"message\":\"m\"}", "45\"x\"", "41",
  "5", "51", "5-", "5-[\"a\"]", "51-", "51-[\"a\"]", "50-[\"a\"]", "5[\"a\"]", "5a-[\"a\"]", "51.5-[\"a\"]",
  "501-[\"a\"]", "5+1-[\"a\"]", "5 1-[\"a\"]", "51 -[\"a\"]", "5-1-[\"a\"]", "50x1-[\"a\"]", "51e1-[\"a\"]",
  "5-0-[\"a\"]", "510-[\"a\"]", "511-[\"a\"]", "50010-[\"a\"]", "59999999999999999999-[]", "51-/n,3[\"a\"]", "51-/n",
  "51-1", "51-1x", "5null-[\"a\"]", "5NaN-[]", "5Infinity-[\"a\"]", "51-{}", "51-[\"connect\"]", "5[\"a-b\"]",
  "52-[\"a\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]",
  "61-1[]", "61-[]", "60-[]", "6", "6[]", "61-[1]", "61-/a,1[{\"_placeholder\":true,\"num\":0}]", "61-1",
  "7", "8[]", "9", "a", "-1", " 2[\"a\"]", " {}", "b", "\u001e", "é",
];
const alphabet = [..."0123456789-/,[]{}\"ab\\ "];
for (let i = 0; i < generated; i++) {
  let text = pick(["0", "1", "2", "3", "4", "51-", "62-", "2", "51-"]);
  if (random(3) === 0) text += pick(["/a,", "/chat,", "/a?b=c,", "/,"]);
  if (random(2) === 0) text += pick(["0", "7", "007", "12345678901234567890", "99999999999999999999"]);
  if (random(5) > 0) text += pick(["[\"a\"]", "[\"a\",{\"b\":[1,\"x\"]}]", "[]", "{}", "{\"k\":null}", "[3.5e1,2]",
    "\"m\"", "[\"disconnect\"]", "[{\"_placeholder\":true,\"num\":0}]", "[\"b\\\"\\\\\",{\"_placeholder\":true,\"num\":0}]"]);
  for (let n = random(3); n > 0; n--) text = mutate(text, alphabet);
  packets.push(text);
}
write("socketio.jsonl", packets.map(socketio));

// --- placeholders: [json, attachments, accepted]
const placeholders = (data, count) => {
  const decoder = new Decoder();
  let done = false;
  decoder.on("decoded", () => (done = true));
  try {
    decoder.add(`6${count}-1${data}`);
    for (let i = 0; i < count; i++) decoder.add(Buffer.from([i]));
  } catch (e) { done = false; }
  return [data, count, done];
};
const holder = (num) => `[{"_placeholder":true,"num":${num}}]`;
const holders = [
  ...["0", "1", "2", "-1", "-0", "0.0", "0.5", "1.0", "1e0", "10e-1", "0e5", "1e400", "\"0\"", "null", "true", "[]",
    "{}", "[0]"].map(holder),
  "[]", "[1]", "[{\"_placeholder\":true}]", "[{\"_placeholder\":false,\"num\":9}]", "[{\"_placeholder\":1,\"num\":9}]",
  "[{\"_placeholder\":\"true\",\"num\":9}]", "[{\"_placeholder\":null}]", "[{\"_placeholder\":[true]}]",
  "[{\"num\":0,\"_placeholder\":true}]", "[{\"num\":7,\"_placeholder\":true}]", "[{\"num\":7}]",
  "[{\"\\u005fplaceholder\":true,\"num\":9}]", "[{\"\\u005fplaceholder\":true,\"\\u006eum\":0}]",
  "[{\"_placeholder\":true,\"n\\u0075m\":9}]", "[{\"_placeholder\":true,\"num\":9,\"num\":0}]",
  "[{\"_placeholder\":true,\"num\":0,\"num\":9}]", "[{\"_placeholder\":true,\"_placeholder\":false}]",
  "[{\"_placeholder\":false,\"_placeholder\":true}]", "[{\"_placeholder\":true,\"num\":0,\"num\":[]}]",
  "[{\"_placeholder\":true,\"_placeholder\":{}}]", "[{\"a\":{\"_placeholder\":true,\"num\":0}}]",
  "[{\"a\":{\"_placeholder\":true,\"num\":9}}]", "[[[[{\"_placeholder\":true,\"num\":9}]]]]",
  "[{\"a\":[{\"_placeholder\":true,\"num\":1},{\"b\":1}],\"_placeholder\":false}]", "[\"_placeholder\",true,\"num\",9]",
  "[{\"x\":\"_placeholder\",\"y\":true}]", "[{\"_placeholder\":true,\"x\":{\"num\":0}}]",
  "[{\"_placeholder\":true,\"x\":{\"num\":0},\"num\":1}]", "[{\"x\":{\"_placeholder\":true,\"num\":1},\"num\":9}]",
  "[{\"_placeholder\":[{\"_placeholder\":true,\"num\":0}]}]", "[{\"num\":[],\"_placeholder\":true}]",
  "[{\"_placeholder\":true , \"num\" : 1 }]", "[{\"__proto__\":{\"_placeholder\":true,\"num\":9}}]",
  "[{\"_placeholder\":true,\"num\":0,\"x\":{\"_placeholder\":true,\"num\":9}}]",
  "[{\"x\":{\"_placeholder\":true,\"num\":9},\"x\":1}]", "[{\"_Placeholder\":true}]", "[{\"_placeholder \":true}]",
];
write("placeholders.jsonl", [1, 2].flatMap((count) => holders.map((data) => placeholders(data, count))));

// --- Engine.IO: [payload, [[type, data or hex of binary], ...]] with type "error" for a malformed packet
const engineio = (body) => [body, engine.decodePayload(body).map(({ type, data }) =>
  Buffer.isBuffer(data) ? ["binary", data.toString("hex")] : [type, type === "error" ? "" : data ?? ""])];
const base64 = ["", "AQ==", "AQ", "AQ=", "AQI=", "AQI", "AQID", "AR==", "A", "AQIDB", "-_-_", "+/+/", "-_+/", "AQ ID",
  " AQID ", "AQ\nID", "AQI\r\nD\n", "AQ*ID", "AQ=ID", "AQ==ID", "=AQID", "AQIDé", "AQ\u0000ID", "=", "==", "====",
  "AQID====", "A=", "AQI=D", "😀AQID"].map((text) => "b" + text);
const bodies = [
  "", "0", "1", "2", "3", "4", "5", "6", "7", "9", "a", "b", "B", "é", " ", "-", "0{}", "1abc", "2probe", "3probe", "4hello",
  "5abc", "6abc", "4\u0000", "4é😀", "4\u2028", ...base64, "constructor", "__proto__", "\u001e", "4a\u001e", "\u001e4a",
  "4a\u001e4b", "4a\u001e\u001e4b", "4a\u001ebAQID\u001e2", "4a\u001e7\u001e4b", "bAQID\u001e4x", "4a\u001e1\u001e4b", "4\u001e4",
];
for (let i = 0; i < generated / 2; i++) {
  let text = Array.from({ length: 1 + random(4) }, () =>
    pick(["4hi", "2", "3", "2probe", "bAQIDBA==", "4é", "6", "1", "5", "4", "b"])).join("\u001e");
  for (let n = random(3); n > 0; n--) text = mutate(text, ["\u001e", "4", "b", "7", "x", "="]);
  bodies.push(text);
}
write("engineio.jsonl", bodies.map(engineio));

// --- JSON: [text, accepted, the value's own text if it is a string or a number, how stringify writes that text]
const check = (text) => {
  let value;
  try { value = JSON.parse(text); } catch (e) { return [text, false, null, null]; }
  if (typeof value === "string") value = value.toWellFormed();
  const plain = typeof value === "string" || typeof value === "number" ? String(value) : null;
  return [text, true, plain, plain === null ? null : JSON.stringify(plain)];
};
const texts = [
  "", " ", "null", "true", "false", "nul", "nulll", "True", "undefined", "NaN", "Infinity", "-Infinity", "0", "-0", "-", "+1",
  "01", "-01", "00", "1.", ".5", "0.5", "1.5e", "1e5", "1E5", "1e+5", "1e-5", "1e+", "1e400", "-1e400", "1e-400", "1e21", "1e20",
  "123456789012345678901234567890", "9007199254740993", "0.1", "0.000001", "0.0000001", "1.7976931348623157e308", "5e-324",
  "123e-20", "1.50", "100", "1e2", "12.5e1", "-12.5", "0x1", "1 2", "1,", "\"", "\"a\"", "\"a", "'a'", "\"\\\"", "\"\\\"\"",
  "\"\\a\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u0041\"", "\"\\u00e9\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\ude00\"",
  "\"\\ud83dx\"", "\"\\ud83d\\n\"", "\"\\ud83d\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"", "\"\\b\\f\\n\\r\\t\\/\\\\\"", "\"\u007f\"",
  "\"\u0000\"", "\"\u001f\"", "\"\t\"", "\"\n\"", "\"\u2028\u2029\"", "\"\ufeff\"", "\"12345678\"", "\"1234567\\\"\"",
  "\"12345678\u0001\"", "\"1234567é\"", "\ufeff1", "\u00a01", " 1", "\t1\r\n", "\u000b1", "\u000c1", "1\u0000", "[]", "[ ]",
  "[1]", "[1,]", "[,1]", "[,]", "[1 2]", "[1,2", "[1,2]]", "[[]]", "[[]", "{}", "{ }", "{\"a\":1}", "{\"a\":1,}", "{,}", "{\"a\"}",
  "{\"a\":}", "{\"a\" 1}", "{a:1}", "{1:1}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "{\"__proto__\":1}", "{\"a\":{\"b\":[{}]}}", "[}",
  "{]", "[{]}", "{\"a\":[}]", "]", "}", ":", ",", "[\"a\":1]", "{\"a\",1}", "// c\n1", "[1/*c*/]", "\"é😀\"", "[-]", "[1.e1]", "[\"\\",
  "[nullx]", "[null,true,false]", "tru", "[t]", "\"\\u\"", "\"\\uD800\\u\"", "\"\\ud800\\u0041\"", "[1e]", "--1", "1-1", "1e1.5",
  ...Array.from({ length: 0x80 }, (_, i) => JSON.stringify(String.fromCharCode(i) + "x" + String.fromCharCode(i))),
];
for (let i = 0; i < generated; i++) {
  let text = pick(["{\"a\":[1,2.5e-3,\"x\\n\"],\"b\":null}", "[true,false,{\"k\":\"\\u00e9\"}]", "\"some text\\\\ here\"", "-12.75e+10",
    " [ 1 , { } , [ ] ] "]);
  for (let n = 1 + random(3); n > 0; n--) text = mutate(text, [..."{}[]\",:\\u0e1-+.tn \n\u0001"]);
  texts.push(text);
}
const number = () => {
  const digits = Array.from({ length: 1 + random(20) }, () => random(10)).join("").replace(/^0+(?=.)/, "");
  return (random(2) ? "-" : "") + digits + (random(2) ? "." + random(1e6) : "") + (random(2) ? "e" + (random(60) - 30) : "");
};
for (let i = 0; i < generated; i++) texts.push(number());
write("json.jsonl", texts.map(check));

// --- encoder: [type, nsp, attachments, id, data as JSON, text]
const encoder = new Encoder();
const encoded = [];
const buffers = (n) => Array.from({ length: n }, () => Buffer.from([1]));
for (const nsp of ["/", "/chat"]) {
  const add = (type, id, data, n) => {
    const full = n ? [...data, ...buffers(n)] : data;
    const plain = JSON.stringify(n ? [...data, ...buffers(n).map((_, num) => ({ _placeholder: true, num }))] : data ?? null);
    encoded.push([type, nsp, n, id ?? null, plain, encoder.encode({ type, nsp, id, data: full })[0]]);
  };
  add(0, undefined, { sid: "a\"\\é\u2028\u0001" }, 0);
  add(1, undefined, undefined, 0);
  add(4, undefined, { message: "no\n", data: undefined }, 0);
  add(4, undefined, { message: "", data: { code: 1, list: [null] } }, 0);
  for (const id of [undefined, 0, 12])
    for (const n of [0, 1, 3])
      for (const args of [[], [1], ["x", { y: [] }, null]]) {
        add(2, id, ["na\tme", ...args], n);
        if (id !== undefined) add(3, id, args, n);
      }
}
write("encoded.jsonl", encoded);

// --- Engine.IO 3: ["text", payload, packets], ["binary", hex of a payload, packets] with packets as above, up to the first malformed one;
// ["encoded", packets, the text payload, hex of the binary payload]
const v3 = require(modules + "/engine.io/build/parser-v3");
const packets3 = (body) => {
  const list = [];
  try {
    v3.decodePayload(body, ({ type, data }) => {
      if (list.at(-1)?.[0] === "error") return;
      if (Buffer.isBuffer(data)) list.push(["binary", data.toString("hex"), type ?? null]);
      else list.push([type, type === "error" ? "" : (data ?? "").toWellFormed()]);
    });
  } catch { list.push(["error", ""]); }
  return list;
};
const encoded3 = (packets) => {
  const given = packets.map((data) => Array.isArray(data) ? { type: "message", data: Buffer.from(data[0], "hex") } : { type: "message", data });
  const row = ["encoded", packets];
  v3.encodePayload(given, false, (text) => row.push(text));
  v3.encodePayload([...given, { type: "message", data: Buffer.alloc(0) }], true, (binary) => row.push(binary.toString("hex")));
  return row;
};
const texts3 = [
  "", ":", "0:", "1:", "1:4", "1:6", "2:4a", "3:4a", "1:4a", "4a", "12", "2:4é", "2:4€", "3:4😀", "2:4😀", "4:4é😀", "2:4a2:4b", "2:4a0:2:4b",
  "00002:4a", "2:4a5", "2:4a5:", "2:4a:2:4b", "6:2probe", "1:72:4a", "2:b4", "6:b4AQ==", "5:b4AQI", "1:b", "2:b7", "6:b2AQ==", "3:4\n:", "10:4123456789",
  "999999999:4", "99999999999999999999:4", "1:x", "2:4\u0000", "3:4\u001eb", "1:12:4a", "5:4a2:b",
];
const binaries3 = [
  "", "00", "0001ff34", "0002ff3461", "0103ff040102", "0101ff04", "0100ff", "0000ff", "0003ff34c3a9", "0002ff34c3", "0005ff34f09f9880", "0003ff343",
  "000102ff343132333435363738393a3b", "00010001ff34", "0002ff34610103ff0401020002ff3462", "0009ff34", "ff", "00ff", "01ff", "0004ff343435",
].filter((hex) => hex.length % 2 === 0);
const rows3 = [...texts3.map((text) => ["text", text, packets3(text)]), ...binaries3.map((hex) => ["binary", hex, packets3(Buffer.from(hex, "hex"))])];
for (let i = 0; i < generated / 2; i++) {
  const some = Array.from({ length: 1 + random(4) }, () => pick(["hi", "é", "😀\u2028", "", "x".repeat(random(120)), ["0102ff"], [""], ["04".repeat(random(130))]]));
  const row = encoded3(some);
  rows3.push(row);
  let text = row[2];
  for (let n = random(3); n > 0; n--) text = mutate(text, [":", "4", "b", "7", "1", "="]).toWellFormed();
  rows3.push(["text", text, packets3(text)]);
  const bytes = [...Buffer.from(row[3], "hex")];
  for (let n = random(3); n > 0; n--) bytes[random(bytes.length)] = pick([0, 1, 4, 9, 52, 195, 255]);
  rows3.push(["binary", Buffer.from(bytes).toString("hex"), packets3(Buffer.from(bytes))]);
}
write("engineio3.jsonl", rows3);
// --- the msgpack parser: the same packets by both encoders, with the keys in the order of the server's: [text, hex of each attachment, hex]
const packed = require(modules + "/socket.io-msgpack-parser");
const words = ["", "a", "é", "😀", "\u2028", "\u0000\u001f\"\\/", "x".repeat(31), "y".repeat(32), "z".repeat(255), "é".repeat(128), "_placeholder"];
// Whole numbers past 64 bits are left out: its encoder makes others of them.
const numbers = [0, 1, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, 9007199254740991, 9007199254740992, 1e18, 1e19, -1, -32, -33,
  -128, -129, -32768, -32769, -2147483648, -2147483649, -9007199254740991, -1e18, 0.5, -0.1, 1e-7, 5e-324, -0];
const many = (count, make) => Array.from({ length: count }, (_, i) => make(i));
function value(depth, room) {
  switch (random(depth > 0 ? 9 : 6)) {
    case 0: return pick([null, true, false]);
    case 1: case 2: return random(3) ? pick(numbers) : Math.round((random(4e9) - 2e9) / (1 + random(1000)));
    case 3: case 4: return pick(words) + (random(4) ? "" : pick(words));
    case 5: return room.left-- > 0 ? Buffer.alloc(pick([0, 1, 2, 255, 256]), random(256)) : 1;
    case 6: return many(pick([0, 1, 2, 3, 15, 16, 17]), () => value(depth - 1, room));
    case 7: return Object.fromEntries(many(pick([0, 1, 2, 15, 16, 17]), (i) => [pick(words) + i, value(depth - 1, room)]));
    default: return [value(depth - 1, room)];
  }
}
const inOrder = ({ type, nsp, id, data }) => {
  const numbered = id === undefined ? {} : { id };
  return type === 3 ? { ...numbered, type, data, nsp } : type === 1 ? { type, nsp } : { type, data, ...numbered, nsp };
};
const both = (packet) => {
  const [text, ...attachments] = new Encoder().encode({ ...packet });
  return [text, attachments.map((bytes) => bytes.toString("hex")), new packed.Encoder().encode(inOrder(packet))[0].toString("hex")];
};
const wide = (count) => Object.fromEntries(many(count, (i) => ["k" + i, i]));
const said = [
  { type: 0, nsp: "/", data: { sid: "a" } }, { type: 0, nsp: "/chat", data: { sid: "a", pid: "é" } }, { type: 1, nsp: "/" }, { type: 1, nsp: "/é" },
  { type: 4, nsp: "/", data: { message: "no\n", data: { code: 1, list: [null] } } }, { type: 2, nsp: "/", data: ["a"] }, { type: 3, nsp: "/", id: 0, data: [] },
  { type: 2, nsp: "/a", id: 4294967296, data: ["x", ...numbers] }, { type: 2, nsp: "/", data: ["x", ...words] },
  ...[15, 16, 17, 255, 256, 65535, 65536].flatMap((count) => [{ type: 2, nsp: "/", data: ["x", many(count, () => 1)] }]),
  ...[15, 16, 300].map((count) => ({ type: 2, nsp: "/", data: ["x", wide(count), [wide(count), many(count, () => wide(16))].slice(0, count > 99 ? 1 : 2)] })),
  ...[255, 256, 65535, 65536].map((count) => ({ type: 2, nsp: "/", data: ["x", "y".repeat(count), "é".repeat(count / 2)] })),
  ...[0, 1, 255, 256, 65535, 65536].map((count) => ({ type: 2, nsp: "/", data: ["x", Buffer.alloc(count, 7), { b: Buffer.from("z") }] })),
  { type: 2, nsp: "/", data: ["x", { _placeholder: true, num: 0 }] }, { type: 3, nsp: "/b", id: 12, data: [Buffer.from("q"), [[Buffer.from("r")]]] },
];
const talk = () => {
  const type = pick([2, 2, 2, 3, 0, 4]);
  const room = { left: type === 2 || type === 3 ? 10 : 0 };
  const data = type === 2 || type === 3 ? many(random(4), () => value(3, room)) : { message: value(0, room), data: value(3, room) };
  if (type === 2) data.unshift(pick(["event", "é", "x".repeat(40)]));
  return { type, nsp: pick(["/", "/chat"]), id: type === 3 || (type === 2 && random(3) === 0) ? pick([0, 7, 300, 9007199254740991]) : undefined, data };
};
for (let i = 0; i < generated / 8; i++) said.push(talk());
// The large ones would fill the committed table; each marker is there without them.
write("msgpack_encoded.jsonl", said.map(both).filter((row) => generated > 400 || JSON.stringify(row).length < 8_000));

// --- what its decoder takes: [hex, null or {type, nsp, id, data as JSON, hex of each of its bytes}], and why ours refuses it all the same
const pack = (packet) => new packed.Encoder().encode(packet)[0];
function json_of(data, bytes) {
  const holder = (buffer) => `{"_placeholder":true,"num":${bytes.push(Buffer.from(buffer).toString("hex")) - 1}}`;
  if (data === undefined || data === null) return "null";
  if (Buffer.isBuffer(data) || data instanceof ArrayBuffer) return holder(data);
  if (Array.isArray(data)) return `[${data.map((item) => json_of(item, bytes))}]`;
  if (typeof data === "object" && !(data instanceof Date))
    return `{${Object.keys(data).map((key) => JSON.stringify(key) + ":" + json_of(data[key], bytes))}}`;
  return JSON.stringify(data) ?? "null";
}
const RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
const decoded = (bytes) => {
  const decoder = new packed.Decoder();
  let packet = null;
  decoder.on("decoded", (p) => (packet = p));
  try { decoder.add(bytes); } catch (e) { return [bytes.toString("hex"), null, ""]; }
  const attachments = [];
  const data = packet.data === undefined ? "" : json_of(packet.data, attachments);
  const why = packet.type === 2 && !["string", "number"].includes(typeof packet.data[0]) ? "no name"
    : packet.type === 2 && RESERVED.includes(packet.data[0]) ? "reserved"
    : !packet.nsp.startsWith("/") || packet.nsp.includes(",") ? "no namespace"
    : packet.id < 0 ? "a negative id"
    : attachments.length > 10 ? "attachments"
    : attachments.length > 0 && (packet.type === 0 || packet.type === 4) ? "bytes in what is no event" : "";
  return [bytes.toString("hex"), { type: packet.type, nsp: packet.nsp, id: packet.id ?? null, data, attachments }, why];
};
const heard = [
  {}, { type: 0 }, { nsp: "/" }, { type: 0, nsp: "/" }, { type: 0, nsp: "/", data: undefined }, { type: 0, nsp: "/", data: {} }, { type: 0, nsp: "/", data: [] },
  { type: 0, nsp: "/", data: "x" }, { type: 0, nsp: "/", data: 1 }, { type: 0, nsp: "/", data: Buffer.from("x") }, { type: 0, nsp: "/", data: { token: Buffer.from("x") } },
  { type: 0, nsp: "/", data: new Date(0) }, { type: "0", nsp: "/" }, { type: 0.5, nsp: "/" }, { type: -1, nsp: "/" }, { type: 5, nsp: "/", data: [] }, { type: 6, nsp: "/", data: [] },
  { type: NaN, nsp: "/" }, { type: null, nsp: "/" }, { type: true, nsp: "/" }, { type: 1e300, nsp: "/" }, { type: 0, nsp: "" }, { type: 0, nsp: "a" }, { type: 0, nsp: "/a,b" }, { type: 0, nsp: "/a?b=c" },
  { type: 0, nsp: 1 }, { type: 0, nsp: null }, { type: 0, nsp: Buffer.from("/") }, { type: 0, nsp: ["/"] }, { type: 0, nsp: "/é" },
  { type: 1, nsp: "/" }, { type: 1, nsp: "/", data: {} }, { type: 1, nsp: "/", data: [] }, { type: 1, nsp: "/", data: "x" }, { type: 1, nsp: "/", data: 0 }, { type: 1, nsp: "/", id: 1 },
  { type: 2, nsp: "/" }, { type: 2, nsp: "/", data: [] }, { type: 2, nsp: "/", data: ["a"] }, { type: 2, nsp: "/", data: [1] }, { type: 2, nsp: "/", data: [1.5, 2] }, { type: 2, nsp: "/", data: [null] },
  { type: 2, nsp: "/", data: [[]] }, { type: 2, nsp: "/", data: [{}] }, { type: 2, nsp: "/", data: [Buffer.from("a")] }, { type: 2, nsp: "/", data: {} }, { type: 2, nsp: "/", data: "a" },
  ...RESERVED.map((name) => ({ type: 2, nsp: "/", data: [name] })), { type: 2, nsp: "/", data: ["error"] }, { type: 2, nsp: "/", data: ["a"], id: 0 }, { type: 2, nsp: "/", data: ["a"], id: -1 },
  { type: 2, nsp: "/", data: ["a"], id: 1.5 }, { type: 2, nsp: "/", data: ["a"], id: "1" }, { type: 2, nsp: "/", data: ["a"], id: undefined }, { type: 2, nsp: "/", data: ["a"], id: 9007199254740991 },
  { type: 2, nsp: "/", data: ["a"], options: { compress: true } }, { type: 2, nsp: "/", data: ["a"], attachments: 3 }, { options: [[[]]], type: 2, nsp: "/", data: ["a"] },
  { type: 2, nsp: "/", data: ["a", undefined, { b: undefined }] }, { type: 2, nsp: "/", data: ["a", NaN, Infinity, -Infinity, -0] }, { type: 2, nsp: "/", data: ["a", new Date(0), new Date(1e15), new Date(-1), new Date(1.5e12)] },
  { type: 2, nsp: "/", data: ["a", new ArrayBuffer(3), new Uint8Array([1, 2]), Buffer.from([3]), new Uint16Array([4]), Buffer.alloc(0)] }, { type: 2, nsp: "/", data: ["a", { toJSON: () => ({ x: 1 }) }] },
  { type: 2, nsp: "/", data: ["a", { _placeholder: true, num: 0 }] }, { type: 2, nsp: "/", data: ["a", ...many(10, (i) => Buffer.from([i]))] }, { type: 2, nsp: "/", data: ["a", ...many(11, (i) => Buffer.from([i]))] },
  { type: 3, nsp: "/", data: [] }, { type: 3, nsp: "/", data: [], id: 1 }, { type: 3, nsp: "/", data: {}, id: 1 }, { type: 3, nsp: "/", id: 1 }, { type: 3, nsp: "/", data: [Buffer.from("x")], id: 1 },
  { type: 4, nsp: "/", data: "x" }, { type: 4, nsp: "/", data: { message: "x" } }, { type: 4, nsp: "/" }, { type: 4, nsp: "/", data: [] }, { type: 4, nsp: "/", data: { x: Buffer.from("x") } },
].map(pack);
const cutFrom = pack({ type: 2, nsp: "/", data: ["a", { b: [1, 2.5, "x".repeat(40)] }, Buffer.from([1, 2, 3]), new Date(0)], id: 300 });
for (let at = 0; at < cutFrom.length; at++) heard.push(cutFrom.subarray(0, at));
heard.push(Buffer.concat([cutFrom, Buffer.from([0xc0])]), ...["c0", "90", "80", "00", "a0", "c1", "83", "dfffffffff", "d40000", "c4ff"].map((hex) => Buffer.from(hex, "hex")));
for (const hex of ["c70305010203", "d405ff", "d505ffff", "d6050102030405", "d805" + "00".repeat(16), "c7000500", "cf0020000000000001", "d38000000000000000", "cacfffffff",
  "ca3dcccccd", "d9026869", "da00026869", "db000000026869", "dc000101", "dd0000000101", "de0001a16101", "df00000001a16101", "810102", "81ff02", "82a16101a16102"])
  heard.push(Buffer.concat([Buffer.from("83a47479706502a36e7370a12fa46461746192a161", "hex"), Buffer.from(hex, "hex")]));
// Of equal keys the last counts.
heard.push(Buffer.from("84a47479706505a47479706502a36e7370a12fa46461746191a161", "hex"));
for (let i = 0; i < generated / 8; i++) heard.push(pack(inOrder(talk())));
write("msgpack_decoded.jsonl", heard.filter((bytes) => generated > 400 || bytes.length < 2_000).map(decoded));
