//! The queue of a board, asked for where it does not come by itself.

use std::sync::Arc;

use domain::view::QueueView;
use leptos::prelude::*;

use super::board::Bar;
use crate::tab;

/// How long the news of what was done here takes at the most, where anything comes.
const NEWS_MILLIS: i32 = 2_000;

impl Bar {
    /// Asks for the queue where what was done changes nothing here: a connection that is swallowed says nothing, and looks live until
    /// it is found out.
    pub async fn ask_without_news(self, shown: i64) {
        tab::pause(NEWS_MILLIS).await;
        if self.seen.try_with_value(|seen| seen.version) == Some(shown) {
            self.ask_again().await;
        }
    }

    /// The whole queue, where it does not come by itself or something unexpected happened.
    pub async fn ask_again(self) {
        let reply = tab::ask(&format!("/api/v1/staff/stores/{}/queue", self.store()), tab::Body::Nothing).await;
        if let Ok(queue) = reply.and_then(|reply| reply.json::<QueueView>()) {
            let _ = self.asked.try_set(Some(Arc::new(queue)));
        }
    }
}
