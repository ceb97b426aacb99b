//! What is in the wallet, as it changes: an order paid elsewhere, money that came back.

use domain::{Locale, Money, UserId, live::UserLive, topic::Topic};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    erase::Erase as _,
    live, pieces,
    tab::{self, rest},
};

/// What is in somebody's own wallet, as it changes. What is retained is at least as new as the page, so any message is taken:
/// the topic counts events of the log, which the page does not know. `asked`: what the server has answered since the last message.
pub(super) fn live_balance(user: UserId, balance: Money, asked: RwSignal<Option<Money>>) -> Memo<Money> {
    let later = live::subscribe::<UserLive>(Topic::User(user), 0);
    Effect::new(move |_| {
        later.track();
        asked.set(None);
    });
    let told = move || later.get().and_then(|live| live.wallet.as_ref().map(|wallet| wallet.balance));
    Memo::new(move |_| asked.get().or_else(told).unwrap_or(balance))
}

/// The balance of the reader's own wallet. `waiting`: whether the page shows a top-up that waits for
/// its shopper at their bank; once money has come, and nobody is at work on the page, it shows what has become of it.
#[island(lazy)]
pub fn Balance(user: UserId, balance: Money, waiting: bool, locale: Locale) -> impl IntoView {
    let shown = balance;
    let balance = live_balance(user, balance, RwSignal::new(None));
    Effect::new(move |_| {
        if waiting && balance.get().amount > shown.amount {
            spawn_local(async move {
                rest::at_rest().await;
                // The page may be gone.
                if balance.try_get_untracked().is_some() {
                    tab::reload();
                }
            });
        }
    });
    view! { <p class="balance" role="status" data-testid="balance">{move || pieces::price(balance.get(), locale)}</p> }.erase()
}
