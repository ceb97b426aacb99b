//! Addresses of the web that others have named.

/// Whether an address is one to follow: of the web, or a page of ours. A `javascript:` is none.
pub fn is_web(url: &str) -> bool {
    let is_page = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) || (url.starts_with('/') && !url.starts_with("//"));
    is_page && !url.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_followed() {
        for url in ["https://bank.example/3ds?id=1", "http://127.0.0.1:4000/confirm", "/pay-sim/confirm"] {
            assert!(is_web(url), "{url}");
        }
        for url in ["", "javascript:alert(1)", "//evil.example", "data:text/html,x", "https://bank.example/\r\nset-cookie: x"] {
            assert!(!is_web(url), "{url}");
        }
    }
}
