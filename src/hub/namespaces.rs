//! Namespaces: made by the host, or from a pattern by the first client that asks; gone with the last socket when so
//! chosen. Nothing of one namespace may be reached from another.

use super::recovery::{Log, new_log};
use super::{Hub, Timer};
use crate::base::errors::{self, Error};
use crate::base::ids::{Key, NamespaceId, SocketId};
use crate::base::limits::fields;
use crate::base::open::Open;
use crate::base::refused::LimitError;
use crate::engine::Engine;
use crate::host::events::Kind;
use std::borrow::Cow;
use std::sync::Arc;

/// One namespace.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: Box<str>,
    /// Its key in the router.
    pub(super) route: crate::route::Namespace,
    /// The same for those who are asking.
    pub(super) asking: crate::route::Namespace,
    /// The same for those who ask for their sessions, if the host is asked about them: beside `asking`, as what is emitted waits for them in
    /// the log.
    pub(super) returning: Option<crate::route::Namespace>,
    /// The same for those who are away.
    pub(super) away: crate::route::Namespace,
    /// With recovery, what was emitted.
    pub(super) log: Option<Box<Log>>,
    pub(super) guarded: bool,
    /// Removed with its last socket.
    pub(super) fleeting: bool,
    /// Fleeting only until a socket was let in: a refused connect leaves no namespace behind.
    pub(super) settles: bool,
    /// Sockets in it, those waiting for the host's decision and those that are away included.
    pub(super) population: usize,
    /// Other loops that have it: it is here as long as there are any.
    held: u32,
}

/// A namespace that came or went, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamespaceChange {
    pub(crate) name: Box<str>,
    /// It came.
    pub(crate) made: bool,
    /// It was made for a client, and may go with its last socket.
    pub(crate) fleeting: bool,
}

/// How a namespace treats those who connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamespaceOptions {
    /// Ask the host about each connect, with [`Event::ConnectRequest`](crate::Event::ConnectRequest). Off by default:
    /// the namespace is open.
    pub guarded: bool,
    /// Connection state recovery: a client whose connection ends, and who is back within `Limits::recovery_window`, is the same
    /// socket in the same rooms, and is sent what it has missed, once and in order. Off by default.
    ///
    /// Such a socket has a [`Disconnect`](crate::Event::Disconnect) that is `recoverable`, and is *away* from then on: its handle
    /// lives, it can be put into rooms, taken out of them, disconnected, and what is emitted to it waits in the namespace's log, which
    /// holds `Limits::recovery_log_bytes`. Then comes a [`Connect`](crate::Event::Connect) that is `recovered`, also in a guarded
    /// namespace, or [`SessionExpired`](crate::Event::SessionExpired). What is emitted with an acknowledgement, or is volatile,
    /// is not sent again; of what is [`latest`](crate::Delivery::Latest) the newest is. Clients that cannot recover, such
    /// as Python's, get new sockets as ever.
    ///
    /// Each event carries one argument more on the wire, by which a client knows how far it has heard. Stock JavaScript
    /// clients hand it to their handlers behind the others, as they do with the reference's.
    ///
    /// With more than one of `Config::loops` a client that comes in on another loop than its session's goes there: its connection's
    /// [`ConnId`](crate::ConnId), of which a guarded handshake told, is dead from then on, and [`Broker::conn_of`](crate::Broker::conn_of)
    /// has the new one. A socket that waits for the host's decision then ends with a [`Disconnect`](crate::Event::Disconnect), and its
    /// client is asked about again, with another handle. Each loop keeps a log of its own. In namespaces without recovery clients are then told a private id, too, so that
    /// the first that they ask for says where the others are; there an event whose last argument is a text carries one argument
    /// more, as stock clients send that text back when they connect again.
    pub recovery: bool,
    /// Ask about a client that comes back to its session, too, where the namespace is guarded and has recovery: the reference's
    /// `skipMiddlewares: false`. Off by default: whoever has a session was let in once.
    ///
    /// The [`ConnectRequest`](crate::Event::ConnectRequest) is `recovered`, and has the session's id and tag, and a handle of its own. Until
    /// the host accepts it, the client is told nothing of what it has missed, and a connection that seems to have the session still
    /// goes on with it. Then the handle is dead, without an event, its tag and the rooms it was put into go to the session's
    /// socket, and that one's [`Connect`](crate::Event::Connect) follows; what is emitted to the handle itself before is for nobody.
    /// A client that is rejected may come again for the session, as long as that lasts. If it has ended by the time the host
    /// accepts, a [`Disconnect`](crate::Event::Disconnect) ends the handle, and the client is asked about as a new one.
    pub ask_again: bool,
    #[doc(hidden)]
    pub open: Open,
}

/// How namespaces made from a pattern behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternOptions {
    /// As [`NamespaceOptions::guarded`], for every namespace of the pattern.
    pub guarded: bool,
    /// As [`NamespaceOptions::recovery`], for every namespace of the pattern, each with a log of its own. A namespace is there as
    /// long as one of its sockets is away.
    pub recovery: bool,
    /// As [`NamespaceOptions::ask_again`], for every namespace of the pattern.
    pub ask_again: bool,
    /// Remove a namespace with its last socket. On by default. One in which nobody was ever let in goes in any case. Where it is
    /// off, clients decide how many namespaces there are in the end, up to `Limits::max_namespaces`, past which no other can
    /// be made.
    pub remove_when_empty: bool,
    #[doc(hidden)]
    pub open: Open,
}

impl Default for PatternOptions {
    fn default() -> Self {
        Self {
            guarded: false,
            recovery: false,
            ask_again: false,
            remove_when_empty: true,
            open: Open::default(),
        }
    }
}

impl Namespace {
    pub(super) fn enter(&mut self) {
        self.population = self.population.saturating_add(1);
    }

    #[expect(clippy::arithmetic_side_effects, reason = "it was counted as it entered")]
    pub(super) fn leave(&mut self) {
        self.population -= 1;
    }
}

/// Names that clients may bring to life.
#[derive(Debug)]
pub(super) struct Pattern {
    glob: Box<str>,
    options: PatternOptions,
}

/// Whether `name` fits `glob`, in which each `*` stands for any characters.
fn matches(glob: &str, name: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

impl Hub {
    /// Makes a namespace, or finds it: `of("abc")` and `of("/abc")` are the same.
    pub(crate) fn add_namespace(
        &mut self,
        engine: &mut Engine,
        name: &str,
        options: NamespaceOptions,
    ) -> errors::Result<NamespaceId> {
        let name = normal(name)?;
        self.recovery.spread |= options.recovery && engine.config.loops > 1;
        if let Some(&key) = self.names.get(&*name) {
            let Some(namespace) = self.namespaces.get_mut(key) else { return Err(Error::Gone) };
            if &*name == "/" && namespace.population == 0 {
                namespace.guarded = options.guarded;
                match namespace.returning {
                    None if options.ask_again => namespace.returning = Some(self.asking.add_namespace()),
                    Some(returning) if !options.ask_again => {
                        self.asking.remove_namespace(returning);
                        namespace.returning = None;
                    }
                    _ => {}
                }
                if namespace.log.is_some() != options.recovery {
                    let log = options.recovery.then(|| new_log(engine));
                    let log = std::mem::replace(&mut namespace.log, log);
                    self.forget_log(key.slot, log);
                }
            }
            let Some(namespace) = self.namespaces.get(key) else { return Err(Error::Gone) };
            let as_it_is = (namespace.guarded, namespace.log.is_some(), namespace.returning.is_some());
            return if as_it_is == (options.guarded, options.recovery, options.ask_again) {
                Ok(NamespaceId::new(key))
            } else {
                Err(Error::Exists)
            };
        }
        Ok(NamespaceId::new(self.make_namespace(engine, &name, options, false)?))
    }

    /// Lets clients bring namespaces to life whose names fit `glob`, in which each `*` stands for any characters.
    pub(crate) fn add_pattern(
        &mut self,
        engine: &mut Engine,
        glob: &str,
        options: PatternOptions,
    ) -> errors::Result<()> {
        self.recovery.spread |= options.recovery && engine.config.loops > 1;
        self.patterns.push(Pattern { glob: normal(glob)?.into(), options });
        Ok(())
    }

    /// The namespace of this name, if it is there.
    pub(crate) fn find_namespace(&self, name: &str) -> Option<NamespaceId> {
        let name = normal(name).ok()?;
        self.names.get(&*name).map(|&key| NamespaceId::new(key))
    }

    /// A namespace's name, with its slash.
    ///
    /// # Errors
    /// [`Error::Gone`] if the namespace is.
    pub(crate) fn namespace_name(&self, namespace: NamespaceId) -> errors::Result<&str> {
        Ok(&self.namespace(namespace)?.name)
    }

    /// All namespaces with their names, in a stable order.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = (NamespaceId, &str)> + '_ {
        self.namespaces
            .keys()
            .filter_map(|key| Some((NamespaceId::new(key), &*self.namespaces.get(key)?.name)))
    }

    /// The sockets of a namespace, in a stable order.
    pub(crate) fn sockets_in(
        &self,
        namespace: NamespaceId,
    ) -> errors::Result<impl Iterator<Item = SocketId> + '_> {
        let route = self.namespace(namespace)?.route;
        Ok(self.router.everyone(route).filter_map(|member| self.sockets.key_at(member)).map(SocketId::new))
    }

    pub(super) fn make_namespace(
        &mut self,
        engine: &mut Engine,
        name: &str,
        options: NamespaceOptions,
        fleeting: bool,
    ) -> errors::Result<Key> {
        let most = engine.config.limits.max_namespaces;
        if self.namespaces.len() >= most as usize {
            return Err(LimitError::new(&fields::max_namespaces, most.into()).into());
        }
        let shared: Arc<str> = name.into();
        let key = self.namespaces.insert(Namespace {
            name: name.into(),
            route: self.router.add_named_namespace(shared.clone()),
            asking: self.asking.add_named_namespace(shared.clone()),
            returning: options.ask_again.then(|| self.asking.add_named_namespace(shared.clone())),
            away: self.away.add_named_namespace(shared),
            log: options.recovery.then(|| new_log(engine)),
            guarded: options.guarded,
            fleeting,
            settles: false,
            population: 0,
            held: 0,
        });
        self.names.insert(name.into(), key);
        self.note_change(name, true, fleeting);
        engine.events.push(Kind::NamespaceCreated(NamespaceId::new(key))).text(&[name]);
        Ok(key)
    }

    /// The namespace a client asks for; one is made if a pattern and the connection's share allow it. Else the text to refuse
    /// it by.
    pub(super) fn namespace_for_client(
        &mut self,
        engine: &mut Engine,
        conn: Key,
        name: &str,
    ) -> Result<Key, &'static str> {
        if let Some(&key) = self.names.get(name) {
            return Ok(key);
        }
        let options = self.pattern_for(name).ok_or("Invalid namespace")?;
        let most = engine.config.limits.max_new_namespaces_per_minute;
        let share = self.clients.get_mut(conn).map(|conn| conn.namespaces_made.take(most, engine.now));
        if share != Some(true) {
            return Err("Too many namespaces");
        }
        self.make_of_pattern(engine, name, options).map_err(|_| "Invalid namespace")
    }

    /// How a namespace of this name is made, if a pattern fits it.
    pub(super) fn pattern_for(&self, name: &str) -> Option<PatternOptions> {
        let pattern = self.patterns.iter().find(|pattern| matches(&pattern.glob, name))?;
        Some(pattern.options)
    }

    /// Makes a namespace by the options of the pattern that its name fits.
    pub(super) fn make_of_pattern(
        &mut self,
        engine: &mut Engine,
        name: &str,
        options: PatternOptions,
    ) -> errors::Result<Key> {
        let PatternOptions { guarded, recovery, ask_again, remove_when_empty, .. } = options;
        let options = NamespaceOptions { guarded, recovery, ask_again, ..NamespaceOptions::default() };
        let key = self.make_namespace(engine, name, options, true)?;
        if let Some(namespace) = self.namespaces.get_mut(key) {
            namespace.settles = !remove_when_empty;
        }
        Ok(key)
    }

    /// A namespace has one socket less, and may be gone with it.
    pub(super) fn leave_namespace(&mut self, engine: &mut Engine, key: Key) {
        if let Some(namespace) = self.namespaces.get_mut(key) {
            namespace.leave();
        }
        self.collect_namespace(engine, key);
    }

    /// Removes a namespace that was to go with its last socket, if that has gone.
    fn collect_namespace(&mut self, engine: &mut Engine, key: Key) {
        let goes = |it: &Namespace| it.fleeting && it.population == 0 && it.held == 0;
        if !self.namespaces.get(key).is_some_and(goes) {
            return;
        }
        let Some(namespace) = self.namespaces.remove(key) else { return };
        self.router.remove_namespace(namespace.route);
        self.asking.remove_namespace(namespace.asking);
        if let Some(returning) = namespace.returning {
            self.asking.remove_namespace(returning);
        }
        self.away.remove_namespace(namespace.away);
        self.forget_log(key.slot, namespace.log);
        self.names.remove(&namespace.name);
        self.note_change(&namespace.name, false, true);
        engine.events.push(Kind::NamespaceRemoved(NamespaceId::new(key))).text(&[&namespace.name]);
    }

    /// From now on [`namespace_changes`](Self::namespace_changes) tells of namespaces, first of those that are there.
    pub(crate) fn follow_namespaces(&mut self) {
        let change =
            |it: &Namespace| NamespaceChange { name: it.name.clone(), made: true, fleeting: it.fleeting };
        let there = self.namespaces.keys().filter_map(|key| self.namespaces.get(key)).map(change);
        self.changes = Some(there.collect());
    }

    /// Which namespaces came and went since the last time, in their order, if somebody follows them.
    pub(crate) fn namespace_changes(&mut self) -> Vec<NamespaceChange> {
        self.changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note_change(&mut self, name: &str, made: bool, fleeting: bool) {
        if let Some(changes) = &mut self.changes {
            changes.push(NamespaceChange { name: name.into(), made, fleeting });
        }
    }

    /// Another loop has a namespace of this name: it is here, too, until [`release_namespace`](Self::release_namespace).
    pub(crate) fn hold_namespace(&mut self, engine: &mut Engine, name: &str) {
        let key = match (self.names.get(name), self.pattern_for(name)) {
            (Some(&key), _) => key,
            // One more than there may be: then what is emitted to it stays on its loop.
            (None, Some(options)) => match self.make_of_pattern(engine, name, options) {
                Ok(key) => key,
                Err(_) => return,
            },
            (None, None) => return,
        };
        if let Some(namespace) = self.namespaces.get_mut(key) {
            namespace.held = namespace.held.saturating_add(1);
        }
    }

    /// One of the other loops has the namespace no more.
    pub(crate) fn release_namespace(&mut self, engine: &mut Engine, name: &str) {
        let Some(&key) = self.names.get(name) else { return };
        if let Some(namespace) = self.namespaces.get_mut(key) {
            namespace.held = namespace.held.saturating_sub(1);
        }
        self.collect_namespace(engine, key);
    }

    /// The log of a namespace that is gone, or has recovery no more.
    fn forget_log(&mut self, slot: u32, log: Option<Box<Log>>) {
        if let Some(log) = log {
            self.timers.cancel(Timer::Log(slot));
            self.recovery.bytes = self.recovery.bytes.saturating_sub(log.bytes());
        }
    }
}

/// A name with its slash.
pub(crate) fn normal(name: &str) -> errors::Result<Cow<'_, str>> {
    if name.contains(',') || name.is_empty() {
        return Err(Error::BadNamespace);
    }
    Ok(if name.starts_with('/') { Cow::Borrowed(name) } else { Cow::Owned(format!("/{name}")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, name, fits) in [
            ("/tenant-*", "/tenant-1", true),
            ("/tenant-*", "/tenant-", true),
            ("/tenant-*", "/tenan", false),
            ("/*/admin", "/a/b/admin", true),
            ("/*/admin", "/admin", false),
            ("/a*b*c", "/axxbyyc", true),
            ("/a*b*c", "/acb", false),
            ("/ab*ba", "/aba", false),
            ("/plain", "/plain", true),
            ("/plain", "/plains", false),
            ("/*", "/", true),
        ] {
            assert_eq!(matches(glob, name), fits, "{glob} {name}");
        }
    }
}
