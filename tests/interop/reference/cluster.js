// The adapters by which the reference is a node of a cluster. It must not know what a host does.
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient, createCluster } from "redis";

/** An adapter for a Redis on a Unix socket, behind TLS at a port, or for a Redis Cluster of which some ports are known, by its format. */
export async function clustered({ path, ports, tls, format }) {
  const connect = async () => {
    const client = ports === undefined
      ? createClient({ socket: { ...(tls ? { ...tls, tls: true, host: "127.0.0.1" } : { path }), reconnectStrategy: () => 20 } })
      : createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })), defaults: { socket: { reconnectStrategy: () => 20 } } });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  switch (format) {
    case "pubsub":
    // How a node listens is its own affair.
    case "pubsub rooms": return createAdapter(await connect(), await connect());
    case "sharded": return createShardedAdapter(await connect(), await connect());
    case "sharded static": return createShardedAdapter(await connect(), await connect(), { subscriptionMode: "static" });
    case "sharded private": return createShardedAdapter(await connect(), await connect(), { subscriptionMode: "dynamic-private" });
    case "streams": return createStreamsAdapter(await connect());
    default: throw new Error(`no such format: ${format}`);
  }
}
