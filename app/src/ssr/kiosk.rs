//! The screen at the stand that shows the code to scan.

use backend::{
    identity::{Caller, Right, cookie as session, ensure_session_in},
    kiosk::KioskError,
};
use domain::{
    KioskId, Locale,
    kiosk::{HIDE_SECONDS, Screen},
    live::KioskCodeView,
};
use http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use super::{
    actions::set_cookie,
    failure::Failure,
    frame::{language, skip},
    seo::{Head, head},
    visit::{Visit, clock, cookie, keep_nothing, page, param, query},
};
use crate::{islands::KioskDisplay, paths, pieces::icon, words as w};

/// `/kiosk/{kiosk}`
#[component]
pub fn KioskPage() -> impl IntoView {
    let visit = Visit::here();
    let (kiosk, error) = (param("kiosk"), query("error"));
    page(async move { body(visit, kiosk, error).await })
}

async fn body(visit: Visit, typed: String, error: Option<String>) -> Result<AnyView, Failure> {
    let kiosk: KioskId = typed.parse().map_err(|_| Failure::NotFound)?;
    let store = visit.backend.stores.of_kiosk(&mut visit.backend.db.reader(), &kiosk).await?;
    let own = visit.caller.is_kiosk(&kiosk);
    // Whoever may not see it is not told whether there is such a screen.
    let Some(store) = store.filter(|store| own || visit.caller.may(Right::KioskCode, store)) else {
        return Ok(door(&visit, &kiosk, None, error));
    };
    if own {
        keep(&visit, Screen::Wall).await?;
    }
    let row = visit.store(store.as_str()).await?;
    let status = visit.backend.stores.view(&mut visit.backend.db.reader(), &store, visit.naming()).await?.ok_or(Failure::NotFound)?;
    let board = visit.backend.queue.board(&mut visit.backend.db.reader(), &store).await?;
    let code = code(&visit, &kiosk).await?;
    let head = head(&visit, Head { title: format!("{} · {kiosk}", row.name.in_locale(visit.locale)), ..Head::default() });
    let (seconds, locale) = ((row.settings.code_seconds - HIDE_SECONDS).max(1), visit.locale);
    let still = format!("<meta http-equiv=\"refresh\" content=\"10\"><p class=\"soft\">{}</p>", w::kiosk::no_scripts(locale));
    let view = view! {
        {head}
        {skip(locale)}
        <div class="kiosk"><KioskDisplay kiosk store=status code board seconds now=visit.now clock=clock(&row.time_zone, visit.now) locale/></div>
        <noscript inner_html=still></noscript>
    };
    Ok(view.into_any())
}

/// This browser stays the kiosk that it is, and its managers know what it shows.
pub async fn keep(visit: &Visit, screen: Screen) -> Result<(), Failure> {
    if let Some(token) = cookie(session::NAME) {
        // Browsers forget after 400 days; a screen that is used does not come that far.
        set_cookie(&visit.backend.identities.keep_device(&token));
    }
    Ok(visit.backend.identities.note_screen(&visit.caller, screen).await?)
}

/// What the kiosk shows now; the code of this slot is made where nobody has made it yet.
async fn code(visit: &Visit, kiosk: &KioskId) -> Result<KioskCodeView, Failure> {
    let (kiosks, db) = (visit.backend.kiosks.clone(), &visit.backend.db);
    if let Some(shown) = kiosks.shown(&mut db.reader(), kiosk).await? {
        return Ok(shown);
    }
    let (caller, kiosk) = (visit.caller.clone(), kiosk.clone());
    let made: Result<_, KioskError> = db
        .transaction(move |tx| {
            Box::pin(async move {
                ensure_session_in(tx, &caller).await?;
                kiosks.code_in(tx, &caller, &kiosk).await
            })
        })
        .await;
    Ok(made?)
}

/// Where a browser becomes this screen; `page`: which of the kiosk's it opens then, where not the first.
pub fn door(visit: &Visit, kiosk: &KioskId, page: Option<&'static str>, error: Option<String>) -> AnyView {
    let locale = visit.locale;
    keep_nothing();
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::UNAUTHORIZED);
    }
    let head = head(visit, Head { title: w::kiosk::title(locale).to_owned(), ..Head::default() });
    let other = if let Caller::Token { kiosk: Some(other), .. } = &visit.caller { Some(other) } else { None };
    let other = other.map(|other| view! { <p class="notice" data-tone="wait">{w::kiosk::not_this(locale, other)}</p> });
    view! {
        {head}
        {skip(locale)}
        <main class="door" id="main">
            <a class="masthead__home" href=paths::HOME><img src="/favicon.svg" width="32" height="32" alt=""/>{w::frame::name(locale)}</a>
            <h1>{w::kiosk::pair_heading(locale)}</h1>
            <p class="soft">{w::kiosk::pair_text(locale)}</p>
            {other}
            {form(kiosk, page, error, locale)}
            {language(visit)}
        </main>
    }
    .into_any()
}

fn form(kiosk: &KioskId, page: Option<&'static str>, error: Option<String>, locale: Locale) -> AnyView {
    let wrong = error.is_some().then_some("true");
    view! {
        <form class="panel" method="post" action=paths::form::PAIR data-testid="pair-form">
            <input type="hidden" name="kiosk" value=kiosk.to_string()/>
            {page.map(|page| view! { <input type="hidden" name="page" value=page/> })}
            <div class="field">
                <label for="code">{w::kiosk::pair_code(locale)}</label>
                <input class="input input--code" id="code" name="code" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"
                    required=true maxlength="20" aria-describedby=wrong.map(|_| "code-error") aria-invalid=wrong/>
                {error.map(|error| view! { <p class="field-error" id="code-error" role="alert">{icon("alert")}{w::refusal_at_work(&error, locale)}</p> })}
            </div>
            <button class="button button--tall button--wide">{w::kiosk::pair_go(locale)}</button>
        </form>
    }
    .into_any()
}
