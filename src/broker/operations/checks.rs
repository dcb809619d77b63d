//! What is wrong with an operation whatever the broker's state. It must not look at a broker.

use crate::base::errors::{Error, Result};
use crate::base::limits::Limits;
use crate::engine::{admission, decisions};
use crate::host::config::Config;
use crate::hub::delivery;
use crate::hub::message::Message;
use crate::hub::rooms;

/// What operations are checked by.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    limits: Limits,
    engine_only: bool,
    clustered: bool,
}

impl Rules {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            limits: config.limits.clone(),
            engine_only: config.engine_only,
            clustered: config.cluster.is_some(),
        }
    }

    pub(super) fn check_message(&self, message: Message<'_>) -> Result<()> {
        delivery::check_message(&message, &self.limits)
    }

    pub(super) fn check_args(&self, args: &str, attachments: &[&[u8]]) -> Result<()> {
        delivery::check_args(args, attachments, &self.limits)
    }

    pub(super) fn check_room(&self, room: &str) -> Result<()> {
        Ok(rooms::check_room(room, &self.limits)?)
    }

    pub(super) fn check_rooms(&self, rooms: &[&str]) -> Result<()> {
        Ok(rooms::check_rooms(rooms, &self.limits)?)
    }

    pub(super) fn check_data(&self, data: Option<&str>) -> Result<()> {
        data.map_or(Ok(()), |data| delivery::check_data(data, &self.limits))
    }

    pub(super) fn check_drain(&self, per_second: u32, reason: &str) -> Result<()> {
        admission::check_drain(per_second, reason)
    }

    pub(super) fn check_header(&self, name: &str, value: &str) -> Result<()> {
        decisions::check_header(name, value)
    }

    pub(super) fn check_refusal(&self, status: u16, content_type: &str) -> Result<()> {
        decisions::check_refusal(status, content_type)
    }

    pub(super) fn check_engine(&self) -> Result<()> {
        if self.engine_only { Ok(()) } else { Err(Error::WrongState) }
    }

    pub(super) fn check_cluster(&self) -> Result<()> {
        if self.clustered { Ok(()) } else { Err(Error::NoCluster) }
    }

    pub(super) fn check_for_hosts(&self, args: &str, attachments: &[&[u8]]) -> Result<()> {
        self.check_cluster()?;
        self.check_args(args, attachments)
    }

    pub(super) fn check_answer(&self, value: &str) -> Result<()> {
        self.check_cluster()?;
        self.check_data(Some(value))
    }
}
