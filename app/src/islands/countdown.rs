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

/// The time that is left, of the whole, in milliseconds; nothing while there is none. `name`: for tests.
pub(super) fn countdown(
    left: impl Fn() -> Option<(i64, i64)> + Send + Sync + 'static,
    Words { around: (before, after), over }: Words,
    name: &'static str,
) -> impl IntoView {
    let left = Memo::new(move |_| left().map(|(left, of)| (left.clamp(0, of.max(1)), of.max(1))));
    move || {
        left.get().map(|(left, of)| {
            let seconds = left / 1000;
            let tone = (seconds <= 30).then_some("stop");
            let style = format!("--progress:{:.3}", (left as f64 / of as f64).min(1.0));
            if left == 0 {
                return view! { <p class="hold" data-tone=tone style=style><span>{over}</span></p> }.erase();
            }
            view! {
                <p class="hold" data-tone=tone style=style data-testid=name>
                    <span>{before}<time class="num" datetime=format!("PT{seconds}S")>{format!("{}:{:02}", seconds / 60, seconds % 60)}</time>{after}</span>
                </p>
            }
            .erase()
        })
    }
}
