//! The door for staff: name and password, or a one-time code; and the password itself.

use backend::stores::StoreRow;
use domain::Locale;
use leptos::prelude::*;

use super::super::{
    actions::typed::Typed,
    failure::Failure,
    frame::{language, skip},
    seo::{Head, head},
    visit::{Visit, keep_nothing, query},
};
use crate::{
    paths,
    pieces::{icon, notice, wait as wait_of},
    words as w,
};

/// What can open the door.
#[derive(Default)]
pub struct Door {
    /// Where somebody may work; without any only a code opens it.
    stores: Vec<StoreRow>,
    /// Nobody has chosen a password yet.
    by_code_alone: bool,
}

impl Door {
    /// The door as it is now.
    pub async fn here(visit: &Visit) -> Result<Self, Failure> {
        let stores = visit.backend.stores.list(&mut visit.backend.db.reader()).await?;
        Ok(Self { stores, by_code_alone: !visit.backend.identities.has_passwords().await? })
    }
}

/// The door, with what opens it first.
pub fn sign_in(visit: &Visit, error: Option<String>, door: &Door) -> AnyView {
    let locale = visit.locale;
    // A tablet goes from hand to hand: Back after a sign-out does not bring the door with the password that was typed at it.
    keep_nothing();
    let back = visit.page.split('?').next().filter(|page| page.starts_with(paths::STAFF)).unwrap_or(paths::STAFF).to_owned();
    let gone = (error.as_deref() == Some(paths::RIGHT_GONE)).then(|| gone(locale));
    // At which of its forms the door refused somebody. What is refused elsewhere is not said here.
    let by = query("by");
    let error = error.filter(|_| by.is_some());
    let wait = query("wait").and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let sentence = error.map(|error| match &*error {
        "passwords_limited" => w::staff::passwords_limited(locale, wait_of(wait, locale)),
        "codes_limited" => w::staff::codes_limited(locale, wait_of(wait, locale)),
        error => w::refusal_at_work(error, locale).to_owned(),
    });
    let (name_error, code_error) = if by.as_deref() == Some("name") { (sentence, None) } else { (None, sentence) };
    let head = head(
        visit,
        Head { title: w::staff::title(locale).to_owned(), description: w::staff::description(locale).to_owned(), ..Head::default() },
    );
    // Another form's is left for the page that it is of.
    let typed = if by.as_deref() == Some("name") { Typed::take() } else { None };
    let name = (!door.stores.is_empty()).then(|| name_form(&back, name_error, &door.stores, typed.as_ref(), locale));
    let code = Some(code_form(&back, code_error, locale));
    let (first, second) = if door.by_code_alone { (code, name) } else { (name, code) };
    view! {
        {head}
        {skip(locale)}
        <main class="door" id="main">
            <a class="masthead__home" href=paths::HOME><img src="/favicon.svg" width="32" height="32" alt=""/>{w::frame::name(locale)}</a>
            <h1>{w::staff::heading(locale)}</h1>
            {gone}
            {first}
            {second}
            {language(visit)}
        </main>
    }
    .into_any()
}

/// For who had a page open until a moment ago.
pub fn gone(locale: Locale) -> AnyView {
    notice("wait", w::staff::gone_title(locale).to_owned(), Some(w::staff::gone_text(locale).to_owned()))
}

/// What was refused, beside the field that it is about.
fn said(sentence: Option<String>, id: &'static str) -> Option<AnyView> {
    Some(view! { <p class="field-error" id=id role="alert">{icon("alert")}{sentence?}</p> }.into_any())
}

fn name_form(back: &str, error: Option<String>, stores: &[StoreRow], typed: Option<&Typed>, locale: Locale) -> AnyView {
    let typed = |field: &str| Typed::value(typed, "door", field);
    // What they chose before, or else: the page that they want to is of one store.
    let chosen = typed("store");
    let here = chosen.as_deref().or_else(|| back.split('/').nth(2));
    let options = stores
        .iter()
        .map(|row| view! { <option value=row.id.to_string() selected=here == Some(row.id.as_str())>{row.name.in_locale(locale).to_owned()}</option> })
        .collect_view();
    let wrong = error.is_some().then_some("true");
    view! {
        <form class="panel" method="post" action=paths::form::STAFF_SIGN_IN data-testid="name-form" aria-labelledby="name-title">
            <h2 id="name-title">{w::staff::password_heading(locale)}</h2>
            <input type="hidden" name="back" value=back.to_owned()/>
            <div class="field"><label for="store">{w::staff::store(locale)}</label><select class="input" id="store" name="store">{options}</select></div>
            <div class="field">
                <label for="name">{w::staff::name(locale)}</label>
                <input class="input" id="name" name="name" autocomplete="username" autocapitalize="words" spellcheck="false" required=true maxlength="60" value=typed("name")
                    aria-invalid=wrong/>
            </div>
            <div class="field">
                <label for="password">{w::staff::password(locale)}</label>
                <input class="input" id="password" name="password" type="password" autocomplete="current-password" required=true maxlength="200"
                    aria-describedby=wrong.map(|_| "name-error") aria-invalid=wrong/>
                {said(error, "name-error")}
            </div>
            <button class="button button--tall button--wide">{w::staff::begin(locale)}</button>
        </form>
    }
    .into_any()
}

fn code_form(back: &str, error: Option<String>, locale: Locale) -> AnyView {
    let wrong = error.is_some();
    view! {
        <form class="panel" method="post" action=paths::form::STAFF_SIGN_IN data-testid="sign-in" aria-labelledby="code-title">
            <h2 id="code-title">{w::staff::code_heading(locale)}</h2>
            <input type="hidden" name="back" value=back.to_owned()/>
            <div class="field">
                <label for="code">{w::staff::code(locale)}</label>
                <input class="input input--code" id="code" name="code" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"
                    required=true maxlength="20" aria-describedby=if wrong { "code-error code-hint" } else { "code-hint" } aria-invalid=wrong.then_some("true")/>
                {said(error, "code-error")}
                <p class="field__hint" id="code-hint">{w::staff::code_hint(locale)}" "<code>"orderly staff add"</code></p>
            </div>
            <button class="button button--tall button--wide">{w::staff::sign_in(locale)}</button>
        </form>
    }
    .into_any()
}

/// Whoever came in by a code has yet to choose a password. `error`: what the page was refused for, which may be about this.
pub fn choose_password(error: Option<&str>, locale: Locale) -> AnyView {
    view! {
        <section class="panel" id="password" aria-labelledby="password-title">
            <h2 id="password-title">{w::staff::choose_title(locale)}</h2>
            <p class="soft">{w::staff::choose_text(locale)}</p>
            {password_form(false, error, locale)}
        </section>
    }
    .into_any()
}

/// The same for who has one.
pub fn change_password(error: Option<&str>, locale: Locale) -> AnyView {
    let refused = error.is_some_and(|error| password_field(error, true).is_some());
    view! {
        <section class="panel" id="password">
            <details class="fold" open=refused><summary>{w::staff::change_title(locale)}</summary>{password_form(true, error, locale)}</details>
        </section>
    }
    .into_any()
}

/// The field of the password's form that a refusal is about; `None`: it is about none of them. `has_one`: the one before is asked for.
pub fn password_field(error: &str, has_one: bool) -> Option<&'static str> {
    match error {
        "password_twice" => Some("again"),
        "password_too_short" | "password_too_long" | "password_too_common" => Some("password"),
        "wrong_current_password" | "rate_limited" if has_one => Some("current"),
        _ => None,
    }
}

fn password_form(has_one: bool, error: Option<&str>, locale: Locale) -> AnyView {
    let wrong = error.and_then(|error| Some((password_field(error, has_one)?, w::refusal(error, locale))));
    // What is wrong with a field; for `aria-invalid` whether it is, for `aria-describedby` where that and its hint are said.
    let fault = |name: &str, hint: Option<&'static str>| {
        let sentence = wrong.filter(|(field, _)| *field == name).map(|(_, sentence)| sentence.to_owned());
        let invalid = sentence.is_some().then_some("true");
        let described: Vec<_> = invalid.map(|_| "password-error").into_iter().chain(hint).collect();
        let described = (!described.is_empty()).then(|| described.join(" "));
        (said(sentence, "password-error"), invalid, described)
    };
    let current = has_one.then(|| {
        let (said, invalid, described) = fault("current", None);
        view! {
            <div class="field">
                <label for="current">{w::staff::current_password(locale)}</label>
                <input class="input" id="current" name="current" type="password" autocomplete="current-password" required=true maxlength="200"
                    aria-describedby=described aria-invalid=invalid/>
                {said}
            </div>
        }
    });
    let field = |name: &'static str, label: &'static str, hint: Option<&'static str>| {
        let (said, invalid, described) = fault(name, hint);
        view! {
            <div class="field">
                <label for=format!("new-{name}")>{label}</label>
                <input class="input" id=format!("new-{name}") name=name type="password" autocomplete="new-password" required=true minlength="8" maxlength="200"
                    aria-describedby=described aria-invalid=invalid/>
                {said}
            </div>
        }
    };
    view! {
        <form class="stack" method="post" action=paths::form::PASSWORD data-testid="password-form">
            {current}
            {field("password", w::staff::new_password(locale), Some("password-hint"))}
            <p class="field__hint" id="password-hint">{w::staff::password_hint(locale)}</p>
            {field("again", w::staff::again_password(locale), None)}
            <div class="row"><button class="button button--tall">{w::staff::save_password(locale)}</button></div>
        </form>
    }
    .into_any()
}

pub fn password_saved(locale: Locale) -> AnyView {
    view! { <div class="notice" data-tone="go" role="status">{icon("check")}<p class="notice__title">{w::staff::password_saved(locale)}</p></div> }
        .into_any()
}
