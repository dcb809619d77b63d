// The adapters by which the reference is a node of a cluster. It must not know what a host does.
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";

/** An adapter for a Redis on a Unix socket, by its format. */
export async function clustered({ path, format }) {
  const connect = async () => {
    const client = createClient({ socket: { path, reconnectStrategy: () => 20 } });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  switch (format) {
    case "pubsub": return createAdapter(await connect(), await connect());
    default: throw new Error(`no such format: ${format}`);
  }
}
