//! A command without a key, until whose end its caller is what they were when they were looked at.

use std::pin::Pin;

use backend::{
    db::{DbError, Tx},
    identity::{SessionError, ensure_session_in},
    refused::Refused,
};

use super::{super::visit::Visit, refusal};
use crate::wire::Refusal;

/// What a command does in its transaction.
type Doing<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

/// Why it was not done.
enum Stopped<E> {
    Session(SessionError),
    Command(E),
}

impl<E> From<SessionError> for Stopped<E> {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl<E> From<DbError> for Stopped<E> {
    fn from(error: DbError) -> Self {
        Self::Session(SessionError::Unavailable(error))
    }
}

/// Runs a command in one transaction, which holds the visitor's session, account and roles.
pub async fn held<T, E, F>(visit: &Visit, command: F) -> Result<T, Refusal>
where
    T: Send + 'static,
    E: Refused + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> Doing<'t, T, E> + Send + 'static,
{
    let caller = visit.caller.clone();
    let done = visit.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            command(tx).await.map_err(Stopped::Command)
        })
    });
    done.await.map_err(|stopped: Stopped<E>| match stopped {
        Stopped::Session(error) => refusal(&error),
        Stopped::Command(error) => refusal(&error),
    })
}
