//! What sits on the engine: the hub, or the host itself; pages beside the endpoint; and this broker's place in a cluster. It must not
//! be driven: the core does that.

use super::among_cores::AmongCores;
use super::pages::{Pages, Resource};
use super::reporter::Reporter;
use crate::base::errors::Result;
use crate::base::ids::{ConnId, Key, SocketId};
use crate::cluster::Node;
use crate::engine::{End, Engine, Upper};
use crate::host::events::Kind;
use crate::host::metrics::Metrics;
use crate::host::stats::{Stats, count};
use crate::hub::Hub;
use crate::wire::http::Request;
use std::time::Duration;

/// What sits on the engine.
pub(super) struct Top {
    pub(super) hub: Hub,
    pub(super) pages: Pages,
    /// With other cores, its part in what they have together.
    pub(super) reporter: Option<Reporter>,
    /// In a cluster, if this core speaks for the broker there.
    pub(super) node: Option<Box<Node>>,
    /// In a cluster, what the broker's cores have for each other.
    pub(super) among: AmongCores,
}

impl Top {
    pub(super) fn allow(&mut self, engine: &mut Engine, conn: ConnId) -> Result<()> {
        engine.allow(conn, self)
    }

    pub(super) fn serve(&mut self, engine: &Engine, path: &str, resource: Resource) -> Result<()> {
        self.pages.add(path, resource, engine)
    }

    pub(super) fn serve_encoded(&mut self, _: &Engine, path: &str, coding: &str, body: &[u8]) -> Result<()> {
        self.pages.add_encoded(path, coding, body)
    }

    pub(super) fn queued_bytes(&self, engine: &Engine, socket: SocketId) -> Result<usize> {
        Ok(engine.queued_bytes(self.hub.conn_of(socket)?.key()).saturating_add(self.hub.held_bytes(socket)?))
    }

    pub(super) fn export_recovery(&self, engine: &Engine) -> Result<Vec<u8>> {
        Ok(self.hub.export_recovery(engine))
    }

    pub(super) fn metrics(&self, engine: &Engine) -> Metrics {
        let (steps, flushes) = engine.times();
        Metrics {
            stats: self.stats(engine),
            uptime: Duration::from_millis(engine.now),
            steps: steps.clone(),
            flushes: flushes.clone(),
        }
    }

    pub(super) fn stats(&self, engine: &Engine) -> Stats {
        let mut stats = Stats {
            links: engine.open_links(),
            connections: engine.connections(),
            timers: engine.armed_timers().saturating_add(self.reporter.is_some().into()),
            queued_bytes: engine.outbox.queued_in_all(),
            draining: engine.is_draining(),
            counters: self
                .node
                .as_ref()
                .map_or(engine.counters, |node| engine.counters.plus(&node.counters())),
            ..Stats::default()
        };
        self.hub.add_to(&mut stats);
        stats
    }

    pub(super) fn report(&mut self, engine: &Engine) {
        let own = self.reporter.is_some().then(|| self.metrics(engine));
        if let (Some(reporter), Some(own)) = (&mut self.reporter, own) {
            reporter.report(own, engine.now);
        }
    }
}

/// With [`Config::engine_only`] the host sits where the hub sits otherwise.
impl Upper for Top {
    fn opened(&mut self, engine: &mut Engine, conn: Key) {
        if engine.config.engine_only {
            engine.events.push(Kind::Open(ConnId::new(conn)));
        } else {
            self.hub.opened(engine, conn);
        }
    }

    fn text(&mut self, engine: &mut Engine, conn: Key, text: &str) {
        if engine.config.engine_only {
            count(&mut engine.counters.messages_in, 1);
            engine.events.push(Kind::Text(ConnId::new(conn))).text(&[text]);
        } else {
            self.hub.text(engine, conn, text);
        }
    }

    fn binary(&mut self, engine: &mut Engine, conn: Key, bytes: &[u8]) {
        if engine.config.engine_only {
            count(&mut engine.counters.messages_in, 1);
            engine.events.push(Kind::Binary(ConnId::new(conn))).bytes(bytes);
        } else {
            self.hub.binary(engine, conn, bytes);
        }
    }

    fn closed(&mut self, engine: &mut Engine, end: End) {
        if engine.config.engine_only {
            engine.log_closed(&end);
            engine.events.push(Kind::Close(ConnId::new(end.conn), end.reason));
        } else {
            self.hub.closed(engine, end);
        }
    }

    fn upgraded(&mut self, engine: &mut Engine, conn: Key) {
        self.hub.see_upgraded(engine, conn);
    }

    fn answers(&self, engine: &Engine, path: &str) -> bool {
        self.pages.has(engine, path)
    }

    fn request(&mut self, engine: &mut Engine, link: u32, request: &Request<'_>) {
        self.pages.answer(engine, link, request, |engine| {
            let own = self.metrics(engine);
            self.reporter.as_ref().map_or(own.clone(), |reporter| reporter.of_all(own))
        });
    }
}
