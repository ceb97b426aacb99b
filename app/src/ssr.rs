//! The pages: what a request gets. Data comes straight from the shop's façades; a page is complete when it is sent, with
//! its status, so that it can be read without scripts.

mod account;
mod actions;
mod checkout;
mod failure;
mod frame;
mod home;
mod kiosk;
mod order;
mod orders;
mod product;
mod scan;
mod scanner;
mod seo;
mod shell;
mod sign_in;
mod staff;
mod storefront;
mod visit;

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

pub use self::{
    failure::{Plain, plain},
    shell::shell,
    visit::{PublicUrl, Unremembered},
};

/// All pages and their addresses.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <FlatRoutes fallback=failure::Lost>
                <Route path=path!("/") view=home::Home ssr=SsrMode::Async/>
                <Route path=path!("/s/:store") view=storefront::Storefront ssr=SsrMode::Async/>
                <Route path=path!("/s/:store/p/:product") view=product::ProductPage ssr=SsrMode::Async/>
                <Route path=path!("/s/:store/checkout") view=checkout::CheckoutPage ssr=SsrMode::Async/>
                <Route path=path!("/scan/:code") view=scan::ScanPage ssr=SsrMode::Async/>
                <Route path=path!("/orders") view=orders::Orders ssr=SsrMode::Async/>
                <Route path=path!("/orders/:order") view=order::Order ssr=SsrMode::Async/>
                <Route path=path!("/sign-in") view=sign_in::SignInPage ssr=SsrMode::Async/>
                <Route path=path!("/account") view=account::AccountPage ssr=SsrMode::Async/>
                <Route path=path!("/staff") view=staff::StaffHome ssr=SsrMode::Async/>
                <Route path=path!("/staff/:store/queue") view=staff::QueuePage ssr=SsrMode::Async/>
                <Route path=path!("/staff/:store/menu") view=staff::MenuPage ssr=SsrMode::Async/>
                <Route path=path!("/staff/:store/stock") view=staff::StockPage ssr=SsrMode::Async/>
                <Route path=path!("/staff/:store/today") view=staff::TodayPage ssr=SsrMode::Async/>
                <Route path=path!("/staff/:store/settings") view=staff::SettingsPage ssr=SsrMode::Async/>
                <Route path=path!("/staff/:store/audit") view=staff::AuditPage ssr=SsrMode::Async/>
                <Route path=path!("/kiosk/:kiosk/scan") view=scanner::ScannerPage ssr=SsrMode::Async/>
                <Route path=path!("/kiosk/:kiosk") view=kiosk::KioskPage ssr=SsrMode::Async/>
            </FlatRoutes>
        </Router>
    }
}
