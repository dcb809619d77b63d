//! What the host chooses for a node of a cluster. It must not look anything up.

use crate::base::Millis;
use crate::base::open::Open;

/// Makes a broker a node of a Socket.IO cluster over Redis: [`Config::cluster`](crate::Config::cluster).
///
/// Emits, and what is ordered for everybody whom a target selects, then reach the sockets of all nodes, whether these are roomcast's or
/// Node's with an adapter of the same format; and what emitters publish is heard. What an operation does on this node is done when it
/// returns, as ever: nothing here waits for Redis.
///
/// ```
/// use roomcast::{Cluster, Config};
///
/// let cluster = Cluster { url: "redis://127.0.0.1:6379".into(), ..Cluster::default() };
/// let config = Config { cluster: Some(cluster), ..Config::default() };
/// ```
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Where Redis is: `redis://user:password@host:port/database`, or `unix:///path`; over TLS, with the crate's feature `tls`,
    /// `rediss://`, and behind a `?` whom to trust: `ssl_ca_certs=/path`, `ssl_ca_data=` with the PEM, or `ssl_cert_reqs=none` for everybody;
    /// without these whom the system trusts. `ssl_certfile=/path` and `ssl_keyfile=/path` say who it is itself. Or who knows where it is, of
    /// Redis Sentinel:
    /// `redis+sentinel://user:password@host:port,host:port/database/service`, with user and password for the Redis. The sentinels are asked
    /// again each time that a connection is lost. Or some servers of a Redis Cluster, by which the others are found:
    /// `redis+cluster://user:password@host:port,host:port`; it has the database 0 alone. `redis://127.0.0.1:6379` by default.
    pub url: String,
    /// What the names of all channels begin with; the same on every node. Empty, the default: `socket.io` as in Node, or `socketio` where
    /// the format is Python's, whose one channel has this name.
    pub prefix: String,
    /// What nodes say to each other, and where; the same on every node.
    pub format: ClusterFormat,
    /// In the format of pub/sub: this node listens to a channel for each room, and each socket, that it has, in place of a pattern for all
    /// that a namespace may have; so it does not hear what is for others, and whoever joins a room first hears it when Redis has answered.
    /// Off by default. It is as good as on from when Redis has refused the pattern, which needs a rule of its own.
    pub room_channels: bool,
    /// In the streams format: so many of the last entries the stream keeps, or some more. 10,000 by default. A node that is behind by more
    /// misses what came before.
    pub stream_max_len: u32,
    /// The broker says what it has to say and hears nothing: for a program that has no clients of its own, such as a worker that emits
    /// to those of others. Off by default.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// let cluster = Cluster { url: "redis://127.0.0.1:6379".into(), write_only: true, ..Cluster::default() };
    /// // With a loop of its own nobody needs to poll it.
    /// let mut emitter = Broker::new(Config { cluster: Some(cluster), loops: 1, ..Config::default() })?;
    /// let ns = emitter.add_namespace("/", NamespaceOptions::default())?;
    /// emitter.emit(Target::rooms(ns, &["lobby"]), Message::new("news", r#"["from a worker"]"#))?;
    /// # Ok(())
    /// # }
    /// ```
    pub write_only: bool,
    /// How long answers of other nodes are waited for, in milliseconds. 5,000 by default.
    pub request_timeout: Millis,
    /// The largest message that is published or heard, in bytes. 8 MiB by default.
    pub max_message: usize,
    #[doc(hidden)]
    pub open: Open,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".into(),
            prefix: String::new(),
            format: ClusterFormat::PubSub,
            room_channels: false,
            stream_max_len: 10_000,
            write_only: false,
            request_timeout: 5_000,
            max_message: 8 << 20,
            open: Open::default(),
        }
    }
}

impl Cluster {
    /// Whether the sessions of clients that may come back are left in Redis for other nodes.
    pub(crate) fn has_sessions(&self) -> bool {
        self.format == ClusterFormat::Streams && !self.write_only
    }
}

/// What nodes of a cluster say to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterFormat {
    /// That of `createAdapter` of `@socket.io/redis-adapter`, and of `@socket.io/redis-emitter`.
    #[default]
    PubSub,
    /// That of `createShardedAdapter` of `@socket.io/redis-adapter`, for Redis from 7 on.
    Sharded(SubscriptionMode),
    /// That of `@socket.io/redis-streams-adapter` 0.3, and of `@socket.io/redis-streams-emitter`: what is said stays in Redis for a while,
    /// and a node that has lost its connection hears it afterwards. In namespaces with recovery a client comes back to any node.
    Streams,
    /// That of `RedisManager` and `AsyncRedisManager` of python-socketio. It is for what a Python server's host does: emits, and orders
    /// about one socket or a whole room. There is nothing in it that asks other nodes, or speaks to their hosts.
    Python,
}

/// Which rooms have a channel of their own in the [sharded format](ClusterFormat::Sharded), so that only nodes with members of them hear
/// what is emitted to them. The same on every node: one that publishes to a room's channel is not heard by those who listen to none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionMode {
    /// Those that are not a socket's own; nor those whose name is 20 units of UTF-16 long, as that of a socket is in Node.
    #[default]
    Dynamic,
    /// None.
    Static,
    /// All, those of sockets too.
    DynamicPrivate,
}

/// The rooms that have channels of their own, to which nodes listen that have members of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OwnChannels {
    #[default]
    None,
    /// Those that are not a socket's own.
    Rooms,
    /// All.
    RoomsAndSockets,
}
