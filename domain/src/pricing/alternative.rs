//! What is offered in the place of a line that can no longer be sold: of what the shopper would also take, what is nearest in price.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{LineRequest, MAX_QUANTITY, quote};
use crate::{
    Text, Timestamp,
    catalog::{Menu, ModifierGroup, ModifierOption, Product, Variant},
};

/// So many products of its category are kept for a line by [`around`].
const NEAR: usize = 6;

/// The line that is nearest to one that is sold out, in part or as a whole; `None` where nothing of it is, or nothing is left
/// to offer. What it answers can be bought.
///
/// - An option that is sold out gives way to another one of its group; where there is none, it is left out if the group allows it.
/// - A variant gives way to another one of its product, with the same options as far as they are there.
/// - Where no variant of the product is left, another product of the category is taken, with the options that both have.
///
/// Nearest is what differs least in price; of two that differ alike the cheaper one, then what stands first on the menu.
pub fn alternative(menu: &Menu, line: &LineRequest, now: Timestamp) -> Option<LineRequest> {
    let (product, variant) = menu.variant(&line.sku)?;
    // How many somebody wants is another question.
    let sells = |line: &LineRequest| quote(menu, &[LineRequest { quantity: 1, ..line.clone() }], now).is_ok();
    if sells(line) {
        return None;
    }
    let offer = |product: &Product, variant: &Variant| {
        let options = mended(product, &line.options)?;
        Some(LineRequest { sku: variant.sku.to_string(), quantity: line.quantity.clamp(1, MAX_QUANTITY), options }).filter(sells)
    };
    if variant.available {
        return offer(product, variant);
    }
    let price = amount(variant, now);
    let mut of_product: Vec<_> = product.variants.iter().filter(|other| other.available).collect();
    of_product.sort_by_key(|other| nearness(amount(other, now), price));
    let others = others(menu, product, price, now).into_iter().filter(|(_, other)| other.available);
    of_product.into_iter().map(|other| (product, other)).chain(others).find_map(|(product, other)| offer(product, other))
}

/// Whether a line can be bought, or something in its place.
pub fn is_offered(menu: &Menu, line: &LineRequest, now: Timestamp) -> bool {
    quote(menu, std::slice::from_ref(line), now).is_ok() || alternative(menu, line, now).is_some()
}

/// The part of a menu that these lines need to be shown, priced and, should they sell out, to be offered something else: their
/// products and, of each of their categories, those that are nearest. Without descriptions.
pub fn around(menu: &Menu, lines: &[LineRequest], now: Timestamp) -> Menu {
    let mut kept = BTreeSet::new();
    for (product, variant) in lines.iter().filter_map(|line| menu.variant(&line.sku)) {
        kept.insert(&product.id);
        let mut near: Vec<_> = Vec::with_capacity(NEAR);
        let there = |&(_, other): &(&Product, &Variant)| other.available;
        for (other, _) in others(menu, product, amount(variant, now), now).into_iter().filter(there) {
            if near.len() < NEAR && !near.contains(&&other.id) {
                near.push(&other.id);
            }
        }
        kept.extend(near);
    }
    let mut part = menu.only(|product| kept.contains(&product.id));
    for product in part.categories.iter_mut().flat_map(|category| &mut category.products) {
        product.description = Text::default();
    }
    part
}

/// The variants of the other products of its category, the nearest first.
fn others<'m>(menu: &'m Menu, product: &Product, price: i64, now: Timestamp) -> Vec<(&'m Product, &'m Variant)> {
    let with_it = menu.categories.iter().filter(|category| category.products.iter().any(|other| other.id == product.id));
    let products = with_it.flat_map(|category| &category.products).filter(|other| other.id != product.id);
    let mut variants: Vec<_> = products.flat_map(|other| other.variants.iter().map(move |variant| (other, variant))).collect();
    variants.sort_by_key(|(_, variant)| nearness(amount(variant, now), price));
    variants
}

/// Without a price it is not sold, wherever it comes.
fn amount(variant: &Variant, now: Timestamp) -> i64 {
    variant.price_at(now).map_or(0, |price| price.amount)
}

/// Grows with the distance; cheaper comes first. Sorting is stable: then what stands first on the menu.
fn nearness(price: i64, wanted: i64) -> (u64, Reverse<bool>) {
    (price.abs_diff(wanted), Reverse(price < wanted))
}

/// These options as far as the product has them, the sold out ones replaced, and what else it asks for; in the order of a cart.
/// `None` where a group has too little left.
fn mended(product: &Product, chosen: &[String]) -> Option<Vec<String>> {
    let mut options = BTreeSet::new();
    for group in &product.modifiers {
        options.extend(choice(group, chosen)?.into_iter().map(|option| option.id.to_string()));
    }
    Some(options.into_iter().collect())
}

fn choice<'g>(group: &'g ModifierGroup, chosen: &[String]) -> Option<Vec<&'g ModifierOption>> {
    let wanted = chosen.iter().filter_map(|id| group.options.iter().find(|option| option.id.as_str() == id));
    let (mut taken, lost): (Vec<_>, Vec<_>) = wanted.take(group.max as usize).partition(|option| option.available);
    let free = |taken: &[&ModifierOption], option: &ModifierOption| option.available && taken.iter().all(|other| other.id != option.id);
    for gone in lost {
        let left = group.options.iter().filter(|option| free(&taken, option));
        taken.extend(left.min_by_key(|option| nearness(option.price.amount, gone.price.amount)));
    }
    // What comes first is what the product's page chooses, too.
    while taken.len() < group.min as usize {
        let first = group.options.iter().find(|option| free(&taken, option))?;
        taken.push(first);
    }
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Currency, Money, catalog::*};

    fn usd(amount: i64) -> Money {
        Money::new(amount, Currency::USD)
    }

    fn variant((sku, price): (&str, i64)) -> Variant {
        let prices = vec![PriceWindow::base(usd(price))];
        Variant { sku: sku.parse().unwrap(), name: Text::default(), prices, available: true, out_of_stock: false }
    }

    fn group(id: &str, (min, max): (u32, u32), options: &[(&str, i64)]) -> ModifierGroup {
        let option = |(id, price): &(&str, i64)| ModifierOption {
            id: id.parse().unwrap(),
            name: Text::default(),
            price: usd(*price),
            available: true,
        };
        ModifierGroup { id: id.parse().unwrap(), name: Text::default(), min, max, options: options.iter().map(option).collect() }
    }

    fn product(id: &str, variants: &[(&str, i64)], modifiers: Vec<ModifierGroup>) -> Product {
        let variants = variants.iter().copied().map(variant).collect();
        Product { id: id.parse().unwrap(), name: Text::default(), description: Text::new("x", "x"), image: None, variants, modifiers }
    }

    fn category(id: &str, products: Vec<Product>) -> Category {
        Category { id: id.parse().unwrap(), name: Text::default(), products }
    }

    /// A café without what is named: SKUs and options.
    fn without(gone: &[&str]) -> Menu {
        let milk = || group("milk", (1, 1), &[("whole", 0), ("skim", 0), ("oat", 60), ("soy", 50)]);
        let syrup = || group("syrup", (0, 2), &[("vanilla", 50), ("caramel", 70)]);
        let white = product("white", &[("white-s", 400), ("white-m", 450), ("white-l", 520)], vec![milk(), syrup()]);
        let latte = product("latte", &[("latte-m", 460), ("latte-l", 530)], vec![milk()]);
        let black = product("black", &[("black-m", 300)], vec![]);
        let bun = product("bun", &[("bun", 450)], vec![]);
        let mut menu = Menu {
            store: "harbor".parse().unwrap(),
            currency: Currency::USD,
            version: 1,
            categories: vec![category("coffee", vec![white, latte, black]), category("bakery", vec![bun])],
        };
        menu.variants_mut().filter(|variant| gone.contains(&variant.sku.as_str())).for_each(|variant| variant.available = false);
        menu.options_mut().filter(|option| gone.contains(&option.id.as_str())).for_each(|option| option.available = false);
        menu
    }

    fn line(sku: &str, options: &[&str]) -> LineRequest {
        LineRequest { sku: sku.into(), quantity: 2, options: options.iter().map(|id| (*id).to_owned()).collect() }
    }

    /// What is offered for a line where these are sold out.
    fn offered(gone: &[&str], sku: &str, options: &[&str]) -> Option<(String, Vec<String>)> {
        let offer = alternative(&without(gone), &line(sku, options), Timestamp::default())?;
        assert_eq!(offer.quantity, 2, "as many as were wanted");
        Some((offer.sku, offer.options))
    }

    fn this(sku: &str, options: &[&str]) -> (String, Vec<String>) {
        (sku.to_owned(), options.iter().map(|id| (*id).to_owned()).collect())
    }

    #[test]
    fn what_can_be_bought_needs_none_and_what_nobody_knows_has_none() {
        assert_eq!(offered(&["white-l", "soy"], "white-m", &["oat"]), None);
        assert_eq!(offered(&[], "gold", &[]), None);
    }

    #[test]
    fn an_option_gives_way_to_the_nearest_of_its_group() {
        assert_eq!(offered(&["oat"], "white-m", &["oat"]), Some(this("white-m", &["soy"])));
        assert_eq!(offered(&["oat", "soy"], "white-m", &["oat"]), Some(this("white-m", &["whole"])), "of two alike what stands first");
        assert_eq!(offered(&["vanilla"], "white-m", &["oat", "vanilla"]), Some(this("white-m", &["caramel", "oat"])));
        assert_eq!(
            offered(&["vanilla"], "white-m", &["caramel", "oat", "vanilla"]),
            Some(this("white-m", &["caramel", "oat"])),
            "left out"
        );
        assert_eq!(offered(&[], "white-m", &["gold", "oat"]), Some(this("white-m", &["oat"])), "no longer on the menu");
    }

    #[test]
    fn a_line_is_offered_as_long_as_something_is_in_its_place() {
        let there = |gone: &[&str], sku, options: &[&str]| is_offered(&without(gone), &line(sku, options), Timestamp::default());
        assert!(there(&["white-l", "soy"], "white-m", &["oat"]));
        assert!(there(&["oat"], "white-m", &["oat"]), "with soy");
        assert!(there(&["white-m"], "white-m", &["oat"]), "in another size");
        assert!(!there(&["bun"], "bun", &[]));
        assert!(!there(&["whole", "skim", "oat", "soy"], "white-m", &["oat"]));
        assert!(!there(&[], "gold", &[]));
    }

    #[test]
    fn a_variant_gives_way_to_the_nearest_of_its_product() {
        assert_eq!(offered(&["white-m"], "white-m", &["oat"]), Some(this("white-s", &["oat"])));
        assert_eq!(offered(&["white-m", "white-s"], "white-m", &["oat"]), Some(this("white-l", &["oat"])));
        assert_eq!(offered(&["white-m", "oat"], "white-m", &["oat"]), Some(this("white-s", &["soy"])), "with what is left");
    }

    #[test]
    fn a_product_gives_way_to_the_nearest_of_its_category() {
        let white = ["white-s", "white-m", "white-l"];
        assert_eq!(offered(&white, "white-m", &["oat", "vanilla"]), Some(this("latte-m", &["oat"])));
        assert_eq!(offered(&[&white[..], &["latte-m"]].concat(), "white-s", &["oat"]), Some(this("black-m", &[])));
        assert_eq!(offered(&["black-m"], "black-m", &[]), Some(this("white-s", &["whole"])), "with what it asks for");
        assert_eq!(offered(&["bun"], "bun", &[]), None, "nothing else is of its kind");
        let no_milk = ["whole", "skim", "oat", "soy"];
        assert_eq!(offered(&no_milk, "white-m", &["oat"]), None, "the drink is there, its milk is not");
        assert_eq!(offered(&[&white[..], &no_milk].concat(), "white-m", &["oat"]), Some(this("black-m", &[])));
    }

    #[test]
    fn a_part_of_the_menu_is_enough() {
        let menu = without(&["latte-l"]);
        let part = around(&menu, &[line("white-m", &[])], Timestamp::default());
        let ids: Vec<_> = part.products().map(|product| product.id.as_str()).collect();
        assert_eq!(ids, ["white", "latte", "black"]);
        assert!(part.products().all(|product| product.description == Text::default()));
        let many = (0..40).map(|n| product(&format!("p{n}"), &[(&format!("s{n}"), 100 * n)], vec![])).collect();
        let menu = Menu { categories: vec![category("all", many)], ..menu };
        let part = around(&menu, &[line("s20", &[])], Timestamp::default());
        let ids: Vec<_> = part.products().map(|product| product.id.as_str()).collect();
        assert_eq!(ids, ["p17", "p18", "p19", "p20", "p21", "p22", "p23"]);
    }

    /// Menus of one category with few prices, so that many are alike, and with much that is sold out.
    fn menus() -> impl Strategy<Value = Menu> {
        let flags = |n| prop::collection::vec(any::<bool>(), n);
        let amounts = |n| prop::collection::vec((1..6_i64).prop_map(|n| n * 50), n);
        let bounds = (0..=2_u32, 0..=2_u32).prop_map(|(min, more)| (min, (min + more).max(1)));
        (amounts(10), flags(10), amounts(4), flags(4), bounds).prop_map(|(prices, there, extra, left, bounds)| {
            let names = ["a", "b", "c", "d"];
            let options: Vec<_> = names.iter().zip(extra).map(|(id, price)| (*id, price)).collect();
            let products = (0..5).map(|n| {
                let skus = [format!("v{n}x"), format!("v{n}y")];
                let variants = [(&*skus[0], prices[2 * n]), (&*skus[1], prices[2 * n + 1])];
                product(&format!("p{n}"), &variants, if n % 2 == 0 { vec![group("g", bounds, &options)] } else { vec![] })
            });
            let mut menu = Menu { categories: vec![category("all", products.collect())], ..without(&[]) };
            menu.variants_mut().zip(there).for_each(|(variant, there)| variant.available = there);
            menu.options_mut().zip(left.iter().cycle()).for_each(|(option, left)| option.available = *left);
            menu
        })
    }

    proptest! {
        #[test]
        fn what_is_offered_can_be_bought_and_nothing_nearer_can(
            menu in menus(),
            at in 0..10_usize,
            options in prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..=3),
        ) {
            let now = Timestamp::default();
            let sku = format!("v{}{}", at / 2, if at % 2 == 0 { "x" } else { "y" });
            let wanted = line(&sku, &options);
            let (of, was) = menu.variant(&sku).unwrap();
            let offer = alternative(&menu, &wanted, now);
            prop_assert_eq!(&alternative(&around(&menu, std::slice::from_ref(&wanted), now), &wanted, now), &offer, "a part of the menu is enough");
            if quote(&menu, std::slice::from_ref(&wanted), now).is_ok() {
                prop_assert_eq!(offer, None);
                return Ok(());
            }
            // Whether anything of it can be bought: options that are there, by brute force.
            let sells = |product: &Product, variant: &Variant| variant.available && product.modifiers.iter().all(|group| {
                group.options.iter().filter(|option| option.available).count() >= group.min as usize
            });
            let amount = |variant: &Variant| variant.price_at(now).unwrap().amount;
            let Some(offer) = offer else {
                let same = was.available;
                let left = menu.products().flat_map(|p| p.variants.iter().map(move |v| (p, v))).any(|(p, v)| sells(p, v));
                prop_assert!(same || !left, "there was something to offer");
                return Ok(());
            };
            prop_assert!(quote(&menu, std::slice::from_ref(&offer), now).is_ok());
            prop_assert_ne!(&offer, &wanted);
            let (product, variant) = menu.variant(&offer.sku).unwrap();
            if was.available {
                prop_assert_eq!(&offer.sku, &wanted.sku, "only an option was sold out");
            }
            let rank = |p: &Product, v: &Variant| (v.sku != was.sku, p.id != of.id, amount(v).abs_diff(amount(was)), amount(v));
            for (p, v) in menu.products().flat_map(|p| p.variants.iter().map(move |v| (p, v))).filter(|(p, v)| sells(p, v)) {
                prop_assert!(rank(product, variant) <= rank(p, v), "{} is nearer than {}", v.sku, offer.sku);
            }
            // What was chosen and is there is kept.
            for group in &product.modifiers {
                let there = group.options.iter().filter(|o| o.available && options.contains(&o.id.as_str())).map(|o| o.id.to_string());
                let asked = group.options.iter().filter(|o| options.contains(&o.id.as_str())).count();
                if asked <= group.max as usize {
                    prop_assert!(there.into_iter().all(|id| offer.options.contains(&id)));
                }
            }
        }
    }
}
