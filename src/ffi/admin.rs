//! The admin interface, in C. It must not know who looks.

use super::broker::{Host, roomcast_broker};
use super::given::Given;
use super::guard::{Fault, Outcome};
use super::types::*;
use crate::admin::{AdminAuth, AdminMode, AdminOptions};
use crate::base::errors::Error;
use std::time::Duration;

/// For roomcast_admin_options.auth: whoever gives `username` and `password`.
pub const ROOMCAST_ADMIN_AUTH_LOGIN: u32 = 1;
/// For roomcast_admin_options.auth: everybody. For a broker that nobody else reaches.
pub const ROOMCAST_ADMIN_AUTH_NOBODY: u32 = 2;
/// For roomcast_admin_options.auth: you decide. You get the ROOMCAST_EVENT_CONNECT_REQUEST of the namespace, whose auth object is what was
/// typed into the page ("username" and "password"), and answer each; and the ROOMCAST_EVENT_DISCONNECT.
pub const ROOMCAST_ADMIN_AUTH_HOST: u32 = 3;
/// In the flags of roomcast_admin_options: the page may look, and not emit, join, leave or disconnect.
pub const ROOMCAST_ADMIN_READ_ONLY: u32 = 1;
/// In the flags of roomcast_admin_options: the page is told figures alone, and not each socket, change of rooms and event.
pub const ROOMCAST_ADMIN_PRODUCTION: u32 = 2;

/// How the admin interface is served. Set `struct_size` to sizeof(roomcast_admin_options), `auth`, and what is not needed to 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_admin_options {
    /// sizeof(roomcast_admin_options).
    pub struct_size: u32,
    /// ROOMCAST_ADMIN_ flags.
    pub flags: u32,
    /// Who may look: one of ROOMCAST_ADMIN_AUTH_. There is no default.
    pub auth: u32,
    /// The time in milliseconds between two tellings of the figures, while somebody looks; 0 is 2,000.
    pub stats_interval: u32,
    /// With ROOMCAST_ADMIN_AUTH_LOGIN.
    pub username: roomcast_slice,
    /// With ROOMCAST_ADMIN_AUTH_LOGIN; compared in a time that tells nothing of it.
    pub password: roomcast_slice,
    /// The interface's namespace; empty is "/admin".
    pub ns: roomcast_slice,
    /// What this server is called among those that the page shows; empty is the machine's name.
    pub server_id: roomcast_slice,
}

const FLAGS: u32 = ROOMCAST_ADMIN_READ_ONLY | ROOMCAST_ADMIN_PRODUCTION;

/// Lets the page of Socket.IO's admin interface (@socket.io/admin-ui on npm) look at the broker and act on it. The page itself is any web
/// server's to serve; you see no event of its namespace, but for those that ROOMCAST_ADMIN_AUTH_HOST leaves to you.
///
/// It shows what is on this broker, with all its loops. While nobody is logged in it costs one comparison for each emit, change of rooms and
/// event, and a look through each batch. What is too much to tell is left out, and counted as `admin_unseen` in roomcast_stats: past 1 MiB
/// that wait for your next poll. Of one address ten logins a minute may fail; what is above is refused without a look, as are commands that
/// cannot be read, and both are counted as `admin_refused`. Where you drive the broker by its descriptor, the interface's own times
/// are in roomcast_next_timeout.
///
/// Errors: ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE for an `auth` or flags that do not exist and for an empty name or password,
/// ROOMCAST_ERROR_EXISTS if it was called before, or the namespace is there with other options, ROOMCAST_ERROR_BAD_NAMESPACE,
/// ROOMCAST_ERROR_TOO_MANY.
/// Ownership: all is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_instrument(
    broker: *mut roomcast_broker,
    options: *const roomcast_admin_options,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |state: &mut Host| {
        let (auth, options) = self::options(&given, options)?;
        Ok(state.broker.instrument(auth, options)?)
    };
    given.host(broker, "roomcast_instrument", body)
}

fn options(given: &Given, options: *const roomcast_admin_options) -> Outcome<(AdminAuth, AdminOptions)> {
    let asked = given.sized(options, "options")?;
    if asked.flags & !FLAGS != 0 {
        return Err(Fault::value("options.flags", "they are ROOMCAST_ADMIN_ flags"));
    }
    let auth = match asked.auth {
        ROOMCAST_ADMIN_AUTH_LOGIN => {
            let name = given.piece(asked.username, "options.username")?;
            let password = given.piece(asked.password, "options.password")?;
            AdminAuth::Logins(vec![(name.to_owned(), password.to_owned())])
        }
        ROOMCAST_ADMIN_AUTH_NOBODY => AdminAuth::Nobody,
        ROOMCAST_ADMIN_AUTH_HOST => AdminAuth::Host,
        _ => return Err(Fault::of(Error::BadValue("it is one of ROOMCAST_ADMIN_AUTH_"), "options.auth")),
    };
    let mut made =
        AdminOptions { read_only: asked.flags & ROOMCAST_ADMIN_READ_ONLY != 0, ..AdminOptions::default() };
    if asked.flags & ROOMCAST_ADMIN_PRODUCTION != 0 {
        made.mode = AdminMode::Production;
    }
    if asked.stats_interval > 0 {
        made.stats_interval = Duration::from_millis(asked.stats_interval.into());
    }
    let namespace = given.piece(asked.ns, "options.ns")?;
    if !namespace.is_empty() {
        made.namespace = namespace.to_owned();
    }
    let server = given.piece(asked.server_id, "options.server_id")?;
    made.server_id = (!server.is_empty()).then(|| server.to_owned());
    Ok((auth, made))
}
