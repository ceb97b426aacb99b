//! What robots are told: where they may go, and which pages there are.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::api::problem::AppError;
use crate::state::AppState;

/// `GET /robots.txt`.
pub async fn robots(State(app): State<AppState>) -> Response {
    let text = format!(
        "User-agent: *\nDisallow: /api/\nDisallow: /orders\nDisallow: /staff\nDisallow: /s/*/checkout\nSitemap: {}/sitemap.xml\n",
        app.public_url
    );
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")], text).into_response()
}

/// `GET /sitemap.xml`: the stores and what they sell. A sitemap ends at 50,000 addresses (sitemaps.org).
pub async fn sitemap(State(app): State<AppState>) -> Result<Response, AppError> {
    let mut pages = vec!["/".to_owned()];
    for store in app.backend.stores.list(&mut app.backend.db.reader()).await? {
        pages.push(format!("/s/{}", store.id));
        if let Some(menu) = app.backend.catalog.menu(&store.id).await? {
            let products = menu.categories.iter().flat_map(|category| &category.products);
            pages.extend(products.map(|product| format!("/s/{}/p/{}", store.id, product.id)));
        }
    }
    pages.truncate(50_000);
    let mut text =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    for page in pages {
        // Ids are slugs, which need no escaping. Writing to a String does not fail.
        let _ = writeln!(text, "<url><loc>{}{page}</loc></url>", app.public_url);
    }
    text.push_str("</urlset>\n");
    let headers = [(header::CONTENT_TYPE, "application/xml; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    Ok((headers, text).into_response())
}
