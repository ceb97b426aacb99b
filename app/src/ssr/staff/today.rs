//! How a store's day goes, for its managers; and how its other days went.

use backend::{
    identity::{Caller, Right},
    report::ReportError,
};
use leptos::prelude::*;

use super::super::{
    failure::Failure,
    orders::date,
    seo::{Head, head},
    visit::{Visit, clock, page, param, query},
};
use super::frame::{Tab, store_frame};
use crate::{
    islands::{LiveLine, Today},
    paths,
    pieces::icon,
    words as w,
};

/// Seconds of half a day: so long after a midnight it is that day by any clock, and so long before it the day before.
const HALF_A_DAY: i64 = 12 * 3600;

/// `/staff/{store}/today`
#[component]
pub fn TodayPage() -> impl IntoView {
    let visit = Visit::here();
    let (store, day) = (param("store"), query("day"));
    page(async move { body(visit, store, day).await })
}

async fn body(visit: Visit, store: String, day: Option<String>) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let Caller::User { .. } = &visit.caller else { return Err(Failure::SignIn) };
    if !visit.caller.may(Right::Report, &row.id) {
        return Err(Failure::Forbidden);
    }
    let (reports, at, naming) = (visit.backend.reports, row.id.clone(), visit.naming());
    let asked = day.clone();
    let read = visit.backend.db.snapshot(move |tx| Box::pin(async move { reports.day(tx, &at, asked.as_deref(), naming).await }));
    let today = match read.await {
        Ok(today) => today.ok_or(Failure::NotFound)?,
        // There is no page of a day that there is not.
        Err(ReportError::InvalidDay) => return Err(Failure::NotFound),
        Err(ReportError::Database(error)) => return Err(error.into()),
    };
    let head = head(&visit, Head { title: w::today::page_title(locale, row.name.in_locale(locale)), ..Head::default() });
    let here = paths::today(&row.id);
    // The clocks of the store tell the dates of the days beside this one.
    let beside = |at: domain::Timestamp| at.plus_seconds(i64::from(clock(&row.time_zone, at).offset_minutes) * 60).to_string();
    let named = |at: domain::Timestamp| format!("{here}?day={}", beside(at).get(..10).unwrap_or_default());
    let before = named(today.begins_at.plus_seconds(-HALF_A_DAY));
    let after = (!today.current && today.ends_at <= visit.now).then(|| {
        let next = named(today.ends_at.plus_seconds(HALF_A_DAY));
        view! { <a class="button button--quiet" href=next>{w::today::after(locale)}{icon("forward")}</a> }
    });
    let back = (!today.current).then(|| view! { <a class="button button--plain" href=here.clone()>{w::today::title(locale)}</a> });
    let file = format!("{}.csv?day={}", paths::figures(&row.id), today.day);
    let live = today.current.then(|| view! { <LiveLine clock=Some(clock(&row.time_zone, visit.now)) locale/> });
    let body = view! {
        {head}
        <div class="today-head">
            <h2><time datetime=today.day.clone()>{date(&today.day, locale)}</time></h2>
            <nav class="row" aria-label=w::today::days(locale)>
                <a class="button button--quiet" href=before>{icon("back")}{w::today::before(locale)}</a>
                {after}
                {back}
            </nav>
            <a class="button button--quiet" href=file download="" rel="nofollow" data-testid="csv">{w::today::download(locale)}</a>
            {live}
        </div>
        <Today today=today.clone() locale/>
        <p class="soft"><small>{w::today::store_times(locale, &today.time_zone)}</small></p>
    };
    Ok(store_frame(&visit, &row, Tab::Today, None, body.into_any()))
}
