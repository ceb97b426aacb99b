//! How a store's day goes, for its managers. Nothing is counted while orders are taken: what [`ordering`] has sold and [`prep`] has
//! made on that day is read when somebody looks, in one snapshot, and added up here.

mod tally;

use domain::StoreId;
use domain::view::{Naming, TodayView};

use self::tally::Tally;
use crate::db::{DbError, Sql};
use crate::ordering::day::Day;
use crate::refused::{Extra, Refused};
use crate::stores::Stores;
use crate::{log, ordering, prep};

/// The figures of all stores.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reports;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// What was asked for is no date.
    #[error("The day must be a date such as 2026-11-22.")]
    InvalidDay,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Reports {
    /// The figures of a day of a store, `2026-11-22`, or of the one that it is there now; `None` where there is no such store.
    /// Who may see them is the caller's to decide. `sql` is a snapshot: what is read in it belongs together.
    pub async fn day(&self, sql: &mut impl Sql, at: &StoreId, day: Option<&str>, naming: Naming) -> Result<Option<TodayView>, ReportError> {
        let Some(store) = Stores.get(sql, at).await? else { return Ok(None) };
        let position = log::head(sql).await?;
        let version = sql.sequence(position);
        let today = Day::at(sql.now(), &store.time_zone);
        let day = match day {
            Some(date) => Day::named(date, &store.time_zone).ok_or(ReportError::InvalidDay)?,
            None => today.clone(),
        };
        let hours = day.hours().ok_or(ReportError::InvalidDay)?;
        let begins_at = hours.hours.first().map_or(hours.end, |(begin, _)| *begin);
        let ends_at = hours.end;
        let mut tally = Tally::new(&hours, store.currency, naming);
        for sale in ordering::sales(sql, at, &day).await? {
            tally.sale(&sale)?;
        }
        for made in prep::made(sql, at, begins_at, ends_at).await? {
            tally.made(made);
        }
        let (totals, hours, products, options, ended) = tally.finish();
        let (currency, time_zone, current) = (store.currency, store.time_zone, day == today);
        let day = day.to_string();
        Ok(Some(TodayView {
            store: store.id,
            currency,
            time_zone,
            day,
            current,
            begins_at,
            ends_at,
            version,
            totals,
            hours,
            products,
            options,
            ended,
        }))
    }
}

impl Refused for ReportError {
    fn code(&self) -> &'static str {
        match self {
            Self::InvalidDay => "invalid_day",
            Self::Database(error) => error.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::InvalidDay => 400,
            Self::Database(error) => error.status(),
        }
    }

    fn extra(&self) -> Extra {
        match self {
            Self::InvalidDay => Extra::default(),
            Self::Database(error) => error.extra(),
        }
    }
}
