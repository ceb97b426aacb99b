//! `orderly sagas`.

use anyhow::{Context as _, bail};
use backend::Backend;
use backend::db::DbError;
use clap::Subcommand;
use domain::OrderId;

use super::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Orders that have something left to happen by itself, the most urgent first.
    List {
        /// Only those that should have been over.
        #[arg(long)]
        stuck: bool,
        /// One JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Let an order go on: its jobs are tried now, its parked events are handled again, its step has all its time once more.
    Retry {
        /// Its id, as `sagas list` shows it.
        order: String,
    },
}

pub(super) async fn run(backend: &Backend, command: Command) -> anyhow::Result<()> {
    let mut output = Output::stdout();
    match command {
        Command::List { stuck, json } => {
            let mut reader = backend.db.reader();
            let sagas =
                if stuck { backend.sagas.stuck(&mut reader, backend.clock.now()).await? } else { backend.sagas.list(&mut reader).await? };
            if json {
                return output.json(&sagas);
            }
            let rows: Vec<_> = sagas
                .iter()
                .map(|saga| {
                    [
                        saga.order.to_string(),
                        format!("{} {}", saga.store, saga.number),
                        saga.status.as_str().to_owned(),
                        saga.step.as_str().to_owned(),
                        saga.since.to_string(),
                        saga.deadline.to_string(),
                    ]
                })
                .collect();
            output.table(["ORDER", "NUMBER", "STATUS", "STEP", "SINCE", "DEADLINE"], &rows)
        }
        Command::Retry { order } => {
            let id: OrderId = order.parse().with_context(|| format!("'{order}' is no order's id; `orderly sagas list` shows them"))?;
            let sagas = backend.sagas.clone();
            let left = backend.db.transaction(move |tx| Box::pin(async move { sagas.retry_in(tx, id).await }));
            let left: Result<bool, DbError> = left.await;
            if !left? {
                bail!("order {id} is not there, or has nothing left to be done; `orderly sagas list` shows those that have");
            }
            output.line(&format!("order {id} goes on"))
        }
    }
}
