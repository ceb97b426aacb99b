//! The people, screens and tokens of a store, on its settings page.

mod buttons;
mod members;
mod screens;
mod tokens;

use backend::{identity::IdentityError, stores::StoreRow};
use domain::{
    Locale,
    view::{MemberView, Role, TokenView},
};
use leptos::prelude::*;

use self::{members::people, screens::screens, tokens::programs};
use super::{
    super::{
        actions::people::{Told, told},
        actions::typed::Typed,
        visit::{PublicUrl, Visit, query},
    },
    role_name,
};
use crate::{paths, pieces::icon, wire, words as w};

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
        {programs(&Part { store, form: "token", typed, problem, locale }, &tokens, &row.time_zone)}
    };
    Ok((view.into_any(), mark))
}

/// What a form that makes something was refused for, and at which field; of the `roles`, whose they are.
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
    /// The form that makes one more; `roles`: those that change somebody's.
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
