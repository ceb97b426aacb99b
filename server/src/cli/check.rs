//! `orderly check`.

use anyhow::bail;
use backend::{Backend, check};
use serde_json::json;

use super::Output;

/// Prints a line a check, or one JSON object; an error where anything is broken.
pub(super) async fn run(backend: &Backend, as_json: bool) -> anyhow::Result<()> {
    let verdicts = check::run(&backend.db).await?;
    let broken: Vec<_> = verdicts.iter().filter(|verdict| !verdict.ok).map(|verdict| verdict.check).collect();
    let mut output = Output::stdout();
    if as_json {
        output.json(&json!({ "ok": broken.is_empty(), "checks": verdicts }))?;
    } else {
        for verdict in &verdicts {
            output.line(&format!("{:<7} {:<16} {}", if verdict.ok { "ok" } else { "BROKEN" }, verdict.check, verdict.says))?;
            for breach in &verdict.broken {
                output.line(&format!("        {}: {}", breach.thing, breach.why))?;
            }
        }
    }
    if !broken.is_empty() {
        bail!("{} of {} checks found something broken: {}", broken.len(), verdicts.len(), broken.join(", "));
    }
    Ok(())
}
