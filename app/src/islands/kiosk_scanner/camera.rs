//! The scanner's camera. Where its browser's user has allowed it, it opens by itself, so that a scanner that was loaded again, or
//! comes back after the power was away, needs nobody; one that is unplugged is waited for.

use domain::Locale;
use leptos::{html, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast as _;

use super::{Desk, written};
use crate::{
    erase::Erase as _,
    islands::live_line::alive,
    pieces,
    tab::{self, bell, eye},
    words as w,
};

/// The camera looks this often, in milliseconds.
const LOOK: i32 = 150;
/// And is looked for this often, while there is none.
const AGAIN: i32 = 3_000;

/// How the camera is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It waits for a press, as browsers want it the first time.
    Shut,
    Opening,
    Sees,
    /// There is none now, or not any more: it is looked for.
    Away {
        seen: bool,
    },
    /// The browser's user does not want it.
    Refused,
}

impl State {
    const fn says(self, locale: Locale) -> Option<&'static str> {
        match self {
            Self::Away { seen: true } => Some(w::scanner::camera_lost(locale)),
            Self::Away { seen: false } => Some(w::scanner::camera_none(locale)),
            Self::Refused => Some(w::scanner::camera_refused(locale)),
            Self::Shut | Self::Opening | Self::Sees => None,
        }
    }
}

/// What the camera sees, and the button that opens it.
pub fn camera(desk: Desk) -> AnyView {
    let locale = desk.locale;
    let alive = alive();
    let video = NodeRef::<html::Video>::new();
    let state = RwSignal::new(State::Shut);
    let open = move || {
        if matches!(state.get_untracked(), State::Shut | State::Refused)
            && let Some(video) = video.get_untracked()
        {
            state.set(State::Opening);
            spawn_local(keep_open(video.unchecked_into(), desk, state));
        }
    };
    Effect::new(move |_| {
        if video.get().is_some() {
            spawn_local(async move {
                if eye::allowed().await {
                    open();
                }
            });
        }
    });
    let press = move |_| {
        bell::arm();
        open();
    };
    let sentence = move || {
        let text = state.get().says(locale)?;
        Some(view! { <p class="field-error" role="status" data-testid="camera-problem">{pieces::icon("alert")}{text}</p> })
    };
    let shut = move || matches!(state.get(), State::Shut | State::Refused);
    view! {
        <div class="scanner__camera" hidden=move || !alive.get()>
            <video class="scanner__video" node_ref=video muted=true playsinline="true" hidden=move || state.get() != State::Sees
                aria-label=w::scanner::camera_sees(locale) data-testid="camera"></video>
            <button class="button button--tall" type="button" hidden=move || !shut() on:click=press data-testid="open-camera">
                {pieces::icon("scan")}{w::scanner::camera_open(locale)}
            </button>
            {sentence}
        </div>
    }
    .erase()
}

/// Opens the camera and looks, and opens it again when it was gone, until the page is left or no scanner any more, or the browser's
/// user says no.
async fn keep_open(video: wasm_bindgen::JsValue, desk: Desk, state: RwSignal<State>) {
    let mut seen = false;
    loop {
        match eye::Eye::open(video.clone()).await {
            Ok(eye) => {
                seen = true;
                if state.try_set(State::Sees).is_some() {
                    return;
                }
                watch(&eye, desk).await;
            }
            Err(eye::Blind::Refused) => {
                let _ = state.try_set(State::Refused);
                return;
            }
            Err(eye::Blind::NoCamera) => {}
        }
        // A page that is left takes the signal with it, and one that is no scanner any more looks for nothing.
        if state.try_set(State::Away { seen }).is_some() || !desk.is_there() {
            return;
        }
        tab::pause(AGAIN).await;
    }
}

/// Looks until the camera is gone, or the page is left or no scanner any more.
async fn watch(eye: &eye::Eye, desk: Desk) {
    while desk.is_there() && eye.is_open() {
        if let Some(code) = eye.look().await {
            let ticket = written(&code);
            if desk.held.try_update_value(|held| held.sees(&ticket, tab::steady())) == Some(true) {
                desk.collect(ticket);
            }
        }
        tab::pause(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_not_there_is_said_so() {
        let says = [State::Away { seen: true }, State::Away { seen: false }, State::Refused].map(|state| state.says(Locale::En));
        assert!(says.iter().all(Option::is_some) && says[0] != says[1] && says[1] != says[2]);
        assert_eq!([State::Shut, State::Opening, State::Sees].map(|state| state.says(Locale::En)), [None; 3]);
    }
}
