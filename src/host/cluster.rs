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
    /// Where Redis is: `redis://user:password@host:port/database`, or `unix:///path`. `redis://127.0.0.1:6379` by default.
    pub url: String,
    /// What the names of all channels begin with; the same on every node. `socket.io` by default, as in Node.
    pub prefix: String,
    /// What nodes say to each other, and where; the same on every node.
    pub format: ClusterFormat,
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
            prefix: "socket.io".into(),
            format: ClusterFormat::PubSub,
            write_only: false,
            request_timeout: 5_000,
            max_message: 8 << 20,
            open: Open::default(),
        }
    }
}

/// What nodes of a cluster say to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterFormat {
    /// That of `createAdapter` of `@socket.io/redis-adapter`, and of `@socket.io/redis-emitter`.
    #[default]
    PubSub,
}
