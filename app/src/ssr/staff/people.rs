//! The people, screens and tokens of a store, on its settings page.

use backend::{identity::IdentityError, stores::StoreRow};
use domain::{
    Locale, UserId,
    view::{KioskView, MemberView, Role, TokenView},
};
use leptos::prelude::*;

use super::{
    super::{
        actions::people::{Told, told},
        visit::{PublicUrl, Visit},
    },
    role_name,
};
use crate::{paths, pieces::icon, words as w};

const ROLES: [Role; 3] = [Role::Barista, Role::Warehouse, Role::Manager];

/// All three parts, and above them what was just made.
pub async fn sections(visit: &Visit, row: &StoreRow, done: bool) -> Result<AnyView, IdentityError> {
    let identities = &visit.backend.identities;
    let members = identities.members(&visit.caller, &row.id).await?;
    let kiosks = identities.kiosks(&visit.caller, &row.id).await?;
    let tokens = identities.store_tokens(&visit.caller, &row.id).await?;
    let (store, locale, own) = (row.id.as_str(), visit.locale, visit.caller.user());
    let notice = told().and_then(|told| secret(&told, &members, locale)).or_else(|| done.then(|| finished(locale)));
    let view = view! {
        <div id="made" class="made">{notice}</div>
        {people(store, &members, own, locale)}
        {screens(store, &kiosks, locale)}
        {programs(store, &tokens, locale)}
    };
    Ok(view.into_any())
}

fn finished(locale: Locale) -> AnyView {
    view! { <div class="notice" data-tone="go" role="status">{icon("check")}<p class="notice__title">{w::people::done(locale)}</p></div> }
        .into_any()
}

/// What was just made, this once.
fn secret(told: &Told, members: &[MemberView], locale: Locale) -> Option<AnyView> {
    let (title, text) = match &*told.kind {
        "member" => {
            let member = members.iter().find(|member| member.id.to_string() == told.id)?;
            (w::people::told_member(locale, &member.name), w::people::told_member_text(locale).to_owned())
        }
        "kiosk" => {
            let origin = use_context::<PublicUrl>().map_or_else(String::new, |url| url.0.to_string());
            let page = format!("{origin}{}", paths::kiosk(&told.id));
            (w::people::told_kiosk(locale, &told.id), w::people::told_kiosk_text(locale, page))
        }
        _ => (w::people::told_token(locale, told.id.get(..8).unwrap_or_default()), w::people::told_token_text(locale).to_owned()),
    };
    // Copied by hand from a tablet to a phone: in groups that are easy to keep in mind.
    let shown = if told.kind == "token" { told.secret.clone() } else { format!("{}-{}", told.secret.get(..4)?, told.secret.get(4..)?) };
    Some(
        view! {
            <div class="notice" data-tone="go" role="status">
                {icon("check")}
                <p class="notice__title">{title}</p>
                <p><code class="secret" data-testid="secret">{shown}</code></p>
                <p>{text}</p>
            </div>
        }
        .into_any(),
    )
}

fn people(store: &str, members: &[MemberView], own: Option<UserId>, locale: Locale) -> AnyView {
    let rows = members.iter().map(|member| person(store, member, own == Some(member.id), locale)).collect_view();
    let roles = ROLES.map(|role| view! { <option value=role.as_str()>{role_name(role, locale)}</option> }).collect_view();
    view! {
        <section class="panel" id="people" aria-labelledby="people-title">
            <h2 id="people-title">{w::people::title(locale)}</h2>
            <p class="soft">{w::people::lead(locale)}</p>
            <ul class="stock-list" data-testid="members">{rows}</ul>
            <details class="fold">
                <summary>{w::people::add(locale)}</summary>
                <form class="stack" method="post" action=paths::form::MEMBER_ADD data-testid="add-member">
                    <input type="hidden" name="store" value=store.to_owned()/>
                    <div class="field">
                        <label for="member-name">{w::people::name(locale)}</label>
                        <input class="input" id="member-name" name="name" required=true maxlength="60" autocomplete="off" aria-describedby="member-hint"/>
                        <p class="field__hint" id="member-hint">{w::people::name_hint(locale)}</p>
                    </div>
                    <div class="field"><label for="member-role">{w::people::role(locale)}</label><select class="input" id="member-role" name="role">{roles}</select></div>
                    <div class="row"><button class="button button--tall">{w::people::add_go(locale)}</button></div>
                </form>
            </details>
        </section>
    }
    .into_any()
}

/// A button of a row, with the row's name for who does not see the row.
fn press(act: &'static str, class: &'static str, word: &'static str, name: &str, locale: Locale) -> AnyView {
    let name = format!("{}{name}", w::menu::colon(locale));
    view! { <button class=class name="act" value=act>{word}<span class="sr-only">{name}</span></button> }.into_any()
}

fn person(store: &str, member: &MemberView, own: bool, locale: Locale) -> AnyView {
    let roles = member.roles.iter().map(|role| role_name(*role, locale)).collect::<Vec<_>>().join(w::staff::roles_and(locale));
    let state = match (own, member.has_password, member.code_until) {
        (true, ..) => w::people::you(locale),
        (_, true, _) => w::people::has_password(locale),
        (_, _, Some(_)) => w::people::code_open(locale),
        (_, _, None) => w::people::nothing(locale),
    };
    let name = member.name.clone();
    let hidden = || {
        view! { <input type="hidden" name="store" value=store.to_owned()/><input type="hidden" name="user" value=member.id.to_string()/> }
    };
    let ticks = ROLES
        .map(|role| {
            view! {
                <label class="tick"><input type="checkbox" name=role.as_str() value="yes" checked=member.roles.contains(&role)/><span>{role_name(role, locale)}</span></label>
            }
        })
        .collect_view();
    // One's own roles are for another manager to change.
    let forms = (!own).then(|| {
        view! {
            <form class="stack" method="post" action=paths::form::MEMBER>
                {hidden()}
                <fieldset class="choice"><legend>{w::people::roles(locale)}</legend><div class="row">{ticks}</div></fieldset>
                <div class="row">{press("roles", "button button--quiet", w::people::save_roles(locale), &name, locale)}</div>
            </form>
            <form class="row" method="post" action=paths::form::MEMBER>
                {hidden()}
                {press("code", "button button--quiet", w::people::new_code(locale), &name, locale)}
                {press("remove", "button button--danger", w::people::remove(locale), &name, locale)}
            </form>
        }
    });
    let head =
        view! { <span class="stock-row__name">{member.name.clone()}<small>{roles}</small></span><small class="soft">{state}</small> };
    match forms {
        Some(forms) => view! {
            <li class="count" data-testid="member"><details><summary class="count__head">{head}</summary><div class="stack member">{forms}</div></details></li>
        }
        .into_any(),
        None => view! { <li class="count" data-testid="member"><p class="count__head">{head}</p></li> }.into_any(),
    }
}

fn screens(store: &str, kiosks: &[KioskView], locale: Locale) -> AnyView {
    let rows = kiosks.iter().map(|kiosk| screen(store, kiosk, locale)).collect_view();
    let list = if kiosks.is_empty() {
        view! { <p class="soft">{w::people::no_screens(locale)}</p> }.into_any()
    } else {
        view! { <ul class="stock-list" data-testid="screens">{rows}</ul> }.into_any()
    };
    view! {
        <section class="panel" id="screens" aria-labelledby="screens-title">
            <h2 id="screens-title">{w::people::screens(locale)}</h2>
            <p class="soft">{w::people::screens_lead(locale)}</p>
            {list}
            <details class="fold">
                <summary>{w::people::add_screen(locale)}</summary>
                <form class="stack" method="post" action=paths::form::KIOSK_ADD data-testid="add-screen">
                    <input type="hidden" name="store" value=store.to_owned()/>
                    <div class="field">
                        <label for="screen-id">{w::people::screen_id(locale)}</label>
                        <input class="input" id="screen-id" name="kiosk" required=true maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false"
                            aria-describedby="screen-hint"/>
                        <p class="field__hint" id="screen-hint">{w::people::screen_id_hint(locale)}</p>
                    </div>
                    <div class="row"><button class="button button--tall">{w::people::add_screen_go(locale)}</button></div>
                </form>
            </details>
        </section>
    }
    .into_any()
}

fn screen(store: &str, kiosk: &KioskView, locale: Locale) -> AnyView {
    let id = kiosk.id.to_string();
    let name = id.clone();
    let state = match (kiosk.devices.len() as i64, kiosk.pairing_until) {
        (0, Some(_)) => w::people::pairing_open(locale).to_owned(),
        (0, None) => w::people::unpaired(locale).to_owned(),
        (count, _) => w::people::paired(locale, count),
    };
    let devices = kiosk.devices.iter().map(|device| token(store, device, w::people::unpair(locale), locale)).collect_view();
    view! {
        <li class="count" data-testid="screen">
            <details>
                <summary class="count__head"><span class="stock-row__name">{id.clone()}<small>{state}</small></span></summary>
                <div class="stack member">
                    <ul class="stock-list">{devices}</ul>
                    <form class="row" method="post" action=paths::form::KIOSK>
                        <input type="hidden" name="store" value=store.to_owned()/>
                        <input type="hidden" name="kiosk" value=id.clone()/>
                        {press("pair", "button button--quiet", w::people::pair(locale), &id, locale)}
                        {press("revoke", "button button--danger", w::people::revoke_screen(locale), &id, locale)}
                        <a class="button button--plain" href=paths::kiosk(&id)>{w::people::open_screen(locale)}<span class="sr-only">{w::menu::colon(locale)}{name}</span></a>
                    </form>
                </div>
            </details>
        </li>
    }
    .into_any()
}

fn programs(store: &str, tokens: &[TokenView], locale: Locale) -> AnyView {
    // A screen's token stands with its screen.
    let own: Vec<_> = tokens.iter().filter(|token| token.kiosk.is_none()).collect();
    let list = if own.is_empty() {
        view! { <p class="soft">{w::people::no_tokens(locale)}</p> }.into_any()
    } else {
        let rows = own.into_iter().map(|each| token(store, each, w::people::revoke_token(locale), locale)).collect_view();
        view! { <ul class="stock-list" data-testid="tokens">{rows}</ul> }.into_any()
    };
    let roles = ROLES.map(|role| view! { <option value=role.as_str()>{role_name(role, locale)}</option> }).collect_view();
    view! {
        <section class="panel" id="tokens" aria-labelledby="tokens-title">
            <h2 id="tokens-title">{w::people::tokens(locale)}</h2>
            <p class="soft">{w::people::tokens_lead(locale)}</p>
            {list}
            <details class="fold">
                <summary>{w::people::add_token(locale)}</summary>
                <form class="stack" method="post" action=paths::form::TOKEN_ADD data-testid="add-token">
                    <input type="hidden" name="store" value=store.to_owned()/>
                    <div class="field">
                        <label for="token-name">{w::people::token_name(locale)}</label>
                        <input class="input" id="token-name" name="name" required=true maxlength="60" autocomplete="off"/>
                    </div>
                    <div class="field"><label for="token-role">{w::people::role(locale)}</label><select class="input" id="token-role" name="role">{roles}</select></div>
                    <div class="row"><button class="button button--tall">{w::people::add_token_go(locale)}</button></div>
                </form>
            </details>
        </section>
    }
    .into_any()
}

fn token(store: &str, token: &TokenView, word: &'static str, locale: Locale) -> AnyView {
    let note = token.kiosk.is_none().then(|| role_name(token.role, locale));
    let name = token.name.clone();
    view! {
        <li class="stock-row" data-testid="token">
            <p class="stock-row__name">{name.clone()}{note.map(|note| view! { <small>{note}</small> })}</p>
            <form method="post" action=paths::form::TOKEN>
                <input type="hidden" name="store" value=store.to_owned()/>
                <button class="button button--danger" name="token" value=token.id.to_string()>{word}<span class="sr-only">{w::menu::colon(locale)}{name}</span></button>
            </form>
        </li>
    }
    .into_any()
}
