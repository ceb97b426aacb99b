//! The life of an order: `created → processed → fulfilled`, or `rejected` before `processed`, or `cancelled` from
//! `created` or `processed`.

use serde::{Deserialize, Serialize};

use crate::prep;

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Acknowledged to the shopper; the payment runs.
    Created,
    /// Paid; its fulfilments are under way.
    Processed,
    /// Everything was collected or shipped.
    Fulfilled,
    /// Refused before it was processed (declined card).
    Rejected,
    /// Called off; what was paid is refunded.
    Cancelled,
}

impl OrderStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Processed => "processed",
            Self::Fulfilled => "fulfilled",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing can happen to the order any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Fulfilled | Self::Rejected | Self::Cancelled)
    }
}

crate::text_enum!(OrderStatus: Created, Processed, Fulfilled, Rejected, Cancelled);

/// Who called an order off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    Customer,
    Staff,
    System,
}

impl CancelledBy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Staff => "staff",
            Self::System => "system",
        }
    }
}

crate::text_enum!(CancelledBy: Customer, Staff, System);

/// How the money of an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Not decided: its charge is under way, or it was given up and may have been captured all the same.
    Pending,
    /// The shopper has to confirm it (3-D Secure).
    ActionRequired,
    Captured,
    Declined,
    Voided,
    PartiallyRefunded,
    Refunded,
}

impl PaymentStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::ActionRequired => "action_required",
            Self::Captured => "captured",
            Self::Declined => "declined",
            Self::Voided => "voided",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
        }
    }
}

crate::text_enum!(PaymentStatus: Pending, ActionRequired, Captured, Declined, Voided, PartiallyRefunded, Refunded);

/// What pays for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethod {
    Wallet,
    Card,
}

impl PaymentMethod {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Card => "card",
        }
    }
}

crate::text_enum!(PaymentMethod: Wallet, Card);

/// What the rules need to know of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub status: OrderStatus,
    /// Empty until the order is processed.
    pub fulfilments: Vec<prep::FulfilmentStatus>,
}

/// What somebody wants to happen to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The payment is captured.
    Process,
    Reject {
        reason: String,
    },
    Cancel {
        by: CancelledBy,
        reason: Option<String>,
    },
    /// The last fulfilment is done.
    Fulfil,
}

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Processed,
    Rejected { reason: String },
    Cancelled { by: CancelledBy, reason: Option<String> },
    Fulfilled,
}

/// Why a command does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The very thing was done before: a replay, not a fault of the caller.
    #[error("this was done already")]
    AlreadyApplied,
    #[error("the order is {}", .0.as_str())]
    Status(OrderStatus),
    /// A shopper may call off only what nobody works on.
    #[error("work on the order has started")]
    WorkStarted,
    #[error("the order is not completely handed over")]
    NotHandedOver,
}

/// The rules of an order's life. Total: every command in every state either changes something or says why not.
pub fn transition(state: &State, command: Command) -> Result<Vec<Change>, Illegal> {
    use OrderStatus::{Cancelled, Created, Fulfilled, Processed, Rejected};
    match (state.status, command) {
        (Created, Command::Process) => Ok(vec![Change::Processed]),
        (Created, Command::Reject { reason }) => Ok(vec![Change::Rejected { reason }]),
        // Only what was processed is fulfilled.
        (Processed | Fulfilled, Command::Process)
        | (Rejected, Command::Reject { .. })
        | (Cancelled, Command::Cancel { .. })
        | (Fulfilled, Command::Fulfil) => Err(Illegal::AlreadyApplied),
        (Created | Processed, Command::Cancel { by, reason }) => {
            // Collected or shipped goods are out of the house: that is a return, not a cancellation.
            if state.fulfilments.iter().any(|f| f.is_handed_over()) {
                return Err(Illegal::WorkStarted);
            }
            if by == CancelledBy::Customer && state.fulfilments.iter().any(|f| f.is_started()) {
                return Err(Illegal::WorkStarted);
            }
            Ok(vec![Change::Cancelled { by, reason }])
        }
        (Processed, Command::Fulfil) => {
            let done = !state.fulfilments.is_empty() && state.fulfilments.iter().all(|f| f.is_final());
            let any = state.fulfilments.iter().any(|f| f.is_handed_over());
            if done && any { Ok(vec![Change::Fulfilled]) } else { Err(Illegal::NotHandedOver) }
        }
        (status, _) => Err(Illegal::Status(status)),
    }
}

impl State {
    /// The state after a change.
    pub fn apply(&mut self, change: &Change) {
        self.status = match change {
            Change::Processed => OrderStatus::Processed,
            Change::Rejected { .. } => OrderStatus::Rejected,
            Change::Cancelled { .. } => OrderStatus::Cancelled,
            Change::Fulfilled => OrderStatus::Fulfilled,
        };
    }

    /// Whether the owner may still call the order off.
    pub fn cancellable_by_owner(&self) -> bool {
        transition(self, Command::Cancel { by: CancelledBy::Customer, reason: None }).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prep::FulfilmentStatus;

    fn commands() -> impl Strategy<Value = Command> {
        prop_oneof![
            Just(Command::Process),
            Just(Command::Reject { reason: "payment_declined".into() }),
            prop_oneof![Just(CancelledBy::Customer), Just(CancelledBy::Staff), Just(CancelledBy::System)]
                .prop_map(|by| Command::Cancel { by, reason: None }),
            Just(Command::Fulfil),
        ]
    }

    fn prep_commands() -> impl Strategy<Value = prep::Command> {
        let one = crate::UserId(uuid::Uuid::from_u128(1));
        let two = crate::UserId(uuid::Uuid::from_u128(2));
        prop_oneof![
            Just(prep::Command::Claim { by: one }),
            Just(prep::Command::Claim { by: two }),
            Just(prep::Command::Release),
            Just(prep::Command::Ready),
            Just(prep::Command::Recall),
            Just(prep::Command::Collect),
            Just(prep::Command::Fail { reason: "cancelled".into() }),
        ]
    }

    #[derive(Debug, Clone)]
    enum Step {
        Order(Command),
        Prep(prep::Command),
    }

    proptest! {
        /// Any sequence of commands keeps the rules of contract.md's "Life of an order".
        #[test]
        fn any_sequence_keeps_the_life_cycle(steps in prop::collection::vec(
            prop_oneof![commands().prop_map(Step::Order), prep_commands().prop_map(Step::Prep)], 0..60))
        {
            let mut state = State { status: OrderStatus::Created, fulfilments: vec![] };
            let mut ticket = prep::State::pickup();
            let mut path = vec![state.status];
            for step in steps {
                match step {
                    Step::Order(command) => {
                        let before = state.clone();
                        let Ok(changes) = transition(&state, command.clone()) else { continue };
                        prop_assert!(!before.status.is_final(), "a final state was left");
                        for change in &changes {
                            state.apply(change);
                            path.push(state.status);
                        }
                        if state.status == OrderStatus::Processed {
                            state.fulfilments = vec![ticket.status];
                        }
                        if let Command::Cancel { by: CancelledBy::Customer, .. } = command {
                            prop_assert!(!before.fulfilments.iter().any(|f| f.is_started()), "a shopper cancelled a started order");
                        }
                        prop_assert!(transition(&state, command).is_err(), "the same command applied twice");
                    }
                    Step::Prep(command) => {
                        if state.status != OrderStatus::Processed {
                            continue;
                        }
                        if let Ok(changes) = prep::transition(&ticket, command) {
                            prop_assert!(!ticket.status.is_final());
                            for change in &changes {
                                ticket.apply(change);
                            }
                            state.fulfilments = vec![ticket.status];
                        }
                    }
                }
            }
            let names: Vec<_> = path.iter().map(|s| s.as_str()).collect();
            let legal = [
                vec!["created"], vec!["created", "processed"], vec!["created", "processed", "fulfilled"],
                vec!["created", "rejected"], vec!["created", "cancelled"], vec!["created", "processed", "cancelled"],
            ];
            prop_assert!(legal.contains(&names), "{:?}", names);
            if state.status == OrderStatus::Fulfilled {
                prop_assert_eq!(ticket.status, FulfilmentStatus::Collected);
            }
        }
    }
}
