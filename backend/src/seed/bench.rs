//! A shop of any size, to measure with: stock not counted, admission open, no capacity and no customer limit.

use domain::{Currency, InvalidId, MerchantId, StoreId, Text, event::StoreOpened, prep::FulfilmentKind};

use super::SeedError;
use crate::catalog::import::{self, NewProduct, NewStore, NewVariant, Place};
use crate::db::{Db, DbError};
use crate::log::{self, NewEvent};
use crate::stores::{DEFAULT_SETTINGS, StoreKind};

/// Products of one transaction: a shop that is running goes on in between.
const CHUNK: u32 = 500;
const CATEGORIES: u32 = 20;
const MOST: u32 = 1_000_000;

/// Makes store `bench` have at least `products` products, spread over its categories, for between 1.00 and 9.90 each.
pub async fn bench(db: &Db, products: u32) -> Result<StoreId, SeedError> {
    if !(1..=MOST).contains(&products) {
        return Err(SeedError::TooMany(MOST));
    }
    let (store, merchant) = ids().map_err(|error| DbError::Defect(error.to_string()))?;
    let id = store.clone();
    db.transaction(move |tx| {
        Box::pin(async move {
            let new = NewStore {
                id: id.clone(),
                sort: 1000,
                kind: StoreKind::Stand,
                name: Text::new("Bench", "长凳"),
                tagline: Text::new("A shop to measure with.", "用来测量的店。"),
                currency: Currency::USD,
                time_zone: "UTC".to_owned(),
                fulfilment: FulfilmentKind::Pickup,
                settings: DEFAULT_SETTINGS,
                kiosks: Vec::new(),
            };
            import::add_merchant_in(tx, &merchant).await?;
            if import::add_store_in(tx, &new).await? {
                log::append_in(tx, NewEvent::new(StoreOpened { store: id.clone() }, &id).at_store(&id)).await?;
            }
            Ok::<_, DbError>(())
        })
    })
    .await?;
    for first in (0..products).step_by(CHUNK as usize) {
        let last = (first + CHUNK).min(products);
        let (id, merchant) = ids().map_err(|error| DbError::Defect(error.to_string()))?;
        db.transaction(move |tx| {
            Box::pin(async move {
                for n in first..last {
                    let number = n % CATEGORIES;
                    let category = format!("category-{number}").parse().map_err(|error: InvalidId| DbError::Defect(error.to_string()))?;
                    let name = Text::new(format!("Category {}", number + 1), format!("分类 {}", number + 1));
                    import::add_category_in(tx, &id, &category, &name, i64::from(number)).await?;
                    let product = product(n).map_err(|error| DbError::Defect(error.to_string()))?;
                    let place = Place { store: &id, category: &category, sort: i64::from(n), merchant: Some(&merchant) };
                    import::add_product_in(tx, place, &product).await?;
                }
                import::finish_in(tx, &id).await
            })
        })
        .await?;
    }
    Ok(store)
}

fn ids() -> Result<(StoreId, MerchantId), InvalidId> {
    Ok(("bench".parse()?, "bench".parse()?))
}

fn product(n: u32) -> Result<NewProduct, InvalidId> {
    let name = format!("bench-{}", n + 1);
    Ok(NewProduct {
        id: name.parse()?,
        name: Text::new(format!("Item {}", n + 1), format!("商品 {}", n + 1)),
        description: Text::new("Something to measure with.", "用来测量的东西。"),
        image: None,
        image_alt: Text::default(),
        modifiers: Vec::new(),
        variants: vec![NewVariant {
            sku: name.parse()?,
            name: Text::new("One size", "单一规格"),
            price: 100 + i64::from(n % 90) * 10,
            stock: None,
        }],
    })
}
