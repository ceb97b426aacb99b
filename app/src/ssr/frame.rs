//! The frame of the shop's pages: the way past it, the masthead, the footer.

use leptos::prelude::*;

use super::visit::Visit;
use crate::{paths, pieces::icon, words as w};
use domain::Locale;

/// A shop page around its main part.
pub fn frame(visit: &Visit, main: AnyView) -> AnyView {
    let locale = visit.locale;
    let here = visit.page.starts_with(paths::ORDERS).then_some("page").filter(|_| visit.page.len() == paths::ORDERS.len());
    view! {
        {skip(locale)}
        <header class="masthead">
            <a class="masthead__home" href=paths::HOME><img src="/favicon.svg" width="32" height="32" alt=""/>{w::frame::name(locale)}</a>
            <nav class="masthead__links" aria-label=w::frame::you(locale)>
                <a class="masthead__link" href=paths::ORDERS aria-current=here>{icon("receipt")}{w::frame::my_orders(locale)}</a>
                {language(visit)}
            </nav>
        </header>
        {main}
        <footer class="footer">
            <div class="footer__inner"><p>{w::frame::claim(locale)}</p><a href=paths::STAFF>{w::frame::staff(locale)}</a></div>
        </footer>
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
            <input type="hidden" name="back" value=visit.page.clone()/>
            <button class="masthead__link" name="language" value=other.tag() lang=other.tag() aria-label=w::frame::other_language_label(visit.locale)>
                {w::frame::other_language(visit.locale)}
            </button>
        </form>
    }
    .into_any()
}

/// What a form that came back was refused for, above the content.
pub fn problem(error: Option<&str>, locale: Locale) -> Option<AnyView> {
    let error = error?;
    Some(crate::pieces::notice("stop", w::problem::title(locale).to_owned(), Some(w::refusal(error, locale).to_owned())))
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
