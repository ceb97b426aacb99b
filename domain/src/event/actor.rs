//! Who did what happened.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{SessionId, TokenId, UserId, schema::text_schema};

/// Who did it: `customer:{user}`, `guest:{session}`, `staff:{user}`, `token:{id}` or `system`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    /// A signed-in shopper.
    Customer(UserId),
    /// A shopper without an account, known by the session's public id.
    Guest(SessionId),
    Staff(UserId),
    /// A device or a merchant's system.
    Token(TokenId),
    System,
}

text_schema!(Actor, None, None, "system");

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer(id) => write!(f, "customer:{id}"),
            Self::Guest(id) => write!(f, "guest:{id}"),
            Self::Staff(id) => write!(f, "staff:{id}"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// The text names no actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an actor")]
pub struct InvalidActor;

impl FromStr for Actor {
    type Err = InvalidActor;

    fn from_str(text: &str) -> Result<Self, InvalidActor> {
        match text.split_once(':') {
            Some(("customer", id)) => id.parse().map(Self::Customer).map_err(|_| InvalidActor),
            Some(("guest", id)) => id.parse().map(Self::Guest).map_err(|_| InvalidActor),
            Some(("staff", id)) => id.parse().map(Self::Staff).map_err(|_| InvalidActor),
            Some(("token", id)) => id.parse().map(Self::Token).map_err(|_| InvalidActor),
            None if text == "system" => Ok(Self::System),
            _ => Err(InvalidActor),
        }
    }
}

impl TryFrom<String> for Actor {
    type Error = InvalidActor;

    fn try_from(text: String) -> Result<Self, InvalidActor> {
        text.parse()
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_are_read_back() {
        let id = uuid::Uuid::from_u128(7);
        for actor in
            [Actor::Customer(UserId(id)), Actor::Guest(SessionId(id)), Actor::Staff(UserId(id)), Actor::Token(TokenId(id)), Actor::System]
        {
            assert_eq!(actor.to_string().parse(), Ok(actor));
        }
        assert!("boss".parse::<Actor>().is_err());
    }
}
