//! What is held for the shopper, and for how long. Without scripts nothing is held before the order: the order form then
//! holds and places in one go.

use domain::{
    Timestamp,
    pricing::{LineRequest, MAX_QUANTITY},
};
use leptos::{prelude::*, task::spawn_local};

use super::{
    super::countdown::Words,
    Cart,
    refused::{UNREACHED, UNSAVED, WAITING},
    terms, typed,
};
use crate::{
    paths, tab,
    wire::{self, CartAnswer, HoldAnswer, Line, Refusal, Sums, SwapAnswer},
    words as w,
};

/// How long after it could not be reached the server is tried again.
const AGAIN_MILLIS: i64 = 3_000;

/// A live hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub checkout: String,
    /// What it is a hold of.
    pub lines: Vec<Line>,
    /// What that costs until it ends, whatever the menu says meanwhile.
    pub sums: Sums,
    pub expires_at: Timestamp,
    /// How long it was when it was made.
    pub millis: i64,
}

impl Held {
    /// A hold of the lines as the page has them.
    pub(super) fn of(wire::Held { checkout, expires_at, seconds, sums, .. }: wire::Held, lines: Vec<Line>) -> Self {
        Self { checkout, lines, sums, expires_at, millis: seconds * 1000 }
    }
}

/// The first hold, unless there is one from a look before, or the last try was refused: then the shopper reads that first.
pub(super) fn begin(cart: Cart) {
    if !cart.ships && cart.refusal.with_untracked(Option::is_none) && cart.held.with_untracked(Option::is_none) {
        sync(cart);
    }
}

/// Saves what was changed, one line after the other, and holds the result. One of these runs at a time; what is pressed
/// meanwhile is saved by it, too. What is being ordered is neither changed nor held anew.
pub(super) fn sync(cart: Cart) {
    if cart.syncing.get_untracked() || cart.ordering.get_untracked() {
        return;
    }
    cart.syncing.set(true);
    let waiting = !cart.accepting.get_untracked();
    spawn_local(async move {
        let mut opened = false;
        match run(cart).await.map_err(Refusal::of_cart) {
            Ok(()) if untrack(|| is_lost(cart)) => cart.refusal.set(None),
            Ok(()) => {}
            Err(refusal) if refusal.code == UNREACHED => not_reached(cart),
            Err(refusal) => {
                // The news that it takes orders again may come before the answer to what was asked of it until then.
                opened = waiting && WAITING.contains(&&*refusal.code) && cart.accepting.try_get_untracked() == Some(true);
                cart.refused(refusal);
            }
        }
        let _ = cart.syncing.try_set(false);
        if opened {
            cart.forget();
        }
    });
}

/// Tries again by itself what the server was not there for, until it is: a change that the page shows is not forgotten.
pub(super) fn keep_trying(cart: Cart, clock: ReadSignal<Timestamp>) {
    Effect::new(move |since: Option<Option<Timestamp>>| {
        if !is_lost(cart) {
            return None;
        }
        let now = clock.get();
        let since = since.flatten().unwrap_or(now);
        if now - since < AGAIN_MILLIS || cart.offline.get_untracked() {
            return Some(since);
        }
        sync(cart);
        Some(now)
    });
}

/// Whether the shopper has been told that what they did has not come through, and nothing else since.
fn is_lost(cart: Cart) -> bool {
    cart.is_refused_for(&[UNREACHED, UNSAVED])
}

/// Says that the server is not there. Who has pressed the button since is answered once more; who waits is left in peace.
fn not_reached(cart: Cart) {
    let code = if untrack(|| is_unsaved(cart)) { UNSAVED } else { UNREACHED };
    let told = cart.refusal.with_untracked(|refusal| refusal.as_ref().is_some_and(|refusal| refusal.code == code));
    if cart.pressed.with_untracked(Option::is_some) || !told {
        cart.say(Refusal { code: code.to_owned(), faults: Vec::new() });
    }
    cart.pressed.set(None);
}

async fn run(cart: Cart) -> Result<(), Refusal> {
    let away = |_| Refusal::unavailable();
    loop {
        // Several presses in a row are one change.
        tab::pause(200).await;
        // What was sent before this was alive changes the cart, or orders it: the page that answers says so.
        tab::forms_sent().await;
        while let Some(line) = untrack(|| changed(cart)) {
            // What is not wanted any more is nothing else in its place, which may be gone, too.
            if line.request.quantity > 0 && is_swapped(cart, &line) {
                let reply = tab::ask(paths::form::CART_SWAP, tab::Body::Form(&swap_fields(cart, &line))).await.map_err(away)?;
                match reply.answer().map_err(away)? {
                    SwapAnswer::Refused(refusal) => return no_line(cart, refusal),
                    SwapAnswer::Done(lines) => settle(cart, &line, lines),
                }
                continue;
            }
            let (id, quantity) = (line.id.clone(), line.request.quantity);
            let fields = format!("store={}&line={id}&quantity={quantity}", cart.store.get_value());
            let reply = tab::ask(paths::form::CART_SET, tab::Body::Form(&fields)).await.map_err(away)?;
            match reply.answer().map_err(away)? {
                CartAnswer::Refused(refusal) => return no_line(cart, refusal),
                CartAnswer::Done(_) => {
                    cart.saved.update(|saved| saved.iter_mut().filter(|old| old.id == id).for_each(|old| old.clone_from(&line)));
                }
            }
        }
        if untrack(|| cart.left()).is_empty() {
            tab::go(&paths::checkout(cart.store.get_value()));
            return Ok(());
        }
        let priced = untrack(|| cart.preview(&cart.left().into_iter().map(|line| line.request).collect::<Vec<_>>())).is_ok();
        if cart.ships || !priced {
            if priced {
                // What was refused before was another cart.
                cart.refusal.set(None);
            }
            terms::tell(cart);
            return Ok(());
        }
        let fields = format!("store={}", cart.store.get_value());
        let reply = tab::ask(paths::form::HOLD, tab::Body::Form(&fields)).await.map_err(away)?;
        let answer = reply.answer().map_err(away)?;
        if untrack(|| is_unsaved(cart)) {
            continue;
        }
        return match answer {
            HoldAnswer::Refused(refusal) => Err(refusal),
            HoldAnswer::Held(held) => {
                if wire::things(&held.lines) != untrack(|| cart.things()) {
                    cart.look_again();
                    return Ok(());
                }
                cart.refusal.set(None);
                cart.held.set(Some(Held::of(held, untrack(|| cart.left()))));
                terms::tell(cart);
                Ok(())
            }
        };
    }
}

/// A line that cannot be changed, which may be for want of it: then another page has changed the cart, or ordered it.
fn no_line(cart: Cart, refusal: Refusal) -> Result<(), Refusal> {
    if refusal.code != "not_found" {
        return Err(refusal);
    }
    if let Some(store) = cart.store.try_get_value() {
        typed::leave_behind(&store);
    }
    cart.load_anew();
    Ok(())
}

/// Something else is in its place than the server has there.
fn is_swapped(cart: Cart, line: &Line) -> bool {
    cart.saved.with_untracked(|saved| saved.iter().any(|saved| saved.id == line.id && !is_same(&saved.request, &line.request)))
}

/// Whether both lines are of one thing, however many.
fn is_same(one: &LineRequest, other: &LineRequest) -> bool {
    one.sku == other.sku && one.options == other.options
}

/// The form of the button, as the browser would send it: ids of ours need no escaping.
fn swap_fields(cart: Cart, line: &Line) -> String {
    let line_of = format!("store={}&line={}&sku={}", cart.store.get_value(), line.id, line.request.sku);
    line.request.options.iter().fold(line_of, |fields, id| format!("{fields}&options[]={id}"))
}

/// The cart as the server has it after a swap. A line that has become part of another one is that one now, with as many as the page shows
/// of both: what was pressed since is saved next.
fn settle(cart: Cart, swapped: &Line, now: Vec<Line>) {
    let there = |id: &str| now.iter().any(|line| line.id == id);
    cart.lines.update(|lines| {
        let own = lines.iter().find(|line| line.id == swapped.id && !there(&line.id) && is_same(&line.request, &swapped.request));
        if let Some(more) = own.map(|line| line.request.quantity) {
            let whole = lines.iter_mut().find(|line| there(&line.id) && is_same(&line.request, &swapped.request));
            if let Some(Line { request, .. }) = whole {
                request.quantity = (request.quantity + more).min(MAX_QUANTITY);
            }
        }
        lines.retain(|line| there(&line.id));
    });
    cart.saved.set(now);
}

/// Whether the page shows what the server does not have yet.
pub(super) fn is_unsaved(cart: Cart) -> bool {
    changed(cart).is_some()
}

/// A line that the server has otherwise.
fn changed(cart: Cart) -> Option<Line> {
    cart.saved.with(|saved| cart.lines.with(|lines| lines.iter().find(|line| !saved.contains(line)).cloned()))
}

/// How long it is held.
pub(super) fn countdown(cart: Cart, empty: Memo<bool>, clock: ReadSignal<Timestamp>) -> impl IntoView {
    let quiet = Memo::new(move |_| {
        // What cannot be saved is not what is held; and what is over is no help at a closed door, or for what is sold out.
        let unsaved = cart.refusal.with(Option::is_some) && is_unsaved(cart);
        empty.get() || unsaved || (cart.over.get() && (cart.closed.get() || cart.quote().is_err()))
    });
    // The clock here is a little behind the server's: it never shows more than was given.
    let left =
        move || cart.held.with(|held| held.as_ref().filter(|_| !quiet.get()).map(|held| (held.expires_at - clock.get(), held.millis)));
    let words = Words { around: w::checkout::held_around(cart.locale), over: w::checkout::hold_over(cart.locale) };
    super::super::countdown::countdown(left, words, "hold")
}
