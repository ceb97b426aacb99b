//! The files of the site folder. In release each has compressed copies beside it, made once by the build.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::services::{ServeDir, ServeFile};

use crate::config::Settings;

/// Files under `/pkg`, whose names change with their content: kept for ever.
pub fn hashed_files(settings: &Settings) -> ServeDir {
    folder(settings.site_root.join("pkg"))
}

/// All other files; what is none of them is for the fallback.
pub fn any_file<F>(settings: &Settings, fallback: F) -> ServeDir<F> {
    folder(settings.site_root.clone()).call_fallback_on_method_not_allowed(true).fallback(fallback)
}

/// The stores' pictures; a store without one of its own has a neutral one.
pub fn store_pictures(settings: &Settings) -> ServeDir<ServeFile> {
    let img = settings.site_root.join("img");
    let neutral = ServeFile::new(img.join("store.svg")).precompressed_br().precompressed_gzip();
    folder(img.join("stores")).fallback(neutral)
}

fn folder(path: std::path::PathBuf) -> ServeDir {
    ServeDir::new(path).precompressed_br().precompressed_gzip().append_index_html_on_directories(false)
}

/// How long browsers keep what is under `/pkg`.
pub async fn keep_for_ever(request: Request, next: Next) -> Response {
    keep(request, next, HeaderValue::from_static("public, max-age=31536000, immutable")).await
}

/// How long browsers keep other files: pictures and icons may change with a release.
pub async fn keep_for_a_day(request: Request, next: Next) -> Response {
    keep(request, next, HeaderValue::from_static("public, max-age=86400, stale-while-revalidate=604800")).await
}

async fn keep(request: Request, next: Next, value: HeaderValue) -> Response {
    let mut response = next.run(request).await;
    // A page that answers for a missing file has said so itself.
    let file = response.status().is_success() || response.status() == axum::http::StatusCode::NOT_MODIFIED;
    if file {
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(value);
    }
    response
}
