//! Who is asking.

use std::fmt;
use std::str::FromStr;

use domain::event::Actor;
use domain::view::{MeView, Person, Role, RoleView, UserView};
use domain::{KioskId, Locale, MerchantId, SessionId, StoreId, TokenId, UserId};

use super::rights::{self, Right};

/// Who is asking, as the cookie or the bearer token says. Made by [`super::Identities`] alone; everybody else asks it
/// what it [may](Caller::may) and what it [owns](Caller::owner).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Neither cookie nor token, or one that is not valid (any more).
    Nobody,
    /// A browser without an account.
    Guest {
        /// The session's public id.
        session: SessionId,
        /// Nothing has been written for this session as far as we know: its first mutation writes its row.
        fresh: bool,
    },
    /// Somebody with an account: a shopper or staff.
    User {
        /// The session that they are signed in by.
        session: SessionId,
        /// Their account.
        user: UserId,
        /// What others see.
        name: String,
        /// The language that they chose.
        language: Option<Locale>,
        /// What they are, and where; without a store: everywhere.
        roles: Vec<RoleView>,
    },
    /// A device, a program, or staff working by a bearer token.
    Token {
        /// The token's public id.
        token: TokenId,
        /// What it is.
        role: Role,
        /// Where; `None`: everywhere.
        store: Option<StoreId>,
        /// Whose goods it feeds, for a merchant's token.
        merchant: Option<MerchantId>,
        /// Which kiosk it is, for a kiosk's token.
        kiosk: Option<KioskId>,
        /// Who it is in the eyes of others, for a staff token: its claims need a holder.
        person: Option<Person>,
    },
}

impl Caller {
    /// Whose carts, checkouts and orders are theirs; `None` for nobody, devices and programs.
    pub fn owner(&self) -> Option<Owner> {
        match self {
            Self::Nobody => None,
            Self::Guest { session, .. } => Some(Owner::Session(*session)),
            Self::User { user, .. } => Some(Owner::User(*user)),
            Self::Token { person, .. } => person.as_ref().map(|person| Owner::User(person.id)),
        }
    }

    /// Who did it, for the log: staff where they work, a customer elsewhere. Nobody never gets as far as doing
    /// something; what is done in their name is the shop's own doing.
    pub fn actor(&self, store: &StoreId) -> Actor {
        match self {
            Self::Nobody => Actor::System,
            Self::Guest { session, .. } => Actor::Guest(*session),
            Self::User { user, .. } if self.is_staff(store) => Actor::Staff(*user),
            Self::User { user, .. } => Actor::Customer(*user),
            Self::Token { token, .. } => Actor::Token(*token),
        }
    }

    /// Whether one of their roles at this store has the right.
    pub fn may(&self, right: Right, store: &StoreId) -> bool {
        self.roles_at(store).any(|role| rights::has(role, right))
    }

    /// Whether they have the right at any store, or everywhere.
    pub fn may_somewhere(&self, right: Right) -> bool {
        self.roles().iter().any(|held| rights::has(held.role, right))
    }

    /// Whether they have the right at every store there is or will be.
    pub fn may_everywhere(&self, right: Right) -> bool {
        self.roles().iter().any(|held| held.store.is_none() && rights::has(held.role, right))
    }

    /// Whether they work at this store.
    pub fn is_staff(&self, store: &StoreId) -> bool {
        self.roles_at(store).any(rights::is_staff)
    }

    /// All their roles.
    pub fn roles(&self) -> Vec<RoleView> {
        match self {
            Self::Nobody | Self::Guest { .. } => Vec::new(),
            Self::User { roles, .. } => roles.clone(),
            Self::Token { role, store, .. } => vec![RoleView { role: *role, store: store.clone() }],
        }
    }

    fn roles_at(&self, store: &StoreId) -> impl Iterator<Item = Role> {
        let here = move |of: &Option<StoreId>| of.as_ref().is_none_or(|of| of == store);
        self.roles().into_iter().filter(move |held| here(&held.store)).map(|held| held.role)
    }

    /// The person that others see, for claims: a user, or a staff token's.
    pub fn person(&self) -> Option<Person> {
        match self {
            Self::Nobody | Self::Guest { .. } => None,
            Self::User { user, name, .. } => Some(Person { id: *user, name: name.clone() }),
            Self::Token { person, .. } => person.clone(),
        }
    }

    /// `GET /me`. Nobody is nobody: no user and no guest.
    pub fn me(&self) -> MeView {
        let language = if let Self::User { language, .. } = self { *language } else { None };
        let user = self.person().map(|Person { id, name }| UserView { id, name, language });
        MeView { user, guest: self.is_guest(), roles: self.roles(), wallet: None, points: 0 }
    }

    /// The account, where there is one.
    pub fn user(&self) -> Option<UserId> {
        self.person().map(|person| person.id)
    }

    /// Whether this is the kiosk itself.
    pub fn is_kiosk(&self, id: &KioskId) -> bool {
        matches!(self, Self::Token { role: Role::Kiosk, kiosk: Some(kiosk), .. } if kiosk == id)
    }

    /// The session of the cookie.
    pub const fn session(&self) -> Option<SessionId> {
        match self {
            Self::Guest { session, .. } | Self::User { session, .. } => Some(*session),
            Self::Nobody | Self::Token { .. } => None,
        }
    }

    /// A browser without an account.
    pub const fn is_guest(&self) -> bool {
        matches!(self, Self::Guest { .. })
    }

    /// Neither cookie nor token.
    pub const fn is_nobody(&self) -> bool {
        matches!(self, Self::Nobody)
    }

    /// The name that keys, limits and caches know them by: `user:…`, `session:…` or `token:…`. `None` for nobody.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::Guest { session, .. } => Some(format!("session:{session}")),
            Self::User { user, .. } => Some(format!("user:{user}")),
            Self::Token { token, .. } => Some(format!("token:{token}")),
        }
    }
}

/// Whose a cart, checkout or order is: written `user:{id}` or `session:{id}` in the database, never on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Somebody with an account, whatever browser they use.
    User(UserId),
    /// A browser without an account.
    Session(SessionId),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Session(id) => write!(f, "session:{id}"),
        }
    }
}

/// The text names no owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an owner")]
pub struct InvalidOwner;

impl FromStr for Owner {
    type Err = InvalidOwner;

    fn from_str(text: &str) -> Result<Self, InvalidOwner> {
        match text.split_once(':') {
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| InvalidOwner),
            Some(("session", id)) => id.parse().map(Self::Session).map_err(|_| InvalidOwner),
            _ => Err(InvalidOwner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(roles: &[(Role, Option<&str>)]) -> Caller {
        let store = |s: &str| s.parse().unwrap();
        let roles = roles.iter().map(|(role, s)| RoleView { role: *role, store: s.map(store) }).collect();
        let id = uuid::Uuid::from_u128(1);
        Caller::User { session: SessionId(id), user: UserId(id), name: "Kim".to_owned(), language: None, roles }
    }

    #[test]
    fn a_role_counts_at_its_store_only() {
        let (harbor, pier) = ("harbor".parse().unwrap(), "pier".parse().unwrap());
        let kim = user(&[(Role::Barista, Some("harbor"))]);
        assert!(kim.may(Right::Queue, &harbor) && !kim.may(Right::Queue, &pier));
        assert!(kim.is_staff(&harbor) && !kim.is_staff(&pier));
        assert!(matches!(kim.actor(&harbor), Actor::Staff(_)) && matches!(kim.actor(&pier), Actor::Customer(_)));
        assert!(user(&[(Role::Manager, None)]).may(Right::Store, &pier));
    }

    #[test]
    fn owners_are_read_back() {
        for owner in [Owner::User(UserId(uuid::Uuid::from_u128(5))), Owner::Session(SessionId(uuid::Uuid::from_u128(6)))] {
            assert_eq!(owner.to_string().parse(), Ok(owner));
        }
        assert!("boss:1".parse::<Owner>().is_err());
        assert_eq!(Caller::Nobody.owner(), None);
    }
}
