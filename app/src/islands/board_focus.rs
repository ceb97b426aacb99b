//! Where the focus is on the board when what had it is drawn anew, in another lane or in its own. It follows what was pressed here; what
//! somebody else moves leaves it on the same control, or where that is gone on nothing that acts: the next Enter never does anything else
//! than what it would have done.

use domain::{
    OrderId, UserId,
    prep::FulfilmentStatus,
    view::{QueueView, TicketView},
};
use leptos::prelude::*;

use super::board_lane::drawn;
use crate::tab::js;

/// What was pressed here, of which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressed {
    order: OrderId,
    verb: &'static str,
    by_keyboard: bool,
}

impl Pressed {
    /// It has been pressed just now.
    pub fn of(order: OrderId, verb: &'static str) -> Self {
        Self { order, verb, by_keyboard: by_keyboard() }
    }

    pub fn is_of(&self, order: OrderId) -> bool {
        self.order == order
    }

    /// Whether a ticket is as this has made it, and nobody else.
    fn has_made(&self, ticket: &TicketView, me: UserId) -> bool {
        match self.verb {
            "claim" => ticket.status == FulfilmentStatus::Making && ticket.claimed_by.as_ref().is_some_and(|person| person.id == me),
            "recall" => ticket.status == FulfilmentStatus::Making,
            "release" => ticket.status == FulfilmentStatus::Queued,
            "ready" => ticket.status == FulfilmentStatus::Ready,
            // What has left the house has no ticket.
            _ => false,
        }
    }
}

/// Where the focus goes if a change takes away what has it.
pub struct Focus {
    order: OrderId,
    /// How the control is found in the ticket.
    control: String,
    /// Where somebody writes in it.
    caret: Option<f64>,
    by_keyboard: bool,
    /// The ticket's lane before the change.
    lane: &'static str,
}

impl Focus {
    /// Looks at what has the focus before `old` becomes `new`. `pressed`: what was pressed last, until its ticket has changed.
    pub fn before(old: &QueueView, new: &QueueView, pressed: RwSignal<Option<Pressed>>, me: UserId) -> Option<Self> {
        let mut focus = Self::here();
        let press = pressed.get_untracked();
        if let Some(press) = press.filter(|press| ticket(old, press.order).map(drawn) != ticket(new, press.order).map(drawn)) {
            pressed.set(None);
            let follows = focus.as_ref().is_none_or(|focus| focus.is_on(&press));
            if follows && ticket(new, press.order).is_some_and(|ticket| press.has_made(ticket, me)) {
                focus = Some(Self::after(press));
            }
        }
        let mut focus = focus?;
        if let Some(ticket) = ticket(old, focus.order) {
            focus.lane = ticket.status.as_str();
        }
        Some(focus)
    }

    /// The control of a ticket that has the focus.
    fn here() -> Option<Self> {
        let element = document().active_element()?;
        let ticket = element.closest(".ticket").ok().flatten()?;
        let order = ticket.id().strip_prefix("t-")?.parse().ok()?;
        let control = control(&element.tag_name(), element.get_attribute("value").as_deref());
        let caret = js::get(&element, "selectionStart").as_f64();
        Some(Self { order, control, caret, by_keyboard: by_keyboard(), lane: "ready" })
    }

    /// The first button of the ticket that was pressed.
    fn after(press: Pressed) -> Self {
        Self { order: press.order, control: ".button".to_owned(), caret: None, by_keyboard: press.by_keyboard, lane: "ready" }
    }

    /// Whether the button that was pressed still has it.
    fn is_on(&self, press: &Pressed) -> bool {
        self.order == press.order && self.control == control("BUTTON", Some(press.verb))
    }

    /// Gives back what was lost: to the control, else to its ticket's head, else to that of its lane. It never falls to the top of the
    /// page.
    pub fn keep(&self) {
        if !is_lost() {
            return;
        }
        let find = |selector: String| document().query_selector(&selector).ok().flatten();
        let Self { order, control, lane, .. } = self;
        let target =
            find(format!("#t-{order} {control}")).or_else(|| find(format!("#t-{order} h3"))).or_else(|| find(format!("#l-{lane}")));
        let Some(target) = target else { return };
        focus(&target, self.by_keyboard);
        if let Some(caret) = self.caret {
            // Only a field has one; anything else that was found instead is left as it is.
            let _ = js::call(&target, "setSelectionRange", &[caret.into(), caret.into()]);
        }
    }
}

/// How a control of a ticket is found again wherever the ticket is drawn.
fn control(tag: &str, value: Option<&str>) -> String {
    match (tag, value) {
        ("BUTTON", Some(value)) => format!("button[value={value}]"),
        ("BUTTON", None) => ".ticket__other .button".to_owned(),
        ("INPUT", _) => ".ticket__other .input".to_owned(),
        // The handle of its menu, and its own head.
        _ => tag.to_ascii_lowercase(),
    }
}

fn ticket(queue: &QueueView, order: OrderId) -> Option<&TicketView> {
    queue.lanes.tickets().find(|ticket| ticket.order == order)
}

/// Takes the focus to the ticket whose button was pressed, where no change comes that would take it along: what was kept back is
/// taken back by a button that is gone with it.
pub fn follow(press: Pressed) {
    request_animation_frame(move || Focus::after(press).keep());
}

/// Whether nothing has the focus.
pub fn is_lost() -> bool {
    document().active_element().is_none_or(|element| element.tag_name() == "BODY")
}

/// Whether what has the focus was come to by keyboard: browsers show that to nobody else.
pub fn by_keyboard() -> bool {
    document().active_element().is_some_and(|element| element.matches(":focus-visible").unwrap_or_default())
}

/// Gives something the focus: the page goes along with who works by keyboard, and stays where it is under a finger.
pub fn focus(target: &web_sys::Element, by_keyboard: bool) {
    if by_keyboard {
        // The page may still be on its way to what had it before, and would go on there once this is in sight.
        let here = js::object(&[("top", js::get(&window(), "scrollY")), ("behavior", "instant".into())]);
        let _ = js::call(&window(), "scrollTo", &[here]);
    }
    // What cannot have it is left without.
    let _ = js::call(target, "focus", &[js::object(&[("preventScroll", (!by_keyboard).into())])]);
}

#[cfg(test)]
mod tests {
    use domain::view::Person;
    use serde_json::json;

    use super::{super::board_tools::tests::queue, *};

    #[test]
    fn a_ticket_is_as_it_was_pressed_where_nobody_else_was_quicker() {
        let person = |n: u8| -> Person {
            serde_json::from_value(json!({"id": format!("0193b3c4-5d6e-7f80-9a1b-00000000000{n}"), "name": "Kim"})).unwrap()
        };
        let (kim, robin) = (person(1), person(2));
        let mut lanes = queue().lanes;
        lanes.making[0].claimed_by = Some(robin.clone());
        let made =
            |verb, ticket: &TicketView, me: &Person| Pressed { order: ticket.order, verb, by_keyboard: true }.has_made(ticket, me.id);
        let making = &lanes.making[0];
        assert!(made("claim", making, &robin) && !made("claim", making, &kim), "Robin has claimed it");
        assert!(made("recall", making, &kim) && !made("ready", making, &kim));
        assert!(made("release", &lanes.queued[0], &kim) && made("ready", &lanes.ready[0], &kim));
        assert!(!made("collect", &lanes.ready[0], &kim) && !made("claim", &lanes.queued[0], &kim));
    }

    #[test]
    fn a_control_is_found_again_by_what_it_does() {
        assert_eq!(control("BUTTON", Some("claim")), "button[value=claim]");
        assert_eq!(control("BUTTON", None), ".ticket__other .button");
        assert_eq!(control("INPUT", Some("")), ".ticket__other .input");
        assert_eq!([control("SUMMARY", None), control("H3", None)], ["summary", "h3"]);
    }
}
