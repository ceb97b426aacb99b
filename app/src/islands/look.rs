//! Looking again at what is told of more often than it need be asked for.

use std::future::Future;

use leptos::{prelude::*, task::spawn_local};

use crate::tab;

/// Between two looks, in milliseconds: in a rush something is told many times a second.
const PAUSE: i32 = 1000;
/// The same where the last look came to nothing.
const LONG_PAUSE: i32 = 5000;

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// All there is.
    Seen,
    /// It cannot be had now: it is looked at again.
    ToNothing,
    /// The page is being left: nobody looks any more.
    Over,
}

/// What is to be called whenever something is told: looks at it, one look at a time and at most once a second. What is told meanwhile
/// is looked at afterwards.
pub(super) fn look_again<F>(look: impl Fn() -> F + Clone + 'static) -> impl Fn() + Clone + 'static
where
    F: Future<Output = Came> + 'static,
{
    // Told since the last look; and whether somebody looks.
    let (told, looking) = (StoredValue::new(false), StoredValue::new(false));
    move || {
        told.set_value(true);
        if looking.get_value() {
            return;
        }
        looking.set_value(true);
        let look = look.clone();
        spawn_local(async move {
            // The page may be gone meanwhile.
            while told.try_get_value() == Some(true) {
                told.set_value(false);
                let pause = match look().await {
                    Came::Seen => PAUSE,
                    Came::ToNothing => {
                        let _ = told.try_set_value(true);
                        LONG_PAUSE
                    }
                    Came::Over => return,
                };
                tab::pause(pause).await;
            }
            let _ = looking.try_set_value(false);
        });
    }
}
