//! What moved in the wallet, as it moves.

use std::collections::HashMap;

use domain::{
    Locale, TransferId, UserId,
    live::UserLive,
    topic::Topic,
    view::{Page, WalletEntry, WalletView},
};
use leptos::{prelude::*, task::spawn_local};

use super::live_line::alive;
use crate::{erase::Erase as _, live, paths, pieces::decimal, tab, words as w};

/// Movements on a page.
pub const ENTRIES: i64 = 8;

/// The movements of the reader's own wallet, the newest first. `moments`: when each of them was, for who has no scripts, and until the
/// page is alive. `newest`: they are the last that there are, and not older ones that were asked for: what is told of the wallet is added.
#[island(lazy)]
pub fn Entries(user: UserId, page: Page<WalletEntry>, moments: Vec<String>, newest: bool, locale: Locale) -> impl IntoView {
    let moments: HashMap<TransferId, String> = page.items.iter().map(|entry| entry.id).zip(moments).collect();
    let moments = StoredValue::new(moments);
    let (shown, show) = signal(page);
    let alive = alive();
    if newest {
        let told = live::subscribe::<UserLive>(Topic::User(user), 0);
        let asked = StoredValue::new(0_u32);
        // The balance alone does not tell: an order that was paid and refunded leaves it as it was.
        Effect::new(move |_| {
            if told.get().is_none() {
                return;
            }
            let this = asked.get_value().wrapping_add(1);
            asked.set_value(this);
            spawn_local(async move {
                let reply = tab::ask(&format!("/api/v1/wallet?limit={ENTRIES}"), tab::Body::Nothing).await;
                // The page may be gone, and a later question may have been answered first.
                if let Ok(wallet) = reply.and_then(|reply| reply.json::<WalletView>())
                    && asked.try_get_value() == Some(this)
                {
                    let _ = show.try_set(wallet.entries);
                }
            });
        });
    }
    let moment = move |entry: &WalletEntry| {
        let (id, at) = (entry.id, entry.at);
        move || {
            if alive.get() {
                tab::local_moment(at, locale)
            } else {
                moments.with_value(|moments| moments.get(&id).cloned().unwrap_or_default())
            }
        }
    };
    let row = move |entry: WalletEntry| {
        let what = w::wallet::by_name(entry.kind.as_str(), locale).unwrap_or_default();
        let what = match entry.order {
            Some(order) => view! { <a href=paths::order(order)>{what}</a> }.erase(),
            None => view! { <span>{what}</span> }.erase(),
        };
        let amount = entry.amount.format(locale);
        let amount = if entry.amount.amount > 0 { format!("+{amount}") } else { amount };
        view! {
            <li class="entry">
                <p class="entry__what">{what}<small><time datetime=entry.at.to_string()>{moment(&entry)}</time></small></p>
                <p class="entry__amount"><data value=decimal(entry.amount)>{amount}</data><small>{w::wallet::after(locale, entry.balance_after.format(locale))}</small></p>
            </li>
        }
    };
    let is_empty = Memo::new(move |_| shown.with(|page| page.items.is_empty()));
    let list = move || {
        if is_empty.get() {
            view! { <p class="soft">{w::wallet::none(locale)}</p> }.erase()
        } else {
            view! { <ul class="entries" data-testid="entries"><For each=move || shown.with(|page| page.items.clone()) key=|entry| entry.id children=row/></ul> }
                .erase()
        }
    };
    let next = Memo::new(move |_| shown.with(|page| page.next.clone()));
    let older = move || {
        next.get().map(|next| {
            view! { <div class="row"><a class="button button--quiet" href=format!("{}?before={next}#wallet", paths::ACCOUNT)>{w::wallet::older(locale)}</a></div> }
        })
    };
    view! { {list}{older} }.erase()
}
