//! The host's sink of log lines. It must cost nothing without one.

use super::broker::HostData;
use super::guard::{Fault, Outcome};
use super::types::*;
use crate::base::Millis;
use crate::base::errors::Error;
use crate::broker::events::Events;
use crate::broker::log::{Level, Log};
use crate::net::Broker;
use std::ffi::{c_char, c_void};
use std::fmt;
use std::time::Instant;

type Function = unsafe extern "C" fn(*mut c_void, u32, *const c_char, usize);

/// Where the lines go.
pub(super) struct Sink {
    function: Function,
    data: HostData,
    log: Log,
    begun: Instant,
}

impl Sink {
    pub(super) fn new(config: &roomcast_config) -> Outcome<Option<Self>> {
        let level = match config.log_level {
            ROOMCAST_LOG_ERROR => Level::Error,
            ROOMCAST_LOG_WARN => Level::Warn,
            ROOMCAST_LOG_INFO => Level::Info,
            ROOMCAST_LOG_DEBUG => Level::Debug,
            _ => return Err(Fault::Known(Error::BadValue, "config.log_level")),
        };
        let data = HostData(config.log_data);
        Ok(config.log.map(|function| Self { function, data, log: Log::new(level), begun: Instant::now() }))
    }

    /// A line that no peer can cause at will.
    pub(super) fn line(&self, level: Level, text: fmt::Arguments<'_>) {
        self.log.own(level, text, &mut say(self.function, &self.data));
    }

    /// The lines about a batch of events, about what was left out before, and about what the broker could not do.
    pub(super) fn events(&mut self, events: &Events, broker: &Broker) {
        let now = self.begun.elapsed().as_millis() as Millis;
        let mut say = say(self.function, &self.data);
        self.log.catch_up(now, &mut say);
        events.iter().for_each(|event| self.log.event(&event, now, &mut say));
        for failure in broker.failures() {
            self.log.failure(failure.call, failure.error, failure.times, &mut say);
        }
    }
}

fn say(function: Function, data: &HostData) -> impl FnMut(Level, &str) + use<> {
    let data = data.0;
    // SAFETY: the header tells the host what it is called with.
    move |level, text| unsafe { function(data, level as u32, text.as_ptr().cast(), text.len()) }
}
