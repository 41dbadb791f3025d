//! What a test reads off a page's HTML.

use super::Answer;

/// Where the link with this label leads, if there is one.
pub fn link(answer: &Answer, label: &str) -> Option<String> {
    let end = answer.body.find(&format!(">{label}</a>"))?;
    let start = answer.body[..end].rfind("href=\"")? + "href=\"".len();
    let target = answer.body[start..end].split('"').next()?;
    Some(target.replace("&#38;", "&").replace("&amp;", "&"))
}

/// What stands between two marks, each time.
pub fn between<'a>(body: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    body.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

/// An error's body without the request's number, which is another each time.
pub fn without_request(answer: &Answer) -> String {
    match between(&answer.body, "<code>", "</code>").first() {
        Some(request) => answer.body.replace(request, ""),
        None => answer.body.clone(),
    }
}
