//! Whether somebody else has changed a store's settings while they are being looked at.

use domain::{
    Locale,
    topic::Topic,
    view::{StoreSettings, StoreView},
};
use leptos::{prelude::*, task::spawn_local};

use crate::{live, paths, pieces::icon, tab, words as w};

/// Says so as soon as it is so. The store's status is told anew with every change of its settings, but names few of them, so
/// they are asked for then. What is being typed stays: saving the form writes all of it.
#[island(lazy)]
pub fn SettingsWatch(store: StoreView, settings: StoreSettings, locale: Locale) -> impl IntoView {
    let id = store.id.to_string();
    let page = paths::settings(&id);
    let later = live::subscribe::<StoreView>(Topic::Status(store.id), store.sequence);
    let (changed, set_changed) = signal(false);
    Effect::new(move |_| {
        if later.get().is_none() || changed.get_untracked() {
            return;
        }
        let (call, settings) = (format!("/api/v1/staff/stores/{id}/settings"), settings.clone());
        spawn_local(async move {
            let now = tab::ask(&call, tab::Body::Nothing).await.and_then(|reply| reply.json::<StoreSettings>());
            if now.is_ok_and(|now| now != settings) {
                // The page may be gone.
                let _ = set_changed.try_set(true);
            }
        });
    });
    let notice = move || {
        changed.get().then(|| {
            view! {
                <div class="notice" data-tone="wait" data-testid="settings-changed">
                    {icon("info")}
                    <p class="notice__title">{w::settings::changed_title(locale)}</p>
                    <p>{w::settings::changed_text(locale)}</p>
                    <a class="button button--quiet" href=page.clone()>{w::settings::changed_go(locale)}</a>
                </div>
            }
        })
    };
    view! { <div class="made" role="status">{notice}</div> }.into_any()
}
