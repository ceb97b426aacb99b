//! What people see of themselves: who they are, their money, the browsers in which they are signed in.

use serde::{Deserialize, Serialize};

use super::{Page, Role};
use crate::{Locale, Money, OrderId, SessionId, StoreId, Timestamp, TopUpId, TransferId, UserId, wallet::EntryKind};

/// How a payment into a wallet stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TopUpStatus {
    /// The bank has not answered.
    Pending,
    /// It waits for its shopper, who has to confirm it at their bank.
    ActionRequired,
    /// The money is in the wallet.
    Captured,
    /// Nothing is in the wallet.
    Refused,
}

wire! {
    /// `GET /me`.
    MeView { user: Option<UserView>, guest: bool, roles: Vec<RoleView>, wallet: Option<WalletBalance>, points: i64 }
    UserView { id: UserId, name: String, language: Option<Locale> }
    RoleView { role: Role, store: Option<StoreId> }
    WalletBalance { balance: Money }

    /// `GET /wallet`, and the answer of a top-up: the newest entries first.
    WalletView { balance: Money, entries: Page<WalletEntry> }
    WalletEntry {
        id: TransferId,
        at: Timestamp,
        kind: EntryKind,
        /// Negative where it went out of the wallet.
        amount: Money,
        /// The order that was paid or refunded.
        order: Option<OrderId>,
        /// What was in the wallet then.
        balance_after: Money,
    }

    /// `GET /wallet/top-ups/{id}`.
    TopUpView {
        id: TopUpId,
        amount: Money,
        status: TopUpStatus,
        /// Why nothing was paid in: `payment_declined`, `payment_timeout`, or `payment_unsure`, of which the card gets back what it may have
        /// been charged.
        reason: Option<String>,
    }

    /// A browser in which an account is signed in.
    SessionView {
        id: SessionId,
        /// What kind of browser it is, such as `Firefox · Windows`.
        device: Option<String>,
        created_at: Timestamp,
        /// To the day.
        seen_at: Timestamp,
        expires_at: Timestamp,
        /// The one that asks.
        current: bool,
    }
}
