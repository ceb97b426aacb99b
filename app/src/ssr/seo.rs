//! What search engines and link previews are told.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{Link, Meta, Script, Title};
use serde_json::{Value, json};

use super::visit::{PublicUrl, Visit, query};
use crate::{pieces::decimal, words as w};
use domain::{
    Locale,
    view::{MenuView, ProductView, VariantView},
};

/// The house's picture, 1200 × 630, as PNG.
const PREVIEW: &str = "/img/preview.png";

/// The head of a page.
#[derive(Default)]
pub struct Head {
    /// Without the shop's name, which follows.
    pub title: String,
    pub description: String,
    /// Of the picture in link previews; without one, or with one that they cannot show, it is the house's.
    pub picture: Option<String>,
    /// The page's address without what does not matter; `None`: no canonical one.
    pub canonical: Option<String>,
    /// Whether search engines are welcome.
    pub indexed: bool,
    pub data: Option<Value>,
}

/// Title, description, canonical address, Open Graph and structured data.
pub fn head(visit: &Visit, head: Head) -> AnyView {
    let origin = use_context::<PublicUrl>().map_or_else(String::new, |url| url.0.to_string());
    let name = w::frame::name(visit.locale);
    let title = if head.title.starts_with(name) { head.title } else { format!("{} · {name}", head.title) };
    let named = query("lang").and_then(|tag| tag.parse::<Locale>().ok());
    let in_language = |path: &str, locale: Option<Locale>| {
        locale.map_or_else(|| format!("{origin}{path}"), |locale| format!("{origin}{path}?lang={locale}"))
    };
    // Each language has an address of its own, and the one without chooses by the browser (RFC 8288 and x-default).
    let alternates = head.canonical.as_ref().filter(|_| head.indexed).map(|path| {
        let languages = [Locale::En, Locale::ZhCn]
            .map(|locale| view! { <Link rel="alternate" hreflang=locale.tag() href=in_language(path, Some(locale))/> })
            .collect_view();
        view! { {languages}<Link rel="alternate" hreflang="x-default" href=in_language(path, None)/> }
    });
    let canonical = head.canonical.as_ref().map(|path| in_language(path, named));
    // Link previews show no drawings.
    let own = head.picture.filter(|path| path.rsplit_once('.').is_none_or(|(_, kind)| kind != "svg"));
    let house = own.is_none();
    let picture = own.unwrap_or_else(|| PREVIEW.to_owned());
    let picture = if picture.starts_with('/') { format!("{origin}{picture}") } else { picture };
    let description = if head.description.is_empty() { w::home::description(visit.locale).to_owned() } else { head.description };
    // Leptos writes the title's text as it is; attributes it escapes itself.
    view! {
        <Title text=title.replace('&', "&amp;").replace('<', "&lt;")/>
        <Meta name="description" content=description.clone()/>
        {(!head.indexed).then(|| view! { <Meta name="robots" content="noindex"/> })}
        {alternates}
        {canonical.map(|url| view! {
            <Link rel="canonical" href=url.clone()/>
            <Meta property="og:url" content=url/>
            <Meta property="og:type" content="website"/>
            <Meta property="og:site_name" content=name/>
            <Meta property="og:title" content=title/>
            <Meta property="og:description" content=description/>
            <Meta property="og:locale" content=visit.locale.tag().replace('-', "_")/>
            <Meta property="og:image" content=picture/>
            {house.then(|| view! { <Meta property="og:image:width" content="1200"/><Meta property="og:image:height" content="630"/> })}
            <Meta name="twitter:card" content="summary_large_image"/>
        }.into_any())}
        {head.data.map(structured)}
    }
    .into_any()
}

/// JSON-LD. `<` is written so that no text can end the element.
fn structured(data: Value) -> AnyView {
    let text = data.to_string().replace('<', "\\u003c");
    let nonce = use_nonce().map(|nonce| nonce.to_string());
    view! { <Script type_="application/ld+json" nonce=nonce.unwrap_or_default()>{text}</Script> }.into_any()
}

fn offer(variant: &VariantView, url: &str) -> Value {
    json!({
        "@type": "Offer",
        "name": variant.name,
        "sku": variant.sku,
        "price": decimal(variant.price),
        "priceCurrency": variant.price.currency,
        "availability": if variant.available { "https://schema.org/InStock" } else { "https://schema.org/OutOfStock" },
        "url": url,
    })
}

fn absolute(path: &str) -> String {
    let origin = use_context::<PublicUrl>().map_or_else(String::new, |url| url.0.to_string());
    if path.starts_with('/') { format!("{origin}{path}") } else { path.to_owned() }
}

/// A product with an offer for each of its variants.
pub fn product(product: &ProductView, page: &str) -> Value {
    let url = absolute(page);
    let offers: Vec<_> = product.variants.iter().map(|variant| offer(variant, &url)).collect();
    json!({
        "@context": "https://schema.org",
        "@type": "Product",
        "name": product.name,
        "description": product.description,
        "sku": product.variants.first().map(|variant| variant.sku.as_str()),
        "image": product.image.as_ref().map(|image| absolute(&image.url)),
        "offers": offers,
    })
}

/// A menu with what is on it.
pub fn menu(name: &str, menu: &MenuView, page: &str) -> Value {
    let item = |product: &ProductView| {
        let offers: Vec<_> =
            product.variants.iter().map(|variant| offer(variant, &absolute(&format!("{page}/p/{}", product.id)))).collect();
        json!({ "@type": "MenuItem", "name": product.name, "description": product.description, "offers": offers })
    };
    let sections: Vec<_> = menu
        .categories
        .iter()
        .map(|category| {
            let items: Vec<_> = category.products.iter().map(item).collect();
            json!({ "@type": "MenuSection", "name": category.name, "hasMenuItem": items })
        })
        .collect();
    json!({ "@context": "https://schema.org", "@type": "Menu", "name": name, "url": absolute(page), "hasMenuSection": sections })
}
