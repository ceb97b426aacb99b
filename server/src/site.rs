//! What browsers get: pages, the files they load, and what robots are told.

mod crawlers;
mod files;
mod forms;
mod pages;
mod patience;
mod plain;

use std::net::SocketAddr;

use axum::Router;
use axum::middleware::from_fn;
use leptos::config::{Env, LeptosOptions};

pub use self::crawlers::{robots, sitemap};
pub use self::forms::lead_back;
pub use self::plain::friendly;
use crate::config::Settings;
use crate::state::AppState;

/// Pages and files. Whatever is neither is the page that says so.
pub fn routes(state: &AppState) -> Router<AppState> {
    let pkg = Router::new().fallback_service(files::hashed_files(&state.settings)).layer(from_fn(files::keep_for_ever));
    let stores = Router::new().fallback_service(files::store_pictures(&state.settings)).layer(from_fn(files::keep_for_a_day));
    let patience = patience::Patience::new(state.backend.clone());
    let lost = pages::lost(state, &patience);
    let files = Router::new().fallback_service(files::any_file(&state.settings, lost)).layer(from_fn(files::keep_for_a_day));
    pages::routes(state, &patience).nest_service("/pkg", pkg).nest_service("/img/stores", stores).fallback_service(files)
}

/// The address of the style sheet, as Leptos names it in every page.
pub fn style_sheet(options: &LeptosOptions) -> String {
    let hash = options.hash_files.then(hash_file).flatten().and_then(|file| std::fs::read_to_string(file).ok());
    let hash = hash.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("css:"))).map(str::trim);
    let name = &options.output_name;
    hash.map_or_else(|| format!("/{}/{name}.css", options.site_pkg_dir), |hash| format!("/{}/{name}.{hash}.css", options.site_pkg_dir))
}

/// What the build has named the files of `pkg`, beside the binary: Leptos looks for it there.
fn hash_file() -> Option<std::path::PathBuf> {
    std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("hash.txt")))
}

/// What Leptos wants to know. It is told by us alone: `LEPTOS_*` in the environment is no setting of ours.
pub fn leptos_options(settings: &Settings, address: SocketAddr) -> LeptosOptions {
    // Leptos gives up where the file with the hashed names is missing.
    let hashed = hash_file().is_some_and(|file| file.is_file());
    if settings.site_root.is_dir() && !hashed {
        tracing::warn!("hash.txt, which the build puts beside the binary, is not there, so pages find none of the built browser files");
    } else if !settings.site_root.is_dir() {
        tracing::warn!(
            folder = %settings.site_root.display(),
            "ORDERLY_SITE_ROOT: the built browser files are not there, so pages have no style and no life; `cargo xtask build` makes them"
        );
    }
    LeptosOptions::builder()
        .output_name("orderly")
        .site_root(settings.site_root.to_string_lossy().into_owned())
        .site_pkg_dir("pkg")
        .env(Env::PROD)
        .site_addr(address)
        .hash_files(hashed)
        .build()
}
