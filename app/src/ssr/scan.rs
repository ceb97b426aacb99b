//! What a kiosk's code leads to. Opening the page spends nothing; its button does.

use backend::{
    identity::{Client, IdentityError, ensure_session_in},
    kiosk::KioskError,
    refused::Refused,
};
use domain::view::{Admission, StoreView};
use http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use super::{
    failure::Failure,
    frame::frame,
    seo::{Head, head},
    visit::{Visit, page, param, query},
};
use crate::{
    islands::{Admitted, StoreNotice},
    paths,
    pieces::icon,
    words as w,
};

/// `/scan/{code}`
#[component]
pub fn ScanPage() -> impl IntoView {
    let visit = Visit::here();
    let (code, error) = (param("code"), query("error"));
    let (client, response) = (expect_context::<Client>(), use_context::<ResponseOptions>());
    page(async move { body(visit, client, code, error, response).await })
}

async fn body(
    visit: Visit,
    client: Client,
    code: String,
    error: Option<String>,
    response: Option<ResponseOptions>,
) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let refuse = |error: &dyn Refused| {
        if let (Some(response), Ok(status)) = (&response, StatusCode::from_u16(error.status())) {
            response.set_status(status);
        }
        (Some(error.code().to_owned()), None)
    };
    let (backend, caller, typed) = (visit.backend.clone(), visit.caller.clone(), code.clone());
    let opened = visit.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            backend.kiosks.opened_in(tx, &caller, &typed).await
        })
    });
    // A page that anybody may open would be as good for guessing as the call.
    let tried = visit.backend.may_try_code(&visit.caller, &client, &code).await;
    let (refused, store) = match tried {
        Ok(()) => match opened.await {
            Ok(store) => (error, Some(visit.backend.stores.get(&mut visit.backend.db.reader(), &store).await?.ok_or(Failure::NotFound)?)),
            Err(error @ (KioskError::CodeUnknown | KioskError::CodeExpired)) => refuse(&error),
            Err(error) => return Err(error.into()),
        },
        Err(error @ IdentityError::RateLimited { .. }) => refuse(&error),
        Err(error) => return Err(error.into()),
    };
    let name = store.as_ref().map(|store| store.name.in_locale(locale).to_owned());
    let head = head(&visit, Head { title: name.clone().unwrap_or_else(|| w::scan::title(locale).to_owned()), ..Head::default() });
    let said = match (&refused, store) {
        (None, Some(_)) => ready(&visit, &code, name.unwrap_or_default()),
        (refused, store) => turned_away(&visit, &code, refused.as_deref().unwrap_or_default(), store.map(|store| store.id.to_string())),
    };
    let main = view! {
        {head}
        <main class="door" id="main">{said}</main>
    };
    Ok(frame(&visit, main.into_any()))
}

/// What a store's page says about ordering there: how long who is in has, else why nothing can be ordered, if so.
pub async fn admitted(visit: &Visit, store: StoreView) -> Result<AnyView, Failure> {
    let (locale, now) = (visit.locale, visit.now);
    let admission = match store.admission {
        Admission::Qr => visit.backend.kiosks.admission(&mut visit.backend.db.reader(), &visit.caller, &store.id).await?,
        Admission::Open => None,
    };
    Ok(match admission {
        Some(admission) if store.open => view! { <Admitted until=admission.expires_at now locale/> }.into_any(),
        _ => view! { <StoreNotice store locale/> }.into_any(),
    })
}

/// The code is good: come in, or say first who you are.
fn ready(visit: &Visit, code: &str, store: String) -> AnyView {
    let locale = visit.locale;
    let go = if visit.caller.person().is_some() {
        view! {
            <form class="panel" method="post" action=paths::form::SCAN data-testid="scan-form">
                <input type="hidden" name="code" value=code.to_owned()/>
                <button class="button button--tall button--wide">{w::scan::go(locale)}</button>
            </form>
        }
        .into_any()
    } else {
        let door = paths::sign_in(&paths::scan(code));
        view! {
            <div class="panel">
                <p>{w::scan::sign_in_text(locale)}</p>
                <a class="button button--tall button--wide" href=door data-testid="scan-sign-in">{w::scan::sign_in(locale)}</a>
            </div>
        }
        .into_any()
    };
    view! {
        <div class="stack">
            <h1>{w::scan::welcome(locale, store)}</h1>
            <p class="lead">{w::scan::lead(locale)}</p>
        </div>
        {go}
    }
    .into_any()
}

/// Why not, and what to do next.
fn turned_away(visit: &Visit, code: &str, why: &str, store: Option<String>) -> AnyView {
    let locale = visit.locale;
    let again = matches!(why, "code_exhausted" | "store_at_capacity" | "store_closed" | "rate_limited" | "unavailable");
    let again = again.then(|| view! { <a class="button" href=paths::scan(code)>{w::scan::again(locale)}</a> });
    let menu = store.map(|store| view! { <a class="button button--quiet" href=paths::store(store)>{w::cart::see_menu(locale)}</a> });
    view! {
        <div class="stack" data-testid="scan-refused" data-code=why.to_owned()>
            <p class="door__sign" aria-hidden="true">{icon("scan")}</p>
            <h1>{w::scan::not_now(locale)}</h1>
            <p class="lead" role="alert">{w::refusal(why, locale)}</p>
            <div class="row">{again}{menu}<a class="button button--quiet" href=paths::HOME>{w::lost::all_places(locale)}</a></div>
        </div>
    }
    .into_any()
}
