//! Order numbers.

use std::time::Duration;

use futures::future::join_all;

use crate::cafe::{Cafe, flat_white, guest};
use crate::support::on_both_databases;

on_both_databases! {
    /// Whoever places at once gets a number of their own; none is left out, and the store's next day begins at 1.
    async fn numbers_count_up_in_a_stores_day(shop) {
        let cafe = Cafe::open(&shop).await;
        let placing = (0..12).map(|_| {
            let (cafe, caller) = (cafe.clone(), guest());
            tokio::spawn(async move {
                let checkout = cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
                cafe.place(&caller, &checkout, "tok_ok").await.unwrap()
            })
        });
        let mut numbers = Vec::new();
        for order in join_all(placing).await {
            numbers.push(cafe.view(order.unwrap()).await.number);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
        let number = async || cafe.view(cafe.order(&guest(), "tok_ok").await).await.number;
        // One millisecond before midnight in Los Angeles, and midnight.
        shop.hands.advance(Duration::from_millis(24 * 3_600_000 - 1));
        assert_eq!(number().await, 13);
        shop.hands.advance(Duration::from_millis(1));
        assert_eq!(number().await, 1);
    }
}
