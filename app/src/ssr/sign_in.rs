//! Signing in by phone: the number, then the code that was sent to it.

use domain::Locale;
use leptos::prelude::*;

use super::{
    actions::session::PHONE,
    failure::Failure,
    frame::frame,
    seo::{Head, head},
    visit::{Visit, cookie, keep_nothing, page, query},
};
use crate::{
    paths,
    pieces::{icon, wait as wait_of},
    words as w,
};

/// `/sign-in`
#[component]
pub fn SignInPage() -> impl IntoView {
    let visit = Visit::here();
    // Back after a sign-out does not bring the number that was typed here.
    keep_nothing();
    let asked = Asked {
        back: query("back").unwrap_or_else(|| paths::HOME.to_owned()),
        phone: cookie(PHONE).unwrap_or_default(),
        code_sent: query("step").as_deref() == Some("code"),
        error: query("error"),
        left: query("left").and_then(|left| left.parse().ok()),
        wait: query("wait").and_then(|seconds| seconds.parse().ok()).unwrap_or(0),
        goodbye: query("goodbye").is_some(),
    };
    page(async move { body(visit, asked) })
}

/// What the address and the cookie say.
struct Asked {
    back: String,
    phone: String,
    code_sent: bool,
    error: Option<String>,
    left: Option<i64>,
    /// In how many seconds another code may be sent or tried.
    wait: i64,
    goodbye: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "every page may fail")]
fn body(visit: Visit, asked: Asked) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let head = head(
        &visit,
        Head { title: w::sign_in::title(locale).to_owned(), description: w::sign_in::description(locale).to_owned(), ..Head::default() },
    );
    let goodbye = asked.goodbye.then(|| {
        view! { <div class="notice" data-tone="go" role="status">{icon("check")}<p class="notice__title">{w::sign_in::goodbye_title(locale)}</p><p>{w::sign_in::goodbye_text(locale)}</p></div> }
    });
    let step = match &visit.caller.person() {
        Some(_) => signed_in(&visit, &asked),
        None if asked.code_sent && !asked.phone.is_empty() => code(&visit, &asked),
        None => phone(&visit, &asked),
    };
    let main = view! {
        {head}
        <main class="door" id="main">{goodbye}{step}</main>
    };
    Ok(frame(&visit, main.into_any()))
}

fn phone(visit: &Visit, asked: &Asked) -> AnyView {
    let locale = visit.locale;
    let error = asked.error.as_deref().map(|error| sentence(error, asked, locale));
    let described = if error.is_some() { "phone-error phone-hint" } else { "phone-hint" };
    let wrong = (asked.error.as_deref() == Some("invalid_phone")).then_some("true");
    view! {
        <div class="stack">
            <h1>{w::sign_in::heading(locale)}</h1>
            <p class="soft">{w::sign_in::lead(locale)}</p>
        </div>
        <form class="panel" method="post" action=paths::form::SEND_CODE data-testid="phone-form">
            <input type="hidden" name="back" value=asked.back.clone()/>
            <div class="field">
                <label for="phone">{w::sign_in::phone(locale)}</label>
                <input class="input input--large" id="phone" name="phone" type="tel" inputmode="tel" autocomplete="tel" required=true maxlength="30"
                    placeholder="+1 555 010 0001" value=asked.phone.clone() aria-describedby=described aria-invalid=wrong/>
                {error.map(|text| view! { <p class="field-error" id="phone-error" role="alert">{icon("alert")}{text}</p> })}
                <p class="field__hint" id="phone-hint">{w::sign_in::phone_hint(locale)}</p>
            </div>
            <button class="button button--tall button--wide">{w::sign_in::send(locale)}</button>
        </form>
        <p class="soft"><small>{w::sign_in::privacy(locale)}</small></p>
    }
    .into_any()
}

fn code(visit: &Visit, asked: &Asked) -> AnyView {
    let locale = visit.locale;
    let error = asked.error.as_deref().map(|error| sentence(error, asked, locale));
    let described = if error.is_some() { "code-error code-hint" } else { "code-hint" };
    let wrong = error.is_some().then_some("true");
    let (before, after) = w::sign_in::sent_around(locale);
    view! {
        <div class="stack">
            <h1>{w::sign_in::code_heading(locale)}</h1>
            <p class="soft">{before}<bdi class="num"><strong>{asked.phone.clone()}</strong></bdi>{after}</p>
        </div>
        <form class="panel" method="post" action=paths::form::SIGN_IN data-testid="code-form">
            <input type="hidden" name="back" value=asked.back.clone()/>
            <input type="hidden" name="phone" value=asked.phone.clone()/>
            <div class="field">
                <label for="code">{w::sign_in::code(locale)}</label>
                <input class="input input--code" id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required=true
                    maxlength="40" autofocus=true aria-describedby=described aria-invalid=wrong/>
                {error.map(|text| view! { <p class="field-error" id="code-error" role="alert">{icon("alert")}{text}</p> })}
                <p class="field__hint" id="code-hint">{w::sign_in::code_hint(locale)}</p>
            </div>
            <button class="button button--tall button--wide">{w::sign_in::sign_in(locale)}</button>
        </form>
        <div class="row row--between">
            <form method="post" action=paths::form::SEND_CODE>
                <input type="hidden" name="back" value=asked.back.clone()/>
                <input type="hidden" name="phone" value=asked.phone.clone()/>
                <button class="button button--quiet">{w::sign_in::again(locale)}</button>
            </form>
            <a class="button button--plain" href=paths::sign_in(&asked.back)>{w::sign_in::other_number(locale)}</a>
        </div>
    }
    .into_any()
}

/// Who is signed in already.
fn signed_in(visit: &Visit, asked: &Asked) -> AnyView {
    let locale = visit.locale;
    view! {
        <div class="stack">
            <h1>{w::sign_in::done_heading(locale)}</h1>
            <div class="row">
                <a class="button" href=super::actions::ours(&asked.back).to_owned()>{w::sign_in::go_on(locale)}</a>
                <a class="button button--quiet" href=paths::ACCOUNT>{w::frame::account(locale)}</a>
            </div>
        </div>
    }
    .into_any()
}

fn sentence(error: &str, asked: &Asked, locale: Locale) -> String {
    match (error, asked.left) {
        ("wrong_code", Some(count)) => w::sign_in::wrong(locale, count),
        ("code_spent", _) => w::sign_in::spent(locale).to_owned(),
        ("invalid_code", _) => w::api::invalid_code(locale).to_owned(),
        ("codes_limited", _) => w::sign_in::limited(locale, wait_of(asked.wait, locale)),
        ("tries_limited", _) => w::staff::codes_limited(locale, wait_of(asked.wait, locale)),
        (code, _) => w::refusal(w::without_order(code), locale).to_owned(),
    }
}
