//! Cart and checkout on one page: totals as they change, what is held and for how long, and one press to order.

mod cart_line;
mod delivery;
mod hold;
mod payment;
mod refused;
mod sold_out;
mod terms;
mod typed;

use domain::{
    Fault, Locale, Money, Timestamp,
    catalog::Menu,
    pricing::{self, LineRequest},
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

pub(super) use self::sold_out::{gone, swap_label};
use self::{
    cart_line::cart_line,
    delivery::{address, pickup},
    hold::Held,
    payment::payment,
    refused::{CART_CHANGED, OFFLINE, UNSAVED, forget_what_is_over},
    typed::FORM,
};
use super::{
    live_line::{alive, offline},
    live_menu::live_menu,
    store_status::newest,
};
use crate::{
    erase::Erase as _,
    paths, pieces, tab,
    wire::{self, CheckoutPage, Line, PlaceAnswer, Refusal, Sums},
    words as w,
};

/// What the parts of the checkout share.
#[derive(Clone, Copy)]
pub(crate) struct Cart {
    store: StoredValue<String>,
    menu: Memo<Menu>,
    /// The same with the last units on it that are held for this cart.
    mine: Memo<Menu>,
    /// As the shopper wants it; a line with quantity 0 is on its way out.
    lines: RwSignal<Vec<Line>>,
    /// As the server has it.
    saved: RwSignal<Vec<Line>>,
    held: RwSignal<Option<Held>>,
    /// The hold has ended by itself.
    over: Memo<bool>,
    /// Lines, and what the shopper was last told that they cost.
    told: RwSignal<Option<(Vec<Line>, Money)>>,
    /// The store takes no orders now but those that are held.
    closed: Memo<bool>,
    /// It takes all there are.
    accepting: Memo<bool>,
    refusal: RwSignal<Option<Refusal>>,
    /// The cart is being saved and held.
    syncing: RwSignal<bool>,
    /// The order was sent off before that was done, of these things ([`wire::things`]) for so much: it goes as soon as it is.
    pressed: RwSignal<Option<(String, Money)>>,
    /// The order is on its way, or placed: whatever else is pressed before its page is there comes too late.
    ordering: RwSignal<bool>,
    offline: Signal<bool>,
    ships: bool,
    now: Timestamp,
    locale: Locale,
}

impl Cart {
    /// The lines that are left.
    fn left(self) -> Vec<Line> {
        self.lines.with(|lines| lines.iter().filter(|line| line.request.quantity > 0).cloned().collect())
    }

    /// What is shown that is to be ordered.
    fn things(self) -> String {
        wire::things(self.left().iter().map(|line| &line.request))
    }

    /// What it costs, or what is wrong: as it is held, and as the menu says now where it is not.
    fn quote(self) -> Result<Sums, domain::Faults> {
        let lines = self.left();
        match self.locked(&lines) {
            Some(sums) => Ok(sums),
            None => self.preview(&lines.into_iter().map(|line| line.request).collect::<Vec<_>>()),
        }
    }

    /// What these lines cost by the hold, while it lives and is of these lines.
    fn locked(self, lines: &[Line]) -> Option<Sums> {
        self.held.with(|held| held.as_ref().filter(|held| held.lines == lines && !self.over.get()).map(|held| held.sums.clone()))
    }

    /// Whether a hold lives, whatever it is of.
    fn is_held(self) -> bool {
        self.held.with(Option::is_some) && !self.over.get()
    }

    /// What a line costs.
    fn line_total(self, id: &str) -> Option<Money> {
        let lines = self.left();
        let at = lines.iter().position(|line| line.id == id)?;
        match self.locked(&lines) {
            Some(sums) => sums.lines.get(at).copied(),
            None => self.preview(std::slice::from_ref(&lines[at].request)).ok().map(|sums| sums.total),
        }
    }

    fn preview(self, lines: &[LineRequest]) -> Result<Sums, domain::Faults> {
        let quote = self.mine.with(|menu| pricing::quote(menu, lines, self.now))?;
        Ok(Sums { lines: quote.lines.iter().map(|line| line.total).collect(), subtotal: quote.subtotal, total: quote.total })
    }

    /// What is wrong with a line: what the menu says now, else what the last try was told. What is held is right.
    fn fault(self, id: &str) -> Option<Fault> {
        let lines = self.left();
        if self.locked(&lines).is_some() {
            return None;
        }
        let at = lines.iter().position(|line| line.id == id)?;
        let here = |fault: &&Fault| {
            fault.pointer.strip_prefix(&format!("/lines/{at}")).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let now = self.mine.with(|menu| pricing::quote(menu, &[lines[at].request.clone()], self.now)).err();
        now.and_then(|faults| faults.0.into_iter().next()).or_else(|| {
            let told = self.refusal.with(|refusal| refusal.as_ref().and_then(|refusal| refusal.faults.iter().find(here).cloned()));
            // It was told of another quantity.
            told.filter(|fault| fault.available.is_none_or(|available| lines[at].request.quantity > available))
        })
    }
}

/// The checkout of a cart that is not empty.
#[island(lazy)]
pub fn Checkout(page: CheckoutPage, now: Timestamp, locale: Locale) -> impl IntoView {
    let clock = tab::ticking(now);
    let held = RwSignal::new(page.held.map(|held| Held::of(held, page.lines.clone())));
    let (store, status) = (page.store.id.clone(), newest(page.store.clone()));
    let (menu, over) =
        (live_menu(page.menu), Memo::new(move |_| held.with(|held| held.as_ref().is_some_and(|held| held.expires_at <= clock.get()))));
    let cart = Cart {
        store: StoredValue::new(store.to_string()),
        menu,
        mine: Memo::new(move |_| with_held(menu.get(), held.get().filter(|_| !over.get()))),
        lines: RwSignal::new(page.lines.clone()),
        told: RwSignal::new(page.told.map(|told| (page.lines.clone(), told))),
        closed: Memo::new(move |_| status.with(|store| !store.open)),
        accepting: Memo::new(move |_| status.with(|store| store.accepting)),
        saved: RwSignal::new(page.lines),
        held,
        over,
        refusal: RwSignal::new(page.refusal),
        syncing: RwSignal::new(false),
        pressed: RwSignal::new(None),
        ordering: tab::busy(),
        offline: offline(),
        ships: page.ships,
        now,
        locale,
    };
    terms::tell(cart);
    Effect::new(move |_| hold::begin(cart));
    forget_what_is_over(cart, status);
    hold::keep_trying(cart, clock);
    let notice = move || {
        let code = cart.refusal.with(|refusal| refusal.as_ref().map(|refusal| refusal.code.clone()));
        // Both are said beside the button, with what they are about.
        let beside = |code: &String| (code == "total_changed" && cart.changed().is_some()) || (code == "store_closed" && cart.closed.get());
        code.filter(|code| !beside(code)).map(|code| {
            if code == UNSAVED {
                return pieces::notice("wait", w::checkout::unsaved(locale).to_owned(), Some(w::refusal(UNSAVED, locale).to_owned()));
            }
            let tone = if code.starts_with("store_") || code.starts_with("admission_") { "wait" } else { "stop" };
            pieces::refused(tone, &code, locale)
        })
    };
    let total = Memo::new(move |_| cart.quote().ok().map(|quote| quote.total));
    // The page of an empty cart is on its way then.
    let empty = Memo::new(move |_| cart.left().is_empty());
    let how = if page.ships {
        address(&page.address, cart).erase()
    } else {
        pickup(&page.store.name, page.store.estimated_wait_seconds, locale).erase()
    };
    view! {
        {notice}
        <div class="checkout" data-testid="checkout">
            <div class="checkout__main">
                <section class="panel" aria-labelledby="cart-title">
                    <h2 id="cart-title" tabindex="-1">{w::cart::title(locale)}</h2>
                    {move || empty.get().then(|| view! { <p class="soft">{w::cart::empty_title(locale)}</p> })}
                    <ul class="lines">
                        <For each=move || cart.left() key=|line| (line.id.clone(), line.request.sku.clone(), line.request.options.clone()) children=move |line| cart_line(line, cart)/>
                    </ul>
                </section>
                {how}
                {payment(page.wallet, page.payment, &store, total, cart)}
            </div>
            {order_form(cart, page.key, total, empty, clock)}
        </div>
    }
    .erase()
}

fn order_form(cart: Cart, key: String, total: Memo<Option<Money>>, empty: Memo<bool>, clock: ReadSignal<Timestamp>) -> AnyView {
    let locale = cart.locale;
    let busy = cart.ordering;
    let form = NodeRef::<leptos::html::Form>::new();
    typed::stays(form, cart.store.get_value());
    let key = RwSignal::new(key);
    let subtotal = Memo::new(move |_| cart.quote().ok().map(|quote| quote.subtotal));
    // What cannot be priced has no form yet; what is short by the last answer may be tried again.
    let wrong = Memo::new(move |_| total.get().is_none());
    let marked = Memo::new(move |_| wrong.get() && !empty.get());
    let shut = Memo::new(move |_| cart.closed.get() && !cart.is_held());
    let alive = alive();
    // Not `disabled` where scripts run, which would take the focus of who works by keyboard when the bar switches something off.
    let no_use = Memo::new(move |_| wrong.get() || shut.get());
    // Without scripts the page itself has said it, and the press that follows is the confirmation.
    let dearer = Memo::new(move |_| alive.get() && cart.changed().is_some_and(|(told, now)| now.amount > told.amount));
    // Who comes back from the order sees the page as it was left, where the browser has kept it: with what has been ordered.
    let placed = StoredValue::new(false);
    tab::brought_back(move || {
        if placed.try_get_value() == Some(true) {
            cart.load_anew();
        }
    });
    let send = move || {
        let Some(form) = form.get_untracked() else { return };
        busy.set(true);
        spawn_local(async move {
            let answer = match tab::fields(&form) {
                Ok(fields) => tab::ask(paths::form::PLACE, tab::Body::Form(&fields)).await,
                Err(error) => Err(error),
            };
            // The button stays at work until the next page is there.
            let refusal = match answer.and_then(|reply| reply.answer()) {
                Ok(PlaceAnswer::Placed { page }) => {
                    placed.set_value(true);
                    return tab::go(&page);
                }
                Ok(PlaceAnswer::Refused(refusal)) => {
                    // A refusal is kept under its key; the next try is another one.
                    if !refusal.is_open() {
                        key.set(tab::new_key());
                    }
                    refusal
                }
                Err(tab::Unreachable) => Refusal::unavailable(),
            };
            // First: what is refused may be held anew at once.
            busy.set(false);
            cart.not_placed(refusal);
        });
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || no_use.get_untracked() {
            return;
        }
        if cart.offline.get_untracked() {
            cart.say(Refusal { code: OFFLINE.to_owned(), faults: Vec::new() });
        } else if dearer.get_untracked() {
            terms::confirm(cart);
        } else if cart.syncing.get_untracked() || untrack(|| hold::is_unsaved(cart)) {
            cart.pressed.set(total.get_untracked().map(|total| (untrack(|| cart.things()), total)));
            hold::sync(cart);
        } else {
            send();
        }
    };
    // What was pressed before the cart was saved and held goes when it is; a hold that is refused has taken the press back.
    Effect::new(move |_| {
        if cart.syncing.get() {
            return;
        }
        let Some((things, total)) = cart.pressed.get_untracked() else { return };
        cart.pressed.set(None);
        if untrack(|| cart.things()) != things {
            return cart.say(Refusal { code: CART_CHANGED.to_owned(), faults: Vec::new() });
        }
        terms::agree(cart, Some(total));
        // What was pressed was another total.
        if !wrong.get_untracked() && !dearer.get_untracked() {
            send();
        }
    });
    let at_work = move || cart.is_sent();
    let amount = move |money: Money| pieces::price(money, locale);
    let label = move || match (at_work(), dearer.get()) {
        (true, _) => w::checkout::placing(locale),
        (_, true) => w::checkout::confirm(locale),
        _ => w::checkout::place(locale),
    };
    let (delivery, fine_print) = if cart.ships {
        (w::checkout::ship(locale), w::checkout::fine_print_ships(locale))
    } else {
        (w::checkout::pickup(locale), w::checkout::fine_print(locale))
    };
    view! {
        <form node_ref=form class="panel checkout__side" id=FORM method="post" action=paths::form::PLACE on:submit=submit>
            <input type="hidden" name="store" value=cart.store.get_value()/>
            <input type="hidden" name="key" value=move || key.get()/>
            <input type="hidden" name="checkout" value=move || cart.held.with(|held| held.as_ref().filter(|_| !cart.over.get()).map(|held| held.checkout.clone()).unwrap_or_default())/>
            <input type="hidden" name="shown" value=move || cart.things()/>
            <input type="hidden" name="expected_total" value=move || total.get().map_or(0, |total| total.amount)/>
            <input type="hidden" name="currency" value=move || cart.menu.with(|menu| menu.currency.to_string())/>
            <h2>{w::checkout::summary(locale)}</h2>
            <dl class="totals" aria-live="polite">
                <div><dt>{w::checkout::subtotal(locale)}</dt>
                    <dd>{move || subtotal.get().map(amount)}</dd></div>
                <div><dt>{delivery}</dt><dd>{w::checkout::free(locale)}</dd></div>
                <div class="totals__total"><dt>{w::checkout::total(locale)}</dt><dd data-testid="total">{move || total.get().map(amount)}</dd></div>
            </dl>
            {hold::countdown(cart, empty, clock)}
            {terms::notices(cart)}
            <button class="button button--tall button--wide button--split" disabled=move || no_use.get() && !alive.get()
                aria-disabled=move || no_use.get().then_some("true") aria-busy=move || at_work().to_string() data-testid="place-order">
                <span>{label}</span>{move || total.get().map(amount)}
            </button>
            {move || marked.get().then(|| view! { <p class="field-error">{pieces::icon("alert")}{w::checkout::fix_first(locale)}</p> })}
            <p class="soft"><small>{fine_print}</small></p>
        </form>
    }
    .erase()
}

/// The menu as it is for whom the hold is: nobody else can have its last units.
fn with_held(mut menu: Menu, held: Option<Held>) -> Menu {
    let lines = held.map(|held| held.lines).unwrap_or_default();
    for variant in menu.variants_mut().filter(|variant| variant.out_of_stock) {
        variant.available |= lines.iter().any(|line| line.request.sku == variant.sku.as_str());
    }
    menu
}
