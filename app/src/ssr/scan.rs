//! What a kiosk's code leads to. Opening the page spends nothing; its button does.

use backend::{
    identity::{Client, IdentityError, ensure_session_in},
    kiosk::{KioskError, Opened},
    refused::Refused,
};
use domain::{
    StoreId, Timestamp,
    kiosk::normalise,
    view::{Admission, StoreView},
};
use http::{HeaderValue, StatusCode, header};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use super::{
    failure::Failure,
    frame::frame,
    seo::{Head, head},
    visit::{Unremembered, Visit, page, param, query},
};
use crate::{
    islands::{Admitted, NextCode, StoreNotice},
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
    let is_remembered = use_context::<Unremembered>().is_none();
    page(async move { body(visit, client, code, error, response, is_remembered).await })
}

async fn body(
    visit: Visit,
    client: Client,
    code: String,
    error: Option<String>,
    response: Option<ResponseOptions>,
    is_remembered: bool,
) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let answer = |status: u16, retry_after: Option<i64>| {
        if let (Some(response), Ok(status)) = (&response, StatusCode::from_u16(status)) {
            response.set_status(status);
            if let Some(seconds) = retry_after {
                response.insert_header(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
        }
    };
    let refuse = |error: &dyn Refused| {
        answer(error.status(), error.extra().retry_after);
        Some(error.sentence().to_owned())
    };
    // A page that anybody may open would be as good for guessing as the call.
    let seen = if is_remembered { visit.backend.may_see_code(&visit.caller, &client, &code).await } else { Ok(false) };
    let (why, place) = match seen {
        Ok(seen) => match open(&visit, &code, seen, is_remembered).await {
            Ok(Some(opened)) => (opened.refused.as_ref().and_then(|error| refuse(error)), Some(opened)),
            // `SessionRequired`: they have signed in meanwhile, by another page, and the button leads in.
            Ok(None) | Err(KioskError::SessionRequired) => (None, None),
            Err(error @ KioskError::CodeUnknown) => (refuse(&error), None),
            Err(error) => return Err(error.into()),
        },
        Err(error @ IdentityError::RateLimited { .. }) => (refuse(&error), None),
        Err(error) => return Err(error.into()),
    };
    // What its form was told, unless the code itself has more to say.
    let why = why.or_else(|| {
        error.inspect(|error| {
            let (status, retry_after) = told(error);
            answer(status, retry_after);
        })
    });
    let store = match &place {
        Some(opened) => Some(visit.backend.stores.get(&mut visit.backend.db.reader(), &opened.store).await?.ok_or(Failure::NotFound)?),
        None => None,
    };
    let name = store.as_ref().map(|store| store.name.in_locale(locale).to_owned());
    let head = head(&visit, Head { title: name.clone().unwrap_or_else(|| w::scan::title(locale).to_owned()), ..Head::default() });
    let said = match why {
        None => ready(&visit, &code, name),
        Some(why) => turned_away(&visit, &code, &why, place.map(|opened| (opened.store, opened.next_at))),
    };
    let main = view! {
        {head}
        <main class="door" id="main">{said}</main>
    };
    Ok(frame(&visit, main.into_any()))
}

/// Remembers that the code's page was opened, if it may; `None` where nothing may be told of it, not even whether it is a code.
async fn open(visit: &Visit, code: &str, seen: bool, is_remembered: bool) -> Result<Option<Opened>, KioskError> {
    if !is_remembered {
        return normalise(code).map(|_| None).ok_or(KioskError::CodeUnknown);
    }
    let (backend, caller, code) = (visit.backend.clone(), visit.caller.clone(), code.to_owned());
    let opened = visit.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            if seen {
                backend.kiosks.opened_in(tx, &caller, &code).await.map(Some)
            } else {
                backend.kiosks.opened_unseen_in(tx, &caller, &code).await.map(|()| None)
            }
        })
    });
    opened.await
}

/// The status of a page that says what its form was told, and in how many seconds to try again.
fn told(code: &str) -> (u16, Option<i64>) {
    match code {
        "session_required" => (401, None),
        "sign_in_required" | "forbidden" => (403, None),
        "code_unknown" => (404, None),
        "store_closed" => (409, None),
        "code_expired" | "code_used" => (410, None),
        "order_limit_reached" => (429, None),
        "code_exhausted" | "rate_limited" => (429, Some(10)),
        "store_at_capacity" | "unavailable" => (503, Some(10)),
        "code_without_places" => (503, None),
        _ => (400, None),
    }
}

/// What a store's page says about ordering there: how long who is in has, else why nothing can be ordered, if so.
pub async fn admitted(visit: &Visit, store: StoreView) -> Result<AnyView, Failure> {
    let (locale, now) = (visit.locale, visit.now);
    let admission = match store.admission {
        Admission::Qr => visit.backend.kiosks.admission(&mut visit.backend.db.reader(), &visit.caller, &store.id).await?,
        Admission::Open => None,
    };
    Ok(match admission {
        Some(admission) => view! { <Admitted store until=admission.expires_at now locale/> }.into_any(),
        _ => view! { <StoreNotice store locale/> }.into_any(),
    })
}

/// The code is good, or may be: come in, or say first who you are.
fn ready(visit: &Visit, code: &str, store: Option<String>) -> AnyView {
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
    let (heading, lead) = match store {
        Some(store) => (w::scan::welcome(locale, store), w::scan::lead(locale)),
        None => (w::scan::title(locale).to_owned(), w::scan::unseen(locale)),
    };
    view! {
        <div class="stack">
            <h1>{heading}</h1>
            <p class="lead">{lead}</p>
        </div>
        {go}
    }
    .into_any()
}

/// Why not, and what to do next. `place`: where the code is from, and when its kiosk shows the next one.
fn turned_away(visit: &Visit, code: &str, why: &str, place: Option<(StoreId, Timestamp)>) -> AnyView {
    let (locale, now) = (visit.locale, visit.now);
    let again = matches!(why, "store_at_capacity" | "store_closed" | "rate_limited" | "unavailable");
    let again = again.then(|| view! { <a class="button" href=paths::scan(code)>{w::scan::again(locale)}</a> });
    let orders = matches!(why, "code_used" | "order_limit_reached")
        .then(|| view! { <a class="button button--quiet" href=paths::ORDERS>{w::lost::my_orders(locale)}</a> });
    let next = place.as_ref().filter(|_| matches!(why, "code_exhausted" | "code_used" | "code_without_places"));
    let next = next.map(|(_, at)| view! { <NextCode at=*at now locale/> });
    let menu = place.map(|(store, _)| {
        // Where there is nothing to try again, that is what to do meanwhile.
        let class =
            if matches!(why, "code_exhausted" | "code_expired" | "code_without_places") { "button" } else { "button button--quiet" };
        view! { <a class=class href=paths::store(store.to_string())>{w::cart::see_menu(locale)}</a> }
    });
    let sentence = match why {
        "order_limit_reached" => w::scan::limit_text(locale),
        "code_without_places" => w::scan::full_text(locale),
        why => w::refusal(w::without_order(why), locale),
    };
    let heading = match why {
        "code_used" => w::scan::used_title(locale),
        "code_exhausted" => w::scan::gone_title(locale),
        "code_expired" => w::scan::late_title(locale),
        "code_unknown" => w::scan::unknown_title(locale),
        "order_limit_reached" => w::scan::limit_title(locale),
        _ => w::scan::not_now(locale),
    };
    view! {
        <div class="stack" data-testid="scan-refused" data-code=why.to_owned()>
            <p class="door__sign" aria-hidden="true">{icon("scan")}</p>
            <h1>{heading}</h1>
            <p class="lead" role="alert">{sentence}</p>
            {next}
            <div class="row">{again}{orders}{menu}<a class="button button--quiet" href=paths::HOME>{w::lost::all_places(locale)}</a></div>
        </div>
    }
    .into_any()
}
