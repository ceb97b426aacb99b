//! What a person reads who has just started the shop.

use std::fmt::Write as _;
use std::net::SocketAddr;

use backend::db::DbError;

use crate::cli::Output;
use crate::state::AppState;

/// Prints where each screen is, and how to sign in as a barista.
pub async fn print(state: &AppState, address: SocketAddr, mqtt: Option<SocketAddr>) -> anyhow::Result<()> {
    let text = text(state, address, mqtt).await?;
    // Who started us may have closed our output; the shop opens all the same.
    if let Err(error) = Output::stdout().line(&text) {
        tracing::debug!(%error, "nobody reads where the shop is");
    }
    Ok(())
}

async fn text(state: &AppState, address: SocketAddr, mqtt: Option<SocketAddr>) -> Result<String, DbError> {
    let url = &state.public_url;
    let stores = state.backend.stores.list(&mut state.backend.db.reader()).await?;
    let mut text = format!("Orderly is open: {url}\n");
    // Writing to a String does not fail.
    for store in &stores {
        let _ = writeln!(text, "  {:<12} {url}/s/{}", store.id.as_str(), store.id);
    }
    let _ = writeln!(text, "  {:<12} {url}/orders", "my orders");
    let _ = writeln!(text, "  {:<12} {url}/staff", "staff");
    for store in &stores {
        let _ = writeln!(text, "  {:<12} {url}/staff/{}/queue", format!("{} bar", store.id), store.id);
    }
    let _ = writeln!(text, "  {:<12} {url}/api/v1/openapi.json", "API");
    let _ = writeln!(text, "  {:<12} {address}", "HTTP at");
    if let Some(mqtt) = mqtt {
        let _ = writeln!(text, "  {:<12} {mqtt}", "MQTT at");
    }
    if let Some(store) = stores.first() {
        let _ = write!(
            text,
            "Sign in as a barista at {url}/staff with the code that this prints:\n  {} staff add --store {} --name Kim --role barista",
            program(),
            store.id
        );
    }
    Ok(text)
}

/// The program as it can be called from here: by the way it was started, where that is one.
fn program() -> String {
    std::env::args().next().filter(|name| !name.contains(char::is_whitespace)).unwrap_or_else(|| "orderly".to_owned())
}
