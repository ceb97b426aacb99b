//! A shopper: looks, orders, waits, and fetches it or thinks better of it.

use std::sync::Arc;

use anyhow::bail;
use domain::OrderId;
use domain::ordering::OrderStatus;
use domain::prep::FulfilmentStatus;
use domain::pricing::LineRequest;
use domain::view::{CheckoutRequest, CheckoutView, FulfilmentRequest, MenuView, ModifierView, OrderView, PaymentRequest, PlaceRequest};
use serde_json::json;

use super::Scene;
use super::api::{self, Api, Refused};
use super::chance::Chance;

/// Milliseconds that a shopper chooses, waits before calling it off, and walks to the counter.
const CHOOSE: (u64, u64) = (5_000, 25_000);
const REGRET: (u64, u64) = (1_000, 4_000);
const WALK: (u64, u64) = (4_000, 25_000);
/// Of a hundred, how many call it off.
const REGRETS: usize = 10;
/// Carts that the shop refuses, for something has just sold out, before there is nothing left to buy.
const CARTS: u32 = 10;

/// From coming in to leaving with it, or without. Who is told to stop leaves at once, but not while ordering unless the store is
/// full, and what they have ordered stays among the open orders.
pub(super) async fn come(scene: Arc<Scene>, staff: Api, mut chance: Chance) -> anyhow::Result<()> {
    let enter = async {
        let shopper = staff.guest().await?;
        scene.pause(chance.millis(CHOOSE.0, CHOOSE.1)).await;
        anyhow::Ok(shopper)
    };
    let Some(shopper) = scene.stop.run_until_cancelled(enter).await else { return Ok(()) };
    let shopper = shopper?;
    let Some(order) = order(&scene, &shopper, &mut chance).await? else { return Ok(()) };
    scene.open().insert(order);
    scene.progress.placed();
    let Some(fetched) = scene.stop.run_until_cancelled(fetch(&scene, &staff, &shopper, order, &mut chance)).await else { return Ok(()) };
    fetched?;
    scene.open().remove(&order);
    Ok(())
}

/// Waits for an order and takes it, or thinks better of it.
async fn fetch(scene: &Scene, staff: &Api, shopper: &Api, order: OrderId, chance: &mut Chance) -> anyhow::Result<()> {
    if chance.percent(REGRETS) {
        scene.pause(chance.millis(REGRET.0, REGRET.1)).await;
        // Who is too late takes it after all.
        if shopper.command::<OrderView>(&format!("/orders/{order}/cancel"), &json!({})).await?.is_ok() {
            scene.progress.cancelled();
            return Ok(());
        }
    }
    scene.own().insert(order);
    let ready = wait(scene, shopper, order).await?;
    scene.own().remove(&order);
    if !ready {
        scene.progress.cancelled();
        return Ok(());
    }
    scene.pause(chance.millis(WALK.0, WALK.1)).await;
    // Somebody of the staff may have handed it over, or called it off.
    match staff.command::<OrderView>(&format!("/staff/orders/{order}/collect"), &json!({})).await? {
        Ok(_) => scene.progress.collected(),
        Err(Refused(code)) => {
            let order: OrderView = shopper.get(&format!("/orders/{order}")).await?;
            match order.status {
                OrderStatus::Fulfilled => scene.progress.collected(),
                OrderStatus::Cancelled => scene.progress.cancelled(),
                status => bail!("order {} is {status} and cannot be handed over: {code}", order.number),
            }
        }
    }
    Ok(())
}

/// Places an order of whatever the shop has; `None`: they were told to stop before there was a place for them.
async fn order(scene: &Scene, shopper: &Api, chance: &mut Chance) -> anyhow::Result<Option<OrderId>> {
    for _ in 0..CARTS {
        let lines = wishes(&scene.menu, chance);
        if lines.is_empty() {
            bail!("there is nothing to buy at {}", scene.plan.store);
        }
        let request = CheckoutRequest {
            store: scene.plan.store.to_string(),
            lines,
            fulfilment: FulfilmentRequest::Pickup,
            admission: None,
            coupon_codes: Vec::new(),
            points: None,
        };
        let Some(answer) = begin(scene, shopper, &request).await? else { return Ok(None) };
        let checkout = match answer {
            Ok(checkout) => checkout,
            // Something of it has just gone; they choose anew.
            Err(Refused(code)) if matches!(&*code, "out_of_stock" | "unavailable" | "unknown_sku" | "unknown_option") => continue,
            Err(Refused(code)) if code == "fulfilment_not_offered" => {
                bail!("--store '{}' sends its goods; choose one to pick up at", scene.plan.store)
            }
            Err(Refused(code)) => bail!("a checkout at {} was refused: {code}", scene.plan.store),
        };
        let place = PlaceRequest { payment: PaymentRequest::Card { token: "tok_ok".to_owned() }, expected_total: checkout.quote.total };
        match shopper.command::<OrderView>(&format!("/checkouts/{}/place", checkout.id), &place).await? {
            Ok(order) => return Ok(Some(order.id)),
            Err(Refused(code)) if code == "checkout_expired" => {}
            Err(Refused(code)) => bail!("an order at {} was refused: {code}", scene.plan.store),
        }
    }
    bail!("{CARTS} carts in a row were refused: what is on the menu of {} cannot be bought", scene.plan.store)
}

/// What the shop says to a cart once it has a place for them: they wait for one as long as it takes. `None`: they were told to stop
/// before that.
async fn begin(scene: &Scene, shopper: &Api, cart: &CheckoutRequest) -> anyhow::Result<Option<Result<CheckoutView, Refused>>> {
    loop {
        match shopper.command("/checkouts", cart).await? {
            Err(Refused(code)) if code == api::FULL => {
                if scene.stop.run_until_cancelled(tokio::time::sleep(api::LONGEST)).await.is_none() {
                    return Ok(None);
                }
            }
            answer => return Ok(Some(answer)),
        }
    }
}

/// Waits until it stands at the counter; false where it never will.
async fn wait(scene: &Scene, shopper: &Api, order: OrderId) -> anyhow::Result<bool> {
    loop {
        let order: OrderView = shopper.get(&format!("/orders/{order}")).await?;
        let status = order.fulfilments.first().map(|fulfilment| fulfilment.status);
        if matches!(status, Some(FulfilmentStatus::Ready | FulfilmentStatus::Collected)) {
            return Ok(true);
        }
        if order.status.is_final() {
            return Ok(false);
        }
        scene.look_again().await;
    }
}

/// One to three things of the menu that can be had, with choices that their groups allow; nothing where nothing can be had.
fn wishes(menu: &MenuView, chance: &mut Chance) -> Vec<LineRequest> {
    let products = menu.categories.iter().flat_map(|category| &category.products);
    let products: Vec<_> =
        products.filter(|it| it.variants.iter().any(|variant| variant.available) && it.modifiers.iter().all(leaves_a_choice)).collect();
    let mut lines = Vec::new();
    for _ in 0..=chance.below(3) {
        let Some(product) = chance.one_of(&products) else { break };
        let variants: Vec<_> = product.variants.iter().filter(|variant| variant.available).collect();
        let Some(variant) = chance.one_of(&variants) else { break };
        let options: Vec<_> = product.modifiers.iter().flat_map(|group| choices(group, chance)).collect();
        let quantity = if chance.percent(15) { 2 } else { 1 };
        lines.push(LineRequest { sku: variant.sku.to_string(), quantity, options });
    }
    lines
}

/// Whether enough of a group is there.
fn leaves_a_choice(group: &ModifierView) -> bool {
    let there = group.options.iter().filter(|option| option.available).count();
    group.min as usize <= there.min(group.max as usize)
}

/// What somebody chooses of a group that leaves them a choice.
fn choices(group: &ModifierView, chance: &mut Chance) -> Vec<String> {
    let mut there: Vec<_> = group.options.iter().filter(|option| option.available).map(|option| option.id.to_string()).collect();
    let (least, most) = (group.min as usize, (group.max as usize).min(there.len()));
    // Most people leave what they need not choose.
    let wanted = if chance.percent(60) { least } else { least + chance.below(most - least + 1) };
    (0..wanted).map(|_| there.swap_remove(chance.below(there.len()))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::http::{StatusCode, header::SET_COOKIE};
    use axum::routing::post;

    use super::api::tests::{not_now, shop};
    use super::*;

    fn menu() -> MenuView {
        let option =
            |id: &str, available: bool| json!({"id": id, "name": id, "price": {"amount": 0, "currency": "USD"}, "available": available});
        let variant = |sku: &str, available: bool| {
            let price = json!({"amount": 450, "currency": "USD"});
            json!({"sku": sku, "name": "", "price": price, "list_price": price, "available": available})
        };
        let milk = json!({"id": "milk", "name": "Milk", "min": 1, "max": 1, "options": [option("whole", true), option("oat", false)]});
        let syrup =
            json!({"id": "syrup", "name": "Syrup", "min": 0, "max": 2, "options": [option("vanilla", true), option("hazel", true)]});
        let sold_out = json!({"id": "milk", "name": "Milk", "min": 1, "max": 1, "options": [option("soy", false)]});
        let product = |id: &str, variants: serde_json::Value, modifiers: serde_json::Value| json!({"id": id, "name": id, "description": "", "image": null, "variants": variants, "modifiers": modifiers});
        let products = json!([
            product("latte", json!([variant("latte-s", false), variant("latte-l", true)]), json!([milk, syrup])),
            product("chai", json!([variant("chai", true)]), json!([sold_out])),
            product("tea", json!([variant("tea", false)]), json!([])),
        ]);
        serde_json::from_value(json!({"store": "harbor", "version": 1, "categories": [{"id": "c", "name": "C", "products": products}]}))
            .unwrap()
    }

    #[test]
    fn they_want_what_can_be_had_and_the_same_seed_wants_the_same() {
        let menu = menu();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let wanted = wishes(&menu, &mut Chance::of(seed, 1));
            assert_eq!(wanted, wishes(&menu, &mut Chance::of(seed, 1)));
            assert!(!wanted.is_empty(), "{seed}: a latte can be had");
            for line in wanted {
                assert_eq!((line.sku.as_str(), line.options.first().map(String::as_str)), ("latte-l", Some("whole")));
                assert!(line.options.len() <= 3 && (1..=2).contains(&line.quantity));
                seen.insert(line.options.len());
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[tokio::test]
    async fn who_is_told_to_stop_before_a_full_store_leaves_at_once() {
        let scene = Arc::new(crate::robot::tests::scene(menu(), 1));
        let stop = scene.stop.clone();
        let full = move || {
            stop.cancel();
            async { not_now(api::FULL) }
        };
        let session = async || (StatusCode::CREATED, [(SET_COOKIE, "orderly_session=theirs; Path=/")]);
        let staff = shop(Router::new().route("/api/v1/session", post(session)).route("/api/v1/checkouts", post(full))).await;
        let left = tokio::time::timeout(Duration::from_secs(5), come(scene.clone(), staff, Chance::of(1, 1))).await;
        assert!(matches!(left, Ok(Ok(()))), "{left:?}");
        assert!(scene.stop.is_cancelled() && scene.open().is_empty(), "they were refused, and have ordered nothing");
    }
}
