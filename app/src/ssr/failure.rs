//! Pages for when there is no page.

use backend::refused::Refused;
use domain::Locale;
use http::{HeaderValue, StatusCode, header};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use super::{
    actions::ours,
    frame::{around, frame, without_language},
    seo::{Head, head},
    staff,
    visit::{Visit, query},
};
use crate::{paths, pieces::icon, words as w};

/// Why a page cannot be shown.
#[derive(Debug)]
pub enum Failure {
    /// There is no such thing, or it is somebody else's.
    NotFound,
    /// Signed in, but not for this.
    Forbidden,
    /// Staff have to say first who they are.
    SignIn,
    /// Our fault; the status says whether a later try may help, and after how many seconds.
    Broken(StatusCode, Option<i64>),
}

impl<E: Refused> From<E> for Failure {
    fn from(error: E) -> Self {
        match error.status() {
            404 | 410 => Self::NotFound,
            403 => Self::Forbidden,
            401 => Self::SignIn,
            status => {
                tracing::error!(%error, "a page could not be made");
                let status = StatusCode::from_u16(status).ok().filter(StatusCode::is_server_error);
                Self::Broken(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error.extra().retry_after)
            }
        }
    }
}

/// The page that says why, with its status.
///
/// `door`: for [`Failure::SignIn`].
pub fn view(failure: Failure, visit: &Visit, door: &staff::Door) -> AnyView {
    let status = match failure {
        Failure::NotFound => StatusCode::NOT_FOUND,
        Failure::Forbidden => StatusCode::FORBIDDEN,
        Failure::SignIn => StatusCode::UNAUTHORIZED,
        Failure::Broken(status, _) => status,
    };
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
        if let Failure::Broken(_, Some(seconds)) = failure {
            response.insert_header(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
    let locale = visit.locale;
    // What the door has refused is said at it; and who had the page open until a moment ago is told that it is not theirs any more.
    let error = query("error");
    match failure {
        Failure::SignIn => staff::sign_in(visit, error, door),
        Failure::NotFound => lost(
            visit,
            Said {
                title: w::lost::title(locale),
                heading: w::lost::heading(locale),
                lead: w::lost::lead(locale),
                picture: "/img/lost.svg",
                first: (paths::HOME.to_owned(), w::lost::all_places(locale)),
                second: (paths::ORDERS.to_owned(), w::lost::my_orders(locale)),
                status,
                waits: false,
            },
        ),
        Failure::Forbidden => {
            let (heading, lead) = match error.as_deref() {
                Some(paths::RIGHT_GONE) => (w::staff::gone_title(locale), w::staff::gone_text(locale)),
                _ => (w::staff::forbidden_title(locale), w::staff::forbidden_text(locale)),
            };
            let said = Said {
                title: heading,
                heading,
                lead,
                picture: "/img/lost.svg",
                first: (paths::STAFF.to_owned(), w::staff::to_home(locale)),
                second: (paths::HOME.to_owned(), w::lost::all_places(locale)),
                status,
                waits: false,
            };
            lost(visit, said)
        }
        Failure::Broken(..) => {
            let (heading, lead) = why(status, "", locale);
            lost(
                visit,
                Said {
                    title: heading,
                    heading,
                    lead,
                    picture: "/img/broken.svg",
                    first: (visit.page.clone(), w::lost::again(locale)),
                    second: (paths::HOME.to_owned(), w::lost::all_places(locale)),
                    status,
                    waits: status == StatusCode::SERVICE_UNAVAILABLE,
                },
            )
        }
    }
}

/// What is said where no page could be made: by the shop, or before it was even asked.
fn why(status: StatusCode, code: &str, locale: Locale) -> (&'static str, &'static str) {
    match (code, status.as_u16()) {
        ("session_required", _) => (w::lost::session_heading(locale), w::lost::session_lead(locale)),
        ("session_left", _) => (w::lost::left_heading(locale), w::lost::left_lead(locale)),
        ("foreign_origin", _) => (w::lost::foreign_heading(locale), w::lost::foreign_lead(locale)),
        (_, 404) => (w::lost::heading(locale), w::lost::lead(locale)),
        (_, 413) => (w::lost::large_heading(locale), w::lost::large_lead(locale)),
        (_, 429) => (w::lost::fast_heading(locale), w::lost::fast_lead(locale)),
        (_, 503) => (w::lost::away_heading(locale), w::lost::away_lead(locale)),
        _ => (w::lost::broken_heading(locale), w::lost::broken_lead(locale)),
    }
}

/// A page made of nothing but words and files, so that it is there when nothing else is.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a> {
    pub status: StatusCode,
    /// The problem's code.
    pub code: &'a str,
    pub locale: Locale,
    /// Where to try again: path and query of the page, or of the one whose form was sent.
    pub again: Option<&'a str>,
    /// Whether asking for that page is all there is to do again, so that it may do so by itself.
    pub waits: bool,
    pub style_sheet: &'a str,
}

/// The whole document.
pub fn plain(Plain { status, code, locale, again, waits, style_sheet }: Plain<'_>) -> String {
    let (heading, lead) = why(status, code, locale);
    let again = again.map(ours).filter(|_| !matches!(status.as_u16(), 403..=405));
    let door = match code {
        "session_left" => Some((paths::sign_in(again.unwrap_or(paths::HOME)), w::sign_in::title(locale))),
        // Whoever works at a store signs in by another door; a shopper has a session by opening a page.
        "session_required" => again.and_then(paths::door).filter(|door| door == paths::STAFF).map(|door| (door, w::live::sign_in(locale))),
        _ => None,
    };
    let places = || (paths::HOME.to_owned(), w::lost::all_places(locale));
    let said = Said {
        title: heading,
        heading,
        lead,
        picture: "/img/broken.svg",
        first: door.unwrap_or_else(|| again.map_or_else(places, |again| (again.to_owned(), w::lost::again(locale)))),
        second: if again.is_some() { places() } else { (paths::ORDERS.to_owned(), w::lost::my_orders(locale)) },
        status,
        waits,
    };
    // Who is signed in is not known here: the account's page knows, or asks.
    let person = view! {
        <a class="masthead__link" href=paths::ACCOUNT>{icon("person")}<span class="masthead__word">{w::frame::account(locale)}</span></a>
    };
    // The switch would be a form, which wants the database; the page's address in the other language does not.
    let language = again.filter(|_| waits).map(|again| {
        let other = if locale == Locale::En { Locale::ZhCn } else { Locale::En };
        view! {
            <a class="masthead__link" href=in_language(again, other) lang=other.tag() hreflang=other.tag() aria-label=w::frame::other_language_label(locale)>
                {w::frame::other_language(locale)}
            </a>
        }
    });
    let title = format!("{heading} · {}", w::frame::name(locale));
    let document = view! {
        <!DOCTYPE html>
        <html lang=locale.tag()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
                <meta name="robots" content="noindex"/>
                <title>{title}</title>
                <link rel="stylesheet" href=style_sheet.to_owned()/>
                <link rel="icon" href="/favicon.svg" r#type="image/svg+xml"/>
            </head>
            <body>{around(locale, None, (person.into_any(), language.into_any()), body(said, locale))}</body>
        </html>
    };
    document.to_html()
}

/// A page's address, in a language.
fn in_language(page: &str, locale: Locale) -> String {
    let page = without_language(page);
    let sign = if page.contains('?') { '&' } else { '?' };
    format!("{page}{sign}lang={locale}")
}

/// Until the shop is back: a script looks for that, and where none runs the page is loaded again by itself.
fn wait(locale: Locale) -> AnyView {
    view! {
        <p class="soft" data-testid="waits">{w::lost::away_waits(locale)}</p>
        <noscript inner_html="<meta http-equiv=\"refresh\" content=\"5\">"></noscript>
        <script src="/again.js" defer="defer"></script>
    }
    .into_any()
}

/// The page for addresses that there are not.
#[component]
pub fn Lost() -> impl IntoView {
    view(Failure::NotFound, &Visit::here(), &staff::Door::default())
}

struct Said {
    title: &'static str,
    heading: &'static str,
    lead: &'static str,
    picture: &'static str,
    first: (String, &'static str),
    second: (String, &'static str),
    status: StatusCode,
    /// Loads itself again.
    waits: bool,
}

fn lost(visit: &Visit, said: Said) -> AnyView {
    let head = head(visit, Head { title: said.title.to_owned(), indexed: false, ..Head::default() });
    let main = view! { {head}{body(said, visit.locale)} };
    frame(visit, main.into_any())
}

fn body(said: Said, locale: Locale) -> AnyView {
    view! {
        <main class="page" id="main">
            <div class="lost">
                <div class="lost__body">
                    <h1>{said.heading}</h1>
                    <p class="lead">{said.lead}</p>
                    {said.waits.then(|| wait(locale))}
                    <div class="row">
                        <a class="button" href=said.first.0>{said.first.1}</a>
                        <a class="button button--quiet" href=said.second.0>{said.second.1}</a>
                    </div>
                    <p class="lost__code">{said.status.as_u16()}</p>
                </div>
                <img src=said.picture width="400" height="300" alt=""/>
            </div>
        </main>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(status: u16, code: &str, again: Option<&str>, waits: bool) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        plain(Plain { status, code, locale: Locale::En, again, waits, style_sheet: "/pkg/orderly.css" })
    }

    #[test]
    fn a_plain_page_leads_back_and_nowhere_else() {
        let away = page(503, "unavailable", Some("/s/harbor?a=1"), true);
        assert!(away.contains("href=\"/s/harbor?a=1\"") && away.contains("href=\"/s/harbor?a=1&amp;lang=zh-CN\""), "{away}");
        assert!(away.contains("<script src=\"/again.js\""), "{away}");
        let form = page(500, "internal", Some("/s/harbor/checkout"), false);
        assert!(form.contains("href=\"/s/harbor/checkout\"") && !form.contains("again.js") && !form.contains("refresh"), "{form}");
        assert!(!page(503, "unavailable", Some("//evil.example/x"), true).contains("evil"));
        assert!(!page(404, "not_found", Some("/nothing"), false).contains("/nothing"));
    }

    #[test]
    fn who_is_signed_out_is_led_to_the_door_they_came_in_by() {
        let first = |code: &str, again| {
            let page = page(401, code, Some(again), false);
            let (_, main) = page.split_once("<main").unwrap();
            let (_, link) = main.split_once("href=\"").unwrap();
            link.split_once('"').unwrap().0.to_owned()
        };
        assert_eq!(first("session_required", "/staff/harbor/menu"), paths::STAFF);
        assert_eq!(first("session_required", "/s/harbor/checkout"), "/s/harbor/checkout");
        assert_eq!(first("session_left", "/s/harbor/checkout"), paths::sign_in("/s/harbor/checkout"));
    }

    #[test]
    fn each_refusal_is_said_in_both_languages() {
        for (status, code, heading) in [
            (403, "foreign_origin", "请求来自其他网站"),
            (401, "session_required", "请重新打开页面"),
            (401, "session_left", "请登录"),
            (413, "body_too_large", "内容过大"),
            (429, "rate_limited", "请稍等"),
            (503, "unavailable", "马上回来"),
        ] {
            assert_eq!(why(StatusCode::from_u16(status).unwrap(), code, Locale::ZhCn).0, heading);
        }
    }
}
