//! `orderly sagas`.

use anyhow::{Context as _, bail};
use backend::Backend;
use backend::db::DbError;
use backend::ordering::Waits;
use backend::payment::LeftTopUp;
use clap::Subcommand;
use domain::{OrderId, Timestamp, TopUpId};
use serde::Serialize;

use super::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Orders that have something left to happen by itself, the most urgent first; and payments into wallets of which the card provider is
    /// still to be asked.
    List {
        /// Only those that do not go on by themselves: past their deadline, or with a job that was given up.
        #[arg(long)]
        stuck: bool,
        /// One JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Let an order go on: its jobs are tried now, also a refund that was refused, with the same key at the card provider, or with
    /// another one where the provider told that it has failed; its parked events are handled again, its step has all its time once
    /// more. Of a payment into a wallet, what is left is asked for now.
    Retry {
        /// Its id, as `sagas list` shows it.
        #[arg(required_unless_present = "stuck")]
        order: Option<String>,
        /// All that do not go on by themselves.
        #[arg(long, conflicts_with = "order")]
        stuck: bool,
    },
}

const STUCK: &str = "stuck";

/// What is left to happen, of whom.
#[derive(Serialize)]
#[serde(untagged)]
enum Left {
    Order(Waits),
    TopUp(LeftTopUp),
}

pub(super) async fn run(backend: &Backend, command: Command) -> anyhow::Result<()> {
    let mut output = Output::stdout();
    match command {
        Command::List { stuck, json } => {
            let mut reader = backend.db.reader();
            let sagas = if stuck { backend.sagas.stuck(&mut reader).await? } else { backend.sagas.list(&mut reader).await? };
            let top_ups = if stuck { backend.top_ups.stuck(&mut reader).await? } else { backend.top_ups.left(&mut reader).await? };
            if json {
                let all: Vec<_> = sagas.into_iter().map(Left::Order).chain(top_ups.into_iter().map(Left::TopUp)).collect();
                return output.json(&all);
            }
            let none = || "-".to_owned();
            let state = |stuck: bool| if stuck { STUCK } else { "moving" }.to_owned();
            let next = |at: Option<Timestamp>| at.map_or_else(none, |at| at.to_string());
            // One line each, whatever a provider has said.
            let said = |error: Option<String>| error.map_or_else(none, |error| error.replace(char::is_control, " "));
            let top_ups = top_ups.into_iter().map(|LeftTopUp { top_up, job, stuck, error, next_attempt }| {
                let (id, what) = (top_up.to_string(), "top-up".to_owned());
                [id, what, none(), none(), job.to_owned(), state(stuck), none(), none(), next(next_attempt), said(error)]
            });
            let rows: Vec<_> = sagas
                .iter()
                .map(|Waits { saga, job, stuck, error, next_attempt }| {
                    [
                        saga.order.to_string(),
                        format!("{} {}", saga.store, saga.number),
                        saga.status.as_str().to_owned(),
                        saga.step.as_str().to_owned(),
                        job.unwrap_or("-").to_owned(),
                        state(*stuck),
                        saga.since.to_string(),
                        saga.deadline.to_string(),
                        next(*next_attempt),
                        said(error.clone()),
                    ]
                })
                .chain(top_ups)
                .collect();
            output
                .table(["ORDER", "NUMBER", "STATUS", "STEP", "ASKS FOR", "STATE", "SINCE", "DEADLINE", "NEXT ATTEMPT", "LAST ERROR"], &rows)
        }
        Command::Retry { order: Some(order), .. } => {
            let id: OrderId = order.parse().with_context(|| format!("'{order}' is no order's id; `orderly sagas list` shows them"))?;
            if !retry(backend, id).await? && !retry_top_up(backend, TopUpId(id.0)).await? {
                bail!("order {id} is not there, or has nothing left to be done; `orderly sagas list` shows those that have");
            }
            output.line(&format!("{id} goes on"))
        }
        Command::Retry { order: None, .. } => {
            let stuck = backend.sagas.stuck(&mut backend.db.reader()).await?;
            let top_ups = backend.top_ups.stuck(&mut backend.db.reader()).await?;
            for Waits { saga, .. } in &stuck {
                // One that has ended since then needs nobody.
                if retry(backend, saga.order).await? {
                    output.line(&format!("order {} goes on", saga.order))?;
                }
            }
            for LeftTopUp { top_up, .. } in &top_ups {
                if retry_top_up(backend, *top_up).await? {
                    output.line(&format!("top-up {top_up} goes on"))?;
                }
            }
            if stuck.is_empty() && top_ups.is_empty() { output.line("nothing is stuck") } else { Ok(()) }
        }
    }
}

async fn retry(backend: &Backend, order: OrderId) -> Result<bool, DbError> {
    let sagas = backend.sagas.clone();
    backend.db.transaction(move |tx| Box::pin(async move { sagas.retry_in(tx, order).await })).await
}

async fn retry_top_up(backend: &Backend, id: TopUpId) -> Result<bool, DbError> {
    let top_ups = backend.top_ups.clone();
    backend.db.transaction(move |tx| Box::pin(async move { top_ups.retry_in(tx, id).await })).await
}
