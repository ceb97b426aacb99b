//! Orders of a day.

use domain::StoreId;
use domain::view::QueueToday;

use super::super::sales::Sale;
use crate::args;
use crate::db::{DbError, Row, Sql};

/// The orders of a day of a store; what was to be made and paid is read where it is sold.
pub(in super::super) async fn sales(sql: &mut impl Sql, store: &StoreId, day: &str) -> Result<Vec<Sale>, DbError> {
    let text = "select placed_at, status, reason, cancelled_by, case when status in ('processed', 'fulfilled') then quote end as sold \
                from sales_order where store = $1 and day = $2 order by number";
    let sale = |row: &Row| {
        Ok(Sale {
            placed_at: row.get("placed_at")?,
            status: row.parse("status")?,
            reason: row.get("reason")?,
            cancelled_by: row.parse_opt("cancelled_by")?,
            sold: row.json_opt("sold")?,
        })
    };
    sql.fetch_all(text, args![store, day]).await?.iter().map(sale).collect()
}

/// Counts the orders of a day. All of them are counted by the index of their numbers; those that were called off or refused, and
/// those that are being paid for, which are few, by indexes that hold nothing else. The states are named again for the planner.
pub(in super::super) async fn so_far(sql: &mut impl Sql, store: &StoreId, day: &str, timeout: &str) -> Result<QueueToday, DbError> {
    let text = "select count(*) as placed from sales_order where store = $1 and day = $2";
    let placed: i64 = sql.fetch_one(text, args![store, day]).await?.get("placed")?;
    let text = "select count(*) as paying from sales_order where store = $1 and status = 'created' and day = $2";
    let paying: i64 = sql.fetch_one(text, args![store, day]).await?.get("paying")?;
    let text = "select count(case when status = 'rejected' then 1 end) as rejected, \
                count(case when status = 'cancelled' then 1 end) as cancelled, \
                count(case when status = 'cancelled' and reason = $3 and cancelled_by = 'system' then 1 end) as timed_out \
                from sales_order where store = $1 and day = $2 and status in ('rejected', 'cancelled')";
    let row = sql.fetch_one(text, args![store, day, timeout]).await?;
    let (rejected, cancelled, timed_out): (i64, i64, i64) = (row.get("rejected")?, row.get("cancelled")?, row.get("timed_out")?);
    Ok(QueueToday { started: placed - paying - rejected, cancelled: cancelled - timed_out, timed_out })
}
