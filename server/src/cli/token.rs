//! `orderly token`.

use anyhow::{Context as _, bail};
use backend::Backend;
use backend::identity::NewToken;
use clap::{Args, Subcommand};
use domain::view::Role;
use domain::{KioskId, MerchantId, TokenId};
use serde_json::json;

use super::{Output, role, store};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a token and print it, this once.
    Issue(Issue),
    /// All tokens, without the tokens themselves.
    List {
        /// One JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Make a token worthless.
    Revoke {
        /// Its id, as `token list` shows it.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Issue {
    /// barista, warehouse, manager, operator, merchant or kiosk.
    #[arg(long, value_parser = role)]
    role: Role,
    /// Where it works; barista, warehouse and manager need it.
    #[arg(long)]
    store: Option<String>,
    /// Whose goods it feeds.
    #[arg(long)]
    merchant: Option<String>,
    /// Which kiosk it is.
    #[arg(long)]
    kiosk: Option<String>,
    /// What people call it; of a staff token the name that others see.
    #[arg(long)]
    name: Option<String>,
    /// One JSON object: id and token.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(backend: &Backend, command: Command) -> anyhow::Result<()> {
    let mut output = Output::stdout();
    match command {
        Command::Issue(issue) => {
            let json = issue.json;
            let (id, token) = backend.identities.issue_token(issue.into_new(backend).await?).await?;
            if json {
                return output.json(&json!({ "id": id, "token": token.expose() }));
            }
            output.line(token.expose())?;
            eprintln!("This is the only time that token {id} is shown.");
            Ok(())
        }
        Command::List { json } => {
            let tokens = backend.identities.tokens().await?;
            if json {
                return output.json(&tokens);
            }
            let rows: Vec<_> = tokens
                .iter()
                .map(|token| {
                    let at = [
                        token.store.as_ref().map(ToString::to_string),
                        token.merchant.as_ref().map(ToString::to_string),
                        token.kiosk.as_ref().map(ToString::to_string),
                    ];
                    [
                        token.id.to_string(),
                        token.role.to_string(),
                        at.into_iter().flatten().collect::<Vec<_>>().join(" "),
                        token.name.clone(),
                        token.created_at.to_string(),
                        token.revoked_at.map(|at| at.to_string()).unwrap_or_default(),
                    ]
                })
                .collect();
            output.table(["ID", "ROLE", "AT", "NAME", "MADE", "REVOKED"], &rows)
        }
        Command::Revoke { id } => {
            let known: TokenId = id.parse().with_context(|| format!("'{id}' is no token's id; `orderly token list` shows them"))?;
            if !backend.identities.revoke_token(known).await? {
                bail!("there is no token {id}, or it was revoked before; `orderly token list` shows them");
            }
            output.line(&format!("token {id} is revoked"))
        }
    }
}

impl Issue {
    async fn into_new(self, backend: &Backend) -> anyhow::Result<NewToken> {
        let place = match &self.store {
            Some(text) => Some(store(backend, text).await?),
            None => None,
        };
        let mut reader = backend.db.reader();
        let merchant: Option<MerchantId> = self.merchant.map(|id| id.parse().with_context(|| format!("--merchant '{id}'"))).transpose()?;
        if let Some(merchant) = &merchant
            && !backend.catalog.has_merchant(&mut reader, merchant).await?
        {
            bail!("there is no merchant '{merchant}'");
        }
        let kiosk: Option<KioskId> = self.kiosk.map(|id| id.parse().with_context(|| format!("--kiosk '{id}'"))).transpose()?;
        if let Some(kiosk) = &kiosk
            && backend.stores.of_kiosk(&mut reader, kiosk).await?.is_none()
        {
            bail!("there is no kiosk '{kiosk}'");
        }
        Ok(NewToken { role: self.role, store: place, merchant, kiosk, name: self.name.unwrap_or_else(|| self.role.to_string()) })
    }
}
