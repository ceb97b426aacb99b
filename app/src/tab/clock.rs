//! What time it is in the shop, whatever the clock of this machine says: it may be wrong, and it may be set while a page is open.

use std::{cell::Cell, rc::Rc, time::Duration};

use domain::Timestamp;
use leptos::{prelude::*, task::spawn_local};

use super::{Body, ask, js, pause};

/// The smallest answer there is; like any it says when it was made.
const ANYTHING: &str = "/healthz";

/// By so much two reckonings of the time may differ, in milliseconds.
const APART: i64 = 2_000;

/// Between two tries to ask for it, in milliseconds.
const AGAIN: i32 = 5_000;

/// Milliseconds by the clock that nobody sets. On some machines it stands still while they sleep.
pub fn steady() -> f64 {
    let now = js::call(&js::global("performance"), "now", &[]).ok().and_then(|now| now.as_f64());
    now.unwrap_or_else(js_sys::Date::now)
}

/// What this machine's clocks show, in milliseconds: the one that nobody sets, and the one of the wall.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    steady: f64,
    wall: f64,
}

impl Clocks {
    fn now() -> Self {
        Self { steady: steady(), wall: js_sys::Date::now() }
    }
}

/// What the server said, and what was shown here then.
#[derive(Debug, Clone, Copy)]
struct Told {
    server: Timestamp,
    here: Clocks,
}

impl Told {
    /// Now, as the server would say.
    fn now(self, here: Clocks) -> Timestamp {
        self.server.plus_millis((here.steady - self.here.steady) as i64)
    }

    /// Whether the clocks have parted since: one was set, or the other stood still. Only the server knows which.
    fn is_doubtful(self, here: Clocks) -> bool {
        let (steady, wall) = (here.steady - self.here.steady, here.wall - self.here.wall);
        (wall - steady).abs() > APART as f64
    }

    /// The same after it was asked. It answers in whole seconds, and its answer was on its way: what agrees with it is more exact.
    fn confirmed(self, server: Timestamp, here: Clocks) -> Self {
        let reckoned = self.now(here);
        Self { server: if (server - reckoned).abs() > APART { server } else { reckoned }, here }
    }
}

/// Now, as the server would say: its `now` at the page's making, and the time that has gone by here since. A tablet whose
/// clock is wrong, or is set, shows right ages all the same. Ticks every second.
pub fn ticking(server_now: Timestamp) -> ReadSignal<Timestamp> {
    let (now, set_now) = signal(server_now);
    Effect::new(move |_| {
        let told = Rc::new(Cell::new(Told { server: server_now, here: Clocks::now() }));
        let asking = Rc::new(Cell::new(false));
        let tick = move || {
            let here = Clocks::now();
            if told.get().is_doubtful(here) && !asking.replace(true) {
                let (told, asking) = (told.clone(), asking.clone());
                spawn_local(async move {
                    match ask(ANYTHING, Body::Nothing).await.ok().and_then(|reply| reply.date) {
                        Some(server) => told.set(told.get().confirmed(server, Clocks::now())),
                        // A machine that has just woken has no network yet.
                        None => pause(AGAIN).await,
                    }
                    asking.set(false);
                });
            }
            let _ = set_now.try_set(told.get().now(here));
        };
        if let Ok(timer) = set_interval_with_handle(tick, Duration::from_secs(1)) {
            on_cleanup(move || timer.clear());
        }
    });
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn here(steady: f64, wall: f64) -> Clocks {
        Clocks { steady, wall }
    }

    fn told() -> Told {
        Told { server: Timestamp::from_millis(1_000_000), here: here(500.0, 70_000.0) }
    }

    #[test]
    fn time_goes_by_whatever_the_wall_says() {
        let at = Timestamp::from_millis(1_010_000);
        let (right, ahead, behind) = (here(10_500.0, 80_000.0), here(10_500.0, 3_680_000.0), here(10_500.0, -3_520_000.0));
        assert_eq!([right, ahead, behind].map(|here| told().now(here)), [at; 3]);
        assert_eq!([right, ahead, behind].map(|here| told().is_doubtful(here)), [false, true, true]);
        assert!(!told().is_doubtful(here(10_500.0, 81_900.0)), "a clock that is led to the right time little by little");
    }

    #[test]
    fn the_server_says_whether_a_clock_was_set_or_the_machine_slept() {
        // An hour later on the wall, and ten seconds by the other one.
        let parted = here(10_500.0, 3_680_000.0);
        let set = told().confirmed(Timestamp::from_millis(1_009_000), parted);
        assert_eq!(set.now(parted), Timestamp::from_millis(1_010_000), "not a second back");
        let slept = told().confirmed(Timestamp::from_millis(4_610_000), parted);
        assert_eq!(slept.now(here(11_500.0, 3_681_000.0)), Timestamp::from_millis(4_611_000));
        assert!(!set.is_doubtful(parted) && !slept.is_doubtful(parted), "it is asked once");
    }
}
