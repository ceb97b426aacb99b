//! Payments: the one charge of an order, by card or from a wallet, and what goes back.
//!
//! A wallet is charged and refunded inside the transaction that wants it. A card's provider is asked by jobs only, outside
//! any transaction and with a key that stays the same in every attempt. What it answered is written down once, by a
//! conditional update, and told as an event; `ordering::saga` draws the conclusions. An order that ends before its charge
//! does marks the payment `unwanted`: it is voided if it can be, and refunded if it was captured all the same.

mod charge;
mod error;
pub mod http_card;
pub(crate) mod invariants;
pub mod provider;
mod refund;
mod store;
mod top_up;
mod vault;
mod wallet;
mod webhook;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::event::{Actor, PaymentActionRequired, PaymentCaptured, PaymentDeclined, PaymentVoided};
use domain::ordering::{PaymentMethod, PaymentStatus};
use domain::view::PaymentView;
use domain::{Money, OrderId, PaymentId, StoreId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use self::charge::ChargeJob;
pub use self::error::PaymentError;
pub use self::http_card::{CardService, HttpCard, NoCard};
pub use self::provider::{CardProvider, CardToken, ProviderError};
use self::refund::{RefundJob, VoidJob};
pub use self::top_up::{Confirmation, LeftTopUp, Looked, TopUpEnd, TopUpError, TopUps};
use self::top_up::{TopUpJob, TopUpVoidJob};
pub(crate) use self::top_up::{token_fault, under_way as top_up_under_way};
pub use self::vault::Vault;
pub use self::wallet::{Credit, Forfeit, WalletError, Wallets};
pub use self::webhook::WebhookError;
use crate::db::{Db, DbError, Sql, Tx};
use crate::job::{self, Job};
use crate::log::{self, NewEvent};
use crate::ordering::{self, OrderRow};
use crate::runner::Runner;
use crate::subscriber::HandlerError;

/// The job that charges a card; its key is the order's id. It belongs to the service `ordering`, as do the other two:
/// without them no order would go on.
const CHARGE: &str = "ordering.charge";
/// The job that lets go of an authorisation whose fate is not known.
const VOID: &str = "ordering.void";
/// The job that sends captured money back.
const REFUND: &str = "ordering.refund";
/// All three, each with the word for it.
const ASKED: [(&str, &str); 3] = [(CHARGE, "charge"), (VOID, "void"), (REFUND, "refund")];

/// How long a shopper has to confirm a payment (3-D Secure), in seconds.
pub(crate) const CONFIRM_SECONDS: i64 = 300;

/// How long a provider that knows of a payment may think about it, in seconds.
const DECIDE_SECONDS: i64 = 60;
/// The longest token of a card, in bytes; providers' own are well below.
const MAX_TOKEN: usize = 255;

/// How patient the shop is with the card provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long one question may take.
    pub answer: Duration,
    /// How often it is asked in all before the payment is given up; contract.md: once, and again at most three times.
    pub questions: i64,
}

impl Default for Patience {
    /// Four questions within 30 s.
    fn default() -> Self {
        Self { answer: Duration::from_secs(6), questions: 4 }
    }
}

impl Patience {
    /// How long to wait after a question, the `attempt`th, that was lost after `asked`: a second where there was silence,
    /// longer and longer where the provider is gone, so that it has the time to come back. All of it stays within 30 s.
    fn pause_after(&self, attempt: i64, asked: Duration) -> Duration {
        let silence = asked * 2 >= self.answer;
        Duration::from_secs(match attempt {
            _ if silence => 1,
            ..=1 => 2,
            2 => 6,
            _ => 12,
        })
    }
}

/// The payments of the shop.
#[derive(Clone)]
pub struct Payments {
    provider: Arc<dyn CardProvider>,
    patience: Patience,
    vault: Vault,
}

/// How a charge ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
enum Settlement {
    /// The money is ours.
    Captured { reference: String },
    /// The provider said no.
    Declined { reason: String },
    /// Nothing was taken, and nothing will be. Where the provider has not confirmed it, `sure` is false, and somebody has
    /// to see to it.
    Voided { reason: String, sure: bool },
}

impl Payments {
    pub fn new(provider: Arc<dyn CardProvider>, patience: Patience, vault: Vault) -> Self {
        Self { provider, patience, vault }
    }

    /// The same payments at another provider.
    pub(crate) fn at(&self, provider: Arc<dyn CardProvider>, patience: Patience) -> Self {
        Self { provider, patience, vault: self.vault.clone() }
    }

    /// Takes what an order costs from a shopper's wallet, here and now, or changes nothing. The caller writes the
    /// order down, and tells of both.
    pub(crate) async fn charge_wallet_in(
        &self,
        tx: &mut Tx,
        order: OrderId,
        store: &StoreId,
        amount: Money,
        user: UserId,
    ) -> Result<PaymentId, WalletError> {
        let id = PaymentId(Uuid::now_v7());
        Wallets.charge_in(tx, user, store, order, amount).await?;
        store::insert_in(tx, id, order, PaymentMethod::Wallet, PaymentStatus::Captured, amount, None).await?;
        Ok(id)
    }

    /// Tells that a wallet was charged, once its order is told of.
    pub(crate) async fn tell_charged_in(&self, tx: &mut Tx, id: PaymentId, order: &OrderRow) -> Result<(), DbError> {
        tell(tx, id, order.id, &order.store, PaymentCaptured { payment: id, order: order.id, amount: order.quote.total }).await
    }

    /// Writes down what is to be paid by which card, and wants it charged. Nobody is asked before the commit.
    pub(crate) async fn charge_card_in(&self, tx: &mut Tx, order: OrderId, amount: Money, token: &CardToken) -> Result<(), DbError> {
        let id = PaymentId(Uuid::now_v7());
        let sealed = self.vault.seal(token, &id.to_string())?;
        store::insert_in(tx, id, order, PaymentMethod::Card, PaymentStatus::Pending, amount, Some(&sealed)).await?;
        job::enqueue_later_in(tx, CHARGE, &order.to_string(), json!({})).await
    }

    /// The order has ended: what was captured goes back, what is under way is not wanted any more. A wallet has its money
    /// back at once, and the answer is `true`: nothing is left to be done.
    pub(crate) async fn unwind_in(&self, tx: &mut Tx, order: &OrderRow) -> Result<bool, PaymentError> {
        let Some(payment) = store::find(tx, order.id).await? else { return Ok(true) };
        match (payment.status, payment.method) {
            (PaymentStatus::Captured | PaymentStatus::PartiallyRefunded, PaymentMethod::Wallet) => {
                self.book_in(tx, order, &payment, &payment.refund_key(), payment.left()).await?;
                Ok(true)
            }
            (PaymentStatus::Captured | PaymentStatus::PartiallyRefunded, PaymentMethod::Card) => {
                self.refund_in(tx, order.id).await?;
                Ok(false)
            }
            (PaymentStatus::Pending | PaymentStatus::ActionRequired, _) => {
                store::mark_unwanted_in(tx, order.id).await?;
                job::hurry_in(tx, CHARGE, &order.id.to_string()).await?;
                Ok(false)
            }
            (PaymentStatus::Declined | PaymentStatus::Voided | PaymentStatus::Refunded, _) => Ok(!self.is_unsure(tx, order.id).await?),
        }
    }

    /// Whether an authorisation was given up whose fate is not known yet: a job still asks.
    pub(crate) async fn is_unsure(&self, sql: &mut impl Sql, order: OrderId) -> Result<bool, DbError> {
        job::is_wanted(sql, VOID, &order.to_string()).await
    }

    /// What is left to be asked of the provider for these orders, by order: in one word, and how far it has come.
    pub(crate) async fn left_of(
        &self,
        sql: &mut impl Sql,
        orders: &[OrderId],
    ) -> Result<HashMap<String, (&'static str, job::Left)>, DbError> {
        let mut all = HashMap::<String, (&'static str, job::Left)>::new();
        for (kind, what) in ASKED {
            for (order, left) in job::left_of(sql, kind, orders).await? {
                // What was given up is what a person has to know of.
                if !all.get(&order).is_some_and(|(_, known)| known.is_given_up()) {
                    all.insert(order, (what, left));
                }
            }
        }
        Ok(all)
    }

    /// Tries again whatever of this order's jobs waits or has been given up; charges it where nobody has begun to. The
    /// provider is asked with the keys of before, so what it had done all the same is not done twice; only a refund that it told to
    /// have failed is another one.
    pub(crate) async fn retry_in(&self, tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
        let key = order.to_string();
        if let Some(payment) = store::find(tx, order).await? {
            if payment.status == PaymentStatus::Pending {
                job::enqueue_in(tx, CHARGE, &key, json!({})).await?;
            }
            store::notice::want_failed_refund_again_in(tx, &payment.id.to_string()).await?;
        }
        for (kind, _) in ASKED {
            job::retry_in(tx, kind, &key).await?;
        }
        Ok(())
    }

    /// Wants the captured money of an order sent back. A second time changes nothing.
    pub async fn refund_in(&self, tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
        job::enqueue_in(tx, REFUND, &order.to_string(), json!({})).await.map(drop)
    }

    /// How the money of an order stands. What was given up, or is not wanted any more, is undecided until it is sure that nothing was
    /// taken, and nobody is to confirm it.
    pub async fn view(&self, sql: &mut impl Sql, order: OrderId) -> Result<Option<PaymentView>, DbError> {
        let Some(payment) = store::find(sql, order).await? else { return Ok(None) };
        let status = match payment.status {
            PaymentStatus::Voided if self.is_unsure(sql, order).await? => PaymentStatus::Pending,
            PaymentStatus::ActionRequired if payment.unwanted => PaymentStatus::Pending,
            status => status,
        };
        let confirming = status == PaymentStatus::ActionRequired;
        let confirm_by = payment.known_at.filter(|_| confirming).map(|known| known.plus_seconds(CONFIRM_SECONDS));
        let action_url = payment.action_url.filter(|_| confirming);
        Ok(Some(PaymentView { method: payment.method, status, action_url, confirm_by }))
    }

    /// Adds the jobs that talk to the provider.
    pub fn jobs(&self, runner: Runner, db: &Db) -> Runner {
        runner
            .job(ChargeJob::new(db.clone(), self.clone()))
            .job(VoidJob::new(db.clone(), self.clone()))
            .job(RefundJob::new(db.clone(), self.clone()))
            .job(TopUpJob(TopUps::new(db.clone(), self.clone())))
            .job(TopUpVoidJob(TopUps::new(db.clone(), self.clone())))
    }

    /// Writes down how a charge ended, once; the token is forgotten with it.
    async fn settle_in(&self, tx: &mut Tx, order: OrderId, settlement: Settlement) -> Result<(), PaymentError> {
        let store = lock_in(tx, order).await?;
        let (status, reference) = match &settlement {
            Settlement::Captured { reference } => (PaymentStatus::Captured, Some(reference.as_str())),
            Settlement::Declined { .. } => (PaymentStatus::Declined, None),
            Settlement::Voided { .. } => (PaymentStatus::Voided, None),
        };
        let Some((id, amount)) = store::settle_in(tx, order, status, reference).await? else {
            return Err(PaymentError::Settled(order));
        };
        ordering::touch_later_in(tx, order).await?;
        if matches!(settlement, Settlement::Voided { sure: false, .. }) {
            job::enqueue_in(tx, VOID, &order.to_string(), json!({})).await?;
        }
        match settlement {
            Settlement::Captured { .. } => {
                tell(tx, id, order, &store, PaymentCaptured { payment: id, order, amount }).await?;
            }
            Settlement::Declined { reason } | Settlement::Voided { reason, .. } => {
                tell(tx, id, order, &store, PaymentDeclined { payment: id, order, reason }).await?;
            }
        }
        Ok(())
    }

    /// What was given up had been captured: that is told, and the money goes back.
    async fn captured_late_in(&self, tx: &mut Tx, order: OrderId, reference: &str) -> Result<(), PaymentError> {
        let store = lock_in(tx, order).await?;
        let Some((id, amount)) = store::captured_late_in(tx, order, reference).await? else { return Ok(()) };
        tracing::warn!(%order, "a payment that was given up had been captured; it is refunded");
        ordering::touch_in(tx, order).await?;
        tell(tx, id, order, &store, PaymentCaptured { payment: id, order, amount }).await?;
        Ok(self.refund_in(tx, order).await?)
    }

    /// What was given up is let go of: that is told, for its order's page has said that it is not sure yet.
    async fn voided_late_in(&self, tx: &mut Tx, order: OrderId) -> Result<(), PaymentError> {
        let store = lock_in(tx, order).await?;
        let payment = store::find(tx, order).await?.ok_or(PaymentError::Unknown(order))?;
        ordering::touch_in(tx, order).await?;
        tell(tx, payment.id, order, &store, PaymentVoided { payment: payment.id, order }).await?;
        Ok(ordering::undone_in(tx, order).await?)
    }

    /// The provider knows of the payment and has not decided; where the shopper has to confirm it, at `action_url`, they
    /// get time for that, and so does the bar; it is told, for who has the order's page open waits for that.
    async fn undecided_in(&self, tx: &mut Tx, order: OrderId, reference: &str, action_url: Option<&str>) -> Result<(), PaymentError> {
        let store = lock_in(tx, order).await?;
        store::known_in(tx, order, reference).await?;
        if let Some(url) = action_url
            && let Some(id) = store::action_required_in(tx, order, url).await?
        {
            ordering::confirming_in(tx, order).await?;
            ordering::touch_in(tx, order).await?;
            tell(tx, id, order, &store, PaymentActionRequired { payment: id, order }).await?;
        }
        Ok(())
    }

    /// Asks the provider, but not for ever: no answer in time is no answer.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, ProviderError>> + Send) -> Result<T, ProviderError> {
        match tokio::time::timeout(self.patience.answer, question).await {
            Ok(answer) => answer,
            Err(_) => Err(ProviderError::NoAnswer(format!("none within {} ms", self.patience.answer.as_millis()))),
        }
    }
}

/// Takes the lock of the order whose id is a job's key.
async fn lock_order_of_in(tx: &mut Tx, job: &Job) -> Result<(), HandlerError> {
    ordering::lock_in(tx, job.key.parse()?).await?;
    Ok(())
}

/// Locks the order, so that what is told of it is told in order; the store it belongs to.
async fn lock_in(tx: &mut Tx, order: OrderId) -> Result<StoreId, PaymentError> {
    ordering::lock_in(tx, order).await?.map(|order| order.store).ok_or(PaymentError::Unknown(order))
}

async fn tell(
    tx: &mut Tx,
    payment: PaymentId,
    order: OrderId,
    store: &StoreId,
    event: impl Into<domain::event::Event>,
) -> Result<(), DbError> {
    let event = NewEvent::new(event, payment).at_store(store).in_stream(order).by(Actor::System);
    log::append_in(tx, event).await.map(drop)
}
