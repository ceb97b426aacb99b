//! The day so far on the barista's board: what was started, called off and too late, and behind it how long things take.

use domain::{Locale, view::MakingView};
use leptos::prelude::*;

use super::{board::Queue, ticket_cancel::fold, today::took};
use crate::{erase::Erase as _, pieces, words as w};

/// A line with the three numbers; pressed, it shows the times over the lanes, which stay where they are.
pub fn view(queue: Queue, locale: Locale) -> AnyView {
    let today = Memo::new(move |_| queue.with(|queue| queue.today.clone()));
    let making = Memo::new(move |_| by_name(queue.with(|queue| queue.making.clone()), locale));
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
                return view! { <p class="soft">{w::today::making_none(locale)}</p> }.erase();
            }
            let each = making
                .iter()
                .map(|time| view! { <div><dt>{time.name.clone()}</dt><dd class="num">{took(Some(time.seconds), locale)}</dd></div> });
            view! { <dl class="board-day__times">{each.collect_view()}</dl> }.erase()
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
    .erase()
}

/// In the reader's language, and in the order of the names that they read: the ids are told to nobody.
fn by_name(mut making: Vec<MakingView>, locale: Locale) -> Vec<MakingView> {
    for time in &mut making {
        time.localize(locale);
    }
    making.sort_by_cached_key(|time| time.name.to_lowercase());
    making
}

#[cfg(test)]
mod tests {
    use domain::Text;

    use super::*;

    #[test]
    fn times_are_in_the_order_of_the_names_that_are_read() {
        let time = |id: &str, en: &str, zh_cn: &str| MakingView {
            product: id.parse().unwrap(),
            name: en.to_owned(),
            names: Some(Text::new(en, zh_cn)),
            seconds: 60,
        };
        let making = vec![time("a-1", "oat milk", "丙"), time("b-2", "Tea", "乙"), time("c-3", "Espresso", "一")];
        let names = |locale| by_name(making.clone(), locale).into_iter().map(|time| time.name).collect::<Vec<_>>();
        assert_eq!(names(Locale::En), ["Espresso", "oat milk", "Tea"]);
        assert_eq!(names(Locale::ZhCn), ["一", "丙", "乙"]);
    }
}
