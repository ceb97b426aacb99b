//! What a connection may take, an address, and all of them together.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;

/// The limits of a gateway.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once, over all listeners. Beyond it a WebSocket is refused with 503, a plain connection closed.
    pub connections: usize,
    /// Connections of one address at once (an IPv6 address counts with its whole /64): a café's guests share one. The
    /// machine itself is not counted, for a proxy on it may speak for everybody.
    pub per_address: usize,
    /// Packets of a connection a second, acknowledgements apart; each filter of a SUBSCRIBE or UNSUBSCRIBE counts.
    pub packets_per_second: u32,
    /// Packets at once, after a quiet time.
    pub packets_at_once: u32,
    /// Questions to the shop of an address a second: who somebody is, whose an order or a kiosk, and how something is that no broker
    /// keeps. Beyond it connections end with "busy", and come again. The machine itself is not counted.
    pub questions_per_second: NonZeroU32,
    /// Questions at once, after a quiet time: a house full of phones comes back together.
    pub questions_at_once: NonZeroU32,
    /// From the first byte to CONNECT.
    pub handshake: Duration,
    /// A client that takes nothing, acknowledges nothing, or sends no more of what it has begun to send, for so long is disconnected.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_000,
            per_address: 1_000,
            packets_per_second: 100,
            packets_at_once: 1_000,
            questions_per_second: const { NonZeroU32::new(300).unwrap() },
            questions_at_once: const { NonZeroU32::new(3_000).unwrap() },
            handshake: Duration::from_secs(10),
            patience: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Without what would be in the way of a load test: `ORDERLY_LIMITS=off`.
    pub fn lifted() -> Self {
        Self {
            per_address: usize::MAX,
            packets_per_second: u32::MAX,
            packets_at_once: u32::MAX,
            questions_per_second: NonZeroU32::MAX,
            questions_at_once: NonZeroU32::MAX,
            ..Self::default()
        }
    }
}

/// How often each address asks the shop something.
pub(super) struct Questions(DefaultKeyedRateLimiter<IpAddr>);

impl Questions {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(RateLimiter::keyed(Quota::per_second(limits.questions_per_second).allow_burst(limits.questions_at_once)))
    }

    /// Takes one from the address's bucket; whether one was in.
    pub(super) fn take(&self, from: IpAddr) -> bool {
        self.0.check_key(&from).is_ok()
    }

    /// Forgets whose bucket is full again. To be called now and then, or they grow for ever.
    pub(super) fn forget(&self) {
        self.0.retain_recent();
        self.0.shrink_to_fit();
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

    #[test]
    fn a_burst_is_let_through_and_then_a_pace() {
        let mut pace = Pace::new(&Limits { packets_at_once: 10, packets_per_second: 2, ..Limits::default() });
        let now = pace.filled;
        assert!(pace.take(9, now) && pace.take(1, now) && !pace.take(1, now));
        let later = now + Duration::from_secs(1);
        assert!(pace.take(1, later) && !pace.take(1, later), "what was too much is paid back first");
    }
}
