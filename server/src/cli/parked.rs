//! `orderly events parked`, and what a person can do about an event that a subscriber could not handle.

use anyhow::bail;
use backend::Backend;
use backend::subscriber::parked;
use serde_json::json;

use super::Output;

pub(super) async fn list(backend: &Backend, as_json: bool) -> anyhow::Result<()> {
    let mut output = Output::stdout();
    let parked = parked::list(&mut backend.db.reader()).await?;
    if as_json {
        let rows: Vec<_> = parked
            .iter()
            .map(|parked| {
                json!({
                    "subscriber": parked.subscriber,
                    "position": parked.position,
                    "stream": parked.stream,
                    "error": parked.error,
                    "attempts": parked.attempts,
                    "parked_at": parked.parked_at,
                })
            })
            .collect();
        return output.json(&rows);
    }
    let rows: Vec<_> = parked
        .into_iter()
        .map(|parked| {
            [
                parked.subscriber,
                parked.position.to_string(),
                parked.stream,
                parked.attempts.to_string(),
                parked.parked_at.to_string(),
                parked.error.unwrap_or_else(|| "waits behind another one".to_owned()),
            ]
        })
        .collect();
    output.table(["SUBSCRIBER", "POSITION", "STREAM", "TRIED", "SINCE", "WHY"], &rows)
}

pub(super) async fn retry(backend: &Backend, subscriber: &str, stream: &str) -> anyhow::Result<()> {
    if !parked::retry(&backend.db, subscriber, stream).await? {
        bail!("nothing of stream '{stream}' is parked for '{subscriber}'; `orderly events parked` shows what is");
    }
    Output::stdout().line(&format!("{subscriber} tries {stream} again as soon as it runs"))
}

pub(super) async fn drop_first(backend: &Backend, subscriber: &str, stream: &str) -> anyhow::Result<()> {
    if !parked::drop_first(&backend.db, subscriber, stream).await? {
        bail!("nothing of stream '{stream}' is parked for '{subscriber}'; `orderly events parked` shows what is");
    }
    Output::stdout().line(&format!("{subscriber} leaves the first parked event of {stream} out and goes on, as soon as it runs"))
}
