//! The day of a store, in its own time zone: order numbers, order limits and reports begin anew with it.

use std::fmt;

use domain::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// How far apart the clocks are looked at for the beginning of an hour: no zone's offset is finer.
const STEP_MILLIS: i64 = 15 * 60 * 1000;

/// A day of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    date: Date,
    zone: TimeZone,
}

/// The hours of a day: when each begins and what the store's clocks show then, and when the last one ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hours {
    pub hours: Vec<(Timestamp, i64)>,
    pub end: Timestamp,
}

/// The date at a store, such as `2026-11-22`.
pub(super) fn of(now: Timestamp, time_zone: &str) -> String {
    Day::at(now, time_zone).to_string()
}

impl Day {
    /// The day that it is at a store. A time zone that is not known counts as UTC: a number in the wrong day is better than no
    /// order.
    pub(crate) fn at(now: Timestamp, time_zone: &str) -> Self {
        let zone = zone(time_zone);
        let now = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        Self { date: now.to_zoned(zone.clone()).date(), zone }
    }

    /// The day of this date, written `2026-11-22` and in no other way; `None` where there is no such day.
    pub(crate) fn named(date: &str, time_zone: &str) -> Option<Self> {
        let parsed: Date = date.parse().ok()?;
        (parsed.to_string() == date).then(|| Self { date: parsed, zone: zone(time_zone) })
    }

    /// Its hours by the clocks of the store: 24, and one less or more where they are changed. `None` at the end of the calendar.
    pub(crate) fn hours(&self) -> Option<Hours> {
        let midnight = |date: Date| Some(date.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond());
        let (begin, end) = (midnight(self.date)?, midnight(self.date.checked_add(1.day()).ok()?)?);
        let clock = |at: i64| jiff::Timestamp::from_millisecond(at).map(|at| self.zone.to_datetime(at));
        let mut hours = vec![(Timestamp::from_millis(begin), i64::from(clock(begin).ok()?.hour()))];
        let mut at = begin + STEP_MILLIS;
        while at < end {
            let shown = clock(at).ok()?;
            if shown.minute() == 0 {
                hours.push((Timestamp::from_millis(at), i64::from(shown.hour())));
            }
            at += STEP_MILLIS;
        }
        Some(Hours { hours, end: Timestamp::from_millis(end) })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date.fmt(f)
    }
}

fn zone(time_zone: &str) -> TimeZone {
    TimeZone::get(time_zone).unwrap_or_else(|error| {
        tracing::warn!(time_zone, %error, "a store's time zone is not known; its day is that of UTC");
        TimeZone::UTC
    })
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

    #[test]
    fn hours_follow_the_clocks_also_when_they_are_changed() {
        let hours = |date: &str, zone: &str| Day::named(date, zone).unwrap().hours().unwrap();
        let shown = |hours: &Hours| hours.hours.iter().map(|(_, hour)| *hour).collect::<Vec<_>>();
        let usual = hours("2026-11-22", "America/Los_Angeles");
        assert_eq!(
            (usual.hours[0].0.to_string(), usual.end.to_string()),
            ("2026-11-22T08:00:00.000Z".into(), "2026-11-23T08:00:00.000Z".into())
        );
        assert_eq!(shown(&usual), (0..24).collect::<Vec<_>>());
        // In spring two o'clock is missing, in autumn one o'clock comes twice.
        let spring = hours("2026-03-08", "America/Los_Angeles");
        assert_eq!((spring.hours.len(), &shown(&spring)[..4]), (23, &[0, 1, 3, 4][..]));
        let autumn = hours("2026-11-01", "America/Los_Angeles");
        assert_eq!((autumn.hours.len(), &shown(&autumn)[..4]), (25, &[0, 1, 1, 2][..]));
        assert_eq!(autumn.hours[2].0 - autumn.hours[1].0, 3_600_000);
        // Where midnight itself is skipped the day begins at one; where clocks move by half an hour, one hour is longer.
        let cairo = hours("2026-04-24", "Africa/Cairo");
        assert_eq!((cairo.hours.len(), shown(&cairo)[0]), (23, 1));
        assert_eq!(hours("2026-04-05", "Australia/Lord_Howe").hours.len(), 24);
        assert_eq!(hours("2026-11-22", "Asia/Kathmandu").hours.len(), 24);
    }

    #[test]
    fn a_date_is_written_in_one_way() {
        for wrong in ["", "2026-13-01", "2026-02-29", "20261122", "2026-11-22T00:00", " 2026-11-22", "today", "2026-11-22[UTC]"] {
            assert_eq!(Day::named(wrong, "UTC"), None, "{wrong}");
        }
        assert_eq!(Day::named("2028-02-29", "UTC").unwrap().to_string(), "2028-02-29");
        assert_eq!(Day::named("9999-12-31", "UTC").unwrap().hours(), None);
    }
}
