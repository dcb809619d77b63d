// Two tabs of headless Chromium chat through the page of CHAT_PAGE.md.
// node chromium.mjs URL [--transport polling|websocket|upgrade] [--browser /usr/bin/chromium]   (all three without it)
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: args, positionals: [url] } = parseArgs({ allowPositionals: true, options: {
  transport: { type: "string" },
  browser: { type: "string", default: "/usr/bin/chromium" },
} });
if (!url) throw new Error("usage: node chromium.mjs URL");

const browser = await chromium.launch({
  executablePath: args.browser,
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});

/** The page has it; whether it shows is the page's affair. */
const has = (page, selector) => page.waitForSelector(selector, { state: "attached" });

async function open(transport) {
  // A context each: two people, not two windows of one.
  const context = await browser.newContext();
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.setDefaultTimeout(20_000);
  const target = new URL(url);
  target.searchParams.set("transport", transport);
  await page.goto(target.href);
  await has(page, '#status[data-state="connected"]');
  return page;
}
async function enter(page, name) {
  await page.fill("#name", name);
  await page.click("#enter");
  await has(page, `#people li:text-is("${name}")`);
}
async function say(page, text) {
  await page.fill("#message", text);
  await page.click("#send");
}
/** Waits until the list ends with these texts, then answers all of it. */
async function messages(page, ...last) {
  await page.waitForFunction((wanted) => {
    const texts = [...document.querySelectorAll("#messages li .text")].map((item) => item.textContent);
    return wanted.every((text, at) => texts.at(at - wanted.length) === text);
  }, last);
  return page.$$eval("#messages li:has(.text)", (items) => items.map((item) => [
    item.querySelector(".from").textContent, item.querySelector(".text").textContent,
  ]));
}

const STEPS = {
  async "the transport is the one asked for"({ ann, transport }) {
    const wanted = transport === "polling" ? "polling" : "websocket";
    await has(ann, `#status[data-transport="${wanted}"]`);
  },
  async "both see each other"({ ann, bob }) {
    await enter(ann, "Ann");
    await enter(bob, "Bob");
    await has(ann, '#people li:text-is("Bob")');
    await has(bob, '#people li:text-is("Ann")');
  },
  async "messages go both ways, once and in order"({ ann, bob }) {
    await say(ann, "hello");
    await messages(bob, "hello");
    await say(bob, "hi é 😀");
    await messages(ann, "hello", "hi é 😀");
    for (let n = 0; n < 10; n++) await say(ann, `line ${n}`);
    const got = await messages(bob, ...Array.from({ length: 10 }, (_, n) => `line ${n}`));
    assert.deepEqual(got, [["Ann", "hello"], ["Bob", "hi é 😀"], ...Array.from({ length: 10 }, (_, n) => ["Ann", `line ${n}`])]);
    assert.deepEqual(await messages(ann, "line 9"), got);
    await has(ann, '#messages li:last-child[data-delivered="true"]');
  },
  async "a message is text, not markup"({ ann, bob }) {
    const text = '<img src=x onerror="document.title=1"> & <b>bold</b>';
    await say(ann, text);
    await messages(bob, text);
    assert.equal(await bob.$("#messages img"), null);
  },
  async "typing shows to the other"({ ann, bob }) {
    await ann.focus("#message");
    await ann.keyboard.type("abc");
    await bob.waitForFunction(() => document.querySelector("#typing").textContent.includes("Ann"));
    await ann.keyboard.press("Enter");
    await messages(bob, "abc");
    await bob.waitForFunction(() => document.querySelector("#typing").textContent.trim() === "");
  },
  async "rooms are apart"({ ann, bob }) {
    const other = await ann.$$eval("#rooms [data-room]", (rooms) => rooms[1].dataset.room);
    await ann.click(`#rooms [data-room="${other}"]`);
    await ann.waitForSelector(`#rooms [data-room="${other}"][aria-current="true"]`);
    await bob.waitForSelector('#people li:text-is("Ann")', { state: "detached" });
    await say(ann, "anybody here?");
    await messages(ann, "anybody here?");
    await say(bob, "still in the lobby");
    const seen = (await messages(bob, "still in the lobby")).map(([, text]) => text);
    assert.ok(!seen.includes("anybody here?"));
    await bob.click(`#rooms [data-room="${other}"]`);
    await has(ann, '#people li:text-is("Bob")');
    await say(bob, "me too");
    await messages(ann, "me too");
  },
  async "staff only with the token"({ ann }) {
    await ann.fill("#token", "wrong");
    await ann.click("#staff-enter");
    await has(ann, '#staff[data-state="refused"]');
    assert.notEqual((await ann.textContent("#staff")).trim(), "");
    await ann.fill("#token", "staff");
    await ann.click("#staff-enter");
    await has(ann, '#staff[data-state="in"]');
  },
  async "offline and back"({ ann, bob }) {
    await ann.context().setOffline(true);
    // Offline does not cut a WebSocket that is open: the page's own client is told to.
    await ann.evaluate(() => window.dispatchEvent(new Event("offline")));
    await has(ann, '#status[data-state="reconnecting"]');
    for (const text of ["can you hear me?", "it seems not"]) await say(bob, text);
    await has(bob, '#messages li:last-child[data-delivered="true"]');
    await ann.context().setOffline(false);
    await has(ann, '#status[data-state="connected"][data-recovered="true"]');
    await has(ann, '#people li:text-is("Bob")');
    await say(bob, "welcome back");
    const seen = (await messages(ann, "welcome back")).map(([, text]) => text);
    assert.deepEqual(seen.slice(-4), ["me too", "can you hear me?", "it seems not", "welcome back"], "what was said meanwhile, once");
  },
  async "leaving shows to the other"({ ann, bob }) {
    await bob.context().close();
    await ann.waitForSelector('#people li:text-is("Bob")', { state: "detached" });
    assert.deepEqual(ann.faults, []);
  },
};

let passed = 0;
let failed = 0;
for (const transport of args.transport ? [args.transport] : ["polling", "websocket", "upgrade"]) {
  const pages = { transport, ann: await open(transport), bob: await open(transport) };
  for (const [name, step] of Object.entries(STEPS)) {
    try {
      await step(pages);
      passed++;
      console.log(`passed  chromium ${transport} / ${name}`);
    } catch (error) {
      failed++;
      console.log(`failed  chromium ${transport} / ${name}\n        ${error.stack}`);
      break; // the steps build on each other
    }
  }
  await pages.ann.context().close();
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
