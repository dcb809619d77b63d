//! The admin interface at work: who looks, and what they are told of each batch. It must not let an event of its namespace through.

use super::commands;
use super::login::{Door, Login};
use super::options::{AdminAuth, AdminMode, AdminOptions};
use super::statistics::{Figures, hostname};
use crate::base::ids::{NamespaceId, SocketId};
use crate::broker::operations::Loops;
use crate::host::events::{Event, Events, Kind};
use crate::host::reason::Endings;
use crate::host::sights::{Sight, Watch, strings};
use crate::host::stats::Counters;
use crate::hub::message::{Message, Target};
use crate::net::{Broker, Observer};
use std::collections::{BTreeMap, HashSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub(super) struct Admin {
    namespace: NamespaceId,
    watch: Watch,
    auth: AdminAuth,
    options: AdminOptions,
    hostname: String,
    door: Door,
    /// Those who are let in with a password, and are owed a session.
    welcome: HashSet<SocketId>,
    /// Those who look.
    lookers: HashSet<SocketId>,
    /// When the figures are due, and the counters when they were told last.
    due: Option<Instant>,
    last: Counters,
    ended: Endings,
}

impl Admin {
    pub(super) fn new(namespace: NamespaceId, watch: Watch, auth: AdminAuth, options: AdminOptions) -> Self {
        Self {
            namespace,
            watch,
            auth,
            options,
            hostname: hostname(),
            door: Door::default(),
            welcome: HashSet::new(),
            lookers: HashSet::new(),
            due: None,
            last: Counters::default(),
            ended: Endings::default(),
        }
    }

    /// Somebody asks to look.
    fn asked(&mut self, broker: &mut Broker, socket: SocketId, auth: &str) {
        let login = match &self.auth {
            AdminAuth::Nobody => Login::Known,
            AdminAuth::Host => return,
            AdminAuth::Logins(logins) => {
                // It may have left.
                let Ok(handshake) = broker.handshake(socket) else { return };
                let from = handshake.address().ip().into();
                self.door.knock(logins, auth, from, Instant::now())
            }
        };
        // It may have left, which its disconnect says.
        let _ = match login {
            Login::Refused(why) => {
                refused(broker);
                broker.reject(socket, why, None)
            }
            Login::Known => broker.accept(socket),
            Login::Fits => {
                self.welcome.insert(socket);
                broker.accept(socket)
            }
        };
    }

    /// Somebody is in: is told what there is, and from now on what happens.
    fn entered(&mut self, broker: &mut Broker, socket: SocketId) {
        if self.welcome.remove(&socket)
            && let Some(session) = self.door.open()
        {
            let args = format!("[{}]", strings(&[session]));
            let _ = broker.send(socket, Message::new("session", &args));
        }
        let _ = broker.send(socket, Message::new("config", &self.config()));
        self.lookers.insert(socket);
        if self.options.mode == AdminMode::Development {
            let sockets = self.look(broker);
            let _ = broker.send(socket, Message::new("all_sockets", &format!("[[{}]]", sockets.join(","))));
        }
        if self.due.is_none() {
            self.last = broker.stats().counters;
            self.ended = endings(broker);
            self.due = Some(Instant::now());
        }
    }

    /// What the page may do and is told, as the one argument of `config`.
    fn config(&self) -> String {
        let can: &[&str] = match self.options.read_only {
            true => &[],
            false => &["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"],
        };
        let told: &[&str] = match self.options.mode {
            AdminMode::Development => &["AGGREGATED_EVENTS", "ALL_EVENTS"],
            AdminMode::Production => &["AGGREGATED_EVENTS"],
        };
        format!(r#"[{{"supportedFeatures":[{}]}}]"#, strings(&[can, told].concat()))
    }

    /// From now on all that happens is told. All sockets that are there, of all cores: who comes later is told of.
    fn look(&mut self, broker: &mut Broker) -> Vec<String> {
        self.watch.all = true;
        let cores = broker.on_cores(Loops::ALL, |_| ()).map_or(1, |cores| cores.len().max(1));
        let most = (broker.limits().max_backlog / 2).checked_div(cores).unwrap_or(0);
        let watch = self.watch.clone();
        let seen = broker.on_cores(Loops::ALL, move |core| {
            core.set_watch(Some(watch.clone()));
            core.survey(most)
        });
        seen.map_or_else(|_| Vec::new(), |seen| seen.concat())
    }

    /// Somebody is gone; with the last one nothing is told any more.
    fn left(&mut self, broker: &mut Broker, socket: SocketId) {
        self.welcome.remove(&socket);
        if !self.lookers.remove(&socket) || !self.lookers.is_empty() {
            return;
        }
        self.due = None;
        if std::mem::take(&mut self.watch.all) {
            let watch = self.watch.clone();
            let _ = broker.on_cores(Loops::ALL, move |core| core.set_watch(Some(watch.clone())));
        }
    }

    /// Tells of something that happened. What a page that does not keep up can miss, it misses; what it counts by, it does not.
    fn tell(&self, broker: &mut Broker, name: &str, args: &str) {
        if self.lookers.is_empty() {
            return;
        }
        let message = Message::new(name, args);
        let message = if name.starts_with("event_") { message.volatile() } else { message };
        let _ = broker.emit(Target::all(self.namespace), message);
    }

    fn tell_figures(&mut self, broker: &mut Broker, now: Instant) {
        self.due = now.checked_add(self.options.stats_interval);
        let (stats, ended) = (broker.stats(), endings(broker));
        let mut namespaces = BTreeMap::<String, usize>::new();
        let mut polling = 0_usize;
        for (counts, polls) in broker.on_cores(Loops::ALL, |core| core.census()).unwrap_or_default() {
            polling = polling.saturating_add(polls);
            for (name, sockets) in counts {
                let count = namespaces.entry(name).or_default();
                *count = count.saturating_add(sockets);
            }
        }
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let figures = Figures {
            server_id: self.options.server_id.as_deref().unwrap_or(&self.hostname),
            hostname: &self.hostname,
            uptime: broker.uptime().as_secs_f64(),
            clients: stats.connections,
            polling,
            namespaces: &namespaces.into_iter().collect::<Vec<_>>(),
            counters: (&stats.counters, &self.last),
            ended: &ended.since(&self.ended),
            second: wall.saturating_mul(1_000),
        };
        let args = figures.to_args();
        self.last = stats.counters;
        self.ended = ended;
        self.tell(broker, "server_stats", &args);
    }

    /// Whether the host gets an event too.
    fn is_for_host(&self, kind: Kind) -> bool {
        let own = match kind {
            Kind::ConnectRequest(_, namespace, _) | Kind::Disconnect(_, namespace, ..) => {
                namespace == self.namespace && !matches!(self.auth, AdminAuth::Host)
            }
            Kind::Connect(_, namespace, _)
            | Kind::Message(_, namespace, _)
            | Kind::ProtocolError(_, namespace)
            | Kind::NamespaceCreated(namespace)
            | Kind::Room(_, namespace) => namespace == self.namespace,
            _ => false,
        };
        !own
    }
}

impl Observer for Admin {
    fn observe(&mut self, broker: &mut Broker, events: &mut Events) {
        for event in events.iter() {
            match event {
                Event::ConnectRequest { socket, namespace, auth, .. } if namespace == self.namespace => {
                    self.asked(broker, socket, auth);
                }
                Event::Message { namespace, name, args, attachments, .. } if namespace == self.namespace => {
                    let may = !self.options.read_only;
                    if !may || commands::run(broker, name, args, &attachments).is_err() {
                        refused(broker);
                    }
                }
                _ => {}
            }
        }
        for sight in events.sights.take() {
            match sight {
                Sight::Entered(socket) => self.entered(broker, socket),
                Sight::Told(name, args) => self.tell(broker, name, &args),
            }
        }
        // Behind those who entered: some have left in the same batch.
        for event in events.iter() {
            if let Event::Disconnect { socket, namespace, .. } = event
                && namespace == self.namespace
            {
                self.left(broker, socket);
            }
        }
        events.rewrite(|kind, _, _| self.is_for_host(kind).then_some(kind));
        let now = Instant::now();
        if self.due.is_some_and(|due| due <= now) {
            self.tell_figures(broker, now);
        }
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }
}

fn endings(broker: &mut Broker) -> Endings {
    let all = broker.on_cores(Loops::ALL, |core| core.endings()).unwrap_or_default();
    all.iter().fold(Endings::default(), Endings::and)
}

fn refused(broker: &mut Broker) {
    let _ = broker.on_cores(Loops::one(0), |core| core.count_admin_refusal());
}
