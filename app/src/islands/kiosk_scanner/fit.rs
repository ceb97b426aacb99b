//! What is to be handed out, on a screen of any size: as many lines as there is room for, and how many more there are. What is said
//! goes again before anybody would push it.

use std::iter::successors;

use domain::Locale;
use leptos::{html, prelude::*};
use web_sys::Element;

use crate::{erase::Erase as _, words as w};

/// The lines of an order: of each how many, and of what.
pub fn lines(lines: Vec<(i64, String)>, locale: Locale) -> AnyView {
    let list = NodeRef::<html::Ul>::new();
    let fit = move || {
        // Another ticket may have come meanwhile.
        if let Some(list) = list.try_get_untracked().flatten() {
            fit(&list, locale);
        }
    };
    Effect::new(move |_| {
        if list.get().is_some() {
            request_animation_frame(fit);
            let resized = window_event_listener_untyped("resize", move |_| fit());
            on_cleanup(move || resized.remove());
        }
    });
    let lines = lines.into_iter().map(|(quantity, name)| view! { <li><span class="num">{quantity}" × "</span>{name}</li> }).collect_view();
    view! { <ul class="scanner__lines" node_ref=list>{lines}<li class="scanner__more" hidden=true></li></ul> }.erase()
}

/// Makes the lines smaller where they have no room, and counts the last ones where they have none even so. The first is always shown.
fn fit(list: &Element, locale: Locale) {
    let (Some(room), Some(more)) = (list.parent_element(), list.last_element_child()) else { return };
    let has_no_room = || room.scroll_height() > room.client_height();
    let lines: Vec<_> = successors(more.previous_element_sibling(), Element::previous_element_sibling).collect();
    for line in &lines {
        hide(line, false);
    }
    hide(&more, true);
    let _ = list.remove_attribute("data-size");
    if has_no_room() {
        let _ = list.set_attribute("data-size", "small");
    }
    let may_go = lines.len().saturating_sub(1);
    for (before, line) in lines.iter().take(may_go).enumerate() {
        if !has_no_room() {
            break;
        }
        hide(line, true);
        more.set_text_content(Some(&w::scanner::more(locale, before + 1)));
        hide(&more, false);
    }
}

fn hide(element: &Element, hidden: bool) {
    let _ = element.toggle_attribute_with_force("hidden", hidden);
}
