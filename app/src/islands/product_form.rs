//! A product's options, with the price of what is chosen.

use domain::{
    Faults, Locale, Money, ProductId, Timestamp,
    catalog::{Menu, ModifierGroup, Product, Variant},
    pricing::{self, LineRequest, MAX_QUANTITY},
    view::StoreView,
};
use leptos::{
    ev::{MouseEvent, SubmitEvent},
    prelude::*,
    task::spawn_local,
};
use wasm_bindgen::JsCast as _;

use super::{
    cart,
    checkout::{gone, swap_label},
    live_line::{alive, offline},
    live_menu::live_menu,
    store_status::newest,
};
use crate::{
    erase::Erase as _,
    paths, pieces, tab,
    wire::{CartAnswer, Chosen},
    words as w,
};

/// What is chosen now.
#[derive(Clone, Copy)]
struct Choice {
    sku: RwSignal<String>,
    options: RwSignal<Vec<String>>,
    quantity: RwSignal<i64>,
}

impl Choice {
    /// As it was sent before, else the first of everything that has to be chosen.
    fn new(product: &Product, chosen: Chosen) -> Self {
        let first = product.variants.iter().find(|variant| variant.available).or_else(|| product.variants.first());
        let sku = chosen.sku.or_else(|| first.map(|variant| variant.sku.to_string())).unwrap_or_default();
        let options = chosen.options.unwrap_or_else(|| {
            let defaults = product.modifiers.iter().flat_map(|group| {
                group.options.iter().filter(|option| option.available).take(group.min as usize).map(|option| option.id.to_string())
            });
            defaults.collect()
        });
        Self {
            sku: RwSignal::new(sku),
            options: RwSignal::new(options),
            quantity: RwSignal::new(chosen.quantity.unwrap_or(1).clamp(1, MAX_QUANTITY)),
        }
    }

    fn line(self) -> LineRequest {
        LineRequest { sku: self.sku.get(), quantity: self.quantity.get(), options: self.options.get() }
    }

    /// What was chosen before this came alive.
    fn read(self, form: &web_sys::HtmlFormElement) {
        let Ok(pairs) = tab::pairs(form) else { return };
        let of = |wanted: fn(&str) -> bool| pairs.iter().filter(move |(name, _)| wanted(name)).map(|(_, value)| value.clone());
        if let Some(sku) = of(|name| name == "sku").next() {
            self.sku.set(sku);
        }
        self.options.set(of(|name| name.starts_with("options[")).collect());
        if let Some(quantity) = of(|name| name == "quantity").next().and_then(|typed| typed.parse::<i64>().ok()) {
            self.quantity.set(quantity.clamp(1, MAX_QUANTITY));
        }
    }

    /// Chooses otherwise, also in the form that is shown.
    fn take(self, form: &web_sys::HtmlFormElement, menu: &Menu, line: &LineRequest) {
        let skus = menu.products().flat_map(|product| &product.variants).map(|variant| variant.sku.as_str());
        let groups = menu.products().flat_map(|product| &product.modifiers);
        for id in skus.chain(groups.flat_map(|group| &group.options).map(|option| option.id.as_str())) {
            let found = form.query_selector(&format!("input[value='{id}']:not([type=hidden])")).ok().flatten();
            if let Some(input) = found.and_then(|input| input.dyn_into::<web_sys::HtmlInputElement>().ok()) {
                input.set_checked(line.sku == id || line.options.iter().any(|option| option == id));
            }
        }
        self.sku.set(line.sku.clone());
        self.options.set(line.options.clone());
    }

    fn step(self, by: i64) {
        self.quantity.update(|quantity| *quantity = (*quantity + by).clamp(1, MAX_QUANTITY));
    }
}

/// The form of a product. `menu` has this product alone. `sent`: it came back with a refusal, so that what is missing is
/// marked at once. Where the store is closed, the button says so: what is put into the cart waits there.
#[island(lazy)]
pub fn ProductForm(menu: Menu, status: StoreView, now: Timestamp, chosen: Chosen, sent: bool, locale: Locale) -> impl IntoView {
    let store = menu.store.to_string();
    let Some(product) = menu.products().next().cloned() else { return ().erase() };
    let choice = Choice::new(&product, chosen);
    let menu = live_menu(menu);
    let form = NodeRef::<leptos::html::Form>::new();
    Effect::new(move |_| {
        if let Some(form) = form.get() {
            choice.read(&form);
        }
    });
    let (busy, alive) = (tab::busy(), alive());
    let tried = RwSignal::new(sent);
    let quote = Memo::new(move |_| menu.with(|menu| pricing::quote(menu, &[choice.line()], now)));
    let sold_out =
        Memo::new(move |_| menu.with(|menu| !menu.products().flat_map(|product| &product.variants).any(|variant| variant.available)));
    let offer = sold_out_notice(&product.id, choice, menu, form, now, locale);
    let status = newest(status);
    let closed = Memo::new(move |_| status.with(|store| !store.open));
    let offline = offline();
    // Why nothing went off when the button was pressed: said until the next press, or until there is a network again.
    let failed = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        if !offline.get() && failed.with_untracked(|failed| failed.as_deref() == Some(w::problem::offline(locale))) {
            failed.set(None);
        }
    });
    let (next, key) = (paths::store(&store), StoredValue::new(None));
    let submit = move |event: SubmitEvent| {
        // Sent by the browser itself, it would leave the page for one of the browser's where nobody answers.
        event.prevent_default();
        tried.set(true);
        let Some(form) = form.get_untracked() else { return };
        if busy.get_untracked() {
            return;
        }
        failed.set(None);
        if quote.with_untracked(Result::is_err) {
            return;
        }
        if offline.get_untracked() {
            return failed.set(Some(w::problem::offline(locale).to_owned()));
        }
        busy.set(true);
        let next = next.clone();
        spawn_local(async move {
            let why = match cart::add(&form, key).await {
                // The button stays at work until the next page is there.
                Ok(CartAnswer::Done(_)) => return tab::go(&next),
                Ok(CartAnswer::Refused(refusal)) => cart::why(refusal, locale),
                Err(tab::Unreachable) => w::problem::unreachable(locale).to_owned(),
            };
            let _ = failed.try_set(Some(why));
            let _ = busy.try_set(false);
        });
    };
    let sizes = (product.variants.len() > 1).then(|| sizes(&product.variants, choice, menu, now, locale));
    let only = (product.variants.len() == 1).then(|| view! { <input type="hidden" name="sku" value=choice.sku.get_untracked()/> });
    let groups = product.modifiers.iter().map(|group| modifier(group, choice, menu, tried, locale)).collect_view();
    let label = move || match (sold_out.get(), busy.get(), closed.get()) {
        (true, ..) => w::product::sold_out(locale),
        (_, true, _) => w::product::adding(locale),
        (.., true) => w::product::add_closed(locale),
        _ => w::product::add(locale),
    };
    let total = move || quote.with(|quote| quote.as_ref().ok().map(|quote| quote.total)).map(|total| pieces::price(total, locale));
    let problem = move || {
        let text = quote.with(|quote| problems(quote, tried.get(), locale));
        text.map(|text| view! { <p class="field-error">{pieces::icon("alert")}{text}</p> })
    };
    // At its end a button of the stepper does nothing, and keeps the focus of who works by keyboard.
    let at_end = move |end: i64| (choice.quantity.get() == end).then_some("true");
    view! {
        <form node_ref=form class="product__options" method="post" action=paths::form::CART_ADD autocomplete="off" on:submit=submit
            data-alive=move || alive.get().then_some("true") data-testid="product-form">
            <input type="hidden" name="store" value=store/>
            <input type="hidden" name="product" value=product.id.to_string()/>
            {only}
            {sizes}
            {groups}
            <div class="told" aria-live="polite">{offer}</div>
            <div class="buy-bar">
                // What the button has come to stands above it, where the thumb is: the bar is seen wherever one has scrolled to.
                {move || failed.get().map(|text| view! { <p class="field-error" role="alert">{pieces::icon("alert")}{text}</p> })}
                <div class="told" role="status" data-testid="choice-problem">{problem}</div>
                <div class="stepper" role="group" aria-label=w::product::quantity(locale)>
                    <button class="stepper__button needs-scripts" type="button" aria-label=w::product::less(locale)
                        disabled=move || !alive.get() aria-disabled=move || at_end(1) on:click=move |_| choice.step(-1)>{pieces::icon("minus")}</button>
                    <input class="stepper__value" type="number" name="quantity" min="1" max="99" inputmode="numeric"
                        aria-label=w::product::quantity(locale) value=choice.quantity.get_untracked()
                        prop:value=move || choice.quantity.get()
                        on:change=move |event| choice.quantity.set(event_target_value(&event).parse().unwrap_or(1).clamp(1, MAX_QUANTITY))/>
                    <button class="stepper__button needs-scripts" type="button" aria-label=w::product::more(locale)
                        disabled=move || !alive.get() aria-disabled=move || at_end(MAX_QUANTITY) on:click=move |_| choice.step(1)>{pieces::icon("plus")}</button>
                </div>
                <button class="button button--tall button--split" disabled=move || sold_out.get() aria-busy=move || busy.get().to_string()
                    data-testid="add-to-cart"><span>{label}</span>
                    // Until the form is alive it stays that of the first choice.
                    <span class="needs-scripts">{total}</span></button>
            </div>
        </form>
    }
    .erase()
}

/// What of the choice has sold out while it was looked at, and the way to what is nearest to it: a link, which also works where
/// nothing is alive.
fn sold_out_notice(
    product: &ProductId,
    choice: Choice,
    menu: Memo<Menu>,
    form: NodeRef<leptos::html::Form>,
    now: Timestamp,
    locale: Locale,
) -> impl Fn() -> Option<AnyView> + Send + Clone + 'static {
    let page = StoredValue::new(paths::product(menu.with_untracked(|menu| menu.store.to_string()), product));
    let offer = Memo::new(move |_| {
        menu.with(|menu| {
            let line = choice.line();
            let with = pricing::alternative(menu, &line, now)?;
            let names = gone(menu, &line, locale);
            (!names.is_empty()).then_some(())?;
            Some((names, swap_label(menu, &line, &with, locale)?, with))
        })
    });
    move || {
        offer.get().map(|(names, label, with)| {
            let href = format!("{}?sku={}&options={}", page.get_value(), with.sku, with.options.join(","));
            let press = move |event: MouseEvent| {
                if let Some(form) = form.get_untracked() {
                    event.prevent_default();
                    menu.with_untracked(|menu| choice.take(&form, menu, &with));
                }
            };
            view! {
                <div class="notice" data-tone="wait" data-testid="choice-gone">
                    {pieces::icon("alert")}
                    <p class="notice__title">{w::product::gone(locale, names)}</p>
                    <p><a class="button button--quiet" href=href on:click=press data-testid="choice-instead">{label}</a></p>
                </div>
            }
            .erase()
        })
    }
}

/// Why the form cannot be sent, once somebody has tried to.
fn problems(quote: &Result<pricing::Quote, Faults>, tried: bool, locale: Locale) -> Option<&'static str> {
    let fault = quote.as_ref().err().filter(|_| tried)?.0.first()?;
    Some(w::refusal(if fault.code == "unavailable" { "item_unavailable" } else { &fault.code }, locale))
}

fn sizes(variants: &[Variant], choice: Choice, menu: Memo<Menu>, now: Timestamp, locale: Locale) -> AnyView {
    let cards = variants
        .iter()
        .map(|variant| {
            let sku = variant.sku.to_string();
            let of = move |menu: &Menu, sku: &str| menu.variant(sku).map(|(_, variant)| (variant.available, variant.price_at(now)));
            let state = Memo::new({
                let sku = sku.clone();
                move |_| menu.with(|menu| of(menu, &sku)).unwrap_or((false, None))
            });
            let note = move || match state.get() {
                (true, Some(price)) => pieces::price(price, locale).erase(),
                _ => w::menu::sold_out(locale).erase(),
            };
            let chosen = sku.clone();
            view! {
                <label class="radio-card">
                    <input type="radio" name="sku" value=sku.clone() checked=choice.sku.get_untracked() == sku
                        disabled=move || !state.get().0 on:change=move |_| choice.sku.set(chosen.clone())/>
                    <span class="radio-card__name">{variant.name.in_locale(locale).to_owned()}</span>
                    <span class="radio-card__note">{note}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="choice">
            <legend>{w::product::variant(locale)}</legend>
            <div class="choice__cards">{cards}</div>
        </fieldset>
    }
    .erase()
}

fn hint(group: &ModifierGroup, locale: Locale) -> String {
    match (group.min, group.max) {
        (1, 1) => w::product::choose_one(locale).to_owned(),
        (0, max) => w::product::choose_up_to(locale, max),
        (min, max) if min == max => w::product::choose_exactly(locale, min),
        (min, max) => w::product::choose_between(locale, max, min),
    }
}

/// A group of options: one of them as radio buttons, several as boxes to tick.
fn modifier(group: &ModifierGroup, choice: Choice, menu: Memo<Menu>, tried: RwSignal<bool>, locale: Locale) -> AnyView {
    let one = group.min == 1 && group.max == 1;
    let ids: Vec<String> = group.options.iter().map(|option| option.id.to_string()).collect();
    let (min, max) = (group.min as usize, group.max as usize);
    let count = Memo::new({
        let ids = ids.clone();
        move |_| choice.options.with(|chosen| chosen.iter().filter(|id| ids.contains(id)).count())
    });
    let wrong = Memo::new(move |_| count.get() > max || (count.get() < min && tried.get()));
    let field = format!("options[{}][]", group.id);
    let error = format!("{}-error", group.id);
    let described = error.clone();
    let chips = group
        .options
        .iter()
        .map(|option| {
            let id = option.id.to_string();
            let state = Memo::new({
                let id = id.clone();
                move |_| {
                    let found = menu.with(|menu| {
                        let options = menu.products().flat_map(|product| &product.modifiers).flat_map(|group| &group.options);
                        options.into_iter().find(|option| option.id.as_str() == id).map(|option| (option.available, option.price))
                    });
                    found.unwrap_or((false, Money::zero(menu.with(|menu| menu.currency))))
                }
            });
            let change = {
                let (id, ids) = (id.clone(), ids.clone());
                move |event: web_sys::Event| {
                    let checked = event_target_checked(&event);
                    choice.options.update(|chosen| {
                        chosen.retain(|other| *other != id && !(one && ids.contains(other)));
                        if checked {
                            chosen.push(id.clone());
                        }
                    });
                }
            };
            let extra = move || {
                let (available, price) = state.get();
                (available && price.amount > 0)
                    .then(|| view! { <span class="chip__price">{w::product::plus(locale, price.format(locale))}</span> })
            };
            let sold_out = move || {
                (!state.get().0).then(|| view! { <span class="sr-only">{w::menu::comma(locale)}{w::menu::sold_out(locale)}</span> })
            };
            view! {
                <label class="chip">
                    <input type=if one { "radio" } else { "checkbox" } name=field.clone() value=id.clone()
                        checked=choice.options.with_untracked(|chosen| chosen.contains(&id))
                        disabled=move || !state.get().0 on:change=change/>
                    <span>{option.name.in_locale(locale).to_owned()}</span>
                    {sold_out}
                    {extra}
                </label>
            }
        })
        .collect_view();
    let sentence = move || {
        wrong.get().then(|| {
            let text = w::refusal(if count.get() > max { "modifier_max" } else { "modifier_min" }, locale);
            view! { <p class="field-error" id=error.clone()>{pieces::icon("alert")}{text}</p> }
        })
    };
    view! {
        <fieldset class="choice" aria-invalid=move || wrong.get().then_some("true") aria-describedby=move || wrong.get().then(|| described.clone())>
            <legend>{group.name.in_locale(locale).to_owned()}" "<span class="choice__hint">{hint(group, locale)}</span></legend>
            <div class="choice__chips">{chips}</div>
            {sentence}
        </fieldset>
    }
    .erase()
}
