//! What people see.
pub mod live;

use leptos::prelude::*;
#[island]
pub fn Hello(name: String) -> impl IntoView {
    let (n, set) = signal(0);
    view! { <button on:click=move |_| set.update(|n| *n += 1)>{name} " " {n}</button> }
}
