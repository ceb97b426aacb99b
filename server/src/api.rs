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
mod session;
mod shop;
mod staff;
mod today;
mod wallet;
mod webhooks;

use axum::{Router, http::StatusCode, middleware};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// All routes of the API, relative to `/api/v1`, and their document.
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
        .routes(routes!(staff::tokens, staff::issue_token))
        .routes(routes!(staff::revoke_token))
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
        .fallback(async || problem::AppError::new(StatusCode::NOT_FOUND, "not_found", "There is no such call; see /api/v1/openapi.json."))
        .method_not_allowed_fallback(async || {
            problem::AppError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This call has other methods; see /api/v1/openapi.json.",
            )
        })
        .layer(middleware::from_fn(problem::render))
}
