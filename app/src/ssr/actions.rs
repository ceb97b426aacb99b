//! What forms do. Each finds out who asks, calls one façade, and goes on to a page; a refusal goes back to where the form
//! was, with its code. Scripts that ask for JSON get the same as a value.

mod cart;
pub mod checkout;
mod collect;
pub mod draft;
mod held;
mod language;
mod once;
pub mod order;
pub mod people;
mod scan;
pub mod session;
mod staff;
pub mod store;
pub mod typed;
mod wallet;

use std::num::{IntErrorKind, ParseIntError};

use backend::refused::Refused;
use http::{HeaderValue, header};
use leptos::{prelude::*, server_fn::error::ServerFnError};
use leptos_axum::ResponseOptions;

use domain::Locale;

use crate::{wire::Refusal, words};

/// What every form answers: where to go next, and the same for a script.
pub type Done<T> = Result<T, ServerFnError>;

/// Goes on to `page`, one of ours. A `Result` because that is what every form answers, as its last word.
#[expect(clippy::unnecessary_wraps, reason = "the forms end in it")]
fn to<T>(page: &str, value: T) -> Done<T> {
    leptos_axum::redirect(ours(page));
    Ok(value)
}

/// Whether the answer is a page that is shown next, and not a value for a script.
fn is_for_a_page() -> bool {
    let parts = use_context::<http::request::Parts>();
    let accepted = parts.as_ref().and_then(|parts| parts.headers.get(header::ACCEPT)?.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// A page of ours: a path and nothing that could lead elsewhere or break the header.
pub fn ours(page: &str) -> &str {
    let path = page.starts_with('/') && !page.starts_with("//") && !page.contains('\\');
    if path && page.bytes().all(|byte| byte.is_ascii_graphic()) { page } else { "/" }
}

pub fn set_cookie(value: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
        response.append_header(header::SET_COOKIE, value);
    }
}

/// A refusal as the page says it: the first fault where the request itself is wrong.
fn refusal(error: &impl Refused) -> Refusal {
    if error.status() >= 500 && error.code() != "store_at_capacity" {
        tracing::error!(%error, "a form failed");
    }
    let faults = error.faults();
    let code = match (error.sentence(), faults.first()) {
        ("invalid_request", Some(fault)) if fault.code == "unavailable" => "item_unavailable",
        ("invalid_request", Some(fault)) => &fault.code,
        (code, _) => code,
    };
    Refusal { code: code.to_owned(), faults: faults.clone() }
}

impl Refusal {
    /// The same with the sentences of its faults in a language: a program that posts a form reads them, too.
    fn said(mut self, locale: Locale) -> Self {
        for fault in &mut self.faults {
            let terms = std::mem::take(&mut *fault.terms);
            if let Some(there) = terms.there {
                fault.detail = words::cart_takes(there, locale);
            } else if let Some(sentence) = words::problem::by_name(&fault.code, locale) {
                sentence.clone_into(&mut fault.detail);
            }
        }
        self
    }
}

/// A number as somebody typed it; what is none is out of every range, and so is what is too large.
fn number(typed: &str) -> i64 {
    typed.trim().parse().unwrap_or_else(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => i64::MAX,
        _ => i64::MIN,
    })
}

#[cfg(test)]
mod tests {
    use leptos::server_fn::ServerFn;

    use super::{super::actions, *};
    use crate::paths::form;

    #[test]
    fn forms_are_posted_where_they_are_taken() {
        for (here, there) in [
            (actions::language::SetLanguage::PATH, form::LANGUAGE),
            (actions::cart::AddToCart::PATH, form::CART_ADD),
            (actions::cart::SetQuantity::PATH, form::CART_SET),
            (actions::cart::SwapLine::PATH, form::CART_SWAP),
            (actions::checkout::Hold::PATH, form::HOLD),
            (actions::checkout::Place::PATH, form::PLACE),
            (actions::session::SendCode::PATH, form::SEND_CODE),
            (actions::session::SignInByPhone::PATH, form::SIGN_IN),
            (actions::session::SignOutShopper::PATH, form::SIGN_OUT),
            (actions::session::EditAccount::PATH, form::ACCOUNT_EDIT),
            (actions::session::EndSession::PATH, form::END_SESSION),
            (actions::session::DeleteAccount::PATH, form::DELETE_ACCOUNT),
            (actions::wallet::TopUp::PATH, form::TOP_UP),
            (actions::order::CancelOrder::PATH, form::ORDER_CANCEL),
            (actions::order::OrderAgain::PATH, form::ORDER_AGAIN),
            (actions::staff::SignIn::PATH, form::STAFF_SIGN_IN),
            (actions::staff::SignOut::PATH, form::STAFF_SIGN_OUT),
            (actions::staff::MoveTicket::PATH, form::TICKET),
            (actions::staff::SwitchItem::PATH, form::ITEM),
            (actions::staff::OpenStore::PATH, form::OPEN),
            (actions::store::SetSettings::PATH, form::SETTINGS),
            (actions::store::AdjustStock::PATH, form::STOCK),
            (actions::people::ChoosePassword::PATH, form::PASSWORD),
            (actions::people::AddMember::PATH, form::MEMBER_ADD),
            (actions::people::ChangeMember::PATH, form::MEMBER),
            (actions::people::AddKiosk::PATH, form::KIOSK_ADD),
            (actions::people::ChangeKiosk::PATH, form::KIOSK),
            (actions::people::AddToken::PATH, form::TOKEN_ADD),
            (actions::people::RevokeToken::PATH, form::TOKEN),
            (actions::people::PairKiosk::PATH, form::PAIR),
            (actions::collect::CollectTicket::PATH, form::COLLECT),
        ] {
            assert_eq!(here, there);
        }
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        assert_eq!(ours("/s/harbor?error=no_lines"), "/s/harbor?error=no_lines");
        for bad in ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a b", "/a\r\nset-cookie: x"] {
            assert_eq!(ours(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn faults_speak_the_language_of_the_page() {
        let fault = |code: &str| Refusal { code: code.to_owned(), faults: vec![domain::Fault::new("/quantity", code, "Choose 1 to 99.")] };
        assert_eq!(fault("quantity_out_of_range").said(Locale::ZhCn).faults[0].detail, "请选 1 到 99。");
        assert_eq!(fault("no_such_code").said(Locale::ZhCn).faults[0].detail, "Choose 1 to 99.");
    }

    #[test]
    fn what_is_no_number_is_out_of_range() {
        assert_eq!([" 2 ", "9223372036854775808", "", "two"].map(number), [2, i64::MAX, i64::MIN, i64::MIN]);
    }
}
