//! All SQL about menus. What a shop is filled with is written by [`import`].

pub mod import;

use std::collections::HashMap;

use domain::{
    CategoryId, Currency, MerchantId, ModifierId, Money, ProductId, Sku, StoreId, Text,
    catalog::{Category, Image, Menu, ModifierGroup, ModifierOption, PriceWindow, Product, Variant},
};

use super::{Item, ProductEdit};
use crate::args;
use crate::db::{DbError, Row, Sql, Tx};
use crate::inventory;

/// What stands about a menu in its store's row.
pub(super) struct Head {
    pub version: i64,
    pub since: i64,
    pub currency: Currency,
}

pub(super) async fn head(sql: &mut impl Sql, store: &StoreId) -> Result<Option<Head>, DbError> {
    let row = sql.fetch_optional("select menu_version, menu_since, currency from store where id = $1", args![store]).await?;
    row.map(|row| Ok(Head { version: row.get("menu_version")?, since: row.get("menu_since")?, currency: row.parse("currency")? }))
        .transpose()
}

pub(super) async fn has_merchant(sql: &mut impl Sql, id: &MerchantId) -> Result<bool, DbError> {
    Ok(sql.fetch_optional("select id from merchant where id = $1", args![id]).await?.is_some())
}

/// Reads a whole menu. A product without a variant in this store is not on it.
pub(super) async fn load(sql: &mut impl Sql, store: &StoreId, head: &Head) -> Result<Menu, DbError> {
    let mut variants = load_variants(sql, store, head.currency).await?;
    let mut modifiers = load_modifiers(sql, store, head.currency).await?;
    let mut products: HashMap<CategoryId, Vec<Product>> = HashMap::new();
    let listed = sql
        .fetch_all(
            "select listing.category, product.id, product.name_en, product.name_zh, product.description_en, product.description_zh, \
             image.alt_en, image.alt_zh, image.width, image.height, image.sources, image.url \
             from listing join product on product.id = listing.product left join image on image.id = product.image \
             where listing.store = $1 order by listing.sort, product.id",
            args![store],
        )
        .await?;
    for row in &listed {
        let id: ProductId = row.get("id")?;
        let Some(variants) = variants.remove(&id) else { continue };
        let product = Product {
            name: text(row, "name")?,
            description: text(row, "description")?,
            image: image(row)?,
            variants,
            modifiers: modifiers.remove(&id).unwrap_or_default(),
            id,
        };
        products.entry(row.get("category")?).or_default().push(product);
    }
    let rows = sql.fetch_all("select id, name_en, name_zh from category where store = $1 order by sort, id", args![store]).await?;
    let mut categories = Vec::with_capacity(rows.len());
    for row in &rows {
        let id: CategoryId = row.get("id")?;
        if let Some(products) = products.remove(&id) {
            categories.push(Category { name: text(row, "name")?, products, id });
        }
    }
    Ok(Menu { store: store.clone(), currency: head.currency, version: head.version, categories })
}

async fn load_variants(sql: &mut impl Sql, store: &StoreId, currency: Currency) -> Result<HashMap<ProductId, Vec<Variant>>, DbError> {
    let mut prices: HashMap<Sku, Vec<PriceWindow>> = HashMap::new();
    let text_of_prices = "select sku, amount, from_at, until_at from price where store = $1 order by sku, place";
    for row in sql.fetch_all(text_of_prices, args![store]).await? {
        prices.entry(row.get("sku")?).or_default().push(window(&row, currency)?);
    }
    let sold_out = inventory::sold_out(sql, store).await?;
    let mut variants: HashMap<ProductId, Vec<Variant>> = HashMap::new();
    let rows = sql
        .fetch_all(
            "select variant.product, variant.sku, variant.name_en, variant.name_zh, item.available \
             from item join variant on variant.sku = item.sku where item.store = $1 order by variant.sort, variant.sku",
            args![store],
        )
        .await?;
    for row in &rows {
        let sku: Sku = row.get("sku")?;
        let (switched_on, none_left) = (row.get::<bool>("available")?, sold_out.contains(&sku));
        let variant = Variant {
            name: text(row, "name")?,
            prices: prices.remove(&sku).unwrap_or_default(),
            available: switched_on && !none_left,
            out_of_stock: switched_on && none_left,
            sku,
        };
        variants.entry(row.get("product")?).or_default().push(variant);
    }
    Ok(variants)
}

async fn load_modifiers(
    sql: &mut impl Sql,
    store: &StoreId,
    currency: Currency,
) -> Result<HashMap<ProductId, Vec<ModifierGroup>>, DbError> {
    let mut options: HashMap<ModifierId, Vec<ModifierOption>> = HashMap::new();
    let text_of_options = "select modifier, id, name_en, name_zh, price, available from modifier_option where store = $1 order by sort, id";
    for row in sql.fetch_all(text_of_options, args![store]).await? {
        options.entry(row.get("modifier")?).or_default().push(ModifierOption {
            id: row.get("id")?,
            name: text(&row, "name")?,
            price: Money::new(row.get("price")?, currency),
            available: row.get("available")?,
        });
    }
    let rows = sql
        .fetch_all(
            "select product_modifier.product, modifier.id, modifier.name_en, modifier.name_zh, modifier.min_count, modifier.max_count \
             from product_modifier join modifier on modifier.store = product_modifier.store and modifier.id = product_modifier.modifier \
             where product_modifier.store = $1 order by product_modifier.sort, modifier.id",
            args![store],
        )
        .await?;
    let mut groups: HashMap<ProductId, Vec<ModifierGroup>> = HashMap::new();
    for row in &rows {
        let id: ModifierId = row.get("id")?;
        groups.entry(row.get("product")?).or_default().push(ModifierGroup {
            name: text(row, "name")?,
            min: row.get("min_count")?,
            max: row.get("max_count")?,
            options: options.get(&id).cloned().unwrap_or_default(),
            id,
        });
    }
    Ok(groups)
}

/// Moves the menu's version by one.
pub(super) async fn bump_in(tx: &mut Tx, store: &StoreId) -> Result<i64, DbError> {
    let text = "update store set menu_version = menu_version + 1 where id = $1 returning menu_version";
    tx.fetch_one(text, args![store]).await?.get("menu_version")
}

/// Moves the menu's version, and forgets what changed before it.
pub(super) async fn restart_changes_in(tx: &mut Tx, store: &StoreId) -> Result<Option<i64>, DbError> {
    let text = "update store set menu_version = menu_version + 1, menu_since = menu_version + 1 where id = $1 returning menu_version";
    let version = tx.fetch_optional(text, args![store]).await?.map(|row| row.get("menu_version")).transpose()?;
    tx.execute("delete from menu_change where store = $1", args![store]).await?;
    Ok(version)
}

/// Moves the versions of all menus of a restored shop to this one, or further, and forgets what changed before it.
pub(crate) async fn renumber_menus_in(tx: &mut Tx, first: i64) -> Result<(), DbError> {
    let text = "update store set menu_version = case when menu_version < $1 then $1 else menu_version + 1 end, \
                menu_since = case when menu_version < $1 then $1 else menu_version + 1 end";
    tx.execute(text, args![first]).await?;
    tx.execute("delete from menu_change", args![]).await.map(drop)
}

pub(super) async fn put_change_in(tx: &mut Tx, store: &StoreId, item: &Item, version: i64) -> Result<(), DbError> {
    let (kind, id) = parts(item);
    tx.execute(
        "insert into menu_change (store, kind, item, version) values ($1, $2, $3, $4) \
         on conflict (store, kind, item) do update set version = excluded.version",
        args![store, kind, id, version],
    )
    .await
    .map(drop)
}

/// Forgets all but the newest `told` changes.
pub(super) async fn trim_changes_in(tx: &mut Tx, store: &StoreId, told: i64) -> Result<(), DbError> {
    let text = "select version from menu_change where store = $1 order by version desc limit 1 offset $2";
    let Some(row) = tx.fetch_optional(text, args![store, told]).await? else { return Ok(()) };
    let forgotten: i64 = row.get("version")?;
    tx.execute("delete from menu_change where store = $1 and version <= $2", args![store, forgotten]).await?;
    tx.execute("update store set menu_since = $2 where id = $1", args![store, forgotten]).await.map(drop)
}

/// What changed, in the order of the last change of each.
pub(super) async fn changes(sql: &mut impl Sql, store: &StoreId) -> Result<Vec<Item>, DbError> {
    let rows = sql.fetch_all("select kind, item from menu_change where store = $1 order by version, kind, item", args![store]).await?;
    rows.iter()
        .map(|row| match row.get::<String>("kind")?.as_str() {
            "sku" => row.get("item").map(Item::Sku),
            _ => row.get("item").map(Item::Option),
        })
        .collect()
}

/// False where the switch already stands so, or there is none.
pub(super) async fn switch_in(tx: &mut Tx, store: &StoreId, item: &Item, available: bool) -> Result<bool, DbError> {
    let text = match item {
        Item::Sku(_) => "update item set available = $3 where store = $1 and sku = $2 and available <> $3",
        Item::Option(_) => "update modifier_option set available = $3 where store = $1 and id = $2 and available <> $3",
    };
    Ok(tx.execute(text, args![store, parts(item).1, available]).await? > 0)
}

pub(super) async fn has_item(sql: &mut impl Sql, store: &StoreId, item: &Item) -> Result<bool, DbError> {
    let text = match item {
        Item::Sku(_) => "select sku from item where store = $1 and sku = $2",
        Item::Option(_) => "select id from modifier_option where store = $1 and id = $2",
    };
    Ok(sql.fetch_optional(text, args![store, parts(item).1]).await?.is_some())
}

/// In the order in which they were written.
pub(super) async fn prices_of(sql: &mut impl Sql, store: &StoreId, sku: &Sku, currency: Currency) -> Result<Vec<PriceWindow>, DbError> {
    let text = "select amount, from_at, until_at from price where store = $1 and sku = $2 order by place";
    sql.fetch_all(text, args![store, sku]).await?.iter().map(|row| window(row, currency)).collect()
}

pub(super) async fn set_prices_in(tx: &mut Tx, store: &StoreId, sku: &Sku, windows: &[PriceWindow]) -> Result<(), DbError> {
    tx.execute("delete from price where store = $1 and sku = $2", args![store, sku]).await?;
    for (place, window) in (0_i64..).zip(windows) {
        tx.execute(
            "insert into price (store, sku, place, amount, from_at, until_at) values ($1, $2, $3, $4, $5, $6)",
            args![store, sku, place, window.amount.amount, window.from, window.until],
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn product_texts(sql: &mut impl Sql, id: &ProductId) -> Result<Option<ProductEdit>, DbError> {
    let row = sql.fetch_optional("select name_en, name_zh, description_en, description_zh from product where id = $1", args![id]).await?;
    row.map(|row| Ok(ProductEdit { name: text(&row, "name")?, description: text(&row, "description")? })).transpose()
}

/// False where the texts already are these, or there is no such product.
pub(super) async fn set_product_texts_in(tx: &mut Tx, id: &ProductId, edit: &ProductEdit) -> Result<bool, DbError> {
    let text = "update product set name_en = $2, name_zh = $3, description_en = $4, description_zh = $5 where id = $1 \
                and (name_en <> $2 or name_zh <> $3 or description_en <> $4 or description_zh <> $5)";
    let ProductEdit { name, description } = edit;
    Ok(tx.execute(text, args![id, &name.en, &name.zh_cn, &description.en, &description.zh_cn]).await? > 0)
}

/// Sorted, so that two who lock them do so in the same order.
pub(super) async fn stores_listing(sql: &mut impl Sql, product: &ProductId) -> Result<Vec<StoreId>, DbError> {
    let text = "select store from listing where product = $1 order by store";
    sql.fetch_all(text, args![product]).await?.iter().map(|row| row.get("store")).collect()
}

fn parts(item: &Item) -> (&'static str, &str) {
    match item {
        Item::Sku(sku) => ("sku", sku.as_str()),
        Item::Option(option) => ("option", option.as_str()),
    }
}

fn text(row: &Row, column: &str) -> Result<Text, DbError> {
    Ok(Text { en: row.get(&format!("{column}_en"))?, zh_cn: row.get(&format!("{column}_zh"))? })
}

fn image(row: &Row) -> Result<Option<Image>, DbError> {
    let Some(url) = row.get::<Option<String>>("url")? else { return Ok(None) };
    let (width, height) = (row.get("width")?, row.get("height")?);
    Ok(Some(Image { alt: text(row, "alt")?, width, height, sources: row.json("sources")?, url }))
}

fn window(row: &Row, currency: Currency) -> Result<PriceWindow, DbError> {
    let amount = Money::new(row.get("amount")?, currency);
    Ok(PriceWindow { amount, from: row.get("from_at")?, until: row.get("until_at")? })
}
