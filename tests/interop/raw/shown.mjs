// What of an answer is compared: what a client can depend on, with ids made equal. Not how a body is framed.
const COMPARED = ["content-type", "cache-control", "vary", "set-cookie", "upgrade", "sec-websocket-protocol", "sec-websocket-extensions", "x-answer"];

/** Socket ids differ at every run; so may the numbers that a host gives its own acks. */
const masked = (text) => text
  .replaceAll(/"sid":"[A-Za-z0-9_-]{20}"/g, '"sid":"SID"')
  .replaceAll(/(^|\x1e)42(\/[a-z-]+,)?\d+(\["q")/g, "$142$2N$3");

function field([name, text]) {
  const key = name.toLowerCase();
  if (key === "connection") return text.toLowerCase() === "keep-alive" ? undefined : [key, text.toLowerCase()];
  if (key === "content-type") return [key, text.toLowerCase().replaceAll(" ", "")];
  if (key === "set-cookie") return [key, text.replace(/^([^=]+=)[A-Za-z0-9_-]{20}/, "$1ID")];
  if (key === "vary") return [key, text.split(/, */).sort().join(", ")];
  return COMPARED.includes(key) || key.startsWith("access-control-") ? [key, text] : undefined;
}

export function shown(value) {
  if (typeof value === "string") return masked(value);
  if (Buffer.isBuffer(value)) return { binary: value.toString("hex") };
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== "object") return value;
  if ("line" in value) {
    const headers = value.headers.map(field).filter((pair) => pair !== undefined).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    const fields = {};
    for (const [key, text] of headers) fields[key] = key in fields ? `${fields[key]}\n${text}` : text;
    return { status: value.status, headers: fields, body: masked(value.text) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(inner)]));
}
