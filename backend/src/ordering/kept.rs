//! What is kept about a shopper besides what their orders show, for them to take along.

use std::collections::HashMap;

use domain::view::FulfilmentRequest;
use domain::{CheckoutId, OrderId, StoreId, Timestamp};

use super::{Orders, store};
use crate::db::{DbError, Sql};
use crate::identity::Owner;

/// A checkout that no order came of, or not yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckout {
    pub id: CheckoutId,
    pub store: StoreId,
    pub begun_at: Timestamp,
    /// What for, with the address where it was to be sent to one.
    pub fulfilment: FulfilmentRequest,
}

impl Orders {
    /// How each of somebody's orders was to come to them, with the addresses.
    pub async fn fulfilments(&self, sql: &mut impl Sql, owner: &Owner) -> Result<HashMap<OrderId, FulfilmentRequest>, DbError> {
        store::fulfilments(sql, owner).await
    }

    /// Somebody's checkouts that are no orders, the newest first.
    pub async fn kept_checkouts(&self, sql: &mut impl Sql, owner: &Owner) -> Result<Vec<KeptCheckout>, DbError> {
        store::kept_checkouts(sql, owner).await
    }
}
