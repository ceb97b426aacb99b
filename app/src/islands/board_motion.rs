//! What moves on the board is seen to move: from where a ticket stood to where it stands, in the time of the house's other
//! motions.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use domain::{OrderId, prep::FulfilmentStatus, view::QueueView};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::board_focus::Focus;
use crate::tab::js;

/// Tickets that are moved at once at most: of a whole rush nobody could follow one.
const MOST: usize = 40;

thread_local! {
    /// What slides, or has: one a ticket, until it slides again or is gone.
    static SLIDES: RefCell<BTreeMap<OrderId, JsValue>> = const { RefCell::new(BTreeMap::new()) };
}

/// How the board was before a change.
pub struct Scene {
    /// Where those stood that may move.
    places: Vec<Place>,
}

/// Where a ticket stands, from the left and the top of what is seen.
struct Place {
    order: OrderId,
    left: f64,
    top: f64,
    bottom: f64,
    /// Whether it goes to another lane.
    leaves: bool,
}

impl Scene {
    /// Looks at the lanes that `new` changes. Nothing is remembered where nobody looks, or wants no motion.
    pub fn before(old: &QueueView, new: &QueueView) -> Self {
        let lane = |queue: &QueueView| -> BTreeMap<OrderId, FulfilmentStatus> {
            queue.lanes.tickets().map(|ticket| (ticket.order, ticket.status)).collect()
        };
        let (was, is) = (lane(old), lane(new));
        let mut changed = BTreeSet::new();
        for order in was.keys().chain(is.keys()) {
            let (from, to) = (was.get(order), is.get(order));
            if from != to {
                changed.extend(from.into_iter().chain(to).map(|status| status.as_str()));
            }
        }
        SLIDES.with_borrow_mut(|slides| slides.retain(|order, _| is.contains_key(order)));
        let mut places = Vec::new();
        let height = if moves() { height() } else { 0.0 };
        for lane in [&old.lanes.queued, &old.lanes.making, &old.lanes.ready].into_iter().filter(|_| height > 0.0) {
            for ticket in lane.iter().filter(|ticket| changed.contains(ticket.status.as_str())) {
                let Some(place) = place(ticket.order, is.get(&ticket.order).is_some_and(|to| *to != ticket.status)) else { continue };
                // What stands below may come to be seen; a lane is drawn in its order, so the rest of it may not.
                if place.top > 2.0 * height || places.len() == MOST {
                    break;
                }
                if place.bottom > -height && is.contains_key(&ticket.order) {
                    places.push(place);
                }
            }
        }
        Self { places }
    }

    /// Moves what has moved, once it is drawn where it belongs now, and the focus with it. `focus`: where that was.
    pub fn play(self, focus: Option<Focus>) {
        request_animation_frame(move || {
            if let Some(focus) = focus {
                focus.keep();
            }
            if self.places.is_empty() {
                return;
            }
            let height = height();
            for place in &self.places {
                stop(place.order);
            }
            // All are measured before the first is moved.
            let moved: Vec<_> = self
                .places
                .iter()
                .filter_map(|was| {
                    let is = place(was.order, was.leaves)?;
                    let (x, y) = (was.left - is.left, was.top - is.top);
                    let goes = x.abs() + y.abs() >= 1.0 && (was.is_seen(height) || is.is_seen(height));
                    goes.then(|| (is, format!("translate({x}px, {y}px)")))
                })
                .collect();
            if moved.is_empty() {
                return;
            }
            // For a frame they stand where they stood: what is not drawn there before it slides counts as a shift of the layout.
            for (place, from) in &moved {
                stand(place, from);
            }
            request_animation_frame(move || {
                let duration = duration();
                for (place, from) in moved {
                    slide(place.order, from, duration);
                }
            });
        });
    }
}

impl Place {
    fn is_seen(&self, height: f64) -> bool {
        self.bottom > 0.0 && self.top < height
    }
}

fn element(order: OrderId) -> Option<web_sys::Element> {
    document().get_element_by_id(&format!("t-{order}"))
}

fn place(order: OrderId, leaves: bool) -> Option<Place> {
    let rect = js::call(&element(order)?.into(), "getBoundingClientRect", &[]).ok()?;
    let side = |name: &str| js::get(&rect, name).as_f64();
    Some(Place { order, left: side("left")?, top: side("top")?, bottom: side("bottom")?, leaves })
}

/// How much of the page is seen.
fn height() -> f64 {
    js::get(&window(), "innerHeight").as_f64().unwrap_or_default()
}

/// Whether anybody sees motion here, and wants to.
fn moves() -> bool {
    let still = js::call(&window(), "matchMedia", &["(prefers-reduced-motion: reduce)".into()]);
    !document().hidden() && !still.is_ok_and(|query| js::get(&query, "matches").is_truthy())
}

/// Milliseconds that motion takes in this house.
fn duration() -> f64 {
    let root = document().document_element().map_or(JsValue::UNDEFINED, Into::into);
    let token = js::call(&window(), "getComputedStyle", &[root]).and_then(|style| js::call(&style, "getPropertyValue", &["--move".into()]));
    let text = token.ok().and_then(|token| token.as_string()).unwrap_or_default();
    millis(&text).unwrap_or_default()
}

/// A time of a style sheet; one that was made small has `.22s` for `220ms`.
fn millis(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(millis) = text.strip_suffix("ms") {
        return millis.parse().ok();
    }
    Some(text.strip_suffix('s')?.parse::<f64>().ok()? * 1000.0)
}

/// Ends what a ticket is still sliding from, so that it is measured where it belongs.
fn stop(order: OrderId) {
    if let Some(slide) = SLIDES.with_borrow_mut(|slides| slides.remove(&order)) {
        // Where it has ended, nothing is left to end.
        let _ = js::call(&slide, "cancel", &[]);
    }
    if let Some(element) = element(order) {
        js::set(&js::get(&element, "style"), "transform", "");
    }
}

/// Shows a ticket where it stood.
fn stand(place: &Place, from: &str) {
    let Some(element) = element(place.order) else { return };
    let style = js::get(&element, "style");
    js::set(&style, "transform", from);
    if place.leaves {
        // Over those that it passes. It stays so: nothing overlaps where all have arrived.
        js::set(&style, "zIndex", 1);
    }
}

/// Lets it go. Only what the compositor moves by itself is animated: with anything else, the page is drawn anew for every frame.
fn slide(order: OrderId, from: String, duration: f64) {
    let Some(element) = element(order).map(JsValue::from) else { return };
    js::set(&js::get(&element, "style"), "transform", "");
    let frame = |transform: String| js::object(&[("transform", transform.into())]);
    let frames: js_sys::Array = [frame(from), frame("none".to_owned())].iter().collect();
    let timing = js::object(&[("duration", duration.into()), ("easing", "cubic-bezier(0.2, 0.7, 0.2, 1)".into())]);
    // Without it the ticket is where it belongs, too.
    if let Ok(slide) = js::call(&element, "animate", &[frames.into(), timing]) {
        SLIDES.with_borrow_mut(|slides| slides.insert(order, slide));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_however_short_it_was_made() {
        assert_eq!([" 220ms", ".22s", "0.22s", "1s", "0s"].map(millis), [220.0, 220.0, 220.0, 1000.0, 0.0].map(Some));
        assert_eq!(["", "220", "soon", "s", "ms"].map(millis), [None; 5]);
    }
}
