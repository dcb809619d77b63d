//! Where a broker listens: addresses, paths, and what listens already. It must not know what becomes of who comes.

use super::{Broker, Driver};
use crate::host::log::Level;
#[cfg(unix)]
use crate::host::peer::PathText;
use crate::net::acceptor::Acceptor;
use crate::net::bind::{self, ListenOptions};
use crate::net::refused::ListenError;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
#[cfg(unix)]
use std::path::Path;

impl Broker {
    /// Listens on an address, for example `"127.0.0.1:3000"`; port 0 takes a free one. May be called for several.
    /// Returns the address it got.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let address = broker.listen("127.0.0.1:0")?; // 0: a free port
    /// println!("http://{address}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the system says, for example that the address is in use; [`ListenError`] inside of it has the address.
    pub fn listen(&mut self, address: impl ToSocketAddrs) -> io::Result<SocketAddr> {
        self.listen_with(address, &ListenOptions::default())
    }

    /// The same, with options.
    ///
    /// # Errors
    /// As [`listen`](Self::listen); of the kind `Unsupported` for what the system does not have.
    pub fn listen_with(
        &mut self,
        address: impl ToSocketAddrs,
        options: &ListenOptions,
    ) -> io::Result<SocketAddr> {
        self.listen_as(address, options, "", |acceptor| acceptor)
    }

    /// The same by sockets that are made into something else before they accept.
    pub(super) fn listen_as(
        &mut self,
        address: impl ToSocketAddrs,
        options: &ListenOptions,
        how: &str,
        made: impl Fn(Acceptor) -> Acceptor,
    ) -> io::Result<SocketAddr> {
        let mut last = io::Error::from(io::ErrorKind::InvalidInput);
        self.check_process()?;
        for address in address.to_socket_addrs()? {
            let bound = match &mut self.driver {
                Driver::Threads(threads) => threads.listen(address, options, &made),
                Driver::Host(shard, _) => bind::tcp(address, options)
                    .and_then(|(acceptor, bound)| shard.io.accept_from(made(acceptor), false).map(|()| bound))
                    .inspect(|_| shard.core.reopen()),
            };
            match bound {
                Ok(address) => {
                    self.log(Level::Info, format_args!("listening on {address}{how}"));
                    return Ok(address);
                }
                Err(error) => last = ListenError::name(address, error),
            }
        }
        Err(last)
    }

    /// Listens on a Unix socket: for a proxy on the same machine, or for other local programs. On Linux a path that begins with
    /// a NUL is an abstract name, which has no file.
    ///
    /// A socket of this path on which nobody listens any more is replaced, if [`ListenOptions::replace_stale`] is on. The file is removed
    /// when the broker closes or is dropped, if it is still its own. Of two brokers that begin to listen on one path in the same
    /// moment one is refused: a file `.lock` is beside it meanwhile.
    ///
    /// The peers have no address: [`Handshake::address`](crate::Handshake::address) is a [`Peer::Unix`](crate::Peer::Unix). Name
    /// `unix:` in [`Config::trusted_proxies`] if a proxy comes over it and limits go by address.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// # let path = std::env::temp_dir().join(format!("roomcast-doc-{}.sock", std::process::id()));
    /// broker.listen_unix(&path, &ListenOptions { mode: Some(0o660), ..ListenOptions::default() })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the system says, for example that somebody listens there; of the kind `InvalidInput` for a path that is empty, too
    /// long (107 bytes on Linux) or has a NUL elsewhere. [`ListenError`] inside of it has the path.
    #[cfg(unix)]
    pub fn listen_unix(&mut self, path: impl AsRef<Path>, options: &ListenOptions) -> io::Result<()> {
        self.check_process()?;
        let path = path.as_ref();
        let shown = PathText(path);
        let listened = bind::unix(path, options).and_then(|acceptor| self.listen_on(acceptor));
        listened.map_err(|error| ListenError::name(&shown, error))?;
        self.log(Level::Info, format_args!("listening on unix:{shown}"));
        Ok(())
    }

    /// Goes on with a stream socket that listens already, of TCP or a Unix socket: one that systemd made, or that was
    /// inherited. It is made non-blocking, and closed when another program is executed. A Unix socket's file stays when the
    /// broker closes.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let socket = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// broker.listen_fd(socket)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Of the kind `InvalidInput` for what does not listen or is no stream, and what the system says; [`ListenError`] inside of
    /// it has the descriptor's number.
    #[cfg(unix)]
    pub fn listen_fd(&mut self, fd: impl Into<OwnedFd>) -> io::Result<()> {
        self.listen_fd_with(fd, &ListenOptions::default())
    }

    /// The same, with options: those that come before a socket listens have no effect any more, which leaves
    /// [`proxy_protocol`](ListenOptions::proxy_protocol).
    ///
    /// # Errors
    /// As [`listen_fd`](Self::listen_fd).
    #[cfg(unix)]
    pub fn listen_fd_with(&mut self, fd: impl Into<OwnedFd>, options: &ListenOptions) -> io::Result<()> {
        self.listen_borrowed(fd.into().as_fd(), options)
    }

    /// The same with a descriptor of its own for the socket, so that the caller's is left in any case.
    #[cfg(unix)]
    pub(crate) fn listen_borrowed(&mut self, fd: BorrowedFd<'_>, options: &ListenOptions) -> io::Result<()> {
        self.check_process()?;
        let number = fd.as_raw_fd();
        let own = fd.try_clone_to_owned().and_then(|fd| bind::descriptor(fd, options));
        let listened = own.and_then(|acceptor| self.listen_on(acceptor));
        listened.map_err(|error| ListenError::name(format_args!("descriptor {number}"), error))?;
        self.log(Level::Info, format_args!("listening on descriptor {number}"));
        Ok(())
    }

    /// Accepts nobody any more. Whoever is connected stays, and is answered as before; the broker may listen again. For a process
    /// that another one replaces: with [`listen_fd`](Self::listen_fd) both have one socket, and once the new one accepts, the old one
    /// stops, and lets its clients go by [`drain`](Self::drain). So nobody new comes to the one that takes nobody in.
    ///
    /// Clients that the system has connected, and that were not accepted yet, wait for whoever else has the socket; where nobody
    /// has, they are reset. A Unix socket's file is removed if it is the broker's own.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// broker.listen("127.0.0.1:0")?;
    /// broker.stop_listening()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// In a child of the process that made the broker, and where one of `loops` has ended.
    pub fn stop_listening(&mut self) -> io::Result<()> {
        self.check_process()?;
        match &mut self.driver {
            Driver::Threads(threads) => threads.stop_listening()?,
            Driver::Host(shard, _) => shard.io.close_listeners(),
        }
        #[cfg(feature = "tls")]
        self.shown.clear();
        self.log(Level::Info, format_args!("stopped listening"));
        Ok(())
    }

    #[cfg(unix)]
    fn listen_on(&mut self, acceptor: Acceptor) -> io::Result<()> {
        match &mut self.driver {
            Driver::Threads(threads) => threads.listen_on(acceptor),
            Driver::Host(shard, _) => shard.io.accept_from(acceptor, false).inspect(|()| shard.core.reopen()),
        }
    }
}
