//! How sockets that listen come about: by an address, by a path, from somebody who has one already. It must not accept.

use super::acceptor::{Acceptor, Listening};
#[cfg(unix)]
use super::socket_file::{SocketFile, Start};
use crate::base::open::Open;
use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// Whether the kernel spreads the connections of one address over several sockets that listen on it.
pub(super) const KERNEL_SPREADS: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// How a broker listens.
///
/// ```
/// # use roomcast::*;
/// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// # let mut broker = Broker::new(Config::default())?;
/// let options = ListenOptions { backlog: 16, ..ListenOptions::default() };
/// broker.listen_with("127.0.0.1:0", &options)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// Connections that the kernel holds before they are accepted: 4,096 by default. The system may have a lower bound of its
    /// own (`net.core.somaxconn`).
    pub backlog: u32,
    /// Whether an address of IPv6 takes clients of IPv6 alone. `None`, the default: as the system has it.
    pub v6_only: Option<bool>,
    /// Lets other processes, or brokers, that want it too, listen on the same address and port; on Linux the kernel spreads the
    /// connections over them. Each has its own sessions, so polling needs a proxy that sends a client always to the same one. Off by
    /// default. Not for Unix sockets.
    pub reuse_port: bool,
    /// With several [`loops`](crate::Config::loops) one of them accepts, and deals what it gets to all of them in turn: evenly, also
    /// where there are few connections. Off by default: each loop listens, and the kernel spreads the connections by chance. Always on for
    /// Unix sockets, for descriptors, and where the kernel does not spread them, which only Linux does.
    pub one_acceptor: bool,
    /// For a Unix socket: who may connect, as the file's mode (`0o660`), set before anybody can. `None`, the default: what
    /// the process' umask leaves.
    pub mode: Option<u32>,
    /// For a Unix socket: puts it in the place of a socket on which nobody listens any more, as a process leaves it that was
    /// killed. What anything else has at this path stays, and is an error. On by default.
    pub replace_stale: bool,
    /// Each connection begins with the header of the PROXY protocol, version 1 or 2, by which a proxy that passes bytes on (HAProxy,
    /// nginx's `proxy_protocol on`, a cloud's network balancer) says whose connection it is: that address is the peer's then, for limits,
    /// logs and handshakes. Before TLS, if there is any. A header of the proxy's own connections (`LOCAL`, `UNKNOWN`), or of another
    /// family, leaves the peer as it is. A connection without one, or with more than 2,048 bytes of it, is closed, and so is one on which
    /// it is not whole within [`Limits::head_timeout`](crate::Limits::head_timeout); both are counted (`proxy_headers_`). Nobody but the
    /// proxy may reach such a listener: whoever does can say that it is anybody. Off by default.
    pub proxy_protocol: bool,
    #[doc(hidden)]
    pub open: Open,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            backlog: 4_096,
            v6_only: None,
            reuse_port: false,
            one_acceptor: false,
            mode: None,
            replace_stale: true,
            proxy_protocol: false,
            open: Open::default(),
        }
    }
}

impl ListenOptions {
    fn backlog(&self) -> i32 {
        i32::try_from(self.backlog).unwrap_or(i32::MAX)
    }
}

/// Listens on an address. Returns the one it got, too.
pub(super) fn tcp(address: SocketAddr, options: &ListenOptions) -> io::Result<(Acceptor, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that restarts must get its port back from connections in TIME_WAIT. On Windows the option
    // means something else.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        reuse_port(&socket)?;
    }
    if let (Some(only), true) = (options.v6_only, address.is_ipv6()) {
        socket.set_only_v6(only)?;
    }
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(options.backlog())?;
    let listener = TcpListener::from_std(socket.into());
    let bound = listener.local_addr()?;
    Ok((Acceptor::new(Listening::Tcp(listener), options.proxy_protocol), bound))
}

#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
fn reuse_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin")))))]
fn reuse_port(_: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether somebody listens on an address: sockets that share their port would not be told.
pub(super) fn check_free(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

#[cfg(unix)]
pub(super) use unix::{descriptor, unix};

#[cfg(unix)]
mod unix {
    use super::*;
    use mio::net::UnixListener;
    use socket2::SockAddr;
    use std::fs;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    use std::path::Path;

    /// Listens on a path, or on an abstract name, which begins with a NUL.
    pub(in crate::net) fn unix(path: &Path, options: &ListenOptions) -> io::Result<Acceptor> {
        let address = address(path)?;
        let is_file = address.as_pathname().is_some();
        let _start = is_file.then(|| Start::at(path)).transpose()?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        let in_use = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
        match socket.bind(&address) {
            Err(error) if in_use(&error) && options.replace_stale && is_stale(path, &address) => {
                fs::remove_file(path)?;
                socket.bind(&address)?;
            }
            bound => bound?,
        }
        let file = is_file.then(|| SocketFile::made(path)).transpose()?;
        if let (Some(mode), Some(file)) = (options.mode, &file) {
            // Nobody can connect before it listens.
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode))?;
        }
        socket.set_nonblocking(true)?;
        socket.listen(options.backlog())?;
        let listening = Listening::Unix(UnixListener::from_std(socket.into()), file);
        Ok(Acceptor::new(listening, options.proxy_protocol))
    }

    fn address(path: &Path) -> io::Result<SockAddr> {
        let refuse = |text| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        match path.as_os_str().as_bytes() {
            [] => refuse("the path is empty"),
            [0, ..] if !cfg!(any(target_os = "linux", target_os = "android")) => {
                refuse("only Linux has abstract names")
            }
            [0, ..] => SockAddr::unix(path),
            bytes if bytes.contains(&0) => refuse("the path has a NUL in it"),
            _ => SockAddr::unix(path),
        }
    }

    /// Whether a socket is there on which nobody listens. One that is busy, or that we may not ask, is not stale.
    fn is_stale(path: &Path, address: &SockAddr) -> bool {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
        let ask = || {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.set_nonblocking(true)?;
            socket.connect(address)
        };
        is_socket && ask().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }

    /// Goes on with a descriptor that somebody has bound.
    pub(in crate::net) fn descriptor(fd: OwnedFd, options: &ListenOptions) -> io::Result<Acceptor> {
        let socket = Socket::from(fd);
        let local = socket.local_addr()?;
        let inet = local.as_socket().is_some();
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
        let listens = socket.is_listener()?;
        // The others say so when it is to accept.
        #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
        let listens = true;
        if socket.r#type()? != Type::STREAM || !listens || !(inet || local.is_unix()) {
            let text = "it is no stream socket of TCP, or a Unix socket, that listens";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        socket.set_cloexec(true)?;
        socket.set_nonblocking(true)?;
        let listening = if inet {
            socket.set_tcp_nodelay(true)?;
            Listening::Tcp(TcpListener::from_std(socket.into()))
        } else {
            Listening::Unix(UnixListener::from_std(socket.into()), None)
        };
        Ok(Acceptor::new(listening, options.proxy_protocol))
    }
}
