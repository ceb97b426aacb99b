//! A sound, a buzz, a notice: how a page calls somebody who looks elsewhere. Browsers let a page make sounds after its first
//! press only, and show notices where their user has agreed.

use std::cell::RefCell;

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::js;

thread_local! {
    static AUDIO: RefCell<Option<JsValue>> = const { RefCell::new(None) };
}

/// Seconds that a note sounds.
const NOTE: f64 = 0.55;
/// Seconds between the beginnings of two.
const STEP: f64 = 0.2;

/// Gets the bell ready: from a handler of a press, or it stays silent.
pub fn arm() {
    AUDIO.with_borrow_mut(|audio| {
        if audio.is_none() {
            *audio = js::make("AudioContext", &[]).ok();
        }
        if let Some(audio) = audio {
            // One that was made before the press waits for it.
            let _ = js::call(audio, "resume", &[]);
        }
    });
}

/// Plays these notes, in hertz, one after the other. Nothing sounds where nobody has [armed](arm) it.
pub fn ring(notes: &[f64]) {
    AUDIO.with_borrow(|audio| {
        let Some(audio) = audio else { return };
        let now = js::get(audio, "currentTime").as_f64().unwrap_or_default();
        for (n, note) in notes.iter().enumerate() {
            // A browser that cannot play one does not play the others either.
            let _ = play(audio, *note, now + STEP * n as f64);
        }
    });
}

fn play(audio: &JsValue, hertz: f64, at: f64) -> Result<(), JsValue> {
    let tone = js::call(audio, "createOscillator", &[])?;
    js::set(&js::get(&tone, "frequency"), "value", hertz);
    let loudness = js::call(audio, "createGain", &[])?;
    let gain = js::get(&loudness, "gain");
    js::call(&gain, "setValueAtTime", &[0.0001.into(), at.into()])?;
    js::call(&gain, "exponentialRampToValueAtTime", &[0.35.into(), (at + 0.03).into()])?;
    js::call(&gain, "exponentialRampToValueAtTime", &[0.0001.into(), (at + NOTE).into()])?;
    js::call(&tone, "connect", std::slice::from_ref(&loudness))?;
    js::call(&loudness, "connect", &[js::get(audio, "destination")])?;
    js::call(&tone, "start", &[at.into()])?;
    js::call(&tone, "stop", &[(at + NOTE).into()])?;
    Ok(())
}

/// Lets a phone buzz, where it can.
pub fn buzz() {
    let pattern: js_sys::Array = [200, 100, 200].into_iter().map(JsValue::from).collect();
    let _ = js::call(&js::global("navigator"), "vibrate", &[pattern.into()]);
}

/// Whether notices may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notices {
    /// Their user has agreed.
    Allowed,
    /// Nobody has asked yet.
    Unasked,
    /// Their user does not want them, or the browser has none.
    Refused,
}

/// Whether notices may be shown here.
pub fn notices() -> Notices {
    match js::get(&js::global("Notification"), "permission").as_string().as_deref() {
        Some("granted") => Notices::Allowed,
        Some("default") => Notices::Unasked,
        _ => Notices::Refused,
    }
}

/// Asks the browser's user for notices: from a handler of a press, or the browser says no by itself. Whether there will be any.
pub async fn ask() -> bool {
    if notices() == Notices::Unasked {
        // What was answered is read below.
        let _ = wait(js::call(&js::global("Notification"), "requestPermission", &[])).await;
    }
    can_notify().await
}

/// Whether a notice would be shown: its user has agreed, and there is somebody who shows it.
pub async fn can_notify() -> bool {
    notices() == Notices::Allowed && worker().await.is_some()
}

/// Shows a notice; one of the same `tag` replaces it, and who presses it comes to `page`. Where the browser shows none, the sound
/// has to do.
pub async fn notify(title: &str, text: &str, tag: &str, page: &str) {
    if notices() == Notices::Allowed
        && let Some(worker) = worker().await
    {
        let fields = [("body", text.into()), ("tag", tag.into()), ("icon", "/apple-touch-icon.png".into()), ("data", page.into())];
        let _ = wait(js::call(&worker, "showNotification", &[title.into(), js::object(&fields)])).await;
    }
}

/// Who shows notices: a worker of ours, because Android shows none that a page makes by itself. `None` where the browser has none,
/// as in some private windows and wherever the shop is not reached by https.
async fn worker() -> Option<JsValue> {
    let workers = js::get(&js::global("navigator"), "serviceWorker");
    let worker = wait(js::call(&workers, "register", &["/notices.js".into()])).await.ok()?;
    if !js::get(&worker, "showNotification").is_function() {
        return None;
    }
    // One that has just been made is at work a moment later.
    wait(Ok(js::get(&workers, "ready"))).await.ok()
}

async fn wait(promise: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(promise?.dyn_into::<js_sys::Promise>()?).await
}

/// What this tab remembers under a name, until it is closed.
pub fn remembered(name: &str) -> bool {
    js::call(&js::global("sessionStorage"), "getItem", &[name.into()]).is_ok_and(|value| value.is_string())
}

/// Lets this tab remember, or forget, a name. A browser that keeps nothing asks again after the next load.
pub fn remember(name: &str, kept: bool) {
    let storage = js::global("sessionStorage");
    let _ = if kept { js::call(&storage, "setItem", &[name.into(), "1".into()]) } else { js::call(&storage, "removeItem", &[name.into()]) };
}
