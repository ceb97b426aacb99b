//! What was typed and chosen stays where somebody only changes the language of the page, or the page loads itself anew.

use leptos::{html::Form, prelude::*};
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlFormElement, HtmlInputElement, UrlSearchParams};

use crate::{
    paths,
    tab::{self, js},
};

/// The form that places the order.
pub(super) const FORM: &str = "place";
const KEY: &str = "orderly-checkout";
/// For the page that follows, and not for whoever sits down in front of this tab later.
const MILLIS: i64 = 10_000;

/// By this machine's clock.
fn now() -> i64 {
    js_sys::Date::now() as i64
}

/// What else the form has is the page's own: its key, what is held.
fn is_typed(name: &str) -> bool {
    name == "payment" || name.starts_with("address[")
}

/// Leaves what was typed and chosen for this store's checkout, which is about to be loaded in the place of this page.
pub(super) fn leave_behind(store: &str) {
    let Some(form) = document().get_element_by_id(FORM).and_then(|form| form.dyn_into().ok()) else { return };
    // A browser that keeps nothing shows an empty form.
    let (Ok(pairs), Ok(fields)) = (tab::pairs(&form), UrlSearchParams::new()) else { return };
    for (name, value) in pairs.into_iter().filter(|(name, _)| is_typed(name)) {
        fields.append(&name, &value);
    }
    tab::leave_behind(KEY, &format!("{} {store} {}", now(), String::from(fields.to_string())));
}

/// Puts back what the page before has left, and leaves what is there when the language is changed.
pub(super) fn stays(form: NodeRef<Form>, store: String) {
    Effect::new(move |_| {
        let Some(form) = form.get() else { return };
        // When it was left, for which store, and what was typed, as the form would have sent it.
        let left = tab::left(KEY).unwrap_or_default();
        if let [at, of, fields] = left.splitn(3, ' ').collect::<Vec<_>>()[..]
            && of == store
            && at.parse().is_ok_and(|at: i64| now() - at < MILLIS)
            && let Ok(fields) = UrlSearchParams::new_with_str(fields)
        {
            put_back(&form, &fields);
        }
        let store = store.clone();
        let leaving = window_event_listener_untyped("submit", move |event| {
            let sent = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
            if sent.and_then(|sent| sent.get_attribute("action")).as_deref() == Some(paths::form::LANGUAGE) {
                leave_behind(&store);
            }
        });
        on_cleanup(move || leaving.remove());
    });
}

/// Into fields that nobody has touched before this page was alive.
fn put_back(form: &HtmlFormElement, fields: &UrlSearchParams) {
    let elements = js_sys::try_iter(&js::get(form, "elements")).ok().flatten();
    let inputs = elements.into_iter().flatten().filter_map(|element| element.ok()?.dyn_into::<HtmlInputElement>().ok());
    let inputs: Vec<_> = inputs.filter(|input| is_typed(&input.name())).collect();
    let chosen_anew = inputs.iter().any(|input| input.checked() != input.default_checked());
    for input in inputs {
        let value = fields.get(&input.name());
        if input.type_() != "radio" {
            if let Some(value) = value.filter(|_| input.value() == input.default_value()) {
                input.set_value(&value);
            }
        } else if !chosen_anew {
            // What was chosen, and can be; else nothing, for the first card would be taken by itself.
            let chosen = !input.disabled() && value.is_some_and(|value| value == input.value());
            input.set_checked(chosen);
            // What is chosen is seen.
            if let Some(fold) = input.closest("details").ok().flatten().filter(|_| chosen) {
                let _ = fold.set_attribute("open", "");
            }
        }
    }
}
