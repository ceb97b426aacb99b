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
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use domain::view::{Admission, MenuView, StoreView};
use domain::{OrderId, StoreId};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::api::Api;
use self::chance::Chance;
use self::progress::Progress;

/// Milliseconds between two shoppers, a barista at work on each: as people do it.
const ARRIVAL: (u64, u64) = (2_000, 22_000);

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
    progress: Progress,
}

impl Scene {
    fn own(&self) -> std::sync::MutexGuard<'_, HashSet<OrderId>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Lets them order and work until all orders are handed over or called off.
pub async fn run(plan: Plan) -> anyhow::Result<Told> {
    let begun = Instant::now();
    let hands = plan.tokens.iter().map(|token| Api::with_token(&plan.url, token)).collect::<anyhow::Result<Vec<_>>>()?;
    let staff = hands.first().context("there is no barista")?.clone();
    let store: StoreView = staff.get(&format!("/stores/{}", plan.store)).await.context("the store cannot be seen")?;
    if store.admission == Admission::Qr {
        bail!("--store '{}' lets in who scans its code, which robots cannot; choose one that is open to anybody", plan.store);
    }
    if !store.open {
        bail!("--store '{}' is closed; open it on its settings page", plan.store);
    }
    let menu: MenuView = staff.get(&format!("/stores/{}/menu", plan.store)).await?;
    let progress = Progress::new(plan.orders);
    let scene = Arc::new(Scene { menu, own: Mutex::default(), progress, plan });

    let (stop, mut baristas, mut shoppers) = (CancellationToken::new(), JoinSet::new(), JoinSet::new());
    for (n, hand) in hands.into_iter().enumerate() {
        let chance = Chance::of(scene.plan.seed, u64::MAX - n as u64);
        baristas.spawn(barista::work(scene.clone(), hand, chance, stop.clone()));
    }
    let mut arrivals = Chance::of(scene.plan.seed, 0);
    let mut left = scene.plan.orders;
    loop {
        if left > 0 {
            let chance = Chance::of(scene.plan.seed, u64::from(left));
            shoppers.spawn(shopper::come(scene.clone(), staff.clone(), chance));
            left -= 1;
        }
        let next = scene.pause(arrivals.millis(ARRIVAL.0, ARRIVAL.1));
        tokio::select! {
            () = next, if left > 0 => {}
            Some(ended) = baristas.join_next() => ended.context("a barista fell over")??,
            ended = shoppers.join_next() => match ended {
                Some(ended) => ended.context("a shopper fell over")??,
                None => break,
            },
        }
    }
    stop.cancel();
    while let Some(ended) = baristas.join_next().await {
        ended.context("a barista fell over")??;
    }
    let (collected, cancelled) = scene.progress.end();
    Ok(Told { orders: scene.plan.orders, collected, cancelled, seconds: begun.elapsed().as_secs_f64() })
}
