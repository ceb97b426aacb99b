//! The pricing engine: `quote(menu, lines, now)`. The browser runs it for the preview, the server for the truth.

mod alternative;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    Fault, Faults, Money, OptionId, ProductId, Sku, Terms, Text, Timestamp,
    catalog::{Menu, ModifierGroup},
    money::MoneyError,
};

pub use self::alternative::{alternative, around, is_offered};

/// At most so many of one line.
pub const MAX_QUANTITY: i64 = 99;
/// At most so many lines in one cart.
pub const MAX_LINES: usize = 50;

/// A line as somebody asks for it: unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LineRequest {
    pub sku: String,
    /// 1 to 99.
    #[serde(deserialize_with = "any_integer")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 99))]
    pub quantity: i64,
    /// Ids of the chosen options.
    #[serde(default)]
    pub options: Vec<String>,
}

/// A number that is out of `i64` (2^63, 1e300) is out of range, not malformed: it is taken as the nearest `i64`.
fn any_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = i64;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_i64<E>(self, n: i64) -> Result<i64, E> {
            Ok(n)
        }

        fn visit_u64<E>(self, n: u64) -> Result<i64, E> {
            Ok(i64::try_from(n).unwrap_or(i64::MAX))
        }

        fn visit_f64<E: serde::de::Error>(self, n: f64) -> Result<i64, E> {
            // A cast from float saturates, which is what is wanted here.
            if n.fract() == 0.0 { Ok(n as i64) } else { Err(E::invalid_value(serde::de::Unexpected::Float(n), &self)) }
        }
    }
    deserializer.deserialize_any(Visitor)
}

/// A checked line, priced, with the names it was sold under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteLine {
    pub sku: Sku,
    pub product: ProductId,
    pub name: Text,
    pub variant: Text,
    pub options: Vec<QuoteOption>,
    pub quantity: i64,
    /// With the options.
    pub unit_price: Money,
    pub total: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteOption {
    pub id: OptionId,
    pub name: Text,
    pub price: Money,
}

/// What a promotion took off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    pub promotion: String,
    pub name: Text,
    /// Positive.
    pub amount: Money,
    /// Indexes of the lines it was taken from.
    pub lines: Vec<usize>,
}

/// Why a promotion or coupon applied, or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Explanation {
    pub promotion: String,
    pub applied: bool,
    pub reason: String,
}

/// What a cart costs. Tax is included in prices, shipping is free: `total = subtotal - discounts + shipping`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub subtotal: Money,
    pub discounts: Vec<Discount>,
    pub shipping: Money,
    /// Included in the total.
    pub tax: Money,
    pub total: Money,
    pub lines: Vec<QuoteLine>,
    pub explanations: Vec<Explanation>,
}

/// What is wrong with a cart that has nothing in it.
pub fn no_lines() -> Fault {
    Fault::new("/lines", "no_lines", "Add at least one item.")
}

/// Prices a cart from a menu at an instant. All faults at once, with pointers below `/lines`.
///
/// Codes: `no_lines`, `too_many_lines`, `unknown_sku`, `unavailable`, `quantity_out_of_range`, `unknown_option`,
/// `duplicate_option`, `modifier_min`, `modifier_max`, `currency_mismatch`, `total_out_of_range`.
pub fn quote(menu: &Menu, lines: &[LineRequest], now: Timestamp) -> Result<Quote, Faults> {
    let mut faults = Vec::new();
    if lines.is_empty() {
        faults.push(no_lines());
    }
    if lines.len() > MAX_LINES {
        return Err(Faults(vec![Fault::new("/lines", "too_many_lines", format!("At most {MAX_LINES} lines."))]));
    }
    let priced: Vec<QuoteLine> = lines.iter().enumerate().filter_map(|(at, line)| price_line(menu, at, line, now, &mut faults)).collect();
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    let subtotal = Money::sum(menu.currency, priced.iter().map(|l| l.total))
        .map_err(|e| Faults(vec![Fault::new("/lines", money_code(e), "The total is too large.")]))?;
    Ok(Quote {
        subtotal,
        discounts: Vec::new(),
        shipping: Money::zero(menu.currency),
        tax: Money::zero(menu.currency),
        total: subtotal,
        lines: priced,
        explanations: Vec::new(),
    })
}

fn price_line(menu: &Menu, at: usize, line: &LineRequest, now: Timestamp, faults: &mut Vec<Fault>) -> Option<QuoteLine> {
    let before = faults.len();
    let pointer = |field: &str| format!("/lines/{at}/{field}");
    if !(1..=MAX_QUANTITY).contains(&line.quantity) {
        faults.push(
            Fault::new(pointer("quantity"), "quantity_out_of_range", format!("Choose 1 to {MAX_QUANTITY}."))
                .with(Terms::between(1, MAX_QUANTITY)),
        );
    }
    let Some((product, variant)) = menu.variant(&line.sku) else {
        faults.push(Fault::new(pointer("sku"), "unknown_sku", "This store has no such item."));
        return None;
    };
    let Some(price) = variant.price_at(now) else {
        faults.push(Fault::new(pointer("sku"), "unknown_sku", "This item has no price here."));
        return None;
    };
    if !variant.available {
        faults.push(Fault::new(pointer("sku"), "unavailable", "This item is sold out."));
    }
    let mut options = Vec::new();
    for (n, id) in line.options.iter().enumerate() {
        let at_option = pointer(&format!("options/{n}"));
        if line.options[..n].contains(id) {
            faults.push(Fault::new(at_option, "duplicate_option", "This option is named twice."));
            continue;
        }
        match product.modifiers.iter().flat_map(|g| &g.options).find(|o| o.id.as_str() == id) {
            None => faults.push(Fault::new(at_option, "unknown_option", "This item has no such option.")),
            Some(option) if !option.available => faults.push(Fault::new(at_option, "unavailable", "This option is sold out.")),
            Some(option) => options.push(QuoteOption { id: option.id.clone(), name: option.name.clone(), price: option.price }),
        }
    }
    for group in &product.modifiers {
        check_group(group, &line.options, || pointer("options"), faults);
    }
    if faults.len() > before {
        return None;
    }
    let priced = options
        .iter()
        .try_fold(price, |sum, option| sum.checked_add(option.price))
        .and_then(|unit| unit.checked_mul(line.quantity).map(|total| (unit, total)));
    match priced {
        Ok((unit_price, total)) if unit_price.currency == menu.currency => Some(QuoteLine {
            sku: variant.sku.clone(),
            product: product.id.clone(),
            name: product.name.clone(),
            variant: variant.name.clone(),
            options,
            quantity: line.quantity,
            unit_price,
            total,
        }),
        other => {
            let code = other.err().map_or("currency_mismatch", money_code);
            faults.push(Fault::new(pointer("sku"), code, "The price of this item cannot be worked out."));
            None
        }
    }
}

/// RFC 6901 points at the line's options: what is missing has no place of its own.
fn check_group(group: &ModifierGroup, chosen: &[String], pointer: impl Fn() -> String, faults: &mut Vec<Fault>) {
    let count = chosen.iter().filter(|id| group.options.iter().any(|o| o.id.as_str() == id.as_str())).count();
    if count < group.min as usize {
        let detail = format!("Choose at least {} of {}.", group.min, group.name.en);
        let terms = Terms { least: Some(group.min.into()), name: Some(group.name.clone()), ..Terms::default() };
        faults.push(Fault::new(pointer(), "modifier_min", detail).with(terms));
    } else if count > group.max as usize {
        let detail = format!("Choose at most {} of {}.", group.max, group.name.en);
        let terms = Terms { most: Some(group.max.into()), name: Some(group.name.clone()), ..Terms::default() };
        faults.push(Fault::new(pointer(), "modifier_max", detail).with(terms));
    }
}

const fn money_code(error: MoneyError) -> &'static str {
    match error {
        MoneyError::CurrencyMismatch(..) => "currency_mismatch",
        MoneyError::Overflow => "total_out_of_range",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Currency, catalog::*};

    fn usd(amount: i64) -> Money {
        Money::new(amount, Currency::USD)
    }

    fn menu() -> Menu {
        let option =
            |id: &str, price, available| ModifierOption { id: id.parse().unwrap(), name: Text::new(id, id), price: usd(price), available };
        Menu {
            store: "harbor".parse().unwrap(),
            currency: Currency::USD,
            version: 1,
            categories: vec![Category {
                id: "coffee".parse().unwrap(),
                name: Text::new("Coffee", "咖啡"),
                products: vec![Product {
                    id: "flat-white".parse().unwrap(),
                    name: Text::new("Flat white", "馥芮白"),
                    description: Text::default(),
                    image: None,
                    variants: [("flat-white-regular", 450, true), ("flat-white-large", 520, false)]
                        .map(|(sku, price, available)| Variant {
                            sku: sku.parse().unwrap(),
                            name: Text::default(),
                            prices: vec![PriceWindow::base(usd(price))],
                            available,
                            out_of_stock: false,
                        })
                        .into(),
                    modifiers: vec![ModifierGroup {
                        id: "milk".parse().unwrap(),
                        name: Text::new("Milk", "奶"),
                        min: 1,
                        max: 1,
                        options: vec![option("whole", 0, true), option("oat", 60, true), option("soy", 50, false)],
                    }],
                }],
            }],
        }
    }

    fn line(sku: &str, quantity: i64, options: &[&str]) -> LineRequest {
        LineRequest { sku: sku.into(), quantity, options: options.iter().map(|o| (*o).to_owned()).collect() }
    }

    fn faults(lines: &[LineRequest]) -> Vec<(String, String)> {
        let Err(Faults(faults)) = quote(&menu(), lines, Timestamp::default()) else { return vec![] };
        faults.into_iter().map(|f| (f.pointer, f.code)).collect()
    }

    #[test]
    fn options_are_added_a_unit() {
        let quote = quote(&menu(), &[line("flat-white-regular", 2, &["oat"])], Timestamp::default()).unwrap();
        assert_eq!((quote.lines[0].unit_price, quote.total), (usd(510), usd(1020)));
    }

    #[test]
    fn every_fault_is_named_at_once_with_its_place() {
        let wrong = [
            line("latte", 1, &[]),
            line("flat-white-large", 0, &["oat"]),
            line("flat-white-regular", 100, &["whole", "oat"]),
            line("flat-white-regular", -1, &[]),
            line("flat-white-regular", 1, &["soy", "gold"]),
            line("flat-white-regular", 1, &["oat", "oat"]),
        ];
        let expected = [
            ("/lines/0/sku", "unknown_sku"),
            ("/lines/1/quantity", "quantity_out_of_range"),
            ("/lines/1/sku", "unavailable"),
            ("/lines/2/quantity", "quantity_out_of_range"),
            ("/lines/2/options", "modifier_max"),
            ("/lines/3/quantity", "quantity_out_of_range"),
            ("/lines/3/options", "modifier_min"),
            ("/lines/4/options/0", "unavailable"),
            ("/lines/4/options/1", "unknown_option"),
            ("/lines/5/options/1", "duplicate_option"),
            ("/lines/5/options", "modifier_max"),
        ];
        assert_eq!(faults(&wrong), expected.map(|(p, c)| (p.to_owned(), c.to_owned())));
        assert_eq!(faults(&[]), [("/lines".to_owned(), "no_lines".to_owned())]);
    }

    #[test]
    fn a_number_beyond_64_bits_is_out_of_range_not_malformed() {
        for number in ["9223372036854775808", "-9223372036854775809", "1e300"] {
            let line: LineRequest =
                serde_json::from_str(&format!(r#"{{"sku":"flat-white-regular","quantity":{number},"options":["oat"]}}"#)).unwrap();
            assert_eq!(faults(&[line]), [("/lines/0/quantity".to_owned(), "quantity_out_of_range".to_owned())]);
        }
        assert!(serde_json::from_str::<LineRequest>(r#"{"sku":"a","quantity":1.5}"#).is_err());
        assert!(serde_json::from_str::<LineRequest>(r#"{"sku":"a","quantity":"2"}"#).is_err());
    }

    #[test]
    fn a_price_in_another_currency_is_refused() {
        let mut menu = menu();
        menu.currency = Currency::EUR;
        let Err(Faults(faults)) = quote(&menu, &[line("flat-white-regular", 1, &["oat"])], Timestamp::default()) else { panic!("priced") };
        assert_eq!(faults[0].code, "currency_mismatch");
    }

    proptest! {
        #[test]
        fn the_total_is_the_sum_of_the_lines(quantities in prop::collection::vec(1..=MAX_QUANTITY, 1..10)) {
            let lines: Vec<_> = quantities.iter().map(|q| line("flat-white-regular", *q, &["oat"])).collect();
            let quote = quote(&menu(), &lines, Timestamp::default()).unwrap();
            prop_assert_eq!(quote.total.amount, quantities.iter().sum::<i64>() * 510);
            prop_assert_eq!(quote.total, Money::sum(Currency::USD, quote.lines.iter().map(|l| l.total)).unwrap());
        }

        #[test]
        fn any_cart_is_priced_or_refused(lines in prop::collection::vec(("\\PC{0,20}", any::<i64>(), prop::collection::vec("\\PC{0,8}", 0..4)), 0..60)) {
            let lines: Vec<_> = lines.into_iter().map(|(sku, quantity, options)| LineRequest { sku, quantity, options }).collect();
            let _ = quote(&menu(), &lines, Timestamp::default());
        }
    }
}
