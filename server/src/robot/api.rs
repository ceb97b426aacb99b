//! The public HTTP API, as a program uses it: one key a command, asked again with it while the shop is away or wants a pause.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use domain::view::Problem;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, ORIGIN, RETRY_AFTER, SET_COOKIE};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// How often something is asked for again before that is given up.
const TRIES: u32 = 30;
/// Between two tries, where the shop does not say.
const AGAIN: Duration = Duration::from_millis(500);
/// The longest that is waited at the shop's word.
pub const LONGEST: Duration = Duration::from_secs(10);

/// What is refused where all places are taken. It may last as long as it likes, so it is no failure of the shop.
pub const FULL: &str = "store_at_capacity";

/// Somebody who calls: a device by its token, or a browser by its cookie.
#[derive(Clone)]
pub struct Api {
    http: Client,
    base: String,
    headers: HeaderMap,
}

/// The shop said no, for good: its code, or, where the request itself is wrong, that of the first fault.
#[derive(Debug)]
pub struct Refused(pub String);

/// What a command came to.
pub type Answer<T> = anyhow::Result<Result<T, Refused>>;

impl Api {
    pub fn with_token(url: &str, token: &str) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&format!("Bearer {token}")).context("--token: this cannot be one")?;
        headers.insert(AUTHORIZATION, value);
        let http = Client::builder().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { http, base: format!("{url}/api/v1"), headers })
    }

    /// A browser of its own, with a new session.
    pub async fn guest(&self) -> anyhow::Result<Self> {
        let mut guest = Self { headers: HeaderMap::new(), ..self.clone() };
        let origin = self.base.trim_end_matches("/api/v1");
        guest.headers.insert(ORIGIN, HeaderValue::from_str(origin).context("--url")?);
        let response = guest.send(&Method::POST, "/session", None::<&()>, None).await?;
        let response = response.map_err(|Refused(code)| anyhow!("the shop gave no session: {code}"))?;
        let cookies = response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let session = cookies.filter_map(|value| value.split(';').next()).find(|pair| pair.starts_with("orderly_session="));
        let session = session.ok_or_else(|| anyhow!("the shop gave no session"))?;
        guest.headers.insert(COOKIE, HeaderValue::from_str(session)?);
        Ok(guest)
    }

    /// What is there.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        match self.ask(&Method::GET, path, None::<&()>, None).await? {
            Ok(found) => Ok(found),
            Err(Refused(code)) => bail!("GET {path} was refused: {code}"),
        }
    }

    /// Does something, once.
    pub async fn command<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Answer<T> {
        let key = Uuid::now_v7().to_string();
        self.ask(&Method::POST, path, Some(body), Some(&key)).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: &Method, path: &str, body: Option<&impl Serialize>, key: Option<&str>) -> Answer<T> {
        match self.send(method, path, body, key).await? {
            Ok(response) => read(response).await,
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// The answer as it came, whatever it is; only that the store is full is told here already.
    async fn send(&self, method: &Method, path: &str, body: Option<&impl Serialize>, key: Option<&str>) -> Answer<Response> {
        let mut tries = 0;
        loop {
            let mut request = self.http.request(method.clone(), format!("{}{path}", self.base)).headers(self.headers.clone());
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            tries += 1;
            let wait = match request.send().await {
                Ok(response) if !passes(response.status()) => return Ok(Ok(response)),
                Ok(response) if tries >= TRIES => bail!("{method} {path}: {} again and again", response.status()),
                Ok(response) => {
                    let pause = pause_of(&response);
                    if is_full(response).await {
                        return Ok(Err(Refused(FULL.to_owned())));
                    }
                    pause
                }
                Err(error) if tries >= TRIES => return Err(error).with_context(|| format!("{} does not answer", self.base)),
                Err(error) if error.is_builder() => return Err(error).with_context(|| format!("--url '{}'", self.base)),
                Err(_) => AGAIN,
            };
            tokio::time::sleep(wait).await;
        }
    }
}

/// What is different a moment later: too fast, away, or the same request still runs. (Other conflicts are answers.)
fn passes(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY)
}

async fn is_full(response: Response) -> bool {
    response.status() == StatusCode::SERVICE_UNAVAILABLE && response.json::<Problem>().await.is_ok_and(|problem| problem.code == FULL)
}

fn pause_of(response: &Response) -> Duration {
    let said = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|value| value.parse().ok());
    said.map_or(AGAIN, Duration::from_secs).min(LONGEST)
}

async fn read<T: DeserializeOwned>(response: Response) -> Answer<T> {
    let (status, path) = (response.status(), response.url().path().to_owned());
    if status.is_success() {
        return Ok(Ok(response.json().await.with_context(|| format!("the answer to {path}"))?));
    }
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::INTERNAL_SERVER_ERROR) {
        bail!("{path}: {status}");
    }
    let problem: Problem = response.json().await.with_context(|| format!("{path}: {status}, and no reason"))?;
    let fault = problem.errors.into_iter().next().filter(|_| problem.code == "invalid_request");
    Ok(Err(Refused(fault.map_or(problem.code, |fault| fault.code))))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::response::IntoResponse as _;
    use axum::{Json, Router};
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    /// Staff of a shop that answers so.
    pub async fn shop(app: Router) -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, app).into_future());
        Api::with_token(&url, "ord_ours").unwrap()
    }

    /// Not now, and no pause is asked for.
    pub fn not_now(code: &str) -> axum::response::Response {
        let problem = json!({"type": "about:blank", "title": "Not now", "status": 503, "detail": "Later.", "code": code});
        (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "0")], Json(problem)).into_response()
    }

    #[tokio::test]
    async fn who_is_away_is_asked_again_and_who_is_full_has_answered() {
        let asked = Arc::new(AtomicU32::new(0));
        let app = Router::new().fallback(move || {
            let before = asked.fetch_add(1, Ordering::Relaxed);
            async move {
                match before {
                    0 => not_now("unavailable"),
                    1 => not_now(FULL),
                    _ => Json(before).into_response(),
                }
            }
        });
        let staff = shop(app).await;
        assert!(matches!(staff.command::<u32>("/checkouts", &()).await, Ok(Err(Refused(code))) if code == FULL));
        assert!(matches!(staff.command::<u32>("/checkouts", &()).await, Ok(Ok(2))));
    }
}
