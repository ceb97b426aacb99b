//! What a store sells: categories, products, variants (SKUs), modifier groups with options, and prices with windows.

use serde::{Deserialize, Serialize};

use crate::{CategoryId, Currency, ModifierId, Money, OptionId, ProductId, Sku, StoreId, Text, Timestamp};

/// The whole menu of a store in every language, with everything the pricing engine needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Menu {
    pub store: StoreId,
    pub currency: Currency,
    /// Grows with every change of what the menu shows.
    pub version: i64,
    pub categories: Vec<Category>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    pub id: CategoryId,
    pub name: Text,
    pub products: Vec<Product>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    pub id: ProductId,
    pub name: Text,
    pub description: Text,
    pub image: Option<Image>,
    /// At least one.
    pub variants: Vec<Variant>,
    pub modifiers: Vec<ModifierGroup>,
}

/// A picture with its sizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub alt: Text,
    /// Pixels of the largest size; they give the aspect ratio, so nothing moves when it arrives.
    pub width: u32,
    pub height: u32,
    /// Better formats and other sizes, best first; may be empty.
    pub sources: Vec<ImageSource>,
    /// What every browser can show.
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImageSource {
    /// Media type, such as `image/avif`.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Pixels.
    pub width: u32,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    pub sku: Sku,
    pub name: Text,
    /// The base price and its windows at this store; the base price is the one without `from` and `until`.
    pub prices: Vec<PriceWindow>,
    /// Switched on and, where stock is tracked, with free units.
    pub available: bool,
    /// Switched on, but nobody can have one: all there are have been sold, or are held for somebody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_stock: bool,
}

/// A price and when it holds: from `from` (inclusive) until `until` (exclusive).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceWindow {
    pub amount: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl PriceWindow {
    pub const fn base(amount: Money) -> Self {
        Self { amount, from: None, until: None }
    }

    pub const fn is_base(&self) -> bool {
        self.from.is_none() && self.until.is_none()
    }

    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

impl Variant {
    /// The price in force: the window's that holds now, else the base price. `None` when there is no base price.
    pub fn price_at(&self, now: Timestamp) -> Option<Money> {
        self.prices.iter().find(|p| !p.is_base() && p.holds_at(now)).map(|p| p.amount).or_else(|| self.list_price())
    }

    /// The base price.
    pub fn list_price(&self) -> Option<Money> {
        self.prices.iter().find(|p| p.is_base()).map(|p| p.amount)
    }
}

/// A choice to be made for a product: at least `min` and at most `max` of its options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModifierGroup {
    pub id: ModifierId,
    pub name: Text,
    pub min: u32,
    pub max: u32,
    pub options: Vec<ModifierOption>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModifierOption {
    pub id: OptionId,
    pub name: Text,
    /// Added to the variant's price, a unit.
    pub price: Money,
    pub available: bool,
}

impl Menu {
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.categories.iter().flat_map(|c| &c.products)
    }

    pub fn product(&self, id: &str) -> Option<&Product> {
        self.products().find(|p| p.id.as_str() == id)
    }

    /// The variant and the product it belongs to.
    pub fn variant(&self, sku: &str) -> Option<(&Product, &Variant)> {
        self.products().find_map(|p| p.variants.iter().find(|v| v.sku.as_str() == sku).map(|v| (p, v)))
    }

    /// Every variant that there is, to be changed where it stands.
    pub fn variants_mut(&mut self) -> impl Iterator<Item = &mut Variant> {
        self.categories.iter_mut().flat_map(|c| &mut c.products).flat_map(|p| &mut p.variants)
    }

    /// Every option, once for each product that asks for its group.
    pub fn options_mut(&mut self) -> impl Iterator<Item = &mut ModifierOption> {
        let groups = self.categories.iter_mut().flat_map(|c| &mut c.products).flat_map(|p| &mut p.modifiers);
        groups.flat_map(|group| &mut group.options)
    }

    /// The same menu with only the products that `keep` names: what the browser's preview of a cart needs.
    pub fn only(&self, keep: impl Fn(&Product) -> bool) -> Self {
        let categories = self
            .categories
            .iter()
            .map(|c| Category { products: c.products.iter().filter(|p| keep(p)).cloned().collect(), ..c.clone() })
            .filter(|c| !c.products.is_empty())
            .collect();
        Self { categories, ..self.clone() }
    }
}

/// Two windows of one SKU and store hold at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("windows {0} and {1} overlap")]
pub struct OverlappingWindows(pub usize, pub usize);

/// Checks that no two timed windows overlap and that there is at most one base price.
pub fn check_windows(windows: &[PriceWindow]) -> Result<(), OverlappingWindows> {
    for (i, a) in windows.iter().enumerate() {
        for (j, b) in windows.iter().enumerate().skip(i + 1) {
            let overlap = if a.is_base() || b.is_base() {
                a.is_base() && b.is_base()
            } else {
                let a_before_b = a.until.is_some_and(|until| b.from.is_some_and(|from| until <= from));
                let b_before_a = b.until.is_some_and(|until| a.from.is_some_and(|from| until <= from));
                !a_before_b && !b_before_a
            };
            if overlap {
                return Err(OverlappingWindows(i, j));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(amount: i64, from: Option<i64>, until: Option<i64>) -> PriceWindow {
        PriceWindow {
            amount: Money::new(amount, Currency::USD),
            from: from.map(Timestamp::from_millis),
            until: until.map(Timestamp::from_millis),
        }
    }

    #[test]
    fn the_window_in_force_gives_the_price() {
        let variant = Variant {
            sku: "latte".parse().unwrap(),
            name: Text::default(),
            prices: vec![window(500, None, None), window(400, Some(10), Some(20)), window(300, Some(20), None)],
            available: true,
            out_of_stock: false,
        };
        for (now, amount) in [(9, 500), (10, 400), (19, 400), (20, 300)] {
            assert_eq!(variant.price_at(Timestamp::from_millis(now)).unwrap().amount, amount, "at {now}");
        }
    }

    #[test]
    fn windows_may_touch_but_not_overlap() {
        assert!(check_windows(&[window(1, None, None), window(1, Some(1), Some(2)), window(1, Some(2), None)]).is_ok());
        assert_eq!(check_windows(&[window(1, None, Some(3)), window(1, Some(2), None)]), Err(OverlappingWindows(0, 1)));
        assert_eq!(check_windows(&[window(1, None, None), window(2, None, None)]), Err(OverlappingWindows(0, 1)));
    }
}
