//! Whether a request comes from a page of ours, as the browser says (Fetch Metadata, and RFC 6454's `Origin`).

use axum::http::{HeaderMap, Uri, header};

/// What the browser said about where the request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// A page of ours.
    Ours,
    /// A page of somebody else.
    Foreign,
    /// Nothing: no browser of today, or no browser.
    Nothing,
}

/// What the headers say. The host that was asked for counts as ours, and so does the public URL's: a proxy may pass on
/// either. Where we are known by https, a page that came without it is anybody's on the way.
pub fn said(headers: &HeaderMap, public_url: &str) -> Said {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let site = text("sec-fetch-site").map(|site| matches!(site, "same-origin" | "none"));
    let origin = text(header::ORIGIN.as_str()).map(|origin| is_own(origin, headers, public_url));
    match (origin, site) {
        (Some(false), _) | (_, Some(false)) => Said::Foreign,
        (Some(true), _) | (None, Some(true)) => Said::Ours,
        (None, None) => Said::Nothing,
    }
}

fn is_own(origin: &str, headers: &HeaderMap, public_url: &str) -> bool {
    let (scheme, host) = origin.split_once("://").unwrap_or_default();
    let open = scheme != "https" && public_url.starts_with("https://");
    let asked = headers.get(header::HOST).map(|value| value.to_str().unwrap_or("null"));
    origin == public_url || (!open && !host.is_empty() && asked == Some(host))
}

/// The path of the page that the browser says it comes from, where that is one of ours.
pub fn page_before(headers: &HeaderMap, public_url: &str) -> Option<String> {
    let page: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    let origin = format!("{}://{}", page.scheme_str()?, page.authority()?);
    let path = page.path();
    // What begins with two of either slash is somebody else's site to a browser.
    (is_own(&origin, headers, public_url) && !path.starts_with("//") && !path.contains('\\')).then(|| path.to_owned())
}

/// Whether the request surely comes from a page of ours: what a WebSocket with a cookie must show.
pub fn is_ours(headers: &HeaderMap, public_url: &str) -> bool {
    said(headers, public_url) == Said::Ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_ours() {
        let host = "shop.example:3000";
        for (origin, site, expected) in [
            (None, None, Said::Nothing),
            (Some("https://shop.example:3000"), None, Said::Ours),
            (Some("http://shop.example:3000"), None, Said::Foreign),
            (Some("http://public.example"), None, Said::Foreign),
            (Some("https://public.example"), None, Said::Ours),
            (Some("http://shop.example"), None, Said::Foreign),
            (Some("http://evil.example"), None, Said::Foreign),
            (Some("http://evil.example"), Some("same-origin"), Said::Foreign),
            (Some("null"), None, Said::Foreign),
            (Some(""), None, Said::Foreign),
            (None, Some("same-origin"), Said::Ours),
            (None, Some("none"), Said::Ours),
            (None, Some("same-site"), Said::Foreign),
            (None, Some("cross-site"), Said::Foreign),
            (Some("https://shop.example:3000"), Some("cross-site"), Said::Foreign),
        ] {
            let mut headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().unwrap());
            }
            assert_eq!(said(&headers, "https://public.example"), expected, "{origin:?} {site:?}");
        }
        let plain =
            HeaderMap::from_iter([(header::HOST, host.parse().unwrap()), (header::ORIGIN, "http://shop.example:3000".parse().unwrap())]);
        assert_eq!(said(&plain, "http://public.example"), Said::Ours, "where we are known without https");
    }

    #[test]
    fn the_page_before_is_a_path_of_ours() {
        for (referer, expected) in [
            ("https://public.example/s/harbor?error=no_lines", Some("/s/harbor")),
            ("https://shop.example:3000/", Some("/")),
            ("https://public.example", Some("/")),
            ("http://shop.example:3000/s/harbor", None),
            ("https://evil.example/s/harbor", None),
            ("https://public.example@evil.example/s/harbor", None),
            ("https://public.example//evil.example", None),
            ("https://public.example/\\evil.example", None),
            ("/s/harbor", None),
            ("about:blank", None),
        ] {
            let said = [(header::HOST, "shop.example:3000".parse().unwrap()), (header::REFERER, referer.parse().unwrap())];
            let page = page_before(&HeaderMap::from_iter(said), "https://public.example");
            assert_eq!(page.as_deref(), expected, "{referer}");
        }
    }
}
