//! A store's programs: tokens that are no screen's.

use domain::{Locale, view::TokenView};
use leptos::prelude::*;

use super::super::super::{orders::date_at, visit::clock};
use super::super::role_name;
use super::{
    Part,
    buttons::{Sure, sure},
};
use crate::{islands::screen_name, paths, words as w};

pub(super) fn programs(part: &Part<'_>, tokens: &[TokenView], time_zone: &str) -> AnyView {
    let Part { store, locale, .. } = *part;
    let (fault, wrong, described) = part.fault("name", None);
    let (role_fault, role_wrong, role_described) = part.fault("role", None);
    // A screen's token stands with its screen.
    let own: Vec<_> = tokens.iter().filter(|token| token.kiosk.is_none()).collect();
    let list = if own.is_empty() {
        view! { <p class="soft">{w::people::no_tokens(locale)}</p> }.into_any()
    } else {
        let made = |each: &TokenView| w::people::made_on(locale, date_at(each.created_at, clock(time_zone, each.created_at), locale));
        let rows = own.into_iter().map(|each| token(store, each, Some(made(each)), locale)).collect_view();
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

/// `made`: when, of one that is no screen's.
pub(super) fn token(store: &str, token: &TokenView, made: Option<String>, locale: Locale) -> AnyView {
    let screen = token.kiosk.is_some();
    let note = if screen {
        token.screen.map(|_| screen_name(token, locale))
    } else {
        let by = token.made_by.as_deref().map(|name| w::people::made_by(locale, name));
        let facts = [Some(role_name(token.role, locale).to_owned()), by, made];
        Some(facts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
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
