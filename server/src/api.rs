//! The HTTP API under `/api/v1`: `contract.md` as routes. A handler finds out who calls, calls one façade, and names the
//! answer; the OpenAPI document is generated from the same lines.

mod answers;
pub mod docs;
pub mod extract;
pub mod problem;
pub mod shape;

mod back_office;
mod checkouts;
mod csv;
mod export;
mod kiosk;
mod orders;
mod query;
mod queue;
mod roles;
mod session;
mod shop;
mod staff;
mod today;
mod wallet;
mod webhooks;

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{
    Router,
    http::{Method, StatusCode, header},
    middleware,
};
use utoipa::{OpenApi as _, openapi::PathItem};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Where the API is.
pub const BASE: &str = "/api/v1";

/// All routes of the API, relative to [`BASE`], and their document.
pub fn routes() -> (Router<AppState>, utoipa::openapi::OpenApi) {
    let (routes, mut document) = OpenApiRouter::with_openapi(docs::Document::openapi())
        .routes(routes!(shop::stores))
        .routes(routes!(shop::store))
        .routes(routes!(shop::menu))
        .routes(routes!(shop::products))
        .routes(routes!(shop::product))
        .routes(routes!(checkouts::quote))
        .routes(routes!(checkouts::begin))
        .routes(routes!(checkouts::give_up))
        .routes(routes!(checkouts::place))
        .routes(routes!(kiosk::scan))
        .routes(routes!(kiosk::code))
        .routes(routes!(kiosk::collect))
        .routes(routes!(orders::list))
        .routes(routes!(orders::order))
        .routes(routes!(orders::journey))
        .routes(routes!(orders::ticket))
        .routes(routes!(orders::cancel))
        .routes(routes!(wallet::wallet))
        .routes(routes!(wallet::top_up))
        .routes(routes!(wallet::top_up_state))
        .routes(routes!(webhooks::payment))
        .routes(routes!(session::start))
        .routes(routes!(session::send_code))
        .routes(routes!(session::sign_in))
        .routes(routes!(session::end))
        .routes(routes!(session::me, session::edit_me, session::delete_me))
        .routes(routes!(export::export))
        .routes(routes!(session::sessions, session::end_sessions))
        .routes(routes!(session::end_session))
        .routes(routes!(staff::sign_in))
        .routes(routes!(staff::set_password))
        .routes(routes!(staff::members, staff::add_member))
        .routes(routes!(staff::remove_member))
        .routes(routes!(staff::set_roles))
        .routes(routes!(staff::invite_again))
        .routes(routes!(staff::kiosks, staff::add_kiosk))
        .routes(routes!(staff::revoke_kiosk))
        .routes(routes!(staff::pairing_code))
        .routes(routes!(staff::pair))
        .routes(routes!(staff::tokens::tokens, staff::tokens::issue_token))
        .routes(routes!(staff::tokens::revoke_token))
        .routes(routes!(staff::audit))
        .routes(routes!(today::today))
        .routes(routes!(today::today_csv))
        .routes(routes!(queue::queue))
        .routes(routes!(queue::claim))
        .routes(routes!(queue::release))
        .routes(routes!(queue::ready))
        .routes(routes!(queue::collect))
        .routes(routes!(queue::recall))
        .routes(routes!(queue::cancel))
        .routes(routes!(back_office::set_status))
        .routes(routes!(back_office::settings, back_office::patch_settings))
        .routes(routes!(back_office::set_item))
        .routes(routes!(back_office::set_option))
        .routes(routes!(back_office::adjust_stock))
        .routes(routes!(back_office::edit_product))
        .routes(routes!(back_office::set_prices))
        .split_for_parts();
    answers::complete(&mut document);
    (routes, document)
}

/// The API as it is mounted: routes, documents, and problems for what there is not.
pub fn router() -> Router<AppState> {
    let (routes, openapi) = routes();
    routes
        .merge(docs::router(openapi))
        .fallback(no_such_call)
        .method_not_allowed_fallback(async || method_not_allowed())
        .layer(middleware::from_fn(problem::render))
}

/// 404 for what there is not.
pub async fn no_such_call() -> problem::AppError {
    problem::AppError::new(StatusCode::NOT_FOUND, "not_found", "There is no such call; see /api/v1/openapi.json.")
}

/// 405 for a call of this path, as the routes have it, that takes other methods than this one; `None` where it takes it, or
/// where nothing is described.
pub fn other_methods(path: &str, method: &Method) -> Option<problem::AppError> {
    let methods = METHODS.get(path.strip_prefix(BASE)?)?;
    (!methods.contains(method)).then(|| {
        let names: Vec<_> = methods.iter().map(Method::as_str).collect();
        method_not_allowed().with_header(header::ALLOW, names.join(","))
    })
}

fn method_not_allowed() -> problem::AppError {
    problem::AppError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This call has other methods; see /api/v1/openapi.json.")
}

/// The methods of each call, by its path without [`BASE`], as the document has them, and of the documents.
static METHODS: LazyLock<BTreeMap<String, Vec<Method>>> = LazyLock::new(|| {
    let (_, document) = routes();
    let methods = |path: PathItem| {
        let described = [
            (Method::GET, path.get.is_some()),
            // Who takes the one takes the other.
            (Method::HEAD, path.get.is_some()),
            (Method::POST, path.post.is_some()),
            (Method::PUT, path.put.is_some()),
            (Method::PATCH, path.patch.is_some()),
            (Method::DELETE, path.delete.is_some()),
        ];
        described.into_iter().filter_map(|(method, there)| there.then_some(method)).collect()
    };
    let documents = docs::PATHS.map(|path| (path.to_owned(), vec![Method::GET, Method::HEAD]));
    document.paths.paths.into_iter().map(|(path, item)| (path, methods(item))).chain(documents).collect()
});
