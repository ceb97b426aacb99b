//! Where everything is: the addresses of the pages and of the forms.

use std::fmt::Display;

pub const HOME: &str = "/";
pub const ORDERS: &str = "/orders";
pub const STAFF: &str = "/staff";
pub const SIGN_IN: &str = "/sign-in";
pub const ACCOUNT: &str = "/account";
/// Everything that is kept about the caller, as JSON.
pub const EXPORT: &str = "/api/v1/me/export";

/// The door for shoppers; afterwards they are at `back`, one of our pages.
pub fn sign_in(back: &str) -> String {
    format!("{SIGN_IN}?back={}", encoded(back))
}

/// A step of the same door: `phone` or `code`, with what the last try was refused for.
pub fn sign_in_step(back: &str, step: &str, error: Option<&str>) -> String {
    let error = error.map_or_else(String::new, |error| format!("&error={error}"));
    format!("{}&step={step}{error}", sign_in(back))
}

/// Where who may no longer see `page` signs in: shoppers come back to it, staff to what they may see by then. `None`: a kiosk's
/// screen, which is paired again.
pub fn door(page: &str) -> Option<String> {
    match page.split('/').nth(1) {
        Some("kiosk") => None,
        Some("staff") => Some(STAFF.to_owned()),
        _ => Some(sign_in(page)),
    }
}

/// RFC 3986: everything but the unreserved characters and `/` is written as bytes.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A store's menu.
pub fn store(store: impl Display) -> String {
    format!("/s/{store}")
}

/// A product with its options.
pub fn product(store: impl Display, product: impl Display) -> String {
    format!("/s/{store}/p/{product}")
}

/// Cart and checkout.
pub fn checkout(store: impl Display) -> String {
    format!("/s/{store}/checkout")
}

/// The same after an order's lines were put back into the cart.
pub fn checkout_again(store: impl Display, order: impl Display) -> String {
    format!("/s/{store}/checkout?again={order}")
}

/// What a kiosk's code leads to. A code is typed by somebody.
pub fn scan(code: impl Display) -> String {
    format!("/scan/{}", encoded(&code.to_string()).replace('/', "%2F"))
}

/// An order's tracker.
pub fn order(id: impl Display) -> String {
    format!("/orders/{id}")
}

/// The barista's board.
pub fn queue(store: impl Display) -> String {
    format!("/staff/{store}/queue")
}

/// What is sold out, and back.
pub fn menu(store: impl Display) -> String {
    format!("/staff/{store}/menu")
}

/// The same with only what was looked for: by name, and what is sold out alone.
pub fn menu_found(store: impl Display, name: &str, only: bool) -> String {
    let name = (!name.is_empty()).then(|| format!("q={}", encoded(name)));
    let query: Vec<_> = name.into_iter().chain(only.then(|| "only=sold_out".to_owned())).collect();
    if query.is_empty() { menu(store) } else { format!("{}?{}", menu(store), query.join("&")) }
}

/// What there is of what is counted.
pub fn stock(store: impl Display) -> String {
    format!("/staff/{store}/stock")
}

/// A store's terms.
pub fn settings(store: impl Display) -> String {
    format!("/staff/{store}/settings")
}

/// How a store's day goes.
pub fn today(store: impl Display) -> String {
    format!("/staff/{store}/today")
}

/// The figures of a store's day, of the API: JSON, or with `.csv` a file.
pub fn figures(store: impl Display) -> String {
    format!("/api/v1/staff/stores/{store}/today")
}

/// The code of the sentence that tells who had a page open that it is not theirs any more.
pub const RIGHT_GONE: &str = "right_gone";

/// A page of the staff's, for who had it open and may not see it any more: its door says why.
pub fn gone(page: &str) -> String {
    format!("{page}?error={RIGHT_GONE}")
}

/// What staff and devices have done at a store.
pub fn audit(store: impl Display) -> String {
    format!("/staff/{store}/audit")
}

/// The screen that shows a kiosk's code.
pub fn kiosk(kiosk: impl Display) -> String {
    format!("/kiosk/{kiosk}")
}

/// Where a kiosk reads pick-up tickets.
pub fn scanner(kiosk: impl Display) -> String {
    format!("/kiosk/{kiosk}/scan")
}

/// Where forms are posted to: the server functions of the same names.
pub mod form {
    pub const LANGUAGE: &str = "/do/language";
    pub const CART_ADD: &str = "/do/cart/add";
    pub const CART_SET: &str = "/do/cart/set";
    pub const CART_SWAP: &str = "/do/cart/swap";
    pub const HOLD: &str = "/do/checkout/hold";
    pub const PLACE: &str = "/do/checkout/place";
    pub const SEND_CODE: &str = "/do/sign-in/code";
    pub const SIGN_IN: &str = "/do/sign-in";
    pub const SIGN_OUT: &str = "/do/sign-out";
    pub const ACCOUNT_EDIT: &str = "/do/account/edit";
    pub const END_SESSION: &str = "/do/account/session";
    pub const TOP_UP: &str = "/do/wallet/top-up";
    pub const DELETE_ACCOUNT: &str = "/do/account/delete";
    pub const SCAN: &str = "/do/scan";
    pub const ORDER_CANCEL: &str = "/do/order/cancel";
    pub const ORDER_AGAIN: &str = "/do/order/again";
    pub const STAFF_SIGN_IN: &str = "/do/staff/sign-in";
    pub const STAFF_SIGN_OUT: &str = "/do/staff/sign-out";
    pub const TICKET: &str = "/do/staff/ticket";
    pub const ITEM: &str = "/do/staff/item";
    pub const OPEN: &str = "/do/staff/open";
    pub const SETTINGS: &str = "/do/staff/settings";
    pub const STOCK: &str = "/do/staff/stock";
    pub const PASSWORD: &str = "/do/staff/password";
    pub const MEMBER_ADD: &str = "/do/staff/member/add";
    pub const MEMBER: &str = "/do/staff/member";
    pub const KIOSK_ADD: &str = "/do/staff/kiosk/add";
    pub const KIOSK: &str = "/do/staff/kiosk";
    pub const TOKEN_ADD: &str = "/do/staff/token/add";
    pub const TOKEN: &str = "/do/staff/token";
    pub const PAIR: &str = "/do/kiosk/pair";
    pub const COLLECT: &str = "/do/kiosk/collect";
}

/// What is said beside a button, by its place on the page: who comes back without scripts is led there.
pub mod notice {
    pub const TOTAL_CHANGED: &str = "total-changed";
    pub const STORE_CLOSED: &str = "store-closed";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_no_longer_see_a_page_is_led_to_their_own_door() {
        let doors = ["/orders/1", "/", "/staff/harbor/queue", "/kiosk/pier-1/scan"].map(door);
        assert_eq!(
            doors.each_ref().map(Option::as_deref),
            [Some("/sign-in?back=/orders/1"), Some("/sign-in?back=/"), Some("/staff"), None]
        );
    }

    #[test]
    fn the_way_back_is_one_value_of_the_query() {
        assert_eq!(sign_in("/s/harbor?a=1&b=#x"), "/sign-in?back=/s/harbor%3Fa%3D1%26b%3D%23x");
        assert_eq!(sign_in_step("/", "code", Some("wrong_code")), "/sign-in?back=/&step=code&error=wrong_code");
        assert_eq!(menu_found("harbor", "a&b", true), "/staff/harbor/menu?q=a%26b&only=sold_out");
        assert_eq!(menu_found("harbor", "", false), "/staff/harbor/menu");
    }
}
