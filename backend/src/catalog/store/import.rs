//! Filling a shop: what a new store and its menu are written as. All of it is additive and may be repeated: what is there
//! already, and may have been changed since, stays as it is.

use domain::{
    CategoryId, Currency, KioskId, MerchantId, ModifierId, OptionId, ProductId, Sku, StoreId, Text, event::Actor, prep::FulfilmentKind,
    view::StoreSettings,
};
use serde::Deserialize;
use serde_json::json;

use crate::args;
use crate::db::{DbError, Sql as _, Tx};
use crate::inventory::Stock;
use crate::kiosk;
use crate::stores::StoreKind;
use crate::timer;

/// A new store without its menu.
#[derive(Debug, Clone)]
pub struct NewStore {
    pub id: StoreId,
    /// Its place among the stores.
    pub sort: i64,
    pub kind: StoreKind,
    pub name: Text,
    pub tagline: Text,
    pub currency: Currency,
    /// IANA name.
    pub time_zone: String,
    pub fulfilment: FulfilmentKind,
    pub settings: StoreSettings,
    pub kiosks: Vec<KioskId>,
}

/// A group of options in a store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewModifier {
    pub id: ModifierId,
    pub name: Text,
    pub min: u32,
    pub max: u32,
    pub options: Vec<NewOption>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOption {
    pub id: OptionId,
    pub name: Text,
    /// Minor units of the store's currency.
    pub price: i64,
}

/// A category of a store, with what stands in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    pub id: CategoryId,
    pub name: Text,
    pub products: Vec<NewProduct>,
}

/// A product and its variants, as one store lists it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    pub id: ProductId,
    pub name: Text,
    pub description: Text,
    /// A file of the drawn illustrations, such as `flat-white.svg`.
    pub image: Option<String>,
    #[serde(default)]
    pub image_alt: Text,
    #[serde(default)]
    pub modifiers: Vec<ModifierId>,
    pub variants: Vec<NewVariant>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewVariant {
    pub sku: Sku,
    pub name: Text,
    /// The base price, minor units of the store's currency.
    pub price: i64,
    /// Units there are; null: made to order, not counted.
    pub stock: Option<i64>,
}

/// The size of the drawn illustrations, in pixels.
const DRAWING: (i64, i64) = (400, 300);

/// Adds a store, open and with an empty menu. False where it is there already.
pub async fn add_store_in(tx: &mut Tx, new: &NewStore) -> Result<bool, DbError> {
    let settings = &new.settings;
    // Who still has the menu of another shop of this name, such as a demo that was made anew, has an older one.
    let menu_version = tx.sequence(1);
    let added = tx
        .execute(
            "insert into store (id, sort, kind, name_en, name_zh, tagline_en, tagline_zh, language, currency, time_zone, fulfilment, open, \
             admission, capacity, order_limit, scans_per_code, code_seconds, customer_seconds, barista_seconds, wait_target_seconds, \
             active, menu_version, menu_since) \
             values ($1, $2, $3, $4, $5, $6, $7, 'en', $8, $9, $10, true, $11, $12, $13, $14, $15, $16, $17, $18, 0, $19, $19) \
             on conflict do nothing",
            args![
                &new.id,
                new.sort,
                new.kind.as_str(),
                &new.name.en,
                &new.name.zh_cn,
                &new.tagline.en,
                &new.tagline.zh_cn,
                new.currency.to_string(),
                &new.time_zone,
                new.fulfilment.as_str(),
                settings.admission.as_str(),
                settings.capacity,
                settings.order_limit,
                settings.scans_per_code,
                settings.code_seconds,
                settings.customer_seconds,
                settings.barista_seconds,
                settings.wait_target_seconds,
                menu_version
            ],
        )
        .await?;
    if added == 0 {
        return Ok(false);
    }
    for kiosk in &new.kiosks {
        tx.execute("insert into kiosk (id, store) values ($1, $2)", args![kiosk, &new.id]).await?;
        let now = tx.now();
        timer::set_in(tx, kiosk::ROTATION, kiosk.as_str(), now, json!({})).await?;
    }
    Ok(true)
}

/// Adds a merchant.
pub async fn add_merchant_in(tx: &mut Tx, id: &MerchantId) -> Result<(), DbError> {
    tx.execute("insert into merchant (id) values ($1) on conflict do nothing", args![id]).await.map(drop)
}

/// Adds a group of options to a store.
pub async fn add_modifier_in(tx: &mut Tx, store: &StoreId, new: &NewModifier) -> Result<(), DbError> {
    let NewModifier { id, name, min, max, options } = new;
    tx.execute(
        "insert into modifier (store, id, name_en, name_zh, min_count, max_count) values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        args![store, id, &name.en, &name.zh_cn, *min, *max],
    )
    .await?;
    for (sort, option) in (0_i64..).zip(options) {
        tx.execute(
            "insert into modifier_option (store, id, modifier, sort, name_en, name_zh, price, available) \
             values ($1, $2, $3, $4, $5, $6, $7, true) on conflict do nothing",
            args![store, &option.id, id, sort, &option.name.en, &option.name.zh_cn, option.price],
        )
        .await?;
    }
    Ok(())
}

/// Adds a category at place `sort` of a store's menu, without its products.
pub async fn add_category_in(tx: &mut Tx, store: &StoreId, id: &CategoryId, name: &Text, sort: i64) -> Result<(), DbError> {
    tx.execute(
        "insert into category (store, id, sort, name_en, name_zh) values ($1, $2, $3, $4, $5) on conflict do nothing",
        args![store, id, sort, &name.en, &name.zh_cn],
    )
    .await
    .map(drop)
}

/// Where a product is listed.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub store: &'a StoreId,
    pub category: &'a CategoryId,
    /// Its place in the category.
    pub sort: i64,
    /// Whose goods it is.
    pub merchant: Option<&'a MerchantId>,
}

/// Adds a product to a store's menu, and to the catalogue where it is new.
pub async fn add_product_in(tx: &mut Tx, place: Place<'_>, new: &NewProduct) -> Result<(), DbError> {
    let Place { store, category, sort, merchant } = place;
    if let Some(file) = &new.image {
        let (alt, url) = (&new.image_alt, format!("/img/products/{file}"));
        tx.execute(
            "insert into image (id, alt_en, alt_zh, width, height, sources, url) values ($1, $2, $3, $4, $5, '[]', $6) \
             on conflict do nothing",
            args![file, &alt.en, &alt.zh_cn, DRAWING.0, DRAWING.1, url],
        )
        .await?;
    }
    let (name, description) = (&new.name, &new.description);
    tx.execute(
        "insert into product (id, merchant, name_en, name_zh, description_en, description_zh, image) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
        args![&new.id, merchant.cloned(), &name.en, &name.zh_cn, &description.en, &description.zh_cn, &new.image],
    )
    .await?;
    tx.execute(
        "insert into listing (store, product, category, sort) values ($1, $2, $3, $4) on conflict do nothing",
        args![store, &new.id, category, sort],
    )
    .await?;
    for (sort, modifier) in (0_i64..).zip(&new.modifiers) {
        tx.execute(
            "insert into product_modifier (store, product, modifier, sort) values ($1, $2, $3, $4) on conflict do nothing",
            args![store, &new.id, modifier, sort],
        )
        .await?;
    }
    for (sort, variant) in (0_i64..).zip(&new.variants) {
        add_variant_in(tx, store, &new.id, sort, variant).await?;
    }
    Ok(())
}

async fn add_variant_in(tx: &mut Tx, store: &StoreId, product: &ProductId, sort: i64, new: &NewVariant) -> Result<(), DbError> {
    let NewVariant { sku, name, price, stock } = new;
    tx.execute(
        "insert into variant (sku, product, sort, name_en, name_zh) values ($1, $2, $3, $4, $5) on conflict do nothing",
        args![sku, product, sort, &name.en, &name.zh_cn],
    )
    .await?;
    let added =
        tx.execute("insert into item (store, sku, available) values ($1, $2, true) on conflict do nothing", args![store, sku]).await?;
    if added > 0 {
        tx.execute("insert into price (store, sku, place, amount) values ($1, $2, 0, $3)", args![store, sku, *price]).await?;
    }
    if let Some(units) = stock {
        Stock.track_in(tx, store, sku, *units, Actor::System).await?;
    }
    Ok(())
}

/// Ends an import: whoever holds an older menu fetches it anew.
pub async fn finish_in(tx: &mut Tx, store: &StoreId) -> Result<(), DbError> {
    super::restart_changes_in(tx, store).await?.map(drop).ok_or(DbError::NotFound)
}
