//! `orderly staff`.

use backend::Backend;
use clap::{Args, Subcommand};
use domain::view::Role;
use serde_json::json;

use super::{Output, store};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add somebody to a store's staff and print their one-time sign-in code, good for a day. The same name again is the
    /// same person and gets a new code.
    Add(Add),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Where they work.
    #[arg(long)]
    store: String,
    /// What the others call them.
    #[arg(long)]
    name: String,
    /// barista, warehouse or manager.
    #[arg(long, value_parser = staff_role)]
    role: Role,
    /// One JSON object: id, name and code.
    #[arg(long)]
    json: bool,
}

fn staff_role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|_| "there are barista, warehouse and manager".to_owned())
}

pub(super) async fn run(backend: &Backend, command: Command) -> anyhow::Result<()> {
    let Command::Add(add) = command;
    let place = store(backend, &add.store).await?;
    let (person, code) = backend.identities.staff_add(place, add.name, add.role).await?;
    let mut output = Output::stdout();
    if add.json {
        return output.json(&json!({ "id": person.id, "name": person.name, "code": code.expose() }));
    }
    output.line(code.expose())?;
    eprintln!("{} signs in with this code at /staff, once and within 24 hours.", person.name);
    Ok(())
}
