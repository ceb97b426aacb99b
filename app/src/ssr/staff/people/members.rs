//! Who works at a store.

use domain::{UserId, view::MemberView};
use leptos::prelude::*;

use super::super::role_name;
use super::{
    Part, ROLES,
    buttons::{Sure, press, sure},
};
use crate::{paths, words as w};

pub(super) fn people(part: &Part<'_>, members: &[MemberView], own: Option<UserId>) -> AnyView {
    let Part { store, locale, .. } = *part;
    let (fault, wrong, described) = part.fault("name", Some("member-hint"));
    let (role_fault, role_wrong, role_described) = part.fault("role", None);
    let each = Part { form: "roles", ..*part };
    let rows = members.iter().map(|member| person(&each, member, own == Some(member.id))).collect_view();
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

fn person(part: &Part<'_>, member: &MemberView, own: bool) -> AnyView {
    let Part { store, locale, .. } = *part;
    let user = member.id.to_string();
    let (fault, wrong, described) = part.fault(&user, None);
    let roles = member.roles.iter().map(|role| role_name(*role, locale)).collect::<Vec<_>>().join(w::staff::roles_and(locale));
    let state = match (own, member.has_password, member.code_until, member.signed_in_at) {
        (true, ..) => w::people::you(locale),
        (_, true, ..) => w::people::has_password(locale),
        (_, _, Some(_), _) => w::people::code_open(locale),
        (_, _, None, Some(_)) => w::people::signed_in(locale),
        // A shift that is over leaves nothing to tell whether there was one.
        (_, _, None, None) => w::people::nothing(locale),
    };
    let name = member.name.clone();
    let hidden = || {
        view! { <input type="hidden" name="store" value=store.to_owned()/><input type="hidden" name="user" value=member.id.to_string()/> }
    };
    // What is ticked here is decided by what is seen here.
    let was = member.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(",");
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
                <input type="hidden" name="was" value=was/>
                <fieldset class="choice" aria-invalid=wrong aria-describedby=described>
                    <legend>{w::people::roles(locale)}</legend>
                    <div class="row">{ticks}</div>
                    {fault}
                </fieldset>
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
            <li class="count" data-testid="member">
                <details id=format!("roles-{user}") open=wrong.is_some()><summary class="count__head">{head}</summary><div class="stack member">{forms}</div></details>
            </li>
        }
        .into_any(),
        None => view! { <li class="count" data-testid="member"><p class="count__head">{head}</p></li> }.into_any(),
    }
}
