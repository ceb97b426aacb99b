//! The buttons of a row.

use domain::Locale;
use leptos::prelude::*;

use crate::words as w;

/// A button of a row, with the row's name for who does not see the row.
pub(super) fn press(act: &'static str, class: &'static str, word: &'static str, name: &str, locale: Locale) -> AnyView {
    let name = format!("{}{name}", w::menu::colon(locale));
    view! { <button class=class name="act" value=act>{word}<span class="sr-only">{name}</span></button> }.into_any()
}

/// A button that takes something away: the first press asks, the second does it. `field` and `value` are what it sends.
pub(super) struct Sure<'a> {
    pub word: &'static str,
    pub question: String,
    pub yes: &'static str,
    pub field: &'static str,
    pub value: String,
    /// The row's name, for who does not see the row.
    pub name: &'a str,
}

pub(super) fn sure(Sure { word, question, yes, field, value, name }: Sure<'_>, locale: Locale) -> AnyView {
    let name = format!("{}{name}", w::menu::colon(locale));
    view! {
        <details class="sure" data-testid="sure">
            <summary class="button button--danger">
                <span class="sure__ask">{word}</span><span class="sure__keep">{w::people::cancel(locale)}</span><span class="sr-only">{name.clone()}</span>
            </summary>
            <div class="sure__box">
                <p>{question}</p>
                <button class="button button--stop" name=field value=value>{yes}<span class="sr-only">{name}</span></button>
            </div>
        </details>
    }
    .into_any()
}
