//! A time that runs out: a ring that drains, and the words that say the same.

use leptos::prelude::*;

use crate::erase::Erase as _;

/// What a countdown says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    /// What stands before and after the time that is left.
    pub around: (&'static str, &'static str),
    /// What is said instead when none is.
    pub over: &'static str,
}

/// From how many milliseconds before the end, and until how many, the time that is left is said to who does not see it run out: often
/// enough to be heard, and not every second.
const NEAR: std::ops::RangeInclusive<i64> = 50_000..=60_000;

/// The time that is left, of the whole, in milliseconds; nothing while there is none. `name`: for tests.
pub(super) fn countdown(
    left: impl Fn() -> Option<(i64, i64)> + Send + Sync + 'static,
    Words { around: (before, after), over }: Words,
    name: &'static str,
) -> impl IntoView {
    let left = Memo::new(move |_| left().map(|(left, of)| (left.clamp(0, of.max(1)), of.max(1))));
    let shown = Memo::new(move |_| left.get().is_some());
    let ended = Memo::new(move |_| left.get().is_some_and(|(left, _)| left == 0));
    // What was no longer from the beginning is no news.
    let near = Memo::new(move |_| left.get().is_some_and(|(left, of)| NEAR.contains(&left) && of > *NEAR.end()));
    let runs = move || {
        left.get().filter(|(left, _)| *left > 0).map(|(left, of)| {
            let seconds = left / 1000;
            let tone = (seconds <= 30).then_some("stop");
            let style = format!("--progress:{:.3}", (left as f64 / of as f64).min(1.0));
            view! {
                <p class="hold" data-tone=tone style=style data-testid=name>
                    <span>{before}<time class="num" datetime=format!("PT{seconds}S")>{format!("{}:{:02}", seconds / 60, seconds % 60)}</time>{after}</span>
                </p>
            }
        })
    };
    let said = move || {
        if ended.get() {
            view! { <p class="hold" data-tone="stop" style="--progress:0"><span>{over}</span></p> }.erase()
        } else if near.get() {
            view! { <p class="sr-only">{before}"1:00"{after}</p> }.erase()
        } else {
            ().erase()
        }
    };
    move || shown.get().then(|| view! { <div>{runs}<div role="status">{said}</div></div> }.erase())
}
