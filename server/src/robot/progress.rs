//! How far they are, on standard error: a bar where somebody looks, else nothing before the end.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Characters of the bar: all of the line fits a terminal of 80 columns, or every count would begin a new one.
const BAR: usize = 18;

/// Clears what is right of it: what was written there before.
const CLEAR: &str = "\x1b[K";

/// The counts.
#[derive(Debug)]
pub struct Progress {
    orders: u32,
    shown: bool,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    placed: u32,
    ready: u32,
    collected: u32,
    cancelled: u32,
}

impl Progress {
    pub fn new(orders: u32) -> Self {
        Self { orders, shown: std::io::stderr().is_terminal(), counts: Mutex::default() }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, add: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts();
        add(&mut counts);
        if self.shown {
            // A terminal that is gone misses nothing.
            let _ = write!(std::io::stderr(), "\r{}{CLEAR}", line(&counts, self.orders));
        }
    }

    pub fn placed(&self) {
        self.count(|counts| counts.placed += 1);
    }

    pub fn ready(&self) {
        self.count(|counts| counts.ready += 1);
    }

    pub fn collected(&self) {
        self.count(|counts| counts.collected += 1);
    }

    pub fn cancelled(&self) {
        self.count(|counts| counts.cancelled += 1);
    }

    /// How many were collected, and how many called off.
    pub fn end(&self) -> (u32, u32) {
        if self.shown {
            let _ = writeln!(std::io::stderr());
        }
        let counts = self.counts();
        (counts.collected, counts.cancelled)
    }
}

fn line(counts: &Counts, orders: u32) -> String {
    let Counts { placed, ready, collected, cancelled } = counts;
    let done = (BAR as u64 * u64::from(collected + cancelled) / u64::from(orders.max(1))).min(BAR as u64) as usize;
    let bar = format!("{}{}", "#".repeat(done), "-".repeat(BAR - done));
    format!("[{bar}] {placed}/{orders} placed, {ready} made, {collected} out, {cancelled} cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_with_what_is_done() {
        let counts = Counts { placed: 30, ready: 25, collected: 18, cancelled: 2 };
        let shown = line(&counts, 40);
        assert_eq!(shown, format!("[{}{}] 30/40 placed, 25 made, 18 out, 2 cancelled", "#".repeat(9), "-".repeat(9)));
        assert!(line(&Counts { collected: 50, ..Counts::default() }, 40).starts_with(&format!("[{}]", "#".repeat(18))));
    }

    #[test]
    fn the_line_fits_a_terminal() {
        let most = Counts { placed: 99_999, ready: 99_999, collected: 99_999, cancelled: 99_999 };
        assert!(line(&most, 99_999).len() < 80);
    }
}
