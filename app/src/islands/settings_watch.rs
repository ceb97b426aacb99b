//! Whether somebody else has changed a store's settings, its people, screens or tokens while they are being looked at.

use domain::{
    Locale,
    topic::Topic,
    view::{KioskView, MemberView, Page, StoreSettings, StoreView, TokenView},
};
use leptos::{prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;

use crate::{live, paths, pieces::icon, tab, wire::people_mark, words as w};

/// Between two looks, in milliseconds: a busy store's status is told many times a second.
const PAUSE: i32 = 2000;

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Settings,
    People,
}

/// Says so as soon as it is so. The store's status is told anew with every change of these, but names few of them, so they are
/// asked for then. What is being typed stays: saving the form writes all of it. `mark`: [`people_mark`] of what is shown.
#[island(lazy)]
pub fn SettingsWatch(store: StoreView, settings: StoreSettings, mark: String, locale: Locale) -> impl IntoView {
    let id = store.id.to_string();
    let page = paths::settings(&id);
    let later = live::subscribe::<StoreView>(Topic::Status(store.id), store.sequence);
    let (changed, set_changed) = signal(None);
    // Told since the last look; and whether somebody looks.
    let (told, looking) = (StoredValue::new(false), StoredValue::new(false));
    Effect::new(move |_| {
        if later.get().is_none() || changed.get_untracked().is_some() {
            return;
        }
        told.set_value(true);
        if looking.get_value() {
            return;
        }
        looking.set_value(true);
        let (id, settings, mark) = (id.clone(), settings.clone(), mark.clone());
        spawn_local(async move {
            // The page may be gone meanwhile.
            while told.try_get_value() == Some(true) {
                told.set_value(false);
                if let Some(what) = look(&id, &settings, &mark).await {
                    let _ = set_changed.try_set(Some(what));
                    return;
                }
                tab::pause(PAUSE).await;
            }
            let _ = looking.try_set_value(false);
        });
    });
    let notice = move || {
        changed.get().map(|what| {
            let (title, text) = match what {
                Changed::Settings => (w::settings::changed_title(locale), w::settings::changed_text(locale)),
                Changed::People => (w::settings::people_changed_title(locale), w::settings::people_changed_text(locale)),
            };
            view! {
                <div class="notice" data-tone="wait" data-testid="settings-changed">
                    {icon("info")}
                    <p class="notice__title">{title}</p>
                    <p>{text}</p>
                    <a class="button button--quiet" href=page.clone()>{w::settings::changed_go(locale)}</a>
                </div>
            }
        })
    };
    view! { <div class="made" role="status">{notice}</div> }.into_any()
}

/// What is not any more as it is shown. What cannot be asked for now is asked for again when it is told again.
async fn look(store: &str, settings: &StoreSettings, mark: &str) -> Option<Changed> {
    if ask::<StoreSettings>(store, "settings").await.is_some_and(|now| now != *settings) {
        return Some(Changed::Settings);
    }
    let members = ask::<Page<MemberView>>(store, "members").await?;
    let kiosks = ask::<Page<KioskView>>(store, "kiosks").await?;
    let tokens = ask::<Page<TokenView>>(store, "tokens").await?;
    (people_mark(&members.items, &kiosks.items, &tokens.items) != mark).then_some(Changed::People)
}

async fn ask<T: DeserializeOwned>(store: &str, what: &str) -> Option<T> {
    let reply = tab::ask(&format!("/api/v1/staff/stores/{store}/{what}"), tab::Body::Nothing).await.ok()?;
    reply.json().ok()
}
