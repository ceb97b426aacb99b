//! The frame of the shop's pages: the way past it, the masthead, the footer.

use leptos::prelude::*;

use super::visit::Visit;
use crate::{paths, pieces::icon, words as w};
use domain::Locale;

/// A shop page around its main part.
pub fn frame(visit: &Visit, main: AnyView) -> AnyView {
    let here = visit.page.starts_with(paths::ORDERS).then_some("page").filter(|_| visit.page.len() == paths::ORDERS.len());
    around(visit.locale, here, (person(visit), language(visit)), main)
}

/// The same without a visit. `here`: whether this is the list of orders; `links`: who is there, and the other language.
pub fn around(locale: Locale, here: Option<&'static str>, links: (AnyView, AnyView), main: AnyView) -> AnyView {
    let (person, language) = links;
    view! {
        {skip(locale)}
        <header class="masthead">
            <a class="masthead__home" href=paths::HOME><img src="/favicon.svg" width="32" height="32" alt=""/>{w::frame::name(locale)}</a>
            <nav class="masthead__links" aria-label=w::frame::you(locale)>
                <a class="masthead__link" href=paths::ORDERS aria-current=here>{icon("receipt")}<span class="masthead__word">{w::frame::my_orders(locale)}</span></a>
                {person}
                {language}
            </nav>
        </header>
        {main}
        <footer class="footer">
            <div class="footer__inner"><p>{w::frame::claim(locale)}</p><a href=paths::STAFF>{w::frame::staff(locale)}</a></div>
        </footer>
    }
    .into_any()
}

/// Who is signed in, or the way to sign in. Afterwards they are where they were.
fn person(visit: &Visit) -> AnyView {
    let locale = visit.locale;
    let Some(person) = visit.caller.person() else {
        let back = if visit.page.starts_with(paths::SIGN_IN) { paths::HOME } else { &*visit.page };
        let link = view! {
            <a class="masthead__link" href=paths::sign_in(back) rel="nofollow" data-testid="sign-in-link">
                {icon("person")}<span class="masthead__word">{w::frame::sign_in(locale)}</span>
            </a>
        };
        return link.into_any();
    };
    let name = if person.name.is_empty() { w::frame::account(locale).to_owned() } else { person.name };
    let here = (visit.page.split('?').next() == Some(paths::ACCOUNT)).then_some("page");
    view! {
        <a class="masthead__link" href=paths::ACCOUNT aria-current=here data-testid="account-link">
            {icon("person")}<span class="masthead__word">{name}</span>
        </a>
    }
    .into_any()
}

/// The way past the masthead.
pub fn skip(locale: Locale) -> impl IntoView {
    view! { <a class="skip-link" href="#main">{w::frame::skip(locale)}</a> }
}

/// The other language.
pub fn language(visit: &Visit) -> AnyView {
    let other = if visit.locale == Locale::En { Locale::ZhCn } else { Locale::En };
    view! {
        <form method="post" action=paths::form::LANGUAGE>
            <input type="hidden" name="back" value=without_language(&visit.page)/>
            <button class="masthead__link" name="language" value=other.tag() lang=other.tag() aria-label=w::frame::other_language_label(visit.locale)>
                {w::frame::other_language(visit.locale)}
            </button>
        </form>
    }
    .into_any()
}

/// A page's address without the language that it names: what is chosen with the switch wins from now on.
pub fn without_language(page: &str) -> String {
    let Some((path, query)) = page.split_once('?') else { return page.to_owned() };
    let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("lang=")).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

/// What a form that came back was refused for, above the content.
pub fn problem(error: Option<&str>, locale: Locale) -> Option<AnyView> {
    Some(crate::pieces::refused("stop", error?, locale))
}

/// The same on a page for who works at a store.
pub fn problem_at_work(error: Option<&str>, locale: Locale) -> Option<AnyView> {
    let sentence = w::refusal_at_work(error?, locale).to_owned();
    Some(crate::pieces::notice("stop", w::problem::title(locale).to_owned(), Some(sentence)))
}

/// An empty place: a picture, a sentence, a way on.
pub fn empty(title: &'static str, text: &'static str, action: Option<(String, &'static str)>) -> AnyView {
    view! {
        <div class="empty">
            <img src="/img/empty.svg" width="400" height="300" alt=""/>
            <h1>{title}</h1>
            <p>{text}</p>
            {action.map(|(href, label)| view! { <a class="button" href=href>{label}</a> })}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_leads_to_the_page_that_names_no_language() {
        assert_eq!(["/", "/s/x?lang=en", "/?a=1&lang=zh-CN&b=2"].map(without_language), ["/", "/s/x", "/?a=1&b=2"]);
    }
}
