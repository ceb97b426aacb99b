//! The demo shops: a café, a stand and a web shop, from the files in `backend/demo`.

use domain::{Currency, KioskId, MerchantId, Money, StoreId, Text, event::StoreOpened, prep::FulfilmentKind, view::Admission};
use serde::Deserialize;
use serde_json::Value;

use super::SeedError;
use crate::catalog::import::{self, NewCategory, NewModifier, NewStore, Place};
use crate::db::{Db, DbError, Tx};
use crate::identity::phone::InvalidPhone;
use crate::identity::{self, Phone};
use crate::log::{self, NewEvent};
use crate::payment::{Credit, WalletError, Wallets};
use crate::stores::{DEFAULT_SETTINGS, SettingsPatch, StoreKind};

const FILES: [(&str, &str); 3] = [
    ("harbor.json", include_str!("../../demo/harbor.json")),
    ("pier.json", include_str!("../../demo/pier.json")),
    ("unicorn.json", include_str!("../../demo/unicorn.json")),
];

/// The demo's shopper and what they have to begin with.
const PHONE: &str = "+15550100001";
const PURSE: i64 = 3300;

/// One demo file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shop {
    id: StoreId,
    kind: StoreKind,
    name: Text,
    tagline: Text,
    currency: String,
    time_zone: String,
    admission: Admission,
    capacity: Option<i64>,
    fulfilment: FulfilmentKind,
    /// Settings other than the usual ones, as in a `PATCH`.
    settings: Value,
    merchant: Option<MerchantId>,
    kiosks: Vec<KioskId>,
    modifiers: Vec<NewModifier>,
    categories: Vec<NewCategory>,
}

/// Adds the demo shops that are not there yet, all of them or none: a start that is cut off leaves no half of a demo,
/// which the next start would take for somebody's own shop. Answers which were added.
pub async fn demo(db: &Db) -> Result<Vec<StoreId>, SeedError> {
    let mut shops = Vec::new();
    for (sort, (file, text)) in (0_i64..).zip(FILES) {
        let wrong = |reason: String| SeedError::Demo { file, reason };
        let shop: Shop = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        shops.push((shop.store(sort).map_err(wrong)?, shop));
    }
    db.transaction(move |tx| {
        Box::pin(async move {
            let mut added = Vec::new();
            add_shopper_in(tx).await?;
            for (store, shop) in &shops {
                if add_in(tx, store, shop).await? {
                    added.push(store.id.clone());
                }
            }
            Ok(added)
        })
    })
    .await
}

/// Somebody with money in the wallet, to buy with. Once: what they have spent is spent.
async fn add_shopper_in(tx: &mut Tx) -> Result<(), DbError> {
    let phone: Phone = PHONE.parse().map_err(|error: InvalidPhone| DbError::Defect(error.to_string()))?;
    let user = identity::shopper_by_phone_in(tx, &phone).await?;
    let credited = Wallets.credit_in(tx, user, Money::new(PURSE, Currency::USD), Credit::Gift, &format!("demo:{user}")).await;
    match credited {
        Ok(_) => Ok(()),
        Err(WalletError::Database(error)) => Err(error),
        Err(error) => Err(DbError::Defect(error.to_string())),
    }
}

impl Shop {
    fn store(&self, sort: i64) -> Result<NewStore, String> {
        let patch = SettingsPatch::read(&self.settings).map_err(|faults| faults.to_string())?;
        let usual = domain::view::StoreSettings { capacity: self.capacity, admission: self.admission, ..DEFAULT_SETTINGS };
        let currency: Currency = self.currency.parse().map_err(|error: domain::money::InvalidCurrency| error.to_string())?;
        Ok(NewStore {
            id: self.id.clone(),
            sort,
            kind: self.kind,
            name: self.name.clone(),
            tagline: self.tagline.clone(),
            currency,
            time_zone: self.time_zone.clone(),
            fulfilment: self.fulfilment,
            settings: patch.apply(&usual),
            kiosks: self.kiosks.clone(),
        })
    }
}

async fn add_in(tx: &mut Tx, store: &NewStore, shop: &Shop) -> Result<bool, DbError> {
    if !import::add_store_in(tx, store).await? {
        return Ok(false);
    }
    if let Some(merchant) = &shop.merchant {
        import::add_merchant_in(tx, merchant).await?;
    }
    for modifier in &shop.modifiers {
        import::add_modifier_in(tx, &store.id, modifier).await?;
    }
    for (sort, category) in (0_i64..).zip(&shop.categories) {
        import::add_category_in(tx, &store.id, &category.id, &category.name, sort).await?;
        for (sort, product) in (0_i64..).zip(&category.products) {
            let place = Place { store: &store.id, category: &category.id, sort, merchant: shop.merchant.as_ref() };
            import::add_product_in(tx, place, product).await?;
        }
    }
    import::finish_in(tx, &store.id).await?;
    log::append_in(tx, NewEvent::new(StoreOpened { store: store.id.clone() }, &store.id).at_store(&store.id)).await?;
    Ok(true)
}
