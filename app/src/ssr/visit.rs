//! Who asks for a page, for which, and in which language.

use std::{future::Future, sync::Arc};

use backend::{
    Backend,
    db::DbError,
    identity::{Caller, Owner},
    stores::StoreRow,
};
use domain::{Locale, StoreId, Timestamp, catalog::Menu, pricing, view::Naming};
use http::{HeaderValue, StatusCode, header};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{
    failure::{self, Failure},
    staff::Door,
};
use crate::wire::{CartSummary, Line, StoreClock, Wallet};

/// Scheme and host that the world knows us by, without a slash at the end; the server provides it.
#[derive(Debug, Clone)]
pub struct PublicUrl(pub Arc<str>);

/// Of a code's page: nothing of this visit may be written down, as too many new guests open such pages at the visitor's address.
/// The server provides it.
#[derive(Debug, Clone, Copy)]
pub struct Unremembered;

/// A request for a page. Cheap to clone.
#[derive(Clone)]
pub struct Visit {
    pub backend: Backend,
    pub caller: Caller,
    pub locale: Locale,
    pub now: Timestamp,
    /// Path and query of the page.
    pub page: String,
}

impl Visit {
    /// What the server has put into the context of this request.
    pub fn here() -> Self {
        let page = use_context::<http::request::Parts>().and_then(|parts| parts.uri.path_and_query().map(ToString::to_string));
        Self {
            backend: expect_context(),
            caller: expect_context(),
            locale: expect_context(),
            now: expect_context(),
            page: page.unwrap_or_else(|| "/".to_owned()),
        }
    }

    pub const fn naming(&self) -> Naming {
        Naming::In(self.locale)
    }

    /// Whose carts and orders they are.
    pub fn owner(&self) -> Option<Owner> {
        self.caller.owner()
    }

    /// The visitor's wallet; `None` for who has not signed in.
    pub async fn wallet(&self) -> Result<Option<Wallet>, DbError> {
        let me = self.backend.me(&self.caller).await?;
        let user = self.caller.user();
        Ok(user.zip(me.wallet).map(|(user, wallet)| Wallet { user, balance: wallet.balance }))
    }

    /// A store of the path.
    pub async fn store(&self, id: &str) -> Result<StoreRow, Failure> {
        let id: StoreId = id.parse().map_err(|_| Failure::NotFound)?;
        self.backend.stores.get(&mut self.backend.db.reader(), &id).await?.ok_or(Failure::NotFound)
    }

    pub async fn menu(&self, store: &StoreId) -> Result<Arc<Menu>, Failure> {
        self.backend.catalog.menu(store).await?.ok_or(Failure::NotFound)
    }

    /// The visitor's cart at a store.
    pub async fn cart(&self, store: &StoreId) -> Result<Vec<Line>, DbError> {
        // A browser that was never here has none, and is not looked up.
        let Some(owner) = self.owner().filter(|_| !matches!(self.caller, Caller::Guest { fresh: true, .. })) else { return Ok(Vec::new()) };
        let lines = self.backend.carts.get(&mut self.backend.db.reader(), &owner, store).await?;
        Ok(lines.into_iter().map(|line| Line { id: line.id.to_string(), request: line.request }).collect())
    }
}

/// A cart in one line.
pub fn summary(menu: &Menu, lines: &[Line], now: Timestamp) -> CartSummary {
    let requests: Vec<_> = lines.iter().map(|line| line.request.clone()).collect();
    CartSummary {
        count: requests.iter().map(|line| line.quantity).sum(),
        total: pricing::quote(menu, &requests, now).ok().map(|quote| quote.total),
    }
}

/// How far a store's clocks were from UTC then; a zone that is not known counts as UTC.
pub fn clock(time_zone: &str, at: Timestamp) -> StoreClock {
    let offset = jiff::tz::TimeZone::get(time_zone).ok().zip(jiff::Timestamp::from_millisecond(at.as_millis()).ok());
    StoreClock { offset_minutes: offset.map_or(0, |(zone, at)| zone.to_offset(at).seconds() / 60) }
}

/// A cookie of ours.
pub fn cookie(name: &str) -> Option<String> {
    let parts = use_context::<http::request::Parts>()?;
    let values = parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned)).filter(|value| !value.is_empty())
}

/// A part of the path.
pub fn param(name: &str) -> String {
    use_params_map().with_untracked(|params| params.get(name)).unwrap_or_default()
}

/// A value of the query.
pub fn query(name: &str) -> Option<String> {
    use_query_map().with_untracked(|query| query.get(name)).filter(|value| !value.is_empty())
}

/// On to another page of ours, in the place of this one.
pub fn lead_to(page: &str) -> AnyView {
    // Whatever they accept: `leptos_axum::redirect` leads only who asks for HTML.
    if let (Some(response), Ok(page)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(page)) {
        response.set_status(StatusCode::FOUND);
        response.insert_header(header::LOCATION, page);
    }
    ().into_any()
}

/// The browser keeps nothing of this page, whoever asks for it: who goes back to it gets it anew.
pub fn keep_nothing() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
}

/// Renders a page when its data is there, or the page that says why it is not.
pub fn page<B>(body: B) -> impl IntoView
where
    B: Future<Output = Result<AnyView, Failure>> + Send + 'static,
{
    let visit = Visit::here();
    view! {
        <Suspense>
            {Suspend::new(async move {
                match body.await {
                    Ok(view) => view,
                    Err(failure) => {
                        // Whatever is not known of it, the door still opens by a code.
                        let door = match failure {
                            Failure::SignIn => Door::here(&visit).await.unwrap_or_default(),
                            _ => Door::default(),
                        };
                        failure::view(failure, &visit, &door)
                    }
                }
            })}
        </Suspense>
    }
}
