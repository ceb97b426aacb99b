//! What pages, islands and forms tell each other: small values that cross the wire inside the app.

use domain::{
    Fault, Locale, Money, Timestamp, UserId,
    catalog::Menu,
    pricing::LineRequest,
    view::{KioskView, MemberView, StoreView, TokenView},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is in a cart, in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartSummary {
    /// Pieces, not lines.
    pub count: i64,
    /// `None` where something in it cannot be priced now.
    pub total: Option<Money>,
}

/// A line of a cart with its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub id: String,
    pub request: LineRequest,
}

/// What there is in some lines, and how many of each, however they are parted: the same text where it is the same. What the page of a
/// cart shows and what is ordered are compared by it.
pub fn things<'a>(lines: impl IntoIterator<Item = &'a LineRequest>) -> String {
    let mut things = BTreeMap::<(&str, BTreeSet<&str>), i64>::new();
    for line in lines {
        let quantity = things.entry((&line.sku, line.options.iter().map(String::as_str).collect())).or_default();
        *quantity = quantity.saturating_add(line.quantity);
    }
    let thing = |((sku, options), quantity): ((&str, BTreeSet<&str>), i64)| {
        let options: Vec<_> = options.into_iter().collect();
        format!("{quantity} {sku} {};", options.join("+"))
    };
    things.into_iter().map(thing).collect()
}

/// A mark that changes with whatever the settings page shows of people, screens and tokens; who is at work changes nothing.
pub fn people_mark(members: &[MemberView], kiosks: &[KioskView], tokens: &[TokenView]) -> String {
    let members = members.iter().map(|m| format!("{}{}{:?}{}{:?}", m.id, m.name, m.roles, m.has_password, m.code_until));
    let kiosks = kiosks.iter().map(|kiosk| {
        let devices: Vec<_> = kiosk.devices.iter().map(|device| device.id.to_string()).collect();
        format!("{}{devices:?}{:?}", kiosk.id, kiosk.pairing_until)
    });
    members.chain(kiosks).chain(tokens.iter().map(|token| token.id.to_string())).collect::<Vec<_>>().join("\n")
}

/// What a form was refused for: the code of the refusal, and what is wrong where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: String,
    pub faults: Vec<Fault>,
}

impl Refusal {
    /// The till that nobody reaches.
    pub fn unavailable() -> Self {
        Self { code: "unavailable".to_owned(), faults: Vec::new() }
    }

    /// The same of what only changes a cart: there is no order to look for.
    pub fn of_cart(mut self) -> Self {
        let own = match &*self.code {
            "unavailable" | "request_in_progress" => "unreachable",
            "idempotency_key_reused" => "cart_sent_before",
            _ => return self,
        };
        own.clone_into(&mut self.code);
        self
    }

    /// Whether it may have been done all the same: the form keeps its key then, and sent again it is the same order.
    pub fn is_open(&self) -> bool {
        matches!(&*self.code, "unavailable" | "unreachable" | "request_in_progress" | "internal")
    }
}

/// The answer of the cart's forms to a script; a plain form is sent to the next page instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CartAnswer {
    Done(CartSummary),
    Refused(Refusal),
}

/// The answer to a script that puts something else into the place of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwapAnswer {
    /// The cart as it is now: the line may have become part of another one.
    Done(Vec<Line>),
    Refused(Refusal),
}

/// The answer of a switch to a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwitchAnswer {
    Done,
    Refused(Refusal),
}

/// The answer of the hold's form to a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldAnswer {
    Held(Held),
    Refused(Refusal),
}

/// A live hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub checkout: String,
    pub expires_at: Timestamp,
    /// How long it is held in all.
    pub seconds: i64,
    /// What it costs until then, whatever the menu says meanwhile.
    pub sums: Sums,
    /// What is held: all that is in the cart, whichever page put it there.
    pub lines: Vec<LineRequest>,
}

/// What an answer is where its form was refused.
macro_rules! refusable {
    ($($answer:ident)*) => {
        $(impl From<Refusal> for $answer {
            fn from(refusal: Refusal) -> Self {
                Self::Refused(refusal)
            }
        })*
    };
}
refusable! { CartAnswer SwapAnswer SwitchAnswer HoldAnswer PlaceAnswer }

/// What a cart costs: each of its lines in their order, and all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub lines: Vec<Money>,
    pub subtotal: Money,
    pub total: Money,
}

/// The answer of the order form to a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlaceAnswer {
    /// The order's page.
    Placed {
        page: String,
    },
    Refused(Refusal),
}

/// A postal address as it is typed: unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddressFields {
    pub name: String,
    pub line1: String,
    pub line2: String,
    pub city: String,
    pub region: String,
    pub postal_code: String,
    pub country: String,
}

/// The wallet of who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    pub user: UserId,
    /// What is in it, as of the page.
    pub balance: Money,
}

/// What the order form sends for a payment from the wallet; anything else is a card's token.
pub const WALLET: &str = "wallet";

/// The cards of the built-in test provider that the order form offers.
pub const CARDS: [&str; 6] = ["tok_ok", "tok_declined", "tok_slow", "tok_later", "tok_3ds", "tok_timeout"];

/// Whether the order form has this to pay with.
pub fn is_offered(payment: &str) -> bool {
    payment == WALLET || CARDS.contains(&payment)
}

/// Everything the checkout needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckoutPage {
    pub store: StoreView,
    /// Only what is in the cart, and what may be offered instead.
    pub menu: Menu,
    pub lines: Vec<Line>,
    /// What is held of these lines from a look before this one.
    pub held: Option<Held>,
    /// Sent by post, not picked up.
    pub ships: bool,
    /// Makes the order happen once, however often the form is sent.
    pub key: String,
    pub address: AddressFields,
    /// What was chosen to pay with when the last try was refused ([`is_offered`]).
    pub payment: Option<String>,
    /// The shopper's wallet; `None` for who has not signed in.
    pub wallet: Option<Wallet>,
    /// What the last try was refused for.
    pub refusal: Option<Refusal>,
    /// What the shopper was told it costs, where the last try was refused because that is no longer so.
    pub told: Option<Money>,
}

/// What was chosen of a product before, when its form comes back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    pub sku: Option<String>,
    pub options: Option<Vec<String>>,
    pub quantity: Option<i64>,
}

/// Times of a store as people there read them, without a table of time zones in the browser: minutes east of UTC at the
/// time of the page. A page that is open while the clocks change is an hour off until it is loaded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoreClock {
    pub offset_minutes: i32,
}

impl StoreClock {
    /// The time of day at the store, as the language writes it: `11:05 PM`, `23:05`.
    pub fn hour(self, at: Timestamp, locale: Locale) -> String {
        self.time(at, "", locale)
    }

    /// The same to the second: `11:05:59 PM`, `23:05:59`.
    pub fn second(self, at: Timestamp, locale: Locale) -> String {
        self.time(at, &format!(":{:02}", at.as_millis().div_euclid(1000).rem_euclid(60)), locale)
    }

    fn time(self, at: Timestamp, seconds: &str, locale: Locale) -> String {
        let minutes = (at.as_millis().div_euclid(60_000) + i64::from(self.offset_minutes)).rem_euclid(24 * 60);
        let (hour, minute) = (minutes / 60, minutes % 60);
        match locale {
            // The space keeps the two together.
            Locale::En => format!("{}:{minute:02}{seconds}\u{a0}{}", (hour + 11) % 12 + 1, if hour < 12 { "AM" } else { "PM" }),
            Locale::ZhCn => format!("{hour:02}:{minute:02}{seconds}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carts_are_the_same_when_the_same_is_in_them() {
        let line = |sku: &str, quantity, options: &[&str]| LineRequest {
            sku: sku.to_owned(),
            quantity,
            options: options.iter().map(|&id| id.to_owned()).collect(),
        };
        let (tea, oat, soy) = (line("tea", 1, &[]), line("latte", 2, &["oat", "large"]), line("latte", 1, &["soy"]));
        let whole = things([&tea, &oat, &soy]);
        assert_eq!(things([&soy, &line("latte", 1, &["large", "oat"]), &tea, &line("latte", 1, &["oat", "large"])]), whole);
        for other in [&line("tea", 2, &[]), &line("tea", 1, &["oat"]), &line("coffee", 1, &[])] {
            assert_ne!(things([other, &oat, &soy]), whole, "{other:?}");
        }
        assert_eq!(things(&[]), "");
    }

    #[test]
    fn a_cart_that_could_not_be_changed_is_no_order() {
        let refusal = |code: &str| Refusal { code: code.to_owned(), faults: Vec::new() };
        for (code, own, open) in [
            ("unavailable", "unreachable", true),
            ("request_in_progress", "unreachable", true),
            ("idempotency_key_reused", "cart_sent_before", false),
            ("out_of_stock", "out_of_stock", false),
        ] {
            let cart = refusal(code).of_cart();
            assert_eq!((&*cart.code, cart.is_open(), refusal(code).is_open()), (own, open, open));
        }
    }

    #[test]
    fn hours_are_the_stores_and_the_languages() {
        let at: Timestamp = "2026-11-22T07:05:59.999Z".parse().unwrap();
        let hours = |offset_minutes| [Locale::En, Locale::ZhCn].map(|locale| StoreClock { offset_minutes }.hour(at, locale));
        assert_eq!(hours(-480), ["11:05\u{a0}PM", "23:05"]);
        assert_eq!(hours(345), ["12:50\u{a0}PM", "12:50"]);
        assert_eq!(hours(-420), ["12:05\u{a0}AM", "00:05"]);
        assert_eq!(StoreClock { offset_minutes: -480 }.second(at, Locale::En), "11:05:59\u{a0}PM");
        assert_eq!(hours(0), ["7:05\u{a0}AM", "07:05"]);
    }
}
