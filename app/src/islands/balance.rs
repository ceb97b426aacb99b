//! What is in the wallet, as it changes: an order paid elsewhere, money that came back.

use domain::{Locale, Money, UserId, live::UserLive, topic::Topic};
use leptos::prelude::*;

use crate::{live, pieces};

/// The balance of the reader's own wallet. What is retained is at least as new as the page, so any message is taken:
/// the topic counts events of the log, which the page does not know.
#[island(lazy)]
pub fn Balance(user: UserId, balance: Money, locale: Locale) -> impl IntoView {
    let later = live::subscribe::<UserLive>(Topic::User(user), 0);
    let balance = Memo::new(move |_| later.get().and_then(|live| live.wallet.as_ref().map(|wallet| wallet.balance)).unwrap_or(balance));
    view! { <p class="balance" role="status" data-testid="balance">{move || pieces::price(balance.get(), locale)}</p> }.into_any()
}
