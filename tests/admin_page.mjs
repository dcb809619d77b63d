// The stock page of @socket.io/admin-ui, in Chromium, as somebody uses it: logs in, lists sockets and rooms, joins, leaves, disconnects.
// admin.mjs runs it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".png": "image/png", ".svg": "image/svg+xml" };

/** The page as npm has it, on a port of its own. */
async function serve(folder) {
  const dist = path.join(folder, "node_modules/@socket.io/admin-ui/ui/dist");
  const server = createServer(async ({ url }, response) => {
    const { pathname } = new URL(url, "http://page");
    const file = path.join(dist, pathname === "/" ? "index.html" : path.normalize(pathname));
    try {
      response.setHeader("Content-Type", TYPES[path.extname(file)] ?? "application/octet-stream").end(await readFile(file));
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return [`http://127.0.0.1:${server.address().port}/`, server];
}

/** `client` makes one more client of the host at `url`. */
export async function page({ interop, folder, url, login, client }) {
  const { chromium } = interop("playwright-core");
  const [address, server] = await serve(folder);
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 760 } });
    page.setDefaultTimeout(5_000);
    const faults = [];
    page.on("pageerror", (error) => faults.push(error.message));
    // Its fonts are elsewhere.
    await page.route(/^https:/, (route) => route.abort());
    const go = (hash) => page.evaluate((hash) => { location.hash = hash; }, hash);
    const shows = (text) => page.locator("main").getByText(text, { exact: true }).first().waitFor();

    await page.goto(address);
    await page.getByLabel("Server URL").fill(url);
    await page.getByLabel("Username").fill(login.username);
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText(/invalid credentials/i).first().waitFor();
    await page.getByLabel("Password").fill(login.password);
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText(/^\s*connected\s*$/i).locator("visible=true").first().waitFor();

    const ann = await client();
    const bob = await client();
    const call = (socket, ...args) => socket.timeout(10_000).emitWithAck(...args);
    await call(ann, "join", "lobby");
    await call(bob, "join", "lobby", "staff");

    // Lists, as they change.
    const own = (socket) => `#/n/${encodeURIComponent("/")}/sockets/${socket.id}`;
    await go(own(ann));
    await shows("lobby");
    await shows(ann.id);
    await call(ann, "join", "kitchen");
    await shows("kitchen");
    await go("#/rooms/");
    await page.getByLabel("Select namespace").first().click({ force: true });
    await page.getByRole("option", { name: "/", exact: true }).click();
    for (const room of ["lobby", "staff", "kitchen"]) await shows(room);

    // Joins by the form, leaves by the button in the room's line.
    await go(own(bob));
    await shows("staff");
    await page.getByLabel("Join a room").fill("garden");
    await page.locator("main form button[type=submit]").click();
    await shows("garden");
    assert.deepEqual(await call(bob, "rooms"), ["garden", "lobby", "staff"]);
    await page.locator("main tr", { hasText: "garden" }).getByRole("button").last().click();
    // The page follows the click to the room; back at the socket's, it is gone.
    await go(own(bob));
    await shows("staff");
    await page.waitForFunction(() => [...document.querySelectorAll("main td")].every((cell) => cell.innerText.trim() !== "garden"));
    assert.deepEqual(await call(bob, "rooms"), ["lobby", "staff"]);

    const gone = once(bob.io.engine, "close");
    // The first is the client's, the other its socket's.
    await page.locator("main tr", { hasText: "Status" }).getByRole("button").first().click();
    await gone;
    await page.locator("main tr", { hasText: "Status" }).getByText(/^\s*disconnected\s*$/i).locator("visible=true").first().waitFor();
    assert.deepEqual(faults, []);
    ann.disconnect();
  } finally {
    await browser.close();
    server.close();
  }
}
