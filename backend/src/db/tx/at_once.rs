//! Statements that are put off, as one.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

use super::super::args::Args;
use super::bind;

/// Several statements that change rows, as one: PostgreSQL runs each part of a `with` that does, to its end, whether or not it is read.
pub(super) fn at_once(statements: Vec<(&'static str, Args)>) -> Query<'static, Postgres, PgArguments> {
    let (text, args) = joined(statements);
    // Of our own texts alone, and few different ones: each is prepared once a connection.
    bind(sqlx::query(AssertSqlSafe(text)), args)
}

/// PostgreSQL runs the parts in no order that one may rely on, so rows that are added by the same text become one part, which
/// adds them as they came: events are numbered by it.
fn joined(statements: Vec<(&'static str, Args)>) -> (String, Args) {
    let mut parts: Vec<(&'static str, String)> = Vec::new();
    let mut args = Args::default();
    for (sql, own) in statements {
        let same = parts.iter_mut().find(|(of, _)| *of == sql).map(|(_, text)| text);
        match (same, row_of(sql)) {
            (Some(text), Some(row)) => {
                text.push_str(", ");
                text.push_str(&renumbered(row, args.0.len()));
            }
            _ => parts.push((sql, renumbered(sql, args.0.len()))),
        }
        args.0.extend(own.0);
    }
    let parts: Vec<_> = parts.iter().enumerate().map(|(nth, (_, text))| format!("put_off_{nth} as ({text})")).collect();
    (format!("with {} select 1", parts.join(", ")), args)
}

/// The row that a statement adds, where that is all that comes after `values`.
fn row_of(sql: &str) -> Option<&str> {
    let (_, row) = sql.rsplit_once(" values ")?;
    (row.starts_with('(') && row.find(')') == Some(row.len() - 1)).then_some(row)
}

/// The statement with its parameters, `$1` …, counted from `$1 + by`.
fn renumbered(sql: &str, by: usize) -> String {
    let mut parts = sql.split('$');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        match number.parse::<usize>() {
            Ok(number) => format!("{text}${}{rest}", number + by),
            Err(_) => format!("{text}${part}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    #[test]
    fn statements_at_once_keep_their_own_arguments() {
        let add = "insert into a (x, y) values ($1, $2)";
        let change = ("delete from b where z = $1 and y <> $1 or w = $12", args![true]);
        let (text, args) = joined(vec![(add, args![1_i64, "two"]), change, (add, args![3_i64, "four"])]);
        let expected = "with put_off_0 as (insert into a (x, y) values ($1, $2), ($4, $5)), \
                        put_off_1 as (delete from b where z = $3 and y <> $3 or w = $14) select 1";
        assert_eq!(text, expected);
        assert_eq!(args.0.len(), 5);
    }
}
