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
use crate::shutdown::Signals;

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
    /// A barista's token of the store, which all of them share. Without one the shop's own database is asked for one each, under
    /// names of their own, which are revoked at the end.
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
    // Heard from here on: whoever interrupts them leaves neither orders nor tokens behind.
    let mut signals = Signals::install()?;
    let interrupted = async move { signals.asked().await };
    let plan = |tokens: Vec<String>| Plan { url, store: store.clone(), orders, speed, seed, tokens };
    let told = if let Some(token) = token {
        robot::run(plan(vec![token; baristas as usize]), interrupted).await?
    } else {
        settings.database_is_there()?;
        let backend = Backend::open(settings.backend(None, None), Clock::system()).await?;
        let told = with_own_tokens(&backend, &store, baristas, |tokens| robot::run(plan(tokens), interrupted)).await;
        backend.close().await;
        told?
    };
    let mut output = Output::stdout();
    if json { output.json(&told) } else { output.line(&told.to_string()) }
}

/// What they are called on the board and the trackers; the one after the last is the first one's namesake.
const NAMES: [&str; 10] = ["Ada", "Bo", "Cleo", "Dex", "Edda", "Finn", "Gus", "Hana", "Iris", "Juno"];

fn name(n: u32) -> String {
    let (name, round) = (NAMES[n as usize % NAMES.len()], n as usize / NAMES.len() + 1);
    if round == 1 { format!("Robot {name}") } else { format!("Robot {name} {round}") }
}

/// Gives each of the robots a token, and so a name, of their own for as long as they work.
async fn with_own_tokens<F, T>(backend: &Backend, store: &StoreId, count: u32, work: impl FnOnce(Vec<String>) -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let at = super::store(backend, store.as_str()).await?;
    let (mut ids, mut tokens, mut refused) = (Vec::new(), Vec::new(), None);
    for n in 0..count {
        let new = NewToken { role: Role::Barista, store: Some(at.clone()), merchant: None, kiosk: None, name: name(n) };
        match backend.identities.issue_token(new).await {
            Ok((id, token)) => {
                ids.push(id);
                tokens.push(token.expose().to_owned());
            }
            Err(error) => {
                refused = Some(anyhow::Error::new(error).context("the robots have no tokens"));
                break;
            }
        }
    }
    let done = if let Some(error) = refused { Err(error) } else { work(tokens).await };
    for id in ids {
        // Somebody may have revoked it meanwhile: then it is gone all the same.
        backend.identities.revoke_token(id).await.context("the robots' tokens were not revoked: `orderly token list` names them")?;
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_robot_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = (0..50).map(name).collect();
        assert_eq!((names.len(), &*name(0), &*name(10)), (50, "Robot Ada", "Robot Ada 2"));
    }
}
