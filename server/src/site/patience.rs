//! Who looks at a page does not wait long for a database that is away.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use backend::{Backend, db::DbError, subscriber};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::api::problem::AppError;

/// A page that takes longer than this has the database looked after.
const SLOW: Duration = Duration::from_millis(500);
/// A database that is there answers within this, also while it is busy.
const ANSWER: Duration = Duration::from_millis(400);
/// All pages that wait share one look, which counts for so long.
const FRESH: Duration = Duration::from_millis(500);

/// What was last found out.
#[derive(Clone)]
pub struct Patience {
    backend: Backend,
    /// When it was asked, and whether the database answered.
    last: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl Patience {
    pub fn new(backend: Backend) -> Self {
        Self { backend, last: Arc::default() }
    }

    /// Comes back when the database does not answer; as long as it does, a slow page is only slow.
    async fn ends(&self) {
        loop {
            sleep(SLOW).await;
            let mut last = self.last.lock().await;
            let known = last.filter(|(at, _)| at.elapsed() < FRESH).map(|(_, answers)| answers);
            let answers = match known {
                Some(answers) => answers,
                None => matches!(timeout(ANSWER, subscriber::progress(&mut self.backend.db.reader())).await, Ok(Ok(_))),
            };
            if known.is_none() {
                *last = Some((Instant::now(), answers));
            }
            if !answers {
                return;
            }
        }
    }
}

/// The layer of pages: one that the database keeps waiting is answered within a second, by the page that says so. Forms are
/// let be: what they began may yet be done.
pub async fn with_patience(State(patience): State<Patience>, request: Request, next: Next) -> Result<Response, AppError> {
    if !request.method().is_safe() {
        return Ok(next.run(request).await);
    }
    tokio::select! {
        response = next.run(request) => Ok(response),
        () = patience.ends() => Err(DbError::Unavailable("it does not answer in time".to_owned()).into()),
    }
}
