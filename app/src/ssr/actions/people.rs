//! Passwords, the people of a store, its screens and tokens.
//!
//! A code or token that was just made is told on the next page, once: it travels there in a cookie for that page alone, and
//! neither in an address nor in a table.

use backend::{
    identity::{Client, IdentityError, NewToken},
    refused::Refused as _,
};
use domain::{KioskId, StoreId, TokenId, UserId, view::Role};
use leptos::prelude::*;

use super::{
    super::{
        staff::password_field,
        visit::{PublicUrl, Visit, cookie},
    },
    Done, refusal, set_cookie, to,
    typed::Typed,
};
use crate::paths;

/// The cookie that carries it.
const TOLD: &str = "orderly_told";
const TOLD_SECONDS: i64 = 120;

/// What was just made: told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `member`, `kiosk` or `token`.
    pub kind: String,
    /// Whose it is.
    pub id: String,
    pub secret: String,
}

/// What is to be told on this page, which is forgotten by it.
pub fn told() -> Option<Told> {
    let value = cookie(TOLD)?;
    set_cookie(&format!("{TOLD}=; Path={}; Max-Age=0; HttpOnly; SameSite=Strict{}", paths::STAFF, secure()));
    let mut parts = value.splitn(3, ':');
    let mut next = || parts.next().map(str::to_owned);
    Some(Told { kind: next()?, id: next()?, secret: next()? })
}

fn tell(kind: &str, id: impl std::fmt::Display, secret: &str) {
    let path = paths::STAFF;
    set_cookie(&format!("{TOLD}={kind}:{id}:{secret}; Path={path}; Max-Age={TOLD_SECONDS}; HttpOnly; SameSite=Strict{}", secure()));
}

pub(super) fn secure() -> &'static str {
    if use_context::<PublicUrl>().is_some_and(|url| url.0.starts_with("https://")) { "; Secure" } else { "" }
}

/// Back to the settings, where it is told what was done.
fn back(store: &str, done: Result<(), IdentityError>) -> Done<()> {
    let page = paths::settings(store);
    match done {
        Ok(()) => to(&format!("{page}?done=1#made"), ()),
        Err(error) => to(&format!("{page}?error={}#problem", refusal(&error).code), ()),
    }
}

/// The same for a form that makes something: refused, it comes back as it was typed, with the field that is wrong.
fn back_to(store: &str, form: &str, typed: &[(&str, &str)], done: Result<(), IdentityError>) -> Done<()> {
    let Err(error) = done else { return back(store, Ok(())) };
    Typed::new(form, typed.iter().copied()).leave();
    let refusal = refusal(&error);
    let field = match refusal.faults.first() {
        // A screen's id is its name here.
        Some(fault) if fault.pointer == "/id" => "kiosk".to_owned(),
        Some(fault) => fault.pointer.trim_start_matches('/').to_owned(),
        None if matches!(error, IdentityError::KioskExists) => "kiosk".to_owned(),
        None => return back(store, Err(error)),
    };
    to(&format!("{}?error={}&form={form}&field={field}#add-{form}", paths::settings(store), refusal.code), ())
}

fn at(store: &str) -> Result<StoreId, IdentityError> {
    store.parse().map_err(|_| IdentityError::NotFound)
}

/// Chooses one's own password.
#[server(name = ChoosePassword, prefix = "/do", endpoint = "staff/password")]
pub async fn choose_password(
    #[server(default)] current: String,
    #[server(default)] password: String,
    #[server(default)] again: String,
) -> Done<()> {
    let visit = Visit::here();
    if password != again {
        return to(&format!("{}?error=password_twice#password", paths::STAFF), ());
    }
    let current = (!current.is_empty()).then_some(current);
    match visit.backend.identities.set_password(&visit.caller, current, password).await {
        Ok(()) => to(&format!("{}?saved=1", paths::STAFF), ()),
        Err(error) if error.status() == 401 && error.code() == "sign_in_required" => to(paths::STAFF, ()),
        Err(error) => {
            let code = refusal(&error).code;
            // What is about none of its fields is said above it.
            let place = if password_field(&code, true).is_some() { "#password" } else { "" };
            to(&format!("{}?error={code}{place}", paths::STAFF), ())
        }
    }
}

/// Adds somebody to the staff of a store.
#[server(name = AddMember, prefix = "/do", endpoint = "staff/member/add")]
pub async fn add_member(#[server(default)] store: String, #[server(default)] name: String, #[server(default)] role: String) -> Done<()> {
    let visit = Visit::here();
    let added = async {
        let role: Role = role.parse().map_err(|_| IdentityError::NotStaff)?;
        let added = visit.backend.identities.add_member(&visit.caller, at(&store)?, name.clone(), role).await?;
        tell("member", added.person.id, added.code.expose());
        Ok(())
    };
    let added = added.await;
    back_to(&store, "member", &[("name", &name), ("role", &role)], added)
}

/// Changes what somebody of the staff is: `code` makes a new one-time code, `roles` sets the ticked roles, `remove` takes all.
/// `was`: the roles that the form showed, with commas between them; where somebody else has changed them meanwhile, none is set.
#[server(name = ChangeMember, prefix = "/do", endpoint = "staff/member")]
pub async fn change_member(
    #[server(default)] store: String,
    #[server(default)] user: String,
    #[server(default)] act: String,
    #[server(default)] barista: String,
    #[server(default)] warehouse: String,
    #[server(default)] manager: String,
    #[server(default)] was: String,
) -> Done<()> {
    let visit = Visit::here();
    let (identities, caller) = (&visit.backend.identities, &visit.caller);
    let changed = async {
        let (at, user): (StoreId, UserId) = (at(&store)?, user.parse().map_err(|_| IdentityError::NotFound)?);
        match &*act {
            "code" => {
                let invited = identities.invite_again(caller, &at, user).await?;
                tell("member", user, invited.code.expose());
            }
            "roles" => {
                let ticked = [(barista, Role::Barista), (warehouse, Role::Warehouse), (manager, Role::Manager)];
                let roles: Vec<_> = ticked.into_iter().filter(|(ticked, _)| !ticked.is_empty()).map(|(_, role)| role).collect();
                // Nobody is taken off the staff by a box that was missed.
                if roles.is_empty() {
                    return Ok(false);
                }
                identities.set_roles_seen(caller, &at, user, seen(&was)?, roles).await?;
            }
            "remove" => identities.set_roles(caller, &at, user, Vec::new()).await?,
            _ => return Err(IdentityError::NotFound),
        }
        Ok::<_, IdentityError>(true)
    };
    // Said with the person, at the roles that they have now.
    let at_roles = |code: &str| to(&format!("{}?error={code}&form=roles&field={user}#roles-{user}", paths::settings(&store)), ());
    match changed.await {
        Ok(false) => at_roles("no_role"),
        Err(error @ IdentityError::RolesChanged) => at_roles(error.code()),
        done => back(&store, done.map(drop)),
    }
}

/// The roles that a form showed; whoever is shown has one. `None`: the form did not say.
fn seen(was: &str) -> Result<Option<Vec<Role>>, IdentityError> {
    if was.is_empty() {
        return Ok(None);
    }
    let roles = was.split(',').map(|role| role.parse::<Role>().map_err(|_| IdentityError::NotStaff));
    roles.collect::<Result<Vec<_>, _>>().map(Some)
}

/// Adds a screen to a store.
#[server(name = AddKiosk, prefix = "/do", endpoint = "staff/kiosk/add")]
pub async fn add_kiosk(#[server(default)] store: String, #[server(default)] kiosk: String) -> Done<()> {
    let visit = Visit::here();
    let added = async {
        let added = visit.backend.identities.add_kiosk(&visit.caller, &at(&store)?, &kiosk).await?;
        tell("kiosk", added.kiosk, added.code.expose());
        Ok(())
    };
    let added = added.await;
    back_to(&store, "screen", &[("kiosk", &kiosk)], added)
}

/// `pair` makes a new pairing code for a screen, `revoke` takes it out of service.
#[server(name = ChangeKiosk, prefix = "/do", endpoint = "staff/kiosk")]
pub async fn change_kiosk(#[server(default)] store: String, #[server(default)] kiosk: String, #[server(default)] act: String) -> Done<()> {
    let visit = Visit::here();
    let changed = async {
        let (at, kiosk): (StoreId, KioskId) = (at(&store)?, kiosk.parse().map_err(|_| IdentityError::NotFound)?);
        match &*act {
            "pair" => {
                let pairing = visit.backend.identities.pairing_code(&visit.caller, &at, kiosk).await?;
                tell("kiosk", pairing.kiosk, pairing.code.expose());
                Ok(())
            }
            "revoke" => visit.backend.identities.revoke_kiosk(&visit.caller, &at, kiosk).await,
            _ => Err(IdentityError::NotFound),
        }
    };
    back(&store, changed.await)
}

/// Makes a token for a store.
#[server(name = AddToken, prefix = "/do", endpoint = "staff/token/add")]
pub async fn add_token(#[server(default)] store: String, #[server(default)] name: String, #[server(default)] role: String) -> Done<()> {
    let visit = Visit::here();
    let made = async {
        let role: Role = role.parse().map_err(|_| IdentityError::NotStaff)?;
        let new = NewToken { role, store: Some(at(&store)?), merchant: None, kiosk: None, name: name.clone() };
        let (id, token) = visit.backend.identities.issue_store_token(&visit.caller, new).await?;
        tell("token", id, token.expose());
        Ok(())
    };
    let made = made.await;
    back_to(&store, "token", &[("name", &name), ("role", &role)], made)
}

/// Makes a token of a store worthless.
#[server(name = RevokeToken, prefix = "/do", endpoint = "staff/token")]
pub async fn revoke_token(#[server(default)] store: String, #[server(default)] token: String) -> Done<()> {
    let visit = Visit::here();
    let revoked = async {
        let token: TokenId = token.parse().map_err(|_| IdentityError::NotFound)?;
        visit.backend.identities.revoke_store_token(&visit.caller, &at(&store)?, token).await
    };
    back(&store, revoked.await)
}

/// Makes this browser the screen that the code is for; `page`: `scan` where it is to be that kiosk's scanner.
#[server(name = PairKiosk, prefix = "/do", endpoint = "kiosk/pair")]
pub async fn pair_kiosk(#[server(default)] code: String, #[server(default)] kiosk: String, #[server(default)] page: String) -> Done<()> {
    let visit = Visit::here();
    let address = |kiosk: &str| if page == "scan" { paths::scanner(kiosk) } else { paths::kiosk(kiosk) };
    match visit.backend.identities.pair(&code, &expect_context::<Client>()).await {
        Ok((paired, header)) => {
            set_cookie(&header);
            to(&address(paired.as_str()), ())
        }
        Err(error) => to(&format!("{}?error={}", address(&kiosk), refusal(&error).code), ()),
    }
}
