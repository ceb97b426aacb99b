//! Somebody looks for what their bank says of a top-up before its answer is there.

use domain::{
    Locale, Money, TopUpId,
    view::{TopUpStatus, TopUpView},
};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    erase::Erase as _,
    paths,
    pieces::icon,
    tab::{self, rest},
    words as w,
};

/// Between two looks, in milliseconds; the shop waits for the answer itself before it says that there is none. A bank that does not answer
/// for long is asked for less and less.
const PAUSE: i32 = 1000;
const LONGEST_PAUSE: i32 = 5000;

/// Says that the answer to a top-up is on its way, and looks for it. Once it is there, the page is loaded anew to show what came of it; while
/// somebody is at work on this one, that the answer is there is said in this place, and the page stays until they are not. `asked`: the page
/// shows that the bank asks its shopper to confirm it, which is no news then, and nothing else is said before there is some.
#[island(lazy)]
pub fn BankAnswer(top_up: TopUpId, amount: Money, asked: bool, locale: Locale) -> impl IntoView {
    // To a place in the page that is shown, the browser would only scroll.
    let here = format!("{}?top_up={top_up}", paths::ACCOUNT);
    let answered = RwSignal::new(false);
    Effect::new({
        let here = here.clone();
        move |_| {
            let here = here.clone();
            spawn_local(async move {
                let mut pause = PAUSE;
                tab::pause(pause).await;
                while !has_answered(top_up, asked).await {
                    // The page may be gone.
                    if answered.try_get_untracked().is_none() {
                        return;
                    }
                    pause = pause.saturating_add(PAUSE).min(LONGEST_PAUSE);
                    tab::pause(pause).await;
                }
                if !rest::is_at_rest() {
                    let _ = answered.try_set(true);
                    rest::at_rest().await;
                }
                if answered.try_get_untracked().is_some() {
                    tab::replace(&here);
                }
            });
        }
    });
    let title = move || {
        let amount = amount.format(locale);
        if answered.get() { w::wallet::bank_answered(locale, amount) } else { w::wallet::bank_waits(locale, amount) }
    };
    let go = move || if answered.get() { w::wallet::bank_see(locale) } else { w::wallet::bank_look(locale) };
    let notice = move || {
        let here = here.clone();
        (!asked || answered.get()).then(|| {
            view! {
                <div class="notice" data-tone="wait" role="status" data-testid="bank-answer">
                    {icon("clock")}
                    <p class="notice__title">{title}</p>
                    <a class="button button--quiet" href=here>{go}</a>
                </div>
            }
        })
    };
    view! { {notice} }.erase()
}

/// Whether there is something to be shown of it, if only that its shopper has signed out meanwhile. A shop that is not reached is asked
/// again.
async fn has_answered(top_up: TopUpId, asked: bool) -> bool {
    match tab::ask(&format!("/api/v1/wallet/top-ups/{top_up}"), tab::Body::Nothing).await {
        Ok(reply) if matches!(reply.status, 401 | 404) => true,
        Ok(reply) => reply.json::<TopUpView>().is_ok_and(|view| is_news(view.status, asked)),
        Err(tab::Unreachable) => false,
    }
}

fn is_news(status: TopUpStatus, asked: bool) -> bool {
    match status {
        TopUpStatus::Pending => false,
        TopUpStatus::ActionRequired => !asked,
        TopUpStatus::Captured | TopUpStatus::Refused => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bank_that_asks_for_a_confirmation_has_answered_once() {
        assert!(is_news(TopUpStatus::ActionRequired, false) && !is_news(TopUpStatus::ActionRequired, true));
        for asked in [false, true] {
            assert!(!is_news(TopUpStatus::Pending, asked));
            assert!(is_news(TopUpStatus::Captured, asked) && is_news(TopUpStatus::Refused, asked));
        }
    }
}
