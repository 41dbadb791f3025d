//! What stands in place of CSRF tokens: an unsafe request comes from our own pages, or is refused.

use axum::http::{HeaderMap, Method, header};

/// Browsers say where a request comes from in `Sec-Fetch-Site`; those too old for it send `Origin`. A
/// request with neither is no browser's form, and is refused too: closed by default.
pub fn allows(method: &Method, headers: &HeaderMap, own_origin: &str) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    match (headers.get("sec-fetch-site"), headers.get(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == own_origin,
        (None, None) => false,
    }
}

/// Whether another site has led a browser here. What a person began themselves came from our pages, or from
/// none: an address that was typed or kept.
pub fn led_by_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    /// HTX-05, SES-14; ASVS 3.5.1
    #[test]
    fn only_our_own_pages_may_post() {
        let post = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().expect("a header's value"));
            }
            allows(&Method::POST, &headers, "https://access.example.com")
        };
        assert!(post(&[("sec-fetch-site", "same-origin")]));
        assert!(post(&[("origin", "https://access.example.com")]));
        assert!(!post(&[("sec-fetch-site", "cross-site")]));
        assert!(!post(&[("sec-fetch-site", "same-site")]));
        assert!(!post(&[("sec-fetch-site", "cross-site"), ("origin", "https://access.example.com")]));
        assert!(!post(&[("origin", "https://evil.example")]));
        assert!(!post(&[("origin", "null")]));
        assert!(!post(&[]));
        assert!(allows(&Method::GET, &HeaderMap::new(), "https://access.example.com"));
    }

    /// SES-14; ASVS 7.6.2
    #[test]
    fn who_led_a_browser_here() {
        let led = |site: &'static str| {
            led_by_another_site(
                &[(HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static(site))]
                    .into_iter()
                    .collect(),
            )
        };
        assert!(led("cross-site") && led("same-site"));
        assert!(!led("same-origin") && !led("none") && !led_by_another_site(&HeaderMap::new()));
    }
}
