//! The language of wallets.

use serde::{Deserialize, Serialize};

/// Why money went into a wallet, or out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A card paid it in.
    TopUp,
    /// An order was paid with it.
    Charge,
    /// An order's money came back.
    Refund,
    /// The house gave it.
    Gift,
    /// Its owner had their data deleted, and let it go.
    Forfeit,
}

impl EntryKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TopUp => "top_up",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Gift => "gift",
            Self::Forfeit => "forfeit",
        }
    }

    /// Whether it takes money out of the wallet.
    pub const fn takes(self) -> bool {
        matches!(self, Self::Charge | Self::Forfeit)
    }
}

crate::text_enum!(EntryKind: TopUp, Charge, Refund, Gift, Forfeit);
