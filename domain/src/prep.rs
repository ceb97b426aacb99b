//! The life of a fulfilment: a pick-up `queued → making → ready → collected`, or a parcel
//! `prepared → packing → packed → shipped`; `failed` from any of them.

use serde::{Deserialize, Serialize};

use crate::UserId;

/// How an order reaches its shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentKind {
    Pickup,
    Ship,
}

impl FulfilmentKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pickup => "pickup",
            Self::Ship => "ship",
        }
    }
}

crate::text_enum!(FulfilmentKind: Pickup, Ship);

/// Where a fulfilment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    Queued,
    Making,
    Ready,
    Collected,
    Prepared,
    Packing,
    Packed,
    Shipped,
    Failed,
}

impl FulfilmentStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Making => "making",
            Self::Ready => "ready",
            Self::Collected => "collected",
            Self::Prepared => "prepared",
            Self::Packing => "packing",
            Self::Packed => "packed",
            Self::Shipped => "shipped",
            Self::Failed => "failed",
        }
    }

    /// Somebody works on it, or did.
    pub const fn is_started(self) -> bool {
        !matches!(self, Self::Queued | Self::Prepared)
    }

    /// It left the house.
    pub const fn is_handed_over(self) -> bool {
        matches!(self, Self::Collected | Self::Shipped)
    }

    pub const fn is_final(self) -> bool {
        matches!(self, Self::Collected | Self::Shipped | Self::Failed)
    }

    /// Where it stands, for who wanted something else of it. Nothing fails but with its order, which was called off.
    fn told(self) -> String {
        if self == Self::Failed { "the order was cancelled".to_owned() } else { format!("it is {}", self.as_str()) }
    }
}

crate::text_enum!(FulfilmentStatus: Queued, Making, Ready, Collected, Prepared, Packing, Packed, Shipped, Failed);

/// What the rules need to know of a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub kind: FulfilmentKind,
    pub status: FulfilmentStatus,
    /// Who makes or packs it.
    pub claimed_by: Option<UserId>,
}

/// What staff want to happen to a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Take it: exclusive.
    Claim {
        by: UserId,
    },
    /// Give it back to the queue.
    Release,
    /// Made (pick-up) or packed (parcel).
    Ready,
    /// Back from the counter: something is missing.
    Recall,
    /// Handed over to the shopper (pick-up) or to the carrier (parcel).
    Collect,
    Fail {
        reason: String,
    },
}

/// What happened to a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Claimed { by: UserId },
    Released,
    Ready,
    Recalled,
    Collected,
    Failed { reason: String },
}

/// Why a command does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The very thing was done before: a replay, not a fault of the caller. A claim is granted to its holder again.
    #[error("this was done already")]
    AlreadyApplied,
    /// Somebody else has it.
    #[error("somebody else has claimed it")]
    Claimed(UserId),
    #[error("{}", .0.told())]
    Status(FulfilmentStatus),
}

/// The rules of a fulfilment's life. Total: every command in every state either changes something or says why not.
pub fn transition(state: &State, command: Command) -> Result<Vec<Change>, Illegal> {
    use FulfilmentStatus::{Collected, Failed, Making, Packed, Packing, Prepared, Queued, Ready, Shipped};
    match (state.status, command) {
        (Queued | Prepared, Command::Claim { by }) => Ok(vec![Change::Claimed { by }]),
        (Making | Packing, Command::Claim { by }) => match state.claimed_by {
            Some(holder) if holder != by => Err(Illegal::Claimed(holder)),
            _ => Err(Illegal::AlreadyApplied),
        },
        (Making | Packing, Command::Release) => Ok(vec![Change::Released]),
        (Making | Packing, Command::Ready) => Ok(vec![Change::Ready]),
        // A parcel that is packed is not unpacked by a recall; it fails or ships.
        (Ready, Command::Recall) => Ok(vec![Change::Recalled]),
        (Ready | Packed, Command::Collect) => Ok(vec![Change::Collected]),
        (Ready | Packed, Command::Ready)
        | (Queued | Prepared, Command::Release)
        | (Collected | Shipped, Command::Collect)
        | (Failed, Command::Fail { .. }) => Err(Illegal::AlreadyApplied),
        (Queued | Making | Ready | Prepared | Packing | Packed, Command::Fail { reason }) => Ok(vec![Change::Failed { reason }]),
        (status, _) => Err(Illegal::Status(status)),
    }
}

/// How many seconds a number is called on the public board once it is ready: whoever has not come by then asks at the bar.
pub const CALLED_SECONDS: i64 = 10 * 60;

/// How many times all `hands` have to be full to make so many. An idle bar has one pair of hands, as far as anybody knows.
pub fn turns(count: i64, hands: i64) -> i64 {
    let hands = hands.max(1);
    count.saturating_add(hands - 1) / hands
}

impl State {
    /// A pick-up that has just entered the queue.
    pub const fn pickup() -> Self {
        Self { kind: FulfilmentKind::Pickup, status: FulfilmentStatus::Queued, claimed_by: None }
    }

    /// A parcel that waits to be packed.
    pub const fn parcel() -> Self {
        Self { kind: FulfilmentKind::Ship, status: FulfilmentStatus::Prepared, claimed_by: None }
    }

    /// The state after a change.
    pub fn apply(&mut self, change: &Change) {
        use FulfilmentStatus::{Collected, Failed, Making, Packed, Packing, Prepared, Queued, Ready, Shipped};
        let pickup = self.kind == FulfilmentKind::Pickup;
        self.status = match change {
            Change::Claimed { .. } | Change::Recalled if pickup => Making,
            Change::Claimed { .. } | Change::Recalled => Packing,
            Change::Released if pickup => Queued,
            Change::Released => Prepared,
            Change::Ready if pickup => Ready,
            Change::Ready => Packed,
            Change::Collected if pickup => Collected,
            Change::Collected => Shipped,
            Change::Failed { .. } => Failed,
        };
        match change {
            Change::Claimed { by } => self.claimed_by = Some(*by),
            Change::Released => self.claimed_by = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(status: FulfilmentStatus, claimed_by: Option<u128>) -> State {
        let kind = if matches!(status, FulfilmentStatus::Prepared | FulfilmentStatus::Packing) {
            FulfilmentKind::Ship
        } else {
            FulfilmentKind::Pickup
        };
        State { kind, status, claimed_by: claimed_by.map(person) }
    }

    fn person(n: u128) -> UserId {
        UserId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_claim_is_exclusive() {
        let making = given(FulfilmentStatus::Making, Some(1));
        assert_eq!(transition(&making, Command::Claim { by: person(2) }), Err(Illegal::Claimed(person(1))));
        assert_eq!(transition(&making, Command::Claim { by: person(1) }), Err(Illegal::AlreadyApplied));
    }

    #[test]
    fn steps_back_are_release_and_recall() {
        let mut state = given(FulfilmentStatus::Ready, Some(1));
        for (command, status) in [(Command::Recall, FulfilmentStatus::Making), (Command::Release, FulfilmentStatus::Queued)] {
            for change in transition(&state, command).unwrap() {
                state.apply(&change);
            }
            assert_eq!(state.status, status);
        }
        assert_eq!(state.claimed_by, None);
    }

    #[test]
    fn who_comes_too_late_for_an_order_that_was_called_off_is_told_so() {
        let late = |status| transition(&given(status, None), Command::Claim { by: person(1) }).map_err(|illegal| illegal.to_string());
        assert_eq!(late(FulfilmentStatus::Failed), Err("the order was cancelled".to_owned()));
        assert_eq!(late(FulfilmentStatus::Collected), Err("it is collected".to_owned()));
    }

    #[test]
    fn what_left_the_house_stays_out() {
        for command in
            [Command::Recall, Command::Release, Command::Ready, Command::Claim { by: person(1) }, Command::Fail { reason: String::new() }]
        {
            assert!(transition(&given(FulfilmentStatus::Collected, None), command).is_err());
        }
    }
}
