//! Whether somebody is at work on the page, which must not be taken from under their hands then.

use leptos::prelude::document;
use wasm_bindgen::JsValue;

use super::js;

/// Between two looks, in milliseconds.
const LOOK: i32 = 1000;

/// Whether nothing has the focus, and nothing was typed or chosen that would be lost with the page.
pub fn is_at_rest() -> bool {
    let focused = document().active_element().is_some_and(|element| !matches!(&*element.tag_name(), "BODY" | "HTML"));
    !focused && !is_touched()
}

/// Waits until that is so.
pub async fn at_rest() {
    while !is_at_rest() {
        super::pause(LOOK).await;
    }
}

/// Whether a field is not as the page brought it.
fn is_touched() -> bool {
    let Ok(fields) = js::call(&document(), "querySelectorAll", &["input:not([type=hidden]), textarea, select".into()]) else {
        return false;
    };
    js_sys::Array::from(&fields).iter().any(|field| {
        let differs = |is: &str, was: &str| js::get(&field, is) != js::get(&field, was);
        let options = js::get(&field, "options");
        if options.is_undefined() {
            return differs("value", "defaultValue") || differs("checked", "defaultChecked");
        }
        // Where the page chooses none, the first one is chosen.
        let brought = js_sys::Array::from(&options).iter().position(|option| js::get(&option, "defaultSelected").is_truthy());
        js::get(&field, "selectedIndex") != JsValue::from_f64(brought.unwrap_or_default() as f64)
    })
}
