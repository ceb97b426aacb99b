//! What a connection may take, an address, and all of them together.

use std::time::Duration;

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
