//! Pick-up tickets: what a shopper shows to a kiosk's scanner, which then hands their order over.
//!
//! A ticket is the order's id and our signature, nothing is kept of it: it is worth something while its order stands at the
//! counter, and that ends with the hand-over, so it is used once.

use domain::ordering::OrderStatus;
use domain::prep::{FulfilmentKind, FulfilmentStatus};
use domain::view::PickupTicketView;
use domain::{KioskId, OrderId};
use uuid::Uuid;

use super::{PrepError, Queue, store};
use crate::db::{DbError, Sql, Tx};
use crate::identity::secret::hex;
use crate::identity::{Caller, Keys};
use crate::stores::Stores;
use crate::{kiosk, ordering};

/// Keeps a signature made for this from being worth anything elsewhere.
const PURPOSE: &str = "pickup";
/// Hexadecimal digits of the id, and of the whole ticket. Capitals and digits alone: a QR code packs them densely, and a scanner
/// that types like a keyboard gets them right whatever the keyboard's language or its capitals lock.
const ID_DIGITS: usize = 32;
const DIGITS: usize = ID_DIGITS + 64;

/// Makes tickets and reads them.
#[derive(Debug, Clone)]
pub struct Tickets {
    keys: Keys,
}

impl Tickets {
    /// The first key signs, all of them are believed.
    pub fn new(keys: &Keys) -> Self {
        Self { keys: keys.clone() }
    }

    /// The ticket of an order, for whoever placed it; for everybody else there is no such order.
    ///
    /// [`PrepError::NoTicket`] where it is sent and not fetched, or came to nothing; [`PrepError::AlreadyCollected`] when it was.
    pub async fn of(&self, sql: &mut impl Sql, caller: &Caller, id: OrderId) -> Result<PickupTicketView, PrepError> {
        let order = ordering::find(sql, id).await?.filter(|order| caller.owner() == Some(order.owner)).ok_or(PrepError::NotFound)?;
        let collected = store::of_order(sql, id).await?.iter().any(|ticket| ticket.status == FulfilmentStatus::Collected);
        if collected {
            return Err(PrepError::AlreadyCollected);
        }
        if order.fulfilment.kind() != FulfilmentKind::Pickup || order.status.is_final() {
            return Err(PrepError::NoTicket);
        }
        let ticket = self.write(id);
        let svg = kiosk::picture(&ticket).map_err(|error| DbError::Defect(format!("the picture of a ticket: {error}")))?;
        Ok(PickupTicketView { order: id, number: order.number, ticket, svg })
    }

    fn write(&self, order: OrderId) -> String {
        let signature = self.keys.sign(PURPOSE, order.0.as_bytes());
        format!("{}{}", order.0.simple(), hex(&signature)).to_ascii_uppercase()
    }

    /// The order of a ticket of ours; `None`: nobody here has signed it.
    fn read(&self, typed: &str) -> Option<OrderId> {
        let typed = typed.trim();
        if typed.len() != DIGITS || !typed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let id: Uuid = typed[..ID_DIGITS].parse().ok()?;
        let digit = |at: usize| u8::from_str_radix(&typed[at..at + 2], 16).ok();
        let signature: Vec<u8> = (ID_DIGITS..DIGITS).step_by(2).map(digit).collect::<Option<_>>()?;
        self.keys.verify(PURPOSE, id.as_bytes(), &signature).then_some(OrderId(id))
    }
}

impl Queue {
    /// Hands over the order of a ticket that was held to a kiosk's scanner: for that kiosk alone, and orders of its store.
    ///
    /// [`PrepError::TicketUnknown`] for what we have not signed, [`PrepError::OtherStore`] for another store's order,
    /// [`PrepError::NotReady`] while it is not at the counter, [`PrepError::AlreadyCollected`] from the second time on,
    /// [`PrepError::OrderCancelled`] and [`PrepError::OrderRejected`] for one that never will be.
    pub async fn collect_by_ticket_in(
        &self,
        tx: &mut Tx,
        tickets: &Tickets,
        caller: &Caller,
        kiosk: &KioskId,
        typed: &str,
    ) -> Result<OrderId, PrepError> {
        if caller.is_nobody() {
            return Err(PrepError::SignedOut);
        }
        // Who is not this kiosk is not told which kiosks there are.
        let at = Stores.of_kiosk(tx, kiosk).await?.filter(|_| caller.is_kiosk(kiosk)).ok_or(PrepError::Forbidden)?;
        let id = tickets.read(typed).ok_or(PrepError::TicketUnknown)?;
        let order = ordering::lock_in(tx, id).await?.ok_or(PrepError::TicketUnknown)?;
        // Who holds a ticket that we have signed may know as much.
        if order.store != at {
            return Err(PrepError::OtherStore);
        }
        if order.fulfilment.kind() != FulfilmentKind::Pickup {
            return Err(PrepError::TicketUnknown);
        }
        let ticket = store::of_order(tx, id).await?.into_iter().find(|ticket| ticket.kind == FulfilmentKind::Pickup);
        match ticket {
            Some(ticket) if ticket.status == FulfilmentStatus::Ready => self.collect_at_in(tx, caller, &ticket, kiosk).await,
            Some(ticket) if ticket.status == FulfilmentStatus::Collected => Err(PrepError::AlreadyCollected),
            _ => Err(match order.status {
                OrderStatus::Cancelled => PrepError::OrderCancelled,
                OrderStatus::Rejected => PrepError::OrderRejected,
                OrderStatus::Fulfilled => PrepError::AlreadyCollected,
                OrderStatus::Created | OrderStatus::Processed => PrepError::NotReady,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Secret;

    fn tickets(secrets: &[&str]) -> Tickets {
        let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        Tickets::new(&Keys::new(&secrets).unwrap())
    }

    #[test]
    fn a_ticket_is_read_by_whoever_has_the_secret_and_nobody_else() {
        let order = OrderId(Uuid::from_u128(0x0193_b3c4_5d6e_7f80_9a1b_2c3d_4e5f_6071));
        let ticket = tickets(&["old"]).write(order);
        assert!(ticket.len() == DIGITS && ticket.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)), "{ticket}");
        assert_eq!(tickets(&["old"]).read(&format!(" {}\r\n", ticket.to_ascii_lowercase())), Some(order), "as scanners type");
        assert_eq!(tickets(&["new", "old"]).read(&ticket), Some(order), "a secret that is being replaced");
        assert_eq!(tickets(&["new"]).read(&ticket), None);
        // Another order's id with this one's signature, and every single digit changed.
        let other = tickets(&["old"]).write(OrderId(Uuid::from_u128(1)));
        assert_eq!(tickets(&["old"]).read(&format!("{}{}", &other[..ID_DIGITS], &ticket[ID_DIGITS..])), None);
        for at in 0..DIGITS {
            let digit = if &ticket[at..=at] == "0" { "1" } else { "0" };
            assert_eq!(tickets(&["old"]).read(&format!("{}{digit}{}", &ticket[..at], &ticket[at + 1..])), None, "{at}");
        }
        for bad in ["", "0193B3C4", &ticket[1..], &format!("{ticket}0"), &"é".repeat(DIGITS / 2), &"9".repeat(100_000)] {
            assert_eq!(tickets(&["old"]).read(bad), None);
        }
    }
}
