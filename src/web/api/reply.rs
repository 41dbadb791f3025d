//! Answers of `/v1`: JSON, and lists by cursor with a `Link` to the next page (RFC 8288).

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::problem::{Fault, Problem};

/// How many a page of a list has, if the request does not say; and at most.
const USUAL: i64 = 50;
const MOST: i64 = 100;

/// An answer with a value.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let text = serde_json::to_string(value).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}

/// An answer with what came to be, and where it is.
pub fn created(path: &str, value: &impl Serialize) -> Response {
    let mut response = json(StatusCode::CREATED, value);
    if let Ok(location) = HeaderValue::try_from(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// How every list is asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "these are the document's words for what `Paging` takes")]
pub struct Paged {
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before. It belongs to the list, with all else that was asked for.
    cursor: Option<String>,
}

/// Which part of a list is asked for: `?limit=50&cursor=…`. A cursor comes from the page before.
#[derive(Clone, Debug)]
pub struct Paging {
    pub limit: i64,
    pub cursor: Option<String>,
    uri: Uri,
}

impl<S: Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Paging, Problem> {
        let fields = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map(|Query(fields)| fields);
        let fields = fields.map_err(|_| Problem::of_status(StatusCode::BAD_REQUEST))?;
        let mut faults = Vec::new();
        let mut once = |name: &str| {
            let mut values = fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value);
            let value = values.next().cloned();
            if values.next().is_some() {
                faults.push(Fault::new(format!("?{name}"), format!("Say {name} once.")));
            }
            value
        };
        let (limit, cursor) = (once("limit"), once("cursor"));
        let number = limit.as_ref().map_or(Some(USUAL), |text| text.parse().ok());
        let number = number.filter(|number| (1..=MOST).contains(number));
        if number.is_none() {
            faults.push(Fault::new("?limit", format!("limit is a whole number from 1 to {MOST}.")));
        }
        match number.filter(|_| faults.is_empty()) {
            Some(limit) => Ok(Paging { limit, cursor, uri: parts.uri.clone() }),
            None => Err(Problem::invalid(faults)),
        }
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct Page<T> {
    data: Vec<T>,
    /// Ask for the next page with it, or follow `Link`; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl Paging {
    /// As the rules count.
    pub fn limit(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(1)
    }

    /// The cursor as the list's own place; nothing at its beginning.
    pub fn cursor<C>(&self, decode: impl Fn(&str) -> Option<C>) -> Result<Option<C>, Problem> {
        match self.cursor.as_deref() {
            None => Ok(None),
            Some(text) => decode(text).map(Some).ok_or_else(Paging::bad_cursor),
        }
    }

    /// What to answer to a cursor that is none of this list's.
    pub fn bad_cursor() -> Problem {
        let detail = "Take the cursor from the page before, or leave it out to begin anew.";
        Problem::invalid(vec![Fault::new("?cursor", detail)])
    }

    /// A page of the list; `next` is the cursor of the one after it.
    pub fn page<T: Serialize>(&self, data: Vec<T>, next: Option<String>) -> Response {
        let link = next.as_deref().map(|next| self.link(next));
        let mut response = json(StatusCode::OK, &Page { data, next_cursor: next });
        if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }

    /// The same list from a cursor on, with all else that was asked for.
    fn link(&self, cursor: &str) -> String {
        let others = url::form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes())
            .filter(|(name, _)| name != "cursor");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair("cursor", cursor)
            .finish();
        format!("<{}?{query}>; rel=\"next\"", self.uri.path())
    }
}
