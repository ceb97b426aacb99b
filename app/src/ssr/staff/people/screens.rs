//! A store's screens.

use domain::{Locale, StoreId, Timestamp, view::KioskView};
use leptos::prelude::*;

use super::{
    Part,
    buttons::{Sure, press, sure},
    tokens::token,
};
use crate::{islands::ScreenPresence, paths, words as w};

pub(super) fn screens(part: &Part<'_>, at: &StoreId, kiosks: &[KioskView], now: Timestamp) -> AnyView {
    let Part { store, locale, .. } = *part;
    let (fault, wrong, described) = part.fault("kiosk", Some("screen-hint"));
    let rows = kiosks.iter().map(|kiosk| screen(at, kiosk, now, locale)).collect_view();
    let list = if kiosks.is_empty() {
        view! { <p class="soft">{w::people::no_screens(locale)}</p> }.into_any()
    } else {
        view! { <ul class="stock-list" data-testid="screens">{rows}</ul> }.into_any()
    };
    view! {
        <section class="panel" id="screens" aria-labelledby="screens-title">
            <h2 id="screens-title">{w::people::screens(locale)}</h2>
            <p class="soft">{w::people::screens_lead(locale)}</p>
            {list}
            <details class="fold" id="add-screen" open=part.is_open()>
                <summary>{w::people::add_screen(locale)}</summary>
                <form class="stack" method="post" action=paths::form::KIOSK_ADD data-testid="add-screen">
                    <input type="hidden" name="store" value=store.to_owned()/>
                    <div class="field">
                        <label for="screen-id">{w::people::screen_id(locale)}</label>
                        <input class="input" id="screen-id" name="kiosk" required=true maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false"
                            value=part.value("kiosk") aria-describedby=described aria-invalid=wrong/>
                        {fault}
                        <p class="field__hint" id="screen-hint">{w::people::screen_id_hint(locale)}</p>
                    </div>
                    <div class="row"><button class="button button--tall">{w::people::add_screen_go(locale)}</button></div>
                </form>
            </details>
        </section>
    }
    .into_any()
}

fn screen(at: &StoreId, kiosk: &KioskView, now: Timestamp, locale: Locale) -> AnyView {
    let (store, id) = (at.as_str(), kiosk.id.to_string());
    let name = id.clone();
    let presence = view! { <ScreenPresence store=at.clone() kiosk=kiosk.id.clone() devices=kiosk.devices.clone() now locale/> };
    let state = match (kiosk.devices.len() as i64, kiosk.pairing_until) {
        (0, Some(_)) => w::people::pairing_open(locale).to_owned(),
        (0, None) => w::people::unpaired(locale).to_owned(),
        (count, _) => w::people::paired(locale, count),
    };
    let devices = kiosk.devices.iter().map(|device| token(store, device, None, locale)).collect_view();
    view! {
        <li class="count" data-testid="screen">
            <details>
                <summary class="count__head"><span class="stock-row__name">{id.clone()}<small>{state}</small></span>{presence}</summary>
                <div class="stack member">
                    <ul class="stock-list">{devices}</ul>
                    <form class="row" method="post" action=paths::form::KIOSK>
                        <input type="hidden" name="store" value=store.to_owned()/>
                        <input type="hidden" name="kiosk" value=id.clone()/>
                        {press("pair", "button button--quiet", w::people::pair(locale), &id, locale)}
                        <a class="button button--plain" href=paths::kiosk(&id)>{w::people::open_screen(locale)}<span class="sr-only">{w::menu::colon(locale)}{name}</span></a>
                        {sure(
                            Sure {
                                word: w::people::revoke_screen(locale),
                                question: w::people::revoke_screen_sure(locale, &id),
                                yes: w::people::revoke_screen_go(locale),
                                field: "act",
                                value: "revoke".to_owned(),
                                name: &id,
                            },
                            locale,
                        )}
                    </form>
                </div>
            </details>
        </li>
    }
    .into_any()
}
