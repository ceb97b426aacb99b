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
const LONGEST: Duration = Duration::from_secs(10);

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
        let cookies = response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let session = cookies.filter_map(|value| value.split(';').next()).find(|pair| pair.starts_with("orderly_session="));
        let session = session.ok_or_else(|| anyhow!("the shop gave no session"))?;
        guest.headers.insert(COOKIE, HeaderValue::from_str(session)?);
        Ok(guest)
    }

    /// What is there.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.send(&Method::GET, path, None::<&()>, None).await?;
        match read(response).await? {
            Ok(found) => Ok(found),
            Err(Refused(code)) => bail!("GET {path} was refused: {code}"),
        }
    }

    /// Does something, once.
    pub async fn command<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Answer<T> {
        let key = Uuid::now_v7().to_string();
        read(self.send(&Method::POST, path, Some(body), Some(&key)).await?).await
    }

    async fn send(&self, method: &Method, path: &str, body: Option<&impl Serialize>, key: Option<&str>) -> anyhow::Result<Response> {
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
                Ok(response) if !passes(response.status()) => return Ok(response),
                Ok(response) if tries >= TRIES => bail!("{method} {path}: {} again and again", response.status()),
                Ok(response) => pause_of(&response),
                Err(error) if tries >= TRIES => return Err(error).with_context(|| format!("{} does not answer", self.base)),
                Err(error) if error.is_builder() => return Err(error).with_context(|| format!("--url '{}'", self.base)),
                Err(_) => AGAIN,
            };
            tokio::time::sleep(wait).await;
        }
    }
}

/// What is different a moment later: too fast, too full, away, or the same request still runs. (Other conflicts are answers.)
fn passes(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY)
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
