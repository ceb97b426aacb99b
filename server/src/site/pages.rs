//! Pages and forms: `app`, rendered here, with what a request has at hand.

use app::ssr::{App, PublicUrl, Unremembered, shell};
use axum::Router;
use axum::http::{HeaderValue, header, request::Parts};
use axum::middleware::from_fn_with_state;
use backend::identity::Client;
use domain::Locale;
use leptos::context::{provide_context, use_context};
use leptos::nonce::use_nonce;
use leptos_axum::{LeptosRoutes as _, ResponseOptions, generate_route_list, render_app_async_with_context};

use super::patience::{Patience, with_patience};
use crate::caller::{self, Who};
use crate::security;
use crate::state::AppState;

/// All pages and server functions.
pub fn routes(state: &AppState, patience: &Patience) -> Router<AppState> {
    let options = state.leptos.clone();
    let visitors = from_fn_with_state(state.clone(), caller::of_pages);
    Router::new()
        .leptos_routes_with_context(state, generate_route_list(App), context(state), move || shell(options.clone()))
        .layer(visitors)
        .layer(from_fn_with_state(patience.clone(), with_patience))
}

/// The page for addresses that there are not; the app's own router says so.
pub fn lost(state: &AppState, patience: &Patience) -> Router {
    let options = state.leptos.clone();
    let render = render_app_async_with_context(context(state), move || shell(options.clone()));
    let page = async move |request| render(request).await;
    let visitors = from_fn_with_state(state.clone(), caller::of_pages);
    Router::new().fallback(page).layer(visitors).layer(from_fn_with_state(patience.clone(), with_patience))
}

/// What a page finds around it: the shop, who asks, in which language, when; and its policy goes with the answer.
fn context(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let (backend, public_url) = (state.backend.clone(), PublicUrl(state.public_url.clone()));
    move || {
        provide_context(backend.clone());
        provide_context(public_url.clone());
        provide_context(backend.clock.now());
        if let Some(parts) = use_context::<Parts>() {
            if let Some(Who(caller)) = parts.extensions.get::<Who>() {
                provide_context(caller.clone());
            }
            provide_context(parts.extensions.get::<Locale>().copied().unwrap_or_default());
            if let Some(client) = parts.extensions.get::<Client>() {
                provide_context(client.clone());
            }
            if let Some(unremembered) = parts.extensions.get::<Unremembered>() {
                provide_context(*unremembered);
            }
        }
        if let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce())
            && let Ok(policy) = HeaderValue::try_from(security::page_policy(&nonce))
        {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
}
