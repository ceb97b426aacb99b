//! The terms of a store, for its managers: open and closed, limits, times, codes.

use backend::identity::{Caller, Right};
use domain::{
    Locale,
    view::{Admission, StoreSettings},
};
use leptos::prelude::*;

use super::super::{
    actions::{
        store::{CHANGED, seen_of},
        typed::Typed,
    },
    failure::Failure,
    seo::{Head, head},
    visit::{Visit, clock, page, param, query},
};
use super::frame::{Tab, store_frame};
use super::people::Problem;
use crate::{
    islands::{LiveLine, OpenSwitch, SettingsWatch, StoreStatus},
    paths,
    pieces::icon,
    words as w,
};

/// `/staff/{store}/settings`
#[component]
pub fn SettingsPage() -> impl IntoView {
    let visit = Visit::here();
    let asked = (param("store"), query("error"), query("fields").unwrap_or_default(), query("saved").is_some(), query("done").is_some());
    page(async move { body(visit, asked).await })
}

async fn body(visit: Visit, (store, error, faulty, saved, done): (String, Option<String>, String, bool, bool)) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let Caller::User { .. } = &visit.caller else { return Err(Failure::SignIn) };
    if !visit.caller.may(Right::Store, &row.id) {
        return Err(Failure::Forbidden);
    }
    let status = visit.backend.stores.view(&mut visit.backend.db.reader(), &row.id, visit.naming()).await?.ok_or(Failure::NotFound)?;
    let head = head(&visit, Head { title: w::settings::page_title(locale, row.name.in_locale(locale)), ..Head::default() });
    let saved = saved.then(|| view! { <div class="notice" data-tone="go" role="status">{icon("check")}<p class="notice__title">{w::settings::saved(locale)}</p></div> });
    let typed = Typed::take();
    let form_error = Problem::of(error.clone());
    let (people, mark) = super::people::sections(&visit, &row, done, typed.as_ref(), form_error.as_ref()).await?;
    let ships = row.fulfilment == domain::prep::FulfilmentKind::Ship;
    let wrong = Wrong { fields: &faulty, changed: error.as_deref() == Some(CHANGED), moved: moved(&row.settings, typed.as_ref()) };
    let switch = view! { <OpenSwitch store=status.clone() back=paths::settings(&row.id) locale/> };
    let body = view! {
        {head}
        {saved}
        <div class="live-quiet"><LiveLine clock=Some(clock(&row.time_zone, visit.now)) locale/></div>
        <SettingsWatch store=status.clone() settings=row.settings.clone() mark locale/>
        <section class="panel" aria-labelledby="open-title">
            <h2 id="open-title">{w::settings::open(locale)}</h2>
            <div class="row row--between">{switch}<StoreStatus store=status ships locale/></div>
            <p class="soft">{w::settings::open_hint(locale)}</p>
        </section>
        {form(row.id.as_str(), &row.settings, &wrong, typed.as_ref(), locale)}
        {people}
    };
    // What is said at its field is not said twice.
    let error = error.filter(|error| form_error.is_none() && error != paths::RIGHT_GONE);
    Ok(store_frame(&visit, &row, Tab::Settings, error.as_deref(), body.into_any()))
}

/// The settings as the form's fields have them, by name: what is sent along is what its user has seen.
pub fn shown(settings: &StoreSettings) -> [(&'static str, String); 8] {
    let number = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
    [
        ("capacity", number(settings.capacity)),
        ("admission", settings.admission.as_str().to_owned()),
        ("order_limit", number(settings.order_limit)),
        ("scans_per_code", number(Some(settings.scans_per_code))),
        ("code_seconds", number(Some(settings.code_seconds))),
        ("customer_seconds", number(Some(settings.customer_seconds))),
        ("barista_seconds", number(Some(settings.barista_seconds))),
        ("wait_target_seconds", number(settings.wait_target_seconds)),
    ]
}

/// Which of the fields that come back with what was typed somebody else has changed since their user saw them. It has to be said
/// there, for the form that comes back is sent again with what stands now as seen. Where both want the same, there is nothing to say.
fn moved(settings: &StoreSettings, typed: Option<&Typed>) -> Vec<&'static str> {
    let typed = |name: &str| Typed::value(typed, "settings", name);
    let is_other = |name: &str, now: &str| typed(name).is_some_and(|text| text.trim() != now);
    let fields = shown(settings).into_iter().filter(|(name, now)| is_other(name, now) && is_other(&seen_of(name), now));
    fields.map(|(name, _)| name).collect()
}

/// What is to be said at the fields of a form that was refused.
struct Wrong<'p> {
    /// Those that were refused, by name, with commas between them.
    fields: &'p str,
    /// Because somebody else has changed them, and not for what was typed.
    changed: bool,
    /// Those that somebody else has changed, whatever the form was refused for.
    moved: Vec<&'static str>,
}

impl Wrong<'_> {
    /// What is said at a field. `now`: what stands there, in words; `rule`: what may be typed.
    fn said(&self, name: &str, now: &str, rule: String, locale: Locale) -> Option<String> {
        let refused = self.fields.split(',').any(|field| field == name);
        let changed = (refused && self.changed) || self.moved.contains(&name);
        let changed = changed.then(|| w::settings::changed_to(locale, now));
        match (changed, (refused && !self.changed).then_some(rule)) {
            (Some(changed), Some(rule)) => Some(format!("{rule} {changed}")),
            (changed, rule) => changed.or(rule),
        }
    }
}

/// A number of the form.
struct Number {
    name: &'static str,
    label: &'static str,
    /// What it does, and what an empty field means.
    hint: &'static str,
    value: String,
    least: i64,
    most: i64,
    required: bool,
}

fn form(store: &str, settings: &StoreSettings, wrong: &Wrong<'_>, typed: Option<&Typed>, locale: Locale) -> AnyView {
    let typed = |name: &str| Typed::value(typed, "settings", name);
    let StoreSettings {
        capacity, order_limit, scans_per_code, code_seconds, customer_seconds, barista_seconds, wait_target_seconds, ..
    } = *settings;
    let number = |name, label, hint, value: Option<i64>, (least, most), required| {
        let now = value.map_or_else(String::new, |value| value.to_string());
        let said = if now.is_empty() { w::settings::empty(locale) } else { &now };
        let error = wrong.said(name, said, w::settings::range(locale, least, most), locale);
        let value = typed(name).unwrap_or_else(|| now.clone());
        field(&Number { name, label, hint, value, least, most, required }, error, locale)
    };
    let admission = [
        (Admission::Open, w::settings::admission_open(locale), w::settings::admission_open_hint(locale)),
        (Admission::Qr, w::settings::admission_qr(locale), w::settings::admission_qr_hint(locale)),
    ]
    .map(|(value, name, note)| {
        let chosen = typed("admission").and_then(|typed| typed.parse().ok()).unwrap_or(settings.admission) == value;
        view! {
            <label class="radio-card">
                <input type="radio" name="settings[admission]" value=value.as_str() checked=chosen/>
                <span class="radio-card__name">{name}</span><span class="radio-card__note">{note}</span>
            </label>
        }
    })
    .collect_view();
    let now = match settings.admission {
        Admission::Open => w::settings::admission_open(locale),
        Admission::Qr => w::settings::admission_qr(locale),
    };
    let unknown = wrong.said("admission", now, w::refusal("unknown_word", locale).to_owned(), locale);
    let unknown = unknown.map(|text| {
        view! { <p class="field-error" id="set-admission-error" role="alert">{icon("alert")}{text}</p> }
    });
    let (wrong, described) = (unknown.is_some().then_some("true"), unknown.is_some().then_some("set-admission-error"));
    view! {
        <form class="settings" method="post" action=paths::form::SETTINGS data-testid="settings">
            <input type="hidden" name="store" value=store.to_owned()/>
            {shown(settings).map(|(name, value)| view! { <input type="hidden" name=seen_of(name) value=value/> })}
            <section class="panel" aria-labelledby="orders-title">
                <h2 id="orders-title">{w::settings::orders(locale)}</h2>
                {number("capacity", w::settings::capacity(locale), w::settings::capacity_hint(locale), capacity, (1, 1000), false)}
                {number("order_limit", w::settings::order_limit(locale), w::settings::order_limit_hint(locale), order_limit, (1, 100), false)}
                {number("customer_seconds", w::settings::customer_seconds(locale), w::settings::customer_seconds_hint(locale), Some(customer_seconds), (30, 3600), true)}
                {number("barista_seconds", w::settings::barista_seconds(locale), w::settings::barista_seconds_hint(locale), Some(barista_seconds), (60, 14_400), true)}
            </section>
            <section class="panel" aria-labelledby="codes-title">
                <h2 id="codes-title">{w::settings::codes(locale)}</h2>
                <fieldset class="choice" aria-invalid=wrong aria-describedby=described>
                    <legend class="sr-only">{w::settings::admission(locale)}</legend>
                    <div class="choice__cards">{admission}</div>
                    {unknown}
                </fieldset>
                {number("scans_per_code", w::settings::scans_per_code(locale), w::settings::scans_per_code_hint(locale), Some(scans_per_code), (1, 1000), true)}
                {number("code_seconds", w::settings::code_seconds(locale), w::settings::code_seconds_hint(locale), Some(code_seconds), (30, 3600), true)}
                {number("wait_target_seconds", w::settings::wait_target(locale), w::settings::wait_target_hint(locale), wait_target_seconds, (60, 7200), false)}
            </section>
            <div class="row"><button class="button button--tall">{w::settings::save(locale)}</button></div>
        </form>
    }
    .into_any()
}

/// `error`: what is wrong with it.
fn field(number: &Number, error: Option<String>, locale: Locale) -> AnyView {
    let Number { name, label, hint, ref value, least, most, required } = *number;
    let id = format!("set-{name}");
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let wrong = error.is_some();
    let described = if wrong { format!("{error_id} {hint_id}") } else { hint_id.clone() };
    let error = error.map(|text| {
        view! { <p class="field-error" id=error_id role="alert">{icon("alert")}{text}</p> }
    });
    view! {
        <div class="field field--number">
            <label for=id.clone()>{label}</label>
            <input class="input" id=id name=format!("settings[{name}]") type="number" inputmode="numeric" step="1" min=least.to_string() max=most.to_string()
                value=value.clone() required=required aria-describedby=described aria-invalid=wrong.then_some("true")/>
            {error}
            <p class="field__hint" id=hint_id>{w::settings::range(locale, least, most)}" "{hint}</p>
        </div>
    }
    .into_any()
}
