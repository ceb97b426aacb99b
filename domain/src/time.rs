//! Instants: UTC, whole milliseconds.

use std::{fmt, ops, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::schema::text_schema;

/// An instant in UTC, in milliseconds since 1970-01-01T00:00:00Z. On the wire RFC 3339 with exactly three decimals.
///
/// Limits: the years 0000 to 9999, which is what RFC 3339 can write; [`Timestamp::from_millis`] clamps to them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

text_schema!(Timestamp, Some("date-time"), None, "2026-11-22T08:30:00.000Z");

const MIN: i64 = -62_167_219_200_000; // 0000-01-01T00:00:00.000Z
const MAX: i64 = 253_402_300_799_999; // 9999-12-31T23:59:59.999Z

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        if millis < MIN {
            Self(MIN)
        } else if millis > MAX {
            Self(MAX)
        } else {
            Self(millis)
        }
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_millis(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    pub const fn plus_millis(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// Whole seconds from `earlier` to `self`, never negative.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        let millis = self.0.saturating_sub(earlier.0);
        if millis < 0 { 0 } else { millis / 1000 }
    }
}

impl ops::Sub for Timestamp {
    type Output = i64;

    /// Milliseconds from `rhs` to `self`.
    fn sub(self, rhs: Self) -> i64 {
        self.0.saturating_sub(rhs.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(86_400_000);
        let millis = self.0.rem_euclid(86_400_000);
        let (year, month, day) = civil_from_days(days);
        let (h, m, s, ms) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60, millis % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an RFC 3339 instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as 2026-11-22T08:30:00.000Z")]
pub struct InvalidTimestamp;

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// RFC 3339 with any offset and any number of decimals (those past the third are cut off).
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let bytes = text.as_bytes();
        let number = |range: ops::Range<usize>| -> Result<i64, InvalidTimestamp> {
            let digits = bytes.get(range).ok_or(InvalidTimestamp)?;
            digits.iter().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')).ok_or(InvalidTimestamp))
        };
        let is = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|b| allowed.contains(b));
        if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
            return Err(InvalidTimestamp);
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let mut at = 19;
        let mut millis = 0;
        if is(at, b".") {
            let digits = bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return Err(InvalidTimestamp);
            }
            for place in 0..3 {
                millis = millis * 10 + if place < digits { i64::from(bytes[at + 1 + place] - b'0') } else { 0 };
            }
            at += 1 + digits;
        }
        let offset = match bytes.get(at) {
            Some(b'Z' | b'z') if bytes.len() == at + 1 => 0,
            Some(sign @ (b'+' | b'-')) if bytes.len() == at + 6 && is(at + 3, b":") => {
                let (h, m) = (number(at + 1..at + 3)?, number(at + 4..at + 6)?);
                if h > 23 || m > 59 {
                    return Err(InvalidTimestamp);
                }
                (h * 60 + m) * if *sign == b'-' { -1 } else { 1 }
            }
            _ => return Err(InvalidTimestamp),
        };
        // Second 60 is a leap second: RFC 3339 allows it, and it is taken as the first of the next minute.
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 60 {
            return Err(InvalidTimestamp);
        }
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
        Ok(Self::from_millis(seconds * 1000 + millis))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": the proleptic Gregorian calendar in a few integer
// operations. A calendar crate would cost the browser more than the whole of its cart.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_calendar_library(millis in MIN..=MAX) {
            let ours = Timestamp::from_millis(millis);
            let theirs = jiff::Timestamp::from_millisecond(millis);
            prop_assume!(theirs.is_ok());
            prop_assert_eq!(ours.to_string(), format!("{:.3}", theirs.unwrap()));
            prop_assert_eq!(ours.to_string().parse::<Timestamp>(), Ok(ours));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = text.parse::<Timestamp>();
        }
    }

    #[test]
    fn offsets_and_decimals_are_read() {
        let noon: Timestamp = "2026-11-22T12:00:00.000Z".parse().unwrap();
        for text in ["2026-11-22T12:00:00Z", "2026-11-22t14:00:00.0009+02:00", "2026-11-22T06:30:00.00-05:30"] {
            assert_eq!(text.parse(), Ok(noon), "{text}");
        }
        for text in ["", "2026-11-22", "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T12:00:00", "2026-11-22T12:00:00.Z"] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }
}
