//! The people, screens and tokens of a store, on its settings page.

use backend::{identity::IdentityError, stores::StoreRow};
use domain::{
    Locale, StoreId, Timestamp, UserId,
    view::{KioskView, MemberView, Role, TokenView},
};
use leptos::prelude::*;

use super::{
    super::{
        actions::people::{Told, told},
        actions::typed::Typed,
        visit::{PublicUrl, Visit, query},
    },
    role_name,
};
use crate::{
    islands::{ScreenPresence, screen_name},
    paths,
    pieces::icon,
    wire, words as w,
};

const ROLES: [Role; 3] = [Role::Barista, Role::Warehouse, Role::Manager];

/// All three parts, and above them what was just made.
/// It comes with the mark of what is shown: what tells whether somebody else has changed it since.
pub async fn sections(
    visit: &Visit,
    row: &StoreRow,
    done: bool,
    typed: Option<&Typed>,
    problem: Option<&Problem>,
) -> Result<(AnyView, String), IdentityError> {
    let identities = &visit.backend.identities;
    let members = identities.members(&visit.caller, &row.id).await?;
    let kiosks = identities.kiosks(&visit.caller, &row.id).await?;
    let tokens = identities.store_tokens(&visit.caller, &row.id).await?;
    let (store, locale, own) = (row.id.as_str(), visit.locale, visit.caller.user());
    let mark = wire::people_mark(&members, &kiosks, &tokens);
    let notice = told().and_then(|told| secret(&told, &members, &tokens, locale)).or_else(|| done.then(|| finished(locale)));
    let view = view! {
        <div id="made" class="made">{notice}</div>
        {people(&Part { store, form: "member", typed, problem, locale }, &members, own)}
        {screens(&Part { store, form: "screen", typed, problem, locale }, &row.id, &kiosks, visit.now)}
        {programs(&Part { store, form: "token", typed, problem, locale }, &tokens)}
    };
    Ok((view.into_any(), mark))
}

/// What a form that makes something was refused for, and at which field.
#[derive(Debug)]
pub struct Problem {
    form: String,
    field: String,
    error: String,
}

impl Problem {
    /// As the page's address names it.
    pub fn of(error: Option<String>) -> Option<Self> {
        Some(Self { form: query("form")?, field: query("field")?, error: error? })
    }
}

/// One of the parts: people, screens, tokens.
struct Part<'a> {
    store: &'a str,
    /// The form that makes one more.
    form: &'static str,
    typed: Option<&'a Typed>,
    problem: Option<&'a Problem>,
    locale: Locale,
}

impl Part<'_> {
    /// The form has come back, so it stands open.
    fn is_open(&self) -> bool {
        self.problem.is_some_and(|problem| problem.form == self.form)
    }

    fn value(&self, field: &str) -> Option<String> {
        Typed::value(self.typed, self.form, field)
    }

    /// What is wrong with a field, beside it; for `aria-invalid` whether it is, for `aria-describedby` where that is said.
    fn fault(&self, field: &str, hint: Option<&'static str>) -> (Option<AnyView>, Option<&'static str>, Option<String>) {
        let Some(problem) = self.problem.filter(|problem| problem.form == self.form && problem.field == field) else {
            return (None, None, hint.map(str::to_owned));
        };
        let id = format!("{}-{field}-error", self.form);
        let described = hint.map_or_else(|| id.clone(), |hint| format!("{id} {hint}"));
        let sentence = w::refusal(&problem.error, self.locale);
        let said = view! { <p class="field-error" id=id role="alert">{icon("alert")}{sentence}</p> }.into_any();
        (Some(said), Some("true"), Some(described))
    }

    fn roles(&self) -> AnyView {
        let typed = self.value("role");
        ROLES
            .map(|role| {
                let chosen = typed.as_deref() == Some(role.as_str());
                view! { <option value=role.as_str() selected=chosen>{role_name(role, self.locale)}</option> }
            })
            .collect_view()
            .into_any()
    }
}

/// A button that takes something away: the first press asks, the second does it. `field` and `value` are what it sends.
struct Sure<'a> {
    word: &'static str,
    question: String,
    yes: &'static str,
    field: &'static str,
    value: String,
    /// The row's name, for who does not see the row.
    name: &'a str,
}

fn sure(Sure { word, question, yes, field, value, name }: Sure<'_>, locale: Locale) -> AnyView {
    let name = format!("{}{name}", w::menu::colon(locale));
    view! {
        <details class="sure" data-testid="sure">
            <summary class="button button--danger">
                <span class="sure__ask">{word}</span><span class="sure__keep">{w::people::cancel(locale)}</span><span class="sr-only">{name.clone()}</span>
            </summary>
            <div class="sure__box">
                <p>{question}</p>
                <button class="button button--stop" name=field value=value>{yes}<span class="sr-only">{name}</span></button>
            </div>
        </details>
    }
    .into_any()
}

fn finished(locale: Locale) -> AnyView {
    view! { <div class="notice" data-tone="go" role="status">{icon("check")}<p class="notice__title">{w::people::done(locale)}</p></div> }
        .into_any()
}

/// What was just made, this once.
fn secret(told: &Told, members: &[MemberView], tokens: &[TokenView], locale: Locale) -> Option<AnyView> {
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
        _ => {
            let token = tokens.iter().find(|token| token.id.to_string() == told.id)?;
            (w::people::told_token(locale, &token.name), w::people::told_token_text(locale).to_owned())
        }
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

fn people(part: &Part<'_>, members: &[MemberView], own: Option<UserId>) -> AnyView {
    let Part { store, locale, .. } = *part;
    let (fault, wrong, described) = part.fault("name", Some("member-hint"));
    let (role_fault, role_wrong, role_described) = part.fault("role", None);
    let rows = members.iter().map(|member| person(store, member, own == Some(member.id), locale)).collect_view();
    view! {
        <section class="panel" id="people" aria-labelledby="people-title">
            <h2 id="people-title">{w::people::title(locale)}</h2>
            <p class="soft">{w::people::lead(locale)}</p>
            <ul class="stock-list" data-testid="members">{rows}</ul>
            <details class="fold" id="add-member" open=part.is_open()>
                <summary>{w::people::add(locale)}</summary>
                <form class="stack" method="post" action=paths::form::MEMBER_ADD data-testid="add-member">
                    <input type="hidden" name="store" value=store.to_owned()/>
                    <div class="field">
                        <label for="member-name">{w::people::name(locale)}</label>
                        <input class="input" id="member-name" name="name" required=true maxlength="60" autocomplete="off" value=part.value("name")
                            aria-describedby=described aria-invalid=wrong/>
                        {fault}
                        <p class="field__hint" id="member-hint">{w::people::name_hint(locale)}</p>
                    </div>
                    <div class="field">
                        <label for="member-role">{w::people::role(locale)}</label>
                        <select class="input" id="member-role" name="role" aria-describedby=role_described aria-invalid=role_wrong>{part.roles()}</select>
                        {role_fault}
                    </div>
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
                {sure(
                    Sure {
                        word: w::people::remove(locale),
                        question: w::people::remove_sure(locale, &name),
                        yes: w::people::remove_go(locale),
                        field: "act",
                        value: "remove".to_owned(),
                        name: &name,
                    },
                    locale,
                )}
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

fn screens(part: &Part<'_>, at: &StoreId, kiosks: &[KioskView], now: Timestamp) -> AnyView {
    let Part { store, locale, .. } = *part;
    let (fault, wrong, described) = part.fault("kiosk", Some("screen-hint"));
    let rows = kiosks.iter().map(|kiosk| screen(at, kiosk, now, locale)).collect_view();
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
            <details class="fold" id="add-screen" open=part.is_open()>
                <summary>{w::people::add_screen(locale)}</summary>
                <form class="stack" method="post" action=paths::form::KIOSK_ADD data-testid="add-screen">
                    <input type="hidden" name="store" value=store.to_owned()/>
                    <div class="field">
                        <label for="screen-id">{w::people::screen_id(locale)}</label>
                        <input class="input" id="screen-id" name="kiosk" required=true maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false"
                            value=part.value("kiosk") aria-describedby=described aria-invalid=wrong/>
                        {fault}
                        <p class="field__hint" id="screen-hint">{w::people::screen_id_hint(locale)}</p>
                    </div>
                    <div class="row"><button class="button button--tall">{w::people::add_screen_go(locale)}</button></div>
                </form>
            </details>
        </section>
    }
    .into_any()
}

fn screen(at: &StoreId, kiosk: &KioskView, now: Timestamp, locale: Locale) -> AnyView {
    let (store, id) = (at.as_str(), kiosk.id.to_string());
    let name = id.clone();
    let presence = view! { <ScreenPresence store=at.clone() kiosk=kiosk.id.clone() devices=kiosk.devices.clone() now locale/> };
    let state = match (kiosk.devices.len() as i64, kiosk.pairing_until) {
        (0, Some(_)) => w::people::pairing_open(locale).to_owned(),
        (0, None) => w::people::unpaired(locale).to_owned(),
        (count, _) => w::people::paired(locale, count),
    };
    let devices = kiosk.devices.iter().map(|device| token(store, device, locale)).collect_view();
    view! {
        <li class="count" data-testid="screen">
            <details>
                <summary class="count__head"><span class="stock-row__name">{id.clone()}<small>{state}</small></span>{presence}</summary>
                <div class="stack member">
                    <ul class="stock-list">{devices}</ul>
                    <form class="row" method="post" action=paths::form::KIOSK>
                        <input type="hidden" name="store" value=store.to_owned()/>
                        <input type="hidden" name="kiosk" value=id.clone()/>
                        {press("pair", "button button--quiet", w::people::pair(locale), &id, locale)}
                        <a class="button button--plain" href=paths::kiosk(&id)>{w::people::open_screen(locale)}<span class="sr-only">{w::menu::colon(locale)}{name}</span></a>
                        {sure(
                            Sure {
                                word: w::people::revoke_screen(locale),
                                question: w::people::revoke_screen_sure(locale, &id),
                                yes: w::people::revoke_screen_go(locale),
                                field: "act",
                                value: "revoke".to_owned(),
                                name: &id,
                            },
                            locale,
                        )}
                    </form>
                </div>
            </details>
        </li>
    }
    .into_any()
}

fn programs(part: &Part<'_>, tokens: &[TokenView]) -> AnyView {
    let Part { store, locale, .. } = *part;
    let (fault, wrong, described) = part.fault("name", None);
    let (role_fault, role_wrong, role_described) = part.fault("role", None);
    // A screen's token stands with its screen.
    let own: Vec<_> = tokens.iter().filter(|token| token.kiosk.is_none()).collect();
    let list = if own.is_empty() {
        view! { <p class="soft">{w::people::no_tokens(locale)}</p> }.into_any()
    } else {
        let rows = own.into_iter().map(|each| token(store, each, locale)).collect_view();
        view! { <ul class="stock-list" data-testid="tokens">{rows}</ul> }.into_any()
    };
    view! {
        <section class="panel" id="tokens" aria-labelledby="tokens-title">
            <h2 id="tokens-title">{w::people::tokens(locale)}</h2>
            <p class="soft">{w::people::tokens_lead(locale)}</p>
            {list}
            <details class="fold" id="add-token" open=part.is_open()>
                <summary>{w::people::add_token(locale)}</summary>
                <form class="stack" method="post" action=paths::form::TOKEN_ADD data-testid="add-token">
                    <input type="hidden" name="store" value=store.to_owned()/>
                    <div class="field">
                        <label for="token-name">{w::people::token_name(locale)}</label>
                        <input class="input" id="token-name" name="name" required=true maxlength="60" autocomplete="off" value=part.value("name")
                            aria-describedby=described aria-invalid=wrong/>
                        {fault}
                    </div>
                    <div class="field">
                        <label for="token-role">{w::people::role(locale)}</label>
                        <select class="input" id="token-role" name="role" aria-describedby=role_described aria-invalid=role_wrong>{part.roles()}</select>
                        {role_fault}
                    </div>
                    <div class="row"><button class="button button--tall">{w::people::add_token_go(locale)}</button></div>
                </form>
            </details>
        </section>
    }
    .into_any()
}

fn token(store: &str, token: &TokenView, locale: Locale) -> AnyView {
    let screen = token.kiosk.is_some();
    let note = if screen {
        token.screen.map(|_| screen_name(token, locale))
    } else {
        let role = role_name(token.role, locale).to_owned();
        Some(token.made_by.as_deref().map_or_else(|| role.clone(), |name| format!("{role} · {}", w::people::made_by(locale, name))))
    };
    let (word, question, yes) = if screen {
        (w::people::unpair(locale), w::people::unpair_sure(locale).to_owned(), w::people::unpair_go(locale))
    } else {
        (w::people::revoke_token(locale), w::people::revoke_token_sure(locale, &token.name), w::people::revoke_token_go(locale))
    };
    view! {
        <li class="stock-row" data-testid="token">
            <p class="stock-row__name">{token.name.clone()}{note.map(|note| view! { <small>{note}</small> })}</p>
            <form method="post" action=paths::form::TOKEN>
                <input type="hidden" name="store" value=store.to_owned()/>
                {sure(Sure { word, question, yes, field: "token", value: token.id.to_string(), name: &token.name }, locale)}
            </form>
        </li>
    }
    .into_any()
}
