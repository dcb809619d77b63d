//! The log: lines for the host's sink, made from what the broker reports. It must cost nothing without a sink.

use super::broker::HostData;
use super::guard::{Fault, Outcome};
use super::types::*;
use crate::base::errors::Error;
use crate::broker::events::Event;
use crate::session::reason::Reason;
use std::ffi::c_char;
use std::ffi::c_void;
use std::fmt;

/// Where the lines go.
pub(super) struct Sink {
    log: unsafe extern "C" fn(*mut c_void, u32, *const c_char, usize),
    data: HostData,
    level: u32,
}

impl Sink {
    pub(super) fn new(config: &roomcast_config) -> Outcome<Option<Self>> {
        if !(ROOMCAST_LOG_ERROR..=ROOMCAST_LOG_DEBUG).contains(&config.log_level) {
            return Err(Fault::Known(Error::BadValue, "config.log_level"));
        }
        Ok(config.log.map(|log| Self { log, data: HostData(config.log_data), level: config.log_level }))
    }

    pub(super) fn line(&self, level: u32, text: fmt::Arguments<'_>) {
        if level <= self.level {
            let text = text.to_string();
            // SAFETY: the header tells the host what it is called with.
            unsafe { (self.log)(self.data.0, level, text.as_ptr().cast(), text.len()) }
        }
    }

    /// The line about an event, if there is one.
    pub(super) fn event(&self, event: &Event<'_>) {
        match *event {
            Event::Refused { code, message, context } => {
                self.line(ROOMCAST_LOG_WARN, format_args!("request refused: {code} {message} ({context})"));
            }
            Event::ProtocolError { socket, .. } => {
                self.line(ROOMCAST_LOG_WARN, format_args!("{socket:?}: a packet that cannot be parsed"));
            }
            Event::Disconnect { socket, reason, .. } => {
                self.line(level_of(reason), format_args!("{socket:?}: disconnected: {reason}"));
            }
            Event::Close { conn, reason } => {
                self.line(level_of(reason), format_args!("{conn:?}: closed: {reason}"));
            }
            Event::Connect { socket, .. } => {
                self.line(ROOMCAST_LOG_DEBUG, format_args!("{socket:?}: connected"))
            }
            _ => {}
        }
    }
}

fn level_of(reason: Reason) -> u32 {
    match reason {
        Reason::SlowConsumer | Reason::ParseError | Reason::TransportError => ROOMCAST_LOG_WARN,
        _ => ROOMCAST_LOG_DEBUG,
    }
}
