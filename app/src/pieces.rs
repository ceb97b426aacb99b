//! Small pieces of markup that pages and islands share.

use domain::{Locale, Money, view::LineView};
use leptos::prelude::*;

use crate::{erase::Erase as _, paths, words as w};

/// A drawing of the house's hand, only to be looked at; the words stand beside it.
pub fn icon(name: &'static str) -> impl IntoView {
    view! { <svg class="icon" aria-hidden="true"><use_ href=format!("/img/icons.svg#{name}")/></svg> }
}

/// The amount alone, as machines read it: `4.50`.
pub fn decimal(money: Money) -> String {
    let digits = money.currency.minor_digits();
    let scale = 10_u64.pow(digits);
    let units = money.amount.unsigned_abs();
    let minus = if money.amount < 0 { "-" } else { "" };
    match digits {
        0 => format!("{minus}{units}"),
        digits => format!("{minus}{}.{:0width$}", units / scale, units % scale, width = digits as usize),
    }
}

/// A price for people and machines.
pub fn price(money: Money, locale: Locale) -> impl IntoView {
    view! { <data value=decimal(money)>{money.format(locale)}</data> }
}

/// How long something takes, in minutes; never less than one.
pub fn wait(seconds: i64, locale: Locale) -> String {
    w::store::minutes(locale, (seconds.max(0) + 59).div_euclid(60).max(1))
}

/// `Flat white, Large`: a product whose variant has a name of its own.
pub fn line_name(line: &LineView, locale: Locale) -> String {
    named(&line.name, &line.variant, locale)
}

/// The same of the two names.
pub fn named(product: &str, variant: &str, locale: Locale) -> String {
    if variant.is_empty() { product.to_owned() } else { w::menu::line(locale, product, variant) }
}

/// `Oat milk · Extra shot`.
pub fn line_options(line: &LineView) -> String {
    line.options.iter().map(|option| option.name.as_str()).collect::<Vec<_>>().join(" · ")
}

/// What went wrong, above the content.
pub fn notice(tone: &'static str, title: String, text: Option<String>) -> AnyView {
    noticed(tone, title, text.map(|text| view! { <p>{text}</p> }).erase())
}

/// What a form was refused for, above the content. Where an order may have been placed all the same, the way to look.
pub fn refused(tone: &'static str, code: &str, locale: Locale) -> AnyView {
    let look = matches!(code, "unavailable" | "idempotency_key_reused")
        .then(|| view! { <p><a href=paths::ORDERS>{w::lost::my_orders(locale)}</a></p> });
    noticed(tone, w::problem::title(locale).to_owned(), view! { <p>{w::refusal(code, locale)}</p>{look} }.erase())
}

fn noticed(tone: &'static str, title: String, text: AnyView) -> AnyView {
    let role = if tone == "stop" { "alert" } else { "status" };
    view! {
        <div class="notice" data-tone=tone role=role id="problem">
            {icon(if tone == "wait" { "clock" } else { "alert" })}
            <p class="notice__title">{title}</p>
            {text}
        </div>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use domain::Currency;

    use super::*;

    #[test]
    fn amounts_for_machines_have_no_sign_of_currency() {
        assert_eq!(decimal(Money::new(450, Currency::USD)), "4.50");
        assert_eq!(decimal(Money::new(-5, Currency::USD)), "-0.05");
        assert_eq!(decimal(Money::new(1200, Currency::JPY)), "1200");
    }

    #[test]
    fn a_variant_follows_its_product_as_the_language_writes_it() {
        assert_eq!(named("Flat white", "Large", Locale::En), "Flat white, Large");
        assert_eq!(named("馥芮白", "中杯", Locale::ZhCn), "馥芮白，中杯");
        assert_eq!(named("Espresso", "", Locale::En), "Espresso");
    }

    #[test]
    fn a_wait_is_never_nothing() {
        assert_eq!(wait(-3, Locale::En), "1 min");
        assert_eq!(wait(61, Locale::En), "2 min");
    }
}
