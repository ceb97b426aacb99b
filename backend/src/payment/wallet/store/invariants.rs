//! What must be true of wallets and their ledger, as queries for what is not.

use domain::{OrderId, UserId};

use crate::args;
use crate::check::{Breach, MOST};
use crate::db::{DbError, Sql};

/// Wallets that hold something else than their movements say.
pub(in super::super) async fn unbalanced(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select * from (select wallet.account, wallet.balance, wallet.entries, count(ledger_transfer.id) as moved, \
                cast(coalesce(sum(case when to_account = 'wallet:' || wallet.account then amount \
                  when from_account = 'wallet:' || wallet.account then -amount end), 0) as bigint) as total, \
                coalesce(min(balance_after), 0) as least, coalesce(max(entry), 0) as newest, \
                coalesce(max(case when ledger_transfer.entry = wallet.entries then balance_after end), 0) as last \
                from wallet left join ledger_transfer on ledger_transfer.wallet = wallet.account \
                group by wallet.account, wallet.balance, wallet.entries) as counted \
                where balance <> total or balance < 0 or least < 0 or entries <> moved or newest <> entries or last <> balance \
                order by account limit $1";
    let rows = sql.fetch_all(text, args![MOST]).await?;
    rows.iter()
        .map(|row| {
            let why = format!(
                "it holds {} after {} movements; the ledger has {} of them, up to number {}, which come to {}, the last one to {}",
                row.get::<i64>("balance")?,
                row.get::<i64>("entries")?,
                row.get::<i64>("moved")?,
                row.get::<i64>("newest")?,
                row.get::<i64>("total")?,
                row.get::<i64>("last")?
            );
            Ok(Breach::new("ledger.wallets", format!("wallet of {}", row.get::<UserId>("account")?), why))
        })
        .collect()
}

/// Movements that say of their wallet something else than it held after them.
pub(in super::super) async fn misremembered(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select * from (select wallet, entry, balance_after, \
                cast(sum(case when to_account = 'wallet:' || wallet then amount when from_account = 'wallet:' || wallet then -amount \
                  else 0 end) over (partition by wallet order by entry) as bigint) as total from ledger_transfer) as summed \
                where balance_after <> total order by wallet, entry limit $1";
    let rows = sql.fetch_all(text, args![MOST]).await?;
    rows.iter()
        .map(|row| {
            let (entry, after, total): (i64, i64, i64) = (row.get("entry")?, row.get("balance_after")?, row.get("total")?);
            let why = format!("its movements up to number {entry} come to {total}, and number {entry} says {after}");
            Ok(Breach::new("ledger.wallets", format!("wallet of {}", row.get::<UserId>("wallet")?), why))
        })
        .collect()
}

/// Movements that do not belong to a wallet, or of which the sides do not sum to zero.
pub(in super::super) async fn one_sided(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select id, from_account, to_account, amount from ledger_transfer \
                where amount <= 0 or from_account = to_account \
                or (from_account <> 'wallet:' || wallet and to_account <> 'wallet:' || wallet) \
                or wallet not in (select account from wallet) order by id limit $1";
    let mut found = Vec::new();
    for row in sql.fetch_all(text, args![MOST]).await? {
        let (from, to): (String, String) = (row.get("from_account")?, row.get("to_account")?);
        let why = format!("it moves {} from {from} to {to}", row.get::<i64>("amount")?);
        found.push(Breach::new("ledger.sums", format!("movement {}", row.get::<String>("id")?), why));
    }
    let text = "select currency, cast(sum(amount) as bigint) as total from ledger_side group by currency having sum(amount) <> 0";
    for row in sql.fetch_all(text, args![]).await? {
        let why = format!("all its movements come to {}", row.get::<i64>("total")?);
        found.push(Breach::new("ledger.sums", row.get::<String>("currency")?, why));
    }
    Ok(found)
}

/// Payments from wallets for which the ledger has taken or given back something else.
pub(in super::super) async fn booked_otherwise(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select * from (select payment.order_id, payment.status, payment.amount, payment.refunded, \
                cast(coalesce(sum(case when kind = 'charge' then ledger_transfer.amount end), 0) as bigint) as taken, \
                cast(coalesce(sum(case when kind = 'refund' then ledger_transfer.amount end), 0) as bigint) as given_back \
                from payment left join ledger_transfer on ledger_transfer.order_id = payment.order_id where payment.method = 'wallet' \
                group by payment.order_id, payment.status, payment.amount, payment.refunded) as booked where taken <> amount \
                or given_back <> refunded or given_back > taken order by order_id limit $1";
    let rows = sql.fetch_all(text, args![MOST]).await?;
    rows.iter()
        .map(|row| {
            let (status, amount): (String, i64) = (row.get("status")?, row.get("amount")?);
            let (taken, back): (i64, i64) = (row.get("taken")?, row.get("given_back")?);
            let why = format!("its payment of {amount} is {status}; the ledger has taken {taken} and given {back} back");
            Ok(Breach::new("ledger.orders", format!("order {}", row.get::<OrderId>("order_id")?), why))
        })
        .collect()
}

/// Top-ups that are in no wallet, in another one or with another amount, and money in wallets that no top-up explains.
pub(in super::super) async fn topped_up_otherwise(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select top_up.id, top_up.status, top_up.amount, coalesce(ledger_transfer.amount, 0) as booked from top_up \
                left join ledger_transfer on ledger_transfer.kind = 'top_up' and ledger_transfer.reference = top_up.id \
                where case when top_up.status = 'captured' then ledger_transfer.id is null or ledger_transfer.wallet <> top_up.account \
                or ledger_transfer.amount <> top_up.amount or ledger_transfer.currency <> top_up.currency \
                else ledger_transfer.id is not null end order by top_up.id limit $1";
    let mut found = Vec::new();
    for row in sql.fetch_all(text, args![MOST]).await? {
        let (status, amount, booked): (String, i64, i64) = (row.get("status")?, row.get("amount")?, row.get("booked")?);
        let why = format!("it is {status} over {amount}, and the ledger has put {booked} into its shopper's wallet");
        found.push(Breach::new("ledger.top_ups", format!("top-up {}", row.get::<String>("id")?), why));
    }
    let text = "select id, reference from ledger_transfer \
                where kind = 'top_up' and reference not in (select id from top_up) order by id limit $1";
    for row in sql.fetch_all(text, args![MOST]).await? {
        let why = format!("there is no top-up {}", row.get::<String>("reference")?);
        found.push(Breach::new("ledger.top_ups", format!("movement {}", row.get::<String>("id")?), why));
    }
    Ok(found)
}
