//! Somebody looks for what their bank says of a top-up before its answer is there.

use domain::Locale;
use leptos::{prelude::*, task::spawn_local};

use crate::{pieces::icon, tab, words as w};

/// Between two looks, in milliseconds; the page waits for the answer itself before it comes.
const PAUSE: i32 = 1000;

/// Says that the answer is on its way, in the words of `title`. `here`: the page that looks for it; `next`: the same, which is gone to
/// by itself, while there is hope that it comes soon.
#[island(lazy)]
pub fn BankAnswer(title: String, here: String, next: Option<String>, locale: Locale) -> impl IntoView {
    Effect::new(move |_| {
        if let Some(next) = next.clone() {
            spawn_local(async move {
                tab::pause(PAUSE).await;
                tab::replace(&next);
            });
        }
    });
    view! {
        <div class="notice" data-tone="wait" role="status" data-testid="bank-answer">
            {icon("clock")}
            <p class="notice__title">{title}</p>
            <a class="button button--quiet" href=here>{w::wallet::bank_look(locale)}</a>
        </div>
    }
    .into_any()
}
