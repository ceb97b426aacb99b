//! A page for when there is no page: something went wrong before, or while, one was made.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use domain::Locale;
use domain::view::Problem;

use crate::caller::cookie_value;

/// Turns a problem into a page for whoever wants a page. Programs get the problem as it is. The page is made of nothing but
/// itself and files, so that it is there when nothing else is.
pub async fn friendly(State(style_sheet): State<Arc<str>>, request: Request, next: Next) -> Response {
    let wants_page = !request.uri().path().starts_with("/api/v1/")
        && request.headers().get(header::ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
    let locale = language(request.headers());
    let mut response = next.run(request).await;
    if !wants_page {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let status = response.status();
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    parts.headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    parts.headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; frame-ancestors 'none'"),
    );
    Response::from_parts(parts, Body::from(page(status, &problem.code, locale, &style_sheet)))
}

fn language(headers: &HeaderMap) -> Locale {
    let chosen = cookie_value(headers, "orderly_lang").and_then(|tag| tag.parse().ok());
    chosen.unwrap_or_else(|| headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).map_or(Locale::En, Locale::negotiate))
}

/// Title and sentence.
fn words(status: StatusCode, code: &str, locale: Locale) -> (&'static str, &'static str) {
    match (locale, code, status.as_u16()) {
        (Locale::En, "session_required", _) => {
            ("Please open the page again", "Your browser sent no cookie, so we could not tell whose order this is. Nothing was changed.")
        }
        (Locale::ZhCn, "session_required", _) => ("请重新打开页面", "浏览器没有发送 Cookie，我们无法确认这是谁的订单。没有任何更改。"),
        (Locale::En, "foreign_origin", _) => {
            ("This came from another site", "To be safe, nothing was changed. Please do it on our own page.")
        }
        (Locale::ZhCn, "foreign_origin", _) => ("请求来自其他网站", "为安全起见，没有任何更改。请在本站页面上操作。"),
        (Locale::En, _, 413) => ("That is too much at once", "What was sent is larger than we take. Nothing was changed."),
        (Locale::ZhCn, _, 413) => ("内容过大", "发送的内容超出限制。没有任何更改。"),
        (Locale::En, _, 429) => ("One moment, please", "Too many requests came at once. Wait a moment and try again."),
        (Locale::ZhCn, _, 429) => ("请稍等", "请求过于频繁，请稍后再试。"),
        (Locale::En, _, 404) => ("There is nothing here", "The page may have moved, or never existed."),
        (Locale::ZhCn, _, 404) => ("这里什么都没有", "页面可能已移动，或从未存在。"),
        (Locale::En, _, 503) => {
            ("We will be right back", "The shop cannot be reached right now. Nothing was changed; please try again in a moment.")
        }
        (Locale::ZhCn, _, 503) => ("马上回来", "商店暂时无法访问。没有任何更改，请稍后再试。"),
        (Locale::En, _, _) => ("Something went wrong", "That was our fault. Nothing was changed; please try again."),
        (Locale::ZhCn, _, _) => ("出错了", "这是我们的问题。没有任何更改，请重试。"),
    }
}

fn page(status: StatusCode, code: &str, locale: Locale, style_sheet: &str) -> String {
    let (title, sentence) = words(status, code, locale);
    let home = match locale {
        Locale::En => "To the shops",
        Locale::ZhCn => "返回首页",
    };
    format!(
        "<!DOCTYPE html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title} · Orderly</title><link rel=\"stylesheet\" href=\"{style_sheet}\">\
         <link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\"></head><body><header class=\"masthead\">\
         <a class=\"masthead__home\" href=\"/\"><img src=\"/favicon.svg\" width=\"32\" height=\"32\" alt=\"\">Orderly</a></header>\
         <main class=\"page\" id=\"main\"><div class=\"lost\"><div class=\"lost__body\"><h1>{title}</h1><p class=\"lead\">{sentence}</p>\
         <a class=\"button\" href=\"/\">{home}</a><p class=\"lost__code\">{code}</p></div>\
         <img src=\"/img/broken.svg\" width=\"400\" height=\"300\" alt=\"\"></div></main></body></html>",
        locale.tag(),
        code = status.as_u16(),
    )
}
