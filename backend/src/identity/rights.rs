//! Who may do what: one table of roles and rights, and the rights to the MQTT topics. Everybody asks here.

use domain::StoreId;
use domain::topic::Topic;
use domain::view::Role;

use super::caller::{Caller, Owner};
use crate::refused::Refused;

/// What a role may allow. What belongs to everybody (the menu) or to the owner of a thing (their order) is no right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// See and work the queue: claim, release, ready, collect, recall.
    Queue,
    /// Switch items and options to sold out, and back.
    Switch,
    /// Open, close, and set the store; its products and prices.
    Store,
    /// Add people, kiosks and tokens, change what they may do, and take it away.
    Staff,
    /// See what staff and devices have done.
    Audit,
    /// See the figures of a day: orders, revenue, waiting.
    Report,
    /// Count and correct stock.
    Stock,
    /// See any order of the store.
    SeeOrder,
    /// Call off any order of the store.
    CancelOrder,
    /// See the code that a kiosk of the store shows.
    KioskCode,
    /// See how the house itself is doing: lag, parked events.
    Ops,
}

/// The table.
pub const fn has(role: Role, right: Right) -> bool {
    match right {
        Right::Queue | Right::Switch | Right::CancelOrder => matches!(role, Role::Barista | Role::Manager),
        Right::SeeOrder => is_staff(role),
        Right::Stock => matches!(role, Role::Warehouse | Role::Manager),
        Right::Store | Right::Staff | Right::Audit | Right::Report | Right::KioskCode => matches!(role, Role::Manager),
        Right::Ops => matches!(role, Role::Operator),
    }
}

/// Whether the role works in a store.
pub const fn is_staff(role: Role) -> bool {
    matches!(role, Role::Barista | Role::Warehouse | Role::Manager)
}

/// Why somebody may not do something at a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody, or a browser without an account: signing in may help.
    #[error("Sign in as staff of this store first.")]
    SignedOut,
    /// Known, and without the right.
    #[error("You do not have the right to do this here.")]
    Forbidden,
}

impl Refused for Denied {
    fn code(&self) -> &'static str {
        match self {
            Self::SignedOut => "sign_in_required",
            Self::Forbidden => "forbidden",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::SignedOut => 401,
            Self::Forbidden => 403,
        }
    }
}

impl Caller {
    /// Refuses who does not have the right at this store.
    pub fn require(&self, right: Right, store: &StoreId) -> Result<(), Denied> {
        if self.may(right, store) {
            Ok(())
        } else if self.is_nobody() || self.is_guest() {
            Err(Denied::SignedOut)
        } else {
            Err(Denied::Forbidden)
        }
    }
}

/// Whose a thing is, for the topics that are about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    /// The owner of the order; a kiosk has none.
    pub owner: Option<Owner>,
    /// The store of the order or kiosk.
    pub store: StoreId,
}

/// Whether the caller may subscribe to the topic. For [`Topic::Order`] and [`Topic::KioskCode`] `whose` says whose the
/// thing is; `None` where it does not exist, which nobody may see.
pub fn may_subscribe(caller: &Caller, topic: &Topic, whose: Option<&Whose>) -> bool {
    match topic {
        Topic::Status(_) | Topic::Menu(_) | Topic::Board(_) => true,
        Topic::Queue(store) => caller.may(Right::Queue, store),
        Topic::KioskCode(kiosk) => caller.is_kiosk(kiosk) || whose.is_some_and(|whose| caller.may(Right::KioskCode, &whose.store)),
        Topic::Order(_) => whose.is_some_and(|whose| may_see_order(caller, whose)),
        Topic::User(user) => caller.user() == Some(*user),
        Topic::Ops(_) => caller.may_somewhere(Right::Ops),
    }
}

/// Whether the order is the caller's own, or one of a store where they may see all.
pub fn may_see_order(caller: &Caller, whose: &Whose) -> bool {
    let own = whose.owner.is_some() && caller.owner() == whose.owner;
    own || caller.may(Right::SeeOrder, &whose.store)
}

#[cfg(test)]
mod tests {
    use domain::view::RoleView;
    use domain::{OrderId, SessionId, TokenId, UserId};
    use uuid::Uuid;

    use super::*;

    fn guest(n: u128) -> Caller {
        Caller::Guest { session: SessionId(Uuid::from_u128(n)), fresh: false }
    }

    fn staff(role: Role, store: &str) -> Caller {
        let id = Uuid::from_u128(9);
        let roles = vec![RoleView { role, store: Some(store.parse().unwrap()) }];
        Caller::User { session: SessionId(id), user: UserId(id), name: "Kim".to_owned(), language: None, roles }
    }

    #[test]
    fn every_topic_is_for_whom_the_contract_says() {
        let harbor: StoreId = "harbor".parse().unwrap();
        let order = Topic::Order(OrderId(Uuid::from_u128(1)));
        let of_guest = Whose { owner: guest(1).owner(), store: harbor.clone() };
        let queue = Topic::Queue(harbor.clone());

        for open in [Topic::Status(harbor.clone()), Topic::Menu(harbor.clone()), Topic::Board(harbor)] {
            assert!(may_subscribe(&Caller::Nobody, &open, None), "{open}");
        }
        for (caller, topic, whose, may) in [
            (Caller::Nobody, &queue, None, false),
            (guest(1), &queue, None, false),
            (staff(Role::Barista, "harbor"), &queue, None, true),
            (staff(Role::Barista, "pier"), &queue, None, false),
            (staff(Role::Warehouse, "harbor"), &queue, None, false),
            (guest(1), &order, Some(&of_guest), true),
            (guest(2), &order, Some(&of_guest), false),
            (Caller::Nobody, &order, Some(&of_guest), false),
            (guest(1), &order, None, false),
            (staff(Role::Warehouse, "harbor"), &order, Some(&of_guest), true),
            (staff(Role::Manager, "pier"), &order, Some(&of_guest), false),
            (staff(Role::Manager, "harbor"), &Topic::Ops("live".to_owned()), None, false),
            (staff(Role::Operator, "harbor"), &Topic::Ops("live".to_owned()), None, true),
            (staff(Role::Barista, "harbor"), &Topic::User(UserId(Uuid::from_u128(9))), None, true),
            (staff(Role::Barista, "harbor"), &Topic::User(UserId(Uuid::from_u128(8))), None, false),
        ] {
            assert_eq!(may_subscribe(&caller, topic, whose), may, "{caller:?} {topic}");
        }
    }

    #[test]
    fn a_kiosk_sees_its_own_code_only() {
        let kiosk = Caller::Token {
            token: TokenId(Uuid::from_u128(1)),
            role: Role::Kiosk,
            store: None,
            merchant: None,
            kiosk: Some("pier-1".parse().unwrap()),
            person: None,
        };
        let whose = Whose { owner: None, store: "pier".parse().unwrap() };
        let (own, other) = (Topic::KioskCode("pier-1".parse().unwrap()), Topic::KioskCode("pier-2".parse().unwrap()));
        assert!(may_subscribe(&kiosk, &own, Some(&whose)) && !may_subscribe(&kiosk, &other, Some(&whose)));
        assert!(may_subscribe(&staff(Role::Manager, "pier"), &other, Some(&whose)));
        assert!(!may_subscribe(&staff(Role::Manager, "harbor"), &other, Some(&whose)));
    }
}
