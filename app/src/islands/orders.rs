//! The status of an order in the list of orders, live while it moves.

use domain::{Locale, OrderId, topic::Topic, view::OrderView};
use leptos::prelude::*;

use super::progress::data_status;
use crate::{live, words as w};

/// One word of state.
#[island(lazy)]
pub fn OrderPill(order: OrderId, status: String, sequence: i64, locale: Locale) -> impl IntoView {
    let later = live::subscribe::<OrderView>(Topic::Order(order), sequence);
    let status = move || later.get().map_or_else(|| status.clone(), |order| data_status(&order).to_owned());
    let tone = {
        let status = status.clone();
        move || match &*status() {
            "ready" => "go",
            "queued" | "created" | "processed" | "prepared" => "wait",
            "making" | "packing" | "packed" => "accent",
            "cancelled" | "rejected" | "failed" => "stop",
            _ => "",
        }
    };
    view! {
        <span class="pill" data-tone=tone>{move || w::orders::by_name(&status(), locale).unwrap_or_default()}</span>
    }
}
