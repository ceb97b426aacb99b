//! A café small enough to know by heart: a flat white with a choice of milk, and two pastries that are counted.

use backend::args;
use backend::catalog::import::{self, NewModifier, NewOption, NewProduct, NewStore, NewVariant, Place};
use backend::db::{Db, DbError, Sql as _};
use backend::stores::{DEFAULT_SETTINGS, StoreKind};
use domain::{Currency, StoreId, Text, prep::FulfilmentKind, view::StoreSettings};
use serde_json::Value;

pub fn store() -> StoreId {
    id("harbor")
}

pub fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

fn text(en: &str) -> Text {
    Text::new(en, format!("{en}（中）"))
}

fn product(name: &str, image: Option<&str>, modifiers: &[&str], variants: &[(&str, i64, Option<i64>)]) -> NewProduct {
    NewProduct {
        id: id(name),
        name: text(name),
        description: text(&format!("A {name} as one likes it")),
        image: image.map(str::to_owned),
        image_alt: text(&format!("Drawing of a {name}")),
        modifiers: modifiers.iter().map(|modifier| id(modifier)).collect(),
        variants: variants
            .iter()
            .map(|(sku, price, stock)| NewVariant { sku: id(sku), name: text(sku), price: *price, stock: *stock })
            .collect(),
    }
}

/// Fills an empty database: `flat-white-regular` 450 and `-large` 525 with `milk` (`whole`, `oat` +60) in `coffee`;
/// `croissant` 350 (3 of them) and `muffin` 300 (5 of them) in `bakery`.
pub async fn open(db: &Db, capacity: Option<i64>) {
    let coffee =
        [product("flat-white", Some("flat-white.svg"), &["milk"], &[("flat-white-regular", 450, None), ("flat-white-large", 525, None)])];
    let bakery =
        [product("croissant", None, &[], &[("croissant", 350, Some(3))]), product("muffin", None, &[], &[("muffin", 300, Some(5))])];
    let option = |name: &str, price| NewOption { id: id(name), name: text(name), price };
    let milk = NewModifier { id: id("milk"), name: text("Milk"), min: 1, max: 1, options: vec![option("whole", 0), option("oat", 60)] };
    let new = NewStore {
        id: store(),
        sort: 0,
        kind: StoreKind::Cafe,
        name: Text::new("Harbor", "海港"),
        tagline: Text::default(),
        currency: Currency::USD,
        time_zone: "America/Los_Angeles".to_owned(),
        fulfilment: FulfilmentKind::Pickup,
        settings: StoreSettings { capacity, ..DEFAULT_SETTINGS },
        kiosks: vec![id("harbor-1")],
    };
    db.transaction(move |tx| {
        Box::pin(async move {
            import::add_store_in(tx, &new).await?;
            import::add_modifier_in(tx, &new.id, &milk).await?;
            for (sort, (category, products)) in (0..).zip([("coffee", &coffee[..]), ("bakery", &bakery[..])]) {
                import::add_category_in(tx, &new.id, &id(category), &text(category), sort).await?;
                for (sort, product) in (0..).zip(products) {
                    import::add_product_in(tx, Place { store: &new.id, category: &id(category), sort, merchant: None }, product).await?;
                }
            }
            import::finish_in(tx, &new.id).await
        })
    })
    .await
    .expect("the shop is filled");
}

/// The data of all events of a type, in the order in which they were written.
pub async fn facts(db: &Db, type_name: &str) -> Vec<Value> {
    let mut reader = db.reader();
    let text =
        reader.either("select data from event where type = $1 order by position", "select data from event where type = $1 order by entry");
    let rows = reader.fetch_all(text, args![type_name]).await.expect("the log is read");
    rows.iter().map(|row| row.json("data").expect("data is JSON")).collect()
}

/// How many rows a query over `count(*) as n` counts.
pub async fn count(db: &Db, sql: &'static str) -> i64 {
    db.reader().fetch_one(sql, args![]).await.expect("counted").get("n").expect("a number")
}

/// Runs an `_in` command in a transaction of its own: `run!(db, |tx| Stores.set_open_in(tx, &store, true, Actor::System))`.
macro_rules! run {
    ($db:expr, |$tx:ident| $command:expr) => {
        $db.transaction(move |$tx| Box::pin(async move { $command.await })).await
    };
}
pub(crate) use run;

/// Ends a transaction without an error of its own, so that nothing of it is kept.
#[derive(Debug, PartialEq, Eq)]
pub struct Undone;

impl From<DbError> for Undone {
    fn from(error: DbError) -> Self {
        panic!("{error}")
    }
}
