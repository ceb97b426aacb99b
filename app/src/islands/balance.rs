//! What is in the wallet, as it changes: an order paid elsewhere, money that came back.

use domain::{Locale, Money, Timestamp, UserId, live::UserLive, topic::Topic};
use leptos::prelude::*;

use crate::{live, pieces};

/// The balance of the reader's own wallet. `now`: when the page read it.
#[island(lazy)]
pub fn Balance(user: UserId, balance: Money, now: Timestamp, locale: Locale) -> impl IntoView {
    let later = live::subscribe::<UserLive>(Topic::User(user), now.as_millis());
    let balance = Memo::new(move |_| later.get().and_then(|live| live.wallet.as_ref().map(|wallet| wallet.balance)).unwrap_or(balance));
    view! { <p class="balance" role="status" data-testid="balance">{move || pieces::price(balance.get(), locale)}</p> }.into_any()
}
