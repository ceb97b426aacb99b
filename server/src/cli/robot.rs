//! `orderly robot`.

use anyhow::Context as _;
use backend::Backend;
use backend::clock::Clock;
use backend::identity::NewToken;
use clap::Args;
use domain::StoreId;
use domain::view::Role;

use super::Output;
use crate::config::Settings;
use crate::robot::{self, Plan};

#[derive(Debug, Args)]
pub(super) struct Robot {
    /// The store: one that takes pick-up orders from anybody, such as `harbor`.
    #[arg(long)]
    store: StoreId,
    /// How many orders.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    orders: u32,
    /// How many times as fast as people.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// How many baristas.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=50))]
    baristas: u32,
    /// The same number is the same shoppers with the same wishes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the shop is; ORDERLY_PUBLIC_URL, or the address that it listens at, unless given.
    #[arg(long)]
    url: Option<String>,
    /// A barista's token of the store. Without one the shop's own database is asked for one, which is revoked at the end.
    #[arg(long)]
    token: Option<String>,
    /// What came of it as one JSON object.
    #[arg(long)]
    json: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 0.1 to 1000, such as 10".to_owned()),
    }
}

pub(super) async fn run(settings: &Settings, command: Robot) -> anyhow::Result<()> {
    let Robot { store, orders, speed, baristas, seed, url, token, json } = command;
    let url = url.unwrap_or_else(|| settings.public_url_at(None)).trim_end_matches('/').to_owned();
    let plan = |token: String| Plan { url, store: store.clone(), orders, speed, baristas, seed, token };
    let told = if let Some(token) = token {
        robot::run(plan(token)).await?
    } else {
        settings.database_is_there()?;
        let backend = Backend::open(settings.backend(None, None), Clock::system()).await?;
        let told = with_own_token(&backend, &store, |token| robot::run(plan(token))).await;
        backend.close().await;
        told?
    };
    let mut output = Output::stdout();
    if json { output.json(&told) } else { output.line(&told.to_string()) }
}

/// Gives the robots a token of their own for as long as they work.
async fn with_own_token<F, T>(backend: &Backend, store: &StoreId, work: impl FnOnce(String) -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let at = super::store(backend, store.as_str()).await?;
    let new = NewToken { role: Role::Barista, store: Some(at), merchant: None, kiosk: None, name: "Robot".to_owned() };
    let (id, token) = backend.identities.issue_token(new).await.context("the robots have no token")?;
    let done = tokio::select! {
        done = work(token.expose().to_owned()) => done,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    // Somebody may have revoked it meanwhile: then it is gone all the same.
    backend.identities.revoke_token(id).await.context("the robots' token was not revoked: `orderly token list` names it")?;
    done
}
