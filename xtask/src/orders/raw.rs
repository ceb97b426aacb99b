//! What SQLite itself gives: transactions of the size of the shop's, each durable, as many in a group as there are clients.
//! No shop: no HTTP, no rules, no events that anybody reads.
use super::CLIENTS;
use anyhow::Result;
use rusqlite::{Connection, params};
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// Rows that there are at the start.
const ROWS: i64 = 10_000;
/// Reads of a transaction, by key.
const READS: i64 = 6;

const SCHEMA: &str = "
    create table event (position integer primary key, id text not null unique, stream text not null, data text not null);
    create index event_stream on event (stream, position);
    create table thing (id text not null primary key, owner text not null, status text not null, data text not null, version bigint not null);
    create index thing_owner on thing (owner, status);
";

/// Transactions a second: each reads six rows by key, writes three and changes two, as one of an order does on the average.
pub fn transactions(folder: &Path, time: Duration) -> Result<f64> {
    let mut database = Connection::open(folder.join("raw.db"))?;
    // As the shop does.
    database.pragma_update(None, "journal_mode", "wal")?;
    database.pragma_update(None, "synchronous", "full")?;
    database.pragma_update(None, "foreign_keys", true)?;
    database.execute_batch(SCHEMA)?;
    let data = "x".repeat(350);
    let fill = database.transaction()?;
    for n in 0..ROWS {
        insert(&fill, "f", n, &data)?;
    }
    fill.commit()?;
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < time {
        let mut group = database.transaction()?;
        for _ in 0..CLIENTS {
            let one = group.savepoint()?;
            for read in 0..READS {
                let id = format!("f-{}", (done * 7 + read * 131) % ROWS);
                one.prepare_cached("select status, data, version from thing where id = ?1")?
                    .query_row([id], |row| row.get::<_, String>(0))?;
            }
            insert(&one, "n", done, &data)?;
            one.prepare_cached("insert into event (id, stream, data) values (?1, ?2, ?3)")?.execute(params![
                format!("m-{done}"),
                format!("f-{done}"),
                data
            ])?;
            for change in 0..2 {
                let id = format!("f-{}", (done * 13 + change) % ROWS);
                one.prepare_cached("update thing set status = ?2, version = version + 1 where id = ?1")?.execute(params![id, "moved"])?;
            }
            one.commit()?;
            done += 1;
        }
        group.commit()?;
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

fn insert(database: &Connection, kind: &str, n: i64, data: &str) -> Result<()> {
    let (id, owner) = (format!("{kind}-{n}"), format!("o-{}", n % 97));
    database.prepare_cached("insert into thing values (?1, ?2, 'new', ?3, 1)")?.execute(params![id, owner, data])?;
    database.prepare_cached("insert into event (id, stream, data) values (?1, ?2, ?3)")?.execute(params![format!("e-{id}"), id, data])?;
    Ok(())
}
