//! Pages for when there is no page.

use backend::refused::Refused;
use http::{HeaderValue, StatusCode, header};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use super::{
    frame::frame,
    seo::{Head, head},
    staff,
    visit::Visit,
};
use crate::{paths, words as w};

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
pub fn view(failure: Failure, visit: &Visit) -> AnyView {
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
    match failure {
        Failure::SignIn => staff::sign_in(visit, None),
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
            },
        ),
        Failure::Forbidden => lost(
            visit,
            Said {
                title: w::staff::forbidden_title(locale),
                heading: w::staff::forbidden_title(locale),
                lead: w::staff::forbidden_text(locale),
                picture: "/img/lost.svg",
                first: (paths::STAFF.to_owned(), w::staff::to_home(locale)),
                second: (paths::HOME.to_owned(), w::lost::all_places(locale)),
                status,
            },
        ),
        Failure::Broken(..) => lost(
            visit,
            Said {
                title: w::lost::broken_title(locale),
                heading: w::lost::broken_heading(locale),
                lead: w::lost::broken_lead(locale),
                picture: "/img/broken.svg",
                first: (visit.page.clone(), w::lost::again(locale)),
                second: (paths::HOME.to_owned(), w::lost::all_places(locale)),
                status,
            },
        ),
    }
}

/// The page for addresses that there are not.
#[component]
pub fn Lost() -> impl IntoView {
    view(Failure::NotFound, &Visit::here())
}

struct Said {
    title: &'static str,
    heading: &'static str,
    lead: &'static str,
    picture: &'static str,
    first: (String, &'static str),
    second: (String, &'static str),
    status: StatusCode,
}

fn lost(visit: &Visit, said: Said) -> AnyView {
    let head = head(visit, Head { title: said.title.to_owned(), indexed: false, ..Head::default() });
    let main = view! {
        {head}
        <main class="page" id="main">
            <div class="lost">
                <div class="lost__body">
                    <h1>{said.heading}</h1>
                    <p class="lead">{said.lead}</p>
                    <div class="row">
                        <a class="button" href=said.first.0>{said.first.1}</a>
                        <a class="button button--quiet" href=said.second.0>{said.second.1}</a>
                    </div>
                    <p class="lost__code">{said.status.as_u16()}</p>
                </div>
                <img src=said.picture width="400" height="300" alt=""/>
            </div>
        </main>
    };
    frame(visit, main.into_any())
}
