//! What pays.

use domain::{Locale, Money, StoreId};
use leptos::{prelude::*, task::spawn_local};
use serde::Deserialize;
use wasm_bindgen::JsCast as _;

use super::{super::balance::live_balance, Cart, refused::INSUFFICIENT_FUNDS, typed::FORM};
use crate::{
    erase::Erase as _,
    paths, pieces, tab,
    wire::{CARDS, WALLET, Wallet},
    words as w,
};

/// How many of the cards are seen at once; the others are folded away.
const SEEN: usize = 2;

/// What can pay: the wallet of who is signed in, and the cards of the built-in test provider. `chosen`: what was, before the form was
/// refused.
pub(super) fn payment(wallet: Option<Wallet>, chosen: Option<String>, store: &StoreId, total: Memo<Option<Money>>, cart: Cart) -> AnyView {
    let locale = cart.locale;
    let enough = wallet.is_some_and(|Wallet { balance, .. }| {
        total.get_untracked().is_some_and(|total| total.currency == balance.currency && balance.amount >= total.amount)
    });
    let first = if enough { WALLET } else { CARDS[0] };
    // Who wanted to pay from a wallet that is too short chooses again: no card is taken for it that they have not chosen.
    let chosen = chosen.map_or_else(|| first.to_owned(), |chosen| if chosen == WALLET && !enough { String::new() } else { chosen });
    let words = [
        (w::checkout::card_ok(locale), w::checkout::card_ok_note(locale)),
        (w::checkout::card_declined(locale), w::checkout::card_declined_note(locale)),
        (w::checkout::card_slow(locale), w::checkout::card_slow_note(locale)),
        (w::checkout::card_later(locale), w::checkout::card_later_note(locale)),
        (w::checkout::card_3ds(locale), w::checkout::card_3ds_note(locale)),
        (w::checkout::card_timeout(locale), w::checkout::card_timeout_note(locale)),
    ];
    let card = |(token, (name, note)): (&'static str, (&'static str, &'static str))| {
        view! {
            <label class="radio-card">
                <input form=FORM type="radio" name="payment" value=token checked=token == chosen.as_str()/>
                <span class="radio-card__name">{name}</span><span class="radio-card__note">{note}</span>
            </label>
        }
    };
    let seen = CARDS.into_iter().zip(words).take(SEEN).map(card).collect_view();
    let folded = CARDS.into_iter().zip(words).skip(SEEN).map(card).collect_view();
    // What is chosen is seen.
    let unfolded = CARDS[SEEN..].contains(&&*chosen);
    let own = if let Some(wallet) = wallet {
        from_wallet(live_balance(wallet.user, wallet.balance, asked_when_short(cart)), chosen == WALLET, total, locale)
    } else {
        let page = paths::sign_in(&paths::checkout(store));
        let link = view! {
            <p><a class="button button--plain" href=page data-testid="wallet-sign-in">{pieces::icon("person")}{w::checkout::wallet_sign_in(locale)}</a></p>
        };
        link.erase()
    };
    view! {
        <section class="panel" aria-labelledby="pay-title">
            <h2 id="pay-title">{w::checkout::payment(locale)}</h2>
            <fieldset class="choice">
                <legend class="sr-only">{w::checkout::pay_with(locale)}</legend>
                <div class="choice__cards choice__cards--rows">{own}{seen}</div>
                <details class="fold" open=unfolded>
                    <summary>{w::checkout::more_cards(locale)}</summary>
                    <div class="choice__cards choice__cards--rows">{folded}</div>
                </details>
            </fieldset>
        </section>
    }
    .erase()
}

/// The wallet as a choice: what is left of it afterwards, or how much is missing. The server has the last word.
fn from_wallet(balance: Memo<Money>, chosen: bool, total: Memo<Option<Money>>, locale: Locale) -> AnyView {
    let left = move || total.get().and_then(|total| balance.get().checked_sub(total).ok());
    let short = Memo::new(move |_| left().is_none_or(|left| left.amount < 0));
    let note = move || match left() {
        Some(left) if left.amount < 0 => w::checkout::wallet_short(locale, Money::new(-left.amount, left.currency).format(locale)),
        Some(left) => w::checkout::wallet_after(locale, left.format(locale)),
        None => String::new(),
    };
    let radio = NodeRef::<leptos::html::Input>::new();
    let given_up = StoredValue::new(false);
    // What is too short and stays chosen would be the one stop of all for who works by keyboard, and none, for it cannot be had.
    Effect::new(move |_| {
        let Some(radio) = radio.get() else { return };
        if short.get() {
            if radio.checked() {
                given_up.set_value(true);
                let had_focus = document().active_element().is_some_and(|active| active.is_same_node(Some(&radio)));
                radio.set_checked(false);
                if had_focus {
                    request_animation_frame(|| {
                        if let Some(next) = found("input[name=payment]:not(:disabled)") {
                            let _ = next.focus();
                        }
                    });
                }
            }
        } else if given_up.get_value() && found("input[name=payment]:checked").is_none() {
            radio.set_checked(true);
        }
    });
    let top_up = move || {
        short.get().then(
            || view! { <a class="button button--quiet" href=format!("{}#wallet", paths::ACCOUNT)>{w::checkout::wallet_top_up(locale)}</a> },
        )
    };
    view! {
        <div class="choice__with">
            <label class="radio-card" data-testid="wallet-choice">
                <input node_ref=radio form=FORM type="radio" name="payment" value=WALLET checked=chosen disabled=move || short.get()/>
                <span class="radio-card__name"><span>{w::checkout::wallet(locale)}" · "{move || pieces::price(balance.get(), locale)}</span></span>
                <span class="radio-card__note" aria-live="polite">{note}</span>
            </label>
            {top_up}
        </div>
    }
    .erase()
}

/// As much of the answer of `GET /wallet` as is asked for: what reads all of it would be in everybody's download.
#[derive(Deserialize)]
struct Now {
    balance: Money,
}

/// What is in the wallet after an order was refused for want of it: the page would go on saying otherwise, where its live connection
/// is dead.
fn asked_when_short(cart: Cart) -> RwSignal<Option<Money>> {
    let asked = RwSignal::new(None);
    Effect::new(move |_| {
        if !cart.is_refused_for(&[INSUFFICIENT_FUNDS]) {
            return;
        }
        spawn_local(async move {
            // Who is not answered has read why, and presses again.
            if let Ok(reply) = tab::ask("/api/v1/wallet?limit=1", tab::Body::Nothing).await
                && let Ok(wallet) = reply.json::<Now>()
            {
                // The page may be gone.
                let _ = asked.try_set(Some(wallet.balance));
            }
        });
    });
    asked
}

fn found(selector: &str) -> Option<web_sys::HtmlElement> {
    document().query_selector(selector).ok().flatten()?.dyn_into().ok()
}
