//! What the address of a request says.

use axum::extract::Request;
use axum::http::{Method, header};

use crate::config::percent_decoded;
use crate::web::html;

/// What follows the organization in the address of what only looks.
pub(super) fn rest_of_path(request: &Request) -> Option<String> {
    let path = request.uri().path_and_query().filter(|_| request.method().is_safe())?;
    let rest = path.as_str().strip_prefix("/o/")?;
    Some(rest.find(['/', '?']).map_or_else(String::new, |end| rest[end..].to_owned()))
}

/// The slug in the address; a browser may write its hyphens encoded.
pub(super) fn organization_in_path(request: &Request) -> Option<String> {
    let slug = request.uri().path().strip_prefix("/o/")?.split('/').next()?;
    Some(if slug.contains('%') { percent_decoded(slug) } else { slug.to_owned() })
}

/// The environment that the address names: `/o/{org}/e/{env}/…`.
pub(super) fn environment_in_path(request: &Request) -> Option<String> {
    let mut parts = request.uri().path().strip_prefix("/o/")?.split('/').skip(1);
    (parts.next()? == "e").then(|| parts.next().map(percent_decoded))?
}

/// Whether the page shows what belongs to an environment.
pub(super) fn is_in_environment(request: &Request) -> bool {
    let rest = request.uri().path().strip_prefix("/o/").and_then(|path| path.split_once('/'));
    rest.is_some_and(|(_, rest)| rest.starts_with("e/") || rest.starts_with("resources"))
}

/// Where to come back to: the page itself, or the one that a form or a fragment stands on.
pub(super) fn way_back(request: &Request) -> String {
    let headers = request.headers();
    let is_fragment = headers.contains_key("hx-request");
    let page = if *request.method() == Method::GET && !is_fragment {
        request.uri().path_and_query().map(|path| path.as_str().to_owned())
    } else {
        let from = headers.get("hx-current-url").or_else(|| headers.get(header::REFERER));
        let from = from.and_then(|value| value.to_str().ok()).and_then(|value| url::Url::parse(value).ok());
        from.map(|url| match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
    };
    page.filter(|page| html::own_path(page).is_some()).unwrap_or_else(|| "/".to_owned())
}
