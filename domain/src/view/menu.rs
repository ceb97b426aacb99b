//! What is sold at a store, and what of it changed.

use serde::{Deserialize, Serialize};

use crate::{CategoryId, ModifierId, Money, OptionId, ProductId, Sku, StoreId, catalog::ImageSource};

wire! {
    /// `GET /stores/{store}/menu`.
    MenuView { store: StoreId, version: i64, categories: Vec<CategoryView> }
    CategoryView { id: CategoryId, name: String, products: Vec<ProductView> }
    ProductView {
        id: ProductId,
        name: String,
        description: String,
        image: Option<ImageView>,
        variants: Vec<VariantView>,
        modifiers: Vec<ModifierView>,
    }
    ImageView { alt: String, width: u32, height: u32, sources: Vec<ImageSource>, url: String }
    VariantView {
        sku: Sku,
        name: String,
        /// In force now.
        price: Money,
        /// The base price.
        list_price: Money,
        available: bool,
        /// Switched on, but none is left.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        out_of_stock: bool,
    }
    ModifierView { id: ModifierId, name: String, min: u32, max: u32, options: Vec<OptionView> }
    OptionView { id: OptionId, name: String, price: Money, available: bool }

    /// `v1/stores/{store}/menu`: everything that changed since menu version `since`, cumulative. Who is older refetches.
    MenuChanges { version: i64, since: i64, changed: Vec<MenuChange> }
    /// One item (SKU) or option.
    MenuChange {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sku: Option<Sku>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        option: Option<OptionId>,
        available: bool,
        /// Of a SKU: switched on, but none is left.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        out_of_stock: bool,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        price: Option<Money>,
    }
}
