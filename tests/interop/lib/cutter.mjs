// A TCP proxy in front of a host, which breaks a connection at a byte of the host's. It must not change what it carries.
import net from "node:net";

export class Cutter {
  #pairs = new Set();
  /** Where to cut: behind so many bytes of `text`, or in front of it. */
  cut = undefined;

  static async open(port) {
    const cutter = new Cutter();
    cutter.server = net.createServer((client) => cutter.#carry(client, net.connect(port, "127.0.0.1")));
    await new Promise((resolve) => cutter.server.listen(0, "127.0.0.1", resolve));
    cutter.url = `http://127.0.0.1:${cutter.server.address().port}`;
    return cutter;
  }

  #carry(client, host) {
    const pair = [client, host];
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      for (const side of pair) side.destroy();
    };
    for (const side of pair) side.on("error", end).on("close", end);
    client.on("data", (bytes) => host.write(bytes));
    let came = Buffer.alloc(0);
    let passed = 0;
    host.on("data", (bytes) => {
      came = Buffer.concat([came, bytes]);
      const at = this.cut ? came.indexOf(this.cut.text) : -1;
      const last = at + (this.cut?.behind ?? 0);
      if (at < 0 || last > came.length) {
        client.write(came.subarray(passed));
        passed = came.length;
        return;
      }
      // What is in front of the cut arrives, then the end.
      this.cut = undefined;
      host.removeAllListeners("data").destroy();
      client.removeAllListeners("close").end(came.subarray(passed, last), () => this.#pairs.delete(pair));
    });
  }

  /** Breaks all that it carries. */
  break() {
    for (const pair of this.#pairs) for (const side of pair) side.destroy();
  }
  close() {
    this.break();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
