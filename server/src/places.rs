//! How many connections there may be, of one address and in all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use backend::identity::network;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Who is here, by address.
pub struct Places {
    most: usize,
    free: Arc<Semaphore>,
    per_address: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place; free again when it is dropped.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    counted: Option<(Arc<Places>, IpAddr)>,
    /// How many more its address has than it may, this one among them.
    pub beyond: usize,
}

impl Place {
    /// The address that it is counted by: an IPv6 one with its whole /64; `None` for the machine itself.
    pub fn address(&self) -> Option<IpAddr> {
        self.counted.as_ref().map(|(_, address)| *address)
    }

    /// Its address has more than it may.
    pub fn is_crowded(&self) -> bool {
        self.beyond > 0
    }
}

impl Places {
    /// So many at once, and so many of one address (an IPv6 address counts with its whole /64). The machine itself is not
    /// counted by its address, for a proxy on it may speak for everybody.
    pub fn new(most: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { most, free: Arc::new(Semaphore::new(most)), per_address, by_address: Mutex::default() })
    }

    /// Takes a place; `None` where none is left.
    pub fn take(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        if from.to_canonical().is_loopback() {
            return Some(Place { _permit: permit, counted: None, beyond: 0 });
        }
        let address = network(from);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        *count += 1;
        Some(Place { _permit: permit, beyond: count.saturating_sub(self.per_address), counted: Some((self.clone(), address)) })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_places_and_gives_them_back() {
        let places = Places::new(6, 2);
        let mut taken: Vec<_> = (0..3).map(|_| places.take(at("192.0.2.1")).unwrap()).collect();
        assert_eq!(taken.iter().map(|place| place.beyond).collect::<Vec<_>>(), [0, 0, 1]);
        let network: Vec<_> = ["2001:db8::1", "2001:db8::2", "2001:db8::3"].map(|address| places.take(at(address)).unwrap()).into();
        assert!(network[2].is_crowded(), "a network of version 6 is one address");
        assert!(places.take(at("198.51.100.1")).is_none(), "every place is taken");
        taken.clear();
        assert!(!places.take(at("::ffff:192.0.2.1")).unwrap().is_crowded());
        drop(network);
        assert!(places.taken() == 0 && places.by_address.lock().unwrap().is_empty());
    }

    #[test]
    fn the_machine_itself_is_not_counted() {
        let places = Places::new(9, 1);
        for address in ["127.0.0.1", "::1", "127.0.0.1", "::1"] {
            let place = places.take(at(address)).unwrap();
            assert!(!place.is_crowded());
            std::mem::forget(place);
        }
    }
}
