//! Robots: shoppers who order, wait, fetch or think better of it, and baristas who make what they ordered, all of them over the
//! public HTTP API as anybody else. It is what shows a newcomer a shop that is alive.
//!
//! They touch no order but their own: whoever orders beside them waits for a person.

mod api;
mod barista;
mod chance;
mod progress;
mod shopper;

use std::collections::HashSet;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use domain::view::{Admission, MenuView, OrderView, StoreView};
use domain::{OrderId, StoreId};
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::api::{Api, Refused};
use self::chance::Chance;
use self::progress::Progress;

/// Milliseconds between two shoppers, a barista at work on each: as people do it.
const ARRIVAL: (u64, u64) = (2_000, 22_000);

/// How long they may take to call off what they ordered when they are interrupted.
const LEAVE: Duration = Duration::from_secs(30);

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the shop is, without a slash at the end.
    pub url: String,
    pub store: StoreId,
    pub orders: u32,
    /// How many times as fast as people.
    pub speed: f64,
    pub seed: u64,
    /// A barista's each. More than one of the same person are told apart by what they are at.
    pub tokens: Vec<String>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Told {
    pub orders: u32,
    pub collected: u32,
    pub cancelled: u32,
    pub seconds: f64,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orders, collected, cancelled, seconds } = self;
        write!(f, "{orders} orders in {seconds:.0} s: {collected} collected, {cancelled} cancelled")
    }
}

/// What all robots know.
struct Scene {
    plan: Plan,
    menu: MenuView,
    /// Orders of theirs that a barista may take.
    own: Mutex<HashSet<OrderId>>,
    /// Orders of theirs that are neither handed over nor called off.
    open: Mutex<HashSet<OrderId>>,
    /// There is nothing more to do, or they are interrupted.
    stop: CancellationToken,
    progress: Progress,
}

impl Scene {
    fn own(&self) -> std::sync::MutexGuard<'_, HashSet<OrderId>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashSet<OrderId>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as a person would, by this store's haste.
    async fn pause(&self, millis: Duration) {
        tokio::time::sleep(millis.div_f64(self.plan.speed)).await;
    }

    /// Waits before something is looked at again: never so short that looking is all that is done.
    async fn look_again(&self) {
        tokio::time::sleep(Duration::from_secs(1).div_f64(self.plan.speed).clamp(Duration::from_millis(100), Duration::from_secs(1))).await;
    }
}

/// Robots at work.
type Robots = JoinSet<anyhow::Result<()>>;

/// Lets them order and work until all orders are handed over or called off. When they are interrupted, or one of them fell over, what
/// is still open is called off: nobody would ever fetch it.
pub async fn run(plan: Plan, interrupted: impl Future<Output = ()>) -> anyhow::Result<Told> {
    let begun = Instant::now();
    let hands = plan.tokens.iter().map(|token| Api::with_token(&plan.url, token)).collect::<anyhow::Result<Vec<_>>>()?;
    let staff = hands.first().context("there is no barista")?.clone();
    let mut interrupted = pin!(interrupted);
    let menu = tokio::select! {
        menu = look(&plan, &staff) => menu?,
        // Nobody has come yet: there is nothing to call off.
        () = &mut interrupted => bail!("interrupted"),
    };
    let progress = Progress::new(plan.orders);
    let (own, open, stop) = (Mutex::default(), Mutex::default(), CancellationToken::new());
    let scene = Arc::new(Scene { plan, menu, own, open, stop, progress });

    let (mut baristas, mut shoppers) = (Robots::new(), Robots::new());
    let done = tokio::select! {
        done = work(&scene, &staff, hands, &mut baristas, &mut shoppers) => done,
        () = &mut interrupted => Err(anyhow!("interrupted")),
    };
    if let Err(error) = done {
        let left = tokio::time::timeout(LEAVE, leave(&scene, &staff, baristas, shoppers)).await;
        scene.progress.end();
        left.unwrap_or_else(|_| Err(anyhow!("the shop does not answer; orders of the robots stay open"))).context(format!("{error:#}"))?;
        return Err(error);
    }
    let (collected, cancelled) = scene.progress.end();
    Ok(Told { orders: scene.plan.orders, collected, cancelled, seconds: begun.elapsed().as_secs_f64() })
}

/// The menu of a store that robots can order at.
async fn look(plan: &Plan, staff: &Api) -> anyhow::Result<MenuView> {
    let store: StoreView = staff.get(&format!("/stores/{}", plan.store)).await.context("the store cannot be seen")?;
    if store.admission == Admission::Qr {
        bail!("--store '{}' lets in who scans its code, which robots cannot; choose one that is open to anybody", plan.store);
    }
    if !store.open {
        bail!("--store '{}' is closed; open it on its settings page", plan.store);
    }
    staff.get(&format!("/stores/{}/menu", plan.store)).await
}

async fn work(scene: &Arc<Scene>, staff: &Api, hands: Vec<Api>, baristas: &mut Robots, shoppers: &mut Robots) -> anyhow::Result<()> {
    for (n, hand) in hands.into_iter().enumerate() {
        let chance = Chance::of(scene.plan.seed, u64::MAX - n as u64);
        baristas.spawn(barista::work(scene.clone(), hand, chance));
    }
    let come = |shoppers: &mut Robots, left: u32| {
        let chance = Chance::of(scene.plan.seed, u64::from(left));
        shoppers.spawn(shopper::come(scene.clone(), staff.clone(), chance));
    };
    let_in(scene, baristas, shoppers, come).await?;
    scene.stop.cancel();
    while let Some(ended) = baristas.join_next().await {
        ended.context("a barista fell over")??;
    }
    Ok(())
}

/// Lets shoppers in one after the other, each at their time whoever leaves before it, until all have left. `come` lets in one, of
/// so many that are still to come.
async fn let_in(scene: &Scene, baristas: &mut Robots, shoppers: &mut Robots, come: impl Fn(&mut Robots, u32)) -> anyhow::Result<()> {
    let mut arrivals = Chance::of(scene.plan.seed, 0);
    let mut left = scene.plan.orders;
    let mut next = pin!(scene.pause(Duration::ZERO));
    while left > 0 || !shoppers.is_empty() {
        tokio::select! {
            () = &mut next, if left > 0 => {
                come(shoppers, left);
                left -= 1;
                next.set(scene.pause(arrivals.millis(ARRIVAL.0, ARRIVAL.1)));
            }
            Some(ended) = baristas.join_next() => ended.context("a barista fell over")??,
            Some(ended) = shoppers.join_next() => ended.context("a shopper fell over")??,
        }
    }
    Ok(())
}

/// All of them go, and what they ordered is called off.
async fn leave(scene: &Scene, staff: &Api, mut baristas: Robots, mut shoppers: Robots) -> anyhow::Result<()> {
    scene.stop.cancel();
    baristas.shutdown().await;
    // Who is just ordering does so to the end: an order that nobody knows of would stay. What else went wrong was told already, or is
    // of no use any more.
    while shoppers.join_next().await.is_some() {}
    let open = std::mem::take(&mut *scene.open());
    for order in open {
        let cancelled = staff.command::<OrderView>(&format!("/staff/orders/{order}/cancel"), &json!({})).await;
        // What is refused was handed over, or called off, meanwhile.
        let (Ok(_) | Err(Refused(_))) = cancelled.context("orders of the robots stay open")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shop with this menu, in the greatest haste.
    pub(super) fn scene(menu: MenuView, orders: u32) -> Scene {
        let store = "harbor".parse().unwrap();
        let plan = Plan { url: String::new(), store, orders, speed: 1000.0, seed: 1, tokens: Vec::new() };
        let (own, open, stop) = (Mutex::default(), Mutex::default(), CancellationToken::new());
        Scene { plan, menu, own, open, stop, progress: Progress::new(orders) }
    }

    #[tokio::test]
    async fn who_leaves_lets_nobody_in_before_their_time() {
        let menu = serde_json::from_value(json!({"store": "harbor", "version": 1, "categories": []})).unwrap();
        let scene = scene(menu, 11);
        let (mut baristas, mut shoppers) = (Robots::new(), Robots::new());
        let came = Mutex::new(Vec::new());
        let begun = Instant::now();
        // They look through the door, and go.
        let come = |shoppers: &mut Robots, left| {
            came.lock().unwrap().push(left);
            shoppers.spawn(async { Ok(()) });
        };
        let_in(&scene, &mut baristas, &mut shoppers, come).await.unwrap();
        let took = begun.elapsed();
        assert_eq!(came.into_inner().unwrap(), (1..=11).rev().collect::<Vec<_>>());
        let mut arrivals = Chance::of(scene.plan.seed, 0);
        let least: Duration = (0..10).map(|_| arrivals.millis(ARRIVAL.0, ARRIVAL.1).div_f64(scene.plan.speed)).sum();
        assert!(took >= least, "{took:?} instead of {least:?}");
    }
}
