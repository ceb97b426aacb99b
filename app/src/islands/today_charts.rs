//! The charts of a day: plain elements, drawn by the server and moved by the browser, with the same figures in a table.

use domain::{
    Locale, Money, Timestamp,
    view::{HourView, SoldView, TodayView},
};
use leptos::prelude::*;

use super::today::{Shown, took};
use crate::{erase::Erase as _, wire::StoreClock, words as w};

/// Products and options that are shown.
const SHOWN: usize = 10;
const HOUR_MILLIS: i64 = 3_600_000;

/// What a column shows of an hour.
type Measure = fn(&HourView) -> i64;

/// What is drawn side by side in each hour, and what it is called.
type Series = (Measure, &'static str, fn(Locale) -> &'static str);

/// A row of columns that are as high as their share of the highest one.
#[derive(Clone, Copy)]
struct Chart {
    id: &'static str,
    name: &'static str,
    /// Side by side in each hour, by their names.
    series: &'static [Series],
    /// How a value is written.
    tell: fn(i64, &TodayView, Locale) -> String,
}

/// The hour that the store's clocks show, as the language writes it.
fn clock(hour: i64, locale: Locale) -> String {
    StoreClock::default().hour(Timestamp::from_millis(hour * HOUR_MILLIS), locale)
}

/// How much of the whole a value is, from 0 to 1, for the style of a bar.
fn share(value: i64, most: i64) -> String {
    format!("--share:{:.4}", if most > 0 { value.max(0) as f64 / most as f64 } else { 0.0 })
}

/// Everything by the hour, with a table of it.
pub(super) fn by_hour(shown: Shown, locale: Locale) -> AnyView {
    let charts = [
        Chart {
            id: "orders",
            name: w::today::orders(locale),
            series: &[(|hour| hour.orders, "orders", w::today::orders)],
            tell: |value, _, _| value.to_string(),
        },
        Chart {
            id: "revenue",
            name: w::today::revenue(locale),
            series: &[(|hour| hour.revenue.amount, "revenue", w::today::revenue)],
            tell: |value, today, locale| Money::new(value, today.currency).format(locale),
        },
        Chart {
            id: "times",
            name: w::today::wait_and_making(locale),
            series: &[
                (|hour| hour.waiting_seconds.unwrap_or_default(), "waiting", w::today::waiting),
                (|hour| hour.making_seconds.unwrap_or_default(), "making", w::today::making),
            ],
            tell: |value, _, locale| took(Some(value), locale),
        },
    ];
    let charts = charts.map(|drawn| chart(drawn, shown, locale)).collect_view();
    let rows = move || shown.with(|today| today.hours.iter().map(|hour| row(hour, locale)).collect_view());
    view! {
        <section class="panel" aria-labelledby="hours-title">
            <h2 id="hours-title">{w::today::hours(locale)}</h2>
            <div class="charts">{charts}</div>
            <details class="fold">
                <summary>{w::today::as_table(locale)}</summary>
                <div class="sums-room" role="group" aria-labelledby="hours-title" tabindex="0">
                    <table class="sums" data-testid="hours-table">
                        <thead><tr>
                            <th scope="col">{w::today::hour(locale)}</th>
                            <th scope="col" class="num">{w::today::orders(locale)}</th>
                            <th scope="col" class="num">{w::today::revenue(locale)}</th>
                            <th scope="col" class="num">{w::today::waiting(locale)}</th>
                            <th scope="col" class="num">{w::today::making(locale)}</th>
                        </tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        </section>
    }
    .erase()
}

fn row(hour: &HourView, locale: Locale) -> AnyView {
    view! {
        <tr>
            <th scope="row">{clock(hour.hour, locale)}</th>
            <td class="num">{hour.orders}</td>
            <td class="num">{hour.revenue.format(locale)}</td>
            <td class="num">{took(hour.waiting_seconds, locale)}</td>
            <td class="num">{took(hour.making_seconds, locale)}</td>
        </tr>
    }
    .erase()
}

fn chart(chart: Chart, shown: Shown, locale: Locale) -> AnyView {
    let Chart { id, name, series, tell } = chart;
    let most = Memo::new(move |_| {
        shown.with(|today| today.hours.iter().flat_map(|hour| series.iter().map(|(measure, ..)| measure(hour))).max().unwrap_or_default())
    });
    // The hours of a day are known: columns stay, and what they show moves.
    let hours: Vec<_> = shown.with_untracked(|today| today.hours.iter().map(|hour| hour.hour).collect());
    let columns = hours
        .iter()
        .enumerate()
        .map(|(n, hour)| {
            let hour = clock(*hour, locale);
            let value = move |measure: Measure| shown.with(|today| today.hours.get(n).map_or(0, measure));
            let told = move || {
                let each = series.iter().map(|(measure, _, name)| {
                    let value = shown.with(|today| tell(today.hours.get(n).map_or(0, measure), today, locale));
                    format!("{}{}{value}", name(locale), w::menu::colon(locale))
                });
                format!("{hour} · {}", each.collect::<Vec<_>>().join(" · "))
            };
            let bars = series.iter().map(|(measure, kind, _)| {
                view! { <span class="chart__bar" data-kind=*kind style=move || share(value(*measure), most.get())></span> }
            });
            view! { <span class="chart__column" title=told>{bars.collect_view()}</span> }
        })
        .collect_view();
    let names = hours
        .iter()
        .enumerate()
        .filter(|(_, hour)| *hour % 3 == 0)
        .map(|(n, hour)| view! { <span class="chart__hour" data-minor=(hour % 6 != 0).to_string() style=format!("grid-column:{}", n + 1)>{clock(*hour, locale)}</span> })
        .collect_view();
    let legend = (series.len() > 1).then(|| {
        let each = series.iter().map(|(_, kind, name)| view! { <span class="chart__key" data-kind=*kind>{name(locale)}</span> });
        view! { <span class="chart__legend">{each.collect_view()}</span> }
    });
    let highest =
        move || if most.get() > 0 { w::today::most(locale, shown.with(|today| tell(most.get(), today, locale))) } else { String::new() };
    let count = format!("--columns:{}", hours.len());
    view! {
        <figure class="chart" data-testid=format!("chart-{id}")>
            <figcaption class="chart__head"><h3>{name}</h3>{legend}<span class="chart__most num">{highest}</span></figcaption>
            <div class="chart__plot" aria-hidden="true" style=count.clone()>{columns}</div>
            <div class="chart__hours num" aria-hidden="true" style=count>{names}</div>
        </figure>
    }
    .erase()
}

/// What is sold most, as a table whose rows are bars. `words`: its title, what the things are called, what they brought, and what
/// is said where there are none.
pub(super) fn sold(
    id: &'static str,
    words: [&'static str; 4],
    shown: Shown,
    of: fn(&TodayView) -> &Vec<SoldView>,
    locale: Locale,
) -> AnyView {
    let [title, kind, brought, none] = words;
    let top = Memo::new(move |_| shown.with(|today| of(today).iter().take(SHOWN).cloned().collect::<Vec<_>>()));
    let most = Memo::new(move |_| top.with(|top| top.first().map_or(0, |sold| sold.quantity)));
    let rows = move || {
        top.with(|top| {
            top.iter()
                .map(|sold| {
                    view! {
                        <tr>
                            <th scope="row">{sold.name.clone()}<span class="bar" aria-hidden="true" style=share(sold.quantity, most.get())></span></th>
                            <td class="num">{sold.quantity}</td>
                            <td class="num">{sold.revenue.format(locale)}</td>
                        </tr>
                    }
                })
                .collect_view()
        })
    };
    let heading = format!("{id}-title");
    view! {
        <section class="panel" aria-labelledby=heading.clone() data-testid=id>
            <h2 id=heading.clone()>{title}</h2>
            <p class="soft" hidden=move || !top.with(Vec::is_empty)>{none}</p>
            <table class="sums" hidden=move || top.with(Vec::is_empty)>
                <thead><tr><th scope="col">{kind}</th><th scope="col" class="num">{w::today::sold(locale)}</th><th scope="col" class="num">{brought}</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_its_share_of_the_highest() {
        assert_eq!(
            [share(3, 4), share(4, 4), share(0, 0), share(-1, 4)],
            ["--share:0.7500", "--share:1.0000", "--share:0.0000", "--share:0.0000"]
        );
    }

    #[test]
    fn hours_are_written_as_the_language_does() {
        assert_eq!(
            (clock(0, Locale::En), clock(13, Locale::En), clock(6, Locale::ZhCn)),
            ("12:00\u{a0}AM".to_owned(), "1:00\u{a0}PM".to_owned(), "06:00".to_owned())
        );
    }
}
