//! The wasm entry: hydrates the islands of `app`.
use app as _;

/// Called by the page's hydration script once the module is loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
