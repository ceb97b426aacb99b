//! When the server is asked whether it is there.
//!
//! A server that froze, or a network that swallows everything, says nothing: its connection stands, and only a question that
//! stays without an answer tells. Somebody who looks at a page is not shown for long that it is live when it is not; nobody
//! looks at a hidden one, whose timers a browser runs once a minute, and which asks as soon as it is shown again.

use std::time::Duration;

/// Told to the server, which closes after half as long again without a word from us.
pub(super) const KEEP_ALIVE_SECONDS: u16 = 100;

/// From an answer to the next question, whatever else comes meanwhile: the server wants to hear from us, too.
pub(super) const fn quiet(visible: bool) -> Duration {
    Duration::from_secs(if visible { 15 } else { 55 })
}

/// A server that is there answers within this, whatever it says.
pub(super) const fn patience(visible: bool) -> Duration {
    Duration::from_secs(if visible { 5 } else { 8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_is_told_of_a_silence_within_twenty_seconds() {
        assert!(quiet(true) + patience(true) <= Duration::from_secs(20));
    }

    #[test]
    fn a_server_hears_of_everybody_before_it_gives_them_up() {
        // A timer of a hidden tab fires up to a minute late.
        let latest = quiet(false) + Duration::from_mins(1);
        assert!(latest < Duration::from_secs(u64::from(KEEP_ALIVE_SECONDS) * 3 / 2), "{latest:?}");
    }

    #[test]
    fn ten_thousand_who_look_and_hear_nothing_ask_seldom() {
        // Beside the 2,000 messages a second that a server is measured with.
        let questions = 10_000.0 / quiet(true).as_secs_f64();
        assert!(questions < 700.0, "{questions} a second");
    }
}
