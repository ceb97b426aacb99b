//! Signing in by phone, and what is changed on the account's page.

use backend::{
    identity::{AccountEdit, Client, IdentityError, Phone, phone::InvalidPhone},
    payment::Forfeit,
    refused::Refused as _,
};
use domain::{Locale, SessionId};
use leptos::prelude::*;

use super::{
    super::visit::{PublicUrl, Visit},
    Done, ours, refusal, set_cookie, to,
};
use crate::paths;

/// The phone that a code was sent to, between the two steps: a cookie for the sign-in page alone. A phone number does not
/// belong into an address bar.
pub const PHONE: &str = "orderly_phone";
const PHONE_SECONDS: i64 = 600;

/// Sends a code. Where the number is none, it stays in its field.
#[server(name = SendCode, prefix = "/do", endpoint = "sign-in/code")]
pub async fn send_code(#[server(default)] phone: String, #[server(default)] back: String) -> Done<()> {
    let visit = Visit::here();
    let back = ours(&back);
    let number = Phone::typed(&phone);
    remember(&phone);
    let sent = match &number {
        Ok(number) => visit.backend.identities.send_code(number, &client(), visit.locale).await.map_err(|error| match error {
            IdentityError::RateLimited { seconds, .. } => format!("codes_limited&wait={seconds}"),
            error => refusal(&error).code,
        }),
        Err(InvalidPhone) => Err("invalid_phone".to_owned()),
    };
    match sent {
        Ok(()) => to(&paths::sign_in_step(back, "code", None), ()),
        Err(code) => to(&paths::sign_in_step(back, "phone", Some(&code)), ()),
    }
}

/// Signs in. Afterwards the browser is at `back`.
#[server(name = SignInByPhone, prefix = "/do", endpoint = "sign-in")]
pub async fn sign_in_by_phone(
    #[server(default)] phone: String,
    #[server(default)] code: String,
    #[server(default)] back: String,
) -> Done<()> {
    let visit = Visit::here();
    let back = ours(&back);
    let Ok(number) = Phone::typed(&phone) else { return to(&paths::sign_in_step(back, "phone", Some("invalid_phone")), ()) };
    match visit.backend.identities.sign_in(&visit.caller, &number, &code, &client()).await {
        Ok(issued) => {
            set_cookie(&visit.backend.identities.set_cookie(&issued));
            forget();
            to(back, ())
        }
        Err(error) => {
            let why = match (&error, error.extra().attempts_left) {
                (_, Some(left @ 1..)) => format!("{}&left={left}", error.code()),
                (_, Some(_)) => "code_spent".to_owned(),
                (IdentityError::RateLimited { seconds, .. }, None) => format!("tries_limited&wait={seconds}"),
                _ => refusal(&error).code,
            };
            // Its last try is spent, too: what helps now is a new code.
            let step = if why == "code_spent" { "phone" } else { "code" };
            to(&paths::sign_in_step(back, step, Some(&why)), ())
        }
    }
}

#[server(name = SignOutShopper, prefix = "/do", endpoint = "sign-out")]
pub async fn sign_out_shopper() -> Done<()> {
    let visit = Visit::here();
    match visit.backend.identities.sign_out(&visit.caller).await {
        Ok(()) => {
            set_cookie(&visit.backend.identities.clear_cookie());
            to(paths::HOME, ())
        }
        Err(error) => to(&failed(&refusal(&error).code), ()),
    }
}

/// Changes name and language.
#[server(name = EditAccount, prefix = "/do", endpoint = "account/edit")]
pub async fn edit_account(#[server(default)] name: Option<String>, #[server(default)] language: String) -> Done<()> {
    let visit = Visit::here();
    let language: Option<Locale> = language.parse().ok();
    let edit = AccountEdit { name, language: Some(language) };
    match visit.backend.identities.edit_account(&visit.caller, edit).await {
        Ok(()) => {
            // What was chosen in this browser before no longer stands in the way.
            let (value, seconds) = language.map_or(("", 0), |locale| (locale.tag(), super::language::SECONDS));
            set_cookie(&format!("orderly_lang={value}; Path=/; Max-Age={seconds}; SameSite=Lax{}", secure()));
            to(&format!("{}?saved=1#you", paths::ACCOUNT), ())
        }
        Err(error) => to(&failed(&refusal(&error).code), ()),
    }
}

/// Signs out one browser of the account; `all` signs out every one, this one with them.
#[server(name = EndSession, prefix = "/do", endpoint = "account/session")]
pub async fn end_session(#[server(default)] session: String) -> Done<()> {
    let visit = Visit::here();
    let identities = &visit.backend.identities;
    let (done, own) = match session.parse::<SessionId>() {
        Ok(id) => (identities.end_session(&visit.caller, id).await, visit.caller.session() == Some(id)),
        Err(_) if session == "all" => (identities.sign_out_everywhere(&visit.caller).await, true),
        Err(_) => (Err(IdentityError::NotFound), false),
    };
    match done {
        Ok(()) if own => {
            set_cookie(&identities.clear_cookie());
            to(paths::HOME, ())
        }
        // Somebody was faster: it is over.
        Ok(()) | Err(IdentityError::NotFound) => to(&format!("{}#sessions", paths::ACCOUNT), ()),
        Err(error) => to(&failed(&refusal(&error).code), ()),
    }
}

/// Deletes what is personal in the account, when the box is ticked. `forfeit`: the money that they were told would be lost, in
/// minor units, where that box was there and is ticked, too; where another sum is in the wallet by now, they are told that one.
#[server(name = DeleteAccount, prefix = "/do", endpoint = "account/delete")]
pub async fn delete_account(#[server(default)] sure: String, #[server(default)] forfeit: String) -> Done<()> {
    let visit = Visit::here();
    // Back to where the form was, which stands open with what it was refused for, and with what is in the wallet now.
    let refused = |code: &str| format!("{}?error={code}&form=delete#delete", paths::ACCOUNT);
    if sure != "yes" {
        return to(&refused("not_sure"), ());
    }
    let forfeit = forfeit.parse().map_or(Forfeit::Nothing, Forfeit::Exactly);
    match visit.backend.identities.delete_account(&visit.caller, forfeit).await {
        Ok(()) => {
            set_cookie(&visit.backend.identities.clear_cookie());
            to(&format!("{}?goodbye=1", paths::SIGN_IN), ())
        }
        Err(IdentityError::SignInRequired | IdentityError::SessionRequired) => to(&paths::sign_in(paths::ACCOUNT), ()),
        Err(error) => to(&refused(&refusal(&error).code), ()),
    }
}

fn failed(code: &str) -> String {
    if code == "sign_in_required" { paths::sign_in(paths::ACCOUNT) } else { format!("{}?error={code}", paths::ACCOUNT) }
}

/// From where they sign in.
fn client() -> Client {
    expect_context()
}

fn secure() -> &'static str {
    if use_context::<PublicUrl>().is_some_and(|url| url.0.starts_with("https://")) { "; Secure" } else { "" }
}

fn remember(phone: &str) {
    let kept: String = phone.chars().filter(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '(' | ')' | '.')).take(30).collect();
    set_cookie(&format!("{PHONE}={kept}; Path={}; Max-Age={PHONE_SECONDS}; HttpOnly; SameSite=Lax{}", paths::SIGN_IN, secure()));
}

fn forget() {
    set_cookie(&format!("{PHONE}=; Path={}; Max-Age=0; HttpOnly; SameSite=Lax{}", paths::SIGN_IN, secure()));
}
