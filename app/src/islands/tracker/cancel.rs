//! Calling an order off.

use domain::{
    Locale, OrderId,
    view::{OrderView, Problem},
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast as _;

use super::super::live_line::offline;
use crate::{erase::Erase as _, paths, pieces, tab, words as w};

/// A plain form without scripts. With them the page stays: it says what became of it, also where nothing can be sent.
/// The key stays the same until there is an answer: what was lost on its way, and pressed again, is the same wish.
pub(super) fn cancel(order: OrderId, key: RwSignal<String>, answered: RwSignal<Option<OrderView>>, locale: Locale) -> AnyView {
    let busy = tab::busy();
    let offline = offline();
    let failed = RwSignal::new(None::<&'static str>);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || offline.get_untracked() {
            return;
        }
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            let path = format!("/api/v1/orders/{order}");
            let wish = tab::Body::Wish { key: &key.get_untracked(), json: "{}" };
            let refused = match tab::ask(&format!("{path}/cancel"), wish).await {
                Err(tab::Unreachable) => Some(w::board::unreachable(locale)),
                Ok(reply) if reply.ok() => {
                    show(answered, &reply);
                    None
                }
                Ok(reply) => {
                    let problem = reply.json::<Problem>().ok();
                    let code = problem.as_ref().map_or("", |problem| &problem.code);
                    if reply.status < 500 && code != "request_in_progress" {
                        // It was answered: what is pressed next is another wish.
                        let _ = key.try_set(tab::new_key());
                    }
                    // What is refused is refused for what has become of the order meanwhile.
                    if let Ok(order) = tab::ask(&path, tab::Body::Nothing).await
                        && order.ok()
                    {
                        show(answered, &order);
                    }
                    Some(w::refusal(code, locale))
                }
            };
            // The button is gone where it worked.
            let _ = failed.try_set(refused);
            let _ = busy.try_set(false);
        });
    };
    let sentence = move || {
        let text = if offline.get() { Some(w::order::cancel_offline(locale)) } else { failed.get() };
        text.map(|text| view! { <p class="field-error" id="cancel-problem" role="status">{pieces::icon("alert")}{text}</p> })
    };
    view! {
        <form class="stack" method="post" action=paths::form::ORDER_CANCEL on:submit=submit>
            <input type="hidden" name="order" value=order.to_string()/>
            <input type="hidden" name="key" value=key.get_untracked()/>
            <button class="button button--danger" aria-busy=move || busy.get().to_string() aria-disabled=move || offline.get().then_some("true")
                aria-describedby=move || offline.get().then_some("cancel-problem") data-testid="cancel-order">
                {move || if busy.get() { w::order::cancelling(locale) } else { w::order::cancel(locale) }}
            </button>
            {sentence}
        </form>
    }
    .erase()
}

/// An answer as the page takes it, which may have been left meanwhile.
fn show(answered: RwSignal<Option<OrderView>>, reply: &tab::Reply) {
    let order = reply.json::<OrderView>().ok();
    if order.as_ref().is_some_and(|order| !order.cancellable) {
        focus_status();
    }
    let _ = answered.try_set(order);
}

/// The button that had the focus goes with what it did; what became of it is read next.
fn focus_status() {
    request_animation_frame(|| {
        let status = document().get_element_by_id("order-status").and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
        if let Some(status) = status {
            let _ = status.focus();
        }
    });
}
