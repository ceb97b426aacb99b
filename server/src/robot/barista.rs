//! A barista: takes the oldest of the robots' orders, makes it, puts it on the counter.

use std::sync::Arc;

use domain::view::{OrderView, QueueView};
use serde_json::json;

use super::Scene;
use super::api::{Api, Refused};
use super::chance::Chance;

/// Milliseconds that making one takes.
const MAKE: (u64, u64) = (15_000, 45_000);

/// Works until told to stop.
pub(super) async fn work(scene: Arc<Scene>, staff: Api, mut chance: Chance) -> anyhow::Result<()> {
    while !scene.stop.is_cancelled() {
        let queue: QueueView = staff.get(&format!("/staff/stores/{}/queue", scene.plan.store)).await?;
        let next = queue.lanes.queued.iter().map(|ticket| ticket.order).find(|order| scene.own().contains(order));
        let Some(order) = next else {
            scene.look_again().await;
            continue;
        };
        // Who works by the same token is one person to the shop, and may claim what is theirs twice: they are told apart here.
        if !scene.own().remove(&order) {
            continue;
        }
        let moved = async |verb: &str| staff.command::<OrderView>(&format!("/staff/orders/{order}/{verb}"), &json!({})).await;
        // Called off, or taken by a person, meanwhile.
        if let Err(Refused(_)) = moved("claim").await? {
            continue;
        }
        scene.pause(chance.millis(MAKE.0, MAKE.1)).await;
        if moved("ready").await?.is_ok() {
            scene.progress.ready();
        }
    }
    Ok(())
}
