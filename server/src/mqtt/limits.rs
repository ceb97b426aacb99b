//! What a connection may take, an address, and all of them together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backend::identity::network;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The limits of a gateway.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once, over all listeners. Beyond it a WebSocket is refused with 503, a plain connection closed.
    pub connections: usize,
    /// Connections of one address at once (an IPv6 address counts with its whole /64): a café's guests share one. The
    /// machine itself is not counted, for a proxy on it may speak for everybody.
    pub per_address: usize,
    /// Packets of a connection a second, acknowledgements apart; each filter of a SUBSCRIBE counts.
    pub packets_per_second: u32,
    /// Packets at once, after a quiet time.
    pub packets_at_once: u32,
    /// From the first byte to CONNECT.
    pub handshake: Duration,
    /// A client that takes nothing, or acknowledges nothing, for so long is disconnected.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_000,
            per_address: 1_000,
            packets_per_second: 100,
            packets_at_once: 1_000,
            handshake: Duration::from_secs(10),
            patience: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Without what would be in the way of a load test: `ORDERLY_LIMITS=off`.
    pub fn lifted() -> Self {
        Self { per_address: usize::MAX, packets_per_second: u32::MAX, packets_at_once: u32::MAX, ..Self::default() }
    }
}

/// Who is here, by address.
pub(super) struct Places {
    most: usize,
    free: Arc<Semaphore>,
    per_address: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place; free again when it is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    counted: Option<(Arc<Places>, IpAddr)>,
    /// Its address has more than it may.
    pub crowded: bool,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(limits.connections));
        Arc::new(Self { most: limits.connections, free, per_address: limits.per_address, by_address: Mutex::default() })
    }

    /// Takes a place; `None` where none is left.
    pub(super) fn take(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        if from.to_canonical().is_loopback() {
            return Some(Place { _permit: permit, counted: None, crowded: false });
        }
        let address = network(from);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        *count += 1;
        Some(Place { _permit: permit, crowded: *count > self.per_address, counted: Some((self.clone(), address)) })
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.most - self.free.available_permits()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((places, address)) = self.counted.take() else { return };
        let mut by_address = places.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

/// How often a connection speaks: a bucket that fills by the second.
pub(super) struct Pace {
    left: f64,
    most: f64,
    per_second: f64,
    filled: Instant,
}

impl Pace {
    pub(super) fn new(limits: &Limits) -> Self {
        let most = limits.packets_at_once.into();
        Self { left: most, most, per_second: limits.packets_per_second.into(), filled: Instant::now() }
    }

    /// Takes `packets` out; whether so many were in.
    pub(super) fn take(&mut self, packets: usize, now: Instant) -> bool {
        self.left = (self.left + (now - self.filled).as_secs_f64() * self.per_second).min(self.most);
        self.filled = now;
        self.left -= packets as f64;
        self.left >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_places_and_gives_them_back() {
        let places = Places::new(&Limits { connections: 6, per_address: 2, ..Limits::default() });
        let mut taken: Vec<_> = (0..3).map(|_| places.take(at("192.0.2.1")).unwrap()).collect();
        assert_eq!(taken.iter().map(|place| place.crowded).collect::<Vec<_>>(), [false, false, true]);
        let network: Vec<_> = ["2001:db8::1", "2001:db8::2", "2001:db8::3"].map(|address| places.take(at(address)).unwrap()).into();
        assert!(network[2].crowded, "a network of version 6 is one address");
        assert!(places.take(at("198.51.100.1")).is_none(), "every place is taken");
        taken.clear();
        assert!(!places.take(at("::ffff:192.0.2.1")).unwrap().crowded);
        drop(network);
        assert!(places.taken() == 0 && places.by_address.lock().unwrap().is_empty());
    }

    #[test]
    fn the_machine_itself_is_not_counted() {
        let places = Places::new(&Limits { per_address: 1, ..Limits::default() });
        for address in ["127.0.0.1", "::1", "127.0.0.1", "::1"] {
            let place = places.take(at(address)).unwrap();
            assert!(!place.crowded);
            std::mem::forget(place);
        }
    }

    #[test]
    fn a_burst_is_let_through_and_then_a_pace() {
        let mut pace = Pace::new(&Limits { packets_at_once: 10, packets_per_second: 2, ..Limits::default() });
        let now = pace.filled;
        assert!(pace.take(9, now) && pace.take(1, now) && !pace.take(1, now));
        let later = now + Duration::from_secs(1);
        assert!(pace.take(1, later) && !pace.take(1, later), "what was too much is paid back first");
    }
}
