//! What only a browser has: its clock, its network, its randomness. Called from effects and handlers, which the server
//! never runs.

pub mod awake;
pub mod bell;
pub mod eye;
pub mod js;

use std::time::Duration;

use domain::{Locale, Timestamp};
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Now, as the server would say: its `now` at the page's making, and the time that has gone by here since. A tablet whose
/// clock is wrong shows right ages all the same. Ticks every second.
pub fn ticking(server_now: Timestamp) -> ReadSignal<Timestamp> {
    let (now, set_now) = signal(server_now);
    Effect::new(move |_| {
        let started = js_sys::Date::now();
        let tick = move || {
            let _ = set_now.try_set(server_now.plus_millis((js_sys::Date::now() - started) as i64));
        };
        if let Ok(timer) = set_interval_with_handle(tick, Duration::from_secs(1)) {
            on_cleanup(move || timer.clear());
        }
    });
    now
}

/// Hours and minutes in this machine's time zone, as its user writes them where the page has their language.
pub fn local_time(at: Timestamp, locale: Locale) -> String {
    local(at, locale, &[])
}

/// With seconds, too.
pub fn local_second(at: Timestamp, locale: Locale) -> String {
    local(at, locale, &[("second", "2-digit")])
}

/// With the day before it.
pub fn local_moment(at: Timestamp, locale: Locale) -> String {
    local(at, locale, &[("month", "short"), ("day", "numeric")])
}

fn local(at: Timestamp, locale: Locale, more: &[(&str, &str)]) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(at.as_millis() as f64));
    let language = window().navigator().language().filter(|tag| tag.get(..2) == locale.tag().get(..2));
    let options = js_sys::Object::new();
    // Chinese clocks write both digits of an hour.
    let hour = if locale == Locale::En { "numeric" } else { "2-digit" };
    for (name, value) in more.iter().chain(&[("hour", hour), ("minute", "2-digit")]) {
        // Setting a property of a plain object does not fail.
        let _ = js_sys::Reflect::set(&options, &(*name).into(), &(*value).into());
    }
    date.to_locale_string(language.as_deref().unwrap_or(locale.tag()), &options).into()
}

/// Minutes that this machine's clocks were east of UTC then.
pub fn offset_minutes(at: Timestamp) -> i32 {
    -js_sys::Date::new(&JsValue::from_f64(at.as_millis() as f64)).get_timezone_offset() as i32
}

/// A button's work: from the press until the answer or, where the page is left, until somebody comes back to it.
pub fn busy() -> RwSignal<bool> {
    let busy = RwSignal::new(false);
    Effect::new(move |_| {
        let listener = window_event_listener_untyped("pageshow", move |_| {
            let _ = busy.try_set(false);
        });
        on_cleanup(move || listener.remove());
    });
    busy
}

/// Waits.
pub async fn pause(millis: i32) {
    let wake = js_sys::Promise::new(&mut |resolve, _| {
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, millis);
    });
    let _ = JsFuture::from(wake).await;
}

/// What this browser keeps of its own for the next time; `None`: nothing, or it keeps nothing.
pub fn kept(key: &str) -> Option<String> {
    js::call(&js::global("localStorage"), "getItem", &[key.into()]).ok()?.as_string()
}

/// Keeps something, or forgets it. A browser that keeps nothing asks again the next time.
pub fn keep(key: &str, value: Option<&str>) {
    let storage = js::global("localStorage");
    let _ = match value {
        Some(value) => js::call(&storage, "setItem", &[key.into(), value.into()]),
        None => js::call(&storage, "removeItem", &[key.into()]),
    };
}

/// Goes to another page, or to this one anew.
pub fn go(page: &str) {
    let _ = window().location().assign(page);
}

/// Goes to another page, in the place of this one: the way back leads past it.
pub fn replace(page: &str) {
    let _ = window().location().replace(page);
}

/// This page anew, where it stands.
pub fn reload() {
    let _ = window().location().reload();
}

/// A fresh key for a request that must happen once.
pub fn new_key() -> String {
    let mut bytes = [0_u8; 16];
    let filled = window().crypto().is_ok_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok());
    if !filled {
        return format!("{}-{}", js_sys::Date::now(), js_sys::Math::random());
    }
    bytes.iter().fold(String::new(), |mut key, byte| {
        key.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        key.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        key
    })
}

/// The server could not be reached, or what it said was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable;

impl From<JsValue> for Unreachable {
    fn from(_: JsValue) -> Self {
        Self
    }
}

/// An answer: status and body.
pub struct Reply {
    pub status: u16,
    body: String,
}

impl Reply {
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Unreachable> {
        serde_json::from_str(&self.body).map_err(|_| Unreachable)
    }
}

/// What is sent along.
pub enum Body<'a> {
    Nothing,
    /// A form, as the browser itself would send it.
    Form(&'a str),
    /// JSON, under a fresh key: what is sent is one wish, and the same sent again another.
    Keyed(&'a str),
    /// The same from a page that is being left: it is sent all the same.
    Parting(&'a str),
    /// JSON, under the key of a wish that is sent until it is answered.
    Wish {
        key: &'a str,
        json: &'a str,
    },
}

/// Asks the server. `body` decides the method: GET without, POST with.
pub async fn ask(url: &str, body: Body<'_>) -> Result<Reply, Unreachable> {
    let init = web_sys::RequestInit::new();
    if matches!(body, Body::Parting(_)) {
        js::set(&init, "keepalive", true);
    }
    let headers = web_sys::Headers::new()?;
    headers.set("accept", "application/json")?;
    // The API answers in this language; the page's may have been chosen by hand.
    if let Some(language) = document().document_element().and_then(|html| html.get_attribute("lang")) {
        headers.set("accept-language", &language)?;
    }
    let (kind, text) = match body {
        Body::Nothing => (None, None),
        Body::Form(text) => (Some("application/x-www-form-urlencoded"), Some(text)),
        Body::Keyed(text) | Body::Parting(text) => {
            headers.set("idempotency-key", &new_key())?;
            (Some("application/json"), Some(text))
        }
        Body::Wish { key, json } => {
            headers.set("idempotency-key", key)?;
            (Some("application/json"), Some(json))
        }
    };
    if let (Some(kind), Some(text)) = (kind, text) {
        headers.set("content-type", kind)?;
        init.set_method("POST");
        init.set_body(&JsValue::from_str(text));
    }
    init.set_headers(&headers);
    let request = web_sys::Request::new_with_str_and_init(url, &init)?;
    let response: web_sys::Response = JsFuture::from(window().fetch_with_request(&request)).await?.dyn_into()?;
    let body = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    Ok(Reply { status: response.status(), body })
}

/// A form's fields, by name and value, as they are now.
pub fn pairs(form: &web_sys::HtmlFormElement) -> Result<Vec<(String, String)>, Unreachable> {
    let data = web_sys::FormData::new_with_form(form)?;
    let mut pairs = Vec::new();
    // `FormData` gives pairs of strings: there is no file in our forms.
    for pair in js_sys::try_iter(&data)?.into_iter().flatten() {
        let pair: js_sys::Array = pair?.dyn_into()?;
        pairs.extend(pair.get(0).as_string().zip(pair.get(1).as_string()));
    }
    Ok(pairs)
}

/// A form's fields as the browser would send them.
pub fn fields(form: &web_sys::HtmlFormElement) -> Result<String, Unreachable> {
    let query = web_sys::UrlSearchParams::new()?;
    for (name, value) in pairs(form)? {
        query.append(&name, &value);
    }
    Ok(String::from(query.to_string()))
}
