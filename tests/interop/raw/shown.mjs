// What of an answer is compared: everything that a client can depend on, with ids made equal.
const COMPARED = [
  "content-type", "cache-control", "connection", "content-length", "transfer-encoding", "allow", "vary", "set-cookie",
  "upgrade", "sec-websocket-protocol", "sec-websocket-extensions",
];

const masked = (text) => text.replaceAll(/"sid":"[A-Za-z0-9_-]{20}"/g, '"sid":"SID"');

export function shown(value) {
  if (typeof value === "string") return masked(value);
  if (Buffer.isBuffer(value)) return { binary: value.toString("hex") };
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== "object") return value;
  if ("line" in value) {
    const headers = value.headers
      .map(([name, text]) => [name.toLowerCase(), text])
      .filter(([name]) => COMPARED.includes(name) || name.startsWith("access-control-"))
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return { status: value.status, headers: Object.fromEntries(headers), body: masked(value.text) };
  }
  return value;
}
