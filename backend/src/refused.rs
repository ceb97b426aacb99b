//! How a context's errors tell the edge what to answer.

use domain::{
    Fault, Faults, Terms,
    view::{Person, QuoteView},
};

use crate::db::DbError;

/// A refusal with a code of the public contract. Every context's error is one, so that the edge needs no table of its own.
pub trait Refused: std::error::Error {
    /// Stable snake_case.
    fn code(&self) -> &'static str;

    /// Which sentence of a page says it: another than the code's where that is shared by what people do different things about.
    fn sentence(&self) -> &'static str {
        self.code()
    }

    /// HTTP status.
    fn status(&self) -> u16;

    /// What is wrong where, for a 422 and for short stock.
    fn faults(&self) -> Vec<Fault> {
        Vec::new()
    }

    /// What else the contract puts into the answer.
    fn extra(&self) -> Extra {
        Extra::default()
    }
}

/// Members of an answer that only some refusals have.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// `already_claimed`: who has it.
    pub claimed_by: Option<Person>,
    /// `total_changed`: what it costs now.
    pub quote: Option<Box<QuoteView>>,
    /// `wrong_code`: how often it may still be tried.
    pub attempts_left: Option<i64>,
    /// `action_required`: where the shopper confirms a payment.
    pub action_url: Option<String>,
    /// What its sentence names, for whoever says it in another language.
    pub terms: Terms,
    /// Seconds until it is worth asking again.
    pub retry_after: Option<i64>,
}

impl Refused for DbError {
    /// A database that is away is the only one a caller can do something about: ask again.
    fn code(&self) -> &'static str {
        if self.is_transient() { "unavailable" } else { "internal" }
    }

    fn status(&self) -> u16 {
        if self.is_transient() { 503 } else { 500 }
    }

    fn extra(&self) -> Extra {
        Extra { retry_after: self.is_transient().then_some(1), ..Extra::default() }
    }
}

impl Refused for Faults {
    fn code(&self) -> &'static str {
        "invalid_request"
    }

    fn status(&self) -> u16 {
        422
    }

    fn faults(&self) -> Vec<Fault> {
        self.0.clone()
    }
}
