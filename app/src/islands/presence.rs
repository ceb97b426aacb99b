//! Whether a kiosk's screens are there, on its store's settings page: each of them apart, for a scanner that lives says nothing of a
//! wall.

use std::{cell::RefCell, sync::Arc};

use domain::{
    KioskId, Locale, StoreId, Timestamp,
    kiosk::Screen,
    view::{KioskView, Page, TokenView},
};
use leptos::{prelude::*, task::spawn_local};

use crate::{erase::Erase as _, tab, words as w};

/// Between two looks, in milliseconds: as soon as somebody wonders whether a screen has come up, it is told.
const EVERY: i32 = 3_000;
/// A screen that was connected when this was told still is, as far as the page knows, for so long.
const KNOWN_SECONDS: i64 = 45;

/// A store's kiosks, as they were told last; `None`: nothing since the page was made.
type Kiosks = ArcRwSignal<Option<Arc<[KioskView]>>>;

thread_local! {
    /// One look serves all the kiosks of the page.
    static TOLD: RefCell<Option<Kiosks>> = const { RefCell::new(None) };
}

/// The kiosks of the page's store. Whoever asks first begins to look.
fn told(store: &str) -> Kiosks {
    if let Some(told) = TOLD.with_borrow(Clone::clone) {
        return told;
    }
    let told = Kiosks::new(None);
    TOLD.set(Some(told.clone()));
    let (path, news) = (format!("/api/v1/staff/stores/{store}/kiosks"), told.clone());
    spawn_local(async move {
        loop {
            tab::pause(EVERY).await;
            if document().visibility_state() != web_sys::VisibilityState::Visible {
                continue;
            }
            // What cannot be asked for now grows older on the page, as it does in truth.
            let reply = tab::ask(&path, tab::Body::Nothing).await;
            if let Ok(page) = reply.and_then(|reply| reply.json::<Page<KioskView>>()) {
                news.set(Some(page.items.into()));
            }
        }
    });
    told
}

/// What a screen is called: by what it shows, or by its browser's name where it has shown nothing yet.
pub fn screen_name(device: &TokenView, locale: Locale) -> String {
    match device.screen {
        Some(Screen::Wall) => w::people::screen_wall(locale).to_owned(),
        Some(Screen::Scanner) => w::people::screen_scanner(locale).to_owned(),
        None => device.name.clone(),
    }
}

/// Whether it is connected, and if not, since when: its tone and words.
fn standing(connected: bool, seen: Option<Timestamp>, now: Timestamp, locale: Locale) -> (&'static str, String) {
    match seen.map(|seen| now.seconds_since(seen)) {
        Some(seconds) if connected && seconds <= KNOWN_SECONDS => ("go", w::people::screen_on(locale).to_owned()),
        Some(seconds @ ..7_200) => ("stop", w::people::screen_minutes(locale, (seconds / 60).max(1))),
        Some(seconds @ ..172_800) => ("stop", w::people::screen_hours(locale, seconds / 3_600)),
        Some(seconds) => ("stop", w::people::screen_days(locale, seconds / 86_400)),
        None => ("wait", w::people::screen_never(locale).to_owned()),
    }
}

/// The screens of a kiosk, live; nothing where none is paired. `now`: when the page was made.
#[island(lazy)]
pub fn ScreenPresence(store: StoreId, kiosk: KioskId, devices: Vec<TokenView>, now: Timestamp, locale: Locale) -> impl IntoView {
    let now = tab::ticking(now);
    let devices = RwSignal::new(devices);
    Effect::new(move |_| {
        let (told, kiosk) = (told(store.as_str()), kiosk.clone());
        Effect::new(move |_| {
            let kiosks = told.get();
            let found = kiosks.as_deref().and_then(|kiosks| kiosks.iter().find(|found| found.id == kiosk));
            if let Some(found) = found.filter(|found| devices.with_untracked(|devices| found.devices != *devices)) {
                devices.set(found.devices.clone());
            }
        });
    });
    let pill = move |device: TokenView| {
        let name = screen_name(&device, locale);
        let standing = Memo::new(move |_| standing(device.connected, device.seen_at, now.get(), locale));
        view! {
            <span class="pill" data-tone=move || standing.get().0 data-testid="screen-presence">{name}" · "{move || standing.get().1}</span>
        }
    };
    view! { <span class="row presence">{move || devices.get().into_iter().map(pill).collect_view()}</span> }.erase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_away_for_as_long_as_nobody_has_seen_it() {
        let at = |seconds: i64| Timestamp::from_millis(1_000_000_000_000 + seconds * 1000);
        let said = |connected: bool, seen: i64, now: i64| standing(connected, Some(at(seen)), at(now), Locale::En);
        let on = [said(true, 0, 45), said(true, 0, 0), said(true, 5, 0)];
        assert_eq!(on.map(|(tone, _)| tone), ["go"; 3], "also where clocks differ a little");
        assert_eq!([said(false, 0, 1), said(false, 5, 0), said(true, 0, 46)].map(|(tone, _)| tone), ["stop"; 3]);
        let away = [46, 119, 120, 7_199, 7_200, 172_799, 172_800].map(|now| said(false, 0, now).1);
        let expected = [("minute", 1), ("minute", 1), ("minutes", 2), ("minutes", 119), ("hours", 2), ("hours", 47), ("days", 2)];
        for (text, (unit, count)) in away.iter().zip(expected) {
            assert!(text.contains(&format!("{count} {unit}")), "{text}: {count} {unit}");
        }
        assert_eq!(standing(false, None, at(0), Locale::En).0, "wait");
    }
}
