//! `orderly backup` and `orderly restore`.

use std::path::Path;

use backend::{Backend, backup, clock::Clock};

use super::Output;
use crate::config::Settings;

pub(super) async fn save(backend: &Backend, settings: &Settings, file: &Path) -> anyhow::Result<()> {
    backup::save(&backend.db, &settings.database_url, file).await?;
    Output::stdout().line(&format!("the shop is in {}; `orderly restore` makes a shop of it", file.display()))
}

pub(super) async fn restore(settings: &Settings, file: &Path) -> anyhow::Result<()> {
    backup::restore(&settings.database_url, file, Clock::system()).await?;
    Output::stdout().line(&format!("the shop of {} is there; `orderly check` proves it", file.display()))
}
