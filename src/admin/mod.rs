//! Floor 7: the protocol of Socket.IO's admin interface (`@socket.io/admin-ui`), by an observer on the broker's batches. It must not
//! cost anything while nobody looks, nor let its own namespace's events through to the host.

// Peers choose what comes in here: every index and every sum that could overflow is written so that it cannot, or gives its
// bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod commands;
mod login;
mod observer;
mod options;
mod statistics;

pub use options::{AdminAuth, AdminMode, AdminOptions};

use crate::base::errors::{Error, Result};
use crate::broker::operations::Loops;
use crate::host::sights::Watch;
use crate::hub::namespaces::NamespaceOptions;
use crate::net::Broker;
use observer::Admin;

/// # The admin interface
impl Broker {
    /// Lets the page of Socket.IO's [admin interface](https://socket.io/docs/v4/admin-ui/), `@socket.io/admin-ui` on npm, look at this
    /// broker and act on it: the reference's `instrument()`. The page itself is any web server's to serve, or this broker's by
    /// [`serve`](Self::serve); its "Server URL" is that of this broker, which names the page's origin in [`Config::cors`](crate::Config::cors)
    /// if it is another.
    ///
    /// It shows sockets, rooms, events and figures, of all loops of this broker; of a cluster's other nodes each has its own. While
    /// nobody is logged in it costs one comparison for each emit, change of rooms and event, and a look through each batch. While
    /// somebody is, and the mode is [`Development`](AdminMode::Development), each of those is told to the page. What is too much to tell
    /// is left out, and counted in [`Counters::admin_unseen`](crate::Counters::admin_unseen): past 1 MiB that wait for the host to poll,
    /// for each loop, and past half of [`Limits::max_backlog`](crate::Limits::max_backlog) of the sockets that a page is shown first.
    /// Events are told as volatile messages, and their arguments up to 16 KiB.
    ///
    /// The namespace is the interface's own: the host sees none of its events, but for those that
    /// [`AdminAuth::Host`] leaves to it. The page is served from within [`poll`](Broker::poll), so a host that does not poll shows nothing.
    ///
    /// Of one address ten logins a minute may fail; what is above is refused without a look, as are commands that cannot be read, and both
    /// are counted in [`Counters::admin_refused`](crate::Counters::admin_refused).
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let login = AdminAuth::Logins(vec![("admin".into(), "secret".into())]);
    /// broker.instrument(login, AdminOptions { mode: AdminMode::Production, ..AdminOptions::default() })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Exists`](crate::Error::Exists) if it was called before, or the namespace is there with other options;
    /// [`Error::BadValue`](crate::Error::BadValue) for no login, for an empty name or password, or an interval of 0;
    /// [`Error::BadNamespace`](crate::Error::BadNamespace), [`Error::TooMany`](crate::Error::TooMany), and with loops of its own those of
    /// any call.
    pub fn instrument(&mut self, auth: AdminAuth, options: AdminOptions) -> Result<()> {
        if self.is_observed() {
            return Err(Error::Exists);
        }
        auth.check()?;
        options.check()?;
        let guarded = NamespaceOptions { guarded: true, ..NamespaceOptions::default() };
        let namespace = self.add_namespace(&options.namespace, guarded)?;
        let name: Box<str> = self.namespace_name(namespace)?.as_ref().into();
        let watch = Watch { namespace: name, all: false };
        let told = watch.clone();
        self.on_cores(Loops::ALL, move |core| core.set_watch(Some(told.clone())))?;
        self.set_observer(Box::new(Admin::new(namespace, watch, auth, options)));
        Ok(())
    }
}
