//! `orderly pay-sim`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::config::Settings;
use crate::pay_sim;

#[derive(Debug, Args)]
pub(super) struct PaySim {
    /// Where it answers, such as 127.0.0.1:4000.
    #[arg(long)]
    listen: SocketAddr,
    /// The file that it keeps its books in; pay-sim.db in ORDERLY_DATA unless given.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where shoppers reach it to confirm a payment; the address that it answers at unless given.
    #[arg(long, value_parser = public_url)]
    public_url: Option<String>,
}

fn public_url(text: &str) -> Result<String, String> {
    let fine = ["http://", "https://"].iter().any(|start| text.starts_with(start));
    if fine { Ok(text.to_owned()) } else { Err("write http://HOST:PORT or https://HOST".to_owned()) }
}

pub(super) async fn run(settings: &Settings, command: PaySim) -> anyhow::Result<()> {
    pay_sim::run(settings, command.listen, command.data.as_deref(), command.public_url.as_deref()).await
}
