//! What comes by itself: one MQTT connection a tab, shared by everything on the page that wants to hear of a topic.
//!
//! A component renders what the server gave it and then calls [`subscribe`] with that snapshot's `sequence`; whatever is
//! newer arrives in the signal. On the server the same functions answer with the initial values, so views never ask
//! where they run. Loss, repeat and reordering cannot show a wrong state: every message is the whole small view of its
//! thing, and only a greater `sequence` replaces what is shown.

#[cfg(feature = "hydrate")]
mod browser;
mod menu;
#[cfg(any(feature = "hydrate", test))]
mod packet;
#[cfg(any(feature = "hydrate", test))]
mod pulse;
#[cfg(any(feature = "hydrate", test))]
mod retry;
#[cfg(not(feature = "hydrate"))]
mod server;

use std::sync::Arc;

pub use self::menu::menu_changes;

use domain::{Timestamp, event::Sequence, topic::Topic};
use leptos::prelude::*;
use serde::{Deserialize, de::DeserializeOwned};

#[cfg(feature = "hydrate")]
use self::browser as tab;
#[cfg(not(feature = "hydrate"))]
use self::server as tab;

/// What is done with a topic's messages.
type Deliver = Box<dyn FnMut(&[u8])>;

/// How the tab's connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connection {
    /// Not yet made; also what the server renders.
    #[default]
    Connecting,
    /// What is shown is the newest there is.
    Live,
    /// It was lost then, by this machine's clock, and is being made again: what is shown may be old.
    Reconnecting { since: Timestamp },
    /// The machine has had no network since then; as soon as it has one, the connection is made again.
    Offline { since: Timestamp },
}

/// The newest view published on a topic since the component was rendered: `None` until something newer than
/// `initial_sequence` comes. The subscription ends with the component.
///
/// What cannot be read as `T` is passed over: it comes from another version of Orderly, and the page is about to be
/// reloaded anyway.
pub fn subscribe<T>(topic: Topic, initial_sequence: i64) -> ReadSignal<Option<Arc<T>>>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    let (newest, set_newest) = signal(None);
    let mut shown = initial_sequence;
    tab::subscribe(
        &topic,
        Box::new(move |payload| {
            if let Some(data) = newer(payload, &mut shown) {
                // The component may be gone while its last message is on the way.
                let _ = set_newest.try_set(Some(Arc::new(data)));
            }
        }),
    );
    newest
}

/// How the tab's connection is. The first subscription makes it.
pub fn connection() -> ReadSignal<Connection> {
    tab::connection()
}

/// As of when the page is shown where a topic of it is refused: whoever looks at it may no longer see it, for they have signed out, or
/// lost the role. It is asked for again when they come back to the page, by when they may have signed in; `None`: nothing is refused.
pub fn refused() -> ReadSignal<Option<Timestamp>> {
    tab::refused()
}

/// What is read of the envelope.
#[derive(Deserialize)]
struct Message<T> {
    sequence: Sequence,
    data: T,
}

/// The view in a message, where it is newer than what is shown.
fn newer<T: DeserializeOwned>(payload: &[u8], shown: &mut i64) -> Option<T> {
    let message: Message<T> = serde_json::from_slice(payload).ok()?;
    let Sequence(sequence) = message.sequence;
    (sequence > *shown).then(|| {
        *shown = sequence;
        message.data
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(sequence: &str, data: i32) -> Vec<u8> {
        serde_json::json!({ "specversion": "1.0", "sequence": sequence, "data": data }).to_string().into_bytes()
    }

    #[test]
    fn only_a_greater_sequence_is_newer() {
        let mut shown = 7;
        assert_eq!(newer::<i32>(&message("00000000000000000007", 1), &mut shown), None);
        assert_eq!(newer::<i32>(&message("00000000000000000010", 2), &mut shown), Some(2));
        assert_eq!(newer::<i32>(&message("00000000000000000009", 3), &mut shown), None, "reordered");
        assert_eq!(newer::<i32>(&message("00000000000000000010", 4), &mut shown), None, "repeated");
        assert_eq!(shown, 10);
    }

    #[test]
    fn what_cannot_be_read_changes_nothing() {
        let mut shown = 0;
        assert_eq!(newer::<i32>(b"", &mut shown), None);
        assert_eq!(newer::<i32>(br#"{"sequence":"00000000000000000010","data":"text"}"#, &mut shown), None);
        assert_eq!(newer::<i32>(&message("ten", 1), &mut shown), None);
        assert_eq!(shown, 0);
    }
}
