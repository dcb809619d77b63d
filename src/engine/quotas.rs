//! Who may open one more connection: how many there are in all, and how many of one address. What it remembers of addresses is
//! bounded by the connections there are, and by a fixed number.

use super::Engine;
use super::admission::Busy;
use crate::base::Millis;
use crate::base::limits::Limits;
use crate::host::peer::{Address, Peer};
use crate::wire::http::Request;
use std::collections::HashMap;

/// Addresses of one second whose handshakes are counted; who comes after so many others in that second is not.
const MAX_ADDRESSES: usize = 65_536;
/// A table of addresses is given back down to this when they are gone.
const KEEP: usize = 1_024;

/// Counts connections: those of one engine, or those of several together.
pub(crate) trait Quotas: Send {
    /// Counts one more, if there is room. `address` is given if it matters. `now` is one clock for all engines. Returns its number, which is
    /// greater than those before, in whichever engine they are.
    fn enter(&mut self, address: Option<Address>, limits: &Limits, now: Millis) -> Result<u64, Busy>;

    /// One that was counted is gone.
    fn leave(&mut self, address: Option<Address>);
}

/// The connections there are.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    connections: usize,
    /// How many have ever entered.
    entered: u64,
    of_address: HashMap<Address, u32>,
    /// Handshakes of the second that ends at `until`.
    handshakes: HashMap<Address, u32>,
    until: Millis,
}

impl Quotas for Counts {
    fn enter(&mut self, address: Option<Address>, limits: &Limits, now: Millis) -> Result<u64, Busy> {
        if self.connections >= limits.max_connections as usize {
            return Err(Busy::Full);
        }
        if let Some(address) = address {
            self.enter_from(address, limits, now)?;
        }
        self.connections = self.connections.saturating_add(1);
        self.entered = self.entered.saturating_add(1);
        Ok(self.entered)
    }

    #[expect(clippy::arithmetic_side_effects, reason = "it was counted as it came")]
    fn leave(&mut self, address: Option<Address>) {
        self.connections -= 1;
        if let Some(address) = address
            && let Some(count) = self.of_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                self.of_address.remove(&address);
                if self.of_address.len() < self.of_address.capacity() / 4 {
                    self.of_address.shrink_to((self.of_address.len() * 2).max(KEEP));
                }
            }
        }
    }
}

impl Counts {
    #[expect(clippy::arithmetic_side_effects, reason = "both counts are below a bound of 32 bits")]
    fn enter_from(&mut self, address: Address, limits: &Limits, now: Millis) -> Result<(), Busy> {
        let most = limits.max_connections_per_address;
        if most > 0 && self.of_address.get(&address).is_some_and(|&count| count >= most) {
            return Err(Busy::AddressFull);
        }
        let rate = limits.max_handshakes_per_address;
        if rate > 0 {
            if now >= self.until {
                self.until = now.saturating_add(1_000);
                self.handshakes.clear();
                self.handshakes.shrink_to(KEEP);
            }
            if self.handshakes.len() < MAX_ADDRESSES || self.handshakes.contains_key(&address) {
                let count = self.handshakes.entry(address).or_default();
                if *count >= rate {
                    return Err(Busy::AddressRate);
                }
                *count += 1;
            }
        }
        if most > 0 {
            *self.of_address.entry(address).or_default() += 1;
        }
        Ok(())
    }
}

impl Engine {
    /// The address that counts for a handshake, if addresses count.
    pub(super) fn counted_address(&self, peer: &Peer, request: &Request<'_>) -> Option<Address> {
        let limits = &self.config.limits;
        let counts = limits.max_connections_per_address > 0 || limits.max_handshakes_per_address > 0;
        counts.then(|| self.proxies.client(peer, request).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "800,000 addresses, which the bound needs")]
    fn what_is_remembered_of_addresses_is_bounded_whoever_comes() {
        let mut quotas = Counts::default();
        let limits = Limits {
            max_connections: 1_000,
            max_connections_per_address: 1,
            max_handshakes_per_address: 1,
            ..Limits::default()
        };
        for round in 0..4_u64 {
            for host in 0..200_000 {
                let address = Some(Address::V4(host));
                if quotas.enter(address, &limits, round * 1_000).is_ok() {
                    quotas.leave(address);
                }
            }
            assert_eq!((quotas.connections, quotas.of_address.len()), (0, 0));
            assert!(quotas.of_address.capacity() <= 4 * KEEP);
            assert_eq!(quotas.handshakes.len(), MAX_ADDRESSES);
        }
        // A quiet second gives it back.
        let address = Some(Address::V4(1));
        quotas.enter(address, &limits, 9_000).unwrap();
        quotas.leave(address);
        assert!(quotas.handshakes.capacity() <= 4 * KEEP);
    }
}
