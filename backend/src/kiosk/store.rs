//! All SQL about codes and admissions.

use std::collections::HashSet;

use domain::{AdmissionId, KioskId, StoreId, Timestamp};

use super::{Admission, Code};
use crate::args;
use crate::db::{DbError, Row, Sql, Tx, ids};
use crate::identity::Owner;

/// The code that a kiosk shows at `now`.
pub(super) async fn current(sql: &mut impl Sql, kiosk: &KioskId, now: Timestamp) -> Result<Option<Code>, DbError> {
    let text = "select * from kiosk_code where kiosk = $1 and ends_at > $2";
    sql.fetch_optional(text, args![kiosk, now]).await?.as_ref().map(code_of).transpose()
}

pub(super) async fn code(sql: &mut impl Sql, code: &str) -> Result<Option<Code>, DbError> {
    sql.fetch_optional("select * from kiosk_code where code = $1", args![code]).await?.as_ref().map(code_of).transpose()
}

/// False where the kiosk has a code for this slot, or somebody drew the same characters.
pub(super) async fn insert_code_in(tx: &mut Tx, code: &Code) -> Result<bool, DbError> {
    let text = "insert into kiosk_code (code, kiosk, ends_at, scans, used) values ($1, $2, $3, $4, 0) on conflict do nothing";
    Ok(tx.execute(text, args![&code.text, &code.kiosk, code.ends_at, code.scans]).await? == 1)
}

/// Spends a scan, in one conditional statement: how often the code has been used now, `None` where none is left.
pub(super) async fn spend_in(tx: &mut Tx, code: &str) -> Result<Option<i64>, DbError> {
    let text = "update kiosk_code set used = used + 1 where code = $1 and used < scans returning used";
    tx.fetch_optional(text, args![code]).await?.map(|row| row.get("used")).transpose()
}

/// Ends the code that a kiosk shows at `now`, and the time that those before it are good for longer.
pub(super) async fn end_codes_in(tx: &mut Tx, kiosk: &KioskId, now: Timestamp) -> Result<(), DbError> {
    tx.execute("update kiosk_code set ends_at = $2 where kiosk = $1 and ends_at > $2", args![kiosk, now]).await?;
    let text = "delete from scan_page where code in (select code from kiosk_code where kiosk = $1)";
    tx.execute(text, args![kiosk]).await.map(drop)
}

/// Throws away codes that ended before then, who opened their pages, and what became of their admissions.
pub(super) async fn purge_in(tx: &mut Tx, before: Timestamp) -> Result<(), DbError> {
    tx.execute("delete from kiosk_code where ends_at < $1", args![before]).await?;
    // An admission that a checkout came of is part of its history.
    let text = "delete from admission where state <> 'open' and expires_at < $1 \
                and not exists (select 1 from checkout where checkout.admission = admission.id)";
    tx.execute(text, args![before]).await.map(drop)
}

/// Remembers who opened the page of a code, where it is one and good at `now`.
pub(super) async fn remember_in(tx: &mut Tx, owner: &Owner, code: &str, now: Timestamp) -> Result<(), DbError> {
    let text =
        "insert into scan_page (owner, code) select $1, code from kiosk_code where code = $2 and ends_at > $3 on conflict do nothing";
    tx.execute(text, args![owner.to_string(), code, now]).await.map(drop)
}

pub(super) async fn remembers(sql: &mut impl Sql, owner: &Owner, code: &str) -> Result<bool, DbError> {
    let text = "select 1 as one from scan_page where owner = $1 and code = $2";
    Ok(sql.fetch_optional(text, args![owner.to_string(), code]).await?.is_some())
}

pub(super) async fn adopt_in(tx: &mut Tx, from: &Owner, to: &Owner) -> Result<(), DbError> {
    let text = "insert into scan_page (owner, code) select $2, code from scan_page where owner = $1 on conflict do nothing";
    tx.execute(text, args![from.to_string(), to.to_string()]).await?;
    tx.execute("delete from scan_page where owner = $1", args![from.to_string()]).await.map(drop)
}

pub(super) async fn insert_admission_in(tx: &mut Tx, admission: &Admission) -> Result<(), DbError> {
    let text = "insert into admission (id, owner, code, kiosk, store, state, expires_at) values ($1, $2, $3, $4, $5, 'open', $6)";
    let Admission { id, owner, code, kiosk, store, expires_at, .. } = admission;
    tx.execute(text, args![*id, owner.to_string(), code, kiosk, store, *expires_at]).await.map(drop)
}

pub(super) async fn admission(sql: &mut impl Sql, id: AdmissionId) -> Result<Option<Admission>, DbError> {
    sql.fetch_optional("select * from admission where id = $1", args![id]).await?.as_ref().map(admission_of).transpose()
}

/// What somebody got for a code before.
pub(super) async fn admission_of_code(sql: &mut impl Sql, owner: &Owner, code: &str) -> Result<Option<Admission>, DbError> {
    let text = "select * from admission where owner = $1 and code = $2";
    sql.fetch_optional(text, args![owner.to_string(), code]).await?.as_ref().map(admission_of).transpose()
}

/// All admissions of somebody that are kept, the newest first.
pub(super) async fn admissions_of(sql: &mut impl Sql, owner: &Owner) -> Result<Vec<Admission>, DbError> {
    let text = "select * from admission where owner = $1 order by id desc";
    sql.fetch_all(text, args![owner.to_string()]).await?.iter().map(admission_of).collect()
}

/// Somebody's open admissions at a store, the one that lasts longest first.
pub(super) async fn open(sql: &mut impl Sql, owner: &Owner, store: &StoreId) -> Result<Vec<Admission>, DbError> {
    let text = "select * from admission where owner = $1 and store = $2 and state = 'open' order by expires_at desc, id";
    sql.fetch_all(text, args![owner.to_string(), store]).await?.iter().map(admission_of).collect()
}

/// Somebody's open admissions, by store.
pub(super) async fn open_everywhere(sql: &mut impl Sql, owner: &Owner) -> Result<Vec<Admission>, DbError> {
    let text = "select * from admission where owner = $1 and state = 'open' order by store, id";
    sql.fetch_all(text, args![owner.to_string()]).await?.iter().map(admission_of).collect()
}

/// Moves an admission on; false where it is not in that state (any more).
pub(super) async fn move_in(tx: &mut Tx, id: AdmissionId, from: &str, to: &str, expires_at: Timestamp) -> Result<bool, DbError> {
    let text = "update admission set state = $3, expires_at = $4 where id = $1 and state = $2";
    Ok(tx.execute(text, args![id, from, to, expires_at]).await? == 1)
}

/// Open admissions after this one, by id, and when each ends.
pub(super) async fn open_after(sql: &mut impl Sql, after: &str, limit: i64) -> Result<Vec<(AdmissionId, Timestamp)>, DbError> {
    let text = "select id, expires_at from admission where state = 'open' and id > $1 order by id limit $2";
    let rows = sql.fetch_all(text, args![after, limit]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("expires_at")?))).collect()
}

/// Which of these are open.
pub(super) async fn open_named(sql: &mut impl Sql, admissions: &[String]) -> Result<HashSet<String>, DbError> {
    let text = sql.either(
        "select id from admission where state = 'open' and id in (select value from json_each($1))",
        "select id from admission where state = 'open' and id in (select jsonb_array_elements_text($1::jsonb))",
    );
    sql.fetch_all(text, args![ids(admissions)]).await?.iter().map(|row| row.get("id")).collect()
}

fn code_of(row: &Row) -> Result<Code, DbError> {
    Ok(Code {
        text: row.get("code")?,
        kiosk: row.get("kiosk")?,
        ends_at: row.get("ends_at")?,
        scans: row.get("scans")?,
        used: row.get("used")?,
    })
}

fn admission_of(row: &Row) -> Result<Admission, DbError> {
    let state: String = row.get("state")?;
    Ok(Admission {
        id: row.get("id")?,
        owner: row.parse("owner")?,
        code: row.get("code")?,
        kiosk: row.get("kiosk")?,
        store: row.get("store")?,
        is_open: state == "open",
        expires_at: row.get("expires_at")?,
    })
}
