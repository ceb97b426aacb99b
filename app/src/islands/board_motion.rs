//! What moves on the board is seen to move: from where a ticket stood to where it stands, in the time of the house's other
//! motions. And whoever works by keyboard goes along with it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use domain::{
    OrderId,
    prep::FulfilmentStatus,
    view::{QueueView, TicketView},
};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

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
    /// Which lane each ticket was in.
    was: BTreeMap<OrderId, FulfilmentStatus>,
    /// Whose ticket had the focus.
    focused: Option<Pressed>,
}

/// Whose button was pressed or had the focus, before anything moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressed {
    order: OrderId,
    by_keyboard: bool,
}

impl Pressed {
    /// The button has been pressed just now.
    pub fn of(order: OrderId) -> Self {
        Self { order, by_keyboard: by_keyboard() }
    }
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
            tickets(queue).map(|ticket| (ticket.order, ticket.status)).collect()
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
        let focused = focused(&was);
        Self { places, was, focused }
    }

    /// Moves what has moved, once it is drawn where it belongs now. `pressed`: whose button was pressed last, until it has the focus.
    pub fn play(self, pressed: RwSignal<Option<Pressed>>) {
        request_animation_frame(move || {
            keep_focus(self.focused, &self.was, pressed);
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

fn tickets(queue: &QueueView) -> impl Iterator<Item = &TicketView> {
    queue.lanes.queued.iter().chain(&queue.lanes.making).chain(&queue.lanes.ready)
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

/// Whether what has the focus was come to by keyboard: browsers show that to nobody else.
pub fn by_keyboard() -> bool {
    document().active_element().is_some_and(|element| element.matches(":focus-visible").unwrap_or_default())
}

/// Gives something the focus: the page goes along with who works by keyboard, and stays where it is under a finger.
pub fn focus(target: &web_sys::Element, by_keyboard: bool) {
    // What cannot have it is left without.
    let _ = js::call(target, "focus", &[js::object(&[("preventScroll", (!by_keyboard).into())])]);
}

/// Whose ticket has the focus.
fn focused(orders: &BTreeMap<OrderId, FulfilmentStatus>) -> Option<Pressed> {
    let ticket = document().active_element()?.closest(".ticket").ok().flatten()?;
    let order = ticket.id().strip_prefix("t-")?.parse().ok().filter(|order| orders.contains_key(order))?;
    Some(Pressed::of(order))
}

/// Takes the focus to the ticket whose button was pressed, where no change comes that would take it along: what was kept back is
/// taken back by a button that is gone with it.
pub fn follow(pressed: RwSignal<Option<Pressed>>) {
    request_animation_frame(move || keep_focus(None, &BTreeMap::new(), pressed));
}

/// A ticket that moves takes its button with it: the focus follows it, and where it is gone stays at the head of its lane. It never
/// falls to the top of the page, nor to another order's button, which the next Enter would press.
fn keep_focus(focused: Option<Pressed>, was: &BTreeMap<OrderId, FulfilmentStatus>, pressed: RwSignal<Option<Pressed>>) {
    let lost = document().active_element().is_none_or(|element| element.tag_name() == "BODY");
    let Some(press) = pressed.try_get_untracked().filter(|_| lost) else { return };
    let Some(Pressed { order, by_keyboard }) = focused.or(press) else { return };
    let lane = was.get(&order).map_or("ready", |status| status.as_str());
    let find = |selector: String| document().query_selector(&selector).ok().flatten();
    if let Some(target) = find(format!("#t-{order} .button")).or_else(|| find(format!("#l-{lane}"))) {
        focus(&target, by_keyboard);
        // Whoever leaves it from now on means to.
        pressed.set(None);
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
