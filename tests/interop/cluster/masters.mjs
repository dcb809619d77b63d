// Starts a Redis Cluster of its own: three masters with a replica each, which it moves slots between and has taken over. It must not
// leave anything behind.
import { until } from "../scenarios/client.mjs";
import { Redis, free } from "./redis.mjs";

const MASTERS = 3;
const SLOTS = 16_384;
/** The slots of each master at first, as the first and the last one. */
const RANGES = Array.from({ length: MASTERS }, (_, n) => [Math.ceil(n * SLOTS / MASTERS), Math.ceil((n + 1) * SLOTS / MASTERS) - 1]);

/** One server, with its address; with certificates it is reached over TLS, too. */
async function server(certified) {
  const [port, bus, secured] = [await free(), await free(), await free()];
  const redis = await Redis.start("--port", String(port), "--cluster-enabled", "yes", "--cluster-port", String(bus), "--cluster-node-timeout", "1000",
    "--cluster-replica-validity-factor", "0", "--cluster-allow-replica-migration", "no", "--repl-diskless-sync-delay", "0", "--appendonly", "no",
    // A server tells of the ports for TLS, if the servers speak so to each other.
    ...(certified ? [...certified.options(secured), "--tls-cluster", "yes", "--tls-replication", "yes"] : []));
  redis.port = port;
  redis.secured = secured;
  redis.bus = bus;
  redis.id = await redis.client.sendCommand(["CLUSTER", "MYID"]);
  return redis;
}

export class Masters {
  static async start(certified) {
    const it = new Masters();
    it.servers = await Promise.all(Array.from({ length: 2 * MASTERS }, () => server(certified)));
    const [masters, replicas] = [it.servers.slice(0, MASTERS), it.servers.slice(MASTERS)];
    for (const [n, { client }] of it.servers.entries()) await client.sendCommand(["CLUSTER", "SET-CONFIG-EPOCH", String(n + 1)]);
    for (const [n, { client }] of masters.entries()) await client.sendCommand(["CLUSTER", "ADDSLOTSRANGE", ...RANGES[n].map(String)]);
    for (const { port, secured, bus } of it.servers.slice(1)) {
      await masters[0].client.sendCommand(["CLUSTER", "MEET", "127.0.0.1", String(certified ? secured : port), String(bus)]);
    }
    await it.#agree((nodes) => nodes.length === it.servers.length && nodes.every((line) => !/handshake|fail|noaddr/.test(line)));
    for (const [n, replica] of replicas.entries()) await replica.client.sendCommand(["CLUSTER", "REPLICATE", masters[n].id]);
    for (const replica of replicas) {
      await until(() => replica.client.sendCommand(["INFO", "replication"]), (info) => /master_link_status:up/.test(info), "a replica that follows");
    }
    await it.#agree((nodes) => nodes.filter((line) => /slave/.test(line)).length === MASTERS);
    it.ports = masters.map(({ port }) => port);
    const hosts = masters.map(({ secured }) => `127.0.0.1:${secured}`).join(",");
    it.secured = certified && `rediss+cluster://${hosts}?ssl_ca_certs=${certified.at("ca.crt")}`;
    it.url = `redis+cluster://${it.ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
    return it;
  }

  /** Until all that run see the cluster so, and it is well. */
  async #agree(wanted) {
    for (const { client } of this.#running()) {
      await until(async () => (await client.sendCommand(["CLUSTER", "NODES"])).trim().split("\n"), wanted, "servers that know each other");
      await until(() => client.sendCommand(["CLUSTER", "INFO"]), (info) => /cluster_state:ok/.test(info), "a cluster that is well");
    }
  }

  #running() { return this.servers.filter(({ gone }) => !gone); }

  /** Those that are masters now. */
  async masters() {
    const roles = await Promise.all(this.#running().map(async (server) => [server, (await server.client.sendCommand(["ROLE"]))[0]]));
    return roles.filter(([, role]) => role === "master").map(([server]) => server);
  }

  /** Whose slot a channel or a key is. */
  async slot(name) { return Number(await this.#running()[0].client.sendCommand(["CLUSTER", "KEYSLOT", name])); }

  async owner(name) {
    const slot = await this.slot(name);
    const masters = await this.masters();
    for (const master of masters) {
      const ranges = await master.client.sendCommand(["CLUSTER", "SLOTS"]);
      const range = ranges.find(([first, last]) => first <= slot && slot <= last);
      const found = range && masters.find(({ port }) => port === range[2][1]);
      if (found) return found;
    }
    throw new Error(`nobody has ${slot}`);
  }

  /** What a client of one Redis answers: of all masters together who listens, and of its owner what a key has. */
  client = {
    sendCommand: async (words) => {
      if (words[0] !== "PUBSUB") return (await this.owner(words[1])).client.sendCommand(words);
      const masters = await this.masters();
      const answers = await Promise.all(masters.map(({ client }) => client.sendCommand(words)));
      return [words.at(-1), answers.reduce((sum, [, count]) => sum + count, 0)];
    },
  };

  /** Moves a slot without keys, or with those it has, to another master, as `redis-cli --cluster reshard` does. */
  async move(name) {
    const [slot, from] = [String(await this.slot(name)), await this.owner(name)];
    const masters = await this.masters();
    const to = masters.find((master) => master !== from);
    await to.client.sendCommand(["CLUSTER", "SETSLOT", slot, "IMPORTING", from.id]);
    await from.client.sendCommand(["CLUSTER", "SETSLOT", slot, "MIGRATING", to.id]);
    for (const key of await from.client.sendCommand(["CLUSTER", "GETKEYSINSLOT", slot, "100"])) {
      await from.client.sendCommand(["MIGRATE", "127.0.0.1", String(to.port), key, "0", "5000"]);
    }
    for (const { client } of [to, from, ...masters]) await client.sendCommand(["CLUSTER", "SETSLOT", slot, "NODE", to.id]);
    return to;
  }

  /** The replica of a master. */
  replica(master) { return this.servers[(this.servers.indexOf(master) + MASTERS) % this.servers.length]; }

  /** A master dies without a word, and its replica takes over. */
  async kill(master) {
    master.gone = true;
    await master.crash();
    const replica = this.replica(master);
    await until(async () => (await replica.client.sendCommand(["ROLE"]))[0], (role) => role === "master", "a replica that takes over");
  }

  /** A master and its replica change their parts, as before an update. */
  async failover(master) {
    const replica = this.replica(master);
    await replica.client.sendCommand(["CLUSTER", "FAILOVER"]);
    await until(async () => (await replica.client.sendCommand(["ROLE"]))[0], (role) => role === "master", "a replica that takes over");
    // If the old one dies before all know, Redis keeps its slots for it: both have claimed them in the same epoch.
    await this.#agree((nodes) => nodes.some((line) => line.startsWith(replica.id) && /master.* \d+-\d+$/.test(line)));
  }

  async stop() {
    for (const server of this.#running()) await server.stop();
    this.servers.filter(({ gone }) => gone).forEach((server) => server.kill());
  }
}
