//! The host's log function, as the broker's hook. It must not make lines.

use super::config::*;
use super::guard::{Fault, Outcome};
use crate::host::log::Level;
use crate::net::Broker;

/// Gives a broker the log that a configuration asks for, if it asks for one.
pub(super) fn attach(config: &roomcast_config, broker: &mut Broker) -> Outcome {
    let level = match config.log_level {
        ROOMCAST_LOG_ERROR => Level::Error,
        ROOMCAST_LOG_WARN => Level::Warn,
        ROOMCAST_LOG_INFO => Level::Info,
        ROOMCAST_LOG_DEBUG => Level::Debug,
        _ => return Err(Fault::value("config.log_level", "it is one of ROOMCAST_LOG_")),
    };
    let data = HostData(config.log_data);
    if let Some(function) = config.log {
        broker.set_log(level, move |level, text| {
            let data = data;
            // SAFETY: the header tells the host what it is called with.
            unsafe { function(data.0, level as u32, text.as_ptr().cast(), text.len()) }
        });
    }
    Ok(())
}
