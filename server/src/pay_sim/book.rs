//! What the provider knows: one SQLite file. Its statements are small and its writes are not waited for to reach the disk:
//! a killed process loses nothing, and a power cut is no test of the shop.

use std::path::Path;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous};

use super::now;

const SCHEMA: &str = "
create table if not exists payment (
    key text not null primary key,
    id text not null unique,
    token text not null,
    amount integer not null,
    currency text not null,
    state text not null,
    asks integer not null,
    captured integer not null,
    refunded integer not null check (refunded <= captured),
    asked_at integer not null,
    return_url text,
    notify_url text,
    notify_secret text
) strict;
create index if not exists payment_undecided on payment (state) where state in ('pending', 'action_required');
create table if not exists refund (
    key text not null primary key,
    payment text not null,
    amount integer not null
) strict;
create table if not exists notice (
    delivery integer primary key,
    event text not null,
    url text not null,
    secret text not null,
    body text not null
) strict;
";

/// One payment.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: String,
    pub id: String,
    pub token: String,
    pub amount: i64,
    pub currency: String,
    pub state: String,
    pub asks: i64,
    pub captured: i64,
    pub asked_at: i64,
    pub return_url: Option<String>,
    pub notify: Option<(String, String)>,
}

/// A webhook that is not delivered yet.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub number: i64,
    pub url: String,
    pub secret: String,
    pub body: String,
}

/// Everything together, for whoever wants to compare.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(super) struct Totals {
    pub payments: i64,
    /// Payments that were captured.
    pub captures: i64,
    /// Minor units.
    pub captured: i64,
    pub refunded: i64,
}

/// How a refund ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refund {
    Done,
    Unknown,
    /// More than is left, or nothing was captured.
    TooMuch,
    /// The key is another refund's.
    Reused,
}

/// The books. Clones are the same.
#[derive(Clone)]
pub(super) struct Book(SqlitePool);

type Answer<T> = Result<T, sqlx::Error>;

impl Book {
    pub(super) async fn open(file: &Path) -> anyhow::Result<Self> {
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            tokio::fs::create_dir_all(folder).await?;
        }
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        Ok(Self(pool))
    }

    /// Writes a payment down, or counts that it was asked for again.
    pub(super) async fn ask(&self, wanted: &Entry) -> Answer<Entry> {
        let (url, secret) = wanted.notify.clone().unzip();
        let row = sqlx::query(
            "insert into payment (key, id, token, amount, currency, state, asks, captured, refunded, asked_at, return_url, notify_url, notify_secret) \
             values ($1, $2, $3, $4, $5, $6, 1, 0, 0, $7, $8, $9, $10) on conflict (key) do update set asks = asks + 1 returning *",
        )
        .bind(&wanted.key)
        .bind(&wanted.id)
        .bind(&wanted.token)
        .bind(wanted.amount)
        .bind(&wanted.currency)
        .bind(&wanted.state)
        .bind(wanted.asked_at)
        .bind(&wanted.return_url)
        .bind(url)
        .bind(secret)
        .fetch_one(&self.0)
        .await?;
        Ok(entry(&row))
    }

    pub(super) async fn find(&self, key: &str) -> Answer<Option<Entry>> {
        Ok(sqlx::query("select * from payment where key = $1").bind(key).fetch_optional(&self.0).await?.as_ref().map(entry))
    }

    pub(super) async fn find_by_id(&self, id: &str) -> Answer<Option<Entry>> {
        Ok(sqlx::query("select * from payment where id = $1").bind(id).fetch_optional(&self.0).await?.as_ref().map(entry))
    }

    /// Moves a payment on from this state; `None` where it has left it.
    pub(super) async fn decide(&self, key: &str, from: &str, to: &str) -> Answer<Option<Entry>> {
        let text = "update payment set state = $3 where key = $1 and state = $2 returning *";
        Ok(sqlx::query(text).bind(key).bind(from).bind(to).fetch_optional(&self.0).await?.as_ref().map(entry))
    }

    /// Takes what is authorised, or a part of it, or notes that this will be done; `None` where nothing is, or less.
    pub(super) async fn capture(&self, key: &str, amount: i64) -> Answer<Option<Entry>> {
        let text = "update payment set state = case when token = 'tok_capture_later' then 'capturing' else 'captured' end, captured = $2 \
                    where key = $1 and state = 'authorized' and $2 between 1 and amount returning *";
        Ok(sqlx::query(text).bind(key).bind(amount).fetch_optional(&self.0).await?.as_ref().map(entry))
    }

    /// Lets go of a payment, whether or not it was ever asked for: should the question arrive late, it finds it voided.
    /// `None` where it is captured, or will be.
    pub(super) async fn void(&self, key: &str, id: &str) -> Answer<Option<Entry>> {
        let text = "insert into payment (key, id, token, amount, currency, state, asks, captured, refunded, asked_at) \
                    values ($1, $2, '', 0, '', 'voided', 0, 0, 0, $3) \
                    on conflict (key) do update set state = 'voided' where payment.state not in ('capturing', 'captured') returning *";
        Ok(sqlx::query(text).bind(key).bind(id).bind(now()).fetch_optional(&self.0).await?.as_ref().map(entry))
    }

    /// Sends money back, once a refund key.
    pub(super) async fn refund(&self, refund: &str, key: &str, amount: i64) -> Answer<Refund> {
        let mut tx = self.0.begin_with("begin immediate").await?;
        let known = sqlx::query("select payment, amount from refund where key = $1").bind(refund).fetch_optional(&mut *tx).await?;
        if let Some(known) = known {
            let same = known.get::<String, _>("payment") == key && known.get::<i64, _>("amount") == amount;
            return Ok(if same { Refund::Done } else { Refund::Reused });
        }
        let text =
            "update payment set refunded = refunded + $2 where key = $1 and state = 'captured' and $2 between 1 and captured - refunded";
        if sqlx::query(text).bind(key).bind(amount).execute(&mut *tx).await?.rows_affected() == 0 {
            let known = sqlx::query("select 1 from payment where key = $1").bind(key).fetch_optional(&mut *tx).await?;
            return Ok(if known.is_some() { Refund::TooMuch } else { Refund::Unknown });
        }
        let text = "insert into refund (key, payment, amount) values ($1, $2, $3)";
        sqlx::query(text).bind(refund).bind(key).bind(amount).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Refund::Done)
    }

    /// What waits to be decided by time alone.
    pub(super) async fn undecided(&self) -> Answer<Vec<Entry>> {
        let rows = sqlx::query("select * from payment where state in ('pending', 'capturing')").fetch_all(&self.0).await?;
        Ok(rows.iter().map(entry).collect())
    }

    pub(super) async fn totals(&self) -> Answer<Totals> {
        let text = "select count(*) as payments, count(*) filter (where captured > 0) as captures, \
                    coalesce(sum(captured), 0) as captured, coalesce(sum(refunded), 0) as refunded from payment";
        let row = sqlx::query(text).fetch_one(&self.0).await?;
        Ok(Totals {
            payments: row.get("payments"),
            captures: row.get("captures"),
            captured: row.get("captured"),
            refunded: row.get("refunded"),
        })
    }

    pub(super) async fn add_notice(&self, event: &str, url: &str, secret: &str, body: &str) -> Answer<Delivery> {
        let text = "insert into notice (event, url, secret, body) values ($1, $2, $3, $4) returning *";
        let row = sqlx::query(text).bind(event).bind(url).bind(secret).bind(body).fetch_one(&self.0).await?;
        Ok(delivery(&row))
    }

    pub(super) async fn notices(&self) -> Answer<Vec<Delivery>> {
        Ok(sqlx::query("select * from notice order by delivery").fetch_all(&self.0).await?.iter().map(delivery).collect())
    }

    pub(super) async fn forget_notice(&self, delivery: i64) -> Answer<()> {
        sqlx::query("delete from notice where delivery = $1").bind(delivery).execute(&self.0).await.map(drop)
    }
}

fn entry(row: &SqliteRow) -> Entry {
    Entry {
        key: row.get("key"),
        id: row.get("id"),
        token: row.get("token"),
        amount: row.get("amount"),
        currency: row.get("currency"),
        state: row.get("state"),
        asks: row.get("asks"),
        captured: row.get("captured"),
        asked_at: row.get("asked_at"),
        return_url: row.get("return_url"),
        notify: row.get::<Option<String>, _>("notify_url").zip(row.get("notify_secret")),
    }
}

fn delivery(row: &SqliteRow) -> Delivery {
    Delivery { number: row.get("delivery"), url: row.get("url"), secret: row.get("secret"), body: row.get("body") }
}
