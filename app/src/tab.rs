//! What only a browser has: its clock, its network, its randomness. Called from effects and handlers, which the server
//! never runs.

pub mod awake;
pub mod bell;
mod clock;
pub mod eye;
pub mod js;
pub mod rest;

pub use self::clock::{steady, ticking};

use domain::{Locale, Timestamp};
use leptos::{prelude::*, task::spawn_local};
use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::wire::Refusal;

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
    brought_back(move || {
        let _ = busy.try_set(false);
    });
    busy
}

/// Does something whenever Back brings the page as it was left. When it is shown for the first time it may be alive, and at work, already.
pub fn brought_back(then: impl Fn() + Copy + 'static) {
    Effect::new(move |_| {
        let listener = window_event_listener_untyped("pageshow", move |event| {
            if event.dyn_ref::<web_sys::PageTransitionEvent>().is_some_and(web_sys::PageTransitionEvent::persisted) {
                then();
            }
        });
        on_cleanup(move || listener.remove());
    });
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

/// What the page before has left in this tab, once; `None`: nothing, or this browser keeps nothing.
pub fn left(key: &str) -> Option<String> {
    let storage = js::global("sessionStorage");
    let left = js::call(&storage, "getItem", &[key.into()]).ok()?.as_string()?;
    let _ = js::call(&storage, "removeItem", &[key.into()]);
    Some(left)
}

/// Leaves something in this tab for the page that follows.
pub fn leave_behind(key: &str, value: &str) {
    let _ = js::call(&js::global("sessionStorage"), "setItem", &[key.into(), value.into()]);
}

/// Until none of the page's forms is on its way any more that somebody sent before it was alive: the page that answers takes the place
/// of this one. The document's own script knows of them, and for how long they are waited for.
pub async fn forms_sent() {
    while let Ok(sent) = js::global("formsSent").dyn_into::<js_sys::Promise>() {
        // It says when, and nothing else.
        let _ = JsFuture::from(sent).await;
    }
}

/// Leaves the page, unless somebody's form does: its answer would be called off.
fn leave(by: impl FnOnce(&web_sys::Location) -> Result<(), JsValue> + 'static) {
    spawn_local(async move {
        forms_sent().await;
        let _ = by(&window().location());
    });
}

/// Goes to another page, or to this one anew.
pub fn go(page: &str) {
    let page = page.to_owned();
    leave(move |location| location.assign(&page));
}

/// Goes to another page, in the place of this one: the way back leads past it.
pub fn replace(page: &str) {
    let page = page.to_owned();
    leave(move |location| location.replace(&page));
}

/// This page anew, where it stands.
pub fn reload() {
    leave(web_sys::Location::reload);
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

/// What a problem is (RFC 9457, with our `code`). The rest of it would be ten kilobytes of code on every page of the storefront.
#[derive(Deserialize)]
struct Turned {
    code: String,
}

/// An answer: status and body.
pub struct Reply {
    pub status: u16,
    /// When it was made, by the server's clock, to the second.
    pub date: Option<Timestamp>,
    body: String,
}

impl Reply {
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Unreachable> {
        serde_json::from_str(&self.body).map_err(|_| Unreachable)
    }

    /// What a form of ours was answered. Who is turned away before the form was even read, for want of a session or for being too
    /// fast, is told so by a problem. A server that failed may have done it all the same: that is no answer.
    pub fn answer<T: DeserializeOwned + From<Refusal>>(&self) -> Result<T, Unreachable> {
        match self.status {
            400..500 => self.json().map(|Turned { code }| Refusal { code, faults: Vec::new() }.into()),
            _ => self.json(),
        }
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

/// Whoever has not answered within this, in milliseconds, is not there: over a connection that is half dead, what is sent is
/// swallowed without a word.
const ANSWERS_WITHIN: i32 = 10_000;

/// Asks the server, for ten seconds at most. `body` decides the method: GET without, POST with.
pub async fn ask(url: &str, body: Body<'_>) -> Result<Reply, Unreachable> {
    let init = web_sys::RequestInit::new();
    if matches!(body, Body::Parting(_)) {
        js::set(&init, "keepalive", true);
    }
    // A browser that is too old for it waits for as long as it likes.
    if let Ok(limit) = js::call(&js::global("AbortSignal"), "timeout", &[ANSWERS_WITHIN.into()]) {
        js::set(&init, "signal", limit);
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
    let date = response.headers().get("date")?.map(|date| js_sys::Date::parse(&date));
    let date = date.filter(|at| at.is_finite()).map(|at| Timestamp::from_millis(at as i64));
    let body = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    Ok(Reply { status: response.status(), date, body })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PlaceAnswer;

    #[test]
    fn who_is_turned_away_before_the_form_is_told_why() {
        let answer = |status: u16, body: &str| Reply { status, date: None, body: body.to_owned() }.answer::<PlaceAnswer>();
        let problem = r#"{"type":"about:blank","title":"","status":401,"detail":"","code":"session_required"}"#;
        let refused = |code: &str| Ok::<_, Unreachable>(PlaceAnswer::Refused(Refusal { code: code.to_owned(), faults: Vec::new() }));
        assert_eq!(answer(401, problem), refused("session_required"));
        assert_eq!(answer(200, r#"{"Refused":{"code":"no_lines","faults":[]}}"#), refused("no_lines"));
        assert_eq!(answer(200, r#"{"Placed":{"page":"/orders/1"}}"#), Ok(PlaceAnswer::Placed { page: "/orders/1".to_owned() }));
        for (status, body) in [(403, "a proxy's page"), (502, "a proxy's page"), (500, problem), (200, "")] {
            assert_eq!(answer(status, body), Err(Unreachable), "{status}: it may have been done");
        }
    }
}
