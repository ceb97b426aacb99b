//! Products: looking for them, and editing their texts.

use std::collections::HashSet;
use std::sync::Arc;

use domain::{
    CategoryId, Fault, Faults, Locale, MerchantId, ProductId, StoreId, Terms, Text,
    catalog::{Menu, Product},
    event::{Actor, ProductChanged},
    view::{Page, ProductView},
};
use serde::{Deserialize, Serialize};

use super::{Catalog, CatalogError, store};
use crate::db::{DbError, Sql, Tx};
use crate::log::{self, NewEvent};
use crate::stores::Stores;

/// What is looked for; everything that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// All stores where it is `None`; a product that several list is then told once, with the first one's prices.
    pub store: Option<StoreId>,
    pub category: Option<CategoryId>,
    /// Words that stand in the name or the description, in either language.
    pub q: Option<String>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
    /// At most 200.
    pub limit: usize,
}

/// A product's texts in both languages: what an editor takes and gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductEdit {
    pub name: Text,
    pub description: Text,
}

impl ProductEdit {
    /// All faults, with pointers into the body. Codes: `required`, `too_long`, `control_character`.
    fn check(&self) -> Result<(), Faults> {
        let mut faults = Vec::new();
        if self.name.en.trim().is_empty() {
            faults.push(Fault::new("/name/en", "required", "A product has a name."));
        }
        for (pointer, text, most) in [
            ("/name/en", &self.name.en, 120),
            ("/name/zh-CN", &self.name.zh_cn, 120),
            ("/description/en", &self.description.en, 2000),
            ("/description/zh-CN", &self.description.zh_cn, 2000),
        ] {
            if text.chars().count() > most {
                faults.push(Fault::new(pointer, "too_long", format!("At most {most} characters.")).with(Terms::at_most(most as i64)));
            }
            faults.extend(text.split(['\n', '\t']).find_map(|line| Fault::hidden_in(line, pointer)));
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }
}

impl Catalog {
    /// A page of products, in the order of their menus. A store that is not there is [`CatalogError::Unknown`]; a cursor
    /// that names no product of the list is [`CatalogError::UnknownCursor`].
    pub async fn search(&self, search: &Search, locale: Locale) -> Result<Page<ProductView>, CatalogError> {
        let words: Vec<String> = search.q.as_deref().unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        let menus = self.menus_of(search.store.as_ref()).await?;
        let mut seen = HashSet::new();
        let mut found = menus
            .iter()
            .flat_map(|menu| &menu.categories)
            .filter(|category| search.category.as_ref().is_none_or(|wanted| *wanted == category.id))
            .flat_map(|category| &category.products)
            .filter(|product| matches(product, &words) && seen.insert(&product.id));
        if let Some(cursor) = &search.cursor
            && !found.any(|product| product.id.as_str() == cursor)
        {
            return Err(CatalogError::UnknownCursor);
        }
        let now = self.db.clock().now();
        let limit = search.limit.clamp(1, 200);
        let items: Vec<_> = found.by_ref().take(limit).map(|product| ProductView::of(product, locale, now)).collect();
        let next = if found.next().is_some() { items.last().map(|product| product.id.to_string()) } else { None };
        Ok(Page { items, next })
    }

    /// One product as a store sells it, or, without a store, as the first that lists it does.
    pub async fn product(&self, id: &str, store: Option<&StoreId>, locale: Locale) -> Result<Option<ProductView>, CatalogError> {
        let now = self.db.clock().now();
        let menus = self.menus_of(store).await?;
        Ok(menus.iter().find_map(|menu| menu.product(id)).map(|product| ProductView::of(product, locale, now)))
    }

    /// A product's texts in both languages.
    pub async fn product_texts(&self, id: &ProductId) -> Result<Option<ProductEdit>, DbError> {
        store::product_texts(&mut self.db.reader(), id).await
    }

    /// Whether there is such a merchant.
    pub async fn has_merchant(&self, sql: &mut impl Sql, id: &MerchantId) -> Result<bool, DbError> {
        store::has_merchant(sql, id).await
    }

    /// The stores that list a product.
    pub async fn stores_of(&self, sql: &mut impl Sql, id: &ProductId) -> Result<Vec<StoreId>, DbError> {
        store::stores_listing(sql, id).await
    }

    /// Replaces a product's texts in every store that lists it. False where they already were the same.
    pub async fn edit_product_in(&self, tx: &mut Tx, id: &ProductId, edit: &ProductEdit, actor: Actor) -> Result<bool, CatalogError> {
        edit.check()?;
        let stores = store::stores_listing(tx, id).await?;
        for store in &stores {
            Stores.lock_in(tx, store).await?;
        }
        if !store::set_product_texts_in(tx, id, edit).await? {
            let known = store::product_texts(tx, id).await?.is_some();
            return if known { Ok(false) } else { Err(CatalogError::Unknown) };
        }
        for store in &stores {
            self.bump_menu_in(tx, store).await?;
        }
        log::append_in(tx, NewEvent::new(ProductChanged { product: id.clone(), stores }, id).by(actor)).await?;
        Ok(true)
    }

    async fn menus_of(&self, store: Option<&StoreId>) -> Result<Vec<Arc<Menu>>, CatalogError> {
        if let Some(store) = store {
            return Ok(vec![self.menu(store).await?.ok_or(CatalogError::Unknown)?]);
        }
        let mut menus = Vec::new();
        for store in Stores.list(&mut self.db.reader()).await? {
            menus.extend(self.menu(&store.id).await?);
        }
        Ok(menus)
    }
}

fn matches(product: &Product, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let texts = [&product.name.en, &product.name.zh_cn, &product.description.en, &product.description.zh_cn];
    let text = texts.map(|text| text.to_lowercase()).join("\n");
    words.iter().all(|word| text.contains(word.as_str()))
}
