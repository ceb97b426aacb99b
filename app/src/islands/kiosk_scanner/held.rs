//! The ticket before the camera, which sees it many times a second: when it is read, and when again.

/// So long the same code before the camera is the same ticket, which somebody has not taken away yet, in milliseconds.
const STILL: f64 = 8_000.0;
/// And so long after an answer that may be another by now it is tried again.
const RETRY: f64 = 2_500.0;

/// The ticket that was before the camera last. Times are by the clock that nobody sets, in milliseconds.
#[derive(Debug, Default)]
pub struct Held {
    ticket: String,
    /// When it was seen last.
    seen: f64,
    /// When it is to be tried again; `None`: it was settled, or is being asked for.
    due: Option<f64>,
}

impl Held {
    /// Whether a ticket that is seen now is to be asked for.
    pub fn sees(&mut self, ticket: &str, now: f64) -> bool {
        let still = self.ticket == ticket && now - self.seen < STILL;
        self.seen = now;
        if still && self.due.is_none_or(|due| now < due) {
            return false;
        }
        ticket.clone_into(&mut self.ticket);
        self.due = None;
        true
    }

    /// Something came of a ticket now; `may_change`: of the same one something else may come later.
    pub fn told(&mut self, ticket: &str, may_change: bool, now: f64) {
        if self.ticket == ticket {
            self.due = may_change.then_some(now + RETRY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_settled_is_read_once_for_as_long_as_it_is_held() {
        let mut held = Held::default();
        assert!(held.sees("A", 1_000_000.0));
        held.told("A", false, 1_000_100.0);
        let mut now = 1_000_000.0;
        for _ in 0..200 {
            now += 150.0;
            assert!(!held.sees("A", now), "30 seconds long");
        }
        assert!(!held.sees("A", now + 7_999.0), "a hand that trembles");
        assert!(held.sees("A", now + 15_999.0), "it was taken away, and comes again");
        assert!(held.sees("B", now + 16_000.0) && held.sees("A", now + 16_150.0), "one after the other");
    }

    #[test]
    fn what_may_change_is_tried_again_every_few_seconds() {
        let mut held = Held::default();
        assert!(held.sees("A", 0.0));
        assert!(!held.sees("A", 6_000.0), "it is still being asked for");
        held.told("A", true, 6_000.0);
        assert!(!held.sees("A", 8_499.0));
        assert!(held.sees("A", 8_500.0));
        assert!(!held.sees("A", 8_650.0), "and is being asked for again");
        held.told("A", true, 8_700.0);
        // It is taken away, and held out again.
        assert!(held.sees("A", 12_000.0));
        held.told("B", true, 12_100.0);
        assert!(!held.sees("A", 16_000.0), "what came of another one");
        held.told("A", false, 16_000.0);
        assert!(!held.sees("A", 20_000.0));
    }
}
