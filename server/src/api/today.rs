//! How a store's day goes, for its managers: as JSON, and as a file for a spreadsheet.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use backend::identity::{Caller, Right};
use domain::{
    StoreId,
    view::{Naming, Problem, TodayView},
};
use serde::Deserialize;

use super::{
    csv,
    extract::Lang,
    problem::AppError,
    query::{Params, Path, id},
};
use crate::{caller::Who, state::AppState};

/// Which day.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfDay {
    /// A date at the store, such as `2026-11-22`; the one that it is there now unless given.
    pub day: Option<String>,
}

async fn view(app: &AppState, caller: &Caller, store: &str, day: OfDay, naming: Naming) -> Result<TodayView, AppError> {
    let store: StoreId = id(store, "store")?;
    caller.require(Right::Report, &store)?;
    let reports = app.backend.reports;
    let view =
        app.backend.db.snapshot(move |tx| Box::pin(async move { reports.day(tx, &store, day.day.as_deref(), naming).await })).await?;
    view.ok_or_else(|| AppError::not_found("store"))
}

/// A day of a store: orders, revenue, waiting and making, by the hour and in all; what was sold most; what came to nothing.
#[utoipa::path(get, path = "/staff/stores/{store}/today", tag = "staff", params(("store" = String, Path), OfDay),
    responses((status = 200, body = TodayView), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn today(
    State(app): State<AppState>,
    Who(caller): Who,
    lang: Lang,
    Path(store): Path<String>,
    Params(day): Params<OfDay>,
) -> Result<Json<TodayView>, AppError> {
    view(&app, &caller, &store, day, lang.naming()).await.map(Json)
}

/// The same as a file (RFC 4180, in UTF-8 with a mark that says so, for spreadsheets): a table whose `section` says what a row is
/// about.
#[utoipa::path(get, path = "/staff/stores/{store}/today.csv", tag = "staff", params(("store" = String, Path), OfDay),
    responses((status = 200, body = String, content_type = "text/csv"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn today_csv(
    State(app): State<AppState>,
    Who(caller): Who,
    lang: Lang,
    Path(store): Path<String>,
    Params(day): Params<OfDay>,
) -> Result<Response, AppError> {
    let view = view(&app, &caller, &store, day, lang.naming()).await?;
    // A slug and a date: nothing in them has to be quoted.
    let disposition = format!("attachment; filename=\"{}-{}.csv\"", view.store, view.day);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_LANGUAGE, lang.0.tag().to_owned()),
    ];
    Ok((headers, table(&view)).into_response())
}

const COLUMNS: [&str; 11] =
    ["day", "section", "id", "name", "orders", "quantity", "revenue", "currency", "made", "waiting_seconds", "making_seconds"];

/// The rows of the file. Sections: `total`, `hour`, `product`, `option`, `ended`. Money is written as `4.50`.
fn table(view: &TodayView) -> String {
    let mut table = csv::Table::new(&COLUMNS);
    let decimal = app::pieces::decimal;
    let mut row = |section: &str, id: &str, name: &str, cells: [csv::Cell; 7]| {
        let head = [csv::text(&view.day), csv::text(section), csv::text(id), csv::text(name)];
        table.row(head.into_iter().chain(cells));
    };
    let none = csv::Cell::none;
    let currency = || csv::text(&view.currency.to_string());
    let totals = &view.totals;
    row(
        "total",
        "paid",
        "",
        [
            totals.orders.into(),
            none(),
            csv::number(decimal(totals.revenue)),
            currency(),
            totals.made.into(),
            totals.waiting_seconds.into(),
            totals.making_seconds.into(),
        ],
    );
    let others =
        [("paying", totals.paying), ("cancelled", totals.cancelled), ("timed_out", totals.timed_out), ("rejected", totals.rejected)];
    for (id, orders) in others {
        row("total", id, "", [orders.into(), none(), none(), none(), none(), none(), none()]);
    }
    for hour in &view.hours {
        let name = format!("{:02}:00", hour.hour);
        let cells = [
            hour.orders.into(),
            none(),
            csv::number(decimal(hour.revenue)),
            currency(),
            hour.made.into(),
            hour.waiting_seconds.into(),
            hour.making_seconds.into(),
        ];
        row("hour", &hour.begins_at.to_string(), &name, cells);
    }
    for (section, sold) in [("product", &view.products), ("option", &view.options)] {
        for sold in sold {
            let cells = [none(), sold.quantity.into(), csv::number(decimal(sold.revenue)), currency(), none(), none(), none()];
            row(section, &sold.id, &sold.name, cells);
        }
    }
    for ended in &view.ended {
        let by = ended.by.map_or_else(|| ended.status.to_string(), |by| format!("{}_by_{by}", ended.status));
        row(
            "ended",
            &by,
            ended.reason.as_deref().unwrap_or_default(),
            [ended.orders.into(), none(), none(), none(), none(), none(), none()],
        );
    }
    table.finish()
}
