//! Whether a subscriber can do its work in this process.

use tokio::sync::watch;

/// Whether a subscriber can do its work here, now and from when on.
pub struct Able(Option<watch::Receiver<bool>>);

impl Able {
    /// At any time: it needs nothing but the database.
    pub fn always() -> Self {
        Self(None)
    }

    /// While this says so.
    pub fn told(by: watch::Receiver<bool>) -> Self {
        Self(Some(by))
    }

    pub(super) fn is_now(&self) -> bool {
        self.0.as_ref().is_none_or(|told| *told.borrow())
    }

    /// Waits until it is able, or until it is not; for ever where that does not come.
    pub(super) async fn becomes(&mut self, wanted: bool) {
        let comes = match &mut self.0 {
            // Who has told so far may have ended: it stays as it was.
            Some(told) => told.wait_for(|able| *able == wanted).await.is_ok(),
            None => wanted,
        };
        if !comes {
            std::future::pending::<()>().await;
        }
    }
}
