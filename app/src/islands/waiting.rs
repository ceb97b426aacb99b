//! Waiting for an order: its place while others move, and being told when it is ready.
//!
//! The order's own topic speaks when the order changes, which it does not when somebody else's does. The place is counted from the
//! store's public board instead: one message serves everybody who waits, however many they are, where a message for each of
//! them would cost the shop as many snapshots as there are waiting, every time that one of them moves.

use std::{sync::Arc, time::Duration};

use domain::{
    Locale, Timestamp, prep,
    topic::Topic,
    view::{BoardEntry, BoardView, OrderView},
};
use leptos::{prelude::*, task::spawn_local};

use super::{live_line::alive, progress::data_status};
use crate::{
    live, paths, pieces,
    tab::{self, bell},
    words as w,
};

/// How often somebody who is so far back that the board does not name them asks for their place.
const FAR_BACK: Duration = Duration::from_secs(30);
/// Two notes that rise, twice: it is ready.
const READY: [f64; 4] = [659.0, 880.0, 659.0, 880.0];

/// Where an order stands, and when it will probably be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// 1 is next; `None` when not in the queue.
    pub position: Option<i64>,
    pub ready_at: Option<Timestamp>,
}

impl Place {
    fn told(order: &OrderView) -> Self {
        Self { position: order.queue_position, ready_at: order.estimated_ready_at }
    }

    /// By the board, which was told at `at`; `None` where it does not name the order, for it is older than the order's news, or
    /// the order is far back.
    fn of(order: &OrderView, board: &BoardView, at: Timestamp) -> Option<Self> {
        // Numbers begin anew every day; two that are alike were not placed at the same moment.
        let is_this = |entry: &BoardEntry| entry.number == order.number && entry.since == order.placed_at && !entry.making;
        let found = board.preparing.iter().position(is_this)?;
        let position = board.preparing[..found].iter().filter(|entry| !entry.making).count() as i64 + 1;
        let hands = board.preparing.iter().filter(|entry| entry.making).count() as i64;
        let turns = prep::turns(position, hands);
        let ready_at = board.pace_seconds.map(|pace| at.plus_seconds(pace.saturating_mul(turns)));
        Some(Self { position: Some(position), ready_at: ready_at.or(order.estimated_ready_at) })
    }
}

/// The place of an order, while it waits: as the order was told, and as others move since.
pub fn place(order: Memo<OrderView>, now: ReadSignal<Timestamp>) -> Signal<Place> {
    let queued = Memo::new(move |_| order.with(|order| data_status(order) == "queued"));
    let moved = RwSignal::new(None::<Place>);
    Effect::new(move |_| {
        moved.set(None);
        if !queued.get() {
            return;
        }
        let store = order.with_untracked(|order| order.store.clone());
        let board = live::subscribe::<BoardView>(Topic::Board(store), 0);
        let mut asked = now.get_untracked();
        Effect::new(move |_| {
            let Some(board): Option<Arc<BoardView>> = board.get() else { return };
            let at = now.get_untracked();
            let place = order.with(|order| Place::of(order, &board, at));
            if place.is_some() {
                moved.set(place);
            } else if at.seconds_since(asked) >= FAR_BACK.as_secs() as i64 {
                asked = at;
                ask(order, moved);
            }
        });
    });
    Signal::derive(move || moved.get().filter(|_| queued.get()).unwrap_or_else(|| order.with(Place::told)))
}

/// Asks for the place of somebody whom the board does not name.
fn ask(order: Memo<OrderView>, moved: RwSignal<Option<Place>>) {
    let id = order.with_untracked(|order| order.id);
    spawn_local(async move {
        let reply = tab::ask(&format!("/api/v1/orders/{id}"), tab::Body::Nothing).await;
        if let Ok(order) = reply.and_then(|reply| reply.json::<OrderView>()) {
            let _ = moved.try_set(Some(Place::told(&order)));
        }
    });
}

/// A button that asks to be told, for who has paid and waits: nothing is asked before it is pressed. And the telling.
pub fn bell(order: Memo<OrderView>, locale: Locale) -> impl IntoView {
    let (id, number) = order.with_untracked(|order| (order.id, order.number));
    let kept = format!("orderly.tell.{id}");
    let alive = alive();
    let (told, set_told) = signal(false);
    let refused = RwSignal::new(false);
    let status = Memo::new(move |_| order.with(data_status));
    let name = kept.clone();
    Effect::new(move |_| {
        // The page was loaded again meanwhile: the notice still comes, and the sound from the first press on.
        if bell::remembered(&name) {
            set_told.set(true);
            let armed = window_event_listener_untyped("pointerdown", |_| bell::arm());
            on_cleanup(move || armed.remove());
            spawn_local(async move {
                let _ = refused.try_set(!bell::can_notify().await);
            });
        }
    });
    Effect::new(move |before: Option<&'static str>| {
        let now = status.get();
        if now == "ready" && before.is_some_and(|before| before != "ready") && told.get_untracked() {
            bell::ring(&READY);
            bell::buzz();
            if document().visibility_state() != web_sys::VisibilityState::Visible {
                spawn_local(async move {
                    let text = w::order::ready_notice(locale, number);
                    bell::notify(w::order::ready(locale), &text, &id.to_string(), &paths::order(id.to_string())).await;
                });
            }
        }
        now
    });
    let press = move |_| {
        let on = !told.get_untracked();
        set_told.set(on);
        bell::remember(&kept, on);
        if on {
            bell::arm();
            spawn_local(async move {
                let _ = refused.try_set(!bell::ask().await);
            });
        }
    };
    let waits = move || alive.get() && matches!(status.get(), "processed" | "queued" | "making");
    let sentence = move || (told.get() && refused.get()).then(|| view! { <p class="soft" role="status">{w::order::tell_page(locale)}</p> });
    view! {
        <div class="stack" hidden=move || !waits()>
            <button class="button button--quiet button--wide" type="button" aria-pressed=move || told.get().to_string() on:click=press data-testid="tell-me">
                {pieces::icon("bell")}{move || if told.get() { w::order::tell_on(locale) } else { w::order::tell(locale) }}
            </button>
            {sentence}
        </div>
    }
}

#[cfg(test)]
pub(super) mod tests {
    use domain::{
        Currency, Money,
        ordering::{OrderStatus, PaymentMethod, PaymentStatus},
        prep::{FulfilmentKind, FulfilmentStatus},
        view::{FulfilmentView, PaymentView, QuoteView},
    };

    use super::*;

    const T: fn(i64) -> Timestamp = Timestamp::from_millis;

    /// One in the queue, of nothing.
    pub(in crate::islands) fn order(number: i64, placed_at: i64) -> OrderView {
        let zero = Money::zero(Currency::USD);
        OrderView {
            id: "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071".parse().unwrap(),
            number,
            store: "harbor".parse().unwrap(),
            status: OrderStatus::Processed,
            reason: None,
            cancelled_by: None,
            lines: Vec::new(),
            quote: QuoteView {
                subtotal: zero,
                discounts: Vec::new(),
                shipping: zero,
                tax: zero,
                total: zero,
                lines: Vec::new(),
                explanations: Vec::new(),
            },
            payment: PaymentView { method: PaymentMethod::Card, status: PaymentStatus::Captured, action_url: None, confirm_by: None },
            fulfilments: vec![FulfilmentView {
                id: "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6072".parse().unwrap(),
                kind: FulfilmentKind::Pickup,
                status: FulfilmentStatus::Queued,
                since: T(placed_at + 1),
                claimed_by: None,
            }],
            queue_position: Some(9),
            estimated_ready_at: None,
            ready_by: None,
            cancellable: true,
            placed_at: T(placed_at),
            updated_at: T(0),
            sequence: 3,
        }
    }

    #[test]
    fn a_place_is_counted_among_those_who_wait() {
        let entry = |number, since, making| BoardEntry { number, since: T(since), making };
        let preparing = vec![entry(1, 10, true), entry(2, 20, false), entry(3, 30, true), entry(4, 40, false), entry(5, 50, false)];
        let mut board = BoardView { preparing, ready: Vec::new(), pace_seconds: Some(60) };
        let place = |number, placed_at, board: &BoardView| Place::of(&order(number, placed_at), board, T(1_000));
        // Two are being made, so the third turn of one is the second of two.
        assert_eq!(place(5, 50, &board), Some(Place { position: Some(3), ready_at: Some(T(121_000)) }));
        assert_eq!(place(2, 20, &board), Some(Place { position: Some(1), ready_at: Some(T(61_000)) }));
        board.pace_seconds = None;
        assert_eq!(place(2, 20, &board), Some(Place { position: Some(1), ready_at: None }));
        // Not named, of another day, being made by now: what the order was told holds.
        assert_eq!([place(6, 60, &board), place(5, 49, &board), place(1, 10, &board)], [None, None, None]);
    }
}
