//! Whether somebody else has changed a store's settings, its people, screens or tokens while they are being looked at; or taken
//! the right to look at them.

use domain::{
    Locale,
    topic::Topic,
    view::{KioskView, MemberView, Page, StoreSettings, StoreView, TokenView},
};
use leptos::{prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;

use super::live_line::connection;
use crate::{
    erase::Erase as _,
    live::{self, Connection},
    paths,
    pieces::icon,
    tab,
    wire::people_mark,
    words as w,
};

/// Between two looks, in milliseconds: a busy store's status is told many times a second.
const PAUSE: i32 = 2000;

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Settings,
    People,
}

/// What came of a look.
enum Looked {
    /// It is as it is shown, or cannot be asked for now: it is asked for again when it is told again.
    Same,
    Changed(Changed),
    /// Whoever looks may not see it any more.
    Gone,
}

/// Says so as soon as it is so. The store's status is told anew with every change of these, but names few of them, so they are
/// asked for then; and whenever the page is connected, for it is cut off when its session ends. What is being typed stays: saving the form
/// writes what was changed in it. Who may no longer see the page is led to its door. `mark`: [`people_mark`] of what is shown.
#[island(lazy)]
pub fn SettingsWatch(store: StoreView, settings: StoreSettings, mark: String, locale: Locale) -> impl IntoView {
    let id = store.id.to_string();
    let page = paths::settings(&id);
    let later = live::subscribe::<StoreView>(Topic::Status(store.id), store.sequence);
    let (changed, set_changed) = signal(None);
    let seen = StoredValue::new((id, settings, mark));
    // Told since the last look; and whether somebody looks.
    let (told, looking) = (StoredValue::new(false), StoredValue::new(false));
    let look_again = move || {
        told.set_value(true);
        if looking.get_value() {
            return;
        }
        looking.set_value(true);
        let (id, settings, mark) = seen.get_value();
        spawn_local(async move {
            // The page may be gone meanwhile.
            while told.try_get_value() == Some(true) {
                told.set_value(false);
                let said = changed.try_get_untracked().flatten();
                match look(&id, &settings, &mark, said).await {
                    Looked::Gone => return tab::go(&paths::gone(&paths::settings(&id))),
                    Looked::Changed(what) if said != Some(what) => drop(set_changed.try_set(Some(what))),
                    Looked::Changed(_) | Looked::Same => {}
                }
                tab::pause(PAUSE).await;
            }
            let _ = looking.try_set_value(false);
        });
    };
    Effect::new(move |_| {
        if later.get().is_some() {
            look_again();
        }
    });
    let connection = connection();
    Effect::new(move |_| {
        if connection.get() == Connection::Live {
            look_again();
        }
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
    view! { <div class="made" role="status">{notice}</div> }.erase()
}

/// Looks whether it is as it is shown. What is `said` already is not asked for again, but that the settings have changed, which
/// whoever saves them has to know, is more than that the people have; and whether they may see it is asked in any case.
async fn look(store: &str, settings: &StoreSettings, mark: &str, said: Option<Changed>) -> Looked {
    match what_changed(store, settings, mark, said).await {
        Ok(what) => what.map_or(Looked::Same, Looked::Changed),
        Err(Unasked::Refused) => Looked::Gone,
        Err(Unasked::Away) => Looked::Same,
    }
}

async fn what_changed(store: &str, settings: &StoreSettings, mark: &str, said: Option<Changed>) -> Result<Option<Changed>, Unasked> {
    let now = ask::<StoreSettings>(store, "settings").await?;
    if now != *settings {
        return Ok(Some(Changed::Settings));
    }
    if said.is_some() {
        return Ok(None);
    }
    let members = ask::<Page<MemberView>>(store, "members").await?;
    let kiosks = ask::<Page<KioskView>>(store, "kiosks").await?;
    let tokens = ask::<Page<TokenView>>(store, "tokens").await?;
    Ok((people_mark(&members.items, &kiosks.items, &tokens.items) != mark).then_some(Changed::People))
}

/// Why there is no answer.
enum Unasked {
    Away,
    /// Not for whoever asks.
    Refused,
}

async fn ask<T: DeserializeOwned>(store: &str, what: &str) -> Result<T, Unasked> {
    let reply = tab::ask(&format!("/api/v1/staff/stores/{store}/{what}"), tab::Body::Nothing).await;
    let reply = reply.map_err(|_| Unasked::Away)?;
    match reply.status {
        401 | 403 => Err(Unasked::Refused),
        _ => reply.json().map_err(|_| Unasked::Away),
    }
}
