//! The table of rights once more, for the pages behind the bar and on the wall: every one of them, opened by every kind of caller.
//! Who may not see a page gets its door or a refusal, and nothing of what is on it.

use std::collections::BTreeSet;

use reqwest::StatusCode;

use crate::rights::callers;
use crate::sign_in::with_messages;
use crate::support::{Client, Server};

with_messages! {
    every_page_of_staff_and_kiosks_is_for_whom_the_contract_says
}

/// A page: its route, its address, what is on it and nowhere else, and who may see that.
struct Page {
    route: &'static str,
    path: &'static str,
    sign: &'static str,
    may: &'static [&'static str],
}

const MANAGER: &[&str] = &["manager"];
const BAR: &[&str] = &["barista", "manager"];

const PAGES: [Page; 12] = [
    Page { route: "/staff/:store/queue", path: "/staff/harbor/queue", sign: "l-queued", may: BAR },
    Page { route: "/staff/:store/menu", path: "/staff/harbor/menu", sign: "switch", may: BAR },
    Page { route: "/staff/:store/stock", path: "/staff/harbor/stock", sign: "counts", may: &["warehouse", "manager"] },
    Page { route: "/staff/:store/today", path: "/staff/harbor/today", sign: "today", may: MANAGER },
    Page { route: "/staff/:store/settings", path: "/staff/harbor/settings", sign: "settings", may: MANAGER },
    Page { route: "/staff/:store/audit", path: "/staff/harbor/audit", sign: "audit-entry", may: MANAGER },
    // A store's own people, and nobody else's.
    Page { route: "/staff/:store/queue", path: "/staff/pier/queue", sign: "l-queued", may: &["pier barista", "pier manager"] },
    Page { route: "/staff/:store/settings", path: "/staff/pier/settings", sign: "settings", may: &["pier manager"] },
    Page { route: "/kiosk/:kiosk", path: "/kiosk/pier-1", sign: "kiosk", may: &["kiosk", "pier manager"] },
    Page { route: "/kiosk/:kiosk/scan", path: "/kiosk/pier-1/scan", sign: "scanner", may: &["kiosk"] },
    // There is none, which nobody is told.
    Page { route: "/kiosk/:kiosk", path: "/kiosk/pier-9", sign: "kiosk", may: &[] },
    Page { route: "/kiosk/:kiosk/scan", path: "/kiosk/pier-9/scan", sign: "scanner", may: &[] },
];

/// Of whom it is known who they are, though not for this.
const SIGNED_IN: [&str; 6] = ["shopper", "barista", "warehouse", "manager", "pier barista", "pier manager"];

fn has(text: &str, sign: &str) -> bool {
    text.contains(&format!("data-testid=\"{sign}\""))
}

async fn everybody(server: &Server, owner: Client) -> Vec<(&'static str, Client)> {
    let mut everybody = callers(server, owner).await;
    for (who, client) in &mut everybody {
        if *who == "kiosk" {
            // A screen is a browser, which has its token as a cookie.
            let token = server.place.answer(&["token", "issue", "--role", "kiosk", "--kiosk", "pier-1"]);
            let token = token.trim();
            *client = server.nobody().with_cookie(format!("orderly_session={token}"));
        }
    }
    everybody
}

async fn every_page_of_staff_and_kiosks_is_for_whom_the_contract_says(server: Server) {
    // Whatever page there is stands in the table.
    let routes = leptos_axum::generate_route_list(app::ssr::App);
    let routes: BTreeSet<_> = routes.iter().map(|route| route.path().replace('{', ":").replace('}', "")).collect();
    let behind: Vec<_> = routes.iter().filter(|path| path.starts_with("/staff/") || path.starts_with("/kiosk/")).collect();
    assert_eq!(behind.len(), 8, "{routes:?}");
    let missing: Vec<_> = behind.iter().filter(|path| !PAGES.iter().any(|page| page.route == path.as_str())).collect();
    assert!(missing.is_empty(), "not in the table of pages: {missing:?}");

    let owner = server.guest().await;
    owner.order_coffee().await;
    let mut wrong = Vec::new();
    for (who, client) in everybody(&server, owner).await {
        for Page { path, sign, may, .. } in PAGES {
            let reply = client.page(path).await;
            let kiosk = path.starts_with("/kiosk/");
            let signed_in = SIGNED_IN.contains(&who);
            let (status, door) = match may.contains(&who) {
                true => (StatusCode::OK, None),
                false if kiosk => (StatusCode::UNAUTHORIZED, Some("pair-form")),
                // Whose switches stood on this page once.
                false if path.ends_with("/harbor/stock") && who == "barista" => (StatusCode::FOUND, None),
                false if signed_in => (StatusCode::FORBIDDEN, None),
                false => (StatusCode::UNAUTHORIZED, Some("name-form")),
            };
            let shown = has(reply.text(), sign);
            if reply.status != status || shown != (status == StatusCode::OK) || door.is_some_and(|door| !has(reply.text(), door)) {
                wrong.push(format!("{who}: {path}: {}, not {status}; it shows {sign}: {shown}", reply.status));
            }
        }
        // The home of the staff is a door for everybody else, and there is no page of a store that there is not.
        let home = client.page("/staff").await;
        let staff = SIGNED_IN.contains(&who) && who != "shopper";
        if home.status != StatusCode::OK || has(home.text(), "name-form") == staff {
            wrong.push(format!("{who}: /staff: {}", home.status));
        }
        let nowhere = client.page("/staff/nowhere/settings").await.status;
        if nowhere != StatusCode::NOT_FOUND {
            wrong.push(format!("{who}: /staff/nowhere/settings: {nowhere}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
