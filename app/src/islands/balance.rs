//! What is in the wallet, as it changes: an order paid elsewhere, money that came back.

use domain::{Locale, Money, UserId, live::UserLive, topic::Topic};
use leptos::prelude::*;

use crate::{live, pieces, tab};

/// The balance of the reader's own wallet. What is retained is at least as new as the page, so any message is taken:
/// the topic counts events of the log, which the page does not know. `waiting`: whether the page shows a top-up that waits for
/// its shopper's bank; once money has come, it shows what has become of it.
#[island(lazy)]
pub fn Balance(user: UserId, balance: Money, waiting: bool, locale: Locale) -> impl IntoView {
    let shown = balance;
    let later = live::subscribe::<UserLive>(Topic::User(user), 0);
    let balance = Memo::new(move |_| later.get().and_then(|live| live.wallet.as_ref().map(|wallet| wallet.balance)).unwrap_or(balance));
    Effect::new(move |_| {
        if waiting && balance.get().amount > shown.amount {
            tab::reload();
        }
    });
    view! { <p class="balance" role="status" data-testid="balance">{move || pieces::price(balance.get(), locale)}</p> }.into_any()
}
