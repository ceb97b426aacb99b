//! A form that happens once, however often it is sent: the page that shows it makes its key.

use std::pin::Pin;

use backend::{
    db::Tx,
    idempotency::{Answer, CommandError, KeyError, Outcome, RequestKey},
    identity::Caller,
    ordering::OrderingError,
    refused::Refused,
};

use super::{super::visit::Visit, refusal};
use crate::wire::Refusal;

/// What a form does in its transaction.
type Doing<'t> = Pin<Box<dyn Future<Output = Result<String, OrderingError>> + Send + 't>>;

/// The caller's key for the form that is posted to `path`; no form meets a call of the API, which has other paths.
pub fn form_key(caller: &Caller, path: String, key: &str) -> Result<RequestKey, Refusal> {
    let caller = caller.key().ok_or_else(|| refusal(&OrderingError::SessionRequired))?;
    let visible = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible {
        return Err(coded("invalid_request"));
    }
    Ok(RequestKey { caller, method: "POST".to_owned(), path, key: key.to_owned() })
}

/// Does what a form wants, unless it was done: its answer is that of the first time. Pressed twice, the second one waits, for
/// the browser shows what that is answered.
pub async fn once<F>(visit: &Visit, key: RequestKey, fingerprint: String, command: F) -> Result<String, Refusal>
where
    F: for<'t> FnOnce(&'t mut Tx) -> Doing<'t> + Send + 'static,
{
    let (db, keys) = (&visit.backend.db, &visit.backend.keys);
    let first = (key.clone(), fingerprint.clone());
    let outcome = keys.once(db, key, fingerprint, move |tx| {
        let doing = command(tx);
        Box::pin(async move {
            match doing.await {
                Ok(body) => Ok(Answer { status: 201, body }),
                Err(OrderingError::Unavailable(error)) => Err(CommandError::Database(error)),
                Err(error) => Err(refused(&error)),
            }
        })
    });
    let outcome = match outcome.await {
        Err(KeyError::InProgress) => keys.first(db, &first.0, &first.1).await,
        outcome => outcome,
    };
    match outcome {
        Ok(Outcome::Fresh(answer) | Outcome::Replayed(answer)) if answer.status == 201 => Ok(answer.body),
        Ok(Outcome::Fresh(answer) | Outcome::Replayed(answer)) | Err(KeyError::Forgotten(answer, _)) => {
            Err(serde_json::from_str(&answer.body).unwrap_or_else(|_| coded("internal")))
        }
        Err(KeyError::Reused) => Err(coded("idempotency_key_reused")),
        Err(KeyError::InProgress) => Err(coded("request_in_progress")),
        Err(KeyError::Database(error)) => Err(refusal(&error)),
    }
}

pub fn coded(code: &str) -> Refusal {
    Refusal { code: code.to_owned(), faults: Vec::new() }
}

/// A refusal under a key: kept where contract.md keeps it, so that the same form sent again hears the same.
fn refused(error: &OrderingError) -> CommandError {
    let body = serde_json::to_string(&refusal(error)).unwrap_or_default();
    let answer = Answer { status: error.status(), body };
    if matches!(answer.status, 402 | 403 | 404 | 409 | 410) { CommandError::Kept(answer) } else { CommandError::Forgotten(answer, None) }
}
