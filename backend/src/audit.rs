//! What staff, devices and the command line did at a store, and which shoppers were slowed down, for its managers. It is nothing of its own:
//! whatever they do is a fact of the log, with who did it, so an entry can neither be missing nor be left behind.

use std::collections::HashMap;

use domain::view::{AuditActor, AuditEntry, Page};
use domain::{
    EventId, OrderId, StoreId,
    event::{Actor, TokenIssued, TokenRevoked},
};

use crate::db::Sql;
use crate::identity::{Caller, Identities, IdentityError, Right};
use crate::log::{self, Recorded};
use crate::ordering;

/// The entries.
#[derive(Debug, Clone, Copy, Default)]
pub struct Audit;

impl Audit {
    /// What was done at a store before this entry, the newest first.
    pub async fn page(
        &self,
        sql: &mut impl Sql,
        identities: &Identities,
        caller: &Caller,
        at: &StoreId,
        before: Option<EventId>,
        limit: i64,
    ) -> Result<Page<AuditEntry>, IdentityError> {
        caller.require(Right::Audit, at)?;
        let mut events = log::for_managers(sql, at, before, limit + 1).await?;
        let more = events.len() as i64 > limit;
        events.truncate(limit as usize);
        let next = events.last().filter(|_| more).map(|event| event.id.to_string());
        let people = identities.names(sql, events.iter().flat_map(concerned)).await?;
        let numbers = ordering::numbers(sql, events.iter().filter_map(order)).await?;
        let items = events.into_iter().map(|event| entry(event, &people, &numbers)).collect();
        Ok(Page { items, next })
    }
}

/// Accounts and tokens that an event names.
fn concerned(event: &Recorded) -> impl Iterator<Item = uuid::Uuid> + use<> {
    let by = match event.actor {
        Actor::Staff(user) => Some(user.0),
        Actor::Token(token) => Some(token.0),
        // What shoppers are called is nobody's business.
        Actor::Customer(_) | Actor::Guest(_) | Actor::System => None,
    };
    by.into_iter().chain(whom(event))
}

/// Whom it was done to, or which token.
fn whom(event: &Recorded) -> Option<uuid::Uuid> {
    // A screen that is paired has a token, too, which did it: it is told as who did it.
    let token = event.data.get("token").filter(|_| matches!(&*event.type_name, TokenIssued::TYPE | TokenRevoked::TYPE));
    event.data.get("user").or_else(|| event.data.get("held_by")).or(token).and_then(|id| id.as_str()?.parse().ok())
}

/// Which order it was done to.
fn order(event: &Recorded) -> Option<OrderId> {
    event.data.get("order").and_then(|order| order.as_str()?.parse().ok())
}

fn entry(event: Recorded, people: &HashMap<uuid::Uuid, String>, numbers: &HashMap<OrderId, i64>) -> AuditEntry {
    let name = |id: uuid::Uuid| people.get(&id).cloned().unwrap_or_default();
    let (kind, id) = match event.actor {
        Actor::Token(token) => ("token", token.0),
        Actor::Staff(user) => ("staff", user.0),
        Actor::Customer(user) => ("customer", user.0),
        Actor::Guest(session) => ("guest", session.0),
        Actor::System => ("system", uuid::Uuid::nil()),
    };
    AuditEntry {
        id: event.id,
        at: event.at,
        by: AuditActor { kind: kind.to_owned(), id: id.to_string(), name: name(id) },
        whom: whom(&event).map(name).filter(|name| !name.is_empty()),
        number: order(&event).and_then(|order| numbers.get(&order).copied()),
        type_name: event.type_name,
        subject: event.subject,
        data: event.data,
    }
}
