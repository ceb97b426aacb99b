//! The day of a store, in its own time zone: order numbers and order limits begin anew with it.

use domain::Timestamp;
use jiff::tz::TimeZone;

/// The date at a store, such as `2026-11-22`. A time zone that is not known counts as UTC: a number in the wrong day is
/// better than no order.
pub(super) fn of(now: Timestamp, time_zone: &str) -> String {
    let zone = TimeZone::get(time_zone).unwrap_or_else(|error| {
        tracing::warn!(time_zone, %error, "a store's time zone is not known; its day is that of UTC");
        TimeZone::UTC
    });
    let now = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
    now.to_zoned(zone).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_the_stores_midnight() {
        let at = |text: &str, zone| of(text.parse().unwrap(), zone);
        assert_eq!(at("2026-11-22T07:59:59.999Z", "America/Los_Angeles"), "2026-11-21");
        assert_eq!(at("2026-11-22T08:00:00.000Z", "America/Los_Angeles"), "2026-11-22");
        assert_eq!(at("2026-07-22T07:00:00.000Z", "America/Los_Angeles"), "2026-07-22");
        assert_eq!(at("2026-11-22T16:00:00.000Z", "Asia/Shanghai"), "2026-11-23");
        assert_eq!(at("2026-11-22T16:00:00.000Z", "Moon/Tranquility"), "2026-11-22");
    }
}
