//! Somebody who speaks HTTP to the server: a browser with a cookie, a device with a token, or nobody.

use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A client. What it is told to send goes with every call.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

/// What came back.
pub struct Reply {
    pub status: StatusCode,
    pub content_type: String,
    /// JSON where it is JSON, else the text.
    pub body: Value,
    headers: HeaderMap,
}

impl Reply {
    /// The code of a problem; empty for anything else.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("visible ASCII"))
    }

    /// The session cookie it sets, as a browser would send it.
    pub fn cookie(&self) -> Option<String> {
        let values = self.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("visible ASCII"));
        values.filter_map(|value| value.split(';').next()).find(|pair| pair.starts_with("orderly_session=")).map(str::to_owned)
    }

    /// All cookies it sets, as a browser would send them.
    pub fn cookies(&self) -> Vec<String> {
        let values = self.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("visible ASCII"));
        values.filter_map(|value| value.split(';').next()).map(str::to_owned).collect()
    }

    /// The text of a page.
    pub fn text(&self) -> &str {
        self.body.as_str().unwrap_or_default()
    }
}

impl Client {
    pub fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { http, url: url.to_owned(), headers: HeaderMap::new() }
    }

    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("visible ASCII"));
        other
    }

    pub fn without(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.headers.remove(name);
        other
    }

    /// A browser: its cookie, and the origin that it says of itself.
    pub fn with_cookie(&self, cookie: String) -> Self {
        self.with("cookie", &cookie).with("origin", &self.url)
    }

    /// The cookie that it sends.
    pub fn cookie(&self) -> &str {
        self.headers.get("cookie").map_or("", |value| value.to_str().expect("visible ASCII"))
    }

    pub fn with_token(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub fn with_origin(&self, origin: &str) -> Self {
        self.with("origin", origin)
    }

    pub fn in_language(&self, language: &str) -> Self {
        self.with("accept-language", language)
    }

    pub fn if_none_match(&self, etag: &str) -> Self {
        self.with("if-none-match", etag)
    }

    /// A call of the API: `path` is below `/api/v1`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url)).headers(self.headers.clone())
    }

    /// A page, or whatever is not the API.
    pub async fn page(&self, path: &str) -> Reply {
        self.send(self.http.get(format!("{}{path}", self.url)).headers(self.headers.clone())).await
    }

    /// A form of a page.
    pub async fn post_page(&self, path: &str, body: &'static str) -> Reply {
        let request = self.http.post(format!("{}{path}", self.url)).headers(self.headers.clone());
        self.send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    /// A form of a page, as a browser without scripts sends it.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let request = self.http.post(format!("{}{path}", self.url)).headers(self.headers.clone()).header("accept", "text/html");
        self.send(request.form(fields)).await
    }

    /// The same as a script sends it, which reads the answer.
    pub async fn post_script(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let request = self.http.post(format!("{}{path}", self.url)).headers(self.headers.clone()).header("accept", "application/json");
        self.send(request.form(fields)).await
    }

    pub async fn send(&self, request: RequestBuilder) -> Reply {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.expect("the whole answer");
        let content_type = headers.get("content-type").map_or("", |value| value.to_str().expect("visible ASCII")).to_owned();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| if bytes.is_empty() { Value::Null } else { text() });
        Reply { status, content_type, body, headers }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    /// A call with a JSON body; without one where it is null.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Reply {
        let request = self.request(method, path);
        self.send(if body.is_null() { request } else { request.json(body) }).await
    }

    /// A call with an idempotency key that nobody has used.
    pub async fn keyed(&self, method: Method, path: &str, body: &Value) -> Reply {
        self.with_key(method, path, body, &uuid::Uuid::now_v7().to_string()).await
    }

    pub async fn with_key(&self, method: Method, path: &str, body: &Value, key: &str) -> Reply {
        self.send(self.request(method, path).header("idempotency-key", key).json(body)).await
    }

    pub async fn raw(&self, method: Method, path: &str, body: impl Into<Body>, content_type: &str) -> Reply {
        self.send(self.request(method, path).header("content-type", content_type).body(body)).await
    }

    /// Asks until the answer is as wanted, and returns it.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.until_within(Duration::from_secs(20), path, wanted).await
    }

    /// Asks until the answer is as wanted, at most so long.
    pub async fn until_within(&self, within: Duration, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + within;
        loop {
            let reply = self.get(path).await;
            if reply.status.is_success() && wanted(&reply.body) {
                return reply.body;
            }
            assert!(Instant::now() < deadline, "{path} never became what was waited for; last: {}", reply.body);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// One flat white with oat milk at `harbor`, paid by card; its id.
    pub async fn order_coffee(&self) -> String {
        self.order_coffee_by("tok_ok").await
    }

    /// The same with this card.
    pub async fn order_coffee_by(&self, token: &str) -> String {
        let lines = json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
        let checkout = json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}});
        let begun = self.keyed(Method::POST, "/checkouts", &checkout).await;
        assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.body);
        let path = format!("/checkouts/{}/place", begun.body["id"].as_str().unwrap());
        let place = json!({"payment": {"method": "card", "token": token}, "expected_total": begun.body["quote"]["total"]});
        let placed = self.keyed(Method::POST, &path, &place).await;
        assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.body);
        placed.body["id"].as_str().unwrap().to_owned()
    }
}
