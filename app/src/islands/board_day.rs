//! The day so far on the barista's board: what was started, called off and too late, and behind it how long things take.

use domain::Locale;
use leptos::prelude::*;

use super::{board::Queue, ticket_cancel::fold, today::took};
use crate::{pieces, words as w};

/// A line with the three numbers; pressed, it shows the times over the lanes, which stay where they are.
pub fn view(queue: Queue, locale: Locale) -> AnyView {
    let today = Memo::new(move |_| queue.with(|queue| queue.today.clone()));
    let making = Memo::new(move |_| {
        let mut making = queue.with(|queue| queue.making.clone());
        for time in &mut making {
            time.localize(locale);
        }
        making
    });
    let counts = move || {
        today.get().map(|today| {
            [
                (today.started, w::today::started_count(locale)),
                (today.cancelled, w::today::cancelled_count(locale)),
                (today.timed_out, w::today::timed_out_count(locale)),
            ]
            .map(|(count, name)| view! { <span><strong class="num">{count}</strong>" "{name}</span> })
            .collect_view()
        })
    };
    let times = move || {
        making.with(|making| {
            if making.is_empty() {
                return view! { <p class="soft">{w::today::making_none(locale)}</p> }.into_any();
            }
            let each = making
                .iter()
                .map(|time| view! { <div><dt>{time.name.clone()}</dt><dd class="num">{took(Some(time.seconds), locale)}</dd></div> });
            view! { <dl class="board-day__times">{each.collect_view()}</dl> }.into_any()
        })
    };
    view! {
        <details class="board-day" hidden=move || today.with(Option::is_none) on:keydown=fold data-testid="board-day">
            <summary>{pieces::icon("clock")}<span class="sr-only">{w::today::so_far(locale)}</span>{counts}</summary>
            <div class="board-day__box" role="group" aria-labelledby="making-title" tabindex="0">
                <h2 id="making-title">{w::today::making_times(locale)}</h2>
                <p class="soft"><small>{w::today::making_text(locale)}</small></p>
                {times}
            </div>
        </details>
    }
    .into_any()
}
