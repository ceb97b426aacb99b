//! Where a shopper confirms a payment, as a bank would ask them to (3-D Secure).

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::{Locale, Money};
use serde::Deserialize;

use super::PaySim;
use super::book::Entry;
use super::routes::Refusal;

const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'");

pub(super) fn router(sim: PaySim) -> Router {
    Router::new().route("/confirm/{id}", get(ask).post(answer)).with_state(sim)
}

#[derive(Debug, Deserialize)]
struct Decision {
    decision: String,
}

/// The words of the page.
struct Words {
    title: &'static str,
    question: &'static str,
    confirm: &'static str,
    refuse: &'static str,
    over: &'static str,
    back: &'static str,
}

const EN: Words = Words {
    title: "Test bank",
    question: "A shop wants to charge your card:",
    confirm: "Confirm the payment",
    refuse: "Refuse",
    over: "This payment has been decided.",
    back: "Back to the shop",
};
const ZH: Words = Words {
    title: "测试银行",
    question: "商店请求从您的银行卡扣款：",
    confirm: "确认付款",
    refuse: "拒绝",
    over: "此付款已有结果。",
    back: "返回商店",
};

async fn ask(State(sim): State<PaySim>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Refusal> {
    let locale = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).map_or(Locale::En, Locale::negotiate);
    let words = if locale == Locale::ZhCn { ZH } else { EN };
    let entry = sim.book.find_by_id(&id).await?;
    let status = if entry.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok((status, [(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page(entry.as_ref(), &words, locale))).into_response())
}

async fn answer(
    State(sim): State<PaySim>,
    Path(id): Path<String>,
    Form(Decision { decision }): Form<Decision>,
) -> Result<Response, Refusal> {
    let Some(entry) = sim.book.find_by_id(&id).await? else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let state = match decision.as_str() {
        "confirm" => "authorized",
        "refuse" => "declined",
        _ => return Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response()),
    };
    if let Some(decided) = sim.book.decide(&entry.key, "action_required", state).await? {
        sim.notices.send(&decided, state, None).await;
    }
    let back = entry.return_url.unwrap_or_else(|| format!("{}/confirm/{id}", sim.public));
    Ok(Redirect::to(&back).into_response())
}

fn page(entry: Option<&Entry>, words: &Words, locale: Locale) -> String {
    let lang = locale.tag();
    let Words { title, question, confirm, refuse, over, back } = words;
    let body = match entry {
        Some(entry) if entry.state == "action_required" => {
            let amount =
                entry.currency.parse().map_or_else(|_| String::new(), |currency| Money::new(entry.amount, currency).format(locale));
            format!(
                "<p>{question}</p><p class=\"amount\">{amount}</p><form method=\"post\"><button name=\"decision\" value=\"confirm\">{confirm}</button> \
                 <button name=\"decision\" value=\"refuse\" class=\"plain\">{refuse}</button></form>"
            )
        }
        Some(entry) => {
            let link = entry.return_url.as_deref().map_or_else(String::new, |url| format!("<p><a href=\"{}\">{back}</a></p>", escape(url)));
            format!("<p>{over}</p>{link}")
        }
        None => format!("<p>{over}</p>"),
    };
    format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>@view-transition{{navigation:auto}}:root{{color-scheme:light dark}}body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem}}\
         .amount{{font-size:2rem;font-weight:700}}button{{font:inherit;padding:.7rem 1.2rem;min-height:44px}}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
